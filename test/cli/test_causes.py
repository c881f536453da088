# SPDX-License-Identifier: GPL-2.0-only
"""Containment by the cause of a failure, and the timeout that enable-isolation switches on by itself.

The simulator makes the failures that are promised to be survived; its operation log is the oracle for the writes.
"""
import os

import pytest

from lib import cli
from lib.change import change, control, enabled, on, overlay, says
from lib.cli import NOBODY, Session, run_cxl, writes

RP = "0000:0c:00.0"
PCI = f"/sys/devices/pci0000:0c/{RP}"
RANKS = ["none", "debug", "contain", "recover", None]  # null: no such failure can occur
CAUSES = ["mem_link_down", "mem_timeout", "cache_link_down", "cache_timeout", "protocol_error"]
OFF, ON = "isolation is off", "isolation is on"
LOCKDOWN = "open@*resource0:1+=EPERM"
ACCEL = {"devices": {"0000:0d:00.0": {"type": 2, "driver": "sfc"}}}
CACHE = {"cache_timeout": True, "cache_timeout_ranges": "AB", "cache_isolation": True, "cache_link_down": True}


def host_of(tmp_path, host):
    """A built-in host's name, or the overlay that (root port, more keys) stand for."""
    return host if isinstance(host, str) else overlay(tmp_path, {RP: host[0]}, **host[1])


def levels(record):
    assert list(record["containment_by_cause"]) == CAUSES
    found = list(record["containment_by_cause"].values())
    assert record["containment"] == min(found[:4], key=RANKS.index) or set(found) == {None}
    # read as root on a kernel that does not panic: as a link that goes down, and never more than contained
    assert found[4] == min(found[0], found[2], "contain" if set(found[:4]) != {None} else None, key=RANKS.index)
    return found[:4]


# -- each cause by itself -------------------------------------------------------------
NO_TIMEOUT = ({"mem_timeout": False, "mem_timeout_ranges": ""}, {})
BY_CAUSE = {  # host, what was typed before, the four levels, limits
    "nothing enabled": ("direct1", [], ["none", "none", None, None], ["ISO-TIMEOUT-OFF"]),
    "enabled": ("direct1", ["root0"], ["recover", "recover", None, None], []),
    "enabled, timeout kept off": ("direct1", ["root0", "--timeout=keep"], ["recover", "none", None, None], ["ISO-TIMEOUT-OFF"]),
    "enabled, timeout off": ("direct1", ["root0", "--timeout=off"], ["recover", "none", None, None], ["ISO-TIMEOUT-OFF"]),
    "a port that has no timeout": (NO_TIMEOUT, ["root0", "--registers"], ["recover", "none", None, None], ["ISO-NO-TIMEOUT"]),
    "a cap of every cause": ("sysram1", ["root0", "--require=debug"], ["debug", "debug", None, None], []),
    "a cap of every cause and one of one": ("sysram1", ["root0", "--override=ISO-MEM-ONLINE", "--timeout=keep"], ["debug", "none", None, None], ["ISO-TIMEOUT-OFF"]),
    "CXL.cache beside it": ("accel1", ["root0"], ["none", "contain", "none", "none"], ["ISO-TIMEOUT-OFF", "ISO-CACHE-OFF", "ISO-TYPE2"]),
    "CXL.cache as well": ("accel1", ["root0", "--cache", "--registers"], ["contain"] * 4, ["ISO-TYPE2"]),
    "CXL.cache without its timeout": ("accel1", ["root0", "--cache", "--registers", "--timeout=keep"], ["contain", "none", "contain", "none"],
                                      ["ISO-TIMEOUT-OFF", "ISO-TYPE2"]),
    "a forced link-down takes CXL.cache with it": ("accel1", ["root0", "--link-down", "--registers"], ["none", "none", "none", "none"],
                                                   ["ISO-TIMEOUT-OFF", "ISO-CACHE-OFF", "ISO-TYPE2"]),
    "CXL.cache alone": ("cache1", [RP, "--cache", "--registers"], [None, None, "contain", "contain"], ["ISO-TYPE2"]),
    "CXL.cache alone, and not enabled": ("cache1", [], [None, None, "none", "none"], ["ISO-TIMEOUT-OFF", "ISO-CACHE-OFF", "ISO-TYPE2"]),
    "a port that cannot isolate CXL.cache": (({}, ACCEL), ["root0"], ["none", "contain", "none", "none"],
                                             ["ISO-NO-TIMEOUT", "ISO-CACHE-OFF", "ISO-TYPE2"]),
    "a port without the timeout of CXL.cache": ((CACHE | {"cache_timeout": False, "cache_timeout_ranges": ""}, ACCEL), ["root0", "--cache", "--registers"],
                                                ["contain", "contain", "contain", "none"], ["ISO-NO-TIMEOUT", "ISO-TYPE2"]),
    # what a memory device that is plugged in would meet
    "nothing below": (str(cli.CAPTURES / "direct1-6.12-husk.tar.xz"), [], [None] * 4, ["ISO-TIMEOUT-OFF"]),
}


