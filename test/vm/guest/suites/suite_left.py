# SPDX-License-Identifier: GPL-2.0-only
"""Memory that kmem left with the kernel, which only a reboot repairs: the last suite of its machine."""
import os

from guest import DAX, MEMORY, Tree, create_region, dax_driver, daxctl, make_system_ram, on, same, serials, write


@on("direct2x2")
def test_memory_that_kmem_left_online_goes_offline_and_the_rest_is_said():
    region = create_region("decoder0.0", serials()[min(serials())])
    dax = make_system_ram(region)
    blocks = sorted(Tree("/").online_blocks(region))
    write(DAX.parent / "drivers/kmem/unbind", dax)
    same((dax_driver(dax), sorted(Tree("/").online_blocks(region))), (None, blocks), "kmem unbound")
    for args in (["--undo"], ["--mode=system-ram"]):
        r = daxctl("prepare-isolation", *args, dax, rc=4)
        assert "reboot the host, then run the command again" in r.err, str(r)
    same(sorted(Tree("/").online_blocks(region)), blocks, "refused")
    r = daxctl("prepare-isolation", region)
    same((r.dax()[dax]["result"], r.dax()[dax]["after"]["fit"], len(Tree("/").online_blocks(region))), ("done", True, 0), f"prepared: {r}")
    assert "gives the device no driver before the next boot" in r.err and set(blocks) <= set(os.listdir(MEMORY)), str(r)
    same(daxctl("prepare-isolation", region).dax()[dax]["result"], "already", "once more")
