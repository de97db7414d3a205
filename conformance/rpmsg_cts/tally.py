# SPDX-License-Identifier: BSD-3-Clause
"""What guests count of the code that they run: fetched after each test, kept by target, guest and suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rpmsg_cts.coverage import Counters, Coverage, load_reasons, measure

if TYPE_CHECKING:
    from rpmsg_cts.guest.guest import Guest

PING_TIMEOUT_S = 5.0


class Tally:
    """Does nothing for a guest whose kernel does not count."""

    def __init__(self) -> None:
        self._guest: Guest | None = None
        self._target = ""
        self._suite = ""
        self._boots = 0
        self._notes: dict[str, Path] = {}
        self._lost: Counter[str] = Counter()
        self._counted: dict[str, dict[tuple[int, str], Counters]] = {}

    def attach(self, target: str, guest: Guest) -> None:
        """A guest has started."""
        from rpmsg_cts.guest import counters  # pylint: disable=import-outside-toplevel

        notes = counters.notes_of(guest.image)
        if notes is None:
            return
        self._guest, self._target, self._suite = guest, target, ""
        self._boots += 1
        self._notes[target] = notes

    def begin(self, suite: str) -> None:
        """A test of a suite begins; what was counted until now belongs to the tests before it."""
        from rpmsg_cts.guest import counters  # pylint: disable=import-outside-toplevel

        if self._guest is None:
            return
        self._fetch(self._guest)
        if self._suite not in ("", suite):
            counters.reset(self._guest.agent)
        self._suite = suite

    def detach(self) -> None:
        """The guest will be ended.  One that does not answer takes what it counted during its last test with it."""
        from rpmsg_cts.guest.errors import GuestError  # pylint: disable=import-outside-toplevel

        if self._guest is None:
            return
        try:
            self._guest.agent.ping(PING_TIMEOUT_S)
            self._fetch(self._guest)
        except GuestError:
            self._lost[self._target] += 1
        self._guest = None

    def measure(self, root: Path, whole: bool) -> Iterator[tuple[str, Coverage]]:
        """Return: what was run, by target.  `whole`: whether all tests were.  Raises CoverageError."""
        reasons = load_reasons(root) if self._counted else []
        for target, counted in self._counted.items():
            suites = [(suite, counters) for (_, suite), counters in counted.items()]
            yield target, measure(self._notes[target], suites, self._lost[target], reasons, whole)

    def _fetch(self, guest: Guest) -> None:
        from rpmsg_cts.guest import counters  # pylint: disable=import-outside-toplevel

        if self._suite:
            self._counted.setdefault(self._target, {})[self._boots, self._suite] = counters.read(guest.agent)
