# SPDX-License-Identifier: GPL-2.0-only
"""daxctl prepare-isolation --policy: the memory becomes what the file wants, from whatever it is, or stays what it was."""
import json
import shlex

import pytest

from lib import cli
from lib.cli import Session, dax_user

POLICY = "/etc/cxl/isolation.conf"
SIZE = {"vms1": 4 << 30, "direct1": 256 << 20}
SERIAL = {"vms1": "0x5001", "direct1": "0x1001"}
# what is there goes: devices, region, capacity
NOTHING = """
for d in /sys/bus/dax/devices/*; do basename $d > $d/driver/unbind; done 2>/dev/null
for r in /sys/bus/cxl/devices/region*; do n=$(basename $r); root=$(basename $(dirname $(readlink -f $r)))
    list=$(cat $r/target[0-9]*)
    echo $n > /sys/bus/cxl/drivers/cxl_region/unbind; echo 0 > $r/commit; echo $n > /sys/bus/cxl/devices/$root/delete_region
    for t in $list; do echo 0 > /sys/bus/cxl/devices/$t/dpa_size; done
done
[ -z "$(ls /sys/bus/cxl/devices | grep ^region)" ]
"""
LOOK = """cd /sys/bus/dax/devices && for d in dax*; do [ -e $d ] || continue
    echo "$d $(cat $d/size) $(cat $d/align) $(basename "$(readlink $d/driver)") $(cat $d/mapping0/start 2>/dev/null)"; done
for r in /sys/bus/cxl/devices/region*; do [ -e $r ] && echo "$(basename $r) $(cat $r/size $r/commit $r/interleave_ways | tr '\\n' ' ')"; done
cat /sys/bus/cxl/devices/decoder[2-9]*.*/dpa_size | tr '\\n' ' '
cat /sys/bus/dax/drivers_autoprobe"""


def policy(host="vms1", sizes=("25%", "50%", "rest"), region="", **keys):
    """A region of the one memory device of HOST, cut into SIZES; KEYS of the first one."""
    text = f"[region fast]\nmemdevs = {SERIAL[host]}\n{region}"
    for i, size in enumerate(sizes):
        text += f"[dax vm{i + 1}]\nregion = fast\nsize = {size}\n" + "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in (keys.items() if not i else ()))
    return text


def write(text):
    return f"mkdir -p /etc/cxl; printf %s {shlex.quote(text)} > {POLICY}\n"


def devices(look):
    return [tuple(line.split()[1:4]) for line in look.text.splitlines() if line.startswith("dax")]


def make(host, text, *args, before="", **more):
    """The way there: before, the run, after, the run again."""
    look, r, after, again = Session(host, before=before + write(text), **more) \
        .sh(LOOK).daxctl("prepare-isolation", "--policy", *args).sh(LOOK).daxctl("prepare-isolation", "--policy").run()
    return look, r, after, again


def written(r):
    return [e["path"] for e in r.log if e.get("op") == "write" and e.get("comm") == "daxctl"]


# -- what comes of it ---------------------------------------------------------------------
@pytest.mark.parametrize("host", ["vms1", "direct1"])
@pytest.mark.parametrize("start", ["nothing", "one device"])
def test_it_is_made_from_nothing_and_from_what_the_kernel_makes(host, start):
    one = NOTHING if start == "nothing" else NOTHING + write(policy(host, ["100%"])) + "daxctl prepare-isolation --policy >/dev/null\n"
    _, r, after, again = make(host, policy(host, mode="devdax", file_mode="0660"), before=one)
    quarter = SIZE[host] // 4
    assert r.rc == 0 and r.json["layout"]["result"] == "done", str(r)
    assert devices(after) == [(str(n * quarter), "2097152", "device_dax") for n in (1, 2, 1)]
    assert [d["name"] for d in r.json["layout"]["dax"]] == ["vm1", "vm2", "vm3"] and r.json["dax"] == []
    assert [d["dax"] for d in r.json["layout"]["dax"]] == ["dax0.0", "dax0.1", "dax0.2"]
    assert after.text.splitlines()[-1].split()[-1] == "1", "new dax devices get no driver any more"
    assert again.rc == 0 and again.json["layout"]["result"] == "already" and written(again) == [] and again.json["layout"]["plan"] == []


