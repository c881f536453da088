# SPDX-License-Identifier: GPL-2.0-only
"""The picture that tells whether a host is as before: it sees what matters, and nothing else."""
import json
import pathlib
import subprocess

import pytest

from lib.cli import CAPTURES, CLEAN, CXL, SIM

LIB = pathlib.Path(__file__).resolve().parents[1] / "lib"
PORT = "0000:0c:00.0"
SCRIPT = f"""
import json, subprocess, sys
sys.path.insert(0, {str(LIB)!r})
import whole_host as host
before = host.picture()
subprocess.run(["sh", "-ec", sys.argv[1]], stdout=subprocess.DEVNULL, check=True)
subprocess.run(["cxl-sim", "ctl", "settle"], stdout=subprocess.DEVNULL, check=True)
json.dump(host.differences(before, host.picture()), sys.stdout)
"""


def differences(script, host="direct1"):
    """What is not as before SCRIPT ran."""
    env = {**CLEAN, "PATH": f"{CXL.parent}:{SIM.parent}:{CLEAN['PATH']}"}
    p = subprocess.run([SIM, "run", "--host", host, "--kernel", "v1-fixed", "--", "/usr/bin/python3", "-B", "-S", "-E", "-c", SCRIPT, script], capture_output=True,
                       text=True, env=env, check=False, timeout=120)
    assert p.returncode == 0, p.stderr
    return json.loads(p.stdout)


@pytest.mark.parametrize("host", ["direct1", "interleave2", "switch4", "sysram1", "pmem1", "accel1"])
def test_nothing_happened_and_nothing_differs(host):
    assert differences("true", host) == []


@pytest.mark.parametrize("script,word", [
    ("echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind", "/driver"),
    ("echo 0 >/sys/bus/dax/drivers_autoprobe", "drivers_autoprobe"),
    ("echo 1 >/sys/bus/pci/devices/0000:0c:00.0/cxl_isolation/timeout_ctrl", "isolation control"),
    ("echo mem0 >/sys/bus/cxl/drivers/cxl_mem/unbind", "/driver"),
    ("echo 1 >/sys/bus/pci/devices/0000:0d:00.0/remove", "0000:0d:00.0"),
    ("cxl enable-isolation root0", "isolation control"),
    ("cxl enable-isolation root0; cxl-sim ctl timeout 0000:0c:00.0", "isolation status"),
    ("cxl enable-isolation root0; cxl-sim ctl link-down 0000:0c:00.0; cxl recover-port --no-rebuild 0000:0c:00.0", "region<0x490000000>"),
])
def test_what_is_not_as_before_is_seen(script, word):
    found = differences(script)
    assert any(word in line for line in found), found


def test_a_new_number_is_no_difference():
    """A device that is found again has another one: mem0 is mem1 for the time that it takes."""
    again = "echo 1 >/sys/bus/pci/devices/0000:0d:00.0/remove; echo 1 >/sys/bus/pci/rescan"
    assert differences(again, CAPTURES / "direct1-6.12-noregion.tar.xz") == []
