# SPDX-License-Identifier: BSD-3-Clause
"""A vhost device of a guest's kernel, as the program that gives it to a driver sees it; the driver is ours.

What such a program does with the driver's registers is done here: a vhost device has none of its own.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rpmsg_cts import vhost_uapi as uapi
from rpmsg_cts.driver_bus import DriverBus
from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentError
from rpmsg_cts.guest_memory import GuestMemory
from rpmsg_cts.link import F_VERSION_1, STATUS_DRIVER_OK, STATUS_FEATURES_OK, Config, Unsupported
from rpmsg_cts.native import checked
from rpmsg_cts.verdict import HarnessError

NUM_QUEUES = 2
PAGE = 4096  # of the log, and of the guest
F_LOG_ALL = 1 << 26
SPARE_BYTES = 65536
# Never shared with the device: what its ioctls point to.
PRIVATE_BYTES = 256 * 1024
GUARD_FILL = 0x5A
# Driver addresses, unlike those of the device's owner and in another order: who mixes them up finds nothing there.
RING_BASE, BUFFER_BASE, SPARE_BASE = 0x2_4000_0000, 0x1_0000_0000, 0x3_0000_0000


@dataclass
class VhostPlace:
    """Driver addresses of what the driver has, as struct rps_world_place names it."""

    desc: list[int] = field(default_factory=lambda: [0] * NUM_QUEUES)
    avail: list[int] = field(default_factory=lambda: [0] * NUM_QUEUES)
    used: list[int] = field(default_factory=lambda: [0] * NUM_QUEUES)
    bufs: int = 0
    bufs_bytes: int = 0
    spare: int = 0
    spare_bytes: int = SPARE_BYTES

    def pieces(self, num: int) -> Iterator[tuple[int, int]]:
        """All that the device or the driver may write: address and size."""
        for queue in range(NUM_QUEUES):
            yield self.desc[queue], 16 * num
            yield self.avail[queue], 6 + 2 * num
            yield self.used[queue], 6 + 8 * num
        yield self.bufs, self.bufs_bytes
        yield self.spare, self.spare_bytes


class _Carver:
    """Hands out whole pages of one region, a guard behind each piece."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.next = base + PAGE

    def carve(self, size: int) -> int:
        """Return: the address of a piece."""
        at = self.next
        self.next = at + -(-size // PAGE) * PAGE + PAGE
        return at


class Layout:
    """Where rings and buffers lie: three regions of the owner's memory, one behind the other."""

    def __init__(self, native: Any, memory: GuestMemory, config: Config) -> None:
        self.place = VhostPlace()
        rings, buffers, spare = _Carver(RING_BASE), _Carver(BUFFER_BASE), _Carver(SPARE_BASE)
        for queue in range(NUM_QUEUES):
            self._place_ring(native, rings, queue, config)
        self.place.bufs_bytes = config.num * (config.buf_bytes + config.send_bytes)
        self.place.bufs = buffers.carve(self.place.bufs_bytes)
        self.place.spare = spare.carve(SPARE_BYTES)
        self.regions: list[uapi.Region] = []
        offset = 0
        for carver in (rings, buffers, spare):
            size = carver.next - carver.base
            self.regions.append(uapi.Region(carver.base, size, memory.address + offset))
            offset += size
        if offset > memory.size - PRIVATE_BYTES:
            raise Unsupported(f"rings and buffers of {offset >> 10} KiB are more than the guest's program has for them")
        self.bytes = offset

    def _place_ring(self, native: Any, carver: _Carver, queue: int, config: Config) -> None:
        layout = native.ffi.new("struct rps_codec_layout *")
        checked(native.lib.rps_codec_layout(config.num, config.align or 4, layout), f"lay out {config.num} entries")
        if config.align:
            base = carver.carve(layout.legacy_total)
            self.place.desc[queue], self.place.avail[queue] = base, base + layout.avail
            self.place.used[queue] = base + layout.used
            return
        # In an order that no formula gives.
        self.place.used[queue] = carver.carve(layout.total - layout.used)
        self.place.desc[queue] = carver.carve(layout.avail)
        self.place.avail[queue] = carver.carve(layout.used - layout.avail)

    def user(self, addr: int) -> int:
        """Return: where the device's owner has a driver address; one outside of all regions as it is."""
        for region in self.regions:
            if region.addr <= addr < region.addr + region.size:
                return region.user + addr - region.addr
        return addr

    def offset(self, addr: int) -> int:
        """Return: where a driver address is in the owner's memory, from its beginning."""
        return self.user(addr) - self.regions[0].user


class VhostDevice:
    """An open vhost device, and the bells of its queues."""

    def __init__(self, agent: AgentClient, path: str) -> None:
        self.agent = agent
        self.handle = agent.open(path, os.O_RDWR)
        self._bells: list[int] = []
        self._rung: dict[int, int] = {}
        self._closed = False

    def close_device(self) -> None:
        """Close the device's own descriptor; its bells are still ours."""
        if not self._closed:
            self._closed = True
            self.agent.close_handle(self.handle)

    def close(self) -> None:
        """The device ends, and its bells with it."""
        self.close_device()
        while self._bells:
            self.agent.close_handle(self._bells.pop())

    def ask(self, number: int, argument: bytes = b"") -> bytes:
        """One ioctl.  Return: its argument afterwards; AgentError where it is refused."""
        return self.agent.ioctl(self.handle, number, argument)

    def tell(self, number: int, argument: bytes = b"") -> int:
        """One ioctl.  Return: 0 or -errno."""
        try:
            self.ask(number, argument)
        except AgentError as error:
            return -error.errno
        return 0

    def tell_value(self, number: int, value: int) -> int:
        """One ioctl whose argument is a number, or an address that may be anybody's.  Return: 0 or -errno."""
        try:
            self.agent.ioctl(self.handle, number, value)
        except AgentError as error:
            return -error.errno
        return 0

    def bell(self) -> int:
        """Return: a new eventfd, by its handle."""
        self._bells.append(self.agent.eventfd())
        return self._bells[-1]

    def give_bell(self, number: int, queue: int, bell: int) -> int:
        """Hand a bell to the device.  Return: 0 or -errno."""
        return self.tell(number, uapi.file(queue, self.agent.descriptor(bell)))

    def ring(self, bell: int) -> None:
        """Ring a bell."""
        self.agent.write(bell, uapi.u64(1))

    def rung(self, bell: int) -> int:
        """Return: how often the device rang a bell since it was made."""
        try:
            self._rung[bell] = self._rung.get(bell, 0) + uapi.of_u64(self.agent.read(bell, 8))
        except AgentError as error:
            if error.errno != errno.EAGAIN:
                raise
        return self._rung.get(bell, 0)


class DirtyLog:
    """Which pages of the driver's memory a device has written, as it says itself."""

    def __init__(self, memory: GuestMemory, offset: int, size: int) -> None:
        self._memory, self._offset, self._size = memory, offset, size
        memory.bytes[offset:offset + size] = bytes(size)

    @property
    def address(self) -> int:
        """Where its owner has it."""
        return self._memory.address + self._offset

    def pages(self) -> set[int]:
        """Numbers of the pages that are marked, by driver addresses."""
        marked = bytes(self._memory.bytes[self._offset:self._offset + self._size])
        return {8 * at + bit for at, byte in enumerate(marked) if byte for bit in range(8) if byte >> bit & 1}


class VhostBus(DriverBus):
    """One vhost device, opened for this bus alone.

    device: the vhost device.  layout: where rings and buffers are.  refused: what the device said no to last, as the
    name of a step and -errno.  when_stopped: called after each stop.
    """

    def __init__(self, agent: AgentClient, memory: GuestMemory, path: str, config: Config,
                 settle: Callable[[], None]) -> None:
        self.native = memory.native
        self._config, self._memory, self._settle = config, memory, settle
        self.layout = Layout(memory.native, memory, config)
        self.mem, self.place = memory.mem, self.layout.place
        self._fill()
        self._status = self._accepted = 0
        self.refused = ("", 0)
        self.when_stopped: Callable[[], None] = lambda: None
        self.device = VhostDevice(agent, path)
        try:
            self.kicks = [self.device.bell() for _ in range(NUM_QUEUES)]
            self.calls = [self.device.bell() for _ in range(NUM_QUEUES)]
            self.errors = [self.device.bell() for _ in range(NUM_QUEUES)]
            self._must(uapi.SET_OWNER, b"", "an owner")
            self._offered = uapi.of_u64(self.device.ask(uapi.GET_FEATURES, uapi.u64(0)))
            self._must(uapi.SET_MEM_TABLE, uapi.memory(self.layout.regions), "the driver's memory")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """The device is gone, whatever it was doing."""
        self.device.close()
        self._memory.unshare()

    def pause(self) -> None:
        """Stop the device as if nothing had happened to its driver."""
        self._must(uapi.SET_RUNNING, uapi.number(0), "a stop")
        self.when_stopped()

    def resume(self) -> bool:
        """Let it go on.  Return: whether it does."""
        return self._try("start", uapi.SET_RUNNING, uapi.number(1))

    def offers(self, feature: int) -> bool:
        """Whether the device has a feature that is none of the driver's business."""
        return bool(self._offered & feature)

    def start_log(self) -> DirtyLog:
        """Let a running device log what it writes."""
        last = max(region.addr + region.size for region in self.layout.regions)
        size = -(-last // PAGE // 8 // PAGE) * PAGE
        offset = self._memory.size - PRIVATE_BYTES - size
        assert offset > self.layout.bytes
        log = DirtyLog(self._memory, offset, size)
        self._must(uapi.SET_LOG_BASE, uapi.u64(log.address), "a log")
        for queue in range(NUM_QUEUES):
            desc, avail, used = (self.layout.user(part[queue])
                                 for part in (self.place.desc, self.place.avail, self.place.used))
            self._must(uapi.SET_VRING_ADDR, uapi.addresses(queue, desc, avail, used, flags=uapi.LOG_ADDR,
                                                           log=self.place.used[queue]), "a log of its used ring")
        self._must(uapi.SET_FEATURES, uapi.u64(self._accepted | F_LOG_ALL), "VHOST_F_LOG_ALL")
        return log

    def _must(self, number: int, argument: bytes, what: str) -> None:
        status = self.device.tell(number, argument)
        if status:
            raise HarnessError(f"the vhost device does not take {what}: {os.strerror(-status)}")

    def _fill(self) -> None:
        self._memory.unshare()
        content = bytearray([GUARD_FILL]) * self.layout.bytes
        for addr, size in self.place.pieces(self._config.num):
            at = self.layout.offset(addr)
            content[at:at + size] = bytes([self._config.dirty]) * size
        self._memory.bytes[0:self.layout.bytes] = content
        for region in self.layout.regions:
            self._memory.share(region.addr, region.user - self._memory.address, region.size)

    def guards_intact(self) -> bool:
        content = bytearray(self._memory.bytes[0:self.layout.bytes])
        for addr, size in self.place.pieces(self._config.num):
            at = self.layout.offset(addr)
            content[at:at + size] = bytes([GUARD_FILL]) * size
        return content.count(GUARD_FILL) == len(content)

    # --- registers

    @property
    def status(self) -> int:
        return self._status

    def set_status(self, status: int) -> None:
        fresh = status & ~self._status
        if status == 0 and self._status & STATUS_DRIVER_OK:
            self._try("stop", uapi.SET_RUNNING, uapi.number(0))
            self.when_stopped()
        if fresh & STATUS_FEATURES_OK and not self._try("features", uapi.SET_FEATURES, uapi.u64(self._accepted)):
            status &= ~STATUS_FEATURES_OK
        if fresh & STATUS_DRIVER_OK and not self._try("start", uapi.SET_RUNNING, uapi.number(1)):
            status &= ~STATUS_DRIVER_OK
        self._status = status

    def _try(self, what: str, number: int, argument: bytes) -> bool:
        status = self.device.tell(number, argument)
        if status:
            self.refused = (what, status)
        return status == 0

    def offered(self) -> int:
        return self._offered & self._config.features

    def accept(self, features: int) -> None:
        self._accepted = features
        if not features & F_VERSION_1:
            # A legacy driver does not ask whether they are good.
            self._try("features", uapi.SET_FEATURES, uapi.u64(features))
            if not self._config.told_order:
                for queue in range(NUM_QUEUES):
                    self._try("byte order", uapi.SET_VRING_ENDIAN, uapi.state(queue, bool(self._config.big_endian)))

    def accepted(self) -> int:
        return self._accepted

    def set_order(self, queue: int, order: int) -> int:
        return self.device.tell(uapi.SET_VRING_ENDIAN, uapi.state(queue, order))

    def set_queue(self, queue: int, num: int, desc: int, avail: int, used: int) -> int:
        user = [self.layout.user(addr) for addr in (desc, avail, used)]
        return (self.device.tell(uapi.SET_VRING_NUM, uapi.state(queue, num))
                or self.device.tell(uapi.SET_VRING_BASE, uapi.state(queue, self._config.start_idx))
                or self.device.tell(uapi.SET_VRING_ADDR, uapi.addresses(queue, *user))
                or self.device.give_bell(uapi.SET_VRING_KICK, queue, self.kicks[queue])
                or self.device.give_bell(uapi.SET_VRING_CALL, queue, self.calls[queue])
                or self.device.give_bell(uapi.SET_VRING_ERR, queue, self.errors[queue]))

    # --- bells

    def kick(self, queue: int) -> None:
        self.device.ring(self.kicks[queue])

    def begin_kick(self, queue: int) -> None:
        """Kick, and go on while the device hears of it."""
        self.device.agent.begin_write(self.kicks[queue], uapi.u64(1))

    def irqs(self, queue: int) -> int:
        self._settle()
        return self.device.rung(self.calls[queue])
