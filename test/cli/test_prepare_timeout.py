# SPDX-License-Identifier: GPL-2.0-only
"""daxctl prepare-isolation --timeout: one time for the whole command; and why a memory block stays busy, as far as the kernel's log says."""
import pytest

from lib.cli import Session
from test_prepare import LOOK

BOTH = "which time does not help, or in use all the time (hot), which it may"


def timed(*args):
    """Its standard error, exit status and milliseconds on three lines, whatever the host."""
    return f"s=$(date +%s%N); daxctl prepare-isolation {' '.join(args)} 2>&1 >/dev/null; echo $?; echo $((($(date +%s%N)-s)/1000000))"


def run(busy, *args):
    *_, r, look = Session("sysram1").sh("; ".join(f"cxl-sim ctl busy {b}" for b in busy)).sh(timed(*args)).sh(LOOK).run()
    *r.said, status, ms = r.text.splitlines()
    r.status, r.ms, r.now = int(status), int(ms), dict(line.split(" ", 1) for line in look.text.splitlines())
    return r


@pytest.mark.parametrize("args", [[], ["--keep-going"]])
def test_the_time_is_that_of_the_command_and_not_of_each_block(args):
    r = run(["memory146 on", "memory147 on"], "--timeout=2s", *args)
    assert r.status == 6 and 2000 <= r.ms < 3500, str(r)
    assert len(r.said) == (2 if args else 1) and all("stayed busy until the 2 s of --timeout were over" in x for x in r.said), str(r)


def test_what_a_slow_block_took_is_missing_to_the_next():
    r = run(["memory146 1500", "memory147 on"], "--timeout=2s")
    assert r.status == 6 and 2000 <= r.ms < 5000 and "memory147 stayed busy" in r.text and "everything is as it was" in r.text, str(r)
    assert r.now["memory146"] == r.now["memory147"] == "online"


def test_a_block_that_no_time_is_left_for_is_not_said_to_be_busy():
    r = run(["memory146 1500"], "--timeout=1s")
    assert r.status == 6 and "memory147 was not tried, since the 1 s of --timeout were over: the other memory blocks took that long" in r.text, str(r)
    assert r.now["memory146"] == "online"


def test_a_busy_block_leaves_time_to_the_others():
    r = run(["memory146 on", "memory147 300"], "--timeout=2s", "--keep-going")
    assert r.status == 6 and r.ms < 4000 and r.now["memory146"] == "online" and r.now["memory147"] == "offline", str(r)
    assert len(r.said) == 1 and "memory146 stayed busy" in r.said[0]


def test_what_was_busy_in_its_own_share_of_the_time_is_tried_again():
    wake = "(sleep 1.5; cxl-sim ctl busy memory146 off) >/dev/null 2>&1 & "
    r, look = Session("sysram1").sh("cxl-sim ctl busy memory146 on; " + wake + timed("--timeout=20s", "--keep-going") + "; wait").sh(LOOK).run()
    assert r.text.splitlines()[-2] == "0" and look.text.splitlines()[2].startswith("dax0.0 device_dax"), f"{r}{look}"


@pytest.mark.parametrize("how, timeout, says", [
    ("pinned", "2s", "a page in it is pinned: a device or a process holds it, which more time does not help"), ("pinned", "300ms", BOTH),
    ("kernel", "300ms", "it holds memory of the kernel's own"), ("on", "2s", BOTH)])
@pytest.mark.parametrize("args", [[], ["--keep-going"]])
def test_why_a_block_stays_busy_is_said_where_the_kernel_s_log_tells(how, timeout, says, args):
    r = run([f"memory147 {how}"], f"--timeout={timeout}", *args)
    assert r.status == 6 and len(r.said) == 1 and "memory147 stayed busy" in r.said[0] and says in r.said[0], str(r)


def test_without_the_kernel_s_log_both_are_said():
    r, = Session("sysram1").sh("rm /dev/kmsg; cxl-sim ctl busy memory147 on; " + timed("--timeout=1500ms")).run()
    assert BOTH in r.text and r.text.splitlines()[-2] == "6", str(r)


def test_what_the_log_said_before_is_not_believed():
    """Of an earlier try, with the page long gone."""
    s = Session("sysram1").sh("cxl-sim ctl busy memory147 pinned").sh(timed("--timeout=2s")).sh("cxl-sim ctl busy memory147 on").sh(timed("--timeout=2s"))
    _, pinned, _, r = s.run()
    assert "is pinned: a device" in pinned.text and BOTH in r.text, f"{pinned}{r}"
