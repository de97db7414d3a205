# SPDX-License-Identifier: BSD-3-Clause
"""Find the QEMU that ci/fetch-qemu has prepared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .errors import MissingQemu
from .paths import build_folder


@dataclass(frozen=True)
class Qemu:
    """A QEMU to start: the program, and what a report says about it."""

    program: Path
    version: str
    origin: str


def find_qemu(machine: str = "arm", build: Path | None = None) -> Qemu:
    """Return: the QEMU that was prepared for a machine, as ci/fetch-qemu calls it.  Raises MissingQemu."""
    how = f"run ci/fetch-qemu {machine}"
    folder = (build or build_folder()) / "qemu" / f"qemu-system-{machine}"
    program = folder / "bin" / folder.name
    try:
        facts = json.loads((folder / "facts.json").read_text())
        qemu = Qemu(program, facts["version"], facts["origin"])
        present, device = facts["present"], facts["device"]
    except (OSError, ValueError, KeyError):
        raise MissingQemu(f"no QEMU for {machine} has been prepared: {how}") from None
    if not present:
        raise MissingQemu(f"QEMU {qemu.version} has no {device}; QEMU 10.2 or newer has: put it on PATH and {how}")
    if not program.exists() or not Path(facts["binary"]).exists():
        raise MissingQemu(f"{facts['binary']} is gone: {how}")
    return qemu
