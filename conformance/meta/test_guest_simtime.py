# SPDX-License-Identifier: BSD-3-Clause
"""User-mode Linux in simulated time: it waits for nothing, and its clock is ours."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from rpmsg_cts import reactor as reactors
from rpmsg_cts.guest.errors import AgentTimeout, GuestDied, NotPrepared
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import LINUX_UML_SIMTIME

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


@pytest.fixture
def boot(reactor: Reactor) -> Iterator[Callable[[], Guest]]:
    """Starts guests in simulated time, if a kernel was built; ends the last one."""
    guests: list[Guest] = []

    def start(cmdline: str = "") -> Guest:
        while guests:
            guests.pop().kill()
        try:
            guests.append(Guest.boot(reactor, image=kernel_image(LINUX_UML_SIMTIME), simulated_time=True,
                                     extra_cmdline=cmdline))
        except NotPrepared as missing:
            pytest.skip(str(missing))
        return guests[0]

    yield start
    while guests:
        guests.pop().kill()


def uptime_s(guest: Guest) -> float:
    return float(guest.agent.read_text("/proc/uptime").split()[0])


def test_its_clock_is_ours(reactor: Reactor, boot: Callable[[], Guest]) -> None:
    """And starts at zero, on a day that is always the same."""
    guest = boot()

    assert uptime_s(guest) == 0
    assert reactor.now_s() < 0.01
    reactor.run_until(lambda: False, 15)
    assert uptime_s(guest) == 15
    assert 15 < reactor.now_s() < 15.01


def test_a_wait_in_the_guest_costs_nothing(reactor: Reactor, boot: Callable[[], Guest]) -> None:
    guest, before_s = boot(), reactor.now_s()

    with pytest.raises(Exception, match="wait_path /nowhere"):
        guest.agent.wait_path("/nowhere", timeout_s=3)

    assert 3 <= reactor.now_s() - before_s < 3.1


def test_long_frames_come_whole(boot: Callable[[], Guest]) -> None:
    """In both directions: its line is a console of our own."""
    guest, content = boot(), bytes(range(256)) * 128

    assert guest.agent.write_file("/tmp/long", content) == len(content)
    assert guest.agent.read_file("/tmp/long") == content


def test_it_switches_itself_off(boot: Callable[[], Guest]) -> None:
    guest = boot()

    assert guest.shutdown()
    assert not guest.alive()


def test_its_death_is_told(boot: Callable[[], Guest]) -> None:
    """At once, although a dead kernel lets no time pass."""
    guest = boot()

    os.kill(guest.pid, signal.SIGKILL)
    with pytest.raises(GuestDied, match="the guest ended"):
        guest.agent.kmsg_mark()


def test_its_panic_is_told(boot: Callable[..., Guest]) -> None:
    """In the middle of its beginning, when nobody waits in its time yet."""
    with pytest.raises(GuestDied, match="the guest's kernel died: Kernel panic - not syncing: "):
        boot("rdinit=/nowhere")


def test_a_kernel_that_never_waits_is_given_up(boot: Callable[[], Guest], monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still for as long as it computes, and with it every time-out."""
    guest = boot()
    monkeypatch.setattr(reactors, "SILENCE_S", 0.1)

    os.kill(guest.pid, signal.SIGSTOP)
    with pytest.raises(AgentTimeout):
        guest.agent.ping(timeout_s=0.1)
