# SPDX-License-Identifier: GPL-2.0-only
"""Everything that is not ours goes to the distribution's program: unchanged, by execv, before anything is parsed."""
import os
import re
import shutil
import subprocess

import pytest

from lib.cli import CLEAN, CXL, DAXCTL, run, run_cxl

PROGRAMS = {"cxl": (CXL, "CXL_PROGRAM"), "daxctl": (DAXCTL, "DAXCTL_PROGRAM")}
OURS = ["list", "enable-isolation", "disable-isolation", "set-timeout", "isolation-status", "recover-port", "check-soft-reserved", "explain"]
OURS_OF_DAXCTL = ["list", "prepare-isolation"]


@pytest.fixture(params=PROGRAMS)
def program(request):
    """(name, path of ours, name of the variable that overrides the distribution's)."""
    return (request.param, *PROGRAMS[request.param])


@pytest.fixture
def stand_in(tmp_path):
    """A program that writes its arguments, separated by NUL, and exits as it is told."""
    path = tmp_path / "stand-in"
    path.write_text('#!/bin/sh\n[ "$1" = --list-cmds ] && { printf "zap\\nlist\\nversion\\n"; exit 0; }\n'
                    'for a; do printf "%s\\0" "$a"; done\nexit "${STATUS:-0}"\n')
    path.chmod(0o755)
    return path


ARGUMENTS = [
    ["list"], ["list", "-BPDEMRT"], ["list", "-m", "mem0"], ["list", "--", "--isolation"], ["zap"], ["zap", "--help"], ["zap", "--version"],
    ["zap", ""], ["zap", "", "  ", "a b", "'", '"', "\\", "$HOME", "*", "-", "--", "--x=y"], ["zap", "\n", "\t", "ünïcode", "\x1b[31m"],
    ["zap", "A" * 100000], ["zap", *map(str, range(2000))], ["enable-memdev", "mem0"], ["LIST"], ["lis"], ["listx"], ["enable-isolationx"],
    ["monitor"], ["create-region", "-d", "decoder0.0"],
]


@pytest.mark.parametrize("args", ARGUMENTS, ids=lambda a: " ".join(a)[:30].encode("ascii", "replace").decode())
def test_arguments_arrive_byte_for_byte(program, stand_in, args):
    _, ours, variable = program
    r = run([ours, *args], env={variable: str(stand_in)})
    assert r.rc == 0 and r.err == "", str(r)
    assert r.out == b"".join(a.encode() + b"\0" for a in args)


def test_a_program_that_never_stops_talking_does_not_hold_the_list_of_commands(program, tmp_path):
    _, ours, variable = program
    path = tmp_path / "endless"
    path.write_text("#!/bin/sh\nexec yes\n")
    path.chmod(0o755)
    for args in ("--list-cmds", "--version"):
        assert run([ours, args], env={variable: str(path)}, timeout=10).rc == 0


def test_a_variable_that_names_a_program_that_is_none_is_said(program, tmp_path):
    _, ours, variable = program
    for path in (tmp_path / "none", tmp_path):
        r = run([ours, "zap"], env={variable: str(path)})
        assert r.rc == 127 and f"; unset {variable}, which says so, or " in r.err, str(r)


def test_bytes_that_are_no_text_arrive_too(program, stand_in):
    _, ours, variable = program
    r = run([str(ours).encode(), b"zap", b"\xff\xfe\x80"], env={variable: str(stand_in)})
    assert r.out == b"zap\0\xff\xfe\x80\0"


@pytest.mark.parametrize("status", [0, 1, 2, 42, 127, 129, 255])
def test_the_exit_status_is_passed_through(program, stand_in, status):
    _, ours, variable = program
    assert run([ours, "zap"], env={variable: str(stand_in), "STATUS": str(status)}).rc == status


