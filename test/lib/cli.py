# SPDX-License-Identifier: GPL-2.0-only
"""Running the programs under test.

Every output goes through its JSON Schema here, and its exit_status is compared
with the process's: a test cannot forget either.
"""
import functools
import json
import os
import pathlib
import subprocess
import tempfile

from lib import schema

ROOT = pathlib.Path(__file__).resolve().parents[2]
# `scripts/test --full`: where something goes wrong at every operation of a run, each of them and not a fixed sample.
EVERYTHING = os.environ.get("CXL_FAULTS") == "all"
BUILD = pathlib.Path(os.environ.get("CXL_BUILD_DIR", ROOT / "build")).resolve()
CXL = BUILD / "cxl" / "cxl"
DAXCTL = BUILD / "daxctl" / "daxctl"
SIM = BUILD / "sim" / "cxl-sim"
CAPTURES = ROOT / "test" / "hosts" / "captures"
TIMEOUT = 300  # seconds: only what hangs takes as long, also on a slow machine
NOBODY = 65534

# What a test may not inherit: the caller's overrides and locale.
CLEAN = {k: v for k, v in os.environ.items()
         if k not in ("CXL_PROGRAM", "DAXCTL_PROGRAM", "CXL_SIM_HOSTS", "POSIXLY_CORRECT") and not k.startswith("LC_")}
CLEAN.update(LC_ALL="C.UTF-8")


@functools.cache
def commands(program):
    """Those that PROGRAM, cxl or daxctl, has beside the distribution's."""
    path, variable = {"cxl": (CXL, "CXL_PROGRAM"), "daxctl": (DAXCTL, "DAXCTL_PROGRAM")}[program]
    return subprocess.run([path, "--list-cmds"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          env={**CLEAN, variable: f"/nonexistent/{program}"}).stdout.split()


class Result:
    """What a command did: rc, out (bytes), err (text), json (None when it printed none), log (operations)."""

    def __init__(self, argv, rc, out, err):
        self.argv, self.rc, self.out, self.err = argv, rc, out, err
        self.json = self.log = None

    @property
    def text(self):
        return self.out.decode()

    def __str__(self):
        shown = " ".join(str(a)[:200] for a in self.argv)
        return f"$ {shown}\nexit status {self.rc}\nstdout: {self.out[:3000]!r}\nstderr: {self.err[:3000]}"

    # -- views of the output ------------------------------------------------
    def messages(self, **want):
        return [m for m in self.json["messages"] if all(m[k] == v for k, v in want.items())]

    def root_ports(self):
        """Root port records by name, of a listing or of a change."""
        if "root_ports" in self.json:
            found = self.json["root_ports"]
        else:
            found = [rp for b in self.json["buses"] for hb in b["host_bridges"] for rp in hb["root_ports"]]
        names = [rp["root_port"] for rp in found]
        assert len(names) == len(set(names)), f"a root port appears twice: {names}"
        return {rp["root_port"]: rp for rp in found}

    def memdevs(self):
        return {m["memdev"]: m for b in self.json["buses"] for m in b["memdevs"]}

    def regions(self):
        return {r["region"]: r for b in self.json["buses"] for r in b["regions"]}

    def dax(self):
        return {d["dax"]: d for d in self.json["dax"]}

    def unattached(self, kind):
        return [n for b in self.json["buses"] for n in b["unattached"][kind]]


def run(argv, *, env=None, timeout=TIMEOUT, cwd=None, stdout=None, stdin=subprocess.DEVNULL, pass_fds=(), preexec_fn=None):
    """Any command, with nothing inherited that could change its answer."""
    argv = [os.fspath(a) if isinstance(a, os.PathLike) else a for a in argv]
    full = dict(CLEAN)
    full.update(env or {})
    full = {k: v for k, v in full.items() if v is not None}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # Files, not pipes: a process left behind cannot keep the test waiting.
        p = subprocess.run(argv, env=full, cwd=cwd, stdin=stdin, stdout=out if stdout is None else stdout, stderr=err,
                           timeout=timeout, pass_fds=pass_fds, preexec_fn=preexec_fn, check=False)
        out.seek(0)
        err.seek(0)
        r = Result(argv, p.returncode, out.read(), err.read().decode(errors="replace"))
    assert r.rc >= 0, f"killed by signal {-r.rc}\n{r}"
    for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
        assert sign not in r.err, str(r)
    return r


def schema_of(args, program="cxl"):
    """The schema that the output of `cxl ARGS` or `daxctl ARGS` has to follow, None when it is not JSON."""
    args = args[:args.index("--")] if "--" in args else args
    if "--while" in args and "-n" not in args and "--dry-run" not in args:
        return None  # standard output is the command's
    if not args or "--help" in args or "--monitor" in args or any(a in ("-u", "--human") or a.startswith("--format=") and a != "--format=json" for a in args) \
            or args[0] == "explain" and "--format=json" not in args:
        return None
    if any(a.startswith("--evidence") for a in args):
        return "cxl-isolation-evidence"
    return f"{program}-{args[0]}" if args[0] in commands(program) else None


def parse(r, name):
    """Parse and validate the JSON that R printed; compare its exit status with the process's."""
    try:
        r.json = json.loads(r.out.decode())
    except ValueError as e:
        raise AssertionError(f"no JSON on stdout: {e}\n{r}") from None
    schema.validate(name, r.json)
    assert r.json["exit_status"] == r.rc, f"exit_status in the output differs from the exit status\n{r}"
    for m in r.json["messages"]:
        assert not any(ord(c) < 32 or ord(c) == 127 for c in m["text"]), f"control characters in a message\n{r}"
    # What is wrong is said on stderr too, and a failure is never silent.
    for m in r.json["messages"]:
        if m["severity"] == "error":
            assert m["text"][:60] in r.err, f"an error is missing on stderr: {m}\n{r}"
    assert r.rc == 0 or r.err.strip(), f"a failure without a word on stderr\n{r}"
    return r


def run_cxl(args, *, sysroot=None, host=None, kernel=None, faults=(), user=None, json_expected=True, program=None, env=None,
            timeout=TIMEOUT, stdout=None, before=None):
    """Run our `cxl ARGS`: on the tree SYSROOT, or on the simulated HOST.

    user    run it as that uid, which owns nothing
    faults  cxl-sim --fault, one string each
    before  shell commands inside the run, ahead of cxl (PATH has our programs); its operations are left out of .log
    """
    args = [str(a) for a in args]
    program = program or CXL
    cmd = [str(program), *args]
    if sysroot is not None:
        cmd.insert(2, f"--sysroot={sysroot}")
    if user is not None:
        cmd = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *cmd]
    if host is None:
        r = run(cmd, env=env, timeout=timeout, stdout=stdout)
    else:
        r = run_sim([cmd], host=host, kernel=kernel, faults=faults, env=env, timeout=timeout, before=before)[0]
    name = schema_of(args, pathlib.Path(program).name)
    if name and stdout is None:
        if json_expected or r.out:
            parse(r, name)
    return r


