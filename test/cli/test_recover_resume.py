# SPDX-License-Identifier: GPL-2.0-only
"""cxl recover-port on simulated hosts: its journal, what goes on after a failure, a signal or a second isolation, what is given up."""
import pytest

from lib.cli import IN_READ, SIM, Session, hold_lock
from lib.recovering import ENDPOINT, FAIL, JOURNAL, PORT, STATE, cxl_writes, failed, journals, make_region, refused, states, timed_out, view

# -- journals -------------------------------------------------------------------------
# the run is stopped in the middle: the region's driver cannot be bound
BREAK = ["write@*/cxl_region/bind:1=EBUSY"]


def broken(**more):
    return failed("direct1", faults=BREAK, **more).cxl("recover-port", PORT)


def test_a_recovery_that_failed_is_resumed_where_it_was():
    s = broken().cxl("recover-port", PORT).cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    first, again, resumed, after = s[3], s[4], s[5], s[6]
    assert first.rc == 4 and first.json["root_ports"][0]["result"] == "failed"
    assert f"cxl recover-port --resume {PORT}" in first.err and "Device or resource busy" in first.err
    assert again.rc == 1 and "--resume" in again.err and "--abandon" in again.err and not cxl_writes(again.log)
    assert resumed.rc == 0 and resumed.json["root_ports"][0]["result"] == "done"
    assert cxl_writes(resumed.log)[0] == ("/sys/bus/dax/drivers_autoprobe", "0"), "it began elsewhere"
    assert not any(p.endswith(("/remove", "/rescan", "/create_ram_region")) for p, _ in cxl_writes(resumed.log))
    assert view(s[1]) == view(after)


@pytest.mark.parametrize("write,phase", [("*/device_dax/unbind", "preparing"), (f"*{ENDPOINT}/remove", "taken-down"), (f"*{PORT}/rescan", "returning"),
                                         ("*/create_ram_region", "rebuilding")])
def test_the_journal_of_a_killed_recovery_says_what_it_was_in_the_middle_of(write, phase):
    s = failed("direct1", faults=[f"write@{write}:1=kill-after"]).sh(f"cxl recover-port {PORT} >&2; grep -o '\"phase\":\"[a-z-]*\"' {JOURNAL}") \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[3].text == f'"phase":"{phase}"\n' and s[4].rc == 0 and view(s[1]) == view(s[5]), f"{s[3]}{s[4]}"


def test_a_failure_leaves_the_hosts_dax_bus_as_it_was():
    s = broken().sh("cat /sys/bus/dax/drivers_autoprobe").run()
    assert s[4].text.strip() == "1"


def test_a_recovery_that_is_abandoned_leaves_the_port_fenced():
    s = broken().cxl("recover-port", "--abandon", PORT).cxl("list", "--isolation").sh(f"ls {STATE}").cxl("recover-port", "--resume", PORT).run()
    abandoned, after, left, resumed = s[4:]
    assert abandoned.rc == 0 and abandoned.json["root_ports"][0]["result"] == "abandoned"
    assert after.regions() == {} and all(m["state"] == "disabled" for m in after.memdevs().values())
    assert not journals(left)
    assert resumed.rc == 1 and "no recovery to resume" in resumed.err


@pytest.mark.parametrize("way", ["--resume", "--abandon"])
def test_a_dry_run_of_going_on_prints_the_steps_that_are_left_and_writes_nothing(way):
    s = broken().cxl("recover-port", way, "-n", PORT).sh(f"ls {STATE}").cxl("recover-port", way, PORT).run()
    dry, done = s[4], s[6]
    assert dry.rc == 0 and dry.json["root_ports"][0]["result"] == "planned" and not dry.json["root_ports"][0]["changed"], str(dry)
    assert not cxl_writes(dry.log) and journals(s[5]) and done.rc == 0
    steps = [[(p["op"], p["expect_after"], p["state"] == "planned") for p in r.json["root_ports"][0]["plan"]] for r in (dry, done)]
    assert len(steps[0]) == len(steps[1]) > 0 and any(planned for _, _, planned in steps[0])
    assert [s["op"] for s in done.json["root_ports"][0]["plan"]] == [s["op"] for s in dry.json["root_ports"][0]["plan"]]
    left = [p for p, was in zip(done.json["root_ports"][0]["plan"], dry.json["root_ports"][0]["plan"]) if was["state"] == "planned"]
    assert {p["state"] for p in left} <= {"done", "skipped"}


