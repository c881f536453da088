# SPDX-License-Identifier: GPL-2.0-only
"""daxctl list --isolation: against the files of every capture, on simulated hosts, and on damaged trees."""
import json
import os
import re
import shutil

import pytest

from lib.cli import NOBODY, Session, dax_user, run_daxctl
from lib.tree import Tree, natural

DAX = "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0/dax0.0"
MEMORY = "sys/devices/system/memory"


def listing(tree, *args, **more):
    return run_daxctl(["list", "--isolation", *args], sysroot=tree, **more)


def blocks_of(tree, first, last):
    """{number: (state, zone)} of the memory blocks from address FIRST to LAST."""
    memory = tree / MEMORY
    if not (memory / "block_size_bytes").exists():
        return {}
    size = int((memory / "block_size_bytes").read_text(), 16)
    found = {int(p.name[6:]): p for p in memory.glob("memory[0-9]*")}
    return {n: (Tree.text(p / "state"), Tree.text(p / "valid_zones")) for n, p in found.items() if n * size <= last and (n + 1) * size > first}


def expected(tree):
    """What the files of a capture say of each dax device, read the naive way."""
    t, found = Tree(tree), {}
    for name in sorted(os.listdir(tree / "sys/bus/dax/devices"), key=natural) if (tree / "sys/bus/dax/devices").exists() else []:
        d = (tree / "sys/bus/dax/devices" / name).resolve()
        region = next((p for p in d.parts if re.fullmatch(r"region\d+", p)), None)
        start = Tree.number(d / "resource")
        blocks = blocks_of(tree, start, start + Tree.number(d / "size") - 1)
        online = [zone for state, zone in blocks.values() if state != "offline"]
        driver = os.path.basename(os.readlink(d / "driver")) if (d / "driver").is_symlink() else None
        found[name] = {
            "region": region, "root_ports": t.region_root_ports(region) if region else [], "driver": driver,
            "mode": {"kmem": "system-ram", None: "unbound"}.get(driver, "devdax"), "bytes": Tree.number(d / "size"),
            "node": Tree.number(d / "target_node"), "total": len(blocks), "online": len(online),
            "zones": {z: online.count(z) for z in online}, "fit": not online}
    return found


def test_it_says_what_the_files_of_the_capture_say(capture):
    _, tree = capture
    r = listing(tree)
    assert r.rc == 0, str(r)
    got = {name: {**{k: d[k] for k in ("region", "root_ports", "driver", "mode", "bytes", "node", "fit")}, "total": d["blocks"]["total"],
                  "online": d["blocks"]["online"], "zones": {z["zone"]: z["blocks"] for z in d["blocks"]["zones"]}} for name, d in r.dax().items()}
    assert got == expected(tree)


def test_captures_have_dax_devices_of_both_modes(captures):
    modes = {d["mode"] for name in ("direct1-6.12-sysram", "direct2x2-6.12-two-regions", "direct1-6.12-devdax") for d in listing(captures[name]).json["dax"]}
    assert modes == {"devdax", "system-ram"}


def test_the_order_is_that_of_a_person_and_of_no_filter(captures):
    names = list(listing(captures["direct2x2-6.12-two-regions"]).dax())
    assert names == sorted(names, key=natural) and len(names) == 2


# -- targets ----------------------------------------------------------------------------
@pytest.mark.parametrize("target", ["all", "root0", "port1", "0000:0c:00.0", "0000:0d:00.0", "mem0", "region0", "dax0.0"])
def test_every_kind_of_target_leads_to_the_dax_device(captures, target):
    assert list(listing(captures["direct1-6.12-sysram"], target).dax()) == ["dax0.0"]


def test_a_target_shows_only_what_is_its(captures):
    tree = captures["direct2x2-6.12-two-regions"]
    everything = listing(tree).dax()
    for name, d in everything.items():
        assert list(listing(tree, name).dax()) == [name]
        assert list(listing(tree, d["region"]).dax()) == [name]
        assert set(listing(tree, *d["root_ports"]).dax()) == {name}
    assert list(listing(tree, *everything).dax()) == list(everything)


