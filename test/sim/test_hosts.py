# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim hosts and doctor, overlay files, and the shape of the code."""
import json
import os
import shutil

import pytest

from simrun import CAPTURES, PCI, PORT, REPO, run, sim

BUILT_IN = ["accel1", "auto1", "cache1", "direct1", "direct2x2", "interleave2", "masked1", "pmem1", "stranded1", "switch4", "sysram1",
            "unmasked1"]

# --- overlay -------------------------------------------------------------------------------

def overlay(tmp_path, **members):
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), **members}))
    return path


def test_overlay_replaces_adds_and_removes_files(tmp_path):
    host = overlay(tmp_path, files={
        "sys/module/memory_hotplug/parameters/memmap_on_memory": "Y\n",
        f"sys/bus/pci/devices/{PORT}/reset_method": "cxl_bus\n",
        "sys/devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem0": None,
        "proc/cmdline": "quiet\n"})
    assert run(f"cat /sys/module/memory_hotplug/parameters/memmap_on_memory {PCI}/{PORT}/reset_method /proc/cmdline;"
               "ls -A /sys/bus/cxl/drivers/cxl_mem | grep -c mem0; ls /sys/bus/cxl/devices | grep -c mem0",
               "--host", host).stdout.split() == ["Y", "cxl_bus", "quiet", "0", "0"]


def test_overlay_base_is_relative_to_the_overlay(tmp_path):
    shutil.copy(CAPTURES / "none-6.12-noregion.tar.xz", tmp_path / "base.tar.xz")
    host = overlay(tmp_path, base="base.tar.xz")
    assert run("true", "--host", host, cwd="/").returncode == 0


@pytest.mark.parametrize("members,text", (
    ({"kernal": "v1"}, "unknown key 'kernal': the keys are description, base, kernel, root_ports, devices, soft_reserved,"),
    ({"busy_blocks": ["146"]}, 'busy_blocks: a block is a text like "memory146"'),
    ({"etc": {"passwd": "x"}}, "etc: 'passwd' must be the path of a file below udev/rules.d/ or cxl/"),
    ({"kernel": "v2"}, "unknown kernel 'v2': the kernels are mainline, v1, v1-fixed"),
    ({"base": "nonexistent.tar.xz"}, "cannot open the capture"),
    ({"root_ports": {"*": {"mem_timeot": True}}}, "unknown key 'mem_timeot': the keys are capability, mem_timeout,"),
    ({"root_ports": {"*": {"mem_timeout_ranges": "E"}}}, "mem_timeout_ranges must be some of the letters ABCD"),
    ({"root_ports": {"*": {"interrupt": 32}}}, "interrupt must be a message number from 0 to 31, or null"),
    ({"root_ports": {"*": {"err_cor": 1}}}, "err_cor must be true or false"),
    ({"root_ports": {"0000:0d:00.0": {}}}, "no CXL root port '0000:0d:00.0': it has 0000:0c:00.0"),
    ({"root_ports": {"*": {"control_reserved": "0x10"}}}, "control_reserved must be a text like \"0x00000020\", reserved bits"),
    ({"root_ports": {"*": {"unmask_sbr": None}}}, "unmask_sbr must be true or false"),
    ({"devices": {"0000:0d:00.0": {"typ": 2}}}, "devices: unknown key 'typ': the keys are type, driver"),
    ({"devices": {"0000:0d:00.0": {"type": 3, "driver": "x"}}}, "type must be 1 (CXL.cache) or 2 (CXL.cache and CXL.mem)"),
    ({"devices": {"0000:0d:00.0": {"type": 2, "driver": "cxl_pci"}}}, "driver must be the name of the accelerator's driver"),
    ({"devices": {"0000:0c:00.0": {"type": 2, "driver": "x"}}}, "the capture has no memory device at '0000:0c:00.0'"),
    ({"devices": {"0000:0d:00.0": {"type": 1, "driver": "x"}}}, "a type-1 device has no memory, but mem0 has a region"),
    ({"soft_reserved": ["0x1000"]}, 'a range is a text like "0x490000000-0x49fffffff"'),
    ({"soft_reserved": ["0x1000-0x1fff"]}, "no region of the capture holds 0x1000-0x1fff"),
    ({"files": {"etc/passwd": "x"}}, "must be the path of a file below sys/ or proc/"),
    ({"files": {"sys/nonexistent": None}}, "the capture has no 'sys/nonexistent' to remove"),
    ({"files": {"sys/x": 1}}, "must be a text, or null to remove it"),
))
def test_wrong_overlay_is_refused_with_a_sentence(members, text, tmp_path):
    done = run("true", "--host", overlay(tmp_path, **members))
    assert done.returncode == 2 and text in done.stderr and done.stderr.count("\n") == 1


