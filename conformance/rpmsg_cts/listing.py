# SPDX-License-Identifier: BSD-3-Clause
"""What there is: rows for `list`, text for `show`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rpmsg_cts import catalogue, faults, finding, known, mutants, profiles, targets, vectors
from rpmsg_cts.collected import Collector, collect
from rpmsg_cts.recorder import Subject
from rpmsg_cts.verdict import HarnessError

# One row of a listing; the same keys in every row of a kind, in the order in which they are shown.
Entry = Mapping[str, Any]

_VECTOR_NAME = re.compile(r"\bV-[A-Z]+-\d+[a-z]?\b")


def requirements(root: Path) -> list[Entry]:
    """Return: every requirement of the catalogue."""
    standing = mutants.by_requirement(mutants.load(root).values())
    return [{"id": row.id, "level": row.level, "binds": row.binds_text, "suite": row.suite,
             "mutants": len(standing.get(row.id, ())), "slug": row.slug, "statement": row.statement} for row in catalogue.load(root).requirements.values()]


def tests(root: Path) -> list[Entry]:
    """Return: every test on every target but the mutants."""
    return [{"test": nodeid, "requirements": [text.id for text in subject.requirements], "target": subject.lane.target,
             "role": subject.lane.role} for nodeid, subject in _collect(root).items]


def all_targets(root: Path) -> list[Entry]:
    """Return: every target."""
    return [{"target": target.name, "roles": list(target.roles), "what": target.what}
            for target in targets.all_targets(root).values()]


def suites(root: Path) -> list[Entry]:
    """Return: every suite."""
    return [{"suite": suite.name, "prefix": suite.prefix, "requirements": len(suite.requirements), "title": suite.title}
            for suite in catalogue.load(root).suites.values()]


def all_profiles(root: Path) -> list[Entry]:
    """Return: every profile."""
    found = profiles.load(root)
    return [{"profile": name, "title": found.get(name).title} for name in found]


def all_vectors(root: Path) -> list[Entry]:
    """Return: every golden vector."""
    return [{"vector": vector.name, "kind": vector.kind, "bytes": len(vector.bytes), "meaning": vector.meaning}
            for vector in vectors.load(root).by_name.values()]


def all_faults(_root: Path) -> list[Entry]:
    """Return: every fault of sim/fault/faults.def, as the library has it."""
    return [{"fault": fault.name, "kind": fault.kind, "judged": list(fault.judged),
             "requirements": list(fault.requirements), "what": fault.what} for fault in faults.table().values()]


KINDS: Mapping[str, Callable[[Path], Sequence[Entry]]] = {
    "requirements": requirements,
    "tests": tests,
    "targets": all_targets,
    "suites": suites,
    "profiles": all_profiles,
    "vectors": all_vectors,
    "faults": all_faults,
    "findings": finding.rows,
}


def requirement_sections(root: Path, name: str) -> list[tuple[str, list[str]]]:
    """Say everything about one requirement, given by id or slug.

    Return: labelled groups of lines, in reading order.  Raises UnknownRequirement, naming near ones.
    """
    rows = catalogue.load(root)
    by_slug = {row.slug: row for row in rows.requirements.values()}
    row = by_slug.get(name) or rows.get(name.upper() if name.upper() in rows else name)
    source, *others = row.source
    tested = [(nodeid, subject) for nodeid, subject in _collect(root).items
              if any(text.id == row.id for text in subject.requirements)]
    sections = [
        ("statement", [row.statement]),
        ("level", [f"{row.level}, binds {'driver and device' if row.binds_text == 'both' else 'the ' + row.binds_text}"]),
        ("violates" if row.normative else "differs from", [source]),
        ("see also", others),
        ("observed by", [row.observe]),
        ("mutant", [row.mutant]),
        ("mutants", _mutants_of(root, row, any(subject.lane.target == targets.SIM for _, subject in tested))),
        ("judged on", [row.targets] if row.targets != catalogue.EVERY_TARGET else []),
        ("untestable", [row.untestable] if row.untestable else []),
        ("tests", _tests_of(tested)),
        ("vectors", _vectors_of(root, row)),
        ("relaxed by", _profiles_of(root, rows, row.id)),
        ("known", [f"{entry.id} on {entry.target} as {entry.role}{' ' + entry.kernel if entry.kernel else ''}: {entry.note} See `rpmsg-cts show --finding {entry.id}`."
                   for entry in known.load(root) if entry.requirement == row.id]),
        ("stands in", [row.where]),
    ]
    return [(f"{row.id}  {row.slug}", []), *((label, lines) for label, lines in sections if lines)]


def _collect(root: Path) -> Collector:
    collector = collect(root, [name for name in targets.all_targets(root) if not name.startswith(targets.MUTANT_PREFIX)])
    if collector.problems:
        raise HarnessError("\n".join(collector.problems))
    return collector


def _tests_of(tested: list[tuple[str, Subject]]) -> list[str]:
    lanes: dict[str, list[str]] = {}
    for nodeid, subject in tested:
        where = lanes.setdefault(nodeid.partition("[")[0], [])
        if str(subject.lane) not in where:
            where.append(str(subject.lane))
    return [f"{test}  on {', '.join(where)}" for test, where in lanes.items()] or ["none yet"]


def _mutants_of(root: Path, row: catalogue.Requirement, judged_on_sim: bool) -> list[str]:
    """The errors that stand for a requirement; that there is none is only said where one has to be."""
    standing = mutants.by_requirement(mutants.load(root).values()).get(row.id, [])
    if not standing and judged_on_sim and not row.no_mutant:
        return ["none yet: nothing shows that its tests can fail"]
    return [f"{mutant.name}  {mutant.what}" for mutant in standing]


def _vectors_of(root: Path, row: catalogue.Requirement) -> list[str]:
    named = set(_VECTOR_NAME.findall(" ".join((row.statement, row.observe, *row.source))))
    return [f"{vector.name}  {vector.meaning}" for vector in vectors.load(root).by_name.values() if vector.id in named]


def _profiles_of(root: Path, rows: catalogue.Catalogue, id_: str) -> list[str]:
    found = profiles.load(root, rows)
    return [f"profile {name}: {switch} = {value}" for name in found for switch, value in found.get(name).departures(id_)]
