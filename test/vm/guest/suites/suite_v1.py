# SPDX-License-Identifier: GPL-2.0-only
"""enable- and disable-isolation on real root ports whose kernel is the posted v1, with its defects."""
from guest import PCI, Module, bind_memdev, create_region, cxl, listing, make_devdax, memdev, names, on, root_port, same, until, write

TOPOLOGIES = ("direct1", "direct2x2")
ISOLATION, TIMEOUT, INTERRUPT = 1 << 16, 1 << 4, 1 << 26


def first():
    return root_port(names("mem")[0])


def attributes(m, port):
    try:
        name = m.attribute(port, "timeout_range")
    except OSError:
        name = "default"
    return m.attribute(port, "isolation_ctrl"), m.attribute(port, "timeout_ctrl"), name


def test_the_listing_has_kernel_and_registers_and_they_agree():
    with Module():
        r = listing()
        for rec in r.root_ports().values():
            same(rec["abi"], "v1", "abi")
            same(rec["source"], {"capability": "registers", "control": "kernel", "status": "registers"}, "source")
            same(rec["capability"]["mem"], {"timeout": True, "timeout_ranges": ["A", "B", "C", "D"], "isolation": True,
                                            "link_down": True}, "capability")
            same(rec["capability"]["interrupt_number"], 3, "interrupt number")
            same(rec["control"]["mem"]["isolation"], True, "isolation at discovery")
            same(rec["control"]["mem"]["timeout"]["enabled"], False, "timeout at discovery")
            same(rec["control"]["mem"]["timeout"]["range"], "default", "range at discovery")
            same(rec["control"]["interrupt"], True, "interrupt at discovery")
            same(rec["status"]["state"], "normal", "state")
            same(rec["limits"], ["ISO-DRIVER-PANIC", "ISO-TIMEOUT-OFF"], "limits")
        same(r.messages("MISMATCH") + r.messages("ATTRIBUTE"), [], "messages")


def test_already_on_writes_nothing():
    with Module() as m:
        r = cxl("enable-isolation", "root0", "--timeout=keep")
        same({p["result"] for p in r.json["root_ports"]}, {"already"}, "results")
        same([m.get(p, "stores") for p in m.ports()], [0] * len(m.ports()), "stores")


def test_enable_by_pci_address_and_again():
    with Module() as m:
        port = first()
        m.set(port, "control", INTERRUPT)
        r = cxl("enable-isolation", port, "--timeout=keep")
        same((r.root_ports()[port]["result"], r.root_ports()[port]["changed"]), ("done", True), "result")
        same(m.get(port, "control"), INTERRUPT | ISOLATION, "control")
        stores = m.get(port, "stores")
        same(cxl("enable-isolation", port, "--timeout=keep").root_ports()[port]["result"], "already", "second run")
        same(m.get(port, "stores"), stores, "stores")


def test_enable_of_the_whole_bus():
    with Module() as m:
        for port in m.ports():
            m.set(port, "control", 0)
        r = cxl("enable-isolation", "root0")
        same({p["result"] for p in r.json["root_ports"]}, {"done"}, "results")
        for port in m.ports():
            same(attributes(m, port), ("1", "1", "b2"), port)
        stores = [m.get(p, "stores") for p in m.ports()]
        same({p["result"] for p in cxl("enable-isolation", "root0").json["root_ports"]}, {"already"}, "again")
        same([m.get(p, "stores") for p in m.ports()], stores, "stores")


def test_enable_with_a_timeout_survives_the_range_that_clears_everything():
    with Module() as m:
        port = first()
        r = cxl("enable-isolation", "--timeout=B2", port)
        same(attributes(m, port), ("1", "1", "b2"), "attributes")
        same(m.get(port, "control"), ISOLATION | TIMEOUT | 6, "control")
        after = r.root_ports()[port]["after"]["mem"]
        same(after["timeout"], {"enabled": True, "range": "B2", "min_us": 65000, "max_us": 210000}, "after")
        same([s["path"].rsplit("/", 1)[1] for s in r.root_ports()[port]["plan"]], ["timeout_range", "timeout_ctrl", "isolation_ctrl"],
             "order: the range first")
        assert "interrupt enable" in r.err, f"the lost interrupt enable is not said\n{r}"
        same(cxl("enable-isolation", "--timeout=B2", port).root_ports()[port]["result"], "already", "second run")


def test_disable_ends_off_although_the_kernel_leaves_it_on():
    with Module() as m:
        port = first()
        r = cxl("disable-isolation", port)
        same(attributes(m, port)[0], "0", "isolation")
        same(r.root_ports()[port]["result"], "done", "result")
        same(r.root_ports()[port]["after"]["mem"]["isolation"], False, "after")
        assert r.err, "the write that did not stick is said"


def test_disable_keeps_timeout_and_range():
    with Module() as m:
        port = first()
        cxl("enable-isolation", "--timeout=C", port)
        cxl("disable-isolation", port)
        same(attributes(m, port), ("0", "1", "c"), "attributes")


def test_disable_that_cannot_be_done_is_exit_4_and_said():
    """No range can be written, so nothing clears what v1 leaves on."""
    with Module(capability=0x1c030000) as m:
        port = first()
        r = cxl("disable-isolation", port, rc=4)
        same(m.attribute(port, "isolation_ctrl"), "1", "isolation")
        same(r.root_ports()[port]["after"]["mem"]["isolation"], True, "after")
        assert port in r.err and "isolation on" in r.err, r


def test_a_devdax_region_does_not_hold_enabling_up():
    with Module() as m:
        mem = memdev(0x1001 if len(m.ports()) == 1 else 0x2001)
        region = create_region("decoder0.0", mem)
        make_devdax(region)
        port = root_port(mem)
        m.set(port, "control", 0)
        r = cxl("enable-isolation", region)
        same(list(r.root_ports()), [port], "root ports of the region")
        same(r.root_ports()[port]["result"], "done", "result")
        same(r.root_ports()[port]["containment"], "debug", "containment: this kernel's handler panics")


@on("direct1")
def test_the_port_is_removed_and_comes_back():
    with Module() as m:
        port = first()
        write(PCI / port / "remove", 1)
        until("it is gone", lambda: not (PCI / port).exists())
        r = cxl("enable-isolation", port, rc=None)  # 3 where the CXL bus still knows it
        assert r.rc in (2, 3) and port in r.err, r
        write("/sys/bus/pci/rescan", 1)
        until("its attributes are back", lambda: (PCI / port / "cxl_isolation").exists())
        m.mount(port)
        m.set(port, "control", 0)
        until("its memdev is back", lambda: names("mem"))
        bind_memdev(names("mem")[0])
        same(cxl("enable-isolation", port).root_ports()[port]["result"], "done", "result")
        same(listing(port).root_ports()[port]["control"]["mem"]["isolation"], True, "isolation")
