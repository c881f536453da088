# SPDX-License-Identifier: GPL-2.0-only
"""cxl isolation-status --monitor on registers: seen by a mapping, also where the device goes or sleeps."""
import json
import os
import pathlib
import time

from cli.test_monitor import put, watching
from lib import cli
from lib.cli import run

ISOLATED = 0x300   # in the status register: mem isolated, by its link


def status_register(d, rp):
    """The file, and where in it; the capability is where the array of capabilities has number 9."""
    path = (d / "sys/bus/pci/devices" / rp).resolve() / "resource0"
    words = memoryview(path.read_bytes()).cast("I")
    entry = next(w for w in words[0x401:0x401 + (words[0x400] >> 24)] if w & 0xffff == 9)
    return path, 0x1000 + (entry >> 20) + 0xc


def poke(path, at, word):
    with open(path, "r+b", buffering=0) as f:
        f.seek(at)
        f.write(word.to_bytes(4, "little"))


def test_a_bit_in_a_mapped_register_is_a_line_at_once_and_all_ones_are_none(tmp_path):
    d = tmp_path / "t"
    run([cli.ROOT / "test/bench/gentree", d, "-n", "2", "-r"])
    with watching(d, "--interval=100ms") as m:
        rps = [r["root_port"] for r in json.loads(m.text.splitlines()[0])["root_ports"]]
        path, at = status_register(d, rps[1])
        poke(path, at, 0xffffffff)
        assert m.silent()
        took = []
        for status in (ISOLATED, 0) * 3:
            start = time.monotonic()
            poke(path, at, status)
            line = m.next()
            took.append(time.monotonic() - start)
            assert (line["type"], line["root_port"]) == ("isolated" if status else "cleared", rps[1])
        assert sorted(took)[2] < 0.2, took
        # with each look it is mapped anew, so that for a moment it is not
        until = time.monotonic() + 10
        while str(path) not in pathlib.Path(f"/proc/{m.p.pid}/maps").read_text():
            assert time.monotonic() < until
        # the file is gone below the mapping: SIGBUS, then no answer, and the monitor lives
        os.truncate(path, 0)
        line = m.next()
        assert line["after"]["status"]["state"] == "unknown" and "too short" in line["messages"][0]["text"]
        assert m.p.poll() is None
        m.end()


def test_a_port_that_sleeps_is_left_alone_and_as_it_was(tmp_path):
    d = tmp_path / "t"
    run([cli.ROOT / "test/bench/gentree", d, "-n", "2", "-r", "-w", "1"])
    with watching(d) as m:
        rp = json.loads(m.text.splitlines()[0])["root_ports"][1]["root_port"]
        path, at = status_register(d, rp)
        power = path.parent / "power_state"
        power.write_text("D3cold\n")
        put(path.parent / "cxl_isolation/isolation_ctrl", "1")   # makes it look at the host
        poke(path, at, ISOLATED)
        assert m.silent(1)
        put(power, "D0")
        assert m.next()["type"] == "isolated"
        m.end()
