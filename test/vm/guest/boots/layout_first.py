# SPDX-License-Identifier: GPL-2.0-only
"""The first boot of test_vm_layout.py: memory by policy, under names that udev gives, with QEMU as who uses it.

Prints one line of JSON: what happened, and the policy file for the next boot.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

sys.path[:0] = ["/cxl", "/cxl/suites"]
from guest import BUS, DAX, Module, Tree, cxl, daxctl, memdev, name_by_udev, read, root_port, run, until  # noqa: E402
from suite_layout import LAYOUT, POLICY, check_held, hold, make, replug, wants  # noqa: E402

REGIONS = LAYOUT["direct2x2"]
LINKS = pathlib.Path("/dev/cxl/dax")


def named():
    """{name: [serial numbers of its region, offset in it, size]}, by the links of udev's."""
    run("udevadm", "settle")
    tree, seen = Tree("/"), {}
    region_of = {d: r for r in tree.names("region") for d in tree.dax(r)}
    for link in sorted(LINKS.iterdir()) if LINKS.exists() else []:
        dax = os.path.basename(os.readlink(link))
        region = region_of[dax]
        seen[link.name] = [[read(BUS / m / "serial") for m in tree.targets(region)],
                           int(read(DAX / dax / "resource"), 0) - int(read(BUS / region / "resource"), 0), int(read(DAX / dax / "size"))]
    return seen


class Guest:
    """A QEMU with the memory of that name, as `daxctl list --isolation --format=qemu` prints it: its BIOS runs, and
    finds nothing to boot."""

    def __init__(self, name):
        self.name, self.bios, self.qmp = name, pathlib.Path(f"/run/{name}.bios"), f"/run/{name}.qmp"
        self.line, = [x for x in daxctl("list", "--isolation", "--format=qemu").out.splitlines() if f"id={name}," in x]
        size = int(self.line.split("size=")[1].split(",")[0])
        self.bios.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["/qemu/bin/qemu-system-x86_64", "-name", f"guest={name}", "-machine", f"pc,accel=tcg,memory-backend={name}", "-m", f"{size >> 20}M",
             *self.line.split(), "-L", "/qemu/share", "-nodefaults", "-display", "none", "-chardev", f"file,id=bios,path={self.bios}",
             "-device", "isa-debugcon,iobase=0x402,chardev=bios", "-qmp", f"unix:{self.qmp},server=on,wait=off"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until(f"the BIOS of {name} runs in its memory", self.is_up, 300)

    def is_up(self):
        assert self.process.poll() is None, f"QEMU ended, {self.process.returncode}"
        return self.bios.exists() and "Relocating init" in self.bios.read_text(errors="replace")

    def status(self):
        """As QEMU's own monitor says it."""
        with socket.socket(socket.AF_UNIX) as s, s.makefile("rw") as f:
            s.settimeout(30)
            s.connect(self.qmp)
            f.readline()
            for command in ("qmp_capabilities", "query-status"):
                f.write(json.dumps({"execute": command}) + "\n")
                f.flush()
                said = json.loads(f.readline())
                while "event" in said:
                    said = json.loads(f.readline())
            return said["return"]["status"]


def users(r):
    """Who uses what, as isolation-status --impact has it, of every root port that the memory is behind."""
    return sorted({(d["dax"], u["guest"]) for p in r.root_ports().values() for d in p["impact"]["dax"] for u in d["users"]})


def main():
    said, start = {}, time.monotonic()
    wants(REGIONS)
    said["prepared"] = daxctl("prepare-isolation", "--policy", rc=None).rc
    said["table"] = daxctl("list", "--isolation", "--format=table").out
    of = make(REGIONS, "already")
    said["made"] = named()
    hold(of)
    beside = {name: of[name] for name in ("solo", "vm3")}
    with Module(fixed=True) as m:
        cxl("enable-isolation", "--timeout=B2", "root0")
        vm1, vm2 = Guest("vm1"), Guest("vm2")
        said["line"] = vm1.line
        port = root_port(memdev(0x2002))
        said["impact"] = users(cxl("isolation-status", "--impact", "root0", rc=None)), sorted([[of["vm1"], "vm1"], [of["vm2"], "vm2"]])
        m.set(port, "trigger", "timeout")
        r = cxl("recover-port", port, rc=None)
        said["refused"] = r.rc, r.json["root_ports"][0]["blocker"], r.err, vm1.process.poll()
        r = cxl("recover-port", "--users=terminate", port, rc=None)
        said["recovered"] = r.rc, r.err
        said["ended"] = vm1.process.wait(30), vm2.process.poll(), vm2.status()
        said["again"] = named()
        make(REGIONS, "already")
        check_held(beside)
        vm1 = Guest("vm1")
        said["line again"] = vm1.line, vm1.status(), vm2.status()
        # it is stopped, so that it cannot hear SIGTERM
        os.kill(vm1.process.pid, signal.SIGSTOP)
        m.set(port, "trigger", "timeout")
        r = cxl("recover-port", "--users=kill", "--users-grace=1s", "--no-rebuild", port, rc=None)
        said["killed"] = r.rc, vm1.process.wait(30), vm2.status()
        said["without"] = named()
        make(REGIONS)
        check_held(beside)
        vm2.process.kill()
        vm2.process.wait()
    replug(0x2004)
    make(REGIONS)
    said["replugged"] = named()
    said["policy"], said["seconds"] = POLICY.read_text(encoding="ascii"), round(time.monotonic() - start, 1)
    print(json.dumps(said))


if __name__ == "__main__":
    name_by_udev()
    main()
