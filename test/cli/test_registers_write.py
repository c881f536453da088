# SPDX-License-Identifier: GPL-2.0-only
"""--registers: settings without a kernel attribute are written into the port's control register, and nothing else is touched.

The simulator logs every access to the BAR with its offset and value, and calls
a change of a reserved bit a violation.  A tree in place of /sys, whose register
file can be mapped, shows that mapped registers are written the same way.
"""
import json
import os
import re
import struct
import subprocess

import pytest

from lib import cli, oracle
from lib.change import change, control, on, overlay, says
from lib.cli import NOBODY, Session, writes

RP = "0000:0c:00.0"
CAP, CTRL, STATUS = "0x1200", "0x1208", "0x120c"
TIMEOUT, ISOLATION, LINK_DOWN, INTERRUPT = 1 << 4, 1 << 16, 1 << 17, 1 << 26
CACHE_TIMEOUT, CACHE_ISOLATION, CACHE_LINK_DOWN, ERR_COR = 1 << 12, 1 << 18, 1 << 19, 1 << 25
CACHE = {"cache_timeout": True, "cache_timeout_ranges": "AB", "cache_isolation": True, "cache_link_down": True, "err_cor": True}


def ctrl(*values):
    return [(RP, CTRL, f"0x{v:08x}") for v in values]


def by_register(host, *args, kernel="mainline", **more):
    return change(host, *args, "--registers", kernel=kernel, **more)


# -- what is written ------------------------------------------------------------------------
@pytest.mark.parametrize("args,expected", [
    ([], [6, 6 | TIMEOUT, 6 | TIMEOUT | ISOLATION]),
    (["--link-down"], [6, 6 | TIMEOUT, 6 | TIMEOUT | LINK_DOWN, 6 | TIMEOUT | LINK_DOWN | ISOLATION]),
    (["--timeout=keep"], [ISOLATION]),
    (["--timeout=keep", "--link-down"], [LINK_DOWN, LINK_DOWN | ISOLATION]),
    (["--timeout=B2"], [6, 6 | TIMEOUT, 6 | TIMEOUT | ISOLATION]),
    (["--timeout=on"], [TIMEOUT, TIMEOUT | ISOLATION]),
    (["--timeout=D2", "--link-down"], [14, 14 | TIMEOUT, 14 | TIMEOUT | LINK_DOWN, 14 | TIMEOUT | LINK_DOWN | ISOLATION]),
])
def test_a_kernel_without_attributes_is_no_obstacle(args, expected):
    r = by_register("direct1", "root0", *args)
    assert r.rc == 0, str(r)
    assert writes(r.log) == ctrl(*expected)
    on(r, RP)
    assert r.root_ports()[RP]["result"] == "done"
    assert {s["op"] for s in r.root_ports()[RP]["plan"]} == {"register"}


@pytest.mark.parametrize("args,expected", [([], [TIMEOUT | 6 | LINK_DOWN]), (["--link-down"], [TIMEOUT | 6 | LINK_DOWN, TIMEOUT | 6])])
def test_disabling_keeps_what_was_not_named(args, expected):
    r = by_register("direct1", "root0", *args, command="disable-isolation",
                    before="cxl enable-isolation root0 --registers --link-down --timeout=B2 >/dev/null")
    assert r.rc == 0 and writes(r.log) == ctrl(*expected)
    assert control(r.after[RP]["control"]) == (False, True, "B2")


def test_what_was_switched_on_by_register_is_contained_for_who_looks_later():
    """A listing and the policy say the same as the command that did it: isolation is on, that no attribute controls it is no matter."""
    enable, status, held, drift, again = Session("direct1", "mainline", before="mkdir -p /etc/cxl; echo '[all]' >/etc/cxl/isolation.conf") \
        .cxl("enable-isolation", "root0", "--registers", "--require=recover").cxl("isolation-status", "--check") \
        .cxl("isolation-status", "--assert", "containment>=recover").cxl("isolation-status", "--policy").cxl("disable-isolation", "root0").run()
    rec = status.root_ports()[RP]
    assert (enable.rc, enable.root_ports()[RP]["containment"], rec["containment"], rec["blockers"]) == (0, "recover", "recover", [])
    assert rec["abi"] == "none" and rec["problems"] == ["no-signal"], "no handler listens"
    assert held.rc == 0 and drift.rc == 0, f"{held}\n{drift}"
    assert again.rc == 3, "a change still needs --registers"
    says(again, "ISO-ABI", "repeat the command with --registers", "nothing was written, isolation is on")


