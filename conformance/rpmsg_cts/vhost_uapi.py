# SPDX-License-Identifier: BSD-3-Clause
"""What a vhost device can be told: numbers and arguments of its ioctls.  Source: Linux, uapi/linux/vhost.h.

Numbers are those of the generic encoding.  The last ones are those of fixtures/kernel/vhost_rpmsg/vhost_rpmsg.h.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_VIRTIO = 0xAF
_WRITE, _READ = 1, 2


def _io(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | _VIRTIO << 8 | number


_STATE = struct.Struct("=II")  # a queue, and a number
_FILE = struct.Struct("=Ii")  # a queue, and a descriptor
_ADDR = struct.Struct("=IIQQQQ")
_REGIONS = struct.Struct("=II")
_REGION = struct.Struct("=QQQQ")
_U64 = struct.Struct("=Q")
_INT = struct.Struct("=i")

GET_FEATURES = _io(_READ, 0x00, _U64.size)
SET_FEATURES = _io(_WRITE, 0x00, _U64.size)
SET_OWNER = _io(0, 0x01, 0)
RESET_OWNER = _io(0, 0x02, 0)
SET_MEM_TABLE = _io(_WRITE, 0x03, _REGIONS.size)
SET_LOG_BASE = _io(_WRITE, 0x04, _U64.size)
SET_LOG_FD = _io(_WRITE, 0x07, _INT.size)
SET_VRING_NUM = _io(_WRITE, 0x10, _STATE.size)
SET_VRING_ADDR = _io(_WRITE, 0x11, _ADDR.size)
SET_VRING_BASE = _io(_WRITE, 0x12, _STATE.size)
GET_VRING_BASE = _io(_WRITE | _READ, 0x12, _STATE.size)
SET_VRING_ENDIAN = _io(_WRITE, 0x13, _STATE.size)
GET_VRING_ENDIAN = _io(_WRITE, 0x14, _STATE.size)
SET_VRING_KICK = _io(_WRITE, 0x20, _FILE.size)
SET_VRING_CALL = _io(_WRITE, 0x21, _FILE.size)
SET_VRING_ERR = _io(_WRITE, 0x22, _FILE.size)
SET_BACKEND_FEATURES = _io(_WRITE, 0x25, _U64.size)
GET_BACKEND_FEATURES = _io(_READ, 0x26, _U64.size)
VSOCK_SET_GUEST_CID = _io(_WRITE, 0x60, _U64.size)
SET_RUNNING = _io(_WRITE, 0x61, _INT.size)

NO_FILE = -1
LOG_ADDR = 1  # flag of an address


@dataclass(frozen=True)
class Region:
    """Memory that the driver and its device share: driver addresses, and where the device's owner has it."""

    addr: int
    size: int
    user: int


def u64(value: int) -> bytes:
    """For features, and for eventfds."""
    return _U64.pack(value)


def of_u64(data: bytes) -> int:
    """The opposite."""
    return _U64.unpack(data)[0]


def number(value: int) -> bytes:
    """One int."""
    return _INT.pack(value)


def state(queue: int, value: int) -> bytes:
    """struct vhost_vring_state."""
    return _STATE.pack(queue, value)


def of_state(data: bytes) -> int:
    """The number in a struct vhost_vring_state."""
    return _STATE.unpack(data)[1]


def file(queue: int, descriptor: int) -> bytes:
    """struct vhost_vring_file."""
    return _FILE.pack(queue, descriptor)


def addresses(queue: int, desc: int, avail: int, used: int, *, flags: int = 0, log: int = 0) -> bytes:
    """struct vhost_vring_addr, in addresses of the owner."""
    return _ADDR.pack(queue, flags, desc, used, avail, log)


def memory(regions: Sequence[Region]) -> bytes:
    """struct vhost_memory."""
    return _REGIONS.pack(len(regions), 0) + b"".join(_REGION.pack(r.addr, r.size, r.user, 0) for r in regions)


# --- /dev/vhost-rpmsg

_EPT = struct.Struct("=IIII32s")
_MSG = struct.Struct("=IIIIQ")
_CHAN = struct.Struct("=32sII")
_CHANS = struct.Struct("=IIQ")

EPT_CREATE = _io(_WRITE | _READ, 0xC0, _EPT.size)
EPT_DESTROY = _io(_WRITE, 0xC1, 4)
SEND = _io(_WRITE, 0xC2, _MSG.size)
RECV = _io(_WRITE | _READ, 0xC3, _MSG.size)
CHANNELS = _io(_WRITE | _READ, 0xC4, _CHANS.size)

QUEUE, ECHO, SINK, SOURCE = range(4)
ANNOUNCE = 1
NOWAIT = 1
CHAN_BYTES = _CHAN.size


def endpoint(addr: int, dst: int, name: str, *, mode: int = QUEUE, flags: int = 0) -> bytes:
    """struct vhost_rpmsg_ept."""
    return _EPT.pack(addr, dst, mode, flags, name.encode())


def of_endpoint(data: bytes) -> int:
    """The address in a struct vhost_rpmsg_ept."""
    return _EPT.unpack(data)[0]


def message(src: int, dst: int, length: int, data: int, *, flags: int = 0) -> bytes:
    """struct vhost_rpmsg_msg; `data` is an address of the owner."""
    return _MSG.pack(src, dst, length, flags, data)


def of_message(data: bytes) -> tuple[int, int]:
    """Source and length in a struct vhost_rpmsg_msg."""
    src, _, length, _, _ = _MSG.unpack(data)
    return src, length


def channels(room: int, chans: int) -> bytes:
    """struct vhost_rpmsg_chans; `chans` is an address of the owner."""
    return _CHANS.pack(room, 0, chans)


def of_channels(data: bytes) -> int:
    """How many channels were told, from a struct vhost_rpmsg_chans."""
    return _CHANS.unpack(data)[0]


def of_channel(data: bytes) -> tuple[bytes, int, int]:
    """Name, local and remote address in a struct vhost_rpmsg_chan."""
    name, src, dst = _CHAN.unpack(data)
    return name.split(b"\0", 1)[0], src, dst
