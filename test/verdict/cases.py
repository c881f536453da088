# SPDX-License-Identifier: GPL-2.0-only
"""The fixed hosts: every built-in one, every capture, and those in hosts/ that neither has; each with every kernel, port and cause."""
import functools
import json
import os
import pathlib
import subprocess

from lib.cli import CAPTURES, CLEAN, SIM

import runner

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = ["mainline", "v1", "v1-fixed", "rfc"]
# On rfc isolation is switched by the registers, as on mainline, and it makes a difference what can be read: but for those
# below and the built-in ones, only `scripts/test --full` asks it of the fixed hosts.
EVERYTHING = bool(os.environ.get("CXL_VERDICT_SEEDS"))
EVERYWHERE = KERNELS if EVERYTHING else KERNELS[:3]
# So it is with one of the two failures that every port can have, where neither the host nor the kernel is about it.
LEFT_OUT = {} if EVERYTHING else {"mainline": "timeout", "v1": "link-down"}
# Protocol errors are the kernel's affair, whatever the port and its devices are: of the built-in hosts, where they are contained
# and where the kernel as posted panics, which otherwise is v1-fixed.
POSTED_RAS, RAS_EVENTS = "ras-v18", ["link-down", "protocol-error"]
UNREADABLE = ("unreadable-", "missing-")
# options of enable-isolation that a person is told to add where they help
CACHE = ["--cache", "--registers"]


@functools.cache
def built_in():
    out = subprocess.run([SIM, "hosts", "--format=json"], capture_output=True, text=True, env=CLEAN, check=True).stdout
    return [h["name"] for h in json.loads(out)["hosts"]]


KEYS = {"description", "host", "prepare", "options", "user", "ports", "how", "kernels", "kernels_too"}


def described():
    """name -> object of each file in hosts/, which has no other KEYS."""
    found = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in sorted((HERE / "hosts").glob("*.json"))}
    strange = [name for name, d in found.items() if d.keys() - KEYS]
    assert not strange, strange
    return found


def parts(more):
    """What of a host is a part of each of its cases."""
    return {k: more[k] for k in ("prepare", "user", "how") if k in more}


def hosts():
    """[(name, host, more)]"""
    found = [(name, name, {"stuck": True}) for name in built_in()]
    found += [(p.name.removesuffix(".tar.xz"), p.name, {}) for p in sorted(CAPTURES.glob("*.tar.xz"))]
    for name, d in described().items():
        found.append((name, d["host"], {k: v for k, v in d.items() if k not in ("host", "description")}))
    return found


@functools.cache
def known(name):
    """What the host has, asked in a run of it."""
    host, more = next((h, m) for n, h, m in hosts() if n == name)
    return runner.probe(host, more.get("kernels", ["v1-fixed"])[0], more.get("prepare", ()))


def events_of(speaks):
    found = ["link-down", "timeout"]
    if "cache" in speaks or "?" in speaks:
        found.append("timeout cache")
    return found


def of_host(name, host, more):
    info = known(name)
    is_whole = name in built_in() or name.startswith(UNREADABLE)
    for port in more.get("ports", info["modelled"]):
        speaks = info["ports"].get(port, [])
        asked = more.get("options", [[]] + ([CACHE] if "cache" in speaks else []))
        kernels = KERNELS if is_whole else EVERYWHERE
        # those that the host is about, alone or with the others
        kernels = more.get("kernels", kernels) + more.get("kernels_too", [])
        for kernel in kernels + ([POSTED_RAS] if name in built_in() else []):
            # v1 keeps its interrupt, and with it the handler that panics, only so
            variants = asked + ([["--registers"]] if kernel == "v1" and more.get("stuck") else [])
            more_events = ["link-down stuck", "protocol-error"] if more.get("stuck") and kernel == "v1-fixed" else []
            events = RAS_EVENTS if kernel == POSTED_RAS else events_of(speaks) + more_events
            if not is_whole and "kernels" not in more:
                events = [e for e in events if e != LEFT_OUT.get(kernel)]
            for event in events:
                for options in variants:
                    yield runner.case(name=name, host=host, kernel=kernel, port=port, event=event, options=list(options),
                                      **parts(more))


def fixed(pool):
    """Every case of every fixed host."""
    names = hosts()
    list(pool.map(known, [n for n, _, _ in names]))
    return [c for name, host, more in names for c in of_host(name, host, more)]
