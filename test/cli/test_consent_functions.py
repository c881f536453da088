# SPDX-License-Identifier: GPL-2.0-only
"""recover-port with a driver's consent, of a device of several PCI functions: all of them end, virtual ones too, and come back as they were."""
import json

import pytest

from lib.cli import ROOT, SIM, Session, host_file, quote
from lib.recovering import PORT, STATE, cxl_writes, journals

CONSENT = "--driver-consent=sfc"
ON = ["enable-isolation", "root0", "--cache", "--registers"]
TIMED_OUT = f"{SIM} ctl timeout {PORT} cache"
PCI = "/sys/bus/pci/devices"
# Every function with what it has, and what the region is.
PICTURE = f"cd {PCI}; for f in 0000:0d:00.[0-9] 0000:0f:*; do echo $f $(readlink $f/driver | sed 's,.*/,,') $(cat $f/driver_override) " \
          "$(cat $f/sriov_numvfs $f/sriov_drivers_autoprobe 2>/dev/null); done; cd /sys/bus/cxl/devices; cat region0/commit region0/size region0/resource"
DEVICE = "0000:0d:00.0"
DIR = f"sys/devices/pci0000:0c/{PORT}/0000:0d:00."
ABOVE = f"/sys/devices/pci0000:0c/{PORT}/0000:0d:00.0/0000:0e:00.0"
VFIO = ["sfc", None, "vfio-pci"]
HOLDS = "import os, time; os.open('/dev/vfio/devices/vfio6', os.O_RDWR | os.O_CREAT); print(os.getpid(), flush=True); time.sleep(600)"
HOLD = f"mkdir -p /dev/vfio/devices; /usr/bin/python3 -I -c {quote(HOLDS)} >$SCRATCH/user & until [ -s $SCRATCH/user ]; do sleep 0.02; done"


def direct(tmp_path, vfs=VFIO, policy=None, **more):
    """The same device below a root port itself."""
    etc = {"etc": {"cxl/isolation.conf": policy}} if policy else {}
    ports = {"*": {"cache_timeout": True, "cache_timeout_ranges": "AB", "cache_isolation": True, "cache_link_down": True}}
    return host_file(tmp_path, "direct1-6.12-noregion", root_ports=ports, devices={DEVICE: {"type": 2, "driver": "sfc"}},
                     accelerators={DEVICE: {"functions": 2, "vfs": vfs, "region": 0x10000000}}, **etc, **more)


def isolated(name, **more):
    return Session(name, **more).sh(PICTURE).cxl(*ON).cxl("list", "--isolation").sh(TIMED_OUT)


def rec(r):
    return r.root_ports()[PORT]


def test_below_a_switch_every_function_ends_and_is_back_with_its_driver():
    before, _, listed, _, refused, r, after, again, state = isolated("accel2").cxl("recover-port", PORT).cxl("recover-port", CONSENT, PORT) \
        .sh(PICTURE).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    assert rec(listed)["containment"] == "contain" and refused.rc == 1 and not cxl_writes(refused.log), str(refused)
    assert r.rc == 0 and rec(r)["result"] == "done" and not journals(state), str(r)
    assert before.text == after.text and "0000:0f:00.4 sfc" in before.text and rec(again)["control"] == rec(listed)["control"]
    assert rec(r)["accelerator"]["functions"] == [
        {"function": "0000:0f:00.0", "driver": "sfc", "physical_function": None}, {"function": "0000:0f:00.1", "driver": "sfc", "physical_function": None},
        {"function": "0000:0f:00.4", "driver": "sfc", "physical_function": "0000:0f:00.0"}, {"function": "0000:0f:00.5", "driver": None, "physical_function": "0000:0f:00.0"}]
    assert "0000:0f:00.1 (sfc), 0000:0f:00.4 (sfc), 0000:0f:00.5" in r.err
    writes = cxl_writes(r.log)
    ends = [(f"{ABOVE}/0000:0f:00.0/sriov_numvfs", "0"), ("/sys/bus/pci/drivers/sfc/unbind", "0000:0f:00.1"), ("/sys/bus/pci/drivers/sfc/unbind", "0000:0f:00.0")]
    assert [w for w in writes if w in ends] == ends
    # the link that goes down is the root port's, with the switch below it
    assert [p for p, _ in writes if p.endswith("/remove")] == [f"/sys/devices/pci0000:0c/{PORT}/0000:0d:00.0/remove"]
    assert writes.index((f"{ABOVE}/0000:0f:00.0/sriov_numvfs", "2")) > writes.index((f"/sys/devices/pci0000:0c/{PORT}/rescan", "1"))


