# SPDX-License-Identifier: GPL-2.0-only
"""What the simulated machine is and what it keeps: processor, vendor, firmware, state directory; never the real one's."""
import json
import os
import subprocess
import tarfile

import pytest

from simrun import BUILD, CAPTURES, HOSTS, PORT, SIM, run

DMI = "/sys/class/dmi/id"
EMULATED = ["GenuineIntel", "6", "6", "QEMU Virtual CPU version 2.5+", "hypervisor", "QEMU",
            "Standard PC (Q35 + ICH9, 2009)", "1.16.3"]
AMD = {"cpu_vendor": "AuthenticAMD", "cpu_family": 25, "cpu_model": 17, "cpu_name": "AMD EPYC 9654 96-Core Processor",
       "system_vendor": "Example Computer Inc.", "product": "Rack Server 9654", "bios_version": "1.5.8"}
TELL = f"""sed -n 's/^\\(vendor_id\\|cpu family\\|model\\|model name\\|flags\\)[\\t ]*: *//p' /proc/cpuinfo
cat {DMI}/sys_vendor {DMI}/product_name {DMI}/bios_version"""
PROOF = {"schema": "cxl-proof/1", "root_port": PORT, "kernel": "6.12", "date": "2026-01-01T00:00:00Z", "bios_version": "1",
         "platform": {"cpu_vendor": "GenuineIntel", "cpu_family": 6, "cpu_model": 6, "system_vendor": "QEMU", "product": "p"}}
DEVDAX = CAPTURES / "direct1-6.12-devdax.tar.xz"


def tell(*options):
    done = run(TELL, *options)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.splitlines()


@pytest.fixture
def host(tmp_path):
    def write(**members):
        path = tmp_path / "host.json"
        path.write_text(json.dumps({"base": str(DEVDAX), **members}))
        return path
    return write


# --- what it is ----------------------------------------------------------------------------

@pytest.mark.parametrize("options", (("--host", "direct1"), ("--host", DEVDAX), ("--host", DEVDAX, "--kernel", "mainline")))
def test_capture_that_says_nothing_is_of_an_emulated_machine_also_in_a_replay(options):
    assert tell(*options) == EMULATED


def test_host_file_chooses_the_platform_and_what_it_leaves_out_is_as_before(host):
    whole = [str(AMD[k]) for k in ("cpu_vendor", "cpu_family", "cpu_model", "cpu_name")] + [""] + [
        AMD[k] for k in ("system_vendor", "product", "bios_version")]
    assert tell("--host", host(platform=AMD)) == tell("--host", "amd1") == whole
    assert tell("--host", host(platform={"bios_version": "2.0"})) == EMULATED[:-1] + ["2.0"]


def test_captured_platform_is_kept_and_the_host_file_changes_parts_of_it(host, tmp_path):
    files = {"proc/cpuinfo": "processor\t: 0\nvendor_id\t: X\ncpu family\t: 1\nmodel\t\t: 2\nmodel name\t: Y\nflags\t\t: a\n\n",
             "sys/class/dmi/id/sys_vendor": "V\n"}
    captured = ["X", "1", "2", "Y", "a", "V", *EMULATED[-2:]]
    assert tell("--host", host(files=files)) == captured
    archive = tmp_path / "made.tar.xz"
    assert run([SIM, "capture", "-o", archive], "--host", host(files=files)).returncode == 0
    captured[4] = ""
    assert tell("--host", archive) == captured
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"base": str(archive), "platform": {"cpu_model": 3, "product": "P"}}))
    captured[2], captured[6] = "3", "P"
    assert tell("--host", path) == captured


def test_what_a_host_does_not_tell_is_not_the_real_machine_s(host):
    gone = host(files={"proc/cpuinfo": None, "proc/version": None, "sys/class/dmi": None})
    done = run(f"cat /proc/cpuinfo /proc/version {DMI}/sys_vendor; ls /sys/class", "--host", gone)
    assert done.stdout.split() == ["nd"] and done.stderr.count("No such file") == 3
    done = run("cat /proc/version", "--host", CAPTURES / "direct1-7.2-noregion.tar.xz")
    assert done.stdout.split()[2] == "7.2.13+deb14-amd64"


