# SPDX-License-Identifier: GPL-2.0-only
"""What long work is at: one line on a terminal, gone at the end; nothing in a pipe unless asked for."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from lib import cli
from lib.cli import CXL, DAXCTL, SIM, Session, run

PORT = "0000:0c:00.0"
ERASE = "\r\x1b[K"
ENV = {**cli.CLEAN, "PATH": f"{CXL.parent}:{DAXCTL.parent}:{SIM.parent}:{cli.CLEAN['PATH']}"}
FAIL = f"cxl enable-isolation root0 >/dev/null; cxl-sim ctl link-down {PORT} >/dev/null; "
STRANDED = "cxl check-soft-reserved --settle=500ms"
COMMANDS = {"recover": ("direct1", FAIL, f"cxl recover-port {PORT}", 0), "prepare": ("sysram1", "", "daxctl prepare-isolation", 0),
            "layout": ("direct1", "", "daxctl prepare-isolation --split=a:128MiB,b:rest region0", 0),
            "settle": ("stranded1", "", STRANDED, 1)}


def on_terminal(host, before, command, columns=80, term="xterm"):
    """(exit status, what standard error, a terminal, was given)"""
    outside, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([SIM, "run", "--host", host, "--", "sh", "-c", f"{before}{command} >/dev/null"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=inside, env={**ENV, "TERM": term}) as p:
        os.close(inside)
        text = b""
        while True:
            try:
                more = os.read(outside, 65536)
            except OSError:     # nobody has it open any more
                break
            if not more:
                break
            text += more
    os.close(outside)
    return p.returncode, text.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_is_written_over_and_gone_at_the_end(name):
    host, before, command, status = COMMANDS[name]
    rc, text = on_terminal(host, before, command)
    assert rc == status and text.startswith(ERASE), text
    shown = text.split(ERASE)
    said = [s for s in shown[1:-1] if s]
    assert said and all("\n" not in s and len(s) <= 79 for s in said), text
    # the last thing that progress writes erases its line: messages stand by themselves
    assert "..." not in shown[-1] and all("..." in s for s in said), text
    assert status or not shown[-1], text


def test_a_narrow_terminal_has_one_line_and_a_dumb_one_none():
    host, before, command, _ = COMMANDS["recover"]
    rc, text = on_terminal(host, before, command, columns=20)
    assert rc == 0 and max(len(s) for s in text.split(ERASE)) == 19, text
    assert on_terminal(host, before, command, term="dumb") == (0, "")
    assert on_terminal(host, before, f"{command} --progress=none") == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_in_a_pipe_there_is_nothing_unless_asked_for(name):
    host, before, command, status = COMMANDS[name]
    shell = "({}) 2>$SCRATCH/err >/dev/null; rc=$?; grep '[.][.][.]' $SCRATCH/err; exit $rc"
    silent, = Session(host).sh(before + shell.format(command)).run()
    lines, = Session(host).sh(before + shell.format(f"{command} --progress=lines")).run()
    assert silent.rc == lines.rc == status and silent.text == "" and "\x1b" not in lines.text and "\r" not in lines.text, f"{silent}{lines}"
    if name == "recover":
        plan = re.findall(r"^\[(\d+)/(\d+)\] .* \.\.\. (?:done|already so) \d+\.\d s$", lines.text, re.M)
        assert len(plan) == len(lines.text.splitlines()) and [int(a) for a, _ in plan] == list(range(1, int(plan[0][1]) + 1)), lines.text
    else:
        assert lines.text and all(line.endswith("...") for line in lines.text.splitlines()), lines.text


def test_memory_blocks_are_counted():
    r, = Session("sysram1").daxctl("prepare-isolation", "--progress=lines").run()
    blocks = [line for line in r.err.splitlines() if "memory block" in line]
    assert blocks[0].startswith("0 of ") and len(blocks) == int(blocks[0].split()[2]) and [int(b.split()[0]) for b in blocks] == list(range(len(blocks))), str(r)


@pytest.mark.parametrize("args, ways", [([CXL, "recover-port", PORT], "auto, lines, json or none"), ([DAXCTL, "prepare-isolation"], "auto, lines or none"),
                                        ([CXL, "check-soft-reserved"], "auto, lines or none")])
def test_another_way_is_refused_with_those_there_are(args, ways):
    r = run([*args, "--progress=bar"])
    assert r.rc == 2 and "'bar' is not a kind of progress" in r.err and f"use {ways}" in r.err, str(r)
    assert json.loads(r.out)["exit_status"] == 2
