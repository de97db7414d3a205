# SPDX-License-Identifier: BSD-3-Clause
"""Known defects: failures that are recorded, with the message they must fail with.

An entry turns FAIL into KNOWN only when everything agrees: requirement, target, role, kernel release and message.  A
failure with another message is news and stays FAIL.  fixtures/known/README.md explains the keys.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from rpmsg_cts.results import KnownDefect
from rpmsg_cts.verdict import Judgement

KEYS = {"id": str, "requirement": str, "target": str, "role": str, "kernel": str, "message": str, "url": str,
        "note": str}
OPTIONAL_KEYS = {"kernel"}
ROLES = ("driver", "device", "both")

_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*(\d+(?:\.\d+)*)")


class BadKnown(Exception):
    """A file of known defects is wrong: path, entry and key."""


@dataclass(frozen=True)
class Entry:
    """One recorded defect.

    target: glob.  kernel: comma-separated bounds on the release such as ">=4.0,<6.13", empty for any.
    message: regular expression, searched in the failure's reason, expectation and observation.
    """

    id: str
    requirement: str
    target: str
    role: str
    kernel: str
    message: re.Pattern[str]
    url: str
    note: str

    def covers(self, requirement: str, target: str, role: str, kernel_release: str) -> bool:
        """Say whether the entry is about this requirement on this lane."""
        return (requirement == self.requirement and fnmatchcase(target, self.target) and self.role in (role, "both")
                and release_within(kernel_release, self.kernel))

    def explains(self, judgement: Judgement) -> bool:
        """Say whether a failure is the recorded one."""
        return any(self.message.search(text) for text in (judgement.reason, judgement.expected, judgement.observed))

    @property
    def defect(self) -> KnownDefect:
        """The entry as it stands in a result."""
        return KnownDefect(self.id, self.url, self.note)


def release_within(release: str, bounds: str) -> bool:
    """Compare a kernel release such as "6.12.57+deb12-armmp" with bounds such as ">=4.0,<6.13".

    Only the leading numbers count.  An unknown release is within no bounds, except the empty ones.
    """
    if not bounds:
        return True
    match = _RELEASE.match(release)
    if not match:
        return False
    return all(_holds(_numbers(match[0]), operator, _numbers(bound)) for operator, bound in _BOUND.findall(bounds))


def load(root: Path) -> list[Entry]:
    """Read every fixtures/known/*.toml below the project's `root`; any irregularity is a BadKnown."""
    entries: dict[str, Entry] = {}
    for path in sorted((root / "fixtures" / "known").glob("*.toml")):
        for entry in _load_file(path):
            if entry.id in entries:
                raise BadKnown(f"{path}: {entry.id}: second entry of this id")
            entries[entry.id] = entry
    return list(entries.values())


def _load_file(path: Path) -> list[Entry]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadKnown(f"{path}: {error}") from error
    if extra := document.keys() - {"known"}:
        raise BadKnown(f"{path}: unknown key {sorted(extra)[0]!r}; entries are [[known]] tables")
    tables = document.get("known", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadKnown(f"{path}: entries are [[known]] tables")
    return [_entry(table, f"{path}: {table.get('id', f'entry {number}')}")
            for number, table in enumerate(tables, start=1)]


def _entry(table: Mapping[str, Any], where: str) -> Entry:
    for key, value in table.items():
        if key not in KEYS:
            raise BadKnown(f"{where}: unknown key {key!r}")
        if not isinstance(value, KEYS[key]) or not value.strip():
            raise BadKnown(f"{where}: {key}: expected a string that is not empty")
    if missing := KEYS.keys() - OPTIONAL_KEYS - table.keys():
        raise BadKnown(f"{where}: missing key {sorted(missing)[0]!r}")
    if table["role"] not in ROLES:
        raise BadKnown(f"{where}: role: {table['role']!r} is none of {', '.join(ROLES)}")
    kernel = table.get("kernel", "")
    if not all(_BOUND.fullmatch(bound.strip()) for bound in kernel.split(",") if kernel):
        raise BadKnown(f"{where}: kernel: {kernel!r} is not a list of bounds like '>=4.0,<6.13'")
    try:
        message = re.compile(table["message"])
    except re.error as error:
        raise BadKnown(f"{where}: message: not a regular expression: {error}") from error
    return Entry(**{**table, "kernel": kernel, "message": message})


def _numbers(release: str) -> list[int]:
    numbers = [int(part) for part in release.split(".")]
    # 6.1 and 6.1.0 are the same release.
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _holds(release: list[int], operator: str, bound: list[int]) -> bool:
    match operator:
        case ">=":
            return release >= bound
        case "<=":
            return release <= bound
        case "==":
            return release == bound
        case "<":
            return release < bound
        case _:
            return release > bound
