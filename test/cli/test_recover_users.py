# SPDX-License-Identifier: GPL-2.0-only
"""Who uses a dax device, by the guest and the unit it belongs to, and ending those users for a recovery."""
import pytest

from lib.cli import CAPTURES, Session, dax_user, quote
from lib.recovering import PORT, STATE, cxl_writes, journals, view

QEMU = "bash -c 'exec -a qemu-system-x86_64 \"$@\"' bash"


def guest(name):
    """Shell commands: a process that is called as QEMU is, for the guest NAME, maps dax0.0 from then on."""
    return dax_user("map", "-name", f"guest={name},debug-threads=on", by=QEMU)


# -- naming ---------------------------------------------------------------------------
def test_the_guest_of_a_user_is_named_by_listings_and_by_who_refuses_for_it():
    status, dax, table, refused, pid = Session("direct1", before=guest("vm1")).cxl("isolation-status", "--impact", "root0") \
        .daxctl("list", "--isolation", "dax0.0").cxl("isolation-status", "--impact", "--format=table", "root0") \
        .cxl("enable-isolation", "root0").sh("cat $SCRATCH/user").run()
    n = int(pid.text)
    for users in (next(iter(status.root_ports().values()))["impact"]["dax"][0]["users"], dax.dax()["dax0.0"]["users"]):
        assert [(u["pid"], u["guest"], u["machine"]) for u in users] == [(n, "vm1", None)]
    assert f"{n} python3 (vm1)" in table.text, str(table)
    assert refused.rc != 0 and f"pid {n} (" in refused.err and ", guest vm1" in refused.err, str(refused)


def test_the_control_group_of_a_user_is_the_one_the_kernel_says():
    dax, said = Session("direct1", before=dax_user("map")).daxctl("list", "--isolation", "dax0.0") \
        .sh("cat /proc/$(cat $SCRATCH/user)/cgroup").run()
    user = dax.dax()["dax0.0"]["users"][0]
    assert user["guest"] is None
    assert user["cgroup"] in [line.split(":", 2)[2] for line in said.text.splitlines() if line.startswith("0::") or ":name=systemd:" in line]


# -- ending them ------------------------------------------------------------------------
STUBBORN = """
import mmap, os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
m = mmap.mmap(os.open("/dev/dax0.0", os.O_RDWR), 2 << 20)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""
LISTED = "grep -ls /dev/dax0.0 /proc/[0-9]*/maps | wc -l"


def stubborn():
    """As dax_user("map"), of a process that SIGTERM does not end."""
    return f"/usr/bin/python3 -I -c {quote(STUBBORN)} >$SCRATCH/user & until [ -s $SCRATCH/user ]; do kill -0 $! || exit 1; sleep 0.02; done"


def recovery(before, *options, host="direct1"):
    """Of a port that works: listing, recovery, listing, how many map the memory then, the state directory, the user's number."""
    return Session(host, before=before).cxl("list", "--isolation").cxl("recover-port", "--force-healthy", *options, PORT) \
        .cxl("list", "--isolation").sh(LISTED).sh(f"ls {STATE} 2>&1; true").sh("cat $SCRATCH/user").run()


def step_of_users(r):
    return [p for p in r.json["root_ports"][0]["plan"] if p["op"] == "end-users"]


def test_users_are_ended_before_anything_is_taken_down_and_the_port_recovers():
    before, r, after, left, state, _ = recovery(guest("vm1"), "--users=terminate")
    assert r.rc == 0 and before.regions() == after.regions(), str(r)
    assert left.text.strip() == "0" and not journals(state) and len(after.regions()) == 1
    first = r.json["root_ports"][0]["plan"][0]
    assert (first["op"], first["value"], first["state"], first["timeout_us"], first["undo"]) == ("end-users", "terminate", "done", 10000000, None)


def test_without_it_users_are_left_alone_and_nothing_is_written():
    _, r, _, left, _, pid = recovery(dax_user("map"), "--users=refuse")
    assert r.rc == 1 and not cxl_writes(r.log) and r.json["root_ports"][0]["blocker"] == "ISO-BUSY", str(r)
    assert f"pid {int(pid.text)} (python3)" in r.err and left.text.strip() == "1"
    assert f"to have it ended: cxl recover-port --force-healthy --users=terminate {PORT}" in r.err


def test_who_only_has_it_open_is_ended_too():
    r = recovery(dax_user("open"), "--users=terminate")[1]
    assert r.rc == 0 and step_of_users(r)[0]["state"] == "done", str(r)


