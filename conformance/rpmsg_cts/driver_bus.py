# SPDX-License-Identifier: BSD-3-Clause
"""What our driver end needs of the transport to a device: registers, bells, and the memory that both share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from rpmsg_cts.native import Native


class DriverBus(ABC):
    """One device as its driver finds it.

    mem: what is shared (struct rps_mem).  place: driver addresses of the rings' parts, by queue, and of the room for
    buffers and other things (as struct rps_world_place has them).
    """

    native: Native
    mem: Any
    place: Any

    @property
    @abstractmethod
    def status(self) -> int:
        """The status byte."""

    @abstractmethod
    def set_status(self, status: int) -> None:
        """Write the status byte; 0 resets.  A bit that the device refuses does not stay."""

    @abstractmethod
    def offered(self) -> int:
        """Features of the device."""

    @abstractmethod
    def accept(self, features: int) -> None:
        """Write the driver's features; FEATURES_OK asks whether they are good."""

    @abstractmethod
    def accepted(self) -> int:
        """The driver's features."""

    @abstractmethod
    def set_order(self, queue: int, order: int) -> int:
        """Tell a legacy device the driver's byte order: 0 little, 1 big.  Return: 0 or -errno."""

    @abstractmethod
    def set_queue(self, queue: int, num: int, desc: int, avail: int, used: int) -> int:
        """Say where a ring is.  Return: 0 or -errno, where the transport can tell."""

    @abstractmethod
    def kick(self, queue: int) -> None:
        """Notify the device."""

    @abstractmethod
    def irqs(self, queue: int) -> int:
        """Notifications of the device so far."""

    @abstractmethod
    def guards_intact(self) -> bool:
        """Whether nothing outside of rings, buffers and spare room was written."""
