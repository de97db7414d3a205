# SPDX-License-Identifier: BSD-3-Clause
"""User-mode Linux in simulated time: its clock is a calendar of ours, its agent's line a console of ours, and all that it
hears comes in an order that is ours as well.  What it is started with is the same each time.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from ..reactor import Reactor
from .image import GuestImage
from .line import VIRTIO_CONSOLE, Line
from .machine import Facts, VhostUserDevice
from .time_travel import Calendar, SimulatedTime
from .uml_machine import ARGUMENTS, UmlMachine

LINE = "/dev/hvc0"
# The watchdog knows by the beginning that it is ours.
NAME = "rpmsg-cts-simtime"
# A stack at another address touches another number of pages.
SIMTIME_ARGUMENTS = (*ARGUMENTS, "norandmaps", f"rpmsg_cts_port={LINE}", "time-travel=ext:time")


class SimtimeMachine(UmlMachine):
    """Its files have the same names in each run: they are told relative to its folder, which it is started in."""

    title = "user-mode Linux in simulated time"

    def __init__(self, reactor: Reactor, image: GuestImage, devices: list[VhostUserDevice], folder: Path,
                 memory_mib: int, extra_cmdline: str, time: SimulatedTime) -> None:
        super().__init__(reactor, image, devices, folder, memory_mib)
        self._folder = self.cwd = folder
        self._time = time
        self._calendar: Calendar | None = None
        self._line: Line | None = None
        (folder / "initramfs.cpio").symlink_to(image.initramfs)
        self._command = [str(image.kernel), f"umid={NAME}", "uml_dir=.", f"mem={memory_mib}M", "initrd=initramfs.cpio",
                         *SIMTIME_ARGUMENTS,
                         *(f"virtio_uml.device={os.path.relpath(device.socket, folder)}:{device.virtio_id}"
                           for device in devices),
                         f"virtio_uml.device=line:{VIRTIO_CONSOLE}", *extra_cmdline.split()]

    def command(self, agent_fd: int) -> list[str]:
        self._calendar = Calendar(self._folder / "time", self._reactor, self._time)
        self._line = Line(self._folder / "line", self._reactor, socket.socket(fileno=os.dup(agent_fd)))
        return self._command

    def facts(self) -> Facts:
        return {**super().facts(), "seed": str(self._time.seed)}

    def _forget(self) -> None:
        # Whoever waits for the kernel from now on waits for its process.
        for end in (self._calendar, self._line):
            if end is not None:
                end.close()
        super()._forget()
