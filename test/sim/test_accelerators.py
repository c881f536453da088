# SPDX-License-Identifier: GPL-2.0-only
"""Hosts that nobody captured: accelerators (type 1 and 2), their protocols, a locked firmware-made region."""
import json

import pytest

from simrun import HOSTS, PCI, PORT, REGISTERS, python, read_log, run
from test_models import writes

DEVICE = f"{PCI}/0000:0d:00.0"
CXL = "/sys/bus/cxl/devices"
ENABLE = {"mem": 1 << 4 | 1 << 16, "cache": 1 << 12 | 1 << 18}

CONFIG = f"""
def dvsec(config, id):
    at = 0x100
    while at:
        head, vendor, this = (int.from_bytes(config[at + i:at + i + n], "little") for i, n in ((0, 4), (4, 2), (8, 2)))
        if head & 0xffff == 0x23 and vendor == 0x1e98 and this == id: return at
        at = head >> 20
config = open("{DEVICE}/config", "rb").read()
"""


def words(script, host):
    done = run(script, "--host", host)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.split()


def inside(script, *options):
    done = python(REGISTERS + CONFIG + script, *options)
    assert done.returncode == 0, done.stderr
    return [eval(line) for line in done.stdout.splitlines()]  # noqa: S307 (our own repr())


def dvsec0(host):
    return inside("print(config[dvsec(config, 0) + 0xa] & 7)", "--host", host)[0]


def test_type2_memory_device_has_no_mailbox_and_another_driver_than_cxl_pci():
    assert words(f"""cd {CXL}/mem0; ls | grep -c 'serial\\|firmware\\|ram\\|pmem\\|security\\|payload' || :
basename $(readlink driver); cd {DEVICE}; basename $(readlink driver); cat class modalias; grep -e DRIVER -e CLASS uevent
ls /sys/bus/pci/drivers/cxl_pci /sys/bus/pci/drivers/sfc | grep -c 0000:""", "accel1") == [
        "0", "cxl_mem", "sfc", "0x120000", "pci:v00008086d00000D93sv00001AF4sd00001100bc12sc00i00", "DRIVER=sfc",
        "PCI_CLASS=120000", "1"]


def test_type2_speaks_cache_io_and_mem_type1_no_mem_and_type3_no_cache():
    assert [dvsec0(host) for host in ("accel1", "cache1", "direct1")] == [7, 3, 6]


def test_type2_decoders_lead_to_an_accelerator_and_its_region_has_no_dax_child():
    assert words(f"""cat {CXL}/decoder*/target_type | sort -u; cat {CXL}/region0/commit; basename $(readlink {CXL}/region0/driver)
ls {CXL}/region0 /sys/bus/dax/devices /dev | grep -c "dax[_0-9]" || :; grep -c dax /proc/iomem || :; grep -c region0 /proc/iomem""",
                 "accel1") == ["accelerator", "1", "cxl_region", "0", "0", "1"]


def test_type1_has_no_memory_device_but_is_there_with_its_driver():
    assert words(f"""ls {CXL} | grep -c 'mem\\|endpoint\\|region' || :; ls /dev/cxl | wc -l; basename $(readlink {DEVICE}/driver)
cat {DEVICE}/class; ls {CXL} | grep -c port1; grep -c 'mem0\\|endpoint' /proc/iomem || :""", "cache1") == [
        "0", "0", "sfc", "0x120000", "1", "0"]


@pytest.mark.parametrize("host", ("accel1", "cache1", "auto1", "masked1", "unmasked1"))
def test_distribution_s_cxl_list_works_on_it(host):
    done = run(["cxl", "list", "-vv"], "--host", host)
    assert done.returncode == 0
    bus = json.loads(done.stdout)[0]
    assert bus["bus"] == "root0" and bus["ports:root0"][0]["port"] == "port1"


def test_type2_device_comes_back_after_removal_as_it_was():
    assert words(f"""echo 1 > {DEVICE}/remove; ls {CXL} | grep -c ^mem || :; echo 1 > {PCI}/{PORT}/rescan
basename $(readlink {DEVICE}/driver) ; basename $(readlink {CXL}/mem0/driver); ls {CXL}/mem0 | grep -c 'serial\\|poison' || :
cat {CXL}/decoder2.0/target_type""", "accel1") == ["0", "sfc", "cxl_mem", "0", "accelerator"]


