# SPDX-License-Identifier: BSD-3-Clause
"""Sentences that several reports share, so that they say the same thing in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from rpmsg_cts import known
from rpmsg_cts.coverage import Coverage, FileCoverage, Uncovered
from rpmsg_cts.report.text import clean, one_line, shortened
from rpmsg_cts.results import RequirementText, Result, Results
from rpmsg_cts.verdict import FACES, Verdict

# Of a reason, beside others in one line.
MAX_WHY_CHARS = 120


def headline(results: Results) -> str:
    """Return: the outcome in one sentence, the interruption first where there is one."""
    counts = results.counts()
    judged = len(results.results)
    if not judged:
        return "Interrupted before anything was judged." if results.interrupted else "Nothing was judged."
    tested = len({result.requirement for result in results.results})
    found = [(Verdict.FAIL, "failed"), (Verdict.ERROR, "broke the harness"), (Verdict.KNOWN, "failed as recorded"),
             (Verdict.WAIVED, "waived"), (Verdict.INCONC, "could not be judged"),
             (Verdict.SKIP, "did not apply")]
    parts = [f"{counts[verdict]} {words}" for verdict, words in found if counts[verdict]]
    sentence = f"{plural(judged, 'judgement')} on {plural(tested, 'requirement')}: "
    if parts:
        sentence += f"{counts[Verdict.PASS]} passed, {', '.join(parts)}."
    else:
        sentence += "no failure so far." if results.interrupted else "all passed."
    return f"Interrupted, not complete. {sentence}" if results.interrupted else sentence


def plural(count: int, noun: str) -> str:
    """Return: the count with its noun, "1 result", "2 results"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def share(same: int, total: int) -> str:
    """Return: how many tests of a cell have its verdict: "3" of 3, "1/3", nothing for a single test."""
    if total == 1:
        return ""
    return str(same) if same == total else f"{same}/{total}"


def counts_line(results: Results) -> str:
    """Return: every verdict that occurred, by name; PASS and FAIL always."""
    counts = results.counts()
    return "  ".join(f"{verdict} {counts[verdict]}" for verdict in FACES
                     if counts[verdict] or verdict in (Verdict.PASS, Verdict.FAIL))


def judged_where(results: Results, target: str) -> str:
    """Return: one line on a target: which kernel or which source was judged there."""
    facts = results.facts.get(target, {})
    release = facts.get("kernel_release")
    if release:
        # Debian's as shipped has a package; one that was built has a source, and maybe variants of its configuration.
        origin = " ".join(str(facts[name]) for name in ("kernel_package", "kernel_package_version", "kernel_source")
                          if facts.get(name))
        variants = "".join(f" +{name}" for name in str(facts.get("kernel_variants", "")).split())
        return one_line(f"Linux {release}" + (f" ({origin}{variants})" if origin else ""))
    if target == "sim":
        return "our own driver and device, simulated"
    if target.startswith("mutant:"):
        return "our own ends with one deliberate error"
    return "no facts recorded"


def overlay_note(result: Result) -> str:
    """Return: what a recorded defect says about this result, empty for none."""
    if not result.known:
        return ""
    if result.verdict is Verdict.FAIL:
        return f"fails, but not as recorded in {result.known.id}"
    if result.verdict is Verdict.PASS:
        return f"recorded as {result.known.id}, but passes"
    return f"{result.known.id}: {one_line(result.known.note)}"


def what_differs(said: Sequence[Result]) -> list[tuple[Verdict, str]]:
    """Return: each verdict, with the targets that have it and why; a result a target, as differences() has them."""
    groups: dict[tuple[Verdict, str], list[str]] = {}
    for result in said:
        why = result.known.id if result.verdict is Verdict.KNOWN and result.known else result.reason
        groups.setdefault((result.verdict, shortened(one_line(why), MAX_WHY_CHARS)), []).append(one_line(result.target))
    return [(verdict, f"{', '.join(names)}{f' ({why})' if why else ''}") for (verdict, why), names in groups.items()]


def finding_command(result: Result) -> str:
    """Return: the command that tells all about the recorded defect of this result, empty for none."""
    if result.verdict is not Verdict.KNOWN or not result.known or not known.ID.fullmatch(result.known.id):
        return ""
    return f"./rpmsg-cts show --finding {result.known.id}"


def law(results: Results, result: Result) -> RequirementText:
    """Return: what the requirement of a result says; a stand-in when the file does not have it."""
    unknown = RequirementText(result.requirement, "", result.suite, "(the result file does not say)", "", "both",
                              "(the result file does not say)", False)
    return results.requirements.get(result.requirement, unknown)


def claim(text: RequirementText) -> str:
    """Return: "violates VirtIO 2.7.13" or "differs from virtio_rpmsg_bus.c ..."."""
    return f"{text.claim} {one_line(text.source)}"


def commit_words(results: Results) -> str:
    """Return: the harness's commit, short, and whether it was modified."""
    commit = clean(str(results.run["commit"]))
    return f"{commit[:12]}{' (modified)' if results.run['dirty'] else ''}"


def short_test(result: Result) -> str:
    """Return: the test's own name, without its file."""
    return clean(result.test.rpartition("::")[2])


def coverage_words(file: FileCoverage) -> str:
    """Return: how much of a source file was run, as in "97.5 % of 200 lines; not run: 5, explained 4"."""
    missed = len(file.uncovered)
    tail = f"; not run: {missed}, explained {missed - len(file.unexplained)}" if missed else ""
    return f"{file.percent:.1f} % of {plural(file.lines, 'line')}{tail}"


def line_ranges(lines: Sequence[Uncovered]) -> list[str]:
    """Return: one text a function, as in "rpmsg_probe 12-14, 20"; lines that follow each other are one range."""
    functions: dict[str, list[list[int]]] = {}
    for line in lines:
        ranges = functions.setdefault(line.function, [])
        if ranges and ranges[-1][-1] + 1 == line.line:
            ranges[-1][1:] = [line.line]
        else:
            ranges.append([line.line])
    return [f"{name} {', '.join('-'.join(map(str, ends)) for ends in ranges)}" for name, ranges in functions.items()]


def coverage_notes(coverage: Coverage) -> list[str]:
    """Return: what a reader of the numbers has to know."""
    lost = [f"{plural(coverage.lost, 'guest')} ended without saying what ran during the last test"] if coverage.lost else []
    return lost + [f"fixtures/kernel/uncovered.toml: needless, for it is run or not there: {name}"
                   for name in coverage.needless]
