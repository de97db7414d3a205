# SPDX-License-Identifier: BSD-3-Clause
"""A guest's machine as user-mode Linux: the kernel is a program, each virtio device a vhost-user socket.

Its agent is on a serial line that is one end of a socket pair.  Needs no right and no emulator, and is up in a quarter
of a second.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
from pathlib import Path

from ..reactor import Reactor
from .errors import BootFailed
from .image import GuestImage
from .machine import Facts, Machine, VhostUserDevice
from .runtime import runtime_folder

END_TIMEOUT_S = 5.0
READY_TIMEOUT_S = 60.0
COMPLAINTS_MAX = 5
SERIAL_LINE = "/dev/ttyS0"
# The line discipline holds 4096 bytes; one that was full does not always go on.
WINDOW_BYTES = 2048
# fd:0 and fd:1 are the console that we read; no terminal is to be opened for another one.
ARGUMENTS = ("con=null", "con0=fd:0,fd:1", "panic=-1", "printk.devkmsg=on", f"rpmsg_cts_port={SERIAL_LINE}")

_numbers = itertools.count(1)


class UmlMachine(Machine):
    """One process and its children, in a session of their own."""

    title = "user-mode Linux"
    window_bytes = WINDOW_BYTES

    def __init__(self, reactor: Reactor, image: GuestImage, devices: list[VhostUserDevice], folder: Path,
                 memory_mib: int, extra_cmdline: str = "") -> None:
        self._reactor = reactor
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._stream: socket.socket | None = None
        self.name = f"rpmsg-cts-{runtime_folder().run_id}-uml-{next(_numbers)}"
        self.events: list[str] = []
        self.console = folder / "console.log"
        self._command = [str(image.kernel), f"umid={self.name}", f"uml_dir={folder}", f"mem={memory_mib}M",
                         f"initrd={image.initramfs}", *ARGUMENTS,
                         *(f"virtio_uml.device={device.socket}:{device.virtio_id}" for device in devices),
                         *extra_cmdline.split()]

    def start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, self.console.open("wb") as console:
            try:
                self._process = subprocess.Popen(
                    [*self._command, f"ssl0=fd:{theirs.fileno()}"], stdin=subprocess.DEVNULL, stdout=console,
                    stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()], start_new_session=True,
                    env={"PATH": os.environ.get("PATH", ""), "TMPDIR": os.environ.get("TMPDIR", "/tmp")})
            except OSError as error:
                ours.close()
                raise BootFailed(f"{self._command[0]} does not start: {error.strerror}") from error
        self._stream = ours
        self._pidfd = os.pidfd_open(self._process.pid)
        self._reactor.add(self._pidfd, self._on_end)
        self.events.append("STARTED")

    def connect(self) -> socket.socket:
        assert self._stream is not None, "started once, connected once"
        stream, spoken = self._stream, []
        stream.setblocking(False)
        # What is sent before the agent has made its line a plain one is lost: it says when it has.
        self._reactor.add(stream.fileno(), lambda: spoken.append(stream.recv(1)))
        try:
            self._reactor.run_until(lambda: not self.is_running() or bool(spoken), READY_TIMEOUT_S)
        finally:
            self._reactor.remove(stream.fileno())
        self._stream = None
        return stream

    def is_running(self) -> bool:
        return self._pidfd >= 0

    def wait_end(self, timeout_s: float) -> bool:
        return self._reactor.run_until(lambda: not self.is_running(), timeout_s)

    def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.wait_end(END_TIMEOUT_S)
        self._forget()
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def device_folder(self, number: int) -> str:
        return f"/sys/bus/platform/devices/virtio-uml.{number}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def facts(self) -> Facts:
        return {"machine_kind": "user-mode Linux"}

    def _on_end(self) -> None:
        if self._process is not None:
            self._process.wait()
            self.events.append("STOPPED" if self._process.returncode == 0 else "CRASHED")
        self._forget()

    def _forget(self) -> None:
        if self._pidfd >= 0:
            self._reactor.remove(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
