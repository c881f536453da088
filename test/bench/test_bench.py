# SPDX-License-Identifier: GPL-2.0-only
"""The speed that is promised: against the distribution's `cxl list` on the same tree, in the same run."""
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


def test_a_third_of_the_time_and_little_more_than_reading_at_256_memdevs(results, tmp_path):
    """By 15 runs of each in turn, the best of up to four such rounds: a busy machine only adds to the ratios.

    What reading the files costs differs between machines (0.19 to 0.24 of the distribution's time was seen for the bare
    loop alone), so what is added to it is bounded by itself: 0.03 to 0.10 of what the distribution's list adds."""
    def ratios(r):
        ours, theirs, floor = (bench.median(r, k) for k in ("ours", "theirs", "floor"))
        return (ours - floor) / (theirs - floor), ours / theirs
    rounds = [ratios(results[256])]
    while min(rounds)[0] > 0.1 and len(rounds) < 4:
        rounds.append(ratios(bench.measure(tmp_path, 256, runs=15, counted=[])))
    print("added to reading, and in all, by round:", " ".join(f"{a:.3f} {b:.3f}" for a, b in rounds))
    assert min(a for a, _ in rounds) <= 0.15 and min(b for _, b in rounds) <= 1 / 3, f"{rounds}\n" + bench.table(results)


def test_system_calls_grow_linearly(results):
    """Each memdev costs the same among 1024 as among 64."""
    per_memdev = (results[64]["ours"]["calls"] - results[4]["ours"]["calls"]) / 60
    assert results[1024]["ours"]["calls"] <= results[4]["ours"]["calls"] + 1020 * per_memdev * 1.1, bench.table(results)


def test_time_grows_linearly(results):
    """Four times the memdevs take about four times as long, not sixteen; twice that is for caches and noise."""
    assert bench.median(results[1024], "ours", "cpu_ms") <= 4 * bench.median(results[256], "ours", "cpu_ms") * 2, bench.table(results)


def test_it_stays_near_the_floor(results):
    """Not many more calls than reading the same files takes with no thought at all."""
    assert results[256]["ours"]["calls"] <= results[256]["floor"]["calls"] * 1.15, bench.table(results)
