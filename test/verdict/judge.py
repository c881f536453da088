# SPDX-License-Identifier: GPL-2.0-only
"""What was promised beside what happened: worse, as said, or better and why; and the table of it all."""
import collections
import fnmatch
import functools
import json
import pathlib
import subprocess

from lib.cli import BUILD, CLEAN, CXL

from runner import CAUSES, LEVELS, by_hand, title

EXPLAINED = pathlib.Path(__file__).with_name("pessimistic.txt")
RANK = {level: i for i, level in enumerate(LEVELS)}


@functools.cache
def checks():
    """Every check: (levels that it may cap at, causes), by id."""
    out = subprocess.run([CXL, "explain", "--format=json"], capture_output=True, text=True, env=CLEAN, check=True).stdout
    return {c["id"]: ({c["caps_at"], c["unknown_caps_at"]}, c["causes"]) for c in json.loads(out)["checks"]}


def occurring(c, r):
    """The causes that this failure is, by what is below the port; one that could not be read may be anything."""
    return list(dict.fromkeys(cause for cause, protocol in CAUSES[c["event"]] if protocol in r["speaks"] or "?" in r["speaks"]))


def holding(record, cause, promise):
    """The ids that hold the promise of CAUSE where it is."""
    ids = record["blockers"] + record["limits"]
    found = [i for i in ids if i in checks() and promise in checks()[i][0] and cause in checks()[i][1]]
    return sorted(set(found)) or ["off"]


def worst_of(record):
    """What containment has to be; of a protocol error no more than contain is promised, and it counts where it is less."""
    stated = [v for cause, v in record["containment_by_cause"].items() if v is not None and (cause, v) != ("protocol_error", "contain")]
    return min(stated, key=RANK.get) if stated else None


def judge_promises(c, r, who, record, happened):
    """(problems, kinds) of one reader's promises."""
    problems, kinds = [], []
    if "error" in record:
        if r["known"] and r["speaks"]:
            problems.append(f"{who}: the root port is not listed, although {'/'.join(r['speaks'])} is below it: {record['error']}")
        return problems, kinds
    if worst_of(record) is not None and record["containment"] != worst_of(record):
        problems.append(f"{who}: containment is {record['containment']}, but the worst cause says {worst_of(record)}")
    if happened == "impossible":
        return problems, kinds
    promises = {cause: record["containment_by_cause"][cause] for cause in occurring(c, r)}
    # where nothing speaks CXL no cause is promised anything, but the port is; one that is empty says what would be
    if not promises and "ISO-EMPTY" not in record["notes"]:
        promises = {"containment": record["containment"]}
    for cause, promise in promises.items():
        if promise is None and cause == "protocol_error" and who == "nobody":
            continue    # the trace events that tell are root's
        if promise is None:
            problems.append(f"{who}: {cause} is said not to occur, and it ended in {happened}")
            continue
        # a link that nothing brings up again is none that recovery was promised of
        if "stuck" in c["event"]:
            promise = min(promise, "contain", key=RANK.get)
        if RANK[promise] > RANK[happened]:
            problems.append(f"{who}: {cause} was promised {promise} and ended in {happened}: {r.get('why') or r['event']}")
        elif RANK[promise] < RANK[happened] and cause != "containment" and who == "root" and "stuck" not in c["event"]:
            kinds += [(i, promise, happened, c["event"], c["kernel"], c["name"]) for i in holding(record, cause, promise)]
    return problems, kinds


def judge(c, r):
    """{problems, kinds, promise, happened} of one case; promise None when nothing was or could be promised."""
    happened, kinds = r["outcome"], []
    problems = [f"{t['command']} ended by signal {-t['rc']}" for t in r["transcript"] if t["rc"] < 0]
    if r["violation"]:
        problems.append(f"the simulator objects: {r['violation'][-400:]}")
    if "event" not in r:
        problems.append(f"the host ended before it failed: {r['why']}")
        return {"problems": problems, "kinds": kinds, "promise": None, "happened": happened}
    if r.get("elsewhere"):
        problems.append(f"more than the port was lost: {'; '.join(r['elsewhere'][:4])}")
    for who in ("root", "nobody"):
        record = r["record" if who == "root" else "nobody"]
        p, k = judge_promises(c, r, who, record, happened)
        problems += p
        kinds += k
    record, enabled = r["record"], r.get("enable")
    promise = None
    if "error" not in record:
        stated = [v for v in (record["containment_by_cause"][cause] for cause in occurring(c, r)) if v is not None]
        promise = min(stated, key=RANK.get) if stated else None
        first = r["first"]
        overruled = any(o.startswith("--override") for o in c["options"])    # and so not counted
        timed = any(o.startswith("--timeout") for o in (enabled or {}).get("options", []))
        if enabled and enabled["require"] and enabled["rc"] == 0 and record["containment"] != "recover" and not overruled:
            problems.append(f"--require=recover succeeded, and containment is {record['containment']}")
        if enabled and enabled["rc"] == 0 and enabled["targets"] == [c["port"]] and "error" not in first and not c["user"] and \
                not timed and \
                RANK[record["containment"] or "none"] < RANK[first["containment_if_enabled"] or "none"]:
            problems.append(f"containment_if_enabled was {first['containment_if_enabled']}, enabled it is {record['containment']}")
    if happened == "impossible" or not occurring(c, r):
        promise = happened = None
    return {"problems": problems, "kinds": kinds, "promise": promise, "happened": happened}


