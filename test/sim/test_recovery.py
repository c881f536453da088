# SPDX-License-Identifier: GPL-2.0-only
"""What taking a port down and bringing it back meets: links, resets, slots, devices that return otherwise."""
import json

import pytest

from simrun import CAPTURES, HOSTS, ISO, PCI, PORT, REGISTERS, python, read_log, run
from states import LIB
from test_config import CONFIG

ENDPOINT = f"{PCI}/0000:0d:00.0"
SLOT = "/sys/bus/pci/slots/2/power"
CXL = "/sys/bus/cxl/devices"

# For scripts inside: registers, config space, one word per attempt, contents of the memory.
TOOLS = REGISTERS.replace("fd =", "bar =").replace("(fd,", "(bar,") + CONFIG + f"""
import errno, mmap, subprocess, time
LD, SBR = 1 << 4, 1 << 6
say = print
def print(value): say(repr(value))
def store(path, text):
    fd = os.open(path, os.O_WRONLY)
    try: os.write(fd, text.encode()); return "ok"
    except OSError as e: return errno.errorcode[e.errno]
    finally: os.close(fd)
def show(path):
    with open(path) as f: return f.read().strip()
def ctl(*words): return subprocess.run([os.environ["SIM"], "ctl", *words], capture_output=True, text=True).returncode
def up(): return bool(c(pcie + 0x12) & 1 << 13)
def wait_for(state, ms=1000):
    end = time.monotonic() + ms / 1000
    while up() != state and time.monotonic() < end: time.sleep(0.005)
    return up() == state
def memory(write=None, dax="dax0.0"):
    with open("/dev/" + dax, "r+b") as f, mmap.mmap(f.fileno(), 4096) as m:
        if write: m[:len(write)] = write
        return bytes(m[:4])
def isolate():
    store("{ISO}/timeout_ctrl", "1"); store("{ISO}/isolation_ctrl", "1"); return ctl("timeout", "{PORT}")
def clear(): w(STATUS, r(STATUS) & ~(1 << 14))
def there(): return os.path.exists("{CXL}/mem0")
"""


def inside(script, *options, status=0):
    done = python(TOOLS + script, *options)
    assert done.returncode == status, done.stderr
    return [eval(line) for line in done.stdout.splitlines()]  # noqa: S307 (our own repr())


def violations(script, tmp_path, *options):
    """The reasons that are logged; without any the run succeeds."""
    log = tmp_path / "log"
    done = python(TOOLS + script, "--log", log, *options)
    found = [e["reason"] for e in read_log(log) if e["op"] == "violation"]
    assert done.returncode == (4 if found else 0) and "Traceback" not in done.stderr, done.stderr
    return found


@pytest.fixture
def host(tmp_path):
    def write(**members):
        base = json.loads((HOSTS / "direct1.json").read_text())
        path = tmp_path / "host.json"
        path.write_text(json.dumps({**base, "base": str(HOSTS / base["base"]), **members}))
        return path
    return write


# --- the link -------------------------------------------------------------------------------

def test_link_trains_by_itself_once_the_isolation_status_is_cleared():
    assert inside(f"""
store("{ISO}/isolation_ctrl", "1"); ctl("link-down", "{PORT}"); time.sleep(0.2); print(up()); clear(); print(up())
print(wait_for(True)); print(r(STATUS))
""") == [False, False, True, 0]


def test_link_that_the_port_forced_down_stays_down_until_the_status_is_cleared():
    assert inside("w(CTRL, r(CTRL) | 1 << 17); isolate(); time.sleep(0.2); print(up()); clear(); print(wait_for(True))") == [
        False, True]


def test_stuck_link_comes_up_by_nothing_but_link_up():
    assert inside(f"""
store("{ISO}/isolation_ctrl", "1"); ctl("link-down", "{PORT}", "stuck"); clear()
cw(UNMASK, 3); cw(LNKCTL, c(LNKCTL) | LD); time.sleep(0.05); cw(LNKCTL, c(LNKCTL) & ~LD); print(wait_for(True, 300))
print(store("{ENDPOINT}/reset", "1")); print(ctl("link-up", "{PORT}")); print(up())
""") == [False, "ENOTTY", 0, True]