def test_a_dry_run_of_abandoning_what_had_done_nothing_has_no_steps():
    s = broken().sh("cxl-sim ctl reboot").cxl("recover-port", "--abandon", "-n", PORT).sh(f"ls {STATE}").run()
    assert s[5].rc == 0 and s[5].json["root_ports"][0]["plan"] == [] and journals(s[6]), str(s[5])


def test_a_dry_run_of_resuming_a_port_that_isolated_again_prints_the_new_plan():
    s = broken().sh(FAIL).cxl("recover-port", "--resume", "-n", PORT).sh("true").run()
    assert s[5].rc == 0 and set(states(s[5])) == {"planned"} and not cxl_writes(s[5].log), str(s[5])


def test_an_abandoned_port_can_be_recovered_later_without_its_regions():
    s = broken().cxl("recover-port", "--abandon", PORT).cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[5].rc == 0, str(s[5])
    assert s[6].memdevs()["mem0"]["state"] == "enabled" and s[6].regions() == {}


@pytest.mark.parametrize("damage", ["truncate -s -20", "truncate -s 0", "sed -i s/region0/region7/", "sed -i 's/\"tries\":1/\"tries\":2/'",
                                    "sed -i 's/planned/PLANNED/'", "printf x >>", "printf '\\0' >>"])
def test_a_damaged_journal_is_never_guessed_at(damage):
    s = broken().sh(f"{damage} {JOURNAL}").cxl("recover-port", "--resume", PORT).cxl("recover-port", PORT) \
        .cxl("recover-port", "--abandon", PORT).sh(f"ls {STATE}").run()
    for r in (s[5], s[6]):
        assert r.rc == 1 and "damaged" in r.err and f"--abandon {PORT}" in r.err and not cxl_writes(r.log), str(r)
    assert s[7].rc == 0 and not journals(s[8])


# The command in the background has its locks, and its first step is under way.
BEGUN = f"until ls {STATE}/[0-9a-f]*.json >/dev/null 2>&1; do sleep 0.02; done"


def test_a_signal_ends_it_after_the_current_step_and_it_can_be_resumed():
    stop = f"cxl recover-port {PORT} >/dev/null 2>&1 & p=$!; {BEGUN}; kill -TERM $p; wait $p; echo $?"
    s = failed("direct1", faults=["write@*/delete_region:1=delay:400"]).sh(stop).cxl("recover-port", "--resume", PORT) \
        .cxl("list", "--isolation").run()
    assert s[3].text.strip() == "5", str(s[3])
    assert s[4].rc == 0 and view(s[1]) == view(s[5])


# -- what happens between a failure and --resume or --abandon ------------------------
FAIL_FIRST = ["write@*/device_dax/unbind:1=EBUSY"]
WAYS_ON = ["--resume", "--abandon"]


def begun(faults=FAIL_FIRST, host="direct1"):
    """A recovery of a working port that failed at its first write, its journal kept."""
    return Session(host, faults=faults).cxl("enable-isolation", "root0").cxl("recover-port", "--force-healthy", PORT)


@pytest.mark.parametrize("way", WAYS_ON)
def test_memory_that_came_into_use_since_is_not_torn_down(way):
    r = refused(begun().sh("cxl-sim ctl map dax0.0 >&2").cxl("recover-port", way, PORT), 1, "ISO-BUSY", "dax-user", "kill")
    assert ("is not fenced" if way == "--abandon" else "is not recovered") in r.err


@pytest.mark.parametrize("way", WAYS_ON)
def test_memory_that_came_online_since_is_not_torn_down(way):
    s = begun().daxctl("prepare-isolation", "--mode=system-ram").cxl("recover-port", way, PORT).sh(f"ls {STATE}") \
        .daxctl("prepare-isolation", "dax0.0").cxl("recover-port", way, PORT).run()
    assert s[2].rc == 0, str(s[2])
    assert s[3].rc == 1 and s[3].json["root_ports"][0]["blocker"] == "ISO-MEM-ONLINE", str(s[3])
    assert "daxctl prepare-isolation dax0.0" in s[3].err and not cxl_writes(s[3].log)
    assert journals(s[4]), "the journal is gone"
    assert s[6].rc == 0, str(s[6])


def test_a_pattern_is_not_written_where_somebody_maps_the_new_memory():
    s = begun(faults=["write@*/drivers_autoprobe:2=EBUSY"]).sh("cxl-sim ctl map dax0.0 >&2").cxl("recover-port", "--resume", PORT)
    refused(s, 1, "ISO-BUSY", "dax-user")


