# SPDX-License-Identifier: GPL-2.0-only
"""cxl recover-port on simulated hosts: what comes back, what is refused before the first write, what returns otherwise."""
import json
import os
import pathlib
import pty
import re
import select
import subprocess

import pytest

from lib import schema
from lib.cli import CXL, ROOT, SIM, Session, hold_lock, host_file
from lib.recovering import ENDPOINT, FAIL, PORT, STATE, cxl_writes, failed, journals, make_region, refused, states, timed_out, view

OTHER = "0000:de:00.0"
BY_SERIAL = {"direct1": 1, "interleave2": 2, "switch4": 4}


# -- what it is for ---------------------------------------------------------------
@pytest.mark.parametrize("host", BY_SERIAL)
def test_after_a_link_down_everything_is_as_it_was(host):
    s = failed(host).cxl("recover-port", PORT).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    before, recovered, after, left = s[1], s[3], s[4], s[5]
    assert recovered.rc == 0, str(recovered)
    assert view(before) == view(after)
    record = recovered.json["root_ports"][0]
    assert record["result"] == "done" and record["changed"] and record["link_method"] == "forced" and record["tries"] == 1
    assert set(states(recovered)) <= {"done", "skipped"}
    assert len(record["devices"]) == BY_SERIAL[host] and all(d["now"] for d in record["devices"])
    assert all(r["now"] for r in record["regions"]) and len(record["regions"]) == 1
    assert record["before"] == record["after"]
    assert len(record["times"]) == len(record["plan"]) and record["took_us"] >= max(t["took_us"] for t in record["times"])
    assert not journals(left), "the journal is left"


def test_a_dry_run_names_every_step_in_order_and_writes_nothing():
    s = failed("direct1").cxl("recover-port", "-n", PORT).sh(f"ls {STATE} 2>&1").cxl("recover-port", PORT).run()
    dry, left, real = s[3], s[4], s[5]
    assert dry.rc == 0 and not cxl_writes(dry.log)
    assert not journals(left)
    assert dry.json["root_ports"][0]["result"] == "planned" and not dry.json["root_ports"][0]["changed"]
    assert set(states(dry)) == {"planned"}
    planned = [(p["op"], p["timeout_us"], p["when"]) for p in dry.json["root_ports"][0]["plan"]]
    assert planned == [(p["op"], p["timeout_us"], p["when"]) for p in real.json["root_ports"][0]["plan"]]
    # every write of the run is a step, in the plan's order (the log has paths without links)
    def short(path):
        return "/".join(path.split("+")[0].split("/")[-2:])
    steps = iter([short(p["path"]) for p in real.json["root_ports"][0]["plan"] if p["state"] == "done"])
    for path, _ in cxl_writes(real.log):
        assert short(path) in steps, f"{path} was written out of the plan's order"


def test_regions_go_before_their_devices_and_the_root_port_stays():
    r = failed("direct1").cxl("recover-port", PORT).run()[-1]
    paths = [p for p, _ in cxl_writes(r.log)]
    order = [next(i for i, p in enumerate(paths) if p.endswith(end)) for end in
             ("device_dax/unbind", "cxl_region/unbind", "/delete_region", "cxl_mem/unbind", f"{ENDPOINT}/remove", f"{PORT}/rescan",
              "/create_ram_region", "cxl_region/bind", "device_dax/new_id")]
    assert order == sorted(order)
    assert not any(p.endswith(f"{PORT}/remove") for p in paths)


def test_new_memory_never_meets_kmem_and_other_dax_devices_have_drivers_again():
    s = failed("direct1").cxl("recover-port", PORT).sh("cat /sys/bus/dax/drivers_autoprobe").run()
    log = cxl_writes(s[3].log)
    off, bound, on = (log.index(w) for w in [("/sys/bus/dax/drivers_autoprobe", "0"), ("/sys/bus/dax/drivers/device_dax/new_id", "dax0.0"),
                                             ("/sys/bus/dax/drivers_autoprobe", "1")])
    assert off < bound < on
    assert not any("kmem" in p or "/memory/" in p for p, _ in log)
    assert s[4].text.strip() == "1"


