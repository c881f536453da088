# SPDX-License-Identifier: GPL-2.0-only
"""A region cut into several dax devices, by the files of its dax_region and of the devices: what is
refused, which ranges come of it, drivers for each, and what is left when the region goes."""
import os

from calibrate import CXL, DAX, link, listing, text
from refused import GARBAGE
from steps import (DAX_DRIVERS, DRIVERS, bind, blocks_of, create, delete, destroy, is_bound, memdevs, parent_port, remove, rescan)

MIB = 1 << 20
STATES_NOT = ("", "\n", "x", "Unplugged", "unplugged ", "unplugged\n\n", "online_x", "x" * 5000)


def info(region):
    """Where the kernel keeps what concerns all devices of a region."""
    return f"{CXL}/dax_{region}/dax_region"


def devices(region):
    return [d for d in listing(DAX) if f"/{region}/" in os.path.realpath(f"{DAX}/{d}")]


def resize(run, dax, mib):
    run.put(f"{dax}/size", str(mib * MIB))


def new(run, region, mib=0):
    """One more device; its name."""
    run.put(f"{info(region)}/create", "1")
    dax = text(f"{info(region)}/create")
    if mib:
        resize(run, dax, mib)
    return dax


def unbind(run, dax):
    driver = link(f"{DAX}/{dax}/driver")
    if driver:
        run.put(f"{DAX_DRIVERS}/{driver}/unbind", dax)


def drop(run, region, dax):
    """Without driver, without memory, gone."""
    unbind(run, dax)
    resize(run, dax, 0)
    run.put(f"{info(region)}/delete", dax)


def place(region, offset, mib):
    """MIB of a region from OFFSET (in MiB) on, as `mapping` takes it."""
    start = int(text(f"{CXL}/{region}/resource"), 0) + offset * MIB
    return f"{start:x}-{start + mib * MIB - 1:x}"


def refused_by_the_region(run, region):
    """Its first device has all of it."""
    top = info(region)
    run.put(f"{top}/create", *GARBAGE, "0", "2", "+1", "4294967297", "1")
    run.put(f"{top}/delete", "", "\n", "x", region, "dax99.0", "dax0.0 ", "dax0.0\n\n", "x" * 5000, "dax0.0", "dax0.0\n")
    for name in ("seed", "size", "align", "available_size", "id"):
        run.put(f"{top}/{name}", "1")
    run.step("refused: a region's files")


def sizes(run, region):
    """What a size may be, while the device has no driver."""
    unbind(run, "dax0.0")
    run.put(f"{info(region)}/delete", "dax0.0")
    run.put("dax0.0/size", *GARBAGE, "4096", "0x100000", "0x10200000", "0x20000000", "0x10000000", "+0x8000000", "0x8000000\n")
    run.step("the first device has half of it")
    run.put(f"{info(region)}/create", "1\n")
    run.step("a second one, empty")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.1")
    run.put(f"{DAX_DRIVERS}/device_dax/bind", "dax0.1")
    run.put("/sys/bus/dax/drivers_probe", "dax0.1")
    run.put("dax0.1/align", "1073741824")
    run.put("dax0.1/size", "0x200000", "0x40000000", "0")
    run.step("refused: a device that has nothing, aligned to 1 GiB")
    run.put("dax0.1/align", "4096", "0x2000")
    run.put("dax0.1/size", "4096", "0x1000000", "0xa000000", "0x8000000")
    run.put("dax0.1/align", "1073741824", "2097152")
    run.put(f"{info(region)}/create", "1")
    run.put(f"{info(region)}/delete", "dax0.1")
    run.step("the second has the other half")


