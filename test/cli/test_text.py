# SPDX-License-Identifier: GPL-2.0-only
"""What people read: text, tables, trees; at the width of a terminal, in colours; and that a format changes nothing else."""
import fcntl
import json
import os
import pty
import re
import struct
import termios

import pytest

from lib import cli
from lib.cli import CXL, DAXCTL, SIM, Session, run

RP = "0000:0c:00.0"
FORMATS = ["json", "json-human", "human", "table"]
READING = [["cxl", "list", "--isolation"], ["cxl", "isolation-status"], ["cxl", "isolation-status", "--check"], ["cxl", "isolation-status", "--impact"],
           ["cxl", "isolation-status", "-x"], ["cxl", "isolation-status", "--evidence"], ["cxl", "check-soft-reserved"], ["daxctl", "list", "--isolation"],
           ["cxl", "enable-isolation", "-n", "all"], ["cxl", "disable-isolation", "-n", "all"], ["cxl", "set-timeout", "-n", "all", "B2"],
           ["cxl", "recover-port", "-n", RP], ["cxl", "recover-port", "-n", "--force-healthy", RP], ["daxctl", "prepare-isolation", "-n"],
           ["daxctl", "prepare-isolation", "-n", "--policy"], ["cxl", "explain", "ISO-CAP"], ["cxl", "explain"], ["cxl", "explain", "ISO-NO"]]
PROGRAM = {"cxl": CXL, "daxctl": DAXCTL, "cxl-sim": SIM}
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(argv, columns=80, **env):
    """(exit status, what a terminal of that width shows)"""
    pid, fd = pty.fork()
    if not pid:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        os.execvpe(str(argv[0]), [str(a) for a in argv], {**cli.CLEAN, "TERM": "xterm", "PATH": f"{CXL.parent}:{DAXCTL.parent}:{SIM.parent}:{cli.CLEAN['PATH']}", **env})
    shown = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode().replace("\r\n", "\n")


def simulated(host, script, columns=80, **env):
    return on_terminal([SIM, "run", "--host", host, "--", "sh", "-c", script], columns, **env)


def too_wide(text, columns=80):
    return [line for line in ESCAPE.sub("", text).splitlines() if len(line) > columns]


@pytest.mark.parametrize("host", ["direct1", "sysram1", "vms2x2", "cache1"])
def test_every_command_ends_the_same_in_every_format(host):
    """And text is text, that names each root port."""
    s = Session(host)
    for program, *args in READING:
        for fmt in FORMATS:
            s.cxl(*args, f"--format={fmt}", program=PROGRAM[program])
    results = iter(s.run())
    for command in READING:
        by_format = {fmt: next(results) for fmt in FORMATS}
        statuses = {fmt: r.rc for fmt, r in by_format.items()}
        assert len(set(statuses.values())) == 1, f"{command}: {statuses}"
        text, record = by_format["human"].text, json.loads(by_format["json"].text)
        assert "{" not in text and "}" not in text and "\x1b" not in text, str(by_format["human"])
        assert "unknown" not in re.findall(r"^\S+: (\S+)", text, re.M), text
        assert by_format["table"].text.count("{") == 0, str(by_format["table"])
        for key, name in (("root_ports", "root_port"), ("dax", "dax"), ("checks", "id")):
            for row in record.get(key) or []:
                assert row[name] in text and row[name] in by_format["table"].text, str(by_format["human"])
        for bus in record.get("buses", []):
            for bridge in bus["host_bridges"]:
                for rp in bridge["root_ports"]:
                    assert re.search(f"^{rp['root_port']}: {rp['status']['state']}", text, re.M), text
        # on a terminal each message is seen once: there, or on standard error
        for m in record["messages"]:
            assert (m["text"] in text) == (m["severity"] == "info"), str(by_format["human"])
            assert m["severity"] == "info" or m["text"] in by_format["human"].err, str(by_format["human"])


