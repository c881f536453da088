# SPDX-License-Identifier: GPL-2.0-only
"""--wait: what a policy file names is waited for, and what did not come leaves the rest to be done."""
import json
import shlex
import time

import pytest

from lib.cli import Session
from test_layout_make import NOTHING, POLICY, devices, LOOK

PCI = "/sys/bus/pci/devices"
VMS = "[root0]\n[region vms]\nmemdevs = 0x5001\nsize = 2GiB\n[dax vm1]\nregion = vms\nsize = 1GiB\n[dax vm2]\nregion = vms\nsize = rest\n"
OTHER = "[region other]\nmemdevs = 0x5002\n[dax vm9]\nregion = other\nsize = rest\n"


def write(text):
    return f"mkdir -p /etc/cxl; printf %s {shlex.quote(text)} > {POLICY}\n"


def replug(fate, endpoint="0000:0d:00.0", port="0000:0c:00.0"):
    """The device is pulled out and found again, and FATE says how."""
    return f"cxl-sim ctl returns {endpoint} {fate}; echo 1 > {PCI}/{endpoint}/remove; echo 1 > {PCI}/{port}/rescan\n"


def clocked(command):
    """A shell line that runs COMMAND, keeps its output and status, and the time before and behind it."""
    return f"date +%s.%N > $SCRATCH/t; {command}; rc=$?; date +%s.%N >> $SCRATCH/t; exit $rc"


def made(text, command, before="", host="vms1"):
    """COMMAND on a host without regions, with that policy: its record, its time, the devices afterwards."""
    start = time.monotonic()
    r, t, look = Session(host, before=NOTHING + write(text) + before).sh(clocked(command)).sh("cat $SCRATCH/t").sh(LOOK).run()
    assert time.monotonic() - start < 60
    begun, ended = map(float, t.text.split())
    r.json = json.loads(r.text)
    assert r.json["exit_status"] == r.rc, str(r)
    return r, ended - begun, devices(look)


PREPARE, ENABLE = "daxctl prepare-isolation --policy", "cxl enable-isolation --policy"
TWO = [(str(1 << 30), "2097152", "device_dax")] * 2


@pytest.mark.parametrize("command", [PREPARE, ENABLE])
def test_what_is_there_is_not_waited_for(command):
    r, took, _ = made(VMS, f"{command} --wait=20s")
    assert r.rc == 0 and took < 5 and not r.messages(code="ABSENT"), str(r)


@pytest.mark.parametrize("command", [PREPARE, ENABLE])
def test_a_device_that_comes_late_is_waited_for_and_served(command):
    r, took, found = made(VMS, f"{command} --wait=20s", before=replug("late 1500"))
    assert r.rc == 0 and 0.5 < took < 15, (took, str(r))
    if command == PREPARE:
        assert r.json["layout"]["result"] == "done" and found == TWO
    else:
        assert r.root_ports()["0000:0c:00.0"]["after"]["mem"]["isolation"] is True


def test_udev_s_word_ends_the_wait_before_the_next_look():
    """What is not heard of is seen after a second: without word of it none of these would be as fast."""
    took = [made(VMS, f"{ENABLE} --wait=20s", before=replug("late 600"))[1] for _ in range(3)]
    assert min(took) < 0.9, took


def test_without_udev_it_is_seen_all_the_same():
    r, took, _ = made(VMS, f"{ENABLE} --wait=20s", before="rm /run/udev/control\n" + replug("late 1500"))
    assert r.rc == 0 and 0.5 < took < 15, (took, str(r))


def test_a_device_that_never_comes_is_told_once_the_time_is_over():
    r, took, found = made(VMS, f"{PREPARE} --wait=1s", before=replug("never"))
    said, = r.messages(code="ABSENT")
    assert r.rc == 3 and 0.9 < took < 6 and found == [], str(r)
    assert said["severity"] == "error" and said["text"] == (
        f"{POLICY}:3: no memory device has serial number 0x5001 after 1 s, so what is made of it is left out; "
        "'cxl list --isolation' shows what there is, and once it is there run the command again")


def test_a_root_port_whose_device_never_comes_is_told_and_the_others_are_isolated():
    text = "[serial 0x6001]\n[0000:0c:01.0]\n"
    r, took, _ = made(text, f"{ENABLE} --wait=1s", before=replug("never"), host="vms2x2")
    said, = r.messages(code="POLICY")
    assert r.rc == 7 and 0.9 < took < 6 and r.root_ports()["0000:0c:01.0"]["result"] == "done", str(r)
    assert said["text"].startswith(f"{POLICY}:1: nothing on this host is [serial 0x6001], so nothing was done for it; ")


def test_the_rest_is_made_without_one_that_never_comes():
    r, _, found = made(VMS + OTHER, f"{PREPARE} --wait=500ms")
    assert r.rc == 7 and r.json["layout"]["result"] == "done" and found == TWO, str(r)
    assert [d["name"] for d in r.json["layout"]["dax"]] == ["vm1", "vm2"]
    assert f"{POLICY}:12: no memory device has serial number 0x5002 after 500 ms" in r.err


