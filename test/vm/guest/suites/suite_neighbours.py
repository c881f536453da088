# SPDX-License-Identifier: GPL-2.0-only
"""Hosts of other shapes: a recovery changes nothing but what it is for, and undo takes back what prepare did, no more.

Whether the host is as before says guest.Picture, which uses nothing of our programs; isolation is the test kernel
module's.
"""
import whole_host
from guest import (MEMORY, Module, Picture, Tree, create_region, cxl, daxctl, hold_pattern, holds, last_block, listing, make_devdax,
                   make_system_ram, memdev, names, on, root_port, same, serials, write)

TOPOLOGIES = ("sw2x2", "eight", "mixed", "three", "big", "odd")
SMALL = ("sw2x2", "eight", "mixed", "three", "odd")
SECONDS = 300       # eight regions are made and recovered, and 512 blocks put on and off line
QUARTER = 256 << 20


def devdax(decoder, *of, **more):
    """A region over the devices of these serial numbers, its dax device in devdax mode."""
    region = create_region(decoder, *map(memdev, of), **more)
    make_devdax(region)
    return region


def port_of(serial):
    return root_port(memdev(serial))


def text_of(i):
    return b"neighb%02d" % i


class Failed:
    """The root port above SERIAL isolated; what the NEIGHBOURS, regions, hold and the whole host are remembered."""

    def __init__(self, module, serial, neighbours, target="root0"):
        self.port, self.neighbours = port_of(serial), neighbours
        for i, n in enumerate(neighbours):
            hold_pattern(n, text_of(i))
        cxl("enable-isolation", "--timeout=B2", target)
        self.before = Picture()
        module.set(self.port, "trigger", "timeout")

    def recover(self, *options):
        """It comes back, all else is as it was."""
        r = cxl("recover-port", *options, self.port, rc=None)
        same((r.rc, r.json["root_ports"][0]["result"]), (0, "done"), f"recover-port\n{r}")
        self.before.check()
        lost = [n for i, n in enumerate(self.neighbours) if n not in names("region") or not holds(n, text_of(i))]
        same(lost, [], "neighbours that lost what they held")
        for region in set(names("region")) - set(self.neighbours):
            if Tree("/").dax(region):
                hold_pattern(region, b"recover!")

    def refuse(self, check, *options):
        """Nothing is touched but the port, which stays isolated."""
        between = Picture()
        r = cxl("recover-port", *options, self.port, rc=1)
        same(r.json["root_ports"][0]["blocker"], check, f"why it is refused\n{r.err}")
        between.check()
        return r


def comes_back_beside(neighbour, failed):
    """The region of one endpoint, at the higher address, with that of another as its neighbour."""
    with Module(fixed=True) as m:
        beside = devdax("decoder0.0", neighbour)
        devdax("decoder0.0", failed)
        Failed(m, failed, [beside]).recover()


# -- every host, on every kernel ---------------------------------------------------------------
def test_the_root_ports_are_those_of_cxl():
    same(sorted(listing().root_ports()), sorted(whole_host.root_ports()), "root ports, and those with the DVSEC of CXL")


@on("sw2x2", "eight", "odd")
def test_a_port_without_regions_comes_back():
    with Module(fixed=True) as m:
        Failed(m, max(serials()), []).recover()


# -- a switch below each of two host bridges -------------------------------------------
@on("sw2x2")
def test_a_region_below_one_switch_comes_back_and_the_other_switch_is_untouched():
    with Module(fixed=True) as m:
        devdax("decoder0.0", 0x5001, 0x5002)
        Failed(m, 0x5001, [devdax("decoder0.1", 0x5003, 0x5004)]).recover()


@on("sw2x2")
def test_a_region_over_both_switches_comes_back_and_a_neighbour_below_the_other_is_untouched():
    with Module(fixed=True) as m:
        neighbour = devdax("decoder0.1", 0x5004)
        devdax("decoder0.2", 0x5001, 0x5003)
        Failed(m, 0x5001, [neighbour]).recover()


# -- eight root ports ------------------------------------------------------------------
def eight():
    """A region on each endpoint, in the order of their addresses on each bridge."""
    return [devdax(f"decoder0.{i // 4}", 0x6001 + i) for i in range(8)]


@on("eight")
def test_the_highest_of_four_comes_back_and_seven_are_untouched():
    with Module(fixed=True) as m:
        regions = eight()
        Failed(m, 0x6004, regions[:3] + regions[4:]).recover()


@on("eight")
def test_one_below_others_is_refused_and_comes_back_with_them_the_other_bridge_untouched():
    with Module(fixed=True) as m:
        regions = eight()
        failed = Failed(m, 0x6002, [regions[0], *regions[4:]])
        r = failed.refuse("ISO-DECODER-ORDER")
        same([x for x in (regions[2], regions[3]) if x not in r.err], [], f"the regions in the way are named\n{r.err}")
        failed.recover("--with-neighbours")


