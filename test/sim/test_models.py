# SPDX-License-Identifier: GPL-2.0-only
"""What the models answer to single writes: the errno of Linux 6.12 for each refusal,
and the way of devices that go and come back."""
import json
import os
import re

import pytest

from simrun import CAPTURES, PCI, PORT, run
from states import DEVDAX, LIB, NOREGION, PMEM, RP_BACK, SWITCH, SYSRAM, TWO, sh, writes

SYS = "/sys/bus/cxl/devices"
REGION = f"{SYS}/region0"
DRIVERS = "/sys/bus/cxl/drivers"


# --- regions -------------------------------------------------------------------------------

def test_new_region_is_empty_and_its_name_moves_on():
    assert sh("""cat $S/decoder0.0/create_ram_region; echo region0 > $S/decoder0.0/create_ram_region
cat $S/decoder0.0/create_ram_region $S/decoder0.0/create_pmem_region
cd $S/region0; cat commit interleave_ways interleave_granularity size resource mode uuid; ls | grep -c target || :""", NOREGION) == [
        "region0", "region1", "region1", "0", "0", "0", "0x0", "0xffffffffffffffff", "ram", "0"]


def test_region_numbers_are_shared_by_all_windows():
    assert sh("""cat $S/decoder0.[012]/create_ram_region; echo region1 > $S/decoder0.1/create_ram_region
cat $S/decoder0.[012]/create_ram_region; echo region1 > $S/decoder0.1/delete_region
echo region0 > $S/decoder0.0/create_ram_region; cat $S/decoder0.[012]/create_ram_region""", TWO) == [
        "region0", "region1", "region2", "region0", "region3", "region2", "region3", "region1", "region2"]


def test_refused_writes_to_a_root_decoder():
    root = f"{SYS}/decoder0.0/"
    assert writes(NOREGION, (root + "create_ram_region", "region7"), (root + "create_ram_region", "x"),
                  (root + "delete_region", "region0"), (root + "delete_region", "decoder0.0"),
                  (root + "create_ram_region", "region0\n"), (root + "create_ram_region", "region0\n"),
                  (root + "delete_region", "region0\n")) == ["EBUSY", "EINVAL", "ENODEV", "ENODEV", "ok", "EBUSY", "ok"]


def test_refused_writes_to_a_region_in_the_order_of_its_making():
    r, d = f"{REGION}/", f"{SYS}/decoder2.0/"
    assert writes(NOREGION, (f"{SYS}/decoder0.0/create_ram_region", "region0"),
                  (r + "size", "0x10000000"),			# ways and granularity first
                  (r + "interleave_ways", "5"), (r + "interleave_ways", "x"), (r + "interleave_ways", "1"),
                  (r + "interleave_granularity", "100"), (r + "interleave_granularity", "256"),
                  (r + "target0", "decoder2.0"),			# no size yet; the decoder's mode differs first
                  (r + "size", "0x1000"), (r + "size", "0x200000000"), (r + "size", "0x10000000"),
                  (r + "size", "0x20000000"), (r + "interleave_ways", "1"),
                  (r + "commit", "1"), (r + "commit", "2"), (r + "commit", "0"),
                  (r + "target0", "decoder9.0"), (r + "target0", "mem0"), (r + "target0", "decoder2.0"),
                  (d + "mode", "pmem"), (d + "mode", "x"), (d + "mode", "ram"), (r + "target0", "decoder2.0"),
                  (d + "dpa_size", "0x1000"), (d + "dpa_size", "0x20000000"), (d + "dpa_size", "0x10000000"),
                  (f"{SYS}/decoder2.1/mode", "ram"), (f"{SYS}/decoder2.1/dpa_size", "0x10000000"),
                  (f"{DRIVERS}/cxl_region/bind", "region0"),
                  (r + "target0", "decoder2.0"), (r + "target0", "decoder2.0"), (d + "dpa_size", "0"),
                  (f"{DRIVERS}/cxl_region/bind", "region0"), (r + "commit", "1"), (r + "size", "0"),
                  (f"{DRIVERS}/cxl_region/bind", "region0"), (f"{DRIVERS}/cxl_region/bind", "region0"),
                  (f"{DRIVERS}/cxl_region/unbind", "mem0"), (f"{DRIVERS}/cxl_mem/bind", "region0")) == [
        "ok", "ENXIO", "EINVAL", "EINVAL", "ok", "EINVAL", "ok", "EINVAL", "EINVAL", "ERANGE", "ok", "EBUSY", "EBUSY",
        "ENXIO", "EINVAL", "ok", "ENODEV", "EINVAL", "EINVAL", "ENXIO", "EINVAL", "ok", "ENXIO", "EINVAL", "ENOSPC",
        "ok", "ok", "ENOSPC", "ENXIO", "ok", "EBUSY", "EBUSY", "ENXIO", "ok", "EBUSY", "ok", "EBUSY", "ENODEV", "ENODEV"]


