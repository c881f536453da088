# SPDX-License-Identifier: GPL-2.0-only
"""Every operation of a run goes wrong in every way: afterwards it is finished, as before, or resumable and then finished.

A fixed sample by default; all of it with CXL_FAULTS=all (`scripts/test --full`).
"""
import collections
import json
import os
import pathlib
import random
import subprocess
import tempfile

import pytest

from lib import processors
from lib.cli import CLEAN, CXL, DAXCTL, EVERYTHING as ALL, SIM, host_file

pytestmark = [pytest.mark.sweep, pytest.mark.long]

DRIVER = pathlib.Path(__file__).with_name("driver.py")
ACTIONS = [("any", a) for a in ("EIO", "EBUSY", "ENODEV", "EACCES", "EINTR", "kill-before", "kill-after", "vanish")]
ACTIONS += [("read", "short"), ("write", "short")]
# of the sample: every SAMPLE-th operation, another one for each action; on more hosts every THIN-th
SAMPLE, THIN = 877, 2221
CHUNK = 24


def run_cases(scenario, host, cases):
    """Results of CASES, in as many runs of the simulated host as it takes."""
    results = []
    while cases:
        with tempfile.TemporaryDirectory(prefix="cxl-fault-") as tmp:
            d = pathlib.Path(tmp)
            (d / "state").mkdir()
            (d / "log").touch()
            env = {**CLEAN, "PATH": f"{CXL.parent}:{DAXCTL.parent}:{SIM.parent}:{CLEAN['PATH']}", "CXL_STATE_DIR": str(d / "state")}
            p = subprocess.run([SIM, "run", "--host", host, "--log", d / "log", "--", "/usr/bin/python3", DRIVER, scenario, d / "log",
                                d / "state"], input=json.dumps(cases), capture_output=True, text=True, env=env, check=False, timeout=1800)
        done = [json.loads(line) for line in p.stdout.splitlines()]
        if p.returncode and not (done and done[-1]["problem"]):
            n = len(done)
            done.append({"kind": "-", "n": cases[min(n, len(cases) - 1)][1], "action": cases[min(n, len(cases) - 1)][2], "fired": True,
                         "path": None, "op": None, "rc": None, "outcome": "host", "problem": f"the run ended with {p.returncode}: {p.stderr[-900:]}"})
        results += done
        cases = cases[len(done):]
        if not done:
            break
    return results


def run_all(scenario, host, cases):
    """As run_cases(), with every processor."""
    with processors.pool() as pool:
        return [r for some in pool.map(lambda i: run_cases(scenario, host, cases[i:i + CHUNK]), range(0, len(cases), CHUNK)) for r in some]


def operations(scenario, host, kind):
    """How many operations of that kind a run without faults makes."""
    low, high = 1, 4096
    while low < high:   # the first that strikes no more
        middle = (low + high) // 2
        fired = run_cases(scenario, host, [[kind, middle, "delay:0"]])[0]["fired"]
        low, high = (middle + 1, high) if fired else (low, middle)
    return low - 1


def sweep(scenario, host, sample):
    total = {kind: operations(scenario, host, kind) for kind in ("any", "read", "write")}
    cases = []
    for i, (kind, action) in enumerate(ACTIONS):
        step = 1 if ALL else sample if kind == "any" else sample // 4
        cases += [[kind, n, action] for n in range(1 if ALL else 1 + i * 5 % step, total[kind] + 1, step)]
    return total["any"], run_all(scenario, host, cases)


@pytest.mark.parametrize("scenario,host,sample", [
    ("recover-port", "direct1", SAMPLE), ("recover-port", "interleave2", SAMPLE), ("enable-isolation", "direct1", SAMPLE),
    ("enable-isolation", "interleave2", SAMPLE), ("disable-isolation", "interleave2", SAMPLE), ("set-timeout", "interleave2", SAMPLE),
    ("prepare-isolation", "sysram1", SAMPLE), ("prepare-ram", "sysram1", SAMPLE), ("prepare-layout", "vms1", 29), ("recover-port", "vms1", THIN),
    # below a switch, without a way but the reset of the bus, a region of four
    ("recover-port", "switch4", THIN), ("recover-port", "masked1", THIN), ("recover-port", "direct2x2-6.12-x4-devdax", THIN)])
def test_whatever_goes_wrong_it_is_finished_as_before_or_resumable(scenario, host, sample, tmp_path, capsys):
    total, results = sweep(scenario, host_file(tmp_path, host) if "-6.12-" in host else host, sample)
    struck = [r for r in results if r["fired"]]
    outcomes = collections.Counter(r["outcome"] for r in struck)
    with capsys.disabled():
        print(f"\n{scenario} on {host}: {total} operations, {len(struck)} cases: "
              + ", ".join(f"{n} {o}" for o, n in sorted(outcomes.items())))
    if out := os.environ.get("CXL_FAULTS_REPORT"):
        with open(out, "a", encoding="utf-8") as f:
            for r in results:
                f.write(json.dumps({"scenario": scenario, "host": host, **r}) + "\n")
    problems = [r for r in results if r["problem"]]
    shown = "\n".join(f"{r['kind']}:{r['n']}={r['action']} ({r['op']} {r['path']}): {r['outcome']}: {r['problem']}" for r in problems[:10])
    assert not problems, f"{len(problems)} of {len(results)} cases:\n{shown}"
    assert len(struck) > len(ACTIONS) * total // sample // 2


@pytest.mark.parametrize("scenario,host", [("recover-port", "direct1"), ("enable-isolation", "interleave2"), ("prepare-isolation", "sysram1"), ("prepare-ram", "sysram1")])
def test_a_second_fault_on_the_way_back_is_survived_as_well(scenario, host, capsys):
    """Pairs drawn from a seed: one fault, and another one soon after it, where the first is being dealt with."""
    rng, total = random.Random(f"{scenario} {host}"), operations(scenario, host, "any")
    errors = ["EIO", "EBUSY", "ENODEV", "EACCES", "EINTR"]
    cases = [["any", rng.randrange(1, total), f"{rng.choice(errors)} +{rng.randrange(1, 60)}={rng.choice([*errors, 'kill-after'])}"]
             for _ in range(1000 if ALL else 40)]
    results = run_all(scenario, host, cases)
    with capsys.disabled():
        print(f"\n{scenario} on {host}, two faults: " + ", ".join(f"{n} {o}" for o, n in sorted(collections.Counter(r["outcome"] for r in results).items())))
    problems = [f"{r['n']}={r['action']} ({r['op']} {r['path']}): {r['outcome']}: {r['problem']}" for r in results if r["problem"]]
    assert len(results) == len(cases) and not problems, "\n".join([f"{len(problems)} problems", *problems[:10]])
    assert sum(r["fired"] for r in results) > len(cases) // 2
