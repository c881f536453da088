# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim capture, made inside a run: the simulated host is a machine like any other."""
import json
import os
import subprocess
import tarfile

import pytest

from simrun import BUILD, CAPTURES, ISO, PCI, PORT, SIM, run, sim

CXL = str(BUILD / "cxl" / "cxl")
HOSTS = ("direct1", "direct2x2", "interleave2", "pmem1", "switch4", "sysram1")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def listing(text):
    """The listing; that a capture has no kernel to ask is a message more."""
    found = json.loads(text)
    del found["messages"]
    return found


def capture(tmp_path, *options, before="true", inside="", name="made.tar.xz"):
    """Record a simulated host, and list it: (archive, what `cxl list --isolation` said there)."""
    archive = tmp_path / name
    done = run(f"{before} && {CXL} list --isolation && {SIM} capture -o {archive} {inside}", *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return archive, done.stdout


@pytest.mark.parametrize("host", HOSTS)
def test_listing_is_the_same_on_the_machine_with_sysroot_and_in_a_run_of_the_capture(host, tmp_path):
    archive, live = capture(tmp_path, "--host", host, before=f"""
        for p in {PCI}/*/cxl_isolation; do echo 0xd > $p/timeout_range; echo 1 > $p/isolation_ctrl; done;
        [ {host} = sysram1 ] || $SIM ctl link-down {PORT} > /dev/null""")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "unpacked")
    sysroot = subprocess.run([CXL, "list", "--isolation", "--sysroot", tmp_path / "unpacked"], capture_output=True,
                             text=True, check=True).stdout
    again = run([CXL, "list", "--isolation"], "--host", archive)
    assert ('"state":"isolated"' in live or host == "sysram1") and '"range":"D"' in live
    assert listing(sysroot) == listing(again.stdout) == listing(live)


def contents(path):
    """{name: (type, mode, content or target)} of what a capture holds of /sys."""
    with tarfile.open(path) as tar:
        return {m.name: (m.type, m.mode, m.linkname if m.issym() else tar.extractfile(m).read() if m.isfile() else None)
                for m in tar if m.name.startswith("sys/")}


# What the lab's script records and this does not, and the other way round.
LAB_ONLY = ("sys/bus/event_source", "sys/devices/platform/ACPI0012", "sys/devices/platform/e820",
            "sys/firmware/acpi/tables/APIC", "sys/firmware/acpi/tables/MCFG")


def test_capture_of_a_replay_is_that_capture_again(tmp_path):
    source = CAPTURES / "direct1-6.12-devdax.tar.xz"
    archive, _ = capture(tmp_path, "--host", source)
    was, now = contents(source), contents(archive)
    assert {n: v for n, v in now.items() if was.get(n) != v and not n.startswith("sys/class/dmi")} == {}
    missing = [n for n in was.keys() - now.keys() if not n.startswith(LAB_ONLY) and "/pci0000:00" not in n]
    assert missing == []


def test_registers_answer_exact_double_words_in_a_replay(tmp_path):
    archive, _ = capture(tmp_path)
    script = f"""
import errno, os
fd = os.open("{PCI}/{PORT}/resource0", os.O_RDONLY)
print(os.fstat(fd).st_size, os.pread(fd, 4, 0x1000).hex(), os.pread(fd, 4, 65536))
for size, at in ((2, 0x1000), (8, 0x1000), (4, 0x1002)):
    try: print(os.pread(fd, size, at))
    except OSError as e: print(errno.errorcode[e.errno])
"""
    assert run(["/usr/bin/python3", "-I", "-c", script], "--host", archive).stdout.split() == [
        "65536", "01001104", "b''", "EINVAL", "EINVAL", "EINVAL"]


def test_a_model_takes_the_place_of_recorded_registers(tmp_path):
    archive, _ = capture(tmp_path, before=f"echo 1 > {ISO}/isolation_ctrl")
    assert run(f"cat {ISO}/isolation_ctrl", "--host", archive, "--kernel", "v1-fixed").stdout == "0\n"
    assert run(f"cat {ISO}/isolation_ctrl", "--host", archive).stdout == "1\n"


