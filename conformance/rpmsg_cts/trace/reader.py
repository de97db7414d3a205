# SPDX-License-Identifier: BSD-3-Clause
"""A recorded trace, read back into the records it was written from."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rpmsg_cts import record
from rpmsg_cts.record import Record
from rpmsg_cts.trace.tools import missing_to_read, require

PROVIDER = "rps:"
MARK, MARK_FIELD = "mark", "text"
METADATA = "metadata"
# A packet of metadata: magic, UUID of the trace, checksum, bits of content, bits in all, and five bytes of versions.
PACKET = struct.Struct("=I16sIII5B")
PACKET_MAGIC = 0x75D11D57
TIMEOUT_S = 120.0


class BadTrace(Exception):
    """This is no trace of ours; the message says what is wrong with it."""


@dataclass
class Trace:
    """What a trace says from its last mark on.

    begins: the text of that mark.  lost: what is known to be missing, in words; a judgement of what is there would be
    one of something else.
    """

    records: list[Record] = field(default_factory=list)
    begins: str = ""
    lost: list[str] = field(default_factory=list)

    @property
    def accesses(self) -> bool:
        """Whether it has each access to memory, or events alone."""
        return any(entry.kind != record.EVENT for entry in self.records)


def read(folder: Path) -> Trace:
    """Read a trace: the folder that has its metadata, or one above it.

    Absent where the reader is not installed; BadTrace for what is no trace of ours.
    """
    require(missing_to_read(), "traces cannot be read")
    found = sorted(folder.rglob(METADATA)) if folder.is_dir() else []
    if len(found) != 1:
        raise BadTrace(f"{folder}: {'no trace' if not found else f'{len(found)} traces'} there; name the folder of one")
    _check_metadata(found[0])
    trace = Trace()
    ended = False
    for what, *words in _lines(found[0].parent):
        match what:
            case "event":
                _take_event(trace, *words, folder)
            case "lost":
                trace.lost.append(words[0])
            case "end":
                ended = True
    if not ended:
        raise BadTrace(f"{folder}: it breaks off")
    if not trace.begins:
        trace.lost.append("the beginning is not there; a test may have written more than the recorder keeps")
    return trace


def _check_metadata(path: Path) -> None:
    """Refuse metadata whose last packet is not whole: the reader would look for its end for ever."""
    data = path.read_bytes()
    at = 0
    while at < len(data):
        if len(data) - at < PACKET.size:
            raise BadTrace(f"{path}: the last packet is torn off")
        magic, _, _, content_bits, packet_bits, *_ = PACKET.unpack_from(data, at)
        if magic != PACKET_MAGIC:
            raise BadTrace(f"{path}: no metadata of a trace of this machine's byte order")
        if not PACKET.size * 8 <= content_bits <= packet_bits <= (len(data) - at) * 8:
            raise BadTrace(f"{path}: the packet at {at} is torn off, or its size is wrong")
        at += packet_bits // 8


def _lines(folder: Path) -> Iterator[list[Any]]:
    """What ctf.py prints of a trace; BadTrace where it cannot."""
    try:
        done = subprocess.run([sys.executable, ctf_program(), str(folder)], capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BadTrace(f"{folder}: babeltrace2 does not come to its end within {TIMEOUT_S:.0f} s") from error
    if done.returncode < 0:
        raise BadTrace(f"{folder}: babeltrace2 broke down over it ({signal.Signals(-done.returncode).name})")
    if done.returncode:
        causes = done.stderr.strip().splitlines() or ["it does not say why"]
        raise BadTrace(f"{folder}: babeltrace2 cannot read it: {causes[-1].strip()}")
    yield from map(json.loads, done.stdout.splitlines())


def ctf_program() -> Path:
    """The program that reads CTF."""
    return Path(__file__).with_name("ctf.py")


def _take_event(trace: Trace, full_name: str, ns: int, fields: dict[str, Any], folder: Path) -> None:
    if not full_name.startswith(PROVIDER):
        return  # Somebody else's, who is traced in the same session.
    name = full_name.removeprefix(PROVIDER)
    try:
        if name == MARK:
            trace.begins = fields[MARK_FIELD]
            trace.records.clear()
        else:
            trace.records.append(_record(name, ns, fields))
    except (KeyError, ValueError) as error:
        raise BadTrace(f"{folder}: event {full_name} is not as this version writes it ({error})") from error


def _record(name: str, ns: int, fields: dict[str, Any]) -> Record:
    common = {"step": fields["step"], "end": fields["end"], "ns": ns}
    if name == record.FENCE:
        return Record(kind=name, what=name, **common)
    if name in record.KINDS:
        value = "digest" if name in record.COPIES else "value"
        return Record(kind=name, what=fields["seam"], a=fields["addr"], b=fields[value], c=fields["len"], **common)
    operands = (fields[operand] for operand in record.operands(name))
    return Record(kind=record.EVENT, what=name, **dict(zip("abc", operands, strict=False)), **common)
