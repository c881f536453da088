# SPDX-License-Identifier: GPL-2.0-only
"""cxl list --isolation: filters, shape, human output, and output that cannot be written."""
import json
import os
import re
import shutil
import subprocess

import pytest

from lib import cli
from lib.cli import NOBODY, run, run_cxl
from lib.tree import Tree, natural

TWO = "direct2x2-6.12-x2hb-devdax"      # 2 bridges, 4 root ports, region2 across both bridges
SWITCH = "switch4-6.12-sw4-devdax"      # 1 root port, a switch, 4 memdevs, region0 on all


def listed(captures, *args, capture=TWO, rc=0):
    r = run_cxl(["list", "--isolation", *args], sysroot=captures[capture])
    assert r.rc == rc, str(r)
    return r


# -- what a target and a filter stand for -----------------------------------------
@pytest.mark.parametrize("target", ["root0", "all"])
def test_a_bus_stands_for_every_root_port_below(captures, target):
    assert listed(captures, target).json["buses"] == listed(captures).json["buses"]


def test_a_port_stands_for_the_root_ports_of_that_bridge(captures):
    tree = Tree(captures[TWO])
    for port, (_, _, dports) in tree.bridges().items():
        for args in ([port], ["-p", port], [f"--port={port}"]):
            r = listed(captures, *args)
            assert set(r.root_ports()) == dports
            assert [m for m in tree.names("mem") if tree.memdev_root_port(m) in dports] == list(r.memdevs())


def test_a_root_ports_address_stands_for_itself(captures):
    for rp in Tree(captures[TWO]).root_ports():
        assert list(listed(captures, rp).root_ports()) == [rp]


def test_a_memdev_and_its_endpoints_address_stand_for_the_root_port_above(captures):
    tree = Tree(captures[TWO])
    for m in tree.names("mem"):
        for args in ([m], ["-m", m], [tree.memdev(m)["host"]]):
            assert list(listed(captures, *args).root_ports()) == [tree.memdev_root_port(m)]
        assert list(listed(captures, "-m", m).memdevs()) == [m]


def test_a_region_stands_for_every_root_port_it_touches(captures):
    tree = Tree(captures[TWO])
    for args in (["region2"], ["-r", "region2"], ["dax2.0"]):
        r = listed(captures, *args)
        assert sorted(r.root_ports(), key=natural) == tree.region_root_ports("region2")
        assert list(r.regions()) == ["region2"]


@pytest.mark.parametrize("target", ["port2", "0000:0d:00.0", "0000:0e:02.0", "0000:11:00.0", "mem3", "region0", "dax0.0", "0000:0c:00.0"])
def test_whatever_is_below_a_switch_stands_for_the_root_port_above_it(captures, target):
    assert list(listed(captures, target, capture=SWITCH).root_ports()) == ["0000:0c:00.0"]


def test_a_switch_limits_what_is_listed_to_what_is_below_it(captures):
    """The memdev of one leg, not its neighbours."""
    r = listed(captures, "-m", "mem3", capture=SWITCH)
    assert list(r.memdevs()) == ["mem3"]


def test_several_targets_add_up_and_filters_cut(captures):
    tree = Tree(captures[TWO])
    (p1, (_, _, below1)), (p2, (_, _, below2)) = tree.bridges().items()
    assert set(listed(captures, p1, p2).root_ports()) == below1 | below2
    assert set(listed(captures, "-p", p1, "-p", p2).root_ports()) == below1 | below2
    both = set(tree.region_root_ports("region2"))
    assert set(listed(captures, "-p", p1, "-r", "region2").root_ports()) == both & below1
    assert set(listed(captures, "-b", "root0", p1).root_ports()) == below1


def test_a_filter_that_leaves_nothing_is_no_failure(captures):
    tree = Tree(captures[TWO])
    (p1, (_, _, below1)), _ = tree.bridges().items()
    other = next(m for m in tree.names("mem") if tree.memdev_root_port(m) not in below1)
    assert listed(captures, "-p", p1, "-m", other).root_ports() == {}


@pytest.mark.parametrize("args", [[], ["root0"], ["port1"], ["mem0"], ["region2"], ["-b", "root0"], ["-m", "mem1"], ["-r", "region2"], ["0000:0c:00.0"]])
def test_a_record_is_the_same_whatever_the_filter(captures, args):
    full, part = listed(captures), listed(captures, *args)
    for name, record in part.root_ports().items():
        assert record == full.root_ports()[name]
    for kind in ("memdevs", "regions"):
        for name, record in getattr(part, kind)().items():
            assert record == getattr(full, kind)()[name]


