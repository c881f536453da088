# SPDX-License-Identifier: GPL-2.0-only
"""What is packaged, for Debian and as an RPM: every file of an installation belongs to one package, and no list names what is not there."""
import fnmatch
import json
import re
import subprocess

import pytest

from lib import cli

PREFIX = {"prefix": "/usr", "bindir": "/usr/bin", "datadir": "/usr/share", "systemd-unit-dir": "/usr/lib/systemd/system", "doc-dir": "/usr/share/doc/cxl-isolation"}
MACROS = {"_bindir": "/usr/bin", "_datadir": "/usr/share", "_mandir": "/usr/share/man", "_prefix": "/usr", "_docdir": "/usr/share/doc", "name": "cxl-isolation"}
# made when it is installed, of which introspection knows nothing
LINKS = ["/usr/bin/cxl-isolation", "/usr/bin/daxctl-isolation"]
LINKS += [f"/usr/share/{d}/{p}{s}" for p in ("cxl-isolation", "daxctl-isolation")
          for d, s in (("bash-completion/completions", ""), ("fish/vendor_completions.d", ".fish"))]
SPEC = (cli.ROOT / "contrib/rpm/cxl-isolation.spec").read_text()


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The paths of an installation as a package makes it."""
    build = tmp_path_factory.mktemp("packages") / "build"
    subprocess.run(["meson", "setup", "--prefix=/usr", "-Dfront-ends=libexec", "-Ddocs=enabled", f"-Dsystemd-unit-dir={PREFIX['systemd-unit-dir']}",
                    f"-Ddoc-dir={PREFIX['doc-dir']}", build, cli.ROOT], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    p = subprocess.run(["meson", "introspect", "--install-plan", build], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    paths = [x["destination"].format(**PREFIX) for kind in json.loads(p.stdout).values() for x in kind.values()]
    assert len(paths) > 40
    # the licence has a place of its own in both
    return sorted({*paths, *LINKS} - {f"{PREFIX['doc-dir']}/GPL-2.0-only.txt"})


def rpm_lists():
    """package -> patterns of its files."""
    lists = {}
    for name, body in re.findall(r"^%files *(\S*)\n(.*?)(?=^%(?:files|changelog))", SPEC, re.M | re.S):
        lines = [x for x in body.split("\n") if x.startswith("%{")]
        lists[name] = [re.sub(r"%\{(\w+)\}", lambda m: MACROS[m[1]], x) for x in lines]
    return lists


def debian_lists():
    lists = {}
    for f in (cli.ROOT / "debian").glob("*.install"):
        lists[f.stem] = ["/" + x.split()[0].replace("{usr/,}", "usr/") for x in f.read_text().splitlines() if x.strip()]
    return lists


@pytest.mark.parametrize("lists", [rpm_lists, debian_lists])
def test_every_installed_file_is_in_one_package(installed, lists):
    lists = lists()
    assert len(lists) == 2

    def holds(pattern, path):
        return fnmatch.fnmatch(path, pattern) or path.startswith(pattern.rstrip("/") + "/")

    def owners(path):
        return {name for name, patterns in lists.items() if any(holds(p, path) for p in patterns)}

    wrong = {p: sorted(owners(p)) for p in installed if len(owners(p)) != 1}
    assert not wrong, wrong
    unused = [p for patterns in lists.values() for p in patterns if not any(holds(p, x) for x in installed)]
    assert not unused, unused


def test_the_version_is_one():
    version = re.search(r"version: '([^']+)'", (cli.ROOT / "meson.build").read_text())[1]
    assert re.search(r"^Version: +(\S+)$", SPEC, re.M)[1] == version
    assert re.match(r"cxl-isolation \(([^-]+)-\d+\)", (cli.ROOT / "debian/changelog").read_text())[1] == version


def test_what_is_needed_to_build_is_needed_in_both():
    """Libraries by the names that pkg-config has for them."""
    control = (cli.ROOT / "debian/control").read_text()
    debian = {"libudev": "libudev-dev", "smartcols": "libsmartcols-dev", "fuse3": "libfuse3-dev", "libpci": "libpci-dev", "json-c": "libjson-c-dev",
              "libarchive": "libarchive-dev", "libcxl": "libcxl-dev", "libdaxctl": "libdaxctl-dev", "libkmod": "libkmod-dev", "cmocka": "libcmocka-dev"}
    wanted = set(re.findall(r"dependency\('([^']+)'", (cli.ROOT / "meson.build").read_text()))
    assert wanted == set(debian)
    assert set(re.findall(r"^BuildRequires: +pkgconfig\(([^)]+)\)", SPEC, re.M)) == wanted
    assert not [x for x in wanted if debian[x] not in control]
