# SPDX-License-Identifier: BSD-3-Clause
"""API: memory that is wanting, at each allocation of what a user can ask for."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod

import pytest

from rpmsg_cts.clients_linux import MODULES, RAW, told
from rpmsg_cts.judge import expect, given, req, skip
from rpmsg_cts.link_linux import DRIVER, LinuxLink
from rpmsg_cts.native import error_name
from rpmsg_cts.upper_linux import BUS, CLASS

OURS, THEIRS = 1024, 0x5DC
AUTOPROBE = "/sys/bus/virtio/drivers_autoprobe"
FAIL_NTH = "/proc/self/fail-nth"
MOST_ALLOCATIONS = 1 << 20
# Allocations that may wait for memory fail too, and nobody wants to read of each.
SETTINGS = {"failslab/ignore-gfp-wait": "N", "failslab/verbose": "0",
            "fail_page_alloc/ignore-gfp-wait": "N", "fail_page_alloc/verbose": "0"}


class Operation(ABC):
    """Something that a user asks a kernel for, in one request of the agent's."""

    def __init__(self, link: LinuxLink) -> None:
        self.link, self.agent = link, link.agent

    def prepare(self) -> None:
        """Bring about what it needs, each time."""

    @abstractmethod
    def ask(self) -> None:
        """Ask for it, and nothing else."""

    def undo(self) -> None:
        """Take back what it has done."""

    def end(self) -> None:
        """Once it was tried often enough: have a link that should work."""

    def seen(self) -> list[str]:
        """What a user sees of the bus."""
        return sorted(self.link.clients.entries() + self.agent.list_dir(CLASS))


class Bind(Operation):
    """The driver is bound to the device: rings, buffers, the control device, the name service."""

    def prepare(self) -> None:
        self.link.stop()
        self.link.upper.bind_by_itself(True)

    def ask(self) -> None:
        self.agent.write_file(f"{DRIVER}/bind", self.link.device)

    def undo(self) -> None:
        self.link.stop()

    def end(self) -> None:
        self.link.start()


class Unbind(Bind):
    """And is taken from it."""

    def prepare(self) -> None:
        self.link.stop()
        self.link.start()

    def ask(self) -> None:
        self.agent.write_file(f"{DRIVER}/unbind", self.link.device)

    def undo(self) -> None:
        self.link.start()

    def end(self) -> None:
        """It was put back each time."""


class CreateDevice(Operation):
    """A character device for an endpoint that is not there yet."""

    def __init__(self, link: LinuxLink) -> None:
        super().__init__(link)
        self.control = link.upper.control()

    def ask(self) -> None:
        self.agent.create_ept(self.control, "test", THEIRS, OURS)

    def undo(self) -> None:
        (name,) = (name for name in self.agent.list_dir(CLASS) if not name.startswith("rpmsg_ctrl"))
        handle = self.agent.open(f"/dev/{name}")
        self.agent.destroy_ept(handle)
        self.agent.close_handle(handle)


class Open(Operation):
    """The endpoint itself."""

    def __init__(self, link: LinuxLink) -> None:
        super().__init__(link)
        before = link.agent.list_dir(CLASS)
        link.agent.create_ept(link.upper.control(), "test", THEIRS, OURS)
        (name,) = set(link.agent.list_dir(CLASS)) - set(before)
        self.path, self.handle = f"/dev/{name}", 0

    def ask(self) -> None:
        self.handle = self.agent.open(self.path, os.O_RDWR)

    def undo(self) -> None:
        self.agent.close_handle(self.handle)

    def end(self) -> None:
        handle = self.agent.open(self.path)
        self.agent.destroy_ept(handle)
        self.agent.close_handle(handle)


class Write(Operation):
    """A message."""

    def __init__(self, link: LinuxLink) -> None:
        super().__init__(link)
        self.ept = link.upper.open(src=THEIRS, dst=OURS)

    def ask(self) -> None:
        self.agent.write(self.ept.handle, b"hello")

    def undo(self) -> None:
        expect([b"hello"], [message.payload for message in self.link.sent()], "messages")

    def end(self) -> None:
        self.link.upper.close(self.ept)


class CreateChannel(Operation):
    """A channel of our own, its client, that one's endpoint and device, and the announcement."""

    def __init__(self, link: LinuxLink) -> None:
        super().__init__(link)
        self.control = link.upper.control()
        link.upper.bind_by_itself(True)

    def ask(self) -> None:
        self.agent.create_dev(self.control, "rpmsg-raw", THEIRS, OURS)

    def undo(self) -> None:
        self.agent.release_dev(self.control, "rpmsg-raw", THEIRS, OURS)
        self.link.sent()

    def end(self) -> None:
        self.link.upper.bind_by_itself(False)