BLOCKS = "cat /sys/devices/system/memory/memory*/state | sort | uniq -c"


def test_memory_that_the_kernel_brought_online_goes_offline_first():
    """As after a boot, on a host whose firmware makes the region."""
    _, r, after, again = make("vms1", policy(mode="devdax"), before="cxl-sim ctl reboot\n")
    assert r.rc == 0 and r.json["layout"]["result"] == "done", str(r)
    offline = [s for s in r.json["layout"]["plan"] if s["op"] == "offline"]
    assert len(offline) == 32 and all(s["state"] == "done" and s["undo"].startswith("online") for s in offline)
    assert devices(after) == [(str(n << 30), "2097152", "device_dax") for n in (1, 2, 1)] and again.json["layout"]["result"] == "already"


def test_memory_that_does_not_go_offline_is_online_again_as_it_was():
    before = "cxl-sim ctl reboot; cxl-sim ctl busy memory177 on\n" + write(policy(mode="devdax"))
    look, online, r, after, again = Session("vms1", before=before).sh(LOOK).sh(BLOCKS).daxctl("prepare-isolation", "--policy").sh(LOOK).sh(BLOCKS).run()
    assert r.rc == 4 and "memory177" in r.err and "everything is as it was" in r.err and r.json["layout"]["result"] == "rolled-back", str(r)
    assert (after.text, again.text) == (look.text, online.text) and online.text.split()[-1] == "online"


def test_two_regions_are_made_over_two_root_ports_each():
    text = "".join(f"[region r{i}]\nmemdevs = {serials}\n[dax vm{i}a]\nregion = r{i}\nsize = 50%\n[dax vm{i}b]\nregion = r{i}\nsize = rest\n"
                   for i, serials in enumerate(["0x6001, 0x6002", "0x6003, 0x6004"]))
    [printed] = Session("vms2x2").daxctl("list", "--isolation").run()
    for i, region in enumerate(sorted(printed.json["regions"], key=lambda x: x["region"])):
        text = text.replace(["0x6001, 0x6002", "0x6003, 0x6004"][i], ", ".join(m["serial"] for m in region["memdevs"]))
    _, r, after, again = make("vms2x2", text, before=NOTHING)
    assert r.rc == 0 and r.json["layout"]["result"] == "done", str(r)
    assert devices(after) == [(str(2 << 30), "2097152", "device_dax")] * 4
    assert again.json["layout"]["result"] == "already"


def test_it_is_cut_anew_where_this_command_made_the_region():
    _, r, after, again = make("vms1", policy(sizes=["50%", "rest"]),
                              before=NOTHING + write(policy()) + "daxctl prepare-isolation --policy >/dev/null\n")
    assert r.rc == 0 and devices(after) == [(str(2 << 30), "2097152", "device_dax")] * 2, str(r)
    assert again.json["layout"]["result"] == "already"


def test_it_is_made_anew_where_this_command_made_it():
    _, r, after, again = make("vms1", policy(sizes=["1GiB", "rest"], region="size = 2GiB\n"),
                              before=NOTHING + write(policy()) + "daxctl prepare-isolation --policy >/dev/null\n")
    assert r.rc == 0 and devices(after) == [(str(1 << 30), "2097152", "device_dax")] * 2, str(r)
    assert again.json["layout"]["result"] == "already"


def test_a_part_becomes_system_ram_and_its_memory_comes_online_isolation_first():
    _, r, after, again = make("vms1", policy(mode="system-ram"), before=NOTHING)
    assert r.rc == 0 and [d[2] for d in devices(after)] == ["kmem", "device_dax", "device_dax"], str(r)
    [job] = r.json["dax"]
    assert job["dax"] == "dax0.0" and job["result"] == "done" and [s["op"] for s in job["plan"]][0] == "write", str(r)
    assert job["after"]["blocks"]["online"] == 8 and [z["zone"] for z in job["after"]["blocks"]["zones"]] == ["Movable"]
    assert again.json["layout"]["result"] == "already" and [d["result"] for d in again.json["dax"]] == ["already"]