@pytest.mark.parametrize("case", BY_CAUSE)
def test_containment_is_judged_for_each_cause(tmp_path, case):
    host, args, expected, limits = BY_CAUSE[case]
    kernel = "mainline" if args == ["root0", "--registers"] else "v1-fixed"  # with the timeout's attributes it would look like the posted v1
    s = Session(host_of(tmp_path, host), kernel).cxl("isolation-status", RP)
    if args:
        s.cxl("enable-isolation", *args)
    results = s.cxl("isolation-status", RP).cxl("list", "--isolation").run()
    before, status, listed = results[0].root_ports()[RP], results[-2].root_ports()[RP], results[-1].root_ports()[RP]
    assert levels(status) == expected and levels(listed) == expected, str(results[-2])
    assert [c for c in status["limits"] if c != "ISO-MEM-ONLINE"] == limits, str(results[-2])
    assert not {"ISO-TIMEOUT-OFF", "ISO-NO-TIMEOUT", "ISO-CACHE-OFF"} & set(status["blockers"]), "they are limits"
    if args:
        changed, = results[1].root_ports().values()
        assert results[1].rc == 0 and levels(changed) == expected
    if args == ["root0"]:  # that is what containment_if_enabled is about
        assert before["containment_if_enabled"] == status["containment"], str(results[0])


@pytest.mark.parametrize("host", ["accel1", "cache1"])
@pytest.mark.parametrize("kernel", ["v1", "v1-fixed", "mainline"])
def test_an_accelerator_is_never_promised_to_be_recovered(host, kernel):
    s = Session(host, kernel)
    for args in ([], ["--registers"], ["--cache", "--registers"], ["--cache", "--registers", "--link-down"]):
        s.cxl("enable-isolation", RP, *args).cxl("isolation-status", RP)
    for r in s.run():
        rec = r.root_ports()[RP]
        assert "recover" not in [*levels(rec), rec["containment"], rec["containment_if_enabled"]], str(r)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("host", ["direct1", "accel1", "cache1", "switch4", "masked1", "sysram1"])
@pytest.mark.parametrize("kernel,args", [("v1-fixed", []), ("v1-fixed", ["--cache", "--registers"]), ("v1", ["--timeout=keep"]), ("mainline", ["--registers"])])
def test_who_may_not_look_is_promised_nothing_more(host, kernel, args):
    """Of each cause; one that nobody can rule out exists for who cannot read the DVSEC."""
    s = Session(host, kernel).cxl("enable-isolation", RP, "--require=debug", *args).cxl("isolation-status", RP)
    _, root, nobody = s.cxl("isolation-status", RP, user=NOBODY).run()
    for cause in CAUSES[:4]:
        seen, true = nobody.root_ports()[RP]["containment_by_cause"][cause], root.root_ports()[RP]["containment_by_cause"][cause]
        assert RANKS.index(seen) <= RANKS.index(true), f"{cause}: {seen} and not {true}\n{nobody}"
    assert RANKS.index(nobody.root_ports()[RP]["containment"]) <= RANKS.index(root.root_ports()[RP]["containment"])


def test_registers_that_nobody_could_read_never_give_recover():
    for kernel in ("v1", "v1-fixed", "mainline"):
        enable, status = Session("direct1", kernel, faults=[LOCKDOWN]).cxl("enable-isolation", RP).cxl("isolation-status", "--check").run()
        rec = status.root_ports()[RP]
        assert "recover" not in [*levels(rec), rec["containment_if_enabled"]], str(status)
        assert "ISO-REGISTERS" in rec["limits"], str(status)
        assert "reboot?" not in enable.err or kernel == "v1", "after it was switched on it is known to be there"