def test_late_link_takes_that_much_longer_once():
    late, then = inside(f"""
store("{ISO}/isolation_ctrl", "1"); ctl("link-down", "{PORT}", "late", "400")
for i in range(2):
    clear(); start = time.monotonic(); wait_for(True, 3000); print(time.monotonic() - start); ctl("link-down", "{PORT}")
""")
    assert 0.4 < late < 2 and then < 0.4


def test_link_delays_are_the_host_s_choice(host):
    down, back = inside("""
cw(LNKCTL, c(LNKCTL) | LD); start = time.monotonic(); wait_for(False, 3000); print(time.monotonic() - start)
cw(LNKCTL, c(LNKCTL) & ~LD); start = time.monotonic(); wait_for(True, 3000); print(time.monotonic() - start)
""", "--host", host(root_ports={"*": {"link_down_ms": 200, "link_up_ms": 300, "unmask_link_disable": True}}))
    assert 0.15 < down < 1.5 and 0.25 < back < 1.5


@pytest.mark.parametrize("name,unmask,goes", (("direct1", 0, False), ("direct1", 1, False), ("direct1", 2, True),
                                              ("unmasked1", 3, True), ("masked1", 2, False)))
def test_link_disable_takes_the_link_down_where_it_is_unmasked(name, unmask, goes):
    assert inside(f"""
cw(UNMASK, {unmask}); cw(LNKCTL, c(LNKCTL) | LD); print(wait_for(False, 200)); print(r(STATUS))
cw(LNKCTL, c(LNKCTL) & ~LD); print(wait_for(True))
""", "--host", name) == [goes, 0, True]


def test_link_disable_isolates_where_that_is_enabled_and_the_host_lives():
    assert inside(f"""
store("{ISO}/isolation_ctrl", "1"); cw(LNKCTL, c(LNKCTL) | LD); print(wait_for(False)); print(r(STATUS))
clear(); print(r(STATUS)); print(wait_for(True, 100)); cw(LNKCTL, c(LNKCTL) & ~LD); print(wait_for(True))
""", "--host", "unmasked1") == [True, 0x300, 0, False, True]


def test_retrain_brings_a_failed_link_back_and_the_event_cannot_overcome_link_disable():
    assert inside(f"""
cw(LNKCTL, c(LNKCTL) | LD); wait_for(False); print(ctl("link-up", "{PORT}")); cw(LNKCTL, c(LNKCTL) & ~LD); wait_for(True)
store("{ISO}/isolation_ctrl", "1"); ctl("link-down", "{PORT}"); print(wait_for(True, 100))
cw(LNKCTL, c(LNKCTL) | 1 << 5); print(wait_for(True)); print(c(LNKCTL) >> 5 & 1)
""", "--host", "unmasked1") == [4, False, True, 0]


def test_endpoint_behind_a_link_that_is_down_reads_all_ones_and_cannot_be_used():
    assert inside(f"""
store("{ISO}/isolation_ctrl", "1"); ctl("link-down", "{PORT}")
print(set(open("{ENDPOINT}/config", "rb").read())); store("{CXL}/region0/commit", "0"); print(store("{CXL}/region0/commit", "1"))
store("/sys/bus/cxl/drivers/cxl_mem/unbind", "mem0"); print(store("/sys/bus/cxl/drivers/cxl_mem/bind", "mem0"))
""") == [{0xff}, "EIO", "ENXIO"]


# --- resets ---------------------------------------------------------------------------------

AFTER = f"""
print(there()); print(show("{CXL}/region0/commit")); print(os.path.basename(os.readlink("{CXL}/mem0/driver")))
memory(b"lost"); print(memory())
"""
LOST = [True, "1", "cxl_mem", b"\0\0\0\0"]
REMAKE = LIB + "[ ! -e $S/region0 ] || echo region0 > $S/decoder0.0/delete_region; mkregion ram decoder0.0 $(basename $S/mem*)"


def remake():
    return f"print(subprocess.run(['sh', '-c', {REMAKE!r}], capture_output=True, text=True).returncode)\n"


@pytest.mark.parametrize("name,file", (("direct1", f"{ENDPOINT}/reset"), ("unmasked1", f"{ENDPOINT}/reset"),
                                       ("unmasked1", f"{PCI}/{PORT}/reset_subordinate")))
