# SPDX-License-Identifier: GPL-2.0-only
"""Modules of the kernel: what state the one that is lacking is in, by modprobe.d, and --load, which inserts it first.

On a simulated host an install line of modprobe.d takes the place of the kernel's insertion: `cxl-sim ctl load`.
"""
import json
import shutil

import pytest

from lib import softhost
from lib.cli import CXL, DAXCTL, NOBODY, ROOT, SIM, Session, run_cxl, run_daxctl, run_sim

CONF = "/etc/modprobe.d/host.conf"
FAMFS = ["prepare-isolation", "--mode=famfs"]
FSDEV = f"echo 'install fsdev_dax {SIM} ctl load fsdev_dax' > {CONF}"


def conf(*lines):
    return "; ".join(f"echo '{line}' >> {CONF}" for line in lines)


def modules(r):
    return [m["text"] for m in r.messages(code="MODULE")]


@pytest.fixture
def unloaded(tree):
    """A host whose firmware describes CXL, and whose kernel has not loaded cxl_acpi."""
    d = tree("none-6.12-noregion")
    shutil.rmtree(d / "sys/module")
    (d / "sys/devices/platform/ACPI0017:00").mkdir(parents=True)
    return d


def test_what_is_not_loaded_is_loaded_by_load_and_by_nothing_else():
    refused, planned, r, again = Session("direct1", before=FSDEV).daxctl(*FAMFS).daxctl(*FAMFS, "--load", "--dry-run").daxctl(*FAMFS, "--load") \
        .daxctl(*FAMFS, "--load").run()
    assert refused.rc == 3 and "fsdev_dax is available but not loaded; the same command with --load loads it" in refused.err and not modules(refused), str(refused)
    assert planned.rc == 0 and planned.json["dax"][0]["result"] == "planned" and modules(planned) == ["the module fsdev_dax would be loaded first"], str(planned)
    assert r.rc == 0 and r.json["dax"][0]["after"]["mode"] == "famfs" and modules(r) == ["the module fsdev_dax was loaded"], str(r)
    assert again.rc == 0 and again.json["dax"][0]["result"] == "already" and not modules(again), str(again)


@pytest.mark.parametrize("args", [["--policy"], ["--split=a:rest", "--mode=famfs", "region0"]])
def test_a_layout_has_its_module_loaded(args):
    policy = "mkdir -p /etc/cxl; printf '[region r]\\nmemdevs = 0x1001\\n[dax a]\\nregion = r\\nsize = rest\\nmode = famfs\\n' > /etc/cxl/isolation.conf"
    refused, planned, r = Session("direct1", before=f"{FSDEV}; {policy}").daxctl("prepare-isolation", *args).daxctl("prepare-isolation", "-n", "--load", *args) \
        .daxctl("prepare-isolation", "--load", *args).run()
    assert refused.rc == 3 and "with --load loads it" in refused.err, str(refused)
    assert planned.rc == 0 and modules(planned) == ["the module fsdev_dax would be loaded first"], str(planned)
    assert r.rc == 0 and r.json["layout"]["result"] == "done" and modules(r) == ["the module fsdev_dax was loaded"], str(r)


@pytest.mark.parametrize("line, says", [
    ("blacklist fsdev-dax", f"fsdev_dax is blacklisted by {CONF}:2, which is not overruled"),
    ("install fsdev_dax /bin/false", f"fsdev_dax is kept out by the install line of {CONF}:2, which is not overruled"),
    ("install fsdev_dax /usr/bin/true # never", f"fsdev_dax is kept out by the install line of {CONF}:2, which is not overruled")])
def test_the_administrators_word_is_kept_and_its_line_named(line, says):
    bare, planned, r = Session("direct1", before=conf("# what is not wanted", line)).daxctl(*FAMFS).daxctl(*FAMFS, "--load", "-n").daxctl(*FAMFS, "--load").run()
    for x in (bare, planned, r):
        assert x.rc == 3 and says in x.err and "--load" not in x.err, str(x)
        assert not modules(x)
    assert "nothing was done" in r.err and not r.json["dax"]


def test_what_it_depends_on_is_asked_as_well():
    """An install line whose command fails is a module that could not be loaded."""
    [r] = Session("direct1", before=conf("install fsdev_dax sh -c \"exit 3\"")).daxctl(*FAMFS, "--load").run()
    assert r.rc == 4 and "fsdev_dax was not loaded: " in r.err and not modules(r), str(r)


