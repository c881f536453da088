# SPDX-License-Identifier: GPL-2.0-only
"""Shell completion: what the programs say may stand next, and that bash, zsh and fish make that of it."""
import os
import pty
import re
import select
import shutil
import time

import pytest

from lib import cli
from lib.cli import CLEAN, CXL, DAXCTL, ROOT, SIM, run

SCRIPTS = ROOT / "contrib" / "completion"
PROGRAMS = {"cxl": CXL, "daxctl": DAXCTL, "cxl-sim": SIM}
ENV = {"PATH": f"{CXL.parent}:{DAXCTL.parent}:{SIM.parent}:{CLEAN['PATH']}", "TERM": "dumb"}
# whose values are no list: numbers, texts of their own, and a host that is not there yet
FREE = {"N", "DURATION", "TIME", "NAME:SIZE[,NAME:SIZE...", "SIZE", "SECONDS", "OP[@GLOB]:N[+]=ACTION", "cxl-sim PORT"}


def offered(program, *words, helps=False):
    """What PROGRAM says may stand for the last of @words."""
    r = run([PROGRAMS[program], "--complete", *words])
    assert r.rc == 0 and r.err == "", str(r)
    lines = r.text.splitlines()
    return lines if helps else [line.partition("\t")[0] for line in lines]


def options(program, command):
    """(option, "=" or "[=", name of its value) of a command, as its help has them."""
    args = [command, "--isolation"] if command == "list" else [command]
    return re.findall(r"^ {2,6}(?:-\w, )?(--[\w-]+)(?:(\[?=)(.+?)\]?)?(?:\s{2,}.*)?$", run([PROGRAMS[program], *args, "--help"]).text, re.M)


COMMANDS = [("cxl", c) for c in cli.commands("cxl")] + [("daxctl", c) for c in cli.commands("daxctl")] + [
    ("cxl-sim", c) for c in ("run", "ctl", "hosts", "doctor", "capture")]


@pytest.fixture
def host(captures):
    """One to take names from."""
    return captures["switch4-6.12-sw4-devdax"]


@pytest.mark.parametrize("program,command", COMMANDS)
def test_every_option_of_the_help_is_offered_and_so_are_its_values(program, command, host):
    before = [command, "--isolation"] if command == "list" else [command]
    found = options(program, command)
    words = offered(program, *before, "--")
    refused = {"--sysroot"} if "refused" in run([PROGRAMS[program], *before, "--help"]).text else set()
    assert found and {w.rstrip("=") for w in words} == {o for o, _, _ in found} - refused, words
    for option, sign, arg in found:
        if not arg or option in refused:
            continue
        assert f"{option}=" in words
        values = offered(program, *before, f"--sysroot={host}", f"{option}=")
        assert all(v.startswith((f"{option}=", ":")) for v in values), values
        free = arg in FREE or f"{program} {arg}" in FREE
        assert bool(values) != free, (option, arg, values)
        assert sign == "[=" or [v.removeprefix(f"{option}=") for v in values] == offered(program, *before, f"--sysroot={host}", option, ""), "the same in two words"


def test_names_of_a_host_are_those_that_are_taken(host):
    listed = offered("cxl", "list", "--isolation", f"--sysroot={host}", "")
    r = run([CXL, "list", "--isolation", f"--sysroot={host}", "nonsense"])
    assert listed and sorted(listed) == sorted(re.search(r"use one of: ([^\"]*)", r.err)[1].split()), r.err
    for name in listed:
        assert run([CXL, "list", "--isolation", f"--sysroot={host}", name]).rc == 0, name
    assert offered("cxl", "list", "--isolation", f"--sysroot={host}", "0C:") == ["0c:00.0"], "as lspci shows it"
    assert offered("cxl", "list", "--isolation", "--sysroot", host, "-m", "") == ["mem0", "mem1", "mem2", "mem3"]
    assert offered("cxl", "recover-port", f"--sysroot={host}", "") == ["0000:0c:00.0"]
    assert set(offered("cxl", "set-timeout", f"--sysroot={host}", "root0", "")) > {"mem0", "B2", "off"}
    assert not {"auto", "keep"} & set(offered("cxl", "set-timeout", f"--sysroot={host}", "root0", ""))
    assert "root port of mem0 mem1 mem2 mem3" in offered("cxl", "recover-port", f"--sysroot={host}", "", helps=True)[0]