def test_system_ram_that_is_offline_comes_online_though_the_layout_is_there():
    off = "for b in /sys/devices/system/memory/memory*/state; do grep -q offline $b || echo offline > $b 2>/dev/null; done; true"
    s = Session("vms1", before=write(policy(mode="system-ram"))).daxctl("prepare-isolation", "--policy").sh(off) \
        .cxl("isolation-status", "--policy").daxctl("prepare-isolation", "--policy").cxl("isolation-status", "--policy")
    first, _, drift, r, then = s.run()
    assert first.rc == 0 and drift.rc == 1 and [d for d in drift.messages(code="DRIFT") if "memory is offline" in d["text"]], f"{first}{drift}"
    assert r.rc == 0 and r.json["layout"]["result"] == "already" and r.json["dax"][0]["result"] == "done" and then.rc == 0, f"{r}{then}"


def test_system_ram_stays_offline_where_isolation_cannot_be_on_and_that_is_said():
    _, r, after, _ = make("vms1", policy(mode="system-ram"), before=NOTHING, kernel="mainline")
    assert r.rc == 3 and r.json["layout"]["result"] == "done" and r.json["dax"][0]["result"] == "refused" and "cannot switch isolation on" in r.err, str(r)
    assert [d[2] for d in devices(after)] == ["kmem", "device_dax", "device_dax"]


def test_only_the_file_of_a_device_is_touched_where_nothing_else_differs():
    _, r, _, again = make("vms1", policy(sizes=["25%", "50%", "25%"], owner="107", file_mode="0640"))
    assert r.rc == 0 and [s["op"] for s in r.json["layout"]["plan"]] == ["owner", "file-mode"], str(r)
    assert again.json["layout"]["result"] == "already"


def test_a_dry_run_says_all_steps_and_writes_nothing():
    look, r, after, _ = make("vms1", policy(), "-n", before=NOTHING)
    assert r.rc == 0 and r.json["layout"]["result"] == "planned" and len(r.json["layout"]["plan"]) > 15 and written(r) == []
    assert look.text == after.text and {s["state"] for s in r.json["layout"]["plan"]} == {"planned"}


# -- from what is left of a region --------------------------------------------------------------
PORT = "0000:0c:00.0"
CAPACITY = "for d in /sys/bus/cxl/devices/decoder*; do [ -e $d/dpa_size ] && [ -z \"$(cat $d/region)\" ] && echo $(($(cat $d/dpa_size))); done | sort -u"


def test_a_port_that_was_recovered_without_its_region_gets_it_again_over_the_same_devices():
    """Also where somebody else had made it: what other ports' devices had of it was given back."""
    look, _, _, r, free, made, after = Session("vms2x2").sh(LOOK).cxl("enable-isolation", "root0").sh(f"cxl-sim ctl link-down {PORT}") \
        .cxl("recover-port", "--no-rebuild", PORT).sh(CAPACITY).daxctl("prepare-isolation", "--policy").sh(LOOK).run()
    assert r.rc == 0 and free.text.split() == ["0"], str(r)
    assert made.rc == 0 and made.json["layout"]["result"] == "done" and devices(look) == devices(after), str(made)


def test_what_a_deleted_region_left_on_devices_that_stayed_is_taken_away_and_a_dry_run_says_so():
    """Its other device was replugged: what is left has no region, and no address."""
    delete = "for r in /sys/bus/cxl/devices/region*; do n=$(basename $r); root=$(basename $(dirname $(readlink -f $r)))\n" \
        "for d in $r/dax_region*/dax*.*; do basename $d > $d/driver/unbind; done; echo $n > /sys/bus/cxl/drivers/cxl_region/unbind\n" \
        "echo 0 > $r/commit; echo $n > /sys/bus/cxl/devices/$root/delete_region; done"
    look, made, left, dry, r, after, again = Session("vms2x2", before=NOTHING).sh(LOOK).daxctl("prepare-isolation", "--policy").sh(delete + "\n" + CAPACITY) \
        .daxctl("prepare-isolation", "--policy", "-n").daxctl("prepare-isolation", "--policy").sh(LOOK).daxctl("prepare-isolation", "--policy").run()
    assert made.rc == 0 and left.text.split() == ["0", str(2 << 30)], f"{made}{left}"
    assert dry.json["layout"]["result"] == "planned" and dry.messages(code="REST") and written(dry) == [], str(dry)
    assert r.rc == 0 and r.json["layout"]["result"] == "done" and len(devices(after)) == 4, str(r)
    assert again.json["layout"]["result"] == "already"