def test_the_second_time_nothing_is_written():
    s = Session("direct1", "mainline").cxl("enable-isolation", "root0", "--registers", "--link-down").cxl("enable-isolation", "root0", "--registers", "--link-down")
    first, second = s.run()
    assert (first.rc, second.rc) == (0, 0) and writes(first.log) and writes(second.log) == []
    assert second.root_ports()[RP]["result"] == "already"


def test_a_dry_run_names_place_and_bits():
    r = by_register("direct1", "root0", "-n", "--timeout=C")
    assert r.rc == 0 and writes(r.log) == [] and r.before == r.after
    assert [(s["path"], s["value"], s["undo"]) for s in r.root_ports()[RP]["plan"]] == [
        (f"/sys/devices/pci0000:0c/{RP}/resource0+0x1208", *v) for v in
        [("0x00000009:0x0000000f", "0x00000000:0x0000000f"), ("0x00000010:0x00000010", "0x00000000:0x00000010"), ("0x00010000:0x00010000", "0x00000000:0x00010000")]]


@pytest.mark.parametrize("command,args", [("enable-isolation", ["--link-down"]), ("set-timeout", ["B2"])])
def test_accesses_are_exact_and_only_the_control_register_is_written(command, args):
    r = by_register("direct1", "root0", *args, command=command)
    accesses = [e for e in r.log if e["path"].endswith("resource0") and e["op"] in ("read", "write")]
    assert accesses and all(re.fullmatch(r"0x[0-9a-f]+=0x[0-9a-f]{8}", e["data"]) for e in accesses), "the log shows whole registers only"
    assert {e["data"].split("=")[0] for e in accesses if e["op"] == "write"} == {CTRL}
    for e, before in zip(accesses[1:], accesses):
        if e["op"] == "write":
            assert before["op"] == "read" and before["data"].startswith(f"{CTRL}="), "a write without a fresh read before it"
    opened = [e["data"] for e in r.log if e["path"].endswith("resource0") and e["op"] == "open"]
    assert opened.count("rw") == len(writes(r.log)), "the file is open for writing only to write"


def test_without_registers_the_file_is_never_opened_for_writing():
    r = change("direct1", "root0", "--timeout=B2")
    assert {e["data"] for e in r.log if e["path"].endswith("resource0") and e["op"] == "open"} == {"r"}


def test_reserved_bits_keep_what_they_have(tmp_path):
    """A change of one would be a violation, which fails every test."""
    host = overlay(tmp_path, {RP: {"control_reserved": "0x0020e0e0", **CACHE}}, kernel="mainline")
    s = Session(host, "mainline").cxl("enable-isolation", "root0", "--registers", "--cache", "--link-down", "--timeout=B2")
    s.cxl("set-timeout", "root0", "A2", "--cache", "--registers").cxl("disable-isolation", "root0", "--registers", "--cache", "--link-down")
    for r in s.run():
        assert r.rc == 0, str(r)
        assert writes(r.log)
        for _, _, value in writes(r.log):
            assert int(value, 16) & 0x0020e0e0 == 0x0020e0e0


# -- beside the kernel's attributes ------------------------------------------------------------
def test_the_kernels_attribute_is_used_where_there_is_one():
    r = by_register("direct1", "root0", "--link-down", "--timeout=B2", kernel="v1-fixed")
    assert r.rc == 0
    assert writes(r.log) == [(RP, "timeout_range", "6"), (RP, "timeout_ctrl", "1"), (RP, CTRL, f"0x{INTERRUPT | LINK_DOWN | TIMEOUT | 6:08x}"),
                             (RP, "isolation_ctrl", "1")]


