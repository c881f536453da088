# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim run: its processes, its file system, its log, faults and refusals."""
import json
import os
import pty
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

import pytest

from simrun import (CAPTURES, ISO, ISO_PATH, PCI, PORT, PORT_PATH, REPO, SIM, python, read_log, run, sim,
                    writes)

OTHER = "0000:0c:01.0"		# a second root port of the host direct2x2
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


# --- exit status ---------------------------------------------------------------------------

@pytest.mark.parametrize("status", (0, 1, 7, 255))
def test_exit_status_is_the_command_s(status):
    assert run(f"exit {status}").returncode == status


def test_exit_status_of_a_killed_command_is_128_plus_the_signal():
    assert run("kill -KILL $$").returncode == 137
    assert run("kill -SEGV $$").returncode == 139


def test_command_that_does_not_exist_is_127_and_not_executable_is_126():
    missing, directory = run(["/nonexistent"]), run(["/etc/passwd"])
    assert (missing.returncode, missing.stderr) == (127, "cxl-sim: cannot run /nonexistent: No such file or directory\n")
    assert (directory.returncode, directory.stderr) == (126, "cxl-sim: cannot run /etc/passwd: Permission denied\n")


@pytest.mark.parametrize("args,text", (
    (("run",), "which command is to be run?"),
    (("run", "--nonsense", "--", "true"), "unknown option"),
    (("run", "--host", "nonsense", "--", "true"), "there is no host 'nonsense': choose one of direct1, direct2x2, "
     "interleave2, pmem1, switch4, sysram1"),
    (("run", "--kernel", "v9", "--", "true"), "there is no kernel 'v9': choose one of mainline, v1, v1-fixed"),
    (("run", "--only", "0d:00.0", "--", "true"), "there is no CXL root port '0d:00.0': this host has 0000:0c:00.0"),
    (("run", "--log", "/nonexistent/log", "--", "true"), "cannot write the log"),
    (("run", "--host", "/etc/passwd", "--", "true"), "/etc/passwd is not a capture"),
    (("nonsense",), "there is no verb 'nonsense': the verbs are run, ctl, hosts, doctor"),
    (("hosts", "x"), "takes no operand"),
    (("ctl",), "which event?"),
))
def test_usage_errors_are_2_with_one_sentence_that_says_what_exists(args, text):
    done = sim(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert text in done.stderr and done.stderr.count("\n") == 1


def test_help_and_version_are_printed_by_every_verb():
    assert sim("--version").stdout.startswith("cxl-sim ")
    for args in ((), ("run",), ("ctl",), ("hosts",), ("doctor",)):
        done = sim(*args, "--help")
        assert done.returncode == 0 and done.stdout.startswith("usage: cxl-sim") and done.stderr == ""


def test_ctl_outside_of_a_run_is_3():
    done = sim("ctl", "timeout", PORT)
    assert (done.returncode, done.stderr) == (
        3, "cxl-sim: this is no simulated host: use it inside 'cxl-sim run -- ...'\n")


def test_a_run_inside_a_run_is_refused_with_3():
    done = run("$SIM run -- true")
    assert done.returncode == 3 and "cannot open /dev/fuse" in done.stderr and "cxl-sim doctor" in done.stderr


# --- processes -----------------------------------------------------------------------------

def processes():
    """{pid: (parent, command line)} of the machine."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                stat = f.read()
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                found[int(pid)] = (int(stat[stat.rindex(")") + 2:].split()[1]), f.read())
        except OSError:
            pass
    return found


def children(parent):
    return sorted(pid for pid, (ppid, _) in processes().items() if ppid == parent)


def wait_until(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Running:
    """A run whose command writes a file when it is up and then waits."""

    def __init__(self, tmp_path, script=None, **kwargs):
        self.ready = tmp_path / "ready"
        self.mark = f"3600.{os.getpid()}{time.monotonic_ns()}"
        script = script or f"echo > {self.ready}; exec sleep {self.mark}"
        self.process = subprocess.Popen([SIM, "run", "--", "sh", "-c", script.format(self=self)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, **kwargs)
        assert wait_until(self.ready.exists)
        (self.first,) = children(self.process.pid)
        self.server, self.command = children(self.first)

    def all_gone(self):
        pids = (self.process.pid, self.first, self.server, self.command)
        return wait_until(lambda: not any(self.mark in c or p in pids for p, (_, c) in processes().items()
                                          if c or p in pids))

    def finish(self):
        out, err = self.process.communicate(timeout=10)
        return self.process.returncode, out, err


@pytest.fixture
def connections():
    """Nothing is left mounted: the machine's mounts and FUSE connections stay as they were."""
    def snapshot():
        with open("/proc/self/mounts", encoding="utf-8") as f:
            mounts = sorted(line for line in f if "cxl-sim" in line)
        path = "/sys/fs/fuse/connections"
        return mounts, sorted(os.listdir(path)) if os.path.isdir(path) else None
    before = snapshot()
    yield
    assert wait_until(lambda: snapshot() == before)


def test_nothing_is_left_when_the_command_ends(tmp_path, connections):
    running = Running(tmp_path)
    os.kill(running.command, signal.SIGKILL)
    assert running.finish()[0] == 137
    assert running.all_gone()


def test_nothing_is_left_when_cxl_sim_is_killed(tmp_path, connections):
    running = Running(tmp_path)
    running.process.kill()
    running.finish()
    assert running.all_gone()


def test_command_is_killed_and_told_so_when_the_server_is_killed(tmp_path, connections):
    running = Running(tmp_path)
    os.kill(running.server, signal.SIGKILL)
    status, _, err = running.finish()
    assert status == 4
    assert err == ("cxl-sim: the server of the simulated host was killed (Killed), and the command with it; "
                   "run it again\n")
    assert running.all_gone()


def test_nothing_is_left_when_the_first_process_is_killed(tmp_path, connections):
    running = Running(tmp_path)
    os.kill(running.first, signal.SIGKILL)
    status, _, err = running.finish()
    assert status == 4 and "ended unexpectedly" in err
    assert running.all_gone()


def test_background_processes_end_with_the_command(tmp_path):
    mark = f"3600.{os.getpid()}{time.monotonic_ns()}"
    assert run(f"sleep {mark} & sleep {mark} & exit 5").returncode == 5
    assert wait_until(lambda: not any(mark in c for _, c in processes().values()))


def test_client_stuck_in_a_delayed_operation_is_killed_with_cxl_sim(tmp_path):
    log = tmp_path / "log"
    process = subprocess.Popen([SIM, "run", "--log", str(log), "--fault", "read:1=delay:60000", "--", "cat",
                                f"{PCI}/{PORT}/vendor"], stdin=subprocess.DEVNULL)
    assert wait_until(lambda: log.exists() and '"open"' in log.read_text())
    (first,) = children(process.pid)
    inside = children(first)
    process.kill()
    process.wait(timeout=5)
    assert wait_until(lambda: not any(pid in processes() for pid in [first, *inside]))


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT))
def test_signal_sent_to_cxl_sim_reaches_the_command(number, tmp_path):
    running = Running(tmp_path)
    running.process.send_signal(number)
    assert running.finish()[0] == 128 + number
    assert running.all_gone()


