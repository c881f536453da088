# SPDX-License-Identifier: GPL-2.0-only
"""The programs of contrib/hooks: what they would have others do, those being stand-ins that say how they were called."""
import os
import shutil
import subprocess

import pytest

from lib.cli import ROOT, run

HOOKS = ROOT / "contrib" / "hooks"
ENV = {"CXL_ISOLATION_ROOT_PORT": "0000:0c:00.0", "CXL_ISOLATION_TEXT": "a sentence", "CXL_ISOLATION_EVIDENCE": "7", "CXL_ISOLATION_PIDS": "12 34",
       "CXL_ISOLATION_MEMDEVS": "mem0", "CXL_ISOLATION_DAX": "dax0.0 dax0.1"}
STAND_IN = '#!/bin/sh\necho "${0##*/} $*"\n'
GUESTS = "mount -t tmpfs none /run; mkdir -p /run/libvirt/qemu; cd /run/libvirt/qemu; printf 34 >web.pid; echo 341 >db.pid; echo 12 >'a b.pid'; "


def told(tmp_path, name, event, *, before="", unit=None):
    """What it printed, with stand-ins for the programs it calls; UNIT: what systemd-run's runs."""
    for program in ("virsh", "systemd-run"):
        (tmp_path / program).write_text(unit if unit and program == "systemd-run" else STAND_IN + "cat\n" * (program == "systemd-run"))
        (tmp_path / program).chmod(0o755)
    r = run(["sh", "-c", f"{before}exec {HOOKS / name}"], env={**ENV, "CXL_ISOLATION_EVENT": event, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert r.rc == 0, str(r)
    return r.text


def test_a_mail_says_what_happened(tmp_path):
    text = told(tmp_path, "mail", "isolated")
    assert text.startswith("systemd-run --quiet --collect --pipe --wait sendmail -t\nTo: root\nSubject: CXL isolated: root port 0000:0c:00.0 of ")
    assert "\n\na sentence\n" in text and "cxl isolation-status --evidence=7\n" in text and "used by:        12 34\n" in text


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a directory of its own: root")
def test_only_guests_that_use_the_memory_are_ended(tmp_path):
    apart = f"unshare -m true && exec unshare -m sh -c {chr(34)}{GUESTS}exec {HOOKS / 'end-libvirt-guests'}{chr(34)}; "
    lines = told(tmp_path, "end-libvirt-guests", "isolated", before=apart).splitlines()
    assert [line for line in lines if line.startswith("virsh")] == [f"virsh --connect qemu:///system destroy -- {g}" for g in ("a b", "web")]
    assert told(tmp_path, "end-libvirt-guests", "recovered", before=apart) == ""


# get answers what is in the file of the field's name; whatever else is said
NODE = """#!/bin/sh
while [ "$1" != --kubeconfig=/etc/kubernetes/kubelet.conf ]; do shift; done
shift
case "$*" in
*unschedulable*) cat "${0%/*}/unschedulable" ;;
*annotations*) cat "${0%/*}/by" ;;
"annotate node "*-) echo "$*"; k=${*##*/}; sed -i "s,cxl-isolation/${k%-}:yes,," "${0%/*}/by" ;;
*) echo "$*" ;;
esac
"""


def test_a_node_is_cordoned_and_only_let_go_by_what_cordoned_it(tmp_path):
    def said(event, unschedulable, by):
        (tmp_path / "unschedulable").write_text(unschedulable)
        (tmp_path / "by").write_text(by)
        return told(tmp_path, "cordon-kubernetes-node", event, unit=NODE).replace(os.uname().nodename, "NODE").splitlines()
    own, other = "cxl-isolation/cordoned-0000-0c-00-0", "cxl-isolation/cordoned-0000-0c-01-0"
    assert said("isolated", "", "map[a:b]") == [f"annotate --overwrite node NODE {own}=yes", "cordon NODE"]
    assert said("problem", "true", "") == [] and said("test", "", "") == [] and said("recovered", "true", "") == []
    # another root port has it cordoned: with this one, and after it
    assert said("isolated", "true", f"map[{other}:yes]") == [f"annotate --overwrite node NODE {own}=yes", "cordon NODE"]
    assert said("recovered", "true", f"map[{other}:yes]") == []
    assert said("recovered", "true", f"map[{own}:yes {other}:yes]") == [f"annotate node NODE {own}-"]
    assert said("recovered", "true", f"map[{own}:yes]") == [f"annotate node NODE {own}-", "uncordon NODE"]


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing():
    p = subprocess.run(["shellcheck", *sorted(HOOKS.iterdir())], capture_output=True, text=True, check=False)
    assert p.returncode == 0, p.stdout
