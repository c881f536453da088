# SPDX-License-Identifier: GPL-2.0-only
"""--fault: the n-th operation goes wrong in a chosen way."""
import pytest

from simrun import CAPTURES, ISO, PCI, PORT, python, read_log, run



# --- faults --------------------------------------------------------------------------------

STORE = f"""
import errno, os
def store(text, name="isolation_ctrl"):
    fd = os.open("{ISO}/" + name, os.O_WRONLY)
    try: return os.write(fd, text)
    except OSError as e: return errno.errorcode[e.errno]
    finally: os.close(fd)
def show(name="isolation_ctrl"):
    try: return open("{ISO}/" + name).read().strip()
    except OSError as e: return errno.errorcode[e.errno]
"""


def with_fault(spec, script, *options):
    options = [w for s in ([spec] if isinstance(spec, str) else spec) for w in ("--fault", s)] + list(options)
    done = python(STORE + script, *options)
    return done.stdout.split()


@pytest.mark.parametrize("name", ("EIO", "EBUSY", "EINVAL", "ENODEV", "ETIMEDOUT", "EACCES"))
def test_fault_errno_strikes_the_nth_operation_once_without_effect(name):
    assert with_fault(f"write@*/isolation_ctrl:2={name}",
                      "print(store(b'1'), store(b'0'), show(), store(b'0'), show())") == ["1", name, "1", "1", "0"]


def test_persistent_fault_strikes_all_later_operations():
    assert with_fault("write:2+=EIO", "print(store(b'1'), store(b'0'), store(b'0'), show())") == ["1", "EIO", "EIO", "1"]


def test_fault_counts_only_matching_operations():
    assert with_fault("write@*/timeout_ctrl:1=EIO", "print(store(b'1'), store(b'1', 'timeout_ctrl'), show())") == [
        "1", "EIO", "1"]
    assert with_fault("read@*/isolation_ctrl:2=EIO", "print(show(), show(), show())") == ["0", "EIO", "0"]
    assert with_fault("open@*/isolation_ctrl:1=EBUSY", "print(show(), show())") == ["EBUSY", "0"]
    assert with_fault("any@*/isolation_ctrl:4=EIO", "print(show(), show())") == ["0", "EIO"]


def test_glob_may_hold_a_pci_address():
    assert with_fault(f"write@*{PORT}/cxl_isolation/*:1=EIO", "print(store(b'1'))") == ["EIO"]


def test_short_write_takes_all_but_the_last_byte_and_of_one_byte_none():
    assert with_fault("write:1=short", "print(store(b'1\\n'), show())") == ["1", "1"]
    assert with_fault("write:1=short", "print(store(b'1'), show())") == ["0", "0"]


def test_short_read_gives_all_but_the_last_byte():
    assert with_fault("read@*/isolation_ctrl:1=short", f"""
fd = os.open("{ISO}/isolation_ctrl", os.O_RDONLY); print(os.read(fd, 9))""") == ["b'0'"]


def test_dropped_write_says_success_and_has_no_effect():
    assert with_fault("write:1=drop", "print(store(b'1'), show(), store(b'1'), show())") == ["1", "0", "1", "1"]


def test_delayed_operation_is_done_later_and_others_go_on_meanwhile():
    out = with_fault("write:1=delay:400", f"""
import subprocess, time
slow = subprocess.Popen(["sh", "-c", "echo 1 > {ISO}/isolation_ctrl"]); time.sleep(0.1)
start = time.monotonic(); print(show()); print(time.monotonic() - start < 0.2); slow.wait()
print(time.monotonic() - start > 0.2, show())
""")
    assert out == ["0", "True", "True", "1"]


def test_process_that_is_killed_in_a_delayed_operation_ends_at_once():
    assert with_fault("write:1=delay:60000", f"""
import subprocess, time
slow = subprocess.Popen(["sh", "-c", "echo 1 > {ISO}/isolation_ctrl"]); time.sleep(0.1)
start = time.monotonic(); slow.kill(); slow.wait(); print(time.monotonic() - start < 2, show())
""") == ["True", "0"]


def test_signal_that_does_not_kill_does_not_interrupt_a_store():
    assert with_fault("write:1=delay:300", """
import signal, time
seen = []
signal.signal(signal.SIGALRM, lambda *a: seen.append(time.monotonic()))
signal.setitimer(signal.ITIMER_REAL, 0.1)
start = time.monotonic(); print(store(b'1'), show(), time.monotonic() - start > 0.25, len(seen))
""") == ["1", "1", "True", "1"]


def test_vanished_device_takes_its_links_along():
    assert with_fault("read@*/0000:0d:00.0/vendor:1=vanish", f"""
try: print(open("{PCI}/0000:0d:00.0/vendor").read())
except OSError as e: print(errno.errorcode[e.errno])
print(os.path.lexists("{PCI}/0000:0d:00.0"), os.path.exists("/sys/bus/cxl/devices/mem0"), os.path.exists("{PCI}/{PORT}"))
""") == ["ENODEV", "False", "False", "True"]


def test_isolate_fault_isolates_the_port_before_the_operation():
    assert with_fault("write@*/timeout_ctrl:1=isolate", f"""
import struct
print(store(b'1', 'timeout_ctrl')); fd = os.open("{PCI}/{PORT}/resource0", os.O_RDONLY)
print(hex(struct.unpack("<I", os.pread(fd, 4, 0x120c))[0]))
""") == ["1", "0x101"]


def test_isolate_fault_needs_simulated_root_ports():
    done = run("true", "--host", CAPTURES / "direct1-6.12-devdax.tar.xz", "--fault", "any:1=isolate")
    assert done.returncode == 2 and "needs a host with simulated root ports" in done.stderr


@pytest.mark.parametrize("when,effect", (("before", "0"), ("after", "1")))
def test_client_is_killed_before_or_after_the_operation(when, effect, tmp_path):
    log = tmp_path / "log"
    done = run(f"sh -c 'echo 1 > {ISO}/isolation_ctrl; echo survived'; echo $?; cat {ISO}/isolation_ctrl",
               "--fault", f"write:1=kill-{when}", "--log", log)
    assert done.stdout.split() == ["137", effect]
    assert [(e["fault"], e["errno"]) for e in read_log(log) if "fault" in e] == [
        (f"write:1=kill-{when}", "EINTR" if when == "before" else 0)]


def test_struck_operation_names_the_fault_in_the_log(tmp_path):
    log = tmp_path / "log"
    with_fault("write:1=EIO", "store(b'1')", "--log", log)
    assert [(e["op"], e["errno"], e["fault"]) for e in read_log(log) if "fault" in e] == [("write", "EIO", "write:1=EIO")]


@pytest.mark.parametrize("spec", ("", "write", "write:1", "write:0=EIO", "write:x=EIO", "write:1=ENOSUCH", "write:1=",
                                  "write@:1=EIO", "peek:1=EIO", "write:1=delay:60001", "read:1=drop", "open:1=short",
                                  "write:-1=EIO", "write:1++=EIO"))
def test_bad_fault_is_2_and_shows_the_grammar(spec):
    done = run("true", "--fault", spec)
    assert done.returncode == 2
    assert "OP[@GLOB]:N[+]=ACTION" in done.stderr and done.stderr.count("\n") == 1
