# SPDX-License-Identifier: GPL-2.0-only
"""What was asked for and cannot be set: never exit status 0 without --best-effort, and the record says which setting it was.

A root port that was named, itself or by what is below it, is refused whole; one that a bus or a host bridge stands for gets the rest.
"""
import pytest

from lib import cli
from lib.change import by_default, change, control, enabled, on, overlay, says
from lib.cli import Session, writes

RP = "0000:0c:00.0"
FOUR = ["0000:0c:00.0", "0000:0c:01.0", "0000:de:00.0", "0000:de:01.0"]
LINK_DOWN, CACHE, CACHE_LINK_DOWN = "mem.link_down", "cache.isolation", "cache.link_down"
GROUPS, NAMES = ["root0", "all", "port1"], ["mem0", "region0", "dax0.0", "0000:0d:00.0"]


def result(r, name=RP):
    rec = r.root_ports()[name]
    return r.rc, rec["result"], rec["left_out"]


# -- no attribute, and no --registers ----------------------------------------------------
CASES = [  # host, options, what is left out
    ("direct1", ["--link-down"], [LINK_DOWN]),
    ("accel1", ["--link-down"], [LINK_DOWN]),
    ("accel1", ["--cache"], [CACHE]),
    ("accel1", ["--cache", "--link-down"], [LINK_DOWN, CACHE, CACHE_LINK_DOWN]),
]
AS_STRINGS = {"ids": lambda v: "+".join(v) if isinstance(v, list) else str(v)}


@pytest.mark.parametrize("host,args,left_out", CASES, **AS_STRINGS)
@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
def test_a_group_gets_the_rest_and_it_is_partial(host, args, left_out, kernel):
    off = f"{cli.CXL} disable-isolation root0 >/dev/null 2>&1; true"
    r = change(host, "root0", *args, kernel=kernel, before=off)
    assert result(r) == (7, "partial", sorted(left_out, key=r.root_ports()[RP]["left_out"].index)), str(r)
    assert set(r.root_ports()[RP]["left_out"]) == set(left_out)
    on(r, RP)
    assert control(r.after[RP]["control"]) == (True, True, "B2")
    errors = r.messages(code="SETTING", severity="error")
    assert len(errors) == len(left_out) and all("add --registers" in m["text"] and "(--best-effort takes that for success)" in m["text"] for m in errors)


@pytest.mark.parametrize("target", GROUPS)
def test_whatever_stands_for_the_port(target):
    r = change("direct1", target, "--link-down")
    assert result(r) == (7, "partial", [LINK_DOWN]) and writes(r.log) == by_default(RP), str(r)


@pytest.mark.parametrize("target", NAMES)
def test_whatever_names_what_is_below_it(target):
    r = change("direct1", target, "--link-down")
    assert result(r) == (3, "refused", []) and writes(r.log) == [], str(r)
    assert change("direct1", target, "--link-down", "--best-effort").rc == 0


@pytest.mark.parametrize("host,args,left_out", CASES, **AS_STRINGS)
def test_a_port_that_was_named_is_refused_whole(host, args, left_out):
    r = change(host, RP, *args)
    assert result(r) == (3, "refused", []) and writes(r.log) == [], str(r)
    says(r, "add --registers", "nothing was written, isolation is off")


@pytest.mark.parametrize("host,args,left_out", CASES, **AS_STRINGS)
@pytest.mark.parametrize("target", ["root0", RP])
def test_with_best_effort_the_rest_is_success(host, args, left_out, target):
    r = change(host, target, "--best-effort", *args)
    rc, how, found = result(r)
    assert (rc, how, set(found)) == (0, "partial", set(left_out)) and writes(r.log) == by_default(RP), str(r)
    assert not r.messages(severity="error") and len(r.messages(code="SETTING", severity="warning")) == len(left_out)


@pytest.mark.parametrize("target", ["root0", RP])
def test_when_nothing_was_done_it_is_exit_3(target):
    """Isolation is on already: what was asked for is all that was to be done."""
    on_ = f"{cli.CXL} enable-isolation root0 >/dev/null"
    r = change("direct1", target, "--link-down", before=on_)
    assert r.rc == 3 and writes(r.log) == [] and r.root_ports()[RP]["result"] == "refused", str(r)
    says(r, "add --registers")
    r = change("direct1", target, "--link-down", "--best-effort", before=on_)
    assert result(r) == (0, "already", [LINK_DOWN]) and writes(r.log) == [], str(r)


@pytest.mark.parametrize("best_effort,rc", [([], 7), (["--best-effort"], 0)])
def test_a_dry_run_says_it_before(best_effort, rc):
    r = change("direct1", "root0", "-n", "--link-down", *best_effort)
    assert result(r) == (rc, "planned", [LINK_DOWN]) and writes(r.log) == [], str(r)
    r = change("direct1", RP, "-n", "--link-down", *best_effort)
    assert r.rc == (rc and 3) and writes(r.log) == []