def test_a_host_without_cxl_has_no_names_and_that_is_no_error(tmp_path):
    assert offered("cxl", "enable-isolation", f"--sysroot={tmp_path}", "") == []
    assert offered("cxl", "enable-isolation", f"--sysroot={tmp_path}/none", "") == []


# each value is no usage error, and what is none is
FIXED = [("cxl", ["recover-port", "-n", "0000:0c:00.0"], "--users"), ("cxl", ["recover-port", "-n", "0000:0c:00.0"], "--link-method"),
         ("cxl", ["recover-port", "-n", "0000:0c:00.0"], "--progress"), ("cxl", ["check-soft-reserved"], "--policy"),
         ("cxl", ["enable-isolation", "-n", "root0"], "--timeout"), ("cxl", ["disable-isolation", "-n", "root0"], "--timeout"),
         ("cxl", ["enable-isolation", "-n", "root0"], "--override"), ("cxl", ["recover-port", "-n", "0000:0c:00.0"], "--override"),
         ("daxctl", ["prepare-isolation", "-n", "all"], "--mode"), ("cxl", ["isolation-status"], "--format"),
         ("cxl", ["isolation-status"], "--assert=containment"), ("cxl", ["isolation-status"], "--assert=control.mem.isolation"),
         ("cxl", ["enable-isolation", "-n", "root0"], "--require"), ("cxl", ["enable-isolation", "-n", "root0"], "--require=mem_timeout:")]


@pytest.mark.parametrize("program,args,option", FIXED, ids=lambda v: v if isinstance(v, str) else v[0])
def test_every_value_that_is_offered_is_taken(program, args, option):
    typed = option if option.endswith(":") else f"{option}="
    values = [v for v in offered(program, args[0], typed) if not v.endswith(":")]
    script = 'for v in "$@"; do ' + f"{PROGRAMS[program]} {' '.join(args)}" + ' "$v" >/dev/null 2>&1; echo $?; done'
    r = run([SIM, "run", "--host", "vms1", "--", "sh", "-c", script, "sh", *values, f"{typed}nonsense"])
    *statuses, last = r.text.split()
    assert values and len(statuses) == len(values) and last == "2" and "2" not in statuses, list(zip(values, statuses))


def test_what_every_event_takes_is_offered_in_a_run():
    script = ('for e in $(cxl-sim --complete ctl "" | cut -f1); do echo "$e:" $(cxl-sim --complete ctl $e "" | cut -f1); done; '
              'cxl-sim --complete ctl returns x ""')
    r = run([SIM, "run", "--host", "switch4", "--", "sh", "-c", script], env=ENV)
    events = dict(line.split(": ", 1) for line in r.text.splitlines() if ": " in line)
    assert events["link-down"] == "0000:0c:00.0" and events["map"] == events["unmap"] == "dax0.0" and events["fault"] == "none", str(r)
    assert len(events["surprise-remove"].split()) == 4 and r.text.split("\n")[-6:] == ["as-before", "never", "late", "serial", "unbound", ""]
    assert offered("cxl-sim", "ctl", "link-down", "") == [], "there is no simulated host here"


def test_a_command_to_be_run_is_the_shells_to_complete_or_asked_on_the_simulated_host():
    assert offered("cxl-sim", "run", "--", "ec") == [":command 3"]
    assert offered("cxl-sim", "run", "--host=vms1", "ec") == [":command 3"]
    assert offered("cxl-sim", "run", "--host=vms1", "--", "cat", "x") == [":command 4"]
    assert offered("cxl", "set-timeout", "--while", "root0", "--", "ec") == [":command 5"]
    assert offered("cxl-sim", "run", "--host", "switch4", "--", str(CXL), "recover-port", "") == ["0000:0c:00.0"]
    assert offered("cxl-sim", "run", "--host=vms1", "--", str(CXL), "list", "--isolation", "-m", "") == ["mem0"]


