# SPDX-License-Identifier: GPL-2.0-only
"""What running the same operations on real kernels (test/vm/calibrate) showed of the models: each behaviour once, here
without a virtual machine."""
import json

from simrun import CAPTURES, PCI, PORT, python, read_log, run
from simrun import writes as writes_of
from states import DEVDAX, LIB, NOREGION, PMEM, SWITCH, SYSRAM, TWO, sh, writes

SYS = "/sys/bus/cxl/devices"
REGION, DECODER, ROOT = f"{SYS}/region0/", f"{SYS}/decoder2.0/", f"{SYS}/decoder0.0/"
DAX = "/sys/bus/dax/devices/dax0.0/"
ENDPOINT = f"{PCI}/0000:0d:00.0/"
POWER = "/sys/bus/pci/slots/2/power"
NEWER = ("--host", CAPTURES / "direct1-7.2-noregion.tar.xz", "--kernel", "mainline")
CLAIM = (ROOT + "create_ram_region", "region0")
BASE = """region() { r=$(cat $S/$1/create_ram_region); echo $r > $S/$1/create_ram_region; echo $r; }
two=$(memsn 0x2002) one=$(memsn 0x2001) other=$(memsn 0x2003)
bridge=$(for p in $S/port*; do [ $(readlink -f $p/uport) = /sys/devices/pci0000:0c ] && basename $p; done)
"""


def refusals(script, options, tmp_path):
    """(what a script prints, the errno of each write that was refused)"""
    log = tmp_path / "log"
    done = run(LIB.replace("set -e\n", "") + script, *options, "--log", log)
    return done.stdout.split(), [errno for _, _, errno in writes_of(read_log(log)) if errno]


# --- how what is written is read -----------------------------------------------------------

def test_numbers_are_read_as_kstrtoull_reads_them():
    size = DECODER + "dpa_size"
    assert writes(NOREGION, (DECODER + "mode", "ram"), *((size, t) for t in (
        "+0x10000000", "02000000000\n", "268435456", "-1", " 0", "0 ", "0x", "08", "0\n\n", "99999999999999999999",
        "99999999999999999999x", "18446744073709551616", "")))[1:] == [
            "ok", "ok", "ok", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "ERANGE", "ERANGE", "ERANGE", "ok"]
    assert writes(NOREGION, CLAIM, (REGION + "interleave_ways", "4294967297"), (REGION + "interleave_granularity", "4294967552")) == [
        "ok", "ERANGE", "ERANGE"]
    assert writes(NOREGION, (ENDPOINT + "remove", "99999999999999999999"), (ENDPOINT + "rescan", "+0")) == ["EINVAL", "ok"]


def test_switches_are_read_as_kstrtobool_reads_them():
    assert writes(DEVDAX, *((REGION + "commit", t) for t in ("on", "oN", "Yes", "o", "oX", "2", " 1", "\n"))) == [
        "ok", "ok", "ok", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "EINVAL"]
    assert writes(DEVDAX, (DAX + "memmap_on_memory", "off"), (DAX + "memmap_on_memory", "on")) == ["ok", "EOPNOTSUPP"]


def test_words_may_end_in_one_newline():
    bind = "/sys/bus/cxl/drivers/cxl_mem/"
    assert writes(NOREGION, (bind + "unbind", "mem0\n\n"), (bind + "unbind", "mem0 "), (bind + "unbind", "mem0\n")) == [
        "ENODEV", "ENODEV", "ok"]
    assert writes(NOREGION, (DECODER + "mode", "ram\n\n"), (DECODER + "mode", "ram\n"), CLAIM, (ROOT + "delete_region", "region0\n\n"),
                  (ROOT + "delete_region", "region0\n")) == ["EINVAL", "ok", "ok", "ENODEV", "ok"]


def test_uevent_takes_the_kernel_s_actions():
    assert writes(NOREGION, *((f"{SYS}/root0/uevent", t) for t in (
        "change", "add\n", "bind 0-0 A=b", "ADD", "changed", "x"))) == ["ok", "ok", "ok", "EINVAL", "EINVAL", "EINVAL"]


