# SPDX-License-Identifier: GPL-2.0-only
"""Mode famfs, of the kernel's driver fsdev_dax: listed, kept, prepared, taken back, in a layout, and what can be told of its use."""
import pytest

from lib.cli import Session, host_file
from test_layout_make import POLICY, devices, write, written

MIB = 1 << 20
ALL = "[region fast]\nmemdevs = 0x1001\n[dax fs]\nregion = fast\nsize = 50%\nmode = famfs\n[dax vm]\nregion = fast\nsize = rest\n"
LOOK = 'for d in /sys/bus/dax/devices/dax*; do echo "$(basename $d) $(cat $d/size) $(cat $d/align) $(basename "$(readlink $d/driver)")"; done'


@pytest.fixture
def host(tmp_path):
    """A kernel that has fsdev_dax; the drivers of two halves of the memory."""
    def make(*drivers):
        return host_file(tmp_path, "direct1-6.12-devdax", dax={"region0": [{"size": 256 * MIB // len(drivers), "driver": d} for d in drivers]})
    return make


def modes(r):
    return [d["mode"] for d in r.json["dax"]]


def test_it_is_listed_and_no_virtual_machine_is_offered_it(host):
    listed, table, qemu, libvirt, policy = Session(host("fsdev_dax", "device_dax")).daxctl("list", "--isolation").daxctl("list", "--isolation", "--format=table") \
        .daxctl("list", "--isolation", "--format=qemu").daxctl("list", "--isolation", "--format=libvirt").daxctl("list", "--isolation", "--format=policy").run()
    assert modes(listed) == ["famfs", "devdax"] and listed.json["dax"][0]["fit"] is True
    assert " famfs  fsdev_dax" in table.text
    assert "# dax0.0 is for no virtual machine: it is in mode famfs, a file system's, and cannot be mapped" in qemu.text and "dax0.1" in qemu.text
    assert "<!-- dax0.0 is for no virtual machine: it is in mode famfs" in libvirt.text
    assert "# dax0.0\n[dax memory0-0]" in policy.text and "mode = famfs" in policy.text


def test_it_is_kept_unless_another_mode_is_asked_for(host):
    kept, other, listed, undo, back = Session(host("fsdev_dax")).daxctl("prepare-isolation").daxctl("prepare-isolation", "--mode=devdax", "-v") \
        .daxctl("list", "--isolation").daxctl("prepare-isolation", "--undo").daxctl("list", "--isolation").run()
    assert kept.rc == 0 and kept.json["dax"][0]["result"] == "already" and written(kept) == [], str(kept)
    assert other.rc == 0 and other.json["dax"][0]["result"] == "done" and "made again" in other.messages(code="FAMFS")[0]["text"], str(other)
    assert modes(listed) == ["devdax"]
    assert undo.rc == 0 and modes(back) == ["famfs"], f"{undo}{back}"


@pytest.mark.parametrize("before", ["device_dax", "kmem", None])
def test_memory_becomes_famfs_and_is_taken_back(host, before):
    r, listed, again, undo, back = Session(host("fsdev_dax"), before=reset(before)).daxctl("prepare-isolation", "--mode=famfs", "dax0.0") \
        .daxctl("list", "--isolation").daxctl("prepare-isolation", "--mode=famfs", "dax0.0").daxctl("prepare-isolation", "--undo", "dax0.0").daxctl("list", "--isolation").run()
    assert r.rc == 0 and modes(listed) == ["famfs"] and "mkfs.famfs /dev/dax0.0" in r.messages(code="FAMFS")[0]["text"], str(r)
    assert again.json["dax"][0]["result"] == "already" and written(again) == []
    assert undo.rc == 0 and modes(back) == [{"device_dax": "devdax", "kmem": "system-ram", None: "unbound"}[before]], f"{undo}{back}"


def reset(driver):
    take = {"device_dax": "echo dax0.0 > /sys/bus/dax/drivers/device_dax/new_id\n", "kmem": "echo dax0.0 > /sys/bus/dax/drivers/kmem/bind\n", None: ""}[driver]
    return "echo dax0.0 > /sys/bus/dax/drivers/fsdev_dax/unbind; echo dax0.0 > /sys/bus/dax/drivers/fsdev_dax/remove_id\n" + take


def test_a_layout_makes_it_tells_it_and_finds_the_drift(host):
    s = Session(host("device_dax", "fsdev_dax"), before=write(ALL)).cxl("isolation-status", "--policy").daxctl("prepare-isolation", "--policy", "-v").sh(LOOK) \
        .daxctl("prepare-isolation", "--policy").cxl("isolation-status", "--policy")
    drift, r, look, again, then = s.run()
    assert [m["text"] for m in drift.messages(code="DRIFT")][:2] == [f"dax fs: mode is devdax, and {POLICY}:6 asks for famfs", f"dax vm: mode is famfs, and {POLICY}:7 asks for devdax"]
    assert r.rc == 0 and [d[2] for d in devices(look)] == ["fsdev_dax", "device_dax"], str(r)
    assert "[dax fs]: a file system that was on it is gone" in r.messages(code="FAMFS")[0]["text"] and len(r.messages(code="FAMFS")) == 1
    assert again.json["layout"]["result"] == "already" and not again.messages(code="FAMFS") and not then.messages(code="DRIFT")


def test_a_region_is_cut_for_famfs(host):
    r, look = Session(host("fsdev_dax")).daxctl("prepare-isolation", "--split=a:50%,b:rest", "--mode=famfs", "region0").sh(LOOK).run()
    assert r.rc == 0 and [d[2] for d in devices(look)] == ["fsdev_dax"] * 2, str(r)


@pytest.mark.parametrize("args", [["--mode=famfs"], ["--policy"], ["--split=a:rest", "--mode=famfs", "region0"]])
def test_a_kernel_without_the_driver_is_said_before_anything_is_written(args):
    look, r, after = Session("direct1", before=write(ALL)).sh(LOOK).daxctl("prepare-isolation", *args).sh(LOOK).run()
    assert r.rc == 3 and "no driver fsdev_dax" in r.err and "with --load loads it" in r.err and len(r.err.splitlines()) == 1, str(r)
    assert written(r) == [] and look.text == after.text


def test_it_cannot_be_made_to_last_by_the_udev_rule(host):
    [r] = Session(host("fsdev_dax")).daxctl("prepare-isolation", "--mode=famfs", "--persist").run()
    assert r.rc == 2 and "mode = famfs" in r.err and written(r) == []
