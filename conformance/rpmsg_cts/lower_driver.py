# SPDX-License-Identifier: BSD-3-Clause
"""Lower tester in the driver's place: the IUT is the device."""

from __future__ import annotations

import errno
from collections.abc import Callable

from rpmsg_cts import decode
from rpmsg_cts.driver_bus import DriverBus
from rpmsg_cts.judge import given
from rpmsg_cts.link import (F_VERSION_1, RX, STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_DRIVER_OK, STATUS_FEATURES_OK,
                            TX, Config, Lower, Message, RuleBroken, Segment)
from rpmsg_cts.native import checked, error_name
from rpmsg_cts.verdict import HarnessError

ALL = ~0
LOOKS_MAX = 50_000_000  # some tenths of a second


class LowerDriver(Lower):
    """Our driver end, on a bus; the same code on simulated and on real memory."""

    def __init__(self, bus: DriverBus, config: Config) -> None:
        self._lib, self._ffi = bus.native.lib, bus.native.ffi
        self.bus = bus
        self._config = config
        self._tdrv = self._lib.rps_tdrv_create(bus.mem, config.num)
        if self._tdrv == self._ffi.NULL:
            raise HarnessError("no memory for a tester")
        self.num = config.num
        self.order = config.order
        self.place = bus.place
        self._free: list[int] = []
        self._returned_tx: list[int] = []

    def close(self) -> None:
        """Forget the rings."""
        self._lib.rps_tdrv_destroy(self._tdrv)

    def rx_addr(self, index: int) -> int:
        """Address of one of the buffers to receive in."""
        return self.place.bufs + index * self._config.buf_bytes

    def tx_addr(self, index: int) -> int:
        """Address of one of the buffers to send."""
        return self.rx_addr(self.num) + index * self._config.send_bytes

    def next_tx_addr(self) -> int:
        """Address of the buffer that the next message will be in."""
        return self.tx_addr(self._free[0])

    # --- start-up, in steps that a test can leave out

    def set_status(self, status: int) -> None:
        """Write the status byte; 0 resets."""
        self.bus.set_status(status)

    @property
    def status(self) -> int:
        """The status byte."""
        return self.bus.status

    def is_running(self) -> bool:
        """Whether DRIVER_OK is set."""
        return bool(self.status & STATUS_DRIVER_OK)

    def negotiate(self, accept: int = ALL) -> None:
        """From reset to FEATURES_OK, or to DRIVER for a legacy device."""
        self.set_status(0)
        self.set_status(STATUS_ACKNOWLEDGE)
        self.set_status(STATUS_ACKNOWLEDGE | STATUS_DRIVER)
        features = self.bus.offered() & accept & ((1 << 64) - 1)
        self.bus.accept(features)
        if features & F_VERSION_1:
            self.set_status(self.status | STATUS_FEATURES_OK)

    def set_up_rings(self, post: bool = True) -> None:
        """Zeroed rings, all receive buffers posted."""
        setup = self._ffi.new("struct rps_tdrv_setup *", {
            "features": self.bus.accepted(), "start_idx": self._config.start_idx,
            "native_be": bool(self._config.big_endian)})
        for queue in (RX, TX):
            setup.desc[queue], setup.avail[queue], setup.used[queue] = self.ring_addrs(queue)
        checked(self._lib.rps_tdrv_init(self._tdrv, setup), "set up the tester's rings")
        self.order = "be" if self._lib.rps_tdrv_big_endian(self._tdrv) else "le"
        for queue in (RX, TX):
            status = self.bus.set_queue(queue, self.num, *self.ring_addrs(queue))
            given(status == 0, f"the device takes queue {queue}, but it says {error_name(status)}")
        self._free = list(range(self.num))
        self._returned_tx.clear()
        if post:
            self.post_rx(range(self.num))

    def post_rx(self, indices: range) -> None:
        """Make receive buffers available, without a kick."""
        for index in indices:
            self.offer(RX, [Segment(self.rx_addr(index), self._config.buf_bytes, True)], token=index)

    def drive(self) -> None:
        """DRIVER_OK, and the first kick."""
        self.set_status(self.status | STATUS_DRIVER_OK)
        given(self.is_running(), "the device starts")
        self.kick(RX)

    def start(self) -> None:
        """All of it."""
        self.negotiate()
        self.set_up_rings()
        self.drive()

    # --- the ring

    def ring_addrs(self, queue: int) -> tuple[int, int, int]:
        return self.place.desc[queue], self.place.avail[queue], self.place.used[queue]

    def read(self, addr: int, length: int) -> bytes:
        data = self._ffi.new("uint8_t[]", length)
        checked(self._lib.rps_tdrv_read(self._tdrv, addr, data, length), f"read at {addr:#x}")
        return bytes(data)

    def write(self, addr: int, data: bytes) -> None:
        checked(self._lib.rps_tdrv_write(self._tdrv, addr, data, len(data)), f"write at {addr:#x}")

    def offer(self, queue: int, segments: list[Segment], *, token: int, table: int = 0) -> int:
        """Offer a chain, however wrong its addresses.  Return: 0, or -ENOSPC."""
        segs = self._ffi.new("struct rps_tester_seg[]", len(segments))
        for seg, segment in zip(segs, segments):
            seg.addr, seg.len_bytes, seg.device_writes = segment.addr, segment.len, segment.device_writes
        return self._lib.rps_tdrv_offer(self._tdrv, queue, segs, len(segments), table, token)

    def reclaim(self, queue: int) -> tuple[int, int] | None:
        """Take back what the device returned: token and used length, or None; RuleBroken where it broke the ring."""
        used = self._ffi.new("struct rps_tdrv_used *")
        status = self._lib.rps_tdrv_reclaim(self._tdrv, queue, used)
        if status == -errno.EAGAIN:
            return None
        if status == -errno.EPROTO:
            raise RuleBroken(f"used ring of queue {queue}", "buffers that the device had", "others")
        checked(status, f"reclaim from queue {queue}")
        return used.id, used.len_bytes

    def wants_kick(self, queue: int) -> bool:
        """Whether the device wants to hear of what was offered; whoever asks kicks."""
        return bool(self._lib.rps_tdrv_kick_needed(self._tdrv, queue))

    def kick(self, queue: int, *, force: bool = False) -> bool:
        """Return: whether the device was kicked, which it may have asked not to be."""
        wanted = self.wants_kick(queue) or force
        if wanted:
            self.bus.kick(queue)
        return wanted

    def interrupts(self, queue: int, on: bool) -> None:
        """Ask for interrupts of this queue, or for none."""
        self._lib.rps_tdrv_irqs(self._tdrv, queue, on)

    def notified(self, queue: int) -> int:
        return self.bus.irqs(queue)

    # --- messages

    def _take_back_tx(self) -> None:
        while (used := self.reclaim(TX)) is not None:
            self._returned_tx.append(used[1])
            self._free.append(used[0])

    def can_send(self) -> bool:
        self._take_back_tx()
        return bool(self._free)

    def returned(self) -> list[int]:
        """Used lengths of send buffers that came back since this was last asked."""
        self._take_back_tx()
        lengths, self._returned_tx = self._returned_tx, []
        return lengths

    def send_raw(self, raw: bytes, *, used_len: int | None = None, notify: bool = True,
                 buffer_len: int | None = None) -> int:
        given(self.can_send(), "the device has returned a send buffer")
        index = self._free.pop(0)
        self.write(self.tx_addr(index), raw)
        length = len(raw) if buffer_len is None else buffer_len
        checked(self.offer(TX, [Segment(self.tx_addr(index), length, False)], token=index), "offer a message")
        if notify:
            self.kick(TX)
        return index

    def send_at(self, raw: bytes, used_idx: int, more_looks: int, begin: Callable[[], None]) -> bool:
        """Let something begin, and send once used.idx of queue 1 has come so far and was looked at so often since.

        Return: whether the device was kicked, which it is if it wants it, or where that moment never came.
        """
        given(self.can_send(), "the device has returned a send buffer")
        index = self._free.pop(0)
        self.write(self.tx_addr(index), raw)
        seg = self._ffi.new("struct rps_tester_seg *", {"addr": self.tx_addr(index), "len_bytes": len(raw)})
        moment = self._ffi.new("struct rps_tdrv_moment *",
                               {"used_idx": used_idx, "more_looks": more_looks, "looks_max": LOOKS_MAX})
        begin()
        status = self._lib.rps_tdrv_offer_at(self._tdrv, TX, seg, index, moment)
        wanted = status == -errno.ETIME or bool(checked(status, "offer a message"))
        if wanted:
            self.bus.kick(TX)
        return wanted

    def receive(self, *, give_back: bool = True) -> Message | None:
        used = self.reclaim(RX)
        if used is None:
            return None
        index, used_len = used
        raw = self.read(self.rx_addr(index), self._config.buf_bytes)
        try:
            header, payload = decode.decode_message(raw, self.order)
        except decode.DecodeError as error:
            raise RuleBroken("a message of the device", "header, and payload within the buffer", str(error)) from error
        message = Message(header, payload, raw[:16 + header.len], self._config.buf_bytes, index, self.rx_addr(index),
                          used_len)
        if give_back:
            self.give_back(message)
        return message

    def give_back(self, message: Message, *, notify: bool = True) -> None:
        self.post_rx(range(message.head, message.head + 1))
        if notify:
            self.kick(RX)
