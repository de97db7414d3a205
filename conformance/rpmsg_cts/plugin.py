# SPDX-License-Identifier: BSD-3-Clause
"""The pytest plugin: a test names a requirement, runs on lanes, and its outcome becomes verdicts in a result file.

Fixtures choose the lanes of a test: `driver_link` and `device_link` judge one role, `link` each role that the test's
first requirement binds, `sim_link` and `lib` run in process only, `linux_link` on kernels only.  Each of them depends on
the fixture `lane`, which is parametrized here.  What a fixture knows goes to the report through `report_log` and
`target_facts`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from rpmsg_cts import catalogue, known, mutants, near, profiles, targets
from rpmsg_cts.machine import commit_of, machine_facts, utc_now
from rpmsg_cts.monitor import Finding
from rpmsg_cts.recorder import (DIAGRAM_SOURCES, LOG_SOURCES, SUBJECT, WATCHED, DiagramSource, LogSource, Recorder,
                                Subject, watched)
from rpmsg_cts.results import Facts, RequirementText, ResultsError, ResultsWriter
from rpmsg_cts.strict_toml import CatalogueError
from rpmsg_cts.targets import DEVICE, DRIVER, Lane, Target
from rpmsg_cts.trace.flight import Flight
from rpmsg_cts.trace.shelf import Shelf
from rpmsg_cts.trace.tracer import Tracer
from rpmsg_cts.verdict import Verdict

PROJECT_ROOT = Path(__file__).resolve().parents[2]
VARIANTS = ("base", "pairwise", "full")
EXEMPT_DIRS = ("meta", "rpmsg_cts")
DEFAULT_SEED = 1
SWARM_SEEDS = 12

# More specific fixtures first: `driver_link` may itself be built on `link`, and `link` on `lib`.
LANE_FIXTURES = ("driver_link", "device_link", "linux_link", "link", "sim_link", "make_pair", "lib")

# Stands for "no selected target has such a lane"; items on it are deselected.
_NO_LANE = Lane("none", "none")


@dataclass
class Session:
    """What the plugin knows during one pytest run; found as `config.stash[SESSION]`."""

    root: Path
    catalogue: catalogue.Catalogue
    targets: list[Target]
    recorder: Recorder
    seed: int
    profile: profiles.Profile
    suites: tuple[str, ...]
    ids: tuple[str, ...]
    tests: tuple[str, ...]
    variants: str | None
    problems: list[str] = field(default_factory=list)
    flight: Flight | None = None


SESSION = pytest.StashKey[Session]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of a run."""
    group = parser.getgroup("rpmsg-cts", "RPMsg conformance")
    group.addoption("--target", action="append", default=[], metavar="NAME",
                    help="judge this target; may be given several times (default: sim)")
    group.addoption("--suite", action="append", default=[], metavar="NAME", help="run this suite only")
    group.addoption("--req", action="append", default=[], metavar="ID", help="judge this requirement only")
    group.addoption("--test", action="append", default=[], metavar="NODEID",
                    help="run this test only; without its [parameters] all of them")
    group.addoption("--profile", default=profiles.STRICT, metavar="NAME", help="tolerated departures, by profile")
    group.addoption("--variants", choices=VARIANTS, metavar="MODE",
                    help="configurations besides a test's own: base (none), pairwise, or full (every combination)")
    group.addoption("--results", type=Path, metavar="FILE", help="write results as JSON lines to this file")
    group.addoption("--seed", type=int, default=DEFAULT_SEED, metavar="N", help="seed of every random choice")
    group.addoption("--keep-traces", metavar="DIR",
                    help="keep the trace of each test that does not pass, in this folder; in one beside the results where it is empty")
    group.addoption("--histories", type=Path, metavar="DIR",
                    help="write what happened in simulated time, event by event, into this folder")
    group.addoption("--swarm-seeds", type=int, default=SWARM_SEEDS, metavar="N",
                    help="swarms of faults per profile, with seeds from --seed on")
    group.addoption("--project-root", type=Path, default=PROJECT_ROOT, metavar="DIR",
                    help="where fixtures/ and sim/ are")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the markers and resolve every name of the command line, before anything is collected."""
    config.addinivalue_line("markers", "req(*ids): the requirements that this test judges")
    config.addinivalue_line("markers", "role(*names): the roles for which a test of the library stands")
    root = config.getoption("project_root").resolve()
    try:
        config.stash[SESSION] = _session(config, root, catalogue.load(root))
    except (CatalogueError, targets.UnknownTarget) as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of a result file that was not completed."""
    session = config.stash.get(SESSION, None)
    if session and session.recorder.writer:
        session.recorder.writer.close()
    if session and session.flight:
        session.flight.close()


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a test its lanes; first of all, so that the lane comes first in every test's id."""
    session = metafunc.config.stash[SESSION]
    if "lane" in metafunc.fixturenames:
        lanes = _lanes(metafunc, session) or [_NO_LANE]
        metafunc.parametrize("lane", lanes, indirect=True, ids=str)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse tests that do not say what they judge; keep what was asked for; run target after target."""
    session = config.stash[SESSION]
    subjects = [_subject(item, session) for item in items if _is_suite_item(item)]
    if session.problems:
        raise pytest.UsageError("\n".join(dict.fromkeys(session.problems)))
    _check_selection(session, items)
    keep = [item for item in items if _selected(item, session)]
    kept = set(keep)
    if dropped := [item for item in items if item not in kept]:
        config.hook.pytest_deselected(items=dropped)
    target_order = {target.name: position for position, target in enumerate(session.targets)}
    suite_order = {name: position for position, name in enumerate(session.catalogue.suites)}
    items[:] = sorted(keep, key=lambda item: _position(item, target_order, suite_order))
    if subjects:
        session.recorder.requirements(_requirement_texts(session))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the result file."""
    ours = session.config.stash[SESSION]
    if ours.recorder.writer:
        try:
            ours.recorder.writer.open(_run_record(ours))
        except ResultsError as error:
            raise pytest.UsageError(str(error)) from error
    trace, results = session.config.getoption("keep_traces"), session.config.getoption("results")
    if trace is not None and not session.config.getoption("collectonly"):
        ours.flight = ours.recorder.traces = Flight(Shelf(results.parent if results else Path(), trace))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Judge one phase of an item, and say in pytest's own report what the judgement is."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    session = item.config.stash[SESSION]
    if SUBJECT not in item.stash:
        return
    judgement = session.recorder.phase(item, call)
    if call.when == "teardown" and judgement is None and WATCHED in item.stash:
        report.outcome, report.longrepr = "failed", "\n".join(map(str, item.stash[WATCHED].findings))
        report.rpmsg_verdict = Verdict.FAIL
        report.sections += _sections(item, session)
        return
    if judgement is None or judgement.verdict in (Verdict.PASS, Verdict.SKIP):
        return
    report.rpmsg_verdict = judgement.verdict
    if judgement.verdict in (Verdict.FAIL, Verdict.INCONC):
        assert call.excinfo is not None
        report.longrepr = str(call.excinfo.value)
    report.sections += _sections(item, session)




