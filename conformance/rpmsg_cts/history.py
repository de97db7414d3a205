# SPDX-License-Identifier: BSD-3-Clause
"""What happened in simulated time: each event with the time at which it did, as one sum over all of them, so that two runs
can be compared; and as lines, for whoever wants to see where they part.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TextIO


class History:
    """The events of one guest's life, in order.  path: file that gets them as lines; None keeps their sum alone."""

    def __init__(self, path: Path | None = None) -> None:
        self.events = 0
        self._sum = hashlib.sha256()
        self._file: TextIO | None = path.open("w", encoding="ascii") if path else None

    def add(self, time_ns: int, what: str) -> None:
        """Note an event."""
        line = f"{time_ns} {what}\n"
        self.events += 1
        self._sum.update(line.encode("ascii"))
        if self._file is not None:
            self._file.write(line)

    def digest(self) -> str:
        """Return: the SHA-256 of all lines so far."""
        return self._sum.hexdigest()

    def __str__(self) -> str:
        return f"{self.events} events, sha256 {self.digest()}"

    def close(self) -> None:
        """Complete the file; may be called again."""
        if self._file is not None:
            self._file.close()
            self._file = None


class Past:
    """The histories of a target's guests, one after the other, as one sum."""

    def __init__(self) -> None:
        self.guests = 0
        self.events = 0
        self._sum = hashlib.sha256()

    def add(self, history: History) -> None:
        """A guest has ended."""
        self.guests += 1
        self.events += history.events
        self._sum.update(history.digest().encode("ascii"))

    def __str__(self) -> str:
        return f"{self.guests} guests, {self.events} events, sha256 {self._sum.hexdigest()}"
