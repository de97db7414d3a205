# SPDX-License-Identifier: BSD-3-Clause
"""The scopes that are explored where nobody names others."""

from __future__ import annotations

from itertools import product

MODELS = ("sc,sc", "tso,tso", "weak,weak")
SUPPRESSIONS = ("flags", "event")
# Rings that are always full, rings with room, rings with more room than messages; the second index is the last but one
# before the wrap, so that it comes in the middle.
SMALL = (("num=1", "messages=1,1", 0xFFFF), ("num=2", "messages=2,1", 0xFFFF), ("num=4", "messages=1,2", 0xFFFE))
LARGE = (("num=1", "messages=3,3", 0xFFFE), ("num=2", "messages=3,3", 0xFFFE), ("num=4", "messages=3,3", 0xFFFE))


def standard(everything: bool = False) -> list[str]:
    """Return: each combination of size, memory model and suppression, as text."""
    sizes = SMALL + LARGE if everything else SMALL
    return [f"{num} {messages} start={start:#x} model={model} {suppression}"
            for (num, messages, start), model, suppression in product(sizes, MODELS, SUPPRESSIONS)]
