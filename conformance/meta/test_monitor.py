# SPDX-License-Identifier: BSD-3-Clause
"""The monitor as the suites have it: what it finds of our deliberate errors, on line and off, and where that goes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable

import pytest

from meta.conftest import ROOT
from rpmsg_cts import catalogue, mutants, profiles
from rpmsg_cts.judge import Mismatch
from rpmsg_cts.link import F_EVENT_IDX, F_INDIRECT, F_NS, F_VERSION_1, RX, TX, Config
from rpmsg_cts.link_sim import SimLink, World
from rpmsg_cts.monitor import DEPARTURES, Finding, judge_records, rules
from rpmsg_cts.native import simulated
from rpmsg_cts.targets import DEVICE, DRIVER
from rpmsg_cts.upper_sim import UpperSim
from rpmsg_cts.verdict import Inconclusive

MODES = {
    "plain": Config(num=4),
    "event": Config(num=4, features=F_NS | F_VERSION_1 | F_EVENT_IDX),
    "dirty": Config(num=4, dirty=0xFF),
    "native": Config(num=4, big_endian=True),
    "wrap": Config(num=4, start_idx=0xFFFA, features=F_NS | F_VERSION_1 | F_EVENT_IDX),
    "vendor": Config(num=4, features=F_NS | F_VERSION_1 | 1 << 1 | F_INDIRECT),
}

# Errors that two ends at work with each other run into, without a tester that helps; and as whom.
FOUND = (
    ("stale_ring", DRIVER), ("tx_write_flag", DRIVER), ("avail_idx_wraps_at_num", DRIVER),
    ("avail_ring_shifted", DRIVER), ("kick_reads_own_flags", DRIVER), ("used_id_ignored", DRIVER),
    ("kick_event_unasked", DRIVER), ("kick_event_late", DRIVER), ("status_not_cumulative", DRIVER),
    ("driver_ok_first", DRIVER), ("no_initial_kick", DRIVER), ("vendor_bit_taken", DRIVER),
    ("modern_is_native", DRIVER), ("repost_short", DRIVER), ("slot_after_idx", DRIVER),
    ("kick_without_fence", DRIVER), ("indirect_unasked", DRIVER), ("no_kick_after_repost", DRIVER),
    ("dev_used_event_misplaced", DEVICE), ("dev_id_is_position", DEVICE), ("used_idx_wraps_at_num", DEVICE),
    ("dev_writes_in_message", DEVICE), ("notify_event_unasked", DEVICE), ("notify_event_late", DEVICE),
    ("elem_after_idx", DEVICE), ("notify_without_fence", DEVICE), ("notify_reads_own_flags", DEVICE),
    ("used_len_payload", DEVICE), ("tx_used_len", DEVICE), ("dev_silent_returns", DEVICE),
    *((name, role) for role in (DRIVER, DEVICE) for name in (
        "hdr_src_dst_swapped", "hdr_flags_set", "hdr_reserved_set", "hdr_len_counts_header", "event_idx_forgotten",
        "unknown_dst_buffer_lost", "empty_message_lost")),
)  # fmt: skip


def play(world: World) -> None:
    """Bring both ends up and let them talk; an end that is wrong may not get far."""
    ends = [UpperSim(world.native, world.handle, end) for end in (0, 1)]
    if ends[0].probe():
        return
    try:
        talk(world, ends)
    except OSError:
        return


def talk(world: World, ends: list[UpperSim]) -> None:
    """Messages of several lengths both ways, and one to nobody."""
    talking = [(ends[0], ends[0].open(1024, 1025, "a")), (ends[1], ends[1].open(1025, 1024, "b"))]
    for number in range(12):
        for upper, ept in talking:
            upper.send(ept, b"x" * (number % 9))
            world.run()
    for upper in ends:
        upper.send(upper.open(1026, 4711, "c"), b"is there anybody?")
    world.run()


def found_in(config: Config, name: str | None = None, role: str = DRIVER) -> tuple[Finding, ...]:
    """Return: what the monitor found of two ends, one of them with an error."""
    number = simulated().lib.rps_mutant_find(name.encode()) if name else 0
    world = World(config, driver=True, device=True, driver_mutant=number if role == DRIVER else 0,
                  device_mutant=number if role == DEVICE else 0)
    try:
        play(world)
        return world.monitor.findings()
    finally:
        world.close()


def ids(findings: Iterable[Finding]) -> set[str]:
    """Return: the requirements that findings are about."""
    return {finding.rule.requirement for finding in findings}


@pytest.mark.parametrize("mode", MODES)
def test_our_ends_give_no_cause(mode: str) -> None:
    """Who blames the blameless is believed by nobody."""
    assert found_in(MODES[mode]) == ()


@pytest.mark.parametrize("name, role", FOUND)
def test_the_monitor_names_the_requirement(name: str, role: str) -> None:
    """Each of these errors is seen by the way, in the role that has it."""
    wanted = mutants.load(ROOT)[name].requirement
    found = [finding for config in MODES.values() for finding in found_in(config, name, role)]

    assert wanted in ids(found), ids(found)
    assert {finding.role for finding in found if finding.rule.requirement == wanted} == {role}


def test_rules_are_about_requirements() -> None:
    """A verdict without a requirement would be nobody's."""
    known = catalogue.load(ROOT).requirements

    assert [rule for rule in rules() if rule.requirement not in known] == []
    assert [rule for rule in rules() if rule.role not in (*known[rule.requirement].binds, "both")] == []


