# SPDX-License-Identifier: GPL-2.0-only
"""cxl check-soft-reserved where something is there only in part, or cannot be read: nothing is guessed, and remedies work."""
import re

import pytest

from lib.cli import NOBODY
from test_soft_reserved import GIB, check, describe, hosts, made, modifiers, only, rows  # noqa: F401 (fixtures)


@pytest.mark.parametrize("name", ["straddle-ram", "straddle-gap", "uncommitted", "uncommitted-7.0", "mixed", "misfit"])
def test_cxl_is_kept_away_by_what_dax_hmem_cannot_undo(hosts, name):
    """Measured on 6.12 and 7.2: dax_hmem loads cxl_acpi by its name in spite of modprobe.blacklist=."""
    remedy = only(check(hosts[name], "--policy=strict"))["remedy"]
    assert "'module_blacklist=cxl_acpi'" in remedy and "modprobe.blacklist" not in remedy


@pytest.mark.parametrize("devices,loss", [
    (["1080000000-187fffffff", "1880000000-207fffffff"], 2), (["1080000000-187fffffff"], 2),  # the rest can be made into another
    (["1050000000-204fffffff", "2050000000-304fffffff"], 4),  # a border in the middle of a block
    (["1050000000-204fffffff"], 4), (["1050000000-304fffffff"], 2)])
def test_what_no_dax_device_was_made_of_yet_is_not_lost_to_alignment(made, devices, loss):
    r = check(made("exact", dax={f"dax0.{i}": {"range": d, "parent": "region0"} for i, d in enumerate(devices)}), f"--max-align-loss={loss}GiB")
    assert modifiers(r) == {"ALIGN_LOSS": loss * GIB} and only(r)["usable_bytes"] == (128 - loss) * GIB and r.rc == 0


@pytest.mark.parametrize("types,mismatch", [
    ([[0, 128 * GIB, 1], [128 * GIB, GIB, 2]], False), ([[0, GIB, 2], [GIB, GIB, 0]], True), ([[0, GIB, 2], [GIB, GIB, 7]], False)])
def test_without_a_region_a_mismatch_is_one_only_if_nothing_of_the_device_may_be_soft_reserved(made, types, mismatch):
    r = check(made("uncommitted", mems={"mem0": {"cdat": types}}), "--policy=strict")
    assert ("CDAT_MISMATCH" in modifiers(r)) == mismatch and only(r)["verdict"] == ("conflict" if mismatch else "stranded")


def test_the_remedy_is_about_what_made_the_verdict(hosts, made):
    r = check(hosts["assembly-failed"], "--max-align-loss=0", "--allow-fallback")
    assert r.rc == 1 and only(r)["verdict"] == "stranded" and "devdax" in only(r)["remedy"] and "--allow-fallback" not in r.err
    other = {"mem0": {"cdat": [[0, 1 << 40, 2]]}}
    r = check(made("assembly-failed", mems=other), "--policy=strict", "--allow-fallback")
    assert r.rc == 1 and only(r)["verdict"] == "conflict" and "CDAT" in only(r)["remedy"] and "--allow-fallback" not in r.err
    r = check(made("assembly-failed", mems=other), "--allow-fallback")
    assert r.rc == 0 and "--allow-fallback" in only(r)["remedy"]
    r = check(made("give-up-taints", regions={}, dax={"dax9.0": {"range": "4050000000-604fffffff", "parent": "hmem.9"}}), "--policy=strict")
    assert [(x["class"], x["verdict"]) for x in r.json["ranges"]][1] == ("FALLBACK_HMEM", "give-up-cxl"), str(r)
    assert "--allow-fallback" not in r.err


@pytest.mark.parametrize("policy", ["strict", "kernel"])
@pytest.mark.parametrize("name,changes", [
    ("two-regions-one-entry", {}), ("two-regions", {}), ("two-regions", {"dax": {}}), ("spanning", {"srat": None}), ("spanning", {}),
    ("spanning", {"dax": {}, "srat": None})])
def test_where_the_borders_of_units_are_hidden_tiled_regions_are_not_judged(made, name, changes, policy):
    r = check(made(name, **changes), f"--policy={policy}", user=NOBODY)
    assert r.rc == 3 and only(r)["class"] == "INCONCLUSIVE" and "as root" in only(r)["remedy"], str(r)
    assert {(u["class"], u["verdict"]) for u in only(r)["units"]} == {("INCONCLUSIVE", "inconclusive")}


