# SPDX-License-Identifier: GPL-2.0-only
"""contrib/ansible: the role on simulated hosts.  What it does, that it does it once, and that nothing that fails passes for done."""
import json
import re
import shutil
import subprocess
import sys

import pytest

from lib.cli import BUILD, CLEAN, ROOT, Session, run

ROLE = ROOT / "contrib/ansible/roles/cxl_isolation"
MODULE = ROLE / "library/cxl_isolation_run.py"
POLICY, RULES = "/etc/cxl/isolation.conf", "/etc/udev/rules.d/85-cxl-isolation.rules"
FILES = f"cat {POLICY} {RULES} 2>/dev/null; ls -A /etc/cxl 2>/dev/null; true"
BY_DAXCTL = "mode = devdax ; daxctl prepare-isolation --persist\n"
RP = "0000:0c:00.0"

pytestmark = pytest.mark.skipif(not shutil.which("ansible-playbook"), reason="ansible-playbook (package ansible-core) is not installed")


class Play:
    """What a playbook run ended in, host by host: recap (name -> counts), failed (name -> message)."""

    def __init__(self, r):
        self.r, self.rc = r, r.rc
        recap = r.text.partition("PLAY RECAP")[2]
        self.recap = {n: {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", counts)} for n, counts in re.findall(r"^(\S+) +: (ok=.*)$", recap, re.M)}
        self.failed = {}
        for n, answer in re.findall(r"^fatal: \[(\S+)\]: FAILED! => (\{.*\})$", r.text, re.M):
            answer = json.loads(answer)
            self.failed[n] = answer["msg"] + answer.get("stderr", "")
        assert self.recap and sorted(self.failed) == sorted(n for n, c in self.recap.items() if c["failed"]), str(r)
        assert (self.rc == 0) == (not self.failed) and not r.err.strip(), str(r)

    def changed(self):
        """The tasks that changed something."""
        tasks = re.split(r"^(?:TASK|RUNNING HANDLER) \[(?:cxl_isolation : )?(.*)\] \**$", self.r.text, flags=re.M)
        return [name for name, text in zip(tasks[1::2], tasks[2::2]) if re.search(r"^changed: ", text, re.M)]


@pytest.fixture
def site(tmp_path):
    """Whoever runs playbooks: nothing of the user's own Ansible is in it."""
    env = {f"ANSIBLE_{k}": str(v) for k, v in dict(
        CONFIG=tmp_path / "ansible.cfg", HOME=tmp_path / "home", LOCAL_TEMP=tmp_path / "local", REMOTE_TEMP=tmp_path / "remote", ROLES_PATH=ROLE.parent, NOCOLOR=1,
        PIPELINING=1, HOST_KEY_CHECKING=0, RETRY_FILES_ENABLED=0, DISPLAY_SKIPPED_HOSTS=0).items()}

    (tmp_path / "ansible.cfg").touch()

    class Site:
        def __init__(self):
            # the play of the role's README without its variables
            example = re.search(r"^```yaml\n(.*?)^```", (ROLE / "README.md").read_text(), re.M | re.S)[1]
            (tmp_path / "example.yml").write_text(example.replace("  become: true\n", ""))
            (tmp_path / "play.yml").write_text("- hosts: all\n  gather_facts: false\n  roles: [cxl_isolation]\n")

        def play(self, *options, playbook="play", inventory=None, **variables):
            variables = {"ansible_python_interpreter": sys.executable, **{f"cxl_isolation_{k}": v for k, v in variables.items()}}
            words = ["ansible-playbook", "-c", "local", "-i", inventory or "localhost,", *options, "-e", json.dumps(variables), tmp_path / f"{playbook}.yml"]
            return " ".join("'" + str(w).replace("'", "'\\''") + "'" for w in words)

        def hosts(self, **hosts):
            """One simulated host under several names, each with its variables."""
            path = tmp_path / "hosts.json"
            path.write_text(json.dumps({"all": {"hosts": {n: {f"cxl_isolation_{k}": v for k, v in h.items()} for n, h in hosts.items()}}}))
            return path

        def session(self, host, **more):
            return Session(host, env=env, **more)
    return Site()


def changes(r):
    """What the programs changed of the simulated host."""
    return [e for e in r.log if e["op"] == "write"]


# systemctl as the module ansible.builtin.systemd calls it; what it was told to do is in /run/told
SYSTEMD = r"""mount -t tmpfs none /run; mkdir -p /run/systemd/system /run/bin; cat >/run/bin/systemctl <<'END'
#!/bin/sh
unit=$(echo "$2" | tr -d "'")
case $1 in
show) [ -e /run/active.$unit ] && s=active || s=inactive; printf 'Id=%s\nLoadState=loaded\nActiveState=%s\n' $unit $s ;;
is-enabled) [ -e /run/enabled.$unit ] && echo enabled || { echo disabled; exit 1; } ;;
enable) touch /run/enabled.$unit; echo "enable $unit" >>/run/told ;;
start) touch /run/active.$unit; echo "start $unit" >>/run/told ;;
*) echo "$*" >>/run/told; exit 1 ;;
esac
END
chmod +x /run/bin/systemctl"""


@pytest.mark.long
def test_a_host_is_brought_there_once_and_stays(site):
    """From System RAM, with the README's play: a dry run, the run, and one that finds nothing to do."""
    hooks = {"tell": str(ROOT / "contrib/hooks/mail")}
    play = "PATH=/run/bin:$PATH " + site.play(playbook="example", hooks=hooks, act=True, initramfs_command=["sh", "-c", "echo rebuilt >>/run/told"])
    first, before, done, files, policy, again, after, told, status = site.session("sysram1", before=f"rm -rf /etc/cxl; {SYSTEMD}") \
        .sh(play.replace("'-e'", "'--check' '-e'")).sh(FILES).sh(play).sh(FILES).cxl("isolation-status", "--policy", "--assert", "containment>=contain") \
        .sh(play).sh(FILES).sh("cat /run/told; stat -c '%a %u' /etc/cxl/hooks/tell >&2").daxctl("list", "--isolation").run()
    dry, made, second = Play(first), Play(done), Play(again)
    directory, programs, prepared, applied, units = ("Directory of the policy file", ["Directory of the programs that the policy names", "Those programs"], "Prepare the memory, and keep it so over reboots", "Apply the policy",
                                           "Apply it at every boot, and watch")
    assert dry.rc == 0 and before.text == "" and not changes(first) and dry.changed() == [directory, programs[0], prepared, units], str(first)
    assert made.rc == 0 and made.changed() == [directory, *programs, "Write the policy file", prepared, "Rebuild the initramfs", applied, units], str(done)
    assert "require = contain\ntimeout = 100ms\n" in files.text and f"[serial 0x1001]\n{BY_DAXCTL}" in files.text and "CXL_ISOLATION_SERIALS" in files.text
    assert policy.rc == 0 and status.dax()["dax0.0"]["mode"] == "devdax" and policy.root_ports()[RP]["control"]["mem"]["timeout"]["range"] == "B2", str(policy)
    assert told.text.splitlines() == ["rebuilt", *(f"{verb} cxl-isolation{u}.service" for u in ("", "-monitor", "-act") for verb in ("enable", "start"))]
    assert told.err == "755 0\n"
    assert second.rc == 0 and second.changed() == [] and second.recap["localhost"]["changed"] == 0 and not changes(again), str(again)
    assert after.text == files.text


YAML_READ = {"serial 0x1001": {"timeout": True}, "all": {"link-down": False}, "root0": None}
RENDERED = f"\n\n[serial 0x1001]\n{BY_DAXCTL}timeout = on\n\n[all]\nlink-down = no\n\n[root0]\n"


def test_an_administrators_file_is_left_alone_and_what_daxctl_wrote_stays(site):
    """Without a policy in the variables; then with one, in which YAML has read truth values and a serial number has settings."""
    mine = "# mine\n[root0]\nrequire = recover\n"
    show = f"cat {POLICY}"
    alone, kept, over, written, backup, again, after = site.session("direct1", before=f"mkdir -p /etc/cxl; rm -f /etc/cxl/*; printf '{mine}' >{POLICY}") \
        .sh(site.play(containment="recover")).sh(show).sh(site.play(policy=YAML_READ, prepare=False)).sh(show).sh(f"{show}.*").daxctl("prepare-isolation", "--persist").sh(show).run()
    assert Play(alone).rc == 0 and kept.text == f"{mine}# the next section: daxctl prepare-isolation --persist\n[serial 0x1001]\n{BY_DAXCTL}", str(alone)
    assert Play(over).changed() == ["Write the policy file"], str(over)  # the timeout is on already, as it is wherever isolation is
    assert written.text.endswith(RENDERED) and backup.text == kept.text, str(written)
    assert again.dax()["dax0.0"]["result"] == "already" and after.text == written.text


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_written_is_written_again():
    """The file over itself is itself: with a section of daxctl's, a line of its, both, neither, and a mode of the site's own."""
    template = pytest.importorskip("ansible.template")
    from ansible.parsing.dataloader import DataLoader
    # 2.19 and newer take no string for a template that is not said to be one
    text = getattr(template, "trust_as_template", str)((ROLE / "templates/isolation.conf.j2").read_text())

    def render(policy, found):
        return template.Templar(loader=DataLoader(), variables={"cxl_isolation_policy": policy, "cxl_isolation_found_policy": found}).template(text)
    sections = "".join(f"# the next section: daxctl prepare-isolation --persist\n[serial {n}]\n{BY_DAXCTL}" for n in ("0x1001", "0x1002"))
    own = {"serial 0x1001": {"mode": "devdax", "timeout": "B"}}
    for policy, ends in ((YAML_READ, RENDERED), ({"all": {}}, "\n\n[all]\n"), (own, "\n\n[serial 0x1001]\nmode = devdax\ntimeout = B\n")):
        for found in ("", "# mine\n[root0]\n", sections, "[all]\n" + sections + "[root0]\nrequire = debug\n"):
            once = render(policy, found)
            others = [n for n in ("0x1001", "0x1002") if n in found and f"serial {n}" not in policy]
            ours = BY_DAXCTL in found and policy is YAML_READ
            expected = (ends if ours else ends.replace(BY_DAXCTL, "")) + "".join(s for s in re.findall(r"#.*\n.*\n.*\n", sections) if any(n in s for n in others))
            assert once.partition("conf(5)")[2] == expected, f"{policy} over {found!r}: {once}"
            assert render(policy, once) == once


def test_a_host_that_falls_short_fails_with_the_programs_sentence(site):
    """A kernel whose handler panics: a policy that requires more is refused, one that does not is applied and still not contained."""
    fleet = site.hosts(**{n: {"prepare": False, "policy_file": f"/etc/cxl/{n}.conf"} for n in ("refused", "short")})
    policies = "umask 022; mkdir -p /etc/cxl; cd /etc/cxl; printf '[all]\\nrequire = contain\\n' >refused.conf; printf '[all]\\nrequire = debug\\n' >short.conf"
    p = Play(*site.session("direct1", kernel="v1", before=policies).sh(site.play("-f1", inventory=fleet)).run())
    assert p.rc == 2 and list(p.failed) == ["refused", "short"] and all("exit status 1: the verdict is negative" in text for text in p.failed.values()), str(p.r)
    assert "ISO-DRIVER-PANIC" in p.failed["refused"] and "asserted was that containment is at least contain, and it is debug" in p.failed["short"], str(p.r)


def test_memory_that_is_busy_fails_the_play_and_is_prepared_at_the_next_boot(site):
    """With --keep-going the rule stays, which the initramfs gets although the task has failed."""
    play = site.play(prepare_options=["--keep-going", "--timeout=1s"], initramfs_command=["touch", "/etc/rebuilt"])
    r, rebuilt, _, listed = site.session("sysram1", before="cxl-sim ctl busy memory147 on").sh(play).sh("ls /etc/rebuilt") \
        .sh("cxl-sim ctl busy memory147 off; cxl-sim ctl reboot").daxctl("list", "--isolation").run()
    assert "memory147 stayed busy until the 1 s of --timeout were over" in Play(r).failed["localhost"] and "exit status 6: timed out" in Play(r).failed["localhost"], str(r)
    assert rebuilt.rc == 0 and listed.dax()["dax0.0"]["fit"] and "Apply the policy" not in r.text, str(r)


def test_what_is_missing_or_unknown_is_a_failed_task(site):
    fleet = {"kernel": {"prepare": "false"}, "target": {"targets": ["mem9"], "prepare": True}, "missing": {"cxl": "/nonexistent/cxl"}, "theirs": {"cxl": "/bin/echo"},
             "policy": {"policy": {"all": {"colour": "red"}}}, "level": {"containment": "everything"}}
    play = site.play(inventory=site.hosts(**{n: {"prepare": False, **h} for n, h in fleet.items()}))
    r, files = site.session("direct1", kernel="mainline", before=f"mkdir -p /etc/cxl; echo '[all]' >{POLICY}; chmod 644 {POLICY}").sh(play).sh(f"cat {POLICY}").run()
    p = Play(r)
    says = {"kernel": r"ISO-ABI.*exit status 3", "target": "prepare-isolation: 'mem9' is not a target.*exit status 2", "missing": "no program /nonexistent/cxl",
            "theirs": "is not cxl-isolation's", "policy": "unknown key 'colour'", "level": "must be one of"}
    assert p.rc == 2 and sorted(p.failed) == sorted(says), str(r)
    for n, text in says.items():
        assert re.search(text, p.failed[n]) and p.recap[n]["changed"] == 0, f"{n}: {p.failed[n]}"
    assert files.text == "[all]\n" and not changes(r)


def test_a_host_without_cxl_memory_is_no_failure_unless_it_is_required(site):
    fleet = site.hosts(unneeded={"policy": {"all": {}}}, required={"required": True}, asked={"check_soft_reserved": True})
    r, files = site.session(ROOT / "test/hosts/captures/none-6.12-noregion.tar.xz", kernel="mainline", before="rm -rf /etc/cxl").sh(site.play(inventory=fleet)).sh(FILES).run()
    p = Play(r)
    assert list(p.failed) == ["required"] and "has no CXL bus" in p.failed["required"], str(r)
    assert p.changed() == [] and files.text == "" and p.recap["asked"]["ok"] == p.recap["unneeded"]["ok"] + 1, str(r)


def test_stranded_memory_fails_a_play_that_asked(site):
    r, = site.session("stranded1").sh(site.play("--check", check_soft_reserved=True)).run()
    assert "the memory is there and Linux does not use it" in Play(r).failed["localhost"] and not changes(r), str(r)


# -- its module ------------------------------------------------------------------------------------
def task(tmp_path, rc, answer, err, check=False):
    """What the module makes of a program that prints ANSWER and ends with RC, and the words it gave it."""
    pytest.importorskip("ansible")
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho \"$@\" >{tmp_path}/words\ncat <<'END'\n{answer}\nEND\necho '{err}' >&2\nexit {rc}\n")
    program.chmod(0o755)
    args = {"ANSIBLE_MODULE_ARGS": {"command": [str(program), "enable-isolation", "root0"], "dry_run": True, "_ansible_check_mode": check}}
    p = subprocess.run([sys.executable, MODULE], input=json.dumps(args), capture_output=True, text=True, check=False, env=dict(CLEAN))
    return json.loads(p.stdout), (tmp_path / "words").read_text().split()


def frame(rc, changed=False, result="already", **more):
    return json.dumps({"schema": "cxl-enable-isolation/1", "exit_status": rc, "messages": [], "root_ports": [{"changed": changed, "result": result}], **more})


def test_every_exit_status_but_0_is_a_failed_task(tmp_path):
    page = (ROOT / "Documentation/exit-status.adoc").read_text()
    known = [int(n) for n in re.findall(r"^(\d+)::", page, re.M)]
    assert known[0] == 0 and len(known) > 7
    for rc in known[1:]:
        answer, _ = task(tmp_path, rc, frame(rc, changed=rc == 7), "cxl: a sentence")
        assert answer["failed"] and answer["changed"] == (rc == 7) and answer["rc"] == rc, answer
        assert re.fullmatch(rf"cxl: a sentence \(exit status {rc}: (?!unknown).*\)", answer["msg"]), answer
    assert "exit status 9" in task(tmp_path, 9, frame(9), "cxl: a sentence")[0]["msg"]


def test_changed_is_what_the_output_says(tmp_path):
    persist = [{"severity": "info", "code": "PERSIST", "target": None, "text": "written"}]
    for answer, expected in ((frame(0), False), (frame(0, changed=True), True), (frame(0, messages=persist), True)):
        got, words = task(tmp_path, 0, answer, "")
        assert got["changed"] == expected and not got.get("failed") and words == ["enable-isolation", "root0"], got
    got, words = task(tmp_path, 0, frame(0, result="planned"), "", check=True)
    assert got["changed"] and words[-1] == "--dry-run"


def test_a_program_that_is_not_ours_is_a_failed_task(tmp_path):
    for rc in (0, 2, 127, 129):
        for text in ("", "not json", "[]", '{"a": 1}'):
            got, _ = task(tmp_path, rc, text, "theirs: usage")
            assert got["failed"] and not got.get("changed") and "rc" not in got and "is not cxl-isolation's" in got["msg"] and "theirs: usage" in got["msg"], got


def test_the_role_is_installed(tmp_path):
    r = run(["meson", "install", "-C", BUILD, "--destdir", tmp_path, "--no-rebuild", "--quiet"])
    assert r.rc == 0, str(r)
    there, = tmp_path.rglob("share/cxl-isolation/ansible/roles/cxl_isolation")
    names = {p.relative_to(ROLE) for p in ROLE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert {p.relative_to(there) for p in there.rglob("*") if p.is_file()} == names and len(names) > 8