def test_a_dax_device_that_had_no_driver_has_none_afterwards_and_its_memory_never_came_online():
    unbound = "echo online >/sys/devices/system/memory/auto_online_blocks; echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind; " \
        "echo dax0.0 >/sys/bus/dax/drivers/device_dax/remove_id"
    s = Session("direct1", before=unbound).cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(FAIL).cxl("recover-port", PORT) \
        .cxl("list", "--isolation").daxctl("list", "--isolation").run()
    before, r, after, dax = s[1], *s[3:]
    assert r.rc == 0, str(r)
    assert not r.messages(code="ISO-AUTO-ONLINE"), str(r)
    assert (dax.dax()["dax0.0"]["mode"], dax.dax()["dax0.0"]["driver"], view(after)) == ("unbound", None, view(before)), str(dax)
    written = cxl_writes(r.log)
    # proved all the same, and the next device of that name is not device_dax's
    assert written.index(("/sys/bus/dax/drivers/device_dax/new_id", "dax0.0")) < written.index(("/sys/bus/dax/drivers/device_dax/remove_id", "dax0.0"))
    assert [p["state"] for p in r.json["root_ports"][0]["plan"] if p["op"] == "pattern"] == ["done"]


def test_an_interleaved_region_is_taken_down_and_rebuilt_also_on_the_other_root_port():
    s = failed("interleave2").cxl("recover-port", "-n", PORT).cxl("recover-port", PORT).run()
    devices = s[4].json["root_ports"][0]["devices"]
    assert [d["below"] for d in devices] == [True, False]
    paths = [p["path"] for p in s[3].json["root_ports"][0]["plan"]]
    region = s[4].json["root_ports"][0]["regions"][0]["was"]
    assert all(any(f"{{{region}/target{i}}}" in p for p in paths) for i in (0, 1))
    # the other port's device keeps its place
    assert not any("/0000:de:" in p and p.endswith("/remove") for p, _ in cxl_writes(s[4].log))


BIG = {f"sys/bus/cxl/devices/mem{i}/ram/size": "0x40000000\n" for i in range(4)}


# (what is made in this order, what is destroyed again, whether region0 of the first root port can be made again)
@pytest.mark.parametrize("made,gone,can", [
    ([("decoder0.0", "mem2"), ("decoder0.0", "mem0")], "", True),               # the other one of the host bridge is lower
    ([("decoder0.0", "mem0"), ("decoder0.0", "mem2")], "", False),              # higher
    ([("decoder0.0", "mem0"), ("decoder0.1", "mem1")], "", True),               # higher, on another host bridge
    ([("decoder0.0", "mem0"), ("decoder0.0", "mem0")], "", True),               # both go
    ([("decoder0.0", "mem2"), ("decoder0.0", "mem2"), ("decoder0.0", "mem0")], "region0", False),   # lower, but a gap is lower still
    ([("decoder0.2", "mem0 mem1"), ("decoder0.2", "mem2 mem1")], "", False),    # behind the other root port of the region
])
def test_a_region_that_the_order_of_addresses_keeps_from_being_made_again_is_found_before_anything_is_touched(made, gone, can, tmp_path):
    s = Session(host_file(tmp_path, "direct2x2-6.12-noregion", files=BIG)).cxl("enable-isolation", "root0")
    s.sh("; ".join(make_region(window, memdevs.split()) for window, memdevs in made))
    if gone:
        s.sh(f"echo {gone} >/sys/bus/cxl/devices/decoder0.0/delete_region")
    s.cxl("list", "--isolation").sh(FAIL).cxl("recover-port", PORT).cxl("list", "--isolation")
    if not can:
        r = s.cxl("recover-port", "--no-rebuild", PORT).run()
        before, refused_, rebuilt = r[-5], r[-3], r[-1]
        assert refused_.rc == 1 and refused_.json["root_ports"][0]["blocker"] == "ISO-DECODER-ORDER" and not cxl_writes(refused_.log), str(refused_)
        assert "is at a higher address behind the same host bridge" in refused_.err and "--no-rebuild" in refused_.err
        assert len(before.regions()) == len(made) - bool(gone) and rebuilt.rc == 0, str(rebuilt)
        return
    before, _, r, after = s.run()[-4:]
    assert r.rc == 0 and len(before.regions()) == len(made), str(r)
    assert before.regions() == after.regions()