def test_host_bridge_interleave_dictates_the_granularity_and_the_ways():
    r = f"{SYS}/region2/"
    assert writes(TWO, (f"{SYS}/decoder0.2/create_ram_region", "region2"), (r + "interleave_ways", "1"),
                  (r + "interleave_ways", "3"), (r + "interleave_ways", "6"), (r + "interleave_granularity", "512"),
                  (r + "interleave_ways", "4"), (r + "interleave_granularity", "256")) == [
        "ok", "EINVAL", "EINVAL", "EINVAL", "EINVAL", "ok", "ok"]


def test_pmem_region_needs_a_uuid_that_no_other_has():
    uuid = "69a29757-bb80-4904-8475-3d77ce576157"
    r = f"{SYS}/region1/"
    assert writes(PMEM, (f"{SYS}/decoder0.0/create_pmem_region", "region1"), (r + "interleave_ways", "1"),
                  (r + "interleave_granularity", "256"), (r + "size", "0x10000000"), (r + "uuid", "x\n"),
                  (r + "uuid", uuid + "\n"), (r + "uuid", uuid.replace("6", "7") + "\n"), (r + "size", "0x10000000")) == [
        "ok", "ok", "ok", "ENXIO", "EINVAL", "EBUSY", "ok", "ok"]


def test_regions_get_the_lowest_free_range_and_give_it_back():
    assert sh("""for i in 0 1; do echo region$i > $S/decoder0.0/create_ram_region; cd $S/region$i
echo 1 > interleave_ways; echo 256 > interleave_granularity; echo 0x10000000 > size; cat resource; done
grep -A2 CXL.Window /proc/iomem | tail -2 | tr -d ' '; echo region0 > $S/decoder0.0/delete_region
echo 0 > $S/region1/size; cat $S/region1/resource; grep -c region /proc/iomem || :""", NOREGION) == [
        "0x490000000", "0x4a0000000", "490000000-49fffffff:region0", "4a0000000-4afffffff:region1",
        "0xffffffffffffffff", "0"]


def test_decommit_stops_the_driver_and_keeps_targets_and_ranges():
    assert sh("""echo 0 > $S/region0/commit; cd $S/region0; cat commit size target0; ls | grep -c 'driver\\|dax' || :
cat $S/decoder2.0/size $S/decoder2.0/region $S/endpoint2/decoders_committed; ls /dev | grep -c dax || :
echo 1 > $S/region0/commit; echo region0 > /sys/bus/cxl/drivers/cxl_region/bind; ls /dev | grep dax""", DEVDAX) == [
        "0", "0x10000000", "decoder2.0", "0", "0x10000000", "region0", "0", "0", "dax0.0"]


def test_husk_is_deleted_by_its_root_decoder_and_made_again_at_the_same_address():
    assert sh("""echo 1 > $D/0000:0d:00.0/remove; echo region0 > $S/decoder0.0/delete_region; ls $S | grep -c region0 || :
echo 1 > $D/0000:0c:00.0/rescan; mkregion ram decoder0.0 mem0; cat $S/region0/resource $S/region0/commit
ls /sys/bus/dax/devices""", DEVDAX) == ["0", "0x490000000", "1", "dax0.0"]


def test_losing_one_target_keeps_the_other_in_the_husk_and_leaves_other_regions_alone():
    assert sh("""mkregion ram decoder0.0 $(memsn 0x2001) $(memsn 0x2002); mkregion ram decoder0.1 $(memsn 0x2003)
gone=$(memsn 0x2002); left=$(epdec $(memsn 0x2001)); echo 1 > $D/$(memep $gone)/remove
cd $S/region0; cat commit target1; [ $(cat target0) = $left ] && echo kept; ls | grep -c driver || :
cat $S/region1/commit; basename $(readlink $S/region1/driver); cat $S/$left/region""", TWO) == [
        "0", "kept", "0", "1", "cxl_region", "region0"]


# --- memory devices and ports --------------------------------------------------------------

