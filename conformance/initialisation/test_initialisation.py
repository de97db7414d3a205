# SPDX-License-Identifier: BSD-3-Clause
"""INI: from reset to the first message, and back."""

from __future__ import annotations

import pytest

from rpmsg_cts import decode
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import (F_ACCESS_PLATFORM, F_EVENT_IDX, F_INDIRECT, F_NS, F_VERSION_1, RX, STATUS_ACKNOWLEDGE, STATUS_DRIVER,
                            STATUS_DRIVER_OK, STATUS_FAILED, STATUS_FEATURES_OK, TX, Config, Link)
from rpmsg_cts.link_linux import LinuxLink
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.plugin_link import config, variants
from rpmsg_cts.variants import EVERY, RING

OURS, THEIRS = 0x401, 0x5DC
RPMSG = 7
WINDOW = 0x4000_0000  # bus address less physical address
OTHER = 29  # simulated wireless: a device that QEMU knows by name and the guest has no driver for
VENDOR = F_NS | F_VERSION_1 | F_INDIRECT | F_EVENT_IDX | 0xFFFFFE
UNDEFINED = 1 << 49  # no device of any kind has it
UNDERSTOOD_BY_RING = F_EVENT_IDX | F_INDIRECT  # a driver's ring code may know them, whatever the device type
MODERN = [STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER,
          STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK,
          STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK]
LEGACY = [STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER,
          STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK]


@req("INI-001")
@config(network=Config(device_id=1, start=False), console=Config(device_id=3, start=False),
        wireless=Config(device_id=OTHER, start=False))
def test_driver_leaves_other_devices_alone(driver_link: Link) -> None:
    """A console with an RPMsg driver on it is a broken console."""
    status = driver_link.try_start()

    expect(True, status < 0, f"whether binding to device id {driver_link.config.device_id} is refused")
    expect(False, driver_link.is_running(), "whether DRIVER_OK was set")


@req("INI-001")
def test_device_says_what_it_is(device_link: SimLink) -> None:
    """The number is all that a driver has to go by."""
    device_link.needs("device id")

    expect(RPMSG, device_link.world.device_id(), "virtio device id")


@req("INI-002")
@variants(*EVERY)
def test_driver_receives_on_queue_0_and_sends_on_queue_1(driver_link: Link) -> None:
    """The other way round, both ends wait for each other."""
    lower = driver_link.lower
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    start, first = driver_link.config.start_idx, driver_link.config.start_idx % lower.num
    posted = (lower.avail_idx(RX) - start) & 0xFFFF
    given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")

    writable = [[lower.ring(q).desc[lower.ring(q).avail.ring[first]].flags & 2 for q in (RX, TX)]]

    expect(True, posted > 0, "whether receive buffers are posted on queue 0")
    expect([[2, 0]], writable, "whether the first buffer of queues 0 and 1 is for the device to write")
    expect(1, (lower.avail_idx(TX) - start) & 0xFFFF, "messages on queue 1")


@req("INI-002")
@variants(*EVERY)
def test_device_receives_on_queue_1_and_sends_on_queue_0(device_link: SimLink) -> None:
    """The other way round, both ends wait for each other."""
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    expect(0, device_link.upper.send(ept, b"x"), "result of sending")
    device_link.lower.send(OURS, THEIRS, b"y")
    device_link.settle()

    used = [(device_link.lower.used_idx(q) - device_link.config.start_idx) & 0xFFFF for q in (RX, TX)]
    expect([1, 1], used, "buffers used on queues 0 and 1")


@req("INI-003")
@config(modern=Config(), legacy=Config(features=F_NS))
def test_status_is_built_up_bit_by_bit(driver_link: SimLink) -> None:
    """A device that reads the status between two writes must see the truth."""
    driver_link.needs("status writes")
    writes = [write.status for write in driver_link.world.status_writes()]

    expected = MODERN if driver_link.config.features & F_VERSION_1 else LEGACY
    expect(expected, [status for status in writes if status], "status bytes written after reset",
           departs=("status_strict", "off"))
    expect(0, writes[0], "first status byte written")
    driver_link.ring("INI-003")