def drivers(run, region):
    """A driver for each; new_id binds whatever the driver takes and nobody has."""
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", "dax0.1")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.0")
    run.step("kmem and device_dax, a half each")
    run.put("dax0.1/size", "0", "0x8000000")
    run.put("dax0.1/align", "4096")
    run.put("dax0.0/size", "0")
    run.put(f"{info(region)}/delete", "dax0.1")
    first = blocks_of("dax0.0")[0]
    run.put(f"{first}/state", "online_movable", "offline")
    run.put("dax0.0/memmap_on_memory", "0")
    run.step("refused: devices with drivers")
    unbind(run, "dax0.0")
    unbind(run, "dax0.1")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.1")
    run.put(f"{DAX_DRIVERS}/kmem/unbind", "dax0.1")
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", "dax0.0")
    run.step("both of device_dax")
    unbind(run, "dax0.0")
    unbind(run, "dax0.1")
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", "dax0.1", "dax0.0")
    run.put(f"{DAX_DRIVERS}/kmem/new_id", "dax7.7")
    run.step("both of kmem, by a name that nobody has")
    run.put(f"{DAX_DRIVERS}/kmem/remove_id", "dax7.7", "dax7.7")
    unbind(run, "dax0.0")
    unbind(run, "dax0.1")


def ranges(run, region):
    """Devices that grow where there is room."""
    resize(run, "dax0.0", 32)
    resize(run, "dax0.1", 64)
    third = new(run, region, 16)
    run.step("three devices")
    resize(run, "dax0.1", 96)
    resize(run, "dax0.0", 96)
    run.step("they grow around each other")
    resize(run, "dax0.0", 160)
    run.step("refused or not: more than there is")
    resize(run, "dax0.0", 48)
    run.step("the first is smaller")
    resize(run, "dax0.1", 32)
    resize(run, third, 128)
    run.put(f"{third}/align", "1073741824", "4096")
    run.step("the third in pieces")
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", third)
    run.step("device_dax has the pieces")
    unbind(run, third)
    run.put(f"{DAX_DRIVERS}/kmem/bind", third)
    run.step("kmem has no block of them")
    unbind(run, third)
    drop(run, region, "dax0.1")
    run.step("the second deleted")
    again = new(run, region, 8)
    another = new(run, region)
    run.step("its number is given again")
    drop(run, region, again)
    drop(run, region, another)
    drop(run, region, third)
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", third)
    resize(run, "dax0.0", 0)
    run.step("the first one alone, empty")


def mappings(run, region):
    """Exact ranges."""
    run.put("dax0.0/mapping", *GARBAGE, "-", "1-", "-1", "1-x", "x-1", "1 -2", "1-2-3", "0x-0x1", "0-0", "0-1", "0-1fffff", "200000-1fffff",
            "0x0-0x1fffff\n", "x" * 5000, place(region, 256, 2), place(region, 254, 4))
    run.step("refused: ranges")
    run.put("dax0.0/mapping", place(region, 16, 16))
    run.put("dax0.0/mapping", place(region, 16, 16), place(region, 24, 16), place(region, 8, 32))
    run.step("a range in the middle")
    other = new(run, region)
    run.put(f"{other}/mapping", place(region, 16, 2), place(region, 64, 32), f"0x{place(region, 32, 8)}\n")
    run.put(f"{other}/mapping", place(region, 0, 8))
    run.step("another device in three pieces, not in order")
    resize(run, "dax0.0", 64)
    run.step("the first grows")
    resize(run, other, 40)
    run.step("and the other is smaller")
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", other)
    run.put(f"{other}/mapping", place(region, 200, 8))
    run.step("a range more for a device that has a driver")
    drop(run, region, other)
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", other)
    resize(run, "dax0.0", 0)
    run.step("all taken back")
    run.put("dax0.0/mapping", place(region, 0, 256))
    run.step("all of it, by its range")


def blocks(run, region):
    """kmem has whole memory blocks, of every range that holds one."""
    resize(run, "dax0.0", 0)
    run.put("dax0.0/mapping", place(region, 0, 144), place(region, 144, 112))
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.0")
    run.step("a block of one range, none of the other")
    unbind(run, "dax0.0")
    resize(run, "dax0.0", 0)
    run.put("dax0.0/mapping", place(region, 128, 128), place(region, 0, 128))
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.0")
    run.put(f"{blocks_of('dax0.0')[0]}/state", "online_movable", "offline")
    run.step("a block of each range, the higher one first")
    unbind(run, "dax0.0")
    resize(run, "dax0.0", 0)
    run.step("blocks gone")


