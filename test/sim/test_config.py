# SPDX-License-Identifier: GPL-2.0-only
"""Config space of a root port: DVSEC 3's masks, and what a write changes."""
import pytest

from simrun import PCI, PORT, python

CONFIG = f"""
import os
fd = os.open("{PCI}/{PORT}/config", os.O_RDWR)
def c(at, n=2): return int.from_bytes(os.pread(fd, n, at), "little")
def cw(at, value, n=2): return os.pwrite(fd, value.to_bytes(n, "little"), at)
def dvsec(id):
    at = 0x100
    while at:
        if c(at) == 0x23 and c(at + 4) == 0x1e98 and c(at + 8) == id: return at
        at = c(at, 4) >> 20
pcie = c(0x34, 1)
while c(pcie, 1) != 0x10: pcie = c(pcie + 1, 1)
UNMASK, LNKCTL, BRIDGE = dvsec(3) + 0xc, pcie + 0x10, 0x3e
"""


def inside(script, *options):
    done = python(CONFIG + script, *options)
    assert done.returncode == 0, done.stderr
    return [eval(line) for line in done.stdout.splitlines()]  # noqa: S307 (our own repr())


@pytest.mark.parametrize("host,bits", (("direct1", 0), ("masked1", 0), ("unmasked1", 3)))
def test_reset_and_link_disable_are_masked_unless_the_host_says_otherwise(host, bits):
    assert inside("print(c(UNMASK))", "--host", host) == [bits]


@pytest.mark.parametrize("host,values", (("direct1", [3, 2]), ("masked1", [0, 0]), ("unmasked1", [3, 2])))
def test_masks_can_be_changed_but_for_a_port_where_they_are_fixed(host, values):
    assert inside("cw(UNMASK, 0xffff); print(c(UNMASK)); cw(UNMASK, 2); print(c(UNMASK))", "--host", host) == values


def test_only_bits_that_something_is_behind_can_be_written():
    assert inside("""
before = os.pread(fd, 4096, 0)
for at in (0, 8, 0x10, pcie + 0x12, dvsec(8) + 0xc): cw(at, 0xffff)
print(before == os.pread(fd, 4096, 0)); print(cw(4096 - 2, 1)); cw(BRIDGE, c(BRIDGE) | 1); print(c(BRIDGE) & 1)
""") == [True, 2, 1]


def test_nothing_can_be_taken_down_on_the_masked_host():
    assert inside(f"""
print(os.listdir("/sys/bus/pci/slots")); print([n for n in os.listdir("{PCI}/0000:0d:00.0") if "reset" in n])
""", "--host", "masked1") == [[], []]
