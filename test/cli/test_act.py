# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status --monitor --act: what is done about a root port that fails, without anybody being asked."""
import json
import os
import re

import pytest

from lib import cli, schema
from lib.cli import CAPTURES, Session, dax_user

PORT = "0000:0c:00.0"
STATE = "/dev/.cxl-isolation"
ACT = f"{STATE}/{PORT}.act"
HOOKS = "/etc/cxl/hooks"
RUN = "/run/act"

# Everything of an event, a file each; it goes on running while there is a file of its event's name.
HOOK = f"""#!/bin/sh
n=$(cat {RUN}/n); n=$((n + 1)); echo $n >{RUN}/n
env >{RUN}/$n.env; cat >{RUN}/$n.json; grep -E '^(Cap(Prm|Eff|Inh)|NoNewPrivs)' /proc/self/status >{RUN}/$n.status
ls {STATE} >{RUN}/$n.state; echo "told of $CXL_ISOLATION_EVENT"
echo $CXL_ISOLATION_EVENT >>{RUN}/events
while [ -e {RUN}/hold.$CXL_ISOLATION_EVENT ]; do sleep 0.02; done
"""


KILL = "kill -9 $(ps -eo pid,comm | awk '$2 == \"cxl\" || $2 == \"tell\" {print $1}') 2>/dev/null; wait $monitor 2>/dev/null"


def hook(name, text):
    return f"cat >{HOOKS}/{name} <<'END'\n{text}END\nchmod 755 {HOOKS}/{name}"


def policy(*settings):
    """Shell commands: they are in the section of all root ports."""
    return f"sed -i 's,^.root0.,&\\n{chr(92).join(('', *('n' + s for s in settings)))},' /etc/cxl/isolation.conf" if settings else ":"


AUTOMATIC = ("require = recover", "recover = automatic", "users = kill", "users-grace = 500ms",
             *(f"on-{e} = {HOOKS}/tell" for e in ("isolated", "recovered", "problem")))
PREPARE = f"mkdir -p {HOOKS} {RUN}; echo 0 >{RUN}/n; : >{RUN}/events\n" + hook("tell", HOOK)
FUNCTIONS = f"""
up() {{ cxl isolation-status --monitor --act --interval=20ms >>{RUN}/out 2>>{RUN}/err & monitor=$!; until grep -qs '"containment":"recover"' {ACT}; do sleep 0.02; done; }}
down() {{ kill $monitor; wait $monitor; }}
until_() {{ for i in $(seq 600); do eval "$1" && return; sleep 0.02; done; echo "not so: $1"; cat {RUN}/err {ACT}; exit 1; }}
told() {{ until_ "[ \\"\\$(tr '\\\\n' ' ' <{RUN}/events)\\" = '$1 ' ]"; }}
at() {{ until_ "grep -q '\\"phase\\":\\"$1\\"' {ACT}"; }}
names() {{ cxl list --isolation | tr -d '\\n' | grep -oE '"(memdev|region|dax|serial)": ?"[^"]*"' | sort -u; cat /sys/bus/dax/devices/*/size; }}
"""
FAIL = f"cxl-sim ctl link-down {PORT} >/dev/null"


def host(*steps, name="vms1", settings=AUTOMATIC, before="", **more):
    """One shell on a host where isolation is on as the policy wants it."""
    start = f"{PREPARE}\n[ -s /etc/cxl/isolation.conf ] || echo '[root0]' >/etc/cxl/isolation.conf\n{policy(*settings)}\n{before}\ncxl enable-isolation --policy >/dev/null"
    r, = Session(name, before=start, **more).sh(FUNCTIONS + "\n".join((*steps, f"! grep -E 'Sanitizer|runtime error:' {RUN}/err"))).run()
    assert r.rc == 0, f"{r.text}\n{r.err}"
    return r




def parts(r):
    """What is behind each line "## NAME"."""
    found = re.split(r"^## (\S+)\n", r.text, flags=re.M)
    return dict(zip(found[1::2], found[2::2]))


def event(n):
    return f"echo '## env{n}'; cat {RUN}/{n}.env; echo '## json{n}'; cat {RUN}/{n}.json;  echo '## status{n}'; cat {RUN}/{n}.status; echo '## state{n}'; cat {RUN}/{n}.state"


