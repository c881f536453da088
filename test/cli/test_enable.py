# SPDX-License-Identifier: GPL-2.0-only
"""enable-isolation and disable-isolation on simulated hosts: what is written (exactly), what is refused, what is said.

The operation log of the simulator is the oracle: an extra or a missing write fails.
"""
import os
import shutil

import pytest

from lib import cli
from lib.change import by_default, change, control, enabled, on, overlay, says
from lib.cli import NOBODY, Session, run, writes

RP = "0000:0c:00.0"                                  # direct1, sysram1, switch4, pmem1
FOUR = ["0000:0c:00.0", "0000:0c:01.0", "0000:de:00.0", "0000:de:01.0"]  # direct2x2, interleave2


# -- targets ------------------------------------------------------------------------
TARGETS = [("direct1", t, [RP]) for t in ("root0", "all", "port1", RP, "0000:0d:00.0", "mem0", "region0", "dax0.0")] + \
          [("switch4", t, [RP]) for t in ("root0", "port1", "port2", "0000:0d:00.0", "0000:0e:02.0", "0000:11:00.0", "mem3", "region0", "dax0.0")] + \
          [("pmem1", t, [RP]) for t in ("root0", "mem0", "region0")] + \
          [("direct2x2", t, FOUR) for t in ("root0", "all")] + \
          [("direct2x2", "0000:de:01.0", ["0000:de:01.0"]), ("interleave2", "root0", FOUR), ("interleave2", "all", FOUR)]


