# SPDX-License-Identifier: GPL-2.0-only
"""Uncorrectable CXL protocol errors: what the kernel makes of one, by what its trace events show, and what is promised of it."""
import json
import subprocess

import pytest

from lib import cli
from lib.cli import NOBODY, Session, run_cxl, writes

RP = "0000:0c:00.0"
EVENTS = "sys/kernel/tracing/events/cxl"
AER, PORT_AER = f"{EVENTS}/cxl_aer_uncorrectable_error/format", f"{EVENTS}/cxl_port_aer_uncorrectable_error/format"
HEAD = "name: cxl_aer_uncorrectable_error\nID: 1390\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
ENABLED = "cxl enable-isolation root0 >/dev/null 2>&1; true; "


def fields(*names):
    return HEAD + "".join(f"\tfield:__data_loc char[] {name};\toffset:8;\tsize:4;\tsigned:0;\n" for name in names)


def by_cause(r):
    return r.root_ports()[RP]["containment_by_cause"]


def status(kernel, before=ENABLED, user=None, host="direct1", **more):
    r, = Session(host, kernel, before=before, **more).cxl("isolation-status", "--check", RP, user=user).run()
    return r


# -- what a kernel is told by ----------------------------------------------------------------
@pytest.mark.parametrize("text, port_event, answer", [
    (fields("memdev", "host"), False, "none"), (fields("memdev", "host"), True, "none"),
    (fields("memdev", "host", "port", "dport"), False, "ISO-RAS-PANIC"), (fields("memdev", "host", "port", "dport"), True, "none"),
    (fields("device", "host", "dport"), False, "ISO-RAS-PANIC"),    # in doubt as the one that panics
    (fields("memdev", "host", "airport", "port_number"), False, "none"), (HEAD + "print fmt: \"port=%s dport=%s\"\n", False, "none"),
    ("", False, None), (None, True, None),
], ids=["6.12", "7.2", "posted", "both", "only dport", "other words", "only printed", "empty", "missing"])
@pytest.mark.parametrize("place", ["sys/kernel/tracing", "sys/kernel/debug/tracing"])
def test_a_kernel_is_told_by_its_trace_events(tree, text, port_event, answer, place):
    t = tree()
    for path, content in ((AER, text), (PORT_AER, HEAD if port_event else None)):
        if content is not None:
            p = t / path.replace("sys/kernel/tracing", place)
            p.parent.mkdir(parents=True)
            p.write_text(content)
    rec = run_cxl(["isolation-status", "--check", RP], sysroot=t).root_ports()[RP]
    found = {c["check"]: c["result"] for c in rec["checks"]}
    assert found["ISO-RAS-PANIC"] == {"none": "passed", None: "unknown"}.get(answer, "failed")
    assert ("ISO-RAS-PANIC" in rec["limits"]) == (answer == "ISO-RAS-PANIC")
    assert rec["containment_by_cause"]["protocol_error"] == (None if answer is None else "none")    # nothing is enabled there


@pytest.mark.parametrize("host", ["direct1", "accel1", "cache1", "switch4"])
def test_where_it_panics_every_cause_is_debug_at_most(host):
    cache = "--cache --registers" if host in ("accel1", "cache1") else ""
    r = status("ras-v18", f"cxl enable-isolation {cache} {RP} >/dev/null 2>&1; true", host=host)
    rec = r.root_ports()[RP]
    stated = {v for v in rec["containment_by_cause"].values() if v}
    assert stated == {"debug"} and rec["containment"] == rec["containment_if_enabled"] == "debug" and "ISO-RAS-PANIC" in rec["limits"], str(r)


def test_elsewhere_a_protocol_error_is_contained_at_best_and_containment_is_that_of_the_others():
    on, off = status("v1-fixed"), status("v1-fixed", before=None)
    assert by_cause(on)["protocol_error"] == "contain" and on.root_ports()[RP]["containment"] == "recover"
    assert by_cause(off)["protocol_error"] == off.root_ports()[RP]["containment"] == "none"
    assert by_cause(status("v1"))["protocol_error"] == "debug"


