# SPDX-License-Identifier: GPL-2.0-only
"""The systemd units: whole, hardened, not enabled, and their commands are ours."""
import json
import re
import shlex
import shutil
import subprocess

import pytest

from lib.cli import BUILD, Session, dax_user, run

UNITS = BUILD / "contrib" / "systemd"
SERVICES = ["cxl-isolation.service", "cxl-isolation@.service", "cxl-isolation-monitor.service", "cxl-isolation-act.service", "cxl-isolation-metrics.service"]
ACTING = "cxl-isolation-act.service"
MONITOR = "cxl-isolation-monitor.service"
APPLYING = SERVICES[:2]
RULES = BUILD / "contrib" / "udev" / "60-cxl-isolation.rules"
analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")


@pytest.fixture
def units(tmp_path):
    """The units with the programs of the build, where the installed ones would be."""
    for unit in UNITS.iterdir():
        if unit.suffix in (".service", ".timer"):
            text = re.sub(r"ExecStart=(-?)\S*/(cxl|daxctl) ", rf"ExecStart=\1{BUILD}/\2/\2 ", unit.read_text())
            (tmp_path / unit.name.replace("@.", "@mem0.")).write_text(text)
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
    name = name.replace("@.", "@mem0.")
    p = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", units / name], capture_output=True, text=True, check=False)
    assert p.returncode == 0 and name not in p.stderr, p.stderr


@analyze
@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_is_low(units, name):
    p = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=40", units / name.replace("@.", "@mem0.")], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout[-300:] + p.stderr


def lines(name):
    """Their commands, without the directory that they are installed in."""
    return [re.sub(r"^-?\S*/", "", line) for line in settings(name)["ExecStart"]]


def commands(name):
    """Words of the last one, without the program."""
    return lines(name)[-1].split()[1:]


def test_the_monitor_can_write_trace_instances_and_nothing_else_of_the_kernel():
    s = settings(MONITOR)
    assert s["ReadWritePaths"] == ["-/sys/kernel/tracing/instances"] and s["ProtectKernelTunables"] == ["yes"] and s["ProtectSystem"] == ["strict"]
    assert "ProtectKernelTunables" not in settings(ACTING), "where all of /sys can be written"


def test_the_policy_is_applied_early_and_once():
    s = settings("cxl-isolation.service")
    assert s["Type"] == ["oneshot"] and "sysinit.target" in s["Before"][0].split() and s["DefaultDependencies"] == ["no"]
    assert s["ConditionPathExists"] == ["/etc/cxl/isolation.conf", "|/sys/firmware/acpi/tables/CEDT"] and s["ConditionPathIsDirectory"] == ["|/sys/bus/cxl"]
    assert lines("cxl-isolation.service") == ["daxctl prepare-isolation --policy --wait=30s --format=human",
                                              "cxl enable-isolation --policy --wait=30s --format=human"]
    assert lines("cxl-isolation@.service") == ["daxctl prepare-isolation --policy --wait=0 --format=human",
                                               "cxl enable-isolation --policy --wait=0 --format=human %i"]


def test_memory_that_cannot_be_made_keeps_nothing_without_isolation():
    for name in APPLYING:
        assert [line[0] for line in settings(name)["ExecStart"]] == ["-", "/"]


def test_nothing_of_udev_is_waited_for_but_its_word_of_devices():
    for name in SERVICES:
        assert "settle" not in (UNITS / name).read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_of_the_network_they_have_what_udev_s_word_takes_and_nothing_else(name):
    s = settings(name)
    wanted = ("AF_NETLINK AF_UNIX", "no") if name == ACTING else ("AF_NETLINK", "no") if name in APPLYING \
        else ("AF_NETLINK AF_UNIX" if name == MONITOR else "none", "yes")
    assert (*s["RestrictAddressFamilies"], *s["PrivateNetwork"]) == wanted and s["IPAddressDeny"] == ["any"]


def test_udev_s_rules_name_installed_programs_alone():
    programs = re.findall(r'(?:PROGRAM|RUN|IMPORT)\S*?="(\S+)', RULES.read_text())
    assert programs and all(p.startswith("/") and str(BUILD) not in p for p in programs), programs
    assert {p.rsplit("/", 1)[0] for p in programs} == {settings("cxl-isolation.service")["ExecStart"][1].split()[0].rsplit("/", 1)[0]}


# -- at work, on a simulated host ------------------------------------------------------------
UNIT_DIR = "/etc/systemd/system"
DEVICE, ROOT_PORT = "0000:0d:00.0", "0000:0c:00.0"


