# SPDX-License-Identifier: GPL-2.0-only
"""Running a command that changes isolation on a simulated host, between two looks at it."""
import json

from lib import cli
from lib.cli import Session

CAT = "grep -sH '' /sys/bus/pci/devices/*/cxl_isolation/*"


def attributes(r):
    """{root port: {attribute: text}} from the output of CAT: what the kernel says, read without our program."""
    found = {}
    for line in r.text.splitlines():
        path, value = line.rsplit(":", 1)
        parts = path.split("/")
        found.setdefault(parts[-3], {})[parts[-1]] = value
    return found


def control(record):
    """(isolation, timeout, range) of a control object."""
    mem = record["mem"]
    return mem["isolation"], mem["timeout"]["enabled"], mem["timeout"]["range"]


def change(host, *args, kernel="v1-fixed", command="enable-isolation", before=None, user=None, **more):
    """Run one command between two looks at the host; the result, with .before and .after (records) and .kernel (attributes).

    Whatever happened: what the command says it left is what is there.
    """
    s = Session(host, kernel, before=before, **more).cxl("list", "--isolation").cxl(command, *args, user=user)
    first, r, kernel_now, last = s.sh(CAT).cxl("list", "--isolation").run()
    r.before, r.after, r.kernel = first.root_ports(), last.root_ports(), attributes(kernel_now)
    view = control if user is not None else dict  # another user cannot read the registers
    for name, rec in r.root_ports().items():
        if rec["after"] is not None:
            assert view(rec["after"]) == view(r.after[name]["control"]), f"{name} is not as the command says\n{r}"
        if rec["before"] is not None:
            assert view(rec["before"]) == view(r.before[name]["control"]), str(r)
        assert rec["changed"] == (rec["before"] != rec["after"]), str(r)
        if name in r.kernel:
            isolation = {"0": False, "1": True}[r.kernel[name]["isolation_ctrl"]]
            assert r.after[name]["control"]["mem"]["isolation"] == isolation
    return r


def on(r, *names):
    """Exactly these root ports have isolation on afterwards."""
    assert {n for n, rec in r.after.items() if rec["control"]["mem"]["isolation"]} == set(names), str(r)


def enabled(*names):
    """The writes of isolation alone, as --timeout=keep makes them."""
    return [(n, "isolation_ctrl", "1") for n in names]


def by_default(*names):
    """The writes of enable-isolation without options, port by port: the timeout first, at 65-210 ms."""
    return [w for n in names for w in [(n, "timeout_range", "6"), (n, "timeout_ctrl", "1"), *enabled(n)]]


def says(r, *words):
    for w in words:
        assert w in r.err, f"'{w}' is not said\n{r}"


def overlay(tmp_path, root_ports, base="direct1-6.12-devdax", **more):
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"description": "of a test", "base": str(cli.CAPTURES / f"{base}.tar.xz"), "kernel": "v1-fixed",
                                "root_ports": root_ports, **more}))
    return path
