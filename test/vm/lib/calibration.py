# SPDX-License-Identifier: GPL-2.0-only
"""What a real kernel and the simulated host made of the same script (guest/calibrate.py), compared.

Known differences are in calibration.txt, one block each:

  where:  KERNEL-TOPOLOGY-SCRIPT    patterns (fnmatch), any of which holds; in each such run it must occur
  step:   NAME                      patterns likewise; default *
  what:   PATH, or a write as "PATH <- 'TEXT'"
  real:   VALUE                     what the kernel has, "-" for nothing; default *
  sim:    VALUE                     what the simulator has; default *
  reason: TEXT

A difference that no block covers is an error, and so is a block that covers nothing in a run it is for.
"""
import base64
import dataclasses
import fnmatch
import json
import pathlib
import re
import subprocess
import sys
import tarfile

FILE = pathlib.Path(__file__).resolve().parents[1] / "calibration.txt"
GUEST = FILE.parent / "guest"
FIELDS = ("where", "step", "what", "real", "sim", "reason")


@dataclasses.dataclass
class Known:
    """A block of calibration.txt."""
    where: list
    what: list
    reason: str
    step: list = dataclasses.field(default_factory=lambda: ["*"])
    real: list = dataclasses.field(default_factory=lambda: ["*"])
    sim: list = dataclasses.field(default_factory=lambda: ["*"])

    def is_for(self, run):
        return any(fnmatch.fnmatchcase(run, p) for p in self.where)

    def covers(self, d):
        return all(any(matches(value, p) for p in patterns) for value, patterns in
                   ((d.step, self.step), (d.what, self.what), (d.real, self.real), (d.sim, self.sim)))


