# SPDX-License-Identifier: GPL-2.0-only
"""The remedy of `cxl check-soft-reserved` that keeps CXL away from memory, at work on real kernels booted with it."""
import json
import shutil

import pytest

from test_vm_persist import HERE, KERNELS, machine, ready  # noqa: F401 (fixture)


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_cxl_acpi_dax_hmem_takes_the_memory_in_a_window(ready, kernel, tmp_path):  # noqa: F811
    if ready[kernel, "kernel"].startswith("skip "):
        pytest.skip(ready[kernel, "kernel"])
    (tmp_path / "in").mkdir()
    shutil.copy(HERE / "guest/boots/early", tmp_path / "in/early")  # udev loads modules, as at any boot
    p = machine.run(kernel, "soft1", ["--in", tmp_path / "in", "--append", "module_blacklist=cxl_acpi"],
                    ["bash", "-c", "cxl check-soft-reserved --settle=10 2>/dev/null"], tmp_path, 100)
    assert p.returncode == 1, f"{p.stdout[-3000:]}\n{p.stderr[-3000:]}"
    found = [(x["class"], x["verdict"], x["windows"], x["stranded_bytes"]) for x in json.loads(p.stdout)["ranges"]]
    assert found == [("NOT_CXL", "ok", [], 0), ("FALLBACK_HMEM", "fallback", ["cedt-window0"], 0)]
