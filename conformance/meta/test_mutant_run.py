# SPDX-License-Identifier: BSD-3-Clause
"""How the tests are run against a deliberate error: only for what the matrix says of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rpmsg_cts import mutant_run
from rpmsg_cts.matrix import DIED, Matrix
from rpmsg_cts.mutants import CANARY, TABLE, Mutant

FIXTURES = '''
import os

import pytest
from rpmsg_cts.monitor import Finding, rules

DRAWN = 3


@pytest.fixture
def link(lane, report_log, report_diagram, report_findings):
    report_log(lambda: os._exit(DRAWN))
    report_diagram(lambda: os._exit(DRAWN))
    yield lane
    if lane.target != "census":
        report_findings([Finding(rules()[0], lane.role, 0, 0, None, 0, 1)])
'''
TESTS = '''
from rpmsg_cts.judge import expect, req


@req("HDR-005")
def test_it_is_not_spoiled(link):
    expect("census", link.target, "target")
'''


@pytest.fixture
def judged(project: Path) -> Matrix:
    """The matrix of one test that finds the canary, and whose log and diagram end the process."""
    (project / "conformance" / "conftest.py").write_text(FIXTURES, encoding="utf-8")
    (project / "conformance" / "header" / "test_dummy.py").write_text(TESTS, encoding="utf-8")
    (project / TABLE).parent.mkdir(parents=True)
    (project / TABLE).write_text(Mutant(CANARY, "HDR-005", ("*",), "nothing works").row + "\n", encoding="utf-8")
    return mutant_run.judge(project, every_test=True)


def test_nobody_draws_what_nobody_reads(judged: Matrix) -> None:
    """Half of the matrix's time went into diagrams of failures that were expected."""
    found = judged.rows[CANARY].outcomes

    assert {outcome.verdict for outcome in found.values()} == {"FAIL"}, f"{DIED} where a source was asked: {found}"
    assert all(outcome.monitor for outcome in found.values()), "what the monitor found is taken in all the same"
