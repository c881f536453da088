# SPDX-License-Identifier: GPL-2.0-only
"""prepare-isolation --persist: what is written, that it holds over reboot and hot plug, and that exactly it is taken out again."""
import functools

import pytest

from lib.cli import ROOT, Session, host_file

RP, ENDPOINT = "0000:0c:00.0", "0000:0d:00.0"
RULES, POLICY = "/etc/udev/rules.d/85-cxl-isolation.rules", "/etc/cxl/isolation.conf"
FILES = f"cat {RULES} 2>/dev/null; echo =====; cat {POLICY} 2>/dev/null; echo =====; cat /sys/bus/dax/drivers_autoprobe; ls -l {RULES} {POLICY} 2>/dev/null | cut -c1-10"


@pytest.fixture
def host(tmp_path):
    return functools.partial(host_file, tmp_path)


def files(r):
    """(rules, policy, autoprobe, modes) as FILES shows them."""
    rules, policy, rest = r.text.split("=====\n")
    return rules, policy, rest.split("\n")[0], rest.split("\n")[1:-1]


def serials(rules):
    return [line.split('"')[1] for line in rules.splitlines() if line.startswith("ENV{CXL_ISOLATION_SERIALS}+=")]


# -- it lasts ------------------------------------------------------------------------------------
def test_without_it_a_reboot_brings_system_ram_back():
    _, _, r = Session("sysram1").daxctl("prepare-isolation").sh("cxl-sim ctl reboot").daxctl("list", "--isolation").run()
    assert r.dax()["dax0.0"]["mode"] == "system-ram" and r.dax()["dax0.0"]["blocks"]["online"] == 2


def test_with_it_the_memory_is_devdax_after_a_reboot_and_isolation_can_be_enabled():
    refused, prepared, enabled, _, r, policy, status = Session("sysram1").cxl("enable-isolation", "root0").daxctl("prepare-isolation", "region0", "--persist") \
        .cxl("enable-isolation", "root0").sh("cxl-sim ctl reboot").daxctl("list", "--isolation").cxl("enable-isolation", "--policy") \
        .cxl("isolation-status", "--policy").run()
    assert refused.rc == 1 and prepared.rc == 0 and enabled.rc == 0 and enabled.root_ports()[RP]["containment"] in ("contain", "recover")
    d = r.dax()["dax0.0"]
    assert (d["mode"], d["fit"], d["blocks"]["online"], d["memmap_on_memory"]["in_force"]) == ("devdax", True, 0, False)
    assert policy.rc == 0 and policy.root_ports()[RP]["containment"] in ("contain", "recover"), str(policy)
    assert status.rc == 0, str(status)


# device_dax is made to forget the name, which may come back for any other region
REPLUG = f"""cd /sys/bus/cxl/devices; echo dax0.0 > /sys/bus/dax/drivers/device_dax/remove_id
echo 1 > /sys/bus/pci/devices/{ENDPOINT}/remove; echo region0 > decoder0.0/delete_region; echo 1 > /sys/bus/pci/rescan; sleep 0.3
r=$(cat decoder0.0/create_ram_region); echo $r > decoder0.0/create_ram_region
d=$(ls -d endpoint*/decoder*.0 | sed 's,.*/,,')
echo 256 > $r/interleave_granularity; echo 1 > $r/interleave_ways; echo 0x10000000 > $r/size
echo ram > $d/mode; echo 0x10000000 > $d/dpa_size; echo $d > $r/target0; echo 1 > $r/commit; echo $r > /sys/bus/cxl/drivers/cxl_region/bind
cxl-sim ctl settle"""


