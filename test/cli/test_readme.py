# SPDX-License-Identifier: GPL-2.0-only
"""What the README shows is what the programs print."""
import json
import re
import subprocess

from lib import cli, softhost


def block(text, start):
    """The fenced block whose first line is @start."""
    return re.search(r"^```\n(" + re.escape(start) + r".*?)^```$", text, re.M | re.S)[1].splitlines()


def test_the_demo_prints_what_the_readme_shows():
    session = re.search(r"^session='\n(.*?)^'$", (cli.ROOT / "scripts/demo").read_text(), re.M | re.S)[1]
    printed = subprocess.run([cli.SIM, "run", "--host", "direct1", "--", "sh", "-c", session, "sh", str(cli.CXL.parent)],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout.splitlines()
    shown = block((cli.ROOT / "README.md").read_text(), "$ cxl-sim run --host direct1 -- sh\n")[1:]
    at = 0
    for line in shown:
        if line.endswith("{ ... },"):  # shortened there
            line = line[:-len(" ... },")]
        assert line in printed[at:], f"{line!r} is not printed, or not in this order"
        at = printed.index(line, at) + 1


def test_a_fresh_host_ends_with_contained_memory(tmp_path):
    """The README's session, typed; what it shows is printed, but for blanks at the end of a line."""
    shown = block((cli.ROOT / "README.md").read_text(), "$ cxl-sim run --host sysram1 -- sh\n")[1:]
    typed = [line[2:] for line in shown if line.startswith("$ ")]
    assert len(typed) == 8
    s = cli.Session("sysram1")
    for line in typed:
        s.sh(line.replace("--output=", f"--output={tmp_path}/"))
    *results, last = s.cxl("isolation-status", "--policy").run()
    printed = [line.rstrip() for r in results for line in r.text.splitlines()]
    for r in results:
        assert r.rc == 0, str(r)
    for line in shown:
        assert not line or line.startswith("$ ") or line in printed, f"{line!r} is not printed"
    assert last.rc == 0, str(last)
    recovered = json.loads((tmp_path / "recovered.json").read_text())
    assert [p["result"] for p in recovered["root_ports"]] == ["done"]
    # the unit's command does the same at boot
    unit = cli.BUILD / "contrib/systemd/cxl-isolation.service"
    commands = [x.split("/")[-1] for x in unit.read_text().splitlines() if x.startswith("ExecStart=")]
    booted = cli.Session("sysram1").sh(typed[0])
    for line in [*typed[1:2], *commands]:
        booted.sh(line)
    assert booted.cxl("isolation-status", "--policy").run()[-1].rc == 0


def test_memory_of_virtual_machines_is_there_again_after_a_failure():
    """The README's session, typed; its excerpt of the policy file is that host's."""
    text = (cli.ROOT / "README.md").read_text()
    policy = json.loads((cli.ROOT / "test/hosts/vms1.json").read_text())["etc"]["cxl/isolation.conf"]
    for line in block(text, "[region vms]\n"):
        assert line in policy.split("\n"), line
    shown = block(text, "$ cxl-sim run --host vms1 -- sh\n")[1:]
    typed = [line[2:] for line in shown if line.startswith("$ ")]
    assert len(typed) == 6
    s = cli.Session("vms1")
    for line in typed:
        s.sh(line)
    results = s.run()
    printed = [line.rstrip() for r in results for line in r.text.splitlines()]
    assert [r.rc for r in results] == [0] * 6, "\n".join(map(str, results))
    assert [line for line in shown if line and not line.startswith("$ ")] == printed


def test_every_command_line_to_try_runs():
    """Each ends as its comment says."""
    text = (cli.ROOT / "README.md").read_text()
    lines = re.findall(r"^    (cxl-sim run .*?)(?:\s+# (.*))?$", text, re.M)
    assert len(lines) >= 3
    for line, comment in lines:
        if line.endswith("bash"):
            continue
        r = subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                           env={"PATH": f"{cli.CXL.parent}:{cli.SIM.parent}:/usr/bin:/bin"})
        assert r.returncode == int("refused" in comment or "stranded" in comment), f"{line}\n{r}"


def test_the_verdicts_hosts_are_as_many_as_it_says():
    hosts = len(list((cli.ROOT / "test/verdict/hosts").glob("*.json")))
    assert f"every capture and {hosts} more," in (cli.ROOT / "docs/TESTING.md").read_text()


def test_the_map_is_as_the_readme_shows_it(tmp_path):
    host = json.loads((cli.ROOT / "test/hosts/soft/straddle-gap/host.json").read_text())
    tree = softhost.build(tmp_path / "tree", host)
    printed = cli.run_cxl(["check-soft-reserved", "--format=map"], sysroot=tree).text.splitlines()
    assert block((cli.ROOT / "README.md").read_text(), "$ cxl check-soft-reserved --format=map\n")[1:] == printed
