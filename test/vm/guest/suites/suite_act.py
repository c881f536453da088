# SPDX-License-Identifier: GPL-2.0-only
"""isolation-status --monitor --act on real kernels: a root port fails, and comes back without another command.

The failure is the test kernel module's, all the rest is real. Hours pass between failures, of which the limits want some,
by what is remembered of times made older.
"""
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import re
import select
import signal
import struct
import subprocess
import sys
import threading
import time

from guest import (CXL, MADE, Module, create_region, cxl, dax_driver, first_memdev, hold_pattern, listing, make_devdax, names, read, root_port, same,
                   serials, until)

TOPOLOGIES = ("direct1", )
POLICY, HOOKS, RUN = pathlib.Path("/etc/cxl/isolation.conf"), pathlib.Path("/etc/cxl/hooks"), pathlib.Path("/run/act")
STATE = pathlib.Path("/var/lib/cxl-isolation")
# The kernel's command line, and so the environment, has how many.
ROUNDS = int(os.environ.get("cxl_acts", "5"))
SECONDS = 180 + 30 * ROUNDS
HOOK = f"""#!/bin/sh
n=0; while [ -e {RUN}/$n.env ]; do n=$((n + 1)); done
busybox cat >{RUN}/$n.json; busybox env >{RUN}/$n.new; busybox mv {RUN}/$n.new {RUN}/$n.env
while [ -e {RUN}/hold.$CXL_ISOLATION_EVENT ]; do busybox sleep 0.1; done
"""
IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x80, 0x100, 0x200  # linux/inotify.h


class Seen(threading.Thread):
    """What comes about in the state directory and of the hook, with its time: (seconds, name, what was in it)."""

    def __init__(self):
        super().__init__(daemon=True)
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd, self.found = libc.inotify_init1(os.O_CLOEXEC), []
        self.places = {libc.inotify_add_watch(self.fd, str(d).encode(), IN_MOVED_TO | IN_CREATE | IN_DELETE): d for d in (STATE, RUN)}
        assert min(self.places) > 0, os.strerror(ctypes.get_errno())

    def run(self):
        while select.select([self.fd], [], [])[0]:
            now, data, at = time.monotonic(), os.read(self.fd, 1 << 16), 0
            while at < len(data):
                place, mask, _, n = struct.unpack_from("iIII", data, at)
                name = data[at + 16:at + 16 + n].rstrip(b"\0").decode()
                at += 16 + n
                if name == "end":
                    return
                text = b""
                if mask & IN_MOVED_TO:
                    with contextlib.suppress(OSError):
                        text = (self.places[place] / name).read_bytes()
                if not mask & IN_CREATE or name.endswith(".begun"):
                    self.found.append((now, ("-" if mask & IN_DELETE else "") + name, text))

    def end(self):
        (RUN / "end").touch()
        self.join(10)
        os.close(self.fd)

    def first(self, since, pattern, **members):
        """When a file of such a name came, with these members in it; None: it did not."""
        for at, name, text in self.found:
            if at >= since and re.fullmatch(pattern, name):
                if not members or members.items() <= json.loads(text).items():
                    return at
        return None

    def step(self, since, port, op):
        """When the first step of that operation was over: the journal that follows has it as done."""
        for at, name, text in self.found:
            if at >= since and name == f"{port}.json":
                if any(s["op"] == op and s["state"] in ("done", "unchanged", "already") for s in json.loads(text)["journal"]["steps"]):
                    return at
        return None