def test_version_of_a_capture_without_one_is_not_the_real_machine_s(tmp_path):
    (tmp_path / "tree/sys/bus").mkdir(parents=True)
    assert run("cat /proc/version; grep -c processor /proc/cpuinfo", "--host", tmp_path / "tree").stdout.split()[2::9] == ["6.12.0"]


@pytest.mark.parametrize("platform,text", (
    ({"cpu": "x"}, "platform: unknown key 'cpu': the keys are cpu_vendor, cpu_family, cpu_model, cpu_name, system_vendor,"),
    ({"cpu_family": "25"}, "platform: cpu_family must be a number"),
    ({"cpu_model": -1}, "platform: cpu_model must be a number"),
    ({"product": 7}, "platform: product must be a text of one line"),
    ({"product": "a\nb"}, "platform: product must be a text of one line"),
))
def test_platform_that_cannot_be_is_refused(host, platform, text):
    done = run("true", "--host", host(platform=platform))
    assert done.returncode == 2 and text in done.stderr


# --- what is recorded of it ------------------------------------------------------------------

def test_capture_takes_the_platform_of_one_processor_and_no_serial_numbers_or_uuids(host, tmp_path):
    cpu = "processor\t: {}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Xeon\nstepping\t: 8\nmicrocode\t: 0x1\n" \
        "flags\t\t: fpu vme hypervisor lahf_lm hypervisor_x\nbugs\t\t: SECRET\n\n"
    files = {"proc/cpuinfo": cpu.format(0) + cpu.format(1)}
    for name in ("product_serial", "product_uuid", "board_serial", "chassis_serial", "product_sku", "modalias"):
        files[f"sys/class/dmi/id/{name}"] = "SECRET\n"
        files[f"sys/devices/virtual/dmi/id/{name}"] = "SECRET\n"
    archive = tmp_path / "made.tar.xz"
    done = run([SIM, "capture", "-o", archive], "--host", host(files=files))
    assert (done.returncode, done.stderr) == (0, "")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "unpacked")
    unpacked = tmp_path / "unpacked"
    assert (unpacked / "proc/cpuinfo").read_text() == (
        "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: Xeon\nflags\t\t: hypervisor\n\n")
    assert sorted(os.listdir(unpacked / "sys/class/dmi/id")) == ["bios_version", "product_name", "sys_vendor"]
    assert subprocess.run(["grep", "-rl", "SECRET", unpacked], capture_output=True, check=False).stdout == b""


def test_hypervisor_is_a_flag_of_its_own(host, tmp_path):
    archive = tmp_path / "made.tar.xz"
    text = "processor\t: 0\nflags\t\t: fpu hypervisor_guest\n\n"
    assert run([SIM, "capture", "-o", archive], "--host", host(files={"proc/cpuinfo": text})).returncode == 0
    assert run("cat /proc/cpuinfo", "--host", archive).stdout == "processor\t: 0\nflags\t\t:\n\n"


# --- what it keeps ----------------------------------------------------------------------------

def test_state_directory_is_the_run_s_own_and_empty_whatever_the_real_machine_has(tmp_path):
    shown = "echo $CXL_STATE_DIR; ls -A $CXL_STATE_DIR; touch $CXL_STATE_DIR/mine"
    for _ in range(2):
        done = run(shown, env={k: v for k, v in dict(os.environ, SIM=SIM).items() if k != "CXL_STATE_DIR"})
        assert (done.returncode, done.stdout, done.stderr) == (0, "/dev/.cxl-isolation\n", "")
    assert not os.path.exists("/var/lib/cxl-isolation/mine")
    done = run(shown, env=dict(os.environ, SIM=SIM, CXL_STATE_DIR=str(tmp_path)))
    assert done.stdout == f"{tmp_path}\n" and os.listdir(tmp_path) == ["mine"]


def test_program_without_the_variable_uses_the_run_s_state_directory_as_well():
    done = run("touch /var/lib/cxl-isolation/mine && env -u CXL_STATE_DIR ls /var/lib/cxl-isolation")
    assert done.stdout == "mine\n" and not os.path.exists("/var/lib/cxl-isolation/mine")


