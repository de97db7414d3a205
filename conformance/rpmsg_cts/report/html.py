# SPDX-License-Identifier: BSD-3-Clause
"""One static HTML page: no script, no external resource, readable offline, on a phone and in print.

This file decides what is said and in which order; report.html.j2 decides how it looks.  Every string passes clean()
here and autoescape there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from rpmsg_cts.coverage import Coverage
from rpmsg_cts.diagram import svg
from rpmsg_cts.report import words
from rpmsg_cts.report.text import clean, cleaned_rows, one_line
from rpmsg_cts.results import Lane, RequirementText, Result, Results
from rpmsg_cts.verdict import FACES, Verdict, exit_status, worst

TEMPLATE = "report.html.j2"

# How many requirements of a lane ended how, in words; the worst verdict of a requirement's tests counts.
_LANE_WORDS = {
    Verdict.PASS: "met",
    Verdict.FAIL: "broken",
    Verdict.KNOWN: "broken as recorded",
    Verdict.WAIVED: "waived",
    Verdict.INCONC: "undecided",
    Verdict.ERROR: "not judged because the harness broke",
    Verdict.SKIP: "not applicable",
}


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix; verdict is None where there is no test."""

    verdict: Verdict | None
    share: str
    link: str


@dataclass(frozen=True)
class Row:
    """One requirement's row; verdicts are all that occur in it."""

    text: RequirementText
    link: str
    cells: tuple[Cell, ...]
    verdicts: frozenset[Verdict]


@dataclass(frozen=True)
class SuiteRows:
    """The rows of one suite."""

    name: str
    rows: tuple[Row, ...]
    verdicts: frozenset[Verdict]


@dataclass(frozen=True)
class Finding:
    """What one test saw."""

    test: str
    reason: str
    expected: str
    observed: str
    note: str
    log: tuple[str, ...]
    diagram: str
    trace: str
    replay: str


@dataclass(frozen=True)
class Block:
    """The findings of one verdict for one requirement on one lane."""

    anchor: str
    verdict: Verdict
    text: RequirementText
    link: str
    lane: Lane
    where: str
    claim: str
    findings: tuple[Finding, ...]
    defect_id: str
    defect_note: str
    defect_url: str
    defect_command: str


@dataclass(frozen=True)
class LaneCard:
    """The outcome on one lane in words; parts are (verdict, number of requirements, words, width of its bar in %)."""

    target: str
    role: str
    where: str
    judged: int
    parts: tuple[tuple[Verdict, int, str, str], ...]
    broken: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Group:
    """Results that share a reason."""

    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class CoverageTable:
    """What was run of a target's kernel.

    rows are (file, words, percentage, percentage of each suite); lines are (file, line, function, text, reason).
    """

    target: str
    suites: tuple[str, ...]
    rows: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    lines: tuple[tuple[str, int, str, str, str], ...]
    notes: tuple[str, ...]


def render(results: Results) -> str:
    """Return: the whole page."""
    blocks = [block for verdict in (Verdict.FAIL, Verdict.ERROR, Verdict.KNOWN, Verdict.WAIVED)
              for block in _blocks(results, verdict)]
    anchors = {(block.text.id, block.lane): block.anchor for block in reversed(blocks)}
    return _template().render(
        V=Verdict,
        faces=FACES,
        counts=results.counts(),
        headline=words.headline(results),
        mood=_mood(results),
        interrupted=results.interrupted,
        warnings=[one_line(warning) for warning in results.warnings],
        lanes=[(clean(target), role) for target, role in results.lanes()],
        cards=[_card(results, lane, anchors) for lane in results.lanes()],
        suites=[_suite(results, suite, anchors) for suite in results.suites()],
        blocks=blocks,
        differences=[(clean(requirement), role, _requirement_link(requirement), words.what_differs(said))
                     for (requirement, role), said in results.differences().items()],
        inconc=_groups(results.with_verdict(Verdict.INCONC)),
        skip=_groups(results.with_verdict(Verdict.SKIP)),
        gone=[(clean(defect.id), clean(target)) for defect, target in results.no_longer_seen()],
        targets=[(clean(str(target)), words.judged_where(results, target), _facts(results.facts.get(target, {})))
                 for target in results.run["targets"]],
        run=_run_facts(results),
        judged=_judged_texts(results),
        diagram_style=svg.STYLE if any(result.diagram for result in results.results) else "",
        untested=[_cleaned(text) for text in results.untested()],
        elsewhere=[_cleaned(text) for text in results.elsewhere()],
        unproven=[_cleaned(text) for text in results.unproven()],
        coverage=[_coverage(target, coverage) for target, coverage in results.coverage.items()],
    ) + "\n"


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True,
                              undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(TEMPLATE)


def _mood(results: Results) -> Verdict:
    """The verdict whose colour the summary has; an interrupted or empty run is never green."""
    counts = results.counts()
    if exit_status(counts.elements()) == 0 and not results.interrupted:
        return Verdict.PASS
    bad = [verdict for verdict in (Verdict.ERROR, Verdict.FAIL) if counts[verdict]]
    return bad[0] if bad else Verdict.INCONC


def _card(results: Results, lane: Lane, anchors: dict[tuple[str, Lane], str]) -> LaneCard:
    verdicts = {requirement: worst(result.verdict for result in members)
                for (requirement, where), members in results.cells().items() if where == lane}
    tally = Counter(verdicts.values())
    parts = tuple((verdict, tally[verdict], _LANE_WORDS[verdict], f"{100 * tally[verdict] / len(verdicts):.2f}")
                  for verdict in FACES if tally[verdict])
    broken = tuple((clean(requirement), anchors.get((requirement, lane), "")) for requirement in sorted(verdicts)
                   if verdicts[requirement] is Verdict.FAIL)
    return LaneCard(clean(lane[0]), lane[1], words.judged_where(results, lane[0]), len(verdicts), parts, broken)


