# SPDX-License-Identifier: GPL-2.0-only
"""The root port model: registers, the kernels' attributes, events, death."""
import json
import os

import pytest

from simrun import CAPTURES, ISO, ISO_PATH, PCI, PORT, PORT_PATH, REGISTERS, python, read_log, run, writes

KERNELS = ("mainline", "v1", "v1-fixed")

# Attribute access for scripts that run inside: show() and store() give text or an errno name.
ATTRS = f"""
import errno, os
ISO = "{ISO}/"
def show(name):
    try:
        with open(ISO + name) as f: return f.read()
    except OSError as e: return errno.errorcode[e.errno]
def store(name, value):
    fd = os.open(ISO + name, os.O_WRONLY)
    try: return os.write(fd, value.encode())
    except OSError as e: return errno.errorcode[e.errno]
    finally: os.close(fd)
"""


def inside(script, *options):
    """The values that a script inside prints, one per line, as Python reads them."""
    done = python(ATTRS + REGISTERS + script, *options)
    assert done.returncode == 0, done.stderr
    return [eval(line) for line in done.stdout.splitlines()]  # noqa: S307 (our own repr())


def show_all(*options):
    return inside("for a in ('isolation_ctrl', 'timeout_ctrl', 'timeout_range'): print(repr(show(a)))\n"
                  "print(hex(r(CTRL)))", *options)


@pytest.fixture
def overlay(tmp_path):
    """Write a host file over direct1's capture; gives its path."""
    def write(capture="direct1-6.12-devdax", **members):
        path = tmp_path / "host.json"
        path.write_text(json.dumps({"base": str(CAPTURES / f"{capture}.tar.xz"), **members}))
        return path
    return write


# --- registers -----------------------------------------------------------------------------

def test_the_capability_is_found_by_walking_the_component_registers():
    assert inside("""
head = r(0x1000); n = head >> 24
caps = {(v & 0xffff): v for v in (r(0x1000 + 4 * i) for i in range(1, n + 1))}
print(head & 0xffff); print(sorted(caps)); print(caps[9] >> 16 & 0xf); print(hex(0x1000 + (caps[9] >> 20)))
""", "--kernel", "mainline") == [1, [2, 3, 4, 9], 1, 0x1200]


def test_default_capability_is_mem_timeout_abcd_isolation_link_down_and_interrupt_3():
    assert inside("print(r(CAP))") == [0xf | 1 << 4 | 1 << 16 | 1 << 17 | 1 << 26 | 3 << 27]


def test_overlay_chooses_the_capability(overlay):
    host = overlay(kernel="mainline", root_ports={
        "*": {"mem_timeout_ranges": "AC", "mem_link_down": False, "interrupt": None},
        PORT: {"err_cor": True, "cache_timeout": True, "cache_timeout_ranges": "D", "cache_isolation": True}})
    assert inside("print(r(CAP))", "--host", host) == [
        0x5 | 1 << 4 | 0x8 << 8 | 1 << 12 | 1 << 16 | 1 << 18 | 1 << 25]


def test_port_without_the_capability_has_registers_but_no_entry_and_no_attributes(overlay):
    host = overlay(root_ports={"*": {"capability": False}})
    assert inside("print(r(0x1000) >> 24); print(r(CAP)); print(os.path.exists(ISO))", "--host", host) == [3, 0, False]


def test_registers_take_exact_aligned_double_words_only(tmp_path):
    log = tmp_path / "log"
    assert inside("""
def attempt(f):
    try: return f()
    except OSError as e: return errno.errorcode[e.errno]
print(repr(attempt(lambda: os.pread(fd, 2, CTRL))))
print(repr(attempt(lambda: os.pread(fd, 8, CTRL))))
print(repr(attempt(lambda: os.pread(fd, 4, CTRL + 2))))
print(repr(attempt(lambda: os.pwrite(fd, b'12', CTRL))))
print(repr(attempt(lambda: os.pwrite(fd, b'1234', 65536))))
print(repr(attempt(lambda: os.pread(fd, 4, 65536))))
print(os.fstat(fd).st_size)
""", "--log", log) == ["EINVAL"] * 5 + [b"", 65536]
    assert [(e["op"], e["errno"]) for e in read_log(log) if e["path"].endswith("resource0")] == [
        ("open", 0)] + [("read", "EINVAL")] * 3 + [("write", "EINVAL")] * 2 + [("read", 0)]