def test_who_does_not_end_is_named_and_nothing_is_taken_down():
    before, r, after, left, state, pid = recovery(stubborn(), "--users=terminate", "--users-grace=300ms")
    record = r.json["root_ports"][0]
    assert r.rc == 1 and (record["result"], record["blocker"], record["changed"]) == ("refused", "ISO-BUSY", False), str(r)
    assert f"pid {int(pid.text)} (python3) has dax0.0 mapped 0.3 s after it was told to end; nothing was taken down" in r.err
    assert "--users=kill" in r.err
    assert not cxl_writes(r.log) and view(before) == view(after) and left.text.strip() == "1" and not journals(state)


def test_after_the_grace_it_is_killed():
    before, r, after, left, _, _ = recovery(stubborn(), "--users=kill", "--users-grace=300ms")
    assert r.rc == 0 and before.regions() == after.regions() and left.text.strip() == "0", str(r)
    step = step_of_users(r)[0]
    took = r.json["root_ports"][0]["times"][0]["took_us"]
    assert (step["value"], step["timeout_us"], step["state"]) == ("kill", 300000, "done") and 300000 <= took < 8000000


def test_who_is_started_again_is_named_and_nothing_is_taken_down():
    again = f"(while [ ! -e $SCRATCH/enough ]; do /usr/bin/python3 -I -c {quote(STUBBORN.replace('signal.SIG_IGN', 'signal.SIG_DFL'))} " \
        ">$SCRATCH/user; done) >/dev/null 2>&1 & until [ -s $SCRATCH/user ]; do sleep 0.02; done"
    before, r, after, _, state, _ = recovery(again, "--users=terminate")
    record = r.json["root_ports"][0]
    assert r.rc == 1 and (record["result"], record["blocker"]) == ("refused", "ISO-BUSY"), str(r)
    assert "(python3) has dax0.0 mapped again after those before were ended; stop what starts it" in r.err
    assert not cxl_writes(r.log) and view(before) == view(after) and not journals(state)


def test_users_of_memory_below_another_port_go_on():
    """Of two regions the one behind the port that is not recovered keeps its user."""
    s = Session(CAPTURES / "direct2x2-6.12-two-regions.tar.xz").sh("daxctl reconfigure-device -f -m devdax dax1.0 >/dev/null 2>&1; true") \
        .sh("cxl-sim ctl map dax0.0 >&2").cxl("recover-port", "--force-healthy", "--users=kill", "0000:0c:01.0") \
        .sh(LISTED).cxl("recover-port", "--force-healthy", "--users=kill", PORT).sh(LISTED).run()
    assert s[3].text.strip() == "1" and not [p for p in step_of_users(s[2]) if p["state"] == "done"], str(s[2])
    assert s[4].rc == 0 and s[5].text.strip() == "0", str(s[4])


def test_the_command_ends_neither_itself_nor_what_runs_it():
    """The shell has the device open, and the command inherits that."""
    r = Session("direct1").sh(f"exec 9<>/dev/dax0.0; cxl recover-port --force-healthy --users=kill {PORT}; echo $? still here").run()[0]
    assert r.text.split("\n")[-2] == "1 still here" and "is this command or what runs it, so nobody was ended" in r.err, str(r)


def test_processes_of_another_namespace_are_ended():
    user = dax_user("map", by="unshare --pid --fork --kill-child")
    _, r, _, left, _, _ = recovery(user, "--users=kill", "--users-grace=200ms")
    assert r.rc == 0 and left.text.strip() == "0", str(r)


def test_a_dry_run_ends_nobody_and_shows_the_step():
    _, r, _, left, _, _ = recovery(dax_user("map"), "-n", "--users=kill")
    assert r.rc == 0 and left.text.strip() == "1" and [p["state"] for p in step_of_users(r)] == ["planned"], str(r)


@pytest.mark.parametrize("options,words", [
    (["--users=ask"], "'ask' is not a way to deal with users"),
    (["--users=kill", "--users-grace=soon"], "'soon' is not a duration"),
    (["--resume", "--users=kill"], "--users belongs to a new recovery"),
])
def test_options_that_mean_nothing_are_refused(options, words):
    r = Session("direct1").cxl("recover-port", *options, PORT).run()[0]
    assert r.rc == 2 and words in r.err and not cxl_writes(r.log)


# -- the policy file ------------------------------------------------------------------------
def with_policy(settings, user):
    return f"mkdir -p /etc/cxl; printf '[root0]\n{settings}\n' >/etc/cxl/isolation.conf; {user}"