def told(found, n):
    record = json.loads(found[f"json{n}"])
    schema.validate("cxl-isolation-hook", record)
    return dict(line.split("=", 1) for line in found[f"env{n}"].splitlines() if "=" in line), record


def test_a_port_that_fails_is_brought_back_and_one_that_flaps_is_left_until_somebody_does():
    found = parts(host(
        dax_user("map"), "echo '## before'; names", "up", FAIL, "told 'isolated recovered'; at idle", "echo '## after'; names",
        "echo '## users'; kill -0 $(cat $SCRATCH/user) 2>/dev/null && echo alive",
        "echo '## port'; cxl isolation-status --assert status.state=normal --assert 'containment>=recover' >/dev/null; echo $?",
        FAIL, "told 'isolated recovered isolated problem'; at left; sleep 0.5", f"echo '## left'; cat {ACT}; echo",
        "down", "up", "sleep 0.5", f"cxl recover-port {PORT} >/dev/null; told 'isolated recovered isolated problem recovered'; at idle; down",
        f"tr -d '\\n' <{ACT} | sed 's/.hooks.:.[^]]*/\"hooks\":[{','.join(20 * ['9999999999'])}/' >{ACT}.new && mv {ACT}.new {ACT}; n=$(cat {RUN}/n); up; {FAIL}; at left; down; echo \"## more\"; echo $(($(cat {RUN}/n) - n))",
        f"chmod g+w {HOOKS}/tell; up; until_ 'grep -q on-problem:.*/tell.is.not.run {RUN}/err'; down",
        *(event(n) for n in (1, 2, 4)), f"echo '## err'; cat {RUN}/err; echo '## evidence'; cxl isolation-status --evidence"))
    assert found["before"] == found["after"] and found["users"] == "" and found["port"] == "0\n"
    env, record = told(found, 1)
    user = env["CXL_ISOLATION_PIDS"]
    assert {k: env[k] for k in env if k not in ("PWD", "_", "SHLVL")} == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "CXL_STATE_DIR": STATE,
        "CXL_ISOLATION_EVENT": "isolated", "CXL_ISOLATION_ROOT_PORT": PORT, "CXL_ISOLATION_RECOVER": "automatic",
        "CXL_ISOLATION_TEXT": "the root port is isolated: the memory below it is lost", "CXL_ISOLATION_CONTAINMENT": "recover",
        "CXL_ISOLATION_CAUSE": "link-down", "CXL_ISOLATION_EVIDENCE": "1", "CXL_ISOLATION_ATTEMPT": "1",
        "CXL_ISOLATION_PROBLEMS": "isolated link-down", "CXL_ISOLATION_MEMDEVS": "mem0", "CXL_ISOLATION_SERIALS": "0x5001",
        "CXL_ISOLATION_REGIONS": "region0", "CXL_ISOLATION_DAX": "dax0.0 dax0.1 dax0.2", "CXL_ISOLATION_PIDS": user}
    assert [str(u["pid"]) for d in record["record"]["impact"]["dax"] for u in d["users"]] == [user] and user.isdigit()
    assert f"1.{PORT}.evidence" in found["state1"].split() and f"{PORT}.json" not in found["state1"].split()
    assert set(re.findall(r"Cap\w+:\s*(\d+)", found["status1"])) == {"0" * 16} and "NoNewPrivs:\t1" in found["status1"]
    env, record = told(found, 2)
    assert env["CXL_ISOLATION_EVENT"] == record["event"] == "recovered" and record["record"]["status"]["state"] == "normal"
    assert re.fullmatch(r"it was recovered in [\d.]+ s", env["CXL_ISOLATION_TEXT"])
    env, record = told(found, 4)
    assert env["CXL_ISOLATION_EVENT"] == "problem" and "failed again within 5 minutes" in env["CXL_ISOLATION_TEXT"] and env["CXL_ISOLATION_EVIDENCE"] == "2"
    assert json.loads(found["left"])["phase"] == "left" and found["err"].count("failed again within") == 2  # once for each failure
    assert found["more"] == "0\n" and found["err"].count("on-isolated is not run: programs of this root port were run 20 times within 60 minutes") == 1
    assert all(found["err"].count(f"on-{e}: {HOOKS}/tell is not run, since others than root could have changed it") == 1 for e in ("isolated", "problem", "recovered"))
    assert "on-isolated: told of isolated" in found["err"] and f"type 'cxl recover-port {PORT}'" in found["err"]
    kept = json.loads(found["evidence"])["evidence"]
    assert [e["number"] for e in kept] == [1, 2, 3, 4]  # the third by the person's recovery: the others are kept once


