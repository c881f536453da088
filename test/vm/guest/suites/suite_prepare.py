# SPDX-License-Identifier: GPL-2.0-only
"""daxctl list --isolation and prepare-isolation, on real regions; isolation itself by the test kernel module."""
import ctypes
import mmap
import os
import time

from guest import (DAX, MEMORY, THEIR_DAXCTL, Module, Tree, create_region, cxl, dax_driver, dax_of, daxctl, last_block, make_devdax, make_system_ram,
                   memdev, on, read, root_port, run, same, serials, write, until)

TOPOLOGIES = ("direct1", "direct2x2")


def first():
    """The memdev of the lowest serial number."""
    return serials()[min(serials())]


def online(region):
    return len(Tree("/").online_blocks(region))


def looks(region):
    """What undo has to bring back: each dax device's driver and memmap_on_memory, each block's state and zone."""
    t = Tree("/")
    blocks = sorted(MEMORY.glob("memory[0-9]*"), key=lambda b: int(b.name[6:]))
    return {n: (dax_driver(n), read(DAX / n / "memmap_on_memory"), read(DAX / n / "size")) for n in t.dax(region)}, \
        {b.name: (read(b / "state"), read(b / "valid_zones")) for b in blocks}


def cut_in_two(region):
    """Two dax devices of one region, without drivers."""
    dax = make_devdax(region)
    top = (DAX / dax).resolve().parent / "dax_region"
    half = int(read(DAX / dax / "size")) // 2
    write(DAX.parent / "drivers/device_dax/unbind", dax)
    write(DAX / dax / "size", half)
    write(top / "create", 1)
    other, = (n for n in Tree("/").dax(region) if n != dax)
    write(DAX / other / "size", half)
    return dax, other


def check(dax, region, mode, blocks):
    """The listing, against the files of sysfs."""
    d = daxctl("list", "--isolation", dax).dax()[dax]
    same((d["region"], d["mode"], d["driver"], d["blocks"]["online"]), (region, mode, dax_driver(dax), blocks), f"the listing of {dax}")
    same((online(region), d["fit"], d["checks"]), (blocks, not blocks, ["ISO-MEM-ONLINE"] if blocks else []), f"what stands against {dax}")
    if blocks:
        first = min(Tree("/").online_blocks(region), key=lambda n: int(n[6:]))
        same([z["zone"] for z in d["blocks"]["zones"]], [read(MEMORY / first / "valid_zones")], "the zone")
    return d


def test_system_ram_becomes_devdax_and_system_ram_again():
    region = create_region("decoder0.0", first())
    dax = make_system_ram(region)
    blocks = online(region)
    check(dax, region, "system-ram", blocks)
    before = looks(region)
    r = daxctl("prepare-isolation", "-n", region)
    same((r.dax()[dax]["result"], online(region)), ("planned", blocks), "a dry run")
    r = daxctl("prepare-isolation", region)
    same((r.dax()[dax]["result"], dax_driver(dax), r.dax()[dax]["after"]["memmap_on_memory"]["in_force"]), ("done", "device_dax", False), f"prepared: {r}")
    check(dax, region, "devdax", 0)
    same(daxctl("prepare-isolation").dax()[dax]["result"], "already", "once more")
    r = daxctl("prepare-isolation", "--undo", dax)
    same((r.dax()[dax]["result"], dax_driver(dax)), ("done", "kmem"), f"undone: {r}")
    check(dax, region, "system-ram", blocks)
    same(looks(region), before, "undone")
    same(daxctl("prepare-isolation", "--undo", dax).dax()[dax]["result"], "already", "undone once more")


def test_undo_brings_back_what_was_online_and_no_more():
    region = create_region("decoder0.0", first())
    last = f"memory{last_block(make_system_ram(region))}"
    write(MEMORY / last / "state", "offline")
    before = sorted(Tree("/").online_blocks(region))
    daxctl("prepare-isolation", region)
    same(online(region), 0, "prepared")
    daxctl("prepare-isolation", "--undo", region)
    same(sorted(Tree("/").online_blocks(region)), before, "put back")
    assert last not in before and read(MEMORY / last / "state") == "offline"