def test_it_holds_for_a_device_that_is_removed_and_comes_back():
    for persist in (True, False):
        _, _, replugged, r = Session("sysram1").daxctl("prepare-isolation", *(["--persist"] if persist else [])) \
            .sh("echo online_movable >/sys/devices/system/memory/auto_online_blocks").sh(REPLUG).daxctl("list", "--isolation").run()
        assert len(r.dax()) == 1, f"{replugged}\n{r}"
        d, = r.dax().values()
        assert (d["mode"], d["blocks"]["online"]) == (("devdax", 0) if persist else ("system-ram", 2)), f"{replugged}\n{r}"


def test_a_dax_device_that_is_there_before_its_memory_device_is_known_switches_automatic_binding_off_itself():
    """What loaded cxl_pci was not udev: kmem is loaded for the dax device's own event."""
    again = REPLUG.replace("sleep 0.3", "sleep 0.3; echo 1 >/sys/bus/dax/drivers_autoprobe")
    _, replugged, look, now = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(again).sh(FILES).daxctl("list", "--isolation").run()
    assert files(look)[2] == "0" and [d["mode"] for d in now.json["dax"]] == ["devdax"], f"{replugged}{look}{now}"


def test_memory_of_other_serial_numbers_is_left_to_the_kernel(host):
    two = host("direct2x2-6.12-two-regions")
    first, = Session(two).daxctl("list", "--isolation").run()
    kept = list(first.dax())[0]
    _, _, r = Session(two).daxctl("prepare-isolation", kept, "--persist").sh("cxl-sim ctl reboot").daxctl("list", "--isolation").run()
    assert {n: d["mode"] for n, d in r.dax().items()} == {n: "devdax" if n == kept else "system-ram" for n in first.dax()}
    assert all(d["blocks"]["online"] == d["blocks"]["total"] for n, d in r.dax().items() if n != kept)


# -- what is written ---------------------------------------------------------------------------------
def test_what_was_written_is_said_with_its_place():
    r, look, again, look_again = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(FILES).daxctl("prepare-isolation", "--persist").sh(FILES).run()
    rules, policy, autoprobe, modes = files(look)
    assert serials(rules) == ["0x1001"] and autoprobe == "0" and modes == ["-rw-r--r--"] * 2
    assert policy == "# the next section: daxctl prepare-isolation --persist\n[serial 0x1001]\nmode = devdax ; daxctl prepare-isolation --persist\n"
    assert [m["text"].split()[0] for m in r.messages(code="PERSIST")] == [RULES, POLICY]
    assert [(s["path"], s["value"]) for s in r.dax()["dax0.0"]["plan"] if s["op"] == "file"] == [(RULES, "0x1001"), (POLICY, "0x1001")]
    assert again.dax()["dax0.0"]["result"] == "already" and look_again.text == look.text


def test_the_rule_of_a_program_that_has_moved_is_written_anew():
    move = f"sed -i 's,RUN+=\"/[^ ]*,RUN+=\"/old/place/daxctl,' {RULES}"
    _, first, _, r, look, again = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(FILES).sh(move).daxctl("prepare-isolation", "--persist").sh(FILES) \
        .daxctl("prepare-isolation", "--persist").run()
    assert r.rc == 0 and look.text == first.text and "/old/place" not in look.text, f"{r}{look}"
    assert again.dax()["dax0.0"]["result"] == "already"


def test_an_interleaved_region_names_all_its_devices(host):
    listed, _, look = Session(host("direct2x2-6.12-x2rp-devdax")).cxl("list", "--isolation", "region0").daxctl("prepare-isolation", "--persist", "region0") \
        .sh(FILES).run()
    found = serials(files(look)[0])
    assert sorted(found) == sorted(m["serial"] for m in listed.memdevs().values()) and len(found) > 1


def test_a_dry_run_writes_nothing():
    r, look = Session("sysram1").daxctl("prepare-isolation", "--persist", "-n").sh(FILES).run()
    assert files(look)[:3] == ("", "", "1") and [s["state"] for s in r.dax()["dax0.0"]["plan"]] == ["planned"] * 6


USER_POLICY = "# mine\n[root0]\nrequire = contain\n\n[serial 0x1001]\ntimeout = B\n# end"


