# SPDX-License-Identifier: GPL-2.0-only
"""Dax devices made, cut and deleted in a run, by the files of the region and of the devices.  The answers are those of
Linux 6.12 and 7.2 (test/vm/guest/parts.py is the same on real kernels)."""
import json

import pytest

from simrun import CAPTURES, PORT, run
from states import DEVDAX, LIB, sh, writes

DAX = "/sys/bus/dax/devices"
DRIVERS = "/sys/bus/dax/drivers"
INFO = "/sys/bus/cxl/devices/dax_region0/dax_region"
# size N MIB; new: one more, its name; pieces N: the ranges, and where in the device
CUT = f"""I={INFO} X={DAX} B={DRIVERS}
size() {{ echo $(($2 << 20)) > $X/$1/size; }}
new() {{ echo 1 > $I/create; cat $I/create; }}
pieces() {{ for m in $X/$1/mapping[0-9]*; do echo $(cat $m/start $m/end $m/page_offset); done; }}
loose() {{ for d; do [ ! -e $X/$d/driver ] || echo $d > $X/$d/driver/unbind; done; }}
halves() {{ loose dax0.0; size dax0.0 128; size $(new) 128; }}
"""


def cut(script, options=DEVDAX):
    return sh(CUT + script, options)


UNBOUND = (f"{DRIVERS}/device_dax/unbind", "dax0.0")


def test_device_is_made_where_there_is_room():
    assert writes(DEVDAX, (f"{INFO}/create", "1"), UNBOUND, (f"{DAX}/dax0.0/size", "0x8000000"), *((f"{INFO}/create", t) for t in (
        "0", "2", "x", "-1", "1 ", "99999999999", "+1\n"))) == [
            "ENOSPC", "ok", "ok", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "ERANGE", "ok"]


def test_new_device_has_nothing_and_its_number_is_the_lowest():
    assert cut("""loose dax0.0; size dax0.0 32; new; new; new; echo dax0.2 > $I/delete; new; cat $I/seed
cd $X/dax0.1; cat size resource align memmap_on_memory; ls -d mapping[0-9]* 2> /dev/null | wc -l; ls /dev/dax0.[0-9] | wc -l""") == [
        "dax0.1", "dax0.2", "dax0.3", "dax0.2", "dax0.1", "0", "0x490000000", "2097152", "0", "0", "4"]


def test_seed_is_the_first_that_has_no_driver_yet():
    assert cut("""loose dax0.0; size dax0.0 32; new; new; size dax0.1 2; size dax0.2 2; cat $I/seed; echo dax0.2 > $B/device_dax/new_id; cat $I/seed
echo dax0.1 > $B/device_dax/new_id; echo "<$(cat $I/seed)>"; loose dax0.2; size dax0.2 0; echo dax0.2 > $I/delete; echo "<$(cat $I/create)>" """) == [
        "dax0.1", "dax0.2", "dax0.1", "dax0.1", "<>", "<>"]


def test_only_an_empty_device_without_driver_is_deleted_and_never_the_first():
    assert writes(DEVDAX, *((f"{INFO}/delete", t) for t in ("dax0.0", "dax0.7", "dax_region", "\n")), UNBOUND, (f"{INFO}/delete", "dax0.0"),
                  (f"{DAX}/dax0.0/size", "0"), (f"{INFO}/delete", "dax0.0"), (f"{INFO}/create", "1"), (f"{DAX}/dax0.1/size", "0x200000"),
                  (f"{INFO}/delete", "dax0.1"), (f"{DRIVERS}/device_dax/new_id", "dax0.1"), (f"{DAX}/dax0.1/size", "0"),
                  (f"{DRIVERS}/device_dax/unbind", "dax0.1"), (f"{DAX}/dax0.1/size", "0"), (f"{INFO}/delete", "dax0.1\n\n"),
                  (f"{INFO}/delete", "dax0.1\n"), (f"{INFO}/delete", "dax0.1")) == [
                      "EBUSY", "ENXIO", "ENXIO", "ENXIO", "ok", "EBUSY", "ok", "EBUSY", "ok", "ok", "EBUSY", "ok", "EBUSY", "ok", "ok", "ENXIO",
                      "ok", "ENXIO"]


