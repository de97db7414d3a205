# SPDX-License-Identifier: BSD-3-Clause
"""From records to rows: one row is one thing that a reader wants to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rpmsg_cts import record
from rpmsg_cts.diagram.rings import Rings
from rpmsg_cts.diagram.row import FINDING, MESSAGE, NOTIFY, OLD, PLAIN, Row
from rpmsg_cts.record import Record

NOTIFICATIONS = ("kick", "notify")
# What no access says; where there are accesses, they say the rest.
SHOWN = (*NOTIFICATIONS, "message_send", "message_deliver", "message_drop", "queue_broken", "fault_fire", "memory_change",
         "channel_create", "channel_destroy", "endpoint_create", "endpoint_destroy", "status_write", "ring_stop")
F_NEXT, F_WRITE, F_INDIRECT = 1, 2, 4
NO_NOTIFICATION = "no notification, please"
# virtio-1.2 2.7.5, 2.7.8
FIELD_OFFSET = {"desc.addr": 0, "desc.len": 8, "desc.flags": 12, "desc.next": 14, "used.id": 0, "used.len": 4}
FLAG_WORDS = ("avail.flags", "used.flags")


@dataclass(frozen=True)
class Note:
    """Something to say about a step: what a judge found there."""

    step: int
    end: str
    text: str


def rows(records: Sequence[Record], rings: Rings = Rings(), notes: Iterable[Note] = ()) -> list[Row]:
    """Sum up records, oldest first; notes go behind the last record of their step.

    Return: rows in the order of their first steps.
    """
    summary = _Summary(rings, any(r.kind != record.EVENT for r in records))
    waiting = sorted(notes, key=lambda note: note.step)
    for entry in records:
        while waiting and waiting[0].step < entry.step:
            summary.note(waiting.pop(0))
        summary.add(entry)
    for note in waiting:
        summary.note(note)
    return summary.finish()


class _Summary:
    """Rows so far, and what memory holds as far as the records tell."""

    def __init__(self, rings: Rings, accesses: bool) -> None:
        self.rows: list[Row] = []
        self._rings = rings
        self._accesses = accesses
        self._stored: dict[int, int] = {}
        self._group: list[Record] = []

    def note(self, note: Note) -> None:
        self._flush()
        self.rows.append(Row(note.step, note.end, note.text, FINDING))

    def add(self, entry: Record) -> None:
        if entry.kind == record.EVENT and entry.what not in SHOWN and self._accesses:
            return
        if self._group and not _belongs(self._group, entry):
            self._flush()
        self._group.append(entry)
        # A row may not wait for more where the other end could come in between.
        if _group_of(entry) is None:
            self._flush()

    def finish(self) -> list[Row]:
        self._flush()
        return self.rows

    def _flush(self) -> None:
        if self._group:
            first, style = self._group[0], self._style(self._group)
            self.rows.append(Row(first.step, first.end, self._words(self._group, style), style))
            self._group = []

    def _style(self, group: list[Record]) -> str:
        if group[0].kind == record.EVENT:
            return NOTIFY if group[0].what in NOTIFICATIONS else MESSAGE
        style = PLAIN
        for entry in group:
            if entry.kind in record.WRITES:
                self._stored[entry.a] = entry.b
            elif entry.kind in record.READS and self._stored.get(entry.a, entry.b) != entry.b:
                style = OLD
        return style

    def _words(self, group: list[Record], style: str) -> str:
        first = group[0]
        if first.kind == record.EVENT:
            return _event_words(first)
        if first.kind == record.FENCE:
            return "full fence"
        queue, index = self._rings.place(first.a)
        where = "" if queue is None else f"q{queue} "
        slot = "" if index is None else f"[{index}]"
        words = where + _ACCESS_WORDS[_group_of(first) or "field"](group, slot)
        if style == OLD:
            words += f" -- old: {self._newer(group)} is stored"
        return words

    def _newer(self, group: list[Record]) -> str:
        values = [self._stored[entry.a] for entry in group
                  if entry.kind in record.READS and self._stored.get(entry.a, entry.b) != entry.b]
        return _number(group[0].what, values[0]) if group[0].kind != "copy_in" else "something else"


def _group_of(entry: Record) -> str | None:
    """What an access is a part of, if it is said in one row with its neighbours."""
    if entry.kind in (record.EVENT, record.FENCE):
        return None
    if entry.what.startswith("desc."):
        return "desc"
    if entry.what in ("used.id", "used.len"):
        return "used"
    if entry.what in ("hdr", "payload"):
        return "copy"
    return None


def _belongs(group: list[Record], entry: Record) -> bool:
    first, kind = group[0], _group_of(group[0])
    if kind is None or _group_of(entry) != kind or entry.end != first.end:
        return False
    if (entry.kind in record.WRITES) != (first.kind in record.WRITES):
        return False
    if kind == "copy":
        return entry.a == group[-1].a + group[-1].c
    return _element(entry) == _element(first) and all(entry.what != other.what for other in group)


def _element(entry: Record) -> int:
    """Return: the address of the structure that a field is in."""
    return entry.a - FIELD_OFFSET[entry.what]


def _verb(group: list[Record]) -> str:
    return "=" if group[0].kind in record.WRITES else "is"


def _value(group: list[Record], what: str) -> int | None:
    return next((entry.b for entry in group if entry.what == what), None)


def _desc_words(group: list[Record], slot: str) -> str:
    address, length, flags, next_ = (_value(group, f"desc.{name}") for name in ("addr", "len", "flags", "next"))
    parts = []
    if length is not None:
        parts.append(f"{length} bytes")
    if address is not None:
        parts.append(f"@{address:x}")
    if flags is not None:
        parts.append({0: "to be read", F_WRITE: "to be written"}.get(flags & ~F_NEXT, f"flags 0x{flags:x}"))
    if flags is not None and flags & F_NEXT:
        parts.append(f"then [{next_}]")
    elif flags is None and next_ is not None:
        parts.append(f"next {next_}")
    return f"desc{slot} {_verb(group)} {' '.join(parts)}"


def _used_words(group: list[Record], slot: str) -> str:
    id_, length = _value(group, "used.id"), _value(group, "used.len")
    parts = [f"desc {id_}"] if id_ is not None else []
    parts += [f"{length} bytes"] if length is not None else []
    return f"used{slot} {_verb(group)} {', '.join(parts)}"


def _copy_words(group: list[Record], _slot: str) -> str:
    names = {"hdr": "header", "payload": "{} bytes of payload"}
    parts = " and ".join(names[entry.what].format(entry.c) for entry in group)
    verb = "writes" if group[0].kind in record.WRITES else "reads"
    return f"{verb} {parts} @{group[0].a:x}"


def _field_words(group: list[Record], slot: str) -> str:
    (entry,) = group
    order = {"publish": " (release)", "acquire": " (acquire)"}.get(entry.kind, "")
    return f"{entry.what}{slot} {_verb(group)} {_number(entry.what, entry.b)}{order}"


def _number(what: str, value: int) -> str:
    if what in FLAG_WORDS:
        return f"{value}" + (f" ({NO_NOTIFICATION})" if value & 1 else "")
    return f"0x{value:04x}" if what.endswith(("idx", "event")) else f"{value}"


_ACCESS_WORDS: dict[str, Callable[[list[Record], str], str]] = {
    "desc": _desc_words, "used": _used_words, "copy": _copy_words, "field": _field_words,
}


def _event_words(entry: Record) -> str:
    values = (entry.a, entry.b, entry.c)
    if entry.what in NOTIFICATIONS:
        return f"{entry.what} q{entry.a}"
    # An address is known by its decimal value, a length too.
    operands = " ".join(f"{name} {value}" for name, value in zip(record.operands(entry.what), values))
    return f"{entry.what.replace('_', ' ')} {operands}".rstrip()
