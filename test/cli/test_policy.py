# SPDX-License-Identifier: GPL-2.0-only
"""enable-isolation --policy: what a policy file makes of simulated hosts, and that a bad file is refused whole."""
import os

import pytest

from lib.cli import Session, writes

RP = "0000:0c:00.0"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@pytest.fixture
def policy(tmp_path):
    def write(text, mode=0o644):
        path = tmp_path / "isolation.conf"
        path.write_text(text)
        path.chmod(mode)
        tmp_path.chmod(0o755)
        return path
    return write


def enable(host, path, *args, **more):
    return Session(host, **more).cxl("enable-isolation", f"--policy={path}", *args).run()[0]


def test_it_is_applied_and_then_already_so(policy):
    path = policy("[root0]\nrequire = contain\ntimeout = 100ms\n[serial 0x1001]\ntimeout = B\n")
    first, again = Session("direct1").cxl("enable-isolation", f"--policy={path}").cxl("enable-isolation", f"--policy={path}").run()
    assert first.rc == 0 and first.root_ports()[RP]["result"] == "done"
    assert writes(first.log) == [(RP, "timeout_range", "5"), (RP, "timeout_ctrl", "1"), (RP, "isolation_ctrl", "1")]
    assert again.rc == 0 and again.root_ports()[RP]["result"] == "already" and writes(again.log) == []


def test_a_dry_run_only_plans(policy):
    r = enable("direct1", policy("[all]\n"), "--dry-run")
    assert r.rc == 0 and r.root_ports()[RP]["result"] == "planned" and writes(r.log) == []


def test_each_root_port_gets_its_own(policy):
    r = enable("direct2x2", policy("[root0]\ntimeout = A\n[0000:de:01.0]\ntimeout = off\n[0c:01.0]\ntimeout = D2\n"))
    assert r.rc == 0, str(r)
    got = {n: (rec["after"]["mem"]["isolation"], rec["after"]["mem"]["timeout"]["enabled"], rec["after"]["mem"]["timeout"]["range"])
           for n, rec in r.root_ports().items()}
    assert got == {"0000:0c:00.0": (True, True, "A"), "0000:0c:01.0": (True, True, "D2"), "0000:de:00.0": (True, True, "A"),
                   "0000:de:01.0": (True, False, "default")}


def test_a_target_restricts_it(policy):
    path = policy("[0000:0c:00.0]\n[0000:de:01.0]\ntimeout = A\n")
    r = enable("direct2x2", path, "0000:de:01.0")
    assert r.rc == 0 and list(r.root_ports()) == ["0000:de:01.0"]
    r = enable("direct2x2", path, "0000:0c:01.0", "0000:0c:00.0")
    assert list(r.root_ports()) == ["0000:0c:00.0"]
    assert "0000:0c:01.0 is left out" in r.err and "says nothing about it" in r.err


def test_what_a_port_must_reach_is_its_own_section_s(policy):
    path = policy("[all]\nrequire = safe\n[0000:0c:00.0]\nrequire = recover\n")
    r = enable("direct1", path, kernel="v1")
    assert r.rc == 1 and r.root_ports()[RP]["result"] == "refused"
    assert "require = recover was asked for" in r.err and writes(r.log) == []
    assert enable("direct1", policy("[all]\nrequire = debug\n"), kernel="v1").rc == 0


def test_a_check_that_forbids_it_does_so_here_too(policy):
    r = enable("sysram1", policy("[serial 0x1001]\n"))
    assert r.rc == 1 and "ISO-MEM-ONLINE" in r.err and writes(r.log) == []
    assert enable("sysram1", policy("[serial 0x1001]\nrequire = debug\n")).rc == 0
    assert enable("sysram1", policy("[serial 0x1001]\n"), "--override=ISO-MEM-ONLINE").rc == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_a_contradiction_is_one_whatever_the_order_of_the_sections(policy, order):
    sections = ["[0000:0d:00.0]\nrequire = debug\n", "[0000:0c:00.0]\nrequire = recover\n", "[serial 0x1001]\nrequire = contain\n"]
    r = enable("direct1", policy("".join(sections[i] for i in order)), "-n")
    assert r.rc == 2 and "ask for different values of require" in r.err, str(r)


