# SPDX-License-Identifier: BSD-3-Clause
"""LAY: where the parts of a ring lie, and what their fields mean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rpmsg_cts import decode, vectors
from rpmsg_cts.judge import expect, given, req, role
from rpmsg_cts.link import F_EVENT_IDX, F_INDIRECT, F_NS, F_VERSION_1, RX, STATUS_DRIVER_OK, TX, Config, Link, Segment
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.native import Native
from rpmsg_cts.plugin_link import config, variants
from rpmsg_cts.variants import EVERY, RING

OURS, THEIRS = 0x401, 0x5DC
NEXT, WRITE, INDIRECT = 1, 2, 4
EVENT = F_NS | F_VERSION_1 | F_EVENT_IDX
ROOT = Path(__file__).resolve().parents[2]
VECTORS = vectors.load(ROOT)
PLACES = {"align4": Config(align=4), "align16": Config(align=16), "align64": Config(align=64),
          "align4096": Config(align=4096), "apart": Config(align=0)}


def offered(link: Link, queue: int) -> list[decode.Descriptor]:
    """Descriptors that the driver has made available and the device has not yet given back."""
    ring = link.lower.ring(queue)
    pending = (ring.avail.idx - ring.used.idx) & 0xFFFF
    num = link.lower.num
    return [ring.desc[ring.avail.ring[(ring.avail.idx - 1 - i) % num]] for i in range(min(pending, num))]


@req("LAY-001", "LAY-002")
@config(plain=Config(), **PLACES)
@variants(*RING)
def test_offered_buffers_are_found_in_their_tables(driver_link: Link) -> None:
    """A device reads addresses, lengths and flags at fixed places; here they are read by an independent decoder."""
    ring = driver_link.lower.ring(RX)
    given(ring.avail.idx != driver_link.config.start_idx, "the driver has posted receive buffers")

    heads = ring.avail.ring

    expect((driver_link.config.start_idx + len(heads)) & 0xFFFF, ring.avail.idx, "avail.idx")
    expect(sorted(range(driver_link.lower.num)), sorted(heads), "descriptors in the available ring")
    expect([(512, WRITE)] * len(heads), [(ring.desc[h].len, ring.desc[h].flags) for h in heads], "length and flags")
    driver_link.ring("LAY-001", "LAY-002")


@req("LAY-001", "LAY-002")
@config(plain=Config(), big=Config(features=F_NS, big_endian=True), **PLACES)
@variants("size", "placement", "order", "suppression", "indirect")
def test_an_offer_written_by_hand_is_found(device_link: SimLink) -> None:
    """The driver's rings are written by an independent encoder; `next` is nobody's business without the flag."""
    lower, num = device_link.lower, device_link.lower.num
    ept = device_link.upper.open(src=THEIRS)
    raw = decode.encode_message(OURS, THEIRS, b"by hand", lower.order)
    lower.write(lower.tx_addr(0), raw)
    desc, avail, _ = lower.ring_addrs(TX)

    last = decode.encode_descriptors((decode.Descriptor(lower.tx_addr(0), len(raw), 0, 1),), lower.order)
    lower.write(desc + 16 * (num - 1), last)
    lower.write(avail, decode.encode_avail(decode.Avail(0, 1, (num - 1,) + (0xFFFF,) * (num - 1), 0), lower.order))
    lower.kick(TX, force=True)
    device_link.settle()

    expect([b"by hand"], [m.payload for m in device_link.upper.received(ept)], "delivered from the last descriptor")
    expect(decode.UsedElement(num - 1, 0), lower.ring(TX).used.ring[0], "used.ring[0]")
    device_link.ring("LAY-002")


@req("LAY-002", "LAY-025")
@pytest.mark.parametrize("ahead", [0, 1, 3])
@config(event=Config(features=EVENT), small=Config(features=EVENT, num=2, start_idx=0xFFFD))
def test_the_device_notifies_when_the_event_is_passed(device_link: SimLink, ahead: int) -> None:
    """With EVENT_IDX the driver says behind the available ring at which entry it wants to be woken."""
    lower, num = device_link.lower, device_link.lower.num
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    _, avail, _ = lower.ring_addrs(RX)
    lower.write(avail + 4 + 2 * num, ((lower.used_idx(RX) + ahead) & 0xFFFF).to_bytes(2, "little"))
    before = lower.notified(RX)

    told = []
    for i in range(min(4, num)):
        given(device_link.upper.send(ept, bytes([i])) == 0, "the device sends")
        told.append(lower.notified(RX) - before)

    expect([int(i >= ahead) for i in range(min(4, num))], told, f"notifications after each send, event {ahead} ahead")
    device_link.ring("LAY-002", "LAY-025")


@req("LAY-003")
@config(plain=Config(), **PLACES)
def test_a_return_written_by_hand_is_found(driver_link: Link) -> None:
    """The used ring is written by an independent encoder: which buffer, and how much of it counts."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS)
    first, second = lower.take(RX), lower.take(RX)
    given(first is not None and second is not None, "the driver has posted two buffers")
    lower.write(second.addr, decode.encode_message(OURS, THEIRS, b"by hand", lower.order))

    _, _, used = lower.ring_addrs(RX)
    ring = (decode.UsedElement(second.head, 16 + 7),) + (decode.UsedElement(0xFFFF, 0xFFFF),) * (lower.num - 1)
    lower.write(used + 4, decode.encode_used(decode.Used(0, 0, ring, 0), lower.order)[4:4 + 8 * lower.num])
    lower.write(used + 2, (1).to_bytes(2, "big" if lower.order == "be" else "little"))
    driver_link.spurious(RX)

    expect([b"by hand"], [m.payload for m in driver_link.delivered(ept)], "delivered from the second buffer")
    driver_link.ring("LAY-003")