def test_register_file_cannot_be_mapped():
    assert inside("""
import mmap
try: mmap.mmap(fd, 65536)
except OSError as e: print(repr(errno.errorcode[e.errno]))
""") == ["ENODEV"]


def test_control_bits_stick_only_where_the_capability_has_them(overlay):
    host = overlay(kernel="mainline", root_ports={"*": {"mem_link_down": False, "interrupt": None}})
    assert inside("w(CTRL, 0x60f1010 & 0xffffffff); print(r(CTRL))", "--host", host) == [1 << 4 | 1 << 16]


def test_unsupported_range_value_is_ignored_by_the_hardware(overlay):
    host = overlay(kernel="mainline", root_ports={"*": {"mem_timeout_ranges": "AB"}})
    assert inside("""
for v in (0x6, 0x9, 0xf, 0x3, 0x2, 0x0):
    w(CTRL, v); print(r(CTRL))
""", "--host", host) == [6, 6, 6, 6, 2, 0]


def test_cap_and_reserved_registers_are_read_only():
    assert inside("old = r(CAP); w(CAP, 0); w(CAP + 4, 0xff); print(old == r(CAP)); print(r(CAP + 4))") == [True, 0]


def test_status_is_cleared_by_writing_ones_but_busy_stays():
    assert inside(f"""
w(CTRL, 1 << 4 | 1 << 16)
os.system(os.environ["SIM"] + " ctl timeout {PORT} >/dev/null")
print(hex(r(STATUS))); w(STATUS, 0); print(hex(r(STATUS))); w(STATUS, 1); print(hex(r(STATUS)))
w(STATUS, 1 << 8); print(hex(r(STATUS)))
os.system(os.environ["SIM"] + " ctl busy {PORT} on >/dev/null")
w(STATUS, 0xffffffff); print(hex(r(STATUS)))
""", "--kernel", "mainline") == [0x101, 0x101, 0x100, 0, 1 << 14]


def test_clearing_the_status_while_busy_is_a_violation(tmp_path):
    log = tmp_path / "log"
    done = python(REGISTERS + f"""
w(CTRL, 1 << 4 | 1 << 16)
os.system(os.environ["SIM"] + " ctl timeout {PORT} && " + os.environ["SIM"] + " ctl busy {PORT} on")
w(STATUS, 1 << 8)
""", "--kernel", "mainline", "--log", log)
    assert done.returncode == 4
    assert "1 violation, the first: the isolation status of 0000:0c:00.0 was cleared while RP Busy" in done.stderr
    assert [e["path"] for e in read_log(log) if e["op"] == "violation"] == [PORT]


def test_register_writes_are_logged_with_offset_and_value(tmp_path):
    log = tmp_path / "log"
    inside("w(CTRL, 0x10006); r(CTRL)", "--kernel", "mainline", "--log", log)
    mine = [(e["op"], e["data"]) for e in read_log(log) if e["path"].endswith("resource0")]
    assert mine == [("open", "rw"), ("write", "0x1208=0x00010006"), ("read", "0x1208=0x00010006")]


# --- mainline ------------------------------------------------------------------------------

def test_mainline_has_no_attributes_and_everything_off():
    assert inside("print(os.path.exists(ISO)); print(r(CTRL)); print(r(STATUS))",
                  "--kernel", "mainline") == [False, 0, 0]


# --- v1-fixed ------------------------------------------------------------------------------

def test_v1_fixed_starts_with_everything_off_and_the_interrupt_on():
    assert show_all() == ["0\n", "0\n", "default\n", 1 << 26]


def test_v1_fixed_attributes_are_writable_by_root_only():
    assert inside("for a in sorted(os.listdir(ISO)): print((a, oct(os.stat(ISO + a).st_mode)))") == [
        (a, "0o100644") for a in ("isolation_ctrl", "timeout_ctrl", "timeout_range")]