def test_what_is_in_use_behind_a_damaged_journal_stays_and_the_file_is_named():
    refused(begun().sh(f"truncate -s 9 {JOURNAL}").sh("cxl-sim ctl map dax0.0 >&2").cxl("recover-port", "--abandon", PORT), 1, "ISO-BUSY",
            "dax-user", f"rm {JOURNAL}")


# kmem gets the half made region's dax device, and the kernel's policy its memory
TAKEN = "echo dax0.0 >/sys/bus/dax/drivers/kmem/bind"


def half_made(more):
    return timed_out("direct1", before="echo online >/sys/devices/system/memory/auto_online_blocks",
                     faults=["write@*/device_dax/new_id:1=EBUSY"]).cxl("recover-port", PORT).sh(more)


def leaked(r):
    """Was kmem taken from a device whose memory was online?  That range is the kernel's until the next boot."""
    return any("System RAM (kmem)" in line for line in r.text.splitlines())


def test_memory_of_a_half_made_region_that_came_online_goes_offline_before_kmem_goes():
    s = half_made(TAKEN).cxl("recover-port", "--resume", PORT).sh("cat /proc/iomem").cxl("list", "--isolation").run()
    assert s[5].rc == 0 and s[5].messages(code="ISO-AUTO-ONLINE"), str(s[5])
    assert not leaked(s[6]) and view(s[1]) == view(s[7])


@pytest.mark.parametrize("way", WAYS_ON)
def test_memory_of_a_half_made_region_that_does_not_go_offline_is_never_let_go(way):
    s = half_made(f"{TAKEN}; cxl-sim ctl busy memory147 on").cxl("recover-port", way, PORT) \
        .sh("cxl-sim ctl busy memory147 off; daxctl prepare-isolation dax0.0").cxl("recover-port", way, PORT).sh("cat /proc/iomem").run()
    assert s[5].rc == (4 if way == "--resume" else 1), str(s[5])
    assert not any(p.endswith(("/unbind", "/delete_region", "/commit")) for p, _ in cxl_writes(s[5].log)), str(s[5])
    assert way == "--abandon" or "memory of region0 does not go offline: end what uses it, or reboot the host" in s[5].err, str(s[5])
    assert s[6].rc == 0 and s[7].rc == 0 and not leaked(s[8]), f"{s[6]}\n{s[7]}"


def test_memory_of_a_half_made_region_may_be_busy_for_a_moment():
    s = half_made(f"{TAKEN}; cxl-sim ctl busy memory147 on").sh("(sleep 0.6; cxl-sim ctl busy memory147 off) >/dev/null 2>&1 &") \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[6].rc == 0 and view(s[1]) == view(s[7]), str(s[6])


def test_memory_of_a_half_made_region_that_no_longer_answers_is_left_to_a_reboot():
    r = refused(half_made(f"cxl-sim ctl timeout {PORT}; {TAKEN}").cxl("recover-port", "--resume", PORT), 1, "ISO-MEM-ONLINE", "reboot the host")
    assert "--resume" not in r.err


@pytest.mark.parametrize("fault", ["mode:1", "cxl_mem/unbind:1"])   # nothing is made again yet; the device is not even removed
def test_a_region_that_somebody_made_since_is_not_torn_down(fault):
    s = begun(faults=[f"write@*/{fault}=EBUSY"]).sh(make_region("decoder0.0", ["mem0"])).cxl("list", "--isolation") \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").sh("cxl destroy-region -f region0").cxl("recover-port", "--resume", PORT).run()
    r = s[4]
    assert s[2].rc == 0 and s[3].regions()["region0"]["state"] == "enabled", str(s[2])
    assert r.rc == 1 and r.json["root_ports"][0]["blocker"] == "REGION" and f"--resume {PORT}" in r.err, str(r)
    assert not any(p.endswith(("/unbind", "/delete_region", "/commit", "/remove")) for p, _ in cxl_writes(r.log)), str(r)
    assert s[5].regions() == s[3].regions()
    assert s[6].rc == 0 and s[7].rc == 0, f"{s[6]}\n{s[7]}"


@pytest.mark.parametrize("way", WAYS_ON)
def test_going_on_takes_the_lock_too(way):
    refused(begun(host="interleave2").sh(hold_lock(f"{STATE}/host.lock")).cxl("recover-port", way, PORT), 1, "LOCK", "being changed by another process")