def test_memdev_unbind_and_bind_leaves_a_husk_and_the_same_endpoint_number():
    assert sh("""echo mem0 > $DRV/unbind; ls $S | grep -c 'endpoint\\|decoder2' || :; ls $S/mem0 | grep -c 'driver\\|poison' || :
cat $S/region0/commit; echo mem0 > $DRV/bind; basename $(readlink $S/mem0/driver); ls $S | grep endpoint
cat $S/decoder2.0/mode""".replace("$DRV", f"{DRIVERS}/cxl_mem"), DEVDAX) == [
        "0", "0", "0", "cxl_mem", "endpoint2", "none"]


def test_memdev_behind_a_root_port_that_came_back_binds_after_its_host_bridge_s_port_did():
    """As measured (rp-port-rebind of the lab's recover2.sh)."""
    mem, port = f"{DRIVERS}/cxl_mem/", f"{DRIVERS}/cxl_port/"
    gone = (f"{PCI}/{PORT}/remove", "1"), ("/sys/bus/pci/rescan", "1")
    assert writes(NOREGION, *gone, (mem + "bind", "mem0"), (port + "unbind", "port1"), (mem + "bind", "mem0"),
                  (port + "bind", "port1"), (mem + "bind", "mem0"), (mem + "bind", "mem0")) == [
        "ok", "ok", "ENXIO", "ok", "ENXIO", "ok", "ok", "EBUSY"]


def test_port_that_is_rebound_has_its_dports_and_decoders_again():
    assert sh(f"""P=/sys/devices/platform/ACPI0017:00/root0/port1; echo port1 > {DRIVERS}/cxl_port/unbind
ls $P | grep -c 'dport[0-9]\\|decoder1\\|endpoint' || :; ls $S | grep -c decoder1 || :
echo port1 > {DRIVERS}/cxl_port/bind; ls $P | grep 'dport[0-9]\\|decoder1\\|endpoint'; cat $S/decoder1.0/region""", NOREGION) == [
        "0", "0", "decoder1.0", "dport0"]


def test_numbers_of_devices_that_come_back_are_the_lowest_free_ones():
    assert sh("""a=$(memsn 0x2001) b=$(memsn 0x2003); ea=$(memep $a) eb=$(memep $b)
echo 1 > $D/$ea/remove; echo 1 > $D/$eb/remove; ls $S | grep -c ^mem; ls /dev/cxl | grep -c mem
echo 1 > $D/0000:de:00.0/rescan; echo 1 > $D/0000:0c:00.0/rescan; ls $S | grep ^mem; ls $S | grep -c ^endpoint
for s in 0x2001 0x2002 0x2003 0x2004; do m=$(memsn $s); epdec $m > /dev/null; cat $S/$m/uevent | grep -c DEVNAME=cxl/$m; done
[ $(memsn 0x2003) = $(printf '%s\\n' $a $b | sort | head -1) ] && echo swapped
cat $S/$(memsn 0x2003)/firmware/*/uevent | head -1""", TWO)[:6] == ["2", "2", "mem0", "mem1", "mem2", "mem3"]


def test_switch_port_goes_with_its_last_endpoint_and_comes_back():
    assert sh("""for s in 0x3001 0x3002 0x3003; do echo 1 > $D/$(memep $(memsn $s))/remove; done; ls $S | grep -c port2
echo 1 > $D/$(memep $(memsn 0x3004))/remove; ls $S | grep -c port2 || :; cat $S/region0/commit
echo 1 > /sys/bus/pci/rescan; ls $S | grep -c '^port2\\|^mem\\|^endpoint'; for m in $S/mem*; do basename $(readlink $m/driver); done
echo region0 > $S/decoder0.0/delete_region
mkregion ram decoder0.0 $(memsn 0x3001) $(memsn 0x3002) $(memsn 0x3003) $(memsn 0x3004); cat $S/region0/commit""", SWITCH) == [
        "1", "0", "0", "9", "cxl_mem", "cxl_mem", "cxl_mem", "cxl_mem", "1"]


def test_host_bridge_port_above_a_switch_takes_all_below_along():
    assert sh(f"""echo port1 > {DRIVERS}/cxl_port/unbind; ls $S | grep -c 'endpoint\\|port2\\|decoder1' || :
echo port1 > {DRIVERS}/cxl_port/bind; for m in mem0 mem1 mem2 mem3; do echo $m > {DRIVERS}/cxl_mem/bind; done
ls $S | grep -c '^endpoint\\|^port2'""", SWITCH) == ["0", "5"]


def test_unbound_memdev_of_a_capture_stays_unbound_until_its_port_is_rebound():
    assert sh(f"""echo port1 > {DRIVERS}/cxl_port/unbind; echo port1 > {DRIVERS}/cxl_port/bind
echo mem0 > {DRIVERS}/cxl_mem/bind; ls $S | grep -c 'endpoint\\|decoder[2-9]'; mkregion ram decoder0.0 mem0; cat $S/region0/commit""",
              RP_BACK) == ["5", "1"]