def test_departures_are_those_of_the_profiles() -> None:
    """A profile that tolerates something tolerates it in whoever saw it."""
    switches = profiles.load(ROOT).switches
    about = {rule.name: rule.requirement for rule in rules()}

    assert [name for name, (switch, value) in DEPARTURES.items()
            if about[name] not in switches[switch].choices[value].relaxes] == []


@pytest.mark.parametrize("name, role", [(None, DRIVER), ("tx_used_len", DEVICE), ("repost_short", DRIVER)])
def test_a_recorded_stream_is_judged_as_the_living_one(name: str | None, role: str) -> None:
    """A trace that was sent in by somebody else is worth as much."""
    number = simulated().lib.rps_mutant_find(name.encode()) if name else 0
    world = World(MODES["plain"], driver=True, device=True, driver_mutant=number if role == DRIVER else 0,
                  device_mutant=number if role == DEVICE else 0)
    play(world)
    count = world.native.lib.rps_world_records(world.handle, world.native.ffi.NULL, 0)
    records = world.native.ffi.new("struct rps_record[]", count)
    world.native.lib.rps_world_records(world.handle, records, count)
    living = world.monitor.findings()
    world.close()

    judged = judge_records(records[i] for i in range(count))
    assert judged.findings == living
    assert judged.exercised["entry_before_idx", role] > 0
    assert bool(living) == (name is not None)

    events = [record for record in (records[i] for i in range(count)) if record.kind == 7]
    told = judge_records(events, accesses=False)
    assert ids(told.findings) == ids(living)
    assert ("entry_before_idx", role) not in told.exercised
    assert told.requirements(role)["LAY-017"] > 0


def running(target: str, role: str, config: Config = Config()) -> SimLink:
    """A link as the fixture makes it."""
    link = SimLink(target, role, config, 1)
    link.begin()
    return link


def test_what_was_not_met_is_inconclusive() -> None:
    """A rule that was never exercised is no PASS."""
    link = running("sim", DEVICE)
    with pytest.raises(Inconclusive, match="LAY-019"):
        link.ring("LAY-019")
    link.lower.send(1, 2, b"to nobody")
    link.ring("LAY-019", "LAY-021")
    link.close()


def test_a_finding_fails_the_test_that_asks() -> None:
    """The message says what was expected, what was seen and when."""
    link = running("mutant:tx_used_len", DEVICE)
    link.lower.send(1, 2, b"hello")
    link.settle()
    link.ring("LAY-021")
    with pytest.raises(Mismatch) as failure:
        link.ring("LAY-019")
    link.close()

    assert (failure.value.expected, failure.value.observed) == ("0x0", "0x15")
    assert failure.value.departs == ("vq1_used_len", "any")
    assert "used.len on queue 1 is 0" in failure.value.what and "step" in failure.value.what


def test_testers_may_break_rules() -> None:
    """What the tester does is not the IUT's doing."""
    link = running("sim", DRIVER)
    link.lower.complete(RX, 0xFFFF, 3)
    link.lower.complete(TX, 5, 7)
    link.settle()
    assert link.findings() == ()
    assert link.world.monitor.spoiled(RX) is not None
    link.close()


def test_findings_by_the_way_are_results(tmp_path) -> None:
    """A test of something else does not hide a broken rule, and says how to see it again."""
    test = "header/test_header.py::test_unknown_flags_are_ignored"
    done = subprocess.run([ROOT / "rpmsg-cts", "run", "--target", "mutant:tx_used_len", "--variants", "base",
                           "--test", test, "--out", tmp_path], capture_output=True, text=True, check=False)
    lines = (tmp_path / "results.jsonl").read_text(encoding="utf-8").splitlines()
    results = [record for record in map(json.loads, lines) if record["type"] == "result"]
    verdicts = {(result["requirement"], result["role"]): result["verdict"] for result in results}

    assert done.returncode == 1, done.stdout
    assert verdicts == {("HDR-003", "driver"): "PASS", ("HDR-003", "device"): "PASS", ("LAY-019", "device"): "FAIL"}
    found = next(result for result in results if result["requirement"] == "LAY-019")
    assert found["test"].startswith("header/test_header.py::") and found["test"].endswith("::monitor[LAY-019]")
    assert found["log"] and "monitor" not in found["replay"].replace("mutant", "")
    assert found["expected"] == "0x0"
