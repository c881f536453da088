# SPDX-License-Identifier: GPL-2.0-only
"""cxl recover-port where a region cannot simply be made again: what is in its way, what it would lose, and the ways past that."""
import json

import pytest

from lib.cli import ROOT, SIM, Session, host_file
from lib.recovering import FAIL, JOURNAL, PORT, STATE, cxl_writes, failed, make_region, refused, view

CAPTURES = ROOT / "test/hosts/captures"
BIG = {f"sys/bus/cxl/devices/mem{i}/ram/size": "0x40000000\n" for i in range(4)}
W0 = 0x490000000
M256 = 0x10000000


def neighbours(tmp_path, made=(("decoder0.0", "mem0"), ("decoder0.0", "mem2")), more="", faults=(), **host):
    """Regions made in this order on a host of two bridges with two root ports each; mem0 and mem2 share one; the port failed."""
    s = Session(host_file(tmp_path, "direct2x2-6.12-noregion", files=BIG, **host), faults=faults)
    s.sh("; ".join(make_region(w, m.split()) for w, m in made) + more).cxl("enable-isolation", "root0").cxl("list", "--isolation")
    return s.sh(FAIL)


def whole(r):
    """What is to be as before, names aside."""
    return sorted((x["resource"], x["size"], x["state"], tuple(x["root_ports"])) for x in r.regions().values())


def dax_drivers():
    return "for d in /sys/bus/dax/devices/*; do basename $(readlink $d/driver || echo none); done | sort"


# -- regions in the way ----------------------------------------------------------------
def test_a_region_in_the_way_is_named_with_the_option_that_takes_it_down(tmp_path):
    r = refused(neighbours(tmp_path).cxl("recover-port", PORT), 1, "ISO-DECODER-ORDER", "region0", "region3 is at a higher address",
                "cxl recover-port --with-neighbours " + PORT, "loses what it holds", "--no-rebuild")
    assert "not now" not in r.err


def test_an_idle_neighbour_is_taken_down_first_and_made_again(tmp_path):
    s = neighbours(tmp_path).cxl("recover-port", "-n", "--with-neighbours", PORT).cxl("recover-port", "--with-neighbours", PORT) \
        .cxl("list", "--isolation").sh("cat /sys/bus/dax/drivers_autoprobe").sh(f"ls {STATE}").run()
    before, dry, r, after = s[2], s[4], s[5], s[6]
    assert dry.rc == 0 and not cxl_writes(dry.log) and r.rc == 0, str(r)
    assert whole(before) == whole(after) and view(before)["buses"][0]["host_bridges"] == view(after)["buses"][0]["host_bridges"]
    record = r.json["root_ports"][0]
    assert [(x["was"], x["neighbour"], x["resource"], x["new_resource"]) for x in record["regions"]] == \
        [("region0", False, hex(W0), hex(W0)), ("region3", True, hex(W0 + M256), hex(W0 + M256))]
    assert all(x["now"] for x in record["regions"])
    for told in (dry, r):
        message, = told.messages(code="NEIGHBOUR")
        assert message["target"] == "region3" and "made again afterwards" in message["text"] and "what it holds is lost" in message["text"]
    # the highest goes first and comes last; its device and its root port are left alone
    writes = cxl_writes(r.log)
    deleted = [v for p, v in writes if p.endswith("/delete_region")]
    made = [p.split("/")[-2] for p, v in writes if p.endswith("/commit") and v == "1"]
    assert deleted == ["region3", "region0"] and len(made) == 2
    assert not any("/0000:0c:01.0/" in p for p, _ in writes if p.endswith(("/remove", "/rescan")))
    # no journal is left, but the proof that this port was recovered
    assert s[7].text.strip() == "1" and [x for x in s[8].text.split() if x.endswith(".json")] == [f"proven-{PORT}.json"]


