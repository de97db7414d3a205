# SPDX-License-Identifier: BSD-3-Clause
"""The monitor's rules over a recorded trace."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rpmsg_cts import record
from rpmsg_cts.monitor import ACCESSES, BOTH_ENDS, ENDS, Judged, Rule, judge_records, rules
from rpmsg_cts.native import simulated
from rpmsg_cts.trace.reader import Trace
from rpmsg_cts.verdict import Verdict

BOTH = "both"
# As in "test_x[sim-driver-plain]": a peer that the test plays may break rules on purpose.
LANE = re.compile(r"\[[\w:./-]*?-(driver|device)(?=[-\]])")
# What an end does when it takes a ring over: whoever does that tells the trace all that it does.
RING_START = "ring_start"


@dataclass(frozen=True)
class Outcome:
    """What a trace says about one rule and one end."""

    rule: Rule
    end: str
    verdict: Verdict
    reason: str = ""

    def line(self) -> str:
        """For a reader: verdict, requirement, end and rule, and why."""
        why = f": {self.reason}" if self.reason else ""
        return f"{self.verdict!s:6} {self.rule.requirement:8} {self.end} {self.rule.name}{why}"


def judged_role(trace: Trace) -> str:
    """Return: the role of the implementation that a test judges, by the lane in its name; "both" where there is none."""
    found = LANE.search(trace.begins)
    return found[1] if found else BOTH


def judge(trace: Trace, role: str = BOTH) -> list[Outcome]:
    """Judge the ends of `role` by each rule that binds them."""
    ends = ENDS if role == BOTH else (role,)
    pairs = [(rule, end) for rule in rules() for end in ends if rule.binds(end)]
    if trace.lost:
        # What is there would be judged without what made it right, or wrong.
        return [Outcome(rule, end, Verdict.INCONC, "; ".join(trace.lost)) for rule, end in pairs]
    observed = tuple(end for end in ENDS if any(
        entry.end == end and entry.what == RING_START for entry in trace.records))
    # Not at rest: a trace ends where a test did, whatever was on its way.
    judged = judge_records(record.to_native(simulated(), trace.records), judged=ends, observed=observed,
                           accesses=trace.accesses, at_rest=False)
    return [_outcome(rule, end, judged, _missing(rule, trace, observed)) for rule, end in pairs]


def _outcome(rule: Rule, end: str, judged: Judged, missing: str) -> Outcome:
    found = [finding for finding in judged.findings if (finding.rule, finding.role) == (rule, end)]
    if found:
        first = found[0]
        return Outcome(rule, end, Verdict.FAIL,
                       f"{first.what}: expected {first.expected:#x}, observed {first.observed:#x}")
    if missing:
        return Outcome(rule, end, Verdict.INCONC, missing)
    if (rule.name, end) not in judged.exercised:
        return Outcome(rule, end, Verdict.SKIP, "nothing in the trace is about it")
    if judged.spoiled:
        queue, why = next(iter(judged.spoiled.items()))
        return Outcome(rule, end, Verdict.INCONC, f"not judged to the end: queue {queue}: {why}")
    return Outcome(rule, end, Verdict.PASS)


def _missing(rule: Rule, trace: Trace, observed: tuple[str, ...]) -> str:
    if rule.needs == ACCESSES and not trace.accesses:
        return "it is about accesses to memory, and the trace has events alone"
    if rule.needs == BOTH_ENDS and observed != ENDS:
        return f"it is about both ends, and the trace has {' and '.join(observed) or 'none'} alone"
    return ""
