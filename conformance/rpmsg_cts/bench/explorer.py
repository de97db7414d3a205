# SPDX-License-Identifier: BSD-3-Clause
"""What a step and a schedule of the explorer cost, the monitor looking on: exact counts, then rates of this run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rpmsg_cts.bench import callgrind
from rpmsg_cts.bench.model import Row
from rpmsg_cts.explore import engine
from rpmsg_cts.explore.engine import How, Outcome, Scope

MODELS = ("sc,sc", "tso,tso", "weak,weak")
TWO_MESSAGES = "num=2 messages=1,1 event"
STEPS_A_SECOND = 5e6
SCHEDULES_A_SECOND = 5e4
SCHEDULES = 250  # of the shortest count
RATED_SCHEDULES = 100_000
# Cost that grows with what lies behind: the later steps of a long run would be dearer than the first ones.
LINEAR = 1.05


@dataclass(frozen=True)
class Executed:
    """What one exploration was, and the instructions it took, bring-up included."""

    instructions: int
    schedules: int
    steps: int
    states: int

    @property
    def a_step(self) -> float:
        return self.instructions / self.steps


def executed(program: Path, scope: str, *options: str) -> Executed:
    """Count one exploration."""
    with tempfile.TemporaryDirectory() as scratch:
        profile = callgrind.count(program, ["--no-canary", "--counts", *options, scope], Path(scratch), "rps_explore")
    said = profile.said
    return Executed(profile.total, said["schedules"], said["steps"], said["states"])


def _growth(program: Path) -> Iterator[Row]:
    group = "Explorer: instructions a step, by how many steps there are (random schedules, the monitor looking on)"
    for name, what, runs in (
        ("schedules", "schedules", [(f"{TWO_MESSAGES} model=weak,weak", times) for times in (1, 4, 16)]),
        ("messages", "messages in each schedule", [(f"num=2 messages={n},{n} model=weak,weak event", 1) for n in (1, 4, 8)]),
    ):
        first: Executed | None = None
        for scope, times in runs:
            found = executed(program, scope, "--random", "--schedules", str(SCHEDULES * times))
            first = first or found
            more = found.steps / first.steps
            yield Row(group, f"explore-{name}-{more:.0f}x", f"{more:.1f} times the steps, by {what}", found.a_step,
                      "instructions", scale=f"{found.steps:,} steps in {found.schedules:,} schedules")
        yield Row(group, f"explore-{name}-growth", "the last of these, as part of the first", found.a_step / first.a_step,
                  "times", goal=LINEAR)


def _parts(program: Path) -> Iterator[Row]:
    group = "Explorer: where they go (every schedule of num=2 messages=2,2 event)"
    for model in MODELS:
        scope = f"num=2 messages=2,2 event model={model}"
        watched, unwatched = executed(program, scope), executed(program, f"{scope} unwatched")
        unhashed = executed(program, f"{TWO_MESSAGES} model={model}", "--random", "--schedules", str(SCHEDULES))
        name = model.partition(",")[0]
        yield Row(group, f"explore-{name}-all", f"{model}: a step, with its part of the search and of state hashes",
                  watched.a_step, "instructions",
                  scale=f"{watched.states:,} states, {watched.schedules:,} schedules, {watched.steps:,} steps")
        yield Row(group, f"explore-{name}-unwatched", f"{model}: the same without the monitor", unwatched.a_step,
                  "instructions", scale=f"{unwatched.states:,} states, {unwatched.steps:,} steps")
        yield Row(group, f"explore-{name}-random", f"{model}: a step of random schedules", unhashed.a_step, "instructions")


def timed(scope: str, how: How) -> tuple[Outcome, float]:
    """Explore.  Return: what came of it, and the seconds that one processor was busy with it."""
    begun = time.process_time()
    outcome = engine.explore(Scope.parse(scope), how)
    return outcome, time.process_time() - begun


def _rates() -> Iterator[Row]:
    group = "Explorer: rates of this run, in time of one processor (two messages, random schedules that all come to rest)"
    for model in MODELS:
        found, seconds = timed(f"{TWO_MESSAGES} model={model}", How("random", max_schedules=RATED_SCHEDULES, canary=False))
        name = model.partition(",")[0]
        yield Row(group, f"explore-rate-steps-{name}", f"{model}: steps", found.steps / seconds, "a second", exact=False,
                  least=STEPS_A_SECOND)
        yield Row(group, f"explore-rate-schedules-{name}", f"{model}: complete schedules", found.complete / seconds,
                  "a second", exact=False, least=SCHEDULES_A_SECOND)


def _exhaustion() -> Iterator[Row]:
    group = "Explorer: until every schedule was gone through, in this run, in time of one processor"
    for messages in ("1,1", "2,2", "3,3"):
        for model in MODELS:
            scope = f"num=2 messages={messages} event model={model}"
            found, seconds = timed(scope, How(canary=False))
            rates = f"{found.steps / seconds / 1e6:.1f} million steps/s, {found.schedules / seconds:,.0f} schedules/s"
            yield Row(group, f"explore-exhaust-{messages}-{model}", scope, seconds, "seconds", exact=False,
                      scale=f"{found.schedules:,} schedules, {found.states:,} states, {found.steps:,} steps: {rates}")


def rows(build: Path) -> Iterator[Row]:
    """Counts, then what cannot be counted."""
    program = build / "rps-explore"
    yield from _growth(program)
    yield from _parts(program)
    yield from _rates()
    yield from _exhaustion()
