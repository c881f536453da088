# SPDX-License-Identifier: GPL-2.0-only
"""What is counted of a root port: each isolation once, each recovery by how it ended, across restarts and reboots."""
import json
import re

import pytest

from lib.cli import NOBODY, Session, dax_user, run_cxl

PORT = "0000:0c:00.0"
STATE = "/var/lib/cxl-isolation"
ENABLE = f"cxl enable-isolation --require=recover {PORT} >/dev/null"
DOWN = f"cxl-sim ctl link-down {PORT} >/dev/null"
TIMEOUT = f"cxl-sim ctl timeout {PORT} >/dev/null"
RECOVER = f"cxl recover-port {PORT} >/dev/null 2>&1"
SHOW = "cxl isolation-status"


def histories(*steps, name="direct1", **more):
    """Of the port, after each step; the shell of a step goes on in the same host."""
    s = Session(name, before=ENABLE)
    for step in steps:
        s.sh(f"{step}; {SHOW}", **more)
    found = []
    for r in s.run():
        ports = json.loads(r.text[r.text.index('{\n  "schema"'):])["root_ports"]
        found.append(next(p["history"] for p in ports if p["root_port"] == PORT))
    return found


def counts(h):
    return {k: v for part in ("isolations", "recoveries") for k, v in h[part].items() if v}


def test_where_nothing_happened_all_is_zero():
    h, = histories(":")
    assert h == {"isolations": {"link-down": 0, "timeout": 0, "unknown": 0}, "isolated_us": 0,
                 "recoveries": {"done": 0, "failed": 0, "stopped": 0, "abandoned": 0}, "recovery_us": 0}


def test_each_cause_and_recovery_is_counted_with_its_time():
    first, second, third = histories(f"{DOWN}; {RECOVER}", f"{TIMEOUT}; {RECOVER}", f"{DOWN}; sleep 0.3; {RECOVER}")
    assert counts(first) == {"link-down": 1, "done": 1} and first["isolated_us"] > 0 < first["recovery_us"]
    assert counts(second) == {"link-down": 1, "timeout": 1, "done": 2}
    assert counts(third) == {"link-down": 2, "timeout": 1, "done": 3}
    assert first["recovery_us"] < second["recovery_us"] < third["recovery_us"] <= third["isolated_us"]


def test_a_failure_that_is_looked_at_twice_is_one_and_a_recovery_that_did_not_begin_is_none():
    # the first recovery is refused for a user of the memory, --dry-run does nothing
    refused, planned, done = histories(f"{dax_user('map')}; {DOWN}; cxl recover-port {PORT} >/dev/null 2>&1; test $? = 1 || exit 9",
                                       f"kill -9 $(cat $SCRATCH/user); cxl recover-port --dry-run {PORT} >/dev/null 2>&1 || exit 9", RECOVER)
    assert counts(refused) == counts(planned) == {}
    assert counts(done) == {"link-down": 1, "done": 1}


def test_a_link_that_does_not_come_back_is_a_failed_recovery_and_giving_up_another():
    failed, abandoned = histories(f"cxl-sim ctl link-down {PORT} stuck >/dev/null; cxl recover-port --timeout=300ms {PORT} >/dev/null 2>&1; test $? -ge 3 || exit 9",
                                  f"cxl recover-port --abandon {PORT} >/dev/null 2>&1")
    assert counts(failed) == {"link-down": 1, "failed": 1} and failed["recovery_us"] == failed["isolated_us"] == 0
    assert counts(abandoned) == {"link-down": 1, "failed": 1, "abandoned": 1}


def test_a_drill_on_a_healthy_port_is_a_recovery_and_no_isolation():
    h, = histories(f"cxl recover-port --force-healthy {PORT} >/dev/null 2>&1")
    assert counts(h) == {"done": 1} and h["isolated_us"] == 0


