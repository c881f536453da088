# SPDX-License-Identifier: GPL-2.0-only
"""Hosts made of a seed: a capture, and everything that an overlay can say of it, drawn at random.

The same seed is the same case, whatever ran before it.  What a draw cannot be on the
capture at hand (a type-1 device with a region, an attribute that another draw took
away) is not drawn: a host that the simulator refuses is a mistake in here.
"""
import functools
import random
import re
import threading

import runner

M = 1 << 20
BLOCK = 128 * M     # of memory, in all captures
KERNELS = ["mainline", "v1", "v1-fixed", "v1-fixed", "v1-fixed"]    # the last as its name says: the most to lose
# capture -> how often it is drawn
BASES = {
    "direct1-6.12-devdax": 14, "direct1-6.12-auto": 3, "direct1-6.12-sysram": 5, "direct1-6.12-noregion": 8, "direct1-7.2-noregion": 8,
    "direct1-6.12-husk": 1, "direct1-6.12-husk-back": 2, "direct1-6.12-husk-sysram": 1, "direct1-6.12-rp-back": 2,
    "direct2x2-6.12-noregion": 20, "direct2x2-6.12-two-regions": 10, "direct2x2-6.12-x2hb-devdax": 6, "direct2x2-6.12-x2hb-sysram": 2,
    "direct2x2-6.12-x2rp-devdax": 4, "direct2x2-6.12-x4-devdax": 3, "pmem1-6.12-noregion": 1, "pmem1-6.12-pmem": 4,
    "switch4-6.12-noregion": 4, "switch4-6.12-sw2-sysram": 2, "switch4-6.12-sw4-devdax": 5,
}
# windows of the captures with two host bridges: across the first, the second, both
WINDOWS = {"decoder0.0": ("pci0000:0c",), "decoder0.1": ("pci0000:de",), "decoder0.2": ("pci0000:0c", "pci0000:de")}
# attributes that somebody may be unable to read, or that a kernel may not have
ATTRIBUTES = re.compile(
    r"/(mem\d+/(serial|ram/size|pmem/size|numa_node|firmware_version)"
    r"|region\d+/(resource|size|commit|mode|uuid|interleave_ways|interleave_granularity|target\d+)"
    r"|decoder[1-9]\d*\.\d+/(region|start|size|locked|target_type|mode|dpa_size|dpa_resource|interleave_ways|target_list)"
    r"|decoder0\.\d+/(start|size|locked|target_list|cap_ram)"
    r"|dax\d+\.\d+/(size|resource|target_node|memmap_on_memory|align)"
    r"|memory\d+/(state|valid_zones)|block_size_bytes|auto_online_blocks|demotion_enabled|parameters/memmap_on_memory"
    r"|[0-9a-f:]{7}:\d\d\.\d/(config|resource|resource0|reset_method|class|cxl_isolation/\w+)|slots/\d+/(power|address))$")
# What is never missing: the simulator makes it itself, keeps its own state in it, or finds the root ports by it.
KEPT = re.compile(r"/(resource0|config|class|cxl_isolation/\w+|state|valid_zones|ram/size|dax\d+\.\d+/(size|resource)|decoder\d+\.\d+/(start|size|dpa_\w+|mode)"
                  r"|region\d+/(resource|size|commit|interleave_\w+|target\d+))$")
ERRORS = ["EIO", "EACCES", "EPERM", "ENXIO", "EINVAL", "ENODEV"]

_lock = threading.Lock()


@functools.cache
def _facts(base):
    return runner.probe(f"{base}.tar.xz")


def facts(base):
    with _lock:
        return _facts(base)


