# SPDX-License-Identifier: GPL-2.0-only
"""A change of every root port costs each of them the same, however many there are: counted instructions, not time."""
import json
import re
import shutil

import pytest

from lib import bench, cli, oracle

FEW, MANY = 256, 1024
# sorting takes a little more than four times as much for four times as many
GROWTH = MANY / FEW * 1.08
# what the memory is used for decides whether the change is planned and made, or refused with a message each
TREES = {"fit": {}, "tied": {"ways": 2}, "refused": {"ways": 1, "blocks": 1}}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    reason = oracle.why_not() or (None if shutil.which("valgrind") else "valgrind is not installed")
    if reason:
        pytest.skip(reason)
    top = tmp_path_factory.mktemp("change")
    for kind, more in TREES.items():
        for n in (FEW, MANY):
            bench.gentree().make(top / f"{kind}{n}", n, n // 8, **{"ways": 1, **more})
    return top


def instructions(tree, tmp_path, *args):
    """(instructions of `cxl ARGS` on a host that is TREE, what it printed)"""
    out = tmp_path / "out.json"
    r = oracle.run(tree, ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", cli.CXL, *args, "-o", out])
    count = re.search(r"Collected : (\d+)", r.err)
    assert count, str(r)
    r.json = json.loads(out.read_text())
    return int(count[1]), r


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("args", [["enable-isolation", "-n", "all"], ["enable-isolation", "all"]], ids=" ".join)
def test_each_root_port_costs_the_same(trees, tmp_path, kind, args):
    counts = {}
    for n in (FEW, MANY):
        counts[n], r = instructions(trees / f"{kind}{n}", tmp_path, *args)
        results = {rp["result"] for rp in r.json["root_ports"]}
        assert len(r.json["root_ports"]) == n and ("refused" in results) == (kind == "refused"), str(r)
    print(f"{' '.join(args)}, {kind}: {counts[FEW]:,} instructions for {FEW} root ports, {counts[MANY]:,} for {MANY}")
    assert counts[MANY] <= counts[FEW] * GROWTH, counts
