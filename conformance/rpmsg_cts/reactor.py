# SPDX-License-Identifier: BSD-3-Clause
"""One place to wait: every socket of a run is served while anybody waits for anything."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable


class Reactor:
    """Calls back when file descriptors become readable, in the caller's own thread.

    Waiting for one peer must not starve another: a guest that is being asked something may itself be waiting for an
    answer of our vhost-user back end.  So nothing in a run blocks on a single descriptor; it calls run_until().
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `fd` is readable; the descriptor stays the caller's."""
        self._selector.register(fd, selectors.EVENT_READ, callback)

    def remove(self, fd: int) -> None:
        """Forget `fd`; call it before the descriptor is closed."""
        self._selector.unregister(fd)

    def run_until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Serve descriptors until `done()` holds or `timeout_s` seconds have passed.

        Return: whether `done()` holds.
        """
        deadline = time.monotonic() + timeout_s
        while not done():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            for key, _ in self._selector.select(remaining):
                key.data()
        return True

    def close(self) -> None:
        """Release the selector; the descriptors themselves are left open."""
        self._selector.close()
