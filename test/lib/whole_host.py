# SPDX-License-Identifier: GPL-2.0-only
"""Everything that sysfs says of CXL, dax, PCI and memory, told apart from the numbers that a rescan deals anew.

Written for what judges the tool, the verdict and the suites on real kernels: nothing of the
tool is used to say whether a host is as it was.  Devices go by serial number, place and address; two pictures of one host are
equal when nothing but the ALLOWED differences lies between them.
"""
import collections
import errno
import os
import re
import struct

SYS = "/sys"
CXL = f"{SYS}/bus/cxl/devices"
PCI_NAME = re.compile(r"^[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$")
KINDS = re.compile(r"(?<![\w.])(?:mem|pmem|endpoint|port|region|decoder|dax_region|dax)\d+(?:\.\d+)?(?![\w.])")

# What may differ after a recovery, each with its reason.  The contents of memory do,
# too; they are in no attribute.
ALLOWED = (
    (r"/(config|irq|resource\d*(_wc)?|enable|power_state|current_link_\w+|msi_irqs/.*|rom)$",
     "what a rescan programs anew; of the root port's own config space see root_port_settings()"),
    (r":pcie\d+", "port services are numbered anew"),
    (r"/aer_", "counters"),
    (r"/ndbus|/nvdimm-bridge", "namespaces: numbered anew, and persistent regions are promised no recovery"),
    (r"/create_(ram|pmem)_region$", "the number that the next region will get"),
    (r"/dev$", "minor numbers follow the device numbers"),
    (r"/dax_region/(id|seed|create)$", "the number of the region, and that of the next dax device"),
    (r"/memory/(memory\d+/valid_zones|soft_offline_page|hard_offline_page|probe)", "no state"),
    (r"/trigger_poison_list$", "write only"),
    (r"/power/", "not CXL's"),
    (r"/node\d+/(meminfo|numastat|vmstat|cpu|distance)", "counters of the running machine"),
)
SKIP = re.compile("|".join(f"(?:{p})" for p, _ in ALLOWED))
# What is there counts, what it says follows from what the device is: not read, since each read costs.
CONSTANT = frozenset((
    "ari_enabled", "broken_parity_status", "consistent_dma_mask_bits", "crash_hotplug", "d3cold_allowed", "device", "devspec", "devtype",
    "dma_mask_bits", "local_cpulist", "local_cpus", "max_link_speed", "max_link_width", "modalias", "module", "msi_bus", "phys_device",
    "phys_index", "removable", "revision", "secondary_bus_number", "subordinate_bus_number", "subsystem", "subsystem_device",
    "subsystem_vendor", "vendor", "cap_type2", "cap_type3", "cap_ram", "cap_pmem", "qos_class", "delete_region", "delete", "mapping",
    "reset", "remove", "rescan", "commit_end", "trigger_poison_list", "update"))


class Dir:
    """A directory, held open: of a path from the root every part is asked for again, and each costs."""

    def __init__(self, path, at=None):
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY, dir_fd=at)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def text(self, name):
        """The contents, or "!" and the errno that reading fails with."""
        try:
            fd = os.open(name, os.O_RDONLY, dir_fd=self.fd)
            try:
                return os.read(fd, 4096).decode("latin-1").strip("\0\n ")
            finally:
                os.close(fd)
        except OSError as e:
            return f"!{errno.errorcode.get(e.errno, e.errno)}"

    def number(self, name):
        """None where it cannot be read or is no number."""
        try:
            return int(self.text(name), 0)
        except ValueError:
            return None

    def link(self, name):
        """The last part of where it leads; None: it is not a link."""
        try:
            return os.readlink(name, dir_fd=self.fd).rsplit("/", 1)[-1]
        except OSError:
            return None


def text(path):
    with ROOT as d:
        return d.text(path)


def number(path):
    with ROOT as d:
        return d.number(path)


def link(path):
    with ROOT as d:
        return d.link(path)


class _Root(Dir):
    """Paths as they are."""

    fd = None

    def __init__(self):
        pass

    def __exit__(self, *_):
        pass


