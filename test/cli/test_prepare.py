# SPDX-License-Identifier: GPL-2.0-only
"""daxctl prepare-isolation on simulated hosts: what is done and in what order, what is refused, what is put back."""
import json
import shutil

import pytest

from lib.cli import NOBODY, ROOT, Session, dax_user, host_file, run_daxctl
from test_dax_list import shrink

RP = "0000:0c:00.0"
BLOCKS = ["memory146", "memory147"]
LOOK = 'for b in memory146 memory147; do echo "$b $(cat /sys/devices/system/memory/$b/state 2>/dev/null)"; done; ' \
       'for d in /sys/bus/dax/devices/*; do echo "$(basename $d) $(basename $(readlink $d/driver) 2>/dev/null) $(cat $d/memmap_on_memory)"; done'


def did(r):
    """What was written below /sys, by libdaxctl too: (object/attribute, value), in order."""
    return [("/".join(e["path"].split("/")[-2:]), e["data"].rstrip("\n\0")) for e in r.log
            if e.get("op") == "write" and e.get("comm") == "daxctl" and not e["path"].endswith("/uevent")]


def prepare(host, *args, before=None, after=(), user=None, **more):
    """One run, what the kernel says afterwards in .now; AFTER: more commands of daxctl, whose results follow."""
    s = Session(host, before=before, **more).daxctl("prepare-isolation", *args, user=user).sh(LOOK)
    for a in after:
        s.daxctl(*a)
    r, look, *rest = s.run()
    r.now = dict(line.split(" ", 1) for line in look.text.splitlines())
    return (r, *rest) if after else r


def steps(r, dax="dax0.0"):
    return [(s["op"], s["path"].split("/")[-2] + "=" + s["value"], s["state"]) for s in r.dax()[dax]["plan"]]


# -- devdax ------------------------------------------------------------------------------
def test_system_ram_becomes_devdax_in_one_order():
    r, again = prepare("sysram1", "region0", after=[("prepare-isolation", "region0")])
    assert r.rc == 0 and r.dax()["dax0.0"]["result"] == "done" and r.dax()["dax0.0"]["changed"]
    assert steps(r) == [("offline", "memory146=offline", "done"), ("offline", "memory147=offline", "done"), ("mode", "dax0.0=devdax", "done")]
    assert r.now == {"memory146": "", "memory147": "", "dax0.0": "device_dax 1"}
    writes = did(r)
    assert writes[:2] == [("memory146/state", "offline"), ("memory147/state", "offline")]
    assert writes.index(("kmem/unbind", "dax0.0")) < writes.index(("device_dax/new_id", "dax0.0"))
    assert (r.dax()["dax0.0"]["after"]["fit"], r.dax()["dax0.0"]["after"]["mode"]) == (True, "devdax")
    assert again.rc == 0 and again.dax()["dax0.0"]["result"] == "already" and did(again) == [] and not again.dax()["dax0.0"]["changed"]


@pytest.mark.parametrize("wrong", ["drop", "ENODEV"])
@pytest.mark.parametrize("host,mode,driver", [("sysram1", "devdax", "device_dax"), ("direct1", "system-ram", "kmem")])
def test_a_driver_that_was_offered_a_device_in_vain_is_offered_it_again(host, mode, driver, wrong):
    # Linux 7.2 does so right after the device appeared; libdaxctl asks once
    args = [f"--mode={mode}"] if mode == "system-ram" else []
    r = prepare(host, *args, faults=[f"write@*/{driver}/new_id:1={wrong}", f"write@*/{driver}/bind:1={wrong}"])
    assert r.rc == 0 and (r.dax()["dax0.0"]["result"], r.dax()["dax0.0"]["after"]["mode"]) == ("done", mode), str(r)
    assert r.now["dax0.0"].split()[0] == driver


@pytest.mark.long
def test_so_it_is_when_it_gets_its_driver_back():
    r = prepare("sysram1", faults=["write@*/device_dax/new_id:1+=drop", "write@*/kmem/new_id:1=drop"])
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "rolled-back" and r.now["dax0.0"].split()[0] == "kmem", str(r)


def test_it_makes_isolation_possible():
    refused, prepared, enabled = Session("sysram1").cxl("enable-isolation", "root0").daxctl("prepare-isolation", "region0").cxl("enable-isolation", "root0").run()
    assert refused.rc == 1 and "ISO-MEM-ONLINE" in refused.err
    assert prepared.rc == 0 and enabled.rc == 0
    assert enabled.root_ports()[RP]["containment"] in ("contain", "recover")


def test_a_capture_is_not_changed():
    r = run_daxctl(["prepare-isolation", "--sysroot=/", "region0"], host="direct1")
    assert r.rc == 2 and "a capture cannot be changed, nothing was done" in r.err and "cxl-sim run --host / --kernel v1-fixed -- daxctl ..." in r.err, str(r)


