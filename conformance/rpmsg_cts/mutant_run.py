# SPDX-License-Identifier: BSD-3-Clause
"""Every test against every deliberate error of our own ends, in a minute: fills the kill matrix.

The suites are collected once, on target sim.  A first round judges our ends as they should be, and notes for each test
which mutants it could meet: a world is deterministic, so a test that never comes to a mutant's place goes the same way
with it and without it.  Each mutant is then judged in a forked process, by the tests that can meet it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rpmsg_cts import mutants, targets
from rpmsg_cts.collected import run_pytest, suite_dirs
from rpmsg_cts.contained import Death, Pool, Send
from rpmsg_cts.faults import borne
from rpmsg_cts.matrix import DIED, Case, FaultDuty, Matrix, Outcome, Row
from rpmsg_cts.mutants import CANARY, CENSUS, Mutant
from rpmsg_cts.native import simulated
from rpmsg_cts.plugin import SESSION
from rpmsg_cts.recorder import DIAGRAM_SOURCES, LOG_SOURCES, SUBJECT, UNWATCHED, WATCHED, classify
from rpmsg_cts.targets import Lane
from rpmsg_cts.verdict import HarnessError, Judgement, Verdict

TWO_ENDS = "make_pair"  # the fixture
# Of each profile; more of them find little more, and each of them meets every mutant.
SWARM_SEEDS = 3

# Plugins of pytest that cost time in each test and see nothing here.
_UNUSED = ("timeout", "xdist", "capture", "logging", "faulthandler", "unraisableexception", "threadexception")


def judge(root: Path, names: Sequence[str] = (), workers: int | None = None, every_test: bool = False,
          tell: Callable[[str], None] = lambda _text: None) -> Matrix:
    """Work out the matrix of the project at `root`.

    names: mutants to be judged besides the canary; none means all.  workers: processes at a time.  every_test: also run
    the tests that cannot meet a mutant.  tell: is told how far it is.
    """
    table = mutants.load(root)
    if CANARY not in table:
        raise HarnessError(f"{mutants.TABLE} has no mutant '{CANARY}', which must always be found")
    wanted = [table[name] for name in dict.fromkeys((CANARY, *(names or table)))]
    run = _Run(wanted, borne(root), len(wanted) == len(table), workers or len(os.sched_getaffinity(0)), every_test, tell)
    options = [f"--target={targets.SIM}", "--variants=base", f"--swarm-seeds={SWARM_SEEDS}",
               *(f"-pno:{name}" for name in _UNUSED)]
    run_pytest(root, suite_dirs(root), options, [run])
    if run.problems:
        raise HarnessError("\n".join(run.problems))
    if run.matrix is None:
        raise HarnessError("no test was collected")
    return run.matrix


@dataclass(eq=False)
class _Run:
    """A pytest plugin object that takes the place of pytest's loop over the tests."""

    wanted: Sequence[Mutant]
    borne: Mapping[FaultDuty, str]
    complete: bool
    workers: int
    every_test: bool
    tell: Callable[[str], None]
    problems: list[str] = field(default_factory=list)
    matrix: Matrix | None = None
    _items: list[pytest.Item] = field(default_factory=list)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the text of a file that does not import."""
        if report.failed:
            self.problems.append(report.longreprtext)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Judge everything, so that pytest has nothing left to do."""
        self._items = [item for item in session.items if SUBJECT in item.stash]
        if self._items and not self.problems:
            requirements = session.config.stash[SESSION].catalogue.requirements.values()
            self.matrix = self._judge({row.id: row.no_mutant for row in requirements if row.no_mutant})
        return True

    def _judge(self, excused: Mapping[str, str]) -> Matrix:
        pool = Pool(self._work, self.workers)
        baseline, meets = self._census(pool)
        everywhere = list(range(len(self._items)))
        plan = {mutant.name: everywhere if self.every_test else meets[mutant.name] for mutant in self.wanted}
        # The longest first, so that no worker is left alone at the end.
        jobs = {name: plan[name] for name in sorted(plan, key=lambda name: -len(plan[name])) if plan[name]}
        outcomes: dict[str, dict[int, Outcome]] = {name: {} for name in plan}
        for number, (name, found) in enumerate(pool.run(jobs), 1):
            outcomes[name] = {position: _outcome(answer) for position, answer in sorted(found.items())}
            self.tell(f"[{number}/{len(jobs)}] {name}")
        cases = [_case(item) for item in self._items]
        return Matrix(cases, {position: _outcome(answer) for position, answer in baseline.items()},
                      {mutant.name: Row(mutant, outcomes[mutant.name], cases) for mutant in self.wanted}, excused,
                      self.borne, self.complete)

    def _census(self, pool: Pool) -> tuple[dict[int, Any], dict[str, list[int]]]:
        """Judge our ends as they should be.  Return: that, and for each mutant the tests that could meet it."""
        parts = {f"{CENSUS} {part}": list(range(part, len(self._items), self.workers)) for part in range(self.workers)}
        answers: dict[int, Any] = {}
        for _, found in pool.run({name: positions for name, positions in parts.items() if positions}):
            answers.update(found)
        meets: dict[str, list[int]] = {mutant.name: [] for mutant in self.wanted}
        for position, answer in sorted(answers.items()):
            # Where a test dies without any error, nothing is known, and the matrix will not be believed.
            for name in () if isinstance(answer, Death) else answer["met"]:
                meets.setdefault(name, []).append(position)
        return dict(sorted(answers.items())), meets

    def _work(self, job: str, positions: Sequence[int], send: Send) -> None:
        """Run tests in a worker."""
        target = CENSUS if job.startswith(CENSUS) else targets.MUTANT_PREFIX + job
        names = mutants.names(simulated())
        for position, following in zip(positions, [*positions[1:], None]):
            item = self._items[position]
            _put_on(item, target)
            judgement = _run(item, None if following is None else self._items[following])
            seen = item.stash.get(WATCHED, UNWATCHED)
            item.stash[WATCHED] = UNWATCHED
            answer = {"verdict": str(judgement.verdict), "reason": judgement.reason,
                      "monitor": {id_: str(finding) for id_, finding in seen.others(()).items()}}
            if target == CENSUS:
                answer["met"] = mutants.met(simulated(), names)
            send(answer)


