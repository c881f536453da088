# SPDX-License-Identifier: GPL-2.0-only
"""Attributes that are missing, unreadable or hold what nobody expected.

Whatever one attribute holds, the object stays, the field is null, exactly one
message names object and attribute, the output is valid and the exit status 0.
"""
import os
import shutil

import pytest

from lib import cli
from lib.cli import NOBODY, run_cxl
from lib.tree import Tree

RP = "0000:0c:00.0"
ISOLATION = {"isolation_ctrl": "1", "timeout_ctrl": "0", "timeout_range": "b2"}


def field(r, obj, *path):
    """A field of the output: of a memdev, a region or a root port."""
    value = {**r.memdevs(), **r.regions(), **r.root_ports()}[obj]
    for p in path:
        value = value[p]
    return value


# attribute: (object, file below the object's directory, path of the field in its record)
NUMBERS = {
    "serial": ("mem0", "serial", ("serial",)),
    "ram size": ("mem0", "ram/size", ("size",)),
    "pmem size": ("mem0", "pmem/size", ("size",)),
    "resource": ("region0", "resource", ("resource",)),
    "region size": ("region0", "size", ("size",)),
    "ways": ("region0", "interleave_ways", ("ways",)),
}
CONTROLS = {
    "isolation_ctrl": (RP, "cxl_isolation/isolation_ctrl", ("control", "mem", "isolation")),
    "timeout_ctrl": (RP, "cxl_isolation/timeout_ctrl", ("control", "mem", "timeout", "enabled")),
    "timeout_range": (RP, "cxl_isolation/timeout_range", ("control", "mem", "timeout", "range")),
}
ATTRIBUTES = {**NUMBERS, **CONTROLS}
BAD = {
    "empty": b"", "newline": b"\n", "garbage": b"garbage\n", "negative": b"-1\n", "minus zero": b"-0\n", "plus": b"+1\n",
    "2^64": b"18446744073709551616\n", "hex 2^64": b"0x10000000000000000\n", "100 digits": b"9" * 100 + b"\n",
    "control characters": b"\x1b[31m1\x07\n", "nul": b"1\x002\n", "two lines": b"1\n2\n", "trailing blank": b"1 \n", "leading blank": b" 1\n",
    "trailing text": b"1xyz\n", "double prefix": b"0x0x1\n", "prefix only": b"0x\n", "not UTF-8": b"\xff\xfe1\n", "quotes": b'1"\\\n',
    "fraction": b"1.5\n", "1 MB": b"1" * 1000000,
}


@pytest.fixture
def host(tree):
    """A one-port host with isolation attributes, and where its objects are."""
    t = tree("direct1-6.12-devdax")
    where = {n: Tree(t).dir(n) for n in ("mem0", "region0")}
    where[RP] = t / "sys/devices/pci0000:0c" / RP
    group = where[RP] / "cxl_isolation"
    group.mkdir()
    for name, value in ISOLATION.items():
        (group / name).write_text(value + "\n")
    good = run_cxl(["list", "--isolation"], sysroot=t)
    assert good.rc == 0
    assert field(good, RP, "abi") == "v1"
    assert field(good, RP, "control", "mem") == {"timeout": {"enabled": False, "range": "B2", "min_us": 65000, "max_us": 210000},
                                                 "isolation": True, "link_down": None}
    return t, where, good


