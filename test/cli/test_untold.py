# SPDX-License-Identifier: GPL-2.0-only
"""What of the checks cannot be told, because what they take cannot be read: it never raises a promise, and says what reads it."""
import pytest

from lib.checking import PCI, RP, change, findings, isolation, put, says
from lib.cli import NOBODY, Session, run_cxl

MEMORY = "sys/devices/system/memory"


# what cannot be read (a capture has no registers): (id, capture, changes, words of text and remedy, what it caps at)
UNTOLD = {
    "room unknown": ("ISO-MEMMAP-ROOM", "direct1-6.12-noregion", {"sys/devices/system/node/node0/meminfo": None},
                     ["cannot be told", "grep MemFree"], "contain"),
    "masks unknown": ("ISO-HOTPLUG", "direct1-6.12-devdax", {"sys/bus/pci/slots/2": None, f"{PCI}/0000:0d:00.0/reset_method": None, f"{PCI}/config": "short"},
                      ["needs root", "cxl-sim capture"], "contain"),
    "blocks unknown": ("ISO-MEM-ONLINE", "direct1-6.12-sysram", {f"{MEMORY}/memory{n}/state": "\n" for n in (146, 147)},
                       ["whether region0 is online as System RAM cannot be told", "daxctl prepare-isolation dax0.0"], "debug"),
    "registers unread": ("ISO-REGISTERS", "direct1-6.12-devdax", {}, ["nor could recover-port clear that", "cxl-sim capture"], "contain"),
    "capability unread": ("ISO-CAP", "direct1-6.12-devdax", {}, ["whether it can isolate cannot be told"], "none"),
    "timeout unread": ("ISO-TIMEOUT-OFF", "direct1-6.12-devdax", {}, ["whether the timeout of CXL.mem is on"], "none"),
    "signal unread": ("ISO-CAP-INT", "direct1-6.12-devdax", {}, ["whether it signals an isolation cannot be told"], "contain"),
}


@pytest.mark.parametrize("case", UNTOLD)
def test_what_cannot_be_read_caps_and_says_what_reads_it(tree, case):
    """As explain says of the check: it blocks, or caps at a level; nothing that counts is without a remedy."""
    check, capture, changes, words, level = UNTOLD[case]
    t = tree(capture)
    change(t, changes)
    found = findings(t)
    assert check in found, found
    says(found[check], *words)
    explained, = run_cxl(["explain", "--format=json", check]).json["checks"]
    if check == "ISO-REGISTERS":  # that they cannot be read is what it is about
        assert (found[check]["result"], explained["if_unknown"], explained["caps_at"]) == ("failed", "never", level)
    else:
        assert found[check]["result"] == "unknown" and explained["unknown_caps_at"] == level
        assert explained["if_unknown"] == ("blocks" if check == "ISO-MEM-ONLINE" else "caps")
    rec = run_cxl(["list", "--isolation"], sysroot=t).root_ports()[RP]
    assert check in rec["blockers" if check == "ISO-MEM-ONLINE" else "limits"]
    ranks = ["none", "debug", "contain", "recover"]
    assert ranks.index(rec["containment_if_enabled"]) <= ranks.index(level)


def results(r):
    return {c["check"]: c for c in r.root_ports()[RP]["checks"] if c["result"] == "unknown"}


# what is not for everybody to read: DVSEC 0, the journal, trace events, and (with a region) where what lies
EVERYBODY = {"ISO-CACHE-OFF": "whether a device below it has CXL.cache", "ISO-JOURNAL": "cannot be read: Permission denied",
             "ISO-RAS-PANIC": "the formats of its trace events cannot be read"}
REGION = EVERYBODY | {"ISO-NO-ROOM": "the range of its window cannot be read"}


@pytest.mark.parametrize("host, kernel, fault, user, unknown", [
    ("direct1", "v1-fixed", "open@*resource0:1+=EPERM", None, {"ISO-CAP": "lockdown", "ISO-ISOLATED": "lockdown"}),
    ("direct1", "mainline", "open@*resource0:1+=EPERM", None, {"ISO-CAP": "lockdown", "ISO-ISOLATED": "lockdown", "ISO-TIMEOUT-OFF": "lockdown",
                                                               "ISO-CAP-INT": "lockdown"}),
    # that the link is up the memory device tells, which works
    ("direct1", "v1-fixed", None, NOBODY, {"ISO-CAP": "needs root", "ISO-ISOLATED": "needs root"} | REGION),
    ("masked1", "mainline", None, NOBODY, {"ISO-CAP": "needs root", "ISO-ISOLATED": "needs root", "ISO-TIMEOUT-OFF": "needs root",
                                           "ISO-CAP-INT": "needs root", "ISO-HOTPLUG": "needs root"} | REGION),
    ("accel1", "v1-fixed", None, NOBODY, {"ISO-CAP": "needs root", "ISO-ISOLATED": "needs root"} | REGION),
    ("cache1", "v1-fixed", None, NOBODY, {"ISO-CAP": "needs root", "ISO-ISOLATED": "needs root", "ISO-LINK": "needs root", "ISO-TIMEOUT-OFF": "needs root",
                                          "ISO-TYPE2": "cannot be read whole"} | EVERYBODY),
    ("direct1", "v1-fixed", None, None, {}),
])
def test_what_cannot_be_told_has_not_passed(host, kernel, fault, user, unknown):
    r = Session(host, kernel=kernel, faults=[fault] if fault else []).cxl("isolation-status", "--check", RP, user=user).run()[0]
    found = results(r)
    explained = {c["id"]: c for c in run_cxl(["explain", "--format=json"]).json["checks"]}
    rec = r.root_ports()[RP]
    for check, words in unknown.items():
        passes = explained[check]["if_unknown"] == "passes"
        assert words in found[check]["text"] and (found[check]["remedy"] is None) == passes, str(r)
        assert (check in rec["limits"]) != passes and check not in rec["blockers"], str(r)
    assert (rec["containment"], rec["containment_if_enabled"]) == ("none", "none") or not unknown, str(r)
    assert set(found) - {"ISO-BUSY"} == set(unknown) and r.rc == 0  # others' processes cannot be looked into


def test_who_uses_the_memory_of_a_capture_is_unknown_unless_isolation_is_on(tree):
    t = tree()
    isolation(t)
    assert "ISO-BUSY" in results(run_cxl(["isolation-status", "--check", RP], sysroot=t))
    put(t, f"{PCI}/cxl_isolation/isolation_ctrl", "1\n")
    assert "ISO-BUSY" not in results(run_cxl(["isolation-status", "--check", RP], sysroot=t))
