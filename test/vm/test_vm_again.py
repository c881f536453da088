# SPDX-License-Identifier: GPL-2.0-only
"""A machine whose emulation failed is booted once more for what it left, and a kernel that crashed is not."""
import os
import signal
import time

import pytest

import test_vm
import machine
from test_vm import guest_run

# what test/vm/vm is called with ends in the tests; which boot it is tells a file beside it
VM = """#!/bin/sh
for console; do case $before in --console) break ;; esac; before=$console; done
for last; do :; done
echo boot >>"$(dirname "$0")/boots"
echo '{"event": "begin", "test": "'$last'"}'
if [ $(wc -l <"$(dirname "$0")/boots") = @ENDS@ ]; then
	echo '{"event": "end", "test": "'$last'", "state": "passed"}'
	exit 0
fi
echo '@CONSOLE@' >"$console"
exit 125
"""


@pytest.mark.parametrize("ends,console,boots", [(1, "", 1), (2, "", 2), (3, "", 2), (2, "Kernel panic - not syncing", 1), (2, "task python3:1 blocked for more than 61 seconds", 1)])
def test_a_machine_that_stood_still_is_booted_once_more(ends, console, boots, tmp_path, monkeypatch):
    (tmp_path / "vm").write_text(VM.replace("@ENDS@", str(ends)).replace("@CONSOLE@", console))
    (tmp_path / "vm").chmod(0o755)
    monkeypatch.setattr(test_vm, "HERE", tmp_path)
    monkeypatch.setattr(test_vm, "BOOT_SECONDS", 0)
    boot = test_vm.Boot("6.12", "direct1", ["snapshot.test"], None, tmp_path)
    assert (tmp_path / "6.12-direct1.out").exists()
    assert len((tmp_path / "boots").read_text().splitlines()) == boots
    assert ("snapshot.test" in boot.ended) == (ends <= boots) and (", booted again: " in boot.note) == (boots == 2)
    assert "snapshot.test" in boot.ended or console in boot.why_silent("snapshot.test")


@pytest.mark.parametrize("ends,status,boots,ended", [(1, 126, 1, 0), (2, 126, 2, 0), (3, 126, 2, 126), (2, 125, 1, 125), (2, 1, 1, 1)])
def test_a_machine_for_one_command_whose_emulator_aborted_is_booted_once_more(ends, status, boots, ended, tmp_path, monkeypatch):
    (tmp_path / "vm").write_text(VM.replace("@ENDS@", str(ends)).replace("@CONSOLE@", "").replace("exit 125", f"exit {status}"))
    (tmp_path / "vm").chmod(0o755)
    monkeypatch.setattr(machine, "HERE", tmp_path)
    p = machine.run("6.12", "direct1", [], ["true"], tmp_path, 100)
    assert p.returncode == ended and len((tmp_path / "boots").read_text().splitlines()) == boots


def test_a_process_that_does_not_wake_up_is_told_by_another(tmp_path, monkeypatch):
    """Stopped, in place of a processor whose timer has: its neighbour says it, or who asks."""
    told = tmp_path / "told"
    monkeypatch.setattr(guest_run.Timers, "STOPPED_NS", 3 * 10**9)
    monkeypatch.setattr(guest_run.Timers, "say_stopped", staticmethod(lambda cpu: told.write_text(str(cpu))))
    timers = guest_run.Timers()
    try:
        if len(timers.pids) < 2:
            pytest.skip("one processor has no neighbour")
        time.sleep(1.5)
        timers.check()
        assert not told.exists()
        os.kill(timers.pids[1], signal.SIGSTOP)
        end = time.monotonic() + 20
        while not told.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert told.read_text() == str(timers.cpus[1])
    finally:
        for pid in timers.pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