def test_a_dry_run_writes_nothing():
    r = prepare("sysram1", "-n")
    assert r.rc == 0 and r.dax()["dax0.0"]["result"] == "planned" and did(r) == []
    assert [s[2] for s in steps(r)] == ["planned"] * 3
    assert r.now["dax0.0"] == "kmem 1" and not r.dax()["dax0.0"]["changed"]


@pytest.mark.parametrize("target", [(), ("all",), ("root0",), ("port1",), (RP,), ("mem0",), ("region0",), ("dax0.0",), ("dax0.0", "region0")])
def test_every_target_leads_to_the_device(target):
    r = prepare("sysram1", *target, "-n")
    assert r.rc == 0 and list(r.dax()) == ["dax0.0"]


def test_devdax_with_memmap_on_memory_only_loses_that(tmp_path):
    r = prepare(host_with_memmap(tmp_path, "direct1-6.12-devdax"))
    assert r.rc == 0 and did(r) == [("dax0.0/memmap_on_memory", "0")] and r.now["dax0.0"] == "device_dax 0"


def test_only_what_was_named_is_touched(tmp_path):
    host = host_file(tmp_path, "direct2x2-6.12-two-regions")
    listed, = Session(host).daxctl("list", "--isolation").run()
    ram = next(n for n, d in listed.dax().items() if d["mode"] == "system-ram")
    other = next(n for n, d in listed.dax().items() if n != ram)
    r, after = Session(host).daxctl("prepare-isolation", ram).daxctl("list", "--isolation").run()
    assert r.rc == 0 and list(r.dax()) == [ram]
    assert after.dax()[other] == listed.dax()[other] and after.dax()[ram]["fit"] is True
    assert not [w for w in did(r) if other in w[0] or other in w[1]]


# -- what stays busy --------------------------------------------------------------------------
BUSY = 'write@*/memory147/state:1+=EBUSY'


def test_a_busy_block_is_named_and_all_is_put_back():
    r = prepare("sysram1", "--timeout=1s", faults=[BUSY])
    assert r.rc == 6 and r.dax()["dax0.0"]["result"] == "rolled-back"
    assert "memory147 stayed busy until the 1 s of --timeout were over" in r.err and "everything is as it was" in r.err
    assert r.now == {"memory146": "online", "memory147": "online", "dax0.0": "kmem 1"}
    assert [s[2] for s in steps(r)] == ["undone", "failed", "planned"]
    assert ("memory146/state", "online_movable") in did(r)
    before, after = r.dax()["dax0.0"]["before"], r.dax()["dax0.0"]["after"]
    assert before == after and r.dax()["dax0.0"]["changed"] is False


def test_a_block_that_is_busy_for_a_moment_is_waited_for():
    r = prepare("sysram1", "--timeout=5s", faults=["write@*/memory147/state:1=EBUSY", "write@*/memory147/state:2=EAGAIN"])
    assert r.rc == 0 and r.now["dax0.0"] == "device_dax 1"


def test_keep_going_leaves_offline_what_is():
    r = prepare("sysram1", "--timeout=1s", "--keep-going", faults=['write@*/memory146/state:1+=EBUSY'])
    assert r.rc == 6 and r.dax()["dax0.0"]["result"] == "failed" and "memory146 stayed busy" in r.err
    assert "what could be taken offline stays so" in r.err and "--keep-going" not in r.err, str(r)
    assert r.now == {"memory146": "online", "memory147": "offline", "dax0.0": "kmem 1"}
    assert r.dax()["dax0.0"]["after"]["blocks"]["online"] == 1
    assert not [w for w in did(r) if "unbind" in w[0]], "memory that is online must never lose its driver"


@pytest.mark.parametrize("fault", ["write@*/memory147/state:1=EIO", "write@*/kmem/unbind:1+=EIO", "write@*/memmap_on_memory:1=EIO",
                                   "write@*/device_dax/new_id:1+=EIO"])
def test_whatever_fails_everything_is_put_back(tmp_path, fault):
    r = prepare(host_with_memmap(tmp_path, "direct1-6.12-sysram"), faults=[fault])
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "rolled-back", str(r)
    assert r.now["memory146"] == r.now["memory147"] == "online" and r.now["dax0.0"].startswith("kmem"), str(r)
    assert r.dax()["dax0.0"]["after"]["mode"] == "system-ram"


def test_what_cannot_be_put_back_is_said():
    r = prepare("sysram1", faults=["write@*/memory147/state:1+=EIO", "write@*/memory146/state:2+=EIO"])
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "failed"
    assert "not all of what was done before could be taken back" in r.err
    assert r.now["memory146"] == "offline" and r.dax()["dax0.0"]["after"]["blocks"]["online"] == 1


LEFT = "echo dax0.0 >/sys/bus/dax/drivers/kmem/unbind"