@req("LAY-003")
@config(plain=Config(), **PLACES)
def test_returned_buffers_are_found_in_the_used_ring(device_link: Link) -> None:
    """A driver finds what came back, and how much was written, where the specification says."""
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.upper.send(ept, b"hello world!") == 0, "the device sends")

    used = device_link.lower.ring(RX).used

    expect(1, used.idx, "used.idx")
    expect(decode.UsedElement(0, 28), used.ring[0], "used.ring[0]")
    device_link.ring("LAY-003")


@req("LAY-004", "LAY-006", "LAY-007")
@role("driver", "device")
@pytest.mark.parametrize("row", VECTORS.layout, ids=lambda row: f"n{row.num}-align{row.align}")
def test_parts_of_a_contiguous_ring(native: Native, lane: object, lib: None, row: vectors.LayoutRow) -> None:
    """Both ends must come to the same offsets from size and alignment alone."""
    layout = native.ffi.new("struct rps_codec_layout *")
    given(native.lib.rps_codec_layout(row.num, row.align, layout) == 0, "the layout is accepted")

    expected = (row.avail_flags, row.used_event, row.used_flags, row.avail_event, row.total, row.legacy_total)
    observed = (layout.avail, layout.used_event, layout.used, layout.avail_event, layout.total, layout.legacy_total)
    expect(expected, observed, "available ring, used_event, used ring, avail_event, total, legacy total")