def test_without_rebuild_port_and_devices_return_but_no_region():
    s = failed("direct1").cxl("recover-port", "--no-rebuild", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 0
    rp = s[4].root_ports()[PORT]
    assert rp["memdevs"] == ["mem0"] and rp["regions"] == [] and rp["control"]["mem"]["isolation"] is True
    assert rp["status"]["state"] == "normal"


def test_progress_is_one_json_line_per_step_and_nothing_without_a_terminal():
    s = failed("direct1").cxl("recover-port", "--progress=json", PORT).sh(FAIL).cxl("recover-port", PORT).run()
    lines = [json.loads(line) for line in s[3].err.splitlines()]
    for line in lines:
        schema.validate("cxl-recover-progress", line)
    assert [x["step"] for x in lines] == list(range(1, lines[0]["steps"] + 1))
    assert s[5].rc == 0 and s[5].err == ""


def on_a_terminal(command):
    """Exit status, text, and the text whenever nothing was added to it for 0.3 s."""
    outside, inside = pty.openpty()
    with subprocess.Popen([SIM, "run", "--host", "direct1", "--", "sh", "-c", command], stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=inside) as p:
        os.close(inside)
        text, pauses = b"", []
        try:
            while True:
                if not select.select([outside], [], [], 0.3)[0]:
                    pauses.append(text.decode())
                if not (got := os.read(outside, 4096)):
                    break
                text += got
        except OSError:     # the other end is closed
            pass
    return p.returncode, text.decode(), pauses


def test_where_lines_are_asked_for_each_step_is_one_with_its_time():
    rc, text, _ = on_a_terminal(f"{CXL} enable-isolation root0 && {FAIL} && {CXL} recover-port --progress=lines {PORT}")
    assert rc == 0
    lines = [x.strip() for x in text.splitlines() if re.match(r"\[\d+/\d+\]", x)]
    assert len(lines) > 20 and all(re.match(r"\[\d+/\d+\] .* \.\.\. (done|already so) \d+\.\d s$", x) for x in lines), lines


def test_on_a_terminal_what_is_waited_for_is_named_meanwhile():
    rc, text, pauses = on_a_terminal(f"{CXL} enable-isolation root0 && {FAIL} && "
                                     f"{SIM} ctl returns {ENDPOINT} never && {CXL} recover-port --timeout=1s {PORT}")
    assert rc == 6 and any(re.search(r"\] wait for mem0 \(0x1001\) \.\.\.$", x) for x in pauses), (rc, text)
    assert re.search(r"\] wait for mem0 \(0x1001\) \.\.\.\r\x1b\[Kcxl recover-port: ", text), text


# -- what is accepted and binds nothing ------------------------------------------------
PORT_LOST = f"echo 1 >/sys/bus/pci/devices/{PORT}/remove; echo 1 >/sys/bus/pci/rescan"


@pytest.mark.parametrize("wrong", ["drop", "ENODEV"])
@pytest.mark.parametrize("write", ["cxl_region/bind", "device_dax/new_id"])
def test_a_driver_that_was_offered_a_device_in_vain_is_offered_it_again(write, wrong):
    s = failed("direct1").sh(f"{SIM} ctl fault 'write@*/{write}:1={wrong}'").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 0 and view(s[1]) == view(s[5]), str(s[4])
    assert [p.endswith(write) for p, _ in cxl_writes(s[4].log)].count(True) == 2
    assert s[4].json["root_ports"][0]["tries"] == 1


@pytest.mark.parametrize("wrong", ["drop", "ENODEV"])
@pytest.mark.parametrize("write", ["cxl_mem/bind", "cxl_port/bind"])
def test_so_is_the_driver_of_a_memory_device_or_a_port(write, wrong):
    s = Session("direct1").sh(PORT_LOST).sh(f"{SIM} ctl fault 'write@*/{write}:1={wrong}'").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[2].rc == 0 and [m["state"] for m in s[3].memdevs().values()] == ["enabled"], str(s[2])
    assert [p.endswith(write) for p, _ in cxl_writes(s[2].log)].count(True) == 2


@pytest.mark.long
def test_a_driver_that_never_takes_a_device_is_offered_it_no_more_than_a_few_times():
    s = failed("direct1").sh(f"{SIM} ctl fault 'write@*/device_dax/new_id:1+=drop'").cxl("recover-port", PORT).run()
    assert s[4].rc == 4 and "did not read back as expected in time" in s[4].err, str(s[4])
    assert 3 < [p.endswith("device_dax/new_id") for p, _ in cxl_writes(s[4].log)].count(True) < 12


# -- how the link is taken down ------------------------------------------------------
@pytest.mark.parametrize("host,asked,taken", [
    ("direct1", "auto", "cxl_bus"), ("direct1", "cxl_bus", "cxl_bus"), ("direct1", "link-disable", "link-disable"),
    ("direct1", "slot-power", "slot-power"), ("interleave2", "auto", "cxl_bus"), ("switch4", "auto", "reset_subordinate"),
    ("switch4", "link-disable", "link-disable"), ("direct1", "reset_subordinate", "reset_subordinate"), ("unmasked1", "reset_subordinate", "reset_subordinate"),
    ("switch4", "slot-power", "slot-power"), ("unmasked1", "link-disable", "link-disable")])
def test_a_link_that_is_up_is_taken_down_by_what_the_port_offers(host, asked, taken):
    s = timed_out(host).cxl("recover-port", f"--link-method={asked}", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 0, str(s[3])
    assert s[3].json["root_ports"][0]["link_method"] == taken
    assert view(s[1]) == view(s[4])


@pytest.mark.parametrize("host", ["direct1", "interleave2", "switch4"])
def test_a_healthy_port_can_be_taken_down_and_up(host):
    s = Session(host).cxl("enable-isolation", "root0").cxl("list", "--isolation").cxl("recover-port", "--force-healthy", PORT) \
        .cxl("list", "--isolation").run()
    assert s[2].rc == 0 and view(s[1]) == view(s[3]), str(s[2])


@pytest.mark.parametrize("method", ["link-disable", "reset_subordinate"])
def test_what_was_masked_is_masked_again(method):
    masks = f"od -An -tx2 -j348 -N2 /sys/bus/pci/devices/{PORT}/config"
    s = timed_out("direct1").sh(masks).cxl("recover-port", f"--link-method={method}", PORT).sh(masks).run()
    assert s[4].rc == 0 and s[3].text == s[5].text


def test_a_method_that_fails_is_not_the_last_one():
    """Link Disable that does not take: resumed with slot power, after a method that this port has not."""
    s = timed_out("direct1").sh(f"{SIM} ctl fault 'write@*{PORT}/config:2+=EIO'").cxl("recover-port", "--link-method=link-disable", PORT) \
        .cxl("recover-port", "--resume", "--link-method=cxl_bus", PORT) \
        .cxl("recover-port", "--resume", "--link-method=slot-power", "--timeout=20s", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 4 and "--link-method=" in s[4].err and f"--resume {PORT}" in s[4].err, str(s[4])
    assert s[5].rc == 3 and "nothing more was written" in s[5].err and not cxl_writes(s[5].log), str(s[5])
    assert s[6].rc == 0 and s[6].json["root_ports"][0]["link_method"] == "slot-power" and s[6].json["root_ports"][0]["tries"] == 1, str(s[6])
    assert view(s[1]) == view(s[7])


def test_what_is_resumed_can_do_without_its_regions():
    s = timed_out("direct1").sh(f"{SIM} ctl fault 'write@*/create_ram_region:1+=EIO'").cxl("recover-port", PORT) \
        .cxl("recover-port", "--resume", "--no-rebuild", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 4, str(s[4])
    assert s[5].rc == 0, str(s[5])
    (bus,) = s[6].json["buses"]
    assert not bus["regions"] and [m["state"] for m in bus["memdevs"]] == ["enabled"]


@pytest.mark.parametrize("method,why", [("auto", "no slot power, no Secondary Bus Reset"), ("slot-power", "no slot"),
                                        ("cxl_bus", "cxl_bus"), ("forced", "its link is up"), ("link-disable", "does not let"),
                                        ("reset_subordinate", "does not let")])
def test_where_the_link_cannot_be_taken_down_nothing_else_is(method, why):
    s = timed_out("masked1").cxl("list", "--isolation").cxl("recover-port", f"--link-method={method}", PORT).cxl("list", "--isolation") \
        .sh(f"ls {STATE}").run()
    r = s[4]
    assert r.rc == 3 and why in r.err, str(r)
    # what would have to be tried first is offered
    assert ("reboot" if method in ("auto", "link-disable", "reset_subordinate") else "reset_subordinate can be tried") in r.err
    assert r.json["root_ports"][0]["blocker"] == "ISO-HOTPLUG"
    assert s[3].out == s[5].out and not journals(s[6])
    assert all(p.endswith("/config") for p, _ in cxl_writes(r.log))


def test_a_dry_run_says_what_only_trying_tells():
    s = timed_out("masked1").cxl("recover-port", "-n", PORT).run()
    assert s[3].rc == 0 and "shows only when that is tried" in s[3].messages(code="LINK-METHOD")[0]["text"], str(s[3])
    assert "shows only when that is tried" in s[3].err
    assert not timed_out("unmasked1").cxl("recover-port", "-n", "--link-method=link-disable", PORT).run()[3].messages(code="LINK-METHOD")


# -- what is refused before the first write ------------------------------------------
SIDE = "0000:0c:01.0"


@pytest.mark.parametrize("more", [[], ["-n"], ["--no-rebuild"]])
def test_a_port_that_nothing_is_below_is_refused_at_once(more):
    refused(Session("empty1").cxl("recover-port", "--force-healthy", *more, SIDE), 1, "ISO-EMPTY", f"nothing is below {SIDE}", "rescan")


def test_an_ordinary_device_that_would_go_down_is_named_and_goes_down_only_when_that_is_said():
    r = refused(Session("mixed1").cxl("recover-port", "--force-healthy", SIDE), 1, "ISO-PCI-DEVICE", "0000:0e:00.0 (nvme)")
    remedy = f"cxl recover-port --force-healthy --override=ISO-PCI-DEVICE {SIDE}"
    assert remedy in r.err
    done, there, other = Session("mixed1").cxl(*remedy.split()[1:]).sh("ls -d /sys/bus/pci/devices/0000:0e:00.0/driver").cxl("recover-port", "--force-healthy", PORT).run()
    assert done.rc == 0 and there.rc == 0 and other.rc == 0, f"{done}{there}{other}"
    assert any(p.endswith("0000:0e:00.0/remove") for p, _ in cxl_writes(done.log))


def test_a_device_whose_serial_number_was_never_known_is_said_to_be_taken_by_its_place(tmp_path):
    host = host_file(tmp_path, "direct1-6.12-devdax", files={"sys/bus/cxl/devices/mem0/serial": "0x0\n"})
    s = failed(host, faults=["write@*/create_ram_region:1=EBUSY"]).cxl("recover-port", PORT).cxl("recover-port", "--resume", PORT).run()
    said, = s[4].messages(code="SERIAL")
    assert s[3].rc == 4 and s[4].rc == 0 and said["severity"] == "warning" and f"at {ENDPOINT}" in said["text"], str(s[4])


def test_a_healthy_port_is_left_alone():
    refused(Session("direct1").cxl("recover-port", PORT), 1, "HEALTHY", "not isolated", f"cxl recover-port --force-healthy {PORT}")


def test_system_ram_is_refused_with_the_way_out():
    refused(Session("sysram1").cxl("recover-port", "--force-healthy", PORT), 1, "ISO-MEM-ONLINE", "daxctl prepare-isolation dax0.0")


def test_a_region_that_may_be_below_the_port_is_no_guess():
    """Unreadable targets: which devices the region is made of is unknown, and it would not be made again."""
    s = Session("direct1").cxl("enable-isolation", "root0").sh(f"{SIM} ctl link-down {PORT}").sh(f"{SIM} ctl fault 'open@*/region0/target0:1+=EIO'")
    refused(s.cxl("recover-port", PORT), 3, "ISO-REBUILD", "region0", "which devices", "run the command again")
    refused(s.cxl("recover-port", "--no-rebuild", PORT), 3, "ISO-REBUILD", "region0")


def test_what_could_not_be_read_once_is_no_reason_to_reboot():
    s = failed("direct1").sh("cxl-sim ctl fault 'read@*/region0/resource:2=EIO'").cxl("recover-port", PORT).cxl("recover-port", PORT).run()
    assert s[4].rc == 1 and s[4].json["root_ports"][0]["blocker"] == "ISO-MEM-ONLINE" and not cxl_writes(s[4].log), str(s[4])
    assert "cannot be told; nothing was written; run the command again" in s[4].err and "no longer answers" not in s[4].err
    assert s[5].rc == 0


def test_what_is_no_root_port_is_refused_with_the_port_above():
    refused(Session("direct1").cxl("recover-port", ENDPOINT), 2, None, "is not a root port", f"cxl recover-port {PORT}")
    refused(Session("direct1").cxl("recover-port", "region0"), 2, None, f"cxl recover-port {PORT}")
    refused(Session("direct1").cxl("recover-port", "root0"), 2, None, "root0 is not a root port", f"cxl recover-port {PORT}")
    refused(Session("direct1").cxl("recover-port", "0000:77:00.0"), 2, None, "use one of")


@pytest.mark.parametrize("name, status, says", [("root0", 2, "'root0' is not the address of a root port, nothing was done; name one as in 'cxl recover-port 0000:0c:00.0'"),
                                                ("mem0", 2, "'cxl list --isolation' shows them"), ("0C:00.0", 3, "this host has no CXL bus")])
def test_what_cannot_be_a_root_port_is_no_less_wrong_where_there_is_no_bus(name, status, says):
    refused(Session("direct1", before="mount -t tmpfs none /sys/bus").cxl("recover-port", name), status, None, says)


def test_a_forgotten_value_takes_no_option_away():
    for option in ("--driver-consent", "--output", "-o"):
        r, = Session("direct1").sh(f"cxl recover-port {option} -n {PORT}").run()
        assert r.rc == 2 and not cxl_writes(r.log) and "needs a value, and '-n' looks like another option" in r.err, str(r)
    refused(Session("direct1").cxl("recover-port", "--driver-consent=-n", PORT), 2, None, "'-n' is not the name of a driver")


def test_a_normal_user_is_told_that_it_needs_root():
    refused(Session("direct1").cxl("recover-port", PORT, user=65534), 3, "PRIVILEGE", "run the command as root")


def test_a_capture_is_never_changed():
    refused(Session("direct1").cxl("recover-port", "--sysroot=/", PORT), 2, None, "a capture cannot be changed")


def test_an_output_that_cannot_be_written_is_said_once_and_what_was_done_with_it():
    full, = [failed("direct1").sh(f"{CXL} recover-port {PORT} 2>&1 >/dev/full; echo $?").run()[-1]]
    assert full.text.count("cannot be written") == 1 and "the change itself was made before that; see 'cxl list --isolation'" in full.text
    assert full.text.splitlines()[-1] == "4"
    nowhere = failed("direct1").sh(f"{CXL} recover-port -o /nowhere/x {PORT} 2>&1; echo $?").run()[-1]
    assert nowhere.text.count("cannot be written") == 1 and "nothing was done" in nowhere.text and nowhere.text.splitlines()[-1] == "4"
    assert not cxl_writes(nowhere.log)


def test_bad_options_are_named():
    for args, word in [((), "one root port is recovered at a time"), ((PORT, PORT), "one root port"),
                       (("--resume", "--abandon", PORT), "exclude each other"), (("--resume", "--force-healthy", PORT), "--resume accepts only"),
                       (("--resume", "--override=ISO-PMEM", PORT), "everything else comes from the journal"),
                       (("--abandon", "--timeout=1s", PORT), "--abandon takes no other option"),
                       (("--link-method=rope", PORT), "'rope' is not a link method"), (("--timeout=soon", PORT), "'soon' is not a duration"),
                       (("--timeout=0s", PORT), "is not a duration"), (("--progress=bar", PORT), "'bar' is not a kind of progress"),
                       (("--override=ISO-CAP", PORT), "only ISO-PMEM")]:
        refused(Session("direct1").cxl("recover-port", *args), 2, None, word)


def test_without_a_state_directory_nothing_is_begun():
    refused(failed("direct1", env={"CXL_STATE_DIR": "/proc/none/state"}).cxl("recover-port", PORT), 3, "STATE", "CXL_STATE_DIR")


def test_whoever_changes_the_host_at_the_moment_holds_its_lock():
    refused(failed("direct1").sh(hold_lock(f"{STATE}/host.lock"))
            .cxl("recover-port", PORT), 1, "LOCK", "being changed by another process")


CAPTURES = pathlib.Path(ROOT) / "test/hosts/captures"


def test_memory_of_a_husk_that_is_still_system_ram_is_refused_and_its_region_kept():
    r = refused(Session(CAPTURES / "direct1-6.12-husk-sysram.tar.xz").cxl("recover-port", PORT), 1, "ISO-MEM-ONLINE", "reboot the host",
                "do not delete the region")
    assert "daxctl" not in r.err


def test_a_locked_decoder_is_found_before_anything_is_touched():
    refused(Session("auto1").cxl("recover-port", "--force-healthy", PORT), 3, "ISO-REGION-LOCKED", "decoder2.0 is locked", "reboot")


@pytest.mark.parametrize("host", ["accel1", "cache1"])
def test_what_belongs_to_another_driver_is_not_taken_from_it(host):
    refused(Session(host).cxl("recover-port", "--force-healthy", PORT), 1, "ISO-TYPE2", "only that driver", "reset_method")


@pytest.mark.parametrize("where", ["sys/devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0/cxl_reset", "sys/devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem0/cxl_reset"])
def test_a_cxl_reset_of_its_own_is_named(where, tmp_path):
    host = json.loads((ROOT / "test/hosts/accel1.json").read_text())
    (tmp_path / "host.json").write_text(json.dumps({**host, "base": str(ROOT / "test/hosts" / host["base"]), "files": {where: ""}}))
    refused(Session(tmp_path / "host.json").cxl("recover-port", "--force-healthy", PORT), 1, "ISO-TYPE2", "reset_method", f"echo 1 > /{where}")


def test_who_uses_the_memory_is_named():
    refused(Session("direct1").sh("cxl-sim ctl map dax0.0 >&2").cxl("recover-port", "--force-healthy", PORT), 1, "ISO-BUSY", "pid",
            "dax-user", "dax0.0", "kill")


@pytest.mark.parametrize("how", ["link-down", "timeout"])
def test_who_still_maps_the_memory_of_an_isolated_port_is_named(how):
    refused(Session("direct1").cxl("enable-isolation", "--timeout=B2", "root0")
            .sh(f"cxl-sim ctl map dax0.0 idle >&2; cxl-sim ctl {how} {PORT}").cxl("recover-port", PORT), 1, "ISO-BUSY", "pid", "dax-user", "kill")


def test_persistent_memory_is_given_up_only_by_name():
    refused(Session("pmem1").cxl("recover-port", "--force-healthy", PORT), 1, "ISO-PMEM", "--override=ISO-PMEM")
    s = Session("pmem1").cxl("list", "--isolation").cxl("recover-port", "--force-healthy", "--override=ISO-PMEM", PORT) \
        .cxl("list", "--isolation").run()
    assert s[1].rc == 0 and view(s[0]) == view(s[2])
    assert s[1].json["root_ports"][0]["regions"][0]["uuid"]


# the first look is before the locks are held: it is looked at again
@pytest.mark.parametrize("look,more", [(1, ["-n"]), (2, [])])
def test_a_region_that_may_be_below_the_port_is_no_guess_either_when_it_is_read_once(look, more):
    refused(failed("interleave2").sh(f"cxl-sim ctl fault 'read@*/region2/target0:{look}=EBUSY'").cxl("recover-port", *more, PORT), 3, "ISO-REBUILD",
            "which devices region2 is made of", "run the command again")


# -- the broken states that removal and reset leave ------------------------------------------
def test_a_husk_whose_device_is_back_is_made_a_region_again():
    s = Session(CAPTURES / "direct1-6.12-husk-back.tar.xz").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[0].rc == 0 and s[0].json["root_ports"][0]["link_method"] == "none", str(s[0])
    assert not s[0].messages(code="HUSK"), "how to free what was just made a region again"
    region, = s[1].regions().values()
    assert region["state"] == "enabled" and region["root_ports"] == [PORT]


def test_a_device_that_came_back_unbound_is_bound_again():
    s = Session(CAPTURES / "direct1-6.12-rp-back.tar.xz").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[0].rc == 0 and s[1].memdevs()["mem0"]["state"] == "enabled", str(s[0])
    assert s[1].root_ports()[PORT]["memdevs"] == ["mem0"]


@pytest.mark.parametrize("host", ["direct1", "interleave2"])
def test_a_device_that_was_pulled_out_is_found_again_with_its_region(host):
    s = Session(host).cxl("list", "--isolation").sh(f"cxl-sim ctl surprise-remove {ENDPOINT}").cxl("recover-port", PORT) \
        .cxl("list", "--isolation").run()
    assert s[2].rc == 0 and view(s[0]) == view(s[3]), str(s[2])


def test_a_port_that_was_reset_under_a_committed_region_gets_it_back():
    reset = f"echo 1 > /sys/bus/pci/devices/{ENDPOINT}/reset"
    s = Session("direct1").cxl("list", "--isolation").sh(f"echo cxl_bus > /sys/bus/pci/devices/{ENDPOINT}/reset_method; {reset}") \
        .cxl("recover-port", "--force-healthy", PORT).cxl("list", "--isolation").run()
    assert s[2].rc == 0 and view(s[0]) == view(s[3]), str(s[2])
    assert any(p["op"] == "pattern" and p["state"] == "done" for p in s[2].json["root_ports"][0]["plan"])


def two_ports_lost(first, second):
    """Regions on two root ports, (window, number of the memory device, its PCI function) each, whose devices were pulled out."""
    s = Session("direct2x2").cxl("enable-isolation", "root0")
    for window, memdev, _ in (first, second):
        s.sh(make_region(window, [memdev]))
    s.cxl("list", "--isolation")
    return s.sh("".join(f"cxl-sim ctl surprise-remove {function};" for _, _, function in (first, second)))


def test_a_husk_of_another_host_bridge_is_left_to_its_own_root_port():
    s = two_ports_lost(("decoder0.0", "mem0", ENDPOINT), ("decoder0.1", "mem1", "0000:df:00.0")).cxl("recover-port", PORT) \
        .cxl("list", "--isolation").cxl("recover-port", OTHER).cxl("list", "--isolation").run()
    assert s[5].rc == 0 and s[6].regions()["region1"]["state"] == "husk", str(s[5])
    assert s[7].rc == 0 and view(s[3]) == view(s[8]), str(s[7])


@pytest.mark.parametrize("how", ["", "; cxl-sim ctl link-down 0000:de:00.0"])
def test_whose_husk_it_is_where_two_ports_of_a_host_bridge_lost_a_device_is_no_guess(how):
    s = two_ports_lost(("decoder0.1", "mem3", "0000:e0:00.0"), ("decoder0.1", "mem1", "0000:df:00.0"))
    if how:     # the other husk was freed, its port is still isolated
        s.sh(f"echo region3 >/sys/bus/cxl/devices/decoder0.1/delete_region{how}")
    refused(s.cxl("recover-port", "0000:de:01.0"), 1, "ISO-REBUILD", "cannot be told any more", "--no-rebuild")


def test_a_root_port_that_is_gone_is_refused_with_the_way_back():
    refused(Session(CAPTURES / "direct1-6.12-rp-gone.tar.xz").cxl("recover-port", PORT), 3, None, "/sys/bus/pci/rescan")


# -- devices that return otherwise ---------------------------------------------------------
def test_a_device_that_returns_late_is_waited_for():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} late 400").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 0 and view(s[1]) == view(s[5])


def test_a_device_that_never_returns_is_a_timeout_with_the_port_left_safe():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} never").cxl("recover-port", "--timeout=200ms", PORT) \
        .cxl("list", "--isolation").sh(f"cxl-sim ctl returns {ENDPOINT} as-before").cxl("recover-port", "--resume", PORT) \
        .cxl("list", "--isolation").run()
    assert s[4].rc == 6 and "its devices are removed" in s[4].err and "isolation status is clear" in s[4].err
    rp = s[5].root_ports()[PORT]
    assert rp["status"]["state"] == "normal" and rp["memdevs"] == []
    assert s[7].rc == 0 and view(s[1]) == view(s[8]), f"it returned since, and was not looked for again\n{s[7]}"


def test_a_link_that_stays_down_is_a_timeout_that_can_be_resumed():
    s = Session("direct1").cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(f"{SIM} ctl link-down {PORT} stuck") \
        .cxl("recover-port", "--timeout=200ms", PORT).sh(f"{SIM} ctl link-up {PORT}").cxl("recover-port", "--resume", PORT) \
        .cxl("list", "--isolation").run()
    assert s[3].rc == 6 and "link up" in s[3].err and "expected up, it is down" in s[3].err
    assert s[5].rc == 0 and view(s[1]) == view(s[6])


def test_another_serial_number_is_refused_unless_it_is_accepted():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} serial 0x77").cxl("recover-port", "--timeout=200ms", PORT) \
        .cxl("list", "--isolation").run()
    assert s[4].rc == 6 and "serial 0x77" in s[4].err and "another device is there" in s[4].err
    assert f"'cxl recover-port --resume --accept-replacement {PORT}'" in s[4].err
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} serial 0x77").cxl("recover-port", "--accept-replacement", PORT) \
        .cxl("list", "--isolation").run()
    assert s[4].rc == 0 and s[5].memdevs()["mem0"]["serial"] == "0x77"
    assert s[5].regions()["region0"]["state"] == "enabled"


