# SPDX-License-Identifier: BSD-3-Clause
"""FLO: messages in order, senders that wait, buffers that come back."""

from __future__ import annotations

import errno

import pytest

from rpmsg_cts.judge import expect, given, req, role
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, RX, TX, Config, Link, Message
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.plugin_link import config, variants
from rpmsg_cts.variants import EVERY, RING

OURS, THEIRS = 0x401, 0x5DC
TOO_LONG = (-errno.EMSGSIZE,)
BOTH_MODES = {"flags": Config(), "event": Config(features=F_NS | F_VERSION_1 | F_EVENT_IDX)}


def fill(link: Link, ept: object) -> list[Message]:
    """Send until no buffer is free, and keep all of them."""
    return fill_until(link, ept)[0]


def fill_until(link: Link, ept: object) -> tuple[list[Message], int]:
    """As fill(), with what the first sender was told that had no buffer."""
    sent = status = 0
    while sent <= 2 * link.lower.num and (status := link.upper.send(ept, bytes([sent & 0xFF]))) == 0:
        sent += 1
    given(0 < sent <= link.lower.num, f"the IUT runs out of buffers (after {sent} messages)")
    messages = link.sent(give_back=False)
    given(len(messages) == sent, "every message is on the wire")
    return messages, status


@req("FLO-001", "FLO-002")
@variants(*RING)
def test_messages_are_neither_joined_nor_split_nor_reordered(link: Link) -> None:
    """One message, one buffer, in the order sent, over all endpoints."""
    epts = [link.upper.open(src=THEIRS + i, dst=OURS) for i in range(3)]
    count = 1000 if link.virtual_time and link.config == Config() else 3 * link.lower.num

    for i in range(count):
        given(link.upper.send(epts[i % 3], i.to_bytes(2, "big") * (1 + i % 7)) == 0, "a send buffer is free")
        message = link.next_message()
        expect((THEIRS + i % 3, i.to_bytes(2, "big") * (1 + i % 7)), (message.header.src, message.payload),
               f"message {i} on the wire")
    link.ring("FLO-001")


@req("FLO-002")
@variants(*RING)
def test_received_messages_are_delivered_in_order(link: Link) -> None:
    """What was sent first is delivered first."""
    ept = link.upper.open(src=THEIRS)
    got = []

    for batch in range(4):
        for i in range(link.lower.num):
            link.lower.send(OURS, THEIRS, bytes([batch, i & 0xFF]), notify=i == link.lower.num - 1)
        got += [m.payload for m in link.delivered(ept, link.lower.num)]

    expect([bytes([b, i & 0xFF]) for b in range(4) for i in range(link.lower.num)], got, "delivered")
    link.ring("FLO-002")


@req("FLO-003")
@variants(*RING)
def test_a_lent_buffer_is_left_alone(link: Link) -> None:
    """Until it comes back, the receiver may still be reading it."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    messages = fill(link, ept)
    expect(len(messages), len({message.addr for message in messages}), "buffers that hold a message each")

    for _ in range(3):
        link.upper.send(ept, b"overwritten?")
    link.settle()

    again = [link.read_buffer(message) for message in messages]
    expect([message.raw for message in messages], again, "buffers that were never given back")


@req("FLO-004")
def test_a_blocked_sender_gives_up_after_15_seconds(link: Link) -> None:
    """Not at once, and not never."""
    link.needs("long waits")
    ept = link.upper.open(src=THEIRS, dst=OURS)
    fill(link, ept)
    job = link.upper.send_blocking(ept, b"patience")
    at_once = job.result()

    link.advance(14.9)
    early = job.result()
    late_s = 0.2 + 15 * link.lateness
    link.advance(late_s)

    expect([None, None], [at_once, early], "result at once and after 14.9 s")
    expect(True, job.result() not in (None, 0), f"whether it failed {late_s:g} s later (result {job.result()})")
    expect([], link.sent(give_back=False), "messages on the wire")


@req("FLO-005")
@variants(*RING)
def test_an_impatient_sender_fails_at_once(link: Link) -> None:
    """Callers that must not sleep get an answer."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    _, first = fill_until(link, ept)

    again = link.upper.send(ept, b"now or never")

    expect([link.upper.no_buffer] * 2, [first, again], "what the first two senders without a buffer are told")
    expect([], link.sent(give_back=False), "messages on the wire")


