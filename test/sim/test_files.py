# SPDX-License-Identifier: GPL-2.0-only
"""The file system of a run: what sysfs allows and refuses, /dev, /proc, captures in every form."""
import os
import subprocess
import tarfile

import pytest

from simrun import ATTEMPT, CAPTURES, ISO, PCI, PORT, PORT_PATH, python, read_log, run


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

# --- files ---------------------------------------------------------------------------------

def test_open_for_a_direction_without_permission_bits_is_eacces_for_root_too():
    assert python(ATTEMPT + """
attempt(os.open, PORT + "vendor", os.O_WRONLY); attempt(os.open, PORT + "vendor", os.O_RDWR)
attempt(os.open, PORT + "rescan", os.O_RDONLY); attempt(os.open, PORT + "rescan", os.O_WRONLY)
attempt(os.open, PORT + "vendor", os.O_RDONLY)
""").stdout.split() == ["EACCES", "EACCES", "EACCES", "ok", "ok"]


def test_tree_cannot_be_changed_and_answers_as_sysfs_does():
    script = """
import errno, os
def attempt(f, *args):
    try: f(*args); print("ok")
    except OSError as e: print(errno.errorcode[e.errno])
d = "/sys/devices/"
attempt(os.open, d + "x", os.O_WRONLY | os.O_CREAT); attempt(os.mkdir, d + "x"); attempt(os.rmdir, d + "system")
attempt(os.unlink, "/sys/bus/pci/rescan"); attempt(os.rename, "/sys/bus/pci/rescan", "/sys/bus/pci/x")
attempt(os.symlink, "a", d + "x"); attempt(os.link, "/sys/bus/pci/rescan", d + "x"); attempt(os.mkfifo, d + "x")
attempt(os.truncate, "/sys/bus/pci/rescan", 0)
"""
    simulated = python(script).stdout.split()
    assert simulated == ["EACCES"] + ["EPERM"] * 7 + ["ok"]
    if os.geteuid() == 0 and os.path.exists("/sys/bus/pci/rescan") and os.stat("/sys/kernel").st_uid == 0:
        real = subprocess.run(["/usr/bin/python3", "-I", "-c", script], capture_output=True, text=True, check=True)
        assert simulated == real.stdout.split()


def test_sizes_are_those_of_sysfs():
    assert python(f"""
import os
for n in ("vendor", "config", "resource0", "cxl_isolation/isolation_ctrl"): print(os.stat("{PCI}/{PORT}/" + n).st_size)
print(os.stat("/proc/iomem").st_size)
""").stdout.split() == ["4096", "4096", "65536", "4096", "0"]


def test_truncating_open_and_trailing_nul_are_accepted():
    assert python(ATTEMPT + f"""
fd = os.open("{ISO}/timeout_ctrl", os.O_WRONLY | os.O_TRUNC); attempt(os.write, fd, b"1\\n\\0")
print(open("{ISO}/timeout_ctrl").read())
""").stdout.split() == ["3", "1"]


def test_write_that_nothing_models_is_refused_and_logged(tmp_path):
    log = tmp_path / "log"
    done = python(ATTEMPT + 'attempt(os.write, os.open(PORT + "msi_bus", os.O_WRONLY), b"1")', "--log", log)
    assert done.stdout in ("EOPNOTSUPP\n", "ENOTSUP\n")		# two names of one number
    entry = read_log(log)[-1]
    assert (entry["op"], entry["path"], entry["data"], entry["errno"], entry["note"]) == (
        "write", f"{PORT_PATH}/msi_bus", "1", "EOPNOTSUPP", "no model")


def test_attribute_is_shown_once_per_pass_and_again_from_the_start():
    assert python(f"""
import os
fd = os.open("{ISO}/isolation_ctrl", os.O_RDONLY)
print(os.read(fd, 1), os.read(fd, 9), os.read(fd, 9))
w = os.open("{ISO}/isolation_ctrl", os.O_WRONLY); os.write(w, b"1")
print(os.pread(fd, 9, 0))
""").stdout == "b'0' b'\\n' b''\nb'1\\n'\n"


def test_directories_are_listed_in_the_order_of_kernfs():
    names = python(f"import os; print(*os.listdir('{ISO}'))").stdout.split()
    assert sorted(names) == ["isolation_ctrl", "timeout_ctrl", "timeout_range"]
    assert names == python(f"import os; print(*os.listdir('{ISO}'))").stdout.split()


def test_dax_device_is_a_sparse_file_of_its_size_that_can_be_mapped():
    assert python("""
import mmap, os
fd = os.open("/dev/dax0.0", os.O_RDWR); st = os.fstat(fd)
m = mmap.mmap(fd, st.st_size); m[-1] = 7; m[0] = 1
print(st.st_size, st.st_blocks, m[-1])
""").stdout.split() == ["268435456", "0", "7"]


def test_private_dev_has_what_programs_need():
    assert run("echo x > /dev/null; head -c 1 /dev/zero | wc -c; head -c 1 /dev/urandom | wc -c; echo y > /dev/stdout;"
               "test -c /dev/full && test -d /dev/fd && ls /dev/cxl; cat /dev/cxl/mem0").stdout.split() == [
        "1", "1", "y", "mem0"]


def test_proc_files_are_the_host_s():
    done = run("cat /proc/version /proc/cmdline; grep -c CXL /proc/iomem; grep -c cxl_mem /proc/modules")
    assert "6.12" in done.stdout and "rdinit=/init" in done.stdout and "0" not in done.stdout.split()[-2:]


@needs_root
def test_user_without_privilege_inside_cannot_write_attributes():
    done = python(f"""
import os
os.setgid(65534); os.setuid(65534)
for path, flags in (("{ISO}/isolation_ctrl", os.O_WRONLY), ("{ISO}/isolation_ctrl", os.O_RDONLY),
                    ("{PCI}/{PORT}/resource0", os.O_RDONLY), ("/dev/dax0.0", os.O_RDONLY)):
    try: os.close(os.open(path, flags)); print("ok")
    except PermissionError: print("EACCES")
""")
    assert done.stdout.split() == ["EACCES", "ok", "EACCES", "EACCES"]


def test_unpacked_directory_is_the_same_host_as_the_archive(tmp_path):
    archive = CAPTURES / "direct1-6.12-devdax.tar.xz"
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path)
    command = ["sh", "-c", "ls -lR --time-style=+ /sys | sed 's/ [0-9]* root/ root/'; cat /proc/iomem"]
    assert run(command, "--host", tmp_path).stdout == run(command, "--host", archive).stdout


def test_archive_of_another_format_is_read(tmp_path):
    for sub in ("sys/bus/pci", "proc"):
        os.makedirs(tmp_path / sub)
    (tmp_path / "sys/bus/pci/text").write_text("hello\n")
    with tarfile.open(tmp_path / "host.tar.gz", "w:gz", format=tarfile.GNU_FORMAT) as tar:
        tar.add(tmp_path / "sys", "./sys")
    assert run("cat /sys/bus/pci/text", "--host", tmp_path / "host.tar.gz").stdout == "hello\n"


def test_damaged_archive_is_refused(tmp_path):
    whole = (CAPTURES / "direct1-6.12-devdax.tar.xz").read_bytes()
    (tmp_path / "half.tar.xz").write_bytes(whole[:len(whole) // 2])
    done = run("true", "--host", tmp_path / "half.tar.xz")
    assert done.returncode == 2 and "it is damaged" in done.stderr