def installed(enabled=True):
    """Shell that puts units and rules of the build into the run."""
    exchange = rf"s,\(=-*\|=\"\)[^ \"]*/\(cxl\|daxctl\) ,\1{BUILD}/\2/\2 ,"
    text = f"mkdir -p {UNIT_DIR}/sysinit.target.wants\n"
    for name in APPLYING:
        text += f"sed '{exchange}' {UNITS / name} > {UNIT_DIR}/{name}\n"
    text += f"sed '{exchange}' {RULES} > /etc/udev/rules.d/60-cxl-isolation.rules\n"
    return text + (f"ln -s ../cxl-isolation.service {UNIT_DIR}/sysinit.target.wants/\n" if enabled else "")


NAMES = "cxl-sim ctl settle > /dev/null; cd /dev/cxl/dax 2> /dev/null && for n in *; do echo $n $(readlink $n) $(cat /sys/bus/dax/devices/$(basename $(readlink $n))/size); done; :"
AS_WANTED = "timeout 20 sh -c 'until cxl isolation-status --policy > /dev/null 2>&1; do sleep 0.2; done'"


def sizes(names):
    return [(line.split()[0], int(line.split()[2]) >> 30) for line in names.text.splitlines()]


def test_after_a_restart_the_memory_is_as_the_policy_wants_it_and_isolated():
    """What firmware made a region of stays device-dax by the other rule (--persist)."""
    r, status, names = Session("vms1", before=installed() + "daxctl prepare-isolation --persist > /dev/null\n") \
        .sh("cxl-sim ctl reboot").cxl("isolation-status", "--policy").sh(NAMES).run()
    assert r.text.count("exit status 0") == 2 and status.rc == 0, f"{r}\n{status}"
    assert sizes(names) == [("vm1", 1), ("vm2", 2), ("vm3", 1)]


LATE = f"cxl-sim ctl returns {DEVICE} late 700; echo 1 > /sys/bus/pci/devices/{DEVICE}/remove; echo 1 > /sys/bus/pci/devices/{ROOT_PORT}/rescan"


def test_what_comes_late_is_served_by_udev_s_rule_once():
    r, status, names, count = Session("vms1", before=installed()) \
        .sh(f"{LATE}; {AS_WANTED}; rc=$?; sleep 1; exit $rc").cxl("isolation-status", "--policy").sh(NAMES) \
        .sh("ls /run/udev/plugged").run()
    assert r.rc == 0 and status.rc == 0 and sizes(names) == [("vm1", 1), ("vm2", 2), ("vm3", 1)], f"{r}\n{status}"
    assert count.text == "mem0\n"


def runs(log, program):
    """Processes of PROGRAM in a log that changed something."""
    return {e["pid"] for e in log if e.get("op") == "write" and e.get("comm") == program}


def test_what_the_unit_makes_starts_it_no_more():
    r, = Session("vms1", before=installed()).sh(f"{LATE}; {AS_WANTED}; sleep 1.5").run()
    assert len(runs(r.log, "daxctl")) == 1 and len(runs(r.log, "cxl")) == 1, {(e["comm"], e["pid"], e["path"]) for e in r.log if e["op"] == "write"}


def test_a_replug_is_served_again():
    free = 'for r in /sys/bus/cxl/devices/region*; do basename $r > /sys/bus/cxl/devices/decoder0.0/delete_region; done'
    replug = f"echo 1 > /sys/bus/pci/devices/{DEVICE}/remove; cxl-sim ctl settle; {free}; echo 1 > /sys/bus/pci/devices/{ROOT_PORT}/rescan"
    r, names = Session("vms1", before=installed()).sh(f"{LATE}; {AS_WANTED}; sleep 0.5; {replug}; sleep 0.3; {AS_WANTED}; rc=$?; sleep 0.5; exit $rc").sh(NAMES).run()
    assert r.rc == 0 and sizes(names) == [("vm1", 1), ("vm2", 2), ("vm3", 1)], str(r)


def test_where_the_boot_unit_is_not_enabled_nothing_is_served():
    r, status = Session("vms1", before=installed(enabled=False)).sh(f"{LATE}; sleep 2; ls /run/udev/plugged").cxl("isolation-status", "--policy").run()
    assert r.text.endswith("mem0\n") and status.rc == 1 and not runs(r.log, "daxctl"), str(r)


def test_what_they_run_works_on_a_simulated_host(tmp_path):
    """As the units give it: the policy is applied, the metrics are written."""
    tmp_path.chmod(0o777)
    out = tmp_path / "m.prom"
    metrics = [re.sub(r"--output=.*", f"--output={out}", w) for w in commands("cxl-isolation-metrics.service")]
    policy, written, status = Session("direct1", before="mkdir -p /etc/cxl; echo '[root0]' >/etc/cxl/isolation.conf") \
        .sh(" && ".join(lines("cxl-isolation.service"))).sh("cxl " + " ".join(metrics)).cxl("isolation-status", "--policy").run()
    assert policy.rc == 0 and written.rc == 0 and status.rc == 0, f"{policy}\n{written}"
    assert "cxl_isolation" in out.read_text()


