# SPDX-License-Identifier: GPL-2.0-only
"""The kernel "rfc": the attributes of the 2024 series, as their code has them."""
import json

import pytest

from simrun import CAPTURES, PCI, PORT, PORT_PATH, REGISTERS, python, read_log, run

SERVICE = f"/sys/bus/pci_express/devices/{PORT}:pcie020"
ON = 0x00010010     # isolation and timeout

SCRIPT = f"""
import errno, os
def show(name):
    try:
        with open("{SERVICE}/" + name) as f: return f.read()
    except OSError as e: return errno.errorcode[e.errno]
def store(value):
    fd = os.open("{SERVICE}/timeout_range", os.O_WRONLY)
    try: return os.write(fd, value.encode())
    except OSError as e: return errno.errorcode[e.errno]
    finally: os.close(fd)
"""


def inside(script, *options):
    done = python(SCRIPT + REGISTERS + script, "--kernel", "rfc", *options)
    assert done.returncode == 0, done.stderr
    return [eval(line) for line in done.stdout.splitlines()]  # noqa: S307 (our own repr())


@pytest.fixture
def offering(tmp_path):
    """direct1 with a root port that offers what is given."""
    def write(**caps):
        path = tmp_path / "host.json"
        path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "root_ports": {PORT: caps}}))
        return ("--host", path)
    return write


def test_isolation_and_timeout_are_on_from_the_start_and_the_interrupt_is_not():
    assert inside("print(r(CTRL))") == [ON]


def test_the_service_is_a_device_below_the_port():
    done = run(f"readlink -f {SERVICE}; ls {SERVICE}; test -e {PCI}/{PORT}/cxl_isolation || echo none", "--kernel", "rfc")
    assert done.stdout.split() == [f"{PORT_PATH}/{PORT}:pcie020", "available_timeout_ranges", "timeout_range", "none"]


@pytest.mark.parametrize("text,value", [("0x6", 6), ("6", 6), ("0XA\n", 10), ("a", 10), ("E", 14), ("0xd", 13), ("0", 0), ("+9", 9)])
def test_what_is_written_is_hexadecimal_and_what_is_read_decimal(text, value):
    assert inside(f"print(repr(store({text!r}))); print(repr(show('timeout_range'))); print(r(CTRL))") == [len(text), f"{value}\n", ON | value]


@pytest.mark.parametrize("text,error", [("10", "ENXIO"), ("13", "ENXIO"), ("0x3", "ENXIO"), ("B2", "ENXIO"), ("0x100", "EINVAL"),
                                        ("C2", "ENXIO"), ("default", "EINVAL"), ("", 0), ("0x", "EINVAL"), ("6 ", "EINVAL")])
def test_what_it_refuses_leaves_the_register_alone(text, error):
    assert inside(f"print(repr(store({text!r}))); print(r(CTRL))") == [error, ON]


def test_the_supported_ranges_are_told_with_their_times(offering):
    (text,) = inside("print(repr(show('available_timeout_ranges')))", *offering(mem_timeout_ranges="BD"))
    assert text.splitlines() == ["0x0\tDefault range (50us-10ms)", "0x5\tRange B (16ms-55ms)", "0x6\tRange B (65ms-210ms)",
                                 "0xd\tRange D (4s-13s)", "0xe\tRange D (17s-64s)"]


def test_an_unsupported_range_is_refused(offering):
    assert inside("print(repr(store('0x9'))); print(r(CTRL))", *offering(mem_timeout_ranges="A")) == ["ENXIO", ON]


@pytest.mark.parametrize("caps,files,ctrl", [
    ({"mem_timeout_ranges": ""}, ["timeout_range"], ON), ({"mem_timeout": False, "mem_timeout_ranges": ""}, [], 0x00010000),
    ({"mem_isolation": False, "mem_link_down": False}, ["available_timeout_ranges", "timeout_range"], 0x10)])
def test_what_a_port_does_not_offer_has_no_attribute_and_is_not_switched_on(offering, caps, files, ctrl):
    assert inside(f"print(sorted(os.listdir('{SERVICE}'))); print(r(CTRL))", *offering(**caps)) == [files, ctrl]


def test_a_port_without_interrupt_has_no_service(offering):
    assert inside(f"print(os.path.exists('{SERVICE}')); print(r(CTRL))", *offering(interrupt=None)) == [False, 0]


def test_an_isolation_goes_unnoticed_by_this_kernel(tmp_path):
    log = tmp_path / "log"
    done = python(REGISTERS + f"import subprocess; subprocess.run([os.environ['SIM'], 'ctl', 'timeout', '{PORT}'], check=True)\n"
                  "print(hex(r(STATUS)), os.path.exists('/sys/bus/cxl/devices/region0'))", "--kernel", "rfc", "--log", log)
    assert done.stdout.split()[-2:] == ["0x101", "True"], done.stderr
    assert not [e for e in read_log(log) if e["op"] == "death"]
