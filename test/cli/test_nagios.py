# SPDX-License-Identifier: GPL-2.0-only
"""isolation-status --format=nagios: the line, its figures, and exit statuses that are Nagios'."""
import os
import re

import pytest

from lib import cli
from lib.cli import NOBODY, Session, run, run_cxl

RP = "0000:0c:00.0"
LINE = re.compile(r"CXL (OK|WARNING|CRITICAL|UNKNOWN): ([^|\n]+) \| ([^|\n]+)\n")
STATES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}


def check(r):
    """(state, text, figures) of what R printed: one line, whose state is the exit status."""
    found = LINE.fullmatch(r.text)
    assert found and len(r.text) < 1024 and STATES[found[1]] == r.rc, str(r)
    figures = dict(re.fullmatch(r"(\w+)=(\d+)(?:;[\d.]*){1,4}", word).groups() for word in found[3].split())
    return found[1], found[2], {k: int(v) for k, v in figures.items()}


def after(before, *args, host="direct1", kernel="v1-fixed", user=None):
    before = before and f"export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; {before} >/dev/null"
    r, = Session(host, kernel, before=before).cxl("isolation-status", "--format=nagios", *args, user=user).run()
    return check(r)


def test_a_port_without_a_problem_is_ok():
    state, text, figures = after("cxl enable-isolation --timeout=B2 root0")
    assert (state, text) == ("OK", "1 root port, none with a problem")
    assert figures == {"root_ports": 1, "isolated": 0, "problems": 0, "unknown": 0, "isolation_on": 1}


def test_a_problem_is_a_warning_with_or_without_x():
    for args in ([], ["-x"]):
        state, text, figures = after(None, *args, host="interleave2")
        assert state == "WARNING" and f"{RP} isolation-off" in text
        assert figures["problems"] > 0 and figures["isolation_on"] == 0 and figures["root_ports"] == 4


def test_what_is_isolated_is_critical_and_comes_first():
    state, text, figures = after(f"cxl enable-isolation all; cxl-sim ctl link-down {RP}", host="interleave2")
    assert state == "CRITICAL" and re.match(rf"{RP} isolated\b", text) and figures["isolated"] == 1


def test_what_is_asserted_and_does_not_hold_is_a_warning():
    state, text, _ = after("cxl enable-isolation --timeout=B2 root0", "--assert", "link.width=3")
    assert state == "WARNING" and "link.width" in text


@pytest.mark.skipif(os.geteuid(), reason="needs root to become somebody else")
def test_what_cannot_be_read_is_unknown():
    state, text, figures = after(None, host="sysram1", kernel="mainline", user=NOBODY)
    assert state == "UNKNOWN" and "unknown" in text and figures["unknown"] == 1


@pytest.mark.parametrize("args, words", [
    (["mem99"], "mem99"), (["--nonsense"], "--nonsense"), (["--nonsense", "--format", "nagios"], "--nonsense"), (["-o", "/dev/null"], "--output"),
    (["--monitor"], "--monitor"), (["-u"], "--human"), (["--assert", "no.such=1"], "no.such"), (["--sysroot=/nonexistent|x"], "/nonexistent/x")])
def test_every_error_of_the_command_is_unknown_and_has_a_line(captures, args, words):
    sysroot = [] if "sysroot" in args[0] else [f"--sysroot={captures['direct1-6.12-devdax']}"]
    state, text, figures = check(run([cli.CXL, "isolation-status", *sysroot, *([] if "nagios" in args else ["--format=nagios"]), *args]))
    assert state == "UNKNOWN" and words in text and figures["root_ports"] == 0


def test_a_host_without_cxl_is_unknown(captures):
    state, text, _ = check(run_cxl(["isolation-status", "--format=nagios"], sysroot=captures["none-6.12-noregion"]))
    assert state == "UNKNOWN" and "no CXL bus" in text


def test_an_output_that_cannot_be_written_is_unknown(captures):
    with open("/dev/full", "wb") as full:
        r = run([cli.CXL, "isolation-status", f"--sysroot={captures['direct1-6.12-devdax']}", "--format=nagios"], stdout=full)
    assert r.rc == 3 and "No space left on device" in r.err


def test_other_formats_and_commands_keep_their_exit_status(captures):
    d = captures["direct1-6.12-devdax"]
    assert run_cxl(["isolation-status", "mem99"], sysroot=d).rc == 2
    r = run([cli.CXL, "list", "--isolation", "--format=nagios", f"--sysroot={d}"])
    assert r.rc == 2 and r.text.startswith("{")
