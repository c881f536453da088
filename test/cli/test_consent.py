# SPDX-License-Identifier: GPL-2.0-only
"""recover-port of a root port with an accelerator below: with its driver's consent alone, and only where all of it can be told."""
import json

import pytest

from lib.cli import SIM, Session, host_file
from lib.recovering import ENDPOINT, PORT, STATE, cxl_writes, journals

CONSENT = "--driver-consent=sfc"
ON = ["enable-isolation", "root0", "--cache", "--registers"]
TIMED_OUT = f"{SIM} ctl timeout {PORT} cache"
PCI = f"/sys/bus/pci/devices/{ENDPOINT}"
DRIVER = f"basename $(readlink {PCI}/driver)"
# What is the driver's and its region's: names, and what each attribute holds.
PICTURE = f"cd /sys/bus/cxl/devices; {DRIVER}; grep -r . region0/ endpoint2/ decoder1.0/ 2>/dev/null | sort; grep region0 /proc/iomem"


def host(tmp_path, policy=None, **more):
    """accel1 with more of a host file, and a policy file."""
    etc = {"etc": {"cxl/isolation.conf": policy}} if policy else {}
    more.setdefault("devices", {ENDPOINT: {"type": 2, "driver": "sfc"}})
    base = more.pop("base", "direct1-6.12-devdax")
    port = {"cache_timeout": True, "cache_timeout_ranges": "AB", "cache_isolation": True, "cache_link_down": True}
    return host_file(tmp_path, base, root_ports={"*": port}, **etc, **more)


def isolated(name="accel1", fail=TIMED_OUT, **more):
    return Session(name, **more).sh(PICTURE).cxl(*ON).cxl("list", "--isolation").sh(fail)


def rec(r):
    return r.root_ports()[PORT]


def titles(r):
    return [p["op"] for p in r.json["root_ports"][0]["plan"]]


def test_without_consent_it_is_listed_contain_and_refused():
    _, _, listed, _, r = isolated().cxl("recover-port", PORT).run()
    assert rec(listed)["containment"] == "contain" and "ISO-TYPE2" in rec(listed)["limits"]
    assert r.rc == 1 and rec(r)["blocker"] == "ISO-TYPE2" and not cxl_writes(r.log), str(r)
    assert f"cxl recover-port {CONSENT} {PORT}" in r.err


@pytest.mark.parametrize("kernel", ["v1-fixed", "rfc", "mainline"])
@pytest.mark.parametrize("fail", [TIMED_OUT, f"{SIM} ctl link-down {PORT}"])
def test_with_consent_driver_region_and_settings_are_back(fail, kernel):
    before, _, listed, _, r, after, again, state = isolated(fail=fail, kernel=kernel).cxl("recover-port", CONSENT, PORT).sh(PICTURE) \
        .cxl("list", "--isolation").sh(f"ls {STATE}").run()
    assert r.rc == 0 and rec(r)["result"] == "done" and rec(r)["accelerator"] == {
        "address": ENDPOINT, "driver": "sfc", "functions": [{"function": ENDPOINT, "driver": "sfc", "physical_function": None}]}, str(r)
    assert before.text == after.text and before.text.startswith("sfc\n") and "region0" in before.text
    assert rec(again)["control"] == rec(listed)["control"] and rec(again)["status"]["state"] == "normal"
    assert rec(r)["regions"][0]["now"] == "region0" and not journals(state)
    assert cxl_writes(r.log)[0] == ("/sys/bus/pci/drivers/sfc/unbind", ENDPOINT)
    # the driver makes the region: nothing of it is written by us
    assert not [p for p, _ in cxl_writes(r.log) if "region" in p or "decoder" in p]


def test_a_kernel_that_panics_without_a_driver_is_no_way_to_do_it():
    """The posted v1 handler asks the driver, which has just been taken off when the link goes down."""
    *_, r = isolated(kernel="v1").cxl("recover-port", CONSENT, PORT).run()
    assert r.rc == 1 and rec(r)["blocker"] == "ISO-TYPE2" and "panics on an isolation while the device has no driver" in r.err, str(r)
    assert not cxl_writes(r.log)


def test_another_driver_is_refused_and_both_are_named():
    r = isolated().cxl("recover-port", "--driver-consent=qat", PORT).run()[-1]
    assert r.rc == 1 and f"{ENDPOINT} is bound to sfc, and what was consented to is qat" in r.err and not cxl_writes(r.log), str(r)