@pytest.mark.parametrize("args", [["--link-down"], ["--cache"], ["--cache", "--link-down"]])
@pytest.mark.parametrize("target", ["root0", RP])
def test_with_registers_nothing_is_left_out(args, target):
    r = change("accel1", target, "--registers", *args)
    assert result(r) == (0, "done", []) and not r.messages(code="SETTING"), str(r)


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
def test_what_is_so_already_is_not_left_out(kernel):
    """By register before; the command itself could not, and need not."""
    r = change("direct1", RP, "--link-down", "--timeout=keep", kernel=kernel, before=f"{cli.CXL} enable-isolation {RP} --registers --link-down >/dev/null 2>&1")
    assert result(r) == (0, "already", []), str(r)


def test_the_ports_of_one_region_are_partial_or_refused_together():
    names = sorted(change("interleave2", "region2", "-n").root_ports())
    r = change("interleave2", "root0", "--link-down")
    assert [result(r, n) for n in names] == [(7, "partial", [LINK_DOWN])] * 2, str(r)
    on(r, *FOUR)
    for targets in (["region2"], names):
        r = change("interleave2", *targets, "--link-down")
        assert [result(r, n) for n in names] == [(3, "refused", [])] * 2 and writes(r.log) == [], str(r)
        r = change("interleave2", *targets, "--link-down", "--best-effort")
        assert [result(r, n) for n in names] == [(0, "partial", [LINK_DOWN])] * 2 and writes(r.log) == by_default(*names), str(r)


# -- what the port lacks ------------------------------------------------------------------
def test_a_capability_that_one_of_several_lacks(tmp_path):
    host = overlay(tmp_path, {FOUR[1]: {"mem_link_down": False}}, base="direct2x2-6.12-noregion")
    for best_effort, rc in ([], 7), (["--best-effort"], 0):
        r = change(host, "root0", "--registers", "--link-down", *best_effort)
        assert {n: result(r, n) for n in FOUR} == {n: (rc, "partial", [LINK_DOWN]) if n == FOUR[1] else (rc, "done", []) for n in FOUR}, str(r)
        on(r, *FOUR)
        says(r, f"{FOUR[1]} does not support forcing the link down; the rest is done without it")
    r = change(host, FOUR[0], FOUR[1], "--registers", "--link-down")
    assert (r.rc, r.root_ports()[FOUR[0]]["result"], r.root_ports()[FOUR[1]]["result"]) == (7, "done", "refused"), str(r)
    on(r, FOUR[0])


def test_cache_is_not_asked_of_ports_that_have_nothing_to_do_with_it():
    """Neither the port nor what is below it has CXL.cache; named, the port was meant all the same."""
    r = change("direct1", "root0", "--cache", "--registers")
    assert result(r) == (0, "done", []), str(r)
    assert r.messages(code="SETTING", severity="warning") and not r.messages(severity="error")
    r = change("direct1", RP, "--cache", "--registers")
    assert r.rc == 3 and writes(r.log) == []
    says(r, "does not support CXL.cache isolation")


def test_cache_is_asked_where_a_device_has_it(tmp_path):
    host = overlay(tmp_path, {RP: {}}, devices={"0000:0d:00.0": {"type": 2, "driver": "sfc"}})
    r = change(host, "root0", "--cache", "--registers")
    assert result(r) == (7, "partial", [CACHE]), str(r)
    assert "none" in r.root_ports()[RP]["containment"] and "ISO-CACHE-OFF" in r.root_ports()[RP]["limits"]


# -- timeouts ------------------------------------------------------------------------------
@pytest.mark.parametrize("target", ["root0", RP])
def test_a_range_that_was_asked_for_and_is_not_there_is_refused(tmp_path, target):
    host = overlay(tmp_path, {RP: {"mem_timeout_ranges": "A"}})
    r = change(host, target, "--timeout=D2")
    assert result(r) == (3, "refused", []) and writes(r.log) == [], str(r)
    r = change(host, target, "--timeout=D2", "--best-effort")
    assert result(r) == (0, "partial", ["mem.timeout.range"]), str(r)
    assert writes(r.log) == [(RP, "timeout_ctrl", "1"), *enabled(RP)]


@pytest.mark.parametrize("what,left_out", [("on", ["mem.timeout.enabled"]), ("B2", ["mem.timeout.range", "mem.timeout.enabled"]), ("auto", []), ("off", []), ("keep", [])])
def test_a_timeout_that_the_port_does_not_have(tmp_path, what, left_out):
    host = overlay(tmp_path, {RP: {"mem_timeout": False, "mem_timeout_ranges": ""}})
    r = change(host, "root0", f"--timeout={what}")
    assert result(r)[:2] == ((3, "refused") if left_out else (0, "done")), str(r)
    assert writes(r.log) == ([] if left_out else enabled(RP))
    r = change(host, "root0", f"--timeout={what}", "--best-effort")
    rc, how, found = result(r)
    assert (rc, how, set(found)) == (0, "partial" if left_out else "done", set(left_out)) and writes(r.log) == enabled(RP), str(r)


