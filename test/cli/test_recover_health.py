# SPDX-License-Identifier: GPL-2.0-only
"""Health by mailbox, in a recovery: what counts as an answer, what is not a failure, and that the step runs where it can.

A simulated host has no character device for a memory device, so that nothing can be asked: /dev/null stands for one here,
which says ENOTTY to every command, and libcxl is the machine's own or one that answers as it is told.
"""
import os
import pathlib
import subprocess

import pytest

from lib.recovering import ENDPOINT, PORT, failed

# The device returns without driver and times out, then gets its node: the next step that is left asks for its health.
NODE = f"cxl-sim ctl returns {ENDPOINT} as-before; echo {ENDPOINT} >/sys/bus/pci/drivers/cxl_pci/bind; mount --bind /dev/null /dev/cxl/mem0"


def resumed(**env):
    s = failed("direct1", env=env).sh(f"cxl-sim ctl returns {ENDPOINT} unbound 1000").cxl("recover-port", "--timeout=2s", PORT).sh(NODE) \
        .cxl("recover-port", "--resume", PORT).run()
    first, node, r = s[-3:]
    assert (first.rc, node.rc, r.rc) == (6, 0, 0), f"{first}{node}{r}"
    step, = [p for p in r.json["root_ports"][0]["plan"] if p["op"] == "health"]
    return r, step["state"]


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    out = tmp_path_factory.mktemp("fake")
    source = pathlib.Path(__file__).resolve().parents[1] / "lib" / "fake_libcxl.c"
    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-Wl,-soname,libcxl.so.1", "-o", out / "libcxl.so.1", source], check=True)
    return str(out)


def test_a_device_that_has_no_such_command_is_an_info_and_nothing_failed():
    r, state = resumed()
    said, = r.messages(code="HEALTH")
    assert said["severity"] == "info" and said["text"] == "mem0 does not tell its health: it has no such command"
    assert state == "done" and not r.messages(code="STEP") and "libcxl" not in r.err and "health" not in r.err, str(r)


@pytest.mark.parametrize("health", ["ENOTTY", "EOPNOTSUPP"])
def test_that_is_so_whoever_says_it(health, fake):
    r, state = resumed(LD_LIBRARY_PATH=fake, FAKE_HEALTH=health)
    assert state == "done" and [m["severity"] for m in r.messages(code="HEALTH")] == ["info"], str(r)


def test_a_device_that_is_well_is_asked_and_nothing_is_said(fake):
    r, state = resumed(LD_LIBRARY_PATH=fake, FAKE_HEALTH="well")
    assert state == "done" and not r.messages(code="HEALTH"), str(r)


def test_what_a_device_complains_of_is_said(fake):
    r, state = resumed(LD_LIBRARY_PATH=fake, FAKE_HEALTH="maintenance")
    assert state == "done" and [m["text"] for m in r.messages(code="HEALTH", severity="warning")] == ["mem0 says that it asks for maintenance"]


@pytest.mark.parametrize("health,text", [("replace", "Input/output error"), ("EIO", "Input/output error"), ("mailbox", "Input/output error"),
                                         ("gone", "No such device")])
def test_a_step_that_failed_is_said_and_the_rest_goes_on_so_nothing_has_to_be_typed(health, text, fake):
    r, state = resumed(LD_LIBRARY_PATH=fake, FAKE_HEALTH=health)
    said, = r.messages(code="STEP")
    assert state == "skipped" and said["severity"] == "warning" and text in said["text"] and said["text"].endswith("; the rest is done without it"), str(r)
    assert "--resume" not in r.err and "--abandon" not in r.err


def test_a_library_that_cannot_be_loaded_says_why(tmp_path):
    (tmp_path / "libcxl.so.1").write_text("no library")
    r, state = resumed(LD_LIBRARY_PATH=str(tmp_path))
    said, = r.messages(code="HEALTH")
    assert state == "done" and said["severity"] == "info" and "since libcxl cannot be loaded: " in said["text"] and str(tmp_path) in said["text"], str(r)
