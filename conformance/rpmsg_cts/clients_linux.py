# SPDX-License-Identifier: BSD-3-Clause
"""Clients of a Linux guest's rpmsg bus, in the hands of its administrator: modules, binding, and what they make."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from rpmsg_cts.guest.errors import AgentError, MissingModules
from rpmsg_cts.guest.guest import Guest, load
from rpmsg_cts.judge import skip
from rpmsg_cts.upper_linux import BUS

SAMPLE, TTY, RAW = "rpmsg_client_sample", "rpmsg_tty", "rpmsg_chrdev"  # as the drivers are called on the bus
MODULES = "/sys/module"


def told(call: Callable[..., object], *arguments: Any) -> int:
    """Return: 0, or the -errno with which the guest's kernel refused."""
    try:
        call(*arguments)
    except AgentError as error:
        return -error.errno
    return 0


class Clients:
    """Clients on one virtio device's part of the bus."""

    def __init__(self, guest: Guest, device: str) -> None:
        self._guest, self._device = guest, device
        self._loaded: list[str] = []
        self._handles: list[int] = []
        self._jobs: list[int] = []

    def finish(self) -> None:
        """Close what open() opened, and take away what load() loaded, which would take channels of other tests."""
        for job in self._jobs:
            told(self._guest.agent.job_cancel, job)
        for handle in self._handles:
            told(self._guest.agent.close_handle, handle)
        for module in self._loaded:
            if told(self._guest.agent.unload_module, module) not in (0, -errno.ENOENT):
                self._guest.spoilt = True  # somebody is still in there
        self._loaded, self._handles, self._jobs = [], [], []

    def open(self, path: str, flags: int = os.O_RDWR | os.O_NONBLOCK) -> int:
        """Open a file until the test ends.  Return: the agent's handle."""
        self._handles.append(self._guest.agent.open(path, flags))
        return self._handles[-1]

    def close(self, handle: int) -> None:
        """Close what open() opened."""
        self._handles.remove(handle)
        self._guest.agent.close_handle(handle)

    def load(self, module: str, params: str = "", why: str = "") -> None:
        """Load a client for this test alone; SKIP where its kernel was built without it, for the reason `why`."""
        try:
            found = self._guest.image.module(module)
        except MissingModules:
            skip(f"Linux {self._guest.image.release} was built without the module {module}" + (f": {why}" if why else ""))
        for needed in found.needs:
            load(self._guest, needed)
        self._guest.agent.load_module(found.path, params)
        self._loaded.append(module)

    def modules_below(self, module: str) -> list[str]:
        """The modules whose functions a loaded one calls."""
        agent = self._guest.agent
        return [name for name in agent.list_dir(MODULES) if agent.exists(f"{MODULES}/{name}/holders/{module}")]

    def entry(self, name: str, src: int, dst: int) -> str:
        """What the bus calls a channel; -1 stands for any address."""
        return f"{self._device}.{name}.{src}.{dst}"

    def entries(self) -> list[str]:
        """All channels, and what the bus makes for itself, as they are called."""
        return [name for name in self._guest.agent.list_dir(BUS) if name.startswith(f"{self._device}.")]

    def bind(self, driver: str, entry: str) -> int:
        """Bind a client to a channel, from a process; the kernel refuses one that does not match (-ENODEV)."""
        return told(self._guest.agent.write_file, f"/sys/bus/rpmsg/drivers/{driver}/bind", entry)

    def unbind(self, driver: str, entry: str) -> int:
        """Take the client from a channel, which stays."""
        return told(self._guest.agent.write_file, f"/sys/bus/rpmsg/drivers/{driver}/unbind", entry)

    def unbind_in_background(self, driver: str, entry: str) -> int:
        """The same, in a process of its own.  Return: the agent's job."""
        return self.in_background(self.open(f"/sys/bus/rpmsg/drivers/{driver}/unbind", os.O_WRONLY), entry.encode())

    def in_background(self, handle: int, data: bytes) -> int:
        """Write in a process of its own, until the test ends.  Return: the agent's job."""
        self._jobs.append(self._guest.agent.write_async(handle, data))
        return self._jobs[-1]

    def terminal(self, entry: str) -> int:
        """Open the terminal of a channel.  Return: the agent's handle."""
        (name,) = self._guest.agent.list_dir(f"{BUS}/{entry}/tty")
        return self.open(f"/dev/{name}", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
