# SPDX-License-Identifier: GPL-2.0-only
"""set-timeout, --while with real commands, and writes by register, on real root ports with the test module's registers."""
import errno
import json
import mmap
import os
import signal
import struct
import subprocess
import time

from guest import CXL, PCI, THEIR_CXL, Module, create_region, cxl, listing, make_devdax, memdev, names, on, root_port, run, same, until

TOPOLOGIES = ("direct1", "direct2x2")
ISOLATION, LINK_DOWN, TIMEOUT, INTERRUPT = 1 << 16, 1 << 17, 1 << 4, 1 << 26
CACHE_TIMEOUT, CACHE_ISOLATION, ERR_COR = 1 << 12, 1 << 18, 1 << 25
NO_KERNEL = 0x020f1f1f      # everything but an interrupt: no attributes then


def first():
    return root_port(names("mem")[0])


def control(r, port, key="control"):
    mem = r.root_ports()[port][key]["mem"]
    return mem["isolation"], mem["timeout"]["enabled"], mem["timeout"]["range"]


# -- set-timeout ------------------------------------------------------------------------------
def test_v1_fixed_sets_every_range_and_words():
    with Module(fixed=True) as m:
        port = first()
        for what, bits in (("A", TIMEOUT | 1), ("a2", TIMEOUT | 2), ("20ms", TIMEOUT | 5), ("B2", TIMEOUT | 6), ("off", 6), ("0.5s", TIMEOUT | 9),
                           ("C2", TIMEOUT | 10), ("d", TIMEOUT | 13), ("64s", TIMEOUT | 14), ("default", TIMEOUT), ("off", 0), ("on", TIMEOUT)):
            r = cxl("set-timeout", port, what)
            same((m.get(port, "control"), r.messages("READ-BACK")), (INTERRUPT | bits, []), f"control and messages after {what}")
        stores = m.get(port, "stores")
        same(cxl("set-timeout", port, "on").root_ports()[port]["result"], "already", "again")
        same(m.get(port, "stores"), stores, "stores")


def test_v1_keeps_isolation_in_spite_of_its_defects():
    with Module() as m:
        port = first()
        r = cxl("set-timeout", port, "B2")
        same((m.get(port, "control"), control(r, port, "after")), (TIMEOUT | ISOLATION | 6, (True, True, "B2")), "control")
        assert "interrupt enable" in r.err, r
        same(m.attribute(port, "timeout_range"), "b2", "the kernel's own word")
        cxl("set-timeout", port, "off")
        same(m.get(port, "control"), ISOLATION | 6, "control after off")


def test_v1_with_registers_keeps_the_interrupt_too():
    with Module() as m:
        port = first()
        cxl("set-timeout", port, "C", "--registers")
        same(m.get(port, "control"), INTERRUPT | TIMEOUT | ISOLATION | 9, "control")


def test_every_port_of_the_bus():
    with Module(fixed=True) as m:
        cxl("set-timeout", "all", "B")
        same({m.get(p, "control") for p in m.ports()}, {INTERRUPT | TIMEOUT | 5}, "control")


def test_an_unsupported_range_lists_the_supported():
    with Module(fixed=True, capability=0x1c030013) as m:
        r = cxl("set-timeout", first(), "C2", rc=3)
        assert "supports: default A A2 B B2" in r.err, r
        same(m.get(first(), "stores"), 0, "stores")


def test_a_reserved_range_is_not_taken_for_the_default():
    """Attribute: -ENXIO, as for the default; the register tells."""
    for fixed in (False, True):
        with Module(fixed=fixed) as m:
            port = first()
            m.set(port, "control", INTERRUPT | 0xf)
            r = listing(port)
            same((r.root_ports()[port]["control"]["mem"]["timeout"]["range"], len(r.messages("RESERVED"))), (None, 1), "range and messages")
            cxl("set-timeout", port, "default")
            same(m.get(port, "control") & 0x1f, TIMEOUT, "control")


def test_a_refused_write_is_taken_back():
    with Module(fixed=True) as m:
        port = first()
        m.set(port, "errno_timeout_ctrl", errno.EBUSY)
        r = cxl("set-timeout", port, "B2", rc=4)
        same((r.root_ports()[port]["result"], m.get(port, "control")), ("rolled-back", INTERRUPT), "result and control")


