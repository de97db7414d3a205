# SPDX-License-Identifier: BSD-3-Clause
"""Which lines of the kernel's RPMsg code were run, for kernels that count them (variant gcov)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from .agent import AgentClient
from .image import GuestImage

FOLDER = "/sys/kernel/debug/gcov"
RESET = "reset"
ENDING = ".gcda"
SOURCES = (".c", ".h", ".gcno")  # links that the kernel adds, to places on the machine that built it


def notes_of(image: GuestImage) -> Path | None:
    """Return: the folder with what gcov needs besides the counters; None if this kernel does not count."""
    folder = image.kernel.parent / "coverage"
    return folder if folder.is_dir() else None


def read(agent: AgentClient) -> dict[str, bytes]:
    """Return: the .gcda file of each object with code that was ever loaded, by the object's name."""
    return {PurePosixPath(path).stem: agent.read_file(path) for path in _files(agent, FOLDER)}


def reset(agent: AgentClient) -> None:
    """Count from zero."""
    agent.write_file(f"{FOLDER}/{RESET}", "1")


def _files(agent: AgentClient, folder: str) -> Iterator[str]:
    for name in sorted(agent.list_dir(folder)):
        path = f"{folder}/{name}"
        if name.endswith(ENDING):
            yield path
        elif name != RESET and not name.endswith(SOURCES):
            yield from _files(agent, path)
