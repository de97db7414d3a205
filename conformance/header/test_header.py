# SPDX-License-Identifier: BSD-3-Clause
"""HDR: the 16 bytes in front of every payload, and how large a message may be."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rpmsg_cts import decode, vectors
from rpmsg_cts.judge import expect, given, req, role
from rpmsg_cts.link import F_BUFSZ, F_NS, F_VERSION_1, RX, Config, Link
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.native import Native
from rpmsg_cts.plugin_link import config, variants
from rpmsg_cts.profiles import Profile
from rpmsg_cts.variants import EVERY, RING

OURS, THEIRS = 0x401, 0x5DC  # address of the tester, and of an endpoint of the IUT
LARGEST = 496
VECTORS = vectors.load(Path(__file__).resolve().parents[2])
SIZES = pytest.mark.parametrize("size", [0, 1, 495, LARGEST])


def pattern(size: int) -> bytes:
    """Bytes that tell their position."""
    return bytes(i % 256 for i in range(size))


@req("HDR-001")
def test_sent_header_has_its_fields_in_place(link: Link) -> None:
    """A peer finds sender, receiver and length where it looks for them."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.upper.send(ept, b"hello world!") == 0, "the IUT sends")

    message = link.next_message()

    wire = decode.encode_message(THEIRS, OURS, b"hello world!", link.lower.order)
    expect(wire, message.raw, "header and payload on the wire")
    link.ring("HDR-001")


@req("HDR-001", "ADR-008")
def test_received_header_is_read_in_place(link: Link) -> None:
    """A message reaches the endpoint that its header names, with the payload behind the header."""
    ept = link.upper.open(src=THEIRS)

    link.lower.send(OURS, THEIRS, b"hello world!")

    expect([b"hello world!"], [m.payload for m in link.delivered(ept)], "delivered to 0x5dc")


@req("HDR-002")
@SIZES
def test_sent_length_counts_the_payload_alone(link: Link, size: int) -> None:
    """Counting the header would make every message 16 bytes too long."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.upper.send(ept, pattern(size)) == 0, "the IUT sends")

    expect(size, link.next_message().header.len, "hdr.len")
    link.ring("HDR-002")


@req("HDR-002")
def test_a_sent_descriptor_holds_header_and_payload(driver_link: Link, profile: Profile) -> None:
    """Some describe what they send and some the buffer it is in; less than header and payload is no message."""
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.upper.send(ept, b"hello world!") == 0, "the driver sends")
    lengths = {"exact": 28, "full-buffer": 512}
    allowed = [lengths[value] for value in profile.values("vq1_desc_len")]

    length = driver_link.next_message().buffer_len

    expect(True, length in allowed, f"whether a descriptor of {length} bytes for a message of 28 is among {allowed}")


@req("HDR-003")
def test_sent_flags_are_zero(link: Link) -> None:
    """A flag that nobody agreed on means something else to somebody."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.upper.send(ept, b"x") == 0, "the IUT sends")

    expect(0, link.next_message().header.flags, "hdr.flags")
    link.ring("HDR-003")


@req("HDR-003")
@pytest.mark.parametrize("flags", [1, 0x8000, 0xABCD], ids=hex)
def test_unknown_flags_are_ignored(link: Link, flags: int) -> None:
    """A later sender may use flags; an older receiver still gets its messages."""
    ept = link.upper.open(src=THEIRS)

    link.lower.send(OURS, THEIRS, b"flagged", flags=flags)

    expect([b"flagged"], [m.payload for m in link.delivered(ept)], f"delivered with flags {flags:#x}")
    link.ring("HDR-003")


@req("HDR-004")
def test_sent_reserved_is_zero(link: Link) -> None:
    """Left-over bytes would be taken for a meaning by the next protocol version."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.upper.send(ept, b"x") == 0, "the IUT sends")

    expect(0, link.next_message().header.reserved, "hdr.reserved", departs=("reserved_rx", "device-writes"))
    link.ring("HDR-004")


@req("HDR-004")
def test_received_reserved_has_no_meaning(link: Link) -> None:
    """Other stacks keep their own state there."""
    ept = link.upper.open(src=THEIRS)

    link.lower.send(OURS, THEIRS, b"reserved", reserved=0x090A0B0C)

    expect([b"reserved"], [m.payload for m in link.delivered(ept)], "delivered with reserved 0x90a0b0c")


@req("HDR-005")
def test_receive_buffers_have_512_bytes(driver_link: Link) -> None:
    """A device that relies on the default writes up to 512 bytes."""
    posted = driver_link.lower.ring(RX)
    given(posted.avail.idx > 0, "the driver has posted receive buffers")

    lengths = {posted.desc[posted.avail.ring[i % driver_link.lower.num]].len for i in range(posted.avail.idx)}

    expect({512}, lengths, "length of each posted buffer")


@req("HDR-005")
def test_largest_message_is_496_bytes(link: Link) -> None:
    """Peers size their messages by it."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    status = link.upper.send(ept, pattern(LARGEST))

    expect(0, status, "result of sending 496 bytes")
    expect(pattern(LARGEST), link.next_message().payload, "payload on the wire")


