#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Run commands on an unpacked capture without the simulator.

  reference.py CAPTURE.tar.xz OUTDIR -- COMMAND... [-- COMMAND...]

The tree is laid out on a private tmpfs and bind-mounted over /sys; a plain
/dev holds what libcxl and libdaxctl look for.  Each command's stdout, stderr
and status go to OUTDIR/<n>.{out,err,status}.  Needs root; start it under
`unshare -m`.
"""
import os
import subprocess
import sys
import tarfile


def kernfs_hash(name):
    """Key of a name in a sysfs directory: fs/kernfs/dir.c, 64-bit."""
    value = 0
    for byte in name.encode():
        value = (value + (byte << 4) + (byte >> 4)) * 11 & 0xFFFFFFFFFFFFFFFF
    value = (value * 0x61C8864680B583EB & 0xFFFFFFFFFFFFFFFF) >> 32 & 0x7FFFFFFF
    if value < 2:
        value += 2
    return min(value, 0x7FFFFFFE), name


def newest_first(directory):
    """tmpfs lists a directory by age; which way depends on the kernel."""
    for name in ("a", "b"):
        open(os.path.join(directory, name), "w").close()
    first = os.listdir(directory)[0]
    for name in ("a", "b"):
        os.unlink(os.path.join(directory, name))
    return first == "b"


def lay_out(capture, root):
    """Unpack so that readdir answers in the order of the real sysfs."""
    backwards = newest_first(root)
    children, content = {}, {}
    with tarfile.open(capture) as tar:
        for member in tar:
            path = os.path.normpath(member.name)
            if path.split("/")[0] != "sys":
                continue
            content[path] = (member, tar.extractfile(member).read() if member.isfile() else None)
            children.setdefault(os.path.dirname(path), []).append(os.path.basename(path))

    def make(path):
        member, data = content[path]
        full = os.path.join(root, path)
        if member.issym():
            os.symlink(member.linkname, full)
        elif member.isfile():
            with open(full, "wb") as f:
                f.write(data)
            os.chmod(full, member.mode)
        else:
            os.mkdir(full)
            for name in sorted(children.get(path, []), key=kernfs_hash, reverse=backwards):
                make(os.path.join(path, name))

    make("sys")
    os.makedirs(os.path.join(root, "sys/kernel/debug"), exist_ok=True)


def add_dev(root):
    sys_dir, dev = os.path.join(root, "sys"), os.path.join(root, "dev")
    os.makedirs(dev + "/cxl")

    def names(path, prefix):
        full = os.path.join(sys_dir, path)
        return [n for n in sorted(os.listdir(full)) if n.startswith(prefix)] if os.path.isdir(full) else []

    for name in names("bus/cxl/devices", "mem"):
        open(f"{dev}/cxl/{name}", "w").close()
    for name in names("bus/dax/devices", "dax") + names("class/nd", "ndctl"):
        open(f"{dev}/{name}", "w").close()
    if os.path.isdir(sys_dir + "/bus/dax"):
        os.makedirs(sys_dir + "/dev/char/0:0")
        os.symlink("../../../bus/dax", sys_dir + "/dev/char/0:0/subsystem")
    for name in ("null", "zero", "full", "random", "urandom"):
        open(f"{dev}/{name}", "w").close()
        subprocess.run(["mount", "--bind", f"/dev/{name}", f"{dev}/{name}"], check=True)


def add_debugfs():
    """Without it libcxl 85 crashes.  Like the simulated host it has the poison of each memory device that has a driver."""
    for kind in ("debugfs", "tmpfs"):
        subprocess.run(["mount", "-t", kind, "none", "/sys/kernel/debug"], check=True)
    os.mkdir("/sys/kernel/debug/cxl")
    for name in os.listdir("/sys/bus/cxl/devices") if os.path.isdir("/sys/bus/cxl/devices") else ():
        if name.startswith("mem") and os.path.exists(f"/sys/bus/cxl/devices/{name}/driver"):
            os.mkdir(f"/sys/kernel/debug/cxl/{name}")
            open(f"/sys/kernel/debug/cxl/{name}/inject_poison", "w").close()


def main():
    capture, out, commands = sys.argv[1], sys.argv[2], []
    for word in sys.argv[3:]:
        if word == "--":
            commands.append([])
        else:
            commands[-1].append(word)
    root = os.path.join(out, "root")
    os.mkdir(root)
    subprocess.run(["mount", "-t", "tmpfs", "reference", root], check=True)
    lay_out(capture, root)
    add_dev(root)
    subprocess.run(["mount", "--bind", root + "/sys", "/sys"], check=True)
    add_debugfs()
    subprocess.run(["mount", "--rbind", root + "/dev", "/dev"], check=True)
    env = dict(os.environ, SYSTEMD_DEVICE_VERIFY_SYSFS="0")
    for n, command in enumerate(commands):
        with open(f"{out}/{n}.out", "wb") as stdout, open(f"{out}/{n}.err", "wb") as stderr:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env,
                                    check=False).returncode
        with open(f"{out}/{n}.status", "w") as f:
            f.write(str(status))


if __name__ == "__main__":
    main()
