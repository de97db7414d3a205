# SPDX-License-Identifier: BSD-3-Clause
"""Text from elsewhere (guest consoles, file names, messages of other programs) made fit to be shown.

Every string of a result passes clean() on its way into any report: control characters cannot move a terminal's cursor,
break XML, or turn the direction of a page around.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from rpmsg_cts.diagram.row import Row

# Format characters that reorder or hide text, besides whatever is unprintable as a category.
_BAD_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def clean(text: str) -> str:
    """Show what cannot be printed as its escape (\\x1b, \\u202e); newline and tab stay.

    Return: text without control, format, surrogate, private and unassigned characters.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n")))


def one_line(text: str) -> str:
    """Return: clean text on one line, with newlines shown as a space."""
    return " ".join(clean(text).split())


def cleaned_rows(rows: Iterable[Row]) -> list[Row]:
    """Return: rows of a diagram, each text clean and on one line."""
    return [replace(row, text=one_line(row.text)) for row in rows]


def shortened(text: str, limit: int) -> str:
    """Return: text of at most `limit` characters, with an ellipsis when cut."""
    return text if len(text) <= limit else text[:limit - 1] + "…"


def _shown(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in _BAD_CATEGORIES:
        return char
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
