#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""One program of operations for a real kernel and for the simulated host, and what each made of it.

usage: calibrate.py SCRIPT

Runs the script of that name (scripts.py) on this machine, whichever it is, and
prints a JSON line after each step: what every write was answered, and how the
state differs from the one before:

  {"step": NAME, "answers": [[WRITE, "ok" or errno], ...], "set": {PATH: VALUE}, "gone": [PATH]}

A path stands for a directory ("dir"), a link ("-> target") or a file ("mode
text", or the errno of reading it).  What must differ between two machines or
two boots is normalised here and nowhere else; each rule says why.
"""
import errno
import hashlib
import json
import os
import re
import sys
import time

CXL, DAX, PCI = "/sys/bus/cxl/devices", "/sys/bus/dax/devices", "/sys/bus/pci/devices"
MEMORY, NODES = "/sys/devices/system/memory", "/sys/devices/system/node"
SIM = os.environ.get("SIM")     # the simulator's program, in a run of it

# Directories that are not looked into: power management, interrupts and error counters belong to
# the running machine, what else a device can exchange is none of the tool's; captures leave them out.
SKIPPED_DIRS = re.compile(r"power$|wakeup\d*$|msi_irqs$|aer$|doe_features$")
# Files that are there or not, and no more: what a rescan programs anew (addresses,
# interrupts), contents of the device, counters.
ONLY_THERE = re.compile(r"/sys/devices/pci.*:\w\w\.\d/(config|irq|resource|enable|power_state|aer_\w+)$")
# Files that a capture has no reason to hold.
SKIPPED_FILES = re.compile(r"resource\d+(_wc)?$|rom$|vpd$")
# Device numbers: the major is dynamic, the minor follows the order of probing.
NUMBERED = ((re.compile(r"(?m)^\d+:\d+$"), "N:N"), (re.compile(r"(?m)^(MAJOR|MINOR)=\d+$"), r"\1=N"))


def name_of_errno(number):
    return {95: "EOPNOTSUPP"}.get(number) or errno.errorcode.get(number, str(number))


def read(path, size=65536):
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, size)
    finally:
        os.close(fd)


def text(path):
    """Without the newline; "" where there is none to read."""
    try:
        return read(path).decode(errors="replace").rstrip("\n")
    except OSError:
        return ""


def listing(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def link(path):
    """The name at the end of a link, None where there is none."""
    return os.path.basename(os.readlink(path)) if os.path.islink(path) else None


# -- the state -----------------------------------------------------------------------
class State:
    """What is looked at: the CXL and dax buses with all their devices, the PCI functions below
    CXL's host bridges, slots, memory above the first CXL window, nodes, /proc/iomem, /dev."""

    def __init__(self):
        bridges = [os.path.realpath(f"{CXL}/{p}/uport") for p in listing(CXL) if p.startswith("port")]
        self.roots = ["/sys/bus/cxl", "/sys/bus/dax", "/sys/bus/pci/slots", "/sys/bus/nd/devices", "/sys/devices/virtual/memory_tiering",
                      "/sys/devices/platform/ACPI0017:00", *sorted(b for b in bridges if re.search(r"/pci\w+:\w\w$", b))]
        starts = [int(t, 0) for d in listing(CXL) if d.startswith("decoder0.") and (t := text(f"{CXL}/{d}/start"))]
        block = int(text(f"{MEMORY}/block_size_bytes") or "1", 16)
        self.first_block = min(starts) // block if starts else 0

    def take(self):
        found = {}
        for root in self.roots:
            self.walk(root, found)
        for top in (MEMORY, NODES):
            for name in listing(top):
                if os.path.isfile(f"{top}/{name}") and not re.match(r"uevent|probe|crash|hard_|soft_", name):
                    self.file(f"{top}/{name}", found)
        for name in listing(MEMORY):
            if self.is_ours(name):
                self.walk(f"{MEMORY}/{name}", found)
        for node in listing(NODES):
            if re.fullmatch(r"node\d+", node):
                self.node(f"{NODES}/{node}", found)
        found["/proc/iomem"] = self.windows()
        found |= {f"/dev/{n}": "" for n in listing("/dev") if re.fullmatch(r"dax[\d.]+", n)}
        found |= {f"/dev/cxl/{n}": "" for n in listing("/dev/cxl")}
        return rename(found)

    def is_ours(self, name):
        """A memory block of CXL's: the others are the machine's."""
        return re.fullmatch(r"memory\d+", name) and int(name[6:]) >= self.first_block

    def walk(self, path, found):
        """All below a directory; links are not followed."""
        try:
            entries = list(os.scandir(path))
        except OSError:
            return
        found[path] = "dir"
        for e in entries:
            if e.is_symlink():
                found[e.path] = "-> " + os.readlink(e.path)
            elif e.is_dir():
                if not SKIPPED_DIRS.match(e.name):
                    self.walk(e.path, found)
            elif not SKIPPED_FILES.match(e.name):
                self.file(e.path, found)

    @staticmethod
    def file(path, found):
        try:
            mode = os.lstat(path).st_mode & 0o7777
            value = "..." if ONLY_THERE.match(path) else State.content(path) if mode & 0o444 else ""
        except OSError as e:
            found[path] = name_of_errno(e.errno)
            return
        found[path] = f"{mode:03o} {value}"

    @staticmethod
    def content(path):
        data = read(path)
        if b"\0" in data:
            return hashlib.sha256(data).hexdigest()[:16]
        value = data.decode(errors="replace")
        for pattern, to in NUMBERED:
            value = pattern.sub(to, value)
        return value.rstrip("\n") + ("" if value.endswith("\n") else " (no newline)" if value else "")

    def node(self, path, found):
        """A memory node: counters and what has to do with pages left out."""
        found[path] = "dir"
        for name in ("cpulist", "cpumap", "distance"):
            self.file(f"{path}/{name}", found)
        for name in listing(path):
            if self.is_ours(name):
                found[f"{path}/{name}"] = "-> " + os.readlink(f"{path}/{name}")
        if any(self.is_ours(n) for n in listing(path)):
            total = re.search(r"MemTotal:\s*(\d+ kB)", text(f"{path}/meminfo"))
            found[f"{path}/meminfo"] = total[1] if total else "no MemTotal"

    @staticmethod
    def windows():
        """The CXL windows of /proc/iomem with what is in them."""
        kept, deep = [], None
        for line in text("/proc/iomem").splitlines():
            indent = len(line) - len(line.lstrip())
            if deep is not None and indent <= deep:
                deep = None
            if deep is None and "CXL Window" in line:
                deep = indent
            if deep is not None:
                kept.append(line)
        return "\n".join(kept)


def names():
    """Numbers are given in the order of probing: devices are named by serial number and place instead."""
    found = {}
    for name in listing(CXL):
        if re.fullmatch(r"mem\d+", name):
            found[name] = f"mem<{text(f'{CXL}/{name}/serial')}>"
    for name in listing(CXL):
        m = re.fullmatch(r"(endpoint|port)(\d+)", name)
        if m:
            place = link(f"{CXL}/{name}/uport")
            place = found.get(place, place)
            found[name] = f"{m[1]}<{place}>"
            found[f"decoder{m[2]}"] = f"decoder<{place}>"
    return found


def renamer():
    now = names()
    pattern = re.compile(r"\b(" + "|".join(now) + r")\b") if now else None
    return lambda s: pattern.sub(lambda m: now[m[1]], s) if pattern else s


def rename(found):
    to = renamer()
    return {to(k): to(v) for k, v in found.items()}


# -- the operations --------------------------------------------------------------------
class Run:
    """What a script does and sees."""

    def __init__(self, out=sys.stdout):
        self.out, self.state, self.answers, self.looking = out, {}, [], State()

    def path(self, path):
        """region0/size, dax0.0/align, memory146/state, 0000:0c:00.0/remove: where they are."""
        top = path.split("/")[0]
        for pattern, where in ((r"dax\d+\.\d+$", DAX), (r"memory\d+$", MEMORY), (r"\w{4}:\w\w:\w\w\.\w$", PCI)):
            if re.match(pattern, top):
                return f"{where}/{path}"
        return path if path.startswith("/") else f"{CXL}/{path}"

    def put(self, path, *texts):
        """Write each text; note what the kernel says to it.  The answer to the last."""
        to, answer = renamer(), None
        for t in texts:
            data = t.encode()
            shown = t if len(t) < 100 else f"{t[:8]}... ({len(t)})"
            try:
                answer = self.write(self.path(path), data)
            except OSError as e:
                answer = name_of_errno(e.errno)
            self.answers.append([f"{to(path)} <- {to(shown)!r}", answer])
        return answer

    @staticmethod
    def write(path, data):
        try:
            fd = os.open(path, os.O_WRONLY)
        except OSError as e:
            return f"open {name_of_errno(e.errno)}"
        try:
            n = os.write(fd, data)
        finally:
            os.close(fd)
        return "ok" if n == len(data) else f"ok, {n} bytes"

    def note(self, what, value):
        """Something else to be compared."""
        self.answers.append([what, value])

    def settle(self, condition, seconds=4):
        """Probing is asynchronous: until it has happened (on a machine where it never does, the state will tell)."""
        end = time.monotonic() + seconds
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)

    def step(self, name):
        """The end of a step: all that was written, and how the state is now."""
        now = self.looking.take()
        line = {"step": name, "answers": self.answers, "set": {k: v for k, v in now.items() if self.state.get(k) != v},
                "gone": [k for k in self.state if k not in now]}
        print(json.dumps(line), file=self.out, flush=True)
        self.state, self.answers = now, []


def main():
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import scripts
    scripts.SCRIPTS[sys.argv[1]](Run())


if __name__ == "__main__":
    main()
