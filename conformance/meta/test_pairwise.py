# SPDX-License-Identifier: BSD-3-Clause
"""Every two values of two parameters meet, in few rows, and always in the same ones."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rpmsg_cts import targets
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, Config
from rpmsg_cts.pairwise import Row, pairs_of, pairwise, product
from rpmsg_cts.variants import EVERY, PARAMETERS, RING, choose, mode_of

SHAPES = st.lists(st.integers(min_value=1, max_value=4), min_size=0, max_size=5)
SIM = {targets.SIM: "pairwise"}
REAL = {targets.LINUX_ARMHF: "pairwise"}


def parameters(shape: list[int]) -> dict[str, list[str]]:
    """So many values for each of so many parameters."""
    return {f"p{i}": [f"v{j}" for j in range(count)] for i, count in enumerate(shape)}


def meetings(rows: list[Row], names: list[str]) -> set[object]:
    """All pairs that meet in some row."""
    return set().union(*(pairs_of(row, names) for row in rows))


@given(SHAPES)
def test_every_pair_meets(shape: list[int]) -> None:
    """As in the full product, in no more rows than that."""
    wanted = parameters(shape)
    rows = pairwise(wanted)

    assert meetings(rows, list(wanted)) == meetings(product(wanted), list(wanted))
    assert len(rows) <= len(product(wanted))
    assert all(list(row) == list(wanted) for row in rows)
    assert rows == pairwise(wanted)


@settings(max_examples=60)
@given(SHAPES, st.sets(st.tuples(*[st.integers(0, 3)] * 3), max_size=12))
def test_no_forbidden_row_and_still_every_pair_that_can_be(shape: list[int], forbidden: set[tuple[int, ...]]) -> None:
    """A constraint costs the pairs that no allowed row has, and no others."""
    wanted = parameters(shape)

    def allowed(row: Row) -> bool:
        return tuple(int(value[1:]) for value in list(row.values())[:3]) not in forbidden

    rows = pairwise(wanted, allowed)

    assert all(map(allowed, rows))
    assert meetings(rows, list(wanted)) == meetings(product(wanted, allowed), list(wanted))


@given(SHAPES)
def test_what_meets_anyway_need_not_meet_again(shape: list[int]) -> None:
    """Given rows count, and are not said again."""
    wanted = parameters(shape)
    there = product(wanted)[:1]
    rows = pairwise(wanted, given=there)

    assert meetings(rows + there, list(wanted)) == meetings(product(wanted), list(wanted))
    assert not [row for row in rows if row in there]


def test_few_rows() -> None:
    """The point of it: a product of 9600 becomes some thirty."""
    values = {name: list(changes) for name, changes in PARAMETERS.items()}
    rows = pairwise(values)
    largest = sorted((len(changes) for changes in values.values()), reverse=True)

    assert len(product(values)) == 9600
    assert largest[0] * largest[1] <= len(rows) <= 40


# --- variants of a test


def test_names_are_readable_stable_and_different() -> None:
    """A name is in every replay line, and must mean the same tomorrow."""
    names = [variant.name for variant in choose(EVERY, Config(), SIM)]

    assert names[:3] == ["+align4+bigcpu+event+indirect+wrap+silent+b17", "+align64+native-le+indirect+silent+b18",
                         "+align4096+native-be+wrap+b64"]
    assert len(set(names)) == len(names)


def test_every_two_values_meet_in_some_variant() -> None:
    """In the configurations themselves, not only in their names; the plain one is among them."""
    configs = [Config(), *(variant.config for variant in choose(RING, Config(), SIM))]
    facets = {name: {change(Config()) for change in PARAMETERS[name].values()} for name in ("size", "placement")}

    seen = {(config.num, config.align) for config in configs}
    assert seen == {(one.num, other.align) for one, other in itertools.product(*facets.values())}
    assert {(config.order, bool(config.features & F_EVENT_IDX)) for config in configs} == set(
        itertools.product(("le", "be"), (False, True)))


def test_a_big_endian_ring_is_a_legacy_one() -> None:
    """VERSION_1 takes the processor out of the protocol."""
    for variant in choose(EVERY, Config(), SIM):
        assert variant.config.order == "le" or not variant.config.features & F_VERSION_1


def test_variants_keep_what_their_test_needs() -> None:
    """They are variants of its own configuration."""
    stopped = Config(start=False, features=F_NS)

    assert {variant.config.start for variant in choose(RING, stopped, SIM)} == {False}


def test_a_real_target_gets_what_it_can_have() -> None:
    """One line that says SKIP helps; hundreds of them hide the others."""
    ring = {"+event", "+native-le", "+native-le+event"}

    assert {variant.name for variant in choose(RING, Config(), REAL)} == ring
    assert {variant.name for variant in choose(EVERY, Config(), REAL)} == ring | {"+silent"}


def test_targets_get_their_own_variants_and_no_others() -> None:
    """A run may have several targets."""
    chosen = {variant.name: variant.targets for variant in choose(RING, Config(), SIM | REAL)}

    assert chosen["+event"] == {targets.LINUX_ARMHF}
    assert chosen["+n256+apart"] == {targets.SIM}


@pytest.mark.parametrize(("target", "wanted", "mode"), [
    (targets.SIM, None, "pairwise"), (targets.LINUX_ARMHF, None, "pairwise"), ("mutant:any_device_id", None, "base"),
    ("mutant:any_device_id", "pairwise", "pairwise"), (targets.SIM, "full", "full"), (targets.SIM, "base", "base"),
])
def test_how_many_a_target_gets(target: str, wanted: str | None, mode: str) -> None:
    """As asked for; else as many as are worth their time."""
    assert mode_of(target, wanted) == mode


def test_base_is_none_and_full_is_all() -> None:
    """The two ends of the scale."""
    assert choose(RING, Config(), {targets.SIM: "base"}) == []
    assert len(choose(("size", "order"), Config(), {targets.SIM: "full"})) == 6 * 4 - 1