def run_daxctl(args, **more):
    """The same for our `daxctl ARGS`."""
    return run_cxl(args, program=DAXCTL, **more)


# -- the simulated host ----------------------------------------------------------
SESSION = r"""
# One command of a session at a time: its output, error, status and the length of the log afterwards.
n=0
dir=$1; log=$2; shift 2
[ -z "$BEFORE" ] || sh -c "$BEFORE" >"$dir/before.out" 2>&1 || { echo "preparation failed:"; cat "$dir/before.out"; exit 99; }
[ ! -e "$log" ] || cp "$log" "$dir/log.start"
for f in "$dir"/cmd.*; do
	[ -e "$f" ] || continue
	(. "$f") >"$dir/out.${f##*.}" 2>"$dir/err.${f##*.}" </dev/null
	echo $? >"$dir/rc.${f##*.}"
	[ ! -e "$log" ] || cp "$log" "$dir/log.${f##*.}"
done
exit 0
"""


def quote(word):
    return "'" + word.replace("'", "'\\''") + "'"


def read_log(path):
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def run_sim(commands, *, host, kernel=None, faults=(), env=None, timeout=TIMEOUT, before=None):
    """Run COMMANDS (argument lists, one after the other) on one simulated host; a Result each.

    .log holds the operations of that command alone.  $SCRATCH is a directory of this run alone: /tmp is the machine's.
    """
    with tempfile.TemporaryDirectory(prefix="cxl-test-") as tmp:
        d = pathlib.Path(tmp)
        d.chmod(0o777)
        for i, c in enumerate(commands):
            (d / f"cmd.{i:04}").write_text("exec " + " ".join(quote(str(a)) for a in c) + "\n")
        argv = [str(SIM), "run", "--host", str(host)]
        if kernel:
            argv += ["--kernel", kernel]
        for f in faults:
            argv += ["--fault", f]
        log = d / "log"
        argv += ["--log", str(log), "--", "sh", "-c", SESSION, "sh", str(d), str(log)]
        full = {"PATH": f"{CXL.parent}:{DAXCTL.parent}:{SIM.parent}:{CLEAN['PATH']}", "BEFORE": before or "", "SCRATCH": tmp}
        full.update(env or {})
        outer = run(argv, env=full, timeout=timeout)
        assert outer.rc == 0, f"the simulated host did not run\n{outer}"
        results = []
        start = read_log(d / "log.start")
        for i, c in enumerate(commands):
            n = f"{i:04}"
            r = Result(list(c), int((d / f"rc.{n}").read_text()), (d / f"out.{n}").read_bytes(),
                       (d / f"err.{n}").read_text(errors="replace"))
            log_now = read_log(d / f"log.{n}")
            r.log = log_now[len(start):]
            start = log_now
            violations = [e for e in r.log if e["op"] == "violation"]
            assert not violations, f"{violations}\n{r}"
            assert r.rc < 128 or r.rc > 192, f"killed by signal {r.rc - 128}\n{r}"
            for sign in ("AddressSanitizer", "LeakSanitizer", "runtime error:"):
                assert sign not in r.err, str(r)
            results.append(r)
        return results


