# SPDX-License-Identifier: GPL-2.0-only
"""daxctl prepare-isolation --mode=system-ram: isolation is a part of the run between two of its steps, planned, refused and taken back as one."""
import json

import pytest

from lib.cli import Session, dax_user
from test_prepare import LOOK, RP, did, steps
from test_prepare_undo import parts

RAM = ("prepare-isolation", "--mode=system-ram")
RECORD = 'python3 -c "import json, os; print(json.dumps(json.load(open(os.environ[\'CXL_STATE_DIR\'] + \'/last-changes\'))[\'changes\']))"'
ONLINE_FAILS = "write@*/memory147/state:1+=EIO"
CTRL = f"/sys/bus/pci/devices/{RP}/cxl_isolation"


def control(listed):
    return {name: rp["control"] for name, rp in listed.root_ports().items()}


@pytest.mark.parametrize("host", ["sysram1", "interleave2"])
def test_the_writes_are_planned_and_shown_where_they_come_in_the_order(host):
    s = Session(host).daxctl(*RAM, "-n").daxctl(*RAM)
    dry, done = s.run()
    assert dry.rc == done.rc == 0 and did(dry) == [], f"{dry}{done}"
    dax = next(iter(done.dax()))
    planned, made = steps(dry, dax), steps(done, dax)
    assert {state for *_, state in planned} == {"planned"} and {state for *_, state in made} == {"done"}
    assert [s[:2] for s in planned] == [s[:2] for s in made]
    ops = [op for op, *_ in made]
    ports = 2 if host == "interleave2" else 1
    at = ops.index("write")
    assert ops[at:at + ports] == ["write"] * ports and ops.count("write") == ports and "online" not in ops[:at] and "offline" not in ops[at:], ops
    one = dry.dax()[dax]["plan"][at]
    assert one["path"].endswith(f"{RP}/cxl_isolation/isolation_ctrl") and (one["value"], one["undo"]) == ("1", "0")
    assert (one["expect_before"], one["expect_after"]) == ("isolation off, timeout off, range default", "isolation on, timeout off, range default")


def test_two_parts_of_a_region_become_system_ram_with_one_switch(tmp_path):
    r, listed = Session(parts(tmp_path, "kmem", "kmem", memmap="N")).daxctl(*RAM).cxl("list", "--isolation").run()
    assert r.rc == 0 and [d["result"] for d in r.dax().values()] == ["done", "done"], str(r)
    assert [w for w in did(r) if w[0].endswith("isolation_ctrl")] == [("cxl_isolation/isolation_ctrl", "1")]
    assert all([s[0] for s in steps(r, dax)].count("write") == 1 for dax in ("dax0.0", "dax0.1"))
    assert control(listed)[RP]["mem"]["isolation"] is True


@pytest.mark.parametrize("args, remedy", [(["dax0.0"], "name both"), (["--keep-going"], "leave out --keep-going")])
def test_a_part_beside_memory_that_stays_online_is_refused_before_anything_is_written(tmp_path, args, remedy):
    online = "; ".join(f"echo online_movable >/sys/devices/system/memory/{b}/state" for b in ("memory146", "memory147"))
    s = Session(parts(tmp_path, "kmem", "kmem", memmap="N"), before=online).sh(LOOK).daxctl(*RAM, *args).daxctl(*RAM, *args, "-n").sh(LOOK)
    before, r, dry, after = s.run()
    for each in (r, dry):
        assert each.rc == 1 and did(each) == [] and each.dax()["dax0.0"]["result"] == "refused", str(each)
        assert "ISO-MEM-ONLINE: dax0.1 below " + RP in each.err and remedy in each.err and "nothing was changed of it" in each.err
    assert before.text == after.text


def test_parts_of_a_region_become_system_ram_one_after_the_other_once_isolation_is_on(tmp_path):
    r, = Session(parts(tmp_path, "device_dax", "kmem", memmap="N")).daxctl(*RAM, "--keep-going").run()
    assert r.rc == 0 and [d["result"] for d in r.dax().values()] == ["done", "done"], str(r)
    assert [w for w in did(r) if w[0].endswith("isolation_ctrl")] == [("cxl_isolation/isolation_ctrl", "1")]


def test_what_the_steps_before_cannot_mend_is_refused_before_anything_is_written(tmp_path):
    """Somebody has the other part mapped."""
    online = "echo online_movable >/sys/devices/system/memory/memory147/state; "
    look, r, after = Session(parts(tmp_path, "device_dax", "kmem", memmap="N"), before=online + dax_user("map")).sh(LOOK).daxctl(*RAM, "dax0.1").sh(LOOK).run()
    assert r.rc == 1 and did(r) == [] and r.dax()["dax0.1"]["result"] == "refused" and "ISO-BUSY" in r.err, str(r)
    assert "cannot be switched on, for the reason said before; nothing was changed of it" in r.err and look.text == after.text


