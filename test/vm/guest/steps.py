# SPDX-License-Identifier: GPL-2.0-only
"""What the scripts of the calibration are made of: names of this machine's devices, and operations in
the order that the distribution's programs do them."""
import os
import time

from calibrate import CXL, DAX, MEMORY, link, listing, text

MIB256 = 0x10000000
DRIVERS, DAX_DRIVERS = "/sys/bus/cxl/drivers", "/sys/bus/dax/drivers"
RESCAN, ND = "/sys/bus/pci/rescan", "/sys/bus/nd/devices"


# -- names ---------------------------------------------------------------------------
def memdevs():
    """By serial number, in its order."""
    return [m for _, m in sorted((int(text(f"{CXL}/{m}/serial"), 0), m) for m in listing(CXL) if m.startswith("mem"))]


def endpoint_decoder(memdev, number=0):
    for e in listing(CXL):
        if e.startswith("endpoint") and link(f"{CXL}/{e}/uport") == memdev:
            return f"decoder{e[8:]}.{number}"
    return "decoder99.0"


def function(memdev):
    return os.path.realpath(f"{CXL}/{memdev}").split("/")[-2]


def root_port(memdev):
    return os.path.realpath(f"{CXL}/{memdev}").split("/")[4]


def parent_port(memdev):
    return os.path.realpath(f"{CXL}/{memdev}").split("/")[-3]


def bridge_port(memdev):
    """The CXL port of the host bridge above it."""
    bridge = os.path.realpath(f"{CXL}/{memdev}").split("/")[3]
    return next(p for p in listing(CXL) if p.startswith("port") and link(f"{CXL}/{p}/uport") == bridge)


def unbind_bridge(run, bridge):
    """cxl_port unbound from a host bridge's port: the kernel detaches the memdevs below later, from a work queue."""
    below = [m for m in memdevs() if bridge_port(m) == bridge]
    run.put(f"{DRIVERS}/cxl_port/unbind", bridge)
    run.settle(lambda: not is_bound(bridge) and not any(map(is_bound, below)))


def dax_of(region):
    found = [d for d in listing(DAX) if f"/{region}/" in os.path.realpath(f"{DAX}/{d}")]
    return found[0] if found else "dax99.0"


def blocks_of(dax):
    size, start = int(text(f"{DAX}/{dax}/size") or 0), int(text(f"{DAX}/{dax}/resource") or "0", 0)
    block = int(text(f"{MEMORY}/block_size_bytes"), 16)
    return [f"memory{n}" for n in range(start // block, (start + size) // block)]


def is_probed(dax):
    """The driver's link comes first, kmem's memory after it."""
    driver = link(f"{DAX}/{dax}/driver")
    return driver and (driver != "kmem" or all(any(n.startswith("node") for n in listing(f"{MEMORY}/{b}")) for b in blocks_of(dax)))


def is_bound(name):
    return os.path.islink(f"{CXL}/{name}/driver")


def is_ready(memdev):
    """Bound, its endpoint too, which is the last that happens."""
    decoder = endpoint_decoder(memdev)
    return is_bound(memdev) and is_bound(f"endpoint{decoder[7:-2]}")


def all_bound(n):
    return lambda: len(memdevs()) == n and all(map(is_ready, memdevs()))


# -- parts of scripts -------------------------------------------------------------------
def claim(run, root, kind="ram"):
    """A new, empty region."""
    region = text(f"{CXL}/{root}/create_{kind}_region")
    run.put(f"{root}/create_{kind}_region", region)
    return region


def set_up(run, region, memdevs_, kind="ram", uuid="69a29757-bb80-4904-8475-3d77ce576157"):
    """As the distribution's create-region does it, up to the commit."""
    run.put(f"{region}/interleave_granularity", "256")
    run.put(f"{region}/interleave_ways", str(len(memdevs_)))
    if kind == "pmem":
        run.put(f"{region}/uuid", f"{uuid}\n")
    run.put(f"{region}/size", hex(len(memdevs_) * MIB256))
    for i, m in enumerate(memdevs_):
        d = endpoint_decoder(m)
        run.put(f"{d}/mode", kind)
        run.put(f"{d}/dpa_size", "0", hex(MIB256))
        run.put(f"{region}/target{i}", d)


def create(run, root, memdevs_, kind="ram"):
    region = claim(run, root, kind)
    set_up(run, region, memdevs_, kind)
    run.put(f"{region}/commit", "1")
    bind(run, region)
    return region


def bind(run, region):
    """With what is made of it asynchronously: its dax device, or the nvdimm bus's region and its four seeds."""
    if run.put(f"{DRIVERS}/cxl_region/bind", region) != "ok":
        return
    if text(f"{CXL}/{region}/mode") == "ram":
        run.settle(lambda: is_probed(dax_of(region)))
    else:
        run.settle(lambda: len([n for n in listing(ND) if n.endswith(".0")]) == 4 and text(f"{ND}/nmem0/state") == "active")
    time.sleep(0.05)    # what comes behind the last


def to_devdax(run, dax):
    driver = link(f"{DAX}/{dax}/driver")
    if driver == "device_dax":
        return
    if driver:
        run.put(f"{DAX_DRIVERS}/{driver}/unbind", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/new_id", dax)


def destroy(run, region):
    """As the distribution's destroy-region: disable, decommit, empty, delete."""
    run.put(f"{DRIVERS}/cxl_region/unbind", region)
    run.put(f"{region}/commit", "0")
    for name in [n for n in listing(f"{CXL}/{region}") if n.startswith("target")]:
        decoder = text(f"{CXL}/{region}/{name}")
        run.put(f"{region}/{name}", "\n")
        if decoder:
            run.put(f"{decoder}/dpa_size", "0")
    delete(run, region)


def delete(run, region):
    root = os.path.basename(os.path.dirname(os.path.realpath(f"{CXL}/{region}")))
    run.put(f"{root}/delete_region", region)


def remove(run, memdev):
    run.put(f"{function(memdev)}/remove", "1")
    run.settle(lambda: memdev not in memdevs())


def rescan(run, path=RESCAN, n=1):
    run.put(path, "1")
    run.settle(all_bound(n))
    time.sleep(0.05)
