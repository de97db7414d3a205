# SPDX-License-Identifier: BSD-3-Clause
"""One guest as libvirt sees it: its description, its process, its end."""

from __future__ import annotations

import itertools
import os
import resource
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import jinja2

from ..reactor import Reactor
from .errors import BootFailed
from .hypervisor import Hypervisor
from .image import GuestImage
from .machine import FILE_MAX_BYTES, VhostUserDevice
from .paths import FIXTURES
from .qemu import Qemu
from .qemu_lanes import FIRST_PLACE, MAX_DEVICES, QEMU_LANES
from .runtime import runtime_folder

TEMPLATES = FIXTURES / "libvirt"
PORT_NAME = "org.rpmsg-cts.agent"  # of the agent; fixtures/guest/agent.c looks for it
KERNEL_ARGUMENTS = (
    "quiet",
    "panic=-1",  # restart at once, which ends the guest
    "printk.devkmsg=on",
)
START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 20.0
SOCKET_PATH_MAX_BYTES = 107
COMPLAINTS_MAX = 5

_numbers = itertools.count(1)


@dataclass(frozen=True)
class DomainFiles:
    """Paths of one guest."""

    agent_socket: Path
    console: Path


def describe(name: str, run_id: str, qemu: Qemu, image: GuestImage, files: DomainFiles,
             devices: list[VhostUserDevice], memory_mib: int, extra_cmdline: str = "") -> str:
    """Return: the XML of a guest."""
    if len(devices) > MAX_DEVICES:
        raise ValueError(f"{len(devices)} devices are more than the bus has places for")
    for path in (str(files.agent_socket), *(device.socket for device in devices)):
        if len(os.fsencode(path)) > SOCKET_PATH_MAX_BYTES:
            raise ValueError(f"{path} is too long for a socket ({SOCKET_PATH_MAX_BYTES} bytes)")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
                                     lstrip_blocks=True)
    environment.filters["comma"] = double_commas
    template = environment.from_string((TEMPLATES / f"{QEMU_LANES[image.lane].qemu}.xml").read_text())
    return template.render(
        name=name, run_id=run_id, pid=os.getpid(), emulator=str(qemu.program), kernel=str(image.kernel),
        initramfs=str(image.initramfs), cmdline=" ".join([*QEMU_LANES[image.lane].arguments, *KERNEL_ARGUMENTS, *extra_cmdline.split()]),
        cpus=processors(image), memory_mib=memory_mib, console=str(files.console), agent_socket=str(files.agent_socket), port_name=PORT_NAME,
        devices=[{"id": f"vu{number}", "place": FIRST_PLACE + number, **vars(device)}
                 for number, device in enumerate(devices)])


def processors(image: GuestImage) -> int:
    """Return: how many processors a guest has: one, so that it does the same each time, but where races are looked for."""
    return 2 if "kcsan" in image.origin.get("kernel_variants", "").split() else 1


def double_commas(text: str) -> str:
    """QEMU's own way to have a comma in a value."""
    return text.replace(",", ",,")


