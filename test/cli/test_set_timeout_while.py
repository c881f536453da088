# SPDX-License-Identifier: GPL-2.0-only
"""set-timeout --while: the timeout is off while a command runs, and as it was afterwards, however that ends."""
import json
import re

import pytest

from lib import cli
from lib.change import CAT, attributes, control, overlay, says
from lib.cli import IN_WRITE, Session, writes

RP = "0000:0c:00.0"
PCI = f"/sys/bus/pci/devices/{RP}"
SHOW = f"cat {PCI}/cxl_isolation/timeout_ctrl"


def during(script, *, what="off", before=f"cxl set-timeout {RP} B2", host="direct1", kernel="v1-fixed", options="", target="root0", out=None, after="true", **more):
    """SCRIPT runs under --while between two looks; the result with .was and .now: (isolation, timeout, range) of RP (None: gone)."""
    line = f"cxl set-timeout {target} {what} {options} {f'-o {out}' if out else ''} --while -- sh -c {cli.quote(script)}"
    s = Session(host, kernel, before=before and before + " >/dev/null 2>&1", **more)
    first, r, _, _, last = s.cxl("list", "--isolation").sh(line).sh(after).sh(CAT).cxl("list", "--isolation").run()
    r.was, r.now = control(first.root_ports()[RP]["control"]), control(last.root_ports()[RP]["control"]) if RP in last.root_ports() else None
    r.last = last
    if out:
        r.json = json.loads(out.read_text())
        cli.schema.validate("cxl-set-timeout", r.json)
        assert r.json["exit_status"] == r.rc
    return r


ON, OFF = (RP, "timeout_ctrl", "1"), (RP, "timeout_ctrl", "0")


# -- the command --------------------------------------------------------------------------
@pytest.mark.parametrize("status", [0, 1, 3, 77, 255])
def test_the_timeout_is_off_meanwhile_and_the_exit_status_is_the_commands(status):
    r = during(f"{SHOW}; exit {status}")
    assert (r.rc, r.out, r.err) == (status % 256, b"0\n", "")
    assert writes(r.log) == [OFF, ON] and r.was == r.now == (False, True, "B2")


def test_what_may_be_left_out_and_means_off():
    r = during(SHOW, what="")
    assert (r.rc, r.out) == (0, b"0\n") and writes(r.log) == [OFF, ON]


@pytest.mark.parametrize("kernel,before", [("v1-fixed", "true"), ("v1", "true")])
def test_a_timeout_that_is_off_is_left_alone(kernel, before):
    r = during(SHOW, before=before, kernel=kernel)
    assert (r.rc, r.out) == (0, b"0\n") and writes(r.log) == [] and r.was == r.now


def test_a_range_for_a_while():
    r = during(f"cat {PCI}/cxl_isolation/timeout_range", what="D2")
    assert (r.rc, r.out) == (0, b"D2\n") and r.was == r.now == (False, True, "B2")
    assert writes(r.log) == [(RP, "timeout_range", "14"), (RP, "timeout_range", "6")]


def test_a_range_for_a_while_where_the_timeout_was_off():
    r = during(f"{SHOW}; cat {PCI}/cxl_isolation/timeout_range", what="D2", before="true")
    assert (r.rc, r.out) == (0, b"1\nD2\n") and r.was == r.now == (False, False, "default")


@pytest.mark.parametrize("what,range_now", [("off", "b2"), ("D2", "d2")])
def test_on_v1_everything_is_as_before_afterwards(what, range_now):
    r = during(f"{SHOW}; cat {PCI}/cxl_isolation/timeout_range; cat {PCI}/cxl_isolation/isolation_ctrl", what=what, kernel="v1")
    assert (r.rc, r.out.decode()) == (0, f"{int(what != 'off')}\n{range_now}\n1\n")
    assert r.was == r.now == (True, True, "B2")


def test_by_register_everything_is_as_before_afterwards():
    r = during("true", kernel="mainline", options="--registers", before=f"cxl set-timeout {RP} B2 --registers")
    assert r.rc == 0 and r.was == r.now == (False, True, "B2")
    assert writes(r.log) == [(RP, "0x1208", "0x00000006"), (RP, "0x1208", "0x00000016")]