def test_two_recoveries_never_run_at_a_time_since_they_share_the_dax_bus():
    # the second would make its region when the first lets new dax devices have a driver again: it waits
    slow = "cxl-sim ctl fault 'write@*/device_dax/new_id:1=delay:900'; cxl-sim ctl fault 'write@*/cxl_region/bind:2=delay:1500'"
    s = Session("direct2x2", before="echo online >/sys/devices/system/memory/auto_online_blocks").cxl("enable-isolation", "root0")
    s.sh(f"{make_region('decoder0.0', ['mem0'])}; {make_region('decoder0.1', ['mem1'])}").cxl("list", "--isolation")
    s = s.sh(f"for p in {PORT} {OTHER}; do cxl-sim ctl link-down $p; done; mkdir -p {STATE}; {slow}; "
             f"cxl recover-port {PORT} >{STATE}.out 2>&1 & echo $! >{STATE}.pid; {BEGUN}").cxl("recover-port", OTHER) \
        .sh(f"while kill -0 $(cat {STATE}.pid) 2>/dev/null; do sleep 0.1; done; cat {STATE}.out").cxl("recover-port", OTHER) \
        .cxl("list", "--isolation").run()
    second, first, again = s[4], s[5], s[6]
    assert '"result":"done"' in first.text
    if second.rc:   # a slow machine: it waited in vain
        assert second.json["root_ports"][0]["blocker"] == "LOCK" and not [w for w in cxl_writes(second.log) if OTHER in w[0]], str(second)
        assert "this host is being changed by 'cxl recover-port' (process " in second.err
        second = again
    assert second.rc == 0 and view(s[2]) == view(s[7]), f"{first}\n{second}"


def test_a_host_that_changed_before_the_lock_was_taken_is_looked_at_again():
    # the second look of the first command at the port's link: it has read the host and does not have the lock yet
    slow = "read@*/0000:0d:00.0/mem0/serial:1=delay:3000"
    s = failed("direct1").sh(f"cxl-sim ctl fault {slow}; cxl recover-port {PORT} >{STATE}.out 2>&1 & echo $! >{STATE}.pid; {IN_READ}") \
        .cxl("recover-port", PORT).sh(f"while kill -0 $(cat {STATE}.pid) 2>/dev/null; do sleep 0.1; done; cat {STATE}.out").run()
    assert s[4].rc == 0, str(s[4])
    assert "is not isolated" in s[5].text and '"result":"refused"' in s[5].text


def test_a_port_that_turns_out_to_be_isolated_is_led_out_of_it_when_it_is_resumed():
    hidden = "cxl-sim ctl fault 'any@*/resource0:1+=EPERM'"
    s = failed("direct1").sh(hidden).cxl("recover-port", PORT).cxl("recover-port", "--force-healthy", "--timeout=200ms", PORT) \
        .sh("cxl-sim ctl fault none").cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 3 and s[4].json["root_ports"][0]["blocker"] == "ISO-REGISTERS" and f"cxl recover-port --force-healthy {PORT}" in s[4].err
    assert s[5].rc == 6 and "whether it is isolated is unknown" in s[5].err, str(s[5])
    assert s[7].rc == 0 and view(s[1]) == view(s[8]), str(s[7])


# -- journals that are not this recovery's ------------------------------------------------
def test_without_a_journal_there_is_nothing_to_resume_nor_to_abandon_and_nothing_is_made():
    for way in WAYS_ON:
        _, r, left = Session("direct1").sh(f"rmdir {STATE}").cxl("recover-port", way, PORT).sh(f"! ls {STATE} 2>&1").run()
        assert r.rc == 1 and f"has no recovery to {way[2:]}" in r.err and left.rc == 0, str(r)


def test_the_journal_of_a_root_port_that_does_not_exist_any_more_is_named():
    s = broken().sh(f"mv {JOURNAL} {STATE}/0000:99:00.0.json").cxl("recover-port", "--abandon", "0000:99:00.0").cxl("recover-port", "0000:99:00.0").run()
    assert s[5].rc == 2 and f"forget it with 'rm {STATE}/0000:99:00.0.json'" in s[5].err, str(s[5])
    assert s[6].rc == 2 and "rm " not in s[6].err, str(s[6])


def test_a_damaged_journal_cannot_tell_whether_dax_devices_had_drivers_but_it_is_said():
    s = failed("direct1", faults=["write@*/drivers_autoprobe:1=kill-after"]).sh(f"cxl recover-port {PORT} >/dev/null; truncate -s 9 {JOURNAL}") \
        .cxl("recover-port", "--abandon", PORT).run()
    assert s[4].rc == 0 and "'echo 1 > /sys/bus/dax/drivers_autoprobe'" in s[4].err, str(s[4])