def test_memory_that_kmem_left_online_goes_offline_and_the_rest_is_said(tmp_path):
    """No driver gets the device before the next boot, but nothing has to be in its memory."""
    r = Session("sysram1").sh(LEFT + "; cxl-sim ctl busy memory147 on").sh("daxctl prepare-isolation --timeout=1s 2>&1 >/dev/null; echo $?").sh("cxl-sim ctl busy memory147 off") \
        .daxctl("prepare-isolation", "-n").daxctl("prepare-isolation").daxctl("list", "--isolation").daxctl("prepare-isolation").cxl("enable-isolation", "root0").sh(LOOK).run()
    busy, dry, done, listed, again, enabled, look = r[1], *r[3:]
    assert "memory147 stayed busy" in busy.text and busy.text.splitlines()[-1] == "6", str(busy)
    for x, result, says in ((dry, "planned", "would go offline"), (done, "done", "goes offline"), (again, "already", "is offline by now")):
        assert x.rc == 0 and x.dax()["dax0.0"]["result"] == result, str(x)
        assert [m["severity"] for m in x.messages(code="LEFT")] == ["warning"] and f"that memory {says}" in x.err and "no driver before the next boot" in x.err, str(x)
    assert listed.dax()["dax0.0"]["fit"] and listed.dax()["dax0.0"]["blocks"] == {"total": 2, "online": 0, "online_bytes": 0, "zones": []}, str(listed)
    assert enabled.rc == 0 and look.text.splitlines() == ["memory146 offline", "memory147 offline", "dax0.0  1"], f"{enabled}{look}"


def test_what_kmem_left_behind_is_devdax_after_the_next_boot():
    s = Session("sysram1").sh(LEFT).daxctl("prepare-isolation", "--persist").sh("cxl-sim ctl reboot").daxctl("list", "--isolation")
    _, prepared, _, listed = s.run()
    assert prepared.rc == 0 and prepared.dax()["dax0.0"]["result"] == "done", str(prepared)
    assert (listed.dax()["dax0.0"]["mode"], listed.dax()["dax0.0"]["fit"]) == ("devdax", True), str(listed)


@pytest.mark.parametrize("args", [["--mode=system-ram"], ["--undo"]])
def test_what_kmem_left_behind_can_be_nothing_else_before_the_next_boot(args):
    _, r, look = Session("sysram1").sh(LEFT).daxctl("prepare-isolation", *args).sh(LOOK).run()
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "refused" and "reboot the host, then run the command again" in r.err and did(r) == [], str(r)
    assert look.text.splitlines() == ["memory146 online", "memory147 online", "dax0.0  1"], str(look)


@pytest.mark.parametrize("busy", [False, True])
def test_what_a_rule_brought_online_goes_offline_before_kmem_lets_go(busy):
    """Taken from kmem with memory online the device would get no driver before the next boot: drivers/dax/kmem.c."""
    fails = ["read@*/memory146/state:1=delay:1000",     # the rule is through before the first block's step
             *(f"read@*/memory147/state:{i}=EIO" for i in (1, 2, 3))]    # all that is looked at before the second's
    rule = 'SUBSYSTEM=="memory", ACTION=="add", ATTR{state}="online_movable"'
    r, look, iomem = Session("direct1", faults=fails).sh(f"mkdir -p /etc/udev/rules.d; echo '{rule}' >/etc/udev/rules.d/40-memory.rules" +
                                                         ("; cxl-sim ctl busy memory146 on" if busy else "")) \
        .daxctl("prepare-isolation", "--mode=system-ram").sh(LOOK).sh("cat /proc/iomem").run()[1:]
    assert r.rc == 4 and "bring memory147 of dax0.0 online) failed" in r.err, str(r)
    if busy:
        assert "not all of what was done before could be taken back" in r.err and r.dax()["dax0.0"]["result"] == "failed", str(r)
        assert look.text.splitlines() == ["memory146 online", "memory147 online", "dax0.0 kmem 1"], str(look)
    else:
        assert "everything is as it was" in r.err and r.dax()["dax0.0"]["result"] == "rolled-back", str(r)
        assert look.text.splitlines() == ["memory146 ", "memory147 ", "dax0.0 device_dax 1"] and "kmem" not in iomem.text, f"{look}{iomem}"


def test_a_block_that_comes_online_again_while_it_is_taken_back_is_taken_back_again():
    """A rule that is late: after 'offline' was written, before that is read back."""
    fails = [*(f"read@*/memory147/state:{i}=EIO" for i in (1, 2, 3)), "read@*/memory146/state:3=delay:700", "read@*/memory146/state:4=delay:700"]
    until = "n=0; while [ \"$(cat memory146/online)\" != {} ] && [ $n -lt 200 ]; do n=$((n+1)); sleep 0.01; done; "
    late = "(cd /sys/devices/system/memory; " + until.format(1) + until.format(0) + "echo online_movable >memory146/state) 2>/dev/null & "
    r, look = Session("direct1", faults=fails).sh(late + "daxctl prepare-isolation --mode=system-ram 2>&1 >/dev/null; echo $?; wait").sh(LOOK).run()
    assert "bring memory147 of dax0.0 online) failed" in r.text and "everything is as it was" in r.text and r.text.splitlines()[-1] == "4", str(r)
    assert look.text.splitlines() == ["memory146 ", "memory147 ", "dax0.0 device_dax 1"], str(look)