@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, None]:
    """Write an item's results when all its phases are over."""
    session = item.config.stash[SESSION]
    session.recorder.begin_item(item)
    outcome = yield
    if outcome.excinfo is not None:
        return  # Ctrl-C in the middle of the item: it has no verdict.
    session.recorder.finish_item(item)
    if session.recorder.failure:
        item.session.shouldstop = str(session.recorder.failure)


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Name INCONC and ERROR as what they are in pytest's own output."""
    verdict = getattr(report, "rpmsg_verdict", None)
    if verdict is Verdict.FAIL:
        return "failed", "F", "FAILED"
    if verdict is Verdict.INCONC:
        return "inconc", "I", "INCONC"
    if verdict is Verdict.ERROR:
        return "error", "E", "ERROR"
    return None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Complete the result file, unless the run was cut short."""
    ours = session.config.stash[SESSION]
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        ours.recorder.finish()
    else:
        ours.recorder.interrupt()
    if ours.flight:
        ours.flight.finish(ours.recorder.interrupted_path)
    if ours.recorder.failure:
        print(f"error: {ours.recorder.failure}", file=sys.stderr)
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


@pytest.fixture
def lane(request: pytest.FixtureRequest) -> Lane:
    """The target and the role of the implementation that this test judges."""
    return request.param


@pytest.fixture
def report_log(request: pytest.FixtureRequest) -> Callable[[LogSource], None]:
    """Register a source of text lines (decoded trace, kernel messages), asked when the test did not pass."""
    sources = request.node.stash.setdefault(LOG_SOURCES, [])
    return sources.append


@pytest.fixture
def report_diagram(request: pytest.FixtureRequest) -> Callable[[DiagramSource], None]:
    """Register who can draw what happened on the rings, asked when the test did not pass."""
    sources = request.node.stash.setdefault(DIAGRAM_SOURCES, [])
    return sources.append


@pytest.fixture
def report_findings(request: pytest.FixtureRequest) -> Callable[[Iterable[Finding]], None]:
    """Report what a monitor has against the IUT; each finding is a FAIL, whatever the test says itself."""
    return lambda findings: watched(request.node, findings)


@pytest.fixture(scope="session")
def target_facts(request: pytest.FixtureRequest) -> Callable[[str, Facts], None]:
    """Record facts about a target (kernel release, package, command line, module hashes) for the reports."""
    return request.config.stash[SESSION].recorder.target_facts


@pytest.fixture(scope="session")
def tracer(request: pytest.FixtureRequest) -> Tracer | None:
    """Who writes traces, where they are asked for."""
    flight = request.config.stash[SESSION].flight
    return flight.tracer if flight else None


@pytest.fixture(scope="session")
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of every random choice in this run."""
    return request.config.stash[SESSION].seed


