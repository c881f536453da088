# SPDX-License-Identifier: GPL-2.0-only
"""What the suites say to the machine they run in.  Only what Python brings.

The host imports the suites too, to know their tests, and runs nothing of them.
"""
import base64
import json
import mmap
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
LIBRARY = HERE / "lib/python"  # in a guest; on the host what it was copied from
sys.path.append(str(LIBRARY if LIBRARY.is_dir() else HERE.parents[1] / "lib"))

import whole_host  # noqa: E402
from tree import Tree, natural  # noqa: E402,F401

CXL, DAXCTL, SIM = "/cxl/bin/cxl", "/cxl/bin/daxctl", "/cxl/bin/cxl-sim"
THEIR_CXL, THEIR_DAXCTL = "/usr/bin/cxl", "/usr/bin/daxctl"
BUS = pathlib.Path("/sys/bus/cxl/devices")
DRIVERS = pathlib.Path("/sys/bus/cxl/drivers")
PCI = pathlib.Path("/sys/bus/pci/devices")
DAX = pathlib.Path("/sys/bus/dax/devices")
MEMORY = pathlib.Path("/sys/devices/system/memory")

# Every run of a program of ours since the test began: the host validates the output.
RUNS = []
# What the test leaves for the host to go on with.
MADE = {}


class Skip(Exception):
    """The test cannot be done here; the text says why."""


def on(*topologies):
    """The test is for these topologies only."""
    def mark(function):
        function.topologies = topologies
        return function
    return mark


