# SPDX-License-Identifier: BSD-3-Clause
"""Work that may crash or never end, in processes of its own: forked, so that what is ready in this one is ready there.

A job is a name and positions to be worked through.  Its worker sends one outcome per position; where it dies in the
middle, the position gets an outcome that says so, and another worker goes on behind it.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Processor time for one position: an honest one takes a hundredth of a second.
LIMIT_S = 10.0
# Each death costs a fork; a job that dies everywhere has said enough by then.
MAX_DEATHS = 20

Send = Callable[[Any], None]
Work = Callable[[str, Sequence[int], Send], None]


@dataclass(frozen=True)
class Death:
    """The outcome of a position at which the worker died: how."""

    how: str


@dataclass
class _Worker:
    """A child and what is still expected of it."""

    job: str
    positions: Sequence[int]
    pid: int
    pipe: int
    text: bytes = b""
    done: int = 0


@dataclass
class Pool:
    """Runs jobs in at most `size` workers at a time.

    work: called in the worker with the job's name, its positions and a function that it calls with the outcome (any
    JSON) of one position after the other.  limit_s: processor time for each of them.
    """

    work: Work
    size: int
    limit_s: float = LIMIT_S
    _workers: dict[int, _Worker] = field(default_factory=dict)

    def run(self, jobs: Mapping[str, Sequence[int]]) -> Iterator[tuple[str, dict[int, Any]]]:
        """Yield each job's name with the outcomes of its positions, as jobs are finished."""
        waiting = list(reversed(jobs.items()))
        found: dict[str, dict[int, Any]] = {job: {} for job in jobs}
        deaths = dict.fromkeys(jobs, 0)
        gc.collect()
        gc.freeze()
        try:
            with selectors.DefaultSelector() as selector:
                while waiting or self._workers:
                    while waiting and len(self._workers) < self.size:
                        self._start(*waiting.pop(), selector)
                    for key, _ in selector.select():
                        worker = self._workers[key.fd]
                        if self._read(worker, found[worker.job]):
                            continue
                        selector.unregister(worker.pipe)
                        rest = self._bury(worker, found[worker.job], deaths)
                        if rest:
                            waiting.append((worker.job, rest))
                        else:
                            yield worker.job, found[worker.job]
        finally:
            gc.unfreeze()
            for worker in self._workers.values():
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
                os.close(worker.pipe)
            self._workers.clear()

    def _start(self, job: str, positions: Sequence[int], selector: selectors.BaseSelector) -> None:
        pipe, theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(pipe)
            self._be_worker(job, positions, theirs)
        os.close(theirs)
        self._workers[pipe] = _Worker(job, positions, pid, pipe)
        selector.register(pipe, selectors.EVENT_READ)

    def _be_worker(self, job: str, positions: Sequence[int], pipe: int) -> None:
        status = 1
        try:
            gc.disable()
            faulthandler.disable()
            signal.signal(signal.SIGPROF, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_PROF, self.limit_s)

            def send(outcome: Any) -> None:
                os.write(pipe, json.dumps(outcome).encode() + b"\n")
                signal.setitimer(signal.ITIMER_PROF, self.limit_s)

            self.work(job, positions, send)
            status = 0
        except BaseException:  # pylint: disable=broad-exception-caught
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            # Nothing that this process has open or registered is the child's to end.
            os._exit(status)

    @staticmethod
    def _read(worker: _Worker, found: dict[int, Any]) -> bool:
        """Take in what a worker says.  Return: whether it goes on."""
        chunk = os.read(worker.pipe, 1 << 16)
        *lines, worker.text = (worker.text + chunk).split(b"\n")
        for line in lines:
            found[worker.positions[worker.done]] = json.loads(line)
            worker.done += 1
        return bool(chunk)

    def _bury(self, worker: _Worker, found: dict[int, Any], deaths: dict[str, int]) -> Sequence[int]:
        """Clean up after a worker.  Return: positions that another one has to go on with."""
        os.close(worker.pipe)
        del self._workers[worker.pipe]
        _, status = os.waitpid(worker.pid, 0)
        if worker.done == len(worker.positions):
            return ()
        death = Death(_how(status, self.limit_s))
        found[worker.positions[worker.done]] = death
        rest = worker.positions[worker.done + 1:]
        deaths[worker.job] += 1
        if deaths[worker.job] < MAX_DEATHS:
            return rest
        found.update(dict.fromkeys(rest, Death(f"not tried: {worker.job} died {MAX_DEATHS} times before")))
        return ()


def _how(status: int, limit_s: float) -> str:
    if not os.WIFSIGNALED(status):
        return f"ended with status {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGPROF:
        return f"still busy after {limit_s:g} s"
    return f"killed by {signal.Signals(number).name}"
