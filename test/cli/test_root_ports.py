# SPDX-License-Identifier: GPL-2.0-only
"""Every CXL root port of a host, whatever the kernel makes of it: empty ones, those with an ordinary PCI device, and
none that is not a CXL root port.

Trees are captures with a few files changed, as Linux 7.2 would have them.
"""
import shutil

import pytest

from lib.cli import NOBODY, Session, run_cxl

CAPTURE = "direct2x2-6.12-two-regions"
PORT = "0000:0c:01.0"  # what is below it has no region
FULL = ["0000:0c:00.0", "0000:0c:01.0", "0000:de:00.0", "0000:de:01.0"]
PCI = "sys/devices/pci0000:0c"
DEVICE = "0000:0e:00.0"
DVSEC_3 = 0x150  # in the captured root ports' config space


def unplug(t, dport=True):
    """Take out what is below PORT, as if it had never been there; with @dport the kernel's knowledge of the port, too."""
    links = t / "sys/bus/cxl/devices"
    memdev = next(p for p in (t / PCI / PORT / DEVICE).iterdir() if p.name.startswith("mem") and p.name[3:].isdigit()).name
    for link in links.iterdir():
        if not link.name.startswith("endpoint"):
            continue
        d = link.resolve()
        if (d / "uport").resolve().name == memdev:
            for decoder in d.glob("decoder[0-9]*"):
                (links / decoder.name).unlink()
            shutil.rmtree(d)
            link.unlink()
    (links / memdev).unlink()
    shutil.rmtree(t / PCI / PORT / DEVICE)
    (t / "sys/bus/pci/devices" / DEVICE).unlink()
    if dport:
        for p in t.glob("sys/devices/platform/ACPI0017:00/root0/port*/dport*"):
            if p.is_symlink() and p.resolve().name == PORT:
                p.unlink()
    return t


def plug(t, driver="nvme"):
    """An ordinary PCI endpoint below PORT."""
    d = t / PCI / PORT / DEVICE
    d.mkdir()
    config = bytearray(256)
    config[:4] = b"\x4d\x14\x0a\xa8"
    (d / "config").write_bytes(config)
    (d / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
    return t


def patch(path, at, data):
    path.chmod(0o644)
    config = bytearray(path.read_bytes())
    config[at:at + len(data)] = data
    path.write_bytes(config)


def listed(t, **kw):
    r = run_cxl(["list", "--isolation"], sysroot=t, **kw)
    assert r.rc == 0, str(r)
    return r, r.root_ports()


@pytest.mark.parametrize("dport", [True, False], ids=["as on 7.2", "as on 6.12"])
def test_an_empty_port_is_listed_and_noted(tree, dport):
    _, ports = listed(unplug(tree(CAPTURE), dport))
    assert sorted(ports) == FULL
    empty = ports[PORT]
    assert empty["notes"] == ["ISO-EMPTY"] and not empty["memdevs"]
    assert set(empty["containment_by_cause"].values()) == {None}
    assert empty["host_bridge"] == ports["0000:0c:00.0"]["host_bridge"] and empty["bus"] == "root0"


def test_an_ordinary_pci_device_is_named(tree):
    t = plug(unplug(tree(CAPTURE)))
    _, ports = listed(t)
    assert "ISO-PCI-DEVICE" in ports[PORT]["limits"]
    r = run_cxl(["isolation-status", "--check", PORT], sysroot=t)
    note = next(c for c in r.root_ports()[PORT]["checks"] if c["check"] == "ISO-PCI-DEVICE")
    assert note["text"].endswith(f"an ordinary PCI device: {DEVICE} (nvme)")


def test_a_plain_pcie_root_port_is_none_of_ours(tree):
    """Linux 6.12 lists it among the downstream ports of the host bridge all the same."""
    t = unplug(tree(CAPTURE), dport=False)
    patch(t / PCI / PORT / "config", DVSEC_3 + 8, b"\x77\x00")
    _, ports = listed(t)
    assert sorted(ports) == [p for p in FULL if p != PORT]
    r = run_cxl(["isolation-status", PORT], sysroot=t)
    assert r.rc == 2, str(r)


def test_an_endpoint_on_the_root_bus_is_no_root_port(tree):
    t = tree(CAPTURE)
    d = t / PCI / "0000:0c:1f.0"
    d.mkdir()
    (d / "config").write_bytes(bytes(256))
    _, ports = listed(t)
    assert sorted(ports) == FULL


def test_where_config_space_is_cut_short_the_kernels_ports_count_and_that_is_said(tree):
    t = unplug(tree(CAPTURE))
    config = t / PCI / PORT / "config"
    config.chmod(0o644)
    config.write_bytes(config.read_bytes()[:64])
    r, ports = listed(t)
    assert sorted(ports) == [p for p in FULL if p != PORT]
    said, = r.messages(code="ROOT-PORTS")
    assert said["severity"] == "info" and PORT in said["text"] and "a capture made by root has it" in said["text"]
    # one that the kernel lists stays
    r, ports = listed(unplug(tree("direct2x2-6.12-noregion"), dport=False))
    assert sorted(ports) == FULL and not r.messages(code="ROOT-PORTS")


def test_groups_leave_out_what_has_no_cxl_device_and_a_name_does_not(tree):
    for t in (unplug(tree(CAPTURE)), plug(unplug(tree("direct2x2-6.12-noregion")))):
        for args in ([], ["--assert", "link.state=up"], ["all"]):
            r = run_cxl(["isolation-status", *args], sysroot=t)
            assert PORT not in r.root_ports(), str(r)
        assert PORT in run_cxl(["isolation-status", PORT], sysroot=t).root_ports()
        assert run_cxl(["isolation-status", "0000:0c:07.0"], sysroot=t).rc == 2


@pytest.mark.parametrize("host, code, words", [("empty1", "EMPTY", "nothing is connected below it"),
                                               ("mixed1", "EMPTY", "an ordinary PCI device: 0000:0e:00.0 (nvme)")])
def test_changes_leave_it_out_and_say_why(host, code, words):
    enable, named, mixed = Session(host).cxl("enable-isolation", "root0").cxl("enable-isolation", PORT, "-n") \
        .cxl("isolation-status", "-x").run()
    assert enable.rc == 0, str(enable)
    assert [m["target"] for m in enable.messages(code=code)] == [PORT]
    assert words in enable.messages(code=code)[0]["text"]
    assert named.json["root_ports"][0]["root_port"] == PORT and named.json["root_ports"][0]["result"] != "skipped"
    assert mixed.rc == 0, str(mixed)


def test_an_ordinary_device_may_not_survive_what_a_recovery_does():
    before, enabled, after = Session("mixed1").cxl("list", "--isolation").cxl("enable-isolation", PORT).cxl("list", "--isolation").run()
    assert enabled.rc == 0, str(enabled)
    assert before.root_ports()[PORT]["containment_if_enabled"] == after.root_ports()[PORT]["containment"] == "contain"


def test_a_user_who_cannot_tell_is_told_so():
    r, = Session("empty1").cxl("list", "--isolation", user=NOBODY).run()
    said, = r.messages(code="ROOT-PORTS")
    assert PORT in said["text"] and "run the command as root" in said["text"]
