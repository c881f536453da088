# SPDX-License-Identifier: GPL-2.0-only
"""The archive of a release builds and tests by itself, and where it is built changes nothing in what is installed.

Two whole builds: `scripts/test --full`.  A usual run looks for paths of the build in the programs, and for another
date than the version's in the pages (test/cli/test_reproducible.py).
"""
import os
import pathlib
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from lib import cli


def do(*argv, cwd=None, **env):
    p = subprocess.run([str(a) for a in argv], cwd=cwd, env={**cli.CLEAN, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert p.returncode == 0, f"{argv}\n{p.stdout[-3000:]}"
    return p.stdout


def everything(top):
    """path -> kind, mode and contents."""
    return {str(p.relative_to(top)): (p.lstat().st_mode, os.readlink(p) if p.is_symlink() else p.read_bytes() if p.is_file() else None)
            for p in sorted(top.rglob("*"))}


@pytest.mark.skipif(not cli.EVERYTHING, reason="two whole builds: --full does them")
def test_the_archive_builds_and_tests_by_itself_and_the_same_anywhere(tmp_path):
    git = shutil.which("git")
    if not git or subprocess.run([git, "-C", cli.ROOT, "rev-parse", "HEAD"], capture_output=True, check=False).returncode:
        pytest.skip("this is no git checkout, and only of one meson makes an archive")
    # a checkout of its own: a build directory may have been set up without man pages, or elsewhere
    do(git, "clone", "-q", "--no-local", cli.ROOT, tmp_path / "checkout")
    do("meson", "setup", tmp_path / "dist", tmp_path / "checkout")
    do("meson", "dist", "-C", tmp_path / "dist", "--no-tests", "--formats=xztar")
    archive, = (tmp_path / "dist/meson-dist").glob("*.tar.xz")
    installed = []
    for place, epoch in (("a", "1"), ("another/place", "1700000000")):
        top = tmp_path / place
        top.mkdir(parents=True)
        do("tar", "-xf", archive, "-C", top)
        source, = top.iterdir()
        assert not (source / ".git").exists() and (source / "test/unit").is_dir()
        do("meson", "setup", "build", "--prefix=/usr", "-Dfront-ends=libexec", "-Dwerror=true", cwd=source, SOURCE_DATE_EPOCH=epoch, TZ="Asia/Tokyo" if installed else "UTC")
        do("ninja", "-C", "build", cwd=source, SOURCE_DATE_EPOCH=epoch)
        do("meson", "install", "-C", "build", "--no-rebuild", "--destdir", top / "root", cwd=source)
        installed.append(everything(top / "root"))
    first, second = installed
    assert len(first) > 60 and any(x.endswith("/bin/cxl-sim") for x in first) and first.keys() == second.keys()
    assert not [x for x in first if first[x] != second[x]], "not the same in another place"

    source = tmp_path / "a" / archive.name.removesuffix(".tar.xz")
    do("/usr/bin/python3", "-B", "test/lib/rununit.py", source / "build", tmp_path / "unit.xml", "", cwd=source)
    cases = list(ET.parse(tmp_path / "unit.xml").getroot().iter("testcase"))
    assert len(cases) > 100 and not [c for c in cases if c.find("failure") is not None]
    said = do("/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'inner'}", "test/cli/test_style.py", "test/cli/test_explain.py",
              "test/cli/test_reproducible.py", cwd=source, CXL_BUILD_DIR=str(source / "build"), CXL_FAULTS="")
    assert " passed" in said and pathlib.Path(source / "build/cxl/cxl").exists()
