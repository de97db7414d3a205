# SPDX-License-Identifier: BSD-3-Clause
"""From a schedule that fails to one that fails for the same reason and in which less happens.

Choice 0 is always the one that needs no explanation, so a decision is removed by making it 0: first in large groups,
then in smaller ones (delta debugging), and messages are left out as long as the rest still fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rpmsg_cts.explore import engine
from rpmsg_cts.explore.engine import Decision, Finding, Scope


@dataclass(frozen=True)
class Shrunk:
    """What is left: `deliberate` of the decisions are not 0; `tries` schedules were run to find it."""

    scope: Scope
    decisions: tuple[Decision, ...]
    finding: Finding
    tries: int

    @property
    def deliberate(self) -> int:
        """Decisions that are not the default."""
        return sum(decision.choice != 0 for decision in self.decisions)


Fails = Callable[[Scope, Sequence[Decision]], Finding | None]


def shrink(scope: Scope, decisions: Sequence[Decision], finding: Finding, max_tries: int = 20_000,
           progress: Callable[[int], None] = lambda tries: None) -> Shrunk:
    """Return: the smallest that was found in so many tries; at worst what was given.  `progress` hears of each try."""
    tries = 0

    def fails(candidate: Scope, choices: Sequence[Decision]) -> Finding | None:
        nonlocal tries
        tries += 1
        progress(tries)
        found = engine.replay(candidate, choices, lenient=True).finding
        return found if found and found.same == finding.same else None

    if not fails(scope, decisions):
        return Shrunk(scope, tuple(decisions), finding, tries)
    best = list(decisions)
    while True:
        before = (scope.messages, sum(d.choice != 0 for d in best))
        scope = _fewer_messages(scope, best, fails)
        best = minimal(best, lambda choices: fails(scope, choices) is not None, lambda: tries < max_tries)
        if before == (scope.messages, sum(d.choice != 0 for d in best)) or tries >= max_tries:
            break
    # What a lenient run makes of them is a list that fits.
    last = engine.replay(scope, best, lenient=True)
    return Shrunk(scope, last.decisions, last.finding or finding, tries)


def minimal(decisions: Sequence[Decision], fails: Callable[[Sequence[Decision]], bool],
            may_go_on: Callable[[], bool] = lambda: True) -> list[Decision]:
    """Make as many decisions 0 as possible while `fails` holds; then no single one of the rest can be.

    Return: decisions, as many as were given.
    """
    best = list(decisions)
    size = max(len(best) // 2, 1)
    while True:
        changed = False
        start = 0
        while start < len(best) and may_go_on():
            part = best[start:start + size]
            if any(decision.choice for decision in part):
                candidate = best[:start] + [replace(decision, choice=0) for decision in part] + best[start + size:]
                if fails(candidate):
                    best, changed = candidate, True
            start += size
        if size == 1 and not changed or not may_go_on():
            return best
        size = max(size // 2, 1)


def _fewer_messages(scope: Scope, decisions: Sequence[Decision], fails: Fails) -> Scope:
    while True:
        from_driver, from_device = scope.messages
        smaller = [(from_driver - 1, from_device), (from_driver, from_device - 1)]
        for messages in smaller:
            if min(messages) < 0 or max(messages) == 0:
                continue
            candidate = scope.with_messages(*messages)
            if fails(candidate, decisions):
                scope = candidate
                break
        else:
            return scope