def test_everything_is_in_the_order_a_person_counts(captures, tmp_path):
    for name in (TWO, SWITCH):
        b = listed(captures, capture=name).json["buses"][0]
        for key, names in (("memdev", b["memdevs"]), ("region", b["regions"]), ("port", b["host_bridges"])):
            found = [x[key] for x in names]
            assert found == sorted(found, key=natural)
        for hb in b["host_bridges"]:
            for rp in hb["root_ports"]:
                for key in ("memdevs", "regions", "dax"):
                    assert rp[key] == sorted(rp[key], key=natural)


def test_mem2_comes_before_mem10(tree):
    t = tree("direct1-6.12-devdax")
    devices = t / "sys/bus/cxl/devices"
    for i in (10, 2, 9):
        os.symlink(os.readlink(devices / "mem0"), devices / f"mem{i}")
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert [m["memdev"] for b in r.json["buses"] for m in b["memdevs"]] == ["mem0", "mem2", "mem9", "mem10"]


# -- targets that are none -----------------------------------------------------------
BAD = ["mem1xyz", "mem", "mem99", "mem01", "mem-1", "MEM0", " mem0", "mem0 ", "0x1", "1", "../x", "/", "", ".", "*", "root", "root1",
       "port", "port99", "endpoint3", "decoder0.0", "region", "region9", "dax0", "dax9.9", "dax2.0/..", "0000:0c", "0000:ff:1f.7",
       "pci0000:0c", "root0,port1", "mem0\n", "\x1b[31m", "ünïcode", "%s%n%s", "A" * 10000]


@pytest.mark.parametrize("target", BAD, ids=lambda t: repr(t[:20]))
def test_an_unknown_target_is_an_error_that_names_what_exists(captures, target):
    r = listed(captures, target, rc=2)
    assert r.json["buses"] == []
    for exists in ("root0", "port1", "mem0", "region2", "0000:0c:00.0"):
        assert exists in r.err, r.err
    assert len(r.err) < 2000 and len(r.err.strip().splitlines()) == 1, r.err
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", r.err), repr(r.err)
    assert len(r.messages(severity="error")) == 1


@pytest.mark.parametrize("option", ["-b", "-p", "-m", "-r"])
def test_a_filter_takes_its_own_kind_only(captures, option):
    good = {"-b": "root0", "-p": "port1", "-m": "mem0", "-r": "region2"}
    for kind, name in good.items():
        listed(captures, option, name, rc=0 if kind == option else 2)
    for bad in ("", "x", good[option] + "xyz", "../" + good[option]):
        listed(captures, option, bad, rc=2)


def test_one_unknown_target_among_good_ones_lists_nothing(captures):
    assert listed(captures, "mem0", "mem77", rc=2).json["buses"] == []


@pytest.mark.parametrize("args", [["--nonsense"], ["-Z"], ["--sysroot"], ["-m"], ["--format=xml"], ["--format="], ["--isolation=1"],
                                  ["--isolat", "x"], ["--human=1"]])
def test_a_wrong_option_is_exit_2_and_one_sentence(captures, args):
    r = run_cxl(["list", "--isolation", *args], json_expected=False)
    assert r.rc == 2, str(r)
    assert len(r.err.strip().splitlines()) == 1, r.err


def test_a_sysroot_that_does_not_exist_is_an_error():
    r = run_cxl(["list", "--isolation"], sysroot="/nonexistent")
    assert r.rc == 2
    assert "/nonexistent" in r.err


def test_a_sysroot_without_sys_says_what_is_missing(tmp_path):
    r = run_cxl(["list", "--isolation"], sysroot=tmp_path)
    assert r.rc == 3
    assert "/sys" in r.err


# -- formats ---------------------------------------------------------------------------
def test_human_output_has_sizes_in_both_units(captures):
    r = listed(captures, "-u")
    assert "256.00 MiB (268.44 MB)" in r.text and "512.00 MiB (536.87 MB)" in r.text
    assert r.text == listed(captures, "--format=json-human").text


def test_human_output_names_every_object(captures):
    text = listed(captures, "-u").text
    for name in ("0000:0c:00.0", "0000:de:01.0", "mem0", "mem3", "region2", "dax2.0", "ISO-ABI"):
        assert name in text


def test_a_table_has_a_line_for_each_root_port(captures):
    r = listed(captures, "--format=table")
    head, *rows = r.text.split("\n")[:-1]
    records = listed(captures).root_ports()
    assert r.text.endswith("\n") and len(rows) == len(records)
    assert "ROOT PORT" in head
    for row, (name, record) in zip(rows, records.items()):
        assert row.startswith(name)
        for word in (record["host_bridge"], record["containment"], *record["memdevs"], *record["regions"], *record["dax"], *record["blockers"]):
            assert word in row, row
    assert listed(captures, "mem0", "--format=table").text.count("\n") == 2


def test_json_is_the_default(captures):
    assert listed(captures).text == listed(captures, "--format=json").text