@req("INI-004")
@config(stopped=Config(start=False))
@variants("size", "placement", "order", "suppression", "indirect")
def test_device_waits_for_driver_ok(device_link: SimLink) -> None:
    """Before that the driver has promised nothing, not even that its rings are there."""
    device_link.needs("endpoints before the start")
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    device_link.upper.announce(ept)
    lower.negotiate()
    lower.set_up_rings()
    before = lower.notified(RX)

    lower.kick(RX, force=True)
    device_link.settle()
    early = lower.used_idx(RX), lower.used_idx(TX), lower.notified(RX) - before
    lower.drive()
    device_link.settle()

    expect((0, 0, 0), early, "used buffers and notifications before DRIVER_OK")
    expect(1, lower.used_idx(RX), "announcements after DRIVER_OK")
    device_link.ring("INI-004")


@req("INI-005")
@variants(*EVERY)
def test_receive_buffers_are_there_before_driver_ok(driver_link: SimLink) -> None:
    """A device that announces at once needs a buffer at once."""
    driver_link.needs("the moment of DRIVER_OK")
    (at_driver_ok,) = [w for w in driver_link.world.status_writes() if w.status & STATUS_DRIVER_OK]

    expect(driver_link.lower.num, at_driver_ok.available[RX], "receive buffers posted when DRIVER_OK is written")
    driver_link.ring("INI-005")


@req("INI-006")
@variants(*EVERY)
def test_queue_0_is_kicked_after_driver_ok(driver_link: Link) -> None:
    """Some devices take it for the start signal."""
    driver_link.needs("the first kick")
    arrived = driver_link.until(lambda: driver_link.lower.notified(RX) > 0)

    given(driver_link.lower.avail_idx(TX) == driver_link.config.start_idx, "the driver has sent nothing yet")
    expect(True, arrived, "whether queue 0 was kicked")
    expect(0, driver_link.lower.notified(TX), "kicks of queue 1 so far")
    driver_link.ring("INI-006")


@req("INI-007")
@config(without=Config(features=F_VERSION_1))
@variants(*RING)
def test_without_the_feature_nothing_is_announced(link: Link) -> None:
    """Address 53 belongs to nobody then."""
    if link.role == "device":
        ept = link.upper.open(src=THEIRS, dst=OURS, name="silent")
        link.upper.announce(ept)
    else:
        given(link.upper.open_channel(link.upper.service, 900, OURS) == 0, "the driver opens a channel")
    link.settle()

    expect(None, link.lower.receive(), "message of the IUT")


@req("INI-007")
def test_driver_accepts_the_name_service(driver_link: Link) -> None:
    """Without it no device can say what it offers."""
    expect(F_NS, driver_link.lower.features & F_NS, "VIRTIO_RPMSG_F_NS in the accepted features")


@req("INI-008", "INI-009")
@config(vendor=Config(features=VENDOR))
def test_driver_accepts_only_what_it_knows(driver_link: Link) -> None:
    """Bits above 0 mean different things to different vendors."""
    accepted = driver_link.lower.features

    expect(0, accepted & ~(F_NS | F_VERSION_1 | UNDERSTOOD_BY_RING), "accepted features without an agreed meaning")
    expect(0, accepted & ~VENDOR, "accepted features that were not offered")
    driver_link.ring("INI-009")


@req("INI-009")
@config(vendor=Config(features=VENDOR))
def test_vendor_features_change_nothing_on_the_wire(driver_link: Link) -> None:
    """A baseline driver sends no acknowledgement and reads no configuration because of them."""
    driver_link.lower.announce("plain-service", OURS)
    driver_link.settle()
    given([c.name for c in driver_link.upper.channels()] == ["plain-service"], "the announcement was taken")

    expect(None, driver_link.lower.receive(), "message of the driver")
    driver_link.ring("INI-009")


@req("INI-009")
@config(vendor=Config(features=VENDOR))
def test_a_vendor_bit_gets_no_acknowledgement(device_link: SimLink) -> None:
    """A baseline device answers no announcement, even to a driver that has taken every bit."""
    given(device_link.lower.bus.accepted() == VENDOR, "the bits are accepted")
    ept = device_link.upper.open(src=THEIRS, dst=OURS)

    device_link.lower.announce("plain-service", OURS)
    device_link.settle()

    given([c.name for c in device_link.upper.channels()] == ["plain-service"], "the announcement was taken")
    expect(None, device_link.lower.receive(), "message of the device")
    expect(True, device_link.works(ept), "whether the link works")


