# SPDX-License-Identifier: GPL-2.0-only
"""The log of a run, and --only."""
from simrun import ATTEMPT, ISO, ISO_PATH, PCI, PORT, PORT_PATH, python, read_log, run, writes


OTHER = "0000:0c:01.0"		# a second root port of the host direct2x2

# --- log and --only ------------------------------------------------------------------------

def test_log_has_every_operation_with_process_and_sequence(tmp_path):
    log = tmp_path / "log"
    run(f"echo 1 > {ISO}/timeout_ctrl; cat {PCI}/{PORT}/vendor; ls {PORT_PATH}/nonexistent; readlink {PCI}/{PORT}/driver;"
        f"ls {ISO}; :", "--log", log)
    entries = read_log(log)
    assert [e["seq"] for e in entries] == list(range(1, len(entries) + 1))
    assert all(isinstance(e["pid"], int) and e["comm"] for e in entries)
    seen = [(e["op"], e["path"], e["errno"], e["comm"]) for e in entries]
    for expected in (("write", f"{ISO_PATH}/timeout_ctrl", 0, "sh"), ("read", f"{PORT_PATH}/vendor", 0, "cat"),
                     ("lookup", f"{PORT_PATH}/nonexistent", "ENOENT", "ls"), ("readlink", f"{PORT_PATH}/driver", 0, "readlink"),
                     ("readdir", ISO_PATH, 0, "ls")):
        assert expected in seen, expected


def test_log_has_failed_opens(tmp_path):
    log = tmp_path / "log"
    run(f": < {PORT_PATH}/rescan", "--log", log)
    assert [(e["op"], e["data"], e["errno"]) for e in read_log(log) if e["path"].endswith("rescan")] == [
        ("open", "r", "EACCES")]


def test_log_keeps_any_bytes_of_a_write(tmp_path):
    log = tmp_path / "log"
    python(f"import os; os.write(os.open('{ISO}/timeout_ctrl', os.O_WRONLY), bytes([49, 0, 10, 255]))", "--log", log)
    assert writes(read_log(log)) == [(f"{ISO_PATH}/timeout_ctrl", "1\0\n\xff", 0)]


def test_setting_the_stage_leaves_no_trace_in_the_log(tmp_path):
    log = tmp_path / "log"
    run(["/bin/true"], "--log", log)
    assert read_log(log) == []


def test_only_refuses_writes_to_other_root_ports_and_reports_a_violation(tmp_path):
    log = tmp_path / "log"
    script = "for p in {0} {1}; do echo 1 > {2}/$p/cxl_isolation/isolation_ctrl; done; cat {2}/{1}/cxl_isolation/isolation_ctrl"
    done = run(script.format(PORT, OTHER, PCI), "--host", "direct2x2", "--only", PORT, "--log", log)
    other = f"/sys/devices/pci0000:0c/{OTHER}/cxl_isolation/isolation_ctrl"
    assert (done.returncode, done.stdout) == (4, "0\n")
    assert f"1 violation, the first: {other} was written" in done.stderr
    assert writes(read_log(log)) == [(f"{ISO_PATH}/isolation_ctrl", "1\n", 0), (other, "1\n", "EPERM")]
    assert [e["path"] for e in read_log(log) if e["op"] == "violation"] == [other]


def test_only_covers_registers_and_devices_below(tmp_path):
    done = python(ATTEMPT + f"""
for p in (OTHER := "{PCI}/{OTHER}/resource0", "{PCI}/{OTHER}/remove"):
    attempt(os.pwrite, os.open(p, os.O_WRONLY), b"1234", 0x1208)
""", "--host", "direct2x2", "--only", "0c:00.0")
    assert done.stdout.split() == ["EPERM", "EPERM"] and "2 violations" in done.stderr


def test_failed_command_keeps_its_status_in_spite_of_a_violation():
    assert run(f"echo 1 > {PCI}/{OTHER}/cxl_isolation/isolation_ctrl; exit 9", "--host", "direct2x2", "--only",
               PORT).returncode == 9