def test_v1_fixed_keeps_the_other_control_bits():
    assert inside("""
for a, v in (('timeout_range', 'B2'), ('timeout_ctrl', '1'), ('isolation_ctrl', '1')): store(a, v)
print(hex(r(CTRL))); store('timeout_range', 'c'); print(hex(r(CTRL)))
store('isolation_ctrl', '0'); print(hex(r(CTRL))); store('timeout_ctrl', '0'); print(hex(r(CTRL)))
""") == [1 << 26 | 1 << 16 | 0x16, 1 << 26 | 1 << 16 | 0x19, 1 << 26 | 0x19, 1 << 26 | 0x9]


def test_v1_fixed_range_reads_upper_case_and_takes_names_numbers_and_default():
    values = [("A", 1), ("a2", 2), ("0x5", 5), ("6", 6), ("c\n", 9), ("C2", 0xa), ("015", 0xd), ("d2", 0xe)]
    assert inside(f"""
for v, _ in {values!r}: store('timeout_range', v); print(repr(show('timeout_range'))); print(r(CTRL) & 0xf)
store('timeout_range', 'default'); print(repr(show('timeout_range')))
store('timeout_range', 'A'); store('timeout_range', '0'); print(repr(show('timeout_range')))
""") == [x for name, (_, code) in zip(("A", "A2", "B", "B2", "C", "C2", "D", "D2"), values)
         for x in (name + "\n", code)] + ["default\n"] * 2


@pytest.mark.parametrize("kernel", ("v1", "v1-fixed"))
def test_values_that_cannot_be_parsed_are_einval(kernel):
    assert inside("""
for a, v in (('isolation_ctrl', '2'), ('timeout_ctrl', ''), ('isolation_ctrl', 'x'), ('timeout_range', '3'),
             ('timeout_range', 'E'), ('timeout_range', '256'), ('timeout_range', 'B3'), ('timeout_range', '1 2')):
    print(repr(store(a, v) or 'empty'))
""", "--kernel", kernel) == ["EINVAL", "empty"] + ["EINVAL"] * 6


@pytest.mark.parametrize("kernel", ("v1", "v1-fixed"))
def test_booleans_are_what_kstrtobool_takes(kernel):
    assert inside("""
for on, off in (('1', '0'), ('y', 'n'), ('Y', 'N'), ('on', 'off'), ('1\\n', '0\\n'), ('1\\0', '0\\0'), ('true', 'false')):
    print(store('timeout_ctrl', on) == len(on) and repr(show('timeout_ctrl')))
    print(store('timeout_ctrl', off) == len(off) and repr(show('timeout_ctrl')))
""", "--kernel", kernel) == ["1\n", "0\n"] * 7


def test_v1_fixed_unsupported_range_is_einval_and_nothing_changes(overlay):
    host = overlay(root_ports={"*": {"mem_timeout_ranges": "A"}})
    assert inside("store('timeout_range', 'A2'); print(repr(store('timeout_range', 'D'))); print(r(CTRL) & 0xf)",
                  "--host", host) == ["EINVAL", 2]


def test_v1_fixed_without_a_timeout_answers_enxio(overlay):
    host = overlay(root_ports={"*": {"mem_timeout": False}})
    assert inside("""
print(repr(show('timeout_range'))); print(repr(store('timeout_range', 'A'))); print(repr(store('timeout_ctrl', '1')))
print(repr(show('timeout_ctrl')))
""", "--host", host) == ["ENXIO", "ENXIO", "ENXIO", "0\n"]


def test_attributes_show_what_was_written_to_the_registers():
    assert inside("w(CTRL, 1 << 16 | 1 << 4 | 5)\nfor a in sorted(os.listdir(ISO)): print(repr(show(a)))") == [
        "1\n", "1\n", "B\n"]


@pytest.mark.parametrize("kernel", ("v1", "v1-fixed"))
def test_port_without_an_interrupt_gets_no_attributes(kernel, overlay):
    host = overlay(kernel=kernel, root_ports={"*": {"interrupt": None}})
    assert inside("print(os.path.exists(ISO)); print(r(CTRL))", "--host", host) == [False, 0]