@req("LAY-004")
@config(**PLACES)
@variants(*RING, "name_service")
def test_a_message_passes_at_every_alignment(link: Link) -> None:
    """Two ends that disagree about the used ring never see each other's buffers come back."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    for _ in range(3 * link.lower.num):
        link.lower.send(OURS, THEIRS, b"ping")
        given(link.upper.send(ept, b"pong") == 0, "a send buffer is free")
        expect(b"pong", link.next_message().payload, "payload on the wire")

    expect([b"ping"] * 3 * link.lower.num, [m.payload for m in link.delivered(ept, 3 * link.lower.num)], "delivered")


@req("LAY-005", "LAY-007")
@role("driver", "device")
@pytest.mark.parametrize("align", [0, 1, 2, 3, 24, 4095])
def test_an_alignment_that_cannot_be_is_refused(native: Native, lane: object, lib: None, align: int) -> None:
    """A used ring at 4k+2 traps on some processors and is torn on others."""
    layout = native.ffi.new("struct rps_codec_layout *")

    expect(True, native.lib.rps_codec_layout(8, align, layout) < 0, f"whether alignment {align} is refused")


@req("LAY-005")
@pytest.mark.parametrize(("part", "off"), [("desc", 8), ("avail", 1), ("used", 2)])
@config(plain=Config(start=False))
def test_a_misaligned_ring_is_not_served(device_link: SimLink, part: str, off: int) -> None:
    """A device that reads such a ring reads something else than the driver wrote."""
    lower = device_link.lower
    lower.negotiate()
    lower.set_up_rings()
    places = dict(zip(("desc", "avail", "used"), lower.ring_addrs(TX)))
    places[part] += off

    taken = lower.bus.set_queue(TX, lower.num, *places.values()) == 0
    lower.set_status(lower.status | STATUS_DRIVER_OK)
    device_link.settle()

    expect(False, taken and device_link.upper.serves(), f"whether a device serves {part} {off} bytes off")


@req("LAY-008")
@role("driver", "device")
@pytest.mark.parametrize("num", [0, 3, 24, 32769, 65536])
def test_a_size_that_is_no_power_of_two_is_refused(native: Native, lane: object, lib: None, num: int) -> None:
    """idx mod N jumps at the wrap of idx unless N divides 65536."""
    layout = native.ffi.new("struct rps_codec_layout *")

    expect(True, native.lib.rps_codec_layout(num, 16, layout) < 0, f"whether {num} entries are refused")


@req("LAY-009", "LAY-010")
@config(small=Config(num=2), plain=Config(num=8), wrap=Config(num=8, start_idx=0xFFFE),
        edge=Config(num=4, start_idx=0x7FFF), event=Config(num=8, start_idx=0xFFFA, features=0x1_2000_0001))
@variants(*EVERY)
def test_indices_run_freely_and_slots_are_taken_in_turn(link: Link) -> None:
    """Traffic goes on when the ring has been gone through, and when the 16-bit index wraps."""
    num, start = link.lower.num, link.config.start_idx
    ept = link.upper.open(src=THEIRS, dst=OURS)

    for i in range(2 * num + 1):
        expect(0, link.upper.send(ept, bytes([i & 0xFF])), f"result of send {i}")
        message = link.poll_message()
        expect(bytes([i & 0xFF]), message and message.payload, f"message {i} on the wire")
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} messages")
        link.lower.send(OURS, THEIRS, bytes([i & 0xFF]))

    arrived = [m.payload for m in link.delivered(ept, 2 * num + 1)]
    expect([bytes([i & 0xFF]) for i in range(2 * num + 1)], arrived, "delivered")
    sent = TX if link.role == "driver" else RX
    moved = link.lower.ring(sent)
    idx = moved.avail.idx if link.role == "driver" else moved.used.idx
    expect((start + 2 * num + 1) & 0xFFFF, idx, f"index after {2 * num + 1} messages")
    link.ring("LAY-009", "LAY-010")


@req("LAY-011")
@config(two=Config(num=2), plain=Config(num=8))
@variants(*EVERY)
def test_a_full_ring_is_not_an_empty_one(link: Link) -> None:
    """All N buffers count: the difference N is not 0."""
    num = link.lower.num
    ept = link.upper.open(src=THEIRS)

    for i in range(num):
        link.lower.send(OURS, THEIRS, bytes([i & 0xFF]), notify=i == num - 1)

    expect([bytes([i & 0xFF]) for i in range(num)], [m.payload for m in link.delivered(ept, num)], "delivered from a full ring")
    link.ring("LAY-011")


@req("LAY-012")
@variants(*EVERY)
def test_driver_never_offers_more_than_fits(driver_link: Link) -> None:
    """One entry too many overwrites one that the device has not read."""
    num = driver_link.lower.num
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)

    accepted = sum(driver_link.upper.send(ept, bytes([i & 0xFF])) == 0 for i in range(2 * num))

    ring = driver_link.lower.ring(TX)
    expect(accepted, (ring.avail.idx - ring.used.idx) & 0xFFFF, "outstanding entries")
    expect(True, accepted <= num, f"whether {accepted} sends fit into {num} entries")
    driver_link.ring("LAY-012")


@req("LAY-013")
@variants(*EVERY)
def test_only_receive_buffers_are_for_the_device_to_write(driver_link: Link) -> None:
    """A device writes where it is told to, and nowhere else."""
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")

    expect({WRITE}, {desc.flags for desc in offered(driver_link, RX)}, "flags on queue 0")
    expect({0}, {desc.flags for desc in offered(driver_link, TX)}, "flags on queue 1",
           departs=("vq1_write_flag", "tolerated"))
    driver_link.ring("LAY-013")


@req("LAY-014")
def test_driver_sends_in_one_descriptor(driver_link: Link) -> None:
    """Some devices know nothing of chains."""
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.upper.send(ept, bytes(496)) == 0, "the driver sends")

    expect([0], [desc.flags & 1 for desc in offered(driver_link, TX)], "NEXT on queue 1")
    driver_link.ring("LAY-014")


@req("LAY-014")
@pytest.mark.parametrize("cuts", [[16], [8], [16, 20], [1, 2, 3]], ids=str)
def test_device_survives_a_split_message(device_link: SimLink, cuts: list[int]) -> None:
    """Framing is not part of the message: it arrives whole, or its buffer comes back and the queue goes on."""
    ept = device_link.upper.open(src=THEIRS)
    lower = device_link.lower
    raw = decode.encode_message(OURS, THEIRS, b"hello world!", lower.order)
    base = lower.tx_addr(0)
    lower.write(base, raw)
    ends = [*cuts, len(raw)]
    chain = [Segment(base + start, end - start, False) for start, end in zip([0, *cuts], ends)]

    given(lower.offer(TX, chain, token=0) == 0, "the chain is offered")
    lower.kick(TX)
    device_link.settle()

    expect(1, len(lower.returned()), "chains given back")
    got = [m.payload for m in device_link.upper.received(ept)]
    expect(True, got in ([], [b"hello world!"]), "whether the message is whole or dropped")
    expect(True, device_link.works(ept), "whether the next message arrives")


@req("LAY-015")
@variants(*RING)
def test_device_writes_nothing_of_the_driver(device_link: SimLink) -> None:
    """Descriptors, available ring and sent messages are the driver's; it may reuse them as they were."""
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(ept), "the link works")
    index = lower.send_raw(decode.encode_message(OURS, THEIRS, b"untouched", lower.order), notify=False)

    def mine() -> list[bytes]:
        rings = [(addr, size) for q in (RX, TX)
                 for addr, size in zip(lower.ring_addrs(q)[:2], (16 * lower.num, 6 + 2 * lower.num))]
        return [lower.read(addr, size) for addr, size in rings] + [lower.read(lower.tx_addr(index), 25)]

    before = mine()
    lower.kick(TX)
    device_link.settle()
    given(device_link.upper.send(ept, b"answer") == 0, "the device sends")

    given([m.payload for m in device_link.upper.received(ept)] == [b"untouched"], "the message arrived")
    after = mine()
    expect(before[:-1], after[:-1], "tables of the driver")
    expect(before[-1], after[-1], "the message that was sent", departs=("reserved_rx", "device-writes"))
    expect(True, lower.bus.guards_intact(), "whether nothing around the rings was written")
    device_link.ring("LAY-015")


