#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs one command of cxl-isolation as a task: its exit status decides failed, its JSON decides changed, and
what it says on standard error is the task's message."""
import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: cxl_isolation_run
short_description: Run a command of cxl-isolation
description:
  - Fails on every exit status but 0, with the sentences of the command as C(msg) and its status as C(rc); on a program
    that is not cxl-isolation's without C(rc), whatever its status is.
  - Changed only when the JSON that the command prints says so.
options:
  command:
    description: the program and its arguments, without a format
    type: list
    elements: str
    required: true
  dry_run:
    description: the command changes something and has --dry-run, which it gets in check mode
    type: bool
    default: false
attributes:
  check_mode:
    support: full
"""

# Documentation/exit-status.adoc
EXIT_STATUS = {
    1: "the verdict is negative",
    2: "usage error, or an unknown target",
    3: "a prerequisite is missing",
    4: "the kernel, the hardware or firmware refused, or reading back shows another value",
    5: "stopped midway",
    6: "timed out",
    7: "some targets done and some failed",
    127: "the distribution's program is missing",
}


def parse(text):
    """The object that a command of cxl-isolation prints; None when the output is none of its."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and "exit_status" in answer and "schema" in answer else None


def is_changed(answer):
    """Something was changed, or would be by a dry run.  What lasts is written for memory without a dax device, too."""
    objects = answer.get("dax", []) + answer.get("root_ports", [])
    return (any(o.get("changed") or o.get("result") == "planned" for o in objects)
            or any(m["code"] == "PERSIST" and m["severity"] == "info" for m in answer["messages"]))


def main():
    module = AnsibleModule(argument_spec={"command": {"type": "list", "elements": "str", "required": True},
                                          "dry_run": {"type": "bool", "default": False}}, supports_check_mode=True)
    command = list(module.params["command"])
    program = module.get_bin_path(command[0])
    if not program:
        module.fail_json(msg=f"there is no program {command[0]} on this host; install cxl-isolation, or say where it is "
                             "(cxl_isolation_cxl, cxl_isolation_daxctl)")
    if module.check_mode and module.params["dry_run"]:
        command.append("--dry-run")
    rc, out, err = module.run_command([program, *command[1:]])
    answer = parse(out)
    if answer is None:
        # without rc: its exit status means something else, if it means anything
        said = (err.strip() or out.strip() or "nothing").splitlines()[0]
        module.fail_json(msg=f"{program} is not cxl-isolation's: '{' '.join(command)}' ended with exit status {rc} and said '{said}'; "
                             "say where cxl-isolation's is (cxl_isolation_cxl, cxl_isolation_daxctl)", command=command)
    changed = is_changed(answer)
    if rc:
        module.fail_json(msg=f"{err.strip()} (exit status {rc}: {EXIT_STATUS.get(rc, 'unknown')})", rc=rc, changed=changed, command=command)
    module.exit_json(changed=changed, rc=rc, msg=err.strip(), command=command, answer=answer)


if __name__ == "__main__":
    main()
