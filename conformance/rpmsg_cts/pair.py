# SPDX-License-Identifier: BSD-3-Clause
"""Both of our ends in one world: the one that is judged, and its peer, to which faults are done.

First faults strike, and nothing may be wrong; then they end, and everything must go on.
"""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rpmsg_cts.faults import Fault
from rpmsg_cts.judge import Mismatch, expect, given
from rpmsg_cts.link import Config, Endpoint
from rpmsg_cts.link_sim import END, LOG_LINES, World, mutant_number
from rpmsg_cts.diagram.row import Row
from rpmsg_cts.diagram.rows import rows
from rpmsg_cts.native import error_name
from rpmsg_cts.targets import DEVICE, DRIVER, ROLES, Lane
from rpmsg_cts.upper_sim import SimJob, UpperSim
from rpmsg_cts.verdict import GuestFailure, HarnessError, Inconclusive, Refused

FIRST_ADDR = 0x500
STEPS_PER_MESSAGE = 2000  # an undisturbed one takes about a hundred
CONTENTS = ("EXACT", "DROPS", "LOSES", "ANY")
AFTERS = ("WORKS", "NEXT", "RESTART")
WAITED = b"waited "
SWARM_ROUNDS = 24
FULL = (-errno.ENOMEM, -errno.EAGAIN)
BROKEN = (-errno.EPIPE, -errno.ENOTCONN, -errno.EPROTO)


class Fate(Enum):
    """What is known of a message."""

    SENT = "was sent"
    HIT = "was sent, and hit by a fault"
    UNKNOWN = "may have been sent"


@dataclass
class Sent:
    """One message to an end."""

    payload: bytes
    fate: Fate


@functools.cache
def wrong_without_a_fault(lane: Lane, config: Config) -> str:
    """Return: why both ends cannot even talk undisturbed, in such a world; empty where they can.

    A world is deterministic: asked once, it is known for every test.
    """
    try:
        pair = Pair(lane, config, seed=1)
        try:
            pair.talk()
            pair.go_on()
        finally:
            pair.close()
    except (Mismatch, Inconclusive, GuestFailure, Refused) as broken:
        return str(broken)
    return ""


