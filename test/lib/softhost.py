# SPDX-License-Identifier: GPL-2.0-only
"""Hosts with Soft Reserved memory, from compact descriptions (test/hosts/soft/NAME/host.json) to trees.

A description is a JSON object; everything is optional:
  about       what the host is, for a reader
  memmap      ["START-END TYPE"]: /sys/firmware/memmap; null: there is none
  cmdline     the kernel's command line
  iomem       the lines of /proc/iomem; null: there is none
  cedt, srat  ["START-END"]: tables with these windows ("... 0x1": restrictions) and memory entries; null: none
  windows     {"decoder0.0": "START-END"}: root decoders; with them there is a CXL bus
  mems        {"mem0": {...}}: cdat: [[DPA, LENGTH, EFI TYPE]], "absent" or "empty"
  regions     {"region0": {"range", "window", "state": enabled|disabled|reset|husk, "mems", "elc", "decoder"}}
  dax         {"dax0.0": {"range", "parent": "region0"|"hmem.0", "driver": "kmem"|"device_dax"}}
  block       block_size_bytes; null: no memory blocks
  offline     ["START-END"]: blocks of kmem that are offline
"""
import os
import pathlib
import re
import struct

PLATFORM = "sys/devices/platform"
ROOT0 = f"{PLATFORM}/ACPI0017:00/root0"
MEM0_BRIDGE = "pci0000:0c"
HOST_ONLY = 0xe  # host-only, volatile, persistent


def span(text):
    """"START-END" -> (start, end), hexadecimal."""
    start, end = text.split()[0].split("-")
    return int(start, 16), int(end, 16)


def acpi(signature, body):
    table = bytearray(signature + struct.pack("<IBB6s8sI4sI", 36 + len(body), 1, 0, b"TEST", b"TESTHOST", 1, b"TEST", 1) + body)
    table[9] = -sum(table) & 0xff
    return bytes(table)


def cedt(windows):
    body = struct.pack("<BxHII4xQQ", 0, 32, 12, 1, 0x480000000, 0x10000)
    for w in windows:
        start, end = span(w)
        restrictions = int(w.split()[1], 0) if len(w.split()) > 1 else HOST_ONLY
        body += struct.pack("<BxH4xQQBBHIHHI", 1, 40, start, end - start + 1, 0, 0, 0, 0, restrictions, 0, 12)
    return acpi(b"CEDT", body)


def srat(entries):
    body = bytes(12)
    for e in entries:
        start, end = span(e)
        body += struct.pack("<BBI2xQQ4xI8x", 1, 40, 0, start, end - start + 1, 1)
    return acpi(b"SRAT", body)


def cdat(types):
    body = b""
    for handle, (dpa, length, _) in enumerate(types):
        body += struct.pack("<BxHBB2xQQ", 0, 24, handle, 0, dpa, length)
    for handle, (_, length, efi) in enumerate(types):
        body += struct.pack("<BxHBB2xQQ", 4, 24, handle, efi, 0, length)
    table = bytearray(struct.pack("<IBB6xI", 16 + len(body), 1, 0, 0) + body)
    table[5] = -sum(table) & 0xff
    return bytes(table)


