# SPDX-License-Identifier: BSD-3-Clause
"""Tests that no deliberate error of our own ends can stand for are run on a kernel that seems to do otherwise.

A lie is put between a test and the guest: what the agent answers, or what is on the ring, becomes what it would be had
the kernel the error.  The test has to say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 240

# (link, the right function) -> the wrong one.
Made = Callable[[Any, Callable[..., Any]], Callable[..., Any]]
# test: what the lie is put in place of, and the lie.
Lies = Mapping[str, tuple[str, Made]]


def always(value: object) -> Made:
    """Whatever is asked, without doing it."""
    return lambda link, right: lambda *arguments, **more: value


def changed(change: Callable[[Any], object]) -> Made:
    """The right answer, changed."""
    return lambda link, right: lambda *arguments, **more: change(right(*arguments, **more))


class Liar:
    """A pytest plugin: each test's own lie is told while it runs, to what its fixture holds."""

    def __init__(self, lies: Lies, fixture: str) -> None:
        self._lies, self._fixture = lies, fixture

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out tests that are lied to elsewhere."""
        items[:] = [item for item in items if item.originalname in self._lies]  # type: ignore[attr-defined]

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Put the lie in its place."""
        holder = link = item.funcargs[self._fixture]  # type: ignore[attr-defined]
        where, made = self._lies[item.originalname]  # type: ignore[attr-defined]
        *outer, name = where.split(".")
        for part in outer:
            holder = getattr(holder, part)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(holder, name, made(link, getattr(holder, name)))
            yield


def run(suite: str, target: str, results: str, liar: Liar) -> int:
    """In a process of its own: a suite, lied to."""
    from rpmsg_cts.collected import run_pytest  # pylint: disable=import-outside-toplevel

    return run_pytest(ROOT, [ROOT / "conformance" / suite], [f"--target={target}", f"--results={results}"], [liar])


def verdicts(module: str, suite: str, target: str, results: Path) -> dict[str, set[str]]:
    """Return: what each test of a suite said when it was told the lies of a module of this folder, its LIAR."""
    script = f"from meta import liar, {module}; liar.run({suite!r}, {target!r}, {str(results)!r}, {module}.LIAR)"
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT / "conformance")},
                          capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert results.exists(), done.stderr
    found: dict[str, set[str]] = {}
    for line in results.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if "verdict" in row:
            name = row["test"].partition("::")[2].partition("[")[0]
            found.setdefault(name, set()).add(row["verdict"])
    return found


def tests_of(suite: str) -> set[str]:
    """Return: names of all tests of a suite."""
    return {line.partition("def ")[2].partition("(")[0]
            for path in (ROOT / "conformance" / suite).glob("test_*.py")
            for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("def test_")}
