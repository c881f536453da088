#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run the suites in a guest: one JSON line when a test begins, one when it ends.

usage: run.py TOPOLOGY [SUITE[.TEST]]...

A test has the machine as it was after boot, and is asked to leave no region
behind that can be removed.  Exit status 1 when a test failed.
"""
import importlib
import json
import os
import signal
import sys
import time
import traceback

import guest

sys.path.insert(0, str(guest.HERE / "suites"))
# In this order: what may leave something behind that only a reboot removes is last.
SUITES = ["snapshot", "capture", "regions", "commands", "simulator", "v1", "v1_fixed", "timeout", "registers", "status", "checks", "calibration",
          "calibration_v1", "soft_reserved", "prepare", "layout", "recover", "act", "neighbours", "kills", "modules", "removal", "left", "calibration_last"]
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


def stopped_timer():
    """A processor whose timer the emulation has lost, so that nothing which waits there comes to an end; None: all run.

    This process waits for none itself: it may be on that processor."""
    for cpu in sorted(os.sched_getaffinity(0)):
        child = os.fork()
        if not child:
            os.sched_setaffinity(0, {cpu})
            time.sleep(0.05)
            os._exit(0)
        end = time.monotonic() + 10
        while time.monotonic() < end and not os.waitpid(child, os.WNOHANG)[0]:
            pass
        if time.monotonic() >= end:
            os.kill(child, signal.SIGKILL)
            return cpu
    return None


def end_if_emulation_failed():
    """In the words of the kernel where it notices: test/vm/vm ends the machine for these."""
    cpu = stopped_timer()
    if cpu is None:
        return
    with open("/dev/kmsg", "w", encoding="ascii") as f:
        f.write(f"<3>Possible timer handling issue on cpu={cpu}: a process that slept there was not woken\n")
    while True:
        signal.pause()


def main():
    topology, chosen = sys.argv[1], sys.argv[2:]
    signal.signal(signal.SIGALRM, expired)
    guest.remember()
    failed = 0
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
                end_if_emulation_failed()
            say(event="end", test=name, state=state, detail=detail, seconds=round(time.monotonic() - start, 2), runs=guest.RUNS,
                made=guest.MADE)
    say(event="done")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
