# SPDX-License-Identifier: GPL-2.0-only
"""The other releases of Debian: other compilers, libcxl and Python; warnings are errors there as well.

A chroot of each is made once.  On sid everything is newest; `scripts/test --full` asks
trixie, too, both run all command tests, and all three releases build, install, upgrade and remove
the packages.  A usual run only looks at what the packages would hold (test/cli/test_packages.py):
building and trying them takes minutes for each release.
"""
import subprocess

import pytest

from lib import cli

TESTS = ["test/cli", "test/sim", "test/fuzz"]


def on_debian(release, *args):
    p = subprocess.run([cli.ROOT / "scripts/on-debian", release, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if p.returncode == 77:
        pytest.skip(p.stdout.strip().rpartition("\n")[2])
    return p


@pytest.mark.parametrize("release", ["sid", *(["trixie"] if cli.EVERYTHING else [])])
def test_it_builds_and_works_there(release):
    p = on_debian(release, *(TESTS if cli.EVERYTHING else []))
    assert p.returncode == 0 and "unit tests passed" in p.stdout, f"{p.stdout}\n{p.stderr}"[-9000:]


@pytest.mark.skipif(not cli.EVERYTHING, reason="three releases' packages take too long for a usual run: --full builds, installs, upgrades and removes them")
@pytest.mark.parametrize("release", ["bookworm", "trixie", "sid"])
def test_packages_are_installed_upgraded_and_removed_beside_the_distributions_programs(release):
    p = on_debian(release, "--packages")
    assert p.returncode == 0 and p.stdout.endswith("packages passed\n"), f"{p.stdout}\n{p.stderr}"[-9000:]
