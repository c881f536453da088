# SPDX-License-Identifier: GPL-2.0-only
"""A replayed capture is the captured host: the distribution's cxl and daxctl
see in it what they saw on the live machine, and what they see when the tree is
mounted without the simulator."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simrun import CAPTURES, run

COMMANDS = {"cxl": ["/usr/bin/cxl", "list", "-vv"], "daxctl": ["/usr/bin/daxctl", "list", "-DR"]}
NAMES = sorted(p.name[:-len(".tar.xz")] for p in CAPTURES.glob("*.tar.xz"))

# Fields of the live listing (cxl list -vvv of 81 and 85, daxctl list -DRMi) that
# `cxl list -vv` and `daxctl list -DR` of 76.1 do not print, and why.
NOT_PRINTED = {
    "cxl": {
        "firmware": "-vvv, and a mailbox command",
        "partition_info": "-vvv, and a mailbox command",
        "firmware_version": "newer than 76.1",
        "decoders_committed": "newer than 76.1",
        "parent_dport": "newer than 76.1",
        "qos_class": "newer than 76.1",
        "qos_class_mismatch": "newer than 76.1",
        "type": "newer than 76.1",
        "daxregion": "newer than 76.1",
        "poison_injectable": "newer than 76.1",
        "injectable_protocol_errors": "newer than 76.1",
        "protocol_injectable": "newer than 76.1",
    },
    "daxctl": {
        "mappings": "-M, which -DR leaves out",
    },
}

pytestmark = [
    pytest.mark.skipif(not all(os.access(c[0], os.X_OK) for c in COMMANDS.values()),
                       reason="the distribution's cxl and daxctl are not installed"),
]


@pytest.fixture(scope="module", params=NAMES)
def replay(request):
    """The listings of one capture inside the simulator, by program."""
    capture = CAPTURES / f"{request.param}.tar.xz"
    return request.param, {p: run(c, "--host", capture) for p, c in COMMANDS.items()}


@pytest.mark.skipif(os.geteuid() != 0, reason="the reference needs root to mount")
def test_listings_are_the_same_byte_for_byte_as_without_the_simulator(replay, tmp_path):
    name, listings = replay
    command = ["unshare", "-m", sys.executable, str(Path(__file__).with_name("reference.py")),
               str(CAPTURES / f"{name}.tar.xz"), str(tmp_path)]
    for words in COMMANDS.values():
        command += ["--", *words]
    subprocess.run(command, check=True, timeout=60)
    for n, listing in enumerate(listings.values()):
        assert listing.stdout == (tmp_path / f"{n}.out").read_text()
        assert listing.stderr == (tmp_path / f"{n}.err").read_text()
        assert listing.returncode == int((tmp_path / f"{n}.status").read_text())


def differences(ours, live, path, excused):
    """Where two listings disagree; order counts."""
    if isinstance(ours, dict) and isinstance(live, dict):
        for key in ours.keys() | live.keys():
            if key not in ours:
                if key not in excused:
                    yield f"{path}.{key}: missing, was {live[key]!r}"
            elif key not in live:
                if key not in excused:
                    yield f"{path}.{key}: was not there"
            else:
                yield from differences(ours[key], live[key], f"{path}.{key}", excused)
    elif isinstance(ours, list) and isinstance(live, list) and len(ours) == len(live):
        for n, (a, b) in enumerate(zip(ours, live)):
            yield from differences(a, b, f"{path}[{n}]", excused)
    elif ours != live:
        yield f"{path}: {ours!r}, was {live!r}"


@pytest.mark.parametrize("program", COMMANDS)
def test_listings_agree_with_the_live_machine_in_every_field_and_in_order(replay, program):
    name, listings = replay
    live = (CAPTURES / f"{name}.{program}-list.json").read_text() or "[]"
    ours = listings[program].stdout or "[]"
    assert list(differences(json.loads(ours), json.loads(live), "", NOT_PRINTED[program])) == []


def test_every_capture_has_both_live_listings():
    assert NAMES
    for name in NAMES:
        for program in COMMANDS:
            assert (CAPTURES / f"{name}.{program}-list.json").exists()