def test_command_that_handles_a_signal_decides_the_status(tmp_path):
    running = Running(tmp_path, "trap 'exit 42' TERM; echo > {self.ready}; while :; do sleep 0.05; done")
    running.process.terminate()
    assert running.finish()[0] == 42


def test_control_c_on_the_terminal_goes_to_the_command_once(tmp_path):
    ready = tmp_path / "ready"
    pid, terminal = pty.fork()
    if not pid:
        os.execv(SIM, [SIM, "run", "--", "sh", "-c",
                       f"n=0; trap 'n=$((n+1))' INT; echo > {ready}; sleep 0.6; sleep 0.2; exit $((40 + n))"])
    assert wait_until(ready.exists)
    time.sleep(0.1)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 41


def test_command_that_dies_of_control_c_is_reported_as_130(tmp_path):
    ready = tmp_path / "ready"
    pid, terminal = pty.fork()
    if not pid:
        os.execv(SIM, [SIM, "run", "--", "sh", "-c", f"echo > {ready}; exec sleep 60"])
    assert wait_until(ready.exists)
    time.sleep(0.1)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 130


def test_command_sees_its_own_processes_only():
    assert python("import os; print(os.getpid(), sorted(p for p in os.listdir('/proc') if p.isdigit()))").stdout \
        == "3 ['1', '2', '3']\n"