def test_sizes_that_cannot_be_are_refused():
    assert writes(DEVDAX, (f"{DAX}/dax0.0/size", "0x8000000"), UNBOUND, *((f"{DAX}/dax0.0/size", t) for t in (
        "4096", "x", "-1", "0x10200000", "99999999999999999999", "0x8000000", "0x8000000")),
        (f"{DAX}/dax0.0/align", "1073741824"), (f"{DAX}/dax0.0/align", "4096"), (f"{DAX}/dax0.0/size", "4096")) == [
            "EBUSY", "ok", "EINVAL", "EINVAL", "EINVAL", "ENOSPC", "ERANGE", "ok", "ok", "EINVAL", "ok", "EINVAL"]


def test_device_grows_into_the_lowest_room_and_shrinks_from_its_end():
    assert cut("""loose dax0.0; size dax0.0 32; size $(new) 64; size $(new) 16; size dax0.1 32; size dax0.0 80; pieces dax0.0
cat $I/available_size $X/dax0.0/size; echo; size dax0.0 48; pieces dax0.0; size dax0.0 64; pieces dax0.0""") == [
        "0x490000000", "0x491ffffff", "0x0", "0x494000000", "0x495ffffff", "0x2000", "0x497000000", "0x497ffffff", "0x4000",
        "134217728", "83886080",
        "0x490000000", "0x491ffffff", "0x0", "0x494000000", "0x494ffffff", "0x2000",
        "0x490000000", "0x491ffffff", "0x0", "0x494000000", "0x495ffffff", "0x2000"]


def test_exact_range_is_taken_or_refused_but_its_alignment_is_not_looked_at():
    mapping = f"{DAX}/dax0.0/mapping"
    assert writes(DEVDAX, UNBOUND, (f"{DAX}/dax0.0/size", "0"), *((mapping, t) for t in (
        "1", "1-", "-1", "x-1", "1-2-3", "0-1fffff", "0-0", "49fe00000-4a01fffff", "0x491000000-0x491ffffff\n", "491800000-4919fffff",
        "+490001000-490200fff"))) == ["ok", "ok", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "ENOMEM", "ok", "ENOMEM", "ok", "ENOMEM", "ok"]


def test_range_of_another_length_is_taken_for_done():
    assert cut("""loose dax0.0; size dax0.0 0; echo 490000000-490000fff > $X/dax0.0/mapping; cat $X/dax0.0/size
echo 490200000-4903fffff > $X/dax0.0/mapping; pieces dax0.0""") == ["0", "0x490200000", "0x4903fffff", "0x0"]


def test_range_more_for_a_device_that_device_dax_has_is_not_mapped_by_it():
    assert cut("""loose dax0.0; size dax0.0 32; echo dax0.0 > $B/device_dax/bind; echo 498000000-499ffffff > $X/dax0.0/mapping
cat $X/dax0.0/size; stat -c %s /dev/dax0.0; grep -c dax0.0 /proc/iomem; loose dax0.0; grep -c dax0.0 /proc/iomem || :""") == [
        "67108864", "33554432", "1", "0"]


def test_range_more_for_a_device_that_kmem_has_is_a_violation():
    done = run(LIB + CUT + "loose dax0.0; size dax0.0 128; echo dax0.0 > $B/kmem/bind; echo 498000000-49fffffff > $X/dax0.0/mapping", *DEVDAX)
    assert done.returncode == 4 and "dax0.0 got a range more while kmem has it" in done.stderr


def test_each_device_has_its_driver_its_lines_of_iomem_and_its_blocks():
    assert cut("""halves; echo dax0.1 > $B/kmem/bind; echo dax0.0 > $B/device_dax/bind; grep 'dax\\|kmem' /proc/iomem | tr -d ' '
cd /sys/devices/system/memory; echo memory14[67]; echo dax0.1 > $B/kmem/unbind; echo memory14[67]; grep -c dax /proc/iomem""") == [
        "490000000-497ffffff:dax0.0", "498000000-49fffffff:dax0.1", "498000000-49fffffff:SystemRAM(kmem)", "memory147", "memory14[67]", "1"]


