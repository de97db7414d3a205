# SPDX-License-Identifier: BSD-3-Clause
"""What tests of traces share: whether they can run here, and programs of their own.

A process is traced by the first daemon that it meets and by no other, so what records runs in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from meta.conftest import ROOT
from rpmsg_cts.trace import tools

PATIENCE_S = 60
# Tells daemons of one test from those of others that run at the same time.
WHOSE = "RPMSG_CTS_TESTED_PROJECT"

_MISSING = [*tools.missing_to_record(), *tools.missing_to_read(),
            *([] if shutil.which("babeltrace2") else [f"babeltrace2: apt-get install {tools.PROGRAMS['babeltrace2']}"])]
needs_lttng = pytest.mark.skipif(bool(_MISSING), reason="; ".join(_MISSING))


def python(script: str, *arguments: object) -> str:
    """Run a script with the package in its path.  Return: what it prints."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)], capture_output=True,
                          text=True, check=False, timeout=PATIENCE_S,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "conformance")})
    assert done.returncode == 0, done.stderr
    return done.stdout


def babeltrace(folder: Path) -> str:
    """Return: a trace as babeltrace2 prints it."""
    done = subprocess.run(["babeltrace2", folder], capture_output=True, text=True, check=True, timeout=PATIENCE_S,
                          env={**os.environ, "TZ": "UTC"})
    assert not done.stderr
    return done.stdout


def daemons(project: Path) -> list[int]:
    """Return: process ids of the daemons of LTTng that were started in the environment of a project."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                ours = f"\0{WHOSE}={project}\0".encode() in b"\0" + (entry / "environ").read_bytes()
                if ours and (entry / "cmdline").read_bytes().startswith(b"lttng-"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
