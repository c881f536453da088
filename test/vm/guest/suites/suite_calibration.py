# SPDX-License-Identifier: GPL-2.0-only
"""The script of operations (calibrate.py) on this kernel: the host runs it in the simulator and compares."""
from guest import RELEASE, Skip, on, record, run


@on("direct1")
def test_region_modes_and_losses():
    record("direct1")


@on("direct1")
def test_resets():
    record("resets")


@on("direct1")
def test_dax_devices_and_regions_by_hand():
    record("by-hand")


@on("direct1")
def test_regions_cut_into_several_dax_devices():
    record("parts")


@on("direct1")
def test_devices_of_fsdev_dax():
    if run("modprobe", "-q", "fsdev_dax", rc=None).rc:
        raise Skip("this kernel has no fsdev_dax")
    try:
        record("fsdev")
    finally:
        run("modprobe", "-r", "fsdev_dax")


@on("direct1")
def test_memory_of_kmem_plugged_and_unplugged():
    if RELEASE < (7, 3):
        raise Skip("devices of kmem have no file state before 7.3")
    record("kmem-state")


@on("direct2x2")
def test_ports_below_one_bridge():
    record("bridge-ports")


@on("switch4")
def test_ports_of_a_switch():
    record("switch-ports")


@on("direct2x2")
def test_interleaved_regions_and_bridges():
    record("direct2x2")


@on("switch4")
def test_regions_below_a_switch():
    record("switch4")


@on("pmem1")
def test_persistent_regions():
    record("pmem1")


@on("direct1", "switch4", "pmem1")
def test_root_port_removed_and_back():
    record("rootport")
