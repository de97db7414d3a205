# SPDX-License-Identifier: BSD-3-Clause
"""The way to a kernel's vhost devices, calibrated on one that nobody here has written: /dev/vhost-vsock.

It has two queues as RPMsg has, answers a request to a port where nobody listens, and is in every kernel.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from meta.preparation import or_skip
from rpmsg_cts import vhost_uapi as uapi
from rpmsg_cts.bus_vhost import VhostBus
from rpmsg_cts.guest.guest import Guest, VhostUserDevice
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.guest.runtime import runtime_folder
from rpmsg_cts.guest_memory import GuestMemory
from rpmsg_cts.link import (F_EVENT_IDX, F_INDIRECT, F_VERSION_1, RX, STATUS_DRIVER_OK, STATUS_FEATURES_OK, TX, Config,
                            Segment)
from rpmsg_cts.link_vhost import at_rest
from rpmsg_cts.lower_driver import LowerDriver
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import VHOST_API
from rpmsg_cts.vhost_user import VhostUser

pytestmark = [pytest.mark.guest, pytest.mark.timeout(120)]

DEVICE = "/dev/vhost-vsock"
PAGES = 512
HEADER = struct.Struct("<QQIIIHHIII")  # source, destination, ports, length, type, operation, ...
HOST, GUEST, NOBODY_LISTENS = 2, 3, 99
STREAM, REQUEST, RESET = 1, 1, 3
NOT_ASKED = -1


@dataclass
class Bench:
    """A guest, and its memory in our hands."""

    guest: Guest
    memory: GuestMemory

    def settle(self) -> None:
        """Let the guest's kernel finish."""
        at_rest(self.guest.agent)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    reactor = Reactor()
    path = runtime_folder().path / "vsock"
    with or_skip():
        image = kernel_image(VHOST_API)
    backend = VhostUser(path, F_VERSION_1, reactor)
    with Guest.boot(reactor, [VhostUserDevice(str(path))], image=image) as guest:
        guest.load_bus()
        memory = GuestMemory(backend.native, backend.xport, guest.agent, PAGES, guest.hello.page_size_bytes)
        yield Bench(guest, memory)
        memory.close()
    backend.close()
    reactor.close()


@dataclass
class Vsock:
    """The device, and our driver end on it."""

    bench: Bench
    bus: VhostBus
    lower: LowerDriver

    def ask(self, port: int, *, chop: int = 0, table: int = 0) -> tuple[int, ...]:
        """Ask for a connection from a port of ours.  Return: the fields of the answer."""
        packet = HEADER.pack(GUEST, HOST, port, NOBODY_LISTENS, 0, STREAM, REQUEST, 0, 4096, 0)
        at = self.lower.tx_addr(port % self.lower.num)
        self.lower.write(at, packet)
        pieces = [Segment(at, chop, False)] if chop else []
        pieces.append(Segment(at + chop, len(packet) - chop, False))
        assert self.lower.offer(TX, pieces, token=port, table=table) == 0
        self.lower.kick(TX)
        self.bench.settle()
        assert self.lower.reclaim(TX) == (port, 0)
        return self.answer()

    def answer(self) -> tuple[int, ...]:
        """The fields of what came, whose buffer goes back."""
        used = self.lower.reclaim(RX)
        assert used is not None
        index, length = used
        assert length == HEADER.size
        fields = HEADER.unpack(self.lower.read(self.lower.rx_addr(index), HEADER.size))
        self.lower.post_rx(range(index, index + 1))
        self.lower.kick(RX)
        return fields

    def errors(self) -> int:
        """How often the device told of an error."""
        return sum(self.bus.device.rung(bell) for bell in self.bus.errors)


def made(bench: Bench, config: Config, cid: int = GUEST) -> Vsock:
    bus = VhostBus(bench.guest.agent, bench.memory, DEVICE, config, bench.settle)
    if cid != NOT_ASKED:
        bus.device.ask(uapi.VSOCK_SET_GUEST_CID, uapi.u64(cid))
    return Vsock(bench, bus, LowerDriver(bus, config))


@pytest.fixture
def vsock(bench: Bench, request: pytest.FixtureRequest) -> Iterator[Vsock]:
    device = made(bench, request.param)
    yield device
    device.lower.close()
    device.bus.close()


PLAIN = Config(features=F_VERSION_1)
RINGS = {
    "plain": PLAIN,
    "small-apart": PLAIN.but(num=2, align=0),
    "long": PLAIN.but(num=256, align=4096, buf_bytes=2048),
    "wrap": PLAIN.but(num=4, start_idx=0xFFFD, dirty=0xA5),
    "event": PLAIN.but(features=F_VERSION_1 | F_EVENT_IDX, start_idx=0x7FFE),
    "indirect": PLAIN.but(features=F_VERSION_1 | F_INDIRECT, align=64),
    "native-le": PLAIN.but(features=0),
    "native-be": PLAIN.but(features=F_EVENT_IDX, big_endian=True, start_idx=0xFFFF),
}
of = pytest.mark.parametrize