@pytest.mark.parametrize("host", ["direct1", "sysram1", "interleave2"])
def test_a_failure_behind_it_puts_back_what_was_there_and_what_was_known(host):
    """Also what --undo-last knew of the port: the change of an earlier command, and not this one's."""
    last = "/sys/devices/system/memory/memory147/state" if host != "interleave2" else "/sys/devices/system/memory/memory213/state"
    s = Session(host).cxl("set-timeout", RP, "C").sh(RECORD).cxl("list", "--isolation").sh(LOOK).sh(f"cxl-sim ctl fault write@{last}:{2 if host == 'sysram1' else 1}=EIO").daxctl(*RAM) \
        .sh("cxl-sim ctl fault none").sh(RECORD).cxl("list", "--isolation").sh(LOOK)
    for command in ("disable-isolation", "enable-isolation", "set-timeout"):
        s.cxl(command, "--undo-last", RP)
    _, was_kept, was, look, _, r, _, kept, now, look_again, *undone = s.run()
    (dax, made), = r.dax().items()
    assert r.rc == 4 and made["result"] == "rolled-back" and "everything is as it was" in r.err, str(r)
    assert [w[1] for w in did(r) if w[0].endswith("isolation_ctrl")] in (["1", "0"], ["1", "1", "0", "0"]) and control(now) == control(was)
    assert {s[2] for s in steps(r, dax) if s[0] == "write"} == {"undone"} and look.text == look_again.text, str(r)
    assert json.loads(kept.text) == json.loads(was_kept.text)
    assert [u.rc for u in undone] == [3, 3, 0], f"{undone}"


@pytest.mark.parametrize("when", ["memory146", "isolation_ctrl"])
def test_a_signal_takes_isolation_back_as_well(when):
    """While the memory comes online, and while isolation is switched on."""
    path = "*/memory146/state" if when == "memory146" else "*/isolation_ctrl"
    stop = f"p=$!; while [ $(cat {CTRL}/isolation_ctrl) != {'1' if when == 'memory146' else '0'} ]; do sleep 0.02; done; sleep 0.4; kill -TERM $p; wait $p; true"
    s = Session("direct1", faults=[f"write@{path}:1=delay:1200"]).cxl("list", "--isolation").sh(LOOK)
    was, look, r, now, look_again = s.sh(f"daxctl {' '.join(RAM)} & {stop}").cxl("list", "--isolation").sh(LOOK).run()
    r.json = json.loads(r.text)
    assert r.json["exit_status"] == 5 and r.dax()["dax0.0"]["result"] == "rolled-back" and "not-tried" not in r.err, str(r)
    assert "everything is as it was" in r.err or when != "memory146" and "nothing was changed" in r.err, str(r)
    assert control(now) == control(was) and look.text == look_again.text, f"{r}{now}"


def test_isolation_that_cannot_be_taken_back_is_named_in_the_state():
    s = Session("direct1", faults=[ONLINE_FAILS, "write@*/isolation_ctrl:2=EIO"]).daxctl(*RAM).sh(LOOK).cxl("list", "--isolation")
    r, look, listed = s.run()
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "failed" and control(listed)[RP]["mem"]["isolation"] is True, str(r)
    assert "not all of what was done before could be taken back: 0000:0c:00.0 has isolation on, timeout off, range default now" in r.err, str(r)
    assert look.text.splitlines()[-1] == "dax0.0 device_dax 1" and [s[2] for s in steps(r) if s[0] == "write"] == ["done"]


def test_where_memory_stays_online_isolation_stays_on_and_both_are_said():
    """To switch it under traffic is undefined."""
    s = Session("direct1", faults=[ONLINE_FAILS, "write@*/memory146/state:2+=EBUSY"]).daxctl(*RAM, "--timeout=300ms").cxl("list", "--isolation")
    r, listed = s.run()
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "failed" and control(listed)[RP]["mem"]["isolation"] is True, str(r)
    assert "dax0.0 is system-ram now, 1 of its 2 memory blocks online, and 0000:0c:00.0 has isolation on" in r.err, str(r)
    assert [w for w in did(r) if w[0].endswith("isolation_ctrl")] == [("cxl_isolation/isolation_ctrl", "1")]


def test_isolation_that_somebody_else_switches_off_meanwhile_is_no_success():
    off = f"until [ $(cat {CTRL}/isolation_ctrl) = 1 ]; do sleep 0.02; done; sleep 0.3; echo 0 > {CTRL}/isolation_ctrl"
    r, = Session("direct1", faults=["write@*/memory146/state:1=delay:1200"]).sh(f"({off}) & daxctl {' '.join(RAM)}; wait").run()
    r.json = json.loads(r.text)
    assert r.json["exit_status"] == 4 and r.dax()["dax0.0"]["result"] == "failed" and "somebody else switched isolation off" in r.err, str(r)


def test_run_again_after_a_kill_it_is_finished_and_undo_last_of_isolation_is_known():
    for at in ("write@*/isolation_ctrl:1=kill-after", "write@*/memory146/state:1=kill-before"):
        s = Session("direct1").sh(f"cxl-sim ctl fault {at}; daxctl {' '.join(RAM)}; cxl-sim ctl fault none").daxctl(*RAM).cxl("list", "--isolation")
        _, r, listed = s.run()
        assert r.rc == 0 and r.dax()["dax0.0"]["result"] == "done" and control(listed)[RP]["mem"]["isolation"] is True, str(r)
