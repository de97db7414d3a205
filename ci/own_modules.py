# SPDX-License-Identifier: BSD-3-Clause
"""Modules of our own, fixtures/kernel/*/Kbuild: which of them a kernel can have, and what has to be built anew.

A Kbuild may say in its head what its modules cannot do without: `# needs: CONFIG_VHOST`.  A kernel whose
configuration lacks one of these symbols is left without them.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import kernel_lane

PLACE = kernel_lane.FRAGMENTS
SOURCES = (".c", ".h")
# A row of facts.json that is about one of ours has its folder's digest under this key.
OWN = "own"

_NEEDS = re.compile(r"^# needs:(.*)$", re.MULTILINE)
_EXPORTED = re.compile(r"^\S* *[A-Za-z] __ksymtab_(\w+)$", re.MULTILINE)


def folders(config: str) -> list[Path]:
    """Return: the folders whose modules a kernel with this .config can have."""
    have = kernel_lane.effective(config)
    return [kbuild.parent for kbuild in sorted(PLACE.glob("*/Kbuild"))
            if all(have.get(symbol, "n") in "ym" for symbol in _needs(kbuild))]


def _needs(kbuild: Path) -> list[str]:
    found = _NEEDS.search(kbuild.read_text(encoding="utf-8"))
    return found[1].split() if found else []


def files(folder: Path) -> list[Path]:
    """Return: what a folder's modules are made of."""
    return [folder / "Kbuild", *sorted(path for path in folder.iterdir() if path.suffix in SOURCES)]


def digest(folder: Path) -> str:
    """Return: what changes when any byte of a folder's modules does."""
    total = hashlib.sha256(folder.name.encode())
    for path in files(folder):
        data = path.read_bytes()
        total.update(b"%s %d\0" % (path.name.encode(), len(data)) + data)
    return total.hexdigest()


def split(modules: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return: of the rows of facts.json those of the kernel's modules, and those of ours."""
    rows = list(modules)
    return [row for row in rows if OWN not in row], [row for row in rows if OWN in row]


def is_up_to_date(own: Sequence[Mapping[str, Any]], wanted: Iterable[Path]) -> bool:
    """Whether the rows are of these folders as they are."""
    return {row[OWN] for row in own} == {digest(folder) for folder in wanted}


def exports(nm: str, modules: Iterable[Path]) -> str:
    """What the kernel's modules offer to ours, in the form of Module.symvers; so ours know what to be loaded after.

    What the rest of the kernel has is looked up when a module is loaded.
    """
    lines = []
    for path in modules:
        said = subprocess.run([nm, str(path)], capture_output=True, text=True, check=True).stdout
        lines += [f"0x00000000\t{name}\t{path.stem}\tEXPORT_SYMBOL\t\n" for name in _EXPORTED.findall(said)]
    return "".join(lines)
