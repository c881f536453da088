# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status: records, impact, checks, -x."""
import json
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from lib import cli
from lib.cli import NOBODY, Session, dax_user, host_file, quote, run, run_cxl
from lib.tree import Tree, natural

RP = "0000:0c:00.0"
TWO = "direct2x2-6.12-x2hb-devdax"      # 2 bridges, 4 root ports, region2 across both bridges
SWITCH = "switch4-6.12-sw4-devdax"


def status(sysroot, *args, rc=0, **more):
    r = run_cxl(["isolation-status", *args], sysroot=sysroot, **more)
    assert r.rc == rc, str(r)
    return r


def on(host, *args, kernel="v1-fixed", rc=0, **more):
    r = run_cxl(["isolation-status", *args], host=host, kernel=kernel, **more)
    assert r.rc == rc, str(r)
    return r


# -- what is shown -------------------------------------------------------------------
def test_a_record_is_that_of_the_listing_and_a_little_more(capture):
    name, directory = capture
    listed = run_cxl(["list", "--isolation"], sysroot=directory).root_ports()
    shown = status(directory, *listed).root_ports()
    assert shown.keys() == listed.keys()
    for rp, record in shown.items():
        assert {k: v for k, v in record.items() if k in listed[rp]} == listed[rp]
        assert record["impact"] is None and record["checks"] is None


def test_without_target_it_is_about_all():
    assert on("direct2x2").json["root_ports"] == on("direct2x2", "all").json["root_ports"] == on("direct2x2", "root0").json["root_ports"]
    assert len(on("direct2x2").root_ports()) == 4


def test_a_group_leaves_out_what_cannot_isolate_and_says_so_with_v(captures, tmp_path):
    """No released kernel and no QEMU root port has the capability."""
    d = tmp_path / "t"
    subprocess.run(["cp", "-a", captures["direct1-6.12-devdax"], d], check=True)
    run([cli.ROOT / "test/bench/gentree", tmp_path / "g", "-n", "2", "-r"])
    registers = bytearray((tmp_path / "g/sys/devices/pci0000:10/0000:10:00.0/resource0").read_bytes())
    registers[0x1004] = 2  # another capability
    (d / f"sys/devices/pci0000:0c/{RP}/resource0").write_bytes(registers)
    r = status(d, "-v")
    assert r.root_ports() == {} and "can isolate and has something below it" in r.err and f"{RP} is left out: it has no isolation capability" in r.err
    assert "is left out" not in status(d).err
    assert list(status(d, RP).root_ports()) == list(status(d, "mem0").root_ports()) == [RP]


def test_a_group_leaves_out_what_is_empty_but_not_what_is_gone(captures):
    d = captures["direct1-6.12-rp-gone"]
    listed = run_cxl(["list", "--isolation"], sysroot=d).root_ports()
    for name, record in status(d, *listed).root_ports().items():
        assert ("gone" in record["problems"]) == (not (d / "sys/bus/pci/devices" / name).exists())
        assert (name in status(d).root_ports()) == bool(record["memdevs"] or "gone" in record["problems"])


@pytest.mark.parametrize("target", ["mem99", "root0x", "../..", ""])
def test_an_unknown_target_is_an_error(captures, target):
    r = status(captures[TWO], target, rc=2)
    assert "use one of: all root0" in r.err and r.json["root_ports"] == []


def test_no_cxl_bus_is_a_missing_prerequisite(captures):
    assert "no CXL bus" in status(captures["none-6.12-noregion"], rc=3).err


def test_nothing_is_written():
    r = on("sysram1", "--impact", "--check")
    assert not [e for e in r.log if e["op"] == "write"]


