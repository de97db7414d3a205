# SPDX-License-Identifier: BSD-3-Clause
"""A guest's machine as user-mode Linux: the kernel is a program, each virtio device a vhost-user socket.

Its agent is on a serial line.  Needs no right and no emulator, and is up in a quarter of a second.
"""

from __future__ import annotations

import socket
from pathlib import Path

from ..reactor import Reactor
from .errors import BootFailed
from .image import GuestImage
from .machine import Facts, VhostUserDevice
from .process_machine import ProcessMachine

READY_TIMEOUT_S = 60.0
SERIAL_LINE = "/dev/ttyS0"
# The line discipline holds 4096 bytes; one that was full does not always go on.
WINDOW_BYTES = 2048
# fd:0 and fd:1 are the console that we read; no terminal is to be opened for another one.
ARGUMENTS = ("con=null", "con0=fd:0,fd:1", "panic=-1", "printk.devkmsg=on")


class UmlMachine(ProcessMachine):
    """The kernel's process and those of its programs."""

    title = "user-mode Linux"
    window_bytes = WINDOW_BYTES

    def __init__(self, reactor: Reactor, image: GuestImage, devices: list[VhostUserDevice], folder: Path,
                 memory_mib: int, extra_cmdline: str = "") -> None:
        super().__init__(reactor, "uml", folder / "console.log", folder / "console.log")
        self._command = [str(image.kernel), f"umid={self.name}", f"uml_dir={folder}", f"mem={memory_mib}M",
                         f"initrd={image.initramfs}", *ARGUMENTS,
                         *(f"virtio_uml.device={device.socket}:{device.virtio_id}" for device in devices),
                         *extra_cmdline.split()]

    def command(self, agent_fd: int) -> list[str]:
        return [*self._command, f"rpmsg_cts_port={SERIAL_LINE}", f"ssl0=fd:{agent_fd}"]

    def connect(self) -> socket.socket:
        stream, spoken = super().connect(), []
        stream.setblocking(False)
        # What is sent before the agent has made its line a plain one is lost: it says when it has.
        self._reactor.add(stream.fileno(), lambda: spoken.append(stream.recv(1)))
        try:
            in_time = self._reactor.run_until(lambda: not self.is_running() or bool(spoken), READY_TIMEOUT_S)
        finally:
            self._reactor.remove(stream.fileno())
        if not in_time:
            stream.close()
            raise BootFailed(f"the kernel runs, but its first program has not started after {READY_TIMEOUT_S:g} s")
        return stream

    def device_folder(self, number: int) -> str:
        return f"/sys/bus/platform/devices/virtio-uml.{number}"

    def facts(self) -> Facts:
        return {"machine_kind": "user-mode Linux"}
