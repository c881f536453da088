# SPDX-License-Identifier: GPL-2.0-only
"""The test kernel module itself: what the other suites rely on."""
import errno
import mmap
import os
import re
import struct

from guest import PCI, Module, bind_memdev, first_memdev, names, root_port, run, same, until, write

TOPOLOGIES = ("direct1",)
CACHEMEM, ISO = 0x1000, 0x1f00
CTRL, STATUS = ISO + 8, ISO + 12
ISOLATION, TIMEOUT, INTERRUPT = 1 << 16, 1 << 4, 1 << 26


def fails(number, function, *args):
    try:
        function(*args)
    except OSError as e:
        same(errno.errorcode[e.errno], errno.errorcode[number], f"error of {args[1:]}")
    else:
        raise AssertionError(f"{args[1:]} was accepted, {errno.errorcode[number]} was expected")


class File:
    """A port's register file, opened as the programs do."""

    def __init__(self, port):
        self.fd = os.open(PCI / port / "resource0", os.O_RDWR)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def read(self, at, n=4):
        return struct.unpack("<I", os.pread(self.fd, n, at))[0]

    def write(self, at, value):
        os.pwrite(self.fd, struct.pack("<I", value), at)


def real_capabilities(port):
    """id -> offset from the BAR itself."""
    with open(PCI / port / "resource0", "rb") as f, mmap.mmap(f.fileno(), 0x10000, prot=mmap.PROT_READ) as m:
        n = struct.unpack_from("<I", m, CACHEMEM)[0] >> 24
        entries = [struct.unpack_from("<I", m, CACHEMEM + 4 * i)[0] for i in range(1, n + 1)]
        return {e & 0xffff: (e >> 20, struct.unpack_from("<I", m, CACHEMEM + (e >> 20))[0]) for e in entries if e}


def test_the_file_is_the_real_block_with_capability_9_added():
    port = root_port(first_memdev())
    real = real_capabilities(port)
    assert 9 not in real, "QEMU has the capability by now: the module is not needed any more"
    with Module(), File(port) as f:
        same(os.fstat(f.fd).st_size, 0x10000, "size")
        n = f.read(CACHEMEM) >> 24
        entries = [f.read(CACHEMEM + 4 * i) for i in range(1, n + 1)]
        found = {e & 0xffff: (e >> 20, f.read(CACHEMEM + (e >> 20))) for e in entries if e}
        same(found.pop(9), (0xf00, 0x1c03001f), "capability 9")
        same(found, real, "the others")


