# SPDX-License-Identifier: BSD-3-Clause
"""Records of what happened: accesses to shared memory and events, as sim/include/rps/record.h has them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rpmsg_cts.diagram.row import ENDS
from rpmsg_cts.native import Native, simulated

KINDS = ("load", "acquire", "store", "publish", "fence", "copy_in", "copy_out", "event")
EVENT = "event"
FENCE = "fence"
# Accesses that change memory, and those that only look.
WRITES = ("store", "publish", "copy_out")
READS = ("load", "acquire", "copy_in")
COPIES = ("copy_in", "copy_out")
MAX_LINE_BYTES = 160  # RPS_RECORD_TEXT


@dataclass(frozen=True)
class Record:
    """One access or event of one end.

    `a`, `b`, `c` are the peer address, the value (or digest of what was copied) and the length in bytes of an access,
    or the operands of an event.
    """

    step: int
    end: str
    kind: str
    what: str
    a: int = 0
    b: int = 0
    c: int = 0
    ns: int = 0


@functools.cache
def _names(native: Native) -> tuple[list[str], list[str]]:
    def all_of(function: Any) -> list[str]:
        found: list[str] = []
        while (name := function(len(found))) != native.ffi.NULL:
            found.append(native.ffi.string(name).decode("ascii"))
        return found

    return all_of(native.lib.rps_seam_name), all_of(native.lib.rps_event_name)


@functools.cache
def operands(event: str) -> tuple[str, ...]:
    """Return: the names of an event's operands, as in ("queue", "head", "idx")."""
    native = simulated()
    number = _names(native)[1].index(event)
    texts = (native.ffi.string(native.lib.rps_event_operand(number, i)).decode("ascii") for i in range(3))
    return tuple(text for text in texts if text)


def from_native(native: Native, records: Iterable[Any]) -> list[Record]:
    """Return: what C structures say, in words."""
    seams, events = _names(native)
    return [Record(step=raw.step, ns=raw.ns, end=ENDS[raw.end], kind=KINDS[raw.kind],
                   what=(events if KINDS[raw.kind] == EVENT else seams)[raw.what], a=raw.a, b=raw.b, c=raw.c)
            for raw in records]


def to_native(native: Native, records: Sequence[Record]) -> Any:
    """Return: an array of C structures that say the same."""
    seams, events = _names(native)
    array = native.ffi.new("struct rps_record[]", len(records))
    for raw, entry in zip(array, records, strict=True):
        names = events if entry.kind == EVENT else seams
        raw.step, raw.ns, raw.a, raw.b, raw.c = entry.step, entry.ns, entry.a, entry.b, entry.c
        raw.end, raw.kind, raw.what = ENDS.index(entry.end), KINDS.index(entry.kind), names.index(entry.what)
    return array


def lines(records: Sequence[Record]) -> Iterator[str]:
    """Records in the language of logs, a line each."""
    native = simulated()
    line = native.ffi.new("char[]", MAX_LINE_BYTES)
    for raw in to_native(native, records):
        native.lib.rps_record_text(native.ffi.addressof(raw), line)
        yield native.ffi.string(line).decode("ascii").rstrip("\n")


def of_world(native: Native, world: Any) -> list[Record]:
    """Return: what a world still remembers, oldest first."""
    count = native.lib.rps_world_records(world, native.ffi.NULL, 0)
    array = native.ffi.new("struct rps_record[]", count)
    native.lib.rps_world_records(world, array, count)
    return from_native(native, array)
