# SPDX-License-Identifier: GPL-2.0-only
"""daxctl prepare-isolation --undo: what prepare did is taken back, exactly that, and what is not known is not guessed."""
import pytest

from lib.cli import Session, host_file
from test_prepare import BY_HAND, LOOK, ZONES, did

MEMMAP = "sys/module/memory_hotplug/parameters/memmap_on_memory"
UNDO = ("prepare-isolation", "--undo")
LOSE = 'rm "$CXL_STATE_DIR"/*.before'
BY_HAND_DEVDAX = "echo offline >/sys/devices/system/memory/memory146/state; echo offline >/sys/devices/system/memory/memory147/state; daxctl reconfigure-device --mode=devdax dax0.0"
HALF = 1 << 27


def host(tmp_path, base, memmap="N", **more):
    return host_file(tmp_path, base, files={MEMMAP: memmap + "\n"}, **more)


@pytest.mark.parametrize("memmap", ["N", "Y"])
@pytest.mark.parametrize("ways", [[[]], [["--mode=system-ram"]], [[], ["--mode=system-ram"]], [["--mode=system-ram"], []], [["--persist"]]])
@pytest.mark.parametrize("base, by_hand", [
    ("direct1-6.12-devdax", "true"), ("direct1-6.12-devdax", "echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind"),
    ("direct1-6.12-devdax", "echo 0 >/sys/bus/dax/devices/dax0.0/memmap_on_memory"), ("direct1-6.12-sysram", "true"), ("direct1-6.12-sysram", BY_HAND)])
def test_undo_is_exact(tmp_path, base, by_hand, memmap, ways):
    s = Session(host(tmp_path, base, memmap), before=f"{by_hand}; true").sh(LOOK + ZONES)
    for way in ways:
        s.daxctl("prepare-isolation", *way)
    undo = (*UNDO, "--persist") if ["--persist"] in ways else UNDO
    before, *prepared, undone, after, again, last = s.daxctl(*undo).sh(LOOK + ZONES).daxctl(*undo).sh(LOOK + ZONES).run()
    assert [r.rc for r in prepared] == [0] * len(prepared) and undone.rc == again.rc == 0, f"{prepared}{undone}{again}"
    assert after.text == before.text == last.text, f"{before}{undone}{after}{last}"
    assert again.dax()["dax0.0"]["result"] == "already" and did(again) == [], str(again)


@pytest.mark.parametrize("driver", ["true", "echo dax0.0 >/sys/bus/dax/drivers/device_dax/unbind"])
def test_what_was_never_prepared_is_not_taken_for_system_ram(driver):
    s = Session("direct1", before=driver).sh(LOOK).daxctl(*UNDO).daxctl(*UNDO, "dax0.0").daxctl(*UNDO, "-n").sh(LOOK)
    before, group, named, dry, after = s.run()
    assert group.rc == named.rc == dry.rc == 3 and did(group) == did(named) == [] and before.text == after.text, f"{group}{named}{after}"
    assert (group.dax()["dax0.0"]["result"], named.dax()["dax0.0"]["result"]) == ("skipped", "refused")
    assert "is not known" in group.messages(code="BEFORE")[0]["text"] and "of no dax device" in group.err and "that this command changed it is not known" in named.err, f"{group}{named}"


def test_system_ram_that_was_never_prepared_stays_as_it_is():
    before, undo, after = Session("sysram1", before=BY_HAND).sh(ZONES).daxctl(*UNDO).sh(ZONES).run()
    assert undo.rc == 0 and undo.dax()["dax0.0"]["result"] == "already" and did(undo) == [] and before.text == after.text, f"{before}{undo}{after}"


def test_memmap_on_memory_stays_where_it_comes_to_nothing(tmp_path):
    """A kernel with the parameter off refuses to set it again."""
    prepared, undo, look = Session(host(tmp_path, "direct1-6.12-sysram")).daxctl("prepare-isolation").daxctl(*UNDO).sh(LOOK).run()
    assert prepared.rc == undo.rc == 0 and not [w for r in (prepared, undo) for w in did(r) if "memmap_on_memory" in w[0]], f"{prepared}{undo}"
    assert prepared.dax()["dax0.0"]["after"]["fit"] and look.text.splitlines()[-1] == "dax0.0 kmem 1", str(look)


def parts(tmp_path, *drivers, memmap="Y"):
    return host(tmp_path, "direct1-6.12-sysram", memmap, dax={"region0": [{"size": HALF, "driver": d} for d in drivers]})


@pytest.mark.parametrize("order", [[()], [("dax0.0",), ("dax0.1",)], [("dax0.1",), ("dax0.0",)], [("dax0.1",)], [("dax0.0",)]])
@pytest.mark.parametrize("drivers", [("kmem", "device_dax"), ("device_dax", "kmem"), ("kmem", "kmem"), ("device_dax", "device_dax"), (None, "kmem")])
def test_each_part_of_a_region_goes_back_to_what_it_was(tmp_path, order, drivers):
    s = Session(parts(tmp_path, *drivers)).sh(LOOK).daxctl("prepare-isolation")
    for names in order:
        s.daxctl(*UNDO, *names)
    before, prepared, *undone, after, rest, last = s.sh(LOOK).daxctl(*UNDO).sh(LOOK).run()
    assert prepared.rc == 0 and [r.rc for r in undone] == [0] * len(undone) and rest.rc == 0, f"{prepared}{undone}{rest}"
    was, is_now = before.text.splitlines(), after.text.splitlines()
    for n in {n for names in order for n in names} or ("dax0.0", "dax0.1"):
        assert [x for x in was if x.startswith(n)] == [x for x in is_now if x.startswith(n)], f"{before}{after}{undone}"
    assert last.text == before.text, f"{before}{last}"