class Acting:
    """A region whose root port is isolated when it fails, and a policy that has it brought back; for a `with` statement."""

    def __init__(self, *settings, hooks=True):
        programs = [f"on-{e} = {HOOKS}/tell" for e in ("isolated", "recovered", "problem")] if hooks else []
        self.policy = "\n".join(("[root0]", "timeout = B2", "require = recover", "recover = automatic", "recover-limit = 32/24h", *settings, *programs, ""))
        self.monitor, self.lines, self.reader = None, [], None

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with self.stack as stack:
            self.module = stack.enter_context(Module(fixed=True))
            stack.callback(self.remove)
            for d in (POLICY.parent, HOOKS, RUN, STATE):
                d.mkdir(parents=True, exist_ok=True)
            (HOOKS / "tell").write_text(HOOK, encoding="ascii")
            (HOOKS / "tell").chmod(0o755)
            make_devdax(create_region("decoder0.0", first_memdev()))
            self.port = root_port(first_memdev())
            POLICY.write_text(self.policy, encoding="ascii")
            cxl("enable-isolation", "--policy")
            self.before = self.view()
            stack.callback(self.kill)
            self.seen = Seen()
            self.seen.start()
            stack.callback(self.seen.end)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *why):
        return self.stack.__exit__(*why)

    @staticmethod
    def remove():
        POLICY.unlink(missing_ok=True)
        for d in (RUN, HOOKS, STATE):
            for f in d.iterdir() if d.is_dir() else ():
                f.unlink()

    # -- the service --
    def start(self, *options):
        self.lines = []
        # pylint: disable-next=consider-using-with
        self.monitor = subprocess.Popen([CXL, "isolation-status", "--monitor", "--act", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=open(RUN / "err", "ab"), start_new_session=True)
        self.reader = threading.Thread(target=self.take, args=(self.monitor.stdout, self.lines), daemon=True)
        self.reader.start()

    @staticmethod
    def take(pipe, lines):
        for line in pipe:
            lines.append((time.monotonic(), json.loads(line)))
        pipe.close()

    def state(self):
        try:
            return json.loads(read(STATE / f"{self.port}.act"))
        except FileNotFoundError:
            return {"phase": "none", "containment": None}

    def until(self, what, condition, seconds=60):
        """With what was said, where it does not come about."""
        try:
            until(what, condition, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}\n{self.state()}\n{sorted(p.name for p in STATE.iterdir())}\n{read(RUN / 'err')[-3000:]}") from None

    def is_watched(self):
        self.until("its containment is known", lambda: self.state()["phase"] == "idle" and self.state()["containment"] == "recover")

    def all_of_it(self):
        """The monitor, and what it runs."""
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                rest = stat.read_text().rpartition(")")[2].split()
                if int(rest[3]) == self.monitor.pid and rest[0] != "Z":
                    found.append(int(stat.parent.name))
        return found

    def kill(self, everything=True):
        """SIGKILL; how many processes that were."""
        if not self.monitor:
            return 0
        pids = (self.all_of_it() if everything else []) or [self.monitor.pid]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.monitor.wait()
        self.reader.join(10)
        self.monitor = None
        return len(pids)

    def stop(self):
        self.monitor.send_signal(signal.SIGTERM)
        same(self.monitor.wait(30), 0, f"exit status of the monitor\n{read(RUN / 'err')[-3000:]}")
        self.reader.join(10)
        self.monitor = None

    # -- the failure, and what comes of it --
    def let_time_pass(self, seconds=2 * 3600):
        """What is remembered of times is that much older, under the lock of whoever acts on the port."""
        with open(STATE / f"{self.port}.act-lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            s = self.state()
            s.update({k: max(s[k] - seconds, 0) for k in ("failed_at", "recovered_at")},
                     **{k: [t - seconds for t in s[k]] for k in ("recoveries", "hooks")})
            (STATE / "older").write_text(json.dumps(s), encoding="ascii")
            (STATE / "older").rename(STATE / f"{self.port}.act")

    def fail(self):
        at = time.monotonic()
        self.module.set(self.port, "trigger", "timeout")
        return at

    def wait_until_back(self, since):
        self.until("it is back", lambda: self.seen.first(since, f"{self.port}.act", phase="after") and self.state()["phase"] in ("idle", "left"))
        same(self.state()["phase"], "idle", f"how far it came\n{read(RUN / 'err')[-3000:]}")

    @staticmethod
    def view():
        """What has to be back, under these names and numbers."""
        r = listing()
        serial = {v: k for k, v in serials().items()}
        return {"ports": {p: [v["control"], v["status"]["state"], v["containment"], [serial[m] for m in v["memdevs"]], v["bytes"]]
                          for p, v in r.root_ports().items()},
                "regions": {n: [v["resource"], v["size"], v["state"], v["ways"]] for n, v in r.regions().items()},
                "dax": {n: [v["size"], dax_driver(n)] for n, v in r.dax().items()} if "dax" in r.json else
                       {d: dax_driver(d) for v in r.root_ports().values() for d in v["dax"]}}

    def check(self):
        same(self.view(), self.before, "the host afterwards")
        for region in names("region"):
            hold_pattern(region, b"recover!")
        same(sorted(p.name for p in STATE.glob("[0-9a-f]*.json")), [], "journals that are left")

    def steps(self, since):
        """Milliseconds from the failure until each was over; None for what was not to be seen."""
        port = re.escape(self.port)
        line = next((at for at, x in self.lines if at >= since and x["type"] == "isolated"), None)
        found = {"line": line, "evidence": self.seen.first(since, rf"\d+\.{port}\.evidence"), "recovery begun": self.seen.first(since, rf"{port}\.json"),
                 "link down and up": self.seen.step(since, self.port, "remove"), "device back": self.seen.step(since, self.port, "wait-memdev"),
                 "region made": self.seen.step(since, self.port, "create"), "memory proven": self.seen.first(since, rf"-{port}\.json")}
        return {k: at and round((at - since) * 1e3) for k, at in found.items()}


def told(n):
    """(environment, standard input) of a run of the hook."""
    until(f"run {n} of the hook", (RUN / f"{n}.env").exists, 60)
    return dict(line.split("=", 1) for line in read(RUN / f"{n}.env").splitlines() if "=" in line), json.loads(read(RUN / f"{n}.json"))


def events():
    return [told(n)[0]["CXL_ISOLATION_EVENT"] for n in range(len(list(RUN.glob("[0-9]*.env"))))]


USER = """
import mmap, os, signal, sys
if sys.argv[2] == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
fd = os.open("/dev/" + sys.argv[1], os.O_RDWR)
kept = mmap.mmap(fd, 4 << 20)
print("ready", flush=True)
signal.pause()
while True:
    signal.pause()
"""


class User:
    """A process that has the memory mapped, and how and when it ended."""

    def __init__(self, dax, kind):
        # pylint: disable-next=consider-using-with
        self.p = subprocess.Popen([sys.executable, "-c", USER, dax, kind], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        same(self.p.stdout.readline(), b"ready\n", "a process that maps the memory")
        self.ended = None
        threading.Thread(target=self.wait, daemon=True).start()

    def wait(self):
        self.p.wait()
        self.ended = time.monotonic()


def shown(steps):
    return ", ".join(f"{k} {v} ms" for k, v in steps.items())


# -- once ---------------------------------------------------------------------------------
def test_a_port_that_fails_is_brought_back_without_another_command():
    with Acting("users = kill", "users-grace = 300ms") as a:
        dax, = (d for v in listing().root_ports().values() for d in v["dax"])
        users = [User(dax, "goes"), User(dax, "stays")]
        a.start()
        a.is_watched()
        at = a.fail()
        a.wait_until_back(at)
        env, record = told(0)
        a.until("both have ended", lambda: all(u.ended for u in users))
        same([u.p.returncode for u in users], [-signal.SIGTERM, -signal.SIGKILL], "what ended the processes")
        assert users[1].ended - users[0].ended > 0.2, "the time that SIGTERM leaves"
        pids = " ".join(str(u.p.pid) for u in users)
        same({k: env.get(f"CXL_ISOLATION_{k}") for k in ("EVENT", "ROOT_PORT", "CAUSE", "CONTAINMENT", "RECOVER", "EVIDENCE", "ATTEMPT", "MEMDEVS",
                                                         "SERIALS", "REGIONS", "DAX", "PIDS")},
             {"EVENT": "isolated", "ROOT_PORT": a.port, "CAUSE": "timeout", "CONTAINMENT": "recover", "RECOVER": "automatic", "EVIDENCE": "1", "ATTEMPT": "1",
              "MEMDEVS": record["record"]["impact"]["memdevs"][0]["memdev"], "SERIALS": hex(a.before["ports"][a.port][3][0]),
              "REGIONS": " ".join(a.before["regions"]), "DAX": dax, "PIDS": pids}, "the hook's environment")
        same((record["event"], record["record"]["status"]["state"]), ("isolated", "isolated"), "the hook's standard input")
        evidence, = STATE.glob("*.evidence")
        same(json.loads(evidence.read_text())["root_port"], a.port, "evidence")
        env, record = told(1)
        same((env["CXL_ISOLATION_EVENT"], record["record"]["status"]["state"]), ("recovered", "normal"), "the second run of the hook")
        assert re.fullmatch(r"it was recovered in [\d.]+ s", env["CXL_ISOLATION_TEXT"]), env
        a.check()
        steps = a.steps(at)
        steps["on-isolated"] = round((a.seen.first(at, "0[.]env") - at) * 1e3)
        steps["users ended"] = round((users[1].ended - at) * 1e3)
        steps["on-recovered"] = round((a.seen.first(at, "1[.]env") - at) * 1e3)
        assert all(steps.values()), steps
        order = sorted(steps, key=steps.get)
        assert order.index("evidence") < order.index("on-isolated") < order.index("recovery begun") < order.index("users ended") < order.index("link down and up"), steps
        assert order[-2:] == ["memory proven", "on-recovered"], steps
        a.stop()
        same(events(), ["isolated", "recovered"], "runs of the hook")
        MADE.update(said=f"act: from the bit in the register {shown({k: steps[k] for k in order})}")


def test_a_service_that_is_killed_midway_goes_on_when_it_is_started_again():
    """All of it in the hook, all of it in the recovery, the monitor alone, all of it in the last hook."""
    with Acting("users = kill") as a:
        said = []
        for hold, is_now, everything, runs in (
                ("isolated", lambda at: (RUN / "0.env").exists(), True, ["isolated", "isolated", "recovered"]),
                (None, lambda at: a.seen.step(at, a.port, "remove"), True, ["isolated", "recovered"]),
                (None, lambda at: a.seen.first(at, f"{a.port}.json"), False, ["isolated", "recovered"]),
                ("recovered", lambda at: (RUN / "1.env").exists(), True, ["isolated", "recovered", "recovered"])):
            for f in [*RUN.glob("[0-9]*"), STATE / f"{a.port}.act"]:
                f.unlink(missing_ok=True)
            if hold:
                (RUN / f"hold.{hold}").touch()
            a.start()
            a.is_watched()
            at = a.fail()
            while not is_now(at):
                assert time.monotonic() < at + 60, (hold, a.state(), read(RUN / "err")[-3000:])
                time.sleep(0.002)
            killed, left = a.kill(everything), [p.name for p in STATE.glob("[0-9a-f]*.json")]
            for f in RUN.glob("hold.*"):
                f.unlink()
            if everything:
                same(bool(left), not hold, f"the journal, after a kill in {hold or 'the recovery'}")
            a.start()
            a.wait_until_back(at)
            same(events(), runs, f"runs of the hook, killed in {hold or 'the recovery'}")
            a.check()
            a.stop()
            said.append(f"{killed} processes in {hold or 'the recovery'}")
        MADE.update(said=f"act: killed and gone on: {', '.join(said)}")


# -- again and again ---------------------------------------------------------------------------
def descriptors(pid):
    """The fewest of ten times: while it looks it has some more."""
    found = []
    for _ in range(10):
        found.append(len(os.listdir(f"/proc/{pid}/fd")))
        time.sleep(0.07)
    return min(found)


def holdings(a):
    """What the monitor has, and what there is of files."""
    status = dict(line.split(":", 1) for line in read(f"/proc/{a.monitor.pid}/status").splitlines())
    instances = pathlib.Path("/sys/kernel/tracing/instances")
    return {"VmRSS": int(status["VmRSS"].split()[0]), "VmData": int(status["VmData"].split()[0]),
            "descriptors": descriptors(a.monitor.pid), "processes": len(a.all_of_it()),
            "files": sorted(re.sub(r"^\d+[.]", "N.", p.name) for p in STATE.iterdir()), "mounts": len(read("/proc/mounts").splitlines()),
            "instances": sorted(os.listdir(instances)) if instances.is_dir() else []}


def again_and_again(a, rounds, each=lambda at: None):
    """What there was three failures before the last one, and after that."""
    a.start()
    a.is_watched()
    early = None
    for n in range(rounds):
        time.sleep(n * 0.037 % 0.1)     # anywhere between two looks at the register
        at = a.fail()
        a.wait_until_back(at)
        a.check()
        each(at)
        a.let_time_pass()
        a.is_watched()
        if n + 1 == max(2, rounds - 3):     # its heap grows into what it has for some failures
            time.sleep(1.5)
            early = holdings(a)
    time.sleep(1.5)
    late = holdings(a)
    return early, late


def test_one_monitor_brings_it_back_again_and_again_and_holds_no_more_than_before():
    took = []
    with Acting() as a:
        early, late = again_and_again(a, ROUNDS, lambda at: took.append(a.steps(at)["memory proven"]))
        same(events(), ["isolated", "recovered"] * ROUNDS, "runs of the hook")
        same(a.monitor.poll(), None, "the monitor")
        evidence = f"N.{a.port}.evidence"
        same([late["files"].count(evidence), [f for f in late["files"] if f != evidence]], [min(ROUNDS, 16), [f for f in early["files"] if f != evidence]], "files")
        for what in ("descriptors", "processes", "mounts", "instances"):
            same(late[what], early[what], what)
        for what in ("VmRSS", "VmData"):
            assert late[what] <= early[what] + 256, f"{what}: {early[what]} KiB three failures before, {late[what]} KiB after the last of {ROUNDS}"
        a.stop()
        MADE.update(said=f"act: {ROUNDS} failures with one monitor, back in {min(took)} to {max(took)} ms; " +
                    ", ".join(f"{what} {early[what]} to {late[what]} KiB" for what in ("VmRSS", "VmData")) + f", {late['descriptors']} descriptors")
