#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""How long it takes from the bit in a status register to memory that is proven, step by step, without hooks and users.

usage: act_times.py ROUNDS    prints one line of JSON, milliseconds by step, an object for each failure

scripts/bench --service runs it in a machine.
"""
import json
import sys

import guest

sys.path.insert(0, str(guest.HERE / "suites"))
import suite_act  # noqa: E402


def main():
    found = []
    guest.remember()
    with suite_act.Acting(hooks=False) as a:
        suite_act.again_and_again(a, int(sys.argv[1]), lambda at: found.append(a.steps(at)))
        a.stop()
    print("timed " + json.dumps(found))


if __name__ == "__main__":
    main()
