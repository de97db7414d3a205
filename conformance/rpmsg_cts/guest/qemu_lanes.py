# SPDX-License-Identifier: BSD-3-Clause
"""What differs between the machines that QEMU plays; fixtures/libvirt/QEMU.xml has the rest."""

from __future__ import annotations

from dataclasses import dataclass

# Places below this one are libvirt's own.
FIRST_PLACE = 0x10
MAX_DEVICES = 14


@dataclass(frozen=True)
class QemuLane:
    """One machine.  qemu: as ci/fetch-qemu calls it.  folder: where sysfs has the device in a place of the bus.
    arguments: for the kernel, besides those that every kernel gets.  legacy: where it has one in the legacy form, if the
    machine can have any.
    """

    qemu: str
    folder: str
    arguments: tuple[str, ...]
    legacy: str = ""

    def device_folder(self, number: int, legacy: bool = False) -> str:
        """Return: where the guest's sysfs has the vhost-user device of this number."""
        place = FIRST_PLACE + number
        return (self.legacy if legacy else self.folder).format(place=place, register=MMIO_START + place * MMIO_BYTES)


# Of the memory-mapped devices of QEMU's Arm machine `virt`.  Source: QEMU, hw/arm/virt.c
MMIO_START, MMIO_BYTES = 0x0A000000, 0x200
PCI = "/sys/bus/pci/devices/0000:00:{place:02x}.0"
MMIO = "/sys/bus/platform/devices/{register:x}.virtio_mmio"
QEMU_LANES = {
    # What these arguments leave out has nothing to do with RPMsg, and takes the emulated processor most of a second.
    "armhf": QemuLane("arm", PCI, ("console=ttyAMA0", "cryptomgr.notests", "initcall_blacklist=jent_mod_init"),
                        MMIO),
    "armeb": QemuLane("arm", PCI, ("console=ttyAMA0",), MMIO),
    "m68k": QemuLane("m68k", "/sys/bus/platform/devices/virtio-mmio.{place}", ("console=ttyGF0",)),
    "ppc64": QemuLane("ppc64", PCI, ("console=hvc0",)),
    "x86_64": QemuLane("x86_64", PCI, ("console=ttyS0",)),
}