@req("HDR-006")
@config(short=Config(num=8), long=Config(num=512))
def test_half_of_the_buffers_are_posted_512_bytes_apart(driver_link: Link) -> None:
    """What an observer may rely on of the one known allocation: min(2N, 512) buffers, half of them to receive."""
    num = driver_link.lower.num
    posted = driver_link.lower.ring(RX)
    buffers = sorted(posted.desc[posted.avail.ring[i]].addr for i in range(min(posted.avail.idx, num)))

    expect(min(num, 256), posted.avail.idx, "receive buffers posted")
    expect({512}, {b - a for a, b in zip(buffers, buffers[1:])}, "distance of neighbouring buffers")


@req("HDR-007")
@config(plain=Config(), small=Config(buf_bytes=128), least=Config(buf_bytes=17))
@variants(*EVERY)
def test_posted_buffers_have_their_whole_size(driver_link: Link) -> None:
    """A device sends no more than the descriptor says."""
    posted, size = driver_link.lower.ring(RX), driver_link.config.buf_bytes
    given(posted.avail.idx != driver_link.config.start_idx, "the driver has posted receive buffers")

    lengths = {posted.desc[head].len for head in posted.avail.ring}

    expect({size}, lengths, f"lengths of posted buffers of {size} bytes")


@req("HDR-007")
@config(small=Config(buf_bytes=128))
@pytest.mark.parametrize(("size", "fits"), [(112, True), (113, False)], ids=["112", "113"])
def test_device_obeys_the_posted_length(device_link: Link, size: int, fits: bool) -> None:
    """A driver with small buffers must not have its neighbouring memory overwritten."""
    ept = device_link.upper.open(src=THEIRS, dst=OURS)

    status = device_link.upper.send(ept, pattern(size))

    expect(fits, status == 0, f"whether {size} bytes are sent into a 128-byte buffer")
    if fits:
        expect(pattern(size), device_link.next_message().payload, "payload on the wire")


@req("HDR-008")
@pytest.mark.parametrize("buffer_len", [28, 512])
def test_device_takes_the_length_from_the_header(device_link: Link, buffer_len: int) -> None:
    """Linux posts exactly what it sends, others always the whole buffer: both are the same message."""
    ept = device_link.upper.open(src=THEIRS)
    raw = decode.encode_message(OURS, THEIRS, b"hello world!", device_link.lower.order)

    device_link.lower.send_raw(raw, buffer_len=buffer_len)

    expect([b"hello world!"], [m.payload for m in device_link.delivered(ept)], f"from {buffer_len} bytes")


@req("HDR-009")
@SIZES
def test_received_payload_arrives_intact(link: Link, size: int) -> None:
    """Neither a byte less nor one of what lies behind it."""
    ept = link.upper.open(src=THEIRS)
    raw = decode.encode_message(OURS, THEIRS, pattern(size), link.lower.order)

    link.lower.send_raw(raw + b"\xee" * (512 - len(raw)))

    expect([pattern(size)], [m.payload for m in link.delivered(ept)], f"delivered of {size} bytes")


