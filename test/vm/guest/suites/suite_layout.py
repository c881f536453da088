# SPDX-License-Identifier: GPL-2.0-only
"""Memory as the policy file wants it, on real kernels: made, made again after a replug and after a recovery.

What there is say the files of sysfs; isolation is the test kernel module's, all the rest is real.
"""
import mmap
import os
import pathlib
import signal
import subprocess
import time

from guest import (BUS, DAX, DAXCTL, PCI, Module, Picture, Tree, create_region, cxl, dax_driver, daxctl, delete_husk,
                   make_system_ram, memdev, names, need_regions, on, parent_port, read, remove_endpoint, root_port, run, same, serials, until, write)

TOPOLOGIES = ("direct1", "direct2x2")
POLICY = pathlib.Path("/etc/cxl/isolation.conf")
STATE = pathlib.Path("/var/lib/cxl-isolation")
MIB = 1 << 20
# region: serial numbers, its devices by name and MiB; "both" is interleaved over two bridges, and above the others behind each
LAYOUT = {"direct1": {"fast": ((0x1001, ), {"vm1": 64, "vm2": 128, "vm3": 64})},
          "direct2x2": {"alone": ((0x2001, ), {"solo": 256}), "beside": ((0x2003, ), {"vm2": 96, "vm3": 160}),
                        "both": ((0x2002, 0x2004), {"vm1": 128, "part2": 64, "part3": 224, "part4": 96})}}


def layout():
    need_regions()
    return LAYOUT["direct1" if 0x1001 in serials() else "direct2x2"]


def wants(regions, keys=""):
    """The policy file for REGIONS; KEYS of each device.  The last one of a region has what is left."""
    text = ""
    for region, (of, devices) in regions.items():
        text += f"[region {region}]\nmemdevs = {', '.join(map(hex, of))}\n"
        for i, (name, size) in enumerate(devices.items(), 1):
            text += f"[dax {name}]\nregion = {region}\nsize = {'rest' if i == len(devices) else f'{size}MiB'}\n{keys}"
    POLICY.parent.mkdir(parents=True, exist_ok=True)
    POLICY.write_text(text, encoding="ascii")


def found():
    """{serial numbers of a region: [(offset in it, size, align, driver) of each dax device]}, the lowest address first."""
    tree, seen = Tree("/"), {}
    for region in names("region"):
        start = int(read(BUS / region / "resource"), 0)
        of = tuple(m and int(read(BUS / m / "serial"), 0) for m in tree.targets(region))
        seen[of] = sorted((int(read(DAX / d / "mapping0/start"), 0) - start, int(read(DAX / d / "size")), int(read(DAX / d / "align")), dax_driver(d))
                          for d in tree.dax(region) if read(DAX / d / "size") != "0")
    return seen


def should_be(regions, driver="device_dax"):
    seen = {}
    for of, devices in regions.values():
        offsets = [sum(list(devices.values())[:i]) for i in range(len(devices))]
        seen[of] = [(at * MIB, size * MIB, 2 * MIB, driver) for at, size in zip(offsets, devices.values())]
    return seen


def make(regions, *results):
    """By policy; the device of each name."""
    r = daxctl("prepare-isolation", "--policy", rc=None)
    same((r.rc, r.json["layout"]["result"] in (results or ("done", ))), (0, True), f"prepare-isolation --policy\n{r}")
    same(found(), should_be(regions), f"what there is\n{r}")
    same(read(DAX.parent / "drivers_autoprobe"), "1", "whether new dax devices get a driver")
    of = {d["name"]: d["dax"] for d in r.json["layout"]["dax"]}
    for region, (_, devices) in regions.items():
        starts = [int(read(DAX / of[name] / "resource"), 0) for name in devices]
        same(starts, sorted(starts), f"devices of {region}, as they stand in the file")
    return of


def already(regions):
    """Once more, and nothing is written."""
    before = Picture()
    of = make(regions, "already")
    before.check("the host after a run that had nothing to do")
    return of


def pattern(dax, text=None):
    """What the device holds at its beginning and its end; TEXT is put there first."""
    size, seen = int(read(DAX / dax / "size")), []
    fd = os.open(f"/dev/{dax}", os.O_RDWR)
    try:
        for at in (0, size - 2 * MIB):
            with mmap.mmap(fd, 2 * MIB, offset=at) as m:
                if text:
                    m[:8] = m[-8:] = text.ljust(8).encode()
                seen += [bytes(m[:8]).decode(errors="replace").rstrip(), bytes(m[-8:]).decode(errors="replace").rstrip()]
    finally:
        os.close(fd)
    return seen


def hold(of):
    """Each device holds its own name."""
    for name, dax in of.items():
        pattern(dax, name)
    check_held(of)


def check_held(of):
    same({name: pattern(dax) for name, dax in of.items()}, {name: [name] * 4 for name in of}, "what the devices hold")


