# SPDX-License-Identifier: BSD-3-Clause
"""JUnit XML: the subset that Jenkins' xUnit schema, GitLab and GitHub actions agree on.

One testsuite per suite and lane.  A testcase's classname carries suite and lane (GitLab shows it as the suite), its name
the requirement, so that no two are equal: GitLab silently keeps only the first of equal ones.  Messages stand in the
attribute and in the text, because some consumers show only one of them.
"""

from __future__ import annotations

import re
from collections import Counter
from xml.etree import ElementTree

from rpmsg_cts.report import words
from rpmsg_cts.report.text import clean, one_line, shortened
from rpmsg_cts.results import Lane, Result, Results
from rpmsg_cts.verdict import FACES, Verdict

MAX_MESSAGE_CHARS = 400


def render(results: Results) -> str:
    """Return: the whole XML document."""
    root = ElementTree.Element("testsuites", name="rpmsg-cts")
    for suite in results.suites():
        for lane in results.lanes():
            members = [result for result in results.results if result.suite == suite and result.lane == lane]
            if members:
                root.append(_suite(results, suite, lane, members))
    if results.interrupted:
        root.append(_interruption(results))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(results: Results, suite: str, lane: Lane, members: list[Result]) -> ElementTree.Element:
    target, role = lane
    element = _testsuite(results, f"{suite} on {target} ({role})", members)
    properties = ElementTree.SubElement(element, "properties")
    for name, value in _properties(results, target).items():
        ElementTree.SubElement(properties, "property", name=clean(name), value=one_line(value))
    for result in members:
        element.append(_case(results, result))
    _number_equal_names(element)
    return element


def _testsuite(results: Results, name: str, members: list[Result]) -> ElementTree.Element:
    children = [FACES[result.verdict].junit for result in members]
    return ElementTree.Element(
        "testsuite", name=one_line(name), tests=str(len(members)), failures=str(children.count("failure")),
        errors=str(children.count("error")), skipped=str(children.count("skipped")),
        time=_seconds(sum(result.duration_s for result in members)),
        timestamp=clean(str(results.run["started"])).removesuffix("Z"))


def _properties(results: Results, target: str) -> dict[str, str]:
    run = results.run
    properties = {"commit": words.commit_words(results), "seed": str(run["seed"]), "profile": str(run["profile"]),
                  "run_id": str(run["run_id"])}
    for key, value in sorted(results.facts.get(target, {}).items()):
        properties |= {key: value} if isinstance(value, str) else {f"{key}.{name}": str(value[name])
                                                                   for name in sorted(value)}
    return properties


def _case(results: Results, result: Result) -> ElementTree.Element:
    face = FACES[result.verdict]
    case = ElementTree.Element("testcase", name=one_line(f"{result.requirement} {result.test.rpartition('::')[2]}"),
                               classname=_classname(result), time=_seconds(result.duration_s))
    if face.junit:
        message = shortened(one_line(f"{_prefix(result)}{result.reason}"), MAX_MESSAGE_CHARS)
        child = ElementTree.SubElement(case, face.junit, message=message)
        if face.junit != "skipped":
            child.set("type", result.verdict.value)
        child.text = _body(results, result, message)
    elif note := words.overlay_note(result):
        ElementTree.SubElement(case, "system-out").text = note
    return case


def _prefix(result: Result) -> str:
    match result.verdict:
        case Verdict.INCONC:
            return "INCONCLUSIVE: "
        case Verdict.KNOWN | Verdict.WAIVED:
            return f"{result.verdict} {result.known.id}: " if result.known else f"{result.verdict}: "
        case _:
            return ""


def _body(results: Results, result: Result, message: str) -> str:
    if result.verdict in (Verdict.SKIP, Verdict.INCONC):
        return message
    text = words.law(results, result)
    lines = [message, "", f"{text.id} {text.level}: {one_line(text.statement)}", words.claim(text)]
    if result.expected or result.observed:
        lines += ["", "expected:", clean(result.expected), "observed:", clean(result.observed)]
    if note := words.overlay_note(result):
        lines += ["", note]
    if result.log:
        lines += ["", "log:", *map(clean, result.log)]
    if result.trace:
        lines += ["", f"trace: {one_line(result.trace)}"]
    return "\n".join([*lines, "", f"replay: {one_line(result.replay)}"])


def _interruption(results: Results) -> ElementTree.Element:
    # Without it an interrupted run would be a small green file.
    element = ElementTree.Element("testsuite", name="run", tests="1", failures="0", errors="1", skipped="0",
                                  time="0.000", timestamp=clean(str(results.run["started"])).removesuffix("Z"))
    case = ElementTree.SubElement(element, "testcase", name="run finished", classname="rpmsg_cts.run", time="0.000")
    message = "interrupted: what follows the last result is missing"
    ElementTree.SubElement(case, "error", type="INTERRUPTED", message=message).text = message
    return element


def _classname(result: Result) -> str:
    # Dots separate packages in every consumer; a target's own dots and colons must not.
    path = result.test.partition("::")[0].removesuffix(".py").split("/")
    parts = (re.sub(r"[^A-Za-z0-9_-]", "_", part) for part in (result.suite, result.target, result.role, *path))
    return ".".join(("rpmsg_cts", *parts))


def _number_equal_names(suite: ElementTree.Element) -> None:
    # Only characters that cannot be written make two names equal; then the later ones get a number.
    seen: Counter[tuple[str, str]] = Counter()
    for case in suite.iter("testcase"):
        key = (case.attrib["classname"], case.attrib["name"])
        seen[key] += 1
        if seen[key] > 1:
            case.set("name", f"{key[1]} ({seen[key]})")


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.3f}"
