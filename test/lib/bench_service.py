# SPDX-License-Identifier: GPL-2.0-only
"""How long memory is out of service: from the bit in a status register to the pattern that proves it, by steps.

On a real kernel in an emulated machine (test/vm/guest/act_times.py), and on the simulated host. No hooks, no users of the memory.
"""
import json
import os
import pathlib
import re
import statistics
import subprocess

from lib import cli

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEPS = ("line", "evidence", "recovery begun", "link down and up", "device back", "region made", "memory proven")
MEANS = {"line": "line of the monitor", "evidence": "evidence on disk", "recovery begun": "decided, planned, journal on disk",
         "link down and up": "taken down, reset, removed", "device back": "found again, bound, healthy", "region made": "region made",
         "memory proven": "dax device, pattern, journal gone"}


class Unmeasured(Exception):
    """No machine of that kernel: why."""


def real(rounds, *options, kernel="newest"):
    """[{step: milliseconds}], of that many failures; OPTIONS of test/vm/vm."""
    setup = subprocess.run([ROOT / "test/vm/setup", kernel], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    module = re.search(rf"^{kernel} module (/.*)$", setup.stdout, re.M)
    if not module:
        raise Unmeasured(f"no machine of {kernel}: {setup.stdout}{setup.stderr[-500:]}")
    p = subprocess.run([ROOT / "test/vm/vm", "--build", cli.BUILD, "--timeout", "3000", *options, "--module", module[1], "direct1", kernel,
                        "--", "/cxl/act_times.py", str(rounds)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = re.search(r"^timed (\[.*\])$", p.stdout, re.M)
    if not found:
        raise RuntimeError(f"the machine ended with {p.returncode}\n{p.stdout[-3000:]}{p.stderr[-1000:]}")
    return json.loads(found[1])


def table(found):
    """Rows of a step's median: until then, and of it; and the longest until then."""
    rows, before = [f"{'from the bit in the register until':<36} {'median ms':>9} {'step':>6} {'longest':>8}"], 0
    for step in (s for s in STEPS if s in found[0]):
        took = [f[step] for f in found]
        now = statistics.median(took)
        rows.append(f"{MEANS[step]:<36} {now:9.0f} {now - before:6.0f} {max(took):8.0f}")
        before = now
    return "\n".join(rows)


def load():
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


PORT = "0000:0c:00.0"
STATE = "/dev/.cxl-isolation"
# Times are those of the monitor's line and of the files that are written, in nanoseconds; two hours pass between failures.
ROUND = f"""
until grep -qs '"containment":"recover"' {STATE}/{PORT}.act && grep -q '"phase":"idle"' {STATE}/{PORT}.act; do sleep 0.05; done
python3 -c 'import fcntl, json, os, sys
with open(sys.argv[1] + "-lock") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open(sys.argv[1]) as f:
        act = json.load(f)
    act.update(recovered_at=0, recoveries=[])
    with open(sys.argv[1] + ".older", "w") as f:
        json.dump(act, f)
    os.rename(sys.argv[1] + ".older", sys.argv[1])' {STATE}/{PORT}.act
sleep 1
rm -f {STATE}/*.evidence {STATE}/proven-{PORT}.json
at=$(date +%s%N); cxl-sim ctl link-down {PORT} >/dev/null
until [ -e {STATE}/proven-{PORT}.json ]; do sleep 0.02; done
echo round $at $(date -d "$(grep '"type":"isolated"' $SCRATCH/out | tail -n 1 | grep -o '"time":"[^"]*"' | cut -d'"' -f4)" +%s%N) \
 $(date -r {STATE}/1.{PORT}.evidence +%s%N) $(date -r {STATE}/proven-{PORT}.json +%s%N)
"""


def simulated(rounds):
    """The same on the simulated host vms1, 4 GiB: [{step: milliseconds}] of three of the steps."""
    before = "printf '[root0]\\nrequire = recover\\nrecover = automatic\\n' >/etc/cxl/isolation.conf; cxl enable-isolation --policy >/dev/null"
    r, = cli.Session("vms1", before=f"mkdir -p /etc/cxl; {before}").sh(
        f"cxl isolation-status --monitor --act >$SCRATCH/out 2>$SCRATCH/err & monitor=$!\nfor round in $(seq {rounds}); do {ROUND}\ndone; kill $monitor; wait $monitor").run()
    found = [[int(x) for x in line.split()[1:]] for line in r.text.splitlines() if line.startswith("round ")]
    if len(found) != rounds:
        raise RuntimeError(str(r))
    return [{step: (t - at) / 1e6 for step, t in zip(("line", "evidence", "memory proven"), times)} for at, *times in found]


INSTRUCTIONS = ("--icount", "1")    # 2 ns each: its clock does not run while another program of this machine does


def show(rounds):
    """All, with the load of this machine."""
    for what, measure in (("newest kernel, direct1, 256 MiB, 500 million instructions a second", lambda n: real(n, *INSTRUCTIONS)),
                          ("the same by the clock of this machine, emulated", real), ("simulated host vms1, 4 GiB", simulated)):
        before, rows = load(), table(measure(rounds))
        print(f"{what}; {rounds} failures, {before} before, {load()} after\n{rows}\n", flush=True)
