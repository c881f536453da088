# SPDX-License-Identifier: GPL-2.0-only
"""Modules of a real kernel: taken out, named by what they are, and loaded again by --load, unless modprobe.d forbids it."""
import pathlib

from guest import Skip, clean, cxl, daxctl, names, run, same, until

TOPOLOGIES = ("direct1",)
CONF = pathlib.Path("/run/modprobe.d/suite.conf")


def loaded(name):
    return pathlib.Path(f"/sys/module/{name}/initstate").exists()


def take_out(*modules):
    """Those of MODULES that are modules here are not loaded any more."""
    there = [m for m in modules if loaded(m)]
    if not there:
        raise Skip(f"{', '.join(modules)}: built into this kernel, or not part of it")
    for m in there:
        r = run("modprobe", "-r", m, rc=None)
        if "is in use" in r.err:  # by another module's functions, on some kernels
            raise Skip(f"{m} cannot be taken out of this kernel: {r.err.strip()}")
        same(r.rc, 0, f"modprobe -r {m}: {r.err}")
    assert not any(loaded(m) for m in there), there
    return there


def texts(r):
    return set(r.messages("MODULE"))


def forbid(line):
    CONF.parent.mkdir(exist_ok=True)
    CONF.write_text(f"{line}\n")


def put_back():
    CONF.unlink(missing_ok=True)
    run("modprobe", "-a", "cxl_mem", "device_dax", rc=None)
    until("all memdevs have their driver", lambda: all(pathlib.Path(f"/sys/bus/cxl/devices/{m}/driver").exists() for m in names("mem")))


def test_the_driver_of_memory_devices_is_loaded_and_has_them_before_the_command_goes_on():
    take_out("cxl_mem")
    try:
        mems = names("mem")
        r = cxl("enable-isolation", "--load", "-n", "root0", rc=None)
        same(texts(r), {"the module cxl_mem would be loaded first"}, "what a dry run says")
        assert not loaded("cxl_mem"), "a dry run loaded it"
        cxl("enable-isolation", "root0", rc=None)
        assert not loaded("cxl_mem"), "loaded without --load"
        r = cxl("enable-isolation", "--load", "root0", rc=None)
        same(texts(r), {"the module cxl_mem was loaded"}, "what was loaded")
        assert loaded("cxl_mem")
        same([m for m in mems if not pathlib.Path(f"/sys/bus/cxl/devices/{m}/driver").exists()], [], "memdevs without a driver, right behind the command")
    finally:
        put_back()


def test_a_blacklist_is_kept_and_its_line_named():
    take_out("cxl_mem")
    try:
        forbid("blacklist cxl-mem")
        for more in ([], ["-n"]):
            r = cxl("enable-isolation", "--load", *more, "root0", rc=3)
            assert f"cxl_mem is blacklisted by {CONF}:1" in r.err and not texts(r), r
            assert not loaded("cxl_mem")
        forbid("install cxl_mem /bin/false")
        r = cxl("enable-isolation", "--load", "root0", rc=3)
        assert f"kept out by the install line of {CONF}:1" in r.err and not loaded("cxl_mem"), r
    finally:
        put_back()


def test_the_driver_of_dax_devices_is_loaded():
    clean()
    take_out("device_dax")
    try:
        r = daxctl("prepare-isolation", "--load", rc=None)
        same(texts(r), {"the module device_dax was loaded"}, "what was loaded")
        assert loaded("device_dax")
    finally:
        put_back()


def test_what_this_kernel_has_not_is_said_with_its_option():
    if run("modinfo", "fsdev_dax", rc=None).rc == 0:
        raise Skip("this kernel has fsdev_dax")
    r = daxctl("prepare-isolation", "--mode=famfs", "--load", rc=3)
    assert "fsdev_dax is not part of this kernel (CONFIG_DEV_DAX_FSDEV)" in r.err and not texts(r), r
