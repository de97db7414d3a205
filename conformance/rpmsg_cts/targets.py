# SPDX-License-Identifier: BSD-3-Clause
"""Targets by name, the roles each can play, and lanes: one target in one role, as a test sees it.

Where a kernel is built here there may be several: linux-uml is the newest of them, linux-uml:6.1 the newest 6.1, and
linux-uml:6.1+kasan that with a variant of its configuration.  The same goes for vhost-api and vhost-bus.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from rpmsg_cts import mutants, near

DRIVER = "driver"
DEVICE = "device"
ROLES = (DRIVER, DEVICE)

SIM = "sim"
LINUX_ARMHF = "linux-armhf"
LINUX_UML = "linux-uml"
LINUX_UML_SIMTIME = "linux-uml-simtime"
LINUX_M68K = "linux-m68k"
LINUX_PPC64 = "linux-ppc64"
LINUX_ARMEB = "linux-armeb"
LINUX_X86_64 = "linux-x86_64"
VHOST_API = "vhost-api"
VHOST_BUS = "vhost-bus"


@dataclass(frozen=True)
class Built:
    """What is judged on kernels built here, and for which lane they are."""

    lane: str
    role: str
    what: str


BUILT = {
    LINUX_UML: Built("uml", DRIVER, "virtio_rpmsg_bus of a kernel built here as user-mode Linux"),
    LINUX_UML_SIMTIME: Built("uml", DRIVER, "the same in simulated time: it waits for nothing, and each run is the same"),
    LINUX_M68K: Built("m68k", DRIVER,
                      "virtio_rpmsg_bus of a kernel built here for a big-endian processor, in a QEMU guest"),
    LINUX_PPC64: Built("ppc64", DRIVER,
                       "virtio_rpmsg_bus of a kernel built here for a big-endian 64-bit processor, in a QEMU guest"),
    LINUX_ARMEB: Built("armeb", DRIVER,
                       "virtio_rpmsg_bus of a kernel built here for big-endian Arm, on legacy devices too, in a QEMU guest"),
    LINUX_X86_64: Built("x86_64", DRIVER, "virtio_rpmsg_bus of a kernel built here for x86-64, in a QEMU guest"),
    VHOST_API: Built("uml", DEVICE, "/dev/vhost-rpmsg of a kernel built here as user-mode Linux"),
    VHOST_BUS: Built("uml", DEVICE, "/dev/vhost-rpmsg-bus of the same, which has an rpmsg bus of its own"),
}
MUTANT_PREFIX = "mutant:"

_KERNEL = re.compile(r"[0-9][0-9A-Za-z.-]*(\+[a-z0-9_]+)*")


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
    def kind(self) -> str:
        """The name without what comes after a colon."""
        return kind_of(self.name)

    @property
    def in_process(self) -> bool:
        """Whether it is our own library, in this process and in simulated time."""
        return is_in_process(self.name)


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
        *(Target(name, (built.role,), built.what) for name, built in BUILT.items()),
    ]
    targets += [Target(MUTANT_PREFIX + mutant.name, ROLES, f"our own ends with one deliberate error: {mutant.what}")
                for mutant in mutants.load(root).values()]
    return {target.name: target for target in targets}


def find(name: str, targets: dict[str, Target]) -> Target:
    """Return: the target of this name, else UnknownTarget."""
    if name in targets:
        return targets[name]
    kind, colon, kernel = name.partition(":")
    if not colon or kind not in BUILT:
        raise UnknownTarget(near.unknown("target", name, targets))
    if not _KERNEL.fullmatch(kernel):
        raise UnknownTarget(f"unknown target '{name}': a kernel is named as in {kind}:6.1 or {kind}:6.1+kasan; "
                            "`rpmsg-cts kernel list` shows those that were built")
    return replace(targets[kind], name=name)


def is_in_process(name: str) -> bool:
    """Return: whether the target of this name is our own library."""
    return name == SIM or name.startswith(MUTANT_PREFIX)


def kind_of(name: str) -> str:
    """Return: the kind of a target, as in linux-uml for linux-uml:6.1."""
    return name.partition(":")[0]


def is_release(release: str, version: str) -> bool:
    """Whether a version names a kernel: 6.1 names 6.1.176 and 6.1-rc2, and not 6.12; nothing names all."""
    return not version or (release.startswith(version) and not release[len(version):][:1].isdigit())


def named_in(nodeid: str) -> str:
    """Return: the target in the parameters of a test's id, "" where there is none."""
    found = re.search(rf"\[([^\[\]]+?)-({'|'.join(ROLES)})(?=[-\]])", nodeid)
    return found[1] if found else ""
