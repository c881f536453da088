# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status --monitor and the kernel's trace events: told as lines, looked at once, kept as evidence; never a failure."""
import json
import os
import time

import pytest

from lib import cli, schema
from lib.cli import NOBODY, Session

RP, ENDPOINT = "0000:0c:00.0", "0000:0d:00.0"
INSTANCES = "/sys/kernel/tracing/instances"
TOP = "/sys/kernel/tracing"


def watch(script, host="direct1", kernel="v1-fixed", args="", before="cxl enable-isolation root0", user=None):
    """(lines, what SCRIPT said, what the monitor said): $p is the monitor, `wait_for N` waits for N lines of it."""
    who = f"setpriv --reuid={user} --regid={user} --clear-groups -- " if user is not None else ""
    text = f"""exec 2>&1; export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; {before} >/dev/null
out=$(mktemp); err=$(mktemp)
until_() {{ i=0; until eval "$1"; do sleep 0.05; i=$((i+1)); [ $i -lt 1200 ] || {{ echo "not so: $1"; cat $out $err; exit 99; }}; done; }}
wait_for() {{ until_ '[ $(wc -l <$out) -ge '"$1"' ]'; }}
start() {{ {who}cxl isolation-status --monitor {args} >$out 2>$err & p=$!; wait_for 1; }}
start
{script}
kill -TERM $p; wait $p; echo "monitor: $?"; echo ERR; cat $err; echo LINES; cat $out; rm $out $err"""
    r, = Session(host, kernel).sh(text).run()
    said, _, rest = r.text.partition("ERR\n")
    err, _, lines = rest.partition("LINES\n")
    assert "monitor: 0" in said, str(r)
    lines = [json.loads(line) for line in lines.splitlines()]
    for i, line in enumerate(lines):
        schema.validate("cxl-isolation-monitor", line)
        assert line["seq"] == i and (line["event"] is not None) == (line["type"] == "event")
        if line["event"]:
            assert line["changed"] == [] and line["before"] is line["after"] is line["root_ports"] is None and line["root_port"]
    return lines, said, err


def events(lines):
    return [x for x in lines if x["type"] == "event"]


@pytest.mark.parametrize("host,bus", [("direct1", "PCIe"), (cli.CAPTURES / "direct1-7.2-noregion.tar.xz", "CXL")], ids=["6.12", "7.2"])
def test_a_corrected_error_is_two_events_of_the_kernel_and_no_change(host, bus):
    """As suite status of test/vm sees them on these kernels."""
    lines, _, err = watch(f"cxl-sim ctl protocol-error {RP} corrected; wait_for 3", host=host)
    aer, ras = (x["event"] for x in lines[1:])
    assert {x["root_port"] for x in lines[1:]} == {RP} and err == ""
    assert (aer["kind"], aer["name"], aer["severity"], aer["device"], aer["memdev"], aer["left_out"]) == ("aer", "aer_event", "corrected", ENDPOINT, "mem0", 0)
    assert aer["text"].startswith(f"{ENDPOINT} {bus} Bus Error: severity=Corrected, Corrected Internal Error")
    assert (ras["kind"], ras["name"], ras["severity"], ras["device"], ras["memdev"]) == ("cxl_ras", "cxl_aer_correctable_error", "corrected", ENDPOINT, "mem0")


@pytest.mark.parametrize("word, severity", [("informational", "informational"), ("warning", "warning"), ("", "failure"), ("fatal", "fatal")])
def test_a_device_s_own_event_has_the_severity_of_its_log(word, severity):
    lines, _, _ = watch(f"cxl-sim ctl media-event {RP} {word}; wait_for 2")
    event = lines[1]["event"]
    assert (event["kind"], event["name"], event["severity"], event["device"], event["memdev"]) == ("cxl_event", "cxl_general_media", severity, ENDPOINT, "mem0")


def test_the_line_of_the_error_comes_before_that_of_the_isolation_and_at_once():
    """An interval of a minute: it is the event that makes it look."""
    lines, _, _ = watch(f"sleep 1; cxl-sim ctl protocol-error {RP}; wait_for 4", args="--interval=60s")
    assert [x["type"] for x in lines[1:3]] == ["event", "event"] and "isolated" in [x["type"] for x in lines[3:]]
    assert [(x["event"]["kind"], x["event"]["severity"]) for x in lines[1:3]] == [("aer", "fatal"), ("cxl_ras", "uncorrected")]


