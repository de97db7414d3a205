# SPDX-License-Identifier: BSD-3-Clause
"""Targets by name, the roles each can play, and lanes: one target in one role, as a test sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rpmsg_cts import mutants, near

DRIVER = "driver"
DEVICE = "device"
ROLES = (DRIVER, DEVICE)

SIM = "sim"
LINUX_ARMHF = "linux-armhf"
LINUX_UML = "linux-uml"
MUTANT_PREFIX = "mutant:"


class UnknownTarget(Exception):
    """No target has this name; the message names near ones."""


@dataclass(frozen=True)
class Target:
    """An implementation under test and how it is reached.

    roles: what the implementation can play there.  what: one line for a listing.
    """

    name: str
    roles: tuple[str, ...]
    what: str

    @property
    def in_process(self) -> bool:
        """Whether it is our own library, in this process and in simulated time."""
        return self.name == SIM or self.name.startswith(MUTANT_PREFIX)


@dataclass(frozen=True)
class Lane:
    """One target with its implementation in one role: a column of the matrix."""

    target: str
    role: str

    def __str__(self) -> str:
        return f"{self.target}-{self.role}"


def all_targets(root: Path) -> dict[str, Target]:
    """Return: every target of the project at `root`, by name; mutants are those of sim/base/mutants.def."""
    targets = [
        Target(SIM, ROLES, "our own driver against our own device, in process, in simulated memory and time"),
        Target(LINUX_ARMHF, (DRIVER,), "virtio_rpmsg_bus of Debian's armhf kernel as shipped, in a QEMU guest"),
        Target(LINUX_UML, (DRIVER,), "virtio_rpmsg_bus of a kernel built here as user-mode Linux"),
    ]
    targets += [Target(MUTANT_PREFIX + mutant.name, ROLES, f"our own ends with one deliberate error: {mutant.what}")
                for mutant in mutants.load(root).values()]
    return {target.name: target for target in targets}


def find(name: str, targets: dict[str, Target]) -> Target:
    """Return: the target of this name, else UnknownTarget."""
    try:
        return targets[name]
    except KeyError:
        raise UnknownTarget(near.unknown("target", name, targets)) from None