def test_a_reboot_ends_a_recovery_and_abandoning_it_touches_nothing():
    s = broken().sh("cxl-sim ctl reboot").cxl("list", "--isolation").cxl("recover-port", PORT).cxl("recover-port", "--resume", PORT) \
        .cxl("recover-port", "--abandon", PORT).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    for r in (s[6], s[7]):
        assert r.rc == 1 and "rebooted" in r.err and f"--abandon {PORT}" in r.err and not cxl_writes(r.log), str(r)
    assert "--resume" not in s[6].err
    assert s[8].rc == 0 and not cxl_writes(s[8].log) and not s[8].json["root_ports"][0]["changed"], str(s[8])
    before, after = view(s[5]), view(s[9])
    limits = before["buses"][0]["host_bridges"][0]["root_ports"][0]["limits"]
    assert "ISO-JOURNAL" in limits, "a recovery that did not end stands against the next"
    limits.remove("ISO-JOURNAL")
    assert [b["host_bridges"] for b in before["buses"]] == [b["host_bridges"] for b in after["buses"]] and not journals(s[10])


def test_a_journal_of_another_version_is_not_called_damaged():
    s = broken().sh(f"sed -i s,recover-journal/[0-9]*,recover-journal/999, {JOURNAL}").cxl("recover-port", "--resume", PORT) \
        .cxl("recover-port", "--abandon", PORT).run()
    assert s[5].rc == 1 and "cxl-recover-journal/999" in s[5].err and "damaged" not in s[5].err and not cxl_writes(s[5].log), str(s[5])
    assert s[6].rc == 0


# -- what must not be lost, nor said wrongly -------------------------------------------
def test_a_second_isolation_that_nothing_leads_out_of_keeps_the_journal():
    # the first link failure took the link down; the second isolation comes with the link up, which nothing here takes down
    s = failed("masked1", faults=["write@*/create_ram_region:1=isolate"]).cxl("recover-port", PORT).sh(f"ls {STATE}") \
        .sh(f"{SIM} ctl link-down {PORT}").cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 3 and s[3].json["root_ports"][0]["blocker"] == "ISO-HOTPLUG", str(s[3])
    assert s[3].json["root_ports"][0]["changed"] and s[3].json["root_ports"][0]["result"] == "failed"
    assert "nothing was written" not in s[3].err and "it is isolated" in s[3].err and f"--resume {PORT}" in s[3].err
    assert journals(s[4]), "the journal is gone, and the region with it"
    assert s[6].rc == 0 and view(s[1]) == view(s[7]), str(s[6])


def test_a_method_that_was_asked_for_and_is_gone_midway_gives_way_to_another():
    s = failed("direct1", faults=["write@*/create_ram_region:1=isolate"]).cxl("recover-port", "--link-method=forced", PORT) \
        .cxl("list", "--isolation").run()
    assert s[3].rc == 0 and "by forced any more: its link is up; cxl_bus is taken" in s[3].err, str(s[3])
    assert view(s[1]) == view(s[4])


@pytest.mark.parametrize("host,asked,instead", [("direct1", "forced", "cxl_bus"), ("switch4", "cxl_bus", "reset_subordinate"),
                                                ("masked1", "slot-power", None), ("direct1", "none", "cxl_bus")])
def test_a_method_that_the_port_has_not_is_refused_with_one_that_it_has(host, asked, instead):
    s = timed_out(host).cxl("recover-port", f"--link-method={asked}", PORT).run()
    assert s[3].rc == 3, str(s[3])
    if not instead:     # found out only by trying
        assert f"reset_subordinate can be tried: cxl recover-port --link-method=reset_subordinate {PORT}" in s[3].err
        return
    remedy = f"cxl recover-port --link-method={instead} {PORT}"
    assert remedy in s[3].err and "reboot" not in s[3].err
    assert timed_out(host).cxl(*remedy.split()[1:]).run()[3].rc == 0


SMALL = "mkdir -p /dev/small && mount -t tmpfs -o size=%s,mode=0700 none /dev/small"


@pytest.mark.parametrize("method", ["auto", "link-disable", "slot-power"])
@pytest.mark.parametrize("room", ["4k", "16k"])      # none for the journal; enough for one, not for the next beside it
def test_a_full_state_directory_stops_it_before_anything_is_done(method, room):
    fill = "; head -c 4096 /dev/zero >/dev/small/fill" if room == "4k" else ""
    s = Session("direct1", env={"CXL_STATE_DIR": "/dev/small"}).cxl("enable-isolation", "root0").sh(SMALL % room + fill).sh(FAIL) \
        .cxl("recover-port", f"--link-method={method}", PORT).sh("ls -A /dev/small").run()
    r = s[3]
    assert s[1].rc == 0, str(s[1])
    assert r.rc in (3, 4) and "No space left on device" in r.err, str(r)
    assert r.json["root_ports"][0]["result"] == "refused" and not r.json["root_ports"][0]["changed"]
    assert "--resume" not in r.err and "unmasked" not in r.err and ("nothing was" in r.err)
    assert not cxl_writes(r.log) and not journals(s[4])


