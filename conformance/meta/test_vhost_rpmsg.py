# SPDX-License-Identifier: BSD-3-Clause
"""What our vhost-rpmsg modules do beyond the requirements: the kernel's own clients on the device's side, unmodified;
endpoints that work by themselves; ioctls in any order."""

from __future__ import annotations

import errno
import select
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from meta.preparation import or_skip
from rpmsg_cts import decode
from rpmsg_cts import vhost_uapi as uapi
from rpmsg_cts.clients_linux import SAMPLE, Clients
from rpmsg_cts.guest.guest import Guest, VhostUserDevice, load
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.guest.runtime import runtime_folder
from rpmsg_cts.guest_memory import GuestMemory
from rpmsg_cts.lab import VHOST_MODULES
from rpmsg_cts.link import ANY, F_NS, F_VERSION_1, RX, TX, Channel, Config, Message, Segment
from rpmsg_cts.link_vhost import VhostLink
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import VHOST_API, VHOST_BUS, Lane
from rpmsg_cts.upper_vhost import UpperVhostBus, parent_of
from rpmsg_cts.vhost_user import VhostUser

pytestmark = [pytest.mark.guest, pytest.mark.timeout(180)]

PAGES = 1024
OURS, THEIRS = 0x401, 900
NAME, HELLO = "rpmsg-client-sample", b"hello world!"
COUNT = 20
PAGE = 4096
# Where in the memory the log of written pages is, and the feature that asks for it.
LOG, LOG_ALL = 2 << 20, 1 << 26


@dataclass
class Devices:
    """A guest, and links to its vhost devices: one at a time, each a device of its own."""

    target: str
    guest: Guest
    memory: GuestMemory
    reactor: Reactor
    link: VhostLink | None = None

    def __call__(self, config: Config = Config()) -> VhostLink:
        self.close()
        self.link = VhostLink(Lane(self.target, "device"), config, self.guest, self.memory, self.reactor)
        self.link.begin()
        return self.link

    def close(self) -> None:
        """End the last link."""
        last, self.link = self.link, None
        if last:
            last.close()


def booted(target: str) -> Iterator[Devices]:
    reactor = Reactor()
    path = runtime_folder().path / target
    with or_skip():
        image = kernel_image(target)
    backend = VhostUser(path, F_VERSION_1, reactor)
    with Guest.boot(reactor, [VhostUserDevice(str(path))], image=image) as guest:
        guest.load_bus()
        for module in VHOST_MODULES[target]:
            load(guest, module)
        memory = GuestMemory(backend.native, backend.xport, guest.agent, PAGES, guest.hello.page_size_bytes)
        devices = Devices(target, guest, memory, reactor)
        yield devices
        devices.close()
        memory.close()
    backend.close()
    reactor.close()


@pytest.fixture(scope="module", name="bus")
def bus_fixture() -> Iterator[Devices]:
    yield from booted(VHOST_BUS)


@pytest.fixture(scope="module", name="api")
def api_fixture() -> Iterator[Devices]:
    yield from booted(VHOST_API)


# --- the bus


@pytest.fixture(name="link")
def link_fixture(bus: Devices) -> VhostLink:
    return bus()


@pytest.fixture(name="clients")
def clients_fixture(bus: Devices, link: VhostLink) -> Iterator[Clients]:
    clients = Clients(bus.guest, parent_of(link.agent, link.bus.device.handle))
    yield clients
    clients.finish()


def hands(link: VhostLink) -> UpperVhostBus:
    """Ours on the bus."""
    assert isinstance(link.upper, UpperVhostBus)
    return link.upper


def offer(link: VhostLink, name: str = NAME, src: int = ANY) -> int:
    """Offer a service.  Return: the address that the driver was told."""
    link.agent.create_dev(hands(link).control(), name, src, ANY)
    link.settle()
    message = link.next_message("the announcement")
    words = decode.decode_name_service(message.payload, link.lower.order)
    assert (message.header.dst, words.name, words.flags) == (decode.NS_ADDR, name, 0)
    return words.addr


def talk(link: VhostLink, address: int, first: Message | None = None) -> list[bytes]:
    """Answer what the sample says to `address`, until it is silent.  Return: what it said."""
    said = [] if first is None else [first.payload]
    while (message := link.poll_message(timeout_s=0.5)) is not None:
        said.append(message.payload)
        if len(said) <= COUNT:
            link.lower.send(address, message.header.src, HELLO)
    return said


