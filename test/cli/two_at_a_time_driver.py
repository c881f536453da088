# SPDX-License-Identifier: GPL-2.0-only
"""Runs inside a simulated host: two at a time, one of them slowed down at a chosen moment, and what came of it.

usage: two_at_a_time_driver.py < cases (JSON: [{reset, fault, first, second}, ...], shell commands)
One JSON line per case on stdout; .first and .second: exit status and standard error; .second.after_ms: since the lock was seen free.
"""
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import time

STATE = pathlib.Path(os.environ["CXL_STATE_DIR"])
PORT = pathlib.Path("/sys/bus/pci/devices/0000:0c:00.0/cxl_isolation")


def sh(line, check=False):
    return subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=check, timeout=120)


def start(line):
    # not in the way of a wait: what the shell leaves behind is nobody's
    return subprocess.Popen(["sh", "-c", line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def is_locked():
    try:
        with open(STATE / "host.lock", "rb") as f:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def settings():
    return {a: (PORT / a).read_text().strip() for a in ("isolation_ctrl", "timeout_ctrl", "timeout_range")}


def memory():
    found = {}
    for d in sorted(pathlib.Path("/sys/bus/dax/devices").glob("dax*")):
        found[d.name] = os.path.basename(os.readlink(d / "driver")) if (d / "driver").exists() else None
        first = int((d / "resource").read_text(), 16)
        block = int(pathlib.Path("/sys/devices/system/memory/block_size_bytes").read_text(), 16)
        for n in range(first // block, (first + int((d / "size").read_text())) // block):
            state = pathlib.Path(f"/sys/devices/system/memory/memory{n}/state")
            found[f"memory{n}"] = state.read_text().strip() if state.exists() else "absent"
    return found


def ended(p):
    out, err = p.communicate(timeout=120)
    return {"rc": p.returncode, "out": out, "err": err}


def one(case):
    sh("cxl-sim ctl fault none")
    reset = sh(case["reset"])
    before = {"settings": settings(), "memory": memory()}
    if case["fault"]:
        sh(f"cxl-sim ctl fault '{case['fault']}'", check=True)
    if not case["second"]:
        first = ended(start(case["first"]))
        second = None
    else:
        free = asked = time.monotonic()     # when the lock was free for sure
        end = free + 10
        p = start(case["first"])
        while not is_locked() and p.poll() is None and asked < end:
            free = asked
            time.sleep(0.02)
            asked = time.monotonic()
        time.sleep(0.35)
        second = ended(start(case["second"]))
        second["after_ms"] = 1000 * (time.monotonic() - free)     # at most; what delays the first began then or later
        first = ended(p)
    sh("cxl-sim ctl fault none")
    files = sorted(f.name for f in STATE.iterdir()) if STATE.exists() else []
    return {"reset": [reset.returncode, reset.stderr], "before": before, "first": first, "second": second,
            "after": {"settings": settings(), "memory": memory()}, "files": files}


for c in json.load(sys.stdin):
    print(json.dumps(one(c)), flush=True)