def test_who_has_a_function_by_vfio_is_refused_by_name_until_its_end_is_asked_for(tmp_path):
    before, _, listed, _, r, dry, done, user, after = isolated(direct(tmp_path, policy=f"[{PORT}]\ndriver-consent = sfc\n"), before=HOLD) \
        .cxl("recover-port", PORT).cxl("recover-port", "-n", "--users=terminate", PORT).cxl("recover-port", "--users=terminate", PORT) \
        .sh("kill -0 $(cat $SCRATCH/user) 2>/dev/null; echo $?").sh(PICTURE).run()
    assert rec(listed)["containment"] == "contain", str(listed)
    assert r.rc == 1 and rec(r)["blocker"] == "ISO-TYPE2" and "or to processes: 0000:0d:00.6; with --users=terminate" in r.err, str(r)
    assert not cxl_writes(r.log) and dry.rc == 0 and not cxl_writes(dry.log)
    assert done.rc == 0 and rec(done)["result"] == "done" and user.text == "1\n", str(done)
    assert before.text == after.text and "0000:0d:00.6 vfio-pci vfio-pci" in before.text
    # given its driver by name, and no function given one that it did not have
    assert (f"/{DIR}6/driver_override", "vfio-pci") in cxl_writes(done.log)
    assert not [w for w in cxl_writes(done.log) if w[1] == "0000:0d:00.5"]


def test_with_its_end_in_the_policy_it_comes_back_and_is_promised_nothing_that_a_kernel_may_lose(tmp_path):
    off = f"echo 0 >{PCI}/{DEVICE}/sriov_drivers_autoprobe"
    before, _, listed, _, r, after = isolated(direct(tmp_path, policy=f"[{PORT}]\ndriver-consent = sfc\nusers = terminate\n"), before=off) \
        .cxl("recover-port", PORT).sh(PICTURE).run()
    assert rec(listed)["containment"] == "contain" and "ISO-TYPE2" in rec(listed)["limits"], str(listed)
    assert r.rc == 0 and before.text == after.text and f"{DEVICE} sfc (null) 3 0" in after.text, str(r)
    # without any it is as before, too
    before, _, listed, r, after = Session(direct(tmp_path, [], policy=f"[{PORT}]\ndriver-consent = sfc\n"), before=off).sh(PICTURE).cxl(*ON).cxl("list", "--isolation").cxl("recover-port", "--force-healthy", CONSENT, PORT).sh(PICTURE).run()
    assert r.rc == 0 and before.text == after.text and f"{DEVICE} sfc (null) 0 0" in after.text, str(r)
    assert rec(listed)["containment"] == "recover" and "ISO-TYPE2" in rec(listed)["notes"], str(listed)


@pytest.mark.parametrize("fault", ["write@*/sriov_numvfs:1=kill-after", "write@*/sfc/unbind:1=kill-after", "write@*/sfc/unbind:2=kill-before",
                                   "write@*/sriov_numvfs:2=kill-before", "write@*/sriov_numvfs:2=kill-after", "write@*/sriov_drivers_autoprobe:1=kill-after",
                                   "write@*/driver_override:1=kill-after", "write@*/vfio-pci/bind:1=kill-before"])
