# SPDX-License-Identifier: BSD-3-Clause
"""The golden vectors: bytes as they lie in memory, with what they mean, and the tables of layouts and events."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rpmsg_cts.strict_toml import (
    BOOLEAN,
    INTEGER,
    INTEGERS,
    ROWS,
    TABLE,
    TABLES,
    TEXT,
    TEXTS,
    CatalogueError,
    Document,
    Key,
    Shape,
    Table,
    did_you_mean,
    near_names,
)

__all__ = [
    "CatalogueError",
    "Ioctl",
    "LayoutRow",
    "NeedEventRow",
    "Vector",
    "Vectors",
    "hexdump",
    "load",
    "parse_hexdump",
]

ORDERS = ("le", "be")
_ROW_BYTES = 16


@dataclass(frozen=True, slots=True)
class Vector:
    """Bytes in one byte order, and what a decoder must read from them.

    `kind` says which structure it is and so which keys `fields` has.  `refuse` is None, or the reason why a receiver
    must not act on these bytes.  `field_offsets` tells where single fields lie, for vectors that say so.
    """

    id: str
    order: str
    kind: str
    meaning: str
    fields: Mapping[str, Any]
    bytes: bytes
    refuse: str | None
    field_offsets: Mapping[str, int]
    where: str

    @property
    def name(self) -> str:
        """Id and order, as tests and messages call it: "V-HDR-1/le"."""
        return f"{self.id}/{self.order}"


@dataclass(frozen=True, slots=True)
class LayoutRow:
    """Byte offsets of the parts of a contiguous vring of `num` entries, and its sizes.

    `total` ends with avail_event; `legacy_total` is the legacy formula, with both halves rounded up to `align`;
    `rpmsg_lite_used` is where rpmsg-lite a300ec8 puts the used ring.
    """

    num: int
    align: int
    desc: int
    avail_flags: int
    avail_idx: int
    avail_ring: int
    used_event: int
    used_flags: int
    used_idx: int
    used_ring: int
    avail_event: int
    total: int
    legacy_total: int
    rpmsg_lite_used: int


@dataclass(frozen=True, slots=True)
class NeedEventRow:
    """Whether going from `old` to `new` passes `event`, in 16-bit arithmetic."""

    event: int
    new: int
    old: int
    notify: bool


@dataclass(frozen=True, slots=True)
class Ioctl:
    """An ioctl of the character devices: its number in the generic encoding, and the first kernel that has it."""

    name: str
    number: int
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Vectors(Mapping[str, Vector]):
    """All vectors by name ("V-HDR-1/le"), and the three tables."""

    by_name: Mapping[str, Vector]
    layout: tuple[LayoutRow, ...]
    need_event: tuple[NeedEventRow, ...]
    ioctls: Mapping[str, Ioctl]

    def __getitem__(self, name: str) -> Vector:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def vector(self, id: str, order: str = "le") -> Vector:
        """The vector of that id and order; raises CatalogueError, which names what is spelled alike."""
        name = f"{id}/{order}"
        if name not in self.by_name:
            raise CatalogueError(f"unknown vector '{name}'{did_you_mean(near_names(name, self.by_name))}")
        return self.by_name[name]


def hexdump(data: bytes) -> str:
    """The bytes as `hexdump -C` shows them, without its gap in the middle of a row.

    Rows that repeat the row above are replaced by one `*`; the last line is the length.
    """
    lines = []
    previous = None
    for offset in range(0, len(data), _ROW_BYTES):
        row = data[offset : offset + _ROW_BYTES]
        if row != previous:
            text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
            lines.append(f"{offset:08x}  {row.hex(' '):<{3 * _ROW_BYTES - 1}}  |{text}|")
        elif lines[-1] != "*":
            lines.append("*")
        previous = row
    return "\n".join([*lines, f"{len(data):08x}"])


def parse_hexdump(text: str) -> bytes:
    """The bytes that hexdump() shows as `text`; ValueError if it would write anything differently.

    So a wrong offset, a stale text column or a forgotten last line cannot hide in a fixture.
    """
    lines = text.strip().splitlines()
    data = bytearray()
    for line in lines:
        offset, _, rest = line.partition("  ")
        if line == "*":
            continue
        try:
            gap = int(offset, 16) - len(data)
            row = bytes.fromhex(rest.split("|")[0])
        except ValueError as error:
            raise ValueError(f"{line!r} is no row of a hex dump") from error
        if gap % _ROW_BYTES or not 0 <= gap <= _LARGEST:
            raise ValueError(f"{line!r} does not follow byte {len(data):#x}")
        data += data[-_ROW_BYTES:] * (gap // _ROW_BYTES) + row
    for written, expected in zip(lines, hexdump(bytes(data)).splitlines() + [""], strict=False):
        if written != expected:
            raise ValueError(f"{written!r} where {expected!r} is expected")
    if not lines or len(lines) < len(hexdump(bytes(data)).splitlines()):
        raise ValueError(f"the last line, {len(data):08x}, is missing")
    return bytes(data)


_LARGEST = 1 << 20
"""Bytes; no vector is larger, and a mistyped offset shall not fill the memory."""


def load(root: Path) -> Vectors:
    """Read fixtures/vectors/*.toml below `root`, the top of the tree; raises CatalogueError at the first fault."""
    folder = root / "fixtures" / "vectors"
    by_name: dict[str, Vector] = {}
    tables = {name: Document(folder / f"{name}.toml", root).top(shape) for name, shape in _TABLES.items()}
    for path in sorted(folder.glob("*.toml")):
        top = tables[path.stem] if path.stem in tables else Document(path, root).top({"vector": _VECTORS})
        for vector in _vectors(top, by_name):
            by_name[vector.name] = vector
    return Vectors(
        MappingProxyType(by_name),
        _layout(tables["layout"]),
        tuple(NeedEventRow(**row) for row in tables["need_event"].tables("row")),
        MappingProxyType({row["name"]: Ioctl(**row) for row in tables["uapi"].tables("ioctl")}),
    )


def _vectors(top: Table, known: Mapping[str, Vector]) -> Iterator[Vector]:
    for table in top.tables("vector") if "vector" in top else ():
        fields = _fields(table)
        offsets = {row["field"]: row["at"] for row in table.tables("field_offsets")}
        if not table["wire"]:
            raise table.error("'wire' is empty", "wire")
        for wire in table.tables("wire"):
            name = f"{table['id']}/{wire['order']}"
            if name in known:
                raise wire.error(f"'{name}' is already at {known[name].where}", "order")
            yield Vector(
                id=table["id"],
                order=wire["order"],
                kind=table["kind"],
                meaning=table["meaning"],
                fields=fields,
                bytes=_bytes(table, wire, fields),
                refuse=table.get("refuse"),
                field_offsets=MappingProxyType(offsets),
                where=wire.where,
            )


def _fields(table: Table) -> Mapping[str, Any]:
    """The fields, frozen; the payload of a message becomes bytes, however it was written."""
    fields = table.table("fields", _KINDS[table["kind"]])
    values = {key: _frozen(fields[key]) for key in fields}
    if table["kind"] == "message":
        values["payload"] = _payload(fields)
        values.pop("payload_hex", None)
        values.pop("payload_rule", None)
    return MappingProxyType(values)


def _payload(fields: Table) -> bytes:
    given = [key for key in ("payload", "payload_hex", "payload_rule") if key in fields]
    if len(given) != 1:
        raise fields.error("exactly one of 'payload', 'payload_hex' and 'payload_rule' says what the payload is")
    if "payload_rule" in fields:
        return bytes(i % 256 for i in range(fields["len"]))
    if "payload" in fields:
        return fields["payload"].encode()
    try:
        return bytes.fromhex(fields["payload_hex"])
    except ValueError as error:
        raise fields.error(f"'payload_hex' is not hex: {error}", "payload_hex") from error


def _bytes(table: Table, wire: Table, fields: Mapping[str, Any]) -> bytes:
    """The bytes of one order: the dump, with the generated payload behind it if there is one."""
    try:
        data = parse_hexdump(wire["hex"])
    except ValueError as error:
        raise wire.error(f"'hex': {error}", "hex") from error
    generated = "payload_rule" in table["fields"]
    if generated:
        data += fields["payload"]
    if len(data) != table["length"]:
        raise wire.error(f"{len(data)} bytes, but 'length' is {table['length']}", "hex")
    if generated and "crc32" not in wire:
        raise wire.error("missing key 'crc32': a generated payload needs one")
    if "crc32" in wire and zlib.crc32(data) != wire["crc32"]:
        found = f"{zlib.crc32(data):#010x}"
        raise wire.error(f"CRC-32 of the bytes is {found}, but 'crc32' is {wire['crc32']:#010x}", "crc32")
    return data


def _layout(table: Table) -> tuple[LayoutRow, ...]:
    names = tuple(LayoutRow.__slots__)
    if tuple(table["columns"]) != names:
        raise table.error(f"'columns' must be {', '.join(names)}", "columns")
    for index, row in enumerate(table["rows"]):
        if len(row) != len(names):
            raise table.error(f"'rows' number {index + 1} has {len(row)} values, not {len(names)}", "rows", index)
    return tuple(LayoutRow(*row) for row in table["rows"])


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({key: _frozen(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _integers(names: str) -> dict[str, Key]:
    return {name: Key(INTEGER) for name in names.split()}


_HEADER = _integers("src dst reserved len flags")
_KINDS: Mapping[str, Shape] = {
    "message": _HEADER
    | {
        "payload": Key(TEXT, required=False),
        "payload_hex": Key(TEXT, required=False),
        "payload_rule": Key(TEXT, required=False, allowed=("byte i is i modulo 256",)),
    },
    "name_service": _HEADER
    | {
        "name": Key(TEXT),
        "addr": Key(INTEGER),
        "ns_flags": Key(INTEGER, required=False),
        "trailing_hex": Key(TEXT, required=False),
    },
    "vring": {
        "num": Key(INTEGER),
        "align": Key(INTEGER),
        "queue": Key(INTEGER, allowed=(0, 1)),
        "desc": Key(TABLES, shape=_integers("addr len flags next")),
        "avail": Key(TABLE, shape=_integers("flags idx used_event") | {"ring": Key(INTEGERS)}),
        "used": Key(
            TABLE, shape=_integers("flags idx avail_event") | {"ring": Key(TABLES, shape=_integers("id len"))}
        ),
    },
    "resource_table": {
        "ver": Key(INTEGER),
        "num": Key(INTEGER),
        "reserved": Key(INTEGERS),
        "offset": Key(INTEGERS),
        "vdev": Key(
            TABLE,
            shape=_integers("id notifyid dfeatures gfeatures config_len status num_of_vrings")
            | {
                "reserved": Key(INTEGERS),
                "vring": Key(TABLES, shape=_integers("da align num notifyid pa")),
            },
        ),
        "trace": Key(TABLE, required=False, shape=_integers("da len reserved") | {"name": Key(TEXT)}),
    },
    "buffer_config": _integers("version size txbuf_size rxbuf_size"),
    "nuttx_config": _integers("h2r_buf_size r2h_buf_size h2r_buf_addr r2h_buf_addr")
    | {
        "host_cpuname": Key(TEXT),
        "remote_cpuname": Key(TEXT),
        "reserved": Key(INTEGERS),
    },
    "endpoint_info": _integers("src dst") | {"name": Key(TEXT)},
}

_VECTORS = Key(
    TABLES,
    name="id",
    shape={
        "id": Key(TEXT),
        "kind": Key(TEXT, allowed=tuple(_KINDS)),
        "meaning": Key(TEXT),
        "length": Key(INTEGER),
        "refuse": Key(TEXT, required=False),
        "fields": Key(TABLE),
        "field_offsets": Key(TABLES, required=False, shape={"field": Key(TEXT), "at": Key(INTEGER)}),
        "wire": Key(
            TABLES,
            name="order",
            shape={
                "order": Key(TEXT, allowed=ORDERS),
                "hex": Key(TEXT),
                "crc32": Key(INTEGER, required=False),
            },
        ),
    },
)
_TABLES: Mapping[str, Shape] = {
    "layout": {"columns": Key(TEXTS), "rows": Key(ROWS)},
    "need_event": {"row": Key(TABLES, shape=_integers("event new old") | {"notify": Key(BOOLEAN)})},
    "uapi": {
        "vector": _VECTORS,
        "ioctl": Key(
            TABLES,
            name="name",
            shape={"name": Key(TEXT), "number": Key(INTEGER), "since": Key(TEXT, required=False)},
        ),
    },
}