class Pair:
    """The two ends, and what each has said and heard."""

    def __init__(self, lane: Lane, config: Config, seed: int, scheduler: int = 0) -> None:
        self.lane = lane
        self.judged = lane.role
        self.peer = DEVICE if lane.role == DRIVER else DRIVER
        self.config = config
        mutant = mutant_number(lane.target)
        # A device says itself what it is; the configuration only says what a driver finds.
        self.world = World(config.but(device_id=0), driver=True, device=True, seed=seed, scheduler=scheduler,
                           driver_mutant=mutant if self.judged == DRIVER else 0,
                           device_mutant=mutant if self.judged == DEVICE else 0)
        self.upper = {role: self._upper(role) for role in ROLES}
        self.addr = FIRST_ADDR
        self._count = 0
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The end of the world."""
        self.world.close()

    def log(self) -> list[str]:
        """What happened last, for a reader of the report."""
        return self.world.log().splitlines()[-LOG_LINES:]

    def diagram(self) -> list[Row]:
        """The same as two columns."""
        return rows(self.world.records(), self.world.rings())

    def _upper(self, role: str) -> UpperSim:
        return UpperSim(self.world.native, self.world.handle, END[role])

    def _begin(self) -> None:
        status = self.upper[DRIVER].probe()
        given(status == 0, f"the driver binds to the device, but it says {error_name(status)}")
        self.to: dict[str, list[Sent]] = {role: [] for role in ROLES}
        self.heard: dict[str, list[bytes]] = {role: [] for role in ROLES}
        self.elsewhere: list[bytes] = []
        self.sources: set[int | None] = set()
        self._jobs: list[tuple[str, bytes, SimJob]] = []
        self.addr += 2
        self.ept: dict[str, Endpoint] = {}
        self.other: dict[str, Endpoint] = {}
        for role in ROLES:
            self.ept[role] = self.upper[role].open(src=self.addr, dst=self.addr)
            self.other[role] = self.upper[role].open(src=self.addr + 1, dst=self.addr + 1)

    def restart(self) -> None:
        """The driver is removed and bound again; who died is replaced by one that knows nothing."""
        for role in ROLES:
            if not self.world.is_alive(role):
                self.world.revive(role)
                self.upper[role] = self._upper(role)
        self.upper[DRIVER].remove()
        self._begin()

    # --- talking

    def _other_end(self, role: str) -> str:
        return DEVICE if role == DRIVER else DRIVER

    def _note(self, sender: str, payload: bytes, status: int, struck: list[tuple[Fault, int]]) -> None:
        to = self.to[self._other_end(sender)]
        if status == 0:
            hit = sender == self.peer and any(fault.content != "EXACT" for fault, _ in struck)
            to.append(Sent(payload, Fate.HIT if hit else Fate.SENT))
        elif status == -errno.ETIME:
            to.append(Sent(payload, Fate.UNKNOWN))
        if sender == self.judged:
            allowed = (0, *FULL) if self.world.shots() else (0,)
            if self._after() == "RESTART":
                allowed += BROKEN
            expect(True, status in allowed, f"whether sending {payload!r} works ({error_name(status)})")

    def say(self, sender: str) -> None:
        """One message, heard at once unless a fault keeps it."""
        self._count += 1
        payload = b"%s says %d" % (sender.encode(), self._count)
        before = len(self.world.shots())
        status = self.upper[sender].send(self.ept[sender], payload)
        self._note(sender, payload, status, self.world.shots()[before:])
        self.listen()

    def listen(self) -> None:
        """Take what was delivered."""
        for _, _, job in self._jobs:
            job.result()  # whose handle is free then
        for role in ROLES:
            got = self.upper[role].received(self.ept[role])
            self.heard[role] += [message.payload for message in got]
            if role == self.judged:
                self.sources |= {message.src for message in got}
                self.elsewhere += [m.payload for m in self.upper[role].received(self.other[role])]

    def _peer_may_fail(self, role: str, act: Callable[[], Any]) -> Any:
        """The peer can be dead, or its ring broken by what it was made to do."""
        try:
            return act()
        except (HarnessError, Refused, GuestFailure):
            if role != self.peer:
                raise
            return None

    def fill_up(self, sender: str) -> None:
        """One end keeps all buffers, and the other one sends until it has to wait."""
        receiver = self._other_end(sender)
        mine, its = self.upper[sender], self.upper[receiver]
        self._peer_may_fail(receiver, lambda: its.hold(self.ept[receiver], True))
        for _ in range(self.config.num + 1):
            self._count += 1
            payload = WAITED + b"%d" % self._count
            job = self._peer_may_fail(sender, lambda text=payload: mine.send_blocking(self.ept[sender], text))
            if job is not None:
                self._jobs.append((sender, payload, job))
        self._peer_may_fail(receiver, lambda: its.hold(self.ept[receiver], False))
        for _ in range(self.config.num + 1):
            try:
                its.release(0)
            except HarnessError:
                break  # fewer were kept
        self.listen()

    def announce(self, sender: str) -> None:
        """A service comes and goes."""
        upper = self.upper[sender]
        ept = self._peer_may_fail(sender, lambda: upper.open(name="service"))
        if ept is not None:
            upper.announce(ept)
            names = {channel.name for channel in self.upper[self._other_end(sender)].channels()}
            if sender == self.peer and names and not self._may_rename():
                expect({"service"}, names, "names of announced channels")
            self._peer_may_fail(sender, lambda: upper.close(ept))

    def _may_rename(self) -> bool:
        return any(fault.kind == "STORE" for fault, _ in self.world.shots())

    def talk(self) -> None:
        """Everything that two ends do with each other."""
        for _ in range(self.config.num + 2):
            for role in ROLES:
                self.say(role)
        for role in ROLES:
            self.fill_up(role)
            self.announce(role)

    # --- judging

    def _worst(self, words: tuple[str, ...], column: str) -> str:
        struck = [getattr(fault, column) for fault, _ in self.world.shots()]
        return max(struck, key=words.index, default=words[0])

    def _after(self) -> str:
        """What heals what struck."""
        after = self._worst(AFTERS, "after")
        shots = self.world.shots()
        if len(shots) > 1 and any(fault.kind == "STORE" and fault.after == "NEXT" for fault, _ in shots):
            # With a ring full of entries that were never shown, nobody can make the next one.
            return "RESTART"
        return after

    def _content(self) -> str:
        """What may become of messages to the judged end."""
        content = self._worst(CONTENTS, "content")
        if len(self.world.shots()) > 1 and self._after() == "RESTART" and content != "EXACT":
            # Two lies about a ring can add up to one that nobody can tell from the truth.
            return "ANY"
        return content

    def _collect(self) -> None:
        """How the blocking sends ended."""
        for sender, payload, job in self._jobs:
            status = job.result()
            unknown = status is None and self._after() == "RESTART"
            if status == 0 or unknown or status == -errno.ETIME:
                self.to[self._other_end(sender)].append(Sent(payload, Fate.SENT if status == 0 else Fate.UNKNOWN))
            elif sender == self.judged and self._after() != "RESTART":
                expect(0, "still waits" if status is None else status, f"result of the blocking send of {payload!r}")
        self._jobs = []

    def judge(self, when: str) -> None:
        """Judge what was delivered so far, by the worst of the faults that struck."""
        content = self._content()
        ends = ROLES if content == "EXACT" else (self.judged,)
        for role in ends:
            self._judge_end(role, content, when)
        if content != "ANY":
            expect([], self.elsewhere, f"delivered to another endpoint of the {self.judged}, {when}")
        renamed = any(fault.field == "hdr.src" and fault.kind == "STORE" for fault, _ in self.world.shots())
        if content != "ANY" and not renamed:
            expect(set(), self.sources - {self.addr}, f"sources that nobody has, told to the {self.judged}, {when}")
        expect(True, self.world.guards_intact(), f"whether nothing around rings and buffers was written, {when}")

    def _judge_rules(self) -> None:
        """Whatever its peer does, an end keeps the rules of rings itself."""
        broken = [str(finding) for finding in self.world.monitor.findings() if finding.role == self.judged]
        expect([], broken, f"rules that the {self.judged} broke")

    def _judge_end(self, role: str, content: str, when: str) -> None:
        what = f"delivered to the {role}, {when}"
        heard, to = self.heard[role], self.to[role]
        known = [message.payload for message in to]
        if content == "ANY" and any(fault.kind == "REWRITE" for fault, _ in self.world.shots()):
            return  # stale messages, rewritten
        if content == "ANY":
            expect([], [payload for payload in heard if payload not in known], f"{what}, and never sent")
            return
        # With one fault it is known which message it hit, unless it was one that had waited.
        alone = len(self.world.shots()) == 1
        lossy = content == "LOSES" or not alone and self._after() == "RESTART"
        must = [m.payload for m in to if m.fate is Fate.SENT and not lossy
                and (content == "EXACT" or not m.payload.startswith(WAITED))]
        may = [m.payload for m in to if m.fate is not Fate.HIT or not alone or content != "DROPS"]
        expect([], [payload for payload in heard if payload not in may], f"{what}, and not to be")
        expect([], [payload for payload in must if payload not in heard], f"not {what}")
        expect(sorted(set(heard)), sorted(heard), f"{what}: each once")
        # Who waited for a buffer comes when there is one.
        order = {payload: position for position, payload in enumerate(known)}
        in_time = [payload for payload in heard if not payload.startswith(WAITED)]
        expect(sorted(in_time, key=order.__getitem__), in_time, f"{what}, in order")

    # --- the two phases

    def suffer(self, stimulus: Callable[[], None]) -> None:
        """Faults strike: whatever they do, nothing may be wrong."""
        stimulus()
        self.world.disarm()
        self.world.run()
        self.listen()

    def go_on(self) -> None:
        """Faults have ended: messages flow both ways within so many steps, after a restart where a queue may be
        broken."""
        after = self._after()
        if after == "RESTART":
            self._collect()
            self.judge("while faults struck")
            self.restart()
        if after == "NEXT":
            # Where a ring is full, nobody could send what would be notified.
            self.world.notify_all()
            self.listen()
        first = self.world.steps()
        count = self.config.num + 1
        for _ in range(count):
            for role in ROLES:
                self._say_in_peace(role, after)
        expect(True, self.world.steps() - first <= 2 * count * STEPS_PER_MESSAGE,
               f"whether {2 * count} messages took no more than {STEPS_PER_MESSAGE} steps each")
        if after != "RESTART":
            self._collect()
            self.judge("when faults had ended")
        expect(True, self.world.guards_intact(), "whether nothing around rings and buffers was written")
        self._judge_rules()

    def _say_in_peace(self, sender: str, after: str) -> None:
        receiver = self._other_end(sender)
        self._count += 1
        payload = b"%s in peace %d" % (sender.encode(), self._count)
        status = self.upper[sender].send(self.ept[sender], payload)
        self.to[receiver].append(Sent(payload, Fate.SENT))
        self.listen()
        expect((0, True), (status, payload in self.heard[receiver]),
               f"result of sending, and whether the {receiver} got it, when faults had ended ({after})")

    def suffer_swarm(self) -> None:
        """Talk until each armed fault has struck, or for so long; a ring that may be broken is restarted meanwhile."""
        armed = {fault.name for fault in self.world.armed()}
        for _ in range(SWARM_ROUNDS):
            self.talk()
            self.listen()
            if armed <= {fault.name for fault, _ in self.world.shots()}:
                break
            if self._after() == "RESTART":
                self._collect()
                self.judge("while faults struck")
                self.restart()
        self.world.disarm()
        self.world.run()
        self.listen()

    def stimulus(self, fault: Fault) -> None:
        """What lets this fault strike."""
        if fault.kind == "DIRTY":
            self.restart()
        self.talk()
