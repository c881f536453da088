# SPDX-License-Identifier: GPL-2.0-only
"""Runs inside a simulated host: promise, failure, recovery of one case.  One process, since each costs time.

usage: inside.py < case (JSON) > result (JSON); what a case holds stands in runner.py
"""
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import whole_host as host  # noqa: E402

NOBODY = 65534


class Inside:
    def __init__(self, case):
        self.case, self.port, self.transcript = case, case.get("port"), []
        self.result = {"transcript": self.transcript}   # all that is known when the host dies

    # -- commands -------------------------------------------------------------
    def run(self, *argv, user=None):
        who = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False, timeout=100, **who)
        self.transcript.append({"command": " ".join(argv), "rc": p.returncode, "err": p.stderr[-1500:],
                                "out": p.stdout[-300:] if argv[0] == "cxl-sim" else ""})
        return p.returncode, p.stdout, p.stderr

    def cxl(self, *args, user=None):
        rc, out, err = self.run("cxl", *args, user=user)
        try:
            return rc, json.loads(out), err
        except ValueError:
            return rc, None, err

    def ctl(self, *args):
        return self.run("cxl-sim", "ctl", *args)

    def must(self, *args):
        """What no host refuses."""
        rc, _, err = self.ctl(*args)
        if rc and not self.dead():
            raise SystemExit(f"cxl-sim ctl {' '.join(args)}: status {rc}: {err}")

    def record(self, user=None):
        """The port's record, or {"error"} when the command does not know it."""
        rc, d, err = self.cxl("isolation-status", self.port, user=user)
        found = d["root_ports"] if d and not rc else []
        if not found:
            return {"error": f"{rc}: {err.strip()[-300:]}"}
        return {k: found[0][k] for k in ("containment", "containment_by_cause", "containment_if_enabled", "blockers", "limits", "notes")}

    # -- the host before the promise --------------------------------------------
    def prepare(self):
        """What no host file can say: regions made, drivers unbound, memory online."""
        for step in self.case.get("prepare", []):
            getattr(self, f"do_{step[0]}")(*step[1:])
        if self.case.get("prepare"):
            self.do_write("/sys/bus/cxl/flush", "1")    # what was unbound is detached by now
        self.must("settle")

    def do_sh(self, script):
        rc, _, err = self.run("sh", "-c", script)
        if rc:
            raise SystemExit(f"preparation failed: {script}: {err}")

    def do_write(self, path, value):
        with open(path, "wb", buffering=0) as f:
            f.write(value.encode())

    def do_state(self, name, contents):
        """A file of the state directory."""
        os.makedirs("/var/lib/cxl-isolation", exist_ok=True)
        pathlib.Path("/var/lib/cxl-isolation", name).write_text(contents, encoding="utf-8")

    def do_journal(self, port, seed):
        """A recovery of PORT that did not end: one of the fuzzer's journals."""
        self.do_state(f"{port}.json", (pathlib.Path(__file__).resolve().parents[1] / "fuzz/corpus/journal" / seed).read_text(encoding="utf-8"))

    def do_region(self, window, memdevs, driver="device_dax"):
        """A region of all the memory of MEMDEVS in WINDOW, its dax device with DRIVER, as `cxl create-region` would."""
        w = self.do_write
        with open(f"{host.CXL}/{window}/create_ram_region", encoding="ascii") as f:
            name = f.read().strip()
        w(f"{host.CXL}/{window}/create_ram_region", name)
        region, size = f"{host.CXL}/{name}", 0x10000000
        w(f"{region}/interleave_granularity", "256")
        w(f"{region}/interleave_ways", str(len(memdevs)))
        w(f"{region}/size", str(size * len(memdevs)))
        for i, m in enumerate(memdevs):
            endpoint = next(e for e in host.listdir(host.CXL) if e.startswith("endpoint") and host.link(f"{host.CXL}/{e}/uport") == m)
            decoder = next(d for d in sorted(host.listdir(f"{host.CXL}/{endpoint}"))
                           if re.fullmatch(r"decoder\d+\.\d+", d) and not host.text(f"{host.CXL}/{endpoint}/{d}/region"))
            top = f"{host.CXL}/{endpoint}/{decoder}"
            for attr, value in (("dpa_size", "0"), ("mode", "ram"), ("dpa_size", str(size))):
                w(f"{top}/{attr}", value)
            w(f"{region}/target{i}", decoder)
        w(f"{region}/commit", "1")
        if driver != "kmem":
            w("/sys/bus/dax/drivers_autoprobe", "0")
        w("/sys/bus/cxl/drivers/cxl_region/bind", name)
        if driver == "device_dax":
            w("/sys/bus/dax/drivers/device_dax/new_id", f"dax{name[6:]}.0")
        w("/sys/bus/dax/drivers_autoprobe", "1")

    def do_blocks(self, state):
        """The memory blocks of the host's CXL regions: offline, online_kernel, online_movable, or "mixed" zones."""
        block = int(host.text("/sys/devices/system/memory/block_size_bytes"), 16)
        ranges = [(host.number(f"{host.CXL}/{r}/resource"), host.number(f"{host.CXL}/{r}/size"))
                  for r in host.listdir(host.CXL) if r.startswith("region")]
        for k, m in enumerate(host.listdir("/sys/devices/system/memory")):
            if re.fullmatch(r"memory\d+", m) and any(a is not None and a <= int(m[6:]) * block < a + s for a, s in ranges):
                path = f"/sys/devices/system/memory/{m}/state"
                if host.text(path) == "online":
                    self.do_write(path, "offline")
                wanted = ("online_kernel", "online_movable")[k % 2] if state == "mixed" else state
                if wanted != "offline":
                    self.do_write(path, wanted)

    # -- enabling -----------------------------------------------------------------
    def tied(self):
        """The port and those that share a region with it, and so on: told from sysfs."""
        groups = []
        for r in host.listdir(host.CXL):
            if re.fullmatch(r"region\d+", r):
                groups.append(self.ports_of(r))
        found = {self.port}
        while more := {p for g in groups if g & found for p in g} - found:
            found |= more
        return sorted(found)

    def ports_of(self, region):
        found, k = set(), 0
        while os.path.exists(f"{host.CXL}/{region}/target{k}"):
            m = re.fullmatch(r"decoder(\d+)\.\d+", host.text(f"{host.CXL}/{region}/target{k}"))
            k += 1
            uport = f"{host.CXL}/endpoint{m[1]}/uport" if m else ""
            if os.path.exists(uport):
                chain = [p for p in os.path.realpath(uport).split("/") if host.PCI_NAME.match(p)]
                found |= set(chain[:1])
        return found

    def enable(self):
        """As a person would: all that is asked for, then what can be had, then nothing."""
        how, options = self.case["how"], self.case["options"]
        targets = {"tied": self.tied, "alone": lambda: [self.port], "bus": lambda: ["all"], "none": lambda: []}[how]()
        if not targets:
            return None
        level = [o for o in options if o.startswith("--require")]
        rest = [o for o in options if o not in level]
        plain = [o for o in options if o == "--registers"]
        tries = [["--require=recover", *rest], options] + ([plain] if plain != options else [])
        for n, words in enumerate(tries):
            rc, d, _ = self.cxl("enable-isolation", *targets, *words)
            if rc in (0, 7):
                return {"require": not n, "rc": rc, "targets": targets, "options": words}
        return {"require": False, "rc": rc, "targets": targets, "blockers": sorted({b for rp in (d or {}).get("root_ports", []) for b in rp.get("blockers", [])})}

    def enable_all(self):
        """Of the oracle: every enable bit of every root port, past all checks, by the registers alone."""
        for address in host.root_ports():
            regs = host.isolation_registers(address)
            if not regs:
                continue
            fd, at = regs
            cap, ctrl = host.read_register(fd, at), host.read_register(fd, at + 8)
            # CXL r3.2 8.2.4.24: each sits in Control where Capability says that it is there
            bits = 1 << 4 | 1 << 12 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 19
            host.write_register(fd, at + 8, ctrl | cap & bits)
            os.close(fd)

    # -- failure and recovery -------------------------------------------------------
    def dead(self):
        try:
            os.listdir("/sys/devices")
            return False
        except OSError:
            return True

    def users(self, start):
        kind = self.case["user"]
        if not kind:
            return
        if start:
            self.mapped = [d for d in host.listdir("/sys/bus/dax/devices") if host.link(f"/sys/bus/dax/devices/{d}/driver") == "device_dax"
                           and host.number(f"/sys/bus/dax/devices/{d}/size")]
        for d in self.mapped:
            if start:
                self.must("map", d, *(["idle"] if kind == "idle" else []))
            else:
                self.ctl("unmap", d)  # who touched what is lost may have died of it

    def recover(self):
        """Whether plain recover-port brings everything back: (bool, why not)."""
        extra = ["--timeout=1s"] if "stuck" in self.case["event"] else []
        rc, d, err = self.cxl("recover-port", *extra, self.port)
        if rc and "stuck" in self.case["event"] and not self.dead():
            self.must("link-up", self.port)
            rc, d, err = self.cxl("recover-port", "--resume", self.port)
        if rc:
            blocker = (d or {}).get("root_ports") or [{}]
            return False, f"recover-port: {rc} {blocker[0].get('blocker')}: {err.strip().splitlines()[-1] if err.strip() else ''}"
        if self.dead():
            return False, "the host died"
        self.must("settle")
        diff = host.differences(self.before, host.picture(self.unread), self.lost)
        return not diff, "; ".join(diff[:6])

    def gone(self):
        """What a failure of the port may take: itself, what is below it, the regions of it and of those that are tied to it."""
        names, tied = host.Names(), set(self.tied())
        regions = [r for r in host.listdir(host.CXL) if re.fullmatch(r"region\d+", r) and self.ports_of(r) & tied]
        mems = [m for m in host.listdir(host.CXL) if re.fullmatch(r"mem\d+", m) and f"/{self.port}/" in os.path.realpath(f"{host.CXL}/{m}")]
        # where the kernel took the driver off, it also took regions down, and a switch without endpoint has no port
        detached = [] if self.case["event"] != "protocol-error" else ["/decoders_committed"] + [
            names.lasting[p] for p in host.listdir(host.CXL)
            if re.fullmatch(r"port\d+", p) and f"/{self.port}/" in os.path.realpath(f"{host.CXL}/{p}/uport") and p in names.lasting]
        return [self.port, "/proc/iomem", *detached, *(names.lasting[x] for x in regions + mems if x in names.lasting),
                *(names.lasting[r][7:-1] for r in regions if r in names.lasting)]

    def lost_elsewhere(self, gone):
        """Of the rest of the host: what is missing, or is otherwise, after a failure that was contained."""
        self.must("settle")
        after = host.picture(self.unread)
        before = {p: v for p, v in self.before.items() if p in after or not any(g in p for g in gone)}
        diff = host.differences(before, after, [*self.lost, *gone])
        return [d for d in diff if not d.endswith(" instead of missing")]   # what a rescan found

    def judge(self):
        result = self.result
        self.prepare()
        if self.dead():
            raise SystemExit("the host died while it was prepared")
        result["speaks"] = sorted(host.protocols_below(self.port))
        result["known"] = self.port in host.root_ports()
        if self.case["oracle"]:
            self.enable_all()
        else:
            result["first"] = self.record()
            result["enable"] = self.enable()
        self.users(True)
        if not self.case["oracle"]:
            result["record"] = self.record()
            result["nobody"] = self.record(user=NOBODY)
        self.before, self.lost = host.picture(), host.lost_before() + host.removed(self.case["host"])
        self.unread = [n for n in host.Names().lasting.values() if "<!" in n]
        gone = self.gone()
        word, *more = self.case["event"].split()
        rc, out, err = self.ctl(word, self.port, *more)
        result["event"] = out.strip() or err.strip()
        if rc not in (0, 4):
            raise SystemExit(f"cxl-sim ctl {word}: status {rc}: {err}")
        if rc:
            return {**result, "outcome": "impossible"}  # this cannot fail that way
        if self.dead():
            return {**result, "outcome": "dead"}
        self.users(False)
        whole, why = self.recover()
        if not whole and not self.dead():
            result["elsewhere"] = self.lost_elsewhere(gone)
        return {**result, "outcome": "dead" if self.dead() else "recover" if whole else "contain", "why": why}

    def probe(self):
        """What the generator composes hosts of."""
        self.prepare()
        ports = {p: sorted(host.protocols_below(p)) for p in host.root_ports()}
        _, out, err = self.ctl("busy", "0000:ff:1f.7", "on")
        devices = {m: [p for p in os.path.realpath(f"{host.CXL}/{m}").split("/") if host.PCI_NAME.match(p)]
                   for m in host.listdir(host.CXL) if re.fullmatch(r"mem\d+", m)}
        regions = {r: {"start": host.number(f"{host.CXL}/{r}/resource"), "size": host.number(f"{host.CXL}/{r}/size"),
                       "mode": host.text(f"{host.CXL}/{r}/mode"), "ports": sorted(self.ports_of(r)),
                       "dax": [d for dr in host.listdir(f"{host.CXL}/{r}/") if re.fullmatch(r"dax_region\d+", dr)
                               for d in host.listdir(f"{host.CXL}/{r}/{dr}") if re.fullmatch(r"dax\d+\.\d+", d)]}
                   for r in host.listdir(host.CXL) if re.fullmatch(r"region\d+", r)}
        endpoints = {e: host.link(f"{host.CXL}/{e}/uport") for e in host.listdir(host.CXL) if e.startswith("endpoint")}
        decoders = {d: host.text(f"{host.CXL}/{d}/region") for d in host.listdir(host.CXL)
                    if d.startswith("decoder") and os.path.exists(f"{host.CXL}/{d}/region")}
        files = [p for top in [*host.tops(), "/sys/module", "/sys/kernel/mm", "/sys/bus/pci/slots", "/sys/firmware/acpi/tables"]
                 for p, kind, _ in host.walk(top) if kind == "file"]
        return {"ports": ports, "modelled": re.findall(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.\d", (out + err).split("this host has")[-1]),
                "devices": devices, "regions": regions, "endpoints": endpoints, "decoders": decoders, "files": files,
                "slots": {s: host.text(f"/sys/bus/pci/slots/{s}/address") for s in host.listdir("/sys/bus/pci/slots")}}


def main():
    case = json.load(sys.stdin)
    inside = Inside(case)
    try:
        result = inside.probe() if case.get("probe") else inside.judge()
    except Exception as e:  # whatever it is: with what led to it
        if not inside.dead():
            raise
        result = {**inside.result, "outcome": "dead", "why": f"{type(e).__name__}: {e}"}
    json.dump(result, sys.stdout)


main()