# (7, 3) of 7.3-amd64, too
RELEASE = tuple(int(n) for n in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
OLD = RELEASE == (6, 1)

SPECIAL = ("soft1", "memmap1", "sw2x2", "eight", "mixed", "three", "big", "odd", "kills2", "loaded1")


def tests_of(suite, topology):
    """The test functions of a suite module on a topology, in the order they are written.

    A topology of a suite's own is for no other."""
    if topology not in getattr(suite, "TOPOLOGIES", () if topology in SPECIAL else (topology,)):
        return []
    found = [f for n, f in vars(suite).items() if n.startswith("test_") and callable(f)]
    return [f for f in found if topology in getattr(f, "topologies", (topology,))]


# -- programs ----------------------------------------------------------------------
class Result:
    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err
        try:
            self.json = json.loads(out)
        except ValueError:
            self.json = None

    def __str__(self):
        return f"$ {' '.join(self.argv)}\nexit status {self.rc}\n{self.err[:3000]}{self.out[:3000]}"

    def messages(self, code):
        return [m["text"] for m in self.json["messages"] if m["code"] == code]

    def root_ports(self):
        """Records by name, of a listing or of a change."""
        found = self.json["root_ports"] if "root_ports" in self.json else \
            [rp for b in self.json["buses"] for hb in b["host_bridges"] for rp in hb["root_ports"]]
        return {rp["root_port"]: rp for rp in found}

    def bridges(self):
        return {hb["port"]: hb for b in self.json["buses"] for hb in b["host_bridges"]}

    def dax(self):
        return {d["dax"]: d for d in self.json["dax"]}

    def memdevs(self):
        return {m["memdev"]: m for b in self.json["buses"] for m in b["memdevs"]}

    def regions(self):
        return {r["region"]: r for b in self.json["buses"] for r in b["regions"]}

    def unattached(self, kind):
        return [n for b in self.json["buses"] for n in b["unattached"][kind]]


def run(*argv, rc=0, timeout=100, env=None):
    """Any command.  RC: the exit status it must have, None for any."""
    argv = [str(a) for a in argv]
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
                       env=dict(os.environ, **(env or {})))
    r = Result(argv, p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace"))
    if argv[0] in (CXL, DAXCTL):
        RUNS.append({"argv": argv, "rc": r.rc, "out": r.out, "err": r.err})
    assert rc is None or r.rc == rc, f"exit status {rc} was expected\n{r}"
    return r


def cxl(*args, rc=0, **more):
    """Our cxl."""
    return run(CXL, *args, rc=rc, **more)


def daxctl(*args, rc=0, **more):
    """Our daxctl."""
    return run(DAXCTL, *args, rc=rc, **more)


def listing(*args, rc=0):
    return cxl("list", "--isolation", *args, rc=rc)


def same(got, want, what):
    assert got == want, f"{what}\n  is:        {json.dumps(got, default=str)}\n  should be: {json.dumps(want, default=str)}"


# -- sysfs --------------------------------------------------------------------------
def read(path):
    return pathlib.Path(path).read_text().strip()


def write(path, value):
    """One write(2), as a shell's echo does; an OSError is the kernel's answer."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, str(value).encode())
    finally:
        os.close(fd)


def until(what, condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def names(kind):
    return Tree("/").names(kind)


def is_bound(name):
    return (BUS / name / "driver").exists()


def serials():
    return {int(read(BUS / m / "serial"), 0): m for m in names("mem")}


def memdev(serial):
    """Names follow the order of probing, serial numbers do not."""
    return serials()[serial]


def first_memdev():
    """Of a machine with one: found again it may have another number."""
    return names("mem")[0]


def endpoint(mem):
    """The PCI function of a memdev."""
    return (BUS / mem).resolve().parent.name


def root_port(mem):
    return Tree("/").memdev_root_port(mem)


def parent_port(mem):
    """The PCI port right above a memdev: a root port or a switch's."""
    return (BUS / mem).resolve().parent.parent.name


# -- regions ------------------------------------------------------------------------
def need_regions(decoder="decoder0.0", kind="ram"):
    if not (BUS / decoder / f"create_{kind}_region").exists():
        raise Skip(f"Linux {os.uname().release} has no create_{kind}_region")


def create_region(decoder, *mems, kind="ram", size=None):
    """The distribution's create-region; the new region's name.  SIZE: of the region, default all that is free."""
    need_regions(decoder, kind)
    before = set(names("region"))
    run(THEIR_CXL, "create-region", "-m", "-t", kind, "-d", decoder, "-w", len(mems), *(["-s", size] if size else []), *mems)
    new = set(names("region")) - before
    assert len(new) == 1, f"create-region made {sorted(new)}"
    return new.pop()


def dax_of(region):
    """The region's dax device (its probing may take a moment: on another processor)."""
    until(f"{region} has a dax device", lambda: Tree("/").dax(region))
    dax = Tree("/").dax(region)[0]
    if dax_driver(dax) == "kmem":   # the link is there before the memory is, and daxctl counts the blocks of the node
        until(f"the memory of {dax} is there", lambda: list((MEMORY / f"memory{last_block(dax)}").glob("node*")), 60)
    return dax


def last_block(dax):
    start, size, block = int(read(DAX / dax / "resource"), 16), int(read(DAX / dax / "size")), int(read(MEMORY / "block_size_bytes"), 16)
    return (start + size) // block - 1


def dax_driver(dax):
    link = DAX / dax / "driver"
    return link.resolve().name if link.exists() else None


def make_devdax(region):
    dax = dax_of(region)
    if dax_driver(dax) != "device_dax":
        run(THEIR_DAXCTL, "reconfigure-device", "--mode=devdax", "--force", dax)
    return dax


def make_system_ram(region):
    dax = dax_of(region)
    if dax_driver(dax) == "kmem":
        run(THEIR_DAXCTL, "online-memory", dax)
    else:
        run(THEIR_DAXCTL, "reconfigure-device", "--mode=system-ram", dax)
    assert Tree("/").online_blocks(region), f"{region} is not online"
    return dax


def windows_of(dax):
    """Open mappings of a dax device: a huge page at its beginning, in its middle and at its end."""
    size, page = int(read(DAX / dax / "size")), 2 << 20
    fd = os.open(f"/dev/{dax}", os.O_RDWR)
    try:
        return [mmap.mmap(fd, page, offset=at) for at in (0, size // 2 // page * page, size - page)]
    finally:
        os.close(fd)


def hold_pattern(region, text):
    """Eight bytes, written and read back through mappings of this process's own, at both ends of each."""
    dax = Tree("/").dax(region)[0]
    for m in windows_of(dax):
        with m:
            m[:8] = m[-8:] = text
            same((m[:8].decode(), m[-8:].decode()), (text.decode(), text.decode()), f"what {dax} holds")


def holds(region, text):
    found = []
    for m in windows_of(Tree("/").dax(region)[0]):
        with m:
            found += [m[:8], m[-8:]]
    return set(found) == {text}


def delete_husk(region):
    """cxl destroy-region cannot; the root decoder can."""
    write((BUS / region).resolve().parent / "delete_region", region)


def remove_endpoint(mem):
    write(PCI / endpoint(mem) / "remove", 1)
    until(f"{mem} is gone", lambda: mem not in names("mem"))


# -- udev, where it runs ------------------------------------------------------------
def name_by_udev():
    """The rule that is installed with our programs, from /cxl/in, for those that are here."""
    rule = (HERE / "in/60-cxl-isolation.rules").read_text(encoding="ascii")
    pathlib.Path("/etc/udev/rules.d/60-cxl-isolation.rules").write_text(re.sub(r'="\S*/daxctl ', f'="{DAXCTL} ', rule), encoding="ascii")
    run("udevadm", "control", "--reload")


# -- back to how the machine was after boot ---------------------------------------------
EXPECTED = set()


def remember():
    """What must be there before each test."""
    EXPECTED.update(serials())


def clean():
    # The highest address first: an endpoint's decoders are given back in that order, or not at all.
    tree = Tree("/")
    for region in sorted(names("region"), key=lambda r: int(tree.region(r)["resource"] or "0", 16), reverse=True):
        tree = Tree("/")
        for dax in tree.dax(region):
            if tree.online_blocks(region):
                run(THEIR_DAXCTL, "offline-memory", dax)
            if dax_driver(dax) == "kmem":
                run(THEIR_DAXCTL, "reconfigure-device", "--mode=devdax", "--force", dax)
        if tree.region(region)["state"] != "husk":
            run(THEIR_CXL, "destroy-region", "-f", region, rc=None)
        if region in names("region"):
            delete_husk(region)
    if set(serials()) != EXPECTED:
        write("/sys/bus/pci/rescan", 1)
        until("every memdev is back", lambda: set(serials()) == EXPECTED)
    for mem in names("mem"):
        if not is_bound(mem):
            bind_memdev(mem)
    forget_dax_ids()
    for kept in pathlib.Path("/var/lib/cxl-isolation").glob("*"):   # what memory was before it was prepared, evidence, counters
        kept.unlink()
    same(names("region"), [], "the regions that are left")


def forget_dax_ids():
    """What was written to new_id decides who binds the next device of that name, and shows nowhere."""
    for number in range(32):
        for part in range(4):
            write("/sys/bus/dax/drivers/device_dax/remove_id", f"dax{number}.{part}")


def bind_memdev(mem):
    """Bind it, or wait until the kernel did; a port that lost its root port is bound anew first."""
    def bound():
        if not is_bound(mem):
            try:
                write(DRIVERS / "cxl_mem/bind", mem)
            except OSError:
                return False
        return is_bound(mem)
    time.sleep(0.3)
    if bound():
        return
    host = next(p for p in (BUS / mem).resolve().parts if p.startswith("pci"))
    # up to 6.1 a bridge's port is made on its ACPI device, not on the PCI bridge
    port = next(p for p in names("port") if host in [(BUS / p / at).resolve().name for at in ("uport", "uport/physical_node")])
    for action in ("unbind", "bind"):
        write(DRIVERS / "cxl_port" / action, port)
    until(f"{mem} is bound", bound)


# -- the whole host, told by nothing of ours -------------------------------------------------
class Picture:
    """Everything that sysfs says, and the zones of the memory blocks that are online."""

    def __init__(self):
        self.view = whole_host.picture()
        online = [b for b in MEMORY.glob("memory[0-9]*") if read(b / "state") == "online"]
        self.view["zones"] = sorted(f"{b.name} {read(b / 'valid_zones')}" for b in online)

    # What a decoder that no region has keeps of its last one, until its device is found again.
    LEFT_OUT = (" free>/mode", " free>/interleave_")

    def check(self, what="the host afterwards"):
        """Everything is as it was."""
        same(whole_host.differences(self.view, Picture().view, self.LEFT_OUT), [], what)


# -- the distribution's view -------------------------------------------------------------
def flatten(value, found):
    """Every object of a nested listing by the key that names it: {"memdev": {name: object}, ...}."""
    if isinstance(value, list):
        for v in value:
            flatten(v, found)
    elif isinstance(value, dict):
        for kind in ("bus", "port", "endpoint", "memdev", "region", "decoder"):
            if isinstance(value.get(kind), str):
                found.setdefault(kind, {}).setdefault(value[kind], {}).update(value)
                break
        for v in value.values():
            flatten(v, found)
    return found


def their_view():
    """libcxl's, disabled objects included.  -X, where it exists, is left out: it needs debugfs."""
    r = run(THEIR_CXL, "list", "-BPDEMRTi")
    return flatten(r.json or [], {})


def check_snapshot():
    """Our listing against the files of sysfs, and against libcxl wherever it sees the object; our listing."""
    r, tree, theirs = listing(), Tree("/"), their_view()
    check_against_tree(r, tree)
    check_against_libcxl(r, theirs)
    return r


def check_against_tree(r, tree):
    same([b["bus"] for b in r.json["buses"]], tree.names("root"), "buses")
    same({p: (rec["bus"], rec["host_bridge"]) for p, rec in r.root_ports().items()},
         {p: (tree.names("root")[0], hb) for p, hb in tree.root_ports().items()}, "root ports")
    same(r.memdevs(), {m: tree.memdev(m) for m in tree.names("mem")}, "memdevs")
    same(r.regions(), {x: tree.region(x) for x in tree.names("region")}, "regions")
    attached = [m for rec in r.root_ports().values() for m in rec["memdevs"]]
    same(sorted(attached + r.unattached("memdevs"), key=natural), tree.names("mem"), "memdevs, attached or not")
    same(r.unattached("regions"), [x for x in tree.names("region") if not tree.region_root_ports(x)], "unattached regions")
    for name, rec in r.root_ports().items():
        same(rec["memdevs"], [m for m in tree.names("mem") if tree.memdev_root_port(m) == name], f"memdevs below {name}")
        same(rec["regions"], [x for x in tree.names("region") if name in tree.region_root_ports(x)], f"regions that touch {name}")
        same(rec["dax"], sorted((d for x in rec["regions"] for d in tree.dax(x)), key=natural), f"dax devices of {name}")
        same(rec["bytes"], sum(tree.region(x)["size"] for x in rec["regions"]), f"bytes of {name}")
        same("ISO-MEM-ONLINE" in rec["blockers"], any(tree.online_blocks(x) for x in rec["regions"]), f"{name} has System RAM online")


def check_against_libcxl(r, theirs):
    for m, t in theirs.get("memdev", {}).items():
        ours = r.memdevs()[m]
        if "serial" not in t:  # only named in a mapping: libcxl lost it
            continue
        same((ours["serial"], ours["host"], ours["size"]),
             (hex(t["serial"]), t["host"], t.get("ram_size", 0) + t.get("pmem_size", 0)), f"{m} and libcxl's")
        same(ours["state"], t.get("state", "enabled"), f"the state of {m} and libcxl's")
    same([m for m in names("mem") if is_bound(m) and "serial" not in theirs.get("memdev", {}).get(m, {})], [],
         "bound memdevs that libcxl does not show")
    for x, t in theirs.get("region", {}).items():
        ours = r.regions()[x]
        same((ours["resource"], ours["size"], ours["ways"]), (hex(t["resource"]), t["size"], t["interleave_ways"]), f"{x} and libcxl's")
        same(ours["state"] == "enabled", t.get("decode_state") == "commit" and t.get("state") != "disabled",
             f"{x} is enabled, and libcxl's")
        below = {m["memdev"] for m in t.get("mappings", []) if "memdev" in m}
        same(sorted(below - {m for p in ours["root_ports"] for m in r.root_ports()[p]["memdevs"]}), [],
             f"memdevs of {x} that are below none of its root ports")
    for p, t in theirs.get("port", {}).items():
        if t.get("depth") != 1:
            continue
        same(r.bridges()[p]["host"], t["host"], f"the host of {p} and libcxl's")
        same(sorted({d["dport"] for d in t.get("dports", [])} - set(r.root_ports())), [],
             f"root ports that libcxl has below {p} and we have not")


# -- for the host to go on with ------------------------------------------------------------
def capture():
    """This machine as cxl-sim recorded it, for a JSON line."""
    run(SIM, "capture", "-o", "/tmp/made.tar.xz")
    return base64.b64encode(pathlib.Path("/tmp/made.tar.xz").read_bytes()).decode()


def keep_capture(r):
    """The machine, and what `cxl list --isolation` says of it: a replay has to say the same."""
    MADE.update(capture=capture(), listing=r.json)


def record(script):
    """Run a script of calibrate.py here; the host does on the capture of this moment, and compares."""
    if OLD:
        raise Skip("the simulated host is that of Linux 6.12 and newer")
    for m in names("mem"):      # decoders forget the mode that another test gave them
        write(DRIVERS / "cxl_mem/unbind", m)
        until(f"{m} is unbound", lambda m=m: not is_bound(m))
        bind_memdev(m)
    MADE.update(capture=capture(), script=script)
    p = run(sys.executable, "-B", HERE / "calibrate.py", script, rc=None, timeout=120)
    MADE["steps"] = p.out.splitlines()
    assert p.rc == 0, p.err


# -- the test kernel module ----------------------------------------------------------------
class Module:
    """The module loaded, each root port's register file in its place, for a `with` statement.

    Between two of them nothing is kept: every test starts with fresh registers.
    """
    FILE = HERE / "kmod/cxl_isolation_test.ko"
    DEBUGFS = pathlib.Path("/sys/kernel/debug/cxl_isolation_test")
    DEV = pathlib.Path("/dev/cxl_isolation_test")

    def __init__(self, fixed=False, registers=True, **parameters):
        self.parameters = dict(parameters, v1_fixed=int(fixed))
        self.registers = registers

    def __enter__(self):
        if not self.FILE.exists():
            raise Skip("the test kernel module could not be built for this kernel")
        run("insmod", self.FILE, *(f"{k}={v}" for k, v in self.parameters.items()))
        assert self.ports(), "the module found no root port"
        if self.registers:
            self.mount()
        return self

    def mount(self, *ports):
        for port in ports or self.ports():
            run("mount", "--bind", self.DEV / port, (PCI / port).resolve() / "resource0")

    def ports(self):
        return sorted(p.name for p in self.DEBUGFS.iterdir())

    def __exit__(self, *_):
        for path in re.findall(r" (\S+/resource0) ", pathlib.Path("/proc/self/mountinfo").read_text()):
            run("umount", path, rc=None)  # fails where the port is gone: the mount goes with it
        run("rmmod", "cxl_isolation_test")

    def set(self, port, name, value):
        write(self.DEBUGFS / port / name, value)

    def get(self, port, name):
        return int(read(self.DEBUGFS / port / name), 0)

    def attribute(self, port, name):
        return read(PCI / port / "cxl_isolation" / name)