ROOT = _Root()


def place_of(device):
    """Where a device of the CXL bus is: a path below /sys, by its link alone."""
    try:
        return os.path.normpath(f"{CXL}/{os.readlink(f'{CXL}/{device}')}")
    except OSError:
        return f"{CXL}/{device}"


def listdir(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


# -- names ----------------------------------------------------------------------
class Names:
    """Name of the day -> name that lasts."""

    def __init__(self, unread=()):
        """UNREAD: names that a picture before gave where a serial number could not be read."""
        self.lasting, self.lost = {}, []
        devices = listdir(CXL)
        self.kind = {k: [d for d in devices if re.fullmatch(k + r"[\d.]+", d)] for k in ("mem", "endpoint", "port", "region", "decoder")}
        for kind, name in (("mem", self.name_memdev), ("port", self.name_port), ("endpoint", self.name_port), ("region", self.name_region),
                           ("decoder", self.name_decoder)):
            for device in self.kind[kind]:
                with Dir(f"{CXL}/{device}") as d:
                    self.lasting[device] = name(device, d, unread)
        for device in devices:  # up to Linux 6.1 not numbered as its memory device
            if re.fullmatch(r"pmem\d+", device):
                self.lasting[device] = f"pmem of {self.lasting.get(place_of(device).split('/')[-2])}"
        self.lasting = {k: v for k, v in self.lasting.items() if v}

    def name_memdev(self, m, d, unread):
        place = [p for p in place_of(m).split("/") if PCI_NAME.match(p)]
        place = place[-1] if place else "?"
        known = next((n for n in unread if n.startswith("mem<!") and n.endswith(f" in {place}>")), None)
        name = known or f"mem<{d.text('serial')} in {place}>"
        if d.link("driver") is None:
            self.lost.append(name)
        return name

    def name_port(self, p, d, _):
        uport = d.link("uport")
        return f"{p.rstrip('0123456789')}<{self.lasting.get(uport, uport)}>"

    def name_region(self, r, d, _):
        start = d.text("resource")
        if not start.startswith("0x"):
            start = text(f"{CXL}/{d.text('target0')}/start")
        name = f"region<{start}>" if start.startswith("0x") else f"region<{start} {r}>"
        if d.number("commit") == 0:
            # its decoders, and what counts them, come back with it
            self.lost += [name, "/decoder<", "/decoders_committed", "/proc/iomem"]
        self.name_dax(d, name)
        return name

    def name_decoder(self, d, attrs, _):
        """By what it decodes: which of several free ones a region takes is the kernel's choice."""
        parent = place_of(d).rsplit("/", 2)[-2]
        if parent not in self.lasting:
            return None     # a root decoder: its number is its window's
        region, start = self.lasting.get(attrs.text("region"), ""), attrs.text("start")
        if region:
            what = region[len("region<"):-1]    # where its region begins: either may be what cannot be read
        else:
            what = start if attrs.number("size") and start.startswith("0x") else "free"
        return f"decoder<{self.lasting[parent]} {what}>"

    def name_dax(self, region, name):
        for dr in sorted(os.listdir(region.fd)):
            if not re.fullmatch(r"dax_region\d+", dr):
                continue
            self.lasting[dr] = f"dax_region<{name}>"
            with Dir(dr, region.fd) as dax_region:
                devices = sorted(n for n in os.listdir(dax_region.fd) if re.fullmatch(r"dax\d+\.\d+", n))
                for k, dax in enumerate(devices):   # where each lies is compared with what it says
                    with Dir(dax, dax_region.fd) as d:
                        self.lasting[dax] = f"dax<{name} {'empty' if d.number('size') == 0 else k}>"

    def of(self, s):
        return KINDS.sub(lambda m: self.lasting.get(m[0], m[0]), s)


# -- the picture ----------------------------------------------------------------
def tops():
    """The directories that are walked."""
    found = [f"{SYS}/devices/system/memory"]
    for d in listdir(f"{SYS}/devices"):
        if d.startswith("pci") and d != "pci0000:00":
            found.append(f"{SYS}/devices/{d}")
    found += [f"{SYS}/devices/platform/{d}" for d in listdir(f"{SYS}/devices/platform") if d.startswith(("ACPI0016", "ACPI0017", "hmem"))]
    found += [f"{SYS}/devices/{d}" for d in listdir(f"{SYS}/devices") if d.startswith("hmem")]
    return found


def walk(top, but=None):
    """(path, "file"|"link"|"dir", the open Dir that it is in) of everything below, links not followed, but what BUT matches."""
    try:
        d = Dir(top)
    except OSError as e:
        if e.errno != errno.EIO:    # a dead host
            return
        raise
    with d:
        yield from walk_in(d, top, but)


def walk_in(d, path, but):
    with os.scandir(d.fd) as entries:
        found = [(e.name, "link" if e.is_symlink() else "dir" if e.is_dir(follow_symlinks=False) else "file") for e in entries]
    for name, kind in found:
        full = f"{path}/{name}"
        if but and but.search(full):
            continue
        yield full, kind, d
        if kind == "dir":
            with Dir(name, d.fd) as below:
                yield from walk_in(below, full, but)


def iomem():
    """/proc/iomem without what a rescan places anew."""
    keep = []
    for line in text_of_all("/proc/iomem").splitlines():
        name = line.split(" : ", 1)[-1]
        if re.match(r"CXL Window|region\d|dax\d|Soft Reserved|System RAM|Reserved|Persistent", name):
            keep.append(line.strip())
    return keep


def text_of_all(path):
    try:
        with open(path, encoding="latin-1") as f:
            return f.read()
    except OSError as e:
        return f"!{e.errno}"


def picture(unread=()):
    """{lasting path: sorted values}, equal for equal hosts."""
    names, found = Names(unread), collections.defaultdict(list)
    for top in tops():
        for path, kind, d in walk(top, SKIP):
            lasting = names.of(path)
            if " empty>" not in lasting:    # a dax device without memory is nobody's: no recovery makes it again
                found[lasting].append(names.of(value_of(path, kind, d)))
    for bus in ("cxl", "dax", "pci"):
        found[f"drivers_autoprobe of {bus}"] = [text(f"{SYS}/bus/{bus}/drivers_autoprobe")]
    for line in iomem():
        found["/proc/iomem"].append(names.of(line))
    for address in root_ports():
        found[f"registers of {address}"] = root_port_settings(address)
    return {path: sorted(values) for path, values in found.items()}


def value_of(path, kind, d):
    """What is compared of a file, link or directory."""
    name = path[path.rindex("/") + 1:]
    if kind == "dir" or name in CONSTANT:
        return "/"
    value = d.link(name) if kind == "link" else d.text(name)
    if name == "uevent":
        value = re.sub(r"(?m)^(MINOR|MAJOR)=\d+$", "", value)
    return value


def lost_before():
    """Lasting names of what was lost already: memory devices without a driver, regions that are not committed.

    That a recovery brings these back, too, is no difference to hold against it.
    """
    return Names().lost


def removed(host_file):
    """Lasting paths of attributes that the host file takes away: a device that is found again has them."""
    names = Names()
    return [names.of(f"{os.path.realpath('/' + os.path.dirname(p))}/{os.path.basename(p)}")
            for p, value in (host_file.get("files", {}) if isinstance(host_file, dict) else {}).items() if value is None]


def differences(before, after, but=()):
    """One line per path that is not as it was; BUT: parts of paths that are left out, as is what could not be read before."""
    def shown(view, path):
        return str(view.get(path, "missing"))[:160]
    return [f"{path}: {shown(after, path)} instead of {shown(before, path)}"
            for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path) and not any(b in path for b in but)
            and not any(v.startswith("!") for v in before.get(path, ()))]


