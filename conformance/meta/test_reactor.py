# SPDX-License-Identifier: BSD-3-Clause
"""Waiting: in our own time, and in that of somebody whom we take turns with."""

from __future__ import annotations

import os

import pytest

from rpmsg_cts import reactor as reactors
from rpmsg_cts.reactor import Reactor


class Peer:
    """Runs when it is told to, and then says so over a descriptor; wants to run at each full second."""

    def __init__(self, reactor: Reactor) -> None:
        self.now_s = 0.0
        self.turns = 0
        self.delay_s = 0.0
        self.notes: list[str] = []
        self.open = self.still = True
        self._fd = os.eventfd(0)
        reactor.add(self._fd, self._hear)
        reactor.follow(self)

    def is_open(self) -> bool:
        return self.open

    def is_still(self) -> bool:
        return self.still

    def advance(self, deadline_s: float) -> bool:
        assert self.still
        if self.turns + 1 > deadline_s:
            self.now_s = deadline_s
            return False
        self.turns += 1
        self.now_s, self.still = float(self.turns), False
        os.eventfd_write(self._fd, 1)
        return True

    def haste_s(self) -> float:
        return self.delay_s

    def note(self, what: str) -> None:
        self.notes.append(what)

    def close(self) -> None:
        self.open = False

    def _hear(self) -> None:
        os.eventfd_read(self._fd)
        self.still = True


def test_the_other_one_runs_only_while_somebody_waits(reactor: Reactor) -> None:
    """And never longer than that: what a test does, it does at a certain moment."""
    peer = Peer(reactor)

    assert not reactor.run_until(lambda: False, 2.5)
    assert (peer.turns, reactor.now_s()) == (2, 2.5)
    assert reactor.run_until(lambda: peer.turns == 4, 15)
    assert (peer.turns, reactor.now_s()) == (4, 4)


def test_nobody_asks_while_the_other_one_runs(reactor: Reactor) -> None:
    """What it has done half-way is nobody's business, since it would be another half at the next time."""
    peer, states = Peer(reactor), []

    reactor.run_until(lambda: states.append(peer.still), 100)

    assert states == [True] * 101


def test_we_take_our_time(reactor: Reactor) -> None:
    """The other one may have come further when we do what we do next."""
    peer = Peer(reactor)
    peer.delay_s = 1.5

    assert reactor.run_until(lambda: peer.turns == 2, 5)
    assert (peer.turns, reactor.now_s()) == (3, 3.5)


def test_notes_are_the_other_ones(reactor: Reactor) -> None:
    """In our own time nothing happens at a certain moment."""
    reactor.note("before")
    peer = Peer(reactor)
    reactor.note("meanwhile")

    assert peer.notes == ["meanwhile"]


def test_what_is_owed_is_waited_for(reactor: Reactor) -> None:
    peer, owed, steps = Peer(reactor), [True], []
    fd = os.eventfd(1)

    def pay() -> None:
        os.eventfd_read(fd)
        owed.clear()

    reactor.add(fd, pay, lambda: bool(owed))
    reactor.add_step(lambda: steps.append(bool(owed)))

    assert reactor.run_until(lambda: not owed, 0)
    assert peer.turns == 0 and steps == [False]


def test_a_step_may_take_time(reactor: Reactor) -> None:
    """Else whoever is done in no time would be asked for more in no time, and nothing else would ever happen."""
    peer, steps = Peer(reactor), []
    reactor.add_step(lambda: steps.append((peer.turns, reactor.now_s())), 0.75)

    assert not reactor.run_until(lambda: False, 2.5)

    assert steps == [(0, 0), (0, 0.75), (1, 1.5), (2, 2.25)]
    assert (peer.turns, reactor.now_s()) == (2, 2.5)


@pytest.mark.parametrize("result", [True, False])
def test_what_asking_brought_about_is_waited_for(reactor: Reactor, result: bool) -> None:
    """Whoever asks may do something, as to take a message and give its buffer back: the other one answers before it runs."""
    peer, owed, turns = Peer(reactor), list[bool](), []
    peer.delay_s = 1.5
    fd = os.eventfd(0)

    def pay() -> None:
        os.eventfd_read(fd)
        owed.clear()
        turns.append(peer.turns)

    def ask() -> bool:
        owed.append(True)
        os.eventfd_write(fd, 1)
        return result

    reactor.add(fd, pay, lambda: bool(owed))
    reactor.run_until(ask, 1)

    assert turns == ([0] if result else [0, 1])


def test_one_that_falls_silent_is_given_up(reactor: Reactor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel that computes for ever would stop the run, in whatever time."""
    monkeypatch.setattr(reactors, "SILENCE_S", 0.01)
    peer = Peer(reactor)
    peer.still = False

    assert not reactor.run_until(lambda: False, 0.01)
    assert not peer.open


def test_whoever_was_removed_is_not_called(reactor: Reactor) -> None:
    """Two may be ready at once, and the first be the end of the second."""
    fds, called = [os.eventfd(1), os.eventfd(1)], []

    def end_both() -> None:
        called.append(True)
        for fd in fds:
            reactor.remove(fd)

    for fd in fds:
        reactor.add(fd, end_both)
    reactor.run_until(lambda: bool(called), 5)

    assert called == [True]


def test_steps_are_taken_while_somebody_waits(reactor: Reactor) -> None:
    count = [0]

    def step() -> None:
        count[0] += 1

    reactor.add_step(step)
    assert reactor.run_until(lambda: count[0] == 100, 5)
    reactor.remove_step(step)
    assert not reactor.run_until(lambda: count[0] > 100, 0.01)
