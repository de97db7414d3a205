# SPDX-License-Identifier: BSD-3-Clause
"""The guest that tests share: for how long it is the same one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpmsg_cts.lab import Lab
from rpmsg_cts.link import Config, Unsupported
from rpmsg_cts.tally import Tally
from rpmsg_cts.targets import DRIVER, LINUX_ARMHF, Lane
from rpmsg_cts.verdict import GuestFailure

LANE = Lane(LINUX_ARMHF, DRIVER)
WARNED = 1 << 9
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab(lambda target, facts: None)
    yield made
    made.close()


@pytest.mark.parametrize("path, text, says", [
    ("/proc/sys/kernel/tainted", str(WARNED), "it does not say why [(]taint bits 0x0 before, 0x200 now[)]"),
    ("/dev/kmsg", "<4>WARNING: possible recursive locking detected\n", "WARNING: possible recursive locking detected"),
    ("/dev/kmsg", "<3>UBSAN: shift-out-of-bounds in x.c\n", "UBSAN: shift-out-of-bounds in x.c"),
], ids=["taint", "lockdep", "ubsan"])
def test_a_kernel_that_has_complained_is_started_afresh(lab: Lab, path: str, text: str, says: str) -> None:
    """What is wrong with it then fails the test that did it, and no other."""
    lab.link(LANE, Config()).close()
    first = lab._guest.pid
    link = lab.link(LANE, Config())
    assert lab._guest.pid == first

    lab._guest.agent.write_file(path, text)
    with pytest.raises(GuestFailure, match=f"complained of itself: {says}"):
        link.close()

    lab.link(LANE, Config()).close()
    assert lab._guest.pid != first
    assert not lab._guest.agent.tainted() & WARNED


def test_what_a_kernel_counts_is_told_by_suite_across_guests() -> None:
    """A guest may be started afresh in the middle of a suite, or die with its counters; both are part of a run."""
    target, tally = "linux-uml:6.1+gcov", Tally()
    lab = Lab(lambda target, facts: None, tally=tally)
    try:
        link = lab.link(Lane(target, DRIVER), Config(), "header")
    except Unsupported as missing:
        lab.close()
        pytest.skip(str(missing))
    link.begin()
    link.close()
    lab.link(Lane(target, DRIVER), Config(), "flow").close()
    lab._guest.spoilt = True
    lab.link(Lane(target, DRIVER), Config(), "flow").close()
    os.kill(lab._guest.pid, signal.SIGKILL)
    lab.link(Lane(target, DRIVER), Config(), "layout").close()
    lab.link(Lane(target, DRIVER), Config(), "endianness").close()
    lab.close()
    (measured,) = tally.measure(ROOT, False)

    assert measured[0] == target
    assert measured[1].lost == 1
    assert measured[1].suites == ["header", "flow", "layout", "endianness"]
    (bus,) = (file for file in measured[1].files if file.name == "virtio_rpmsg_bus.c")
    assert bus.lines > bus.covered >= bus.suites["header"] > 0
    # A suite begins at zero, and this one came to a guest that had been through the driver's beginning.
    assert bus.suites["endianness"] < bus.suites["layout"]
