# SPDX-License-Identifier: BSD-3-Clause
"""What a test holds in its hands: an IUT, our end of its ring, and our hands on its API.

One test runs on every target: it asks for a configuration, and gets a Link or a SKIP that says why there is none.
"""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from rpmsg_cts import decode
from rpmsg_cts.diagram.row import Row
from rpmsg_cts.judge import Mismatch, given, skip
from rpmsg_cts.monitor import Finding
from rpmsg_cts.native import ANY

F_NS = 1 << 0
F_BUFSZ = 1 << 1  # in a draft of Linux; others mean other things by this bit
F_INDIRECT = 1 << 28
F_EVENT_IDX = 1 << 29
F_VERSION_1 = 1 << 32
F_ACCESS_PLATFORM = 1 << 33

DELIVERY_TIMEOUT_S = 1.0
MOST_MESSAGES = 1024  # taken from an endpoint at once: one that gets stale messages gets them without end

SOMEBODY = 0x7E57  # an address that no test uses otherwise

RX, TX = 0, 1  # queue 0: device to driver, queue 1: driver to device

STATUS_ACKNOWLEDGE, STATUS_DRIVER, STATUS_DRIVER_OK, STATUS_FEATURES_OK, STATUS_FAILED = 1, 2, 4, 8, 128


@dataclass(frozen=True)
class Config:
    """What a test wants of its link.

    num: entries per ring.  features: offered by the device.  align: of contiguous rings in bytes, 0 for three separate
    addresses.  big_endian: the driver's processor; None is whatever the target has.  start_idx: first ring index.  dirty: memory starts full of this byte.
    device_id: virtio device id.  refuse_features: the device does not accept the driver's features.  start: the driver
    end is brought up before the test begins.

    tx_buf_bytes: size of the buffers that the driver sends in, 0 for the same as `buf_bytes`.  low_features: the
    transport has 32 feature bits.  told_order: the device has to be told the driver's byte order.  bus_offset: bus address
    less physical address.  bufsz: the driver takes feature bit 1 for buffer sizes, which are in `space`, the device's
    configuration space.  learn_dst: endpoints without a destination adopt the source of their first message.
    """

    num: int = 8
    features: int = F_NS | F_VERSION_1
    align: int = 16
    buf_bytes: int = 512
    big_endian: bool | None = None
    start_idx: int = 0
    dirty: int = 0
    device_id: int = 7
    refuse_features: bool = False
    start: bool = True
    tx_buf_bytes: int = 0
    low_features: bool = False
    told_order: bool = False
    bus_offset: int = 0
    bufsz: bool = False
    space: bytes = b""
    learn_dst: bool = False

    def but(self, **changes: int | bool | bytes) -> Config:
        """The same with some things different."""
        return replace(self, **changes)

    @property
    def order(self) -> str:
        """The byte order of rings and headers."""
        modern = self.features & F_VERSION_1 and not self.low_features
        return "be" if self.big_endian and not modern else "le"

    @property
    def send_bytes(self) -> int:
        """Size of the buffers that the driver sends in."""
        return self.tx_buf_bytes or self.buf_bytes

    def __str__(self) -> str:
        plain = Config()
        parts = [f"{name}={value:#x}" if name == "features" else f"{name}={value}"
                 for name, value in vars(self).items() if value != getattr(plain, name)]
        return ",".join(parts) or "plain"


class Unsupported(Exception):
    """This target has no such link; the text says why."""


class RuleBroken(Mismatch):
    """The IUT did something that makes it impossible to go on, whatever was being judged."""


@dataclass(frozen=True)
class Segment:
    """One buffer of a chain, in the driver's addresses."""

    addr: int
    len: int
    device_writes: bool


@dataclass(frozen=True)
class Buffer:
    """What the driver made available: the head of the chain, and its buffers."""

    head: int
    segments: tuple[Segment, ...]

    @property
    def addr(self) -> int:
        return self.segments[0].addr

    @property
    def len(self) -> int:
        return sum(segment.len for segment in self.segments)


@dataclass(frozen=True)
class Message:
    """A message of the IUT as it lay in its buffer, header decoded by the independent decoder.

    raw: header and payload.  buffer_len: bytes of the descriptor.  addr: peer address of the buffer.  used_len: as the
    IUT claims; None where the IUT is the driver and so claims nothing.
    """

    header: decode.Header
    payload: bytes
    raw: bytes
    buffer_len: int
    head: int
    addr: int
    used_len: int | None = None

    def __str__(self) -> str:
        return f"src {self.header.src:#x} dst {self.header.dst:#x} len {self.header.len}"


@dataclass(frozen=True)
class Delivered:
    """A message that the IUT handed to its client; src is None where the client cannot see it."""

    payload: bytes
    src: int | None