def check_null(r, good, obj, attr, path):
    """The one field is null, exactly one message more than before names object and attribute, all else stays."""
    assert r.rc == 0, str(r)
    assert field(r, obj, *path) is None, str(r)
    new = [m for m in r.json["messages"] if m not in good.json["messages"]]
    assert len(new) == 1, f"messages: {new}"
    assert new[0]["target"] == obj and new[0]["severity"] in ("warning", "error")
    assert attr.split("/")[-1] in new[0]["text"], new
    assert len(new[0]["text"]) < 400, new
    assert set(r.memdevs()) == set(good.memdevs()) and set(r.regions()) == set(good.regions())
    assert set(r.root_ports()) == set(good.root_ports())
    for name, record in r.memdevs().items():
        assert {k for k, v in record.items() if v != good.memdevs()[name][k]} <= {path[0]}
    assert r.root_ports()[RP]["regions"] == ["region0"] and r.root_ports()[RP]["memdevs"] == ["mem0"]


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("name", ATTRIBUTES)
def test_what_is_no_value_is_null(host, name, kind):
    t, where, good = host
    obj, attr, path = ATTRIBUTES[name]
    target = where[obj] / attr
    target.chmod(0o644)
    target.write_bytes(BAD[kind])
    check_null(run_cxl(["list", "--isolation"], sysroot=t), good, obj, attr, path)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_missing_attribute_is_null(host, name):
    t, where, good = host
    obj, attr, path = ATTRIBUTES[name]
    (where[obj] / attr).unlink()
    check_null(run_cxl(["list", "--isolation"], sysroot=t), good, obj, attr, path)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_directory_instead_of_an_attribute_is_null(host, name):
    t, where, good = host
    obj, attr, path = ATTRIBUTES[name]
    (where[obj] / attr).unlink()
    (where[obj] / attr).mkdir()
    check_null(run_cxl(["list", "--isolation"], sysroot=t), good, obj, attr, path)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_that_cannot_be_read_is_null(host, name, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    t, where, _ = host
    program = tmp_path / "cxl"
    shutil.copy(cli.CXL, program)
    good = run_cxl(["list", "--isolation"], sysroot=t, user=NOBODY, program=program)
    obj, attr, path = ATTRIBUTES[name]
    (where[obj] / attr).chmod(0)
    check_null(run_cxl(["list", "--isolation"], sysroot=t, user=NOBODY, program=program), good, obj, attr, path)


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_without_newline_is_a_value(host, name):
    t, where, good = host
    obj, attr, path = ATTRIBUTES[name]
    target = where[obj] / attr
    target.chmod(0o644)
    target.write_bytes(target.read_bytes().rstrip(b"\n"))
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.json == good.json


@pytest.mark.parametrize("name", ["commit", "target0"])
@pytest.mark.parametrize("kind", ["empty", "garbage", "negative", "100 digits", "control characters", "1 MB", "missing", "directory"])
def test_a_region_whose_attribute_is_damaged_stays(host, name, kind):
    t, where, good = host
    target = where["region0"] / name
    if name == "commit":  # only looked at where no driver vouches for it
        (where["region0"] / "driver").unlink()
    target.chmod(0o644)
    if kind in ("missing", "directory"):
        target.unlink()
        if kind == "directory":
            target.mkdir()
    else:
        target.write_bytes(BAD[kind])
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.rc == 0, str(r)
    assert set(r.regions()) == {"region0"}
    attached = "region0" in r.root_ports()[RP]["regions"]
    assert attached != ("region0" in r.unattached("regions"))
    assert set(r.memdevs()) == {"mem0"} and r.root_ports()[RP]["memdevs"] == ["mem0"]
    if kind not in ("empty", "missing") or name == "commit":  # an empty target is how a lost one reads
        new = [m for m in r.json["messages"] if m not in good.json["messages"]]
        assert len(new) == 1 and new[0]["target"] == "region0" and name in new[0]["text"], new


@pytest.mark.parametrize("value,shown", [("a", "A"), ("A", "A"), ("a2", "A2"), ("A2", "A2"), ("b", "B"), ("c2", "C2"), ("D2", "D2"), ("default", "default")])
def test_a_range_is_read_in_either_case(host, value, shown):
    t, where, _ = host
    (where[RP] / "cxl_isolation/timeout_range").write_text(value + "\n")
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert field(r, RP, "control", "mem", "timeout", "range") == shown


def test_a_memdev_without_any_attribute_stays(host):
    """What a type-2 device looks like."""
    t, where, _ = host
    for attr in ("serial", "ram", "pmem", "firmware_version", "driver"):
        p = where["mem0"] / attr
        shutil.rmtree(p) if p.is_dir() and not p.is_symlink() else p.unlink()
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.rc == 0
    assert r.memdevs()["mem0"] == {"memdev": "mem0", "serial": None, "host": "0000:0d:00.0", "size": None, "state": "disabled"}
    assert r.root_ports()[RP]["memdevs"] == ["mem0"]


@pytest.mark.parametrize("link", ["mem0", "region0", "port1", "endpoint2"])
def test_a_dangling_link_keeps_the_rest(host, link):
    t, _, _ = host
    p = t / "sys/bus/cxl/devices" / link
    p.unlink()
    p.symlink_to("../../../devices/nowhere/" + link)
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.rc == 0, str(r)
    if link == "mem0":
        assert "mem0" in r.memdevs()
    if link == "region0":
        assert "region0" in r.regions()


def test_links_in_a_circle_end(host):
    t, where, _ = host
    p = t / "sys/bus/cxl/devices/mem0"
    p.unlink()
    p.symlink_to("mem0")
    uport = t / "sys/bus/cxl/devices/endpoint2" / "uport"
    uport.unlink()
    uport.symlink_to("uport")
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.rc == 0, str(r)
    assert "mem0" in r.memdevs()


def test_names_that_are_none_are_passed_over(host):
    t, _, good = host
    for name in ("mem", "mem01", "mem1x", "mem-1", "memory0", "region", "root", "rootx", "port", "mem99999999999999999999", "x" * 200):
        (t / "sys/bus/cxl/devices" / name).symlink_to(os.readlink(t / "sys/bus/cxl/devices/mem0"))
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.json == good.json


@pytest.mark.parametrize("config", [b"", b"\0" * 64, b"\xff" * 4096, b"\0" * 4096, bytes(range(256)) * 16, b"\x86\x80" * 2048])
def test_config_space_that_makes_no_sense_leaves_the_link_unknown(host, config):
    t, where, _ = host
    p = where[RP] / "config"
    p.chmod(0o644)
    p.write_bytes(config)
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.rc == 0
    assert field(r, RP, "source", "capability") in (None, "kernel")
    assert field(r, RP, "status", "state") == "unknown"
