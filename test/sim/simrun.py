# SPDX-License-Identifier: GPL-2.0-only
"""Starting cxl-sim from a test."""
import json
import os
import subprocess
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("CXL_BUILD_DIR", REPO / "build")).resolve()
SIM = str(BUILD / "sim" / "cxl-sim")
HOSTS = REPO / "test" / "hosts"
CAPTURES = HOSTS / "captures"
PCI = "/sys/bus/pci/devices"
PORT = "0000:0c:00.0"
ISO = f"{PCI}/{PORT}/cxl_isolation"
PORT_PATH = "/sys/devices/pci0000:0c/0000:0c:00.0"
ISO_PATH = f"{PORT_PATH}/cxl_isolation"

# CXL.cachemem at 0x1000 of the component registers, where the model puts capability 9
CAP, CTRL, STATUS = 0x1200, 0x1208, 0x120C


def sim(*args, **kwargs):
    """Run cxl-sim with ARGS; a CompletedProcess with text."""
    kwargs.setdefault("timeout", 300)    # only what hangs takes as long, also on a slow machine
    kwargs.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([SIM, *map(str, args)], capture_output=True, text=True, check=False, **kwargs)


def run(command, *options, **kwargs):
    """Run a command, or a text as a shell script, on a simulated host."""
    words = ["/bin/sh", "-c", command] if isinstance(command, str) else list(map(str, command))
    env = dict(os.environ, SIM=SIM)
    return sim("run", *options, "--", *words, env=kwargs.pop("env", env), **kwargs)


def python(script, *options, **kwargs):
    """Run python code on a simulated host."""
    return run(["/usr/bin/python3", "-I", "-c", script], *options, **kwargs)


def read_log(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def writes(log):
    return [(e["path"], e["data"], e["errno"]) for e in log if e["op"] == "write"]


# Register access for scripts that run inside.
REGISTERS = f"""
import os, struct
fd = os.open("{PCI}/{PORT}/resource0", os.O_RDWR)
def r(offset): return struct.unpack("<I", os.pread(fd, 4, offset))[0]
def w(offset, value): return os.pwrite(fd, struct.pack("<I", value), offset)
CAP, CTRL, STATUS = {CAP}, {CTRL}, {STATUS}
"""

# Scripts that try something and print what came of it.
ATTEMPT = f"""
import errno, os
PCI, PORT = "{PCI}", "{PCI}/{PORT}/"
def attempt(f, *args):
    try: r = f(*args)
    except OSError as e: r = errno.errorcode[e.errno]
    print(r if not isinstance(r, int) or f is os.write else "ok")
"""