def test_a_port_that_is_not_asked_for_has_no_lines():
    lines, _, _ = watch("cxl-sim ctl media-event 0000:0c:01.0; cxl-sim ctl media-event 0000:0c:00.0; wait_for 2", host="interleave2",
                        args="mem0", before="true")
    assert [x["root_port"] for x in events(lines)] == [lines[0]["root_ports"][0]["root_port"]] and len(lines[0]["root_ports"]) == 1


def test_a_flood_of_what_is_corrected_is_told_in_part_and_counted():
    n = 20
    lines, _, _ = watch(f"for i in $(seq {n}); do cxl-sim ctl protocol-error {RP} corrected; done; cxl-sim ctl media-event {RP} failure; wait_for 10")
    mild = [x["event"] for x in events(lines) if x["event"]["severity"] == "corrected"]
    assert len(mild) <= 8 + 2 * (1 + n // 8) and sum(e["left_out"] + 1 for e in mild) == 2 * n, mild
    assert len(mild) < 2 * n and mild[-1]["left_out"] > 0
    assert [x["event"]["severity"] for x in events(lines)].count("failure") == 1, "which the flood does not hide"


def test_left_out_events_are_told_when_their_time_is_over():
    start = time.monotonic()
    lines, _, _ = watch(f"for i in 1 2 3 4 5; do cxl-sim ctl protocol-error {RP} corrected; done; wait_for 10")
    told = [x["event"]["left_out"] for x in events(lines)]
    assert sum(told) + len(told) == 10 and (told[:9] == [0] * 8 + [1] or time.monotonic() - start > 10)


# -- the instance ---------------------------------------------------------------------
def test_the_instance_is_its_own_and_goes_with_it():
    _, said, _ = watch(f"""ls {INSTANCES}; cat {TOP}/events/*/*/enable | sort -u | tr '\\n' ' '; echo top; cat {INSTANCES}/*/events/*/*/enable | sort -u | tr '\\n' ' '; echo own
cat {INSTANCES}/*/buffer_size_kb; kill -TERM $p; wait $p; echo left: $(ls {INSTANCES}); start""")
    assert "cxl-isolation-" in said and "0 top\n1 own\n32\n" in said and "left:\n" in said, said


def test_one_that_a_kill_left_is_removed_by_the_next_and_one_in_use_is_not():
    _, said, _ = watch(f"""mkdir {INSTANCES}/cxl-isolation-1 {INSTANCES}/somebodys; kill -KILL $p; wait $p; echo; echo "killed: $(ls {INSTANCES} | wc -l)"; start
cxl isolation-status --monitor >/dev/null & q=$!; i=0; until [ $(ls {INSTANCES} | wc -l) = 3 ]; do sleep 0.1; i=$((i+1)); [ $i -lt 100 ] || exit 98; done
echo "two: $(ls {INSTANCES} | grep -c cxl-isolation-)"; ls {INSTANCES} | grep -x cxl-isolation-1; cxl-sim ctl media-event {RP}; wait_for 2; kill $q; wait $q; ls {INSTANCES} | grep somebodys""")
    assert "killed: 3" in said and "two: 2" in said and "cxl-isolation-1\n" not in said and "somebodys" in said, said


@pytest.mark.parametrize("case", ["nobody", "no tracefs", "pipe", "mkdir"])
def test_without_it_the_monitor_goes_on_and_says_why_with_v_alone(case):
    if case == "nobody" and os.geteuid():
        pytest.skip("needs root to become somebody else")
    user = NOBODY if case == "nobody" else None
    hide = {"no tracefs": f"mount -t tmpfs none {TOP}", "pipe": "cxl-sim ctl fault 'open@*/trace_pipe:1+=EPERM'",
            "mkdir": f"mount -o bind,ro {INSTANCES} {INSTANCES}"}.get(case, "true")
    for args in ("", "-v"):
        lines, _, err = watch("true", user=user, args=args, before=hide)
        said = [m for m in lines[0]["messages"] if m["code"] == "TRACE"]
        assert len(said) == (args == "-v") and err.count("trace events") == (args == "-v"), (lines[0]["messages"], err)
        assert all(m["severity"] == "info" for m in said)
        assert not said or "mount -t tracefs" in said[0]["text"] or case != "no tracefs"


def test_events_that_a_kernel_lacks_are_named_with_v():
    lines, _, err = watch("true", args="-v")
    assert "cxl_port_aer_correctable_error" in err and "cxl_general_media" not in err and lines[0]["messages"][0]["code"] == "TRACE"


def test_options_of_the_top_do_not_hide_what_an_event_says():
    lines, _, _ = watch(f"cxl-sim ctl media-event {RP}; wait_for 2", before=f"echo nocontext-info >{TOP}/trace_options; cxl enable-isolation root0")
    assert events(lines)[0]["event"]["memdev"] == "mem0"


def test_an_endpoint_that_is_gone_by_then_is_still_its_port_s():
    """Whether the monitor hears of both together, or is just reading the host."""
    lines, _, _ = watch(f"""kill -STOP $p; cxl-sim ctl media-event {RP}; echo 1 >/sys/bus/pci/devices/{ENDPOINT}/remove; kill -CONT $p
until_ 'grep -q type.:.event $out'""")
    assert events(lines)[0]["root_port"] == RP
    other = "/sys/bus/pci/devices/0000:e0:00.0"
    lines, _, _ = watch(f"""cxl-sim ctl fault 'read@*/devices/*:1+=delay:10'; echo 1 >{other}/remove; sleep 0.3
cxl-sim ctl media-event {RP}; echo 1 >/sys/bus/pci/devices/{ENDPOINT}/remove; cxl-sim ctl fault none
until_ 'grep memdevs.:.], $out | grep -q root_port.:.{RP}'""", host="direct2x2")
    assert [x["type"] for x in lines if x["root_port"] == RP][0] == "event" and len(events(lines)) == 1, lines[1:]


# -- acting -----------------------------------------------------------------------------
def test_an_error_alone_is_no_failure_and_is_in_the_evidence_of_one():
    kept = 'ls "$CXL_STATE_DIR" | grep -c evidence'
    s = Session("direct1").sh(f"""export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; cxl enable-isolation root0 >/dev/null
cxl isolation-status --monitor --act >$SCRATCH/out 2>$SCRATCH/err & p=$!
until [ -s $SCRATCH/out ]; do sleep 0.05; done
for i in $(seq 12); do cxl-sim ctl protocol-error {RP} corrected; done >/dev/null; cxl-sim ctl media-event {RP} fatal >/dev/null; sleep 2; echo "before: $({kept})"
cxl-sim ctl link-down {RP} >/dev/null; i=0; until {kept} >/dev/null; do sleep 0.1; i=$((i+1)); [ $i -lt 300 ] || break; done
kill $p; wait $p; echo "rc: $?"; cat $SCRATCH/err""").cxl("isolation-status", "--evidence=1").run()
    assert "before: 0" in s[0].text and "rc: 0" in s[0].text, str(s[0])
    found = s[1].json["evidence"][0]["bundle"]["events"]
    assert len(found) == 16 and found == sorted(found, key=lambda e: e["time"])
    assert {e["severity"] for e in found} == {"corrected", "fatal"} and found[-1]["name"] == "cxl_general_media"


def test_what_nobody_listened_to_is_not_known():
    s = Session("direct1").cxl("enable-isolation", "root0").sh(f"cxl-sim ctl link-down {RP}").cxl("recover-port", RP).cxl("isolation-status", "--evidence=1").run()
    assert s[3].json["evidence"][0]["bundle"]["events"] is None


# -- the journal ------------------------------------------------------------------------
def test_an_event_has_the_priority_of_its_severity_in_a_stream_of_the_journal():
    """Without its socket a line begins with "<N>"."""
    r, = Session("direct1").sh(f"""export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; out=$SCRATCH/out; : >$out
export JOURNAL_STREAM=$(stat -c %d:%i $out); mount -t tmpfs none /run/systemd/journal 2>/dev/null
cxl isolation-status --monitor >$out & p=$!
until [ -s $out ]; do sleep 0.05; done
for s in informational warning failure fatal; do cxl-sim ctl media-event {RP} $s; done >/dev/null; cxl-sim ctl protocol-error {RP} corrected >/dev/null
i=0; until [ $(wc -l <$out) = 7 ]; do sleep 0.1; i=$((i+1)); [ $i -lt 300 ] || break; done; kill $p; wait $p; cat $out""").run()
    assert [line[:3] for line in r.text.splitlines()] == ["<6>", "<6>", "<4>", "<3>", "<2>", "<5>", "<5>"], str(r)
    assert [json.loads(line[3:])["event"]["severity"] for line in r.text.splitlines()[1:]] == ["informational", "warning", "failure", "fatal", "corrected", "corrected"]
