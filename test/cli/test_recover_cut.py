# SPDX-License-Identifier: GPL-2.0-only
"""cxl recover-port where a region is cut into several dax devices: each comes back as it was, whatever happens meanwhile."""
import json
import shlex

import pytest

from lib import cli
from lib.cli import SIM, Session, dax_user, host_file
from lib.recovering import FAIL, JOURNAL, PORT, STATE, cxl_writes, make_region, refused, view

G = 1 << 30
M = 1 << 20
W0 = 0x490000000
# of every dax device: where in its region, what of it, how, whose; then what is free, and what happens to new ones
LOOK = r"""
cd /sys/bus/dax/devices; for d in dax*; do [ -e $d ] || continue
    r=$(readlink -f $d | sed 's,.*/\(region[0-9]*\)/.*,\1,'); start=$(cat /sys/bus/cxl/devices/$r/resource); at=
    for m in $d/mapping*/; do [ -e $m ] && at="$at $(($(cat $m/start) - start))-$(($(cat $m/end) - start))"; done
    [ $(cat $d/size) = 0 ] && continue
    echo "$(cat /sys/bus/cxl/devices/$r/target0 | wc -l) $at size $(cat $d/size) align $(cat $d/align) $(basename "$(readlink $d/driver || echo none)") memmap $(cat $d/memmap_on_memory)"
done | sort; cat /sys/bus/cxl/devices/dax_region*/dax_region/available_size; cat /sys/bus/dax/drivers_autoprobe /sys/devices/system/memory/auto_online_blocks
"""
# every device without driver, and without memory
EMPTY = "for d in /sys/bus/dax/devices/*; do n=$(basename $d); echo $n >$d/driver/unbind; echo $n >/sys/bus/dax/drivers/device_dax/remove_id; echo 0 >$d/size; done; " \
    "cd /sys/bus/dax/devices; "
TIMEOUT = f"{SIM} ctl timeout {PORT}"


def bind(dax):
    return f"echo {dax} >/sys/bus/dax/drivers/device_dax/new_id; "


def lost(host="vms1", fail=FAIL, before="", **more):
    """The host as it is, and then the port failed: [.., look, list]."""
    s = Session(host, **more)
    if before:
        s.sh(before)
    return s.sh(LOOK).cxl("enable-isolation", "--timeout=B2", "root0").cxl("list", "--isolation").sh(fail)


def parts_of(tmp_path, *parts, base="direct1-6.12-devdax", **more):
    return host_file(tmp_path, base, dax={"region0": [{"size": size, "driver": driver} for size, driver in parts]}, **more)


def listed(r):
    """A listing without the numbers that a cut gives anew."""
    d = view(r)
    for rp in (rp for b in d["buses"] for hb in b["host_bridges"] for rp in hb["root_ports"]):
        del rp["dax"]
    return d


def comes_back(s, *args):
    """Recovered without a word, everything is where it was; the result of the recovery."""
    n = len(s.commands)
    look = s.commands.index((["sh", "-c", LOOK], None))
    r = s.cxl("recover-port", *args, PORT).sh(LOOK).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    assert r[n].rc == 0, str(r[n])
    assert r[n + 1].text == r[look].text
    assert listed(r[n + 2]) == listed(r[look + 2])
    assert not [x for x in r[n + 3].text.split() if x == f"{PORT}.json"]
    return r[n]


# -- as it was -----------------------------------------------------------------------------
@pytest.mark.parametrize("fail", [FAIL, TIMEOUT], ids=["link down", "timeout"])
@pytest.mark.parametrize("host", ["vms1", "vms2x2", "split1"])
def test_a_region_comes_back_cut_as_it_was(host, fail):
    r = comes_back(lost(host, fail))
    assert not r.messages(code="FILE-SYSTEM")
    # the memory is proved once a region, all of it, before the first piece is cut off
    steps = [s["op"] for s in r.json["root_ports"][0]["plan"]]
    regions = len(r.json["root_ports"][0]["regions"])
    assert steps.count("pattern") == regions and steps.index("pattern") < steps.index("make-dax") and "range" in steps
    assert all(len(x["dax"]) > 1 for x in r.json["root_ports"][0]["regions"])
    names = sorted(d["name"] or "" for x in r.json["root_ports"][0]["regions"] for d in x["dax"])
    assert names == {"vms1": ["vm1", "vm2", "vm3"], "split1": ["", ""]}.get(host, names) and len(set(names)) == (len(names) if host != "split1" else 1)


