# SPDX-License-Identifier: GPL-2.0-only
"""A change that was killed is finished by the same command or taken back by its --undo-last, and nothing else touches the port until then."""
import json

import pytest

from lib.change import CAT, attributes, control
from lib.cli import Session, writes

RP, OTHER = "0000:0c:00.0", "0000:0c:01.0"
FILE = "$CXL_STATE_DIR/last-changes"
ENABLE, DISABLE, TIMEOUT = ["enable-isolation", "--timeout=B2"], ["disable-isolation"], ["set-timeout"]
# what is done first, then what is killed at its last write; the attribute of that
CASES = {
    "enable": ([], [*ENABLE, RP], "isolation_ctrl"),
    "disable": ([[*ENABLE, RP]], [*DISABLE, RP], "isolation_ctrl"),
    "timeout": ([[*ENABLE, RP]], [*TIMEOUT, RP, "C"], "timeout_range"),
}


def quietly(argv):
    return "cxl " + " ".join(argv) + " >/dev/null 2>&1"


def killed(case, kernel, moment, **more):
    """A session in which the command of CASE was killed, with what the kernel said before it and now."""
    before, argv, attr = CASES[case]
    s = Session("direct1", kernel, **more)
    for line in before:
        s.sh(quietly(line))
    return s.sh(CAT).sh(f"cxl-sim ctl fault write@*/{attr}:1=kill-{moment}; {quietly(argv)}; test $? = 137; r=$?; cxl-sim ctl fault none; exit $r"), argv


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
@pytest.mark.parametrize("case", CASES)
def test_what_was_killed_is_taken_back_exactly(case, kernel, moment):
    s, argv = killed(case, kernel, moment)
    *_, was, died, undo, now, again = s.cxl(argv[0], "--undo-last", RP).sh(CAT).cxl(argv[0], "--undo-last", RP).run()
    assert died.rc == 0 and undo.rc == 0, str(undo)
    assert attributes(now) == attributes(was)
    # it is done with: there is nothing more to take back
    assert again.rc == 3 and "no change that" in again.err, str(again)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
@pytest.mark.parametrize("case", CASES)
def test_what_was_killed_is_finished_by_the_same_command_as_if_nothing_had_been(case, kernel, moment):
    before, argv, _ = CASES[case]
    whole = Session("direct1", kernel)
    for line in [*before, argv]:
        whole.sh(quietly(line))
    expected = attributes(whole.sh(CAT).run()[-1])
    s, _ = killed(case, kernel, moment)
    *_, was, _, again, now, undo, back = s.cxl(*argv).sh(CAT).cxl(argv[0], "--undo-last", RP).sh(CAT).run()
    assert again.rc == 0 and attributes(now) == expected, str(again)
    # and what comes back then is what was there before the first try
    assert undo.rc == 0 and attributes(back) == attributes(was), str(undo)


@pytest.mark.parametrize("case,others", [
    ("enable", [[*DISABLE, RP], [*TIMEOUT, RP, "D"], ["enable-isolation", "--timeout=C", RP]]),
    ("disable", [["enable-isolation", RP], [*TIMEOUT, RP, "off"]]),
    ("timeout", [[*DISABLE, RP], [*TIMEOUT, RP, "off"], ["enable-isolation", "--timeout=D", RP]]),
])
def test_any_other_change_is_refused_and_names_both_ways_on(case, others):
    s, argv = killed(case, "v1-fixed", "after")
    s.sh(CAT)
    for other in others:
        s.cxl(*other)
    results = s.sh(CAT).run()
    n = len(others)
    for r in results[-1 - n:-1]:
        assert r.rc == 4 and writes(r.log) == [], str(r)
        assert f"'cxl {' '.join(argv)}' was ended" in r.err and f"'cxl {argv[0]} --undo-last {RP}'" in r.err, r.err
        assert [m["code"] for m in r.json["messages"]] == ["UNFINISHED"] and r.root_ports()[RP]["result"] == "refused"
    assert attributes(results[-1]) == attributes(results[-2 - n])


def test_prepare_isolation_does_not_touch_memory_below_such_a_port():
    s, _ = killed("enable", "v1-fixed", "before")
    r, undo, then = s.daxctl("prepare-isolation", "--mode=system-ram", "dax0.0").cxl("enable-isolation", "--undo-last", RP) \
        .daxctl("prepare-isolation", "--mode=system-ram", "dax0.0").run()[-3:]
    assert r.rc == 4 and f"'cxl enable-isolation --undo-last {RP}'" in r.err and r.json["dax"][0]["result"] == "refused", str(r)
    assert undo.rc == 0 and then.rc == 0, str(then)