# -- what is promised ------------------------------------------------------------------
def test_what_is_not_kept_is_not_promised():
    """The example of a host whose timeout is left off: an assertion fails, and says what helps."""
    s = Session("direct1").cxl("enable-isolation", "root0", "--timeout=keep").cxl("isolation-status", "--assert=containment>=recover")
    s.cxl("isolation-status", "--assert=containment_by_cause.mem_link_down>=recover").sh(f"cxl set-timeout {RP} on >/dev/null")
    kept, no, link_down, helps, yes = s.cxl("isolation-status", "--assert=containment>=recover").run()
    assert (kept.rc, no.rc, link_down.rc, helps.rc, yes.rc) == (0, 1, 0, 0, 0), str(no)
    says(no, "containment is at least recover, and it is none", "ISO-TIMEOUT-OFF holds mem_timeout back", f"cxl set-timeout {RP} on")


def test_an_access_that_is_never_answered_is_survived_and_recovered():
    s = Session("direct1").cxl("enable-isolation", "root0").cxl("isolation-status", "--assert=containment>=recover")
    s.sh(f"cxl-sim ctl timeout {RP}").cxl("isolation-status", RP).cxl("recover-port", RP).cxl("isolation-status", "--assert=containment>=recover")
    enable, promised, event, isolated, recovered, again = s.run()
    assert (enable.rc, promised.rc, event.rc) == (0, 0, 0), str(event)
    status = isolated.root_ports()[RP]["status"]
    assert status["state"] == "isolated" and status["mem"]["cause"] == "timeout"
    assert recovered.rc == 0 and again.rc == 0, str(recovered)
    assert control(again.root_ports()[RP]["control"]) == (True, True, "B2"), "the timeout is on again, too"


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
def test_a_timeout_that_is_off_is_a_problem_and_the_command_ends_it(kernel):
    s = Session("direct1", kernel).cxl("enable-isolation", "root0", "--timeout=keep").cxl("isolation-status", "-x")
    _, wrong, on_, right = s.cxl("set-timeout", RP, "on").cxl("isolation-status", "-x").run()
    assert wrong.rc == 1 and wrong.root_ports()[RP]["problems"][0] == "timeout-off", str(wrong)
    says(wrong, f"{RP}: timeout-off: isolation is on and the timeout is off", f"type 'cxl set-timeout {RP} on'")
    # what is wrong besides is not said twice: the posted kernel panics, whatever the cause
    assert wrong.root_ports()[RP]["problems"] == ["timeout-off"] + (["not-contained"] if kernel == "v1" else [])
    assert on_.rc == 0 and "timeout-off" not in (right.root_ports().get(RP) or {"problems": []})["problems"], str(right)


def test_a_timeout_that_is_off_where_isolation_is_off_is_no_problem_of_its_own():
    r, = Session("direct1").cxl("isolation-status", "-x").run()
    assert r.root_ports()[RP]["problems"] == ["isolation-off"]


def test_the_level_that_is_asked_for_counts_for_every_cause():
    refused, override, reached = Session("direct1").cxl("enable-isolation", "root0", "--require=recover", "--timeout=keep") \
        .cxl("enable-isolation", "root0", "--require=recover", "--timeout=keep", "--override=ISO-TIMEOUT-OFF", "-n") \
        .cxl("enable-isolation", "root0", "--require=recover").run()
    assert refused.rc == 1 and writes(refused.log) == [] and refused.root_ports()[RP]["result"] == "refused"
    says(refused, "containment would be none for mem_timeout, and --require=recover was asked for (ISO-TIMEOUT-OFF:", f"remedy: cxl set-timeout {RP} on")
    assert override.rc == 0 and reached.rc == 0
    for level in ("safe", "debug", "contain"):
        r = change("direct1", "root0", "--timeout=keep", f"--require={level}")
        assert r.rc == (0 if level == "safe" else 1) and writes(r.log) == (enabled(RP) if level == "safe" else []), str(r)


def test_a_port_without_a_timeout_is_told_what_to_require_instead(tmp_path):
    r = change(host_of(tmp_path, NO_TIMEOUT), "root0", "--registers", "--require=contain", kernel="mainline")
    assert r.rc == 1 and writes(r.log) == []
    says(r, "for mem_timeout,", "ISO-NO-TIMEOUT", "it has no timeout of CXL.mem", "--require=mem_link_down:LEVEL")


