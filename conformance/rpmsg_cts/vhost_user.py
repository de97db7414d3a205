# SPDX-License-Identifier: BSD-3-Clause
"""A vhost-user back end of librps, served by the reactor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rpmsg_cts.native import Native, checked, direct, error_name
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.trace.tracer import DEVICE_END, DRIVER_END, Tracer
from rpmsg_cts.verdict import HarnessError

ENDS = {DEVICE_END: "device", DRIVER_END: "driver"}


class VhostUser:
    """Listens on a socket; `xport` is the device's side of whatever driver comes.

    inband: notifications go and come in messages, and what happens is noted, for a run in a time that is not ours.
    """

    def __init__(self, path: Path, features: int, reactor: Reactor, native: Native | None = None,
                 tracer: Tracer | None = None, inband: bool = False) -> None:
        self.native = native or direct()
        self._lib, self._ffi = self.native.lib, self.native.ffi
        self._reactor = reactor
        self._last_log: list[str] = []
        error = self._ffi.new("int *")
        name = self._ffi.new("char[]", str(path).encode())
        config = self._ffi.new("struct rps_vu_config *",
                               {"path": name, "features": features, "num_queues": 2, "status": True,
                                "inband": inband})
        self._vu = self._lib.rps_vu_create(config, error)
        if self._vu == self._ffi.NULL:
            raise HarnessError(f"cannot listen on {path}: {error_name(error[0])}")
        self.note = reactor.note if inband else None
        probes = {end: tracer.probe(end) if tracer else self._ffi.NULL for end in ENDS}
        # What C holds must live as long as it does.
        self._noting = [self._noted(f"{path.name} {ENDS[end]}", probes[end]) for end in sorted(ENDS)] if inband else []
        driver, device = [probe for probe, _ in self._noting] or [probes[end] for end in sorted(ENDS)]
        self._lib.rps_vu_observe(self._vu, device, driver)
        # A guest may shorten its memory under our hands.
        checked(self._lib.rps_vu_guard_sigbus(self._vu), "guard against SIGBUS")
        self.xport = self._lib.rps_vu_xport(self._vu)
        self._stats = self._ffi.new("struct rps_vu_stats *")
        reactor.add(self._lib.rps_vu_fd(self._vu), self.service, self._is_owed if inband else None)

    def _noted(self, who: str, other: Any) -> tuple[Any, Any]:
        """An observer of one end that notes what it does, and tells another observer.  Return: it, and its function."""
        note, events = self._reactor.note, self._ffi.typeof("enum rps_event").elements

        @self._ffi.callback("void(void *, enum rps_event, uint64_t, uint64_t, uint64_t)")
        def see(_: Any, event: int, *operands: int) -> None:
            note(f"{who} {events[event].removeprefix('RPS_EVENT_')} {' '.join(map(hex, operands))}")
            if other != self._ffi.NULL:
                other.event(other.priv, event, *operands)

        return self._ffi.new("struct rps_probe *", {"event": see}), see

    def service(self) -> None:
        """Do what the frontend asks for."""
        checked(self._lib.rps_vu_service(self._vu), "serve vhost-user")

    def _is_owed(self) -> bool:
        """Whether the driver has yet to acknowledge a notification."""
        self._lib.rps_vu_get_stats(self._vu, self._stats)
        return self._stats.unanswered > 0

    def stats(self) -> Any:
        """Counters (struct rps_vu_stats)."""
        stats = self._ffi.new("struct rps_vu_stats *")
        self._lib.rps_vu_get_stats(self._vu, stats)
        return stats

    def log(self) -> list[str]:
        """The last protocol events; those before close() are still told after it."""
        if self._vu == self._ffi.NULL:
            return self._last_log
        size = self._lib.rps_vu_log(self._vu, self._ffi.NULL, 0)
        text = self._ffi.new("char[]", size + 1)
        self._lib.rps_vu_log(self._vu, text, size + 1)
        return self._ffi.string(text).decode("ascii", "backslashreplace").splitlines()

    def last_error(self) -> str:
        """Why the last connection ended."""
        return self._ffi.string(self._lib.rps_vu_last_error(self._vu)).decode("ascii", "backslashreplace")

    def close(self) -> None:
        """End the connection and remove the socket."""
        if self._vu != self._ffi.NULL:
            self._last_log = self.log()
            self._reactor.remove(self._lib.rps_vu_fd(self._vu))
            self._lib.rps_vu_destroy(self._vu)
            self._vu = self._ffi.NULL
