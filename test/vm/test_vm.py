# SPDX-License-Identifier: GPL-2.0-only
"""The suites of test/vm/guest on real kernels: each test inside a guest is one test here.

A machine boots once for all tests of a kernel and topology.  A test that the
guest did not report (it panicked, hung, never came up) has failed.
"""
import concurrent.futures
import importlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from lib import cli

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "guest"), str(HERE / "guest/suites")]

import guest  # noqa: E402
import run as guest_run  # noqa: E402
sys.path.insert(0, str(HERE / "lib"))
import calibration  # noqa: E402
import machine  # noqa: E402

# The newest of the archive, release candidates included, costs as much as another: CXL_VM=all boots it, too.
KERNELS = ["6.12", "newest", *(["rc"] if os.environ.get("CXL_VM") == "all" else []), "6.1"]
RC_TOPOLOGIES = {"direct1", "direct2x2", "switch4", "pmem1"}
TOPOLOGIES = ["direct1", "direct2x2", "switch4", "pmem1", "soft1", "memmap1", "sw2x2", "eight", "mixed", "three", "big", "odd", "loaded1", "kills2"]
# Where nothing is to be seen without regions of volatile memory.
NEED_VOLATILE = {"memmap1", "three", "big", "loaded1", "kills2"}
# What adds little for its time: CXL_VM=all boots these, too.
LONG = {"newest": {"eight"},
        "6.12": {"loaded1", "direct2x2", "memmap1", "sw2x2", "eight", "big", "odd"},
        "6.1": {"direct2x2", "switch4", "soft1", "eight", "sw2x2", "mixed"}}
# And what takes long and was seen on another kernel: suites, or tests of them.
LONG_TESTS = {"6.12": {"simulator", "units"}, "6.1": {"units"}}
# Suites of which these topologies run only what direct1 does not.
AS_ON_DIRECT1 = {"direct2x2": {"v1", "v1_fixed", "timeout", "status", "prepare", "layout"}}
# Suites of which each test runs on one of the kernels, in turn as they are written, but for those that 6.12 has nothing for.
IN_TURN = ("6.12", "newest")
NEWEST_ONLY = {"test_devices_of_fsdev_dax", "test_memory_of_kmem_plugged_and_unplugged"}
SHARED = {"status", "checks", "calibration", "calibration_v1", "prepare", "layout", "recover"}
# Suites for which a machine boots once more: all of them in one would take longer than it is given.
APART = {"direct1": {"prepare": "apart", "layout": "apart", "recover": "apart", "act": "apart", "units": "systemd"}}
WANT_MODULE = {"v1", "v1_fixed", "timeout", "registers", "status", "calibration_v1", "prepare", "checks", "layout", "recover", "act", "neighbours", "kills", "units"}
BOOT_SECONDS = 600
# How much longer than its longest test may take a machine says nothing, before it is taken for one whose timers stopped.
SILENT_SECONDS = 60
# The suite kills: rounds and what its random moments come from.
KILLS = int(os.environ.get("CXL_VM_KILLS") or 10)
SEED = os.environ.get("CXL_VM_SEED") or str(random.randrange(1000000))
# The suite act: failures with one monitor.
ACTS = 20 if os.environ.get("CXL_VM") == "all" else 5

# The suites say what their tests may take by these, here as in the guest.
os.environ.update(cxl_kills=str(KILLS), cxl_acts=str(ACTS))
CASES = [(kernel, topology, suite, test.__name__)
         for kernel in KERNELS for topology in TOPOLOGIES for suite in guest_run.SUITES
         for test in guest.tests_of(importlib.import_module(f"suite_{suite}"), topology)]


def seconds_of(suite):
    """What each of its tests may take."""
    return getattr(importlib.import_module(f"suite_{suite}"), "SECONDS", guest_run.TEST_SECONDS)