@pytest.mark.parametrize("target", ["dax0", "dax0.00", "dax9.9", "dax0.0x", "0x1001", ""])
def test_an_unknown_target_is_an_error_that_lists_what_exists(captures, target):
    r = listing(captures["direct1-6.12-sysram"], target)
    assert r.rc == 2 and r.json["dax"] == []
    assert "dax0.0" in r.err and r.err.startswith("daxctl list: ")


def test_a_root_port_without_memory_has_no_dax_device(captures):
    r = listing(captures["direct1-6.12-noregion"], "root0")
    assert r.rc == 0 and r.json["dax"] == []


# -- what there is to say of one -----------------------------------------------------------
@pytest.mark.parametrize("parameter,device,driver,in_force", [
    ("Y", "1", "kmem", True), ("force", "1", "kmem", True), ("N", "1", "kmem", False), ("Y", "0", "kmem", False),
    ("Y", "1", "device_dax", False), (None, "1", "kmem", None), ("Y", None, "kmem", None), (None, "0", "kmem", False)])
def test_memmap_on_memory_is_in_force_when_device_and_parameter_want_it(tree, parameter, device, driver, in_force):
    d = tree("direct1-6.12-sysram")
    path = d / "sys/module/memory_hotplug/parameters/memmap_on_memory"
    path.unlink()
    if parameter:
        path.write_text(parameter + "\n")
    (d / DAX / "memmap_on_memory").unlink()
    if device:
        (d / DAX / "memmap_on_memory").write_text(device + "\n")
    (d / DAX / "driver").unlink()
    (d / DAX / "driver").symlink_to(f"/sys/bus/dax/drivers/{driver}")
    for block in d.glob(f"{MEMORY}/memory14*/state"):
        block.write_text("offline\n")
    r = listing(d).dax()["dax0.0"]
    assert r["memmap_on_memory"] == {"device": None if device is None else device == "1", "parameter": parameter, "in_force": in_force}
    assert (r["fit"], r["checks"]) == ({True: False, False: True, None: None}[in_force], ["ISO-MEMMAP"] if in_force else [])


def test_what_would_online_it_again_is_named_with_its_place(tree):
    d = tree("direct1-6.12-devdax")
    (d / MEMORY / "auto_online_blocks").write_text("online_movable\n")
    (d / "proc/cmdline").write_text("quiet memhp_default_state=online ro\n")
    rules = {"etc/udev/rules.d/10-a.rules": '# SUBSYSTEM=="memory", ATTR{state}="online"\n\nSUBSYSTEM=="memory", \\\n  ACTION=="add", ATTR{state}="online"\n',
             "etc/udev/rules.d/20-b.rules": 'SUBSYSTEM=="memory", ATTR{state}=="online", ATTR{x}="y"\nSUBSYSTEM=="block", ATTR{state}="online"\n',
             "usr/lib/udev/rules.d/10-a.rules": 'SUBSYSTEM=="memory", ATTR{state}="online"\n',
             "usr/lib/udev/rules.d/40-vm.rules": 'ENV{X}="1"\nSUBSYSTEM=="memory", ATTR{state}!="online", ATTR{state} = "online"',
             "usr/lib/udev/rules.d/README": 'SUBSYSTEM=="memory", ATTR{state}="online"\n'}
    for name, text in rules.items():
        (d / name).parent.mkdir(parents=True, exist_ok=True)
        (d / name).write_text(text)
    causes = listing(d).dax()["dax0.0"]["onlined_by"]
    assert [(c["cause"], c["where"]) for c in causes] == [
        ("auto-online-blocks", "/sys/devices/system/memory/auto_online_blocks"), ("kernel-parameter", "/proc/cmdline"),
        ("kmem", "/sys/bus/dax/drivers/kmem"), ("udev-rule", "/etc/udev/rules.d/10-a.rules:3"), ("udev-rule", "/usr/lib/udev/rules.d/40-vm.rules:2")]
    assert [c["value"] for c in causes[:2]] == ["online_movable", "memhp_default_state=online"]