@pytest.mark.parametrize("name", SERVICES)
def test_with_the_capabilities_they_have_every_user_of_the_memory_is_seen(name):
    """One of another uid that only has it open, as a virtual machine's process."""
    bounds = ",".join("+" + c.lower().removeprefix("cap_") for c in settings(name)["CapabilityBoundingSet"][0].split())
    other = "chmod 666 /dev/dax0.0; " + dax_user(by="setpriv --reuid=65534 --regid=65534 --clear-groups")
    r, = Session("direct1", before=other).sh(f"setpriv --bounding-set=-all,{bounds} cxl isolation-status --impact").run()
    users = json.loads(r.text)["root_ports"][0]["impact"]["dax"][0]["users"]
    assert [u["command"] for u in users or []] == ["python3"], str(r)


def test_the_monitor_prints_lines_of_json():
    out = "$CXL_STATE_DIR.out"
    r, = Session("direct1").sh(f"cxl {' '.join(commands('cxl-isolation-monitor.service'))} >{out} & p=$!; "
                               f"until [ -s {out} ]; do sleep 0.05; done; sleep 0.5; kill -TERM $p; wait $p; cat {out}").run()
    lines = r.text.splitlines()
    assert lines and all(line.startswith("{") and line.endswith("}") for line in lines), str(r)


def test_with_the_capabilities_it_has_a_port_is_brought_back_and_the_users_of_others_are_ended():
    s = settings(ACTING)
    bounds = ",".join("+" + c.lower().removeprefix("cap_") for c in s["CapabilityBoundingSet"][0].split())
    assert s["ExecStart"][0].endswith("/cxl isolation-status --monitor --act") and "cxl-isolation.service" in s["After"][0]
    assert s["DeviceAllow"] == ["char-dax rw", "char-cxl rw", "/dev/kmsg r"] and s["DevicePolicy"] == ["closed"]
    user = "chmod 666 /dev/dax0.0; " + dax_user("map", by="setpriv --reuid=65534 --regid=65534 --clear-groups")
    policy = "sed -i 's,^.root0.,&\\nrequire = recover\\nrecover = automatic\\nusers = kill\\nusers-grace = 100ms,' /etc/cxl/isolation.conf; cxl enable-isolation --policy"
    act = "$CXL_STATE_DIR/0000:0c:00.0.act"
    # as udev does with what comes: only a guest's user has it
    give = "import glob, os\nwhile True:\n for f in glob.glob('/dev/dax*'):\n  try: os.chmod(f, 0o600); os.chown(f, 65534, 65534)\n  except OSError: pass"
    given = f"/usr/bin/python3 -I -S -c {shlex.quote(give)} & given=$!; trap 'kill $given' EXIT"
    r, status = Session("vms1", before=f"{policy}; {user}").sh(
        f"{given}\n"
        f"setpriv --bounding-set=-all,{bounds} cxl isolation-status --monitor --act --interval=20ms >/dev/null & p=$!; until grep -qs recover {act}; do sleep 0.02; done; "
        f"cxl-sim ctl link-down {ROOT_PORT}; for i in $(seq 3000); do grep -q '\"recovered_at\":[1-9]' {act} && grep -q idle {act} && break; sleep 0.02; kill -0 $p || exit; done; kill $p; wait $p; "
        "kill -0 $(cat $SCRATCH/user)").cxl("isolation-status", "--assert", "status.state=normal").run()
    assert r.rc == 1 and status.rc == 0 and "it was recovered in" in r.err, f"{r}\n{status}"


def test_they_are_installed_and_not_enabled(tmp_path):
    r = run(["meson", "install", "-C", BUILD, "--destdir", tmp_path, "--no-rebuild", "--quiet"])
    assert r.rc == 0, str(r)
    found = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("cxl-isolation*") if p.suffix in (".service", ".timer"))
    assert len(found) == 6 and all("/lib/systemd/system/" in f and ".wants" not in f for f in found), found


@pytest.mark.parametrize("name", APPLYING)
def test_with_the_capabilities_they_have_the_layout_is_made_and_belongs_to_whom_it_shall(name):
    """The second time what is somebody else's by then is given back to its owner, too."""
    bounds = ",".join("+" + c.lower().removeprefix("cap_") for c in settings(name)["CapabilityBoundingSet"][0].split())
    command = f"setpriv --bounding-set=-all,{bounds} {lines(name)[0]} > /dev/null"
    owned = r"sed -i 's/^\[dax vm1\]/&\nowner = 107\nfile-mode = 0640/' /etc/cxl/isolation.conf"
    show = "stat -Lc '%u %a' /dev/dax0.0"
    first, second = Session("vms1", before=owned).sh(f"{command} && {show}").sh(f"chmod 600 /dev/dax0.0; {command} && {show}").run()
    assert first.text == second.text == "107 640\n", f"{first}\n{second}"
