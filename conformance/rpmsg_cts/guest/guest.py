# SPDX-License-Identifier: BSD-3-Clause
"""A guest from start to end, as a suite wants it: `with Guest.boot(reactor, devices) as guest: guest.agent.…`."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from ..reactor import Reactor
from .agent import HELLO_TIMEOUT_S, AgentClient, Hello
from .console import TAIL_LINES, Console
from .errors import AgentTimeout, BootFailed, GuestDied, KernelDied
from .image import GuestImage, find_image
from .machine import Facts, Machine, VhostUserDevice
from . import where
from .runtime import runtime_folder
from .time_travel import SimulatedTime

_numbers = itertools.count(1)

MEMORY_MIB = 256
SHUTDOWN_TIMEOUT_S = 10.0
# Loaded in this order they give the bus, the name service and the control devices, and nothing that takes a channel.
BUS_MODULES = ("rpmsg_core", "rpmsg_ns", "virtio_rpmsg_bus", "rpmsg_char", "rpmsg_ctrl")


class Guest:
    """A booted guest with its agent answering.  Made by boot(); left alone it ends with its `with` block."""

    def __init__(self, reactor: Reactor, machine: Machine, image: GuestImage, folder: Path,
                 kept: Path | None) -> None:
        self._reactor = reactor
        self._machine = machine
        self.image = image
        self._console = Console(machine.console)
        self._folder = folder
        self._kept = kept
        self._agent: AgentClient | None = None
        self.hello: Hello | None = None
        self.facts: Facts = {}
        self._num_devices = 0
        self.spoilt = False  # by what was done to it: it may still answer, but says nothing about the next test
        self.boot_s = 0.0  # from the call of boot() to the agent's first answer

    @classmethod
    def boot(cls, reactor: Reactor, devices: list[VhostUserDevice] | None = None, memory_mib: int = MEMORY_MIB,
             run_dir: Path | None = None, progress: Callable[[str], None] = lambda text: None,
             uri: str | None = None, extra_cmdline: str = "", label: str = "guest",
             image: GuestImage | None = None, simulated_time: SimulatedTime | None = None) -> Guest:
        """Start a guest and wait until its agent answers.

        The back ends of `devices` must be listening, and be served by `reactor` (or by somebody else), for QEMU talks
        to them before it starts the machine.  `run_dir`: folder that keeps console.log and qemu.log; None keeps
        neither.  `progress` is called with one line at each step.  `image`: what to start; Debian's kernel for armhf
        where it is not said.  `simulated_time`: of user-mode Linux alone; the back ends must notify in band then.

        Raises NotPrepared (with the command that helps), BootFailed or GuestDied.
        """
        started = time.monotonic()
        image = image or find_image()
        _refuse_too_large(image, memory_mib)
        folder = runtime_folder().path / f"g{next(_numbers)}"
        folder.mkdir()
        machine = _machine(reactor, image, devices or [], folder, memory_mib, extra_cmdline, uri, label, simulated_time)
        guest = cls(reactor, machine, image, folder, run_dir)
        guest._num_devices = len(devices or [])
        try:
            progress(f"starting {machine.name}: Linux {image.release}, {machine.title}")
            machine.start()
            progress("the kernel starts")
            guest._meet_agent()
        except BaseException:
            guest.kill()
            raise
        guest.boot_s = time.monotonic() - started
        guest._collect_facts()
        progress(f"the agent answers after {guest.boot_s:.1f} s")
        return guest

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def agent(self) -> AgentClient:
        """Our hands inside the guest."""
        if self._agent is None:
            raise GuestDied("the guest has been switched off", [])
        return self._agent

    @property
    def pid(self) -> int | None:
        """Process id of QEMU."""
        return self._machine.pid

    @property
    def name(self) -> str:
        """Name of the domain, as `virsh list` would show it."""
        return self._machine.name

    @property
    def events(self) -> list[str]:
        """Lifecycle events so far, as in `STOPPED`."""
        return list(self._machine.events)

    def alive(self) -> bool:
        """Whether QEMU runs and the agent's port is open."""
        return self._machine.is_running() and self._agent is not None and self._agent.is_open()

    def busy_in(self) -> str:
        """The function of a driver that a kernel is in which does not answer; "" where that cannot be seen."""
        return where.function(self.pid, self.image.kernel) if self.image.lane == "uml" else ""

    def console_tail(self, lines: int = TAIL_LINES) -> list[str]:
        """The last lines on the guest's console."""
        return self._console.tail(lines)

    def load_bus(self) -> None:
        """Load the modules of the RPMsg bus, unless they are loaded."""
        for name in BUS_MODULES:
            load(self, name)

    def rpmsg_devices(self) -> list[str]:
        """Names in the guest, as in `virtio1`, of the vhost-user devices, in the order that boot() was given them."""
        return [self._virtio_name(number) for number in range(self._num_devices)]

    def _virtio_name(self, number: int) -> str:
        folder = self._machine.device_folder(number)
        names = [name for name in self.agent.list_dir(folder) if re.fullmatch(r"virtio\d+", name)]
        if len(names) != 1:
            raise BootFailed(f"the guest's kernel has no virtio device at {folder}")
        return names[0]

    def shutdown(self, timeout_s: float = SHUTDOWN_TIMEOUT_S) -> bool:
        """Switch off through the agent, and kill what does not end in time.

        Return: whether the guest ended by itself.
        """
        ended = False
        if self.alive():
            try:
                self.agent.poweroff()
                ended = self._machine.wait_end(timeout_s)
            except (GuestDied, AgentTimeout):
                ended = not self._machine.is_running()
        self.kill()
        return ended

    def kill(self) -> None:
        """End the guest now, and release everything; may be called again."""
        if self._agent is not None:
            self._agent.close()
            self._agent = None
        self._machine.close()
        self._keep_logs()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _meet_agent(self) -> None:
        try:
            self._agent = AgentClient(self._machine.connect(), self._reactor, self._death, self._console,
                                      self._machine.window_bytes)
            self.hello = self._agent.hello(HELLO_TIMEOUT_S)
        except (AgentTimeout, BootFailed) as error:
            tail = "".join(f"\n  | {line}" for line in self.console_tail())
            tail = tail or "; its console has nothing: is this a kernel for this machine?"
            raise BootFailed(f"the guest's agent does not answer: {error}{tail}") from None

    def _death(self) -> GuestDied | None:
        """Asked at every step of every wait: cheap while the guest lives."""
        if self._machine.is_running() and (self._agent is None or self._agent.is_open()):
            return None
        # The console is written by QEMU itself, so it is complete once QEMU has ended.
        self._machine.wait_end(1.0)
        words = self._console.last_words()
        if words:
            return KernelDied(f"the guest's kernel died: {words}", self._console.story())
        return GuestDied("the guest ended", [*self._console.tail(), *self._machine.complaints()])

    def _collect_facts(self) -> None:
        self.facts = {
            "kernel_release": self.hello.release,
            "kernel_version": self.hello.version,
            **self.image.origin,
            "kernel_sha256": self.image.kernel_sha256,
            "machine": self.hello.machine,
            "cmdline": self.hello.cmdline,
            **self._machine.facts(),
            "modules": {module.name: f"sha256:{module.sha256}" for module in self.image.modules},
        }

    def _keep_logs(self) -> None:
        if self._kept is None:
            return
        self._kept.mkdir(parents=True, exist_ok=True)
        for source, name in ((self._machine.console, "console.log"), (self._machine.log, "qemu.log")):
            if source is not None and source.exists():
                shutil.copyfile(source, self._kept / name)


