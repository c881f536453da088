#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Man page parts out of the programs' own tables, so that they cannot drift.

  gen.py options PROGRAM COMMAND...   the OPTIONS of a command, from its --help
  gen.py checks PROGRAM               the table of checks, from `cxl explain --format=json`
  gen.py page ASCIIDOCTOR...          the page that it prints, without what linters of pages find
"""
import json
import re
import subprocess
import sys


def options(program, command):
    text = subprocess.run([program, *command, "--help"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    for entry, help_text in re.findall(r"^\s+((?:-\w, )?--\S+)(.*(?:\n {20,}.*)*)", text.split("\nOptions:\n", 1)[1], re.M):
        print(f"`{entry}`::\n  {' '.join(help_text.split())}\n")


def what_is_capped(check):
    """Of a check that caps some causes only: those."""
    causes = check["causes"]
    return "containment" if len(causes) == 4 else "`" + "`, `".join(causes) + "`"


def unknown(check):
    """What it does when it cannot be told."""
    cap = f", and caps at `{check['unknown_caps_at']}`" if check["unknown_caps_at"] else ""
    text = {"blocks": f"it counts as failed{cap}", "caps": f"it caps at `{check['unknown_caps_at']}` and forbids nothing",
            "passes": f"it passes: {check['unknown_why']}"}.get(check["if_unknown"])
    return f"+\nWhere it cannot be told {text}.\n" if text else ""


def checks(program):
    text = subprocess.run([program, "explain", "--format=json"], check=True, text=True, stdout=subprocess.PIPE).stdout
    for c in json.loads(text)["checks"]:
        cap = f"caps {what_is_capped(c)} at `{c['caps_at']}`" if c["caps_at"] else "does not cap containment"
        print(f"{c['id']} ({c['severity']}, {cap}):: {c['title']}.\n+\n{c['why']}\n+\nRemedy: {c['remedy']}\n{unknown(c)}")


def wrapped(line):
    """A line of text in lines of up to 80 bytes, cut at blanks: the formatter fills them again."""
    out, words = [""], line.split(" ")
    for word in words:
        # a request begins with a control character, and a sentence's end is followed by two blanks or a line's end
        if out[-1] and len(f"{out[-1]} {word}".encode()) > 80 and word[:1] not in (".", "'", ""):
            out.append(word)
        else:
            out[-1] = f"{out[-1]} {word}" if out[-1] or out == [""] and word != words[0] else word
    return "\n".join(out)


def page(argv):
    text = subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE).stdout
    # macros for links, which there are none of here, and which not every formatter knows
    text = re.sub(r"^\.de URL\n.*?^\.\\}\n", "", text, flags=re.M | re.S)
    # space before the first paragraph of a section, and in cells of a table, which nothing shows
    text = re.sub(r"^(\.S[HS] .*\n)\.sp\n", r"\1", text, flags=re.M)
    parts = re.split(r"(^\.(?:nf|TS)\n.*?^\.(?:fi|TE)\n)", text, flags=re.M | re.S)
    for i, part in enumerate(parts):
        if part.startswith(".TS"):
            parts[i] = part.replace("T{\n.sp\n", "T{\n")
        elif not part.startswith(".nf"):
            parts[i] = "\n".join(line if line[:1] in (".", "'") else wrapped(line) for line in part.split("\n"))
    sys.stdout.write("".join(parts))


if sys.argv[1] == "options":
    options(sys.argv[2], sys.argv[3:])
elif sys.argv[1] == "page":
    page(sys.argv[2:])
else:
    checks(sys.argv[2])