def test_as_a_person_would_type_it_and_after_a_reboot_again():
    way = ["daxctl prepare-isolation --policy >/dev/null", "cxl enable-isolation --policy >/dev/null",
           "cxl isolation-status --assert 'containment>=recover' >/dev/null", "daxctl list --isolation >$SCRATCH/before.json", f"cxl-sim ctl link-down {PORT} >/dev/null",
           f"cxl recover-port {PORT} >/dev/null", "daxctl list --isolation >$SCRATCH/after.json", "daxctl list --isolation --format=table"]
    text = "set -e; " + "; ".join(f"{w} || {{ echo '{w.split()[0]}' failed; exit 1; }}" for w in way)
    look = "/usr/bin/python3 -I -c 'import json,os,sys; d=[[{k: x[k] for k in x if k not in (\"users\",)} for x in json.load(open(os.environ[\"SCRATCH\"]+f))[\"dax\"]] for f in (\"/before.json\", \"/after.json\")]; " \
        "assert d[0] == d[1] and len(d[0]) == 3, d; print([x[\"driver\"] for x in d[1]])'"
    # the kernel's one device is System RAM then, as on Debian
    s = Session("vms1").sh(text).sh(look).sh(f"{SIM} ctl reboot").sh(text).sh(look).daxctl("prepare-isolation", "--policy").run()
    assert [x.rc for x in s] == [0] * 6, "\n".join(map(str, s))
    assert [line.split()[1] for line in s[0].text.splitlines()] == ["NAME", "vm1", "vm2", "vm3"] == [line.split()[1] for line in s[3].text.splitlines()]
    assert s[1].text == s[4].text and s[5].json["layout"]["result"] == "already"


def test_containment_is_recover_and_the_plan_says_each_device():
    s = lost().cxl("recover-port", "-n", PORT).run()
    rp = s[1].root_ports()[PORT]
    assert rp["containment"] == "recover" and not rp["limits"], rp
    titles = [x["title"] for x in s[-1].json["root_ports"][0]["times"]]
    assert s[-1].rc == 0 and not cxl_writes(s[-1].log)
    for title in ("make vm2 (dax0.1) again", "make vm3 (dax0.2) again", "give vm1 (dax0.0) its memory", "bind vm3 (dax0.2) to device_dax"):
        assert title in titles


def test_it_comes_back_cut_at_another_place(tmp_path):
    """The place below is free, which the kernel takes for it then: all offsets are of the region."""
    cut = f"; d=/sys/bus/dax/devices; echo dax3.0 >/sys/bus/dax/drivers/device_dax/unbind; echo 0 >$d/dax3.0/size; echo {W0 + 384 * M:x}-{W0 + 448 * M - 1:x} >$d/dax3.0/mapping; " \
        f"echo 1 >/sys/bus/cxl/devices/dax_region3/dax_region/create; echo {W0 + 256 * M:x}-{W0 + 320 * M - 1:x} >$d/dax3.1/mapping; " + bind("dax3.0") + bind("dax3.1") + \
        "cd /sys/bus/cxl/devices; echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind; echo region0 >/sys/bus/cxl/drivers/cxl_region/unbind; echo 0 >region0/commit; " \
        "echo region0 >decoder0.0/delete_region"
    host = host_file(tmp_path, "direct2x2-6.12-noregion", files={f"sys/bus/cxl/devices/mem{i}/ram/size": "0x40000000\n" for i in range(4)})
    port = "0000:0c:01.0"
    s = Session(host).sh(make_region("decoder0.0", ["mem0"]) + "; " + make_region("decoder0.0", ["mem2"]) + cut).sh(LOOK).cxl("enable-isolation", "root0") \
        .cxl("list", "--isolation").sh(f"{SIM} ctl link-down {port}").cxl("recover-port", "--accept-move", port).sh(LOOK).cxl("list", "--isolation").run()
    assert s[5].rc == 0, str(s[5])
    assert s[6].text == s[1].text and s[1].text.count("size 67108864") == 2, s[1].text
    assert [x["resource"] for x in s[3].regions().values()] == [hex(W0 + 256 * M)]
    assert [x["resource"] for x in s[7].regions().values()] == [hex(W0)]


