# SPDX-License-Identifier: BSD-3-Clause
"""Verdicts: what can be said about a requirement, how two verdicts merge, and what each one looks like where.

A verdict only gets worse (ISO 9646).  SKIP says nothing about the IUT and so yields to everything; INCONC ran without
reaching its trigger; ERROR blames the harness and hides whatever else was seen.  KNOWN and WAIVED lie over a FAIL: the
IUT is wrong, and somebody has written down that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """One verdict; the order of definition is from the mildest to the worst."""

    SKIP = "SKIP"
    PASS = "PASS"
    INCONC = "INCONC"
    WAIVED = "WAIVED"
    KNOWN = "KNOWN"
    FAIL = "FAIL"
    ERROR = "ERROR"

    def __str__(self) -> str:
        return self.value

    @property
    def badness(self) -> int:
        """Position in the lattice; a larger one wins a merge."""
        return _BADNESS[self]


_BADNESS = {verdict: position for position, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Face:
    """How one verdict is shown and counted.

    symbol, ascii: one character for the matrix; ascii where the output cannot take the other.
    colour: a rich style.  means: half a sentence for a legend.  acts: who has to do something about it.
    ktap_ok: whether the KTAP line starts with `ok`; ktap_directive: the word after its `#`, with the first word of its data.
    junit: child element of a testcase, empty for none.
    """

    symbol: str
    ascii: str
    colour: str
    means: str
    acts: str
    ktap_ok: bool
    ktap_directive: str
    junit: str


# The one table.  The order is that of counts and legends: what the reader asks first comes first.
FACES: Mapping[Verdict, Face] = {
    Verdict.PASS: Face("✓", "+", "green", "requirement met, and its trigger was reached", "nobody", True, "", ""),
    Verdict.FAIL: Face("✗", "X", "bold red", "the implementation broke the requirement",
                       "author of the implementation", False, "", "failure"),
    Verdict.KNOWN: Face("◆", "k", "magenta", "failed exactly as recorded in the list of known defects",
                        "author of the implementation, already told", True, "XFAIL", "skipped"),
    Verdict.WAIVED: Face("◇", "w", "magenta", "failed, and the run's profile or a waiver accepts it",
                         "owner of the profile or waiver", True, "XFAIL", "skipped"),
    Verdict.INCONC: Face("?", "?", "yellow", "ran, but the trigger was never reached or the evidence is ambiguous",
                         "author of the test, or the operator", True, "SKIP INCONCLUSIVE", "skipped"),
    Verdict.ERROR: Face("!", "!", "bold red reverse", "the harness broke; nothing is said about the implementation",
                        "author of the test", False, "ERROR", "error"),
    Verdict.SKIP: Face("–", "-", "dim", "not applicable, or something it needs is absent", "nobody", True, "SKIP",
                       "skipped"),
}

# Exit statuses of a run, worst first after the first line; `--help` prints this table.
EXIT_OK = 0
EXIT_FAIL = 1
EXIT_USAGE = 2
EXIT_ERROR = 3
EXIT_INCONC = 4
EXIT_NOTHING = 5
EXIT_INTERRUPTED = 130

EXIT_MEANINGS: Mapping[int, str] = {
    EXIT_OK: "every verdict is PASS, SKIP, KNOWN or WAIVED, and at least one is not SKIP",
    EXIT_FAIL: "at least one FAIL, and no ERROR",
    EXIT_USAGE: "bad usage or bad input: unknown name, unreadable file",
    EXIT_ERROR: "at least one ERROR: the harness broke (worse than FAIL)",
    EXIT_INCONC: "at least one INCONC, and neither FAIL nor ERROR",
    EXIT_NOTHING: "nothing was judged: no result at all, or SKIP only",
    EXIT_INTERRUPTED: "interrupted by Ctrl-C or SIGTERM; what was judged so far is kept",
}


def exit_status(verdicts: Iterable[Verdict]) -> int:
    """Say a finished run's worst news as an exit status.

    Return: one of EXIT_OK, EXIT_FAIL, EXIT_ERROR, EXIT_INCONC, EXIT_NOTHING.
    """
    seen = set(verdicts)
    if Verdict.ERROR in seen:
        return EXIT_ERROR
    if Verdict.FAIL in seen:
        return EXIT_FAIL
    if Verdict.INCONC in seen:
        return EXIT_INCONC
    if seen <= {Verdict.SKIP}:
        return EXIT_NOTHING
    return EXIT_OK


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason; expected and observed are empty unless a comparison made it.

    departs: the switch and the value by which a profile may tolerate a FAIL.
    """

    verdict: Verdict
    reason: str = ""
    expected: str = ""
    observed: str = ""
    departs: tuple[str, str | int] | None = None

    def merge(self, other: Judgement) -> Judgement:
        """Combine with a later judgement of the same thing: the worse one stays, the earlier one of two equals.

        When a harness ERROR covers a FAIL, the finding about the IUT is kept in the reason.
        """
        if other.verdict.badness <= self.verdict.badness:
            return self
        if self.verdict is not Verdict.FAIL:
            return other
        return Judgement(other.verdict, f"{other.reason}; before that {self.verdict}: {self.reason}", self.expected,
                         self.observed)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return: the worst of `verdicts`, which must not be empty."""
    return max(verdicts, key=lambda verdict: verdict.badness)


class HarnessError(Exception):
    """Something of ours broke: the verdict is ERROR, and nothing is said about the IUT."""


class GuestFailure(Exception):
    """The guest's kernel crashed or hung because of the stimulus: a FAIL of the IUT, not an ERROR."""


class Refused(OSError):
    """The IUT said no to what a test asked of it; where the test does not expect that, the verdict is INCONC."""


class Inconclusive(Exception):
    """The test ran and cannot say: the verdict is INCONC."""
