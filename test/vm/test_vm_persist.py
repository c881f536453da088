# SPDX-License-Identifier: GPL-2.0-only
"""What `daxctl prepare-isolation --persist` wrote in one boot of a real kernel, at work in the next.

The distribution's memory policy is in force: what kmem adds is online at once.
"""
import json
import pathlib
import shutil
import subprocess

import pytest

from lib import cli

HERE = pathlib.Path(__file__).resolve().parent
KERNELS = ["6.12", "newest"]


def boot(kernel, module, directory, script):
    """The JSON that SCRIPT printed in a machine that got DIRECTORY."""
    shutil.copy(HERE / "guest/boots" / script, directory / script)
    (directory / "online").touch()
    p = subprocess.run([HERE / "vm", "--build", cli.BUILD, "--module", module, "--in", directory, "--timeout", "200", "direct1", kernel, "--",
                        "python3", f"/cxl/in/{script}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False)
    assert p.returncode == 0, f"{p.stdout[-3000:]}\n{p.stderr[-3000:]}"
    return json.loads(p.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def ready():
    p = subprocess.run([HERE / "setup"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False)
    return dict((tuple(line.split(" ", 2)[:2]), line.split(" ", 2)[2]) for line in p.stdout.splitlines())


@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_that_was_prepared_to_last_is_devdax_after_the_next_boot_and_a_replug(ready, kernel, tmp_path):
    for what in ("kernel", "module"):
        if ready[kernel, what].startswith("skip "):
            pytest.skip(ready[kernel, what])
    first_in, second_in = tmp_path / "first", tmp_path / "second"
    first_in.mkdir()
    (second_in / "etc/udev/rules.d").mkdir(parents=True)
    (second_in / "etc/cxl").mkdir()
    first = boot(kernel, ready[kernel, "module"], first_in, "first.py")
    assert first["auto_online"].startswith("online"), first
    assert first["before"] == ["kmem", 2] and first["refused"] == 1, first
    if "busy" in first:
        assert "stayed busy" in first["busy"] and first["prepared"][:2] == [6, "failed"] and first["after"][0] == "kmem", first
    else:
        assert first["prepared"][:2] == [0, "done"] and first["after"] == ["device_dax", 0], first
        assert first["enabled"][0] == 0 and first["enabled"][1] in ("contain", "recover"), first
    for path, text in first["files"].items():
        (second_in / path.lstrip("/")).write_text(text)
    shutil.copy(HERE / "guest/boots/early", second_in / "early")
    second = boot(kernel, ready[kernel, "module"], second_in, "second.py")
    assert second["auto_online"].startswith("online") and second["autoprobe"] == "0", second
    assert second["booted"] == ["device_dax", 0, "0"], second
    assert second["enabled"][0] == 0 and second["enabled"][1] in ("contain", "recover") and second["status"] == 0, second
    assert second["replugged"] == ["device_dax", 0, "0"], second