def test_a_dry_run_prints_the_plan_and_writes_nothing():
    r = isolated().cxl("recover-port", "-n", CONSENT, PORT).run()[-1]
    ops = titles(r)
    assert r.rc == 0 and rec(r)["result"] == "planned" and not cxl_writes(r.log), str(r)
    assert ops[:3] == ["unbind", "wait", "wait"] and ops[-1] == "wait-driver-region"
    assert ops.index("unbind") < ops.index("remove") < ops.index("rescan") < ops.index("bind") < ops.index("setting")


@pytest.mark.parametrize("fault", ["write@*/sfc/unbind:1=kill-after", "write@*/remove:1=kill-before", "write@*/rescan:1=kill-after"])
def test_killed_it_is_resumed_and_then_all_is_back(fault):
    before, _, _, _, _, r, after, state = isolated(faults=[fault]).sh(f"cxl recover-port {CONSENT} {PORT} >&2; test $? = 137") \
        .cxl("recover-port", "--resume", PORT).sh(PICTURE).sh(f"ls {STATE}").run()
    assert r.rc == 0 and rec(r)["result"] == "done", str(r)
    assert before.text == after.text and not journals(state)


def test_a_probe_that_fails_once_is_resumed_by_a_bind_of_ours():
    s = isolated(fail=f"{TIMED_OUT}; {SIM} ctl returns {ENDPOINT} unbound").cxl("recover-port", CONSENT, PORT).sh(PICTURE).run()
    assert s[-2].rc == 0 and ("/sys/bus/pci/drivers/sfc/bind", ENDPOINT) in cxl_writes(s[-2].log), str(s[-2])
    assert s[0].text == s[-1].text


def test_a_driver_that_never_takes_it_back_is_no_success_and_giving_up_leaves_it_without():
    s = isolated(fail=f"{TIMED_OUT}; {SIM} ctl returns {ENDPOINT} unbound 1000").cxl("recover-port", CONSENT, PORT) \
        .cxl("recover-port", "--abandon", PORT).sh(f"readlink {PCI}/driver; ls /sys/bus/cxl/devices; ls {STATE}").run()
    assert s[-3].rc == 4 and f"cxl recover-port --resume {PORT}" in s[-3].err, str(s[-3])
    assert rec(s[-2])["result"] == "abandoned" and "region" not in s[-1].text and not journals(s[-1]), str(s[-2])


def test_a_region_that_the_driver_does_not_make_again_is_no_success_until_what_is_in_its_way_is_gone():
    """Somebody takes all of the window while the driver has let go of it."""
    make = "r=$(cat decoder0.0/create_ram_region); echo $r >decoder0.0/create_ram_region; "
    taken = f"cd /sys/bus/cxl/devices; {make}{make}echo region0 >decoder0.0/delete_region; " \
            "echo 256 >$r/interleave_granularity; echo 1 >$r/interleave_ways; echo $(cat decoder0.0/size) >$r/size"
    resume = ["recover-port", "--resume", "--timeout=1s", PORT]
    s = isolated(faults=["write@*/sfc/unbind:1=kill-after"]).sh(f"cxl recover-port {CONSENT} {PORT} >&2; {taken}; echo $r").cxl(*resume) \
        .sh("r=$(basename /sys/bus/cxl/devices/region*); echo $r >/sys/bus/cxl/devices/decoder0.0/delete_region").cxl(*resume).sh(PICTURE).run()
    first, again = s[-4], s[-2]
    assert first.rc == 6 and "the driver has not made the region" in first.err and f"--resume {PORT}" in first.err, str(first)
    assert again.rc == 0 and rec(again)["result"] == "done" and s[0].text == s[-1].text, str(again)


# -- the policy file -----------------------------------------------------------------------
def test_consent_in_the_policy_makes_it_a_note_and_recover_the_promise(tmp_path):
    name = host(tmp_path, f"[{PORT}]\ndriver-consent = sfc\n")
    before, _, listed, _, r, after = isolated(name).cxl("recover-port", PORT).sh(PICTURE).run()
    assert rec(listed)["containment"] == "recover" and "ISO-TYPE2" in rec(listed)["notes"] and not rec(listed)["limits"], str(listed)
    assert r.rc == 0 and before.text == after.text, str(r)