@dataclass(frozen=True, order=True)
class Channel:
    """One channel of the IUT; its local address is not part of what the name service said."""

    name: str
    dst: int
    src: int = field(default=ANY, compare=False)


@dataclass(eq=False)
class Endpoint:
    """An endpoint of the IUT; addr is None where the target does not tell it."""

    handle: int
    addr: int | None
    dst: int
    name: str = ""


class Job(ABC):
    """A blocking send that goes on while the test does."""

    @abstractmethod
    def result(self) -> int | None:
        """None while it waits, then 0 or -errno."""


class Upper(ABC):
    """Upper tester: our hands on the IUT's API.  Return values are 0 or -errno unless said otherwise."""

    # A client of the IUT takes channels of this name as they come.
    service = "rpmsg-raw"
    # What a sender is told that does not want to wait and finds no buffer: FLO-005 has a word for each API.
    no_buffer = -errno.ENOMEM

    @abstractmethod
    def open(self, src: int = ANY, dst: int = ANY, name: str = "test") -> Endpoint:
        """A new endpoint; Refused where the IUT does not make one."""

    @abstractmethod
    def close(self, ept: Endpoint) -> None:
        """No message reaches the endpoint any more."""

    @abstractmethod
    def send(self, ept: Endpoint, payload: bytes) -> int:
        """Send to the endpoint's destination without waiting for a buffer."""

    @abstractmethod
    def send_blocking(self, ept: Endpoint, payload: bytes) -> Job:
        """Send to the endpoint's destination, waiting for a buffer if need be."""

    @abstractmethod
    def received(self, ept: Endpoint, most: int = MOST_MESSAGES) -> list[Delivered]:
        """What the endpoint got since this was last asked, oldest first, up to `most` messages."""

    @abstractmethod
    def channels(self) -> list[Channel]:
        """The channels that the name service made, sorted."""

    @abstractmethod
    def bound(self, channel: Channel) -> Endpoint | None:
        """The endpoint of the client that took this channel, if one did."""

    def bind_by_itself(self, on: bool) -> None:
        """Let clients be bound to channels as they come, or only by bound(); a target may know one way alone."""

    @abstractmethod
    def open_channel(self, name: str, src: int, dst: int) -> int:
        """Make a channel without being told by the peer."""

    @abstractmethod
    def close_channel(self, name: str, src: int, dst: int) -> int:
        """The opposite."""


class Lower(ABC):
    """Lower tester: our end of the ring, in the place of the IUT's peer.  Obeys the rules unless told otherwise."""

    order: str
    num: int

    @abstractmethod
    def send_raw(self, raw: bytes, *, used_len: int | None = None, notify: bool = True) -> int:
        """Put header and payload as they are in front of the IUT.

        used_len: what a device claims to have written; by default what it wrote.

        Return: head of the buffer that was used.
        """

    @abstractmethod
    def can_send(self) -> bool:
        """Whether there is a buffer for a message to the IUT."""

    @abstractmethod
    def receive(self, *, give_back: bool = True) -> Message | None:
        """Take the next message of the IUT, if there is one, and give the buffer back by the rules."""

    @abstractmethod
    def give_back(self, message: Message, *, notify: bool = True) -> None:
        """Give back a buffer that receive() was told to keep."""

    @abstractmethod
    def notified(self, queue: int) -> int:
        """Notifications of the IUT for this queue so far."""

    @abstractmethod
    def read(self, addr: int, length: int) -> bytes:
        """Bytes of shared memory."""

    @abstractmethod
    def write(self, addr: int, data: bytes) -> None:
        """Overwrite shared memory; rules are for others."""

    @abstractmethod
    def ring_addrs(self, queue: int) -> tuple[int, int, int]:
        """Peer addresses of descriptors, available ring and used ring."""

    def ring(self, queue: int) -> decode.Vring:
        """The ring as it lies in memory, read by the independent decoder."""
        desc, avail, used = self.ring_addrs(queue)
        return decode.decode_vring_parts(self.read(desc, 16 * self.num), self.read(avail, 6 + 2 * self.num),
                                         self.read(used, 6 + 8 * self.num), self.num, self.order)

    def avail_idx(self, queue: int) -> int:
        """avail.idx alone: a long ring is not decoded for it."""
        return self._index(self.ring_addrs(queue)[1])

    def used_idx(self, queue: int) -> int:
        """used.idx alone."""
        return self._index(self.ring_addrs(queue)[2])

    def _index(self, ring_addr: int) -> int:
        return int.from_bytes(self.read(ring_addr + 2, 2), "big" if self.order == "be" else "little")

    def send(self, src: int, dst: int, payload: bytes, *, reserved: int = 0, flags: int = 0,
             notify: bool = True) -> int:
        """Send a well-formed message to the IUT."""
        return self.send_raw(decode.encode_message(src, dst, payload, self.order, reserved=reserved, flags=flags),
                             notify=notify)

    def announce(self, name: str | bytes, addr: int, *, flags: int = 0, src: int | None = None) -> None:
        """Tell the IUT's name service of a service of ours."""
        self.send(addr if src is None else src, decode.NS_ADDR,
                  decode.encode_name_service(name, addr, flags, self.order))

    def withdraw(self, name: str | bytes, addr: int) -> None:
        """Tell the IUT's name service that it is gone."""
        self.announce(name, addr, flags=decode.NS_DESTROY)