def test_pmem_device_takes_its_nvdimm_along_and_brings_it_back():
    assert sh("""echo 1 > $D/0000:0d:00.0/remove; ls $S /sys/bus/nd/devices | grep -c 'pmem0\\|nmem0\\|region0$' || :
echo 1 > $D/0000:0c:00.0/rescan; ls $S /sys/bus/nd/devices | grep 'pmem0\\|nmem0'""", PMEM) == ["1", "pmem0", "nmem0"]


def test_flush_takes_1_only():
    assert writes(NOREGION, ("/sys/bus/cxl/flush", "1\n\0"), ("/sys/bus/cxl/flush", "0")) == ["ok", "EINVAL"]


# --- PCI -----------------------------------------------------------------------------------

def test_remove_and_rescan_take_numbers_and_0_does_nothing():
    remove = f"{PCI}/0000:0d:00.0/remove"
    assert writes(NOREGION, (remove, "x"), (remove, "0"), (remove, "1"), (f"{PCI}/{PORT}/rescan", "x"),
                  (f"{PCI}/{PORT}/rescan", "0")) == ["EINVAL", "ok", "ok", "EINVAL", "ok"]


def test_nothing_comes_back_while_the_link_is_down():
    assert sh("""echo 1 > $D/0000:0d:00.0/remove; echo 1 > $D/0000:0c:00.0/cxl_isolation/isolation_ctrl
$SIM ctl link-down 0000:0c:00.0 > /dev/null; echo 1 > /sys/bus/pci/rescan; ls $S | grep -c mem0 || :
$SIM ctl link-up 0000:0c:00.0 > /dev/null; echo 1 > /sys/bus/pci/rescan; ls $S | grep -c mem0""", ()) == ["0", "1"]


def test_root_port_that_came_back_has_its_registers_and_attributes():
    assert sh("""I=$D/0000:0c:00.0/cxl_isolation; echo 1 > $I/isolation_ctrl; echo 1 > $D/0000:0c:00.0/remove
[ -e $I ] || echo gone; echo 1 > /sys/bus/pci/rescan; cat $I/isolation_ctrl; echo 1 > $I/isolation_ctrl; cat $I/isolation_ctrl
$SIM ctl link-down 0000:0c:00.0""", ("--kernel", "v1-fixed"))[:4] == ["gone", "0", "1", "0000:0c:00.0:"]


def test_slot_power_removes_and_returns_what_is_in_it():
    assert sh("""P=/sys/bus/pci/slots/2/power; echo 0 > $P; cat $P; ls $S | grep -c mem0 || :; echo 1 > $P; cat $P
ls $S | grep -c mem0""", NOREGION) == ["0", "0", "1", "1"]


def test_replayed_capture_has_no_models():
    assert writes(("--host", CAPTURES / "direct1-6.12-devdax.tar.xz"), (f"{PCI}/0000:0d:00.0/remove", "1"),
                  (f"{SYS}/decoder0.0/create_ram_region", "region1")) == ["EOPNOTSUPP", "EOPNOTSUPP"]


# --- dax and memory ------------------------------------------------------------------------

BLOCK = "/sys/devices/system/memory/memory146/state"


def test_refused_writes_to_memory_blocks():
    assert writes(SYSRAM, (BLOCK, "online"), (BLOCK, "x"), (BLOCK, "offline"), (BLOCK, "offline"), (BLOCK, "online_movable"),
                  (BLOCK.replace("146", "1"), "offline"), ("/sys/devices/system/memory/auto_online_blocks", "x")) == [
        "EINVAL", "EINVAL", "ok", "EINVAL", "ok", "EBUSY", "EINVAL"]


def test_offline_memory_leaves_with_kmem_and_online_memory_stays():
    script = """{0} echo dax0.0 > /sys/bus/dax/drivers/kmem/unbind; ls /sys/devices/system/memory | grep -c memory14[67] || :
grep -c kmem /proc/iomem || :; cat /sys/devices/system/node/online; echo dax0.0 > /sys/bus/dax/drivers/kmem/bind || echo refused"""
    offline = "for n in 146 147; do echo offline > /sys/devices/system/memory/memory$n/state; done;"
    assert sh(script.format(offline), SYSRAM) == ["0", "0", "0"]
    done = run(LIB + script.format(""), *SYSRAM)
    assert done.stdout.split() == ["2", "1", "0-1", "refused"]


