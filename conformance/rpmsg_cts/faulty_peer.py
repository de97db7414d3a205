# SPDX-License-Identifier: BSD-3-Clause
"""A peer that does what a row of the table of faults says, on any link: it writes what is wrong itself.

Nothing here knows a transport.  What a link cannot show, or cannot be made to do, is a SKIP that says why.
"""

from __future__ import annotations

from collections.abc import Callable

from rpmsg_cts import decode
from rpmsg_cts.fault_terms import (BEFORE, Ground, changed, is_about_names, judge_content, of_word, to_word, withdraws,
                                   write_field)
from rpmsg_cts.faults import Fault
from rpmsg_cts.judge import expect, given, skip
from rpmsg_cts.link import RX, TX, Channel, Link, RuleBroken
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.lower_device import LowerDevice
from rpmsg_cts.lower_driver import LowerDriver

OURS, THEIRS, OTHER, LATER = 0x401, 0x5DC, 0x5DD, 0x5E0
HDR_BYTES = 16
NEXT = 1  # VRING_DESC_F_NEXT
ANNOUNCED, BYSTANDER = "announced", 0x402
GUARD_BYTES = 4096  # behind the spare memory, and the last of all
MOST_HEARD = 32  # an end that delivers stale messages delivers them without end


class FaultyPeer:
    """The tester in the place of a peer that has one fault.

    sent: payloads that the IUT has to get; heard: those that it did get.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.lower = link.lower
        self.ept = link.upper.open(src=THEIRS, dst=OURS)
        self.other = link.upper.open(src=OTHER, dst=OURS)
        self.sent: list[bytes] = []
        self.heard: list[bytes] = []
        self._count = 0
        given(self.link.works(self.ept, BEFORE), "the link works before the fault")
        if isinstance(self.lower, LowerDriver):
            self.lower.returned()

    # --- what is normal

    def _text(self) -> bytes:
        # Long enough for an announcement that was cut.
        self._count += 1
        return b"message %d of a peer with a fault" % self._count

    def say(self, *, notify: bool = True) -> None:
        """Send the IUT a good message."""
        text = self._text()
        self.sent.append(text)
        self.lower.send(OURS, THEIRS, text, notify=notify)

    def listen(self) -> None:
        """Take what the IUT has delivered so far."""
        self.link.settle()
        self.heard += [m.payload for m in self.link.upper.received(self.ept, most=MOST_HEARD)]

    def notify(self, queue: int) -> None:
        """Notify the IUT, whether it wants to be or not."""
        if isinstance(self.lower, LowerDevice):
            self.lower.notify(queue, force=True)
        else:
            assert isinstance(self.lower, LowerDriver)
            self.lower.kick(queue, force=True)

    @property
    def to_iut(self) -> int:
        """The queue of messages to the IUT."""
        return RX if self.link.role == "driver" else TX

    def _queue(self, fault: Fault) -> int:
        return self.to_iut if fault.side == "IN" else 1 - self.to_iut

    def _word(self, width: int, value: int) -> bytes:
        return to_word(width, value, self.lower.order)

    def _read_word(self, width: int, addr: int) -> int:
        return of_word(self.lower.read(addr, width), self.lower.order)

    def _ground(self, own: int = 0, previous: int = 0) -> Ground:
        end = 0
        if isinstance(self.lower, LowerDriver):
            end = self.lower.place.spare + self.lower.place.spare_bytes + GUARD_BYTES
        return Ground(self.lower.num, self.link.config.buf_bytes, end, own, previous)

    # --- what is not

    def commit(self, fault: Fault) -> bool:
        """Do it.  Return: whether it came to pass; pytest's skip where this link cannot express it."""
        acts: dict[str, Callable[[Fault], bool]] = {
            "STORE": self._store, "REWRITE": self._rewrite, "LOSE": self._hold_back, "LATE": self._hold_back,
            "TWICE": self._notify_more, "SPURIOUS": self._notify_more, "PAUSE": self._stop, "DIE": self._stop,
            "RESET": self._stop, "DIRTY": self._dirty, "STORM": self._storm, "CHURN": self._churn, "FULL": self._fill}
        return acts[fault.kind](fault)

    def _store(self, fault: Fault) -> bool:
        record, _, _ = fault.field.partition(".")
        if record in ("hdr", "ns"):
            return self._store_in_message(fault)
        if record == "used":
            return self._store_used(fault)
        return self._store_avail(fault)

    def _store_in_message(self, fault: Fault) -> bool:
        text = self._text()
        dst, record = THEIRS, 0
        before = self._bystander(fault) if is_about_names(fault) else []
        if fault.field.startswith("ns."):
            text = decode.encode_name_service(ANNOUNCED, OURS, 0, self.lower.order)
            dst, record = decode.NS_ADDR, HDR_BYTES
        elif fault.content == "EXACT":
            self.sent.append(text)
        raw = bytearray(decode.encode_message(OURS, dst, text, self.lower.order))
        write_field(raw, record, fault, self._ground(), self.lower.order)
        self.lower.send_raw(bytes(raw))
        self.listen()
        if is_about_names(fault):
            self._judge_channels(fault, before)
        return True

    def _bystander(self, fault: Fault) -> list[Channel]:
        """A channel that nothing may happen to; it has the name of what is withdrawn, and another address."""
        self.lower.announce(ANNOUNCED if withdraws(fault) else "bystander", BYSTANDER)
        given(self.link.works(self.ept), "the link works after an announcement")
        given(self.link.upper.channels(), "what was announced is there")
        return self.link.upper.channels()

    def _judge_channels(self, fault: Fault, before: list[Channel]) -> None:
        # Whoever gets the next message has dealt with this one.
        expect(True, self.link.works(self.ept), f"whether a message arrives when {fault.what}")
        now = self.link.upper.channels()
        new = [channel.name for channel in now if channel not in before]
        expect([], [channel for channel in before if channel not in now], f"channels that are gone when {fault.what}")
        if fault.field == "ns.name":
            # A name that does not end may be cut, or refused.
            cut = chr(fault.value) * (fault.width - 1) if fault.value else ""
            expect(True, new in ([], [cut]), f"whether of {new} all is within the name when {fault.what}")
        elif fault.field == "ns.addr":
            expect(True, new in ([], [ANNOUNCED]), f"whether {new} are the new channels when {fault.what}")
        else:
            made = fault.field == "ns.flags" and not withdraws(fault)
            expect([ANNOUNCED] if made else [], new, f"new channels when {fault.what}")

    def _store_used(self, fault: Fault) -> bool:
        lower, queue = self.lower, self._queue(fault)
        assert isinstance(lower, LowerDevice)
        _, _, used = lower.ring_addrs(queue)
        if fault.field == "used.flags":
            lower.write(used, self._word(2, changed(fault, self._ground(), 0)))
            return self._iut_is_heard()
        ring = lower.ring(queue).used
        ground = self._ground(previous=ring.ring[(ring.idx - 1) % lower.num].id)
        head, length = self._take_for(fault, queue)
        if fault.field == "used.id":
            head = changed(fault, ground, head)
        if fault.field == "used.len":
            length = changed(fault, ground, length)
        lower.complete(queue, head, length, notify=False)
        if fault.field == "used.idx":
            lower.write(used + 2, self._word(2, changed(fault, ground, (ring.idx + 1) & 0xFFFF)))
        lower.notify(queue, force=True)
        self.listen()
        if fault.side == "OUT":
            self._send_on(fault)
        return True

    def _send_on(self, fault: Fault) -> None:
        """A driver looks at what came back when it has no other buffer."""
        if fault.after == "RESTART":
            expect(True, self._send_until_full() <= self.lower.num,
                   f"whether it sends no more messages than there are buffers when {fault.what}")
            return
        for turn in range(2 * self.lower.num):
            expect(0, self.link.upper.send(self.ept, b"turn %d" % turn), f"result of sending when {fault.what}")
            given(self.link.poll_message() is not None, "its message arrives")

    def _messages(self) -> list[bytes]:
        """All that the IUT has sent and nobody has taken yet."""
        got = []
        while (message := self.link.poll_message(timeout_s=0.5)) is not None:
            got.append(message.payload)
        return got

    def _send_until_full(self) -> int:
        """Return: how many messages the IUT could send, each its number."""
        sent = 0
        while sent <= 2 * self.lower.num and self.link.upper.send(self.ept, b"%d" % sent) == 0:
            sent += 1
        return sent

    def _take_for(self, fault: Fault, queue: int) -> tuple[int, int]:
        """A buffer of the IUT that can be returned now, and the length to be told."""
        lower = self.lower
        assert isinstance(lower, LowerDevice)
        if queue == TX:
            given(self.link.upper.send(self.ept, b"to be returned") == 0, "the IUT sends")
            return self.link.next_message(give_back=False).head, 0
        text = self._text()
        if fault.content in ("EXACT", "ANY"):
            self.sent.append(text)
        buffer = lower.take(RX)
        given(buffer is not None, "the driver has posted a receive buffer")
        assert buffer is not None
        raw = decode.encode_message(OURS, THEIRS, text, lower.order)
        lower.write(buffer.addr, raw)
        return buffer.head, len(raw)

    def _store_avail(self, fault: Fault) -> bool:
        lower, queue = self.lower, self._queue(fault)
        assert isinstance(lower, LowerDriver)
        _, avail, _ = lower.ring_addrs(queue)
        if fault.field == "avail.flags":
            lower.write(avail, self._word(2, changed(fault, self._ground(), 0)))
            return self._iut_is_heard()
        old = lower.ring(queue).avail
        previous = old.ring[(old.idx - 1) % lower.num]
        if queue == TX:
            text = self._text()
            if fault.content in ("EXACT", "ANY"):
                self.sent.append(text)
            lower.send(OURS, THEIRS, text, notify=False)
        else:
            given(self.link.upper.send(self.ept, b"one buffer") == 0, "the IUT sends")
            given(lower.receive() is not None, "its message arrives, and the buffer is offered again")
        new = lower.ring(queue).avail
        given(new.idx == (old.idx + 1) & 0xFFFF, "a buffer was offered")
        self._overwrite(fault, queue, new.ring[old.idx % lower.num], old.idx, previous)
        lower.kick(queue, force=True)
        self.listen()
        if fault.side == "OUT":
            self._exhaust(fault)
        elif fault.content == "DROPS":
            expect([0], lower.returned(), f"used.len of what came back when {fault.what}")
        return True

    def _overwrite(self, fault: Fault, queue: int, head: int, idx: int, previous: int) -> None:
        lower = self.lower
        desc, avail, _ = lower.ring_addrs(queue)
        place = {"desc.addr": desc + 16 * head, "desc.len": desc + 16 * head + 8, "desc.flags": desc + 16 * head + 12,
                 "desc.next": desc + 16 * head + 14, "avail.ring": avail + 4 + 2 * (idx % lower.num),
                 "avail.idx": avail + 2}
        addr = place[fault.field]
        if fault.field == "desc.next":
            flags = self._read_word(2, place["desc.flags"])
            lower.write(place["desc.flags"], self._word(2, flags | NEXT))
        value = changed(fault, self._ground(head, previous), self._read_word(fault.width, addr))
        lower.write(addr, self._word(fault.width, value))

    def _iut_is_heard(self) -> bool:
        """What the peer wished must not have been misread: the IUT notifies of its message."""
        queue = 1 - self.to_iut
        before = self.lower.notified(queue)
        given(self.link.upper.send(self.ept, b"do you hear?") == 0, "the IUT sends")
        self.link.settle()
        expect(True, self.lower.notified(queue) > before, "whether the IUT notifies of its message")
        given(self.link.poll_message() is not None, "the message arrives")
        return True

    def _exhaust(self, fault: Fault) -> None:
        """Let a device come to each receive buffer once; where the ring still works, each of its messages arrives."""
        lower = self.lower
        assert isinstance(lower, LowerDriver)
        if fault.after == "RESTART":
            expect(True, self._send_until_full() <= lower.num,
                   f"whether it sends no more messages than there are buffers when {fault.what}")
            return
        unwritten = 0
        for turn in range(lower.num + 1):
            text = b"turn %d" % turn
            expect(0, self.link.upper.send(self.ept, text), f"result of sending when {fault.what}")
            self.link.settle()
            texts, empty = self._receive_written()
            expect([text], texts, f"messages of the IUT when {fault.what}")
            unwritten += empty
        expect(1, unwritten, f"buffers that come back unwritten when {fault.what}")

    def _receive_written(self) -> tuple[list[bytes], int]:
        """Messages of the device, and how many buffers it returns unwritten; all are offered again."""
        lower = self.lower
        assert isinstance(lower, LowerDriver)
        texts, empty = [], 0
        while (used := lower.reclaim(RX)) is not None:
            index, length = used
            empty += length == 0
            texts += [self._written(index, length)] if length else []
            lower.post_rx(range(index, index + 1))
        lower.kick(RX)
        return texts, empty

    def _written(self, index: int, length: int) -> bytes:
        """The message of the device in one of our buffers."""
        lower = self.lower
        assert isinstance(lower, LowerDriver)
        try:
            return decode.decode_message(lower.read(lower.rx_addr(index), length), lower.order)[1]
        except decode.DecodeError as error:
            raise RuleBroken("a message of the device", "header and payload within used.len", str(error)) from error

    def _rewrite(self, fault: Fault) -> bool:
        link = self.link
        if not isinstance(link, SimLink):
            skip("nobody can change its memory between two of its reads")
        if fault.side == "OUT":
            # What an end does with its very first buffer is not what it does with all others.
            given(link.upper.send(self.ept, b"first") == 0, "the IUT sends")
            given(link.poll_message() is not None, "its message arrives")
        link.world.arm(fault.name, link.role, nth=0)
        if fault.field.startswith("ns."):
            self.lower.announce(ANNOUNCED, OURS)
            link.settle()
            expect([ANNOUNCED], [channel.name for channel in link.upper.channels()], "names of channels")
        elif fault.side == "OUT":
            given(link.upper.send(self.ept, b"where to?") == 0, "the IUT sends")
            expect([b"where to?"], self._messages(), f"messages of the IUT when {fault.what}")
        else:
            # The whole buffer is offered, so that a forged length would fit as well.
            text = self._text()
            self.sent.append(text)
            raw = decode.encode_message(OURS, THEIRS, text, self.lower.order)
            self.lower.send_raw(raw + b"\xee" * (link.config.buf_bytes - len(raw)))
            link.settle()
            sources = {m.src for m in self._hear_with_source()}
            expect({OURS}, sources, f"sources told when {fault.what}")
        fired = bool(link.world.fired(fault.name))
        link.world.disarm()
        return fired

    def _hear_with_source(self) -> list:
        got = self.link.upper.received(self.ept, most=MOST_HEARD)
        self.heard += [m.payload for m in got]
        return got

    # --- notifications

    def _hold_back(self, fault: Fault) -> bool:
        if fault.side == "OUT":
            return self._hold_back_return(fault)
        self.say(notify=False)
        self.listen()
        if fault.kind == "LATE":
            self.notify(self.to_iut)
        return True

    def _hold_back_return(self, fault: Fault) -> bool:
        """A sender that waits for a buffer, which comes back in silence."""
        held = []
        while len(held) <= self.lower.num and self.link.upper.send(self.ept, b"until full") == 0:
            held.append(self.link.next_message(give_back=False))
        job = self.link.upper.send_blocking(self.ept, b"waits")
        self.link.settle()
        given(len(held) >= 2 and job.result() is None, "the IUT waits for a buffer when two messages are kept")
        self.lower.give_back(held[0], notify=False)
        self.link.settle()
        if fault.kind == "LATE":
            self.notify(1 - self.to_iut)
        else:
            self.lower.give_back(held[1], notify=False)
            self.notify(1 - self.to_iut)
        self.link.until(lambda: job.result() is not None)
        expect(0, job.result(), f"result of the send that waited when there was {fault.what}")
        for message in held[1 if fault.kind == "LATE" else 2:]:
            self.lower.give_back(message)
        self._messages()
        return True

    def _notify_more(self, fault: Fault) -> bool:
        queue = self._queue(fault)
        if fault.kind == "SPURIOUS":
            self.link.spurious(queue)
            self.listen()
        self.say()
        if fault.side == "OUT":
            expect(0, self.link.upper.send(self.ept, b"to return"), f"result of sending when {self._when(fault)}")
            expect([b"to return"], self._messages(), f"messages of the IUT when {self._when(fault)}")
        if fault.kind == "TWICE":
            self.link.settle()
            self.link.spurious(queue)
        self.listen()
        return True

    # --- a peer that stops, and one that starts anew

    def _stop(self, fault: Fault) -> bool:
        """Nothing is served any more; what was begun is never finished."""
        if isinstance(self.lower, LowerDevice):
            buffer = self.lower.take(RX)
            given(buffer is not None, "the driver has posted a receive buffer")
            assert buffer is not None
            self.lower.write(buffer.addr, decode.encode_message(OURS, THEIRS, b"never shown", self.lower.order))
        else:
            assert isinstance(self.lower, LowerDriver)
            self.lower.write(self.lower.next_tx_addr(),
                             decode.encode_message(OURS, THEIRS, b"never shown", self.lower.order))
        sent = self._send_until_full()
        self.listen()
        if fault.after == "WORKS":
            if isinstance(self.lower, LowerDevice):
                self.lower.complete(RX, buffer.head, 16 + len(b"never shown"))
                self.sent.append(b"never shown")
            expect([b"%d" % i for i in range(sent)], self._messages(), f"messages of the IUT when {fault.what}")
            self.listen()
            expect(sent, self._send_until_full(), f"messages that the IUT can send again when {fault.what}")
            expect(sent, len(self._messages()), f"how many of them arrive when {fault.what}")
        return True

    def _dirty(self, fault: Fault) -> bool:
        link = self.link
        if not isinstance(link, SimLink):
            skip("its memory is gone with the driver")
        link.world.arm(fault.name, link.role, nth=0)
        self.reopen()
        fired = bool(link.world.fired(fault.name))
        link.world.disarm()
        self.listen()
        expect([], self.heard, f"delivered when {fault.what}")
        return fired

    def reopen(self) -> None:
        """Restart, with an endpoint to go on with."""
        self.link.restart()
        self.ept = self.link.upper.open(src=LATER, dst=OURS)

    # --- more than usual

    def _storm(self, fault: Fault) -> bool:
        # A real driver takes its time to make a device of each.
        names = [f"storm-{i}" for i in range(fault.value if self.link.virtual_time else 40)]
        for i, name in enumerate(names):
            expect(True, self.lower.can_send(), f"whether the IUT has a buffer left after {i} announcements")
            self.lower.announce(name, 2000 + i)
            self.link.settle()
        expect(True, self.link.works(self.ept), f"whether a message arrives after {len(names)} announcements")
        given(self.link.upper.channels(), "announcements were taken")
        expect(True, len(self.link.upper.channels()) <= len(names), "whether the channels are bounded")
        for i, name in enumerate(names):
            self.lower.withdraw(name, 2000 + i)
            self.link.settle()
        expect([], self.link.upper.channels(), "channels after all were withdrawn")
        return True

    def _churn(self, fault: Fault) -> bool:
        rounds = fault.value if self.link.virtual_time else 8
        for i in range(rounds):
            ept = self.link.upper.open(src=LATER, dst=OURS)
            self.lower.send(OURS, LATER, b"%d" % i)
            expect([b"%d" % i], [m.payload for m in self.link.delivered(ept)], f"delivered to endpoint {i} of its name")
            self.link.upper.close(ept)
            given(self.lower.can_send(), "there is a buffer")
            self.lower.send(OURS, LATER, b"too late")
            self.link.settle()
        self.listen()
        return True

    def _fill(self, fault: Fault) -> bool:
        for turn in range(fault.value):
            sent = self._send_until_full()
            given(0 < sent <= self.lower.num, "the IUT runs out of buffers")
            # By another endpoint: a real one cannot be read while it waits.
            job = self.link.upper.send_blocking(self.other, b"waits")
            self.link.settle()
            given(job.result() is None, "the IUT waits for a buffer")
            for _ in range(self.lower.num + 1):
                if self.lower.can_send():
                    self.say()
                # A sender waits for seconds only, and real ones pass meanwhile.
                if self.link.virtual_time or not self.lower.can_send():
                    self.link.settle()
            self.heard += [m.payload for m in self.link.delivered(self.ept, len(self.sent) - len(self.heard))]
            expect(self.sent, self.heard, f"delivered while the IUT cannot send, turn {turn}")
            got = []
            while len(got) <= sent and (message := self.link.poll_message()) is not None:
                got.append(message.payload)
            expect([*(b"%d" % i for i in range(sent)), b"waits"], got, f"messages of the IUT, turn {turn}")
            self.link.until(lambda job=job: job.result() is not None)
            expect(0, job.result(), f"result of the send that waited, turn {turn}")
        return True

    # --- afterwards

    def recover(self, fault: Fault) -> None:
        """Judge what must hold once the fault is over."""
        if fault.after == "NEXT":
            self.say()
        self.heard += [m.payload for m in self._missing(fault)]
        judge_content(fault, self.sent, self.heard, f"delivered when {self._when(fault)}")
        expect([], [m.payload for m in self.link.upper.received(self.other, most=MOST_HEARD)]
               if fault.kind != "DIRTY" else [], f"delivered to another endpoint when {self._when(fault)}")
        if isinstance(self.link, SimLink):
            expect(True, self.link.world.guards_intact(), "whether nothing around rings and buffers was written")
        if fault.after == "RESTART":
            self.reopen()
        after = "a restart" if fault.after == "RESTART" else "the fault"
        for i in range(2):
            expect(True, self.link.works(self.ept, b"after %d" % i), f"whether message {i} after {after} arrives")

    def _missing(self, fault: Fault) -> list:
        missing = len(self.sent) - len(self.heard)
        if missing > 0 and fault.content in ("EXACT", "DROPS"):
            return self.link.delivered(self.ept, missing)
        self.link.settle()
        return self.link.upper.received(self.ept, most=MOST_HEARD)

    @staticmethod
    def _when(fault: Fault) -> str:
        return f"there was {fault.what}" if fault.kind in ("LOSE", "LATE", "SPURIOUS") else fault.what