@req("HDR-009")
@SIZES
def test_sent_payload_arrives_intact(link: Link, size: int) -> None:
    """What a client sends is what is in the buffer."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.upper.send(ept, pattern(size)) == 0, "the IUT sends")

    expect(pattern(size), link.next_message().payload, "payload on the wire")


@req("HDR-009", "FLO-008")
@variants(*EVERY)
def test_the_largest_message_of_every_link_passes(link: Link) -> None:
    """To the last byte of the buffer, and not one further."""
    ept, most = link.upper.open(src=THEIRS, dst=OURS), link.config.buf_bytes - 16

    link.lower.send(OURS, THEIRS, pattern(most))
    expect([pattern(most)], [m.payload for m in link.delivered(ept)], f"delivered of {most} bytes")
    expect((-errno.EMSGSIZE, 0), (link.upper.send(ept, pattern(most + 1)), link.upper.send(ept, pattern(most))),
           f"results of sending {most + 1} and {most} bytes", departs=("oversize", "truncate"))
    expect(pattern(most), link.next_message().payload, "payload on the wire")


@req("HDR-010")
@config(uneven=Config(buf_bytes=256, tx_buf_bytes=1024), other=Config(buf_bytes=1024, tx_buf_bytes=256))
def test_each_direction_has_a_limit_of_its_own(link: Link) -> None:
    """Sizes are agreed per direction; the limit of the other one is none."""
    mine, theirs = link.config.send_bytes - 16, link.config.buf_bytes - 16
    if link.role == "device":
        mine, theirs = theirs, mine
    ept = link.upper.open(src=THEIRS, dst=OURS)

    expect((-errno.EMSGSIZE, 0), (link.upper.send(ept, pattern(mine + 1)), link.upper.send(ept, pattern(mine))),
           f"results of sending {mine + 1} and {mine} bytes")
    expect(pattern(mine), link.next_message().payload, "payload on the wire")
    link.lower.send(OURS, THEIRS, pattern(theirs))
    expect([pattern(theirs)], [m.payload for m in link.delivered(ept)], f"delivered of {theirs} bytes")


AGREED = decode.encode_buffer_config(256, 1024, "le")  # seen from the device: it sends in 256 bytes, receives in 1024
ROOMY = Config(features=F_NS | F_VERSION_1 | F_BUFSZ, buf_bytes=2048, tx_buf_bytes=2048, bufsz=True, start=False)
REFUSED_SPACES = {
    "version": b"\2" + AGREED[1:],
    "size": AGREED[:1] + (12).to_bytes(2, "little") + AGREED[3:],
    "padded": VECTORS.vector("V-CFG-1-PADDED").bytes,
    "too-small": decode.encode_buffer_config(15, 1024, "le"),
    "cut": AGREED[:10],
}


@req("HDR-011")
@config(unasked=ROOMY.but(bufsz=False, space=AGREED), absent=ROOMY.but(space=AGREED, features=F_NS | F_VERSION_1))
def test_buffer_sizes_are_not_read_unless_negotiated(driver_link: SimLink) -> None:
    """To others the bit means something else, and there may be nothing to read."""
    given(driver_link.try_start() == 0, "the driver binds to the device")
    driver_link.lower.attach()

    accepted = driver_link.lower.features & F_BUFSZ

    expect((0, 0), (accepted, driver_link.world.space_reads()), "feature bit 1, and reads of configuration space")
    posted = driver_link.lower.ring(RX)
    expect(2048, posted.desc[posted.avail.ring[0]].len, "length of a posted buffer")


@req("HDR-011")
@config(agreed=ROOMY.but(space=AGREED))
def test_agreed_buffer_sizes_are_obeyed(driver_link: SimLink) -> None:
    """What the device sends in is what the driver receives in."""
    given(driver_link.try_start() == 0, "the driver binds to the device")
    driver_link.lower.attach()
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    posted = driver_link.lower.ring(RX)

    expect({256}, {posted.desc[posted.avail.ring[i]].len for i in range(posted.avail.idx)}, "lengths of posted buffers")
    expect((-errno.EMSGSIZE, 0), (driver_link.upper.send(ept, pattern(1009)), driver_link.upper.send(ept, pattern(1008))),
           "results of sending 1009 and 1008 bytes")


@req("HDR-011")
@config(**{name: ROOMY.but(space=space[:16]) for name, space in REFUSED_SPACES.items()})
def test_buffer_sizes_that_cannot_be_are_refused(driver_link: SimLink) -> None:
    """Another version has other fields at these places."""
    status = driver_link.try_start()

    given(driver_link.world.space_reads() > 0, "the driver has read the configuration space")
    expect(True, status < 0, f"whether sizes in {driver_link.config.space.hex(' ')} are refused")
    expect(False, driver_link.is_running(), "whether DRIVER_OK was set")


@req("HDR-011")
@role("device")
@pytest.mark.parametrize("order", ["le", "be"])
def test_buffer_sizes_are_packed(native: Native, lane: object, lib: None, order: str) -> None:
    """V-CFG-1: eleven bytes, no padding, the device's sending size first."""
    vector = VECTORS.vector("V-CFG-1", order)
    wire = native.ffi.new("uint8_t[11]")

    native.lib.rps_codec_bufsz(order == "be", vector.fields["txbuf_size"], vector.fields["rxbuf_size"], wire)

    expect(vector.bytes, bytes(wire), "configuration space")