@req("LAY-016")
@pytest.mark.parametrize("negotiated", [True, False], ids=["negotiated", "not-negotiated"])
@config(offered=Config(features=0x1_1000_0001, start=False))
def test_device_uses_indirect_tables_only_if_negotiated(device_link: SimLink, negotiated: bool) -> None:
    """Without the feature the address is that of a table, not of a message."""
    lower = device_link.lower
    lower.negotiate(~0 if negotiated else ~(1 << 28))
    lower.set_up_rings()
    lower.drive()
    ept = device_link.upper.open(src=THEIRS)
    lower.write(lower.tx_addr(0), decode.encode_message(OURS, THEIRS, b"indirect", lower.order))

    offer = lower.offer(TX, [Segment(lower.tx_addr(0), 24, False)], token=0, table=lower.place.spare)
    given(offer == 0, "the table is offered")
    lower.kick(TX)
    device_link.settle()

    got = [m.payload for m in device_link.upper.received(ept)]
    expect([b"indirect"] if negotiated else [], got, "delivered from an indirect table")
    expect(1, len(lower.returned()), "buffers given back")
    expect(True, device_link.works(ept), "whether the next message arrives")


TABLES = F_NS | F_VERSION_1 | F_INDIRECT


def offer_table(link: SimLink, table: list[decode.Descriptor], **spoilt: int) -> None:
    """Offer a message behind an indirect table, with fields of the descriptor that refers to it changed."""
    lower = link.lower
    raw = decode.encode_message(OURS, THEIRS, b"indirect", lower.order)
    lower.write(lower.tx_addr(0), raw)
    offer = lower.offer(TX, [Segment(lower.tx_addr(0), len(raw), False)], token=0, table=lower.place.spare)
    given(offer == 0, "the table is offered")
    lower.write(lower.place.spare, decode.encode_descriptors(tuple(table), lower.order))
    ring = lower.ring(TX)
    head = ring.avail.ring[(ring.avail.idx - 1) % lower.num]
    refers = replace(ring.desc[head], len=16 * len(table))
    desc = replace(refers, **spoilt)
    lower.write(lower.ring_addrs(TX)[0] + 16 * head, decode.encode_descriptors((desc,), lower.order))
    lower.kick(TX)
    link.settle()