def test_poison_list_is_triggered_by_true_only():
    assert writes(NOREGION, *((f"{SYS}/mem0/trigger_poison_list", t) for t in ("1", "y", "0", "x"))) == ["ok", "ok", "EINVAL", "EINVAL"]


# --- regions and decoders ------------------------------------------------------------------

def test_number_of_a_deleted_region_is_given_again():
    assert sh("""echo region0 > $S/decoder0.0/create_ram_region; echo region1 > $S/decoder0.0/create_ram_region
echo region0 > $S/decoder0.0/delete_region; cat $S/decoder0.0/create_ram_region; echo region0 > $S/decoder0.0/create_pmem_region
cat $S/decoder0.0/create_ram_region""", NOREGION) == ["region0", "region2"]


def test_region_as_the_newer_userland_makes_it():
    """The writes of cxl create-region -t ram of 81 and 85, with the NUL that they end in."""
    drivers = "/sys/bus/cxl/drivers/"
    assert writes(NOREGION, ("/sys/bus/cxl/flush", "1\n\0"), (ROOT + "create_ram_region", "region0\0"),
                  (REGION + "interleave_granularity", "256\n\0"), (REGION + "interleave_ways", "1\n\0"), (REGION + "size", "0x10000000\n\0"),
                  (DECODER + "dpa_size", "0\n\0"), (DECODER + "mode", "ram\0"), (DECODER + "dpa_size", "0x10000000\n\0"),
                  (REGION + "target0", "decoder2.0\0"), (REGION + "commit", "1\n\0"), (drivers + "cxl_port/bind", "region0\0"),
                  (drivers + "cxl_mem/bind", "region0\0"), (drivers + "cxl_region/bind", "region0\0")) == ["ok"] * 10 + ["ENODEV", "ENODEV", "ok"]


def test_decoders_are_committed_and_given_back_in_order(tmp_path):
    script = BASE + """P=$S/$bridge/decoders_committed; mkregion ram decoder0.0 $one; low=$r; mkregion ram decoder0.0 $two; cat $P
echo 0 > $S/$low/commit; cat $P; echo 0 > $S/$r/commit; cat $P
echo 1 > $S/$r/commit"""
    assert refusals(script, TWO, tmp_path) == (["2", "2", "0"], ["EBUSY"])


def test_next_decoder_is_claimed_by_one_region_at_a_time(tmp_path):
    script = BASE + """claim() { r=$(region decoder0.0); cd $S/$r; echo 256 > interleave_granularity; echo 1 > interleave_ways
echo 0x10000000 > size; d=$(epdec $1); echo ram > $S/$d/mode; echo 0x10000000 > $S/$d/dpa_size; echo $d > target0; }
claim $one; claim $two"""
    assert refusals(script, TWO, tmp_path) == ([], ["EBUSY"])


def test_region_behind_a_higher_one_on_the_same_port_is_refused(tmp_path):
    script = BASE + """low=$(region decoder0.0); cd $S/$low; echo 256 > interleave_granularity; echo 1 > interleave_ways
echo 0x10000000 > size; mkregion ram decoder0.2 $one $other; d=$(epdec $two); echo ram > $S/$d/mode
echo 0x10000000 > $S/$d/dpa_size; echo $d > $S/$low/target0"""
    assert refusals(script, TWO, tmp_path) == ([], ["EBUSY"])


def test_position_belongs_to_one_host_bridge(tmp_path):
    script = BASE + """r=$(region decoder0.2); cd $S/$r; echo 256 > interleave_granularity; echo 4 > interleave_ways; echo 0x40000000 > size
for m in $one $two $other; do d=$(epdec $m); echo ram > $S/$d/mode; echo 0x10000000 > $S/$d/dpa_size; done
echo $(epdec $one) > target0; echo $(epdec $other) > target1; echo $(epdec $two) > target2; cat target2 | grep -c decoder
echo "" > target2; echo $(epdec $two) > target3"""
    assert refusals(script, TWO, tmp_path) == (["1"], ["ENXIO"])