# Shell commands: what was started last is inside pread(2) or write(2), where a fault delays it, or it has ended.
IN_READ, IN_WRITE = (f"until grep -qs '^{n} ' /proc/$!/syscall || ! kill -0 $!; do sleep 0.01; done" for n in (17, 1))  # numbers of x86-64


def hold_lock(path):
    """Shell commands: somebody else has that lock from then on."""
    return f"mkdir -p {os.path.dirname(path)}; flock {path} sleep 600 >/dev/null 2>&1 & while flock -n {path} true; do sleep 0.02; done"


USER = """
import mmap, os, signal, sys
fd = os.open("/dev/dax0.0", os.O_RDWR)
if "map" in sys.argv:
    m = mmap.mmap(fd, 2 << 20)
if "close" in sys.argv:
    os.close(fd)
print(os.getpid(), flush=True)
signal.pause()
"""


def dax_user(*how, by=""):
    """Shell commands: from then on python3 has dax0.0 open or, HOW "map", 2 MiB of it mapped, "close" without the descriptor.

    Its number is in $SCRATCH/user; BY are words ahead of it, as setpriv's.
    """
    return f"{by} /usr/bin/python3 -I -c {quote(USER)} {' '.join(how)} >$SCRATCH/user & " \
        "until [ -s $SCRATCH/user ]; do kill -0 $! || exit 1; sleep 0.02; done"


def host_file(directory, base="direct1-6.12-sysram", **more):
    """A host file in DIRECTORY on the capture BASE, with more keys."""
    path = pathlib.Path(directory) / "host.json"
    path.write_text(json.dumps({"base": os.path.relpath(CAPTURES / f"{base}.tar.xz", directory), "kernel": "v1-fixed", **more}))
    return path


class Session:
    """A list of cxl commands to run on one simulated host, parsed and validated afterwards."""

    def __init__(self, host, kernel="v1-fixed", **more):
        self.host, self.kernel, self.more, self.commands = host, kernel, more, []

    def cxl(self, *args, user=None, program=CXL):
        cmd = [str(program), *map(str, args)]
        if user is not None:
            cmd = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *cmd]
        self.commands.append((cmd, schema_of([str(a) for a in args], program.name)))
        return self

    def daxctl(self, *args, user=None):
        return self.cxl(*args, user=user, program=DAXCTL)

    def sh(self, text):
        self.commands.append((["sh", "-c", text], None))
        return self

    def run(self):
        results = run_sim([c for c, _ in self.commands], host=self.host, kernel=self.kernel, **self.more)
        for r, (_, name) in zip(results, self.commands):
            if name:
                parse(r, name)
        return results


def writes(log):
    """[(root port's address, attribute, value)] of every write that cxl tried below /sys, in order.

    For a register the offset in its BAR stands for the attribute: ("0000:0c:00.0", "0x1208", "0x00000006").
    """
    found = []
    for e in log:
        if e.get("op") == "write" and e.get("comm") == "cxl":
            parts = e["path"].split("/")
            if parts[-1].startswith("resource"):
                found.append((parts[-2], *e["data"].split("=")))
                continue
            assert parts[-2] == "cxl_isolation" or parts[-2].endswith(":pcie020"), f"a write that nobody asked for: {e}"
            found.append((parts[-3], parts[-1], e["data"].rstrip("\n\0")))
    return found
