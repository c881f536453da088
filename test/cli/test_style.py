# SPDX-License-Identifier: GPL-2.0-only
"""Rules that a reader would check by hand: licence, the one door to the kernel, sizes, nothing built or private in the tree."""
import json
import pathlib
import re
import shutil
import subprocess

import pytest

from lib import schema
from lib.cli import ROOT

MACHINE_PATHS = re.compile(r"(^|[\s\"'=(`])/(work|root|home/\w+)/|\.pyenv|\.\./shared")
LIMIT = 600
# a kernel module of one file builds without a rule of its own
LONGER = {"test/vm/kmod/cxl_isolation_test.c": 800}


def tracked():
    git = shutil.which("git")
    p = git and subprocess.run([git, "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True,
                               check=False)
    if not p or p.returncode:
        return [f for f in ROOT.rglob("*") if f.is_file() and not any(x.startswith(("build", ".git")) for x in f.relative_to(ROOT).parts)]
    return [ROOT / n for n in p.stdout.decode().split("\0") if n and (ROOT / n).is_file()]


FILES = tracked()
SOURCES = [f for f in FILES if f.suffix in (".c", ".h", ".py", ".sh", ".build", ".adoc", ".json", ".conf", ".rules", ".options")
           or f.name in ("meson.build", "meson_options.txt") or f.parent.name in ("scripts", ".ci") or f.name == "gentree"]
# data: what was captured, and host files, whose format has no comments
SOURCES = [f for f in SOURCES if not {"captures", "corpus"} & set(f.parts) and not ("hosts" in f.parts and f.suffix == ".json")]
C = [f for f in SOURCES if f.suffix in (".c", ".h")]
PROGRAMS = ("lib", "cxl", "daxctl")


def name(f):
    return str(f.relative_to(ROOT))


def test_there_is_something_to_look_at():
    assert len(C) > 20 and len(SOURCES) > 40


def test_every_source_file_says_its_licence():
    # JSON has no comments: REUSE.toml says it
    missing = [name(f) for f in SOURCES if f.suffix != ".json" and "SPDX-License-Identifier: GPL-2.0-only" not in "\n".join(f.read_text().splitlines()[:6])]
    assert not missing, missing


def test_every_c_file_says_what_it_is_for():
    missing = [name(f) for f in C if not re.match(r"(// SPDX.*|/\* SPDX.*)\n/\*", f.read_text())]
    assert not missing, missing


def test_only_util_opens_files_of_the_kernel():
    """lib/, cxl/ and daxctl/ reach /sys, /proc and /dev through util/sysfs alone."""
    door = re.compile(r"(?<![\w.>])(open|openat|openat2|fopen|opendir|fdopendir|readlink|readlinkat|scandir|nftw|stat|lstat|access|glob)\s*\(")
    comments = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:[^\"\\]|\\.)*\"", re.S)
    found = []
    for f in C:
        if f.relative_to(ROOT).parts[0] not in PROGRAMS:
            continue
        code = comments.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), f.read_text())
        found += [f"{name(f)}:{code[:m.start()].count(chr(10)) + 1}: {m[0]}" for m in door.finditer(code)]
    assert not found, found


def test_whoever_reads_the_host_reads_what_it_keeps_in_files():
    """Checks count on it: a policy, a proof or a journal that nobody looked at would go unnoticed."""
    readers = [f for f in C if f.suffix == ".c" and f.relative_to(ROOT).parts[0] in PROGRAMS and f.name != "host_read.c"
               and re.search(r"\bhost_read\(", f.read_text())]
    assert len(readers) > 4
    missing = [name(f) for f in readers if "kept_read(" not in f.read_text()]
    assert not missing, f"after host_read() they have to call kept_read(): {missing}"


CHILDREN = ("lib/txn/dax_write.c", "util/ask.c", "lib/act/act_recover.c", "lib/act/act_work.c", "lib/act/hook.c")


def test_no_process_is_ended_from_library_code():
    found = []
    for f in C:
        if f.relative_to(ROOT).parts[0] in ("util", "lib") and name(f) not in CHILDREN:    # of which a child ends itself
            found += [f"{name(f)}: {m[0]}" for m in re.finditer(r"(?<![\w.>])(abort|exit|_exit|err|errx)\s*\([^)]", f.read_text()) if m[1] in ("abort", "exit", "_exit")]
    assert not found, found


def test_files_can_be_held_in_mind():
    long = {name(f): n for f in SOURCES if f.suffix in (".c", ".h", ".py") and (n := len(f.read_text().splitlines())) > LONGER.get(name(f), LIMIT)}
    assert not long, long


