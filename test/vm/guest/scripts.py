# SPDX-License-Identifier: GPL-2.0-only
"""The operations of the calibration: see calibrate.py.  Every step leaves something to look at.

The steps of a script go on from each other; each script leaves the machine as it
found it, but for what it says.
"""
import os
import time

import isolation
import parts
import refused
import uses
from calibrate import CXL, listing, text
from steps import (DAX_DRIVERS, DRIVERS, MIB256, RESCAN, all_bound, bind, blocks_of, bridge_port, claim, create, dax_of, delete, destroy,
                   endpoint_decoder, function, is_bound, memdevs, parent_port, remove, rescan, root_port, set_up, to_devdax,
                   unbind_bridge)


def memory_blocks(run, dax):
    """kmem is bound, its blocks are offline."""
    first, *others = blocks_of(dax)
    run.put("/sys/devices/system/memory/auto_online_blocks", "", "x", "ONLINE", "online ", "online_x")
    run.put(f"{first}/state", "", "\n", "x", "Online", "online ", "offline", "online_x", "x" * 5000)
    run.put(f"{first}/online", *refused.BOOLS, "0")
    run.put("memory0/state", "x", "online")
    run.put(f"{first}/valid_zones", "x")
    run.step("refused: memory blocks")
    run.put(f"{first}/state", "online_movable")
    run.step("a block online, movable")
    for b in others:
        run.put(f"{b}/state", "online_movable", "online", "online_movable")
    run.put(f"{first}/online", "1", "on")
    refused.dax_device(run, dax)
    run.step("all blocks online")
    for b in (first, *others):
        run.put(f"{b}/state", "offline\n", "offline")
    run.step("all blocks offline")
    # Only movable: what the kernel itself puts there would not leave, and be lost with the region.
    for b in (first, *others):
        run.put(f"{b}/state", "online_movable\n")
    for b in (first, *others):
        run.put(f"{b}/online", "0", "off")
    run.step("on and off by the other attribute")


