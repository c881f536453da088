#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The machine's own package sources, for another suite.

usage: sources.py SUITE DIR

Reads /etc/apt and writes DIR/0.sources, DIR/1.sources, ...: one candidate each,
a source of the distribution with nothing changed but the suite.  Which of them
really has the suite is for apt to find out.  Exit status 1 when there is none.
"""
import pathlib
import re
import sys

APT = pathlib.Path("/etc/apt")
ROLLING = {"stable", "oldstable", "testing", "unstable", "sid"}


def codename():
    text = pathlib.Path("/etc/os-release").read_text()
    found = re.search(r'^VERSION_CODENAME="?(\w+)', text, re.M)
    return found[1] if found else None


def stanzas(text):
    """Deb822: a dict a stanza; continuation lines (inline keys) are kept."""
    for block in re.split(r"\n\s*\n", text):
        fields, last = {}, None
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and last:
                fields[last] += "\n" + line
            elif ":" in line:
                last, value = line.split(":", 1)
                last = last.strip().lower()
                fields[last] = value.strip()
        if fields:
            yield fields


def one_line(text):
    """`deb [option=value ...] URI suite component...`"""
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if not found:
            continue
        fields = {"types": "deb", "uris": found[2], "suites": found[3], "components": found[4].strip()}
        for option in (found[1] or "").split():
            key, _, value = option.partition("=")
            fields[{"arch": "architectures"}.get(key.lower(), key.lower())] = value.replace(",", " ")
        yield fields


def configured():
    for path in [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*.list"))]:
        if path.is_file():
            yield from one_line(path.read_text())
    for path in sorted((APT / "sources.list.d").glob("*.sources")):
        yield from stanzas(path.read_text())


def candidates(suite):
    seen = []
    for fields in configured():
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        if not set(fields.get("suites", "").split()) & (ROLLING | {codename()}) or "main" not in fields.get("components", "").split():
            continue
        if fields.get("uris", "").startswith("cdrom:"):
            continue
        changed = dict(fields, types="deb", suites=suite, components="main")
        changed.pop("architectures", None)
        if changed not in seen:
            seen.append(changed)
    return seen


def main():
    suite, out = sys.argv[1], pathlib.Path(sys.argv[2])
    found = candidates(suite)
    for i, fields in enumerate(found):
        (out / f"{i}.sources").write_text("".join(f"{k.title()}: {v}\n" for k, v in fields.items()))
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main())
