# SPDX-License-Identifier: BSD-3-Clause
"""Swarms: a seed picks faults of a profile, and each strikes by chance, many in one run.

First faults strike, and nothing may be wrong; then they end, and messages must flow again.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rpmsg_cts import faults
from rpmsg_cts.judge import Mismatch, given, req, role
from rpmsg_cts.link import F_EVENT_IDX, F_NS, F_VERSION_1, Config
from rpmsg_cts.pair import Pair

RANDOM = 1  # enum rps_scheduler
MOST_SHOWN = 30
MODES = (Config(num=4), Config(num=2, features=F_NS | F_VERSION_1 | F_EVENT_IDX), Config(features=F_NS, big_endian=True))


def describe(pair: Pair, profile: str, seed: int) -> str:
    """What is needed to see it again."""
    struck = [f"{fault}@{nth}" for fault, nth in pair.world.shots()]
    cut = ["..."] if len(struck) > MOST_SHOWN else []
    return f"swarm {profile} with seed {seed} and {pair.config}; struck: {' '.join(struck[:MOST_SHOWN] + cut)}"


def run_one(pair: Pair, profile: str, seed: int) -> None:
    """Both phases of one seed."""
    pair.world.swarm(profile, pair.judged, seed)
    try:
        pair.suffer_swarm()
        pair.go_on()
    except Mismatch as broken:
        raise Mismatch(f"{describe(pair, profile, seed)}\n{broken.what}", broken.expected, broken.observed) from broken


@req("ROB-018")
@role("driver", "device")
@pytest.mark.parametrize("profile", faults.swarms())
def test_an_end_bears_a_swarm_of_faults(make_pair: Callable[..., Pair], swarm_seeds: range, profile: str) -> None:
    """Faults seldom come alone, and nobody thinks of all their combinations."""
    armed, struck = set(), set()

    for seed in swarm_seeds:
        pair = make_pair(MODES[seed % len(MODES)], seed, scheduler=RANDOM if seed % 2 else 0)
        run_one(pair, profile, seed)
        armed |= {fault.name for fault in pair.world.armed()}
        struck |= {fault.name for fault, _ in pair.world.shots()}

    given(not armed - struck, f"these were armed and strike: {' '.join(sorted(armed - struck))}")
