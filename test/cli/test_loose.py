# SPDX-License-Identifier: GPL-2.0-only
"""Memory that firmware's decoders make work without a region: what holds for a region's memory holds for it."""
import json
import shutil
import subprocess

import pytest

from lib.cli import CXL, NOBODY, Session, run_cxl

RP = "0000:0c:00.0"
ROOT = "sys/devices/platform/ACPI0017:00/root0"
HMEM = "sys/devices/platform/hmem.0"
MEMORY = "sys/devices/system/memory"
DECODER = f"{ROOT}/port1/endpoint2/decoder2.0"


def put(path, text):
    path.chmod(0o644)
    path.write_text(text)


def point(link, target):
    link.unlink()
    link.symlink_to(target)


@pytest.fixture
def loose(tree):
    """The memory of direct1 as the kernel leaves it that could not make a region: dax_hmem has it, kmem put it online."""
    t = tree("direct1-6.12-sysram")
    region = t / ROOT / "decoder0.0" / "region0"
    (t / HMEM).mkdir()
    shutil.move(region / "dax_region0" / "dax0.0", t / HMEM / "dax0.0")
    for name, target in {"driver": "bus/dax/drivers/kmem", "subsystem": "bus/dax"}.items():
        point(t / HMEM / "dax0.0" / name, f"../../../../{target}")
    point(t / "sys/bus/dax/devices/dax0.0", "../../../devices/platform/hmem.0/dax0.0")
    point(t / "sys/bus/dax/drivers/kmem/dax0.0", "../../../../devices/platform/hmem.0/dax0.0")
    shutil.rmtree(region)
    for gone in ("devices/region0", "devices/dax_region0", "drivers/cxl_region/region0", "drivers/cxl_dax_region/dax_region0"):
        (t / "sys/bus/cxl" / gone).unlink(missing_ok=True)
    for decoder in (f"{ROOT}/port1/decoder1.0", DECODER):
        put(t / decoder / "region", "\n")
    return t


def findings(t, **more):
    r = run_cxl(["isolation-status", "--check", RP], sysroot=t, **more)
    return {c["check"]: c for c in r.root_ports()[RP]["checks"] if c["result"] == "failed" or (c["result"] == "unknown" and c["remedy"])}


def test_system_ram_without_a_region_is_system_ram(loose):
    found = findings(loose)
    assert "2 of 2 memory blocks that decoder2.0 of mem0 decodes are online" in found["ISO-MEM-ONLINE"]["text"]
    assert "firmware programmed decoder2.0 of mem0" in found["ISO-REGION-AUTO"]["text"]


def test_enabling_is_refused_and_the_remedy_makes_that_vanish(loose):
    refused, problems, remedy, done, busy, _, off = Session(loose).cxl("enable-isolation", "root0").cxl("isolation-status", "-x") \
        .sh("daxctl offline-memory dax0.0 && daxctl reconfigure-device --mode=devdax dax0.0").cxl("enable-isolation", "root0") \
        .sh("cxl-sim ctl map dax0.0").cxl("isolation-status", "--check").cxl("disable-isolation", "root0").run()
    assert refused.rc == 1 and refused.root_ports()[RP]["blockers"] == ["ISO-MEM-ONLINE"]
    assert "daxctl offline-memory dax0.0; daxctl reconfigure-device --mode=devdax dax0.0" in refused.err
    assert problems.root_ports()[RP]["problems"] == ["isolation-off"]
    assert remedy.rc == 0, str(remedy)
    assert done.rc == 0 and done.root_ports()[RP]["containment"] == "contain" and done.root_ports()[RP]["limits"] == ["ISO-REGION-AUTO"]
    assert busy.rc == 0, str(busy)
    assert off.rc == 1 and off.root_ports()[RP]["blockers"] == ["ISO-BUSY"] and "(dax-user) has dax0.0 mapped" in off.err


def test_it_is_not_made_to_fail_by_a_recovery_either(loose):
    r = Session(loose).cxl("recover-port", "--force-healthy", RP).run()[0]
    assert r.rc == 1 and r.root_ports()[RP]["blocker"] == "ISO-MEM-ONLINE" and not [e for e in r.log if e["op"] == "write"]