def between_pages(run, region):
    """A range that starts in the middle of what a page map is made of; what failed once fails for good."""
    start = int(text(f"{CXL}/{region}/resource"), 0) + 4096
    dax = new(run, region)
    run.put(f"{dax}/mapping", f"{start:x}-{start + 2 * MIB - 1:x}")
    run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.step("refused: drivers for a range between pages")
    resize(run, "dax0.0", 4)
    run.step("what is left before it is room, too")
    resize(run, "dax0.0", 0)
    resize(run, dax, 0)
    resize(run, dax, 128)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.step("refused: device_dax, since it failed before")
    run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
    unbind(run, dax)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.step("but kmem had it")
    drop(run, region, dax)
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", dax)
    run.put("dax0.0/mapping", place(region, 0, 256))
    run.step("one device again")


def both_halves(run, region, first, second):
    """Two devices, with these drivers."""
    for dax in devices(region):
        unbind(run, dax)
    resize(run, "dax0.0", 128)
    new(run, region, 128)
    for dax, driver in (("dax0.0", first), ("dax0.1", second)):
        run.put(f"{DAX_DRIVERS}/{driver}/{'bind' if driver == 'kmem' else 'new_id'}", dax)


def forget(run):
    """device_dax takes neither any more."""
    run.put(f"{DAX_DRIVERS}/device_dax/remove_id", "dax0.0", "dax0.1")


def losses(run, region):
    """The region goes with all its devices, and comes back with one."""
    m = memdevs()[0]
    n = len(memdevs())
    both_halves(run, region, "device_dax", "kmem")
    run.step("two devices before a loss")
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.step("region unbound")
    forget(run)
    bind(run, region)
    run.step("region bound: one device")
    both_halves(run, region, "device_dax", "device_dax")
    run.put(f"{DRIVERS}/cxl_mem/unbind", m)
    run.settle(lambda: not is_bound(m))
    run.step("memdev unbound: a husk")
    delete(run, region)
    run.put(f"{DRIVERS}/cxl_mem/bind", m)
    forget(run)
    region = create(run, "decoder0.0", [m])
    run.step("made again: one device")
    both_halves(run, region, "kmem", "device_dax")
    above = parent_port(m)
    remove(run, m)
    run.step("endpoint removed: a husk")
    rescan(run, f"{above}/rescan", n)
    delete(run, region)
    forget(run)
    region = create(run, "decoder0.0", memdevs()[:1])
    run.step("endpoint back, made again: one device")
    both_halves(run, region, "device_dax", "device_dax")
    run.put(f"{region}/commit", "0")
    run.step("decommitted")
    forget(run)
    destroy(run, region)
    run.step("destroyed")


def parts(run):
    region = create(run, "decoder0.0", memdevs()[:1])
    run.step("a region")
    refused_by_the_region(run, region)
    sizes(run, region)
    drivers(run, region)
    ranges(run, region)
    mappings(run, region)
    blocks(run, region)
    between_pages(run, region)
    losses(run, region)


def left(run):
    """Memory that kmem left online keeps what has it from being used, whoever comes."""
    region = create(run, "decoder0.0", memdevs()[:1])
    both_halves(run, region, "kmem", "kmem")
    first = blocks_of("dax0.0")[0]
    run.put(f"{first}/state", "online_movable")
    run.step("two devices of kmem, the memory of one online")
    unbind(run, "dax0.0")
    unbind(run, "dax0.1")
    run.step("kmem unbound: the memory of one stays")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.0")
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", "dax0.1")
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", "dax0.0")
    run.put(f"{DAX_DRIVERS}/device_dax/bind", "dax0.0")
    run.step("the other can be used")
    resize(run, "dax0.0", 0)
    unbind(run, "dax0.1")
    resize(run, "dax0.1", 160)
    run.step("the other has its range")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.1")
    run.step("and the block that was free")
    unbind(run, "dax0.1")
    run.put(f"{DAX_DRIVERS}/device_dax/bind", "dax0.1", "dax0.1")
    run.put(f"{first}/state", "offline")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.1")
    run.step("the block offline")
    destroy(run, region)
    run.step("region destroyed, the block still there")


