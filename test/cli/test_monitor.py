# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status --monitor."""
import contextlib
import json
import os
import re
import resource
import select
import signal
import subprocess
import time

import pytest

from lib import cli, schema
from lib.cli import NOBODY, Session, run
from lib.tree import Tree

RP = "0000:0c:00.0"
NAME = "cxl-isolation-monitor"
FAST = "--interval=20ms"


def check_lines(text):
    """The lines, validated, counted, and each change beginning where the last of its root port ended."""
    lines = [json.loads(line) for line in text.splitlines()]
    last = {}
    for i, line in enumerate(lines):
        schema.validate(NAME, line)
        assert line["seq"] == i
        assert (line["type"] == "snapshot") == (i == 0) == (line["root_ports"] is not None) == (line["root_port"] is None)
        if not i:
            last = {r["root_port"]: r for r in line["root_ports"]}
            continue
        assert line["before"] == last.get(line["root_port"]) and line["before"] != line["after"]
        assert (line["type"] == "gone") == (line["after"] is None) and (line["type"] == "appeared") == (line["before"] is None)
        if line["before"] and line["after"]:
            assert sorted(line["changed"]) == sorted(differences(line["before"], line["after"]))
        last[line["root_port"]] = line["after"]
    assert lines == sorted(lines, key=lambda x: x["time"])
    return lines


def differences(a, b, path=""):
    if not isinstance(a, dict) or not isinstance(b, dict):
        return [path] if a != b else []
    return [d for k in b for d in differences(a[k], b[k], f"{path}.{k}".lstrip("."))]


class Monitor:
    """A monitor on a tree that the test changes."""

    def __init__(self, tree, *args, user=None, limit=None, stdout=subprocess.PIPE):
        argv = [cli.CXL, "isolation-status", "--monitor", FAST, f"--sysroot={tree}", *args]
        if user is not None:
            argv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *argv]
        self.p = subprocess.Popen(argv, stdout=stdout, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=cli.CLEAN,
                                  preexec_fn=limit and (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))))
        self.text, self.ahead = "", b""   # lines that were taken, and what was read beyond them
        if stdout == subprocess.PIPE:
            assert self.next()["type"] == "snapshot"

    def next(self, seconds=20):
        """The next line; it has to come."""
        end = time.monotonic() + seconds
        while b"\n" not in self.ahead:
            left = end - time.monotonic()
            assert left > 0 and select.select([self.p.stdout], [], [], left)[0], f"no line within {seconds} s: {self.text[-300:]}"
            more = os.read(self.p.stdout.fileno(), 1 << 20)
            assert more, f"the monitor ended: {self.p.stderr.read()!r}"
            self.ahead += more
        line, self.ahead = self.ahead.split(b"\n", 1)
        self.text += line.decode() + "\n"
        return json.loads(line)

    def silent(self, seconds=0.4):
        return not self.ahead and not select.select([self.p.stdout], [], [], seconds)[0]

    def end(self, sig=signal.SIGTERM, rc=0):
        """All lines, and what it said on stderr."""
        self.p.send_signal(sig)
        out, err = self.p.communicate(timeout=120)
        assert self.p.returncode == rc, err
        return check_lines(self.text + (self.ahead + out).decode()), err.decode()


@contextlib.contextmanager
def watching(tree, *args, **more):
    m = Monitor(tree, *args, **more)
    try:
        yield m
    finally:
        if m.p.poll() is None:
            m.p.kill()
        for f in (m.p.stdout, m.p.stderr):
            if f:
                f.close()
        m.p.wait()


def attribute(d, rp=RP):
    return (d / "sys/bus/pci/devices" / rp).resolve() / "cxl_isolation"


@pytest.fixture
def v1(tree):
    """A tree with isolation attributes: v1(NAME) -> directory."""
    def make(name="direct1-6.12-devdax"):
        d = tree(name)
        a = attribute(d)
        a.mkdir()
        for n, text in (("isolation_ctrl", "0"), ("timeout_ctrl", "0"), ("timeout_range", "A")):
            (a / n).write_text(text + "\n")
        return d
    return make


def put(path, text):
    """As the kernel does: the file stays the same, and it is never empty, nor the new text with an end of the old one."""
    fd = os.open(path, os.O_WRONLY)
    try:
        new = f"{text}\n".encode()
        os.ftruncate(fd, min(os.fstat(fd).st_size, len(new)))
        os.pwrite(fd, new, 0)
    finally:
        os.close(fd)