@pytest.mark.parametrize("kernel", ("v1", "v1-fixed"))
def test_disabling_waits_two_seconds_for_busy_then_times_out(kernel):
    took, answer, still = inside(f"""
import time
store('isolation_ctrl', '1')
os.system(os.environ["SIM"] + " ctl busy {PORT} on >/dev/null")
start = time.monotonic(); answer = store('isolation_ctrl', '0')
print(time.monotonic() - start); print(repr(answer)); print(repr(show('isolation_ctrl')))
""", "--kernel", kernel)
    assert 1.9 < took < 4 and answer == "ETIMEDOUT" and still == "1\n"


def test_disabling_succeeds_when_busy_clears_meanwhile():
    assert inside(f"""
import subprocess
store('isolation_ctrl', '1')
os.system(os.environ["SIM"] + " ctl busy {PORT} on >/dev/null")
later = subprocess.Popen(["sh", "-c", "sleep 0.2; $SIM ctl busy {PORT} off"], stdout=subprocess.DEVNULL)
print(store('isolation_ctrl', '0')); later.wait(); print(repr(show('isolation_ctrl')))
""") == [1, "0\n"]


# --- v1, with its defects ------------------------------------------------------------------

def test_v1_starts_with_isolation_on_and_the_timeout_off():
    assert show_all("--kernel", "v1") == ["1\n", "0\n", "ENXIO", 1 << 26 | 1 << 16]


def test_v1_disabling_isolation_leaves_it_on_and_clears_every_other_bit():
    assert inside("""
store('timeout_ctrl', '1'); print(hex(r(CTRL))); print(store('isolation_ctrl', '0')); print(repr(show('isolation_ctrl')))
print(hex(r(CTRL)))
""", "--kernel", "v1") == [1 << 26 | 1 << 16 | 1 << 4, 1, "1\n", 1 << 16]


def test_v1_writing_a_range_number_clears_the_whole_control_register():
    assert inside("store('timeout_ctrl', '1'); print(store('timeout_range', '6')); print(hex(r(CTRL)));"
                  "print(repr(show('timeout_range')))", "--kernel", "v1") == [1, 6, "b2\n"]


def test_v1_timeout_ctrl_changes_its_bit_only():
    assert inside("store('timeout_ctrl', '1'); print(hex(r(CTRL))); store('timeout_ctrl', '0'); print(hex(r(CTRL)))",
                  "--kernel", "v1") == [1 << 26 | 1 << 16 | 1 << 4, 1 << 26 | 1 << 16]


@pytest.mark.parametrize("name", ("b2", "B2", " b2\n"))
def test_v1_range_name_stores_garbage_and_is_refused(name):
    assert inside(f"print(repr(store('timeout_range', {name!r}))); print(hex(r(CTRL)))", "--kernel", "v1") == [
        "EINVAL", 1 << 26 | 1 << 16]


def test_v1_range_zero_is_taken_where_range_a_is_supported(overlay):
    host = overlay(kernel="v1", root_ports={"*": {"mem_timeout_ranges": "AB"}})
    assert inside("print(store('timeout_range', '0')); print(repr(show('timeout_range')))", "--host", host) == [
        1, "ENXIO"]
    host = overlay(kernel="v1", root_ports={"*": {"mem_timeout_ranges": "B"}})
    assert inside("print(repr(store('timeout_range', '0')))", "--host", host) == ["EINVAL"]


def test_v1_range_without_a_timeout_is_enxio(overlay):
    host = overlay(kernel="v1", root_ports={"*": {"mem_timeout": False}})
    assert inside("print(repr(store('timeout_range', '1'))); print(repr(store('timeout_range', 'a')))",
                  "--host", host) == ["ENXIO", "ENXIO"]


# --- link ----------------------------------------------------------------------------------

LINK = f"""
def link():
    with open("{PCI}/{PORT}/config", "rb") as f: config = f.read()
    at = config[0x34]
    while config[at] != 0x10: at = config[at + 1]
    status = int.from_bytes(config[at + 0x12:at + 0x14], "little")
    read = lambda n: open("{PCI}/{PORT}/current_link_" + n).read().strip()
    return bool(status & 1 << 13), read("speed"), read("width")
def ctl(*words): return os.system(os.environ["SIM"] + " ctl " + " ".join(words) + " >/dev/null")
"""


