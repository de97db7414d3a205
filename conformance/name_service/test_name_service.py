# SPDX-License-Identifier: BSD-3-Clause
"""NS: what is announced, and what an announcement does."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpmsg_cts import decode, vectors
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import F_VERSION_1, RX, Config, Link
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.native import ANY
from rpmsg_cts.plugin_link import config, variants
from rpmsg_cts.variants import RING

OURS, THEIRS = 0x401, 0x5DC
NAME = "rpmsg-client-sample"
VECTORS = vectors.load(Path(__file__).resolve().parents[2])


def channels(link: Link) -> list[tuple[str, int]]:
    """Names and destinations of the IUT's channels."""
    link.settle()
    return [(channel.name, channel.dst) for channel in link.upper.channels()]


def announced(link: Link, name: str = NAME) -> tuple[decode.Header, decode.NameService]:
    """What the IUT says when it has something to announce."""
    if link.role == "device":
        given(link.upper.announce(link.upper.open(src=900, name=name)) == 0, "the device announces")
    else:
        given(link.upper.open_channel(link.upper.service, 900, OURS) == 0, "the driver opens a channel")
    message = link.next_message("an announcement")
    given(message.header.len == decode.NS_BYTES, "the announcement has 40 bytes")
    return message.header, decode.decode_name_service(message.payload, link.lower.order)


@req("NS-001")
@variants(*RING)
def test_announcement_is_40_bytes(link: Link) -> None:
    """Name, address and flags are where every peer looks for them."""
    name = NAME if link.role == "device" else link.upper.service
    if link.role == "device":
        given(link.upper.announce(link.upper.open(src=900, name=name)) == 0, "the device announces")
    else:
        given(link.upper.open_channel(name, 900, OURS) == 0, "the driver opens a channel")

    message = link.next_message("an announcement")

    expect(decode.encode_name_service(name, 900, 0, link.lower.order), message.payload, "announcement on the wire")


@req("NS-001", "NS-002")
def test_golden_announcement_makes_a_channel(driver_link: Link) -> None:
    """V-NS-1 as it is written down, then V-NS-2."""
    driver_link.lower.send_raw(VECTORS.vector("V-NS-1", "le").bytes)
    after_create = channels(driver_link)
    driver_link.lower.send_raw(VECTORS.vector("V-NS-2", "le").bytes)

    expect([(NAME, 0x400)], after_create, "channels after V-NS-1")
    expect([], channels(driver_link), "channels after V-NS-2")


@req("NS-002")
def test_create_is_0_and_destroy_is_1(link: Link) -> None:
    """The other way round, every service disappears when it comes."""
    _, first = announced(link)
    if link.role == "device":
        # Of one below 1024 the end need not be announced.
        ept = link.upper.open(src=1901, name=NAME)
        given(link.upper.announce(ept) == 0, "the device announces")
        given(link.next_message("an announcement") is not None, "the announcement arrives")
        given(link.upper.withdraw(ept) == 0, "the device withdraws")
    else:
        given(link.upper.close_channel(link.upper.service, 900, OURS) == 0, "the driver closes the channel")
    last = decode.decode_name_service(link.next_message("a withdrawal").payload, link.lower.order)

    expect((0, 1), (first.flags, last.flags), "flags of announcement and withdrawal")


@req("NS-003")
def test_announcement_goes_to_53_with_length_40(link: Link) -> None:
    """And says its address in the message, whatever the header says."""
    header, announcement = announced(link)

    expect((53, 40, 900), (header.dst, header.len, announcement.addr), "dst, len, announced address")


@req("NS-003")
def test_the_address_announced_is_the_one_in_the_message(driver_link: Link) -> None:
    """Some remotes announce with source 0."""
    driver_link.lower.announce("other-source", 1030, src=0)

    expect([("other-source", 1030)], channels(driver_link), "channels")


@req("NS-004")
@pytest.mark.parametrize("size", [0, 36, 39, 41, 44])
def test_an_announcement_of_another_length_is_ignored(link: Link, size: int) -> None:
    """It is something else, or was cut."""
    whole = decode.encode_name_service("wrong-length", OURS, 0, link.lower.order) + b"\xff" * 8

    link.lower.send(OURS, decode.NS_ADDR, whole[:size])
    link.lower.announce("good-one", OURS)

    expect([("good-one", OURS)], channels(link), f"channels after {size} bytes and a good one")