def secretive(tmp_path):
    """A machine with things that are nobody's business."""
    overlay = tmp_path / "host.json"
    function = "sys/devices/pci0000:00/0000:00:01.0"
    overlay.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "files": {
        "proc/cmdline": "root=UUID=1234 memmap=1G!4G efi=nosoftreserve password=x cxl_core.dyndbg numa_balancing=0 "
                        "memhp_default_state=offline memory_hotplug.memmap_on_memory=force\n",
        "proc/version": "Linux version 6.12 (me@home) (gcc 12) #1 SMP\n",
        f"{function}/unique_id": "SECRET\n", f"{function}/nvme/nvme0/serial": "SECRET\n",
        f"{function}/net/eth0/address": "02:00:00:00:00:01\n", f"{function}/vpd": "SECRET",
        "sys/class/net/eth0": "SECRET\n", "sys/module/cxl_core/sections/.text": "0xffffffffSECRET\n",
        "sys/bus/cxl/power/control": "SECRET\n"}}))
    return overlay


def test_nothing_is_recorded_that_is_nobody_s_business(tmp_path):
    archive, _ = capture(tmp_path, "--host", secretive(tmp_path))
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "unpacked")
    found = subprocess.run(["grep", "-rlE", "SECRET|02:00:00|password|UUID|me@home", tmp_path / "unpacked"],
                           capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert (tmp_path / "unpacked/proc/cmdline").read_text() == (
        "memmap=1G!4G efi=nosoftreserve cxl_core.dyndbg numa_balancing=0 memhp_default_state=offline "
        "memory_hotplug.memmap_on_memory=force\n")
    assert (tmp_path / "unpacked/proc/version").read_text() == "Linux version 6.12 () (gcc 12) #1 SMP\n"


def test_modes_links_and_write_only_attributes_are_kept(tmp_path):
    archive, _ = capture(tmp_path)
    now = contents(archive)
    assert now["sys/devices/platform/ACPI0017:00/root0/decoder0.0/delete_region"] == (tarfile.REGTYPE, 0o200, b"")
    assert now["sys/bus/cxl/devices/mem0"][0] == tarfile.SYMTYPE
    assert now[f"sys/devices/pci0000:0c/{PORT}/cxl_isolation/isolation_ctrl"] == (tarfile.REGTYPE, 0o644, b"0\n")


def test_file_that_cannot_be_read_is_empty_and_its_error_recorded(tmp_path):
    archive = tmp_path / "made.tar.xz"
    done = run(f"{SIM} capture -o {archive}", "--fault", "read@*/mem0/serial:1+=EIO")
    assert (done.returncode, done.stderr) == (
        0, "cxl-sim: 1 files could not be read: capture/errors.txt in the archive says why\n")
    with tarfile.open(archive) as tar:
        assert tar.extractfile("capture/errors.txt").read().decode().endswith(
            "/mem0/serial\tEIO: Input/output error\n")
        tar.extractall(tmp_path / "unpacked")
    for host in (archive, tmp_path / "unpacked"):
        done = run("cat /sys/bus/cxl/devices/mem0/serial", "--host", host)
        assert done.returncode == 1 and "Input/output error" in done.stderr


def test_v1_s_refusal_to_show_the_default_range_is_replayed(tmp_path):
    archive = tmp_path / "made.tar.xz"
    live = run(f"{CXL} list --isolation; {SIM} capture -o {archive}", "--kernel", "v1").stdout
    again = run([CXL, "list", "--isolation"], "--host", archive)
    assert listing(again.stdout) == listing(live) and '"range":"default"' in live


def test_older_capture_is_replaced_when_the_new_one_is_complete_and_kept_when_not(tmp_path):
    archive = tmp_path / "made.tar.xz"
    archive.write_text("older")
    assert run(f"ulimit -f 1; trap '' XFSZ; {SIM} capture -o {archive}").returncode == 4
    assert archive.read_text() == "older" and os.listdir(tmp_path) == ["made.tar.xz"]
    capture(tmp_path)
    assert archive.stat().st_mode & 0o777 == 0o600 and tarfile.is_tarfile(archive)


def test_machine_without_a_cxl_bus_is_recorded_for_what_soft_reserved_memory_it_has(tmp_path):
    entry = "sys/firmware/memmap/99"
    overlay, archive, unpacked = tmp_path / "host.json", tmp_path / "x.tar.xz", tmp_path / "unpacked"
    overlay.write_text(json.dumps({"base": str(CAPTURES / "none-6.12-noregion.tar.xz"), "files": {
        "sys/bus/cxl": None, f"{entry}/start": "0x280000000\n", f"{entry}/end": "0x47fffffff\n", f"{entry}/type": "Soft Reserved\n"}}))
    done = run(f"{CXL} check-soft-reserved; {SIM} capture -o {archive}", "--host", overlay)
    assert done.returncode == 0 and done.stderr.splitlines()[-1].startswith("cxl-sim: this machine has no CXL bus"), done.stderr
    live = json.loads(done.stdout)
    assert live["exit_status"] == 1 and live["ranges"][0]["class"] == "NOT_CXL_UNCLAIMED"
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked)
    sysroot = subprocess.run([CXL, "check-soft-reserved", "--sysroot", unpacked], capture_output=True, text=True, check=False)
    again = run([CXL, "check-soft-reserved"], "--host", archive)
    assert json.loads(again.stdout) == live and listing(sysroot.stdout) == listing(done.stdout)
    assert sysroot.returncode == again.returncode == 1


