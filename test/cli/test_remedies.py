# SPDX-License-Identifier: GPL-2.0-only
"""The remedy of a check, typed as it stands, and the check is gone.

A remedy's commands begin with a program's name and end at ';', ',' or ' ('.
"""
import functools
import re

import pytest

from lib.cli import Session, dax_user, host_file

RP = "0000:0c:00.0"
COMMAND = re.compile(r"(?:^|[ :])((?:daxctl|cxl|echo|umount|kill|setpci) [^;,(]*[^;,( ])")


@pytest.fixture
def host(tmp_path):
    return functools.partial(host_file, tmp_path)


def check(r, ident):
    found = [c for c in r.root_ports()[RP]["checks"] if c["check"] == ident]
    assert len(found) == 1, str(r)
    return found[0]


def commands(remedy):
    return COMMAND.findall(remedy)


def follow(name, ident, which=0, before="true", between="true"):
    """The remedy's command number WHICH is run; (the check before, the command's result, the check afterwards, the last listing)."""
    first = Session(name, before=before).cxl("isolation-status", "--check").run()[0]
    found = check(first, ident)
    assert found["result"] == "failed", f"{ident} does not fail here: {first}"
    command = commands(found["remedy"])[which]
    # a process has another number in another run: the remedy is read and followed in one
    script = "cxl isolation-status --check 2>/dev/null >$SCRATCH/check; " \
        f"python3 -c 'import json,re,sys; from os import environ; r=[c for p in json.load(open(environ[\"SCRATCH\"]+\"/check\"))[\"root_ports\"] if p[\"root_port\"]==\"{RP}\" " \
        f"for c in p[\"checks\"] if c[\"check\"]==\"{ident}\"][0][\"remedy\"]; print(re.findall(environ[\"COMMAND\"], r)[{which}])' >$SCRATCH/remedy; sh -e $SCRATCH/remedy"
    done, _, after, listed = Session(name, before=before, env={"COMMAND": COMMAND.pattern}).sh(script).sh(between) \
        .cxl("isolation-status", "--check").daxctl("list", "--isolation").run()
    assert done.rc == 0, f"{command}\n{done}"
    return command, check(after, ident), after.root_ports()[RP], listed


def gone(name, ident, *args, **more):
    command, after, _, _ = follow(name, ident, *args, **more)
    assert after["result"] == "passed", f"{command}\n{after}"
    return command


def test_memory_that_is_online():
    assert gone("sysram1", "ISO-MEM-ONLINE") == "daxctl prepare-isolation dax0.0"


def test_memory_that_is_to_be_system_ram_all_the_same():
    command, after, rp, listed = follow("sysram1", "ISO-MEM-ONLINE", 1)
    assert command == "daxctl prepare-isolation --mode=system-ram dax0.0"
    assert rp["control"]["mem"]["isolation"] is True and listed.dax()["dax0.0"]["mode"] == "system-ram" and after["result"] == "failed"


def test_memory_that_may_not_go_offline_before_the_next_boot():
    normal = "for n in 146 147; do echo offline >/sys/devices/system/memory/memory$n/state; echo online_kernel >/sys/devices/system/memory/memory$n/state; done; " \
             "cxl-sim ctl busy memory147"
    command = "daxctl prepare-isolation --keep-going --persist dax0.0"
    first, prepared, _, last = Session("sysram1", before=normal).cxl("isolation-status", "--check").sh(f"{command} --timeout=1s") \
        .sh("cxl-sim ctl reboot").cxl("isolation-status", "--check").run()
    remedy = check(first, "ISO-MEM-ONLINE")["remedy"]
    assert commands(remedy)[2] == command and "reboot" in remedy
    assert prepared.rc == 6 and check(last, "ISO-MEM-ONLINE")["result"] == "passed"


def test_memory_of_a_husk_only_a_reboot_takes_back(host):
    name = host("direct2x2-6.12-x2hb-sysram")
    r = Session(name, before="echo 1 >/sys/bus/pci/devices/0000:0d:00.0/remove; sleep 0.3").cxl("isolation-status", "--check").run()[0]
    found = [c for c in r.root_ports()["0000:de:00.0"]["checks"] if c["check"] == "ISO-MEM-ONLINE"][0]
    assert found["result"] == "failed" and commands(found["remedy"]) == [] and found["remedy"].startswith("reboot the host, and do not delete region2 before")
    assert r.messages(code="HUSK"), "the message says the same"


def test_struct_pages_on_the_memory_itself(host):
    name = host(files={"sys/module/memory_hotplug/parameters/memmap_on_memory": "Y\n"})
    assert gone(name, "ISO-MEMMAP") == "daxctl prepare-isolation dax0.0"


def test_memory_that_would_come_online_again(host):
    name = host("direct1-6.12-devdax", files={"sys/devices/system/memory/auto_online_blocks": "online\n"})
    assert gone(name, "ISO-AUTO-ONLINE") == f"daxctl prepare-isolation --persist {RP}"
    assert gone(name, "ISO-AUTO-ONLINE", between="cxl-sim ctl reboot")


def test_demotion_to_the_memory(host):
    name = host(files={"sys/kernel/mm/numa/demotion_enabled": "true\n"})
    assert gone(name, "ISO-DEMOTION") == "daxctl prepare-isolation dax0.0"


def test_a_region_over_several_root_ports():
    assert gone("interleave2", "ISO-INTERLEAVE").startswith("cxl enable-isolation 0000:0c:00.0 ")


def test_a_region_over_a_root_port_that_cannot_isolate(host):
    name = host("direct2x2-6.12-x2hb-devdax", root_ports={"0000:de:00.0": {"mem_isolation": False}})
    assert gone(name, "ISO-INTERLEAVE") == "cxl destroy-region -f region2"


def test_a_region_over_a_root_port_without_kernel_attributes(host):
    """The kernel has none for a port that has no interrupt."""
    name = host("direct2x2-6.12-x2hb-devdax", root_ports={"0000:de:00.0": {"interrupt": None}})
    assert gone(name, "ISO-INTERLEAVE") == "cxl enable-isolation --registers 0000:0c:00.0 0000:de:00.0"


def test_persistent_memory():
    assert gone("pmem1", "ISO-PMEM") == "cxl disable-region region0"


def test_a_process_that_maps_it():
    assert gone("direct1", "ISO-BUSY", before=dax_user("map"), between="sleep 0.2").startswith("kill ")


def test_a_link_that_software_cannot_take_down():
    assert gone("masked1", "ISO-HOTPLUG").startswith("cxl enable-isolation --registers --link-down")