@req("INI-010")
@pytest.mark.parametrize(("accept", "fine"), [(F_NS | F_VERSION_1, True), (F_VERSION_1, True),
                                              (F_NS | F_VERSION_1 | UNDEFINED, False)],
                         ids=["all", "subset", "more-than-offered"])
@config(stopped=Config(start=False))
def test_device_takes_a_subset_of_its_features(device_link: SimLink, accept: int, fine: bool) -> None:
    """FEATURES_OK is the device's word that it will do what was chosen; it cannot do what it never offered."""
    lower = device_link.lower
    for status in (0, STATUS_ACKNOWLEDGE, STATUS_ACKNOWLEDGE | STATUS_DRIVER):
        lower.set_status(status)

    lower.bus.accept(accept)
    lower.set_status(lower.status | STATUS_FEATURES_OK)

    expect(fine, bool(lower.status & STATUS_FEATURES_OK), f"whether FEATURES_OK stays set for features {accept:#x}")


@req("INI-010")
@config(refused=Config(refuse_features=True, start=False))
def test_driver_gives_up_when_features_are_refused(driver_link: SimLink) -> None:
    """The device has said that it will not work like that."""
    status = driver_link.upper.probe()
    last = driver_link.world.status_writes()[-1].status

    expect(True, status < 0, "whether probing fails")
    expect(STATUS_FAILED, last & (STATUS_FAILED | STATUS_DRIVER_OK), "FAILED and DRIVER_OK in the last status")


@req("INI-010")
@config(legacy=Config(features=F_NS))
def test_legacy_start_has_no_features_ok(driver_link: SimLink) -> None:
    """Legacy devices do not know the bit."""
    driver_link.needs("status writes")
    seen = [w.status & STATUS_FEATURES_OK for w in driver_link.world.status_writes()]

    expect([0] * len(seen), seen, "FEATURES_OK in each status written")
    driver_link.ring("INI-010")


@req("INI-011")
@config(le=Config(low_features=True), be=Config(low_features=True, big_endian=True))
def test_32_feature_bits_mean_a_legacy_link(link: Link) -> None:
    """A resource table has no room for VERSION_1: rings and headers are in the driver's order."""
    order = link.config.order
    given(order == ("be" if link.config.big_endian else "le"), "the link is a legacy one")
    ept = link.upper.open(src=THEIRS, dst=OURS)

    expect(0, link.world.native.lib.rps_world_accepted(link.world.handle) >> 32, "accepted features from bit 32 on")
    expect(0, link.world.status() & STATUS_FEATURES_OK, "FEATURES_OK in the status")
    expect(0, link.upper.send(ept, b"native"), "result of sending")
    sent = TX if link.role == "driver" else RX
    at = link.lower.ring_addrs(sent)[1 if link.role == "driver" else 2]
    expect((1).to_bytes(2, "big" if order == "be" else "little"), link.lower.read(at + 2, 2), "index of the ring")
    expect(decode.encode_message(THEIRS, OURS, b"native", order), link.next_message().raw, "on the wire")
    link.lower.send_raw(decode.encode_message(OURS, THEIRS, b"answer", order))
    expect([b"answer"], [m.payload for m in link.delivered(ept)], "delivered")


@req("INI-012")
@config(event=Config(features=F_NS | F_VERSION_1 | F_EVENT_IDX), flags=Config())
@variants(*EVERY)
def test_both_ends_suppress_in_the_same_way(link: Link) -> None:
    """One end in event mode and the other in flag mode stop after the first batch."""
    ept, count = link.upper.open(src=THEIRS, dst=OURS), min(4 * link.lower.num, 2 * link.lower.num + 64)

    for i in range(count):
        expect(0, link.upper.send(ept, bytes([i & 0xFF])), f"result of send {i}")
        message = link.poll_message()
        expect(bytes([i & 0xFF]), message and message.payload, f"message {i} on the wire")
        expect(True, link.lower.can_send(), f"whether there is a buffer after {i} messages")
        link.lower.send(OURS, THEIRS, bytes([i & 0xFF]))

    expect(count, len(link.delivered(ept, count)), "messages delivered")
    link.ring("INI-012")


