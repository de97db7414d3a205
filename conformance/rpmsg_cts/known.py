# SPDX-License-Identifier: BSD-3-Clause
"""Known defects: failures that are recorded, with the message they must fail with.

An entry turns FAIL into KNOWN only when everything agrees: requirement, target, role, kernel release and message.  A
failure with another message is news and stays FAIL.  fixtures/known/README.md explains the keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from rpmsg_cts.results import KnownDefect
from rpmsg_cts.strict_toml import BOOLEAN, TABLES, TEXT, Document, Key, Table
from rpmsg_cts.verdict import Judgement

_LOOK = {
    "target": Key(TEXT),
    "kernel": Key(TEXT),
    "seen": Key(BOOLEAN),
    "often": Key(TEXT, required=False),
    "get": Key(TEXT, required=False),
    "text": Key(TEXT),
}
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
    "subject": Key(TEXT),
    "file": Key(TEXT),
    "why": Key(TEXT),
    "run": Key(TEXT),
    "recipe": Key(TEXT),
    "look": Key(TABLES, shape=_LOOK, name="target"),
}
_FILE = {"known": Key(TABLES, required=False, shape=_ENTRY, name="id")}

ANY_REQUIREMENT = "*"
# In a mail of 72 columns, behind "Subject: [BUG] " and indented by two.
SUBJECT_CHARS = 57
RECIPE_CHARS = 70

ID = re.compile(r"K-[A-Z][A-Z0-9]*-\d+")
_RELEASE = re.compile(r"\d+(?:\.\d+)*")
_BOUND = re.compile(r"(>=|<=|==|<|>)\s*(\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Look:
    """One kernel that a defect was looked for in.

    text: what was seen there, or instead; its first line is what a report says.  often: in how many runs, as "2 of 10".  get: what
    brings that kernel here, where the target does not say so.
    """

    target: str
    kernel: str
    seen: bool
    text: str
    often: str = ""
    get: str = ""


@dataclass(frozen=True)
class Entry:
    """One recorded defect.

    requirement: an id, or ANY_REQUIREMENT for a defect that any test can come upon.  target: glob.  kernel:
    comma-separated bounds on the release such as ">=4.0,<6.13", empty for any.  message: regular expression, searched in
    the failure's reason, expectation and observation.  run: the command that shows it again, without its --target;
    recipe: how to do without rpmsg-cts.
    """

    id: str
    requirement: str
    target: str
    role: str
    kernel: str
    message: re.Pattern[str]
    url: str
    note: str
    subject: str
    file: str
    why: str
    run: str
    recipe: str
    looks: tuple[Look, ...]
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
        return self._said((judgement.reason, judgement.expected, judgement.observed))

    def seen_in(self, look: Look) -> bool:
        """Say whether what was seen in a kernel is the recorded failure."""
        return self._said(look.text.splitlines())

    def _said(self, texts: Iterable[str]) -> bool:
        return any(self.message.search(text) for text in texts)

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
    looks = table.tables("look")
    for part in (table, *looks):
        for key in part:
            if isinstance(part[key], str) and not part[key].strip():
                raise part.error(f"'{key}' is empty", key)
    if not ID.fullmatch(table["id"]):
        raise table.error(f"'id' is not like K-LINUX-001: {table['id']!r}", "id")
    kernel = table.get("kernel", "")
    if not all(_BOUND.fullmatch(bound.strip()) for bound in kernel.split(",") if kernel):
        raise table.error(f"'kernel' is not a list of bounds like '>=4.0,<6.13': {kernel!r}", "kernel")
    try:
        message = re.compile(table["message"])
    except re.error as error:
        raise table.error(f"'message' is not a regular expression: {error}", "message") from error
    for key, limit in (("subject", SUBJECT_CHARS), ("recipe", RECIPE_CHARS)):
        if max(map(len, table[key].splitlines())) > limit:
            raise table.error(f"'{key}' has a line of more than {limit} characters, too long for a mail", key)
    entry = Entry(**{**{key: table[key] for key in table if key != "look"}, "kernel": kernel, "message": message,
                     "looks": tuple(Look(**{key: look[key] for key in look}) for look in looks)})
    _check_looks(entry, table, looks)
    return entry


def _check_looks(entry: Entry, table: Table, places: list[Table]) -> None:
    """What was seen must be what the entry excuses, there and nowhere else."""
    if not any(look.seen for look in entry.looks):
        raise table.error("it was seen in no kernel: what cannot be seen again is not recorded", "look")
    for look, place in zip(entry.looks, places):
        if not fnmatchcase(look.target, entry.target):
            raise place.error(f"the entry is about {entry.target} only", "target")
        if not _RELEASE.match(look.kernel):
            raise place.error(f"'kernel' is not a release like 6.1.176: {look.kernel!r}", "kernel")
        if entry.seen_in(look) is not look.seen:
            raise place.error(f"'text' is {'not ' if look.seen else ''}what 'message' is about", "text")
        # What is met by chance may be missed where it is.
        if release_within(look.kernel, entry.kernel) is not look.seen and (look.seen or not entry.sporadic):
            raise place.error(f"it was {'' if look.seen else 'not '}seen in {look.kernel}, and the entry's 'kernel' is "
                              f"{entry.kernel or 'any'}", "seen")


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
