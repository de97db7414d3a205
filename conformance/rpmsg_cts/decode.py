# SPDX-License-Identifier: BSD-3-Clause
"""A second reading of the wire: every structure decoded and encoded from the documents alone.

It shares nothing with the C code, so that a misreading there cannot cancel itself out here.  Rings and messages are not
judged: what can be written down decodes, whether or not a rule forbids it.  Structures that carry a version, a size or
reserved words are refused, with DecodeError, where the documents say that a parser refuses them.

`order` is "le" or "be" everywhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

RPMSG_HEADER_BYTES = 16
NS_ADDR = 53
NS_BYTES = 40
NAME_BYTES = 32
NS_DESTROY = 1
MAX_QUEUE_SIZE = 32768

_ORDER = {"le": "<", "be": ">"}


class DecodeError(ValueError):
    """The bytes cannot be the structure asked for: too short, or refused by the documents."""


def _unpack(layout: str, data: bytes, order: str, offset: int = 0) -> tuple[Any, ...]:
    """The values of `layout` (struct's letters) at `offset`; DecodeError if the data ends before."""
    packed = struct.Struct(_ORDER[order] + layout)
    if offset < 0 or offset + packed.size > len(data):
        raise DecodeError(f"{packed.size} bytes needed at offset {offset}, but the data ends at {len(data)}")
    return packed.unpack_from(data, offset)


def _unpack_array(layout: str, data: bytes, order: str, offset: int, num: int) -> Iterator[tuple[Any, ...]]:
    """The values of `num` times `layout` from `offset` on; DecodeError if the data ends before."""
    packed = struct.Struct(_ORDER[order] + layout)
    end = offset + num * packed.size
    if num < 0 or end > len(data):
        raise DecodeError(f"{end - offset} bytes needed at offset {offset}, but the data ends at {len(data)}")
    return packed.iter_unpack(memoryview(data)[offset:end])


def _pack(layout: str, order: str, *values: int | bytes) -> bytes:
    return struct.pack(_ORDER[order] + layout, *values)


# --- split virtqueue: VirtIO 2.7


@dataclass(frozen=True, slots=True)
class Descriptor:
    """One descriptor: address and length of a buffer, flags, and the next descriptor if flags say so."""

    addr: int
    len: int
    flags: int
    next: int


@dataclass(frozen=True, slots=True)
class Avail:
    """The available ring; `ring` holds descriptor indices by slot, not by age."""

    flags: int
    idx: int
    ring: tuple[int, ...]
    used_event: int


@dataclass(frozen=True, slots=True)
class UsedElement:
    """One entry of the used ring: head of the chain, and the number of bytes the device wrote."""

    id: int
    len: int


@dataclass(frozen=True, slots=True)
class Used:
    """The used ring, by slot."""

    flags: int
    idx: int
    ring: tuple[UsedElement, ...]
    avail_event: int


@dataclass(frozen=True, slots=True)
class Vring:
    """All that lies in the shared memory of one queue."""

    desc: tuple[Descriptor, ...]
    avail: Avail
    used: Used


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte offsets of every field of a contiguous vring, and its sizes.

    `total` ends with avail_event; `legacy_total` rounds both halves up to `align`.
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


def round_up(value: int, align: int) -> int:
    """The next multiple of `align`, a power of two; ValueError if it is none."""
    if align <= 0 or align & (align - 1):
        raise ValueError(f"alignment {align} is not a power of two")
    return (value + align - 1) & ~(align - 1)


def vring_layout(num: int, align: int) -> Layout:
    """Where everything lies in a contiguous vring of `num` entries whose used ring is aligned to `align`.

    ValueError if `num` is no power of two up to 32768, or `align` none from 4 on.  Source: VirtIO 2.7, 2.7.2.
    """
    if not 1 <= num <= MAX_QUEUE_SIZE or num & (num - 1):
        raise ValueError(f"queue size {num} is not a power of two from 1 to {MAX_QUEUE_SIZE}")
    if align < 4:
        raise ValueError(f"alignment {align} is below the 4 bytes of the used ring")
    avail = 16 * num
    used_event = avail + 4 + 2 * num
    used = round_up(used_event + 2, align)
    avail_event = used + 4 + 8 * num
    return Layout(
        num=num,
        align=align,
        desc=0,
        avail_flags=avail,
        avail_idx=avail + 2,
        avail_ring=avail + 4,
        used_event=used_event,
        used_flags=used,
        used_idx=used + 2,
        used_ring=used + 4,
        avail_event=avail_event,
        total=avail_event + 2,
        legacy_total=used + round_up(6 + 8 * num, align),
    )


def decode_descriptors(data: bytes, num: int, order: str) -> tuple[Descriptor, ...]:
    """The `num` descriptors at the start of `data`."""
    return tuple(Descriptor(*fields) for fields in _unpack_array("QIHH", data, order, 0, num))


def decode_avail(data: bytes, num: int, order: str) -> Avail:
    """The available ring at the start of `data`, used_event included."""
    flags, idx, *ring, used_event = _unpack(f"HH{num}HH", data, order)
    return Avail(flags, idx, tuple(ring), used_event)


def decode_used(data: bytes, num: int, order: str) -> Used:
    """The used ring at the start of `data`, avail_event included."""
    flags, idx = _unpack("HH", data, order)
    ring = tuple(UsedElement(*fields) for fields in _unpack_array("II", data, order, 4, num))
    (avail_event,) = _unpack("H", data, order, 4 + 8 * num)
    return Used(flags, idx, ring, avail_event)


def decode_vring_parts(desc: bytes, avail: bytes, used: bytes, num: int, order: str) -> Vring:
    """A vring whose three parts lie in different places."""
    return Vring(decode_descriptors(desc, num, order), decode_avail(avail, num, order), decode_used(used, num, order))


def decode_vring(data: bytes, num: int, order: str, *, avail: int, used: int, desc: int = 0) -> Vring:
    """A vring in one piece of memory, its parts at the given byte offsets."""
    for offset in (desc, avail, used):
        if not 0 <= offset <= len(data):
            raise DecodeError(f"offset {offset} is outside the {len(data)} bytes")
    return decode_vring_parts(data[desc:], data[avail:], data[used:], num, order)


def decode_contiguous_vring(data: bytes, num: int, align: int, order: str) -> Vring:
    """A vring in the contiguous layout that vring_layout() describes."""
    layout = vring_layout(num, align)
    return decode_vring(data, num, order, avail=layout.avail_flags, used=layout.used_flags)


def encode_descriptors(desc: tuple[Descriptor, ...], order: str) -> bytes:
    """The bytes of a descriptor table."""
    return b"".join(_pack("QIHH", order, d.addr, d.len, d.flags, d.next) for d in desc)


def encode_avail(avail: Avail, order: str) -> bytes:
    """The bytes of an available ring, used_event included."""
    return _pack(f"HH{len(avail.ring)}HH", order, avail.flags, avail.idx, *avail.ring, avail.used_event)


def encode_used(used: Used, order: str) -> bytes:
    """The bytes of a used ring, avail_event included."""
    ring = b"".join(_pack("II", order, element.id, element.len) for element in used.ring)
    return _pack("HH", order, used.flags, used.idx) + ring + _pack("H", order, used.avail_event)


def encode_contiguous_vring(vring: Vring, align: int, order: str) -> bytes:
    """The bytes of a vring in the contiguous layout, up to and including avail_event."""
    layout = vring_layout(len(vring.desc), align)
    first = encode_descriptors(vring.desc, order) + encode_avail(vring.avail, order)
    return first.ljust(layout.used_flags, b"\0") + encode_used(vring.used, order)


def need_event(event: int, new: int, old: int) -> bool:
    """Whether an index that went from `old` to `new` passed `event`, all in 16 bits.  Source: VirtIO 2.7.10."""
    return ((new - event - 1) & 0xFFFF) < ((new - old) & 0xFFFF)


# --- messages


@dataclass(frozen=True, slots=True)
class Header:
    """The 16 bytes before every payload; `len` counts the payload only."""

    src: int
    dst: int
    reserved: int
    len: int
    flags: int


@dataclass(frozen=True, slots=True)
class NameService:
    """An announcement: the 32 bytes of the name as they are, the address of the service, and flags."""

    raw_name: bytes
    addr: int
    flags: int

    @property
    def name(self) -> str:
        """The name up to its terminator, never more than 31 characters; bytes outside ASCII as \\xNN."""
        return _text(self.raw_name[: NAME_BYTES - 1])

    @property
    def destroys(self) -> bool:
        """Whether the service is withdrawn; every other flag bit is ignored, as the baseline does."""
        return bool(self.flags & NS_DESTROY)


def decode_header(data: bytes, order: str) -> Header:
    """The header at the start of `data`."""
    return Header(*_unpack("IIIHH", data, order))


def encode_header(header: Header, order: str) -> bytes:
    """The 16 bytes of a header."""
    return _pack("IIIHH", order, header.src, header.dst, header.reserved, header.len, header.flags)


def decode_message(data: bytes, order: str) -> tuple[Header, bytes]:
    """Header and payload; what follows the payload in `data` is left out, a payload that is cut off is an error."""
    header = decode_header(data, order)
    payload = data[RPMSG_HEADER_BYTES:][: header.len]
    if len(payload) != header.len:
        raise DecodeError(f"len is {header.len}, but only {len(payload)} bytes follow the header")
    return header, payload


def encode_message(src: int, dst: int, payload: bytes, order: str, *, reserved: int = 0, flags: int = 0) -> bytes:
    """A message as it lies in its buffer."""
    return encode_header(Header(src, dst, reserved, len(payload), flags), order) + payload


def decode_name_service(payload: bytes, order: str) -> NameService:
    """The announcement in a payload; DecodeError unless it has exactly 40 bytes."""
    if len(payload) != NS_BYTES:
        raise DecodeError(f"an announcement has {NS_BYTES} bytes, not {len(payload)}")
    return NameService(payload[:NAME_BYTES], *_unpack("II", payload, order, NAME_BYTES))


def encode_name_service(name: str | bytes, addr: int, flags: int, order: str) -> bytes:
    """The 40 bytes of an announcement; ValueError for a name that does not fit into 32 bytes with a terminator.

    Bytes are taken as they are, up to 32 of them, so that a malformed name can be written too.
    """
    raw = _name(name) if isinstance(name, str) else name
    if len(raw) > NAME_BYTES:
        raise ValueError(f"a name has at most {NAME_BYTES} bytes, not {len(raw)}")
    return raw.ljust(NAME_BYTES, b"\0") + _pack("II", order, addr, flags)


def _text(raw: bytes) -> str:
    return raw.split(b"\0")[0].decode("ascii", "backslashreplace")


def _name(name: str) -> bytes:
    raw = name.encode("ascii")
    if len(raw) >= NAME_BYTES:
        raise ValueError(f"'{name}' has more than {NAME_BYTES - 1} characters")
    return raw


# --- resource table: remoteproc.h

FW_RSC_TRACE = 2
FW_RSC_VDEV = 3


@dataclass(frozen=True, slots=True)
class VringEntry:
    """Where one vring of a vdev is, or 0xffffffff for "the host decides", and how large it is."""

    da: int
    align: int
    num: int
    notifyid: int
    pa: int


@dataclass(frozen=True, slots=True)
class VdevEntry:
    """A virtio device that the firmware offers; `config` are the bytes behind its vrings."""

    id: int
    notifyid: int
    dfeatures: int
    gfeatures: int
    config_len: int
    status: int
    num_of_vrings: int
    reserved: tuple[int, int]
    vring: tuple[VringEntry, ...]
    config: bytes = b""


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """A buffer where the firmware logs."""

    da: int
    len: int
    reserved: int
    raw_name: bytes


@dataclass(frozen=True, slots=True)
class OtherEntry:
    """An entry of another type, its bytes (up to the next entry) not interpreted."""

    type: int
    data: bytes


Entry = VdevEntry | TraceEntry | OtherEntry


@dataclass(frozen=True, slots=True)
class ResourceTable:
    """A whole table; `offset` says where each entry starts, its type word included."""

    ver: int
    reserved: tuple[int, int]
    offset: tuple[int, ...]
    entries: tuple[Entry, ...]


def decode_resource_table(data: bytes, order: str) -> ResourceTable:
    """A resource table; DecodeError for another version, reserved words that are not 0, and whatever does not fit."""
    ver, num, *reserved = _unpack("IIII", data, order)
    if ver != 1:
        raise DecodeError(f"resource table of version {ver:#x}")
    if any(reserved):
        raise DecodeError("reserved words of the resource table are not 0")
    offsets = tuple(_unpack("I", data, order, 16 + 4 * i)[0] for i in range(num))
    entries = tuple(_decode_entry(data, offset, offsets, order) for offset in offsets)
    return ResourceTable(ver, (reserved[0], reserved[1]), offsets, entries)


def _decode_entry(data: bytes, offset: int, offsets: tuple[int, ...], order: str) -> Entry:
    (kind,) = _unpack("I", data, order, offset)
    start = offset + 4
    if kind == FW_RSC_VDEV:
        return _decode_vdev(data[start:], order)
    if kind == FW_RSC_TRACE:
        da, length, reserved, name = _unpack("III32s", data, order, start)
        return TraceEntry(da, length, reserved, name)
    end = min((other for other in offsets if other > offset), default=len(data))
    return OtherEntry(kind, data[start:end])


def _decode_vdev(data: bytes, order: str) -> VdevEntry:
    *words, status, num, first, second = _unpack("IIIIIBBBB", data, order)
    if first or second:
        raise DecodeError("reserved bytes of the vdev are not 0")
    vrings = tuple(VringEntry(*_unpack("IIIII", data, order, 24 + 20 * i)) for i in range(num))
    config_len = words[4]
    config = data[24 + 20 * num :][:config_len]
    if len(config) != config_len:
        raise DecodeError(f"config space of {config_len} bytes, but only {len(config)} are left")
    return VdevEntry(*words, status, num, (first, second), vrings, config)


def encode_resource_table(entries: tuple[Entry, ...], order: str) -> bytes:
    """A table of version 1 with the entries one behind the other."""
    bodies = [_encode_entry(entry, order) for entry in entries]
    start = 16 + 4 * len(bodies)
    offsets = [start + sum(map(len, bodies[:i])) for i in range(len(bodies))]
    head = _pack(f"IIII{len(offsets)}I", order, 1, len(offsets), 0, 0, *offsets)
    return head + b"".join(bodies)


def _encode_entry(entry: Entry, order: str) -> bytes:
    if isinstance(entry, OtherEntry):
        return _pack("I", order, entry.type) + entry.data
    if isinstance(entry, TraceEntry):
        return _pack("IIII32s", order, FW_RSC_TRACE, entry.da, entry.len, entry.reserved, entry.raw_name)
    words = (entry.id, entry.notifyid, entry.dfeatures, entry.gfeatures, entry.config_len)
    head = _pack("IIIIIIBBBB", order, FW_RSC_VDEV, *words, entry.status, entry.num_of_vrings, *entry.reserved)
    vrings = b"".join(_pack("IIIII", order, v.da, v.align, v.num, v.notifyid, v.pa) for v in entry.vring)
    return head + vrings + entry.config


# --- configuration space and character devices


@dataclass(frozen=True, slots=True)
class BufferConfig:
    """Buffer sizes of the VIRTIO_RPMSG_F_BUFSZ drafts, in bytes, seen from the device."""

    version: int
    size: int
    txbuf_size: int
    rxbuf_size: int


@dataclass(frozen=True, slots=True)
class EndpointInfo:
    """What the endpoint ioctls of the character devices take."""

    name: str
    src: int
    dst: int


@dataclass(frozen=True, slots=True)
class NuttxConfig:
    """fw_rsc_config of NuttX: buffer sizes and addresses per direction (h2r is host to remote), and who talks."""

    h2r_buf_size: int
    r2h_buf_size: int
    h2r_buf_addr: int
    r2h_buf_addr: int
    host_cpuname: str
    remote_cpuname: str
    reserved: tuple[int, ...]


BUFFER_CONFIG_BYTES = 11
ENDPOINT_INFO_BYTES = 40


def decode_buffer_config(data: bytes, order: str) -> BufferConfig:
    """The packed form; DecodeError for another version or size, or buffers without room for a header."""
    config = BufferConfig(*_unpack("BHII", data, order))
    if config.version != 1 or config.size != BUFFER_CONFIG_BYTES:
        raise DecodeError(f"buffer config of version {config.version} with {config.size} bytes")
    if min(config.txbuf_size, config.rxbuf_size) < RPMSG_HEADER_BYTES:
        raise DecodeError("a buffer is smaller than the message header")
    return config


def encode_buffer_config(txbuf_size: int, rxbuf_size: int, order: str) -> bytes:
    """The 11 bytes of the packed form."""
    return _pack("BHII", order, 1, BUFFER_CONFIG_BYTES, txbuf_size, rxbuf_size)


def decode_nuttx_config(data: bytes, order: str) -> NuttxConfig:
    """The 64 bytes of fw_rsc_config."""
    *sizes, host, remote = _unpack("IIQQ8s8s", data, order)
    return NuttxConfig(*sizes, _text(host), _text(remote), _unpack("6I", data, order, 40))


def encode_nuttx_config(config: NuttxConfig, order: str) -> bytes:
    """The 64 bytes of fw_rsc_config."""
    sizes = (config.h2r_buf_size, config.r2h_buf_size, config.h2r_buf_addr, config.r2h_buf_addr)
    names = (config.host_cpuname.encode("ascii"), config.remote_cpuname.encode("ascii"))
    return _pack("IIQQ8s8s6I", order, *sizes, *names, *config.reserved)


def decode_endpoint_info(data: bytes, order: str) -> EndpointInfo:
    """struct rpmsg_endpoint_info; the name ends at its terminator."""
    if len(data) != ENDPOINT_INFO_BYTES:
        raise DecodeError(f"struct rpmsg_endpoint_info has {ENDPOINT_INFO_BYTES} bytes, not {len(data)}")
    name, src, dst = _unpack("32sII", data, order)
    return EndpointInfo(_text(name), src, dst)


def encode_endpoint_info(info: EndpointInfo, order: str) -> bytes:
    """The 40 bytes of struct rpmsg_endpoint_info."""
    return _pack("32sII", order, _name(info.name), info.src, info.dst)


# --- words for messages

_SHOWN_BYTES = 16


def describe_bytes(data: bytes) -> str:
    """Bytes for a failure message: hex of the first 16, how many are left out, and the text if it is one."""
    if not data:
        return "none"
    text = data[:_SHOWN_BYTES].hex(" ")
    if len(data) > _SHOWN_BYTES:
        text += f" … ({len(data)} bytes)"
    shown = data[: 2 * _SHOWN_BYTES]
    if all(0x20 <= byte < 0x7F for byte in shown):
        text += f" '{shown.decode()}{'…' if len(data) > len(shown) else ''}'"
    return text


def describe_message(data: bytes, order: str) -> str:
    """A message in one line, for failure messages: the header's fields, then the payload, or the announcement it is.

    Takes any bytes: what is too short or contradicts itself is said.  `reserved` is shown only if it is not 0.
    """
    if len(data) < RPMSG_HEADER_BYTES:
        return f"no message, only {len(data)} bytes: {describe_bytes(data)}"
    header = decode_header(data, order)
    text = f"src {header.src:#x} dst {header.dst:#x} len {header.len} flags {header.flags:#x}"
    if header.reserved:
        text += f" reserved {header.reserved:#x}"
    payload = data[RPMSG_HEADER_BYTES:][: header.len]
    if len(payload) < header.len:
        text += f" (only {len(payload)} bytes follow)"
    elif header.dst == NS_ADDR and header.len == NS_BYTES:
        return f"{text} {_describe_name_service(decode_name_service(payload, order))}"
    return f"{text} payload {describe_bytes(payload)}"


def _describe_name_service(announcement: NameService) -> str:
    verb = "DESTROY" if announcement.destroys else "CREATE"
    extra = f" ns.flags {announcement.flags:#x}" if announcement.flags > NS_DESTROY else ""
    return f"{verb} '{announcement.name}' at {announcement.addr:#x}{extra}"
