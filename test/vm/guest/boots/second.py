# SPDX-License-Identifier: GPL-2.0-only
"""The second boot of test_persist.py: regions are made, and made again after a replug; the kernel is told nothing.

Prints one line of JSON.
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, "/cxl")
from guest import (DAX, DAXCTL, MEMORY, PCI, Module, Tree, create_region, cxl, dax_driver, dax_of, delete_husk, name_by_udev, read, remove_endpoint, root_port, run,  # noqa: E402
                   serials, until, write)

said = {"auto_online": read(MEMORY / "auto_online_blocks"), "autoprobe": read(DAX.parent / "drivers_autoprobe")}


def look(region):
    run("udevadm", "settle")
    dax = dax_of(region)
    until(f"{dax} has a driver", lambda: dax_driver(dax), 30)
    run("udevadm", "settle")
    return [dax_driver(dax), len(Tree("/").online_blocks(region)), read(DAX / dax / "memmap_on_memory")]


serial = min(serials())
mem = serials()[serial]
port = root_port(mem)
region = create_region("decoder0.0", mem)
said["booted"] = look(region)
with Module(fixed=True):
    r = cxl("enable-isolation", "--policy", rc=None)
    said["enabled"] = [r.rc, r.root_ports()[port]["containment"], r.err]
    said["status"] = cxl("isolation-status", "--policy", rc=None).rc
# another name than before, which device_dax does not know yet
write(DAX.parent / "drivers/device_dax/remove_id", dax_of(region))
remove_endpoint(mem)
delete_husk(region)
write(PCI / port / "rescan", 1)
until("the memory device is back", lambda: serial in serials() and (PCI.parent.parent / "cxl/devices" / serials()[serial] / "driver").exists(), 20)
region = create_region("decoder0.0", serials()[serial])
said["replugged"] = look(region)
# a name for it, by udev's rule
with open("/etc/cxl/isolation.conf", "a", encoding="ascii") as f:
    f.write(run(DAXCTL, "list", "--isolation", "--format=policy").out)
name_by_udev()


def links():
    run("udevadm", "settle")
    found = pathlib.Path("/dev/cxl/dax")
    return {p.name: os.readlink(p) for p in found.iterdir()} if found.exists() else {}


dax = dax_of(region)
write(DAX.parent / "drivers/device_dax/unbind", dax)
write(DAX.parent / "drivers/device_dax/bind", dax)
said["links"] = [links(), dax]
write(DAX.parent / "drivers/device_dax/unbind", dax)
write(DAX / dax / "size", 2 << 20)
write(DAX.parent / "drivers/device_dax/bind", dax)
said["smaller"] = links()
print(json.dumps(said))
