# SPDX-License-Identifier: BSD-3-Clause
"""The ring diagram says in few words what the records say in many, and nothing else."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from rpmsg_cts.diagram.rings import Ring, Rings
from rpmsg_cts.diagram.rows import Note, rows
from rpmsg_cts.diagram.svg import svg
from rpmsg_cts.diagram.text import text
from rpmsg_cts.link import Config
from rpmsg_cts.link_sim import World
from rpmsg_cts.record import Record, of_world
from rpmsg_cts.upper_sim import UpperSim

RINGS = Rings((Ring(4, 0x1000, 0x1040, 0x1050), Ring(4, 0x2000, 0x2040, 0x2050)))

ROWS = {
    "whole descriptor": (
        [Record(1, "driver", "store", "desc.addr", 0x2010, 0x8000, 8),
         Record(2, "driver", "store", "desc.len", 0x2018, 28, 4),
         Record(3, "driver", "store", "desc.flags", 0x201C, 0, 2),
         Record(4, "driver", "store", "desc.next", 0x201E, 0, 2)],
        ["q1 desc[1] = 28 bytes @8000 to be read"]),
    "descriptors of a chain": (
        [Record(1, "device", "load", "desc.len", 0x1008, 16, 4), Record(2, "device", "load", "desc.flags", 0x100C, 3, 2),
         Record(3, "device", "load", "desc.next", 0x100E, 1, 2), Record(4, "device", "load", "desc.len", 0x1018, 8, 4)],
        ["q0 desc[0] is 16 bytes to be written then [1]", "q0 desc[1] is 8 bytes"]),
    "index published": ([Record(1, "driver", "publish", "avail.idx", 0x1042, 0xFFFF, 2)],
                        ["q0 avail.idx = 0xffff (release)"]),
    "ring entry": ([Record(1, "device", "load", "avail.ring", 0x204A, 3, 2)], ["q1 avail.ring[3] is 3"]),
    "used element": ([Record(1, "device", "store", "used.id", 0x1054, 2, 4),
                      Record(2, "device", "store", "used.len", 0x1058, 28, 4)], ["q0 used[0] = desc 2, 28 bytes"]),
    "two used elements": ([Record(1, "device", "store", "used.len", 0x1058, 28, 4),
                           Record(2, "device", "store", "used.id", 0x105C, 3, 4)],
                          ["q0 used[0] = 28 bytes", "q0 used[1] = desc 3"]),
    "suppression": ([Record(1, "driver", "load", "used.flags", 0x2050, 1, 2)],
                    ["q1 used.flags is 1 (no notification, please)"]),
    "event index": ([Record(1, "driver", "load", "avail_event", 0x2074, 7, 2)], ["q1 avail_event is 0x0007"]),
    "message and its header": ([Record(1, "driver", "copy_out", "hdr", 0x8000, 0, 16),
                                Record(2, "driver", "copy_out", "payload", 0x8010, 0, 5)],
                               ["writes header and 5 bytes of payload @8000"]),
    "two messages": ([Record(1, "driver", "copy_out", "hdr", 0x8000, 0, 16),
                      Record(2, "driver", "copy_out", "hdr", 0x8200, 0, 16)],
                     ["writes header @8000", "writes header @8200"]),
    "fence": ([Record(1, "driver", "fence", "fence")], ["full fence"]),
    "event told by accesses": ([Record(1, "driver", "event", "avail_publish", 1, 0, 1),
                                Record(2, "driver", "publish", "avail.idx", 0x1042, 1, 2)],
                               ["q0 avail.idx = 0x0001 (release)"]),
    "event without accesses": ([Record(1, "driver", "event", "avail_publish", 1, 0, 1)],
                               ["avail publish queue 1 head 0 idx 1"]),
    "message": ([Record(1, "device", "event", "message_deliver", 1024, 30, 5)], ["message deliver src 1024 dst 30 len 5"]),
    "no ring there": ([Record(1, "driver", "load", "avail.flags", 0x9000, 0, 2)], ["avail.flags is 0"]),
    "ends do not share a row": ([Record(1, "driver", "copy_out", "hdr", 0x8000, 0, 16),
                                 Record(2, "device", "copy_out", "payload", 0x8010, 0, 5)],
                                ["writes header @8000", "writes 5 bytes of payload @8010"]),
}


@pytest.mark.parametrize("records,expected", ROWS.values(), ids=list(ROWS))
def test_records_become_rows(records: list[Record], expected: list[str]) -> None:
    """One row is one thing that a reader wants to know."""
    assert [row.text for row in rows(records, RINGS)] == expected


def test_an_old_value_is_told_from_the_stored_one() -> None:
    """A reader of a weak-memory failure looks for exactly this."""
    records = [Record(1, "driver", "store", "avail.ring", 0x1044, 2, 2),
               Record(2, "driver", "publish", "avail.idx", 0x1042, 1, 2),
               Record(3, "device", "load", "avail.idx", 0x1042, 1, 2),
               Record(4, "device", "load", "avail.ring", 0x1044, 0, 2)]

    shown = rows(records, RINGS)

    assert [row.style for row in shown] == ["plain", "plain", "plain", "old"]
    assert shown[3].text == "q0 avail.ring[0] is 0 -- old: 2 is stored"


def test_a_note_comes_behind_the_step_it_is_about() -> None:
    """The finding stands where it happened."""
    records = [Record(step, "driver", "fence", "fence") for step in (1, 2, 3)]

    shown = rows(records, RINGS, [Note(9, "driver", "late"), Note(2, "device", "LAY-022: lost")])

    assert [(row.step, row.text) for row in shown] == [(1, "full fence"), (2, "full fence"), (2, "LAY-022: lost"),
                                                      (3, "full fence"), (9, "late")]


def test_text_has_a_column_for_each_end() -> None:
    """Read from top to bottom, it is what happened; from left to right, who did it."""
    records = [Record(61, "driver", "publish", "avail.idx", 0x2042, 1, 2), Record(62, "driver", "event", "kick", 1),
               Record(63, "device", "acquire", "avail.idx", 0x2042, 1, 2), Record(64, "device", "event", "notify", 0)]

    lines = text(rows(records, RINGS), width=90)

    assert lines == [
        "  step  driver                                    device",
        "    61  q1 avail.idx = 0x0001 (release)",
        "    62  ------------------------------------ kick q1 ------------------------------------>",
        "    63                                            q1 avail.idx is 0x0001 (acquire)",
        "    64  <----------------------------------- notify q0 -----------------------------------"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_text_keeps_to_its_width(width: int) -> None:
    """A diagram that wraps cannot be read."""
    lines = text(rows(_ping(), RINGS), width=width)

    assert len(lines) > 10
    assert max(map(len, lines)) <= width


def test_only_the_last_rows_are_shown_on_demand() -> None:
    """The end of a long run is where it broke; what is left out is said."""
    shown = rows([Record(step, "driver", "fence", "fence") for step in range(50)], RINGS)

    lines = text(shown, last=3)

    assert "(47 rows before these)" in lines[1]
    assert [line.split()[0] for line in lines[2:]] == ["47", "48", "49"]


def test_a_real_exchange_is_a_page_at_most() -> None:
    """One message there, from the offer to the returned buffer."""
    lines = text(rows(_ping(), RINGS))

    assert len(lines) <= 40
    assert any("kick q1" in line for line in lines)
    assert any("message deliver" in line for line in lines)


def test_svg_is_well_formed_and_says_the_same() -> None:
    """It goes into the report as it is."""
    shown = rows(_ping(), RINGS, [Note(1 << 40, "device", "a <b> & c")])

    root = ElementTree.fromstring(svg(shown, "ping <1>"))

    words = ["".join(element.itertext()) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert root.find("{http://www.w3.org/2000/svg}title").text == "ping <1>"  # type: ignore[union-attr]
    assert "a <b> & c" in words
    assert sum("kick q1" in word for word in words) == 1
    assert len([t for t in words if t.isdigit()]) == len(shown)


def _ping() -> list[Record]:
    """What one message from driver to device does."""
    world = World(Config(num=4), driver=True, device=True)
    driver, device = (UpperSim(world.native, world.handle, end) for end in (0, 1))
    assert driver.probe() == 0
    device.open(src=30, name="")
    world.clear_log()
    assert driver.send_off_channel(1024, 30, b"hello") == 0
    records = of_world(world.native, world.handle)
    world.close()
    return records
