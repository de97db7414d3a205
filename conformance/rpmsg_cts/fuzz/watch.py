# SPDX-License-Identifier: BSD-3-Clause
"""The monitor over a transport to a real driver: what our device end sees of it, held against the rules of the ring."""

from __future__ import annotations

from typing import Any

from rpmsg_cts.monitor import EVENTS, Finding, Monitor, Rule
from rpmsg_cts.native import Native, direct
from rpmsg_cts.record import KINDS
from rpmsg_cts.trace.tracer import DEVICE_END, DRIVER_END


def _is_seen(rule: Rule) -> bool:
    """Whether a device can see it over vhost-user, which does not carry what a driver writes into the status byte."""
    return rule.needs == EVENTS and not rule.name.startswith("status_")


class Watch:
    """Stands where a tracer would; the monitor is a new one for each program."""

    def __init__(self, native: Native | None = None) -> None:
        self._native = native or direct()
        ffi = self._native.ffi
        self._record = ffi.new("struct rps_record *", {"kind": KINDS.index("event")})
        self._monitor: Monitor | None = None
        # C keeps pointers to these.
        self._callbacks = [ffi.callback("void(void *, enum rps_event, uint64_t, uint64_t, uint64_t)", self._told_of(end))
                           for end in (DRIVER_END, DEVICE_END)]
        self._probes = [ffi.new("struct rps_probe *", {"event": callback}) for callback in self._callbacks]

    def probe(self, end: int) -> Any:
        """For rps_vu_observe()."""
        return self._probes[end]

    def _told_of(self, end: int) -> Any:
        def told(_priv: Any, event: int, a: int, b: int, c: int) -> None:
            if self._monitor is None:
                return
            record = self._record
            record.step, record.end, record.what, record.a, record.b, record.c = record.step + 1, end, event, a, b, c
            self._monitor.feed(record, 1)

        return told

    def begin(self) -> None:
        """From now on a driver starts, and is judged."""
        self.end()
        self._monitor = Monitor(("driver",), ("device",), accesses=False, native=self._native)

    def met(self) -> set[str]:
        """Return: names of the rules by which the driver was judged."""
        if self._monitor is None:
            return set()
        return {rule for rule, role in self._monitor.judged().exercised if role == "driver"}

    def end(self) -> list[Finding]:
        """Return: what it has against the driver, by what a device can see of one."""
        if self._monitor is None:
            return []
        found = [finding for finding in self._monitor.findings() if _is_seen(finding.rule) and finding.role == "driver"]
        self._monitor.close()
        self._monitor = None
        return found
