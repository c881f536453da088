# SPDX-License-Identifier: GPL-2.0-only
"""The snapshot against the tree it was read from, and against libcxl, on every capture of a real kernel."""
import re
import shutil

import pytest

from conftest import CAPTURE_NAMES, NO_BUS
from lib import oracle
from lib.cli import run_cxl
from lib.tree import Tree, natural


@pytest.fixture
def seen(capture):
    """(tree, result) of a listing of the capture at hand."""
    _, path = capture
    r = run_cxl(["list", "--isolation"], sysroot=path)
    assert r.rc == 0, str(r)
    return Tree(path), r


def test_captures_are_there():
    assert len(CAPTURE_NAMES) >= 22, f"test/hosts/captures holds {CAPTURE_NAMES}"


def test_a_host_without_cxl_bus_says_what_is_missing(captures):
    r = run_cxl(["list", "--isolation"], sysroot=captures[NO_BUS])
    assert r.rc == 3
    assert r.json["buses"] == []
    assert len(r.messages(severity="error")) == 1
    assert re.search(r"/sys/bus/cxl|ACPI0017|root port|root[0-9N]", r.err), r.err
    assert len(r.err.strip().splitlines()) == 1, r.err


def test_every_memdev_appears_once_and_is_attached_or_not(seen):
    tree, r = seen
    names = [m["memdev"] for b in r.json["buses"] for m in b["memdevs"]]
    assert names == tree.names("mem")
    attached = [m for rp in r.root_ports().values() for m in rp["memdevs"]]
    unattached = r.unattached("memdevs")
    assert sorted(attached + unattached, key=natural) == tree.names("mem")
    for m in tree.names("mem"):
        rp = tree.memdev_root_port(m)
        assert (m in unattached) == (rp is None)
        if rp:
            assert m in r.root_ports()[rp]["memdevs"]


def test_every_region_appears_once_and_is_attached_or_not(seen):
    tree, r = seen
    names = [x["region"] for b in r.json["buses"] for x in b["regions"]]
    assert names == tree.names("region")
    unattached = r.unattached("regions")
    for name in tree.names("region"):
        rps = tree.region_root_ports(name)
        assert (name in unattached) == (rps == [])
        assert sorted((p for p, rec in r.root_ports().items() if name in rec["regions"]), key=natural) == rps


def test_root_ports_are_those_of_the_tree(seen):
    tree, r = seen
    assert {name: rec["host_bridge"] for name, rec in r.root_ports().items()} == tree.root_ports()
    for b in r.json["buses"]:
        for hb in b["host_bridges"]:
            bus, host, _ = tree.bridges()[hb["port"]]
            assert (b["bus"], hb["host"]) == (bus, host)
            for rp in hb["root_ports"]:
                assert (rp["bus"], rp["host_bridge"]) == (bus, hb["port"])


def test_buses_are_those_of_the_tree(seen):
    tree, r = seen
    assert [b["bus"] for b in r.json["buses"]] == tree.names("root")
    assert {b["provider"] for b in r.json["buses"]} == {"ACPI.CXL"}


def test_memdevs_are_as_the_tree_says(seen):
    tree, r = seen
    assert r.memdevs() == {m: tree.memdev(m) for m in tree.names("mem")}


def test_regions_are_as_the_tree_says(seen):
    tree, r = seen
    assert r.regions() == {x: tree.region(x) for x in tree.names("region")}


def test_a_root_port_has_the_dax_devices_and_bytes_of_its_regions(seen):
    tree, r = seen
    for rec in r.root_ports().values():
        assert rec["dax"] == sorted((d for x in rec["regions"] for d in tree.dax(x)), key=natural)
        assert rec["bytes"] == sum(tree.region(x)["size"] for x in rec["regions"])


def test_isolation_is_unknown_where_nothing_can_tell(seen):
    """A capture holds no register file and its kernel no attributes: unknown, never a guess."""
    _, r = seen
    for rec in r.root_ports().values():
        assert rec["abi"] == "none"
        assert rec["source"] == {"capability": None, "control": None, "status": None}
        assert rec["status"]["state"] == "unknown" and rec["status"]["busy"] is None
        for p in ("mem", "cache"):
            assert set(rec["capability"][p].values()) == {None}
            assert rec["control"][p] == {"timeout": {"enabled": None, "range": None, "min_us": None, "max_us": None},
                                         "isolation": None, "link_down": None}
            assert set(rec["status"][p].values()) == {None}
        assert rec["containment"] == "none"
        assert "ISO-ABI" in rec["blockers"]
        reasons = [m["text"] for m in r.messages(code="REGISTERS")]
        assert any(rec["root_port"] in t for t in reasons), f"no reason is given for {rec['root_port']}: {reasons}"