@pytest.mark.kills
def test_options_do_not_cost_the_distributions_program_nor_the_host(tmp_path):
    theirs = tmp_path / "theirs"
    theirs.write_text(f"#!/bin/sh\necho x >>{tmp_path}/ran\n")
    theirs.chmod(0o755)
    trace = tmp_path / "trace"
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")

    def traced(*words):
        run(["strace", "-f", "-o", trace, CXL, "--complete", *words], env={"CXL_PROGRAM": str(theirs)})
        return trace.read_text().splitlines()
    loading = len(traced("zap", ""))    # of libraries, of which each release has others
    for words in (["enable-isolation", "--re"], ["enable-isolation", "--require="], ["list", "--isolation", "--f"], ["explain", ""], ["recover-port", ""]):
        calls = traced(*words)
        assert not (tmp_path / "ran").exists() and sum("execve" in c for c in calls) == 1, words
        assert len(calls) < loading + 20 and any('"/sys' in c or '"sys' in c for c in calls) == (words[0] == "recover-port"), (words, len(calls))
    r = run([CXL, "--complete-ours", "zap", "--"], env={"CXL_PROGRAM": str(theirs)})
    assert r.text == ":theirs\n" and not (tmp_path / "ran").exists()


# --- in the shells ------------------------------------------------------------

# what is typed before a tab, and the line after it; with @CAPTURE and @FILE
LINES = {
    "cxl recover-p": "cxl recover-port ",
    "cxl list --isol": "cxl list --isolation ",
    "cxl enable-isolation --requ": "cxl enable-isolation --require=",
    "cxl enable-isolation --require=mem_t": "cxl enable-isolation --require=mem_timeout:",
    "cxl enable-isolation --require=mem_timeout:re": "cxl enable-isolation --require=mem_timeout:recover ",
    "cxl enable-isolation --require rec": "cxl enable-isolation --require recover ",
    "cxl isolation-status --assert=control.mem.iso": "cxl isolation-status --assert=control.mem.isolation=",
    "cxl isolation-status --assert=control.mem.isolation=t": "cxl isolation-status --assert=control.mem.isolation=true ",
    "cxl list --isolation --format=ta": "cxl list --isolation --format=table ",
    "cxl list --isolation --sysroot=@CAPTURE 0000:0": "cxl list --isolation --sysroot=@CAPTURE 0000:0c:00.0 ",
    "cxl list --isolation --sysroot=@CAPTURE reg": "cxl list --isolation --sysroot=@CAPTURE region0 ",
    "cxl list --isolation --output=@FILE": "cxl list --isolation --output=@FILE.json ",
    "cxl explain ISO-PM": "cxl explain ISO-PMEM ",
    "cxl zero-labels --ver": "cxl zero-labels --verbose ",
    "daxctl prepare-isolation --mode=sys": "daxctl prepare-isolation --mode=system-ram ",
    "cxl-sim run --host=swi": "cxl-sim run --host=switch4 ",
    "cxl-sim run --kernel main": "cxl-sim run --kernel mainline ",
    "cxl-sim run --host=vms1 -- cxl disable-isolation reg": "cxl-sim run --host=vms1 -- cxl disable-isolation region0 ",
    "cxl-sim ctl surp": "cxl-sim ctl surprise-remove ",
}

SHELLS = {
    # how it is started, what it is told first, and keys that write the line to the file
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             'source {scripts}/cxl-isolation.bash; bind "set enable-bracketed-paste off"; bind "set bell-style none"; '
             'bind -x \'"\\C-g": printf "%s|\\n" "$READLINE_LINE" >>{out}\''),
    "zsh": (["zsh", "-f", "-i"],
            'fpath=({scripts} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep zle_bracketed_paste; '
            'show() {{ print -r -- "$BUFFER|" >>{out}; }}; zle -N show; bindkey "^G" show'),
}