# -- what a change is ----------------------------------------------------------------
def test_the_snapshot_is_of_the_root_ports_that_the_targets_stand_for(captures):
    d = captures["direct2x2-6.12-x2hb-devdax"]
    for targets in ([], ["mem0"], ["region2"], ["port1"]):
        with watching(d, *targets) as m:
            lines, err = m.end()
        assert err == "" and len(lines) == 1
        shown = run([cli.CXL, "isolation-status", f"--sysroot={d}", *targets])
        assert [r["root_port"] for r in lines[0]["root_ports"]] == [r["root_port"] for r in json.loads(shown.out)["root_ports"]]
        for r, s in zip(lines[0]["root_ports"], json.loads(shown.out)["root_ports"]):
            assert {k: v for k, v in r.items() if k != "below"} == {k: v for k, v in s.items() if k not in ("advice", "history", "impact", "checks")}


def test_a_setting_that_changes_is_one_line(v1):
    d = v1()
    with watching(d) as m:
        put(attribute(d) / "isolation_ctrl", "1")
        line = m.next()
        assert (line["type"], line["root_port"]) == ("control", RP)
        assert (line["before"]["control"]["mem"]["isolation"], line["after"]["control"]["mem"]["isolation"]) == (False, True)
        # a failure is contained now but for an access that is never answered: the timeout is off
        assert {"control.mem.isolation", "containment_by_cause.mem_link_down"} <= set(line["changed"]) and "containment" not in line["changed"]
        assert m.silent()
        put(attribute(d) / "timeout_ctrl", "1")
        assert {"control.mem.timeout.enabled", "containment_by_cause.mem_timeout", "containment"} <= set(m.next()["changed"])
        put(attribute(d) / "timeout_range", "B2")
        assert m.next()["changed"] == ["control.mem.timeout.range", "control.mem.timeout.min_us", "control.mem.timeout.max_us"]
        put(attribute(d) / "timeout_range", "B2")
        assert m.silent(), "the same value again is no change"
        m.end()


def relink(link, target):
    link.unlink()
    if target:
        link.symlink_to(target)


def test_a_dax_device_that_becomes_system_ram(v1):
    d = v1()
    driver = d / "sys/bus/dax/devices/dax0.0/driver"
    with watching(d) as m:
        relink(driver, "../../../../../../../../bus/dax/drivers/kmem")
        line = m.next()
        assert line["type"] == "dax" and line["changed"] == ["below.dax"]
        assert [x["mode"] for x in line["before"]["below"]["dax"] + line["after"]["below"]["dax"]] == ["devdax", "system-ram"]
        relink(driver, None)
        assert m.next()["after"]["below"]["dax"] == [{"dax": "dax0.0", "mode": None}]
        m.end()


def test_a_memory_block_that_comes_online(v1):
    d = v1("direct1-6.12-sysram")
    block = next(b for b in (d / "sys/devices/system/node/node1").glob("memory[0-9]*")).name
    state = d / "sys/devices/system/memory" / block / "state"
    with watching(d) as m:
        put(state, "offline")
        line = m.next()
        before, after = (line[k]["below"]["regions"][0]["blocks_online"] for k in ("before", "after"))
        assert line["type"] == "region" and before - after == 1
        put(state, "online")
        assert m.next()["after"]["below"]["regions"][0]["blocks_online"] == before
        m.end()


def test_a_region_of_an_absurd_size_does_not_keep_it(v1):
    d = v1("direct1-6.12-sysram")
    size = (d / "sys/bus/cxl/devices/region0").resolve() / "size"
    size.chmod(0o644)
    put(size, "0x7fffffff00000000")
    with watching(d) as m:
        put(d / "sys/devices/system/memory/memory147/state", "offline")
        assert m.next()["type"] == "region"
        m.end()


def test_a_driver_that_unbinds(v1):
    d = v1()
    link = (d / "sys/bus/cxl/devices/mem0").resolve() / "driver"
    target = os.readlink(link)
    with watching(d) as m:
        link.unlink()
        line = m.next()
        assert line["type"] == "memdev" and line["after"]["below"]["memdevs"] == [{"memdev": "mem0", "state": "disabled"}]
        assert [x["code"] for x in line["messages"]] == ["UNBOUND"]
        link.symlink_to(target)
        assert m.next()["after"]["below"]["memdevs"] == [{"memdev": "mem0", "state": "enabled"}]
        _, err = m.end()
        assert err.count("mem0 has no driver") == 1, "a message is said when it is new"


