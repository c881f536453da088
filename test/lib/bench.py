#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measure `cxl list --isolation`, the distribution's `cxl list -BPDEMRT`, and a
bare loop that reads the same files (the floor), on one generated tree.

All three run in one private mount namespace in which the tree is the host's
/sys; their runs alternate, so that a noisy machine disturbs them alike.

The same for `daxctl list --isolation` and `daxctl list`, on a tree with dax devices and memory blocks.

usage: bench.py --inside WORK RUNS PROGRAM COUNTED...    (what measure() runs in the namespace)
"""
import importlib.machinery
import importlib.util
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import cli, oracle  # noqa: E402

HERE = cli.ROOT / "test" / "bench"
KINDS = ("ours", "theirs", "floor")


def gentree():
    loader = importlib.machinery.SourceFileLoader("gentree", str(HERE / "gentree"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("gentree", loader))
    loader.exec_module(module)
    return module


def commands(work, program):
    ours, theirs = {"cxl": ([str(cli.CXL), "list", "--isolation"], [oracle.PROGRAM, "list", "-BPDEMRT"]),
                    "daxctl": ([str(cli.DAXCTL), "list", "--isolation"], ["/usr/bin/daxctl", "list"])}[program]
    return {"ours": ours, "theirs": theirs, "floor": [f"{work}/floor", f"{work}/files"]}


def timed(argv):
    """(milliseconds from start to end, milliseconds of processor) of a command whose output is thrown away."""
    null = os.open("/dev/null", os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
    start = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, cli.CLEAN, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    took = time.perf_counter_ns() - start
    os.close(null)
    if status:
        raise RuntimeError(f"{argv} ended with status {status}")
    return took / 1e6, (usage.ru_utime + usage.ru_stime) * 1e3


def calls(argv, work):
    """System calls of a command, its children included."""
    out = f"{work}/calls"
    subprocess.run(["strace", "-f", "-c", "-U", "calls,errors,name", "-o", out, *argv], env=cli.CLEAN, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    with open(out, encoding="utf-8") as f:
        return int(f.read().strip().splitlines()[-1].split()[0])


def instructions(argv):
    """Instructions in user space, None where the machine cannot count them."""
    if not shutil.which("perf"):
        return None
    p = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", *argv], env=cli.CLEAN, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    m = re.search(r"^(\d+),[^,]*,instructions", p.stderr, re.M)
    return int(m[1]) if m else None


def record_files(argv, work):
    """What ours reads below /sys, as floor's list."""
    out = f"{work}/trace"
    subprocess.run(["strace", "-f", "-qq", "-y", "-s", "4096", "-e", "trace=open,openat,openat2,readlink,readlinkat", "-o", out, *argv], env=cli.CLEAN,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    lines = []
    with open(out, encoding="utf-8") as f:
        for line in f:
            m = re.search(r'(open|readlink)\w*\((?:\d+<([^>]*)>, )?[^"]*"([^"]*)"(.*)', line)
            path = os.path.join(m[2] or "/", m[3]) if m else ""
            if path.startswith("/sys/") and "O_PATH" not in m[4]:
                kind = "l" if m[1] == "readlink" else "d" if "O_DIRECTORY" in m[4] else "f"
                lines.append(f"{kind} {path}")
    with open(f"{work}/files", "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


def inside(work, runs, program, counted):
    """In the namespace: every figure, as JSON on stdout."""
    argv = commands(work, program)
    record_files(argv["ours"], work)
    for kind in KINDS:  # warm
        timed(argv[kind])
    times = {k: [] for k in KINDS}
    for _ in range(runs):
        for kind in KINDS:
            times[kind].append(timed(argv[kind]))
    print(json.dumps({k: {"ms": [t[0] for t in times[k]], "cpu_ms": [t[1] for t in times[k]], "calls": calls(argv[k], work) if k in counted else None, "instructions": instructions(argv[k])} for k in KINDS}))


def measure(work, memdevs, bridges=None, runs=5, program="cxl", blocks=0, counted=KINDS):
    """{kind: {"ms": [..], "cpu_ms": [..], "calls": n|None, "instructions": n|None}} on a fresh tree of that size below WORK.

    System calls are counted of the kinds in COUNTED only: strace makes each cost some 20 us."""
    work = pathlib.Path(work) / f"n{memdevs}"
    tree = work / "tree"
    gentree().make(tree, memdevs, bridges or max(1, memdevs // 8), ways=1 if blocks else 2, blocks=blocks)
    subprocess.run(["cc", "-O2", "-o", work / "floor", HERE / "floor.c"], check=True)
    r = oracle.run(tree, [sys.executable, "-B", os.path.abspath(__file__), "--inside", str(work), str(runs), program, *counted])
    if r.rc:
        raise RuntimeError(str(r))
    shutil.rmtree(tree)
    return json.loads(r.text)


def median(figures, kind, what="ms"):
    return statistics.median(figures[kind][what])


def table(results, program="cxl"):
    """Lines for people: {memdevs (dax regions): figures} -> text."""
    names = {"cxl": {"ours": "cxl list --isolation", "theirs": "distribution's list -BPDEMRT"},
             "daxctl": {"ours": "daxctl list --isolation", "theirs": "distribution's daxctl list"}}[program] | {"floor": "floor: the same files, bare"}
    lines = [f"{'memdevs' if program == 'cxl' else 'regions':>7}  {'':30}{'ms':>9}{'CPU ms':>9}{'system calls':>14}{'instructions':>14}{'time':>8}{'calls':>8}"]
    def cell(value, width, form):
        return f"{'-':>{width}}" if value is None else f"{value:{width}{form}}"

    for n, figures in results.items():
        for kind in KINDS:
            f = figures[kind]
            times = None if f["calls"] is None or not figures["ours"]["calls"] else f["calls"] / figures["ours"]["calls"]
            lines.append(f"{n if kind == 'ours' else '':>7}  {names[kind]:30}{median(figures, kind):9.2f}{median(figures, kind, 'cpu_ms'):9.2f}"
                         + cell(f["calls"], 14, ",") + cell(f["instructions"], 14, ",") + f"{median(figures, kind) / median(figures, 'ours'):7.2f}x" + cell(times, 8, ".2f"))
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5:])
    else:
        sys.exit(__doc__)