def test_v1_clears_what_has_no_attribute_and_it_is_put_back():
    before = "cxl enable-isolation root0 --registers --link-down >/dev/null 2>&1"
    r = by_register("direct1", "root0", "--timeout=C", kernel="v1", before=before)
    assert r.rc == 0 and control(r.after[RP]["control"]) == (True, True, "C")
    assert r.after[RP]["control"]["interrupt"] is True and r.after[RP]["control"]["mem"]["link_down"] is True
    says(r, "the interrupt enable (from 1 to 0)", "the forced link-down (from 1 to 0)", "put back")


def test_v1_disabled_by_the_way_around_keeps_the_interrupt():
    r = by_register("direct1", "root0", kernel="v1", command="disable-isolation", before="cxl enable-isolation root0 --timeout=C >/dev/null 2>&1")
    assert r.rc == 0 and control(r.after[RP]["control"]) == (False, True, "C")
    assert r.after[RP]["control"]["interrupt"] is r.before[RP]["control"]["interrupt"]


@pytest.mark.parametrize("args", [["--link-down"], ["--cache"]])
@pytest.mark.parametrize("kernel", ["v1-fixed", "v1"])
def test_an_extra_without_registers_says_what_to_add(tmp_path, args, kernel):
    r = change(overlay(tmp_path, {RP: CACHE}), RP, *args, kernel=kernel, before="cxl disable-isolation root0 >/dev/null 2>&1")
    assert r.rc == 3 and writes(r.log) == []
    says(r, "add --registers", "nothing was written, isolation is off")


def test_an_extra_that_the_port_lacks(tmp_path):
    """Named itself it is refused; in a group isolation is enabled without it, which is not all that was asked for."""
    host = overlay(tmp_path, {RP: {"mem_link_down": False}})
    named, group = by_register(host, RP, "--link-down"), by_register(host, "root0", "--link-down")
    assert named.rc == 3 and writes(named.log) == []
    says(named, f"{RP} does not support forcing the link down", "nothing was written, isolation is off")
    assert group.rc == 7 and writes(group.log) == ctrl(6, 6 | TIMEOUT, 6 | TIMEOUT | ISOLATION)
    assert (group.root_ports()[RP]["result"], group.root_ports()[RP]["left_out"]) == ("partial", ["mem.link_down"])
    says(group, "the rest is done without it")


# -- CXL.cache ----------------------------------------------------------------------------------
def test_cache_is_isolated_beside_mem():
    r = by_register("accel1", RP, "--cache", "--link-down")
    assert r.rc == 0, str(r)
    mem, cache = (r.after[RP]["control"][p] for p in ("mem", "cache"))
    assert (mem["isolation"], mem["link_down"], cache["isolation"], cache["link_down"]) == (True,) * 4
    assert writes(r.log)[-1] == ctrl(0x606 | TIMEOUT | CACHE_TIMEOUT | LINK_DOWN | CACHE_LINK_DOWN | ISOLATION | CACHE_ISOLATION)[0]
    r = by_register("accel1", RP, "--cache", "--link-down", "--timeout=keep")
    assert writes(r.log)[-1] == ctrl(LINK_DOWN | CACHE_LINK_DOWN | ISOLATION | CACHE_ISOLATION)[0]


@pytest.mark.parametrize("kernel", ["mainline", "v1-fixed", "v1"])
@pytest.mark.parametrize("what,bits,state", [("B", 0x500 | CACHE_TIMEOUT, (True, "B")), ("100ms", 0x600 | CACHE_TIMEOUT, (True, "B2")),
                                             ("default", CACHE_TIMEOUT, (True, "default")), ("on", CACHE_TIMEOUT, (True, "default"))])
def test_the_timeout_of_cache(kernel, what, bits, state):
    r = by_register("cache1", "root0", what, "--cache", kernel=kernel, command="set-timeout")
    assert r.rc == 0, str(r)
    timeout = r.after[RP]["control"]["cache"]["timeout"]
    assert (timeout["enabled"], timeout["range"]) == state
    assert r.after[RP]["control"]["mem"] == r.before[RP]["control"]["mem"]
    assert all(attr == CTRL for _, attr, _ in writes(r.log)) and int(writes(r.log)[-1][2], 16) & 0x1f00 == bits


