# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures that hand a link to a test.

A test chooses its configuration with `@config(...)`; several give several variants of the test:

    @config(plain=Config(), wrapping=Config(start_idx=0xFFF0))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from rpmsg_cts.judge import Mismatch, skip
from rpmsg_cts.lab import PLACES, Lab
from rpmsg_cts.link import Config, Link, Unsupported
from rpmsg_cts.link_sim import SimLink, mutant_number
from rpmsg_cts.native import Native, simulated
from rpmsg_cts.recorder import DiagramSource, LogSource
from rpmsg_cts.targets import Lane
from rpmsg_cts.verdict import Inconclusive

PLAIN = {"plain": Config()}


def config(**configs: Config) -> pytest.MarkDecorator:
    """The configurations in which a test runs, by the name that its variant gets."""
    return pytest.mark.config(**configs)


def pytest_configure(config: pytest.Config) -> None:  # pylint: disable=redefined-outer-name
    """Register the marker."""
    config.addinivalue_line("markers", "config(**configs): the configurations in which a test runs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test its configurations."""
    if "link_config" in metafunc.fixturenames:
        mark = metafunc.definition.get_closest_marker("config")
        configs = mark.kwargs if mark else PLAIN
        ids = list(configs) if mark else [pytest.HIDDEN_PARAM if hasattr(pytest, "HIDDEN_PARAM") else "plain"]
        metafunc.parametrize("link_config", list(configs.values()), indirect=True, ids=ids)


@pytest.fixture
def link_config(request: pytest.FixtureRequest) -> Config:
    """What this variant of the test wants of its link."""
    return request.param


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, target_facts: Callable[..., None]) -> Iterator[Lab]:
    """Guests, started when first needed and shared by all tests."""
    laboratory = Lab(target_facts)
    yield laboratory
    laboratory.close()


@pytest.fixture
def link(lane: Lane, link_config: Config, seed: int, request: pytest.FixtureRequest,
         report_log: Callable[[LogSource], None], report_diagram: Callable[[DiagramSource], None]) -> Iterator[Link]:
    """An IUT in the lane's role, connected as the configuration says."""
    connected = _connect(lane, link_config, seed, request)
    report_log(connected.log)
    report_diagram(connected.diagram)
    try:
        yield connected
    finally:
        connected.close()


@pytest.fixture
def lib(lane: Lane) -> Iterator[None]:
    """For a test of the library alone, without a link; where the lane is that of a mutant, it is one."""
    library = simulated().lib
    library.rps_mutant_set_library(mutant_number(lane.target))
    yield
    library.rps_mutant_set_library(0)


@pytest.fixture
def native() -> Native:
    """The library over simulated memory."""
    return simulated()


@pytest.fixture
def driver_link(link: Link) -> Link:
    """An IUT in the driver's role."""
    return link


@pytest.fixture
def device_link(link: Link) -> Link:
    """An IUT in the device's role."""
    return link


@pytest.fixture
def sim_link(link: Link) -> Link:
    """An IUT in a simulated world."""
    return link


def _connect(lane: Lane, wanted: Config, seed: int, request: pytest.FixtureRequest) -> Link:
    try:
        if lane.target in PLACES:
            laboratory: Lab = request.getfixturevalue("lab")
            return laboratory.link(lane, wanted)
        return SimLink(lane.target, lane.role, wanted, seed)
    except Unsupported as why:
        skip(str(why))
    except Mismatch as broken:
        # What is broken is not what the test is about.
        raise Inconclusive(f"the link did not come up: {broken}") from broken
