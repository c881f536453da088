# SPDX-License-Identifier: GPL-2.0-only
"""set-timeout on simulated hosts: what is written (exactly), in which order, what is refused, what is said."""
import json

import pytest

from lib import cli
from lib.change import change, control, on, overlay, says
from lib.cli import NOBODY, Session, writes

RP = "0000:0c:00.0"
FOUR = ["0000:0c:00.0", "0000:0c:01.0", "0000:de:00.0", "0000:de:01.0"]
NUMBERS = {"default": "0", "A": "1", "A2": "2", "B": "5", "B2": "6", "C": "9", "C2": "10", "D": "13", "D2": "14"}
MICROSECONDS = {"default": (50, 10000), "A": (50, 100), "A2": (1000, 10000), "B": (16000, 55000), "B2": (65000, 210000), "C": (260000, 900000),
                "C2": (1000000, 3500000), "D": (4000000, 13000000), "D2": (17000000, 64000000)}


def timeout(host, *args, before=None, **more):
    """As change(); BEFORE are cxl command lines, one after the other."""
    before = " && ".join(f"cxl {line} >/dev/null 2>&1" for line in ([before] if isinstance(before, str) else before or ()))
    return change(host, *args, command="set-timeout", before=before or None, **more)


def set_to(name, port=RP):
    return [(port, "timeout_range", NUMBERS[name]), (port, "timeout_ctrl", "1")]


# -- what to set ------------------------------------------------------------------------
@pytest.mark.parametrize("what,name", [
    *((n, n) for n in NUMBERS if n != "default"), *((n.lower(), n) for n in NUMBERS if n != "default"),
    ("50us", "A"), ("1us", "A"), ("100us", "A"), ("101us", "A2"), ("5ms", "A2"), ("10ms", "A2"), ("11ms", "B"), ("60ms", "B2"),
    ("100ms", "B2"), ("211ms", "C"), ("0.5s", "C"), ("1s", "C2"), ("3.6s", "D"), ("14s", "D2"), ("64s", "D2")])
def test_a_name_or_a_duration_sets_the_range_as_a_number_and_enables(what, name):
    r = timeout("direct1", "root0", what)
    assert r.rc == 0, str(r)
    assert writes(r.log) == set_to(name)
    assert control(r.after[RP]["control"]) == (False, True, name)
    now = r.root_ports()[RP]["after"]["mem"]["timeout"]
    assert (now["min_us"], now["max_us"]) == MICROSECONDS[name]
    assert r.root_ports()[RP]["result"] == "done" and r.json["messages"] == []


@pytest.mark.parametrize("before,what,expected,state", [
    (None, "on", [("timeout_ctrl", "1")], (True, "default")),
    (None, "default", [("timeout_ctrl", "1")], (True, "default")),
    ("set-timeout root0 B2", "off", [("timeout_ctrl", "0")], (False, "B2")),
    ("set-timeout root0 B2", "default", [("timeout_range", "0")], (True, "default")),
    ("set-timeout root0 B2", "DEFAULT", [("timeout_range", "0")], (True, "default")),
    ("set-timeout root0 B2", "D", [("timeout_range", "13")], (True, "D")),
    (["set-timeout root0 B2", "set-timeout root0 off"], "on", [("timeout_ctrl", "1")], (True, "B2")),
    (["set-timeout root0 B2", "set-timeout root0 off"], "B2", [("timeout_ctrl", "1")], (True, "B2")),
])
def test_words_for_the_timeout(before, what, expected, state):
    r = timeout("direct1", "root0", what, before=before)
    assert r.rc == 0 and writes(r.log) == [(RP, *e) for e in expected], str(r)
    assert control(r.after[RP]["control"]) == (False, *state)


@pytest.mark.parametrize("before,what", [(None, "off"), ("set-timeout root0 B2", "B2"), ("set-timeout root0 B2", "b2"), ("set-timeout root0 B2", "100ms"),
                                         ("set-timeout root0 on", "on"), ("set-timeout root0 on", "default")])
def test_already_so_writes_nothing(before, what):
    r = timeout("direct1", "root0", what, before=before)
    rec = r.root_ports()[RP]
    assert r.rc == 0 and writes(r.log) == [] and (rec["result"], rec["changed"], rec["plan"]) == ("already", False, [])


