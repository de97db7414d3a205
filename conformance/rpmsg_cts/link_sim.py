# SPDX-License-Identifier: BSD-3-Clause
"""Links to our own ends, or to a deliberately wrong version of one, in a simulated world."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rpmsg_cts import marks
from rpmsg_cts.diagram.rings import Ring, Rings
from rpmsg_cts.diagram.row import Row
from rpmsg_cts.diagram.rows import rows
from rpmsg_cts.driver_bus import DriverBus
from rpmsg_cts import faults
from rpmsg_cts.faults import Fault
from rpmsg_cts.judge import given
from rpmsg_cts.link import F_BUFSZ, Config, Link
from rpmsg_cts.lower_device import LowerDevice
from rpmsg_cts.lower_driver import LowerDriver
from rpmsg_cts.mutants import CENSUS
from rpmsg_cts.monitor import Finding, Monitor, rules_of
from rpmsg_cts.native import Native, checked, error_name, simulated
from rpmsg_cts.record import Record, of_world
from rpmsg_cts.targets import DEVICE, DRIVER, MUTANT_PREFIX, SIM
from rpmsg_cts.trace.tracer import Tracer
from rpmsg_cts.upper_sim import UpperSim
from rpmsg_cts.verdict import GuestFailure, HarnessError

END = {DRIVER: 0, DEVICE: 1}
MAX_STEPS = 1 << 22
LOG_LINES = 200
MAX_STATUS_WRITES = 64
MAX_SHOTS = 1024
NUM_QUEUES = 2
ACCESSES = ("load", "acquire", "store", "publish", "fence", "copy_in", "copy_out")


@dataclass(frozen=True)
class StatusWrite:
    """One write of the status byte; available entries of both queues, and kicks, as they were at that moment."""

    status: int
    available: tuple[int, int]
    kicks: int


class World:
    """A simulated world, with one of our ends in it or both."""

    def __init__(self, config: Config, *, driver: bool, device: bool, seed: int = 1, driver_mutant: int = 0,
                 device_mutant: int = 0, scheduler: int = 0, native: Native | None = None,
                 tracer: Tracer | None = None) -> None:
        self.native = native or simulated()
        self._lib, self._ffi = self.native.lib, self.native.ffi
        self._num = config.num
        error = self._ffi.new("int *")
        wanted = self._ffi.new("struct rps_world_config *", {
            "seed": seed, "features": config.features, "num": config.num, "align": config.align,
            "buf_bytes": config.buf_bytes, "device_id": config.device_id, "driver_mutant": driver_mutant,
            "device_mutant": device_mutant, "start_idx": config.start_idx, "dirty": config.dirty,
            "native_be": bool(config.big_endian), "refuse_features": config.refuse_features,
            "tx_buf_bytes": config.tx_buf_bytes, "low_features": config.low_features, "told_order": config.told_order,
            "bus_offset": config.bus_offset, "bufsz": config.bufsz, "learn_dst": config.learn_dst,
            "space": config.space, "space_bytes": len(config.space), "driver": driver, "device": device,
            "scheduler": scheduler})
        self.handle = self._lib.rps_world_create(wanted, error)
        if self.handle == self._ffi.NULL:
            raise HarnessError(f"no world with {config}: {error_name(error[0])}")
        if tracer:
            self._lib.rps_world_observe(self.handle, tracer.sink)
        ours = [role for role, there in ((DRIVER, driver), (DEVICE, device)) if there]
        self.monitor = Monitor(judged=ours, num_max=config.num, vendor=F_BUFSZ if config.bufsz else 0,
                               native=self.native)
        self._lib.rps_world_watch(self.handle, self.monitor.handle)

    def close(self) -> None:
        """The end of the world."""
        if self.handle != self._ffi.NULL:
            self._lib.rps_world_destroy(self.handle)
            self.handle = self._ffi.NULL
            self.monitor.close()

    def run(self) -> int:
        """Let the ends run until they are quiet.  Return: steps made."""
        return self._at_rest(self._lib.rps_world_run(self.handle, MAX_STEPS))

    @staticmethod
    def _at_rest(steps: int) -> int:
        # Our ends wait by returning; one that goes on and on has been made to by its peer.
        if steps == -errno.ETIME:
            raise GuestFailure(f"the IUT does not come to rest within {MAX_STEPS} steps")
        return checked(steps, "run the world")

    def advance(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._at_rest(self._lib.rps_world_advance(self.handle, int(seconds * 1e9), MAX_STEPS))

    def status(self) -> int:
        """The status byte."""
        return self._lib.rps_world_get_status(self.handle)

    def place(self) -> Any:
        """Where the driver of this world puts its rings and buffers (struct rps_world_place), by physical address."""
        place = self._ffi.new("struct rps_world_place *")
        self._lib.rps_world_place(self.handle, place)
        return place

    def status_writes(self) -> list[StatusWrite]:
        """Each write of the status byte so far."""
        writes = self._ffi.new("struct rps_status_write[]", MAX_STATUS_WRITES)
        count = self._lib.rps_world_status_writes(self.handle, writes, MAX_STATUS_WRITES)
        return [StatusWrite(write.status, (write.avail_idx[0], write.avail_idx[1]), write.kicks)
                for write in writes[0:min(count, MAX_STATUS_WRITES)]]

    def device_id(self) -> int:
        """The virtio device id that a driver finds."""
        return self._lib.rps_world_device_id(self.handle)

    def space_reads(self) -> int:
        """Reads of the device's configuration space so far."""
        return self._lib.rps_world_space_reads(self.handle)

    def guards_intact(self) -> bool:
        """Whether nothing outside of rings and buffers was written."""
        return bool(self._lib.rps_world_guards_intact(self.handle))

    def arm(self, name: str, judged: str, nth: int | None = None) -> None:
        """Let a fault strike the end in the role `judged` at its nth occasion from now on, or as the table says."""
        fault = faults.find(name)
        checked(self._lib.rps_world_arm(self.handle, fault.number, END[judged], fault.nth if nth is None else nth),
                f"arm {name} against the {judged}")

    def disarm(self) -> None:
        """No fault strikes any more; what they held up goes on."""
        self._lib.rps_world_disarm(self.handle)

    def fired(self, name: str) -> int:
        """How often a fault struck."""
        return self._lib.rps_world_fired(self.handle, faults.find(name).number)

    def swarm(self, profile: str, judged: str, seed: int) -> int:
        """Let the faults of a profile strike the end in the role `judged` by chance.  Return: how many take part."""
        return checked(self._lib.rps_world_swarm(self.handle, profile.encode(), END[judged], seed), f"swarm {profile}")

    def armed(self) -> list[Fault]:
        """The faults that were armed last."""
        return [fault for fault in faults.table().values() if self._lib.rps_world_is_armed(self.handle, fault.number)]

    def shots(self) -> list[tuple[Fault, int]]:
        """Which faults struck since the first was armed, in order, and at which occasion each."""
        shots = self._ffi.new("struct rps_shot[]", MAX_SHOTS)
        count = self._lib.rps_world_shots(self.handle, shots, MAX_SHOTS)
        rows = list(faults.table().values())
        return [(rows[shot.fault - 1], shot.nth) for shot in shots[0:min(count, MAX_SHOTS)]]

    def notify_all(self) -> None:
        """A notification of every queue to both ends."""
        for queue in (0, 1):
            self._lib.rps_world_kick(self.handle, queue)
            self._lib.rps_world_irq(self.handle, queue)
        self.run()

    def is_alive(self, role: str) -> bool:
        """Whether this end is there, and has not died."""
        return bool(self._lib.rps_world_is_alive(self.handle, END[role]))

    def revive(self, role: str) -> None:
        """Put a new end in the place of one."""
        checked(self._lib.rps_world_revive(self.handle, END[role]), f"revive the {role}")

    def steps(self) -> int:
        """Steps so far."""
        return self._lib.rps_world_steps(self.handle)

    def clear_log(self) -> None:
        """Forget what happened so far."""
        self._lib.rps_world_log_clear(self.handle)

    def records(self) -> list[Record]:
        """What is remembered, oldest first."""
        return of_world(self.native, self.handle)

    def rings(self) -> Rings:
        """Where this world's driver puts its rings."""
        place = self._ffi.new("struct rps_world_place *")
        self._lib.rps_world_place(self.handle, place)
        return Rings(tuple(Ring(self._num, place.desc[q], place.avail[q], place.used[q]) for q in range(NUM_QUEUES)))

    def log(self) -> str:
        """Every access and event that is still remembered, a line each."""
        size = self._lib.rps_world_log(self.handle, self._ffi.NULL, 0)
        text = self._ffi.new("char[]", size + 1)
        self._lib.rps_world_log(self.handle, text, size + 1)
        return self._ffi.string(text).decode("ascii")


