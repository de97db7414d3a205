# SPDX-License-Identifier: BSD-3-Clause
"""VHO: what every vhost device of a kernel owes to whoever holds its descriptor, order and sense or not."""

from __future__ import annotations

import errno
import os

import pytest

from rpmsg_cts import decode
from rpmsg_cts import vhost_uapi as uapi
from rpmsg_cts.bus_vhost import PAGE
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, RX, TX, Config, Endpoint
from rpmsg_cts.link_vhost import VhostLink
from rpmsg_cts.plugin_link import config

OURS, THEIRS = 0x401, 0x5DC
F_LOG_ALL = 1 << 26
UNDEFINED = 1 << 49
STOPPED = config(stopped=Config(start=False))
CLOSED = 9999  # a descriptor that nobody has
REFUSED = "whether it is refused"


def talks(link: VhostLink, ept: Endpoint, what: str) -> None:
    """Judge whether messages pass both ways."""
    expect(True, link.works(ept, what.encode()), f"whether a message arrives {what}")
    expect(0, link.upper.send(ept, b"and back"), f"result of sending {what}")
    message = link.poll_message()
    expect(b"and back", message and message.payload, f"payload on the wire {what}")


@pytest.fixture
def ept(device_link: VhostLink) -> Endpoint:
    """An endpoint of a running device that is known to work."""
    endpoint = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(endpoint), "the link works")
    return endpoint


def setup_commands(link: VhostLink) -> dict[str, tuple[int, bytes]]:
    """What a device is told before it runs, and the start."""
    layout = link.bus.layout
    place = [layout.user(addr) for addr in link.lower.ring_addrs(RX)]
    bell = uapi.file(RX, link.agent.descriptor(link.bus.kicks[RX]))
    return {
        "SET_MEM_TABLE": (uapi.SET_MEM_TABLE, uapi.memory(layout.regions)),
        "SET_VRING_NUM": (uapi.SET_VRING_NUM, uapi.state(RX, link.lower.num)),
        "SET_VRING_BASE": (uapi.SET_VRING_BASE, uapi.state(RX, 0)),
        "SET_VRING_ADDR": (uapi.SET_VRING_ADDR, uapi.addresses(RX, *place)),
        "SET_VRING_KICK": (uapi.SET_VRING_KICK, bell),
        "SET_VRING_CALL": (uapi.SET_VRING_CALL, bell),
        "SET_VRING_ERR": (uapi.SET_VRING_ERR, bell),
        "SET_RUNNING": (uapi.SET_RUNNING, uapi.number(1)),
    }


@req("VHO-001")
@STOPPED
def test_nothing_is_done_for_nobody(device_link: VhostLink) -> None:
    """A device works on the memory of its owner, and has none to work on before there is one."""
    commands = setup_commands(device_link)
    device = device_link.another_device()

    early = {name: device.tell(*command) for name, command in commands.items()}
    owners = [device.tell(uapi.SET_OWNER) for _ in range(2)]

    expect({name: -errno.EPERM for name in commands}, early, "results without an owner")
    expect([0, -errno.EBUSY], owners, "results of VHOST_SET_OWNER, twice")
    expect(0, device.tell(*commands["SET_MEM_TABLE"]), "result of VHOST_SET_MEM_TABLE then")


@req("VHO-002")
@STOPPED
@pytest.mark.parametrize("there", [(), (RX,), (TX,)], ids=["neither ring", "ring 0", "ring 1"])
def test_a_device_without_all_rings_does_not_run(device_link: VhostLink, there: tuple[int, ...]) -> None:
    """It would read rings at address 0."""
    bus, lower = device_link.bus, device_link.lower
    lower.negotiate()
    for queue in there:
        given(bus.set_queue(queue, lower.num, *lower.ring_addrs(queue)) == 0, f"ring {queue} is taken")

    early = bus.device.tell(uapi.SET_RUNNING, uapi.number(1))

    expect(True, early < 0, f"{REFUSED} to run (result {early})")
    device_link.start()
    talks(device_link, device_link.upper.open(src=THEIRS, dst=OURS), "once all is there")


@req("VHO-002")
@STOPPED
def test_a_device_without_memory_does_not_run(device_link: VhostLink) -> None:
    """There is nothing that an address in a descriptor could mean."""
    device, bus, lower = device_link.another_device(), device_link.bus, device_link.lower
    given(device.tell(uapi.SET_OWNER) == 0, "it has an owner")
    for queue in (RX, TX):
        user = [bus.layout.user(addr) for addr in lower.ring_addrs(queue)]
        given(device.tell(uapi.SET_VRING_NUM, uapi.state(queue, lower.num)) == 0, "a size is taken")
        given(device.tell(uapi.SET_VRING_ADDR, uapi.addresses(queue, *user)) == 0, "addresses are taken")

    status = device.tell(uapi.SET_RUNNING, uapi.number(1))

    expect(True, status < 0, f"{REFUSED} to run (result {status})")


