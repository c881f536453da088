# SPDX-License-Identifier: GPL-2.0-only
"""enable- and disable-isolation on real root ports whose kernel has the attributes without v1's defects."""
import time

from guest import (PCI, THEIR_DAXCTL, Module, bind_memdev, create_region, cxl, listing, make_devdax, make_system_ram, memdev, names,
                   on, root_port, run, same, until, write)

TOPOLOGIES = ("direct1", "direct2x2")
ISOLATION, LINK_DOWN, TIMEOUT, INTERRUPT = 1 << 16, 1 << 17, 1 << 4, 1 << 26
EBUSY = 16


def first():
    return root_port(names("mem")[0])


def fixed(**more):
    return Module(fixed=True, **more)


def result(r, port):
    return r.root_ports()[port]["result"]


def test_both_are_off_at_discovery_and_the_range_has_a_name():
    with fixed():
        for rec in listing().root_ports().values():
            same(rec["control"]["mem"]["isolation"], False, "isolation")
            same(rec["control"]["mem"]["timeout"]["enabled"], False, "timeout")
            same(rec["control"]["mem"]["timeout"]["range"], "default", "range")
            same(rec["limits"], ["ISO-TIMEOUT-OFF"], "limits")
            same((rec["containment"], rec["containment_if_enabled"]), ("none", "recover"), "containment")


def test_enable_and_disable_of_the_whole_bus():
    with fixed() as m:
        for command, control, second in (("enable-isolation", INTERRUPT | ISOLATION | TIMEOUT | 6, "already"),
                                         ("disable-isolation", INTERRUPT | TIMEOUT | 6, "already")):
            r = cxl(command, "root0")
            same({p["result"] for p in r.json["root_ports"]}, {"done"}, command)
            same({m.get(p, "control") for p in m.ports()}, {control}, "control")
            stores = [m.get(p, "stores") for p in m.ports()]
            same({p["result"] for p in cxl(command, "root0").json["root_ports"]}, {second}, f"{command} again")
            same([m.get(p, "stores") for p in m.ports()], stores, "stores")


def test_one_port_by_address_and_by_memdev_touches_no_other():
    with fixed() as m:
        mem = names("mem")[0]
        cxl("enable-isolation", root_port(mem))
        cxl("disable-isolation", mem, "--timeout=off")
        for port in m.ports():
            same(m.get(port, "stores"), 5 if port == root_port(mem) else 0, f"stores to {port}")
            same(m.get(port, "control"), INTERRUPT | (6 if port == root_port(mem) else 0), f"control of {port}")


def test_a_dry_run_writes_nothing():
    with fixed() as m:
        port = first()
        r = cxl("enable-isolation", "-n", "--timeout=A2", port)
        same(result(r, port), "planned", "result")
        same(len(r.root_ports()[port]["plan"]), 3, "steps")
        same((m.get(port, "stores"), m.get(port, "control")), (0, INTERRUPT), "stores and control")


def test_timeouts():
    with fixed() as m:
        port = first()
        for what, name, control in (("B2", "B2", TIMEOUT | 6), ("a", "A", TIMEOUT | 1), ("100ms", "B2", TIMEOUT | 6),
                                    ("off", "B2", 6), ("on", "B2", TIMEOUT | 6), ("default", "default", TIMEOUT), ("64s", "D2", TIMEOUT | 14)):
            r = cxl("enable-isolation", f"--timeout={what}", port)
            same(m.attribute(port, "timeout_range"), name, f"range after {what}")
            same(m.get(port, "control"), INTERRUPT | ISOLATION | control, f"control after {what}")
            same(r.messages("READ-BACK"), [], f"messages after {what}")
            same(listing(port).root_ports()[port]["control"]["mem"]["timeout"]["range"], name, "as listed")


def test_a_timeout_that_the_port_does_not_have_is_exit_3():
    with fixed(capability=0x1c030013) as m:
        port = first()
        r = cxl("enable-isolation", "--timeout=C", port, rc=3)
        assert "A" in r.err and "B" in r.err, r
        same(m.get(port, "stores"), 0, "stores")
        cxl("enable-isolation", "--timeout=B", port)


def test_disable_leaves_the_timeout_alone():
    with fixed() as m:
        port = first()
        cxl("enable-isolation", "--timeout=C2", port)
        cxl("disable-isolation", port)
        same(m.get(port, "control"), INTERRUPT | TIMEOUT | 10, "control")


