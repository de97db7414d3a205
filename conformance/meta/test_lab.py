# SPDX-License-Identifier: BSD-3-Clause
"""The guest that tests share: for how long it is the same one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rpmsg_cts.lab import Lab
from rpmsg_cts.link import Config
from rpmsg_cts.targets import DRIVER, LINUX_ARMHF, Lane
from rpmsg_cts.verdict import GuestFailure

LANE = Lane(LINUX_ARMHF, DRIVER)
WARNED = 1 << 9

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