def test_link_state_is_what_config_space_says(seen):
    tree, r = seen
    for rec in r.root_ports().values():
        config = (tree.root / "sys/bus/pci/devices" / rec["root_port"] / "config")
        if not config.exists():
            assert rec["link"] == {"state": "unknown", "speed": None, "width": None}
            continue
        data = config.read_bytes()
        at = data[0x34]
        while at and data[at] != 0x10:  # PCI Express capability
            at = data[at + 1]
        reports = int.from_bytes(data[at + 0xc:at + 0x10], "little") >> 20 & 1
        status = int.from_bytes(data[at + 0x12:at + 0x14], "little")
        active = status >> 13 & 1
        assert rec["link"]["state"] == ("unknown" if not reports else "up" if active else "down")
        if active:
            assert rec["link"]["width"] == status >> 4 & 0x3f
            speed = (tree.root / "sys/bus/pci/devices" / rec["root_port"] / "current_link_speed").read_text().strip()
            assert rec["link"]["speed"] == speed


def test_system_ram_is_seen_where_the_capture_was_online(seen):
    tree, r = seen
    for rec in r.root_ports().values():
        online = any(tree.online_blocks(x) for x in rec["regions"])
        assert ("ISO-MEM-ONLINE" in rec["blockers"]) == online, rec


def test_some_capture_is_online_as_system_ram(captures):
    """The test above means nothing otherwise."""
    r = run_cxl(["list", "--isolation"], sysroot=captures["direct1-6.12-sysram"])
    assert ["ISO-MEM-ONLINE" in rec["blockers"] for rec in r.root_ports().values()] == [True]


def test_libcxl_agrees_wherever_it_sees_the_object(capture, tree):
    name, _ = capture
    reason = oracle.why_not()
    if reason:
        pytest.skip(reason)
    path = tree(name)
    oracle.prepare(path)
    theirs = oracle.listing(path)
    r = run_cxl(["list", "--isolation"], sysroot=path)
    for m, t in theirs.get("memdev", {}).items():
        ours = r.memdevs()[m]
        assert int(ours["serial"], 16) == t["serial"]
        assert ours["host"] == t["host"]
        assert ours["size"] == t.get("ram_size", 0) + t.get("pmem_size", 0)
    for x, t in theirs.get("region", {}).items():
        ours = r.regions()[x]
        assert int(ours["resource"], 16) == t["resource"]
        assert ours["size"] == t["size"]
        assert ours["ways"] == t["interleave_ways"]
        assert (ours["state"] == "enabled") == ("decode_state" in t and t.get("state") != "disabled" and t["decode_state"] == "commit")
        theirs_below = {m.get("memdev") for m in t.get("mappings", [])} - {None}
        assert theirs_below <= {m for rp in ours["root_ports"] for m in r.root_ports()[rp]["memdevs"]}
    bridges = {hb["port"]: hb for b in r.json["buses"] for hb in b["host_bridges"]}
    for p, t in theirs.get("port", {}).items():
        if t.get("depth") != 1 or "dports" not in t:
            continue
        dports = {d["dport"] for d in t["dports"]}
        assert dports <= {rp["root_port"] for rp in bridges.get(p, {"root_ports": []})["root_ports"]}
        if dports:
            assert bridges[p]["host"] == t["host"]


# -- no CXL bus ------------------------------------------------------------------------------
def test_a_missing_bus_names_what_brings_the_driver(tree):
    d = tree("direct1-6.12-noregion")
    shutil.rmtree(d / "sys/bus/cxl/devices")
    (d / "sys/bus/cxl/devices").mkdir()
    driver = d / "sys/bus/platform/drivers/cxl_acpi"
    shutil.rmtree(d / "sys/module/cxl_acpi")
    for there, advice in ((False, "modprobe cxl_acpi"), (True, "its driver is not bound to it; 'echo ACPI0017:00 > /sys/bus/platform/drivers/cxl_acpi/bind'")):
        shutil.rmtree(driver, ignore_errors=True)
        if there:
            driver.mkdir(parents=True)
        r = run_cxl(["list", "--isolation"], sysroot=d)
        assert r.rc == 3 and advice in r.err, str(r)