# -- every kind of device ----------------------------------------------------------------------
def test_each_device_has_its_driver_again(tmp_path):
    host = parts_of(tmp_path, (128 * M, "kmem"), (32 * M, "fsdev_dax"), (32 * M, None), (32 * M, "device_dax"))
    offline = "for b in /sys/devices/system/memory/memory*/state; do echo offline >$b; done 2>/dev/null; "
    s = lost(host, before=offline + "echo online_movable >/sys/devices/system/memory/auto_online_blocks")
    n = len(s.commands)
    s = s.cxl("recover-port", PORT).sh(LOOK).sh("cat /sys/devices/system/memory/memory14[6-9]/state | sort -u").run()
    assert s[n].rc == 0, str(s[n])
    assert s[n + 1].text == s[1].text and s[n + 1].text.splitlines()[-1] == "online_movable"
    assert "online" not in s[n + 2].text.split(), "memory came online"
    said, = s[n].messages(code="FILE-SYSTEM")
    assert said["target"] == "dax0.1" and "make it again" in said["text"]


def test_what_nobody_had_stays_free_and_a_seed_is_no_device():
    before = "for n in 1 2; do echo dax0.$n >/sys/bus/dax/drivers/device_dax/unbind; done; echo 0 >/sys/bus/dax/devices/dax0.1/size; " \
        "echo dax0.2 >/sys/bus/dax/drivers/device_dax/remove_id; "
    r = comes_back(lost(before=before))
    assert [[p["offset"] for p in d["parts"]] for d in r.json["root_ports"][0]["regions"][0]["dax"]] == [["0x0"], ["0xc0000000"]]


def test_nothing_of_it_is_anybodys():
    r = comes_back(lost(before=EMPTY))
    assert r.json["root_ports"][0]["regions"][0]["dax"] == []


def test_another_align_comes_back_too():
    before = EMPTY + f"echo {G} >dax0.1/align; echo {W0 + G:x}-{W0 + 3 * G - 1:x} >dax0.1/mapping; " + bind("dax0.1")
    s = lost(before=before)
    assert "align 1073741824" in s.run()[1].text
    comes_back(s)


def test_a_device_of_two_parts_comes_back_in_their_order():
    before = EMPTY + f"for r in {W0 + 3 * G:x}-{W0 + 4 * G - 1:x} {W0:x}-{W0 + G - 1:x}; do echo $r >dax0.1/mapping; done; " + bind("dax0.1")
    r = comes_back(lost(before=before))
    device, = r.json["root_ports"][0]["regions"][0]["dax"]
    assert [p["offset"] for p in device["parts"]] == ["0xc0000000", "0x0"] and device["size"] == 2 * G


# -- what cannot be, or cannot be told ------------------------------------------------------------
def test_one_that_the_kernel_would_not_make_so_is_named_ahead_and_refused():
    odd = EMPTY + f"echo {W0 + 3 * G // 2:x}-{W0 + 2 * G - 1:x} >dax0.2/mapping; echo {W0:x}-{W0 + G - 1:x} >dax0.0/mapping; " \
        f"echo {G} >dax0.1/align; echo {G} >dax0.1/size; " + bind("dax0.1")
    s = lost(before=odd).cxl("recover-port", "--no-rebuild", "-n", PORT).cxl("recover-port", PORT)
    rp = s.run()[3].root_ports()[PORT]
    assert (rp["containment"], rp["limits"]) == ("contain", ["ISO-DAX-LAYOUT"])
    refused(s, 1, "ISO-DAX-LAYOUT", "region0 cannot be made again afterwards: dax0.1 has a range that is not a multiple of its align", "--no-rebuild")


