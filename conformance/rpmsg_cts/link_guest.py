# SPDX-License-Identifier: BSD-3-Clause
"""What all links have in common whose IUT is in a guest's kernel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentTimeout, GuestDied
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.splat import Splat, splats
from rpmsg_cts.link import Config, Link
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import Lane
from rpmsg_cts.verdict import GuestFailure

# Without a notification nobody wakes us: memory is looked at again this often.
LOOK_AGAIN_S = 0.05
COMPLAINTS_MAX = 3
HIDDEN_IN_REAL_TIME = {
    "long waits": "no test waits for 15 s where they are real; linux-uml-simtime has seconds that cost nothing",
}
HIDDEN_IN_SIMULATED_TIME = {
    "what is done while the kernel computes": "in simulated time nobody else does anything for as long as the kernel computes",
}


class GuestLink(Link):
    """A link to something in a running guest; what the kernel says of itself meanwhile is held against it."""

    lateness = 1 / 8  # of a kernel's timer wheel: the longer it waits, the coarser

    def __init__(self, lane: Lane, config: Config, guest: Guest, reactor: Reactor, hidden: Mapping[str, str]) -> None:
        self.hidden = {**hidden, **(HIDDEN_IN_SIMULATED_TIME if reactor.is_paced() else HIDDEN_IN_REAL_TIME)}
        self.target, self.role, self.config = lane.target, lane.role, config
        self._guest, self._reactor = guest, reactor
        self._last_log: list[str] = []
        self._mark = guest.agent.kmsg_mark()
        self._tainted = guest.agent.tainted()

    @property
    def agent(self) -> AgentClient:
        """Our hands in the guest, for what other implementations do not have."""
        return self._guest.agent

    @property
    def version(self) -> tuple[int, int]:
        """The first two numbers of the kernel's release."""
        major, minor = re.findall(r"\d+", self._guest.image.release)[:2]
        return int(major), int(minor)

    def said(self, mark: int = 0) -> list[str]:
        """What the kernel has logged since a mark of the agent's, or since this link began."""
        return [message.text for message in self._guest.agent.kmsg_since(mark or self._mark)]

    def advance(self, seconds: float) -> None:
        self.needs("long waits")
        self._reactor.run_until(lambda: False, seconds)

    def until(self, done: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        waited_s = 0.0
        while not self._reactor.run_until(done, LOOK_AGAIN_S):
            waited_s += LOOK_AGAIN_S
            if waited_s >= timeout_s:
                return False
        return True

    def _own_log(self) -> list[str]:
        """What was noted outside of the guest."""
        return []

    def log(self) -> list[str]:
        if self._last_log:
            return self._last_log
        lines = self._own_log()
        try:
            return lines + [f"kernel: {message}" for message in self._guest.agent.kmsg_since(self._mark)]
        except GuestDied as died:
            return lines + [f"console: {line}" for line in str(died).splitlines()]
        except AgentTimeout as silent:
            return lines + [f"agent: {silent}", *(f"console: {line}" for line in self._guest.console_tail())]

    def _complaints(self) -> list[Splat]:
        # The first of each kind: what comes again has nothing to add.
        said = {splat.title: splat for splat in reversed(splats(self.said()))}
        return list(reversed(said.values()))[:COMPLAINTS_MAX]

    def _finish(self) -> None:
        """Give back what the test took in the guest, which is alive."""

    def _forget(self) -> None:
        """Give back what it took out here."""

    def close(self) -> None:
        try:
            if self._guest.alive():
                self._finish()
                self._judge_kernel()
        finally:
            self._forget()

    def _judge_kernel(self) -> None:
        """A kernel that has complained of itself fails the test during which it did, with all that it said."""
        complaints, tainted = self._complaints(), self._guest.agent.tainted()
        if not complaints and tainted == self._tainted:
            return
        self._guest.spoilt = True
        # The guest may be gone when somebody asks.
        self._last_log = self.log()
        titles = "; ".join(splat.title for splat in complaints) or "it does not say why"
        raise GuestFailure("\n".join([f"the kernel complained of itself: {titles} (taint bits {self._tainted:#x} before, "
                                      f"{tainted:#x} now)", *(line for splat in complaints for line in splat.lines)]))