def test_state_survives_a_restart_of_the_host():
    assert run("echo 1 > $CXL_STATE_DIR/kept; $SIM ctl reboot > /dev/null; cat $CXL_STATE_DIR/kept").stdout == "1\n"


def test_state_starts_with_what_the_host_has(host, tmp_path):
    name = f"proven-{PORT}.json"
    proof = json.dumps(PROOF)
    done = run(f"ls $CXL_STATE_DIR; cat $CXL_STATE_DIR/{name}", "--host", host(files={f"var/lib/cxl-isolation/{name}": proof}))
    assert done.stdout == f"{name}\n{proof}"
    tree = tmp_path / "tree"
    (tree / "sys/bus").mkdir(parents=True)
    (tree / "var/lib/cxl-isolation").mkdir(parents=True)
    (tree / "var/lib/cxl-isolation" / name).write_text(proof)
    (tree / "var/lib/other").write_text("x")
    assert run(f"cat /var/lib/cxl-isolation/{name}", "--host", tree).stdout == proof


def test_capture_takes_proofs_and_journals_and_nothing_else_of_the_state(tmp_path):
    archive, state = tmp_path / "made.tar.xz", tmp_path / "state"
    state.mkdir()
    (state / f"proven-{PORT}.json").write_text(json.dumps({**PROOF, "who": "SECRET", "platform": {**PROOF["platform"], "uuid": "SECRET"}}))
    (state / "proven-x.json").write_text("SECRET")
    (state / f"{PORT}.json").write_text(json.dumps({"journal": "as it is"}))
    (state / "proven-y.json").symlink_to("/etc/passwd")
    done = run([SIM, "capture", "-o", archive], env=dict(os.environ, SIM=SIM, CXL_STATE_DIR=str(state)))
    assert done.returncode == 0 and done.stderr.startswith("cxl-sim: 1 files could not be read"), done
    with tarfile.open(archive) as tar:
        names = [m.name for m in tar if m.name.startswith("var/") and m.isfile()]
        assert names == [f"var/lib/cxl-isolation/{PORT}.json", f"var/lib/cxl-isolation/proven-{PORT}.json"]
        assert json.load(tar.extractfile(names[0])) == {"journal": "as it is"}
        assert json.load(tar.extractfile(names[1])) == PROOF
    assert json.loads(run(f"cat $CXL_STATE_DIR/proven-{PORT}.json", "--host", archive).stdout) == PROOF


# --- the hosts --------------------------------------------------------------------------------

def test_split1_has_two_dax_devices_of_one_region():
    assert run("cat /sys/bus/dax/devices/*/size; ls /dev | grep -c dax", "--host", "split1").stdout.split() == ["134217728"] * 2 + ["2"]


@pytest.mark.parametrize("host,gib", (("vms1", ["1", "2", "1"]), ("vms2x2", ["1", "3", "2", "2"])))
def test_hosts_of_virtual_machines_have_whole_gigabytes_as_cut_by_a_kernel(host, gib):
    done = run("for d in /sys/bus/dax/devices/*; do echo $(($(cat $d/size) >> 30)); done; cat /sys/bus/cxl/devices/dax_region*/dax_region/available_size\n"
               "cat /sys/bus/cxl/devices/dax_region0/dax_region/create; ls -l /sys/bus/dax/drivers/device_dax | grep -c dax_region", "--host", host)
    regions = 2 if host == "vms2x2" else 1
    youngest = "dax0.1" if host == "vms2x2" else "dax0.2"
    assert (done.stderr, done.stdout.split()) == ("", [*gib, *["0"] * regions, youngest, str(len(gib))])