@pytest.mark.parametrize("attr,said", [("align", "the align of dax0.1 cannot be read"), ("size", "the size of dax0.1 cannot be read"),
                                       ("mapping0/start", "where dax0.1 lies cannot be read")])
def test_what_cannot_be_read_raises_no_promise(attr, said):
    s = Session("vms1").cxl("enable-isolation", "root0").cxl("isolation-status", "--check").sh(f"{SIM} ctl fault 'read@*/dax0.1/{attr}:1+=EIO'") \
        .cxl("isolation-status", "--check").sh(FAIL).cxl("recover-port", PORT).run()
    known, untold, r = s[1], s[3], s[5]
    assert known.json["root_ports"][0]["containment"] == "recover" and untold.json["root_ports"][0]["containment"] == "contain"
    check, = [c for c in untold.json["root_ports"][0]["checks"] if c["check"] == "ISO-DAX-LAYOUT"]
    assert check["result"] == "unknown" and said in check["text"] and "root" in check["remedy"]
    assert r.rc == 1 and r.json["root_ports"][0]["blocker"] == "ISO-DAX-LAYOUT" and said in r.err and not cxl_writes(r.log), str(r)


def test_nobody_without_root_is_promised_more_than_root():
    r = Session("vms1").cxl("enable-isolation", "root0").cxl("isolation-status", user=65534).run()[1]
    assert r.json["root_ports"][0]["containment"] != "recover" and "ISO-DAX-LAYOUT" in r.json["root_ports"][0]["limits"], str(r)


@pytest.mark.parametrize("fault,step", [("*/dax_region/create:2=ENOSPC", "make vm3 (dax0.2) again"), ("*/dax0.0/size:1=EBUSY", "take the memory from the first"),
                                        ("*/dax0.1/mapping:1=ENOMEM", "give vm2 (dax0.1) its memory"), ("*/dax0.1/align:1=EIO", None),
                                        ("*/dax0.*/mapping:2=drop", "give vm2 (dax0.1) its memory"), ("*/device_dax/new_id:3=EBUSY", "bind vm2 (dax0.1)")])
def test_a_device_that_cannot_be_made_stops_it_and_the_same_command_goes_on(fault, step):
    s = lost(faults=[f"write@{fault}"]).cxl("recover-port", PORT).cxl("recover-port", "--resume", PORT).sh(LOOK).run()
    if step:
        assert s[4].rc == 4 and step in s[4].err and f"cxl recover-port --resume {PORT}" in s[4].err, str(s[4])
        assert s[5].rc == 0, str(s[5])
    assert s[6].text == s[0].text


# -- who uses it, and what is asked otherwise -------------------------------------------------------
def test_a_device_in_use_refuses_it_and_its_users_can_be_ended():
    s = lost(fail="cxl-sim ctl map dax0.1 idle >&2; " + TIMEOUT).cxl("recover-port", PORT).cxl("recover-port", "--users=kill", PORT).sh(LOOK).run()
    assert s[4].rc == 1 and "dax0.1" in s[4].err and "dax-user" in s[4].err and not cxl_writes(s[4].log), str(s[4])
    assert s[5].rc == 0 and s[6].text == s[0].text, str(s[5])


def test_a_user_of_half_cut_memory_is_not_disturbed():
    s = lost(faults=["write@*/device_dax/new_id:3=EBUSY"]).cxl("recover-port", PORT).sh(dax_user("map")).cxl("recover-port", "--resume", PORT) \
        .sh("kill $(cat $SCRATCH/user); sleep 0.2").cxl("recover-port", "--resume", PORT).sh(LOOK).run()
    assert s[4].rc == 4 and s[6].rc == 1 and s[6].json["root_ports"][0]["blocker"] == "ISO-BUSY", str(s[6])
    assert not cxl_writes(s[6].log) and s[8].rc == 0 and s[9].text == s[0].text, str(s[8])


