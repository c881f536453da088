# SPDX-License-Identifier: GPL-2.0-only
"""Two commands at a time, or a command and somebody who knows no lock, one of them slow at a chosen moment.

Nothing that was set is lost, and nothing ends with 0 that did not last: what is there afterwards is what the same
commands, those that ended with 0, leave one after the other, in one order or the other.
"""
import json
import pathlib

import pytest

from lib import cli
from lib.cli import IN_WRITE, Session, hold_lock

pytestmark = [pytest.mark.sweep, pytest.mark.long]

RP = "0000:0c:00.0"
DIR = f"/sys/bus/pci/devices/{RP}/cxl_isolation"
DRIVER = pathlib.Path(__file__).with_name("two_at_a_time_driver.py")
SLOW = 900  # ms


def run(host, cases, kernel="v1-fixed", **more):
    text = json.dumps(cases)
    r, = Session(host, kernel, **more).sh(f"printf %s {cli.quote(text)} | python3 {DRIVER}").run()
    assert r.rc == 0, str(r)
    found = [json.loads(line) for line in r.text.splitlines()]
    assert len(found) == len(cases)
    for case, f in zip(cases, found):
        assert f["reset"][0] == 0, f"{case}\n{f}"
    return found


def shown(case, found):
    return json.dumps({"case": case, "found": found}, indent=1)


# -- settings of a root port ------------------------------------------------------------------
RESET = (f"rm -f $CXL_STATE_DIR/*.while; echo 0 >{DIR}/isolation_ctrl; echo 6 >{DIR}/timeout_range; echo 1 >{DIR}/timeout_ctrl; "
         "mkdir -p /etc/cxl; printf '[root0]\\ntimeout = C\\n' >/etc/cxl/isolation.conf")
SETTERS = {
    "enable": "cxl enable-isolation root0",
    "disable": "cxl disable-isolation --timeout=off root0",
    "set-timeout": "cxl set-timeout root0 D2",
    "policy": "cxl enable-isolation --policy",
    "while": "cxl set-timeout root0 off --while -- sleep 0.3",
    "recover": f"cxl recover-port --force-healthy {RP}",
}
# what each has to write first and last, so that it is slow there
MOMENTS = {
    "enable": ["write@*/isolation_ctrl:1"],
    "disable": ["write@*/cxl_isolation/*:1", "write@*/cxl_isolation/*:2"],
    "set-timeout": ["write@*/timeout_range:1"],
    "policy": ["write@*/cxl_isolation/*:1", "write@*/isolation_ctrl:1"],
    "while": ["write@*/timeout_ctrl:1", "write@*/timeout_ctrl:2"],
    "recover": ["write@*/remove:1", "write@*/create_ram_region:1"],
}
BEFORE = {"disable": f"; echo 1 >{DIR}/isolation_ctrl"}


def serial(lines, reset):
    """What these commands leave one after the other."""
    return {"reset": reset, "fault": None, "first": "; ".join([f"{line} >/dev/null 2>&1" for line in lines] + ["true"]), "second": None}


@pytest.mark.parametrize("first", SETTERS)
def test_settings_are_as_after_one_and_then_the_other(first):
    cases, keys = [], []
    for second in SETTERS:
        reset = RESET + BEFORE.get(first, BEFORE.get(second, ""))
        for names in [(first, second), (second, first), (first,), (second,)]:
            cases.append(serial([SETTERS[n] for n in names], reset))
        keys.append((second, None))
        for moment in MOMENTS[first]:
            cases.append({"reset": reset, "fault": f"{moment}=delay:{SLOW}", "first": SETTERS[first], "second": SETTERS[second]})
            keys.append((second, moment))
    found = iter(zip(cases, run("direct1", cases)))
    for second, moment in keys:
        if moment is None:
            in_turn = [next(found)[1]["after"]["settings"] for _ in range(4)]
            continue
        case, f = next(found)
        ok = (f["first"]["rc"] == 0, f["second"]["rc"] == 0)
        want = {(True, True): in_turn[:2], (True, False): in_turn[2:3], (False, True): in_turn[3:], (False, False): [f["before"]["settings"]]}[ok]
        assert f["after"]["settings"] in want, f"{want}\n{shown(case, f)}"
        assert f["first"]["rc"] == 0 and f["second"]["rc"] in (0, 1), shown(case, f)
        if f["second"]["rc"]:
            assert "is set for a while" in f["second"]["err"] or "this host is being changed by" in f["second"]["err"], shown(case, f)
        assert not [n for n in f["files"] if n.endswith(".while")], shown(case, f)