class Draw:
    """The parts of one host, each drawn in its turn."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.base = self.r.choices(list(BASES), list(BASES.values()))[0]
        self.facts = facts(self.base)
        self.host = {"base": f"captures/{self.base}.tar.xz"}
        self.prepare, self.options, self.touched = [], [], []

    def one_in(self, n):
        return self.r.randrange(n) == 0

    # -- root ports -------------------------------------------------------------
    def ranges(self):
        return "".join(c for c in "ABCD" if self.r.random() < 0.6)

    def caps(self):
        r, caps = self.r, {}
        for key in ("mem_timeout", "mem_isolation"):
            if self.one_in(16):
                caps[key] = False
        if self.one_in(3):
            caps["mem_link_down"] = False
        if self.one_in(4):
            caps["mem_timeout_ranges"] = self.ranges()
        if self.one_in(2):
            caps.update({k: r.random() < 0.75 for k in ("cache_timeout", "cache_isolation", "cache_link_down")},
                        cache_timeout_ranges=self.ranges())
        if self.one_in(4):
            caps["err_cor"] = True
        if self.one_in(20):
            caps["interrupt"] = None
        if self.one_in(50):
            caps["capability"] = False
        if self.one_in(20):
            caps["control_reserved"] = "0x00000020"
        if self.one_in(8):
            caps["link_up_ms"] = r.choice([0, 200, 500])
        if self.one_in(4):
            caps.update(unmask_sbr=self.one_in(2), unmask_link_disable=self.one_in(2))
        if self.one_in(6):
            caps["unmask_writable"] = False
        if self.one_in(3):
            caps["preset"] = self.preset()
        return caps

    def preset(self):
        r = self.r
        found = {k: r.random() < 0.6 for k in ("mem_isolation", "mem_timeout", "mem_link_down", "cache_isolation", "cache_timeout",
                                               "cache_link_down", "err_cor", "interrupt") if r.random() < 0.4}
        for k in ("mem_timeout_range", "cache_timeout_range"):
            if self.one_in(4):
                found[k] = r.choice(["default", "A", "A2", "B", "B2", "C", "C2", "D", "D2"])
        return found

    def root_ports(self):
        found = {"*": self.caps()} if not self.one_in(4) else {}
        if len(self.facts["modelled"]) > 1 and self.one_in(3):
            found[self.r.choice(self.facts["modelled"])] = self.caps()
        found = {k: v for k, v in found.items() if v}
        if found:
            self.host["root_ports"] = found

    # -- devices and memory -------------------------------------------------------
    def accelerators(self):
        f, found = self.facts, {}
        bound = set(f["endpoints"].values())
        for m, chain in sorted(f["devices"].items()):
            endpoint = next((e for e, u in f["endpoints"].items() if u == m), None)
            uses = [d for d, reg in f["decoders"].items() if endpoint and d.startswith(f"decoder{endpoint[8:]}.") and reg]
            if not self.one_in(9):
                continue
            kind = self.r.choice([1, 2])
            if (kind == 1 and uses) or (kind == 2 and m not in bound):
                continue
            found[chain[-1]] = {"type": kind, "driver": self.r.choice(["sfc", "accel"])}
            self.touched.append(m)
            self.touched += [f["decoders"][d] for d in uses] + ([endpoint] if endpoint else [])
        if found:
            self.host["devices"] = found

    def dax(self):
        found = {}
        for name, region in sorted(self.facts["regions"].items()):
            if not region["dax"] or name in self.touched or not self.one_in(3) or "devices" in self.host:
                continue
            left, layout, at = region["size"] // (2 * M), [], region["start"]
            for _ in range(self.r.randint(1, 4)):
                n = self.r.choice([left, left // 2, left // 4, self.r.randint(0, left)])
                drivers = ["device_dax", "device_dax", "device_dax", "fsdev_dax", None] if n else [None]
                # kmem takes whole memory blocks
                if at + n * 2 * M - (at + BLOCK - 1) // BLOCK * BLOCK >= BLOCK:
                    drivers.append("kmem")
                at += n * 2 * M
                layout.append({"size": n * 2 * M, "driver": self.r.choice(drivers)})
                left -= n
                if not left:
                    break
            found[name] = layout
            self.touched += region["dax"] + [name]
        if found:
            self.host["dax"] = found

    def firmware(self):
        """Locked decoders, Soft Reserved ranges."""
        if self.one_in(10) and self.facts["decoders"]:
            d = self.r.choice(sorted(d for d in self.facts["decoders"]))
            if self.is_there(f"{d}/locked"):
                self.files()[f"sys/bus/cxl/devices/{d}/locked"] = "1\n"
                self.touched.append(d)
        regions = [x for x in sorted(self.facts["regions"].values(), key=lambda x: x["start"] or 0) if x["start"] and x["mode"] == "ram"]
        if self.one_in(10) and regions:
            region = self.r.choice(regions)
            size = self.r.choice([region["size"], region["size"] // 2, 64 * M])
            at = region["start"] + self.r.choice([0, region["size"] - size])
            self.host["soft_reserved"] = [f"{at:#x}-{at + size - 1:#x}"]

    def files(self):
        return self.host.setdefault("files", {})

    def is_there(self, end):
        return any(p.endswith("/" + end) for p in self.facts["files"])

    def switches(self):
        """The ways down that a host may lack, and what it is told about memory."""
        if self.one_in(6) and self.facts["slots"]:
            self.files()[f"sys/bus/pci/slots/{self.r.choice(sorted(self.facts['slots']))}"] = None
            self.touched.append("slots")
        for m, chain in sorted(self.facts["devices"].items()):
            if self.one_in(8) and self.is_there(f"{chain[-1]}/reset_method"):
                for name in ("reset_method", "reset"):
                    self.files()[f"sys/bus/pci/devices/{chain[-1]}/{name}"] = None
                self.touched += [f"{chain[-1]}/reset", f"{chain[-1]}/reset_method"]
        for path, value in (("sys/kernel/mm/numa/demotion_enabled", "true\n"), ("sys/devices/system/memory/auto_online_blocks", "online\n"),
                            ("sys/module/memory_hotplug/parameters/memmap_on_memory", self.r.choice(["Y\n", "force\n"]))):
            if self.one_in(10) and "/" + path in self.facts["files"]:
                self.files()[path] = value
                self.touched.append(path)

    def damage(self):
        """Attributes that are missing, or that cannot be read."""
        there = sorted("/".join(p.split("/")[1:]) for p in self.facts["files"] if ATTRIBUTES.search(p))
        there = [p for p in there if not any(re.search(rf"(?<!\w){re.escape(t)}(?!\w)", p) for t in self.touched)
                 and not ("devices" in self.host and re.search(r"/(mem|decoder|region|dax|endpoint)\d", p))]
        if any(step[0] == "region" for step in self.prepare):
            there = [p for p in there if not re.search(r"/(decoder\d|mem\d)", p)]     # what making them takes
        if "dax" in self.host or not there:
            there = [p for p in there if "dax" not in p]
        if self.one_in(6) and there:
            for path in self.r.sample(there, min(len(there), self.r.randint(1, 2))):
                if not KEPT.search(path):
                    self.files()[path] = None
                    there.remove(path)
        if self.one_in(4) and there:
            self.host["unreadable"] = {p: self.r.choice(ERRORS) for p in self.r.sample(there, min(len(there), self.r.randint(1, 3)))
                                       if "cxl_isolation" not in p or self.has_attributes()}

    def has_attributes(self):
        """Whether the kernel takes every root port, so that its attributes are there."""
        return self.kernel != "mainline" and not any(not c.get("capability", True) or c.get("interrupt", 0) is None
                                                     or not (c.get("mem_timeout", True) or c.get("mem_isolation", True))
                                                     for c in self.host.get("root_ports", {}).values())

    # -- what no host file can say ---------------------------------------------------
    def regions(self):
        """Regions of what is in none yet, in any order."""
        f = self.facts
        taken = {r for r in f["regions"]}
        if taken or "-noregion" not in self.base or self.base.startswith("pmem") or self.one_in(6):
            return
        free = [m for m in sorted(f["devices"]) if f["devices"][m][-1] not in self.host.get("devices", {})]
        self.r.shuffle(free)
        per_bridge = 1 if self.base.startswith("switch") else 4
        made = 0
        while free and made < per_bridge and not (made and self.one_in(4)):
            members = [free.pop()]
            bridge = self.bridge(members[0])
            window = next(w for w, b in WINDOWS.items() if b == (bridge,))
            if self.base.startswith("direct2x2") and self.one_in(4):
                other = next((m for m in free if self.bridge(m) != bridge), None)
                if other:
                    free.remove(other)
                    members.append(other)
                    members.sort(key=self.bridge)
                    window = "decoder0.2"
            elif len(free) and self.one_in(4):
                other = next((m for m in free if self.bridge(m) == bridge), None)
                if other:
                    free.remove(other)
                    members.append(other)
            self.prepare.append(["region", window, members, self.r.choice(["device_dax"] * 6 + ["kmem", None])])
            made += 1
        self.prepare.sort(key=lambda step: step[1])     # in a lower window nothing is made any more

    def bridge(self, m):
        chain = self.facts["devices"][m]
        return "pci" + chain[0].rsplit(":", 1)[0]

    def unbound(self):
        f, used = self.facts, {m for step in self.prepare if step[0] == "region" for m in step[2]}
        plain = [m for m in sorted(f["devices"]) if f["devices"][m][-1] not in self.host.get("devices", {})]
        endpoints = sorted(e for e, m in f["endpoints"].items() if m in plain)
        if self.one_in(10) and plain:
            m = self.r.choice(plain)
            if m in f["endpoints"].values():
                self.prepare.append(["sh", f"echo {m} >/sys/bus/cxl/drivers/cxl_mem/unbind || true"])
                endpoints = [e for e in endpoints if f["endpoints"][e] != m]
        if self.one_in(15) and endpoints:
            self.prepare.append(["sh", f"echo {self.r.choice(endpoints)} >/sys/bus/cxl/drivers/cxl_port/unbind || true"])
        if self.one_in(15) and f["regions"] and not used and "husk" not in self.base and "devices" not in self.host:
            self.prepare.append(["sh", f"echo {self.r.choice(sorted(f['regions']))} >/sys/bus/cxl/drivers/cxl_region/unbind || true"])
        if self.one_in(4) and "sysram" in self.base and "husk" not in self.base and "unreadable" not in self.host and "dax" not in self.host:
            self.prepare.append(["blocks", self.r.choice(["offline", "offline", "online_kernel", "online_movable", "mixed"])])

    def administrator(self):
        port = self.port
        if self.one_in(20):
            self.host["etc"] = {"cxl/isolation.conf": self.r.choice([
                "[all]\nrecover = never\n", "[all]\nrequire = contain\n", f"[{port}]\nrecover = manual\n", "[root0\n"])}
        if self.one_in(25):
            self.prepare.append(["journal", self.r.choice(self.facts["modelled"]), "seed-direct1"])
        if self.one_in(12):
            vendor, family = self.r.choice([("AuthenticAMD", 26), ("AuthenticAMD", 25), ("GenuineIntel", 6)])
            self.host["platform"] = {"cpu_vendor": vendor, "cpu_family": family, "cpu_model": 1, "cpu_name": "CPU",
                                     "system_vendor": self.r.choice(["Vendor", "QEMU"]), "product": "Server", "bios_version": "1.0"}

    def case(self, seed):
        r, f = self.r, self.facts
        self.kernel = r.choice(KERNELS)
        self.port = r.choice(f["modelled"])
        for part in (self.root_ports, self.accelerators, self.dax, self.firmware, self.switches, self.regions, self.damage, self.unbound,
                     self.administrator):
            part()
        accelerated = "devices" in self.host
        event = r.choice(["link-down", "link-down", "timeout", "timeout"] + (["timeout cache"] * 3 if accelerated else []))
        if accelerated and self.one_in(2):
            self.options += ["--cache", "--registers"]
        for option, odds in (("--link-down", 8), ("--registers", 8), ("--best-effort", 10), ("--timeout=keep", 15), ("--timeout=B", 20),
                             ("--require=debug", 4), ("--override=ISO-PMEM", 15)):
            if self.one_in(odds) and option not in self.options:
                self.options.append(option)
        return runner.case(name=f"seed {seed}", host=self.host, prepare=self.prepare, kernel=self.kernel, port=self.port, event=event,
                           options=self.options, how=r.choice(["tied"] * 12 + ["bus", "alone", "none"]),
                           user=r.choice([None] * 6 + ["busy", "idle"]))


def case_of(seed):
    """The case of a seed."""
    return Draw(seed).case(seed)
