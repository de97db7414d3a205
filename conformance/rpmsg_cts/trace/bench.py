# SPDX-License-Identifier: BSD-3-Clause
"""What tracing costs a message of the direct build: instructions while it is off, events per second while it is on.

    make bench-trace
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rpmsg_cts import native
from rpmsg_cts.bench import callgrind
from rpmsg_cts.trace.daemon import Daemon
from rpmsg_cts.trace.tools import PROVIDER
from rpmsg_cts.verdict import HarnessError

PROGRAM = "trace-bench"
SCENARIO = "pingpong"
TIMEOUT_S = 300
OFF_MESSAGES = 2000
ON_MESSAGES = 40_000
# What may be added to a message while nobody listens.
MAX_OFF_PERCENT = 2.0
# Enough for nobody to wait for the disk.
SUBBUFFER, NUM_SUBBUFFERS = "8M", 8


@dataclass(frozen=True)
class Off:
    """Instructions per message without a provider and with one that nobody listens to; and of asking whether one does."""

    without: float
    loaded: float
    asking: float

    @property
    def percent(self) -> float:
        """What the provider adds to a message."""
        return 100 * (self.loaded / self.without - 1)


@dataclass(frozen=True)
class On:
    """Events told to the provider, those in the trace, places where some are missing, and the time of the program."""

    told: int
    kept: int
    lost: int
    seconds: float


def off(messages: int = OFF_MESSAGES, build: Path = native.BUILD) -> Off:
    """Count instructions of ping-pong.  The numbers are exact: the same for the same program."""
    provider = str(build / PROVIDER)
    with tempfile.TemporaryDirectory() as scratch:
        without, loaded, asking = (
            callgrind.count(build / PROGRAM, arguments, Path(scratch))
            for arguments in ([SCENARIO, str(messages)], [SCENARIO, str(messages), provider],
                              ["ask", str(messages), provider]))
    sent = without.said["messages"]
    return Off(without.total / sent, loaded.total / sent, asking.total / messages)


def on(messages: int = ON_MESSAGES, build: Path = native.BUILD) -> On:
    """Record with a session of its own."""
    daemon = Daemon(build)
    try:
        daemon.lttng("create", PROGRAM, f"--output={daemon.home}/trace")
        daemon.lttng("enable-channel", "--userspace", "--discard", f"--subbuf-size={SUBBUFFER}",
                     f"--num-subbuf={NUM_SUBBUFFERS}", PROGRAM)
        daemon.lttng("enable-event", "--userspace", f"--channel={PROGRAM}", "rps:*")
        daemon.lttng("start")
        said = callgrind.said(_run([str(build / PROGRAM), SCENARIO, str(messages), str(build / PROVIDER)],
                                   daemon.variables))
        daemon.lttng("destroy")
        count = _run(["babeltrace2", str(daemon.home / "trace"), "--component=sink.utils.counter"], {})
    finally:
        daemon.close()
    # It counts aloud; the last number is the whole.
    kept, *lost = (int(re.findall(rf"(\d+) {what} message", count)[-1])
                   for what in ("Event", "Discarded event", "Discarded packet"))
    return On(said["events"], kept, sum(lost), said["ns"] / 1e9)


def _run(command: list[str], variables: dict[str, str]) -> str:
    try:
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False,
                              timeout=TIMEOUT_S)
    except OSError as error:
        raise HarnessError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        raise HarnessError(f"{command[0]}: exit status {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout + done.stderr


def main() -> None:
    """Print both."""
    without = off()
    print(f"tracing off, one message of 64 bytes: {without.loaded:.1f} instructions with a provider loaded, "
          f"{without.without:.1f} without one ({without.percent:+.2f} %, at most {MAX_OFF_PERCENT} %)")
    print(f"asking whether somebody listens, once a wake-up: {without.asking:.1f} instructions")
    recorded = on()
    print(f"tracing on: {recorded.told} events, {recorded.kept} in the trace, {recorded.lost} places with discarded ones; "
          f"{recorded.told / recorded.seconds / 1e6:.2f} million events a second, "
          f"{1e9 * recorded.seconds / recorded.told:.0f} ns each")
    if without.percent > MAX_OFF_PERCENT or recorded.lost or recorded.kept != recorded.told:
        raise SystemExit("the goals are not met")


if __name__ == "__main__":
    main()
