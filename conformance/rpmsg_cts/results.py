# SPDX-License-Identifier: BSD-3-Clause
"""The result file: JSON lines, version 1, one object a line; ci/schemas/results-1.json is its schema.

Written as things happen, so that a killed run loses at most the line it was writing.  Read tolerantly in exactly two
points: a torn last line is dropped and said, and a missing "end" record makes the run an interrupted one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rpmsg_cts.coverage import Coverage
from rpmsg_cts.diagram.row import ENDS, STYLES, Row
from rpmsg_cts.targets import SIM, is_in_process
from rpmsg_cts.verdict import HarnessError, Judgement, Verdict, worst

VERSION = 1
PARTIAL_SUFFIX = ".partial"
INTERRUPTED_DIR = "interrupted"

# A single result may not swell the file: a flooding guest writes megabytes of kernel messages.
MAX_LOG_LINES = 200
MAX_LOG_LINE_CHARS = 500
MAX_DIAGRAM_ROWS = 80
MAX_TEXT_CHARS = 8000

Facts = Mapping[str, "str | Mapping[str, str]"]
Lane = tuple[str, str]


class ResultsError(HarnessError):
    """The result file cannot be written; what stands in it so far is intact."""


class BadResults(Exception):
    """The file is not a result file of this version: path, line and what is wrong."""


@dataclass(frozen=True)
class KnownDefect:
    """A recorded defect as it stands in a result."""

    id: str
    url: str
    note: str


@dataclass(frozen=True)
class Result:
    """One judgement of one requirement by one test on one lane."""

    test: str
    requirement: str
    suite: str
    target: str
    role: str
    variant: str
    verdict: Verdict
    reason: str
    expected: str
    observed: str
    known: KnownDefect | None
    duration_s: float
    replay: str
    log: tuple[str, ...]
    diagram: tuple[Row, ...] = ()
    trace: str = ""  # its folder, from where the result file is

    @property
    def lane(self) -> Lane:
        """Target and role, the two that name a column of the matrix."""
        return self.target, self.role

    @property
    def judgement(self) -> Judgement:
        """The verdict with its reason."""
        return Judgement(self.verdict, self.reason, self.expected, self.observed)


@dataclass(frozen=True)
class RequirementText:
    """What a report says about a requirement.

    mutants: how many deliberate errors of our own ends show that its tests can fail; None where none has to.
    applies: whether any target of the run can obey or violate it.
    """

    id: str
    slug: str
    suite: str
    statement: str
    level: str
    binds: str
    source: str
    normative: bool
    mutants: int | None = None
    applies: bool = True

    @property
    def claim(self) -> str:
        """The verb for a failure: a rule is violated, another implementation is only differed from."""
        return "violates" if self.normative else "differs from"


@dataclass(frozen=True)
class Results:
    """A loaded result file."""

    run: Mapping[str, Any]
    requirements: Mapping[str, RequirementText]
    facts: Mapping[str, Facts]
    results: tuple[Result, ...]
    end: Mapping[str, Any] | None
    warnings: tuple[str, ...] = ()
    coverage: Mapping[str, Coverage] = field(default_factory=dict)  # by target

    @property
    def interrupted(self) -> bool:
        """Whether the run ended before its time."""
        return self.end is None

    def counts(self) -> Counter[Verdict]:
        """Return: how many results have each verdict."""
        return Counter(result.verdict for result in self.results)

    def lanes(self) -> list[Lane]:
        """Return: the (target, role) pairs that have results, in the order the targets were asked for."""
        order = {target: position for position, target in enumerate(self.run["targets"])}
        lanes = dict.fromkeys(result.lane for result in self.results)
        return sorted(lanes, key=lambda lane: (order.get(lane[0], len(order)), lane[0], lane[1] != "driver"))

    def suites(self) -> list[str]:
        """Return: the suites that have results, in the order they were asked for."""
        order = {suite: position for position, suite in enumerate(self.run["suites"])}
        suites = dict.fromkeys(result.suite for result in self.results)
        return sorted(suites, key=lambda suite: (order.get(suite, len(order)), suite))

    def cells(self) -> dict[tuple[str, Lane], list[Result]]:
        """Return: the results of each (requirement id, lane), in file order."""
        cells: dict[tuple[str, Lane], list[Result]] = {}
        for result in self.results:
            cells.setdefault((result.requirement, result.lane), []).append(result)
        return cells

    def differences(self) -> dict[tuple[str, str], list[Result]]:
        """Return: for each (requirement, role) of which real targets do not all say the same, a result of each of them.

        It is the first of the worst of a target.  One that is skipped somewhere says nothing of that target.
        """
        found: dict[tuple[str, str], list[Result]] = {}
        for (requirement, (target, role)), members in sorted(self.cells().items(), key=lambda cell: cell[0][0]):
            verdict = worst(member.verdict for member in members)
            if verdict is not Verdict.SKIP and not is_in_process(target):
                found.setdefault((requirement, role), []).append(next(one for one in members if one.verdict is verdict))
        return {key: said for key, said in found.items() if len({(one.verdict, one.known) for one in said}) > 1}

    def with_verdict(self, verdict: Verdict) -> list[Result]:
        """Return: the results of one verdict, in file order."""
        return [result for result in self.results if result.verdict is verdict]

    def untested(self) -> list[RequirementText]:
        """Return: the requirements in the file that could have been judged and that no result names, by id."""
        tested = {result.requirement for result in self.results}
        return [text for id_, text in sorted(self.requirements.items()) if id_ not in tested and text.applies]

    def elsewhere(self) -> list[RequirementText]:
        """Return: the requirements that apply to no target of the run, by id."""
        return [text for _, text in sorted(self.requirements.items()) if not text.applies]

    def unproven(self) -> list[RequirementText]:
        """Return: the requirements judged on our own ends whose tests no deliberate error has shown to fail, by id."""
        judged = {result.requirement for result in self.results if result.target == SIM}
        return [text for id_, text in sorted(self.requirements.items()) if id_ in judged and text.mutants == 0]

    def no_longer_seen(self) -> list[tuple[KnownDefect, str]]:
        """Return: recorded defects, with the target, whose tests all passed there: their entries want removing."""
        where: dict[tuple[KnownDefect, str], list[Verdict]] = {}
        for result in self.results:
            if result.known:
                where.setdefault((result.known, result.target), []).append(result.verdict)
        return [entry for entry, verdicts in where.items() if worst(verdicts) is Verdict.PASS]

    def not_as_recorded(self) -> list[Result]:
        """Return: failures of a requirement with a recorded defect, whose message is another one."""
        return [result for result in self.with_verdict(Verdict.FAIL) if result.known]


@dataclass
class ResultsWriter:
    """Appends records to PATH.partial and gives the file its name when the run is complete.

    Until finish() a complete file of an earlier run stays as it was.  The partial file is locked, so that two runs
    never write the same one; a stale one of a killed run is moved to interrupted/ beside PATH first.
    """

    path: Path
    _fd: int = field(init=False, default=-1)
    _seen: set[tuple[str, str]] = field(init=False, default_factory=set)

    @property
    def partial_path(self) -> Path:
        """Where the lines go until finish()."""
        return self.path.with_name(self.path.name + PARTIAL_SUFFIX)

    def open(self, run: Mapping[str, Any]) -> None:
        """Create the file and write the run record (without type and version, which are added)."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = _open_locked(self.partial_path)
            if os.fstat(self._fd).st_size > 0:
                self._move_aside()
                os.close(self._fd)
                self._fd = _open_locked(self.partial_path)
        except BlockingIOError:
            self.close()
            raise ResultsError(f"{self.partial_path}: another run is writing here; give it its own --out") from None
        except OSError as error:
            self.close()
            raise ResultsError(f"{self.partial_path}: {error.strerror}") from error
        self._append({"type": "run", "version": VERSION, **run})

    def requirement(self, text: RequirementText) -> None:
        """Write what a requirement says."""
        record = asdict(text)
        if record["mutants"] is None:
            del record["mutants"]
        if record["applies"]:
            del record["applies"]
        self._append({"type": "requirement", **record})

    def target(self, target: str, facts: Facts) -> None:
        """Write what is known about a target."""
        self._append({"type": "target", "target": target, "facts": {key: facts[key] for key in facts}})

    def coverage(self, target: str, coverage: Coverage) -> None:
        """Write what was run of a target's kernel."""
        self._append({"type": "coverage", "target": target, **coverage.to_record()})

    def result(self, result: Result) -> None:
        """Write one result; a second one for the same test and requirement is refused."""
        key = (result.test, result.requirement)
        if key in self._seen:
            raise HarnessError(f"two results for {result.requirement} of {result.test}")
        self._seen.add(key)
        record = {"type": "result", **asdict(result), "verdict": result.verdict.value, "log": list(result.log)}
        # Few results have one.
        for name in ("diagram", "trace"):
            if not record[name]:
                del record[name]
        self._append(record)

    def finish(self, duration_s: float, counts: Mapping[Verdict, int], exit_status: int) -> None:
        """Write the end record, make the file durable and give it its name."""
        self._append({"type": "end", "duration_s": round(duration_s, 3), "exit_status": exit_status,
                      "counts": {verdict.value: counts.get(verdict, 0) for verdict in Verdict}})
        try:
            os.fsync(self._fd)
            os.replace(self.partial_path, self.path)
        except OSError as error:
            raise ResultsError(f"{self.path}: {error.strerror}") from error
        finally:
            self.close()

    def interrupt(self) -> Path:
        """Give up a run that will not be completed; what it has so far goes to interrupted/ beside PATH.

        Return: where the lines are now.
        """
        try:
            kept = self._move_aside()
        except OSError as error:
            raise ResultsError(f"{self.partial_path}: {error.strerror}; results so far are in it") from error
        finally:
            self.close()
        return kept

    def close(self) -> None:
        """Let go of the file without completing it; the partial file stays."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _move_aside(self) -> Path:
        kept = self.path.parent / INTERRUPTED_DIR / self.path.name
        kept.parent.mkdir(exist_ok=True)
        os.replace(self.partial_path, kept)
        return kept

    def _append(self, record: Mapping[str, Any]) -> None:
        data = encode_line(record)
        try:
            while data:
                data = data[os.write(self._fd, data):]
        except OSError as error:
            raise ResultsError(f"{self.partial_path}: {error.strerror}; results so far are in it") from error


def encode_line(record: Mapping[str, Any]) -> bytes:
    """Write one record in the canonical form: sorted keys, compact, UTF-8, newline.

    A lone surrogate (undecodable byte of a guest's console) becomes its JSON escape, so that it survives the way.
    """
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def bounded_log(lines: list[str]) -> tuple[str, ...]:
    """Cut a log to what a report can carry: its head and its tail, and how much is missing between."""
    lines = [line if len(line) <= MAX_LOG_LINE_CHARS else line[:MAX_LOG_LINE_CHARS] + " ..." for line in lines]
    if len(lines) <= MAX_LOG_LINES:
        return tuple(lines)
    half = MAX_LOG_LINES // 2
    return (*lines[:half], f"... {len(lines) - 2 * half} lines left out ...", *lines[-half:])


def bounded_text(text: str) -> str:
    """Cut an over-long reason, expectation or observation, saying how much is missing."""
    if len(text) <= MAX_TEXT_CHARS:
        return text
    return f"{text[:MAX_TEXT_CHARS]} ... {len(text) - MAX_TEXT_CHARS} characters left out"


def load(path: Path) -> Results:
    """Read a result file, complete or not.

    Raises BadResults, naming the line, for anything but a torn last line and a missing end.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadResults(f"{path}: {error.strerror}") from error
    return parse(data, str(path))


def parse(data: bytes, name: str) -> Results:
    """Read the bytes of a result file; `name` stands in error messages."""
    records, warnings = _records(data, name)
    if not records or records[0][1].get("type") != "run":
        raise BadResults(f"{name}:1: not a result file: the first line is not a run record")
    return _assemble(records, warnings, name)


def _records(data: bytes, name: str) -> tuple[list[tuple[int, dict[str, Any]]], list[str]]:
    *whole, torn = data.split(b"\n")
    warnings = [f"the last line was torn off and is not counted ({len(torn)} bytes)"] if torn else []
    records = []
    for number, line in enumerate(whole, start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise BadResults(f"{name}:{number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise BadResults(f"{name}:{number}: not a JSON object")
        records.append((number, record))
    return records, warnings


def _assemble(records: list[tuple[int, dict[str, Any]]], warnings: list[str], name: str) -> Results:
    run = records[0][1]
    if run.get("version") != VERSION:
        raise BadResults(f"{name}:1: version {run.get('version')!r}; this program reads version {VERSION}")
    requirements: dict[str, RequirementText] = {}
    facts: dict[str, Facts] = {}
    results: dict[tuple[str, str], Result] = {}
    coverage: dict[str, Coverage] = {}
    end = None
    for number, record in records[1:]:
        try:
            match record.pop("type", None):
                case "requirement":
                    requirements[record["id"]] = RequirementText(**record)
                case "target":
                    facts[record["target"]] = {**facts.get(record["target"], {}), **record["facts"]}
                case "result":
                    _add_result(results, _result(record))
                case "coverage":
                    coverage[record["target"]] = Coverage.of_record(record)
                case "end":
                    end = record
                case other:
                    raise ValueError(f"unknown record type {other!r}")
        except (KeyError, TypeError, ValueError) as error:
            raise BadResults(f"{name}:{number}: {_what(error)}") from error
    _check_run(run, name)
    return Results(run, requirements, facts, tuple(results.values()), end, tuple(warnings), coverage)


def _result(record: dict[str, Any]) -> Result:
    known = record.pop("known")
    diagram = tuple(map(_row, record.pop("diagram", ())))
    return Result(**{**record, "verdict": Verdict(record["verdict"]), "log": tuple(record["log"])}, diagram=diagram,
                  known=KnownDefect(**known) if known else None)


def _row(record: dict[str, Any]) -> Row:
    row = Row(**record)
    if row.end not in ENDS or row.style not in STYLES:
        raise ValueError(f"diagram: no end {row.end!r}, or no style {row.style!r}")
    return row


def _add_result(results: dict[tuple[str, str], Result], result: Result) -> None:
    key = (result.test, result.requirement)
    if key in results:
        raise ValueError(f"second result for {result.requirement} of {result.test}")
    results[key] = result


def _check_run(run: Mapping[str, Any], name: str) -> None:
    wanted = {"run_id": str, "started": str, "commit": str, "dirty": bool, "seed": int, "profile": str,
              "targets": list, "suites": list, "command": list, "machine": dict}
    for key, kind in wanted.items():
        if not isinstance(run.get(key), kind):
            raise BadResults(f"{name}:1: run record: {key} is missing or not a {kind.__name__}")


def _what(error: Exception) -> str:
    return f"missing key {error}" if isinstance(error, KeyError) else str(error)


def _open_locked(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise
    return fd