# -- impact --------------------------------------------------------------------------
def test_impact_names_what_is_lost_on_every_capture(capture):
    name, directory = capture
    tree = Tree(directory)
    rps = list(tree.root_ports())
    for rp, record in status(directory, "--impact", *rps).root_ports().items():
        im = record["impact"]
        regions = [r for r in tree.names("region") if rp in tree.region_root_ports(r)]
        assert [m["memdev"] for m in im["memdevs"]] == record["memdevs"]
        assert im["regions"] == [tree.region(r) for r in regions]
        assert [d["dax"] for d in im["dax"]] == [d for r in regions for d in tree.dax(r)]
        assert im["bytes"] == record["bytes"] == sum(tree.region(r)["size"] for r in regions)
        alive = [r for r in regions if tree.region(r)["state"] in ("enabled", "disabled")]
        assert im["other_root_ports"] == sorted({o for r in alive for o in tree.region_root_ports(r)} - {rp}, key=natural)
        online = sum(len(tree.online_blocks(r)) for r in regions)
        assert im["system_ram"]["online_bytes"] == online * 0x8000000
        assert bool(im["system_ram"]["nodes"]) == bool(online)


def test_an_interleaved_region_drags_the_other_root_port_in(captures):
    rps = status(captures[TWO], "--impact").root_ports()
    a, b = Tree(captures[TWO]).region_root_ports("region2")
    assert rps[a]["impact"]["other_root_ports"] == [b] and rps[b]["impact"]["other_root_ports"] == [a]


def test_a_switch_port_limits_impact_to_what_is_below_it(captures):
    d = captures["switch4-6.12-sw2-sysram"]
    whole = status(d, "--impact", RP).root_ports()[RP]["impact"]
    assert len(whole["memdevs"]) == 4
    below = {}
    for m in Tree(d).names("mem"):
        port = Tree(d).pci_chain(m)[-2]
        below[m] = status(d, "--impact", port).root_ports()[RP]["impact"]
        assert [x["memdev"] for x in below[m]["memdevs"]] == [m]
        assert [x["region"] for x in below[m]["regions"]] == [r for r in Tree(d).names("region") if m in Tree(d).targets(r)]
    assert {len(i["regions"]) for i in below.values()} == {0, 1}
    assert status(d, "--impact", "mem0").root_ports()[RP]["impact"] == whole, "a memdev stands for its root port"
    assert status(d, "--impact", "port2").root_ports()[RP]["impact"]["memdevs"] == whole["memdevs"], "the whole switch"


def test_the_node_of_system_ram_and_how_much_of_it_is_used(captures):
    r = status(captures["direct1-6.12-sysram"], "--impact")
    ram = r.root_ports()[RP]["impact"]["system_ram"]
    text = (captures["direct1-6.12-sysram"] / "sys/devices/system/node/node1/meminfo").read_text()
    total, used = (int(re.search(rf"{f}:\s+(\d+) kB", text)[1]) * 1024 for f in ("MemTotal", "MemUsed"))
    assert ram["nodes"] == [{"node": 1, "total_bytes": total, "used_bytes": used}]
    assert ram["processes"] is None and ram["hidden_processes"] is None
    assert "processes are not in a capture" in r.err


def processes(d, **numa_maps):
    """Processes p<PID> with those numa_maps, in a tree."""
    for p, text in {"p1": "00400000 default file=/sbin/init mapped=9 N0=9 kernelpagesize_kB=4\n", **numa_maps}.items():
        (d / "proc" / p[1:]).mkdir(parents=True)
        (d / "proc" / p[1:] / "comm").write_text(f"cmd{p[1:]}\n")
        (d / "proc" / p[1:] / "numa_maps").write_text(text)


