# SPDX-License-Identifier: GPL-2.0-only
"""More operations of the calibration: what is done by hand to dax devices, memory and ports, in the orders
that go wrong."""
import mmap
import os
import time

from calibrate import CXL, MEMORY, link, listing, name_of_errno, text
from steps import (DAX_DRIVERS, DRIVERS, MIB256, RESCAN, all_bound, bind, blocks_of, bridge_port, claim, create, dax_of, delete, destroy,
                   endpoint_decoder, is_bound, memdevs, parent_port, remove, rescan, root_port, unbind_bridge)

POLICY = f"{MEMORY}/auto_online_blocks"
MIB2 = 2 << 20


# -- one device ------------------------------------------------------------------------
def opened(dax):
    """Whether a program can open the device and use its memory."""
    try:
        fd = os.open(f"/dev/{dax}", os.O_RDWR)
    except OSError as e:
        return name_of_errno(e.errno)
    try:
        with mmap.mmap(fd, MIB2) as m:
            m[0:4] = b"data"
            return m[0:4].decode()
    finally:
        os.close(fd)


class Holder:
    """A process that maps a device, and writes to it when told."""

    def __init__(self, dax):
        self.said, told = os.pipe()
        heard, self.tell = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            m = mmap.mmap(os.open(f"/dev/{dax}", os.O_RDWR), MIB2)
            for end in (self.said, self.tell):
                os.close(end)
            while os.read(heard, 1):
                m[0:1] = b"x"
                os.write(told, b"ok")
            os._exit(0)
        os.close(told)
        os.close(heard)

    def touch(self):
        os.write(self.tell, b"x")
        return os.read(self.said, 2).decode() or "killed"

    def end(self):
        os.close(self.tell)
        os.close(self.said)
        return os.WTERMSIG(os.waitpid(self.pid, 0)[1])


def dax_node(run, m):
    """Who can use /dev/daxX.Y, and what becomes of those who do."""
    region = create(run, "decoder0.0", [m])
    dax = dax_of(region)
    run.note("opened, kmem", opened(dax))
    run.put(f"{DAX_DRIVERS}/kmem/unbind", dax)
    run.note("opened, no driver", opened(dax))
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", dax)
    run.note("opened, device_dax", opened(dax))
    h = Holder(dax)
    run.note("held", h.touch())
    run.put(f"{DAX_DRIVERS}/device_dax/unbind", dax)
    run.note("held, driver unbound", h.touch())
    run.note("held, signal", h.end())
    run.note("opened, device_dax unbound", opened(dax))
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.note("opened, device_dax bound", opened(dax))
    h = Holder(dax)
    run.note("held again", h.touch())
    destroy(run, region)
    run.note("held, destroyed", h.touch())
    run.note("held again, signal", h.end())
    run.note("opened, destroyed", opened(dax))
    run.step("used and destroyed")


def policies(run, m):
    """What becomes of new memory by itself."""
    before = text(POLICY)
    for word in ("online_movable", "offline\n"):
        run.put(POLICY, word)
        word = word.strip()
        region = create(run, "decoder0.0", [m])
        dax = dax_of(region)
        if link(f"/sys/bus/dax/devices/{dax}/driver") != "kmem":
            run.put(f"{DAX_DRIVERS}/device_dax/unbind", dax)
            run.put(f"{DAX_DRIVERS}/device_dax/remove_id", dax)
            run.put("/sys/bus/dax/drivers_probe", dax)
        time.sleep(0.1)
        run.step(f"{word}: a region")
        for b in blocks_of(dax):
            run.put(f"{b}/state", "online_movable", "online", "online_kernel", "online_movable")
        run.step(f"{word}: online")
        for b in blocks_of(dax):
            run.put(f"{b}/state", "offline", "offline")
        run.put(f"{DAX_DRIVERS}/kmem/unbind", dax)
        run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
        time.sleep(0.1)
        run.step(f"{word}: offline, kmem again")
        for b in blocks_of(dax):
            run.put(f"{b}/online", "0")
        destroy(run, region)
    run.put(POLICY, before)


