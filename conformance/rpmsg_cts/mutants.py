# SPDX-License-Identifier: BSD-3-Clause
"""Deliberate errors of our own ends, by name: the table sim/base/mutants.def as Python reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rpmsg_cts.native import Native

ANYTHING = "*"
# Stands for no requirement: it says whether the run that looks for mutants can see any.
CANARY = "canary"
TABLE = Path("sim") / "base" / "mutants.def"

# What a test's target is called while it is found out which mutants it could meet.
CENSUS = "census"

_ROW = re.compile(r'^MUTANT\((\w+), "([^"]*)", "([^"]*)", "([^"]*)"\)$', re.MULTILINE)


@dataclass(frozen=True)
class Mutant:
    """One error: the requirement whose test must find it, the others whose tests go red with it, and what it is."""

    name: str
    requirement: str
    also: tuple[str, ...]
    what: str

    @property
    def row(self) -> str:
        """The line of the table."""
        return f'MUTANT({self.name}, "{self.requirement}", "{" ".join(self.also)}", "{self.what}")'


def load(root: Path) -> dict[str, Mutant]:
    """Return: every mutant of the project at `root`, by name, in the order of the table; none without a table."""
    path = root / TABLE
    if not path.exists():
        return {}
    rows = _ROW.findall(path.read_text(encoding="utf-8"))
    return {name: Mutant(name, requirement, tuple(also.split()), what) for name, requirement, also, what in rows}


def rewrite(root: Path, rows: Iterable[Mutant]) -> list[str]:
    """Put mutants into the table in the place of those of the same name.  Return: names of those that changed."""
    path = root / TABLE
    text = path.read_text(encoding="utf-8")
    known = load(root)
    changed = [mutant for mutant in rows if known[mutant.name] != mutant]
    for mutant in changed:
        text = text.replace(known[mutant.name].row, mutant.row)
    path.write_text(text, encoding="utf-8")
    return [mutant.name for mutant in changed]


def by_requirement(mutants: Iterable[Mutant]) -> dict[str, list[Mutant]]:
    """Return: the mutants that a test of each requirement must find, but for the canary."""
    found: dict[str, list[Mutant]] = {}
    for mutant in mutants:
        if mutant.name != CANARY:
            found.setdefault(mutant.requirement, []).append(mutant)
    return found


def names(native: Native) -> list[str]:
    """Return: the mutants that a library was built with, by number, from 1 on."""
    info = native.ffi.new("struct rps_mutant_info *")
    found: list[str] = []
    while native.lib.rps_mutant_get(len(found) + 1, info):
        found.append(native.ffi.string(info.name).decode())
    return found


def met(native: Native, known: list[str]) -> list[str]:
    """Return: those of the `known` mutants to whose places a census has come since this was last asked."""
    reached = native.ffi.new("bool[]", len(known))
    native.lib.rps_mutant_census(reached, len(known))
    return [name for name, yes in zip(known, reached) if yes]