def modes(run, dax):
    """kmem and device_dax in turn."""
    run.put(f"{DAX_DRIVERS}/kmem/unbind", dax, dax)
    run.step("kmem unbound")
    refused.dax_device(run, "dax99.0")
    run.put(f"{dax}/memmap_on_memory", "0", "off", "1", "n")
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.step("no driver")
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", dax)
    refused.dax_device(run, dax)
    run.step("device_dax")
    run.put(f"{DAX_DRIVERS}/device_dax/unbind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", dax)
    run.step("device_dax unbound and bound")
    run.put(f"{DAX_DRIVERS}/device_dax/unbind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
    run.step("kmem again")


def direct1(run):
    run.step("start")
    refused.at_rest(run)
    region = claim(run, "decoder0.0")
    run.step("a region claimed")
    refused.while_empty(run, region)
    run.step("refused: an empty region")
    run.put(f"{region}/interleave_granularity", "512", "0x100", "+256")
    run.put(f"{region}/interleave_ways", "2", "1\n", "01")
    run.put(f"{region}/size", "0x20000000", "0", hex(MIB256), hex(MIB256))
    run.step("a region with a size")
    refused.while_sized(run, region)
    run.step("refused: a region without targets")
    run.put(f"{region}/target0", "\n")
    run.step("its target taken out")
    set_up(run, region, memdevs())
    refused.while_active(run, region, endpoint_decoder(memdevs()[0]))
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    run.step("all targets, not committed")
    run.put(f"{region}/commit", "1", "Y", "on")
    run.step("committed")
    bind(run, region)
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    run.step("a region")
    dax = dax_of(region)
    memory_blocks(run, dax)
    modes(run, dax)
    to_devdax(run, dax)
    refused.while_active(run, region, endpoint_decoder(memdevs()[0]))
    run.step("refused: a region in use")
    teardown(run, region)
    losses(run)


def teardown(run, region):
    run.put(f"{DRIVERS}/cxl_region/unbind", region, region)
    run.step("region unbound")
    run.put(f"{region}/commit", "0", "0")
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    run.step("decommitted")
    run.put(f"{region}/commit", "1")
    bind(run, region)
    run.step("committed and bound again")
    run.put(f"{region}/commit", "0")
    run.step("decommitted while bound")
    run.put(f"{region}/target0", "\n")
    run.step("a target taken out")
    destroy(run, region)
    run.step("destroyed")


def losses(run):
    """What a failure or a recovery makes of a region."""
    n = len(memdevs())
    m = memdevs()[0]
    region = create(run, "decoder0.0", [m])
    to_devdax(run, dax_of(region))
    run.step("a region in devdax mode")
    run.put(f"{DRIVERS}/cxl_mem/unbind", m)
    run.settle(lambda: not is_bound(m))
    run.step("memdev unbound: a husk")
    run.put(f"{region}/commit", "1", "0")
    run.put(f"{region}/size", "0x20000000")
    run.put(f"{region}/target0", "decoder2.0", "\n")
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.step("refused: a husk")
    run.put(f"{DRIVERS}/cxl_mem/bind", m)
    run.step("memdev bound")
    run.put(f"{region}/commit", "1")
    run.put(f"{region}/target0", endpoint_decoder(m))
    run.step("refused: a husk whose memdev is back")
    delete(run, region)
    run.step("the husk deleted")
    region = create(run, "decoder0.0", [m])
    run.step("a region in kmem mode, offline")
    above = parent_port(m)
    remove(run, m)
    run.step("endpoint removed: a husk")
    rescan(run, f"{above}/rescan", n)
    run.step("endpoint back, the husk there")
    delete(run, region)
    region = create(run, "decoder0.0", memdevs()[:1])
    to_devdax(run, dax_of(region))
    run.step("made again after the husk")
    remove(run, memdevs()[0])
    delete(run, region)
    run.step("endpoint removed, the husk deleted without it")
    rescan(run, RESCAN, n)
    run.step("endpoint back")


def resets(run):
    """The device loses its decoders while the kernel thinks that they are programmed."""
    m = memdevs()[0]
    above, device = parent_port(m), function(m)
    run.put(f"{above}/reset_subordinate", "", "x", "0", "2", "0x")
    run.put(f"{device}/reset", "", "x", "0", "-1")
    run.put(f"{device}/reset_method", "x", "pm", "bus cxl_bus x", "cxl_bus cxl_bus")
    run.step("refused: resets")
    region = create(run, "decoder0.0", [m])
    to_devdax(run, dax_of(region))
    run.put(f"{above}/reset_subordinate", "1")
    run.step("reset of what is below the port: the region is as it was")
    destroy(run, region)
    run.step("destroyed after the reset")
    remove(run, m)
    rescan(run, RESCAN)
    m = memdevs()[0]
    region = create(run, "decoder0.0", [m])
    to_devdax(run, dax_of(region))
    run.step("made again after remove and rescan")
    run.put(f"{device}/reset_method", "cxl_bus")
    run.put(f"{device}/reset", "1")
    run.step("the endpoint's own reset")
    destroy(run, region)
    run.step("destroyed after its reset")
    region = create(run, "decoder0.0", [m])
    run.step("made again at once")
    remove(run, m)
    delete(run, region)
    run.step("removed after its reset")
    rescan(run, RESCAN)
    m = memdevs()[0]
    region = create(run, "decoder0.0", [m])
    run.step("back, and a region again")
    destroy(run, region)
    run.step("destroyed")


def root_port_away(run):
    """What a clumsy recovery does: the memdev behind a root port that came back is not bound."""
    n, m = len(memdevs()), memdevs()[0]
    rp, bridge = root_port(m), bridge_port(m)
    run.put(f"{rp}/remove", "1")
    run.settle(lambda: len(memdevs()) < n)
    run.step("root port removed")
    run.put(RESCAN, "1")
    run.settle(lambda: len(memdevs()) == n)
    time.sleep(0.5)
    run.step("root port back")
    unbound = [m for m in memdevs() if not is_bound(m)]
    for m in unbound:
        run.put(f"{DRIVERS}/cxl_mem/bind", m)
    unbind_bridge(run, bridge)
    run.step("its host bridge's port unbound")
    run.put(f"{DRIVERS}/cxl_mem/bind", memdevs()[0])
    run.put(f"{DRIVERS}/cxl_port/bind", bridge, bridge)
    for m in memdevs():
        if not is_bound(m):
            run.put(f"{DRIVERS}/cxl_mem/bind", m)
    run.settle(all_bound(n))
    run.step("and bound, the memdevs too")


def direct2x2(run):
    a, b, c, d = memdevs()
    run.step("start")
    region = claim(run, "decoder0.0")
    other = claim(run, "decoder0.1")
    run.step("two regions claimed")
    run.put(f"{region}/interleave_granularity", "1024")
    run.put(f"{region}/interleave_ways", "4", "2")
    run.put(f"{region}/size", hex(MIB256), hex(2 * MIB256))
    for m in (a, b, c):
        run.put(f"{endpoint_decoder(m)}/mode", "ram")
    run.put(f"{region}/target0", endpoint_decoder(a))
    run.put(f"{endpoint_decoder(a)}/dpa_size", hex(MIB256))
    run.put(f"{endpoint_decoder(b)}/dpa_size", hex(MIB256))
    run.put(f"{endpoint_decoder(c)}/dpa_size", hex(MIB256))
    run.put(f"{region}/target1", endpoint_decoder(a), endpoint_decoder(a, 1))
    run.put(f"{region}/target0", endpoint_decoder(a), endpoint_decoder(b))
    run.put(f"{region}/commit", "1")
    run.step("one of two targets")
    run.put(f"{region}/target0", "\n", endpoint_decoder(c))
    run.step("a target of another bridge")
    run.put(f"{region}/target0", endpoint_decoder(b))
    run.step("a target back in a region that had all")
    destroy(run, region)
    run.step("destroyed")
    region = create(run, "decoder0.0", [b, a])
    set_up(run, other, [c])
    run.put(f"{other}/target0", endpoint_decoder(d))
    run.put(f"{other}/commit", "1")
    bind(run, other)
    to_devdax(run, dax_of(region))
    run.step("two regions, one interleaved")
    interleaved_losses(run, region, other, (a, b, c, d))
    many_ways(run)
    two_below_one_bridge(run)
    bridge_away(run)


def interleaved_losses(run, region, other, mems):
    a, b, _, _ = mems
    serials = [text(f"{CXL}/{m}/serial") for m in mems]
    run.put(f"{DRIVERS}/cxl_mem/unbind", b)
    run.settle(lambda: not is_bound(b))
    run.step("one memdev of two unbound: a husk")
    run.put(f"{region}/commit", "1")
    run.put(f"{region}/size", "0")
    run.put(f"{region}/target0", "\n")
    run.put(f"{endpoint_decoder(a)}/dpa_size", "0")
    run.step("the husk taken apart")
    delete(run, region)
    run.put(f"{DRIVERS}/cxl_mem/bind", b)
    run.step("deleted, the memdev bound")
    region = create(run, "decoder0.0", [a, b])
    run.step("made again")
    remove(run, a)
    run.step("one endpoint of two removed: a husk")
    rescan(run, RESCAN, 4)
    run.step("it is back, the husk there")
    delete(run, region)
    destroy(run, other)
    run.note("serial numbers", [text(f"{CXL}/{m}/serial") for m in memdevs()] == serials)
    run.step("both gone")


def many_ways(run):
    """Across two host bridges."""
    a, b, c, d = memdevs()
    region = claim(run, "decoder0.2")
    run.put(f"{region}/interleave_ways", "1", "3", "4")
    run.put(f"{region}/interleave_granularity", "512", "256")
    run.put(f"{region}/size", hex(4 * MIB256))
    for m in (a, b, c, d):
        run.put(f"{endpoint_decoder(m)}/mode", "ram")
        run.put(f"{endpoint_decoder(m)}/dpa_size", hex(MIB256))
    for i, m in enumerate((a, b, c, d)):    # two of a bridge in a row: the last is told so
        run.put(f"{region}/target{i}", endpoint_decoder(m))
    run.put(f"{region}/commit", "1")
    run.step("four targets in a wrong order")
    for i in range(4):
        run.put(f"{region}/target{i}", "\n")
    for i, m in enumerate((a, c, b, d)):
        run.put(f"{region}/target{i}", endpoint_decoder(m))
    run.step("four targets")
    run.put(f"{region}/commit", "1")
    bind(run, region)
    run.step("four ways")
    destroy(run, region)
    run.step("four ways destroyed")
    region = create(run, "decoder0.2", [a, c])
    run.step("two ways, across bridges")
    low, high = claim(run, "decoder0.0"), claim(run, "decoder0.0")
    for r in (low, high):
        run.put(f"{r}/interleave_granularity", "256")
        run.put(f"{r}/interleave_ways", "1")
        run.put(f"{r}/size", hex(MIB256))
    run.put(f"{endpoint_decoder(b)}/mode", "ram")
    run.put(f"{endpoint_decoder(b)}/dpa_size", hex(MIB256))
    run.put(f"{low}/target0", endpoint_decoder(b))
    run.put(f"{high}/target0", endpoint_decoder(b))
    run.step("a lower address behind a higher one")
    for r in (high, low, region):
        destroy(run, r)
    run.put(f"{endpoint_decoder(b)}/dpa_size", "0")
    run.step("all destroyed")


def two_below_one_bridge(run):
    """Decoders are committed in order, and given back in order."""
    a, b, _, _ = memdevs()
    one, two = claim(run, "decoder0.0"), claim(run, "decoder0.0")
    set_up(run, one, [a])
    set_up(run, two, [b])
    run.step("two regions, neither committed")
    run.put(f"{two}/commit", "1")
    run.put(f"{one}/commit", "1")
    run.put(f"{two}/target0", endpoint_decoder(b))
    run.put(f"{two}/commit", "1")
    bind(run, one)
    bind(run, two)
    run.step("two regions")
    destroy(run, one)
    run.step("the lower one destroyed")
    one = claim(run, "decoder0.0")
    set_up(run, one, [a])
    run.put(f"{one}/commit", "1")
    run.step("the lower one made again")
    run.put(f"{DRIVERS}/cxl_mem/unbind", b)
    run.settle(lambda: not is_bound(b))
    run.step("the memdev of the higher one unbound")
    run.put(f"{one}/target0", endpoint_decoder(a))
    run.put(f"{one}/commit", "1")
    delete(run, two)
    run.put(f"{DRIVERS}/cxl_mem/bind", b)
    run.step("the higher one deleted")
    destroy(run, one)
    run.step("both destroyed")


def bridge_away(run):
    """cxl_port unbound from a host bridge's port with regions below."""
    a, b, c, _ = memdevs()
    region, other = create(run, "decoder0.0", [a, b]), create(run, "decoder0.1", [c])
    bridge = bridge_port(a)
    run.step("a region below each bridge")
    unbind_bridge(run, bridge)
    run.step("a host bridge's port unbound")
    run.put(f"{DRIVERS}/cxl_port/bind", bridge)
    for m in memdevs():
        if not is_bound(m):
            run.put(f"{DRIVERS}/cxl_mem/bind", m)
    run.step("bound again")
    delete(run, region)
    destroy(run, other)
    run.step("regions gone")
    root_port_away(run)


def switch4(run):
    mems = memdevs()
    run.step("start")
    region = create(run, "decoder0.0", mems)
    to_devdax(run, dax_of(region))
    run.step("four ways below a switch")
    run.put(f"{DRIVERS}/cxl_mem/unbind", mems[1])
    run.settle(lambda: not is_bound(mems[1]))
    run.step("one memdev unbound")
    run.put(f"{DRIVERS}/cxl_mem/bind", mems[1])
    delete(run, region)
    run.step("bound, the husk deleted")
    region = create(run, "decoder0.0", mems[:2])
    run.step("two ways")
    above = parent_port(mems[0])
    remove(run, mems[0])
    run.step("one endpoint removed")
    rescan(run, f"{above}/rescan", 4)
    delete(run, region)
    run.step("it is back, the husk deleted")
    for m in memdevs():
        remove(run, m)
    run.step("all endpoints removed: the switch's port goes")
    rescan(run, RESCAN, 4)
    run.step("all are back")
    switch_away(run)


def switch_away(run):
    region = create(run, "decoder0.0", memdevs()[2:])
    upstream = os.path.realpath(f"{CXL}/{memdevs()[0]}").split("/")[5]
    rp = root_port(memdevs()[0])
    run.put(f"{upstream}/remove", "1")
    run.settle(lambda: not memdevs())
    run.step("the switch removed")
    rescan(run, f"{rp}/rescan", 4)
    run.step("the switch is back")
    delete(run, region)
    region = create(run, "decoder0.0", memdevs())
    run.step("made again")
    destroy(run, region)
    run.step("destroyed")


def pmem1(run):
    m = memdevs()[0]
    run.step("start")
    region = claim(run, "decoder0.0", "pmem")
    refused.while_empty(run, region)
    run.put(f"{region}/uuid", "00000000-0000-0000-0000-000000000000\n", "69A29757-bb80-4904-8475-3d77ce576157\n",
            "69a29757xbb80-4904-8475-3d77ce576157\n")
    run.step("refused: an empty region")
    other = claim(run, "decoder0.0", "pmem")
    run.put(f"{other}/uuid", "69a29757-bb80-4904-8475-3d77ce576157\n")
    delete(run, other)
    run.put(f"{region}/interleave_granularity", "256")
    run.put(f"{region}/interleave_ways", "1")
    run.put(f"{region}/size", hex(MIB256))
    refused.while_sized(run, region)
    run.step("refused: a region without targets")
    run.put(f"{region}/target0", "\n")
    set_up(run, region, [m], "pmem")
    refused.while_active(run, region, endpoint_decoder(m))
    run.step("all targets")
    run.put(f"{region}/commit", "1")
    bind(run, region)
    run.step("a region")
    refused.while_active(run, region, endpoint_decoder(m))
    run.step("refused: a region in use")
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.step("region unbound")
    bind(run, region)
    run.step("region bound")
    destroy(run, region)
    run.step("destroyed")
    region = create(run, "decoder0.0", [m], "pmem")
    above = parent_port(m)
    remove(run, m)
    run.step("endpoint removed: a husk")
    rescan(run, f"{above}/rescan")
    delete(run, region)
    run.step("endpoint back, the husk deleted")
    region = create(run, "decoder0.0", memdevs(), "pmem")
    run.put(f"{DRIVERS}/cxl_mem/unbind", m)
    run.settle(lambda: not is_bound(m))
    run.step("memdev unbound: a husk")
    delete(run, region)
    run.put(f"{DRIVERS}/cxl_mem/bind", m)
    run.step("husk deleted, memdev bound")


def power(run):
    """The slot's power; in QEMU the device is gone for good."""
    region = create(run, "decoder0.0", memdevs())
    to_devdax(run, dax_of(region))
    slot = f"/sys/bus/pci/slots/{listing('/sys/bus/pci/slots')[0]}/power"
    run.put(slot, "1", "1x", "2x", "300")
    run.step("refused: a slot that has power")
    run.put(slot, "x")
    run.settle(lambda: not memdevs())
    run.step("power off: a husk")
    run.put(slot, "0", "off", "3")
    delete(run, region)
    run.step("refused: a slot without power")
    run.put(slot, "1")
    run.settle(all_bound(1), 2)
    run.step("power on")


def memory_left(run):
    """kmem lets a device go whose memory is online: what it added stays with the kernel until the next boot."""
    region = create(run, "decoder0.0", memdevs()[:1])
    dax = dax_of(region)
    first, *others = blocks_of(dax)
    run.put(f"{first}/state", "online_movable")
    run.step("a block online")
    run.put(f"{DAX_DRIVERS}/kmem/unbind", dax)
    run.step("kmem unbound: the memory stays")
    run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.step("refused: a driver for a device whose memory is online")
    run.put(f"{dax}/memmap_on_memory", "0", "1")
    run.put(f"{first}/state", "offline")
    run.step("the block offline")
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", dax)
    run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
    run.step("refused: a driver for a device whose memory is still the kernel's")
    for b in others:
        run.put(f"{b}/state", "online_movable", "offline")
    run.step("on and off without a driver")
    destroy(run, region)
    run.step("region destroyed, the memory still there")


SCRIPTS = {"direct1": direct1, "v1": isolation.v1, "v1-fixed": isolation.fixed, "resets": resets, "rootport": root_port_away, "direct2x2": direct2x2, "switch4": switch4,
           "pmem1": pmem1, "power": power, "memory-left": memory_left, "parts": parts.parts,
           "parts-left": parts.left, "fsdev": parts.fsdev,
           "kmem-state": parts.kmem_state,
           "by-hand": uses.by_hand, "online-left": uses.online_left, "bridge-ports": uses.bridge_ports, "two-on-a-node": uses.two_on_a_node,
           "switch-ports": uses.switch_ports}
