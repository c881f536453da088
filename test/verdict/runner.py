# SPDX-License-Identifier: GPL-2.0-only
"""One case: a simulated host, a kernel, a root port, the way it is enabled, and the way it fails.

A case is a dict, all of it JSON:
  name     what a person calls the host
  host     a built-in host's name, a capture's file name, or a host file's object (its base is relative to test/hosts)
  prepare  steps that make of it what no host file can say: see inside.py
  kernel   mainline, v1, v1-fixed, rfc, ras-v18, and what a host of hosts/ asks for
  port     the root port that fails
  event    link-down, link-down stuck, timeout, timeout cache, protocol-error: the words of `cxl-sim ctl`
  how      what is enabled: "tied" (the port and what regions tie to it), "alone", "bus", "none"
  options  more words for enable-isolation
  user     None, "busy" or "idle": who maps the dax devices when it fails
  oracle   True: enabled past all checks, by the registers
"""
import json
import os
import pathlib
import re
import subprocess
import tempfile

from lib.cli import CAPTURES, CLEAN, CXL, DAXCTL, ROOT, SIM

INSIDE = pathlib.Path(__file__).with_name("inside.py")
HOSTS = ROOT / "test" / "hosts"
LEVELS = ["none", "debug", "contain", "recover"]
TIMEOUT = 180
BY_REGISTER = ("mainline", "rfc")

# event -> the causes of a failure that it is, by what is below the port
CAUSES = {
    "link-down": (("mem_link_down", "mem"), ("cache_link_down", "cache")),
    "link-down stuck": (("mem_link_down", "mem"), ("cache_link_down", "cache")),
    "timeout": (("mem_timeout", "mem"),),
    "timeout cache": (("cache_timeout", "cache"),),
    "protocol-error": (("protocol_error", "mem"), ("protocol_error", "cache")),
}
DEFAULTS = {"prepare": [], "how": "tied", "options": [], "user": None, "oracle": False}


def case(**of):
    """A case with its defaults; mainline and rfc switch isolation by registers only."""
    c = {**DEFAULTS, **of}
    if c["kernel"] in BY_REGISTER and "--registers" not in c["options"]:
        c["options"] = ["--registers", *c["options"]]
    return c


def title(c):
    extra = " ".join([w for w in c["options"] if w != "--registers" or "--cache" in c["options"] or c["kernel"] not in BY_REGISTER]
                     + ([f"enabled: {c['how']}"] if c["how"] != "tied" else []) + ([f"user {c['user']}"] if c["user"] else [])
                     + (["oracle"] if c["oracle"] else []))
    return f"{c['name']}, {c['kernel']}, {c['port']}, {c['event']}" + (f" ({extra})" if extra else "")


def host_argument(c, directory):
    """What `cxl-sim run --host` takes."""
    h = c["host"]
    if isinstance(h, str):
        return str(CAPTURES / h) if h.endswith(".tar.xz") else h
    path = pathlib.Path(directory) / "host.json"
    path.write_text(json.dumps({**h, "base": str(HOSTS / h["base"])}), encoding="utf-8")
    return str(path)


class Rejected(Exception):
    """The simulator does not take the host."""


def run(c):
    """The result of inside.py, with death: None, "reset" or "panic", and violation: what the simulator objected to."""
    with tempfile.TemporaryDirectory(prefix="cxl-verdict-") as tmp:
        env = {k: v for k, v in CLEAN.items() if k not in ("CXL_STATE_DIR", "CXL_SIM_HOSTS")}
        env["PATH"] = f"{CXL.parent}:{DAXCTL.parent}:{SIM.parent}:{CLEAN['PATH']}"
        argv = [str(SIM), "run", "--host", host_argument(c, tmp), "--kernel", c["kernel"], "--", "/usr/bin/python3", "-B", "-S", "-E", str(INSIDE)]
        p = subprocess.run(argv, input=json.dumps(c), capture_output=True, text=True, errors="replace", env=env, check=False, timeout=TIMEOUT)
    died = re.search(r"simulated host died \((reset|panic) ", p.stderr)
    try:
        r = json.loads(p.stdout)
    except ValueError:
        raise Rejected(f"status {p.returncode}: {p.stderr[-1500:]} {p.stdout[-300:]}") from None
    r["death"] = died[1] if died else None
    r["stderr"] = p.stderr
    r["violation"] = p.stderr.strip() if p.returncode == 4 and not died else None
    if p.returncode not in (0, 4):
        raise Rejected(f"status {p.returncode}: {p.stderr[-1500:]}")
    if r.get("outcome") == "dead":
        r["outcome"] = {"reset": "none", "panic": "debug"}.get(r["death"], "none")
    return r


def probe(host, kernel="v1-fixed", prepare=()):
    return run({"host": host, "kernel": kernel, "prepare": list(prepare), "probe": True, "name": "probe"})


# -- what may be repeated by hand -------------------------------------------------
def by_hand(c, r):
    """Shell commands that do the same."""
    host = c["host"] if isinstance(c["host"], str) else "host.json"
    lines = [] if isinstance(c["host"], str) else [f"echo '{json.dumps({**c['host'], 'base': str(HOSTS / c['host']['base'])})}' >host.json"]
    if host.endswith(".tar.xz"):
        host = os.path.relpath(CAPTURES / host, ROOT)
    steps = [t["command"] for t in r.get("transcript", [])]
    made = [f"# prepared before: {json.dumps(c['prepare'])}"] if c["prepare"] else []
    return "\n".join([*lines, *made, f"cxl-sim run --host {host} --kernel {c['kernel']} -- sh -c '{'; '.join(steps)}'",
                      f"test/verdict/repeat '{json.dumps(c)}'"])
