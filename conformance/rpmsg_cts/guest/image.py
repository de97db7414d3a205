# SPDX-License-Identifier: BSD-3-Clause
"""Find what ci/fetch-kernel, ci/build-kernel and ci/build-initramfs have prepared: kernel, modules, file system."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..targets import BUILT, LINUX_ARMHF, is_release, kind_of
from .errors import MissingAgent, MissingKernel, MissingModules
from .paths import build_folder

NEEDED_MODULES = ("rpmsg_core", "rpmsg_ns", "virtio_rpmsg_bus", "rpmsg_char", "rpmsg_ctrl")


@dataclass(frozen=True)
class Module:
    """A kernel module: its name, its path in the guest, its SHA-256, and the modules that must be loaded before."""

    name: str
    path: str
    sha256: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class GuestImage:
    """What a guest starts from."""

    kernel: Path
    initramfs: Path
    release: str
    origin: dict[str, str]  # where it is from, for reports
    kernel_sha256: str  # of the kernel's file as it is in the package
    modules: tuple[Module, ...]  # in an order in which they can be loaded
    lane: str = "armhf"  # the machine it is for

    def module(self, name: str) -> Module:
        """A module by name.  Raises MissingModules."""
        for module in self.modules:
            if module.name == name:
                return module
        raise MissingModules(self.release, [name])


def find_image(build: Path | None = None, kernel: Path | None = None) -> GuestImage:
    """A kernel with its file system; Debian's for armhf where no folder is named.

    Raises MissingKernel, MissingModules or MissingAgent.
    """
    build = build or build_folder()
    folder = kernel or build / "kernel-armhf"
    initramfs = build / "guest" / folder.name / "initramfs.cpio"
    cure = "ci/fetch-kernel" if kernel is None else "rpmsg-cts kernel build"
    try:
        facts = json.loads((folder / "facts.json").read_text())
        modules = tuple(Module(row["name"], f"/{row['file']}", row["sha256"], tuple(row["needs"]))
                        for row in facts["modules"])
        image = GuestImage(folder / facts["image"], initramfs, facts["release"], facts["origin"],
                           facts["kernel_sha256"], modules, facts["lane"])
    except (OSError, ValueError, KeyError):
        raise MissingKernel(f"no kernel has been prepared: run {cure}") from None
    if not image.kernel.exists():
        raise MissingKernel(f"{image.kernel} is gone: run {cure}")
    absent = [name for name in NEEDED_MODULES if name not in {module.name for module in modules}]
    if absent:
        raise MissingModules(image.release, absent)
    if not initramfs.exists():
        raise MissingAgent(f"the guest's agent has not been built: run ci/build-initramfs {kernel or ''}".rstrip())
    return image


def kernel_image(target: str, build: Path | None = None) -> GuestImage:
    """The kernel that a target starts: Debian's as shipped, or the newest of those built here that the target names.

    Of two with the same version the one that was built last.  Raises what find_image() raises.
    """
    if kind_of(target) == LINUX_ARMHF:
        return find_image(build)
    lane, (version, *variants) = BUILT[kind_of(target)].lane, target.partition(":")[2].split("+")
    found = [(_version(facts["release"]), path.stat().st_mtime_ns, path.parent)
             for path in sorted((build or build_folder()).glob("kernels/*/facts.json")) if (facts := _facts(path))
             and facts["lane"] == lane and is_release(facts["release"], version)
             and sorted(facts["origin"].get("kernel_variants", "").split()) == sorted(variants)]
    if not found:
        more = "".join(f" --with {variant}" for variant in variants)
        raise MissingKernel(f"no kernel {'+'.join([version, *variants])} was built for it".replace("  ", " ")
                            + f": run ./rpmsg-cts kernel build debian:{version or '6.1'} --lane {lane}{more}")
    return find_image(build, max(found)[-1])


def _facts(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}  # being written, or broken: as if it were not there


def _version(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release))
