# SPDX-License-Identifier: BSD-3-Clause
"""END: which byte order, and where."""

from __future__ import annotations

import errno
import shutil
import subprocess
from pathlib import Path

import pytest

from rpmsg_cts import decode, vectors
from rpmsg_cts.judge import expect, given, req, role, skip
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, RX, TX, Config, Link
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.native import Native
from rpmsg_cts.plugin_link import config

OURS, THEIRS = 0x401, 0x400
ROOT = Path(__file__).resolve().parents[2]
VECTORS = vectors.load(ROOT)
LITTLE, BIG = 0, 1  # VHOST_VRING_LITTLE_ENDIAN, VHOST_VRING_BIG_ENDIAN
MODERN = {"le": Config(big_endian=False), "be": Config(big_endian=True)}
LEGACY = {order: config.but(features=F_NS) for order, config in MODERN.items()}
EVERY = {"modern-le": MODERN["le"], "modern-be": MODERN["be"], "legacy-le": LEGACY["le"], "legacy-be": LEGACY["be"],
         "legacy-be-event": Config(features=F_NS | F_EVENT_IDX, big_endian=True)}


def bytes_of_rings(link: Link, order: str) -> None:
    """Both rings say in `order` what happened; an index of 1 read the other way round is 256."""
    num = link.lower.num
    for queue, expected in ((RX, (num, 1)), (TX, (1, 1))):
        desc, avail, used = link.lower.ring_addrs(queue)
        available = decode.decode_avail(link.lower.read(avail, 6 + 2 * num), num, order)
        returned = decode.decode_used(link.lower.read(used, 6 + 8 * num), num, order)
        first = decode.decode_descriptors(link.lower.read(desc, 16 * num), num, order)[available.ring[0]]
        given(first.len > 0, "the first descriptor was written")
        idx = available.idx if queue == TX or link.role == "device" else min(available.idx, num)
        expect(expected, (idx if queue == TX else min(idx, num), returned.idx), f"avail.idx, used.idx of queue {queue}")
        expect(True, first.len <= 512, f"whether the first buffer of queue {queue} has a plausible length {first.len}")


def exchange(link: Link, order: str) -> None:
    """V-HDR-1 in both directions, as bytes."""
    golden = VECTORS.vector("V-HDR-1", order).bytes
    ept = link.upper.open(src=0x400, dst=0x401)
    # An IUT that reads the ring in the other order finds no buffer, or a broken queue.
    expect(0, link.upper.send(ept, b"hello world!"), "result of sending V-HDR-1")
    message = link.poll_message()
    expect(golden, message and message.raw, "V-HDR-1 sent by the IUT")

    link.lower.send_raw(decode.encode_message(0x401, 0x400, b"hello world!", order))
    expect([b"hello world!"], [m.payload for m in link.delivered(ept)], "delivered")


@req("END-001")
@config(le=MODERN["le"], be=MODERN["be"])
def test_modern_links_are_little_endian_on_every_processor(link: Link) -> None:
    """VERSION_1 takes the processor out of the protocol."""
    exchange(link, "le")
    bytes_of_rings(link, "le")


@req("END-002")
@config(le=LEGACY["le"], be=LEGACY["be"])
def test_legacy_links_have_the_drivers_order(link: Link) -> None:
    """Rings and headers are as the driver's processor writes them."""
    exchange(link, link.config.order)
    bytes_of_rings(link, link.config.order)


@req("END-003")
@config(**EVERY)
def test_integers_are_swapped_and_bytes_are_not(link: Link) -> None:
    """V-HDR-2 has a different byte everywhere; the payload keeps its order."""
    order = link.config.order
    vector = VECTORS.vector("V-HDR-2", order)
    ept = link.upper.open(src=0x05060708, dst=0x01020304)

    link.lower.send_raw(vector.bytes)
    expect([vector.bytes[16:]], [m.payload for m in link.delivered(ept)], "payload delivered")

    given(link.upper.send(ept, vector.bytes[16:]) == 0, "the IUT sends")
    expect(decode.encode_message(0x05060708, 0x01020304, vector.bytes[16:], order), link.next_message().raw, "sent")


@req("END-003")
@config(**EVERY)
def test_announcements_swap_address_and_flags_alone(link: Link) -> None:
    """The name is text."""
    link.lower.announce("rpmsg-client-sample", 0x01020304)
    link.settle()

    expect([("rpmsg-client-sample", 0x01020304)], [(c.name, c.dst) for c in link.upper.channels()], "channels")


@req("END-004")
@config(**EVERY)
def test_ring_and_header_have_one_order(device_link: Link) -> None:
    """Swapping one and not the other reads a length of 12 as 3072."""
    exchange(device_link, device_link.config.order)
    used = decode.decode_used(device_link.lower.read(device_link.lower.ring_addrs(RX)[2], 6 + 8 * 8), 8,
                              device_link.config.order)

    expect(28, used.ring[0].len, "used.len of V-HDR-1")


def told(link: SimLink, order: int) -> list[int]:
    """Tell a device that is not running yet the order of both rings."""
    return [link.lower.bus.set_order(queue, order) for queue in (RX, TX)]


