# SPDX-License-Identifier: GPL-2.0-only
"""CXL.cache as CXL.mem: what is wrong with it, what stands in the tables, who says that it was CXL.cache that failed."""
import re

import pytest

from lib import cli
from lib.change import overlay
from lib.cli import Session, run
from test_monitor import in_host

RP = "0000:0c:00.0"
ON = f"cxl enable-isolation {RP} --cache --registers"
KEEP = f"{ON} --timeout=keep"


def status(host, *args, before="true", kernel="v1-fixed"):
    text = f"export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; {before} >/dev/null 2>&1"
    r, = Session(host, kernel, before=text).cxl("isolation-status", *args).run()
    return r


def typed(r):
    """{problem: the command that is to be typed}"""
    return dict(re.findall(rf"{RP}: ([a-z-]+): .*; type '([^']*)'", r.err))


# -- what is wrong ---------------------------------------------------------------------
@pytest.mark.parametrize("host,kernel,before,expected", [
    ("cache1", "v1-fixed", "true", {"isolation-off": f"cxl enable-isolation {RP} --cache --registers"}),
    ("accel1", "v1-fixed", "true", {"isolation-off": f"cxl enable-isolation {RP} --cache --registers"}),
    ("cache1", "mainline", "true", {}),
    ("cache1", "v1", "true", {"timeout-off": f"cxl enable-isolation {RP} --cache --registers", "not-contained": f"cxl isolation-status --check {RP}"}),
    ("accel1", "v1-fixed", f"cxl enable-isolation {RP}",
     {"timeout-off": f"cxl enable-isolation {RP} --cache --registers", "not-contained": f"cxl isolation-status --check {RP}"}),
    ("cache1", "v1-fixed", KEEP, {"timeout-off": f"cxl set-timeout {RP} on --cache --registers"}),
    ("accel1", "v1-fixed", KEEP, {"timeout-off": f"cxl enable-isolation {RP} --cache --registers"}),
    ("cache1", "v1-fixed", ON, {}), ("accel1", "v1-fixed", ON, {})])
def test_a_problem_of_cache_names_the_command_that_ends_it(host, kernel, before, expected):
    r = status(host, "-x", before=before, kernel=kernel)
    assert typed(r) == expected and r.rc == bool(expected), str(r)
    for command in [c for c in expected.values() if "--check" not in c]:
        assert status(host, "-x", before=f"{before}; {command}", kernel=kernel).root_ports().get(RP, {"problems": []})["problems"] == []


def test_a_port_that_isolates_cache_alone_is_on(tmp_path):
    """It has no CXL.mem isolation: a timeout that is off, a lost link and no signal are seen all the same."""
    only = {"mem_timeout": False, "mem_timeout_ranges": "", "mem_isolation": False, "mem_link_down": False, "cache_timeout": True,
            "cache_timeout_ranges": "AB", "cache_isolation": True, "cache_link_down": True}
    host = overlay(tmp_path, {RP: only}, base="direct1-6.12-noregion", devices={"0000:0d:00.0": {"type": 1, "driver": "sfc"}})
    r = status(host, "-x", before=KEEP, kernel="mainline")
    assert typed(r) == {"timeout-off": f"cxl set-timeout {RP} on --cache --registers"}
    assert r.root_ports()[RP]["problems"] == ["timeout-off", "no-signal"], str(r)
    r = status(host, "-x", before=f"{ON}; cxl-sim ctl link-down {RP}", kernel="mainline")
    assert r.root_ports()[RP]["problems"][:2] == ["isolated", "link-down"], str(r)


# -- what failed -------------------------------------------------------------------------
FAILED = {
    "timeout": (ON, f"timeout {RP} cache", ("timeout", True, False), "CXL.cache is isolated: what a device below it had in its cache is lost"),
    "forced link-down": (f"{ON} --link-down", f"timeout {RP} cache", ("timeout", True, True), "CXL.mem and CXL.cache are isolated"),
    "link": (ON, f"link-down {RP}", ("link-down", False, True), "CXL.mem and CXL.cache are isolated"),
}


@pytest.mark.parametrize("case", FAILED)
@pytest.mark.parametrize("host", ["cache1", "accel1"])
def test_the_listing_of_problems_says_that_it_was_cache(host, case):
    before, event, (cause, timed_out, mem), said = FAILED[case]
    r = status(host, "-x", "--check", before=f"{before}; cxl-sim ctl {event}")
    record = r.root_ports()[RP]
    assert record["status"]["cache"] == {"isolated": True, "cause": cause, "timed_out": timed_out}, str(r)
    assert record["status"]["mem"]["isolated"] is mem and record["problems"][0] == "isolated"
    assert f"{RP}: isolated: {said}" in r.err, r.err
    finding = next(c for c in record["checks"] if c["check"] == "ISO-ISOLATED")
    assert ("its memory is lost" in finding["text"]) == mem and ("CXL.mem and CXL.cache" if mem else "CXL.cache") in finding["text"]


