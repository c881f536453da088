# SPDX-License-Identifier: GPL-2.0-only
"""What lasts: the run's own /etc, udev's rules, and the host that starts again; memory blocks that do not let go."""
import json
import os
import time

import pytest

from simrun import BUILD, HOSTS, ISO, PCI, PORT, SIM, read_log, run
from test_models import writes

CXL, DAX, MEMORY = "/sys/bus/cxl/devices", "/sys/bus/dax/devices/dax0.0", "/sys/devices/system/memory"
RULES = "/etc/udev/rules.d"
ENDPOINT = f"{PCI}/0000:0d:00.0"


def words(script, *options, status=0):
    done = run(script, *options)
    assert (done.returncode, done.stderr) == (status, ""), done.stderr
    return done.stdout.split()


@pytest.fixture
def host(tmp_path):
    """A host file over direct1 (or another) with more members; gives its path."""
    def write(name="direct1", **members):
        base = json.loads((HOSTS / f"{name}.json").read_text())
        path = tmp_path / "host.json"
        path.write_text(json.dumps({**base, "base": str(HOSTS / base["base"]), **members}))
        return path
    return write


def mode():
    return f"basename $(readlink {DAX}/driver); cat {MEMORY}/memory14[67]/state 2> /dev/null || :\n"


# --- the run's own directories --------------------------------------------------------------

def test_what_is_written_to_etc_stays_in_the_run():
    assert words(f"ls {RULES} /etc/cxl /var/lib/cxl-isolation | grep -v : || :; touch {RULES}/60-x.rules /etc/cxl/y "
                 "/var/lib/cxl-isolation/z; ls /etc/cxl") == ["y"]
    assert not any(os.path.lexists(p) for p in (f"{RULES}/60-x.rules", "/etc/cxl/y", "/var/lib/cxl-isolation/z"))
    assert words("ls /etc/cxl") == []


def test_everything_else_in_etc_is_the_machine_s():
    assert words("cat /etc/hostname; ls /etc | wc -l")[0] == open("/etc/hostname").read().strip()
    machine = set(os.listdir("/etc")) | {"cxl", "systemd", "udev"}
    assert set(words("ls -A /etc")) == machine


def test_host_file_puts_texts_into_etc(host):
    assert words(f"cat {RULES}/10-a.rules /etc/cxl/isolation.conf", "--host", host(etc={
        "udev/rules.d/10-a.rules": "# none\n", "cxl/isolation.conf": "[root0]\n"})) == ["#", "none", "[root0]"]


# --- memory blocks --------------------------------------------------------------------------

SYSRAM = ("--host", "sysram1")
BLOCK = f"{MEMORY}/memory146/state"


def test_busy_block_answers_ebusy_and_stays_online_until_it_is_let_go():
    assert words(f"""$SIM ctl busy memory146 > /dev/null; (echo offline > {BLOCK}) 2> /dev/null || cat {BLOCK}
echo offline > {MEMORY}/memory147/state; cat {MEMORY}/memory147/state; $SIM ctl busy memory146 off > /dev/null
echo offline > {BLOCK}; cat {BLOCK}""", *SYSRAM) == ["online", "offline", "offline"]


def test_host_file_names_busy_blocks(host):
    busy = host("sysram1", busy_blocks=["memory146"])
    assert writes(("--host", busy), (BLOCK, "offline"), (BLOCK.replace("146", "147"), "offline"),
                  (BLOCK.replace("state", "online"), "0")) == ["EBUSY", "ok", "EBUSY"]


def test_block_can_take_its_time():
    start = time.monotonic()
    assert words(f"$SIM ctl busy memory146 400; echo offline > {BLOCK}; cat {BLOCK}", *SYSRAM)[-1] == "offline"
    assert time.monotonic() - start > 0.4


@pytest.mark.parametrize("policy,state,zone", (("online", "online", "Normal"), ("online_kernel", "online", "Normal"),
                                               ("online_movable", "online", "Movable"), ("offline", "offline", "Normal")))