@pytest.mark.parametrize("what", ["B3", "", "65s", "0ms", "6", "ON", "\x1b[31m", "1.5", "99999999999999999999s"])
def test_what_is_no_timeout_is_exit_2_and_writes_nothing(what):
    r = timeout("direct1", "root0", what)
    assert r.rc == 2 and writes(r.log) == [] and r.json["root_ports"] == []
    assert "\x1b" not in r.err
    says(r, "D2")


def test_no_time_at_all_is_no_timeout():
    r = timeout("direct1", "root0", "0s")
    assert r.rc == 2 and writes(r.log) == []
    says(r, "'0s' is not a timeout: use A,")


def test_a_missing_operand_is_exit_2_and_says_which():
    for args, word in (([], "cxl set-timeout root0 B2"), (["root0"], "'root0' is not a timeout"), (["B2"], "no target")):
        r = timeout("direct1", *args)
        assert r.rc == 2 and writes(r.log) == []
        says(r, word)


@pytest.mark.parametrize("word", ["auto", "keep"])
def test_what_enabling_isolation_may_leave_to_the_port_is_no_timeout_to_set(word):
    r = timeout("direct1", "root0", word)
    assert r.rc == 2 and writes(r.log) == []
    says(r, f"'{word}' is not a timeout: use A,")


@pytest.mark.parametrize("args", [["root0", "B2", "--require=debug"], ["root0", "B2", "--sysroot=/"], ["mem7", "B2"], ["root0", "mem1xyz", "off"]])
def test_other_usage_errors_are_exit_2_and_write_nothing(args):
    r = timeout("direct1", *args)
    assert r.rc == 2 and writes(r.log) == [] and r.err.count("\n") == 1


def test_help_names_what_can_be_set():
    r = cli.run([cli.CXL, "set-timeout", "--help"])
    assert r.rc == 0 and r.text.startswith("usage: cxl set-timeout [OPTIONS] TARGET... WHAT [--while -- COMMAND...]\n")
    for word in ("A to D2", "duration", "default", "off", "on", "--while", "--cache", "--registers", "--dry-run"):
        assert word in r.text


# -- targets ------------------------------------------------------------------------------
@pytest.mark.parametrize("host,target,names", [
    ("direct1", "mem0", [RP]), ("direct1", "region0", [RP]), ("direct1", "dax0.0", [RP]), ("direct1", "0000:0d:00.0", [RP]), ("switch4", "mem3", [RP]),
    ("direct2x2", "root0", FOUR), ("direct2x2", "all", FOUR), ("interleave2", "all", FOUR), ("direct2x2", "0000:de:01.0", ["0000:de:01.0"])])
def test_a_target_sets_the_root_ports_it_stands_for(host, target, names):
    r = timeout(host, target, "B2")
    assert r.rc == 0 and set(r.root_ports()) == set(names)
    assert sorted(writes(r.log)) == sorted(w for n in names for w in set_to("B2", n))
    assert {n for n, rec in r.after.items() if control(rec["control"]) == (False, True, "B2")} == set(names)


def test_several_targets_before_what():
    r = timeout("direct2x2", FOUR[0], FOUR[3], "A")
    assert r.rc == 0 and sorted(writes(r.log)) == sorted([*set_to("A", FOUR[0]), *set_to("A", FOUR[3])])


def test_a_group_leaves_out_ports_without_a_timeout(tmp_path):
    host = overlay(tmp_path, {FOUR[1]: {"mem_timeout": False, "mem_timeout_ranges": ""}, FOUR[2]: {"capability": False}}, base="direct2x2-6.12-noregion")
    r = timeout(host, "all", "B2", "-v")
    assert r.rc == 0 and {n: rec["result"] for n, rec in r.root_ports().items()} == dict(zip(FOUR, ["done", "skipped", "skipped", "done"]))
    assert {n for n, _, _ in writes(r.log)} == {FOUR[0], FOUR[3]}
    says(r, f"{FOUR[1]} is left out: it does not support a CXL.mem timeout", f"{FOUR[2]} is left out")


def test_a_group_with_no_port_that_can_is_exit_3(tmp_path):
    r = timeout(overlay(tmp_path, {RP: {"mem_timeout": False, "mem_timeout_ranges": ""}}), "root0", "B2")
    assert r.rc == 3 and writes(r.log) == []


