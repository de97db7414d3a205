# SPDX-License-Identifier: BSD-3-Clause
"""What a run shows while it runs: one live line on a terminal, now and then a plain line elsewhere.

Also collects what pytest would have printed itself and cannot, because its own terminal reporter is off.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from rpmsg_cts.plugin import SESSION, Session
from rpmsg_cts.report.text import one_line, shortened
from rpmsg_cts.results import Result
from rpmsg_cts.verdict import FACES, Verdict

PLAIN_INTERVAL_S = 2.0
MAX_NAME_CHARS = 60

# What is news while a run is going on; the rest is in the matrix at its end.
NEWS = (Verdict.FAIL, Verdict.ERROR)


@dataclass(eq=False)
class RunWatcher:
    """A pytest plugin object that shows progress and remembers how the run went.

    console: must not write through what pytest captures.  verbose: one line per result.
    session: the plugin's knowledge once pytest is configured.  problems: collection errors, with their text.
    """

    console: Console
    verbose: bool = False
    session: Session | None = None
    problems: list[str] = field(default_factory=list)
    interrupted: bool = False
    _total: int = 0
    _done: int = 0
    _part: str = ""
    _last_line: float = 0.0
    _started: float = field(default_factory=time.monotonic)
    _bar: Progress | None = None
    _task: TaskID | None = None

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Start listening; by now every plugin is configured."""
        self.session = session.config.stash[SESSION]
        self.session.recorder.listeners.append(self._on_result)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the text of a file that does not import."""
        if report.failed:
            self.problems.append(report.longreprtext)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Show the bar, now that its length is known."""
        self._total = len(session.items)
        if not self._total or self.verbose or not self.console.is_terminal:
            return
        self._bar = Progress(BarColumn(bar_width=30), MofNCompleteColumn(), TimeElapsedColumn(),
                             TextColumn("{task.description}", markup=False), console=self.console, transient=True)
        self._task = self._bar.add_task("", total=self._total)
        self._bar.start()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Name the test that is running: it is the one that hangs, if one does."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, description=shortened(one_line(nodeid.rpartition("::")[2]), MAX_NAME_CHARS))

    def pytest_runtest_logfinish(self) -> None:
        """Count."""
        self._done += 1
        if self._bar and self._task is not None:
            self._bar.update(self._task, advance=1)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember that somebody wanted it to end; pytest calls this for reasons of its own as well."""
        self.interrupted = excinfo.type is KeyboardInterrupt

    def pytest_sessionfinish(self) -> None:
        """Take the bar away."""
        self.stop()

    def stop(self) -> None:
        """Take the bar away; may be called again."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def _on_result(self, result: Result) -> None:
        face = FACES[result.verdict]
        line = Text(f"{result.verdict:6} {result.requirement} ", face.colour)
        line.append(Text(shortened(f"{one_line(result.test)}: {one_line(result.reason)}".removesuffix(": "), 300), "default"))
        if self.verbose or (self._bar and result.verdict in NEWS):
            self.console.print(line, soft_wrap=True)
        if not self.verbose and not self._bar:
            self._plain(result)

    def _plain(self, result: Result) -> None:
        # By folder: a test may also judge a requirement of another suite.
        part = f"{result.target} {result.test.partition('/')[0]}"
        now = time.monotonic()
        if part == self._part and now - self._last_line < PLAIN_INTERVAL_S:
            return
        self._part, self._last_line = part, now
        self.console.print(Text(f"[{self._done}/{self._total}] {now - self._started:6.1f} s  {one_line(part)}"),
                           soft_wrap=True)
