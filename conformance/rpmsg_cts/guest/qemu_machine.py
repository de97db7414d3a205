# SPDX-License-Identifier: BSD-3-Clause
"""A guest's machine in QEMU, through libvirt."""

from __future__ import annotations

import socket
from pathlib import Path

from ..reactor import Reactor
from .domain import Domain, DomainFiles, describe
from .hypervisor import hypervisor
from .image import GuestImage
from .machine import Facts, Machine, VhostUserDevice
from .qemu import find_qemu
from .qemu_lanes import QEMU_LANES
from .runtime import runtime_folder


class QemuMachine(Machine):
    """A transient domain with a memfd for its memory."""

    def __init__(self, reactor: Reactor, image: GuestImage, devices: list[VhostUserDevice], folder: Path,
                 memory_mib: int, extra_cmdline: str = "", uri: str | None = None, label: str = "guest") -> None:
        self._lane = QEMU_LANES[image.lane]
        self._devices = devices
        self._qemu = find_qemu(self._lane.qemu)
        self._hypervisor = hypervisor(uri)
        self._domain = Domain(self._hypervisor, reactor, label)
        self._files = DomainFiles(agent_socket=folder / "agent.sock", console=folder / "console.log")
        self._xml = describe(self._domain.name, runtime_folder().run_id, self._qemu, image, self._files, devices,
                             memory_mib, extra_cmdline)
        self.name, self.events, self.console = self._domain.name, self._domain.events, self._files.console
        self.title = f"QEMU {self._qemu.version.split()[0]}"

    def start(self) -> None:
        self._domain.start(self._xml)

    def connect(self) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        stream.connect(str(self._files.agent_socket))
        return stream

    def is_running(self) -> bool:
        return self._domain.is_running()

    def wait_end(self, timeout_s: float) -> bool:
        return self._domain.wait_end(timeout_s)

    def close(self) -> None:
        self._domain.close()

    def device_folder(self, number: int) -> str:
        return self._lane.device_folder(number, self._devices[number].legacy)

    @property
    def pid(self) -> int | None:
        return self._domain.pid

    @property
    def log(self) -> Path | None:
        return self._domain.log

    def complaints(self) -> list[str]:
        return self._domain.complaints()

    def facts(self) -> Facts:
        return {
            "qemu_version": self._qemu.version,
            "qemu_origin": self._qemu.origin,
            "libvirt_version": self._hypervisor.version,
            # The folder in it has another name each time, and says nothing.
            "libvirt_uri": self._hypervisor.uri.partition("?")[0],
        }
