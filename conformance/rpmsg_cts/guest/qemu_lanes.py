# SPDX-License-Identifier: BSD-3-Clause
"""What differs between the machines that QEMU plays; fixtures/libvirt/LANE.xml has the rest."""

from __future__ import annotations

from dataclasses import dataclass

# Places below this one are libvirt's own.
FIRST_PLACE = 0x10
MAX_DEVICES = 14


@dataclass(frozen=True)
class QemuLane:
    """One machine.  qemu: as ci/fetch-qemu calls it.  folder: where sysfs has the device in a place of the bus.
    arguments: for the kernel, besides those that every kernel gets.
    """

    qemu: str
    folder: str
    arguments: tuple[str, ...]

    def device_folder(self, number: int) -> str:
        """Return: where the guest's sysfs has the vhost-user device of this number."""
        return self.folder.format(place=FIRST_PLACE + number)


PCI = "/sys/bus/pci/devices/0000:00:{place:02x}.0"
QEMU_LANES = {
    # What these arguments leave out has nothing to do with RPMsg, and takes the emulated processor most of a second.
    "armhf": QemuLane("arm", PCI, ("console=ttyAMA0", "cryptomgr.notests", "initcall_blacklist=jent_mod_init")),
    "m68k": QemuLane("m68k", "/sys/bus/platform/devices/virtio-mmio.{place}", ("console=ttyGF0",)),
    "x86_64": QemuLane("x86_64", PCI, ("console=ttyS0",)),
}