# -- root ports -----------------------------------------------------------------
def config(address):
    try:
        with open(f"{SYS}/bus/pci/devices/{address}/config", "rb", buffering=0) as f:
            data = b""
            while chunk := f.read(4096 - len(data)):
                data += chunk
            return data
    except OSError:
        return b""


def dword(data, at):
    return struct.unpack_from("<I", data, at)[0] if at + 4 <= len(data) else 0


def dvsec(data, wanted):
    """Offset of CXL's DVSEC of that id; 0: there is none."""
    at = 0x100
    for _ in range(960):
        head = dword(data, at)
        if head & 0xffff == 0x23 and dword(data, at + 4) & 0xffff == 0x1e98 and dword(data, at + 8) & 0xffff == wanted:
            return at
        at = head >> 20 & 0xffc
        if not at:
            return 0
    return 0


def root_ports():
    """PCI functions directly below a host bridge that have CXL's DVSEC for ports and are bridges."""
    found = []
    for a in listdir(f"{SYS}/bus/pci/devices"):
        path = os.readlink(f"{SYS}/bus/pci/devices/{a}").split("/")
        if len(path) >= 2 and path[-2].startswith("pci"):
            data = config(a)
            if len(data) > 0xe and data[0xe] & 0x7f == 1 and dvsec(data, 3) and dvsec(data, 8):
                found.append(a)
    return found


