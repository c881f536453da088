# SPDX-License-Identifier: GPL-2.0-only
"""cxl check-soft-reserved: every layout and class, whole outputs compared, and what an administrator may try.

The complete expected outputs are files beside each host's description; UPDATE_EXPECTED=1 writes them anew, to be
read before they are committed.  What they have to say in short is in the table here, written by hand.
"""
import json
import os
import re
import stat

import pytest

from conftest import CAPTURE_NAMES, NO_BUS
from lib import cli, softhost
from lib.cli import NOBODY, run, run_cxl
from lib.tree import Tree

HOSTS = cli.ROOT / "test/hosts/soft"
NAMES = sorted(p.name for p in HOSTS.iterdir())
GIB = 1 << 30

# host: [(class, verdict under strict, verdict under kernel)] of its ranges
EXPECTED = {
    # the layouts seen
    "exact": [("CXL_OWNED", "ok", "ok")],
    "exact-7.0": [("CXL_OWNED", "ok", "ok")],
    "spanning": [("CXL_OWNED", "ok", "ok")],
    "no-alignment": [("STRADDLE_RAM", "give-up-cxl", "stranded")],
    "region-support-off": [("FALLBACK_HMEM", "fallback", "fallback")],
    "assembly-failed": [("FALLBACK_HMEM", "fallback", "fallback")],
    "both-claim": [("DOUBLE_CLAIM", "conflict", "fallback")],
    "region-smaller": [("FALLBACK_HMEM", "fallback", "fallback")],
    "two-regions": [("CXL_OWNED", "ok", "ok")],
    "two-regions-one-entry": [("CXL_OWNED_TILED", "ok", "fallback")],
    "uncommitted": [("NO_OWNER", "stranded", "stranded")],
    "uncommitted-7.0": [("NO_OWNER", "stranded", "stranded")],
    "hbm": [("NOT_CXL", "ok", "ok")],
    "memmap": [("NOT_CXL", "ok", "ok")],
    "memmap-7.0": [("NOT_CXL", "ok", "ok")],
    # the other classes
    "hbm-unclaimed": [("NOT_CXL_UNCLAIMED", "stranded", "stranded")],
    "hbm-part": [("NOT_CXL_UNCLAIMED", "stranded", "stranded")],
    "nosoftreserve": [("SR_OVERRIDDEN", "info", "info")],
    "straddle-ram": [("STRADDLE_RAM", "give-up-cxl", "stranded")],
    "straddle-gap": [("STRADDLE_GAP", "give-up-cxl", "stranded")],
    "straddle-gap-hmem": [("STRADDLE_GAP", "give-up-cxl", "ok")],
    "ram-collision": [("RAM_COLLISION", "conflict", "conflict")],
    "region-no-dax": [("REGION_NO_DAX", "stranded", "stranded")],
    "husk": [("NO_OWNER", "stranded", "stranded")],
    "mixed": [("MIXED_UNITS", "give-up-cxl", "stranded")],
    "mixed-fallback": [("MIXED_UNITS", "give-up-cxl", "fallback")],
    "misfit": [("REGION_MISFIT", "give-up-cxl", "stranded")],
    "zeroed": [("INCONCLUSIVE", "inconclusive", "inconclusive")],
    "disagree-firmware": [("CXL_OWNED", "ok", "ok"), ("INCONCLUSIVE", "inconclusive", "inconclusive")],
    "disagree-iomem": [("CXL_OWNED", "ok", "ok"), ("INCONCLUSIVE", "inconclusive", "inconclusive")],
    "no-firmware-map": [],
    "none": [],
    "no-driver": [("NO_OWNER", "stranded", "stranded")],
    "give-up-taints": [("STRADDLE_GAP", "give-up-cxl", "stranded"), ("CXL_OWNED", "give-up-cxl", "ok")],
    # enough is known in spite of what is missing
    "zeroed-enough": [("CXL_OWNED", "ok", "ok")],
    "iomem-alone": [("CXL_OWNED", "ok", "ok")],
    "not-in-srat": [("CXL_OWNED", "ok", "ok")],
    # modifiers
    "headroom": [("CXL_OWNED", "ok", "ok")],
    "offline": [("CXL_OWNED", "ok", "ok")],
    "coherent": [("CXL_OWNED", "conflict", "ok")],
    "cdat-mismatch": [("CXL_OWNED", "conflict", "ok")],
    "cdat-empty": [("CXL_OWNED", "ok", "ok")],
    "orphan": [("NO_OWNER", "conflict", "conflict")],
    "elc": [("CXL_OWNED", "ok", "ok")],
    "atl": [("CXL_OWNED", "ok", "ok")],
    "lmh": [("CXL_OWNED", "ok", "ok")],
}
ORDER = ["ok", "info", "fallback", "inconclusive", "stranded", "conflict", "give-up-cxl"]
STATUS = {"ok": 0, "info": 0, "fallback": 1, "inconclusive": 3, "stranded": 1, "conflict": 1, "give-up-cxl": 1}


