# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures that hand a link to a test.

A test chooses its configuration with `@config(...)`; several give several variants of the test:

    @config(plain=Config(), wrapping=Config(start_idx=0xFFF0))

One that holds on every ring says so with `@variants(...)` and is also run in combinations of these parameters
(rpmsg_cts.variants), as many as the option --variants says:

    @variants(*RING)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rpmsg_cts import marks
from rpmsg_cts.coverage import CoverageError
from rpmsg_cts.judge import Mismatch, given, skip
from rpmsg_cts.lab import Lab, place_of
from rpmsg_cts.leaks import LeakWatch
from rpmsg_cts.link import Config, Link, Unsupported
from rpmsg_cts.link_sim import SimLink, mutant_number
from rpmsg_cts.marks import Reached
from rpmsg_cts.monitor import Finding
from rpmsg_cts.native import Native, simulated
from rpmsg_cts.pair import Pair, wrong_without_a_fault
from rpmsg_cts.plugin import SESSION, Session, requirement_text
from rpmsg_cts.recorder import SUBJECT, DiagramSource, LogSource
from rpmsg_cts.tally import Tally
from rpmsg_cts.targets import SIM, Lane
from rpmsg_cts.trace.tracer import Tracer
from rpmsg_cts.variants import PARAMETERS, Variant, choose, mode_of
from rpmsg_cts.verdict import Inconclusive, Judgement, Verdict

if TYPE_CHECKING:
    from rpmsg_cts.link_linux import LinuxLink

PLAIN = {"plain": Config()}
REACHED = pytest.StashKey[Reached]()
TALLY = pytest.StashKey[Tally]()
LEAKS = pytest.StashKey[LeakWatch]()


def config(**configs: Config) -> pytest.MarkDecorator:
    """The configurations in which a test runs, by the name that its variant gets."""
    return pytest.mark.config(**configs)


def variants(*names: str) -> pytest.MarkDecorator:
    """The parameters (rpmsg_cts.variants.PARAMETERS) that may have any of their values in a test."""
    if unknown := set(names) - set(PARAMETERS):
        raise ValueError(f"no such parameter of a link: {', '.join(sorted(unknown))}")
    return pytest.mark.variants(*names)


def pytest_configure(config: pytest.Config) -> None:  # pylint: disable=redefined-outer-name
    """Register the markers."""
    config.addinivalue_line("markers", "config(**configs): the configurations in which a test runs")
    config.stash[REACHED] = Reached()
    config.stash[TALLY] = Tally()
    config.stash[LEAKS] = LeakWatch()
    config.addinivalue_line("markers", "variants(*names): the parameters of the link that a test may vary")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test its configurations."""
    if "link_config" not in metafunc.fixturenames:
        return
    mark = metafunc.definition.get_closest_marker("config")
    wanted = [Variant(name, config) for name, config in (mark.kwargs if mark else PLAIN).items()]
    if varied := metafunc.definition.get_closest_marker("variants"):
        session = metafunc.config.stash[SESSION]
        modes = {target.name: mode_of(target.name, session.variants) for target in session.targets}
        wanted += choose(varied.args, wanted[0].config, modes)
    metafunc.parametrize("link_config", wanted, indirect=True, ids=[variant.name for variant in wanted])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config,  # pylint: disable=redefined-outer-name
                                  items: list[pytest.Item]) -> None:
    """Leave out variants that were chosen for another target."""
    elsewhere = [item for item in items if _is_elsewhere(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        gone = set(elsewhere)
        items[:] = [item for item in items if item not in gone]


def _is_elsewhere(item: pytest.Item) -> bool:
    params = item.callspec.params if hasattr(item, "callspec") else {}
    variant, lane = params.get("link_config"), params.get("lane")
    return isinstance(variant, Variant) and variant.targets is not None and lane.target not in variant.targets


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Say what was run of kernels that count it, and which tests passed without having come to where they had to."""
    ours = session.config.stash[SESSION]
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return
    whole = _is_whole(session, ours)
    _write_coverage(session.config.stash[TALLY], ours, whole)
    _conclude_leaks(session.config.stash[LEAKS], ours)
    if whole:
        _conclude_marks(session, ours)


def _write_coverage(tally: Tally, ours: Session, whole: bool) -> None:
    try:
        for target, coverage in tally.measure(ours.root, whole):
            ours.recorder.coverage(target, coverage)
    except CoverageError as error:
        print(f"no coverage: {error}", file=sys.stderr)


def _conclude_leaks(leaks: LeakWatch, ours: Session) -> None:
    for lost in leaks.lost:
        text = requirement_text(ours.catalogue.requirements[lost.requirement])
        ours.recorder.conclude(lost.name, lost.lane, text, Judgement(Verdict.FAIL, lost.reason, "", lost.story), lost.test)
    if leaks.unasked:
        print(f"{leaks.unasked} guests died, and could not be asked for lost memory", file=sys.stderr)


