# SPDX-License-Identifier: BSD-3-Clause
"""Lower tester in the device's place: the IUT is the driver."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

from rpmsg_cts import decode
from rpmsg_cts.judge import given
from rpmsg_cts.link import RX, TX, Buffer, Lower, Message, RuleBroken, Segment
from rpmsg_cts.native import Native, checked
from rpmsg_cts.verdict import HarnessError


class LowerDevice(Lower):
    """Our device end on the driver's rings; the same code on simulated and on real memory.

    note: is told what was read and written.
    """

    def __init__(self, native: Native, xport: Any, note: Callable[[str], None] | None = None) -> None:
        self._note = note
        self._lib, self._ffi = native.lib, native.ffi
        self._tester = self._lib.rps_tester_create(xport)
        if self._tester == self._ffi.NULL:
            raise HarnessError("no memory for a tester")
        self.order = "le"
        self.num = 0
        # A transport counts since it exists; a link since it was made.
        self._kicks_before = [self.queue(RX).kicks, self.queue(TX).kicks]

    def close(self) -> None:
        """Forget the rings."""
        self._lib.rps_tester_destroy(self._tester)

    def ready(self) -> bool:
        """Whether a driver is running."""
        return bool(self._lib.rps_tester_ready(self._tester))

    def attach(self) -> None:
        """Serve the rings that the driver has set up; RuleBroken where they cannot be."""
        status = self._lib.rps_tester_attach(self._tester)
        if status in (-errno.EINVAL, -errno.EFAULT):
            raise RuleBroken("rings that the driver set up", "aligned, and inside its memory", self.queues())
        checked(status, "attach to the driver's rings")
        self.order = "be" if self._lib.rps_tester_big_endian(self._tester) else "le"
        self.num = self.queue(RX).num

    @property
    def features(self) -> int:
        """As negotiated."""
        return self._lib.rps_tester_features(self._tester)

    def queue(self, queue: int) -> Any:
        """One queue as the driver set it up (struct rps_tester_queue)."""
        info = self._ffi.new("struct rps_tester_queue *")
        self._lib.rps_tester_queue(self._tester, queue, info)
        return info

    def queues(self) -> str:
        """Both queues in words."""
        return "; ".join(f"queue {q}: num {i.num} desc {i.desc:#x} avail {i.avail:#x} used {i.used:#x}"
                         for q, i in ((q, self.queue(q)) for q in (RX, TX)))

    def ring_addrs(self, queue: int) -> tuple[int, int, int]:
        info = self.queue(queue)
        return info.desc, info.avail, info.used

    def read(self, addr: int, length: int) -> bytes:
        data = self._ffi.new("uint8_t[]", length)
        if self._lib.rps_tester_read(self._tester, addr, data, length):
            raise RuleBroken("an address of the driver", "inside its memory", f"{length} bytes at {addr:#x}")
        if self._note is not None:
            self._note(f"read {addr:#x} {bytes(data).hex()}")
        return bytes(data)

    def write(self, addr: int, data: bytes) -> None:
        checked(self._lib.rps_tester_write(self._tester, addr, data, len(data)), f"write at {addr:#x}")
        if self._note is not None:
            self._note(f"write {addr:#x} {data.hex()}")

    def take(self, queue: int) -> Buffer | None:
        """Take the next available buffer.  Return: None where there is none; RuleBroken for one that is broken."""
        out = self._ffi.new("struct rps_tester_buf *")
        status = self._lib.rps_tester_take(self._tester, queue, out)
        if status == -errno.EAGAIN:
            return None
        if status in (-errno.EPROTO, -errno.EFAULT, -errno.ELOOP, -errno.EINVAL, -errno.EMSGSIZE):
            raise RuleBroken(f"available buffer of queue {queue}", "a chain by the rules", errno.errorcode[-status])
        checked(status, f"take from queue {queue}")
        return Buffer(out.head, tuple(Segment(seg.addr, seg.len_bytes, bool(seg.device_writes))
                                      for seg in out.seg[0:out.num_segs]))

    def complete(self, queue: int, used_id: int, used_len: int, *, notify: bool = True) -> None:
        """Publish a used element, however wrong; then notify if the driver wants it."""
        checked(self._lib.rps_tester_complete(self._tester, queue, used_id, used_len), "complete")
        if notify:
            self.notify(queue)

    def notify(self, queue: int, *, force: bool = False) -> bool:
        """Return: whether the driver was notified, which it may have asked not to be."""
        return bool(checked(self._lib.rps_tester_notify(self._tester, queue, force), "notify"))

    def kicks(self, queue: int, on: bool) -> None:
        """Ask the driver to kick on this queue, or not to."""
        checked(self._lib.rps_tester_kicks(self._tester, queue, on), "suppress kicks")

    def notified(self, queue: int) -> int:
        return self.queue(queue).kicks - self._kicks_before[queue]

    def can_send(self) -> bool:
        return self.avail_idx(RX) != self.queue(RX).taken_idx

    def send_raw(self, raw: bytes, *, used_len: int | None = None, notify: bool = True) -> int:
        buffer = self.take(RX)
        given(buffer is not None, "the driver has posted a receive buffer")
        assert buffer is not None
        self.write(buffer.addr, raw)
        self.complete(RX, buffer.head, len(raw) if used_len is None else used_len, notify=notify)
        return buffer.head

    def receive(self, *, give_back: bool = True) -> Message | None:
        buffer = self.take(TX)
        if buffer is None:
            return None
        raw = b"".join(self.read(segment.addr, segment.len) for segment in buffer.segments)
        try:
            header, payload = decode.decode_message(raw, self.order)
        except decode.DecodeError as error:
            raise RuleBroken("a message of the driver", "header, and payload within the buffer", str(error)) from error
        message = Message(header, payload, raw[:16 + header.len], len(raw), buffer.head, buffer.addr)
        if give_back:
            self.give_back(message)
        return message

    def give_back(self, message: Message, *, notify: bool = True) -> None:
        self.complete(TX, message.head, 0, notify=notify)
