# SPDX-License-Identifier: GPL-2.0-only
"""Husks, and root ports that went away: states that only a failure or a clumsy recovery makes."""
from guest import (PCI, Tree, check_snapshot, create_region, first_memdev, listing, make_devdax, make_system_ram, memdev, names, on, parent_port,
                   remove_endpoint, root_port, same, until, is_bound, write)

FIRST = {"direct1": 0x1001, "direct2x2": 0x2001, "switch4": 0x3001, "pmem1": 0x4001}


def check_husk(region, rps):
    """Listed, with the root ports of what is left of it; unattached when nothing is."""
    r = check_snapshot()
    same(r.regions()[region]["state"], "husk", f"state of {region}")
    same(r.regions()[region]["root_ports"], sorted(rps), f"root ports of {region}")
    same(region in r.unattached("regions"), not rps, f"{region} is unattached")
    return r


@on("direct1")
def test_a_devdax_husk_while_the_endpoint_is_gone_and_when_it_is_back():
    m = memdev(FIRST["direct1"])
    above = parent_port(m)
    region = create_region("decoder0.0", m)
    make_devdax(region)
    remove_endpoint(m)
    check_husk(region, [])
    write(PCI / above / "rescan", 1)
    until("the memdev is back", lambda: names("mem") and all(map(is_bound, names("mem"))))
    check_husk(region, [])


@on("pmem1")
def test_a_persistent_husk():
    region = create_region("decoder0.0", first_memdev(), kind="pmem")
    remove_endpoint(first_memdev())
    check_husk(region, [])


@on("direct2x2")
def test_a_husk_of_an_interleaved_region_keeps_what_is_left():
    a, b = memdev(0x2001), memdev(0x2003)
    region = create_region("decoder0.2", a, b)
    make_devdax(region)
    left = root_port(a)
    remove_endpoint(b)
    check_husk(region, [left])


@on("direct2x2")
def test_a_region_elsewhere_is_untouched_by_a_husk():
    one, two = create_region("decoder0.0", memdev(0x2001)), create_region("decoder0.1", memdev(0x2003))
    make_devdax(one)
    make_devdax(two)
    remove_endpoint(memdev(0x2001))
    r = check_husk(one, [])
    same(r.regions()[two]["state"], "enabled", two)


@on("switch4")
def test_a_husk_below_a_switch():
    mems = [memdev(0x3001), memdev(0x3002)]
    region = create_region("decoder0.0", *mems)
    make_devdax(region)
    rp = root_port(mems[0])
    remove_endpoint(mems[1])
    check_husk(region, [rp])


@on("direct1", "direct2x2")
def test_after_a_root_port_is_removed_and_after_it_is_back():
    """The memdev comes back unbound; nothing is dropped from the listing."""
    m = names("mem")[0]
    rp, n = root_port(m), len(names("mem"))
    write(PCI / rp / "remove", 1)
    until(f"{m} is gone", lambda: m not in names("mem"))
    check_snapshot()
    write("/sys/bus/pci/rescan", 1)
    until("the memdev is back", lambda: len(names("mem")) == n)
    r = check_snapshot()
    same(len(r.memdevs()), n, "memdevs")
    same(len([x for rec in r.root_ports().values() for x in rec["memdevs"]]), n, "memdevs below root ports")


# The last one: only a reboot gets rid of this System RAM.
@on("direct1")
def test_zz_a_husk_whose_memory_is_still_online():
    m = memdev(FIRST["direct1"])
    region = create_region("decoder0.0", m)
    make_system_ram(region)
    remove_endpoint(m)
    check_husk(region, [])
    same(bool(Tree("/").online_blocks(region)), True, "its memory is online as System RAM")
    same(listing("root0").regions()[region]["state"], "husk", region)
