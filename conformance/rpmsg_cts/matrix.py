# SPDX-License-Identifier: BSD-3-Clause
"""The kill matrix: which test found which deliberate error of our own ends, and what that says about the tests.

mutant_run.py fills it.  A requirement that a test judges on sim is covered once its test has found an error made for
it, in each role; the matrix is to be believed only where the ends without an error are green, and the canary is red.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rpmsg_cts.mutants import ANYTHING, CANARY, Mutant
from rpmsg_cts.recorder import Subject
from rpmsg_cts.targets import ROLES
from rpmsg_cts.verdict import EXIT_ERROR, EXIT_FAIL, EXIT_OK, Verdict

GREEN = (str(Verdict.PASS), str(Verdict.SKIP))
DIED = "DIED"
VERSION = 1
NAME_WIDTH = 30
# Requirements that must be red for an error to be called one with which nothing works.
ANYTHING_IS = 20

# A requirement, and the role in which one of our ends has to meet it.
Duty = tuple[str, str]


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
class Row:
    """One mutant, and what every test said that could meet it, by the test's position."""

    mutant: Mutant
    outcomes: Mapping[int, Outcome]
    subjects: Sequence[Subject]

    def count(self, holds: Callable[[Outcome], bool]) -> Counter[Duty]:
        """Return: how many tests of a requirement, in a role, said something of that kind, or the monitor for them."""
        return Counter((text.id, self.subjects[position].lane.role) for position, outcome in self.outcomes.items()
                       for text in self.subjects[position].requirements
                       if text.id in outcome.monitor or holds(outcome))

    @property
    def by_the_way(self) -> Counter[Duty]:
        """Findings of the monitor about requirements that the test did not judge."""
        judged = [{text.id for text in subject.requirements} for subject in self.subjects]
        return Counter((id_, self.subjects[position].lane.role) for position, outcome in self.outcomes.items()
                       for id_ in outcome.monitor if id_ not in judged[position])

    @property
    def red(self) -> Counter[Duty]:
        """Results that were not green."""
        return self.count(lambda outcome: not outcome.green) + self.by_the_way

    @property
    def killed_as(self) -> list[str]:
        """The roles in which the test of the requirement found the error."""
        guilty = self.count(lambda outcome: outcome.guilty)
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

    subjects, nodeids: of every test, by position.  excused: requirements that need no mutant, and why not.
    complete: every mutant of the table is there.
    """

    subjects: Sequence[Subject]
    nodeids: Sequence[str]
    baseline: Mapping[int, Outcome]
    rows: Mapping[str, Row]
    excused: Mapping[str, str]
    complete: bool = True

    @property
    def killers(self) -> dict[Duty, list[str]]:
        """For each requirement and role that a test judges: the mutants that show that it can fail."""
        found: dict[Duty, list[str]] = {duty: [] for duty in sorted(
            {(text.id, subject.lane.role) for subject in self.subjects for text in subject.requirements})}
        for name, row in self.rows.items():
            for role in row.killed_as:
                if name != CANARY:
                    found[row.mutant.requirement, role].append(name)
        return found

    @property
    def uncovered(self) -> list[Duty]:
        """What is judged without a killed mutant, and without a reason for that."""
        return [duty for duty, names in self.killers.items() if not names and duty[0] not in self.excused]

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
        found = [f"red without any error: {self.nodeids[position]}: {outcome.verdict} {outcome.reason}"
                 for position, outcome in self.baseline.items() if not outcome.green]
        found += [f"the monitor blames ends without any error: {self.nodeids[position]}: {text}"
                  for position, outcome in self.baseline.items() for text in outcome.monitor.values()]
        found += [f"the harness broke: {name}: {self.nodeids[position]}: {outcome.reason}"
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
        bare = self.complete and self.uncovered
        return EXIT_FAIL if self.survivors or self.misleading or bare else EXIT_OK


def to_json(matrix: Matrix, commit: str) -> str:
    """The matrix for machines: an object with sorted keys."""
    killers = matrix.killers
    return json.dumps({
        "version": VERSION,
        "commit": commit,
        "tests": len(matrix.nodeids),
        "errors": matrix.errors,
        "mutants": {name: _row_json(row) for name, row in matrix.rows.items()},
        "requirements": {id_: {
            "roles": {role: killers[id_, role] for role in ROLES if (id_, role) in killers},
            "excused": matrix.excused.get(id_),
        } for id_ in dict.fromkeys(id_ for id_, _ in killers)},
    }, indent=1, sort_keys=True) + "\n"


def _row_json(row: Row) -> dict[str, Any]:
    red: dict[str, dict[str, int]] = {}
    for (id_, role), number in sorted(row.red.items()):
        red.setdefault(id_, {})[role] = number
    return {"requirement": row.mutant.requirement, "what": row.mutant.what, "fate": row.fate,
            "killed_as": row.killed_as, "tests": len(row.outcomes), "red": red, "unrelated": row.unrelated,
            "stale": row.stale, "deaths": row.deaths}


def to_text(matrix: Matrix, commit: str) -> str:
    """The matrix for readers: a line per mutant, what is wrong, and the score last."""
    lines = [f"# kill matrix, commit {commit}: {len(matrix.nodeids)} tests on sim",
             f"# {'mutant':{NAME_WIDTH - 2}} requirement, found as, and all that went red (requirement:results)"]
    lines += [_row_text(row) for row in matrix.rows.values()]
    lines += ["", *_complaints(matrix)]
    lines.append(f"{len(matrix.rows) - len(matrix.survivors)} of {len(matrix.rows)} mutants killed")
    if matrix.complete:
        lines[-1] += (f"; {len(matrix.killers) - len(matrix.uncovered)} of {len(matrix.killers)} duties (requirements as"
                      " one role has to meet them) are covered")
    return "\n".join(lines) + "\n"


def _row_text(row: Row) -> str:
    red: Counter[str] = Counter()
    for (id_, _), number in row.red.items():
        red[id_] += number
    found = f"{row.mutant.requirement}  {'+'.join(row.killed_as) or row.fate.upper():13}"
    # Where nothing works, who sees it says nothing.
    shown = [f"{len(red)} requirements"] if ANYTHING in row.mutant.also else [f"{id_}:{red[id_]}" for id_ in sorted(red)]
    return f"{row.mutant.name:{NAME_WIDTH}} {found}  {' '.join(shown)}".rstrip()


def _complaints(matrix: Matrix) -> list[str]:
    lines = [f"ERROR: {error}" for error in matrix.errors]
    for row in matrix.survivors:
        lines.append(f"{row.fate}: {row.mutant.name}: {row.mutant.requirement} does not find that {row.mutant.what}")
    for row in matrix.rows.values():
        lines += [f"died: {row.mutant.name}: {death}" for death in row.deaths]
    for row in matrix.misleading:
        lines.append(f"related tests are not as the table says: {row.corrected.row}")
    for role in ROLES:
        missing = [id_ for id_, whose in matrix.uncovered if whose == role]
        if missing and matrix.complete:
            lines.append(f"no mutant shows that their tests can fail, as {role}: {' '.join(missing)}")
    for id_, why in matrix.excused.items():
        lines.append(f"without a mutant: {id_}: {why}")
    return lines


def write(matrix: Matrix, commit: str, folder: Path) -> list[Path]:
    """Write kill-matrix.txt and kill-matrix.json, each at once.  Return: their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, text in ((".txt", to_text(matrix, commit)), (".json", to_json(matrix, commit))):
        path = folder / f"kill-matrix{suffix}"
        new = path.with_suffix(suffix + ".tmp")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
        paths.append(path)
    return paths
