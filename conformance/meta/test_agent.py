# SPDX-License-Identifier: BSD-3-Clause
"""What our side does about an agent that says nothing: here it is the other end of a socket, and nobody is there."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentTimeout
from rpmsg_cts.reactor import Reactor


@pytest.fixture
def port() -> Iterator[tuple[AgentClient, socket.socket]]:
    """A client, and the end at which an agent should be."""
    reactor = Reactor()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    agent = AgentClient(ours, reactor, lambda: None)
    agent.patience_s = 0.2
    yield agent, theirs
    agent.close()
    theirs.close()
    reactor.close()


def asked(theirs: socket.socket) -> bool:
    """Whether anything was sent since this was last asked."""
    try:
        return bool(theirs.recv(1 << 16))
    except BlockingIOError:
        return False


def test_who_does_not_answer_is_waited_for_once(port: tuple[AgentClient, socket.socket]) -> None:
    """A test whose kernel hangs would wait again for its log and for all that it gives back, and run out of time."""
    agent, theirs = port

    with pytest.raises(AgentTimeout, match="^kmsg_mark: no answer in 0.2 s$"):
        agent.kmsg_mark()
    first = asked(theirs)
    with pytest.raises(AgentTimeout, match="^kmsg_mark: no answer in 0.2 s$"):
        agent.close_handle(1)

    assert (first, asked(theirs), agent.is_open()) == (True, False, False)


def test_who_is_only_tried_may_answer_later(port: tuple[AgentClient, socket.socket]) -> None:
    """A question with a time of its own may be one about patience."""
    agent, theirs = port

    for _ in range(2):
        with pytest.raises(AgentTimeout):
            agent.ping(0.05)
        assert asked(theirs)
    assert agent.is_open()
