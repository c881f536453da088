# SPDX-License-Identifier: GPL-2.0-only
"""Comparing a simulated host's state with a capture of a real kernel in that state."""
import re
import tarfile

from simrun import BUILD, CAPTURES, SIM, run

# Captures with the models of a kernel that has no isolation support.
NOREGION = ("--host", CAPTURES / "direct1-6.12-noregion.tar.xz", "--kernel", "mainline")
TWO = ("--host", CAPTURES / "direct2x2-6.12-noregion.tar.xz", "--kernel", "mainline")
DEVDAX = ("--host", CAPTURES / "direct1-6.12-devdax.tar.xz", "--kernel", "mainline")
SYSRAM = ("--host", CAPTURES / "direct1-6.12-sysram.tar.xz", "--kernel", "mainline")
SWITCH = ("--host", CAPTURES / "switch4-6.12-sw4-devdax.tar.xz", "--kernel", "mainline")
PMEM = ("--host", CAPTURES / "pmem1-6.12-pmem.tar.xz", "--kernel", "mainline")
RP_BACK = ("--host", CAPTURES / "direct1-6.12-rp-back.tar.xz", "--kernel", "mainline")

CXL = str(BUILD / "cxl" / "cxl")

# What is compared: all of sys/ that CXL, dax and memory hotplug have a part in,
# but for these, each with its reason.
NOT_COMPARED = (
    (r"sys/devices/system/node/node\d+/(meminfo|numastat|vmstat)$", "counters of the running machine"),
    (r"sys/devices/pci.*/(config|irq|resource|enable|power_state|current_link_.*)$", "what the rescan programmed anew"),
    (r"sys/devices/pci.*/\d{4}:\d\d:\d\d\.\d:pcie", "port services are numbered anew"),
    (r"sys/devices/pci0000:00", "nothing of CXL"),
    (r"sys/devices/pci.*/resource\d$", "the lab's captures have no registers"),
    (r"sys/kernel/tracing(/|$)", "older captures have none of it"),
    (r"sys/class/dmi", "older captures do not tell the platform"),
    (r"sys/module/", "size and use of modules"),
    (r"sys/bus/pci/slots/\d+/module$", "appears when pciehp registers a slot again"),
    (r"sys/kernel/debug/cxl/.*/dpamem$", "not modelled"),
    (r"sys/bus/event_source|sys/firmware/acpi/tables/(APIC|MCFG)|sys/devices/platform/(ACPI0012|e820)", "not recorded"),
    (r"sys/devices/system/node/node\d+/(hugepages|memory_failure|x86|compact)", "not CXL's"),
)
SKIP = [re.compile(pattern) for pattern, _ in NOT_COMPARED]


def read(path):
    """{name: (mode or None, content or target)} of a capture."""
    with tarfile.open(path) as tar:
        found = {}
        for m in tar:
            if m.issym():
                found[m.name] = (None, m.linkname)
            elif m.isfile():
                found[m.name] = (m.mode, tar.extractfile(m).read().decode(errors="replace"))
            else:
                found[m.name] = (m.mode, None)
        return found


def renaming(files):
    """Names that differ from boot to boot -> names by serial number and place."""
    names = {}
    for path, (_, text) in files.items():
        m = re.fullmatch(r"sys/bus/cxl/devices/(mem\d+)", path)
        if m:
            serial = files[re.sub(r"^(\.\./)+", "sys/", text) + "/serial"][1].strip()
            names[m[1]] = f"mem<{serial}>"
    for path, (_, text) in files.items():
        m = re.fullmatch(r".*/((?:endpoint|port)(\d+))/uport", path)
        if m:
            place = text.split("/")[-1]
            place = names.get(place, place)
            names[m[1]] = f"{m[1].rstrip('0123456789')}<{place}>"
            names[f"decoder{m[2]}"] = f"decoder<{place}>"
    return names


