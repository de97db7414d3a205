# SPDX-License-Identifier: BSD-3-Clause
"""Profiles: which of the ways that real implementations differ a run expects or tolerates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from rpmsg_cts.catalogue import Catalogue
from rpmsg_cts.strict_toml import (
    SCALAR,
    SCALARS,
    TABLE,
    TABLES,
    TEXT,
    TEXTS,
    CatalogueError,
    Document,
    Key,
    Table,
    did_you_mean,
    near_names,
)

__all__ = ["CatalogueError", "Choice", "Profile", "Profiles", "Switch", "load"]

Value = str | int

STRICT = "strict"
"""The profile that tolerates no departure; it is the default of a run."""

_SWITCHES = {
    "switch": Key(
        TABLES,
        name="name",
        shape={
            "name": Key(TEXT),
            "why": Key(TEXT),
            "choice": Key(
                TABLES,
                shape={
                    "value": Key(SCALAR),
                    "meaning": Key(TEXT),
                    "relaxes": Key(TEXTS, required=False),
                },
            ),
        },
    )
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a switch; `relaxes` are the requirements it departs from, none for a conforming choice."""

    value: Value
    meaning: str
    relaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """One way in which implementations differ, and the values it takes among them."""

    name: str
    why: str
    choices: Mapping[Value, Choice]

    @property
    def values(self) -> tuple[Value, ...]:
        """The values allowed, conforming ones first."""
        return tuple(self.choices)

    @property
    def relaxes(self) -> tuple[str, ...]:
        """The requirements that some value departs from, in the order of the values."""
        return tuple(dict.fromkeys(id for choice in self.choices.values() for id in choice.relaxes))


@dataclass(frozen=True, slots=True)
class Profile:
    """For each switch the values that a run accepts; the first is what an implementation of this kind does."""

    name: str
    title: str
    accepted: Mapping[str, tuple[Value, ...]]
    switches: Mapping[str, Switch]

    def value(self, switch: str) -> Value:
        """What an implementation of this kind does, and what our own end does when it plays one."""
        return self.accepted[self._known(switch)][0]

    def values(self, switch: str) -> tuple[Value, ...]:
        """All values that a run accepts from the IUT, the expected one first."""
        return self.accepted[self._known(switch)]

    def tolerates(self, switch: str, value: Value) -> bool:
        """Whether an IUT may do so; raises CatalogueError for a switch or a value that does not exist."""
        if value not in self.switches[self._known(switch)].choices:
            near = did_you_mean(near_names(str(value), map(str, self.switches[switch].choices)))
            raise CatalogueError(f"switch '{switch}' has no value {value!r}{near}")
        return value in self.accepted[switch]

    def departures(self, requirement: str) -> tuple[tuple[str, Value], ...]:
        """The pairs of switch and value by which this profile relaxes a requirement: reports show them."""
        return tuple(
            (name, value)
            for name, values in self.accepted.items()
            for value in values
            if requirement in self.switches[name].choices[value].relaxes
        )

    def _known(self, switch: str) -> str:
        if switch not in self.switches:
            raise CatalogueError(f"unknown switch '{switch}'{did_you_mean(near_names(switch, self.switches))}")
        return switch


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles by name, and the switches they set."""

    profiles: Mapping[str, Profile]
    switches: Mapping[str, Switch]

    def __iter__(self) -> Iterator[str]:
        return iter(self.profiles)

    def get(self, name: str) -> Profile:
        """The profile of that name; raises CatalogueError, which names what is spelled alike, or all there are."""
        if name not in self.profiles:
            near = near_names(name, self.profiles) or sorted(self.profiles)
            raise CatalogueError(f"unknown profile '{name}'{did_you_mean(near)}")
        return self.profiles[name]


def load(root: Path, catalogue: Catalogue | None = None) -> Profiles:
    """Read fixtures/profiles/*.toml below `root`, the top of the tree; raises CatalogueError at the first fault.

    With a catalogue the requirements that choices relax are looked up too.
    """
    folder = root / "fixtures" / "profiles"
    switches = _switches(Document(folder / "switches.toml", root).top(_SWITCHES), catalogue)
    profiles = {}
    for path in sorted(folder.glob("*.toml")):
        if path.stem != "switches":
            profiles[path.stem] = _profile(Document(path, root), path.stem, switches)
    if STRICT not in profiles:
        raise CatalogueError(f"fixtures/profiles: there is no '{STRICT}.toml'")
    return Profiles(MappingProxyType(profiles), MappingProxyType(switches))


def _switches(top: Table, catalogue: Catalogue | None) -> dict[str, Switch]:
    switches: dict[str, Switch] = {}
    for table in top.tables("switch"):
        name = table["name"]
        if name in switches:
            raise table.error(f"there are two switches '{name}'", "name")
        choices: dict[Value, Choice] = {}
        for row in table.tables("choice"):
            if row["value"] in choices:
                raise row.error(f"there are two choices {row['value']!r}", "value")
            choices[row["value"]] = _choice(row, catalogue)
        if not choices or next(iter(choices.values())).relaxes:
            raise table.error("the first choice must be one that relaxes nothing", "choice")
        switches[name] = Switch(name, table["why"], MappingProxyType(choices))
    return switches


def _choice(row: Table, catalogue: Catalogue | None) -> Choice:
    relaxes = tuple(row.get("relaxes", ()))
    for id in relaxes if catalogue is not None else ():
        try:
            catalogue.get(id)
        except CatalogueError as error:
            raise row.error(str(error), "relaxes") from error
    return Choice(row["value"], row["meaning"], relaxes)


def _profile(document: Document, name: str, switches: Mapping[str, Switch]) -> Profile:
    shape = {switch: Key(SCALARS, allowed=switches[switch].values) for switch in switches}
    top = document.top({"name": Key(TEXT), "title": Key(TEXT), "switches": Key(TABLE, shape=shape)})
    if top["name"] != name:
        raise top.error(f"profile '{top['name']}' in the file of profile '{name}'", "name")
    table = top.table("switches")
    for switch, values in table.items():
        if not values or len(set(values)) != len(values):
            raise table.error(f"'{switch}' is empty or says something twice", switch)
        for value in values if name == STRICT else ():
            if switches[switch].choices[value].relaxes:
                raise table.error(f"'{switch}' cannot be {value!r}: profile '{STRICT}' tolerates no departure", switch)
    accepted = {switch: tuple(table[switch]) for switch in switches}
    return Profile(name, top["title"], MappingProxyType(accepted), MappingProxyType(dict(switches)))
