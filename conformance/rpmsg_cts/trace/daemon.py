# SPDX-License-Identifier: BSD-3-Clause
"""A session daemon of LTTng for this process alone: its own folder, its own sockets, gone when we are.

Root's daemon uses fixed paths, of which a machine has one set.  So that ours is in nobody's way, and nobody's in ours,
it runs as `nobody` where we are root; whoever is not root has per-user daemons, and ours gets another home.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from rpmsg_cts import native
from rpmsg_cts.guest.runtime import RuntimeFolder
from rpmsg_cts.trace.tools import CLOCK, missing_to_record, require
from rpmsg_cts.verdict import HarnessError

COMMAND_TIMEOUT_S = 20.0
# How long our process waits for the daemon's answer when it loads the tracer.
REGISTER_TIMEOUT_MS = 10_000
CLOCK_BYTES = 8
UNPRIVILEGED = "nobody"
# A group that nobody is in: else members of "tracing" would talk to root's daemon.
NO_GROUP = "rpmsg-cts-nobody"


class DaemonError(HarnessError):
    """The daemon is gone, or refuses."""


class Daemon:
    """A running lttng-sessiond; `lttng()` tells it what to do."""

    def __init__(self, build: Path = native.BUILD) -> None:
        require(missing_to_record(build), "traces cannot be recorded")
        self._user = pwd.getpwnam(UNPRIVILEGED) if os.getuid() == 0 else None
        # Nobody has a way into a runtime folder of root's.
        self._folder = RuntimeFolder(Path("/tmp") if self._user else None)
        try:
            self.home = self._make_home()
            self.variables = self._variables(build)
            self.pid = self._start()
            self._pidfd = os.pidfd_open(self.pid)
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            self._folder.remove()
            raise DaemonError(f"lttng-sessiond does not start: {error}") from error

    def _make_home(self) -> Path:
        home = self._folder.path / "home"
        home.mkdir(mode=0o700)
        if self._user:
            # Its files are its own; the way to them is open, and to nothing else.
            self._folder.path.chmod(0o711)
            os.chown(home, self._user.pw_uid, self._user.pw_gid)
        return home

    def _variables(self, build: Path) -> dict[str, str]:
        clock = self._folder.path / "clock"
        clock.write_bytes(bytes(CLOCK_BYTES))
        clock.chmod(0o644)
        plugin = str(build / CLOCK)
        return {"LTTNG_HOME": str(self.home), "LTTNG_UST_CLOCK_PLUGIN": plugin, "LTTNG_UST_GETCPU_PLUGIN": plugin,
                "LTTNG_UST_REGISTER_TIMEOUT": str(REGISTER_TIMEOUT_MS), "RPS_TRACE_CLOCK": str(clock)}

    def _start(self) -> int:
        # Its command line names our folder: that is how the watchdog knows whose it is.
        config = self._folder.path / "sessiond.ini"
        config.write_text("[sessiond]\nno-kernel=yes\n", encoding="ascii")
        # It comes back when the daemon listens.
        self._run(["lttng-sessiond", "--background", f"--config={config}"])
        return int((self.home / ".lttng" / "lttng-sessiond.pid").read_text(encoding="ascii"))

    def _run(self, command: list[str]) -> None:
        # Not a pipe: the daemon would hold it open for ever.
        log = self._folder.path / "log"
        with log.open("w+", encoding="utf-8", errors="backslashreplace") as output:
            identity = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
            done = subprocess.run(command, env=_without_lttng(os.environ) | self.variables, cwd="/",
                                  stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, check=False,
                                  timeout=COMMAND_TIMEOUT_S, start_new_session=True, **identity)
            output.seek(0)
            said = " ".join(output.read().split())
        if done.returncode:
            raise DaemonError(f"{command[0]}: {said or f'exit status {done.returncode}'}")

    def ended(self, timeout_s: float = 0) -> bool:
        """Whether the daemon has ended, or does so within this time."""
        return bool(select.select([self._pidfd], [], [], timeout_s)[0])

    def lttng(self, *words: str) -> None:
        """Run one command of lttng; DaemonError where it fails, or the daemon is gone."""
        if self.ended():
            raise DaemonError("lttng-sessiond has ended")
        try:
            self._run(["lttng", "--no-sessiond", f"--group={NO_GROUP}", *words])
        except (OSError, subprocess.SubprocessError) as error:
            raise DaemonError(f"lttng {words[0]}: {error}") from error

    @contextlib.contextmanager
    def environment(self) -> Iterator[None]:
        """The environment in which a process has to load its tracer to be traced by this daemon."""
        before = dict(os.environ)
        os.environ.update(self.variables)
        try:
            yield
        finally:
            for name in self.variables:
                if name in before:
                    os.environ[name] = before[name]
                else:
                    del os.environ[name]

    def close(self) -> None:
        """End the daemon and its consumers, and remove their folder."""
        os.close(self._pidfd)
        self._folder.remove()


def _without_lttng(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("LTTNG_")}
