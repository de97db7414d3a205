# SPDX-License-Identifier: BSD-3-Clause
"""The clock of a user-mode Linux that has none of its own: its time is ours to move.

Started with `time-travel=ext:SOCKET`, the kernel computes in no time at all, and asks here before it lets any pass: it
says when it next wants to run, and waits until it is told to.  While nobody here waits for an earlier moment it may let
time pass by itself, up to where it notifies one of us.  Nothing of ours happens but while it waits, so that both
sides take turns, and neither can be faster or slower than the other.
Source: the kernel's include/uapi/linux/um_timetravel.h.
"""

from __future__ import annotations

import random
import socket
import struct
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from ..history import History
from ..reactor import Reactor
from ..verdict import HarnessError

MESSAGE = struct.Struct("=IIQ")  # operation, sequence number, time in nanoseconds
SECOND_NS = 1_000_000_000
# What the kernel's wall clock says when it starts: any fixed time will do.
START_NS = 1_000_000_000 * SECOND_NS
# How long we take at most to do something: some readings of the kernel's clock, so that it is in another place each time.
HASTE_NS = 4096


class Op(IntEnum):
    """What is said, by either side."""

    ACK = 0
    START = 1
    REQUEST = 2
    WAIT = 3
    GET = 4
    UPDATE = 5
    RUN = 6
    FREE_UNTIL = 7
    GET_TOD = 8


@dataclass(frozen=True)
class SimulatedTime:
    """That a guest is to have a time of ours.

    The seed says how long we take each time to do what we do next, and so what the kernel is doing then.
    """

    seed: int = 0
    history: History = field(default_factory=History)


class Calendar:
    """One kernel's time, from its first moment on; it listens for the kernel at `path`."""

    def __init__(self, path: Path, reactor: Reactor, time: SimulatedTime) -> None:
        self.path = path
        self.now_ns = 0
        self._history = time.history
        self._chance = random.Random(time.seed)
        self._reactor = reactor
        self._request_ns: int | None = None
        # Up to here, exclusively, the kernel lets time pass without asking; and when it last told us something.
        self._free_until_ns = 0
        self._told_ns = -1
        self._is_waiting = False
        self._is_open = True
        self._sent = 0
        self._input = b""
        self._stream: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(1)
        reactor.add(self._listener.fileno(), self._accept)
        reactor.follow(self)

    @property
    def now_s(self) -> float:
        """Seconds since the kernel started."""
        return self.now_ns / SECOND_NS

    def is_open(self) -> bool:
        """Whether there is still a kernel to wait for, or one to come."""
        return self._is_open

    def is_still(self) -> bool:
        """Whether the kernel waits for its turn."""
        return self._is_waiting

    def advance(self, deadline_s: float) -> bool:
        """Let the kernel run, at the time that it has asked for.

        Return: whether it runs; if not, the deadline comes first, and it is that time now.
        """
        deadline_ns = round(deadline_s * SECOND_NS)
        if self._request_ns is None or self._request_ns > deadline_ns:
            self.now_ns = max(self.now_ns, deadline_ns)
            return False
        self.now_ns = max(self.now_ns, self._request_ns)
        self._request_ns, self._is_waiting = None, False
        self.note("run")
        # It tells us of what it does at a moment once: what it does now we might not hear of in time.
        if self.now_ns > self._told_ns:
            self._let_free(deadline_ns)
        self._tell(Op.RUN, self.now_ns)
        return True

    def _let_free(self, until_ns: int) -> None:
        self._free_until_ns = until_ns
        self._tell(Op.FREE_UNTIL, until_ns)

    def _tell(self, operation: Op, time_ns: int) -> None:
        self._sent += 1
        self._send(operation, self._sent, time_ns)

    def haste_s(self) -> float:
        """How long we take to do what we do next."""
        return self._chance.randrange(HASTE_NS) / SECOND_NS

    def note(self, what: str) -> None:
        """Note what happens now."""
        self._history.add(self.now_ns, what)

    def close(self) -> None:
        """The kernel is gone, or is to be left alone: time is nobody's from now on; may be called again."""
        if self._is_open:
            self._is_open = False
            self._reactor.follow(None)
            for end in (self._listener, self._stream):
                if end is not None:
                    self._reactor.remove(end.fileno())
                    end.close()
            self.path.unlink(missing_ok=True)
            self._history.close()

    def _accept(self) -> None:
        stream, _ = self._listener.accept()
        if self._stream is not None:
            stream.close()
            return
        self._stream = stream
        self._reactor.add(stream.fileno(), self._on_readable)

    def _send(self, operation: Op, sequence: int, time_ns: int = 0) -> None:
        assert self._stream is not None
        try:
            self._stream.sendall(MESSAGE.pack(operation, sequence, time_ns))
        except OSError:
            self.close()

    def _on_readable(self) -> None:
        assert self._stream is not None
        try:
            data = self._stream.recv(1 << 12)
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._input += data
        while self._is_open and len(self._input) >= MESSAGE.size:
            message, self._input = self._input[:MESSAGE.size], self._input[MESSAGE.size:]
            self._on_message(*MESSAGE.unpack(message))

    def _on_message(self, operation: int, sequence: int, time_ns: int) -> None:
        if operation == Op.ACK:
            return
        answer_ns = 0
        self._history.add(self.now_ns, f"kernel {operation} {sequence} {time_ns}")
        if operation == Op.REQUEST:
            self._request_ns = time_ns
        elif operation == Op.WAIT:
            self._is_waiting = True
            self.now_ns = max(self.now_ns, self._free_until_ns)
        elif operation == Op.UPDATE:
            # It is about to notify one of us, who has to have a turn before the kernel waits for what will come of it.
            self.now_ns = self._told_ns = time_ns
            self._let_free(time_ns)
        elif operation == Op.GET:
            answer_ns = self.now_ns
        elif operation == Op.GET_TOD:
            answer_ns = START_NS + self.now_ns
        elif operation != Op.START:
            raise HarnessError(f"the kernel asks its calendar for something unknown: {operation}")
        self._send(Op.ACK, sequence, answer_ns)