@pytest.mark.parametrize("lines,at", [
    # as a distribution of enterprises has it
    (['SUBSYSTEM!="memory", GOTO="end"', 'ACTION!="add", GOTO="end"', 'ENV{.state}="online"', 'CONST{virt}=="none", ENV{.state}="online_movable"',
      'ATTR{state}=="offline", ATTR{state}="$env{.state}"', 'LABEL="end"'], 5),
    (['ACTION=="add", SUBSYSTEM == "memory" , ATTR{state} := "online_movable"'], 1), (['SUBSYSTEM=="cpu|mem*", ATTR{state}="online"'], 1),
    (['KERNEL=="memory[0-9]*", ATTR{state}="online"'], 1), (['SUBSYSTEM=="memory", TEST=="online", ATTR{online}=="0", ATTR{online}="1"'], 1),
    (['SUBSYSTEM!="cpu", GOTO="end"', 'ATTR{state}="online"', 'LABEL="end"', 'SUBSYSTEM=="memory", ATTR{state}="online"'], 4),
    # udev ignores a jump to a label that no later rule has
    (['LABEL="end"', 'SUBSYSTEM!="cpu", GOTO="end"', 'ATTR{state}="online"'], 3),
    (['SUBSYSTEM=="cpu", ACTION=="add", ATTR{online}=="0", ATTR{online}="1"'], None), (['SUBSYSTEM!="memory", ATTR{state}="online"'], None),
    (['SUBSYSTEM=="memory", ATTR{state}="offline"', 'SUBSYSTEM=="memory", ENV{X}="ATTR{state}=online"'], None),
    (['SUBSYSTEM=="memory", ATTR{state}="online'], None), (['SUBSYSTEM=="memory", ATTR{state', 'ATTR', '"', 'X{'], None)])
def test_a_rule_that_brings_memory_online_is_found_as_udev_reads_it(tree, lines, at):
    d = tree("direct1-6.12-devdax")
    (d / MEMORY / "auto_online_blocks").write_text("offline\n")
    (d / "etc/udev/rules.d").mkdir(parents=True)
    (d / "etc/udev/rules.d/40-x.rules").write_text("\n".join(lines) + "\n")
    causes = [c["where"] for c in listing(d).dax()["dax0.0"]["onlined_by"] if c["cause"] == "udev-rule"]
    assert causes == ([f"/etc/udev/rules.d/40-x.rules:{at}"] if at else [])


UNREAD = {
    "nul": (lambda p: p.write_bytes(b'SUBSYSTEM=="memory"\0, ATTR{state}="online"\n'), "it holds a NUL byte"),
    "too large": (lambda p: p.write_bytes(b"#" * ((1 << 20) + 1)), "File too large"),
    "fifo": (os.mkfifo, "it is not a regular file"),
    "directory": (lambda p: p.mkdir(), "Is a directory"),
}


@pytest.mark.parametrize("what", UNREAD)
def test_rules_that_cannot_be_read_are_said_not_skipped(tree, what):
    d = tree("direct1-6.12-devdax")
    (d / MEMORY / "auto_online_blocks").write_text("offline\n")
    (d / "etc/udev/rules.d").mkdir(parents=True)
    make, words = UNREAD[what]
    make(d / "etc/udev/rules.d/40-x.rules")
    (d / "etc/udev/rules.d/50-y.rules").write_text('SUBSYSTEM=="memory", ATTR{state}="online"\n')
    r = listing(d)
    causes = [(c["where"], c["value"] is None) for c in r.dax()["dax0.0"]["onlined_by"] if c["cause"] == "udev-rule"]
    assert causes == [("/etc/udev/rules.d/40-x.rules", True), ("/etc/udev/rules.d/50-y.rules:1", False)], str(r)
    text = "/etc/udev/rules.d/40-x.rules cannot be read (%s), so whether it brings memory online is unknown" % words
    assert [m["text"] for m in r.messages(code="UDEV-RULE")] == [text] and text in r.err, str(r)


