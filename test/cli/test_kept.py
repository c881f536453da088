# SPDX-License-Identifier: GPL-2.0-only
"""What a host keeps in files of its own: proofs that recover-port leaves, and those of a capture."""
import json
import re

import pytest

from lib.checking import put
from lib.cli import run_cxl
from lib.recovering import PORT, STATE, failed

PROOF = f"{STATE}/proven-{PORT}.json"
DMI = {"sys_vendor": "Maker Inc.", "product_name": "R1", "bios_version": "1.2"}


@pytest.fixture
def machine(tree):
    """An unpacked capture of a machine whose firmware tells what it is."""
    root = tree("direct1-6.12-devdax")
    for name, text in DMI.items():
        put(root, f"sys/class/dmi/id/{name}", f"{text}\n")
    return root


def recover(host, *args, before="true"):
    """recover-port of a port whose link went down, and the proof that is there afterwards (None: there is none)."""
    s = failed(host).sh(before).cxl("recover-port", *args, PORT).sh(f"cat {PROOF} 2>/dev/null; true").sh("cat /proc/cpuinfo").run()
    return s[4], json.loads(s[5].text) if s[5].text else None, s[6].text


def test_a_recovery_that_succeeded_leaves_a_proof(machine):
    r, proof, cpuinfo = recover(machine)
    assert r.rc == 0, str(r)
    told = dict(re.findall(r"^(vendor_id|cpu family|model)\s*: (.*)$", cpuinfo, re.M)[:3])
    kernel = (machine / "proc/version").read_text().split()[2]
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", proof.pop("date"))
    assert proof == {"schema": "cxl-proof/1", "root_port": PORT, "bios_version": "1.2", "kernel": kernel,
                     "platform": {"cpu_vendor": told["vendor_id"], "cpu_family": int(told["cpu family"]), "cpu_model": int(told["model"]),
                                  "system_vendor": "Maker Inc.", "product": "R1"}}
    assert not r.messages(code="PROOF")


@pytest.mark.parametrize("args", [["-n"], ["--no-rebuild"]], ids=lambda a: a[0])
def test_what_did_not_do_all_of_it_proves_nothing(machine, args):
    r, proof, _ = recover(machine, *args)
    assert r.rc == 0 and proof is None, str(r)


def test_a_link_that_was_not_taken_down_proves_nothing(machine):
    s = failed(machine, "true").sh(f"cxl recover-port {PORT} >/dev/null; rm {PROOF}") \
        .cxl("recover-port", "--force-healthy", "--link-method=none", PORT).sh(f"ls {STATE}").cxl("recover-port", "--force-healthy", PORT) \
        .sh(f"ls {STATE}").run()
    none, without, drill, left = s[-4:]
    assert none.rc == 0 and none.json["root_ports"][0]["link_method"] == "none", str(none)
    assert "proven-" not in without.text
    assert drill.rc == 0 and f"proven-{PORT}.json" in left.text, str(drill)


def test_a_recovery_on_a_machine_that_cannot_be_told_is_no_proof_and_says_so(machine):
    r, proof, _ = recover(machine, before="mount --bind /dev/null /proc/version")
    assert r.rc == 0 and proof is None, str(r)
    said, = r.messages(code="PROOF")
    assert said["severity"] == "info" and said["target"] == PORT and "cannot be told" in said["text"]


def test_a_proof_that_cannot_be_written_is_a_warning_and_no_failure(machine):
    r, proof, _ = recover(machine, before=f"mkdir -p {PROOF}.new")
    assert r.rc == 0 and r.json["root_ports"][0]["result"] == "done" and proof is None, str(r)
    said, = r.messages(code="PROOF")
    assert said["severity"] == "warning" and "the proof of it cannot be written" in said["text"]
    assert f"cxl recover-port --force-healthy {PORT}" in said["text"]


def test_a_damaged_proof_of_a_capture_is_ignored_and_named(machine, tmp_path):
    state = machine / "var/lib/cxl-isolation"
    state.mkdir(parents=True)
    (state / f"proven-{PORT}.json").write_text("{}")
    (state / "proven-0000:99:00.0.json").write_text("{}")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / f"proven-{PORT}.json").write_text("this machine's")
    r = run_cxl(["list", "--isolation"], sysroot=machine, env={"CXL_STATE_DIR": str(tmp_path / "mine")})
    said = [m["text"] for m in r.messages(code="PROOF", severity="info")]
    assert r.rc == 0 and len(said) == 2 and all(t.startswith("/var/lib/cxl-isolation/proven-0000:") for t in said), said