def _suite(results: Results, suite: str, anchors: dict[tuple[str, Lane], str]) -> SuiteRows:
    cells = results.cells()
    ids = sorted({result.requirement for result in results.results if result.suite == suite})
    rows = []
    for requirement in ids:
        lanes = {lane: cells.get((requirement, lane), []) for lane in results.lanes()}
        present = [member for members in lanes.values() for member in members]
        rows.append(Row(_cleaned(words.law(results, present[0])), _requirement_link(requirement),
                        tuple(_cell(members, anchors.get((requirement, lane), "")) for lane, members in lanes.items()),
                        frozenset(member.verdict for member in present)))
    return SuiteRows(clean(suite), tuple(rows), frozenset().union(*(row.verdicts for row in rows)))


def _cell(members: list[Result], anchor: str) -> Cell:
    if not members:
        return Cell(None, "", "")
    verdict = worst(member.verdict for member in members)
    same = sum(member.verdict is verdict for member in members)
    return Cell(verdict, words.share(same, len(members)), anchor)


def _blocks(results: Results, verdict: Verdict) -> Iterable[Block]:
    cells: dict[tuple[str, Lane], list[Result]] = {}
    for result in results.with_verdict(verdict):
        cells.setdefault((result.requirement, result.lane), []).append(result)
    for number, ((requirement, lane), members) in enumerate(cells.items(), start=1):
        text = words.law(results, members[0])
        defect = members[0].known
        yield Block(
            anchor=f"{verdict.value.lower()}-{number}", verdict=verdict, text=_cleaned(text),
            link=_requirement_link(requirement), lane=lane, where=f"{clean(lane[0])} as {lane[1]}",
            claim=text.claim, findings=tuple(_finding(member) for member in members),
            defect_id=clean(defect.id) if defect else "", defect_note=one_line(defect.note) if defect else "",
            defect_url=_safe_url(defect.url) if defect else "", defect_command=words.finding_command(members[0]))


def _finding(result: Result) -> Finding:
    note = words.overlay_note(result) if result.verdict is Verdict.FAIL else ""
    return Finding(one_line(result.test), one_line(result.reason), clean(result.expected), clean(result.observed), note,
                   tuple(map(clean, result.log)), _diagram(result), one_line(result.trace), one_line(result.replay))


def _diagram(result: Result) -> Markup | str:
    if not result.diagram:
        return ""
    rows = cleaned_rows(result.diagram)
    # Every text in it is escaped by svg().
    return Markup(svg.svg(rows, f"{one_line(result.requirement)}: the last {len(rows)} rows", style=False))


def _coverage(target: str, coverage: Coverage) -> CoverageTable:
    rows = tuple((clean(file.name), words.coverage_words(file), f"{file.percent:.1f}",
                  tuple(f"{file.percent_of(suite):.1f}" for suite in coverage.suites))
                 for file in coverage.files)
    lines = tuple((clean(file.name), line.line, clean(line.function), one_line(line.text), one_line(line.reason))
                  for file in coverage.files for line in file.uncovered)
    return CoverageTable(clean(target), tuple(map(clean, coverage.suites)), rows, lines,
                         tuple(map(one_line, words.coverage_notes(coverage))))


def _groups(members: list[Result]) -> list[Group]:
    groups: dict[str, dict[str, None]] = {}
    for member in members:
        name = f"{clean(member.requirement)} on {clean(member.target)} as {member.role}"
        groups.setdefault(one_line(member.reason), {})[name] = None
    return [Group(reason, tuple(names)) for reason, names in groups.items()]


def _facts(facts: object) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in sorted(dict(facts).items()):  # type: ignore[call-overload]
        if isinstance(value, str):
            rows.append((one_line(key).replace("_", " "), one_line(value)))
        else:
            rows += [(f"{one_line(key).replace('_', ' ')}: {one_line(name)}", one_line(value[name]))
                     for name in sorted(value)]
    return rows


def _run_facts(results: Results) -> list[tuple[str, str]]:
    run = results.run
    rows = [
        ("run", str(run["run_id"])),
        ("started", str(run["started"])),
        ("duration", f"{results.end['duration_s']:.1f} s" if results.end else "interrupted"),
        ("rpmsg-cts commit", f"{run['commit']}{' (modified)' if run['dirty'] else ''}"),
        ("seed", str(run["seed"])),
        ("profile", str(run["profile"])),
        ("command", " ".join(map(str, run["command"]))),
    ]
    rows += [(f"machine: {key}", str(value)) for key, value in sorted(run["machine"].items())]
    return [(one_line(key), one_line(value)) for key, value in rows]


def _judged_texts(results: Results) -> list[tuple[str, RequirementText]]:
    tested = {result.requirement: result for result in results.results}
    return [(_requirement_link(requirement), _cleaned(words.law(results, tested[requirement])))
            for requirement in sorted(tested)]


def _cleaned(text: RequirementText) -> RequirementText:
    return RequirementText(one_line(text.id), one_line(text.slug), one_line(text.suite), one_line(text.statement),
                           one_line(text.level), one_line(text.binds), one_line(text.source), text.normative)


def _requirement_link(requirement: str) -> str:
    return "req-" + re.sub(r"[^A-Za-z0-9-]", "_", requirement)


def _safe_url(url: str) -> str:
    # A link target is the one place where autoescape is not enough.
    return clean(url) if re.match(r"https?://[^\s]+\Z", url) else ""
