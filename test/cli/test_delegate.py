# SPDX-License-Identifier: GPL-2.0-only
"""Everything that is not ours goes to the distribution's program: unchanged, by execv, before anything is parsed."""
import os
import re
import shutil
import subprocess

import pytest

from lib.cli import CLEAN, CXL, DAXCTL, ROOT, SIM, commands, run, run_cxl

PROGRAMS = {"cxl": (CXL, "CXL_PROGRAM"), "daxctl": (DAXCTL, "DAXCTL_PROGRAM")}
OURS = commands("cxl")


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
    ["zap", "A" * 100000], ["zap", *map(str, range(2000))], ["enable-memdev", "mem0"], ["enable-memdv", "mem0"],
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
        assert run([ours, args], env={variable: str(path)}, timeout=60).rc == 0


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
            # a hard link is on one file system with its target, which the build need not share
            ours = shutil.copy2(ours, tmp_path / "copy")
            os.link(ours, target)
        else:
            target.symlink_to(ours)
        if how == "link to a link":
            (tmp_path / "again").symlink_to(target)
            target = tmp_path / "again"
    r = run([ours, "zap"], env={variable: str(target)}, timeout=60)
    assert r.rc == 127, str(r)
    assert len(r.err.strip().splitlines()) == 1 and variable in r.err


def test_a_copy_of_itself_does_not_loop(program, tmp_path):
    _, ours, variable = program
    copy = tmp_path / "copy"
    shutil.copy(ours, copy)
    r = run([ours, "zap"], env={variable: str(copy)}, timeout=60)
    assert r.rc == 127, str(r)


WAYS_BACK = {"exec": 'exec {0} "$@"', "a child": '{0} "$@"', "by PATH": '{1} "$@"', "two scripts": 'exec "$0.more" "$@"', "a copy": 'exec {2} "$@"',
             "the other program": 'exec {3} "$@"'}


@pytest.mark.parametrize("way", WAYS_BACK)
@pytest.mark.parametrize("args", [["zap"], ["list", "-M"], ["--list-cmds"], ["--version"]], ids=" ".join)
def test_a_script_that_leads_back_does_not_loop(program, tmp_path, way, args):
    name, ours, variable = program
    (others_program, others_variable), = [p for n, p in PROGRAMS.items() if n != name]
    copy, script = tmp_path / "copy", tmp_path / "script"
    shutil.copy(ours, copy)
    text = f"#!/bin/sh\necho x >>{tmp_path}/ran\n"
    script.write_text(text + WAYS_BACK[way].format(ours, name, copy, others_program) + "\n")
    (tmp_path / "script.more").write_text(f'{text}exec {ours} "$@"\n')
    for path in tmp_path.glob("script*"):
        path.chmod(0o755)
    r = run([ours, *args], env={variable: str(script), others_variable: str(script), "PATH": f"{ours.parent}:{CLEAN['PATH']}"}, timeout=10)
    assert len((tmp_path / "ran").read_text().split()) <= 2 + (way == "two scripts"), str(r)
    if args[0].startswith("--"):
        assert r.rc == 0, str(r)
    else:
        assert r.rc == 127 and len(r.err.strip().splitlines()) == 1 and "led back to this program" in r.err and (variable in r.err or way == "the other program"), str(r)


def test_a_script_may_ask_us_for_what_is_ours(program, tmp_path):
    """The way back is closed for what is handed over only."""
    name, ours, variable = program
    script = tmp_path / "script"
    script.write_text(f'#!/bin/sh\n{ours} {"explain" if name == "cxl" else "list --isolation --sysroot=/nonexistent"} >/dev/null 2>&1\necho $?\n')
    script.chmod(0o755)
    assert run([ours, "zap"], env={variable: str(script)}).text.strip() == ("0" if name == "cxl" else "2")


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
    documented = set(re.findall(rf"`{name} ([a-z-]+)", (ROOT / "README.md").read_text().partition("| command |")[2].partition("\n\n")[0]))
    assert set(r.text.split()) == documented, "README's table of commands and the program differ"