@req("NS-005")
@pytest.mark.parametrize("addr", [1030, 0x41414141], ids=hex)
def test_a_name_without_end_is_cut_to_31(link: Link, addr: int) -> None:
    """Reading on would take the address for letters."""
    name = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

    link.lower.announce(name, addr)
    link.lower.announce("good-one", OURS)
    got = channels(link)

    given(("good-one", OURS) in got, "the good announcement was taken")
    # Refusing it is as good as cutting it.
    expect(True, got in ([(name[:31].decode(), addr), ("good-one", OURS)], [("good-one", OURS)]),
           f"whether the name was cut to 31 characters or refused: {got}")


@req("NS-006")
@pytest.mark.parametrize("name", ["a", "rpmsg-client-sample", "x" * 31], ids=["1", "19", "31"])
def test_announced_name_is_padded_with_zeros(device_link: SimLink, name: str) -> None:
    """Stale bytes leak what was in memory, and break peers that compare 32 bytes."""
    _, announcement = announced(device_link, name)

    expect(name.encode().ljust(32, b"\0"), announcement.raw_name, "the 32 bytes of the name")


@req("NS-006")
def test_driver_pads_the_name_with_zeros(driver_link: Link) -> None:
    """Stale bytes leak what was in memory, and break peers that compare 32 bytes."""
    _, announcement = announced(driver_link)

    expect(driver_link.upper.service.encode().ljust(32, b"\0"), announcement.raw_name, "the 32 bytes of the name")


@req("NS-007")
def test_a_name_of_31_characters_survives(link: Link) -> None:
    """The longest name that fits."""
    name = "abcdefghijklmnopqrstuvwxyz01234"

    link.lower.announce(name, OURS)

    expect([(name, OURS)], channels(link), "channels")


@req("NS-008")
@variants(*RING)
def test_the_same_announcement_twice_makes_one_channel(link: Link) -> None:
    """A remote that restarts says everything again."""
    link.lower.announce(NAME, OURS)
    link.settle()
    link.lower.announce(NAME, OURS)

    expect([(NAME, OURS)], channels(link), "channels")


@req("NS-009")
def test_the_same_name_elsewhere_is_a_second_channel(driver_link: Link) -> None:
    """Two instances of one service, each with its own traffic."""
    for addr in (1024, 1025):
        driver_link.lower.announce(driver_link.upper.service, addr)
    both = channels(driver_link)
    expect([(driver_link.upper.service, 1024), (driver_link.upper.service, 1025)], both, "channels")
    bound = [driver_link.upper.bound(channel) for channel in driver_link.upper.channels()]
    given(all(bound), "both are bound to a client")

    sent = [driver_link.upper.send(ept, b"to you") for ept in bound]
    given(sent == [0, 0], "both clients send")
    dsts = [driver_link.next_message().header.dst for _ in range(2)]

    expect([1024, 1025], dsts, "destinations of the two clients' messages")


@req("NS-010")
@pytest.mark.parametrize(("name", "addr"), [("unknown", 0x401), (NAME, 0x402)], ids=["name", "address"])
def test_destroying_what_is_not_there_changes_nothing(link: Link, name: str, addr: int) -> None:
    """Others of the same name, or at the same address, stay."""
    link.lower.announce(NAME, OURS)
    given(channels(link) == [(NAME, OURS)], "there is a channel")

    link.lower.withdraw(name, addr)

    expect([(NAME, OURS)], channels(link), "channels")


@req("NS-011")
@variants(*RING)
def test_a_channel_comes_again_after_destruction(link: Link) -> None:
    """A remote that restarts must be usable again."""
    service = link.upper.service
    seen = []
    for withdraw in (False, True, False):
        (link.lower.withdraw if withdraw else link.lower.announce)(service, OURS)
        seen.append(channels(link))
    expect([[(service, OURS)], [], [(service, OURS)]], seen, "channels after create, destroy, create")

    (channel,) = link.upper.channels()
    ept = link.upper.bound(channel)
    given(ept is not None, "the channel is bound to a client")
    given(link.upper.send(ept, b"ping") == 0, "the client sends")
    message = link.next_message()
    link.lower.send(OURS, message.header.src, b"pong")

    expect([b"pong"], [m.payload for m in link.delivered(ept)], "delivered over the second channel")


