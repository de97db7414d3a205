# SPDX-License-Identifier: BSD-3-Clause
"""The monitor: which rules of rings and RPMsg a stream of records breaks, on line in a world or off line."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rpmsg_cts.judge import Departure, Mismatch
from rpmsg_cts.native import Native, simulated
from rpmsg_cts.targets import DEVICE, DRIVER
from rpmsg_cts.verdict import HarnessError, Judgement, Verdict

ENDS = (DRIVER, DEVICE)
BATCH = 4096
EVENTS, ACCESSES, BOTH_ENDS = range(3)

# What implementations are known to do otherwise, by rule: a switch of fixtures/profiles/switches.toml and its value.
DEPARTURES: Mapping[str, Departure] = {
    "direction": ("vq1_write_flag", "tolerated"),
    "used_len_zero": ("vq1_used_len", "any"),
    "buffer_read_only": ("reserved_rx", "device-writes"),
    "status_keeps": ("status_strict", "off"),
    "status_order": ("status_strict", "off"),
    "reposts_told": ("rx_return_kick", "none"),
    "returns_told": ("rx_return_kick", "none"),
}


@dataclass(frozen=True)
class Rule:
    """One row of sim/monitor/rules.def; needs: what a stream must have for it to be judged."""

    number: int
    name: str
    requirement: str
    role: str
    says: str
    quantity: str
    needs: int

    def binds(self, role: str) -> bool:
        """Whether an end in this role can break it."""
        return self.role in (role, "both")


@dataclass(frozen=True)
class Finding:
    """One broken rule: who did it, when, and the numbers; queue is None where the rule is about none."""

    rule: Rule
    role: str
    step: int
    ns: int
    queue: int | None
    expected: int
    observed: int

    @property
    def what(self) -> str:
        """What was judged, as the first line of a failure."""
        queue = "" if self.queue is None else f" of queue {self.queue}"
        return f"monitor: {self.rule.says}: {self.rule.quantity}{queue}, {self.role}, step {self.step}"

    @property
    def mismatch(self) -> Mismatch:
        """The same as a failure of the test that is running."""
        return Mismatch(self.what, hex(self.expected), hex(self.observed), DEPARTURES.get(self.rule.name))

    @property
    def judgement(self) -> Judgement:
        """The same as a verdict of its own."""
        return Judgement(Verdict.FAIL, self.what, hex(self.expected), hex(self.observed), DEPARTURES.get(self.rule.name))

    def __str__(self) -> str:
        return (f"{self.rule.requirement} {self.rule.name}: {self.what}: expected {self.expected:#x}, "
                f"observed {self.observed:#x}")


@dataclass(frozen=True)
class Judged:
    """What a whole stream says.

    findings: in order of time.  exercised: how often each end met each rule, by rule name and role; a rule that is not
    there was not met, and nothing can be said of it.  spoiled: queues that no longer made sense at the end, and why.
    """

    findings: tuple[Finding, ...]
    exercised: dict[tuple[str, str], int]
    spoiled: dict[int, str]

    def requirements(self, role: str) -> dict[str, int]:
        """How often this role's end was judged, by requirement."""
        met: dict[str, int] = {}
        for rule in rules():
            count = self.exercised.get((rule.name, role), 0)
            if count:
                met[rule.requirement] = met.get(rule.requirement, 0) + count
        return met


@functools.cache
def rules() -> tuple[Rule, ...]:
    """Every rule that the library knows."""
    native = simulated()
    info = native.ffi.new("struct rps_rule_info *")
    found: list[Rule] = []
    while native.lib.rps_monitor_rule(len(found), info):
        name, requirement, role, says, quantity = (
            native.ffi.string(text).decode("ascii")
            for text in (info.name, info.requirement, info.role, info.says, info.quantity))
        found.append(Rule(len(found), name, requirement, role, says, quantity, info.needs))
    return tuple(found)


def rules_of(requirement: str, role: str) -> tuple[Rule, ...]:
    """The rules that say something of a requirement for an end in this role."""
    return tuple(rule for rule in rules() if rule.requirement == requirement and rule.binds(role))