@pytest.mark.parametrize("policy", ["", "# mine\n", USER_POLICY, "[serial 0x1001]", "[serial 0x1001]\nmode = devdax\n", "[serial 4097]\n[all]\n"])
def test_undo_takes_out_exactly_that(host, policy):
    before, _, between, undo, after = Session(host(etc={"cxl/isolation.conf": policy} if policy else {})).sh(FILES) \
        .daxctl("prepare-isolation", "--persist").sh(FILES).daxctl("prepare-isolation", "--undo", "--persist").sh(FILES).run()
    assert undo.rc == 0, str(undo)
    assert serials(files(between)[0]) == ["0x1001"] and "mode = devdax" in files(between)[1]
    was, now = files(before), files(after)
    assert now[1].rstrip("\n") == was[1].rstrip("\n") and now[0] == "" and now[2] == "1"
    assert undo.dax()["dax0.0"]["after"]["mode"] == "system-ram"


def test_the_policy_file_keeps_its_mode_and_stays_where_a_link_leads(host):
    """A link into a repository of the site's configuration, as many have it."""
    link = f"mkdir -p /etc/site /etc/cxl; printf '[root0]\\n' >/etc/site/cxl.conf; chmod 640 /etc/site/cxl.conf; chgrp 65534 /etc/site/cxl.conf; ln -s ../site/cxl.conf {POLICY}"
    show = f"readlink {POLICY}; stat -c '%a %g' /etc/site/cxl.conf; ls /etc/site; cat /etc/site/cxl.conf"
    _, before, r, between, undo, after = Session("sysram1").sh(link).sh(show).daxctl("prepare-isolation", "--persist").sh(show) \
        .daxctl("prepare-isolation", "--undo", "--persist").sh(show).run()
    assert r.rc == undo.rc == 0, f"{r}{undo}"
    assert before.text.startswith("../site/cxl.conf\n640 65534\ncxl.conf\n[root0]\n") and between.text.startswith(before.text) and "mode = devdax" in between.text
    assert after.text == before.text


def test_a_link_to_an_empty_file_stays_and_one_to_nothing_is_refused():
    s = Session("sysram1").sh(f"mkdir -p /etc/cxl; :>/etc/cxl/empty; ln -s empty {POLICY}").daxctl("prepare-isolation", "--persist").daxctl("prepare-isolation", "--undo", "--persist") \
        .sh(f"readlink {POLICY}; cat /etc/cxl/empty").sh("rm /etc/cxl/empty").daxctl("prepare-isolation", "--persist").sh(FILES)
    _, r, undo, kept, _, refused, look = s.run()
    assert r.rc == undo.rc == 0 and kept.text == "empty\n", str(kept)
    assert refused.rc == 4 and f"{POLICY} cannot be written: No such file or directory; nothing was changed" in refused.err, str(refused)
    assert files(look)[:3] == ("", "", "1") and refused.json["dax"] == [], str(look)


def test_settings_that_were_added_to_the_section_stay(host):
    add = f"sed -i 's/^mode = devdax/timeout = C\\n&/' {POLICY}"
    _, _, undo, look = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(add).daxctl("prepare-isolation", "--undo", "--persist").sh(FILES).run()
    assert undo.rc == 0 and files(look)[1] == "[serial 0x1001]\ntimeout = C\n"


def test_the_others_stay_when_one_is_taken_out(host):
    two = host("direct2x2-6.12-two-regions")
    first, _, both, _, one = Session(two).daxctl("list", "--isolation").daxctl("prepare-isolation", "--persist").sh(FILES) \
        .daxctl("prepare-isolation", "--undo", "--persist", "region0").sh(FILES).run()
    assert len(first.dax()) == 2 and len(serials(files(both)[0])) == 4  # two have no region
    rules, policy, autoprobe, _ = files(one)
    assert len(serials(rules)) == 3 == policy.count("[serial") and autoprobe == "0"


