# SPDX-License-Identifier: BSD-3-Clause
"""Deliberate errors of the kernel's own RPMsg code: the table fixtures/kernel/mutants.toml, and what a run says of it.

No line of a kernel is kept here but the expression that is taken away; what is compiled is made when it is needed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debs import TREE

sys.path.insert(0, str(TREE / "conformance"))
from rpmsg_cts import catalogue  # noqa: E402  pylint: disable=wrong-import-position
from rpmsg_cts.strict_toml import BOOLEAN, INTEGER, TABLES, TEXT, TEXTS, CatalogueError, Document, Key, Table  # noqa: E402
from rpmsg_cts.targets import is_release  # noqa: E402

TABLE = Path("fixtures", "kernel", "mutants.toml")
# Changes nothing that can be seen: a run that finds it finds anything.
CANARY = "canary"
UNCHANGED = "unchanged"

_FILES = tuple(f"{name}.c" for name in ("virtio_rpmsg_bus", "rpmsg_ns", "rpmsg_core", "rpmsg_char", "rpmsg_ctrl"))
_SHAPE = {"mutant": Key(TABLES, name="name", shape={
    "name": Key(TEXT), "what": Key(TEXT), "requirement": Key(TEXT), "alive": Key(TEXT),
    "file": Key(TEXT, allowed=_FILES), "text": Key(TEXT), "instead": Key(TEXT), "survives": Key(TEXT, required=False),
    "with": Key(TEXTS, required=False), "fuzz": Key(INTEGER, required=False), "simtime": Key(BOOLEAN, required=False),
    "other": Key(TABLES, required=False,
                 shape={"releases": Key(TEXTS), "text": Key(TEXT), "instead": Key(TEXT)})})}


class Misfit(Exception):
    """A mutant whose text is not in a kernel's source, or not once."""


@dataclass(frozen=True)
class Edit:
    """A piece of a source file, and what takes its place; the kernels where it does (none: all others)."""

    text: str
    instead: str
    releases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mutant:
    """One error.  requirement: its test must go red; alive: its test must stay green; survives: why no test can see it.

    variants: of the kernel that has to see it, where the plain one cannot.  fuzz: within how many programs the hostile
    device must come upon it as well; 0 where it need not.  simtime: it is judged in simulated time.
    """

    name: str
    what: str
    requirement: str
    alive: str
    file: str
    edits: tuple[Edit, ...]
    survives: str
    variants: tuple[str, ...] = ()
    fuzz: int = 0
    simtime: bool = False

    def edit_for(self, release: str) -> Edit:
        """What is changed in a kernel of this release, as in 6.1.176."""
        for edit in self.edits:
            if any(is_release(release, one) for one in edit.releases):
                return edit
        return self.edits[-1]

    def apply(self, source: str, release: str) -> str:
        """Return: the file with the error.  Raises Misfit."""
        edit = self.edit_for(release)
        # Lines may be broken elsewhere in another kernel.
        pattern = re.compile(r"\s+".join(map(re.escape, edit.text.split())))
        found = list(pattern.finditer(source))
        if len(found) != 1:
            times = f"found {len(found)} times" if found else "not found"
            raise Misfit(f"{TABLE}: mutant {self.name}: text {times} in drivers/rpmsg/{self.file} of Linux {release}; give "
                         f"it an [[mutant.other]] with releases = [\"{'.'.join(release.split('.')[:2])}\"]: {edit.text}")
        return source[:found[0].start()] + edit.instead + source[found[0].end():]


def load(root: Path = TREE) -> dict[str, Mutant]:
    """Return: all mutants by name, in the order of the table.  Raises CatalogueError."""
    known = catalogue.load(TREE).requirements
    mutants: dict[str, Mutant] = {}
    for row in Document(root / TABLE, root).top(_SHAPE).tables("mutant"):
        mutant = _mutant(row, known)
        if mutant.name in mutants or mutant.name == UNCHANGED:
            raise row.error(f"the name '{mutant.name}' is taken", "name")
        mutants[mutant.name] = mutant
    if CANARY not in mutants:
        raise CatalogueError(f"{TABLE}: there is no mutant '{CANARY}', which shows that a survivor is noticed")
    return mutants