@pytest.mark.parametrize("busy", [False, True])
def test_memory_that_comes_online_meanwhile_goes_offline_again_or_the_device_stays(busy):
    """Somebody brings memory146 back while memory147 still goes offline."""
    meanwhile = "(cd /sys/devices/system/memory/memory146; while ! grep -q offline state; do sleep 0.02; done; sleep 0.2; echo online_movable >state" + \
        ("; cxl-sim ctl busy memory146 on" if busy else "") + ") & "
    s = Session("sysram1", faults=["write@*/memory147/state:1=delay:700"])
    r, look = s.sh(meanwhile + "daxctl prepare-isolation --keep-going 2>&1 >/dev/null; echo $?; wait").sh(LOOK).run()
    if busy:
        assert "came online again and stayed busy, so it was not taken from kmem" in r.text and r.text.splitlines()[-1] == "6", str(r)
        assert look.text.splitlines() == ["memory146 online", "memory147 online", "dax0.0 kmem 1"], str(look)
    else:
        assert r.text == "0\n" and look.text.splitlines() == ["memory146 ", "memory147 ", "dax0.0 device_dax 1"], f"{r}{look}"


def test_a_signal_ends_the_wait_and_everything_is_put_back(tmp_path):
    host = host_file(tmp_path, busy_blocks=["memory147"])
    stop = "p=$!; while ! grep -q offline /sys/devices/system/memory/memory146/state; do sleep 0.02; done; sleep 0.2; kill -TERM $p; wait $p; true"
    for args in ([], ["--keep-going"]):
        r, look = Session(host).sh(f"daxctl prepare-isolation {' '.join(args)} & {stop}").sh(LOOK).run()
        r.json = json.loads(r.text)
        assert r.json["exit_status"] == 5 and "a signal ended the command" in r.err and "all the same" not in r.err, str(r)
        now = dict(line.split(" ", 1) for line in look.text.splitlines())
        assert now == {"memory146": "offline" if args else "online", "memory147": "online", "dax0.0": "kmem 1"}, str(r)


# -- System RAM all the same ---------------------------------------------------------------------
def test_system_ram_comes_online_only_after_isolation_is_on():
    r = prepare("sysram1", "--mode=system-ram", after=[("prepare-isolation", "--mode=system-ram")])
    r, again = r
    assert r.rc == 0 and r.dax()["dax0.0"]["result"] == "done"
    assert [s[:2] for s in steps(r)] == [("offline", "memory146=offline"), ("offline", "memory147=offline"), ("write", "cxl_isolation=1"),
                                         ("online", "memory146=online_movable"), ("online", "memory147=online_movable")]
    w = [x for x in did(r) if x[0].endswith(("state", "isolation_ctrl"))]
    assert w == [("memory146/state", "offline"), ("memory147/state", "offline"), ("cxl_isolation/isolation_ctrl", "1"),
                 ("memory146/state", "online_movable"), ("memory147/state", "online_movable")]
    assert again.rc == 0 and again.dax()["dax0.0"]["result"] == "already" and did(again) == []


def host_with_memmap(tmp_path, base):
    """A host whose kernel puts struct pages on the memory itself."""
    return host_file(tmp_path, base, files={"sys/module/memory_hotplug/parameters/memmap_on_memory": "Y\n"})


@pytest.mark.parametrize("base", ["direct1-6.12-sysram", "direct1-6.12-devdax"])
def test_system_ram_gets_no_struct_pages_on_itself(tmp_path, base):
    host = host_with_memmap(tmp_path, base)
    r, again, undo = Session(host).daxctl("prepare-isolation", "--mode=system-ram").daxctl("prepare-isolation", "--mode=system-ram") \
        .daxctl("prepare-isolation", "--undo").run()
    assert r.rc == 0, str(r)
    offline = ["offline", "offline"] if base.endswith("sysram") else []
    assert [s[0] for s in steps(r)] == [*offline, "mode", "memmap", "write", "mode", "online", "online"]
    after = r.dax()["dax0.0"]["after"]
    assert (after["mode"], after["memmap_on_memory"], after["checks"]) == \
        ("system-ram", {"device": False, "parameter": "Y", "in_force": False}, ["ISO-MEM-ONLINE"])
    assert again.dax()["dax0.0"]["result"] == "already"
    assert (undo.dax()["dax0.0"]["result"], undo.dax()["dax0.0"]["after"]["mode"]) == ("done", "system-ram" if base.endswith("sysram") else "devdax")
    assert undo.dax()["dax0.0"]["after"]["memmap_on_memory"]["device"] is True