@pytest.mark.parametrize("base,serials,known", [
    ("switch4-6.12-sw4-devdax", ["0x0"] * 4, 0),
    ("switch4-6.12-sw4-devdax", ["0x7", "0x7", "0x7", "0x8"], 1),
    ("direct2x2-6.12-x2hb-devdax", ["0x0"] * 4, 0)])
def test_devices_without_a_serial_number_of_their_own_are_known_by_their_place(base, serials, known, tmp_path):
    host = host_file(tmp_path, base, files={f"sys/bus/cxl/devices/mem{i}/serial": f"{v}\n" for i, v in enumerate(serials)})
    s = failed(host).cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 0 and sum(d["serial"] is not None for d in s[3].json["root_ports"][0]["devices"]) == known, str(s[3])
    assert s[1].regions() == s[4].regions() and [rp["dax"] for rp in s[1].root_ports().values()] == [rp["dax"] for rp in s[4].root_ports().values()]


def test_a_second_isolation_midway_starts_over_with_the_same_recipe():
    s = failed("direct1", faults=["write@*/create_ram_region:1=isolate"]).cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert "isolated again" in s[3].err
    assert s[3].rc == 0, str(s[3])
    assert s[3].json["root_ports"][0]["tries"] == 2 and view(s[1]) == view(s[4])


def test_a_port_that_isolates_again_and_again_is_given_up_and_left_fenced():
    s = failed("direct1", faults=["write@*/create_ram_region:1+=isolate"]).cxl("recover-port", PORT).cxl("list", "--isolation") \
        .sh(f"ls {STATE}").run()
    assert s[3].rc == 4 and "that was try 3 of 3" in s[3].err and "fenced" in s[3].err, str(s[3])
    assert "--resume" not in s[3].err, "there is no journal to resume from"
    assert s[4].regions() == {} and all(m["state"] == "disabled" for m in s[4].memdevs().values())
    assert not journals(s[5])


def test_a_replacement_can_be_accepted_when_resuming():
    s = failed("direct1").sh(f"cxl-sim ctl returns {ENDPOINT} serial 0x77").cxl("recover-port", "--timeout=200ms", PORT) \
        .cxl("recover-port", "--resume", "--accept-replacement", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 6 and s[5].rc == 0, str(s[5])
    assert s[6].memdevs()["mem0"]["serial"] == "0x77" and s[6].regions()["region0"]["state"] == "enabled"
