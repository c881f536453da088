# SPDX-License-Identifier: GPL-2.0-only
"""A kernel with the attributes of the 2024 series: the timeout's range alone, decimal to read and hexadecimal to write."""
import subprocess

import pytest

from lib import cli
from lib.change import control, overlay, says
from lib.cli import NOBODY, Session, writes

RP = "0000:0c:00.0"
SERVICE = f"/sys/bus/pci_express/devices/{RP}:pcie020"
LOCKED = ["open@*/resource0:1+=EPERM"]
HEX = {"A": "0x1", "A2": "0x2", "B": "0x5", "B2": "0x6", "C": "0x9", "C2": "0xa", "D": "0xd", "D2": "0xe"}


def commands(*lines, before=None, **more):
    """Each of LINES, then a listing: its Result and the port's record there."""
    s = Session("direct1", "rfc", before=before, **more)
    for line in lines:
        s.cxl(*line.split())
    *results, last = s.cxl("list", "--isolation").run()
    return (*results, last.root_ports()[RP])


# -- what is read -----------------------------------------------------------------------
def test_isolation_is_read_from_the_registers_and_the_range_from_the_kernel():
    (now,) = commands()
    assert now["abi"] == "rfc"
    assert now["source"] == {"capability": "registers", "control": "kernel", "status": "registers"}
    assert control(now["control"]) == (True, True, "default")      # on from the start
    assert now["status"]["state"] == "normal" and now["capability"]["mem"]["isolation"] is True
    assert now["blockers"] == []


@pytest.mark.parametrize("how", ["locked", "nobody"])
def test_without_registers_all_but_the_timeouts_range_is_unknown(how):
    s = Session("direct1", "rfc", faults=LOCKED if how == "locked" else ())
    (r,) = s.cxl("list", "--isolation", user=NOBODY if how == "nobody" else None).run()
    now = r.root_ports()[RP]
    assert r.rc == 0 and now["abi"] == "rfc"
    assert now["source"] == {"capability": "kernel", "control": "kernel", "status": None}
    assert control(now["control"]) == (None, None, "default")
    assert now["capability"]["mem"] == {"timeout": True, "timeout_ranges": ["A", "B", "C", "D"], "isolation": None, "link_down": None}
    assert now["capability"]["cache"]["timeout"] is None and now["status"]["state"] == "unknown"
    assert now["containment"] == "none" and "ISO-ABI" in now["blockers"]


def test_the_ranges_that_a_port_supports_are_known_without_its_registers(tmp_path):
    host = overlay(tmp_path, {RP: {"mem_timeout_ranges": "AC"}})
    look, r = Session(host, "rfc", faults=LOCKED).cxl("list", "--isolation").cxl("set-timeout", RP, "B2").run()
    assert look.root_ports()[RP]["capability"]["mem"]["timeout_ranges"] == ["A", "C"]
    assert r.rc == 3 and writes(r.log) == []
    says(r, "does not support timeout range B2; it supports: default A A2 C C2")


@pytest.mark.parametrize("line", ["list --isolation", "isolation-status", "isolation-status --check"])
def test_every_look_says_which_attributes_there_are(line):
    (r,) = Session("direct1", "rfc").cxl(*line.split()).run()
    assert '"abi":"rfc"' in r.text, str(r)


def test_an_assertion_knows_the_word():
    yes, no = Session("direct1", "rfc").cxl("isolation-status", "--assert=abi=rfc").cxl("isolation-status", "--assert=abi=v1").run()
    assert (yes.rc, no.rc) == (0, 1)


# -- the range --------------------------------------------------------------------------
@pytest.mark.parametrize("name", HEX)
def test_a_range_is_written_in_hexadecimal_and_read_back_in_decimal(name):
    r, now = commands(f"set-timeout {RP} {name}")
    assert r.rc == 0 and r.json["messages"] == [], str(r)
    assert writes(r.log) == [(RP, "timeout_range", HEX[name])]
    assert r.root_ports()[RP]["result"] == "done" and control(r.root_ports()[RP]["after"]) == (True, True, name)
    assert control(now["control"]) == (True, True, name)      # nothing else was touched