def test_struct_pages_on_it_are_a_reason_to_prepare_and_undo_brings_them_back(tmp_path):
    before, r, undo = Session(host_with_memmap(tmp_path, "direct1-6.12-sysram")).daxctl("list", "--isolation").daxctl("prepare-isolation") \
        .daxctl("prepare-isolation", "--undo").run()
    assert before.dax()["dax0.0"]["checks"] == ["ISO-MEM-ONLINE", "ISO-MEMMAP"]
    assert r.rc == 0 and r.dax()["dax0.0"]["after"]["fit"] is True
    assert undo.rc == 0 and undo.dax()["dax0.0"]["after"]["checks"] == ["ISO-MEM-ONLINE", "ISO-MEMMAP"], str(undo)


POLICY_AND_ZONES = 'cat /sys/devices/system/memory/auto_online_blocks /sys/devices/system/memory/memory14[67]/valid_zones'


@pytest.mark.parametrize("policy", ["online", "online_kernel", "online_movable", "offline"])
@pytest.mark.parametrize("way", ["--mode=system-ram", "--undo"])
def test_system_ram_is_movable_whatever_the_kernel_s_policy_is(policy, way):
    s = Session("direct1" if way != "--undo" else "sysram1", before=f"echo {policy} > /sys/devices/system/memory/auto_online_blocks")
    if way == "--undo":
        s.daxctl("prepare-isolation")
    *_, made, zones, back = s.daxctl("prepare-isolation", way).sh(POLICY_AND_ZONES).daxctl("prepare-isolation").run()
    assert made.rc == 0 and made.dax()["dax0.0"]["after"]["mode"] == "system-ram"
    assert zones.text.split() == [policy, "Movable", "Movable"] and "ZONE" not in made.err
    assert back.rc == 0 and back.dax()["dax0.0"]["after"]["fit"]


@pytest.mark.parametrize("faults, rc", [(["write@*/memmap_on_memory:1=EIO"], 4), ([], 0)])
def test_what_is_put_back_is_in_its_zone_whatever_the_kernel_s_policy_is(tmp_path, faults, rc):
    s = Session(host_with_memmap(tmp_path, "direct1-6.12-sysram"), before="echo online > /sys/devices/system/memory/auto_online_blocks", faults=faults)
    r, undone, zones = s.daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").sh(POLICY_AND_ZONES).run()
    assert (r.rc, undone.rc) == (rc, 0) and zones.text.split() == ["online", "Movable", "Movable"]


@pytest.mark.parametrize("way", ["--mode=system-ram", "--undo"])
def test_memory_that_somebody_else_brought_online_in_another_zone_is_said(way):
    rule = 'SUBSYSTEM=="memory", ACTION=="add", ATTR{state}="online"'
    s = Session("direct1" if way != "--undo" else "sysram1", before=f"mkdir -p /etc/udev/rules.d; echo '{rule}' > /etc/udev/rules.d/40-memory.rules")
    if way == "--undo":
        s.daxctl("prepare-isolation")
    s.sh("cxl-sim ctl fault read@*/memory146/state:1=delay:1000")   # before the first block's step
    *_, r, zones = s.daxctl("prepare-isolation", way).sh(POLICY_AND_ZONES).run()
    assert r.rc == 0 and zones.text.split()[1:] == ["Normal", "Normal"]
    # it switches isolation on, and says what that alone does not contain
    codes = (["ISO-TIMEOUT-OFF"] if way != "--undo" else []) + ["ZONE"]
    assert [m["code"] for m in r.json["messages"]] == codes and "2 of its memory blocks" in r.json["messages"][-1]["text"]


def test_devdax_becomes_system_ram_only_after_isolation():
    r, status = Session("direct1").daxctl("prepare-isolation", "--mode=system-ram").cxl("list", "--isolation").run()
    assert r.rc == 0, str(r)
    assert [s[0] for s in steps(r)] == ["write", "mode", "online", "online"]
    after = r.dax()["dax0.0"]["after"]
    assert (after["mode"], after["memmap_on_memory"]["in_force"], after["blocks"]["online"]) == ("system-ram", False, 2)
    assert status.root_ports()[RP]["control"]["mem"]["isolation"] is True


def test_where_isolation_is_refused_everything_is_put_back():
    r, busy = prepare("sysram1", "--mode=system-ram", faults=["write@*/isolation_ctrl:1=EIO"]), prepare("direct1", "--mode=system-ram", kernel="v1-fixed", faults=["write@*/isolation_ctrl:1=EIO"])
    for each in (r, busy):
        assert each.rc == 4 and each.dax()["dax0.0"]["result"] == "rolled-back", str(each)
        assert "could not be switched on" in each.err and "switched off" not in each.err, str(each)
        assert each.dax()["dax0.0"]["before"] == each.dax()["dax0.0"]["after"]