def normalized(path):
    files = read(path)
    names = renaming(files)
    pattern = re.compile(r"\b(" + "|".join(names) + r")\b") if names else None

    def rename(text):
        return pattern.sub(lambda m: names[m[1]], text) if text and pattern else text
    state = {}
    for name, (mode, text) in files.items():
        if name.startswith("sys/") and not any(p.match(name) for p in SKIP):
            # minor numbers follow the device numbers
            text = re.sub(r"(?m)^MINOR=\d+$", "MINOR=", re.sub(r"^250:\d+$", "250:", text or "")) if "/mem" in name else text
            state[rename(name)] = (mode, rename(text))
    window = re.search(r"(?m)^\S+ : CXL Window 0\n(.*: (region|dax|System RAM \(kmem|CXL Window).*\n)*", files["proc/iomem"][1])
    state["proc/iomem: CXL"] = window[0] if window else None
    return state


def differences(made, capture):
    """One line per attribute that is not as in the capture of this name."""
    now, want = normalized(made), normalized(CAPTURES / f"{capture}.tar.xz")
    return sorted(f"{name}: {now.get(name, 'missing')!s:.150} instead of {want.get(name, 'missing')!s:.150}"
                  for name in now.keys() | want.keys() if now.get(name) != want.get(name))


LIB = r"""
set -e
S=/sys/bus/cxl/devices D=/sys/bus/pci/devices
memsn() { for m in $S/mem*; do [ $(cat $m/serial) = $1 ] && basename $m && return; done; return 1; }
memep() { basename $(readlink -f $S/$1/..); }
memrp() { basename $(readlink -f $S/$1/../..); }
epdec() { for e in $S/endpoint*; do [ $(basename $(readlink $e/uport)) = $1 ] && echo decoder${e##*endpoint}.0 && return; done; return 1; }
daxof() { basename $S/$1/region*/dax_region*/dax[0-9]*.[0-9]*; }
# mkregion TYPE ROOTDECODER MEMDEV...: what `cxl create-region` (81) writes, in its order
mkregion() {
	type=$1 root=$2; shift 2
	r=$(cat $S/$root/create_${type}_region); echo $r > $S/$root/create_${type}_region; R=$S/$r
	echo 256 > $R/interleave_granularity; echo $# > $R/interleave_ways
	[ $type = ram ] || echo 69a29757-bb80-4904-8475-3d77ce576157 > $R/uuid
	echo $(($# * 0x10000000)) > $R/size
	i=0; for m; do
		d=$(epdec $m); echo $type > $S/$d/mode; echo 0 > $S/$d/dpa_size; echo 0x10000000 > $S/$d/dpa_size
		echo $d > $R/target$i; i=$((i + 1))
	done
	echo 1 > $R/commit; echo $r > /sys/bus/cxl/drivers/cxl_region/bind
}
devdax() { daxctl reconfigure-device --mode=devdax --force $(daxof $1) > /dev/null 2>&1; }
sysram() { daxctl online-memory $(daxof $1) > /dev/null 2>&1; }
"""


UNREADABLE = "cxl-sim: 6 files could not be read: capture/errors.txt in the archive says why\n"


def state_after(script, capture, tmp_path, *options):
    """Run a script on a capture with models, record the state: path of the archive."""
    made = tmp_path / "made.tar.xz"
    done = run(LIB + script + f"\n{SIM} capture -o {made}", "--host", CAPTURES / f"{capture}.tar.xz", "--kernel",
               "mainline", *options)
    # the seeds of a pmem region have sizes that cannot be read, as on a real machine
    assert done.returncode == 0 and done.stderr in ("", UNREADABLE), done.stderr
    return made


def sh(script, options):
    """What a script prints, after the helpers of states.py; it must succeed."""
    done = run(LIB + script, *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.split()


def writes(options, *steps):
    """The errno name (or "ok") of each write: (path, text)."""
    script = f"""
import errno
for path, text in {steps!r}:
    try:
        with open(path, "wb", buffering=0) as f: f.write(text.encode())
        print("ok")
    except OSError as e: print(errno.errorcode[e.errno])
"""
    done = run(["/usr/bin/python3", "-I", "-c", script], *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("ENOTSUP\n", "EOPNOTSUPP\n").split()
