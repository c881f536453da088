# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status --assert."""
import os
import shutil

import pytest

from lib import cli
from lib.cli import NOBODY, Session, run_cxl

RP = "0000:0c:00.0"


def asserted(host, *expressions, targets=(), kernel="v1-fixed", before=None, user=None):
    before = before and f"export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; {before} >/dev/null"
    r, = Session(host, kernel, before=before).cxl("isolation-status", *(f"--assert={e}" for e in expressions), *targets, user=user).run()
    return r


HOLD = ["status.state=normal", "status.state!=isolated", "link.state=up", "link.width=16", "link.width!=8", "bytes=268435456", "bytes=0x10000000",
        "control.mem.isolation=false", "control.mem.isolation!=true", "control.mem.timeout.range=default", "control.mem.timeout.min_us=50",
        "containment=none", "containment>=none", "containment_if_enabled>=contain", "containment_if_enabled>=recover", "abi=v1",
        "containment_by_cause.mem_link_down=none", "containment_by_cause.mem_timeout>=none", "containment_by_cause.mem_timeout!=recover",
        "root_port=0000:0c:00.0", "host_bridge=port1", "bus!=root1", "link.speed=32.0 GT/s PCIe", "source.control=kernel",
        "capability.interrupt_number=3", "impact.bytes=268435456", "impact.system_ram.online_bytes=0"]
FAIL = ["status.state=isolated", "status.state!=normal", "link.state=down", "link.width=8", "bytes!=268435456", "control.mem.isolation=true",
        "control.mem.isolation!=false", "containment>=debug", "containment!=none", "abi!=v1", "control.mem.timeout.range=A2",
        # null holds for nothing
        "status.mem.cause=timeout", "status.mem.cause!=timeout", "status.busy=false", "status.busy!=true",
        "containment_by_cause.mem_link_down>=debug", "containment_by_cause.mem_timeout=recover",
        "containment_by_cause.cache_timeout=none", "containment_by_cause.cache_link_down>=none", "containment_by_cause.protocol_error!=none"]
# what holds a level back is said behind it: isolation is off, and so is the timeout
CANNOT = " (no such failure can occur there)"
HELD = {"containment_by_cause.cache_timeout": CANNOT, "containment_by_cause.cache_link_down": CANNOT, "containment": f" (isolation is off; remedy: cxl enable-isolation {RP})",
        "containment_by_cause.mem_link_down": f" (isolation is off; remedy: cxl enable-isolation {RP})",
        "containment_by_cause.protocol_error": f" (isolation is off; remedy: cxl enable-isolation {RP})",
        "containment_by_cause.mem_timeout": " (ISO-TIMEOUT-OFF holds mem_timeout back: the timeout of CXL.mem is off: an access that is never answered resets the host; "
                                            f"remedy: cxl enable-isolation {RP}, which switches it on, too)"}


def test_what_holds_is_exit_status_0():
    r = asserted("direct1", *HOLD)
    assert r.rc == 0 and r.err == "", str(r)


@pytest.mark.parametrize("expression", HOLD)
def test_each_that_holds(expression):
    assert asserted("direct1", expression).rc == 0


@pytest.mark.parametrize("expression", FAIL)
def test_each_that_does_not_hold_says_port_expected_and_found(expression):
    r = asserted("direct1", expression)
    assert r.rc == 1, str(r)
    path, _, value = expression.replace("!=", "=").replace(">=", "=").partition("=")
    m, = r.messages(code="ASSERT")
    record = r.root_ports()[RP]
    for part in path.split("."):
        record = record[part]
    found = {None: "unknown", True: "true", False: "false"}.get(record, str(record))
    words = " is not " if "!=" in expression else " is at least " if ">=" in expression else " is "
    assert m["text"] == f"{RP}: asserted was that {path}{words}{value}, and it is {found}{HELD.get(path, '')}" and m["target"] == RP


def test_all_have_to_hold_and_each_that_does_not_is_said():
    r = asserted("direct1", "abi=v1", "link.state=down", "containment>=contain")
    assert r.rc == 1 and len(r.messages(code="ASSERT")) == 2, str(r)


def test_every_root_port_selected_has_to_match():
    assert asserted("interleave2", "host_bridge=port2", targets=(RP,)).rc == 0
    r = asserted("interleave2", "host_bridge=port2")
    assert r.rc == 1 and {m["target"] for m in r.messages(code="ASSERT")} == {"0000:de:00.0", "0000:de:01.0"}, str(r)


def test_no_root_port_fails_every_assertion(tree):
    d = tree("direct1-6.12-noregion")
    for link in list((d / "sys/bus/cxl/devices").glob("mem*")) + list((d / "sys/bus/cxl/devices").glob("endpoint*")):
        link.unlink()
    shutil.rmtree((d / f"sys/bus/pci/devices/{RP}").resolve() / "0000:0d:00.0")
    r = run_cxl(["isolation-status", "--assert=status.state!=isolated"], sysroot=d)
    assert r.rc == 1 and r.root_ports() == {} and "no root port is selected" in r.err, str(r)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
