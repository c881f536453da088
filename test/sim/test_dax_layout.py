# SPDX-License-Identifier: GPL-2.0-only
"""Regions cut into several dax devices, and fsdev_dax: what is listed, mapped, lost, unbound and removed."""
import json

import pytest

from simrun import CAPTURES, PCI, PORT, run

MIB = 1 << 20
DAX = "/sys/bus/dax/devices"
DRIVERS = "/sys/bus/dax/drivers"
THREE = [{"size": 128 * MIB, "driver": "kmem"}, {"size": 64 * MIB, "driver": "device_dax"},
         {"size": 32 * MIB, "driver": "fsdev_dax"}, {"size": 0, "driver": None}]
TWO = [{"size": 128 * MIB, "driver": "device_dax"}, {"size": 128 * MIB, "driver": "device_dax"}]


@pytest.fixture
def host(tmp_path):
    def write(parts, **more):
        path = tmp_path / "host.json"
        path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "dax": {"region0": parts}, **more}))
        return path
    return write


def words(script, host):
    done = run(script, "--host", host)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout.split()


def test_devices_are_numbered_in_order_of_address_with_their_drivers_and_lines_of_iomem(host):
    assert words(f"""cd {DAX}; for d in dax0.0 dax0.1 dax0.2 dax0.3; do cat $d/size $d/resource; [ ! -e $d/driver ] || basename $(readlink $d/driver)
ls -d $d/mapping0 2> /dev/null; done; cat dax0.0/../dax_region/available_size; grep dax /proc/iomem | tr -d ' '""", host(THREE)) == [
        "134217728", "0x490000000", "kmem", "dax0.0/mapping0", "67108864", "0x498000000", "device_dax", "dax0.1/mapping0",
        "33554432", "0x49c000000", "fsdev_dax", "dax0.2/mapping0", "0", "0x490000000", "33554432",
        "490000000-497ffffff:dax0.0", "498000000-49bffffff:dax0.1", "49c000000-49dffffff:dax0.2"]


def test_memory_of_kmem_s_part_alone_has_blocks_with_the_policy_of_the_host(host):
    policy = {"sys/devices/system/memory/auto_online_blocks": "online_movable\n"}
    assert words("cd /sys/devices/system/memory; echo memory14*; cat memory146/state memory146/valid_zones",
                 host(THREE, files=policy)) == ["memory14", "memory146", "online", "Movable"]


def test_only_what_device_dax_has_can_be_opened_and_mapped(host):
    done = run("for n in 0 1 2 3; do $SIM ctl map dax0.$n idle | cut -d' ' -f1; (: < /dev/dax0.$n) 2> /dev/null && echo opens; done",
               "--host", host(THREE))
    assert done.stdout.split() == ["dax0.1:", "opens"]
    assert done.stderr.splitlines() == [f"cxl-sim: dax0.{n} cannot be mapped: its driver is {d}, not device_dax"
                                        for n, d in ((0, "kmem"), (2, "fsdev_dax"), (3, "none"))]


def test_fsdev_dax_takes_what_it_is_told_to_and_gives_it_back(host):
    assert words(f"""cd {DRIVERS}; ls fsdev_dax | tr '\\n' ' '; echo dax0.2 > fsdev_dax/unbind; echo dax0.2 > device_dax/new_id
basename $(readlink {DAX}/dax0.2/driver); echo dax0.2 > device_dax/unbind; echo dax0.2 > device_dax/remove_id
echo dax0.2 > fsdev_dax/bind; basename $(readlink {DAX}/dax0.2/driver)""", host(THREE)) == [
        "bind", "dax0.2", "module", "new_id", "remove_id", "uevent", "unbind", "device_dax", "fsdev_dax"]


@pytest.mark.parametrize("event", ("link-down", "timeout"))
def test_every_user_of_a_device_of_the_region_dies_when_the_port_isolates(host, event):
    on = {"*": {"preset": {"mem_isolation": True, "mem_timeout": True}}}
    done = run(f"""$SIM ctl map dax0.0 > /dev/null; $SIM ctl map dax0.1 > /dev/null; $SIM ctl {event} {PORT} > /dev/null; sleep 0.5
grep -l /dev/dax0 /proc/[0-9]*/maps | wc -l; $SIM ctl map dax0.1""", "--host", host(TWO, root_ports=on))
    assert (done.stdout, done.stderr) == ("0\n", "cxl-sim: /dev/dax0.1 cannot be mapped: its memory has failed\n")


