# SPDX-License-Identifier: GPL-2.0-only
"""Every check that a real kernel can raise: raised, with this machine's names, and gone once the remedy was followed."""
import contextlib
import os
import pathlib
import stat
import subprocess
import sys

from guest import (CXL, DAX, MEMORY, OLD, PCI, THEIR_CXL, THEIR_DAXCTL, Module, Skip, create_region, cxl, dax_of, endpoint, first_memdev, listing,
                   make_devdax, make_system_ram, memdev, names, on, parent_port, read, root_port, run, same, until, write)

TOPOLOGIES = ("direct1", "direct2x2", "switch4", "pmem1", "memmap1")
DEMOTION = pathlib.Path("/sys/kernel/mm/numa/demotion_enabled")
AUTO_ONLINE = MEMORY / "auto_online_blocks"
MEMMAP = pathlib.Path("/sys/module/memory_hotplug/parameters/memmap_on_memory")
REFCNT = pathlib.Path("/sys/module/device_dax/refcnt")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")

# Opens a node, maps 2 MiB of it when told so, closes the descriptor when told so; until standard input ends.
USER = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
if "map" in sys.argv:
    m = mmap.mmap(fd, 2 << 20)
    m[0] = 1
if "close" in sys.argv:
    os.close(fd)
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def user(node, *how):
    """A process that uses a dax device; its pid."""
    with subprocess.Popen([sys.executable, "-c", USER, str(node), *how], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as p:
        try:
            assert p.stdout.readline() == b"ready\n", f"the user of {node} did not start"
            yield p.pid
        finally:
            p.kill()


@contextlib.contextmanager
def setting(path, value):
    before = read(path)
    write(path, value)
    try:
        yield
    finally:
        write(path, before)


def failing(*target):
    """{check: finding} of one root port; every listing has the same ids."""
    r = cxl("isolation-status", "--check", *target)
    rec, = r.json["root_ports"]
    found = {c["check"]: c for c in rec["checks"]
             if c["result"] == "failed" or (c["result"] == "unknown" and c["remedy"])}
    same(sorted(found), sorted(rec["blockers"] + rec["limits"] + rec["notes"]), "checks and ids")
    listed = listing().root_ports()[rec["root_port"]]
    for key in ("blockers", "limits", "notes", "containment_if_enabled"):
        same(listed[key], rec[key], f"{key} of the listing")
    return found


def says(finding, *words):
    for w in words:
        assert w in finding["text"] + " " + finding["remedy"], f"'{w}' is not in {finding}"


def is_not(check, *target):
    assert check not in failing(*target), failing(*target)[check]


def first():
    """The first root port with a device, in the order of the listing."""
    return root_port(names("mem")[0])


def devdax():
    region = create_region("decoder0.0", memdev(0x1001))
    return region, make_devdax(region)


# -- a machine as it comes ---------------------------------------------------------
@on("direct1")
def test_a_direct_device_raises_only_what_the_kernel_lacks():
    found = failing(first())
    same(set(found) - {"ISO-ABI", "ISO-CAP", "ISO-KERNEL-CFG", "ISO-AUTO-ONLINE"}, {"ISO-UNPROVEN"}, "checks that fail")
    same("ISO-AUTO-ONLINE" in found, read(AUTO_ONLINE) != "offline", "ISO-AUTO-ONLINE")
    built_in = not pathlib.Path("/sys/module/cxl_core/initstate").exists()
    same("ISO-KERNEL-CFG" in found, not built_in, "ISO-KERNEL-CFG")


@on("direct1")
def test_a_device_without_cxl_bus_still_has_a_slot():
    method = PCI / endpoint(first_memdev()) / "reset_method"
    if OLD:
        raise Skip("Linux 6.1 has no reset method cxl_bus")
    assert "cxl_bus" in read(method)
    # 7.2 offers nothing else below a port whose reset is masked: a newline is no method at all
    with setting(method, "bus" if "bus" in read(method).split() else "\n"):
        assert "cxl_bus" not in read(method)
        is_not("ISO-HOTPLUG", first())


@on("direct2x2")
def test_neighbours_below_one_bridge_are_named():
    found = failing(first())
    assert "ISO-SWITCH" not in found
    says(found["ISO-DIRECT"], "2 endpoints", names("mem")[0])


@on("switch4")
def test_a_switch_is_a_switch():
    found = failing(first())
    says(found["ISO-SWITCH"], "4 endpoints lie below it and fail together", *names("mem"))
    assert "ISO-DIRECT" in found
    assert parent_port(first_memdev()) != first()


# -- memory in use -------------------------------------------------------------------
@on("direct1")
def test_a_process_that_maps_the_device_is_named_and_a_change_refused():
    _, dax = devdax()
    with Module(fixed=True) as m:
        port = first()
        with user(f"/dev/{dax}", "map") as pid:
            says(failing(port)["ISO-BUSY"], f"pid {pid} (", f"has {dax} mapped, 2.00 MiB", f"kill {pid};")
            r = cxl("enable-isolation", port, rc=1)
            assert f"pid {pid}" in r.err, str(r)
            same(m.get(port, "stores"), 0, "stores")
            cxl("enable-isolation", port, "--require=debug", rc=1)
        is_not("ISO-BUSY", port)
        cxl("enable-isolation", port, "--timeout=keep")
        with user(f"/dev/{dax}", "map"):
            is_not("ISO-BUSY", port)    # on, and stays on: that is what it is for
            cxl("enable-isolation", port, "--timeout=keep")
            cxl("disable-isolation", port, rc=1)
        same(m.get(port, "stores"), 1, "stores")
        cxl("disable-isolation", port)


@on("direct1")
def test_a_mapping_outlives_its_descriptor_and_the_name_of_its_node():
    _, dax = devdax()
    st = os.stat(f"/dev/{dax}")
    assert stat.S_ISCHR(st.st_mode)
    other = pathlib.Path("/tmp/some-other-name")
    os.mknod(other, stat.S_IFCHR | 0o600, st.st_rdev)
    try:
        for node in (f"/dev/{dax}", other):
            with user(node, "map", "close") as pid:
                says(failing(first())["ISO-BUSY"], f"pid {pid} (", f"has {dax} mapped")
    finally:
        other.unlink()


@on("direct1")
def test_a_device_that_is_only_open_does_no_harm():
    _, dax = devdax()
    with user(f"/dev/{dax}") as pid:
        is_not("ISO-BUSY", first())
        impact = cxl("isolation-status", "--impact", first()).json["root_ports"][0]["impact"]
        same([(u["pid"], u["mapped_bytes"]) for u in impact["dax"][0]["users"]], [(pid, 0)], "users")


@on("direct1")
def test_the_kernels_count_answers_without_root():
    """Nobody has it open: known without looking at anybody.  Somebody has: known, but not who."""
    _, dax = devdax()
    if not REFCNT.exists():
        raise Skip("device_dax is built into this kernel")
    same(read(REFCNT), "0", "references to device_dax while nobody has a device open")
    r = run(*NOBODY, CXL, "list", "--isolation")
    same(r.messages("USERS"), [], "messages about users")
    with user(f"/dev/{dax}", "map", "close"):
        assert int(read(REFCNT)) > 0, "a mapping holds the module"
        r = run(*NOBODY, CXL, "list", "--isolation")
        assert "ISO-BUSY" in r.root_ports()[first()]["blockers"], str(r)
        same(len(r.messages("USERS")), 1, "messages about users")
    until("the reference is given back", lambda: read(REFCNT) == "0")


@on("direct1")
def test_a_user_in_another_pid_namespace_is_not_overlooked():
    """From inside a container the process cannot be seen; the count of the module gives it away."""
    _, dax = devdax()
    with user(f"/dev/{dax}", "map"):
        r = run("unshare", "--pid", "--fork", "--mount-proc", "--", CXL, "isolation-status", "--check", first())
        found = {c["check"]: c for c in r.json["root_ports"][0]["checks"] if c["result"] == "failed"}
        says(found["ISO-BUSY"], f"whether {dax} is mapped cannot be told", f"fuser -v /dev/{dax}")


# -- System RAM --------------------------------------------------------------------------
@on("direct1")
def test_system_ram_and_demotion():
    region, _ = devdax()
    with setting(DEMOTION, "true"):
        is_not("ISO-DEMOTION", first())
        dax = make_system_ram(region)
        found = failing(first())
        zone = read(next(b for b in MEMORY.glob("memory[0-9]*") if int(b.name[6:]) * int(read(MEMORY / "block_size_bytes"), 16) ==
                         int(read(DAX / dax / "resource"), 0)) / "valid_zones")
        says(found["ISO-MEM-ONLINE"], f"of {region} are online as System RAM (zone {zone}", dax)
        says(found["ISO-DEMOTION"], region, f"echo false > {DEMOTION}")
    is_not("ISO-DEMOTION", first())
    same("ISO-MEMMAP" in failing(first()), read(MEMMAP) != "N", "ISO-MEMMAP")
    run(THEIR_DAXCTL, "offline-memory", dax)
    is_not("ISO-MEM-ONLINE", first())


@on("direct1")
def test_memory_that_would_go_online_by_itself():
    for value in ("online", "online_movable", "offline"):
        with setting(AUTO_ONLINE, value):
            if value == "offline":
                is_not("ISO-AUTO-ONLINE", first())
            else:
                says(failing(first())["ISO-AUTO-ONLINE"], f"auto_online_blocks is {value}", first_memdev())


@on("memmap1")
def test_struct_pages_on_the_memory_itself():
    region, dax = devdax()
    same(read(MEMMAP), "Y", "the parameter")
    same(read(DAX / dax / "memmap_on_memory"), "1", "the device's default")
    is_not("ISO-MEMMAP", first())
    make_system_ram(region)
    says(failing(first())["ISO-MEMMAP"], f"the struct pages of {dax} lie on {dax} itself", "memory_hotplug.memmap_on_memory is Y")
    run(THEIR_DAXCTL, "offline-memory", dax)
    says(failing(first())["ISO-MEMMAP"], dax)
    make_devdax(region)
    write(DAX / dax / "memmap_on_memory", 0)
    make_system_ram(region)
    is_not("ISO-MEMMAP", first())


# -- regions ---------------------------------------------------------------------------------
@on("direct2x2")
def test_interleaved_root_ports_go_together():
    """Across two ports of a bridge, and across two bridges: one alone is refused, the region as a whole is not."""
    for decoder, pair in (("decoder0.0", (0x2001, 0x2002)), ("decoder0.2", (0x2001, 0x2003))):
        region = create_region(decoder, *map(memdev, pair))
        make_devdax(region)
        ports = sorted(root_port(memdev(s)) for s in pair)
        with Module(fixed=True) as m:
            for port in ports:
                other, = set(ports) - {port}
                says(failing(port)["ISO-INTERLEAVE"], region, other, f"cxl enable-isolation {ports[0]} {ports[1]}")
                r = cxl("enable-isolation", port, rc=1)
                assert other in r.err, str(r)
            same([m.get(p, "stores") for p in m.ports()], [0] * len(m.ports()), "stores")
            cxl("enable-isolation", *ports)
            for port in ports:
                is_not("ISO-INTERLEAVE", port)
            cxl("disable-isolation", *ports)
        run(THEIR_CXL, "destroy-region", "-f", region)


@on("pmem1")
def test_persistent_memory_until_its_region_is_disabled():
    region = create_region("decoder0.0", first_memdev(), kind="pmem")
    says(failing(first())["ISO-PMEM"], f"{region} is persistent memory", f"cxl disable-region {region}")
    run(THEIR_CXL, "disable-region", region)
    is_not("ISO-PMEM", first())
    is_not("ISO-AUTO-ONLINE", first())


@on("direct1", "switch4")
def test_a_region_of_the_drivers_own_is_neither_locked_nor_firmwares():
    region = create_region("decoder0.0", *[memdev(s) for s in ((0x1001,) if len(names("mem")) == 1 else (0x3001, 0x3002))])
    dax_of(region)
    found = failing(first())
    assert "ISO-REGION-AUTO" not in found and "ISO-REGION-LOCKED" not in found, str(found)
    assert "ISO-PMEM" not in found and "ISO-MEMMAP-ROOM" not in found, str(found)