@req("LAY-016")
@pytest.mark.parametrize(("spoilt", "inner"), [
    ({"flags": INDIRECT | NEXT, "next": 1}, 0), ({"len": 24}, 0), ({"len": 0}, 0), ({"addr": 0x10}, 0), ({}, INDIRECT),
], ids=["next", "odd-length", "empty", "outside", "nested"])
@config(negotiated=Config(features=TABLES))
def test_device_refuses_tables_that_cannot_be(device_link: SimLink, spoilt: dict[str, int], inner: int) -> None:
    """What is no table is not followed; its buffer comes back, and the queue goes on."""
    ept = device_link.upper.open(src=THEIRS)
    given(device_link.works(ept), "the link works")
    device_link.lower.returned()

    offer_table(device_link, [decode.Descriptor(device_link.lower.tx_addr(0), 24, inner, 0)], **spoilt)

    expect([], [m.payload for m in device_link.upper.received(ept)], "delivered from such a table")
    expect([0], device_link.lower.returned(), "used.len of what came back")
    expect(True, device_link.works(ept), "whether the next message arrives")


@req("LAY-014")
@config(long=Config(num=32, features=TABLES))
def test_device_survives_a_message_in_many_pieces(device_link: SimLink) -> None:
    """More than a device keeps in mind: all of it or nothing, and the queue goes on."""
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS)
    given(device_link.works(ept), "the link works")
    lower.returned()
    pieces = [decode.Descriptor(lower.tx_addr(0) + i, 1, NEXT if i < 23 else 0, i + 1) for i in range(24)]

    offer_table(device_link, pieces)

    expect(True, [m.payload for m in device_link.upper.received(ept)] in ([], [b"indirect"]),
           "whether the message is whole or dropped")
    expect([0], lower.returned(), "used.len of what came back")
    expect(True, device_link.works(ept), "whether the next message arrives")


@req("LAY-016")
@config(without=Config(), offered=Config(features=F_NS | F_VERSION_1 | F_INDIRECT))
def test_driver_uses_indirect_tables_only_if_negotiated(driver_link: Link) -> None:
    """A device that does not know them takes the table for a message."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")
    ring = lower.ring(TX)
    given(ring.avail.idx == 1, "one message is on the wire")

    head = ring.desc[ring.avail.ring[0]]

    allowed = INDIRECT if lower.features & F_INDIRECT else 0
    expect(0, head.flags & INDIRECT & ~allowed, "INDIRECT without having been negotiated")
    if head.flags & INDIRECT:
        expect((0, 0), (head.len % 16, head.flags & NEXT), "length modulo 16 of an indirect table, and NEXT")
        table = decode.decode_descriptors(lower.read(head.addr, head.len), head.len // 16, lower.order)
        expect([0] * len(table), [desc.flags & INDIRECT for desc in table], "INDIRECT within the table")


@req("LAY-017")
@config(plain=Config(), big=Config(features=F_NS, big_endian=True))
def test_device_returns_the_heads_it_was_given(device_link: SimLink) -> None:
    """The driver finds its buffer by that number; where it stood in the available ring says nothing."""
    lower, heads = device_link.lower, (5, 2, 7)
    ept = device_link.upper.open(src=THEIRS)
    desc, avail, _ = lower.ring_addrs(TX)

    for i, head in enumerate(heads):
        raw = decode.encode_message(OURS, THEIRS, bytes([i]), lower.order)
        lower.write(lower.tx_addr(i), raw)
        one = decode.Descriptor(lower.tx_addr(i), len(raw), 0, 0)
        lower.write(desc + 16 * head, decode.encode_descriptors((one,), lower.order))
    offered_heads = decode.Avail(0, len(heads), heads + (0,) * (lower.num - len(heads)), 0)
    lower.write(avail, decode.encode_avail(offered_heads, lower.order))
    lower.kick(TX, force=True)
    device_link.settle()

    given(len(device_link.upper.received(ept)) == len(heads), "all messages are delivered")
    expect(sorted(heads), sorted(used.id for used in lower.ring(TX).used.ring[:3]), "used ids")


@req("LAY-017")
def test_driver_takes_buffers_back_in_any_order(driver_link: Link) -> None:
    """A device that holds one buffer gives others back first; each message must be the right one."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS)
    buffers = [lower.take(RX) for _ in range(4)]
    given(all(buffers), "the driver has posted four buffers")

    for i, buffer in enumerate(buffers):
        lower.write(buffer.addr, decode.encode_message(OURS, THEIRS, bytes([i]), lower.order))
    for i in (2, 0, 3, 1):
        lower.complete(RX, buffers[i].head, 17, notify=i == 1)

    got = [m.payload for m in driver_link.delivered(ept, 4)]
    expect([bytes([i]) for i in (2, 0, 3, 1)], got, "delivered in the order of return")
    driver_link.ring("LAY-017")