def test_rules_for_root_only_are_said(tree):
    if os.geteuid():
        pytest.skip("needs root to become somebody else")
    d = tree("direct1-6.12-devdax")
    (d / "etc/udev/rules.d").mkdir(parents=True)
    (d / "etc/udev/rules.d/40-x.rules").write_text("# none\n")
    (d / "etc/udev/rules.d/40-x.rules").chmod(0o600)
    (d / "run/udev/rules.d").mkdir(parents=True, mode=0o700)
    (d / "run/udev/rules.d").chmod(0o700)
    r = run_daxctl(["list", "--isolation"], sysroot=d, user=NOBODY)
    assert [c["where"] for c in r.dax()["dax0.0"]["onlined_by"] if c["value"] is None] == ["/etc/udev/rules.d/40-x.rules", "/run/udev/rules.d"], str(r)
    assert r.err.count("Permission denied") == 2, r.err


def test_rules_that_are_switched_off_are_none(tree):
    """A link to /dev/null hides the rules of that name further down: udev(7)."""
    d = tree("direct1-6.12-devdax")
    (d / MEMORY / "auto_online_blocks").write_text("offline\n")
    for name in ("etc/udev/rules.d", "lib/udev/rules.d"):
        (d / name).mkdir(parents=True, exist_ok=True)
    (d / "etc/udev/rules.d/40-x.rules").symlink_to("/dev/null")
    (d / "lib/udev/rules.d/40-x.rules").write_text('SUBSYSTEM=="memory", ATTR{state}="online"\n')
    for with_device in (False, True):
        if with_device:
            try:
                (d / "dev").mkdir(exist_ok=True)
                os.mknod(d / "dev/null", 0o020666, os.makedev(1, 3))
            except OSError:
                continue
        r = listing(d)
        assert not r.messages(code="UDEV-RULE") and [c["cause"] for c in r.dax()["dax0.0"]["onlined_by"]] == ["kmem"], str(r)


def test_the_last_kernel_parameter_counts_and_autoprobe_off_keeps_kmem_away(tree):
    d = tree("direct1-6.12-devdax")
    (d / MEMORY / "auto_online_blocks").write_text("offline\n")
    (d / "proc/cmdline").write_text("memhp_default_state=online memhp_default_state=offline\n")
    (d / "sys/bus/dax/drivers_autoprobe").write_text("0\n")
    assert listing(d).dax()["dax0.0"]["onlined_by"] == []


def test_a_device_without_driver_is_unbound_and_fit(tree):
    d = tree("direct1-6.12-devdax")
    (d / DAX / "driver").unlink()
    r = listing(d).dax()["dax0.0"]
    assert (r["mode"], r["driver"], r["fit"]) == ("unbound", None, True)


def hmem(tree, parent="hmem.0"):
    """A dax device of Soft Reserved memory beside the CXL region: block 32 of it."""
    d = tree("direct1-6.12-devdax")
    path = d / f"sys/devices/platform/{parent}/dax7.0"
    (path / "mapping0").mkdir(parents=True)
    for name, text in {"size": "268435456", "target_node": "0", "memmap_on_memory": "0", "resource": "0x1000000000", "mapping0/start": "0x1000000000",
                       "mapping0/end": "0x100fffffff"}.items():
        (path / name).write_text(text + "\n")
    (path / "driver").symlink_to("/sys/bus/dax/drivers/kmem")
    (d / "sys/bus/dax/devices/dax7.0").symlink_to(f"../../../devices/platform/{parent}/dax7.0")
    for n, state in ((512, "online"), (513, "offline"), (514, "online")):
        (d / f"{MEMORY}/memory{n}").mkdir()
        (d / f"{MEMORY}/memory{n}/state").write_text(state + "\n")
        (d / f"{MEMORY}/memory{n}/valid_zones").write_text("Normal\n")
    return d


