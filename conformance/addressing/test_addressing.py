# SPDX-License-Identifier: BSD-3-Clause
"""ADR: endpoints and their addresses."""

from __future__ import annotations

import errno

import pytest

from rpmsg_cts.judge import expect, given, req, role, skip
from rpmsg_cts.link import RX, TX, Config, Endpoint, Link
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.native import ANY
from rpmsg_cts.plugin_link import config, variants
from rpmsg_cts.profiles import Profile
from rpmsg_cts.variants import RING
from rpmsg_cts.verdict import Refused

MOST_OPEN_FILES = 200  # well below what fixtures/guest/agent.h allows
MORE_THAN_ENOUGH = 1 << 14
OURS, THEIRS, NOBODY = 0x401, 0x5DC, 4711
REFUSED = (-errno.EINVAL, -errno.EDESTADDRREQ)
IN_USE = (-errno.EADDRINUSE, -errno.EINVAL, -errno.EBUSY)


def address(link: Link, ept: Endpoint) -> int:
    """The endpoint's address as the peer sees it: the source of what it sends."""
    given(link.upper.send(ept, b"who am I?") == 0, "the IUT sends")
    return link.next_message().header.src


@req("ADR-001")
def test_sending_to_any_is_refused(link: Link) -> None:
    """ANY is no address, and nobody broadcasts."""
    ept = link.upper.open(src=THEIRS, dst=ANY)
    indices = [link.lower.avail_idx(TX), link.lower.used_idx(RX)]

    status = link.upper.send(ept, b"to whom?")
    link.settle()

    expect(True, status in REFUSED, f"whether sending to ANY is refused (result {status})")
    expect(indices, [link.lower.avail_idx(TX), link.lower.used_idx(RX)], "ring indices")


@req("ADR-002")
def test_name_service_listens_on_53(driver_link: Link) -> None:
    """Every remote announces itself there."""
    driver_link.lower.announce("here-i-am", OURS)
    driver_link.settle()

    expect([("here-i-am", OURS)], [(c.name, c.dst) for c in driver_link.upper.channels()], "channels")


@req("ADR-002")
def test_announcements_go_to_53(device_link: SimLink) -> None:
    """Every host listens there."""
    ept = device_link.upper.open(name="here-i-am")
    given(device_link.upper.announce(ept) == 0, "the device announces")

    expect(53, device_link.next_message().header.dst, "hdr.dst of the announcement")


@req("ADR-003")
def test_dynamic_addresses_begin_at_1024(link: Link) -> None:
    """Those below are for services that both ends know without being told."""
    first = address(link, link.upper.open(dst=OURS))
    second = address(link, link.upper.open(dst=OURS))

    expect(True, min(first, second) >= 1024, f"whether {first} and {second} are at least 1024",
           departs=("dyn_addr_base", 1))


@req("ADR-004")
@pytest.mark.parametrize("count", [20, 129, 1000])
def test_dynamic_addresses_are_unique(link: Link, count: int) -> None:
    """Two endpoints with one address get each other's messages."""
    if not link.virtual_time and count > MOST_OPEN_FILES:
        skip(f"{count} endpoints are as many open files, and the guest's agent holds fewer")
    addrs = [address(link, link.upper.open(dst=OURS)) for _ in range(count)]

    expect(count, len(set(addrs)), f"different addresses of {count} endpoints")


@req("ADR-004")
@role("driver", "device")
def test_used_up_addresses_are_refused(sim_link: SimLink) -> None:
    """The one too many gets an error, and nobody else's address."""
    epts: list[Endpoint] = []
    status = 0
    while status == 0 and len(epts) < MORE_THAN_ENOUGH:
        try:
            epts.append(sim_link.upper.open(dst=OURS))
        except Refused as error:
            status = -error.errno

    given(status != 0, f"no address is left after {len(epts)}")
    expect(len(epts), len({ept.addr for ept in epts}), "different addresses")
    expect(True, sim_link.works(epts[0]) and sim_link.works(epts[-1]), "whether the first and the last one work")
    sim_link.upper.close(epts[0])
    expect(epts[0].addr, sim_link.upper.open(dst=OURS).addr, "the address that is left after one was given back")


