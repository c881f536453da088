# SPDX-License-Identifier: GPL-2.0-only
"""The remedy of `cxl check-soft-reserved` that keeps CXL away from memory, at work on real kernels booted with it."""
import json
import shutil
import subprocess

import pytest

from lib import cli
from test_vm_persist import HERE, KERNELS, ready  # noqa: F401 (fixture)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_cxl_acpi_dax_hmem_takes_the_memory_in_a_window(ready, kernel, tmp_path):  # noqa: F811
    if ready[kernel, "kernel"].startswith("skip "):
        pytest.skip(ready[kernel, "kernel"])
    shutil.copy(HERE / "guest/boots/early", tmp_path / "early")  # udev loads modules, as at any boot
    p = subprocess.run([HERE / "vm", "--build", cli.BUILD, "--in", tmp_path, "--append", "module_blacklist=cxl_acpi", "--timeout", "100", "soft1", kernel,
                        "--", "bash", "-c", "cxl check-soft-reserved --settle=10 2>/dev/null"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, env=cli.CLEAN, check=False)
    assert p.returncode == 1, f"{p.stdout[-3000:]}\n{p.stderr[-3000:]}"
    found = [(x["class"], x["verdict"], x["windows"], x["stranded_bytes"]) for x in json.loads(p.stdout)["ranges"]]
    assert found == [("NOT_CXL", "ok", [], 0), ("FALLBACK_HMEM", "fallback", ["cedt-window0"], 0)]
