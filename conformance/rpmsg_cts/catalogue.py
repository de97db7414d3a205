# SPDX-License-Identifier: BSD-3-Clause
"""The catalogue of requirements: what RPMsg asks of a driver and of a device, sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from rpmsg_cts.strict_toml import (
    BOOLEAN,
    TABLES,
    TEXT,
    TEXTS,
    CatalogueError,
    Document,
    Key,
    Table,
    near_names,
    one_of,
)

__all__ = ["SUITE_NAMES", "Catalogue", "CatalogueError", "Requirement", "Suite", "UnknownRequirement", "load"]

SUITE_NAMES = (
    "layout",
    "initialisation",
    "header",
    "endianness",
    "addressing",
    "name_service",
    "flow",
    "robustness",
    "resource_table",
    "api",
    "vhost",
)
"""From the ring up to the interface: the order of every listing and report."""

ROLES = ("driver", "device")
EVERY_TARGET = "*"

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_REQUIREMENT = {
    "id": Key(TEXT),
    "slug": Key(TEXT),
    "statement": Key(TEXT),
    "level": Key(TEXT, allowed=("MUST", "SHOULD", "MAY")),
    "binds": Key(TEXTS, allowed=ROLES),
    "source": Key(TEXTS),
    "normative": Key(BOOLEAN),
    "observe": Key(TEXT),
    "mutant": Key(TEXT),
    "untestable": Key(TEXT, required=False),
}
_FILE = {
    "suite": Key(TEXT),
    "prefix": Key(TEXT),
    "title": Key(TEXT),
    "targets": Key(TEXT, required=False),
    "requirement": Key(TABLES, shape=_REQUIREMENT, name="id"),
}


class UnknownRequirement(CatalogueError):
    """A requirement was asked for that the catalogue does not have; `near` are the ids that may have been meant."""

    def __init__(self, id: str, near: list[Requirement]) -> None:
        self.id = id
        self.near = tuple(requirement.id for requirement in near)
        hint = one_of([f"{requirement.id} ({requirement.slug})" for requirement in near])
        super().__init__(f"unknown requirement '{id}'" + (f": did you mean {hint}?" if hint else ""))


@dataclass(frozen=True, slots=True)
class Requirement:
    """One sentence that an implementation obeys or violates.

    `source` begins with the text that carries the rule; `normative` says whether that is a clause of the VirtIO
    standard.  `untestable` is None, or the reason why no test can exist.  `targets` is a
    glob over the names of those that can have what it is about.  `where` is the file and line of the row.
    """

    id: str
    slug: str
    suite: str
    statement: str
    level: str
    binds: frozenset[str]
    source: tuple[str, ...]
    normative: bool
    observe: str
    mutant: str
    untestable: str | None
    targets: str
    where: str

    @property
    def no_mutant(self) -> str | None:
        """Why no deliberate error can stand for this, where the row says so: "none: because"."""
        word, _, why = self.mutant.partition(": ")
        return why if word == "none" else None

    def applies_to(self, target: str, roles: Iterable[str]) -> bool:
        """Whether a target that plays these roles can obey or violate it."""
        return fnmatchcase(target, self.targets) and not self.binds.isdisjoint(roles)

    @property
    def binds_text(self) -> str:
        """The bound roles in one word: "driver", "device" or "both"."""
        return "both" if len(self.binds) > 1 else next(iter(self.binds))

    @property
    def source_text(self) -> str:
        """All sources on one line, the carrying one first."""
        return "; ".join(self.source)


@dataclass(frozen=True, slots=True)
class Suite:
    """The requirements of one subject, which live in one file and are tested by one folder."""

    name: str
    prefix: str
    title: str
    requirements: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All requirements, in the order of the suites and of their numbers."""

    suites: Mapping[str, Suite]
    requirements: Mapping[str, Requirement]

    def __contains__(self, id: object) -> bool:
        return id in self.requirements

    def __len__(self) -> int:
        return len(self.requirements)

    def get(self, id: str) -> Requirement:
        """The requirement of that id; raises UnknownRequirement, which names up to three that are spelled alike."""
        found = self.requirements.get(id)
        if found is None:
            raise UnknownRequirement(id, self._near(id))
        return found

    def _near(self, id: str) -> list[Requirement]:
        """Requirements whose id or slug resembles `id`, best first, at most three."""
        by_name = {requirement.slug: requirement for requirement in self.requirements.values()}
        by_name |= self.requirements
        near: list[Requirement] = []
        for name in near_names(id, by_name, limit=6):
            if by_name[name] not in near:
                near.append(by_name[name])
        return near[:3]