def test_a_region_that_is_no_longer_committed(v1):
    d = v1()
    region = (d / "sys/bus/cxl/devices/region0").resolve()
    with watching(d) as m:
        put(region / "commit", "0")
        relink(region / "driver", None)
        while m.next()["after"]["below"]["regions"][0]["state"] != "reset":
            pass
        m.end()


def test_the_link_is_read_from_config_space(v1):
    d = v1()
    config = (d / "sys/bus/pci/devices" / RP).resolve() / "config"
    data = bytearray(config.read_bytes())
    at = data[0x34]
    while data[at] != 0x10:  # the PCI Express capability
        at = data[at + 1]
    assert data[at + 0xc + 2] & 0x10, "this port reports link activity"
    with watching(d) as m, open(config, "r+b") as f:
        f.seek(at + 0x13)
        f.write(bytes([data[at + 0x13] & ~0x20]))
        f.flush()
        line = m.next()
        assert line["type"] == "link" and line["after"]["link"]["state"] == "down", line["changed"]
        m.end()


def test_a_setting_that_the_checks_look_at(v1):
    d = v1("direct1-6.12-sysram")
    demotion = d / "sys/kernel/mm/numa/demotion_enabled"
    demotion.parent.mkdir(parents=True, exist_ok=True)
    demotion.write_text("false\n")
    with watching(d) as m:
        put(demotion, "true")
        line = m.next()
        assert line["type"] in ("checks", "containment") and "ISO-DEMOTION" in line["after"]["limits"], line["changed"]
        put(demotion, "false")
        assert "ISO-DEMOTION" not in m.next()["after"]["limits"]
        m.end()


# -- what vanishes and returns -----------------------------------------------------------
def take_away(d, rp):
    """Remove a root port with what is below it, as the kernel does; a function that brings it back."""
    port = (d / "sys/bus/pci/devices" / rp).resolve()
    devices = d / "sys/bus/cxl/devices"
    mems = [m for m in Tree(d).names("mem") if Tree(d).memdev_root_port(m) == rp]
    links = [devices / m for m in mems] + [e for e in devices.glob("endpoint*") if os.path.basename(os.readlink(e.resolve() / "uport")) in mems]
    links = [(link, os.readlink(link)) for link in (*links, d / "sys/bus/pci/devices" / rp)]
    for link, _ in links:
        link.unlink()
    port.rename(port.parent / "away")

    def back():
        (port.parent / "away").rename(port)
        for link, target in reversed(links):
            link.symlink_to(target)
    return back


def until(m, kind):
    """The next line of that type; others may come first, when it happens in steps."""
    line = m.next()
    while line["type"] != kind:
        line = m.next()
    return line


def test_a_root_port_that_vanishes_and_returns(v1):
    d = v1()
    with watching(d) as m:
        back = take_away(d, RP)
        until(m, "gone")
        assert m.silent()
        back()
        until(m, "appeared")
        while not m.silent():
            m.next()
        put(attribute(d) / "isolation_ctrl", "1")
        assert m.next()["type"] == "control", "it is watched as before"
        m.end()


def test_a_cxl_bus_that_vanishes_and_returns(v1):
    d = v1()
    with watching(d) as m:
        (d / "sys/bus/cxl").rename(d / "sys/bus/away")
        assert m.next()["type"] == "gone"
        assert m.silent()
        (d / "sys/bus/away").rename(d / "sys/bus/cxl")
        assert m.next()["type"] == "appeared"
        _, err = m.end()
        assert err.count("looking again until it can be read") == 1 and "no CXL bus" in err


def test_an_endpoint_that_goes_leaves_its_root_port(v1):
    """Empty now, the port stays among those that are watched, of a group too."""
    d = v1("direct1-6.12-noregion")
    devices = d / "sys/bus/cxl/devices"
    links = {n: os.readlink(devices / n) for n in ("mem0", next(x.name for x in devices.glob("endpoint*")))}
    with watching(d, "all") as m:
        for n in links:
            (devices / n).unlink()
        line = m.next()
        while line["after"]["memdevs"]:
            line = m.next()
        assert line["type"] == "memdev"
        m.end()