@pytest.mark.parametrize("finish", [["prepare-isolation", "--mode=system-ram", "dax0.0"], ["prepare-isolation", "--undo", RP], ["prepare-isolation", "--undo-last", RP]])
def test_a_prepare_isolation_that_was_killed_keeps_others_from_its_root_port(finish):
    s = Session("direct1", "v1-fixed").sh("cxl-sim ctl fault write@*/isolation_ctrl:1=kill-before; daxctl prepare-isolation --mode=system-ram dax0.0 >/dev/null 2>&1; "
                                          "test $? = 137; r=$?; cxl-sim ctl fault none; exit $r")
    died, refused, last, _, enabled = s.cxl(*ENABLE, RP).daxctl(*finish).cxl("enable-isolation", "--undo-last", RP).cxl(*ENABLE, RP).run()
    assert died.rc == 0 and refused.rc == 4, str(refused)
    assert "'daxctl prepare-isolation --mode=system-ram dax0.0' was ended" in refused.err and f"'daxctl prepare-isolation --undo-last {RP}'" in refused.err
    assert last.rc == 0, str(last)
    assert "UNFINISHED" not in [m["code"] for m in enabled.json["messages"]], str(enabled)


@pytest.mark.parametrize("host,ports", [("direct1", {RP}), ("direct2x2", {RP, OTHER, "0000:de:00.0", "0000:de:01.0"})])
def test_what_came_to_its_end_is_taken_back_too(host, ports):
    was, done, undo, now, again = Session(host, "v1-fixed").sh(CAT).cxl(*ENABLE, "root0").cxl("enable-isolation", "--undo-last", "root0").sh(CAT) \
        .cxl("enable-isolation", "--undo-last", "root0").run()
    assert done.rc == undo.rc == 0 and set(undo.root_ports()) >= ports, str(undo)
    assert attributes(now) == attributes(was)
    assert {n for n, rec in undo.root_ports().items() if rec["result"] == "done"} == ports
    assert again.rc == 3 and {rec["result"] for rec in again.root_ports().values()} == {"skipped"}, str(again)


def test_ports_that_were_changed_as_one_come_back_as_one():
    """Naming one of them means all."""
    _, undo, now = Session("interleave2", "v1-fixed").sh(quietly([*ENABLE, "region2"])).cxl("enable-isolation", "--undo-last", RP).sh(CAT).run()
    assert undo.rc == 0, str(undo)
    back = {n for n, rec in undo.root_ports().items() if rec["result"] == "done"}
    assert len(back) == 2 and RP in back
    assert {a["isolation_ctrl"] for n, a in attributes(now).items() if n in back} == {"0"}


def test_what_another_run_of_the_same_command_changed_stays():
    one, other = RP, "0000:de:00.0"
    _, _, undo, now = Session("direct2x2", "v1-fixed").sh(quietly([*ENABLE, one])).sh(quietly([*ENABLE, other])).cxl("enable-isolation", "--undo-last", one).sh(CAT).run()
    assert undo.rc == 0 and set(undo.root_ports()) == {one}, str(undo)
    assert {n for n, a in attributes(now).items() if a["isolation_ctrl"] == "1"} == {other}


def test_ports_that_a_second_try_finished_still_come_back_as_one():
    """The first port was done when the command was killed, the second one was not: what is taken back is both."""
    s = Session("interleave2", "v1-fixed").sh(f"cxl-sim ctl fault write@*/isolation_ctrl:2=kill-before; {quietly([*ENABLE, 'region2'])}; test $? = 137; r=$?; cxl-sim ctl fault none; exit $r")
    died, again, undo, now = s.sh(quietly([*ENABLE, "region2"])).cxl("enable-isolation", "--undo-last", RP).sh(CAT).run()
    assert died.rc == again.rc == undo.rc == 0 and len(undo.root_ports()) == 2, str(undo)
    assert {(a["isolation_ctrl"], a["timeout_ctrl"]) for a in attributes(now).values()} == {("0", "0")}


def test_only_the_command_that_made_it_takes_it_back():
    _, _, r, group, undo, now = Session("direct1", "v1-fixed").sh(quietly([*ENABLE, RP])).sh(quietly([*TIMEOUT, RP, "C"])).cxl("enable-isolation", "--undo-last", RP) \
        .cxl("enable-isolation", "--undo-last", "all").cxl("set-timeout", "--undo-last", RP).cxl("list", "--isolation").run()
    assert r.rc == 3 and writes(r.log) == [], str(r)
    assert f"its last change was 'cxl set-timeout {RP} C', which 'cxl set-timeout --undo-last {RP}' takes back" in r.err
    assert group.rc == 3 and group.root_ports()[RP]["result"] == "skipped", str(group)
    assert undo.rc == 0 and control(now.root_ports()[RP]["control"]) == (True, True, "B2"), str(undo)