def load(root: Path) -> Catalogue:
    """Read fixtures/requirements/*.toml below `root`, the top of the tree; raises CatalogueError at the first fault."""
    folder = root / "fixtures" / "requirements"
    suites = {}
    seen: dict[str, Requirement] = {}
    for name in SUITE_NAMES:
        suites[name] = _suite(Document(folder / f"{name}.toml", root), name, seen)
    for path in sorted(folder.glob("*.toml")):
        if path.stem not in suites:
            raise CatalogueError(f"{path.relative_to(root).as_posix()}:1: there is no suite '{path.stem}'")
    requirements = {row.id: row for suite in suites.values() for row in suite.requirements}
    return Catalogue(MappingProxyType(suites), MappingProxyType(requirements))


def _suite(document: Document, name: str, seen: dict[str, Requirement]) -> Suite:
    """One file; `seen` holds what was read so far by id and by slug, and is added to."""
    top = document.top(_FILE)
    if top["suite"] != name:
        raise top.error(f"suite '{top['suite']}' in the file of suite '{name}'", "suite")
    rows = []
    for number, table in enumerate(top.tables("requirement"), 1):
        row = _requirement(table, name, top.get("targets", EVERY_TARGET))
        for key in ("id", "slug"):
            other = seen.setdefault(table[key], row)
            if other is not row:
                raise table.error(f"{key} '{table[key]}' is already that of {other.id} at {other.where}", key)
        _check_id(table, top["prefix"], number)
        rows.append(row)
    return Suite(name, top["prefix"], top["title"], tuple(rows))


def _requirement(table: Table, suite: str, targets: str) -> Requirement:
    for key in ("statement", "observe", "mutant", "untestable"):
        if key in table and not table[key].strip():
            raise table.error(f"'{key}' is empty", key)
    if not _SLUG.fullmatch(table["slug"]):
        raise table.error(f"slug '{table['slug']}' is not of the form 'words-with-hyphens'", "slug")
    if not table["statement"].endswith((".", ".)")):
        raise table.error("the statement is not a sentence: it has no full stop", "statement")
    for key in ("binds", "source"):
        if not table[key] or len(set(table[key])) != len(table[key]):
            raise table.error(f"'{key}' is empty or says something twice", key)
    if table["normative"] != table["source"][0].startswith("VirtIO"):
        raise table.error(
            "'normative' must be true exactly if the first source, which carries the rule, starts with 'VirtIO'",
            "normative",
        )
    return Requirement(
        id=table["id"],
        slug=table["slug"],
        suite=suite,
        statement=table["statement"],
        level=table["level"],
        binds=frozenset(table["binds"]),
        source=tuple(table["source"]),
        normative=table["normative"],
        observe=table["observe"],
        mutant=table["mutant"],
        untestable=table.get("untestable"),
        targets=targets,
        where=table.where,
    )


def _check_id(table: Table, prefix: str, number: int) -> None:
    """Ids are the prefix of the file and a number without gaps, so that a lost row is noticed."""
    if not re.fullmatch(rf"{re.escape(prefix)}-\d{{3}}", table["id"]):
        raise table.error(f"id '{table['id']}' is not of the form '{prefix}-001'", "id")
    if table["id"] != f"{prefix}-{number:03d}":
        raise table.error(f"id '{table['id']}' where '{prefix}-{number:03d}' comes next", "id")