def isolation_registers(address):
    """(file descriptor, offset of the capability) of CXL.cachemem capability 9; None: there is none, or nobody may look."""
    data = config(address)
    at = dvsec(data, 8)
    length = dword(data, at + 4) >> 20 if at else 0
    for e in range(at + 0xc, at + length - 7, 8):
        low, high = dword(data, e), dword(data, e + 4)
        if low >> 8 & 0xff != 1:    # the component registers
            continue
        try:
            fd = os.open(f"{SYS}/bus/pci/devices/{address}/resource{low & 7}", os.O_RDWR)
            base = (high << 32 | low & 0xffff0000) + 0x1000
            for i in range(read_register(fd, base) >> 24):
                entry = read_register(fd, base + 4 + 4 * i)
                if entry & 0xffff == 9:
                    return fd, base + (entry >> 20)
            os.close(fd)
        except OSError:
            return None
    return None


def read_register(fd, offset):
    return struct.unpack("<I", os.pread(fd, 4, offset))[0]


def write_register(fd, offset, value):
    os.pwrite(fd, struct.pack("<I", value), offset)


def root_port_settings(address):
    """What a recovery must put back in the port itself: control and status of isolation, DVSEC 3, Bridge Control, Link Control."""
    data, found = config(address), []
    regs = isolation_registers(address)
    if regs:
        fd, at = regs
        found += [f"isolation control {read_register(fd, at + 8):#x}", f"isolation status {read_register(fd, at + 0xc):#x}"]
        os.close(fd)
    port = dvsec(data, 3)
    found += [f"DVSEC 3 control {dword(data, port + 0xc) & 0xffff:#x}", f"Bridge Control {dword(data, 0x3c) >> 16:#x}"]
    at = dword(data, 0x34) & 0xfc
    for _ in range(48):
        if at and dword(data, at) & 0xff == 0x10:
            lnk = dword(data, at + 0x10)
            found.append(f"Link Control {lnk & 0xffff:#x}, link {'up' if lnk >> 29 & 1 else 'down'}")
            break
        at = dword(data, at) >> 8 & 0xfc
    return found


def protocols_below(address):
    """What the endpoints below a root port speak, by their device DVSEC: a set of "mem" and "cache"; "?" where one cannot be read."""
    found = set()
    for a in listdir(f"{SYS}/bus/pci/devices"):
        d = f"{SYS}/bus/pci/devices/{a}"
        if f"/{address}/" in os.readlink(d) and not text(f"{d}/class").startswith("0x06"):  # a switch port speaks for itself to nobody
            data = config(a)
            at = dvsec(data, 0)
            if len(data) < 0x100:
                found.add("?")
            elif at:
                caps = dword(data, at + 8) >> 16
                found |= {name for bit, name in ((1, "cache"), (4, "mem")) if caps & bit}
    return found