def test_entries_of_what_is_gone_can_be_taken_out(host):
    gone = f"echo 1 > /sys/bus/pci/devices/{ENDPOINT}/remove; cxl-sim ctl settle"
    _, _, r, look = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(gone).daxctl("prepare-isolation", "--undo", "--persist").sh(FILES).run()
    assert r.rc == 0 and r.json["dax"] == [] and files(look)[:3] == ("", "", "1")
    assert [m["text"].rsplit(" ", 1)[1] for m in r.messages(code="PERSIST")] == [RULES, POLICY]


def test_entries_can_be_taken_out_of_a_host_that_has_no_cxl_any_more(host):
    """The cards were pulled, or the firmware no longer shows them."""
    rule = 'ENV{CXL_ISOLATION_SERIALS}+="0x1001"\n'
    policy = "[all]\n# the next section: daxctl prepare-isolation --persist\n[serial 0x1001]\nmode = devdax ; daxctl prepare-isolation --persist\n"
    where = host("none-6.12-noregion", kernel="mainline", etc={"udev/rules.d/85-cxl-isolation.rules": rule, "cxl/isolation.conf": policy})
    dry, named, undo, look, again = Session(where).daxctl("prepare-isolation", "--undo", "--persist", "-n").daxctl("prepare-isolation", "--undo", "--persist", "mem0") \
        .daxctl("prepare-isolation", "--undo", "--persist").sh(FILES).daxctl("prepare-isolation", "--undo", "--persist").run()
    assert dry.rc == undo.rc == 0 and undo.json["dax"] == [] and len(undo.messages(code="PERSIST")) == 2, f"{dry}{undo}"
    assert files(look)[:2] == ("", "[all]\n"), str(look)
    assert named.rc == again.rc == 3 and "no CXL bus" in named.err and "no CXL bus" in again.err, f"{named}{again}"


def test_taking_out_what_is_not_there_is_no_failure():
    for capture in ("direct1-6.12-noregion", "direct1-6.12-sysram", "pmem1-6.12-pmem"):
        host = ROOT / f"test/hosts/captures/{capture}.tar.xz"
        for args in ((), ("mem0",), ("-n",)):
            r, look = Session(host).daxctl("prepare-isolation", "--undo", "--persist", *args).sh(FILES).run()
            assert r.rc == 0 and not r.err and files(look)[:3] == ("", "", "1"), str(r)


def test_a_dry_run_says_what_would_be_written_for_memory_without_a_region():
    s = Session(ROOT / "test/hosts/captures/direct1-6.12-noregion.tar.xz").daxctl("prepare-isolation", "--persist", "-n").sh(FILES) \
        .daxctl("prepare-isolation", "--persist").daxctl("prepare-isolation", "--undo", "--persist", "-n").sh(FILES)
    dry, look, done, undo, kept = s.run()
    for r, words in ((dry, "would get"), (done, "now has"), (undo, "would be taken out")):
        assert r.rc == 0 and [RULES in m["text"] or POLICY in m["text"] for m in r.messages(code="PERSIST")] == [True, True], str(r)
        assert all(words in m["text"] and "0x1001" in m["text"] for m in r.messages(code="PERSIST")), str(r)
    assert files(look)[:3] == ("", "", "1") and serials(files(kept)[0]) == ["0x1001"]


def test_a_memory_device_without_a_region_is_kept_too():
    r, look, again, undo, after = Session(ROOT / "test/hosts/captures/direct1-6.12-noregion.tar.xz", kernel="v1-fixed").daxctl("prepare-isolation", "--persist", "mem0").sh(FILES) \
        .daxctl("prepare-isolation", "--persist").daxctl("prepare-isolation", "--undo", "--persist", "mem0").sh(FILES).run()
    assert r.rc == 0 and r.json["dax"] == [] and serials(files(look)[0]) == ["0x1001"], str(r)
    assert again.rc == 0 and again.messages(code="PERSIST") == [] and undo.rc == 0 and files(after)[:3] == ("", "", "1")


