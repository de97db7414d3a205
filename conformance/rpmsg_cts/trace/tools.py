# SPDX-License-Identifier: BSD-3-Clause
"""What tracing needs of the machine, by package name."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from rpmsg_cts import native
from rpmsg_cts.verdict import HarnessError

PROVIDER = "librps-lttng.so"
CLOCK = "librps-lttng-clock.so"
# Programs, with the package that has each.
PROGRAMS = {"lttng-sessiond": "lttng-tools", "lttng": "lttng-tools", "babeltrace2": "babeltrace2"}
MODULES = {"bt2": "python3-bt2"}
LIBRARY_PACKAGE = "liblttng-ust-dev"


class Absent(HarnessError):
    """Something that tracing needs is not there; the message names the package."""


def missing_to_record(build: Path = native.BUILD) -> list[str]:
    """Return: what is missing for a trace to be written, with its cure; nothing where one can be."""
    found = [f"{name} is not there: apt-get install {PROGRAMS[name]}"
             for name in ("lttng-sessiond", "lttng") if not shutil.which(name)]
    found += [f"{name} is not built: apt-get install {LIBRARY_PACKAGE}, then make"
              for name in (PROVIDER, CLOCK) if not (build / name).exists()]
    return found


def missing_to_read() -> list[str]:
    """Return: what is missing for a trace to be read, with its cure."""
    return [f"Python has no module {name}: apt-get install {package}" for name, package in MODULES.items()
            if importlib.util.find_spec(name) is None]


def require(missing: list[str], what: str) -> None:
    """Raise Absent, saying what cannot be done and how to cure it, where something is missing."""
    if missing:
        raise Absent(f"{what}: {'; '.join(missing)}")
