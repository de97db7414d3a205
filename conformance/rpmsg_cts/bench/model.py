# SPDX-License-Identifier: BSD-3-Clause
"""What a bench says: rows of one kind, exact counts first, in one file format and one table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import groupby


@dataclass(frozen=True)
class Row:
    """One number and what it means.  Counts are exact: the same program gives the same number again."""

    group: str  # heading it stands under
    name: str  # of the number, for programs; unique
    what: str  # the same for people
    value: float
    unit: str
    exact: bool = True  # counted; else measured, and only comparable within one run
    goal: float | None = None  # at most
    least: float | None = None  # the opposite: at least
    scale: str = ""  # what others need, or what it is to be compared with

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where there is none."""
        if self.least is not None:
            return self.value >= self.least
        return None if self.goal is None else self.value <= self.goal


def to_jsonl(facts: dict[str, str], rows: Iterable[Row]) -> str:
    """The machine in the first line, then a row a line."""
    lines = [{"kind": "machine", **facts}] + [{"kind": "row", **asdict(row)} for row in rows]
    return "".join(json.dumps(line) + "\n" for line in lines)


def _number(value: float) -> str:
    if value >= 1e5:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _lines(row: Row) -> Iterator[str]:
    bound, sign = (row.goal, "<=") if row.least is None else (row.least, ">=")
    goal = "" if bound is None else f"goal {sign} {_number(bound)}: {'met' if row.met else 'MISSED'}"
    yield f"  {row.what:<58} {_number(row.value):>9} {row.unit:<13} {goal}".rstrip()
    if row.scale:
        yield f"      {row.scale}"


def to_text(facts: dict[str, str], rows: Iterable[Row]) -> str:
    """The table for people."""
    out = ["; ".join(f"{name} {value}" for name, value in facts.items())]
    for group, members in groupby(rows, key=lambda row: row.group):
        out += ["", group]
        for row in members:
            out += _lines(row)
    return "\n".join(out) + "\n"
