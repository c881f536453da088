# SPDX-License-Identifier: GPL-2.0-only
"""The other releases of Debian: other compilers, libcxl and Python; warnings are errors there as well.

A chroot of each is made once.  On sid everything is newest; `scripts/test --full` asks
trixie, too, and both run what tells most about libraries and programs of the distribution.
"""
import subprocess

import pytest

from lib import cli

TESTS = ["test/cli/test_list.py", "test/cli/test_delegate.py", "test/cli/test_policy.py", "test/cli/test_complete.py", "test/cli/test_snapshot.py",
         "test/cli/test_enable.py", "test/cli/test_recover.py", "test/sim/test_run.py"]


@pytest.mark.parametrize("release", ["sid", *(["trixie"] if cli.EVERYTHING else [])])
def test_it_builds_and_works_there(release):
    p = subprocess.run([cli.ROOT / "scripts/on-debian", release, *(TESTS if cli.EVERYTHING else [])], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, check=False)
    if p.returncode == 77:
        pytest.skip(p.stdout.strip().rpartition("\n")[2])
    assert p.returncode == 0 and "unit tests passed" in p.stdout, f"{p.stdout}\n{p.stderr}"[-9000:]