@req("ADR-005")
@pytest.mark.parametrize("addr", [30, 1500])
def test_an_address_in_use_is_refused(link: Link, addr: int) -> None:
    """The first owner goes on undisturbed."""
    first = link.upper.open(src=addr, dst=OURS)

    status = 0
    try:
        link.upper.open(src=addr, dst=OURS)
    except Refused as error:
        status = -error.errno
    expect(True, status in IN_USE, f"whether a second endpoint at {addr} is refused (result {status})")
    link.lower.send(OURS, addr, b"for the first")

    expect([b"for the first"], [m.payload for m in link.delivered(first)], f"delivered to {addr}")


@req("ADR-006")
@variants(*RING)
def test_a_message_to_nobody_costs_nothing(link: Link) -> None:
    """More such messages than buffers, and the link still works."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    for i in range(3 * link.lower.num):
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} messages to nobody")
        link.lower.send(OURS, NOBODY, b"anybody there?")
        link.settle()

    expect(None, link.lower.receive(), "answer to a message to nobody")
    expect(True, link.works(ept), "whether the next message arrives")


@req("ADR-007")
def test_anybody_may_write_to_an_endpoint(link: Link) -> None:
    """Delivery is by destination alone."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    for src in (OURS, 77):
        link.lower.send(src, THEIRS, src.to_bytes(4, "little"))
    got = link.delivered(ept, 2)

    expect([src.to_bytes(4, "little") for src in (OURS, 77)], [m.payload for m in got], "delivered")
    if "sources" not in link.hidden:
        expect([OURS, 77], [m.src for m in got], "sources told to the client")


@req("ADR-008")
@role("driver", "device")
def test_client_gets_payload_and_source(sim_link: SimLink) -> None:
    """What a callback is told is what was sent."""
    ept = sim_link.upper.open(src=THEIRS)

    sim_link.lower.send(0x12345678, THEIRS, b"payload")

    expect([(b"payload", 0x12345678)], [(m.payload, m.src) for m in sim_link.delivered(ept)], "told to the client")


@req("ADR-009")
@variants(*RING)
def test_nothing_is_delivered_after_destruction(link: Link) -> None:
    """The client's memory is gone."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    other = link.upper.open(src=THEIRS + 1, dst=OURS)
    given(link.works(ept), "the link works")

    link.upper.close(ept)
    for _ in range(2 * link.lower.num):
        link.lower.send(OURS, THEIRS, b"too late")
        link.settle()

    expect(True, link.works(other), "whether another endpoint still gets its messages")
    again = link.upper.open(src=THEIRS, dst=OURS)
    expect([], link.upper.received(again), "old messages at a new endpoint with the old address")


@req("ADR-010")
@config(plain=Config(), learning=Config(learn_dst=True))
def test_a_destination_is_adopted_once_or_never(link: Link, profile: Profile) -> None:
    """An endpoint that knows nobody answers whoever wrote first, or waits to be told; it never changes sides."""
    ept = link.upper.open(src=THEIRS, dst=ANY)
    given(link.upper.send(ept, b"to whom?") in REFUSED, "an endpoint without a destination cannot send")

    sent = []
    for src in (77, 78):
        link.lower.send(src, THEIRS, b"hello")
        given(len(link.delivered(ept)) == 1, "the message is delivered")
        status = link.upper.send(ept, b"answer")
        # What was refused is not on the wire later either: nothing is waited for.
        link.settle()
        message = link.lower.receive()
        sent.append((status == 0, message and message.header.dst))

    choices = {"no": [(False, None)] * 2, "first-message": [(True, 77)] * 2}
    allowed = [choices[value] for value in profile.values("dst_learning")]
    expect(True, sent in allowed, f"whether what it sends after messages of 77 and 78, {sent}, is among {allowed}")


@req("ADR-011")
@role("driver", "device")
def test_off_channel_addresses_go_out_unchanged(sim_link: SimLink) -> None:
    """A router sends for others."""
    status = sim_link.upper.send_off_channel(4000, 4001, b"passing on")
    given(status == 0, "the IUT sends")

    message = sim_link.next_message()

    expect((4000, 4001), (message.header.src, message.header.dst), "src and dst on the wire")