def test_what_was_not_promised_or_is_in_the_middle_is_left_or_waits_and_somebody_is_told():
    """A failure that was there before anybody watched; one while a journal of another recovery is there; one that a reboot cuts short."""
    other = f"{STATE}/0000:de:00.0.json"
    found = parts(host(
        FAIL, f"cxl isolation-status --monitor --act --interval=20ms >{RUN}/out 2>{RUN}/err & monitor=$!; told 'isolated problem'; at left", "down",
        f"cxl recover-port {PORT} >/dev/null; rm {ACT}; : >{RUN}/events", "up", f"echo x >{other}", FAIL, "told 'isolated problem'; at decide; sleep 2.5; told 'isolated problem'",
        f"rm {other}; told 'isolated problem recovered'; at idle; down",
        f": >{RUN}/events; rm {ACT}; up; {FAIL}; until_ '[ -e {STATE}/{PORT}.json ]'; {KILL}; cxl-sim ctl reboot >/dev/null; [ -e {STATE}/{PORT}.json ] || exit 1",
        f"cxl isolation-status --monitor --act --interval=20ms >>{RUN}/out 2>>{RUN}/err & monitor=$!; told 'isolated recovered'; [ ! -e {STATE}/{PORT}.json ] || exit 1; down",
        *(event(n) for n in (2, 4, 5, 7))))
    assert "its containment was not known" in told(found, 2)[0]["CXL_ISOLATION_TEXT"] and "CXL_ISOLATION_CONTAINMENT" not in told(found, 2)[0]
    assert "waits until the recovery of 0000:de:00.0 has ended" in told(found, 4)[0]["CXL_ISOLATION_TEXT"]
    assert told(found, 7)[1]["text"].startswith("the host was rebooted before its recovery came to an end")
    assert told(found, 5)[1]["event"] == "recovered"


def test_what_another_monitor_saw_some_time_ago_is_not_what_was_promised():
    """Nor after an orderly end, nor long after a kill; a moment after one it is."""
    r = host("up", "down", "cxl enable-isolation --timeout=off --require=none --override=ISO-TIMEOUT-OFF root0 >/dev/null 2>&1", FAIL,
             f"cxl isolation-status --monitor --act --interval=20ms >>{RUN}/out 2>>{RUN}/err & monitor=$!; at left; down", f"cat {RUN}/err; cat {ACT}")
    assert "its containment was not known" in r.text and "not watched before it failed" in r.text and "it was recovered in" not in r.text, r.text
    r = host("up", KILL, f"touch -d '-3 minutes' {ACT}", FAIL,
             f"cxl isolation-status --monitor --act --interval=20ms >>{RUN}/out 2>>{RUN}/err & monitor=$!; at left; down", f"cat {RUN}/err")
    assert "its containment was not known" in r.text, r.text


def test_what_cannot_be_kept_is_not_begun_and_that_is_said():
    r = host("up", f"mkdir {ACT}.new", "cxl disable-isolation root0 >/dev/null", "sleep 3", f"echo runs $(cat {RUN}/n); rmdir {ACT}.new; told problem; down; cat {RUN}/err")
    assert "runs 0\n" in r.text and "it is tried again" in r.text and r.text.count("is run\n") == 1, r.text
    r = host("up", "down", f"rm -f {STATE}/{PORT}.act-lock; mkdir {STATE}/{PORT}.act-lock", FAIL,
             f"cxl isolation-status --monitor --act --interval=20ms >>{RUN}/out 2>>{RUN}/err & monitor=$!; until_ 'grep -q nothing.can.be.kept {RUN}/err'; sleep 2.5; down; cat {RUN}/err")
    assert r.text.count("it is isolated, and nothing can be kept of it") == 1, r.text