def test_a_state_directory_that_cannot_be_written_is_said_with_what_to_do():
    s = Session("direct1", env={"CXL_STATE_DIR": "/dev/small"}).cxl("enable-isolation", "root0").sh("mkdir -p /dev/small && mount -t tmpfs -o ro,mode=0700 none /dev/small") \
        .sh(FAIL)
    refused(s.cxl("recover-port", PORT), 3, "LOCK", "Read-only file system", "CXL_STATE_DIR")


def test_it_can_be_stopped_and_resumed_as_soon_as_there_is_a_journal():
    stop = f"mkdir {STATE}; cxl recover-port {PORT} >/dev/null 2>&1 & p=$!; while ! [ -e {JOURNAL} ]; do :; done; kill -TERM $p; wait $p; echo $?"
    s = failed("direct1").sh(stop).sh(f"ls {STATE}").cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[3].text.strip() == "5", str(s[3])
    assert journals(s[4]) and s[5].rc == 0 and view(s[1]) == view(s[6])


def test_a_wait_ends_at_once_when_it_is_stopped():
    stop = f"cxl recover-port --timeout=50s {PORT} >{STATE}.out 2>&1 & p=$!; {BEGUN}; sleep 0.5; kill -TERM $p; wait $p; echo $?"
    s = Session("direct1").cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(f"{SIM} ctl link-down {PORT} stuck").sh(stop) \
        .sh(f"{SIM} ctl link-up {PORT}").cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[3].text.strip() == "5", str(s[3])
    assert s[5].rc == 0 and view(s[1]) == view(s[6])


@pytest.mark.parametrize("way", ["", *WAYS_ON])
def test_a_signal_before_anything_was_done_changes_nothing_also_not_the_journal(way):
    """The host is still being read: nothing has to be resumed that has not begun, and what had begun can be."""
    s = begun() if way else Session("direct1").cxl("enable-isolation", "root0").sh(FAIL)
    stop = f"cxl-sim ctl fault 'read@*/mem0/serial:1=delay:700'; cxl recover-port {way} {PORT} >{STATE}.out & p=$!; {IN_READ}; kill -TERM $p; wait $p; echo $?"
    *_, r, left, again = s.sh(stop).sh(f"cat {STATE}.out; ls {STATE}").cxl("recover-port", *way.split(), PORT).run()
    assert r.text.split()[-1] == "5" and f"stopped by a signal before anything {'more ' if way else ''}was done on {PORT}" in r.err, str(r)
    assert not cxl_writes(r.log) and bool(journals(left)) == bool(way) and f'"result":"{"stopped" if way else "refused"}"' in left.text, str(left)
    assert again.rc == 0, str(again)


def test_a_fence_that_fails_is_no_success_and_can_be_tried_again():
    s = broken().sh("cxl-sim ctl fault 'write@*/cxl_mem/unbind:1=EBUSY'").cxl("recover-port", "--abandon", PORT).sh(f"ls {STATE}") \
        .cxl("recover-port", "--abandon", PORT).run()
    assert s[5].rc == 4 and s[5].json["root_ports"][0]["result"] == "failed" and "is not fenced" in s[5].err, str(s[5])
    assert journals(s[6])
    assert s[7].rc == 0 and s[7].json["root_ports"][0]["result"] == "abandoned"
    # what it did is in its plan
    done = [p for p in s[7].json["root_ports"][0]["plan"] if p["state"] == "done"]
    assert len(done) == len(cxl_writes(s[7].log)) > 0


def test_a_recovery_that_is_given_up_fences_what_is_there_by_then():
    # the last try gets as far as a committed region; what it began with is long gone
    s = failed("direct1", faults=["write@*/device_dax/new_id:1+=isolate"]).cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 4 and "that was try 3 of 3" in s[3].err, str(s[3])
    assert s[4].regions() == {} and all(m["state"] == "disabled" for m in s[4].memdevs().values()), str(s[3])


# -- regions over two root ports that both isolated -----------------------------------------
OTHER = "0000:de:00.0"