@req("FLO-006")
@config(**BOTH_MODES)
@variants(*RING)
def test_device_tells_of_returned_send_buffers(device_link: SimLink) -> None:
    """A sender that waits for one is woken."""
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(ept), "the link works")
    lower.returned()
    lower.interrupts(TX, True)
    before = lower.notified(TX)

    lower.send(OURS, THEIRS, b"x")
    device_link.settle()

    given(len(lower.returned()) == 1, "the buffer came back")
    expect(1, lower.notified(TX) - before, "notifications of queue 1", departs=("rx_return_kick", "none"))
    device_link.ring("FLO-006")


@req("FLO-005", "FLO-011")
@config(**BOTH_MODES)
@variants(*RING)
def test_a_blocked_sender_goes_on(link: Link) -> None:
    """As soon as one buffer has come back, and not 15 s later."""
    ept = link.upper.open(src=THEIRS, dst=OURS)
    first = fill(link, ept)[0]
    job = link.upper.send_blocking(ept, b"at last")
    link.settle()
    expect(None, job.result(), "result of a sender that has to wait")

    link.lower.give_back(first)
    done = link.until(lambda: job.result() is not None)

    expect((True, 0), (done, job.result()), "whether the sender went on, and its result")
    expect([b"at last"], [m.payload for m in link.sent(give_back=False)], "on the wire")


@req("FLO-007")
@variants(*RING)
def test_device_asks_each_time_whether_to_notify(device_link: SimLink) -> None:
    """The driver changes its mind at run time."""
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(ept), "the link works")
    lower.returned()
    told = []

    for on in (False, True, True, False, True):
        lower.interrupts(TX, on)
        before = lower.notified(TX)
        lower.send(OURS, THEIRS, b"x")
        device_link.settle()
        given(len(lower.returned()) == 1, "the buffer came back")
        told.append(lower.notified(TX) - before)

    expect([0, 1, 1, 0, 1], told, "notifications of queue 1, suppressed in the first and the fourth round")
    device_link.ring("FLO-007")


@req("FLO-008")
@pytest.mark.parametrize("size", [497, 512, 4096])
def test_a_message_that_does_not_fit_is_refused(link: Link, size: int) -> None:
    """Half a message is worse than none."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    status = link.upper.send(ept, bytes(size))

    expect(True, status in TOO_LONG, f"whether {size} bytes are refused as too long (result {status})",
           departs=("oversize", "truncate"))
    expect([], link.sent(give_back=False), "messages on the wire")


@req("FLO-009")
@role("driver", "device")
@pytest.mark.parametrize("size", [65535, 65536, 65540])
def test_lengths_are_not_cut_to_16_bits(sim_link: SimLink, size: int) -> None:
    """65540 bytes are not 4."""
    ept = sim_link.upper.open(src=THEIRS, dst=OURS)

    status = sim_link.upper.send(ept, bytes(size))

    expect(True, status in TOO_LONG, f"whether {size} bytes are refused as too long (result {status})")
    expect([], sim_link.sent(give_back=False), "messages on the wire")


@req("FLO-010")
@variants(*RING)
def test_receive_buffers_keep_their_size(driver_link: Link) -> None:
    """Posting them again with the received length makes them smaller each time."""
    ept = driver_link.upper.open(src=THEIRS)
    num = driver_link.lower.num

    for _ in range(3 * num):
        driver_link.lower.send(OURS, THEIRS, b"1")
        given(len(driver_link.delivered(ept)) == 1, "the message is delivered")
    driver_link.settle()

    expect({512}, {desc.len for desc in driver_link.lower.ring(RX).desc}, "lengths of posted buffers")
    expect(num, len(posted(driver_link)), "buffers posted")
    driver_link.ring("FLO-010")


def posted(link: Link) -> list[int]:
    """Heads that the driver has posted on queue 0 and the device has not given back."""
    ring = link.lower.ring(RX)
    count = (ring.avail.idx - ring.used.idx) & 0xFFFF
    return [ring.avail.ring[(ring.avail.idx - 1 - i) % link.lower.num] for i in range(min(count, link.lower.num))]


@req("FLO-011")
@config(**BOTH_MODES)
@variants(*RING)
def test_a_starved_device_hears_of_new_buffers(driver_link: Link) -> None:
    """It has used up all of them and waits."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS)
    for i in range(lower.num):
        lower.send(OURS, THEIRS, bytes([i & 0xFF]), notify=False)
    given(lower.take(RX) is None, "the device has used up all buffers")
    lower.kicks(RX, True)
    before = lower.notified(RX)

    lower.notify(RX, force=True)
    given(len(driver_link.delivered(ept, lower.num)) == lower.num, "all messages are delivered")
    kicked = driver_link.until(lambda: lower.notified(RX) > before)

    expect(True, kicked, "whether the driver kicked queue 0", departs=("rx_return_kick", "none"))
    expect(lower.num, len(posted(driver_link)), "buffers posted again")
    driver_link.ring("FLO-011")


