# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim hosts and doctor, overlay files, and the shape of the code."""
import json
import os
import shutil

import pytest

from simrun import CAPTURES, PCI, PORT, REPO, run, sim

BUILT_IN = ["accel-locked", "accel1", "accel2", "amd1", "auto1", "cache1", "direct1", "direct2x2", "empty1", "interleave2", "masked1", "mixed1", "pmem1",
            "split1", "stranded1", "switch4", "sysram1", "unmasked1", "vms1", "vms2x2"]

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


REGISTER = f"""/usr/bin/python3 -Ic 'import os; fd = os.open("{PCI}/{PORT}/resource0", 0)
for at in (0x1200, 0x1208): print(hex(int.from_bytes(os.pread(fd, 4, at), "little")))'"""


def test_preset_is_what_the_control_register_holds_after_the_kernel_found_the_port(tmp_path):
    port = {"*": {"cache_timeout": True, "cache_timeout_ranges": "B", "cache_isolation": True, "preset": {
        "mem_isolation": True, "mem_timeout": True, "mem_timeout_range": "B2", "cache_isolation": True, "cache_timeout_range": "B"}},
            PORT: {"preset": {"mem_isolation": False, "interrupt": False, "mem_link_down": True}}}
    for kernel, attributes in (("v1-fixed", ["0", "1", "B2"]), ("v1", ["0", "1", "b2"]), ("mainline", [])):
        done = run(f"[ ! -d {PCI}/{PORT}/cxl_isolation ] || cat {PCI}/{PORT}/cxl_isolation/*; {REGISTER}", "--host",
                   overlay(tmp_path, kernel=kernel, root_ports=port))
        assert done.stdout.split()[:-2] == attributes
        assert int(done.stdout.split()[-1], 16) == 0x16 | 0x5 << 8 | 1 << 17 | 1 << 18


def test_preset_of_what_the_port_does_not_offer_has_no_effect(tmp_path):
    host = overlay(tmp_path, kernel="mainline", root_ports={"*": {"mem_timeout_ranges": "A", "preset": {
        "cache_isolation": True, "mem_timeout_range": "D", "mem_isolation": True}}})
    assert int(run(REGISTER, "--host", host).stdout.split()[-1], 16) == 1 << 16


def test_port_is_as_preset_again_after_a_restart_and_as_the_kernel_finds_it_after_its_removal(tmp_path):
    host = overlay(tmp_path, root_ports={"*": {"preset": {"mem_isolation": True}}})
    iso = f"cat {PCI}/{PORT}/cxl_isolation/isolation_ctrl"
    assert run(f"echo 0 > {PCI}/{PORT}/cxl_isolation/isolation_ctrl; {iso}; $SIM ctl reboot > /dev/null; {iso}; "
               f"echo 1 > {PCI}/{PORT}/remove; echo 1 > /sys/bus/pci/rescan; {iso}", "--host", host).stdout.split() == ["0", "1", "0"]


def test_port_whose_interrupt_is_off_is_not_noticed_by_the_kernel(tmp_path):
    preset = {"mem_isolation": True, "mem_timeout": True, "interrupt": False}
    for interrupt, ends in ((False, "the port isolated it"), (True, "panics on isolation")):
        host = overlay(tmp_path, kernel="v1", root_ports={"*": {"preset": {**preset, "interrupt": interrupt}}})
        assert ends in run(f"$SIM ctl timeout {PORT}", "--host", host).stdout


def test_attribute_that_cannot_be_read_fails_with_its_errno_also_after_a_restart_and_a_return(tmp_path):
    host = overlay(tmp_path, unreadable={"sys/bus/cxl/devices/mem0/serial": "EIO", "proc/iomem": "EPERM",
                                         f"sys/bus/pci/devices/{PORT}/cxl_isolation/timeout_ctrl": "ENXIO",
                                         f"sys/bus/pci/devices/{PORT}/resource0": "EACCES"})
    script = f"""
import errno, os, subprocess
def tell():
    for path in ("/sys/bus/cxl/devices/mem0/serial", "/proc/iomem", "{PCI}/{PORT}/cxl_isolation/timeout_ctrl", "{PCI}/{PORT}/resource0"):
        fd = os.open(path, os.O_RDONLY)
        try: print(len(os.pread(fd, 4, 0x1000 if "resource" in path else 0)))
        except OSError as e: print(errno.errorcode[e.errno])
tell()
open("{PCI}/0000:0d:00.0/remove", "w").write("1"); open("/sys/bus/pci/rescan", "w").write("1")
tell()
subprocess.run([os.environ["SIM"], "ctl", "reboot"], stdout=subprocess.DEVNULL)
tell()
open("{PCI}/{PORT}/cxl_isolation/timeout_ctrl", "w").write("1")
"""
    done = run(["/usr/bin/python3", "-I", "-c", script], "--host", host)
    assert (done.stdout.split(), done.stderr) == (["EIO", "EPERM", "ENXIO", "EACCES"] * 3, "")


