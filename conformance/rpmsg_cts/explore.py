# SPDX-License-Identifier: BSD-3-Clause
"""Our own ends in every schedule of a small scope, under a memory model of their own: sim/include/rps/explore.h."""

from __future__ import annotations

from dataclasses import dataclass

from rpmsg_cts.native import Native, checked
from rpmsg_cts.verdict import HarnessError

# As many steps and schedules as a scope of two messages can need; an end that goes on for ever needs more.
MAX_STEPS = 5_000
MAX_SCHEDULES = 20_000


@dataclass(frozen=True)
class Explored:
    """What came of it: `finding` is empty where nothing was found."""

    schedules: int
    exhausted: bool
    canary_found: bool
    finding: str
    decisions: str


def explore(native: Native, scope: str, *, driver_mutant: int = 0, device_mutant: int = 0,
            only: str | None = None) -> Explored:
    """Every schedule of `scope`, a line of words as rps_scope_parse() takes it.

    `only`: a requirement; where something is found that is not about it, nothing is said.
    """
    ffi, lib = native.ffi, native.lib
    wanted = ffi.new("struct rps_scope *")
    complaint = ffi.new("char[128]")
    if lib.rps_scope_parse(scope.encode(), wanted, complaint, 128) < 0:
        raise HarnessError(f"scope '{scope}': {ffi.string(complaint).decode()}")
    wanted.driver_mutant, wanted.device_mutant = driver_mutant, device_mutant
    requirement = ffi.new("char[]", only.encode()) if only else ffi.NULL
    params = ffi.new("struct rps_explore_params *", {
        "scheduler": lib.RPS_SCHEDULER_EXHAUSTIVE, "max_steps": MAX_STEPS, "max_schedules": MAX_SCHEDULES,
        "only": requirement})
    result = ffi.new("struct rps_explore_result *")
    decisions = ffi.new("struct rps_decision[]", 4096)
    checked(lib.rps_explore(wanted, params, result, decisions, 4096), f"explore '{scope}'")
    return Explored(result.schedules, result.exhausted, result.canary_found != 0, ffi.string(result.text).decode(),
                    _text(native, wanted, decisions, result.decisions) if result.failures else "")


def _text(native: Native, scope: object, decisions: object, count: int) -> str:
    """The decisions of a failure, as they can be replayed."""
    ffi, lib = native.ffi, native.lib
    line = ffi.new("char[256]")
    lib.rps_scope_write(scope, line, 256)
    size = lib.rps_decisions_write(decisions, count, line, ffi.NULL, 0) + 1
    text = ffi.new("char[]", size)
    lib.rps_decisions_write(decisions, count, line, text, size)
    return str(ffi.string(text).decode())
