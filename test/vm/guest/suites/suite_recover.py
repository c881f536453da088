# SPDX-License-Identifier: GPL-2.0-only
"""cxl recover-port on real kernels: isolation is the test kernel module's, all the rest is real.

QEMU's ports take their link down for a reset by the endpoint (cxl_bus) only: Link Disable does nothing there and slot
power deletes the device.
"""
import json
import pathlib
import subprocess

from guest import (CXL, DRIVERS, PCI, Module, Tree, create_region, cxl, dax_driver, endpoint, hold_pattern, holds, is_bound, listing,
                   make_devdax, make_system_ram, memdev, names, on, parent_port, read, remove_endpoint, root_port, same, until, write)

TOPOLOGIES = ("direct1", "direct2x2", "switch4", "loaded1")
STATE = pathlib.Path("/var/lib/cxl-isolation")


def view(r):
    """The listing without the numbers that a rescan changes."""
    tree = Tree("/")
    serial = {m: v["serial"] for m, v in r.memdevs().items()}
    ports = {p: [rec["control"], rec["status"]["state"], sorted(serial[m] for m in rec["memdevs"]), rec["bytes"]]
             for p, rec in r.root_ports().items()}
    regions = sorted([v["resource"], v["size"], v["state"], v["ways"], v["root_ports"], [dax_driver(d) for d in tree.dax(x)],
                      len(tree.online_blocks(x))] for x, v in r.regions().items())
    return {"ports": ports, "memdevs": sorted([v["serial"], v["host"], v["size"], v["state"]] for v in r.memdevs().values()),
            "regions": regions, "autoprobe": read("/sys/bus/dax/drivers_autoprobe")}


def check_done(r, before):
    same((r.rc, r.json["root_ports"][0]["result"]), (0, "done"), f"recover-port\n{r.err}")
    check_as(before)


def check_as(before):
    same(view(listing()), before, "the host afterwards")
    for region in names("region"):
        hold_pattern(region, b"recover!")
    same([str(p) for p in STATE.glob("[0-9a-f]*.json")], [], "journals that are left")


def isolate(m, port):
    """An access timed out; the host as it was before."""
    cxl("enable-isolation", "--timeout=B2", "root0")
    before = view(listing())
    m.set(port, "trigger", "timeout")
    same(listing().root_ports()[port]["status"]["state"], "isolated", port)
    return before


def show_times(r):
    record = r.json["root_ports"][0]
    print(json.dumps({"took_us": record["took_us"], "times": record["times"]}), flush=True)


# -- isolation ------------------------------------------------------------------------
@on("direct1", "loaded1")
def test_a_devdax_region_below_an_isolated_port_comes_back():
    with Module(fixed=True) as m:
        make_devdax(create_region("decoder0.0", memdev(0x1001)))
        port = root_port(memdev(0x1001))
        before = isolate(m, port)
        r = cxl("recover-port", port, rc=None)
        check_done(r, before)
        same(r.json["root_ports"][0]["link_method"], "cxl_bus", "how the link went down")
        # asked through its mailbox: QEMU's device has no such command
        same([text.split(": ")[1] for text in r.messages("HEALTH")], ["it has no such command"], "health")
        same(r.messages("STEP"), [], "steps that failed")
        show_times(r)
        m.set(port, "trigger", "timeout")
        check_done(cxl("recover-port", "--link-method=reset_subordinate", port, rc=None), before)


@on("direct2x2")
def test_a_region_over_two_root_ports_comes_back_and_its_neighbour_is_untouched():
    with Module(fixed=True) as m:
        one = [memdev(s) for s in (0x2001, 0x2002)]
        make_devdax(create_region("decoder0.0", *one))
        neighbour = create_region("decoder0.1", memdev(0x2003))
        make_devdax(neighbour)
        hold_pattern(neighbour, b"untouch!")
        before = isolate(m, root_port(one[0]))
        r = cxl("recover-port", root_port(one[0]), rc=None)
        same((neighbour in names("region"), holds(neighbour, b"untouch!")), (True, True), "the neighbour's region")
        check_done(r, before)
        show_times(r)


@on("direct2x2")
def test_a_region_over_two_host_bridges_comes_back():
    with Module(fixed=True) as m:
        mems = [memdev(s) for s in (0x2001, 0x2003)]
        make_devdax(create_region("decoder0.2", *mems))
        before = isolate(m, root_port(mems[1]))
        check_done(cxl("recover-port", root_port(mems[1]), rc=None), before)