def test_help_lists_every_option_and_succeeds():
    r = run_cxl(["list", "--isolation", "--help"])
    assert r.rc == 0 and r.err == ""
    for option in ("--isolation", "--bus", "--port", "--memdev", "--region", "--sysroot", "--format", "--output", "--help"):
        assert option in r.text


# -- output that cannot be written ----------------------------------------------------------
def test_output_goes_to_a_file_whole_or_not_at_all(captures, tmp_path):
    out = tmp_path / "out.json"
    out.write_text("old")
    inode = out.stat().st_ino
    r = run_cxl(["list", "--isolation", f"--output={out}"], sysroot=captures[TWO], json_expected=False)
    assert r.rc == 0 and r.out == b"", str(r)
    assert json.loads(out.read_text()) == listed(captures).json
    assert out.stat().st_ino != inode, "it was written in place"
    assert os.listdir(tmp_path) == ["out.json"], "a temporary file is left"


def test_output_never_replaces_what_is_no_file(captures, tmp_path):
    """`--output=/dev/null` as root must not turn the device into a file."""
    fifo, directory = tmp_path / "fifo", tmp_path / "directory"
    os.mkfifo(fifo)
    directory.mkdir()
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    for target in (fifo, directory):
        run_cxl(["list", "--isolation", f"--output={target}"], sysroot=captures[TWO], json_expected=False, timeout=20)
    os.close(reader)
    assert fifo.is_fifo() and directory.is_dir()
    assert sorted(os.listdir(tmp_path)) == ["directory", "fifo"]


def test_output_into_a_missing_directory_fails(captures, tmp_path):
    r = run_cxl(["list", "--isolation", f"--output={tmp_path}/no/out.json"], sysroot=captures[TWO], json_expected=False)
    assert r.rc not in (0, 2), str(r)
    assert f"{tmp_path}/no" in r.err


def test_output_onto_a_full_disk_keeps_the_old_file(captures, tmp_path):
    d = tmp_path / "full"
    d.mkdir()
    script = f"mount -t tmpfs -o size=4k none {d} && echo old >{d}/out.json && {cli.CXL} list --isolation --sysroot={captures[TWO]} --output={d}/out.json; echo $? $(cat {d}/out.json) $(ls -A {d})"
    r = run(["unshare", "-m", "sh", "-c", script])
    if "mount:" in r.err:
        pytest.skip(f"no private mount: {r.err.strip()}")
    status, content, *files = r.text.split()
    assert status not in ("0", "1", "2"), str(r)
    assert (content, files) == ("old", ["out.json"]), str(r)


def test_a_full_disk_on_stdout_is_an_error(captures):
    for args in ([], ["-u"], ["--help"]):
        with open("/dev/full", "wb") as full:
            r = run_cxl(["list", "--isolation", *args], sysroot=captures[TWO], stdout=full)
        assert r.rc not in (0, 1, 2), str(r)
        assert "No space left" in r.err, str(r)


def test_a_closed_pipe_on_stdout_is_an_error(captures):
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        r = run_cxl(["list", "--isolation"], sysroot=captures[TWO], stdout=write_end)
    finally:
        os.close(write_end)
    assert r.rc not in (0, 1, 2), str(r)
    assert r.err.strip(), str(r)


def test_stdout_that_is_closed_is_an_error(captures):
    r = run(["sh", "-c", f"exec '{cli.CXL}' list --isolation --sysroot='{captures[TWO]}' >&-"])
    assert r.rc not in (0, 1, 2), str(r)
    assert r.err.strip(), str(r)


# -- only read, and only below the root ------------------------------------------------------
@pytest.mark.parametrize("command", ["enable-isolation", "disable-isolation"])
def test_a_command_that_changes_something_has_no_sysroot(captures, command):
    for args in ([f"--sysroot={captures[TWO]}", "all"], ["--sysroot", captures[TWO], "all"], ["all", f"--sysroot={captures[TWO]}", "--dry-run"]):
        r = run_cxl([command, *args], json_expected=False)
        assert r.rc == 2, str(r)
        assert "sysroot" in r.err


def test_reading_changes_nothing_in_the_tree(tree):
    t = tree(TWO)
    for p in t.rglob("*"):
        if p.is_file() and not p.is_symlink():
            os.utime(p, (1, 1))
    before = subprocess.run(["sh", "-c", f"cd {t} && find . -printf '%p %s %T@ %m\\n' | sort"], capture_output=True, check=True).stdout
    assert run_cxl(["list", "--isolation"], sysroot=t).rc == 0
    after = subprocess.run(["sh", "-c", f"cd {t} && find . -printf '%p %s %T@ %m\\n' | sort"], capture_output=True, check=True).stdout
    assert before == after


SECRET = "0x5ec2e7"