def test_a_second_failure_while_a_program_runs_is_one_of_its_own():
    """Of a port that somebody brought back meanwhile it is flapping; of one in service evidence does not wait for on-problem."""
    r = host("up", f"touch {RUN}/hold.isolated", FAIL, "told isolated", f"cxl recover-port {PORT} >/dev/null; sleep 0.5", FAIL,
             "until_ '[ $(grep -c isolated {RUN}/events) = 2 ]'".replace("{RUN}", RUN), f"rm {RUN}/hold.isolated; at left; down", f"cat {RUN}/err; cxl isolation-status --evidence")
    assert "it is left isolated" in r.text and "it was recovered in" not in r.text and "evidence 3 is kept" in r.text and r.text.count("it is isolated; ") == 2, r.text
    r = host("up", f"touch {RUN}/hold.problem", "cxl set-timeout root0 off >/dev/null", "told problem", FAIL, f"until_ 'ls {STATE}/1.{PORT}.evidence >/dev/null 2>&1'",
             f"rm {RUN}/hold.problem; told 'problem isolated problem' || :; down; cat {RUN}/events")
    assert r.text.startswith("problem\nisolated\n"), r.text


def test_two_ports_that_one_region_ties_together_are_brought_back_one_after_the_other():
    """The first waits, with its journal, for the second before it makes the region again."""
    other = "0000:de:00.0"
    r = host("echo '## before'; names", "up", f"{FAIL}; cxl-sim ctl link-down {other} >/dev/null", "told 'isolated isolated recovered recovered'; at idle; down",
             "echo '## after'; names", "echo '## port'; cxl isolation-status --assert status.state=normal --assert 'containment>=recover' >/dev/null; echo $?",
             name=CAPTURES / "direct2x2-6.12-x2hb-devdax.tar.xz")
    found = parts(r)
    assert found["port"] == "0\n" and sorted(found["before"].split()) == sorted(found["after"].split()) and '"serial":"0x2' in found["after"]
    # the monitor itself writes only what its trace instance listens to
    writers = [e["pid"] for e in r.log if e["op"] == "write" and e["comm"] == "cxl" and "/tracing/" not in e["path"]]
    turns = [pid for i, pid in enumerate(writers) if not i or writers[i - 1] != pid]
    assert len(turns) == len(set(turns)) == 3, turns  # of the first port, of the second, of the first again


WRONG = {"hang": "#!/bin/sh\ntrap '' TERM\necho in vain; sleep 60 & echo $! >/run/act/left; while :; do sleep 60; done\n",
         "loose": "#!/bin/sh\n", "flood": "#!/bin/sh\nseq 300; printf '\\033[31m'; exit 3\n"}


def test_a_test_event_goes_the_whole_way_and_says_what_is_wrong_with_a_program():
    settings = ("hook-timeout = 300ms", f"on-isolated = {HOOKS}/hang", f"on-recovered = {HOOKS}/loose", f"on-problem = {HOOKS}/flood")
    before = "; ".join(hook(name, text) + "\n" for name, text in WRONG.items()).replace("\n; ", "\n") + f"chmod 775 {HOOKS}/loose"
    found = parts(host(
        "test_() { cxl isolation-status --monitor --act --test 2>&1 >$SCRATCH/out; echo status $?; }",
        f"echo '## wrong'; test_; kill -0 $(cat {RUN}/left) 2>/dev/null && echo 'it goes on'", f"ls {STATE}",
        f"sed -i 's,hooks/.*,hooks/tell,' /etc/cxl/isolation.conf; echo '## right'; test_; cat {RUN}/events", event(3),
        "sed -i '/^on-/d' /etc/cxl/isolation.conf; echo '## none'; test_", "echo '## usage'; cxl isolation-status --act >/dev/null 2>&1; echo $?",
        "setpriv --reuid=65534 --clear-groups cxl isolation-status --monitor --act >/dev/null 2>&1; echo $?", settings=settings, before=before))
    wrong = found["wrong"]
    assert "on-isolated: in vain" in wrong and f"on-isolated ({HOOKS}/hang) did not end within 0.3 s and was ended" in wrong and "it goes on\n" not in wrong
    assert f"on-recovered: {HOOKS}/loose is not run, since others than root could have changed it" in wrong
    assert f"on-problem ({HOOKS}/flood) ended with exit status 3" in wrong and "on-problem: what more it writes is left out" in wrong and wrong.count("on-problem: ") < 205
    assert "3 of 3 programs could not be run, or failed\nstatus 4\n" in wrong and ".evidence" not in wrong and ".act" not in wrong
    assert "\x1b" not in wrong and found["right"].endswith("status 0\n" + 3 * "test\n")
    env, record = told(found, 3)
    assert env["CXL_ISOLATION_EVENT"] == record["event"] == "test" and record["record"]["status"]["state"] == "normal"
    assert "names none" in found["none"] and found["none"].endswith("status 1\n") and found["usage"] == "2\n3\n"


