# SPDX-License-Identifier: GPL-2.0-only
"""What every test here shares: the captures, unpacked once, and a watch for sanitizer reports."""
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import zlib

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# Where sanitizers report: a directory for each worker of pytest-xdist, so that a report is one test's.
SANITIZER_DIR = os.environ.get("CXL_TEST_SANITIZER_DIR")
if SANITIZER_DIR:
    SANITIZER_DIR = pathlib.Path(SANITIZER_DIR, os.environ.get("PYTEST_XDIST_WORKER", "alone"))
    SANITIZER_DIR.mkdir(exist_ok=True)
    SANITIZER_DIR.chmod(0o1777)
    for sanitizer in ("asan", "ubsan"):
        variable = f"{sanitizer.upper()}_OPTIONS"
        os.environ[variable] = f"{os.environ[variable]}:log_path={SANITIZER_DIR}/{sanitizer}"

from lib import cli, processors  # noqa: E402

# Sysfs has modes that Python 3.14 does not give to what it unpacks, unless told.
if hasattr(tarfile, "fully_trusted_filter"):
    tarfile.TarFile.extraction_filter = staticmethod(tarfile.fully_trusted_filter)

# Tests beside each other: each stays on a processor of its own, with what it starts.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER.startswith("gw"):
    processors.stay(int(WORKER[2:]))

# A run in the background (`scripts/test &`, nohup) ignores these, and so would all that it starts.
for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(ignored) == signal.SIG_IGN:
        signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL)

NO_BUS = "none-6.12-noregion"  # a host without any CXL
CAPTURE_NAMES = sorted(p.name.removesuffix(".tar.xz") for p in cli.CAPTURES.glob("*.tar.xz"))


def pytest_configure(config):
    config.addinivalue_line("markers", "kills: at every write of a long run, or about numbers of system calls, or memory; not under sanitizers")
    config.addinivalue_line("markers", "long: takes half a minute and more; it is begun first, by whichever worker has the fewest of them")
    config.addinivalue_line("markers", "sweep: something goes wrong at every operation or moment of a run, which takes long; not in `scripts/test --fast`")


def pytest_collection_modifyitems(config, items):
    """Under sanitizers a fixed eighth of the tests, unless all is asked for: they take three times as long there."""
    if SANITIZER_DIR and not cli.EVERYTHING and not config.option.keyword:
        left_out = [item for item in items if zlib.crc32(item.nodeid.encode()) % 8]
        items[:] = [item for item in items if not zlib.crc32(item.nodeid.encode()) % 8]
        config.hook.pytest_deselected(items=left_out)
    items[:] = dealt(items, getattr(config, "workerinput", {"workercount": 1})["workercount"])


def dealt(items, workers):
    """ITEMS in the order in which WORKERS begin with an equal share of those that take long.

    pytest-xdist gives each worker a quarter of its share to begin with, of tests that follow each other.
    """
    long, others = ([i for i in items if (i.get_closest_marker("long") is not None) == wanted] for wanted in (True, False))
    each, found = max(len(items) // workers // 4, 2), []
    for n in range(workers):
        mine = long[n::workers]
        more = max(each - len(mine), 0)
        found += mine + others[:more]
        del others[:more]
    return found + others


def pytest_generate_tests(metafunc):
    """A test that takes `capture` runs on every capture that has a CXL bus."""
    if "capture" in metafunc.fixturenames:
        metafunc.parametrize("capture", [n for n in CAPTURE_NAMES if n != NO_BUS], indirect=True)


@pytest.fixture(autouse=True)
def open_to_others(tmp_path_factory):
    """Some tests run programs as another user: the way to the temporary directories is open, which every start of pytest undoes."""
    top = tmp_path_factory.getbasetemp()
    for p in (top, *top.parents[:2]):
        if p.stat().st_mode & 0o055 != 0o055:
            p.chmod(0o755)


@pytest.fixture(scope="session")
def captures(tmp_path_factory):
    """Name -> directory, unpacked when first asked for."""
    top = tmp_path_factory.mktemp("captures")
    top.chmod(0o755)

    class Captures(dict):
        def __missing__(self, name):
            d = top / name
            d.mkdir()
            subprocess.run(["tar", "-xJf", cli.CAPTURES / f"{name}.tar.xz", "-C", d, "--no-same-owner"], check=True)
            self[name] = d
            return d
    return Captures()


@pytest.fixture
def capture(request, captures):
    """(name, directory) of the capture at hand; not to be changed."""
    return request.param, captures[request.param]


@pytest.fixture
def tree(captures, tmp_path):
    """A private copy of a capture, to be damaged: tree(NAME) -> directory."""
    def copy(name="direct1-6.12-devdax"):
        d = tmp_path / name
        subprocess.run(["cp", "-a", captures[name], d], check=True)
        tmp_path.chmod(0o755)
        return d
    return copy


KEPT_HERE = pathlib.Path("/var/lib/cxl-isolation")


def kept_here():
    """When this machine's state directory was written to; None: there is none."""
    return KEPT_HERE.stat().st_mtime_ns if KEPT_HERE.exists() else None


@pytest.fixture(autouse=True)
def nothing_kept_on_this_machine():
    """What a command keeps of a simulated host or a tree does not go where this machine's is."""
    before = kept_here()
    yield
    assert kept_here() == before, f"this test, or one beside it, wrote into {KEPT_HERE}"


@pytest.fixture(autouse=True)
def no_sanitizer_report():
    """Fail the test during which any process, a simulator's too, wrote a sanitizer report."""
    before = set(os.listdir(SANITIZER_DIR)) if SANITIZER_DIR else set()
    yield
    if SANITIZER_DIR:
        for new in sorted(set(os.listdir(SANITIZER_DIR)) - before):
            pytest.fail("sanitizer report:\n" + pathlib.Path(SANITIZER_DIR, new).read_text(errors="replace")[:8000])