@pytest.mark.parametrize("host", ["direct1", "sysram1", "vms2x2"])
def test_nothing_is_wider_than_a_terminal(host):
    script = "; ".join(" ".join(c) + f" --format={fmt}" for c in READING for fmt in ("human", "table"))
    script += "; cxl list --isolation --format=tree; cxl isolation-status --format=tree; cxl check-soft-reserved --format=map"
    for columns in (80, 120):
        rc, shown = simulated(host, re.sub(r"(^|; )(?=\S)", r"\1", script).replace("; ", " 2>&1; "), columns)
        text = [line for line in too_wide(shown, columns) if not line.startswith(("cxl ", "daxctl "))]  # a sentence beside a table
        assert rc in (0, 1) and not text, text


def test_a_change_and_a_recovery_tell_what_was_done_and_what_is_next():
    r = Session("direct1").cxl("enable-isolation", "root0", "--format=human").sh(f"cxl-sim ctl link-down {RP}") \
        .cxl("list", "--isolation", "--format=human").cxl("isolation-status", "--format=human").cxl("recover-port", RP, "--format=human", "--progress=none").run()
    enabled, _, listed, status, recovered = r
    assert [x.rc for x in r] == [0] * 5
    assert enabled.text.startswith(f"1 root port, 1 changed\n\n{RP}: done\n") and "isolation    on (was off)" in enabled.text
    assert f"{RP}: isolated, CXL.mem by link-down\n  next         cxl recover-port {RP}\n" in listed.text
    assert status.text.startswith("1 root port, 1 isolated") and f"{RP}: isolated, CXL.mem by link-down\n  problem      the memory below it is lost\n" in status.text
    assert f"  next         cxl recover-port {RP}\n" in status.text
    assert re.match(rf"{RP}: done: recovered in [0-9.]+ m?s\n  next         cxl isolation-status {RP}\n", recovered.text)
    assert "256 MiB" in recovered.text and "268435456" not in recovered.text


def test_the_isolated_port_comes_first():
    r = Session("direct2x2").sh("cxl enable-isolation all && cxl-sim ctl link-down 0000:de:01.0").cxl("isolation-status", "--format=human").cxl("isolation-status").run()
    assert len(r[2].root_ports()) > 1
    first = re.findall(r"^(0000:\S+): (\w+)", r[1].text, re.M)[0]
    assert first == ("0000:de:01.0", "isolated"), r[1].text


def test_what_is_not_a_terminal_gets_all_columns_and_no_colours():
    full, wide = Session("direct1").cxl("list", "--isolation", "--format=table").cxl("list", "--isolation", "--format=table", "--color=auto").run()
    assert full.text == wide.text and "\x1b" not in full.text and "no room" not in full.text
    assert len(full.text.splitlines()[0]) > 80
    _, narrow = simulated("direct1", "cxl list --isolation --format=table", 80, NO_COLOR="1")
    head = narrow.splitlines()[0]
    for column in ("ROOT PORT", "ISOLATION", "STATE", "CONTAINMENT", "MEMDEVS"):
        assert column in head
    left_out = re.search(r"\(no room for ([^:]*): see\s+--columns\)", narrow)[1].replace("\n", " ")
    assert all(c in full.text.splitlines()[0].replace("IF ENABLED", "IF-ENABLED") for c in re.split(r",\s+", left_out)), left_out


COLOURED = ["cxl list --isolation --format=table", "cxl list --isolation --format=tree", "cxl list --isolation --format=human",
            "cxl isolation-status --format=human", "cxl explain ISO-CAP"]


@pytest.mark.parametrize("command", COLOURED)
def test_colours_are_for_terminals(command):
    isolate = f"cxl enable-isolation root0 >/dev/null; cxl-sim ctl link-down {RP} >/dev/null; "
    plain = re.sub(r"^", "", simulated("direct1", isolate + command, NO_COLOR="1")[1])
    assert "\x1b" not in plain
    assert ESCAPE.search(simulated("direct1", isolate + command)[1])
    for env, option, coloured in (({"NO_COLOR": ""}, "", True), ({}, "--color=never", False), ({"TERM": "dumb"}, "", False), ({"NO_COLOR": "1"}, "--color=always", True),
                                  ({}, "--color", True)):
        shown = simulated("direct1", f"{isolate}{command} {option}", **env)[1]
        assert bool(ESCAPE.search(shown)) == coloured, (env, option, shown)
        assert ESCAPE.sub("", shown) == plain, "colours add nothing that is not there without them"
    if "explain" not in command:
        assert "\x1b[1;31misolated" in shown
    off, always = Session("direct1").sh(isolate + command).sh(isolate + command + " --color=always").run()
    assert "\x1b" not in off.text and "\x1b" in always.text


