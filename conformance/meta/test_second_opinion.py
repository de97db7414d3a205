# SPDX-License-Identifier: BSD-3-Clause
"""Each golden vector goes through the decoder and back, and our own ends write the same bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rpmsg_cts import decode, native, vectors
from rpmsg_cts.decode import DecodeError
from rpmsg_cts.vectors import Vector

ROOT = Path(__file__).resolve().parents[2]
VECTORS = vectors.load(ROOT)
HEADER = decode.RPMSG_HEADER_BYTES


def message(vector: Vector) -> bytes:
    header, payload = decode.decode_message(vector.bytes, vector.order)
    return decode.encode_header(header, vector.order) + payload


def name_service(vector: Vector) -> bytes:
    header, payload = decode.decode_message(vector.bytes, vector.order)
    announcement = decode.decode_name_service(payload, vector.order)
    return decode.encode_header(header, vector.order) + decode.encode_name_service(
        announcement.raw_name, announcement.addr, announcement.flags, vector.order)


def vring(vector: Vector) -> bytes:
    num, align = vector.fields["num"], vector.fields["align"]
    return decode.encode_contiguous_vring(
        decode.decode_contiguous_vring(vector.bytes, num, align, vector.order), align, vector.order)


def resource_table(vector: Vector) -> bytes:
    return decode.encode_resource_table(decode.decode_resource_table(vector.bytes, vector.order).entries, vector.order)


def buffer_config(vector: Vector) -> bytes:
    config = decode.decode_buffer_config(vector.bytes, vector.order)
    return decode.encode_buffer_config(config.txbuf_size, config.rxbuf_size, vector.order)


def nuttx_config(vector: Vector) -> bytes:
    return decode.encode_nuttx_config(decode.decode_nuttx_config(vector.bytes, vector.order), vector.order)


def endpoint_info(vector: Vector) -> bytes:
    return decode.encode_endpoint_info(decode.decode_endpoint_info(vector.bytes, vector.order), vector.order)


THERE_AND_BACK: dict[str, Callable[[Vector], bytes]] = {
    function.__name__: function
    for function in (message, name_service, vring, resource_table, buffer_config, nuttx_config, endpoint_info)
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=lambda vector: vector.name)
def test_decoder_there_and_back(vector: Vector) -> None:
    """All 37: the same bytes again, or refused where the vector says so."""
    convert = THERE_AND_BACK[vector.kind]

    if vector.refuse:
        with pytest.raises(DecodeError):
            convert(vector)
    else:
        assert convert(vector) == vector.bytes


def test_none_is_left_out() -> None:
    """A vector that is new goes through as well, and these are all."""
    assert len(VECTORS) == 37
    assert {vector.kind for vector in VECTORS.values()} == set(THERE_AND_BACK)


def of_kind(*kinds: str) -> Any:
    """Parametrize a test over all vectors of these kinds."""
    chosen = [vector for vector in VECTORS.values() if vector.kind in kinds]
    return pytest.mark.parametrize("vector", chosen, ids=lambda vector: vector.name)


@of_kind("message", "name_service")
def test_our_ends_write_the_header(vector: Vector) -> None:
    """Both orders, also of announcements that nobody may act on."""
    ours, fields = native.simulated(), vector.fields
    wire = ours.ffi.new("uint8_t[16]")
    numbers = (fields[key] for key in ("src", "dst", "reserved", "len", "flags"))
    ours.lib.rps_codec_hdr(vector.order == "be", *numbers, wire)

    assert bytes(wire) == vector.bytes[:HEADER]


@of_kind("name_service")
def test_our_ends_write_the_announcement(vector: Vector) -> None:
    """As far as we would send it: a name that ends, and no flags but destroy."""
    ours, fields = native.simulated(), vector.fields
    name, flags = fields["name"], fields.get("ns_flags", 0)
    wire = ours.ffi.new("uint8_t[40]")
    ours.lib.rps_codec_ns(vector.order == "be", name.encode(), fields["addr"], bool(flags & 1), wire)
    sendable = len(name) < decode.NAME_BYTES and flags in (0, decode.NS_DESTROY)

    assert (bytes(wire) == vector.bytes[HEADER:]) is (sendable and not vector.refuse)
    assert bytes(wire)[:31] == vector.bytes[HEADER:][:31]


@of_kind("resource_table")
def test_our_parser_finds_the_device(vector: Vector) -> None:
    """At the offset that the decoder sees, in either order."""
    ours = native.simulated()
    table = decode.decode_resource_table(vector.bytes, vector.order)
    index = next(i for i, entry in enumerate(table.entries) if isinstance(entry, decode.VdevEntry))
    at = ours.ffi.new("uint32_t *")

    assert ours.lib.rps_codec_rsc_vdev(
        vector.order == "be", vector.bytes, len(vector.bytes), vector.fields["vdev"]["id"], at) == 0
    assert at[0] == table.offset[index] + 4


@of_kind("buffer_config")
def test_our_ends_write_the_buffer_sizes(vector: Vector) -> None:
    """The packed form; the padded one is none of ours."""
    ours, fields = native.simulated(), vector.fields
    wire = ours.ffi.new("uint8_t[11]")
    ours.lib.rps_codec_bufsz(vector.order == "be", fields["txbuf_size"], fields["rxbuf_size"], wire)

    assert (bytes(wire) == vector.bytes) is (vector.refuse is None)


ARRAY = re.compile(r"static const uint8_t (\w+)\[\] = \{(.*?)\};", re.DOTALL)
# Where the arrays of test_vring_vectors.c lie; all other bytes are 0.
PICTURES = {
    "V-RING-2-16": {"two_desc": 0},
    "V-RING-2-4": {"two_desc": 0},
    "V-RING-4-16": {"four": 0},
    "V-RING-4-4K": {"queued_desc": 0, "queued_avail": 64},
    "V-RING-2-4K": {"wrap_first": 0, "wrap_used": 4096},
}


def without_next(data: bytes, num: int) -> bytes:
    """`next` of a descriptor without the flag NEXT means nothing."""
    parts = bytearray(data)
    for i in range(num):
        parts[16 * i + 14 : 16 * i + 16] = bytes(2)
    return bytes(parts)


@of_kind("vring")
def test_rings_that_our_ends_draw(vector: Vector) -> None:
    """What sim/test/test_vring_vectors.c compares our ends with is the vector, byte for byte."""
    text = (ROOT / "sim" / "test" / "test_vring_vectors.c").read_text()
    arrays = {name: bytes(int(word, 0) for word in body.replace("\n", " ").split(",") if word.strip())
              for name, body in ARRAY.findall(text)}  # fmt: skip
    drawn = bytearray(len(vector.bytes))
    for name, offset in PICTURES[vector.id].items():
        piece = arrays[f"{name}_{vector.order}"]
        drawn[offset : offset + len(piece)] = piece

    assert f'"{vector.id}"' in text
    assert bytes(drawn) == without_next(vector.bytes, vector.fields["num"])
