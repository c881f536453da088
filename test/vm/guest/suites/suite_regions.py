# SPDX-License-Identifier: GPL-2.0-only
"""Regions made by the distribution's create-region and daxctl, in every mode."""
from guest import (Tree, check_snapshot, create_region, first_memdev, listing, make_devdax, make_system_ram, memdev, names, on, root_port, run,
                   same, THEIR_DAXCTL)

MIB = 1 << 20


def check(region, size, root_ports, dax, online):
    """The listing of a region made just now."""
    r = check_snapshot()
    same(r.regions()[region]["state"], "enabled", f"state of {region}")
    same(r.regions()[region]["size"], size, f"size of {region}")
    same(r.regions()[region]["root_ports"], sorted(root_ports), f"root ports of {region}")
    for p in root_ports:
        rec = r.root_ports()[p]
        assert region in rec["regions"], rec
        assert dax is None or dax in rec["dax"], rec
        same("ISO-MEM-ONLINE" in rec["blockers"], online, f"ISO-MEM-ONLINE on {p}")
        same("ISO-INTERLEAVE" in rec["blockers"], len(root_ports) > 1, f"ISO-INTERLEAVE on {p}")
    same(sorted(listing(region).root_ports()), sorted(root_ports), f"root ports that {region} selects")
    if dax:
        same(sorted(listing(dax).root_ports()), sorted(root_ports), f"root ports that {dax} selects")
    return r


def cycle(decoder, mems, ways=True):
    """devdax, System RAM online, System RAM offline, devdax again."""
    region = create_region(decoder, *mems)
    size, ports = len(mems) * 256 * MIB, sorted({root_port(m) for m in mems})
    dax = make_devdax(region)
    check(region, size, ports, dax, online=False)
    make_system_ram(region)
    check(region, size, ports, dax, online=True)
    run(THEIR_DAXCTL, "offline-memory", dax)
    check(region, size, ports, dax, online=False)
    make_devdax(region)
    check(region, size, ports, dax, online=False)


@on("direct1")
def test_direct_devdax_and_system_ram():
    cycle("decoder0.0", [memdev(0x1001)])


@on("direct2x2")
def test_interleaved_over_two_root_ports_of_one_bridge():
    cycle("decoder0.0", [memdev(0x2001), memdev(0x2002)])


@on("direct2x2")
def test_interleaved_over_two_bridges():
    cycle("decoder0.2", [memdev(0x2001), memdev(0x2003)])


@on("direct2x2")
def test_interleaved_over_four_root_ports():
    region = create_region("decoder0.2", memdev(0x2001), memdev(0x2003), memdev(0x2002), memdev(0x2004))
    check(region, 1024 * MIB, sorted(root_port(m) for m in names("mem")), make_devdax(region), online=False)


@on("direct2x2")
def test_two_regions_in_different_modes():
    one, two = create_region("decoder0.0", memdev(0x2001)), create_region("decoder0.1", memdev(0x2003))
    dax = make_devdax(one), make_system_ram(two)
    check(one, 256 * MIB, [root_port(memdev(0x2001))], dax[0], online=False)
    check(two, 256 * MIB, [root_port(memdev(0x2003))], dax[1], online=True)


@on("switch4")
def test_interleaved_over_a_switch_is_one_root_port():
    cycle("decoder0.0", [memdev(0x3001 + i) for i in range(4)])


@on("switch4")
def test_two_of_four_below_a_switch():
    region = create_region("decoder0.0", memdev(0x3001), memdev(0x3002))
    make_devdax(region)
    r = check_snapshot()
    same(r.regions()[region]["ways"], 2, "ways")
    same(len(r.root_ports()[root_port(first_memdev())]["memdevs"]), 4, "memdevs below the root port")


@on("pmem1")
def test_persistent():
    region = create_region("decoder0.0", first_memdev(), kind="pmem")
    r = check(region, 256 * MIB, [root_port(first_memdev())], None, online=False)
    same(r.root_ports()[root_port(first_memdev())]["dax"], [], "dax devices of a persistent region")
    same(Tree("/").dax(region), [], "dax devices in sysfs")