def test_the_record_has_the_text_that_is_written_and_what_undoes_it():
    _, r, _ = commands(f"set-timeout {RP} C2", f"set-timeout {RP} D --dry-run")
    (step,) = r.root_ports()[RP]["plan"]
    assert (step["value"], step["undo"]) == ("0xd", "0xa") and step["path"].endswith(f"/{RP}:pcie020/timeout_range")


def test_the_trap_is_there_a_number_as_it_is_printed_means_something_else():
    r, text, _ = (*Session("direct1", "rfc").cxl("set-timeout", RP, "C2").sh(f"cat {SERVICE}/timeout_range; echo 10 >{SERVICE}/timeout_range || echo no").run(), None)
    assert r.rc == 0 and text.text.split() == ["10", "no"]


def test_the_range_stays_as_it_is_when_it_is_so():
    _, r, _ = commands(f"set-timeout {RP} B2", f"set-timeout {RP} B2")
    assert r.rc == 0 and writes(r.log) == [] and r.root_ports()[RP]["result"] == "already"


def test_a_range_for_a_while_is_put_back():
    r, now = commands(f"set-timeout {RP} C --while -- true")
    assert r.rc == 0, str(r)
    assert [w[2] for w in writes(r.log)] == ["0x9", "0x0"] and control(now["control"]) == (True, True, "default")


def test_a_kernel_that_refuses_a_range_is_said_to():
    r, now = commands(f"set-timeout {RP} C", faults=["write@*:pcie020/timeout_range:1=ENXIO"])
    assert r.rc == 4 and control(now["control"]) == (True, True, "default")
    says(r, "the kernel refused 0x9", "does not support this range")


def test_a_range_that_cannot_be_read_back_is_not_taken_for_set():
    r, _ = commands(f"set-timeout {RP} C", faults=["read@*:pcie020/timeout_range:3+=EIO"])
    assert r.rc != 0, str(r)
    says(r, "read")


# -- what this kernel cannot do -----------------------------------------------------------
@pytest.mark.parametrize("line", ["enable-isolation root0", "disable-isolation root0"])
def test_isolation_has_no_attribute_and_needs_registers(line):
    r, now = commands(line)
    assert r.rc == 3 and writes(r.log) == [] and now["control"]["mem"]["isolation"] is True
    says(r, "ISO-ABI", "the 2024 series sets a timeout's range alone", "nothing was written, isolation is on", "repeat the command with --registers")


def test_isolation_is_switched_by_register_where_that_is_allowed():
    off, on, now = commands("disable-isolation root0 --registers", "enable-isolation root0 --registers")
    assert (off.rc, on.rc) == (0, 0), f"{off}\n{on}"
    assert control(off.root_ports()[RP]["after"])[0] is False
    assert [w[:2] for w in writes(off.log)] == [(RP, "0x1208")] and now["control"]["mem"]["isolation"] is True


def test_isolation_that_cannot_be_read_is_refused_and_not_guessed():
    for args in ((), ("--registers",)):
        r, now = commands(" ".join(("enable-isolation", "root0", *args)), faults=LOCKED)
        assert r.rc == 3 and writes(r.log) == [] and now["control"]["mem"]["isolation"] is None
        says(r, "ISO-ABI", "isolation is as it was (it cannot be read)")


def test_the_timeout_itself_is_switched_by_register_alone():
    no, off, rng, on, now = commands(f"set-timeout {RP} off", f"set-timeout {RP} off --registers", f"set-timeout {RP} B2", f"set-timeout {RP} B2 --registers")
    assert no.rc == 3 and writes(no.log) == []
    says(no, "has no kernel attribute for the timeout enable", "add --registers", "nothing was written, the timeout is on")
    assert off.rc == 0 and control(off.root_ports()[RP]["after"]) == (True, False, "default")
    assert rng.rc == 3 and writes(rng.log) == []      # B2 means on, which it is not
    assert on.rc == 0 and control(now["control"]) == (True, True, "B2")


