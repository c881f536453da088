# SPDX-License-Identifier: GPL-2.0-only
"""The first boot of test_persist.py: memory that the kernel onlined by itself is prepared, to last.

Prints one line of JSON: the kernel's policy, what happened, and the files to be taken to the next boot.
"""
import json
import pathlib
import sys

sys.path.insert(0, "/cxl")
from guest import MEMORY, Module, Tree, create_region, cxl, dax_driver, dax_of, daxctl, read, root_port, serials, until  # noqa: E402

said = {"auto_online": read(MEMORY / "auto_online_blocks")}
mem = serials()[min(serials())]
region = create_region("decoder0.0", mem)
dax, port = dax_of(region), root_port(mem)
until("the kernel has onlined the memory", lambda: len(Tree("/").online_blocks(region)) == 2)
said["before"] = [dax_driver(dax), len(Tree("/").online_blocks(region))]
with Module(fixed=True):
    said["refused"] = cxl("enable-isolation", port, rc=None).rc
    r = daxctl("prepare-isolation", "--persist", "--timeout=5s", region, rc=None)
    if r.rc == 6:  # zone Normal: what is in it may stay until the next boot
        said["busy"] = r.err
        r = daxctl("prepare-isolation", "--persist", "--keep-going", "--timeout=2s", region, rc=None)
    said["prepared"] = [r.rc, r.dax()[dax]["result"], r.err]
    said["after"] = [dax_driver(dax), len(Tree("/").online_blocks(region))]
    if dax_driver(dax) == "device_dax":
        r = cxl("enable-isolation", "--policy", rc=None)
        said["enabled"] = [r.rc, r.root_ports()[port]["containment"]]
said["files"] = {p: pathlib.Path(p).read_text() for p in ("/etc/udev/rules.d/85-cxl-isolation.rules", "/etc/cxl/isolation.conf")}
print(json.dumps(said))