@pytest.mark.parametrize("host", ["sysram1", "direct1"])
def test_on_a_kernel_without_isolation_the_way_to_system_ram_is_said_and_leads_there(host):
    s = Session(host, "mainline").daxctl("prepare-isolation", "--mode=system-ram", "-n").daxctl("prepare-isolation", "--mode=system-ram")
    dry, r, *_ = s.run()
    for each in (dry, r):
        assert each.rc == 3 and each.dax()["dax0.0"]["result"] == "refused" and did(each) == [] and "ISO-ABI" in each.err, str(each)
    steps_said = [part for part in r.err.split("'")[1::2] if part.startswith(("cxl ", "daxctl "))]
    assert len(steps_said) == 2, str(r)
    s = Session(host, "mainline")
    for command in steps_said:
        s.sh(command)
    *done, last, status = s.daxctl("prepare-isolation", "--mode=system-ram").cxl("list", "--isolation").run()
    assert all(d.rc == 0 for d in done) and last.rc == 0 and last.dax()["dax0.0"]["after"]["blocks"]["online"] == 2, str(last)
    assert status.root_ports()[RP]["control"]["mem"]["isolation"] is True


def test_memory_below_root_ports_that_are_not_known_does_not_become_system_ram():
    r = prepare("direct1", "--mode=system-ram", faults=["read@*/target0:1=EIO"])
    assert r.rc == 3 and r.dax()["dax0.0"]["result"] == "refused" and did(r) == [] and "which root ports are above it is not fully known" in r.err, str(r)
    r = prepare("direct1", faults=["read@*/target0:1=EIO"])
    assert r.rc == 0 and "the serial numbers of its devices cannot be read" in r.err, str(r)


def test_a_failure_to_online_also_takes_isolation_back():
    r, status = Session("direct1", faults=["write@*/memory147/state:1+=EIO"]).daxctl("prepare-isolation", "--mode=system-ram").cxl("list", "--isolation").run()
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "rolled-back", str(r)
    assert status.root_ports()[RP]["control"]["mem"]["isolation"] is False


# -- undo --------------------------------------------------------------------------------------------
def test_undo_makes_it_system_ram_again():
    s = Session("sysram1").daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").daxctl("prepare-isolation", "--undo").sh(LOOK)
    _, r, again, look = s.run()
    assert r.rc == 0 and r.dax()["dax0.0"]["result"] == "done" and again.dax()["dax0.0"]["result"] == "already"
    assert look.text.splitlines() == ["memory146 online", "memory147 online", "dax0.0 kmem 1"]


ZONES = 'for b in memory146 memory147; do echo "$b $(cat /sys/devices/system/memory/$b/state 2>/dev/null) $(cat /sys/devices/system/memory/$b/valid_zones 2>/dev/null)"; done; ' \
        'for d in /sys/bus/dax/devices/*; do echo "$(basename $d) $(basename $(readlink $d/driver) 2>/dev/null) $(cat $d/memmap_on_memory)"; done; cat /sys/bus/cxl/devices/region0/size'
BY_HAND = "cd /sys/devices/system/memory; echo offline >memory146/state; echo offline >memory147/state; echo online_kernel >memory146/state"


@pytest.mark.parametrize("host, by_hand, ways", [
    ("sysram1", BY_HAND, [[], ["--mode=system-ram"], ["--persist"]]),          # a part of it online, in zone Normal
    ("direct1", "true", [[], ["--mode=system-ram"], ["--persist"]]),           # device-dax, with memmap_on_memory
    ("direct1", "echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind", [[], ["--mode=system-ram"]])])
def test_undo_makes_of_it_what_it_was_and_nothing_the_second_time(tmp_path, host, by_hand, ways):
    base = {"sysram1": "direct1-6.12-sysram", "direct1": "direct1-6.12-devdax"}[host]
    where = host_file(tmp_path, base, files={"sys/module/memory_hotplug/parameters/memmap_on_memory": "Y\n"})
    for way in ways:
        undo = ["prepare-isolation", "--undo", *(["--persist"] if "--persist" in way else [])]
        s = Session(where, before=f"{by_hand}; true").sh(ZONES).daxctl("prepare-isolation", *way).daxctl("prepare-isolation", *way) \
            .daxctl("prepare-isolation").daxctl(*undo, "-n").daxctl(*undo).sh(ZONES).daxctl(*undo).sh(ZONES)
        before, first, _, _, dry, undone, after, again, last = s.run()
        assert first.rc == dry.rc == undone.rc == again.rc == 0, f"{way}\n{first}{dry}{undone}{again}"
        assert after.text == before.text == last.text, f"{way}\n{before}{after}{last}{undone}"
        assert undone.dax()["dax0.0"]["result"] == "done" and again.dax()["dax0.0"]["result"] == "already" and did(again) == [], f"{way}\n{again}"


