# SPDX-License-Identifier: BSD-3-Clause
"""Running pytest in process: the suites of a project, with the plugin and without pytest's own output."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rpmsg_cts.recorder import SUBJECT, Subject

EXEMPT_DIRS = ("meta", "rpmsg_cts")


def suite_dirs(root: Path, suites: Sequence[str] = ()) -> list[Path]:
    """Return: the folders of the suites that exist below conformance/, all or those named."""
    folder = root / "conformance"
    return [path for path in sorted(folder.iterdir()) if path.is_dir() and path.name not in EXEMPT_DIRS
            and not path.name.startswith((".", "_")) and (not suites or path.name in suites)]


def run_pytest(root: Path, paths: Sequence[Path], options: Sequence[str], plugins: Sequence[object]) -> int:
    """Run or collect the tests in `paths`.

    options: those of rpmsg_cts.plugin, and pytest's.

    Return: pytest's exit code.
    """
    conformance = root / "conformance"
    ini = conformance / "pytest.ini"
    arguments = ["-p", "rpmsg_cts.plugin", "-p", "no:cacheprovider", "-vv",
                 "-c", str(ini if ini.exists() else os.devnull), f"--rootdir={conformance}",
                 f"--confcutdir={conformance}", "--import-mode=importlib", f"--project-root={root}", *options,
                 *map(str, paths)]
    return int(pytest.main(arguments, plugins=[_Quiet(), *plugins]))


class _Quiet:
    """Takes pytest's terminal reporter away; its options stay, because the texts of plain asserts depend on them."""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Unregister the reporter, which is there by now."""
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)


@dataclass(eq=False)
class Collector:
    """A pytest plugin object that remembers what was collected: node id and subject."""

    items: list[tuple[str, Subject]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the text of a file that does not import."""
        if report.failed:
            self.problems.append(report.longreprtext)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take the items."""
        self.items = [(item.nodeid, item.stash[SUBJECT]) for item in session.items if SUBJECT in item.stash]


def collect(root: Path, target_names: Sequence[str]) -> Collector:
    """Collect every test of every suite on the given targets, without running any."""
    collector = Collector()
    paths = suite_dirs(root)
    if paths:
        options = [f"--target={name}" for name in target_names]
        run_pytest(root, paths, ["--collect-only", *options], [collector])
    return collector