# -- the lock itself --------------------------------------------------------------------------------
EVERYBODY = {**SETTERS, "prepare": "daxctl prepare-isolation", "undo": "daxctl prepare-isolation --undo", "persist": "daxctl prepare-isolation --persist"}
HELD = hold_lock("$CXL_STATE_DIR/host.lock") + "; "  # until the run ends


def test_everybody_waits_and_then_refuses_and_readers_do_not():
    lines = [f"({c} >$SCRATCH/{n}.out 2>$SCRATCH/{n}.err; echo $? >$SCRATCH/{n}.rc) & p=\"$p $!\"; " for n, c in EVERYBODY.items()]
    show = "; ".join(f"echo {n} $(cat $SCRATCH/{n}.rc) $(cat $SCRATCH/{n}.err)" for n in EVERYBODY)
    readers = ["cxl list --isolation", "cxl isolation-status", "cxl enable-isolation -n root0", "cxl set-timeout -n root0 on", "daxctl list --isolation",
               "daxctl prepare-isolation -n", f"cxl recover-port -n --force-healthy {RP}"]
    read = "; ".join(f"timeout 4 {c} >/dev/null 2>&1; echo $?" for c in readers)
    _, held, looked = Session("direct1").sh("mkdir -p /etc/cxl; echo '[root0]' >/etc/cxl/isolation.conf").sh(HELD + "p=; " + "".join(lines) + "wait $p; " + show) \
        .sh(read).run()
    for line in held.text.splitlines():
        name, rc, err = line.split(" ", 2)
        assert rc == "1" and "this host is being changed by another process" in err and "run the command again" in err, line
    assert len(held.text.splitlines()) == len(EVERYBODY)
    assert looked.text.split() == ["0"] * len(readers), str(looked)


def test_who_has_it_is_named_with_process_command_and_time():
    s = f"cxl-sim ctl fault 'write@*/timeout_ctrl:1=delay:9000' >/dev/null; cxl set-timeout root0 on >/dev/null & echo $!; {IN_WRITE}; cxl enable-isolation root0 >/dev/null; echo $?"
    r, = Session("direct1").sh(s).run()
    pid, rc = r.text.split()
    assert rc == "1" and f"is being changed by 'cxl set-timeout' (process {pid}, since 20" in r.err, str(r)


@pytest.mark.parametrize("sig", ["INT", "TERM"])
def test_a_signal_to_who_waits_for_it_ends_the_wait_and_says_who_has_it(sig):
    waits = "until ls -l /proc/$p/fd | grep -q host.lock || ! kill -0 $p; do sleep 0.01; done"
    s = f"{HELD} env --default-signal={sig} cxl set-timeout root0 B2 >/dev/null & p=$!; {waits}; kill -{sig} $p; wait $p; echo $?"
    r, = Session("direct1").sh(f"{s}; cat {DIR}/timeout_range; echo which has $CXL_STATE_DIR/host.lock").run()
    status, timeout, has = r.text.splitlines()
    assert (status, timeout) == ("5", "default") and f"waited for the end of another process, {has}; nothing was done" in r.err, str(r)


def test_neither_the_command_of_while_nor_its_children_have_the_lock():
    inner = "flock -n $CXL_STATE_DIR/host.lock true; echo $?; ls -l /proc/self/fd | grep -c cxl-isolation"
    r, = Session("direct1").sh(f"cxl set-timeout root0 off --while -- sh -c {cli.quote(inner)}").run()
    assert r.text.split() == ["0", "0"], str(r)


def test_a_normal_user_is_told_what_he_was_told():
    r, = Session("direct1").cxl("set-timeout", "root0", "B2", user=cli.NOBODY).run()
    assert r.rc == 3 and "needs root" in r.err and "lock" not in r.err, str(r)


@pytest.mark.parametrize("spoil", ['rm -rf "$CXL_STATE_DIR"; : >"$CXL_STATE_DIR"', 'mount -t tmpfs -o ro none "$CXL_STATE_DIR"'])
def test_without_a_state_directory_it_is_done_without_the_lock_and_that_is_said(spoil):
    _, r, w, _ = Session("direct1").sh(spoil).cxl("enable-isolation", "root0").cxl("set-timeout", "root0", "off", "--while", "--", "true").sh(
        f"grep -q 1 {DIR}/timeout_ctrl").run()
    assert r.rc == 0 and "no lock keeps other commands" in r.err and r.messages(code="LOCK"), str(r)
    assert w.rc == 0, str(w)


