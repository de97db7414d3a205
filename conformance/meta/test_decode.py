# SPDX-License-Identifier: BSD-3-Clause
"""The independent decoder: it inverts itself, and takes no liberties with bad bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpmsg_cts import decode
from rpmsg_cts.decode import DecodeError

ORDERS = st.sampled_from(["le", "be"])
U8, U16, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
NUMS = st.sampled_from([1, 2, 4, 8, 16])
ALIGNS = st.sampled_from([4, 8, 16, 64, 4096])
NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=31)
DESCRIPTORS = st.builds(decode.Descriptor, U64, U32, U16, U16)
USED_ELEMENTS = st.builds(decode.UsedElement, U32, U32)


@st.composite
def vrings(draw: st.DrawFn) -> decode.Vring:
    """Any content of a vring, sensible or not."""
    num = draw(NUMS)
    return decode.Vring(
        tuple(draw(DESCRIPTORS) for _ in range(num)),
        decode.Avail(draw(U16), draw(U16), tuple(draw(U16) for _ in range(num)), draw(U16)),
        decode.Used(draw(U16), draw(U16), tuple(draw(USED_ELEMENTS) for _ in range(num)), draw(U16)),
    )


@st.composite
def vdevs(draw: st.DrawFn) -> decode.VdevEntry:
    """A vdev whose counts fit what follows."""
    vring = tuple(draw(st.lists(st.builds(decode.VringEntry, U32, U32, U32, U32, U32), max_size=4)))
    config = draw(st.binary(max_size=32))
    words = [draw(U32) for _ in range(4)]
    return decode.VdevEntry(*words, len(config), draw(U8), len(vring), (0, 0), vring, config)


TRACES = st.builds(decode.TraceEntry, U32, U32, U32, st.binary(min_size=32, max_size=32))
OTHERS = st.builds(
    decode.OtherEntry, U32.filter(lambda kind: kind not in (2, 3)), st.binary(max_size=40)
)


@given(vrings(), ALIGNS, ORDERS)
def test_vring_comes_back(vring: decode.Vring, align: int, order: str) -> None:
    """What the encoder writes, the decoder reads."""
    num = len(vring.desc)
    data = decode.encode_contiguous_vring(vring, align, order)

    assert len(data) == decode.vring_layout(num, align).total
    assert decode.decode_contiguous_vring(data, num, align, order) == vring


@given(vrings(), st.integers(0, 3), ORDERS)
def test_vring_in_three_places_comes_back(vring: decode.Vring, gap: int, order: str) -> None:
    """The modern layout puts the parts anywhere, also in another order."""
    num = len(vring.desc)
    parts = {
        "used": decode.encode_used(vring.used, order),
        "desc": decode.encode_descriptors(vring.desc, order),
        "avail": decode.encode_avail(vring.avail, order),
    }
    data, offsets = b"", {}
    for name, part in parts.items():
        offsets[name] = len(data)
        data += part + bytes(gap)

    assert decode.decode_vring_parts(parts["desc"], parts["avail"], parts["used"], num, order) == vring
    assert decode.decode_vring(data, num, order, **offsets) == vring


@given(vrings(), ORDERS, st.data())
def test_cut_vring_is_an_error(vring: decode.Vring, order: str, data: st.DataObject) -> None:
    """No part of a ring is invented when memory ends."""
    whole = decode.encode_contiguous_vring(vring, 4, order)
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(DecodeError):
        decode.decode_contiguous_vring(whole[:cut], len(vring.desc), 4, order)


@given(U32, U32, st.binary(max_size=600), U32, U16, ORDERS, st.binary(max_size=8))
def test_message_comes_back(
    src: int, dst: int, payload: bytes, reserved: int, flags: int, order: str, behind: bytes
) -> None:
    """A message decodes from its buffer, whatever lies behind it."""
    data = decode.encode_message(src, dst, payload, order, reserved=reserved, flags=flags)

    assert decode.decode_message(data + behind, order) == (
        decode.Header(src, dst, reserved, len(payload), flags),
        payload,
    )


@given(st.binary(max_size=80), ORDERS)
def test_any_bytes_can_be_described(data: bytes, order: str) -> None:
    """A failure message is written about the strangest bytes, and stays on one line."""
    text = decode.describe_message(data, order)

    assert "\n" not in text
    assert len(text) < 250


@given(NAMES, U32, U32, ORDERS)
def test_announcement_comes_back(name: str, addr: int, flags: int, order: str) -> None:
    """Names up to 31 characters survive."""
    decoded = decode.decode_name_service(decode.encode_name_service(name, addr, flags, order), order)

    assert (decoded.name, decoded.addr, decoded.flags) == (name, addr, flags)
    assert decoded.destroys is bool(flags & 1)
    assert decoded.raw_name == name.encode().ljust(32, b"\0")


@given(st.lists(st.one_of(vdevs(), TRACES, OTHERS), max_size=4), ORDERS)
def test_resource_table_comes_back(entries: list[decode.Entry], order: str) -> None:
    """Entries in any order and of any type."""
    table = decode.decode_resource_table(decode.encode_resource_table(tuple(entries), order), order)

    assert table.entries == tuple(entries)
    assert len(table.offset) == len(entries)


@given(st.integers(16, 0xFFFFFFFF), st.integers(16, 0xFFFFFFFF), ORDERS)
def test_buffer_config_comes_back(txbuf: int, rxbuf: int, order: str) -> None:
    """The packed form."""
    data = decode.encode_buffer_config(txbuf, rxbuf, order)

    assert decode.decode_buffer_config(data, order) == decode.BufferConfig(1, 11, txbuf, rxbuf)


@given(st.builds(decode.EndpointInfo, NAMES, U32, U32), ORDERS)
def test_endpoint_info_comes_back(info: decode.EndpointInfo, order: str) -> None:
    """The structure of the ioctls."""
    assert decode.decode_endpoint_info(decode.encode_endpoint_info(info, order), order) == info


@given(U16, st.integers(0, 0xFFFF), U16)
def test_need_event_is_a_window(old: int, count: int, event: int) -> None:
    """Notified exactly if `event` is one of the `count` indices that were passed, counted one by one."""
    new = (old + count) & 0xFFFF
    passed = (event - old) & 0xFFFF

    assert decode.need_event(event, new, old) is (passed < count)


@given(st.integers(0, 14), ALIGNS)
def test_layout_leaves_no_overlap(power: int, align: int) -> None:
    """The parts follow each other and keep their alignment."""
    layout = decode.vring_layout(1 << power, align)

    assert layout.used_event + 2 <= layout.used_flags < layout.used_event + 2 + align
    assert layout.used_flags % align == 0
    assert layout.total <= layout.legacy_total
    assert (layout.legacy_total - layout.used_flags) % align == 0


@pytest.mark.parametrize(
    ("num", "align", "message"),
    [
        (0, 4, "queue size 0 is not a power of two from 1 to 32768"),
        (3, 4, "queue size 3 is not a power of two from 1 to 32768"),
        (65536, 4, "queue size 65536 is not a power of two from 1 to 32768"),
        (4, 0, "alignment 0 is below the 4 bytes of the used ring"),
        (4, 2, "alignment 2 is below the 4 bytes of the used ring"),
        (4, 24, "alignment 24 is not a power of two"),
    ],
)
def test_impossible_layout_is_refused(num: int, align: int, message: str) -> None:
    """A layout for such numbers would be one more opinion."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        decode.vring_layout(num, align)