@pytest.fixture(scope="session")
def profile(request: pytest.FixtureRequest) -> profiles.Profile:
    """The profile: which departures are tolerated in this run."""
    return request.config.stash[SESSION].profile


def _session(config: pytest.Config, root: Path, requirements: catalogue.Catalogue) -> Session:
    names = targets.all_targets(root)
    wanted = dict.fromkeys(config.getoption("target") or [targets.SIM])
    for kind, option, choices in (("suite", "suite", requirements.suites),
                                  ("requirement", "req", requirements.requirements)):
        for name in config.getoption(option):
            if name not in choices:
                raise pytest.UsageError(near.unknown(kind, name, choices))
    seed_value = config.getoption("seed")
    swarm_seeds = config.getoption("swarm_seeds")
    if swarm_seeds < 1:
        raise pytest.UsageError(f"--swarm-seeds {swarm_seeds}: at least one")
    profile = profiles.load(root, requirements).get(config.getoption("profile"))
    results = config.getoption("results")
    variants = config.getoption("variants")
    recorder = Recorder(ResultsWriter(results) if results else None, known.load(root),
                        _replay_options(seed_value, profile.name, variants, swarm_seeds), profile,
                        lambda id_: requirement_text(requirements.requirements[id_]))
    return Session(root, requirements, [targets.find(name, names) for name in wanted], recorder, seed_value, profile,
                   tuple(config.getoption("suite")), tuple(config.getoption("req")), tuple(config.getoption("test")),
                   variants)


def _replay_options(seed_value: int, profile: str, variants: str | None, swarm_seeds: int) -> tuple[str, ...]:
    options: tuple[str, ...] = ()
    if profile != profiles.STRICT:
        options += ("--profile", profile)
    if seed_value != DEFAULT_SEED:
        options += ("--seed", str(seed_value))
    if variants is not None:
        options += ("--variants", variants)
    if swarm_seeds != SWARM_SEEDS:
        options += ("--swarm-seeds", str(swarm_seeds))
    return options