# -- for a while -----------------------------------------------------------------------------------
SET = f"cxl set-timeout {RP} B2 >/dev/null; "
T = f"cat {DIR}/timeout_ctrl"
WHILE = f"[ -e $CXL_STATE_DIR/{RP}-mem.while ]"
IS_OFF = f"until {WHILE} && grep -q 0 {DIR}/timeout_ctrl; do sleep 0.01; done"
IS_D2 = f"until {WHILE} && grep -q D2 {DIR}/timeout_range; do sleep 0.01; done"


def killed(what="off"):
    """Shell commands: one that set it so for a while was killed."""
    return f"{SET} cxl set-timeout root0 {what} --while -- sleep 9 & {IS_OFF if what == 'off' else IS_D2}; kill -KILL $!; wait $! || true"


@pytest.mark.parametrize("first,second", [(0.5, 1.5), (1.5, 0.5)])
def test_the_last_of_two_puts_it_back(first, second):
    s = f"{SET} cxl set-timeout root0 off --while -- sleep {first} & a=$!; cxl set-timeout root0 off --while -- sh -c 'sleep {second}; {T}' & b=$!; sleep 1; {T}; wait $a; echo $?; wait $b; echo $?; {T}"
    r, = Session("direct1").sh(s).run()
    assert sorted(r.text.split()[:-1]) == ["0"] * 4 and r.text.split()[-1] == "1", str(r)


def test_who_was_killed_is_shown_and_the_next_command_puts_it_back():
    s = Session("direct1").sh(f"{killed()}; {T}").cxl("isolation-status", "-x", RP)
    look, shown_, by, after = s.daxctl("prepare-isolation").sh(f"{T}; ls $CXL_STATE_DIR").run()
    assert look.text == "0\n" and "temporary-timeout" in shown_.json["root_ports"][0]["problems"], str(shown_)
    assert by.rc == 0 and "ended without putting it back" in by.err, str(by)
    assert after.text.split()[0] == "1" and not [n for n in after.text.split() if n.endswith(".while")], str(after)


def test_what_is_to_be_typed_puts_it_back_and_leaves_nothing():
    s = Session("direct1").sh(killed()).cxl("isolation-status", "-x", RP)
    s.sh(f"cxl set-timeout {RP} off --while -- true; {T}").cxl("isolation-status", "-x", RP)
    _, first, put_back, last = s.run()
    assert f"cxl set-timeout {RP} off --while -- true" in first.err and put_back.text == "1\n"
    assert "temporary-timeout" not in last.err, str(last)


def test_of_one_that_was_killed_only_what_is_still_so_goes_back():
    s = Session("direct1").sh(f"{killed('D2')}; echo 10 >{DIR}/timeout_range")
    _, r, now = s.cxl("disable-isolation", "root0").sh(f"cat {DIR}/timeout_range").run()
    assert r.rc == 0 and now.text.strip() == "C2", f"{r}{now}"


def test_one_that_was_killed_beside_one_that_lives_is_not_missed():
    s = f"{SET} cxl set-timeout root0 off --while -- sleep 9 & a=$!; sleep 0.5; cxl set-timeout root0 off --while -- sleep 1.5 & b=$!; sleep 0.5; kill -KILL $a; cxl isolation-status -x {RP} 2>&1 | grep -c temporary-timeout; wait $b; {T}"
    r, = Session("direct1").sh(s).run()
    assert r.text.split()[0] == "0" and r.text.split()[-1] == "1", str(r)


@pytest.mark.parametrize("fault,said", [("true", "ended without putting it back: that was done now"),
                                        ("cxl-sim ctl fault 'write@*/timeout_ctrl:1=EIO'", "the timeout is off (range B2), not as it was before")])
def test_a_recovery_says_that_it_put_it_back_or_could_not(fault, said):
    _, r = Session("direct1").sh(f"{killed()}; {fault}").cxl("recover-port", "--force-healthy", RP).run()
    assert [m for m in r.messages(target=RP) if said in m["text"]] and said in r.err, str(r)


@pytest.mark.parametrize("first,second", [("off", "off"), ("off", "D2"), ("D2", "off"), ("D2", "C")])
def test_what_could_not_be_put_back_is_put_back_by_the_next_one(first, second):
    """Not to what it found, which the one that was killed had set."""
    fail = "cxl-sim ctl fault 'write@*/timeout_*:1=EIO' >/dev/null"
    s = Session("direct1").sh(f"{killed(first)}; {fail}").sh(f"cxl set-timeout root0 {second} --while -- true")
    _, r, after = s.sh(f"{T} {DIR}/timeout_range; ls $CXL_STATE_DIR").run()
    assert r.rc == 0 and "not as it was before" in r.err and after.text.split() == ["1", "B2", "host.lock", "last-changes"], f"{r}{after}"


