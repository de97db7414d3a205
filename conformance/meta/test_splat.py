# SPDX-License-Identifier: BSD-3-Clause
"""What kernels say of themselves: one complaint after the other, each with its place, and memory that they have lost."""

from __future__ import annotations

import pytest

from rpmsg_cts.guest import kmemleak
from rpmsg_cts.guest.splat import splats
from rpmsg_cts.leaks import LeakWatch
from rpmsg_cts.targets import Lane

# As UML 6.1 and x86-64 have said it, with what is of no matter left out.
SAID = {
    "kasan": ("""\
BUG: KASAN: use-after-free in rpmsg_recv_done+0x61/0x67 [virtio_rpmsg_bus]
Write of size 1 at addr 0000000061cee083 by task init/1
Call Trace:
 [<60031d25>] ? dump_trace+0x0/0x13c
 [<6013aed7>] ? kasan_report+0xf8/0x11b
 [<70838312>] ? rpmsg_recv_done+0x61/0x67 [virtio_rpmsg_bus]
""", "rpmsg_recv_done [virtio_rpmsg_bus]", "BUG: KASAN: use-after-free in rpmsg_recv_done [virtio_rpmsg_bus]"),
    "ubsan": ("""\
UBSAN: shift-out-of-bounds in drivers/rpmsg/virtio_rpmsg_bus.c:36:15
shift exponent 40 is too large for 32-bit type 'int'
 [<6036e30d>] ? ubsan_epilogue+0x10/0x56
 [<7083829e>] ? rpmsg_probe+0x3c/0x4f [virtio_rpmsg_bus]
""", "rpmsg_probe [virtio_rpmsg_bus]", "UBSAN: shift-out-of-bounds drivers/rpmsg/virtio_rpmsg_bus.c in rpmsg_probe [virtio_rpmsg_bus]"),
    "built in": ("""\
WARNING: CPU: 0 PID: 1 at lib/refcount.c:28 refcount_warn_saturate+0xc1/0x130
 dump_stack_lvl+0x45/0x5a
 refcount_warn_saturate+0xc1/0x130
""", "refcount_warn_saturate", "WARNING in refcount_warn_saturate"),
}


@pytest.mark.parametrize("said, function, place", SAID.values(), ids=list(SAID))
def test_a_complaint_has_a_place(said: str, function: str, place: str) -> None:
    """Two of the same kind from one function are one, whatever their numbers."""
    (splat,) = splats(said.splitlines())

    assert (splat.function, splat.place) == (function, place)
    assert list(splat.lines) == said.splitlines()


def test_complaints_do_not_run_into_each_other() -> None:
    """Nor does what was said before."""
    lines = ["all is well", *SAID["kasan"][0].splitlines(), *SAID["ubsan"][0].splitlines()]

    assert [splat.title.split(":")[0] for splat in splats(lines)] == ["BUG", "UBSAN"]
    assert not splats(["virtio_rpmsg_bus virtio0: rpmsg host is online", "debug: no BUG here"])


LOST = """\
unreferenced object 0x61b38d80 (size 64):
  comm "init", pid 1, jiffies 4294937338 (age 11.790s)
  hex dump (first 32 bytes):
    08 8f 82 70 00 00 00 00 00 01 c0 61 00 00 00 00  ...p.......a....
  backtrace:
    [<00000000f0a1b2c3>] kmalloc_trace+0x1a/0x40
    [<00000000a0a1b2c3>] __rpmsg_create_ept+0x3e/0x90 [virtio_rpmsg_bus]
unreferenced object 0x61b85398 (size 8):
  comm "init", pid 1, jiffies 4294937338
  backtrace (crc 0):
    [<00000000f0a1b2c3>] kmalloc_trace+0x1a/0x40
    [<00000000a0a1b2c4>] tty_init_dev+0x3e/0x90
"""


def test_lost_memory_has_an_owner() -> None:
    """Of the RPMsg code, or of somebody else; later kernels do not tell its age."""
    ours, other = kmemleak.parse(LOST)

    assert (ours.size_bytes, ours.age_s, ours.function) == (64, 11.79, "__rpmsg_create_ept [virtio_rpmsg_bus]")
    assert (other.size_bytes, other.age_s, other.function) == (8, None, "")
    assert str(ours) == "64 bytes from __rpmsg_create_ept [virtio_rpmsg_bus]"


def test_lost_memory_is_the_doing_of_the_test_before() -> None:
    """By its age; what has none, or was lost before the first test, has a name of its own."""
    watch, lane = LeakWatch(), Lane("linux-uml", "driver")
    leak = kmemleak.parse(LOST)[0]

    watch.note("first", "ADR-009", lane, 10.0)
    watch.note("second", "ADR-002", lane, 20.0)
    watch.attribute([leak], now_s=30.0)
    watch.attribute([leak], now_s=40.0)
    watch.attribute([leak], now_s=12.0)
    watch.attribute([leak], now_s=40.0, until_s=20.0)

    assert [(lost.name, lost.requirement) for lost in watch.lost] == [
        ("first::kmemleak", "ADR-009"), ("second::kmemleak", "ADR-002"), ("kmemleak[linux-uml-driver]", "ROB-018")]
    assert watch.lost[0].reason == ("the kernel has lost memory (1 objects): 64 bytes from __rpmsg_create_ept "
                                    "[virtio_rpmsg_bus]")
    assert "backtrace:" in watch.lost[0].story
