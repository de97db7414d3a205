# SPDX-License-Identifier: BSD-3-Clause
"""Each report of each golden case, byte by byte, and checked by somebody else's eyes.

After a wanted change: pytest conformance/meta/test_report_golden.py --update-golden, and look at the difference.
"""

import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest

from meta import ktap_reader
from rpmsg_cts import report, results
from rpmsg_cts.verdict import FACES, Verdict

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path.parent for path in (ROOT / "fixtures" / "report").glob("*/input.jsonl"))
EXPECTED = {"html": "expected.html", "junit": "expected.xml", "ktap": "expected.ktap", "text": "expected.txt"}

each_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@each_case
@pytest.mark.parametrize("name", report.WRITERS)
def test_a_report_is_what_it_was(case, name, update_golden):
    """A reader's script, or a reader's eye, is used to it."""
    expected = case / EXPECTED[name]
    text = report.WRITERS[name][1](results.load(case / "input.jsonl"))
    if update_golden:
        expected.write_text(text, encoding="utf-8")

    assert text == expected.read_text(encoding="utf-8")


@each_case
def test_the_input_obeys_the_schema(case):
    """Golden cases are results that could be."""
    schema = jsonschema.Draft7Validator(json.loads((ROOT / "ci/schemas/results-1.json").read_text(encoding="utf-8")))

    for line in (case / "input.jsonl").read_bytes().split(b"\n")[:-1]:
        schema.validate(json.loads(line))


@each_case
def test_the_junit_file_is_valid_and_counts_right(case):
    """Jenkins refuses what does not fit its schema."""
    schema = ROOT / "ci" / "schemas" / "junit-jenkins.xsd"
    subprocess.run(["xmllint", "--noout", "--schema", schema, case / "expected.xml"], check=True, capture_output=True)

    junitparser = pytest.importorskip("junitparser", reason="package python3-junitparser")
    loaded = results.load(case / "input.jsonl")
    suites = list(junitparser.JUnitXml.fromfile(str(case / "expected.xml")))
    children = [FACES[result.verdict].junit for result in loaded.results]
    assert sum(suite.tests for suite in suites) == len(children) + loaded.interrupted
    assert sum(suite.failures for suite in suites) == children.count("failure")
    assert sum(suite.errors for suite in suites) == children.count("error") + loaded.interrupted
    assert sum(suite.skipped for suite in suites) == children.count("skipped")
    names = [(case_.classname, case_.name) for suite in suites for case_ in suite]
    assert len(names) == len(set(names))


@each_case
def test_the_ktap_file_is_read_by_its_rules(case):
    """And says of each result what the table of verdicts says."""
    loaded = results.load(case / "input.jsonl")
    suites, unknown = ktap_reader.read((case / "expected.ktap").read_text(encoding="utf-8"))

    assert not unknown
    lines = [test for suite in suites for test in suite.children]
    verdicts = [result.verdict for suite in loaded.suites() for result in loaded.results if result.suite == suite]
    assert [test.ok for test in lines] == [FACES[verdict].ktap_ok for verdict in verdicts]
    directives = [FACES[verdict].ktap_directive.partition(" ")[0] for verdict in verdicts]
    assert [test.directive for test in lines] == directives
    assert all(suite.ok for suite in suites) == (not loaded.interrupted and
                                                 all(FACES[verdict].ktap_ok for verdict in verdicts))


@each_case
def test_the_page_is_well_formed_and_stands_alone(case):
    """It is read offline, from a mail, years later."""
    page = _Page()
    page.feed((case / "expected.html").read_text(encoding="utf-8"))
    page.close()

    assert not page.open_tags
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "img", "base", "form", "video", "foreignobject",
                            "image", "use"}
    assert not page.handlers
    assert all(href.startswith(("#", "https://", "http://", "traces/", "javascript%3A")) for href in page.hrefs)
    assert len(page.ids) == len(set(page.ids))
    assert {href[1:] for href in page.hrefs if href.startswith("#")} <= set(page.ids)
    assert page.unscoped == 0
    assert "default-src 'none'" in page.policy


@each_case
def test_an_interrupted_run_says_so_everywhere(case):
    """Half a run that looks green is the worst report of all."""
    loaded = results.load(case / "input.jsonl")
    texts = {name: (case / file).read_text(encoding="utf-8").lower() for name, file in EXPECTED.items()}

    for name, text in texts.items():
        assert ("was interrupted" in text or "interrupted:" in text) == loaded.interrupted, name


@each_case
def test_every_result_is_in_every_report(case):
    """Nothing is left out because it is strange."""
    loaded = results.load(case / "input.jsonl")
    junit = (case / "expected.xml").read_text(encoding="utf-8")

    assert junit.count("<testcase ") == len(loaded.results) + loaded.interrupted
    for verdict in Verdict:
        if loaded.with_verdict(verdict):
            for file in ("expected.html", "expected.txt"):
                assert verdict.value in (case / file).read_text(encoding="utf-8")


class _Page(HTMLParser):
    """Collects what the tests above ask."""

    VOID = {"meta", "input", "br", "hr", "wbr", "img", "link"}

    def __init__(self):
        super().__init__()
        self.open_tags, self.tags, self.hrefs, self.ids, self.handlers = [], set(), [], [], []
        self.unscoped, self.policy = 0, ""

    def handle_starttag(self, tag, attrs):
        """Push, and look at the attributes."""
        values = dict(attrs)
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open_tags.append(tag)
        self.hrefs += [values["href"]] if "href" in values else []
        self.ids += [values["id"]] if "id" in values else []
        self.handlers += [name for name in values if name.startswith("on") or name == "src"]
        self.unscoped += tag == "th" and "scope" not in values
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]

    def handle_endtag(self, tag):
        """Pop, and insist on the order; `li`, `p` and the like are closed explicitly in our template."""
        assert self.open_tags and self.open_tags[-1] == tag, (tag, self.getpos())
        self.open_tags.pop()