def test_link_attributes_and_config_space_follow_the_link():
    assert inside(LINK + f"""
print(link()); store('isolation_ctrl', '1'); ctl("link-down", "{PORT}"); print(link()); ctl("link-up", "{PORT}"); print(link())
""") == [(True, "32.0 GT/s PCIe", "16"), (False, "Unknown", "0"), (True, "32.0 GT/s PCIe", "16")]


def test_config_space_below_the_header_needs_root():
    script = f"""
import os
fd = os.open("{PCI}/{PORT}/config", os.O_RDONLY); print(len(os.read(fd, 4096)), os.fstat(fd).st_size)
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
    fd = os.open("{PCI}/{PORT}/config", os.O_RDONLY); print(len(os.read(fd, 4096)))
"""
    done = python(script)
    assert done.stdout == ("4096 4096\n64\n" if os.geteuid() == 0 else "4096 4096\n")


# --- events --------------------------------------------------------------------------------

# Timeout and isolation on, the rest as the kernel left it.
ON = "w(CTRL, r(CTRL) | 1 << 4 | 1 << 16)\n"


def test_timeout_isolates_and_the_host_lives_with_device_dax_memory():
    assert inside(LINK + ON + """
print(ctl("timeout", "0c:00.0")); print(hex(r(STATUS))); print(link()[0])
""") == [0, 0x101, True]


def test_timeout_takes_the_link_down_when_that_is_enabled():
    assert inside(LINK + ON + f"w(CTRL, r(CTRL) | 1 << 17); ctl('timeout', '{PORT}'); print(hex(r(STATUS)));"
                  "print(link()[0])") == [0x101, False]


def test_link_down_isolates_by_link_down():
    assert inside(LINK + ON + f"ctl('link-down', '{PORT}'); print(hex(r(STATUS)))") == [0x300]


def death(event, prepare, *options, tmp_path):
    """Make @event happen and say how the host died: the log's line, or None."""
    log = tmp_path / "log"
    done = python(ATTRS + REGISTERS + LINK + prepare + f"ctl('{event}', '{PORT}')\nprint(repr(show('../vendor')))",
                  "--log", log, *options)
    last = [e for e in read_log(log) if e["op"] in ("panic", "reset")]
    assert (done.stdout == "'EIO'\n") == bool(last), done
    return (last[0]["op"], last[0]["reason"]) if last else None


@pytest.mark.parametrize("event,prepare,reason", (
    ("link-down", "", "the link went down and CXL.mem isolation was not enabled"),
    ("timeout", "", "a CXL.mem access never completed and the timeout was not enabled"),
    ("timeout", "w(CTRL, 1 << 4)\n", "CXL.mem timed out and isolation was not enabled"),
    ("timeout", "w(CTRL, 1 << 16)\n", "a CXL.mem access never completed and the timeout was not enabled"),
))
def test_without_isolation_the_host_resets(event, prepare, reason, tmp_path):
    assert death(event, prepare, "--kernel", "mainline", tmp_path=tmp_path) == ("reset", reason)


@pytest.mark.parametrize("kernel,host,expected", (
    ("v1", "direct1", ("panic", "the type-3 driver of mem0 panics on isolation")),
    ("v1-fixed", "direct1", None),
    ("mainline", "direct1", None),
    ("v1-fixed", "sysram1", ("panic", "memory of dax0.0 is online as System RAM")),
    ("mainline", "sysram1", ("panic", "memory of dax0.0 is online as System RAM")),
    ("v1", "sysram1", ("panic", "memory of dax0.0 is online as System RAM")),
    ("v1-fixed", "pmem1", None),
    ("v1-fixed", "interleave2", None),
))
def test_what_each_kernel_does_on_isolation(kernel, host, expected, tmp_path):
    assert death("timeout", ON, "--kernel", kernel, "--host", host, tmp_path=tmp_path) == expected


def test_system_ram_on_an_interleaved_region_kills_through_either_port(tmp_path):
    capture = CAPTURES / "direct2x2-6.12-x2hb-sysram.tar.xz"
    assert death("timeout", ON, "--kernel", "v1-fixed", "--host", capture, tmp_path=tmp_path) == (
        "panic", "memory of dax2.0 is online as System RAM")


