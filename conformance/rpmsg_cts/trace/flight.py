# SPDX-License-Identifier: BSD-3-Clause
"""The flight recorder: records of the running test in memory, written down only where the test fails."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from rpmsg_cts import native
from rpmsg_cts.trace.daemon import Daemon, DaemonError
from rpmsg_cts.trace.shelf import Shelf
from rpmsg_cts.trace.tracer import Tracer

SESSION = "rpmsg-cts"
CHANNEL = "ring"
# Per processor; together as many records as the log of a world keeps.
SUBBUFFER = "512K"
NUM_SUBBUFFERS = 8
BEFORE_MAX_RECORDS = 16384
# LTTng writes down how far its clock is from the time of day; ours is not one, and two runs are to be the same.
CLOCK_OFFSET = re.compile(rb"(offset = )(\d+)(;)")


class Flight:
    """Keeps what happens in a test, and a little of what was before.

    What was before is forgotten now and then, and not for each test: that takes longer than most tests.  A mark says
    where a test begins, for readers to begin there.

    lost: why nothing is recorded any more; "" while all is well.
    """

    def __init__(self, shelf: Shelf, build: Path = native.BUILD) -> None:
        self._shelf = shelf
        self.lost = ""
        self.kept = 0
        self._cleared = 0
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

    @property
    def daemon_pid(self) -> int:
        """The process id of the session daemon."""
        return self._daemon.pid

    def wait_for_end(self, timeout_s: float) -> bool:
        """Wait until the session daemon has ended.  Return: whether it has."""
        return self._daemon.ended(timeout_s)

    def begin(self, test: str) -> None:
        """Write down which test begins."""
        if self.tracer.written() - self._cleared >= BEFORE_MAX_RECORDS:
            self._unless_lost(test, lambda: self._daemon.lttng("clear"))
            self._cleared = self.tracer.written()
        self.tracer.mark(test)

    def keep(self, test: str) -> str:
        """Write down what happened since begin().

        Return: the folder of the trace, as the shelf names it; "" where there is none, and `lost` says why.
        """
        folder, link = self._shelf.place(test)
        if not self._unless_lost(test, lambda: self._record(folder)):
            return ""
        self.kept += 1
        return link

    def finish(self, interrupted: Path | None) -> None:
        """Put the traces where the results of the run are; `interrupted` is where those are, if it was."""
        try:
            self._shelf.finish(interrupted)
        except OSError as error:
            self.lost = f"the traces cannot be moved: {error}"

    def summary(self) -> str:
        """Return: what became of the traces, in a sentence."""
        kept = f"{self.kept} kept in {self._shelf.folder}" if self.kept else "none kept"
        return f"{kept}; INCONC from then on: {self.lost}" if self.lost else kept

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
        _forget_time_of_day(folder / found[0].name)
        shutil.rmtree(self._snapshots, ignore_errors=True)

    def _unless_lost(self, test: str, do: Callable[[], None]) -> bool:
        if self.lost:
            return False
        try:
            do()
        except (DaemonError, OSError) as error:
            self.lost = f"{error}, in {test}"
        return not self.lost

    def close(self) -> None:
        """End the recorder; traces that were kept stay."""
        self._daemon.close()


def _forget_time_of_day(metadata: Path) -> None:
    # In place: the text lies in packets that know their sizes.
    text, count = CLOCK_OFFSET.subn(lambda found: found[1] + b"0" * len(found[2]) + found[3], metadata.read_bytes())
    if count != 1:
        raise DaemonError(f"the metadata of the trace name {count} clocks instead of one")
    metadata.write_bytes(text)
