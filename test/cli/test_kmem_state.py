# SPDX-License-Identifier: GPL-2.0-only
"""The file state of kmem's dax devices (Linux 7.3): shown, and one write of it where blocks would be many."""
import pytest

from lib.cli import Session, host_file, run_cxl, run_daxctl
from test_prepare import LOOK, did, steps
from test_prepare_ram import RAM
from test_prepare_undo import MEMMAP, parts

RP = "0000:0c:00.0"
DRIVERS = "/sys/bus/cxl/drivers"
ONLINE_TYPE = "/sys/bus/cxl/devices/sysram_region0/online_type"
POLICY = "sys/devices/system/memory/auto_online_blocks"
STATE = "/sys/bus/dax/devices/dax0.0/state"
NEW = {"kernel": "kmem-state"}
SEE = f"{LOOK}; cat {STATE} /{POLICY} 2>/dev/null"


def new(*more, host="sysram1", **options):
    return Session(host, **NEW, **options).sh(SEE)


def by_state(r):
    """What was written to the file state, and that no block was written to."""
    assert not [w for w in did(r) if w[0].startswith("memory1")], did(r)
    return [w[1] for w in did(r) if w[0] == "dax0.0/state"]


@pytest.mark.parametrize("kernel, state", [("v1-fixed", None), ("kmem-state", "offline")])
def test_it_is_listed_where_it_is_there(kernel, state):
    listed, table, devdax = Session("sysram1", kernel).daxctl("list", "--isolation").daxctl("list", "--isolation", "--format=table").daxctl("prepare-isolation").run()
    assert listed.dax()["dax0.0"]["state"] == state and ("STATE" in table.text.split("\n")[0]) == (state is not None)
    assert devdax.dax()["dax0.0"]["after"]["state"] is None


def test_memory_goes_in_one_write_and_is_devdax():
    before, dry, r, now, undone = new().daxctl("prepare-isolation", "-n").daxctl("prepare-isolation").sh(SEE).daxctl("prepare-isolation", "--undo").run()
    assert "memory147 online" in before.text and did(dry) == []
    assert steps(r) == [("plug", "dax0.0=unplugged", "done"), ("mode", "dax0.0=devdax", "done")] and [s[:2] for s in steps(dry)] == [s[:2] for s in steps(r)]
    assert by_state(r) == ["unplugged"] and "dax0.0 device_dax" in now.text and r.dax()["dax0.0"]["after"]["fit"] is True
    assert undone.dax()["dax0.0"]["after"]["blocks"]["online"] == 2, str(undone)


@pytest.mark.parametrize("policy", ["offline", "online_movable", "online"])
@pytest.mark.parametrize("memmap", ["N", "Y"])
def test_system_ram_comes_online_movable_with_it(tmp_path, memmap, policy):
    """Also where kmem has to let go of the device meanwhile: what the policy would do then matters only where it is not movable."""
    name = host_file(tmp_path, "direct1-6.12-sysram", files={MEMMAP: memmap + "\n", POLICY: policy + "\n"})
    before, r, now = new(host=name).daxctl(*RAM).sh(SEE).run()
    d = r.dax()["dax0.0"]
    assert r.rc == 0 and d["result"] == "done" and d["after"]["blocks"]["zones"] == [{"zone": "Movable", "blocks": 2}], str(r)
    assert [s[0] for s in steps(r)].count("plug") == 2 and d["after"]["state"] == "online_movable" and by_state(r)[0] == "unplugged"
    held = [w for w in did(r) if w[0].endswith("auto_online_blocks")]
    assert held == ([("memory/auto_online_blocks", "offline"), ("memory/auto_online_blocks", "online")] if (memmap, policy) == ("Y", "online") else [])
    assert now.text.split()[-1] == policy and "memory147 online" in before.text


