# SPDX-License-Identifier: BSD-3-Clause
"""The golden vectors are read strictly, and the independent decoder reads in them what they mean."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpmsg_cts import decode, vectors
from rpmsg_cts.decode import DecodeError
from rpmsg_cts.strict_toml import CatalogueError
from rpmsg_cts.vectors import Vector

ROOT = Path(__file__).resolve().parents[2]
VECTORS = vectors.load(ROOT)
BOTH_ORDERS = """
V-HDR-1 V-HDR-2 V-HDR-3 V-HDR-4 V-NS-1 V-NS-2 V-RING-2-16 V-RING-2-4 V-RING-4-16 V-RING-4-4K V-RING-2-4K
V-RSC-1 V-RSC-2 V-RSC-3 V-CFG-1
""".split()
LITTLE_ONLY = "V-NS-3 V-NS-4 V-NS-5 V-NS-6 V-CFG-1-PADDED V-CFG-2 V-EPT-1".split()


def of_kind(*kinds: str) -> Any:
    """Parametrize a test over all vectors of these kinds."""
    chosen = [vector for vector in VECTORS.values() if vector.kind in kinds]
    return pytest.mark.parametrize("vector", chosen, ids=lambda vector: vector.name)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree of its own with the vector files, to be broken."""
    shutil.copytree(ROOT / "fixtures" / "vectors", tmp_path / "fixtures" / "vectors")
    return tmp_path


def test_all_vectors_are_there() -> None:
    """A lost vector would be a structure that nobody compares."""
    both = {f"{id}/{order}" for id in BOTH_ORDERS for order in ("le", "be")}

    assert set(VECTORS) == both | {f"{id}/le" for id in LITTLE_ONLY}
    assert (len(VECTORS.layout), len(VECTORS.need_event), len(VECTORS.ioctls)) == (40, 13, 6)


@of_kind("message")
def test_message(vector: Vector) -> None:
    """Header and payload, read and written."""
    header, payload = decode.decode_message(vector.bytes, vector.order)

    assert {**dataclasses.asdict(header), "payload": payload} == dict(vector.fields)
    assert decode.encode_header(header, vector.order) + payload == vector.bytes


@of_kind("name_service")
def test_name_service(vector: Vector) -> None:
    """Announcements, the malformed ones refused."""
    fields = vector.fields
    header, payload = decode.decode_message(vector.bytes, vector.order)

    assert dataclasses.asdict(header) == {key: fields[key] for key in ("src", "dst", "reserved", "len", "flags")}
    if vector.refuse:
        with pytest.raises(DecodeError):
            decode.decode_name_service(payload, vector.order)
        return
    announcement = decode.decode_name_service(payload, vector.order)
    assert announcement.raw_name == fields["name"].encode().ljust(32, b"\0")
    assert announcement.name == fields["name"][:31]
    assert (announcement.addr, announcement.flags) == (fields["addr"], fields["ns_flags"])
    raw = fields["name"].encode()
    assert decode.encode_name_service(raw, announcement.addr, announcement.flags, vector.order) == payload


@of_kind("name_service")
def test_malformed_announcement_is_what_it_says(vector: Vector) -> None:
    """The wrong length is the only thing wrong: cut or filled to 40 bytes the rest is an announcement."""
    fields = vector.fields
    payload = vector.bytes[16:]
    trailing = bytes.fromhex(fields.get("trailing_hex", ""))

    assert payload.endswith(trailing)
    repaired = payload[: len(payload) - len(trailing)].ljust(40, b"\0")
    announcement = decode.decode_name_service(repaired, vector.order)
    assert (announcement.name, announcement.addr) == (fields["name"][:31], fields["addr"])
    assert announcement.flags == fields.get("ns_flags", 0)
    assert (vector.refuse is None) is (len(payload) == 40)


@of_kind("vring")
def test_vring(vector: Vector) -> None:
    """Every descriptor and both rings, read and written."""
    num, align = vector.fields["num"], vector.fields["align"]
    vring = decode.decode_contiguous_vring(vector.bytes, num, align, vector.order)

    expected = {key: vector.fields[key] for key in ("desc", "avail", "used")}
    assert _plain(dataclasses.asdict(vring)) == _plain(expected)
    assert decode.encode_contiguous_vring(vring, align, vector.order) == vector.bytes