def test_undo_does_not_make_system_ram_of_what_was_never_prepared():
    region = create_region("decoder0.0", first())
    dax = make_devdax(region)
    before = looks(region)
    r = daxctl("prepare-isolation", "--undo", dax, rc=3, env={"CXL_STATE_DIR": "/run/nothing-kept"})     # the tests before had the same memory
    assert r.dax()[dax]["result"] == "refused" and "that this command changed it is not known" in r.err, r
    same(looks(region), before, "refused")


def test_each_part_of_a_region_goes_back_to_what_it_was():
    region = create_region("decoder0.0", first())
    ram, dax = cut_in_two(region)
    run(THEIR_DAXCTL, "reconfigure-device", "--mode=system-ram", ram)
    run(THEIR_DAXCTL, "reconfigure-device", "--mode=devdax", dax)
    before = looks(region)
    same((dax_driver(ram), dax_driver(dax)), ("kmem", "device_dax"), f"the two parts: {before}")
    for names in ((), (dax,), (ram,)):
        r = daxctl("prepare-isolation", region)
        same((dax_driver(ram), dax_driver(dax), online(region)), ("device_dax", "device_dax", 0), f"prepared: {r}")
        r = daxctl("prepare-isolation", "--undo", *names)
        if names != (dax,):
            same(looks(region), before, f"undone {names}: {r}")
        else:
            same((dax_driver(ram), dax_driver(dax), online(region)), ("device_dax", "device_dax", 0), f"one undone: {r}")
    same(looks(region), before, "all undone")


def test_undo_of_device_dax_is_device_dax():
    region = create_region("decoder0.0", first())
    make_devdax(region)
    before = looks(region)
    daxctl("prepare-isolation", region)
    for _ in range(2):
        r = daxctl("prepare-isolation", "--undo", region)
        same(looks(region), before, f"undone: {r}")


class Pinned:
    """A process with pages of a node in a pipe (vmsplice), which holds them where they are."""
    MPOL_BIND, MBIND = 2, 237

    def __init__(self, node):
        ready, told = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            try:
                self.hold(node)
                os.write(told, b"x")
                time.sleep(600)
            finally:
                os._exit(1)
        os.close(told)
        assert os.read(ready, 1), "the pages could not be pinned"
        os.close(ready)

    def hold(self, node):
        libc = ctypes.CDLL(None, use_errno=True)
        m = mmap.mmap(-1, 64 << 10)
        at = ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m)))
        assert not libc.syscall(self.MBIND, at, ctypes.c_ulong(len(m)), self.MPOL_BIND, ctypes.byref(ctypes.c_ulong(1 << node)), ctypes.c_ulong(64), 0)
        ctypes.memset(at, 1, len(m))
        _, pipe = os.pipe()
        assert libc.vmsplice(pipe, (ctypes.c_size_t * 2)(at.value, 16 << 10), 1, 0) == 16 << 10

    def end(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)


def test_a_pinned_page_is_told_and_the_time_is_that_of_the_command():
    region = create_region("decoder0.0", first())
    dax = make_system_ram(region)
    before = looks(region)
    pinned = Pinned(int(read(DAX / dax / "target_node")))
    try:
        start = time.monotonic()
        r = daxctl("prepare-isolation", "--timeout=12s", region, rc=6)
        took = time.monotonic() - start
    finally:
        pinned.end()
    assert "a page in it is pinned" in r.err and took < 30, f"{took}: {r}"
    same(looks(region), before, f"rolled back: {r}")
    daxctl("prepare-isolation", region)
    daxctl("prepare-isolation", "--undo", region)
    same(looks(region), before, "prepared and undone once it was gone")