class Link(ABC):
    """An IUT in one role, connected."""

    target: str
    role: str
    config: Config
    lower: Lower
    upper: Upper
    # Whether time is ours: 15 s cost nothing, and nothing happens by itself.
    virtual_time = False
    # By which part of its length a time-out may come late.
    lateness = 0.0
    # What cannot be seen over this transport, and why.
    hidden: Mapping[str, str] = {}

    @abstractmethod
    def try_start(self) -> int:
        """Let the driver bind to its device.  Return: 0, or the negative errno with which it refused."""

    @abstractmethod
    def is_running(self) -> bool:
        """Whether a driver has set DRIVER_OK."""

    @abstractmethod
    def until(self, done: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        """Let the IUT go on until `done()` holds.  Return: whether it does."""

    @abstractmethod
    def settle(self) -> None:
        """Let the IUT finish everything that it was told so far."""

    @abstractmethod
    def restart(self) -> None:
        """Reset the device and bring the driver up again; channels are gone, and endpoints are not to be relied on."""

    @abstractmethod
    def spurious(self, queue: int) -> None:
        """Notify the IUT although there is nothing new."""

    @abstractmethod
    def log(self) -> list[str]:
        """What happened, for a reader of the report."""

    def diagram(self) -> list[Row]:
        """What happened on the rings, where every access can be seen."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""

    def marks(self) -> list[int]:
        """How often the IUT came to each mark (rpmsg_cts.marks); nothing where that cannot be seen."""
        return []

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        raise Unsupported(f"{self.target} has no virtual time")

    def begin(self) -> None:
        """Bring the IUT up as the configuration says, once who reads the log is there."""

    def findings(self) -> tuple[Finding, ...]:
        """What a monitor has against the IUT; nothing where none watches."""
        return ()

    def ring(self, *requirements: str) -> None:
        """Judge these requirements by what a monitor saw so far; INCONC where the IUT did not come to them.

        Where no monitor watches, the rest of the test has to do.
        """

    def needs(self, what: str) -> None:
        """Skip the test where `what` cannot be seen on this target."""
        if what in self.hidden:
            skip(self.hidden[what])

    # --- things that many tests do

    def next_message(self, what: str = "a message of the IUT", *, give_back: bool = True) -> Message:
        """Wait for the IUT's next message; INCONC where none comes."""
        message = self.poll_message(give_back=give_back)
        given(message is not None, f"{what} arrives")
        assert message is not None
        return message

    def poll_message(self, *, give_back: bool = True, timeout_s: float = 5.0) -> Message | None:
        """Wait for the IUT's next message.  Return: None where none comes."""
        found: list[Message] = []

        def look() -> bool:
            message = self.lower.receive(give_back=give_back)
            if message is not None:
                found.append(message)
            return bool(found)

        self.until(look, timeout_s)
        return found[0] if found else None

    def sent(self, *, give_back: bool = True) -> list[Message]:
        """What the IUT has sent so far."""
        self.settle()
        messages = []
        while (message := self.lower.receive(give_back=give_back)) is not None:
            messages.append(message)
        return messages

    def delivered(self, ept: Endpoint, count: int = 1) -> list[Delivered]:
        """Wait for `count` messages to an endpoint.  Return: those that came, more or fewer."""
        got: list[Delivered] = []

        def look() -> bool:
            got.extend(self.upper.received(ept))
            return len(got) >= count

        # Given time to deal with what it has, an IUT that delivers nothing then will not do so later.
        self.settle()
        self.until(look, DELIVERY_TIMEOUT_S)
        return got

    def read_buffer(self, message: Message) -> bytes:
        """What is in the buffer of a message that was kept."""
        return self.lower.read(message.addr, len(message.raw))

    def works(self, ept: Endpoint, payload: bytes = b"still there?") -> bool:
        """Whether a message to this endpoint arrives: all that was sent before has been dealt with then."""
        assert ept.addr is not None
        if not self.lower.can_send():
            return False
        self.lower.send(SOMEBODY if ept.dst == ANY else ept.dst, ept.addr, payload)
        return payload in [message.payload for message in self.delivered(ept)]