def describe(name):
    return json.loads((HOSTS / name / "host.json").read_text())


@pytest.fixture(scope="session")
def hosts(tmp_path_factory):
    """Name -> tree, built when first asked for."""
    top = tmp_path_factory.mktemp("soft")
    top.chmod(0o755)

    class Hosts(dict):
        def __missing__(self, name):
            self[name] = softhost.build(top / name, describe(name))
            return self[name]
    return Hosts()


@pytest.fixture
def made(tmp_path):
    """made(NAME, **CHANGES) -> a tree of that description with other values in it."""
    tmp_path.chmod(0o755)
    count = iter(range(100))
    return lambda name, **changes: softhost.build(tmp_path / str(next(count)), {**describe(name), **changes})


def check(tree, *args, **kw):
    return run_cxl(["check-soft-reserved", *args], sysroot=tree, **kw)


def only(r):
    assert len(r.json["ranges"]) == 1, r
    return r.json["ranges"][0]


def modifiers(r):
    return {m["id"]: m["bytes"] for m in only(r)["modifiers"]}


# -- every host ----------------------------------------------------------------------
def test_every_host_is_in_the_table_and_every_class_in_a_host():
    assert sorted(EXPECTED) == NAMES
    schema = json.loads((cli.ROOT / "schemas/cxl-check-soft-reserved.json").read_text())
    assert {c for ranges in EXPECTED.values() for c, _, _ in ranges} == set(schema["$defs"]["class"]["enum"])


@pytest.mark.parametrize("policy", ["strict", "kernel"])
@pytest.mark.parametrize("name", NAMES)
def test_the_output_is_as_expected_to_the_last_byte(hosts, name, policy):
    r = check(hosts[name], f"--policy={policy}")
    expected = HOSTS / name / f"{policy}.json"
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_bytes(r.out)
    assert r.json == json.loads(expected.read_text())


@pytest.mark.parametrize("policy", ["strict", "kernel"])
@pytest.mark.parametrize("name", NAMES)
def test_classes_verdicts_and_exit_status(hosts, name, policy):
    r = check(hosts[name], f"--policy={policy}")
    wanted = [(c, s if policy == "strict" else k) for c, s, k in EXPECTED[name]]
    assert [(x["class"], x["verdict"]) for x in r.json["ranges"]] == wanted
    worst = max((v for _, v in wanted), key=ORDER.index, default="inconclusive" if name == "no-firmware-map" else "ok")
    assert r.json["policy"] == policy and r.json["verdict"] == worst and r.rc == STATUS[worst]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_add_up(hosts, name):
    for x in check(hosts[name], "--policy=strict").json["ranges"]:
        start, end = int(x["start"], 16), int(x["end"], 16)
        assert x["size"] == end - start + 1
        units = [(int(u["start"], 16), int(u["end"], 16)) for u in x["units"]]
        assert units[0][0] == start and units[-1][1] == end
        assert all(a[1] + 1 == b[0] for a, b in zip(units, units[1:]))
        if x["class"] == "INCONCLUSIVE":
            assert x["owned_bytes"] is x["usable_bytes"] is x["stranded_bytes"] is None
            continue
        assert x["owned_bytes"] + x["stranded_bytes"] == x["size"]
        loss = sum(m["bytes"] for m in x["modifiers"] if m["id"] == "ALIGN_LOSS")
        assert x["usable_bytes"] + loss == x["owned_bytes"]
        assert (x["verdict"] in ("ok", "info")) <= (x["stranded_bytes"] == 0)