def _run_record(session: Session) -> dict[str, Any]:
    commit, dirty = commit_of(session.root)
    started = utc_now()
    return {
        "run_id": f"{started:%Y%m%dT%H%M%SZ}-{os.getpid()}",
        "started": f"{started:%Y-%m-%dT%H:%M:%SZ}",
        "commit": commit,
        "dirty": dirty,
        "seed": session.seed,
        "profile": session.profile.name,
        "targets": [target.name for target in session.targets],
        "suites": list(session.suites or session.catalogue.suites),
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
        "machine": machine_facts(),
    }


def _lanes(metafunc: pytest.Metafunc, session: Session) -> list[Lane]:
    definition = metafunc.definition
    requirements = [session.catalogue.requirements[id_] for id_ in _ids(definition)
                    if id_ in session.catalogue.requirements]
    name = _lane_fixture(definition, metafunc.fixturenames)
    if not requirements or name is None:
        return []  # _subject() says what is wrong with it.
    binds = requirements[0].binds
    in_process_only = name in ("sim_link", "make_pair", "lib")
    if name in ("driver_link", "linux_link"):
        roles: tuple[str, ...] = (DRIVER,)
    elif name == "device_link":
        roles = (DEVICE,)
    elif in_process_only:
        roles = _marked_roles(definition) or ((DRIVER,) if DRIVER in binds else (DEVICE,))
    else:
        roles = tuple(role for role in targets.ROLES if role in binds)
    chosen = [target for target in session.targets
              if (target.in_process or not in_process_only) and not (target.in_process and name == "linux_link")
              and any(requirement.applies_to(target.name, target.roles) for requirement in requirements)]
    return [_lane(target.name, role) for target in chosen for role in roles if role in target.roles]


def _lane_fixture(item: pytest.Item, fixturenames: list[str]) -> str | None:
    direct = item._fixtureinfo.argnames  # type: ignore[attr-defined]  # pylint: disable=protected-access
    for names in (direct, fixturenames):
        for name in LANE_FIXTURES:
            if name in names:
                return name
    return None


def _lane(target: str, role: str, _cache: dict[Lane, Lane] = {}) -> Lane:  # pylint: disable=dangerous-default-value
    # pytest compares parameters of cached fixtures by identity, so equal lanes must be one object.
    lane_ = Lane(target, role)
    return _cache.setdefault(lane_, lane_)


def _ids(item: pytest.Item) -> list[str]:
    # A parameter that names requirements means those instead of the function's.
    callspec = getattr(item, "callspec", None)
    own = [mark for mark in (callspec.marks if callspec else ()) if mark.name == "req"]
    mark = own[0] if own else item.get_closest_marker("req")
    return list(mark.args) if mark else []


def _marked_roles(item: pytest.Item) -> tuple[str, ...]:
    mark = item.get_closest_marker("role")
    return tuple(mark.args) if mark else ()


def _is_suite_item(item: pytest.Item) -> bool:
    try:
        top = item.path.relative_to(item.config.rootpath).parts[0]
    except ValueError:
        return False
    return top not in EXEMPT_DIRS and item.path.parent != item.config.rootpath


