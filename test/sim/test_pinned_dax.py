# SPDX-License-Identifier: GPL-2.0-only
"""Pages that are pinned (ctl pin): who takes the driver away waits, and so does everything that needs the device."""
import time

import pytest

from simrun import run

DAX = "/sys/bus/dax"
REGION = "/sys/bus/cxl/devices/region0"
BEGIN = f"$SIM ctl pin dax0.0 > /dev/null; (echo dax0.0 > {DAX}/drivers/device_dax/unbind; echo unbound) & u=$!; sleep 0.3"


def test_unbind_waits_and_the_device_only_has_no_driver_any_more():
    done = run(f"""{BEGIN}; kill -0 $u && echo waits; [ -e {DAX}/devices/dax0.0/driver ] || echo no driver
grep -c dax0.0 /proc/iomem; head -c 1 /dev/dax0.0 2>/dev/null | wc -c; $SIM ctl pin dax0.0 off; wait $u; grep -c dax0.0 /proc/iomem""")
    assert done.stdout.splitlines() == ["waits", "no driver", "1", "0", "dax0.0: its pages are given back", "unbound", "0"], done


def test_pages_are_given_back_after_the_time_that_was_said():
    done = run(f"$SIM ctl pin dax0.0 700 > /dev/null; date +%s%N; echo dax0.0 > {DAX}/drivers/device_dax/unbind; date +%s%N; echo dax0.0 > {DAX}/drivers/device_dax/bind && echo again")
    begin, end, again = done.stdout.split()
    assert again == "again" and 0.7e9 <= int(end) - int(begin) < 10e9


@pytest.mark.parametrize("write", [f"dax0.0 > {DAX}/drivers/device_dax/bind", f"dax0.0 > {DAX}/drivers/device_dax/new_id", f"dax9.0 > {DAX}/drivers/device_dax/new_id",
                                   f"dax0.0 > {DAX}/drivers/device_dax/unbind", f"0 > {REGION}/commit", "region0 > /sys/bus/cxl/drivers/cxl_region/unbind",
                                   f"region0 > {REGION}/../delete_region", f"0 > {DAX}/devices/dax0.0/size"])
def test_everything_that_locks_the_device_waits_behind_it(write):
    done = run(f"{BEGIN}; (echo {write}; echo done) & w=$!; sleep 0.3; kill -0 $w && echo waits; $SIM ctl pin dax0.0 off > /dev/null; wait $u $w")
    assert done.stdout.splitlines()[0] == "waits" and sorted(done.stdout.splitlines()[1:]) == ["done", "unbound"], done


def test_kmem_goes_whatever_is_pinned():
    done = run(f"$SIM ctl pin dax0.0 > /dev/null; for m in /sys/devices/system/memory/memory14[6-7]*; do echo offline > $m/state; done 2>/dev/null; "
               f"echo dax0.0 > {DAX}/drivers/kmem/unbind; echo went", "--host", "sysram1", timeout=60)
    assert done.stdout == "went\n", done


def test_who_waits_ends_with_the_run():
    start = time.monotonic()
    assert run(f"{BEGIN}; echo end", timeout=60).stdout == "end\n" and time.monotonic() - start < 30


def test_what_is_no_pin_is_refused():
    for words, status in (("dax7.0", 2), ("dax0.0 often", 2), ("dax0.0 0", 2)):
        done = run(f"$SIM ctl pin {words}")
        assert done.returncode == status and done.stderr.count("\n") == 1, done