def test_a_device_that_is_unplugged_is_not_taken_for_one_that_is_online():
    isolated, unplugged, r = Session("sysram1", **NEW).sh(f"echo unplugged > {STATE}").cxl("enable-isolation", "root0").daxctl(*RAM).run()
    assert r.dax()["dax0.0"]["before"]["state"] == "unplugged" and by_state(r) == ["unplugged", "online_movable"], f"{isolated}{unplugged}{r}"
    assert r.dax()["dax0.0"]["after"]["blocks"]["online"] == 2


@pytest.mark.parametrize("before, args, why", [
    ("echo offline > /sys/devices/system/memory/memory146/state", [], "only some of its memory blocks are online"),
    ("echo offline > /sys/devices/system/memory/memory147/state; echo online_kernel > /sys/devices/system/memory/memory147/state", [], "not all of it is in the zone Movable"),
    ("true", ["--keep-going"], "so --keep-going wants it"),
])
def test_where_the_way_back_would_not_be_exact_blocks_go_one_by_one_and_that_is_said(before, args, why):
    r, = Session("sysram1", before=before, **NEW).daxctl("prepare-isolation", "-n", *args).run()
    assert "offline" in [s[0] for s in steps(r)] and "plug" not in [s[0] for s in steps(r)]
    assert why in str(r.messages(code="BY-BLOCK")), str(r)


def test_an_older_kernel_is_said_to_be_one():
    r, = Session("sysram1").daxctl("prepare-isolation", "-n").run()
    assert "as on kernels before 7.3" in str(r.messages(code="BY-BLOCK", severity="info")) and [s[0] for s in steps(r)] == ["offline", "offline", "mode"]


def test_memory_that_stays_busy_is_whole_afterwards():
    _, r, now = new(faults=["write@*/dax0.0/state:1+=EBUSY"]).daxctl("prepare-isolation", "--timeout=300ms").sh(SEE).run()
    assert r.rc == 6 and r.dax()["dax0.0"]["result"] == "rolled-back" and "none of it was unplugged: something in it is pinned" in r.err and "nothing was changed" in r.err and steps(r)[0][2] == "failed", str(r)
    assert "memory146 online" in now.text and "memory147 online" in now.text and "dax0.0 kmem" in now.text


@pytest.mark.parametrize("busy, timeout, why", [("pinned", "2s", "a page in it is pinned"), ("kernel", "300ms", "it holds memory of the kernel's own")])
def test_what_keeps_it_is_told_as_far_as_the_kernels_log_tells(busy, timeout, why):
    _, _, r = new().sh(f"cxl-sim ctl busy memory147 {busy}").daxctl("prepare-isolation", f"--timeout={timeout}").run()
    assert r.rc == 6 and f"none of it was unplugged: {why}" in r.err and by_state(r) and set(by_state(r)) == {"unplugged"}, str(r)


@pytest.mark.parametrize("args, fault", [([], "write@*/device_dax/*:1+=EIO"), (["--mode=system-ram"], "write@*/isolation_ctrl:1+=EIO"),
                                         (["--mode=system-ram"], "write@*/dax0.0/state:3+=EIO")])
def test_what_fails_behind_it_brings_the_memory_back(args, fault):
    before, _, r, _, now = new().sh(f"cxl-sim ctl fault '{fault}'").daxctl("prepare-isolation", *args).sh("cxl-sim ctl fault none").sh(SEE).run()
    d = r.dax()["dax0.0"]
    if "state" in fault:     # what failed is also the way back: that is said, and nothing is claimed
        assert r.rc == 4 and d["result"] == "failed" and "not all of what was done before could be taken back" in r.err, str(r)
        return
    assert r.rc == 4 and d["result"] == "rolled-back" and d["after"]["blocks"] == d["before"]["blocks"], str(r)
    assert before.text.splitlines()[:3] == now.text.splitlines()[:3]