def test_reset_below_a_committed_region_leaves_everything_but_the_data(name, file):
    """As measured: the memory device never leaves, commit is 1, reads give 0 and writes are lost."""
    assert inside(f'print(memory(b"kept")); print(store("{file}", "1"))' + AFTER + remake(), "--host", name) == [
        b"kept", "ok", *LOST, 0]


def test_region_made_anew_after_a_reset_holds_what_is_written_again():
    assert inside(f"""store("{ENDPOINT}/reset", "1")\n{remake()}
dax = [n for n in os.listdir("/dev") if n.startswith("dax")][0]
store("/sys/bus/dax/drivers/kmem/unbind", dax); store("/sys/bus/dax/drivers/device_dax/new_id", dax)
memory(b"good", dax); print(memory(dax=dax))""") == [0, b"good"]


def test_reset_subordinate_does_nothing_while_it_is_masked():
    assert inside(f'memory(b"kept"); print(store("{PCI}/{PORT}/reset_subordinate", "1")); print(up()); print(memory())') == [
        "ok", True, b"kept"]


def test_reset_by_a_raw_write_takes_the_base_addresses_too():
    """As measured: the same, and making the region again fails with ETIMEDOUT until the endpoint was found anew."""
    assert inside(f"""
bars = lambda: open("{ENDPOINT}/config", "rb").read()[0x10:0x28]
before = bars(); cw(BRIDGE, c(BRIDGE) | SBR); print(up()); cw(BRIDGE, c(BRIDGE) & ~SBR); print(wait_for(True))
print(any(before)); print(any(bars()))
{AFTER}
store("{CXL}/region0/commit", "0"); print(store("{CXL}/region0/commit", "1"))
store("{ENDPOINT}/remove", "1"); store("{PCI}/{PORT}/rescan", "1"); print(any(bars()))
{remake()}""", "--host", "unmasked1") == [False, True, True, False, *LOST, "ETIMEDOUT", True, 0]


def test_reset_of_a_bus_with_isolation_on_isolates_by_link_down():
    assert inside(f"""
store("{ISO}/isolation_ctrl", "1"); print(store("{ENDPOINT}/reset", "1")); print(r(STATUS)); print(up())
""") == ["ok", 0x300, True]


def test_function_level_reset_keeps_the_decoders(host):
    assert inside(f'memory(b"kept"); print(store("{ENDPOINT}/reset", "1")); print(memory())', "--host",
                  host(files={f"sys/bus/pci/devices/{ENDPOINT[-12:]}/reset_method": "flr bus cxl_bus\n"})) == ["ok", b"kept"]


def test_link_that_was_down_loses_the_decoders_like_a_reset():
    assert inside(f"""
cw(LNKCTL, c(LNKCTL) | LD); wait_for(False); cw(LNKCTL, c(LNKCTL) & ~LD); wait_for(True)
{AFTER}""", "--host", "unmasked1") == LOST


# --- slots ----------------------------------------------------------------------------------

def test_slot_power_takes_link_and_devices_and_brings_them_back():
    assert inside(f"""
print(store("{SLOT}", "0")); print(up()); print(there()); print(show("{SLOT}"))
print(store("{SLOT}", "1")); print(up()); print(there()); print(show("{SLOT}"))
""") == ["ok", False, False, "0", "ok", True, True, "1"]


@pytest.mark.parametrize("prepare", (f'store("{ISO}/isolation_ctrl", "1"); ctl("link-down", "{PORT}", "stuck")',
                                     'ctl("returns", "0000:0d:00.0", "never")'))
def test_slot_whose_link_or_device_does_not_come_back_answers_enodev_and_is_off(prepare):
    assert inside(f"""
{prepare}; print(store("{SLOT}", "0")); print(store("{SLOT}", "1")); print(show("{SLOT}")); print(up())
""") == ["ok", "ENODEV", "0", False]


# --- how devices return ---------------------------------------------------------------------

REPLUG = f'store("{ENDPOINT}/remove", "1"); store("{PCI}/{PORT}/rescan", "1")'


def test_device_returns_with_another_serial_number():
    assert inside(f"""
print(ctl("returns", "0000:0d:00.0", "serial", "0x9999")); {REPLUG}; print(show("{CXL}/mem0/serial")); {REPLUG}
print(show("{CXL}/mem0/serial"))""") == [0, "0x9999", "0x9999"]