# -- numbers and evidence --------------------------------------------------------------
def test_the_exact_layout_loses_2_of_128_gib_to_alignment(hosts):
    x = only(check(hosts["exact"]))
    assert (x["size"], x["owned_bytes"], x["usable_bytes"], x["stranded_bytes"]) == (128 * GIB, 128 * GIB, 126 * GIB, 0)
    assert x["modifiers"] == [{"id": "ALIGN_LOSS", "bytes": 2 * GIB}]
    assert (x["windows"], x["regions"], x["dax"]) == (["decoder0.0"], ["region0"], ["dax0.0"])


def test_kernel_7_0_without_a_line_in_iomem_is_judged_by_the_firmware_map(hosts):
    with_line, without = check(hosts["exact"]), check(hosts["exact-7.0"])
    assert with_line.json["sources"]["iomem"]["state"] == "read"
    assert without.json["sources"]["iomem"]["state"] == "silent"
    assert without.json["ranges"] == with_line.json["ranges"]


def test_a_spanning_range_is_three_units_each_with_its_region(hosts):
    x = only(check(hosts["spanning"]))
    assert [(u["start"], u["class"]) for u in x["units"]] == [
        ("0x850000000", "CXL_OWNED"), ("0x2850000000", "CXL_OWNED"), ("0x4850000000", "CXL_OWNED")]
    assert x["regions"] == ["region3", "region4", "region5"]


def test_units_of_a_mixed_range_name_the_part_without_an_owner(hosts):
    x = only(check(hosts["mixed"], "--policy=kernel"))
    assert [(u["class"], u["verdict"]) for u in x["units"]] == [("CXL_OWNED", "ok"), ("CXL_OWNED", "ok"), ("NO_OWNER", "stranded")]
    assert x["stranded_bytes"] == 128 * GIB


@pytest.mark.parametrize("name,stranded,uncovered", [
    ("straddle-gap", 32, 32), ("straddle-gap-hmem", 0, 32), ("misfit", 64, 0), ("uncommitted", 128, 0), ("hbm-part", 4, 8),
    ("hbm", 0, 8), ("mixed-fallback", 0, 0)])
def test_what_is_stranded_and_what_no_window_is_over(hosts, name, stranded, uncovered):
    x = only(check(hosts[name]))
    assert (x["stranded_bytes"], x["uncovered_bytes"]) == (stranded * GIB, uncovered * GIB)


@pytest.mark.parametrize("name,wanted", [
    ("headroom", {"ALIGN_LOSS": 2 * GIB, "WINDOW_HEADROOM": 384 * GIB}), ("offline", {"ALIGN_LOSS": 2 * GIB, "OFFLINE": 62 * GIB}),
    ("coherent", {"ALIGN_LOSS": 2 * GIB, "DEV_COHERENT": 128 * GIB}), ("cdat-mismatch", {"ALIGN_LOSS": 2 * GIB, "CDAT_MISMATCH": 128 * GIB}),
    ("orphan", {"ORPHAN_IOMEM": 128 * GIB}), ("elc", {"ALIGN_LOSS": 2 * GIB, "QUIRK_ELC": 64 * GIB}),
    ("atl", {"ALIGN_LOSS": 2 * GIB, "QUIRK_ATL": 128 * GIB}), ("lmh", {"ALIGN_LOSS": 2 * GIB, "QUIRK_LMH": 128 * GIB}), ("hbm", {})])