def test_parts_of_a_region_go_each_by_its_own(tmp_path):
    r, = Session(parts(tmp_path, "kmem", "kmem", memmap="N"), before="for b in 146 147; do echo online_movable > /sys/devices/system/memory/memory$b/state; done", **NEW).daxctl(*RAM).run()
    assert r.rc == 0 and [d["result"] for d in r.dax().values()] == ["done", "done"], str(r)
    assert [s[1] for s in steps(r, "dax0.1") if s[0] == "plug"] == ["dax0.1=unplugged", "dax0.1=online_movable"]


# -- posted, not merged -------------------------------------------------------------------
def test_memory_of_a_private_node_is_shown_and_left_alone():
    """Where it is no more than said to be one, too: it would not be when it came back."""
    make = f"D=$(dirname {STATE}); echo 1 > $D/private || echo refused >&2; echo unplugged > {STATE}; echo 1 > $D/private; echo online_movable > {STATE}"
    s = Session("sysram1", "private-nodes").daxctl("list", "--isolation").sh(make).daxctl("list", "--isolation").cxl("isolation-status", "--check")
    plain, made, listed, status, r = s.daxctl("prepare-isolation").run()
    assert plain.dax()["dax0.0"]["private"] is False and "refused" in made.err, str(made)
    d = listed.dax()["dax0.0"]
    assert (d["private"], d["fit"], d["checks"]) == (True, False, ["ISO-MEM-ONLINE"]) and "ISO-MEM-ONLINE" in status.root_ports()["0000:0c:00.0"]["blockers"]
    assert r.rc == 4 and did(r) == [] and "echo 0 > /" in r.err and "dax0.0/private" in r.err and "nothing was changed of it" in r.err, str(r)


def test_a_word_that_is_new_says_nothing(tree):
    """Nor does what is unknown make memory fit that was not."""
    d = tree("direct1-6.12-sysram")
    dax = next(d.glob("sys/devices/platform/ACPI0017:00/**/dax0.0"))
    (dax / "private").write_text("perhaps\n")
    (dax / "state").write_text("half\n")
    r = run_daxctl(["list", "--isolation"], sysroot=d)
    assert (r.dax()["dax0.0"]["private"], r.dax()["dax0.0"]["state"], r.dax()["dax0.0"]["fit"]) == (None, "half", False)
    assert "attribute private cannot be read (it is neither 0 nor 1)" in r.err


def with_sysram(tree, online_type):
    """A capture whose region has what the posting makes of it, and that; without an online_type where it is None."""
    d = tree("direct1-6.12-devdax")
    sysram = next(d.glob("sys/devices/platform/ACPI0017:00/root0/decoder*/region0")) / "sysram_region0"
    sysram.mkdir()
    (d / "sys/bus/cxl/devices/sysram_region0").symlink_to(f"../../../devices/{sysram.relative_to(d / 'sys/devices')}")
    if online_type:
        (sysram / "online_type").write_text(online_type + "\n")
    return d, sysram


@pytest.mark.parametrize("online_type", ["invalid", "online_movable", None])
def test_what_is_to_make_system_ram_of_a_region_is_listed_with_it(tree, online_type):
    d, sysram = with_sysram(tree, online_type)
    if online_type:
        (sysram / "driver").symlink_to("../../../../../../bus/cxl/drivers/cxl_dax_kmem_region")
    r = run_daxctl(["list", "--isolation"], sysroot=d)
    assert r.rc == 0 and r.json["regions"][0]["sysram"] == {"device": "sysram_region0", "online_type": online_type, "driver": "cxl_dax_kmem_region" if online_type else None}
    assert r.dax()["dax0.0"]["region"] == "region0" and ("online_type cannot be read" in r.err) == (online_type is None)


def to_sysram(online_type):
    """region0 goes to the driver of the posting, and what that makes goes on once it was told a type."""
    return (f"for b in /sys/devices/system/memory/memory14[67]; do ! test -d $b || echo offline > $b/state; done\ncd {DRIVERS}\n"
            f"echo region0 > cxl_region/unbind; echo region0 > cxl_sysram_region/bind; echo sysram_region0 > cxl_dax_kmem_region/bind; cat {ONLINE_TYPE}\n"
            f"echo {online_type} > {ONLINE_TYPE} && echo sysram_region0 > cxl_dax_kmem_region/bind; echo offline > {ONLINE_TYPE}; cat {ONLINE_TYPE}")