@pytest.mark.parametrize("how", ["link-down", "timeout"])
def test_when_both_root_ports_of_a_region_isolated_they_are_recovered_one_after_the_other(how):
    s = Session("interleave2").cxl("enable-isolation", "--timeout=B2", "root0").cxl("list", "--isolation") \
        .sh(f"for p in {PORT} {OTHER}; do cxl-sim ctl {how} $p; done").cxl("recover-port", PORT).cxl("recover-port", OTHER) \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    first, second, resumed = s[3], s[4], s[5]
    assert first.rc == 5 and first.json["root_ports"][0]["result"] == "stopped", str(first)
    assert f"'cxl recover-port {OTHER}'" in first.err and f"--resume {PORT}" in first.err
    assert [m["target"] for m in first.messages(severity="warning", code="ISO-ISOLATED")] == [OTHER]
    assert not any(p.endswith("/create_ram_region") for p, _ in cxl_writes(first.log))
    assert second.rc == 0 and resumed.rc == 0 and view(s[1]) == view(s[6]), f"{second}\n{resumed}"


def test_how_many_of_several_devices_are_missing_is_said():
    s = failed("switch4").sh("cxl-sim ctl returns 0000:11:00.0 never").cxl("recover-port", "--timeout=300ms", PORT) \
        .sh("cxl-sim ctl returns 0000:11:00.0 as-before").cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 6 and "3 of its 4 devices are there" in s[4].err, str(s[4])
    # what had returned stays, the missing one has to be looked for again
    assert s[6].rc == 0 and view(s[1]) == view(s[7]), str(s[6])


# -- a device whose probe failed ----------------------------------------------------------
CXL_PCI = "/sys/bus/pci/drivers/cxl_pci"


def test_a_function_that_came_back_without_driver_is_bound_and_said_so():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} unbound").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    r = s[4]
    assert r.rc == 0 and view(s[1]) == view(s[5]), str(r)
    assert [w for w in cxl_writes(r.log) if CXL_PCI in w[0]] == [(f"{CXL_PCI}/bind", ENDPOINT)]
    assert [m["target"] for m in r.messages(code="BOUND")] == [ENDPOINT]


def test_each_function_below_a_switch_is_bound():
    lost = ["0000:10:00.0", "0000:11:00.0"]
    s = failed("switch4").sh("; ".join(f"cxl-sim ctl returns {e} unbound" for e in lost)).cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 0 and view(s[1]) == view(s[5]) and [m["target"] for m in s[4].messages(code="BOUND")] == lost, str(s[4])


def test_a_resume_finds_the_function_that_a_killed_rescan_left_without_driver():
    killed = failed("direct1", faults=[f"write@*{PORT}/rescan:1=kill-after"]).sh(f"cxl-sim ctl returns {ENDPOINT} unbound; cxl recover-port {PORT} >&2; test $? = 137")
    s = killed.cxl("recover-port", "-n", "--resume", PORT).cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 0 and s[4].rc == 0 and not cxl_writes(s[4].log), f"{s[3]}{s[4]}"
    assert s[5].rc == 0 and view(s[1]) == view(s[6]) and s[5].messages(code="BOUND"), str(s[5])


def test_a_function_that_no_driver_takes_is_said_tried_a_few_times_and_given_up_after_three_tries():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} unbound 1000").cxl("recover-port", "--timeout=700ms", PORT)
    s = s.cxl("recover-port", "--resume", PORT).cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    tries = s[4:7]
    for r in tries:
        assert r.rc == 6 and f"{ENDPOINT} is there, but has no driver" in r.err and "removed" not in r.err, str(r)
        assert 1 <= len([w for w in cxl_writes(r.log) if w == (f"{CXL_PCI}/bind", ENDPOINT)]) <= 5
    assert [r.json["root_ports"][0]["tries"] for r in tries] == [1, 2, 3]
    assert "that was try 2 of 3" in tries[1].err and f"--resume {PORT}" in tries[1].err
    assert tries[2].json["root_ports"][0]["result"] == "abandoned" and "that was try 3 of 3" in tries[2].err and "--resume" not in tries[2].err
    assert not journals(s[8])


# what is resumed isolates again, and the device does not come back when it starts over
AGAIN = [*BREAK, "write@*/cxl_region/bind:2=isolate"]