def test_modifiers_and_their_bytes(hosts, name, wanted):
    assert modifiers(check(hosts[name])) == wanted


def test_every_verdict_below_ok_has_a_sentence_and_a_remedy(hosts):
    for name in NAMES:
        r = check(hosts[name], "--policy=strict")
        for x in r.json["ranges"]:
            assert re.search(r"\w \w", x["text"]) and "{" not in x["text"] and "(null)" not in x["text"]
            if x["verdict"] not in ("ok", "info"):
                assert len(x["remedy"]) > 15 and "{" not in x["remedy"]
                assert r.messages(target=f"{x['start']}-{x['end']}"), f"{name}: the range is not in the messages"
                assert f"{x['start']}-{x['end']}" in r.err


def test_dax_may_have_a_device_coherent_window_only_if_a_cdat_says_so(hosts, made):
    r = check(hosts["coherent"], "--policy=strict")
    assert r.rc == 1 and only(r)["verdict"] == "conflict"
    r = check(hosts["coherent"], "--policy=kernel")
    assert r.rc == 0 and "device-coherent" in r.err  # said all the same
    r = check(made("coherent", mems={"mem0": {}}), "--policy=strict")
    assert r.rc == 0 and modifiers(r)["DEV_COHERENT"] == 128 * GIB
    r = check(made("coherent", cedt=["1050000000-304fffffff 0x7"]), "--policy=strict")
    assert r.rc == 0 and "DEV_COHERENT" not in modifiers(r)


@pytest.mark.parametrize("efi_type,mismatch", [(0, True), (1, False), (2, True)])
@pytest.mark.parametrize("name", ["exact", "uncommitted"])
def test_memory_that_the_device_wants_otherwise_is_a_mismatch(made, name, efi_type, mismatch):
    r = check(made(name, mems={"mem0": {"cdat": [[0, 1 << 40, efi_type]]}}))
    assert modifiers(r).get("CDAT_MISMATCH") == (128 * GIB if mismatch else None)
    if name == "exact":  # only the part of the device that the region has counts
        r = check(made(name, mems={"mem0": {"cdat": [[0, 128 * GIB, 1], [128 * GIB, 1 << 30, efi_type]]}}))
        assert "CDAT_MISMATCH" not in modifiers(r)


def test_a_decoder_of_another_size_than_its_region_is_named_unless_it_is_a_known_quirk(hosts, made):
    region = {"range": "1050000000-304fffffff", "window": "decoder0.0", "decoder": "1050000000-204fffffff"}
    r = check(made("exact", regions={"region0": region}))
    assert r.messages(code="DECODER-SIZE", target="decoder2.0")
    for name in ("elc", "atl", "lmh", "exact"):
        assert not check(hosts[name]).messages(code="DECODER-SIZE"), name


# -- options -----------------------------------------------------------------------------
def test_fallback_is_a_failure_unless_it_is_allowed(hosts):
    r = check(hosts["assembly-failed"])
    assert r.rc == 1 and r.messages(code="FALLBACK", severity="warning") and "--allow-fallback" in r.err
    r = check(hosts["assembly-failed"], "--allow-fallback")
    assert r.rc == 0 and r.json["verdict"] == "fallback"
    assert check(hosts["mixed"], "--allow-fallback").rc == 1


@pytest.mark.parametrize("size,verdict", [("2GiB", "ok"), ("2147483648", "ok"), ("2147483647", "stranded"), ("2G", "ok"), ("2GB", "stranded"), ("0", "stranded"),
                                          ("1024M", "stranded"), ("1TiB", "ok")])
def test_max_align_loss_turns_a_greater_loss_into_a_failure(hosts, size, verdict):
    r = check(hosts["exact"], f"--max-align-loss={size}")
    assert r.json["verdict"] == verdict and r.rc == STATUS[verdict]
    assert ("more than --max-align-loss allows" in only(r)["text"]) == (verdict == "stranded")


