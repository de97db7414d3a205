# SPDX-License-Identifier: BSD-3-Clause
"""Where programs of a hostile device are played: in front of our own driver, or of a kernel's."""

from __future__ import annotations

from abc import ABC, abstractmethod

from rpmsg_cts import monitor
from rpmsg_cts.fuzz.device import HostileDevice
from rpmsg_cts.fuzz.finding import DEATH, HANG, RESTART, RULE, SPLAT, Finding
from rpmsg_cts.fuzz.program import RINGS, Program, Step
from rpmsg_cts.fuzz.watch import Watch
from rpmsg_cts.guest import splat
from rpmsg_cts.guest.errors import GuestDied, GuestError
from rpmsg_cts.lab import Lab, place_of
from rpmsg_cts.link_sim import SimLink
from rpmsg_cts.results import Facts
from rpmsg_cts.targets import DRIVER, Lane
from rpmsg_cts.verdict import GuestFailure, HarnessError, Refused


class Bench(ABC):
    """A driver that can be started again and again.  release: of its kernel, "" where it has none."""

    release = ""

    @abstractmethod
    def play(self, program: Program) -> list[Finding]:
        """Return: what a program finds, whatever became of the driver."""

    def fresh(self) -> None:
        """The next program is to meet a driver that has seen nothing yet."""

    def close(self) -> None:
        """Let go of everything."""


class SimBench(Bench):
    """Our own driver, or one with a deliberate error; each program meets a new one."""

    def __init__(self, target: str) -> None:
        self._target = target

    def play(self, program: Program) -> list[Finding]:
        link = SimLink(self._target, DRIVER, RINGS[program.ring], seed=1)
        device = HostileDevice(link, program)
        try:
            link.begin()
            device.play()
        except GuestFailure as failure:
            device.findings.append(Finding(HANG, "", "no rest", str(failure)))
        finally:
            findings = [*device.findings, *map(_of_monitor, link.findings())]
            link.close()
        return findings


def _topic(step: Step | None) -> str:
    """What a step is about, without its numbers: who hangs does not say where."""
    return " ".join([step.action, step.word, *sorted(lie.field for lie in step.lies)]) if step else ""


def _of_monitor(found: monitor.Finding) -> Finding:
    return Finding(RULE, found.rule.requirement, found.rule.name, str(found))


class GuestBench(Bench):
    """A kernel's driver; its guest is started again once it has come to grief."""

    def __init__(self, target: str, patience_s: float) -> None:
        self._lane = Lane(target, DRIVER)
        self._watch = Watch()
        self._lab = Lab(self._keep_facts, self._watch, patience_s=patience_s)
        self._patience_s = patience_s

    def _keep_facts(self, _target: str, facts: Facts) -> None:
        self.release = str(facts.get("kernel_release", self.release))

    def play(self, program: Program) -> list[Finding]:
        findings: list[Finding] = []
        device = None
        self._watch.begin()
        try:
            link = self._lab.link(self._lane, RINGS[program.ring])
            device = HostileDevice(link, program, findings)
            try:
                link.begin()
                device.play()
            except GuestFailure:
                # Nobody would answer.
                link.lower.close()
                raise
            except Refused as refused:
                link.close()
                return [*findings, Finding(RESTART, "ROB-018", "open", f"no endpoint: {refused.strerror}")]
            link.close()
        except GuestFailure as failure:
            findings.append(self._failure(failure, device.step if device else None))
            self.fresh()
        except GuestDied as died:
            findings.append(Finding(DEATH, "", died.reason, died.reason, tuple(died.console)))
            self.fresh()
        except GuestError as error:
            raise HarnessError(f"the guest's agent cannot do what is asked of it: {error}") from error
        finally:
            findings += map(_of_monitor, self._watch.end())
        return findings

    def _failure(self, failure: GuestFailure, step: Step | None) -> Finding:
        text, *story = str(failure).splitlines()
        story = [line.removeprefix("  | ") for line in story]
        said = splat.splats(story)
        if not said and "no answer" in text:
            where = self._lab.busy_in()
            return Finding(HANG, "", where or _topic(step), f"the guest's kernel hangs{f' in {where}' if where else ''}: it does "
                           f"not answer within {self._patience_s:g} s after: {step}")
        place = said[0].place if said else text
        kind = SPLAT if "complained of itself" in text else HANG if "hangs" in text else DEATH
        return Finding(kind, "", place, text, tuple(story))

    def fresh(self) -> None:
        self._lab.close_guest()

    def close(self) -> None:
        self._lab.close()


def bench_for(target: str, patience_s: float) -> Bench:
    """Return: where this target is met."""
    return GuestBench(target, patience_s) if place_of(target) else SimBench(target)