def test_without_the_regions_the_policy_makes_the_same_host():
    s = lost().cxl("recover-port", "--no-rebuild", PORT).daxctl("prepare-isolation", "--policy").sh(LOOK).cxl("list", "--isolation").run()
    assert s[4].rc == 0 and s[5].rc == 0 and s[5].json["layout"]["result"] == "done", f"{s[4]}\n{s[5]}"
    assert s[6].text == s[0].text and listed(s[7]) == listed(s[2])


def test_given_up_midway_nothing_of_it_can_be_used_and_the_policy_makes_it_anew():
    s = lost(faults=["write@*/dax_region/create:2=ENOSPC"]).cxl("recover-port", PORT).cxl("recover-port", "--abandon", PORT).cxl("list", "--isolation") \
        .sh("cat /sys/bus/dax/drivers_autoprobe; ls /sys/bus/dax/devices").cxl("recover-port", PORT).daxctl("prepare-isolation", "--policy").sh(LOOK).run()
    assert s[4].rc == 4 and s[5].rc == 0 and not s[6].regions() and s[7].text == "1\n", f"{s[5]}\n{s[7]}"
    assert s[8].rc == 0 and s[9].rc == 0 and s[10].text == s[0].text, f"{s[8]}\n{s[9]}"


# -- killed anywhere ----------------------------------------------------------------------------------
STEPS = r"""
import json, os, subprocess, sys
def sh(text):
    return subprocess.run(["sh", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, text=True)
look, port, action, found = os.environ["LOOK"], sys.argv[1], sys.argv[2], []
was = sh(look).stdout
for n in range(int(sys.argv[3]), 400, int(sys.argv[4])):
    sh(f"cxl enable-isolation --timeout=B2 root0; cxl-sim ctl link-down {port}; cxl-sim ctl fault write:{n}={action}")
    p = sh(f"cxl recover-port {port}")
    sh("cxl-sim ctl fault none")
    again = sh(f"cxl recover-port --resume {port}") if p.returncode else p
    if again.returncode and not os.path.exists(os.environ["JOURNAL"]):
        again = sh(f"cxl recover-port {port}")
    left = sh(look).stdout
    found.append({"n": n, "rc": p.returncode, "err": again.stderr[-600:], "again": again.returncode, "is_as_it_was": left == was, "left": left})
    if not p.returncode or left != was:
        break
print(json.dumps({"was": was, "found": found}))
"""


@pytest.mark.kills
@pytest.mark.sweep
@pytest.mark.parametrize("host,first,stride", [("vms1", 1, 1), ("mixed", 1, 1)] if cli.EVERYTHING else [("vms1", 2, 6), ("mixed", 2, 5)])
@pytest.mark.parametrize("action", ["kill-before", "kill-after"])
def test_killed_at_any_write_it_is_finished_by_the_next_command(tmp_path, host, first, stride, action):
    before = ""
    if host == "mixed":
        host = parts_of(tmp_path, (128 * M, "kmem"), (32 * M, "fsdev_dax"), (0, None), (32 * M, None), (32 * M, "device_dax"))
        before = "for b in /sys/devices/system/memory/memory*/state; do echo offline >$b; done 2>/dev/null; echo online >/sys/devices/system/memory/auto_online_blocks"
    [r] = Session(host, before=before, env={"LOOK": LOOK, "JOURNAL": JOURNAL}).sh(f"/usr/bin/python3 -I -c {shlex.quote(STEPS)} {PORT} {action} {first} {stride}").run()
    d = json.loads(r.text)
    killed = [f for f in d["found"] if f["rc"] < 0 or f["rc"] >= 128]
    assert len(killed) > 30 // stride, [f["rc"] for f in d["found"]]
    assert not d["found"][-1]["rc"], d["found"][-1]
    wrong = [f for f in d["found"] if f["again"] or not f["is_as_it_was"]]
    assert not wrong, d["was"] + json.dumps(wrong[:2], indent=1)
