# SPDX-License-Identifier: GPL-2.0-only
"""daxctl prepare-isolation --split: a region becomes the devices that the command line names, and with --persist the policy file has them."""

import pytest

from lib import cli
from lib.cli import Session, dax_user
from test_layout_make import LOOK, POLICY, check_failed, check_finished, devices, each_write, write, written

THREE = "--split=vm1:64MiB,vm2:25%,vm3:rest"
CUT = ["67108864", "67108864", "134217728"]
SERIAL_OF_DIRECT1 = "0x1001"


def split(*args, host="direct1", before="", then=(), **more):
    s = Session(host, before=before, **more).sh(LOOK).daxctl("prepare-isolation", *args).sh(LOOK)
    for command in then:
        s = s.sh(command) if isinstance(command, str) else s.daxctl("prepare-isolation", *command)
    return s.run()


def sizes(look):
    return [d[0] for d in devices(look)]


# -- what comes of it -------------------------------------------------------------------
def test_a_region_is_cut_and_is_left_alone_when_it_is_cut_so():
    look, r, after, again = split(THREE, "region0", then=[(THREE, "region0")])
    assert r.rc == 0 and r.json["layout"]["result"] == "done", str(r)
    assert sizes(look) == ["268435456"] and devices(after) == [(n, "2097152", "device_dax") for n in CUT]
    assert [(d["name"], d["dax"], d["region"]) for d in r.json["layout"]["dax"]] == [
        ("vm1", "dax0.0", "region0"), ("vm2", "dax0.1", "region0"), ("vm3", "dax0.2", "region0")]
    assert r.json["layout"]["file"] == "--split" and r.messages(code="NAMES")
    assert again.rc == 0 and again.json["layout"]["result"] == "already" and written(again) == []


def test_what_was_cut_so_can_be_cut_otherwise_and_back_to_one():
    _, r, _, other, look, one, after = split(THREE, "region0", then=[("--split=a:50%,b:rest", "region0"), LOOK, ("--split=all:100%", "region0"), LOOK])
    assert r.rc == other.rc == one.rc == 0, f"{other}{one}"
    assert sizes(look) == ["134217728"] * 2 and sizes(after) == ["268435456"]