@req("LAY-018")
@pytest.mark.parametrize("size", [0, 12, 496])
def test_used_length_covers_what_was_written(device_link: Link, size: int) -> None:
    """A driver believes no byte beyond it."""
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.upper.send(ept, bytes(size)) == 0, "the device sends")

    used_len = device_link.next_message().used_len

    expect(True, 16 + size <= used_len <= 512, f"whether used.len {used_len} is in {16 + size}..512")
    device_link.ring("LAY-018")


@req("LAY-019")
def test_used_length_of_a_read_buffer_is_zero(device_link: SimLink) -> None:
    """The device has written nothing into it."""
    ept = device_link.upper.open(src=THEIRS)
    given(device_link.works(ept), "the link works")

    expect([0], device_link.lower.returned(), "used.len on queue 1", departs=("vq1_used_len", "any"))
    device_link.ring("LAY-019")


@req("LAY-020")
@pytest.mark.parametrize("used_len", [0, 28, 512, 0xFFFFFFFF], ids=hex)
def test_driver_ignores_the_used_length_of_sent_buffers(driver_link: Link, used_len: int) -> None:
    """Devices in the field put all kinds of lengths there; Linux once stopped sending because of it."""
    lower, num = driver_link.lower, driver_link.lower.num
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)

    for i in range(3 * num):
        payload = i.to_bytes(2, "little")
        expect(0, driver_link.upper.send(ept, payload), f"result of send {i}")
        message = driver_link.poll_message(give_back=False)
        expect(payload, message and message.payload, f"message {i} on the wire")
        lower.complete(TX, message.head, used_len)
        driver_link.settle()


