# SPDX-License-Identifier: GPL-2.0-only
"""What is installed: a man page for every command, a schema for every output, and in the pages what the programs have."""
import json
import re
import subprocess

import pytest

from lib import cli

COMMANDS = ["list-isolation" if c == "list" else c for c in cli.commands("cxl")]


@pytest.fixture(scope="module")
def installed():
    """The paths that `meson install` makes, below the prefix."""
    p = subprocess.run(["meson", "introspect", "--installed", cli.BUILD], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return list(json.loads(p.stdout).values())


def test_every_command_of_ours_has_a_man_page_and_a_schema():
    wanted = [f"Documentation/cxl-{c}.adoc" for c in COMMANDS] + [f"schemas/cxl-{c}.json" for c in cli.commands("cxl")]
    missing = [f for f in wanted if not (cli.ROOT / f).exists()]
    assert len(COMMANDS) > 5 and not missing, missing


def test_schemas_and_pages_are_installed(installed):
    assert any(p.endswith("/share/cxl-isolation/schemas") for p in installed), installed
    if not any(p.endswith(".1") for p in installed):
        pytest.skip("built without man pages")
    for c in COMMANDS:
        assert any(p.endswith(f"/man1/cxl-{c}.1") for p in installed), c


def test_every_shell_finds_the_completion_of_every_program(tmp_path):
    # one file goes to several places, of which introspection knows the last
    subprocess.run(["meson", "install", "-C", cli.BUILD, "--no-rebuild", "--tags", "completion", "--destdir", tmp_path],
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
    installed = [str(p) for p in tmp_path.rglob("*")]
    for program in ("cxl", "daxctl", "cxl-sim"):
        for path in (f"bash-completion/completions/{program}", f"fish/vendor_completions.d/{program}.fish"):
            assert any(p.endswith(f"/share/{path}") for p in installed), path
    assert any(p.endswith("/share/zsh/site-functions/_cxl-isolation") for p in installed), installed


SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"]


def test_every_page_has_the_usual_sections_and_no_fault_that_a_formatter_finds(installed):
    pages = [cli.BUILD / "Documentation" / p.rsplit("/", 1)[1] for p in installed if re.search(r"/man\d/", p)]
    if not pages:
        pytest.skip("built without man pages")
    assert len(pages) > len(COMMANDS)
    for page in pages:
        text = page.read_text()
        sections = re.findall(r'^\.SH "(.*)"$', text, re.M)
        assert page.suffix != ".1" or [s for s in sections if s in SECTIONS] == SECTIONS, f"{page.name}: {sections}"
        for lint in (["mandoc", "-T", "lint"], ["groff", "-t", "-man", "-Tutf8", "-ww", "-z"]):
            p = subprocess.run([*lint, page], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            assert p.stdout + p.stderr == "" and p.returncode == 0, p.stdout + p.stderr
        shown = subprocess.run(["mandoc", "-T", "utf8", "-O", "width=78", page], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
        assert not re.search("[\u2013\u2014\u2018\u2019]-|-[\u2013\u2014]", shown), "an option's dashes became typographic ones"


@pytest.mark.parametrize("program", ["cxl", "daxctl"])
def test_the_distributions_program_is_not_overwritten(program, tmp_path):
    """Installed over it there would be nobody to hand its commands to: such a configuration is refused."""
    elsewhere = {"cxl": "/usr/lib/x/cxl", "daxctl": "/usr/lib/x/daxctl"}
    elsewhere[program] = f"/usr/bin/{program}"
    p = subprocess.run(["meson", "setup", "--prefix=/usr", *(f"-D{k}-program={v}" for k, v in elsewhere.items()), tmp_path / "b", cli.ROOT],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert p.returncode and f"would overwrite the distribution's /usr/bin/{program}" in p.stdout, p.stdout[-800:]


def test_every_command_line_of_a_page_is_one(tmp_path):
    """The examples parse: what stands against them is only that this is not a CXL host, or that there is no such port."""
    for c in COMMANDS:
        text = (cli.ROOT / f"Documentation/cxl-{c}.adoc").read_text()
        for line in re.findall(rf"^(cxl {'list --isolation' if c == 'list-isolation' else c}.*)$", text.partition("== EXAMPLES")[2], re.M):
            # one that goes on for ever has understood its options, too
            p = subprocess.run(["timeout", "-k", "2", "2", cli.SIM, "run", "--host", "cache1", "--", "sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=tmp_path,
                               env={**cli.CLEAN, "PATH": f"{cli.CXL.parent}:{cli.CLEAN['PATH']}"})
            assert not re.search("option|--help|is not a timeout|is not a level|is not a check|not found", p.stderr), f"{line}\n{p.stderr}"


def test_the_same_of_daxctl(installed):
    assert len(cli.commands("daxctl")) > 1
    for c in cli.commands("daxctl"):
        page = cli.ROOT / f"Documentation/daxctl-{'list-isolation' if c == 'list' else c}.adoc"
        assert (cli.ROOT / f"schemas/daxctl-{c}.json").exists(), c
        for line in re.findall(rf"^(daxctl {c}.*)$", page.read_text().partition("== EXAMPLES")[2], re.M):
            r, = cli.Session("direct1").sh(line).run()
            assert r.rc == 0, f"{line}\n{r}"


def test_the_example_of_the_policy_page_is_understood():
    page = (cli.ROOT / "Documentation/cxl-isolation.conf.adoc").read_text()
    example = page.partition("== EXAMPLE")[2].split("----\n")[1]
    r, = cli.Session("direct1", before=f"mkdir -p /etc/cxl; cat >/etc/cxl/isolation.conf <<'END'\n{example}END\n").cxl("enable-isolation", "--policy").run()
    assert r.rc == 0, str(r)


def test_the_ranges_of_the_page_are_the_programs():
    """Each row of the table against what the record says of that range."""
    rows = dict(re.findall(r"^\|(\S+) \|(.* to .*)$", (cli.ROOT / "Documentation/cxl-set-timeout.adoc").read_text(), re.M))
    assert len(rows) == 9
    s = cli.Session("direct1")
    for name in rows:
        s.sh(f"cxl set-timeout root0 {name} -u")
    for (name, waits), r in zip(rows.items(), s.run()):
        assert r.rc == 0
        low, high = waits.split(" to ")
        after = r.text.partition('"after":{')[2]
        assert f'"min":"{low}"' in after and f'"max":"{high}"' in after, f"{name}: {waits}\n{after[:400]}"