class Monitor:
    """One stream of records under observation; the parameters are those of struct rps_monitor_config."""

    def __init__(self, judged: Iterable[str] = ENDS, observed: Iterable[str] = ENDS, *, accesses: bool = True,
                 num_max: int = 0, vendor: int = 0, native: Native | None = None) -> None:
        self.native = native or simulated()
        self._lib, self._ffi = self.native.lib, self.native.ffi
        self.handle = self._lib.rps_monitor_create(self._ffi.new("struct rps_monitor_config *", {
            "judged": _bits(judged), "observed": _bits(observed), "accesses": accesses, "num_max": num_max,
            "vendor": vendor}))
        if self.handle == self._ffi.NULL:
            raise HarnessError("no memory for a monitor")

    def close(self) -> None:
        """Forget everything."""
        if self.handle != self._ffi.NULL:
            self._lib.rps_monitor_destroy(self.handle)
            self.handle = self._ffi.NULL

    def feed(self, records: Any, count: int) -> None:
        """Look at `count` records, an array of struct rps_record."""
        self._lib.rps_monitor_feed_all(self.handle, records, count)

    def rest(self) -> None:
        """Nothing is on its way any more: judge what is pending."""
        self._lib.rps_monitor_rest(self.handle)

    def findings(self) -> tuple[Finding, ...]:
        """What was found so far, in order of time."""
        most = self._lib.rps_monitor_findings(self.handle, self._ffi.NULL, 0)
        found = self._ffi.new("struct rps_finding[]", max(most, 1))
        self._lib.rps_monitor_findings(self.handle, found, most)
        return tuple(_finding(found[i]) for i in range(min(most, _FINDINGS_MAX)))

    def exercised(self, rule: Rule, role: str) -> int:
        """How often an end was judged by a rule."""
        return int(self._lib.rps_monitor_exercised(self.handle, rule.number, ENDS.index(role)))

    def spoiled(self, queue: int) -> str | None:
        """Why most rules of a queue are no longer judged."""
        text = self._lib.rps_monitor_spoiled(self.handle, queue)
        return None if text == self._ffi.NULL else self._ffi.string(text).decode("ascii")

    def judged(self) -> Judged:
        """All of that."""
        exercised = {(rule.name, role): count for rule in rules() for role in ENDS
                     if (count := self.exercised(rule, role))}
        spoiled = {queue: why for queue in (0, 1) if (why := self.spoiled(queue))}
        return Judged(self.findings(), exercised, spoiled)


_FINDINGS_MAX = 64  # RPS_FINDINGS_MAX


def judge_records(records: Iterable[Any], *, judged: Iterable[str] = ENDS, observed: Iterable[str] = ENDS,
                  accesses: bool = True, at_rest: bool = True, native: Native | None = None) -> Judged:
    """Judge a recorded stream.

    records: each a struct rps_record, or a mapping or sequence that makes one.  observed: whose records these are.
    accesses: the stream has accesses to memory, not events alone.  at_rest: it ends when nothing is on its way.
    """
    native = native or simulated()
    monitor = Monitor(judged, observed, accesses=accesses, native=native)
    batch = native.ffi.new("struct rps_record[]", BATCH)
    count = 0
    try:
        for record in records:
            batch[count] = record[0] if _is_pointer(native, record) else record
            count += 1
            if count == BATCH:
                monitor.feed(batch, count)
                count = 0
        monitor.feed(batch, count)
        if at_rest:
            monitor.rest()
        return monitor.judged()
    finally:
        monitor.close()


def _is_pointer(native: Native, record: Any) -> bool:
    return isinstance(record, native.ffi.CData) and native.ffi.typeof(record).kind == "pointer"


def _bits(roles: Iterable[str]) -> int:
    chosen: Sequence[str] = tuple(roles)
    return sum(1 << number for number, role in enumerate(ENDS) if role in chosen)


def _finding(found: Any) -> Finding:
    return Finding(rules()[found.rule], ENDS[found.end], found.step, found.ns,
                   found.queue if found.queue < 2 else None, found.expected, found.observed)
