# SPDX-License-Identifier: GPL-2.0-only
"""Root ports that failed, on simulated hosts, and what is compared after their recovery."""
import json

from lib.cli import SIM, Session

PORT = "0000:0c:00.0"
ENDPOINT = "0000:0d:00.0"
FAIL = f"{SIM} ctl link-down {PORT}"
STATE = "/dev/.cxl-isolation"
JOURNAL = f"{STATE}/{PORT}.json"


def failed(host, before="", **more):
    """A session in which the port was isolated by a link that went down, after `list` was asked once."""
    s = Session(host, **more)
    if before:
        s.sh(before)
    return s.cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(FAIL)


def make_region(window, memdevs, size=0x10000000):
    """Shell commands: a region of MEMDEVS in WINDOW, SIZE bytes of each, its dax device with device_dax."""
    lines = ["cd /sys/bus/cxl/devices; echo 0 >/sys/bus/dax/drivers_autoprobe",
             f"r=$(cat {window}/create_ram_region); echo $r >{window}/create_ram_region; echo 256 >$r/interleave_granularity",
             f"echo {len(memdevs)} >$r/interleave_ways; echo {size * len(memdevs)} >$r/size"]
    for i, m in enumerate(memdevs):
        lines.append(f"for d in $(ls -d endpoint*/decoder[0-9]* | sort -rV); do e=${{d%/*}}; [ $(basename $(readlink $e/uport)) = {m} ] && "
                     f"[ -z \"$(cat $d/region)\" ] && t=$d; done; echo 0 >$t/dpa_size; echo ram >$t/mode; echo {size} >$t/dpa_size; echo ${{t#*/}} >$r/target{i}")
    lines.append("echo 1 >$r/commit; echo $r >/sys/bus/cxl/drivers/cxl_region/bind; echo dax${r#region}.0 >/sys/bus/dax/drivers/device_dax/new_id; "
                 "echo 1 >/sys/bus/dax/drivers_autoprobe")
    return "; ".join(lines)


def journals(r):
    """Names of journals in what `ls` printed of the state directory: proofs of recovery stay there, too."""
    return [n for n in r.text.split() if n.endswith(".json") and not n.startswith("proven-")]


def last(results):
    return results[-1]


def view(r):
    """What must be as before: a listing without the numbers that every rescan may change, devices by serial."""
    d = json.loads(r.text)
    names = {}
    for b in d["buses"]:
        for m in b["memdevs"]:
            names[m["memdev"]] = f"memory device {m['serial']}"
        b["memdevs"].sort(key=lambda m: m["serial"])
    text = json.dumps(d, sort_keys=True)
    for name, serial in names.items():
        text = text.replace(f'"{name}"', f'"{serial}"')
    d = json.loads(text)
    for b in d["buses"]:
        for hb in b["host_bridges"]:
            for rp in hb["root_ports"]:
                rp["memdevs"].sort()
                rp["notes"] = [n for n in rp["notes"] if n != "ISO-UNPROVEN"]  # a recovery proves it
                del rp["recovery"]
    return d


def cxl_writes(log):
    return [(e["path"], e["data"].rstrip("\n\0")) for e in log if e["op"] == "write" and e.get("comm") == "cxl"]


def states(r):
    return [s["state"] for s in r.json["root_ports"][0]["plan"]]


def timed_out(host, **more):
    """As failed(), with the link up: an access timed out."""
    return Session(host, **more).cxl("enable-isolation", "--timeout=B2", "root0").cxl("list", "--isolation").sh(f"{SIM} ctl timeout {PORT}")


def refused(session, rc, blocker, *words):
    r = last(session.run())
    assert r.rc == rc, str(r)
    assert not cxl_writes(r.log), "something was written"
    if blocker is not None:
        assert r.json["root_ports"][0]["blocker"] == blocker and r.json["root_ports"][0]["result"] == "refused"
    for w in words:
        assert w in r.err, f"{w!r} is not in: {r.err}"
    return r