def test_a_cause_may_be_set_apart_from_the_level_of_all(tmp_path):
    """A port without a timeout: what is asked for of one cause replaces what is asked for of all."""
    host = host_of(tmp_path, NO_TIMEOUT)
    for apart, status in (((), 1), (("--require=mem_timeout:none",), 0), (("--require=mem_timeout:debug",), 1)):
        r = change(host, "root0", "--registers", "--require=contain", *apart, kernel="mainline")
        assert r.rc == status and bool(writes(r.log)) == (status == 0), str(r)
        assert r.root_ports()[RP]["result"] == ("refused" if status else "done")
    assert [r.root_ports()[RP]["containment_by_cause"][c] for c in CAUSES[:2]] == ["none", "none"], "nothing was switched on"


def test_what_holds_the_worst_cause_back_is_what_is_named():
    """Not the timeout, which the command switches on, but CXL.cache that goes down with the link."""
    r = change("accel1", "root0")
    assert r.rc == 0
    text, = (m["text"] for m in r.json["messages"] if m["code"] == "ISO-CACHE-OFF")
    assert text.startswith(f"{RP}: mem_link_down is not contained (none, ISO-CACHE-OFF: a device below it has CXL.cache, which is not isolated"), text
    assert text.endswith(f"though other failures are; to raise it: cxl enable-isolation --cache --registers {RP}"), text
    assert "reboot?" not in r.err
    r = change("accel1", "root0", "--require=contain")
    assert r.rc == 1 and writes(r.log) == []
    says(r, "ISO-TIMEOUT-OFF: the timeout of CXL.cache is off", f"ISO-CACHE-OFF too: cxl enable-isolation --cache --registers {RP}")
    assert "timeout of CXL.mem" not in r.err, "that one is switched on"


@pytest.mark.parametrize("check", ["ISO-CACHE-OFF", "ISO-TIMEOUT-OFF"])
def test_the_remedies_of_an_accelerators_causes_work(check):
    s = Session("accel1").cxl("enable-isolation", "root0").cxl("isolation-status", "--check")
    remedy = {c["check"]: c for c in s.run()[1].root_ports()[RP]["checks"]}[check]["remedy"]
    assert remedy.startswith("cxl "), remedy
    after = s.sh(f"{remedy} >/dev/null").cxl("list", "--isolation").run()[-1].root_ports()[RP]
    assert check not in after["limits"], after


# -- the timeout by itself ----------------------------------------------------------------
AUTO = [  # ranges that the port has, what is written, what is said
    ("ABCD", "6", "at range B2, 65 ms to 210 ms"), ("B", "6", "at range B2, 65 ms to 210 ms"), ("ACD", "9", "at range C, 260 ms to 900 ms"),
    ("C", "9", "at range C, 260 ms to 900 ms"), ("AD", "2", "at range A2, 1 ms to 10 ms"), ("A", "2", "at range A2, 1 ms to 10 ms"),
    ("D", "13", "at range D, 4 s to 13 s"), ("", None, "at the range that it has"),
]


@pytest.mark.parametrize("ranges,value,words", AUTO)
@pytest.mark.parametrize("args", [[], ["--timeout=auto"]])
def test_the_range_is_the_first_of_four_that_the_port_has(tmp_path, ranges, value, words, args):
    r = change(overlay(tmp_path, {RP: {"mem_timeout_ranges": ranges}}), "root0", *args)
    assert r.rc == 0, str(r)
    assert writes(r.log) == [w for w in [(RP, "timeout_range", value), (RP, "timeout_ctrl", "1"), *enabled(RP)] if w[2]]
    message, = r.messages(code="TIMEOUT")
    assert message["severity"] == "info" and message["target"] == RP
    assert message["text"] == f"{RP}: the timeout is switched on as well, {words}; --timeout=keep leaves it off"
    assert r.root_ports()[RP]["left_out"] == []


def test_it_is_said_once_for_all_ports_and_only_as_tried():
    planned, done, again = Session("direct2x2").cxl("enable-isolation", "root0", "-n").cxl("enable-isolation", "root0").cxl("enable-isolation", "root0").run()
    for r, word in ((planned, "would be"), (done, "is")):
        message, = r.messages(code="TIMEOUT")
        assert message["text"].startswith("0000:0c:00.0, 0000:0c:01.0, 0000:de:00.0, 0000:de:01.0: ") and f" the timeout {word} switched on as well" in message["text"]
    assert writes(planned.log) == [] and writes(again.log) == [] and not again.messages(code="TIMEOUT")