def replug(serial):
    """The endpoint goes and comes back; its regions are husks in between, and go."""
    mem, tree = memdev(serial), Tree("/")
    above, gone = parent_port(mem), [r for r in names("region") if mem in tree.targets(r)]
    remove_endpoint(mem)
    for region in gone:
        delete_husk(region)
    write(PCI / above / "rescan", 1)
    until("the memory device is back", lambda: serial in serials() and (BUS / memdev(serial) / "driver").exists(), 60)


# -- made ------------------------------------------------------------------------------
def test_a_dry_run_writes_nothing_then_it_is_made_and_once_more_is_nothing():
    regions = layout()
    wants(regions)
    before = Picture()
    r = daxctl("prepare-isolation", "--policy", "-n")
    same((r.json["layout"]["result"], {s["state"] for s in r.json["layout"]["plan"]}), ("planned", {"planned"}), "a dry run")
    before.check("the host after a dry run")
    of = make(regions)
    same(already(regions), of, "the devices, once more")
    hold(of)
    cxl("isolation-status", "--policy")
    r = daxctl("list", "--isolation", "--format=table")
    rows = [line.split()[:6] for line in r.out.splitlines()[1:]]
    ports = {name: ",".join(sorted(root_port(memdev(s)) for s in serials_)) for serials_, devices in regions.values() for name in devices}
    tree = Tree("/")
    region_of = {d: x for x in names("region") for d in tree.dax(x)}
    same(sorted(rows), sorted([dax, name, region_of[dax], ports[name], "devdax", "device_dax"] for name, dax in of.items()), "the table")


def test_what_it_prints_as_a_policy_makes_the_same_from_nothing():
    regions = layout()
    wants(regions)
    of = make(regions)
    printed = daxctl("list", "--isolation", "--format=policy").out
    for name in of:
        assert f"[dax {name}]" in printed, printed
    for line in daxctl("list", "--isolation", "--format=qemu").out.splitlines():
        name = line.split("id=")[1].split(",")[0]
        same(f"size={read(DAX / of[name] / 'size')},align={2 * MIB},share=on" in line, True, f"what is given to QEMU for {name}\n{line}")
    for region in reversed(sorted(names("region"), key=lambda x: int(read(BUS / x / "resource"), 0))):
        run("/usr/bin/cxl", "destroy-region", "-f", region)
    POLICY.write_text(printed, encoding="ascii")
    make(regions)
    already(regions)


def test_undo_has_nothing_to_take_back_and_leaves_all_of_it():
    """It takes back what memory was before: before this there was none.

    Other suites may have prepared memory that is the same by place and devices; that is no business of this one.
    """
    for record in STATE.glob("dax-*.before"):
        record.unlink()
    regions = layout()
    wants(regions)
    make(regions)
    before = Picture()
    r = daxctl("prepare-isolation", "--undo", rc=3)
    before.check(f"the host after --undo\n{r}")
    r = daxctl("prepare-isolation", "--policy", "--undo", rc=2)
    before.check(f"the host after --policy --undo\n{r}")
    already(regions)


def test_files_get_their_owner_and_mode():
    regions = layout()
    wants(regions, "owner = 107\ngroup = 36\nfile-mode = 0660\n")
    for dax in make(regions).values():
        at = os.stat(f"/dev/{dax}")
        same((at.st_uid, at.st_gid, oct(at.st_mode & 0o7777)), (107, 36, "0o660"), f"/dev/{dax}")
    already(regions)


# -- from what is there already -------------------------------------------------------------
@on("direct1")
def test_what_the_kernel_made_of_a_region_goes_offline_and_is_cut():
    regions = layout()
    wants(regions)
    make_system_ram(create_region("decoder0.0", memdev(0x1001)))
    make(regions)
    already(regions)


@on("direct1")
def test_what_somebody_cut_otherwise_since_is_cut_again_but_not_while_it_is_used():
    regions = layout()
    wants(regions)
    of = make(regions)
    write(DAX.parent / "drivers/device_dax/unbind", of["vm2"])
    write(DAX / of["vm2"] / "size", 64 * MIB)
    write(DAX.parent / "drivers/device_dax/bind", of["vm2"])
    same(cxl("isolation-status", "--policy", rc=None).rc, 1, "isolation-status, of a host that is otherwise")
    fd = os.open(f"/dev/{of['vm2']}", os.O_RDWR)
    try:
        with mmap.mmap(fd, 2 * MIB):
            before = Picture()
            r = daxctl("prepare-isolation", "--policy", rc=1)
            assert f"process {os.getpid()}" in r.err and f"{POLICY}:" in r.err, r
            before.check("the host after a refusal")
    finally:
        os.close(fd)
    same(make(regions), of, "the devices")


