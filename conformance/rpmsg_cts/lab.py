# SPDX-License-Identifier: BSD-3-Clause
"""The guests of a run: started when first needed, shared by all tests, started again after one has died."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rpmsg_cts.history import History, Past
from rpmsg_cts.leaks import LeakWatch
from rpmsg_cts.link import F_EVENT_IDX, F_INDIRECT, F_NS, F_VERSION_1, Config, Link, Unsupported
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.results import Facts
from rpmsg_cts.tally import Tally
from rpmsg_cts.targets import (LINUX_ARMEB, LINUX_ARMHF, LINUX_M68K, LINUX_PPC64, LINUX_UML, LINUX_UML_SIMTIME,
                               LINUX_X86_64, VHOST_API, VHOST_BUS, Lane, kind_of)
from rpmsg_cts.trace.tracer import Tracer
from rpmsg_cts.verdict import HarnessError
from rpmsg_cts.vhost_user import VhostUser

if TYPE_CHECKING:
    from rpmsg_cts.guest.time_travel import SimulatedTime
    from rpmsg_cts.guest.guest import Guest
    from rpmsg_cts.guest_memory import GuestMemory

PING_TIMEOUT_S = 5.0
# A guest that does not start once may have met a busy machine; one that does not start twice never will.
MAX_BOOT_FAILURES = 2
VENDOR_BITS = 0xFFFFFE  # every device-specific bit but the name service's
# The bus of legacy devices is part of some kernels.
BUSES = ("virtio_mmio",)
MODULES = ("rpmsg_core", "rpmsg_ns", "rpmsg_ctrl", "rpmsg_char", "rpmsg_tty", "virtio_rpmsg_bus")
VHOST_MODULES = {VHOST_API: ("vhost_rpmsg_api",), VHOST_BUS: ("vhost_rpmsg_bus",)}
# Rings of 256 entries and buffers of 4096 bytes, both ways, and room to spare.
VHOST_PAGES = 1024


@dataclass(frozen=True)
class Port:
    """One device of the guest; a link is made on the one that has what the test wants."""

    name: str
    num: int
    features: int
    device_id: int = 7


@dataclass(frozen=True)
class Place:
    """One kind of guest: its devices, and why it cannot have what none of them has.

    Features and sizes are fixed when the guest starts, so there is a device for each combination that tests want.
    num: entries of every ring where the guest chooses them itself; 0 where the port decides.  big_endian: its processor.
    hidden: what cannot be seen on its links, and why.  no_legacy: why none of its devices is a legacy one.
    simulated_time: its time is ours, and each test has a guest of its own, so that one that is run alone is the same as
    among others.
    """

    ports: tuple[Port, ...]
    reasons: Mapping[str, str]
    num: int = 0
    big_endian: bool = False
    hidden: Mapping[str, str] = field(default_factory=dict)
    simulated_time: bool = False
    no_legacy: str = ""

    def as_here(self, config: Config) -> Config:
        """The configuration with what it leaves to the target."""
        return config.but(big_endian=self.big_endian) if config.big_endian is None else config

    def port_for(self, config: Config) -> Port:
        """Return: the guest's device for this configuration; Unsupported, with the reason, where there is none."""
        plain = Config(big_endian=self.big_endian)
        config = self.as_here(config)
        for name, reason in self.reasons.items():
            if getattr(config, name) != getattr(plain, name):
                raise Unsupported(f"no {name}={getattr(config, name)} here: {reason}")
        for port in self.ports:
            if (port.num, port.features, port.device_id) == (config.num, config.features, config.device_id):
                return port
        if config.device_id != plain.device_id:
            raise Unsupported(f"the guest has no device with virtio id {config.device_id}")
        if self.no_legacy and not config.features & F_VERSION_1:
            raise Unsupported(f"no legacy device here: {self.no_legacy}")
        raise Unsupported(f"the guest has no device with {config.num} entries and features {config.features:#x}")