def test_firmware_that_keeps_the_enable_is_exit_4():
    with fixed() as m:
        port = first()
        m.set(port, "fw_owned", 1)
        r = cxl("enable-isolation", "--timeout=B2", port, rc=4)
        assert "ISO-FW-OWNED" in r.err, r
        same(result(r, port), "rolled-back", "result")
        same(m.get(port, "control"), INTERRUPT, "control, rolled back")
        same(m.attribute(port, "timeout_range"), "default", "range, rolled back")


def test_firmware_that_keeps_it_on_is_exit_4():
    with fixed() as m:
        port = first()
        cxl("enable-isolation", port, "--timeout=keep")
        m.set(port, "fw_owned", 1)
        r = cxl("disable-isolation", port, rc=4)
        assert "ISO-FW-OWNED" in r.err, r
        same(m.get(port, "control"), INTERRUPT | ISOLATION, "control")


def test_a_refused_first_write_is_exit_4_and_changes_nothing():
    with fixed() as m:
        port = first()
        m.set(port, "errno_isolation_ctrl", EBUSY)
        r = cxl("enable-isolation", port, "--timeout=keep", rc=4)
        assert "busy" in r.err.lower() and port in r.err, r
        same(result(r, port), "failed", "result")
        same(m.get(port, "control"), INTERRUPT, "control")


def test_a_refused_last_write_is_exit_4_and_rolled_back():
    with fixed() as m:
        port = first()
        m.set(port, "errno_isolation_ctrl", EBUSY)
        r = cxl("enable-isolation", "--timeout=B2", port, rc=4)
        same(result(r, port), "rolled-back", "result")
        same(m.get(port, "control"), INTERRUPT, "control")
        same(m.attribute(port, "timeout_range"), "default", "range")


def test_a_busy_port_is_exit_6_after_the_kernels_two_seconds():
    with fixed() as m:
        port = first()
        cxl("enable-isolation", port, "--timeout=keep")
        m.set(port, "trigger", "link-down")
        m.set(port, "busy", 1)
        same(listing(port).root_ports()[port]["status"]["busy"], True, "busy")
        start = time.monotonic()
        cxl("disable-isolation", "--override=ISO-ISOLATED", port, rc=6)
        assert 1.8 < time.monotonic() - start < 10, f"{time.monotonic() - start:.1f} s"
        same(m.get(port, "control"), INTERRUPT | ISOLATION, "control")


def test_an_isolated_port_is_refused():
    for event, cause in (("link-down", "link-down"), ("timeout", "timeout")):
        with fixed() as m:
            port = first()
            cxl("enable-isolation", "--timeout=on", port)
            m.set(port, "trigger", event)
            rec = listing(port).root_ports()[port]
            same((rec["status"]["state"], rec["status"]["mem"]["cause"], rec["status"]["busy"]), ("isolated", cause, False), "status")
            same(rec["status"]["mem"]["timed_out"], event == "timeout", "timed out")
            stores = m.get(port, "stores")
            for command in ("enable-isolation", "disable-isolation"):
                r = cxl(command, port, rc=1)
                assert "ISO-ISOLATED" in r.root_ports()[port]["blockers"] and "ISO-ISOLATED" in r.err, r
            same(m.get(port, "stores"), stores, "stores")


def test_ports_without_the_capability_are_left_out_of_a_group():
    with fixed() as m:
        port = first()
        for other in m.ports():
            if other != port:
                m.set(other, "capability", 0x04000000)
        r = cxl("enable-isolation", "root0")
        same({p["root_port"]: p["result"] for p in r.json["root_ports"]},
             {p: "done" if p == port else "skipped" for p in m.ports()}, "results")


def test_without_an_interrupt_there_is_no_kernel_support():
    with fixed(capability=0x0003001f):
        port = first()
        r = cxl("enable-isolation", port, rc=3)
        same(r.root_ports()[port]["blockers"], ["ISO-ABI"], "blockers")
        rec = listing(port).root_ports()[port]
        same((rec["abi"], rec["source"]["control"]), ("none", "registers"), "abi and source")