# -- what is refused ------------------------------------------------------------------------
@pytest.mark.parametrize("text,rc,said", [
    (policy(sizes=["3GiB", "2GiB"]), 1, "take 5GiB up to here"),
    (policy(sizes=["1GiB", "1000"]), 2, f"{POLICY}:8:"),
    (policy().replace("vm2", "vm1"), 2, f"{POLICY}:6:"),
    (policy().replace("0x5001", "0x7777"), 2, "no memory device has serial number 0x7777"),
    (policy(owner="nobody-of-that-name"), 2, f"{POLICY}:6: [dax vm1]: this host has no user"),
    (policy(sizes=["50%", "rest"]), 1, "which somebody else made"),
    (policy(region="size = 2GiB\n"), 1, "somebody else made"),
])
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(text, rc, said):
    look, r, after, _ = make("vms1", text)
    assert r.rc == rc and said in r.err and len(r.err.splitlines()) == 1, str(r)
    assert r.json["layout"]["result"] == "refused" and written(r) == [] and look.text == after.text


@pytest.mark.parametrize("before", ["", NOTHING])
def test_a_part_of_a_memory_block_cannot_be_system_ram_whether_a_region_is_there_or_not(before):
    text = policy("direct1", sizes=["64MiB", "128MiB", "rest"]).replace("size = 128MiB\n", "size = 128MiB\nmode = system-ram\n")
    look, r, after, _ = make("direct1", text, before=before)
    assert r.rc == 1 and f"{POLICY}:8:" in r.err and "in memory blocks of 128MiB on this host, and does not begin with one" in r.err, str(r)
    assert r.json["layout"]["result"] == "refused" and written(r) == [] and look.text == after.text


def test_what_is_in_use_stays():
    look, r, after, _ = make("vms1", policy(sizes=["512MiB", "512MiB", "rest"]), before=dax_user() + "\n")
    assert r.rc == 1 and "in use by process" in r.err and f"{POLICY}:5:" in r.err, str(r)
    assert written(r) == [] and look.text == after.text


@pytest.mark.parametrize("args", [["region0"], ["--mode=devdax"], ["--undo"], ["--persist"], ["--keep-going"], ["--timeout=1s"]])
def test_a_policy_goes_with_nothing_that_it_says_itself(args):
    [r] = Session("vms1", before=write(policy())).daxctl("prepare-isolation", "--policy", *args).run()
    assert r.rc == 2 and "nothing was done" in r.err and written(r) == []


def test_without_a_section_there_is_nothing_to_do_and_that_is_said():
    [r] = Session("vms1", before=write("# nothing yet\n")).daxctl("prepare-isolation", "--policy", "-v").run()
    assert r.rc == 0 and r.messages(code="NOTHING"), str(r)


# -- when it goes wrong -----------------------------------------------------------------------
STEPS = r"""
import json, os, subprocess, sys
command, start, look, action, found = json.loads(os.environ["COMMAND"]), os.environ["START"], os.environ["LOOK"], sys.argv[1], []
def sh(text):
    return subprocess.run(["sh", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
def make():
    p = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return p.returncode, p.stderr, json.loads(p.stdout)["layout"]["result"] if p.stdout else None
for n in range(int(sys.argv[2]), 200, int(sys.argv[3])):
    sh(start)
    was = sh(look)
    sh(f"cxl-sim ctl fault write:{n}={action}")
    rc, err, result = make()
    sh("cxl-sim ctl fault none")
    left = sh(look)
    again = make()
    found.append({"n": n, "rc": rc, "err": err, "result": result, "is_as_it_was": left == was, "was": was, "left": left, "again": again, "then": make()[2]})
    if rc == 0 and found[-1]["is_as_it_was"] is False and again[2] == "already" and n > int(sys.argv[4]):
        break
print(json.dumps(found))
"""