def _refuse_too_large(image: GuestImage, memory_mib: int) -> None:
    """Not every kernel lives to say it."""
    size_mib = image.initramfs.stat().st_size >> 20
    if size_mib > memory_mib // 2:
        raise BootFailed(f"{image.initramfs} has {size_mib} MiB, too much for a guest with {memory_mib} MiB of memory")


def _machine(reactor: Reactor, image: GuestImage, devices: list[VhostUserDevice], folder: Path, memory_mib: int,
             extra_cmdline: str, uri: str | None, label: str, simulated_time: SimulatedTime | None) -> Machine:
    # pylint: disable=import-outside-toplevel  (who has no libvirt may still have the other one)
    if image.lane == "uml":
        from .simtime_machine import SimtimeMachine
        from .uml_machine import UmlMachine

        if simulated_time is not None:
            return SimtimeMachine(reactor, image, devices, folder, memory_mib, extra_cmdline, simulated_time)
        return UmlMachine(reactor, image, devices, folder, memory_mib, extra_cmdline)
    if image.lane == "m68k":
        from .m68k_machine import M68kMachine

        return M68kMachine(reactor, image, devices, folder, memory_mib, extra_cmdline)
    from .qemu_machine import QemuMachine

    return QemuMachine(reactor, image, devices, folder, memory_mib, extra_cmdline, uri, label)


def load(guest: Guest, module: str) -> None:
    """Load a module of the guest's kernel by name, and before it what it needs, unless they are loaded."""
    if guest.agent.exists(f"/sys/module/{module}"):
        return
    found = guest.image.module(module)
    for needed in found.needs:
        load(guest, needed)
    guest.agent.load_module(found.path)
