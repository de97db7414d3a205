# SPDX-License-Identifier: BSD-3-Clause
"""One line of a ring diagram."""

from __future__ import annotations

from dataclasses import dataclass

ENDS = ("driver", "device")
PLAIN, OLD, NOTIFY, MESSAGE, FINDING = "plain", "old", "notify", "message", "finding"
STYLES = (PLAIN, OLD, NOTIFY, MESSAGE, FINDING)


@dataclass(frozen=True)
class Row:
    """What one end did at `step`, in words; `style` says what kind of row it is (one of the names above)."""

    step: int
    end: str
    text: str
    style: str = PLAIN
