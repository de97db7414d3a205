# SPDX-License-Identifier: BSD-3-Clause
"""Upper testers of a kernel's vhost device: the ioctls of /dev/vhost-rpmsg, and the rpmsg bus of /dev/vhost-rpmsg-bus.

Each call lets the kernel finish what it was told, as the world of a simulated device runs until it is quiet.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from rpmsg_cts import vhost_uapi as uapi
from rpmsg_cts.bus_vhost import PRIVATE_BYTES, VhostBus
from rpmsg_cts.guest.agent import AgentClient
from rpmsg_cts.guest.errors import AgentError
from rpmsg_cts.guest_memory import GuestMemory
from rpmsg_cts.link import MOST_MESSAGES, STATUS_DRIVER_OK, Channel, Delivered, Endpoint, Upper
from rpmsg_cts.native import ANY
from rpmsg_cts.upper_linux import LinuxJob, UpperLinux
from rpmsg_cts.verdict import Refused

MAX_CHANNELS = 128
# Blocking sends, each with a message of its own, behind the room that all other calls use.
WAITING_BYTES, WAITING_MAX = 8192, 16
ROOM_BYTES = PRIVATE_BYTES - WAITING_BYTES * WAITING_MAX


class UpperVhostApi(Upper):
    """Endpoints of one open /dev/vhost-rpmsg."""

    def __init__(self, agent: AgentClient, memory: GuestMemory, bus: VhostBus, settle: Callable[[], None]) -> None:
        self._agent, self._memory, self._settle = agent, memory, settle
        self._bus, self._device = bus, bus.device
        self._room = memory.size - PRIVATE_BYTES
        self._names: dict[int, str] = {}
        self._bound: dict[Channel, Endpoint] = {}
        self._jobs: list[int] = []

    def serves(self) -> bool:
        """Whether it works on its rings."""
        return bool(self._bus.status & STATUS_DRIVER_OK)

    def finish(self) -> None:
        """End what still waits; endpoints go with the device."""
        for job in self._jobs:
            try:
                self._agent.job_cancel(job)
            except AgentError:
                pass  # it has told its end
        self._jobs = []

    def _put(self, payload: bytes, offset: int, room: int) -> int:
        """Put bytes where an ioctl can point to.  Return: their address in the agent."""
        assert len(payload) <= room
        at = self._room + offset
        self._memory.bytes[at:at + len(payload)] = payload
        return self._memory.address + at

    def _get(self, length: int) -> bytes:
        return bytes(self._memory.bytes[self._room:self._room + length])

    def _create(self, addr: int, dst: int, name: str, flags: int = 0) -> int:
        """Return: the address of a new endpoint; AgentError where it is refused."""
        return uapi.of_endpoint(self._device.ask(uapi.EPT_CREATE, uapi.endpoint(addr, dst, name, flags=flags)))

    def open(self, src: int = ANY, dst: int = ANY, name: str = "test") -> Endpoint:
        try:
            addr = self._create(src, dst, name)
        except AgentError as error:
            raise Refused(error.errno, os.strerror(error.errno)) from error
        self._settle()
        return Endpoint(addr, addr, dst, name)

    def close(self, ept: Endpoint) -> None:
        self._destroy(ept)
        self._settle()

    def _destroy(self, ept: Endpoint) -> None:
        self._device.ask(uapi.EPT_DESTROY, ept.handle.to_bytes(4, "little"))

    def _again(self, ept: Endpoint, flags: int) -> int:
        """The same endpoint anew, announced or not."""
        try:
            self._destroy(ept)
            self._create(ept.handle, ept.dst, ept.name, flags)
        except AgentError as error:
            return -error.errno
        self._settle()
        return 0

    def announce(self, ept: Endpoint) -> int:
        """Tell the driver of the endpoint.  Return: 0 or -errno."""
        return self._again(ept, uapi.ANNOUNCE)

    def withdraw(self, ept: Endpoint) -> int:
        """Tell it that it is gone.  Return: 0 or -errno."""
        return self._again(ept, 0)

    def send(self, ept: Endpoint, payload: bytes) -> int:
        return self._send(ept.handle, ept.dst, payload)

    def _send(self, src: int, dst: int, payload: bytes) -> int:
        at = self._put(payload, 0, ROOM_BYTES)
        status = self._device.tell(uapi.SEND, uapi.message(src, dst, len(payload), at, flags=uapi.NOWAIT))
        self._settle()
        return status

    def send_blocking(self, ept: Endpoint, payload: bytes) -> LinuxJob:
        at = self._put(payload, ROOM_BYTES + len(self._jobs) % WAITING_MAX * WAITING_BYTES, WAITING_BYTES)
        message = uapi.message(ept.handle, ept.dst, len(payload), at)
        job = self._agent.ioctl_async(self._device.handle, uapi.SEND, message)
        self._jobs.append(job)
        self._settle()
        return LinuxJob(self._agent, job)

    def received(self, ept: Endpoint, most: int = MOST_MESSAGES) -> list[Delivered]:
        self._settle()
        got: list[Delivered] = []
        while len(got) < most:
            room = uapi.message(0, ept.handle, ROOM_BYTES, self._memory.address + self._room)
            try:
                src, length = uapi.of_message(self._device.ask(uapi.RECV, room))
            except AgentError as error:
                if error.errno == errno.EAGAIN:
                    break
                raise
            got.append(Delivered(self._get(length), src))
        return got

    def channels(self) -> list[Channel]:
        self._settle()
        room = uapi.channels(MAX_CHANNELS, self._memory.address + self._room)
        count = uapi.of_channels(self._device.ask(uapi.CHANNELS, room))
        rows = self._get(count * uapi.CHAN_BYTES)
        found = [uapi.of_channel(rows[i:i + uapi.CHAN_BYTES]) for i in range(0, len(rows), uapi.CHAN_BYTES)]
        return sorted(Channel(name.decode("ascii", "backslashreplace"), dst, src) for name, src, dst in found)

    def bound(self, channel: Channel) -> Endpoint | None:
        # Its clients are programs, and we are one: whoever wants a channel makes an endpoint that sends to it.
        if channel not in self.channels():
            return None
        if channel not in self._bound:
            self._bound[channel] = self.open(dst=channel.dst, name=channel.name)
        return self._bound[channel]

    def open_channel(self, name: str, src: int, dst: int) -> int:
        raise NotImplementedError("channels of this device are made by its driver alone")

    def close_channel(self, name: str, src: int, dst: int) -> int:
        raise NotImplementedError("channels of this device are made by its driver alone")


class UpperVhostBus(UpperLinux):
    """The part of the guest's rpmsg bus that one open /dev/vhost-rpmsg-bus has; it is there while the device runs."""

    def __init__(self, agent: AgentClient, bus: VhostBus, settle: Callable[[], None]) -> None:
        super().__init__(agent, parent_of(agent, bus.device.handle))
        self._bus, self._settle = bus, settle
        self._offers: dict[int, tuple[str, int]] = {}
        self._last_offer = 0
        bus.when_stopped = self._forget_bus

    def serves(self) -> bool:
        """Whether it works on its rings."""
        return bool(self._bus.status & STATUS_DRIVER_OK)

    def _forget_bus(self) -> None:
        # With it went all that its control device had made, which must not be told to go a second time.
        for opened in self._open.values():
            opened.created = False
        if self._control is not None:
            self._agent.close_handle(self._control)
            self._control = None

    def control(self) -> int:
        if not self.serves():
            raise Refused(errno.ENODEV, "there is no bus while the device does not run")
        return super().control()

    def open(self, src: int = ANY, dst: int = ANY, name: str = "test") -> Endpoint:
        ept = super().open(src, dst, name)
        self._settle()
        return ept

    def close(self, ept: Endpoint) -> None:
        if ept.handle in self._offers:
            self._release(ept)
        else:
            super().close(ept)
        self._settle()

    def send(self, ept: Endpoint, payload: bytes) -> int:
        status = super().send(ept, payload)
        self._settle()
        return status

    def send_blocking(self, ept: Endpoint, payload: bytes) -> LinuxJob:
        job = super().send_blocking(ept, payload)
        self._settle()
        return job

    def received(self, ept: Endpoint, most: int = MOST_MESSAGES) -> list[Delivered]:
        self._settle()
        return super().received(ept, most)

    def channels(self) -> list[Channel]:
        self._settle()
        return super().channels()

    def announce(self, ept: Endpoint) -> int:
        """Offer the endpoint's address under its name; its messages are for whoever takes the channel that they make.

        Return: 0 or -errno.
        """
        super().close(ept)
        addr = ANY if ept.addr is None else ept.addr
        status = self._told(self._agent.create_dev, ept.name, addr, ANY)
        if status == 0:
            self._last_offer -= 1
            ept.handle = self._last_offer
            self._offers[ept.handle] = (ept.name, addr)
        self._settle()
        return status

    def withdraw(self, ept: Endpoint) -> int:
        """End the offer.  Return: 0 or -errno."""
        status = self._release(ept)
        self._settle()
        return status

    def _release(self, ept: Endpoint) -> int:
        name, addr = self._offers.pop(ept.handle)
        return self._told(self._agent.release_dev, name, addr, ANY)


def parent_of(agent: AgentClient, handle: int) -> str:
    """The device below which an open /dev/vhost-rpmsg-bus has its channels, as its driver tells in fdinfo."""
    info = agent.read_text(f"/proc/self/fdinfo/{agent.descriptor(handle)}")
    return dict(line.split(":\t", 1) for line in info.splitlines() if ":\t" in line)["rpmsg-parent"]