def test_what_was_done_by_hand_since_is_what_it_was():
    s = Session("sysram1").daxctl("prepare-isolation").sh("daxctl reconfigure-device --mode=system-ram dax0.0; " + BY_HAND).sh(ZONES) \
        .daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").sh(ZONES)
    _, _, before, _, undo, after = s.run()
    assert undo.rc == 0 and after.text.splitlines()[:2] == before.text.splitlines()[:2] and "memory147 offline" in before.text, f"{before}{after}"


def test_a_boot_is_the_end_of_what_was_not_to_last():
    s = Session("direct1").daxctl("prepare-isolation").sh("cxl-sim ctl reboot").sh(LOOK).daxctl("prepare-isolation", "--undo").sh(LOOK)
    _, _, before, undo, after = s.run()
    assert undo.rc == 0 and undo.dax()["dax0.0"]["result"] == "already" and did(undo) == [] and before.text == after.text and "kmem" in after.text, f"{before}{undo}"


def test_blocks_that_stayed_busy_once_are_not_forgotten():
    s = Session("sysram1").sh("cxl-sim ctl busy memory147 on").daxctl("prepare-isolation", "--timeout=1s", "--keep-going").sh("cxl-sim ctl busy memory147 off") \
        .daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").sh(LOOK)
    _, part, _, done, undo, after = s.run()
    assert part.rc == 6 and done.rc == undo.rc == 0 and after.text.splitlines()[:2] == ["memory146 online", "memory147 online"], f"{undo}{after}"


def test_what_it_was_survives_a_run_that_was_killed_half_way():
    s = Session("sysram1").sh("cxl-sim ctl fault write@*/device_dax/new_id:1=kill-before; daxctl prepare-isolation; cxl-sim ctl fault none").sh(LOOK) \
        .daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").sh(LOOK)
    _, between, done, undo, after = s.run()
    assert "dax0.0 . " in between.text.replace("dax0.0  ", "dax0.0 . "), str(between)
    assert done.rc == undo.rc == 0 and after.text.splitlines()[:2] == ["memory146 online", "memory147 online"], f"{between}{undo}{after}"


def test_a_zone_that_could_not_be_read_does_not_come_back_as_normal():
    s = Session("sysram1", faults=["read@*/memory146/valid_zones:1=EIO"]).daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").sh(ZONES)
    r, undo, look = s.run()
    assert r.rc == undo.rc == 0 and look.text.splitlines()[:2] == ["memory146 online Movable", "memory147 online Movable"], str(look)


def test_undo_of_what_was_rolled_back_does_not_believe_an_old_state():
    s = Session("sysram1").sh("cxl-sim ctl busy memory147 on").daxctl("prepare-isolation", "--timeout=1s").sh("cxl-sim ctl busy memory147 off; " + BY_HAND) \
        .sh(ZONES).daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").sh(ZONES)
    _, failed, _, before, _, undo, after = s.run()
    assert failed.rc == 6 and undo.rc == 0 and after.text.splitlines()[:2] == before.text.splitlines()[:2], f"{before}{after}"


@pytest.mark.parametrize("state", ["damaged", "missing", "of other memory", "no directory"])
def test_where_it_is_not_known_what_it_was_that_is_said_and_it_stays(state):
    spoil = {"damaged": 'for f in "$CXL_STATE_DIR"/*.before; do echo "{" >$f; done', "missing": 'rm "$CXL_STATE_DIR"/*.before',
             "of other memory": 'sed -i s/0x1001/0x1002/ "$CXL_STATE_DIR"/*.before', "no directory": 'rm -r "$CXL_STATE_DIR"; :>"$CXL_STATE_DIR"'}[state]
    _, prepared, spoiled, undo, look = Session("sysram1").sh(BY_HAND).daxctl("prepare-isolation").sh(spoil).daxctl("prepare-isolation", "--undo").sh(LOOK).run()
    assert prepared.rc == spoiled.rc == 0 and undo.rc == (3 if state == "missing" else 4) and did(undo) == [], f"{prepared}{spoiled}{undo}"
    assert look.text.splitlines() == ["memory146 ", "memory147 ", "dax0.0 device_dax 1"], str(look)
    assert "what it was" in undo.err and "is not known" in undo.messages(code="BEFORE")[0]["text"] and \
        len(undo.err.strip().splitlines()) == (2 if state == "no directory" else 1), str(undo)  # nor is there a lock


def test_where_it_cannot_be_kept_what_it_was_that_is_said():
    _, r, undo = Session("sysram1").sh('rm -rf "$CXL_STATE_DIR"; : >"$CXL_STATE_DIR"').daxctl("prepare-isolation").daxctl("prepare-isolation", "--undo").run()
    assert r.rc == 0 and "--undo will not know what to put back, and leave it as it is" in r.err and undo.rc == 4, f"{r}{undo}"


