# SPDX-License-Identifier: GPL-2.0-only
"""What the README shows is what the programs print."""
import json
import re
import subprocess

import pytest

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


# --- every command of it is run -------------------------------------------------

README = (cli.ROOT / "README.md").read_text()
PORT = "0000:0c:00.0"
# what stands for something there -> what is typed here
MEANT = {"[TARGET...]": "root0", "TARGET...": "root0", "WHAT": "B2", "PORT": f"--force-healthy {PORT}", "[CHECK-ID...]": "ISO-PMEM", "ID": "iso-cap",
         "[--host NAME]": "--host direct1", "[--kernel NAME]": "--kernel v1", "COMMAND...": "true", "FILE": "$SCRATCH/x.tar.xz"}
# those in the text: the host that each is tried on, and its exit status
TYPED = {
    "cxl list --isolation [TARGET...]": ("direct1", 0), "cxl list --isolation": ("direct1", 0), "cxl isolation-status [TARGET...]": ("direct1", 0),
    "cxl enable-isolation TARGET...": ("direct1", 0), "cxl disable-isolation TARGET...": ("direct1", 0), "cxl set-timeout TARGET... WHAT": ("direct1", 0),
    "cxl check-soft-reserved": ("stranded1", 1), "cxl recover-port PORT": ("direct1", 0), "daxctl list --isolation [TARGET...]": ("direct1", 0),
    "daxctl prepare-isolation [TARGET...]": ("sysram1", 0), "cxl enable-isolation --policy": ("vms1", 0), "cxl explain [CHECK-ID...]": ("direct1", 0),
    "cxl explain": ("direct1", 0), "cxl explain ID": ("direct1", 0), "cxl isolation-status --check": ("direct1", 0), "cxl-sim capture -o FILE": ("direct1", 0),
    "daxctl prepare-isolation --undo --persist": ("sysram1", 0), "daxctl prepare-isolation --persist": ("sysram1", 0),
    "daxctl prepare-isolation --split=vm1:1GiB,vm2:rest region0": ("vms2x2", 0), "cxl isolation-status --format=nagios": ("direct1", 1),
    "cxl check-soft-reserved --policy=strict --settle=30 --max-align-loss=2GiB": ("direct1", 0),
    "cxl isolation-status --monitor --act --test": ("vms1", 1), "cxl list -BPDEMRT": ("direct1", 0)}
# those that other tests run: where, and what is found there
ELSEWHERE = {
    "cxl-sim run [--host NAME] [--kernel NAME] -- COMMAND...": ("test/lib/cli.py", '"run", "--host"'), "cxl-sim run": ("test/lib/cli.py", '"run", "--host"'),
    "cxl list --isolation --sysroot DIR": ("test/cli/test_list.py", "list --isolation --sysroot="), "cxl-sim ctl": ("test/cli/test_recover.py", "{SIM} ctl link-down"),
    "systemctl enable --now cxl-isolation.service cxl-isolation-monitor.service": ("test/cli/test_systemd.py", "test_they_are_installed_and_not_enabled"),
    "systemctl enable --now cxl-isolation-act.service": ("test/cli/test_systemd.py", "isolation-status --monitor --act"),
    "cxl-sim --kernel v1": ("test/sim/test_run.py", "--kernel v1"), "cxl-sim --kernel rfc": ("test/cli/test_rfc.py", '"rfc"'),
    "source contrib/completion/cxl-isolation.bash": ("test/cli/test_complete.py", "cxl-isolation.bash"), "cxl recover-port": ("test/cli/test_recover.py", '"recover-port", PORT'),
    "cxl-isolation COMMAND": ("test/debian/packages.sh", "cxl-isolation list --isolation"), "daxctl-isolation COMMAND": ("test/debian/packages.sh", "daxctl-isolation --version"),
    "cxl-isolation-link": ("test/debian/packages.sh", "as_typed 'cxl-isolation-link'"), "meson setup build && ninja -C build": ("scripts/common.sh", 'meson setup "$dir"'),
    "meson install -C build": ("test/cli/test_systemd.py", '"meson", "install", "-C"'), "meson dist": ("test/debian/test_dist.py", '"meson", "dist"'),
    "systemd-analyze security --offline=true": ("test/cli/test_readme.py", '"systemd-analyze", "security", "--offline=true"'),
    "scripts/bench --service": ("test/bench/test_bench_service.py", "bench_service.simulated"), "scripts/demo": ("test/cli/test_readme.py", "scripts/demo\")"), "scripts/test": (".ci/run", "scripts/test"), "scripts/setup": ("scripts/test", "scripts/setup ||")}
PROGRAM = re.compile(r"(cxl|daxctl|cxl-sim|cxl-isolation|daxctl-isolation|cxl-isolation-link|systemctl|systemd-analyze|meson|ninja|source)( |$)|scripts/")


def commands_of(text):
    """(in blocks, in the text): command lines of the README, but for the fenced sessions."""
    text = re.sub(r"^```\n.*?^```$", "", text, flags=re.M | re.S)
    inline = [x for x in re.findall(r"`([^`\n]+)`", text) if PROGRAM.match(x) and x not in ("cxl", "daxctl", "cxl-sim", "cxl-isolation")]
    return [re.sub(r"\s+# .*", "", x) for x in re.findall(r"^    (.*)$", text, re.M)], inline


def test_no_command_of_the_readme_is_run_by_no_test():
    blocks, inline = commands_of(README)
    assert len(blocks) > 10 and len(inline) > 30
    tried = [x for x in blocks if x.startswith("cxl-sim run --host ")]	# test_every_command_line_to_try_runs
    rest = {*blocks, *inline} - {*tried}
    unknown = rest - {*TYPED, *ELSEWHERE}
    assert not unknown, f"who runs these? {unknown}"
    assert not {*TYPED, *ELSEWHERE} - rest, "the README has these no more"
    for command, (where, what) in ELSEWHERE.items():
        assert what in (cli.ROOT / where).read_text(), f"{where} does not run {command!r}: {what}"
    sessions = re.findall(r"^```\n\$ (.*)$", README, re.M)
    assert sessions == [f"cxl-sim run --host {h} -- sh" for h in ("direct1", "sysram1", "vms1")] + ["cxl check-soft-reserved --format=map"], \
        "each session has a test of its own here"


@pytest.mark.parametrize("command", TYPED)
def test_a_command_in_the_text_runs(command):
    host, status = TYPED[command]
    typed = command
    for shown, meant in MEANT.items():
        typed = re.sub(rf"(?<!\S){re.escape(shown)}(?!\S)", meant, typed)
    r, = cli.Session(host).sh(typed).run()
    assert r.rc == status and (r.out or status == 0), str(r)


def test_the_exposure_of_the_units_is_what_it_says(tmp_path):
    rows = dict(re.findall(r"^\| (cxl-isolation-\w+)\.service \| ([\d.]+ OK) \|", README, re.M))
    assert len(rows) == 2
    p = subprocess.run(["systemctl", "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if not p.stdout.startswith("systemd 252 "):
        pytest.skip("its figures are those of systemd 252")
    for unit, said in rows.items():
        p = subprocess.run(["systemd-analyze", "security", "--offline=true", cli.BUILD / f"contrib/systemd/{unit}.service"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert f"exposure level for {unit}.service: {said}" in p.stdout, p.stdout[-300:]