@pytest.mark.parametrize("host,target,names", TARGETS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_target_enables_the_root_ports_it_stands_for(host, target, names):
    r = change(host, target, *(["--override=ISO-PMEM"] if host == "pmem1" else []))
    assert r.rc == 0, str(r)
    assert {w[0] for w in writes(r.log)} == set(names)
    for n in names:  # those of a region before the others
        assert [w for w in writes(r.log) if w[0] == n] == by_default(n)
    on(r, *names)
    for n in names:
        rec = r.root_ports()[n]
        assert (rec["result"], rec["changed"], rec["left_out"]) == ("done", True, [])
        assert control(rec["after"]) == (True, True, "B2")


@pytest.mark.parametrize("target", ["port1", "port2", "mem0", "mem1", "mem2", "mem3", "0000:df:00.0"])
def test_a_target_on_a_host_with_several_root_ports(target):
    r = change("direct2x2", target)
    below = {n for n, rec in r.before.items() if rec["host_bridge"] == target or target in rec["memdevs"]}
    below = below or {"0000:de:00.0"}
    assert r.rc == 0 and set(r.root_ports()) == below
    assert writes(r.log) == by_default(*sorted(below))
    on(r, *below)


@pytest.mark.parametrize("target", ["region2", "dax2.0"])
def test_a_region_enables_every_root_port_it_touches(target):
    r = change("interleave2", target)
    names = [n for n, rec in r.before.items() if "region2" in rec["regions"]]
    assert r.rc == 0 and len(names) == 2
    assert writes(r.log) == by_default(*sorted(names))
    on(r, *names)


def test_a_target_named_twice_is_done_once():
    r = change("direct1", "root0", RP, "mem0", "all")
    assert r.rc == 0 and writes(r.log) == by_default(RP) and list(r.root_ports()) == [RP]


@pytest.mark.parametrize("bad", ["mem1xyz", "0x1", "../x", "", "mem7", "A" * 10000])
@pytest.mark.parametrize("command", ["enable-isolation", "disable-isolation"])
def test_one_unknown_target_and_nothing_is_written(command, bad):
    r = change("direct1", RP, bad, command=command)
    assert r.rc == 2 and writes(r.log) == [] and r.json["root_ports"] == []
    says(r, "mem0", RP, "region0", "root0")


def test_no_target_is_a_usage_error():
    r = change("direct1")
    assert r.rc == 2 and writes(r.log) == []


# -- once is enough, and trying is free ------------------------------------------------
@pytest.mark.parametrize("args", [[], ["--timeout=auto"], ["--timeout=keep"], ["--timeout=B2"], ["--timeout=on"], ["--timeout=off"]])
def test_the_second_time_nothing_is_written(args):
    s = Session("direct1").cxl("enable-isolation", "root0", *args).cxl("enable-isolation", "root0", *args).cxl("list", "--isolation")
    first, second, _ = s.run()
    assert (first.rc, second.rc) == (0, 0)
    assert writes(first.log) and writes(second.log) == []
    rec = second.root_ports()[RP]
    assert (rec["result"], rec["changed"], rec["plan"]) == ("already", False, [])
    assert rec["after"] == first.root_ports()[RP]["after"]


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
@pytest.mark.parametrize("command,args", [("enable-isolation", []), ("enable-isolation", ["--timeout=keep"]), ("enable-isolation", ["--timeout=C2"]), ("disable-isolation", [])])
@pytest.mark.parametrize("option", ["-n", "--dry-run"])
def test_a_dry_run_writes_nothing_and_shows_the_plan(kernel, command, args, option):
    before = f"{cli.CXL} enable-isolation root0 --require=debug --override=ISO-DRIVER-PANIC" if command == "disable-isolation" else None
    r = change("direct1", "root0", option, *args, kernel=kernel, command=command, before=before)
    assert r.rc == 0 and writes(r.log) == []
    assert r.before == r.after
    rec = r.root_ports()[RP]
    if (kernel, command, args) == ("v1", "enable-isolation", ["--timeout=keep"]):
        assert rec["result"] == "already"   # v1 has it on from discovery
        return
    assert (rec["result"], rec["changed"]) == ("planned", False)
    assert rec["plan"] and {s["state"] for s in rec["plan"]} == {"planned"}
    assert all(s["path"].startswith("/sys/") and f"/{RP}/cxl_isolation/" in s["path"] for s in rec["plan"])


def test_a_dry_run_refuses_what_the_command_would_refuse():
    r = change("sysram1", "root0", "-n")
    assert r.rc == 1 and writes(r.log) == []


# -- the timeout --------------------------------------------------------------------------
RANGES = {"A": "1", "A2": "2", "B": "5", "B2": "6", "C": "9", "C2": "10", "D": "13", "D2": "14"}


@pytest.mark.parametrize("what,name", [*((r, r) for r in RANGES), ("b2", "B2"), ("100ms", "B2"), ("75us", "A"), ("2s", "C2"), ("64s", "D2"), ("60ms", "B2")])
def test_a_timeout_is_set_before_isolation_and_as_a_number(what, name):
    r = change("direct1", "root0", f"--timeout={what}")
    assert r.rc == 0, str(r)
    assert writes(r.log) == [(RP, "timeout_range", RANGES[name]), (RP, "timeout_ctrl", "1"), *enabled(RP)]
    assert control(r.after[RP]["control"]) == (True, True, name)


@pytest.mark.parametrize("what,expected,state", [
    ("on", [(RP, "timeout_ctrl", "1"), *enabled(RP)], (True, True, "default")),
    ("off", enabled(RP), (True, False, "default")), ("keep", enabled(RP), (True, False, "default")), ("auto", by_default(RP), (True, True, "B2")),
    ("default", [(RP, "timeout_ctrl", "1"), *enabled(RP)], (True, True, "default")),
])
def test_words_for_the_timeout(what, expected, state):
    r = change("direct1", "root0", f"--timeout={what}")
    assert r.rc == 0 and writes(r.log) == expected
    assert control(r.after[RP]["control"]) == state


def test_the_timeout_can_be_taken_back():
    s = Session("direct1").cxl("enable-isolation", "root0", "--timeout=B2").cxl("enable-isolation", "root0", "--timeout=off")
    s.cxl("enable-isolation", "root0", "--timeout=default")
    _, off, default = s.run()
    assert (off.rc, default.rc) == (0, 0)
    assert writes(off.log) == [(RP, "timeout_ctrl", "0")]
    assert control(off.root_ports()[RP]["after"]) == (True, False, "B2")
    assert writes(default.log)[0] == (RP, "timeout_range", "0")
    assert control(default.root_ports()[RP]["after"]) == (True, True, "default")


def test_a_timeout_that_is_on_stays_as_it_is():
    s = Session("direct1").cxl("enable-isolation", "root0", "--timeout=C").cxl("disable-isolation", "root0").cxl("enable-isolation", "root0")
    _, off, again = s.run()
    assert writes(off.log) == [(RP, "isolation_ctrl", "0")]
    assert control(off.root_ports()[RP]["after"]) == (False, True, "C")
    assert writes(again.log) == enabled(RP)
    assert control(again.root_ports()[RP]["after"]) == (True, True, "C")


@pytest.mark.parametrize("what", ["", "B3", "6", "65s", "1h", "-1ms", "yes", "0ms", "\x1b[31m"])
def test_a_bad_timeout_is_a_usage_error(what):
    r = change("direct1", "root0", f"--timeout={what}")
    assert r.rc == 2 and writes(r.log) == []


def test_a_range_that_the_port_does_not_have_is_not_left_half_done(tmp_path):
    host = overlay(tmp_path, {RP: {"mem_timeout_ranges": "A"}})
    r = change(host, "root0", "--timeout=D2")
    assert r.rc in (3, 4), str(r)
    on(r)
    assert control(r.after[RP]["control"]) == (False, False, "default")


# -- what is refused ------------------------------------------------------------------------
def test_one_port_of_an_interleaved_region_alone_is_refused():
    first = change("interleave2", "region2", "-n")
    one, other = list(first.root_ports())
    for target, left_out in ((one, other), (other, one)):
        r = change("interleave2", target)
        assert r.rc == 1 and writes(r.log) == []
        rec = r.root_ports()[target]
        assert rec["result"] == "refused" and rec["blockers"] == ["ISO-INTERLEAVE"]
        says(r, "ISO-INTERLEAVE", "region2", left_out, f"cxl enable-isolation {one} {other}")


def test_the_remedy_that_is_named_works():
    first = change("interleave2", "region2", "-n")
    r = change("interleave2", *first.root_ports())
    assert r.rc == 0 and sorted(writes(r.log)) == sorted(by_default(*first.root_ports()))


def test_the_second_port_of_a_region_may_follow_the_first():
    names = list(change("interleave2", "region2", "-n").root_ports())
    r = change("interleave2", names[1], before=f"{cli.CXL} enable-isolation {names[0]} --override=ISO-INTERLEAVE")
    assert r.rc == 0 and writes(r.log) == by_default(names[1])


def test_memory_online_as_system_ram_is_refused():
    r = change("sysram1", "root0")
    assert r.rc == 1 and writes(r.log) == []
    rec = r.root_ports()[RP]
    assert (rec["result"], rec["blockers"], rec["containment_if_enabled"]) == ("refused", ["ISO-MEM-ONLINE"], "debug")
    says(r, "ISO-MEM-ONLINE", "daxctl prepare-isolation dax0.0")


def test_require_debug_accepts_what_caps_at_debug():
    r = change("sysram1", "root0", "--require=debug")
    assert r.rc == 0 and writes(r.log) == by_default(RP)
    rec = r.root_ports()[RP]
    assert rec["containment"] == "debug" and rec["blockers"] == ["ISO-MEM-ONLINE"]
    says(r, "reboot")


def test_override_takes_out_one_named_check():
    r = change("sysram1", "root0", "--override=ISO-MEM-ONLINE")
    assert r.rc == 0 and writes(r.log) == by_default(RP)
    r = change("sysram1", "root0", "--override=ISO-INTERLEAVE")
    assert r.rc == 1 and writes(r.log) == []


@pytest.mark.parametrize("level", ["contain", "recover"])
def test_a_level_above_what_is_reached_is_refused(level):
    r = change("sysram1", "root0", f"--require={level}")
    assert r.rc == 1 and writes(r.log) == []


@pytest.mark.parametrize("level", ["safe", "debug", "contain", "recover"])
def test_a_fit_host_reaches_every_level(level):
    r = change("direct1", "root0", f"--require={level}")
    assert r.rc == 0 and writes(r.log) == by_default(RP)
    assert r.root_ports()[RP]["containment"] == "recover"


@pytest.mark.parametrize("args", [["--require=none"], ["--require="], ["--require=saf"], ["--override=ISO-NONE"], ["--override=all"], ["--override="],
                                  ["--override=ISO-CAP"], ["--override=ISO-ABI"], ["--nonsense"], ["--requir=safe"]])
def test_a_wrong_policy_is_a_usage_error(args):
    s = Session("direct1").sh(f"{cli.CXL} enable-isolation root0 {' '.join(args)}").cxl("list", "--isolation")
    r, after = s.run()
    assert r.rc == 2 and r.err.strip(), str(r)
    assert writes(r.log) == []
    assert after.root_ports()[RP]["control"]["mem"]["isolation"] is False


def test_checks_run_even_when_nothing_is_to_be_written():
    """Already on but unsafe is 1, already on and safe is 0."""
    r = change("sysram1", "root0", before=f"{cli.CXL} enable-isolation root0 --require=debug")
    assert r.rc == 1 and writes(r.log) == []
    on(r, RP)


# -- prerequisites --------------------------------------------------------------------------
@pytest.mark.parametrize("command", ["enable-isolation", "disable-isolation"])
@pytest.mark.parametrize("target", ["root0", RP])
def test_a_kernel_without_attributes_is_exit_3(command, target):
    r = change("direct1", target, kernel="mainline", command=command)
    assert r.rc == 3 and writes(r.log) == []
    says(r, "ISO-ABI", "cxl_isolation")
    assert r.root_ports()[RP]["blockers"] == ["ISO-ABI"]


def test_reading_on_a_kernel_without_attributes_succeeds():
    r = change("direct1", RP, kernel="mainline")
    rec = r.after[RP]
    assert rec["abi"] == "none" and rec["source"] == {"capability": "registers", "control": "registers", "status": "registers"}
    assert rec["capability"]["mem"]["isolation"] is True


@pytest.mark.parametrize("target", ["root0", RP, "mem0"])
def test_a_port_without_the_capability_is_exit_3(tmp_path, target):
    r = change(overlay(tmp_path, {RP: {"capability": False}}), target)
    assert r.rc == 3 and writes(r.log) == []
    if target != "root0":
        assert "ISO-CAP" in r.root_ports()[RP]["blockers"]
        says(r, "ISO-CAP")
    assert r.after[RP]["capability"]["mem"] == {"timeout": False, "timeout_ranges": [], "isolation": False, "link_down": False}


def test_a_group_leaves_out_what_is_incapable_and_says_so(tmp_path):
    host = overlay(tmp_path, {"0000:0c:01.0": {"capability": False}}, base="direct2x2-6.12-noregion")
    r = change(host, "root0")
    rest = [n for n in FOUR if n != "0000:0c:01.0"]
    assert r.rc == 0 and writes(r.log) == by_default(*rest)
    assert r.root_ports()["0000:0c:01.0"]["result"] == "skipped"
    assert r.messages(severity="info", target="0000:0c:01.0", code="ISO-CAP")


def test_a_port_named_itself_is_not_left_out(tmp_path):
    host = overlay(tmp_path, {"0000:0c:01.0": {"capability": False}}, base="direct2x2-6.12-noregion")
    r = change(host, "0000:0c:00.0", "0000:0c:01.0")
    assert r.rc == 7 and writes(r.log) == by_default("0000:0c:00.0")
    says(r, "ISO-CAP", "0000:0c:01.0")


@pytest.mark.parametrize("command", ["enable-isolation", "disable-isolation"])
def test_without_privilege_it_is_exit_3(tmp_path, command, monkeypatch):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    program = tmp_path / "cxl"
    shutil.copy(cli.CXL, program)
    tmp_path.chmod(0o755)
    before = f"{cli.CXL} enable-isolation root0" if command == "disable-isolation" else None
    monkeypatch.setattr(cli, "CXL", program)
    r = change("direct1", "root0", command=command, user=NOBODY, before=before)
    assert r.rc == 3, str(r)
    assert "root" in r.err or "privilege" in r.err or "ermission" in r.err
    assert r.before == r.after


def test_an_isolated_port_is_refused_both_ways(tmp_path):
    isolate = f"{cli.CXL} enable-isolation root0 --timeout=A && cxl-sim ctl timeout {RP}"
    for command in ("enable-isolation", "disable-isolation"):
        r = change("direct1", RP, command=command, before=isolate)
        assert r.rc == 1 and writes(r.log) == [], str(r)
        assert "ISO-ISOLATED" in r.root_ports()[RP]["blockers"]
        says(r, "ISO-ISOLATED")
        status = r.after[RP]["status"]
        assert status["state"] == "isolated" and status["mem"] == {"isolated": True, "cause": "timeout", "timed_out": True}
        assert status["busy"] in (True, False)


def test_isolation_by_a_lost_link_says_so():
    s = Session("direct1", before=f"{cli.CXL} enable-isolation root0 && cxl-sim ctl link-down {RP}").cxl("list", "--isolation")
    rec = s.run()[0].root_ports()[RP]
    assert rec["status"]["state"] == "isolated" and rec["status"]["mem"]["cause"] == "link-down"
    assert rec["link"]["state"] == "down" and rec["containment"] == "none"
    assert {"ISO-ISOLATED", "ISO-LINK"} <= set(rec["blockers"])


# -- the posted kernel, with its defects ---------------------------------------------------------
def test_on_v1_containment_is_debug_and_a_reboot_is_offered():
    r = change("direct1", "root0", "--timeout=keep", kernel="v1")
    assert r.rc == 0 and writes(r.log) == []     # isolation is on from discovery, the timeout is not
    rec = r.root_ports()[RP]
    assert rec["result"] == "already" and rec["limits"] == ["ISO-DRIVER-PANIC", "ISO-TIMEOUT-OFF"]
    assert rec["containment"] == "none" and rec["containment_by_cause"]["mem_link_down"] == "debug"
    says(r, "reboot", "ISO-DRIVER-PANIC", "ISO-TIMEOUT-OFF")
    r = change("direct1", "root0", kernel="v1")
    assert r.rc == 0 and writes(r.log) == by_default(RP)   # that kernel drops the enable with the range
    rec = r.root_ports()[RP]
    assert rec["result"] == "done" and rec["containment"] == "debug" and rec["limits"] == ["ISO-DRIVER-PANIC"]
    says(r, "reboot", "ISO-DRIVER-PANIC")


@pytest.mark.parametrize("level", ["contain", "recover"])
def test_on_v1_a_higher_level_is_refused(level):
    r = change("direct1", "root0", f"--require={level}", kernel="v1")
    assert r.rc == 1 and writes(r.log) == []
    says(r, "ISO-DRIVER-PANIC", "debug")


def test_on_v1_what_setting_a_range_drops_is_put_back_and_said():
    r = change("direct1", "root0", "--timeout=B2", kernel="v1")
    assert r.rc == 0, str(r)
    assert writes(r.log) == [(RP, "timeout_range", "6"), (RP, "timeout_ctrl", "1"), *enabled(RP)]
    assert control(r.after[RP]["control"]) == (True, True, "B2")
    assert r.kernel[RP] == {"isolation_ctrl": "1", "timeout_ctrl": "1", "timeout_range": "b2"}
    assert r.messages(code="READ-BACK", severity="warning")
    says(r, "timeout_range", "isolation")


def test_on_v1_disabling_ends_as_asked_or_says_what_is_left():
    for before in (None, f"{cli.CXL} enable-isolation root0 --timeout=B2"):
        r = change("direct1", "root0", command="disable-isolation", kernel="v1", before=before)
        wanted = (False, *control(r.before[RP]["control"])[1:])
        if r.rc == 0:
            assert control(r.after[RP]["control"]) == wanted, str(r)
            assert r.kernel[RP]["isolation_ctrl"] == "0"
            assert writes(r.log)[0] == (RP, "isolation_ctrl", "0")
        else:
            assert r.rc == 4, str(r)
            assert r.root_ports()[RP]["result"] in ("failed", "rolled-back")
        says(r, "isolation_ctrl", "defect")


def test_on_v1_disabling_really_disables():
    r = change("direct1", "root0", command="disable-isolation", kernel="v1", before=f"{cli.CXL} enable-isolation root0 --timeout=B2")
    assert r.rc == 0, str(r)
    assert control(r.after[RP]["control"]) == (False, True, "B2")


def test_disabling_and_enabling_on_a_kernel_without_the_defects():
    r = change("direct1", "root0", command="disable-isolation", before=f"{cli.CXL} enable-isolation root0 --timeout=B2")
    assert r.rc == 0 and writes(r.log) == [(RP, "isolation_ctrl", "0")]
    assert control(r.after[RP]["control"]) == (False, True, "B2")
    assert r.messages(severity="warning") == []


def test_disabling_what_is_off_writes_nothing():
    r = change("direct2x2", "root0", command="disable-isolation")
    assert r.rc == 0 and writes(r.log) == []
    assert {rec["result"] for rec in r.root_ports().values()} == {"already"}


def test_disabling_one_port_of_an_interleaved_region():
    """Its memory is then no safer than without isolation: at least it is said."""
    names = list(change("interleave2", "region2", "-n").root_ports())
    r = change("interleave2", names[0], command="disable-isolation", before=f"{cli.CXL} enable-isolation region2")
    assert r.rc == 0 and writes(r.log) == [(names[0], "isolation_ctrl", "0")]
    on(r, names[1])


def test_a_busy_port_times_out():
    before = f"{cli.CXL} enable-isolation root0 --timeout=A && cxl-sim ctl timeout {RP} && cxl-sim ctl busy {RP} on"
    r = change("direct1", RP, "--override=ISO-ISOLATED", command="disable-isolation", before=before)
    assert r.rc == 6, str(r)
    assert writes(r.log)[0] == (RP, "isolation_ctrl", "0")


# -- exit status of several targets ----------------------------------------------------------------
def test_one_of_several_fails():
    r = change("direct2x2", "root0", faults=["write@*/0000:0c:01.0/cxl_isolation/isolation_ctrl:1+=EIO"])
    assert r.rc == 7, str(r)
    on(r, *(n for n in FOUR if n != "0000:0c:01.0"))
    assert r.root_ports()["0000:0c:01.0"]["result"] == "rolled-back"   # its timeout was on by then
    assert control(r.after["0000:0c:01.0"]["control"]) == (False, False, "default")
    says(r, "0000:0c:01.0")
    r = change("direct2x2", "root0", "--timeout=keep", faults=["write@*/0000:0c:01.0/cxl_isolation/isolation_ctrl:1+=EIO"])
    assert r.rc == 7 and r.root_ports()["0000:0c:01.0"]["result"] == "failed", str(r)


def test_every_target_fails_the_same_way():
    r = change("direct2x2", "root0", faults=["write@*/isolation_ctrl:1+=EIO"])
    assert r.rc == 4, str(r)
    on(r)
    r = change("direct2x2", "root0", faults=["write@*/isolation_ctrl:1+=ETIMEDOUT"])
    assert r.rc == 6, str(r)
    on(r)


def test_targets_that_fail_differently_and_none_is_done(tmp_path):
    r = change(overlay(tmp_path, {"0000:0c:00.0": {"capability": False}}, base="direct2x2-6.12-noregion"), "0000:0c:00.0", "0000:0c:01.0",
               faults=["write@*/isolation_ctrl:1+=EIO"])
    assert r.rc == 1, str(r)
    on(r)


def test_a_failed_target_does_not_stop_the_others():
    r = change("direct2x2", *FOUR, faults=["write@*/0000:0c:00.0/cxl_isolation/isolation_ctrl:1+=EIO"])
    assert r.rc == 7
    on(r, *FOUR[1:])


def test_ports_of_one_region_roll_back_together():
    names = sorted(change("interleave2", "region2", "-n").root_ports())
    r = change("interleave2", "region2", faults=[f"write@*/{names[1]}/cxl_isolation/isolation_ctrl:1=EIO"])
    assert r.rc == 4, str(r)
    undone = [w for n in names[::-1] for w in ((n, "timeout_range", "0"), (n, "timeout_ctrl", "0"), (n, "isolation_ctrl", "0"))]
    undone.pop(2)   # isolation of the second was never on
    assert writes(r.log) == [*by_default(*names), *undone]
    on(r)
    for n in names:
        assert control(r.after[n]["control"]) == (False, False, "default")
        assert r.root_ports()[n]["result"] == "rolled-back"
    assert [s["state"] for s in r.root_ports()[names[0]]["plan"]] == ["undone"] * 3
    r = change("interleave2", "region2", "--timeout=keep", faults=[f"write@*/{names[1]}/cxl_isolation/isolation_ctrl:1=EIO"])
    assert r.rc == 4, str(r)
    assert writes(r.log) == [*enabled(*names), (names[0], "isolation_ctrl", "0")]
    on(r)
    assert r.root_ports()[names[0]]["result"] == "rolled-back"
    assert [s["state"] for s in r.root_ports()[names[0]]["plan"] if s["path"].endswith("isolation_ctrl")] == ["undone"]
    assert r.root_ports()[names[1]]["result"] == "failed"


# -- every write fails once ------------------------------------------------------------------------
CASES = {  # name: (host, kernel, command, arguments, preparation)
    "enable": ("direct1", "v1-fixed", "enable-isolation", ["root0"], None),
    "enable without timeout": ("direct1", "v1-fixed", "enable-isolation", ["root0", "--timeout=keep"], None),
    "enable with timeout": ("direct1", "v1-fixed", "enable-isolation", ["root0", "--timeout=B2"], None),
    "interleaved with timeout": ("interleave2", "v1-fixed", "enable-isolation", ["region2", "--timeout=B2"], None),
    "disable": ("direct1", "v1-fixed", "disable-isolation", ["root0"], "enable-isolation root0 --timeout=B2"),
    "v1 enable with timeout": ("direct1", "v1", "enable-isolation", ["root0", "--timeout=B2"], None),
    "v1 disable": ("direct1", "v1", "disable-isolation", ["root0"], "enable-isolation root0 --timeout=B2"),
}
FAULTS = ["EIO", "EBUSY", "drop", "EIO for good"]


@pytest.mark.sweep
@pytest.mark.parametrize("case", CASES)
def test_every_write_fails_once(case):
    """Afterwards exactly one of: finished, rolled back, or said what is left; counted over every n."""
    host, kernel, command, args, before = CASES[case]
    before = before and f"{cli.CXL} {before}"
    clean = change(host, *args, kernel=kernel, command=command, before=before)
    skip = 0
    if before:  # the fault counts the preparation's writes, too
        prepared = Session(host, kernel).cxl(*before.split()[1:]).run()[0]
        skip = len(writes(prepared.log))
    total = len(writes(clean.log))
    assert total > 0
    for n in range(skip + 1, skip + total + 1):
        for kind in FAULTS:
            spec = f"write@*/cxl_isolation/*:{n}" + ("+=EIO" if kind.endswith("good") else f"={kind}")
            r = change(host, *args, kernel=kernel, command=command, before=before, faults=[spec])
            where = f"{case}: {spec}\n{r}"
            wanted = {n: control(rec["control"]) for n, rec in clean.after.items()}
            was = {n: control(rec["control"]) for n, rec in r.before.items()}
            now = {n: control(rec["control"]) for n, rec in r.after.items()}
            results = {rec["result"] for rec in r.root_ports().values()}
            finished, rolled_back = now == wanted, now == was
            if r.rc == 0:
                assert finished and results <= {"done", "already"}, where
                continue
            assert r.rc == 4, where
            assert results & {"failed", "rolled-back"} and "done" not in results, where
            assert r.messages(severity="error"), where
            if rolled_back:
                assert any(w in r.err for w in ("put back", "nothing was changed", "nothing was written")), where
            else:
                left = [name for name in now if now[name] != was[name]]
                assert all(name in r.err for name in left), f"what is left is not said: {where}"
                assert any(m["code"] in ("LEFT", "ROLLBACK") for m in r.json["messages"]), where


def test_a_kernel_that_pretends_is_found_out():
    """Success that did not stick: firmware kept control."""
    r = change("direct1", "root0", faults=["write@*/isolation_ctrl:1+=drop"])
    assert r.rc == 4 and r.root_ports()[RP]["result"] in ("failed", "rolled-back")
    on(r)
    says(r, "ISO-FW-OWNED")


@pytest.mark.parametrize("host, args, words", [
    ("cache1", ["enable-isolation", "root0"], f"{RP} is left out: what is connected below it has no CXL.mem (CXL.cache: --cache --registers"),
    ("direct1", ["set-timeout", "root0", "--cache", "B"], f"{RP} is left out: it does not support a CXL.cache timeout"),
    ("direct1-6.12-husk", ["enable-isolation", "root0"], f"{RP} is left out: no device is known below it, though its link is up; 'echo 1 > /sys/bus/pci/rescan'")])
def test_why_nothing_was_done_is_said_and_true(host, args, words):
    r, = Session(cli.CAPTURES / f"{host}.tar.xz" if "-" in host else host).cxl(*args).run()
    assert r.rc == 3 and "nothing was done: " + words in r.err, str(r)


# -- output ----------------------------------------------------------------------------------------
def test_what_was_done_is_done_even_when_it_cannot_be_said():
    s = Session("direct1").sh(f"{cli.CXL} enable-isolation root0 >/dev/full").cxl("list", "--isolation")
    r, after = s.run()
    assert r.rc == 4 and "No space left" in r.err
    assert after.root_ports()[RP]["control"]["mem"]["isolation"] is True


def test_human_output_of_a_change():
    r, = Session("direct1").cxl("enable-isolation", "root0", "-u").run()
    assert r.rc == 0 and RP in r.text and "10 ms" in r.text


def test_the_sim_s_own_outputs_follow_their_schemas():
    for verb, name in (("hosts", "cxl-sim-hosts"), ("doctor", "cxl-sim-doctor")):
        cli.parse(run([cli.SIM, verb, "--format=json"]), name)