@req("LAY-023", "LAY-024")
@variants("size", "placement", "order", "indirect", "start")
def test_driver_kicks_unless_the_device_asked_not_to(driver_link: Link) -> None:
    """The device's word counts, not the driver's own."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    kicks = []

    for on in (True, False, True):
        lower.kicks(TX, on)
        before = lower.notified(TX)
        given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")
        given(driver_link.poll_message() is not None, "the message is on the wire")
        driver_link.settle()
        kicks.append(lower.notified(TX) - before)

    expect([1, 0, 1], kicks, "kicks of queue 1 with used.flags 0, 1, 0")
    driver_link.ring("LAY-023", "LAY-024")


@req("LAY-023", "LAY-024")
@variants("size", "placement", "order", "indirect", "start")
def test_device_notifies_unless_the_driver_asked_not_to(device_link: SimLink) -> None:
    """The driver's word counts, not the device's own."""
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(ept), "the link works")
    notified = []

    for on in (True, False, True):
        lower.interrupts(RX, on)
        before = lower.notified(RX)
        given(device_link.upper.send(ept, b"x") == 0, "the device sends")
        notified.append(lower.notified(RX) - before)
        given(device_link.lower.receive() is not None, "the message is on the wire")

    expect([1, 0, 1], notified, "notifications of queue 0 with avail.flags 0, 1, 0")
    device_link.ring("LAY-023", "LAY-024")


@req("LAY-024")
@pytest.mark.parametrize("event", [0, 1, 0x7FFF, 0xFFFF], ids=hex)
def test_event_words_mean_nothing_unless_negotiated(link: Link, event: int) -> None:
    """They lie in memory that a peer without the feature never initialises."""
    lower, num = link.lower, link.lower.num
    ept = link.upper.open(src=THEIRS, dst=OURS)
    sent = TX if link.role == "driver" else RX
    _, avail, used = lower.ring_addrs(sent)
    at = used + 4 + 8 * num if link.role == "driver" else avail + 4 + 2 * num

    lower.write(at, event.to_bytes(2, "big" if lower.order == "be" else "little"))
    before = lower.notified(sent)
    for _ in range(3):
        given(link.upper.send(ept, b"x") == 0, "the IUT sends")
    link.settle()
    got = [link.poll_message() for _ in range(3)]

    given(all(got), "three messages are on the wire")
    expect(3, lower.notified(sent) - before, f"notifications for three messages, event word {event:#x}")
    link.ring("LAY-024")


@req("LAY-025")
@role("driver", "device")
@pytest.mark.parametrize("row", VECTORS.need_event, ids=lambda r: f"{r.event:x}-{r.new:x}-{r.old:x}")
def test_the_event_formula_in_sixteen_bits(native: Native, lane: object, lib: None, row: vectors.NeedEventRow) -> None:
    """An evaluation in int goes wrong at the wrap, and then the other end waits for ever."""
    expect(row.notify, native.lib.rps_codec_need_event(row.event, row.new, row.old), "whether the peer is told")


@req("LAY-025", "LAY-003")
@pytest.mark.parametrize("ahead", [0, 1, 3])
@config(event=Config(features=EVENT))
def test_the_driver_kicks_when_the_event_is_passed(driver_link: Link, ahead: int) -> None:
    """With EVENT_IDX the device says at which entry it wants to be woken."""
    lower, num = driver_link.lower, driver_link.lower.num
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    _, _, used = lower.ring_addrs(TX)
    idx = lower.avail_idx(TX)
    lower.write(used + 4 + 8 * num, ((idx + ahead) & 0xFFFF).to_bytes(2, "little"))
    before = lower.notified(TX)

    kicks = []
    for _ in range(4):
        given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")
        driver_link.settle()
        kicks.append(lower.notified(TX) - before)

    expect([int(i >= ahead) for i in range(4)], kicks, f"kicks so far after each of four sends, event {ahead} ahead")
    driver_link.ring("LAY-003", "LAY-025")


@req("LAY-026")
@config(plain=Config(), event=Config(features=0x1_2000_0001))
@variants(*RING)
def test_spurious_notifications_are_harmless(link: Link) -> None:
    """They happen on every shared interrupt line."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    given(link.works(ept), "the link works")
    indices = [(link.lower.avail_idx(q), link.lower.used_idx(q)) for q in (RX, TX)]

    for _ in range(100):
        link.spurious(RX)
        link.spurious(TX)
    link.settle()

    expect([], link.upper.received(ept), "delivered without a message")
    expect(indices, [(link.lower.avail_idx(q), link.lower.used_idx(q)) for q in (RX, TX)], "ring indices")
    expect(True, link.works(ept), "whether the next message arrives")


@req("LAY-027")
@config(dirty=Config(dirty=0xA5), wild=Config(dirty=0xFF))
@variants("size", "placement", "order", "suppression", "indirect")
def test_rings_start_empty_whatever_was_in_memory(driver_link: SimLink) -> None:
    """A previous run's entries would be taken for messages."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS)

    for queue in (RX, TX):
        ring = lower.ring(queue)
        expect(0, ring.used.flags, f"used.flags of queue {queue}")
        expect(True, ring.avail.flags in (0, 1), f"whether avail.flags of queue {queue} are flags")
    expect(0, lower.used_idx(RX), "used.idx of queue 0")
    expect(0, lower.used_idx(TX), "used.idx of queue 1", departs=("tx_ring_start", "prefilled-as-used"))
    expect((lower.num, 0), (lower.avail_idx(RX), lower.avail_idx(TX)), "avail.idx of both queues")
    expect([], driver_link.upper.received(ept), "ghost messages")


@req("LAY-027")
@variants("size", "placement", "order", "suppression", "indirect")
def test_rings_start_empty_after_a_restart(driver_link: Link) -> None:
    """Indices of the run before mean nothing any more."""
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.works(ept), "the link works")
    given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")

    driver_link.restart()

    given(driver_link.lower.avail_idx(RX) > 0, "the driver has posted receive buffers")
    expect((driver_link.lower.num, 0), (driver_link.lower.avail_idx(RX), driver_link.lower.avail_idx(TX)),
           "avail.idx of both queues")
    expect((0, 0), (driver_link.lower.used_idx(RX), driver_link.lower.used_idx(TX)), "used.idx of both")
