# SPDX-License-Identifier: BSD-3-Clause
"""The connection to libvirt: one for each process and address, with its events."""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import threading
from collections.abc import Callable
from pathlib import Path

from .errors import MissingLibvirt
from .paths import build_folder
from .runtime import runtime_folder

# libvirt reads this when its module is imported.  The driver inside our process would else write about its version to
# our standard error; what matters of an error is in the exception.
os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null")

EMBED = "qemu:///embed"
URI_VARIABLE = "RPMSG_CTS_LIBVIRT_URI"
ROOT_NEEDS_USER = "libvirt-qemu"
LOOP_WAKE_MS = 0

# Each line makes the driver do without something that a container or a machine without systemd does not have.
QEMU_CONF = """\
{identity}security_driver = "none"
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
clear_emulator_capabilities = 0
max_core = 0
"""
# Guests run as we do: our files and sockets are theirs.  It also spares root a new probe of QEMU at each start where
# /dev/kvm is for root only.
AS_ROOT = 'user = "root"\ngroup = "root"\n'


class Hypervisor:
    """An open connection, its event loop in a thread of its own."""

    def __init__(self, uri: str) -> None:
        self._libvirt = _import_libvirt()
        self.uri = uri
        self.root: Path | None = None  # of the embedded driver's files
        if uri == EMBED:
            self.root = _prepare_root()
            self.uri = f"{EMBED}?root={self.root}"
        self._stopping = False
        self._loop = threading.Thread(target=self._run_events, name="libvirt events", daemon=True)
        self._loop.start()
        try:
            self._connection = self._libvirt.open(self.uri)
        except self._libvirt.libvirtError as error:
            raise MissingLibvirt(f"{self.uri}: {error}") from None

    @property
    def version(self) -> str:
        """Version of the library, as in `9.0.0`."""
        number = self._libvirt.getVersion()
        return f"{number // 1000000}.{number // 1000 % 1000}.{number % 1000}"

    def create(self, xml: str) -> object:
        """Start a transient domain.  Blocks until QEMU runs; raises libvirtError."""
        return self._connection.createXML(xml, 0)

    def error_text(self, error: Exception) -> str:
        """A libvirtError in one line."""
        return " ".join(str(error).split())

    @property
    def error_type(self) -> type[Exception]:
        """What libvirt raises."""
        return self._libvirt.libvirtError

    def watch(self, domain: object, callback: Callable[[int, int], None]) -> int:
        """Have `callback(event, detail)` called, in the thread of the events, at each lifecycle event of a domain."""
        return self._connection.domainEventRegisterAny(
            domain, self._libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
            lambda _connection, _domain, event, detail, _opaque: callback(event, detail), None)

    def unwatch(self, number: int) -> None:
        """End what watch() began."""
        try:
            self._connection.domainEventDeregisterAny(number)
        except self._libvirt.libvirtError:
            pass  # the domain took it along

    def lifecycle_name(self, event: int) -> str:
        """`STOPPED` for 5."""
        names = ("DEFINED UNDEFINED STARTED SUSPENDED RESUMED STOPPED SHUTDOWN PMSUSPENDED CRASHED").split()
        return names[event] if event < len(names) else str(event)

    def close(self) -> None:
        """Close the connection and end the thread; without it the interpreter could end in the midst of an event."""
        try:
            self._connection.close()
        except self._libvirt.libvirtError:
            pass
        self._stopping = True
        self._libvirt.virEventAddTimeout(LOOP_WAKE_MS, lambda number, _: self._libvirt.virEventRemoveTimeout(number),
                                         None)
        self._loop.join(timeout=2)

    def _run_events(self) -> None:
        while not self._stopping:
            self._libvirt.virEventRunDefaultImpl()


@functools.cache
def hypervisor(uri: str | None = None) -> Hypervisor:
    """Return: the connection for an address, by default that of the driver inside this process, without any daemon."""
    if uri is None:
        uri = os.environ.get(URI_VARIABLE, EMBED)
        return hypervisor(uri)
    runtime_folder()  # so that it is removed after the connection is closed: last in, first out
    opened = Hypervisor(uri)
    atexit.register(opened.close)
    return opened


@functools.cache
def _import_libvirt() -> object:
    try:
        import libvirt
    except ImportError:
        raise MissingLibvirt("there is no module libvirt; use /usr/bin/python3, and run ci/setup guest") from None
    # Once, and before the first connection is opened.
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda _context, _error: None, None)
    return libvirt


def _prepare_root() -> Path:
    """Folders and configuration of the embedded driver."""
    as_root = os.geteuid() == 0
    if as_root and not _user_exists(ROOT_NEEDS_USER):
        raise MissingLibvirt(f"libvirt as root needs the user {ROOT_NEEDS_USER} to exist: run ci/setup guest")
    root = runtime_folder().path / "v"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "qemu.conf").write_text(QEMU_CONF.format(identity=AS_ROOT if as_root else ""))
    _share_cache(root / "cache")
    return root


def _share_cache(place: Path) -> None:
    """Keep what the driver learns of QEMU for the next run: asking takes two seconds."""
    shared = build_folder() / "libvirt-cache"
    try:
        shared.mkdir(parents=True, exist_ok=True)
        if os.access(shared, os.W_OK):
            place.symlink_to(shared)
    except OSError:
        pass  # the driver makes a folder of its own


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
