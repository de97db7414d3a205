# SPDX-License-Identifier: BSD-3-Clause
"""The folder of this process for sockets and libvirt's state, and what makes sure that nothing outlives the process.

A guest is a child of nobody: libvirt detaches QEMU, and LTTng its daemons.  So a small process, watchdog.py, holds the reading end of a pipe
whose writing end is ours; when we are gone, in whatever way, it kills them and removes our folder.  Should it be
killed as well, the next process that starts finds the folder's lock free and does the same.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import watchdog

PREFIX = "rpmsg-cts-"
LOCK = "lock"
# A socket's path may have 107 bytes, and libvirt adds about 60 to the folder's: longer places are not used.
PLACE_MAX_BYTES = 30


class RuntimeFolder:
    """One folder, for this process only; `path` is short.  place: where it is made."""

    def __init__(self, place: Path | None = None) -> None:
        place = place or _place()
        sweep(place)
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        self.run_id = self.path.name.removeprefix(PREFIX)
        self._lock = (self.path / LOCK).open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._pipe = _start_watchdog(self.path)
        self._owner = os.getpid()

    def remove(self) -> None:
        """End what is left of our guests, and remove the folder: the watchdog's work, done by ourselves."""
        if os.getpid() != self._owner:
            return  # a child that was forked, which ends while we go on
        watchdog.clean_up(self.path)
        # Nothing is left for it to do; it ends with its input.
        self._pipe.close()
        self._lock.close()


@functools.cache
def runtime_folder() -> RuntimeFolder:
    """Return: the folder of this process, created when it is first asked for, removed when the process ends."""
    folder = RuntimeFolder()
    atexit.register(folder.remove)
    return folder


def _place() -> Path:
    candidate = os.environ.get("XDG_RUNTIME_DIR", "")
    if candidate and len(os.fsencode(candidate)) <= PLACE_MAX_BYTES and os.access(candidate, os.W_OK | os.X_OK):
        return Path(candidate)
    return Path("/tmp")


def sweep(place: Path) -> None:
    """Clean up behind processes of ours that ended together with their watchdog."""
    for folder in place.glob(f"{PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / LOCK).open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                watchdog.clean_up(folder)
        except OSError:
            # In use; or without a lock, so just being created, or not ours.
            continue


def _start_watchdog(folder: Path) -> object:
    """Return: our end of the pipe; it closes when we end."""
    command = [sys.executable, "-I", "-S", watchdog.__file__, str(folder)]
    # A session of its own: what the terminal sends to us must not reach it.
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True, cwd="/")
    # It is to outlive us, so nobody waits for it.
    process.returncode = 0
    return process.stdin
