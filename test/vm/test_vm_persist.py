# SPDX-License-Identifier: GPL-2.0-only
"""What lasts over boots of a real kernel: `daxctl prepare-isolation --persist`, and a layout in the policy file.

The distribution's memory policy is in force: what kmem adds is online at once.
"""
import json
import pathlib
import re
import shutil
import sys

import pytest

from lib import cli

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
import machine  # noqa: E402

KERNELS = ["6.12", "newest"]


def boot(kernel, module, directory, script):
    """The JSON that SCRIPT printed in a machine that got DIRECTORY."""
    shutil.copy(HERE / "guest/boots" / script, directory / script)
    (directory / "online").touch()
    p = machine.run(kernel, "direct1", ["--module", module, "--in", directory], ["python3", f"/cxl/in/{script}"], directory.parent, 200)
    assert p.returncode == 0, f"{p.stdout[-3000:]}\n{p.stderr[-3000:]}"
    return json.loads(p.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def ready():
    return machine.ready()


def need(ready, kernel):
    for what in ("kernel", "module"):
        if ready[kernel, what].startswith("skip "):
            pytest.skip(ready[kernel, what])


POLICY = """[root0]
[region vms]
memdevs = 0x1001
[dax vm1]
region = vms
size = 50%
file-mode = 0660
[dax vm2]
region = vms
size = rest
"""


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_boot_unit_makes_the_layout_before_the_kernel_has_the_memory(ready, kernel, tmp_path):
    """Its command begins before any CXL driver is there; then a device that comes later."""
    need(ready, kernel)
    directory = tmp_path / "in"
    (directory / "etc/udev/rules.d").mkdir(parents=True)
    (directory / "etc/cxl").mkdir()
    (directory / "etc/cxl/isolation.conf").write_text(POLICY)
    rules = (cli.BUILD / "contrib/udev/60-cxl-isolation.rules").read_text()
    (directory / "etc/udev/rules.d/60-cxl-isolation.rules").write_text(re.sub(r'="\S*/daxctl ', '="/cxl/bin/daxctl ', rules))
    shutil.copy(cli.BUILD / "contrib/systemd/cxl-isolation.service", directory)
    shutil.copy(HERE / "guest/boots/early", directory / "udev_early")
    shutil.copy(HERE / "guest/boots/layout_early", directory / "early")
    said = boot(kernel, ready[kernel, "module"], directory, "layout.py")
    half = [128 << 20, "device_dax"]
    made = {"vm1": [*half, 0o660], "vm2": [*half, 0o600]}
    assert said["auto_online"].startswith("online") and said["made"][0] == 0, said
    assert said["names"] == made and len(said["regions"]) == 1, said
    assert said["enabled"] == 0 and said["status"] == 0, said
    assert "SYSTEMD_WANTS=cxl-isolation@mem0.service" in said["systemd"] and "SYSTEMD_READY=1" in said["systemd"], said
    assert said["gone"] == {}, said
    assert said["again"][:2] == [True, 0] and said["names_again"] == made, said
    assert said["never"][0] == 7 and "no memory device has serial number 0xdead after 500 ms" in said["never"][1], said


@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_that_was_prepared_to_last_is_devdax_after_the_next_boot_and_a_replug(ready, kernel, tmp_path):
    need(ready, kernel)
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
    shutil.copy(cli.BUILD / "contrib/udev/60-cxl-isolation.rules", second_in)
    second = boot(kernel, ready[kernel, "module"], second_in, "second.py")
    assert second["auto_online"].startswith("online") and second["autoprobe"] == "0", second
    assert second["booted"][:2] == ["device_dax", 0], second
    assert second["enabled"][0] == 0 and second["enabled"][1] in ("contain", "recover") and second["status"] == 0, second
    assert second["replugged"][:2] == ["device_dax", 0], second
    # the name of the memory leads to it, and to nothing else once it is another part of it
    links, dax = second["links"]
    assert list(links.values()) == [f"../../{dax}"] and second["smaller"] == {}, second
