# SPDX-License-Identifier: GPL-2.0-only
"""The monitor as a service: messages with fields in the journal, its word to systemd, and what changed while it did not run."""
import json
import os
import re
import subprocess

import pytest

from lib import cli, schema

CATALOG = cli.ROOT / "contrib/systemd/cxl-isolation.catalog"
NAME = "cxl-isolation-monitor"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a /run of its own")

# In a /run of its own: the journal's socket and systemd's, and a monitor for each step, which is asked to end.
# Each step is Python that changes the directory, or the state kept in it, before the monitor starts.
HARNESS = r"""
import json, os, pathlib, re, signal, socket, subprocess, sys, time
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
cxl, capture, steps = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
os.makedirs("/run/systemd/journal"); os.mkdir("/run/last", 0o700)
def sock(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path); s.setblocking(False); return s
journal, notify = sock("/run/systemd/journal/socket"), sock("/run/notify")
def take(s, into):
    try:
        while True:
            into.append(s.recv(1 << 20).decode())
    except BlockingIOError:
        pass
last, found = pathlib.Path("/run/last/last.json"), []
for step in steps:
    exec(step)
    stream, told, said = open("/run/stream", "w+b"), [], []
    st = os.fstat(stream.fileno())
    env = {**os.environ, "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}", "NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "100000", "RUNTIME_DIRECTORY": "/run/last"}
    p = subprocess.Popen([cxl, "isolation-status", "--monitor", "--interval=50ms", f"--sysroot={capture}"], stdout=stream, stderr=subprocess.PIPE, env=env)
    end = time.monotonic() + 60
    while sum("WATCHDOG=1" in n for n in said) < 2 and p.poll() is None and time.monotonic() < end:
        time.sleep(0.02); take(notify, said)
    p.send_signal(signal.SIGTERM)
    err = p.communicate()[1].decode()
    take(journal, told); take(notify, said)
    fields = [dict(f.split("=", 1) for f in t.splitlines()) for t in told]
    found.append({"rc": p.returncode, "err": err, "journal": fields, "notify": said, "stream": pathlib.Path("/run/stream").read_text()})
print(json.dumps(found))
"""
ISOLATED = "d = json.loads(last.read_text()); [r['status'].update(state='isolated') for r in d.values()]; last.write_text(json.dumps(d))"


def run(capture, *steps):
    p = subprocess.run(["unshare", "-m", "/usr/bin/python3", "-I", "-c", HARNESS, str(cli.CXL), str(capture), json.dumps(steps)],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False, timeout=cli.TIMEOUT)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


def lines(step):
    for m in step["journal"]:
        schema.validate(NAME, json.loads(m["MESSAGE"]))
    return [(m["CXL_CHANGE"], m["CXL_ROOT_PORT"], m["PRIORITY"], m["MESSAGE_ID"]) for m in step["journal"]]


def ids():
    """type -> MESSAGE_ID, None: of all others."""
    table = (cli.ROOT / "cxl/monitor_line.c").read_text().partition("meanings[] = {")[2].partition("};")[0]
    return {t or None: i for t, i in re.findall(r'\{ (?:"(\w+)"|NULL), LOG_\w+, "([0-9a-f]{32})" \}', table)}


def test_it_tells_systemd_how_it_is_and_the_journal_what_happened_also_while_it_did_not_run(captures):
    first, again, cleared, damaged, nothing = run(captures["direct1-6.12-devdax"], "", "", ISOLATED, "last.write_text('{\"0000:0c:00.0\": 7}')", "last.unlink()")
    rp = "0000:0c:00.0"
    snapshot = ("snapshot", rp, "6", ids()["snapshot"])
    for step in (first, again, cleared, damaged, nothing):
        assert step["rc"] == 0 and not step["stream"] and not step["err"], step
        assert step["notify"][0] == "READY=1\nSTATUS=watching 1 root ports" and step["notify"][-1] == "STOPPING=1", step["notify"]
        assert lines(step)[0] == snapshot
    assert len(lines(first)) == len(lines(again)) == len(lines(damaged)) == len(lines(nothing)) == 1
    assert lines(cleared) == [snapshot, ("status", rp, "4", ids()["status"])], "what was isolated cannot be told of a capture"


def test_every_message_is_in_the_catalog(tmp_path):
    """journalctl of the distribution reads it, and knows each."""
    text = CATALOG.read_text()
    known = re.findall(r"^-- ([0-9a-f]{32})$", text, re.M)
    assert len(ids()) > 6 and set(known) == set(ids().values()) and len(known) == len(set(known))
    into = tmp_path / "usr/lib/systemd/catalog"
    into.mkdir(parents=True)
    (into / CATALOG.name).write_text(text)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    subprocess.run(["journalctl", f"--root={tmp_path}", "--update-catalog"], check=True, capture_output=True)
    p = subprocess.run(["journalctl", f"--root={tmp_path}", "--dump-catalog", *known], check=True, capture_output=True, text=True)
    assert p.stdout.count("Subject: ") == len(known), p.stdout
