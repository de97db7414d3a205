# SPDX-License-Identifier: BSD-3-Clause
"""The error message for a name somebody mistyped."""

from __future__ import annotations

from collections.abc import Iterable

from rpmsg_cts.strict_toml import near_names, one_of

MAX_MATCHES = 3


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Write the error message for an unknown name: near matches where there are some, else where to look.

    kind: what the name should be, in the singular: "target", "suite".
    """
    choices = list(known)
    near = near_names(name, choices, MAX_MATCHES)
    near += [choice for choice in choices if name and choice.casefold().startswith(name.casefold())
             and choice not in near]
    if near:
        return f"unknown {kind} '{name}': did you mean {one_of(near[:MAX_MATCHES])}?"
    return f"unknown {kind} '{name}': `rpmsg-cts list {kind}s` shows all"
