# SPDX-License-Identifier: GPL-2.0-only
"""cxl-sim run: its exit status and its processes, what it leaves behind and what a signal does."""
import json
import os
import pty
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from simrun import CAPTURES, ISO, PCI, PORT, SIM, python, read_log, run, sim


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
    (("run", "--host", "nonsense", "--", "true"), "there is no host 'nonsense': choose one of accel-locked, accel1, accel2, amd1, auto1, cache1, "
     "direct1, direct2x2, empty1, interleave2, masked1, mixed1, pmem1, split1, stranded1, switch4, sysram1, unmasked1, vms1, vms2x2"),
    (("run", "--kernel", "v9", "--", "true"), "there is no kernel 'v9': choose one of mainline, v1, v1-fixed"),
    (("run", "--only", "0d:00.0", "--", "true"), "there is no CXL root port '0d:00.0': this host has 0000:0c:00.0"),
    (("run", "--log", "/nonexistent/log", "--", "true"), "cannot write the log"),
    (("run", "--host", "/etc/passwd", "--", "true"), "cannot use the capture /etc/passwd: it is not an archive"),
    (("nonsense",), "there is no verb 'nonsense': the verbs are run, ctl, hosts, doctor"),
    (("ruun",), "there is no verb 'ruun': did you mean 'run'?"),
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
        3, "cxl-sim: this is not a simulated host: use it inside 'cxl-sim run -- ...'\n")


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
        out, err = self.process.communicate(timeout=60)
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


def test_command_can_open_a_terminal_of_its_own():
    """As script, tmux and sshd do; root may, whatever mode devpts gives its ptmx."""
    assert python("import os, pty; a, b = pty.openpty(); print(os.ttyname(b).startswith('/dev/pts/'))").stdout == "True\n"


def test_command_sees_its_own_processes_only():
    assert python("import os; print(os.getpid(), sorted(p for p in os.listdir('/proc') if p.isdigit()))").stdout \
        == "3 ['1', '2', '3']\n"


def test_command_gets_no_descriptor_of_the_simulator(tmp_path):
    log = tmp_path / "log"
    assert python("import os; print(sorted(int(f) for f in os.listdir('/proc/self/fd'))[:-1])", "--log", log).stdout \
        == "[0, 1, 2]\n"


def test_standard_input_and_output_pass_through():
    done = subprocess.run([SIM, "run", "--", "sh", "-c", "cat; echo err >&2"], input="text", capture_output=True,
                          text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("text", "err\n")


def test_closed_standard_descriptors_are_no_trouble():
    done = subprocess.run(["sh", "-c", f"exec {SIM} run -- sh -c 'cat {PCI}/{PORT}/vendor >&2' <&- >&-"],
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
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
def test_in_a_chroot_whose_top_is_no_mount_point_it_runs_and_leaves_no_mount(open_dir):
    script = """
for d in usr etc dev proc tmp run var; do mkdir -p "$1/top/$d" && mount --rbind "/$d" "$1/top/$d" || exit 99; done
mkdir "$1/top/sys" "$1/top/sim" && mount --rbind "$1" "$1/top/sim" && mount -t sysfs sysfs "$1/top/sys" || exit 99
for d in bin lib lib64 sbin; do ln -s "usr/$d" "$1/top/$d"; done
mounts=$(cat /proc/self/mountinfo)
chroot "$1/top" sh -c 'cd /tmp; /sim/cxl-sim run --host /sim/direct1-6.12-devdax.tar.xz --kernel v1-fixed -- \
    sh -c "pwd; echo 1 > $1/isolation_ctrl && cat $1/isolation_ctrl; ls -d /sim"' sh "$2" || exit
[ "$mounts" = "$(cat /proc/self/mountinfo)" ] && ! ls "$1/top/sys/bus/cxl" 2>/dev/null && echo as before
"""
    done = subprocess.run(["unshare", "-m", "--propagation=shared", "sh", "-c", script, "sh", open_dir, ISO], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "/tmp\n1\n/sim\nas before\n", "")


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
    done = as_nobody(open_dir, "600", "doctor --format=json")
    rows = {r["id"]: r for r in json.loads(done.stdout)["rows"]}
    assert done.returncode == 3
    assert not rows["fuse-open"]["ok"] and 'KERNEL=="fuse", MODE="0666"' in rows["fuse-open"]["remedy"]
    assert not rows["fuse-mount"]["ok"] and rows["fuse-mount"]["text"].startswith("not tried")
