#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run the suites in a guest: one JSON line when a test begins, one when it ends.

usage: run.py TOPOLOGY [SUITE[.TEST]]...

A test has the machine as it was after boot, and is asked to leave no region
behind that can be removed.  Exit status 1 when a test failed.
"""
import importlib
import json
import mmap
import os
import signal
import struct
import sys
import time
import traceback

import guest

sys.path.insert(0, str(guest.HERE / "suites"))
# In this order: what may leave something behind that only a reboot removes is last.
SUITES = ["snapshot", "capture", "regions", "commands", "simulator", "v1", "v1_fixed", "timeout", "registers", "status", "checks", "calibration",
          "calibration_v1", "soft_reserved", "prepare", "layout", "recover", "act", "neighbours", "kills", "units", "modules", "removal", "left", "calibration_last"]
TEST_SECONDS = 120


def say(**what):
    print(json.dumps(what), flush=True)


def expired(_signal, _frame):
    raise TimeoutError("still running when its time was over")


def run(test, seconds):
    """(state, detail)"""
    guest.RUNS.clear()
    guest.MADE.clear()
    try:
        signal.alarm(seconds)
        guest.clean()
        test()
        return "passed", ""
    except guest.Skip as e:
        return "skipped", str(e)
    except Exception:
        text = traceback.format_exc()
        shown = "".join(f"\n$ {' '.join(r['argv'])}\nexit status {r['rc']}\n{r['err'][:1500]}" for r in guest.RUNS[-4:])
        return "failed", text + shown
    finally:
        signal.alarm(0)


class Timers:
    """A process on each processor that sleeps for a second, again and again.

    The emulation loses a processor's timer now and then: what sleeps there is not woken, be it a test or the alarm that
    would end it.  The process on another one then says so in the words of the kernel where it notices, for which
    test/vm/vm ends the machine: after a time in which the kernel would have told of a processor that is stuck.
    """
    STOPPED_NS = 45 * 10**9

    def __init__(self):
        cpus = sorted(os.sched_getaffinity(0))
        self.beats = mmap.mmap(-1, 8 * len(cpus))
        self.cpus, self.pids, parent = cpus, [], os.getpid()
        for i, cpu in enumerate(cpus):
            self.pids.append(os.fork())
            if not self.pids[-1]:
                os.sched_setaffinity(0, {cpu})
                self.go_on(i, parent)

    def beat(self, i):
        return struct.unpack_from("q", self.beats, 8 * i)[0]

    def go_on(self, own, parent):
        while os.getppid() == parent:
            now = time.monotonic_ns()
            struct.pack_into("q", self.beats, 8 * own, now)
            for i, cpu in enumerate(self.cpus):
                if self.beat(i) and now - self.beat(i) > self.STOPPED_NS:
                    self.say_stopped(cpu)
            time.sleep(1)
        os._exit(0)

    @staticmethod
    def say_stopped(cpu):
        with open("/dev/kmsg", "w", encoding="ascii") as f:
            f.write(f"<3>Possible timer handling issue on cpu={cpu}: a process that sleeps there is not woken\n")

    def check(self):
        """Does not return where one has stopped: what failed did so for that."""
        start = end = time.monotonic_ns()
        while end - start < 10**10:     # without sleeping: it may be on that processor
            late = [cpu for i, cpu in enumerate(self.cpus) if self.beat(i) < start]
            if not late:
                return
            end = time.monotonic_ns()
        self.say_stopped(late[0])
        while True:
            signal.pause()


def main():
    topology, chosen = sys.argv[1], sys.argv[2:]
    signal.signal(signal.SIGALRM, expired)
    guest.remember()
    timers, failed = Timers(), 0
    for suite in SUITES:
        module = importlib.import_module(f"suite_{suite}")
        for test in guest.tests_of(module, topology):
            name = f"{suite}.{test.__name__}"
            if chosen and name not in chosen and suite not in chosen:
                continue
            say(event="begin", test=name)
            start = time.monotonic()
            state, detail = run(test, getattr(module, "SECONDS", TEST_SECONDS))
            if state == "failed":
                failed += 1
                timers.check()
            say(event="end", test=name, state=state, detail=detail, seconds=round(time.monotonic() - start, 2), runs=guest.RUNS,
                made=guest.MADE)
    say(event="done")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
