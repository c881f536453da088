# SPDX-License-Identifier: GPL-2.0-only
"""Recoveries that are killed at random moments, and finished by --resume.

The kernel's command line, and so the environment, has how many rounds (cxl_kills) and the seed (cxl_seed).
"""
import os
import random
import subprocess
import time

from guest import CXL, MADE, Module, Picture, create_region, cxl, hold_pattern, holds, make_devdax, memdev, names, root_port, same
from suite_recover import STATE

TOPOLOGIES = ("kills2", )
ROUNDS, SEED = int(os.environ.get("cxl_kills", "20")), int(os.environ.get("cxl_seed", "1"))
RESUMES = 5     # at most, until it is done
SECONDS = 120 + 60 * ROUNDS


def recover(*options, port, kill_after=None):
    """(exit status or None where it was killed, what it said)"""
    argv = [CXL, "recover-port", *options, port]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as p:
        try:
            err = p.communicate(timeout=kill_after)[1]
        except subprocess.TimeoutExpired:
            p.kill()
            err = p.communicate()[1]
    return (None if p.returncode < 0 else p.returncode), f"$ {' '.join(argv)}\nexit status {p.returncode}\n{err[-2000:]}"


def finish(port, said, chance, whole):
    """--resume until nothing is left to resume; how many that took.  One in three is killed as well."""
    for n in range(1, RESUMES + 1):
        if not any(STATE.glob("[0-9a-f]*.json")):
            return n - 1
        rc, text = recover("--resume", port=port, kill_after=chance.uniform(0, whole) if n < 3 and chance.random() < 1 / 3 else None)
        said.append(text)
    assert not any(STATE.glob("[0-9a-f]*.json")), f"not done after {RESUMES} times --resume"
    return RESUMES


def one_round(m, port, chance, whole, said):
    """Isolate, recover and kill it, resume; how many resumes it took."""
    m.set(port, "trigger", "timeout")
    said.append(recover(port=port, kill_after=chance.uniform(0, whole))[1])
    resumed = finish(port, said, chance, whole)
    if m.get(port, "status") & 0x100:   # killed before it had a journal
        rc, text = recover(port=port)
        said.append(text)
        same(rc, 0, "a recovery that is begun anew")
    return resumed


def test_killed_at_random_moments_it_is_resumed():
    chance = random.Random(SEED)
    with Module(fixed=True) as m:
        neighbour = create_region("decoder0.1", memdev(0x2003))
        make_devdax(create_region("decoder0.0", memdev(0x2001), memdev(0x2002)))
        make_devdax(neighbour)
        hold_pattern(neighbour, b"untouch!")
        port = root_port(memdev(0x2001))
        cxl("enable-isolation", "--timeout=B2", "root0")
        before = Picture()
        m.set(port, "trigger", "timeout")
        start = time.monotonic()
        cxl("recover-port", port)
        whole = time.monotonic() - start
        counts = {}
        for n in range(ROUNDS):
            said = []
            try:
                resumed = one_round(m, port, chance, whole, said)
                before.check()
                same(holds(neighbour, b"untouch!"), True, "the neighbour holds what it held")
                for region in set(names("region")) - {neighbour}:
                    hold_pattern(region, b"recover!")
            except Exception as e:
                raise AssertionError(f"round {n + 1} of {ROUNDS}, seed {SEED}: {e}\n" + "\n".join(said)) from e
            counts[resumed] = counts.get(resumed, 0) + 1
        MADE.update(said=f"kills: seed {SEED}, {ROUNDS} rounds of {whole:.1f} s, --resume: " +
                    ", ".join(f"{k} times in {v}" for k, v in sorted(counts.items())))