def test_where_it_could_not_be_set_no_record_is_left():
    fail = "cxl-sim ctl fault 'write@*/timeout_ctrl:1=EIO' >/dev/null"
    r, = Session("direct1").sh(f"{SET} {fail}; cxl set-timeout root0 off --while -- true; echo $?; {T}; ls $CXL_STATE_DIR").run()
    assert r.text.split() == ["4", "1", "host.lock", "last-changes"], str(r)


@pytest.mark.parametrize("host,middle", [("direct1", "root0"), ("direct2x2", "all")])
def test_one_within_one_within_one(host, middle):
    """Also where the one in the middle needs another root port as well."""
    look = f"{T} {DIR}/timeout_range"
    inner = f"cxl set-timeout {middle} off --while -- sh -c \"cxl set-timeout {RP} C --while -- {look}; {look}\""
    r, = Session(host).sh(f"{SET} cxl set-timeout {RP} D2 --while -- sh -c '{inner}; {look}'; {look}; ls $CXL_STATE_DIR").run()
    assert r.text.split() == ["1", "C", "0", "D2", "1", "D2", "1", "B2", "host.lock", "last-changes"] and not r.err, str(r)


@pytest.mark.parametrize("other", ["cxl set-timeout root0 on", "cxl enable-isolation root0", "cxl set-timeout root0 D2 --while -- true"])
def test_nobody_else_sets_a_timeout_that_is_needed(other):
    s = f"{SET} cxl set-timeout root0 off --while -- sleep 1.5 & {IS_OFF}; {other} >/dev/null; echo $?; {T}; wait; {T}"
    r, = Session("direct1").sh(s).run()
    assert r.text.split() == ["1", "0", "1"] and "until 'sleep' ends" in r.err, str(r)


def test_who_has_ended_is_not_named_as_who_needs_it():
    until = "'touch $SCRATCH/{0}; until [ -e $SCRATCH/{0}.end ]; do sleep 0.01; done'"
    begin = "cxl set-timeout root0 off --while -- sh -c {}& until [ -e $SCRATCH/{} ]; do sleep 0.01; done; "
    s = f"{SET} {begin.format(until.format('a'), 'a')} a=$!; {begin.format(until.format('b'), 'b')} touch $SCRATCH/a.end; wait $a; " \
        f"cxl set-timeout root0 on >/dev/null; echo $?; touch $SCRATCH/b.end; wait; {T}"
    r, = Session("direct1").sh(s).run()
    assert r.text.split() == ["1", "1"] and "is set for a while, by 'cxl set-timeout --while'," in r.err and "process" not in r.err, str(r)


def test_after_a_reboot_nothing_is_put_back():
    s = Session("direct1").sh(f"{killed()}; cxl-sim ctl reboot").cxl("isolation-status", "-x", RP)
    r = s.cxl("disable-isolation", "root0").run()
    assert "temporary-timeout" not in r[1].err and "without putting it back" not in r[2].err, f"{r[1]}{r[2]}"


# -- memory ---------------------------------------------------------------------------------------------
SYSRAM = "rm -f $CXL_STATE_DIR/*.before; daxctl prepare-isolation --undo >/dev/null"
PREPARED = SYSRAM + "; daxctl prepare-isolation >/dev/null"
HOTPLUG = "daxctl prepare-isolation --hotplug dax0.0 0x1001"
OFFLINE, UNBIND, BIND = "write@*/memory*/state:1", "write@*/drivers/kmem/unbind:1", "write@*/drivers/device_dax/*:1"
RAM_UNBIND, RAM_BIND, ONLINE = "write@*/drivers/device_dax/unbind:1", "write@*/drivers/kmem/*:1", "write@*/memory*/state:1"
USERS_OF_MEMORY = {
    "prepare": (SYSRAM, "daxctl prepare-isolation", [OFFLINE, UNBIND, BIND]),
    "undo": (PREPARED, "daxctl prepare-isolation --undo", [RAM_UNBIND, RAM_BIND, ONLINE]),
    "system-ram": (PREPARED, "daxctl prepare-isolation --mode=system-ram", [RAM_UNBIND, RAM_BIND, ONLINE]),
}
BESIDE = {"prepare": "daxctl prepare-isolation", "undo": "daxctl prepare-isolation --undo", "rule": HOTPLUG, "enable": "cxl enable-isolation root0 --require=debug",
          "recover": f"cxl recover-port --force-healthy {RP}"}


