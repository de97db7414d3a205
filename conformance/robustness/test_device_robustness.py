# SPDX-License-Identifier: BSD-3-Clause
"""ROB, device role: a driver that lies about its ring and its buffers.

Every test is a sandwich: the link works before, the lie is told, and what must still work afterwards does.
"""

from __future__ import annotations

import pytest

from rpmsg_cts import decode
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import RX, TX, Endpoint, Segment
from rpmsg_cts.link_sim import SimLink

OURS, THEIRS = 0x401, 0x5DC
NEXT = 1
TOP = (1 << 64) - 1


@pytest.fixture
def ept(device_link: SimLink) -> Endpoint:
    """An endpoint that is known to get its messages."""
    endpoint = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(endpoint), "the link works before the lie")
    device_link.lower.returned()
    return endpoint


def order_of(link: SimLink) -> str:
    """For int.to_bytes()."""
    return "big" if link.lower.order == "be" else "little"


def offer(link: SimLink, queue: int, segments: list[Segment]) -> None:
    """Offer a chain and let the device look at it."""
    given(link.lower.offer(queue, segments, token=0) == 0, "the chain is offered")
    link.lower.kick(queue, force=True)
    link.settle()


def publish_raw(link: SimLink, head: int, ahead: int = 1) -> None:
    """An available entry that the driver's own code would never write."""
    lower = link.lower
    _, avail, _ = lower.ring_addrs(TX)
    idx = lower.ring(TX).avail.idx
    lower.write(avail + 4 + 2 * (idx % lower.num), head.to_bytes(2, order_of(link)))
    lower.write(avail + 2, ((idx + ahead) & 0xFFFF).to_bytes(2, order_of(link)))
    link.world.native.lib.rps_world_kick(link.world.handle, TX)
    link.settle()


def returned_and_dropped(link: SimLink, ept: Endpoint, what: str) -> None:
    """The bad message is nobody's, its buffer is the driver's again, and the next message arrives."""
    expect([], [m.payload for m in link.upper.received(ept)], f"delivered of {what}")
    expect([0], link.lower.returned(), f"used.len of {what}")
    expect(True, link.works(ept), f"whether a message arrives after {what}")


def restart_cures(link: SimLink) -> None:
    """Whatever the lie did to the queue, a reset must cure it."""
    link.lower.start()
    link.settle()
    again = link.upper.open(src=THEIRS + 1, dst=OURS)
    expect(True, link.works(again), "whether a message arrives after a reset")


@req("ROB-007")
@pytest.mark.parametrize("head", [8, 9, 0xFFFF], ids=hex)
def test_a_head_outside_the_table_is_not_used(device_link: SimLink, ept: Endpoint, head: int) -> None:
    """It would be an index into whatever lies behind the table."""
    publish_raw(device_link, head)

    expect([], device_link.upper.received(ept), f"delivered for head {head:#x} of 8")
    expect(True, device_link.world.guards_intact(), "whether nothing around the rings was written")
    restart_cures(device_link)


@req("ROB-008")
@pytest.mark.parametrize("size", [0, 8, 15])
def test_a_message_shorter_than_its_header_is_dropped(device_link: SimLink, ept: Endpoint, size: int) -> None:
    """size - 16 is a very large number."""
    offer(device_link, TX, [Segment(device_link.lower.tx_addr(0), size, False)])

    returned_and_dropped(device_link, ept, f"a message of {size} bytes")


@req("ROB-008")
@pytest.mark.parametrize("size", [0, 8, 15])
def test_a_receive_buffer_shorter_than_a_header_is_not_written(device_link: SimLink, ept: Endpoint,
                                                               size: int) -> None:
    """The device looks for one that is long enough."""
    lower = device_link.lower
    for _ in range(lower.num):
        given(device_link.upper.send(ept, b"use them up") == 0, "the device sends")
        given(lower.receive(give_back=False) is not None, "the message arrives")
    lower.write(lower.rx_addr(0), b"\xee" * 64)
    given(lower.offer(RX, [Segment(lower.rx_addr(0), size, True)], token=0) == 0, "a short buffer is posted")
    given(lower.offer(RX, [Segment(lower.rx_addr(1), 512, True)], token=1) == 0, "a good buffer is posted")
    lower.kick(RX)

    given(device_link.upper.send(ept, b"hello") == 0, "the device sends")
    first, second = lower.reclaim(RX), lower.reclaim(RX)

    expect(b"\xee" * 64, lower.read(lower.rx_addr(0), 64), f"memory of the {size}-byte buffer")
    expect(((0, 0), (1, 21)), (first, second), "returned: buffer and used.len")


