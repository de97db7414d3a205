# SPDX-License-Identifier: BSD-3-Clause
"""ROB, device role: lies of a driver that take more than one row of the table of faults.

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


def publish_raw(link: SimLink, head: int) -> None:
    """An available entry that the driver's own code would never write."""
    lower = link.lower
    _, avail, _ = lower.ring_addrs(TX)
    idx = lower.avail_idx(TX)
    lower.write(avail + 4 + 2 * (idx % lower.num), head.to_bytes(2, order_of(link)))
    lower.write(avail + 2, ((idx + 1) & 0xFFFF).to_bytes(2, order_of(link)))
    link.lower.bus.kick(TX)
    link.settle()


def restart_cures(link: SimLink) -> None:
    """Whatever the lie did to the queue, a reset must cure it."""
    link.restart()
    again = link.upper.open(src=THEIRS + 1, dst=OURS)
    expect(True, link.works(again), "whether a message arrives after a reset")


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


@req("ROB-010")
@pytest.mark.parametrize("loop", [[0, 1], [0, 1, 2]], ids=["two", "three"])
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