def test_every_port_of_a_group():
    r = during("for f in /sys/bus/pci/devices/*/cxl_isolation/timeout_ctrl; do cat $f; done", host="interleave2", before="cxl set-timeout all B2", target="all")
    assert (r.rc, r.out) == (0, b"0\n0\n0\n0\n")
    assert {control(rec["control"]) for rec in r.last.root_ports().values()} == {(False, True, "B2")}
    assert len(writes(r.log)) == 8


def test_a_command_that_is_killed_gives_128_and_its_signal():
    r, after = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null").sh("cxl set-timeout root0 off --while -- sh -c 'kill -KILL $$'; echo status $?").cxl("list", "--isolation").run()
    assert r.text == "status 137\n" and writes(r.log) == [OFF, ON]
    assert control(after.root_ports()[RP]["control"]) == (False, True, "B2")


@pytest.mark.parametrize("command,status", [("/nonexistent/tool", 127), ("no-such-tool", 127), ("/etc/passwd", 126), ("/", 126)])
def test_a_command_that_cannot_be_run(command, status):
    s = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null").sh(f"cxl set-timeout root0 off --while -- {command}").cxl("list", "--isolation")
    r, after = s.run()
    assert r.rc == status and r.out == b"" and writes(r.log) == [OFF, ON]
    assert control(after.root_ports()[RP]["control"]) == (False, True, "B2")
    says(r, command, "could not be run", "put back")


def test_control_characters_of_the_command_do_not_reach_the_terminal():
    r, = Session("direct1").sh("cxl set-timeout root0 off --while -- \"$(printf '\\033[31mx')\"").run()
    assert r.rc == 127 and "\x1b" not in r.err


def test_standard_input_and_output_are_the_commands():
    r = during("tr a-z A-Z", before="true", after="true", what="B2 </dev/stdin")
    assert r.rc == 0 and r.out == b""
    r, = Session("direct1").sh("echo hello | cxl set-timeout root0 B2 --while -- tr a-z A-Z").run()
    assert (r.rc, r.out, r.err) == (0, b"HELLO\n", "")


def test_its_options_are_its_own():
    r, = Session("direct1").sh("cxl set-timeout root0 B2 --while -- echo --help -n --while -- x").run()
    assert (r.rc, r.out) == (0, b"--help -n --while -- x\n")


def test_it_inherits_no_descriptor_no_mask_and_no_ignored_signal():
    # signals 32 and 33 are the C library's own
    script = "ls /proc/self/fd | tr '\\n' ' '; sed -n 's/^Sig[BI].*:.*\\(.......\\)$/\\1/p' /proc/self/status"
    inside, = Session("direct1").sh(f"cxl set-timeout root0 B2 --while -- sh -c {cli.quote(script)}").run()
    alone, = Session("direct1").sh(f"sh -c {cli.quote(script)}").run()
    assert inside.rc == 0 and inside.text == alone.text == "0 1 2 3 0000000\n0000000\n"


# -- printing ----------------------------------------------------------------------------------
def test_the_record_goes_to_a_file_only(tmp_path):
    tmp_path.chmod(0o777)
    r = during("echo mine; exit 9", out=tmp_path / "record")
    assert (r.rc, r.out) == (9, b"mine\n")
    rec = r.root_ports()[RP]
    assert (rec["result"], rec["changed"], rec["before"]) == ("done", False, rec["after"])
    assert [(s["path"].rsplit("/", 1)[1], s["value"], s["state"]) for s in rec["plan"]] == [("timeout_ctrl", "0", "done"), ("timeout_ctrl", "1", "done")]


def test_a_dry_run_prints_the_plan_and_runs_nothing():
    s = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null").cxl("set-timeout", "root0", "off", "--while", "-n", "--", "touch", "/nonexistent/x")
    r, = s.run()
    assert r.rc == 0 and r.err == "" and writes(r.log) == []
    assert r.root_ports()[RP]["result"] == "planned"


def test_a_dry_run_says_what_would_stand_against_it(tmp_path):
    host = overlay(tmp_path, {RP: {"mem_timeout": False, "mem_timeout_ranges": ""}})
    r, = Session(host).cxl("set-timeout", RP, "off", "--while", "-n", "--", "true").run()
    assert r.rc == 3


