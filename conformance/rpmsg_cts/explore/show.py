# SPDX-License-Identifier: BSD-3-Clause
"""One schedule as a reader wants to see it: what both ends did, and where it broke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rpmsg_cts.diagram.rings import Rings
from rpmsg_cts.diagram.row import Row
from rpmsg_cts.diagram.rows import Note, rows
from rpmsg_cts.explore import engine
from rpmsg_cts.explore.engine import Decision, Finding, Outcome, Scope
from rpmsg_cts.record import Record

# What goes on for ever looks like this all the time.
ROUND_STEPS = 300


def schedule(scope: Scope, decisions: Sequence[Decision], *, lenient: bool = False,
             stop_at: int = 0) -> tuple[Outcome, list[Record], list[Row]]:
    """Run one schedule.  Return: what came of it, every record, and the rows of its diagram."""
    records: list[Record] = []
    outcome = engine.replay(scope, decisions, lenient=lenient, stop_at=stop_at, records=records)
    if stop_at:
        # An end goes on to its next choice before it stops.
        records = [record for record in records if record.step <= stop_at]
    finding = outcome.finding
    if finding and finding.kind == engine.NO_REST:
        records = [record for record in records if record.step <= ROUND_STEPS]
        finding = replace(finding, step=min(finding.step, ROUND_STEPS))
    notes = [Note(finding.step, finding.end, words(finding))] if finding else []
    return outcome, records, rows(records, Rings.of(records), notes)


def words(finding: Finding) -> str:
    """Return: a finding in a line."""
    missing = f" [{finding.point}]" if finding.point else ""
    text = finding.text.removesuffix(f" ({finding.requirement})")
    return f"{finding.requirement or finding.kind}{missing}: {text}"
