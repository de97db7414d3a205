# SPDX-License-Identifier: BSD-3-Clause
"""What kernel modules say of themselves, and an order in which they can be loaded."""

from __future__ import annotations

import gzip
import lzma
import re
from collections.abc import Callable, Collection
from pathlib import PurePosixPath


class Incomplete(Exception):
    """Modules that are needed are not there; `missing` names them."""

    def __init__(self, missing: Collection[str]) -> None:
        super().__init__(f"no module {', '.join(sorted(missing))}")
        self.missing = sorted(missing)


def module_name(path: str) -> str:
    """`kernel/drivers/rpmsg/rpmsg_ns.ko.xz` is called `rpmsg_ns`; the kernel does not tell `-` from `_`."""
    return PurePosixPath(path).name.split(".", 1)[0].replace("-", "_")


def needs(file_name: str, content: bytes) -> list[str]:
    """Return: names of the modules that must be loaded before, from the module's own words."""
    if file_name.endswith(".xz"):
        content = lzma.decompress(content)
    elif file_name.endswith(".gz"):
        content = gzip.decompress(content)
    found = re.search(rb"\0depends=([^\0]*)\0", content)
    return [word.replace("-", "_") for word in found[1].decode().split(",") if word] if found else []


def in_load_order(wanted: Collection[str], there: Collection[str], needs_of: Callable[[str], list[str]],
                  built_in: Collection[str] = ()) -> list[str]:
    """The wanted modules and all that they need, each after what it needs.  Raises Incomplete."""
    order: list[str] = []
    missing: set[str] = set()

    def add(name: str) -> None:
        if name in order or name in built_in:
            return
        if name not in there:
            missing.add(name)
            return
        for needed in needs_of(name):
            add(needed)
        order.append(name)

    for name in wanted:
        add(name)
    if missing:
        raise Incomplete(missing)
    return order
