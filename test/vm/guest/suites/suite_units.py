# SPDX-License-Identifier: GPL-2.0-only
"""The units under a running systemd, on a real kernel: in their sandbox they see, tell the journal, act, and are started again."""
import contextlib
import json
import os
import pathlib
import re
import signal
import time

from guest import MADE, Module, Skip, cxl, memdev, read, run, same, until
from suite_act import RUN, Acting, events
from suite_status import inject_aer

TOPOLOGIES = ("direct1",)
SECONDS = 240
UNITS = pathlib.Path("/run/systemd/system")
LOOKS, ACTS = "cxl-isolation-monitor.service", "cxl-isolation-act.service"
ISOLATED = "2"      # LOG_CRIT


def show(unit, name):
    return run("systemctl", "show", "-P", name, unit).out.strip()


def journal(unit):
    return [json.loads(line) for line in run("journalctl", "-o", "json", "-u", unit, "--no-pager").out.splitlines()]


def changes(unit, kind):
    """What the unit told of that kind: (priority, id, what it says)."""
    return [(e["PRIORITY"], e["MESSAGE_ID"], json.loads(e["MESSAGE"])) for e in journal(unit) if e.get("CXL_CHANGE") == kind]


def said_of(unit):
    return "\n".join(str(e.get("MESSAGE")) for e in journal(unit))[-3000:]


@contextlib.contextmanager
def started(*units, **settings):
    """Units as they are installed, with the programs of this guest; SETTINGS are of a drop-in."""
    if read("/proc/1/comm").strip() != "systemd":
        raise Skip("systemd is not the first process: test/vm/vm --systemd")
    UNITS.mkdir(parents=True, exist_ok=True)
    for unit in units:
        text = (pathlib.Path("/cxl/units") / unit).read_text()
        (UNITS / unit).write_text(re.sub(r"(?m)^(Exec\w+=)\S*/cxl ", r"\1/cxl/bin/cxl ", text))
        (UNITS / f"{unit}.d").mkdir(exist_ok=True)
        # the hook of these tests writes there, and a port's registers are no file of sysfs but a device of the test module
        lines = [f"{k}={v}" for k, v in {"ReadWritePaths": f"-{RUN}", **settings}.items()]
        lines += [f"DeviceAllow={f} rw" for f in Module.DEV.glob("*")]
        (UNITS / f"{unit}.d/test.conf").write_text("\n".join(["[Service]", *lines, ""]))
    run("systemctl", "daemon-reload")
    try:
        for unit in units:
            run("systemctl", "start", unit, timeout=60)
            same((show(unit, "ActiveState"), show(unit, "Type"), show(unit, "StatusText") != ""), ("active", "notify", True), unit)
        yield
    finally:
        for unit in units:
            run("systemctl", "stop", unit, rc=None, timeout=60)
            run("systemctl", "reset-failed", unit, rc=None)
            for f in [*(UNITS / f"{unit}.d").iterdir(), UNITS / unit]:
                f.unlink()


class Served(Acting):
    """As Acting, but what acts is the unit."""

    def __enter__(self):
        super().__enter__()
        (RUN / "err").touch()
        return self


def test_a_port_comes_back_by_the_acting_unit_and_both_tell_the_journal():
    with Served() as a, started(LOOKS, ACTS):
        a.is_watched()
        at = a.fail()
        a.wait_until_back(at)
        a.check()
        same(events(), ["isolated", "recovered"], "runs of the hook")
        for unit in (LOOKS, ACTS):
            until(f"{unit} tells that it is back", lambda unit=unit: changes(unit, "cleared"), 20)
            (priority, ident, line), = changes(unit, "isolated")
            same((priority, len(ident), line["root_port"]), (ISOLATED, 32, a.port), f"{unit}: what it told the journal")
            same((show(unit, "ActiveState"), show(unit, "NRestarts")), ("active", "0"), f"{unit}\n{said_of(unit)}")
        evidence = json.loads(max(a_file for a_file in pathlib.Path("/var/lib/cxl-isolation").glob("*.evidence")).read_text())
        same(evidence["root_port"], a.port, "evidence")
        assert evidence["kernel_log"], "no line of the kernel's log is in the evidence"
        for unit in (LOOKS, ACTS):
            start = time.monotonic()
            run("systemctl", "stop", unit, timeout=60)
            same((show(unit, "Result"), time.monotonic() - start < 10), ("success", True), f"{unit} is stopped")
        MADE.update(said=f"units: memory proven {a.steps(at)['memory proven']} ms after the failure")


def test_a_monitor_that_hangs_is_started_again_and_tells_what_changed_meanwhile():
    with Served(hooks=False) as a, started(LOOKS, WatchdogSec="2", RestartSec="100ms"):
        until("it told of what there is", lambda: changes(LOOKS, "snapshot"), 20)
        hung = int(show(LOOKS, "MainPID"))
        time.sleep(5)       # it says that it lives, or would be ended
        same(int(show(LOOKS, "MainPID")), hung, f"it was ended\n{said_of(LOOKS)}")
        os.kill(hung, signal.SIGSTOP)
        cxl("disable-isolation", a.port)
        until("it is started again", lambda: show(LOOKS, "NRestarts") == "1" and int(show(LOOKS, "MainPID")) not in (0, hung), 30)
        until("it tells of what changed", lambda: changes(LOOKS, "control"), 20)
        line = changes(LOOKS, "control")[0][2]
        same((line["root_port"], line["before"]["control"]["mem"]["isolation"], line["after"]["control"]["mem"]["isolation"]), (a.port, True, False),
             "what it told when it was started again")


def test_errors_that_the_kernel_traces_are_heard_in_the_sandbox():
    if run("modprobe", "aer_inject", rc=None).rc:
        raise Skip("this kernel has no aer_inject")
    device = pathlib.Path("/sys/bus/cxl/devices", memdev(0x1001)).resolve().parent.name
    try:
        with started(LOOKS):
            until("it told of what there is", lambda: changes(LOOKS, "snapshot"), 20)
            inject_aer(device, correctable=0x40)
            until("the AER event is in the journal", lambda: changes(LOOKS, "event"), 10)
            entry = next(e for e in journal(LOOKS) if e.get("CXL_CHANGE") == "event")
            same([entry[k] for k in ("PRIORITY", "CXL_DEVICE", "CXL_EVENT", "CXL_SEVERITY")], ["5", device, "aer_event", "corrected"], "its fields")
    finally:
        run("modprobe", "-r", "aer_inject")