def test_the_policy_is_kernel_unless_said_otherwise(hosts):
    assert check(hosts["straddle-gap"]).json["policy"] == "kernel"
    assert check(hosts["straddle-gap"]).json["verdict"] == "stranded"


def test_a_capture_needs_no_settling(hosts):
    r = check(hosts["uncommitted"], "--settle=3600", timeout=20)
    assert r.rc == 1 and r.messages(code="SETTLE", severity="info")


@pytest.mark.parametrize("args", [["--policy=lenient"], ["--policy="], ["--max-align-loss=-1"], ["--max-align-loss=2 GiB"], ["--max-align-loss=99999999T"],
                                  ["--max-align-loss="], ["--settle=-1"], ["--settle=soon"], ["--settle=3601"], ["--settle="], ["root0"], ["--no-such"],
                                  ["--policy"], ["--format=dot"], ["--settle=1e9"]], ids=" ".join)
def test_a_wrong_command_line_is_one_sentence_and_exit_2(hosts, args):
    r = check(hosts["exact"], *args, json_expected=not any(a.startswith("--format") for a in args))
    assert r.rc == 2 and r.out
    out = json.loads(r.out)
    assert out["exit_status"] == 2 and out["ranges"] == [] and out["messages"][0]["code"] == "USAGE"
    assert len(r.err.splitlines()) == 1 and r.err.startswith("cxl check-soft-reserved: ")


def test_a_directory_that_is_not_there_is_exit_2(tmp_path):
    r = check(tmp_path / "none")
    assert r.rc == 2 and "--sysroot" in r.err


# -- formats ------------------------------------------------------------------------------
def test_human_output_writes_sizes_for_people(hosts):
    r = check(hosts["exact"], "-u")
    assert '"usable_bytes":"126.00 GiB (135.29 GB)"' in r.text and r.rc == 0


def test_the_table_has_a_row_per_range(hosts):
    lines = check(hosts["give-up-taints"], "--format=table").text.splitlines()
    assert lines[0].split()[:6] == ["START", "END", "SIZE", "CLASS", "VERDICT", "WINDOWS"]
    assert [line.split()[0] for line in lines[1:]] == ["0x850000000", "0x4050000000"]
    assert "no Soft Reserved range" in check(hosts["none"], "--format=table").text


def rows(text):
    """A map's rows: (start, end, [the five columns])."""
    head, *lines = text.splitlines()
    at = [head.index(t) for t in ("FIRMWARE", "WINDOWS", "REGIONS", "DAX", "RAM")] + [None]
    return [(*line.split()[:2], [line[a:b].strip() for a, b in zip(at, at[1:])]) for line in lines]


def test_the_map_shows_gaps_between_its_columns(hosts):
    assert rows(check(hosts["straddle-gap"], "--format=map").text) == [
        ("0x850000000", "0x284fffffff", ["Soft Reserved", "decoder0.0", "region0", "dax0.0", "-"]),
        ("0x2850000000", "0x304fffffff", ["Soft Reserved", "-", "-", "-", "-"])]
    assert rows(check(hosts["exact"], "--format=map").text) == [
        ("0x1050000000", "0x107fffffff", ["Soft Reserved", "decoder0.0", "region0", "dax0.0", "-"]),
        ("0x1080000000", "0x2fffffffff", ["Soft Reserved", "decoder0.0", "region0", "dax0.0", "System RAM (kmem)"]),
        ("0x3000000000", "0x304fffffff", ["Soft Reserved", "decoder0.0", "region0", "dax0.0", "-"])]


def test_the_map_of_a_straddling_range_shows_the_ram_beside_it(hosts):
    shown = rows(check(hosts["straddle-ram"], "--format=map").text)
    assert shown[0] == ("0x100000", "0x7fffffff", ["System RAM", "-", "-", "-", "System RAM"])
    assert [r[2][1] for r in shown] == ["-", "-", "decoder0.0"]


