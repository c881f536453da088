# SPDX-License-Identifier: GPL-2.0-only
"""Memory that is pinned holds the driver of its dax device in the kernel: nothing of ours hangs with it, and nothing gets past it."""
import re

import pytest

from lib.cli import SIM, Session, quote
from lib.recovering import FAIL, PORT, STATE, cxl_writes, journals, view

PIN = f"{SIM} ctl pin dax0.0"
UNPIN = f"{PIN} off; until [ -z \"$(grep -ls '^unbind dax' /proc/[0-9]*/comm)\" ]; do sleep 0.02; done"
# who holds what pins pages, as a QEMU with a device passed through does
HOLDER = """
import os, sys, time
files = [os.open(n, os.O_RDWR | os.O_CREAT) for n in sys.argv[1:]]
print(os.getpid(), flush=True)
time.sleep(600)
"""
FORCED = ("recover-port", "--force-healthy", "--timeout=1s")
HANGS = re.compile(r"the kernel did not take dax0\.0 from its driver within 1 s: pid (\d+) \(unbind dax0\.0\)")
LATER = re.compile(r"the kernel is taking dax0\.0 from its driver since an earlier command, where pid (\d+) waits")


def holder(*files):
    return f"mkdir -p /dev/vfio /dev/infiniband; /usr/bin/python3 -I -c {quote(HOLDER)} {' '.join(files)} >$SCRATCH/user & until [ -s $SCRATCH/user ]; do sleep 0.02; done"


def hung(before=PIN, host="direct1", **more):
    """A session with a listing, and a recovery that waited in vain."""
    return Session(host, before=before, **more).cxl("list", "--isolation").cxl(*FORCED, PORT)


def test_an_unbind_that_hangs_ends_in_time_and_says_who_waits_and_what_to_type():
    before, r, state = hung().sh(f"ls {STATE}; cat /proc/$(basename $(dirname $(grep -ls '^unbind dax' /proc/[0-9]*/comm)))/comm").run()
    record = r.json["root_ports"][0]
    assert r.rc == 6 and HANGS.search(r.err), str(r)
    assert f"go on with 'cxl recover-port --resume {PORT}', or give it up with 'cxl recover-port --abandon {PORT}'" in r.err
    assert (record["result"], [p["state"] for p in record["plan"]][:2]) == ("failed", ["failed", "planned"])
    assert not cxl_writes(r.log), "something was written beside what hangs"
    assert journals(state) and "unbind dax0.0" in state.text and before.rc == 0


def test_an_isolated_port_stays_isolated():
    _, _, _, _, r, after = Session("direct1").cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(FAIL).sh(PIN) \
        .cxl("recover-port", "--timeout=1s", PORT).cxl("isolation-status", PORT).run()
    assert r.rc == 6 and "it is isolated" in r.err, str(r)
    assert after.root_ports()[PORT]["status"]["state"] == "isolated"


@pytest.mark.parametrize("files,said", [(("/dev/vfio/12",), "these may hold it: pid {} (python3) has VFIO;"),
                                        (("/dev/vfio/12", "/dev/vfio/13", "/dev/infiniband/uverbs0"), "these may hold it: pid {} (python3) has VFIO and RDMA;"),
                                        ((), "no process is seen that has something open which pins memory")])
def test_who_may_hold_the_memory_is_named_as_far_as_it_shows(files, said):
    r, pid = hung(f"{PIN}; {holder(*files)}").sh("cat $SCRATCH/user").run()[1:]
    assert r.rc == 6 and said.format(int(pid.text)) in r.err, str(r)


LATER_COMMANDS = [("cxl", ("recover-port", "--resume", PORT)), ("cxl", ("recover-port", "--abandon", PORT)), ("cxl", ("recover-port", "--force-healthy", "--users=kill", PORT)),
                  ("cxl", ("enable-isolation", PORT)), ("daxctl", ("prepare-isolation", "--mode=system-ram", "dax0.0")), ("daxctl", ("prepare-isolation", "dax0.0"))]


def test_a_later_command_writes_nothing_to_it_and_names_who_waits():
    s = hung()
    for program, args in LATER_COMMANDS:
        getattr(s, program)(*args)
    _, first, *later = s.run()
    pid = HANGS.search(first.err)[1]
    for r, (_, args) in zip(later, LATER_COMMANDS):
        if "--force-healthy" in args:       # there is a journal: --resume and --abandon are named
            assert r.rc == 1 and not cxl_writes(r.log), str(r)
            continue
        assert r.rc == 1 and LATER.search(r.err)[1] == pid, f"{args}: {r}"
        assert not [e for e in r.log if e["op"] == "write" and e["path"].startswith("/sys")], str(r)


@pytest.mark.parametrize("serials", [["0x9"], []])
def test_a_rule_that_a_device_has_appeared_does_not_wait_for_it(serials):
    r = hung().sh(f"daxctl prepare-isolation --hotplug dax0.0 {' '.join(serials)}").run()[2]
    assert r.rc == 1 and LATER.search(r.err), str(r)
    assert not [e for e in r.log if e["op"] == "write" and e["path"].startswith("/sys")], str(r)


