# SPDX-License-Identifier: BSD-3-Clause
"""The monitor's rules over a recorded trace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rpmsg_cts import record
from rpmsg_cts.diagram.row import ENDS
from rpmsg_cts.native import Native, simulated
from rpmsg_cts.trace.reader import Trace
from rpmsg_cts.verdict import HarnessError, Verdict

QUEUES = (0, 1)
BOTH = "both"
# What an end does when it takes a ring over: whoever does that tells the trace all that it does.
RING_START = "ring_start"
# enum rps_rule_needs
NEEDS_ACCESSES, NEEDS_BOTH_ENDS = 1, 2


@dataclass(frozen=True)
class Outcome:
    """What a trace says about one rule and one end."""

    rule: str
    requirement: str
    end: str
    verdict: Verdict
    reason: str = ""

    def line(self) -> str:
        """For a reader: verdict, requirement, end and rule, and why."""
        return f"{self.verdict!s:6} {self.requirement:8} {self.end} {self.rule}{': ' if self.reason else ''}{self.reason}"


@dataclass(frozen=True)
class _Rule:
    number: int
    name: str
    requirement: str
    ends: tuple[str, ...]
    says: str
    quantity: str
    needs: int


def judge(trace: Trace, role: str = BOTH) -> list[Outcome]:
    """Judge the ends of `role` by each rule that binds them."""
    native = simulated()
    judged = ENDS if role == BOTH else (role,)
    rules = [(rule, end) for rule in _rules(native) for end in rule.ends if end in judged]
    if trace.lost:
        # What is there would be judged without what made it right, or wrong.
        return [_outcome(rule, end, Verdict.INCONC, "; ".join(trace.lost)) for rule, end in rules]
    monitor = _Monitor(native, trace, judged)
    try:
        return [monitor.outcome(rule, end) for rule, end in rules]
    finally:
        monitor.close()


class _Monitor:
    """The C monitor after it has seen a whole trace."""

    def __init__(self, native: Native, trace: Trace, judged: tuple[str, ...]) -> None:
        self._lib, self._ffi, self._trace = native.lib, native.ffi, trace
        self._observed = tuple(end for end in ENDS if any(
            entry.end == end and entry.what == RING_START for entry in trace.records))
        config = self._ffi.new("struct rps_monitor_config *", {
            "judged": _bits(judged), "observed": _bits(self._observed), "accesses": trace.accesses})
        self._monitor = self._lib.rps_monitor_create(config)
        if self._monitor == self._ffi.NULL:
            raise HarnessError("no memory for a monitor")
        # No rps_monitor_rest(): a trace ends where a test did, whatever was on its way.
        self._lib.rps_monitor_feed_all(self._monitor, record.to_native(native, trace.records), len(trace.records))
        count = self._lib.rps_monitor_findings(self._monitor, self._ffi.NULL, 0)
        self._findings = self._ffi.new("struct rps_finding[]", max(count, 1))
        self._count = self._lib.rps_monitor_findings(self._monitor, self._findings, count)

    def close(self) -> None:
        """Forget it."""
        self._lib.rps_monitor_destroy(self._monitor)

    def outcome(self, rule: _Rule, end: str) -> Outcome:
        """Return: what the trace says about a rule that binds an end."""
        for finding in self._findings[0:self._count]:
            if (finding.rule, ENDS[finding.end]) == (rule.number, end):
                return _outcome(rule, end, Verdict.FAIL, _words(rule, finding))
        if missing := self._missing(rule):
            return _outcome(rule, end, Verdict.INCONC, missing)
        if not self._lib.rps_monitor_exercised(self._monitor, rule.number, ENDS.index(end)):
            return _outcome(rule, end, Verdict.SKIP, "nothing in the trace is about it")
        if spoiled := self._spoiled():
            return _outcome(rule, end, Verdict.INCONC, f"not judged to the end: {spoiled}")
        return _outcome(rule, end, Verdict.PASS)

    def _missing(self, rule: _Rule) -> str:
        if rule.needs == NEEDS_ACCESSES and not self._trace.accesses:
            return "it is about accesses to memory, and the trace has events alone"
        if rule.needs == NEEDS_BOTH_ENDS and self._observed != ENDS:
            return f"it is about both ends, and the trace has {' and '.join(self._observed) or 'none'} alone"
        return ""

    def _spoiled(self) -> str:
        for queue in QUEUES:
            why = self._lib.rps_monitor_spoiled(self._monitor, queue)
            if why != self._ffi.NULL:
                return f"queue {queue}: {self._ffi.string(why).decode('ascii')}"
        return ""


def _rules(native: Native) -> Iterator[_Rule]:
    ffi, number = native.ffi, 0
    info = ffi.new("struct rps_rule_info *")

    def text(field: Any) -> str:
        return ffi.string(field).decode("utf-8")

    while native.lib.rps_monitor_rule(number, info):
        role = text(info.role)
        yield _Rule(number, text(info.name), text(info.requirement), ENDS if role == BOTH else (role,),
                    text(info.says), text(info.quantity), int(info.needs))
        number += 1


def _bits(ends: tuple[str, ...]) -> int:
    return sum(1 << ENDS.index(end) for end in ends)


def _outcome(rule: _Rule, end: str, verdict: Verdict, reason: str = "") -> Outcome:
    return Outcome(rule.name, rule.requirement, end, verdict, reason)


def _words(rule: _Rule, finding: Any) -> str:
    return (f"{rule.says}; step {finding.step}, queue {finding.queue}: {rule.quantity} expected {finding.expected:#x}, "
            f"observed {finding.observed:#x}")