def test_the_sample_serves_whoever_takes_its_offer(link: VhostLink, clients: Clients) -> None:
    """The question of 2020: the client is as the kernel has it, and sends in its probe."""
    clients.load(SAMPLE, f"count={COUNT}")
    address = offer(link)
    assert hands(link).channels() == []

    link.lower.send(OURS, address, HELLO)
    link.settle()
    greeting = link.next_message("what the sample sends in its probe")

    assert (greeting.header.src, greeting.header.dst, greeting.payload) == (address, OURS, HELLO)
    assert hands(link).channels() == [Channel(NAME, OURS, address)]
    # One in the probe, and one for each message but the last.
    assert talk(link, OURS, greeting) == [HELLO] * COUNT


def test_the_sample_greets_a_service_of_the_driver(link: VhostLink, clients: Clients) -> None:
    """As on virtio_rpmsg_bus, the other way round."""
    clients.load(SAMPLE)
    link.lower.announce(NAME, OURS)
    link.settle()
    link.agent.write_file("/sys/bus/rpmsg/drivers_autoprobe", "1")

    entry = clients.entry(NAME, -1, OURS)
    if not link.agent.exists(f"/sys/bus/rpmsg/devices/{entry}/driver"):
        assert clients.bind(SAMPLE, entry) == 0
    message = link.next_message("the greeting")
    assert (message.header.dst, message.payload) == (OURS, HELLO)


def test_an_offer_meets_a_service_of_the_same_name(link: VhostLink) -> None:
    """Both ends have announced: that is one channel, whose addresses are known."""
    address = offer(link, "rpmsg-both")
    link.lower.announce("rpmsg-both", OURS)
    link.settle()

    assert hands(link).channels() == [Channel("rpmsg-both", OURS, address)]
    link.lower.withdraw("rpmsg-both", OURS)
    link.settle()
    assert hands(link).channels() == []
    link.lower.send(OURS + 1, address, b"another one")
    link.settle()
    assert hands(link).channels() == [Channel("rpmsg-both", OURS + 1, address)]


def test_messages_wait_for_a_client_that_comes_later(link: VhostLink, clients: Clients) -> None:
    """The driver's side may be quicker than whoever loads modules."""
    address = offer(link)
    for _ in range(3):
        link.lower.send(OURS, address, HELLO)
    link.settle()
    assert link.lower.receive() is None

    link.agent.write_file("/sys/bus/rpmsg/drivers_autoprobe", "1")
    clients.load(SAMPLE)
    link.settle()

    said = [link.next_message("what the sample says").payload for _ in range(4)]
    assert said == [HELLO] * 4  # in its probe, and to each of the three
    assert link.lower.receive() is None


def test_who_takes_an_offer_has_an_address(link: VhostLink) -> None:
    """Messages from everywhere take nothing, however many they are; the one behind them does."""
    address = offer(link, "rpmsg-patient")
    for _ in range(4):
        for _ in range(5):
            link.lower.send(ANY, address, b"?", notify=False)
        link.bus.kick(TX)
        link.settle()
    assert hands(link).channels() == []

    link.lower.send(OURS, address, b"!")
    link.settle()

    assert hands(link).channels() == [Channel("rpmsg-patient", OURS, address)]


def test_an_offer_outlives_the_driver_and_ends_when_told(link: VhostLink) -> None:
    """A driver that starts again is told again; nobody is told of what has ended."""
    address = offer(link, "rpmsg-lasting")
    link.lower.send(OURS, address, b"mine")
    link.settle()
    assert hands(link).channels() == [Channel("rpmsg-lasting", OURS, address)]

    link.restart()
    again = decode.decode_name_service(link.next_message("the announcement").payload, link.lower.order)
    assert (again.name, again.addr, again.flags) == ("rpmsg-lasting", address, 0)
    assert hands(link).channels() == []

    link.agent.release_dev(hands(link).control(), "rpmsg-lasting", ANY, ANY)
    link.settle()
    end = decode.decode_name_service(link.next_message("the withdrawal").payload, link.lower.order)
    assert (end.name, end.addr, end.flags) == ("rpmsg-lasting", address, decode.NS_DESTROY)
    link.restart()
    assert link.lower.receive() is None