def test_a_resume_that_starts_over_and_waits_in_vain_is_one_try_more():
    s = failed("direct1", faults=AGAIN).cxl("recover-port", "--timeout=300ms", PORT).sh(f"cxl-sim ctl returns {ENDPOINT} never") \
        .cxl("recover-port", "--resume", PORT).sh(f"ls {STATE}").cxl("recover-port", "--resume", PORT).sh(f"ls {STATE}").run()
    first, again, left, last, gone = s[3], s[5], s[6], s[7], s[8]
    assert first.rc == 4 and again.rc == last.rc == 6 and "became isolated again" in again.err, f"{first}{again}{last}"
    assert [r.json["root_ports"][0]["tries"] for r in (first, again, last)] == [1, 2, 3], f"{again}{last}"
    assert "that was try 2 of 3" in again.err and f"--resume {PORT}" in again.err and journals(left), str(again)
    assert last.json["root_ports"][0]["result"] == "abandoned" and "that was try 3 of 3" in last.err and not journals(gone), str(last)


def test_a_last_try_that_waits_in_vain_does_not_offer_to_resume_it():
    s = failed("direct1", faults=[*AGAIN, f"write@*{PORT}/rescan:2=isolate"]).cxl("recover-port", "--timeout=300ms", PORT) \
        .sh(f"cxl-sim ctl returns {ENDPOINT} never").cxl("recover-port", "--resume", PORT).sh(f"ls {STATE}").run()
    r = s[5]
    assert r.rc == 6 and r.json["root_ports"][0]["tries"] == 3 and r.json["root_ports"][0]["result"] == "abandoned", str(r)
    assert "that was try 3 of 3" in r.err and "--resume" not in r.err and not journals(s[6]), str(r)


def test_a_longer_timeout_is_a_first_try_again_and_a_new_plan_which_is_said():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} never").cxl("recover-port", "--timeout=100ms", PORT).cxl("recover-port", "--resume", PORT) \
        .cxl("recover-port", "--resume", "--timeout=150ms", PORT).cxl("recover-port", "--resume", PORT) \
        .sh(f"cxl-sim ctl returns {ENDPOINT} as-before").cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert [r.rc for r in s[4:8]] == [6, 6, 6, 6] and [r.json["root_ports"][0]["tries"] for r in s[4:8]] == [1, 2, 1, 2]
    assert [any("makes a new plan" in m["text"] for m in r.messages(code="RESUME")) for r in s[4:8]] == [False, False, True, False]
    assert s[9].rc == 0 and view(s[1]) == view(s[10]), str(s[9])


def test_a_port_below_which_only_a_driver_is_missing_is_broken():
    lost = f"echo {ENDPOINT} >{CXL_PCI}/unbind; echo region0 >/sys/bus/cxl/devices/decoder0.0/delete_region"
    s = Session("direct1").sh(f"{lost}; cxl-sim ctl returns {ENDPOINT} unbound").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[1].rc == 0 and s[1].messages(code="BOUND") and [m["state"] for m in s[2].memdevs().values()] == ["enabled"], str(s[1])


def test_a_device_that_does_not_tell_its_serial_number_yet_is_not_called_another():
    asked = "until grep -q '\"fault\":\"read@[*]/mem0/serial' $SCRATCH/log || ! kill -0 $p; do sleep 0.02; done"    # in vain
    stop = f"cxl recover-port {PORT} >{STATE}.out & p=$!; {asked}; kill -TERM $p; wait $p; echo $?"
    s = failed("direct1").sh(f"mkdir -p {STATE}; cxl-sim ctl fault 'read@*/mem0/serial:3+=EIO'; {stop}").sh("cxl-sim ctl fault none") \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    r = s[3]
    assert r.text.split()[-1] == "5" and "mem0 is there and does not tell its serial number (yet)" in r.err and "another device" not in r.err, str(r)
    assert "--accept-replacement" not in r.err and s[5].rc == 0 and view(s[1]) == view(s[6]), str(s[5])


def test_a_device_that_is_still_being_probed_is_not_called_removed():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} late 3000").cxl("recover-port", "--timeout=200ms", PORT).sh("sleep 3") \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 6 and f"{ENDPOINT} is there, but its driver has not made a memory device of it" in s[4].err, str(s[4])
    assert s[6].rc == 0 and view(s[1]) == view(s[7]), str(s[6])


def test_a_step_that_fails_again_is_answered_by_starting_over_and_said_so():
    s = failed("direct1", faults=["write@*/cxl_region/bind:1=EBUSY", "write@*/cxl_region/bind:2=EBUSY"]).cxl("recover-port", PORT) \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    warning, = s[4].messages(code="RESUME")
    assert s[4].rc == 0 and warning["text"].endswith("; starting over") and "--resume" not in warning["text"], str(s[4])
    assert s[4].json["root_ports"][0]["tries"] == 2 and view(s[1]) == view(s[5])
