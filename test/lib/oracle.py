# SPDX-License-Identifier: GPL-2.0-only
"""The distribution's `cxl list` on an unpacked tree: the oracle that the snapshot is compared with.

libcxl knows no --sysroot: the tree is bind-mounted over /sys in a private mount
namespace, with the device nodes that libcxl insists on.
"""
import json
import os
import re
import shutil
import subprocess

from lib import cli

PROGRAM = "/usr/bin/cxl"
RUN = r"""
set -e
D=$1; shift
# only /sys and /dev are the tree's: what a command keeps must not be this machine's
export CXL_STATE_DIR="$D/state"
mount --bind "$D/sys" /sys
for f in null zero urandom random full; do mount --bind /dev/$f "$D/dev/$f"; done
# libcxl 85 crashes without
{ mount -t debugfs none /sys/kernel/debug && mount -t tmpfs none /sys/kernel/debug; } 2>/dev/null || :
mkdir -p /sys/kernel/debug/cxl
mount --rbind "$D/dev" /dev
[ ! -e "$D/proc/zoneinfo" ] || mount --bind "$D/proc/zoneinfo" /proc/zoneinfo
exec "$@"
"""


def why_not():
    """Why the oracle cannot be asked here; None when it can."""
    if not os.path.exists(PROGRAM):
        return f"{PROGRAM} is not installed"
    ns = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    p = subprocess.run([*ns, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, text=True, check=False)
    return f"no private mount namespace: {p.stderr.strip()}" if p.returncode else None


def prepare(tree):
    """Give a private copy of a tree the files that libcxl wants in /dev."""
    dev = tree / "dev"
    if dev.exists():
        shutil.rmtree(dev)
    (dev / "cxl").mkdir(parents=True)
    for f in ("null", "zero", "urandom", "random", "full"):
        (dev / f).touch()
    (tree / "sys/kernel/debug").mkdir(parents=True, exist_ok=True)
    for m in os.listdir(tree / "sys/bus/cxl/devices"):
        if re.fullmatch(r"mem\d+", m):
            (dev / "cxl" / m).touch()


def run(tree, argv):
    ns = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]
    return cli.run([*ns, "sh", "-c", RUN, "sh", tree, *argv])


def flatten(value, found=None):
    """Every object of the nested listing, by the key that names it: {"memdev": {name: object}, ...}."""
    found = {} if found is None else found
    if isinstance(value, list):
        for v in value:
            flatten(v, found)
    elif isinstance(value, dict):
        for kind in ("bus", "port", "endpoint", "memdev", "region", "decoder"):
            if isinstance(value.get(kind), str):
                kept = found.setdefault(kind, {}).setdefault(value[kind], {})
                kept.update(value)
                break
        for v in value.values():
            if isinstance(v, (list, dict)):
                flatten(v, found)
    return found


def listing(tree):
    r = run(tree, [PROGRAM, "list", "-BPDEMRTi"])
    assert r.rc == 0, str(r)
    return flatten(json.loads(r.text or "[]"))
