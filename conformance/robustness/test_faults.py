# SPDX-License-Identifier: BSD-3-Clause
"""Every row of sim/fault/faults.def: an end bears what its peer, or the way between them, does wrong.

Every test is a sandwich: the link works before, the fault strikes, and what must still work afterwards does.
"""

from __future__ import annotations

import pytest

from rpmsg_cts import faults
from rpmsg_cts.faults import Fault
from rpmsg_cts.faulty_peer import FaultyPeer
from rpmsg_cts.judge import given, req
from rpmsg_cts.link import Link

ABOUT_THE_DRIVER = faults.aimed_at("driver")
ABOUT_THE_DEVICE = faults.aimed_at("device")


def rows(about: list[Fault]) -> list:
    """Each fault with the requirements that it is about."""
    return [pytest.param(fault, id=fault.name, marks=req(*fault.requirements)) for fault in about]


def requirements(about: list[Fault]) -> list[str]:
    """Those of all faults."""
    return sorted({id_ for fault in about for id_ in fault.requirements})


def bears(link: Link, fault: Fault) -> None:
    """The tester is the peer that has the fault."""
    peer = FaultyPeer(link)

    fired = peer.commit(fault)

    given(fired, f"fault {fault} strikes")
    peer.recover(fault)


@req(*requirements(ABOUT_THE_DRIVER))
@pytest.mark.parametrize("fault", rows(ABOUT_THE_DRIVER))
def test_driver_bears_a_faulty_device(driver_link: Link, fault: Fault) -> None:
    """What a remote processor does wrong must not take the host with it."""
    bears(driver_link, fault)


@req(*requirements(ABOUT_THE_DEVICE))
@pytest.mark.parametrize("fault", rows(ABOUT_THE_DEVICE))
def test_device_bears_a_faulty_driver(device_link: Link, fault: Fault) -> None:
    """What a guest does wrong must not take the host with it."""
    bears(device_link, fault)
