# SPDX-License-Identifier: BSD-3-Clause
"""Which field of which ring lies at an address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rpmsg_cts.record import EVENT, Record

PARTS = (0, 1, 2)  # of event ring_place: descriptors, available ring, used ring
DESC_BYTES, AVAIL_ENTRY_BYTES, USED_ENTRY_BYTES, RING_HEAD_BYTES = 16, 2, 8, 4


@dataclass(frozen=True)
class Ring:
    """Where the three parts of one ring of `num` entries lie."""

    num: int
    desc: int
    avail: int
    used: int

    def index(self, address: int) -> int | None:
        """Return: the entry of a table that the address lies in; None where it lies in none."""
        for base, entry, skip in ((self.desc, DESC_BYTES, 0), (self.avail, AVAIL_ENTRY_BYTES, RING_HEAD_BYTES),
                                  (self.used, USED_ENTRY_BYTES, RING_HEAD_BYTES)):
            offset = address - base - skip
            if 0 <= offset < entry * self.num:
                return offset // entry
        return None

    def holds(self, address: int) -> bool:
        """Whether the address is one of this ring."""
        parts = ((self.desc, DESC_BYTES * self.num),
                 (self.avail, RING_HEAD_BYTES + AVAIL_ENTRY_BYTES * (self.num + 1)),
                 (self.used, RING_HEAD_BYTES + USED_ENTRY_BYTES * self.num + 2))
        return any(base <= address < base + size for base, size in parts)


@dataclass(frozen=True)
class Rings:
    """The rings of a link, by queue number."""

    ring: tuple[Ring, ...] = ()

    @classmethod
    def of(cls, records: Iterable[Record]) -> Rings:
        """Return: the rings that a stream's own events tell of; the last ones, where a link was restarted."""
        found: dict[int, dict[str | int, int]] = {}
        for entry in records:
            if entry.kind == EVENT and entry.what == "ring_start":
                found.setdefault(entry.a, {})["num"] = entry.b & 0xFFFF
            elif entry.kind == EVENT and entry.what == "ring_place":
                found.setdefault(entry.a, {})[entry.b] = entry.c
        return cls(tuple(Ring(parts["num"], *(parts[part] for part in PARTS))
                         for _, parts in sorted(found.items()) if {"num", *PARTS} <= set(parts)))

    def place(self, address: int) -> tuple[int | None, int | None]:
        """Return: queue and entry of an address, None for what it has none of."""
        for queue, ring in enumerate(self.ring):
            if ring.holds(address):
                return queue, ring.index(address)
        return None, None