def test_cut_payload_is_an_error() -> None:
    """A length that promises more than there is, is never filled up."""
    data = decode.encode_message(1, 2, b"hello", "le")

    with pytest.raises(DecodeError, match="len is 5, but only 4 bytes follow the header"):
        decode.decode_message(data[:-1], "le")
    with pytest.raises(DecodeError, match="16 bytes needed at offset 0, but the data ends at 15"):
        decode.decode_message(data[:15], "le")


@pytest.mark.parametrize("length", [0, 36, 39, 41, 44])
def test_announcement_has_40_bytes(length: int) -> None:
    """Shorter or longer is no announcement."""
    with pytest.raises(DecodeError, match=f"an announcement has 40 bytes, not {length}"):
        decode.decode_name_service(bytes(length), "le")


def test_name_without_terminator_has_31_characters() -> None:
    """The last byte of an unterminated name is not used."""
    raw = decode.encode_name_service(b"A" * 31 + b"Z", 0x41414141, 0, "le")

    assert decode.decode_name_service(raw, "le").name == "A" * 31


@pytest.mark.parametrize("name", ["a" * 32, b"a" * 33], ids=["text", "bytes"])
def test_name_that_does_not_fit_is_refused(name: str | bytes) -> None:
    """The encoder cuts nothing off silently."""
    with pytest.raises(ValueError, match="has"):
        decode.encode_name_service(name, 0, 0, "le")