@needs_root
def test_not_root_is_3(tmp_path):
    done = run(f"setpriv --reuid=65534 --clear-groups {SIM} capture -o {tmp_path}/x")
    if done.returncode == 126 or "failed to execute" in done.stderr:
        pytest.skip("the build directory is closed to other users")
    assert done.returncode == 3 and "needs root" in done.stderr


def test_usage():
    assert sim("capture", "-o", "").returncode == 2
    done = sim("capture")
    assert done.returncode == 2 and "where is the capture to go?" in done.stderr
    assert sim("capture", "--help").stdout.startswith("usage: cxl-sim capture")


def test_what_was_decided_and_begun_gives_the_same_answer_from_a_capture(tmp_path):
    """A policy that forbids recovery, a recovery that did not end, and a proof: where they are, they are recorded."""
    policy = "mkdir -p /etc/cxl && printf '[0000:0c:01.0]\\nrecover = never\\n' > /etc/cxl/isolation.conf"
    begun = (f"{CXL} enable-isolation region2 >/dev/null 2>&1; cxl-sim ctl link-down 0000:0c:00.0 >/dev/null; "
             f"{CXL} recover-port 0000:0c:00.0 >/dev/null; cxl-sim ctl link-down 0000:de:00.0 >/dev/null; "
             f"cxl-sim ctl returns 0000:df:00.0 never >/dev/null; {CXL} recover-port --timeout=200ms 0000:de:00.0 >/dev/null 2>&1; true")
    archive, said = capture(tmp_path, "--host", "interleave2", before=f"{{ {policy}; {begun}; }}".replace("cxl-sim", SIM))
    live = {rp["root_port"]: rp for b in json.loads(said)["buses"] for h in b["host_bridges"] for rp in h["root_ports"]}
    assert "ISO-POLICY" in live["0000:0c:01.0"]["limits"]
    assert "ISO-JOURNAL" in live["0000:de:00.0"]["limits"]
    root = tmp_path / "unpacked"
    root.mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", root], check=True)
    r = subprocess.run([CXL, "list", "--isolation", "--sysroot", root], capture_output=True, text=True, check=True)
    seen = {rp["root_port"]: rp for b in json.loads(r.stdout)["buses"] for h in b["host_bridges"] for rp in h["root_ports"]}
    for port, rp in live.items():
        for key in ("containment", "containment_by_cause", "recovery", "limits", "notes"):
            assert seen[port][key] == rp[key], (port, key)