@pytest.mark.parametrize("host,event,cause", [("cache1", f"timeout {RP} cache", "timeout"), ("accel1", f"link-down {RP}", "link-down")])
def test_the_monitor_says_that_it_was_cache(host, event, cause):
    lines, _ = in_host(f"cxl-sim ctl {event}", host=host, before=ON)
    change = next(x for x in lines[1:] if x["type"] == "isolated")
    assert change["root_port"] == RP and change["after"]["status"]["cache"]["cause"] == cause
    assert "status.cache.isolated" in change["changed"]
    assert ("status.mem.isolated" in change["changed"]) == (cause == "link-down")


def test_the_status_of_cache_can_be_asserted():
    held = [f"status.cache.{a}" for a in ("isolated=true", "cause=timeout", "timed_out=true")] + ["status.mem.isolated=false", "control.cache.timeout.range=B2"]
    assert status("cache1", *(f"--assert={a}" for a in held), before=f"{ON}; cxl-sim ctl timeout {RP} cache").rc == 0
    assert status("cache1", "--assert=status.cache.cause=link-down", before=f"{ON}; cxl-sim ctl timeout {RP} cache").rc == 1


# -- tables --------------------------------------------------------------------------------
@pytest.mark.parametrize("command", [["isolation-status", "--format=table"], ["isolation-status", "--format=tree"], ["list", "--isolation", "--format=table"]],
                         ids=lambda c: f"{c[0]} {c[-1]}")
def test_tables_have_columns_of_cache_where_a_port_can_isolate_it(command):
    heads = {host: Session(host).cxl(*command).run()[0].text.splitlines()[0] for host in ("accel1", "direct1")}
    assert " CACHE " in heads["accel1"] and "CACHE" not in heads["direct1"], heads
    assert ("CACHE RANGE" in heads["accel1"]) == ("tree" not in command[-1])


def test_the_table_tells_what_of_cache_is_on_and_why_it_is_isolated():
    head, line = status("cache1", "--format=table", before=f"{ON}; cxl-sim ctl timeout {RP} cache").text.splitlines()[:2]
    cells = {title: line[head.index(f" {title} ") + 1:].split()[0] for title in ("CAUSE", "CACHE CAUSE", "CACHE TIMEOUT", "CACHE RANGE")}
    assert cells == {"CAUSE": "-", "CACHE CAUSE": "timeout", "CACHE TIMEOUT": "on", "CACHE RANGE": "B2"}, line


# -- the posted kernel ----------------------------------------------------------------------
@pytest.mark.parametrize("command,again", [(f"set-timeout {RP} A", f"cxl enable-isolation --cache --registers {RP}"), (f"disable-isolation {RP}", "")])
def test_v1_switches_cache_off_beside_and_that_is_said(command, again):
    s = Session("accel1", "v1").cxl(*ON.split()[1:]).cxl(*command.split()).cxl("list", "--isolation")
    _, r, after = s.run()
    assert after.root_ports()[RP]["control"]["cache"]["isolation"] is False
    text, = (m["text"] for m in r.json["messages"] if m["code"] == "CLEARED")
    assert "(CXL.cache timeout, CXL.cache isolation)" in text and text.endswith(again or "would have been kept"), text


@pytest.mark.parametrize("kernel", ["v1-fixed", "v1"])
def test_what_keeps_cache_on_says_nothing_of_the_kind(kernel):
    _, r, after = Session("accel1", kernel).cxl(*ON.split()[1:]).cxl("set-timeout", RP, "A", "--registers").cxl("list", "--isolation").run()
    assert after.root_ports()[RP]["control"]["cache"]["isolation"] is True
    assert "CLEARED" not in {m["code"] for m in r.json["messages"]}


def test_completion_offers_the_fields_of_cache():
    for typed_so_far, offers in (("status.cache.cause=", {"link-down", "timeout"}), ("control.cache.timeout.range=", {"A", "B2", "default"}),
                                 ("containment_by_cause.cache_timeout>=", {"none", "contain"})):
        text = run([cli.CXL, "--complete", "isolation-status", f"--assert={typed_so_far}"]).text
        assert {f"{typed_so_far}{o}" for o in offers} <= {line.partition("\t")[0].removeprefix("--assert=") for line in text.splitlines()}, text
