# SPDX-License-Identifier: GPL-2.0-only
"""What must never happen: a change that cannot be verified, a guess where something cannot be read, half a region.

Each began as something that went wrong.
"""
import os
import subprocess

import pytest

from lib import cli
from lib.cli import IN_READ, Session, run_cxl, writes

RP, OTHER = "0000:0c:00.0", "0000:de:00.0"      # interleave2: the two that region2 spans
CTRL = "dd if=/sys/bus/pci/devices/{}/resource0 bs=4 skip=$((0x1208/4)) count=1 2>/dev/null | od -An -tx4"


def isolating(*ports):
    """Shell words that print the mem isolation enable of each port's control register."""
    return "; ".join(CTRL.format(p) for p in ports)


def enable_bits(r):
    return [int(w, 16) >> 16 & 1 for w in r.text.split()]


def change(host, *args, command="enable-isolation", ports=(RP,), **more):
    r, after = Session(host, more.pop("kernel", "v1-fixed"), **more).cxl(command, *args).sh(isolating(*ports)).run()
    r.enabled = enable_bits(after)
    return r


@pytest.mark.parametrize("attr", ["isolation_ctrl", "timeout_ctrl", "timeout_range"])
def test_what_cannot_be_read_is_not_changed(attr):
    r = change("interleave2", "region2", "--timeout=B2", ports=(RP, OTHER), faults=[f"read@*0c:00.0/cxl_isolation/{attr}:1+=EIO"])
    assert r.rc in (1, 4) and writes(r.log) == [] and r.enabled == [0, 0], str(r)
    assert attr in r.err


def test_a_value_that_cannot_be_read_back_is_never_called_restored():
    r = change("direct1", RP, faults=["read@*/cxl_isolation/isolation_ctrl:3+=EIO"])
    assert r.rc == 4, str(r)
    rec = r.root_ports()[RP]
    assert rec["result"] == "failed" and "put back as they were" not in r.err, str(r)
    assert r.enabled == [0], "what could be put back was not"


def test_a_region_whose_position_cannot_be_read_may_be_system_ram():
    r = change("sysram1", "root0", faults=["read@*/region0/target0:1+=EIO"])
    assert r.rc == 1 and writes(r.log) == [], str(r)
    rec = r.root_ports()[RP]
    assert "ISO-MEM-ONLINE" in rec["blockers"]


def test_a_region_whose_position_cannot_be_read_may_interleave():
    r = change("interleave2", RP, faults=["read@*/region2/target1:1+=EIO"])
    assert r.rc == 1 and writes(r.log) == [] and "ISO-INTERLEAVE" in r.root_ports()[RP]["blockers"], str(r)


@pytest.mark.parametrize("target", ["region2", "dax2.0"])
@pytest.mark.parametrize("command", ["enable-isolation", "disable-isolation", "set-timeout"])
def test_half_of_a_region_is_not_the_region(command, target):
    """A position that cannot be read: the root port above it would be left out, with exit status 0."""
    r = change("interleave2", target, *["B2"][:command == "set-timeout"], command=command, ports=(RP, OTHER),
               faults=["read@*/region2/target1:1+=EIO"])
    assert r.rc == 3 and target in r.err and "name root ports" in r.err and writes(r.log) == [], str(r)
    status, = Session("interleave2", faults=["read@*/region2/target1:1+=EIO"]).cxl("isolation-status", "--assert", "status.state=normal", target).run()
    assert status.rc == 3 and target in status.err, str(status)


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_registers_that_fail_are_unknown_not_incapable(n):
    listed, = Session("direct1", "v1-fixed", faults=[f"read@*resource0:{n}+=EIO"]).cxl("list", "--isolation", "-v").run()
    rec = listed.root_ports()[RP]
    assert rec["capability"]["mem"]["isolation"] is None and rec["status"]["state"] == "unknown"
    assert "ISO-CAP" not in rec["blockers"]
    assert "cannot be read" in listed.err


