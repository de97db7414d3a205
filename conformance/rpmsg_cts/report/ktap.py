# SPDX-License-Identifier: BSD-3-Clause
"""KTAP version 1: suites as parent tests, one line per result; Documentation/dev-tools/ktap.rst of the kernel.

KNOWN is written `ok ... # XFAIL` as kselftest does, so that a parser that does not know the directive agrees with the
exit status.  KTAP has no "inconclusive": it is a SKIP that says the word.
"""

from __future__ import annotations

from collections.abc import Iterator

from rpmsg_cts.report import words
from rpmsg_cts.report.text import clean, one_line, shortened
from rpmsg_cts.results import Result, Results
from rpmsg_cts.verdict import FACES, Verdict

VERSION_LINE = "KTAP version 1"
MAX_DATA_CHARS = 400


def render(results: Results) -> str:
    """Return: the whole KTAP document."""
    return "\n".join(_document(results)) + "\n"


def _document(results: Results) -> Iterator[str]:
    suites = results.suites()
    # An interrupted run has one test more than it has suites: the run itself, which did not finish.
    yield VERSION_LINE
    yield f"1..{len(suites) + results.interrupted}"
    run = results.run
    yield (f"# rpmsg-cts commit {words.commit_words(results)} seed {run['seed']} profile {clean(str(run['profile']))}"
           f" run {clean(str(run['run_id']))}")
    for target in results.run["targets"]:
        yield f"# {clean(str(target))}: {words.judged_where(results, target)}"
    for warning in results.warnings:
        yield f"# warning: {one_line(warning)}"
    for number, suite in enumerate(suites, start=1):
        yield from _suite(results, suite, number)
    if results.interrupted:
        yield f"not ok {len(suites) + 1} run # ERROR interrupted: what follows the last result is missing"


def _suite(results: Results, suite: str, number: int) -> Iterator[str]:
    members = [result for result in results.results if result.suite == suite]
    yield f"  {VERSION_LINE}"
    yield f"  1..{len(members)}"
    for position, result in enumerate(members, start=1):
        yield from (f"  {line}" for line in _result(results, result, position))
    good = all(FACES[result.verdict].ktap_ok for result in members)
    skipped = all(result.verdict is Verdict.SKIP for result in members)
    yield f"{'ok' if good else 'not ok'} {number} {_description(suite)}{' # SKIP' if skipped else ''}"


def _result(results: Results, result: Result, number: int) -> Iterator[str]:
    face = FACES[result.verdict]
    name = _description(f"{result.requirement} {result.test}")
    if result.verdict in (Verdict.FAIL, Verdict.KNOWN, Verdict.ERROR):
        yield from _diagnostics(results, result)
    data = shortened(one_line(f"{result.known.id}: {result.reason}" if result.known and
                              result.verdict is Verdict.KNOWN else result.reason), MAX_DATA_CHARS)
    directive = " ".join(filter(None, [face.ktap_directive, data]))
    # A FAIL has no directive: its reason goes behind the hash as plain data, unless its first word would be one.
    if result.verdict is Verdict.FAIL and data:
        directive = f"reason: {data}"
    tail = f" # {directive}" if directive else ""
    yield f"{'ok' if face.ktap_ok else 'not ok'} {number} {name}{tail}"


def _diagnostics(results: Results, result: Result) -> Iterator[str]:
    text = words.law(results, result)
    if result.verdict is not Verdict.ERROR:
        yield f"# {text.id} {text.level}: {one_line(text.statement)}"
        yield f"# {words.claim(text)}"
    for label, value in (("expected", result.expected), ("observed", result.observed)):
        for line in clean(value).split("\n") if value else []:
            yield f"# {label}: {line}"
    if note := words.overlay_note(result):
        yield f"# {note}"
    if result.trace:
        yield f"# trace: {one_line(result.trace)}"
    yield f"# replay: {one_line(result.replay)}"


def _description(text: str) -> str:
    # The grammar has no way to escape a hash in a description.
    return one_line(text).replace("#", "%23")
