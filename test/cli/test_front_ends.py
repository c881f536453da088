# SPDX-License-Identifier: GPL-2.0-only
"""The commands under their own names, and `cxl` and `daxctl` in front of the distribution's only where they are linked."""
import json
import re
import subprocess

import pytest

from lib import cli


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A build directory of a package's layout, set up and not built."""
    build = tmp_path_factory.mktemp("package") / "build"
    subprocess.run(["meson", "setup", "--prefix=/usr", "-Dfront-ends=libexec", "-Ddocs=disabled", build, cli.ROOT],
                   stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return build


def plan(build):
    p = subprocess.run(["meson", "introspect", "--install-plan", build], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return [x["destination"] for kind in json.loads(p.stdout).values() for x in kind.values()]


def test_a_package_has_nothing_under_the_distributions_names(package):
    made = plan(package)
    for program in ("cxl", "daxctl"):
        assert any(x.endswith(f"/lib/cxl-isolation/bin/{program}") for x in made), made
        assert f"{{bindir}}/{program}" not in made
    runs = [(package / "contrib/systemd" / f).read_text() for f in ("cxl-isolation.service", "cxl-isolation-monitor.service")]
    runs.append((package / "contrib/udev/60-cxl-isolation.rules").read_text())
    for text in runs:
        assert set(re.findall(r"/\S*/(?:cxl|daxctl)\b(?= )", text)) <= {f"/usr/lib/cxl-isolation/bin/{x}" for x in ("cxl", "daxctl")}
        assert "/usr/lib/cxl-isolation/bin/" in text


def test_the_usual_layout_has_both_names():
    assert any(x.endswith("bindir}/cxl") or x.endswith("/bin/cxl") for x in plan(cli.BUILD))
    text = (cli.ROOT / "meson.build").read_text()
    assert "install_symlink(program + '-isolation'" in text


def test_the_names_in_messages_are_of_all_commands_that_are_ours():
    table = (cli.ROOT / "util/typed.c").read_text().partition("programs[] = {")[2].partition("};")[0]
    named = {x.removesuffix(" --isolation") for x in re.findall(r'"([^"]+)"', table)} - {"cxl", "daxctl", "cxl-isolation", "daxctl-isolation"}
    assert named == set(cli.commands("cxl")) | set(cli.commands("daxctl"))


def test_one_command_links_them_and_takes_its_links_out(package, tmp_path):
    def link(*args):
        return subprocess.run(["sh", package / "cxl-isolation-link", f"--dir={tmp_path}", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def there():
        return {p.name: str(p.readlink()) if p.is_symlink() else None for p in tmp_path.iterdir()}

    ours = {x: f"/usr/lib/cxl-isolation/bin/{x}" for x in ("cxl", "daxctl")}
    for _ in range(2):
        p = link()
        assert p.returncode == 0 and there() == ours, p.stderr
    assert link("--remove").returncode == 0 and not there()
    (tmp_path / "daxctl").write_text("somebody's")
    p = link()
    assert p.returncode == 1 and "daxctl is there" in p.stderr and there() == {"daxctl": None}
    assert link("--remove").returncode == 0 and there() == {"daxctl": None}
    assert link("--bogus").returncode == 2
