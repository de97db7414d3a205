# SPDX-License-Identifier: BSD-3-Clause
"""Verdicts merge one way only, and each of them has a face and an exit status."""

import itertools

import pytest

from rpmsg_cts.verdict import (EXIT_ERROR, EXIT_FAIL, EXIT_INCONC, EXIT_MEANINGS, EXIT_NOTHING, EXIT_OK, FACES,
                               Judgement, Verdict, exit_status, worst)


def test_every_verdict_has_a_face_and_no_two_look_alike():
    """A verdict that is added without a line in the table would vanish from reports."""
    assert set(FACES) == set(Verdict)
    assert len({face.symbol for face in FACES.values()}) == len(Verdict)
    assert len({face.ascii for face in FACES.values()}) == len(Verdict)
    assert all(face.ascii.isascii() and len(face.ascii) == 1 for face in FACES.values())


@pytest.mark.parametrize("first, second", itertools.product(Verdict, Verdict), ids=str)
def test_a_merge_never_gets_better(first, second):
    """The order in which evidence comes in must not be able to wash it away."""
    merged = Judgement(first, "a").merge(Judgement(second, "b"))

    assert merged.verdict is worst([first, second])
    assert merged.verdict.badness >= max(first.badness, second.badness)


def test_a_merge_keeps_the_first_reason_of_the_worst():
    """The first failure is the cause more often than the last."""
    merged = Judgement(Verdict.PASS).merge(Judgement(Verdict.FAIL, "one")).merge(Judgement(Verdict.FAIL, "two"))

    assert merged == Judgement(Verdict.FAIL, "one")


def test_an_error_does_not_hide_the_failure_before_it():
    """A broken clean-up must not cost the finding about the implementation."""
    merged = Judgement(Verdict.FAIL, "one", "0x1", "0x2").merge(Judgement(Verdict.ERROR, "guest is gone"))

    assert merged == Judgement(Verdict.ERROR, "guest is gone; before that FAIL: one", "0x1", "0x2")


@pytest.mark.parametrize("verdicts, status", [
    ([], EXIT_NOTHING),
    ([Verdict.SKIP], EXIT_NOTHING),
    ([Verdict.SKIP, Verdict.PASS], EXIT_OK),
    ([Verdict.PASS, Verdict.KNOWN, Verdict.WAIVED], EXIT_OK),
    ([Verdict.PASS, Verdict.INCONC, Verdict.SKIP], EXIT_INCONC),
    ([Verdict.INCONC, Verdict.FAIL], EXIT_FAIL),
    ([Verdict.FAIL, Verdict.ERROR, Verdict.INCONC], EXIT_ERROR),
])
def test_the_exit_status_is_the_worst_news(verdicts, status):
    """Scripts look at nothing else."""
    assert exit_status(verdicts) == status
    assert status in EXIT_MEANINGS
