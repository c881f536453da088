# SPDX-License-Identifier: GPL-2.0-only
"""An independent reading of a sysfs tree: what the snapshot is compared with.

Deliberately naive: one walk per question, real paths from the operating
system, no sharing with the C code.
"""
import os
import pathlib
import re

PCI = re.compile(r"^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")


def natural(name):
    """Sort key: as a person counts."""
    return [int(p) if p.isdigit() else p for p in re.split(r"(\d+)", name)]


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.devices = self.root / "sys/bus/cxl/devices"

    def names(self, kind):
        if not self.devices.is_dir():
            return []
        return sorted((n for n in os.listdir(self.devices) if re.fullmatch(kind + r"\d+", n)), key=natural)

    def dir(self, name):
        return (self.devices / name).resolve()

    @staticmethod
    def text(path):
        try:
            return path.read_text().strip()
        except OSError:
            return None

    @staticmethod
    def number(path):
        t = Tree.text(path)
        return int(t, 0) if t else None

    # -- ports ----------------------------------------------------------------
    def bus_of(self, name):
        return next((p for p in self.dir(name).parts if re.fullmatch(r"root\d+", p)), None)

    def bridges(self):
        """Host bridge ports: portN -> (bus, PCI host bridge, {root ports from its dports})."""
        found = {}
        for p in self.names("port"):
            d = self.dir(p)
            if re.fullmatch(r"root\d+", d.parent.name):
                found[p] = (d.parent.name, os.path.basename(os.readlink(d / "uport")),
                            {t for t in (os.path.basename(os.readlink(x)) for x in d.glob("dport*")) if PCI.match(t)})
        return found

    def pci_chain(self, name):
        return [p for p in self.dir(name).parts if PCI.match(p)]

    def memdev_root_port(self, name):
        chain = self.pci_chain(name)
        return chain[0] if len(chain) > 1 else None

    def root_ports(self):
        """root port -> host bridge port (None when none is known)."""
        found = {}
        for port, (_, host, dports) in self.bridges().items():
            for rp in dports:
                found[rp] = port
        by_host = {host: port for port, (_, host, _) in self.bridges().items()}
        for m in self.names("mem"):
            rp = self.memdev_root_port(m)
            if rp:
                host = next(p for p in self.dir(m).parts if p.startswith("pci"))
                found.setdefault(rp, by_host.get(host))
        return found

    # -- memory ---------------------------------------------------------------
    def memdev(self, name):
        d = self.dir(name)
        ram, pmem = self.number(d / "ram/size"), self.number(d / "pmem/size")
        chain = self.pci_chain(name)
        serial = self.number(d / "serial")
        return {"memdev": name, "serial": None if serial is None else hex(serial), "host": chain[-1] if chain else None,
                "size": None if ram is None or pmem is None else ram + pmem,
                "state": "enabled" if (d / "driver").is_symlink() else "disabled"}

    def targets(self, region):
        """Memdevs of a region's positions; None where lost."""
        d, found, k = self.dir(region), [], 0
        while (d / f"target{k}").exists():
            decoder = self.text(d / f"target{k}")
            k += 1
            endpoint = re.fullmatch(r"decoder(\d+)\.\d+", decoder or "")
            uport = self.devices / f"endpoint{endpoint[1]}" / "uport" if endpoint else None
            found.append(os.path.basename(os.readlink(uport)) if uport and uport.is_symlink() else None)
        return found

    def region_root_ports(self, region):
        rps = {self.memdev_root_port(m) for m in self.targets(region) if m in self.names("mem")}
        return sorted(rps - {None}, key=natural)

    def region(self, name):
        d = self.dir(name)
        resource, size, commit = self.number(d / "resource"), self.number(d / "size"), self.number(d / "commit")
        bound = (d / "driver").is_symlink()
        targets = self.targets(name)
        state = ("enabled" if bound else "disabled") if commit else "reset" if targets and None not in targets else "husk"
        return {"region": name, "resource": None if resource is None else hex(resource), "size": size, "state": state,
                "ways": self.number(d / "interleave_ways"), "root_ports": self.region_root_ports(name)}

    def dax(self, region):
        return sorted((p.name for p in self.dir(region).glob("dax_region*/dax*") if re.fullmatch(r"dax\d+\.\d+", p.name)), key=natural)

    def online_blocks(self, region):
        """Memory blocks that touch the region and are online as System RAM."""
        memory, r = self.root / "sys/devices/system/memory", self.region(region)
        if not (memory / "block_size_bytes").exists() or not r["size"]:
            return []
        block, start = int(self.text(memory / "block_size_bytes"), 16), int(r["resource"], 16)
        return [m.name for m in memory.glob("memory[0-9]*")
                if int(m.name[6:]) * block < start + r["size"] and (int(m.name[6:]) + 1) * block > start
                and self.text(m / "state") != "offline"]
