# SPDX-License-Identifier: BSD-3-Clause
"""Our hands on what a kernel offers its own clients: the module in fixtures/kernel/client, told through /dev/rpmsg_cts.

Its header describes commands and records, and has their numbers, which are read from there.
"""

from __future__ import annotations

import errno
import re
import struct
from dataclasses import dataclass
from enum import IntEnum

from rpmsg_cts.clients_linux import Clients, told
from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentError
from rpmsg_cts.guest.paths import FIXTURES
from rpmsg_cts.judge import given
from rpmsg_cts.link import ANY

MODULE = DRIVER = "rpmsg_cts_client"
CHANNEL = "rpmsg-cts"  # what its driver binds to
DEVICE = "/dev/rpmsg_cts"
HEADER = FIXTURES / "kernel" / "client" / f"{MODULE}.h"
COMMAND, RECORD = "7I", "3Ii4I"
ROOM_BYTES = 4096

_NUMBERS = {name: int(number) for name, number in
            re.findall(r"^\tRPMSG_CTS_(\w+) = (\d+),", HEADER.read_text(encoding="ascii"), re.MULTILINE)}


def _named(title: str, prefix: str) -> dict[str, int]:
    found = {name.removeprefix(prefix): number for name, number in _NUMBERS.items() if name.startswith(prefix)}
    assert found, f"{HEADER} has no {title}"
    return found


Op = IntEnum("Op", _named("operations", "OP_"))
Kind = IntEnum("Kind", _named("kinds of records", "KIND_"))
REFUSE = _NUMBERS["REFUSE"]


@dataclass(frozen=True)
class Record:
    """One thing that has happened; what its fields mean depends on the kind."""

    kind: int
    tag: int
    ept: int
    result: int
    src: int
    dst: int
    value: int
    length: int
    payload: bytes


class Client:
    """The module, loaded when a test first wants it and for that test alone; SKIP where its kernel has none."""

    def __init__(self, agent: AgentClient, clients: Clients, big_endian: bool) -> None:
        self._agent, self._clients = agent, clients
        self._order = ">" if big_endian else "<"
        self._handle: int | None = None
        self._tags = 0
        self.records: list[Record] = []  # all that were read, oldest first

    @property
    def handle(self) -> int:
        """The agent's handle of the module's device."""
        if self._handle is None:
            self._clients.load(MODULE, why="modules of ours are compiled beside kernels that are built here")
            self._handle = self._clients.open(DEVICE)
        return self._handle

    def close(self) -> None:
        """Close the device: endpoints that were created are gone, what happens from now on is not recorded."""
        self._clients.close(self.handle)
        self._handle = None

    def unload(self) -> int:
        """Take the module away.  Return: 0, or -errno while its device is open."""
        return told(self._agent.unload_module, MODULE)

    def bind(self, entry: str) -> int:
        """Bind the client to a channel, unless the bus has.  Return: the number of the channel's own endpoint."""
        assert self.handle is not None
        if self.probed(entry) is None:
            status = self._clients.bind(DRIVER, entry)
            given(status == 0, f"our client is bound to the channel ({status})")
        record = self.probed(entry)
        given(record is not None, "our client was probed")
        return record.ept if record else 0

    def probed(self, entry: str) -> Record | None:
        """What our client was told as it was bound to a channel, if it was."""
        self.listen()
        return next((record for record in reversed(self.records)
                     if record.kind == Kind.PROBED and record.payload == entry.encode()), None)

    def _command(self, op: int, ept: int, src: int, dst: int, value: int, payload: bytes, length: int | None) -> bytes:
        self._tags += 1
        return struct.pack(self._order + COMMAND, op, self._tags, ept, src, dst, value,
                           len(payload) if length is None else length) + payload

    def call(self, op: int, ept: int, *, src: int = 0, dst: int = 0, value: int = 0, payload: bytes = b"",
             length: int | None = None) -> Record:
        """Call a function that does not wait.  Return: what came of it."""
        command = self._command(op, ept, src, dst, value, payload, length)
        tag = self._tags
        self._agent.write(self.handle, command)
        self.listen()
        return next(record for record in reversed(self.records) if (record.kind, record.tag) == (Kind.DONE, tag))

    def start(self, op: int, ept: int, *, src: int = 0, dst: int = 0, payload: bytes = b"") -> int:
        """Call a function that may wait, in a process of its own.  Return: the tag, for result()."""
        command = self._command(op, ept, src, dst, 0, payload, None)
        self._clients.in_background(self.handle, command)
        return self._tags

    def result(self, tag: int) -> int | None:
        """Return: what the function that start() called has returned; None while it has not."""
        self.listen()
        return next((record.result for record in self.records if (record.kind, record.tag) == (Kind.DONE, tag)), None)

    def listen(self) -> list[Record]:
        """Return: what has happened since the last call."""
        fresh: list[Record] = []
        size = struct.calcsize(self._order + RECORD)
        while True:
            try:
                data = self._agent.read(self.handle, ROOM_BYTES)
            except AgentError as error:
                if error.errno != errno.EAGAIN:
                    raise
                self.records += fresh
                return fresh
            fresh.append(Record(*struct.unpack(self._order + RECORD, data[:size]), data[size:]))

    def messages(self) -> list[Record]:
        """Return: the callbacks since listen() was last called."""
        return [record for record in self.listen() if record.kind == Kind.MESSAGE]

    def create(self, ept: int, src: int = ANY, dst: int = ANY, name: bytes = b"test") -> Record:
        """Create an endpoint on the channel of another one."""
        return self.call(Op.CREATE, ept, src=src, dst=dst, payload=name)
