# SPDX-License-Identifier: BSD-3-Clause
"""The library's explorer (sim/include/rps/explore.h) as Python calls it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from rpmsg_cts.native import Native, checked, error_name, simulated
from rpmsg_cts.record import Record, from_native
from rpmsg_cts.verdict import Refused, Verdict

# Names as the command line has them, in the order of enum rps_scheduler.
SCHEDULERS = ("round-robin", "random", "pct", "replay", "exhaustive")
NO_REST = "no rest"
KINDS = ("nothing", "data race", "lost wake-up", "wrong message", "broken end", NO_REST, "rule")
VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.INCONC, Verdict.ERROR)
CHOICES = ("end", "value", "place", "fault")
MAX_DECISIONS = 1 << 16
COMPLAINT_BYTES = 256


class BadScope(Exception):
    """A scope that cannot be; the message says why."""


@dataclass(frozen=True)
class Decision:
    """One choice of `count`, of a kind named in CHOICES."""

    kind: int
    count: int
    choice: int


@dataclass(frozen=True)
class Finding:
    """What one schedule broke.  `point` is the ordering point that is missing, where it is one; `rule` the monitor's."""

    kind: str
    requirement: str
    point: str
    text: str
    end: str
    queue: int
    step: int
    rule: str = ""

    @property
    def same(self) -> tuple[str, str, str, str]:
        """What makes two findings one."""
        return self.kind, self.requirement, self.point, self.rule


@dataclass(frozen=True)
class Outcome:
    """What came of a scope; struct rps_explore_result says what the counts are."""

    verdict: Verdict
    schedules: int
    complete: int
    states: int
    steps: int
    deepest: int
    estimate: int
    max_states: int
    failures: int
    exhausted: bool
    bounded: bool
    canary: str
    canary_found: bool | None
    text: str
    rules_met: int = 0
    rules_in_all: int = 0
    finding: Finding | None = None
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True)
class How:
    """How to explore; 0 leaves a bound to the library."""

    scheduler: str = "exhaustive"
    seed: int = 1
    pct_depth: int = 3
    max_schedules: int = 0
    max_states: int = 0
    max_steps: int = 0
    canary: bool = True
    count_states: bool = False
    reduced: bool = True
    only: str = ""  # a requirement; what is found and is not about it does not count