def test_a_section_for_what_is_not_there_is_a_failure_of_its_own(policy):
    r = enable("direct1", policy("[serial 0x1001]\n[serial 0x9999]\n"))
    assert r.rc == 7 and r.root_ports()[RP]["result"] == "done"
    assert "isolation.conf:2: nothing on this host is [serial 0x9999]" in r.err
    r = enable("direct1", policy("[serial 0x9999]\n[root7]\n"))
    assert r.rc == 3 and r.json["root_ports"] == [] and writes(r.log) == []


def test_an_empty_policy_does_nothing_and_says_so(policy):
    r = enable("direct1", policy("# nothing yet\n"))
    assert r.rc == 0 and r.json["root_ports"] == [] and "has no section" in r.err


def test_a_policy_of_memory_alone_does_nothing_for_isolation_and_says_so(policy):
    r = enable("direct1", policy("[region r]\nmemdevs = 0x1001\nsize = 256MiB\n[dax vm1]\nregion = r\nsize = rest\n"))
    assert r.rc == 0 and r.json["root_ports"] == [] and "has no section for root ports, as [all] is one" in r.err, str(r)


@pytest.mark.parametrize("option", ["--require=safe", "--timeout=A", "--cache", "--link-down"])
def test_the_command_line_cannot_contradict_it(policy, option):
    r = enable("direct1", policy("[all]\n"), option)
    assert r.rc == 2 and option.split("=")[0] in r.err and writes(r.log) == []


BAD = [("[all]\ncolour = red\n", ":2: unknown key 'colour'"), ("[all]\n[root0]\nrequire = maybe\n", ":3: require: 'maybe' is not a level"),
       ("[root0]\nrequire = contain\nrequire = debug\n", ":3: require: the level for every cause is given twice"),
       ("[all]\nrequire = protocol_error:recover\n", ":2: require: a protocol error is contained at best"),
       ("[ALL]\nbest-effort = maybe\n", ":2: 'maybe' is not a value of best-effort"),
       ("[root0]\n\n[root0]\n", ":3: [root0]"), ("[all]\nrequire = safe\nnonsense\n", ":3: this is neither"), ("[mem0]\n", ":1: [mem0]: such numbers"),
       ("[all]\ntimeout = A\ntimeout = B\n", ":3: timeout was set in line 2"), ("[all]\n\x1b[31m = 1\n", ":2: unknown key"),
       ("[all]\n[region r]\nmemdevs = 1\ntype = pmem\n", ":4: type = pmem"), ("[region r]\n[all]\n", ":1: [region r] does not say"),
       ("[all]\non-isolated = /bin/true now\n", ":2: on-isolated: '/bin/true now' has more than a path"),
       ("[all]\nrequire = recover\nrecover = automatic\nrecover-limit = 0/1h\n", ":4: recover-limit: '0/1h' is not how often"),
       ("[all]\nrecover = automatic\n", ":2: recover = automatic takes 'require = recover'"),
       ("[all]\nhook-timeout = 0s\n", ":2: hook-timeout: '0s' leaves a program no time"),
       ("[all]\ntimeout = 'B2\n", ":2: the quote is not closed"),
       ("[all]\n[dax d]\n\n[dax D]\n", ":4: [dax d] is there in line 2 already")]


@pytest.mark.parametrize("text,says", BAD, ids=lambda v: v[:12].strip().encode("ascii", "replace").decode())
def test_a_bad_file_is_refused_whole_with_file_and_line(policy, text, says):
    path = policy(text)
    r = enable("direct1", path)
    assert r.rc == 2 and r.json["root_ports"] == [] and writes(r.log) == []
    assert f"{path}{says}" in r.err and len(r.err.strip().splitlines()) == 1, str(r)


LAYOUTS = [("[region r]\nmemdevs = 0x2001\nsize = 1GiB\n", 1, ":3: [region r] takes 1GiB of mem"),
           ("[region r]\nmemdevs = 0x2003, 0x2001\n", 1, ":2: [region r]: no root decoder"),
           ("[region r]\nmemdevs = 0x2001\n[dax a]\nregion = r\nsize = 50%\nalign = 1GiB\n", 1, ":5: [dax a]: nothing of"),
           ("[region r]\nmemdevs = 0x2001\n[dax a]\nregion = r\nsize = 6MiB\n[dax b]\nregion = r\nsize = 252MiB\n", 1, ":8: [dax b]: the devices of")]