def test_overlay_base_is_relative_to_the_overlay(tmp_path):
    shutil.copy(CAPTURES / "none-6.12-noregion.tar.xz", tmp_path / "base.tar.xz")
    host = overlay(tmp_path, base="base.tar.xz")
    assert run("true", "--host", host, cwd="/").returncode == 0


@pytest.mark.parametrize("members,text", (
    ({"kernal": "v1"}, "unknown key 'kernal': the keys are description, base, kernel, root_ports, devices, accelerators, dax,"),
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
    ({"devices": {"0000:0d:00.0": {"type": 3, "driver": "x"}}}, "type must be 1 (CXL.cache), 2 (CXL.cache and CXL.mem) or 0 (no CXL)"),
    ({"devices": {"0000:0d:00.0": {"type": 2, "driver": "cxl_pci"}}}, "driver must be the name of the device's driver, not cxl_pci"),
    ({"accelerators": {"0000:0d:00.0": {}}}, "'0000:0d:00.0' is not a device of driver sfc in"),
    ({"devices": {"0000:0d:00.0": {"type": 2, "driver": "sfc"}}, "accelerators": {"0000:0d:00.0": {"vfs": ["x"]}}}, 'each of vfs is "sfc", "vfio-pci" or null'),
    ({"devices": {"0000:0d:00.0": {"type": 2, "driver": "sfc"}}, "accelerators": {"0000:0d:00.0": {"region": 4096}}}, "no region of 4096 bytes can be made"),
    ({"devices": {"0000:0c:00.0": {"type": 2, "driver": "x"}}}, "the capture has no memory device at '0000:0c:00.0'"),
    ({"devices": {"0000:0d:00.0": {"type": 1, "driver": "x"}}}, "a device that has no memory, but mem0 has a region"),
    ({"devices": {"0000:0d:00.0": None}}, "a device that has no memory, but mem0 has a region"),
    ({"devices": {"0000:0c:00.0": None}}, "the capture has no memory device at '0000:0c:00.0'"),
    ({"root_ports": {"*": {"preset": 1}}}, "root_ports: preset must be an object"),
    ({"root_ports": {"*": {"preset": {"mem": True}}}}, "preset: unknown key 'mem': the keys are mem_isolation, mem_timeout,"),
    ({"root_ports": {"*": {"preset": {"err_cor": 1}}}}, "root_ports: preset: err_cor must be true or false"),
    ({"root_ports": {"*": {"preset": {"mem_timeout_range": "b"}}}}, "mem_timeout_range must be one of default, A, A2, B, B2,"),
    ({"unreadable": {"sys/x": "EIO"}}, "unreadable: this host has no file 'sys/x'"),
    ({"unreadable": {"sys/bus/cxl": "EIO"}}, "unreadable: this host has no file 'sys/bus/cxl'"),
    ({"unreadable": {"sys/bus/cxl/devices/mem0/serial": "EXX"}}, "must fail with the name of an errno, like \"EIO\""),
    ({"soft_reserved": ["0x1000"]}, 'a range is a text like "0x490000000-0x49fffffff"'),
    ({"soft_reserved": ["0x1000-0x1fff"]}, "no region of the capture and no free part of a window holds 0x1000-0x1fff"),
    ({"files": {"etc/passwd": "x"}}, "must be the path of a file below sys/ or proc/"),
    ({"files": {"sys/nonexistent": None}}, "the capture has no 'sys/nonexistent' to remove"),
    ({"files": {"sys/x": 1}}, "must be a text, or null to remove it"),
    ({"files": {"sys/devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0": None}}, 'has the memory device 0000:0d:00.0 in it, which is more than that directory: "devices": {"0000:0d:00.0": null}'),
    ({"files": {"sys/devices/pci0000:0c/0000:0c:00.0": None}}, "has the memory device 0000:0d:00.0 in it"),
))
def test_wrong_overlay_is_refused_with_a_sentence(members, text, tmp_path):
    done = run("true", "--host", overlay(tmp_path, **members))
    assert done.returncode == 2 and text in done.stderr and done.stderr.count("\n") == 1


