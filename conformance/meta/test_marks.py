# SPDX-License-Identifier: BSD-3-Clause
"""A run that never came to where a requirement bites says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from meta.conftest import ROOT
from rpmsg_cts import catalogue, marks, results
from rpmsg_cts.marks import Mark, Reached
from rpmsg_cts.native import simulated
from rpmsg_cts.targets import DEVICE, DRIVER, ROLES, SIM, Lane
from rpmsg_cts.verdict import Verdict

SIM_DRIVER, SIM_DEVICE, ELSEWHERE = Lane(SIM, DRIVER), Lane(SIM, DEVICE), Lane("linux-armhf", DRIVER)
FULL = Mark("full", (DRIVER,), ("LAY-011",), "the ring was full")
BUSY = Mark("busy", ROLES, ("LAY-011", "FLO-005"), "no buffer was free")

HEAD = """
from rpmsg_cts.judge import expect, req


@req("ADR-005")
def test_x(link):
"""
WITHOUT = "    link.upper.open(src=30)\n"
WITH = WITHOUT + "    try:\n        link.upper.open(src=30)\n    except OSError:\n        pass\n"


def test_the_table_is_about_requirements_that_there_are() -> None:
    """A misspelled one would never be missed."""
    table = marks.load(simulated())

    assert marks.unknown_requirements(table, catalogue.load(ROOT).requirements) == []
    assert len({mark.name for mark in table}) == len(table) > 50
    assert all(mark.roles and mark.requirements and mark.what for mark in table)


def test_a_mark_is_about_a_requirement_that_binds_its_end() -> None:
    """Else nobody is ever asked for it."""
    rows = catalogue.load(ROOT).requirements

    for mark in marks.load(simulated()):
        assert any(rows[id_].binds & set(mark.roles) for id_ in mark.requirements), mark


@pytest.mark.parametrize(("counts", "passed", "missed"), [
    ({SIM_DRIVER: [[0, 1], [2, 0]]}, [(SIM_DRIVER, "LAY-011")], {}),
    ({SIM_DRIVER: [[0, 1], [0, 0]]}, [(SIM_DRIVER, "LAY-011")], {(SIM_DRIVER, "LAY-011"): [FULL]}),
    ({SIM_DRIVER: [[0, 0]]}, [(SIM_DRIVER, "LAY-011")], {(SIM_DRIVER, "LAY-011"): [FULL, BUSY]}),
    ({SIM_DRIVER: [[0, 0]]}, [], {}),
    ({SIM_DRIVER: [[0, 0]]}, [(SIM_DRIVER, "LAY-001")], {}),
    ({SIM_DEVICE: [[0, 0]]}, [(SIM_DEVICE, "LAY-011")], {(SIM_DEVICE, "LAY-011"): [BUSY]}),
    ({SIM_DRIVER: [[1, 1]], SIM_DEVICE: [[0, 0]]}, [(SIM_DEVICE, "FLO-005")], {(SIM_DEVICE, "FLO-005"): [BUSY]}),
    ({SIM_DRIVER: [[1, 1]]}, [(ELSEWHERE, "LAY-011")], {}),
], ids=["sum", "one", "all", "not-passed", "another", "other-end", "other-lane", "not-counted"])
def test_what_was_missed(counts: dict[Lane, list[list[int]]], passed: list[tuple[Lane, str]],
                         missed: dict[tuple[Lane, str], list[Mark]]) -> None:
    """Over all tests of a lane, and only of what passed there."""
    reached = Reached()
    for lane, rows in counts.items():
        for row in rows:
            reached.add(lane, row)

    assert reached.never([FULL, BUSY], passed) == missed


@pytest.mark.parametrize(("body", "options", "verdicts"), [
    (WITH, (), {Verdict.PASS: 2}),
    (WITHOUT, (), {Verdict.PASS: 2, Verdict.INCONC: 2}),
    (WITHOUT, ("--req=ADR-005",), {Verdict.PASS: 2}),
    (WITHOUT, ("--suite=addressing",), {Verdict.PASS: 2}),
    (WITHOUT, ("-k", "test_x"), {Verdict.PASS: 2}),
], ids=["with-trigger", "without-trigger", "one-requirement", "one-suite", "some-tests"])
def test_a_run_without_the_trigger_is_inconclusive(project: Path, tmp_path: Path, body: str, options: tuple[str, ...],
                                                   verdicts: dict[Verdict, int]) -> None:
    """The tests pass, and have shown nothing; a part of the suites is not asked."""
    suite = project / "conformance" / "addressing"
    suite.mkdir()
    (suite / "test_it.py").write_text(HEAD + body, encoding="utf-8")
    (project / "conformance" / "conftest.py").write_text(
        'pytest_plugins = ["rpmsg_cts.plugin", "rpmsg_cts.plugin_link"]\n', encoding="utf-8")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={project / 'conformance'}",
         "--import-mode=importlib", f"--project-root={project}", f"--results={tmp_path / 'results.jsonl'}", *options,
         str(suite)], cwd=project / "conformance", env={**os.environ, "PYTHONPATH": str(ROOT / "conformance")},
        capture_output=True, text=True, check=False)

    loaded = results.load(tmp_path / "results.jsonl")
    assert dict(loaded.counts()) == verdicts, done.stdout + done.stderr
    for result in loaded.with_verdict(Verdict.INCONC):
        assert result.reason == "never reached: address_in_use (an address was asked for that somebody had)"
        assert (result.requirement, result.test) == ("ADR-005", f"marks::reached[sim-{result.role}]")