def each_write(host, command, start, look, action, first=1, stride=1, most=60, before=""):
    """COMMAND from the state that START makes, and at every STRIDE-th write, from FIRST on, ACTION: what came of it, and of
    the run after it.  Until nothing goes wrong any more, behind MOST writes; LOOK tells the states apart."""
    s = Session(host, before=before, env={"COMMAND": json.dumps(command), "START": start, "LOOK": look})
    [r] = s.sh(f"/usr/bin/python3 -I -c {shlex.quote(STEPS)} {action} {first} {stride} {most}").run()
    return json.loads(r.text)


def check_finished(found):
    """The run after it has made all of it, and the one after that has nothing to do."""
    wrong = [f for f in found if f["again"][0] or f["then"] != "already"]
    assert not wrong, json.dumps(wrong[:2], indent=1)


def check_failed(found):
    """It says whether everything is as it was, and that is so."""
    failed = [f for f in found if f["rc"]]
    assert len(failed) > 5, [f["rc"] for f in found]
    wrong = [f for f in failed if ("everything is as it was" in f["err"]) != f["is_as_it_was"] or f["result"] == "done"]
    assert not wrong, json.dumps(wrong[:2], indent=1)
    check_finished(found)


def each_step(action, first):
    """Every third write; with CXL_FAULTS=all every one."""
    stride = 1 if cli.EVERYTHING else 3
    return each_write("vms1", ["daxctl", "prepare-isolation", "--policy"], NOTHING, LOOK, action, first, stride,
                      before=write(policy(mode="devdax", file_mode="0660")))


@pytest.mark.kills
@pytest.mark.sweep
@pytest.mark.parametrize("action,first", [("kill-before", 1), ("kill-after", 2)])
def test_killed_at_any_write_the_next_run_finishes(action, first):
    found = each_step(action, first)
    assert sum(f["rc"] < 0 for f in found) > 4, [f["rc"] for f in found]
    check_finished(found)


@pytest.mark.kills
@pytest.mark.sweep
@pytest.mark.parametrize("action,first", [("EIO", 1), ("EBUSY", 2)])
def test_a_write_that_fails_leaves_everything_as_it_was_or_is_made_up_for(action, first):
    check_failed(each_step(action, first))


def test_memory_of_others_that_comes_meanwhile_gets_the_driver_that_it_would_have():
    """New dax devices get none until the last of the layout has its own: kmem takes what nobody has when its module is loaded."""
    before = "echo region1 > /sys/bus/cxl/drivers/cxl_region/unbind; echo dax0.1 > /sys/bus/dax/drivers/device_dax/unbind; echo 0 > /sys/bus/dax/devices/dax0.1/size\n" \
        + write("[region left]\nmemdevs = 0x6001, 0x6002\n[dax vm1]\nregion = left\nsize = 1GiB\n[dax vm2]\nregion = left\nsize = rest\n") \
        + "(until [ $(cat /sys/bus/dax/drivers_autoprobe) = 0 ]; do sleep 0.02; done; echo region1 > /sys/bus/cxl/drivers/cxl_region/bind) > /dev/null 2>&1 &"
    # it is there before the layout is done: the last write but one waits for it
    r, look = Session("vms2x2", before=before, faults=["write@*/device_dax/*bind:2=delay:1500", "write@*/device_dax/new_id:1=delay:1500"]) \
        .daxctl("prepare-isolation", "--policy").sh(LOOK).run()
    plan = [(s["op"], s["path"], s["value"]) for s in r.json["layout"]["plan"]]
    assert r.rc == 0 and plan[0][1:] == ("/sys/bus/dax/drivers_autoprobe", "0") and plan[-1] == ("let-probe", "/sys/bus/dax/drivers_autoprobe", "1"), str(r)
    found = {words[0]: words[3] for words in map(str.split, look.text.splitlines()) if words[0].startswith("dax")}
    assert len(found) == 3 and [found.pop(d) for d in ("dax0.0", "dax0.1")] == ["device_dax"] * 2, look.text
    assert written(r)[-2:] == ["/sys/bus/dax/drivers_autoprobe", "/sys/bus/dax/drivers_probe"], written(r)
    assert list(found.values()) == ["device_dax"] and look.text.split()[-1] == "1", look.text
