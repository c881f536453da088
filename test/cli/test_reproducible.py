# SPDX-License-Identifier: GPL-2.0-only
"""Built twice it is the same, and who may use what is said of every file."""
import datetime
import fnmatch
import re

import pytest

from lib import cli
from test_style import FILES, name


@pytest.mark.parametrize("program", [cli.CXL, cli.DAXCTL, cli.SIM], ids=lambda p: p.name)
def test_a_program_has_no_path_of_where_it_was_built(program):
    data = program.read_bytes()
    assert data[:4] == b"\x7fELF"
    for place in (cli.ROOT, cli.BUILD):
        assert str(place).encode() not in data, place


def test_a_page_has_the_date_of_its_version():
    pages = [p for n in "157" for p in (cli.BUILD / "Documentation").glob(f"*.{n}")]
    if not pages:
        pytest.skip("built without man pages")
    date = re.search(r"date = '(.*)'", (cli.ROOT / "Documentation/meson.build").read_text())[1]
    datetime.date.fromisoformat(date)
    for page in pages:
        text = page.read_text()
        assert set(re.findall(r"\d{4}-\d\d-\d\d", text.partition(".SH")[0])) == {date}, page.name


def annotations():
    """REUSE.toml's tables: patterns, the key's values."""
    for table in (cli.ROOT / "REUSE.toml").read_text().split("[[annotations]]")[1:]:
        keys = dict(re.findall(r"^(\S+) = (.*)$", table, re.M))
        yield re.findall('"(.*?)"', keys["path"]), keys


def test_every_file_has_a_copyright_and_a_licence_that_is_there():
    """As REUSE 3.3 counts it: in the file, or by REUSE.toml; no licence is there that nothing has."""
    tag, used, without = re.compile(rb"SPDX-License-" rb"Identifier: ([\w.+-]+)"), set(), []
    for f in FILES:
        if f.parent.name == "LICENSES":
            continue
        covered = [k for patterns, k in annotations() if any(fnmatch.fnmatchcase(name(f), p) for p in patterns)]
        own = {x.decode() for x in tag.findall(f.read_bytes()[:400])}
        by_table = {k["SPDX-License-Identifier"].strip('"') for k in covered if "SPDX-License-Identifier" in k}
        if not own | by_table or not any("SPDX-FileCopyrightText" in k for k in covered):
            without.append(name(f))
        used |= own | by_table
    assert not without, without
    assert used == {f.stem for f in (cli.ROOT / "LICENSES").iterdir()}


def test_the_example_policy_is_understood():
    text = (cli.ROOT / "contrib/isolation.conf.example").read_text()
    for policy in (text, re.sub(r"^#(\[|\w+ = )", r"\1", text, flags=re.M)):
        r, = cli.Session("direct1", before=f"mkdir -p /etc/cxl; cat >/etc/cxl/isolation.conf <<'END'\n{policy}END\n").cxl("enable-isolation", "--policy").run()
        assert r.rc == 0, str(r)
