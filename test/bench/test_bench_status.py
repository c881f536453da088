# SPDX-License-Identifier: GPL-2.0-only
"""What isolation-status and its monitor cost on 256 root ports."""
import pytest

from lib import bench_status, oracle

ROOT_PORTS = 256


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    reason = oracle.why_not()
    if reason:
        pytest.skip(reason)
    found = bench_status.measure(tmp_path_factory.mktemp("status"), ROOT_PORTS)
    print(found)
    return found


def test_status_takes_no_more_than_half_again_the_calls_of_the_listing(figures):
    assert figures["status_calls"] <= 1.5 * figures["list_calls"], figures


@pytest.mark.parametrize("kind", ["quiet", "uncounted"])
def test_a_monitor_takes_at_most_a_hundredth_of_a_processor(figures, kind):
    """A look each second: at most 10 ms."""
    assert figures[kind]["root_ports"] == ROOT_PORTS
    assert figures[kind]["cpu_ms"] <= 10, figures


def test_by_default_a_monitor_takes_less_than_a_hundredth_of_a_processor(figures):
    assert figures["share"] < 1, figures


def test_a_look_reads_only_what_changes_without_a_word(figures):
    """Three settings, the link, two registers a root port, and a few calls for all together."""
    assert figures["quiet"]["calls"] <= 6 * ROOT_PORTS + 20, figures


def test_without_the_count_of_uevents_a_look_is_still_cheap(figures):
    assert figures["uncounted"]["calls"] <= 12 * ROOT_PORTS, figures
