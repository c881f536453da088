# SPDX-License-Identifier: GPL-2.0-only
"""The same for what only a reboot repairs."""
from guest import on, record

TOPOLOGIES = ("direct1", "direct2x2", "switch4", "three")


@on("direct1")
def test_memory_that_is_online_when_its_region_goes():
    record("online-left")


@on("direct2x2")
def test_two_regions_on_one_node():
    record("two-on-a-node")


@on("direct1")
def test_slot_power():
    record("power")


@on("switch4")
def test_memory_that_kmem_leaves_online():
    record("memory-left")


@on("three")
def test_memory_that_one_of_two_dax_devices_leaves_online():
    record("parts-left")