def everything(f):
    return {**f["settings"], **f["memory"]}


@pytest.mark.parametrize("first", USERS_OF_MEMORY)
def test_memory_is_as_after_one_and_then_the_other(first):
    reset, command, moments = USERS_OF_MEMORY[first]
    reset = f"{reset}; {RESET.split(';', 1)[1]}"
    cases, keys = [], []
    for name, second in BESIDE.items():
        for lines in [(command, second), (second, command), (command,), (second,)]:
            cases.append(serial(lines, reset))
        for moment in moments:
            cases.append({"reset": reset, "fault": f"{moment}=delay:{SLOW}", "first": command, "second": second})
        keys.append(name)
    found = iter(zip(cases, run("sysram1", cases)))
    for name in keys:
        in_turn = [everything(next(found)[1]["after"]) for _ in range(4)]
        for moment in moments:
            case, f = next(found)
            ok = (f["first"]["rc"] == 0, f["second"]["rc"] == 0)
            want = {(True, True): in_turn[:2] + (in_turn[2:3] if name == "rule" else []), (True, False): in_turn[2:3], (False, True): in_turn[3:],
                    (False, False): [everything(f["before"])]}[ok]
            assert everything(f["after"]) in want, f"{want}\n{shown(case, f)}"
            assert f["first"]["rc"] == 0, shown(case, f)
            if name == "rule":
                assert f["second"]["rc"] == 0, shown(case, f)


def test_the_rule_leaves_a_device_to_the_recovery_that_makes_it_and_does_not_wait():
    slow = "cxl-sim ctl fault 'write@*/device_dax/*:1=delay:3000' >/dev/null"
    s = f"{slow}; cxl recover-port --force-healthy {RP} >/dev/null & sleep 1; d=$(ls /sys/bus/dax/devices); timeout 2 daxctl prepare-isolation -v --hotplug $d 0x1001 2>&1; echo $?; wait"
    r, = Session("direct1").sh(s).run()
    assert "is left to 'cxl recover-port' (process" in r.text and "\n0\n" in r.text, str(r)


def test_the_rule_acts_beside_whoever_works_on_something_else():
    s = f"echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind; {HELD} timeout 3 {HOTPLUG}; echo $?; basename $(readlink /sys/bus/dax/devices/dax0.0/driver)"
    r, = Session("direct1").sh(s).run()
    assert r.text.split() == ["0", "device_dax"], str(r)


# -- those who know no lock --------------------------------------------------------------------------------
OFF = f"echo 0 >{DIR}/isolation_ctrl; echo 0 >{DIR}/timeout_ctrl; echo 0 >{DIR}/timeout_range"
ECHOES = [("isolation_ctrl", "1"), ("timeout_ctrl", "1"), ("timeout_range", "14"), ("isolation_ctrl", "0"), ("timeout_ctrl", "0")]
GOALS = {"enable": {"isolation_ctrl": "1", "timeout_ctrl": "1", "timeout_range": "B2"}, "set-timeout": {"timeout_ctrl": "1", "timeout_range": "D2"},
         "disable": {"isolation_ctrl": "0", "timeout_ctrl": "0"}}
NAMES = {"14": "D2"}


@pytest.mark.parametrize("first", GOALS)
@pytest.mark.parametrize("spoil", ["", ":3=EIO"])
def test_what_somebody_wrote_by_hand_meanwhile_is_not_undone(first, spoil):
    """Whether the command succeeds or, further on, fails and takes back what it did."""
    reset = OFF if first != "disable" else f"echo 6 >{DIR}/timeout_range; echo 1 >{DIR}/timeout_ctrl; echo 1 >{DIR}/isolation_ctrl"
    cases = []
    for attr, value in ECHOES:
        for n in (1, 2):
            fault = f"write@*/cxl_isolation/*:{n}=delay:{SLOW}"
            if spoil:
                fault += f"' && cxl-sim ctl fault 'write@*/cxl_isolation/*{spoil}"
            cases.append({"reset": reset, "fault": fault, "first": SETTERS[first], "second": f"echo {value} >{DIR}/{attr}", "attr": attr, "value": value})
    for case, f in zip(cases, run("direct1", cases)):
        attr, now = case["attr"], f["after"]["settings"]
        theirs = NAMES.get(case["value"], case["value"])
        if f["second"]["after_ms"] > SLOW:      # a slow machine: perhaps after the first had looked for the last time
            continue
        if f["first"]["rc"] == 0:
            assert {k: now[k] for k in GOALS[first]} == GOALS[first], shown(case, f)
            assert attr in GOALS[first] or f["second"]["rc"] or now[attr] == theirs, shown(case, f)
            continue
        if f["second"]["rc"] == 0:
            assert now[attr] in (theirs, GOALS[first].get(attr), f["before"]["settings"][attr]), shown(case, f)
        if "put back as they were" in f["first"]["err"] or "nothing was changed" in f["first"]["err"]:
            assert now == {**f["before"]["settings"], attr: now[attr]}, shown(case, f)