ORPHAN = "kill -9 $monitor $(ps -o pid= --ppid $monitor); wait $monitor 2>/dev/null"
MOMENTS = {
    "hook": ("touch {RUN}/hold.isolated", "told isolated", "isolated isolated recovered"),
    "recovery": ("", "until_ '[ -e {STATE}/{PORT}.json ]'; sleep {d}", "isolated recovered"),
    "orphan": ("", "until_ '[ -e {STATE}/{PORT}.json ]'", "isolated recovered"),
    "after": ("touch {RUN}/hold.recovered", "told 'isolated recovered'", "isolated recovered recovered"),
}


def killed_at(moments):
    steps = []
    for moment, d in moments:
        prepare, wait, _ = (s.format(RUN=RUN, STATE=STATE, PORT=PORT, d=d) for s in MOMENTS[moment])
        steps += [f"rm -f {ACT}; : >{RUN}/events; {prepare}", "up", FAIL, f"{wait}; {ORPHAN if moment == 'orphan' else KILL}; rm -f {RUN}/hold.*",
                  f"echo killed {moment} {d} $(ls {STATE} | grep -c '^{PORT}.json')",
                  f"cxl isolation-status --monitor --act --interval=20ms >>{RUN}/out 2>>{RUN}/err & monitor=$!",
                  f"until_ 'grep -q recovered {RUN}/events'; at idle; echo events $(cat {RUN}/events)", "down", "names >$SCRATCH/after; cmp $SCRATCH/before $SCRATCH/after",
                  "cxl isolation-status --assert status.state=normal --assert 'containment>=recover' >/dev/null || exit 1"]
    text = host("names >$SCRATCH/before", *steps).text
    assert re.findall(r"^events (.*)$", text, re.M) == [MOMENTS[m][2] for m, _ in moments], text
    return text


def test_after_a_kill_of_everything_the_next_one_goes_on():
    """In the first program, in the recovery once it has begun (once it goes on by itself), and in the last program."""
    killed_at([("hook", 0), ("recovery", 0.05), ("orphan", 0), ("after", 0)])


@pytest.mark.skipif(os.environ.get("CXL_FAULTS") != "all", reason="only with CXL_FAULTS=all in the environment (scripts/test --full)")
def test_after_a_kill_at_ten_moments_of_a_recovery_the_next_one_goes_on():
    killed_at([("recovery", round(0.03 * i, 2)) for i in range(10)])


# Two hours pass between failures: what is remembered of times is that much older, under the lock of whoever acts on the port.
OLDER = f"""
import fcntl, json, os
with open("{STATE}/{PORT}.act-lock") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    with open("{ACT}") as f:
        act = json.load(f)
    for key in ("failed_at", "recovered_at"):
        act[key] = max(act[key] - 7200, 0)
    for key in ("recoveries", "hooks"):
        act[key] = [t - 7200 for t in act[key]]
    with open("{ACT}.older", "w") as f:
        json.dump(act, f)
    os.rename("{ACT}.older", "{ACT}")
"""
HELD = f"""descriptors() {{ ls /proc/$monitor/fd | wc -l; }}
settled() {{ was=; while now=$(descriptors); [ "$now" != "$was" ]; do was=$now; sleep 1; done; echo $now; }}
held() {{ until_ '[ $(descriptors) -le $fds ]'
grep -E '^Vm(RSS|Data)' /proc/$monitor/status; echo processes $(ps -eo ppid | grep -cw $monitor)
ls {STATE} | sed 's/^[0-9]*[.]\\(.*evidence\\)/N.\\1/' | sort | uniq -c; ls /sys/kernel/tracing/instances 2>/dev/null; }}"""