# -- while --------------------------------------------------------------------------------------
def test_while_a_real_command_runs():
    for fixed in (False, True):
        with Module(fixed=fixed) as m:
            port, mem = first(), names("mem")[0]
            cxl("set-timeout", port, "B2")
            before = m.get(port, "control")
            theirs = run(THEIR_CXL, "list", "-M", "-m", mem)
            ours = cxl("set-timeout", mem, "off", "--while", "--", THEIR_CXL, "list", "-M", "-m", mem)
            same((ours.out, m.get(port, "control")), (theirs.out, before), "its output, and the control register afterwards")
            seen = cxl("set-timeout", mem, "--while", "--", "cat", PCI / port / "cxl_isolation/timeout_ctrl")
            same((seen.out, m.get(port, "control")), ("0\n", before), "what it saw")
            cxl("set-timeout", mem, "D2", "--while", "--", "sh", "-c", "exit 9", rc=9)
            same(m.get(port, "control"), before, "control after a failure")
            cxl("set-timeout", mem, "off", "--while", "--", "/nonexistent", rc=127)
            same(m.get(port, "control"), before, "control after a command that is missing")


def test_while_a_command_uses_the_memory():
    with Module(fixed=True) as m:
        mem = memdev(0x1001 if len(m.ports()) == 1 else 0x2001)
        dax = make_devdax(create_region("decoder0.0", mem))
        port = root_port(mem)
        cxl("set-timeout", port, "B2")
        code = f"import mmap, os; f = os.open('/dev/{dax}', os.O_RDWR); m = mmap.mmap(f, 2 << 20); m[:5] = b'hello'; print(m[:5].decode())"
        r = cxl("set-timeout", dax, "off", "--while", "--", "python3", "-c", code)
        same((r.out, m.get(port, "control")), ("hello\n", INTERRUPT | TIMEOUT | 6), "output and control")


def test_a_signal_puts_the_timeout_back():
    with Module(fixed=True) as m:
        port = first()
        cxl("set-timeout", port, "B2")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            p = subprocess.Popen([CXL, "set-timeout", port, "off", "--while", "--", "sleep", "60"], stdin=subprocess.DEVNULL)
            until("it is off", lambda: not m.get(port, "control") & TIMEOUT)
            time.sleep(0.3)
            p.send_signal(number)
            same((p.wait(20), m.get(port, "control")), (128 + number, INTERRUPT | TIMEOUT | 6), f"status and control after {number.name}")


def test_a_port_that_becomes_isolated_meanwhile_is_said():
    with Module(fixed=True) as m:
        port = first()
        cxl("enable-isolation", "--timeout=B2", port)
        r = cxl("set-timeout", port, "off", "--while", "--", "sh", "-c", f"echo link-down >{m.DEBUGFS / port / 'trigger'}", rc=4)
        assert "ISO-ISOLATED" in r.err and f"cxl set-timeout {port} on" in r.err, r
        same(m.get(port, "control"), INTERRUPT | ISOLATION | 6, "control")


def test_restoring_that_is_refused_is_said():
    with Module(fixed=True) as m:
        port = first()
        cxl("set-timeout", port, "B2")
        r = cxl("set-timeout", port, "off", "--while", "--", "sh", "-c", f"echo {errno.EBUSY} >{m.DEBUGFS / port / 'errno_timeout_ctrl'}", rc=4)
        assert f"cxl set-timeout {port} on" in r.err, r
        m.set(port, "errno_timeout_ctrl", 0)
        cxl("set-timeout", port, "on")
        same(m.get(port, "control"), INTERRUPT | TIMEOUT | 6, "control after what is told to type")