class Domain:
    """A running QEMU.  The reactor is served while anything here waits."""

    def __init__(self, hypervisor: Hypervisor, reactor: Reactor, label: str = "guest") -> None:
        self._hypervisor = hypervisor
        self._reactor = reactor
        self.name = f"rpmsg-cts-{runtime_folder().run_id}-{next(_numbers)}-{label}"[:50]
        self.events: list[str] = []  # names of lifecycle events, in order
        self._domain: object | None = None
        self._watch: int | None = None
        self._pidfd: int | None = None
        self._pid: int | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ended = False
        reactor.add(self._wake, self._on_wake)

    def start(self, xml: str) -> None:
        """Start QEMU from an XML with our name.  Raises BootFailed with libvirt's words, which hold QEMU's."""
        # libvirt waits for QEMU, and QEMU for the back ends that we serve: so it waits in a thread, and we do not.
        made, error = self._in_thread(lambda: self._hypervisor.create(xml), START_TIMEOUT_S)
        if error is not None:
            said = "".join(f"\n  | {line}" for line in self.complaints())
            raise BootFailed(f"QEMU did not start: {self._hypervisor.error_text(error)}{said}") from None
        self._domain = made
        self._watch = self._hypervisor.watch(made, self._on_event)
        self._watch_process()

    def is_running(self) -> bool:
        """Whether QEMU is there and the machine has not been switched off."""
        return self._domain is not None and not self._ended

    def wait_end(self, timeout_s: float) -> bool:
        """Return: whether QEMU ended in time."""
        return self._reactor.run_until(lambda: not self.is_running(), timeout_s)

    def kill(self) -> None:
        """End QEMU, now.  There is nothing in the guest worth saving."""
        if self.is_running() and self._pidfd is not None:
            # Asked politely, libvirt would wait for QEMU, and QEMU for a back end that may not answer any more.
            try:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.wait_end(END_TIMEOUT_S)
        if self.is_running():
            self._in_thread(lambda: self._domain.destroy(), END_TIMEOUT_S)
            self._ended = True

    def close(self) -> None:
        """Kill what is left, and release everything."""
        self.kill()
        if self._watch is not None:
            self._hypervisor.unwatch(self._watch)
            self._watch = None
        self._release_process()
        if self._wake >= 0:
            self._reactor.remove(self._wake)
            os.close(self._wake)
            self._wake = -1
        self._domain = None

    @property
    def pid(self) -> int | None:
        """Process id of QEMU, where libvirt lets us know it."""
        return self._pid

    @property
    def log(self) -> Path | None:
        """What QEMU said, where libvirt lets us see it."""
        return self._hypervisor.root / "log" / "qemu" / f"{self.name}.log" if self._hypervisor.root else None

    def complaints(self) -> list[str]:
        """The last that QEMU itself had to say; empty while all is well."""
        try:
            lines = self.log.read_text(errors="replace").splitlines() if self.log else []
        except OSError:
            return []
        said = [line for line in lines if "qemu-system" in line and "warning:" not in line and " -name " not in line]
        return said[-COMPLAINTS_MAX:]

    def _watch_process(self) -> None:
        if self._hypervisor.root is None:
            return
        try:
            self._pid = int((self._hypervisor.root / "run" / "qemu" / f"{self.name}.pid").read_text())
            self._pidfd = os.pidfd_open(self._pid)
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (FILE_MAX_BYTES, FILE_MAX_BYTES))
        except (OSError, ValueError):
            # It has ended already: the event says so.
            return
        self._reactor.add(self._pidfd, self._on_process_end)

    def _on_process_end(self) -> None:
        self._ended = True
        self._release_process()

    def _release_process(self) -> None:
        if self._pidfd is not None:
            self._reactor.remove(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _on_event(self, event: int, _detail: int) -> None:
        """In the thread of the events: nothing is touched here that the main thread would have to guard."""
        name = self._hypervisor.lifecycle_name(event)
        self.events.append(name)
        self._wake_reactor()

    def _wake_reactor(self) -> None:
        try:
            os.eventfd_write(self._wake, 1)
        except OSError:
            pass  # closed meanwhile

    def _on_wake(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            pass
        if {"STOPPED", "CRASHED", "SHUTDOWN"} & set(self.events):
            self._ended = True

    def _in_thread(self, work: Callable[[], object], timeout_s: float) -> tuple[object, Exception | None]:
        """Do something that blocks while the reactor goes on.  Return: its result, or its error."""
        outcome: list[object] = []
        failure: list[Exception] = []

        def run() -> None:
            try:
                outcome.append(work())
            except Exception as error:  # handed over to the waiting thread
                failure.append(error)
            self._wake_reactor()

        threading.Thread(target=run, name="libvirt call", daemon=True).start()
        if not self._reactor.run_until(lambda: bool(outcome or failure), timeout_s):
            return None, TimeoutError(f"libvirt did not come back in {timeout_s:g} s")
        return (None, failure[0]) if failure else (outcome[0], None)
