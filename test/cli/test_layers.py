# SPDX-License-Identifier: GPL-2.0-only
"""The order of the rooms: who may use whom, and that nothing goes round in a circle.  docs/ARCHITECTURE.md says why."""
import json
import re

import pytest

from lib import callgraph
from lib.cli import BUILD, ROOT

# room: the rooms it may use; everybody may use util
LIB = {
    "util": set(),
    "lib/firmware": set(),
    "lib/model": {"lib/firmware"},
    "lib/iso": {"lib/model"},
    "lib/read": {"lib/model", "lib/iso", "lib/firmware"},
    "lib/soft": {"lib/model", "lib/read", "lib/firmware"},
    "lib/check": {"lib/model", "lib/iso"},
    "lib/txn": {"lib/model", "lib/iso", "lib/check"},
    "lib/plan": {"lib/model", "lib/iso", "lib/txn"},
    "lib/policy": {"lib/model", "lib/check", "lib/plan", "lib/read"},
    "lib/report": {"lib/model", "lib/iso", "lib/read", "lib/check", "lib/txn"},
    "lib/kept": {"lib/model", "lib/plan", "lib/policy", "lib/read", "lib/report", "lib/txn"},
    "lib/change": {"lib/model", "lib/iso", "lib/read", "lib/check", "lib/txn", "lib/plan", "lib/policy", "lib/kept"},
    "lib/recover": {"lib/model", "lib/iso", "lib/read", "lib/check", "lib/txn", "lib/plan", "lib/kept", "lib/change"},
    "lib/act": {"lib/model", "lib/iso", "lib/read", "lib/check", "lib/policy", "lib/report", "lib/kept"},
    "lib/prepare": {"lib/model", "lib/iso", "lib/read", "lib/check", "lib/txn", "lib/plan", "lib/policy", "lib/kept", "lib/change"},
}
COMMANDS = {room: set(LIB) for room in ("cxl", "daxctl")}
# each those before it: see sim/meson.build
ORDER = ["sim/state", "sim/models", "sim/host", "sim/server", "sim/run", "sim/cli"]
SIM = {room: set(ORDER[:i]) for i, room in enumerate(ORDER)}
ROOMS = {**LIB, **COMMANDS, **SIM}
PROGRAMS = [("lib", "util", "cxl"), ("lib", "util", "daxctl"), ("sim", "util")]
# pairs of files that may refer to each other, and why; never more than two in a circle
PAIRS = {
    ("lib/recover/recover_abandon.c", "lib/recover/recover_run.c"),     # giving up runs steps, and running may end in giving up
}
FILES = sorted(f for top in ("lib", "util", "cxl", "daxctl", "sim") for f in (ROOT / top).rglob("*.[ch]"))


def room(file):
    return str(file.relative_to(ROOT).parent)


@pytest.fixture(scope="module")
def graph():
    return callgraph.by_file(callgraph.graph(BUILD))


def wrong(uses):
    """Of [(room, room, what)], what is not allowed."""
    return [f"{a} uses {b}: {what}" for a, b, what in uses if a != b and b != "util" and b not in ROOMS[a]]


def test_a_stale_build_directory_is_named(tmp_path):
    command = {"directory": str(tmp_path), "file": "gone.c", "command": "cc -c gone.c"}
    (tmp_path / "compile_commands.json").write_text(json.dumps([command]))
    with pytest.raises(SystemExit, match="is of before .*/gone.c went away: type 'ninja -C "):
        callgraph.graph(tmp_path)
    (tmp_path / "gone.c").write_text("#include <not-there.h>\n")
    with pytest.raises(SystemExit, match="/gone.c does not compile with the flags of .*not-there.h"):
        callgraph.graph(tmp_path)


def test_every_room_has_its_place():
    assert {room(f) for f in FILES} == set(ROOMS)


def test_a_room_includes_what_is_below_it():
    includes = [(room(f), inc.rpartition("/")[0], f"{f.name} includes {inc}")
                for f in FILES for inc in re.findall(r'^#include "(.*?)"', f.read_text(), re.M) if inc != "config.h"]
    assert len(includes) > 500 and not wrong(includes), "\n".join(wrong(includes))


def test_a_room_calls_what_is_below_it(graph):
    _, why = graph
    calls = [(room(a), room(b), f"{a.name}: {names}") for (a, b), names in why.items()]
    assert len(calls) > 500 and not wrong(calls), "\n".join(wrong(calls))


def test_no_folders_in_a_circle(graph):
    folders = {}
    for file, others in graph[0].items():
        folders.setdefault(room(file), set()).update(room(o) for o in others)
    assert not callgraph.circles(folders)


def test_no_files_in_a_circle(graph):
    found = {tuple(str(f.relative_to(ROOT)) for f in group) for group in callgraph.circles(graph[0])}
    assert found == PAIRS


# what fills in a host while it is being read; to everybody else a snapshot is const
MAKERS = sorted((ROOT / "lib" / "read").glob("*.[ch]")) + [ROOT / "lib" / "kept" / f for f in ("kept_read.c", "kept_read.h")]


def test_nobody_but_its_readers_can_change_a_snapshot():
    """No parameter, member or cast that is not const, and no way to what readers have of their own."""
    way = re.compile(r"(?<!const )struct cxl_host \*+\w*\s*[,;)]|#include .*host_own\.h|->own->|\bOWN\(")
    others = {f: f.read_text() for f in FILES if f not in MAKERS}
    found = [f"{f.relative_to(ROOT)}: {m[0]}" for f, text in others.items() for m in way.finditer(text)]
    assert not found, "\n".join(found)
    assert sum("const struct cxl_host *" in text for text in others.values()) > 40


@pytest.mark.parametrize("tops", PROGRAMS)
def test_a_file_has_a_name_of_its_own_within_a_program(tops):
    seen = {}
    for f in FILES:
        if f.relative_to(ROOT).parts[0] in tops:
            seen.setdefault(f.name, []).append(str(f.relative_to(ROOT)))
    assert not {n: fs for n, fs in seen.items() if len(fs) > 1}


def test_a_header_is_about_one_thing():
    long = {str(f.relative_to(ROOT)): n for f in FILES if f.suffix == ".h" and (n := len(f.read_text().splitlines())) > HEADER_LINES.get(f.name, 150)}
    assert not long, long


# tables of what a user sees, one after the other
HEADER_LINES = {"check.h": 190}