class Boot:
    """What one machine reported: test -> its last line, and what to show for those without one."""

    def __init__(self, kernel, topology, chosen, module, scratch, part=""):
        self.ended, self.running = {}, None
        name = f"{kernel}-{topology}-{part}" if part else f"{kernel}-{topology}"
        with machine.turn():
            start = time.monotonic()
            self.boot(kernel, topology, part, chosen, module, scratch, name)
            again = ""
            left = [test for test in chosen if test not in self.ended]
            if left and self.emulation_failed:
                again = f", booted again: the emulation failed during {self.running}"
                self.boot(kernel, topology, part, left, module, scratch, f"{name}-again")
            self.note = f"{name} ended after {time.monotonic() - start:.0f} s{again}"

    def boot(self, kernel, topology, part, chosen, module, scratch, name):
        out, console = scratch / f"{name}.out", scratch / f"{name}.console"
        kills = KILLS if topology == "kills2" else 0
        acts = ACTS if any(test.startswith("act.") for test in chosen) else 0
        seconds = BOOT_SECONDS + 60 * kills + 20 * acts
        argv = ["setpriv", "--pdeathsig", "TERM", "--", HERE / "vm", "--build", cli.BUILD, "--timeout", seconds, "--console", console]
        argv += ["--silent", max(seconds_of(test.split(".")[0]) for test in chosen) + SILENT_SECONDS]
        argv += ["--append", f"cxl_kills={kills} cxl_seed={SEED}"] if kills else []
        argv += ["--append", f"cxl_acts={acts}"] if acts else []
        argv += ["--module", module] if module else []
        argv += ["--systemd"] if part == "systemd" else []
        argv += [topology, kernel, "--", "/cxl/run.py", topology, *chosen]
        start = time.monotonic()
        with open(out, "wb") as f:
            p = self.start([str(a) for a in argv], f)
            err = p.communicate()[1].decode(errors="replace")
        ACTIVE.discard(p)
        for line in out.read_text(errors="replace").splitlines():
            self.take(line)
        lines = console.read_text(errors="replace").splitlines() if console.exists() else []
        self.emulation_failed = machine.emulation_failed(p.returncode, lines, time.monotonic() - start > seconds)
        self.trouble = f"exit status {p.returncode} of test/vm/vm\n{err}" + "\n".join(["console:", *self.telling(lines)])

    def telling(self, lines):
        """The part of a console that says why: from the first sign of a crash on, else the end."""
        at = machine.first_sign(lines)
        return lines[max(at - 6, 0):at + 44] if at else lines[-40:]

    def why_silent(self, test):
        """Why a test has no result; in full for the first that is asked for."""
        if self.running == test:
            was = "during this test"
        else:
            was = f"during {self.running}" if self.running else "before the first test"
        full, self.trouble = self.trouble, "(the console is shown at the first test without result)"
        return f"the guest did not report this test: it ended {was}\n{full}"

    @staticmethod
    def start(argv, out):
        p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=cli.CLEAN)
        ACTIVE.add(p)
        return p

    def take(self, line):
        try:
            said = json.loads(line)
        except ValueError:
            return
        if not isinstance(said, dict) or "event" not in said:
            return      # what a test prints of its own
        if said["event"] == "begin":
            self.running = said["test"]
        elif said["event"] == "end":
            self.ended[said["test"]] = said


ACTIVE = set()


class Machines:
    """Machines set up once, each booted when one of its tests is asked for, as many of them ahead as may run."""

    def __init__(self, wanted, scratch):
        self.wanted, self.scratch = wanted, scratch     # (kernel, topology, part) -> tests, in order
        self.lock, self.boots, self.answers = threading.Lock(), None, None
        self.pool = concurrent.futures.ThreadPoolExecutor(machine.JOBS)

    def setup(self):
        """{(kernel, "kernel" or "module"): (state, text)} as test/vm/setup says of what is to boot."""
        kernels = [k for k in KERNELS if any(k == machine[0] for machine in self.wanted)]
        p = subprocess.run([HERE / "setup", *kernels], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False)
        found = {}
        for line in p.stdout.splitlines():
            kernel, what, rest = line.split(" ", 2)
            state, _, text = rest.partition(" ")
            found[kernel, what] = (state, text) if state in ("skip", "failed") else ("ready", rest)
        for kernel in kernels:
            for what in ("kernel", "module"):
                found.setdefault((kernel, what), ("failed", f"test/vm/setup says nothing of it (exit status {p.returncode})\n{p.stderr}"))
        return found

    def prepare(self):
        with self.lock:
            if self.answers is None:
                self.answers = self.setup()
                self.boots = {m: self.pool.submit(self.boot, *m) for m in self.wanted if self.answers[m[0], "kernel"][0] == "ready"}

    def boot(self, kernel, topology, part):
        state, module = self.answers[kernel, "module"]
        chosen = [t for t in self.wanted[kernel, topology, part] if state == "ready" or t.split(".")[0] not in WANT_MODULE]
        return Boot(kernel, topology, chosen, module if state == "ready" else None, self.scratch, part)

    def result(self, kernel, topology, suite):
        return self.boots[kernel, topology, part_of(topology, suite)].result()

    def close(self):
        for boot in (self.boots or {}).values():
            boot.cancel()
        for p in list(ACTIVE):
            p.send_signal(signal.SIGTERM)
        self.pool.shutdown()


