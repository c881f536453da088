# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim capture on a real machine: the host replays the archive and compares the listings."""
from guest import SIM, create_region, first_memdev, keep_capture, listing, make_devdax, make_system_ram, memdev, on, run


def test_the_machine_as_it_booted():
    keep_capture(listing())


@on("direct1")
def test_with_a_region_in_devdax_mode():
    make_devdax(create_region("decoder0.0", memdev(0x1001)))
    keep_capture(listing())


@on("direct2x2")
def test_with_interleaved_regions_one_of_them_system_ram():
    make_system_ram(create_region("decoder0.1", memdev(0x2004)))     # the lower address first
    make_devdax(create_region("decoder0.2", memdev(0x2001), memdev(0x2003)))
    keep_capture(listing())


@on("pmem1")
def test_with_a_persistent_region():
    create_region("decoder0.0", first_memdev(), kind="pmem")
    keep_capture(listing())


@on("switch4")
def test_with_a_region_below_a_switch_and_an_unbound_memdev():
    make_devdax(create_region("decoder0.0", memdev(0x3001), memdev(0x3002)))
    run("cxl", "disable-memdev", "-f", memdev(0x3004))
    keep_capture(listing())


@on("direct1")
def test_every_file_that_belongs_to_it_can_be_read():
    """It says how many could not, registers included."""
    r = run(SIM, "capture", "-o", "/tmp/again.tar.xz")
    assert not r.err and not r.out, r