@pytest.mark.parametrize("boot, counted", [("another", 2), ("$(cat /proc/sys/kernel/random/boot_id)", 1)])
def test_an_isolation_that_a_reboot_ended_does_not_hide_the_next(boot, counted):
    text = {"schema": "cxl-counters/1", "root_port": PORT, "isolations": {"link-down": 1, "timeout": 0, "unknown": 0}, "isolated_us": 5,
            "recoveries": {"done": 0, "failed": 1, "stopped": 0, "abandoned": 0}, "recovery_us": 0, "boot_id": "BOOT", "since_us": 1}
    h, = histories(f"printf %s '{json.dumps(text)}' | sed \"s,BOOT,{boot},\" >{STATE}/{PORT}.counters; {DOWN}; {RECOVER}")
    assert h["isolations"]["link-down"] == counted and h["recoveries"]["done"] == 1
    assert (h["isolated_us"] > 5) and (counted == 2 or h["isolated_us"] > h["recovery_us"]), "what went on is over now"


@pytest.mark.parametrize("damage", ["echo '{' >{}", "echo '{\"schema\":\"cxl-counters/1\"}' >{}", "sed -i 's/: *1,/:-1,/' {}", ": >{}", "chmod 666 {}", "rm {}; mkdir {}"])
def test_a_damaged_file_is_said_counts_as_unknown_and_is_begun_anew(damage):
    file = f"{STATE}/{PORT}.counters"
    start = f"{DOWN}; {RECOVER}; " + damage.replace("{}", file)
    s = Session("direct1", before=ENABLE).sh(f"{start}; cxl isolation-status -v").sh(f"cxl isolation-status --format=prometheus; [ ! -d {file} ] || rmdir {file}; {DOWN}; {RECOVER}").sh(SHOW)
    unknown, metrics, anew = s.run()
    assert f"{PORT}.counters is ignored: " in unknown.err and json.loads(unknown.text)["root_ports"][0]["history"] is None, str(unknown)
    assert "cxl_isolation_state{" in metrics.text and "_total" not in metrics.text, "what is not known has no sample"
    assert counts(json.loads(anew.text)["root_ports"][0]["history"]) == {"link-down": 1, "done": 1}


def test_who_may_not_read_the_state_directory_is_told_nothing():
    s = Session("direct1", before=f"{ENABLE}; {DOWN}; {RECOVER}").cxl("isolation-status", user=NOBODY)
    r, = s.run()
    assert r.rc == 0 and r.json["root_ports"][0]["history"] is None, str(r)


def test_of_a_capture_its_own_files_count(tree):
    d = tree("direct1-6.12-devdax")
    assert run_cxl(["isolation-status"], sysroot=d).json["root_ports"][0]["history"]["isolations"]["link-down"] == 0
    text = {"schema": "cxl-counters/1", "root_port": PORT, "isolations": {"link-down": 7, "timeout": 0, "unknown": 0}, "isolated_us": 5,
            "recoveries": {"done": 6, "failed": 1, "stopped": 0, "abandoned": 0}, "recovery_us": 4, "boot_id": None, "since_us": 0}
    state = d / "var/lib/cxl-isolation"
    state.mkdir(parents=True)
    (state / f"{PORT}.counters").write_text(json.dumps(text))
    h = run_cxl(["isolation-status"], sysroot=d).json["root_ports"][0]["history"]
    assert counts(h) == {"link-down": 7, "done": 6, "failed": 1} and (h["isolated_us"], h["recovery_us"]) == (5, 4)


def test_the_acting_monitor_and_the_recovery_that_it_runs_count_one_isolation():
    policy = "mkdir -p /etc/cxl; printf '[root0]\\nrequire = recover\\nrecover = automatic\\n' >/etc/cxl/isolation.conf"
    act = f"{policy}; cxl isolation-status --monitor --act --interval=20ms >/tmp/out 2>/tmp/err & monitor=$!; until grep -qs '\"containment\":\"recover\"' {STATE}/{PORT}.act; do sleep 0.02; done"
    end = f"for i in $(seq 600); do grep -q '\"phase\":\"idle\"' {STATE}/{PORT}.act && grep -q '\"done\": *1' {STATE}/{PORT}.counters && break; sleep 0.02; done; kill $monitor; wait $monitor"
    h, = histories(f"{act}; {DOWN}; {end}")
    assert counts(h) == {"link-down": 1, "done": 1} and h["isolated_us"] > 0
    assert not re.search("not counted", str(h))