def test_the_memory_holds_data_afterwards():
    """What is switched is only who has the memory."""
    region = create_region("decoder0.0", first())
    make_system_ram(region)
    dax = next(iter(daxctl("prepare-isolation", region).dax()))
    fd = os.open(f"/dev/{dax}", os.O_RDWR)
    with mmap.mmap(fd, 2 << 20) as m:
        m[:8] = b"isolated"
        same(bytes(m[:8]), b"isolated", "read back")
        r = daxctl("prepare-isolation", "--undo", dax, rc=1)
        assert f"process {os.getpid()}" in r.err, r
    os.close(fd)
    daxctl("prepare-isolation", "--undo", dax)


def test_isolation_is_refused_before_and_contains_after():
    region = create_region("decoder0.0", first())
    make_system_ram(region)
    port = root_port(first())
    with Module(fixed=True) as m:
        r = cxl("enable-isolation", port, rc=1)
        assert "ISO-MEM-ONLINE" in r.err and f"daxctl prepare-isolation {next(iter(Tree('/').dax(region)))}" in r.err, r
        daxctl("prepare-isolation", region)
        r = cxl("enable-isolation", "--require=contain", port)
        assert r.root_ports()[port]["containment"] in ("contain", "recover"), r
        same(m.attribute(port, "isolation_ctrl"), "1", "the attribute")


def test_system_ram_after_isolation():
    region = create_region("decoder0.0", first())
    dax = make_devdax(region)
    port = root_port(first())
    with Module(fixed=True) as m:
        r = daxctl("prepare-isolation", "--mode=system-ram", dax)
        same((r.dax()[dax]["result"], m.attribute(port, "isolation_ctrl"), dax_driver(dax)), ("done", "1", "kmem"), f"{r}")
        assert online(region), r
        same(daxctl("prepare-isolation", "--mode=system-ram", dax).dax()[dax]["result"], "already", "once more")
    r = daxctl("prepare-isolation", "--mode=system-ram", dax, rc=3)  # no attributes any more
    assert r.dax()[dax]["result"] == "refused" and online(region), r


@on("direct2x2")
def test_interleaved_memory_is_isolated_as_one():
    mems = [memdev(0x2001), memdev(0x2002)]
    region = create_region("decoder0.0", *mems)
    dax = make_system_ram(region)
    with Module(fixed=True) as m:
        r = daxctl("prepare-isolation", "--mode=system-ram", region)
        same(r.dax()[dax]["result"], "done", f"{r}")
        same([m.attribute(root_port(x), "isolation_ctrl") for x in mems], ["1", "1"], "both root ports")


def test_system_ram_is_movable_though_the_kernel_would_online_it_elsewhere():
    """auto_online_blocks as distributions have it: the kernel's own choice is Normal."""
    region = create_region("decoder0.0", first())
    dax = make_devdax(region)
    write(MEMORY / "auto_online_blocks", "online")
    try:
        with Module(fixed=True):
            r = daxctl("prepare-isolation", "--mode=system-ram", dax)
        same(({read(MEMORY / b / "valid_zones") for b in Tree("/").online_blocks(region)}, r.messages("ZONE"), read(MEMORY / "auto_online_blocks")),
             ({"Movable"}, [], "online"), f"{r}")
        daxctl("prepare-isolation", "--undo", dax)      # or what it was is remembered for the next test's region
    finally:
        write(MEMORY / "auto_online_blocks", "offline")


def test_memory_the_kernel_would_online_by_itself():
    """auto_online_blocks as distributions have it: undo and prepare end the same."""
    write(MEMORY / "auto_online_blocks", "online_movable")
    try:
        region = create_region("decoder0.0", first())
        until(f"{region} has a dax device with a driver", lambda: [n for n in Tree("/").dax(region) if dax_driver(n)])
        dax = dax_of(region)    # what is prepared before its driver has it goes back to having none
        r = daxctl("prepare-isolation", region)
        assert r.dax()[dax]["result"] in ("done", "already") and dax_driver(dax) == "device_dax" and not online(region), r
        daxctl("prepare-isolation", "--undo", region)
        assert online(region)
        r = daxctl("prepare-isolation", region)
        same((r.dax()[dax]["result"], online(region)), ("done", 0), f"{r}")
    finally:
        write(MEMORY / "auto_online_blocks", "offline")
