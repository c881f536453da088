# SPDX-License-Identifier: GPL-2.0-only
"""One recovery after another in one host: nothing gathers that makes a later one differ from the first."""
import pytest

from lib.cli import SIM, Session
from lib.recovering import PORT, STATE, view
from test_fault_loop import ALL

pytestmark = [pytest.mark.sweep, pytest.mark.long]

RECOVERIES = 200 if ALL else 20


@pytest.mark.parametrize("host", ["direct1", "interleave2", "switch4"])
def test_the_last_recovery_is_as_the_first(host):
    loop = f"""\
for i in $(seq {RECOVERIES}); do
	{SIM} ctl $([ $((i % 2)) = 0 ] && echo link-down || echo timeout) {PORT} >/dev/null
	cxl recover-port {PORT} >{STATE}.out || {{ echo "recovery $i: $?"; cat {STATE}.out; }}
	grep -c '"title"' {STATE}.out >>{STATE}.steps
done; sort {STATE}.steps | uniq -c; ls {STATE}"""
    enabled, before, soak, after = Session(host).cxl("enable-isolation", "root0").cxl("list", "--isolation").sh(loop).cxl("list", "--isolation").run()
    assert enabled.rc == 0 and view(before) == view(after), str(after)
    lines = soak.text.splitlines()
    counts = [line.split() for line in lines if line.startswith(" ")]
    # a link that went down and a port that timed out take their own plans, each the same every time
    assert sum(int(n) for n, _ in counts) == RECOVERIES and len(counts) <= 2 and all(int(steps) > 10 for _, steps in counts), soak.text
    kept = sorted(lines[len(counts):], key=lambda name: (name.endswith(".evidence"), int(name.split(".")[0]) if name.endswith(".evidence") else 0, name))
    # of evidence the last ones, however many there were
    assert kept == [f"{PORT}.counters", f"{PORT}.counters-lock", "evidence.lock", "host.lock", "last-changes", f"proven-{PORT}.json", "unbinding",
                    *(f"{n}.{PORT}.evidence" for n in range(RECOVERIES - 15, RECOVERIES + 1))], soak.text