@pytest.mark.parametrize("expression", ["status.state=normal", "status.state!=isolated", "status.state=isolated", "link.state!=down",
                                        "capability.mem.isolation=true", "capability.mem.isolation!=false"])
def test_what_is_unknown_fails_whatever_is_asserted(expression):
    r = asserted("direct1", expression, user=NOBODY)
    assert r.rc == 1 and "and it is unknown" in r.err, str(r)


def test_after_a_lost_link():
    r = asserted("direct1", "status.state=normal", before=f"cxl enable-isolation root0; cxl-sim ctl link-down {RP}")
    assert r.rc == 1 and "status.state is normal, and it is isolated" in r.err, str(r)
    assert r.root_ports()[RP]["status"]["mem"]["cause"] == "link-down"
    assert asserted("direct1", "status.mem.cause=link-down", "status.busy=false", before=f"cxl enable-isolation root0; cxl-sim ctl link-down {RP}").rc == 0


@pytest.mark.parametrize("expression,words", [
    ("status.stat=normal", ["there is no field 'status.stat' in a root port's record: did you mean status.state=normal?"]),
    ("state=normal", ["there is no field 'state'", "did you mean status.state=normal?"]),
    ("status=normal", ["is not a single value", "state mem cache busy"]),
    ("memdevs=mem0", ["is a list"]), ("blockers!=ISO-CAP", ["is a list"]), ("memdevs.0=mem0", ["no field"]), ("abi.x=1", ["no field"]),
    ("checks=null", ["is a list"]), ("impact=null", ["is not a single value"]), ("status..state=normal", ["no field"]), (".=x", ["no field"]),
    ("status.state=nromal", ["status.state can be no 'nromal'", "normal isolated"]), ("status.state!=Isolated", ["can be no 'Isolated'"]),
    ("status.state=unknown", ["fails every assertion"]), ("status.busy=null", ["fails every assertion"]),
    ("containment>=high", ["none debug contain recover"]), ("containment_by_cause.mem_timeout>=high", ["none debug contain recover"]),
    ("containment_by_cause=none", ["is not a single value", "mem_link_down mem_timeout cache_link_down cache_timeout protocol_error"]),
    ("containment_by_cause.timeout=none", ["there is no field", "at that place are: mem_link_down mem_timeout"]), ("isolation=on", ["did you mean control.mem.isolation=true?"]),
    ("timeout!=off", ["did you mean control.mem.timeout.enabled!=false?"]), ("control.isolation=yes", ["did you mean control.mem.isolation=true?"]),
    ("bananas=ripe", ["there is no field 'bananas'", "root_port host_bridge bus"]), ("containment_by_cause.protocol_error=null", ["fails every assertion"]), ("status.state>=normal", [">= is for containment"]), ("bytes>=5", [">= is for containment"]),
    ("control.mem.isolation=on", ["true or false"]), ("control.mem.isolation=", ["is not an assertion"]), ("bytes=256M", ["a whole number"]), ("bytes=-1", ["a whole number"]),
    ("abi==v1", ["can be no '=v1'"]), ("abi", ["is not an assertion"]), ("=x", ["is not an assertion"]), ("", ["is not an assertion"]), ("abi<v1", ["is not an assertion"]),
    ("abi~v1", ["is not an assertion"]), ("a" * 200 + "=1", ["is not an assertion"]), ("\x1b[31m=1", ["there is no field"]),
])
def test_what_can_never_be_asserted_is_a_usage_error(expression, words):
    r = run_cxl(["isolation-status", f"--assert={expression}"], sysroot="/nonexistent")
    assert r.rc == 2 and r.json["root_ports"] == [], str(r)
    for w in words:
        assert w in r.err, str(r)
    assert "\x1b" not in r.err and len(r.err.strip().splitlines()) == 1


def test_every_scalar_of_a_record_can_be_asserted():
    """Whatever the type; one that is null fails with both operators."""
    record = Session("direct1").cxl("isolation-status", "--impact").run()[0].root_ports()[RP]

    def scalars(value, path=()):
        if isinstance(value, dict):
            for k, v in value.items():
                yield from scalars(v, (*path, k))
        elif not isinstance(value, list):
            yield ".".join(path), value
    session, expected = Session("direct1"), []
    for path, value in scalars(record):
        if path == "checks":
            continue
        text = {None: None, True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, int) or isinstance(value, bool) else str(value)
        for op in ("=", "!="):
            any_value = text or ("timeout" if path.endswith(".cause") else "none" if "containment_by" in path else "true")
            session.cxl("isolation-status", f"--assert={path}{op}{any_value}")
            expected.append((f"{path}{op}{any_value}", 1 if text is None or op == "!=" else 0))
    assert len(expected) > 70
    assert [(e, r.rc) for (e, _), r in zip(expected, session.run())] == expected
