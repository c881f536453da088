# SPDX-License-Identifier: GPL-2.0-only
"""Format dot: a graph that graphviz reads, with every object once, whatever its name, and the picture in README."""
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import pytest

from lib import cli
from lib.cli import ROOT, Session, run_cxl, run_daxctl

DOT = shutil.which("dot")
PICTURE = "cxl enable-isolation mem0 mem3 >/dev/null; cxl list --isolation --format=dot"
SVG = "{http://www.w3.org/2000/svg}"


def svg(source):
    if not DOT:
        pytest.skip("graphviz is not installed")
    p = subprocess.run([DOT, "-Tsvg"], input=source.encode(), capture_output=True, check=False, timeout=60)
    assert p.returncode == 0 and not p.stderr, f"{p.stderr.decode()}\n{source}"
    return p.stdout


def titles(picture):
    """Names of nodes, edges as "a->b", as the SVG has them."""
    return {g.find(f"{SVG}title").text for g in ET.fromstring(picture).iter(f"{SVG}g") if g.get("class") in ("node", "edge")}


def nodes(source):
    """{kind and name: its label's lines}"""
    return {n: label.split(r"\n") for n, label in re.findall(r'^\t"([^"]*)" \[label="((?:[^"\\]|\\.)*)"', source, re.M)}


def edges(source):
    return set(re.findall(r'^\t"([^"]*)" -> "([^"]*)";$', source, re.M))


def test_the_graph_has_what_the_listing_has():
    source, listed, status, dax = Session("interleave2").cxl("list", "--isolation", "--format=dot").cxl("list", "--isolation") \
        .cxl("isolation-status", "--impact", "--format=dot").daxctl("list", "--isolation", "--format=dot").run()
    ports = listed.root_ports()
    found, lines = nodes(source.text), edges(source.text)
    assert {n.split()[1] for n in found if n.startswith("port ")} == set(ports)
    assert {n for n in found if n.startswith(("memdev", "region", "dax"))} == {
        f"{kind} {name}" for kind, key in (("memdev", "memdevs"), ("region", "regions"), ("dax", "dax")) for p in ports.values() for name in p[key]}
    for name, p in ports.items():
        assert found[f"port {name}"][1:3] == [f"containment: {p['containment']}", f"if enabled: {p['containment_if_enabled']}"]
        assert {(f"port {name}", f"region {r}") for r in p["regions"]} <= lines
    assert ("bus root0", "bridge port1") in lines and ("region region2", "dax dax2.0") in lines
    assert titles(svg(source.text)) == set(found) | {f"{a}->{b}" for a, b in lines}
    assert nodes(status.text)["dax dax2.0"] == ["dax2.0", "devdax"] and {n for n in nodes(status.text) if n.startswith("port")} <= set(found)
    assert nodes(dax.text)["dax dax2.0"] == ["dax2.0", "devdax", "fit for isolation"] and len([e for e in edges(dax.text) if e[1] == "region region2"]) == 2
    for r in (status, dax):
        svg(r.text)


def test_the_level_is_a_colour_and_a_text_and_isolation_is_seen():
    before, after = Session("direct1").cxl("list", "--isolation", "--format=dot").sh(
        f"cxl enable-isolation root0 >/dev/null; {cli.SIM} ctl link-down 0000:0c:00.0 >/dev/null; cxl isolation-status --format=dot").run()
    [port] = re.findall(r'^\t"port [^"]*" \[.*', before.text, re.M)
    assert "containment: none" in port and 'fillcolor="#f4a582"' in port and "penwidth" not in port
    [port] = re.findall(r'^\t"port [^"]*" \[.*', after.text, re.M)
    assert "state: isolated" in port and "penwidth=3" in port and "link: down" in port, str(after)


@pytest.mark.parametrize("host", ["none-6.12-noregion", "switch4-6.12-sw4-devdax", "pmem1-6.12-pmem", "direct2x2-6.12-x4-devdax", "direct1-6.12-husk"])
def test_every_host_makes_a_graph(captures, host):
    for run, args in ((run_cxl, ["list", "--isolation"]), (run_cxl, ["isolation-status"]), (run_daxctl, ["list", "--isolation"])):
        r = run([*args, "--format=dot"], sysroot=captures[host], json_expected=False)
        assert r.text.startswith("digraph cxl {\n") and r.text.endswith("}\n"), str(r)
        found = nodes(r.text)
        assert all(a in found and b in found for a, b in edges(r.text)), r.text
        assert titles(svg(r.text)) == set(found) | {f"{a}->{b}" for a, b in edges(r.text)}


def test_the_picture_in_readme_is_what_the_command_makes():
    [r] = Session("interleave2").sh(PICTURE).run()
    assert r.text == (ROOT / "docs/isolation.dot").read_text(), "make it again, with the command of README.md"
    readme = (ROOT / "README.md").read_text()
    assert PICTURE in readme and "(docs/isolation.svg)" in readme
    assert titles((ROOT / "docs/isolation.svg").read_bytes()) == set(nodes(r.text)) | {f"{a}->{b}" for a, b in edges(r.text)}