def test_c_is_indented_with_tabs_and_ends_cleanly():
    wrong = []
    for f in C:
        for i, line in enumerate(f.read_text().split("\n"), 1):
            if re.match(r" {8}|\t* {8}", line) or line != line.rstrip():
                wrong.append(f"{name(f)}:{i}")
        if not f.read_text().endswith("\n"):
            wrong.append(f"{name(f)}: no newline at the end")
    assert not wrong, wrong


def test_python_names_what_is_there_and_imports_what_it_uses():
    """What only a real kernel runs would else fail an hour later."""
    files = [f for f in SOURCES if f.suffix == ".py"]
    p = subprocess.run(["pyflakes3", *files], capture_output=True, text=True, check=False)
    assert p.returncode in (0, 1) and not p.stderr, p.stderr
    found = []
    for line in p.stdout.splitlines():
        file, at = re.match(r"(.*?):(\d+):", line).groups()
        # a fixture is imported to be found, and then a parameter has its name
        if "noqa" not in pathlib.Path(file).read_text().split("\n")[int(at) - 1] and "redefinition of unused" not in line:
            found.append(line)
    assert len(files) > 100 and not found, "\n".join(found)


def test_code_is_a_hundred_columns_wide():
    """Strings are sentences and stay whole; so may what is beside them, and comments behind a declaration."""
    wide = []
    for f in C:
        for i, line in enumerate(f.read_text().split("\n"), 1):
            is_code = "kmod" not in f.parts and '"' not in line and "/*" not in line and not line.lstrip().startswith(("*", "//", "#"))
            if is_code and len(line.expandtabs(8)) > 100:
                wide.append(f"{name(f)}:{i}: {line.strip()}")
    assert not wide, "\n".join(wide)


def test_nothing_built_is_tracked():
    git = shutil.which("git")
    if not git:
        pytest.skip("no git here")
    p = subprocess.run([git, "-C", ROOT, "ls-files"], capture_output=True, text=True, check=False)
    if p.returncode:
        pytest.skip("no git work tree")
    built = [n for n in p.stdout.splitlines() if re.search(r"(^|/)(build[^/]*|__pycache__|\.pytest_cache)/|\.(o|a|so|pyc)$", n)]
    assert not built, built


def test_no_path_of_a_machine_is_in_the_tree():
    found = []
    for f in SOURCES:
        if f == pathlib.Path(__file__).resolve():
            continue
        for i, line in enumerate(f.read_text().split("\n"), 1):
            if MACHINE_PATHS.search(line):
                found.append(f"{name(f)}:{i}: {line.strip()[:80]}")
    assert not found, found


def test_every_schema_is_one_and_refers_to_what_exists():
    for f in schema.SCHEMAS.glob("*.json"):
        schema.validator(f.stem).evolve(schema=json.loads(f.read_text()))
        for target in re.findall(r'"\$ref": "([^"]*)"', f.read_text()):
            file, _, pointer = target.partition("#")
            value = schema.load(file.removesuffix(".json") or f.stem)
            for part in pointer.strip("/").split("/"):
                value = value[part]


def test_every_operation_of_a_step_has_a_name_of_its_own_and_the_schema_has_it():
    ops = [op for p in sorted((ROOT / "lib").rglob("*.c"))
           for op in re.findall(r"^(?:static )?const struct step_op \w+ = \{\s*\.name = \"([^\"]+)\"(?:, \.recorded_as = \"([^\"]+)\")?", p.read_text(), re.M)]
    names, recorded = [name for name, _ in ops], {shown or name for name, shown in ops}
    known = json.loads((ROOT / "schemas/root-port.json").read_text())["$defs"]["step"]["properties"]["op"]["enum"]
    assert len(names) > 20 and len(names) == len(set(names))
    assert sorted(recorded) == sorted(known), recorded ^ set(known)


def test_news_begin_with_the_version_that_is_built():
    """So that a tag is all that a release takes."""
    version = re.search(r"^\s*version: '([0-9.]+)',", (ROOT / "meson.build").read_text(), re.M)[1]
    assert re.search(r"^## (.*)$", (ROOT / "NEWS.md").read_text(), re.M)[1] == version


def test_schemas_are_strict():
    """Every object names all its fields, requires them all and allows no other."""
    def walk(value, where):
        if isinstance(value, dict):
            if "properties" in value and value.get("type") == "object":
                assert value.get("additionalProperties") is False, where
                assert sorted(value["required"]) == sorted(value["properties"]), where
            for k, v in value.items():
                walk(v, f"{where}/{k}")
        elif isinstance(value, list):
            for i, v in enumerate(value):
                walk(v, f"{where}/{i}")
    for f in schema.SCHEMAS.glob("*.json"):
        walk(json.loads(f.read_text()), f.name)
