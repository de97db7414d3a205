# SPDX-License-Identifier: BSD-3-Clause
"""Whether a run came to where it had to: sim/base/marks.def, counted over all tests.

A test that passes because nothing happened says nothing.  Each mark stands for a place of our own ends, and for the
requirements whose verdicts mean little unless some test came there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rpmsg_cts.native import Native
from rpmsg_cts.targets import ROLES, Lane

# What stands for a test in a result about marks.
TEST = "marks::reached"


@dataclass(frozen=True)
class Mark:
    """One place: the roles whose end can come there, the requirements that it is about, and what it is."""

    name: str
    roles: tuple[str, ...]
    requirements: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"{self.name} ({self.what})"


@dataclass
class Reached:
    """How often the ends of a run came to each mark, by lane."""

    counts: dict[Lane, list[int]] = field(default_factory=dict)

    def add(self, lane: Lane, counts: Sequence[int]) -> None:
        """Take in one link's counts."""
        sums = self.counts.setdefault(lane, [0] * len(counts))
        for number, count in enumerate(counts):
            sums[number] += count

    def never(self, table: Sequence[Mark], passed: Iterable[tuple[Lane, str]]) -> dict[tuple[Lane, str], list[Mark]]:
        """Return: for each requirement that passed on a lane the marks that nobody came to there, if there are any.

        A lane of which no link was counted has no marks, and so misses none.
        """
        missed: dict[tuple[Lane, str], list[Mark]] = {}
        for lane, requirement in passed:
            for mark, count in zip(table, self.counts.get(lane, ())):
                if not count and lane.role in mark.roles and requirement in mark.requirements:
                    missed.setdefault((lane, requirement), []).append(mark)
        return missed


def load(native: Native) -> list[Mark]:
    """Return: the marks that a library was built with, by number."""
    info = native.ffi.new("struct rps_mark_info *")
    table: list[Mark] = []
    while native.lib.rps_mark_get(len(table), info):
        name, requirements, what = (native.ffi.string(text).decode() for text in
                                    (info.name, info.requirements, info.what))
        roles = tuple(role for bit, role in enumerate(ROLES) if info.ends >> bit & 1)
        table.append(Mark(name, roles, tuple(requirements.split()), what))
    return table


def counted(native: Native, world: Any, end: int) -> list[int]:
    """Return: how often an end of a world came to each mark."""
    size = native.lib.rps_world_marks(world, end, native.ffi.NULL, 0)
    reached = native.ffi.new("uint64_t[]", size)
    native.lib.rps_world_marks(world, end, reached, size)
    return list(reached)


def unknown_requirements(table: Iterable[Mark], known: Mapping[str, object]) -> list[str]:
    """Return: what is wrong with the table's requirements, a line each."""
    return [f"{mark.name}: there is no requirement {id_}" for mark in table for id_ in mark.requirements
            if id_ not in known]
