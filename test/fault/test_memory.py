# SPDX-License-Identifier: GPL-2.0-only
"""The n-th allocation of a run fails, or it and all after it, whoever makes it: the exit status tells what was done.

Never a signal, half an output or a word less than before with status 0.  A fixed
sample by default; every allocation with CXL_FAULTS=all (`scripts/test --full`).
"""
import collections
import json
import subprocess

import pytest

from lib import processors
from lib.cli import BUILD, CLEAN, CXL, DAXCTL, EVERYTHING as ALL
from test_fault_loop import run_all, run_cases

pytestmark = [pytest.mark.sweep, pytest.mark.long]

LIBRARY = BUILD / "test" / "unit" / "failalloc.so"
# of the sample: this many allocations of each run, in each way
READERS, CHANGES = 16, 4
CAPTURE = "direct1-6.12-devdax"


def sample(total, wanted):
    """Of 1 to TOTAL: all, or WANTED of them, the first among them."""
    step = 1 if ALL else max(1, total // wanted)
    return range(1, total + 1, step)


def short_of_memory(argv, at, count=None):
    env = {**CLEAN, "LD_PRELOAD": str(LIBRARY), "FAILALLOC_PROGRAM": argv[0].name, **({"FAILALLOC": at} if at else {}),
           **({"FAILALLOC_COUNT": str(count)} if count else {})}
    p = subprocess.run([str(a) for a in argv], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    return p.returncode, p.stdout, p.stderr


def problem_of(whole, rc, out, err):
    if rc < 0:
        return f"ended by signal {-rc}: {err[-300:]}"
    if (rc, out) == whole:
        return None
    if rc != 4 and not (rc and rc == whole[0]):     # a verdict that was reached stays, without its records
        return f"status {rc} of an answer that is not whole: {err[-300:]}"
    if "memory" not in err:
        return f"not said: {err[-300:]}"
    if out and all(line.startswith("info: ") for line in out.splitlines()):  # text: what was found out before, without a record
        return None
    if out.startswith("# HELP"):
        return None if f"\ncxl_isolation_exit_status {rc}\n" in out else "another status in the metrics"
    if out.startswith("digraph "):      # an error has a graph of nothing
        return None if out.endswith("];\n}\n") and out.count("\n") == 4 else "half a graph"
    try:
        return None if not out or json.loads(out)["exit_status"] == rc else "another status in the output"
    except ValueError as e:
        return f"half an output: {e}"


@pytest.mark.parametrize("argv", [
    [CXL, "list", "--isolation"], [CXL, "list", "--isolation", "-u"], [CXL, "isolation-status", "--check", "--impact"], [CXL, "isolation-status", "-x"],
    [CXL, "isolation-status", "--check", "--impact", "--format=human"], [CXL, "list", "--isolation", "--format=table"],
    [CXL, "isolation-status", "--format=prometheus"], [CXL, "list", "--isolation", "--format=dot"],
    [CXL, "check-soft-reserved"], [DAXCTL, "list", "--isolation"]], ids=lambda a: " ".join(map(str, a[1:])) + f" ({a[0].name})")
def test_what_is_read_is_whole_or_refused(captures, tmp_path, capsys, argv):
    argv = [*argv, f"--sysroot={captures[CAPTURE]}"]
    rc, out, _ = short_of_memory(argv, None, tmp_path / "count")
    total = int((tmp_path / "count").read_text())
    cases = [f"{n}{on}" for n in sample(total, READERS) for on in ("", "+")]
    with processors.pool() as pool:
        problems = [(at, p) for at, p in zip(cases, pool.map(lambda at: problem_of((rc, out), *short_of_memory(argv, at)), cases)) if p]
    with capsys.disabled():
        print(f"\n{' '.join(str(a) for a in argv[1:-1])}: {total} allocations, {len(cases)} cases")
    assert rc in (0, 1) and total > 50 and not problems, problems[:10]


@pytest.mark.parametrize("scenario,host", [("enable-isolation", "interleave2"), ("set-timeout", "interleave2"), ("recover-port", "direct1"),
                                           ("recover-port", "vms1"), ("prepare-isolation", "sysram1")])
def test_what_is_changed_is_done_put_back_or_resumable(scenario, host, capsys, monkeypatch):
    monkeypatch.setitem(CLEAN, "FAILALLOC_LIBRARY", str(LIBRARY))
    total = run_cases(scenario, host, [["alloc", 1, "count"]])[0]["count"]
    cases = [["alloc", n, how] for n in sample(total, CHANGES) for how in ("once", "on")]
    results = run_all(scenario, host, cases)
    outcomes = collections.Counter(r["outcome"] for r in results)
    with capsys.disabled():
        print(f"\n{scenario} on {host}: {total} allocations, {len(results)} cases: " + ", ".join(f"{n} {o}" for o, n in sorted(outcomes.items())))
    problems = [f"{r['n']} {r['action']}: {r['outcome']}: {r['problem']}" for r in results if r["problem"]]
    assert sum(r["fired"] for r in results) > len(cases) // 2
    assert total > 100 and len(results) == len(cases) and not problems, "\n".join([f"{len(problems)} problems", *problems[:10]])
