# SPDX-License-Identifier: GPL-2.0-only
"""The second boot of test_vm_layout.py: nothing is there but the policy file of the first.

Prints one line of JSON.
"""
import json
import sys

sys.path[:0] = ["/cxl", "/cxl/suites", "/cxl/in"]
from guest import daxctl, name_by_udev  # noqa: E402
from layout_first import named  # noqa: E402

name_by_udev()
before = named()
r = daxctl("prepare-isolation", "--policy", rc=None)
made = named()
again = daxctl("prepare-isolation", "--policy").json["layout"]["result"]
print(json.dumps({"before": before, "rc": r.rc, "err": r.err, "made": made, "again": again}))
