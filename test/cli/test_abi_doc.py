# SPDX-License-Identifier: GPL-2.0-only
"""docs/ABI.md has every attribute of the kernel that the programs open, and none that nothing opens.

Each simulated host and kernel is read, some are changed and recovered; the simulator's log has what became of sysfs, strace
what became of /proc and /dev.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from lib import cli, processors, softhost
from test_soft_reserved import describe

REPO = pathlib.Path(__file__).resolve().parents[2]
DOC = REPO / "docs" / "ABI.md"
CAPTURES = REPO / "test" / "hosts" / "captures"
SOFT = sorted(p.name for p in (REPO / "test" / "hosts" / "soft").iterdir())
ENV = {**cli.CLEAN, "PATH": f"{cli.CXL.parent}:{cli.DAXCTL.parent}:{cli.SIM.parent}:{cli.CLEAN['PATH']}"}
HOSTS = sorted(p.stem for p in (REPO / "test" / "hosts").glob("*.json"))
KERNELS = ["v1-fixed", "mainline", "v1", "rfc", "ras-v18"]
RP = "0000:0c:00.0"
READ = ["cxl list --isolation", "cxl isolation-status --check --impact", "daxctl list --isolation", "cxl check-soft-reserved"]
LOST = ["cxl enable-isolation root0", f"cxl-sim ctl link-down {RP}", "cxl isolation-status --check", f"cxl recover-port {RP}"]
DAX = "'[dax a]' 'region = fast' 'size = 50%' 'mode = MODE' 'file-mode = 0660' '[dax b]' 'region = fast' 'size = rest'"
POLICY = f"mkdir -p /etc/cxl; printf '%s\\n' '[region fast]' 'memdevs = 0x1001' {DAX} > /etc/cxl/isolation.conf"
# What the kernel or somebody made goes, so that all of it is made.
NOTHING = """echo dax0.0 > /sys/bus/dax/drivers/device_dax/unbind; echo region0 > /sys/bus/cxl/drivers/cxl_region/unbind
echo 0 > /sys/bus/cxl/devices/region0/commit; d=$(cat /sys/bus/cxl/devices/region0/target0)
echo region0 > /sys/bus/cxl/devices/decoder0.0/delete_region; echo 0 > /sys/bus/cxl/devices/$d/dpa_size"""
# The region's memory is to be System RAM, as posted on 2026-01-29.
SYSRAM = "cd /sys/bus/cxl/drivers; echo region0 > cxl_region/unbind; echo region0 > cxl_sysram_region/bind"

# What only some hosts and kernels have: options of the run, and what is done there.
CHANGES = [
    (["--host", "direct1"], [*LOST, "cxl set-timeout root0 B2", "cxl set-timeout root0 off --while -- true", "cxl set-timeout root0 C",
                             "cxl set-timeout --undo-last root0", "cxl disable-isolation root0"]),
    (["--host", "direct1", "--kernel", "v1"], ["cxl set-timeout root0 B2", "cxl disable-isolation root0"]),
    (["--host", "direct1", "--kernel", "rfc"], ["cxl set-timeout root0 B2", "cxl enable-isolation --registers root0"]),
    (["--host", "direct1", "--kernel", "rfc", "--fault", "any@*/resource*:1+=EIO"], ["cxl set-timeout root0 B2"]),
    (["--host", "direct1", "--kernel", "mainline"], ["cxl enable-isolation --registers root0", f"cxl recover-port --force-healthy {RP}"]),
    (["--host", "direct1"], ["cxl-sim ctl map dax0.0 idle", "cxl isolation-status", f"cxl recover-port --force-healthy --users=kill {RP}"]),
    (["--host", "direct1"], ["timeout 1 cxl isolation-status --monitor --interval=200ms"]),
    (["--host", str(CAPTURES / "direct1-7.2-noregion.tar.xz"), "--kernel", "v1-fixed"], [f"timeout 1 cxl isolation-status --monitor {RP}"]),
    (["--host", str(CAPTURES / "none-6.12-noregion.tar.xz")], READ),
    (["--host", "sysram1"], ["daxctl prepare-isolation --persist", "cxl-sim ctl reboot"]),
    (["--host", "sysram1", "--kernel", "kmem-state"], ["daxctl prepare-isolation --mode=system-ram"]),
    (["--host", "direct1", "--kernel", "sysram-regions"], [SYSRAM, *READ[:1]]),
    (["--host", "direct1", "--fault", "any@*/format:1+=EIO"], READ[:1]),
    (["--host", "accel1"], ["cxl-sim ctl returns 0000:0d:00.0 unbound", f"cxl recover-port --force-healthy --driver-consent=sfc {RP}"]),
    (["--host", "accel2"], ["echo sfc > /sys/bus/pci/devices/0000:0f:00.4/driver_override", f"cxl recover-port --force-healthy --driver-consent=sfc {RP}"]),
    (["--host", "cache1"], ["cxl enable-isolation --cache --registers root0"]),
    *[(["--host", host], LOST) for host in ("interleave2", "switch4", "unmasked1", "vms1", "direct2x2")],
    (["--host", "pmem1"], [f"cxl recover-port --force-healthy --override=ISO-PMEM {RP}"]),
    *[(["--host", host], [f"cxl recover-port --force-healthy --link-method={way} {RP}"])
      for host, way in (("direct1", "slot-power"), ("direct1", "cxl_bus"), ("unmasked1", "link-disable"), ("switch4", "reset_subordinate"))],
    (["--host", "direct1"], ["cxl-sim ctl returns 0000:0d:00.0 unbound 2", f"cxl recover-port --force-healthy {RP}"]),
    (["--host", "sysram1"], ["daxctl prepare-isolation dax0.0", "daxctl prepare-isolation --undo", "daxctl prepare-isolation --persist",
                             "daxctl prepare-isolation --mode=system-ram dax0.0", "daxctl prepare-isolation --undo"]),
    *[(["--host", "direct1"], [f"{POLICY.replace('MODE', mode)}\n{NOTHING}\ndaxctl prepare-isolation --policy", "daxctl prepare-isolation --undo"])
      for mode in ("devdax", "famfs", "system-ram")],
    (["--host", "direct1"], ["daxctl prepare-isolation --split=a:128MiB,b:rest region0", "daxctl prepare-isolation --split=all:100% region0"]),
    (["--host", "direct1"], [POLICY.replace(DAX, ""), NOTHING, "daxctl prepare-isolation --policy"]),
    (["--host", "direct1"], ["echo online > /sys/devices/system/memory/auto_online_blocks", "daxctl prepare-isolation --mode=system-ram"]),
]

DEVICES = {
    r"mem\d+": "/sys/bus/cxl/devices/memN", r"root\d+": "/sys/bus/cxl/devices/rootN", r"port\d+": "/sys/bus/cxl/devices/portN",
    r"endpoint\d+": "/sys/bus/cxl/devices/endpointN", r"decoder\d+\.\d+": "/sys/bus/cxl/devices/decoderX.Y",
    r"region\d+": "/sys/bus/cxl/devices/regionN", r"dax_region\d+": "/sys/bus/cxl/devices/dax_regionN",
    r"sysram_region\d+": "/sys/bus/cxl/devices/sysram_regionN",
    r"dax\d+\.\d+": "/sys/bus/dax/devices/daxX.Y", r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]": "/sys/bus/pci/devices/ADDRESS",
    r"[0-9a-f:.]{12}:pcie\d+": "/sys/bus/pci_express/devices/ADDRESS:pcieNNN",
    r"memory\d+": "/sys/devices/system/memory/memoryN", r"node\d+": "/sys/devices/system/node/nodeN",
    r"pci[0-9a-f]{4}:[0-9a-f]{2}": "/sys/devices/pciDDDD:BB",
}
PLACES = [(r"^/proc/\d+(/task/\d+)?", "/proc/PID"), (r"/fd/\d+$", "/fd/N"), (r"/map_files/.+", "/map_files/RANGE"),
          (r"^/sys/kernel/tracing/instances/cxl-isolation-\d+", "/sys/kernel/tracing/instances/cxl-isolation-PID"), (r"^/sys/firmware/memmap/\d+", "/sys/firmware/memmap/N"), (r"^/sys/bus/pci/slots/[^/]+", "/sys/bus/pci/slots/SLOT"),
          (r"^/sys/bus/pci/drivers/sfc/", "/sys/bus/pci/drivers/DRIVER/"), (r"^/sys/dev/block/.+", "/sys/dev/block/MAJOR:MINOR"), (r"^/dev/dax[\d.]+$", "/dev/daxX.Y"), (r"^/dev/cxl/mem\d+", "/dev/cxl/memN")]


def place(path):
    """The path as the table has it: by the last device in it, numbers as letters."""
    parts = path.rstrip("/").split("/")
    for i in range(len(parts) - 1, 0, -1):
        for pattern, device in DEVICES.items():
            if re.fullmatch(pattern, parts[i]) and path.startswith("/sys/") and "drivers" not in parts:
                return "/".join([device, *(re.sub(r"^(target|mapping|dport|resource)\d+$", r"\1N", p) for p in parts[i + 1:])])
    path = path.rstrip("/")
    for pattern, name in PLACES:
        path = re.sub(pattern, name, path)
    return path


def run(options, commands, scratch):
    """{place: how it was used} by cxl and daxctl: w written, - not there, r anything else."""
    log, trace = scratch / "log", scratch / "trace"
    scratch.mkdir()
    script = "\n".join(f"({c}) >/dev/null || echo $? >&2" for c in commands)
    subprocess.run([cli.SIM, "run", *options, "--log", log, "--", "strace", "-f", "-y", "-qq", "-e", "trace=openat,openat2,readlinkat,statx",
                    "-o", trace, "/bin/sh", "-c", script], env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=True)
    found = {}
    for line in log.read_text().splitlines():
        e = json.loads(line)
        if e.get("comm") in ("cxl", "daxctl"):
            found.setdefault(place(e["path"]), set()).add("w" if e["op"] == "write" else "-" if e["errno"] == "ENOENT" else "r")
    for path, use in opened(trace, ""):
        if path.startswith(("/proc/", "/dev/")):
            found.setdefault(place(path), set()).add(use)
    return found


def opened(trace, root):
    """(path below ROOT, how) of each line of strace's."""
    for line in trace.read_text(errors="replace").splitlines():
        m = re.search(r"(?:at2?|statx)\((?:AT_FDCWD|\d+)(?:<([^>]*)>)?, \"([^\"]*)\"", line)
        path = m and os.path.join("/", m[1] or "", m[2])
        if m and path.startswith(f"{root}/") and "cxl-" not in path:
            yield path[len(root):], "-" if "ENOENT" in line else "r"


