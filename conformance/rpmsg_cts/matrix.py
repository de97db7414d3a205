# SPDX-License-Identifier: BSD-3-Clause
"""The kill matrix: which test found which deliberate error of our own ends, and what that says about the tests.

mutant_run.py fills it.  A requirement that a test judges on sim is covered once its test has found an error made for
it, in each role; the matrix is to be believed only where the ends without an error are green, and the canary is red.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rpmsg_cts.mutants import ANYTHING, CANARY, Mutant
from rpmsg_cts.recorder import Subject
from rpmsg_cts.targets import ROLES
from rpmsg_cts.verdict import EXIT_ERROR, EXIT_FAIL, EXIT_OK, Verdict

GREEN = (str(Verdict.PASS), str(Verdict.SKIP))
DIED = "DIED"
# Requirements that must be red for an error to be called one with which nothing works.
ANYTHING_IS = 20

# A requirement, and the role in which one of our ends has to meet it.
Duty = tuple[str, str]
# A row of the table of faults, and the role in which one of our ends has to bear it.
FaultDuty = tuple[str, str]


@dataclass(frozen=True)
class Outcome:
    """What a test said: one of the words of Verdict, or DIED; and why, where it is not green.

    monitor: what the monitor had against the end meanwhile, by requirement, whichever ones the test judges.
    """

    verdict: str
    reason: str = ""
    monitor: Mapping[str, str] = field(default_factory=dict)

    @property
    def green(self) -> bool:
        """Whether nothing was found."""
        return self.verdict in GREEN

    @property
    def guilty(self) -> bool:
        """Whether the implementation was found guilty: an INCONC accuses nobody."""
        return self.verdict in (str(Verdict.FAIL), DIED)


@dataclass(frozen=True)
class Case:
    """A test on sim: what it judges, and the fault or the profile of swarms that it is about, where it is about one.

    two_ends: its peer is our other end, and not the tester.
    """

    nodeid: str
    subject: Subject
    fault: str = ""
    swarm: str = ""
    two_ends: bool = False

    @property
    def role(self) -> str:
        """The role in which our end is judged."""
        return self.subject.lane.role

    @property
    def requirements(self) -> list[str]:
        """What it judges."""
        return [text.id for text in self.subject.requirements]

    def finds(self, outcome: Outcome) -> bool:
        """Whether the end is found guilty of breaking the test's requirements; a swarm's faults are about all of them
        at once."""
        return outcome.guilty and not self.swarm

    def is_red(self, outcome: Outcome) -> bool:
        """Whether it leads its reader to the test's requirements.  Two ends that cannot talk at all lead nowhere."""
        return self.finds(outcome) or not (outcome.green or self.two_ends)


@dataclass(frozen=True)
class Row:
    """One mutant, and what every test said that could meet it, by the test's position."""

    mutant: Mutant
    outcomes: Mapping[int, Outcome]
    cases: Sequence[Case]

    def count(self, holds: Callable[[Case, Outcome], bool]) -> Counter[Duty]:
        """Return: how many tests of a requirement, in a role, said something of that kind, or the monitor for them."""
        return Counter((id_, case.role) for case, outcome in self.said for id_ in case.requirements
                       if id_ in outcome.monitor or holds(case, outcome))

    @property
    def said(self) -> list[tuple[Case, Outcome]]:
        """Each test that could meet the mutant, and what it said."""
        return [(self.cases[position], outcome) for position, outcome in self.outcomes.items()]

    @property
    def by_the_way(self) -> Counter[Duty]:
        """Findings of the monitor about requirements that the test did not judge."""
        return Counter((id_, case.role) for case, outcome in self.said for id_ in outcome.monitor
                       if id_ not in case.requirements)

    @property
    def red(self) -> Counter[Duty]:
        """Results that were not green."""
        return self.count(Case.is_red) + self.by_the_way

    @property
    def killed_as(self) -> list[str]:
        """The roles in which the test of the requirement found the error."""
        guilty = self.count(Case.finds)
        return [role for role in ROLES if guilty[self.mutant.requirement, role]]

    @property
    def fate(self) -> str:
        """Whether it was killed, and how it got away else."""
        if self.killed_as:
            return "killed"
        return "survived" if self.outcomes else "never met"

    @property
    def others(self) -> list[str]:
        """The other requirements whose tests went red."""
        return sorted({id_ for id_, _ in self.red} - {self.mutant.requirement})

    @property
    def unrelated(self) -> list[str]:
        """Those among them that the table does not name."""
        return [] if ANYTHING in self.mutant.also else sorted(set(self.others) - set(self.mutant.also))

    @property
    def stale(self) -> list[str]:
        """What the table names and the tests do not show: requirements that stay green, or that nothing works."""
        if ANYTHING in self.mutant.also:
            return [] if len(self.others) >= ANYTHING_IS else [ANYTHING]
        return sorted(set(self.mutant.also) - set(self.others))

    @property
    def corrected(self) -> Mutant:
        """The mutant as the table should have it."""
        if not self.unrelated and not self.stale:
            return self.mutant
        return replace(self.mutant, also=(ANYTHING,) if len(self.others) >= ANYTHING_IS else tuple(self.others))

    @property
    def deaths(self) -> list[str]:
        """How tests died instead of judging, and how many."""
        how = Counter(outcome.reason for outcome in self.outcomes.values() if outcome.verdict == DIED)
        return [f"{reason} ({number})" for reason, number in sorted(how.items())]


