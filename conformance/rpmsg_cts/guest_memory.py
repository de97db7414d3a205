# SPDX-License-Identifier: BSD-3-Clause
"""Memory of the agent in a guest that is ours as well: what is written here is there at once."""

from __future__ import annotations

from typing import Any

from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.native import Native, checked, error_name
from rpmsg_cts.verdict import HarnessError


class GuestMemory:
    """Pages side by side, in the agent's address space from `address` on and in ours.

    They are where the guest's physical memory is mapped for a vhost-user back end, whose transport is `xport`.
    """

    def __init__(self, native: Native, xport: Any, agent: AgentClient, num_pages: int, page_bytes: int) -> None:
        self.native = native
        self._lib, self._ffi = native.lib, native.ffi
        pages = agent.map(num_pages)
        self.address, self.size = pages.address, num_pages * page_bytes
        error = self._ffi.new("int *")
        self._window = self._lib.rps_window_create(xport, pages.places, num_pages, page_bytes, error)
        if self._window == self._ffi.NULL:
            raise HarnessError(f"the agent's pages are not in the memory that the guest shares: {error_name(error[0])}")
        self.bytes = self._ffi.buffer(self._lib.rps_window_bytes(self._window), self.size)

    @property
    def mem(self) -> Any:
        """What a driver shares with its device (struct rps_mem): the parts that were shared."""
        return self._lib.rps_window_mem(self._window)

    def share(self, addr: int, offset: int, size: int) -> None:
        """Give a part of the pages driver addresses."""
        checked(self._lib.rps_window_add(self._window, addr, offset, size), f"share {size} bytes at {addr:#x}")

    def unshare(self) -> None:
        """Take all driver addresses away."""
        self._lib.rps_window_clear(self._window)

    def close(self) -> None:
        """Forget the pages here; in the guest they stay until it ends."""
        if self._window != self._ffi.NULL:
            self._lib.rps_window_destroy(self._window)
            self._window = self._ffi.NULL