def test_ranges_of_ports_are_cleared_when_a_region_is_taken_apart():
    assert sh(BASE + """mkregion ram decoder0.0 $one $two; d=decoder${bridge#port}.0; cat $S/$d/size
echo 1 > $D/$(memep $two)/remove; cat $S/$d/size $S/$d/region $S/$(epdec $one)/size""", TWO) == ["0x20000000", "0x0", "region0", "0x20000000"]


def test_decoder_s_interleave_stays_in_its_registers():
    assert sh(BASE + """mkregion ram decoder0.0 $one $two; echo $one > /sys/bus/cxl/drivers/cxl_mem/unbind
echo $one > /sys/bus/cxl/drivers/cxl_mem/bind; cat $S/$(epdec $one)/interleave_ways; echo 1 > $D/$(memep $two)/remove
echo 1 > /sys/bus/pci/rescan; cat $S/$(epdec $(memsn 0x2002))/interleave_ways""", TWO) == ["2", "2"]


# --- resets ----------------------------------------------------------------------------------

LOST = BASE + """mkregion ram decoder0.0 $one $two; {reset}; cat $S/region0/commit; basename $(readlink -f $S/region0/driver)
echo $one > /sys/bus/cxl/drivers/cxl_mem/unbind; echo $one > /sys/bus/cxl/drivers/cxl_mem/bind; cat $S/$(epdec $one)/interleave_ways"""


def test_reset_loses_the_decoders_and_no_attribute_shows_it():
    assert sh(LOST.replace("{reset}", "echo 1 > $D/$(memep $one)/reset"), TWO) == ["1", "cxl_region", "1"]


def test_reset_that_is_masked_loses_nothing_unmasked_everything_below(tmp_path):
    masked = LOST.replace("{reset}", "echo 1 > $D/$(memrp $one)/reset_subordinate")
    assert sh(masked, TWO) == ["1", "cxl_region", "2"]
    unmasked = tmp_path / "host.json"
    unmasked.write_text(json.dumps({"base": str(TWO[1]), "kernel": "mainline", "root_ports": {"*": {"unmask_sbr": True}}}))
    assert sh(masked, ("--host", unmasked)) == ["1", "cxl_region", "1"]


def test_reset_methods_are_those_of_the_function():
    method = ENDPOINT + "reset_method"
    assert writes(NOREGION, (method, "x"), (method, "bus x"), (method, "cxl_bus bus"), (method, "default"), (method, "bus"),
                  (ENDPOINT + "reset", "1"), (method, ""), (method, "\n"), (ENDPOINT + "reset", "1"), (ENDPOINT + "reset", "0"),
                  (ENDPOINT + "reset", "x"), (f"{PCI}/{PORT}/reset_subordinate", "x"), (f"{PCI}/{PORT}/reset_subordinate", "0")) == [
        "EINVAL", "EINVAL", "ok", "ok", "ok", "ENOTTY", "ok", "ok", "ENOTTY", "EINVAL", "EINVAL", "EINVAL", "ok"]


def test_reset_methods_of_a_function_that_came_back_are_the_default_ones():
    assert sh("""M=$D/0000:0d:00.0; cat $M/reset_method; echo cxl_bus > $M/reset_method; cat $M/reset_method; echo 1 > $M/remove
echo 1 > /sys/bus/pci/rescan; cat $M/reset_method""", NOREGION) == ["bus", "cxl_bus", "cxl_bus", "bus", "cxl_bus"]


def test_contents_are_lost_in_a_reset():
    done = python(f"""
import mmap, os
fd = os.open("/dev/dax0.0", os.O_RDWR)
m = mmap.mmap(fd, 1 << 21, mmap.MAP_SHARED)
m[:4] = b"data"
print(m[:4])
open("{ENDPOINT}reset", "w").write("1")
print(m[:4])
""", *DEVDAX)
    assert done.stdout.splitlines() == ["b'data'", r"b'\x00\x00\x00\x00'"], done.stderr


# --- the newer kernel -----------------------------------------------------------------------

