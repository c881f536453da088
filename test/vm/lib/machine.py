# SPDX-License-Identifier: GPL-2.0-only
"""One emulated machine that runs one command, and what tells a failure of the emulation from one of the kernel."""
import contextlib
import fcntl
import os
import pathlib
import re
import subprocess
import tempfile
import time

from lib import cli

HERE = pathlib.Path(__file__).resolve().parent.parent
# What test/vm/vm ends with: the guest gave no exit status; the emulation failed, and said so.
NO_STATUS, EMULATION_FAILED = 125, 126
# What the boot may take on top of the command's time: boot_seconds of test/vm/vm.
BOOT_SECONDS = 120
# Machines at a time: each has two processors, and leaves one of them idle most of the time.
JOBS = int(os.environ.get("CXL_VM_JOBS") or min(os.cpu_count() or 1, 2))
SIGNS = re.compile("|".join((HERE / "lib/crash-signs").read_text(encoding="ascii").splitlines()))


@contextlib.contextmanager
def turn():
    """While one of JOBS machines may run, whoever else starts some: on a machine with more to do their timers stop."""
    with contextlib.ExitStack() as stack:
        slots = [stack.enter_context(open(f"{tempfile.gettempdir()}/cxl-vm-turn-{os.geteuid()}-{n}", "w", encoding="utf-8")) for n in range(JOBS)]
        while not any(is_free(slot) for slot in slots):
            time.sleep(0.5)
        yield


def is_free(slot):
    """It is ours then, until it is closed."""
    try:
        fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False


def first_sign(console):
    """The first line of CONSOLE that tells of a crash, 1 and up; 0: none does."""
    return next((i for i, line in enumerate(console, 1) if SIGNS.search(line)), 0)


def emulation_failed(status, console, overdue):
    """Whether the emulation failed, not what ran in it.

    A command that goes on for too long is ended by a timer in the guest: where
    the whole time passed (OVERDUE), without an exit status and without a
    complaint of the kernel, the emulated machine's timers have stopped.
    """
    return status == EMULATION_FAILED or (status == NO_STATUS and overdue and not first_sign(console))


def ready(kernels=("6.12", "newest")):
    """{(kernel, "kernel" or "module"): what test/vm/setup says of it}: a release or a file, else "skip" or "failed" and why."""
    p = subprocess.run([HERE / "setup", *kernels], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False)
    return dict((tuple(line.split(" ", 2)[:2]), line.split(" ", 2)[2]) for line in p.stdout.splitlines())


def run(kernel, topology, options, command, scratch, seconds):
    """COMMAND in a machine; once more in a new one where the emulation failed.  Twice is no accident."""
    console = scratch / "console"
    argv = [HERE / "vm", "--build", cli.BUILD, "--timeout", seconds, "--console", console, *options, topology, kernel, "--", *command]
    for _ in range(2):
        with turn():
            start = time.monotonic()
            p = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False)
            took = time.monotonic() - start
        lines = console.read_text(errors="replace").splitlines() if console.exists() else []
        if not emulation_failed(p.returncode, lines, took > seconds + BOOT_SECONDS):
            break
    return p