def test_killed_it_is_resumed_and_all_functions_are_back(tmp_path, fault):
    before, _, _, _, without, _, r, after, state = isolated(direct(tmp_path), faults=[fault]).cxl("recover-port", PORT) \
        .sh(f"cxl recover-port {CONSENT} --users=kill {PORT} >&2; test $? = 137").cxl("recover-port", "--resume", PORT).sh(PICTURE).sh(f"ls {STATE}").run()
    assert f"cxl recover-port {CONSENT} --users=terminate {PORT}" in without.err, str(without)
    assert r.rc == 0 and rec(r)["result"] == "done" and before.text == after.text and not journals(state), str(r)


@pytest.mark.parametrize("more,word", [
    ({"unreadable": {f"{DIR}0/sriov_drivers_autoprobe": "EIO"}}, "its sriov_drivers_autoprobe cannot be read"),
    ({"unreadable": {f"{DIR}4/driver_override": "EIO"}}, "which driver 0000:0d:00.4 is to have cannot be told"),
    ({"files": {f"{DIR}1/driver_override": "sfc\n"}}, "0000:0d:00.1 may have its driver by driver_override"),
    ({"before": f"echo '(none)' >{PCI}/0000:0d:00.4/driver_override"}, "0000:0d:00.4 has the driver_override '(none)', which is no driver's name"),
])
def test_where_something_of_a_function_cannot_be_told_it_stays_contain(tmp_path, more, word):
    more = dict(more)
    before = more.pop("before", "true")
    s = Session(direct(tmp_path, ["sfc"], "[all]\ndriver-consent = sfc\n", **more), before=before).cxl(*ON).cxl("isolation-status", "--check") \
        .cxl("recover-port", "--force-healthy", PORT).run()
    assert rec(s[1])["containment"] == "contain" and word in json.dumps(rec(s[1])["checks"]), str(s[1])
    assert s[2].rc == 1 and rec(s[2])["blocker"] == "ISO-TYPE2" and word in s[2].err and not cxl_writes(s[2].log), str(s[2])


def test_another_device_below_the_switch_is_named_and_refused(tmp_path):
    d = json.loads((ROOT / "test/hosts/accel2.json").read_text(encoding="utf-8"))
    del d["devices"]["0000:11:00.0"]
    s = Session(host_file(tmp_path, "switch4-6.12-noregion", **{k: v for k, v in d.items() if k not in ("base", "description", "kernel")})) \
        .cxl(*ON).cxl("recover-port", "--force-healthy", CONSENT, PORT).run()
    assert s[1].rc == 1 and "it reaches one device alone, and below 0000:0c:00.0 there is more: mem" in s[1].err and not cxl_writes(s[1].log), str(s[1])


def test_a_region_that_the_kernel_locked_is_refused_and_stays_contain():
    s = Session("accel-locked").cxl(*ON).cxl("list", "--isolation").sh(TIMED_OUT).cxl("recover-port", CONSENT, PORT).run()
    assert rec(s[1])["containment"] == "contain" and "ISO-REGION-LOCKED" in rec(s[1])["limits"], str(s[1])
    assert s[3].rc == 3 and rec(s[3])["blocker"] == "ISO-REGION-LOCKED" and not cxl_writes(s[3].log), str(s[3])


def test_a_function_that_nobody_answers_for_is_the_end_of_a_host_on_the_posted_kernel():
    s = Session("accel2", kernel="v1").cxl(*ON).cxl("isolation-status", "--check").sh(f"{SIM} ctl link-down {PORT}").run()
    assert rec(s[1])["containment_by_cause"]["mem_link_down"] == "debug" and "no driver of 0000:0f:00.5 handles isolation" in json.dumps(rec(s[1])["checks"]), str(s[1])