@pytest.mark.parametrize("args", [["--timeout=keep"], ["--timeout=B2"], ["--timeout=on"], ["--timeout=off"]])
def test_what_was_asked_for_is_not_said_to_be_as_well(args):
    assert not change("direct1", "root0", *args).messages(code="TIMEOUT")


def test_ranges_that_cannot_be_read_are_left_alone():
    r = change("direct1", "root0", faults=[LOCKDOWN])
    assert r.rc == 0 and writes(r.log) == [(RP, "timeout_ctrl", "1"), *enabled(RP)], str(r)
    message, = r.messages(code="TIMEOUT")
    assert "at the range that it has, since the ranges that the port supports cannot be read" in message["text"]


def test_a_range_that_is_set_stays():
    s = Session("direct1").cxl("set-timeout", RP, "D2").cxl("set-timeout", RP, "off").cxl("enable-isolation", "root0")
    r = s.run()[-1]
    assert r.rc == 0 and writes(r.log) == [(RP, "timeout_ctrl", "1"), *enabled(RP)]
    assert control(r.root_ports()[RP]["after"]) == (True, True, "D2")
    assert "at the range that it has; " in r.messages(code="TIMEOUT")[0]["text"]


def test_a_port_without_a_timeout_gets_the_rest_and_nothing_is_left_out(tmp_path):
    r = change(host_of(tmp_path, NO_TIMEOUT), "root0", "--registers", kernel="mainline")
    assert r.rc == 0 and writes(r.log) == [(RP, "0x1208", "0x00010000")]
    rec = r.root_ports()[RP]
    assert (rec["result"], rec["left_out"]) == ("done", []) and not r.messages(code="TIMEOUT")
    says(r, "mem_timeout is not contained (none, ISO-NO-TIMEOUT: it has no timeout of CXL.mem")


MAP = "cxl-sim ctl map dax0.0 >/dev/null"
KEPT = f"cxl enable-isolation root0 --timeout=keep >/dev/null 2>&1; {MAP}"


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
def test_a_timeout_that_nobody_asked_for_does_not_touch_isolation_under_traffic(kernel):
    """The range would be a change of isolation on the way; the enable is none."""
    r = change("direct1", "root0", kernel=kernel, before=KEPT)
    assert r.rc == 0 and writes(r.log) == [(RP, "timeout_ctrl", "1")], str(r)
    assert control(r.after[RP]["control"]) == (True, True, "default")
    assert "ISO-TIMEOUT-OFF" not in r.after[RP]["limits"] and "ISO-BUSY" not in r.err
    assert "at the range that it has; " in r.messages(code="TIMEOUT")[0]["text"]
    r = change("direct1", "root0", "--timeout=B2", kernel="v1", before=KEPT)
    assert r.rc == 1 and writes(r.log) == []
    says(r, "ISO-BUSY")


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
def test_the_timeout_may_be_switched_on_under_traffic(kernel):
    r = change("direct1", RP, "on", command="set-timeout", kernel=kernel, before=KEPT)
    assert r.rc == 0 and writes(r.log) == [(RP, "timeout_ctrl", "1")], str(r)


def test_isolation_itself_may_not():
    r = change("direct1", "root0", before=MAP)
    assert r.rc == 1 and writes(r.log) == []
    says(r, "ISO-BUSY")


@pytest.mark.parametrize("attr", ["timeout_ctrl", "timeout_range"])
def test_one_that_fails_takes_all_back_and_says_how_to_go_without(attr):
    fault = [f"write@*/{attr}:1+=EIO"]
    r = change("direct1", "root0", faults=fault)
    assert r.rc == 4 and control(r.after[RP]["control"]) == (False, False, "default"), str(r)
    says(r, "--timeout=keep leaves the timeout as it is")
    assert not r.messages(code="TIMEOUT") and not r.messages(code="REBOOT"), "it was not switched on"
    r = change("direct1", "root0", "--timeout=B2", faults=fault)
    assert r.rc == 4 and "--timeout=keep" not in r.err
    r = change("direct1", "root0", "--timeout=keep", faults=fault)
    assert r.rc == 0
    on(r, RP)


