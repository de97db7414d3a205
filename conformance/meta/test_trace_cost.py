# SPDX-License-Identifier: BSD-3-Clause
"""What tracing costs: nothing while it is off, and no event while it is on."""

from __future__ import annotations

import shutil

import pytest

from meta.tracing import needs_lttng
from rpmsg_cts.native import BUILD
from rpmsg_cts.trace import bench

FULL_RING = 256

pytestmark = [needs_lttng, pytest.mark.skipif(not (BUILD / bench.PROGRAM).exists(),
                                              reason=f"{bench.PROGRAM} is not built: make meta")]


@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not there: apt-get install valgrind")
def test_a_provider_that_nobody_listens_to_costs_a_message_nothing() -> None:
    """Exact counts, so the machine's load is no excuse."""
    off = bench.off(messages=500)

    assert off.without > 50
    assert off.percent <= bench.MAX_OFF_PERCENT
    # A program that serves rings asks once a wake-up; here, one that finds a full ring.
    assert off.asking / FULL_RING <= off.without * bench.MAX_OFF_PERCENT / 100


def test_each_event_of_the_direct_build_is_in_the_trace() -> None:
    on = bench.on(messages=2000)

    assert on.told > 10_000
    assert (on.kept, on.lost) == (on.told, 0)