@pytest.mark.parametrize("command", [*OURS, "zap"])
def test_list_opts_is_for_completion(tmp_path, command):
    """Ours of what is ours, both of what both have, theirs of the rest; each once."""
    theirs = tmp_path / "theirs"
    # the distribution's parser ends so with status 130
    theirs.write_text('#!/bin/sh\n[ "$2" = --list-opts ] && printf -- "--bus --theirs-of-$1 " && exit 130\n')
    theirs.chmod(0o755)
    r = run([CXL, command, "--list-opts"], env={"CXL_PROGRAM": str(theirs)})
    help_ = run([CXL, command, "--isolation", "--help"] if command == "list" else [CXL, command, "--help"], env={"CXL_PROGRAM": str(theirs)}).text
    ours = re.findall(r"^ {2,6}(?:-\w, )?(--[\w-]+)", help_, re.M) if command in OURS else []
    both = ["--bus", f"--theirs-of-{command}"] if command in ("list", "zap") else []
    assert r.rc == (130 if command == "zap" else 0) and r.text.split() == both + [o for o in ours if o not in both] and r.text.count("\n") == 0, str(r)


@pytest.mark.skipif(not os.path.exists("/usr/share/bash-completion/completions/cxl"), reason="this distribution's cxl comes without a completion")
def test_the_distributions_shell_completion_completes_our_commands_too():
    script = """source /usr/share/bash-completion/completions/cxl || exit
    complete_line() { COMP_WORDS=(cxl "$@"); COMP_CWORD=$#; COMP_LINE="cxl $*"; COMP_POINT=${#COMP_LINE}; COMPREPLY=(); _cxl; echo ${COMPREPLY[@]}; }
    complete_line enab; complete_line enable-isolation --o; complete_line list --is"""
    p = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                       env={**CLEAN, "PATH": f"{CXL.parent}:{CLEAN['PATH']}"})
    assert [sorted(w.rstrip("=") for w in line.split()) for line in p.stdout.splitlines()] == [
        ["enable-isolation", "enable-memdev", "enable-port", "enable-region"], ["--output", "--override"], ["--isolation"]], f"{p.stdout}{p.stderr}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_option_of_the_distributions_list_is_completed_worse(name):
    """Each of them in two ways, with ours first in PATH and without: what theirs alone offers is offered still."""
    script = f"/usr/share/bash-completion/completions/{name}"
    if not os.path.exists(script) or not os.path.exists(f"/usr/bin/{name}"):
        pytest.skip(f"the distribution's {name} or its completion is not installed")
    options = run([f"/usr/bin/{name}", "list", "--list-opts"]).text.split()
    assert len(options) >= 7, options
    words = [w for o in options for w in (o, o[:-1])]
    code = f'''source {script} || exit
    for w; do COMP_WORDS=({name} list "$w"); COMP_CWORD=2; COMP_LINE="{name} list $w"; COMP_POINT=${{#COMP_LINE}}; COMPREPLY=(); _{name}; echo ${{COMPREPLY[@]}}; done'''
    offered = [run(["bash", "-c", code, "bash", *words], env={"PATH": f"{first}{CLEAN['PATH']}"}).text.splitlines()
               for first in ("", f"{PROGRAMS[name][0].parent}:")]
    for word, alone, with_ours in zip(words, *offered, strict=True):
        assert alone and not set(alone.split()) - set(with_ours.split()), (word, alone, with_ours)


def test_version_and_help_are_ours(program):
    name, ours, variable = program
    r = run([ours, "--version"])
    version = re.search(r"^project.*?version: '([^']+)'", (ROOT / "meson.build").read_text(), re.M | re.S)[1]
    assert r.rc == 0 and r.text.splitlines()[1:] == [f"cxl-isolation {version}, in front of /usr/bin/{name}"] and r.err == ""
    if shutil.which(name, path="/usr/bin"):
        assert r.text.splitlines()[0] == run([f"/usr/bin/{name}", "--version"]).text.strip(), "scripts read the first line"
    assert run([ours, "--version"], env={variable: "/nonexistent"}).text.splitlines()[0] == "not installed"
    for args in (["--help"], ["-h"], ["help"]):
        r = run([ours, *args])
        assert r.rc == 0 and r.text.startswith(f"usage: {name}"), str(r)
    if name == "cxl":
        assert all(c in run([ours, "--help"]).text for c in OURS)