class BindClient(CreateChannel):
    """The client of a channel that is there."""

    def __init__(self, link: LinuxLink) -> None:
        super().__init__(link)
        self.entry = link.clients.entry("rpmsg-raw", THEIRS, OURS)
        link.upper.bind_by_itself(False)
        self.agent.create_dev(self.control, "rpmsg-raw", THEIRS, OURS)

    def ask(self) -> None:
        self.agent.write_file(f"/sys/bus/rpmsg/drivers/{RAW}/bind", self.entry)

    def undo(self) -> None:
        self.link.clients.unbind(RAW, self.entry)
        self.link.sent()

    def end(self) -> None:
        self.agent.release_dev(self.control, "rpmsg-raw", THEIRS, OURS)


class Release(CreateChannel):
    """The end of a channel."""

    def prepare(self) -> None:
        if self.link.clients.entry("rpmsg-raw", THEIRS, OURS) not in self.link.clients.entries():
            super().ask()

    def ask(self) -> None:
        super().undo()

    def undo(self) -> None:
        self.prepare()

    def end(self) -> None:
        super().undo()
        super().end()


class Load(Operation):
    """A module of the kernel's."""

    def __init__(self, link: LinuxLink, name: str) -> None:
        super().__init__(link)
        # Devices are not what is loaded here.
        self.agent.write_file(AUTOPROBE, "0")
        self.all = link.unload()
        self.names = [module.name for module in self.all]
        self.at = self.names.index(name)
        for module in self.all[:self.at]:
            self.agent.load_module(module.path)

    def ask(self) -> None:
        self.agent.load_module(self.all[self.at].path)

    def undo(self) -> None:
        self.agent.unload_module(self.names[self.at])

    def end(self) -> None:
        for module in self.all[self.at:]:
            self.agent.load_module(module.path)
        self.agent.write_file(AUTOPROBE, "1")
        self.link.start()

    def seen(self) -> list[str]:
        return [name for name in self.agent.list_dir(MODULES) if name in self.names] + [
            path for path in (BUS, CLASS) if self.agent.exists(path)]


OPERATIONS = {"bind": Bind, "unbind": Unbind, "create-device": CreateDevice, "open": Open, "write": Write,
              "create-channel": CreateChannel, "bind-client": BindClient, "release-channel": Release}
LOADED = ("rpmsg_core", "rpmsg_ns", "rpmsg_char", "rpmsg_ctrl", "virtio_rpmsg_bus")


def survives(link: LinuxLink, operation: Operation) -> None:
    """Try it with enough memory, and then with each of its allocations failing: the last one first.

    What comes last is the driver's own; an error of what is below it could be in the way of the rest.
    """
    operation.prepare()
    before = operation.seen()
    total = MOST_ALLOCATIONS - attempt(link, operation, MOST_ALLOCATIONS, before)
    given(0 < total < MOST_ALLOCATIONS, "memory is allocated")
    for nth in range(total, 0, -1):
        attempt(link, operation, nth, before)
    operation.end()


def attempt(link: LinuxLink, operation: Operation, nth: int, before: list[str]) -> int:
    """Return: how many more allocations there would have to be until the one that fails; 0: it has failed."""
    with link.agent.failing(nth) as shot:
        status = told(operation.ask)
    if status == 0:
        operation.undo()
    operation.prepare()
    what = f"allocation {nth} has failed ({error_name(status)})" if shot.left == 0 else "all went well"
    expect(before, operation.seen(), f"what there is when {what}")
    if shot.left > 0:
        expect(0, status, "result with memory enough")
    return shot.left


def ready(link: LinuxLink) -> None:
    """SKIP where no allocation can be made to fail."""
    if not link.agent.exists(FAIL_NTH):
        skip("the kernel cannot make an allocation fail: rpmsg-cts kernel build ... --with fault")
    for name, value in SETTINGS.items():
        link.agent.write_file(f"/sys/kernel/debug/{name}", value)


@req("API-017")
@pytest.mark.parametrize("what", OPERATIONS)
def test_an_allocation_that_fails_is_survived(linux_link: LinuxLink, what: str) -> None:
    """The next attempt finds everything as it was."""
    ready(linux_link)

    with linux_link.at_risk():
        survives(linux_link, OPERATIONS[what](linux_link))

    expect(True, linux_link.works(linux_link.upper.open(src=THEIRS, dst=OURS)), "whether messages arrive after that")


@req("API-017")
@pytest.mark.parametrize("module", LOADED)
def test_a_module_that_does_not_get_its_memory_is_not_loaded(linux_link: LinuxLink, module: str) -> None:
    """And can be, a moment later."""
    ready(linux_link)

    with linux_link.at_risk():
        survives(linux_link, Load(linux_link, module))

    expect(True, linux_link.works(linux_link.upper.open(src=THEIRS, dst=OURS)), "whether messages arrive after that")
