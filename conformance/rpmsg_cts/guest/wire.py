# SPDX-License-Identifier: BSD-3-Clause
"""Fields of requests and answers: little-endian numbers, and byte strings with their length before them."""

from __future__ import annotations

import struct

from .errors import AgentProtocolError


def u32(value: int) -> bytes:
    """Four bytes."""
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    """Eight bytes."""
    return struct.pack("<Q", value)


def string(value: str | bytes) -> bytes:
    """Length and bytes; text is UTF-8, or what path() has read."""
    data = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    return u32(len(data)) + data


class Reader:
    """Takes the fields of an answer one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def _take(self, count_bytes: int) -> bytes:
        taken = self._data[self._at : self._at + count_bytes]
        if len(taken) != count_bytes:
            raise AgentProtocolError("answer is shorter than its fields")
        self._at += count_bytes
        return taken

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def i32(self) -> int:
        return struct.unpack("<i", self._take(4))[0]

    def u32(self) -> int:
        return struct.unpack("<I", self._take(4))[0]

    def u64(self) -> int:
        return struct.unpack("<Q", self._take(8))[0]

    def bytes(self) -> bytes:
        return self._take(self.u32())

    def path(self) -> str:
        """A name that string() makes the same bytes of: those of channels can be any."""
        return self.bytes().decode(errors="surrogateescape")

    def text(self) -> str:
        return self.bytes().decode(errors="backslashreplace")