def test_a_map_of_nothing_says_so(hosts):
    assert "no Soft Reserved range" in run_cxl(["check-soft-reserved", "--format=map"], sysroot=hosts["none"].parent).text


@pytest.mark.parametrize("name", NAMES)
def test_every_format_prints_every_host(hosts, name):
    status = check(hosts[name]).rc
    for f in ("human", "table", "map"):
        r = check(hosts[name], f"--format={f}")
        assert r.rc == status and r.out, f


# -- users, sources -------------------------------------------------------------------------
def test_a_normal_user_gets_no_verdict_where_addresses_are_hidden(hosts):
    for name, hidden in (("uncommitted", "windows"), ("assembly-failed", "windows"), ("hbm", "dax"), ("two-regions-one-entry", "srat")):
        r = check(hosts[name], user=NOBODY)
        assert r.rc == 3 and only(r)["class"] == "INCONCLUSIVE", str(r)
        assert r.json["sources"][hidden]["state"] == "hidden" and "as root" in r.err


def test_a_normal_user_is_told_what_region_and_firmware_map_say_together(hosts):
    r = check(hosts["exact"], user=NOBODY)
    assert r.rc == 0 and only(r)["class"] == "CXL_OWNED" and only(r)["usable_bytes"] == 126 * GIB
    assert {n for n, s in r.json["sources"].items() if isinstance(s, dict) and s["state"] == "hidden"} == {"cedt", "srat", "windows", "cdat"}


def test_a_missing_firmware_map_is_named_and_not_taken_for_no_memory(hosts):
    r = check(hosts["no-firmware-map"])
    assert r.rc == 3 and r.json["ranges"] == []
    assert r.json["sources"]["firmware_map"]["state"] == "missing" and "/sys/firmware/memmap" in r.err


def test_an_entry_of_the_firmware_map_that_cannot_be_read_forbids_an_ok(made):
    tree = made("exact")
    p = tree / "sys/firmware/memmap/2/start"
    p.chmod(stat.S_IRUSR | stat.S_IWUSR)
    for bad in ("", "0x", "1050000000zz", "0x3050000000"):
        p.write_text(bad)
        r = check(tree)
        assert r.rc == 3 and r.json["sources"]["firmware_map"]["state"] == "damaged", bad


@pytest.mark.parametrize("path,source", [("proc/iomem", "iomem"), ("sys/firmware/acpi/tables/CEDT", "cedt"), ("sys/firmware/acpi/tables/SRAT", "srat"),
                                         ("proc/cmdline", "cmdline")])
@pytest.mark.parametrize("what", ["missing", "empty", "binary", "long"])
def test_a_source_that_is_missing_or_rubbish_is_named_and_the_others_are_used(made, path, source, what):
    tree = made("exact")
    p = tree / path
    p.unlink()
    if what != "missing":
        p.write_bytes({"empty": b"", "binary": bytes(range(256)) * 5, "long": b"CEDT" + b"\xff" * 100000}[what])
    r = check(tree)
    assert only(r)["class"] in ("CXL_OWNED", "INCONCLUSIVE") and r.rc in (0, 3)
    state = r.json["sources"][source]["state"]
    assert state == "missing" if what == "missing" else source == "cmdline" or state == "damaged", state
    if source != "cmdline" or what == "missing":
        assert r.json["sources"][source]["text"]


def test_a_window_of_the_cedt_without_a_root_decoder_is_a_contradiction(made):
    r = check(made("exact", cedt=["1050000000-304fffffff", "4050000000-504fffffff"]))
    assert any("0x4050000000" in m["text"] for m in r.messages(code="CONTRADICTION", severity="warning"))
    r = check(made("exact", cedt=["1050000001-3050000000"]))
    assert any("256 MiB" in m["text"] for m in r.messages(code="CEDT"))
    assert any("decoder0.0" == m["target"] for m in r.messages(code="CONTRADICTION"))