def test_device_returns_late_and_then_bound():
    assert inside(f"""
ctl("returns", "0000:0d:00.0", "late", "200"); {REPLUG}; print(there()); print(os.path.exists("{ENDPOINT}"))
time.sleep(0.4); print(os.path.basename(os.readlink("{CXL}/mem0/driver"))); print(os.path.exists("/dev/cxl/mem0"))
""") == [False, True, "cxl_mem", True]


@pytest.mark.parametrize("script,seen", [
    # without driver when its time comes, and long after: it is there once the driver is back
    ("store(DRIVER + 'unbind', A); time.sleep(0.5); print(there()); print(store(DRIVER + 'bind', A)); print(there())", [False, "ok", True]),
    # the driver is back before: it looks anew
    ("store(DRIVER + 'unbind', A); print(store(DRIVER + 'bind', A)); print(there()); time.sleep(0.5); print(there())", ["ok", True, True]),
    # removed before: it is found with its function, and late again
    (f"{REPLUG}; print(there()); time.sleep(0.5); print(there())", [False, True]),
])
def test_device_that_is_late_is_there_once_its_function_has_its_driver(script, seen):
    assert inside(f"""
DRIVER, A = "/sys/bus/pci/drivers/cxl_pci/", "0000:0d:00.0"
ctl("returns", A, "late", "300"); {REPLUG}; print(there()); {script}; print(sorted(f for f in os.listdir("{ENDPOINT}") if f.startswith("mem")))
""") == [False, *seen, ["mem0"]]


def test_device_never_returns_until_it_is_allowed_to():
    assert inside(f"""
ctl("returns", "0000:0d:00.0", "never"); {REPLUG}; print(os.path.exists("{ENDPOINT}")); store("/sys/bus/pci/rescan", "1")
print(there()); ctl("returns", "0000:0d:00.0", "as-before"); store("/sys/bus/pci/rescan", "1"); print(there())
""") == [False, False, True]


CXL_PCI = "/sys/bus/pci/drivers/cxl_pci"
BOUND = f'os.path.exists("{ENDPOINT}/driver")'


def test_device_returns_without_driver_until_it_is_bound():
    assert inside(f"""
print(ctl("returns", "0000:0d:00.0", "unbound")); {REPLUG}; print(os.path.exists("{ENDPOINT}")); print({BOUND}); print(there())
store("{PCI}/{PORT}/rescan", "1"); print({BOUND}); print(store("{CXL_PCI}/bind", "0000:0d:00.0")); print({BOUND})
print(os.path.basename(os.readlink("{CXL}/mem0/driver"))); print(os.path.exists("/dev/cxl/mem0")); print(store("{CXL_PCI}/bind", "0000:0d:00.0"))
{REPLUG}; print(there())
""") == [0, True, False, False, False, "ok", True, "cxl_mem", True, "EBUSY", True]


def test_probe_fails_as_often_as_it_is_to_and_what_is_removed_meanwhile_is_found_whole():
    assert inside(f"""
ctl("returns", "0000:0d:00.0", "unbound", "2"); {REPLUG}; print(store("{CXL_PCI}/bind", "0000:0d:00.0")); print(there()); {REPLUG}; print(there())
print(store("{CXL_PCI}/bind", "{PORT}")); print(store("{CXL_PCI}/bind", "0000:99:00.0"))
""") == ["EIO", False, True, "ENODEV", "ENODEV"]


def test_driver_lets_a_device_go_and_takes_it_again():
    assert inside(f"""
print(store("{CXL_PCI}/unbind", "0000:0d:00.0")); print(there()); print(os.path.exists("/dev/cxl/mem0")); print({BOUND}); print(show("{CXL}/region0/commit"))
print(store("{CXL_PCI}/bind", "0000:0d:00.0")); print(there())
""") == ["ok", False, False, False, "0", "ok", True]


def test_device_that_is_pulled_out_leaves_a_husk_and_is_found_again():
    assert inside(f"""
print(ctl("surprise-remove", "0000:0d:00.0")); print(there()); print(show("{CXL}/region0/commit"))
store("{PCI}/{PORT}/rescan", "1"); print(there())
""") == [0, False, "0", True]


@pytest.mark.parametrize("name,gone", (
    ("*/region0/commit", "0000:0d:00.0"), ("*/dax0.0/target_node", "0000:0d:00.0"), ("*/endpoint2/modalias", "0000:0d:00.0"),
    ("*/mem0/serial", "0000:0d:00.0"), (f"*/{PORT}/vendor", "0000:0d:00.0"), ("*/drivers/cxl_mem/uevent", "0000:0d:00.0")))
