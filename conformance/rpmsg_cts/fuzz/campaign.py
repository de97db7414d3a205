# SPDX-License-Identifier: BSD-3-Clause
"""Many programs, one after the other: what they find is told once, made small, and kept as a file that is the same again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rpmsg_cts.explore import decision_file
from rpmsg_cts.explore.engine import Decision
from rpmsg_cts.explore.shrink import minimal
from rpmsg_cts.files import replace_text
from rpmsg_cts.fuzz.bench import Bench
from rpmsg_cts.fuzz.finding import DELIVERY, RULE, Finding, known_as
from rpmsg_cts.fuzz.program import STEP, Program
from rpmsg_cts.known import Entry

SUFFIX = ".decisions"
# A driver that takes one wrong index for thousands of messages makes each try long.
SHRINK_S = 20.0


@dataclass(frozen=True)
class Bounds:
    """Whatever comes first ends it.  tries: of making one finding small."""

    count: int
    seconds: float
    steps: int
    tries: int
    until: str = ""


@dataclass(frozen=True)
class Kept:
    """A finding as it is told.  alone: whether its program finds it on a driver that has seen nothing else."""

    finding: Finding
    known: str
    number: int
    program: Program
    alone: bool
    tries: int
    path: Path


@dataclass
class Campaign:
    """Plays programs until a bound is met; what was found so far is in `kept`, whatever ends it."""

    bench: Bench
    target: str
    seed: int
    bounds: Bounds
    folder: Path
    entries: Sequence[Entry] = ()
    progress: Callable[[str], None] = lambda text: None
    kept: list[Kept] = field(default_factory=list)
    played: int = 0
    started: float = field(default_factory=time.monotonic)
    _seen: set[tuple[str, str, str]] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started

    @property
    def news(self) -> list[Kept]:
        """What is not a recorded defect."""
        return [kept for kept in self.kept if not kept.known]

    def run(self) -> Iterator[Kept]:
        """Yield each finding when it is kept."""
        while self.played < self.bounds.count and self.seconds < self.bounds.seconds:
            program = Program.of_seed(self.seed, self.played, self.bounds.steps)
            findings = self.bench.play(program)
            self.played += 1
            self.progress(f"{self.played} programs, {len(self.kept)} findings")
            for finding in findings:
                if finding.same not in self._seen:
                    self._seen.add(finding.same)
                    yield self._keep(finding, program)
            if any(self.bounds.until in (kept.finding.requirement, kept.known) for kept in self.kept):
                return

    def _keep(self, finding: Finding, program: Program) -> Kept:
        known = known_as(finding, self.entries, self.target, self.bench.release)
        path = self.folder / f"{len(self.kept) + 1:02}-{known or finding.slug}{SUFFIX}"
        # As it was found, in case that what follows is interrupted.
        decision_file.write_text(path, program.scenario, program.decisions)
        self._write(path, finding, program, known)
        small = Shrinker(self.bench, finding, self.bounds.tries, self.progress)
        smaller, alone = small.shrink(program)
        decision_file.write_text(path, smaller.scenario, smaller.decisions)
        kept = Kept(small.finding, known, self.played, smaller, alone, small.tries, path)
        self._write(path, small.finding, smaller, known)
        self.kept.append(kept)
        return kept

    def _write(self, path: Path, finding: Finding, program: Program, known: str) -> None:
        lines = [f"{'KNOWN ' + known if known else 'FAIL'} {finding}", f"target {self.target}", "", "the device:",
                 *(f"  {number:3} {step}" for number, step in enumerate(program.steps, 1)), "",
                 f"replay: ./rpmsg-cts replay --target {self.target} {path}", "", *finding.story]
        replace_text(path.with_suffix(".txt"), "\n".join(lines) + "\n")


@dataclass
class Shrinker:
    """Makes a program small that finds something."""

    bench: Bench
    finding: Finding
    max_tries: int
    progress: Callable[[str], None]
    tries: int = 0
    _started: float = field(default_factory=time.monotonic)

    def shrink(self, program: Program) -> tuple[Program, bool]:
        """Return: the smallest program that still finds it, and whether it does so on a fresh driver at all."""
        if not self._finds(program):
            return program, False
        left = minimal(program.decisions, lambda decisions: self._finds(replace(program, decisions=tuple(decisions))),
                       lambda: self.tries < self.max_tries and time.monotonic() - self._started < SHRINK_S)
        return _without_idle_steps(replace(program, decisions=tuple(left)), self._finds), True

    def _finds(self, program: Program) -> bool:
        self.tries += 1
        self.progress(f"making it small: {self.tries} tries")
        if self.finding.kind not in (DELIVERY, RULE) or self.tries == 1:
            # A kernel that complains or hangs has seen other programs before; this one has to do it alone.
            self.bench.fresh()
        for found in self.bench.play(program):
            if found.same == self.finding.same:
                self.finding = found
                return True
        return False


def _without_idle_steps(program: Program, finds: Callable[[Program], bool]) -> Program:
    steps = [program.decisions[at:at + STEP] for at in range(0, len(program.decisions), STEP)]
    busy: list[Decision] = [decision for step in steps if step[0].choice for decision in step]
    shorter = replace(program, decisions=tuple(busy))
    return shorter if len(busy) < len(program.decisions) and busy and finds(shorter) else program
