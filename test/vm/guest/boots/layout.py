# SPDX-License-Identifier: GPL-2.0-only
"""A boot with a policy that has a layout of memory: made by the boot unit's commands, and again for a device that comes later.

Prints one line of JSON.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, "/cxl")
from guest import (CXL, DAX, DAXCTL, MEMORY, PCI, Module, cxl, dax_driver, delete_husk, names, read, remove_endpoint, root_port, run, serials, until,  # noqa: E402
                   write)

said = {"auto_online": read(MEMORY / "auto_online_blocks")}
unit = pathlib.Path("/cxl/in/cxl-isolation.service").read_text(encoding="ascii")


def look():
    """What each name leads to: bytes, driver; and which memory is online."""
    run("udevadm", "settle")
    found = pathlib.Path("/dev/cxl/dax")
    devices = {p.name: os.path.basename(os.readlink(p)) for p in sorted(found.iterdir())} if found.exists() else {}
    return {name: [int(read(DAX / d / "size")), dax_driver(d), os.stat(f"/dev/cxl/dax/{name}").st_mode & 0o777] for name, d in devices.items()}


until("the unit's first command has ended", pathlib.Path("/run/prepare.rc").exists, 60)
said["made"] = [int(read("/run/prepare.rc")), pathlib.Path("/run/prepare.err").read_text(encoding="ascii")]
said["names"] = look()
said["regions"] = names("region")
serial = min(serials())
port = root_port(serials()[serial])
properties = run("udevadm", "info", f"/sys/bus/cxl/devices/{serials()[serial]}").out
said["systemd"] = re.findall(r"(?:SYSTEMD_\w+|CURRENT_TAGS)=\S+", properties)
with Module(fixed=True):
    words = re.search(r"^ExecStart=\S*/cxl (.*)", unit, re.M)[1].split()
    said["enabled"] = cxl(*words, rc=None).rc
    said["status"] = cxl("isolation-status", "--policy", rc=None).rc
# found again while a command waits for it
remove_endpoint(serials()[serial])
for region in names("region"):
    delete_husk(region)
said["gone"] = look()
with subprocess.Popen([DAXCTL, "prepare-isolation", "--policy", "--wait=60s"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as waits:
    time_over = False
    try:
        waits.wait(1)
    except subprocess.TimeoutExpired:
        time_over = True
    write(PCI / port / "rescan", 1)
    said["again"] = [time_over, waits.wait(60), waits.stderr.read()]
said["names_again"] = look()
with open("/etc/cxl/isolation.conf", "a", encoding="ascii") as f:
    f.write("[region never]\nmemdevs = 0xdead\n")
r = run(DAXCTL, "prepare-isolation", "--policy", "--wait=500ms", rc=None)
said["never"] = [r.rc, r.err]
assert pathlib.Path(CXL).exists()
print(json.dumps(said))