@pytest.mark.parametrize("attr", ["resource", "size"])
def test_a_region_whose_place_cannot_be_read_is_not_taken_for_none(made, attr):
    for bad in (None, "", "0x", "banana"):
        tree = made("exact")
        p = next(tree.glob("sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0")) / attr
        p.unlink()
        if bad is not None:
            p.write_text(bad)
        r = check(tree)
        assert r.rc == 3 and only(r)["class"] == "INCONCLUSIVE" and "region0" in only(r)["text"], str(r)
        assert r.json["sources"]["regions"]["state"] == "damaged"


@pytest.mark.parametrize("name", ["exact", "assembly-failed"])
def test_a_dax_device_whose_size_cannot_be_read_is_not_taken_for_none(made, name):
    tree = made(name)
    next(tree.glob("sys/bus/dax/devices/*/size")).unlink()
    r = check(tree)
    assert r.rc == 3 and only(r)["class"] == "INCONCLUSIVE" and r.json["sources"]["dax"]["state"] == "hidden", str(r)
    assert r.messages(code="ATTRIBUTE", severity="warning")


@pytest.mark.parametrize("start", ["0xffffffffffffffff", "banana", ""])
@pytest.mark.parametrize("where", ["resource", "mapping0/start"])
def test_a_dax_device_of_impossible_addresses_is_not_taken_for_none(made, where, start):
    tree = made("hbm")
    device = next(tree.glob("sys/bus/dax/devices/dax0.0")).resolve()
    if where == "resource":
        for f in ("start", "end"):
            (device / "mapping0" / f).unlink()
        (device / "mapping0").rmdir()
    (device / where).chmod(0o600)
    (device / where).write_text(start)
    r = check(tree)
    assert r.rc == 3 and only(r)["class"] == "INCONCLUSIVE" and r.json["sources"]["dax"]["state"] == "hidden", str(r)


@pytest.mark.parametrize("cmdline,said", [("memmap=128G$0x1050000000", True), ("mem=4G", True), ("quiet", False), ("memmap=128G%0x1050000000+0xefffffff", False)])
def test_what_the_command_line_may_have_taken_away_is_said(made, cmdline, said):
    r = check(made("uncommitted-7.0", cmdline=cmdline))
    assert only(r)["verdict"] == "stranded" and ("the command line changes the memory map" in only(r)["text"]) == said, str(r)
    assert "command line" not in only(check(made("exact", cmdline=cmdline)))["text"]


def test_dax_devices_that_cannot_be_listed_are_not_taken_for_none(made):
    tree = made("iomem-alone", srat=None)
    (tree / "sys/bus/dax/devices").chmod(0)
    r = check(tree, user=NOBODY)
    assert r.rc == 3 and only(r)["class"] == "INCONCLUSIVE" and "dax_hmem'" not in r.err, str(r)
    (tree / "sys/bus/dax/devices").chmod(0o755)


def test_regions_that_hold_a_range_together_without_dax_are_not_said_to_hold_a_part(made):
    r = check(made("two-regions-one-entry", dax={}))
    assert (only(r)["class"], only(r)["verdict"], only(r)["stranded_bytes"]) == ("REGION_MISFIT", "stranded", 8 * GIB)
    assert "only a part" not in only(r)["text"] and "'cxl enable-region region0 region1'" in only(r)["remedy"]
    assert "'cxl enable-region region0 region1'" in only(check(made("two-regions", dax={})))["remedy"]


def test_a_damaged_cedt_in_place_of_root_decoders_may_lack_a_window(made):
    for about, wrong, rc in (("cut off", lambda b: b[:-4], 3), ("checksum", lambda b: b[:9] + bytes([b[9] ^ 1]) + b[10:], 1)):
        tree = made("no-driver", cedt=["1050000000-304fffffff", "4050000000-504fffffff"],
                    memmap=["0x0-0x7fffffff System RAM", "0x1050000000-0x304fffffff Soft Reserved", "0x4050000000-0x504fffffff Soft Reserved"],
                    iomem=["0-7fffffff : System RAM"])
        p = tree / "sys/firmware/acpi/tables/CEDT"
        p.chmod(0o600)
        p.write_bytes(wrong(p.read_bytes()))
        found = [x["class"] for x in check(tree).json["ranges"]]
        assert found == ["NO_OWNER", "INCONCLUSIVE" if rc == 3 else "NO_OWNER"], about