def sized(run, ways=1, blocks=1):
    """A region with a size and no targets."""
    region = claim(run, "decoder0.0")
    run.put(f"{region}/interleave_granularity", "256")
    run.put(f"{region}/interleave_ways", str(ways))
    run.put(f"{region}/size", hex(blocks * MIB256))
    return region


def wrong_orders(run, m):
    """Torn down from below; others in the same window."""
    region = create(run, "decoder0.0", [m])
    run.put(f"{region}/commit", "0")
    run.step("decommitted with a driver")
    run.put(f"{region}/commit", "1")
    bind(run, region)
    run.put(f"{region}/target0", "\n")
    run.step("its target taken out with a driver")
    run.put(f"{region}/target0", endpoint_decoder(m))
    run.put(f"{region}/commit", "1")
    bind(run, region)
    delete(run, region)
    run.step("deleted as it is")
    region = create(run, "decoder0.0", [m])
    second, third = sized(run), sized(run, blocks=2)
    delete(run, second)
    run.step("three, the middle one deleted")
    big, small = sized(run, blocks=2), sized(run)
    run.step("two more, one in the gap")
    for r in (third, region, big, small):
        destroy(run, r)
    run.step("all destroyed")


def by_hand(run):
    m = memdevs()[0]
    run.step("start")
    dax_node(run, m)
    policies(run, m)
    wrong_orders(run, m)
    region = create(run, "decoder0.0", [m])
    run.put(f"{root_port(m)}/remove", "1")
    run.settle(lambda: not memdevs())
    delete(run, region)
    run.step("root port removed, the husk deleted without it")


def online_left(run):
    """The memory is online when what is below it goes: last, since it stays until the next boot."""
    m = memdevs()[0]
    region = create(run, "decoder0.0", [m])
    for b in blocks_of(dax_of(region)):
        run.put(f"{b}/state", "online_movable")
    blocks = blocks_of(dax_of(region))
    run.put(f"{region}/commit", "0")
    run.step("decommitted with memory online")
    run.put(f"{region}/commit", "1")
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    time.sleep(0.2)
    run.step("committed and bound again: no dax device")
    for b in blocks:
        run.put(f"{b}/state", "offline")
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    time.sleep(0.2)
    run.step("bound with the memory offline")
    destroy(run, region)
    region = create(run, "decoder0.0", [m])
    run.step("a new region, at another address")
    blocks = blocks_of(dax_of(region))
    for b in blocks:
        run.put(f"{b}/state", "online_movable")
    remove(run, m)
    time.sleep(0.2)
    run.step("endpoint removed with memory online")
    for b in blocks:
        run.put(f"{b}/state", "offline")
    rescan(run)
    delete(run, region)
    region = create(run, "decoder0.0", memdevs())
    run.step("made again, at a third")
    destroy(run, region)


# -- several below one port --------------------------------------------------------------
def zones(run, a, b):
    """Two regions on one node."""
    one, two = create(run, "decoder0.0", [a]), create(run, "decoder0.0", [b])
    blocks = [*blocks_of(dax_of(one)), *blocks_of(dax_of(two))]
    run.put(f"{blocks[0]}/state", "online_movable")
    run.put(f"{blocks[3]}/state", "online_movable")
    run.step("first and last block movable")
    run.put(f"{blocks[1]}/state", "online")
    run.put(f"{blocks[2]}/online", "1")
    run.step("those between online")
    run.put(f"{blocks[3]}/state", "offline")
    run.step("the last offline")
    remove(run, a)
    run.step("an endpoint removed with memory online")


def endpoint(memdev):
    return f"endpoint{endpoint_decoder(memdev)[7:-2]}"