def test_a_port_that_can_only_time_out_is_set(tmp_path):
    """No isolation capability: ISO-CAP stands against enabling, not against the timeout."""
    host = overlay(tmp_path, {RP: {"mem_isolation": False, "mem_link_down": False}})
    for target in ("root0", RP):
        r = timeout(host, target, "B2")
        assert r.rc == 0 and writes(r.log) == set_to("B2")


# -- what the port does not have ----------------------------------------------------------
@pytest.mark.parametrize("ranges,what,supported", [("A", "B2", "default A A2"), ("ACD", "100ms", "default A A2 C C2 D D2"), ("", "A", "default")])
def test_an_unsupported_range_is_exit_3_and_lists_the_supported(tmp_path, ranges, what, supported):
    r = timeout(overlay(tmp_path, {RP: {"mem_timeout_ranges": ranges}}), "root0", what)
    assert r.rc == 3 and writes(r.log) == []
    says(r, f"supports: {supported};", "nothing was written, the timeout is off (range default)")
    assert r.root_ports()[RP]["result"] == "refused"


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed", "mainline"])
@pytest.mark.parametrize("what", ["B2", "on", "off"])
def test_a_port_without_a_timeout_is_exit_3(tmp_path, what, kernel):
    r = timeout(overlay(tmp_path, {RP: {"mem_timeout": False, "mem_timeout_ranges": ""}}), RP, what, "--registers", kernel=kernel)
    assert r.rc == 3 and writes(r.log) == []
    says(r, "does not support a CXL.mem timeout", "nothing was written")


def test_an_unsupported_range_that_only_the_kernel_knows_of_is_exit_4(tmp_path):
    """Without the registers only the refused write tells."""
    r = timeout(overlay(tmp_path, {RP: {"mem_timeout_ranges": "A"}}), RP, "B2", faults=["open@*/resource0:1+=EPERM"])
    assert r.rc == 4 and writes(r.log) == [(RP, "timeout_range", "6")]
    says(r, "Invalid argument", "does not support this range", "nothing was changed")


@pytest.mark.parametrize("target", ["root0", RP])
def test_a_kernel_without_attributes_is_exit_3_and_names_registers(target):
    r = timeout("direct1", target, "B2", kernel="mainline")
    assert r.rc == 3 and writes(r.log) == []
    says(r, "ISO-ABI", "repeat the command with --registers", "the timeout is off")


def test_an_ordinary_user_is_told_to_be_root():
    r = timeout("direct1", RP, "B2", user=NOBODY)
    assert r.rc == 3
    says(r, "needs root", "run the command as root")


def test_an_isolated_port_is_refused():
    isolate = f"cxl enable-isolation root0 >/dev/null && cxl-sim ctl link-down {RP} >/dev/null"
    r = change("direct1", RP, "B2", command="set-timeout", before=isolate)
    assert r.rc == 1 and writes(r.log) == []
    says(r, "ISO-ISOLATED", "nothing was written")


def test_system_ram_does_not_stand_against_a_timeout():
    r = timeout("sysram1", "root0", "D2")
    assert r.rc == 0 and writes(r.log) == set_to("D2")


# -- the posted v1 ----------------------------------------------------------------------------
def test_v1_keeps_isolation_although_the_range_clears_it():
    r = timeout("direct1", "root0", "B2", kernel="v1")
    assert r.rc == 0 and writes(r.log) == [*set_to("B2"), (RP, "isolation_ctrl", "1")]
    assert control(r.before[RP]["control"]) == (True, False, "default")
    assert control(r.after[RP]["control"]) == (True, True, "B2")
    says(r, "the isolation enable (from 1 to 0)", "interrupt enable", "--registers")


def test_v1_keeps_the_timeout_off_when_isolation_is_off():
    r = timeout("direct1", "root0", "C", kernel="v1", before="disable-isolation root0")
    assert r.rc == 0 and writes(r.log) == set_to("C")
    on(r)


@pytest.mark.parametrize("what,expected", [("off", [("timeout_ctrl", "0")]), ("on", [])])
def test_v1_switches_the_timeout_without_touching_the_rest(what, expected):
    r = timeout("direct1", "root0", what, kernel="v1", before="set-timeout root0 D")
    assert r.rc == 0 and writes(r.log) == [(RP, *e) for e in expected]
    assert control(r.after[RP]["control"]) == (True, what == "on", "D")


MAPPED = "cxl-sim ctl map dax0.0 idle >/dev/null"


