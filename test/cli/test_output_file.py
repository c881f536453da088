# SPDX-License-Identifier: GPL-2.0-only
"""--output writes what `>` would be allowed to write, whole or not at all, and keeps the owner and mode of what it replaces."""
import json
import os
import stat

import pytest

from lib.cli import CXL, DAXCTL, NOBODY, run

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, and another user")
PROGRAMS = {"cxl": [CXL, "explain", "--format=json"], "daxctl": [DAXCTL, "list", "--isolation", "--sysroot=/nonexistent"]}


@pytest.fixture
def sticky(tmp_path):
    """A directory as /tmp is."""
    tmp_path.chmod(0o755)
    d = tmp_path / "shared"
    d.mkdir()
    d.chmod(0o1777)
    return d


def write(path, *, user=None, program="cxl"):
    argv = [*PROGRAMS[program], f"--output={path}"]
    return run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *argv] if user else argv, timeout=20)


def is_written(path):
    return json.loads(path.read_text())["schema"].startswith(("cxl-explain/", "daxctl-list/"))


def refused(r, path, words, program="cxl"):
    assert r.rc == 4 and words in r.err and str(path) in r.err, str(r)
    assert len([line for line in r.err.splitlines() if "output cannot be written" in line]) == 1, str(r)


def other(path, text="secret\n", mode=0o600):
    path.write_text(text)
    os.chown(path, NOBODY, NOBODY)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("leads", ["to a file", "nowhere"])
def test_a_link_in_a_shared_directory_is_not_followed(sticky, tmp_path, program, leads):
    target = tmp_path / "target"
    if leads == "to a file":
        target.write_text("mine\n")
        target.chmod(0o600)
    (sticky / "out").symlink_to(target)
    refused(write(sticky / "out", program=program), sticky / "out", "it is a link")
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("mine\n", 0o600) if leads == "to a file" else not target.exists()
    assert os.listdir(sticky) == ["out"]


def test_nor_is_one_that_a_link_elsewhere_leads_to(sticky, tmp_path):
    (tmp_path / "target").write_text("mine\n")
    (sticky / "out").symlink_to(tmp_path / "target")
    (tmp_path / "first").symlink_to("shared/out")
    refused(write(tmp_path / "first"), tmp_path / "first", "it is a link")
    assert (tmp_path / "target").read_text() == "mine\n"


@needs_root
@pytest.mark.parametrize("kind", ["file", "fifo"])
def test_what_is_somebody_else_s_there_is_left_alone(sticky, kind):
    path = other(sticky / "out") if kind == "file" else sticky / "out"
    if kind == "fifo":
        os.mkfifo(path)
        os.chown(path, NOBODY, NOBODY)
    before = path.stat()
    refused(write(path), path, "somebody else's")
    assert (path.stat().st_ino, path.stat().st_size, path.stat().st_mode) == (before.st_ino, before.st_size, before.st_mode)


def test_in_a_shared_directory_one_s_own_is_replaced_and_a_new_one_made(sticky):
    (sticky / "old").write_text("old\n")
    for name in ("old", "new"):
        assert write(sticky / name).rc == 0 and is_written(sticky / name)
    assert sorted(os.listdir(sticky)) == ["new", "old"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o644])
def test_the_mode_of_what_is_replaced_is_kept(tmp_path, mode):
    path = tmp_path / "out"
    path.write_text("old\n")
    path.chmod(mode)
    assert write(path).rc == 0 and is_written(path) and path.stat().st_mode & 0o7777 == mode


@needs_root
def test_the_owner_of_what_is_replaced_is_kept(tmp_path):
    path = other(tmp_path / "out")
    assert write(path).rc == 0 and is_written(path)
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (NOBODY, NOBODY, 0o600)


@needs_root
@pytest.mark.parametrize("mode, owner, words", [(0o666, 0, "owner"), (0o444, NOBODY, "Permission denied"), (0o600, 0, "Permission denied")])
def test_what_a_user_may_not_write_or_not_keep_is_refused(sticky, tmp_path, mode, owner, words):
    mine = tmp_path / "mine"
    mine.mkdir()
    os.chown(mine, NOBODY, NOBODY)
    path = other(mine / "out", mode=mode)
    os.chown(path, owner, owner)
    refused(write(path, user=NOBODY), path, words)
    assert path.read_text() == "secret\n" and os.listdir(mine) == ["out"]


def test_links_elsewhere_are_followed_and_stay(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/target").write_text("old\n")
    (tmp_path / "second").symlink_to("sub/target")
    (tmp_path / "first").symlink_to(tmp_path / "second")
    (tmp_path / "to-be").symlink_to("sub/new")
    for name in ("first", "to-be"):
        assert write(tmp_path / name).rc == 0 and (tmp_path / name).is_symlink() and is_written(tmp_path / name)
    (tmp_path / "circle").symlink_to("circle")
    refused(write(tmp_path / "circle"), tmp_path / "circle", "Too many levels")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_by_its_name(tmp_path, name):
    r = write(name)     # a file without a name here
    assert r.rc == 0 and json.loads(r.text)["schema"].startswith("cxl-explain/"), str(r)
    argv = " ".join(map(str, PROGRAMS["cxl"]))
    assert run(["sh", "-c", f"{argv} --output={name} | wc -c"]).text.strip() > "1000"


def test_a_device_stays_one():
    before = os.stat("/dev/null")
    assert write("/dev/null").rc == 0
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode) and (after.st_mode, after.st_uid, after.st_ino) == (before.st_mode, before.st_uid, before.st_ino)


def test_a_name_as_long_as_names_get(tmp_path):
    path = tmp_path / ("x" * 255)
    assert write(path).rc == 0 and is_written(path)
    refused(write(tmp_path / ("x" * 256)), "output", "too long")