def test_newer_kernel_s_refusals():
    assert writes(NEWER, (ROOT + "delete_region", "x"), (ROOT + "delete_region", "region9"), (DECODER + "dpa_size", "0x10000000"),
                  (DECODER + "mode", "pmem"), CLAIM, (REGION + "interleave_granularity", "256"), (REGION + "interleave_ways", "1"),
                  (REGION + "size", "0x10000000"), (REGION + "target0", "decoder2.0")) == [
        "EINVAL", "ENODEV", "EBUSY", "EINVAL", "ok", "ok", "ok", "ok", "ENODEV"]
    assert sh("echo region0 > $S/decoder0.0/create_ram_region; cat $S/region0/locked", NEWER) == ["0"]


def test_newer_kernel_commits_nothing_after_a_reset_until_the_endpoint_is_found_again(tmp_path):
    script = """create() { mkregion ram decoder0.0 mem0; }
destroy() { echo 0 > $S/region0/commit; echo > $S/region0/target0; echo region0 > $S/decoder0.0/delete_region; }
create; echo 1 > $D/0000:0d:00.0/reset; destroy; """
    # the commit, then the driver finds a region that is not committed
    assert refusals(script + "create", NEWER, tmp_path) == ([], ["EBUSY", "ENXIO"])
    assert sh(script + """echo 1 > $D/0000:0d:00.0/remove; echo 1 > /sys/bus/pci/rescan; create; cat $S/region0/commit""", NEWER) == ["1"]
    assert sh(script + "create; cat $S/region0/commit", NOREGION) == ["1"]


def test_newer_kernel_says_ebusy_to_a_memdev_whose_root_port_came_back():
    bind, unbind = "/sys/bus/cxl/drivers/cxl_mem/bind", "/sys/bus/cxl/drivers/cxl_port/unbind"
    for options, answer in ((NEWER, "EBUSY"), (NOREGION, "ENXIO")):
        assert writes(options, (f"{PCI}/{PORT}/remove", "1"), ("/sys/bus/pci/rescan", "1"), (bind, "mem0"), (unbind, "port1"),
                      (bind, "mem0")) == ["ok", "ok", answer, "ok", "ENXIO"]


# --- dax, memory, slots ---------------------------------------------------------------------

def test_ranges_of_dax_devices_are_their_drivers():
    assert sh("""grep -c 'dax0.0' /proc/iomem; echo dax0.0 > /sys/bus/dax/drivers/device_dax/unbind; grep -c dax0.0 /proc/iomem || :
echo dax0.0 > /sys/bus/dax/drivers/kmem/bind; grep -c 'dax0.0\\|kmem' /proc/iomem""", DEVDAX) == ["1", "0", "2"]


def test_dax_device_has_all_of_its_region_and_keeps_it():
    region = f"{SYS}/dax_region0/dax_region/"
    assert writes(DEVDAX, (DAX + "align", "x"), (DAX + "align", "3"), (DAX + "align", "4096"), (DAX + "size", "x"), (DAX + "size", "4096"),
                  (DAX + "size", "0x20000000"), (region + "create", "x"), (region + "create", "2"), (region + "create", "1"),
                  (region + "delete", "dax9.0"), (region + "delete", "dax0.0"), ("/sys/bus/dax/drivers/device_dax/unbind", "dax0.0"),
                  (DAX + "align", "1073741824"), (DAX + "align", "4096"), (DAX + "size", "0x20000000"), (DAX + "size", "268435456")) == [
        "ENXIO", "EINVAL", "EBUSY", "EINVAL", "EINVAL", "EBUSY", "EINVAL", "EINVAL", "ENOSPC", "ENXIO", "EBUSY", "ok",
        "EINVAL", "ok", "ENOSPC", "ok"]


def test_block_s_online_attribute_takes_what_is_so_already():
    block = "/sys/devices/system/memory/memory146/"
    assert writes(SYSRAM, (block + "online", "1"), (block + "online", "0"), (block + "online", "off"), (block + "state", "offline")) == [
        "ok", "ok", "ok", "EINVAL"]


OPEN = "python3 -c 'import os; os.open(\"/dev/dax0.0\", os.O_RDWR)' 2>&1 | tail -1 | grep -o 'Errno 6' || echo ok"


