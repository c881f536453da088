# SPDX-License-Identifier: GPL-2.0-only
"""Writes that the kernel refuses, or takes although one would not think so."""
import os

from calibrate import CXL, DAX, listing, text
from steps import DAX_DRIVERS, DRIVERS, MIB256, RESCAN, endpoint_decoder, function, memdevs, root_port

GARBAGE = ("", "\n", "x", "1x", " 1", "1 ", "-1", "0x", "1\n\n", "99999999999999999999", "1" * 5000)
BOOLS = ("", "\n", "x", "2", " 1", "o", "-1", "X" * 5000)


def at_rest(run):
    """No region yet."""
    d, m = "decoder0.0", memdevs()[0]
    e = endpoint_decoder(m)
    for kind in ("ram", "pmem"):
        run.put(f"{d}/create_{kind}_region", "", "\n", "x", "region", "regionx", "region-1", "region77", "REGION0", " region77", "x" * 5000)
    run.put(f"{d}/delete_region", "", "\n", "x", "region0", "region77", d, "root0", "x" * 5000)
    run.put(f"{e}/mode", "", "\n", "x", "RAM", "ram ", "ram\n\n", "none", "x" * 5000)
    run.put(f"{e}/dpa_size", *GARBAGE, "0x1000", "0x8000000", "-0x10000000", hex(MIB256))
    run.put("root0/uevent", "", "x", "ADD", "change", "change\n", "changed")
    run.put(f"{e}/start", "0")
    run.put(f"{m}/serial", "1")
    run.put(f"{m}/trigger_poison_list", "", "x", "0", "2")
    run.step("refused: decoders and memdev at rest")
    for driver, good in (("cxl_region", "region0"), ("cxl_mem", m), ("cxl_port", "port1")):
        for action in ("bind", "unbind"):
            run.put(f"{DRIVERS}/{driver}/{action}", "", "\n", "x", "root0", "mem99", d, good + " ", good + "\n\n", "x" * 5000)
    run.put(f"{DRIVERS}/cxl_mem/bind", m)
    run.put(f"{DRIVERS}/cxl_mem/unbind", "port1")
    run.put(f"{DRIVERS}/cxl_port/bind", "port1", m)
    run.put(f"{DRIVERS}/cxl_port/unbind", m)
    for driver in ("device_dax", "kmem"):
        run.put(f"{DAX_DRIVERS}/{driver}/bind", "", "x", "dax0.0")
        run.put(f"{DAX_DRIVERS}/{driver}/unbind", "", "x", "dax0.0")
        for action in ("new_id", "remove_id"):
            run.put(f"{DAX_DRIVERS}/{driver}/{action}", "", "\n", "x", "dax", "dax0", "0.0", "dax0.x", "daxx.0", "x" * 5000)
    run.put("/sys/bus/cxl/flush", "", "0", "x", "2", "1", "1\n")
    run.step("refused: drivers")
    for path in (f"{function(m)}/remove", f"{function(m)}/rescan", f"{root_port(m)}/rescan", RESCAN):
        run.put(path, "", "\n", "x", " 1", "1x", "-1", "0x", "99999999999999999999999", "0", "0x0", "+0", "0\n", "0\n\n")
    for slot in listing("/sys/bus/pci/slots"):
        run.put(f"/sys/bus/pci/slots/{slot}/power", "", "2", "257")	# garbage means 0 to it: see power()
    run.step("refused: PCI")


def while_empty(run, region):
    """A region as created; nothing is left of what it takes."""
    e = endpoint_decoder(memdevs()[0])
    run.put(f"{region}/size", *GARBAGE, "0", hex(MIB256))
    run.put(f"{region}/interleave_ways", *GARBAGE, "0", "5", "7", "32", "256", "4294967297")
    run.put(f"{region}/interleave_granularity", *GARBAGE, "0", "1", "128", "100", "384", "32768", "4294967552")
    run.put(f"{region}/uuid", "", "x", "x" * 36 + "\n", "69a29757-bb80-4904-8475-3d77ce576157")
    run.put(f"{region}/commit", *BOOLS, "1", "y", "on", "0", "n", "off", "No", "false")
    run.put(f"{region}/target0", e)
    run.put(f"{region}/resource", "0")
    run.put(f"{region}/mode", "ram")
    run.put(f"{DRIVERS}/cxl_region/bind", region)
    run.put(f"{DRIVERS}/cxl_region/unbind", region)


def while_sized(run, region):
    """It has an address range, no targets."""
    m = memdevs()[0]
    e, other = endpoint_decoder(m), endpoint_decoder(m, 1)
    run.put(f"{region}/size", "0x20000000", "x")
    run.put(f"{region}/interleave_ways", "1", "2", "x")
    run.put(f"{region}/interleave_granularity", "256", "512", "x")
    run.put(f"{region}/commit", "1")
    run.put(f"{region}/target0", "x", "decoder99.0", m, "decoder0.0", "decoder1.0", e, "\n", " " + e, e + "\n\n", "x" * 5000)
    run.put(f"{region}/target1", e)
    run.put(f"{e}/dpa_size", hex(MIB256))
    run.put(f"{e}/mode", "pmem" if text(f"{CXL}/{region}/mode") == "ram" else "ram")
    run.put(f"{e}/mode", text(f"{CXL}/{region}/mode"))
    run.put(f"{region}/target0", e)
    run.put(f"{e}/dpa_size", hex(2 * MIB256), hex(16 * MIB256), "0x1000", "x")
    run.put(f"{other}/mode", text(f"{CXL}/{region}/mode"))
    run.put(f"{other}/dpa_size", hex(MIB256))


def while_active(run, region, decoder):
    """All targets are there, perhaps committed and bound."""
    run.put(f"{region}/size", "0", "0x20000000", "x", text(f"{CXL}/{region}/size"))
    run.put(f"{region}/interleave_ways", "1", "2", "x")
    run.put(f"{region}/interleave_granularity", "256", "512", "x")
    run.put(f"{region}/uuid", "79a29757-bb80-4904-8475-3d77ce576157\n")
    run.put(f"{region}/target0", decoder, "decoder0.0", "x")
    run.put(f"{region}/target0 ", "x")
    run.put(f"{decoder}/dpa_size", "0", hex(MIB256), "x")
    run.put(f"{decoder}/mode", "ram", "pmem", "x")
    run.put(f"{os.path.basename(os.path.dirname(os.path.realpath(f'{CXL}/{region}')))}/delete_region", region + "x", region + "\n\n")


def dax_device(run, dax):
    run.put(f"{dax}/memmap_on_memory", *BOOLS)
    run.put(f"{dax}/align", *GARBAGE, "0", "4096", "3", "1073741824")
    run.put(f"{dax}/size", "", "x", "-1", "4096", "0x100000001", "0x40000000")
    run.put(f"{dax}/mapping", "", "x", "0-1", "0x0-0x1fffff")
    parent = os.path.dirname(os.path.realpath(f"{DAX}/{dax}"))
    run.put(f"{parent}/dax_region/create", "", "x", "2", "1")
    run.put(f"{parent}/dax_region/delete", "", "x", "dax99.0", dax)
    run.put(f"{DAX_DRIVERS}/device_dax/bind", dax)
    run.put(f"{DAX_DRIVERS}/kmem/bind", dax)
