# SPDX-License-Identifier: BSD-3-Clause
"""The guest's console: read to explain what has happened, never to find out whether a test has passed."""

from __future__ import annotations

import os
import re
from pathlib import Path

TAIL_LINES = 20
# A kernel may fill a disk with what it has to say; what explains its end is near the mark, or at the very end.
READ_MAX_BYTES = 1 << 20
LINE_MAX_CHARACTERS = 300
# What lockdep finds is no end: it says so, and is silent from then on.
LAST_WORDS = re.compile(r"Kernel panic|Internal error|\bBUG:(?! Invalid wait context)|Unable to handle|rcu: INFO: .*stall", re.IGNORECASE)
TIME_STAMP = re.compile(r"^\[ *\d+\.\d+\] ")


class Console:
    """The file that QEMU writes the console to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark_bytes = 0

    def tail(self, lines: int = TAIL_LINES) -> list[str]:
        """The last lines that are not empty."""
        try:
            start_bytes = max(os.stat(self.path).st_size - READ_MAX_BYTES, 0)
        except OSError:
            return []
        return self._lines(start_bytes)[-lines:]

    def mark(self) -> None:
        """Remember where the console is now: the guest has just shown that it was well."""
        try:
            self._mark_bytes = os.stat(self.path).st_size
        except OSError:
            pass  # not there yet

    def last_words(self) -> str:
        """First line that tells of the kernel's end, without its time stamp; "" when there is none.

        After the mark if there is one; else before it, since a kernel that has stumbled may answer once or twice more.
        """
        story = self._from_last_words()
        return TIME_STAMP.sub("", story[0]) if story else ""

    def story(self) -> list[str]:
        """What explains the end: the lines from the last words on, or the last lines of all."""
        return self._from_last_words()[:TAIL_LINES] or self.tail()

    def _from_last_words(self) -> list[str]:
        for start_bytes in (self._mark_bytes, 0):
            lines = self._lines(start_bytes)
            for number, line in enumerate(lines):
                if LAST_WORDS.search(line):
                    return lines[number:]
        return []

    def _lines(self, start_bytes: int) -> list[str]:
        try:
            with self.path.open("rb") as file:
                file.seek(start_bytes)
                text = file.read(READ_MAX_BYTES).decode(errors="backslashreplace")
        except OSError:
            return []
        return [line.rstrip()[:LINE_MAX_CHARACTERS] for line in text.splitlines() if line.strip()]
