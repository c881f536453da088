# SPDX-License-Identifier: GPL-2.0-only
"""Captures and host files of somebody else: bounded, never waited for, and what is wrong with them said, with exit status 2."""
import gzip
import io
import json
import os
import resource
import subprocess
import tarfile

import pytest

from simrun import CAPTURES, PORT, run, sim

CAPTURE = CAPTURES / "direct1-6.12-devdax.tar.xz"
MEMORY = 1 << 30  # bytes of address space: far more than any capture needs


def member(name, content=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def archive(path, members):
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def refused(host, *words, **more):
    done = sim("run", "--host", host, "--", "true", **more)
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert len(done.stderr.splitlines()) == 1 and all(w in done.stderr for w in words), done.stderr
    return done.stderr


def bounded():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


needs_address_space = pytest.mark.skipif("CXL_TEST_SANITIZER_DIR" in os.environ, reason="sanitizers need more address space than that")


@needs_address_space
@pytest.mark.parametrize("name", ["sys/bus/pci/f%d", "sys/bus/pci/same", "etc/other%d"], ids=["each", "one-again", "not-wanted"])
def test_small_archive_that_unpacks_to_very_much_is_refused(tmp_path, name):
    zeros = bytes(4 << 20)
    path = archive(tmp_path / "bomb.tar.gz", (member(name % i if "%" in name else name, zeros) for i in range(70)))
    assert path.stat().st_size < 2 << 20
    refused(path, "256 MiB", "bomb.tar.gz", preexec_fn=bounded)


@needs_address_space
def test_very_many_empty_files_are_refused(tmp_path):
    path = tmp_path / "many.tar.gz"
    path.write_bytes(gzip.compress(tarfile.TarInfo("sys/f").tobuf() * 300000, compresslevel=1))
    refused(path, "256 MiB", preexec_fn=bounded)


def test_directory_with_very_much_in_it_is_refused(tmp_path):
    (tmp_path / "sys").mkdir()
    for i in range(70):
        with open(tmp_path / "sys" / str(i), "wb") as f:
            f.truncate(4 << 20)
    refused(tmp_path, "256 MiB")


@pytest.mark.parametrize("members, words", [
    ([member("sys/" + "x/" * 80 + "y")], ["impossible name"]),
    ([member("sys/../../y")], ["impossible name"]),
    ([member("sys/big", bytes(5 << 20))], ["/sys/big", "too large"]),
    ([member("sys/a", type=tarfile.SYMTYPE, linkname="nowhere"), member("sys/a/b", b"x")], ["/sys/a/b", "not a directory"]),
    ([member("sys/f", b"x"), member("sys/a", type=tarfile.SYMTYPE, linkname="f"), member("sys/a/b", b"x")], ["/sys/a/b", "not a directory"]),
    ([member("proc/iomem", b"x")], ["no sys/ directory"]),
    ([], ["no sys/ directory"]),
], ids=["deep", "dots", "big", "below-nowhere", "below-a-file", "no-sys", "empty"])
def test_what_is_wrong_with_an_archive_is_said(tmp_path, members, words):
    refused(archive(tmp_path / "bad.tar.gz", members), *words)


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"\x1f\x8b\x08" + bytes(50)], ids=["nothing", "text", "cut-gzip"])
def test_what_is_no_archive_is_said(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    refused(tmp_path / "file", "not an archive")


def test_cut_anywhere_it_is_damaged(tmp_path):
    whole = CAPTURE.read_bytes()
    for part in range(1, 20, 3):
        (tmp_path / "cut.tar.xz").write_bytes(whole[:len(whole) * part // 20])
        said = refused(tmp_path / "cut.tar.xz", "cannot use the capture")
        assert "it is damaged" in said or "it is not an archive" in said


def test_no_other_program_unpacks_it(tmp_path):
    """libarchive starts programs for some compressions: not for a file of somebody else."""
    (tmp_path / "bin").mkdir()
    for name in ("lrzip", "lzop", "grzip"):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n: >{tmp_path}/started\n")
        (tmp_path / "bin" / name).chmod(0o755)
    for magic in (b"LRZI\x00\x06" + bytes(40), b"\x89LZO\x00\r\n\x1a\n" + bytes(40), b"GRZipII\x00\x02\x04:)" + bytes(40)):
        (tmp_path / "file").write_bytes(magic)
        refused(tmp_path / "file", "not an archive", env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})
    assert not (tmp_path / "started").exists()


def test_fifo_is_no_capture_and_no_host_file(tmp_path):
    for name in ("host.tar.xz", "host.json"):
        os.mkfifo(tmp_path / name)
        refused(tmp_path / name, "not a regular file", timeout=10)
    (tmp_path / "other.json").write_text(json.dumps({"base": "host.tar.xz"}))
    refused(tmp_path / "other.json", "not a regular file", timeout=10)


def test_fifos_in_a_directory_are_left_out(tmp_path):
    subprocess.run(["tar", "-xJf", CAPTURE, "-C", tmp_path, "--no-same-owner"], check=True)
    serial = next(p for p in tmp_path.rglob("serial") if p.parent.name == "mem0")
    (tmp_path / "capture").mkdir(exist_ok=True)
    for path in (serial, tmp_path / "proc/cmdline", tmp_path / "capture/errors.txt"):
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    done = run("ls /sys/bus/cxl/devices/mem0/serial", "--host", tmp_path, timeout=20)
    assert done.returncode == 2 and "No such file" in done.stderr, done.stderr


def test_udev_rules_that_are_a_fifo_do_not_hold_the_host():
    done = run(f"mkdir -p /etc/udev/rules.d && mkfifo /etc/udev/rules.d/1-x.rules; $SIM ctl link-down {PORT}; echo done", timeout=20)
    assert "done" in done.stdout, done.stderr


@pytest.mark.parametrize("files", [{"proc/iomem/x": "1"}, {"sys/bus/cxl/devices/mem0/serial/x": "1"}])
def test_host_file_that_puts_a_file_below_a_file(tmp_path, files):
    (tmp_path / "host.json").write_text(json.dumps({"base": str(CAPTURE), "files": files}))
    refused(tmp_path / "host.json", "files:", "lies below what is not a directory")
