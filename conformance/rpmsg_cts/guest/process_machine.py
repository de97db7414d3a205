# SPDX-License-Identifier: BSD-3-Clause
"""A guest's machine that is a process of ours, with one end of a socket pair for its agent."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import resource
import signal
import socket
import subprocess
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path

from ..reactor import Reactor
from .errors import BootFailed
from .machine import FILE_MAX_BYTES, Machine
from .runtime import runtime_folder

END_TIMEOUT_S = 5.0
ASK, ADDR_NO_RANDOMIZE = 0xFFFFFFFF, 0x0040000  # <sys/personality.h>

_numbers = itertools.count(1)


@contextlib.contextmanager
def _file_limit(size_bytes: int) -> Iterator[None]:
    """What is started meanwhile inherits the limit, from its first instruction on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if hard != resource.RLIM_INFINITY:
        size_bytes = min(size_bytes, hard)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def _fixed_addresses() -> Iterator[None]:
    """What is started meanwhile has the same addresses each time, where that is allowed.

    KASAN in user-mode Linux wants a fixed piece of the address space; where a library was there first, the kernel ended
    without a word, one time in three.
    """
    personality = ctypes.CDLL(None).personality
    personality.argtypes = [ctypes.c_ulong]
    before = personality(ASK)
    personality(before | ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        personality(before)


class ProcessMachine(Machine):
    """One process and its children, in a session of their own.  output: file for what they print."""

    def __init__(self, reactor: Reactor, label: str, console: Path, output: Path) -> None:
        self._reactor = reactor
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._stream: socket.socket | None = None
        self._output = output
        self.cwd: Path | None = None  # where it is started; None is where we are
        self.name = f"rpmsg-cts-{runtime_folder().run_id}-{label}-{next(_numbers)}"
        self.events: list[str] = []
        self.console = console

    @abstractmethod
    def command(self, agent_fd: int) -> list[str]:
        """Return: what to start; it inherits the descriptor that the agent is reached by."""

    def start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs, self._output.open("wb") as output, _file_limit(FILE_MAX_BYTES), _fixed_addresses():
            command = self.command(theirs.fileno())
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                    pass_fds=[theirs.fileno()], start_new_session=True, cwd=self.cwd,
                    env={"PATH": os.environ.get("PATH", ""), "TMPDIR": os.environ.get("TMPDIR", "/tmp")})
            except OSError as error:
                ours.close()
                raise BootFailed(f"{command[0]} does not start: {error.strerror}") from error
        self._stream = ours
        self._pidfd = os.pidfd_open(self._process.pid)
        self._reactor.add(self._pidfd, self._on_end)
        self.events.append("STARTED")

    def connect(self) -> socket.socket:
        assert self._stream is not None, "started once, connected once"
        stream, self._stream = self._stream, None
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

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

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