@pytest.fixture(scope="session")
def machines(request, tmp_path_factory):
    wanted = {}
    for item in request.session.items:
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        if case and not why_never(*case):
            wanted.setdefault((*case[:2], part_of(*case[1:3])), []).append(f"{case[2]}.{case[3]}")
    found = Machines(wanted, tmp_path_factory.mktemp("vm"))
    yield found
    found.close()


def part_of(topology, suite):
    """Which of the machines of a topology runs a suite."""
    return APART.get(topology, {}).get(suite, "")


def is_others_turn(kernel, topology, suite, test):
    """Is it another kernel's, of those that boot this topology in a usual run?"""
    if suite not in SHARED or kernel not in IN_TURN or any(topology in LONG.get(k, ()) for k in IN_TURN):
        return False
    at = [c[3] for c in CASES if c[:3] == (kernel, topology, suite)].index(test)
    return ("newest" if test in NEWEST_ONLY else IN_TURN[at % len(IN_TURN)]) != kernel


def why_never(kernel, topology, suite, test):
    """Why a machine need not boot for a test; None: it must."""
    if kernel == "6.1" and topology in NEED_VOLATILE:
        return "Linux 6.1 makes no regions of volatile memory"
    if kernel == "rc" and topology not in RC_TOPOLOGIES:
        return "a release candidate boots on a few topologies only"
    left_out = topology in LONG.get(kernel, ()) or {suite, f"{suite}.{test}"} & LONG_TESTS.get(kernel, set()) \
        or (suite in AS_ON_DIRECT1.get(topology, ()) and (kernel, "direct1", suite, test) in CASES) or is_others_turn(kernel, topology, suite, test)
    if left_out and os.environ.get("CXL_VM") != "all":
        return "only with CXL_VM=all in the environment (scripts/test --full)"
    return None


def validate(runs):
    """The outputs of our cxl inside the guest, against their schemas."""
    for r in runs:
        args = r["argv"][1:]
        name = cli.schema_of(args, pathlib.Path(r["argv"][0]).name)
        if not name or (args[0] == "list" and "--isolation" not in args):
            continue
        cli.parse(cli.Result(r["argv"], r["rc"], r["out"].encode(), r["err"]), name)


def go_on(made, where, directory, record_property, capsys):
    """What a test left for this side: a record to be compared with the simulator's, a capture to be replayed, a line to be shown."""
    if "said" in made:
        record_property("said", made["said"])
        with capsys.disabled():
            print(f"\n{where} {made['said']}")
    if "script" in made:
        c, why = calibration.check(cli.SIM, where, made, directory, cli.CLEAN)
        record_property("values", c.attributes + c.writes)
        record_property("listed", c.blocks)
        if why:
            pytest.fail(why, pytrace=False)
    elif "listing" in made:
        machine, run, sysroot = calibration.replays(cli.CXL, cli.SIM, made, directory, cli.CLEAN)
        assert run == machine, "a run of the capture lists something else than the machine did"
        assert sysroot == machine, "the capture as --sysroot lists something else than the machine did"


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1]}-{c[2]}.{c[3]}")
def test_guest(machines, case, record_property, capsys, tmp_path):
    kernel, topology, suite, test = case
    if why_never(*case):
        pytest.skip(why_never(*case))
    machines.prepare()
    for what in ("kernel", *(["module"] if suite in WANT_MODULE else [])):
        state, text = machines.answers[kernel, what]
        if state == "skip":
            pytest.skip(f"{what} {kernel}: {text}")
        assert state == "ready", f"{what} {kernel}: {text}"
    record_property("kernel", machines.answers[kernel, "kernel"][1])
    boot = machines.result(kernel, topology, suite)
    if boot.note:
        with capsys.disabled():
            print(f"\n{boot.note}")
        boot.note = None
    said = boot.ended.get(f"{suite}.{test}")
    if said is None:
        pytest.fail(boot.why_silent(f"{suite}.{test}"), pytrace=False)
    if said["state"] == "skipped":
        pytest.skip(said["detail"])
    if said["state"] != "passed":
        pytest.fail(said["detail"], pytrace=False)
    record_property("seconds", said["seconds"])
    validate(said["runs"])
    go_on(said["made"], f"{kernel}-{topology}", tmp_path, record_property, capsys)
