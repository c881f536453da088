# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim on a real kernel that has CXL of its own."""
import os

from guest import CXL, SIM, Skip, THEIR_CXL, THEIR_DAXCTL, listing, need_regions, on, run, same


def simulator():
    if not os.path.exists(SIM):
        raise Skip("cxl-sim is not built")
    run("modprobe", "fuse", rc=None)
    if not os.path.exists("/dev/fuse"):
        raise Skip("this kernel has no /dev/fuse")


@on("direct1", "switch4")
def test_doctor_finds_nothing_in_the_way():
    simulator()
    run(SIM, "doctor")


@on("direct1", "switch4")
def test_a_run_shows_the_simulated_host_only():
    simulator()
    here = listing().json
    r = run(SIM, "run", "--host", "direct2x2", "--", CXL, "list", "--isolation")
    same(len(r.root_ports()), 4, "root ports of the simulated host")
    same(listing().json, here, "the real host's listing afterwards")


@on("direct1")
def test_isolation_is_enabled_on_a_simulated_host():
    simulator()
    r = run(SIM, "run", "--host", "direct1", "--kernel", "v1-fixed", "--", CXL, "enable-isolation", "root0")
    same([p["result"] for p in r.json["root_ports"]], ["done"], "results")


@on("direct1")
def test_the_distributions_cxl_works_in_a_run():
    simulator()
    r = run(SIM, "run", "--host", "switch4", "--", THEIR_CXL, "list", "-M")
    same(len(r.json), 4, "memdevs")


@on("direct1")
def test_the_distributions_region_commands_do_and_say_the_same_in_a_run():
    """From create-region to destroy-region, with the programs of this kernel's time."""
    simulator()
    need_regions()
    commands = f"""exec 2>&1
ready() {{  # the dax device is made and bound on the kernel's own time
	for i in 0 1 2 3 4 5 6 7 8 9; do
		[ -e /sys/bus/dax/devices/dax0.0/driver ] && [ "$(ls -d /sys/devices/system/node/node1/memory* 2>/dev/null | wc -l)" = 2 ] && return
		sleep 0.2
	done
}}
{THEIR_CXL} create-region -m -t ram -d decoder0.0 -w 1 mem0
ready
{THEIR_DAXCTL} reconfigure-device --mode=devdax --force dax0.0
{THEIR_DAXCTL} reconfigure-device --mode=system-ram dax0.0
{THEIR_CXL} disable-region region0
{THEIR_DAXCTL} offline-memory dax0.0
{THEIR_CXL} disable-region region0
{THEIR_CXL} enable-region region0
ready
{THEIR_CXL} disable-memdev mem0
{THEIR_CXL} disable-memdev -f mem0
{THEIR_CXL} list -Ri
{THEIR_CXL} enable-memdev mem0
echo region0 > /sys/bus/cxl/devices/decoder0.0/delete_region
{THEIR_CXL} create-region -m -t ram -d decoder0.0 -w 1 mem0 > /dev/null
{THEIR_CXL} list -RDi
{THEIR_CXL} destroy-region -f region0
"""
    run(SIM, "capture", "-o", "/tmp/here.tar.xz")
    there = run(SIM, "run", "--host", "/tmp/here.tar.xz", "--kernel", "mainline", "--", "bash", "-c", commands, timeout=100)
    here = run("bash", "-c", commands)
    assert here.out.count("created 1 region") == 2, here
    same(there.out.splitlines(), here.out.splitlines(), "what is said in the run, and here")