@req("INI-013")
@config(platform=Config(features=F_NS | F_VERSION_1 | F_ACCESS_PLATFORM, bus_offset=WINDOW),
        physical=Config(bus_offset=WINDOW))
def test_driver_gives_the_addresses_that_the_device_asked_for(driver_link: SimLink) -> None:
    """Behind an IOMMU a physical address is somebody else's memory."""
    asked = bool(driver_link.config.features & F_ACCESS_PLATFORM)
    lower, place = driver_link.lower, driver_link.world.place()
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.upper.send(ept, b"x") == 0, "the driver sends")
    bufs = place.bufs + (WINDOW if asked else 0)

    expect(asked, bool(lower.features & F_ACCESS_PLATFORM), "whether ACCESS_PLATFORM is accepted")
    for queue in (RX, TX):
        ring = lower.ring(queue)
        used = [ring.desc[ring.avail.ring[i]].addr for i in range(ring.avail.idx)]
        given(used, f"buffers are offered on queue {queue}")
        outside = [addr for addr in used if not bufs <= addr < bufs + place.bufs_bytes]
        expect([], outside, f"addresses on queue {queue} that are none of the {'bus' if asked else 'memory'}")
    expect(b"x", driver_link.next_message().payload, "payload on the wire")
    expect(True, driver_link.works(ept), "whether a message arrives")


@req("INI-014")
@variants(*RING)
def test_device_forgets_everything_at_reset(device_link: SimLink) -> None:
    """A new start finds the rings at 0, and so must the device."""
    lower = device_link.lower
    ept = device_link.upper.open(src=THEIRS, dst=OURS)
    given(device_link.works(ept), "the link works")
    given(device_link.upper.send(ept, b"x") == 0, "the device sends")

    lower.set_status(0)
    device_link.settle()
    for queue in (RX, TX):
        desc, avail, _ = lower.ring_addrs(queue)
        lower.write(avail, b"\xff" * (6 + 2 * lower.num))
        lower.write(desc, b"\xff" * 16 * lower.num)
    frozen = [lower.read(lower.ring_addrs(q)[2], 6 + 8 * lower.num) for q in (RX, TX)]
    lower.kick(TX, force=True)
    device_link.upper.send(ept, b"into the void")
    device_link.settle()

    expect(frozen, [lower.read(lower.ring_addrs(q)[2], 6 + 8 * lower.num) for q in (RX, TX)], "used rings after reset")
    device_link.restart()
    again = device_link.upper.open(src=THEIRS + 1, dst=OURS)
    expect(True, device_link.works(again), "whether a message arrives after the second start")
    given(device_link.upper.send(again, b"again") == 0, "the device sends")
    expect(b"again", device_link.next_message().payload, "payload on the wire after the second start")


@req("LAY-027")
@variants(*RING)
def test_driver_starts_again_from_zero(driver_link: Link) -> None:
    """After a reset both ends count from 0 again."""
    ept = driver_link.upper.open(src=THEIRS, dst=OURS)
    given(driver_link.works(ept), "the link works")

    driver_link.restart()
    again = driver_link.upper.open(src=THEIRS + 1, dst=OURS)

    expect(True, driver_link.works(again), "whether a message arrives after the second start")
    given(driver_link.upper.send(again, b"again") == 0, "the driver sends")
    expect(b"again", driver_link.next_message().payload, "payload on the wire after the second start")


@req("LAY-027")
def test_driver_that_was_loaded_again_starts_from_zero(linux_link: LinuxLink) -> None:
    """Whoever tries a new driver unloads the old one, and does not start the remote's firmware afresh."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    given(linux_link.works(ept), "the link works")

    linux_link.reload()
    again = linux_link.upper.open(src=THEIRS + 1, dst=OURS)

    expect(True, linux_link.works(again), "whether a message arrives after the second start")
    given(linux_link.upper.send(again, b"again") == 0, "the driver sends")
    expect(b"again", linux_link.next_message().payload, "payload on the wire after the second start")
