# SPDX-License-Identifier: GPL-2.0-only
"""What kernels refuse when a region is to be made again: the order of decoders, Soft Reserved ranges."""
import json

import pytest

from simrun import CAPTURES, read_log, run, writes
from states import LIB, TWO

LOW = "0x490000000"
NEWER = "Linux version 7.2.13 () () #1 SMP\n"
RESERVED = "0x490000000-0x49fffffff"
MAKE = """D=$(epdec $(memsn %s)); r=$(cat $S/%s/create_ram_region); echo $r > $S/%s/create_ram_region; cd $S/$r
echo 256 > interleave_granularity; echo 1 > interleave_ways; echo 0x10000000 > size; cat resource; echo ram > $S/$D/mode
echo 0 > $S/$D/dpa_size; echo 0x10000000 > $S/$D/dpa_size; echo $D > target0; echo 1 > commit; cat commit
"""
ROOT = "$S/decoder0.0/delete_region"
DESTROY = "echo 0 > $S/region0/commit; echo region0 > $S/decoder0.0/delete_region\n"


def tried(script, tmp_path, *options):
    """(what a script prints, {attribute: errno} of the writes that were refused)"""
    log = tmp_path / "log"
    done = run(LIB.replace("set -e\n", "") + script, *options, "--log", log)
    return done.stdout.split(), {path.split("/")[-1]: errno for path, _, errno in writes(read_log(log)) if errno}


def make(serial, root="decoder0.0"):
    return MAKE % (serial, root, root)


# --- the order of decoders -----------------------------------------------------------------

REGIONS = "mkregion ram decoder0.0 $(memsn 0x2001); low=$r; mkregion ram decoder0.0 $(memsn 0x2002); high=$r\n"
UNMAKE = "echo 0 > $S/{0}/commit; echo {0} > $S/decoder0.0/delete_region\n"


def test_lower_region_cannot_be_made_again_while_a_higher_one_behind_the_bridge_is_committed(tmp_path):
    printed, refused = tried(REGIONS + UNMAKE.format("$low") + make("0x2001"), tmp_path, *TWO)
    assert (printed, refused) == ([LOW, "0"], {"target0": "EBUSY", "commit": "ENXIO"})


def test_lower_region_can_be_made_again_when_the_higher_one_is_gone_too_and_the_higher_one_at_any_time(tmp_path):
    both = REGIONS + UNMAKE.format("$high") + UNMAKE.format("$low") + make("0x2001") + make("0x2002")
    assert tried(both, tmp_path, *TWO) == ([LOW, "1", "0x4a0000000", "1"], {})
    assert tried(REGIONS + UNMAKE.format("$high") + make("0x2002"), tmp_path, *TWO) == (["0x4a0000000", "1"], {})


@pytest.mark.parametrize("torn,refused", (("$low", {"target0": "EBUSY"}), ("$high", {})))
def test_order_counts_on_every_bridge_of_a_region_across_several(torn, refused, tmp_path):
    """Two regions across both bridges, one above the other: of the lower one the first target is refused already."""
    targets = "$(memsn 0x2001) $(memsn 0x2003)" if torn == "$low" else "$(memsn 0x2002) $(memsn 0x2004)"
    script = f"""mkregion ram decoder0.2 $(memsn 0x2001) $(memsn 0x2003); low=$r
mkregion ram decoder0.2 $(memsn 0x2002) $(memsn 0x2004); high=$r
echo 0 > $S/{torn}/commit; echo {torn} > $S/decoder0.2/delete_region; (set -e; mkregion ram decoder0.2 {targets})"""
    printed, found = tried(script, tmp_path, *TWO)
    found = {k: v for k, v in found.items() if k == "target0"}
    assert found == refused, printed


def test_region_of_one_bridge_is_below_one_across_it_and_another(tmp_path):
    script = "mkregion ram decoder0.0 $(memsn 0x2001); low=$r; mkregion ram decoder0.2 $(memsn 0x2002) $(memsn 0x2003)\n"
    printed, refused = tried(script + UNMAKE.format("$low") + make("0x2001"), tmp_path, *TWO)
    assert (printed, refused["target0"]) == ([LOW, "0"], "EBUSY")
    # the other bridge's own is below it as well
    script = "mkregion ram decoder0.1 $(memsn 0x2004); low=$r; mkregion ram decoder0.2 $(memsn 0x2002) $(memsn 0x2003)\n"
    script += UNMAKE.format("$low").replace("decoder0.0", "decoder0.1")
    assert tried(script + make("0x2004", "decoder0.1"), tmp_path, *TWO)[1]["target0"] == "EBUSY"


# --- what is deleted, by name or by number --------------------------------------------------------

@pytest.mark.parametrize("release,errno", (("6.12.107", "ENODEV"), ("6.12.117", "EINVAL"), ("6.13.117", "ENODEV"), ("7.2.13", "EINVAL")))
def test_deleting_what_is_no_region_is_refused_as_the_release_does(release, errno, host, tmp_path):
    script = f"echo decoder0.0 > {ROOT}; echo region77 > {ROOT}; echo region0 > {ROOT}; [ ! -e $S/region0 ] && echo gone"
    log = tmp_path / "log"
    done = run(LIB.replace("set -e\n", "") + script, "--host", host(f"Linux version {release} () () #1 SMP\n", soft_reserved=[]), "--log", log)
    assert ([e for _, _, e in writes(read_log(log))], done.stdout.split()) == ([errno, "ENODEV", 0], ["gone"])


# --- Soft Reserved ---------------------------------------------------------------------------

@pytest.fixture
def host(tmp_path):
    def write(version=None, **members):
        path = tmp_path / "host.json"
        members.setdefault("soft_reserved", [RESERVED])
        files = {"proc/version": version} if version else {}
        path.write_text(json.dumps({"base": str(CAPTURES / "direct1-6.12-devdax.tar.xz"), "kernel": "mainline", "files": files, **members}))
        return path
    return write


def test_region_in_soft_reserved_memory_comes_back_elsewhere_on_an_older_kernel(host, tmp_path):
    printed, refused = tried(DESTROY + "grep -A1 Window /proc/iomem | tr -d ' '\n" + make("0x1001"), tmp_path, "--host", host())
    assert (printed, refused) == (["490000000-58fffffff:CXLWindow0", "490000000-49fffffff:SoftReserved", "0x4a0000000", "1"], {})


def test_region_in_soft_reserved_memory_comes_back_in_its_place_on_a_newer_kernel(host, tmp_path):
    printed, refused = tried("grep -c Soft /proc/iomem; grep -l Soft /sys/firmware/memmap/*/type | wc -l\n" + DESTROY + make("0x1001"),
                             tmp_path, "--host", host(NEWER))
    assert (printed, refused) == (["0", "1", LOW, "1"], {})


def test_window_that_is_full_of_soft_reserved_ranges_has_no_room(host, tmp_path):
    full = host(soft_reserved=[RESERVED, "0x4a0000000-0x58fffffff"])
    assert tried(DESTROY + make("0x1001"), tmp_path, "--host", full)[1]["size"] == "ERANGE"
    part = host(soft_reserved=[RESERVED, "0x4a8000000-0x4afffffff"])  # half of a place of 256 MiB
    assert tried(DESTROY + make("0x1001"), tmp_path, "--host", part)[0] == ["0x4b0000000", "1"]