def test_a_target_that_vanishes_may_come_back(v1):
    d = v1("direct1-6.12-noregion")
    devices = d / "sys/bus/cxl/devices"
    away = {n: os.readlink(devices / n) for n in ("mem0", next(x.name for x in devices.glob("endpoint*")))}
    with watching(d, "mem0") as m:
        for n in away:
            (devices / n).unlink()
        while m.next()["after"]["memdevs"]:
            pass
        for n, target in away.items():
            (devices / n).symlink_to(target)
        while m.next()["after"]["memdevs"] != ["mem0"]:
            pass
        m.end()


def test_a_root_port_that_was_not_there_appears(v1):
    d = v1("direct2x2-6.12-noregion")
    back = take_away(d, "0000:de:00.0")
    with watching(d, "all") as m:
        back()
        assert until(m, "appeared")["root_port"] == "0000:de:00.0"
        m.end()


def test_an_attribute_that_can_no_longer_be_read_is_null_and_said(v1):
    d = v1()
    with watching(d) as m:
        put(attribute(d) / "isolation_ctrl", "maybe")
        line = m.next()
        assert line["after"]["control"]["mem"]["isolation"] is None and "unknown" in line["after"]["problems"]
        assert [x["code"] for x in line["messages"]] == ["ATTRIBUTE"]
        _, err = m.end()
        assert "isolation_ctrl holds an unknown value" in err


# -- how it ends ---------------------------------------------------------------------------
@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_exit_status_0(captures, sig):
    with watching(captures["direct1-6.12-devdax"]) as m:
        lines, err = m.end(sig)
        assert len(lines) == 1 and err == ""


def test_once_ends_after_the_first_change(v1):
    d = v1()
    with watching(d, "--once") as m:
        assert m.silent()
        put(attribute(d) / "isolation_ctrl", "1")
        m.next()
        assert m.p.wait(20) == 0
        assert m.p.stdout.read() == b""


def test_a_reader_that_goes_away_ends_it_at_once(captures):
    with watching(captures["direct1-6.12-devdax"], "--interval=60s") as m:
        m.p.stdout.close()
        assert m.p.wait(20) == 4
        assert b"cannot be written to standard output: Broken pipe" in m.p.stderr.read()


def test_a_full_disk_ends_it(captures):
    with open("/dev/full", "wb") as full, watching(captures["direct1-6.12-devdax"], stdout=full) as m:
        assert m.p.wait(20) == 4 and b"No space left on device" in m.p.stderr.read()


@pytest.mark.parametrize("args,words", [
    (["--monitor", "--check"], "cannot be combined with --check"), (["--monitor", "--impact"], "--impact"), (["--monitor", "-x"], "-x"),
    (["--monitor", "--assert=abi=v1"], "--assert"), (["--monitor", "--output=/tmp/x"], "--output"), (["--monitor", "--format=table"], "another format"),
    (["--monitor", "-u"], "another format"), (["--once"], "--once goes with --monitor"), (["--interval=1s"], "--interval goes with --monitor"),
    (["--monitor", "--interval=0s"], "from 10ms"), (["--monitor", "--interval=1"], "with its unit"), (["--monitor", "--interval=2d"], "with its unit"),
    (["--monitor", "--interval=86401s"], "to 86400s"), (["--monitor", "--interval=-1s"], "with its unit"), (["--monitor", "mem99"], "'mem99' is not a target")])
def test_a_wrong_command_line_is_a_usage_error(captures, args, words):
    r = run([cli.CXL, "isolation-status", f"--sysroot={captures['direct1-6.12-devdax']}", *args])
    assert r.rc == 2 and words in r.err, str(r)
    if not any(a in ("-u", "--format=table", "--output=/tmp/x") for a in args):
        cli.parse(r, "cxl-isolation-status")


def test_without_a_cxl_bus_it_does_not_begin(captures):
    r = run([cli.CXL, "isolation-status", "--monitor", f"--sysroot={captures['none-6.12-noregion']}"])
    assert r.rc == 3 and "no CXL bus" in cli.parse(r, "cxl-isolation-status").err


def test_few_descriptors_are_enough(tmp_path):
    run([cli.ROOT / "test/bench/gentree", tmp_path / "t", "-n", "16", "-r"])
    a = tmp_path / "t/sys/devices/pci0000:10/0000:10:07.0/cxl_isolation/isolation_ctrl"
    with watching(tmp_path / "t", limit=24) as m:
        put(a, "1")
        assert m.next()["type"] == "control"
        m.end()