@pytest.mark.parametrize("line,status", [("root0 off --while", 2), ("root0 off --while --", 2), ("--while -- true", 2), ("root0 65s --while -- echo ran", 2),
                                         ("mem7 off --while -- echo ran", 2), ("root0 of --while -- echo ran", 2), ("root0 off -- echo ran", 2)])
def test_a_wrong_command_line_runs_nothing(line, status):
    r, = Session("direct1").sh(f"cxl set-timeout {line}").run()
    assert r.rc == status and b"ran" not in r.out.split(b"{")[0] and writes(r.log) == []


def test_nothing_is_run_when_the_timeout_cannot_be_set(tmp_path):
    r = during("echo ran", faults=["write@*/timeout_ctrl:2=EIO"])
    assert r.rc == 4 and r.out == b"" and r.was == r.now == (False, True, "B2")
    says(r, "'sh' was not run because of that")
    r = during("echo ran", host=overlay(tmp_path, {RP: {"mem_timeout": False, "mem_timeout_ranges": ""}}), before="true")
    assert r.rc == 3 and r.out == b""


def test_what_was_set_before_another_port_failed_is_put_back():
    faults = ["write@*/0000:de:01.0/cxl_isolation/timeout_ctrl:2=EIO"]
    r = during("echo ran", host="direct2x2", target="all", before="cxl set-timeout all B2", faults=faults)
    assert r.rc == 7 and r.out == b""
    assert {control(rec["control"]) for rec in r.last.root_ports().values()} == {(False, True, "B2")}
    says(r, "was not run")


# -- what happens meanwhile ------------------------------------------------------------------------
def test_what_the_command_changed_itself_is_put_back_as_it_was_before():
    r = during(f"echo 14 >{PCI}/cxl_isolation/timeout_range; echo 1 >{PCI}/cxl_isolation/timeout_ctrl", what="A")
    assert r.rc == 0 and r.now == (False, True, "B2")


def test_isolation_that_the_command_enabled_stays():
    r = during("cxl enable-isolation root0 >/dev/null")
    assert r.rc == 0 and r.now == (True, True, "B2")


def test_the_command_may_put_it_back_itself():
    r = during(f"cxl set-timeout {RP} on >/dev/null")
    assert r.rc == 0 and r.now == (False, True, "B2") and r.err == ""


def test_a_port_that_became_isolated_is_left_and_that_is_said(tmp_path):
    tmp_path.chmod(0o777)
    r = during(f"cxl-sim ctl link-down {RP} >/dev/null", before="cxl enable-isolation root0 --timeout=B2", out=tmp_path / "record")
    assert r.rc == 4 and r.now == (True, False, "B2") and writes(r.log) == [OFF]
    says(r, "ISO-ISOLATED", "the timeout is off (range B2)", f"cxl set-timeout {RP} on")
    assert r.root_ports()[RP]["result"] == "failed"
    assert r.messages(code="RESTORE", target=RP)


def test_a_port_that_becomes_isolated_while_it_gets_its_timeout_back_has_it():
    r = during("true", before="cxl enable-isolation root0 --timeout=B2", faults=["write@*/timeout_ctrl:3=isolate"])
    assert r.rc == 4 and r.was == r.now == (True, True, "B2"), str(r)
    assert "became isolated during the change" in r.err and "not as it was" not in r.err


def test_memory_that_came_into_use_keeps_v1_from_dropping_isolation():
    """Putting back the range would, and what the command left running may access the memory."""
    script = "cxl-sim ctl map dax0.0 idle >/dev/null"
    r = during(script, what="D2", kernel="v1")
    assert r.rc == 4 and r.now == (True, True, "D2"), str(r)
    says(r, "ISO-BUSY", "dax-user", "the timeout is on (range D2), not as it was", f"cxl set-timeout {RP} B2")
    r = during(script, what="off", kernel="v1")
    assert r.rc == 0 and r.now == (True, True, "B2"), "the enable alone can be put back"
    r = during(script, what="D2", kernel="v1", after=f"cxl-sim ctl unmap dax0.0 >/dev/null; cxl set-timeout {RP} B2 >/dev/null 2>&1")
    assert r.now == (True, True, "B2"), "what is told to type does it"