def test_memory_that_stays_busy_is_devdax_after_the_next_boot(host):
    r, look, _, after = Session(host(busy_blocks=["memory147"])).daxctl("prepare-isolation", "--persist", "--keep-going", "--timeout=1s").sh(FILES) \
        .sh("cxl-sim ctl reboot").daxctl("list", "--isolation").run()
    assert r.rc == 6 and r.dax()["dax0.0"]["after"]["blocks"]["online"] == 1 and serials(files(look)[0]) == ["0x1001"], str(r)
    assert after.dax()["dax0.0"]["mode"] == "devdax"


# -- refused, and failures ------------------------------------------------------------------------------
@pytest.mark.parametrize("policy,rc,says", [("[serial 0x1001]\nmode = system-ram\n", 1, "isolation.conf:2 says mode = system-ram"),
                                            ("[root0]\ncolour = red\n", 2, "isolation.conf:2: unknown key")])
def test_a_policy_that_says_otherwise_is_not_overruled(host, policy, rc, says):
    r, look = Session(host(etc={"cxl/isolation.conf": policy})).daxctl("prepare-isolation", "--persist").sh(FILES).run()
    assert r.rc == rc and says in r.err, str(r)
    assert files(look)[:3] == ("", policy, "1")


@pytest.mark.parametrize("where", ["/etc/cxl", "/etc/udev/rules.d"])
def test_where_nothing_can_be_written_the_memory_is_left_alone(where):
    read_only = f"mkdir -p {where}; mount -t tmpfs -o ro none {where}"
    _, r, look = Session("sysram1").sh(read_only).daxctl("prepare-isolation", "--persist").sh(FILES).run()
    assert r.rc == 4 and "Read-only file system; nothing was changed" in r.err and len(r.err.strip().splitlines()) == 1, str(r)
    assert not [e for e in r.log if e["op"] == "write"] and files(look)[:3] == ("", "", "1"), str(r)
    _, _, again, undo = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(f"mount --bind {where} {where}; mount -o remount,bind,ro {where}") \
        .daxctl("prepare-isolation", "--persist").daxctl("prepare-isolation", "--undo", "--persist").run()
    assert again.rc == 0 and again.dax()["dax0.0"]["result"] == "already", str(again)
    assert undo.rc == 4 and "nothing was changed" in undo.err and not [e for e in undo.log if e["op"] == "write"], str(undo)


def test_entries_of_several_devices_are_all_taken_back(host):
    """A disk that is full from the second write on."""
    two = host("direct2x2-6.12-two-regions")
    _, before, r, look, after = Session(two).sh("mkdir -p /etc/cxl; mount -t tmpfs -o size=4k none /etc/cxl").daxctl("list", "--isolation") \
        .daxctl("prepare-isolation", "--persist", "region0", "region1").sh(FILES).daxctl("list", "--isolation").run()
    assert len(before.dax()) == 2 and r.rc == 4 and "No space left" in r.err and "everything is as it was" in r.err, str(r)
    assert files(look)[:3] == ("", "", "1"), str(look)
    assert {n: d["mode"] for n, d in after.dax().items()} == {n: d["mode"] for n, d in before.dax().items()}


def test_lines_of_an_administrator_in_the_rules_file_are_not_lost(host):
    mine = 'SUBSYSTEM=="dax", SYMLINK+="mine"\n'
    r, look = Session(host(etc={"udev/rules.d/85-cxl-isolation.rules": mine})).daxctl("prepare-isolation", "--persist").sh(FILES).run()
    assert r.rc == 1 and f"{RULES}:1 was not written by this command" in r.err and files(look)[:3] == (mine, "", "1"), str(r)
    _, _, before, undo, after = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(f"echo '{mine}' >>{RULES}").sh(FILES) \
        .daxctl("prepare-isolation", "--undo", "--persist").sh(FILES).run()
    assert undo.rc == 1 and f"{RULES}:13 was not written by this command" in undo.err and after.text == before.text, str(undo)