def test_what_somebody_else_has_set_since_stays():
    by_hand = f"echo 9 >/sys/bus/pci/devices/{RP}/cxl_isolation/timeout_range"
    _, _, undo, now = Session("direct1", "v1-fixed").sh(quietly([*ENABLE, RP])).sh(by_hand).cxl("enable-isolation", "--undo-last", RP).cxl("list", "--isolation").run()
    assert undo.rc == 0 and "changed to C by somebody else since, and stays so" in undo.err, str(undo)
    assert control(now.root_ports()[RP]["control"]) == (False, False, "C"), str(now)


def test_by_register_as_well():
    _, undo, now = Session("cache1", "v1-fixed").sh(quietly(["enable-isolation", "--cache", "--registers", "--timeout=B2", RP])) \
        .cxl("enable-isolation", "--undo-last", RP).cxl("list", "--isolation").run()
    assert undo.rc == 0, str(undo)
    rec, before = now.root_ports()[RP]["control"], undo.root_ports()[RP]["before"]
    assert before["cache"]["isolation"] and not rec["cache"]["isolation"] and not rec["mem"]["isolation"] and not rec["cache"]["timeout"]["enabled"]


def test_taking_back_is_checked_as_what_it_comes_to():
    """Isolation that was switched off is not switched on again over System RAM."""
    _, _, ram, undo = Session("direct1", "v1-fixed").sh(quietly([*ENABLE, RP])).sh(quietly([*DISABLE, RP])) \
        .sh("daxctl reconfigure-device --mode=system-ram dax0.0 >/dev/null 2>&1; cat /sys/bus/dax/devices/dax0.0/target_node >/dev/null").cxl("disable-isolation", "--undo-last", RP).run()
    assert ram.rc == 0 and undo.rc == 1 and "ISO-MEM-ONLINE" in undo.err and writes(undo.log) == [], str(undo)


def test_a_dry_run_shows_it_and_keeps_nothing():
    first, second, _, undo, again = Session("direct1", "v1-fixed").cxl(*ENABLE, "-n", RP).sh(f"test ! -e {FILE}").sh(quietly([*ENABLE, RP])) \
        .cxl("enable-isolation", "--undo-last", "-n", RP).cxl("enable-isolation", "--undo-last", RP).run()
    assert first.rc == 0 and second.rc == 0 and undo.rc == 0 and writes(undo.log) == []
    assert [s["value"] for s in undo.root_ports()[RP]["plan"]] == [s["value"] for s in again.root_ports()[RP]["plan"]]
    assert again.rc == 0 and again.root_ports()[RP]["result"] == "done"


def test_another_boot_ends_it():
    s, _ = killed("enable", "v1-fixed", "before")
    r = s.sh("cxl-sim ctl reboot").cxl("disable-isolation", RP).cxl("set-timeout", RP, "B2").run()[-1]
    assert r.rc == 0, str(r)


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"schema":"cxl-changes/1","boot_id":"x","changes":[{}]}', '{"schema":"cxl-changes/2","boot_id":"x","changes":[]}'])
def test_a_damaged_record_is_said_and_stops_nobody(content):
    s, _ = killed("enable", "v1-fixed", "before")
    undo, other = s.sh(f"printf '%s' '{content}' >{FILE}").cxl("enable-isolation", "--undo-last", RP).cxl("set-timeout", RP, "D").run()[-2:]
    assert undo.rc == 3 and "last-changes is damaged" in undo.err, str(undo)
    assert other.rc == 0 and "last-changes is damaged" in other.err, str(other)


def test_a_timeout_that_is_set_for_a_while_is_none_of_it():
    _, r, undo, now = Session("direct1", "v1-fixed").sh(quietly([*TIMEOUT, RP, "B2"])).cxl("set-timeout", RP, "off", "--while", "--", "true") \
        .cxl("set-timeout", "--undo-last", RP).cxl("list", "--isolation").run()
    assert r.rc == 0 and undo.rc == 0 and control(now.root_ports()[RP]["control"]) == (False, False, "default"), str(undo)


@pytest.mark.parametrize("argv,word", [
    (["enable-isolation", "--undo-last", "--timeout=B2", RP], "--timeout"), (["enable-isolation", "--undo-last", "--policy"], "--policy"),
    (["enable-isolation", "--undo-last", "--require=safe", RP], "--require"), (["disable-isolation", "--undo-last", "--cache", RP], "--cache"),
    (["set-timeout", "--undo-last", RP, "--while", "--", "true"], "--while"), (["enable-isolation", "--undo-last"], "target")])
def test_what_does_not_go_with_it_is_a_usage_error(argv, word):
    r = Session("direct1").cxl(*argv).run()[0]
    assert r.rc == 2 and word in r.err and len(r.err.strip().splitlines()) == 1, str(r)


def test_what_cannot_be_written_down_is_said_and_done_all_the_same():
    _, r = Session("direct1", "v1-fixed").sh(f"mkdir {FILE}").cxl(*ENABLE, RP).run()
    assert r.rc == 0 and "--undo-last will not know of it" in r.err, str(r)
    assert json.loads(r.text)["exit_status"] == 0