def test_the_commands_own_failure_comes_first():
    r = during(f"cxl-sim ctl link-down {RP} >/dev/null; exit 9", before="cxl enable-isolation root0 --timeout=B2")
    assert r.rc == 9
    says(r, "was not put back")


def test_a_port_that_vanished_is_said():
    r = during(f"echo 1 >{PCI}/remove")
    assert r.rc in (3, 4) and writes(r.log) == [OFF]
    says(r, "its PCI device is gone", "not put back", f"cxl set-timeout {RP} on")


def test_a_port_that_vanished_and_returned_is_set_again():
    r = during(f"echo 1 >{PCI}/remove; echo 1 >/sys/bus/pci/rescan; {SHOW}")
    assert r.rc == 0 and r.now[1] is True, str(r)


@pytest.mark.parametrize("fault,left", [("EIO", (False, False, "B2")), ("drop", (False, False, "B2")), ("EACCES", (False, False, "B2"))])
def test_a_refused_restoring_is_said_with_what_puts_it_right(fault, left):
    """The third write of the enable is the one that puts it back."""
    r = during("echo ran", faults=[f"write@*/timeout_ctrl:3={fault}"], after=f"cxl set-timeout {RP} on >/dev/null")
    assert (r.rc, r.out) == (3 if fault == "EACCES" else 4, b"ran\n")
    says(r, "the timeout is off (range B2), not as it was before the command ran", f"cxl set-timeout {RP} on", "stays as it was for the command")
    assert "put back as they were" not in r.err
    assert r.now == (False, True, "B2"), "what is told to type does it"


def test_a_refused_restoring_of_a_range_names_both_commands():
    faults = ["write@*/timeout_range:3=EIO"]
    before = f"cxl set-timeout {RP} B2 && cxl set-timeout {RP} off"
    r = during("true", what="D2", before=f"({before})", faults=faults)
    assert r.rc == 4
    line = re.search(r"is gone: (.*)", r.err).group(1)
    assert line == f"cxl set-timeout {RP} B2 && cxl set-timeout {RP} off"
    r = during("true", what="D2", before=f"({before})", faults=faults, after=f"{line} >/dev/null")
    assert r.now == (False, False, "B2")


@pytest.mark.parametrize("kernel", ["v1", "v1-fixed"])
@pytest.mark.parametrize("what", ["off", "D2"])
def test_every_write_fails_once(kernel, what):
    """Then the timeout is as before, or it is said what it is and what to type; the command's output is whole or absent."""
    clean = during("echo ran", what=what, kernel=kernel)
    assert clean.rc == 0
    prepared, = Session("direct1", kernel).cxl("set-timeout", RP, "B2").run()
    skip, total = len(writes(prepared.log)), len(writes(clean.log))
    assert total >= 2
    for n in range(skip + 1, skip + total + 1):
        for kind in ("EIO", "drop", "+EIO"):
            spec = f"write@*/cxl_isolation/*:{n}" + ("+=EIO" if kind == "+EIO" else f"={kind}")
            r = during("echo ran", what=what, kernel=kernel, faults=[spec])
            where = f"{spec}\n{r}"
            assert r.out in (b"ran\n", b""), where
            if r.now == r.was:
                assert r.rc == 0 or "not run" in r.err or "RESTORE" not in r.err, where
                continue
            assert r.rc == 4, where
            assert f"cxl set-timeout {RP}" in r.err or "could not be brought back" in r.err, where
            assert f"timeout {'on' if r.now[1] else 'off'}" in r.err or f"timeout is {'on' if r.now[1] else 'off'}" in r.err, where


# -- signals ----------------------------------------------------------------------------------------
DRIVER = r"""
import json, os, signal, subprocess, sys, time
how, who, ignored, command = sys.argv[1:5]
def child():
    for s in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(s, signal.SIG_IGN if s.name in ignored else signal.SIG_DFL)
    if "SIGCHLD" in ignored:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
p = subprocess.Popen(["sh", "-c", "exec " + command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=child)
first = p.stdout.readline()
if how != "none":
    n = getattr(signal, how)
    if who == "us": os.kill(p.pid, n)
    elif who == "group": os.killpg(p.pid, n)
    elif who == "child": os.kill(int(first), n)
    elif who == "both": os.killpg(p.pid, n); time.sleep(0.2); os.kill(p.pid, n)
out, err = p.communicate(timeout=120)
print(json.dumps({"rc": p.returncode, "out": out.decode(), "err": err.decode()}))
"""