def test_the_processes_with_most_pages_there_come_first(tree):
    d = tree("direct1-6.12-sysram")
    processes(d, p10="7f00 default anon=3 dirty=3 N0=1 N1=2 kernelpagesize_kB=4\n7f10 default anon=1 N1=1 kernelpagesize_kB=2048\n",
              p20="7f00 bind:1 anon=300 N1=300 kernelpagesize_kB=4\n", p30="7f00 default anon=300 N0=300 kernelpagesize_kB=4\n",
              p40="7f00 default file=/a\\040N1=999 mapped=1 N1=1 kernelpagesize_kB=4\n7f01 default\n", p50="garbage N1= N1=x kernelpagesize_kB=\n\n",
              **{f"p{n}": f"7f00 default N1={n} kernelpagesize_kB=4\n" for n in (61, 62, 63)})
    r = status(d, "--impact")
    ram = r.root_ports()[RP]["impact"]["system_ram"]
    assert [(p["pid"], p["command"], p["bytes"]) for p in ram["processes"]] == [
        (10, "cmd10", 2 * 4096 + (2 << 20)), (20, "cmd20", 300 * 4096), (63, "cmd63", 63 * 4096), (62, "cmd62", 62 * 4096), (61, "cmd61", 61 * 4096)]
    assert ram["hidden_processes"] == 0 and "USERS" not in [m["code"] for m in r.json["messages"]]
    assert "10 cmd10,20 cmd20,63 cmd63" in status(d, "--impact", "--format=table").text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_processes_that_may_not_be_looked_into_are_counted(tree):
    d = tree("direct1-6.12-sysram")
    processes(d, p10="7f00 default N1=2 kernelpagesize_kB=4\n", p20="7f00 default N1=9 kernelpagesize_kB=4\n")
    (d / "proc/20/numa_maps").chmod(0o400)
    r = status(d, "--impact", user=NOBODY)
    ram = r.root_ports()[RP]["impact"]["system_ram"]
    assert [p["pid"] for p in ram["processes"]] == [10] and ram["hidden_processes"] == 1
    assert "1 could not be looked into; run the command as root" in r.err
    for p in (1, 10):
        (d / f"proc/{p}/numa_maps").chmod(0o400)
    ram = status(d, "--impact", user=NOBODY).root_ports()[RP]["impact"]["system_ram"]
    assert ram["processes"] is None and ram["hidden_processes"] is None


def test_no_process_is_looked_at_when_no_memory_is_online(captures):
    r = status(captures["direct1-6.12-devdax"], "--impact")
    assert r.root_ports()[RP]["impact"]["system_ram"] == {"online_bytes": 0, "nodes": [], "processes": [], "cgroups": {"allowed": 0, "complete": True, "groups": [], "remedy": None}, "hidden_processes": 0}
    assert r.messages(code="USERS", severity="warning") == []


def test_a_meminfo_that_cannot_be_read_is_null_and_said(tree):
    d = tree("direct1-6.12-sysram")
    (d / "sys/devices/system/node/node1/meminfo").write_text("nothing\n")
    r = status(d, "--impact")
    assert r.root_ports()[RP]["impact"]["system_ram"]["nodes"] == [{"node": 1, "total_bytes": None, "used_bytes": None}]
    assert "says nothing of MemUsed" in r.err


def test_a_process_that_maps_the_dax_device_is_named():
    r, = Session("direct1", before=dax_user("map", "close")).cxl("isolation-status", "--impact").run()
    dax, = r.root_ports()[RP]["impact"]["dax"]
    user, = dax["users"]
    assert (dax["dax"], dax["region"], dax["mode"]) == ("dax0.0", "region0", "devdax")
    assert user["command"] == "python3" and user["mapped_bytes"] == 2 << 20


def test_users_that_cannot_be_told_are_null(captures):
    dax, = status(captures["direct1-6.12-devdax"], "--impact").root_ports()[RP]["impact"]["dax"]
    assert dax["users"] is None