def test_memmap_on_memory_is_fixed_while_kmem_is_bound_and_needs_the_module_parameter():
    dax = "/sys/bus/dax/devices/dax0.0/memmap_on_memory"
    assert writes(SYSRAM, (dax, "0"), (dax, "1"), (dax, "x")) == ["EBUSY", "EOPNOTSUPP", "EINVAL"]
    assert writes(DEVDAX, (dax, "0"), (dax, "1")) == ["ok", "EOPNOTSUPP"]


def test_dax_drivers_take_what_they_are_told_to():
    device_dax, kmem = "/sys/bus/dax/drivers/device_dax/", "/sys/bus/dax/drivers/kmem/"
    assert writes(DEVDAX, (kmem + "bind", "dax0.0"), (device_dax + "new_id", "dax0"), (device_dax + "unbind", "dax0.0"),
                  (device_dax + "bind", "dax0.0"), (device_dax + "unbind", "dax0.0"), (device_dax + "remove_id", "dax0.0"),
                  (device_dax + "bind", "dax0.0"), (kmem + "bind", "dax0.0"), (kmem + "unbind", "dax0.0"),
                  (device_dax + "new_id", "dax0.0"), (kmem + "bind", "dax0.0"), (kmem + "unbind", "dax0.0")) == [
        "EBUSY", "EINVAL", "ok", "ok", "ok", "ok", "ENODEV", "ok", "ok", "ok", "EBUSY", "ENODEV"]


def test_memory_total_follows_online_blocks():
    total = "grep MemTotal /proc/meminfo; cat /sys/devices/system/node/node1/meminfo | head -1"
    numbers = [int(w) for w in sh(f"{total}; echo offline > {BLOCK}; {total}", SYSRAM) if re.fullmatch(r"\d{4,}", w)]
    assert numbers == [2214828, 262144, 2214828 - 131072, 131072]


# --- the distribution's programs -----------------------------------------------------------

needs_tools = pytest.mark.skipif(not all(os.access(f"/usr/bin/{p}", os.X_OK) for p in ("cxl", "daxctl")),
                                 reason="the distribution's cxl and daxctl are not installed")


@needs_tools
def test_distribution_s_daxctl_changes_modes_and_back():
    out = run("""set -e; daxctl reconfigure-device --mode=system-ram dax0.0 && cat /sys/devices/system/memory/memory14[67]/state
daxctl reconfigure-device -f --mode=devdax dax0.0 && daxctl list && ls /sys/devices/system/memory | grep -c memory14[67] || :""", *DEVDAX)
    assert out.stdout.count('"mode":"system-ram"') == 1 and out.stdout.count('"mode":"devdax"') == 2
    assert "online\nonline\n" in out.stdout and out.stdout.endswith("0\n")


@needs_tools
def test_distribution_s_cxl_disables_enables_and_destroys_a_region():
    out = run("""cxl disable-region region0; cat /sys/bus/cxl/devices/region0/commit; cxl enable-region region0; cxl list -R
cxl destroy-region -f region0; cxl list -RDi | grep -c region0""", *DEVDAX)
    assert '"decode_state":"commit"' in out.stdout and out.stdout.endswith("0\n")
    assert "destroyed 1 region" in out.stderr and "enabled 1 region" in out.stderr and "disabled 1 region" in out.stderr


@needs_tools
def test_distribution_s_cxl_makes_a_persistent_region():
    out = run("""cxl disable-region -f region0; cxl destroy-region -f region0
cxl create-region -m -t pmem -d decoder0.0 -w 1 mem0 && cxl list -R""", *PMEM)
    assert "created 1 region" in out.stderr, out.stderr
    assert json.loads(out.stdout[out.stdout.index("\n["):])[0]["decode_state"] == "commit"  # after create-region's own record


@needs_tools
def test_distribution_s_cxl_disables_and_enables_a_memdev():
    out = run("""cxl destroy-region -f region0; cxl disable-memdev -f mem0; ls /sys/bus/cxl/devices | grep -c endpoint
cxl enable-memdev mem0; cxl list -M""", *DEVDAX)
    assert out.stdout.startswith("0\n") and '"memdev":"mem0"' in out.stdout


@needs_tools
def test_distribution_s_cxl_disables_and_enables_a_port_with_all_below():
    out = run("""cxl disable-port -f port1; cat /sys/bus/cxl/devices/region0/commit; ls /sys/bus/cxl/devices | grep -c 'endpoint\\|decoder1'
cxl enable-port -m port1; ls /sys/bus/cxl/devices | grep -c 'endpoint2\\|decoder1'""", *DEVDAX)
    assert out.stdout.split() == ["0", "0", "2"]