@pytest.mark.parametrize("policy,attr,word", [
    ("qat", None, "is bound to sfc, and what was consented to is qat"),
    ("sfc", ("sriov_numvfs", "2\n"), "virtual functions"),
    ("sfc", ("sriov_numvfs", "what\n"), "cannot be told"),
    ("sfc", ("driver_override", "sfc\n"), "driver_override"),
])
def test_where_something_of_it_stands_against_it_or_cannot_be_told_it_stays_contain(tmp_path, policy, attr, word):
    files = {"files": {f"sys/devices/pci0000:0c/{PORT}/{ENDPOINT}/{attr[0]}": attr[1]}} if attr else {}
    s = Session(host(tmp_path, f"[all]\ndriver-consent = {policy}\n", **files)).cxl(*ON).cxl("isolation-status", "--check") \
        .cxl("recover-port", "--force-healthy", PORT).run()
    assert rec(s[1])["containment"] == "contain" and "ISO-TYPE2" in rec(s[1])["limits"] and word in json.dumps(rec(s[1])["checks"]), str(s[1])
    assert s[2].rc == 1 and rec(s[2])["blocker"] == "ISO-TYPE2" and word in s[2].err and not cxl_writes(s[2].log)


def test_the_option_goes_before_the_policy(tmp_path):
    name = host(tmp_path, "[all]\ndriver-consent = qat\n")
    r = isolated(name).cxl("recover-port", "-n", CONSENT, PORT).run()[-1]
    assert r.rc == 0 and rec(r)["result"] == "planned", str(r)


@pytest.mark.parametrize("args,word", [(["--resume", CONSENT], "goes by the journal"), (["--driver-consent=../x"], "not the name of a driver"),
                                       ([CONSENT, "--force-healthy", "--with-neighbours"], "no meaning")])
def test_what_makes_no_sense_is_a_usage_error(args, word):
    r, = Session("accel1").cxl("recover-port", *args, PORT).run()
    assert r.rc == 2 and word in r.err and not cxl_writes(r.log), str(r)


def test_a_type_1_device_comes_back_with_its_driver_too():
    s = Session("cache1").sh(DRIVER).cxl(*ON).sh(TIMED_OUT).cxl("recover-port", CONSENT, PORT).sh(DRIVER).cxl("list", "--isolation").run()
    assert s[-3].rc == 0 and s[0].text == s[-2].text == "sfc\n" and rec(s[-1])["status"]["state"] == "normal", str(s[-3])
    assert titles(s[-3])[0] == "unbind" and not [op for op in titles(s[-3]) if op.startswith("wait-driver")]


# -- a kernel that takes the driver off by itself ------------------------------------------------
DETACH = {"kernel": "type2-detach"}


def test_a_device_that_lost_its_driver_with_the_failure_comes_back_as_promised(tmp_path):
    """Such a kernel shows nothing ahead, so the promise is the same, and the consent says which driver it was."""
    name = host(tmp_path, f"[{PORT}]\ndriver-consent = sfc\n")
    before, _, listed, fail, lost, r, after, state = isolated(name, **DETACH).cxl("isolation-status", "--check", PORT) \
        .cxl("recover-port", PORT).sh(PICTURE).sh(f"ls {STATE}").run()
    assert rec(listed)["containment"] == "recover" and "ISO-TYPE2" in rec(lost)["notes"], f"{fail}{lost}"
    assert "without a driver, and the one it had may bring it back; recover-port gives it to sfc" in json.dumps(rec(lost)["checks"])
    assert r.rc == 0 and (rec(r)["accelerator"]["address"], rec(r)["accelerator"]["driver"]) == (ENDPOINT, "sfc") and "lost its driver with the failure" in r.err, str(r)
    assert before.text == after.text and before.text.startswith("sfc\n") and "region0" in before.text and not journals(state)


def test_without_a_word_of_which_driver_it_was_it_is_refused():
    """Nor is one taken that is not there, or that gives devices to guests, or while the port is well."""
    well, gone = f"echo {ENDPOINT} > /sys/bus/pci/drivers/sfc/unbind", "recover-port"
    *_, bare, other, vfio, option = isolated(**DETACH).cxl(gone, PORT).cxl(gone, "--driver-consent=qat", PORT) \
        .cxl(gone, "--driver-consent=vfio-pci", PORT).cxl(gone, "-n", CONSENT, PORT).run()
    assert bare.rc == 1 and f"cxl recover-port --driver-consent=DRIVER {PORT}" in bare.err, str(bare)
    assert other.rc == 1 and "its driver qat with the failure, which is not there now" in other.err and "--load loads it" in other.err, str(other)
    assert vfio.rc == 1 and "to a guest" in vfio.err and not cxl_writes(bare.log), str(vfio)
    assert option.rc == 0 and titles(option)[0] != "unbind" and "bind" in titles(option), str(option)
    r = Session("accel1").sh(well).cxl(gone, "--force-healthy", CONSENT, PORT).run()[-1]
    assert r.rc == 1 and "has no driver now, so that nothing tells whether sfc is the one it had" in r.err, str(r)
