# SPDX-License-Identifier: BSD-3-Clause
"""Links to the virtio_rpmsg_bus of a Linux guest: it is the driver, we are the device behind vhost-user."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rpmsg_cts.clients_linux import Clients
from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentError, GuestDied
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.judge import given
from rpmsg_cts.link import Config, Link
from rpmsg_cts.lower_device import LowerDevice
from rpmsg_cts.native import error_name
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import Lane
from rpmsg_cts.upper_linux import UpperLinux
from rpmsg_cts.verdict import GuestFailure, HarnessError
from rpmsg_cts.vhost_user import VhostUser

DRIVER = "/sys/bus/virtio/drivers/virtio_rpmsg_bus"
PROBE_TIMEOUT_S = 10.0
# Without a notification nobody wakes us: memory is looked at again this often.
LOOK_AGAIN_S = 0.05
# How a kernel begins to complain of itself; not all that its sanitizers find leaves a taint bit.
COMPLAINT = re.compile(r"\bBUG:|WARNING:|Oops|Internal error|Unable to handle|\bUBSAN:|\bINFO: |kmemleak: [0-9]")
COMPLAINTS_MAX = 3


class LinuxLink(Link):
    """One virtio device of a running guest, bound afresh: reset, negotiated and set up for this test alone."""

    _always_hidden = {
        "status writes": "vhost-user does not carry what the driver writes into the status byte",
        "the moment of DRIVER_OK": "when a vhost-user device learns of DRIVER_OK, the driver may be further on",
        "sources": "rpmsg_char does not tell its reader who has sent a message",
    }

    def __init__(self, lane: Lane, config: Config, guest: Guest, backend: VhostUser, device: str,
                 reactor: Reactor, hidden: Mapping[str, str]) -> None:
        self.hidden = {**self._always_hidden, **hidden}
        self.target, self.role, self.config = lane.target, lane.role, config
        self._guest, self._backend, self._device, self._reactor = guest, backend, device, reactor
        self._last_log: list[str] = []
        self._mark = guest.agent.kmsg_mark()
        self._tainted = guest.agent.tainted()
        self.lower: LowerDevice = LowerDevice(backend.native, backend.xport)
        self.upper: UpperLinux = UpperLinux(guest.agent, device)
        self.clients = Clients(guest, device)
        self._unbind()
        if config.start:
            self.start()

    @property
    def agent(self) -> AgentClient:
        """Our hands in the guest, for what other implementations do not have."""
        return self._guest.agent

    @property
    def version(self) -> tuple[int, int]:
        """The first two numbers of the kernel's release."""
        major, minor = re.findall(r"\d+", self._guest.image.release)[:2]
        return int(major), int(minor)

    @contextmanager
    def meanwhile(self, step: Callable[[], None]) -> Iterator[None]:
        """Call `step` again and again while anybody waits for the guest."""
        always = os.eventfd(1)
        self._reactor.add(always, step)
        try:
            yield
        finally:
            self._reactor.remove(always)
            os.close(always)

    def said(self, mark: int = 0) -> list[str]:
        """What the kernel has logged since a mark of the agent's, or since this link began."""
        return [message.text for message in self._guest.agent.kmsg_since(mark or self._mark)]

    def _is_bound(self) -> bool:
        return self._guest.agent.exists(f"{DRIVER}/{self._device}")

    def _unbind(self) -> None:
        if self._is_bound():
            self._guest.agent.write_file(f"{DRIVER}/unbind", self._device)
        if not self._reactor.run_until(lambda: not self.lower.ready(), PROBE_TIMEOUT_S):
            raise HarnessError(f"{self._device} was unbound, but its device goes on running")

    def start(self) -> None:
        """Bind the driver: from reset to DRIVER_OK."""
        status = self.try_start()
        given(status == 0, f"the driver binds to the device, but it says {error_name(status)}")
        ready = self._reactor.run_until(self.lower.ready, PROBE_TIMEOUT_S)
        given(ready, "the driver sets DRIVER_OK")
        self.lower.attach()

    def try_start(self) -> int:
        self.upper.bind_by_itself(True)
        try:
            self._guest.agent.write_file(f"{DRIVER}/bind", self._device)
        except AgentError as error:
            return -error.errno
        finally:
            self.upper.bind_by_itself(False)
        return 0

    def is_running(self) -> bool:
        self.settle()
        return self.lower.ready()

    def restart(self) -> None:
        self.upper.finish()
        self._unbind()
        self.start()

    def reload(self) -> None:
        """Take everything that is judged out of the kernel, load it again and start."""
        self.clients.finish()
        self.upper.finish()
        modules = [module for module in self._guest.image.modules if "rpmsg" in module.name
                   and self.agent.exists(f"/sys/module/{module.name}")]
        before, self._guest.spoilt = self._guest.spoilt, True  # half of them would be of no use to the next test
        for module in reversed(modules):
            self.agent.unload_module(module.name)
        for module in modules:
            self.agent.load_module(module.path)
        self._guest.spoilt = before
        self._unbind()
        self.start()

    def settle(self) -> None:
        # An interrupt that is pending when a request arrives is handled before the agent runs: when it has answered
        # twice, both directions were gone through with everything in front of it.
        for _ in range(2):
            self._guest.agent.kmsg_mark()

    def until(self, done: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        waited_s = 0.0
        while not self._reactor.run_until(done, LOOK_AGAIN_S):
            waited_s += LOOK_AGAIN_S
            if waited_s >= timeout_s:
                return False
        return True

    def spurious(self, queue: int) -> None:
        self.lower.notify(queue, force=True)

    def log(self) -> list[str]:
        if self._last_log:
            return self._last_log
        lines = [f"vhost-user: {line}" for line in self._backend.log()]
        try:
            return lines + [f"kernel: {message}" for message in self._guest.agent.kmsg_since(self._mark)]
        except GuestDied as died:
            return lines + [f"console: {line}" for line in str(died).splitlines()]

    def _complaint(self) -> str:
        said = dict.fromkeys(message.text for message in self._guest.agent.kmsg_since(self._mark)
                             if COMPLAINT.search(message.text))
        return "; ".join(list(said)[:COMPLAINTS_MAX])

    def close(self) -> None:
        if self._guest.alive():
            self.upper.finish()
            self.clients.finish()
            complaint, tainted = self._complaint(), self._guest.agent.tainted()
            if complaint or tainted != self._tainted:
                self._guest.spoilt = True
                # The guest may be gone when somebody asks.
                self._last_log = self.log()
                raise GuestFailure(f"the kernel complained of itself: {complaint or 'it does not say why'} (taint bits "
                                   f"{self._tainted:#x} before, {tainted:#x} now)")
        self.lower.close()