def test_no_line_of_help_is_wider_than_a_terminal():
    for name, (path, _) in {**PROGRAMS, "cxl-sim": (SIM, None)}.items():
        words = [[], *([c, "--isolation"] if c == "list" else [c] for c in (commands(name) if name != "cxl-sim" else ("run", "ctl", "hosts", "doctor", "capture")))]
        for args in words:
            r = run([path, *args, "--help"])
            assert r.rc == 0 and r.text.count("\n") > 3, str(r)
            assert not [line for line in r.text.splitlines() if len(line) > 80], f"{name} {args}: {r.text}"


def test_version_and_help_that_cannot_be_written_are_errors(program):
    _, ours, _ = program
    for arg in ("--version", "--help", "--list-cmds"):
        with open("/dev/full", "wb") as full:
            r = run([ours, arg], stdout=full)
        assert r.rc not in (0, 1, 2), str(r)
        assert "No space left" in r.err, str(r)


SLIPS = [("cxl", "enable-isolaton", "enable-isolation"), ("cxl", "enable_isolation", "enable-isolation"), ("cxl", "LIST", "list"), ("cxl", "lst", "list"),
         ("cxl", "lsit", "list"), ("cxl", "recover", "recover-port"), ("cxl", "set-timout", "set-timeout"), ("daxctl", "prepare-isolaton", "prepare-isolation"),
         ("daxctl", "listx", "list")]


@pytest.mark.parametrize("name,typed,meant", SLIPS)
def test_a_misspelt_command_is_told_how_it_is_spelt(stand_in, name, typed, meant):
    ours, variable = PROGRAMS[name]
    for path in (stand_in, "/nonexistent"):
        r = run([ours, typed, "root0"], env={variable: str(path)})
        assert (r.rc, r.text, r.err) == (2, "", f"{name}: '{typed}' is not a command: did you mean '{name} {meant}'?\n"), str(r)


def test_what_the_distribution_has_is_no_misspelling(program, tmp_path):
    """Close to one of ours, and theirs; so are options of its list."""
    name, ours, variable = program
    theirs = tmp_path / "theirs"
    theirs.write_text('#!/bin/sh\ncase "$*" in --list-cmds) echo lists; echo prepare-isolations;; "list --list-opts") echo "--isolations ";;'
                      ' *) echo "theirs: $*";; esac\n')
    theirs.chmod(0o755)
    for args in (["lists", "-x"], ["prepare-isolations"], ["list", "--isolations"], ["list", "--", "--isolatoin"], ["list", "isolatoin"]):
        r = run([ours, *args], env={variable: str(theirs)})
        assert (r.rc, r.text) == (0, f"theirs: {' '.join(args)}\n"), str(r)
    r = run([ours, "list", "-M", "--isolatoin"], env={variable: str(theirs)})
    assert (r.rc, r.text, r.err) == (2, "", f"{name} list: unknown option '--isolatoin': did you mean --isolation?\n")
    r = run([ours, "list", "--isolation=yes"], env={variable: str(theirs)})
    assert (r.rc, r.err) == (2, f"{name} list: unknown option '--isolation=yes': did you mean --isolation?\n")


@pytest.mark.parametrize("args", [["list", "--help"], ["list", "-h"], ["help", "list"], ["list", "-M", "--help"]], ids=" ".join)
def test_the_distributions_help_of_list_is_preceded_by_where_ours_is(program, stand_in, args):
    name, ours, variable = program
    r = run([ours, *args], env={variable: str(stand_in)})
    assert r.out == f"'{name} list --isolation' is described by '{name} list --isolation --help'.\n\n".encode() + b"".join(
        a.encode() + b"\0" for a in args) and r.rc == 0, str(r)
    assert run([ours, "list", "--isolation", "--help"]).text.startswith(f"usage: {name} list [OPTIONS] --isolation")
    r = run([ours, "list", "--isolation", "--nonsense"])
    assert r.rc == 2 and f"see '{name} list --isolation --help'" in r.err, str(r)


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
    tmp_path.chmod(0o755)
    program = tmp_path / "cxl"
    shutil.copy(CXL, program)
    program.chmod(0o4755)
    probe = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", program]
    r = run([*probe, "zap"], env={"CXL_PROGRAM": str(stand_in), "ASAN_OPTIONS": "detect_leaks=0"})
    if b"zap\0" in r.out and "nosuid" in open("/proc/self/mounts").read():
        pytest.skip("this file system ignores the set-user-ID bit")
    assert b"zap\0" not in r.out, "the variable was obeyed in a set-user-ID run"