# --- what fails, and how --------------------------------------------------------------------

def after(event, enable, *options, tmp_path):
    """Status register after the event, or how the host ended."""
    log = tmp_path / "log"
    done = python(REGISTERS + f"""
w(CTRL, r(CTRL) | {enable})
os.system(os.environ["SIM"] + " ctl {event}")
try: print(hex(r(STATUS)))
except OSError as e: print("dead")
""", "--log", log, *options)
    ended = [f"{e['op']}: {e['reason']}" for e in read_log(log) if e["op"] in ("panic", "reset")]
    assert done.returncode == 0 and (done.stdout.split()[-1] == "dead") == bool(ended), done
    return ended[0] if ended else int(done.stdout.split()[-1], 16)


@pytest.mark.parametrize("host,event,enable,expected", (
    ("cache1", "timeout {} cache", ENABLE["cache"], 1 << 4 | 1 << 12),
    ("cache1", "timeout {} cache", 1 << 18, "reset: a CXL.cache access never completed and the timeout was not enabled"),
    ("cache1", "timeout {} cache", 1 << 12, "reset: CXL.cache timed out and isolation was not enabled"),
    ("cache1", "link-down {}", ENABLE["cache"], 1 << 12 | 1 << 13),
    ("cache1", "link-down {}", 0, "reset: the link went down and CXL.cache isolation was not enabled"),
    ("cache1", "link-down {}", ENABLE["mem"], "reset: the link went down and CXL.cache isolation was not enabled"),
    ("accel1", "timeout {} cache", ENABLE["cache"] | 1 << 19 | 1 << 16, 1 << 4 | 1 << 12 | 1 << 8 | 1 << 9),
    ("accel1", "timeout {} cache", ENABLE["cache"] | 1 << 19, "reset: the link went down and CXL.mem isolation was not enabled"),
    ("accel1", "timeout {}", ENABLE["mem"] | ENABLE["cache"] | 1 << 17, 1 << 0 | 1 << 8 | 1 << 12 | 1 << 13),
    ("accel1", "link-down {}", 1 << 16 | 1 << 18, 3 << 8 | 3 << 12),
    ("accel1", "link-down {}", 1 << 16, "reset: the link went down and CXL.cache isolation was not enabled"),
    ("accel1", "link-down {}", 0, "reset: the link went down and CXL.mem isolation was not enabled"),
    ("accel1", "timeout {}", ENABLE["mem"] | 1 << 17, "reset: the link went down and CXL.cache isolation was not enabled"),
    ("accel1", "timeout {}", ENABLE["mem"], 1 << 0 | 1 << 8),
    ("accel1", "link-down {}", 1 << 18, "reset: the link went down and CXL.mem isolation was not enabled"),
))
def test_status_bits_of_each_protocol_and_cause(host, event, enable, expected, tmp_path):
    assert after(event.format(PORT), enable, "--host", host, tmp_path=tmp_path) == expected


def test_access_that_no_device_below_can_make_cannot_time_out():
    for host, event, protocol in (("direct1", f"timeout {PORT} cache", "CXL.cache"), ("cache1", f"timeout {PORT}", "CXL.mem")):
        done = run(f"$SIM ctl {event}", "--host", host)
        assert (done.returncode, done.stderr) == (
            4, f"cxl-sim: {PORT}: no device below it speaks {protocol}, nothing can time out\n")


def test_cache_capability_is_in_the_register_and_its_control_bits_stick():
    assert inside("print(hex(r(CAP))); w(CTRL, 0x60f1f1f & 0x60f1616 | 0x200); print(hex(r(CTRL)))", "--host", "cache1",
                  "--kernel", "mainline") == [
        0xf | 1 << 4 | 3 << 8 | 1 << 12 | 0xf << 16 | 1 << 25 | 1 << 26 | 3 << 27, 0x60f1616]


def test_unsupported_cache_range_is_ignored():
    assert inside("w(CTRL, 0x600); print(hex(r(CTRL))); w(CTRL, 0x900); print(hex(r(CTRL)))", "--host", "cache1",
                  "--kernel", "mainline") == [0x600, 0x600]