class WorldBus(DriverBus):
    """The device of a world without a driver."""

    def __init__(self, world: World) -> None:
        self.native = world.native
        self._lib, self._world = world.native.lib, world
        self.mem = self._lib.rps_world_driver_mem(world.handle)
        self.place = world.place()

    @property
    def status(self) -> int:
        return self._world.status()

    def set_status(self, status: int) -> None:
        self._lib.rps_world_set_status(self._world.handle, status)

    def offered(self) -> int:
        return self._lib.rps_world_offered(self._world.handle)

    def accept(self, features: int) -> None:
        self._lib.rps_world_accept(self._world.handle, features)

    def accepted(self) -> int:
        return self._lib.rps_world_accepted(self._world.handle)

    def set_order(self, queue: int, order: int) -> int:
        return self._lib.rps_world_set_vring_endian(self._world.handle, queue, order)

    def set_queue(self, queue: int, num: int, desc: int, avail: int, used: int) -> int:
        self._lib.rps_world_set_queue(self._world.handle, queue, num, desc, avail, used)
        return 0

    def kick(self, queue: int) -> None:
        self._lib.rps_world_kick(self._world.handle, queue)

    def irqs(self, queue: int) -> int:
        return self._lib.rps_world_irqs(self._world.handle, queue)

    def guards_intact(self) -> bool:
        return self._world.guards_intact()


