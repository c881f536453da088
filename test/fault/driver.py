# SPDX-License-Identifier: GPL-2.0-only
"""Runs inside a simulated host: one command after another, each with one operation going wrong, and what came of it.

usage: driver.py SCENARIO LOG STATE_DIR < cases (JSON: [[kind of operation, n, action], ...])
One JSON line per case on stdout; ends early when a case left the host in a state of its own.
"""
import json
import os
import pathlib
import subprocess
import sys

PORT = "0000:0c:00.0"


class Log:
    """The operation log of the run, read as it grows."""

    def __init__(self, path):
        self.f = open(path, encoding="utf-8")

    def new(self):
        return [json.loads(line) for line in self.f.read().splitlines() if line]


def run(*argv):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    return p.returncode, p.stdout, p.stderr


def said_of(rc, out):
    """Why OUT is not what a command with that exit status may print; None when it is."""
    if not out:
        return "status 0 without output" if rc == 0 else None
    try:
        status = json.loads(out)["exit_status"]
    except (ValueError, KeyError) as e:
        return f"no whole output: {e}: {out[-200:]}"
    return None if status == rc else f"the output says status {status}, the process {rc}"


def cxl(*args):
    return run("cxl", *args)


def daxctl(*args):
    return run("daxctl", *args)


def ctl(*args):
    subprocess.run(["cxl-sim", "ctl", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)


def dax_device(path):
    """Of which region, where in it, how much, and whose: what is lasting of a dax device."""
    region = path.resolve().parent.parent
    start = int((region / "resource").read_text(), 16)
    parts = [tuple(int((m / end).read_text(), 16) - start for end in ("start", "end")) for m in sorted(path.glob("mapping[0-9]*"))]
    driver = os.path.basename(os.readlink(path / "driver")) if (path / "driver").exists() else ""
    return hex(start), parts, (path / "size").read_text(), (path / "align").read_text(), driver


def listing():
    """The host without the numbers that a rescan changes: devices by serial number, regions by what they are made of."""
    rc, out, err = cxl("list", "--isolation")
    if rc:
        return f"cxl list failed: {err}"
    d = json.loads(out)
    serial = {m["memdev"]: m["serial"] for b in d["buses"] for m in b["memdevs"]}
    region = {r["region"]: r["resource"] for b in d["buses"] for r in b["regions"]}
    ports = [{**rp, "memdevs": sorted(serial[m] for m in rp["memdevs"]), "regions": sorted(region[r] for r in rp["regions"]),
              "dax": len(rp["dax"]), "notes": [n for n in rp["notes"] if n != "ISO-UNPROVEN"], "recovery": None} for b in d["buses"] for hb in b["host_bridges"] for rp in hb["root_ports"]]
    return {"root_ports": ports, "memdevs": sorted((m["serial"], m["host"], m["size"], m["state"]) for b in d["buses"] for m in b["memdevs"]),
            "regions": sorted((r["resource"], r["size"], r["state"], r["ways"]) for b in d["buses"] for r in b["regions"]),
            "dax": sorted(dax_device(p) for p in pathlib.Path("/sys/bus/dax/devices").glob("dax*")),
            "autoprobe": pathlib.Path("/sys/bus/dax/drivers_autoprobe").read_text().strip(),
            "unattached": [b["unattached"]["regions"] for b in d["buses"]]}


class Scenario:
    spoiled = False     # this host cannot be used for another case
    program = "cxl"

    def __init__(self, log, state):
        self.log, self.state = log, pathlib.Path(state)
        self.prepare()
        self.baseline = listing()

    def short_of_memory(self, n, action):
        """As .command(), while allocation N fails, and with ACTION "on" all after it; ACTION "count" tells how many there are."""
        count = self.state.parent / "allocations"
        os.environ.update(LD_PRELOAD=os.environ["FAILALLOC_LIBRARY"], FAILALLOC_PROGRAM=self.program, FAILALLOC_COUNT=str(count))
        if action != "count":
            os.environ["FAILALLOC"] = f"{n}{'+' if action == 'on' else ''}"
        try:
            rc, out, err = self.command()
        finally:
            for name in ("LD_PRELOAD", "FAILALLOC", "FAILALLOC_COUNT"):
                os.environ.pop(name, None)
        made = int(count.read_text()) if count.exists() else n
        count.unlink(missing_ok=True)
        return {"fired": made >= n, "path": None, "op": "alloc", "rc": rc, "err": err[-700:], "count": made}, out

    def journal(self):
        return self.state / f"{PORT}.json"

    def case(self, kind, n, action):
        """{fired, path, rc, outcome, problem}; problem None when all is well."""
        self.before()
        self.log.new()
        if kind == "alloc":
            r, out = self.short_of_memory(n, action)
            ops = self.log.new()
        else:
            first, *more = action.split(" ")
            ctl("fault", f"{kind}:{n}={first}")
            for one in more:    # "+37=EBUSY": the 37th operation after it
                gap, then = one[1:].split("=")
                ctl("fault", f"any:{n + int(gap)}={then}")
            rc, out, err = self.command()
            ctl("fault", "none")
            ops = self.log.new()
            hit = [e for e in ops if e.get("fault")]
            r = {"fired": bool(hit), "path": hit[0]["path"] if hit else None, "op": hit[0]["op"] if hit else None, "rc": rc, "err": err[-700:]}
        rc, err = r["rc"], r["err"]
        if rc < 0 and "kill" not in action:
            return {**r, "outcome": "crashed", "problem": f"ended by signal {-rc}"}
        if rc >= 0 and not err and rc:
            return {**r, "outcome": "silent", "problem": "a failure without a word"}
        # all that failed is to tell it, which is said: what counts is that it was done
        told = kind != "alloc" or rc != 4 or not ("the change itself was made" in err or "out of memory while the root ports were being changed" in err)
        outcome, problem = self.judge(rc if told else 0, out, err, action)
        outcome = outcome if told else "finished, not listed"
        if kind == "alloc":
            problem = said_of(rc, out) or problem
        violations = [e["reason"] for e in self.log.new() + ops if e["op"] == "violation"]
        return {**r, "outcome": outcome, "problem": violations[0] if violations else problem}


class Recover(Scenario):
    """Finished; or nothing was done, and it can be run again; or resumable, and then finished."""

    def prepare(self):
        if cxl("enable-isolation", "root0")[0]:
            raise SystemExit("cannot enable isolation")

    def before(self):
        ctl("link-down", PORT)
        self.isolated = listing()

    def command(self):
        return cxl("recover-port", "--timeout=300ms", PORT)

    def finish(self, *args):
        """With what an administrator would do when a device does not come back by itself."""
        rc, _, err = cxl("recover-port", *args, PORT)
        if rc:
            pathlib.Path("/sys/bus/pci/rescan").write_text("1")
            rc, _, err = cxl("recover-port", "--resume" if self.journal().exists() else "--timeout=300ms", PORT)
        return rc, err

    def judge(self, rc, out, err, action):
        outcome = "finished" if rc == 0 else "resumable" if self.journal().exists() else "unchanged"
        if outcome == "unchanged" and rc < 0 and listing() == self.baseline:
            return "finished", None     # all was done but the report
        if outcome == "unchanged" and action != "vanish" and listing() != self.isolated:
            return outcome, "it failed without a journal, but something is not as it was"
        if outcome == "resumable" and rc > 0 and "--resume" not in err:
            return outcome, "what to type next is not said"
        if outcome != "finished":
            rc, err = self.finish(*(["--resume"] if outcome == "resumable" else []))
            if rc and action == "vanish" and outcome == "unchanged" and "cannot be told any more" in err:
                # another port's device left before anything was recorded: nothing in sysfs says which it was
                self.spoiled = True
                return "refused", None
            if rc:
                return outcome, f"it could not be finished: {rc}: {err[-500:]}"
        if self.journal().exists():
            return outcome, "the journal is left"
        now = listing()
        if outcome == "finished" and action == "vanish" and now != self.baseline:
            self.spoiled = True     # a device that vanished after all was done is another failure
            return outcome, None
        return outcome, None if now == self.baseline else f"not as before: {difference(now, self.baseline)}"


class Enable(Scenario):
    """Done; or everything is as it was; or, when it was killed, taken back or run again and then done."""

    name = "enable-isolation"
    takes_back = False      # every other time

    def prepare(self):
        """One region's root ports, which succeed or fail together."""
        self.region = next(p.name for p in sorted(pathlib.Path("/sys/bus/cxl/devices").glob("region*")))

    def before(self):
        """Nothing of the case before this one is to be taken back."""
        (self.state / "last-changes").unlink(missing_ok=True)

    def take_back(self):
        """What a command that was killed has done; None when all is as before it, else what is wrong."""
        self.takes_back = not self.takes_back
        if not self.takes_back:
            return None
        rc, _, err = cxl(self.name, "--undo-last", self.region)
        now = listing()
        # where it was killed before it wrote anything down nothing is known of it, and nothing was done
        if rc not in (0, 3) or now != self.baseline:
            return f"--undo-last does not put it back: {rc}: {err[-300:]} {difference(now, self.baseline)}"
        return None

    def command(self):
        return cxl("enable-isolation", "--timeout=B2", self.region)

    def is_on(self, view):
        return isinstance(view, dict) and all(rp["control"]["mem"]["isolation"] for rp in view["root_ports"] if rp["regions"])

    def judge(self, rc, out, err, action):
        now = listing()
        if action != "vanish":
            if rc == 0 and not self.is_on(now):
                return "finished", "status 0, but isolation is off somewhere"
            # where the way back fails, too, that is said
            if rc > 0 and now != self.baseline and (" " not in action or "now" not in err):
                return "failed", f"it failed and left: {difference(now, self.baseline)}"
        outcome = "finished" if rc == 0 else "killed" if rc < 0 else "rolled back"
        if action == "vanish":
            self.spoiled = True
            return outcome, None
        problem = self.take_back() if rc < 0 else None
        if problem:
            return outcome, problem
        rc, _, err = cxl("enable-isolation", "--timeout=B2", self.region)
        if rc or not self.is_on(listing()):
            return outcome, f"once more does not do it: {rc}: {err[-300:]}"
        rc, _, err = cxl("disable-isolation", self.region)
        if not rc:
            rc, _, err = cxl("set-timeout", self.region, "default")
        if not rc:
            rc, _, err = cxl("set-timeout", self.region, "off")
        return outcome, None if not rc and listing() == self.baseline else f"it does not come off again: {err[-300:]}"


class Prepare(Scenario):
    """Prepared; or everything is as it was; or, when it was killed, run again and then prepared."""

    program = "daxctl"
    args = ()

    def prepare(self):
        self.memory = self.look()

    def before(self):
        pass

    def look(self):
        rc, out, err = daxctl("list", "--isolation")
        return json.loads(out)["dax"] if not rc else f"daxctl list failed: {err}"

    def command(self):
        return daxctl("prepare-isolation", "--timeout=300ms", *self.args)

    def back(self):
        return daxctl("prepare-isolation", "--undo")

    def is_prepared(self, view):
        return isinstance(view, list) and len(view) == len(self.memory) and all(d["mode"] == "devdax" and not d["blocks"]["online"] for d in view)

    def judge(self, rc, out, err, action):
        now = self.look()
        if action == "vanish":
            self.spoiled = True
            return "finished" if rc == 0 else "killed" if rc < 0 else "failed", None
        if rc == 0 and not self.is_prepared(now):
            return "finished", f"status 0, but the memory is not prepared: {now}"
        # without any memory libdaxctl gets nothing back either, which is said
        is_left = rc > 0 and now != self.memory
        is_said = "something was changed before that" in err if action == "on" else " " in action and " has isolation on" in err
        if is_left and not is_said:
            return "failed", f"it failed and left: {difference(now, self.memory)}"
        outcome = "finished" if rc == 0 else "killed" if rc < 0 else "left, and said" if is_left else "rolled back"
        rc, _, err = daxctl("prepare-isolation", *self.args)
        if rc or not self.is_prepared(self.look()):
            return outcome, f"once more does not do it: {rc}: {err[-300:]}"
        rc, _, err = self.back()
        now = self.look()
        self.spoiled = now != self.memory
        return outcome, None if not rc and now == self.memory else f"it does not come back: {rc} {err[-300:]} {difference(now, self.memory)}"


class Ram(Prepare):
    """As Prepare, with --mode=system-ram: isolation is a part of it, and taken back with it."""

    args = ("--mode=system-ram",)
    isolation = pathlib.Path(f"/sys/bus/pci/devices/{PORT}/cxl_isolation/isolation_ctrl")

    def look(self):
        return [super().look(), self.isolation.read_text().strip()]

    def is_prepared(self, view):
        memory, isolation = view
        return isolation == "1" and isinstance(memory, list) and all(d["mode"] == "system-ram" and d["blocks"]["online"] == 2 for d in memory)

    def back(self):
        """Of isolation that stays on."""
        rc, out, err = super().back()
        return (rc, out, err) if rc else cxl("enable-isolation", "--undo-last", PORT)


class Layout(Scenario):
    """From no region at all: made; or everything is as it was, or what is not is said; and run again it is made."""

    program = "daxctl"
    POLICY = "[region fast]\nmemdevs = 0x5001\n[dax vm1]\nregion = fast\nsize = 25%\nfile-mode = 0640\n[dax vm2]\nregion = fast\nsize = rest\n"

    def prepare(self):
        pathlib.Path("/etc/cxl").mkdir(parents=True, exist_ok=True)
        pathlib.Path("/etc/cxl/isolation.conf").write_text(self.POLICY)

    def before(self):
        devices = pathlib.Path("/sys/bus/cxl/devices")
        for dax in sorted(pathlib.Path("/sys/bus/dax/devices").glob("dax*")):
            if (dax / "driver").exists():
                (dax / "driver/unbind").write_text(dax.name)
        for region in sorted(devices.glob("region*")):
            decoder, root = (region / "target0").read_text().strip(), region.resolve().parent
            (devices.parent / "drivers/cxl_region/unbind").write_text(region.name)
            (region / "commit").write_text("0")
            (root / "delete_region").write_text(region.name)
            (devices / decoder / "dpa_size").write_text("0")
        self.memory = listing()

    def command(self):
        return daxctl("prepare-isolation", "--policy")

    def result(self):
        rc, out, err = self.command()
        return json.loads(out)["layout"]["result"] if not rc else f"{rc}: {err[-300:]}"

    def judge(self, rc, out, err, action):
        now = listing()
        if action == "vanish":
            self.spoiled = True
            return "finished" if rc == 0 else "killed" if rc < 0 else "failed", None
        is_left = rc > 0 and now != self.memory
        if is_left and "everything is as it was" in err:
            return "failed", f"it says that everything is as it was: {difference(now, self.memory)}"
        outcome = "finished" if rc == 0 else "killed" if rc < 0 else "left, and said" if is_left else "rolled back"
        again = self.result()
        if again not in ("done", "already") or rc == 0 and again != "already":
            return outcome, f"once more: {again}"
        then = self.result()
        return outcome, None if then == "already" else f"a third time: {then}"


class Enabled(Enable):
    """As Enable, of another command, with isolation on before: .is_done of what is seen, .back() to what was."""

    def prepare(self):
        super().prepare()
        if cxl("enable-isolation", "--timeout=B2", self.region)[0]:
            raise SystemExit("cannot enable isolation")

    def is_done(self, view):
        return isinstance(view, dict) and all(self.is_port_done(rp["control"]["mem"]) for rp in view["root_ports"] if rp["regions"])

    def judge(self, rc, out, err, action):
        now = listing()
        outcome = "finished" if rc == 0 else "killed" if rc < 0 else "rolled back"
        if action == "vanish":
            self.spoiled = True
            return outcome, None
        if rc == 0 and not self.is_done(now):
            return outcome, "status 0, but it is not done somewhere"
        if rc > 0 and now != self.baseline:
            return outcome, f"it failed and left: {difference(now, self.baseline)}"
        problem = self.take_back() if rc < 0 else None
        if problem:
            return outcome, problem
        rc, _, err = self.command()
        if rc or not self.is_done(listing()):
            return outcome, f"once more does not do it: {rc}: {err[-300:]}"
        rc, _, err = self.back()
        return outcome, None if not rc and listing() == self.baseline else f"it does not go back: {err[-300:]}"


class Disable(Enabled):
    name = "disable-isolation"

    def command(self):
        return cxl("disable-isolation", self.region)

    def is_port_done(self, control):
        return not control["isolation"]

    def back(self):
        return cxl("enable-isolation", "--timeout=B2", self.region)


class Timeout(Enabled):
    """Of the timeout alone: isolation stays on."""

    name = "set-timeout"

    def command(self):
        return cxl("set-timeout", self.region, "C2")

    def is_port_done(self, control):
        return control["timeout"]["range"] == "C2" and control["isolation"]

    def back(self):
        return cxl("set-timeout", self.region, "B2")


def difference(a, b, where=""):
    """Where two views differ, and how."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return "; ".join(d for k in a if (d := difference(a[k], b[k], f"{where}.{k}")))
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return "; ".join(d for i, (x, y) in enumerate(zip(a, b)) if (d := difference(x, y, f"{where}[{i}]")))
    return "" if a == b else f"{where[1:]}: {str(a)[:200]} instead of {str(b)[:200]}"


def main():
    scenario = {"recover-port": Recover, "enable-isolation": Enable, "disable-isolation": Disable, "set-timeout": Timeout,
                "prepare-isolation": Prepare, "prepare-ram": Ram, "prepare-layout": Layout}[sys.argv[1]](Log(sys.argv[2]), sys.argv[3])
    for kind, n, action in json.load(sys.stdin):
        r = scenario.case(kind, n, action)
        print(json.dumps({"kind": kind, "n": n, "action": action, **r}), flush=True)
        if r["problem"] or scenario.spoiled:
            break


main()
