# SPDX-License-Identifier: BSD-3-Clause
"""rps-device, the program, as a remote of a real kernel: the whole direct library against somebody else's driver."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpmsg_cts.guest.machine import VhostUserDevice
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.runtime import runtime_folder
from rpmsg_cts.link import Endpoint
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.upper_linux import UpperLinux

ROOT = Path(__file__).resolve().parents[2]
ECHO, SINK, SOURCE = 1100, 1200, 1300
ANSWER_TIMEOUT_S = 5.0

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


class Remote:
    """The program, and the guest that talks to it."""

    def __init__(self, reactor: Reactor, program: subprocess.Popen[str], guest: Guest) -> None:
        self.reactor, self.program, self.guest = reactor, program, guest
        guest.load_bus()
        self.upper = UpperLinux(guest.agent, guest.rpmsg_devices()[0])

    def channels(self) -> list[tuple[str, int]]:
        """What the kernel has been told of."""
        return [(channel.name, channel.dst) for channel in self.upper.channels()]

    def wait_for(self, ept: Endpoint, count: int) -> list[bytes]:
        """Return: payloads that arrived, `count` of them unless time ran out."""
        got: list[bytes] = []

        def look() -> bool:
            got.extend(message.payload for message in self.upper.received(ept))
            return len(got) >= count

        waited_s = 0.0
        while not self.reactor.run_until(look, 0.05) and waited_s < ANSWER_TIMEOUT_S:
            waited_s += 0.05
        return got


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """One guest for all tests."""
    reactor = Reactor()
    socket = runtime_folder().path / "remote"
    program = subprocess.Popen(
        [ROOT / "build" / "rps-device", "--socket", socket, "--echo", f"cts-echo:{ECHO}", "--sink", f"cts-sink:{SINK}",
         "--source", f"cts-source:{SOURCE},count=100,len=64"], stdout=subprocess.PIPE, text=True)
    while not socket.exists():
        assert program.poll() is None
        reactor.run_until(lambda: False, 0.01)
    with Guest.boot(reactor, devices=[VhostUserDevice(str(socket), 8)]) as guest:
        yield Remote(reactor, program, guest)
    program.send_signal(signal.SIGTERM)
    out, _ = program.communicate(timeout=10)
    assert program.returncode == 0, out
    reactor.close()


def test_its_services_are_announced(remote: Remote) -> None:
    """The kernel makes a channel of each."""
    found = remote.reactor.run_until(lambda: len(remote.channels()) == 3, ANSWER_TIMEOUT_S)

    assert found
    assert remote.channels() == [("cts-echo", ECHO), ("cts-sink", SINK), ("cts-source", SOURCE)]


def test_it_echoes_what_the_kernel_sends(remote: Remote) -> None:
    """More messages than buffers, of all sizes."""
    ept = remote.upper.open(src=2000, dst=ECHO)

    for size in (0, 1, 2, 3, 12, 63, 64, 255, 256, 495, 496, *range(40)):
        payload = bytes((size + i) % 256 for i in range(size))
        assert remote.upper.send(ept, payload) == 0
        assert remote.wait_for(ept, 1) == [payload]


def test_it_takes_what_nobody_wants_answered(remote: Remote) -> None:
    """A sink gives every buffer back."""
    ept = remote.upper.open(src=2001, dst=SINK)

    for i in range(100):
        assert remote.reactor.run_until(lambda i=i: remote.upper.send(ept, bytes([i])) == 0, ANSWER_TIMEOUT_S)
    assert remote.wait_for(ept, 0) == []
    assert remote.program.poll() is None