def test_what_is_on_already_needs_no_attribute():
    r, _ = commands(f"set-timeout {RP} on")
    assert r.rc == 0 and writes(r.log) == [] and r.root_ports()[RP]["result"] == "already"


def test_without_registers_the_range_is_set_and_the_rest_is_said_to_be_untold():
    r, now = commands(f"set-timeout {RP} C2", faults=LOCKED)
    assert r.rc == 7 and r.root_ports()[RP]["result"] == "partial", str(r)
    assert writes(r.log) == [(RP, "timeout_range", "0xa")] and control(now["control"]) == (None, None, "C2")
    says(r, "the rest is done without it, and whether it is on cannot be told")


def test_without_registers_nothing_is_done_for_a_while():
    r, _ = commands(f"set-timeout {RP} C2 --while -- true", faults=LOCKED)
    assert r.rc == 3 and writes(r.log) == [], str(r)


def test_memory_is_not_prepared_as_system_ram_where_isolation_cannot_be_switched_on():
    (r,) = Session("direct1", "rfc", before="cxl disable-isolation --registers root0 >/dev/null").daxctl("prepare-isolation", "--mode=system-ram").run()
    assert r.rc == 3, str(r)
    says(r, "ISO-ABI", "cxl enable-isolation --registers")


# -- changes are noticed ------------------------------------------------------------------
def test_a_change_of_the_range_is_noticed():
    (r,) = Session("direct1", "rfc").sh(
        f"(sleep 0.5; echo 0x9 >{SERVICE}/timeout_range) & timeout 20 cxl isolation-status --monitor --interval=100ms | head -n 2").run()
    first, then = r.text.splitlines()[:2]
    assert '"range":"C"' not in first and '"range":"C"' in then, str(r)


def test_that_nothing_announces_an_isolation_is_told():
    (r,) = Session("direct1", "rfc").cxl("isolation-status", "-x").run()
    assert r.rc == 1 and "no-signal" in r.err, str(r)


def test_a_recovery_sets_the_range_again_in_hexadecimal():
    before = f"cxl set-timeout {RP} C >/dev/null && cxl-sim ctl timeout {RP} >/dev/null"
    r, now = commands(f"recover-port {RP}", before=before)
    (step,) = [s for s in r.root_ports()[RP]["plan"] if s["path"].endswith(":pcie020/timeout_range")]
    assert r.rc == 0 and (step["value"], step["expect_after"]) == ("0x9", "C"), str(r)
    assert now["status"]["state"] == "normal" and now["control"]["mem"]["timeout"]["range"] == "C"


# -- what is no range -----------------------------------------------------------------------
@pytest.mark.parametrize("text,words", [("3", "holds 0x3, which the specification gives to no range"), ("010", None), ("16", "unknown value"), ("a", "unknown value"),
                                        ("0xa", "unknown value"), ("-1", "unknown value"), ("", "unknown value"), ("10 ", "unknown value")])
def test_what_is_printed_is_a_decimal_number_or_unknown(tmp_path, text, words):
    cap = tmp_path / "host.tar.xz"
    cli.run([cli.SIM, "run", "--host", "direct1", "--kernel", "rfc", "--", str(cli.SIM), "capture", "-o", cap])
    subprocess.run(["tar", "-xf", cap, "-C", tmp_path], check=True)
    (attr,) = (tmp_path / "sys" / "devices").rglob("*:pcie020/timeout_range")
    attr.chmod(0o644)
    attr.write_text(text + "\n")
    r = cli.run_cxl(["list", "--isolation"], sysroot=tmp_path)
    assert r.rc == 0 and r.root_ports()[RP]["control"]["mem"]["timeout"]["range"] == (None if words else "C2")
    assert words is None or words in r.err + str(r.json["messages"]), str(r)
