# SPDX-License-Identifier: BSD-3-Clause
"""A kernel's calendar, asked by a kernel of ours."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpmsg_cts.guest.time_travel import MESSAGE, START_NS, Calendar, Op, SimulatedTime
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.verdict import HarnessError

S = 1_000_000_000
ANY = 2**64 - 1


class Kernel:
    """Says what it is told to say, and keeps what it hears; when it may run, it does what comes next in its script."""

    def __init__(self, path: Path, reactor: Reactor, *script: list[tuple[Op, int]]) -> None:
        self.heard: list[tuple[Op, int]] = []
        self._script = list(script)
        self._sequence = 0
        self._stream = socket.socket(socket.AF_UNIX)
        self._stream.connect(str(path))
        reactor.add(self._stream.fileno(), self._hear)

    def say(self, *words: tuple[Op | int, int]) -> None:
        for operation, time_ns in words:
            self._sequence += 1
            self._stream.sendall(MESSAGE.pack(operation, self._sequence, time_ns))

    def say_in_pieces(self, operation: Op, time_ns: int) -> Iterator[None]:
        for byte in MESSAGE.pack(operation, 1, time_ns):
            self._stream.sendall(bytes([byte]))
            yield

    def end(self, reactor: Reactor) -> None:
        reactor.remove(self._stream.fileno())
        self._stream.close()

    def _hear(self) -> None:
        data = self._stream.recv(1 << 12)
        for operation, _, time_ns in MESSAGE.iter_unpack(data):
            self.heard.append((Op(operation), time_ns))
            if operation == Op.RUN and self._script:
                self.say(*self._script.pop(0))


@pytest.fixture
def calendar(tmp_path: Path, reactor: Reactor) -> Iterator[Calendar]:
    made = Calendar(tmp_path / "time", reactor, SimulatedTime())
    yield made
    made.close()


def sleeping_until(time_ns: int) -> list[tuple[Op, int]]:
    return [(Op.REQUEST, time_ns), (Op.WAIT, ANY)]


def test_it_says_what_time_it_is(reactor: Reactor, calendar: Calendar) -> None:
    kernel = Kernel(calendar.path, reactor)
    kernel.say((Op.START, 0), (Op.GET_TOD, ANY), (Op.GET, ANY), *sleeping_until(20 * S))

    assert not reactor.run_until(lambda: False, 15)
    assert kernel.heard == [(Op.ACK, 0), (Op.ACK, START_NS), (Op.ACK, 0), (Op.ACK, 0), (Op.ACK, 0)]
    assert reactor.now_s() == 15

    kernel.say((Op.GET, ANY))
    reactor.run_until(lambda: (Op.ACK, 15 * S) in kernel.heard, 0)
    assert kernel.heard[-1] == (Op.ACK, 15 * S)


def test_it_lets_the_kernel_run_when_that_wants_to_and_freely_until_we_want_something(
        reactor: Reactor, calendar: Calendar) -> None:
    kernel = Kernel(calendar.path, reactor, sleeping_until(30 * S))
    kernel.say(*sleeping_until(1 * S), (Op.REQUEST, 2 * S))  # the later wish is the one that counts

    assert not reactor.run_until(lambda: False, 15)
    assert [word for word in kernel.heard if word[0] != Op.ACK] == [(Op.FREE_UNTIL, 15 * S), (Op.RUN, 2 * S)]
    assert reactor.now_s() == 15


def test_a_kernel_that_notifies_is_free_no_longer(reactor: Reactor, calendar: Calendar) -> None:
    """It must know so before it goes on: whoever is notified has the next turn."""
    kernel = Kernel(calendar.path, reactor, [(Op.UPDATE, 3 * S), *sleeping_until(3 * S + 1)], sleeping_until(30 * S))
    kernel.say(*sleeping_until(1 * S))
    turns = []

    reactor.run_until(lambda: turns.append(reactor.now_s()), 15)

    spoken = kernel.heard[2:]
    assert spoken[:4] == [(Op.FREE_UNTIL, 15 * S), (Op.RUN, 1 * S), (Op.FREE_UNTIL, 3 * S), (Op.ACK, 0)]
    assert (Op.RUN, 3 * S + 1) in spoken
    assert turns == [0, 3, 15]


def test_what_it_does_at_a_moment_that_it_has_told_us_of_is_done_in_turns(reactor: Reactor, calendar: Calendar) -> None:
    """For it tells of a moment once; a notification that we do not hear of in time may be waited for without an end."""
    kernel = Kernel(calendar.path, reactor, [(Op.UPDATE, 1 * S), *sleeping_until(1 * S)], sleeping_until(30 * S))
    kernel.say(*sleeping_until(1 * S))

    reactor.run_until(lambda: False, 15)

    assert [word for word in kernel.heard if word[0] != Op.ACK] == [
        (Op.FREE_UNTIL, 15 * S), (Op.RUN, 1 * S), (Op.FREE_UNTIL, 1 * S), (Op.RUN, 1 * S)]


def test_a_message_may_come_in_pieces(reactor: Reactor, calendar: Calendar) -> None:
    kernel = Kernel(calendar.path, reactor)
    kernel.say(*sleeping_until(ANY >> 1))
    reactor.run_until(lambda: True, 1)

    for _ in kernel.say_in_pieces(Op.GET, ANY):
        reactor.run_until(lambda: True, 0)

    assert len(kernel.heard) == 3


def test_it_is_the_calendar_of_one_kernel(reactor: Reactor, calendar: Calendar) -> None:
    kernel = Kernel(calendar.path, reactor)
    kernel.say(*sleeping_until(ANY >> 1))
    reactor.run_until(lambda: True, 1)

    with socket.socket(socket.AF_UNIX) as other:
        other.connect(str(calendar.path))
        reactor.run_until(lambda: True, 1)
        assert other.recv(1) == b""
    assert calendar.is_open()


def test_the_end_of_the_kernel_is_the_end_of_its_time(reactor: Reactor, calendar: Calendar) -> None:
    kernel = Kernel(calendar.path, reactor)
    kernel.say((Op.START, 0))
    kernel.end(reactor)

    assert not reactor.run_until(lambda: False, 0.01)
    assert not calendar.is_open() and not reactor.is_paced()


def test_what_it_does_not_understand_it_says(reactor: Reactor, calendar: Calendar) -> None:
    """Newer kernels may ask for more."""
    kernel = Kernel(calendar.path, reactor)
    kernel.say((99, 0))

    with pytest.raises(HarnessError, match="something unknown: 99"):
        reactor.run_until(lambda: False, 1)


def test_the_seed_says_how_long_we_take(tmp_path: Path, reactor: Reactor) -> None:
    taken = []
    for number, seed in enumerate((1, 1, 2)):
        calendar = Calendar(tmp_path / str(number), reactor, SimulatedTime(seed))
        taken.append([calendar.haste_s() for _ in range(10)])
        calendar.close()

    assert taken[0] == taken[1] != taken[2]
    assert all(0 <= seconds < 1e-5 for each in taken for seconds in each)
