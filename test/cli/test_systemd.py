# SPDX-License-Identifier: GPL-2.0-only
"""The systemd units: whole, hardened, not enabled, and their commands are ours."""
import json
import re
import shutil
import subprocess

import pytest

from lib.cli import BUILD, Session, run

UNITS = BUILD / "contrib" / "systemd"
SERVICES = ["cxl-isolation.service", "cxl-isolation-monitor.service", "cxl-isolation-metrics.service"]
analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path):
    """The units with the programs of the build, where the installed ones would be."""
    for unit in UNITS.iterdir():
        if unit.suffix in (".service", ".timer"):
            text = re.sub(r"ExecStart=\S*/cxl ", f"ExecStart={BUILD / 'cxl' / 'cxl'} ", unit.read_text())
            (tmp_path / unit.name).write_text(text)
    return tmp_path


def settings(name):
    found = {}
    for line in (UNITS / name).read_text().splitlines():
        key, _, value = line.partition("=")
        if value:
            found.setdefault(key, []).append(value)
    return found


@analyze
@pytest.mark.parametrize("name", [*SERVICES, "cxl-isolation-metrics.timer"])
def test_systemd_finds_nothing_wrong(units, name):
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", units / name], capture_output=True, text=True, check=False)
    assert p.returncode == 0 and name not in p.stderr, p.stderr


@analyze
@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_is_low(units, name):
    p = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=40", units / name], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout[-300:] + p.stderr


def commands(name):
    return settings(name)["ExecStart"][0].split()[1:]


def test_the_policy_is_applied_early_and_once():
    s = settings("cxl-isolation.service")
    assert s["Type"] == ["oneshot"] and "sysinit.target" in s["Before"][0].split() and s["DefaultDependencies"] == ["no"]
    assert s["ConditionPathExists"] == ["/etc/cxl/isolation.conf"]
    assert commands("cxl-isolation.service")[:2] == ["enable-isolation", "--policy"]


def test_what_they_run_works_on_a_simulated_host(tmp_path):
    """As the units give it: the policy is applied, the metrics are written."""
    tmp_path.chmod(0o777)
    out = tmp_path / "m.prom"
    metrics = [re.sub(r"--output=.*", f"--output={out}", w) for w in commands("cxl-isolation-metrics.service")]
    policy, written, status = Session("direct1", before="mkdir -p /etc/cxl; echo '[root0]' >/etc/cxl/isolation.conf") \
        .sh("cxl " + " ".join(commands("cxl-isolation.service"))).sh("cxl " + " ".join(metrics)).cxl("isolation-status", "--policy").run()
    assert policy.rc == 0 and written.rc == 0 and status.rc == 0, f"{policy}\n{written}"
    assert "cxl_isolation" in out.read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_with_the_capabilities_they_have_every_user_of_the_memory_is_seen(name):
    """One of another uid that only has it open, as a virtual machine's process."""
    bounds = ",".join("+" + c.lower().removeprefix("cap_") for c in settings(name)["CapabilityBoundingSet"][0].split())
    other = "chmod 666 /dev/dax0.0; setpriv --reuid=65534 --regid=65534 --clear-groups sh -c 'exec 7<>/dev/dax0.0; exec sleep 30' & echo $! >/tmp/user.pid; sleep 0.3"
    r, _ = Session("direct1", before=other).sh(f"setpriv --bounding-set=-all,{bounds} cxl isolation-status --impact").sh("kill $(cat /tmp/user.pid)").run()
    users = json.loads(r.text)["root_ports"][0]["impact"]["dax"][0]["users"]
    assert [u["command"] for u in users or []] == ["sleep"], str(r)


def test_the_monitor_prints_lines_of_json():
    out = "$CXL_STATE_DIR.out"
    r, = Session("direct1").sh(f"cxl {' '.join(commands('cxl-isolation-monitor.service'))} >{out} & p=$!; "
                               f"until [ -s {out} ]; do sleep 0.05; done; sleep 0.5; kill -TERM $p; wait $p; cat {out}").run()
    lines = r.text.splitlines()
    assert lines and all(line.startswith("{") and line.endswith("}") for line in lines), str(r)


def test_they_are_installed_and_not_enabled(tmp_path):
    r = run(["meson", "install", "-C", BUILD, "--destdir", tmp_path, "--no-rebuild", "--quiet"])
    assert r.rc == 0, str(r)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("cxl-isolation*") if p.suffix in (".service", ".timer"))
    assert len(found) == 4 and all("/lib/systemd/system/" in f and ".wants" not in f for f in found), found