@on("direct1")
def test_system_ram_is_refused_before_anything_is_touched():
    with Module(fixed=True) as m:
        region = create_region("decoder0.0", memdev(0x1001))
        make_devdax(region)
        port = root_port(memdev(0x1001))
        cxl("enable-isolation", "--timeout=B2", "root0")
        make_system_ram(region)
        before = view(listing())
        m.set(port, "trigger", "timeout")
        r = cxl("recover-port", port, rc=1)
        same(r.json["root_ports"][0]["blocker"], "ISO-MEM-ONLINE", r.err)
        m.set(port, "status", 0x3311)
        after = view(listing())
        for v in (before, after):
            del v["ports"]
        same(after, before, "the host afterwards")


def killed_after(step, port):
    """SIGKILL as soon as the progress says that this step is over; False: it came to its end before."""
    with subprocess.Popen([CXL, "recover-port", "--progress=json", port], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as p:
        for line in p.stderr:
            if line.startswith("{") and json.loads(line)["step"] >= step:
                p.kill()
                break
    return p.returncode < 0


def parts(region):
    """What it is cut into: (where in it, how much), size, align, driver, memmap_on_memory; numbers tell nothing."""
    start, found = int(read(f"/sys/bus/cxl/devices/{region}/resource"), 16), []
    for d in sorted(pathlib.Path(f"/sys/bus/cxl/devices/dax_{region}").glob("dax[0-9]*.*")):
        at = [tuple(int(read(m / end), 16) - start for end in ("start", "end")) for m in sorted(d.glob("mapping[0-9]*"))]
        if at:
            found.append((at, read(d / "size"), read(d / "align"), dax_driver(d.name), read(d / "memmap_on_memory")))
    return sorted(found)


def cut(region, *pieces):
    """Into (MiB from, MiB, driver) each, in the order of their numbers; the kernel's first one is the first."""
    top, start = f"/sys/bus/cxl/devices/dax_{region}", int(read(f"/sys/bus/cxl/devices/{region}/resource"), 16)
    first = f"dax{region.removeprefix('region')}.0"
    if dax_driver(first):
        write(f"/sys/bus/dax/drivers/{dax_driver(first)}/unbind", first)
    write(f"/sys/bus/dax/devices/{first}/size", "0")
    made = []
    for at, mib, driver in pieces:
        if made:
            write(f"{top}/dax_region/create", "1")
        dax = read(f"{top}/dax_region/create") if made else first
        write(f"/sys/bus/dax/devices/{dax}/mapping", f"{start + (at << 20):x}-{start + ((at + mib) << 20) - 1:x}")
        made.append((dax, driver))
    for dax, driver in made:
        if driver:
            write(f"/sys/bus/dax/drivers/{driver}/{'bind' if driver == 'kmem' else 'new_id'}", dax)
            if dax_driver(dax) != driver:   # as on 7.2 right after it appeared
                write(f"/sys/bus/dax/drivers/{driver}/{'bind' if driver == 'kmem' else 'new_id'}", dax)
        same(dax_driver(dax), driver, dax)


@on("direct1", "loaded1")
def test_a_region_comes_back_cut_as_it_was():
    """With a piece for kmem, which stays offline on a kernel that brings new memory online, and one for a file system where there is that driver."""
    fs = subprocess.run(["modprobe", "fsdev_dax"], capture_output=True, check=False).returncode == 0
    policy = "/sys/devices/system/memory/auto_online_blocks"
    was = read(policy)
    with Module(fixed=True) as m:
        region = create_region("decoder0.0", memdev(0x1001))
        make_devdax(region)
        write(policy, "offline")
        cut(region, (128, 32, "device_dax"), (0, 128, "kmem"), (192, 32, "fsdev_dax" if fs else None), (224, 16, "device_dax"))
        write(policy, "online_movable")
        port, before = root_port(memdev(0x1001)), parts(region)
        same(len(before), 4, "pieces")
        cxl("enable-isolation", "--timeout=B2", "root0")
        same(listing().root_ports()[port]["containment"], "recover", "containment")
        m.set(port, "trigger", "timeout")
        r = cxl("recover-port", port, rc=None)
        same((r.rc, r.json["root_ports"][0]["result"]), (0, "done"), f"recover-port\n{r.err}")
        region, = names("region")
        same(parts(region), before, "the pieces afterwards")
        same((read(policy), Tree("/").online_blocks(region), len(r.messages("FILE-SYSTEM"))), ("online_movable", [], int(fs)), "new memory")
        show_times(r)
        # given up midway, and killed
        m.set(port, "trigger", "timeout")
        for step in (44, 50, 56, 62):
            if killed_after(step, port) and any(STATE.glob("[0-9a-f]*.json")):
                same(cxl("recover-port", "--resume", port, rc=None).rc, 0, f"resumed after step {step}")
            region, = names("region")
            same((parts(region), read(policy)), (before, "online_movable"), f"the pieces after a kill at step {step}")
            m.set(port, "trigger", "timeout")
        same(cxl("recover-port", port, rc=None).rc, 0, "once more")
        write(policy, was)


def kill_and_resume(first):
    """At every third step from FIRST on."""
    with Module(fixed=True) as m:
        make_devdax(create_region("decoder0.0", memdev(0x1001)))
        port = root_port(memdev(0x1001))
        before = isolate(m, port)
        for step in range(first, 60, 3):
            if not killed_after(step, port):
                break
            if any(STATE.glob("[0-9a-f]*.json")):
                same(cxl("recover-port", "--resume", port, rc=None).rc, 0, f"resumed after step {step}")
            check_as(before)
            m.set(port, "trigger", "timeout")
        assert step > 25, f"only {step} steps"
        r = cxl("recover-port", port, rc=None)
        if r.rc:    # the last one was done but for its report
            same(view(listing()), before, "the host afterwards")


@on("direct1")
def test_killed_after_any_step_it_is_resumed_1():
    kill_and_resume(1)


@on("direct1")
def test_killed_after_any_step_it_is_resumed_2():
    kill_and_resume(2)


@on("direct1")
def test_killed_after_any_step_it_is_resumed_3():
    kill_and_resume(3)


# -- broken states, without isolation -----------------------------------------------------
@on("direct1", "loaded1")
def test_a_husk_whose_endpoint_is_gone_or_back_is_made_a_region_again():
    mem = memdev(0x1001)
    port, above = root_port(mem), parent_port(mem)
    make_devdax(create_region("decoder0.0", mem))
    before = view(listing())
    remove_endpoint(mem)
    check_done(cxl("recover-port", port, rc=None), before)
    remove_endpoint(memdev(0x1001))
    write(PCI / above / "rescan", 1)
    until("the memdev is back", lambda: names("mem") and is_bound(names("mem")[0]))
    check_done(cxl("recover-port", port, rc=None), before)


@on("direct1", "loaded1")
def test_a_port_reset_under_a_committed_region_gets_its_data_path_back():
    mem = memdev(0x1001)
    make_devdax(create_region("decoder0.0", mem))
    before = view(listing())
    write(PCI / endpoint(mem) / "reset_method", "cxl_bus")
    write(PCI / endpoint(mem) / "reset", 1)
    check_done(cxl("recover-port", "--force-healthy", root_port(mem), rc=None), before)


@on("switch4")
def test_one_endpoint_behind_the_switch_comes_back_with_the_region_over_all():
    mems = [memdev(s) for s in (0x3001, 0x3002, 0x3003, 0x3004)]
    port = root_port(mems[0])
    make_devdax(create_region("decoder0.0", *mems))
    before = view(listing())
    remove_endpoint(mems[2])
    write(PCI / parent_port(mems[0]) / "rescan", 1)
    r = cxl("recover-port", port, rc=None)
    check_done(r, before)
    show_times(r)


@on("switch4")
def test_all_behind_the_switch_is_taken_down_and_up():
    mems = [memdev(s) for s in (0x3001, 0x3002)]
    port = root_port(mems[0])
    make_devdax(create_region("decoder0.0", *mems))
    before = view(listing())
    check_done(cxl("recover-port", "--force-healthy", "--link-method=none", port, rc=None), before)


@on("switch4")
def test_an_isolated_port_above_a_switch_comes_back_with_all_that_is_below_it():
    with Module(fixed=True) as m:
        mems = [memdev(s) for s in (0x3001, 0x3002, 0x3003, 0x3004)]
        port = root_port(mems[0])
        make_devdax(create_region("decoder0.0", *mems))
        before = isolate(m, port)
        r = cxl("recover-port", "--link-method=link-disable", port, rc=None)
        same((r.rc, "--link-method=" in r.err), (4, True), f"Link Disable does nothing in QEMU\n{r.err}")
        r = cxl("recover-port", "--resume", "--link-method=reset_subordinate", port, rc=None)
        check_done(r, before)
        m.set(port, "trigger", "timeout")
        r = cxl("recover-port", port, rc=None)
        check_done(r, before)
        same(r.json["root_ports"][0]["link_method"], "reset_subordinate", "how the link went down")
        show_times(r)


# The last one: the port above loses the root port, and clean() binds it anew.
@on("direct1")
def test_zz_a_memdev_that_came_back_unbound_is_bound_again():
    mem = memdev(0x1001)
    port = root_port(mem)
    before = view(listing())
    write(PCI / port / "remove", 1)
    until(f"{mem} is gone", lambda: mem not in names("mem"))
    write("/sys/bus/pci/rescan", 1)
    until("the memdev is back", lambda: names("mem"))
    mem = names("mem")[0]
    if is_bound(mem):  # 7.2 sometimes finds the root port again: then by hand
        write(DRIVERS / "cxl_mem/unbind", mem)
    same(is_bound(mem), False, "the driver")
    check_done(cxl("recover-port", port, rc=None), before)
    same(DRIVERS.is_dir(), True, "drivers")
