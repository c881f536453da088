# SPDX-License-Identifier: GPL-2.0-only
"""Captures with some of their files damaged at random: sysfs text, links, registers and archives as no kernel gives them.

The commands that read end with a documented status and whole output, never with
a signal or a sanitizer report.  The seeds are fixed; CXL_MUTATIONS=N tries N for each.
"""
import os
import random
import stat
import re
import subprocess

import pytest

from lib import cli

CAPTURES = ["direct1-6.12-devdax", "direct1-6.12-husk", "direct2x2-6.12-x2hb-sysram", "pmem1-6.12-pmem", "switch4-6.12-sw4-devdax"]
# with --full 20,000 damaged trees in all
ROUNDS = int(os.environ.get("CXL_MUTATIONS", 20000 // len(CAPTURES) if os.environ.get("CXL_FAULTS") == "all" else 6))
# what a command's look at a host depends on, among the thousands of files of a capture
RELEVANT = re.compile(r"/(devices/(platform/ACPI0017|pci)|bus/(cxl|dax|memory)|devices/system/(memory|node)|firmware)|proc/")
WORDS = [b"", b"\n", b"0\n", b"-1\n", b"0x\n", b"0xffffffffffffffff\n", b"18446744073709551616\n", b"\x00\x00", b"\xff" * 70, b"mem0\n", b"region0\n",
         b"none\n", b"offline\n", b"%s%n\n", b"../../x\n", b"0-4294967295\n", b"9" * 5000, b"\x1b[31m\n"]
COMMANDS = [(cli.run_cxl, ["list", "--isolation"]), (cli.run_cxl, ["isolation-status", "--check", "--impact"]), (cli.run_cxl, ["check-soft-reserved"]),
            (cli.run_daxctl, ["list", "--isolation"])]


def damaged(rng, data):
    """DATA as it could be but never is."""
    kind = rng.randrange(5)
    if kind == 0:
        return rng.choice(WORDS)
    if kind == 1:
        return data[:rng.randrange(len(data) + 1)]
    if kind == 2:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(200)))
    out = bytearray(data or b"0")
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(out))
        if kind == 3:
            out[at] ^= 1 << rng.randrange(8)
        else:
            out[at:at] = rng.choice(WORDS)[:40]
    return bytes(out)


def huge(f, rng):
    """More than any attribute has, most of it a hole."""
    with f.open("wb") as out:
        out.write(rng.choice(WORDS))
        out.truncate(64 << 20)


# What can stand where a file was: in a tree that was unpacked from somebody's archive all of it can.
KINDS = [
    lambda f, rng: f.mkdir(),
    lambda f, rng: f.symlink_to(f.name),                # to itself
    lambda f, rng: f.symlink_to("/dev/zero"),
    lambda f, rng: f.touch(mode=0),
    lambda f, rng: os.mkfifo(f),
    lambda f, rng: os.mknod(f, stat.S_IFSOCK | 0o666),
    lambda f, rng: f.write_bytes(rng.randbytes(5000)),
    huge,
]


def remove(f):
    if f.is_dir() and not f.is_symlink():
        f.rmdir()
    else:
        f.unlink(missing_ok=True)


def damage(rng, files):
    """Spoils some of FILES; what to call to have them back."""
    undo = []
    for f in rng.sample(files, rng.randrange(1, 20)):
        if f.is_symlink():
            old = os.readlink(f)
            f.unlink()
            if rng.randrange(2):
                f.symlink_to(rng.choice(["nowhere", "..", ".", os.readlink(g) if (g := rng.choice(files)).is_symlink() else "/", "a" * 200]))
            undo.append(lambda f=f, old=old: (f.unlink(missing_ok=True), f.symlink_to(old)))
        else:
            old = f.read_bytes()
            f.unlink()
            kind = rng.randrange(5)
            if kind == 1:
                rng.choice(KINDS)(f, rng)
            elif kind:
                f.write_bytes(damaged(rng, old))
            undo.append(lambda f=f, old=old: (remove(f), f.write_bytes(old)))
    return undo


@pytest.mark.parametrize("name", CAPTURES)
def test_damaged_files_crash_nothing_and_every_answer_is_whole(tree, name):
    top = tree(name)
    files = sorted(p for p in top.rglob("*") if (p.is_symlink() or p.is_file()) and RELEVANT.search(f"/{p.relative_to(top)}"))
    assert len(files) > 200
    for seed in range(ROUNDS):
        undo = damage(random.Random(f"{name} {seed}"), files)
        for command, args in COMMANDS:
            r = command(args, sysroot=top)   # checks the schema
            assert r.rc in (0, 1, 3, 4) and (not r.rc or r.json["messages"]), f"seed {seed}: {r}"
        for back in reversed(undo):
            back()
    assert cli.run_cxl(["list", "--isolation"], sysroot=top).rc == 0, "all is as it was"


@pytest.mark.parametrize("name", CAPTURES[:2])
def test_a_damaged_archive_is_loaded_or_refused(captures, tmp_path, name):
    plain = subprocess.run(["xz", "-dc", cli.CAPTURES / f"{name}.tar.xz"], capture_output=True, check=True).stdout
    for seed in range(ROUNDS):
        rng, data = random.Random(f"{name} archive {seed}"), bytearray(plain)
        for _ in range(rng.randrange(1, 40)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        if not rng.randrange(4):
            del data[rng.randrange(len(data)):]
        (tmp_path / "host.tar").write_bytes(data)
        r = cli.run([cli.SIM, "run", "--host", tmp_path / "host.tar", "--", cli.CXL, "list", "--isolation", "-o", "/dev/null"])
        assert r.rc in (0, 2, 3, 4) and (not r.rc or r.err), f"seed {seed}: {r}"


@pytest.mark.parametrize("name", ["auto1", "masked1", "accel1"])
def test_a_damaged_host_file_is_loaded_or_refused_in_one_sentence(tmp_path, name):
    text = (cli.ROOT / f"test/hosts/{name}.json").read_bytes().replace(b'"captures/', f'"{cli.CAPTURES}/'.encode())
    assert str(cli.CAPTURES).encode() in text
    for seed in range(ROUNDS * 2):
        (tmp_path / "host.json").write_bytes(damaged(random.Random(f"{name} {seed}"), text))
        r = cli.run([cli.SIM, "run", "--host", tmp_path / "host.json", "--", "true"])
        assert r.rc in (0, 2) and r.err.count("\n") == (r.rc == 2), f"seed {seed}: {r}"
