# SPDX-License-Identifier: BSD-3-Clause
"""Find what ci/fetch-kernel and ci/build-initramfs have prepared: kernel, modules, first file system."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

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
    package: str
    package_version: str
    kernel_sha256: str  # of the kernel's file as it is in the package
    modules: tuple[Module, ...]  # in an order in which they can be loaded

    def module(self, name: str) -> Module:
        """A module by name.  Raises MissingModules."""
        for module in self.modules:
            if module.name == name:
                return module
        raise MissingModules(self.release, [name])


def find_image(build: Path | None = None) -> GuestImage:
    """Return: the prepared kernel and file system.  Raises MissingKernel, MissingModules or MissingAgent."""
    build = build or build_folder()
    folder = build / "kernel-armhf"
    initramfs = build / "guest" / "initramfs.cpio"
    try:
        facts = json.loads((folder / "facts.json").read_text())
        modules = tuple(Module(row["name"], f"/{row['file']}", row["sha256"], tuple(row["needs"]))
                        for row in facts["modules"])
        image = GuestImage(folder / facts["image"], initramfs, facts["release"], facts["package"],
                           facts["package_version"], facts["vmlinuz_sha256"], modules)
    except (OSError, ValueError, KeyError):
        raise MissingKernel("no kernel has been prepared: run ci/fetch-kernel") from None
    if not image.kernel.exists():
        raise MissingKernel(f"{image.kernel} is gone: run ci/fetch-kernel")
    absent = [name for name in NEEDED_MODULES if name not in {module.name for module in modules}]
    if absent:
        raise MissingModules(image.release, absent)
    if not initramfs.exists():
        raise MissingAgent("the guest's agent has not been built: run ci/build-initramfs")
    return image