def test_functions_that_are_none_of_cxl_are_lost_too_with_what_they_are_used_for(captures, tmp_path):
    """A virtual function that VFIO gave to a guest, and one that is a network interface, behind the same switch."""
    top = tmp_path / "host"
    shutil.copytree(captures[SWITCH], top, symlinks=True)
    port = next(top.glob(f"sys/devices/pci*/{RP}"))
    for name, driver, group in (("0000:7f:00.1", "vfio-pci", "12"), ("0000:7f:00.2", "mlx5_core", None)):
        (port / name).mkdir()
        # a virtual function has no vendor of its own (PCIe r6.0 sec 9.3.4.1.1)
        (port / name / "config").write_bytes(bytes.fromhex("ffffffff" if group else "b3151810") + bytes(4092))
        (port / name / "driver").symlink_to(f"../../../../bus/pci/drivers/{driver}")
        if group:
            (port / name / "physfn").symlink_to("../0000:7f:00.2")
            (port / name / "iommu_group").symlink_to(f"../../../../kernel/iommu_groups/{group}")
    for netdev in ("eth10", "eth2"):
        (port / "0000:7f:00.2" / "net" / netdev).mkdir(parents=True)
    # a disk with a partition, below the second function
    disk = port / "0000:7f:00.2" / "virtio0" / "block" / "vdq"
    (disk / "vdq1").mkdir(parents=True)
    (disk / "vdq1" / "partition").write_text("1\n")
    blocks = top / "sys/class/block"
    blocks.mkdir(parents=True, exist_ok=True)
    for name, at in (("vdq", disk), ("vdq1", disk / "vdq1")):
        (blocks / name).symlink_to(os.path.relpath(at, blocks))
    impact = status(top, "--impact", RP).root_ports()[RP]["impact"]
    assert impact["accelerators"] == []
    assert impact["pci_functions"] == [
        {"function": "0000:7f:00.1", "driver": "vfio-pci", "physical_function": "0000:7f:00.2", "netdevs": [], "block_devices": [], "iommu_group": "12", "vfio_users": None},
        {"function": "0000:7f:00.2", "driver": "mlx5_core", "physical_function": None, "netdevs": ["eth2", "eth10"], "block_devices": ["vdq"], "iommu_group": None,
         "vfio_users": []}]
    assert status(captures[SWITCH], "--impact", RP).root_ports()[RP]["impact"]["pci_functions"] == []


def test_functions_below_a_switch_port_are_told_from_those_beside_it(captures, tmp_path):
    top = tmp_path / "host"
    shutil.copytree(captures[SWITCH], top, symlinks=True)
    endpoints = sorted(p.parent for p in top.glob(f"sys/devices/pci*/{RP}/0*/0*/0*/mem[0-9]*"))
    assert len(endpoints) == 4
    for i, e in enumerate(endpoints):
        (e.parent / f"{e.name[:-1]}7").mkdir()
        (e.parent / f"{e.name[:-1]}7" / "config").write_bytes(bytes.fromhex("b3151810") + bytes(4092))
    beside = [f"{e.name[:-1]}7" for e in endpoints]
    switch_port = endpoints[1].parent.name
    told = {target: [f["function"] for f in status(top, "--impact", target).root_ports()[RP]["impact"]["pci_functions"]]
            for target in (RP, switch_port, endpoints[2].parent.parent.name)}
    assert told == {RP: beside, switch_port: [beside[1]], endpoints[2].parent.parent.name: beside}


def test_a_second_function_beside_a_single_memory_device_is_lost_too(captures, tmp_path):
    top = tmp_path / "host"
    shutil.copytree(captures["direct1-6.12-devdax"], top, symlinks=True)
    other = next(top.glob(f"sys/devices/pci*/{RP}")) / "0000:0d:00.1"
    (other / "net" / "eth7").mkdir(parents=True)
    (other / "driver").symlink_to("../../../../bus/pci/drivers/ice")
    f, = status(top, "--impact").root_ports()[RP]["impact"]["pci_functions"]
    assert (f["function"], f["driver"], f["netdevs"], f["block_devices"]) == ("0000:0d:00.1", "ice", ["eth7"], None)


def test_who_has_a_function_through_vfio_is_named(tmp_path):
    """Its device file is open, as by a QEMU that the function was given to."""
    function = f"sys/devices/pci0000:0c/{RP}/0000:0d:00.0"
    host = host_file(tmp_path, base="direct1-6.12-noregion", devices={"0000:0d:00.0": {"type": 0, "driver": "vfio-pci"}},
                     files={f"{function}/vfio-dev/vfio3/dev": "240:3\n"})
    opens = "import os, time; f = os.open('/dev/vfio/devices/vfio3', os.O_RDWR | os.O_CREAT); print(os.getpid(), flush=True); time.sleep(600)"
    begin = f"mkdir -p /dev/vfio/devices; bash -c 'exec -a qemu-system-x86_64 \"$@\"' bash /usr/bin/python3 -I -c {quote(opens)} -name guest=vm7 >$SCRATCH/user & " \
            "until [ -s $SCRATCH/user ]; do sleep 0.02; done"
    r, pid = Session(host, before=begin).cxl("isolation-status", "--impact", RP).sh("cat $SCRATCH/user").run()
    f, = r.root_ports()[RP]["impact"]["pci_functions"]
    assert (f["function"], f["driver"]) == ("0000:0d:00.0", "vfio-pci")
    assert [(u["pid"], u["command"], u["guest"]) for u in f["vfio_users"]] == [(int(pid.text), "python3", "vm7")]


