# SPDX-License-Identifier: GPL-2.0-only
"""Processes that map a dax device (ctl map), and what becomes of them when the memory fails."""
import os
import pathlib
import time

import pytest

from simrun import CAPTURES, ISO, PORT, run

PATH = "/sys/bus/cxl/devices/region0"


def having(mark):
    """Processes of this machine with MARK in their environment: runs beside this one have such users, too."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            found += [p] if mark.encode() in p.read_bytes() else []
        except OSError:
            pass
    return found


def test_map_starts_a_real_process_that_maps_the_device_and_says_which():
    done = run("""said=$($SIM ctl map dax0.0); echo $said; set -- $said; cat /proc/$3/comm
grep -c 'rw-s.*/dev/dax0.0$' /proc/$3/maps; tr '\\0' ' ' < /proc/$3/cmdline""")
    said, comm, mappings, command = done.stdout.splitlines()
    assert said.startswith("dax0.0: process ") and said.endswith(" maps it")
    assert (comm, mappings) == ("dax-user", "1") and command.endswith("ctl map dax0.0 ")


def test_output_of_map_can_be_read_while_the_process_goes_on():
    done = run("x=$($SIM ctl map dax0.0 idle); echo $x | cut -d' ' -f1-2; ls /proc/$(echo $x | cut -d' ' -f3)/maps | wc -l")
    assert done.stdout.splitlines() == ["dax0.0: process", "1"]


def test_process_that_maps_ends_with_the_run():
    mark = f"MARK={os.getpid()}.{time.monotonic_ns()}"
    done = run(f"export {mark}; $SIM ctl map dax0.0 > /dev/null; $SIM ctl map dax0.0 idle > /dev/null; for p in $(grep -ls {mark} /proc/[0-9]*/environ); do "
               "cat ${p%environ}comm; done 2> /dev/null | grep -c dax-user")
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    assert not having(mark)


def test_unmap_ends_every_process_that_map_started_and_no_other():
    done = run("""$SIM ctl map dax0.0 > /dev/null; $SIM ctl map dax0.0 idle > /dev/null; grep -l /dev/dax0.0 /proc/[0-9]*/maps | wc -l
$SIM ctl unmap dax0.0 | grep -c gone; grep -l /dev/dax0.0 /proc/[0-9]*/maps | wc -l; $SIM ctl unmap dax0.0""")
    assert done.stdout.split() == ["2", "2", "0"]
    assert (done.returncode, done.stderr) == (4, "cxl-sim: no process that 'map' started maps dax0.0\n")


def test_device_that_is_no_devdax_or_not_there_cannot_be_mapped():
    done = run("$SIM ctl map dax0.0", "--host", "sysram1")
    assert (done.returncode, done.stderr) == (4, "cxl-sim: dax0.0 cannot be mapped: its driver is kmem, not device_dax\n")
    done = run("$SIM ctl map dax7.0")
    assert (done.returncode, done.stderr) == (2, "cxl-sim: there is no dax device 'dax7.0' on this host\n")
    done = run("$SIM ctl map dax0.0 busily")
    assert (done.returncode, done.stderr) == (2, "cxl-sim: the only word after the device is 'idle'\n")


def users(event, kind):
    """How many users are left after the event, and what mapping anew says."""
    return run(f"""echo 1 > {ISO}/isolation_ctrl; echo 1 > {ISO}/timeout_ctrl; $SIM ctl map dax0.0 {kind} > /dev/null
({event}) > /dev/null; sleep 0.5; grep -l /dev/dax0.0 /proc/[0-9]*/maps | wc -l; $SIM ctl map dax0.0""")


def test_isolation_kills_who_uses_the_memory_and_leaves_who_only_holds_it():
    for event in (f"$SIM ctl link-down {PORT}", f"$SIM ctl timeout {PORT}"):
        assert users(event, "").stdout == "0\n"
        done = users(event, "idle")
        assert (done.stdout, done.stderr) == ("1\n", "cxl-sim: /dev/dax0.0 cannot be mapped: its memory has failed\n")


def test_device_that_goes_takes_its_mappings_along():
    assert users(f"echo 0 > {PATH}/commit", "").stdout == "0\n"


@pytest.mark.parametrize("port,left", (("0000:0c:00.0", 0), ("0000:0c:01.0", 1), ("0000:de:00.0", 1)))
def test_only_who_uses_memory_below_the_port_dies(port, left):
    """The region in devdax mode lies behind the first root port."""
    done = run(f"""cd /sys/bus/dax/devices; daxctl reconfigure-device -f -m devdax dax1.0 > /dev/null 2>&1
echo 1 > /sys/bus/pci/devices/{port}/cxl_isolation/isolation_ctrl; $SIM ctl map dax0.0 > /dev/null
$SIM ctl link-down {port} > /dev/null; sleep 0.4; grep -l /dev/dax0.0 /proc/[0-9]*/maps | wc -l""",
               "--host", CAPTURES / "direct2x2-6.12-two-regions.tar.xz", "--kernel", "v1-fixed")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{left}\n", "")