def test_a_part_that_was_not_prepared_is_left_out_of_a_group(tmp_path):
    s = Session(parts(tmp_path, "kmem", "device_dax")).sh(LOOK).daxctl("prepare-isolation", "dax0.0").daxctl(*UNDO).sh(LOOK)
    before, _, undo, after = s.run()
    assert undo.rc == 0 and after.text == before.text, f"{before}{undo}{after}"
    assert {n: d["result"] for n, d in undo.dax().items()} == {"dax0.0": "done", "dax0.1": "skipped"}, str(undo)


@pytest.mark.parametrize("way", ["--mode=devdax", "--mode=system-ram"])
def test_what_was_made_of_it_after_a_boot_stays(way):
    """The boot ended what was prepared; the kernel, or somebody, made this of it."""
    by_hand = BY_HAND_DEVDAX if way == "--mode=devdax" else "true"
    s = Session("sysram1" if way == "--mode=devdax" else "direct1").daxctl("prepare-isolation", way).sh("cxl-sim ctl reboot").sh(by_hand).sh(LOOK).daxctl(*UNDO).sh(LOOK)
    prepared, _, hand, before, undo, after = s.run()
    assert prepared.rc == hand.rc == undo.rc == 0 and did(undo) == [] and before.text == after.text, f"{hand}{before}{undo}{after}"
    assert "something else was made of it" in undo.messages(code="BEFORE")[0]["text"], str(undo)


def test_what_was_to_last_is_known_after_boots_also_when_it_was_taken_back_in_between():
    s = Session("sysram1").sh(LOOK).daxctl("prepare-isolation", "--persist").sh("cxl-sim ctl reboot").daxctl(*UNDO).sh(LOOK).sh("cxl-sim ctl reboot").sh(LOOK) \
        .daxctl(*UNDO, "--persist").sh(LOOK).daxctl(*UNDO, "--persist")
    before, _, _, undo, between, _, booted, last, after, again = s.run()
    assert undo.rc == last.rc == again.rc == 0 and before.text == between.text == after.text != booted.text, f"{undo}{between}{booted}{last}{after}"
    assert did(again) == []


def test_entries_are_taken_out_where_it_is_not_known_what_it_was():
    s = Session("sysram1").daxctl("prepare-isolation", "--persist").sh(LOSE).daxctl(*UNDO, "--persist", "-n").daxctl(*UNDO, "--persist").sh(LOOK + "; ls /etc/udev/rules.d /etc/cxl") \
        .daxctl(*UNDO, "--persist")
    _, _, dry, undo, look, again = s.run()
    assert undo.rc == 7 and undo.dax()["dax0.0"]["result"] == "partial" and "only its entries are taken out" in undo.err, str(undo)
    assert dry.rc == 0 and dry.dax()["dax0.0"]["result"] == "planned" and "would be taken out" in dry.err, str(dry)
    assert "dax0.0 device_dax" in look.text and "85-cxl" not in look.text and "isolation.conf" not in look.text, str(look)
    assert again.rc == 0 and again.dax()["dax0.0"]["result"] == "skipped", str(again)


def test_a_record_of_the_version_before_is_understood():
    old = """for f in "$CXL_STATE_DIR"/*.before; do sed -i '/"boot_id"\\|"persists"/d' "$f"; done; cat "$CXL_STATE_DIR"/*.before"""
    before, _, shown, undo, after = Session("sysram1").sh(LOOK).daxctl("prepare-isolation").sh(old).daxctl(*UNDO).sh(LOOK).run()
    assert "boot_id" not in shown.text and undo.rc == 0 and before.text == after.text, f"{shown}{undo}{after}"


def test_a_size_that_could_not_be_read_once_is_no_other_memory():
    before, _, prepared, undo, after = Session("sysram1").sh(LOOK).sh("cxl-sim ctl fault read@*/dax0.0/size:1=EACCES").daxctl("prepare-isolation").daxctl(*UNDO).sh(LOOK).run()
    assert prepared.rc == undo.rc == 0 and before.text == after.text, f"{prepared}{undo}{after}"


def test_a_damaged_record_is_not_replaced_by_what_the_device_is_now():
    """Else --undo would take device-dax, which was made of it, for what there was."""
    damage = 'truncate -s 9 "$CXL_STATE_DIR"/*.before'
    s = Session("sysram1").daxctl("prepare-isolation").sh(damage).daxctl("prepare-isolation")
    s.sh('cat "$CXL_STATE_DIR"/*.before | wc -c').daxctl(*UNDO).sh(LOOK)
    _, _, again, kept, undo, after = s.run()
    assert again.rc == 0 and again.dax()["dax0.0"]["result"] == "already" and kept.text == "9\n", f"{again}{kept}"
    assert "is damaged" in again.messages(code="BEFORE", severity="warning")[0]["text"], str(again)
    assert undo.rc == 4 and did(undo) == [] and "is damaged" in undo.err and "dax0.0 device_dax" in after.text, f"{undo}{after}"


def test_a_record_of_other_memory_is_replaced():
    """A region made anew, or cut otherwise: what is kept of what was there before says nothing of it."""
    s = Session("direct1").daxctl("prepare-isolation").sh('sed -i s/0x1001/0x1002/ "$CXL_STATE_DIR"/*.before').daxctl("prepare-isolation")
    _, _, again, undo, after = s.daxctl(*UNDO).sh(LOOK).run()
    assert again.rc == 0 and again.dax()["dax0.0"]["result"] == "already" and not again.messages(code="BEFORE"), str(again)
    assert undo.rc == 0 and did(undo) == [] and "dax0.0 device_dax" in after.text, f"{undo}{after}"
