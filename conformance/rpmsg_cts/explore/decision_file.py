# SPDX-License-Identifier: BSD-3-Clause
"""Files of decisions: what is replayed.  The library writes and reads the text (sim/include/rps/decide.h)."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from rpmsg_cts.explore.engine import MAX_DECISIONS, BadScope, Decision, Scope
from rpmsg_cts.files import replace_text
from rpmsg_cts.native import error_name, simulated

MAX_BYTES = 1 << 20


class BadDecisions(Exception):
    """A file that cannot be replayed; the message names it and says why."""


def write(path: Path, scope: Scope, decisions: Sequence[Decision]) -> None:
    """Write a file, all or nothing."""
    write_text(path, str(scope), decisions)


def write_text(path: Path, what: str, decisions: Sequence[Decision]) -> None:
    """The same for any scenario."""
    native = simulated()
    raw = native.ffi.new("struct rps_decision[]", [(d.kind, d.count, d.choice) for d in decisions])
    scenario = what.encode()
    size = native.lib.rps_decisions_write(raw, len(decisions), scenario, native.ffi.NULL, 0)
    text = native.ffi.new("char[]", size + 1)
    native.lib.rps_decisions_write(raw, len(decisions), scenario, text, size + 1)
    replace_text(path, native.ffi.string(text).decode("ascii"))


def read(path: Path) -> tuple[Scope, tuple[Decision, ...]]:
    """Raises BadDecisions."""
    scenario, decisions = read_text(path)
    try:
        return Scope.parse(scenario), decisions
    except BadScope as error:
        raise BadDecisions(f"{path}: its scenario cannot be: {error}") from error


def read_text(path: Path) -> tuple[str, tuple[Decision, ...]]:
    """Return: the scenario's line as it is, and the decisions.  Raises BadDecisions."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadDecisions(f"{path}: {error.strerror}") from error
    if len(data) > MAX_BYTES or b"\0" in data:
        raise BadDecisions(f"{path}: not a file of decisions")
    native = simulated()
    out = native.ffi.new("struct rps_decisions_text *")
    raw = native.ffi.new("struct rps_decision[]", MAX_DECISIONS)
    status = native.lib.rps_decisions_parse(data, raw, MAX_DECISIONS, out)
    if status < 0:
        said = native.ffi.string(out.complaint).decode("utf-8", "backslashreplace")
        more = f"more than {MAX_DECISIONS} decisions" if status == -errno.ENOSPC else error_name(status)
        raise BadDecisions(f"{path}: {said or more}")
    scenario = native.ffi.string(out.scenario).decode("utf-8", "backslashreplace")
    return scenario, tuple(Decision(raw[i].kind, raw[i].count, raw[i].choice) for i in range(out.count))
