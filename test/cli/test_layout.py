# SPDX-License-Identifier: GPL-2.0-only
"""daxctl list --isolation --format=policy, qemu, libvirt and udev: what a person pastes, and that the policy is understood again."""
import os
import re
import xml.etree.ElementTree as ET

import pytest

from lib.cli import BUILD, CAPTURES, NOBODY, ROOT, Session, run_cxl, run_daxctl

HOSTS = sorted(p.stem for p in (ROOT / "test/hosts").glob("*.json"))
POLICY = "/etc/cxl/isolation.conf"


def listing(tree, *args):
    return run_daxctl(["list", "--isolation", *args], sysroot=tree)


def sections(text):
    """{"dax vm1": {key: value}}, comments left out."""
    found, at = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            at = found.setdefault(line[1:-1], {})
        elif line and not line.startswith("#"):
            key, value = line.split(" = ")
            at[key] = value
    return found


def named(tree, text):
    (tree / "etc/cxl").mkdir(parents=True, exist_ok=True)
    (tree / "etc/cxl/isolation.conf").write_text(text)
    return tree


SPLIT = "[region fast]\nmemdevs = 0x1001\n[dax vm1]\nregion = fast\nsize = 50%\n[dax vm2]\nregion = fast\nsize = rest\n"


# -- policy -----------------------------------------------------------------------------------
@pytest.mark.parametrize("host", HOSTS)
def test_what_is_printed_is_accepted_on_the_same_host_and_matches_it(host):
    printed, again, check, status = Session(host).sh(f"mkdir -p /etc/cxl; daxctl list --isolation --format=policy | tee {POLICY}") \
        .daxctl("list", "--isolation").cxl("enable-isolation", "-n", "--policy").cxl("isolation-status", "--policy").run()
    assert printed.rc == 0 and check.rc == 0, f"{printed}\n{check}"
    assert status.rc == 0 and not status.messages(code="DRIFT"), str(status)
    wanted, found = sections(printed.text), again.json
    # every region is there, in a section or in a comment that says why not
    for r in found["regions"]:
        assert (r["not_in_policy"] is None) == (f"region {r['name']}" in wanted), r
        assert r["not_in_policy"] is None or f"# {r['region']} is in no section: {r['not_in_policy']}" in printed.text
    # and is known again by what the section says
    assert sorted(f"region {r['name']}" for r in found["regions"] if r["name"]) == sorted(s for s in wanted if s.startswith("region"))
    devices = {f"dax {d['device']['name']}": d for d in found["dax"] if d["device"]["name"]}
    assert sorted(devices) == sorted(s for s in wanted if s.startswith("dax"))
    for name, d in devices.items():
        w = wanted[name]
        assert (int(w["size"]), w["mode"], w["file-mode"], w["owner"]) == (d["bytes"], d["mode"], d["device"]["file_mode"], d["device"]["owner"])


def test_hosts_have_regions_for_that_and_some_that_no_policy_makes():
    texts = {h: Session(h).daxctl("list", "--isolation", "--format=policy").run()[0].text for h in ("direct1", "switch4", "split1", "pmem1", "accel1", "sysram1")}
    assert sections(texts["switch4"])["region memory0"] == {"memdevs": "0x3001, 0x3002, 0x3003, 0x3004", "size": "1073741824", "granularity": "256"}
    assert sections(texts["sysram1"])["dax memory0-0"]["mode"] == "system-ram"
    assert [s["size"] for n, s in sections(texts["split1"]).items() if n.startswith("dax")] == ["134217728"] * 2
    assert "region0 is in no section: it is persistent" in texts["pmem1"] and sections(texts["pmem1"]) == {}
    assert "region0 is in no section: it is an accelerator's" in texts["accel1"] and sections(texts["accel1"]) == {}