def test_dax_device_can_be_opened_while_device_dax_has_it():
    assert sh(f"""B=/sys/bus/dax/drivers; {OPEN}; chmod 640 /dev/dax0.0; echo dax0.0 > $B/device_dax/unbind; {OPEN}
echo dax0.0 > $B/kmem/bind; {OPEN}; echo dax0.0 > $B/kmem/unbind; echo dax0.0 > $B/device_dax/bind; {OPEN}
stat -c %a /dev/dax0.0""", DEVDAX) == ["ok", "Errno", "6", "Errno", "6", "ok", "640"]
    assert sh(OPEN, SYSRAM) == ["Errno", "6"]


def test_whoever_maps_a_device_that_loses_its_driver_gets_a_bus_error():
    done = python("""
import mmap, os
m = mmap.mmap(os.open("/dev/dax0.0", os.O_RDWR), 1 << 21)
m[0] = 1
if not os.fork():
    open("/sys/bus/dax/drivers/device_dax/unbind", "w").write("dax0.0")
    m[0] = 2
print(os.waitstatus_to_exitcode(os.wait()[1]))
""", *DEVDAX)
    assert done.stdout.split() == ["-7"], done.stderr


def test_memory_that_failed_has_failed_also_for_who_binds_the_driver_again():
    assert sh(f"""echo 1 > $D/{PORT}/cxl_isolation/isolation_ctrl; $SIM ctl link-down {PORT} > /dev/null
for a in unbind bind; do echo dax0.0 > /sys/bus/dax/drivers/device_dax/$a; done; $SIM ctl map dax0.0 2>&1 | grep -c failed""",
              ("--host", "direct1", "--kernel", "v1-fixed")) == ["1"]


def test_region_over_memory_that_the_kernel_kept_has_no_dax_device():
    assert sh("""echo 0 > $S/region0/commit; echo 1 > $S/region0/commit; echo region0 > /sys/bus/cxl/drivers/cxl_region/bind
basename $(readlink $S/region0/driver); ls /sys/bus/dax/devices | wc -l; ls -d $S/region0/dax* 2>/dev/null | wc -l""", SYSRAM) == ["cxl_region", "0", "0"]


def test_online_means_the_movable_zone_between_movable_blocks():
    script = BASE + """B=/sys/devices/system/memory; mkregion ram decoder0.0 $one; mkregion ram decoder0.0 $two; cd $B
echo online_movable > memory146/state; cat memory147/valid_zones; echo online_movable > memory149/state; cat memory147/valid_zones
echo online > memory147/state; echo 1 > memory148/online; cat memory14[78]/valid_zones
echo offline > memory149/state; cat memory149/valid_zones"""
    assert sh(script, TWO) == ["Normal", "Movable", "Movable", "Normal", "Movable", "Movable", "Normal", "Movable"]


def test_memdev_below_a_downstream_port_that_came_back_is_not_bound():
    assert sh("""m=$(memsn 0x3001); p=$(readlink -f $S/$m); p=$(dirname $(dirname $p)); echo 1 > $p/remove; echo 1 > /sys/bus/pci/rescan
m=$(memsn 0x3001); ls -d $S/$m/driver 2>/dev/null | wc -l; ls -d $S/mem*/driver | wc -l""", SWITCH) == ["0", "3"]


def test_slot_takes_a_number_from_whatever_is_written():
    assert writes(NOREGION, (POWER, "1"), (POWER, "257"), (POWER, "2"), (POWER, "1x"), (POWER, "off"), (POWER, "0"), (POWER, "1")) == [
        "ENODEV", "ENODEV", "EINVAL", "ENODEV", "ok", "ENODEV", "ok"]


def test_slot_that_is_registered_again_names_its_module():
    assert sh("""L=/sys/bus/pci/slots/2/module; echo 1 > $D/0000:0c:00.0/remove; echo 1 > /sys/bus/pci/rescan; basename $(readlink $L)""",
              NOREGION) == ["pciehp"]


def test_seeds_of_a_persistent_region_have_no_size():
    done = run("echo region0 > /sys/bus/cxl/drivers/cxl_region/unbind; echo region0 > /sys/bus/cxl/drivers/cxl_region/bind; "
               "cat /sys/bus/nd/devices/btt0.0/size", *PMEM)
    assert "No such device or address" in done.stderr
