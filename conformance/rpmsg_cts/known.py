# SPDX-License-Identifier: BSD-3-Clause
"""Known defects: failures that are recorded, with the message they must fail with.

An entry turns FAIL into KNOWN only when everything agrees: requirement, target, role, kernel release and message.  A
failure with another message is news and stays FAIL.  fixtures/known/README.md explains the keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rpmsg_cts.results import KnownDefect
from rpmsg_cts.strict_toml import BOOLEAN, TABLES, TEXT, Document, Key, Table
from rpmsg_cts.verdict import Judgement

_ENTRY = {
    "id": Key(TEXT),
    "requirement": Key(TEXT),
    "target": Key(TEXT),
    "role": Key(TEXT, allowed=("driver", "device", "both")),
    "kernel": Key(TEXT, required=False),
    "message": Key(TEXT),
    "url": Key(TEXT),
    "note": Key(TEXT),
    "sporadic": Key(BOOLEAN, required=False),
}
_FILE = {"known": Key(TABLES, required=False, shape=_ENTRY, name="id")}

ANY_REQUIREMENT = "*"

_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*(\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Entry:
    """One recorded defect.

    requirement: an id, or ANY_REQUIREMENT for a defect that any test can come upon.  target: glob.  kernel: comma-separated bounds on the release such as ">=4.0,<6.13", empty for any.
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
    sporadic: bool = False

    @property
    def steady(self) -> bool:
        """Whether a test that passes says that the defect is gone."""
        return self.requirement != ANY_REQUIREMENT and not self.sporadic

    def covers(self, requirement: str, target: str, role: str, kernel_release: str) -> bool:
        """Say whether the entry is about this requirement on this lane."""
        return (self.requirement in (requirement, ANY_REQUIREMENT) and fnmatchcase(target, self.target) and self.role in (role, "both")
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
    """Read every fixtures/known/*.toml below the project's `root`; raises CatalogueError at the first fault."""
    entries: dict[str, Entry] = {}
    for path in sorted((root / "fixtures" / "known").glob("*.toml")):
        for table in Document(path, root).top(_FILE).tables("known"):
            entry = _entry(table)
            if entry.id in entries:
                raise table.error(f"second entry with the id '{entry.id}'", "id")
            entries[entry.id] = entry
    return list(entries.values())


def _entry(table: Table) -> Entry:
    for key in table:
        if isinstance(table[key], str) and not table[key].strip():
            raise table.error(f"'{key}' is empty", key)
    kernel = table.get("kernel", "")
    if not all(_BOUND.fullmatch(bound.strip()) for bound in kernel.split(",") if kernel):
        raise table.error(f"'kernel' is not a list of bounds like '>=4.0,<6.13': {kernel!r}", "kernel")
    try:
        message = re.compile(table["message"])
    except re.error as error:
        raise table.error(f"'message' is not a regular expression: {error}", "message") from error
    return Entry(**{**{key: table[key] for key in table}, "kernel": kernel, "message": message})


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
