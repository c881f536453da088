# SPDX-License-Identifier: GPL-2.0-only
"""The speed that is promised: against the distribution's `cxl list` on the same tree, in the same run."""
import statistics

import pytest

from lib import bench, oracle


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    reason = oracle.why_not()
    if reason:
        pytest.skip(reason)
    work = tmp_path_factory.mktemp("bench")
    found = {n: bench.measure(work, n, runs=15 if n == 256 else 5) for n in (4, 64, 256, 1024)}
    print(bench.table(found))
    return found


def test_a_sixth_of_the_system_calls_at_256_memdevs(results):
    ours, theirs = (results[256][k]["calls"] for k in ("ours", "theirs"))
    assert ours * 6 <= theirs, bench.table(results)


def test_a_fifth_of_the_time_at_256_memdevs(results):
    """The median of 15 paired runs.  Counts are exact, time is not: starting a process (1 to 3 ms here, the same for
    both) and a loaded machine move the ratio by some hundredths, so a fifth passes up to 0.23."""
    ratios = [o / t for o, t in zip(results[256]["ours"]["ms"], results[256]["theirs"]["ms"])]
    assert statistics.median(ratios) <= 0.23, f"{statistics.median(ratios):.3f}\n" + bench.table(results)


def test_system_calls_grow_linearly(results):
    """Each memdev costs the same among 1024 as among 64."""
    per_memdev = (results[64]["ours"]["calls"] - results[4]["ours"]["calls"]) / 60
    assert results[1024]["ours"]["calls"] <= results[4]["ours"]["calls"] + 1020 * per_memdev * 1.1, bench.table(results)


def test_time_grows_linearly(results):
    """Four times the memdevs take about four times as long, not sixteen; the margin is for noise."""
    assert bench.median(results[1024], "ours") <= 4 * bench.median(results[256], "ours") * 1.6, bench.table(results)


def test_it_stays_near_the_floor(results):
    """Not many more calls than reading the same files takes with no thought at all."""
    assert results[256]["ours"]["calls"] <= results[256]["floor"]["calls"] * 1.15, bench.table(results)