# -- the name in the policy -------------------------------------------------------------------
def test_dax_devices_have_the_names_of_the_policy_file():
    s = Session("vms1").cxl("isolation-status", "--impact", RP).daxctl("list", "--isolation").sh("rm /etc/cxl/isolation.conf").cxl("isolation-status", "--impact", RP).run()
    names = {d["dax"]: d["name"] for d in s[0].root_ports()[RP]["impact"]["dax"]}
    assert names == {n: d["device"]["name"] for n, d in s[1].dax().items()} and set(names.values()) == {"vm1", "vm2", "vm3"}
    assert {d["name"] for d in s[3].root_ports()[RP]["impact"]["dax"]} == {None}


# -- control groups ---------------------------------------------------------------------------
CGROUPS = {"": "0-1", "/init.scope": "0-1", "/system.slice": "0-1", "/system.slice/ssh.service": None, "/system.slice/db.service": "0", "/user.slice": "0",
           "/machine.slice": "1", "/machine.slice/machine-qemu\\x2d1\\x2dvm1.scope": None, "/kubepods": None}


def with_cgroups(groups, **more):
    files = {"sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n", "sys/devices/system/node/has_memory": "0-1\n"}
    for name, mems in groups.items():
        files[f"sys/fs/cgroup{name}/cgroup.procs"] = ""
        if mems is not None:
            files[f"sys/fs/cgroup{name}/cpuset.mems.effective"] = f"{mems}\n"
    return {**files, **more}


def cgroups_of(groups):
    with tempfile.TemporaryDirectory() as d:
        host = host_file(d, files=with_cgroups(groups))
        r, = Session(host).cxl("isolation-status", "--impact", RP).run()
    return r.root_ports()[RP]["impact"]["system_ram"]["cgroups"]


def test_who_may_have_memory_on_the_nodes_is_told_by_control_group():
    told = cgroups_of(CGROUPS)
    assert (told["allowed"], told["complete"]) == (6, True)
    assert [(g["cgroup"], g["unit"], g["nodes"], g["core"]) for g in told["groups"]] == [
        ("/init.scope", "init.scope", "0-1", True), ("/kubepods", None, "0-1", False), ("/machine.slice", None, "1", False),
        ("/system.slice", None, "0-1", False), ("/system.slice/ssh.service", "ssh.service", "0-1", True)]
    assert told["remedy"] == "; ".join([*(f"mkdir -p /etc/systemd/system/{u}.d; printf '[{s}]\\nAllowedMemoryNodes=0\\n' >/etc/systemd/system/{u}.d/50-cxl-nodes.conf"
                                          for u, s in (("init.scope", "Scope"), ("system.slice", "Slice"))), "systemctl daemon-reload"])


def test_where_all_that_the_host_needs_is_kept_off_there_is_no_remedy():
    told = cgroups_of({**CGROUPS, "/init.scope": "0", "/system.slice": "0"})
    assert told["remedy"] is None and [g["cgroup"] for g in told["groups"]] == ["/kubepods", "/machine.slice"]


def test_hundreds_of_control_groups_are_counted_and_not_listed():
    told = cgroups_of({**{f"/system.slice/s{i}.service": "0-1" for i in range(300)}, **CGROUPS})
    assert told["allowed"] == 306 and len(told["groups"]) == 5