def test_a_rollback_leaves_what_somebody_else_set():
    """The timeout's write takes its time, isolation is switched on by hand meanwhile, then the command fails."""
    case = {"reset": OFF, "fault": f"write@*/timeout_range:1=delay:{SLOW}", "first": "cxl set-timeout root0 D2", "second": f"echo 1 >{DIR}/isolation_ctrl"}
    f, = run("direct1", [case])
    assert f["after"]["settings"]["isolation_ctrl"] == "1", shown(case, f)
    if f["first"]["rc"]:
        assert "changed by somebody else meanwhile" in f["first"]["err"] and f["after"]["settings"]["timeout_range"] == "default", shown(case, f)


def writing(path):
    """Shell commands: what was started last has that file open to write to it, so it looks at nothing more before; or it has ended."""
    return f"until ls -l /proc/$!/fd 2>&1 | grep -q 'wx.*{path}$' || ! kill -0 $!; do sleep 0.01; done"


def test_what_somebody_else_set_is_no_side_effect_of_the_posted_kernel():
    slow = "cxl-sim ctl fault 'write@*/timeout_range:1=delay:1500' >/dev/null"
    s = f"{slow}; cxl set-timeout root0 D2 & {writing('timeout_range')}; echo 1 >{DIR}/isolation_ctrl; wait $!; echo $?"
    r, = Session("direct1").sh(s).run()
    assert r.text.split()[-1] == "4" and "somebody else changed the isolation enable" in r.err, str(r)
    assert "as the posted v1 kernel does" not in r.text + r.err, str(r)


HANDS = {"online": "for m in 146 147; do echo online_movable >/sys/devices/system/memory/memory$m/state; done 2>/dev/null; true",
         "unbind": "echo dax0.0 >/sys/bus/dax/drivers/kmem/unbind", "distribution": "/usr/bin/daxctl online-memory dax0.0; true"}


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("moment", [OFFLINE, "write@*/memory*/state:2", UNBIND, BIND])
def test_memory_that_somebody_brings_online_by_hand_is_said_as_it_is(hand, moment):
    case = {"reset": "true", "fault": f"{moment}=delay:{SLOW}", "first": "daxctl prepare-isolation", "second": HANDS[hand]}
    f, = run("sysram1", [case])
    now, err = f["after"]["memory"], f["first"]["err"]
    if f["second"]["after_ms"] > SLOW:
        return
    if f["first"]["rc"] == 0:
        assert "online" not in now.values(), shown(case, f)
        assert now["dax0.0"] == "device_dax" or "gives the device no driver before the next boot" in err, shown(case, f)
        return
    assert f["first"]["rc"] in (4, 6, 7), shown(case, f)
    if "everything is as it was" in err or "nothing was changed" in err:
        assert now == f["before"]["memory"], shown(case, f)
    if now["dax0.0"] is None and "online" in now.values():
        assert "no driver gets the device before the next boot" in err or "not as it was" in err or "could be taken back" in err, shown(case, f)


def test_memory_that_comes_online_at_the_very_moment_when_kmem_lets_go_is_said_to_stay():
    block = "/sys/devices/system/memory/memory147/state"
    s = (f"cxl-sim ctl fault '{UNBIND}=delay:1500' >/dev/null; daxctl prepare-isolation >/dev/null & {writing('kmem/unbind')}; "
         f"echo online_movable >{block}; wait $!; echo $?; cat {block}")
    r, dax = Session("sysram1").sh(s).daxctl("list", "--isolation").run()
    assert r.text.split() == ["4", "online"] and dax.dax()["dax0.0"]["driver"] is None, f"{r}{dax}"
    assert "that memory stays with the kernel, and no driver gets the device before the next boot" in r.err, str(r)
