# SPDX-License-Identifier: BSD-3-Clause
"""What a hostile device has found, and whether it is news."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rpmsg_cts.known import Entry
from rpmsg_cts.verdict import Judgement, Verdict

SPLAT, DEATH, HANG, DELIVERY, RULE, RESTART = "splat", "death", "hang", "delivery", "rule", "restart"


@dataclass(frozen=True)
class Finding:
    """One thing that a driver must not do.

    kind: one of the above.  requirement: "" where it is about none.  place: what makes two of the same kind one, such as
    the function that a kernel complains of.  text: one line.  story: what else there is to read, as a splat.
    """

    kind: str
    requirement: str
    place: str
    text: str
    story: tuple[str, ...] = ()

    @property
    def same(self) -> tuple[str, str, str]:
        """What makes two findings one."""
        return self.kind, self.requirement, self.place

    @property
    def slug(self) -> str:
        """For names of files."""
        return re.sub(r"[^A-Za-z0-9]+", "-", self.requirement or f"{self.kind}-{self.place}").strip("-")[:60]

    def __str__(self) -> str:
        # What a kernel says of itself is told with its place; other texts have it.
        where = f" (in {self.place})" if self.kind in (SPLAT, DEATH) and self.place else ""
        return f"{self.requirement or self.kind}: {self.text}{where}"


def known_as(finding: Finding, entries: Sequence[Entry], target: str, release: str) -> str:
    """Return: the id of the recorded defect that it is, "" where it is news.

    A kernel that complains of itself, or dies, does not say which requirement that is about; the entry's message has to.
    """
    judgement = Judgement(Verdict.FAIL, finding.text)
    for entry in entries:
        about = finding.requirement or entry.requirement
        if entry.covers(about, target, "driver", release) and entry.explains(judgement):
            return entry.id
    return ""
