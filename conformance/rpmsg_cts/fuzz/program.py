# SPDX-License-Identifier: BSD-3-Clause
"""What a hostile device does: a list of decisions, read as a program.

Each step takes the same number of decisions, each of 16, whatever it is: so a decision that is made 0 changes nothing but
what it is about, and a failure can be made small.  Choice 0 is always the one in which nothing happens, or nothing is
wrong.  The words are those of the table of faults (sim/fault/faults.def), single or together, and values of any kind.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from rpmsg_cts import faults
from rpmsg_cts.explore.engine import CHOICES, Decision
from rpmsg_cts.faults import Fault
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, Config

FAULT = CHOICES.index("fault")
CHOICES_EACH = 16
# Of each step: what it is, the fields and values of two lies, one more word, and digits of a value.
ACTION, FIELD_1, VALUE_1, FIELD_2, VALUE_2, EXTRA, DIGITS, STEP = 0, 1, 2, 3, 4, 5, 6, 14
MAX_STEPS = 64
SCENARIO = "hostile"
RINGS = {"plain": Config(), "event-idx": Config(features=F_NS | F_VERSION_1 | F_EVENT_IDX)}

NOTHING, SAY, ANNOUNCE, RETURN, SCRIBBLE, WISH, NOTIFY, CLIENT, RESTART = (
    "nothing", "say", "announce", "return", "scribble", "wish", "notify", "client", "restart")
ACTIONS = (NOTHING, SAY, SAY, SAY, SAY, SAY, SAY, ANNOUNCE, ANNOUNCE, RETURN, RETURN, SCRIBBLE, WISH, NOTIFY, CLIENT,
           RESTART)
NO_LIE = ""
FIELDS = {
    SAY: (NO_LIE, "used.len", "used.len", "used.len", "hdr.len", "hdr.len", "hdr.len", "used.id", "used.id", "hdr.dst",
          "hdr.dst", "hdr.src", "hdr.flags", "hdr.reserved", "used.idx", NO_LIE),
    ANNOUNCE: (NO_LIE, "ns.name", "ns.name", "ns.addr", "ns.addr", "ns.flags", "ns.flags", "ns.flags", "used.len",
               "used.len", "hdr.len", "hdr.len", "hdr.src", "used.id", NO_LIE, NO_LIE),
    RETURN: (NO_LIE, "used.id", "used.id", "used.len", "used.len", "used.idx", NO_LIE),
}
SIDES = {SAY: "IN", ANNOUNCE: "IN", RETURN: "OUT"}
NAMES = ("fuzzed", "fuzzed", "another", "rpmsg-client-sample", "", "a-name-that-has-31-characters-x")
CLIENTS = ("send", "send twice", "open", "close", "fill")
PLACES = ("desc", "desc.flags", "desc.next", "avail", "buffer")
ONE_LATE = 0xFFFF  # added to an index
FILLS = (0x00, 0xFF, 0x01, 0x46)


class NoProgram(Exception):
    """A list of decisions that is none of a hostile device; the message says why."""


@dataclass(frozen=True)
class Lie:
    """A field that is not as it should be: as a row of the table of faults says, or a value of any kind."""

    field: str
    fault: Fault
    value: int | None

    def __str__(self) -> str:
        return f"{self.field} = {self.value:#x}" if self.value is not None else self.fault.what


@dataclass(frozen=True)
class Step:
    """One thing that the device does, or lets the client of the driver do."""

    action: str
    lies: tuple[Lie, ...] = ()
    word: str = ""
    queue: int = 0
    value: int = 0

    def __str__(self) -> str:
        more = [self.word, f"queue {self.queue}" if self.action in (SCRIBBLE, NOTIFY, WISH) else "",
                f"fill {self.value:#04x}" if self.action == SCRIBBLE else "", ", ".join(map(str, self.lies))]
        return " ".join([self.action, *filter(None, more)])


@dataclass(frozen=True)
class Program:
    """ring: a key of RINGS.  decisions: STEP of them for each step."""

    ring: str
    decisions: tuple[Decision, ...]

    @property
    def scenario(self) -> str:
        """What a file of decisions says of them."""
        return f"{SCENARIO} ring={self.ring} words={vocabulary()}"

    @property
    def steps(self) -> list[Step]:
        """The program, without the steps in which nothing happens."""
        choices = [decision.choice for decision in self.decisions]
        steps = [_step(choices[at:at + STEP]) for at in range(0, len(choices), STEP)]
        return [step for step in steps if step.action != NOTHING]

    @property
    def deliberate(self) -> int:
        """How many decisions are not 0."""
        return sum(decision.choice != 0 for decision in self.decisions)

    @classmethod
    def of_seed(cls, seed: int, number: int, steps: int) -> Program:
        """The program of this number: the same for the same seed, whatever came before it."""
        chance = random.Random(f"{seed}/{number}")
        ring = list(RINGS)[int(chance.random() * 4) == 3]
        choices = (int(chance.random() * CHOICES_EACH) for _ in range(steps * STEP))
        return cls(ring, tuple(Decision(FAULT, CHOICES_EACH, choice) for choice in choices))

    @classmethod
    def of_file(cls, scenario: str, decisions: Sequence[Decision]) -> Program:
        """Raises NoProgram."""
        words = dict(word.partition("=")[::2] for word in scenario.split()[1:])
        if set(words) != {"ring", "words"} or words["ring"] not in RINGS:
            raise NoProgram(f"its scenario cannot be: {scenario}")
        if words["words"] != vocabulary():
            raise NoProgram(f"the words of its device are {words['words']}, and those of this program {vocabulary()}: it is of "
                            "another version")
        if len(decisions) % STEP or len(decisions) > MAX_STEPS * STEP:
            raise NoProgram(f"a device has {STEP} decisions a step, up to {MAX_STEPS} steps; these are {len(decisions)}")
        for number, decision in enumerate(decisions):
            if (decision.kind, decision.count) != (FAULT, CHOICES_EACH):
                raise NoProgram(f"decision {number} is no choice of {CHOICES_EACH} faults")
        return cls(words["ring"], tuple(decisions))


@functools.cache
def values(field: str, side: str) -> tuple[Fault, ...]:
    """The rows of the table of faults that a device can make of this field, on the queue of messages to the driver or on
    the other one."""
    return tuple(fault for fault in faults.aimed_at("driver")
                 if fault.kind == "STORE" and fault.field == field and fault.side in (side, "IN") and not _is_endless(fault))


def _is_endless(fault: Fault) -> bool:
    """Whether an index is so far off that a driver which believes it is busy for seconds with what is old (ROB-013)."""
    return fault.field == "used.idx" and fault.how == "ADD" and fault.value != ONE_LATE


@functools.cache
def vocabulary() -> str:
    """A digest of all words: decisions mean something else where it differs."""
    rows = [(field, fault.name, fault.how, fault.value) for action, fields in FIELDS.items() for field in fields if field
            for fault in values(field, SIDES[action])]
    text = repr((STEP, ACTIONS, FIELDS, NAMES, CLIENTS, PLACES, FILLS, rows))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _step(choices: Sequence[int]) -> Step:
    action, extra = ACTIONS[choices[ACTION]], choices[EXTRA]
    if action in FIELDS:
        lies = [_lie(action, choices, at) for at in (FIELD_1, FIELD_2)]
        word = NAMES[extra % len(NAMES)] if action == ANNOUNCE else ""
        # One lie a field: of two the later one would be all that is seen.
        return Step(action, tuple({lie.field: lie for lie in lies if lie}.values()), word)
    queue = choices[FIELD_1] % 2
    if action == SCRIBBLE:
        return Step(action, (), PLACES[extra % len(PLACES)], queue, FILLS[choices[VALUE_1] % len(FILLS)])
    if action == CLIENT:
        return Step(action, (), CLIENTS[extra % len(CLIENTS)])
    if action == WISH:
        return Step(action, (), ("kicks", "no kicks")[extra % 2], queue)
    return Step(action, queue=queue)


def _lie(action: str, choices: Sequence[int], at: int) -> Lie | None:
    field = FIELDS[action][choices[at] % len(FIELDS[action])]
    if field == NO_LIE:
        return None
    rows = values(field, SIDES[action])
    # For the same reason no index is of any kind.
    chosen = choices[at + 1] % (len(rows) + (field != "used.idx"))
    if chosen < len(rows):
        return Lie(field, rows[chosen], None)
    digits = choices[DIGITS:DIGITS + min(2 * rows[0].width, STEP - DIGITS)]
    return Lie(field, rows[0], functools.reduce(lambda value, digit: value * 16 + digit, digits, 0))