@pytest.mark.parametrize("groups", [None, {"/system.slice": None}])
def test_without_the_unified_hierarchy_nobody_knows_who_may(groups):
    with tempfile.TemporaryDirectory() as d:
        host = host_file(d, files=with_cgroups(groups) if groups else {})
        r, = Session(host).cxl("isolation-status", "--impact", RP).run()
    assert r.root_ports()[RP]["impact"]["system_ram"]["cgroups"] is None and "CGROUP" in {m["code"] for m in r.json["messages"]}


def test_memory_that_is_no_system_ram_is_nobody_s_to_have(captures):
    assert status(captures["direct1-6.12-devdax"], "--impact").root_ports()[RP]["impact"]["system_ram"]["cgroups"] == {
        "allowed": 0, "complete": True, "groups": [], "remedy": None}


@pytest.mark.parametrize("host,memdevs", [("accel1", ["mem0"]), ("cache1", [])])
def test_an_accelerator_is_lost_too(host, memdevs):
    """A type-1 device has no memdev; its root port is not empty for all that."""
    impact = on(host, "--impact").root_ports()[RP]["impact"]
    (device,) = impact["accelerators"]
    assert device["device"] == "0000:0d:00.0" and [m["memdev"] for m in impact["memdevs"]] == memdevs
    assert device["memdev"] == (memdevs[0] if memdevs else None)
    assert RP in on(host, "--impact", "--format=table").text


# -- checks --------------------------------------------------------------------------
def test_every_check_is_listed_with_its_result_and_remedy():
    explained = run_cxl(["explain", "--format=json"]).json["checks"]
    record = on("sysram1", "--check", kernel="v1").root_ports()[RP]
    assert [c["check"] for c in record["checks"]] == [c["id"] for c in explained if c["severity"] != "outcome"]
    failed = [c["check"] for c in record["checks"] if c["result"] == "failed"]
    assert sorted(failed) == sorted(record["blockers"] + record["limits"] + record["notes"]) and "ISO-MEM-ONLINE" in failed
    for c in record["checks"]:
        assert (c["text"] is None) == (c["remedy"] is None) == (c["result"] == "passed")
        assert (c["severity"], c["caps_at"]) == next((e["severity"], e["caps_at"]) for e in explained if e["id"] == c["check"])
    online = next(c for c in record["checks"] if c["check"] == "ISO-MEM-ONLINE")
    assert "region0" in online["text"] and "daxctl prepare-isolation dax0.0" in online["remedy"]


def test_the_table_of_checks_has_a_row_for_each():
    lines = on("sysram1", "--check", "--format=table").text.splitlines()
    assert lines[0].split()[:4] == ["ROOT", "PORT", "CHECK", "SEVERITY"]
    assert len(lines) - 1 == len(on("sysram1", "--check").root_ports()[RP]["checks"])
    assert any(line.split()[1:5] == ["ISO-MEM-ONLINE", "unsafe", "debug", "failed"] for line in lines)


# -- what is wrong ---------------------------------------------------------------------
def problems(host, *before, kernel="v1-fixed", **more):
    text = f"export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; " + "; ".join(f"{b} >/dev/null" for b in before) if before else None
    r, = Session(host, kernel, before=text, **more).cxl("isolation-status", "-x").run()
    found = {name: set(rp["problems"]) for name, rp in r.root_ports().items()}
    assert r.rc == bool(found) and all(found.values()), str(r)
    for name, ids in found.items():
        for i in ids:
            assert f"{name}: {i}: " in r.err, r.err
    return found


ON = "cxl enable-isolation root0"


def test_a_port_that_contains_a_failure_is_not_listed():
    assert problems("direct1", ON) == {}


def test_memory_that_nothing_contains_is_a_problem():
    assert problems("direct1") == {RP: {"isolation-off"}}
    assert set(problems("interleave2")) == {RP, "0000:de:00.0"}, "a port without a region has nothing to lose"


def test_what_is_said_to_be_typed_enables_an_interleaved_root_port():
    first = Session("interleave2").cxl("isolation-status", "-x").run()[0]
    command = next(line.split("type '")[1].rstrip("'\n") for line in first.err.splitlines() if f"{RP}: isolation-off" in line)
    assert command == f"cxl enable-isolation {RP} 0000:de:00.0"
    done, left = Session("interleave2").cxl(*command.split()[1:]).cxl("isolation-status", "-x").run()
    assert done.rc == 0 and RP not in left.root_ports(), str(done)


