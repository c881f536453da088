# SPDX-License-Identifier: GPL-2.0-only
"""Events of simulated devices, as libudev's monitor hears them: in the run's own network, and nowhere else."""
import pathlib
import subprocess
import sys

from simrun import PCI, PORT, run

LISTEN = pathlib.Path(__file__).resolve().parent / "listen.py"
REMOVE = f"echo 1 > {PCI}/0000:0d:00.0/remove"
REPLUG = f"{REMOVE}; echo 1 > {PCI}/{PORT}/rescan"
RULES = "/etc/udev/rules.d"


def hears(group, trigger, *properties, subsystem="cxl", before=""):
    """What a listener of the run hears of a trigger, a list of words each."""
    out = "/etc/cxl/heard"  # the run's own
    done = run(f"""{before}
{sys.executable} {LISTEN} {group} {subsystem} 1.5 {' '.join(properties)} > {out} & until grep -q ready {out} 2> /dev/null; do sleep 0.02; done
{trigger}; wait; cat {out}""")
    assert (done.returncode, done.stderr) == (0, ""), done
    return [line.split() for line in done.stdout.splitlines()[1:]]


def of(heard, name):
    return [e[0] for e in heard if e[1] == name]


def test_kernel_says_what_comes_and_goes():
    heard = hears("kernel", REPLUG)
    assert of(heard, "mem0") == ["unbind", "remove", "add", "bind"]
    assert of(heard, "endpoint2") == ["remove", "add", "bind"]


def test_udev_says_the_same_once_its_rules_have_been_applied():
    heard = hears("udev", REPLUG, "DEVTYPE", "MINE", "DEVNAME",
                  before=f"""echo 'KERNEL=="mem0", ENV{{MINE}}="%k-it-is"' > {RULES}/60-x.rules""")
    assert of(heard, "mem0") == ["unbind", "remove", "add", "bind"]
    assert [e[2:] for e in heard if e[:2] == ["bind", "mem0"]] == [["cxl_memdev", "mem0-it-is", "mem0"]]
    assert {e[3] for e in heard if e[1] != "mem0"} == {"-"}


def test_udev_is_heard_without_rules_as_well():
    assert of(hears("udev", REPLUG), "mem0") == ["unbind", "remove", "add", "bind"]


def test_who_listens_for_something_else_hears_nothing():
    assert hears("udev", REPLUG, subsystem="block") == []


def test_what_is_pulled_out_is_told_of_its_bus():
    assert of(hears("kernel", REMOVE, subsystem="pci"), "0000:0d:00.0") == ["remove"]


def test_machine_hears_nothing():
    with subprocess.Popen([sys.executable, LISTEN, "kernel", "cxl", "1.5"], stdout=subprocess.PIPE, text=True) as machine:
        assert machine.stdout.readline() == "ready\n"
        assert run(REPLUG).returncode == 0
        assert machine.communicate()[0] == ""


def test_run_has_a_network_of_its_own_with_itself_in_it():
    done = run(f"""cat /proc/net/dev | grep -c ':'; {sys.executable} -c '
import socket
s = socket.create_server(("127.0.0.1", 0)); print(socket.create_connection(s.getsockname()).getpeername()[0])'""")
    assert (done.returncode, done.stdout.split()) == (0, ["1", "127.0.0.1"]), done