def test_kmem_has_whole_blocks_of_each_range():
    assert cut("""loose dax0.0; size dax0.0 0; echo 490000000-498ffffff > $X/dax0.0/mapping; echo 499000000-49fffffff > $X/dax0.0/mapping
echo dax0.0 > $B/kmem/bind; grep dax /proc/iomem | tr -d ' '; echo /sys/devices/system/memory/memory14[67]""") == [
        "490000000-497ffffff:dax0.0", "/sys/devices/system/memory/memory146"]


@pytest.mark.parametrize("driver,mib,text", (("kmem", 0, "ENXIO"), ("kmem", 64, "EINVAL"), ("device_dax", 64, "ENODEV")))
def test_driver_refuses_a_device_that_is_empty_too_small_or_not_its_own(driver, mib, text):
    assert writes(DEVDAX, UNBOUND, (f"{DAX}/dax0.0/size", "0x4000000"), (f"{INFO}/create", "1"), (f"{DAX}/dax0.1/size", str(mib << 20)),
                  (f"{DRIVERS}/{driver}/bind", "dax0.1"))[-1] == text


def test_new_id_binds_every_device_that_the_driver_takes_and_nobody_has():
    assert cut("""halves; echo dax0.1 > $B/device_dax/new_id; ls -d $B/device_dax/dax* | wc -l; loose dax0.0 dax0.1
for d in dax0.0 dax0.1; do echo $d > $B/device_dax/remove_id; done; echo dax7.7 > $B/kmem/new_id; ls -d $B/kmem/dax* | wc -l""") == ["2", "2"]


def test_device_dax_that_failed_once_fails_until_the_device_is_another():
    assert writes(DEVDAX, UNBOUND, (f"{DAX}/dax0.0/size", "0"), (f"{INFO}/create", "1"), (f"{DAX}/dax0.1/mapping", "490001000-490200fff"),
                  (f"{DRIVERS}/device_dax/new_id", "dax0.1"), (f"{DAX}/dax0.1/size", "0"), (f"{DAX}/dax0.1/size", "0x8000000"),
                  (f"{DRIVERS}/device_dax/bind", "dax0.1"), (f"{DRIVERS}/kmem/bind", "dax0.1"), (f"{DRIVERS}/kmem/unbind", "dax0.1"),
                  (f"{DAX}/dax0.1/size", "0"), (f"{INFO}/delete", "dax0.1"), (f"{INFO}/create", "1"), (f"{DAX}/dax0.1/size", "0x8000000"),
                  (f"{DRIVERS}/device_dax/bind", "dax0.1")) == ["ok"] * 7 + ["EINVAL"] + ["ok"] * 7


def test_memory_that_kmem_left_online_keeps_its_range_from_every_device():
    assert cut("""halves; echo dax0.0 > $B/kmem/bind; echo online_movable > /sys/devices/system/memory/memory146/state; loose dax0.0
size dax0.0 0; size dax0.1 160; echo dax0.1 > $B/kmem/bind; grep dax /proc/iomem | tr -d ' '; loose dax0.1
echo dax0.1 > $B/device_dax/new_id; ls $B/device_dax | grep -c dax || :
size dax0.1 0; size dax0.0 128; echo dax0.0 > $B/kmem/bind 2> /dev/null || echo refused; ls /sys/devices/system/memory | grep -c memory14[67]""") == [
        "490000000-497ffffff:dax0.0", "498000000-49fffffff:dax0.1", "0", "refused", "1"]


def test_region_that_is_made_again_has_one_device_of_all_of_it():
    assert cut("""halves; echo dax0.1 > $B/kmem/bind; echo 0 > $S/region0/commit; ls $X /dev | grep -c dax0 || :
echo 1 > $S/region0/commit; echo region0 > /sys/bus/cxl/drivers/cxl_region/bind; ls $X; cat $X/dax0.0/size $I/available_size
echo "<$(cat $I/create)>" """) == ["0", "dax0.0", "268435456", "0", "<>"]


@pytest.mark.parametrize("event", ("link-down", "timeout"))
def test_users_of_devices_that_were_made_die_when_the_port_isolates(event):
    done = run(LIB + CUT + f"""halves; for d in dax0.0 dax0.1; do echo $d > $B/device_dax/new_id; $SIM ctl map $d > /dev/null; done
for w in isolation_ctrl timeout_ctrl; do echo 1 > /sys/bus/pci/devices/{PORT}/cxl_isolation/$w 2> /dev/null || :; done
$SIM ctl {event} {PORT} > /dev/null; sleep 0.5; grep -l /dev/dax0 /proc/[0-9]*/maps | wc -l""", "--host", "direct1", "--kernel", "v1-fixed")
    assert done.stdout == "0\n", done