def finding(r, check):
    return next(c for c in r.root_ports()[RP]["checks"] if c["check"] == check)


def test_a_region_of_another_driver_is_not_promised_back_and_its_remedy_makes_it_one_of_cxl_region():
    """Its dax device is in between as any other is: listed, taken offline, and what it would be is said."""
    s = Session("sysram1", "sysram-regions").sh(to_sysram("online_movable")).daxctl("list", "--isolation").cxl("isolation-status", "--check")
    s.daxctl("prepare-isolation").cxl("enable-isolation", RP).cxl("isolation-status", "--check").cxl("recover-port", "--force-healthy", RP)
    remedy = (f"daxctl prepare-isolation region0; echo region0 > {DRIVERS}/cxl_sysram_region/unbind; "
              f"echo region0 > {DRIVERS}/cxl_region/bind; daxctl prepare-isolation region0")
    made, listed, online, prepared, enabled, after, refused, typed, last, back = s.sh(remedy).cxl("isolation-status", "--check").cxl(
        "recover-port", "--force-healthy", RP).run()
    assert made.text.split() == ["invalid", "online_movable"] and made.err.count("error") == 2, str(made)
    assert listed.json["regions"][0]["sysram"] == {"device": "sysram_region0", "online_type": "online_movable", "driver": "cxl_dax_kmem_region"}
    assert (listed.dax()["dax0.0"]["region"], listed.dax()["dax0.0"]["blocks"]["zones"]) == ("region0", [{"zone": "Movable", "blocks": 2}])
    assert "ISO-MEM-ONLINE" in online.root_ports()[RP]["blockers"] and (prepared.rc, enabled.rc) == (0, 0), f"{prepared}{enabled}"
    rp = after.root_ports()[RP]
    assert rp["containment"] == "contain" and rp["limits"] == ["ISO-DAX-DRIVER"] and remedy in finding(after, "ISO-DAX-DRIVER")["remedy"], str(after)
    auto = finding(after, "ISO-AUTO-ONLINE")
    assert auto["result"] == "failed" and "online_type of sysram_region0 is online_movable" in auto["text"] and remedy in auto["remedy"]
    assert refused.rc == 1 and refused.root_ports()[RP]["blocker"] == "ISO-DAX-DRIVER" and "nothing was written" in refused.err
    rp = last.root_ports()[RP]
    assert typed.rc == 0 and rp["containment"] == "recover" and rp["limits"] == [] and finding(last, "ISO-AUTO-ONLINE")["result"] == "passed", f"{typed}{last}"
    assert back.rc == 0, str(back)


@pytest.mark.parametrize("online_type, result", [("offline", "passed"), ("sometimes", "unknown"), (None, "unknown")])
def test_what_it_would_be_is_told_from_its_online_type_alone(tree, online_type, result):
    d, _ = with_sysram(tree, online_type)
    r = run_cxl(["isolation-status", "--check"], sysroot=d)
    assert finding(r, "ISO-AUTO-ONLINE")["result"] == result, str(r)
    assert result == "passed" or "what sysram_region0 makes of the memory of region0 cannot be told" in finding(r, "ISO-AUTO-ONLINE")["text"]


def test_a_port_comes_back_without_a_region_of_another_driver():
    made, r, now = Session("direct1", "sysram-regions").sh(to_sysram("offline")).cxl("recover-port", "--force-healthy", "--no-rebuild", RP).sh(
        "ls /sys/bus/cxl/devices").run()
    assert r.rc == 0 and not {"region0", "sysram_region0"} & set(now.text.split()) and "mem0" in now.text.split(), f"{made}{r}"