@pytest.mark.parametrize("fmt", ["json", "json-human", "prometheus", "nagios"])
def test_no_colours_in_data(fmt):
    assert "\x1b" not in simulated("direct1", f"cxl isolation-status --format={fmt} --color=always")[1]


@pytest.mark.parametrize("args", [["isolation-status", "--color=red"], ["list", "--isolation", "--color=ALWAYS"], ["explain", "--color="]])
def test_a_wrong_colour_is_exit_2(args):
    r = run([CXL, *args])
    assert r.rc == 2 and "colo" in r.err


@pytest.mark.parametrize("program,args", [("cxl", ["list", "--isolation"]), ("cxl", ["isolation-status"]), ("cxl", ["isolation-status", "--check"]), ("cxl", ["explain"]),
                                          ("cxl", ["enable-isolation"]), ("cxl", ["recover-port"]), ("cxl", ["check-soft-reserved"]), ("daxctl", ["list", "--isolation"]),
                                          ("daxctl", ["prepare-isolation"]), ("cxl-sim", ["hosts"]), ("cxl-sim", ["doctor"])])
def test_columns_are_listed_and_a_wrong_one_is_exit_2(program, args):
    listed = run([PROGRAM[program], *args, "--columns=help"])
    assert listed.rc == 0 and "--format=table" in listed.text and not too_wide(listed.text)
    names = re.findall(r"[A-Z][A-Z-]+", listed.text)
    shown = " ".join(run([PROGRAM[program], *args, "--help"]).text.split())
    assert "--check" in args or all(n in shown for n in re.findall(r"[A-Z][A-Z-]+", listed.text.split("--format=")[1])), shown
    wrong = run([PROGRAM[program], *args, f"--columns={names[0]}X"])
    assert wrong.rc == 2 and f"did you mean {names[0]}?" in wrong.err, str(wrong)
    assert run([PROGRAM[program], *args, "--columns=", "--format=table"]).rc == 2
    other = run([PROGRAM[program], *args, f"--columns={names[0]}", "--format=json"])
    assert other.rc == 2 and "--columns is of a table" in other.err


def test_columns_are_those_asked_for():
    r = Session("direct1").cxl("list", "--isolation", "--columns=state,root-port", "--format=table").cxl("list", "--isolation", "--columns=STATE,ROOT-PORT", "-o", "/dev/stdout", "--format=table") \
        .cxl("isolation-status", "--impact", "--columns=users,root-port", "--format=table").cxl("list", "--isolation", "--columns=bytes", "--format=tree").run()
    assert r[0].text.splitlines()[0].split() == ["STATE", "ROOT", "PORT"] and r[0].text == r[1].text
    assert r[2].text.splitlines()[0].split() == ["USERS", "ROOT", "PORT"]
    assert r[3].text.splitlines()[0].split() == ["NAME", "BYTES"]
    short, = Session("direct1").cxl("list", "--isolation", "--columns=state", "--format=table").run()
    implied, = Session("direct1").sh(f"{CXL} list --isolation --columns=state").run()
    assert implied.rc == 0 and implied.text == short.text == "STATE\nnormal\n"


def test_completion_offers_formats_columns_and_colours():
    def offered(*words):
        return [line.split("\t")[0] for line in run([CXL, "--complete", *words]).text.splitlines()]
    assert "--format=human" in offered("list", "--isolation", "--format=") and "--format=json-human" in offered("list", "--isolation", "--format=")
    assert offered("list", "--isolation", "--color=") == ["--color=auto", "--color=always", "--color=never"]
    assert "--columns=STATE,BLOCKERS" in offered("list", "--isolation", "--columns=STATE,BLO")
    assert offered("list", "--isolation", "--columns", "root") == ["ROOT-PORT"]
    assert offered("isolation-status", "--check", "--columns=RES") == ["--columns=RESULT"]
    assert offered("list", "--isolation", "--format=tree", "--columns=NA") == ["--columns=NAME"]


