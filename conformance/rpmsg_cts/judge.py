# SPDX-License-Identifier: BSD-3-Clause
"""What a test says with: the requirement it judges, preconditions, and comparisons in one notation.

    @req("HDR-001")
    def test_header_is_sixteen_bytes(link):
        given(link.is_up(), "the link is up")
        link.send(b"x")

        expect(17, link.last_used_len(), "used.len of a one-byte message")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence, Set
from enum import Enum
from typing import NoReturn

import pytest

from rpmsg_cts.verdict import Inconclusive

# Longer byte strings are cut in the middle of a failure message; the trace has them whole.
MAX_DUMP_BYTES = 256
BYTES_PER_LINE = 16


Departure = tuple[str, str | int]


class Mismatch(AssertionError):
    """What expect() raises: the IUT did something else than required.

    departs: the switch and the value (fixtures/profiles/switches.toml) by which a profile may tolerate it.
    """

    def __init__(self, what: str, expected: str, observed: str, departs: Departure | None = None) -> None:
        self.what = what
        self.departs = departs
        self.expected = expected
        self.observed = observed
        super().__init__(f"{what}\n  expected  {_indent(expected)}\n  observed  {_indent(observed)}")


def req(*ids: str) -> pytest.MarkDecorator:
    """Mark a test with the requirements it judges, the most specific first; `link` takes its roles from the first."""
    return pytest.mark.req(*ids)


def role(*names: str) -> pytest.MarkDecorator:
    """Say which role a test of the library (`lib`, `sim_link`) stands for: "driver", "device" or both."""
    return pytest.mark.role(*names)


def expect(expected: object, observed: object, what: str, *, departs: Departure | None = None) -> None:
    """Judge: `observed` must equal `expected`, else the verdict is FAIL with both in the same notation.

    Lists and tuples with equal members are equal, and so are bytes, bytearray and memoryview.

    departs: what implementations are known that do otherwise, as a switch and its value; under a profile that tolerates
    it the verdict is WAIVED.
    """
    if not _same(expected, observed):
        raise Mismatch(what, describe(expected), describe(observed), departs)


def given(condition: object, why: str) -> None:
    """Require a precondition, named by `why`; without it the test cannot judge and the verdict is INCONC."""
    if not condition:
        raise Inconclusive(f"precondition does not hold: {why}")


def inconclusive(why: str) -> NoReturn:
    """End the test with INCONC: it ran, but the evidence does not allow a judgement."""
    raise Inconclusive(why)


def skip(why: str) -> NoReturn:
    """End the test with SKIP: not applicable here, or what it needs (name the package) is absent."""
    pytest.skip(why)


def describe(value: object) -> str:
    """Write a value in the notation of failure messages: integers in hex, bytes in hex and ASCII.

    Return: text, of several lines for long byte strings.
    """
    match value:
        case Enum():
            return str(value.name)
        case bool() | None:
            return str(value)
        case int():
            return hex(value)
        case bytes() | bytearray() | memoryview():
            return _describe_bytes(bytes(value))
        case str():
            return repr(value)
        case Mapping():
            return "{" + ", ".join(f"{describe(key)}: {describe(item)}" for key, item in value.items()) + "}"
        case Set():
            return "{" + ", ".join(sorted(describe(item) for item in value)) + "}"
        case Sequence():
            return "[" + ", ".join(describe(item) for item in value) + "]"
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = (f"{field.name}={describe(getattr(value, field.name))}" for field in dataclasses.fields(value))
            return f"{type(value).__name__}({', '.join(fields)})"
        case _:
            return repr(value)


def _same(expected: object, observed: object) -> bool:
    match expected, observed:
        case (bytes() | bytearray() | memoryview()), (bytes() | bytearray() | memoryview()):
            return bytes(expected) == bytes(observed)
        case (list() | tuple()), (list() | tuple()):
            return len(expected) == len(observed) and all(map(_same, expected, observed))
        case _:
            return bool(expected == observed)


def _describe_bytes(data: bytes) -> str:
    size = f"{len(data)} byte{'' if len(data) == 1 else 's'}"
    if not data:
        return size
    lines = [_dump_line(data[at:at + BYTES_PER_LINE]) for at in range(0, min(len(data), MAX_DUMP_BYTES), BYTES_PER_LINE)]
    if len(data) <= BYTES_PER_LINE:
        return f"{size}: {lines[0]}"
    dump = [f"{at * BYTES_PER_LINE:04x}  {line}" for at, line in enumerate(lines)]
    if len(data) > MAX_DUMP_BYTES:
        dump.append(f"... {len(data) - MAX_DUMP_BYTES} more")
    return "\n".join([f"{size}:", *dump])


def _dump_line(data: bytes) -> str:
    text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
    return f"{data.hex(' ')}  |{text}|"


def _indent(text: str) -> str:
    return text.replace("\n", "\n            ")
