#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Man page parts out of the programs' own tables, so that they cannot drift.

  gen.py options PROGRAM COMMAND...   the OPTIONS of a command, from its --help
  gen.py checks PROGRAM               the table of checks, from `cxl explain`
"""
import json
import re
import subprocess
import sys


def options(program, command):
    text = subprocess.run([program, *command, "--help"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    entry = None
    for line in text.split("\nOptions:\n", 1)[1].splitlines():
        m = re.match(r"\s+((?:-\w, )?--\S+)(?:\s+(.*))?$", line)
        if m:
            entry = m.group(1)
            print(f"`{entry}`::")
            help_text = m.group(2)
        else:
            help_text = line.strip()
        if help_text:
            print(f"  {help_text}\n")


def checks(program):
    text = subprocess.run([program, "explain"], check=True, text=True, stdout=subprocess.PIPE).stdout
    for c in json.loads(text)["checks"]:
        cap = f"caps containment at `{c['caps_at']}`" if c["caps_at"] else "does not cap containment"
        print(f"{c['id']} ({c['severity']}, {cap}):: {c['title']}.\n+\n{c['why']}\n+\nRemedy: {c['remedy']}\n")


if sys.argv[1] == "options":
    options(sys.argv[2], sys.argv[3:])
else:
    checks(sys.argv[2])