# -- better than promised ----------------------------------------------------------
def explanations():
    """[(id, promise, outcome, events, kernels, hosts, reason)] of pessimistic.txt."""
    found = []
    for n, line in enumerate(EXPLAINED.read_text(encoding="utf-8").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        pattern, _, reason = line.partition(" : ")
        words = pattern.split()
        assert len(words) == 5 and ">" in words[1] and reason.strip(), f"{EXPLAINED.name}:{n}: ID PROMISED>HAPPENED EVENT KERNEL HOST : reason"
        promised, happened = words[1].split(">")
        found.append((words[0], promised, happened, *words[2:], reason.strip()))
    return found


def explanation_of(kind, lines):
    """The index of the first line that explains a kind, None: nothing does."""
    for n, line in enumerate(lines):
        if kind[:3] == line[:3] and all(fnmatch.fnmatch(value.replace(" ", "-"), pattern) for value, pattern in zip(kind[3:], line[3:6])):
            return n
    return None


# -- what comes of all ---------------------------------------------------------------
class Tally:
    """All cases together."""

    def __init__(self):
        self.table, self.worth, self.worth_promised = collections.Counter(), 0, 0
        self.problems, self.kinds, self.impossible, self.cases = [], collections.Counter(), 0, 0
        self.missed = collections.Counter()     # worth it, and not promised: why
        self.failed = set()     # names of the hosts of which a root port failed

    def add(self, c, r, oracle):
        j = judge(c, r)
        self.cases += 1
        if j["problems"]:
            self.problems.append((c, r, j["problems"]))
        for k in j["kinds"]:
            self.kinds[k] += 1
        if j["happened"] is None:
            self.impossible += 1
            return
        self.failed.add(c["name"])
        self.table[j["promise"] or "nothing", j["happened"]] += 1
        # of a protocol error no recovery is promised to anybody
        if "stuck" not in c["event"] and c["event"] != "protocol-error" and c["how"] in ("tied", "bus") and (j["happened"] == "recover" or oracle == "recover"):
            self.worth += 1
            if j["promise"] == "recover":
                self.worth_promised += 1
            elif "error" not in r["record"]:
                self.missed[" ".join(sorted(set(r["record"]["blockers"] + r["record"]["limits"]))) or "off"] += 1

    def unexplained(self):
        """(kinds without a line, lines without a kind)"""
        lines = explanations()
        found = {kind: explanation_of(kind, lines) for kind in self.kinds}
        return [k for k, n in found.items() if n is None], [line for n, line in enumerate(lines) if n not in found.values()]

    def show(self):
        columns = LEVELS
        rows = [f"{'promised':>10} | " + " ".join(f"{'-> ' + h:>10}" for h in columns)]
        for p in [*LEVELS, "nothing"]:
            if any(self.table[p, h] for h in columns):
                rows.append(f"{p:>10} | " + " ".join(f"{self.table[p, h]:>10,}" for h in columns))
        total = sum(self.table.values())
        same = sum(n for (p, h), n in self.table.items() if p == h)
        worse = sum(n for (p, h), n in self.table.items() if p in RANK and RANK[p] > RANK[h])
        rows.append(f"{total:,} failures: {same:,} as promised, {total - same - worse:,} better, {worse:,} worse; "
                    f"{self.impossible:,} that this host cannot have")
        rows.append(f"worth it (a recovery without any check brings them back): {self.worth:,}, "
                    f"promised recover: {self.worth_promised:,} ({100 * self.worth_promised // max(self.worth, 1)} %)")
        return "\n".join(rows)


def report(c, r, problems):
    """Of a case that failed: everything that is needed to see it again."""
    record = r.get("record", {})
    lines = [title(c), *(f"  {p}" for p in problems), f"  event: {r.get('event')}", f"  after: {r.get('why')}",
             f"  promise: {json.dumps(record.get('containment_by_cause', record))} blockers {record.get('blockers')} limits {record.get('limits')}"]
    return "\n".join(lines) + "\n" + by_hand(c, r)


class Record:
    """All results, in the build directory, for `table`."""

    def __enter__(self):
        self.f = open(BUILD / "verdict.jsonl", "w", encoding="utf-8")
        return self

    def __exit__(self, *_):
        self.f.close()

    def add(self, c, r, oracle):
        # what each command said is in what failed, and in `repeat`
        r = {k: v for k, v in r.items() if k != "stderr"}
        if "transcript" in r:
            r["transcript"] = [{"command": t["command"], "rc": t["rc"]} for t in r["transcript"]]
        self.f.write(json.dumps({"case": c, "result": r, "oracle": oracle}) + "\n")
        self.f.flush()


def load():
    tally = Tally()
    with open(BUILD / "verdict.jsonl", encoding="utf-8") as f:
        for line in f:
            d = json.loads(line)
            if "rejected" not in d["result"]:
                tally.add(d["case"], d["result"], d["oracle"])
    return tally