# -- CXL.cache's ------------------------------------------------------------------------------
def timeouts(record):
    return [(record[p]["timeout"]["enabled"], record[p]["timeout"]["range"]) for p in ("mem", "cache")]


@pytest.mark.parametrize("what,expected", [([], (True, "B2")), (["--timeout=B"], (True, "B")), (["--timeout=on"], (True, "default")),
                                           (["--timeout=off"], (False, "default")), (["--timeout=keep"], (False, "default"))])
def test_with_cache_the_timeout_is_that_of_both(what, expected):
    s = Session("accel1").cxl("enable-isolation", "root0", "--cache", "--registers", *what).cxl("list", "--isolation")
    r, after = s.run()
    assert r.rc == 0, str(r)
    rec = after.root_ports()[RP]["control"]
    assert timeouts(rec) == [expected] * 2 and rec["mem"]["isolation"] and rec["cache"]["isolation"], str(r)
    said = [m["text"] for m in r.messages(code="TIMEOUT")]
    assert said == ([] if what else [f"{RP}: the timeouts of CXL.mem and CXL.cache are switched on as well, at range B2, 65 ms to 210 ms; --timeout=keep leaves them off"])


def test_each_protocol_has_the_first_range_of_its_own(tmp_path):
    r, = Session(overlay(tmp_path, {RP: CACHE | {"cache_timeout_ranges": "AD"}}, **ACCEL)).cxl("enable-isolation", "root0", "--cache", "--registers").run()
    assert r.rc == 0 and timeouts(r.root_ports()[RP]["after"]) == [(True, "B2"), (True, "A2")], str(r)
    assert "at range B2, 65 ms to 210 ms and at range A2, 1 ms to 10 ms" in r.messages(code="TIMEOUT")[0]["text"]


def test_without_cache_its_timeout_stays():
    r, = Session("accel1").cxl("enable-isolation", "root0", "--registers").run()
    assert timeouts(r.root_ports()[RP]["after"]) == [(True, "B2"), (False, "default")]
    r = Session("accel1").cxl("enable-isolation", "root0").cxl("enable-isolation", "root0", "--cache", "--registers").run()[-1]
    assert timeouts(r.root_ports()[RP]["after"]) == [(True, "B2")] * 2
    assert "the timeout of CXL.cache is switched on as well" in r.messages(code="TIMEOUT")[0]["text"]


# -- the way back ------------------------------------------------------------------------------
@pytest.mark.parametrize("args,expected", [([], [("isolation_ctrl", "0")]), (["--timeout=keep"], [("isolation_ctrl", "0")]),
                                           (["--timeout=off"], [("isolation_ctrl", "0"), ("timeout_ctrl", "0")])])
def test_disabling_leaves_the_timeout_unless_it_is_told(args, expected):
    r = change("direct1", "root0", *args, command="disable-isolation", before=f"{cli.CXL} enable-isolation root0")
    assert r.rc == 0 and writes(r.log) == [(RP, *e) for e in expected], str(r)
    assert control(r.after[RP]["control"]) == (False, not args or "off" not in args[0], "B2")


@pytest.mark.parametrize("what", ["auto", "on", "B2", "default", "100ms", "no", ""])
def test_disabling_does_not_set_a_timeout(what):
    r = change("direct1", "root0", f"--timeout={what}", command="disable-isolation", before=f"{cli.CXL} enable-isolation root0")
    assert r.rc == 2 and writes(r.log) == [], str(r)
    on(r, RP)


def test_disabling_with_cache_and_timeout_off_switches_all_off():
    s = Session("accel1").cxl("enable-isolation", "root0", "--cache", "--registers").cxl("disable-isolation", "root0", "--cache", "--registers", "--timeout=off")
    r = s.run()[-1]
    after = r.root_ports()[RP]["after"]
    assert r.rc == 0 and timeouts(after) == [(False, "B2")] * 2, str(r)
    assert not after["mem"]["isolation"] and not after["cache"]["isolation"]


def test_a_port_without_a_timeout_has_it_off(tmp_path):
    r = change(host_of(tmp_path, NO_TIMEOUT), RP, "--timeout=off", command="disable-isolation", before=f"{cli.CXL} enable-isolation root0")
    assert r.rc == 0 and writes(r.log) == [(RP, "isolation_ctrl", "0")], str(r)