class SimLink(Link):
    """One of our ends as the IUT, the tester as its peer."""

    virtual_time = True

    def __init__(self, target: str, role: str, config: Config, seed: int, tracer: Tracer | None = None) -> None:
        self.target, self.role, self.config = target, role, config
        mutant = mutant_number(target)
        # A device says itself what it is; the configuration only says what a driver finds.
        mine = config if role == DRIVER else config.but(device_id=0)
        self.world = World(mine, driver=role == DRIVER, device=role == DEVICE, seed=seed,
                           driver_mutant=mutant if role == DRIVER else 0,
                           device_mutant=mutant if role == DEVICE else 0, tracer=tracer)
        native = self.world.native
        self.upper: UpperSim = UpperSim(native, self.world.handle, END[role])
        self.lower: LowerDevice | LowerDriver
        if role == DRIVER:
            self.lower = LowerDevice(native, native.lib.rps_world_xport(self.world.handle))
        else:
            self.lower = LowerDriver(WorldBus(self.world), config)

    def begin(self) -> None:
        if self.config.start:
            self.start()

    def findings(self) -> tuple[Finding, ...]:
        return self.world.monitor.findings()

    def ring(self, *requirements: str) -> None:
        self.settle()
        monitor = self.world.monitor
        for finding in monitor.findings():
            if finding.rule.requirement in requirements:
                raise finding.mismatch
        for requirement in requirements:
            given(any(monitor.exercised(rule, self.role) for rule in rules_of(requirement, self.role)),
                  f"the {self.role} comes to what {requirement} is about")

    def start(self) -> None:
        """From reset to DRIVER_OK."""
        if isinstance(self.lower, LowerDriver):
            self.lower.start()
        else:
            status = self.try_start()
            given(status == 0, f"the driver binds to the device, but it says {error_name(status)}")
            given(self.is_running(), "the driver sets DRIVER_OK with both queues set up")
            self.lower.attach()
        self.settle()

    def try_start(self) -> int:
        return self.upper.probe()

    def is_running(self) -> bool:
        if isinstance(self.lower, LowerDriver):
            return self.lower.is_running()
        return self.lower.ready()

    def restart(self) -> None:
        if self.role == DRIVER:
            self.upper.remove()
        self.start()

    def settle(self) -> None:
        self.world.run()

    def until(self, done: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        # In virtual time nothing happens by itself: quiet is final.
        self.settle()
        if done():
            return True
        self.settle()
        return done()

    def advance(self, seconds: float) -> None:
        self.world.advance(seconds)

    def spurious(self, queue: int) -> None:
        lib = self.world.native.lib
        (lib.rps_world_irq if self.role == DRIVER else lib.rps_world_kick)(self.world.handle, queue)
        self.settle()

    def log(self) -> list[str]:
        lines = self.world.log().splitlines()
        lost = [f"(the first {len(lines) - LOG_LINES} lines are left out)"] if len(lines) > LOG_LINES else []
        return lost + lines[-LOG_LINES:]

    def diagram(self) -> list[Row]:
        return rows(self.world.records(), self.world.rings())

    def marks(self) -> list[int]:
        return marks.counted(self.world.native, self.world.handle, END[self.role])

    def close(self) -> None:
        self.lower.close()
        self.world.close()

    def accesses(self) -> list[tuple[str, str]]:
        """What the IUT did to memory since the log was cleared: kind and place, as in ("publish", "avail.idx")."""
        words = [line.split() for line in self.world.log().splitlines()]
        return [(line[2], line[3] if len(line) > 3 else "") for line in words
                if line[1] == self.role and line[2] in ACCESSES]


def mutant_number(target: str) -> int:
    """Return: the number of the mutant that a target is, 0 for our ends as they should be."""
    if target == SIM:
        return 0
    if target == CENSUS:
        return simulated().lib.RPS_MUTANT_CENSUS
    if not target.startswith(MUTANT_PREFIX):
        raise HarnessError(f"{target} is not one of our own ends, and must not be judged by them")
    number = simulated().lib.rps_mutant_find(target.removeprefix(MUTANT_PREFIX).encode())
    if number == 0:
        raise HarnessError(f"librps-sim.so does not know {target}; build it again: make")
    return number
