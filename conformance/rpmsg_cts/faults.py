# SPDX-License-Identifier: BSD-3-Clause
"""The table of faults as Python sees it; sim/fault/faults.def says what its words mean."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from rpmsg_cts import near
from rpmsg_cts.native import Native, simulated
from rpmsg_cts.targets import DEVICE, DRIVER

TABLE = Path("sim") / "fault" / "faults.def"
ROLES = {"DRIVER": (DRIVER,), "DEVICE": (DEVICE,), "BOTH": (DRIVER, DEVICE)}


_BORNE = re.compile(r'^BORNE\((\w+), *(\w+), *"([^"]*)"\)$', re.MULTILINE)


class UnknownFault(Exception):
    """No row has this name; the message names near ones."""


@dataclass(frozen=True)
class Fault:
    """One row.  at, width: where the field is in its record, in bytes; a width of 0 is no field."""

    number: int
    name: str
    kind: str
    judged: tuple[str, ...]
    side: str
    field: str
    how: str
    content: str
    after: str
    requirements: tuple[str, ...]
    what: str
    value: int
    nth: int
    at: int
    width: int

    def __str__(self) -> str:
        return self.name


@functools.cache
def table() -> dict[str, Fault]:
    """Return: every fault by its name, in the order of the table."""
    native = simulated()
    info = native.ffi.new("struct rps_fault_info *")
    rows: dict[str, Fault] = {}
    while native.lib.rps_fault_get(len(rows) + 1, info):
        row = _row(native, len(rows) + 1, info)
        rows[row.name] = row
    return rows


def _row(native: Native, number: int, info: object) -> Fault:
    def text(name: str) -> str:
        return native.ffi.string(getattr(info, name)).decode("ascii")

    return Fault(number, text("name"), text("kind"), ROLES[text("judged")], text("side"), text("field"), text("how"),
                 text("content"), text("after"), tuple(text("requirements").split()), text("what"),
                 *(getattr(info, name) for name in ("value", "nth", "field_at", "field_bytes")))


def find(name: str) -> Fault:
    """Return: the fault of this name; UnknownFault where there is none."""
    try:
        return table()[name]
    except KeyError:
        raise UnknownFault(near.unknown("fault", name, table())) from None


def aimed_at(role: str) -> list[Fault]:
    """Return: the faults that an end in this role has to bear."""
    return [fault for fault in table().values() if role in fault.judged]


def borne(root: Path) -> dict[tuple[str, str], str]:
    """Return: faults, and roles, for which no error of an end can stand, and why not; none without a table."""
    path = root / TABLE
    rows = _BORNE.findall(path.read_text(encoding="utf-8")) if path.exists() else []
    return {(name, role): why for name, judged, why in rows for role in ROLES[judged]}


@functools.cache
def swarms() -> tuple[str, ...]:
    """Return: names of the swarm profiles."""
    native = simulated()
    names: list[str] = []
    while (name := native.lib.rps_swarm_name(len(names))) != native.ffi.NULL:
        names.append(native.ffi.string(name).decode("ascii"))
    return tuple(names)