# --- hosts and doctor ----------------------------------------------------------------------

def test_hosts_lists_the_built_in_hosts_in_order():
    listing = json.loads(sim("hosts", "--format=json").stdout)
    assert (listing["schema"], listing["exit_status"], listing["messages"]) == ("cxl-sim-hosts/1", 0, [])
    assert [h["name"] for h in listing["hosts"]] == BUILT_IN
    assert all(sorted(h) == ["base", "description", "kernel", "name"] and h["kernel"] == "v1-fixed"
               for h in listing["hosts"])


def test_hosts_prints_a_table_for_people():
    lines = sim("hosts").stdout.splitlines()
    assert lines[0].split() == ["NAME", "DESCRIPTION", "KERNEL", "BASE"] and len(lines) > len(BUILT_IN)
    assert sim("hosts", "-u").stdout.splitlines() == lines
    text = sim("hosts", "--format=human").stdout
    assert all(f"{name}: " in text for name in BUILT_IN) and "{" not in text


def test_environment_adds_and_overrides_hosts(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"base": "x", "description": "my own"}))
    (tmp_path / "direct1.json").write_text(json.dumps({"base": "y", "kernel": "v1"}))
    done = sim("hosts", "--format=json", env=dict(os.environ, CXL_SIM_HOSTS=str(tmp_path)))
    hosts = {h["name"]: h for h in json.loads(done.stdout)["hosts"]}
    assert hosts["mine"]["description"] == "my own" and hosts["direct1"]["kernel"] == "v1" and "direct2x2" in hosts


def test_broken_host_file_is_reported_and_the_others_are_listed(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    done = sim("hosts", "--format=json", env=dict(os.environ, CXL_SIM_HOSTS=str(tmp_path)))
    listing = json.loads(done.stdout)
    assert done.returncode == listing["exit_status"] == 2
    assert [m["target"] for m in listing["messages"]] == ["bad"] and len(listing["hosts"]) == len(BUILT_IN)


def test_every_built_in_host_runs_the_distribution_s_cxl_list():
    for host in json.loads(sim("hosts", "--format=json").stdout)["hosts"]:
        done = run(["cxl", "list", "-vv"], "--host", host["name"])
        assert done.returncode == 0 and json.loads(done.stdout), host


def test_doctor_says_that_it_works_where_it_works():
    done = sim("doctor", "--format=json")
    report = json.loads(done.stdout)
    assert report["schema"] == "cxl-sim-doctor/1" and report["exit_status"] == done.returncode == 0
    assert all(r["ok"] and r["remedy"] is None for r in report["rows"] if r["required"])
    assert {"fuse-device", "namespaces", "fuse-open", "fuse-mount", "own-proc", "dev", "cxl", "daxctl"} <= {
        r["id"] for r in report["rows"]}
    assert sim("doctor", "-u").stdout.splitlines()[0] == "cxl-sim run works here"


def test_every_built_in_host_is_installed_with_its_capture_and_in_the_page():
    build, page = (REPO / "sim/meson.build").read_text(), (REPO / "Documentation/cxl-sim.adoc").read_text()
    page = page[page.index("== HOSTS"):page.index("== HOST FILES")]
    terms = {name.strip() for line in page.splitlines() if "::" in line for name in line.split("::")[0].split(",")}
    assert terms == set(BUILT_IN), terms ^ set(BUILT_IN)
    for path in sorted((REPO / "test/hosts").glob("*.json")):
        base = json.loads(path.read_text())["base"]
        for file in (f"hosts/{path.name}", f"hosts/{base}"):
            assert f"'../test/{file}'" in build, f"{file} is not in install_data of sim/meson.build"


# --- the code itself -----------------------------------------------------------------------

def test_every_file_of_the_simulator_says_what_it_is_for():
    for path in sorted((REPO / "sim").rglob("*.[ch]")):
        lines = path.read_text().splitlines()
        assert "SPDX-License-Identifier: GPL-2.0-only" in lines[0], path
        assert lines[1].startswith("/*"), path