@req("FLO-012")
@variants(*RING)
def test_one_notification_stands_for_many_messages(link: Link) -> None:
    """The receiver drains the ring."""
    ept, count = link.upper.open(src=THEIRS), min(3, link.lower.num)

    for i in range(count):
        link.lower.send(OURS, THEIRS, bytes([i]), notify=i == count - 1)

    expect([bytes([i]) for i in range(count)], [m.payload for m in link.delivered(ept, count)],
           "delivered after one notification")


@req("FLO-013")
@role("driver", "device")
@variants("placement", "order", "suppression", "indirect", "start")
def test_a_held_buffer_blocks_no_other(sim_link: SimLink) -> None:
    """A client may keep one message while others come and go; each buffer comes back once."""
    num = sim_link.lower.num
    keeper = sim_link.upper.open(src=THEIRS, dst=OURS)
    other = sim_link.upper.open(src=THEIRS + 1, dst=OURS)
    sim_link.upper.hold(keeper, True)
    sim_link.lower.send(OURS, THEIRS, b"kept")
    given(len(sim_link.delivered(keeper)) == 1, "the message is delivered")

    for i in range(3 * num):
        sim_link.lower.send(OURS, THEIRS + 1, bytes([i & 0xFF]))
        expect([bytes([i & 0xFF])], [m.payload for m in sim_link.delivered(other)], f"message {i} while one is held")
    sim_link.upper.release(0)
    for i in range(num):
        expect(True, sim_link.lower.can_send(), f"whether there is a buffer after the release and {i} messages")
        sim_link.lower.send(OURS, THEIRS + 1, bytes([i & 0xFF]), notify=i == num - 1)

    expect(num, len(sim_link.delivered(other, num)), "messages delivered with all buffers back")


@req("FLO-014")
@role("driver", "device")
@variants(*RING)
def test_a_buffer_given_back_unsent_leaves_no_trace(sim_link: SimLink) -> None:
    """A client that borrows a buffer and then has nothing to say must not cost the others one."""
    num = sim_link.lower.num
    ept = sim_link.upper.open(src=THEIRS, dst=OURS)
    given(sim_link.works(ept), "the link works")
    sent = TX if sim_link.role == "driver" else RX
    indices = sim_link.lower.avail_idx(sent), sim_link.lower.used_idx(sent)

    for i in range(10 * min(num, 16)):
        room = sim_link.upper.borrow()
        expect(True, room >= 0, f"whether a buffer can be borrowed after {i} were given back (result {room})")
        sim_link.upper.give_back(room)

    expect(indices, (sim_link.lower.avail_idx(sent), sim_link.lower.used_idx(sent)), "avail.idx and used.idx")
    expect(num, len(fill(sim_link, ept)), "messages that can be sent then")


@req("FLO-014")
@role("driver", "device")
@variants(*EVERY)
def test_borrowed_buffers_are_sent_in_the_order_of_sending(sim_link: SimLink) -> None:
    """One may be filled while others are sent; what is written is what arrives."""
    ept = sim_link.upper.open(src=THEIRS, dst=OURS)
    rooms = [sim_link.upper.borrow() for _ in range(min(3, sim_link.lower.num))]
    given(min(rooms) >= 0, "buffers can be borrowed")

    for room in reversed(rooms):
        expect(0, sim_link.upper.send_borrowed(room, ept, bytes([room])), f"result of sending borrowed buffer {room}")

    got = [(message.header.src, message.payload) for message in sim_link.sent(give_back=False)]
    expect([(THEIRS, bytes([room])) for room in reversed(rooms)], got, "messages on the wire")


