# SPDX-License-Identifier: BSD-3-Clause
"""Workers that crash, hang or give up cost their position, and nothing else."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest

from rpmsg_cts.contained import MAX_DEATHS, Death, Pool, Send


def answer(job: str, positions: Sequence[int], send: Send) -> None:
    """Say where one is; what the job is called happens at position 2."""
    for position in positions:
        if position == 2:
            {"abort": os.abort, "spin": _spin, "raise": _raise, "leave": lambda: os._exit(7)}.get(job, int)()
        send([job, position])


def _spin() -> None:
    while True:
        pass


def _raise() -> None:
    raise ValueError("in the worker")


def die(_job: str, _positions: Sequence[int], _send: Send) -> None:
    """A worker that never gets anywhere."""
    os.kill(os.getpid(), signal.SIGSEGV)


def test_each_position_gets_its_answer() -> None:
    """Whatever job and worker it belongs to."""
    jobs = {"one": [0, 1, 2], "two": [5, 3], "three": [4]}

    found = dict(Pool(answer, 2).run(jobs))

    assert found == {job: {at: [job, at] for at in positions} for job, positions in jobs.items()}


@pytest.mark.parametrize(("job", "how"), [("abort", "killed by SIGABRT"), ("spin", "still busy after 0.1 s"),
                                          ("raise", "ended with status 1"), ("leave", "ended with status 7")])
def test_a_death_costs_one_position(job: str, how: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Those behind it are answered by the next worker."""
    found = dict(Pool(answer, 1, limit_s=0.1).run({job: [0, 1, 2, 3], "other": [2]}))

    assert found == {job: {0: [job, 0], 1: [job, 1], 2: Death(how), 3: [job, 3]}, "other": {2: ["other", 2]}}
    assert ("in the worker" in capfd.readouterr().err) == (job == "raise")


def test_a_job_that_always_dies_comes_to_an_end() -> None:
    """Each death costs a fork."""
    found = dict(Pool(die, 2).run({"hopeless": list(range(1000))}))["hopeless"]

    assert len(found) == 1000
    assert found[MAX_DEATHS - 1] == Death("killed by SIGSEGV")
    assert found[MAX_DEATHS] == Death(f"not tried: hopeless died {MAX_DEATHS} times before")


def test_nobody_is_left_behind_when_the_run_is_given_up() -> None:
    """Ctrl-C must not leave busy processes."""
    outcomes = Pool(answer, 2, limit_s=60).run({"quick": [0], "spin": [2]})
    next(outcomes)
    outcomes.close()

    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