def test_when_the_pages_are_given_back_the_recovery_goes_on():
    before, _, _, r, after, left = hung().sh(UNPIN).cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    assert r.rc == 0 and r.json["root_ports"][0]["result"] == "done", str(r)
    assert view(before) == view(after) and not journals(left)


def test_when_the_pages_are_given_back_it_can_be_given_up():
    r, after = hung().sh(UNPIN).cxl("recover-port", "--abandon", PORT).cxl("list", "--isolation").run()[3:]
    assert r.rc == 0 and r.json["root_ports"][0]["result"] == "abandoned" and not after.regions(), str(r)


def test_pages_that_are_given_back_in_time_cost_only_that_time():
    before, r, after = Session("direct1", before=f"{PIN} 2000").cxl("list", "--isolation").cxl("recover-port", "--force-healthy", PORT).cxl("list", "--isolation").run()
    step = r.json["root_ports"][0]["times"][0]
    assert r.rc == 0 and view(before) == view(after) and 2000000 <= step["took_us"] < 20000000, str(r)


def test_a_command_that_is_killed_meanwhile_leaves_it_known():
    kill = f"cxl recover-port --force-healthy {PORT} >/dev/null 2>&1 & c=$!; until grep -qs '^unbind dax' /proc/[0-9]*/comm; do sleep 0.02; done; sleep 0.1; kill -9 $c; wait $c; true"
    s = Session("direct1", before=PIN).cxl("list", "--isolation").sh(kill).cxl("recover-port", "--resume", PORT).daxctl("prepare-isolation", "--mode=system-ram", "dax0.0") \
        .sh(UNPIN).cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    before, _, early, prepare, _, r, after = s
    assert early.rc == 1 and LATER.search(early.err) and not cxl_writes(early.log), str(early)
    assert prepare.rc == 1 and LATER.search(prepare.err), str(prepare)
    assert r.rc == 0 and view(before) == view(after), str(r)


def test_while_it_hangs_nothing_is_promised_that_needs_the_device():
    """recover-port refuses such a port, perhaps for ever."""
    kill = "daxctl prepare-isolation --split=a:64MiB,b:rest region0 >/dev/null 2>&1 & c=$!; until grep -qs '^unbind dax' /proc/[0-9]*/comm; do sleep 0.02; done; kill -9 $c; wait $c; true"
    s = Session("direct1", before=f"cxl enable-isolation root0 >/dev/null; {PIN}").cxl("isolation-status").sh(kill).cxl("isolation-status", "--check") \
        .sh(UNPIN).cxl("isolation-status").run()
    levels = [r.root_ports()[PORT]["containment"] for r in (s[0], s[2], s[4])]
    assert levels == ["recover", "contain", "recover"], str(s[2])
    assert [(c["check"], c["caps_at"]) for c in s[2].root_ports()[PORT]["checks"] if c["result"] == "failed" and c["caps_at"]] == [("ISO-BUSY", "contain")]


def test_the_lock_of_the_host_is_not_held_by_who_waits():
    r = hung().cxl("set-timeout", PORT, "B").run()[2]
    assert r.rc == 0, str(r)


def test_output_that_somebody_reads_to_its_end_does_not_wait_for_it():
    r = Session("direct1", before=PIN).sh(f"timeout 20 sh -c 'cxl {' '.join(FORCED)} {PORT} 2>&1 | cat' | tail -c 200; true").run()[0]
    assert "}" in r.text and r.rc == 0, str(r)


def test_three_tries_in_vain_do_not_count_while_it_hangs():
    s = hung()
    for _ in range(4):
        s.cxl("recover-port", "--resume", PORT)
    results = s.sh(UNPIN).cxl("recover-port", "--resume", PORT).run()
    assert [r.rc for r in results[2:6]] == [1] * 4 and results[7].rc == 0, str(results[7])


def test_what_was_done_before_is_taken_back_where_it_does_not_concern_it():
    """Devices of one region, in one command."""
    before, r, after = Session("vms1", before=f"{SIM} ctl pin dax0.2").daxctl("list", "--isolation") \
        .daxctl("prepare-isolation", "--mode=system-ram", "--timeout=1s", "region0").daxctl("list", "--isolation").run()
    assert r.rc == 6 and "the kernel did not take dax0.2 from its driver within 10 s" in r.err and "could not be taken back" not in r.err.split("dax0.2")[0], str(r)
    assert [e["data"].strip() for e in r.log if e["op"] == "write" and e["path"].endswith("kmem/bind")][:1] == ["dax0.0"], "nothing was done before"
    modes = [{n: d["mode"] for n, d in x.dax().items()} for x in (before, after)]
    assert modes[1] == {**modes[0], "dax0.2": "unbound"}, f"{r}{after}"


def test_prepare_isolation_ends_in_time_and_does_not_touch_it_again():
    r, after = Session("direct1", before=PIN).daxctl("prepare-isolation", "--mode=system-ram", "--timeout=1s", "dax0.0").daxctl("list", "--isolation").run()
    assert r.rc == 6 and "from its driver within 10 s" in r.err, str(r)
    assert not [e for e in r.log if e["op"] == "write" and e["path"].startswith("/sys/bus/dax")], "something was written beside what hangs"
    assert after.dax()["dax0.0"]["mode"] == "unbound"
