# SPDX-License-Identifier: BSD-3-Clause
"""Cache lines that go from one processor to the other, counted by the addresses that both ends touch."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

LINE_BYTES = 64
TIMEOUT_S = 300

# " L 1ffe,8" in valgrind's lackey: load, store, modify.
_ACCESS = re.compile(r"^ ([LSM]) ([0-9a-f]+),(\d+)$")


@dataclass(frozen=True)
class Areas:
    """Where the shared parts lie: half-open ranges of addresses."""

    ring: range
    buffers: range


@dataclass
class Crossings:
    """How often a line had to come from the other end."""

    ring: int = 0
    buffers: int = 0
    turns: int = 0


def count(lines: Iterable[str], turn_of: dict[int, int], areas: Areas) -> Crossings:
    """Follow each line's owners through a trace of accesses.

    turn_of: address of a byte that is written when an end is about to move, to the number of that end.  An end that
    has not seen a line since the other one wrote it fetches it: one crossing.  The first turn of each end only shows
    who has what.  What is in neither area is not shared: the stack of one process, for example.
    """
    found = Crossings()
    readers: dict[int, set[int]] = {}  # line: ends that have it as it is
    end: int | None = None
    for text in lines:
        access = _ACCESS.match(text)
        if not access:
            continue
        address, size = int(access[2], 16), int(access[3])
        if access[1] == "S" and address in turn_of:
            end = turn_of[address]
            found.turns += 1
            continue
        if end is None:
            continue
        for line in range(address // LINE_BYTES, (address + size - 1) // LINE_BYTES + 1):
            have = readers.setdefault(line, {end})
            if end not in have:
                if address in areas.ring:
                    found.ring += 1
                elif address in areas.buffers:
                    found.buffers += 1
                have.add(end)
            if access[1] != "L":
                readers[line] = {end}
    return found


def trace(program: Path, arguments: list[str]) -> list[str]:
    """Run a program under lackey.  Return: its accesses to memory, in order."""
    ran = subprocess.run(["valgrind", "-q", "--tool=lackey", "--trace-mem=yes", program, *arguments],
                         capture_output=True, check=True, text=True, timeout=TIMEOUT_S)  # fmt: skip
    return [line for line in ran.stderr.splitlines() if line.startswith(" ")]


def symbols(program: Path) -> dict[str, int]:
    """Addresses of a program that is not moved when it is loaded."""
    listing = subprocess.run(["nm", program], capture_output=True, check=True, text=True).stdout
    return {name: int(address, 16) for address, _, name in map(str.split, filter(lambda l: l[0] != " ", listing.splitlines()))}