def test_command_gets_no_descriptor_of_the_simulator(tmp_path):
    log = tmp_path / "log"
    assert python("import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])", "--log", log).stdout \
        == "[0, 1, 2]\n"


def test_standard_input_and_output_pass_through():
    done = subprocess.run([SIM, "run", "--", "sh", "-c", "cat; echo err >&2"], input="text", capture_output=True,
                          text=True, timeout=10, check=True)
    assert (done.stdout, done.stderr) == ("text", "err\n")


def test_closed_standard_descriptors_are_no_trouble():
    done = subprocess.run(["sh", "-c", f"exec {SIM} run -- sh -c 'cat {PCI}/{PORT}/vendor >&2' <&- >&-"],
                          stderr=subprocess.PIPE, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (0, "0x8086\n")


def test_command_inherits_the_signal_mask_and_dispositions():
    command = ["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"]
    outside = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert run(command).stdout == outside


def test_libudev_is_told_to_accept_the_tree():
    assert run("echo $SYSTEMD_DEVICE_VERIFY_SYSFS").stdout == "0\n"


@pytest.fixture
def open_dir():
    """A directory that other users can enter, with the program in it (the build directory may be closed)."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)
        shutil.copy(SIM, name)
        shutil.copy(CAPTURES / "direct1-6.12-devdax.tar.xz", name)
        yield name


def as_nobody(open_dir, fuse_mode, command):
    """Run cxl-sim as a user without privilege, with a private copy of /dev/fuse."""
    script = f"""
mount -t tmpfs none /mnt && mknod /mnt/fuse c 10 229 && chmod {fuse_mode} /mnt/fuse &&
mount --bind /mnt/fuse /dev/fuse || exit 99
exec setpriv --reuid=65534 --regid=65534 --clear-groups {open_dir}/cxl-sim {command}
"""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, timeout=20,
                          check=False, cwd=open_dir)
    if "namespaces are refused" in done.stdout + done.stderr:
        pytest.skip("user namespaces are refused on this machine")
    return done


@needs_root
def test_normal_user_runs_in_a_user_namespace_as_root(open_dir):
    done = as_nobody(open_dir, "666", "run --host direct1-6.12-devdax.tar.xz --kernel v1-fixed --log log -- "
                     f"sh -c 'id -u; echo 1 > {ISO}/isolation_ctrl && cat {ISO}/isolation_ctrl'")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n1\n", "")
    assert read_log(f"{open_dir}/log")[-1]["comm"] == "cat"


@needs_root
def test_closed_fuse_device_is_3_and_doctor_names_the_rule(open_dir):
    done = as_nobody(open_dir, "600", "run --host direct1-6.12-devdax.tar.xz -- true")
    assert done.returncode == 3
    assert done.stderr == ("cxl-sim: cannot run a simulated host here: cannot open /dev/fuse: Permission denied; "
                           "'cxl-sim doctor' says what to do\n")
    done = as_nobody(open_dir, "600", "doctor")
    rows = {r["id"]: r for r in json.loads(done.stdout)["rows"]}
    assert done.returncode == 3
    assert not rows["fuse-open"]["ok"] and 'KERNEL=="fuse", MODE="0666"' in rows["fuse-open"]["remedy"]
    assert not rows["fuse-mount"]["ok"] and rows["fuse-mount"]["text"].startswith("not tried")


# --- files ---------------------------------------------------------------------------------

ATTEMPT = f"""
import errno, os
PCI, PORT = "{PCI}", "{PCI}/{PORT}/"
def attempt(f, *args):
    try: r = f(*args)
    except OSError as e: r = errno.errorcode[e.errno]
    print(r if not isinstance(r, int) or f is os.write else "ok")
"""


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
    done = python(ATTEMPT + 'attempt(os.write, os.open(PORT + "remove", os.O_WRONLY), b"1")', "--log", log)
    assert done.stdout in ("EOPNOTSUPP\n", "ENOTSUP\n")		# two names of one number
    entry = read_log(log)[-1]
    assert (entry["op"], entry["path"], entry["data"], entry["errno"], entry["note"]) == (
        "write", f"{PORT_PATH}/remove", "1", "EOPNOTSUPP", "no model")


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


# --- overlay -------------------------------------------------------------------------------

def overlay(tmp_path, **members):
    path = tmp_path / "host.json"
    path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), **members}))
    return path


def test_overlay_replaces_adds_and_removes_files(tmp_path):
    host = overlay(tmp_path, files={
        "sys/module/memory_hotplug/parameters/memmap_on_memory": "Y\n",
        f"sys/bus/pci/devices/{PORT}/reset_method": "cxl_bus\n",
        "sys/devices/pci0000:0c/0000:0c:00.0/0000:0d:00.0/mem0": None,
        "proc/cmdline": "quiet\n"})
    assert run(f"cat /sys/module/memory_hotplug/parameters/memmap_on_memory {PCI}/{PORT}/reset_method /proc/cmdline;"
               "ls -A /sys/bus/cxl/drivers/cxl_mem | grep -c mem0; ls /sys/bus/cxl/devices | grep -c mem0",
               "--host", host).stdout.split() == ["Y", "cxl_bus", "quiet", "0", "0"]


def test_overlay_base_is_relative_to_the_overlay(tmp_path):
    shutil.copy(CAPTURES / "none-6.12-noregion.tar.xz", tmp_path / "base.tar.xz")
    host = overlay(tmp_path, base="base.tar.xz")
    assert run("true", "--host", host, cwd="/").returncode == 0


@pytest.mark.parametrize("members,text", (
    ({"kernal": "v1"}, "unknown key 'kernal': the keys are description, base, kernel, root_ports, files"),
    ({"kernel": "v2"}, "unknown kernel 'v2': the kernels are mainline, v1, v1-fixed"),
    ({"base": "nonexistent.tar.xz"}, "cannot open the capture"),
    ({"root_ports": {"*": {"mem_timeot": True}}}, "unknown key 'mem_timeot': the keys are capability, mem_timeout,"),
    ({"root_ports": {"*": {"mem_timeout_ranges": "E"}}}, "mem_timeout_ranges must be some of the letters ABCD"),
    ({"root_ports": {"*": {"interrupt": 32}}}, "interrupt must be a message number from 0 to 31, or null"),
    ({"root_ports": {"*": {"err_cor": 1}}}, "err_cor must be true or false"),
    ({"root_ports": {"0000:0d:00.0": {}}}, "no CXL root port '0000:0d:00.0': it has 0000:0c:00.0"),
    ({"files": {"etc/passwd": "x"}}, "must be the path of a file below sys/ or proc/"),
    ({"files": {"sys/nonexistent": None}}, "the capture has no 'sys/nonexistent' to remove"),
    ({"files": {"sys/x": 1}}, "must be a text, or null to remove it"),
))
def test_wrong_overlay_is_refused_with_a_sentence(members, text, tmp_path):
    done = run("true", "--host", overlay(tmp_path, **members))
    assert done.returncode == 2 and text in done.stderr and done.stderr.count("\n") == 1


# --- log and --only ------------------------------------------------------------------------

def test_log_has_every_operation_with_process_and_sequence(tmp_path):
    log = tmp_path / "log"
    run(f"echo 1 > {ISO}/timeout_ctrl; cat {PCI}/{PORT}/vendor; ls {PORT_PATH}/nonexistent; readlink {PCI}/{PORT}/driver;"
        f"ls {ISO}; :", "--log", log)
    entries = read_log(log)
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    assert all(isinstance(e["pid"], int) and e["comm"] for e in entries)
    seen = [(e["op"], e["path"], e["errno"], e["comm"]) for e in entries]
    for expected in (("write", f"{ISO_PATH}/timeout_ctrl", 0, "sh"), ("read", f"{PORT_PATH}/vendor", 0, "cat"),
                     ("lookup", f"{PORT_PATH}/nonexistent", "ENOENT", "ls"), ("readlink", f"{PORT_PATH}/driver", 0, "readlink"),
                     ("readdir", ISO_PATH, 0, "ls")):
        assert expected in seen, expected


def test_log_has_failed_opens(tmp_path):
    log = tmp_path / "log"
    run(f": < {PORT_PATH}/rescan", "--log", log)
    assert [(e["op"], e["data"], e["errno"]) for e in read_log(log) if e["path"].endswith("rescan")] == [
        ("open", "r", "EACCES")]


def test_log_keeps_any_bytes_of_a_write(tmp_path):
    log = tmp_path / "log"
    python(f"import os; os.write(os.open('{ISO}/timeout_ctrl', os.O_WRONLY), bytes([49, 0, 10, 255]))", "--log", log)
    assert writes(read_log(log)) == [(f"{ISO_PATH}/timeout_ctrl", "1\0\n\xff", 0)]


def test_setting_the_stage_leaves_no_trace_in_the_log(tmp_path):
    log = tmp_path / "log"
    run(["/bin/true"], "--log", log)
    assert read_log(log) == []


def test_only_refuses_writes_to_other_root_ports_and_reports_a_violation(tmp_path):
    log = tmp_path / "log"
    script = "for p in {0} {1}; do echo 1 > {2}/$p/cxl_isolation/isolation_ctrl; done; cat {2}/{1}/cxl_isolation/isolation_ctrl"
    done = run(script.format(PORT, OTHER, PCI), "--host", "direct2x2", "--only", PORT, "--log", log)
    other = f"/sys/devices/pci0000:0c/{OTHER}/cxl_isolation/isolation_ctrl"
    assert (done.returncode, done.stdout) == (4, "0\n")
    assert f"1 violation, the first: {other} was written" in done.stderr
    assert writes(read_log(log)) == [(f"{ISO_PATH}/isolation_ctrl", "1\n", 0), (other, "1\n", "EPERM")]
    assert [e["path"] for e in read_log(log) if e["op"] == "violation"] == [other]


def test_only_covers_registers_and_devices_below(tmp_path):
    done = python(ATTEMPT + f"""
for p in (OTHER := "{PCI}/{OTHER}/resource0", "{PCI}/{OTHER}/remove"):
    attempt(os.pwrite, os.open(p, os.O_WRONLY), b"1234", 0x1208)
""", "--host", "direct2x2", "--only", "0c:00.0")
    assert done.stdout.split() == ["EPERM", "EPERM"] and "2 violations" in done.stderr


def test_failed_command_keeps_its_status_in_spite_of_a_violation():
    assert run(f"echo 1 > {PCI}/{OTHER}/cxl_isolation/isolation_ctrl; exit 9", "--host", "direct2x2", "--only",
               PORT).returncode == 9


# --- faults --------------------------------------------------------------------------------

STORE = f"""
import errno, os
def store(text, name="isolation_ctrl"):
    fd = os.open("{ISO}/" + name, os.O_WRONLY)
    try: return os.write(fd, text)
    except OSError as e: return errno.errorcode[e.errno]
    finally: os.close(fd)
def show(name="isolation_ctrl"):
    try: return open("{ISO}/" + name).read().strip()
    except OSError as e: return errno.errorcode[e.errno]
"""


def with_fault(spec, script, *options):
    options = [w for s in ([spec] if isinstance(spec, str) else spec) for w in ("--fault", s)] + list(options)
    done = python(STORE + script, *options)
    return done.stdout.split()


@pytest.mark.parametrize("name", ("EIO", "EBUSY", "EINVAL", "ENODEV", "ETIMEDOUT", "EACCES"))
def test_fault_errno_strikes_the_nth_operation_once_without_effect(name):
    assert with_fault(f"write@*/isolation_ctrl:2={name}",
                      "print(store(b'1'), store(b'0'), show(), store(b'0'), show())") == ["1", name, "1", "1", "0"]


def test_persistent_fault_strikes_all_later_operations():
    assert with_fault("write:2+=EIO", "print(store(b'1'), store(b'0'), store(b'0'), show())") == ["1", "EIO", "EIO", "1"]


def test_fault_counts_only_matching_operations():
    assert with_fault("write@*/timeout_ctrl:1=EIO", "print(store(b'1'), store(b'1', 'timeout_ctrl'), show())") == [
        "1", "EIO", "1"]
    assert with_fault("read@*/isolation_ctrl:2=EIO", "print(show(), show(), show())") == ["0", "EIO", "0"]
    assert with_fault("open@*/isolation_ctrl:1=EBUSY", "print(show(), show())") == ["EBUSY", "0"]
    assert with_fault("any@*/isolation_ctrl:4=EIO", "print(show(), show())") == ["0", "EIO"]


def test_glob_may_hold_a_pci_address():
    assert with_fault(f"write@*{PORT}/cxl_isolation/*:1=EIO", "print(store(b'1'))") == ["EIO"]


def test_short_write_takes_all_but_the_last_byte_and_of_one_byte_none():
    assert with_fault("write:1=short", "print(store(b'1\\n'), show())") == ["1", "1"]
    assert with_fault("write:1=short", "print(store(b'1'), show())") == ["0", "0"]


def test_short_read_gives_all_but_the_last_byte():
    assert with_fault("read@*/isolation_ctrl:1=short", f"""
fd = os.open("{ISO}/isolation_ctrl", os.O_RDONLY); print(os.read(fd, 9))""") == ["b'0'"]


def test_dropped_write_says_success_and_has_no_effect():
    assert with_fault("write:1=drop", "print(store(b'1'), show(), store(b'1'), show())") == ["1", "0", "1", "1"]


def test_delayed_operation_is_done_later_and_others_go_on_meanwhile():
    out = with_fault("write:1=delay:400", f"""
import subprocess, time
slow = subprocess.Popen(["sh", "-c", "echo 1 > {ISO}/isolation_ctrl"]); time.sleep(0.1)
start = time.monotonic(); print(show()); print(time.monotonic() - start < 0.2); slow.wait()
print(time.monotonic() - start > 0.2, show())
""")
    assert out == ["0", "True", "True", "1"]


def test_process_that_is_killed_in_a_delayed_operation_ends_at_once():
    assert with_fault("write:1=delay:60000", f"""
import subprocess, time
slow = subprocess.Popen(["sh", "-c", "echo 1 > {ISO}/isolation_ctrl"]); time.sleep(0.1)
start = time.monotonic(); slow.kill(); slow.wait(); print(time.monotonic() - start < 2, show())
""") == ["True", "0"]


def test_signal_that_does_not_kill_does_not_interrupt_a_store():
    assert with_fault("write:1=delay:300", """
import signal, time
seen = []
signal.signal(signal.SIGALRM, lambda *a: seen.append(time.monotonic()))
signal.setitimer(signal.ITIMER_REAL, 0.1)
start = time.monotonic(); print(store(b'1'), show(), time.monotonic() - start > 0.25, len(seen))
""") == ["1", "1", "True", "1"]


def test_vanished_device_takes_its_links_along():
    assert with_fault("read@*/0000:0d:00.0/vendor:1=vanish", f"""
try: print(open("{PCI}/0000:0d:00.0/vendor").read())
except OSError as e: print(errno.errorcode[e.errno])
print(os.path.lexists("{PCI}/0000:0d:00.0"), os.path.exists("/sys/bus/cxl/devices/mem0"), os.path.exists("{PCI}/{PORT}"))
""") == ["ENODEV", "False", "False", "True"]


def test_isolate_fault_isolates_the_port_before_the_operation():
    assert with_fault("write@*/timeout_ctrl:1=isolate", f"""
import struct
print(store(b'1', 'timeout_ctrl')); fd = os.open("{PCI}/{PORT}/resource0", os.O_RDONLY)
print(hex(struct.unpack("<I", os.pread(fd, 4, 0x120c))[0]))
""") == ["1", "0x101"]


def test_isolate_fault_needs_simulated_root_ports():
    done = run("true", "--host", CAPTURES / "direct1-6.12-devdax.tar.xz", "--fault", "any:1=isolate")
    assert done.returncode == 2 and "needs a host with simulated root ports" in done.stderr


@pytest.mark.parametrize("when,effect", (("before", "0"), ("after", "1")))
def test_client_is_killed_before_or_after_the_operation(when, effect, tmp_path):
    log = tmp_path / "log"
    done = run(f"sh -c 'echo 1 > {ISO}/isolation_ctrl; echo survived'; echo $?; cat {ISO}/isolation_ctrl",
               "--fault", f"write:1=kill-{when}", "--log", log)
    assert done.stdout.split() == ["137", effect]
    assert [(e["fault"], e["errno"]) for e in read_log(log) if "fault" in e] == [
        (f"write:1=kill-{when}", "EINTR" if when == "before" else 0)]


def test_struck_operation_names_the_fault_in_the_log(tmp_path):
    log = tmp_path / "log"
    with_fault("write:1=EIO", "store(b'1')", "--log", log)
    assert [(e["op"], e["errno"], e["fault"]) for e in read_log(log) if "fault" in e] == [("write", "EIO", "write:1=EIO")]


@pytest.mark.parametrize("spec", ("", "write", "write:1", "write:0=EIO", "write:x=EIO", "write:1=ENOSUCH", "write:1=",
                                  "write@:1=EIO", "peek:1=EIO", "write:1=delay:60001", "read:1=drop", "open:1=short",
                                  "write:-1=EIO", "write:1++=EIO"))
def test_bad_fault_is_2_and_shows_the_grammar(spec):
    done = run("true", "--fault", spec)
    assert done.returncode == 2
    assert "OP[@GLOB]:N[+]=ACTION" in done.stderr and done.stderr.count("\n") == 1


# --- hosts and doctor ----------------------------------------------------------------------

def test_hosts_lists_the_built_in_hosts_in_order():
    listing = json.loads(sim("hosts").stdout)
    assert (listing["schema"], listing["exit_status"], listing["messages"]) == ("cxl-sim-hosts/1", 0, [])
    assert [h["name"] for h in listing["hosts"]] == ["direct1", "direct2x2", "interleave2", "pmem1", "switch4", "sysram1"]
    assert all(sorted(h) == ["base", "description", "kernel", "name"] and h["kernel"] == "v1-fixed"
               for h in listing["hosts"])


def test_hosts_prints_a_table_for_people():
    lines = sim("hosts", "-u").stdout.splitlines()
    assert lines[0].split() == ["name", "description", "kernel", "base"] and len(lines) == 7


def test_environment_adds_and_overrides_hosts(tmp_path):
    (tmp_path / "mine.json").write_text(json.dumps({"base": "x", "description": "my own"}))
    (tmp_path / "direct1.json").write_text(json.dumps({"base": "y", "kernel": "v1"}))
    done = sim("hosts", env=dict(os.environ, CXL_SIM_HOSTS=str(tmp_path)))
    hosts = {h["name"]: h for h in json.loads(done.stdout)["hosts"]}
    assert hosts["mine"]["description"] == "my own" and hosts["direct1"]["kernel"] == "v1" and "direct2x2" in hosts


def test_broken_host_file_is_reported_and_the_others_are_listed(tmp_path):
    (tmp_path / "bad.json").write_text("{")
    done = sim("hosts", env=dict(os.environ, CXL_SIM_HOSTS=str(tmp_path)))
    listing = json.loads(done.stdout)
    assert done.returncode == listing["exit_status"] == 2
    assert [m["target"] for m in listing["messages"]] == ["bad"] and len(listing["hosts"]) == 6


def test_every_built_in_host_runs_the_distribution_s_cxl_list():
    for host in json.loads(sim("hosts").stdout)["hosts"]:
        done = run(["cxl", "list"], "--host", host["name"])
        assert done.returncode == 0 and json.loads(done.stdout), host


def test_doctor_says_that_it_works_where_it_works():
    done = sim("doctor")
    report = json.loads(done.stdout)
    assert report["schema"] == "cxl-sim-doctor/1" and report["exit_status"] == done.returncode == 0
    assert all(r["ok"] and r["remedy"] is None for r in report["rows"] if r["required"])
    assert {"fuse-device", "namespaces", "fuse-open", "fuse-mount", "own-proc", "dev", "cxl", "daxctl"} <= {
        r["id"] for r in report["rows"]}
    assert sim("doctor", "-u").stdout.splitlines()[-1] == "cxl-sim run works here"


# --- the code itself -----------------------------------------------------------------------

def test_every_file_of_the_simulator_says_what_it_is_for():
    for path in sorted((REPO / "sim").glob("*.[ch]")):
        lines = path.read_text().splitlines()
        assert "SPDX-License-Identifier: GPL-2.0-only" in lines[0], path
        assert lines[1].startswith("/*"), path
        assert len(lines) <= 520, path