VDEV = decode.VdevEntry(7, 0, 1, 0, 2, 0, 1, (0, 0), (decode.VringEntry(0, 16, 8, 0, 0),), b"\1\2")


def test_cut_resource_table_is_an_error() -> None:
    """Every byte of header, vrings and config space is needed."""
    table = decode.encode_resource_table((VDEV,), "le")

    for cut in range(len(table)):
        with pytest.raises(DecodeError):
            decode.decode_resource_table(table[:cut], "le")


@pytest.mark.parametrize(
    ("offset", "message"),
    [
        (0, "resource table of version 0x2"),
        (8, "reserved words of the resource table are not 0"),
        (12, "reserved words of the resource table are not 0"),
        (46, "reserved bytes of the vdev are not 0"),
        (47, "reserved bytes of the vdev are not 0"),
    ],
)
def test_malformed_resource_table_is_refused(offset: int, message: str) -> None:
    """Version and reserved words, as the documents ask of a parser."""
    table = bytearray(decode.encode_resource_table((VDEV,), "le"))
    table[offset] = 2

    with pytest.raises(DecodeError, match=message):
        decode.decode_resource_table(bytes(table), "le")


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, 2, "buffer config of version 2 with 11 bytes"),
        (1, 12, "buffer config of version 1 with 12 bytes"),
        (3, 15, "a buffer is smaller than the message header"),
        (7, 15, "a buffer is smaller than the message header"),
    ],
)
def test_malformed_buffer_config_is_refused(offset: int, value: int, message: str) -> None:
    """Version, size and smallest buffer are checked."""
    config = bytearray(decode.encode_buffer_config(16, 16, "le"))
    config[offset] = value

    with pytest.raises(DecodeError, match=message):
        decode.decode_buffer_config(bytes(config), "le")


HELLO = decode.encode_message(0x400, 0x401, b"hello world!", "le")
DESCRIPTIONS = {
    "text": (HELLO, "src 0x400 dst 0x401 len 12 flags 0x0 payload 68 65 6c 6c 6f 20 77 6f 72 6c 64 21 'hello world!'"),
    "empty": (decode.encode_message(1, 2, b"", "le"), "src 0x1 dst 0x2 len 0 flags 0x0 payload none"),
    "reserved": (
        decode.encode_message(1, 2, b"\xff", "le", reserved=9, flags=0xABCD),
        "src 0x1 dst 0x2 len 1 flags 0xabcd reserved 0x9 payload ff",
    ),
    "long-text": (
        decode.encode_message(1, 2, b"x" * 40, "le"),
        f"src 0x1 dst 0x2 len 40 flags 0x0 payload {'78 ' * 16}… (40 bytes) '{'x' * 32}…'",
    ),
    "long-bytes": (
        decode.encode_message(1, 2, bytes(496), "le"),
        f"src 0x1 dst 0x2 len 496 flags 0x0 payload {'00 ' * 16}… (496 bytes)",
    ),
    "cut": (HELLO[:18], "src 0x400 dst 0x401 len 12 flags 0x0 (only 2 bytes follow) payload 68 65 'he'"),
    "behind": (
        decode.encode_message(1, 2, b"ab", "le") + b"secret",
        "src 0x1 dst 0x2 len 2 flags 0x0 payload 61 62 'ab'",
    ),
    "no-header": (b"\1\2\3", "no message, only 3 bytes: 01 02 03"),
    "nothing": (b"", "no message, only 0 bytes: none"),
    "create": (
        decode.encode_message(0, 53, decode.encode_name_service("echo", 0x401, 0, "le"), "le"),
        "src 0x0 dst 0x35 len 40 flags 0x0 CREATE 'echo' at 0x401",
    ),
    "destroy": (
        decode.encode_message(0, 53, decode.encode_name_service("echo", 0x401, 1, "le"), "le"),
        "src 0x0 dst 0x35 len 40 flags 0x0 DESTROY 'echo' at 0x401",
    ),
    "create-ack": (
        decode.encode_message(0, 53, decode.encode_name_service(b"\xffecho", 0x401, 2, "le"), "le"),
        "src 0x0 dst 0x35 len 40 flags 0x0 CREATE '\\xffecho' at 0x401 ns.flags 0x2",
    ),
}


@pytest.mark.parametrize(("data", "text"), DESCRIPTIONS.values(), ids=DESCRIPTIONS)
def test_description(data: bytes, text: str) -> None:
    """Failure messages show a message as a reader thinks of it."""
    assert decode.describe_message(data, "le") == text
