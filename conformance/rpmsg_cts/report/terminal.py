# SPDX-License-Identifier: BSD-3-Clause
"""The report in a terminal, and the same as a text file: matrix, one block per failure, the rest by name."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rpmsg_cts.coverage import Coverage
from rpmsg_cts.diagram.text import text as diagram
from rpmsg_cts.report import words
from rpmsg_cts.report.text import clean, cleaned_rows, one_line, shortened
from rpmsg_cts.results import Lane, RequirementText, Result, Results
from rpmsg_cts.verdict import FACES, Verdict, worst

PLAIN_WIDTH = 110
LANES_PER_TABLE = 6
MAX_LOG_LINES = 20
MIN_DIAGRAM_WIDTH = 70
MAX_NAMED = 12
INDENT = 16
MAX_LINE_CHARS = 500


def render_plain(results: Results, unicode_symbols: bool = True) -> str:
    """Return: the whole report as text without colour, for a file or a pipe."""
    # An empty environment: neither COLUMNS nor NO_COLOR may change the bytes of a file.
    console = Console(file=io.StringIO(), width=PLAIN_WIDTH, color_system=None, force_terminal=False, _environ={})
    render(results, console, unicode_symbols)
    assert isinstance(console.file, io.StringIO)
    return "".join(f"{line.rstrip()}\n" for line in console.file.getvalue().split("\n")).rstrip("\n") + "\n"


def render(results: Results, console: Console, unicode_symbols: bool | None = None) -> None:
    """Print the whole report; the console decides about colour and width."""
    if unicode_symbols is None:
        unicode_symbols = console.encoding.startswith("utf")
    for line in _head(results):
        _put(console, line)
    lanes = results.lanes()
    for start in range(0, len(lanes), LANES_PER_TABLE):
        console.print(_matrix(results, lanes[start:start + LANES_PER_TABLE], unicode_symbols))
        _put(console, Text())
    for coverage in results.coverage.values():
        console.print(_coverage_table(coverage))
        _put(console, Text())
    for section in (_legend(results, unicode_symbols), _differences(results, console.width), _failures(results, console.width), _others(results, console.width),
                    _coverage(results), _foot(results)):
        for line in section:
            _put(console, line)


def _put(console: Console, line: Text) -> None:
    # Never re-wrapped: a replay line must survive copy and paste, a hex dump its columns.
    console.print(line, soft_wrap=True)


def _head(results: Results) -> Iterator[Text]:
    run = results.run
    yield Text(f"rpmsg-cts  commit {words.commit_words(results)}  seed {run['seed']}  profile"
               f" {clean(str(run['profile']))}  run {clean(str(run['run_id']))}", "bold")
    width = max((len(str(target)) for target in run["targets"]), default=0)
    for target in run["targets"]:
        yield Text(f"  {clean(str(target)):{width}}  {words.judged_where(results, target)}")
    for warning in results.warnings:
        yield Text(f"  warning: {one_line(warning)}", "yellow")
    if results.interrupted:
        yield Text("  INTERRUPTED: this run did not finish; what follows is not complete", "bold red")
    yield Text()


def _matrix(results: Results, lanes: list[Lane], unicode_symbols: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("requirement", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("", no_wrap=True, overflow="ellipsis")
    for target, role in lanes:
        table.add_column(f"{clean(target)}\n{role}", no_wrap=True)
    cells = results.cells()
    for number, suite in enumerate(results.suites()):
        if number:
            table.add_row()
        rows = {result.requirement: result for result in results.results if result.suite == suite}
        table.add_row(Text(clean(suite), "bold underline"))
        for requirement in sorted(rows):
            text = words.law(results, rows[requirement])
            table.add_row(Text(clean(requirement)), Text(clean(text.level)), Text(one_line(text.slug)),
                          *(_cell(cells.get((requirement, lane), []), unicode_symbols) for lane in lanes))
    return table


def _cell(members: list[Result], unicode_symbols: bool) -> Text:
    if not members:
        return Text("")
    verdict = worst(result.verdict for result in members)
    same = sum(result.verdict is verdict for result in members)
    face = FACES[verdict]
    return Text(f"{face.symbol if unicode_symbols else face.ascii} {words.share(same, len(members))}".rstrip(),
                face.colour)


def _legend(results: Results, unicode_symbols: bool) -> Iterator[Text]:
    counts = results.counts()
    for verdict, face in FACES.items():
        if counts[verdict] or verdict in (Verdict.PASS, Verdict.FAIL):
            symbol = face.symbol if unicode_symbols else face.ascii
            yield Text(f"  {symbol} {verdict:6} {counts[verdict]:5}  ", face.colour).append(Text(face.means, "default"))
    yield Text("  a cell shows the worst verdict of its tests; 1/4: one of four has it; empty: no test there", "dim")
    yield Text()


def _differences(results: Results, width: int) -> Iterator[Text]:
    """Where one kernel is not like another: a defect that was mended, or that needs another machine to be seen."""
    if not (found := results.differences()):
        return
    yield Text("differences between targets", "bold")
    for (requirement, role), said in found.items():
        label = f"{clean(requirement)} {role}"
        for verdict, where in words.what_differs(said):
            for line in textwrap.wrap(where, max(width - 27, 40), break_long_words=False, break_on_hyphens=False):
                yield Text(f"  {label:16} ").append(f"{verdict:6}", FACES[verdict].colour).append(f"  {line}")
                label = ""
    yield Text()


def _failures(results: Results, width: int) -> Iterator[Text]:
    for members in _by_cell(results.with_verdict(Verdict.FAIL)):
        yield from _failure(results, members, width)
        yield Text()
    for members in _by_reason(results.with_verdict(Verdict.ERROR)).values():
        yield from _error(members, width)
        yield Text()


def _by_cell(members: list[Result]) -> list[list[Result]]:
    groups: dict[tuple[str, Lane], list[Result]] = {}
    for result in members:
        groups.setdefault((result.requirement, result.lane), []).append(result)
    return list(groups.values())


def _failure(results: Results, members: list[Result], width: int) -> Iterator[Text]:
    first = members[0]
    text = words.law(results, first)
    yield _rule(first.verdict, f"{clean(first.requirement)}  {clean(first.target)} as {first.role}", width)
    yield from _prose(text.level, one_line(text.statement), width)
    yield from _prose(text.claim, one_line(text.source), width)
    for number, result in enumerate(members):
        if number:
            yield Text()
        yield from _finding(result, width)


def _error(members: list[Result], width: int) -> Iterator[Text]:
    """One block for all that broke for the same reason: a guest that is gone breaks everything after it."""
    first, *others = members
    where = dict.fromkeys(f"{clean(member.target)} as {member.role}" for member in members)
    yield _rule(first.verdict, f"{', '.join(dict.fromkeys(clean(member.requirement) for member in members[:MAX_NAMED]))}"
                               f"{' ...' if len(members) > MAX_NAMED else ''}  {', '.join(where)}", width)
    yield from _finding(first, width)
    if others:
        yield from _prose("also", f"{words.plural(len(others), 'other result')} with the same reason; report.html has"
                                  f" them all", width)


def _rule(verdict: Verdict, title: str, width: int) -> Text:
    return Text(f"── {verdict}  {title} ".ljust(width, "─"), FACES[verdict].colour)


def _finding(result: Result, width: int) -> Iterator[Text]:
    yield from _raw("test", one_line(result.test))
    yield from _prose("because", one_line(result.reason), width)
    yield from _raw("expected", clean(result.expected))
    yield from _raw("observed", clean(result.observed))
    if result.known:
        yield from _prose("note", words.overlay_note(result), width)
    if result.diagram:
        lines = diagram(cleaned_rows(result.diagram), max(width - INDENT, MIN_DIAGRAM_WIDTH), MAX_LOG_LINES)
        yield from _raw("diagram", "\n".join(lines))
        yield from _raw("log", f"{words.plural(len(result.log), 'line')} in report.html")
    elif len(result.log) > MAX_LOG_LINES:
        yield from _raw("log", f"... the last {MAX_LOG_LINES} of {len(result.log)} lines")
        yield from _raw("", "\n".join(map(clean, result.log[-MAX_LOG_LINES:])))
    else:
        yield from _raw("log", "\n".join(map(clean, result.log)))
    yield from _raw("trace", one_line(result.trace))
    yield from _raw("replay", one_line(result.replay))


def _prose(label: str, text: str, width: int) -> Iterator[Text]:
    lines = textwrap.wrap(text, max(width - INDENT, 40), break_long_words=False, break_on_hyphens=False)
    yield from _raw(label, "\n".join(lines))


def _raw(label: str, text: str) -> Iterator[Text]:
    """Lines beside a label."""
    if not text:
        return
    for line in text.split("\n"):
        yield Text(f"  {label:{INDENT - 2}}", "bold").append(Text(shortened(line, MAX_LINE_CHARS), "default"))
        label = ""


def _others(results: Results, width: int) -> Iterator[Text]:
    for verdict in (Verdict.KNOWN, Verdict.WAIVED, Verdict.INCONC, Verdict.SKIP):
        members = results.with_verdict(verdict)
        if not members:
            continue
        yield Text(f"{verdict}  {words.plural(len(members), 'result')}", "bold")
        for what, group in _by_reason(members).items():
            names = list(dict.fromkeys(f"{clean(result.requirement)} {clean(result.target)} {result.role}"
                                       for result in group))
            shown = ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")
            yield from (Text(f"  {line}") for line in textwrap.wrap(shown, max(width - 2, 40)))
            yield from (Text(f"      {line}", "dim") for line in textwrap.wrap(what, max(width - 6, 40)))
            if group[0].known:
                seen = shortened(one_line(f"seen: {group[0].reason}"), MAX_LINE_CHARS)
                yield from (Text(f"      {line}") for line in textwrap.wrap(seen, max(width - 6, 40)))
            if command := words.finding_command(group[0]):
                yield Text(f"      more: {command}")
        yield Text()
    for defect, target in results.no_longer_seen():
        yield Text(f"{clean(defect.id)} is no longer seen on {clean(target)}: remove it from fixtures/known/", "yellow")


def _by_reason(members: list[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in members:
        note = words.overlay_note(result)
        groups.setdefault(shortened(note or one_line(result.reason), 400), []).append(result)
    return groups


def _coverage_table(coverage: Coverage) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("lines run, in %", no_wrap=True)
    for file in coverage.files:
        table.add_column(clean(file.name), no_wrap=True, justify="right")
    for suite in coverage.suites:
        table.add_row(clean(suite), *(f"{file.percent_of(suite):.1f}" for file in coverage.files))
    table.add_row("all", *(f"{file.percent:.1f}" for file in coverage.files), style="bold")
    return table


def _coverage(results: Results) -> Iterator[Text]:
    for target, coverage in results.coverage.items():
        yield Text(f"lines of the kernel of {clean(target)}", "bold")
        for file in coverage.files:
            yield Text(f"  {clean(file.name)}: {words.coverage_words(file)}")
            for text in words.line_ranges(file.unexplained):
                yield Text(f"      not explained: {clean(text)}", "yellow")
        for text in words.coverage_notes(coverage):
            yield Text(f"  {one_line(text)}", "yellow")
        yield Text()


def _named(texts: list[RequirementText]) -> str:
    return ", ".join(clean(text.id) for text in texts) if len(texts) <= MAX_NAMED else "report.html names them"


def _foot(results: Results) -> Iterator[Text]:
    if elsewhere := results.elsewhere():
        yield Text(f"{words.plural(len(elsewhere), 'requirement')} cannot apply to what was judged: {_named(elsewhere)}",
                   "dim")
    if untested := results.untested():
        yield Text(f"no test judged {len(untested)} of {words.plural(len(results.requirements), 'requirement')} in this"
                   f" run: {_named(untested)}", "dim")
    if unproven := results.unproven():
        yield Text(f"no mutant shows that the tests of {words.plural(len(unproven), 'requirement')} on sim can fail:"
                   f" {_named(unproven)}", "yellow")
    yield Text(words.headline(results), "bold")
    duration = f"  {results.end['duration_s']:.1f} s" if results.end else ""
    yield Text(f"{words.counts_line(results)}{duration}", "bold")
