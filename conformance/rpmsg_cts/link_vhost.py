# SPDX-License-Identifier: BSD-3-Clause
"""Links to a vhost device of a guest's kernel: it is the device, we are the driver, on the memory of its owner."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from rpmsg_cts.bus_vhost import VhostBus, VhostDevice
from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest_memory import GuestMemory
from rpmsg_cts.judge import skip
from rpmsg_cts.link import Config, Unsupported
from rpmsg_cts.link_guest import GuestLink
from rpmsg_cts.lower_driver import LowerDriver
from rpmsg_cts.native import error_name
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import VHOST_API, Lane, kind_of
from rpmsg_cts.upper_vhost import UpperVhostApi, UpperVhostBus
from rpmsg_cts.verdict import GuestFailure

DEVICES = {"vhost-api": "/dev/vhost-rpmsg", "vhost-bus": "/dev/vhost-rpmsg-bus"}
LOADAVG = "/proc/loadavg"
QUIET_TIMEOUT_S = 10.0
HIDDEN = {
    "device id": "a vhost device has no virtio id: whoever gives it to a driver chooses one",
    "buffers that are kept": "a message is copied before a client of the device sees it",
    "a device without the setting": "this kernel's vhost devices can be told the driver's byte order",
}
BUS_HIDDEN = {
    **HIDDEN,
    "sources": "rpmsg_char does not tell its reader who has sent a message",
    "endpoints before the start": "there is no bus, and so no endpoint, while the device does not run",
}


def at_rest(agent: AgentClient) -> None:
    """Wait until nothing but the agent can run in its guest: the one processor has nothing left to do."""
    deadline = time.monotonic() + QUIET_TIMEOUT_S
    while agent.read_text(LOADAVG).split()[3].partition("/")[0] != "1":
        if time.monotonic() > deadline:
            raise GuestFailure(f"the kernel does not come to rest within {QUIET_TIMEOUT_S:g} s")


def _pin(pid: int | None, processors: Collection[int]) -> None:
    for task in os.listdir(f"/proc/{pid}/task") if pid is not None else ():
        os.sched_setaffinity(int(task), processors)


class VhostLink(GuestLink):
    """One vhost device, opened for this test alone."""

    def __init__(self, lane: Lane, config: Config, guest: Guest, memory: GuestMemory, reactor: Reactor) -> None:
        kind = kind_of(lane.target)
        self._memory = memory
        self._others: list[VhostDevice] = []
        super().__init__(lane, config, guest, reactor, HIDDEN if kind == VHOST_API else BUS_HIDDEN)
        self._open()
        if missing := config.features & ~self.bus.offered():
            self._forget()
            self.bus.close()
            raise Unsupported(f"the device does not offer the features {missing:#x}")

    def _open(self) -> None:
        kind, agent = kind_of(self.target), self.agent
        self.bus = VhostBus(agent, self._memory, DEVICES[kind], self.config, self.settle)
        self.upper: UpperVhostApi | UpperVhostBus = (
            UpperVhostApi(agent, self._memory, self.bus, self.settle) if kind == VHOST_API
            else UpperVhostBus(agent, self.bus, self.settle))
        self.lower = LowerDriver(self.bus, self.config)

    def another_device(self) -> VhostDevice:
        """Open the device once more, until the test ends; nobody has told it anything."""
        self._others.append(VhostDevice(self.agent, DEVICES[kind_of(self.target)]))
        return self._others[-1]

    def close_device(self) -> None:
        """Close the device's descriptor whatever it is doing; its bells and its memory stay."""
        self.bus.device.close_device()
        self.bus.when_stopped()

    def reopen(self) -> None:
        """A new device in the place of the old one, started."""
        self._finish()
        self._forget()
        self._open()
        self.start()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Let the guest run on one processor and us on another, so that both do at the same time."""
        processors = os.sched_getaffinity(0)
        if len(processors) < 2 or self._guest.pid is None:
            skip("needs two processors, of which the guest gets one")
        ours, theirs, *_ = sorted(processors)
        _pin(self._guest.pid, {theirs})
        os.sched_setaffinity(0, {ours})
        try:
            yield
        finally:
            os.sched_setaffinity(0, processors)
            _pin(self._guest.pid, processors)

    def begin(self) -> None:
        if self.config.start:
            self.start()

    def start(self) -> None:
        """From reset to DRIVER_OK."""
        self.lower.start()
        self.settle()

    def try_start(self) -> int:
        raise Unsupported("the driver is the tester's own")

    def is_running(self) -> bool:
        return self.lower.is_running()

    def restart(self) -> None:
        self.upper.finish()
        self.start()

    def settle(self) -> None:
        at_rest(self.agent)

    def spurious(self, queue: int) -> None:
        self.bus.kick(queue)
        self.settle()

    def start_refused(self) -> str:
        """What the device said no to last, in words."""
        what, status = self.bus.refused
        return f"{what}: {error_name(status)}" if what else ""

    def _own_log(self) -> list[str]:
        refused = self.start_refused()
        return [f"vhost: refused {refused}"] if refused else []

    def _finish(self) -> None:
        self.upper.finish()
        self.bus.close()
        while self._others:
            self._others.pop().close()

    def _forget(self) -> None:
        self.lower.close()