def test_the_timeout_of_cache_can_be_switched_off_for_a_while():
    s = Session("cache1", before="cxl set-timeout root0 B --cache --registers >/dev/null")
    s.sh("cxl set-timeout root0 --cache --registers --while -- cxl list --isolation").cxl("list", "--isolation")
    r, last = s.run()
    meanwhile = json.loads(r.text)["buses"][0]["host_bridges"][0]["root_ports"][0]["control"]["cache"]["timeout"]
    assert r.rc == 0 and (meanwhile["enabled"], meanwhile["range"]) == (False, "B")
    assert last.root_ports()[RP]["control"]["cache"]["timeout"]["enabled"] is True


def test_a_range_that_cache_lacks_is_exit_3_and_lists_its_own():
    r = by_register("cache1", "root0", "C", "--cache", command="set-timeout")
    assert r.rc == 3 and writes(r.log) == []
    says(r, "timeout range C for CXL.cache; it supports: default A A2 B B2", "the CXL.cache timeout is off")


CACHE_ONLY = {"mem_timeout": False, "mem_timeout_ranges": "", "mem_isolation": False, "mem_link_down": False, **CACHE}


def test_a_port_that_only_isolates_cache(tmp_path):
    host = overlay(tmp_path, {RP: CACHE_ONLY}, base="direct1-6.12-noregion", devices={"0000:0d:00.0": {"type": 1, "driver": "sfc"}})
    without = by_register(host, RP)
    assert without.rc == 3 and writes(without.log) == []
    says(without, "does not support CXL.mem isolation (--cache --registers isolates CXL.cache)")
    for target in (RP, "root0"):
        r = by_register(host, target, "--cache")
        assert r.rc == 0 and writes(r.log) == ctrl(0x600, 0x600 | CACHE_TIMEOUT, 0x600 | CACHE_TIMEOUT | CACHE_ISOLATION), str(r)
        assert r.root_ports()[RP]["result"] == "done" and "ISO-CAP" not in r.root_ports()[RP]["blockers"]
        r = by_register(host, target, "--cache", "--timeout=B")
        assert r.rc == 0 and writes(r.log) == ctrl(0x500, 0x500 | CACHE_TIMEOUT, 0x500 | CACHE_TIMEOUT | CACHE_ISOLATION), str(r)
        assert r.root_ports()[RP]["left_out"] == []
        off = by_register(host, target, "--cache", command="disable-isolation", before=f"cxl enable-isolation {RP} --cache --registers >/dev/null 2>&1")
        assert off.rc == 0 and writes(off.log) == ctrl(0x600 | CACHE_TIMEOUT)


def test_the_timeout_of_such_a_port_names_cache(tmp_path):
    r = by_register(overlay(tmp_path, {RP: CACHE_ONLY}), RP, "B", command="set-timeout")
    assert r.rc == 3 and writes(r.log) == []
    says(r, "does not support a CXL.mem timeout (--cache --registers sets that of CXL.cache)")


# -- what stands against it -----------------------------------------------------------------------
def refused(r, *words):
    assert r.rc == 3 and writes(r.log) == [] and r.root_ports()[RP]["result"] == "refused", str(r)
    assert r.root_ports()[RP]["blockers"] == ["ISO-ABI"]
    says(r, "ISO-ABI", "by register it cannot be controlled", *words)


@pytest.mark.parametrize("errno,words", [("EPERM", "kernel lockdown forbids access"), ("EINVAL", "a driver owns its registers exclusively"),
                                         ("EACCES", "its registers need root"), ("EIO", "cannot be opened")])
def test_registers_that_cannot_be_opened(errno, words):
    refused(by_register("direct1", RP, faults=[f"open@*/resource0:1+={errno}"]), words)


def test_an_ordinary_user_is_told_to_be_root():
    r, = Session("direct1", "mainline").cxl("enable-isolation", RP, "--registers", user=NOBODY).run()
    refused(r, "needs root", "remedy: run the command as root")