def test_a_register_file_that_is_gone_does_not_stop_reading():
    """Only the attributes are left."""
    with fixed() as m:
        port = first()
        run("umount", (PCI / port).resolve() / "resource0")
        run("mount", "--bind", "/dev/null", (PCI / port).resolve() / "resource0")
        rec = listing(port).root_ports()[port]
        same((rec["source"]["control"], rec["source"]["status"], rec["status"]["state"]), ("kernel", None, "unknown"), "source")
        same(result(cxl("enable-isolation", port), port), "done", "result")
        same(m.attribute(port, "isolation_ctrl"), "1", "isolation")


@on("direct1")
def test_online_system_ram_is_refused_until_it_is_offline():
    with fixed() as m:
        mem = memdev(0x1001)
        port, region = root_port(mem), create_region("decoder0.0", mem)
        dax = make_system_ram(region)
        r = cxl("enable-isolation", region, rc=1)
        assert "ISO-MEM-ONLINE" in r.root_ports()[port]["blockers"] and "ISO-MEM-ONLINE" in r.err and dax in r.err, r
        same(m.get(port, "stores"), 0, "stores")
        same(result(cxl("enable-isolation", "--require=debug", port), port), "done", "with --require=debug")
        cxl("disable-isolation", port)
        same(result(cxl("enable-isolation", "--override=ISO-MEM-ONLINE", port), port), "done", "overridden")
        cxl("enable-isolation", port, rc=1)  # already on, but unsafe
        run(THEIR_DAXCTL, "offline-memory", dax)
        same(result(cxl("enable-isolation", port), port), "already", "offline")
        make_devdax(region)
        rec = listing(port).root_ports()[port]
        same((rec["containment"], rec["blockers"]), ("recover", []), "containment")


@on("direct2x2")
def test_one_port_of_an_interleaved_region_is_refused_the_region_is_not():
    with fixed() as m:
        a, b = memdev(0x2001), memdev(0x2003)
        region = create_region("decoder0.2", a, b)
        make_devdax(region)
        ports = sorted((root_port(a), root_port(b)))
        r = cxl("enable-isolation", ports[0], rc=1)
        assert "ISO-INTERLEAVE" in r.root_ports()[ports[0]]["blockers"] and ports[1] in r.err, r
        same([m.get(p, "stores") for p in m.ports()], [0] * 4, "stores")
        r = cxl("enable-isolation", region)
        same({p: x["result"] for p, x in r.root_ports().items()}, {p: "done" for p in ports}, "results")
        same([p for p in m.ports() if m.get(p, "control") & ISOLATION], ports, "enabled ports")


@on("direct2x2")
def test_the_ports_of_a_region_are_rolled_back_together():
    with fixed() as m:
        a, b = memdev(0x2001), memdev(0x2002)
        region = create_region("decoder0.0", a, b)
        make_devdax(region)
        ports = sorted((root_port(a), root_port(b)))
        m.set(ports[1], "errno_isolation_ctrl", EBUSY)
        r = cxl("enable-isolation", region, rc=4)
        same(result(r, ports[0]), "rolled-back", "the first")
        same({m.get(p, "control") for p in ports}, {INTERRUPT}, "control")


@on("direct2x2")
def test_a_failure_on_one_port_of_many_is_exit_7():
    with fixed() as m:
        port = first()
        m.set(port, "errno_isolation_ctrl", EBUSY)
        r = cxl("enable-isolation", "root0", rc=7)
        same({p["root_port"]: p["result"] for p in r.json["root_ports"]},
             {p: "rolled-back" if p == port else "done" for p in m.ports()}, "results")


@on("direct1")
def test_the_port_is_removed_and_comes_back():
    """Its registers are as they were but for what discovery sets, and the tool works on it."""
    with fixed() as m:
        port = first()
        cxl("enable-isolation", "--timeout=D", port)
        write(PCI / port / "remove", 1)
        until("it is gone", lambda: not (PCI / port).exists())
        write("/sys/bus/pci/rescan", 1)
        until("its attributes are back", lambda: (PCI / port / "cxl_isolation").exists())
        m.mount(port)
        until("its memdev is back", lambda: names("mem"))
        bind_memdev(names("mem")[0])
        control = listing(port).root_ports()[port]["control"]["mem"]
        same((control["isolation"], control["timeout"]["enabled"], control["timeout"]["range"]), (False, False, "D"), "control")
        same(result(cxl("enable-isolation", port), port), "done", "result")