@pytest.mark.parametrize("kernel,isolation,what,rc", [("v1", "", "B2", 1), ("v1", "", "on", 0), ("v1", "disable", "B2", 0), ("v1-fixed", "enable", "C", 0)])
def test_memory_in_use_stands_only_against_what_drops_isolation_on_the_way(kernel, isolation, what, rc):
    """Only v1 does, and only where it is on: a change of the enable under traffic is undefined."""
    before = f"cxl {isolation}-isolation root0 >/dev/null 2>&1; {MAPPED}" if isolation else MAPPED
    r = change("direct1", "root0", what, command="set-timeout", kernel=kernel, before=before)
    assert r.rc == rc and bool(writes(r.log)) == (rc == 0), str(r)
    if rc:
        says(r, "ISO-BUSY", "dax-user", "nothing was written, the timeout is off")


def test_v1_with_registers_also_keeps_the_interrupt():
    r = timeout("direct1", "root0", "B2", "--registers", kernel="v1")
    assert r.rc == 0 and r.after[RP]["control"]["interrupt"] is True
    assert control(r.after[RP]["control"]) == (True, True, "B2")
    assert writes(r.log) == [*set_to("B2"), (RP, "0x1208", "0x04000016"), (RP, "isolation_ctrl", "1")]
    assert "INTERRUPT" not in {m["code"] for m in r.json["messages"]}


# -- trying, printing ----------------------------------------------------------------------------
@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
def test_a_dry_run_writes_nothing_and_shows_the_plan(kernel):
    r = timeout("direct1", "root0", "B2", "-n", kernel=kernel)
    rec = r.root_ports()[RP]
    assert r.rc == 0 and writes(r.log) == [] and r.before == r.after
    assert (rec["result"], rec["changed"]) == ("planned", False)
    assert [(s["path"].rsplit("/", 1)[1], s["value"], s["state"]) for s in rec["plan"]][:2] == \
        [("timeout_range", "6", "planned"), ("timeout_ctrl", "1", "planned")]
    for step, following in zip(rec["plan"], rec["plan"][1:]):
        assert step["expect_after"] == following["expect_before"]


def test_a_dry_run_refuses_what_the_command_would_refuse(tmp_path):
    r = timeout(overlay(tmp_path, {RP: {"mem_timeout_ranges": "A"}}), "root0", "B2", "-n")
    assert r.rc == 3 and writes(r.log) == []


def test_output_goes_to_a_file_whole(tmp_path):
    tmp_path.chmod(0o777)
    out = tmp_path / "record.json"
    r, = Session("direct1").sh(f"cxl set-timeout root0 B2 -o {out}").run()
    assert r.rc == 0 and r.out == b""
    record = cli.Result([], 0, out.read_bytes(), "")
    cli.parse(record, "cxl-set-timeout")
    assert control(record.root_ports()[RP]["after"]) == (False, True, "B2")


def test_an_output_that_cannot_be_written_changes_nothing():
    r, after = Session("direct1").sh("cxl set-timeout root0 B2 -o /nonexistent/x").cxl("list", "--isolation").run()
    assert r.rc == 4 and writes(r.log) == [] and "/nonexistent" in r.err
    assert control(after.root_ports()[RP]["control"]) == (False, False, "default")


def test_human_output():
    r, = Session("direct1").cxl("set-timeout", "root0", "B2", "-u").run()
    assert r.rc == 0 and "65 ms" in r.text and "210 ms" in r.text


# -- what goes wrong -----------------------------------------------------------------------------
def test_a_timeout_that_does_not_stick_is_exit_4_and_taken_back():
    r = timeout("direct1", "root0", "B2", faults=["write@*/timeout_ctrl:1+=drop"])
    assert r.rc == 4 and r.root_ports()[RP]["result"] == "rolled-back" and r.before == r.after
    says(r, "ISO-FW-OWNED", "put back")


def test_the_ports_of_one_region_are_taken_back_together():
    names = list(timeout("interleave2", "region2", "B2", "-n").root_ports())
    r = timeout("interleave2", "region2", "B2", faults=["write@*/timeout_ctrl:2=EIO"])
    assert r.rc == 4 and r.before == r.after
    assert [r.root_ports()[n]["result"] for n in names] == ["rolled-back", "rolled-back"]