def test_undo_spares_memory_that_is_in_use():
    for args in (("--undo",), ("--mode=system-ram",)):
        r, = Session("direct1", before=dax_user("map")).daxctl("prepare-isolation", *args).run()
        assert r.rc == 1 and r.dax()["dax0.0"]["result"] == "refused" and did(r) == []
        assert "ISO-BUSY" in [m["code"] for m in r.json["messages"]] and "(python3) has mapped it" in r.err


# -- bad input, no privilege ---------------------------------------------------------------------------
@pytest.mark.parametrize("args,says", [
    (("--mode=ram",), "'ram' is not a mode"), (("--timeout=soon",), "'soon' is not a duration"), (("--timeout=-1s",), "is not a duration"),
    (("--undo", "--mode=devdax"), "contradict"), (("dax9.9",), "use one of"), (("--nonsense",), "--nonsense"), (("memx",), "'memx'")])
def test_bad_input_is_one_sentence_and_does_nothing(args, says):
    r = prepare("sysram1", *args)
    assert r.rc == 2 and says in r.err and len(r.err.strip().splitlines()) == 1 and did(r) == [] and r.json["dax"] == []


def test_another_user_is_told_to_be_root():
    r = prepare("sysram1", user=NOBODY)
    assert r.rc == 3 and "root" in r.err and r.now["memory146"] == "online" and len(r.err.strip().splitlines()) == 1, str(r)
    assert "nothing was changed" in r.err and "as it was" not in r.err, str(r)
    r = prepare("direct1", "--undo", user=NOBODY)
    assert r.rc == 3 and "Permission denied; run the command as root" in r.err and "busy" not in r.err, str(r)


def test_a_host_without_dax_memory_has_nothing_to_prepare():
    r = prepare(ROOT / "test/hosts/captures/direct1-6.12-noregion.tar.xz", kernel=None)
    assert r.rc == 3 and "no dax device" in r.err


@pytest.mark.parametrize("args", [[], ["region0"], ["--persist", "mem0"]])
def test_memory_that_firmware_made_system_ram_is_not_said_to_be_missing(tree, args):
    """cxl_region_probe() makes no dax device where System RAM is already: drivers/cxl/core/region.c."""
    d = tree("direct1-6.12-sysram")
    shutil.rmtree(d / "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0")
    for name in ("sys/bus/dax/devices/dax0.0", "sys/bus/cxl/devices/dax_region0"):
        (d / name).unlink()
    r, = Session(d, kernel=None).daxctl("prepare-isolation", "-n", *args).run()
    assert r.rc == 4 and "region0: its memory is System RAM, and there is no dax device of it" in r.err and "have firmware set it aside" in r.err, str(r)
    assert "create-region" not in r.err


def test_it_never_touches_a_region():
    for args in ((), ("--mode=system-ram",), ("--undo",)):
        r = prepare("sysram1", *args)
        assert not [e for e in r.log if e["op"] == "write" and ("region" in e["path"].rsplit("/", 1)[1] or e["path"].rsplit("/", 1)[1] == "commit")]


# -- devices of a part of their region, or of nothing -------------------------------------
def test_a_device_without_memory_is_left_out(tree):
    d = tree("direct1-6.12-devdax")
    shrink(d, 0)
    for goal in ((), ("--mode=system-ram",), ("--undo",)):
        r = prepare(str(d), *goal)
        assert r.rc == 3 and did(r) == [] and r.dax()["dax0.0"]["result"] == "skipped"
        assert [m["text"] for m in r.messages(code="EMPTY")] == ["dax0.0 is left out: it has no memory, its size is 0, so no driver takes it"]
    named = prepare(str(d), "dax0.0")
    assert named.rc == 3 and did(named) == [] and "dax0.0: it has no memory, its size is 0" in named.err


def test_only_the_blocks_of_a_device_s_own_part_are_brought_online(tree):
    d = tree("direct1-6.12-devdax")
    shrink(d, 1 << 27)
    r = prepare(str(d), "--mode=system-ram", "-n")
    assert r.rc == 0 and [s[1] for s in steps(r) if s[0] == "online"] == ["memory146=online_movable"]


@pytest.mark.parametrize("way", ["--mode=system-ram", "--undo"])
def test_memory_below_an_isolated_port_does_not_come_online(way):
    s = Session("sysram1", before="daxctl prepare-isolation >/dev/null; cxl enable-isolation root0 >/dev/null; cxl-sim ctl link-down 0000:0c:00.0 >/dev/null")
    r, after = s.daxctl("prepare-isolation", way).sh("cat /sys/bus/dax/devices/dax0.0/uevent; basename $(readlink /sys/bus/dax/devices/dax0.0/driver)").run()
    assert r.rc == 1 and "ISO-ISOLATED" in str(r.json["messages"]) and "cxl recover-port 0000:0c:00.0" in r.err, str(r)
    assert after.text.splitlines()[-1] == "device_dax" and not [e for e in r.log if e["op"] == "write" and e.get("comm") == "daxctl"]