# --- hosts and doctor ----------------------------------------------------------------------

def test_hosts_lists_the_built_in_hosts_in_order():
    listing = json.loads(sim("hosts").stdout)
    assert (listing["schema"], listing["exit_status"], listing["messages"]) == ("cxl-sim-hosts/1", 0, [])
    assert [h["name"] for h in listing["hosts"]] == BUILT_IN
    assert all(sorted(h) == ["base", "description", "kernel", "name"] and h["kernel"] == "v1-fixed"
               for h in listing["hosts"])


def test_hosts_prints_a_table_for_people():
    lines = sim("hosts", "-u").stdout.splitlines()
    assert lines[0].split() == ["name", "description", "kernel", "base"] and len(lines) > len(BUILT_IN)


def test_environment_adds_and_overrides_hosts(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"base": "x", "description": "my own"}))
    (tmp_path / "direct1.json").write_text(json.dumps({"base": "y", "kernel": "v1"}))
    done = sim("hosts", env=dict(os.environ, CXL_SIM_HOSTS=str(tmp_path)))
    hosts = {h["name"]: h for h in json.loads(done.stdout)["hosts"]}
    assert hosts["mine"]["description"] == "my own" and hosts["direct1"]["kernel"] == "v1" and "direct2x2" in hosts


def test_broken_host_file_is_reported_and_the_others_are_listed(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    done = sim("hosts", env=dict(os.environ, CXL_SIM_HOSTS=str(tmp_path)))
    listing = json.loads(done.stdout)
    assert done.returncode == listing["exit_status"] == 2
    assert [m["target"] for m in listing["messages"]] == ["bad"] and len(listing["hosts"]) == len(BUILT_IN)


def test_every_built_in_host_runs_the_distribution_s_cxl_list():
    for host in json.loads(sim("hosts").stdout)["hosts"]:
        done = run(["cxl", "list", "-vv"], "--host", host["name"])
        assert done.returncode == 0 and json.loads(done.stdout), host


def test_doctor_says_that_it_works_where_it_works():
    done = sim("doctor")
    report = json.loads(done.stdout)
    assert report["schema"] == "cxl-sim-doctor/1" and report["exit_status"] == done.returncode == 0
    assert all(r["ok"] and r["remedy"] is None for r in report["rows"] if r["required"])
    assert {"fuse-device", "namespaces", "fuse-open", "fuse-mount", "own-proc", "dev", "cxl", "daxctl"} <= {
        r["id"] for r in report["rows"]}
    assert sim("doctor", "-u").stdout.splitlines()[-1] == "cxl-sim run works here"


# --- the code itself -----------------------------------------------------------------------

def test_every_file_of_the_simulator_says_what_it_is_for():
    for path in sorted((REPO / "sim").glob("*.[ch]")):
        lines = path.read_text().splitlines()
        assert "SPDX-License-Identifier: GPL-2.0-only" in lines[0], path
        assert lines[1].startswith("/*"), path
        assert len(lines) <= 520, path
