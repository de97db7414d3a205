# SPDX-License-Identifier: BSD-3-Clause
"""A reader of KTAP version 1, written from the kernel's Documentation/dev-tools/ktap.rst and from nothing of ours.

Strict where the document has rules: version line first, numbers from 1 upwards, plans kept, a parent with a failed
child fails.  Unknown lines are kept apart, because our writer has no reason to write any.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_VERSION = re.compile(r"(?:KTAP version 1|TAP version 1[34])")
_PLAN = re.compile(r"1\.\.(\d+)")
_RESULT = re.compile(r"(ok|not ok) (\d+)(?: (?:- )?([^#]*?))?(?: # ?(.*))?")
_DIRECTIVES = ("SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR")


class BadKtap(Exception):
    """The text breaks a rule; the message says line and rule."""


@dataclass
class Test:
    """One result line, with the results nested before it."""

    ok: bool
    description: str
    directive: str
    data: str
    diagnostics: list[str]
    children: list["Test"]


@dataclass
class _Level:
    plan: int | None = None
    tests: list[Test] = field(default_factory=list)
    diagnostics: list[str] = field(default_factory=list)
    nested: list[Test] = field(default_factory=list)


def read(text: str) -> tuple[list[Test], list[str]]:
    """Read a document.

    Return: the top-level tests, and the unknown lines.
    """
    if not text.endswith("\n"):
        raise BadKtap("the last line is torn")
    levels: list[_Level] = []
    unknown: list[str] = []
    for number, line in enumerate(text[:-1].split("\n"), start=1):
        _line(levels, unknown, line, number)
    if len(levels) != 1:
        raise BadKtap(f"the document ends inside {len(levels) - 1} nested tests")
    _check_plan(levels[0], "end of document")
    return levels[0].tests, unknown


def _line(levels: list[_Level], unknown: list[str], line: str, number: int) -> None:
    body = line.lstrip(" ")
    depth, odd = divmod(len(line) - len(body), 2)
    if not levels and (depth or not _VERSION.fullmatch(body)):
        raise BadKtap(f"{number}: no version line")
    if odd:
        unknown.append(line)
    elif _VERSION.fullmatch(body):
        if depth != len(levels):
            raise BadKtap(f"{number}: version line at depth {depth} inside depth {len(levels) - 1}")
        levels.append(_Level())
    elif (plan := _PLAN.fullmatch(body)) and depth == len(levels) - 1:
        if levels[-1].plan is not None or levels[-1].tests:
            raise BadKtap(f"{number}: a plan that does not follow its version line")
        levels[-1].plan = int(plan[1])
    elif (result := _RESULT.fullmatch(body)) and depth < len(levels):
        _result(levels, result, depth, number)
    elif body.startswith("#") and depth == len(levels) - 1:
        levels[-1].diagnostics.append(body[1:].strip())
    else:
        unknown.append(line)


def _result(levels: list[_Level], match: re.Match[str], depth: int, number: int) -> None:
    while depth < len(levels) - 1:
        closed = levels.pop()
        _check_plan(closed, f"{number}")
        levels[-1].nested = closed.tests
    level = levels[-1]
    if int(match[2]) != len(level.tests) + 1:
        raise BadKtap(f"{number}: number {match[2]} after {len(level.tests)}")
    word, _, rest = (match[4] or "").partition(" ")
    directive = word if word in _DIRECTIVES else ""
    test = Test(match[1] == "ok", (match[3] or "").strip(), directive, rest if directive else match[4] or "",
                level.diagnostics, level.nested)
    if test.ok and any(not child.ok and child.directive not in ("SKIP", "TODO", "XFAIL") for child in test.children):
        raise BadKtap(f"{number}: parent is ok although a child is not")
    if test.ok and directive in ("TIMEOUT", "ERROR"):
        raise BadKtap(f"{number}: {directive} on ok")
    level.tests.append(test)
    level.diagnostics, level.nested = [], []


def _check_plan(level: _Level, where: str) -> None:
    if level.plan is not None and level.plan != len(level.tests):
        raise BadKtap(f"{where}: planned {level.plan}, found {len(level.tests)}")