def _mutant(row: Table, known: Mapping[str, Any]) -> Mutant:
    if not re.fullmatch(r"[a-z0-9_]+", row["name"]):
        raise row.error("a name is made of a-z, 0-9 and _", "name")
    for key in ("requirement", "alive"):
        if row[key] not in known:
            raise row.error(f"there is no requirement {row[key]}", key)
    if row["requirement"] == row["alive"]:
        raise row.error("what must go red cannot be what must stay green", "alive")
    tables = [*row.tables("other"), row]
    edits = tuple(Edit(one["text"], one["instead"], tuple(one.get("releases", ()))) for one in tables)
    for table, edit in zip(tables, edits):
        if not edit.text.strip() or edit.text.split() == edit.instead.split():
            raise table.error("'instead' must differ from 'text', and 'text' must say something", "text")
    return Mutant(row["name"], row["what"], row["requirement"], row["alive"], row["file"], edits, row.get("survives", ""),
                  tuple(sorted(row.get("with", ()))), row.get("fuzz", 0), row.get("simtime", False))


@dataclass(frozen=True)
class Fate:
    """What became of a mutant: killed, survived, or unclear; `problem` is empty where that is as it should be."""

    mutant: Mutant
    fate: str
    red: tuple[str, ...]  # tests of its requirement
    problem: str


def judged(results: Sequence[Mapping[str, Any]], requirement: str) -> dict[str, list[str]]:
    """Return: the tests of a requirement by verdict."""
    found: dict[str, list[str]] = {}
    for row in results:
        if row["type"] == "result" and row["requirement"] == requirement:
            found.setdefault(row["verdict"], []).append(row["test"])
    return found


def _is_green(verdicts: Mapping[str, Sequence[str]]) -> bool:
    return "PASS" in verdicts and not {"FAIL", "INCONC", "ERROR"} & set(verdicts)


def fate_of(mutant: Mutant, results: Sequence[Mapping[str, Any]]) -> Fate:
    """What a run on a mutant's kernel says of it."""
    named, alive = judged(results, mutant.requirement), judged(results, mutant.alive)
    red = tuple(sorted(named.get("FAIL", ())))
    if red:
        fate = "killed"
    else:
        fate = "survived" if _is_green(named) else "unclear"
    return Fate(mutant, fate, red, _problem(mutant, fate, named, alive))


def _problem(mutant: Mutant, fate: str, named: Mapping[str, Sequence[str]], alive: Mapping[str, Sequence[str]]) -> str:
    if fate == "unclear":
        return f"the tests of {mutant.requirement} said {_counted(named)}: neither red nor green"
    if fate == "killed" and mutant.survives:
        return f"{mutant.requirement} finds it, and the table says that nothing can"
    if fate == "survived" and not mutant.survives:
        return f"no test of {mutant.requirement} went red, and the table does not say why none can"
    if not _is_green(alive):
        return f"{mutant.alive} said {_counted(alive)} and has nothing to do with it: does the kernel still start?"
    return ""


def unchanged_problems(mutants: Sequence[Mutant], results: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return: what is not green on the kernel as it is, although a mutant's fate hangs on it."""
    ids = sorted({id_ for mutant in mutants for id_ in (mutant.requirement, mutant.alive)})
    return [f"{UNCHANGED}: {id_} said {_counted(verdicts)}" for id_ in ids
            if not _is_green(verdicts := judged(results, id_))]


def _counted(verdicts: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{verdict} {len(tests)}" for verdict, tests in sorted(verdicts.items())) or "nothing"


def as_json(release: str, fates: Sequence[Fate], problems: Sequence[str]) -> dict[str, Any]:
    """The matrix, for programs."""
    rows = {fate.mutant.name: {"what": fate.mutant.what, "file": fate.mutant.file, "requirement": fate.mutant.requirement,
                               "fate": fate.fate, "red": list(fate.red), "survives": fate.mutant.survives,
                               "problem": fate.problem} for fate in fates}
    return {"version": 1, "release": release, "problems": list(problems), "mutants": rows}


def as_text(release: str, fates: Sequence[Fate], problems: Sequence[str]) -> str:
    """The matrix, for readers."""
    lines = [f"Deliberate errors of the RPMsg code of Linux {release}", ""]
    widths = [max(len(fate.mutant.name) for fate in fates), 8, 7] if fates else [0, 0, 0]
    for fate in fates:
        cells = (fate.mutant.name, fate.fate, fate.mutant.requirement)
        lines.append("  ".join([*(f"{cell:{width}}" for cell, width in zip(cells, widths)), fate.mutant.what]))
        lines += [f"    {test}" for test in fate.red]
        if fate.mutant.survives:
            lines.append(f"    survives: {fate.mutant.survives}")
    real = [fate for fate in fates if fate.mutant.name != CANARY]
    killed = sum(fate.fate == "killed" for fate in real)
    lines += ["", f"{killed} of {len(real)} were found"]
    return "\n".join([*lines, *(f"problem: {text}" for text in problems)]) + "\n"