def test_what_the_command_line_makes_of_the_map_explains_a_range(made):
    d = describe("memmap")
    assert check(made("memmap", cmdline="quiet")).json["verdict"] == "inconclusive"  # then iomem is alone with it
    assert check(made("memmap")).json["sources"]["cmdline"]["spans"] == [{"name": "Soft Reserved", "start": "0x100000000", "end": "0x1ffffffff"}]
    r = check(made("memmap", cmdline="efi_fake_mem=4G@4G:0x40000", iomem=d["iomem"]))
    assert only(r)["class"] == "NOT_CXL"
    for part in ("memmap=5G%3G-1+0xefffffff", "memmap=1G%2G-1+0xefffffff,4G%4G-1+0xefffffff"):  # 3-4G is no RAM
        r = check(made("memmap", cmdline=part))
        assert only(r)["class"] == "NOT_CXL" and only(r)["size"] == 4 * GIB, part
    assert only(check(made("memmap", cmdline='"memmap=4G%4G+0xefffffff"')))["class"] == "NOT_CXL"
    r = check(made("memmap", cmdline="memmap=4X%4G"))
    assert r.messages(code="CMDLINE", severity="warning")


@pytest.mark.parametrize("name", ["hbm", "assembly-failed", "both-claim"])
def test_devices_of_dax_hmem_are_found_below_hmem_platform(made, name):
    """Where newer kernels have them."""
    dax = {n: {**d, "parent": f"hmem_platform.0/{d['parent']}" if d["parent"].startswith("hmem") else d["parent"]} for n, d in describe(name)["dax"].items()}
    assert dax != describe(name)["dax"]
    assert check(made(name, dax=dax)).json == check(made(name)).json


def test_a_multi_range_dax_device_owns_each_of_its_ranges(made):
    r = check(made("hbm", dax={"dax0.0": {"range": "280000000-2ffffffff,380000000-47fffffff", "parent": "hmem.0"}}))
    assert only(r)["class"] == "NOT_CXL_UNCLAIMED" and only(r)["stranded_bytes"] == 2 * GIB


def test_a_dax_device_without_a_size_owns_nothing(made):
    r = check(made("exact", dax={"dax0.0": {"range": "", "parent": "region0", "driver": None}}))
    assert only(r)["class"] == "REGION_NO_DAX" and only(r)["dax"] == []


# -- captures and the simulated host ---------------------------------------------------------
@pytest.mark.parametrize("name", CAPTURE_NAMES)
def test_captures_have_no_soft_reserved_range_and_it_is_said(captures, name):
    r = run_cxl(["check-soft-reserved"], sysroot=captures[name])
    assert r.rc == 0 and r.json["verdict"] == "ok" and r.json["ranges"] == []
    assert r.messages(code="NO-SOFT-RESERVED", severity="info")
    assert bool(r.messages(code="NO-CXL")) == (name == NO_BUS)
    with_memory = {m for m in Tree(captures[name]).names("mem") if Tree.number(captures[name] / f"sys/bus/cxl/devices/{m}/ram/size")}
    assert {m["target"] for m in r.messages(code="DEV-UNMAPPED")} == with_memory
    if name == "direct1-6.12-devdax":
        assert r.messages(code="DEV-UNMAPPED")[0]["text"].endswith("legal, region0 was made of it")
    elif name == "direct1-6.12-noregion":
        assert r.messages(code="DEV-UNMAPPED")[0]["text"].endswith("a region can be made by hand")


def test_the_live_host_is_read_without_cxl_too():
    for user in (None, NOBODY):
        cmd = [cli.CXL, "check-soft-reserved"]
        if user:
            cmd = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *cmd]
        r = cli.parse(run(cmd), "cxl-check-soft-reserved")
        assert r.rc in (0, 1, 3)


