# SPDX-License-Identifier: BSD-3-Clause
"""Upper tester of a reference end in a simulated world."""

from __future__ import annotations

import errno
import os
from typing import Any

from rpmsg_cts.link import MOST_MESSAGES, Channel, Delivered, Endpoint, Job, Upper
from rpmsg_cts.native import ANY, Native, checked
from rpmsg_cts.verdict import GuestFailure, Refused

MAX_PAYLOAD = 4096
MAX_CHANNELS = 128


class SimJob(Job):
    """A blocking send of a reference end."""

    def __init__(self, upper: UpperSim, handle: int) -> None:
        self._upper, self._handle = upper, handle
        self._result: int | None = None

    def result(self) -> int | None:
        # Once its end has been told, the handle is somebody else's.
        if self._result is None and (status := self._upper.send_result(self._handle)) != -errno.EINPROGRESS:
            self._result = status
        return self._result


class UpperSim(Upper):
    """Calls on our own node; each one runs the world until it is quiet."""

    def __init__(self, native: Native, world: Any, end: int) -> None:
        self._lib, self._ffi = native.lib, native.ffi
        self._world, self._end = world, end
        checked(self._lib.rps_iut_serve(world, end, self.service.encode()), "serve")

    def probe(self) -> int:
        """Driver only: from reset to DRIVER_OK.  Return: 0 or -errno."""
        return self._lib.rps_iut_probe(self._world)

    def remove(self) -> int:
        """Driver only: reset the device."""
        return self._lib.rps_iut_remove(self._world)

    def open(self, src: int = ANY, dst: int = ANY, name: str = "test") -> Endpoint:
        handle = self._lib.rps_iut_open(self._world, self._end, name.encode(), src, dst)
        if handle == -errno.ETIME:
            raise GuestFailure("the IUT does not come to rest when an endpoint is opened")
        if handle < 0:
            raise Refused(-handle, os.strerror(-handle))
        return Endpoint(handle, self._lib.rps_iut_addr(self._world, self._end, handle), dst, name)

    def close(self, ept: Endpoint) -> None:
        checked(self._lib.rps_iut_close(self._world, self._end, ept.handle), "close endpoint")

    def send(self, ept: Endpoint, payload: bytes) -> int:
        return self._lib.rps_iut_trysend(self._world, self._end, ept.handle, ANY, payload, len(payload))

    def send_off_channel(self, src: int, dst: int, payload: bytes) -> int:
        """Send with both addresses as given.  Return: 0 or -errno."""
        return self._lib.rps_iut_sendoff(self._world, self._end, src, dst, payload, len(payload))

    def borrow(self) -> int:
        """A send buffer to be filled in place.  Return: its number, or -errno."""
        return self._lib.rps_iut_get(self._world, self._end)

    def give_back(self, room: int) -> None:
        """Give a borrowed buffer back unsent."""
        checked(self._lib.rps_iut_unget(self._world, self._end, room), "give a buffer back")

    def send_borrowed(self, room: int, ept: Endpoint, payload: bytes) -> int:
        """Fill a borrowed buffer and send it.  Return: 0 or -errno."""
        return self._lib.rps_iut_send_room(self._world, self._end, room, ept.handle, payload, len(payload))

    def flow_control(self, ept: Endpoint, pause: bool) -> int:
        """Ask the peer to pause or to go on.  Return: 0 or -errno."""
        return self._lib.rps_iut_flow_control(self._world, self._end, ept.handle, pause)

    def send_blocking(self, ept: Endpoint, payload: bytes) -> SimJob:
        handle = self._lib.rps_iut_send_start(self._world, self._end, ept.handle, ANY, payload, len(payload))
        return SimJob(self, checked(handle, "start a blocking send"))

    def send_result(self, handle: int) -> int:
        """Return: what the node says of a blocking send."""
        return self._lib.rps_iut_send_result(self._world, self._end, handle)

    def received(self, ept: Endpoint, most: int = MOST_MESSAGES) -> list[Delivered]:
        src = self._ffi.new("uint32_t *")
        payload = self._ffi.new("uint8_t[]", MAX_PAYLOAD)
        got: list[Delivered] = []
        while len(got) < most:
            length = self._lib.rps_iut_recv(self._world, self._end, ept.handle, src, payload, MAX_PAYLOAD)
            if length < 0:
                break
            got.append(Delivered(bytes(payload[0:length]), src[0]))
        return got

    def announce(self, ept: Endpoint) -> int:
        """Tell the peer of the endpoint."""
        return self._lib.rps_iut_announce(self._world, self._end, ept.handle)

    def withdraw(self, ept: Endpoint) -> int:
        """Tell the peer that it is gone."""
        return self._lib.rps_iut_withdraw(self._world, self._end, ept.handle)

    def hold(self, ept: Endpoint, on: bool) -> None:
        """Let the endpoint's client keep the buffers of its messages, or no longer."""
        checked(self._lib.rps_iut_hold(self._world, self._end, ept.handle, on), "hold")

    def release(self, index: int) -> None:
        """Give back one of the buffers kept, counted from the oldest."""
        checked(self._lib.rps_iut_release(self._world, self._end, index), "release")

    def _infos(self) -> list[Any]:
        infos = self._ffi.new("struct rps_chan_info[]", MAX_CHANNELS)
        count = checked(self._lib.rps_iut_chans(self._world, self._end, infos, MAX_CHANNELS), "list channels")
        # The array must live as long as what points into it.
        self._chans = infos
        return list(infos[0:min(count, MAX_CHANNELS)])

    def _channel(self, info: Any) -> Channel:
        return Channel(self._ffi.string(info.name).decode("ascii", "backslashreplace"), info.dst, info.src)

    def channels(self) -> list[Channel]:
        return sorted(self._channel(info) for info in self._infos())

    def bound(self, channel: Channel) -> Endpoint | None:
        for info in self._infos():
            if self._channel(info) == channel and info.handle >= 0:
                return Endpoint(info.handle, info.addr, info.dst, channel.name)
        return None

    def open_channel(self, name: str, src: int, dst: int) -> int:
        return self._lib.rps_iut_open_chan(self._world, self._end, name.encode(), src, dst)

    def close_channel(self, name: str, src: int, dst: int) -> int:
        return self._lib.rps_iut_close_chan(self._world, self._end, name.encode(), src, dst)

    def serves(self) -> bool:
        """Whether it works on its rings."""
        return bool(self.stats().ready)

    def stats(self) -> Any:
        """Counters of the node (struct rps_iut_stats)."""
        stats = self._ffi.new("struct rps_iut_stats *")
        self._lib.rps_iut_get_stats(self._world, self._end, stats)
        return stats