def test_without_time_nothing_is_waited_for_and_the_rest_is_made():
    r, took, found = made(VMS + OTHER, f"{PREPARE} --wait=0")
    assert r.rc == 7 and took < 5 and found == TWO and "serial number 0x5002, so what" in r.err, str(r)


def test_without_the_option_all_of_it_is_made_or_nothing():
    r, took, found = made(VMS + OTHER, PREPARE)
    assert r.rc == 2 and took < 5 and found == [], str(r)


def test_a_device_without_driver_is_not_there_yet():
    r, _, _ = made(VMS, f"{PREPARE} --wait=500ms", before="echo mem0 > /sys/bus/cxl/drivers/cxl_mem/unbind\n")
    assert r.rc == 3 and f"{POLICY}:3: mem0 (0000:0d:00.0) has no driver after 500 ms" in r.err, str(r)


def test_a_group_waits_for_each_function_that_is_a_memory_device():
    r, took, _ = made("[all]\n", f"{ENABLE} --wait=20s", before=replug("late 1500"))
    assert r.rc == 0 and 0.5 < took < 15 and r.root_ports()["0000:0c:00.0"]["result"] == "done", str(r)


@pytest.mark.parametrize("size,found", [("max", []), ("1GiB", [(str(1 << 30), "2097152", "device_dax")])])
def test_what_another_will_need_of_a_device_is_not_taken_meanwhile(size, found):
    """On two devices, of which one is not there; the other alone has a region of its own."""
    text = f"[region both]\nmemdevs = 0x5001, 0x5002\nsize = 1GiB\n[dax a]\nregion = both\n[region one]\nmemdevs = 0x5001\nsize = {size}\n[dax b]\nregion = one\n"
    r, _, is_there = made(text.replace("region = both", "region = both\nsize = rest").replace("region = one", "region = one\nsize = rest"), f"{PREPARE} --wait=0")
    assert is_there == found and r.rc == (7 if found else 3), str(r)


@pytest.mark.parametrize("command,comm,text,what", [
    (PREPARE, "daxctl", VMS, f"line 3 of {POLICY}: no memory device has serial number 0x5001"),
    (ENABLE, "cxl", "[serial 0x5001]\n", f"line 1 of {POLICY}: nothing is [serial 0x5001]")])
def test_a_signal_ends_the_wait_and_nothing_is_changed(command, comm, text, what):
    look, r, after = Session("vms1", before=NOTHING + write(text) + replug("never")).sh(LOOK) \
        .sh(f"{command} --wait=60s & sleep 0.7; kill -TERM $!; wait $!").sh(LOOK).run()
    assert r.rc == 5 and look.text == after.text, str(r)
    assert f"a signal ended the wait ({what}); nothing was changed, run the command again" in r.err
    assert not [e for e in r.log if e["op"] == "write" and e["comm"] == comm]


def test_no_lock_is_held_while_it_waits():
    r, = Session("vms1", before=NOTHING + write(VMS) + replug("never")) \
        .sh(f"{PREPARE} --wait=60s > /dev/null 2>&1 & sleep 0.5; flock -n /var/lib/cxl-isolation/host.lock echo free; kill $!; wait $!").run()
    assert r.text == "free\n", str(r)


def test_another_command_is_waited_for_longer():
    r, = Session("vms1", before=NOTHING + write(VMS)) \
        .sh(f"(flock 9; sleep 7) 9> $CXL_STATE_DIR/host.lock & sleep 0.3; {PREPARE} --wait > /dev/null").run()
    assert r.rc == 0, str(r)


@pytest.mark.parametrize("line,says", [
    ("cxl enable-isolation --wait root0", "--wait waits for what a policy file names, nothing was done; add --policy"),
    ("daxctl prepare-isolation --wait=3s region0", "--wait waits for what a policy file names, nothing was done; add --policy"),
    ("cxl enable-isolation --policy --wait=soon", "'soon' is not a duration: use a number with us, ms or s"),
    ("daxctl prepare-isolation --policy --wait=-1s", "'-1s' is not a duration: use a number with us, ms or s"),
])
def test_what_cannot_be_waited_for_is_refused(line, says):
    r, = Session("vms1").sh(line).run()
    assert r.rc == 2 and says in r.err, str(r)


def test_status_says_what_is_not_there_and_compares_the_rest():
    r, = Session("vms1", before=NOTHING + write(VMS + OTHER) + f"{PREPARE} --wait=0 > /dev/null 2>&1; {ENABLE} --wait=0 > /dev/null 2>&1; :\n") \
        .cxl("isolation-status", "--policy").run()
    assert r.rc == 1 and [m["text"] for m in r.messages(code="DRIFT")] == [
        f"{POLICY}:12: no memory device has serial number 0x5002; 'cxl list --isolation' shows what there is"], str(r)


def test_names_are_given_to_what_is_there():
    r, = Session("vms1", before=NOTHING + write(VMS + OTHER) + f"{PREPARE} --wait=0 > /dev/null 2>&1; :\n") \
        .sh("daxctl list --isolation --format=udev").run()
    assert r.text == "CXL_DAX_NAME=vm1\nCXL_DAX_NAME=vm2\n"
    assert r.err == f"daxctl list: {POLICY}:12: no memory device has serial number 0x5002, so what is made of it has no name\n"