def test_memory_of_kmem_comes_online_by_policy(policy, state, zone):
    assert words(f"""echo {policy} > {MEMORY}/auto_online_blocks; echo dax0.0 > /sys/bus/dax/drivers/device_dax/unbind
echo dax0.0 > /sys/bus/dax/drivers/kmem/bind; cat {BLOCK}; cut -d' ' -f1 {MEMORY}/memory147/valid_zones""") == [state, zone]


# --- udev -----------------------------------------------------------------------------------

def udev(rules, trigger, show, *options):
    """What rules make of devices that a trigger lets appear: words that a command shows, and stderr."""
    script = f"cat > {RULES}/60-test.rules <<'EOF'\n{rules}\nEOF\n{trigger}\n$SIM ctl settle > /dev/null\n{show}"
    done = run(script, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


REPLUG = f"echo 1 > {ENDPOINT}/remove; echo 1 > {PCI}/{PORT}/rescan"
KMEM = "echo dax0.0 > /sys/bus/dax/drivers/device_dax/unbind; echo dax0.0 > /sys/bus/dax/drivers/kmem/bind"


def says(rules, trigger, *options):
    """The words that a rule's program wrote to the file OUT."""
    out = f"/dev/shm/udev-{os.getpid()}-{time.monotonic_ns()}"
    return udev(rules.replace("OUT", out), trigger, f"cat {out} 2> /dev/null; rm -f {out}",
                *options)


def run_rule(match, text):
    return f"{match}, RUN+=\"/bin/sh -c 'echo {text} >> OUT'\""


@pytest.mark.parametrize("match,hit", (
    ('ACTION=="add", SUBSYSTEM=="memory"', True), ('ACTION=="remove", SUBSYSTEM=="memory"', False),
    ('ACTION=="add", KERNEL=="memory14[67]"', True), ('ACTION=="add", KERNEL=="memory9*|memory146"', True),
    ('ACTION=="add", SUBSYSTEM!="memory"', False), ('ACTION=="add", ATTR{phys_index}=="0000009*"', True),
    ('ACTION=="add", ATTR{phys_index}!="0000009*", SUBSYSTEM=="memory"', False), ('ACTION=="add", ATTR{nonsense}=="*"', False),
    ('ACTION=="add", DEVPATH=="/devices/system/memory/*"', True), ('ACTION=="bind", SUBSYSTEM=="dax", DRIVER=="kmem"', True),
    ('ACTION=="bind", KERNEL=="dax0.0", KERNELS=="region0", ATTRS{mode}=="ram"', True),
    ('ACTION=="bind", KERNEL=="dax0.0", KERNELS=="region0", ATTRS{devtype}=="cxl_decoder_root"', False),
    ('ACTION=="bind", KERNEL=="dax0.0", SUBSYSTEMS=="cxl", DRIVERS=="cxl_region"', True),
    ('ACTION=="bind", KERNEL=="dax0.0", ENV{MODALIAS}=="dax:t0"', True), ('ACTION=="bind", KERNEL=="dax0.0", TEST=="size"', True),
    ('ACTION=="bind", KERNEL=="dax0.0", TEST!="/sys/bus/dax"', False),
    ('ACTION=="bind", KERNEL=="dax0.0", PROGRAM=="/bin/echo %k of $attr{size}", RESULT=="dax0.0 of 268435456"', True),
    ('ACTION=="bind", KERNEL=="dax0.0", PROGRAM=="/bin/false"', False),
))
def test_rule_matches(match, hit):
    said, errors = says(run_rule(match, "hit"), KMEM)
    assert (bool(said), errors) == (hit, "")


def test_rule_substitutes():
    said, errors = says(run_rule('ACTION=="bind", KERNEL=="dax0.0", ENV{MINE}="x $kernel", ENV{MINE}+="y"',
                                 "%k $kernel %n $number %p $devpath %s{size} $attr{size} %E{MINE} $env{MINE} $sys $devnode $driver %% $$"), KMEM)
    path = "/devices/platform/ACPI0017:00/root0/decoder0.0/region0/dax_region0/dax0.0"
    size = "268435456"
    assert errors == "" and said[:-1] == ["dax0.0", "dax0.0", "0.0", "0.0", path, path, size, size, "x", "dax0.0", "y", "x",
                                          "dax0.0", "y", "/sys", "/dev/dax0.0", "kmem", "%"]


def test_rule_writes_attributes_of_its_device():
    assert udev('ACTION=="add", SUBSYSTEM=="memory", KERNEL=="memory146", ATTR{state}="online_movable"', KMEM,
                f"cut -d' ' -f1 {MEMORY}/memory14[67]/valid_zones") == (["Movable", "Normal"], "")


def test_rule_writes_attributes_of_a_bus():
    assert udev('ACTION=="add", SUBSYSTEM=="pci", ATTR{class}=="0x050210", ATTR{[subsystem/dax]drivers_autoprobe}="0"', REPLUG,
                "cat /sys/bus/dax/drivers_autoprobe") == (["0"], "")


def test_programs_run_after_all_rules_with_the_event_s_variables():
    assert says(run_rule('ACTION=="bind", KERNEL=="dax0.0"', "$$LATE $$ACTION $$DEVNAME") + '\nENV{LATE}="late"', KMEM) == (
        ["late", "bind", "dax0.0"], "")


def test_programs_run_without_a_shell():
    assert says('ACTION=="bind", KERNEL=="dax0.0", RUN+="/bin/true > OUT"', KMEM) == ([], "")


def test_rule_imports_what_a_program_prints():
    said, errors = says('ACTION=="bind", KERNEL=="dax0.0", IMPORT{program}="/usr/bin/printf MINE=of-%k\\nNEXT=2\\n"\n'
                        + run_rule('ENV{NEXT}=="2"', "$env{MINE}") + '\nKERNEL=="dax0.0", IMPORT{program}="/bin/false", RUN+="/usr/bin/touch OUT.no"', KMEM)
    assert (said, errors) == (["of-dax0.0"], "")


def test_links_of_a_device_are_there_as_long_as_rules_give_them():
    rule = 'SUBSYSTEM=="dax", DRIVER=="kmem", SYMLINK+="a/b/mine", SYMLINK+="other"\nSUBSYSTEM=="dax", SYMLINK+="both"'
    show = "(cd /dev; readlink a/b/mine other both || :)\n"
    back = KMEM.replace("device_dax", "X").replace("kmem", "device_dax").replace("X", "kmem")
    said, _ = udev(rule, KMEM, show + f"{back}; $SIM ctl settle > /dev/null; " + show +
                   f"rm {RULES}/60-test.rules; $SIM ctl reboot > /dev/null; " + show)
    assert said == ["../../dax0.0", "dax0.0", "dax0.0", "dax0.0"]


def test_goto_skips_to_its_label():
    said, errors = says('ACTION!="bind", GOTO="end"\nKERNEL!="dax0.0", GOTO="end"\n' + run_rule('SUBSYSTEM=="dax"', "hit")
                        + '\nLABEL="end"\n', KMEM)
    assert (said, errors) == (["hit"], "")


def test_a_jump_to_no_label_is_ignored_and_complained_of():
    said, errors = says('LABEL="end"\nKERNEL=="dax0.0", GOTO="end"\n' + run_rule('SUBSYSTEM=="dax", ACTION=="bind"', "hit"), KMEM)
    assert said == ["hit"] and "there is no such label" in errors


@pytest.mark.parametrize("rule,key,why", (
    ('NAME="x"', "NAME", "this key is not simulated"), ('IMPORT{db}="x"', "IMPORT", "only what programs print is imported"), ('OPTIONS="x"', "OPTIONS", "this key is not simulated"),
    ('KERNEL="x"', "KERNEL", "the key is not used like this"), ('ATTR=="x"', "ATTR", "the key is not used like this"),
    ('RUN{builtin}+="kmod"', "RUN", "only programs are run"), ('KERNEL==x', "KERNEL", "a value in double quotes is expected"),
    ('KERNEL=="x', "KERNEL", "a quote is not closed"), ('nonsense', "", 'KEY OPERATOR "VALUE" is expected'),
))
def test_rule_that_is_not_understood_is_refused_aloud_and_left_out(rule, key, why):
    said, errors = udev(f'# a comment\nATTR{{state}}="online", \\\n  {rule}', KMEM, "cat " + BLOCK)
    assert said == ["offline"]
    assert errors == f"cxl-sim: {RULES}/60-test.rules:2: {why} ({key}): the rule is left out; see cxl-sim(1) for what is\n"


def test_write_and_program_that_fail_are_said():
    _, errors = udev('ACTION=="add", KERNEL=="memory146", ATTR{state}="nonsense"\n'
                     'ACTION=="bind", KERNEL=="dax0.0", RUN+="/nonexistent/x"', KMEM, "")
    assert f"{RULES}/60-test.rules:1: {MEMORY}/memory146/state: Invalid argument\n" in errors
    assert f"{RULES}/60-test.rules:2: /nonexistent/x: No such file or directory\n" in errors


def test_without_rules_nothing_of_udev_is_seen(tmp_path):
    log = tmp_path / "log"
    run(f"{KMEM}; $SIM ctl settle", "--log", log)
    assert not [e for e in read_log(log) if e.get("comm") == "cxl-sim-udev"]


def test_what_rules_do_is_in_the_log(tmp_path):
    log = tmp_path / "log"
    udev('ACTION=="add", KERNEL=="memory146", ATTR{state}="online"', KMEM, "", "--log", log)
    assert [(e["path"], e["data"]) for e in read_log(log) if e["op"] == "write" and e["comm"] == "cxl-sim-udev"] == [
        (f"{MEMORY}/memory146/state", "online")]


# --- reboot ---------------------------------------------------------------------------------

def test_reboot_brings_the_memory_up_as_the_kernel_does_by_default():
    assert words(mode() + "$SIM ctl reboot\n" + mode()) == [
        "device_dax", "the", "host", "is", "up", "again", "kmem", "online", "online"]


def test_kernel_parameter_decides_whether_memory_comes_online(host):
    options = "--host", host(files={"proc/cmdline": "quiet memhp_default_state=offline x\n"})
    assert words("$SIM ctl reboot > /dev/null\n" + mode() + f"cat {MEMORY}/auto_online_blocks", *options) == [
        "kmem", "offline", "offline", "offline"]


def test_reboot_resets_registers_drivers_and_devices_but_keeps_etc():
    assert words(f"""touch /etc/cxl/kept; echo 1 > {ISO}/isolation_ctrl; echo 1 > {ENDPOINT}/remove
echo 0 > /sys/bus/dax/drivers_autoprobe; $SIM ctl reboot > /dev/null; ls /etc/cxl; cat {ISO}/isolation_ctrl
cat /sys/bus/dax/drivers_autoprobe {CXL}/region0/commit; ls /dev/cxl /dev | grep 'mem0\\|dax0'
grep -c kmem /proc/iomem""") == ["kept", "0", "1", "1", "dax0.0", "mem0", "1"]


def test_files_opened_before_a_reboot_are_of_a_device_that_is_gone():
    done = run(f"exec 3< {CXL}/mem0/serial; cd {CXL}/mem0/; $SIM ctl reboot > /dev/null; cat <&3; cat serial; cat {CXL}/mem0/serial; :")
    assert done.stdout == "0x1001\n" and "No such device" in done.stderr and "No such file" in done.stderr


def test_reboot_ends_who_mapped_the_memory():
    assert words("for i in 1 2; do $SIM ctl map dax0.0 idle > /dev/null; done; $SIM ctl reboot > /dev/null\n"
                 "cat /proc/[0-9]*/comm 2> /dev/null | grep -c dax-user || :") == ["0"]


def test_dead_host_can_be_rebooted_and_lives():
    done = run(f"$SIM ctl link-down {PORT}; cat {CXL}/mem0/serial; $SIM ctl reboot; cat {CXL}/mem0/serial; $SIM ctl link-down 0c:00.0",
               "--kernel", "mainline")
    assert "the host is up again\n0x1001\n" in done.stdout and "Input/output error" in done.stderr
    done = run(f"$SIM ctl link-down {PORT} > /dev/null; $SIM ctl reboot", "--kernel", "mainline")
    assert (done.returncode, done.stdout, done.stderr) == (0, "the host is up again\n", "")


def test_accelerator_s_and_persistent_regions_come_up_without_a_dax_device():
    for name in ("accel1", "pmem1"):
        assert words(f"$SIM ctl reboot > /dev/null; ls {CXL}/region0/driver > /dev/null; ls /dev | grep -c 'dax[0-9]' || :",
                     "--host", name) == ["0"]


@pytest.mark.parametrize("name", ("interleave2", "switch4", "direct2x2", "auto1", "cache1"))
def test_every_host_comes_up_again_with_what_it_had(name):
    look = f"ls {CXL} /sys/bus/dax/devices {PCI} | sort; cat {CXL}/region*/commit {CXL}/mem*/serial 2> /dev/null || :\n"
    before, after = run(look, "--host", name).stdout, run("$SIM ctl reboot > /dev/null\n" + look, "--host", name).stdout
    assert before == after and "root0" in after


def test_rules_keep_the_memory_device_dax_over_a_reboot_and_a_hotplug_rule_comes_first():
    """PCI functions are announced, and their rules applied, before regions get their dax devices."""
    rules = """ACTION=="add", SUBSYSTEM=="pci", ATTR{class}=="0x050210", ATTR{[subsystem/dax]drivers_autoprobe}="0"
ACTION=="add", SUBSYSTEM=="dax", RUN+="/bin/sh -c 'echo %k > /sys/bus/dax/drivers/device_dax/new_id'" """
    assert words(f"cat > {RULES}/60-x.rules <<'EOF'\n{rules}\nEOF\n$SIM ctl reboot > /dev/null\n" + mode()
                 + f"$SIM ctl reboot > /dev/null; rm {RULES}/60-x.rules; $SIM ctl reboot > /dev/null\n" + mode()) == [
        "device_dax", "kmem", "online", "online"]


def test_only_and_log_go_on_over_a_reboot(tmp_path):
    log = tmp_path / "log"
    script = "$SIM ctl reboot; echo 1 > /sys/bus/pci/devices/0000:0c:01.0/cxl_isolation/isolation_ctrl"
    done = run(script, "--host", "direct2x2", "--only", PORT, "--log", log)
    assert done.returncode != 0 and "0000:0c:01.0/cxl_isolation/isolation_ctrl was written, but only other ports" in done.stderr
    assert [e["op"] for e in read_log(log) if e["op"] in ("reboot", "ctl", "violation")] == ["reboot", "ctl", "violation"]


def test_reboot_of_a_host_that_cannot_be_loaded_any_more_is_refused_and_it_goes_on(host):
    path = host()
    done = run(f"rm {path}; $SIM ctl reboot; cat {CXL}/mem0/serial", "--host", path)
    assert done.stdout == "0x1001\n" and done.stderr.startswith("cxl-sim: the host stays up, since it cannot be loaded again: ")


def test_reboot_ends_programs_that_rules_started():
    assert words(f"""echo 'ACTION=="bind", KERNEL=="dax0.0", RUN+="/bin/sleep 3600"' > {RULES}/60-x.rules
{KMEM}; until cat /proc/[0-9]*/comm 2> /dev/null | grep -q ^sleep; do :; done; rm {RULES}/60-x.rules; $SIM ctl reboot > /dev/null
cat /proc/[0-9]*/comm 2> /dev/null | grep -c ^sleep || :""") == ["0"]


# --- units that are enabled -----------------------------------------------------------------

UNITS = "/etc/systemd/system"


def unit(name, exec_start, *lines, target="sysinit", service="Type=oneshot"):
    """Shell that writes a unit of this name and enables it."""
    text = "\n".join(["[Unit]", *lines, "[Service]", service, *(f"ExecStart={e}" for e in exec_start)])
    return (f"mkdir -p {UNITS}/{target}.target.wants; cat > {UNITS}/{name} <<'EOF'\n{text}\nEOF\n"
            f"ln -s ../{name} {UNITS}/{target}.target.wants/{name}\n")


def after_reboot(script):
    """What the restart said, without its first line."""
    done = run(script + "$SIM ctl reboot")
    assert done.returncode == 0 and done.stdout.startswith("the host is up again\n"), done
    return done.stdout.splitlines()[1:]


def test_enabled_unit_of_ours_runs_its_commands_once_the_host_is_up():
    name = "cxl-isolation.service"
    size = f"/bin/cat {DAX}/size"
    assert after_reboot(unit(name, [size, "/bin/echo done"])) == [
        "268435456", f"{name}: {size}: exit status 0", "done", f"{name}: /bin/echo done: exit status 0"]


def test_unit_that_is_not_enabled_or_not_ours_does_not_run():
    assert after_reboot(unit("ssh.service", ["/bin/echo ssh"]) + unit("cxl-a.service", ["/bin/echo a"]) +
                        f"rm {UNITS}/sysinit.target.wants/cxl-a.service\n") == []
    assert not os.path.lexists(f"{UNITS}/cxl-a.service")     # of the machine


def test_units_run_in_their_order():
    said = after_reboot(unit("cxl-a.service", ["/bin/true a"], "After=local-fs.target cxl-b.service", target="multi-user") +
                        unit("cxl-b.service", ["/bin/true b"]) + unit("cxl-c.service", ["/bin/true c"], "Before=sysinit.target cxl-b.service"))
    assert [line.split(":")[0] for line in said] == ["cxl-c.service", "cxl-b.service", "cxl-a.service"]
    said = after_reboot(unit("cxl-a.service", ["/bin/true a"], "After=cxl-b.service") + unit("cxl-b.service", ["/bin/true b"], "After=cxl-a.service"))
    assert [line.split(":")[0] for line in said] == ["cxl-a.service", "cxl-b.service"]


def test_unit_whose_command_fails_ends_there_and_the_host_is_up():
    assert after_reboot(unit("cxl-a.service", ["/bin/false", "/bin/echo never"])) == ["cxl-a.service: /bin/false: exit status 1"]
    assert after_reboot(unit("cxl-a.service", ["-/bin/false", "/bin/true"])) == [
        "cxl-a.service: /bin/false: exit status 1", "cxl-a.service: /bin/true: exit status 0"]


@pytest.mark.parametrize("line,held", (("ConditionPathExists=/etc/cxl/isolation.conf", False), ("ConditionPathExists=!/etc/cxl/isolation.conf", True),
                                       ("ConditionPathIsDirectory=/sys/bus/cxl", True), ("ConditionPathIsDirectory=/proc/version", False)))
def test_unit_whose_condition_does_not_hold_is_not_started(line, held):
    assert after_reboot(unit("cxl-a.service", ["/bin/true"], line)) == [
        "cxl-a.service: /bin/true: exit status 0" if held else f"cxl-a.service: not started, since {line} does not hold"]


def test_unit_that_goes_on_for_ever_is_not_started_and_a_slow_one_is_ended():
    assert after_reboot(unit("cxl-a.service", ["/bin/sleep 600"], service="Restart=on-failure")) == ["cxl-a.service: not started, since it has no end"]
    assert after_reboot(unit("cxl-a.service", ["/bin/sleep 600"], service="Type=oneshot\nTimeoutStartSec=1")) == [
        "cxl-a.service: /bin/sleep 600: exit status 142"]


def test_unit_whose_file_is_missing_is_named():
    assert after_reboot(f"mkdir -p {UNITS}/sysinit.target.wants; ln -s /nowhere/cxl-a.service {UNITS}/sysinit.target.wants/\n") == [
        "cxl-a.service: it is enabled, but cannot be read: No such file or directory"]


def test_one_of_several_conditions_is_enough():
    some = ["ConditionPathExists=|/nonexistent", "ConditionPathExistsGlob=|/sys/bus/c*l"]
    assert after_reboot(unit("cxl-a.service", ["/bin/true"], *some)) == ["cxl-a.service: /bin/true: exit status 0"]
    assert after_reboot(unit("cxl-a.service", ["/bin/true"], some[0], "ConditionPathExistsGlob=|/sys/bus/x*")) == [
        f"cxl-a.service: not started, since {some[0].replace('|', '|')} does not hold"]
    assert after_reboot(unit("cxl-a.service", ["/bin/true"], *some, "ConditionPathExists=/nowhere")) == [
        "cxl-a.service: not started, since ConditionPathExists=/nowhere does not hold"]


WANT = f"""cat > {RULES}/60-x.rules <<'EOF'
SUBSYSTEM=="cxl", KERNEL=="mem0", TAG+="systemd", ENV{{SYSTEMD_READY}}="0"
SUBSYSTEM=="cxl", KERNEL=="mem0", ACTION!="unbind", DRIVER=="cxl_mem", ENV{{SYSTEMD_READY}}="1", ENV{{SYSTEMD_WANTS}}+="cxl-a@$kernel.service"
EOF
"""


def test_unit_that_a_device_wants_is_started_each_time_that_it_comes():
    """As systemd does it: for no event more of one that is there, again once it was gone or had no driver."""
    wait = "$SIM ctl settle > /dev/null; sleep 0.4; ls /etc/cxl | grep -c '^ran-mem0' || :\n"
    bind, unbind = (f"echo mem0 > /sys/bus/cxl/drivers/cxl_mem/{what}; " for what in ("bind", "unbind"))
    done = run(WANT + f"""cat > {UNITS}/cxl-a@.service <<'EOF'
[Service]
Type=oneshot
ExecStart=/usr/bin/cp --backup=numbered /etc/hostname /etc/cxl/ran-%i
EOF
""" + unbind + wait + bind + wait + unbind + bind + wait + f"{REPLUG}; " + wait)
    assert done.stdout.split() == ["0", "1", "2", "3"], done


def test_unit_that_a_device_wants_waits_for_the_end_of_a_restart():
    done = run(WANT + f"""mkdir -p {UNITS}/sysinit.target.wants
for u in cxl-a@ cxl-b; do printf '[Service]\\nType=oneshot\\nExecStart=/bin/sleep 0.4\\nExecStart=/usr/bin/touch /etc/cxl/%s\\n' $u > {UNITS}/$u.service; done
ln -s ../cxl-b.service {UNITS}/sysinit.target.wants/
$SIM ctl reboot > /dev/null; ls /etc/cxl; until [ -e /etc/cxl/cxl-a@ ]; do sleep 0.05; done; ls /etc/cxl""")
    assert done.stdout.split() == ["cxl-b", "cxl-a@", "cxl-b"], done


def test_shipped_unit_applies_the_policy_after_a_restart():
    """As it is installed: with the program of the build, where none is in its place."""
    shipped = BUILD / "contrib" / "systemd" / "cxl-isolation.service"
    path = f"{BUILD / 'cxl'}:{BUILD / 'daxctl'}:{os.environ['PATH']}"
    done = run(f"""mkdir -p {UNITS}/sysinit.target.wants; sed 's,=\\(-*\\)[^ ]*/\\(cxl\\|daxctl\\) ,=\\1{BUILD}/nowhere/\\2 ,' {shipped} > {UNITS}/cxl-isolation.service
ln -s ../cxl-isolation.service {UNITS}/sysinit.target.wants/; echo '[root0]' > /etc/cxl/isolation.conf
echo 'ACTION=="add", SUBSYSTEM=="pci", ATTR{{class}}=="0x050210", ATTR{{[subsystem/dax]drivers_autoprobe}}="0"' > {RULES}/60-x.rules
cat {ISO}/isolation_ctrl; $SIM ctl reboot > /dev/null; cat {ISO}/isolation_ctrl""", env=dict(os.environ, PATH=path, SIM=SIM))
    assert done.stdout.split() == ["0", "1"], done