@pytest.mark.parametrize("kernel", ["v1-fixed", "ras-v18"])
def test_who_may_not_read_it_is_promised_nothing_of_it(kernel):
    r = status(kernel, user=NOBODY)
    assert by_cause(r)["protocol_error"] is None and "ISO-RAS-PANIC" not in r.root_ports()[RP]["limits"], str(r)
    found, = [c for c in r.root_ports()[RP]["checks"] if c["check"] == "ISO-RAS-PANIC"]
    assert found["result"] == "unknown" and "cannot be read" in found["text"], found


def test_an_empty_port_has_none():
    assert by_cause(Session("empty1").cxl("list", "--isolation").run()[0])["protocol_error"] == "none"
    rec = Session("empty1").cxl("list", "--isolation").run()[0].root_ports()
    assert [p for p, r in rec.items() if "ISO-EMPTY" in r["notes"] and set(r["containment_by_cause"].values()) == {None}]


# -- and what is required --------------------------------------------------------------------
@pytest.mark.parametrize("kernel, level, reached", [
    ("v1-fixed", "contain", True), ("v1-fixed", "debug", True), ("ras-v18", "contain", False), ("ras-v18", "debug", True), ("ras-v18", "none", True)])
def test_a_level_can_be_required_of_it(kernel, level, reached):
    r, = Session("direct1", kernel).cxl("enable-isolation", f"--require=protocol_error:{level}", "root0").run()
    if reached:
        assert r.rc == 0 and r.root_ports()[RP]["result"] == "done", str(r)
    else:
        assert r.rc == 1 and "ISO-RAS-PANIC" in r.err and "containment would be debug for protocol_error" in r.err and writes(r.log) == [], str(r)


@pytest.mark.parametrize("kernel, rc", [("v1-fixed", 0), ("ras-v18", 1)])
def test_a_level_for_every_cause_asks_of_it_what_can_be_had(kernel, rc):
    r, = Session("direct1", kernel).cxl("enable-isolation", "--require=recover", "root0").run()
    assert r.rc == rc, str(r)


def test_what_cannot_be_told_does_not_reach_a_level_that_is_required(tmp_path):
    host = tmp_path / "host.json"
    host.write_text(json.dumps({"base": str(cli.CAPTURES / "direct1-6.12-devdax.tar.xz"), "unreadable": {AER: "EIO"}}))
    plain, asked, overruled = Session(host).cxl("enable-isolation", "-n", "root0").cxl("enable-isolation", "--require=protocol_error:debug", "root0") \
        .cxl("enable-isolation", "--require=protocol_error:debug", "--override=ISO-RAS-PANIC", "root0").run()
    assert plain.rc == 0 and by_cause(plain)["protocol_error"] is None, str(plain)
    assert asked.rc == 1 and writes(asked.log) == [] and "containment would be unknown for protocol_error" in asked.err and "mount -t tracefs" in asked.err, str(asked)
    assert overruled.rc == 0, str(overruled)


@pytest.mark.parametrize("kernel, user, words", [
    ("v1-fixed", None, "a protocol error is contained at best"), ("ras-v18", None, "ISO-RAS-PANIC holds protocol_error back"),
    ("v1-fixed", NOBODY, "the formats of its trace events cannot be read; remedy: run the command as root")])
def test_an_assertion_says_what_holds_it_back(kernel, user, words):
    r, = Session("direct1", kernel, before=ENABLED).cxl("isolation-status", "--assert=containment_by_cause.protocol_error>=recover", RP, user=user).run()
    assert r.rc == 1 and words in r.err, str(r)


# -- what happens ----------------------------------------------------------------------------
def error(host, kernel, enable=ENABLED):
    return run(f"{enable}cxl-sim ctl protocol-error {RP}; ls /sys/bus/cxl/devices/", "--host", host, "--kernel", kernel)


