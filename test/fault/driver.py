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


def cxl(*args):
    return run("cxl", *args)


def daxctl(*args):
    return run("daxctl", *args)


def ctl(*args):
    subprocess.run(["cxl-sim", "ctl", *args], stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60)


def listing():
    """The host without the numbers that a rescan changes: devices by serial number, regions by what they are made of."""
    rc, out, err = cxl("list", "--isolation")
    if rc:
        return f"cxl list failed: {err}"
    d = json.loads(out)
    serial = {m["memdev"]: m["serial"] for b in d["buses"] for m in b["memdevs"]}
    region = {r["region"]: r["resource"] for b in d["buses"] for r in b["regions"]}
    ports = [{**rp, "memdevs": sorted(serial[m] for m in rp["memdevs"]), "regions": sorted(region[r] for r in rp["regions"]),
              "dax": len(rp["dax"])} for b in d["buses"] for hb in b["host_bridges"] for rp in hb["root_ports"]]
    return {"root_ports": ports, "memdevs": sorted((m["serial"], m["host"], m["size"], m["state"]) for b in d["buses"] for m in b["memdevs"]),
            "regions": sorted((r["resource"], r["size"], r["state"], r["ways"]) for b in d["buses"] for r in b["regions"]),
            "dax": sorted((pathlib.Path(p).name[:3], os.path.basename(os.readlink(p / "driver")) if (p / "driver").exists() else None)
                          for p in pathlib.Path("/sys/bus/dax/devices").glob("dax*")),
            "autoprobe": pathlib.Path("/sys/bus/dax/drivers_autoprobe").read_text().strip(),
            "unattached": [b["unattached"]["regions"] for b in d["buses"]]}


class Scenario:
    spoiled = False     # this host cannot be used for another case

    def __init__(self, log, state):
        self.log, self.state = log, pathlib.Path(state)
        self.prepare()
        self.baseline = listing()

    def journal(self):
        return self.state / f"{PORT}.json"

    def case(self, kind, n, action):
        """{fired, path, rc, outcome, problem}; problem None when all is well."""
        self.before()
        self.log.new()
        ctl("fault", f"{kind}:{n}={action}")
        rc, out, err = self.command()
        ctl("fault", "none")
        ops = self.log.new()
        hit = [e for e in ops if e.get("fault")]
        r = {"fired": bool(hit), "path": hit[0]["path"] if hit else None, "op": hit[0]["op"] if hit else None, "rc": rc, "err": err[-700:]}
        if rc < 0 and not action.startswith("kill"):
            return {**r, "outcome": "crashed", "problem": f"ended by signal {-rc}"}
        if rc >= 0 and not err and rc:
            return {**r, "outcome": "silent", "problem": "a failure without a word"}
        outcome, problem = self.judge(rc, out, err, action)
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
    """Done; or everything is as it was; or, when it was killed, run again and then done."""

    def prepare(self):
        """One region's root ports, which succeed or fail together."""
        self.region = next(p.name for p in sorted(pathlib.Path("/sys/bus/cxl/devices").glob("region*")))

    def before(self):
        pass

    def command(self):
        return cxl("enable-isolation", "--timeout=B2", self.region)

    def is_on(self, view):
        return isinstance(view, dict) and all(rp["control"]["mem"]["isolation"] for rp in view["root_ports"] if rp["regions"])

    def judge(self, rc, out, err, action):
        now = listing()
        if action != "vanish":
            if rc == 0 and not self.is_on(now):
                return "finished", "status 0, but isolation is off somewhere"
            if rc > 0 and now != self.baseline:
                return "failed", f"it failed and left: {difference(now, self.baseline)}"
        outcome = "finished" if rc == 0 else "killed" if rc < 0 else "rolled back"
        if action == "vanish":
            self.spoiled = True
            return outcome, None
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

    def prepare(self):
        self.memory = self.look()

    def before(self):
        pass

    def look(self):
        """The dax devices; prepare-isolation switches memmap_on_memory off and --undo leaves it so."""
        rc, out, err = daxctl("list", "--isolation")
        return [{**d, "memmap_on_memory": None} for d in json.loads(out)["dax"]] if not rc else f"daxctl list failed: {err}"

    def command(self):
        return daxctl("prepare-isolation", "--timeout=300ms")

    def is_prepared(self, view):
        return isinstance(view, list) and len(view) == len(self.memory) and all(d["mode"] == "devdax" and not d["blocks"]["online"] for d in view)

    def judge(self, rc, out, err, action):
        now = self.look()
        if action == "vanish":
            self.spoiled = True
            return "finished" if rc == 0 else "killed" if rc < 0 else "failed", None
        if rc == 0 and not self.is_prepared(now):
            return "finished", f"status 0, but the memory is not prepared: {now}"
        if rc > 0 and now != self.memory:
            return "failed", f"it failed and left: {difference(now, self.memory)}"
        outcome = "finished" if rc == 0 else "killed" if rc < 0 else "rolled back"
        rc, _, err = daxctl("prepare-isolation")
        if rc or not self.is_prepared(self.look()):
            return outcome, f"once more does not do it: {rc}: {err[-300:]}"
        rc, _, err = daxctl("prepare-isolation", "--undo")
        now = self.look()
        return outcome, None if not rc and now == self.memory else f"it does not come back: {rc} {err[-300:]} {difference(now, self.memory)}"


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
        rc, _, err = self.command()
        if rc or not self.is_done(listing()):
            return outcome, f"once more does not do it: {rc}: {err[-300:]}"
        rc, _, err = self.back()
        return outcome, None if not rc and listing() == self.baseline else f"it does not go back: {err[-300:]}"


class Disable(Enabled):
    def command(self):
        return cxl("disable-isolation", self.region)

    def is_port_done(self, control):
        return not control["isolation"]

    def back(self):
        return cxl("enable-isolation", "--timeout=B2", self.region)


class Timeout(Enabled):
    """Of the timeout alone: isolation stays on."""

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
                "prepare-isolation": Prepare}[sys.argv[1]](Log(sys.argv[2]), sys.argv[3])
    for kind, n, action in json.load(sys.stdin):
        r = scenario.case(kind, n, action)
        print(json.dumps({"kind": kind, "n": n, "action": action, **r}), flush=True)
        if r["problem"] or scenario.spoiled:
            break


main()