# -- explained ---------------------------------------------------------------------------------
def test_explain_says_what_of_a_failure_a_check_caps_and_what_happens_when_it_cannot_be_told():
    table = {c["id"]: c for c in run_cxl(["explain", "--format=json"]).json["checks"]}
    assert table["ISO-TIMEOUT-OFF"]["causes"] == table["ISO-NO-TIMEOUT"]["causes"] == ["mem_timeout", "cache_timeout"]
    assert table["ISO-CACHE-OFF"]["causes"] == ["mem_link_down", "cache_link_down", "cache_timeout", "protocol_error"]
    for id_, c in table.items():
        assert bool(c["causes"]) == (c["caps_at"] is not None), id_
        assert (c["if_unknown"] is None) == (c["severity"] == "outcome"), id_
        assert (c["unknown_why"] is not None) == (c["if_unknown"] == "passes"), id_
        if c["if_unknown"] == "caps":
            assert c["unknown_caps_at"] is not None, id_
        elif c["if_unknown"] == "blocks":
            assert c["unknown_caps_at"] == c["caps_at"], id_
        else:
            assert c["unknown_caps_at"] is None, id_
    assert {c["severity"] for c in table.values() if c["id"] in ("ISO-TIMEOUT-OFF", "ISO-NO-TIMEOUT", "ISO-CACHE-OFF", "ISO-TYPE2", "ISO-REGISTERS")} == {"limit"}


def test_the_manual_says_for_each_check_what_it_does_when_it_cannot_be_told():
    page = " ".join(run_page("cxl-explain.1").split())
    for c in run_cxl(["explain", "--format=json"]).json["checks"]:
        words = {"blocks": "it counts as failed", "caps": f"it caps at {c['unknown_caps_at']} and forbids nothing", "passes": f"it passes: {c['unknown_why']}"}
        part = page.split(f" {c['id']} (", 1)[1].split(" ISO-", 1)[0] if c["if_unknown"] != "passes" else page
        if c["if_unknown"] in words:
            assert f"Where it cannot be told {words[c['if_unknown']]}" in part, c["id"]
    assert "What cannot be told never raises a promise" in page


def run_page(name):
    path = cli.BUILD / "Documentation" / name
    if not path.exists():
        pytest.skip("the manual was not built")
    r = cli.run(["man", "-l", str(path)], env={"MANWIDTH": "200", "MAN_KEEP_FORMATTING": None})
    if r.rc:
        pytest.skip("man cannot show it")
    return r.text


@pytest.mark.parametrize("page,words", [
    ("cxl-enable-isolation.1", ["--timeout=auto, the default, also switches the timeout on", "the first of B2, C, A2 and D", "65 to 210 ms, comes first because servers use about as much",
                                "shorter than what processors wait", "--timeout=keep leaves the timeout as it is", "partial (some of the settings that were asked for were made",
                                "result partial and exit status 7", "--best-effort"]),
    ("cxl-disable-isolation.1", ["unless --timeout=off says otherwise", "--best-effort"]),
    ("cxl-isolation-status.1", ["timeout-off", "containment_by_cause.mem_link_down>=recover"]),
    ("cxl-list-isolation.1", ["what a failure of the port ends in at worst, whatever its cause", "containment_by_cause", "cache_timeout"]),
    *((p, ["or of one target some settings made and some not"]) for p in ("cxl-enable-isolation.1", "cxl-disable-isolation.1", "cxl-set-timeout.1", "cxl-recover-port.1"))])
def test_the_manual_tells_it(page, words):
    text = " ".join(run_page(page).split())
    for w in words:
        assert w in text, w


def test_what_an_isolated_port_cannot_tell_is_said_so_and_leads_to_its_recovery():
    """Whether a device below has CXL.cache: nothing below an isolated port answers, and the port has no timeout of CXL.cache."""
    *_, r = Session("direct1").sh(f"cxl enable-isolation root0 >/dev/null; cxl-sim ctl link-down {RP} >/dev/null").cxl("isolation-status", "--check").run()
    checks = {c["check"]: c for c in r.root_ports()[RP]["checks"]}
    assert checks["ISO-NO-TIMEOUT"]["result"] == "unknown" and "whether a device below needs one cannot be told" in checks["ISO-NO-TIMEOUT"]["text"]
    for check in ("ISO-NO-TIMEOUT", "ISO-CACHE-OFF"):
        assert checks[check]["remedy"].startswith(f"cxl recover-port {RP}, since nothing below"), checks[check]