def sysroot(name, scratch):
    """The same of check-soft-reserved on a tree of test/hosts/soft."""
    root, trace = softhost.build(scratch / name, describe(name)), scratch / f"{name}.trace"
    subprocess.run(["strace", "-f", "-y", "-qq", "-e", "trace=openat,openat2,readlinkat,statx", "-o", trace, cli.CXL, "check-soft-reserved", f"--sysroot={root}"],
                   env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False)
    return {place(path): {use} for path, use in opened(trace, str(root))}


def rows():
    """{path: it is written} of the document's tables."""
    found = {}
    for cells in re.findall(r"^\| `(/[^`]*)` \| ([rw]+) \|", DOC.read_text(), re.M):
        paths = [cells[0]]
        while any("{" in p for p in paths):
            paths = [p.replace(m[0], word, 1) for p in paths for m in [re.search(r"\{([^{}]*)\}", p)] for word in m[1].split(",")]
        for path in paths:
            assert path not in found, f"{path} is in docs/ABI.md twice"
            found[path] = "w" in cells[1]
    return found


@pytest.fixture(scope="module", name="used")
def used_on_all_hosts(tmp_path_factory):
    top = tmp_path_factory.mktemp("abi")
    memmap = top / "memmap.json"
    memmap.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-sysram.tar.xz"),
                                  "files": {"sys/module/memory_hotplug/parameters/memmap_on_memory": "Y\n"}}))
    jobs = [(["--host", host, "--kernel", KERNELS[i % len(KERNELS)]], READ) for i, host in enumerate(HOSTS)]
    jobs += [(["--host", "accel1", "--kernel", kernel], READ) for kernel in KERNELS] + CHANGES
    jobs += [(["--host", str(memmap)], ["daxctl prepare-isolation dax0.0", f"cxl recover-port --force-healthy {RP}"])]
    found = {}
    with processors.pool() as pool:
        for places in [*pool.map(lambda job: run(*job[1], top / str(job[0])), enumerate(jobs)),
                       *pool.map(lambda name: sysroot(name, top), SOFT)]:
            for path, uses in places.items():
                if path.startswith(("/sys/", "/proc/", "/dev/")) and path != "/dev/null":
                    found.setdefault(path, set()).update(uses)
    return found


