# SPDX-License-Identifier: BSD-3-Clause
"""Upper tester of a Linux guest: rpmsg_ctrl and rpmsg_char, driven through the agent."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentError, AgentTimeout
from rpmsg_cts.link import MOST_MESSAGES, Channel, Delivered, Endpoint, Job, Upper
from rpmsg_cts.native import ANY
from rpmsg_cts.verdict import HarnessError, Refused

BUS = "/sys/bus/rpmsg/devices"
AUTOPROBE = "/sys/bus/rpmsg/drivers_autoprobe"
BIND = "/sys/bus/rpmsg/drivers/rpmsg_chrdev/bind"
CLASS = "/sys/class/rpmsg"
# What the bus makes for itself is not a channel.
INTERNAL = ("rpmsg_ctrl", "rpmsg_ns")


@dataclass
class _Open:
    """A character device of ours: its handle, and whether writes to it may block."""

    handle: int
    blocking: bool = False
    created: bool = False


class LinuxJob(Job):
    """A write(2) that blocks in a process of its own."""

    def __init__(self, agent: AgentClient, job: int) -> None:
        self._agent, self.number = agent, job
        self._result: int | None = None

    def result(self) -> int | None:
        # The agent forgets a job that it has told the end of.
        if self._result is None and (done := self._agent.job_result(self.number)) is not None:
            self._result = min(done.status, 0)
        return self._result


class UpperLinux(Upper):
    """One virtio device's part of the guest's rpmsg bus."""

    no_buffer = -errno.EAGAIN  # at the character device

    def __init__(self, agent: AgentClient, device: str) -> None:
        self._agent, self._device = agent, device
        self._control: int | None = None
        self._open: dict[int, _Open] = {}
        self._jobs: list[int] = []

    def finish(self) -> None:
        """Close what the test left open."""
        for job in self._jobs:
            self._quietly(self._agent.job_cancel, job)
        for opened in self._open.values():
            if opened.created:
                self._quietly(self._agent.destroy_ept, opened.handle)
            self._quietly(self._agent.close_handle, opened.handle)
        if self._control is not None:
            self._quietly(self._agent.close_handle, self._control)
        self._jobs, self._open, self._control = [], {}, None

    @staticmethod
    def _quietly(call: object, argument: int) -> None:
        # What the kernel has taken away already need not be given back.
        try:
            call(argument)  # type: ignore[operator]
        except AgentError:
            pass

    def control(self) -> int:
        """Handle of this bus's /dev/rpmsg_ctrlN."""
        if self._control is None:
            folder = f"{BUS}/{self._device}.rpmsg_ctrl.0.0/rpmsg"
            names = [name for name in self._agent.list_dir(folder) if name.startswith("rpmsg_ctrl")]
            if len(names) != 1:
                raise HarnessError(f"{folder} has {names}, not one control device")
            self._control = self._agent.open(f"/dev/{names[0]}", os.O_RDWR)
        return self._control

    def open(self, src: int = ANY, dst: int = ANY, name: str = "test") -> Endpoint:
        control = self.control()
        before = set(self._agent.list_dir(CLASS))
        try:
            self._agent.create_ept(control, name, src, dst)
            (device,) = set(self._agent.list_dir(CLASS)) - before
            handle = self._agent.open(f"/dev/{device}")
        except AgentError as error:
            raise Refused(error.errno, os.strerror(error.errno)) from error
        self._open[handle] = _Open(handle, created=True)
        return Endpoint(handle, None if src == ANY else src, dst, name)

    def close(self, ept: Endpoint) -> None:
        opened = self._open.pop(ept.handle)
        if opened.created:
            self._agent.destroy_ept(opened.handle)
        self._agent.close_handle(opened.handle)

    def _set_blocking(self, ept: Endpoint, blocking: bool) -> None:
        opened = self._open[ept.handle]
        if opened.blocking != blocking:
            self._agent.set_blocking(ept.handle, blocking)
            opened.blocking = blocking

    def send(self, ept: Endpoint, payload: bytes) -> int:
        self._set_blocking(ept, False)
        try:
            taken = self._agent.write(ept.handle, payload)
        except AgentError as error:
            return -error.errno
        return 0 if taken == len(payload) else -errno.EIO

    def send_blocking(self, ept: Endpoint, payload: bytes) -> LinuxJob:
        self._set_blocking(ept, True)
        job = self._agent.write_async(ept.handle, payload)
        self._jobs.append(job)
        return LinuxJob(self._agent, job)

    def kill(self, job: LinuxJob, timeout_s: float) -> bool:
        """Kill a sender.  Return: whether the guest goes on, as far as can be seen in that time."""
        self._jobs.remove(job.number)
        try:
            self._agent.job_cancel(job.number, timeout_s)
            self._agent.ping(timeout_s)
        except AgentTimeout:
            return False
        return True

    def received(self, ept: Endpoint, most: int = MOST_MESSAGES) -> list[Delivered]:
        got: list[Delivered] = []
        while len(got) < most:
            try:
                got.append(Delivered(self._agent.read(ept.handle, 1 << 17), None))
            except AgentError as error:
                if error.errno == errno.EAGAIN:
                    return got
                raise
        return got

    def bind_by_itself(self, on: bool) -> None:
        """Let the bus bind clients to channels as they come, or leave that to bound().

        virtio_rpmsg_bus makes channels in the callback of its virtqueue, and with virtio-pci that is an interrupt: a
        client that has to sleep, as every one does that makes a device node, stops the machine there.  So clients are
        bound from a process, except where that very thing is judged.
        """
        self._agent.write_file(AUTOPROBE, "1" if on else "0")

    def _attribute(self, entry: str, name: str) -> str:
        return self._agent.read_text(f"{BUS}/{entry}/{name}")

    def _entries(self) -> dict[str, Channel]:
        """Channels of this device, by the name of their entry on the bus."""
        found = {}
        for entry in self._agent.list_dir(BUS):
            if not entry.startswith(self._device + "."):
                continue
            name = self._attribute(entry, "name")
            if name not in INTERNAL:
                found[entry] = Channel(name, int(self._attribute(entry, "dst"), 16),
                                       int(self._attribute(entry, "src"), 16))
        return found

    def channels(self) -> list[Channel]:
        return sorted(self._entries().values())

    def bound(self, channel: Channel) -> Endpoint | None:
        for entry, found in self._entries().items():
            folder = f"{BUS}/{entry}/rpmsg"
            if found != channel or found.name != self.service:
                continue
            if not self._agent.exists(folder):
                self._agent.write_file(BIND, entry)
            (device,) = self._agent.list_dir(folder)
            handle = self._agent.open(f"/dev/{device}")
            self._open[handle] = _Open(handle)
            return Endpoint(handle, found.src, found.dst, found.name)
        return None

    def open_channel(self, name: str, src: int, dst: int) -> int:
        self.bind_by_itself(True)
        try:
            return self._told(self._agent.create_dev, name, src, dst)
        finally:
            self.bind_by_itself(False)

    def close_channel(self, name: str, src: int, dst: int) -> int:
        return self._told(self._agent.release_dev, name, src, dst)

    def _told(self, call: object, name: str, src: int, dst: int) -> int:
        try:
            call(self.control(), name, src, dst)  # type: ignore[operator]
        except AgentError as error:
            return -error.errno
        return 0