@dataclass(frozen=True)
class VhostPlace(Place):
    """A guest that has a vhost device for each link, made as the test wants it; its only port shows its memory."""

    def as_here(self, config: Config) -> Config:
        config = super().as_here(config)
        # On a modern link nothing is in the driver's own order.
        return config.but(big_endian=False) if config.features & F_VERSION_1 else config

    def port_for(self, config: Config) -> Port:
        (port,) = self.ports
        config = self.as_here(config)
        if strange := config.features & ~RPMSG_FEATURES:
            raise Unsupported(f"the device does not offer the features {strange:#x}")
        plain = Config()
        super().port_for(config.but(**{name: getattr(plain, name) for name in OF_THE_DRIVER},
                                    big_endian=self.big_endian, features=port.features, num=port.num))
        return port


PORTS = (
    Port("plain", 8, F_NS | F_VERSION_1),
    Port("no-ns", 8, F_VERSION_1),
    Port("event-idx", 8, F_NS | F_VERSION_1 | F_EVENT_IDX),
    Port("vendor", 8, F_NS | F_VERSION_1 | F_INDIRECT | F_EVENT_IDX | VENDOR_BITS),
    Port("other", 8, F_NS | F_VERSION_1, device_id=29),
)
REASONS = {
    "align": "a modern device has its rings where the driver puts them",
    "big_endian": "the guest's processor has the other byte order",
    "start_idx": "a driver starts at index 0",
    "dirty": "the driver's memory is its own",
    "refuse_features": "a vhost-user device cannot refuse features",
    "buf_bytes": "the driver has buffers of 512 bytes",
    "tx_buf_bytes": "the driver has buffers of 512 bytes",
    "low_features": "the transport has 64 feature bits",
    "told_order": "this device end is the tester's own",
    "bus_offset": "the guest has no IOMMU",
    "bufsz": "the driver knows no buffer sizes in configuration space",
    "space": "the device has no configuration space",
    "learn_dst": "the driver's endpoints learn no destination",
}
QEMU_PORTS = (*PORTS, Port("long", 512, F_NS | F_VERSION_1))
QEMU_HIDES = {"the first kick": "QEMU kicks every queue of a vhost-user device itself when it starts the device"}
# virtio_uml asks for nothing but what is offered, and some machines of QEMU have legacy devices.
LEGACY_PORTS = (Port("legacy", 8, F_NS), Port("legacy-event", 8, F_NS | F_EVENT_IDX))
UML_PORTS = (*PORTS, *LEGACY_PORTS)
UML = Place(UML_PORTS, {**REASONS, "num": "virtio_uml has 256 entries in every ring"}, num=256)
RPMSG_FEATURES = F_NS | F_VERSION_1 | F_INDIRECT | F_EVENT_IDX
# What the driver decides, which is ours on a vhost device.
OF_THE_DRIVER = ("align", "start_idx", "dirty", "buf_bytes", "tx_buf_bytes", "told_order", "start")
VHOST_REASONS = {
    "refuse_features": "a vhost device refuses only what it did not offer",
    "low_features": "a vhost device has 64 feature bits",
    "bus_offset": "the driver's addresses are whatever its memory table says",
    "bufsz": "a vhost device has no configuration space",
    "space": "a vhost device has no configuration space",
    "learn_dst": "the device's endpoints learn no destination",
    "device_id": "a vhost device has no virtio id",
}
VHOST_PLACE = VhostPlace((Port("memory", 8, F_NS | F_VERSION_1),), VHOST_REASONS)
PCI_IS_MODERN = "QEMU's generic vhost-user device has no legacy form on PCI (conformance/endianness/README.md)"
M68K_IS_MODERN = "QEMU's m68k machine has modern virtio-mmio alone (conformance/endianness/README.md)"
PLACES = {
    LINUX_ARMHF: Place((*QEMU_PORTS, *LEGACY_PORTS), REASONS, hidden=QEMU_HIDES),
    LINUX_UML: UML,
    LINUX_UML_SIMTIME: replace(UML, simulated_time=True),
    LINUX_M68K: Place(QEMU_PORTS, REASONS, big_endian=True, hidden=QEMU_HIDES, no_legacy=M68K_IS_MODERN),
    LINUX_PPC64: Place(QEMU_PORTS, REASONS, big_endian=True, hidden=QEMU_HIDES, no_legacy=PCI_IS_MODERN),
    LINUX_ARMEB: Place((*QEMU_PORTS, *LEGACY_PORTS), REASONS, big_endian=True, hidden=QEMU_HIDES),
    LINUX_X86_64: Place(QEMU_PORTS, REASONS, hidden=QEMU_HIDES, no_legacy=PCI_IS_MODERN),
    VHOST_API: VHOST_PLACE,
    VHOST_BUS: VHOST_PLACE,
}


