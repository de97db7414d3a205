# SPDX-License-Identifier: BSD-3-Clause
"""ROB, driver role: lies of a device that take more than one row of the table of faults.

Every test is a sandwich: the link works before, the lie is told, and what must still work afterwards does.
"""

from __future__ import annotations

import pytest

from rpmsg_cts import decode
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import RX, Config, Endpoint, Link
from rpmsg_cts.plugin_link import config

OURS, THEIRS = 0x401, 0x5DC
STALE = b"\xee" * 512


@pytest.fixture
def ept(driver_link: Link) -> Endpoint:
    """An endpoint that is known to get its messages."""
    endpoint = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.works(endpoint), "the link works before the lie")
    return endpoint


def lie(link: Link, used_len: int, hdr_len: int, payload: bytes = b"") -> None:
    """A message whose lengths do not fit together, in a buffer full of recognisable bytes."""
    header = decode.Header(OURS, THEIRS, 0, hdr_len, 0)
    raw = decode.encode_header(header, link.lower.order) + payload
    link.lower.send_raw(raw + STALE[len(raw):], used_len=used_len)
    link.settle()


def deliveries(link: Link, ept: Endpoint) -> list[str]:
    """What reached the client, in words: bytes, not contents."""
    return [f"a message of {len(m.payload)} bytes" for m in link.upper.received(ept, most=10)]


def break_and_restart(link: Link) -> None:
    """Whatever the lie did to the queue, a reset must cure it."""
    link.restart()
    again = link.upper.open(src=THEIRS + 1, dst=OURS)
    expect(True, link.works(again), "whether a message arrives after a reset")


@req("ROB-002")
@config(long=Config(num=512))
def test_a_buffer_that_was_never_posted_is_not_taken_back(driver_link: Link, ept: Endpoint) -> None:
    """Taking it would hand one buffer to two owners.  (With 512 entries only 256 descriptors are ever in use.)"""
    lower = driver_link.lower
    ring = lower.ring(RX)
    unposted = set(range(lower.num)) - {ring.avail.ring[i] for i in range(min(ring.avail.idx, lower.num))}
    given(unposted, "some descriptors were never posted")
    buffer = lower.take(RX)
    given(buffer is not None, "there is a buffer to lie about")
    lower.write(buffer.addr, decode.encode_message(OURS, THEIRS, b"from nowhere", lower.order))

    lower.complete(RX, max(unposted), 28)
    driver_link.settle()

    expect([], deliveries(driver_link, ept), f"delivered for used.id {max(unposted):#x}, which was never posted")
    break_and_restart(driver_link)


@req("ROB-004")
@pytest.mark.parametrize("used_len", [0, 8, 15])
@pytest.mark.parametrize("hdr_len", [496, 60000])
def test_a_used_length_below_the_header_is_dropped(driver_link: Link, ept: Endpoint, used_len: int,
                                                   hdr_len: int) -> None:
    """The device says that it has not even written a header; believing the header reads stale memory, or beyond."""
    lie(driver_link, used_len, hdr_len)

    expect([], deliveries(driver_link, ept),
           f"delivered for used.len {used_len} (below the 16-byte header) and hdr.len {hdr_len} in a 512-byte buffer")


@req("ROB-006")
def test_good_messages_behind_a_bad_one_are_delivered(driver_link: Link, ept: Endpoint) -> None:
    """One broken message must not hold up its batch."""
    lower = driver_link.lower
    bad = decode.encode_header(decode.Header(OURS, THEIRS, 0, 496, 0), lower.order)

    lower.send_raw(bad, used_len=28, notify=False)
    lower.send(OURS, THEIRS, b"good one", notify=False)
    lower.send(OURS, THEIRS, b"good two")

    expect([b"good one", b"good two"], [m.payload for m in driver_link.delivered(ept, 2)], "delivered")


@req("ROB-006")
def test_bad_messages_do_not_use_up_the_buffers(driver_link: Link, ept: Endpoint) -> None:
    """After more bad messages than there are buffers, one can still be sent."""
    given(driver_link.lower.avail_idx(RX) > 0, "the driver has posted buffers")
    bad = decode.encode_header(decode.Header(OURS, THEIRS, 0, 496, 0), driver_link.lower.order)

    sent = 0
    for _ in range(driver_link.lower.num + 1):
        buffer = driver_link.lower.take(RX)
        if buffer is None:
            break
        driver_link.lower.write(buffer.addr, bad)
        driver_link.lower.complete(RX, buffer.head, 28)
        driver_link.settle()
        sent += 1
    left = driver_link.lower.take(RX)

    expect((driver_link.lower.num + 1, True), (sent, left is not None),
           "bad messages taken, and whether a buffer is left for a good one")