@pytest.mark.parametrize("command,setup", [("disable-isolation", "cxl enable-isolation region2"), ("enable-isolation", "true")])
def test_what_a_region_ties_together_is_left_alone_together(command, setup):
    before = f"PATH={cli.CXL.parent}:$PATH; {setup} >/dev/null; cxl enable-isolation {RP} --override=ISO-INTERLEAVE >/dev/null; cxl-sim ctl link-down {RP}"
    r = change("interleave2", "region2", command=command, ports=(RP, OTHER), before=before)
    assert r.rc == 1, str(r)
    assert {n: rec["result"] for n, rec in r.root_ports().items()} == {RP: "refused", OTHER: "refused"}
    assert r.enabled == [1, int(command == "disable-isolation")], str(r)


def test_a_port_that_isolates_during_the_change_is_no_success():
    r = change("direct1", "root0", faults=["write@*/isolation_ctrl:1=isolate"])
    assert r.rc == 4 and r.root_ports()[RP]["result"] == "failed" and "became isolated" in r.err, str(r)


def test_a_kernel_that_cannot_be_told_from_v1_counts_as_v1():
    r = change("direct1", "root0", "--require=contain", kernel="v1", faults=["read@*/timeout_range:1+=EIO"])
    assert r.rc == 1 and "ISO-DRIVER-PANIC" in r.root_ports()[RP]["limits"], str(r)


def test_a_husk_whose_memory_is_still_online_is_not_to_be_deleted(captures):
    r = run_cxl(["list", "--isolation"], sysroot=captures["direct1-6.12-husk-sysram"])
    assert "reboot" in r.err and "delete_region'" not in r.err, r.err
    r = run_cxl(["list", "--isolation"], sysroot=captures["direct1-6.12-husk"])
    assert "delete_region'" in r.err, r.err


def test_disabling_a_part_of_a_region_is_said():
    r = change("interleave2", RP, command="disable-isolation", before=f"{cli.CXL} enable-isolation region2 >/dev/null")
    assert r.rc == 0 and "region2" in r.err and OTHER in r.err, str(r)


def test_siblings_of_a_failure_that_were_not_tried_are_not_called_failed():
    r = change("interleave2", "region2", ports=(RP, OTHER), faults=["write@*0c:00.0/cxl_isolation/isolation_ctrl:1=EIO"])
    assert r.rc == 4, str(r)
    assert {n: rec["result"] for n, rec in r.root_ports().items()} == {RP: "rolled-back", OTHER: "not-tried"}, "its timeout was on by then"
    r = change("interleave2", "region2", "--timeout=keep", ports=(RP, OTHER), faults=["write@*0c:00.0/cxl_isolation/isolation_ctrl:1=EIO"])
    assert {n: rec["result"] for n, rec in r.root_ports().items()} == {RP: "failed", OTHER: "not-tried"}
    r = change("interleave2", "region2", "--timeout=keep", ports=(RP, OTHER), faults=["write@*de:00.0/cxl_isolation/isolation_ctrl:1=EIO"])
    assert {n: rec["result"] for n, rec in r.root_ports().items()} == {RP: "rolled-back", OTHER: "failed"}
    assert r.enabled == [0, 0]
    assert all("ISO-INTERLEAVE" in rec["blockers"] for rec in r.root_ports().values()), str(r)


def test_output_that_could_not_be_written_is_found_before_anything_is_changed(tmp_path):
    s = Session("direct1", "v1-fixed").sh(f"{cli.CXL} enable-isolation root0 --output={tmp_path}/no/out.json; echo $?").sh(isolating(RP))
    said, after = s.run()
    assert said.text.split() == ["4"] and "nothing was done" in said.err and enable_bits(after) == [0]


@pytest.mark.parametrize("program, args", [("cxl", "enable-isolation root0"), ("cxl", "set-timeout root0 B2"), ("daxctl", "prepare-isolation")])
@pytest.mark.parametrize("output, rc, words", [("''", 2, "needs the name of a file"), ("/tmp", 4, "Is a directory; nothing was done")])
def test_an_output_that_is_no_file_is_refused_before_anything_is_changed(program, args, output, rc, words):
    said, = Session("direct1").sh(f"{program} {args} --output={output} >/dev/null").run()
    assert said.rc == rc and words in said.err and len(said.err.strip().splitlines()) == 1, str(said)
    assert not [e for e in said.log if e["op"] == "write"], str(said)