@pytest.mark.parametrize("program,words", [(p, [c, "--isolation"] if c == "list" else [c]) for p in ("cxl", "daxctl") for c in cli.commands(p)] + [
    ("cxl-sim", [c]) for c in ("run", "ctl", "hosts", "doctor", "capture")] + [("cxl", []), ("daxctl", []), ("cxl-sim", [])])
def test_no_help_is_wider_than_80_columns(program, words):
    r = run([PROGRAM[program], *words, "--help"])
    assert r.rc == 0 and not too_wide(r.text), too_wide(r.text)


def test_what_people_read_is_not_json_where_the_command_line_is_wrong():
    for args in (["list", "--isolation", "--format=human", "--bogus"], ["explain", "--bogus"], ["isolation-status", "--format=human", "nonsense"]):
        r = run([CXL, *args])
        assert r.rc in (2, 3) and "{" not in r.text and r.err.count("\n") == 1, str(r)


PAGES = {"cxl-list-isolation": "list --isolation", "cxl-isolation-status": "isolation-status", "cxl-recover-port": "recover-port", "cxl-explain": "explain"}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_is_printed(page):
    """Sessions in EXAMPLES that begin with "# cxl-sim run --host": the same words, times aside, and blanks between the columns of a table that has one."""
    text = (cli.ROOT / f"Documentation/{page}.adoc").read_text()
    shown = re.findall(r" (\d+) columns:\n\n----\n(# cxl-sim run --host (\S+) -- sh\n.*?)^----$", text, re.M | re.S)
    assert {width for width, _, _ in shown} == {"80", "120"}, "the page has no such sessions"
    for width, block, host in shown:
        parts = re.split(r"^\$ (.*)\n", block, flags=re.M)[1:]
        typed, printed = parts[::2], parts[1::2]
        assert any(PAGES[page] in t for t in typed), typed
        script = "; echo ==; ".join(t for t in typed)
        _, out = simulated(host, f"{{ {script}; }}", int(width), NO_COLOR="1")

        def same(t):
            t = re.sub(r"^\[\d+/\d+\] .*\n|(\[\d+/\d+\] [^\r\n]*)?\r?\x1b\[K", "", t, flags=re.M)
            t = re.sub(r"\b[0-9.]+ (m?s|us)\b", "TIME", t)
            t = re.sub(r"(?<=\S) +", " ", t) if re.match(r"[A-Z ]+\bTOOK\b", t) else t
            return [line.rstrip() for line in t.splitlines() if line.strip()]
        for command, want, got in zip(typed, printed, out.split("==\n"), strict=True):
            assert same(want) == same(got), f"{command}\n{got}"


def test_what_cannot_be_told_is_not_said_to_be_so():
    r = Session("direct1").cxl("list", "--isolation", "--format=human", user=cli.NOBODY).cxl("list", "--isolation", user=cli.NOBODY).run()
    rp, = r[1].root_ports().values()
    assert rp["untold"] and set(rp["untold"]) <= {*rp["blockers"], *rp["limits"], *rp["notes"]}
    for check in rp["untold"]:
        assert re.search(rf"^  (cannot tell|           )  {check}: whether ", r[0].text, re.M), r[0].text
    assert {c for c in rp["limits"] if c not in rp["untold"]} and f"{RP}: unknown whether it is isolated" in r[0].text


def test_a_recovery_that_failed_says_how_to_go_on_and_nothing_that_did_not_happen():
    port = "0000:0c:00.0"
    stuck = f"cxl enable-isolation root0 >/dev/null; cxl-sim ctl link-down {port} stuck >/dev/null"
    r, status = Session("direct1", before=stuck).cxl("recover-port", "--format=human", "--timeout=300ms", port).cxl("isolation-status", "--format=human", port).run()
    assert r.rc == 6 and f"  next         cxl recover-port --resume {port}\n" in r.text and "down and up by" not in r.text.replace("to be taken down and up by", ""), str(r)
    lines = [line for line in status.text.splitlines() if line.startswith("  next")]
    assert lines and len(lines) == len(set(lines)), str(status)