@pytest.mark.parametrize("text,status,says", LAYOUTS, ids=[t[2][:4] + str(i) for i, t in enumerate(LAYOUTS)])
def test_memory_that_does_not_fit_to_the_host_is_refused_before_anything_is_written(policy, text, status, says):
    path = policy(text + "[all]\n")
    r = enable("direct2x2", path)
    assert r.rc == status and r.json["root_ports"] == [] and writes(r.log) == [], str(r)
    assert f"{path}{says}" in r.err and ", nothing was written" in r.err and len(r.err.strip().splitlines()) == 1, str(r)
    assert [m["code"] for m in r.messages(severity="error")] == ["POLICY"]


def test_a_memory_device_that_is_gone_keeps_no_other_port_without_isolation(policy):
    path = policy("[region r]\nmemdevs = 0x9\n[all]\n")
    r = enable("direct2x2", path)
    assert r.rc == 7 and f"{path}:2: no memory device has serial number 0x9, so nothing of the layout can be made" in r.err, str(r)
    assert {rec["result"] for rec in r.root_ports().values()} == {"done"} and len(r.root_ports()) == 4


def test_memory_that_fits_is_in_nobody_s_way(policy):
    r = enable("direct2x2", policy("[region r]\nmemdevs = 0x2001, 0x2003\n[dax a]\nregion = r\nsize = 50%\n[dax b]\nregion = r\nsize = rest\n[all]\n"))
    assert r.rc == 0 and len(writes(r.log)) >= 4, str(r)


def test_a_region_of_others_is_not_taken_for_free(policy):
    r = enable("interleave2", policy("[all]\n[region r]\nmemdevs = all of root port 0c:00.0\n"))
    assert r.rc == 1 and ":2: [region r] takes 256MiB of mem" in r.err and "which is in no [region], has 256MiB" in r.err and writes(r.log) == [], str(r)


def test_a_file_that_others_may_write_is_refused(policy):
    for mode in (0o664, 0o646, 0o666):
        r = enable("direct1", policy("[all]\n", mode))
        assert r.rc == 2 and "others than root may write it" in r.err and "chmod go-w" in r.err and writes(r.log) == []
    assert enable("direct1", policy("[all]\n", 0o600)).rc == 0


@needs_root
def test_a_file_of_somebody_else_is_refused(policy):
    path = policy("[all]\n")
    os.chown(path, 1234, 0)
    r = enable("direct1", path)
    assert r.rc == 2 and "does not belong to root" in r.err and writes(r.log) == []


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for name, says in (("none", "No such file"), (".", "not a regular file"), ("fifo", "not a regular file")):
        r = enable("direct1", tmp_path / name)
        assert r.rc == 2 and says in r.err and writes(r.log) == [], str(r)


def test_ports_that_a_region_ties_together_succeed_together(policy):
    assert enable("interleave2", policy("[all]\n")).rc == 0
    r = enable("interleave2", policy("[0000:0c:00.0]\n"))
    assert r.rc == 1 and "ISO-INTERLEAVE" in r.err and writes(r.log) == []


# -- drift ---------------------------------------------------------------------------------
def drift(r):
    return [(m["target"], m["text"].split(": ", 1)[1].rsplit("/", 1)[0].split(",")[0]) for m in r.messages(code="DRIFT")]


def test_drift_is_reported_until_the_policy_is_applied(policy):
    path = policy("[root0]\nrequire = contain\ntimeout = 100ms\n[serial 0x1001]\nmode = devdax\n")
    before, applied, after, away, later = Session("direct1").cxl("isolation-status", f"--policy={path}").cxl("enable-isolation", f"--policy={path}") \
        .cxl("isolation-status", f"--policy={path}").cxl("set-timeout", RP, "off").cxl("isolation-status", f"--policy={path}").run()
    assert before.rc == 1 and drift(before) == [(RP, "isolation is off"), (RP, "timeout is off"), (RP, "timeout is default")]
    assert "isolation.conf:3 asks for B2" in before.err
    assert applied.rc == 0 and after.rc == 0 and drift(after) == []
    assert away.rc == 0 and later.rc == 1 and drift(later) == [(RP, "timeout is off")]


