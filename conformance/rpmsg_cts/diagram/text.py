# SPDX-License-Identifier: BSD-3-Clause
"""A diagram for a terminal: two columns, a row a line."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rpmsg_cts.diagram.row import ENDS, FINDING, NOTIFY, Row

STEP_WIDTH, GAP = 6, 2
MARKS = {"old": "~ ", "message": "* ", FINDING: "! "}


def text(rows: Sequence[Row], width: int = 100, last: int | None = None) -> list[str]:
    """Return: lines of at most `width` columns; with `last`, of that many rows at the end only."""
    column = (width - STEP_WIDTH - 2 * GAP) // 2
    lines = [_line("step", *(f"{end:{column}}" for end in ENDS))]
    shown = rows if last is None else rows[-last:]
    if len(shown) < len(rows):
        lines.append(_line("...", f"({len(rows) - len(shown)} rows before these)", ""))
    for row in shown:
        lines += _row_lines(row, column)
    return lines


def _row_lines(row: Row, column: int) -> list[str]:
    if row.style == NOTIFY:
        return [_line(str(row.step), _arrow(row, 2 * column + GAP), "")]
    mark = MARKS.get(row.style, "")
    parts = textwrap.wrap(mark + row.text, column, subsequent_indent=" " * (len(mark) or 2), break_on_hyphens=False)
    lines = []
    for number, part in enumerate(parts):
        cells = (part.ljust(column), "") if row.end == ENDS[0] else (" " * column, part)
        lines.append(_line(str(row.step) if number == 0 else "", *cells))
    return lines


def _arrow(row: Row, width: int) -> str:
    words = f" {row.text} "
    line = words.center(width - 1, "-")
    return line + ">" if row.end == ENDS[0] else "<" + line


def _line(step: str, left: str, right: str) -> str:
    return f"{step:>{STEP_WIDTH}}{' ' * GAP}{left}{' ' * GAP}{right}".rstrip()
