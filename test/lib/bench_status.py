# SPDX-License-Identifier: GPL-2.0-only
"""Measure `cxl isolation-status` and its monitor on a generated tree that is the host's /sys, in a private mount namespace.

usage: bench_status.py --inside WORK    (what measure() runs in the namespace)
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lib import bench, cli, oracle  # noqa: E402

INTERVAL_MS, LOOKS = 100, 30


def monitor(*prefix, interval=(f"--interval={INTERVAL_MS}ms",)):
    """A monitor that has settled: the looks after the first have nothing more to confirm."""
    p = subprocess.Popen([*prefix, str(cli.CXL), "isolation-status", "--monitor", *interval], env=cli.CLEAN,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    snapshot = json.loads(p.stdout.readline())
    time.sleep(0.5)
    return p, len(snapshot["root_ports"])


def cpu_ms_of(pid):
    """Processor time of another process: the clock that clock_getcpuclockid(3) makes of its number."""
    return time.clock_gettime((~pid << 3) | 2) * 1e3


def monitor_cpu():
    """(milliseconds of processor a look, root ports)"""
    p, ports = monitor()
    before, start = cpu_ms_of(p.pid), time.monotonic()
    time.sleep(INTERVAL_MS * LOOKS / 1e3)
    used, took = cpu_ms_of(p.pid) - before, time.monotonic() - start
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) == 0
    p.stdout.close()
    return used / (took * 1e3 / INTERVAL_MS), ports


def monitor_share(seconds=5):
    """Percent of a processor as it is by default: registers, which are mapped, each tenth of a second, the rest each second."""
    p, _ = monitor(interval=())
    time.sleep(1.5)
    before, start = cpu_ms_of(p.pid), time.monotonic()
    time.sleep(seconds)
    used, took = cpu_ms_of(p.pid) - before, time.monotonic() - start
    p.send_signal(signal.SIGTERM)
    assert p.wait(20) == 0
    p.stdout.close()
    return used / took / 10


def monitor_calls(work):
    """System calls a look: those that strace saw between one wait and the next, the fewest of the last five.

    The first looks read everything, and under strace they take seconds: they are waited for, not timed.
    """
    out, deadline = pathlib.Path(work) / "monitor.calls", time.monotonic() + 120
    out.unlink(missing_ok=True)
    p = subprocess.Popen(["strace", "-o", str(out), str(cli.CXL), "isolation-status", "--monitor", f"--interval={INTERVAL_MS}ms"],
                         env=cli.CLEAN, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    looks = []
    while len(looks) < 10:
        assert time.monotonic() < deadline and p.poll() is None, f"{len(looks)} looks"
        time.sleep(0.1)
        # word of something that is neither CXL nor PCI wakes it, too, for three calls
        looks = [n for part in out.read_text().split("ppoll(") if (n := part.count("\n")) > 10] if out.exists() else []
    os.killpg(p.pid, signal.SIGTERM)  # strace waits for the monitor
    p.wait(20)
    return min(looks[-6:-1])  # the last one may be half written, and of a busy machine two be one


def inside(work):
    figures = {"list_calls": bench.calls([str(cli.CXL), "list", "--isolation"], work),
               "status_calls": bench.calls([str(cli.CXL), "isolation-status"], work)}
    figures["share"] = monitor_share()
    for kind in ("quiet", "uncounted"):  # with the kernel's count of uevents, and without one, as in a container
        if kind == "uncounted":
            os.unlink("/sys/kernel/uevent_seqnum")
        cpu, ports = monitor_cpu()
        figures[kind] = {"cpu_ms": cpu, "calls": monitor_calls(work), "root_ports": ports}
    print(json.dumps(figures))


def measure(work, root_ports):
    """The figures on a fresh tree of that size below WORK."""
    tree = pathlib.Path(work) / "tree"
    bench.gentree().make(tree, root_ports, max(1, root_ports // 8), registers=True)
    (tree / "sys/kernel").mkdir()
    (tree / "sys/kernel/uevent_seqnum").write_text("4711\n")
    r = oracle.run(tree, [sys.executable, "-B", os.path.abspath(__file__), "--inside", str(work)])
    if r.rc:
        raise RuntimeError(str(r))
    shutil.rmtree(tree)
    return json.loads(r.text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        inside(sys.argv[2])
    else:
        sys.exit(__doc__)