def test_a_recovery_says_that_it_does_not_bring_such_memory_back(loose):
    r = Session(loose, before="daxctl offline-memory dax0.0 && daxctl reconfigure-device --mode=devdax dax0.0 && cxl enable-isolation root0 && "
                              f"cxl-sim ctl link-down {RP}").cxl("recover-port", RP).run()[0]
    assert r.rc == 0 and "decoder2.0 of mem0" in r.err and "dax0.0 stays and has no memory behind it until the host is rebooted" in r.err, str(r)
    assert len(r.messages(code="ISO-REGION-AUTO")) == 1, str(r)


def test_boot_memory_without_any_dax_device_is_seen_too(loose):
    shutil.rmtree(loose / HMEM)
    (loose / "sys/bus/dax/devices/dax0.0").unlink()
    assert "ISO-MEM-ONLINE" in findings(loose)


def test_where_it_lies_is_not_for_everybody_and_then_it_cannot_be_told(loose):
    (loose / DECODER / "start").chmod(0o400)
    assert "cannot be told" in findings(loose, user=NOBODY)["ISO-MEM-ONLINE"]["text"]


def test_a_region_that_was_never_put_together_has_no_memory(tree):
    """One of firmware's two devices is missing: the driver waits for it, and dax_hmem has the memory."""
    t = tree("direct1-6.12-sysram")
    region = t / ROOT / "decoder0.0" / "region0"
    for gone in (region / "driver", region / "dax_region0" / "dax0.0" / "driver"):
        gone.unlink()
    for name, text in {"commit": "0\n", "interleave_ways": "2\n", "target1": "\n"}.items():
        (region / name).touch()
        put(region / name, text)
    found = findings(t)
    assert "decoder2.0 of mem0 decodes" in found["ISO-MEM-ONLINE"]["text"] and "ISO-REGION-AUTO" in found
    put(t / ROOT / "port1/endpoint2/decoders_committed", "0\n")
    assert "region0" in findings(t)["ISO-MEM-ONLINE"]["text"], "a husk: the driver reset the decoders"


@pytest.mark.parametrize("change", ["offline", "nothing committed", "no size", "elsewhere"])
def test_what_is_not_online_below_it_is_none(loose, change):
    if change == "offline":
        for block in (146, 147):
            put(loose / MEMORY / f"memory{block}" / "state", "offline\n")
    elif change == "nothing committed":
        put(loose / ROOT / "port1/endpoint2/decoders_committed", "0\n")
    elif change == "no size":
        put(loose / DECODER / "size", "0x0\n")
    else:
        put(loose / DECODER / "start", "0x580000000\n")
    assert "ISO-MEM-ONLINE" not in findings(loose)


def test_a_kernel_that_does_not_count_decoders_has_their_sizes(loose):
    (loose / ROOT / "port1/endpoint2/decoders_committed").unlink()
    assert "ISO-MEM-ONLINE" in findings(loose)


def test_huge_numbers_are_no_memory(loose):
    put(loose / DECODER / "start", "0xffffffffffffffff\n")
    put(loose / ROOT / "port1/endpoint2/decoders_committed", "18446744073709551615\n")
    assert "cannot be told" in findings(loose)["ISO-MEM-ONLINE"]["text"]


def test_a_host_whose_regions_own_everything_is_not_asked(captures):
    assert "ISO-REGION-AUTO" not in findings(captures["direct1-6.12-sysram"])
    assert "ISO-REGION-AUTO" not in findings(captures["direct1-6.12-noregion"])


def test_it_is_counted_in_what_would_be_lost(loose):
    impact = run_cxl(["isolation-status", "--impact", RP], sysroot=loose).root_ports()[RP]["impact"]
    assert impact["bytes"] == impact["system_ram"]["online_bytes"] == 256 << 20
    assert [n["node"] for n in impact["system_ram"]["nodes"]] == [1]


def test_the_monitor_sees_it_go_offline(loose):
    with subprocess.Popen([CXL, "isolation-status", "--monitor", "--interval=20ms", "--once", f"--sysroot={loose}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        assert json.loads(p.stdout.readline())["type"] == "snapshot"
        for block in (146, 147):
            put(loose / MEMORY / f"memory{block}" / "state", "offline\n")
        out, err = p.communicate(timeout=120)
    line = json.loads(out)
    assert p.returncode == 0 and "ISO-MEM-ONLINE" in line["before"]["blockers"] and "ISO-MEM-ONLINE" not in line["after"]["blockers"], err
