# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim on a real kernel that has CXL of its own."""
import os

from guest import CXL, SIM, Skip, THEIR_CXL, listing, on, run, same


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
