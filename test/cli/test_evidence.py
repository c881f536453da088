# SPDX-License-Identifier: GPL-2.0-only
"""Evidence of a root port that failed: kept by recover-port before it takes anything down, listed by isolation-status --evidence."""
import pytest

from lib.cli import CXL, Session, run
from lib.recovering import ENDPOINT, PORT, cxl_writes, failed

FILES = 'ls "$CXL_STATE_DIR" | grep evidence'
FIRST_WRITE = "write@*/device_dax/unbind:1"


def bundle(r):
    entry, = r.json["evidence"]
    assert entry["bundle"] and entry["bundle"]["root_port"] == entry["root_port"] == PORT and entry["bundle"]["number"] == entry["number"], str(r)
    return entry["bundle"]


def test_a_recovery_keeps_what_it_found_before_it_takes_anything_down():
    s = failed("direct1").sh("echo '[all]' >/etc/cxl/isolation.conf; printf '4,1,2,-;CXL gone\\n SUBSYSTEM=pci\\n' >>/dev/kmsg") \
        .cxl("recover-port", "-v", PORT).cxl("isolation-status", "--evidence").cxl("isolation-status", "--evidence=1").run()
    recovered, listed, shown = s[4:]
    assert recovered.rc == 0 and "cxl isolation-status --evidence=1" in recovered.err, str(recovered)
    entry, = listed.json["evidence"]
    assert (entry["number"], entry["root_port"], entry["complete"], entry["bundle"]) == (1, PORT, True, None)
    b = bundle(shown)
    assert b["time"] == entry["time"] and b["policy"] == "[all]\n" and b["kernel_log"] == ["4,1,2,-;CXL gone"]
    assert b["record"]["status"]["state"] == "isolated" and b["record"]["impact"]["memdevs"], "the record with impact is in it"
    assert int(b["registers"]["isolation_status"], 16) & 0x100 and b["registers"]["config"].startswith("8680")
    assert [(f["function"], f["config"]) for f in b["functions"]] == [(ENDPOINT, None)], "below a link that is down nothing answers"


@pytest.mark.parametrize("how", [f"cxl-sim ctl fault '{FIRST_WRITE}=kill-before'; cxl recover-port {PORT}",
                                 f"cxl recover-port {PORT} & until {FILES}; do sleep 0.01; done; kill -9 $!"], ids=["first write", "at once"])
def test_it_is_on_disk_when_the_host_dies_right_after(how):
    s = failed("direct1").sh(f"{{ {how}; }} >/dev/null 2>&1; true").cxl("isolation-status", "--evidence=1").run()
    assert len(cxl_writes(s[3].log)) <= 1, "it came after the first step"
    assert bundle(s[4])["record"]["status"]["state"] == "isolated"


def test_the_oldest_go_first():
    s = failed("direct1").sh(f'for i in $(seq 20); do echo "{{}}" >"$CXL_STATE_DIR/$i.{PORT}.evidence"; done; : >"$CXL_STATE_DIR/x.evidence"; : >"$CXL_STATE_DIR/3.{PORT}.evidence.new"') \
        .cxl("recover-port", PORT).cxl("isolation-status", "--evidence").sh('ls "$CXL_STATE_DIR"').run()
    assert [e["number"] for e in s[5].json["evidence"]] == list(range(6, 22)) and s[5].json["evidence"][-1]["complete"]
    assert ".new" not in s[6].text, "of a write that was killed"


def test_without_evidence_the_port_is_recovered_all_the_same():
    s = failed("direct1").sh(f'mkdir "$CXL_STATE_DIR/1.{PORT}.evidence.new"').cxl("recover-port", PORT).run()
    assert s[4].rc == 0 and s[4].json["root_ports"][0]["result"] == "done"
    assert [m["severity"] for m in s[4].messages(code="EVIDENCE")] == ["warning"] and "no evidence" in s[4].err


def test_a_plan_and_a_healthy_port_leave_none():
    s = failed("direct1").cxl("recover-port", "-n", PORT).sh(FILES).run()
    assert s[3].rc == 0 and not s[4].text
    s = Session("direct1").cxl("recover-port", "--force-healthy", PORT).sh(FILES).cxl("isolation-status", "--evidence").run()
    assert s[0].rc == 0 and not s[1].text and s[2].rc == 0 and s[2].json["evidence"] == []


def test_what_is_damaged_is_said():
    s = Session("direct1").sh(f'mkdir -p "$CXL_STATE_DIR"; echo "{{" >"$CXL_STATE_DIR/3.{PORT}.evidence"').cxl("isolation-status", "--evidence").run()
    entry, = s[1].json["evidence"]
    assert (entry["number"], entry["time"], entry["complete"]) == (3, None, False) and "it is damaged" in s[1].err


@pytest.mark.parametrize("args,words", [(["--evidence=4"], "none is kept"), (["--evidence", "root0"], "a target"), (["--evidence", "-x"], "-x"),
                                        (["--evidence", "--format=tree"], "use one of: json, json-human, human, table")])
def test_what_it_cannot_do_is_a_usage_error(args, words, tmp_path):
    r = run([CXL, "isolation-status", *args], env={"CXL_STATE_DIR": str(tmp_path / "none")})
    assert r.rc == 2 and words in r.err
