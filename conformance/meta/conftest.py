# SPDX-License-Identifier: BSD-3-Clause
"""What several tests of the harness need."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from rpmsg_cts.reactor import Reactor

ROOT = Path(__file__).resolve().parents[2]

# How long an example takes says how busy the machine is.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


def pytest_configure() -> None:
    """Hear of Ctrl-C: a shell starts what it puts in the background with it ignored, and our programs would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes golden files anew."""
    parser.addoption("--update-golden", action="store_true",
                     help="write fixtures/report/*/expected.* anew; look at the difference before you commit it")


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written; never where nobody would look at them."""
    wanted = bool(request.config.getoption("update_golden", default=False))
    if wanted and os.environ.get("CI"):
        pytest.exit("--update-golden is not for CI: a golden file that writes itself checks nothing", returncode=2)
    return wanted


@pytest.fixture
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    """What serves the sockets of one test."""
    made = Reactor()
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own: the real fixtures, an empty list of known defects, and one suite of dummy tests."""
    fixtures = tmp_path / "project" / "fixtures"
    fixtures.mkdir(parents=True)
    for name in ("requirements", "profiles", "vectors"):
        (fixtures / name).symlink_to(ROOT / "fixtures" / name)
    suite = tmp_path / "project" / "conformance" / "header"
    suite.mkdir(parents=True)
    (suite.parent / "conftest.py").write_text(DUMMY_FIXTURES, encoding="utf-8")
    (suite / "test_dummy.py").write_text(DUMMY_TESTS, encoding="utf-8")
    return tmp_path / "project"


DUMMY_FIXTURES = '''
import pytest


@pytest.fixture
def link(lane, report_log, target_facts):
    report_log(lambda: [f"trace of {lane}"])
    if lane.target == "linux-armhf":
        target_facts(lane.target, {"kernel_release": "6.12.57+deb12-armmp"})
    return lane


@pytest.fixture
def driver_link(link):
    return link


@pytest.fixture
def device_link(link):
    return link


@pytest.fixture
def lib(lane):
    return lane
'''

DUMMY_TESTS = '''
import pytest

from rpmsg_cts.judge import expect, req


@req("HDR-001")
@pytest.mark.parametrize("size", [0, 1], ids=["empty", "one"])
def test_passes(link, size):
    expect(size, size, "size")
'''