def test_where_nothing_tells_it_is_tried_and_said():
    """The machine's modules are none of the simulated host's, whose /lib/modules is empty."""
    bare, r, look = Session("direct1").daxctl(*FAMFS).daxctl(*FAMFS, "--load").sh("ls -A /lib/modules 2>/dev/null").run()
    assert bare.rc == 3 and "which cannot be told here" in bare.err, str(bare)
    assert r.rc == 3 and "/lib/modules has no modules of the running kernel" in r.err, str(r)
    assert look.text == ""


def test_only_root_loads():
    [r] = run_sim([["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--", DAXCTL, *FAMFS, "--load"]], host="direct1",
                  before=f"{FSDEV}; mkdir -p $CXL_STATE_DIR; chmod 777 $CXL_STATE_DIR")
    assert r.rc == 3 and ("only root" in r.err or "root" in r.err), str(r)


def test_a_host_without_the_bus_says_what_cxl_acpi_is(unloaded):
    known = conf(f"install cxl_acpi {SIM} ctl load cxl_acpi")
    listed, enable, recover, prepare, planned, loaded = Session(unloaded, None, before=known).cxl("list", "--isolation").cxl("enable-isolation", "root0") \
        .cxl("recover-port", "0000:0c:00.0").daxctl("prepare-isolation").cxl("enable-isolation", "root0", "--load", "-n").cxl("enable-isolation", "root0", "--load").run()
    assert listed.rc == 3 and "cxl_acpi is available but not loaded; load it with 'modprobe cxl_acpi'" in listed.err, str(listed)
    for r in (enable, recover, prepare):
        assert r.rc == 3 and "cxl_acpi is available but not loaded; the same command with --load loads it" in r.err, str(r)
    assert planned.rc == 3 and "the module cxl_acpi would be loaded first" in modules(planned), str(planned)
    assert loaded.rc == 4 and "cxl_acpi was not loaded" in loaded.err, str(loaded)
    banned, = Session(unloaded, None, before=conf("blacklist cxl_acpi")).cxl("list", "--isolation").run()
    assert banned.rc == 3 and f"cxl_acpi is blacklisted by {CONF}:1" in banned.err and "--load" not in banned.err, str(banned)


def test_of_a_capture_only_what_is_loaded_is_known(unloaded):
    r = run_cxl(["list", "--isolation"], sysroot=unloaded)
    assert r.rc == 3 and "load it with 'modprobe cxl_acpi', if this kernel has it, which cannot be told here" in r.err, str(r)
    module = unloaded / "sys/module/cxl_acpi"
    module.mkdir(parents=True)
    (module / "initstate").write_text("live\n")
    r = run_cxl(["list", "--isolation"], sysroot=unloaded)
    assert r.rc == 3 and "cxl_acpi is loaded; dmesg may say why" in r.err, str(r)
    for args, program in ((["enable-isolation", "--load", "root0"], CXL), (["prepare-isolation", "--load"], DAXCTL)):
        r = run_cxl(args, sysroot=unloaded, program=program)
        assert r.rc == 2 or "capture" in r.err, str(r)


def test_memory_without_an_owner_is_told_why_the_module_is_not_there(tmp_path):
    softhost.build(tmp_path / "tree", json.loads((ROOT / "test/hosts/soft/region-no-dax/host.json").read_text()))
    [r] = Session(tmp_path / "tree", None, before=conf("blacklist dax_cxl")).cxl("check-soft-reserved").run()
    assert f"('modprobe dax_cxl'; it is blacklisted by {CONF}:1)" in r.err, str(r)


def test_the_machines_kernel_is_out_of_reach():
    """libkmod, modprobe and libdaxctl alike: no process of a run may insert or remove a module."""
    [r] = run_sim([["grep", "^Cap", "/proc/self/status"]], host="direct1")
    sets = dict(line.split() for line in r.text.splitlines())
    assert len(sets) == 5 and not any(int(v, 16) & 1 << 16 for k, v in sets.items() if k != "CapBnd:" or int(v, 16)), str(r)


def test_udevs_rule_loads_nothing():
    r = run_daxctl(["prepare-isolation", "--load", "--hotplug=dax0.0", "0x1001"], host="direct1", json_expected=False)
    assert r.rc == 2 and "--load" in r.err, str(r)