@req("ROB-009")
@pytest.mark.parametrize("hdr_len", [13, 496, 0xFFFF])
def test_a_header_length_above_the_buffer_is_dropped(device_link: SimLink, ept: Endpoint, hdr_len: int) -> None:
    """What lies behind the buffer is another message."""
    raw = decode.encode_header(decode.Header(OURS, THEIRS, 0, hdr_len, 0), device_link.lower.order) + bytes(12)
    device_link.lower.send_raw(raw)
    device_link.settle()

    returned_and_dropped(device_link, ept, f"hdr.len {hdr_len} in a buffer of 28 bytes")


@req("ROB-010")
@pytest.mark.parametrize("loop", [[0], [0, 1], [0, 1, 2]], ids=["self", "two", "three"])
def test_a_loop_of_descriptors_ends(device_link: SimLink, ept: Endpoint, loop: list[int]) -> None:
    """Walking it for ever is what a hostile driver wants."""
    lower = device_link.lower
    desc, _, _ = lower.ring_addrs(TX)
    for here, there in zip(loop, [*loop[1:], loop[0]]):
        entry = decode.Descriptor(lower.tx_addr(here), 4, NEXT, there)
        lower.write(desc + 16 * here, decode.encode_descriptors((entry,), lower.order))

    publish_raw(device_link, loop[0])

    expect([], device_link.upper.received(ept), "delivered of a loop")
    restart_cures(device_link)


@req("ROB-011")
@pytest.mark.parametrize(("addr", "size"), [(0, 28), (TOP, 28), (TOP - 15, 16), (1 << 32, 28)],
                         ids=["zero", "top", "wraps", "above-4g"])
def test_an_address_outside_memory_is_refused(device_link: SimLink, ept: Endpoint, addr: int, size: int) -> None:
    """The driver's word is no pointer."""
    offer(device_link, TX, [Segment(addr, size, False)])

    returned_and_dropped(device_link, ept, f"a message at {addr:#x}")


@req("ROB-011")
def test_a_buffer_that_reaches_beyond_memory_is_refused(device_link: SimLink, ept: Endpoint) -> None:
    """Its first byte is inside, its last is not."""
    place = device_link.lower.place
    end = place.spare + place.spare_bytes + 4096  # the guard behind the spare memory is the end of it all

    offer(device_link, TX, [Segment(end - 8, 16, False)])

    returned_and_dropped(device_link, ept, "a message across the end of memory")


@req("ROB-012")
@pytest.mark.parametrize("ahead", [9, 0x8000, 0xFFFF], ids=["n-plus-1", "far", "back"])
def test_a_jump_of_the_available_index_is_an_error(device_link: SimLink, ept: Endpoint, ahead: int) -> None:
    """Not more than N buffers can be there."""
    publish_raw(device_link, 0, ahead)

    expect([], device_link.upper.received(ept), f"delivered when avail.idx jumps by {ahead:#x}")
    restart_cures(device_link)


@req("ROB-017")
def test_a_message_in_a_writable_buffer_is_refused(device_link: SimLink, ept: Endpoint) -> None:
    """It is a receive buffer on the wrong queue."""
    lower = device_link.lower
    lower.write(lower.tx_addr(0), decode.encode_message(OURS, THEIRS, b"backwards", lower.order))

    offer(device_link, TX, [Segment(lower.tx_addr(0), 25, True)])

    returned_and_dropped(device_link, ept, "a message in a buffer to be written")


@req("ROB-018")
def test_a_flood_of_announcements_leaves_a_live_link(device_link: SimLink, ept: Endpoint) -> None:
    """A table of channels is not without end."""
    for i in range(1000):
        expect(True, device_link.lower.can_send(), f"whether there is a buffer after {i} announcements")
        device_link.lower.announce(f"flood-{i}", 2000 + i)
        device_link.settle()

    expect(True, len(device_link.upper.channels()) <= 1000, "whether the channels are bounded")
    expect(True, device_link.works(ept), "whether a message arrives after 1000 announcements")
