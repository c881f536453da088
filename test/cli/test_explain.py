# SPDX-License-Identifier: GPL-2.0-only
"""cxl explain: the table of checks, the same that every other command draws on."""
import json
import re

import pytest

from conftest import CAPTURE_NAMES
from lib.cli import run, run_cxl, CXL

REQUIRED = {  # id: (severity, caps at), as the design has them
    "ISO-CAP": ("cannot", "none"), "ISO-ABI": ("cannot", "none"), "ISO-ISOLATED": ("unsafe", "none"), "ISO-LINK": ("unsafe", "none"),
    "ISO-MEM-ONLINE": ("unsafe", "debug"), "ISO-INTERLEAVE": ("unsafe", "debug"), "ISO-DRIVER-PANIC": ("limit", "debug"),
}


@pytest.fixture(scope="module")
def table():
    r = run_cxl(["explain", "--format=json"])
    assert r.rc == 0 and r.err == ""
    return {c["id"]: c for c in r.json["checks"]}


def test_the_table_has_every_check_once(table):
    r = run_cxl(["explain", "--format=json"])
    ids = [c["id"] for c in r.json["checks"]]
    assert len(ids) == len(set(ids))
    for check, (severity, cap) in REQUIRED.items():
        assert (table[check]["severity"], table[check]["caps_at"]) == (severity, cap)


def test_each_check_says_why_and_what_to_do(table):
    for c in table.values():
        assert len(c["why"]) > 60, c
        assert len(c["remedy"]) > 20, c


def test_one_check_is_the_tables_entry(table):
    for check in table:
        r = run_cxl(["explain", "--format=json", check])
        assert r.rc == 0 and r.json["checks"] == [table[check]]


def test_several_checks_come_in_the_order_asked(table):
    r = run_cxl(["explain", "--format=json", "ISO-LINK", "ISO-CAP"])
    assert [c["id"] for c in r.json["checks"]] == ["ISO-LINK", "ISO-CAP"]
    assert run_cxl(["explain", "--format=json", "iso-link", "Iso-Cap"]).json["checks"] == r.json["checks"]


@pytest.mark.parametrize("bad", ["", "ISO", "iso_cap", "ISO-CAP ", "ISO-NONE", "../x", "A" * 10000, "\x1b[31m", "%s%n"], ids=lambda t: repr(t[:12]))
def test_an_unknown_check_is_an_error(bad):
    r = run_cxl(["explain", "--format=json", bad])
    assert r.rc == 2 and r.json["checks"] == []
    assert re.search(r"is not a check(; 'cxl explain' lists them|: did you mean ISO-[A-Z0-9-]+\? 'cxl explain' lists them)$", r.err)
    assert len(r.err) < 200 and "\x1b" not in r.err


@pytest.mark.parametrize("typed,meant", [("ISO-AER-MASK", "ISO-MEMMAP"), ("iso_cap", "ISO-CAP"), ("ISO-INTERLEAVED", "ISO-INTERLEAVE"), ("ISO-FW", "ISO-FW-OWNED")])
def test_the_nearest_check_is_named(typed, meant):
    r = run_cxl(["explain", typed])
    assert (r.rc, r.out, r.err) == (2, b"", f"cxl explain: '{typed}' is not a check: did you mean {meant}? 'cxl explain' lists them\n")


def test_one_unknown_check_among_known_ones_is_exit_2():
    assert run_cxl(["explain", "ISO-CAP", "ISO-NONE"]).rc == 2


def test_text_is_the_default_and_holds_the_words(table):
    for args in ([], ["--format=human"]):
        r = run_cxl(["explain", "ISO-INTERLEAVE", *args])
        assert r.rc == 0 and "{" not in r.text and r.err == ""
        for key in ("id", "title", "why", "remedy", "caps_at"):
            assert table["ISO-INTERLEAVE"][key] in r.text
    assert json.loads(run_cxl(["explain", "ISO-INTERLEAVE", "-u"]).text)["checks"] == [table["ISO-INTERLEAVE"]]


def test_without_an_id_each_check_has_a_line(table):
    r = run_cxl(["explain"])
    for check, c in table.items():
        assert f"  {check}: {c['title']}\n" in r.text, check
    assert r.rc == 0 and "{" not in r.text and r.text.endswith("'cxl explain ID' says why, and what to do.\n")


def test_the_table_has_a_row_per_check(table):
    r = run_cxl(["explain", "--format=table"], json_expected=False)
    head, *rows = r.text.splitlines()
    assert r.rc == 0 and head.split() == ["CHECK", "SEVERITY", "CAPS", "AT", "WHAT"]
    assert [row.split()[:3] for row in rows] == [[c["id"], c["severity"], c["caps_at"] or "-"] for c in table.values()]
    assert all(row.endswith(c["title"]) for row, c in zip(rows, table.values()))


def test_a_full_disk_is_an_error():
    with open("/dev/full", "wb") as full:
        r = run([CXL, "explain"], stdout=full)
    assert r.rc not in (0, 1, 2) and "No space left" in r.err, str(r)


def test_every_id_in_any_listing_is_in_the_table(table, captures):
    seen = set()
    for name in CAPTURE_NAMES:
        r = run_cxl(["list", "--isolation"], sysroot=captures[name])
        for rp in r.root_ports().values():
            for key, severities in (("blockers", ("cannot", "unsafe")), ("limits", ("limit",)), ("notes", ("note",))):
                for check in rp[key]:
                    # what only blocks when it is known to fail is a limit where it cannot be told
                    assert table[check]["severity"] in severities or (key == "limits" and table[check]["if_unknown"] == "caps")
                    seen.add(check)
    assert {"ISO-ABI", "ISO-MEM-ONLINE"} <= seen
