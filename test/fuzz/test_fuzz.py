# SPDX-License-Identifier: GPL-2.0-only
"""Parsers of foreign bytes and text: the corpus replayed, and, where the build has libFuzzer, fuzzed for a moment.

Fuzzing for long, which finds new inputs for the corpus: test/fuzz/run.
"""
import json
import os
import subprocess

import pytest

from lib import cli

PROGRAMS = cli.BUILD / "test" / "fuzz"
CORPUS = cli.ROOT / "test" / "fuzz" / "corpus"
NAMES = sorted(p.name for p in CORPUS.iterdir())
RUNS = 20000


def files(name):
    found = sorted((CORPUS / name).iterdir())
    assert len(found) >= 3
    return found


def start(argv, cwd):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False, cwd=cwd)
    assert p.returncode == 0 and "runtime error" not in p.stderr, f"{argv[0]}: exit status {p.returncode}\n{p.stderr[-3000:]}"
    return p


def test_every_fuzz_program_has_a_corpus():
    assert NAMES == sorted(p.stem.removeprefix("fuzz_") for p in (cli.ROOT / "test/fuzz").glob("fuzz_*.c"))


@pytest.mark.parametrize("name", NAMES)
def test_the_corpus_crashes_nothing(name, tmp_path):
    p = start([PROGRAMS / f"replay_{name}", *files(name)], tmp_path)
    assert p.stdout == f"{len(files(name))} files\n"


@pytest.mark.parametrize("name", NAMES)
def test_every_beginning_of_every_file_crashes_nothing(name, tmp_path):
    """A table that breaks off at any byte; text at every seventh."""
    cut = []
    for f in files(name)[:20]:
        data = f.read_bytes()[:400]
        for n in range(0, len(data), 1 if name in ("cedt", "srat", "cdat") else 7):
            cut.append(tmp_path / f"{len(cut)}")
            cut[-1].write_bytes(data[:n])
    start([PROGRAMS / f"replay_{name}", *cut], tmp_path)


def has_fuzzer():
    """Only clang has libFuzzer; a clang build without the programs is an error, not a reason to do less."""
    return "clang" in json.loads((cli.BUILD / "compile_commands.json").read_text())[0]["command"].split()[0]


if has_fuzzer():
    @pytest.mark.parametrize("name", NAMES)
    def test_a_moment_of_fuzzing_finds_no_crash(name, tmp_path):
        (tmp_path / "found").mkdir()
        p = start([PROGRAMS / f"fuzz_{name}", f"-runs={RUNS}", "-max_len=4096", "-print_final_stats=1", tmp_path / "found", CORPUS / name], tmp_path)
        assert f"stat::number_of_executed_units: {RUNS}" in p.stderr, p.stderr[-500:]
        assert not [f for f in os.listdir(tmp_path) if f.startswith(("crash-", "leak-", "timeout-", "oom-"))]
