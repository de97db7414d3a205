# SPDX-License-Identifier: BSD-3-Clause
"""ROB, both roles: a peer that rewrites shared memory while it is being used."""

from __future__ import annotations

from rpmsg_cts import decode
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import RX, TX, Link, Segment
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.lower_device import LowerDevice

OURS, THEIRS = 0x401, 0x5DC


@req("ROB-016")
def test_driver_keeps_its_buffers_to_itself(driver_link: Link) -> None:
    """Descriptors are the driver's to write and the device's to read: what is in them later means nothing."""
    lower = driver_link.lower
    assert isinstance(lower, LowerDevice)
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.works(ept), "the link works before the lie")
    buffers = [lower.take(RX) for _ in range(3)]
    given(all(buffers), "the driver has posted three buffers")
    desc, _, _ = lower.ring_addrs(RX)

    for buffer in buffers:
        forged = decode.Descriptor(0xDEAD_BEE0, 0xFFFFFFFF, 2, 0xFFFF)
        lower.write(desc + 16 * buffer.head, decode.encode_descriptors((forged,), lower.order))
    for i, buffer in enumerate(buffers):
        lower.write(buffer.addr, decode.encode_message(OURS, THEIRS, bytes([i]), lower.order))
        lower.complete(RX, buffer.head, 17)

    expect([b"\0", b"\1", b"\2"], [m.payload for m in driver_link.delivered(ept, 3)], "delivered")
    expect(True, driver_link.works(ept), "whether the next message arrives")


@req("ROB-016")
def test_device_keeps_the_heads_to_itself(device_link: SimLink) -> None:
    """The available ring is the driver's: what is in it later does not say which buffer comes back."""
    device_link.needs("buffers that are kept")
    lower = device_link.lower
    keeper = device_link.upper.open(src=THEIRS)
    given(device_link.works(keeper), "the link works before the lie")
    lower.returned()
    device_link.upper.hold(keeper, True)
    given(lower.offer(TX, [Segment(lower.tx_addr(5), 17, False)], token=77) == 0, "a message is offered")
    lower.write(lower.tx_addr(5), decode.encode_message(OURS, THEIRS, b"x", lower.order))
    lower.kick(TX)
    given(len(device_link.delivered(keeper)) == 1, "the message is delivered and kept")

    _, avail, _ = lower.ring_addrs(TX)
    lower.write(avail + 4, b"\x07\x00" * lower.num)
    device_link.upper.release(0)
    device_link.settle()

    returned = lower.reclaim(TX)
    expect(77, returned and returned[0], "buffer that was given back")
