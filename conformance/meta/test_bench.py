# SPDX-License-Identifier: BSD-3-Clause
"""The bench counts what it says, and the same each time.  Nothing here is timed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rpmsg_cts.bench import callgrind, explorer, lines, measure, model
from rpmsg_cts.plugin import PROJECT_ROOT

PROGRAM = PROJECT_ROOT / "build" / "rps-bench"
EXPLORER = PROJECT_ROOT / "build" / "rps-explore"
ROUND = 512  # messages: the least that every scenario sends


def test_a_profile_leaves_out_what_a_call_sums_up() -> None:
    text = """positions: instr line
events: Ir
ob=/p/build/rps-bench
fl=/p/sim/rpmsg/send.c
fn=rps_node_trysend
0x1000 10 4
fi=/p/sim/base/access.h
0x1004 20 6
fe=/p/sim/rpmsg/send.c
calls=2 0x2000 1
0x1008 11 900
0x100c 12 2
ob=/lib/libc.so.6
fl=???
fn=memcpy
0x2000 0 900""".splitlines()

    by_file, by_address = callgrind.parse(text)

    assert by_file == {"/p/sim/rpmsg/send.c": 6, "/p/sim/base/access.h": 6, "/lib/libc.so.6": 900}
    assert by_address == {0x1000: 4, 0x1004: 6, 0x100C: 2, 0x2000: 900}


def test_a_line_crosses_when_the_other_end_has_written_it() -> None:
    areas = lines.Areas(ring=range(0x1000, 0x2000), buffers=range(0x2000, 0x3000))
    turns = {0x10: 0, 0x20: 1}
    trace = [
        " L 1000,2",  # nobody's turn yet
        " S 10,1", " S 1000,2", " S 2000,8",
        " S 20,1", " L 1000,2", " L 1002,2", " L 2000,8", " L 5000,8",  # both lines come over, each once
        " S 10,1", " L 1000,2",  # still there: only read since
        " S 20,1", " S 1000,2",  # there too, but now it is the other's alone
        " S 10,1", " L 103c,8",  # comes back, with the next line that nobody wrote
    ]  # fmt: skip

    found = lines.count(trace, turns, areas)

    assert (found.ring, found.buffers, found.turns) == (2, 1, 5)


@pytest.mark.parametrize(("source", "layer"), [
    ("/x/sim/rpmsg/../vring/vdrv_path.h", "ring, driver end"),
    ("/x/sim/rpmsg/../vring/../base/access_direct.h", "memory and byte order"),
    ("/x/sim/rpmsg/dev_path.h", "RPMsg over the device end"),
    ("/x/sim/rpmsg/node.c", "node, name service"),
    ("/x/sim/bench/measured.c", "the caller's own (excluded)"),
    ("./string/../sysdeps/memmove.S", measure.LIBRARY),
])  # fmt: skip
def test_each_source_belongs_to_a_layer(source: str, layer: str) -> None:
    assert measure.layer_of(source) == layer


def test_rows_say_whether_their_goal_is_met() -> None:
    rows = [model.Row("g", "a", "what a costs", 3, "x", goal=3), model.Row("g", "b", "and b", 3.25, "x", goal=3)]

    text = model.to_text({"cpus": "2"}, rows)
    records = [json.loads(line) for line in model.to_jsonl({"cpus": "2"}, rows).splitlines()]

    assert "goal <= 3: met" in text and "goal <= 3: MISSED" in text
    assert [record["kind"] for record in records] == ["machine", "row", "row"]
    assert records[2]["value"] == 3.25


@pytest.mark.parametrize("scenario", ["pingpong", "pingpong-flags", "pingpong-lengths", "pingpong-polled", "burst", "batch", "zero-copy"])
def test_counts_are_sane_and_the_same_again(scenario: str) -> None:
    first = measure.counted(PROGRAM, scenario, measure.PAYLOAD_BYTES, ROUND)
    again = measure.counted(PROGRAM, scenario, measure.PAYLOAD_BYTES, ROUND)

    assert first == again
    assert 50 < first.instructions < 1000, "of one message, with what two ends do"
    assert first.fences <= (1 if scenario.startswith("pingpong") else 1 + 2 / 256), "one a message at most"
    assert first.allocs == 0
    assert sum(first.layers.values()) == pytest.approx(first.instructions + first.own)


def test_a_batch_costs_a_fence_an_end_and_one_notification() -> None:
    found = measure.counted(PROGRAM, "batch", measure.PAYLOAD_BYTES, ROUND)

    assert found.fences * 256 == 2
    assert found.notifications * 256 == 1


def test_a_long_payload_costs_no_more_than_a_call_of_memcpy() -> None:
    rows = {row.name: row for row in measure.longer(PROGRAM)}

    assert 0 < rows["instructions-more-pingpong"].value
    assert rows["instructions-more-pingpong"].goal == rows["instructions-copy-long"].value
    assert rows["instructions-more-pingpong"].met


def test_the_lines_of_the_rings_are_counted() -> None:
    rows = {row.name: row.value for row in measure.lines_of(PROGRAM, ROUND)}

    assert 1 <= rows["lines-ring"] <= 1.5
    assert rows["lines-message"] == 2, "80 bytes"


def test_what_others_need_is_marked_as_given() -> None:
    text = (PROJECT_ROOT / "fixtures" / "bench" / "others.toml").read_text(encoding="utf-8")

    assert "not measured by this project" in text


def test_a_missing_program_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(measure.HarnessError, match="make bench"):
        measure.require(tmp_path)


def test_a_goal_can_be_a_least() -> None:
    rows = [model.Row("g", "a", "a rate", 2e6, "a second", least=2e6), model.Row("g", "b", "and b", 1, "a second", least=2)]

    assert [row.met for row in rows] == [True, False]
    text = model.to_text({}, rows)
    assert "2,000,000 a second" in text and "goal >= 2,000,000: met" in text and "goal >= 2: MISSED" in text


def test_an_exploration_is_counted_to_the_instruction() -> None:
    scope = f"{explorer.TWO_MESSAGES} model=weak,weak"

    first, again = (explorer.executed(EXPLORER, scope, "--random", "--schedules", "20") for _ in range(2))

    assert first == again
    assert first.schedules == 20
    assert first.steps > 20 * 40 and first.instructions > first.steps


def test_the_last_step_of_an_exploration_costs_what_the_first_does() -> None:
    """Counted, so that no machine can be too busy for it."""
    scope = f"{explorer.TWO_MESSAGES} model=weak,weak"

    short, long = (explorer.executed(EXPLORER, scope, "--random", "--schedules", str(n)) for n in (50, 800))

    assert long.steps > 15 * short.steps
    assert long.a_step < explorer.LINEAR * short.a_step
