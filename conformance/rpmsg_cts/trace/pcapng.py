# SPDX-License-Identifier: BSD-3-Clause
"""The messages of a trace as a pcapng file, for Wireshark: traces/wireshark/rpmsg.lua explains its packets.

A trace has headers and announcements, and no payloads; packets say how long they were.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rpmsg_cts.monitor import ENDS
from rpmsg_cts.record import Record

LINKTYPE_USER0 = 147
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
BYTE_ORDER = 0x1A2B3C4D
OPTION_END, OPTION_NAME, OPTION_TSRESOL = 0, 2, 9
NANOSECONDS = b"\x09"
HEADER = struct.Struct("<IIIHH")
NS_NAME_BYTES = 32


@dataclass
class Message:
    """One message: who sent it, when, its header, and what is known of its payload."""

    sender: str
    ns: int
    header: bytes
    length: int
    payload: bytes = b""


def messages(records: Sequence[Record]) -> list[Message]:
    """Return: what both ends sent, in order; of an end that does not tell, what its peer has read."""
    writes = {end: any(entry.what == "header_write" and entry.end == end for entry in records) for end in ENDS}
    found: list[Message] = []
    last: dict[str, Message] = {}
    for entry in records:
        reader_of = ENDS[1 - ENDS.index(entry.end)]
        if entry.what == "header_write":
            found.append(_message(entry.end, entry))
            last[entry.end] = found[-1]
        elif entry.what == "header_read" and not writes[reader_of]:
            found.append(_message(reader_of, entry))
        elif entry.what in ("ns_write", "ns_name") and entry.end in last:
            _announce(last[entry.end], entry)
    return found


def _message(sender: str, entry: Record) -> Message:
    # events.def: src_dst is src << 32 | dst, rest is reserved << 32 | len << 16 | flags
    length = entry.c >> 16 & 0xFFFF
    header = HEADER.pack(entry.b >> 32, entry.b & 0xFFFFFFFF, entry.c >> 32, length, entry.c & 0xFFFF)
    return Message(sender, entry.ns, header, HEADER.size + length)


def _announce(message: Message, entry: Record) -> None:
    # Address and flags are told first, and come last in the message.
    if entry.what == "ns_write":
        message.payload = bytes(NS_NAME_BYTES) + struct.pack("<II", entry.a, entry.b)
    elif message.payload:
        data = bytearray(message.payload)
        data[entry.a:entry.a + 16] = struct.pack("<QQ", entry.b, entry.c)
        message.payload = bytes(data)


def encode(found: Iterable[Message]) -> bytes:
    """Return: the whole file."""
    return b"".join(_blocks(found))


def _blocks(found: Iterable[Message]) -> Iterator[bytes]:
    yield _block(SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1))
    for end, peer in zip(ENDS, reversed(ENDS), strict=True):
        options = _option(OPTION_NAME, f"{end} to {peer}".encode()) + _option(OPTION_TSRESOL, NANOSECONDS)
        yield _block(INTERFACE, struct.pack("<HHI", LINKTYPE_USER0, 0, 0) + options + _option(OPTION_END, b""))
    for message in found:
        data = (message.header + message.payload)[:message.length]
        yield _block(PACKET, struct.pack("<IIIII", ENDS.index(message.sender), message.ns >> 32,
                                         message.ns & 0xFFFFFFFF, len(data), message.length) + _padded(data))


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
