# SPDX-License-Identifier: GPL-2.0-only
"""The calibration of the isolation attributes: the test kernel module's on a real machine, the
simulated kernel's in a run.  What they do to the registers is compared after every single write."""
import os
import struct
import subprocess

from calibrate import PCI, SIM, listing, name_of_errno

DEBUGFS = "/sys/kernel/debug/cxl_isolation_test"    # where the module makes things happen
ATTRIBUTES = ("isolation_ctrl", "timeout_ctrl", "timeout_range")
BOOLS = ("1", "0", "1\n", "0\n", "y", "n", "Y", "N", "on", "off", "On", "oF", "t", "F", "true", "false", "01", "10", "1\n\n", "1 x",
         "", "\n", "2", "x", "o", "om", " 1", "-1", "+1", "\0", "x" * 5000, "1" * 5000)
NUMBERS = (*map(str, range(17)), "0x1", "0X2", "0xE", "016", "+5", "6\n", "255", "256", "99999999999999999999", "-1", " 5", "5 ", "5\n\n", "08",
           "0x", "0xg", "0b1", "5.0", "", "\n", "\0")
WORDS = ("A", "a", "A2", "a2", "B", "b2", "C", "c2", "D", "d2", "d2\n", " b", "b ", "\tC2\n", "b2\n\n", "E", "A3", "AA", "a 2", "default", "DEFAULT",
         "default ", "none", "x", "B" * 5000)


class Registers:
    """The port's capability 9 by its resource file, exact double words."""

    def __init__(self, port):
        self.path, self.at = f"{PCI}/{port}/resource0", None
        for i in range(1, (self.read(0x1000) >> 24) + 1):   # the array of CXL.cachemem
            head = self.read(0x1000 + 4 * i)
            if head & 0xffff == 9:
                self.at = 0x1000 + (head >> 20)

    def read(self, at):
        fd = os.open(self.path, os.O_RDONLY)
        try:
            return struct.unpack("<I", os.pread(fd, 4, at))[0]
        finally:
            os.close(fd)

    def shown(self):
        return " ".join(f"{self.read(self.at + at):#010x}" for at in (0, 8, 12)) if self.at else "none"


class State:
    """In place of calibrate.State: only the attributes and the registers."""

    def take(self):
        found = {}
        for port in ports():
            found[f"{port} registers"] = Registers(port).shown()
            for name in listing(f"{PCI}/{port}/cxl_isolation"):
                path = f"{PCI}/{port}/cxl_isolation/{name}"
                found[path] = f"{os.lstat(path).st_mode & 0o7777:03o} {attribute(path)}"
        return found


def attribute(path):
    try:
        with open(path, "rb", buffering=0) as f:
            return f.read().decode()
    except OSError as e:
        return name_of_errno(e.errno)


def ports():
    return [p for p in listing(PCI) if os.path.isdir(f"{PCI}/{p}/cxl_isolation")]


def happen(port, what, value=""):
    """An event or a property of the hardware: link-down, timeout, busy on."""
    if SIM:
        subprocess.run([SIM, "ctl", what, port, *([value] if value else [])], check=True, stdout=subprocess.DEVNULL)
        return
    name, data = ("busy", "1" if value == "on" else "0") if what == "busy" else ("trigger", what)
    with open(f"{DEBUGFS}/{port}/{name}", "w", encoding="ascii") as f:
        f.write(data)


def each(run, port, name, values):
    """Every value from a known state, and what it made of all three attributes."""
    regs = Registers(port)
    for v in values:
        run.put(f"{port}/cxl_isolation/{name}", v)
        read_back = " ".join(attribute(f"{PCI}/{port}/cxl_isolation/{a}").strip() for a in ATTRIBUTES)
        run.note(f"after {v[:20]!r}", f"{read_back} {regs.shown()}")


def v1(run):
    run.looking = State()
    run.step("start")
    port = ports()[0]
    each(run, port, "isolation_ctrl", BOOLS)
    run.step("isolation_ctrl")
    each(run, port, "timeout_ctrl", BOOLS)
    run.step("timeout_ctrl")
    each(run, port, "timeout_range", NUMBERS)
    run.step("timeout_range, numbers")
    each(run, port, "timeout_range", WORDS)
    run.step("timeout_range, words")
    for order in (ATTRIBUTES[::-1], ATTRIBUTES):
        for name in order:
            each(run, port, name, ["6" if name == "timeout_range" else "1"])
        each(run, port, "isolation_ctrl", ["0"])
        each(run, port, "timeout_ctrl", ["0"])
    run.step("all three, in two orders")


def fixed(run):
    """Here the host survives isolation, too."""
    v1(run)
    port = ports()[0]
    each(run, port, "isolation_ctrl", ["1"])
    each(run, port, "timeout_ctrl", ["1"])
    happen(port, "timeout")
    run.step("a timeout")
    happen(port, "busy", "on")
    each(run, port, "isolation_ctrl", ["0"])
    run.step("RP Busy")
    happen(port, "busy", "off")
    each(run, port, "isolation_ctrl", ["1", "0"])
    run.step("not busy any more")
