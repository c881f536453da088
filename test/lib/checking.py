# SPDX-License-Identifier: GPL-2.0-only
"""What the checks find on a copy of a capture with a file or two changed."""
import shutil

from lib.cli import run_cxl

RP = "0000:0c:00.0"
PCI = f"sys/devices/pci0000:0c/{RP}"


def put(t, path, text):
    f = t / path
    f.parent.mkdir(parents=True, exist_ok=True)
    if f.exists():
        f.chmod(0o644)
    f.write_text(text)


def failing(record):
    """{check id: finding} of what --check printed of one root port: what counts, failed or not told."""
    return {c["check"]: c for c in record["checks"] if c["result"] == "failed" or (c["result"] == "unknown" and c["remedy"])}


def findings(t, rp=RP):
    """{check id: finding} of one root port: isolation-status --check and list agree on the ids."""
    r = run_cxl(["isolation-status", "--check", rp], sysroot=t)
    record = r.root_ports()[rp]
    listed = run_cxl(["list", "--isolation"], sysroot=t).root_ports()[rp]
    for key in ("blockers", "limits", "notes", "containment", "containment_if_enabled"):
        assert record[key] == listed[key], str(r)
    found = failing(record)
    assert sorted(found) == sorted(record["blockers"] + record["limits"] + record["notes"]), str(r)
    return found


def says(finding, *words):
    for w in words:
        assert w in finding["text"] + " " + finding["remedy"], (w, finding)


def isolation(t, rp=PCI):
    """Give a captured root port the posted attributes in their corrected form."""
    for name, value in {"isolation_ctrl": "0", "timeout_ctrl": "0", "timeout_range": "default"}.items():
        put(t, f"{rp}/cxl_isolation/{name}", value + "\n")


def change(t, changes):
    for path, text in changes.items():
        if text is not None:
            put(t, path, text)
        elif (t / path).is_symlink():
            (t / path).unlink()
        elif (t / path).is_dir():
            shutil.rmtree(t / path)
        else:
            (t / path).unlink()