def test_some_done_and_some_failed_is_exit_7():
    r = timeout("direct2x2", "all", "B2", faults=[f"write@*/{FOUR[2]}/cxl_isolation/timeout_range:1+=EIO"])
    assert r.rc == 7 and {n: rec["result"] for n, rec in r.root_ports().items()} == dict(zip(FOUR, ["done", "done", "failed", "done"]))


CASES = {  # name: (kernel, arguments, preparation)
    "range": ("v1-fixed", ["B2"], None),
    "off": ("v1-fixed", ["off"], "set-timeout root0 B2"),
    "v1 range": ("v1", ["B2"], None),
    "v1 range with registers": ("v1", ["B2", "--registers"], None),
    "registers only": ("mainline", ["B2", "--registers"], None),
}


def ops(r):
    """The operations of cxl on the root port, in order, as (op, path)."""
    return [(e["op"], e["path"]) for e in r.log if e["op"] in ("read", "write", "open") and f"/{RP}/" in e["path"] and e.get("comm") == "cxl"]


@pytest.mark.sweep
@pytest.mark.parametrize("kind", ["EIO", "short", "drop", "EIO for good"])
@pytest.mark.parametrize("case", CASES)
def test_every_operation_on_the_port_fails_once(case, kind):
    """Afterwards exactly one of: finished, as before, or said what is left; for every third operation, or each (CXL_FAULTS=all)."""
    kernel, args, before = CASES[case]
    prepare = [str(cli.CXL), *before.split()] if before else ["true"]
    clean = cli.run_sim([prepare, [cli.CXL, "set-timeout", "root0", *args]], host="direct1", kernel=kernel)
    wanted = control(json.loads(clean[1].text)["root_ports"][0]["after"])
    was = control(json.loads(clean[1].text)["root_ports"][0]["before"])
    skip, total = len(ops(clean[0])), ops(clean[1])
    assert len(total) > 10
    applies = {"short": ("read", "write"), "drop": ("write",)}.get(kind, ("read", "write", "open"))
    for n, (op, path) in enumerate(total):
        if op not in applies or not cli.EVERYTHING and n % 3 != len(kind) % 3:
            continue
        nth = sum(1 for o, p in [*ops(clean[0]), *total[:n]] if (o, p) == (op, path)) + 1
        spec = f"{op}@{path}:{nth}" + {"EIO for good": "+=EIO"}.get(kind, f"={kind}")
        s = Session("direct1", kernel, faults=[spec]).sh(" ".join(prepare)).cxl("set-timeout", "root0", *args).cxl("list", "--isolation")
        _, r, last = s.run()
        where = f"{case}: {spec} (operation {n + 1} of {skip} + {len(total)})\n{r}"
        rec, listed = r.root_ports().get(RP), control(last.root_ports()[RP]["control"])
        unknown = None in listed    # a fault for good keeps the look afterwards from seeing
        if r.rc == 0:
            assert unknown or listed == wanted, where
            assert rec["result"] in ("done", "already"), where
            continue
        assert r.rc in (2, 3, 4) and r.messages(severity="error"), where
        if rec is None or rec["result"] in ("refused", "rolled-back", "skipped"):
            assert unknown or listed == was, where
            assert r.rc == 2 or any(w in r.err for w in ("nothing was", "put back")), where
            continue
        assert rec["result"] == "failed", where
        if listed != was and not unknown:
            assert RP in r.err and any(m["code"] in ("LEFT", "ROLLBACK") for m in r.json["messages"]), where
            assert control(rec["after"]) in (listed, (None, None, None)) or None in control(rec["after"]), where


def test_a_signal_leaves_no_port_half_done():
    """It ends the command between two root ports; run again it finishes."""
    faults = [f"write@*/{FOUR[0]}/cxl_isolation/timeout_range:1=delay:1500"]
    s = Session("direct2x2", faults=faults).sh(f"cxl set-timeout all B2 >/dev/null & {cli.IN_WRITE}; kill -TERM $!; wait $!").cxl("list", "--isolation")
    s.cxl("set-timeout", "all", "B2")
    r, listed, again = s.run()
    assert r.rc == 5, str(r)
    says(r, "run the command again")
    assert [control(listed.root_ports()[n]["control"]) for n in FOUR] == [(False, True, "B2"), *[(False, False, "default")] * 3]
    assert again.rc == 0 and {n: rec["result"] for n, rec in again.root_ports().items()} == dict(zip(FOUR, ["already", "done", "done", "done"]))