def signalled(signal, who, script, ignored="", line="cxl set-timeout root0 off --while -- sh -c"):
    """A signal once SCRIPT has printed its pid; what came of it, with .now."""
    s = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null")
    s.sh(" ".join(cli.quote(a) for a in ["python3", "-c", DRIVER, signal, who, ignored, f"{line} {cli.quote(script)}"])).cxl("list", "--isolation")
    r, last = s.run()
    assert r.rc == 0, str(r)
    said = json.loads(r.text)
    r.rc, r.out, r.err = said["rc"], said["out"].encode(), said["err"]
    r.now = control(last.root_ports()[RP]["control"])
    return r


SLEEP = "echo $$; exec sleep 10"


@pytest.mark.parametrize("who", ["us", "group", "child", "both"])
@pytest.mark.parametrize("signal,number", [("SIGINT", 2), ("SIGTERM", 15), ("SIGHUP", 1), ("SIGQUIT", 3)])
def test_a_signal_ends_the_command_and_the_timeout_is_put_back(signal, number, who):
    r = signalled(signal, who, SLEEP)
    assert r.now == (False, True, "B2") and writes(r.log) == [OFF, ON]
    # a second one ("both") may come when the command has ended and the timeout is put back: then it ends us
    assert r.rc == 128 + number or (who == "both" and r.rc == -number)


def test_a_command_that_finishes_in_spite_of_a_signal_keeps_its_status():
    r = signalled("SIGTERM", "us", "trap 'echo told' TERM; echo $$; sleep 1 & wait; wait; exit 5")
    assert r.rc == 5 and r.out.decode().endswith("told\n") and r.now == (False, True, "B2")


def test_a_signal_to_us_is_passed_on_once():
    r = signalled("SIGTERM", "us", "trap 'echo told' TERM; echo $$; sleep 1 & wait; wait; exit 5")
    assert r.out.decode().count("told") == 1


def test_an_ignored_signal_stays_ignored():
    """As under nohup: neither we nor the command take notice."""
    r = signalled("SIGHUP", "group", "echo $$; sleep 0.5; exit 4", ignored="SIGHUP")
    assert r.rc == 4 and r.now == (False, True, "B2")


def test_a_parent_that_ignores_its_children_makes_no_difference():
    r = signalled("none", "us", "echo $$; sleep 0.2; exit 4", ignored="SIGCHLD")
    assert r.rc == 4 and r.now == (False, True, "B2")


def test_a_signal_before_the_command_runs_keeps_it_from_running():
    """It waits until what was set is put back, and ends us then."""
    faults = ["write@*/timeout_ctrl:2=delay:1000"]
    s = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null", faults=faults)
    s.sh(f"(trap - TERM; exec cxl set-timeout root0 off --while -- echo ran) & {IN_WRITE}; kill -TERM $!; wait $!; echo status $?").cxl("list", "--isolation")
    r, last = s.run()
    assert r.text == "status 143\n" and "was not run: a signal came before" in r.err
    assert control(last.root_ports()[RP]["control"]) == (False, True, "B2") and writes(r.log) == [OFF, ON]


def test_a_signal_while_the_timeout_is_put_back_waits():
    faults = ["write@*/timeout_ctrl:3=delay:1000"]
    s = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null", faults=faults)
    s.sh("(trap - TERM; exec cxl set-timeout root0 off --while -- touch $SCRATCH/ran) & until [ -e $SCRATCH/ran ]; do sleep 0.01; done; "
         f"{IN_WRITE}; kill -TERM $!; wait $!; echo status $?").cxl("list", "--isolation")
    r, last = s.run()
    assert r.text == "status 143\n"
    assert control(last.root_ports()[RP]["control"]) == (False, True, "B2") and writes(r.log) == [OFF, ON]


def test_the_kernels_attributes_say_the_same():
    s = Session("direct1", before="cxl set-timeout root0 B2 >/dev/null").sh("cxl set-timeout root0 off --while -- true").sh(CAT)
    assert attributes(s.run()[1])[RP] == {"isolation_ctrl": "0", "timeout_ctrl": "1", "timeout_range": "B2"}