@req("NS-012")
@config(without=Config(features=F_VERSION_1))
def test_without_the_feature_53_is_nobody(link: Link) -> None:
    """More announcements than buffers, no channel, and the link still works."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    for i in range(2 * link.lower.num):
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} announcements")
        link.lower.announce("nobody-listens", OURS)
        link.settle()

    expect([], channels(link), "channels")
    expect(True, link.works(ept), "whether the next message arrives")


@req("NS-013")
@config(stopped=Config(start=False))
@variants("size", "placement", "order", "suppression", "indirect")
def test_announcement_waits_for_a_buffer(device_link: SimLink) -> None:
    """A driver may be slow to post its first buffer; the service must still be found."""
    lower = device_link.lower
    lower.negotiate()
    lower.set_up_rings(post=False)
    lower.drive()
    device_link.settle()
    ept = device_link.upper.open(src=900, name="patient")
    given(device_link.upper.announce(ept) == 0, "the device announces")
    given(lower.used_idx(RX) == 0, "there is no buffer for it")

    lower.post_rx(range(1))
    lower.kick(RX)

    message = device_link.poll_message()
    expect(53, message and message.header.dst, "dst of what is sent once a buffer is there")


@req("NS-014")
@pytest.mark.parametrize(("addr", "said"), [(30, [(30, 0)]), (1023, [(1023, 0)]), (1024, [(1024, 0), (1024, 1)]),
                                            (ANY, [(1024, 0), (1024, 1)])],
                         ids=["30", "1023", "1024", "any"])
def test_the_end_of_a_reserved_service_is_not_announced(device_link: SimLink, addr: int,
                                                        said: list[tuple[int, int]]) -> None:
    """The driver may have a channel of its own to that address, which must stay."""
    ept = device_link.upper.open(src=addr, name=NAME)
    given(device_link.upper.announce(ept) == 0, "the device announces")
    device_link.upper.close(ept)

    heard = [decode.decode_name_service(message.payload, device_link.lower.order) for message in device_link.sent()]

    given(heard, "the service was announced")
    expect((NAME, 0), (heard[0].name, heard[0].flags), "name and flags of the announcement")
    expect(said, [(ns.addr, ns.flags) for ns in heard], "addresses and flags announced",
           departs=("ns_reserved_destroy", "yes"))


@req("NS-015")
@pytest.mark.parametrize(("src", "said"), [(900, [900]), (ANY, [])], ids=["fixed", "any"])
def test_driver_announces_channels_with_a_fixed_address_only(driver_link: Link, src: int, said: list[int]) -> None:
    """Announcing every channel back would make both ends announce for ever."""
    given(driver_link.upper.open_channel(driver_link.upper.service, src, OURS) == 0, "the driver opens a channel")

    heard = [decode.decode_name_service(message.payload, driver_link.lower.order).addr for message in driver_link.sent()]

    expect(said, heard, "addresses announced")


@req("NS-016")
def test_a_client_writes_to_the_announced_address(driver_link: Link) -> None:
    """Not to 53, and not to the header's source."""
    driver_link.lower.announce(driver_link.upper.service, 1030, src=77)
    given(channels(driver_link), "there is a channel")
    ept = driver_link.upper.bound(driver_link.upper.channels()[0])
    given(ept is not None, "the channel is bound to a client")
    given(driver_link.upper.send(ept, b"first") == 0, "the client sends")

    header = driver_link.next_message().header

    expect(1030, header.dst, "dst of the client's first message")
    expect(True, header.src >= 1024, f"whether the client's address {header.src} is a dynamic one")


@req("NS-016")
def test_a_client_is_bound_as_its_channel_comes(driver_link: Link) -> None:
    """Nobody has to do anything but load the client; the driver must survive its own remote's first words."""
    driver_link.upper.bind_by_itself(True)
    driver_link.lower.announce(driver_link.upper.service, OURS)
    came = channels(driver_link)
    given(came == [(driver_link.upper.service, OURS)], "there is a channel")

    ept = driver_link.upper.bound(driver_link.upper.channels()[0])

    expect(True, ept is not None, "whether the channel has a client")


@req("NS-017")
def test_an_acknowledgement_starts_no_exchange(link: Link) -> None:
    """Flag value 2 is one vendor's; to others it looks like a second announcement."""
    link.lower.announce(NAME, OURS)
    link.lower.announce(NAME, OURS, flags=2)
    link.settle()

    expect([(NAME, OURS)], channels(link), "channels")
    expect(None, link.lower.receive(), "message of the IUT", departs=("feature_bit_1", "nuttx-ack"))
    _, announcement = announced(link)
    expect(0, announcement.flags, "flags of the IUT's own announcement")
