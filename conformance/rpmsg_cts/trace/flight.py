# SPDX-License-Identifier: BSD-3-Clause
"""The flight recorder: records of the running test in memory, written down only where the test fails."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from rpmsg_cts import native
from rpmsg_cts.trace.daemon import Daemon, DaemonError
from rpmsg_cts.trace.tracer import Tracer

SESSION = "rpmsg-cts"
CHANNEL = "ring"
# Per processor; together as many records as the log of a world keeps.
SUBBUFFER = "512K"
NUM_SUBBUFFERS = 8
NAME_MAX_CHARS = 120


class Flight:
    """Keeps what happens in a test until the next one begins.

    lost: why nothing is recorded any more; "" while all is well.
    """

    def __init__(self, into: Path, build: Path = native.BUILD) -> None:
        self._into = into
        self.lost = ""
        self._daemon = Daemon(build)
        try:
            self._snapshots = self._daemon.home / "snapshots"
            self._daemon.lttng("create", SESSION, "--snapshot", f"--output={self._snapshots}")
            self._daemon.lttng("enable-channel", "--userspace", "--overwrite", f"--subbuf-size={SUBBUFFER}",
                               f"--num-subbuf={NUM_SUBBUFFERS}", CHANNEL)
            self._daemon.lttng("enable-event", "--userspace", f"--channel={CHANNEL}", "rps:*")
            self._daemon.lttng("start")
            with self._daemon.environment():
                self.tracer = Tracer(build)
        except BaseException:
            self._daemon.close()
            raise

    def begin(self, test: str) -> None:
        """Forget what was before, and write down which test begins."""
        self._unless_lost(lambda: self._daemon.lttng("clear"))
        self.tracer.mark(test)

    def keep(self, test: str) -> Path | None:
        """Write down what happened since begin().

        Return: the folder of the trace; None where there is none, and `lost` says why.
        """
        folder = self._into / folder_name(test)
        return folder if self._unless_lost(lambda: self._record(folder)) else None

    def _record(self, folder: Path) -> None:
        self._daemon.lttng("snapshot", "record")
        found = list(self._snapshots.rglob("metadata"))
        if not found:
            raise DaemonError("lttng wrote a snapshot without a trace in it")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for file in found[0].parent.iterdir():
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
        shutil.rmtree(self._snapshots, ignore_errors=True)

    def _unless_lost(self, do: object) -> bool:
        if self.lost:
            return False
        try:
            do()
        except DaemonError as error:
            self.lost = str(error)
        except OSError as error:
            self.lost = f"the trace cannot be written: {error}"
        return not self.lost

    def close(self) -> None:
        """End the recorder; traces that were kept stay."""
        self._daemon.close()


def folder_name(test: str) -> str:
    """Return: a name for a test's folder that no other test has, and that file systems and shells can bear."""
    plain = re.sub(r"[^\w.=-]+", "-", test, flags=re.ASCII).strip("-")
    digest = hashlib.sha256(test.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{plain[:NAME_MAX_CHARS]}-{digest}"