@dataclass(frozen=True)
class Matrix:
    """The whole: what the tests say without an error, and a row for each mutant.

    cases: every test, by position.  excused: requirements that need no mutant, and why not; borne: the same for faults.
    complete: every mutant of the table is there.
    """

    cases: Sequence[Case]
    baseline: Mapping[int, Outcome]
    rows: Mapping[str, Row]
    excused: Mapping[str, str]
    borne: Mapping[FaultDuty, str] = field(default_factory=dict)
    complete: bool = True

    @property
    def killers(self) -> dict[Duty, list[str]]:
        """For each requirement and role that a test judges: the mutants that show that it can fail."""
        found: dict[Duty, list[str]] = {duty: [] for duty in sorted(
            {(id_, case.role) for case in self.cases for id_ in case.requirements})}
        for row in self._without_canary():
            for role in row.killed_as:
                found[row.mutant.requirement, role].append(row.mutant.name)
        return found

    @property
    def uncovered(self) -> list[Duty]:
        """What is judged without a killed mutant, and without a reason for that."""
        return [duty for duty, names in self.killers.items() if not names and duty[0] not in self.excused]

    @property
    def fault_proofs(self) -> dict[FaultDuty, list[str]]:
        """For each fault and role: the mutants, made for a requirement of the fault, that its tests find."""
        return self._proofs(lambda case: case.fault,
                            lambda row, case, outcome: case.finds(outcome) and row.mutant.requirement in case.requirements)

    @property
    def swarm_proofs(self) -> dict[FaultDuty, list[str]]:
        """For each profile of swarms and role: the mutants that it finds."""
        return self._proofs(lambda case: case.swarm, lambda row, case, outcome: outcome.guilty)

    def _proofs(self, about: Callable[[Case], str],
                holds: Callable[[Row, Case, Outcome], bool]) -> dict[FaultDuty, list[str]]:
        found: dict[FaultDuty, dict[str, None]] = {(about(case), case.role): {} for case in self.cases if about(case)}
        for row in self._without_canary():
            for case, outcome in row.said:
                if about(case) and holds(row, case, outcome):
                    found[about(case), case.role][row.mutant.name] = None
        return {duty: list(names) for duty, names in found.items()}

    def _without_canary(self) -> Iterable[Row]:
        return (row for name, row in self.rows.items() if name != CANARY)

    @property
    def unproven(self) -> list[FaultDuty]:
        """Faults whose tests no mutant turns red, though it should, and swarms that find nothing."""
        return [duty for duty, names in (self.fault_proofs | self.swarm_proofs).items()
                if not names and duty not in self.borne]

    @property
    def needless(self) -> list[FaultDuty]:
        """Faults with a reason for having no mutant, and with one; or that no test is about."""
        proofs = self.fault_proofs
        return [duty for duty in self.borne if duty not in proofs or proofs[duty]]

    @property
    def survivors(self) -> list[Row]:
        """Mutants that the test of their requirement did not find."""
        return [row for row in self.rows.values() if not row.killed_as]

    @property
    def misleading(self) -> list[Row]:
        """Mutants with tests that went red and should not, or the other way round."""
        return [row for row in self.rows.values() if row.unrelated or row.stale]

    @property
    def errors(self) -> list[str]:
        """Why the matrix itself is not to be believed: red without an error, or green with the worst of all; and where
        an error of an end was taken for one of ours."""
        found = [f"red without any error: {self.cases[position].nodeid}: {outcome.verdict} {outcome.reason}"
                 for position, outcome in self.baseline.items() if not outcome.green]
        found += [f"the monitor blames ends without any error: {self.cases[position].nodeid}: {text}"
                  for position, outcome in self.baseline.items() for text in outcome.monitor.values()]
        found += [f"the harness broke: {name}: {self.cases[position].nodeid}: {outcome.reason}"
                  for name, row in self.rows.items() for position, outcome in row.outcomes.items()
                  if outcome.verdict == str(Verdict.ERROR)]
        canary = self.rows.get(CANARY)
        if canary is None or canary.killed_as != list(ROLES):
            where = canary.killed_as if canary else []
            found.append(f"the canary lives: it must be found in both roles, and was in {', '.join(where) or 'none'}")
        return found

    @property
    def exit_status(self) -> int:
        """As that of a run: a matrix that cannot be believed is our own ERROR."""
        if self.errors:
            return EXIT_ERROR
        bare = self.complete and (self.uncovered or self.unproven or self.needless)
        return EXIT_FAIL if self.survivors or self.misleading or bare else EXIT_OK
