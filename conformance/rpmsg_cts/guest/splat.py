# SPDX-License-Identifier: BSD-3-Clause
"""What a kernel says when something in it is wrong: one complaint after the other, each with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

# How a kernel begins to complain of itself; not all that its sanitizers find leaves a taint bit.
COMPLAINT = re.compile(r"\bBUG:|WARNING:|Oops|Internal error|Unable to handle|\bUBSAN:|\bINFO: |kmemleak: [0-9]|Kernel panic")
FRAME = re.compile(r"\b([A-Za-z_][\w.]*)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[(\w+)\])?")
NUMBER = re.compile(r"\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b")
OURS = "rpmsg"
# What only tells of it stands on top of what has done it.
TELLERS = re.compile(r"^(__)?(dump_|show_|print_|report_|kasan_|asan_|ubsan|kcsan|warn|might_|schedule|lock_acquire|check_)|"
                     r"handle_(bug|exception|shift|out)|um_|panic|segv|bad_")
SPLAT_MAX_LINES = 60


@dataclass(frozen=True)
class Splat:
    """One complaint.  function: where it comes from, as in `rpmsg_recv_done [virtio_rpmsg_bus]`; "" where no name is told."""

    title: str
    function: str
    lines: tuple[str, ...]

    @property
    def place(self) -> str:
        """The same for two of the same kind from the same function."""
        kind = FRAME.sub("", self.title.partition(" CPU:")[0]).replace(" in ", " ")
        kind = NUMBER.sub("", kind).partition(" at ")[0].strip(" :[]-")
        return f"{kind} in {self.function}" if self.function else kind


def splats(lines: Sequence[str]) -> list[Splat]:
    """Return: the complaints in what a kernel has logged, oldest first."""
    found: list[Splat] = []
    starts = [number for number, line in enumerate(lines) if COMPLAINT.search(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        part = tuple(lines[start:min(end, start + SPLAT_MAX_LINES)])
        found.append(Splat(part[0].strip(), _function(part), part))
    return found


def _function(lines: Sequence[str]) -> str:
    frames = [(match[1], match[2] or "") for line in lines for match in FRAME.finditer(line)]
    ours = [frame for frame in frames if OURS in frame[1]]
    others = [frame for frame in frames if not TELLERS.search(frame[0])]
    for name, module in ours or others or frames:
        return f"{name} [{module}]" if module else name
    return ""