# -- by register -----------------------------------------------------------------------------------
def test_without_attributes_everything_is_written_by_register():
    with Module(capability=NO_KERNEL) as m:
        port = first()
        assert not (PCI / port / "cxl_isolation").exists()
        cxl("enable-isolation", port, rc=3)
        same(m.get(port, "control"), 0, "control without --registers")
        r = cxl("enable-isolation", port, "--registers", "--link-down", "--cache", "--timeout=B2")
        want = ISOLATION | LINK_DOWN | CACHE_ISOLATION | 1 << 19 | TIMEOUT | 6
        same((r.root_ports()[port]["result"], m.get(port, "control")), ("done", want | CACHE_TIMEOUT | 0x600), "control")
        cxl("set-timeout", port, "C", "--cache", "--registers")
        same(m.get(port, "control"), want | CACHE_TIMEOUT | 0x900, "control with another timeout of CXL.cache")
        same(cxl("enable-isolation", port, "--registers", "--cache").root_ports()[port]["result"], "already", "again")
        cxl("disable-isolation", port, "--registers", "--cache", "--link-down")
        same(m.get(port, "control"), TIMEOUT | 6 | CACHE_TIMEOUT | 0x900, "control after disabling")
        same(m.get(port, "stores"), 0, "stores to attributes")


def test_an_extra_beside_the_kernels_attributes():
    with Module(fixed=True) as m:
        port = first()
        cxl("enable-isolation", port, "--link-down", rc=3)
        cxl("enable-isolation", port, "--link-down", "--registers", "--timeout=keep")
        same((m.get(port, "control"), m.get(port, "stores")), (INTERRUPT | ISOLATION | LINK_DOWN, 1), "control and stores")


def test_bits_that_are_not_concerned_stay():
    with Module(capability=NO_KERNEL) as m:
        port = first()
        m.set(port, "control", ERR_COR | CACHE_TIMEOUT | 0x500)
        cxl("enable-isolation", port, "--registers")
        same(m.get(port, "control"), ERR_COR | CACHE_TIMEOUT | 0x500 | ISOLATION | TIMEOUT | 6, "control")


def test_firmware_that_keeps_the_enable_is_found_out_by_register_too():
    with Module(capability=NO_KERNEL) as m:
        port = first()
        m.set(port, "fw_owned", 1)
        r = cxl("enable-isolation", port, "--registers", "--timeout=B2", rc=4)
        assert "ISO-FW-OWNED" in r.err and "the kernel cannot" not in r.err, r
        same(m.get(port, "control"), 0, "control, rolled back")


def test_the_real_registers_are_read_by_mapping():
    """QEMU's resource file: mmap only, and no capability 9, which is the right answer."""
    port = first()
    with open(PCI / port / "resource0", "r+b", buffering=0) as f:
        try:
            got = os.pread(f.fileno(), 4, 0x1000)
        except OSError as e:
            got = e.errno
        assert got in (errno.EIO, errno.EINVAL, errno.ENODEV, errno.EBADF), f"a memory BAR can be read: {got}"
        with mmap.mmap(f.fileno(), 0x10000) as m:
            n = struct.unpack_from("<I", m, 0x1000)[0] >> 24
            ids = {struct.unpack_from("<I", m, 0x1000 + 4 * i)[0] & 0xffff for i in range(1, n + 1)}
    assert n and 9 not in ids, ids
    rec = listing(port).root_ports()[port]
    same(rec["source"], {"capability": "registers", "control": None, "status": "registers"}, "source")
    same((rec["capability"]["mem"], rec["capability"]["interrupt"]),
         ({"timeout": False, "timeout_ranges": [], "isolation": False, "link_down": False}, False), "capability")
    for command in (["enable-isolation", port, "--registers"], ["set-timeout", port, "B2", "--registers"]):
        r = cxl(*command, rc=3)
        assert "ISO-CAP" in r.root_ports()[port]["blockers"] and "nothing was written" in r.err, r


@on("direct1")
def test_the_record_of_a_while_goes_to_a_file():
    with Module(fixed=True):
        port = first()
        cxl("set-timeout", port, "B2")
        r = cxl("set-timeout", port, "off", "-o", "/tmp/record.json", "--while", "--", "sh", "-c", "exit 200", rc=200)
        with open("/tmp/record.json", encoding="utf-8") as f:
            said = json.load(f)
        same((said["exit_status"], said["root_ports"][0]["result"], said["root_ports"][0]["changed"], r.out), (200, "done", False, ""), "record")