@pytest.mark.parametrize("name", ["rpmsg_ns", "rpmsg_ctrl"])
def test_a_driver_cannot_end_what_the_bus_lives_on(link: VhostLink, name: str) -> None:
    """The name service would wait for its own callback to return."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    before = link.agent.list_dir("/sys/bus/rpmsg/devices")
    for addr in (decode.NS_ADDR, 0):
        link.lower.withdraw(name, addr)
        link.lower.announce(name, addr)
    link.settle()

    assert link.agent.list_dir("/sys/bus/rpmsg/devices") == before
    assert link.works(ept)


def test_a_client_is_told_when_it_can_write(link: VhostLink) -> None:
    """Who waits for that in poll(2) must not wait for ever, nor be told at once."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    def writable() -> bool:
        return bool(link.agent.poll(ept.handle, select.POLLOUT))

    assert link.until(writable)
    while link.upper.send(ept, b"full") == 0:
        pass
    assert not any((writable(), link.settle(), writable()))
    link.lower.receive()
    assert link.until(writable)


# --- the endpoints of /dev/vhost-rpmsg


def created(link: VhostLink, mode: int, addr: int = ANY, dst: int = ANY, flags: int = 0) -> int:
    return uapi.of_endpoint(link.bus.device.ask(uapi.EPT_CREATE, uapi.endpoint(addr, dst, "", mode=mode, flags=flags)))


def test_an_echo_waits_for_buffers(api: Devices) -> None:
    """More requests than buffers for the answers, and none is lost."""
    link = api(Config(num=4))
    address = created(link, uapi.ECHO)
    payloads = [bytes([i]) * (i % 5) for i in range(40)]
    answers = []
    for payload in payloads:
        if not link.lower.can_send():
            link.settle()
        if not link.lower.can_send():
            answers.append(link.next_message("an answer"))
        link.lower.send(OURS, address, payload, reserved=7, flags=0xABCD)
    link.settle()
    while (message := link.poll_message(timeout_s=0.5)) is not None:
        answers.append(message)

    assert [(m.header.src, m.header.dst, m.payload) for m in answers] == [(address, OURS, p) for p in payloads]
    assert {(m.header.flags, m.header.reserved) for m in answers} == {(0, 0)}


def test_a_source_sends_what_it_was_told(api: Devices) -> None:
    """Each time the rings become live."""
    link = api()
    address = created(link, uapi.SOURCE, dst=OURS, flags=20 << 16)
    for _ in range(2):
        heard = []
        while (message := link.poll_message(timeout_s=0.5)) is not None:
            heard.append((message.header.src, message.header.dst, int.from_bytes(message.payload, "little")))
        assert heard == [(address, OURS, i) for i in range(20)]
        link.lower.start()


def test_a_sink_takes_everything(api: Devices) -> None:
    """And answers nothing."""
    link = api()
    address = created(link, uapi.SINK)
    for _ in range(5 * link.lower.num):
        assert link.lower.can_send()
        link.lower.send(OURS, address, b"gone")
        link.settle()
    assert link.lower.receive() is None


BAD_ENDPOINTS = {
    "mode": uapi.endpoint(ANY, 1, "", mode=4),
    "flag": uapi.endpoint(ANY, 1, "", flags=2),
    "endless-name": uapi.endpoint(ANY, 1, "x" * 32),
    "announced-without-name": uapi.endpoint(ANY, 1, "", flags=uapi.ANNOUNCE),
    "source-to-all": uapi.endpoint(ANY, ANY, "", mode=uapi.SOURCE, flags=1 << 16),
    "count-of-no-source": uapi.endpoint(ANY, 1, "", flags=1 << 16),
}


@pytest.mark.parametrize("wish", BAD_ENDPOINTS.values(), ids=BAD_ENDPOINTS)
def test_an_endpoint_that_cannot_be_is_refused(api: Devices, wish: bytes) -> None:
    """Before anything has happened."""
    assert api(Config(start=False)).bus.device.tell(uapi.EPT_CREATE, wish) == -errno.EINVAL


