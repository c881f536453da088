#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sum up JUnit XML files: a line a suite, every failure in full, the skips with their reasons.

usage: summary.py [--allow-empty] NAME=RESULT.xml...

The last line is `N passed, N failed`, with `, N skipped` where there are skips.
A file that is missing or cannot be read, and a suite that ran no test, count as
a failure (the latter not with --allow-empty, when a pattern chose the tests).
Exit status 1 when anything failed.
"""
import os
import sys
import xml.etree.ElementTree as ET


def read(path):
    """(passed, [(name, text)] of failures, [(name, reason)] of skips, seconds)."""
    passed, failures, skips, seconds = 0, [], [], 0.0
    for case in ET.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        seconds += float(case.get("time") or 0)
        bad = [e for e in case if e.tag in ("failure", "error")]
        skip = case.find("skipped")
        if bad:
            output = "".join(f"\n{e.tag}:\n{e.text}" for e in case if e.tag in ("system-out", "system-err") and e.text)
            failures.append((name, "\n".join(e.text or e.get("message") or "" for e in bad) + output))
        elif skip is not None:
            skips.append((name, skip.get("message") or skip.text or "no reason given"))
        else:
            passed += 1
    return passed, failures, skips, seconds


def main(argv):
    allow_empty = "--allow-empty" in argv
    total, failed, skipped = 0, [], []
    for item in (a for a in argv if not a.startswith("--")):
        suite, path = item.split("=", 1)
        try:
            passed, failures, skips, seconds = read(path)
        except (OSError, ET.ParseError) as e:
            passed, failures, skips, seconds = 0, [("(the suite)", f"no result: {e}: it crashed or never ran")], [], 0.0
        if not passed and not failures and not allow_empty:
            failures = [("(the suite)", "it ran no test")]
        if passed or failures or skips:
            print(f"{suite:24} {passed:5} passed {len(failures):4} failed {len(skips):4} skipped"
                  + (f" {seconds:7.1f} s" if seconds else ""))
        total += passed
        failed += [(suite, *f) for f in failures]
        skipped += [(suite, *s) for s in skips]
    if allow_empty and not total and not failed:
        print("no test matches")
        return 2
    for suite, name, text in failed:
        print(f"\n--- FAILED {suite}: {name}\n{text.rstrip()}")
    if skipped:
        print("\nskipped:")
        reasons = {}
        for suite, name, reason in skipped:
            reasons.setdefault(reason.strip(), []).append(f"{suite}: {name}")
        for reason, names in reasons.items():
            print(f"  {reason}: {', '.join(names[:4])}" + (f" and {len(names) - 4} more" if len(names) > 4 else ""))
    sys.stdout.flush()
    print(f"{total} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    # Written by a build that an unwritable log must not make green.
    status = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(status)