@req("END-005")
@config(le=Config(features=F_NS, told_order=True, start=False),
        be=Config(features=F_NS, told_order=True, start=False, big_endian=True))
def test_a_legacy_device_obeys_the_order_it_is_told(device_link: SimLink) -> None:
    """It cannot know the driver's processor; a setting that is taken and forgotten garbles everything."""
    order = BIG if device_link.config.big_endian else LITTLE

    expect([0, 0], told(device_link, order), "results of setting the order of both rings")
    device_link.start()

    exchange(device_link, device_link.config.order)
    bytes_of_rings(device_link, device_link.config.order)


@req("END-005")
@config(legacy=Config(features=F_NS, told_order=True, start=False))
def test_the_order_is_set_before_the_start_or_not_at_all(device_link: SimLink) -> None:
    """A front end has to learn that it was not understood."""
    expect([-errno.EINVAL] * 2, told(device_link, 2), "results of setting an order that there is not")
    device_link.start()

    expect([-errno.EBUSY] * 2, told(device_link, BIG), "results of setting the order of a running device")
    exchange(device_link, "le")


@req("END-005")
@config(knows=Config(features=F_NS, start=False))
def test_a_device_without_the_setting_says_so(device_link: SimLink) -> None:
    """A front end then refuses to connect a driver of the other order."""
    device_link.needs("a device without the setting")

    expect([-errno.ENOTTY] * 2, told(device_link, BIG), "results of setting the order")


@req("END-006")
@config(modern=Config(told_order=True, start=False))
def test_the_order_told_means_nothing_with_version_1(device_link: SimLink) -> None:
    """A modern link is little endian, whatever was set before the features were known."""
    given(told(device_link, BIG) == [0, 0], "the order is set")
    device_link.start()

    exchange(device_link, "le")
    bytes_of_rings(device_link, "le")


@req("END-007")
@role("driver", "device")
@pytest.mark.parametrize("table", ["le", "be"])
@pytest.mark.parametrize("host", ["le", "be"])
def test_a_resource_table_has_the_order_of_its_host(native: Native, lane: object, lib: None, table: str,
                                                    host: str) -> None:
    """Nothing says in which order it was written: the wrong one is refused by its version, 0x01000000."""
    firmware = decode.encode_resource_table(
        decode.decode_resource_table(VECTORS.vector("V-RSC-1", "le").bytes, "le").entries, table)
    at = native.ffi.new("uint32_t *")

    status = native.lib.rps_codec_rsc_vdev(host == "be", firmware, len(firmware), 7, at)

    expect((0, 24) if table == host else (-errno.EINVAL, 0), (status, at[0]), "result, and where the RPMsg device is")


@req("END-008")
@config(**EVERY)
def test_a_message_in_the_other_order_is_dropped(link: Link) -> None:
    """A length of 12 read as 3072 must not lead out of the buffer, and must not stop the link."""
    wrong = "be" if link.config.order == "le" else "le"
    ept = link.upper.open(src=0x401)
    given(link.works(ept), "the link works")

    for length in (12, 256):
        link.lower.send_raw(decode.encode_message(0x400, 0x401, bytes(length), wrong))
        link.settle()
    link.lower.send_raw(decode.encode_message(0x400, 53, decode.encode_name_service("wrong", 1024, 0, wrong), wrong))
    link.settle()

    expect([], link.upper.received(ept), "delivered")
    expect([], link.upper.channels(), "channels")
    expect(True, link.works(ept), "whether the next message arrives")


@req("END-009")
@role("driver", "device")
@pytest.mark.parametrize("order", ["LITTLE", "BIG"])
def test_the_host_order_is_the_compilers(native: Native, lane: object, lib: None, order: str, tmp_path: Path) -> None:
    """C libraries define the names of both orders on every host: code that looks for a name always finds it."""
    compiler = shutil.which("gcc")
    if compiler is None or not (ROOT / "sim" / "include").is_dir():
        skip("needs the sources, and a compiler (package gcc)")
    source = tmp_path / "order.c"
    source.write_text(
        "#include <endian.h>\n#include <rps/byteorder.h>\n"
        "#if !defined(__LITTLE_ENDIAN) || !defined(__BIG_ENDIAN)\n#error a host that cannot show it\n#endif\n"
        f"_Static_assert(RPS_ORDER_HOST == RPS_ORDER_{'BE' if order == 'BIG' else 'LE'}, \"order\");\n")

    # The macros of a big-endian compiler; its code generator is not needed to see what they decide.
    done = subprocess.run(
        [compiler, "-std=gnu11", "-fsyntax-only", "-U__BYTE_ORDER__", f"-D__BYTE_ORDER__=__ORDER_{order}_ENDIAN__",
         f"-I{ROOT / 'sim' / 'include'}", str(source)], capture_output=True, text=True, check=False)

    given("a host that cannot show it" not in done.stderr, "the C library defines both names")
    expect((0, ""), (done.returncode, done.stderr), f"what the compiler says of a {order.lower()}-endian host")