def fsdev(run):
    """The driver of file systems, beside the others."""
    fs = f"{DAX_DRIVERS}/fsdev_dax"
    region = create(run, "decoder0.0", memdevs()[:1])
    both_halves(run, region, "device_dax", "kmem")
    run.step("two devices")
    run.put(f"{fs}/new_id", *GARBAGE, "dax0", "dax0.0", "dax0.1")
    run.put(f"{fs}/bind", "dax0.0", "dax0.1", "dax9.9")
    run.put(f"{fs}/unbind", "dax0.0", "dax0.1", "dax9.9")
    run.step("refused: devices that others have")
    unbind(run, "dax0.0")
    unbind(run, "dax0.1")
    run.put(f"{fs}/bind", "dax0.0")
    run.put(f"{fs}/new_id", "dax0.1")
    run.step("both of fsdev_dax")
    run.put("dax0.0/size", "0")
    run.put("dax0.0/align", "4096")
    run.put("dax0.0/memmap_on_memory", "0")
    run.put(f"{info(region)}/delete", "dax0.1")
    run.step("refused: devices of fsdev_dax")
    unbind(run, "dax0.0")
    run.put(f"{fs}/remove_id", "dax0.0")
    run.put(f"{fs}/bind", "dax0.0")
    run.put(f"{DAX_DRIVERS}/device_dax/bind", "dax0.0")
    run.step("one back to device_dax")
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.step("region unbound")
    forget(run)
    run.put(f"{fs}/remove_id", "dax0.0", "dax0.1")
    bind(run, region)
    run.step("region bound: one device, of kmem")
    unbind(run, "dax0.0")
    run.put(f"{fs}/new_id", "dax0.0")
    run.step("all of it of fsdev_dax")
    destroy(run, region)
    run.put(f"{fs}/remove_id", "dax0.0")
    run.step("destroyed")


def kmem_state(run):
    """From Linux 7.3 on: all memory of a kmem device at once, by a word."""
    region = create(run, "decoder0.0", memdevs()[:1])
    run.step("a region, its memory offline")
    run.put("dax0.0/state", *STATES_NOT, "offline", "online", "online_kernel", "online_movable")
    run.step("refused: memory that is there is brought online by its blocks")
    run.put("dax0.0/state", "unplugged\n", "unplugged")
    run.step("unplugged")
    run.put("dax0.0/state", *STATES_NOT, "offline")
    run.put("dax0.0/memmap_on_memory", "0")
    run.put("dax0.0/size", "0")
    run.put("dax0.0/state", "online_movable", "online_movable")
    run.step("plugged, movable")
    run.put("dax0.0/state", "online", "online_kernel", "offline")
    run.put(f"{blocks_of('dax0.0')[0]}/state", "offline")
    run.step("refused: another zone; a block offline by hand")
    run.put("dax0.0/state", "unplugged")
    run.step("unplugged while online")
    unbind(run, "dax0.0")
    run.step("unbound while unplugged")
    run.put("/sys/devices/system/memory/auto_online_blocks", "online_movable")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.0")
    run.step("bound, with the policy movable")
    for b in blocks_of("dax0.0"):
        run.put(f"{b}/state", "offline")
    run.put("dax0.0/state", "online")
    run.step("its blocks offline by hand")
    unbind(run, "dax0.0")
    run.step("unbound, its blocks offline")
    run.put(f"{DAX_DRIVERS}/kmem/bind", "dax0.0")
    run.put("dax0.0/state", "unplugged")
    run.put("/sys/devices/system/memory/auto_online_blocks", "offline")
    run.put(f"{DAX_DRIVERS}/kmem/unbind", "dax0.0")
    both_halves(run, region, "kmem", "kmem")
    run.put("dax0.1/state", "unplugged")
    run.step("a half each, one unplugged")
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.step("region unbound")
    destroy(run, region)
    run.step("destroyed")
