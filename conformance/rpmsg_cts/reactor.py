# SPDX-License-Identifier: BSD-3-Clause
"""One place to wait: every socket of a run is served while anybody waits for anything."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable
from typing import Protocol

# In simulated time a kernel computes for moments of ours; one that is silent for so long is in a loop without an end.
SILENCE_S = 90.0
RESOLUTION_S = 5e-10  # of times: a nanosecond, in numbers that are rounded


class Pace(Protocol):
    """Somebody whose time is not ours, and whom we take turns with."""

    @property
    def now_s(self) -> float:
        """What time it is."""

    def is_open(self) -> bool:
        """Whether turns are still taken."""

    def is_still(self) -> bool:
        """Whether it waits for its turn."""

    def advance(self, deadline_s: float) -> bool:
        """Give it its turn.  Return: whether it has taken it; if not, it is `deadline_s` now."""

    def haste_s(self) -> float:
        """How long we take to do what we do next."""

    def note(self, what: str) -> None:
        """Note what happens now."""

    def close(self) -> None:
        """Take no more turns with it."""


class Reactor:
    """Calls back when file descriptors become readable, in the caller's own thread.

    Waiting for one peer must not starve another: a guest that is being asked something may itself be waiting for an
    answer of our vhost-user back end.  So nothing in a run blocks on a single descriptor; it calls run_until().
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._owing: dict[int, Callable[[], bool]] = {}
        self._steps: list[Callable[[], None]] = []
        self._rhythm: dict[Callable[[], None], tuple[float, float]] = {}  # seconds between steps, and when the next one is due
        self._pace: Pace | None = None

    def add(self, fd: int, callback: Callable[[], None], owing: Callable[[], bool] | None = None) -> None:
        """Call `callback` whenever `fd` is readable; the descriptor stays the caller's.

        owing: says whether something will certainly come, though it is not there yet.
        """
        self._selector.register(fd, selectors.EVENT_READ, callback)
        if owing is not None:
            self._owing[fd] = owing

    def remove(self, fd: int) -> None:
        """Forget `fd`; call it before the descriptor is closed."""
        self._selector.unregister(fd)
        self._owing.pop(fd, None)

    def follow(self, pace: Pace | None) -> None:
        """Wait in somebody else's time from now on; in ours for None."""
        self._pace = pace

    def is_paced(self) -> bool:
        """Whether time is somebody else's, and seconds cost nothing."""
        return self._pace is not None

    def note(self, what: str) -> None:
        """Note what happens now, in a time that is not ours."""
        if self._pace is not None:
            self._pace.note(what)

    def now_s(self) -> float:
        """What time it is, in seconds since whenever."""
        return time.monotonic() if self._pace is None else self._pace.now_s

    def add_step(self, step: Callable[[], None], every_s: float = 0.0) -> None:
        """Call `step` again and again while anybody waits for anything.

        every_s: how long it takes in a time that is not ours, where one that takes none leaves nobody else a turn.
        """
        self._steps.append(step)
        if every_s > 0:
            self._rhythm[step] = every_s, 0.0

    def remove_step(self, step: Callable[[], None]) -> None:
        """Call it no more."""
        self._steps.remove(step)
        self._rhythm.pop(step, None)

    def run_until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Serve descriptors until `done()` holds or `timeout_s` seconds have passed.

        Return: whether `done()` holds.
        """
        pace = self._pace
        if pace is not None:
            deadline_s = pace.now_s + timeout_s
            while pace.is_open():
                if not self._comes_to_rest(pace):
                    continue
                if done():
                    self._take_time(pace)
                    return True
                until_s = min([deadline_s, *(due_s for _, due_s in self._rhythm.values())])
                if not self._goes_on(pace, until_s) and pace.is_open() and until_s == deadline_s:
                    return False
            timeout_s = deadline_s - pace.now_s
        return self._run_in_our_time(done, timeout_s)

    def _run_in_our_time(self, done: Callable[[], bool], timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        while not done():
            remaining_s = deadline_s - time.monotonic()
            if remaining_s <= 0:
                return False
            self._serve(0 if self._steps else remaining_s)
            self._step()
        return True

    def _comes_to_rest(self, pace: Pace) -> bool:
        """Serve descriptors until the other one waits, and all that it has said is heard.  Return: whether it does."""
        if not self._falls_still(pace):
            return False
        self._step()
        return self._falls_still(pace)

    def _falls_still(self, pace: Pace) -> bool:
        while pace.is_open():
            expected = not pace.is_still() or any(owing() for owing in self._owing.values())
            if self._serve(SILENCE_S if expected else 0):
                continue
            if not expected:
                return True
            pace.close()
        return False

    def _goes_on(self, pace: Pace, deadline_s: float) -> bool:
        """Give the other one its turn; what we have just done may be owed an answer, which comes first."""
        return self._falls_still(pace) and pace.advance(deadline_s)

    def _take_time(self, pace: Pace) -> None:
        """Let the other one run until we have come to do what we do next."""
        deadline_s = pace.now_s + pace.haste_s()
        while self._goes_on(pace, deadline_s) and self._comes_to_rest(pace):
            pass

    def _serve(self, timeout_s: float) -> bool:
        ready = self._selector.select(timeout_s)
        for key, _ in ready:
            # What was called before may have made an end of it.
            if self._selector.get_map().get(key.fd) is key:
                key.data()
        return bool(ready)

    def _step(self) -> None:
        for step in self._steps:
            if self._is_due(step):
                step()

    def _is_due(self, step: Callable[[], None]) -> bool:
        if self._pace is None or step not in self._rhythm:
            return True
        (every_s, due_s), now_s = self._rhythm[step], self._pace.now_s
        if due_s - now_s > RESOLUTION_S:
            return False
        self._rhythm[step] = every_s, now_s + every_s
        return True

    def close(self) -> None:
        """Release the selector; the descriptors themselves are left open."""
        self._selector.close()
