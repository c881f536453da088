# SPDX-License-Identifier: GPL-2.0-only
"""Memory for virtual machines on a real kernel, by policy and by name: QEMU uses it, its port fails, and all is as before.

The kernel of the second boot is another one than that of the first, as after an update.
"""
import json
import os
import pathlib
import shutil
import sys

import pytest

from lib import cli

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "lib"))
import machine  # noqa: E402

BOOTS = [("6.12", "newest"), ("newest", "6.12")]
LONG = {("newest", "6.12")}


def boot(kernel, module, directory, script, *options):
    """The JSON that SCRIPT printed in a machine that got DIRECTORY."""
    for name in ("early", "layout_first.py", "layout_second.py"):
        shutil.copy(HERE / "guest/boots" / name, directory / name)
    shutil.copy(cli.BUILD / "contrib/udev/60-cxl-isolation.rules", directory)
    p = machine.run(kernel, "direct2x2", ["--module", module, "--in", directory, *options], ["python3", f"/cxl/in/{script}"], directory.parent, 900)
    assert p.returncode == 0, f"{p.stdout[-3000:]}\n{p.stderr[-3000:]}"
    return json.loads(p.stdout.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def ready():
    return machine.ready()


@pytest.mark.parametrize("kernels", BOOTS, ids="-".join)
def test_a_guest_dies_with_its_port_the_others_go_on_and_all_is_there_again_under_its_name(ready, kernels, tmp_path):
    if kernels in LONG and os.environ.get("CXL_VM") != "all":
        pytest.skip("only with CXL_VM=all in the environment (scripts/test --full)")
    for kernel in kernels:
        for what in ("kernel", "module"):
            if ready[kernel, what].startswith("skip "):
                pytest.skip(ready[kernel, what])
    first_in, second_in = tmp_path / "first", tmp_path / "second"
    first_in.mkdir()
    (second_in / "etc/cxl").mkdir(parents=True)
    first = boot(kernels[0], ready[kernels[0], "module"], first_in, "layout_first.py", "--qemu")
    mib, one, other, both = 1 << 20, ["0x2001"], ["0x2003"], ["0x2002", "0x2004"]
    whole = {"solo": [one, 0, 256 * mib], "vm2": [other, 0, 96 * mib], "vm3": [other, 96 * mib, 160 * mib], "vm1": [both, 0, 128 * mib],
             "part2": [both, 128 * mib, 64 * mib], "part3": [both, 192 * mib, 224 * mib], "part4": [both, 416 * mib, 96 * mib]}
    assert first["made"] == whole and first["prepared"] == 0 and first["table"].count("devdax") == len(whole), first
    assert first["line"] == f"-object memory-backend-file,id=vm1,mem-path=/dev/cxl/dax/vm1,size={128 * mib},align={2 * mib},share=on"
    # who dies is known before, and nobody does unasked
    assert first["impact"][0] == first["impact"][1], first["impact"]
    assert first["refused"][:2] == [1, "ISO-BUSY"] and ", guest vm1" in first["refused"][2] and first["refused"][3] is None, first["refused"]
    # QEMU ends by itself when it is told to; the other one goes on
    assert first["recovered"][0] == 0 and first["ended"] == [0, None, "running"], first
    assert first["again"] == whole and first["line again"] == [first["line"], "running", "running"], first
    # recovered without its regions the port has them again by the policy
    assert first["killed"] == [0, -9, "running"] and first["without"] == {n: v for n, v in whole.items() if v[0] != both}, first
    assert first["replugged"] == whole, first
    (second_in / "etc/cxl/isolation.conf").write_text(first["policy"])
    second = boot(kernels[1], ready[kernels[1], "module"], second_in, "layout_second.py")
    assert (second["before"], second["rc"], second["made"], second["again"]) == ({}, 0, whole, "already"), second