# -- on a simulated host ----------------------------------------------------------------------
def in_host(script, host="direct1", kernel="v1-fixed", args="", before="cxl enable-isolation root0", user=None, interval="100ms"):
    """(lines, result): the monitor's lines while SCRIPT ran, the result of the whole."""
    who = f"setpriv --reuid={user} --regid={user} --clear-groups -- " if user is not None else ""
    text = f"""exec 2>&1; export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; {before} >/dev/null
out=$(mktemp); err=$(mktemp)
{who}cxl isolation-status --monitor --interval={interval} {args} >$out 2>$err & p=$!
i=0; until [ -s $out ]; do sleep 0.05; i=$((i+1)); [ $i -lt 200 ] || exit 99; done
settle() {{ sleep 0.8; }}
{script}
settle; kill -TERM $p; wait $p; echo "monitor: $?"; echo "stderr: $(cat $err)"; echo LINES; cat $out; rm $out $err"""
    r, = Session(host, kernel).sh(text).run()
    said, _, lines = r.text.partition("LINES\n")
    assert "monitor: 0" in said, str(r)
    r.said = said
    return check_lines(lines), r


def test_a_lost_link_is_exactly_one_change():
    lines, _ = in_host(f"settle; cxl-sim ctl link-down {RP}")
    assert [(x["type"], x["root_port"]) for x in lines[1:]] in ([("isolated", RP)], [("isolated", RP), ("checks", RP)])
    assert lines[1]["after"]["status"]["mem"]["cause"] == "link-down" and lines[1]["after"]["link"]["state"] == "down"
    # what is below does not answer any more, which the look at the whole host finds
    assert all("limits" in x["changed"] and "status.state" not in x["changed"] for x in lines[2:])


def test_a_timeout_is_exactly_one_change():
    lines, _ = in_host(f"settle; cxl-sim ctl timeout {RP}", before="cxl enable-isolation --timeout=on root0")
    assert [x["type"] for x in lines[1:]] == ["isolated"] and lines[1]["after"]["status"]["mem"]["cause"] == "timeout"


def test_no_change_is_no_line():
    lines, r = in_host("settle")
    assert len(lines) == 1 and "stderr: \n" in r.said


def test_settings_modes_and_drivers_on_a_simulated_host():
    lines, _ = in_host("""cxl disable-isolation root0 >/dev/null; settle
daxctl reconfigure-device --mode=system-ram dax0.0 >/dev/null; settle
daxctl reconfigure-device --mode=devdax --force dax0.0 >/dev/null; settle
echo mem0 >/sys/bus/cxl/drivers/cxl_mem/unbind""")
    types = [x["type"] for x in lines[1:]]
    assert types[0] == "control" and "dax" in types and types[-1] in ("memdev", "region", "dax"), types
    modes = [d["mode"] for x in lines for d in (x["after"] or {"below": {"dax": []}})["below"]["dax"]]
    assert [m for i, m in enumerate(modes) if m and (not i or modes[i - 1] != m)][:2] == ["devdax", "system-ram"], modes
    assert lines[-1]["after"]["below"]["memdevs"][0]["state"] == "disabled"


def test_an_endpoint_and_a_root_port_that_are_removed_and_come_back():
    lines, _ = in_host(f"""echo 1 >/sys/bus/pci/devices/0000:0d:00.0/remove; settle
echo 1 >/sys/bus/pci/devices/{RP}/rescan; settle
echo 1 >/sys/bus/pci/devices/{RP}/remove; settle
echo 1 >/sys/bus/pci/rescan""")
    types = [x["type"] for x in lines[1:]]
    assert types[0] == "memdev" and "gone" in types and "appeared" in types[types.index("gone"):], types
    assert lines[1]["after"]["memdevs"] == []


def test_an_accelerator_that_is_removed_and_comes_back():
    """It has no memdev, so only PCI tells; the root port stays among those that are watched."""
    lines, _ = in_host(f"""settle; echo 1 >/sys/bus/pci/devices/0000:0d:00.0/remove; settle
echo 1 >/sys/bus/pci/devices/{RP}/rescan""", host="cache1", before="true")
    assert [x["device"] for x in lines[0]["root_ports"][0]["below"]["accelerators"]] == ["0000:0d:00.0"]
    assert [x["type"] for x in lines[1:]] == ["accelerator", "accelerator"]
    assert [len(x["after"]["below"]["accelerators"]) for x in lines[1:]] == [0, 1]


