# SPDX-License-Identifier: GPL-2.0-only
"""A tree unpacked from somebody else's archive holds whatever an archive can: nothing in it makes a reader wait.

Each file that a command opens, as strace sees it, becomes a FIFO, a socket, a device or a directory.
"""
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from lib import cli, softhost
from lib.cli import run_cxl
from test_soft_reserved import describe

HANGS = 20  # seconds; under sanitizers a command takes a tenth of one
COMMANDS = {
    "list": (cli.CXL, ["list", "--isolation", "-v"]),
    "status": (cli.CXL, ["isolation-status", "--check", "--impact"]),
    "soft-reserved": (cli.CXL, ["check-soft-reserved"]),
    "daxctl list": (cli.DAXCTL, ["list", "--isolation"]),
}
# What only some hosts have, so that one tree has all that is ever read of one.
MORE = {
    "etc/udev/rules.d/80-memory.rules": 'SUBSYSTEM=="memory", ATTR{state}="online"\n', "lib/udev/rules.d/40-vm.rules": "# none\n",
    "etc/cxl/isolation.conf": "[all]\nrequire = contain\n", "var/lib/cxl-isolation/0000:0c:00.0.json": "{}\n",
    "var/lib/cxl-isolation/proven-0000:0c:00.0.json": "{}\n", "capture/errors.txt": "sys/x\tEIO: x\n",
    "proc/self/mountinfo": "1 1 0:1 / / rw - x x rw\n",
}


def run(name, root):
    program, args = COMMANDS[name]
    return run_cxl(args, program=program, sysroot=root, timeout=HANGS)


def make_socket(path):
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path.name)
    os.chdir(here)


def make_device(path):
    """As root tar brings these, too: one that has no end."""
    os.mknod(path, 0o020666, os.makedev(1, 5))


KINDS = {"fifo": os.mkfifo, "socket": make_socket, "device": make_device, "directory": os.mkdir}


def can_make(kind, tmp_path):
    probe = tmp_path / "probe"
    try:
        KINDS[kind](probe)
        if kind == "device":
            with open(probe, "rb") as f:
                f.read(1)
    except OSError:
        return False
    probe.rmdir() if kind == "directory" else probe.unlink()
    return True


@pytest.fixture
def whole(tree):
    root = tree("direct1-6.12-sysram")
    for name, text in MORE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(text)
    return root


def traced(name, root, tmp_path):
    """The lines of strace on the command's opens."""
    program, args = COMMANDS[name]
    subprocess.run(["strace", "-f", "-y", "-e", "trace=open,openat,openat2", "-s", "4096", "-o", tmp_path / "trace", program, *args, f"--sysroot={root}"],
                   env={**cli.CLEAN, "ASAN_OPTIONS": cli.CLEAN.get("ASAN_OPTIONS", "") + ":detect_leaks=0"},  # which needs ptrace for itself
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (tmp_path / "trace").read_text(errors="replace").splitlines()


def opened(name, root, tmp_path):
    found = [re.search(r"\) = \d+<([^>]*)>$", line) for line in traced(name, root, tmp_path)]
    paths = dict.fromkeys(pathlib.Path(m[1]) for m in found if m and m[1].startswith(f"{root}/"))
    return [p for p in paths if p.is_file()]


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_in_place_of_a_file_makes_a_reader_wait(name, whole, tmp_path):
    files = opened(name, whole, tmp_path)
    assert len(files) > 20, files
    assert whole / "etc/cxl/isolation.conf" in files or name not in ("list", "status"), files
    kinds = [k for k in KINDS if can_make(k, tmp_path)]
    for i, path in enumerate(files):
        path.rename(tmp_path / "aside")
        # every one as a FIFO, which is what hangs; the others by turns
        for kind in {"fifo", kinds[i % len(kinds)]}:
            KINDS[kind](path)
            try:
                run(name, whole)
            except subprocess.TimeoutExpired:
                pytest.fail(f"{name} waits for {path.relative_to(whole)}, a {kind}")
            path.rmdir() if kind == "directory" else path.unlink()
        (tmp_path / "aside").rename(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_in_place_of_every_file_does(name, kind, whole, tmp_path):
    if not can_make(kind, tmp_path):
        pytest.skip(f"no {kind} can be made here")
    for path in [p for p in whole.rglob("*") if p.is_file() and not p.is_symlink()]:
        path.unlink()
        KINDS[kind](path)
    r = run(name, whole)
    assert r.rc in (0, 1, 2, 3), str(r)


def test_nothing_in_place_of_what_soft_reserved_memory_is_judged_by_does(tmp_path):
    root = softhost.build(tmp_path / "host", describe("exact"))
    files = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink()]
    assert any(p.name == "CEDT" for p in files) and any(p.name == "iomem" for p in files), files
    for path in files:
        path.rename(tmp_path / "aside")
        os.mkfifo(path)
        r = run_cxl(["check-soft-reserved"], sysroot=root, timeout=HANGS)
        assert r.rc in (0, 1, 3), f"{path}\n{r}"
        path.unlink()
        (tmp_path / "aside").rename(path)


def test_it_is_said_what_is_there_instead(tree):
    root = tree()
    serial = next(p for p in root.rglob("serial") if p.parent.name == "mem0")
    serial.unlink()
    os.mkfifo(serial)
    r = run_cxl(["list", "--isolation"], sysroot=root, timeout=HANGS)
    assert r.rc == 0 and r.memdevs()["mem0"]["serial"] is None
    assert "attribute serial cannot be read (it is not a regular file)" in r.err, r.err


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_no_device_of_such_a_tree_is_opened(tree, tmp_path):
    """To open some starts something: a watchdog, a tape."""
    if not can_make("device", tmp_path):
        pytest.skip("no device can be made here")
    root = tree()
    for path in list(root.rglob("serial")):
        path.unlink()
        make_device(path)
    calls = [line for line in traced("list", root, tmp_path) if "/serial" in line]
    assert calls and all("O_PATH" in line for line in calls), calls