# What libkmod looks for by itself, from version 33 on.
OF_LIBRARIES = {"/sys/module/compression"}


@pytest.mark.kills
@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_what_the_programs_open_is_in_the_document_and_nothing_else(used):
    table = rows()
    assert len(table) > 100
    # what is not there has nothing below it
    unknown = {p: u for p, u in used.items() if p not in table and p not in OF_LIBRARIES and not (u == {"-"} and any(row.startswith(p + "/") for row in table))}
    assert not unknown, f"opened, and not in docs/ABI.md: {sorted(unknown)}"
    # nor is what is below looked at where the directory is missing on each of them
    missing = [p for p, u in used.items() if u == {"-"} and not any(other.startswith(p + "/") for other in used)]
    unused = [row for row in table if row not in used and not row.startswith(tuple(p + "/" for p in missing))]
    assert not unused, f"in docs/ABI.md, and never opened: {sorted(unused)}"
    assert {p for p, uses in used.items() if "w" in uses} == {p for p, written in table.items() if written and p.startswith("/sys/")}


def test_a_path_is_taken_for_the_last_device_in_it():
    region = "/sys/devices/platform/ACPI0017:00/root0/decoder0.0/region0"
    for path, wanted in {f"{region}/target12": "/sys/bus/cxl/devices/regionN/targetN",
                         f"{region}/dax_region0/dax0.0/mapping0/start": "/sys/bus/dax/devices/daxX.Y/mappingN/start",
                         f"/sys/devices/pci0000:0c/{RP}/{RP}:pcie020/timeout_range": "/sys/bus/pci_express/devices/ADDRESS:pcieNNN/timeout_range",
                         "/sys/bus/dax/drivers/kmem/unbind": "/sys/bus/dax/drivers/kmem/unbind", "/proc/12/fd/3": "/proc/PID/fd/N"}.items():
        assert place(path) == wanted