def run(script, *options):
    """What a script printed on a simulated host, and what the simulator said of it."""
    path = f"{cli.CXL.parent}:{cli.SIM.parent}:{cli.CLEAN['PATH']}"
    p = subprocess.run([cli.SIM, "run", *options, "--", "/bin/sh", "-c", script], env={**cli.CLEAN, "PATH": path}, stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return p.stdout


@pytest.mark.parametrize("enable", [ENABLED, ""])
def test_the_posted_handling_panics_isolated_or_not(enable):
    assert f"the simulated host died (panic on {RP}: an uncorrectable CXL protocol error" in error("direct1", "ras-v18", enable)


def test_elsewhere_the_driver_is_taken_off_and_the_port_isolates():
    text = error("direct1", "v1-fixed")
    assert "isolated CXL.mem" in text and "mem0" in text.split() and "endpoint2" not in text.split(), text


def test_without_isolation_the_reset_of_the_link_ends_the_host():
    assert f"the simulated host died (reset on {RP}" in error("direct1", "v1-fixed", "")


def test_only_what_is_there_and_answers_reports_an_error():
    text = run(f"{ENABLED}cxl-sim ctl link-down {RP}; cxl-sim ctl protocol-error {RP}; echo $?; cxl-sim ctl protocol-error", "--host", "direct1")
    assert f"{RP}: its link is down, nothing below it can report an error\n4\n" in text and "cxl-sim ctl protocol-error PORT" in text, text


EINJ = "/sys/kernel/debug/cxl"
INJECT = f"{EINJ}/{RP}/einj_inject"


def test_firmware_injects_them_where_the_host_has_it():
    """As `cxl inject-protocol-error` of ndctl 84 writes it; what became of it is in the status, and in the evidence of the recovery."""
    wrong = f"for t in 0x10 0x1000 mem; do echo $t >{INJECT} && echo taken; done; cat {EINJ}/einj_types; ls -d /sys/kernel/debug/*; cat /proc/mounts"
    s = Session("direct1", "v1-fixed", before=ENABLED).sh(wrong).sh(f"echo 0x8000 >{INJECT}").cxl("isolation-status", RP)
    refused, corrected, well, injected, failed, back, listed = s.sh(f"echo 0x20000 >{INJECT}").cxl("isolation-status", RP) \
        .cxl("recover-port", RP).cxl("isolation-status", "--evidence=1").run()
    assert "taken" not in refused.text and refused.text.count("CXL.mem Protocol") == refused.text.count("CXL.cache Protocol") == 3, str(refused)
    # the machine's own debugfs is not to be seen, whether its mount is or not
    assert [line for line in refused.text.split("\n") if line.startswith("/sys/kernel/debug/")] == [EINJ]
    assert corrected.rc == injected.rc == back.rc == 0 and well.root_ports()[RP]["status"]["state"] == "normal", f"{corrected}{injected}{back}"
    assert failed.root_ports()[RP]["status"]["state"] == "isolated" and failed.root_ports()[RP]["link"]["state"] == "down", str(failed)
    log = "\n".join(listed.json["evidence"][0]["bundle"]["kernel_log"])
    assert "AER: Correctable error message received" in log and f"pcieport {RP}: AER: Uncorrectable (Fatal) error message received from {RP}" in log
    assert "mem0: frozen state error detected" in log


@pytest.mark.parametrize("kernel, host, number, said", [
    ("ras-v18", "direct1", "0x10000", "the simulated host died (panic"), ("v1-fixed", "direct1", "0x20000", "the simulated host died (reset"),
    ("v1-fixed", "accel1", "0x1000", "taken"), ("v1-fixed", "sysram1", "0x8000", "nonexistent")])
def test_what_is_injected_ends_as_what_a_device_reports(kernel, host, number, said):
    """Without isolation the reset of the link is the host's, and on a host whose firmware has no EINJ there is no such file."""
    assert said in run(f"echo {number} >{INJECT} && echo taken", "--host", host, "--kernel", kernel)
