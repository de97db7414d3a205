# SPDX-License-Identifier: BSD-3-Clause
"""The table of faults says what can be tested, and what is not in it is refused by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rpmsg_cts import catalogue, faults
from rpmsg_cts.fault_terms import Ground, changed, is_in_order
from rpmsg_cts.link import Config
from rpmsg_cts.link_sim import World
from rpmsg_cts.pair import Pair
from rpmsg_cts.targets import DEVICE, DRIVER, Lane
from rpmsg_cts.verdict import HarnessError

from meta.conftest import ROOT

ROWS = list(faults.table().values())


@pytest.fixture
def world() -> Iterator[World]:
    """Both of our ends."""
    made = World(Config(device_id=0), driver=True, device=True)
    yield made
    made.close()


@pytest.mark.parametrize("fault", ROWS, ids=str)
def test_each_fault_is_about_requirements_of_its_role(fault: faults.Fault) -> None:
    """Else its verdict would land in a row of the matrix that says nothing of the end that was judged."""
    known = catalogue.load(ROOT).requirements

    assert fault.requirements and set(fault.requirements) <= set(known)
    for role in fault.judged:
        assert any(role in known[id_].binds for id_ in fault.requirements), f"{fault} judges the {role}"


def test_a_mistyped_fault_is_answered_with_its_like() -> None:
    """A name is typed faster than looked up."""
    with pytest.raises(faults.UnknownFault) as caught:
        faults.find("used_id_pas_table")

    assert str(caught.value).startswith("unknown fault 'used_id_pas_table': did you mean used_id_past_table")


@pytest.mark.parametrize(("name", "judged", "why"), [
    ("desc_len_zero", DRIVER, "EINVAL"), ("used_id_again", DEVICE, "EINVAL"), ("both_rings_full", DRIVER, "ENOTSUP")])
def test_a_fault_for_another_end_is_refused(world: World, name: str, judged: str, why: str) -> None:
    """It would never strike, and the test would have to be INCONC."""
    with pytest.raises(HarnessError, match=f"arm {name} against the {judged}: -{why}"):
        world.arm(name, judged)


def test_an_unknown_swarm_is_refused(world: World) -> None:
    """Nothing would strike."""
    with pytest.raises(HarnessError, match="swarm wasps: -EINVAL"):
        world.swarm("wasps", DRIVER, 1)


@pytest.mark.parametrize(("name", "value", "lands"), [
    ("used_len_half_header", 28, 8), ("used_id_of_another", 2, 3), ("used_idx_jumps", 0xFFFF, 7),
    ("used_id_past_by_one", 2, 9), ("hdr_len_of_buffer", 12, 496), ("desc_addr_across_end", 0x10001000, 0x1001FFF8),
    ("desc_next_self", 0, 5), ("used_id_again", 4, 3), ("used_len_short", 28, 27)])
def test_python_and_c_make_the_same_of_a_row(name: str, value: int, lands: int) -> None:
    """One table has two readers; sim/test/test_fault.c has the same numbers."""
    assert changed(faults.find(name), Ground(8, 512, 0x10020000, own=5, previous=3), value) == lands


def test_what_is_in_order() -> None:
    """Missing is one thing, changed over or twice another."""
    assert is_in_order([b"a", b"c"], [b"a", b"b", b"c"])
    assert not is_in_order([b"c", b"a"], [b"a", b"b", b"c"])
    assert not is_in_order([b"a", b"a"], [b"a", b"b"])


@pytest.mark.parametrize("profile", faults.swarms())
@pytest.mark.parametrize("role", [DRIVER, DEVICE])
def test_a_swarm_can_be_replayed_fault_by_fault(profile: str, role: str) -> None:
    """What struck is a list; each entry can be armed again, or left out to see whether it matters."""
    first, again = (Pair(Lane("sim", role), Config(num=4), seed=1) for _ in range(2))
    try:
        first.world.swarm(profile, role, 3)
        first.talk()
        shots = first.world.shots()
        for fault, nth in shots:
            again.world.arm(fault.name, role, nth)
        again.talk()

        assert shots
        assert again.world.shots() == shots
        assert again.heard == first.heard
    finally:
        first.close()
        again.close()
