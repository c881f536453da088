# SPDX-License-Identifier: GPL-2.0-only
"""`cxl list --isolation` on live sysfs: the same as the files say, and as libcxl says where it sees the object."""
from guest import (BUS, DRIVERS, PCI, bind_memdev, check_snapshot, cxl, endpoint, is_bound, listing, names, parent_port,
                   remove_endpoint, root_port, same, serials, until, write)


def test_after_boot():
    r = check_snapshot()
    same(len(r.memdevs()), len(serials()), "memdevs")
    same({m["state"] for m in r.memdevs().values()}, {"enabled"}, "states")
    same(r.unattached("memdevs") + r.unattached("regions"), [], "unattached")
    same(r.json["messages"], [], "messages")


def test_the_root_ports_have_no_isolation_capability():
    """Read from the real registers, through mmap: QEMU's root ports lack it."""
    for rec in listing().root_ports().values():
        same(rec["source"], {"capability": "registers", "control": None, "status": "registers"}, "source")
        same(rec["capability"]["mem"], {"timeout": False, "timeout_ranges": [], "isolation": False, "link_down": False}, "capability")
        same(rec["abi"], "none", "abi")
        same(rec["blockers"], ["ISO-CAP", "ISO-ABI"], "blockers")
        same((rec["containment"], rec["containment_if_enabled"]), ("none", "none"), "containment")


def test_the_link_is_up():
    for rec in listing().root_ports().values():
        same(rec["link"]["state"], "up", f"link below {rec['root_port']}")


def test_each_target_finds_its_root_port():
    for m in names("mem"):
        for target in (m, endpoint(m), root_port(m)):
            same(list(listing(target).root_ports()), [root_port(m)], f"root ports of {target}")


def test_with_an_unbound_memdev():
    m = names("mem")[0]
    write(DRIVERS / "cxl_mem/unbind", m)
    until(f"{m} is unbound", lambda: not is_bound(m))
    r = check_snapshot()
    same(r.memdevs()[m]["state"], "disabled", m)
    assert m in r.root_ports()[root_port(m)]["memdevs"], f"{m} is still below its root port"
    bind_memdev(m)
    same(check_snapshot().memdevs()[m]["state"], "enabled", m)


def test_after_an_endpoint_is_removed_and_after_it_is_back():
    m = names("mem")[0]
    above, rp, others = parent_port(m), root_port(m), names("mem")[1:]
    remove_endpoint(m)
    r = check_snapshot()
    same(list(r.memdevs()), others, "memdevs")
    assert m not in r.root_ports().get(rp, {"memdevs": []})["memdevs"]
    write(PCI / above / "rescan", 1)
    until("a memdev is back and bound", lambda: len(names("mem")) == len(others) + 1 and all(map(is_bound, names("mem"))))
    check_snapshot()


def test_nothing_is_written_by_listing():
    """The kernel's counters of what changed would move: no new uevent after any listing."""
    before = (BUS.parent.parent.parent / "kernel/uevent_seqnum").read_text()
    for args in ([], ["root0"], ["-u"]):
        cxl("list", "--isolation", *args)
    same((BUS.parent.parent.parent / "kernel/uevent_seqnum").read_text(), before, "uevent_seqnum")