def test_the_process_is_replaced_not_wrapped(program, tmp_path):
    _, ours, variable = program
    other = tmp_path / "other"
    other.write_text("#!/bin/sh\necho $$ $PPID\n")
    other.chmod(0o755)
    r = run(["sh", "-c", f"echo $$; exec '{ours}' zap"], env={variable: str(other)})
    outer, inner, _ = r.text.split()
    assert outer == inner


def test_list_without_isolation_is_the_distributions(stand_in, captures):
    env = {"CXL_PROGRAM": str(stand_in)}
    assert run([CXL, "list", "-u"], env=env).out == b"list\0-u\0"
    r = run_cxl(["list", "--isolation"], sysroot=captures["direct1-6.12-devdax"], env=env)
    assert r.json["schema"] == "cxl-list/1"


@pytest.mark.parametrize("how", ["itself", "symbolic link", "hard link", "link to a link"])
def test_it_never_hands_over_to_itself(program, tmp_path, how):
    _, ours, variable = program
    target = ours
    if "link" in how:
        target = tmp_path / "link"
        if how == "hard link":
            try:
                os.link(ours, target)
            except OSError as e:
                pytest.skip(f"no hard link across file systems: {e}")
        else:
            target.symlink_to(ours)
        if how == "link to a link":
            (tmp_path / "again").symlink_to(target)
            target = tmp_path / "again"
    r = run([ours, "zap"], env={variable: str(target)}, timeout=10)
    assert r.rc == 127, str(r)
    assert len(r.err.strip().splitlines()) == 1 and variable in r.err


def test_a_copy_of_itself_does_not_loop(program, tmp_path):
    _, ours, variable = program
    copy = tmp_path / "copy"
    shutil.copy(ours, copy)
    r = run([ours, "zap"], env={variable: str(copy)}, timeout=10)
    assert r.rc == 127, str(r)


def test_a_missing_program_names_the_package(program):
    name, ours, variable = program
    r = run([ours, "zap"], env={variable: "/nonexistent/program"})
    assert r.rc == 127
    assert "package" in r.err and {"cxl": "ndctl", "daxctl": "daxctl"}[name] in r.err
    assert len(r.err.strip().splitlines()) == 1


@pytest.mark.parametrize("path", ["cxl", "./cxl", "../cxl", "bin/cxl", " /usr/bin/cxl"])
def test_a_relative_path_is_refused(program, path, stand_in):
    _, ours, variable = program
    r = run([ours, "zap"], env={variable: path}, cwd=stand_in.parent)
    assert r.rc == 127
    assert "absolute" in r.err


@pytest.mark.parametrize("what", ["directory", "not executable", "no program"])
def test_what_cannot_be_run_is_said(program, tmp_path, what):
    _, ours, variable = program
    path = tmp_path / "x"
    path.mkdir() if what == "directory" else path.write_bytes(b"\0\1\2\3")
    if what == "no program":
        path.chmod(0o755)
    r = run([ours, "zap"], env={variable: str(path)})
    assert r.rc == 127 and str(path) in r.err, str(r)


def test_an_empty_override_is_none(program, stand_in):
    _, ours, variable = program
    empty, unset = run([ours, "zap"], env={variable: ""}), run([ours, "zap"])
    assert (empty.rc, empty.err) == (unset.rc, unset.err)


def test_list_cmds_is_the_union(program, stand_in):
    name, ours, variable = program
    r = run([ours, "--list-cmds"], env={variable: str(stand_in)})
    assert r.rc == 0
    lines = r.text.split("\n")[:-1]
    assert len(lines) == len(set(lines)), lines
    assert set(lines) >= {"zap", "list", "version"}
    if name == "cxl":
        assert set(lines) == {"zap", "version", *OURS}


def test_list_cmds_without_the_distributions_is_ours_alone(program):
    name, ours, variable = program
    r = run([ours, "--list-cmds"], env={variable: "/nonexistent"})
    assert r.rc == 0
    assert set(r.text.split()) == (set(OURS) if name == "cxl" else set(OURS_OF_DAXCTL))