def place_of(target: str) -> Place | None:
    """Return: where a target's guests have their devices; None for one that needs no guest."""
    return PLACES.get(kind_of(target))


class Lab:
    """Owns the reactor, the sockets and the guest."""

    def __init__(self, target_facts: Callable[[str, Facts], None], tracer: Tracer | None = None,
                 tally: Tally | None = None, leaks: LeakWatch | None = None, seed: int = 0,
                 histories: Path | None = None, patience_s: float | None = None) -> None:
        self._seed, self._histories = seed, histories
        self._time: SimulatedTime | None = None
        self._past = Past()
        self._leaks = leaks or LeakWatch(wanted=False)
        self._patience_s = patience_s  # with guests; None is the agent's own
        self._tally = tally or Tally()
        self._target_facts = target_facts
        self._tracer = tracer
        self._reactor = Reactor()
        self._backends: dict[str, VhostUser] = {}
        self._devices: dict[str, str] = {}
        self._guest: Guest | None = None
        self._memory: GuestMemory | None = None
        self._boot_failures = 0
        self._target = ""
        self._tainted = 0

    def link(self, lane: Lane, config: Config, suite: str = "", test: tuple[str, str] = ("", "")) -> Link:
        """Connect to the guest's driver, for a test of a suite; Unsupported where the guest cannot have such a link.

        test: its name, and the requirement that it is about first.
        """
        # pylint: disable=import-outside-toplevel
        from rpmsg_cts.link_linux import LinuxLink
        from rpmsg_cts.link_vhost import VhostLink

        place = PLACES[kind_of(lane.target)]
        port = place.port_for(config)
        guest = self._running(lane.target)
        self._tally.begin(suite)
        self._leaks.begin(*test, lane)
        if self._memory is not None:
            return VhostLink(lane, place.as_here(config), guest, self._memory, self._reactor)
        config = config.but(num=place.num or config.num, big_endian=place.big_endian)
        return LinuxLink(lane, config, guest, self._backends[port.name], self._devices[port.name], self._reactor,
                         place.hidden)

    def _running(self, target: str) -> Guest:
        afresh = self._target != target or self._time is not None
        if self._guest is not None and (afresh or not self._is_well(self._guest)):
            self.close_guest()
        if self._target != target:
            self._tell_past()
            self._target, self._boot_failures = target, 0
        return self._guest or self._booted(target)

    def _booted(self, target: str) -> Guest:
        from rpmsg_cts.guest.errors import GuestError, NotPrepared  # pylint: disable=import-outside-toplevel

        if self._boot_failures == MAX_BOOT_FAILURES:
            raise HarnessError(f"no guest: {self._boot_failures} of them did not start, see the first errors")
        try:
            guest = self._boot(target)
        except NotPrepared as missing:
            self.close_guest()
            raise Unsupported(str(missing)) from missing
        except GuestError as error:
            self.close_guest()
            self._boot_failures += 1
            raise HarnessError(f"no guest: {error}") from error
        self._boot_failures = 0
        return guest

    def _is_well(self, guest: Guest) -> bool:
        """Whether it answers, and has not complained of itself: such a kernel may die of what the next test does."""
        from rpmsg_cts.guest.errors import GuestError  # pylint: disable=import-outside-toplevel

        try:
            guest.agent.ping(PING_TIMEOUT_S)
            return not guest.spoilt and guest.agent.tainted() == self._tainted
        except GuestError:
            return False

    def _boot(self, target: str) -> Guest:
        # pylint: disable=import-outside-toplevel
        from rpmsg_cts.guest import guest as guests
        from rpmsg_cts.guest.image import kernel_image
        from rpmsg_cts.guest.runtime import runtime_folder
        from rpmsg_cts.guest.time_travel import SimulatedTime

        folder, place = runtime_folder().path, PLACES[kind_of(target)]
        image = kernel_image(target)
        modules = (*MODULES, *VHOST_MODULES.get(kind_of(target), ()))
        for module in modules:
            image.module(module)
        for port in place.ports:
            self._backends[port.name] = VhostUser(folder / port.name, port.features, self._reactor,
                                                   tracer=self._tracer, inband=place.simulated_time)
        devices = [guests.VhostUserDevice(str(folder / port.name), port.num, virtio_id=port.device_id,
                                          legacy=not port.features & F_VERSION_1)
                   for port in place.ports]
        self._time = SimulatedTime(self._seed, self._new_history()) if place.simulated_time else None
        # Ours from now on: what fails behind this must not leave it running.
        guest = self._guest = guests.Guest.boot(self._reactor, devices=devices, image=image,
                                                simulated_time=self._time)
        guest.agent.patience_s = self._patience_s or guest.agent.patience_s
        self._target_facts(target, guest.facts)
        there = {module.name for module in image.modules}
        for module in (*(bus for bus in BUSES if bus in there), *modules):
            guests.load(guest, module)
        if kind_of(target) in VHOST_MODULES:
            self._memory = self._shared_with(guest)
        self._tally.attach(target, guest)
        self._leaks.attach(guest)
        self._tainted = guest.agent.tainted()
        self._devices = dict(zip((port.name for port in place.ports), guest.rpmsg_devices(), strict=True))
        return guest

    def _shared_with(self, guest: Guest) -> GuestMemory:
        """Memory of the agent that is ours as well: where the guest's virtio device has shown us all of the guest's."""
        from rpmsg_cts.guest_memory import GuestMemory  # pylint: disable=import-outside-toplevel

        (backend,) = self._backends.values()
        assert guest.hello is not None
        return GuestMemory(backend.native, backend.xport, guest.agent, VHOST_PAGES, guest.hello.page_size_bytes)

    def _new_history(self) -> History:
        if self._histories is None:
            return History()
        self._histories.mkdir(parents=True, exist_ok=True)
        return History(self._histories / f"{self._target}.{self._past.guests + 1}.txt")

    def _tell_past(self) -> None:
        """What a run in simulated time can be compared with another one by."""
        if self._past.guests:
            self._target_facts(self._target, {"history": str(self._past)})
            self._past = Past()

    def busy_in(self) -> str:
        """Where a guest is that does not answer."""
        return self._guest.busy_in() if self._guest else ""

    def close_guest(self) -> None:
        """End the guest, and the sockets that it was connected to."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._guest is not None:
            self._leaks.detach()
            self._tally.detach()
            # It keeps nothing else, so there is nothing to be put in order first.
            self._guest.kill()
            self._guest = None
        if self._time is not None:
            self._past.add(self._time.history)
            self._time = None
        for backend in self._backends.values():
            backend.close()
        self._backends = {}

    def close(self) -> None:
        """End everything."""
        self.close_guest()
        self._tell_past()
        self._reactor.close()