def test_what_the_second_device_is_mapped_by_makes_taking_the_link_down_a_violation(host):
    done = run("$SIM ctl map dax0.1 idle > /dev/null; echo 0 > /sys/bus/pci/slots/2/power", "--host", host(TWO))
    assert done.returncode == 4 and "(dax-user) mapped dax0.1" in done.stderr


def test_kmem_as_the_second_device_panics_the_kernel_that_uses_it(host):
    parts = [{"size": 128 * MIB, "driver": "device_dax"}, {"size": 128 * MIB, "driver": "kmem"}]
    host = host(parts, root_ports={"*": {"preset": {"mem_isolation": True}}},
                files={"sys/devices/system/memory/auto_online_blocks": "online\n"})
    done = run(f"$SIM ctl link-down {PORT}", "--host", host)
    assert "memory of dax0.1 is online as System RAM" in done.stdout


def test_memory_lost_by_a_reset_is_lost_in_every_device(host):
    script = f"""import mmap
def poke(n, what=None):
    with open(f"/dev/dax0.{{n}}", "r+b") as f, mmap.mmap(f.fileno(), 4096) as m:
        if what: m[0] = what
        return m[0]
poke(0, 7); poke(1, 8)
open("{PCI}/0000:0d:00.0/reset", "w").write("1")
print(poke(0), poke(1))
"""
    done = run(["/usr/bin/python3", "-I", "-c", script], "--host", host(TWO))
    assert (done.returncode, done.stdout) == (0, "0 0\n"), done


def test_devices_go_with_their_region_and_come_back_as_one(host):
    assert words(f"""R=/sys/bus/cxl/devices/region0; echo 0 > $R/commit; ls {DAX} /dev | grep -c 'dax[0-9]' || :; grep -c dax /proc/iomem || :
echo 1 > $R/commit; echo region0 > /sys/bus/cxl/drivers/cxl_region/bind; ls {DAX}; cat {DAX}/dax0.0/size""", host(THREE)) == [
        "0", "0", "dax0.0", "268435456"]


def test_devices_are_one_again_after_a_restart_as_the_kernel_makes_them(host):
    assert words(f"$SIM ctl reboot > /dev/null; ls {DAX}; cat {DAX}/dax0.0/size", host(THREE)) == ["dax0.0", "268435456"]


def test_programs_of_the_distribution_list_each_device(host):
    done = run("daxctl list", "--host", host(THREE))
    assert done.returncode == 0 and sorted(d["chardev"] for d in json.loads(done.stdout)) == ["dax0.0", "dax0.1", "dax0.2"]


@pytest.mark.parametrize("dax,text", (
    ({"region7": TWO}, "dax: this host has no region 'region7'"),
    ({"region0": []}, "dax: region0 must be an array of 1 to 64 devices"),
    ({"region0": [7]}, "dax: a device is an object of size and driver"),
    ({"region0": [{"size": 3 * MIB, "driver": None}]}, "dax: size must be a number of bytes, a multiple of 2097152"),
    ({"region0": [{"size": 2 * MIB}]}, "dax: driver must be one of device_dax, kmem, fsdev_dax, or null"),
    ({"region0": [{"size": 2 * MIB, "driver": "famfs"}]}, "dax: driver must be one of device_dax, kmem, fsdev_dax, or null"),
    ({"region0": [{"size": 0, "driver": "kmem"}]}, "dax: a device of size 0 has no driver: its driver must be null"),
    ({"region0": [{"size": 2 * MIB, "driver": None, "sise": 1}]}, "dax: unknown key 'sise': the keys are size, driver"),
    ({"region0": TWO + TWO}, "dax: the devices of region0 have 536870912 bytes, but the region only 268435456"),
    ({"region0": [{"size": 64 * MIB, "driver": "kmem"}]}, "dax: a device of region0 is too small for kmem"),
))
def test_layout_that_cannot_be_is_refused(tmp_path, dax, text):
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "dax": dax}))
    done = run("true", "--host", path)
    assert done.returncode == 2 and text in done.stderr


def test_region_of_an_accelerator_has_no_devices_to_lay_out(tmp_path):
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "dax": {"region0": TWO},
                                "devices": {"0000:0d:00.0": {"type": 2, "driver": "sfc"}}}))
    done = run("true", "--host", path)
    assert done.returncode == 2 and "dax: region0 has no dax devices that could be laid out" in done.stderr