def out_of_order(run, a, b):
    """Of two below a host bridge, the lower one first."""
    one, two = create(run, "decoder0.0", [a]), create(run, "decoder0.0", [b])
    run.put(f"{one}/commit", "0")
    run.step("two, the lower one decommitted")
    run.put(f"{one}/commit", "1")
    run.put(f"{two}/commit", "0")
    run.put(f"{one}/commit", "1")
    run.put(f"{two}/commit", "1")
    bind(run, one)
    bind(run, two)
    run.step("and again, in order")
    remove(run, a)
    rescan(run, RESCAN, 4)
    delete(run, one)
    one = create(run, "decoder0.0", memdevs()[:1])
    run.step("the lower one lost and made again")
    destroy(run, two)
    destroy(run, one)
    run.step("both destroyed")


def rebind_bridge(run):
    bridge = bridge_port(memdevs()[0])
    unbind_bridge(run, bridge)
    run.put(f"{DRIVERS}/cxl_port/bind", bridge)
    bind_memdevs(run)


def bind_memdevs(run):
    for m in memdevs():
        if not is_bound(m):
            run.put(f"{DRIVERS}/cxl_mem/bind", m)
    run.settle(all_bound(4))
    time.sleep(0.05)


def bridge_ports(run):
    a, b, c, _ = memdevs()
    region = create(run, "decoder0.0", [a, b])
    run.put(f"{DRIVERS}/cxl_port/unbind", endpoint(a), endpoint(b) + "x")
    run.settle(lambda: not is_bound(a))
    run.step("an endpoint's port unbound")
    run.put(f"{DRIVERS}/cxl_mem/bind", a)
    run.settle(all_bound(4))
    delete(run, region)
    out_of_order(run, *memdevs()[:2])
    a, b, c, _ = memdevs()
    region, other = create(run, "decoder0.2", [a, c]), create(run, "decoder0.0", [b])
    run.put(f"{root_port(a)}/remove", "1")
    run.settle(lambda: a not in memdevs())
    run.step("of two root ports with regions one removed")
    delete(run, region)
    destroy(run, other)
    region = create(run, "decoder0.0", [b])
    run.put(RESCAN, "1")
    run.settle(lambda: len(memdevs()) == 4)
    time.sleep(0.5)
    run.step("it is back, the other has a new region")
    destroy(run, region)
    rebind_bridge(run)
    run.step("their host bridge's port bound again")


def two_on_a_node(run):
    run.step("start")
    zones(run, *memdevs()[:2])


# -- a switch ------------------------------------------------------------------------------
def unbind_switch(run):
    port = next(p for p in listing(CXL) if p.startswith("port") and (link(f"{CXL}/{p}/uport") or "").startswith("0000"))
    run.put(f"{DRIVERS}/cxl_port/unbind", port)
    run.settle(lambda: not any(map(is_bound, memdevs())))
    time.sleep(0.2)


def switch_ports(run):
    mems = memdevs()
    region = create(run, "decoder0.0", [mems[3], mems[0], mems[2], mems[1]])
    unbind_switch(run)
    run.step("the switch's port unbound with a region")
    delete(run, region)
    bind_memdevs(run)
    run.step("bound, the husk deleted")
    mems = memdevs()
    one, two, three = (create(run, "decoder0.0", v) for v in (mems[:1], mems[1:2], mems[2:]))
    destroy(run, two)
    run.step("of three regions the middle one destroyed")
    two = create(run, "decoder0.0", mems[1:2])
    run.step("the middle one made again")
    for r in (three, two, one):
        destroy(run, r)
    region = create(run, "decoder0.0", [mems[0], mems[2]])
    run.put(f"{parent_port(mems[0])}/remove", "1")
    run.settle(lambda: len(memdevs()) == 3)
    run.step("a downstream port removed")
    delete(run, region)
    run.put(RESCAN, "1")
    run.settle(lambda: len(memdevs()) == 4)
    time.sleep(0.5)
    run.step("it is back")
    run.put(f"{DRIVERS}/cxl_mem/bind", memdevs()[0])
    rebind_bridge(run)
    run.step("the host bridge's port bound again")