def matches(value, pattern):
    """fnmatch, but [ is an ordinary character."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


@dataclasses.dataclass
class Difference:
    step: str
    what: str
    real: str
    sim: str

    def __str__(self):
        return f"{self.step}: {self.what}\n    real kernel: {self.real[:300]}\n    simulator:   {self.sim[:300]}"


@dataclasses.dataclass
class Comparison:
    """One run: what differs and is not known, which blocks cover nothing, what was compared."""
    unlisted: list
    covered: list
    stale: list
    blocks: int         # known differences: blocks that cover something
    attributes: int     # values compared, over all steps
    writes: int
    steps: int


def known(path=FILE):
    found = []
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n", "", path.read_text())):
        fields, name = {}, None
        for line in block.strip().splitlines():
            if line[:1].isspace():      # goes on
                fields[name][-1] += " " + line.strip()
                continue
            name, _, value = line.partition(":")
            if name not in FIELDS or not value.strip():
                raise ValueError(f"{path.name}: this is no field: {line}")
            fields.setdefault(name, []).append(value.strip())
        if fields:
            missing = {"where", "what", "reason"} - set(fields)
            if missing:
                raise ValueError(f"{path.name}: a block without {', '.join(sorted(missing))}:\n{block}")
            fields["reason"] = " ".join(fields["reason"])
            found.append(Known(**fields))
    return found


def steps_of(lines):
    """(name, [(write, answer)], state) of each step; what is said besides JSON ends the list as an error."""
    state = {}
    for line in lines:
        said = json.loads(line)
        state = {k: v for k, v in state.items() if k not in said["gone"]} | said["set"]
        yield said["step"], said["answers"], state


def answers(step):
    """Unlike a dictionary it keeps a write that is done twice."""
    seen, found = {}, {}
    for what, answer in step:
        n = seen[what] = seen.get(what, 0) + 1
        found[what if n == 1 else f"{what} ({n})"] = answer
    return found


def compare(run, real_lines, sim_lines, blocks):
    """Comparison of two records, each a list of JSON lines."""
    found, counts = [], {"attributes": 0, "writes": 0, "steps": 0}
    real, sim = list(steps_of(real_lines)), list(steps_of(sim_lines))
    if [r[0] for r in real] != [s[0] for s in sim] or not real:
        found.append(Difference("all", "steps", " | ".join(r[0] for r in real[-3:]), " | ".join(s[0] for s in sim[-3:])))
    for (step, r_answers, r_state), (_, s_answers, s_state) in zip(real, sim):
        r_answers, s_answers = answers(r_answers), answers(s_answers)
        for r, s in ((r_answers, s_answers), (r_state, s_state)):
            found += [Difference(step, k, r.get(k, "-"), s.get(k, "-")) for k in dict.fromkeys([*r, *s]) if r.get(k) != s.get(k)]
        counts["attributes"] += len(r_state.keys() | s_state.keys())
        counts["writes"] += len(r_answers)
        counts["steps"] += 1
    mine = [b for b in blocks if b.is_for(run)]
    uses = {id(b): 0 for b in mine}
    unlisted = []
    for d in found:
        by = [b for b in mine if b.covers(d)]
        for b in by:
            uses[id(b)] += 1
        if not by:
            unlisted.append(d)
    stale = [b for b in mine if not uses[id(b)]]
    covered = [d for d in found if d not in unlisted]
    return Comparison(unlisted, covered, stale, len(mine) - len(stale), **counts)


def first_of_each(differences):
    """Each path where it first differs, with how many steps it stays so; what is below a missing directory left out."""
    shown, missing = {}, {(d.step, d.what) for d in differences if "-" in (d.real, d.sim) and "dir" in (d.real, d.sim)}
    for d in differences:
        if any((d.step, d.what[:i]) in missing for i, c in enumerate(d.what) if c == "/" and i):
            continue
        key = (d.what, d.real, d.sim)
        shown.setdefault(key, [d, 0])[1] += 1
    return [(d, n) for d, n in shown.values()]


def report(run, c):
    """Why the comparison failed; "" when it did not."""
    text = "".join(f"\n{d}" + (f"\n    (and in {n - 1} more steps)" if n > 1 else "") for d, n in first_of_each(c.unlisted))
    text += "".join(f"\nlisted in {FILE.name} and no longer so: {b.what[0]} ({b.reason})" for b in c.stale)
    return f"{run}: {len(c.unlisted)} unlisted differences, {len(c.stale)} stale blocks{text}" if text else ""


# -- the simulator's side ------------------------------------------------------------------
def unpacked(made, directory):
    """The capture that the machine made, as a file."""
    archive = pathlib.Path(directory) / "machine.tar.xz"
    archive.write_bytes(base64.b64decode(made["capture"]))
    return archive


def simulate(sim, script, archive, env):
    """The same script on the simulated host: its lines."""
    kernel = script if script.startswith("v1") else "mainline"
    p = subprocess.run([sim, "run", "--host", archive, "--kernel", kernel, "--", sys.executable, "-B", GUEST / "calibrate.py", script],
                       env=dict(env, SIM=str(sim)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    assert p.returncode == 0, f"{script} in the simulator: exit status {p.returncode}\n{p.stderr}"
    return p.stdout.splitlines()


def check(sim, where, made, directory, env):
    """Run it, compare: (Comparison, why it failed or "")."""
    run = f"{where}-{made['script']}"
    c = compare(run, made["steps"], simulate(sim, made["script"], unpacked(made, directory), env), known())
    return c, report(run, c)


def replays(cxl, sim, made, directory, env):
    """The listings of a capture as host of a run and as --sysroot, and of the machine, without messages:
    that there is no kernel to ask is one."""
    archive = unpacked(made, directory)
    with tarfile.open(archive) as tar:
        tar.extractall(pathlib.Path(directory) / "sysroot")
    found = [made["listing"]]
    for argv in ([sim, "run", "--host", archive, "--", cxl, "list", "--isolation"], [cxl, "list", "--isolation", "--sysroot", pathlib.Path(directory) / "sysroot"]):
        p = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert p.returncode == 0, f"exit status {p.returncode}\n{p.stderr}"
        found.append(json.loads(p.stdout))
    return [{k: v for k, v in f.items() if k != "messages"} for f in found]
