# SPDX-License-Identifier: BSD-3-Clause
"""A hostile device at work on a link: it does what a program says, and judges what reaches the driver's client.

The client must get nothing that the device has not said by the rules: each good message at most once, and no other.  That
good messages are lost is not judged while the device lies; once the driver was restarted, messages must flow again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rpmsg_cts import decode
from rpmsg_cts.fault_terms import Ground, changed, to_word, write_field
from rpmsg_cts.fuzz import program as words
from rpmsg_cts.fuzz.finding import DELIVERY, RESTART, RULE, Finding
from rpmsg_cts.fuzz.program import Lie, Program, Step
from rpmsg_cts.judge import Mismatch
from rpmsg_cts.link import RX, TX, Buffer, Endpoint, Link, RuleBroken
from rpmsg_cts.lower_device import LowerDevice
from rpmsg_cts.verdict import Inconclusive, Refused

# The driver's endpoint has another address after each restart: not every driver forgets the old one.
OURS, THEIRS, LATER = 0x401, 0x5DC, 0x700
HDR_BYTES = 16
MOST_HEARD = 24  # of one step: a driver that takes stale messages for new ones takes them without end
MOST_SENT = 4
MOST_HELD = 6


@dataclass
class Said:
    """One message as it lay in its buffer, and what the device claimed of it."""

    raw: bytes
    dst: int
    hdr_len: int
    used_len: int
    honest_id: bool
    heard: bool = False

    def is_good(self, dst: int, buf_bytes: int) -> bool:
        """Whether a driver may deliver it to an endpoint with this address."""
        return (self.honest_id and self.dst == dst and HDR_BYTES <= self.used_len <= buf_bytes
                and self.hdr_len <= self.used_len - HDR_BYTES)

    def is_(self, payload: bytes) -> bool:
        """Whether this is what a client got, all of it or a part."""
        mine = self.raw[HDR_BYTES:]
        common = min(len(payload), len(mine))
        return common > 0 and payload[:common] == mine[:common]


@dataclass
class HostileDevice:
    """Plays one program.  findings: what the driver did that it must not."""

    link: Link
    program: Program
    findings: list[Finding] = field(default_factory=list)
    step: Step | None = None  # the one that the driver is busy with
    _said: list[Said] = field(default_factory=list)
    _names: set[bytes] = field(default_factory=set)
    _idx_lie: str = ""  # class of the last lie about used.idx: from then on every element may be seen again
    _id_lies: bool = False  # buffers are not what they seem from then on
    _scribbled: bool = False  # what the driver shows may have been written by ourselves
    _held: list[Buffer] = field(default_factory=list)  # taken while what the driver shows could be believed
    _count: int = 0
    _restarts: int = 0
    _opened: list[Endpoint] = field(default_factory=list)

    @property
    def lower(self) -> LowerDevice:
        """Our end."""
        assert isinstance(self.link.lower, LowerDevice)
        return self.link.lower

    def play(self) -> list[Finding]:
        """Do everything, and restart.  Return: what was found; GuestFailure where the driver's kernel came to grief."""
        acts: dict[str, Callable[[Step], None]] = {
            words.SAY: self._say, words.ANNOUNCE: self._announce, words.RETURN: self._return,
            words.SCRIBBLE: self._scribble, words.WISH: self._wish, words.NOTIFY: self._notify,
            words.CLIENT: self._client, words.RESTART: self._restart}
        self._open()
        for step in self.program.steps:
            self.step = step
            if self._idx_lie and step.action != words.RESTART:
                continue  # each true index would be another lie
            try:
                acts[step.action](step)
                self.link.settle()
                self._listen()
            except RuleBroken as broken:
                if not self._scribbled:
                    self._found(RULE, "LAY-010", f"{broken.what}: {broken.observed}", broken.what)
        self.step = Step(words.RESTART)
        self._judge_names()
        self._restart(self.step)
        return self.findings

    def _open(self) -> None:
        self._addr = THEIRS + self._restarts
        self._ept = self.link.upper.open(src=self._addr, dst=OURS)

    def _found(self, kind: str, requirement: str, text: str, place: str) -> None:
        finding = Finding(kind, requirement, place, text)
        if finding.same not in [other.same for other in self.findings]:
            self.findings.append(finding)

    # --- values

    def _ground(self, previous: int = 0) -> Ground:
        return Ground(self.lower.num, self.link.config.buf_bytes, previous=previous)

    def _value(self, lie: Lie, honest: int, previous: int = 0) -> int:
        if lie.value is not None:
            return lie.value
        return changed(lie.fault, self._ground(previous), honest)

    def _write_lies(self, raw: bytearray, step: Step, record: str, at: int) -> None:
        """Put the lies about the header, or about an announcement, in their places."""
        for lie in step.lies:
            if lie.field.startswith(record):
                write_field(raw, at, lie.fault, self._ground(), self.lower.order, lie.value)

    # --- what it says

    def _text(self) -> bytes:
        self._count += 1
        return b"%04d, said by a hostile device" % self._count

    def _say(self, step: Step) -> None:
        self._put(decode.encode_message(OURS, self._addr, self._text(), self.lower.order), step)

    def _announce(self, step: Step) -> None:
        name = decode.encode_name_service(step.word, OURS, 0, self.lower.order)
        raw = bytearray(decode.encode_message(OURS, decode.NS_ADDR, name, self.lower.order))
        self._write_lies(raw, step, "ns.", HDR_BYTES)
        self._names.add(bytes(raw[HDR_BYTES:HDR_BYTES + decode.NAME_BYTES - 1]).split(b"\0")[0])
        self._put(bytes(raw), step)

    def _put(self, message: bytes, step: Step) -> None:
        """Show a message, with what is wrong about it."""
        lower = self.lower
        buffer = self._take()
        if buffer is None:
            return  # the driver has none left: it has refused what came before
        raw = bytearray(message)
        self._write_lies(raw, step, "hdr.", 0)
        header = decode.decode_header(bytes(raw[:HDR_BYTES]), lower.order)
        lies = {lie.field: lie for lie in step.lies}
        previous = lower.ring(RX).used.ring[(lower.used_idx(RX) - 1) % lower.num].id
        used_id = self._value(lies["used.id"], buffer.head, previous) if "used.id" in lies else buffer.head
        used_len = self._value(lies["used.len"], len(raw)) if "used.len" in lies else len(raw)
        self._said.append(Said(bytes(raw), header.dst, header.len, used_len, used_id == buffer.head))
        self._id_lies |= used_id != buffer.head
        lower.write(buffer.addr, bytes(raw))
        self._complete(RX, used_id, used_len, lies.get("used.idx"))

    def _take(self) -> Buffer | None:
        """A buffer that the driver has really posted: what we would write to any other is the driver's own memory."""
        if self._held:
            return self._held.pop(0)
        return None if self._scribbled else self.lower.take(RX)

    def _complete(self, queue: int, used_id: int, used_len: int, idx_lie: Lie | None) -> None:
        lower = self.lower
        lower.complete(queue, used_id, used_len, notify=False)
        if idx_lie:
            honest = lower.used_idx(queue)
            idx = self._value(idx_lie, honest) & 0xFFFF
            lower.write(lower.ring_addrs(queue)[2] + 2, to_word(2, idx, lower.order))
            # One that is late has shown nothing yet.
            if queue == RX and (honest - idx) & 0xFFFF > 1:
                self._idx_lie = "steps back" if (idx - honest) & 0xFFFF >= 0x8000 else "jumps"
        lower.notify(queue, force=True)

    def _return(self, step: Step) -> None:
        """Give back a buffer that the client's message came in, if there is one."""
        lower = self.lower
        buffer = None if self._scribbled else lower.take(TX)
        if buffer is None:
            return
        lies = {lie.field: lie for lie in step.lies}
        used_id = self._value(lies["used.id"], buffer.head) if "used.id" in lies else buffer.head
        used_len = self._value(lies["used.len"], 0) if "used.len" in lies else 0
        self._complete(TX, used_id, used_len, lies.get("used.idx"))

    # --- what it does to memory that is not its own, and to the driver's patience

    def _scribble(self, step: Step) -> None:
        lower, queue, fill = self.lower, step.queue, bytes([step.value])
        desc, avail, _ = lower.ring_addrs(queue)
        while not self._scribbled and len(self._held) < MOST_HELD and (buffer := lower.take(RX)):
            self._held.append(buffer)
        if step.word == "buffer":
            for buffer in self._held:
                lower.write(buffer.addr, fill * buffer.len)
            return
        self._scribbled = True
        if step.word == "avail":
            lower.write(avail + 4, fill * (2 * lower.num))
        elif step.word == "desc":
            lower.write(desc, fill * (16 * lower.num))
        else:
            at = 12 if step.word == "desc.flags" else 14
            table = bytearray(lower.read(desc, 16 * lower.num))
            for entry in range(lower.num):
                table[16 * entry + at:16 * entry + at + 2] = fill * 2
            lower.write(desc, bytes(table))

    def _wish(self, step: Step) -> None:
        self.lower.kicks(step.queue, step.word == "kicks")

    def _notify(self, step: Step) -> None:
        self.link.spurious(step.queue)

    def _client(self, step: Step) -> None:
        upper = self.link.upper
        if step.word in ("send", "send twice", "fill"):
            for _ in range({"send": 1, "send twice": 2, "fill": MOST_SENT}[step.word]):
                upper.send(self._ept, b"said by the client")
        elif step.word == "open":
            try:
                self._opened.append(upper.open(src=LATER + len(self._opened), dst=OURS))
            except Refused:
                pass  # it may: a channel that the device has announced can have the address
        elif self._opened:
            upper.close(self._opened.pop())

    # --- what came of it

    def _listen(self) -> None:
        for message in self.link.upper.received(self._ept, most=MOST_HEARD):
            self._judge(message.payload)
        for ept in self._opened:
            for message in self.link.upper.received(ept, most=MOST_HEARD):
                if not self._idx_lie and not self._id_lies and not any(
                        said.is_good(ept.addr or 0, self.link.config.buf_bytes) for said in self._said):
                    self._found(DELIVERY, "ADR-006", f"delivered to an endpoint that nothing was sent to: "
                                f"{len(message.payload)} bytes", "another endpoint")

    def _judge(self, payload: bytes) -> None:
        buf_bytes = self.link.config.buf_bytes
        mine = [said for said in self._said if said.is_(payload)]
        for said in mine:
            if said.is_good(self._addr, buf_bytes) and len(payload) == said.hdr_len and not said.heard:
                said.heard = True
                return
        # What was shown with a wrong number may be seen in its place, or another in its own.
        if self._id_lies and len(payload) <= buf_bytes - HDR_BYTES:
            return
        self._found(DELIVERY, *self._broken(payload, mine))

    def _broken(self, payload: bytes, mine: list[Said]) -> tuple[str, str, str]:
        """Which requirement speaks against a delivery, in words; and what makes it one with others."""
        buf_bytes = self.link.config.buf_bytes
        if self._idx_lie:
            return "ROB-013", f"delivered when used.idx {self._idx_lie}", "used.idx"
        bad = [said for said in mine or self._said if not said.is_good(self._addr, buf_bytes)]
        for said in reversed(bad):
            if said.used_len < HDR_BYTES:
                return "ROB-004", f"delivered for used.len {said.used_len} (below the 16-byte header)", "used.len low"
            if said.used_len > buf_bytes:
                return "ROB-003", f"delivered for used.len {said.used_len:#x} (above the {buf_bytes}-byte buffer)", "used.len high"
            if said.hdr_len > said.used_len - HDR_BYTES:
                return "ROB-005", (f"delivered {len(payload)} bytes for hdr.len {said.hdr_len} (used.len is "
                                   f"{said.used_len})"), "hdr.len high"
            if said.dst != self._addr:
                return "ADR-006", f"delivered to {self._addr:#x} what was for {said.dst:#x}", "hdr.dst"
        if mine:
            return "FLO-002", f"delivered again, or cut: {len(payload)} bytes", "again"
        return "ROB-018", f"delivered {len(payload)} bytes that were never said", "never said"

    def _judge_names(self) -> None:
        if not self._names or self._idx_lie or self._id_lies:
            return
        # As a target tells it.
        known = {name.decode(coding, "backslashreplace").rstrip("\n") for name in self._names for coding in ("ascii", "utf-8")}
        for channel in self.link.upper.channels():
            if channel.name.rstrip("\n") not in known:
                self._found(DELIVERY, "NS-005", f"a channel that was never announced: {channel.name!r}", "channel")

    def _restart(self, _step: Step) -> None:
        """Whatever it was told, a driver that starts anew must work."""
        self._opened, self._said, self._held = [], [], []
        self._restarts += 1
        try:
            self.link.restart()
            self._open()
            well = self.link.works(self._ept, self._text())
        except (Inconclusive, Mismatch, Refused) as error:
            self._found(RESTART, "ROB-018", f"a restart does not bring it up: {str(error).splitlines()[0]}", "restart")
            return
        self._idx_lie, self._id_lies, self._scribbled = "", False, False
        if not well:
            self._found(RESTART, "ROB-018", "no message arrives after a restart", "restart")