def test_it_works_on_a_simulated_host():
    r = run_cxl(["check-soft-reserved"], host="direct1", kernel="v1-fixed")
    assert r.rc == 0 and r.messages(code="NO-SOFT-RESERVED")
    states = {n: s["state"] for n, s in r.json["sources"].items() if isinstance(s, dict)}
    assert states["firmware_map"] == "silent" and states["windows"] == "read" and states["cdat"] == "read", states
    assert not [e for e in r.log if e["op"] == "write"]


@pytest.fixture
def simulated(tmp_path):
    """A host to simulate whose region lies in a Soft Reserved range of its size; kernel 7.0: not in iomem."""
    entry = {"start": "0x490000000", "end": "0x49fffffff", "type": "Soft Reserved"}
    f = tmp_path / "soft.json"
    f.write_text(json.dumps({"base": str(cli.CAPTURES / "direct1-6.12-devdax.tar.xz"), "kernel": "v1-fixed",
                             "files": {f"sys/firmware/memmap/99/{k}": v + "\n" for k, v in entry.items()}}))
    return f


REBIND = "cd /sys/bus/cxl/drivers/cxl_region; echo region0 >unbind; (sleep 1; echo region0 >bind) >/dev/null 2>&1 &"


def timed(r):
    start, end = map(float, re.search(r"took (\S+) (\S+)", r.err).groups())
    return end - start


@pytest.mark.parametrize("settle,status,least,most", [(None, 1, 0, 1), ("200ms", 1, 0.2, 1), ("0", 1, 0, 1), ("30", 0, 0.4, 15), ("30s", 0, 0.4, 15)])
def test_settle_waits_until_nothing_is_without_an_owner_or_the_time_is_over(simulated, settle, status, least, most):
    option = f"--settle={settle}" if settle else ""
    cmd = f"{REBIND}\nstart=$(date +%s.%N); {cli.CXL} check-soft-reserved {option}; s=$?; echo took $start $(date +%s.%N) >&2; wait; exit $s"
    r = cli.run_sim([["sh", "-c", cmd]], host=simulated)[0]
    out = json.loads(r.out)
    assert r.rc == status and out["ranges"][0]["class"] == ("REGION_NO_DAX" if status else "CXL_OWNED"), str(r)
    assert least <= timed(r) <= most, str(r)


def test_a_healthy_host_does_not_wait(simulated):
    r = run_cxl(["check-soft-reserved", "--settle=30"], host=simulated, timeout=15)
    assert r.rc == 0 and only(r)["class"] == "CXL_OWNED"


def test_a_normal_user_on_a_simulated_host(simulated):
    r = run_cxl(["check-soft-reserved"], host=simulated, user=NOBODY)
    assert r.rc in (0, 3) and r.json["sources"]["windows"]["state"] == "hidden"


def test_what_a_capture_holds_is_all_that_the_command_reads(simulated, tmp_path):
    """Recorded inside of the simulated host and unpacked: the same judgement."""
    f = tmp_path / "c.tar.xz"
    live, _ = cli.run_sim([[cli.CXL, "check-soft-reserved"], [cli.SIM, "capture", "-o", f]], host=simulated)
    assert live.rc == 0 and f.exists()
    again = tmp_path / "again"
    again.mkdir()
    run(["tar", "-xJf", f, "-C", again, "--no-same-owner"])
    r = check(again)
    live = json.loads(live.out)
    assert r.json["ranges"] == live["ranges"] and len(r.json["ranges"]) == 1
    assert {n: s["state"] for n, s in r.json["sources"].items() if n != "block_bytes"} == {
        n: s["state"] for n, s in live["sources"].items() if n != "block_bytes"}


def test_the_built_in_host_has_stranded_memory():
    r = run_cxl(["check-soft-reserved"], host="stranded1", kernel="v1-fixed")
    assert r.rc == 1 and only(r)["class"] == "NO_OWNER" and only(r)["stranded_bytes"] == 256 << 20


def test_an_operand_is_refused_by_name():
    r = run_cxl(["check-soft-reserved", "mem0"])
    assert r.rc == 2 and "'mem0' is too much" in r.err and "leave it out" in r.err, str(r)
