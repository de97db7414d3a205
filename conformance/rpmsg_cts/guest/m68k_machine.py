# SPDX-License-Identifier: BSD-3-Clause
"""A guest's machine on a big-endian processor: QEMU's m68k `virt`, whose virtio devices are modern virtio-mmio.

Without libvirt: version 9.0 of it reads through a null pointer when it asks QEMU 11's qemu-system-m68k what it can do
(virQEMUCapsInitQMPMonitor), and takes the process along.
"""

from __future__ import annotations

from pathlib import Path

from ..reactor import Reactor
from .domain import KERNEL_ARGUMENTS, PORT_NAME, double_commas
from .image import GuestImage
from .machine import Facts, VhostUserDevice
from .process_machine import ProcessMachine
from .qemu import find_qemu
from .qemu_lanes import FIRST_PLACE, QEMU_LANES

COMPLAINTS_MAX = 5
LANE = QEMU_LANES["m68k"]


class M68kMachine(ProcessMachine):
    """QEMU, started by ourselves."""

    def __init__(self, reactor: Reactor, image: GuestImage, devices: list[VhostUserDevice], folder: Path,
                 memory_mib: int, extra_cmdline: str = "") -> None:
        super().__init__(reactor, "m68k", folder / "console.log", folder / "qemu.log")
        self._qemu = find_qemu(LANE.qemu)
        self.title = f"QEMU {self._qemu.version.split()[0]}"
        arguments = " ".join([*LANE.arguments, *KERNEL_ARGUMENTS, *extra_cmdline.split()])
        self._command = [
            str(self._qemu.program), "-name", f"guest={self.name}", "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none", "-monitor", "none", "-machine", "virt,memory-backend=memory",
            # A back end in another process maps it.
            "-object", f"memory-backend-memfd,id=memory,size={memory_mib}M,share=on", "-m", f"{memory_mib}M",
            "-serial", f"file:{double_commas(str(self.console))}", "-kernel", str(image.kernel),
            "-initrd", str(image.initramfs), "-append", arguments,
            "-device", "virtio-serial-device,bus=virtio-mmio-bus.0",
            "-device", f"virtserialport,chardev=agent,name={PORT_NAME}"]
        for number, device in enumerate(devices):
            self._command += [
                "-chardev", f"socket,id=vu{number},path={double_commas(device.socket)}",
                "-device", f"vhost-user-test-device,virtio-id={device.virtio_id},num_vqs={device.num_queues},"
                f"vq_size={device.queue_size},chardev=vu{number},bus=virtio-mmio-bus.{FIRST_PLACE + number}{device.options}"]

    def command(self, agent_fd: int) -> list[str]:
        # The port names its stream before there is one: QEMU makes character devices first.
        return [*self._command, "-chardev", f"socket,id=agent,fd={agent_fd}"]

    def device_folder(self, number: int) -> str:
        return LANE.device_folder(number)

    @property
    def log(self) -> Path:
        return self._output

    def complaints(self) -> list[str]:
        try:
            lines = self._output.read_text(errors="replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if "warning:" not in line][-COMPLAINTS_MAX:]

    def facts(self) -> Facts:
        return {"qemu_version": self._qemu.version, "qemu_origin": self._qemu.origin}
