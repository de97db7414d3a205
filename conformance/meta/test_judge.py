# SPDX-License-Identifier: BSD-3-Clause
"""What expect() accepts, and in which notation it says that it does not."""

from dataclasses import dataclass
from enum import IntEnum

import pytest

from rpmsg_cts.judge import Mismatch, describe, expect, given, inconclusive
from rpmsg_cts.verdict import Inconclusive


class Colour(IntEnum):
    """Something with names."""

    RED = 1


@dataclass(frozen=True)
class Header:
    """Something with fields."""

    src: int
    name: bytes


@pytest.mark.parametrize("value, text", [
    (0, "0x0"),
    (-1, "-0x1"),
    (True, "True"),
    (None, "None"),
    (Colour.RED, "RED"),
    ("a\n", "'a\\n'"),
    (b"", "0 bytes"),
    (b"a\x00", "2 bytes: 61 00  |a.|"),
    ([1, (2, b"x")], "[0x1, [0x2, 1 byte: 78  |x|]]"),
    ({3, 1}, "{0x1, 0x3}"),
    ({"idx": 16}, "{'idx': 0x10}"),
    (Header(53, b"x"), "Header(src=0x35, name=1 byte: 78  |x|)"),
], ids=repr)
def test_values_have_one_notation(value, text):
    """Expected and observed are compared by eye."""
    assert describe(value) == text


def test_long_bytes_become_a_dump_with_offsets():
    """The offset is what one looks for."""
    lines = describe(bytes(range(256)) * 2).split("\n")

    assert lines[0] == "512 bytes:"
    assert lines[1] == "0000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f  |................|"
    assert lines[-1] == "... 256 more"


@pytest.mark.parametrize("expected, observed", [
    (b"ab", bytearray(b"ab")),
    (b"ab", memoryview(b"ab")),
    ([1, 2], (1, 2)),
    ([[1], b"x"], ((1,), bytearray(b"x"))),
    (1, Colour.RED),
])
def test_equal_things_are_equal(expected, observed):
    """How a value came to us is no property of the implementation."""
    expect(expected, observed, "value")


@pytest.mark.parametrize("expected, observed", [(b"ab", "ab"), ([1], [1, 2]), (b"a", b"b"), ([1], {1})])
def test_unequal_things_are_a_mismatch(expected, observed):
    """The message carries all three parts apart, for the report, and together, for pytest."""
    with pytest.raises(Mismatch) as caught:
        expect(expected, observed, "value")

    assert (caught.value.what, caught.value.expected) == ("value", describe(expected))
    assert caught.value.observed == describe(observed)
    assert str(caught.value) == f"value\n  expected  {describe(expected)}\n  observed  {describe(observed)}"


def test_a_precondition_that_fails_is_inconclusive():
    """It says nothing about the implementation."""
    given(True, "never said")
    with pytest.raises(Inconclusive, match="the fault reached the ring"):
        given(0, "the fault reached the ring")
    with pytest.raises(Inconclusive, match="why"):
        inconclusive("why")