@pytest.mark.parametrize("change,expected", (
    # one block of two is enough, whoever holds it
    ("store('memory146', 'offline')", "memory of dax0.0 is online as System RAM"),
    ("store('memory146', 'offline'); store('memory147', 'offline')", None),
    ("unbind('dax0.0')", "memory of region0 is online as System RAM"),
))
@pytest.mark.parametrize("event", ("timeout", "link-down"))
def test_kernel_that_has_a_block_of_failing_memory_panics_and_needs_no_isolation_driver(change, expected, event, tmp_path):
    done = death(event, f"""
def write(path, value):
    with open(path, "w") as f: f.write(value)
def store(block, state): write("/sys/devices/system/memory/" + block + "/state", state)
def unbind(dax): write("/sys/bus/dax/drivers/kmem/unbind", dax)
{change}
""" + ON, "--kernel", "mainline", "--host", CAPTURES / "direct1-6.12-sysram.tar.xz", tmp_path=tmp_path)
    assert done == (("panic", expected) if expected else None)


def test_struct_pages_on_the_memory_itself_panic_the_kernel_also_while_its_blocks_are_offline(tmp_path, overlay):
    def on_memory(parameter, bound="kmem"):
        host = overlay("direct1-6.12-devdax", kernel="mainline", dax={"region0": [{"size": 256 << 20, "driver": bound}]},
                       files={"sys/module/memory_hotplug/parameters/memmap_on_memory": parameter + "\n"})
        return death("timeout", ON, "--host", host, tmp_path=tmp_path)
    pages = ("panic", "the struct pages of dax0.0 lie on its memory")
    assert [on_memory("Y"), on_memory("force"), on_memory("N"), on_memory("Y", "device_dax")] == [pages, pages, None, None]


def test_memory_that_no_region_has_but_firmware_s_decoder_makes_work_panics_the_kernel(tmp_path, overlay):
    host = overlay("direct1-6.12-noregion", kernel="mainline", files={
        "sys/bus/cxl/devices/decoder2.0/start": "0x490000000\n", "sys/bus/cxl/devices/decoder2.0/size": "0x10000000\n",
        "sys/devices/system/memory/memory146/state": "online\n"})
    assert death("link-down", ON, "--host", host, tmp_path=tmp_path) == (
        "panic", "memory of decoder2.0 is online as System RAM")


def test_reset_of_a_device_ends_a_kernel_that_uses_its_memory(tmp_path):
    log = tmp_path / "log"
    done = run(f"echo 1 > {PCI}/0000:0d:00.0/reset", "--host", "sysram1", "--kernel", "mainline", "--log", log)
    assert [e["reason"] for e in read_log(log) if e["op"] == "panic"] == ["memory of dax0.0 is online as System RAM"], done


def test_v1_panics_when_another_root_port_of_the_bridge_is_populated(tmp_path, overlay):
    host = overlay("direct2x2-6.12-noregion", kernel="v1", files={
        f"sys/devices/pci0000:0c/{PORT}/{d}/{m}/driver": None for d, m in [below_first_port()]})
    assert death("timeout", ON, "--host", host, tmp_path=tmp_path) == (
        "panic", "root port 0000:0c:01.0 under the same host bridge has a device as well")


def below_first_port():
    done = run(f"cd {PORT_PATH} && echo 0000:*/mem*", "--host", "direct2x2")
    endpoint, memdev = done.stdout.strip().split("/")
    return endpoint, memdev


def test_kernel_does_not_react_when_the_interrupt_is_disabled(tmp_path):
    assert death("timeout", "w(CTRL, 1 << 4 | 1 << 16)\n", "--kernel", "v1", tmp_path=tmp_path) is None


def test_dead_host_refuses_further_events_and_says_why():
    done = run(f"$SIM ctl link-down {PORT}; $SIM ctl timeout {PORT}; echo $?", "--kernel", "mainline")
    assert done.stdout.splitlines()[-1] == "4"
    assert "the host is dead (reset on 0000:0c:00.0: the link went down" in done.stderr
    assert "the simulated host died" in done.stderr.splitlines()[-1]