def test_a_device_whose_serial_number_tells_nothing_is_named_by_address(tree):
    d = tree("direct2x2-6.12-x2hb-devdax")
    for memdev in (d / "sys/bus/cxl/devices").glob("mem[0-9]*"):
        if (memdev / "serial").read_text().strip() == "0x2002":
            (memdev / "serial").write_text("0x2001\n")
    assert sections(listing(d, "--format=policy").text)["region memory2"]["memdevs"] == "pci 0000:0d:00.0, 0x2003"
    found = listing(d).json["regions"]
    assert [m["serial_is_unique"] for m in found[0]["memdevs"]] == [False, True]


def test_a_root_decoder_is_named_only_where_another_would_do(tree):
    d = tree("direct2x2-6.12-two-regions")
    assert "decoder = " not in listing(d, "--format=policy").text
    (d / "sys/devices/platform/ACPI0017:00/root0/decoder0.1/target_list").write_text("12\n")
    (d / "sys/devices/platform/ACPI0017:00/root0/decoder0.1/region1").rename(d / "sys/gone")
    (d / "sys/bus/cxl/devices/region1").unlink()
    text = listing(d, "--format=policy").text
    assert sections(text)["region memory0"]["decoder"] == "decoder0.0", text


def test_a_husk_is_no_section(captures):
    text = listing(captures["direct1-6.12-husk"], "--format=policy").text
    assert sections(text) == {} and "is in no section: it is not enabled" in text


def test_a_gap_ends_what_can_be_said(tree):
    d = tree("direct2x2-6.12-two-regions")
    dax = (d / "sys/bus/dax/devices/dax0.0").resolve()
    (dax / "size").write_text("134217728\n")
    (dax / "resource").write_text("0x498000000\n")
    (dax / "mapping0").mkdir(exist_ok=True)
    (dax / "mapping0/start").write_text("0x498000000\n")
    (dax / "mapping0/end").write_text("0x49fffffff\n")
    text = listing(d, "--format=policy").text
    assert "dax0.0 is in no section: there is a gap before it" in text and "dax memory0-0" not in sections(text)
    assert listing(d).dax()["dax0.0"]["device"]["offset"] == 0x8000000


def test_targets_restrict_it(captures):
    tree = captures["direct2x2-6.12-two-regions"]
    assert list(sections(listing(tree, "--format=policy", "region1").text)) == ["region memory1", "dax memory1-0"]
    assert listing(tree, "--format=qemu", "dax0.0").text.count("-object") == 1


# -- drift -----------------------------------------------------------------------------------
def drift(host, text, *args):
    """As both programs tell it; of memory they say the same."""
    s = Session(host, before=f"mkdir -p /etc/cxl; cat >{POLICY} <<'END'\n{text}END\n").cxl("isolation-status", "--policy", *args)
    r, *of_memory = (s if args else s.daxctl("list", "--isolation", "--policy")).run()
    found = r.rc, [(m["target"], m["text"]) for m in r.messages(code="DRIFT")]
    for r in of_memory:
        assert found == (r.rc, [(m["target"], m["text"]) for m in r.messages(code="DRIFT")]) and r.json["regions"] is not None, str(r)
    return found


def test_memory_that_is_otherwise_is_drift_with_its_line():
    assert drift("split1", SPLIT) == (0, [])
    rc, found = drift("split1", "[region fast]\nmemdevs = 0x1001\n[dax vm1]\nregion = fast\nsize = 64MiB\nmode = famfs\nfile-mode = 0660\n"
                      "[dax vm2]\nregion = fast\nsize = 100MiB\n")
    assert rc == 1 and found == [
        ("dax vm1", f"dax vm1: size is 128MiB, and {POLICY}:5 asks for 64MiB"), ("dax vm1", f"dax vm1: mode is devdax, and {POLICY}:6 asks for famfs"),
        ("dax vm1", f"dax vm1: file-mode is 0600, and {POLICY}:7 asks for 0660"), ("dax vm2", f"dax vm2: target is absent, and {POLICY}:8 asks for present")]
    assert drift("split1", SPLIT.replace("50%", "64MiB"), "0000:0c:00.0") == (0, []), "targets that are named leave it out"


