# SPDX-License-Identifier: GPL-2.0-only
"""Commands on a kernel without isolation support, and those that are the distribution's."""
from guest import CXL, DAXCTL, THEIR_CXL, THEIR_DAXCTL, cxl, names, root_port, run, same


def test_enable_without_kernel_support_is_refused_with_exit_3():
    rp = root_port(names("mem")[0])
    for command in ("enable-isolation", "disable-isolation"):
        r = cxl(command, rp, rc=3)
        same(r.root_ports()[rp]["result"], "refused", "result")
        same(r.root_ports()[rp]["changed"], False, "changed")
        same(r.root_ports()[rp]["plan"], [], "plan")
        assert rp in r.err and "nothing was written" in r.err, r


def test_enable_of_everything_is_refused_with_exit_3():
    r = cxl("enable-isolation", "root0", rc=3)
    same({p["result"] for p in r.json["root_ports"]}, {"skipped"}, "results")
    assert r.messages("ISO-CAP"), r


def test_a_dry_run_is_refused_the_same_way():
    cxl("enable-isolation", "-n", root_port(names("mem")[0]), rc=3)


def test_what_is_missing_cannot_be_overridden():
    for check in ("ISO-CAP", "ISO-ABI"):
        cxl("enable-isolation", f"--override={check}", "root0", rc=2)


def test_an_unknown_target_is_exit_2_and_names_what_exists():
    for command in (["list", "--isolation"], ["enable-isolation"], ["disable-isolation"]):
        r = cxl(*command, "mem77", rc=2)
        for name in ("root0", *names("mem"), root_port(names("mem")[0])):
            assert name in r.err, r


def test_any_other_list_is_the_distributions():
    for args in (["list"], ["list", "-BPDEMRTi"], ["list", "-M", "-u"], ["version"], ["--version"], ["help"]):
        ours, theirs = cxl(*args, rc=None), run(THEIR_CXL, *args, rc=None)
        if args in (["--version"], ["help"]):
            continue  # ours: only that it does not hang or crash
        same((ours.rc, ours.out, ours.err), (theirs.rc, theirs.out, theirs.err), " ".join(args))


def test_a_delegated_failure_keeps_its_status_and_words():
    for args in (["disable-memdev", "mem77"], ["list", "--no-such-option"], ["create-region"]):
        ours, theirs = cxl(*args, rc=None), run(THEIR_CXL, *args, rc=None)
        same((ours.rc, ours.out, ours.err), (theirs.rc, theirs.out, theirs.err), " ".join(args))


def test_a_delegated_command_does_its_work():
    m = names("mem")[0]
    cxl("disable-memdev", "-f", m)
    same(cxl("list", "--isolation", m).memdevs()[m]["state"], "disabled", m)
    cxl("enable-memdev", m)
    same(cxl("list", "--isolation", m).memdevs()[m]["state"], "enabled", m)


def test_daxctl_is_delegated():
    ours, theirs = run(DAXCTL, "list", "-DR"), run(THEIR_DAXCTL, "list", "-DR")
    same((ours.out, ours.err), (theirs.out, theirs.err), "daxctl list -DR")


def test_a_missing_program_is_exit_127():
    r = run(CXL, "list", "-M", rc=127, env={"CXL_PROGRAM": "/nonexistent/cxl"})
    assert "/nonexistent/cxl" in r.err and "package" in r.err, r


def test_an_ordinary_user_lists_and_is_told_what_needs_root():
    r = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", CXL, "list", "--isolation")
    same(list(r.memdevs()), names("mem"), "memdevs")
    for rec in r.root_ports().values():
        same(rec["source"]["capability"], None, "source of the capability")
    assert "root" in " ".join(r.messages("REGISTERS")), r


def test_an_ordinary_user_cannot_enable():
    r = run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", CXL, "enable-isolation", root_port(names("mem")[0]), rc=3)
    same({p["result"] for p in r.json["root_ports"]}, {"refused"}, "results")