def _put_on(item: pytest.Item, target: str) -> None:
    """Give a collected test another target in the same role."""
    params = item.callspec.params  # type: ignore[attr-defined]
    params["lane"] = Lane(target, params["lane"].role)


def _run(item: pytest.Item, following: pytest.Item | None) -> Judgement:
    """Run one test as pytest does, without the reports that nobody would read."""
    state = item.session._setupstate  # pylint: disable=protected-access
    item._initrequest()  # type: ignore[attr-defined]  # pylint: disable=protected-access
    phases: tuple[tuple[str, Callable[[], object]], ...] = (
        ("setup", lambda: state.setup(item)), ("call", item.runtest), ("teardown", lambda: state.teardown_exact(following)))
    judgement: Judgement | None = None
    ready = True
    for when, phase in phases:
        if when == "call" and not ready:
            continue
        # Nobody will read what the test could tell, and a world that is gone must not be asked.
        item.stash[LOG_SOURCES], item.stash[DIAGRAM_SOURCES] = [], []
        call = pytest.CallInfo.from_call(phase, when=when)  # type: ignore[arg-type]
        ready = ready and call.excinfo is None
        if (one := classify(call)) is not None:
            judgement = judgement.merge(one) if judgement else one
    return judgement or Judgement(Verdict.ERROR, "the test ended without a judgement")


def _case(item: pytest.Item) -> Case:
    params = item.callspec.params  # type: ignore[attr-defined]
    fault = params.get("fault")
    return Case(item.nodeid, item.stash[SUBJECT], fault.name if fault else "", params.get("profile", ""),
                TWO_ENDS in item.fixturenames)  # type: ignore[attr-defined]


def _outcome(answer: Any) -> Outcome:
    if isinstance(answer, Death):
        return Outcome(DIED, answer.how)
    return Outcome(answer["verdict"], answer["reason"], answer["monitor"])