def test_cut_does_not_survive_a_restart():
    assert cut("""halves; for d in dax0.0 dax0.1; do echo $d > $B/device_dax/new_id; done; $SIM ctl reboot > /dev/null
ls $X; cat $X/dax0.0/size; ls /dev | grep dax""", ("--host", "direct1", "--kernel", "v1-fixed")) == ["dax0.0", "268435456", "dax0.0"]


def test_endpoint_pulled_out_takes_all_devices_of_its_region():
    assert cut("""halves; echo dax0.1 > $B/kmem/bind; echo 1 > $D/0000:0d:00.0/remove; ls $X | wc -l; ls /dev | grep -c dax || :
grep -c dax /proc/iomem || :; ls -d /sys/devices/system/memory/memory14[67] 2> /dev/null | wc -l""") == ["0", "0", "0", "0"]


def test_programs_of_the_distribution_cut_a_region():
    assert cut("""daxctl disable-device dax0.0 > /dev/null 2>&1; daxctl reconfigure-device --no-online -s 64M dax0.0 > /dev/null 2>&1 || :
daxctl create-device -r 0 -s 32M > /dev/null 2>&1; cat $X/dax0.0/size $X/dax0.1/size""") == ["67108864", "33554432"]


# --- the file state of kmem's devices, from Linux 7.3 on ---------------------------------------

BLOCKS = "/sys/devices/system/memory"


@pytest.fixture
def newest(tmp_path):
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "kernel": "mainline",
                                "files": {"proc/version": "Linux version 7.3-amd64 () () #1 SMP PREEMPT_DYNAMIC\n"}}))
    return ("--host", path)


KMEM = (UNBOUND, (f"{DRIVERS}/kmem/bind", "dax0.0"))


def test_state_is_there_while_kmem_has_the_device(newest):
    assert cut("""ls $X/dax0.0 | grep -c '^state' || :; loose dax0.0; echo dax0.0 > $B/kmem/bind; cat $X/dax0.0/state; loose dax0.0
ls $X/dax0.0 | grep -c '^state' || :""", newest) == ["0", "offline", "0"]
    assert cut("loose dax0.0; echo dax0.0 > $B/kmem/bind; ls $X/dax0.0 | grep -c '^state' || :") == ["0"]


def test_state_takes_memory_away_and_brings_it_back(newest):
    assert cut(f"""loose dax0.0; echo dax0.0 > $B/kmem/bind; cd $X/dax0.0; echo unplugged > state; cat state; ls {BLOCKS} | grep -c memory14[67] || :
grep -c dax /proc/iomem || :; echo online_movable > state; cat state {BLOCKS}/memory14[67]/state; echo offline > {BLOCKS}/memory146/state; cat state
echo unplugged > state; ls {BLOCKS} | grep -c memory14[67] || :""", newest) == [
        "unplugged", "0", "0", "online_movable", "online", "online", "online_movable", "0"]


def test_state_refuses_what_is_no_state_and_another_zone(newest):
    state = f"{DAX}/dax0.0/state"
    assert writes(newest, *KMEM, *((state, t) for t in ("offline", "x", "online", "unplugged", "offline", "online_movable", "online_movable", "online"))
                  )[2:] == ["EINVAL", "EINVAL", "EBUSY", "ok", "EINVAL", "ok", "ok", "EBUSY"]


def test_memory_that_does_not_go_offline_stays_whole(newest):
    script = f"""loose dax0.0; echo dax0.0 > $B/kmem/bind; cd $X/dax0.0; echo unplugged > state; echo WORD > state; BUSY
echo unplugged > state 2> /dev/null || echo refused; cat state {BLOCKS}/memory14[67]/state"""
    assert cut(script.replace("WORD", "online_movable").replace("BUSY", "$SIM ctl busy memory147 > /dev/null"), newest) == [
        "refused", "online_movable", "online", "online"]
    assert cut(script.replace("WORD", "online").replace("BUSY", ":"), newest) == ["refused", "online", "online", "online"]
