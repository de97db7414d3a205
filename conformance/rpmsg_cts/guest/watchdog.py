# SPDX-License-Identifier: BSD-3-Clause
"""Kill the guests and daemons of a process that has ended, and remove its folder.

Run as a program with a folder as its argument, it waits until its standard input ends, which is when the process that
started it does.  Standard library only, and nothing of this package: it must work when all else is gone.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

# How a word of their command lines begins: a guest's name, or the daemons of a private LTTng.
MARKS = (b"guest=rpmsg-cts-", b"umid=rpmsg-cts-", b"lttng-sessiond", b"lttng-consumerd")
ROUNDS = 50
ROUND_S = 0.1


def ours_in(folder: Path) -> list[int]:
    """Process ids of the guests and daemons of a folder: their command line has it, or they are in it, and a mark of ours."""
    marker = os.fsencode(folder) + b"/"
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            command = Path("/proc", entry, "cmdline").read_bytes()
            place = os.readlink(f"/proc/{entry}/cwd")
        except OSError:
            continue
        if (marker in command or os.fsencode(place).startswith(marker)) and any(word.startswith(MARKS) for word in command.split(b"\0")):
            found.append(int(entry))
    return found


def clean_up(folder: Path) -> None:
    """Kill what runs for `folder` and remove it; comes back when nothing is left, or after some seconds."""
    for _ in range(ROUNDS):
        running = ours_in(folder)
        for pid in running:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(folder, ignore_errors=True)
        # Twice, because one that was just being started may have come, and made files, in between.
        if not running and not folder.exists():
            return
        time.sleep(ROUND_S)


def main() -> None:
    """Wait for the end of the input."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    clean_up(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