@pytest.fixture
def names(tmp_path, host):
    """For @CAPTURE and @FILE."""
    (tmp_path / "file.json").touch()
    return lambda text: text.replace("@CAPTURE", str(host)).replace("@FILE", str(tmp_path / "file"))


def wait_for(fd, done, what):
    """Read what the shell echoes away until done()."""
    seen, end = b"", time.monotonic() + cli.TIMEOUT
    while not done():
        assert time.monotonic() < end, f"{what}: {seen[-2000:]!r}"
        if select.select([fd], [], [], 0.02)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                assert done(), f"{what}: the shell ended: {seen[-2000:]!r}"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_makes_of_a_line_what_it_should(shell, names, tmp_path):
    argv, setup, = SHELLS[shell]
    if not shutil.which(argv[0]):
        pytest.skip(f"{shell} is not installed")
    out = tmp_path / "lines"
    out.touch()
    pid, fd = pty.fork()
    if not pid:
        try:
            os.chdir(tmp_path)
            os.execvpe(argv[0], argv, {**CLEAN, **ENV, "PS1": "", "INPUTRC": "/dev/null", "HISTFILE": "/dev/null"})
        finally:
            os._exit(127)
    try:
        def send(text, what):
            n = len(out.read_text().splitlines())
            os.write(fd, text.encode())
            wait_for(fd, lambda: len(out.read_text().splitlines()) > n, what)

        # in two lines: a terminal takes no endless one
        for part in setup.format(scripts=SCRIPTS, out=out).split("; ") + ["COLUMNS=4000"]:
            os.write(fd, f"{part}\n".encode())
        send(f"echo ready >>{out}\n", "start")
        for line in LINES:
            send(f"{names(line)}\t\x07", line)
            os.write(fd, b"\x15")
        got = [line.removesuffix("|") for line in out.read_text().splitlines()[1:]]
        assert dict(zip(map(names, LINES), got)) == {names(a): names(b) for a, b in LINES.items()}
    finally:
        os.close(fd)
        os.waitpid(pid, 0)


def test_fish_offers_the_same(names, tmp_path):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    script = f"source {SCRIPTS}/cxl-isolation.fish; for l in $argv; complete -C $l; echo =; end"
    r = run(["fish", "--no-config", "-c", script, *map(names, LINES)], env={**ENV, "HOME": str(tmp_path)})
    got = [[line.partition("\t")[0] for line in part.splitlines()] for part in re.split(r"^=\n", r.text, flags=re.M)[:-1]]
    assert dict(zip(LINES, got, strict=True)) == {a: [names(b).split()[-1]] for a, b in LINES.items()}, r.err


def test_bash_leaves_the_distributions_commands_to_its_script(tmp_path):
    if not os.path.exists("/usr/share/bash-completion/completions/cxl"):
        pytest.skip("this distribution's cxl comes without a completion")
    code = f"""source {SCRIPTS}/cxl-isolation.bash
    for l; do COMP_LINE=$l; COMP_POINT=${{#l}}; read -a COMP_WORDS <<<"$l"; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _cxl_isolation "${{COMP_WORDS[0]}}"; echo "${{COMPREPLY[*]}}"; done"""
    lines = ["cxl list --re", "cxl write-labels --in", "daxctl reconfigure-device --mo", "cxl list --isolation --re"]
    for first in (ENV["PATH"], CLEAN["PATH"]):  # ours, and where only the distribution's are in PATH
        r = run(["bash", "--norc", "-c", code, "bash", *lines], env={"PATH": first})
        *theirs, ours = [line.split() for line in r.text.split("\n")[:4]]
        assert theirs == [["--region", "--regions"], ["--input="], ["--mode="]], str(r)
        assert ours == (["--region="] if first == ENV["PATH"] else ["--region", "--regions"]), str(r)