def test_v1_lives_when_the_accelerator_s_driver_is_there_and_panics_when_none_handles_it(tmp_path):
    on = 1 << 16 | 1 << 18 | 1 << 26
    assert after(f"link-down {PORT}", on, "--host", "accel1", "--kernel", "v1", tmp_path=tmp_path) == 3 << 8 | 3 << 12
    host = tmp_path / "host.json"
    base = json.loads((HOSTS / "accel1.json").read_text())
    base.update(base=str(HOSTS / base["base"]), files={"sys/bus/pci/devices/0000:0d:00.0/driver": None})
    host.write_text(json.dumps(base))
    assert after(f"link-down {PORT}", on, "--host", host, "--kernel", "v1", tmp_path=tmp_path) == (
        "panic: no driver of 0000:0d:00.0 handles isolation")


# --- reserved bits --------------------------------------------------------------------------

def test_reserved_control_bits_read_as_firmware_left_them_and_changing_them_is_a_violation(tmp_path):
    log = tmp_path / "log"
    host = tmp_path / "host.json"
    host.write_text(json.dumps({"base": str(HOSTS / "captures/direct1-6.12-devdax.tar.xz"), "kernel": "mainline",
                                "root_ports": {"*": {"control_reserved": "0x80000020"}}}))
    script = REGISTERS + "print(hex(r(CTRL))); w(CTRL, r(CTRL) | 1 << 16); print(hex(r(CTRL)))\n"
    done = python(script, "--host", host)
    assert (done.returncode, done.stdout.split()) == (0, ["0x80000020", "0x80010020"])
    done = python(script + "w(CTRL, 0); print(hex(r(CTRL)))", "--host", host, "--log", log)
    assert done.returncode == 4 and done.stdout.split()[-1] == "0x80000020"
    assert "reserved bits 0x80000020 of the control register of 0000:0c:00.0 were changed" in done.stderr
    assert [e["path"] for e in read_log(log) if e["op"] == "violation"] == [PORT]


# --- firmware-made, locked ------------------------------------------------------------------

def test_locked_region_cannot_be_decommitted_and_stays_as_it_was():
    region = f"{CXL}/region0/"
    assert writes(("--host", "auto1"), (region + "commit", "1"), (region + "commit", "0")) == ["ok", "EPERM"]
    assert words(f"""(echo 0 > {region}commit) 2> /dev/null || cat {region}commit; basename $(readlink {region}driver); ls /dev | grep dax
cat {CXL}/decoder*/locked""", "auto1") == ["1", "cxl_region", "dax0.0", "0", "1", "1", "0", "0", "0"]


@pytest.mark.parametrize("newer", (False, True), ids=("6.12", "7.2"))
@pytest.mark.parametrize("locked", ("decoder0.0", "decoder1.0", "decoder2.0", None))
def test_one_locked_decoder_in_the_path_is_enough(locked, newer, tmp_path):
    """Linux 7.2 says it of the region, too."""
    host = tmp_path / "host.json"
    files = {f"sys/bus/cxl/devices/{locked}/locked": "1\n"} if locked else {}
    files |= {"proc/version": "Linux version 7.2.13 () () #1 SMP\n"} if newer else {}
    host.write_text(json.dumps({"base": str(HOSTS / "captures/direct1-6.12-devdax.tar.xz"), "files": files}))
    assert writes(("--host", host), (f"{CXL}/region0/commit", "0")) == ["EPERM" if locked else "ok"]
    said = words(f"[ ! -e {CXL}/region0/locked ] || cat {CXL}/region0/locked", str(host))
    assert said == ([str(int(bool(locked)))] if newer else [])


def test_firmware_made_region_lies_in_soft_reserved_memory():
    done = run("cat /proc/iomem; cat $(grep -l 'Soft Reserved' /sys/firmware/memmap/*/type | xargs dirname)/*",
               "--host", "auto1")
    assert """\
  490000000-49fffffff : region0
    490000000-49fffffff : Soft Reserved
      490000000-49fffffff : dax0.0
5c0000000-""" in done.stdout
    assert done.stdout.splitlines()[-3:] == ["0x49fffffff", "0x490000000", "Soft Reserved"]