def test_below_a_switch_it_may_come_back_elsewhere_so_that_is_not_promised(tmp_path):
    d = json.loads((ROOT / "test/hosts/accel2.json").read_text(encoding="utf-8"))
    for a in d["accelerators"].values():
        a["vfs"] = []
    policy = {"cxl/isolation.conf": f"[{PORT}]\ndriver-consent = sfc\n"}
    host = host_file(tmp_path, "switch4-6.12-noregion", etc=policy, **{k: v for k, v in d.items() if k not in ("base", "description", "kernel", "etc")})
    _, listed, check, _, r = Session(host).cxl(*ON).cxl("list", "--isolation").cxl("isolation-status", "--check").sh(TIMED_OUT).cxl("recover-port", PORT).run()
    assert rec(listed)["containment"] == "contain" and "which nothing promises below a switch" in json.dumps(rec(check)["checks"]), str(check)
    assert r.rc == 0 and rec(r)["result"] == "done", str(r)


AUTOPROBE = f"{PCI}/{DEVICE}/sriov_drivers_autoprobe"


def killed(at):
    return f"{SIM} ctl fault {quote(at)}; cxl recover-port {CONSENT} {PORT} >&2; test $? = 137; {SIM} ctl fault none"


def test_given_up_new_functions_get_drivers_by_themselves_again(tmp_path):
    host = direct(tmp_path, ["sfc", None])
    *_, state, r, after = isolated(host).sh(killed("write@*/sriov_numvfs:2=kill-before")).sh(f"cat {AUTOPROBE}") \
        .cxl("recover-port", "--abandon", PORT).sh(f"cat {AUTOPROBE}; ls {STATE}").run()
    assert (state.text, r.rc, after.text.splitlines()[0]) == ("0\n", 0, "1") and not journals(after), str(r)


def test_given_up_with_a_journal_that_tells_nothing_the_region_goes_with_its_driver(tmp_path):
    old = f"sed -i 's,\"cxl-recover-journal/[0-9]*\",\"cxl-recover-journal/5\",' {STATE}/*{PORT}*.json; grep -c 'journal/5' {STATE}/*{PORT}*.json"
    look = f"for f in 0 1; do readlink {PCI}/0000:0d:00.$f/driver; done; cat {PCI}/{DEVICE}/sriov_numvfs; ls -d /sys/bus/cxl/devices/region0"
    *_, state, r, after = isolated(direct(tmp_path, ["sfc", None])).sh(killed("write@*/sriov_numvfs:1=kill-before")).sh(old).cxl("recover-port", "--abandon", PORT).sh(look).run()
    writes = cxl_writes(r.log)
    assert state.text.endswith("1\n"), str(state)
    assert r.rc == 0 and not [p for p, _ in writes if "region" in p or "decoder" in p], f"{state}{r}"
    assert [w for p, w in writes if p.endswith("sfc/unbind")] == ["0000:0d:00.1", DEVICE] and after.text == "0\n", str(after)


def test_whoever_has_a_function_by_vfio_is_not_waited_for_when_it_is_given_up(tmp_path):
    *_, r, user, look = isolated(direct(tmp_path)).sh(killed("write@*/sriov_numvfs:1=kill-before").replace(PORT + " >&2", f"--users=kill {PORT} >&2")).sh(HOLD) \
        .cxl("recover-port", "--abandon", PORT).sh("kill -0 $(cat $SCRATCH/user); echo $?").sh(PICTURE).run()
    assert r.rc == 1 and "by VFIO, and ending a function waits for that" in r.err and not [w for w in cxl_writes(r.log) if "numvfs" in w[0]], str(r)
    assert user.text == "0\n" and "0000:0d:00.6 vfio-pci" in look.text


def test_a_function_that_had_no_driver_has_none_whoever_made_it_first(tmp_path):
    maker = f"until [ ! -e {PCI}/{DEVICE} ]; do sleep 0.01; done; until [ -e {PCI}/{DEVICE}/driver ]; do sleep 0.01; done; echo 2 >{PCI}/{DEVICE}/sriov_numvfs"
    host = direct(tmp_path, ["sfc", None])
    before, _, _, _, r, after = isolated(host).sh(f"({maker}) >/dev/null 2>&1 & cxl recover-port {CONSENT} {PORT} >&2 || cxl recover-port --resume {PORT} >&2; wait").sh(PICTURE).run()
    assert r.rc == 0 and before.text == after.text, f"{r}{after}"
