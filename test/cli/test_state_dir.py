# SPDX-License-Identifier: GPL-2.0-only
"""The state directory is obeyed by root: it and its files belong to root, nobody else writes them, and nothing in them makes anybody wait."""
import pytest

from lib.cli import Session
from lib.recovering import JOURNAL, PORT, STATE, failed

HANGS = 30  # seconds
STOP = f"mkdir -p -m 700 {STATE}; cxl recover-port {PORT} >/dev/null 2>&1 & p=$!; while ! [ -e {JOURNAL} ]; do :; done; kill -KILL $p; wait $p; true"
SPOIL = {"another's": "chown 65534 {0}", "for the group": "chmod g+w {0}", "for all": "chmod 0777 {0}"}


def refused(r, *words):
    assert r.rc == 3 and all(w in r.err for w in words) and len(r.err.strip().splitlines()) <= 2, str(r)
    assert not [e for e in r.log if e["op"] == "write"], str(r)


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_directory_that_others_write_is_not_used(spoil):
    r = failed("direct1", timeout=HANGS).sh(f"mkdir -p -m 700 {STATE}; " + SPOIL[spoil].format(STATE)).cxl("recover-port", PORT).run()[-1]
    refused(r, STATE, "is not used", "nothing was done", "chmod go-w" if spoil != "another's" else "chown root")


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_journal_that_others_may_have_written_is_not_followed(spoil):
    s = failed("direct1", timeout=HANGS).sh(STOP).sh(SPOIL[spoil].format(JOURNAL)).cxl("recover-port", "--resume", PORT) \
        .cxl("list", "--isolation").sh(f"chown root {JOURNAL}; chmod 600 {JOURNAL}").cxl("recover-port", "--resume", PORT).run()
    refused(s[-4], JOURNAL, "others than root may have written it", "nothing was done")
    assert s[-3].rc == 0, str(s[-3])
    assert s[-1].rc == 0, str(s[-1])


@pytest.mark.parametrize("spoil", SPOIL)
def test_a_proof_that_others_may_have_written_proves_nothing(spoil):
    proof = f"{STATE}/proven-{PORT}.json"
    s = failed("direct1", timeout=HANGS).cxl("recover-port", PORT).cxl("list", "--isolation").sh(SPOIL[spoil].format(proof)).cxl("list", "--isolation").run()
    assert s[-4].rc == 0 and "ISO-UNPROVEN" not in s[-3].root_ports()[PORT]["notes"], str(s[-3])
    assert "ISO-UNPROVEN" in s[-1].root_ports()[PORT]["notes"] and "others than root may have written it" in s[-1].messages(code="PROOF")[0]["text"], str(s[-1])


@pytest.mark.parametrize("spoil", SPOIL)
def test_what_a_device_was_is_not_believed_of_others(spoil):
    s = Session("sysram1", timeout=HANGS).daxctl("prepare-isolation").sh(SPOIL[spoil].format('"$CXL_STATE_DIR"/*.before')).daxctl("prepare-isolation", "--undo").run()
    assert "others than root may have written it" in s[-1].messages(code="BEFORE")[0]["text"], str(s[-1])


@pytest.mark.parametrize("name", [f"{PORT}.json", f"{PORT}.json.new", "host.lock", f"proven-{PORT}.json", f"proven-{PORT}.json.new"])
def test_a_fifo_in_it_holds_nobody(name):
    s = failed("direct1", timeout=HANGS).sh(f"mkdir -p -m 700 {STATE}; rm -f {STATE}/{name}; mkfifo {STATE}/{name}").cxl("list", "--isolation").cxl("recover-port", PORT).run()
    assert s[-2].rc == 0, str(s[-2])
    assert s[-1].rc in ((0,) if "lock" not in name and name != f"{PORT}.json" else (1, 3)), str(s[-1])
    assert s[-1].rc == 0 or name in s[-1].err or "journal" in s[-1].err, str(s[-1])


def test_a_fifo_in_its_place_holds_nobody():
    s = failed("direct1", timeout=HANGS).sh(f"rm -rf {STATE}; mkfifo {STATE}").cxl("recover-port", PORT).run()
    refused(s[-1], STATE, "Not a directory")


def test_a_fifo_beside_the_policy_and_the_rule_holds_nobody():
    """Both are written whole beside their names first."""
    rule, policy = "/etc/udev/rules.d/85-cxl-isolation.rules", "/etc/cxl/isolation.conf"
    persist = ("prepare-isolation", "--persist")
    results = Session("sysram1", timeout=HANGS).daxctl(*persist).sh(f"ls {rule} {policy}").daxctl("prepare-isolation", "--undo", "--persist") \
        .sh(f"mkdir -p /etc/cxl && mkfifo {rule}.new {policy}.new").daxctl(*persist).sh(f"test -f {rule} && test -f {policy}").run()
    assert [r.rc for r in results] == [0] * 6, "".join(map(str, results))
