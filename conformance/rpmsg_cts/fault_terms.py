# SPDX-License-Identifier: BSD-3-Clause
"""What the words of the table of faults come to on one link: values that land, and what may become of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rpmsg_cts import decode
from rpmsg_cts.faults import Fault
from rpmsg_cts.judge import expect

ORDERS: dict[str, Literal["big", "little"]] = {"be": "big", "le": "little"}
BEFORE = b"before the fault"  # what an end has had before, and must not get again


@dataclass(frozen=True)
class Ground:
    """What the words of the table refer to."""

    num: int
    buf_bytes: int
    memory_end: int = 0
    own: int = 0
    previous: int = 0


def changed(fault: Fault, ground: Ground, value: int) -> int:
    """Return: what lands where `value` should have."""
    by_how = {"SET": fault.value, "ADD": value + fault.value, "XOR": value ^ fault.value,
              "NUM": ground.num + fault.value, "JUMP": value + ground.num + fault.value,
              "BUF": ground.buf_bytes + fault.value, "END": ground.memory_end + fault.value, "SELF": ground.own,
              "PREVIOUS": ground.previous}
    return by_how[fault.how] & ((1 << 8 * fault.width) - 1)


def to_word(width: int, value: int, order: str) -> bytes:
    """Return: an integer as it lies in memory."""
    return value.to_bytes(width, ORDERS[order])


def of_word(raw: bytes, order: str) -> int:
    """Return: the integer that lies there."""
    return int.from_bytes(raw, ORDERS[order])


def write_field(raw: bytearray, record: int, fault: Fault, ground: Ground, order: str, value: int | None = None) -> None:
    """Put what a fault says in its place in the record that begins at `record`; `value` instead of the table's."""
    at, end = record + fault.at, record + fault.at + fault.width
    if fault.how == "FILL":
        raw[at:end] = bytes([fault.value if value is None else value & 0xFF]) * fault.width
        return
    lands = changed(fault, ground, of_word(raw[at:end], order)) if value is None else value
    raw[at:end] = to_word(fault.width, lands, order)


def is_about_names(fault: Fault) -> bool:
    """Whether the name service has to bear it."""
    return fault.field.startswith("ns.") or (fault.field, fault.value) == ("hdr.dst", decode.NS_ADDR)


def withdraws(fault: Fault) -> bool:
    """Whether it makes an announcement the end of what is announced."""
    return fault.field == "ns.flags" and bool(fault.value & 1)


def is_in_order(part: list[bytes], whole: list[bytes]) -> bool:
    """Whether `part` is `whole` with some left out."""
    rest = iter(whole)
    return all(item in rest for item in part)


def judge_content(fault: Fault, sent: list[bytes], heard: list[bytes], what: str) -> None:
    """Judge what reached the end that has to bear the fault; `sent` is without what the fault made bad."""
    if fault.content in ("EXACT", "DROPS"):
        expect(sent, heard, what)
    elif fault.content == "ANY":
        expect([], [text for text in heard if text not in (*sent, BEFORE)], f"{what}, and never sent")
    elif not is_in_order(heard, sent):
        expect(sent, heard, f"{what}, of which some may be missing")
