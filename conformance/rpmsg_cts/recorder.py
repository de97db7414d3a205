# SPDX-License-Identifier: BSD-3-Clause
"""From what pytest saw of an item to results: classify, merge, overlay known defects, write."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from rpmsg_cts import known, profiles
from rpmsg_cts.coverage import Coverage
from rpmsg_cts.decode import DecodeError
from rpmsg_cts.diagram.row import ENDS, Row
from rpmsg_cts.judge import Mismatch
from rpmsg_cts.monitor import Finding
from rpmsg_cts.results import (MAX_DIAGRAM_ROWS, Facts, KnownDefect, RequirementText, Result, ResultsError, ResultsWriter, bounded_log,
                               bounded_text)
from rpmsg_cts.targets import Lane
from rpmsg_cts.verdict import GuestFailure, Inconclusive, Judgement, Refused, Verdict, exit_status

PACKAGE_DIR = Path(__file__).resolve().parent
MAX_FRAMES = 12

T = TypeVar("T")
LogSource = Callable[[], list[str]]
DiagramSource = Callable[[], list[Row]]

# Who has text about a test: fixtures register sources while the test is set up (fixture `report_log`).
LOG_SOURCES = pytest.StashKey[list[LogSource]]()
# Who can draw what happened, likewise (fixture `report_diagram`).
DIAGRAM_SOURCES = pytest.StashKey[list[DiagramSource]]()


@dataclass(frozen=True)
class Watched:
    """What a monitor has against the IUT of a test, and what happened, taken down while the link was there."""

    findings: tuple[Finding, ...]
    log: list[str]
    diagram: list[Row]

    def worst(self, judgement: Judgement, requirement: str) -> Judgement:
        """Merge what a test says of a requirement with what the monitor does."""
        for finding in self.findings:
            if finding.rule.requirement == requirement:
                judgement = judgement.merge(finding.judgement)
        return judgement

    def others(self, judged: Iterable[str]) -> dict[str, Finding]:
        """The first finding about each requirement that the test does not judge."""
        known_ids = set(judged)
        first: dict[str, Finding] = {}
        for finding in self.findings:
            if finding.rule.requirement not in known_ids:
                first.setdefault(finding.rule.requirement, finding)
        return first


UNWATCHED = Watched((), [], [])
WATCHED = pytest.StashKey[Watched]()


def watched(item: pytest.Item, findings: Iterable[Finding]) -> None:
    """Keep what a monitor found during a test, before its link goes."""
    before = item.stash.get(WATCHED, UNWATCHED)
    if found := (*before.findings, *findings):
        item.stash[WATCHED] = Watched(found, before.log + _log_of(item), before.diagram + _diagram_of(item))


class TraceKeeper(Protocol):
    """Who keeps the trace of the test that is running."""

    lost: str  # why there are no traces any more

    def begin(self, test: str) -> None:
        """A test begins."""

    def keep(self, test: str) -> str:
        """Return: where the trace of this test is now, from where the result file is; "" where it is `lost`."""


@dataclass(frozen=True)
class Subject:
    """What an item judges: the lane, the parameters besides the lane, and the requirements that bind the lane's role."""

    lane: Lane
    variant: str
    requirements: tuple[RequirementText, ...]


SUBJECT = pytest.StashKey[Subject]()


@dataclass
class _Progress:
    """What is known about the item that is running."""

    judgement: Judgement | None = None
    duration_s: float = 0.0
    log: list[str] = field(default_factory=list)
    diagram: list[Row] = field(default_factory=list)
    trace: str = ""