class Host:
    def __init__(self, top, description):
        self.top, self.d = pathlib.Path(top), description
        self.endpoints = {}

    def file(self, path, content, mode=0o444):
        p = self.top / path
        p.parent.mkdir(parents=True, exist_ok=True)
        p.write_bytes(content if isinstance(content, bytes) else f"{content}\n".encode())
        p.chmod(mode)

    def files(self, path, **values):
        for name, value in values.items():
            self.file(f"{path}/{name}", value)

    def link(self, path, target):
        p = self.top / path
        p.parent.mkdir(parents=True, exist_ok=True)
        p.symlink_to(os.path.relpath(self.top / target, p.parent))

    def device(self, bus, path):
        """A device of a bus: its directory and the bus's link to it."""
        (self.top / path).mkdir(parents=True, exist_ok=True)
        self.link(f"sys/bus/{bus}/devices/{os.path.basename(path)}", path)

    # -- the parts -----------------------------------------------------------------
    def firmware(self):
        d = self.d
        for i, line in enumerate(d["memmap"] if d.get("memmap") is not None else []):
            start, end = span(line)
            self.files(f"sys/firmware/memmap/{i}", start=hex(start), end=hex(end), type=line.split(" ", 1)[1])
        if d.get("cedt") is not None:
            self.file("sys/firmware/acpi/tables/CEDT", cedt(d["cedt"]), 0o400)
        if d.get("srat") is not None:
            self.file("sys/firmware/acpi/tables/SRAT", srat(d["srat"]), 0o400)
        self.file("proc/cmdline", d.get("cmdline", "quiet"))
        if d.get("iomem", []) is not None:
            self.file("proc/iomem", "\n".join(d.get("iomem", [])))

    def bus(self):
        self.device("cxl", ROOT0)
        self.link(f"{ROOT0}/uport", f"{PLATFORM}/ACPI0017:00")
        self.link(f"{ROOT0}/dport12", f"sys/devices/{MEM0_BRIDGE}")
        self.device("cxl", f"{ROOT0}/port1")
        self.link(f"{ROOT0}/port1/uport", f"sys/devices/{MEM0_BRIDGE}")
        for name, where in self.d["windows"].items():
            start, end = span(where)
            path = f"{ROOT0}/{name}"
            self.device("cxl", path)
            self.files(path, size=hex(end - start + 1), cap_type2=0, cap_type3=1, target_list=12, devtype="cxl_decoder_root")
            self.file(f"{path}/start", hex(start), 0o400)

    def mem(self, i, name, mem):
        rp = f"sys/devices/{MEM0_BRIDGE}/0000:0c:{i:02x}.0"
        function = f"{rp}/0000:{0x0d + i:02x}:00.0"
        self.link(f"{ROOT0}/port1/dport{i}", rp)
        for f, cls in ((rp, "0x060400"), (function, "0x050210")):
            self.device("pci", f)
            self.file(f"{f}/class", cls)
        path = f"{function}/{name}"
        self.device("cxl", path)
        self.files(path, serial=hex(0x1000 + i))
        self.link(f"{path}/driver", "sys/bus/cxl/drivers/cxl_mem")
        self.files(f"{path}/ram", size=mem.get("size", "0x10000000000"))
        self.files(f"{path}/pmem", size="0x0")
        endpoint = f"{ROOT0}/port1/endpoint{2 + i}"
        self.endpoints[name] = 2 + i
        self.device("cxl", endpoint)
        self.link(f"{endpoint}/uport", path)
        types = mem.get("cdat", [[0, 1 << 40, 1]])
        if types != "absent":
            self.file(f"{endpoint}/CDAT", b"" if types == "empty" else cdat(types), 0o400)

    def region(self, number, name, r):
        path = f"{ROOT0}/{r['window']}/{name}"
        state = r.get("state", "enabled")
        start, end = span(r["range"])
        mems = r.get("mems", ["mem0"])
        self.device("cxl", path)
        self.files(path, resource=hex(start), size=hex(end - start + 1), interleave_ways=len(mems),
                   commit=int(state in ("enabled", "disabled")), mode="ram")
        if state == "enabled":
            self.link(f"{path}/driver", "sys/bus/cxl/drivers/cxl_region")
        if "elc" in r:
            self.file(f"{path}/extended_linear_cache_size", r["elc"])
        for k, mem in enumerate(mems):
            decoder = f"decoder{self.endpoints[mem]}.{number}"
            self.file(f"{path}/target{k}", b"\n" if state == "husk" else f"{decoder}\n".encode())
            dpath = f"{ROOT0}/port1/endpoint{self.endpoints[mem]}/{decoder}"
            at, last = span(r["decoder"]) if "decoder" in r else (start, end)
            self.device("cxl", dpath)
            self.files(dpath, size=hex(last - at + 1), dpa_resource=r.get("dpa", "0x0"),
                       dpa_size=hex((last - at + 1) // len(mems)))
            self.file(f"{dpath}/start", hex(at), 0o400)

    def dax_device(self, name, dax):
        parent = dax["parent"]
        if parent.startswith("region"):
            where = f"{ROOT0}/{self.d['regions'][parent]['window']}/{parent}/dax_region{name[3:].split('.')[0]}"
        else:
            where = f"{PLATFORM}/{parent}"
        path = f"{where}/{name}"
        self.device("dax", path)
        ranges = [span(r) for r in dax["range"].split(",") if r]
        self.file(f"{path}/size", sum(e - s + 1 for s, e in ranges))
        if ranges:
            self.file(f"{path}/resource", hex(ranges[0][0]), 0o400)
        for k, (s, e) in enumerate(ranges):
            self.file(f"{path}/mapping{k}/start", hex(s), 0o400)
            self.file(f"{path}/mapping{k}/end", hex(e), 0o400)
        if dax.get("driver", "kmem"):
            self.link(f"{path}/driver", f"sys/bus/dax/drivers/{dax.get('driver', 'kmem')}")

    def blocks(self):
        block = self.d.get("block", 0x80000000)
        if block is None:
            return
        memory = "sys/devices/system/memory"
        self.file(f"{memory}/block_size_bytes", f"{block:x}")
        self.file(f"{memory}/memory0/state", "online")
        offline = [span(o) for o in self.d.get("offline", [])]
        for dax in self.d.get("dax", {}).values():
            if dax.get("driver", "kmem") != "kmem" or not dax["range"]:
                continue
            for start, end in map(span, dax["range"].split(",")):
                for b in range(-(-start // block), (end + 1) // block):
                    gone = any(s <= b * block <= e for s, e in offline)
                    self.file(f"{memory}/memory{b}/state", "offline" if gone else "online")

    def build(self):
        self.firmware()
        self.top.joinpath("sys/bus/dax/devices").mkdir(parents=True)
        if "windows" in self.d:
            for p in ("cxl_region", "cxl_mem", "cxl_port"):
                self.top.joinpath(f"sys/bus/cxl/drivers/{p}").mkdir(parents=True)
            mems = self.d.get("mems", {"mem0": {}})
            self.bus()
            for i, (name, mem) in enumerate(mems.items()):
                self.mem(i, name, mem)
            for i, (name, r) in enumerate(self.d.get("regions", {}).items()):
                self.region(i, name, r)
        for name, dax in self.d.get("dax", {}).items():
            assert re.fullmatch(r"dax\d+\.\d+", name)
            self.dax_device(name, dax)
        self.blocks()
        return self.top


def build(top, description):
    """Make the tree of DESCRIPTION at TOP, a new directory; returns it."""
    pathlib.Path(top).mkdir(parents=True)
    return Host(top, description).build()
