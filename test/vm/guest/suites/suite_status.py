# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status and its monitor on real sysfs, where the kernel's count of uevents says when to look."""
import json
import mmap
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import time

from guest import (CXL, DRIVERS, MADE, MEMORY, PCI, THEIR_DAXCTL, Module, Skip, bind_memdev, create_region, cxl, is_bound, make_devdax,
                   make_system_ram, memdev, names, on, parent_port, read, remove_endpoint, root_port, run, same, until, write)

TOPOLOGIES = ("direct1", "direct2x2")
FIRST = {"direct1": 0x1001}
# 4 MiB on a node, until standard input ends: emulated CXL memory is slow.  238 is set_mempolicy on x86-64, 2 MPOL_BIND (linux/mempolicy.h).
HOLD_PAGES = """
import ctypes, os, sys
mask = ctypes.c_ulong(1 << int(sys.argv[1]))
assert not ctypes.CDLL(None).syscall(238, 2, ctypes.byref(mask), 64)
kept = bytearray(os.urandom(1 << 18) * 16)
print("ready", flush=True)
sys.stdin.read()
"""


class Monitor:
    """A monitor for a `with` statement; its lines are validated by what they say, and printed when a test fails."""

    def __init__(self, *targets, interval=("--interval=100ms",)):
        self.p = subprocess.Popen([CXL, "isolation-status", "--monitor", *interval, *targets], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines, self.ahead = [], b""

    def __enter__(self):
        same(self.next()["type"], "snapshot", "the first line")
        return self

    def next(self, seconds=10):
        """The next line, None when there is none."""
        end = time.monotonic() + seconds
        while b"\n" not in self.ahead:
            if not select.select([self.p.stdout], [], [], max(0, end - time.monotonic()))[0]:
                return None
            more = os.read(self.p.stdout.fileno(), 1 << 20)
            assert more, f"the monitor ended\n{self.p.stderr.read().decode()}"
            self.ahead += more
        line, self.ahead = self.ahead.split(b"\n", 1)
        self.lines.append(json.loads(line))
        return self.lines[-1]

    def until(self, what, condition):
        """Lines up to one for which the condition holds."""
        while True:
            line = self.next()
            assert line, f"no line says: {what}; last: {json.dumps(self.lines[-1])[:2000]}"
            if condition(line):
                return line

    def quiet(self):
        same(self.next(1), None, "a line although nothing changed")

    def __exit__(self, kind, *_):
        self.p.send_signal(signal.SIGTERM)
        _, err = self.p.communicate(timeout=10)
        if not kind:
            same(self.p.returncode, 0, f"exit status of the monitor\n{err.decode()}")
            same([x["seq"] for x in self.lines], list(range(len(self.lines))), "numbers of the lines")


def dax_modes(line):
    return [d["mode"] for d in line["after"]["below"]["dax"]] if line["after"] else []


def online(line):
    return sum(r["blocks_online"] for r in line["after"]["below"]["regions"]) if line["after"] else 0


def test_the_monitor_sees_one_isolation():
    with Module(fixed=True) as m:
        cxl("enable-isolation", "root0")
        port = m.ports()[0]
        with Monitor() as monitor:
            monitor.quiet()
            m.set(port, "trigger", "link-down")
            line = monitor.next()
            same((line["type"], line["root_port"]), ("isolated", port), "the change")
            same((line["before"]["status"]["state"], line["after"]["status"]["state"]), ("normal", "isolated"), "states")
            same(line["after"]["status"]["mem"]["cause"], "link-down", "cause")
            monitor.quiet()
        r = cxl("isolation-status", "--assert", "status.state=normal", port, rc=1)
        assert f"{port}: asserted was that status.state is normal, and it is isolated" in r.err, r
        same(cxl("isolation-status", "-x", rc=1).root_ports()[port]["problems"][0], "isolated", "problems")


@on("direct1")
def test_a_failure_is_written_within_a_moment_of_the_bit_in_the_register():
    """By a mapping, each tenth of a second.  Half of that is waited on average; this machine is an emulated one."""
    took = []
    with Module(fixed=True) as m:
        port = m.ports()[0]
        cxl("enable-isolation", "root0")
        with Monitor(interval=()) as monitor:
            until("its registers are mapped", lambda: re.search(rf"/resource0$|/{port}$", read(f"/proc/{monitor.p.pid}/maps"), re.M))
            for i in range(20):
                time.sleep(0.8 + i * 0.005)     # all over the time between two looks
                start = time.monotonic()
                m.set(port, "trigger", "link-down")
                monitor.until("isolated", lambda x: x["type"] == "isolated")
                took.append(time.monotonic() - start)
                m.set(port, "status", 0)
                monitor.until("cleared", lambda x: x["type"] == "cleared")
            cpu = time.clock_gettime((~monitor.p.pid << 3) | 2)
            time.sleep(5)
            cpu = (time.clock_gettime((~monitor.p.pid << 3) | 2) - cpu) / 5
    took.sort()
    MADE.update(said=f"from the bit to the line: median {took[10] * 1e3:.0f} ms, longest {took[-1] * 1e3:.0f} ms, {cpu * 100:.2f} % of a core")
    assert took[10] < 0.12, took


# -- the kernel's trace events -------------------------------------------------------
TRACING = pathlib.Path("/sys/kernel/tracing")
DEBUG = pathlib.Path("/sys/kernel/debug/cxl")


def mount_tracefs():
    if not (TRACING / "instances").exists():
        run("/usr/bin/busybox", "mount", "-t", "tracefs", "tracefs", TRACING)


def instances():
    return sorted(p.name for p in (TRACING / "instances").glob("cxl-isolation-*"))


@on("direct1")
def test_an_event_of_the_kernel_is_a_line_in_an_instance_of_the_monitors_own():
    """Poison that is injected by debugfs is traced by the kernel as cxl_poison; QEMU's device takes it."""
    mem = memdev(FIRST["direct1"])
    if not (DEBUG / mem / "inject_poison").exists():
        raise Skip("this kernel injects no poison by debugfs")
    mount_tracefs()
    (TRACING / "instances" / "cxl-isolation-1").mkdir()     # as a monitor that was killed leaves it
    took = []
    with Monitor(root_port(mem), interval=()) as m:
        same(len(instances()), 1, "the one that was left is gone, that of the monitor there")
        assert "cxl-isolation-1" not in instances(), instances()
        same(read(TRACING / "instances" / instances()[0] / "buffer_size_kb").split()[0] < "40", True, "it is small")
        with Monitor(root_port(mem), interval=()):
            same(len(instances()), 2, "two monitors have two")
        same(len(instances()), 1, "and one was left alone by the other")
        for i in range(6):
            start = time.monotonic()
            write(DEBUG / mem / "inject_poison", hex(0x1000 + 0x40 * i))
            line = m.until("the kernel's event", lambda x: x["type"] == "event")
            took.append(round(1000 * (time.monotonic() - start)))
            time.sleep(0.3)
        event = line["event"]
        same((line["root_port"], event["kind"], event["name"], event["severity"], event["memdev"], event["left_out"]),
             (root_port(mem), "cxl_event", "cxl_poison", "informational", mem, 0), "what is told of it")
        assert event["device"] in event["text"] and "trace_type=Inject" in event["text"], event
        same(read(TRACING / "events" / "cxl" / "cxl_poison" / "enable").strip(), "0", "the administrator's buffer")
        m.quiet()
    for i in range(6):
        write(DEBUG / mem / "clear_poison", hex(0x1000 + 0x40 * i))
    same(instances(), [], "after its end")
    assert sorted(took)[3] < 2000, f"milliseconds from the injection to the line: {took}"
    print(f"milliseconds from the injection to the line: {took}", file=sys.stderr)


def inject_aer(function, correctable=0, uncorrectable=0):
    """As an error of a PCI function that its root port reports; struct aer_error_inj of drivers/pci/pcie/aer_inject.c."""
    _, bus, rest = function.split(":")
    numbers = [int(n, 16) for n in (bus, *rest.split("."))]
    with open("/dev/aer_inject", "wb", buffering=0) as f:
        f.write(struct.pack("=BBBxIIIIIII", *numbers, uncorrectable, correctable, 0, 0, 0, 0, 0))


@on("direct1")
def test_an_aer_event_of_a_real_kernel_is_a_line_and_makes_nothing_isolated():
    """By the kernel's own module for that: the interrupt of the root port, its AER driver and what that traces are real."""
    if run("modprobe", "aer_inject", rc=None).rc:
        raise Skip("this kernel has no aer_inject")
    mount_tracefs()
    mem = memdev(FIRST["direct1"])
    port, device = root_port(mem), pathlib.Path("/sys/bus/cxl/devices", mem).resolve().parent.name
    try:
        with Monitor(port, interval=()) as m:
            for error, severity, words in (({"correctable": 0x40}, "corrected", "Bad TLP"),
                                           ({"uncorrectable": 0x4000}, "nonfatal", "Completion Timeout")):
                inject_aer(device, **error)
                line = m.until(f"the AER event of {words}", lambda x: x["type"] == "event")
                event = line["event"]
                same((line["root_port"], event["kind"], event["name"], event["severity"], event["device"], event["left_out"]),
                     (port, "aer", "aer_event", severity, device, 0), "what is told of it")
                assert re.match(rf"{device} \S+ Bus Error: ", event["text"]) and words in event["text"], event
            m.quiet()
            MADE.update(said=event["text"].strip())
    finally:
        run("modprobe", "-r", "aer_inject")
    same([r["status"]["state"] for r in cxl("isolation-status", port, rc=None).json["root_ports"]], ["normal"], "isolated by that")
    assert is_bound(mem), "its driver is gone"


@on("direct1")
def test_a_mapping_of_a_port_that_is_removed_is_survived_and_made_again():
    with Module(fixed=True) as m:
        port = m.ports()[0]
        cxl("enable-isolation", "root0")
        with Monitor(interval=()) as monitor:
            write(PCI / port / "driver/unbind", port)  # the registers go as a BAR's do: SIGBUS
            time.sleep(1)
            write(DRIVERS.parent.parent / "pci/drivers/pcieport/bind", port)
            until("the attributes are back", lambda: (PCI / port / "cxl_isolation").exists())
            write(PCI / port / "cxl_isolation/isolation_ctrl", "1")
            monitor.until("isolation on", lambda x: x["after"] and x["after"]["control"]["mem"]["isolation"])
            time.sleep(1)
            m.set(port, "trigger", "link-down")
            monitor.until("isolated", lambda x: x["type"] == "isolated")
            assert monitor.p.poll() is None


def test_the_monitor_sees_settings_change():
    with Module(fixed=True) as m, Monitor() as monitor:
        port = m.ports()[0]
        cxl("enable-isolation", port, "--timeout=keep")
        line = monitor.next()
        same((line["type"], line["after"]["control"]["mem"]["isolation"]), ("control", True), port)
        cxl("set-timeout", port, "B2")
        monitor.until("range B2", lambda x: x["after"]["control"]["mem"]["timeout"]["range"] == "B2")
        write(PCI / port / "cxl_isolation/isolation_ctrl", "0")
        monitor.until("isolation off", lambda x: not x["after"]["control"]["mem"]["isolation"])
        monitor.quiet()


@on("direct1")
def test_the_monitor_sees_a_region_made_its_mode_changed_and_its_blocks_online():
    m = memdev(FIRST["direct1"])
    with Module(fixed=True), Monitor("all") as monitor:
        region = create_region("decoder0.0", m)
        monitor.until("the region", lambda x: x["after"]["regions"] == [region])
        dax = make_devdax(region)
        monitor.until("devdax", lambda x: dax_modes(x) == ["devdax"])
        make_system_ram(region)
        line = monitor.until("system-ram with memory online", lambda x: dax_modes(x) == ["system-ram"] and online(x) == 2)
        assert "ISO-MEM-ONLINE" in line["after"]["blockers"]
        block = next(b for b in sorted(MEMORY.glob("memory[0-9]*")) if (b / "node1").exists())
        write(block / "state", "offline")
        monitor.until("one block offline", lambda x: online(x) == 1)
        run(THEIR_DAXCTL, "reconfigure-device", "--mode=devdax", "--force", dax)
        monitor.until("devdax again", lambda x: dax_modes(x) == ["devdax"])


def test_the_monitor_sees_a_driver_unbind_and_an_endpoint_go_and_return():
    m = names("mem")[0]
    above, port = parent_port(m), root_port(m)
    with Module(fixed=True), Monitor() as monitor:
        write(DRIVERS / "cxl_mem/unbind", m)
        monitor.until("unbound", lambda x: x["type"] == "memdev" and x["root_port"] == port
                      and x["after"]["below"]["memdevs"][0]["state"] == "disabled")
        bind_memdev(m)
        monitor.until("bound", lambda x: x["root_port"] == port and x["after"]["below"]["memdevs"][0]["state"] == "enabled")
        remove_endpoint(m)
        monitor.until("gone from its root port", lambda x: x["root_port"] == port and not x["after"]["memdevs"])
        write(PCI / above / "rescan", 1)
        monitor.until("back", lambda x: x["root_port"] == port and x["after"]["memdevs"]
                      and x["after"]["below"]["memdevs"][0]["state"] == "enabled")


def test_the_monitor_outlives_a_root_port():
    m = names("mem")[0]
    port = root_port(m)
    with Module(fixed=True) as module:
        with Monitor() as monitor:
            write(PCI / port / "remove", 1)
            monitor.until("gone", lambda x: x["type"] == "gone" and x["root_port"] == port)
            write("/sys/bus/pci/rescan", 1)
            monitor.until("back", lambda x: x["type"] == "appeared" and x["root_port"] == port)
            until("its attributes are back", lambda: (PCI / port / "cxl_isolation").exists())
            module.mount(port)
            until("the memdev is back", lambda: len(names("mem")) and (PCI / port).exists())
            write(PCI / port / "cxl_isolation/isolation_ctrl", "1")
            monitor.until("a change of what came back", lambda x: x["root_port"] == port and x["after"] and x["after"]["control"]["mem"]["isolation"])
        for mem in names("mem"):
            bind_memdev(mem)


@on("direct1")
def test_impact_names_the_process_that_maps_the_device():
    region = create_region("decoder0.0", memdev(FIRST["direct1"]))
    dax = make_devdax(region)
    fd = os.open(f"/dev/{dax}", os.O_RDWR)
    mapped = mmap.mmap(fd, 4 << 20)
    os.close(fd)
    try:
        d, = cxl("isolation-status", "--impact", region).root_ports().values()
        same([(u["pid"], u["mapped_bytes"]) for u in d["impact"]["dax"][0]["users"]], [(os.getpid(), 4 << 20)], "users")
    finally:
        mapped.close()


@on("direct1")
def test_the_monitor_sees_a_device_taken_into_use():
    region = create_region("decoder0.0", memdev(FIRST["direct1"]))
    dax = make_devdax(region)
    with Module(fixed=True), Monitor() as monitor:
        fd = os.open(f"/dev/{dax}", os.O_RDWR)
        mapped = mmap.mmap(fd, 4 << 20)
        os.close(fd)
        monitor.until("in use", lambda x: "ISO-BUSY" in x["after"]["blockers"])
        mapped.close()
        monitor.until("not in use", lambda x: "ISO-BUSY" not in x["after"]["blockers"])


@on("direct1")
def test_impact_names_who_has_pages_on_the_node():
    region = create_region("decoder0.0", memdev(FIRST["direct1"]))
    make_system_ram(region)
    node = next(int(n.name[4:]) for b in MEMORY.glob("memory[0-9]*") for n in b.glob("node[0-9]*") if n.name != "node0")
    child = subprocess.Popen([sys.executable, "-c", HOLD_PAGES, str(node)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        same(child.stdout.readline(), b"ready\n", "a process with pages on the node")
        rec, = cxl("isolation-status", "--impact", region).root_ports().values()
        ram = rec["impact"]["system_ram"]
        same(ram["online_bytes"], rec["bytes"], "online bytes")
        same([n["node"] for n in ram["nodes"]], [node], "nodes")
        assert ram["nodes"][0]["used_bytes"] >= 4 << 20, ram
        first = ram["processes"][0]
        same((first["pid"], first["command"]), (child.pid, read(f"/proc/{child.pid}/comm")), "the process with most")
        assert 4 << 20 <= first["bytes"] < 20 << 20, ram
        same(ram["hidden_processes"], 0, "hidden processes")
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
