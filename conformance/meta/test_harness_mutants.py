# SPDX-License-Identifier: BSD-3-Clause
"""The harness can be found wrong: deliberate errors of what decides a verdict, each with the test that must find it.

Each error takes the place of one function, in a process of its own, and the tests named beside it are run there.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from rpmsg_cts import decode
from rpmsg_cts.contained import Pool, Send
from rpmsg_cts.verdict import EXIT_OK, Judgement, Verdict

META = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Wrong:
    """One error: a function, by module and name, what is made of it, and the file and words of the test that sees it."""

    where: str
    what: str
    made: Callable[[Callable[..., Any]], Any]
    found_in: str
    by: str


def swapped(header: decode.Header) -> decode.Header:
    """A header whose addresses have changed places."""
    return replace(header, src=header.dst, dst=header.src)


def cut(data: bytes, order: str) -> tuple[decode.Header, bytes]:
    """A message of which nobody asks whether all of it is there."""
    return decode.decode_header(data[:16], order), data[16:]


def lenient(right: Callable[..., Any]) -> Callable[..., Any]:
    """INCONC is as good as PASS."""
    def classify(call: Any) -> Judgement | None:
        judgement = right(call)
        return Judgement(Verdict.PASS) if judgement and judgement.verdict is Verdict.INCONC else judgement
    return classify


WRONG = {
    "equal-anyway": Wrong("rpmsg_cts.judge:_same", "expect() accepts everything",
                          lambda right: lambda expected, observed: True, "test_judge.py", "unequal_things"),
    "nothing-equal": Wrong("rpmsg_cts.judge:_same", "expect() accepts nothing",
                           lambda right: lambda expected, observed: False, "test_judge.py", "equal_things_are_equal"),
    "given-ignored": Wrong("rpmsg_cts.judge:given", "a precondition that fails is passed over",
                           lambda right: lambda condition, why: None, "test_judge.py", "precondition"),
    "merge-forgets": Wrong("rpmsg_cts.verdict:Judgement.merge", "a later judgement hides a worse one",
                           lambda right: lambda self, other: other, "test_verdict.py", "merge_never_gets_better"),
    "merge-hides": Wrong("rpmsg_cts.verdict:Judgement.merge", "an ERROR hides the FAIL before it",
                         lambda right: lambda self, other: Judgement(right(self, other).verdict, other.reason),
                         "test_verdict.py", "does_not_hide"),
    "status-ok": Wrong("rpmsg_cts.verdict:exit_status", "a run always ends well",
                       lambda right: lambda verdicts: EXIT_OK, "test_verdict.py", "exit_status"),
    "inconc-passes": Wrong("rpmsg_cts.recorder:classify", "a test that could not judge passes", lenient,
                           "test_plugin.py", "outcomes_become_verdicts"),
    "known-anyway": Wrong("rpmsg_cts.known:Entry.explains", "any failure is the one that was recorded",
                          lambda right: lambda self, judgement: True, "test_known.py", "another_message"),
    "known-everywhere": Wrong("rpmsg_cts.known:Entry.covers", "a recorded defect is in every release",
                              lambda right: lambda self, requirement, target, role, release: right(
                                  self, requirement, target, role, self.looks[0].kernel),
                              "test_known.py", "covers_what_it_names"),
    "header-swapped": Wrong("rpmsg_cts.decode:decode_header", "src and dst are exchanged where headers are read",
                            lambda right: lambda data, order: swapped(right(data, order)), "test_vectors.py",
                            "test_message"),
    "order-ignored": Wrong("rpmsg_cts.decode:_unpack", "everything is read as little endian",
                           lambda right: lambda layout, data, order, offset=0: right(layout, data, "le", offset),
                           "test_vectors.py", "test_message or test_vring"),
    "event-in-int": Wrong("rpmsg_cts.decode:need_event", "the event formula is evaluated in int",
                          lambda right: lambda event, new, old: new - event - 1 < new - old, "test_vectors.py",
                          "need_event"),
    "layout-short": Wrong("rpmsg_cts.decode:round_up", "nothing is rounded up",
                          lambda right: lambda value, align: value, "test_vectors.py", "layout_row"),
    "cut-message": Wrong("rpmsg_cts.decode:decode_message", "a payload that was cut is taken as it is",
                         lambda right: cut, "test_decode.py", "cut_payload"),
    "pair-lost": Wrong("rpmsg_cts.pairwise:pairwise", "the last variant is left out",
                       lambda right: lambda *args, **more: right(*args, **more)[:-1], "test_pairwise.py",
                       "every_pair_meets"),
    "inconc-kills": Wrong("rpmsg_cts.matrix:Outcome.guilty", "a mutant is killed by a test that could not judge",
                          lambda right: property(lambda self: not self.green), "test_matrix.py", "only_a_verdict"),
    "canary-unheard": Wrong("rpmsg_cts.matrix:Matrix.errors", "nobody looks at the canary",
                            lambda right: property(lambda self: []), "test_matrix.py", "exit_status"),
}
RIGHT = "right"


def put_in(wrong: Wrong) -> None:
    """Let an error take the place of its function, before the tests import it."""
    module, _, path = wrong.where.partition(":")
    holder: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for part in outer:
        holder = getattr(holder, part)
    setattr(holder, name, wrong.made(getattr(holder, name)))


def run_tests(job: str, positions: Sequence[int], send: Send) -> None:
    """In a worker: the tests of one error, with it or, where the job says so, without."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    name, _, how = job.partition(" ")
    wrong = WRONG[name]
    if how != RIGHT:
        put_in(wrong)
    for _ in positions:
        send(int(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", str(META.parent / "pytest.ini"),
                              str(META / wrong.found_in), "-k", wrong.by])))


@pytest.fixture(scope="module")
def statuses() -> dict[str, Any]:
    """Exit status of pytest, for each error and for the same tests without it."""
    jobs = {f"{name}{how}": [0] for name in WRONG for how in ("", f" {RIGHT}")}
    return {job: found[0] for job, found in Pool(run_tests, 2, limit_s=60).run(jobs)}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_of_the_harness_is_found(name: str, statuses: dict[str, Any]) -> None:
    """By the test that is there for it, which is green without it."""
    assert statuses[f"{name} {RIGHT}"] == pytest.ExitCode.OK, "the tests named are there, and green without the error"
    assert statuses[name] == pytest.ExitCode.TESTS_FAILED, f"nobody finds that {WRONG[name].what}"