def test_soft_reserved_memory_is_shown_as_such_with_its_own_blocks(tree):
    d = hmem(tree)
    r = listing(d).dax()
    assert list(r) == ["dax0.0", "dax7.0"]
    assert (r["dax7.0"]["mode"], r["dax7.0"]["driver"], r["dax7.0"]["region"], r["dax7.0"]["fit"]) == ("hmem", "kmem", None, None)
    assert r["dax7.0"]["blocks"] == {"total": 2, "online": 1, "online_bytes": 128 << 20, "zones": [{"zone": "Normal", "blocks": 1}]}
    assert list(listing(d, "root0").dax()) == ["dax0.0"] and list(listing(d, "dax7.0").dax()) == ["dax7.0"]


def test_soft_reserved_memory_is_found_below_hmem_platform(tree):
    """Where newer kernels have it; so does a capture, and who replays one."""
    d = hmem(tree, "hmem_platform.0/hmem.0")
    listed, there = Session(d).daxctl("list", "--isolation").sh("cxl-sim capture -o /tmp/c.tar >&2 && tar tf /tmp/c.tar; rm -f /tmp/c.tar").run()
    for r in (listing(d), listed):
        assert r.dax()["dax7.0"]["mode"] == "hmem" and r.dax()["dax7.0"]["blocks"]["total"] == 2, str(r)
    assert "sys/devices/platform/hmem_platform.0/hmem.0/dax7.0/mapping0/start" in there.text


def test_soft_reserved_memory_of_a_host_without_cxl_is_listed(tree):
    """High-bandwidth memory: that there is no CXL bus is said, and nothing of CXL's is named."""
    d = hmem(tree)
    shutil.rmtree(d / "sys/bus/cxl")
    (d / "sys/bus/dax/devices/dax0.0").unlink()
    r = listing(d)
    assert r.rc == 0 and list(r.dax()) == ["dax7.0"] and r.dax()["dax7.0"]["mode"] == "hmem" and "no CXL bus" in str(r.messages(code="HOST"))
    assert listing(d, "root0").rc == 2


def test_where_it_lies_being_unreadable_is_said_and_is_null(tree):
    d = hmem(tree)
    (d / "sys/devices/platform/hmem.0/dax7.0/mapping0/start").write_text("here\n")
    r = listing(d)
    assert r.rc == 0 and r.dax()["dax7.0"]["blocks"] == {"total": None, "online": None, "online_bytes": None, "zones": []}
    assert "dax7.0: where it lies cannot be read" in r.err


def test_an_unreadable_block_makes_fitness_unknown_and_is_named(tree):
    d = tree("direct1-6.12-sysram")
    for block in d.glob(f"{MEMORY}/memory14*/state"):
        block.write_text("offline\n")
    (d / MEMORY / "memory147/state").write_text("strange\n")
    r = listing(d)
    assert r.dax()["dax0.0"]["fit"] is None and "memory147" in r.err


# -- on a simulated host, beside the distribution's -------------------------------------------
def test_it_agrees_with_the_distributions_list_on_simulated_hosts():
    for host in ("sysram1", "direct1", "direct2x2", "interleave2", "switch4"):
        ours, theirs = Session(host).daxctl("list", "--isolation").sh("daxctl list 2>/dev/null || true").run()
        found = json.loads(theirs.text or "[]")
        found = found if isinstance(found, list) else [found]
        assert {d["chardev"]: (d["size"], d["mode"], d.get("online_memblocks", 0), d.get("movable", False)) for d in found} == \
            {n: (d["bytes"], d["mode"], d["blocks"]["online"], [z["zone"] for z in d["blocks"]["zones"]] == ["Movable"])
             for n, d in ours.dax().items()}, host


