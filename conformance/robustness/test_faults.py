# SPDX-License-Identifier: BSD-3-Clause
"""Every row of sim/fault/faults.def: an end bears what its peer, or the way between them, does wrong.

Every test is a sandwich: the link works before, the fault strikes, and what must still work afterwards does.
"""

from __future__ import annotations

import pytest

from rpmsg_cts import faults
from rpmsg_cts.faults import Fault
from rpmsg_cts.faulty_peer import FaultyPeer
from rpmsg_cts.judge import given, req, role
from rpmsg_cts.link import Config, Link
from rpmsg_cts.pair import Pair
from rpmsg_cts.plugin_link import config

SMALL = Config(num=4)
MADE_OF_CALLS = ("STORM", "CHURN", "FULL")
ABOUT_THE_DRIVER = faults.aimed_at("driver")
ABOUT_THE_DEVICE = faults.aimed_at("device")


def rows(about: list[Fault]) -> list:
    """Each fault with the requirements that it is about."""
    return [pytest.param(fault, id=fault.name, marks=req(*fault.requirements)) for fault in about]


def struck(about: list[Fault]) -> list[Fault]:
    """Those that a world can do to one end while it talks with the other."""
    return [fault for fault in about if fault.kind not in MADE_OF_CALLS]


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


def bears_its_peer(pair: Pair, fault: Fault) -> None:
    """The peer is one of our own ends, whose every store and notification passes the fault."""
    pair.world.arm(fault.name, pair.judged)

    pair.suffer(lambda: pair.stimulus(fault))

    given(pair.world.fired(fault.name) == 1, f"fault {fault} strikes")
    pair.go_on()


@req(*requirements(ABOUT_THE_DRIVER))
@role("driver")
@config(plain=SMALL)
@pytest.mark.parametrize("fault", rows(struck(ABOUT_THE_DRIVER)))
def test_driver_bears_what_becomes_of_its_device(pair: Pair, fault: Fault) -> None:
    """The same with two ends that really talk, wherever the fault meets them."""
    bears_its_peer(pair, fault)


@req(*requirements(ABOUT_THE_DEVICE))
@role("device")
@config(plain=SMALL)
@pytest.mark.parametrize("fault", rows(struck(ABOUT_THE_DEVICE)))
def test_device_bears_what_becomes_of_its_driver(pair: Pair, fault: Fault) -> None:
    """The same with two ends that really talk, wherever the fault meets them."""
    bears_its_peer(pair, fault)