@on("direct1")
def test_drivers_by_the_file():
    """System RAM stays offline without isolation, which is said, and goes back to device_dax; a part of a memory block cannot be it."""
    need_regions()
    regions = {"fast": ((0x1001, ), {"vm1": 128, "vm2": 128})}
    ram = "mode = system-ram\n"
    wants(LAYOUT["direct1"], ram)
    before = Picture()
    r = daxctl("prepare-isolation", "--policy", rc=1)
    assert "in memory blocks of 128MiB on this host" in r.err and len(r.err.splitlines()) == 1, r
    before.check("the host after a refusal")
    wants(regions)
    POLICY.write_text(POLICY.read_text(encoding="ascii") + ram, encoding="ascii")
    r = daxctl("prepare-isolation", "--policy", rc=3)
    same([d[3] for d in found()[(0x1001, )]], ["device_dax", "kmem"], f"drivers\n{r}")
    same(Tree("/").online_blocks(names("region")[0]), [], "memory blocks that are online")
    same(daxctl("prepare-isolation", "--policy", rc=3).json["layout"]["result"], "already", "once more")
    wants(regions)
    make(regions)


# -- when it does not come to its end -------------------------------------------------------
def stopped(how, after):
    """A run that got the signal HOW after so many seconds; its exit status."""
    with subprocess.Popen([DAXCTL, "prepare-isolation", "--policy"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        try:
            return p.wait(after)
        except subprocess.TimeoutExpired:
            p.send_signal(how)
            return p.wait(60)


def take_all_down():
    for region in reversed(sorted(names("region"), key=lambda x: int(read(BUS / x / "resource"), 0))):
        run("/usr/bin/cxl", "destroy-region", "-f", region)


def test_killed_at_any_moment_the_next_run_finishes():
    regions, rounds = layout(), 0
    wants(regions)
    start = time.monotonic()
    make(regions)
    took = time.monotonic() - start
    while rounds < 8:
        take_all_down()
        stopped(signal.SIGKILL, took * (rounds + 1) / 9)
        make(regions, "done", "already")
        rounds += 1


def test_told_to_stop_it_takes_back_what_it_did():
    regions = layout()
    wants(regions)
    start = time.monotonic()
    make(regions)
    took = time.monotonic() - start
    take_all_down()
    for part in range(1, 6):
        if stopped(signal.SIGTERM, took * part / 6) == 5:
            same(names("region"), [], "regions that are left")
            same(read(DAX.parent / "drivers_autoprobe"), "1", "whether new dax devices get a driver")
        take_all_down()
    make(regions)


# -- replugged, isolated ---------------------------------------------------------------------
def others(regions, of):
    """Devices by name of all regions but the last, which is the one that can come back alone: it is the highest."""
    last = list(regions.values())[-1][1]
    return {name: dax for name, dax in of.items() if name not in last}


def test_after_a_replug_the_same_is_made_again_and_neighbours_hold_what_they_held():
    regions = layout()
    wants(regions)
    of = make(regions)
    hold(of)
    for serial in list(regions.values())[-1][0]:
        replug(serial)
        now = make(regions)
        same(others(regions, now), others(regions, of), "devices of other regions")
        check_held(others(regions, of))
        hold(now)
    already(regions)


@on("direct2x2")
def test_below_a_region_of_the_same_bridge_it_is_refused_and_nothing_is_touched():
    regions = layout()
    wants(regions)
    of = make(regions)
    hold(of)
    del of["solo"]
    replug(0x2001)
    before = Picture()
    r = daxctl("prepare-isolation", "--policy", rc=1)
    assert "is at a higher address: decoders are programmed in the order of addresses" in r.err and len(r.err.splitlines()) == 1, r
    before.check("the host after a refusal")
    check_held(of)


def each_recovered(regions, *options):
    """The ports of the last region isolate and are recovered with OPTIONS, one after the other: what each recovery said."""
    with Module(fixed=True) as m:
        cxl("enable-isolation", "--timeout=B2", "root0")
        for serial in list(regions.values())[-1][0]:
            port = root_port(memdev(serial))
            m.set(port, "trigger", "timeout")
            r = cxl("recover-port", *options, port, rc=None)
            same((r.rc, r.json["root_ports"][0]["result"]), (0, "done"), f"recover-port\n{r}")
            yield r


def test_after_isolation_a_recovery_makes_the_same_again_and_neighbours_hold_what_they_held():
    regions = layout()
    wants(regions)
    of = make(regions)
    hold(of)
    for r in each_recovered(regions):
        same(found(), should_be(regions), f"what there is\n{r}")
        check_held(others(regions, of))
        hold(already(regions))


def test_after_isolation_without_rebuild_the_policy_makes_the_same_and_neighbours_hold_what_they_held():
    regions = layout()
    wants(regions)
    of = make(regions)
    hold(of)
    for _ in each_recovered(regions, "--no-rebuild"):
        check_held(others(regions, of))
        now = make(regions)
        same(others(regions, now), others(regions, of), "devices of other regions")
        check_held(others(regions, of))
        hold(now)