def test_a_register_file_that_cannot_be_read():
    refused(by_register("direct1", RP, faults=["read@*/resource0:1+=EIO"]), "cannot be read")


@pytest.mark.parametrize("errno,rc,words", [("EPERM", 3, "kernel lockdown forbids access"), ("EINVAL", 4, "a driver owns the port's registers"), ("EIO", 4, "may be suspended or gone")])
def test_a_file_that_cannot_be_opened_to_write(errno, rc, words):
    """Reading worked: the third opening of the command is the one for writing."""
    r = by_register("direct1", RP, faults=[f"open@*/resource0:4={errno}"])
    assert [e["data"] for e in r.log if e["op"] == "open" and e["path"].endswith("resource0")][2] == "rw"
    assert r.rc == rc and writes(r.log) == [] and r.before == r.after
    says(r, words, "nothing was changed")
    assert "kernel refused" not in r.err and "kernel log" not in r.err


@pytest.mark.parametrize("action", ["short", "drop", "EIO"])
def test_a_write_that_does_not_arrive(action):
    r = by_register("direct1", RP, "--timeout=B2", faults=[f"write@*/resource0:3={action}"])
    assert r.rc == 4 and r.before == r.after and r.root_ports()[RP]["result"] == "rolled-back"
    says(r, "put back as they were")
    assert "the kernel" not in r.err.replace("an attribute of the kernel", "")
    if action == "drop":
        says(r, "ISO-FW-OWNED", "the port cannot do this or firmware kept control")


def test_what_cannot_be_taken_back_is_said():
    r = by_register("direct1", RP, "--timeout=B2", faults=["write@*/resource0:3+=EIO"])
    assert r.rc == 4 and r.root_ports()[RP]["result"] == "failed"
    assert control(r.after[RP]["control"]) == (False, True, "B2")
    says(r, "could not be brought back", "timeout on, range B2")


# -- mapped registers --------------------------------------------------------------------------------
RESERVED = 0x0020e0e0


def register_file(path, cap, control=0, status=0):
    data = bytearray(0x10000)
    for at, value in ((0x1000, 0x02110001), (0x1004, 0x08020002), (0x1008, 0x20010009), (0x1200, cap), (0x1208, control), (0x120c, status)):
        struct.pack_into("<I", data, at, value)
    path.write_bytes(data)


@pytest.fixture
def mapped(tree):
    """A tree whose port has a register file that can be mapped, and a look at its control register."""
    if oracle.why_not():
        pytest.skip(oracle.why_not())
    t = tree("direct1-6.12-devdax")
    oracle.prepare(t)
    resource = t / "sys/devices/pci0000:0c" / RP / "resource0"

    def start(**values):
        register_file(resource, **values)
        return t, lambda: struct.unpack_from("<I", resource.read_bytes(), 0x1208)[0]
    return start


def on_tree(t, *args, env=None):
    r = oracle.run(t, ["env", *(f"{k}={v}" for k, v in (env or {}).items()), str(cli.CXL), *args])
    return cli.parse(r, cli.schema_of(list(args)))


@pytest.mark.parametrize("args,value", [
    (["enable-isolation", RP, "--registers"], ISOLATION | TIMEOUT | 6), (["enable-isolation", RP, "--registers", "--timeout=keep"], ISOLATION),
    (["enable-isolation", RP, "--registers", "--link-down", "--timeout=D"], ISOLATION | LINK_DOWN | TIMEOUT | 13),
    (["set-timeout", RP, "B2", "--registers"], TIMEOUT | 6), (["set-timeout", RP, "A", "--registers", "--cache"], CACHE_TIMEOUT | 0x100)])
def test_mapped_registers_are_written_the_same_way(mapped, args, value):
    t, now = mapped(cap=0x1e0f131f, control=RESERVED | ERR_COR)
    r = on_tree(t, *args)
    assert r.rc == 0, str(r)
    assert now() == RESERVED | ERR_COR | value