@req("FLO-015")
@config(plain=Config(), wrap=Config(start_idx=0xFF00), event=Config(features=F_NS | F_VERSION_1 | F_EVENT_IDX))
@variants(*RING)
def test_all_buffers_stay_in_circulation(link: Link) -> None:
    """After many messages in both directions, to somebody and to nobody, all of them still work."""
    num = link.lower.num
    ept = link.upper.open(src=THEIRS, dst=OURS)
    rounds = 600 if link.virtual_time and num == 8 else min(10 * num, 3 * num + 16)

    for i in range(rounds):
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} messages")
        link.lower.send(OURS, THEIRS if i % 3 else 4711, bytes(i % 497))
        given(link.upper.send(ept, bytes((7 * i) % 497)) == 0, "a send buffer is free")
        given(link.next_message() is not None, "the message is on the wire")
        if i % num == 0:
            link.delivered(ept, 0)
    link.settle()
    link.upper.received(ept)

    for i in range(num):
        expect(True, link.lower.can_send(), f"whether there is a buffer at the end, after {i} messages")
        link.lower.send(OURS, THEIRS, bytes([i & 0xFF]), notify=i == num - 1)
    expect(num, len(link.delivered(ept, num)), "messages received in a full ring at the end")
    expect(num, len(fill(link, ept)), "messages sent into a full ring at the end")


@req("FLO-016")
@config(two=Config(num=2), plain=Config())
@variants(*RING)
def test_receiving_goes_on_while_senders_wait(link: Link) -> None:
    """Two echo servers with full rings must not wait for each other."""
    sender = link.upper.open(src=THEIRS, dst=OURS)
    receiver = link.upper.open(src=THEIRS + 1, dst=OURS)
    messages = fill(link, sender)
    job = link.upper.send_blocking(sender, b"blocked")
    link.settle()
    given(job.result() is None, "the sender waits")

    for i in range(2 * link.lower.num):
        link.lower.send(OURS, THEIRS + 1, bytes([i & 0xFF]))
        expect([bytes([i & 0xFF])], [m.payload for m in link.delivered(receiver)], f"message {i} while a sender waits")

    expect(None, job.result(), "result of the blocked sender so far")
    link.lower.give_back(messages[0])
    expect(True, link.until(lambda: job.result() == 0), "whether the sender goes on")


@req("FLO-017")
@variants(*EVERY)
def test_a_message_without_payload_is_delivered(link: Link) -> None:
    """Some use it as a handshake; its buffer comes back as any other."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    got = []
    for i in range(2 * link.lower.num):
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} messages without payload")
        link.lower.send(OURS, THEIRS, b"")
        got += [m.payload for m in link.delivered(ept)]

    expect([b""] * 2 * link.lower.num, got, "delivered")
    link.ring("FLO-017")


@req("FLO-017")
@variants(*EVERY)
def test_a_message_without_payload_is_sent(link: Link) -> None:
    """It has a header and nothing else."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    status = link.upper.send(ept, b"")

    expect(0, status, "result of sending nothing")
    message = link.next_message()
    expect((0, 16), (message.header.len, len(message.raw)), "hdr.len, bytes on the wire")


@req("FLO-018")
@role("driver", "device")
@pytest.mark.parametrize("pause", [True, False], ids=["pause", "go-on"])
def test_flow_control_is_refused_and_not_sent(sim_link: SimLink, pause: bool) -> None:
    """A peer that never heard of it would take the message for something else."""
    ept = sim_link.upper.open(src=THEIRS, dst=OURS)
    given(sim_link.works(ept), "the link works")

    status = sim_link.upper.flow_control(ept, pause)

    expect(True, status < 0, f"whether flow control is refused (result {status})")
    expect([], sim_link.sent(give_back=False), "messages on the wire")


@req("FLO-018")
def test_a_flow_control_message_is_for_nobody(link: Link) -> None:
    """Address 54 means something in a draft alone: such messages cost nothing and stop nothing."""
    ept = link.upper.open(src=THEIRS, dst=OURS)

    for i in range(2 * link.lower.num):
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} messages to 54")
        link.lower.send(OURS, 54, THEIRS.to_bytes(4, "little") + (1).to_bytes(4, "little"))
        link.settle()

    expect([], link.sent(give_back=False), "answers")
    expect(0, link.upper.send(ept, b"not paused"), "result of sending afterwards")
    expect(True, link.works(ept), "whether the next message arrives")