def test_vanish_fault_pulls_the_endpoint_out_and_a_rescan_brings_it_back(name, gone):
    done = run(f"""chmod u+r /sys/bus/cxl/drivers/cxl_mem/uevent
cat {CXL}/region0/commit {CXL}/region0/dax_region0/dax0.0/target_node {CXL}/endpoint2/modalias {CXL}/mem0/serial {PCI}/{PORT}/vendor \
/sys/bus/cxl/drivers/cxl_mem/uevent > /dev/null 2>&1; [ -e {PCI}/{gone} ] || echo gone; echo 1 > /sys/bus/pci/rescan
[ -e {PCI}/{gone}/mem0/driver ] && echo back""", "--fault", f"read@{name}:1=vanish")
    assert done.stdout.split() == ["gone", "back"], done


# --- by itself ------------------------------------------------------------------------------

def bound(name="mem0"):
    return f'print(os.path.exists("{CXL}/{name}/driver"))\n'


def test_memory_device_is_detached_some_time_after_its_endpoint_lost_its_driver():
    assert inside(f"""
store("/sys/bus/cxl/drivers/cxl_port/unbind", "endpoint2")
{bound("endpoint2")}{bound()}print(show("{CXL}/region0/commit")); time.sleep(0.2)
{bound()}print(os.path.exists("{CXL}/endpoint2"))""") == [False, True, "0", False, False]


def test_flush_waits_for_memory_devices_that_are_being_detached():
    assert inside(f"""
store("/sys/bus/cxl/drivers/cxl_port/unbind", "endpoint2"); store("/sys/bus/cxl/flush", "1")
{bound()}""") == [False]


# --- leaving isolation ----------------------------------------------------------------------

TEARDOWN = f'store("{CXL}/decoder0.0/delete_region", "region0"); store("{ENDPOINT}/remove", "1")'


@pytest.mark.parametrize("down,found", (
    ("pass", ["0000:0d:00.0 was enumerated below 0000:0c:00.0, which isolated and whose link was not down since"]),
    ("cw(UNMASK, 2); cw(LNKCTL, c(LNKCTL) | LD); wait_for(False); cw(LNKCTL, c(LNKCTL) & ~LD)", []),
    ("cw(UNMASK, 1); cw(BRIDGE, c(BRIDGE) | SBR); cw(BRIDGE, c(BRIDGE) & ~SBR)", []),
    (f'store("{SLOT}", "0"); store("{SLOT}", "1")', []),
))
def test_devices_are_found_again_only_after_the_link_was_down(down, found, tmp_path):
    script = f"isolate(); {TEARDOWN}\n{down}; clear(); wait_for(True); store('{PCI}/{PORT}/rescan', '1'); print(there())"
    assert violations(script, tmp_path) == found


def test_region_on_a_port_that_left_isolation_without_a_link_down_is_a_violation(tmp_path):
    assert violations(f"isolate(); clear(); store('{CXL}/region0/commit', '0'); store('{CXL}/region0/commit', '1')", tmp_path) == [
        "region0 was committed below 0000:0c:00.0, which isolated and whose link was not down since"]


def test_isolation_caused_by_a_link_down_needs_no_other(tmp_path):
    assert violations(f"store('{ISO}/isolation_ctrl', '1'); ctl('link-down', '{PORT}'); {TEARDOWN}; clear(); wait_for(True)\n"
                      f"store('{PCI}/{PORT}/rescan', '1')", tmp_path) == []


@pytest.mark.parametrize("down", ("cw(LNKCTL, c(LNKCTL) | LD)", "cw(BRIDGE, c(BRIDGE) | SBR)", f'store("{SLOT}", "0")',
                                  f'store("{ENDPOINT}/reset", "1")', f'store("{PCI}/{PORT}/reset_subordinate", "1")'))