def test_the_policy_file_says_what_becomes_of_users():
    before, r, after, left, _, _ = recovery(with_policy("users = kill\\nusers-grace = 200ms", stubborn()))
    step = step_of_users(r)[0]
    assert r.rc == 0 and before.regions() == after.regions() and left.text.strip() == "0", str(r)
    assert (step["value"], step["timeout_us"], step["state"]) == ("kill", 200000, "done")


def test_what_is_given_goes_before_the_policy_file():
    _, r, _, left, _, _ = recovery(with_policy("users = kill\\nusers-grace = 100ms", stubborn()), "--users=terminate", "--users-grace=400ms")
    assert r.rc == 1 and "0.4 s after it was told to end" in r.err and left.text.strip() == "1", str(r)
    _, r, _, left, _, _ = recovery(with_policy("users = kill", dax_user("map")), "--users=refuse")
    assert r.rc == 1 and not cxl_writes(r.log) and left.text.strip() == "1", str(r)


@pytest.mark.parametrize("line,words", [("users = ask", "'ask' is not a value of users: use refuse, terminate or kill"),
                                        ("users-grace = soon", "users-grace: 'soon' is not a duration")])
def test_a_policy_that_cannot_be_understood_keeps_everything_as_it_is(line, words):
    _, r, _, left, _, _ = recovery(with_policy(line, dax_user("map")), "--users=kill")
    assert r.rc == 1 and words in r.err and not cxl_writes(r.log) and left.text.strip() == "1", str(r)


# -- who comes late --------------------------------------------------------------------------
def comes_when(what):
    """Shell commands: a process maps dax0.0 as soon as the shell's condition WHAT holds."""
    return f"(until {what}; do sleep 0.02; done; rm -f $SCRATCH/user; {dax_user('map')}; wait) >/dev/null 2>&1 &"


def test_a_user_that_is_started_again_late_is_noticed_before_the_memory_is_touched():
    """Its supervisor waits longer than the command does after the end; writing to config space takes two seconds here."""
    late = f"{dax_user('map')}; mv $SCRATCH/user $SCRATCH/first; {comes_when('! kill -0 $(cat $SCRATCH/first) && sleep 1.6')}"
    s = Session("direct1", before=late, faults=["write@*/config:1=delay:2500"]).cxl("list", "--isolation") \
        .cxl("recover-port", "--force-healthy", "--users=terminate", "--link-method=link-disable", PORT).sh("cat $SCRATCH/user; " + LISTED) \
        .cxl("list", "--isolation").sh(f"kill $(cat $SCRATCH/user); sleep 0.2; cxl recover-port --resume {PORT} >/dev/null; echo $?").cxl("list", "--isolation")
    before, r, left, after, resumed, last = s.run()
    pid, n = left.text.split()
    assert r.rc == 1 and n == "1" and before.regions() == after.regions(), str(r)
    assert f"pid {pid} (python3) has dax0.0 mapped again after those before were ended; stop what starts it" in r.err
    assert not [p for p, _ in cxl_writes(r.log) if not p.endswith("/config")] and f"cxl recover-port --resume {PORT}" in r.err
    assert resumed.text == "0\n" and before.regions() == last.regions(), str(resumed)


def test_who_maps_the_memory_while_a_recovery_begins_is_noticed_too():
    s = Session("direct1", before=comes_when(f"[ -e {STATE}/{PORT}.json ]"), faults=["write@*/config:1=delay:2000"]).cxl("list", "--isolation") \
        .cxl("recover-port", "--force-healthy", "--link-method=link-disable", PORT).sh(LISTED).cxl("list", "--isolation").run()
    assert s[1].rc == 1 and "(python3) has dax0.0 mapped, since the recovery began; end it" in s[1].err, str(s[1])
    assert s[2].text.strip() == "1" and s[0].regions() == s[3].regions()


def test_who_has_the_new_device_at_once_keeps_what_it_wrote():
    """Waiting for the device file, as a supervisor does: the pattern is not written over its memory."""
    comes = comes_when("[ ! -e /sys/bus/cxl/devices/region0 ] && until [ -e /sys/bus/dax/drivers/device_dax/dax0.0 ]; do sleep 0.01; done")
    r, left = Session("direct1", before=comes, faults=["write@*/rescan:1=delay:1000", "write@*/drivers_autoprobe:2=delay:2500"]) \
        .cxl("recover-port", "--force-healthy", PORT).sh(LISTED).run()
    assert r.rc == 1 and "has dax0.0 mapped already, so the pattern, which would destroy what it holds, was not written" in r.err, str(r)
    assert left.text.strip() == "1" and f"cxl recover-port --resume {PORT}" in r.err