def test_every_file_operation_on_a_dead_host_is_eio(tmp_path):
    log = tmp_path / "log"
    done = run(f"$SIM ctl link-down {PORT}; cat {ISO}/isolation_ctrl; ls /sys; cat /proc/iomem; : ", "--log", log)
    assert done.stderr.count("Input/output error") == 3
    after = read_log(log)
    after = after[[e["op"] for e in after].index("ctl") + 1:]
    assert after and all(e["errno"] == "EIO" for e in after)


@pytest.mark.parametrize("words,status,text", (
    ("nonsense", 2, "there is no event 'nonsense': the events are link-down, link-up, timeout, protocol-error, media-event, busy, surprise-remove, "
     "returns, fault, map, unmap, pin, load, settle, reboot"),
    ("timeout", 2, "write: cxl-sim ctl timeout PORT [cache]"),
    ("busy", 2, "write: cxl-sim ctl busy PORT on|off"),
    ("busy 0c:00.0", 2, "busy is set 'on' or 'off'"),
    ("busy memory146 often", 2, "a block is busy 'on', 'pinned', 'kernel', 'off', or for a number of milliseconds (60000 at most)"),
    ("timeout 0c:00.0 io", 2, "an access is one of 'mem' or 'cache'"),
    ("link-down 0c:00.0 soon", 2, "what may follow the port is 'stuck' or 'late MS' (60000 at most)"),
    ("returns 0000:0d:00.0 late", 2, "a device returns 'as-before', 'never', 'late MS' (60000 at most), 'serial NUMBER' or 'unbound [N]' (1000 at most)"),
    ("returns 0000:0e:00.0 never", 2, "there is no PCI device '0000:0e:00.0' on this host"),
    ("surprise-remove 0000:0c:00.0", 2, "there is no PCI device '0000:0c:00.0' on this host that can be pulled out"),
    ("map", 2, "write: cxl-sim ctl map DAX [idle]"),
    ("busy 0c:00.0 maybe", 2, "busy is set 'on' or 'off'"),
    ("timeout 0d:00.0", 2, "there is no CXL root port '0d:00.0': this host has 0000:0c:00.0"),
    ("link-up 0c:00.0", 4, "0000:0c:00.0: its link is up already"),
))
def test_wrong_events_are_refused_with_one_sentence(words, status, text):
    done = run(f"$SIM ctl {words}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"cxl-sim: {text}\n")


def test_event_on_a_replayed_capture_is_refused():
    done = run(f"$SIM ctl timeout {PORT}", "--host", CAPTURES / "direct1-6.12-devdax.tar.xz")
    assert done.returncode == 4 and "this run only replays a capture" in done.stderr


def test_successful_event_says_what_happened():
    done = run(f"echo 1 > {ISO}/isolation_ctrl; $SIM ctl link-down 0c:00.0")
    assert (done.returncode, done.stdout, done.stderr) == (
        0, "0000:0c:00.0: the link is down and the port isolated CXL.mem\n", "")


def test_attribute_writes_appear_in_the_log_exactly(tmp_path):
    log = tmp_path / "log"
    run(f"cd {ISO}; printf 6 > timeout_range; echo 1 > isolation_ctrl", "--log", log)
    assert writes(read_log(log)) == [(f"{ISO_PATH}/timeout_range", "6", 0), (f"{ISO_PATH}/isolation_ctrl", "1\n", 0)]


@pytest.mark.parametrize("kernel", KERNELS)
def test_bare_capture_gets_the_default_model_with_an_explicit_kernel(kernel):
    capture = CAPTURES / "direct2x2-6.12-noregion.tar.xz"
    done = run(f"ls -d {PCI}/*/resource0 | wc -l; ls -d {PCI}/*/cxl_isolation | wc -l", "--host", capture,
               "--kernel", kernel)
    assert done.stdout.split() == ["4", "0" if kernel == "mainline" else "4"]


def test_bare_capture_is_replayed_without_additions():
    done = run(f"ls -d {PCI}/*/resource0 {PCI}/*/cxl_isolation", "--host", CAPTURES / "direct1-6.12-devdax.tar.xz")
    assert done.stdout == ""