def test_a_host_that_dies_is_said_once_and_the_monitor_lives():
    """The posted kernel panics when a type-3 device is isolated; nothing can be read any more."""
    # a new range would have cleared the interrupt, without which that kernel notices nothing
    lines, r = in_host(f"settle; cxl-sim ctl link-down {RP}", kernel="v1", before="cxl enable-isolation --timeout=keep root0")
    assert len(lines) == 1 and r.said.count("looking again until it can be read") == 1, str(r)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_without_root_it_watches_what_it_can():
    lines, _ = in_host("settle; cxl disable-isolation root0 >/dev/null", user=NOBODY)
    assert [x["type"] for x in lines[1:]] == ["control"] and lines[0]["root_ports"][0]["status"]["state"] == "unknown"


def test_it_writes_nothing_and_reads_little_while_nothing_changes():
    _, r = in_host("settle; settle; settle")
    monitor = [e for e in r.log if e.get("comm") == "cxl" and e["path"].startswith("/sys")]
    # but in its own trace instance, which takes about 45 operations to make, and to remove, and none in between
    assert not [e for e in monitor if e["op"] == "write" and not re.search(r"cxl_isolation|/tracing/instances/cxl-isolation-\d+/", e["path"])]
    tracing = [i for i, e in enumerate(monitor) if "/tracing/instances" in e["path"]]
    assert 40 < len(tracing) <= 50 and not [i for i in tracing[:-2] if i > tracing[0] + 150], tracing
    config = [e for e in monitor if e["op"] == "read" and e["path"].endswith(f"{RP}/config")]
    assert len([e for e in config if re.search(r"=0x[0-9a-f]{4}$", e.get("data", ""))]) >= 15, "two bytes of config space a look"
    assert len([e for e in config if not re.search(r"=0x[0-9a-f]{4}$", e.get("data", ""))]) <= 6, "the rest only with a full look"


def test_a_time_is_utc(captures):
    with watching(captures["direct1-6.12-devdax"]) as m:
        lines, _ = m.end()
    shown = time.strptime(lines[0]["time"].split(".")[0], "%Y-%m-%dT%H:%M:%S")
    assert abs(time.mktime(shown) - time.mktime(time.gmtime())) < 120


# -- the journal ---------------------------------------------------------------------
def test_the_journal_gets_a_line_for_each_root_port_and_their_priority(captures, tmp_path):
    """In one line the journal would cut what many ports have to say; its stream is known by device and inode."""
    with open(tmp_path / "journal", "w+b") as stream:
        st = os.fstat(stream.fileno())
        argv = [cli.CXL, "isolation-status", "--monitor", FAST, "--once", f"--sysroot={captures['direct2x2-6.12-x2hb-devdax']}", "all"]
        p = subprocess.Popen(argv, stdout=stream, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                             env={**cli.CLEAN, "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
        try:
            end = time.monotonic() + 60
            while len(found := (tmp_path / "journal").read_text().splitlines()) < 4:
                assert p.poll() is None and time.monotonic() < end, found
                time.sleep(0.02)
        finally:
            p.kill()
            p.wait()
    lines = [json.loads(re.fullmatch("<6>(.*)", line)[1]) for line in found]
    for i, line in enumerate(lines):
        schema.validate(NAME, line)
        assert (line["seq"], line["type"], len(line["root_ports"])) == (i, "snapshot", 1)
        assert not i or not line["messages"]
    assert len({line["root_ports"][0]["root_port"] for line in lines}) == len(lines) == 4


def test_what_is_isolated_is_critical_in_the_journal():
    s = Session("direct1", before=f"PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; cxl enable-isolation root0 && cxl-sim ctl link-down {RP}") \
        .sh(f"exec 3>&1; export JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/3); {cli.CXL} isolation-status --monitor {FAST} & "
            "until [ -s /proc/self/fd/3 ]; do sleep 0.02; done; kill $!; wait")
    line, = s.run()[0].text.splitlines()
    assert line.startswith("<2>{") and json.loads(line[3:])["root_ports"][0]["status"]["state"] == "isolated"