def test_memory_that_is_not_there_or_cannot_be_is_drift():
    assert drift("direct2x2", "[region fast]\nmemdevs = 0x2001\n[dax vm1]\nregion = fast\nsize = rest\n") == (
        1, [("region fast", f"region fast: target is absent, and {POLICY}:1 asks for present")])
    rc, found = drift("direct2x2", "[region fast]\nmemdevs = 0x9\n")
    assert rc == 1 and [t for t, _ in found] == [None] and f"{POLICY}:2: no memory device has serial number 0x9" in found[0][1]


def test_the_list_of_memory_compares_modes_too_and_all_of_it():
    text = "[serial 0x1001]\nmode = devdax\n[serial 0x9]\nmode = devdax\n"
    r, named, none = Session("sysram1", before=f"mkdir -p /etc/cxl; cat >{POLICY} <<'END'\n{text}END\n") \
        .daxctl("list", "--isolation", "--policy").daxctl("list", "--isolation", "--policy", "dax0.0").daxctl("list", "--isolation", "--policy=/none").run()
    assert r.rc == 1 and [m["text"] for m in r.messages(code="DRIFT")] == [
        f"dax0.0: mode is system-ram, and {POLICY}:2 asks for devdax", f"serial 0x9: target is absent, and {POLICY}:3 asks for present"], str(r)
    assert list(r.dax()) == ["dax0.0"], "what differs is listed all the same"
    assert named.rc == 2 and "'dax0.0' cannot be named beside it" in named.err and none.rc == 2 and "/none cannot be read" in none.err


# -- names ----------------------------------------------------------------------------------
def test_names_of_the_policy_file_are_kept_where_it_is_that_memory(tree):
    d = named(tree("direct2x2-6.12-two-regions"), "[region memory1]\nmemdevs = 0x2001\n[dax vm1]\nregion = memory1\nsize = 64MiB\n")
    text = listing(d, "--format=policy").text
    # its size is another one, so it is not what the name stands for; and no name is there twice
    assert list(sections(text)) == ["region memory1", "dax memory0-0", "region memory1x", "dax memory1-0"]
    assert sections(text)["dax memory1-0"]["region"] == "memory1x"
    assert listing(d).dax()["dax0.0"]["device"]["path"] == "/dev/dax0.0"


def test_devices_of_one_region_are_told_apart_by_their_place():
    r, = Session("split1", before=f"mkdir -p /etc/cxl; cat >{POLICY} <<'END'\n{SPLIT}END\n").daxctl("list", "--isolation").run()
    assert {n: (d["device"]["name"], d["device"]["offset"]) for n, d in r.dax().items()} == {"dax0.0": ("vm1", 0), "dax0.1": ("vm2", 134217728)}


@pytest.mark.parametrize("text,says", [
    ("[region r]\n", f"gives no names to memory: {POLICY}:1: [region r] does not say"),
    ("[region r]\nmemdevs = 9\n", f"{POLICY}:2: no memory device has serial number 0x9, so what is made of it has no name")])
def test_a_policy_file_that_cannot_be_used_gives_no_names_and_says_so(tree, text, says):
    r = listing(named(tree("direct1-6.12-devdax"), text))
    assert r.rc == 0 and says in r.err and r.dax()["dax0.0"]["device"]["name"] is None, str(r)
    assert r.dax()["dax0.0"]["device"]["path"] == "/dev/dax0.0"


# -- virtual machines -------------------------------------------------------------------------
def test_the_option_of_qemu(tree):
    d = tree("direct2x2-6.12-two-regions")
    text = listing(d, "--format=qemu").text
    assert text == "-object memory-backend-file,id=dax0.0,mem-path=/dev/dax0.0,size=268435456,align=2097152,share=on\n" \
        "# dax1.0 is for no virtual machine: it is not in mode devdax\n"
    named(d, "[region r]\nmemdevs = 0x2001\n[dax vm1]\nregion = r\nsize = rest\n")
    assert "id=vm1,mem-path=/dev/cxl/dax/vm1,size=268435456" in listing(d, "--format=qemu").text