def test_what_a_neighbour_needs_in_turn_goes_too(tmp_path):
    """The second region is above the first behind one bridge, and reaches behind the other, where the third is above it."""
    made = [("decoder0.2", "mem0 mem1"), ("decoder0.2", "mem2 mem1"), ("decoder0.2", "mem2 mem3")]
    s = neighbours(tmp_path, made).cxl("recover-port", "--with-neighbours", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 0, str(s[4])
    assert [x["neighbour"] for x in s[4].json["root_ports"][0]["regions"]] == [False, True, True]
    assert whole(s[2]) == whole(s[5])


def test_a_neighbour_keeps_its_dax_driver_or_that_it_has_none(tmp_path):
    unbound = "; echo dax3.0 >/sys/bus/dax/drivers/device_dax/unbind; echo dax3.0 >/sys/bus/dax/drivers/device_dax/remove_id"
    s = neighbours(tmp_path, more=unbound).sh(dax_drivers()).cxl("recover-port", "--with-neighbours", PORT).sh(dax_drivers()).run()
    assert s[5].rc == 0 and s[4].text == s[6].text == "device_dax\nnone\n", str(s[5])


BUSY = {"maps": ("cxl-sim ctl map dax3.0 >&2", "and it is in use: pid", "dax-user"),
        "opens": ("exec 9</dev/dax3.0; sleep 20 >/dev/null 2>&1 & sleep 0.1", "and it is in use: pid", "sleep", "open"),
        "kmem": ("echo offline >/sys/devices/system/memory/auto_online_blocks; echo dax3.0 >/sys/bus/dax/drivers/device_dax/unbind; "
                 "echo dax3.0 >/sys/bus/dax/drivers/device_dax/remove_id; echo dax3.0 >/sys/bus/dax/drivers/kmem/new_id",
                 "dax3.0 is bound to kmem", "daxctl prepare-isolation dax3.0"),
        "online": ("echo online >/sys/devices/system/memory/auto_online_blocks; echo dax3.0 >/sys/bus/dax/drivers/device_dax/unbind; "
                   "echo dax3.0 >/sys/bus/dax/drivers/device_dax/remove_id; echo dax3.0 >/sys/bus/dax/drivers/kmem/new_id",
                   "and it is in use: its memory is online")}


@pytest.mark.parametrize("how", BUSY)
def test_a_neighbour_that_is_not_idle_is_refused_by_name(how, tmp_path):
    command, *words = BUSY[how]
    s = neighbours(tmp_path).sh(command)
    refused(s.cxl("recover-port", "--with-neighbours", PORT), 1, "ISO-DECODER-ORDER", "region3 is in the way", *words, "--no-rebuild")


def test_that_a_neighbour_is_not_idle_is_said_before_the_option_is_tried(tmp_path):
    refused(neighbours(tmp_path).sh(BUSY["maps"][0]).cxl("recover-port", PORT), 1, "ISO-DECODER-ORDER", "(not now: region3 is in use: pid")


def test_a_neighbour_whose_own_port_failed_as_well_is_refused(tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl link-down 0000:0c:01.0")
    refused(s.cxl("recover-port", "--with-neighbours", PORT), 1, "ISO-DECODER-ORDER", "its root port 0000:0c:01.0 is isolated")


def test_without_anything_in_the_way_the_option_changes_nothing(tmp_path):
    s = neighbours(tmp_path, [("decoder0.0", "mem2"), ("decoder0.0", "mem0")]).cxl("recover-port", "--with-neighbours", PORT).run()
    assert s[4].rc == 0 and len(s[4].json["root_ports"][0]["regions"]) == 1 and not s[4].messages(code="NEIGHBOUR"), str(s[4])


def test_the_two_regions_of_the_capture_do_not_need_each_other():
    """One region behind each host bridge: neither is in the way of the other."""
    s = failed(CAPTURES / "direct2x2-6.12-two-regions.tar.xz").cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 0 and len(s[3].json["root_ports"][0]["regions"]) == 1 and s[1].regions() == s[4].regions(), str(s[3])


# -- neighbours in a recovery that does not go through ---------------------------------
BREAKS = ["write@*/delete_region:1=EBUSY", "write@*/delete_region:2=EBUSY", "write@*/remove:1=EBUSY", "write@*/create_ram_region:1=EIO",
          "write@*/create_ram_region:2=EIO", "write@*/cxl_region/bind:2=EBUSY", "write@*/device_dax/new_id:2=EIO"]


@pytest.mark.parametrize("fault", BREAKS)
def test_it_is_resumed_with_its_neighbours_wherever_it_failed(fault, tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault '{fault}'").cxl("recover-port", "--with-neighbours", PORT) \
        .cxl("recover-port", "--resume", PORT).cxl("list", "--isolation").run()
    assert s[5].rc == 4 and "--resume" in s[5].err, str(s[5])
    assert s[6].rc == 0, str(s[6])
    assert whole(s[2]) == whole(s[7]) and [x["neighbour"] for x in s[6].json["root_ports"][0]["regions"]] == [False, True]


def test_a_second_isolation_makes_them_all_anew(tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault 'write@*/create_ram_region:2=isolate'").cxl("recover-port", "--with-neighbours", PORT) \
        .cxl("list", "--isolation").run()
    assert s[5].rc == 0 and s[5].json["root_ports"][0]["tries"] == 2, str(s[5])
    assert whole(s[2]) == whole(s[6])


def test_without_its_regions_it_is_resumed_with_those_of_the_neighbours(tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault 'write@*/create_ram_region:1=EIO'").cxl("recover-port", "--with-neighbours", PORT) \
        .cxl("recover-port", "--resume", "--no-rebuild", PORT).cxl("list", "--isolation").run()
    assert s[5].rc == 4 and s[6].rc == 0, str(s[6])
    region, = s[7].regions().values()
    assert region["root_ports"] == ["0000:0c:01.0"] and region["state"] == "enabled"


def test_a_neighbour_that_came_into_use_since_is_not_taken_down_by_resuming(tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault 'write@*/device_dax/unbind:1=EBUSY'").cxl("recover-port", "--with-neighbours", PORT) \
        .sh("cxl-sim ctl map dax3.0 >&2").cxl("recover-port", "--resume", PORT).cxl("recover-port", "--abandon", PORT) \
        .cxl("list", "--isolation").run()
    assert s[5].rc == 4, str(s[5])
    assert s[7].rc == 1 and s[7].json["root_ports"][0]["blocker"] == "ISO-BUSY" and "region3" in s[7].err and not cxl_writes(s[7].log), str(s[7])
    # giving it up leaves alone what is not the port's
    assert s[8].rc == 0 and [x["state"] for x in s[9].regions().values() if x["region"] == "region3"] == ["enabled"], str(s[8])
    assert not s[8].messages(code="NEIGHBOUR")


@pytest.mark.parametrize("fault,left", [("write@*/remove:1=EBUSY", False), ("write@*/create_ram_region:2=EIO", False),
                                        ("write@*/interleave_ways:2=EIO", False), ("write@*/device_dax/new_id:2=EIO", True)])
def test_giving_it_up_says_which_neighbours_are_not_there_again(fault, left, tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault '{fault}'").cxl("recover-port", "--with-neighbours", PORT) \
        .cxl("recover-port", "--abandon", PORT).cxl("list", "--isolation").sh(f"ls {STATE}").run()
    assert s[5].rc == 4 and s[6].rc == 0, str(s[6])
    told = s[6].messages(code="NEIGHBOUR")
    assert [x["root_ports"] for x in s[7].regions().values()] == ([["0000:0c:01.0"]] if left else []), str(s[7])
    assert bool(told) != left and all("region3" in m["text"] and "cxl create-region -t ram -d decoder0.0 -w 1 -m mem2" in m["text"] for m in told)
    assert ".json" not in s[8].text


def test_what_somebody_made_in_the_place_of_a_neighbour_is_not_torn_down(tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault 'write@*/remove:1=EBUSY'").cxl("recover-port", "--with-neighbours", PORT)
    # two regions, so that the second has the name and the place of the neighbour
    s.sh("; ".join(make_region("decoder0.0", ["mem2"]) for _ in range(2)) + "; echo region0 >/sys/bus/cxl/devices/decoder0.0/delete_region")
    s = s.cxl("recover-port", "--resume", PORT).run()
    assert s[7].rc == 1 and "region3 in the way of" in s[7].err and "but not by it" in s[7].err and not cxl_writes(s[7].log), str(s[7])


# -- addresses -------------------------------------------------------------------------------
def gap(tmp_path, *args):
    """A lower place is free: region0 of the window was destroyed, the other is to be made again."""
    s = Session(host_file(tmp_path, "direct2x2-6.12-noregion", files=BIG))
    s.sh(make_region("decoder0.0", ["mem2"]) + "; " + make_region("decoder0.0", ["mem0"]) +
         "; echo region0 >/sys/bus/cxl/devices/decoder0.0/delete_region")
    return s.cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(FAIL).cxl("recover-port", *args, PORT)


def test_a_region_that_would_move_is_refused_with_both_addresses_and_the_option(tmp_path):
    refused(gap(tmp_path), 1, "ISO-NO-ROOM", "region3", hex(W0), hex(W0 + M256), "lowest place of decoder0.0",
            "cxl recover-port --accept-move " + PORT, "--no-rebuild")


def test_who_resumes_is_told_of_a_region_that_is_elsewhere_by_now(tmp_path):
    s = Session(host_file(tmp_path, "direct2x2-6.12-noregion", files=BIG), faults=["write@*/cxl_region/bind:3=EBUSY"])
    s.sh(make_region("decoder0.0", ["mem2"]) + "; " + make_region("decoder0.0", ["mem0"]) +
         "; echo region0 >/sys/bus/cxl/devices/decoder0.0/delete_region")
    s = s.cxl("enable-isolation", "root0").sh(FAIL).cxl("recover-port", "--accept-move", PORT).cxl("recover-port", "--resume", PORT).run()
    first, resumed = s[3:]
    assert first.rc == 4 and resumed.rc == 0, f"{first}{resumed}"
    assert f"is at {hex(W0)} now as announced" in resumed.err, str(resumed)


def test_a_region_may_move_where_that_is_accepted(tmp_path):
    s = gap(tmp_path, "--accept-move").cxl("list", "--isolation").run()
    r = s[4]
    assert r.rc == 0, str(r)
    was, = [m["text"] for m in r.messages(code="ADDRESS", severity="warning")]
    now, = [m["text"] for m in r.messages(code="ADDRESS", severity="info")]
    assert f"comes back at {hex(W0)}, it is at {hex(W0 + M256)} now" in was and f"is at {hex(W0)} now as announced" in now
    region, = s[5].regions().values()
    assert region["resource"] == hex(W0) and region["state"] == "enabled"
    assert [(x["resource"], x["new_resource"]) for x in r.json["root_ports"][0]["regions"]] == [(hex(W0 + M256), hex(W0))]


def soft(tmp_path, start, end, base="direct1-6.12-devdax"):
    return failed(host_file(tmp_path, base, soft_reserved=[f"{hex(start)}-{hex(end)}"]))


def test_a_soft_reserved_line_in_its_place_refuses_a_region_before_the_first_write(tmp_path):
    refused(soft(tmp_path, W0, W0 + M256 - 1).cxl("recover-port", PORT), 1, "ISO-NO-ROOM", "Soft Reserved", hex(W0), hex(W0 + M256),
            "256.00 MiB", "--accept-move")


def test_past_a_soft_reserved_line_its_bytes_are_said_to_be_stranded(tmp_path):
    s = soft(tmp_path, W0, W0 + M256 // 2 - 1).cxl("recover-port", "--accept-move", PORT).cxl("list", "--isolation").run()
    assert s[3].rc == 0, str(s[3])
    warning, = s[3].messages(code="ADDRESS", severity="warning")
    assert "Soft Reserved keeps that place, of which 128.00 MiB (134.22 MB) stay stranded" in warning["text"]
    assert s[4].regions()["region0"]["resource"] == hex(W0 + M256)


def test_a_window_without_room_refuses_whatever_is_accepted(tmp_path):
    s = failed(host_file(tmp_path, "direct1-6.12-devdax", soft_reserved=[f"{hex(W0)}-{hex(W0 + M256 - 1)}"],
                         files={"sys/bus/cxl/devices/decoder0.0/size": hex(M256) + "\n"}))
    refused(s.cxl("recover-port", "--accept-move", PORT), 1, "ISO-NO-ROOM", "decoder0.0 has no room for it", "Soft Reserved")


def test_without_iomem_no_place_is_promised(tmp_path):
    s = failed(host_file(tmp_path, "direct1-6.12-devdax")).sh(f"{SIM} ctl fault 'open@*/proc/iomem:1+=EIO'")
    refused(s.cxl("recover-port", PORT), 1, "ISO-NO-ROOM", "cannot be told: /proc/iomem cannot be read")


# -- what it is made from -----------------------------------------------------------------------
@pytest.mark.parametrize("attribute, remedy", [("interleave_granularity", "--no-rebuild"), ("commit", "region0/commit) run the command again")])
def test_an_attribute_that_cannot_be_read_is_named(attribute, remedy, tmp_path):
    """commit is what shows that the region was taken down, with and without --no-rebuild."""
    s = failed(host_file(tmp_path, "direct1-6.12-devdax")).sh(f"{SIM} ctl fault 'open@*/region0/{attribute}:1+=EIO'")
    refused(s.cxl("recover-port", PORT), 1, "ISO-REBUILD", f"its attribute {attribute} cannot be read", remedy)


@pytest.mark.parametrize("errno", ["EINVAL", "ENXIO", "EIO"])
def test_a_capacity_that_cannot_be_read_is_proven_by_the_region(errno, tmp_path):
    s = failed(host_file(tmp_path, "direct1-6.12-devdax")).sh(f"{SIM} ctl fault 'read@*/decoder2.0/mode:1+={errno}'")
    s = s.cxl("recover-port", PORT).cxl("list", "--isolation").run()
    assert s[4].rc == 0, str(s[4])
    assert s[5].regions()["region0"]["state"] == "enabled"


def test_a_kernel_that_makes_no_volatile_region_is_named(tmp_path):
    s = failed(host_file(tmp_path, "direct1-6.12-devdax", files={"sys/bus/cxl/devices/decoder0.0/create_ram_region": None}))
    refused(s.cxl("recover-port", PORT), 3, "ISO-REBUILD", "it has no create_ram_region: Linux 6.3")


def test_a_region_without_dax_device_is_enabled_again_and_none_is_waited_for(tmp_path):
    """As where dax_cxl is not loaded.  The one that this simulator makes all the same is kept from kmem."""
    host = host_file(tmp_path, "direct1-6.12-devdax", files={
        "sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0": None,
        "proc/iomem": "490000000-58fffffff : CXL Window 0\n  490000000-49fffffff : region0\n"})
    s = failed(host).cxl("recover-port", PORT).cxl("list", "--isolation").sh("cat /sys/bus/dax/drivers_autoprobe").sh(dax_drivers()).run()
    assert s[1].regions()["region0"]["state"] == "enabled" and not s[1].root_ports()[PORT]["dax"], str(s[1])
    assert s[3].rc == 0 and s[4].regions()["region0"]["state"] == "enabled", str(s[3])
    assert not any(p["op"] in ("pattern", "wait") for p in s[3].json["root_ports"][0]["plan"])
    assert s[5].text.strip() == "1" and s[6].text.strip() == "none"


# -- options -------------------------------------------------------------------------------------
def test_options_that_do_not_go_together_are_named():
    for args, word in [(("--no-rebuild", "--with-neighbours", PORT), "--with-neighbours has no meaning with it"),
                       (("--no-rebuild", "--accept-move", PORT), "--accept-move has no meaning with it"),
                       (("--resume", "--with-neighbours", PORT), "everything else comes from the journal"),
                       (("--abandon", "--accept-move", PORT), "--abandon takes no other option")]:
        refused(Session("direct1").cxl("recover-port", *args), 2, None, word)


def test_a_journal_keeps_what_was_asked_for(tmp_path):
    s = neighbours(tmp_path).sh(f"{SIM} ctl fault 'write@*/remove:1=EBUSY'").cxl("recover-port", "--with-neighbours", PORT).sh(f"cat {JOURNAL}").run()
    options = json.loads(s[6].text)["journal"]["options"]
    assert options["with_neighbours"] is True and options["accept_move"] is False