def again_and_again(rounds):
    """One monitor; what it holds early, when evidence makes room for evidence, and after the last failure.

    Its heap grows into what it has for some thirty failures, and no more then."""
    early = max(17, rounds // 4)
    once = f"{FAIL}; until_ '[ $(grep -c recovered {RUN}/events) = $n ]'; at idle; names >$SCRATCH/after; cmp $SCRATCH/before $SCRATCH/after || exit 1; python3 $SCRATCH/older"
    found = parts(host(HELD, f"cat >$SCRATCH/older <<'END'\n{OLDER}\nEND", "names >$SCRATCH/before", "up; fds=$(settled)",
                       f"n=0; while [ $n -lt {rounds} ]; do n=$((n + 1)); {once}; if [ $n = {early} ]; then echo '## early'; held; fi; done",
                       f"echo '## late'; held; echo '## end'; down; cxl isolation-status --assert status.state=normal --assert 'containment>=recover' >/dev/null; echo $?; sort {RUN}/events | uniq -c",
                       name="direct1", settings=(*AUTOMATIC, "recover-limit = 2/1h"), timeout=600 + 10 * rounds))
    early, late = (dict(re.findall(r"^(Vm\w+):\s*(\d+) kB$", found[k], re.M)) for k in ("early", "late"))
    rest = [re.sub(r"^Vm.*\n", "", found[k], flags=re.M) for k in ("early", "late")]
    assert rest[0] == rest[1] and f"16 N.{PORT}.evidence" in rest[1] and f" {PORT}.json" not in rest[1], found
    assert {"VmRSS", "VmData"} == set(early) == set(late)
    assert all(int(late[k]) <= int(early[k]) + 256 for k in early), (early, late)
    assert found["end"].split() == ["0", str(rounds), "isolated", str(rounds), "recovered"]


@pytest.mark.long
@pytest.mark.kills  # memory that a sanitizer keeps is not the monitor's
def test_one_monitor_brings_a_port_back_twenty_times_and_holds_no_more_than_before():
    again_and_again(20)


@pytest.mark.skipif(os.environ.get("CXL_FAULTS") != "all", reason="only with CXL_FAULTS=all in the environment (scripts/test --full)")
@pytest.mark.kills
@pytest.mark.timeout(3600)
def test_one_monitor_brings_a_port_back_two_hundred_times_and_holds_no_more_than_before():
    again_and_again(200)


def test_a_program_that_would_not_be_run_is_a_difference_from_the_policy():
    """Looked at before anything fails; of another host's capture nobody knows."""
    settings = (f"on-isolated = {HOOKS}/gone", f"on-recovered = {HOOKS}/tell", f"on-problem = {HOOKS}/open")
    start = f"{PREPARE}\n{hook('open', HOOK)}\nchmod 777 {HOOKS}/open\necho '[all]' >/etc/cxl/isolation.conf\n" \
            f"printf '%s\\n' {' '.join(repr(s) for s in settings)} >>/etc/cxl/isolation.conf"
    capture = CAPTURES / "direct1-6.12-devdax.tar.xz"
    s = Session("interleave2", before=start).cxl("isolation-status", "--policy").sh(f"mkdir /run/c && tar -xJf {capture} -C /run/c")
    s.cxl("isolation-status", "--policy", "--sysroot=/run/c").sh(f"chmod 755 {HOOKS}/open; mv {HOOKS}/open {HOOKS}/gone; sed -i 's,/open,/gone,' /etc/cxl/isolation.conf")
    s.cxl("isolation-status", "--policy").sh(f"chmod 700 {HOOKS}").cxl("isolation-status", "--policy", user=cli.NOBODY)
    wrong, _, there, _, mended, _, untold = s.run()
    said = [[m["text"] for m in r.messages(code="DRIFT") if m["text"].startswith("on-")] for r in (wrong, there, mended, untold)]
    assert wrong.rc == 1 and said == [[
        f"on-isolated: {HOOKS}/gone is not there: No such file or directory; nothing is run (/etc/cxl/isolation.conf:2)",
        f"on-problem: {HOOKS}/open is not run, since others than root could have changed it: see to {HOOKS}/open, "
        "which root has to own and nobody else may write (/etc/cxl/isolation.conf:4)"], [], [], [
        f"on-{e}: whether {HOOKS}/{name} would be run cannot be told: it is not for everybody to look at; run the command as root (/etc/cxl/isolation.conf:{line})"
        for e, name, line in (("isolated", "gone", 2), ("recovered", "tell", 3), ("problem", "gone", 4))]] and untold.rc == 1