def test_a_problem_names_the_command_that_helps_and_it_does():
    for host, before, command in (("direct1", "true", "cxl enable-isolation"),
                                  ("direct1", f"cxl enable-isolation root0 >/dev/null; cxl-sim ctl link-down {RP}; cxl-sim ctl link-up {RP}", "cxl recover-port")):
        s = Session(host).sh(before).cxl("isolation-status", "-x").sh(f"{command} {RP}").cxl("isolation-status", "-x")
        _, first, helped, last = s.run()
        assert first.rc == 1 and f"; type '{command} {RP}'" in first.err, str(first)
        assert helped.rc == 0 and last.rc == 0 and last.root_ports() == {}, f"{helped}{last}"


def test_isolation_off_is_no_problem_of_a_port_that_cannot_be_enabled():
    assert problems("direct1", kernel="mainline") == {}


def test_isolation_that_does_not_contain_is_a_problem():
    assert problems("sysram1", "cxl enable-isolation root0 --require=debug") == {RP: {"not-contained"}}


def test_an_isolated_port_is_a_problem():
    assert problems("direct1", ON, f"cxl-sim ctl link-down {RP}") == {RP: {"isolated", "link-down"}}


def test_a_busy_port_is_a_problem():
    assert problems("direct1", "cxl enable-isolation --timeout=on root0", f"cxl-sim ctl timeout {RP}", f"cxl-sim ctl busy {RP} on")[RP] >= {"isolated", "busy"}


def test_isolation_that_nothing_announces_is_a_problem():
    """The posted kernel clears the interrupt enable when it writes a range."""
    assert "no-signal" in problems("direct1", "cxl enable-isolation --timeout=B root0", kernel="v1")[RP]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_what_cannot_be_told_is_a_problem():
    r, = Session("direct1").cxl("isolation-status", "-x", user=NOBODY).run()
    assert r.rc == 1 and "unknown" in r.root_ports()[RP]["problems"], str(r)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A generated tree of two root ports with registers, and a function that sets one's register."""
    d = tmp_path_factory.mktemp("generated")
    run([cli.ROOT / "test/bench/gentree", d, "-n", "2", "-b", "1", "-r"])

    def poke(slot, offset, value):
        with open(d / f"sys/devices/pci0000:10/0000:10:{slot:02x}.0/resource0", "r+b") as f:
            f.seek(0x1200 + offset)
            f.write(value.to_bytes(4, "little"))
    return d, poke


@pytest.mark.parametrize("register,expected", [(0x1, {"timed-out"}), (0x10, {"timed-out"}), (0x100, {"isolated"}), (0x301, {"isolated"}), (0x1000, {"isolated"}),
                                               (0x4100, {"isolated", "busy"}), (0x4000, set()), (0xffffffff, {"unknown"})])
def test_problems_by_the_status_register(generated, register, expected):
    d, poke = generated
    poke(0, 0xc, register)
    rps = status(d, "all").root_ports()
    poke(0, 0xc, 0)
    assert set(rps["0000:10:00.0"]["problems"]) - {"isolation-off"} == expected
    assert rps["0000:10:01.0"]["problems"] == ["isolation-off"], "it is about one port"


def test_every_problem_is_explained_in_the_manual_and_in_the_schema():
    page = (cli.ROOT / "Documentation/cxl-isolation-status.adoc").read_text()
    schema = json.loads((cli.ROOT / "schemas/cxl-isolation-status.json").read_text())
    source = (cli.ROOT / "lib/report/problem.c").read_text()
    ids = re.findall(r'^\t\{ "([a-z-]+)", "', source, re.M)
    assert schema["$defs"]["problems"]["items"]["enum"] == ids and len(ids) >= 9
    assert re.findall(r"^`([a-z-]+)`;;", page.split("== EVIDENCE")[0], re.M) == ids