def _conclude_marks(session: pytest.Session, ours: Session) -> None:
    table = marks.load(simulated())
    never = session.config.stash[REACHED].never(table, sorted(ours.recorder.passed, key=str))
    for (lane, id_), missed in never.items():
        text = requirement_text(ours.catalogue.requirements[id_])
        reason = f"never reached: {', '.join(map(str, missed))}"
        ours.recorder.conclude(f"{marks.TEST}[{lane}]", lane, text, Judgement(Verdict.INCONC, reason))


def _is_whole(session: pytest.Session, ours: Session) -> bool:
    # A part of the suites cannot be expected to come everywhere.
    option = session.config.option
    partial = ours.suites or ours.ids or ours.tests or option.keyword or option.markexpr or option.collectonly
    return not partial and ours.recorder.writer is not None and not session.shouldstop


@pytest.fixture
def link_config(request: pytest.FixtureRequest) -> Config:
    """What this variant of the test wants of its link."""
    return request.param.config


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, target_facts: Callable[..., None], tracer: Tracer | None,
        seed: int) -> Iterator[Lab]:
    """Guests, started when first needed and shared by all tests."""
    laboratory = Lab(target_facts, tracer, request.config.stash[TALLY], request.config.stash[LEAKS], seed,
                     request.config.getoption("histories"))
    yield laboratory
    laboratory.close()


@pytest.fixture
def link(lane: Lane, link_config: Config, seed: int, request: pytest.FixtureRequest,
         report_log: Callable[[LogSource], None], report_diagram: Callable[[DiagramSource], None],
         report_findings: Callable[[Sequence[Finding]], None]) -> Iterator[Link]:
    """An IUT in the lane's role, connected as the configuration says."""
    connected = _connect(lane, link_config, seed, request)
    report_log(connected.log)
    report_diagram(connected.diagram)
    try:
        with _coming_up():
            connected.begin()
        yield connected
    finally:
        if lane.target == SIM and (counts := connected.marks()):
            request.config.stash[REACHED].add(lane, counts)
        report_findings(connected.findings())
        connected.close()


@pytest.fixture
def make_pair(lane: Lane, report_log: Callable[[LogSource], None],
              report_diagram: Callable[[DiagramSource], None]) -> Iterator[Callable[..., Pair]]:
    """Makes worlds with both of our ends, the one in the lane's role being judged; the last one is reported."""
    pairs: list[Pair] = []

    def make(wanted: Config, seed: int, scheduler: int = 0) -> Pair:
        while pairs:
            pairs.pop().close()
        pairs.append(_pair(lane, wanted, seed, scheduler))
        return pairs[0]

    report_log(lambda: pairs[0].log() if pairs else [])
    report_diagram(lambda: pairs[0].diagram() if pairs else [])
    yield make
    while pairs:
        pairs.pop().close()


@pytest.fixture
def pair(make_pair: Callable[..., Pair], link_config: Config, seed: int) -> Pair:
    """Both of our ends, the one in the lane's role being judged."""
    return make_pair(link_config, seed)


@pytest.fixture
def swarm_seeds(request: pytest.FixtureRequest, seed: int) -> range:
    """Seeds of the swarms of this run."""
    return range(seed, seed + request.config.getoption("swarm_seeds"))


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
def linux_link(link: LinuxLink) -> LinuxLink:
    """A kernel, where what is judged is the kernel's own interface."""
    return link


@pytest.fixture
def device_link(link: Link) -> Link:
    """An IUT in the device's role."""
    return link


@pytest.fixture
def sim_link(link: Link) -> Link:
    """An IUT in a simulated world."""
    return link


def _pair(lane: Lane, wanted: Config, seed: int, scheduler: int) -> Pair:
    # Who cannot talk at all says nothing about faults.
    wrong = wrong_without_a_fault(lane, wanted)
    given(not wrong, f"both ends talk without a fault: {wrong}")
    try:
        return Pair(lane, wanted, seed, scheduler)
    except Mismatch as broken:
        raise Inconclusive(f"the ends did not come up: {broken}") from broken


def _connect(lane: Lane, wanted: Config, seed: int, request: pytest.FixtureRequest) -> Link:
    with _coming_up():
        if place_of(lane.target):
            laboratory: Lab = request.getfixturevalue("lab")
            about = request.node.stash[SUBJECT].requirements[0].id
            return laboratory.link(lane, wanted, request.path.parent.name, (request.node.nodeid, about))
        return SimLink(lane.target, lane.role, wanted, seed, request.getfixturevalue("tracer"))


@contextmanager
def _coming_up() -> Iterator[None]:
    try:
        yield
    except Unsupported as why:
        skip(str(why))
    except Mismatch as broken:
        # What is broken is not what the test is about.
        raise Inconclusive(f"the link did not come up: {broken}") from broken