def test_nothing_is_told_from_behind_a_directory_that_leads_outside(tree, tmp_path):
    """Not even where a link there points: the driver outside makes no memdev enabled inside."""
    t = tree("direct1-6.12-devdax")
    bridge = t / "sys/devices/pci0000:0c"
    bridge.rename(tmp_path / "pci0000:0c")
    bridge.symlink_to(tmp_path / "pci0000:0c")
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert r.rc == 0, str(r)
    assert r.memdevs()["mem0"]["state"] == "disabled"
    assert r.memdevs()["mem0"]["serial"] is None


@pytest.mark.parametrize("how", ["absolute", "dots", "directory", "device"])
def test_a_hostile_link_leads_nowhere_outside_the_root(tree, tmp_path, how):
    """The serial number outside the tree must never be printed."""
    t = tree("direct1-6.12-devdax")
    outside = tmp_path / "outside"
    shutil.copytree(Tree(t).dir("mem0"), outside / "mem0", symlinks=True)
    for attr in ("serial", "ram/size"):
        p = outside / "mem0" / attr
        p.chmod(0o644)
        p.write_text(SECRET + "\n")
    mem = Tree(t).dir("mem0")
    if how == "directory":
        moved = t / "sys/bus/cxl/devices/mem0"
        moved.unlink()
        moved.symlink_to(outside / "mem0")
    elif how == "device":
        link = t / "sys/bus/cxl/devices"
        shutil.rmtree(link)
        (tmp_path / "devices").mkdir()
        link.symlink_to(tmp_path / "devices")
        (tmp_path / "devices" / "mem0").symlink_to(outside / "mem0")
        (tmp_path / "devices" / "root0").symlink_to(outside / "mem0")
    else:
        for attr in ("serial", "ram/size"):
            (mem / attr).unlink()
            dest = outside / "mem0" / attr
            (mem / attr).symlink_to(dest if how == "absolute" else "../" * 40 + str(dest).lstrip("/"))
    r = run_cxl(["list", "--isolation"], sysroot=t)
    assert SECRET not in r.text and str(int(SECRET, 0)) not in r.text and SECRET not in r.err
    assert r.rc in (0, 3)
    strace = run(["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,readlink,readlinkat", "-o", tmp_path / "trace",
                  cli.CXL, "list", "--isolation", f"--sysroot={t}"], env={"ASAN_OPTIONS": "detect_leaks=0"})
    assert strace.rc == r.rc, str(strace)
    for line in (tmp_path / "trace").read_text().splitlines():
        # what leads outside is refused by the kernel, or answered with an error
        if str(outside) in line and not line.rstrip().endswith(")"):
            assert " = -1 " in line or "readlink" in line, line


def test_an_unprivileged_reader_gets_an_answer(captures, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    program = tmp_path / "cxl"
    shutil.copy(cli.CXL, program)
    tmp_path.chmod(0o755)
    r = run_cxl(["list", "--isolation"], sysroot=captures[TWO], user=NOBODY, program=program)
    assert r.rc == 0
    assert len(r.root_ports()) == 4


def test_the_text_is_indented_by_its_nesting(captures):
    """Parts that many records share are turned into text once: it has to fit where it stands."""
    r = run_cxl(["list", "--isolation"], sysroot=captures[TWO])
    depth = 0
    for line in r.out.decode().splitlines():
        depth -= line.lstrip()[0] in "]}"
        assert len(line) - len(line.lstrip(" ")) == 2 * depth, line
        depth += line[-1] in "[{"
    assert depth == 0


@pytest.mark.parametrize("host,kernel", [("direct1", "v1"), ("interleave2", "v1-fixed"), ("switch4", "mainline"), ("direct1", "rfc")])
def test_a_capture_tells_the_same_as_the_host(tmp_path, host, kernel):
    """What could not be read there could not be read here, for the same reason."""
    cap = tmp_path / "host.tar.xz"
    live = run([cli.SIM, "run", "--host", host, "--kernel", kernel, "--", "sh", "-c",
                f"{cli.SIM} capture -o {cap} >&2 && {cli.CXL} list --isolation"])
    subprocess.run(["tar", "-xf", cap, "-C", tmp_path], check=True)
    there = json.loads(live.out)
    here = run_cxl(["list", "--isolation"], sysroot=tmp_path).json
    assert here == there


@pytest.mark.parametrize("typed", ["0000:0c:00.0", "0c:00.0", "0000:0C:00.0", "0C:00.0"])
def test_an_address_is_known_as_people_type_it(typed):
    for args in (["list", "--isolation", typed], ["list", "--isolation", "-p", typed], ["isolation-status", typed]):
        r = run_cxl(args, host="direct1")
        assert r.rc == 0 and "0000:0c:00.0" in r.text and typed.upper() not in r.text.replace("0000:0C", ""), str(r)