@of_kind("vring")
def test_vring_buffers_have_the_direction_of_their_queue(vector: Vector) -> None:
    """WRITE on vq0 and not on vq1, for every descriptor in use."""
    write = {0: 2, 1: 0}[vector.fields["queue"]]

    assert {d["flags"] for d in vector.fields["desc"] if d["len"]} == {write}


@of_kind("resource_table")
def test_resource_table(vector: Vector) -> None:
    """Header, vdev with its vrings, and trace entry."""
    fields = vector.fields
    table = decode.decode_resource_table(vector.bytes, vector.order)
    by_type = {type(entry): entry for entry in table.entries}
    vdev = dataclasses.asdict(by_type[decode.VdevEntry])

    assert (table.ver, len(table.entries), table.reserved, table.offset) == (
        fields["ver"],
        fields["num"],
        fields["reserved"],
        fields["offset"],
    )
    assert vdev.pop("config") == b""
    assert _plain(vdev) == _plain(fields["vdev"])
    assert (decode.TraceEntry in by_type) is ("trace" in fields)
    if "trace" in fields:
        trace = by_type[decode.TraceEntry]
        assert (trace.da, trace.len, trace.reserved) == tuple(fields["trace"][key] for key in ("da", "len", "reserved"))
        assert trace.raw_name == fields["trace"]["name"].encode().ljust(32, b"\0")
    assert decode.encode_resource_table(table.entries, vector.order) == vector.bytes


@pytest.mark.parametrize("order", ["le", "be"])
def test_field_offsets(order: str) -> None:
    """A byte changed at the offset of a field changes that field, and no other."""
    vector = VECTORS.vector("V-RSC-1", order)
    before = _flat(dataclasses.asdict(decode.decode_resource_table(vector.bytes, order)))
    judged = {name: at for name, at in vector.field_offsets.items() if name.startswith(("vdev.", "vring"))}
    refused = ("vdev.num_of_vrings", "vdev.config_len", "vdev.reserved")

    assert len(vector.field_offsets) == 23
    for name, at in judged.items():
        if name in refused:  # these make the table inconsistent: the decoder says so
            with pytest.raises(DecodeError):
                decode.decode_resource_table(_flipped(vector.bytes, at), order)
            continue
        after = _flat(dataclasses.asdict(decode.decode_resource_table(_flipped(vector.bytes, at), order)))
        changed = {key for key in before if before[key] != after[key]}
        assert changed == {"entries[0]." + name.removeprefix("vdev.")}


def test_buffer_config() -> None:
    """The packed form in both orders; natural alignment is refused."""
    for order in ("le", "be"):
        vector = VECTORS.vector("V-CFG-1", order)
        config = decode.decode_buffer_config(vector.bytes, order)
        assert dataclasses.asdict(config) == dict(vector.fields)
        assert decode.encode_buffer_config(config.txbuf_size, config.rxbuf_size, order) == vector.bytes

    padded = VECTORS.vector("V-CFG-1-PADDED")
    assert padded.refuse
    with pytest.raises(DecodeError):
        decode.decode_buffer_config(padded.bytes, "le")


def test_nuttx_config() -> None:
    """The 64-byte configuration of NuttX."""
    vector = VECTORS.vector("V-CFG-2")

    assert dataclasses.asdict(decode.decode_nuttx_config(vector.bytes, "le")) == dict(vector.fields)


def test_endpoint_info() -> None:
    """The structure of the ioctls."""
    vector = VECTORS.vector("V-EPT-1")
    info = decode.decode_endpoint_info(vector.bytes, "le")

    assert dataclasses.asdict(info) == dict(vector.fields)
    assert decode.encode_endpoint_info(info, "le") == vector.bytes


def test_ioctl_numbers_follow_the_generic_encoding() -> None:
    """Direction, size, type 0xb5 and a running number."""
    encoded = {
        "RPMSG_CREATE_EPT_IOCTL": (1, 40, 1),
        "RPMSG_DESTROY_EPT_IOCTL": (0, 0, 2),
        "RPMSG_CREATE_DEV_IOCTL": (1, 40, 3),
        "RPMSG_RELEASE_DEV_IOCTL": (1, 40, 4),
        "RPMSG_GET_OUTGOING_FLOWCONTROL": (2, 4, 5),
        "RPMSG_SET_INCOMING_FLOWCONTROL": (2, 4, 6),
    }

    numbers = {name: direction << 30 | size << 16 | 0xB5 << 8 | nr for name, (direction, size, nr) in encoded.items()}
    assert {name: ioctl.number for name, ioctl in VECTORS.ioctls.items()} == numbers


