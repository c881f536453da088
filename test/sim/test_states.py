# SPDX-License-Identifier: GPL-2.0-only
"""The models against real kernels: after the same steps the tree is that of the
capture which a kernel gave after them, attribute by attribute."""
import pytest

from states import differences, state_after

CREATE = "mkregion ram decoder0.0 mem0"
EP_REMOVE = "echo 1 > $D/$(memep mem0)/remove"
RP_RESCAN = "echo 1 > $D/0000:0c:00.0/rescan"
RP_REMOVE = "echo 1 > $D/0000:0c:00.0/remove"
RESCAN = "echo 1 > /sys/bus/pci/rescan"
ONLINE = "echo online > /sys/devices/system/memory/auto_online_blocks"

# from this capture, these steps: that capture
CASES = (
    ("direct1-6.12-noregion", f"{CREATE}; devdax decoder0.0", "direct1-6.12-devdax"),
    ("direct1-6.12-noregion", f"{CREATE}; sysram decoder0.0", "direct1-6.12-sysram"),
    ("direct1-6.12-noregion", f"{ONLINE}; {CREATE}", "direct1-6.12-auto"),
    ("direct1-6.12-noregion", f"{CREATE}; devdax decoder0.0; {EP_REMOVE}", "direct1-6.12-husk"),
    ("direct1-6.12-devdax", EP_REMOVE, "direct1-6.12-husk"),
    ("direct1-6.12-devdax", f"{EP_REMOVE}; {RP_RESCAN}", "direct1-6.12-husk-back"),
    ("direct1-6.12-devdax", f"{EP_REMOVE}; {RESCAN}", "direct1-6.12-husk-back"),
    ("direct1-6.12-husk-back", EP_REMOVE, "direct1-6.12-husk"),
    ("direct1-6.12-sysram", EP_REMOVE, "direct1-6.12-husk-sysram"),
    ("direct1-6.12-noregion", RP_REMOVE, "direct1-6.12-rp-gone"),
    ("direct1-6.12-noregion", f"{RP_REMOVE}; {RESCAN}", "direct1-6.12-rp-back"),
    ("direct2x2-6.12-noregion", "mkregion ram decoder0.0 $(memsn 0x2001) $(memsn 0x2002); devdax decoder0.0",
     "direct2x2-6.12-x2rp-devdax"),
    ("direct2x2-6.12-noregion", "mkregion ram decoder0.2 $(memsn 0x2001) $(memsn 0x2003); devdax decoder0.2",
     "direct2x2-6.12-x2hb-devdax"),
    ("direct2x2-6.12-noregion", "mkregion ram decoder0.2 $(memsn 0x2001) $(memsn 0x2003); sysram decoder0.2",
     "direct2x2-6.12-x2hb-sysram"),
    ("direct2x2-6.12-noregion", "mkregion ram decoder0.2 $(memsn 0x2001) $(memsn 0x2003) $(memsn 0x2002) $(memsn 0x2004);"
     "devdax decoder0.2", "direct2x2-6.12-x4-devdax"),
    ("direct2x2-6.12-noregion", "mkregion ram decoder0.0 $(memsn 0x2001); mkregion ram decoder0.1 $(memsn 0x2003);"
     "devdax decoder0.0; sysram decoder0.1", "direct2x2-6.12-two-regions"),
    ("switch4-6.12-noregion", "mkregion ram decoder0.0 $(memsn 0x3001) $(memsn 0x3002) $(memsn 0x3003) $(memsn 0x3004);"
     "devdax decoder0.0", "switch4-6.12-sw4-devdax"),
    ("switch4-6.12-noregion", "mkregion ram decoder0.0 $(memsn 0x3001) $(memsn 0x3002); sysram decoder0.0",
     "switch4-6.12-sw2-sysram"),
    ("pmem1-6.12-noregion", "mkregion pmem decoder0.0 mem0", "pmem1-6.12-pmem"),
)


@pytest.mark.parametrize("start,steps,end", CASES, ids=[f"{s} -> {e}".replace("-6.12", "") for s, _, e in CASES])
def test_state_is_the_real_kernel_s(start, steps, end, tmp_path):
    assert differences(state_after(steps, start, tmp_path), end) == []