@pytest.mark.parametrize("host", ("vms1", "vms2x2"))
def test_policy_of_the_hosts_of_virtual_machines_is_what_a_kernel_made_and_not_what_a_restart_leaves(host):
    cxl = BUILD / "cxl" / "cxl"
    done = run(f"""{cxl} enable-isolation --policy > /dev/null 2>&1; echo $?; {cxl} isolation-status --policy > /dev/null; echo $?
$SIM ctl reboot > /dev/null; {cxl} isolation-status --policy > /dev/null 2> /dev/shm/said.$$; echo $?
grep -c vm1 /dev/shm/said.$$; rm /dev/shm/said.$$""", "--host", host)
    assert (done.stderr, done.stdout.split()[:3]) == ("", ["0", "0", "1"]), done
    assert int(done.stdout.split()[3]) > 0


@pytest.mark.parametrize("host,devices", (("vms1", ["dax0.0"]), ("vms2x2", ["dax0.0", "dax1.0"])))
def test_regions_of_virtual_machines_are_one_device_each_after_a_restart(host, devices):
    done = run("$SIM ctl reboot > /dev/null; ls /sys/bus/dax/devices; cat /sys/bus/dax/devices/*/size", "--host", host)
    assert (done.stderr, done.stdout.split()) == ("", [*devices, *["4294967296"] * len(devices)])


@pytest.mark.parametrize("host,below,width", (("empty1", 0, "0"), ("mixed1", 1, "16")))
def test_port_without_a_cxl_device_is_there_with_its_registers_and_no_dport_of_its_bridge(host, below, width):
    port = "/sys/bus/pci/devices/0000:0c:01.0"
    done = run(f"ls -d {port}/0000:0e:00.0 2> /dev/null | wc -l; cat {port}/current_link_width; ls {port} | grep -c '^cxl_isolation\\|^resource0'\n"
               f"ls -l /sys/bus/cxl/devices/port*/ | grep -c '0000:0c:01.0$' || :; ls -l /sys/bus/cxl/devices/port*/ | grep -c '0000:0c:00.0$'\n"
               "ls /sys/bus/cxl/devices | grep -c '^mem'; ls /dev/cxl | wc -l; grep -c 'mem3\\|endpoint6' /proc/iomem || :; cut -c1-17 /proc/version",
               "--host", host)
    assert (done.stderr, done.stdout.split()) == ("", [str(below), width, "2", "0", "1", "3", "3", "0", "Linux", "version", "7.2"])


def test_ordinary_device_has_nothing_of_cxl():
    done = run("cd /sys/bus/pci/devices/0000:0e:00.0; cat class; grep -e DRIVER -e CLASS uevent; basename $(readlink driver); "
               "od -An -tx1 -j256 -N4 config; ls -d mem* 2> /dev/null", "--host", "mixed1")
    assert done.stdout.split() == ["0x010802", "DRIVER=nvme", "PCI_CLASS=10802", "nvme", "00", "00", "00", "00"]


@pytest.mark.parametrize("host", ("amd1", "split1", "empty1", "mixed1", "vms1", "vms2x2"))
def test_programs_of_the_distribution_list_them(host):
    done = run("cxl list -vv && daxctl list > /dev/null", "--host", host)
    assert done.returncode == 0 and json.loads(done.stdout)[0]["bus"] == "root0", done


def test_link_of_a_port_without_a_cxl_device_can_fail_and_nothing_is_lost():
    done = run("$SIM ctl link-down 0000:0c:01.0", "--host", "mixed1")
    assert (done.returncode, done.stdout) == (0, "0000:0c:01.0: the link is down; nothing used it\n")
    done = run("$SIM ctl link-down 0000:0c:01.0", "--host", "empty1")
    assert (done.returncode, done.stderr) == (4, "cxl-sim: 0000:0c:01.0: its link is down already, nothing is below it\n")
    done = run("$SIM ctl link-up 0000:0c:01.0", "--host", "empty1")
    assert done.returncode == 4 and "nothing is below it that the link could be trained with" in done.stderr


def test_descriptions_of_the_hosts_name_what_is_special():
    for name, word in (("amd1", "AMD"), ("split1", "two dax devices"), ("empty1", "empty root port"), ("mixed1", "none of CXL"),
                       ("vms1", "three dax devices"), ("vms2x2", "two host bridges")):
        assert word in json.loads((HOSTS / f"{name}.json").read_text())["description"]