@on("eight")
def test_a_region_over_all_eight_comes_back():
    with Module(fixed=True) as m:
        devdax("decoder0.2", *(0x6001 + i // 2 + 4 * (i % 2) for i in range(8)))
        Failed(m, 0x6006, []).recover()


# -- volatile and persistent memory on one endpoint ------------------------------------
@on("mixed")
def test_the_volatile_part_comes_back_and_the_neighbour_is_untouched():
    comes_back_beside(0x7002, 0x7001)


@on("mixed")
def test_beside_a_persistent_region_a_port_comes_back():
    with Module(fixed=True) as m:
        create_region("decoder0.0", memdev(0x7002), kind="pmem")
        Failed(m, 0x7001, [], target=port_of(0x7001)).recover()


# -- several regions on one endpoint ---------------------------------------------------
@on("three")
def test_three_regions_of_one_endpoint_come_back_and_the_neighbour_below_is_untouched():
    with Module(fixed=True) as m:
        neighbour = devdax("decoder0.0", 0x8002, size=QUARTER)
        for _ in range(3):
            devdax("decoder0.0", 0x8001, size=QUARTER)
        Failed(m, 0x8001, [neighbour]).recover()


@on("three")
def test_regions_of_two_endpoints_in_turn_come_back_together():
    with Module(fixed=True) as m:
        lowest = devdax("decoder0.0", 0x8002, size=QUARTER)
        for serial in (0x8001, 0x8002, 0x8001):
            devdax("decoder0.0", serial, size=QUARTER)
        failed = Failed(m, 0x8001, [lowest])
        failed.refuse("ISO-DECODER-ORDER")
        failed.recover("--with-neighbours")


# -- as much memory as can be --------------------------------------------------------------
@on("big")
def test_a_large_region_comes_back_and_the_neighbour_is_untouched():
    comes_back_beside(0x9002, 0x9001)


# -- among devices that are no memory --------------------------------------------------
@on("odd")
def test_beside_ordinary_devices_and_empty_ports_a_region_comes_back():
    comes_back_beside(0xa002, 0xa001)


@on("odd")
def test_an_endpoint_beside_an_ordinary_device_below_a_switch():
    comes_back_beside(0xa001, 0xa002)


# -- prepare and undo ------------------------------------------------------------------------
# Decoder, serial numbers and size of what is made, the lowest address first.
REGIONS = {"sw2x2": [("decoder0.0", (0x5001, 0x5002), None), ("decoder0.1", (0x5003, ), None), ("decoder0.1", (0x5004, ), None)],
           "eight": [("decoder0.0", (0x6001, 0x6002), None), ("decoder0.0", (0x6003, ), None), ("decoder0.1", (0x6005, ), None)],
           "mixed": [("decoder0.0", (0x7001, ), None), ("decoder0.0", (0x7002, ), None)],
           "three": [("decoder0.0", (0x8001, ), QUARTER)] * 3 + [("decoder0.0", (0x8002, ), QUARTER)],
           "big": [("decoder0.0", (0x9002, ), None), ("decoder0.0", (0x9001, ), None)],
           "odd": [("decoder0.0", (0xa001, ), None), ("decoder0.0", (0xa002, ), None)]}


def regions_here():
    first = min(serials())
    made = next(rs for rs in REGIONS.values() if first in [s for r in rs for s in r[1]])
    return [create_region(decoder, *map(memdev, of), size=size) for decoder, of, size in made]


def some_offline(region):
    last = f"memory{last_block(make_system_ram(region))}"
    write(MEMORY / last / "state", "offline")


def prepare_and_undo(*modes):
    """The regions of this host in MODES, in turn."""
    regions = regions_here()
    for i, region in enumerate(regions):
        modes[i % len(modes)](region)
    before = Picture()
    daxctl("prepare-isolation", timeout=SECONDS)
    same([r for r in regions if Tree("/").online_blocks(r)], [], "regions that are online when prepared")
    daxctl("prepare-isolation", "--undo", timeout=SECONDS)
    before.check("the host after prepare-isolation and --undo")


@on(*SMALL)
def test_undo_is_exact_where_all_is_system_ram():
    prepare_and_undo(make_system_ram, some_offline)


def test_undo_is_exact_where_some_is_device_dax():
    prepare_and_undo(make_devdax, make_system_ram)


# -- the picture -----------------------------------------------------------------------------
@on(*SMALL)
def test_the_picture_sees_a_change():
    """Or nothing above would prove anything."""
    last = f"memory{last_block(make_system_ram(regions_here()[0]))}"
    before = Picture()
    before.check("the host, untouched")
    write(MEMORY / last / "state", "offline")
    try:
        before.check()
    except AssertionError as e:
        assert f"/{last}/state" in str(e), e
        return
    raise AssertionError(f"{last} was put offline, and the picture did not see it")