def _subject(item: pytest.Item, session: Session) -> Subject | None:
    """Work out what an item judges; what is wrong with it goes to session.problems."""
    ids = _ids(item)
    if not ids:
        session.problems.append(f"{_bare(item)}: names no requirement; add @req(\"...\")")
        return None
    unknown = [id_ for id_ in ids if id_ not in session.catalogue.requirements]
    if unknown:
        session.problems += [f"{_bare(item)}: {near.unknown('requirement', id_, session.catalogue.requirements)}"
                             for id_ in unknown]
        return None
    if bad := [role for role in _marked_roles(item) if role not in targets.ROLES]:
        session.problems.append(f"{_bare(item)}: {near.unknown('role', bad[0], targets.ROLES)}")
        return None
    callspec = getattr(item, "callspec", None)
    lane_ = callspec.params.get("lane") if callspec else None
    if lane_ is None or _lane_fixture(item, item.fixturenames) is None:  # type: ignore[attr-defined]
        session.problems.append(f"{_bare(item)}: runs on no lane; use one of the fixtures {', '.join(LANE_FIXTURES)}")
        return None
    if lane_ is _NO_LANE:
        return None
    texts = [requirement_text(session.catalogue.requirements[id_]) for id_ in ids]
    bound = [text for text in texts if text.binds in (lane_.role, "both")]
    if not bound:
        session.problems.append(f"{_bare(item)}: runs with the implementation as {lane_.role}, but"
                                f" {', '.join(ids)} bind{'s' if len(ids) == 1 else ''} the other role")
        return None
    wanted = tuple(text for text in bound if not session.ids or text.id in session.ids)
    if not wanted:
        return None
    subject = Subject(lane_, _variant(callspec.id, lane_), wanted)
    item.stash[SUBJECT] = subject
    return subject


def requirement_text(requirement: catalogue.Requirement) -> RequirementText:
    """Return: what reports say about a requirement of the catalogue."""
    return RequirementText(requirement.id, requirement.slug, requirement.suite, requirement.statement,
                           requirement.level, requirement.binds_text, _source(requirement), requirement.normative)


def _source(requirement: catalogue.Requirement) -> str:
    # The first entry carries the rule, the others confirm it or name who departs from it.
    first, *others = requirement.source
    return f"{first}; see also: {'; '.join(others)}" if others else first


def _requirement_texts(session: Session) -> list[RequirementText]:
    # All that could have been judged, so that a report can also say what no test named.
    table = mutants.load(session.root)
    standing = mutants.by_requirement(table.values())

    def proven(requirement: catalogue.Requirement) -> int | None:
        return None if requirement.no_mutant or not table else len(standing.get(requirement.id, ()))

    def applies(requirement: catalogue.Requirement) -> bool:
        return any(requirement.applies_to(target.name, target.roles) for target in session.targets)

    return [replace(requirement_text(requirement), mutants=proven(requirement), applies=applies(requirement))
            for requirement in session.catalogue.requirements.values()
            if (not session.ids or requirement.id in session.ids)
            and (not session.suites or requirement.suite in session.suites)]


def _variant(callspec_id: str, lane_: Lane) -> str:
    return callspec_id.removeprefix(str(lane_)).removeprefix("-")


def _bare(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def _check_selection(session: Session, items: list[pytest.Item]) -> None:
    ids = {item.nodeid for item in items if SUBJECT in item.stash}
    for test in session.tests:
        if not any(_names(test, nodeid) for nodeid in ids):
            choices = sorted(ids if "[" in test else {nodeid.partition("[")[0] for nodeid in ids})
            raise pytest.UsageError(near.unknown("test", test, choices))


def _selected(item: pytest.Item, session: Session) -> bool:
    if not _is_suite_item(item):
        return True
    if SUBJECT not in item.stash:
        return False
    if session.suites and item.path.parent.name not in session.suites:
        return False
    return not session.tests or any(_names(test, item.nodeid) for test in session.tests)


def _names(test: str, nodeid: str) -> bool:
    return nodeid == test or nodeid.startswith((f"{test}[", f"{test}::"))


def _position(item: pytest.Item, target_order: dict[str, int], suite_order: dict[str, int]) -> tuple[int, int]:
    # From the ring up within a target; sorting is stable, so a file's own order stays.
    subject = item.stash.get(SUBJECT, None)
    if subject is None:
        return -1, 0
    return target_order[subject.lane.target], suite_order.get(item.path.parent.name, len(suite_order))


def _sections(item: pytest.Item, session: Session) -> list[tuple[str, str]]:
    subject = item.stash[SUBJECT]
    texts = [f"{text.id}  ({', '.join(filter(None, [text.level, text.binds]))})\n{text.statement}"
             for text in subject.requirements]
    return [("requirement", "\n".join(texts)), ("replay", session.recorder.replay(item.nodeid, subject.lane))]
