# SPDX-License-Identifier: BSD-3-Clause
"""The agent's line in simulated time: a virtio console, since what comes over a descriptor of the host's is heard at no
certain moment, and not at all by a kernel that waits for its turn.
"""

from __future__ import annotations

import socket
from pathlib import Path

from ..link import F_VERSION_1, RX, TX
from ..lower_device import LowerDevice
from ..reactor import Reactor
from ..vhost_user import VhostUser

VIRTIO_CONSOLE = 3
CHUNK_BYTES = 1 << 12


class Line:
    """The console's device: bytes of a stream, which it owns, become the terminal's, and the other way."""

    def __init__(self, path: Path, reactor: Reactor, stream: socket.socket) -> None:
        self.path = path
        self._reactor = reactor
        self._backend = VhostUser(path, F_VERSION_1, reactor, inband=True)
        self._device = LowerDevice(self._backend.native, self._backend.xport)
        self._is_attached = False
        self._to_guest = b""
        self._stream = stream
        reactor.add(self._stream.fileno(), self._on_readable)
        reactor.add_step(self._step)

    def close(self) -> None:
        """Hang up; may be called again."""
        if self._stream.fileno() >= 0:
            self._reactor.remove_step(self._step)
            self._reactor.remove(self._stream.fileno())
            self._stream.close()
            self._device.close()
            self._backend.close()

    def _on_readable(self) -> None:
        self._to_guest += self._stream.recv(CHUNK_BYTES)

    def _step(self) -> None:
        self._is_attached = self._device.ready() and (self._is_attached or self._attach())
        if self._is_attached:
            self._hear()
            self._speak()

    def _attach(self) -> bool:
        self._device.attach()
        return True

    def _hear(self) -> None:
        while (buffer := self._device.take(TX)) is not None:
            # The driver waits for its buffer and needs not be told.
            said = b"".join(self._device.read(part.addr, part.len) for part in buffer.segments)
            self._device.complete(TX, buffer.head, 0, notify=False)
            self._reactor.note(f"agent says {said.hex()}")
            self._stream.sendall(said)

    def _speak(self) -> None:
        while self._to_guest and (buffer := self._device.take(RX)) is not None:
            chunk, self._to_guest = self._to_guest[:buffer.len], self._to_guest[buffer.len:]
            self._reactor.note(f"agent hears {chunk.hex()}")
            self._device.write(buffer.addr, chunk)
            self._device.complete(RX, buffer.head, len(chunk))