@dataclass
class Recorder:
    """Collects the judgement of each item and writes one result per requirement once the item is over.

    writer: None when no result file was asked for.  replay_options: what a replay line needs besides target and test.
    profile: which departures are tolerated; None tolerates nothing.  text_of: what reports say about a requirement.
    failure: why results can no longer be written; the session must stop when it is set.
    passed: the requirements that some test found met, by lane.
    interrupted_path: where the results of an interrupted run were put.  traces: None where none are asked for.
    """

    writer: ResultsWriter | None
    entries: list[known.Entry] = field(default_factory=list)
    replay_options: tuple[str, ...] = ()
    profile: profiles.Profile | None = None
    text_of: Callable[[str], RequirementText] | None = None
    listeners: list[Callable[[Result], None]] = field(default_factory=list)
    counts: Counter[Verdict] = field(default_factory=Counter)
    passed: set[tuple[Lane, str]] = field(default_factory=set)
    failure: ResultsError | None = None
    interrupted_path: Path | None = None
    traces: TraceKeeper | None = None
    _facts: dict[str, dict[str, object]] = field(default_factory=dict)
    _running: dict[str, _Progress] = field(default_factory=dict)
    _written: set[str] = field(default_factory=set)
    _started: float = field(default_factory=time.monotonic)

    def target_facts(self, target: str, facts: Facts) -> None:
        """Record what is known about a target; later facts are added to earlier ones, equal ones are written once."""
        have = self._facts.setdefault(target, {})
        news = {key: value for key, value in facts.items() if have.get(key) != value}
        have.update(news)
        if news and self.writer:
            self._guarded(lambda writer: writer.target(target, facts))

    def coverage(self, target: str, coverage: Coverage) -> None:
        """Write what was run of a target's kernel."""
        self._guarded(lambda writer: writer.coverage(target, coverage))

    def requirements(self, texts: Iterable[RequirementText]) -> None:
        """Write what the requirements of this run say."""
        for text in texts:
            self._written.add(text.id)
            self._guarded(lambda writer, text=text: writer.requirement(text))

    def phase(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Judgement | None:
        """Take in one phase (setup, call, teardown) of an item.

        Return: the judgement of this phase, None if it says nothing.
        """
        progress = self._running.setdefault(item.nodeid, _Progress())
        progress.duration_s += call.duration
        judgement = classify(call)
        if judgement is None:
            return None
        progress.judgement = progress.judgement.merge(judgement) if progress.judgement else judgement
        if judgement.verdict is not Verdict.PASS:
            progress.log += _log_of(item)
            progress.diagram += _diagram_of(item)
            self._keep_trace(item, progress, judgement.verdict)
            if judgement.verdict is Verdict.ERROR and call.excinfo:
                progress.log += _frames(call.excinfo)
        return judgement

    def begin_item(self, item: pytest.Item) -> None:
        """An item begins: what is traced from now on is about it."""
        if self.traces and SUBJECT in item.stash:
            self.traces.begin(item.nodeid)

    def _keep_trace(self, item: pytest.Item, progress: _Progress, verdict: Verdict) -> None:
        if self.traces is None or progress.trace or verdict is Verdict.SKIP:
            return
        progress.trace = self.traces.keep(item.nodeid)
        if not progress.trace:
            progress.log.append(f"trace: none: {self.traces.lost}")

    def finish_item(self, item: pytest.Item) -> list[Result]:
        """Turn a finished item into results and write them.

        Return: the results, one per requirement, and one more for each that a monitor found broken by the way; none for
        an item without a lane (tests of the harness itself).
        """
        progress = self._running.pop(item.nodeid, _Progress())
        subject = item.stash.get(SUBJECT, None)
        if subject is None:
            return []
        seen = self._take_watched(item, progress)
        judgement = progress.judgement or Judgement(Verdict.ERROR, "the test ended without a judgement")
        results = [self._result(item.nodeid, subject, text, seen.worst(judgement, text.id), progress)
                   for text in subject.requirements]
        results += self._by_the_way(item.nodeid, subject, seen, progress)
        for result in results:
            self._tell(result)
            if result.verdict is Verdict.PASS:
                self.passed.add((subject.lane, result.requirement))
        return results

    def conclude(self, test: str, lane: Lane, text: RequirementText, judgement: Judgement, nodeid: str = "") -> None:
        """Write what is said of a requirement at the end, when all tests are over; nodeid: the one that it is about."""
        words = ["./rpmsg-cts", "run", "--target", lane.target, *self.replay_options]
        verdict, defect = self._overlay(text.id, lane, judgement)
        self._tell(Result(
            test=test, requirement=text.id, suite=text.suite, target=lane.target, role=lane.role, variant="",
            verdict=verdict, reason=bounded_text(judgement.reason), expected="", observed=bounded_text(judgement.observed),
            known=defect, duration_s=0.0, replay=self.replay(nodeid, lane) if nodeid else shlex.join(words), log=(), diagram=()))

    def _tell(self, result: Result) -> None:
        self._guarded(lambda writer: writer.result(result))
        self.counts[result.verdict] += 1
        for listener in self.listeners:
            listener(result)

    def _take_watched(self, item: pytest.Item, progress: _Progress) -> Watched:
        seen = item.stash.get(WATCHED, UNWATCHED)
        if seen.findings:
            del item.stash[WATCHED]
            progress.log += seen.log
            progress.diagram += seen.diagram
            self._keep_trace(item, progress, Verdict.FAIL)
        return seen

    def _by_the_way(self, nodeid: str, subject: Subject, seen: Watched, progress: _Progress) -> list[Result]:
        # A test that looks at something else is no reason to keep silent about a broken rule.
        results = []
        for id_, finding in seen.others(text.id for text in subject.requirements).items():
            assert self.text_of is not None, "a monitor needs the catalogue"
            text = self.text_of(id_)
            if id_ not in self._written:
                self.requirements([text])
            result = self._result(nodeid, subject, text, finding.judgement, progress)
            results.append(replace(result, test=f"{nodeid}::monitor[{id_}]"))
        return results

    def replay(self, nodeid: str, lane: Lane) -> str:
        """Return: the command that runs this item alone."""
        words = ["./rpmsg-cts", "run", "--target", lane.target, *self.replay_options, "--test", nodeid]
        return shlex.join(words)

    def finish(self) -> int:
        """Write the end record and give the file its name.

        Return: exit status of the run.
        """
        status = exit_status(self.counts.elements())
        self._guarded(lambda writer: writer.finish(time.monotonic() - self._started, self.counts, status))
        return status

    def interrupt(self) -> None:
        """End a run that will not be completed; `interrupted_path` says where its results are."""
        def give_up(writer: ResultsWriter) -> None:
            self.interrupted_path = writer.interrupt()
        self._guarded(give_up)

    def _result(self, nodeid: str, subject: Subject, text: RequirementText, judgement: Judgement,
                progress: _Progress) -> Result:
        verdict, defect = self._overlay(text.id, subject.lane, judgement)
        if verdict is Verdict.FAIL and (tolerated := self._tolerated(text.id, judgement)):
            verdict, judgement = Verdict.WAIVED, replace(judgement, reason=f"{judgement.reason} ({tolerated})")
        return Result(
            test=nodeid, requirement=text.id, suite=text.suite, target=subject.lane.target, role=subject.lane.role,
            variant=subject.variant, verdict=verdict, reason=bounded_text(judgement.reason),
            expected=bounded_text(judgement.expected), observed=bounded_text(judgement.observed), known=defect,
            duration_s=round(progress.duration_s, 6), replay=self.replay(nodeid, subject.lane),
            log=bounded_log(progress.log), diagram=tuple(progress.diagram[-MAX_DIAGRAM_ROWS:]),
            trace=progress.trace)

    def _overlay(self, requirement: str, lane: Lane, judgement: Judgement) -> tuple[Verdict, KnownDefect | None]:
        # The defect also stands on a PASS and on a FAIL with another message: reports say "no longer seen" and
        # "not as recorded" from that.
        if judgement.verdict not in (Verdict.PASS, Verdict.FAIL):
            return judgement.verdict, None
        release = str(self._facts.get(lane.target, {}).get("kernel_release", ""))
        entries = [entry for entry in self.entries if entry.covers(requirement, lane.target, lane.role, release)]
        if judgement.verdict is Verdict.FAIL:
            for entry in entries:
                if entry.explains(judgement):
                    return Verdict.KNOWN, entry.defect
        own = [entry for entry in entries if entry.steady]
        return judgement.verdict, own[0].defect if own else None

    def _tolerated(self, requirement: str, judgement: Judgement) -> str:
        # Shown, not hidden: the reader of a report sees what was let pass, and by which choice.
        if self.profile is None or judgement.departs is None:
            return ""
        switch, value = judgement.departs
        if not self.profile.tolerates(switch, value):
            return ""
        if (switch, value) not in self.profile.departures(requirement):
            return ""
        return f"tolerated by profile {self.profile.name}: {switch} = {value}"

    def _guarded(self, write: Callable[[ResultsWriter], None]) -> None:
        # A full disk must end the run in order, not in the middle of a pytest hook.
        if self.writer is None or self.failure:
            return
        try:
            write(self.writer)
        except ResultsError as error:
            self.failure = error


def classify(call: pytest.CallInfo[None]) -> Judgement | None:
    """Say what one phase of an item means.

    Return: a judgement, or None for a set-up or clean-up that simply worked.
    """
    if call.excinfo is None:
        return Judgement(Verdict.PASS) if call.when == "call" else None
    error = call.excinfo.value
    match error:
        case pytest.skip.Exception():
            return Judgement(Verdict.SKIP, _first_line(error) or "skipped without a reason")
        case Inconclusive():
            return Judgement(Verdict.INCONC, str(error) or "inconclusive without a reason")
        case DecodeError() if call.when == "call":
            return Judgement(Verdict.INCONC, f"what the implementation wrote cannot be read: {error}")
        case Refused():
            return Judgement(Verdict.INCONC, f"the implementation refuses: {error.strerror}")
        case GuestFailure() if call.when != "setup":
            reason, _, story = str(error).partition("\n")
            return Judgement(Verdict.FAIL, reason or "the guest's kernel failed", "", story)
        case Mismatch() if call.when == "call":
            return Judgement(Verdict.FAIL, error.what, error.expected, error.observed, error.departs)
        case AssertionError() if call.when == "call" and not _is_ours(call.excinfo):
            return _assertion(call.excinfo)
        case _:
            return _error(call)


def _assertion(excinfo: pytest.ExceptionInfo[BaseException]) -> Judgement:
    reason, _, details = str(excinfo.value).partition("\n")
    if not reason:
        reason = str(excinfo.traceback[-1].statement).strip()
    return Judgement(Verdict.FAIL, reason, "", details.strip())


def _is_ours(excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
    # A bare assert inside the package is about the harness; tests judge with expect() or with asserts of their own.
    return Path(str(excinfo.traceback[-1].path)).resolve().is_relative_to(PACKAGE_DIR)


def _error(call: pytest.CallInfo[None]) -> Judgement:
    """With all that the error says: of a guest that does not start that is what its console had."""
    assert call.excinfo is not None
    name = call.excinfo.type.__name__
    text, _, story = str(call.excinfo.value).strip().partition("\n")
    where = {"setup": "in set-up: ", "teardown": "in clean-up: "}.get(call.when, "")
    return Judgement(Verdict.ERROR, f"{where}{name}: {text}" if text else f"{where}{name}", "", story)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""


def _frames(excinfo: pytest.ExceptionInfo[BaseException]) -> list[str]:
    return [f"harness: {Path(str(entry.path)).name}:{entry.lineno + 1} in {entry.name}"
            for entry in excinfo.traceback[-MAX_FRAMES:]]


def _log_of(item: pytest.Item) -> list[str]:
    return _asked(item, LOG_SOURCES, lambda error: f"harness: no log from a fixture: {type(error).__name__}: {error}")


def _diagram_of(item: pytest.Item) -> list[Row]:
    return _asked(item, DIAGRAM_SOURCES, lambda error: Row(0, ENDS[0], f"no diagram: {type(error).__name__}: {error}"))


def _asked(item: pytest.Item, key: pytest.StashKey[list[Callable[[], list[T]]]], excuse: Callable[[Exception], T]) -> list[T]:
    found: list[T] = []
    for source in item.stash.get(key, []):
        # What a broken link can still tell is worth having; that it cannot is not a verdict.
        try:
            found += source()
        except Exception as error:  # pylint: disable=broad-exception-caught
            found.append(excuse(error))
    # One source may be asked in two phases; only the first time is about the failure.
    item.stash[key] = []
    return found
