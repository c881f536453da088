# SPDX-License-Identifier: GPL-2.0-only
"""isolation-status in its formats: table, tree, human, prometheus; what is unknown in each; --output."""
import math
import os
import re
import stat
import subprocess

import pytest

from lib import cli, promtool
from lib.cli import NOBODY, Session, run, run_cxl

RP = "0000:0c:00.0"
TWO = "direct2x2-6.12-x2hb-devdax"


def formats_of(*command):
    """As its help says."""
    out = subprocess.run([cli.CXL, *command, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, env=cli.CLEAN).stdout
    listed = re.search(r"how to print: json \(default\), ((?:[a-z-]+,\s+)*[a-z-]+)", out)[1]
    return re.split(r",\s+", listed)


ALL_FORMATS = formats_of("isolation-status")
FORMATS = [f for f in ALL_FORMATS if f != "nagios"]  # its exit status is its own: test_nagios.py
CONDITIONS = {  # host, kernel, user: from all known to next to nothing
    "all": ("direct1", "v1-fixed", None), "v1": ("interleave2", "v1", None), "mainline": ("switch4", "mainline", None),
    "nobody": ("direct1", "v1-fixed", NOBODY), "nobody-mainline": ("sysram1", "mainline", NOBODY)}


def printed(fmt, *args, host="direct1", kernel="v1-fixed", user=None, before=None):
    before = before and f"export PATH={cli.CXL.parent}:{cli.SIM.parent}:$PATH; {before} >/dev/null"
    r, = Session(host, kernel, before=before).cxl("isolation-status", f"--format={fmt}", *args, user=user).run()
    return r


def samples(text):
    """{(name, frozenset of labels): value}, after what the format's rules say about HELP and TYPE."""
    parser = pytest.importorskip("prometheus_client.parser")
    found = {}
    for family in parser.text_string_to_metric_families(text):
        assert family.type == ("counter" if f"# TYPE {family.name}_total" in text else "gauge") and family.documentation, family
        for s in family.samples:
            key = (s.name, frozenset(s.labels.items()))
            assert key not in found and s.timestamp is None, f"twice, or with a timestamp: {s}"
            found[key] = s.value
    heads = re.findall(r"^# (HELP|TYPE) (\S+)", text, re.M)
    assert len(heads) == len(set(heads)) and text.endswith("\n")
    order = re.findall(r"^(?:# TYPE )?(cxl_\w+)", text, re.M)
    seen = [n for i, n in enumerate(order) if not i or order[i - 1] != n]
    assert len(seen) == len(set(seen)), "the samples of a metric are apart"
    return found


def value(found, name, **labels):
    return found.get((f"cxl_isolation_{name}", frozenset(labels.items())))


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("args", [[], ["--impact"], ["--check"], ["-x"], ["--impact", "--check"]], ids=" ".join)
def test_every_format_prints_whatever_is_unknown(condition, args):
    host, kernel, user = CONDITIONS[condition]
    if user and os.geteuid():
        pytest.skip("needs root to become somebody else")
    for fmt in FORMATS:
        r = printed(fmt, *args, host=host, kernel=kernel, user=user)
        assert r.rc == (1 if "-x" in args and "isolation-status" in r.err else 0), str(r)
        assert "null" not in r.text or fmt == "json-human", str(r)
        if fmt == "prometheus":
            samples(r.text)


def test_metrics_say_what_the_record_says():
    found = samples(printed("prometheus", "--impact", before="cxl enable-isolation --timeout=B2 root0").text)
    rp = {"root_port": RP}
    assert value(found, "exit_status") == 0
    assert value(found, "root_port_info", **rp, host_bridge="port1", bus="root0", abi="v1") == 1
    assert [value(found, "state", **rp, state=s) for s in ("normal", "isolated", "unknown")] == [1, 0, 0]
    assert [value(found, "containment", **rp, level=s) for s in ("none", "debug", "contain", "recover")] == [0, 0, 0, 1]
    assert (value(found, "enabled", **rp, protocol="mem"), value(found, "enabled", **rp, protocol="cache")) == (1, 0)
    assert math.isclose(value(found, "timeout_min_seconds", **rp, protocol="mem"), 0.065)
    assert math.isclose(value(found, "timeout_max_seconds", **rp, protocol="mem"), 0.21)
    assert value(found, "memory_bytes", **rp) == 268435456 and value(found, "link_width_lanes", **rp) == 16
    assert value(found, "other_root_ports", **rp) == 0 and value(found, "system_ram_bytes", **rp) == 0
    assert value(found, "busy", **rp) is None, "what is null has no sample"


def test_metrics_of_an_isolated_port():
    found = samples(printed("prometheus", before=f"cxl enable-isolation root0; cxl-sim ctl link-down {RP}").text)
    rp = {"root_port": RP}
    assert value(found, "state", **rp, state="isolated") == 1 and value(found, "isolated", **rp, protocol="mem") == 1
    assert value(found, "problem", **rp, problem="isolated") == value(found, "blocker", **rp, check="ISO-ISOLATED") == 1
    assert value(found, "busy", **rp) == 0 and value(found, "link_width_lanes", **rp) is None


def test_metrics_of_a_host_without_cxl_say_so(captures):
    r = run_cxl(["isolation-status", "--format=prometheus"], sysroot=captures["none-6.12-noregion"])
    assert r.rc == 3 and samples(r.text) == {("cxl_isolation_exit_status", frozenset()): 3.0}


@pytest.mark.parametrize("condition", ["all", "v1", "nobody"])
def test_promtool_has_nothing_to_say(condition):
    host, kernel, user = CONDITIONS[condition]
    text = printed("prometheus", "--impact", host=host, kernel=kernel, user=user).out
    p = subprocess.run([promtool.program(), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (p.returncode, p.stdout, p.stderr) == (0, b"", b"")


def test_the_table_has_a_row_for_each_root_port():
    lines = printed("table", host="interleave2").text.splitlines()
    assert lines[0].startswith("ROOT PORT    BRIDGE STATE") and len(lines) == 5
    assert lines[1].split()[:7] == [RP, "port2", "normal", "-", "up", "off", "off"]


def test_the_tree_nests_bus_bridge_root_port_and_what_is_below(captures):
    text = run_cxl(["isolation-status", "--format=tree", "root0", *run_cxl(["list", "--isolation"], sysroot=captures[TWO]).root_ports()],
                   sysroot=captures[TWO]).text
    names = [(len(re.match(r"[\s|`]*-?", line)[0]) // 2, re.sub(r"^[\s|`-]*", "", line).split()[0]) for line in text.splitlines()[1:]]
    assert names[0] == (0, "root0")
    levels = {n: depth for depth, n in names}
    assert levels["port1"] == levels["port2"] == 1 and {d for d, n in names if n.startswith("0000:")} == {2}
    assert {d for d, n in names if n.startswith(("mem", "region", "dax"))} == {3}
    assert [n for _, n in names].count("region2") == 2, "below each root port that it touches"


def test_people_read_sizes_and_durations():
    text = printed("json-human", "--impact").text
    assert '"bytes":"256.00 MiB (268.44 MB)"' in text and '"max":"10 ms"' in text
    assert printed("json-human").text == Session("direct1").cxl("isolation-status", "-u").run()[0].text


def test_an_unknown_format_names_those_there_are(captures):
    r = run_cxl(["isolation-status", "--format=xml"], sysroot=captures[TWO], json_expected=False)
    assert r.rc == 2 and f"use one of: {', '.join(['json', *ALL_FORMATS])}" in r.err and "prometheus" in FORMATS
    r = run_cxl(["list", "--isolation", "--format=nagios"], sysroot=captures[TWO], json_expected=False)
    assert r.rc == 2 and f"use one of: {', '.join(['json', *formats_of('list', '--isolation')])}" in r.err and "nagios" not in r.err.split("use one of:")[1]


@pytest.mark.parametrize("fmt", ["json", *FORMATS])
def test_a_file_is_replaced_whole_and_can_be_read_by_others(captures, tmp_path, fmt):
    out = tmp_path / "cxl.prom"
    out.write_text("old")
    with open(out, encoding="utf-8") as old:
        r = run([cli.CXL, "isolation-status", f"--sysroot={captures[TWO]}", f"--format={fmt}", "-o", out])
        assert r.rc == 0 and r.out == b"" and old.read() == "old", "another file took its place"
    assert out.read_bytes() == run([cli.CXL, "isolation-status", f"--sysroot={captures[TWO]}", f"--format={fmt}"]).out
    assert stat.S_IMODE(out.stat().st_mode) == 0o644 and os.listdir(tmp_path) == ["cxl.prom"]


def test_a_full_disk_leaves_the_old_file(captures, tmp_path):
    r = run([cli.CXL, "isolation-status", f"--sysroot={captures[TWO]}", "--format=prometheus", "-o", "/dev/full"])
    assert r.rc == 4 and "No space left on device" in r.err
