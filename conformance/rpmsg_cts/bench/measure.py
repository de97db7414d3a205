# SPDX-License-Identifier: BSD-3-Clause
"""What is measured, and in which order it is shown."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rpmsg_cts.bench import callgrind, explorer, lines
from rpmsg_cts.bench.model import Row
from rpmsg_cts.verdict import HarnessError

PAYLOAD_BYTES = 64
LONG_BYTES = 496
THREAD_MESSAGES = 50_000  # of each round
MESSAGES = 5120  # whole rounds of every scenario
OWN = "/sim/bench/"  # the caller's own loop and callback
RIVAL = "/sim/bench/spsc"  # what is measured there all the same

# Where a source file belongs; the first that fits counts.
LAYERS = (
    ("memory and byte order", ("/sim/base/", "/byteorder.h", "/mem.h")),
    ("ring, driver end", ("/vdrv",)),
    ("ring, device end", ("/vdev",)),
    ("ring, both ends", ("/vring",)),
    ("header", ("/hdr.", "/rpmsg.h", "/msg.h")),
    ("RPMsg over the driver end", ("/drv",)),
    ("RPMsg over the device end", ("/dev",)),
    ("endpoints", ("/ept",)),
    ("node, name service", ("/sim/rpmsg/", "/node.h")),
    ("the caller's own (excluded)", (OWN,)),
)
LIBRARY = "C library: copying the payload"


@dataclass(frozen=True)
class Counted:
    """One scenario of one program: what a message costs."""

    instructions: float  # without the caller's own
    own: float
    fences: float
    notifications: float
    allocs: int
    layers: dict[str, float]


def layer_of(source: str) -> str:
    """The layer that a source file belongs to."""
    source = os.path.normpath(source)
    for layer, parts in LAYERS:
        if any(part in source for part in parts):
            return layer
    return LIBRARY


def counted(program: Path, scenario: str, len_bytes: int, messages: int = MESSAGES) -> Counted:
    """Count one scenario."""
    with tempfile.TemporaryDirectory() as scratch:
        profile = callgrind.count(program, [scenario, str(messages), str(len_bytes)], Path(scratch))
    sent = profile.said["messages"]
    own = sum(n for source, n in profile.by_file.items() if OWN in source and RIVAL not in source)
    layers: dict[str, float] = {}
    for source, n in profile.by_file.items():
        layers[layer_of(source)] = layers.get(layer_of(source), 0) + n / sent
    locked = callgrind.locked_addresses(program)
    return Counted(
        instructions=(profile.total - own) / sent,
        own=own / sent,
        fences=sum(n for address, n in profile.by_address.items() if address in locked) / sent,
        notifications=profile.said["notifications"] / sent,
        allocs=profile.said["allocs"],
        layers=layers,
    )


def _instructions(build: Path, root: Path) -> Iterator[Row]:
    table = tomllib.loads((root / "fixtures" / "bench" / "others.toml").read_text(encoding="utf-8"))
    live = {"pingpong": "spsc-pingpong", "burst": "spsc-burst", "batch": "spsc-burst"}
    for row in table["row"]:
        program = build / row["program"]
        ours = counted(program, row["scenario"], PAYLOAD_BYTES)
        ring = counted(program, live[row["scenario"]], PAYLOAD_BYTES)
        given = ", ".join(f"{name} {n}" for name, n in row["others"].items())
        yield Row("Instructions a one-way message of 64 bytes, both ends together, the caller's own loop excluded",
                  f"instructions-{row['name']}", row["what"], ours.instructions, "instructions", goal=row["goal"],
                  scale=f"a plain ring in this run: {ring.instructions:.1f}; given for scale: {given}")


def _other_paths(build: Path) -> Iterator[Row]:
    group = "Other paths, -O2"
    program = build / "rps-bench"
    for scenario, what in (("cork", "burst of single sends in a batch"), ("batch", "burst of arrays of messages"), ("zero-copy", "batch, written in place"),
                           ("pingpong-lengths", "ping-pong, payloads of 64 and 32 bytes"),
                           ("pingpong-flags", "ping-pong without EVENT_IDX"),
                           ("pingpong-polled", "ping-pong, both ends polled")):
        yield Row(group, f"instructions-{scenario}-O2", what, counted(program, scenario, PAYLOAD_BYTES).instructions,
                  "instructions")
    yield from longer(program)


def longer(program: Path) -> Iterator[Row]:
    """What a long payload costs more, beside what a copy of it costs: a short one of ours is copied without a call."""
    group = f"{LONG_BYTES} bytes instead of {PAYLOAD_BYTES}, -O2"
    short, long = ({scenario: counted(program, scenario, len_bytes).instructions
                    for scenario in ("pingpong", "spsc-pingpong", "spsc-copy")} for len_bytes in (PAYLOAD_BYTES, LONG_BYTES))  # fmt: skip
    more = {scenario: long[scenario] - short[scenario] for scenario in long}
    yield Row(group, "instructions-copy-short", f"memcpy() of {PAYLOAD_BYTES} bytes, its call included", short["spsc-copy"],
              "instructions")
    yield Row(group, "instructions-copy-long", f"memcpy() of {LONG_BYTES} bytes, its call included", long["spsc-copy"],
              "instructions")
    yield Row(group, "instructions-more-pingpong", f"ping-pong: {LONG_BYTES} bytes more than {PAYLOAD_BYTES}",
              more["pingpong"], "instructions", goal=long["spsc-copy"],
              scale="only the memcpy more: a short payload is copied in line, a long one by this call")
    yield Row(group, "instructions-more-spsc-pingpong", "the same of a plain ring, which calls memcpy() for both",
              more["spsc-pingpong"], "instructions")


def _other_counts(build: Path) -> Iterator[Row]:
    group = "Counts a message, -O2"
    program = build / "rps-bench"
    pingpong, burst, batch = (counted(program, name, PAYLOAD_BYTES) for name in ("pingpong", "burst", "batch"))
    yield Row(group, "fences-pingpong", "locked or full-fence instructions, ping-pong", pingpong.fences, "fences", goal=1)
    yield Row(group, "fences-burst", "the same, burst of 256 single sends", burst.fences, "fences")
    yield Row(group, "fences-batch", "the same, a batch of 256 and its receiver", batch.fences * 256, "fences a batch",
              scale="one an end")
    yield Row(group, "notifications-burst", "notifications, burst of 256 with EVENT_IDX", burst.notifications,
              "a message", goal=0.004, scale="one a burst is 1/256; given for scale: OpenAMP and rpmsg-lite 1.0")
    yield Row(group, "allocs", "calls of the allocator after init", pingpong.allocs + burst.allocs + batch.allocs,
              "calls", goal=0)


def _layers(build: Path) -> Iterator[Row]:
    for scenario in ("pingpong", "burst"):
        found = counted(build / "rps-bench", scenario, PAYLOAD_BYTES)
        for layer, n in sorted(found.layers.items(), key=lambda item: -item[1]):
            yield Row(f"Where they go: {scenario}, -O2", f"layer-{scenario}-{layer}", layer, n, "instructions")


def lines_of(program: Path, messages: int = 1024) -> Iterator[Row]:
    """Cache lines that cross, by a trace of all accesses."""
    where = lines.symbols(program)
    size = callgrind.said(subprocess.run([program, "memory"], capture_output=True, check=True, text=True).stdout)
    link = where["the_link"]
    areas = lines.Areas(range(link, link + size["rings_bytes"]),
                        range(link + size["rings_bytes"], link + size["shared_bytes"]))
    turns = {where["turn_of_driver"]: 0, where["turn_of_device"]: 1}
    found = lines.count(lines.trace(program, ["pingpong-polled", str(messages), str(PAYLOAD_BYTES)]), turns, areas)
    group = "Cache lines that cross a one-way message, both ends polled (counted from the addresses that both touch)"
    yield Row(group, "lines-ring", "of the rings", found.ring / found.turns, "lines", goal=1.5,
              scale="given for scale: Linux 2.0, rpmsg-lite 2.3, OpenAMP 2.9")
    yield Row(group, "lines-message", "of the message itself: 16 + 64 bytes", found.buffers / found.turns, "lines")


def threads_of(program: Path) -> Iterator[Row]:
    """Two threads on two processors; times, so that only their ratio within this run says something."""
    group = "Two threads on two processors, both ends polled (measured in this run, in turn with one line that goes back and forth)"
    ran = subprocess.run([program, "threads", str(THREAD_MESSAGES)], capture_output=True, check=False, text=True,
                         timeout=callgrind.TIMEOUT_S)  # fmt: skip
    if ran.returncode:
        yield Row(group, "threads-skipped", f"not measured: {ran.stderr.strip()}", 0, "", exact=False)
        return
    said = callgrind.said(ran.stdout)
    yield Row(group, "threads-line", "one crossing of one line", said["line_ps"] / 1000, "ns", exact=False)
    yield Row(group, "threads-message", "a one-way message of 64 bytes", said["message_ps"] / 1000, "ns", exact=False)
    yield Row(group, "threads-ratio", "crossings that a message takes the time of", said["ratio_milli"] / 1000, "crossings",
              exact=False, scale=f"the middle one of {said['rounds']} rounds; 1.3 lines of the rings and 2 of the message cross")


def _memory(build: Path) -> Iterator[Row]:
    size = callgrind.said(subprocess.run([build / "rps-bench", "memory"], capture_output=True, check=True, text=True).stdout)
    for name, what in (("vdrv", "a queue, driver end"), ("vdrv_entry", "  and each of its entries"),
                       ("vdev", "a queue, device end"), ("ring", "a ring of 256 entries, shared"),
                       ("endpoint", "an endpoint"), ("driver", "RPMsg over the driver end"),
                       ("device", "RPMsg over the device end"), ("node", "a node, either role")):
        yield Row("Memory", f"memory-{name}", what, size[name], "bytes")


def _messages(build: Path, root: Path) -> Iterator[Row]:
    yield from _instructions(build, root)
    yield from _other_counts(build)
    yield from _other_paths(build)
    yield from _layers(build)
    yield from lines_of(build / "rps-bench")
    yield from threads_of(build / "rps-bench")
    yield from _memory(build)


# Others add theirs here: a function from the build folder and the project's root to rows.
PARTS: dict[str, Callable[[Path, Path], Iterator[Row]]] = {
    "messages": _messages,
    "explorer": lambda build, root: explorer.rows(build),
}


def require(root: Path) -> None:
    """Raise HarnessError where something is missing, with what to do about it."""
    for tool, package in (("valgrind", "valgrind"), ("objdump", "binutils"), ("nm", "binutils")):
        if not shutil.which(tool):
            raise HarnessError(f"{tool} is not there; install the Debian package {package}")
    for program in ("rps-bench", "rps-bench-lto", "rps-explore"):
        if not (root / "build" / program).is_file():
            raise HarnessError(f"build/{program} is not built; run make bench")


def all_rows(root: Path, parts: Iterable[str] = PARTS) -> Iterator[Row]:
    """Measure, in the order of the table."""
    for part in PARTS:
        if part in parts:
            yield from PARTS[part](root / "build", root)