def test_a_reserved_range_is_unknown_and_can_be_replaced(mapped):
    t, now = mapped(cap=0x1c03001f, control=TIMEOUT | 0xf)
    listed = on_tree(t, "list", "--isolation")
    assert listed.root_ports()[RP]["control"]["mem"]["timeout"] == {"enabled": True, "range": None, "min_us": None, "max_us": None}
    assert len(listed.messages(code="RESERVED", severity="warning", target=RP)) == 1
    says(listed, f"cxl set-timeout {RP} default")
    r = on_tree(t, "set-timeout", RP, "default", "--registers")
    assert r.rc == 0 and now() == TIMEOUT
    assert r.root_ports()[RP]["plan"][0]["undo"] is None


def test_it_cannot_be_put_back_after_a_while_and_that_is_said(mapped):
    t, now = mapped(cap=0x1c03001f, control=0xf)
    r = oracle.run(t, [str(cli.CXL), "set-timeout", RP, "B2", "--registers", "--while", "--", "true"])
    assert r.rc == 0 and now() == 6
    says(r, "held 0xf before", "stays as it is now")


@pytest.mark.parametrize("register", ["cap", "control", "status"])
def test_all_ones_are_no_answer(mapped, register):
    t, now = mapped(**{"cap": 0x1c03001f, register: 0xffffffff})
    before = now()
    listed = on_tree(t, "list", "--isolation", "-v")
    assert listed.root_ports()[RP]["capability"]["mem"]["isolation"] is None
    says(listed, "all ones")
    r = on_tree(t, "enable-isolation", RP, "--registers")
    assert r.rc == 3 and now() == before
    says(r, "all ones", "suspended or gone")


SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	void *(*real)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, "mmap");

	/* as a BAR's: shared, of a file, the component block's size */
	if (flags & MAP_SHARED && fd >= 0 && n == 0x10000 && (!getenv("SHIM_WRITE") || prot & PROT_WRITE)) {
		errno = atoi(getenv("SHIM_ERRNO"));
		return MAP_FAILED;
	}
	return real(at, n, prot, flags, fd, offset);
}
void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset) { return mmap(at, n, prot, flags, fd, offset); }
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    """A library that refuses to map register files, as a locked down kernel does."""
    d = tmp_path_factory.mktemp("shim")
    (d / "shim.c").write_text(SHIM)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", d / "shim.so", d / "shim.c", "-ldl"], check=True)
    return {"LD_PRELOAD": str(d / "shim.so"), "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}


@pytest.mark.parametrize("errno,words", [(1, "kernel lockdown forbids access"), (22, "a driver owns its registers exclusively"), (12, "cannot be mapped")])
def test_registers_that_cannot_be_mapped_are_unknown_with_the_reason(mapped, shim, errno, words):
    t, now = mapped(cap=0x1c03001f)
    env = {**shim, "SHIM_ERRNO": errno}
    listed = on_tree(t, "list", "--isolation", "-v", env=env)
    rec = listed.root_ports()[RP]
    assert listed.rc == 0 and rec["source"] == {"capability": None, "control": None, "status": None} and rec["status"]["state"] == "unknown"
    says(listed, words)
    r = on_tree(t, "enable-isolation", RP, "--registers", env=env)
    assert r.rc == 3 and now() == 0
    says(r, "ISO-ABI", words)


@pytest.mark.parametrize("errno,rc,words", [(1, 3, "kernel lockdown forbids access"), (22, 4, "a driver owns the port's registers")])
def test_registers_that_can_be_read_but_not_written(mapped, shim, errno, rc, words):
    t, now = mapped(cap=0x1c03001f)
    r = on_tree(t, "enable-isolation", RP, "--registers", env={**shim, "SHIM_ERRNO": errno, "SHIM_WRITE": "1"})
    assert r.rc == rc and now() == 0
    says(r, words, "nothing was changed")


def test_a_register_file_that_cannot_be_mapped_is_written_with_pwrite(mapped, shim):
    """ENODEV: mapping is not supported, as in the simulated host."""
    t, now = mapped(cap=0x1c03001f, control=RESERVED)
    assert on_tree(t, "enable-isolation", RP, "--registers", env={**shim, "SHIM_ERRNO": 19}).rc == 0
    assert now() == RESERVED | ISOLATION | TIMEOUT | 6
