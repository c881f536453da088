#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run every cmocka program of a build directory, and write what they report as JUnit XML.

usage: rununit.py BUILD_DIR RESULT.xml [PATTERN]

Each cmocka test counts as one.  A program that crashes, hangs, or reports
fewer tests than it announced is a failed test of its own.
"""
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

TIMEOUT = 120
# What was left out is "not ok 2 # SKIP name" to cmocka 1.1.5, "ok 2 ..." to later ones.
LINE = re.compile(r"^(not )?ok \d+ (?:- (?!#))?(# SKIP )?(\S+)( # SKIP)?")


def clean(text):
    """Text that XML can hold."""
    return "".join(c if c in "\t\n" or ord(c) >= 32 else "?" for c in text)


def run(program):
    """[(name, state, detail)] of one program; state: passed, failed, skipped."""
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT="TAP")
    try:
        p = subprocess.run([program], env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
        out, err, status = p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace"), p.returncode
        ended = f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
    except subprocess.TimeoutExpired as e:
        out, err, status = (e.stdout or b"").decode(errors="replace"), (e.stderr or b"").decode(errors="replace"), 1
        ended = f"still running after {TIMEOUT} s"
    cases, planned = [], None
    for line in out.splitlines():
        if re.fullmatch(r"1\.\.\d+", line):
            planned = int(line[3:])
        found = LINE.match(line)
        if found:
            bad, skip, name, skip_at_end = found.groups()
            state = "skipped" if skip or skip_at_end else "failed" if bad else "passed"
            cases.append((name, state, out + err if state == "failed" else "what it needs is not here"))
    failed = any(state == "failed" for _, state, _ in cases)
    if planned is None or len(cases) != planned or (status != 0 and not failed):
        cases.append(("(the program)", "failed", f"{ended} after {len(cases)} of {planned or 'an unknown number of'} tests\n{out}{err}"))
    return cases


def main():
    build, result = pathlib.Path(sys.argv[1]), sys.argv[2]
    pattern = sys.argv[3] if len(sys.argv) > 3 else ""
    suite = ET.Element("testsuite", name="unit")
    for program in sorted(build.glob("test/unit/test_*")):
        if not program.is_file() or not os.access(program, os.X_OK):
            continue
        for name, state, detail in run(program):
            if pattern and pattern not in f"{program.name}::{name}":
                continue
            case = ET.SubElement(suite, "testcase", classname=program.name, name=name)
            if state != "passed":
                ET.SubElement(case, "failure" if state == "failed" else "skipped", message=clean(detail.strip().split("\n")[0])).text = clean(detail)
    ET.ElementTree(suite).write(result)


if __name__ == "__main__":
    main()
