# SPDX-License-Identifier: BSD-3-Clause
"""Frames between the harness and the agent; fixtures/guest/frame.h has the layout, and the agent's half."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from enum import Enum

MAGIC = b"RCTS"
VERSION = 1
PAYLOAD_MAX_BYTES = 64 * 1024
REPLY = 0x8000
TYPE_ERROR = 0xFFFF
TYPE_TAKEN = 0xFFFE

_HEADER = struct.Struct("<4sHHII")
_CRC = struct.Struct("<I")


@dataclass(frozen=True)
class Frame:
    """One frame; `id` ties a reply to its request."""

    type: int
    id: int
    payload: bytes


class Trouble(Enum):
    """What else can be found in the stream."""

    GARBAGE = "bytes that begin no frame"
    BAD_VERSION = "frame of another version"
    TOO_LONG = "frame longer than allowed"
    BAD_CRC = "frame with a wrong checksum"


def encode(frame: Frame) -> bytes:
    """Bytes of a frame; its payload has at most PAYLOAD_MAX_BYTES."""
    if len(frame.payload) > PAYLOAD_MAX_BYTES:
        raise ValueError(f"payload of {len(frame.payload)} bytes is longer than {PAYLOAD_MAX_BYTES}")
    summed = _HEADER.pack(MAGIC, VERSION, frame.type, frame.id, len(frame.payload)) + frame.payload
    return summed + _CRC.pack(zlib.crc32(summed))


class Decoder:
    """Finds frames in a stream of bytes, and finds the next one after a broken one."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[Frame | Trouble]:
        """Add bytes.  Return: all that is complete now, in order."""
        self._bytes += data
        found = []
        while (item := self._next()) is not None:
            found.append(item)
        return found

    def _next(self) -> Frame | Trouble | None:
        if self._skip_garbage():
            return Trouble.GARBAGE
        if len(self._bytes) < _HEADER.size:
            return None
        _, version, kind, number, length = _HEADER.unpack_from(self._bytes)
        if version != VERSION:
            return self._refuse(Trouble.BAD_VERSION)
        if length > PAYLOAD_MAX_BYTES:
            return self._refuse(Trouble.TOO_LONG)
        summed = _HEADER.size + length
        if len(self._bytes) < summed + _CRC.size:
            return None
        (crc,) = _CRC.unpack_from(self._bytes, summed)
        if crc != zlib.crc32(self._bytes[:summed]):
            return self._refuse(Trouble.BAD_CRC)
        payload = bytes(self._bytes[_HEADER.size : summed])
        del self._bytes[: summed + _CRC.size]
        return Frame(kind, number, payload)

    def _skip_garbage(self) -> bool:
        """Drop what cannot begin a frame.  Return: whether anything was dropped."""
        start = self._bytes.find(MAGIC)
        if start < 0:
            kept = next((n for n in range(len(MAGIC) - 1, 0, -1) if self._bytes.endswith(MAGIC[:n])), 0)
            start = len(self._bytes) - kept
        del self._bytes[:start]
        return start > 0

    def _refuse(self, why: Trouble) -> Trouble:
        # The length of a frame that is not to be believed is not either: look right behind its magic.
        del self._bytes[: len(MAGIC)]
        self._skip_garbage()
        return why