@dataclass
class Scope:
    """A scenario, as the library reads and writes it."""

    handle: Any
    native: Native = field(default_factory=simulated)

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Raises BadScope."""
        native = simulated()
        handle = native.ffi.new("struct rps_scope *")
        complaint = native.ffi.new("char[]", COMPLAINT_BYTES)
        if native.lib.rps_scope_parse(text.encode(), handle, complaint, COMPLAINT_BYTES):
            raise BadScope(native.ffi.string(complaint).decode())
        why = native.lib.rps_scope_complaint(handle)
        if why != native.ffi.NULL:
            raise BadScope(native.ffi.string(why).decode())
        return cls(handle, native)

    def __str__(self) -> str:
        size = self.native.lib.rps_scope_write(self.handle, self.native.ffi.NULL, 0)
        text = self.native.ffi.new("char[]", size + 1)
        self.native.lib.rps_scope_write(self.handle, text, size + 1)
        return self.native.ffi.string(text).decode()

    @property
    def messages(self) -> tuple[int, int]:
        """From the driver, and from the device."""
        return self.handle.from_driver, self.handle.from_device

    def with_mutants(self, driver: int, device: int) -> Scope:
        """The same with a deliberate error of each end, by number."""
        handle = self.native.ffi.new("struct rps_scope *", self.handle[0])
        handle.driver_mutant, handle.device_mutant = driver, device
        return Scope(handle, self.native)

    def with_messages(self, from_driver: int, from_device: int) -> Scope:
        """The same with fewer messages."""
        handle = self.native.ffi.new("struct rps_scope *", self.handle[0])
        handle.from_driver, handle.from_device = from_driver, from_device
        return Scope(handle, self.native)


def explore(scope: Scope, how: How, progress: Callable[[Outcome], bool] = lambda so_far: True) -> Outcome:
    """Run a scope in many schedules or in all; `progress` says whether to go on."""
    native = scope.native
    ffi = native.ffi
    interrupts: list[BaseException] = []

    # An exception cannot pass through C: it is kept, and raised again behind it.  Ctrl-C comes with the first
    # instruction of a callback, before any `try`.
    @ffi.callback("bool(void *, const struct rps_explore_result *)", error=False,
                  onerror=lambda _type, error, _traceback: interrupts.append(error))
    def tell(_priv: Any, so_far: Any) -> bool:
        return progress(_outcome(native, so_far, ()))

    only = ffi.new("char[]", how.only.encode()) if how.only else ffi.NULL
    params = ffi.new("struct rps_explore_params *", {"only": only,
        "scheduler": SCHEDULERS.index(how.scheduler), "seed": how.seed, "pct_depth": how.pct_depth,
        "max_schedules": how.max_schedules, "max_states": how.max_states, "max_steps": how.max_steps,
        "no_canary": not how.canary, "count_states": how.count_states, "unreduced": not how.reduced, "progress": tell})
    result = ffi.new("struct rps_explore_result *")
    decisions = ffi.new("struct rps_decision[]", MAX_DECISIONS)
    status = native.lib.rps_explore(scope.handle, params, result, decisions, MAX_DECISIONS)
    if status == -errno.ENODEV:
        raise Refused(errno.ENODEV, f"both ends do not come up in {scope}")
    checked(status, "explore")
    if interrupts:
        raise interrupts[0]
    return _outcome(native, result, decisions)


class Mismatch(Exception):
    """A list of decisions that is not of this scenario, or of another version of it."""


def replay(scope: Scope, decisions: Sequence[Decision], *, lenient: bool = False, stop_at: int = 0,
           records: list[Record] | None = None) -> Outcome:
    """One schedule again; `records` gets what happened.  Raises Mismatch, unless lenient."""
    native = scope.native
    ffi = native.ffi
    kept: list[Any] = []
    interrupts: list[BaseException] = []

    @ffi.callback("void(void *, const struct rps_record *)",
                  onerror=lambda _type, error, _traceback: interrupts.append(error))
    def keep(_priv: Any, record: Any) -> None:
        kept.append(ffi.new("struct rps_record *", record[0]))

    sink = ffi.new("struct rps_sink *", {"record": keep}) if records is not None else ffi.NULL
    result = ffi.new("struct rps_explore_result *")
    raw = ffi.new("struct rps_decision[]", [(d.kind, d.count, d.choice) for d in decisions])
    made = ffi.new("struct rps_decision[]", MAX_DECISIONS)
    how = ffi.new("struct rps_replay *", {"list": raw, "count": len(decisions), "lenient": lenient, "stop_at": stop_at,
                                          "sink": sink, "made": made, "max": MAX_DECISIONS})
    status = native.lib.rps_explore_replay(scope.handle, how, result)
    if interrupts:
        raise interrupts[0]
    if records is not None:
        records += from_native(native, kept)
    if status < 0:
        raise Mismatch(ffi.string(result.text).decode() or error_name(status))
    return _outcome(native, result, made)


def _outcome(native: Native, result: Any, decisions: Any) -> Outcome:
    def text(value: Any) -> str:
        return native.ffi.string(value).decode("utf-8", "backslashreplace")

    finding = None
    if result.kind:
        finding = Finding(KINDS[result.kind], text(result.requirement), text(result.point), text(result.text),
                          ("driver", "device")[result.end], result.queue, result.step, text(result.rule))
    listed = tuple(Decision(decisions[i].kind, decisions[i].count, decisions[i].choice)
                   for i in range(min(result.decisions, MAX_DECISIONS))) if decisions else ()
    return Outcome(VERDICTS[result.verdict], result.schedules, result.complete, result.states, result.steps,
                   result.deepest, result.estimate, result.max_states, result.failures, bool(result.exhausted), bool(result.bounded),
                   text(result.canary), None if result.canary_found > 1 else bool(result.canary_found),
                   text(result.text), result.rules_met, result.rules_in_all, finding, listed)


def of_seed(scope: Scope, how: How) -> tuple[Decision, ...]:
    """Return: the decisions of the first schedule of a seed."""
    return explore(scope, replace(how, max_schedules=1, canary=False)).decisions


def points() -> list[str]:
    """Return: the ordering points that findings name."""
    native = simulated()
    found: list[str] = []
    while (name := native.lib.rps_explore_point(len(found))) != native.ffi.NULL:
        found.append(native.ffi.string(name).decode())
    return found
