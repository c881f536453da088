# SPDX-License-Identifier: GPL-2.0-only
"""cxl check-soft-reserved on real kernels: 6.12 leaves memory in a window to CXL, 7.1 and newer give it to dax_hmem."""
import os
import pathlib
import threading
import time

from guest import CXL, RELEASE, clean, create_region, cxl, dax_of, memdev, run, same, until, write

TOPOLOGIES = ("soft1",)
RAM, WINDOW = "0x40000000", "0x490000000"
FALLS_BACK = RELEASE >= (7, 1)


def check(*args, rc=None):
    return cxl("check-soft-reserved", *args, rc=rc)


def range_at(r, start):
    found = [x for x in r.json["ranges"] if x["start"] == start]
    assert len(found) == 1, r
    return found[0]


def wanted(r, start, **values):
    x = range_at(r, start)
    same({k: x[k] for k in values}, values, f"the range at {start}: {x['text']}")
    return x


def test_memory_in_no_window_is_dax_hmem_s():
    until("dax_hmem has it", lambda: range_at(check(), RAM)["class"] == "NOT_CXL")
    x = wanted(check(), RAM, verdict="ok", windows=[], owned_bytes=256 << 20, stranded_bytes=0)
    assert len(x["dax"]) == 1 and "hmem." in os.path.realpath(f"/sys/bus/dax/devices/{x['dax'][0]}")


def test_memory_in_a_window_without_a_region_is_as_this_kernel_decides():
    check("--settle=10")
    r = check(rc=1)
    if FALLS_BACK:
        wanted(r, WINDOW, verdict="fallback", windows=["decoder0.0"], regions=[], stranded_bytes=0, **{"class": "FALLBACK_HMEM"})
        check("--allow-fallback", rc=0)
        check("--allow-fallback", "--policy=strict", rc=0)
    else:
        wanted(r, WINDOW, verdict="stranded", windows=["decoder0.0"], regions=[], dax=[], stranded_bytes=256 << 20, **{"class": "NO_OWNER"})
        check("--allow-fallback", rc=1)


def test_iomem_shows_it_only_on_an_older_kernel():
    sources = check().json["sources"]
    same(sources["iomem"]["state"], "silent" if FALLS_BACK else "read", "what iomem says")
    same(sources["firmware_map"]["state"], "silent", "the firmware map, which the command line does not change")
    same([s["start"] for s in sources["cmdline"]["spans"]], [RAM, WINDOW], "what the command line makes Soft Reserved")


def hmem_driver():
    """(directory of the driver that has the memory in the window, name of its device)"""
    dax = range_at(check(), WINDOW)["dax"]
    assert len(dax) == 1
    device = pathlib.Path(os.path.realpath(f"/sys/bus/dax/devices/{dax[0]}")).parent
    return pathlib.Path(os.path.realpath(device / "driver")), device.name


def region_beside():
    """An older kernel, as the remedy says: the line in iomem counts as busy."""
    region = create_region("decoder0.0", memdev(0x1001))
    dax_of(region)
    r = check(rc=1)
    assert "at other addresses" in wanted(r, WINDOW, regions=[], **{"class": "NO_OWNER"})["remedy"]
    same([s["name"] for s in r.json["sources"]["regions"]["spans"]], [region], "the regions")


def region_over():
    driver, device = hmem_driver()
    write(driver / "unbind", device)
    try:
        region = create_region("decoder0.0", memdev(0x1001))
        dax = dax_of(region)
        for policy in ("kernel", "strict"):
            r = check(f"--policy={policy}", rc=0)
            wanted(r, WINDOW, verdict="ok", regions=[region], dax=[dax], stranded_bytes=0, usable_bytes=256 << 20,
                   **{"class": "CXL_OWNED"})
    finally:
        clean()
        write(driver / "bind", device)


def test_a_region_made_by_hand_owns_the_range_if_the_kernel_puts_it_there():
    region_over() if FALLS_BACK else region_beside()


def test_settle_waits_until_the_memory_has_an_owner_or_the_time_is_over():
    start = time.monotonic()
    if not FALLS_BACK:
        check("--settle=2", rc=1)
        assert time.monotonic() - start >= 2
        return
    driver, device = hmem_driver()
    write(driver / "unbind", device)
    wanted(check(rc=1), WINDOW, verdict="stranded", dax=[], stranded_bytes=256 << 20, **{"class": "NO_OWNER"})
    back = threading.Timer(2, write, (driver / "bind", device))
    back.start()
    r = check("--settle=50", "--allow-fallback", rc=0)
    assert 1 < time.monotonic() - start < 45, r
    back.join()
    wanted(r, WINDOW, verdict="fallback", **{"class": "FALLBACK_HMEM"})


def test_a_normal_user_gets_no_verdict_but_the_reason():
    r = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", CXL, "check-soft-reserved", rc=3)
    same([x["class"] for x in r.json["ranges"]], ["INCONCLUSIVE", "INCONCLUSIVE"], "what a normal user is told")
    same(r.json["sources"]["iomem"]["state"], "hidden", "iomem")
    assert "root" in r.err
