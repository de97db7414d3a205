# SPDX-License-Identifier: BSD-3-Clause
"""What a kernel says of memory that nothing points to any more (Documentation/dev-tools/kmemleak.rst).

It is asked through its file, in the guest, and answers with objects, each with its age and with who has allocated it.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass

from .agent import AgentClient
from .errors import AgentError
from .splat import FRAME, OURS

FILE = "/sys/kernel/debug/kmemleak"
# Younger objects are not reported, since who has them may not have put the pointer in its place yet.
AGE_S = 5.0
MARGIN_S = 0.3
# The first scan only remembers what an object is like; one that has changed at the second is in use.
SCANS = 2
SCAN_TIMEOUT_S = 120.0
CHUNK_BYTES = 1 << 15
_OBJECT = re.compile(r"unreferenced object (0x[0-9a-f]+) \(size (\d+)\):")
_AGE = re.compile(r"\(age (\d+\.\d+)s\)")


@dataclass(frozen=True)
class Leak:
    """One object.  age_s: None where this kernel does not tell it."""

    size_bytes: int
    age_s: float | None
    lines: tuple[str, ...]

    @property
    def frames(self) -> list[tuple[str, str]]:
        """Functions and their modules, the allocator first."""
        return [(match[1], match[2] or "") for line in self.lines for match in FRAME.finditer(line)]

    @property
    def function(self) -> str:
        """The first function of the RPMsg code that has a part in it, "" where none has."""
        return next((f"{name} [{module}]" for name, module in self.frames if OURS in module), "")

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes from {self.function or 'elsewhere'}"


def is_watching(agent: AgentClient) -> bool:
    """Whether this kernel looks for leaks."""
    return agent.exists(FILE)


def uptime_s(agent: AgentClient) -> float:
    """Return: the age of the guest's kernel."""
    return float(agent.read_text("/proc/uptime").split()[0])


def clear(agent: AgentClient) -> None:
    """What is lost by now is nobody's."""
    agent.write_file(FILE, "clear", SCAN_TIMEOUT_S)


def look(agent: AgentClient) -> list[Leak]:
    """Wait until everything is old enough, and look for leaks.  Return: those in which the RPMsg code has a part."""
    agent.wait(AGE_S + MARGIN_S)
    for _ in range(SCANS):
        agent.write_file(FILE, "scan", SCAN_TIMEOUT_S)
    return [leak for leak in parse(_read(agent)) if leak.function]


def parse(text: str) -> list[Leak]:
    """Return: the objects that the file lists."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if _OBJECT.match(line)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        part = tuple(lines[start:end])
        age = _AGE.search(part[1]) if len(part) > 1 else None
        found.append(Leak(int(_OBJECT.match(part[0])[2]), float(age[1]) if age else None, part))
    return found


def _read(agent: AgentClient) -> str:
    handle = agent.open(FILE, os.O_RDONLY)
    parts = []
    try:
        while part := agent.read(handle, CHUNK_BYTES):
            parts.append(part)
    except AgentError as error:
        if error.errno != errno.EAGAIN:
            raise
    finally:
        agent.close_handle(handle)
    return b"".join(parts).decode(errors="backslashreplace")
