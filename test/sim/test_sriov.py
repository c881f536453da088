# SPDX-License-Identifier: GPL-2.0-only
"""Virtual functions of a simulated accelerator come and go as with drivers/pci/iov.c."""
from simrun import PCI, run

BOTH = "0000:0f:00"


def lines(script, host="accel2"):
    return run(f"cd {PCI}; f={BOTH}.0; vfs() {{ echo $(ls | grep {BOTH}); }}\n{script}", "--host", host).stdout.splitlines()


def test_a_number_is_changed_by_way_of_none_and_only_by_the_driver():
    w = "w() { echo $1 >$f/sriov_numvfs 2>/dev/null && echo ok || echo no; }; "
    assert lines(w + f"w 3; w 5; w 2; w 0; vfs; w 3; vfs; readlink -f {BOTH}.6/physfn | sed s,.*/,,; readlink $f/virtfn2; "
                 f"echo {BOTH}.0 >$f/driver/unbind; vfs; w 1; cat $f/sriov_numvfs") == [
        "no", "no", "ok", "ok", f"{BOTH}.0 {BOTH}.1", "ok", f"{BOTH}.0 {BOTH}.1 {BOTH}.4 {BOTH}.5 {BOTH}.6", f"{BOTH}.0", f"../{BOTH}.6",
        f"{BOTH}.0 {BOTH}.1", "no", "0"]


def test_drivers_come_by_themselves_unless_the_physical_function_says_no_and_overrides_win():
    bind = "b() { echo $2 >/sys/bus/pci/drivers/$1/bind 2>/dev/null && echo ok || echo no; }; d() { echo $(readlink $1/driver | sed s,.*/,,); }; "
    assert lines(bind + f"v={BOTH}.4; echo 0 >$f/sriov_numvfs; echo 0 >$f/sriov_drivers_autoprobe; echo 1 >$f/sriov_numvfs; d $v; b sfc $v; "
                 "echo vfio-pci >$v/driver_override; b sfc $v; b vfio-pci $v; d $v; ls $v/vfio-dev; echo $v >$v/driver/unbind; echo >$v/driver_override; "
                 "cat $v/driver_override; echo 1 >$f/sriov_drivers_autoprobe; b vfio-pci $v; b sfc $v; d $v") == [
        "", "no", "no", "ok", "vfio-pci", "vfio4", "(null)", "no", "ok", "sfc"]


def test_removed_and_found_again_a_function_has_no_virtual_ones():
    assert lines("echo 0 >$f/sriov_drivers_autoprobe; echo sfc >$f/driver_override; echo 1 >0000:0d:00.0/remove; vfs; echo 1 >/sys/bus/pci/rescan; vfs; "
                 "cat $f/sriov_numvfs $f/sriov_drivers_autoprobe $f/driver_override; cat /sys/bus/cxl/devices/region0/commit") == [
        "", f"{BOTH}.0 {BOTH}.1", "0", "1", "(null)", "1"]


def test_a_region_that_the_core_locked_is_not_the_users_to_give_up_and_keeps_its_decoders():
    assert lines("cd /sys/bus/cxl/devices; echo 0 >region0/commit 2>/dev/null || echo no; echo 0000:0d:00.0 >/sys/bus/pci/drivers/sfc/unbind; "
                 "ls | grep -c region; cat port1/decoders_committed", "accel-locked")[:2] == ["no", "0"]
