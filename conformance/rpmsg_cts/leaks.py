# SPDX-License-Identifier: BSD-3-Clause
"""Memory that the RPMsg code of a guest's kernel has lost, by the test during which it was allocated.

A kernel can say so only some seconds later, so it is asked before its guest is ended, about all tests that it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rpmsg_cts.targets import Lane

if TYPE_CHECKING:
    from rpmsg_cts.guest.guest import Guest
    from rpmsg_cts.guest.kmemleak import Leak

PING_TIMEOUT_S = 5.0
# For what no single test has done: memory stays bounded.
REQUIREMENT = "ROB-018"
TEST = "kmemleak"


@dataclass(frozen=True)
class Begun:
    """A test that has got its link."""

    test: str
    requirement: str
    lane: Lane
    uptime_s: float


@dataclass(frozen=True)
class Lost:
    """What one test has lost; a test of no name is all that was not the doing of one."""

    test: str
    requirement: str
    lane: Lane
    leaks: tuple[Leak, ...]

    @property
    def name(self) -> str:
        """Of the result."""
        return f"{self.test}::{TEST}" if self.test else f"{TEST}[{self.lane}]"

    @property
    def reason(self) -> str:
        """In a line."""
        said = dict.fromkeys(map(str, self.leaks))
        return f"the kernel has lost memory ({len(self.leaks)} objects): {'; '.join(said)}"

    @property
    def story(self) -> str:
        """What the kernel says of the first of each kind."""
        first = {str(leak): leak for leak in reversed(self.leaks)}
        return "\n".join(line for leak in reversed(first.values()) for line in leak.lines)


class LeakWatch:
    """Does nothing for a guest whose kernel does not look for leaks, nor where nobody asks: it takes some seconds."""

    def __init__(self, wanted: bool = True) -> None:
        self._wanted = wanted
        self._guest: Guest | None = None
        self._begun: list[Begun] = []
        self.lost: list[Lost] = []
        self.unasked = 0  # guests that could not be asked any more

    def attach(self, guest: Guest) -> None:
        """A guest has started."""
        from rpmsg_cts.guest import kmemleak  # pylint: disable=import-outside-toplevel

        self._begun = []
        if self._wanted and kmemleak.is_watching(guest.agent):
            self._guest = guest
            kmemleak.clear(guest.agent)

    def begin(self, test: str, requirement: str, lane: Lane) -> None:
        """A test begins; what is allocated from now on is its doing."""
        from rpmsg_cts.guest import kmemleak  # pylint: disable=import-outside-toplevel

        if self._guest is not None:
            self.note(test, requirement, lane, kmemleak.uptime_s(self._guest.agent))

    def note(self, test: str, requirement: str, lane: Lane, uptime_s: float) -> None:
        """A test has begun at this age of the kernel."""
        self._begun.append(Begun(test, requirement or REQUIREMENT, lane, uptime_s))

    def detach(self) -> None:
        """The guest will be ended: ask it now."""
        from rpmsg_cts.guest import kmemleak  # pylint: disable=import-outside-toplevel
        from rpmsg_cts.guest.errors import GuestError  # pylint: disable=import-outside-toplevel

        guest, self._guest = self._guest, None
        if guest is None or len(self._begun) <= guest.spoilt:
            return
        try:
            guest.agent.ping(PING_TIMEOUT_S)
            leaks = kmemleak.look(guest.agent)
            now_s = kmemleak.uptime_s(guest.agent)
        except GuestError:
            self.unasked += 1
            return
        # One that has complained of itself has left its usual ways in the last of the tests.
        self.attribute(leaks, now_s, self._begun[-1].uptime_s if guest.spoilt else None)

    def attribute(self, leaks: list[Leak], now_s: float, until_s: float | None = None) -> None:
        """Find out whose these are, all of which are known at this age of the kernel; none from `until_s` on counts."""
        nobody = Begun("", REQUIREMENT, self._begun[0].lane, 0.0)
        by_test: dict[Begun, list[Leak]] = {}
        for leak in leaks:
            born_s = None if leak.age_s is None else now_s - leak.age_s
            if until_s is not None and (born_s is None or born_s >= until_s):
                continue
            before = [begun for begun in self._begun if born_s is not None and begun.uptime_s <= born_s]
            by_test.setdefault(before[-1] if before else nobody, []).append(leak)
        self.lost += [Lost(begun.test, begun.requirement, begun.lane, tuple(found)) for begun, found in by_test.items()]
