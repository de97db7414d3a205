# SPDX-License-Identifier: BSD-3-Clause
"""The provider of traces in this process: what worlds and transports tell what they see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rpmsg_cts import native
from rpmsg_cts.trace.tools import PROVIDER
from rpmsg_cts.verdict import HarnessError

WHY_BYTES = 512
DRIVER_END, DEVICE_END = 0, 1


class Tracer:
    """A loaded provider.  A process has one: LTTng looks for its daemon when it is loaded, and never again."""

    def __init__(self, build: Path = native.BUILD) -> None:
        loaded = native.direct(build)
        self._lib, ffi = loaded.lib, loaded.ffi
        why = ffi.new("char[]", WHY_BYTES)
        self._trace = self._lib.rps_trace_open(str(build / PROVIDER).encode(), why, WHY_BYTES)
        if self._trace == ffi.NULL:
            raise HarnessError(ffi.string(why).decode("utf-8", "backslashreplace"))

    @property
    def sink(self) -> Any:
        """For rps_world_observe()."""
        return self._lib.rps_trace_sink(self._trace)

    def probe(self, end: int) -> Any:
        """The observer of one end of the direct build; NULL while nobody listens."""
        return self._lib.rps_trace_probe(self._trace, end)

    def written(self) -> int:
        """Return: how many records were written so far."""
        return int(self._lib.rps_trace_written(self._trace))

    def mark(self, text: str) -> None:
        """Write a text into the trace."""
        self._lib.rps_trace_mark(self._trace, text.encode("utf-8", "backslashreplace"))