def test_what_was_written_for_the_driver_is_logged(api: Devices) -> None:
    """Whoever moves a running driver to another machine copies those pages once more."""
    link = api()
    ept = link.upper.open(src=THEIRS, dst=OURS)
    assert link.works(ept)
    link.bus.device.ask(uapi.SET_LOG_BASE, uapi.u64(api.memory.address + LOG))
    link.bus.device.ask(uapi.SET_FEATURES, uapi.u64(link.config.features | LOG_ALL))

    assert link.upper.send(ept, b"x" * 100) == 0
    message = link.next_message()
    link.lower.send(OURS, THEIRS, b"only read")
    link.settle()

    first, last = link.bus.place.bufs // PAGE, (link.bus.place.bufs + link.bus.place.bufs_bytes - 1) // PAGE
    logged = [page for page in range(first, last + 1) if api.memory.bytes[LOG + page // 8][0] >> page % 8 & 1]
    assert logged == [message.addr // PAGE]


# --- ioctls, of both


@pytest.fixture(name="make", params=["api", "bus"])
def make_fixture(request: pytest.FixtureRequest) -> Devices:
    devices: Devices = request.getfixturevalue(request.param)
    return devices


LIVE = {
    "owner": (uapi.SET_OWNER, b"", errno.EBUSY),
    "size": (uapi.SET_VRING_NUM, uapi.state(RX, 4), errno.EBUSY),
    "index": (uapi.SET_VRING_BASE, uapi.state(TX, 4), errno.EBUSY),
    "order": (uapi.SET_VRING_ENDIAN, uapi.state(TX, 1), errno.EBUSY),
    "features": (uapi.SET_FEATURES, uapi.u64(F_VERSION_1), errno.EBUSY),
    "unknown-features": (uapi.SET_FEATURES, uapi.u64(F_NS | F_VERSION_1 | 2), errno.EOPNOTSUPP),
    "backend-features": (uapi.SET_BACKEND_FEATURES, uapi.u64(1), errno.EOPNOTSUPP),
    "no-such-ring": (uapi.SET_VRING_KICK, uapi.file(2, -1), errno.ENOBUFS),
    "no-bell": (uapi.SET_VRING_KICK, uapi.file(RX, 0x7FFFFFFF), errno.EBADF),
    "no-such-ioctl": (uapi.SET_RUNNING + 0x7E, uapi.u64(0), errno.ENOTTY),
}


@pytest.mark.parametrize(("number", "argument", "error"), LIVE.values(), ids=LIVE)
def test_what_cannot_be_changed_is_not(make: Devices, number: int, argument: bytes, error: int) -> None:
    """A live device says no, and goes on."""
    link = make()
    ept = link.upper.open(src=THEIRS, dst=OURS)
    assert link.works(ept)

    assert link.bus.device.tell(number, argument) == -error

    assert link.works(ept)


def test_a_table_that_shrinks_costs_messages_alone(make: Devices) -> None:
    """Buffers that are no longer the driver's come back unread, and the device goes on."""
    link = make()
    ept = link.upper.open(src=THEIRS, dst=OURS)
    assert link.works(ept)
    link.lower.returned()
    regions = link.bus.layout.regions
    link.bus.device.ask(uapi.SET_MEM_TABLE, uapi.memory(regions[:1]))

    link.lower.send(OURS, THEIRS, b"where?")
    link.settle()

    assert link.upper.received(ept) == []
    assert link.lower.returned() == [0]
    link.bus.device.ask(uapi.SET_MEM_TABLE, uapi.memory(regions))
    assert link.works(ept)


REFUSED = {
    "short": lambda addr: Segment(addr, 15, False),
    "to-be-written": lambda addr: Segment(addr, 64, True),
    "outside": lambda addr: Segment(0x10, 64, False),
}


@pytest.mark.parametrize("segment", REFUSED.values(), ids=REFUSED)
def test_the_return_of_a_refused_buffer_is_told(make: Devices, segment: Callable[[int], Segment]) -> None:
    """A driver without a free buffer sleeps until it is told, whatever became of its message."""
    link = make()
    link.lower.interrupts(TX, True)
    before = link.lower.notified(TX)

    assert link.lower.offer(TX, [segment(link.lower.tx_addr(0))], token=0) == 0
    link.lower.kick(TX)
    link.settle()

    assert link.lower.returned() == [0]
    assert link.lower.notified(TX) == before + 1


def test_a_start_without_rings_is_refused(make: Devices) -> None:
    """Whatever was forgotten; the same device starts once it is there."""
    link = make(Config(start=False))
    assert link.bus.device.tell(uapi.SET_RUNNING, uapi.number(1)) == -errno.EFAULT
    link.start()
    assert link.works(link.upper.open(src=THEIRS, dst=OURS))


def test_a_device_is_stopped_in_traffic(make: Devices) -> None:
    """With messages in both rings, and one that waits."""
    link = make(Config(num=2))
    ept = link.upper.open(src=THEIRS, dst=OURS)
    for _ in range(2):
        link.upper.send(ept, b"out")
        link.lower.send(OURS, THEIRS, b"in", notify=False)
    job = link.upper.send_blocking(ept, b"waits")
    link.bus.kick(TX)
    link.lower.set_status(0)

    assert link.until(lambda: job.result() is not None)
    assert job.result() in (-errno.ENOTCONN, -errno.EPIPE)
    again = make()
    assert again.works(again.upper.open(src=THEIRS, dst=OURS))