@pytest.mark.parametrize("command", [*OURS, "zap"])
def test_list_opts_is_for_completion(tmp_path, command):
    """Ours of what is ours, both of what both have, theirs of the rest; each once."""
    theirs = tmp_path / "theirs"
    theirs.write_text('#!/bin/sh\n[ "$2" = --list-opts ] && printf -- "--bus --theirs-of-$1 "\n')
    theirs.chmod(0o755)
    r = run([CXL, command, "--list-opts"], env={"CXL_PROGRAM": str(theirs)})
    help_ = run([CXL, command, "--isolation", "--help"] if command == "list" else [CXL, command, "--help"], env={"CXL_PROGRAM": str(theirs)}).text
    ours = re.findall(r"^\s+(?:-\w, )?(--[\w-]+)", help_, re.M) if command in OURS else []
    both = ["--bus", f"--theirs-of-{command}"] if command in ("list", "zap") else []
    assert r.rc == 0 and r.text.split() == both + [o for o in ours if o not in both] and r.text.count("\n") == 0, str(r)


@pytest.mark.skipif(not os.path.exists("/usr/share/bash-completion/completions/cxl"), reason="this distribution's cxl comes without a completion")
def test_the_distributions_shell_completion_completes_our_commands_too():
    script = """source /usr/share/bash-completion/completions/cxl || exit
    complete_line() { COMP_WORDS=(cxl "$@"); COMP_CWORD=$#; COMP_LINE="cxl $*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=(); _cxl; echo ${COMPREPLY[@]}; }
    complete_line enab; complete_line enable-isolation --o; complete_line list --is"""
    p = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                       env={**CLEAN, "PATH": f"{CXL.parent}:{CLEAN['PATH']}"})
    assert [sorted(w.rstrip("=") for w in line.split()) for line in p.stdout.splitlines()] == [
        ["enable-isolation", "enable-memdev", "enable-port", "enable-region"], ["--output", "--override"], ["--isolation"]], f"{p.stdout}{p.stderr}"


def test_version_and_help_are_ours(program):
    name, ours, _ = program
    r = run([ours, "--version"])
    assert r.rc == 0 and "cxl-isolation" in r.text and r.err == ""
    for args in (["--help"], ["-h"], ["help"]):
        r = run([ours, *args])
        assert r.rc == 0 and r.text.startswith(f"usage: {name}"), str(r)
    if name == "cxl":
        assert all(c in run([ours, "--help"]).text for c in OURS)


def test_version_and_help_that_cannot_be_written_are_errors(program):
    _, ours, _ = program
    for arg in ("--version", "--help", "--list-cmds"):
        with open("/dev/full", "wb") as full:
            r = run([ours, arg], stdout=full)
        assert r.rc not in (0, 1, 2), str(r)
        assert "No space left" in r.err, str(r)


def test_no_command_is_a_usage_error(program):
    _, ours, _ = program
    r = run([ours])
    assert r.rc == 2 and "usage:" in r.err and r.out == b""


@pytest.mark.parametrize("command", OURS)
def test_help_of_each_command_of_ours(command):
    args = [command, "--isolation", "--help"] if command == "list" else [command, "--help"]
    r = run([CXL, *args])
    assert r.rc == 0 and r.text.startswith(f"usage: cxl {command}") and r.err == ""


def test_the_override_is_ignored_in_a_set_user_id_run(stand_in, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to make a set-user-ID program")
    for p in (tmp_path, *list(tmp_path.parents)[:2]):
        p.chmod(0o755)
    program = tmp_path / "cxl"
    shutil.copy(CXL, program)
    program.chmod(0o4755)
    probe = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", program]
    r = run([*probe, "zap"], env={"CXL_PROGRAM": str(stand_in), "ASAN_OPTIONS": "detect_leaks=0"})
    if b"zap\0" in r.out and "nosuid" in open("/proc/self/mounts").read():
        pytest.skip("this file system ignores the set-user-ID bit")
    assert b"zap\0" not in r.out, "the variable was obeyed in a set-user-ID run"