@req("VHO-003")
def test_arguments_that_cannot_be_change_nothing(device_link: VhostLink, ept: Endpoint) -> None:
    """Each of them is refused by a device that goes on running."""
    bus, lower = device_link.bus, device_link.lower
    desc, avail, used = (bus.layout.user(addr) for addr in lower.ring_addrs(TX))
    wrong = {
        "a size of 0": (uapi.SET_VRING_NUM, uapi.state(TX, 0)),
        "a size of 3": (uapi.SET_VRING_NUM, uapi.state(TX, 3)),
        "a size of 65536": (uapi.SET_VRING_NUM, uapi.state(TX, 65536)),
        "a base of 65536": (uapi.SET_VRING_BASE, uapi.state(TX, 65536)),
        "queue 2": (uapi.SET_VRING_NUM, uapi.state(2, 8)),
        "queue 0xffffffff": (uapi.SET_VRING_ADDR, uapi.addresses(0xFFFFFFFF, desc, avail, used)),
        "an odd available ring": (uapi.SET_VRING_ADDR, uapi.addresses(TX, desc, avail + 1, used)),
        "an odd used ring": (uapi.SET_VRING_ADDR, uapi.addresses(TX, desc, avail, used + 2)),
        "an unknown flag": (uapi.SET_VRING_ADDR, uapi.addresses(TX, desc, avail, used, flags=0x80)),
        "rings in nobody's memory": (uapi.SET_VRING_ADDR, uapi.addresses(TX, 1 << 63, 1 << 63, 1 << 63)),
        "another size while running": (uapi.SET_VRING_NUM, uapi.state(TX, lower.num // 2)),
        "another base while running": (uapi.SET_VRING_BASE, uapi.state(TX, 1)),
        "a second start, and a number that is none": (uapi.EPT_CREATE + (1 << 16), b"\0" * 52),
    }

    results = {what: bus.device.tell(*command) for what, command in wrong.items()}

    expect([], [what for what, status in results.items() if status >= 0], "arguments that were taken")
    expect([-errno.EBUSY] * 2, [results["another size while running"], results["another base while running"]],
           "results while running")
    talks(device_link, ept, "after arguments that cannot be")


@req("VHO-003")
def test_a_pointer_to_nothing_is_refused(device_link: VhostLink, ept: Endpoint) -> None:
    """The argument of an ioctl is an address that anybody can make up."""
    bus = device_link.bus
    numbers = {name: number for name, (number, _) in setup_commands(device_link).items()}

    results = {name: bus.device.tell_value(number, 16) for name, number in numbers.items()}

    expect({name: -errno.EFAULT for name in numbers}, results, "results of ioctls whose argument is at address 16")
    talks(device_link, ept, "after arguments at address 16")


@req("VHO-004")
@pytest.mark.parametrize("which", ["KICK", "CALL", "ERR"])
def test_what_is_no_eventfd_is_no_bell(device_link: VhostLink, ept: Endpoint, which: str) -> None:
    """The bells that were there are not lost by it."""
    device, number = device_link.bus.device, getattr(uapi, f"SET_VRING_{which}")
    file = device_link.agent.open("/proc/version", os.O_RDONLY)
    descriptor = device_link.agent.descriptor(file)

    results = [device.tell(number, uapi.file(queue, fd)) for queue in (RX, TX) for fd in (descriptor, CLOSED)]
    device_link.agent.close_handle(file)

    expect([-errno.EINVAL, -errno.EBADF] * 2, results, "results for a file, and for no descriptor at all")
    before = device_link.lower.notified(TX)
    talks(device_link, ept, "after bells that are none")
    expect(True, device_link.lower.notified(TX) > before, "whether the device still rings the bell that it had")


@req("VHO-004")
def test_a_bell_can_be_replaced(device_link: VhostLink, ept: Endpoint) -> None:
    """A virtual machine changes its interrupts while it runs."""
    bus, lower = device_link.bus, device_link.lower
    old_kick, old_call = bus.kicks[TX], bus.calls[TX]
    bus.kicks[TX], bus.calls[TX] = bus.device.bell(), bus.device.bell()
    given(bus.device.give_bell(uapi.SET_VRING_KICK, TX, bus.kicks[TX]) == 0, "another kick is taken")
    given(bus.device.give_bell(uapi.SET_VRING_CALL, TX, bus.calls[TX]) == 0, "another call is taken")
    device_link.settle()
    silent = bus.device.rung(old_call)

    lower.send(OURS, THEIRS, b"by the old bell", notify=False)
    bus.device.ring(old_kick)
    early = [m.payload for m in device_link.upper.received(ept)]
    bus.kick(TX)
    late = [m.payload for m in device_link.delivered(ept)]

    expect(([], [b"by the old bell"]), (early, late), "delivered by the old bell, and by the new one")
    expect((silent, 1), (bus.device.rung(old_call), bus.device.rung(bus.calls[TX])), "calls: old bell, new bell")


@req("VHO-005")
def test_a_table_that_cannot_be_is_refused(device_link: VhostLink, ept: Endpoint) -> None:
    """The one that was there stays in force."""
    regions = device_link.bus.layout.regions
    good = uapi.memory(regions)
    first = regions[0]
    tables = {
        "65536 regions": (1 << 16).to_bytes(4, "little") + good[4:],
        "a padding": good[:4] + b"\1" + good[5:],
        "a region around the end of driver addresses": uapi.memory([uapi.Region(-PAGE % (1 << 64), 2 * PAGE, first.user)]),
        "a region in the kernel's memory": uapi.memory([uapi.Region(first.addr, 1 << 40, 1 << 63)]),
    }

    results = {what: device_link.bus.device.tell(uapi.SET_MEM_TABLE, table) for what, table in tables.items()}

    expect([], [what for what, status in results.items() if status >= 0], "tables that were taken")
    talks(device_link, ept, "after tables that cannot be")


@req("VHO-006")
def test_memory_that_was_taken_away_is_left_alone(device_link: VhostLink, ept: Endpoint) -> None:
    """It may be somebody else's already."""
    bus, lower, place = device_link.bus, device_link.lower, device_link.lower.place
    rings, buffers, spare = bus.layout.regions
    lower.send(OURS, THEIRS, b"in memory that is taken away", notify=False)
    given(bus.device.tell(uapi.SET_MEM_TABLE, uapi.memory([rings, spare])) == 0, "the smaller table is taken")
    before = lower.read(place.bufs, place.bufs_bytes)

    bus.kick(TX)
    got = [m.payload for m in device_link.upper.received(ept)]
    device_link.upper.send(ept, b"must not be written")
    device_link.settle()

    expect([], got, f"delivered from a region at {buffers.addr:#x} that is not in the table")
    expect(True, before == lower.read(place.bufs, place.bufs_bytes), "whether the region is as it was")
    bus.device.ask(uapi.SET_MEM_TABLE, uapi.memory(bus.layout.regions))
    device_link.restart()
    talks(device_link, device_link.upper.open(src=THEIRS + 1, dst=OURS), "with all memory back, and a new start")


@req("VHO-007")
def test_a_closed_device_does_nothing(device_link: VhostLink, ept: Endpoint) -> None:
    """Its owner may have given the memory back."""
    bus, lower = device_link.bus, device_link.lower
    for i in range(lower.num // 2):
        lower.send(OURS, THEIRS, bytes([i]), notify=i < lower.num // 4)

    device_link.close_device()
    device_link.settle()
    # One that is still there has dealt with the others by now, kicked for them or not.
    for i in range(lower.num // 2):
        lower.send(OURS, THEIRS, bytes([i]), notify=False)
    used = [lower.used_idx(queue) for queue in (RX, TX)]
    rung = [bus.device.rung(bell) for bell in bus.calls]
    for queue in (RX, TX):
        bus.kick(queue)
    device_link.settle()

    expect(used, [lower.used_idx(queue) for queue in (RX, TX)], "used.idx of both rings when kicked after the close")
    expect(rung, [bus.device.rung(bell) for bell in bus.calls], "calls of both rings then")
    device_link.reopen()
    again = device_link.upper.open(src=THEIRS, dst=OURS)
    expect([], device_link.upper.received(again), "messages of the old device at an endpoint of the new one")
    talks(device_link, again, "on a new device")


@req("VHO-008")
def test_features_that_were_not_offered_are_refused(device_link: VhostLink, ept: Endpoint) -> None:
    """A front end must learn what it cannot promise to its driver."""
    device = device_link.bus.device
    offered = uapi.of_u64(device.ask(uapi.GET_FEATURES, uapi.u64(0)))
    given(not offered & UNDEFINED, "the device does not offer a bit that has no meaning")

    results = [device.tell(number, uapi.u64(features)) for number, features in (
        (uapi.SET_FEATURES, offered | UNDEFINED), (uapi.SET_FEATURES, ~0 & (1 << 64) - 1),
        (uapi.SET_BACKEND_FEATURES, UNDEFINED))]

    expect([-errno.EOPNOTSUPP] * 3, results, "results of features that were not offered")
    talks(device_link, ept, "after features that were not offered")


@req("VHO-009")
@config(plain=Config(), wrap=Config(start_idx=0xFFFD), event=Config(features=F_NS | F_VERSION_1 | F_EVENT_IDX, start_idx=0x7FFE))
def test_a_stopped_ring_goes_on_where_it_was(device_link: VhostLink, ept: Endpoint) -> None:
    """A virtual machine is stopped and continued, and its driver does not know."""
    bus, start = device_link.bus, device_link.config.start_idx
    talks(device_link, ept, "before the stop")
    indices = [(start + 2) & 0xFFFF, (start + 1) & 0xFFFF]

    bus.pause()
    bases = [uapi.of_state(bus.device.ask(uapi.GET_VRING_BASE, uapi.state(queue, 0))) for queue in (TX, RX)]
    for queue, base in zip((TX, RX), bases):
        given(bus.device.tell(uapi.SET_VRING_BASE, uapi.state(queue, base)) == 0, f"base {base:#x} is taken")
    given(bus.resume(), "the device starts again")

    expect(indices, bases, "VHOST_GET_VRING_BASE of ring 1 and ring 0")
    # On a bus it went with the stop.
    again = device_link.upper.open(src=THEIRS + 1, dst=OURS)
    for i in range(2 * device_link.lower.num):
        talks(device_link, again, f"after going on, round {i}")


@req("VHO-010")
def test_pages_that_are_written_are_logged(device_link: VhostLink, ept: Endpoint) -> None:
    """A page that is missing in the log is not copied to where the machine goes, and messages are garbage there."""
    bus, lower = device_link.bus, device_link.lower
    given(bus.offers(F_LOG_ALL), "the device offers VHOST_F_LOG_ALL")
    log = bus.start_log()
    lower.send(OURS, THEIRS, b"read, not written")
    given(len(device_link.delivered(ept)) == 1, "the message is delivered")
    given(device_link.upper.send(ept, b"written") == 0, "the device sends")
    message = device_link.next_message()

    marked = log.pages()

    written = {message.addr // PAGE, *(lower.ring_addrs(queue)[2] // PAGE for queue in (RX, TX))}
    expect([], sorted(map(hex, written - marked)), "pages that the device has written and not logged")
    others = {lower.tx_addr(0) // PAGE} - {lower.rx_addr(i) // PAGE for i in range(lower.num)}
    expect([], sorted(map(hex, others & marked)), "pages that it has only read, and logged")


ROUNDS = 400
MOMENTS = 50


def moment(turn: int) -> tuple[int, int]:
    """Before how many of the device's last messages the next one comes, and looks at its index until then."""
    return (0, turn % MOMENTS) if turn % 2 else (1, turn % MOMENTS * 12)


@req("VHO-011")
@config(flags=Config(num=16), event=Config(num=16, features=F_NS | F_VERSION_1 | F_EVENT_IDX))
def test_no_wake_up_is_lost(device_link: VhostLink, ept: Endpoint) -> None:
    """A message that comes while the device goes to sleep would wait for the next one, which may never come."""
    lower, bus, unkicked = device_link.lower, device_link.bus, 0
    last = decode.encode_message(OURS, THEIRS, b"asleep?", lower.order)
    with device_link.apart():
        for i in range(ROUNDS):
            for _ in range(lower.num - 1):
                lower.send(OURS, THEIRS, b"work", notify=False)
            given(lower.wants_kick(TX), "the device wants to hear of new messages")
            # When it has done all that, it goes to sleep: there comes another, at a moment of its own each time.
            before, looks = moment(i)
            unkicked += not lower.send_at(last, (lower.avail_idx(TX) - before) & 0xFFFF, looks, lambda: bus.begin_kick(TX))
            device_link.settle()
            expect(lower.avail_idx(TX), lower.used_idx(TX), f"used.idx of ring 1 when nobody runs, round {i} of {ROUNDS}")
            device_link.upper.received(ept)
            given(lower.can_send(), "all that was sent has come back")
    given(unkicked > 0, f"in some of {ROUNDS} rounds the device wanted no kick")
