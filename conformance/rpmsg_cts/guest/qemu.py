# SPDX-License-Identifier: BSD-3-Clause
"""Find the QEMU that ci/fetch-qemu has prepared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import MissingQemu
from .paths import build_folder

HOW = "run ci/fetch-qemu"


@dataclass(frozen=True)
class Qemu:
    """A QEMU to start: the program, and what a report says about it."""

    program: Path
    version: str
    origin: str


def find_qemu(build: Path | None = None) -> Qemu:
    """Return: the prepared QEMU.  Raises MissingQemu."""
    folder = (build or build_folder()) / "qemu"
    program = folder / "bin" / "qemu-system-arm"
    try:
        facts = json.loads((folder / "facts.json").read_text())
        qemu = Qemu(program, facts["version"], facts["origin"])
        present, device = facts["present"], facts["device"]
    except (OSError, ValueError, KeyError):
        raise MissingQemu(f"no QEMU has been prepared: {HOW}") from None
    if not present:
        raise MissingQemu(f"QEMU {qemu.version} has no {device}; QEMU 10.2 or newer has: put it on PATH and {HOW}")
    if not program.exists() or not Path(facts["binary"]).exists():
        raise MissingQemu(f"{facts['binary']} is gone: {HOW}")
    return qemu