def test_who_uses_it_is_named():
    before, during, pid = Session("direct1", before=dax_user("map")).daxctl("list", "--isolation", "dax0.0").daxctl("list", "--isolation") \
        .sh("cat $SCRATCH/user").run()
    for r in (before, during):
        users = r.dax()["dax0.0"]["users"]
        assert [(u["pid"], u["command"], u["maps"], u["mapped_bytes"]) for u in users] == [(int(pid.text), "python3", True, 2 << 20)], str(r)
        assert r.dax()["dax0.0"]["fit"] is True


def test_a_user_who_is_not_root_sees_the_same_but_for_the_users():
    as_root, as_nobody = Session("sysram1").daxctl("list", "--isolation").daxctl("list", "--isolation", user=NOBODY).run()
    assert as_root.dax() == as_nobody.dax() and as_nobody.rc == 0


def test_nothing_is_written(captures):
    r = Session("sysram1").daxctl("list", "--isolation").run()[0]
    assert not [e for e in r.log if e["op"] == "write"]


def test_a_host_without_cxl_is_a_prerequisite(captures):
    r = listing(captures["none-6.12-noregion"])
    assert r.rc == 3 and r.json["dax"] == []


def test_the_table_has_a_row_for_each(captures):
    r = listing(captures["direct2x2-6.12-two-regions"], "--format=table")
    assert r.rc == 0 and len(r.text.splitlines()) == 3 and r.text.startswith("DAX")


# -- devices of a part of their region, or of nothing -------------------------------------
def shrink(d, size, name="dax0.0"):
    """A device as after a write to its size: what is left of it is the first part of its region."""
    dax = (d / "sys/bus/dax/devices" / name).resolve()
    start = int((dax / "resource").read_text(), 0)
    (dax / "size").write_text(f"{size}\n")
    if size:
        (dax / "mapping0/end").write_text(f"{start + size - 1:#x}\n")
        return
    shutil.rmtree(dax / "mapping0")
    (dax / "driver").unlink()


def test_a_device_that_was_made_smaller_has_the_blocks_of_its_part_only(tree):
    d = tree("direct1-6.12-sysram")
    shrink(d, 1 << 27)
    r = listing(d)
    assert r.rc == 0 and r.dax()["dax0.0"]["bytes"] == 1 << 27
    assert (r.dax()["dax0.0"]["blocks"]["total"], r.dax()["dax0.0"]["blocks"]["online"]) == (1, 1)


def test_a_device_without_memory_has_no_blocks_and_nothing_is_unknown_of_it(tree):
    d = tree("direct1-6.12-devdax")
    shrink(d, 1 << 27)
    dax = (d / "sys/bus/dax/devices/dax0.0").resolve()
    shutil.copytree(dax, dax.parent / "dax0.1", symlinks=True)    # as daxctl create-device makes it first
    (d / "sys/bus/dax/devices/dax0.1").symlink_to(os.readlink(d / "sys/bus/dax/devices/dax0.0")[:-1] + "1")
    shrink(d, 0, "dax0.1")
    r = listing(d)
    assert r.rc == 0 and r.err == "" and r.messages(code="ATTRIBUTE") == []
    assert (r.dax()["dax0.1"]["mode"], r.dax()["dax0.1"]["bytes"], r.dax()["dax0.1"]["fit"]) == ("unbound", 0, True)
    assert r.dax()["dax0.1"]["blocks"] == {"total": 0, "online": 0, "online_bytes": 0, "zones": []}
    assert (r.dax()["dax0.0"]["mode"], r.dax()["dax0.0"]["bytes"]) == ("devdax", 1 << 27)
