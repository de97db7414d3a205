# SPDX-License-Identifier: BSD-3-Clause
"""What a guest runs on, whichever it is: QEMU under libvirt, or user-mode Linux."""

from __future__ import annotations

import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

# No file of a guest's process gets longer: a console that is flooded does not fill the disk.  Its memory is one as well.
FILE_MAX_BYTES = 1 << 30

Facts = dict[str, str | dict[str, str]]


@dataclass(frozen=True)
class VhostUserDevice:
    """A device whose far end is a process of ours, listening on a UNIX socket.

    `queue_size` is what the device offers: entries, a power of two; user-mode Linux takes 256 whatever it is.
    `legacy` is for a device without VERSION_1, which QEMU has on some machines only, and there on another bus.
    `options` goes to QEMU's device as it is, as in `,num_vqs=3`.
    """

    socket: str
    queue_size: int = 256
    num_queues: int = 2
    virtio_id: int = 7
    options: str = ""
    legacy: bool = False


class Machine(ABC):
    """One machine, started once.  Everything that waits serves the reactor."""

    name: str
    title: str  # of what it runs, for progress lines
    events: list[str]  # lifecycle events so far
    console: Path
    window_bytes: int = 0  # of the stream to the agent; 0 where it takes what it is given

    @abstractmethod
    def start(self) -> None:
        """Start it.  Raises BootFailed with the words of what did not start."""

    @abstractmethod
    def connect(self) -> socket.socket:
        """Return: a stream to the guest's agent; the caller's."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether it has not ended yet."""

    @abstractmethod
    def wait_end(self, timeout_s: float) -> bool:
        """Return: whether it ended in time."""

    @abstractmethod
    def close(self) -> None:
        """Kill it if need be, and release everything; may be called again."""

    @abstractmethod
    def device_folder(self, number: int) -> str:
        """Return: where the guest's sysfs has the vhost-user device of this number."""

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """Of its process, where it is known."""

    @property
    def log(self) -> Path | None:
        """What its process says of itself, where that is another file than the console."""
        return None

    def complaints(self) -> list[str]:
        """The last that its process had to say; empty while all is well."""
        return []

    @abstractmethod
    def facts(self) -> Facts:
        """What a report should say of it."""