@pytest.mark.parametrize("row", VECTORS.layout, ids=lambda row: f"n{row.num}-align{row.align}")
def test_layout_row(row: vectors.LayoutRow) -> None:
    """The formula gives the table, and rpmsg-lite's formula its column."""
    expected = dataclasses.asdict(row)
    rpmsg_lite_used = expected.pop("rpmsg_lite_used")

    assert dataclasses.asdict(decode.vring_layout(row.num, row.align)) == expected
    assert decode.round_up(16 * row.num + 4 + 2 * row.num, row.align) == rpmsg_lite_used


def test_layout_covers_all_pairs() -> None:
    """Eight sizes by five alignments."""
    pairs = {(row.num, row.align) for row in VECTORS.layout}

    assert pairs == {(num, align) for num in (1, 2, 4, 8, 16, 32, 256, 512) for align in (4, 8, 16, 64, 4096)}


@pytest.mark.parametrize("row", VECTORS.need_event, ids=lambda row: f"{row.event:04x}-{row.new:04x}-{row.old:04x}")
def test_need_event_row(row: vectors.NeedEventRow) -> None:
    """The truth table."""
    assert decode.need_event(row.event, row.new, row.old) is row.notify


@pytest.mark.parametrize("id", BOTH_ORDERS)
def test_orders_mean_the_same(id: str) -> None:
    """Both orders are one vector: same fields, same length, other bytes."""
    little, big = VECTORS.vector(id, "le"), VECTORS.vector(id, "be")

    assert little.fields is big.fields
    assert len(little.bytes) == len(big.bytes)
    assert little.bytes != big.bytes


@given(st.binary(max_size=70) | st.integers(0, 200).map(bytes))
def test_hexdump_comes_back(data: bytes) -> None:
    """The notation loses nothing."""
    assert vectors.parse_hexdump(vectors.hexdump(data)) == data


def test_hexdump_repeats_with_a_star() -> None:
    """Repeated rows are left out once, as hexdump -C does."""
    text = vectors.hexdump(bytes(64) + b"\x01A")

    assert text.splitlines() == [
        "00000000  00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  |................|",
        "*",
        "00000040  01 41                                            |.A|",
        "00000042",
    ]


