# SPDX-License-Identifier: GPL-2.0-only
"""Which processor works for whom.

A simulated host's server and who asks it take turns: on two processors each question wakes another one,
which costs more than the answer.  So a worker, and all that it starts, stays on one of them.
"""
import concurrent.futures
import itertools
import os

ALL = sorted(os.sched_getaffinity(0))


def stay(n):
    """The calling thread, and what it starts from now on: on the n-th processor, counted round and round."""
    os.sched_setaffinity(0, {ALL[n % len(ALL)]})


def pool(workers=len(ALL)):
    """Threads that share all processors, also where the caller stays on one."""
    each = itertools.count()
    return concurrent.futures.ThreadPoolExecutor(workers, initializer=lambda: stay(next(each)))
