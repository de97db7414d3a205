# SPDX-License-Identifier: BSD-3-Clause
"""Links to the virtio_rpmsg_bus of a Linux guest: it is the driver, we are the device behind vhost-user."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rpmsg_cts.client_linux import Client
from rpmsg_cts.clients_linux import Clients
from rpmsg_cts.guest.errors import AgentError
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.image import Module
from rpmsg_cts.judge import given
from rpmsg_cts.link import Config
from rpmsg_cts.link_guest import GuestLink
from rpmsg_cts.lower_device import LowerDevice
from rpmsg_cts.native import error_name
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import Lane
from rpmsg_cts.upper_linux import UpperLinux
from rpmsg_cts.verdict import HarnessError
from rpmsg_cts.vhost_user import VhostUser

DRIVER = "/sys/bus/virtio/drivers/virtio_rpmsg_bus"
PROBE_TIMEOUT_S = 10.0
SETTLE_S = 0.0001
STEP_S = 0.00001


class LinuxLink(GuestLink):
    """One virtio device of a running guest, bound afresh: reset, negotiated and set up for this test alone."""

    _always_hidden = {
        "status writes": "vhost-user does not carry what the driver writes into the status byte",
        "the moment of DRIVER_OK": "when a vhost-user device learns of DRIVER_OK, the driver may be further on",
        "sources": "rpmsg_char does not tell its reader who has sent a message",
    }

    def __init__(self, lane: Lane, config: Config, guest: Guest, backend: VhostUser, device: str,
                 reactor: Reactor, hidden: Mapping[str, str]) -> None:
        super().__init__(lane, config, guest, reactor, {**self._always_hidden, **hidden})
        self._backend, self.device = backend, device
        self.lower: LowerDevice = LowerDevice(backend.native, backend.xport, backend.note)
        self.upper: UpperLinux = UpperLinux(guest.agent, device)
        self.clients = Clients(guest, device)
        self.client = Client(guest.agent, self.clients, bool(config.big_endian))
        self.stop()
        if config.start:
            self.start()

    @contextmanager
    def meanwhile(self, step: Callable[[], None]) -> Iterator[None]:
        """Call `step` again and again while anybody waits for the guest."""
        self._reactor.add_step(step, STEP_S)
        try:
            yield
        finally:
            self._reactor.remove_step(step)

    def _is_bound(self) -> bool:
        return self._guest.agent.exists(f"{DRIVER}/{self.device}")

    def stop(self) -> None:
        """Unbind the driver, unless it is not bound."""
        if self._is_bound():
            self._guest.agent.write_file(f"{DRIVER}/unbind", self.device)
        if not self._reactor.run_until(lambda: not self.lower.ready(), PROBE_TIMEOUT_S):
            raise HarnessError(f"{self.device} was unbound, but its device goes on running")

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
            self._guest.agent.write_file(f"{DRIVER}/bind", self.device)
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
        self.stop()
        self.start()

    def unload(self) -> list[Module]:
        """Take everything that is judged out of the kernel.  Return: it, in the order in which it can be loaded."""
        self._finish()
        modules = [module for module in self._guest.image.modules if "rpmsg" in module.name
                   and self.agent.exists(f"/sys/module/{module.name}")]
        for module in reversed(modules):
            self.agent.unload_module(module.name)
        return modules

    def reload(self) -> None:
        """Take everything that is judged out of the kernel, load it again and start."""
        with self.at_risk():  # half of the modules would be of no use to the next test
            for module in self.unload():
                self.agent.load_module(module.path)
        self.stop()
        self.start()

    @contextmanager
    def at_risk(self) -> Iterator[None]:
        """What goes wrong meanwhile leaves a guest that is of no use to the next test."""
        before, self._guest.spoilt = self._guest.spoilt, True
        yield
        self._guest.spoilt = before

    def settle(self) -> None:
        if self._reactor.is_paced():
            # It computes in no time: whatever it was told is done when the time of some readings of its clock is over.
            self.advance(SETTLE_S)
            return
        # An interrupt that is pending when a request arrives is handled before the agent runs: when it has answered
        # twice, both directions were gone through with everything in front of it.
        for _ in range(2):
            self._guest.agent.kmsg_mark()

    def spurious(self, queue: int) -> None:
        self.lower.notify(queue, force=True)

    def _own_log(self) -> list[str]:
        return [f"vhost-user: {line}" for line in self._backend.log()]

    def _finish(self) -> None:
        self.upper.finish()
        self.clients.finish()

    def _forget(self) -> None:
        self.lower.close()
