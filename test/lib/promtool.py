# SPDX-License-Identifier: GPL-2.0-only
"""promtool: the machine's, or the one of the distribution's package, unpacked into the cache without its daemon."""
import fcntl
import functools
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest


def unpack(cache, package):
    """None, or why there is none."""
    with tempfile.TemporaryDirectory(dir=cache) as tmp:
        p = subprocess.run(["apt-get", "-q", "download", package], cwd=tmp, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                           check=False, timeout=300)
        packages = list(pathlib.Path(tmp).glob("*.deb"))
        if p.returncode or not packages:
            return "no promtool, and its package cannot be had: " + (p.stderr.strip().splitlines() or ["nothing was downloaded"])[-1]
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", packages[0]], stdout=subprocess.PIPE) as tar:
            subprocess.run(["tar", "-x", "-C", tmp, "./usr/bin/promtool"], stdin=tar.stdout, check=True, timeout=300)
        os.rename(f"{tmp}/usr/bin/promtool", cache / "promtool")
    return None


@functools.cache
def program():
    """Its path; skips the test where there is none."""
    if found := shutil.which("promtool"):
        return found
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "cxl-isolation-test"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # one of its own from Debian 13 on
        why = None if (cache / "promtool").exists() else unpack(cache, "promtool") and unpack(cache, "prometheus")
    if why:
        pytest.skip(why)
    return str(cache / "promtool")