def test_a_range_that_only_cache_lacks(tmp_path):
    """accel1's CXL.cache has A and B."""
    args = ["--cache", "--registers", "--timeout=C"]
    r = change("accel1", "root0", *args)
    assert result(r) == (3, "refused", []) and writes(r.log) == [], str(r)
    says(r, "does not support timeout range C")
    r = change("accel1", "root0", *args, "--best-effort")
    assert result(r) == (0, "partial", ["cache.timeout.range"]), str(r)
    assert control(r.after[RP]["control"]) == (True, True, "C")


# -- levels --------------------------------------------------------------------------------
@pytest.mark.parametrize("best_effort", [[], ["--best-effort"]])
def test_what_is_left_out_does_not_count_for_the_level(best_effort):
    """Only a forced link-down gets masked1's link down, and without --registers there is none."""
    r = change("masked1", "root0", "--require=recover", "--link-down", *best_effort)
    assert (r.rc, r.root_ports()[RP]["result"]) == (1, "refused") and writes(r.log) == [], str(r)
    says(r, "ISO-HOTPLUG", "containment would be contain")
    r = change("masked1", "root0", "--require=recover", "--link-down", "--registers", *best_effort)
    assert result(r) == (0, "done", []) and r.root_ports()[RP]["containment"] == "recover", str(r)
    r = change("accel1", "root0", "--require=contain", "--cache", *best_effort)
    assert (r.rc, r.root_ports()[RP]["result"]) == (1, "refused") and writes(r.log) == [], str(r)
    says(r, "ISO-CACHE-OFF")


# -- the way back --------------------------------------------------------------------------
FORCED = f"{cli.CXL} enable-isolation root0 --registers --link-down >/dev/null"


@pytest.mark.parametrize("target", ["root0", RP])
def test_disabling_leaves_out_what_it_cannot_switch_off(target):
    r = change("direct1", target, "--link-down", command="disable-isolation", before=FORCED)
    assert result(r) == (7, "partial", [LINK_DOWN]) and writes(r.log) == [(RP, "isolation_ctrl", "0")], str(r)
    r = change("direct1", target, "--link-down", "--best-effort", command="disable-isolation", before=FORCED)
    assert result(r) == (0, "partial", [LINK_DOWN]), str(r)
    r = change("direct1", target, "--link-down", "--registers", command="disable-isolation", before=FORCED)
    assert result(r) == (0, "done", []) and r.after[RP]["control"]["mem"]["link_down"] is False, str(r)


@pytest.mark.parametrize("args", [["--link-down"], ["--cache"], ["--cache", "--link-down", "--timeout=off"]])
@pytest.mark.parametrize("target", ["root0", RP])
def test_what_is_off_need_not_be_switched_off(args, target):
    r = change("direct1", target, *args, command="disable-isolation", before=f"{cli.CXL} enable-isolation root0 --timeout=keep >/dev/null")
    assert result(r) == (0, "done", []) and writes(r.log) == [(RP, "isolation_ctrl", "0")], str(r)


# -- the policy file -----------------------------------------------------------------------
def by_policy(host, text, *args, **more):
    quoted = text.replace("\n", "\\n")
    r, again = Session(host, "v1-fixed", before=f"mkdir -p /etc/cxl; printf '{quoted}' >/etc/cxl/isolation.conf", **more) \
        .cxl("enable-isolation", "--policy", *args).cxl("list", "--isolation").run()
    r.isolates = again.root_ports()[RP]["control"]["mem"]["isolation"]
    return r


@pytest.mark.parametrize("host,setting,left_out", [("direct1", "link-down = yes", [LINK_DOWN]), ("accel1", "cache = yes", [CACHE])])
def test_the_policys_settings_are_asked_for_as_well(host, setting, left_out):
    group, named = by_policy(host, f"[all]\n{setting}\n"), by_policy(host, f"[{RP}]\n{setting}\n")
    assert result(group) == (7, "partial", left_out) and group.isolates, str(group)
    assert result(named) == (3, "refused", []) and not named.isolates, str(named)
    for section in ("all", RP):
        r = by_policy(host, f"[{section}]\n{setting}\n", "--best-effort")
        assert result(r) == (0, "partial", left_out) and r.isolates, str(r)
        r = by_policy(host, f"[{section}]\n{setting}\nbest-effort = yes\n")
        assert result(r) == (0, "partial", left_out) and r.isolates, str(r)
    r = by_policy(host, f"[all]\n{setting}\n", "--registers")
    assert result(r) == (0, "done", []), str(r)