def test_system_ram_cannot_be_made_to_last():
    r, = Session("sysram1").daxctl("prepare-isolation", "--persist", "--mode=system-ram").run()
    assert r.rc == 2 and "--persist is for devdax only" in r.err


def test_what_cannot_be_switched_leaves_no_file(host):
    r, look = Session("sysram1", faults=["write@*/drivers_autoprobe:1+=EIO"]).daxctl("prepare-isolation", "--persist").sh(FILES).run()
    assert r.rc == 4 and r.dax()["dax0.0"]["result"] == "rolled-back" and r.dax()["dax0.0"]["after"]["mode"] == "system-ram"
    assert files(look)[:3] == ("", "", "1")


@pytest.mark.parametrize("args,says", [(("--hotplug=dax0.0", "x"), "'x' is not a serial number"), (("--hotplug=dax9.9", "0x1"), "dax0.0"),
                                       (("--hotplug=dax0.0", "--undo"), "for the udev rule"), (("--hotplug=region0",), "is not a dax device")])
def test_the_rule_s_own_option_refuses_nonsense(args, says):
    r, = Session("sysram1").sh(f"daxctl prepare-isolation {' '.join(args)}").run()
    assert r.rc == 2 and says in r.err and len(r.err.strip().splitlines()) == 1


def test_hotplug_prepares_memory_that_kmem_had_already():
    r, other, look = Session("sysram1").sh("daxctl prepare-isolation --hotplug=dax0.0 0x99").sh("daxctl prepare-isolation --hotplug=dax0.0 0x99 0x1001") \
        .daxctl("list", "--isolation").run()
    assert r.rc == 0 == other.rc and r.text == other.text == ""
    assert look.dax()["dax0.0"]["mode"] == "devdax"


@pytest.mark.parametrize("wrong", ["drop", "ENODEV"])
def test_what_hotplug_leaves_to_the_kernel_is_offered_again_where_that_was_in_vain(wrong):
    loose = "echo 0 >/sys/bus/dax/drivers_autoprobe; echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind; echo dax0.0 >/sys/bus/dax/drivers/device_dax/remove_id"
    r, look = Session("direct1", before=loose, faults=[f"write@*/dax/drivers_probe:1={wrong}"]) \
        .sh("daxctl prepare-isolation --hotplug=dax0.0 0x99").daxctl("list", "--isolation").run()
    assert r.rc == 0 and look.dax()["dax0.0"]["driver"] == "kmem", f"{r}{look}"


def test_hotplug_gives_memory_whose_serial_number_cannot_be_read_to_nobody_else():
    r, look = Session("sysram1", faults=["read@*/mem0/serial:1=EIO"]).sh("daxctl prepare-isolation --hotplug=dax0.0 0x1001").daxctl("list", "--isolation").run()
    assert r.rc == 0 and look.dax()["dax0.0"]["mode"] == "devdax", f"{r}{look}"


@pytest.mark.parametrize("where,mode,told", [("open", "0777", "open"), ("closed", "0755", None)])
def test_a_program_that_others_can_change_is_in_no_rule(where, mode, told):
    """udev runs it as root."""
    top = "/var/lib/cxl-isolation"  # of the run, and root's alone
    r, look = Session("sysram1", before=f"mkdir -m {mode} {top}/{where}; cp $(command -v daxctl) {top}/{where}/") \
        .sh(f"{top}/{where}/daxctl prepare-isolation --persist").sh(FILES).run()
    if told:
        assert r.rc == 4 and "a udev rule would have root run " in r.err and "others than root can change " in r.err and f"/{where}; nothing was written" in r.err, str(r)
        assert "hotplug" not in look.text
    else:
        assert r.rc == 0 and "hotplug" in look.text, str(r)