def test_the_element_of_libvirt(tree):
    text = listing(named(tree("direct2x2-6.12-two-regions"), "[region r]\nmemdevs = 0x2001\n[dax vm1]\nregion = r\nsize = rest\n"), "--format=libvirt").text
    top = ET.fromstring(f"<devices>{text}</devices>")  # also: no comment has a double dash
    memory, = top
    assert memory.attrib == {"model": "nvdimm", "access": "shared"}
    assert memory.find("source/path").text == "/dev/cxl/dax/vm1"
    assert (memory.find("source/alignsize").text, memory.find("source/alignsize").get("unit")) == ("2048", "KiB")
    assert memory.find("target/size").text == "262144"
    assert "the guest sees an NVDIMM" in text and "dax1.0 is for no virtual machine" in text
    # what is in the comment is an element of its own, and lets QEMU at the file
    commandline = ET.fromstring(re.search(r"<qemu:commandline>.*</qemu:commandline>", text, re.S)[0].replace("qemu:commandline>", "qemu:commandline xmlns:qemu='q'>", 1))
    assert [a.get("value") for a in commandline] == [
        "-object", "memory-backend-file,id=vm1,mem-path=/dev/cxl/dax/vm1,size=268435456,align=2097152,share=on", "-device", "pc-dimm,id=dimm-vm1,memdev=vm1"]
    for word in ("cgroup_device_acl", "/etc/libvirt/qemu.conf", "AppArmor", "svirt_image_t"):
        assert word in text, word


# -- udev ---------------------------------------------------------------------------------------
LAYOUT = "[region r]\nmemdevs = 0x2001\n[dax vm1]\nregion = r\nsize = {}\n"


@pytest.mark.parametrize("size,says", [("rest", "CXL_DAX_NAME=vm1\n"), ("256MiB", "CXL_DAX_NAME=vm1\n"), ("50%", ""), ("128MiB", "")])
def test_the_udev_rule_is_told_the_name_of_exactly_that_memory(tree, size, says):
    d = named(tree("direct2x2-6.12-two-regions"), LAYOUT.format(size))
    assert listing(d, "--format=udev", "dax0.0").text == says
    assert listing(d, "--format=udev", "dax1.0").text == ""
    assert "/dev/dax0.0," in listing(d, "--format=qemu").text if not says else "/dev/cxl/dax/vm1," in listing(d, "--format=qemu").text


def test_the_rule_runs_a_command_that_there_is(tree):
    text = (BUILD / "contrib/udev/60-cxl-isolation.rules").read_text()
    argv = re.search(r'IMPORT\{program\}="(.*?)"', text)[1].split()
    assert argv[0].endswith("/daxctl") and argv[-1] == "%k"
    assert run_daxctl([*argv[1:-1], "dax0.0"], sysroot=tree("direct1-6.12-devdax")).rc == 0
    assert 'SYMLINK+="cxl/dax/$env{CXL_DAX_NAME}"' in text and 'ENV{CXL_DAX_NAME}=="?*"' in text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_who_may_not_read_addresses_is_told_so():
    r, = Session("split1").daxctl("list", "--isolation", "--format=policy", user=NOBODY).run()
    assert r.rc == 0 and "is in no section: where it lies cannot be read" in r.text, str(r)


@pytest.mark.parametrize("fmt", ["policy", "qemu", "libvirt", "udev"])
def test_every_capture_can_be_printed(captures, fmt):
    assert len(list(CAPTURES.glob("*.tar.xz"))) > 20
    for path in sorted(CAPTURES.glob("*.tar.xz")):
        r = listing(captures[path.name.removesuffix(".tar.xz")], f"--format={fmt}")
        assert r.rc in (0, 3) and "null" not in r.text, str(r)


def test_other_commands_do_not_have_these_formats():
    r = run_cxl(["list", "--isolation", "--format=qemu"], sysroot="/", json_expected=False)
    assert r.rc == 2 and "'qemu' is not an output format" in r.err
