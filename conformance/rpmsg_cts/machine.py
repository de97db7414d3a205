# SPDX-License-Identifier: BSD-3-Clause
"""What the run happened on: machine, commit, time.  Facts for the report, never input to a verdict."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path

GIT_TIMEOUT_S = 10


def machine_facts() -> dict[str, str]:
    """Return: operating system, kernel release, architecture and number of usable processors."""
    return {
        "os": _os_name(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": str(len(os.sched_getaffinity(0))),
    }


def commit_of(root: Path) -> tuple[str, bool]:
    """Identify the harness's source.

    Return: the commit as 40 hex digits or "unknown", and whether the tree differs from it.
    """
    commit = _git(root, "rev-parse", "HEAD")
    if not commit:
        return "unknown", False
    return commit, bool(_git(root, "status", "--porcelain", "--untracked-files=no"))


def utc_now() -> datetime:
    """Return: the time in UTC, to the second."""
    return datetime.now(timezone.utc).replace(microsecond=0)


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def _git(root: Path, *arguments: str) -> str:
    # An installed harness has no repository, and a machine may have no git: both are "unknown", not errors.
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False,
                              timeout=GIT_TIMEOUT_S, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"})
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