def test_a_change_whose_output_is_lost_says_that_it_was_made():
    for host, program, args in (("direct1", "cxl", "enable-isolation root0"), ("sysram1", "daxctl", "prepare-isolation")):
        said, again = Session(host).sh(f"{program} {args} >/dev/full").sh(f"{program} {args} >/dev/full").run()
        assert said.rc == 4 and f"{program} {args.split()[0]}: the change itself was made before that; see '{program} list --isolation'" in said.err, str(said)
        assert again.rc == 4 and "was made before that" not in again.err, str(again)


@pytest.mark.parametrize("args", [["--human", "--format=json"], ["-u", "--format=table"]])
def test_two_formats_at_once_are_refused(args):
    r = run_cxl(["isolation-status", *args], host="direct1", json_expected=False)
    assert r.rc == 2 and "contradict" in r.err, str(r)


@pytest.mark.parametrize("command", ["enable-isolation", "isolation-status"])
def test_an_empty_policy_file_name_is_not_the_default_one(command):
    r = run_cxl([command, "--policy="], host="direct1")
    assert r.rc == 2 and "--policy=" in r.err and r.err.count("\n") == 1, str(r)


def test_a_signal_ends_the_command_between_root_ports(tmp_path):
    out = tmp_path / "out.json"
    script = f"{cli.CXL} enable-isolation root0 >{out} & {cli.IN_WRITE}; kill -INT $!; wait $!; echo $?"
    p = subprocess.run([cli.SIM, "run", "--host", "direct2x2", "--fault", "write@*/isolation_ctrl:1+=delay:1500", "--", "bash", "-c", "set -m; " + script],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=cli.TIMEOUT)
    assert p.stdout.split()[-1] == "5", p
    text = out.read_text()
    assert text.count('"done"') >= 1 and text.count('"not-tried"') == 3, text


def test_a_pipe_that_nobody_reads_does_not_hold_the_command(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    r = run_cxl(["list", "--isolation", f"--output={fifo}"], host="direct1", json_expected=False, timeout=10)
    assert r.rc == 4, str(r)


@pytest.mark.parametrize("sig", ["TERM", "INT", "HUP"])
@pytest.mark.parametrize("host,before,command", [
    ("direct1", "true", "cxl enable-isolation root0"), ("direct1", "cxl enable-isolation root0", "cxl disable-isolation root0"),
    ("direct1", "true", "cxl set-timeout root0 B2"),
    ("direct1", "cxl enable-isolation root0", "cxl recover-port --force-healthy 0000:0c:00.0"), ("sysram1", "true", "daxctl prepare-isolation")])
def test_a_signal_before_a_command_wrote_anything_is_exit_status_5(host, before, command, sig):
    # a background command of sh ignores SIGINT
    slow = "cxl-sim ctl fault 'read@*/region0/size:1=delay:1000'"
    setup, r = Session(host).sh(f"{before} >/dev/null") \
        .sh(f"{slow}; env --default-signal={sig} {command} >/dev/null & p=$!; {IN_READ}; kill -{sig} $p; wait $p; echo $?").run()
    wrote = [e for e in r.log if e["op"] == "write" and e.get("comm") in ("cxl", "daxctl")]
    assert setup.rc == 0 and r.text.split()[-1] == "5" and "signal" in r.err and not wrote, str(r)


def test_a_signal_that_is_ignored_stays_so():
    r, look = Session("direct1").sh("trap '' TERM; cxl-sim ctl fault 'read@*/region0/size:1=delay:700'; cxl set-timeout root0 B2 >/dev/null & p=$!; "
                                        f"{IN_READ}; kill -TERM $p; wait $p; echo $?").cxl("list", "--isolation").run()
    assert r.text.split()[-1] == "0" and look.root_ports()["0000:0c:00.0"]["control"]["mem"]["timeout"]["range"] == "B2", str(r)