# -- what firmware did not map ---------------------------------------------------------------
def test_memory_that_firmware_made_system_ram_is_not_called_unmapped(made):
    window = "1050000000-304fffffff"
    for where in ("memmap", "iomem"):  # in the other source nothing is said of it
        values = {"memmap": ["0x0-0x9ffff System RAM"], "iomem": ["00001000-0009ffff : System RAM"]}
        values[where].append("0x1050000000-0x304fffffff System RAM" if where == "memmap" else f"{window} : System RAM")
        r = check(made("none", **values))
        assert r.rc == 0 and r.json["ranges"] == [] and not r.messages(code="DEV-UNMAPPED"), str(r)
        said = r.messages(code="RAM-IN-WINDOW", severity="info")
        assert len(said) == 1 and "128.00 GiB" in said[0]["text"] and "decoder0.0" in said[0]["text"]
    assert check(made("none")).messages(code="DEV-UNMAPPED") and not check(made("none")).messages(code="RAM-IN-WINDOW")


def test_nothing_is_called_unmapped_where_the_windows_are_not_known(hosts):
    for name in ("uncommitted", "none"):
        assert not check(hosts[name], user=NOBODY).messages(code="DEV-UNMAPPED"), name
    assert check(hosts["none"]).messages(code="DEV-UNMAPPED")


# -- the map --------------------------------------------------------------------------------
def test_what_is_hidden_is_no_gap_in_the_map(hosts):
    r = check(hosts["zeroed-enough"], "--format=map", user=NOBODY)
    assert rows(r.text) == [("0x1050000000", "0x304fffffff", ["Soft Reserved", "?", "region0", "dax0.0", "?"])]
    shown = rows(check(hosts["assembly-failed"], "--format=map", user=NOBODY).text)
    assert [c for _, _, columns in shown for c in columns if c == "?"], shown
    r = check(hosts["iomem-alone"], "--format=map")  # no firmware map
    assert [columns[0] for _, _, columns in rows(r.text)] == ["Soft Reserved"] * 3
    assert "?" not in check(hosts["hbm"], "--format=map").text  # no CXL is no gap in what is known


# -- remedies -------------------------------------------------------------------------------
def test_a_region_made_by_hand_goes_to_the_first_free_addresses_of_the_window(made):
    """drivers/cxl/core/region.c: alloc_hpa()."""
    later = {"memmap": ["0x0-0x9ffff System RAM", "0x4050000000-0x504fffffff Soft Reserved"], "iomem": ["00001000-0009ffff : System RAM"],
             "srat": ["4050000000-504fffffff"]}
    none = {"regions": {}, "dax": {}}
    r = check(made("headroom", **later, **none))
    assert only(r)["class"] == "NO_OWNER" and "other addresses" in only(r)["remedy"]
    before = {"region0": {"range": "1050000000-404fffffff", "window": "decoder0.0"}}
    r = check(made("headroom", **later, regions=before, dax={"dax0.0": {"range": "1050000000-404fffffff", "parent": "region0"}}))
    assert only(r)["class"] == "NO_OWNER" and "other addresses" not in only(r)["remedy"] and "create-region" in only(r)["remedy"]
    r = check(made("headroom", **none, iomem=later["iomem"]))
    assert only(r)["class"] == "NO_OWNER" and "other addresses" not in only(r)["remedy"]


def test_a_mixed_range_with_a_region_without_dax_says_how_to_get_one(made):
    d = describe("spanning")
    d["dax"].pop("dax4.0")
    x = only(check(made("spanning", dax=d["dax"])))
    assert x["class"] == "MIXED_UNITS" and "cxl enable-region" in x["remedy"]


def test_the_remedy_for_two_owners_takes_dax_hmem_s_claim_away(made):
    """Tried on 6.12 and 7.2: disable-device alone refuses System RAM and leaves the claim; a device without a size has none."""
    dax = {"dax0.0": {"range": "850000000-284fffffff", "parent": "region0"}, "dax6.0": {"range": "850000000-184fffffff", "parent": "hmem.0"},
           "dax7.0": {"range": "1850000000-284fffffff", "parent": "hmem.1"}}
    x = only(check(made("both-claim", dax=dax)))
    assert x["class"] == "DOUBLE_CLAIM"
    for step in ("reconfigure-device -f -m devdax", "disable-device", "destroy-device"):
        assert f"'daxctl {step} dax6.0 dax7.0'" in x["remedy"]
    gone = {n: {**d, "range": d["range"] if n == "dax0.0" else "", "driver": None} for n, d in dax.items()}
    assert only(check(made("both-claim", dax=gone)))["class"] == "CXL_OWNED"


def test_a_region_that_is_too_small_is_removed_before_another_is_made(hosts):
    remedy = only(check(hosts["misfit"]))["remedy"]
    assert re.search(r"'cxl disable-region region0'.*'cxl destroy-region region0'.*'cxl create-region -t ram -d decoder0.0'", remedy)