def test_taking_the_link_down_while_the_memory_is_mapped_is_a_violation(down, tmp_path):
    (found,) = violations(f"ctl('map', 'dax0.0', 'idle'); {down}; time.sleep(0.05)", tmp_path, "--host", "unmasked1")
    assert found.startswith("the link of 0000:0c:00.0 was taken down while process ") and found.endswith(
        "(dax-user) mapped dax0.0")
    assert violations(f"ctl('map', 'dax0.0', 'idle'); ctl('unmap', 'dax0.0'); {down}; time.sleep(0.05)", tmp_path, "--host",
                      "unmasked1") == []


def test_taking_the_link_down_while_memory_is_system_ram_is_a_violation(tmp_path):
    assert violations(f'store("{SLOT}", "0")', tmp_path, "--host", "sysram1") == [
        "the link of 0000:0c:00.0 was taken down while memory of dax0.0 was online as System RAM"]


def test_port_isolates_again_after_it_was_cleared():
    assert inside(f"""
isolate(); clear(); print(r(STATUS)); print(ctl("timeout", "{PORT}")); print(r(STATUS))
clear(); print(ctl("link-down", "{PORT}")); print(r(STATUS))
""") == [0, 0, 0x101, 0, 0x300]


def test_second_isolation_by_a_fault_strikes_after_the_first_was_cleared():
    assert inside(f"isolate(); clear(); show('{PCI}/{PORT}/vendor'); print(r(STATUS))", "--fault",
                  f"read@*/{PORT}/vendor:1=isolate") == [0x101]


def test_memory_of_a_region_made_on_an_isolated_port_is_dead():
    assert inside(f"""
isolate(); store("{CXL}/region0/commit", "0"); cw(UNMASK, 1); cw(BRIDGE, c(BRIDGE) | SBR); cw(BRIDGE, c(BRIDGE) & ~SBR); wait_for(True)
store("{ENDPOINT}/remove", "1"); store("{PCI}/{PORT}/rescan", "1")
{remake()}print(os.stat("/dev/" + [n for n in os.listdir("/dev") if n.startswith("dax")][0]).st_size)""") == [0, 0]


# --- all of it ------------------------------------------------------------------------------

def test_isolated_port_is_brought_back_with_its_region_and_data_path(tmp_path):
    script = f"""
memory(b"old!"); isolate(); {TEARDOWN}
print(store("{SLOT}", "0")); clear(); print(store("{SLOT}", "1")); print(there()); print(r(STATUS))
{remake()}
dax = [n for n in os.listdir("/dev") if n.startswith("dax")][0]
store("/sys/bus/dax/drivers/kmem/unbind", dax); store("/sys/bus/dax/drivers/device_dax/new_id", dax)
memory(b"new!", dax); print(memory(dax=dax)); store("{ISO}/isolation_ctrl", "1"); print(show("{ISO}/isolation_ctrl"))
"""
    assert inside(script) == ["ok", "ok", True, 0, 0, b"new!", "1"]
    assert violations(script, tmp_path) == []


def test_neighbour_s_region_keeps_its_data_throughout():
    """Two regions behind two bridges: one port goes down and comes back."""
    options = ("--host", CAPTURES / "direct2x2-6.12-two-regions.tar.xz", "--kernel", "v1-fixed")
    assert inside(f"""
other = "/sys/bus/pci/devices/0000:de:00.0/cxl_isolation/isolation_ctrl"
memory(b"kept"); store(other, "1"); subprocess.run("daxctl reconfigure-device -f -m devdax dax1.0", shell=True, capture_output=True)
print(ctl("link-down", "0000:de:00.0")); print(memory()); print(show("{CXL}/region0/commit"))""", *options) == [0, b"kept", "1"]


# --- dax bus --------------------------------------------------------------------------------

def test_new_dax_device_gets_no_driver_while_autoprobe_is_off():
    assert inside(f"""
A = "/sys/bus/dax/drivers_autoprobe"; print(show(A)); print(store(A, "0")); print(show(A))
store("{CXL}/region0/commit", "0"); store("{CXL}/region0/commit", "1"); store("/sys/bus/cxl/drivers/cxl_region/bind", "region0")
print(os.path.exists("/sys/bus/dax/devices/dax0.0/driver")); print(store("/sys/bus/dax/drivers_probe", "dax0.0"))
print(os.path.exists("/sys/bus/dax/devices/dax0.0/driver")); print(store(A, "1")); print(show(A))
print(store("/sys/bus/dax/drivers_probe", "dax9.0"))
""") == ["1", "ok", "0", False, "ok", True, "ok", "1", "ENODEV"]