@pytest.mark.parametrize("host,region,size", [("vms2x2", "region0", 4 << 30), ("interleave2", "region2", 512 << 20)])
def test_a_region_over_several_memory_devices_is_cut_and_kept(host, region, size):
    before = one_of(0, 1) + f"rm {POLICY}\n" if host == "vms2x2" else ""
    _, r, after, policy, cat = split("--split=vm1:25%,vm2:rest", "--persist", region, host=host, before=before, then=[("--policy",), f"cat {POLICY}"])
    assert r.rc == 0 and r.json["layout"]["result"] == "done", str(r)
    assert sizes(after)[:2] == [str(size // 4), str(size // 4 * 3)] and cat.text.split("memdevs = ")[1].splitlines()[0].count("0x") == 2
    assert policy.rc == 0 and policy.json["layout"]["result"] == "already", str(policy)


def one_of(region, last):
    """One device of all of REGION, which has those up to LAST."""
    return "".join(f"echo dax{region}.{n} > /sys/bus/dax/drivers/device_dax/unbind; echo 0 > /sys/bus/dax/devices/dax{region}.{n}/size\n" for n in range(last, -1, -1)) + \
        "".join(f"echo dax{region}.{n} > /sys/bus/cxl/devices/dax_region{region}/dax_region/delete\n" for n in range(last, 0, -1)) + \
        f"echo $(($(cat /sys/bus/cxl/devices/region{region}/size))) > /sys/bus/dax/devices/dax{region}.0/size\n"


# nothing said of it
NAMELESS = one_of(0, 2) + f"rm {POLICY}\n"


def test_a_size_is_cut_to_the_alignment():
    _, r, after = split("--split=a:33%,b:rest", "--align=2MiB", "region0", host="vms1", before=NAMELESS)
    assert r.rc == 0 and devices(after) == [(str(4096 * 33 // 100 // 2 * 2 << 20), "2097152", "device_dax"), (str((4096 - 4096 * 33 // 100 // 2 * 2) << 20), "2097152", "device_dax")], str(r)
    _, r, _ = split("--split=a:1GiB,b:rest", "--align=1GiB", "region0", host="vms1", before=NAMELESS)
    assert r.rc == 1 and "[dax a] would begin at address 0x490000000, which is no multiple of its align, 1GiB" in r.err, str(r)


def test_a_dry_run_says_all_steps_and_writes_nothing():
    look, r, after = split(THREE, "--persist", "-n", "region0")
    assert r.rc == 0 and r.json["layout"]["result"] == "planned" and look.text == after.text and written(r) == []
    assert [s["op"] for s in r.json["layout"]["plan"]][-1] == "sections" and {s["state"] for s in r.json["layout"]["plan"]} == {"planned"}
    assert "would get" in r.messages(code="PERSIST")[0]["text"]


# -- what is refused ----------------------------------------------------------------------
@pytest.mark.parametrize("args,rc,said", [
    (["--split=vm1:512MiB", "region0"], 1, "--split: [dax vm1]: the devices of [region region0] take 512MiB up to here, and it has 256MiB"),
    (["--split=vm1:100%,vm2:rest", "region0"], 1, "nothing of [region region0] (256MiB) is left for it"),
    (["--split=vm1:3MiB", "region0"], 2, "3145728 bytes are no multiple of the device's align, 2 MiB"),
    (["--split=vm1:64MiB", "--align=1GiB", "region0"], 2, "are no multiple of the device's align, 1024 MiB"),
    (["--split=vm1:64MiB,vm1:rest", "region0"], 2, "two devices are called vm1"),
    (["--split=vm1:rest,vm2:rest", "region0"], 2, "size = rest stands in"),
    (["--split=vm1", "region0"], 2, "'vm1' is not NAME:SIZE"), (["--split=", "region0"], 2, "'' is not NAME:SIZE"),
    (["--split=vm1:1GiB,", "region0"], 2, "'' is not NAME:SIZE"), (["--split=:1GiB", "region0"], 2, "':1GiB' is not NAME:SIZE"),
    (["--split=VM1:rest", "region0"], 2, "in lower case"), (["--split=dax0.0:rest", "region0"], 2, "such numbers change between boots"),
    (["--split=../../x:rest", "region0"], 2, "a name is a letter"), (["--split=vm1:much", "region0"], 2, "'much' is no size of a dax device"),
    (["--split=vm1:rest", "--align=4KiB", "region0"], 2, "'4KiB' is not a value of align"),
    (["--split=vm1:rest", "region7"], 2, "this host has no region 'region7'"), (["--split=vm1:rest", "dax0.0"], 2, "it is one of region0"),
    (["--split=vm1:rest"], 2, "name it"), (["--split=vm1:rest", "region0", "region1"], 2, "cuts one region"),
    (["--split=vm1:rest", "--policy"], 2, "contradict each other"), (["--split=vm1:rest", "--undo", "region0"], 2, "--undo --persist REGION"),
    (["--split=vm1:rest", "--timeout=1s", "region0"], 2, "--split goes with"), (["--split=vm1:rest", "--keep-going", "region0"], 2, "--split goes with"),
    (["--align=1GiB", "region0"], 2, "goes with that option alone"),
])
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(args, rc, said):
    look, r, after = split(*args)
    assert r.rc == rc and said in r.err and len(r.err.splitlines()) == 1, str(r)
    assert written(r) == [] and look.text == after.text and "nothing was" in r.err


def test_memory_in_use_stays_and_who_uses_it_is_named():
    look, r, after = split(THREE, "region0", before=dax_user() + "\n" + dax_user() + "\n")
    assert r.rc == 1 and "dax0.0 is in use by process" in r.err and r.err.count("(python3)") == 2, str(r)
    assert written(r) == [] and look.text == after.text


@pytest.mark.parametrize("parts", ["vm1:2GiB,vm2:rest", "vm1:1GiB,vm2:1GiB,vm3:rest", "vm1:100%"])
def test_devices_that_somebody_else_made_stay(parts):
    look, r, after = split(f"--split={parts}", "region0", host="vms1", before=f"rm {POLICY}\n")
    assert r.rc == 1 and "which somebody else made" in r.err and "daxctl destroy-device" in r.err, str(r)
    assert written(r) == [] and look.text == after.text


@pytest.mark.parametrize("host,said", [("pmem1", "it is persistent"), ("accel1", "it is an accelerator's")])
def test_a_region_that_no_layout_can_be_of_says_why(host, said):
    _, r, _ = split("--split=vm1:rest", "region0", host=host)
    assert r.rc == 1 and f"region0 cannot be cut into devices with names: {said}" in r.err, str(r)


# -- the policy file ------------------------------------------------------------------------
MINE = "# by hand\n[root0]\ntimeout = auto ; ours\n"


def cat_after(*args, text=MINE, then=(), host="direct1"):
    s = Session(host, before=write(text)).daxctl("prepare-isolation", *args).sh(f"cat {POLICY}")
    for more in then:
        s = s.daxctl("prepare-isolation", *more).sh(f"cat {POLICY}")
    return s.run()


def test_persist_writes_the_sections_behind_what_is_there_and_undo_takes_them_out():
    r, text, again, same, policy, _, undo, left = cat_after(THREE, "--persist", "region0", then=[(THREE, "--persist", "region0"), ("--policy",), ("--undo", "--persist", "region0")])
    assert r.rc == 0 and text.text.startswith(MINE), f"{r}{text}"
    assert "[region memory0]\nmemdevs = 0x1001\nsize = 256MiB\n" in text.text
    assert "[dax vm1]\nregion = memory0\nsize = 64MiB\nalign = 2MiB\nmode = devdax\n" in text.text and "size = 25%" in text.text and "size = rest" in text.text
    assert again.json["layout"]["result"] == "already" and same.text == text.text and policy.json["layout"]["result"] == "already"
    assert "[dax vm3]" in r.messages(code="PERSIST")[0]["text"]
    assert left.text == MINE and undo.rc == 7, f"{undo}{left}"     # what the devices were is not known: they stay


def test_undo_without_a_target_takes_them_out_too():
    _, _, undo, left = cat_after(THREE, "--persist", "region0", then=[("--undo", "--persist")])
    assert left.text == MINE, f"{undo}{left}"


def test_what_it_wrote_is_replaced_when_the_region_is_cut_otherwise():
    _, _, r, text = cat_after(THREE, "--persist", "region0", then=[("--split=vm3:50%,vm9:rest", "--persist", "region0")])
    assert r.rc == 0 and text.text.count("[region") == 1 and text.text.count("[dax") == 2 and "[dax vm9]" in text.text, text.text


def test_a_section_by_hand_is_used_for_the_region_and_stays():
    mine = MINE + f"[region fast]\nmemdevs = {SERIAL_OF_DIRECT1}\n"
    r, text, undo, left = cat_after(THREE, "--persist", "region0", text=mine, then=[("--undo", "--persist", "region0")])
    assert r.rc == 0 and text.text.count("[region") == 1 and "region = fast\n" in text.text, f"{r}{text}"
    assert left.text == mine, left.text


@pytest.mark.parametrize("mine,said", [
    (f"[region fast]\nmemdevs = {SERIAL_OF_DIRECT1}\n[dax own]\nregion = fast\nsize = rest\n", f"{POLICY}:6: [dax own] is of the same region, region0, and was written by hand"),
    ("[region fast]\nmemdevs = 0x7777\n", "no memory device has serial number 0x7777"),
    ("[dax\n", f"{POLICY}:"),
])
def test_what_somebody_wrote_is_not_written_over(mine, said):
    look, r, after = split(THREE, "--persist", "region0", before=write(MINE + mine))
    assert r.rc in (1, 2) and said in r.err and len(r.err.splitlines()) == 1, str(r)
    assert written(r) == [] and look.text == after.text


def test_a_name_that_another_region_has_is_refused():
    [printed] = Session("vms2x2").daxctl("list", "--isolation").run()
    far = next(r for r in printed.json["regions"] if r["region"] != "region0")
    text = f"[region far]\nmemdevs = {', '.join(m['serial'] for m in far['memdevs'])}\n[dax vm1]\nregion = far\nsize = rest\n"
    look, r, after = split("--split=vm1:1GiB,vm2:rest", "--persist", "region0", host="vms2x2", before=write(text))
    assert r.rc == 1 and f"{POLICY}:3: there is a [dax vm1] already, in [region far]" in r.err and look.text == after.text, str(r)


def test_what_an_administrator_added_makes_a_section_his():
    edit = f"sed -i '/^.dax vm2/a owner = root' {POLICY}; cp {POLICY} /tmp/was"
    [_, _, r, same, undo, left] = Session("direct1", before=write(MINE)).daxctl("prepare-isolation", THREE, "--persist", "region0").sh(edit) \
        .daxctl("prepare-isolation", "--split=a:50%,b:rest", "--persist", "region0").sh(f"cmp {POLICY} /tmp/was && echo same") \
        .daxctl("prepare-isolation", "--undo", "--persist", "region0").sh(f"cat {POLICY}").run()
    assert r.rc == 1 and "[dax vm2] is of the same region" in r.err and same.text == "same\n", str(r)
    assert "[dax vm2]" in left.text and "owner = root" in left.text and "[region memory0]" in left.text and "[dax vm1]" not in left.text, f"{undo}{left}"


def test_without_persist_a_file_that_says_otherwise_is_said():
    r, text = cat_after(THREE, "region0", text=MINE + f"[region fast]\nmemdevs = {SERIAL_OF_DIRECT1}\n[dax own]\nregion = fast\nsize = rest\n")
    assert r.rc == 0 and "other devices are in it there" in r.messages(code="POLICY")[0]["text"] and "vm1" not in text.text, str(r)


def test_a_file_that_cannot_be_written_is_found_before_anything_is():
    look, r, after = split(THREE, "--persist", "region0", before="mkdir -p /etc/cxl/isolation.conf\n")
    assert r.rc != 0 and len(r.err.splitlines()) == 1 and written(r) == [] and look.text == after.text, str(r)


# -- when it goes wrong -----------------------------------------------------------------------
def each_step(action, first):
    """Every other write; with CXL_FAULTS=all every one."""
    command = ["daxctl", "prepare-isolation", "--split=vm1:64MiB,vm2:25%,vm3:rest", "--persist", "region0"]
    return each_write("direct1", command, "daxctl prepare-isolation --split=all:100% region0; rm -f /etc/cxl/isolation.conf",
                      LOOK + "\ncat /etc/cxl/isolation.conf 2>/dev/null", action, first, stride=1 if cli.EVERYTHING else 2, most=25)


@pytest.mark.kills
@pytest.mark.sweep
@pytest.mark.parametrize("action,first", [("kill-before", 1), ("kill-after", 2)])
def test_killed_at_any_write_the_next_run_finishes(action, first):
    found = each_step(action, first)
    assert sum(f["rc"] < 0 for f in found) >= 5, [f["rc"] for f in found]
    check_finished(found)


@pytest.mark.kills
@pytest.mark.sweep
@pytest.mark.parametrize("action,first", [("EIO", 1), ("EBUSY", 2)])
def test_a_write_that_fails_leaves_everything_as_it_was_or_is_made_up_for(action, first):
    check_failed(each_step(action, first))