def test_accesses_are_32_bits_wide_and_aligned():
    with Module(), File(root_port(first_memdev())) as f:
        for at, n in ((ISO, 2), (ISO, 8), (ISO + 2, 4), (ISO + 1, 1)):
            fails(errno.EINVAL, os.pread, f.fd, n, at)
        fails(errno.EINVAL, os.pwrite, f.fd, b"12", ISO)
        same(os.pread(f.fd, 4, 0x10000), b"", "past the end")
        os.lseek(f.fd, ISO, os.SEEK_SET)
        same(struct.unpack("<I", os.read(f.fd, 4))[0], 0x1c03001f, "read at the file's offset")
        fails(errno.ENODEV, mmap.mmap, f.fd, 0x10000, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def test_what_is_mapped_is_what_is_read():
    port = root_port(first_memdev())
    with Module() as m, File(port) as f, mmap.mmap(f.fd, 0x10000, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
        for status in (0, 0x301):
            m.set(port, "status", status)
            same(struct.unpack_from("<I", mapped, STATUS)[0], status, "status")
        for at in (0, CACHEMEM, CACHEMEM + 4, ISO, ISO + 8, 0xfffc):
            same(struct.unpack_from("<I", mapped, at)[0], f.read(at), f"the word at {at:#x}")


def test_status_is_cleared_by_writing_one():
    port = root_port(first_memdev())
    with Module() as m, File(port) as f:
        m.set(port, "status", 0x7331)
        f.write(STATUS, 0x100)
        same(f.read(STATUS) & 0xbfff, 0x3231, "status")
        f.write(STATUS, 0xffffffff)
        same(f.read(STATUS) & 0xbfff & 0x3311, 0, "status")


def test_busy_is_seen_while_isolated_only():
    port = root_port(first_memdev())
    with Module() as m, File(port) as f:
        m.set(port, "busy", 1)
        same(f.read(STATUS), 0, "status")
        m.set(port, "trigger", "link-down")
        same(f.read(STATUS), 1 << 14 | 1 << 9 | 1 << 8, "status")
        f.write(STATUS, 1 << 14)
        same(f.read(STATUS), 1 << 14 | 1 << 9 | 1 << 8, "status")
        m.set(port, "busy", 0)
        same(f.read(STATUS), 1 << 9 | 1 << 8, "status")


def test_control_takes_what_the_capability_has():
    port = root_port(first_memdev())
    with Module() as m, File(port) as f:
        f.write(CTRL, 0xffffffff)
        same(f.read(CTRL), INTERRUPT | 1 << 17 | ISOLATION | TIMEOUT, "control: no cache, no reserved range")
        f.write(CTRL, 0x6)
        same(f.read(CTRL), 0x6, "control")
        m.set(port, "capability", 0x04010013)  # ranges A and B
        f.write(CTRL, 0x9)
        same(f.read(CTRL), 0x6, "control: range C is not supported")
        f.write(CTRL, ISOLATION)
        m.set(port, "fw_owned", 1)
        f.write(CTRL, 0)
        same(f.read(CTRL), ISOLATION, "control: firmware owns the enable")


def test_events_need_what_notices_them():
    port = root_port(first_memdev())
    with Module(fixed=True) as m, File(port) as f:
        fails(errno.EINVAL, m.set, port, "trigger", "timeout")
        fails(errno.EIO, m.set, port, "trigger", "link-down")
        same(f.read(STATUS), 0, "status")
        f.write(CTRL, TIMEOUT)
        fails(errno.EIO, m.set, port, "trigger", "timeout")
        same(f.read(STATUS), 1, "status: timed out, not isolated")
        f.write(CTRL, TIMEOUT | ISOLATION)
        m.set(port, "trigger", "timeout")
        same(f.read(STATUS), 0x101, "status")


def test_v1_attributes_behave_as_posted():
    port = root_port(first_memdev())
    d = PCI / port / "cxl_isolation"
    with Module() as m:
        def state():
            return m.attribute(port, "isolation_ctrl"), m.attribute(port, "timeout_ctrl"), m.get(port, "control")
        same(state(), ("1", "0", INTERRUPT | ISOLATION), "at discovery")
        fails(errno.ENXIO, (d / "timeout_range").read_text)
        write(d / "timeout_ctrl", "on")
        same(state(), ("1", "1", INTERRUPT | ISOLATION | TIMEOUT), "timeout on")
        write(d / "timeout_range", "0x6\n")
        same(state(), ("0", "0", 6), "the range's number clears everything else")
        same(m.attribute(port, "timeout_range"), "b2", "range")
        for word in ("b2", "B2", " d \n"):
            fails(errno.EINVAL, write, d / "timeout_range", word)
        for word in ("3", "15", "256", "-1", "E", "b2x", " "):
            fails(errno.EINVAL, write, d / "timeout_range", word)
        write(d / "isolation_ctrl", "y")
        write(d / "timeout_ctrl", "1")
        write(d / "isolation_ctrl", "0")
        same(state(), ("1", "0", ISOLATION), "disabling leaves isolation on and clears the rest")
        write(d / "timeout_range", "0")
        same(state(), ("0", "0", 0), "0 counts as range A and clears everything")
        fails(errno.EINVAL, write, d / "isolation_ctrl", "2")
        m.set(port, "capability", 0x04010000)
        fails(errno.ENXIO, write, d / "timeout_range", "6")
        m.set(port, "capability", 0x04010010)
        fails(errno.EINVAL, write, d / "timeout_range", "6")


def test_v1_fixed_attributes_have_no_defect():
    port = root_port(first_memdev())
    d = PCI / port / "cxl_isolation"
    with Module(fixed=True) as m:
        same(m.get(port, "control"), INTERRUPT, "at discovery")
        same(m.attribute(port, "timeout_range"), "default", "range")
        write(d / "isolation_ctrl", "1")
        write(d / "timeout_ctrl", "1")
        for word, name in (("b2", "B2"), ("D", "D"), ("9", "C"), ("0x2", "A2"), ("default", "default"), ("0", "default")):
            write(d / "timeout_range", word)
            same(m.attribute(port, "timeout_range"), name, word)
        same(m.get(port, "control"), INTERRUPT | ISOLATION | TIMEOUT, "control")
        write(d / "isolation_ctrl", "0")
        same(m.get(port, "control"), INTERRUPT | TIMEOUT, "control")
        m.set(port, "capability", 0x04010000)
        fails(errno.ENXIO, write, d / "timeout_ctrl", "1")
        fails(errno.ENXIO, (d / "timeout_range").read_text)


def test_without_interrupt_there_are_registers_but_no_attributes():
    port = root_port(first_memdev())
    with Module(capability=0x0003001f), File(port) as f:
        same((PCI / port / "cxl_isolation").exists(), False, "attributes")
        same((f.read(ISO), f.read(CTRL)), (0x0003001f, 0), "capability and control")


def test_a_port_that_is_removed_answers_all_ones_and_keeps_its_registers():
    port = root_port(first_memdev())
    with Module() as m:
        m.set(port, "trigger", "link-down")
        fd = os.open(m.DEV / port, os.O_RDONLY)
        write(PCI / port / "remove", 1)
        same(os.pread(fd, 4, STATUS), b"\xff" * 4, "status while it is gone")
        write("/sys/bus/pci/rescan", 1)
        until("the port is back", lambda: (PCI / port / "cxl_isolation").exists())
        same(os.pread(fd, 4, STATUS), struct.pack("<I", 0x300), "status when it is back")
        os.close(fd)
        until("the memdev is back", lambda: names("mem"))
        m.mount(port)
        bind_memdev(names("mem")[0])


def test_it_goes_without_trace():
    with Module():
        pass
    same((PCI / root_port(first_memdev()) / "cxl_isolation").exists() or Module.DEV.exists() and list(Module.DEV.iterdir()) != [], False, "traces")
    bad = [line for line in run("dmesg").out.splitlines() if re.search(r"WARNING:|BUG:|Oops|refcount_t", line)]
    same(bad, [], "what the kernel complained about since boot")