def rings(*names: str) -> pytest.MarkDecorator:
    """The configurations of these names, or all."""
    wanted = names or tuple(RINGS)
    return of("vsock", [RINGS[name] for name in wanted], ids=wanted, indirect=True)


@rings()
def test_requests_are_answered_on_every_ring(vsock: Vsock) -> None:
    """Memory table, rings, bells, used elements and first index, all seen to work; more messages than entries."""
    table = vsock.lower.place.spare if vsock.bus.offered() & F_INDIRECT else 0
    vsock.lower.start()
    start = vsock.lower.used_idx(RX)

    count = 2 * min(vsock.lower.num, 8) + 1
    answers = [vsock.ask(1000 + i, chop=(i % 3) * 20 if vsock.lower.num > 1 else 0, table=table) for i in range(count)]

    assert answers == [(HOST, GUEST, NOBODY_LISTENS, 1000 + i, 0, STREAM, RESET, *answers[i][7:]) for i in range(count)]
    assert (vsock.lower.used_idx(RX) - start) & 0xFFFF == count
    assert [vsock.lower.notified(queue) for queue in (RX, TX)] == [count, count]
    assert vsock.errors() == 0
    assert vsock.bus.guards_intact()


@rings("plain", "event")
def test_who_asks_for_no_interrupts_gets_none(vsock: Vsock) -> None:
    """What the driver wishes is read by the kernel, from memory that we have written."""
    vsock.lower.start()
    rung = []
    for i, on in enumerate((True, False, False, True)):
        vsock.lower.interrupts(RX, on)
        before = vsock.lower.notified(RX)
        vsock.ask(1000 + i)
        rung.append(vsock.lower.notified(RX) - before)

    assert rung == [1, 0, 0, 1]


@rings("plain")
def test_a_message_waits_for_its_kick(vsock: Vsock) -> None:
    """So that a test knows what a kick did; and one kick stands for all that is there."""
    vsock.lower.start()
    packet = HEADER.pack(GUEST, HOST, 1, NOBODY_LISTENS, 0, STREAM, REQUEST, 0, 4096, 0)
    for i in range(3):
        vsock.lower.write(vsock.lower.tx_addr(i), packet)
        vsock.lower.offer(TX, [Segment(vsock.lower.tx_addr(i), len(packet), False)], token=i)
    vsock.bench.settle()
    before = vsock.lower.used_idx(TX)

    vsock.bus.kick(TX)
    vsock.bench.settle()

    assert (before, vsock.lower.used_idx(TX)) == (0, 3)


@rings("plain")
def test_an_address_of_the_owner_is_none_of_the_driver(vsock: Vsock) -> None:
    """Whoever mixes them up finds nothing there, and the device says so."""
    vsock.lower.start()
    owners = vsock.bus.layout.user(vsock.lower.tx_addr(0))

    vsock.lower.offer(TX, [Segment(owners, HEADER.size, False)], token=0)
    vsock.lower.kick(TX)
    vsock.bench.settle()

    assert owners != vsock.lower.tx_addr(0)
    assert vsock.lower.reclaim(TX) is None
    assert vsock.errors() > 0


@rings("wrap")
def test_it_goes_on_after_a_stop(vsock: Vsock) -> None:
    """Where the index was, as GET_VRING_BASE tells it; and a new start begins at the beginning."""
    vsock.lower.start()
    vsock.ask(1000)
    vsock.ask(1001)
    vsock.lower.set_status(0)

    base = uapi.of_state(vsock.bus.device.ask(uapi.GET_VRING_BASE, uapi.state(TX, 0)))
    vsock.lower.start()

    assert base == (0xFFFD + 2) & 0xFFFF
    assert vsock.ask(1002)[3] == 1002
    assert vsock.lower.used_idx(TX) == 0xFFFE


def test_what_a_device_refuses_stays_refused(bench: Bench) -> None:
    """As registers do: the bit that asked for it is not there afterwards."""
    vsock = made(bench, PLAIN, cid=NOT_ASKED)
    vsock.lower.set_status(3)
    vsock.bus.accept(1 << 63)
    vsock.lower.set_status(3 | STATUS_FEATURES_OK)
    assert (vsock.lower.status, vsock.bus.refused) == (3, ("features", -errno.EOPNOTSUPP))

    vsock.lower.set_status(3 | STATUS_DRIVER_OK)
    assert vsock.lower.status == 3 and vsock.bus.refused[0] == "start"
    assert vsock.bus.set_queue(0, 3, 0, 0, 0) == -errno.EINVAL
    vsock.lower.close()
    vsock.bus.close()


def test_what_is_written_outside_is_seen(bench: Bench) -> None:
    """Behind each piece of the driver's memory is a guard."""
    vsock = made(bench, PLAIN)
    assert vsock.bus.guards_intact()
    vsock.lower.write(vsock.lower.place.bufs + vsock.lower.place.bufs_bytes, b"\0")
    assert not vsock.bus.guards_intact()
    vsock.lower.close()
    vsock.bus.close()