ROW = "00000000  00 04 00 00 01 04 00 00 00 00 00 00 0c 00 00 00  |................|"
HELLO = "00000010  68 65 6c 6c 6f 20 77 6f 72 6c 64 21              |hello world!|"
HEADER = "fixtures/vectors/header.toml"
WIRE = "[[vector]] V-HDR-1 [[wire]] le"
FIELDS = "[[vector]] V-HDR-1 [fields]"
BROKEN = {
    "text-column": ("header.toml", HELLO, HELLO.replace("|hello", "|hallo"), f"{HEADER}:21: {WIRE}: 'hex': "),
    "bad-digit": ("header.toml", HELLO, HELLO.replace("68 65", "6g 65"), f"{HEADER}:21: {WIRE}: 'hex': "),
    "bad-offset": ("header.toml", HELLO, HELLO.replace("00000010", "00000011"), "does not follow byte 0x10"),
    "far-offset": ("header.toml", HELLO, HELLO.replace("00000010", "70000010"), "does not follow byte 0x10"),
    "gap": ("header.toml", HELLO, HELLO.replace("00000010", "00000020"), f"{HEADER}:21: {WIRE}: 'hex': "),
    "no-last-line": ("header.toml", "0000001c\n", "", "the last line, 0000001c, is missing"),
    "wrong-last-line": ("header.toml", "0000001c\n", "0000001d\n", "'hex': '0000001d' does not follow byte 0x1c"),
    "no-dump": ("header.toml", f"{ROW}\n{HELLO}\n0000001c\n", "", "the last line, 00000000, is missing"),
    "length": ("header.toml", "length = 28", "length = 29", f"{HEADER}:21: {WIRE}: 28 bytes, but 'length' is 29"),
    "crc": ("header.toml", "0x780d2709", "0x780d2708", "CRC-32 of the bytes is 0x780d2709, but 'crc32' is 0x780d2708"),
    "no-crc": ("header.toml", "crc32 = 0x780d2709\n", "", "[[wire]] le: missing key 'crc32'"),
    "order": ("header.toml", 'order = "le"', 'order = "native"', "'order' cannot be 'native': it is 'le' or 'be'"),
    "same-order": ("header.toml", 'order = "be"', 'order = "le"', "'V-HDR-1/le' is already at fixtures/vectors/header"),
    "same-id": ("header.toml", '"V-HDR-2"', '"V-HDR-1"', "'V-HDR-1/le' is already at fixtures/vectors/header.toml:19"),
    "kind": ("header.toml", '"message"', '"massage"', "V-HDR-1: 'kind' cannot be 'massage': it is 'message'"),
    "field": ("header.toml", "src = ", "scr = ", f"{HEADER}:12: {FIELDS}: unknown key 'scr' (did you mean 'src'?)"),
    "no-field": ("header.toml", "dst = 0x401\n", "", f"{HEADER}:11: {FIELDS}: missing key 'dst'"),
    "field-type": ("header.toml", "len = 12", 'len = "12"', f"{HEADER}:15: {FIELDS}: 'len' must be an integer"),
    "payload-twice": ("header.toml", "len = 12", 'len = 12\npayload_hex = ""', "exactly one of 'payload', 'payload_"),
    "payload-hex": ("header.toml", "de ad be ef", "de ad be e", "[fields]: 'payload_hex' is not hex"),
    "unknown-key": ("header.toml", "length = 28", "size = 28", "[[vector]] V-HDR-1: unknown key 'size'"),
    "unknown-table": ("uapi.toml", "[[vector]]\n", "[[vektor]]\n", "unknown key 'vektor' (did you mean 'vector'?)"),
    "nested-field": (
        "vring.toml",
        "{ id = 0, len = 0 }",
        "{ id = 0, length = 0 }",
        "vring.toml:30: [[vector]] V-RING-2-16 [fields] [used] [[ring]] number 1: unknown key 'length' "
        "(did you mean 'len'?)",
    ),
    "queue": ("vring.toml", "queue = 1", "queue = 2", "V-RING-4-4K [fields]: 'queue' cannot be 2: it is 0 or 1"),
    "layout-column": ("layout.toml", '"num"', '"n"', "fixtures/vectors/layout.toml:6: 'columns' must be num, align"),
    "layout-row": ("layout.toml", "0,    16,    18", "0,    18", "layout.toml:23: 'rows' number 1 has 13 values, not"),
    "layout-text": ("layout.toml", "0,    16", '0,  "16"', "layout.toml:22: 'rows' must be a list of lists of int"),
    "event": ("need_event.toml", "notify = true", "notify = 1", "need_event.toml:5: [[row]] number 1: 'notify' must"),
    "ioctl": ("uapi.toml", "number = 0x4028b501\n", "", "uapi.toml:5: [[ioctl]] RPMSG_CREATE_EPT_IOCTL: missing key"),
}


@pytest.mark.parametrize(("name", "old", "new", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_vector_is_refused(copy: Path, name: str, old: str, new: str, message: str) -> None:
    """A golden byte that was edited by mistake must not become the new truth."""
    path = copy / "fixtures" / "vectors" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(CatalogueError) as caught:
        vectors.load(copy)

    assert message in str(caught.value)


def test_unknown_vector_names_its_neighbours() -> None:
    """A misspelled id costs one look."""
    with pytest.raises(CatalogueError, match=r"^unknown vector 'V-HRD-1/le' \(did you mean 'V-HDR-1/le'"):
        VECTORS.vector("V-HRD-1")


def _plain(value: Any) -> Any:
    """Without the difference between lists, tuples and read-only mappings."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested fields by name: "entries[0].vring[1].da"."""
    if isinstance(value, Mapping):
        parts = {f"{name}.{key}".lstrip("."): item for key, item in value.items()}
    elif isinstance(value, (list, tuple)):
        parts = {f"{name}[{index}]": item for index, item in enumerate(value)}
    else:
        return {name: value}
    return {key: leaf for part, item in parts.items() for key, leaf in _flat(item, part).items()}


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :]