def test_drift_of_mode_level_and_of_what_is_missing(policy):
    path = policy("[serial 0x1001]\nmode = devdax\nrequire = contain\n[serial 0x99]\n")
    r, only = Session("sysram1").cxl("isolation-status", f"--policy={path}").cxl("isolation-status", f"--policy={path}", RP).run()
    assert r.rc == 1 and drift(r) == [(RP, "isolation is off"), (RP, "timeout is off"), (RP, "ISO-MEM-ONLINE stands against the level contain"), ("dax0.0", "mode is system-ram"),
                                      ("serial 0x99", "target is absent")]
    assert drift(only) == drift(r)[:-1]


def test_what_is_off_of_the_cache_s_settings_is_not_called_off_altogether(policy):
    path = policy(f"[{RP}]\ncache = yes\nlink-down = yes\n")
    on, status = Session("direct1").cxl("enable-isolation", "--registers", "--link-down", "root0").cxl("isolation-status", f"--policy={path}").run()
    assert on.rc == 0 and status.root_ports()[RP]["control"]["mem"]["link_down"] is True
    assert status.rc == 1 and drift(status) == [(RP, "cache is off"), (RP, "link-down of CXL.cache is off")]


def test_what_a_group_goes_without_is_no_drift(policy):
    """CXL.cache on a root port that has none: applied with a warning, and then so."""
    path = policy("[all]\ncache = yes\nlink-down = yes\n")
    before, applied, status = Session("direct1").cxl("isolation-status", f"--policy={path}").cxl("enable-isolation", "--registers", f"--policy={path}") \
        .cxl("isolation-status", f"--policy={path}").run()
    assert before.rc == 1 and drift(before) == [(RP, "isolation is off"), (RP, "timeout is off"), (RP, "link-down is off")]
    assert applied.rc == 0 and "CXL.cache" in applied.err and (status.rc, drift(status)) == (0, [])


def test_a_bad_policy_is_no_drift_but_an_error(policy):
    r, none, both = Session("direct1").cxl("isolation-status", f"--policy={policy('[all]' + chr(10) + 'x = y' + chr(10))}") \
        .cxl("isolation-status", "--policy=/nonexistent").cxl("isolation-status", "--policy", "--monitor").run()
    assert r.rc == 2 and ":2: unknown key" in r.err and none.rc == 2 and both.rc == 2


# -- recovery ----------------------------------------------------------------------------------
def test_a_port_that_is_never_to_be_recovered_is_left_alone():
    def recover(setting):
        return Session("direct1", before=f"mkdir -p /etc/cxl; printf '[root0]\\nrecover = {setting}\\n' >/etc/cxl/isolation.conf; cxl enable-isolation --timeout=A root0 >/dev/null; "
                       f"cxl-sim ctl timeout {RP}").cxl("recover-port", "-n", RP).run()[0]
    never, manual = recover("never"), recover("manual")
    assert never.rc == 1 and "0000:0c:00.0 is not recovered (ISO-POLICY): /etc/cxl/isolation.conf:2 says that it is never to be recovered" in never.err, str(never)
    assert manual.rc == 0, str(manual)
    broken = recover("sometimes")  # what the file says of this port cannot be told, and the port is left alone
    assert broken.rc == 1 and "(ISO-POLICY)" in broken.err and "/etc/cxl/isolation.conf:2: 'sometimes'" in broken.err, str(broken)


def test_the_administrators_word_for_the_platform_lifts_its_limit(policy):
    """amd1: a server whose vendor says that it contains a failure and cannot recover from it."""
    path = policy("[all]\nplatform-recovery = yes\n")
    bare, told = (Session("amd1").sh(f"mkdir -p /etc/cxl; {copy}").cxl("enable-isolation", "root0").cxl("list", "--isolation").run()[2].root_ports()[RP]
                  for copy in ("true", f"cp {path} /etc/cxl/isolation.conf"))
    assert (bare["containment"], "ISO-PLATFORM" in bare["limits"]) == ("contain", True)
    assert (told["containment"], "ISO-PLATFORM" in told["limits"]) == ("recover", False)
