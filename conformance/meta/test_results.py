# SPDX-License-Identifier: BSD-3-Clause
"""The result file survives kills, full disks and hostile text, and is read strictly but for its end."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import jsonschema
import pytest

from meta.conftest import ROOT
from rpmsg_cts import results
from rpmsg_cts.results import BadResults, KnownDefect, RequirementText, Result, ResultsError, ResultsWriter
from rpmsg_cts.verdict import HarnessError, Verdict

RUN = {
    "run_id": "20261122T190000Z-1", "started": "2026-11-22T19:00:00Z", "commit": "unknown", "dirty": False, "seed": 1,
    "profile": "strict", "targets": ["sim", "linux-armhf"], "suites": ["header"], "command": ["rpmsg-cts", "run"],
    "machine": {"os": "Debian"},
}
TEXT = RequirementText("HDR-001", "a-slug", "header", "A sentence.", "MUST", "both", "a source", False)
DEFECT = KnownDefect("K-X-001", "https://example.org", "a note")


def result(test="header/test_x.py::test_y[sim-driver]", verdict=Verdict.PASS, reason="", **changes):
    """A result of HDR-001."""
    fields = {"test": test, "requirement": "HDR-001", "suite": "header", "target": "sim", "role": "driver",
              "variant": "", "verdict": verdict, "reason": reason, "expected": "", "observed": "", "known": None,
              "duration_s": 0.1, "replay": "./rpmsg-cts run", "log": ()}
    return Result(**{**fields, **changes})


@pytest.fixture
def writer(tmp_path):
    """A writer of tmp_path/results.jsonl, open."""
    writer = ResultsWriter(tmp_path / "results.jsonl")
    writer.open(RUN)
    yield writer
    writer.close()


@pytest.fixture(scope="module")
def schema():
    """The schema of one line."""
    path = os.path.join(os.path.dirname(__file__), "../../ci/schemas/results-1.json")
    with open(path, encoding="utf-8") as file:
        return jsonschema.Draft7Validator(json.load(file))


def test_what_is_written_is_read_again(writer):
    """Every field comes back, strange characters included."""
    strange = result(reason="\x00\x1b\u2028\udc80ü\n", verdict=Verdict.KNOWN, known=DEFECT, log=("a", "\udcff"))
    writer.requirement(TEXT)
    writer.target("sim", {"kernel_release": "6.1", "modules": {"a": "b"}})
    writer.target("sim", {"more": "facts"})
    writer.result(strange)
    writer.finish(1.5, {Verdict.KNOWN: 1}, 0)

    loaded = results.load(writer.path)

    assert loaded.results == (strange,)
    assert loaded.requirements == {"HDR-001": TEXT}
    assert loaded.facts["sim"] == {"kernel_release": "6.1", "modules": {"a": "b"}, "more": "facts"}
    assert not loaded.interrupted and not loaded.warnings
    assert loaded.end["counts"]["KNOWN"] == 1


def test_every_line_obeys_the_schema(writer, schema):
    """The schema is what others read the file by."""
    writer.requirement(TEXT)
    writer.target("sim", {"a": "b", "c": {"d": "e"}})
    writer.result(result())
    writer.result(result(test="t", verdict=Verdict.KNOWN, reason="x", known=DEFECT))
    writer.finish(1.5, {Verdict.PASS: 1}, 0)

    for line in writer.path.read_bytes().splitlines():
        schema.validate(json.loads(line))


@pytest.mark.parametrize("change", [
    {"verdict": "OK"}, {"extra": 1}, {"verdict": "KNOWN"}, {"verdict": "FAIL", "reason": ""}, {"role": "host"},
    {"duration_s": "1"}, {"requirement": "hdr1"},
], ids=str)
def test_the_schema_refuses_what_is_wrong(writer, schema, change):
    """A schema that accepts everything checks nothing."""
    writer.result(result())
    record = json.loads(writer.partial_path.read_bytes().splitlines()[-1])
    assert schema.is_valid(record)

    assert not schema.is_valid({**record, **change})


def test_the_file_gets_its_name_when_it_is_complete(writer):
    """Half a file must not be taken for a whole one, and an earlier one stays until then."""
    writer.path.write_text("earlier", encoding="utf-8")
    writer.result(result())
    assert writer.path.read_text(encoding="utf-8") == "earlier"

    writer.finish(1, {}, 0)

    assert len(results.load(writer.path).results) == 1
    assert not writer.partial_path.exists()


def test_a_line_is_in_the_file_when_result_returns(writer):
    """That is what a kill -9 leaves."""
    writer.result(result())

    loaded = results.load(writer.partial_path)

    assert loaded.interrupted and len(loaded.results) == 1


def test_an_interrupted_run_is_put_aside(writer):
    """Its results are evidence, but they do not replace those of a whole run."""
    writer.path.write_text("earlier", encoding="utf-8")
    writer.result(result())

    kept = writer.interrupt()

    assert kept == writer.path.parent / "interrupted" / "results.jsonl"
    assert results.load(kept).interrupted
    assert writer.path.read_text(encoding="utf-8") == "earlier"
    assert not writer.partial_path.exists()


def test_what_a_killed_run_left_is_kept(tmp_path):
    """The next run does not write over it."""
    (tmp_path / "results.jsonl.partial").write_text("left", encoding="utf-8")
    writer = ResultsWriter(tmp_path / "results.jsonl")

    writer.open(RUN)
    writer.finish(1, {}, 5)

    assert (tmp_path / "interrupted" / "results.jsonl").read_text(encoding="utf-8") == "left"
    assert results.load(writer.path).results == ()


def test_two_runs_never_share_a_file(writer):
    """Their lines would be mixed."""
    other = ResultsWriter(writer.path)

    with pytest.raises(ResultsError, match="another run is writing here"):
        other.open(RUN)
    writer.result(result())


def test_a_second_result_for_the_same_thing_is_refused(writer):
    """Which of the two would count?"""
    writer.result(result())

    with pytest.raises(HarnessError, match="two results for HDR-001"):
        writer.result(result(verdict=Verdict.FAIL, reason="x"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    """A file where the folder should be."""
    (tmp_path / "out").write_text("", encoding="utf-8")

    with pytest.raises(ResultsError, match="out/results.jsonl.partial: "):
        ResultsWriter(tmp_path / "out" / "results.jsonl").open(RUN)


def test_a_full_disk_is_said_and_leaves_what_is_there(writer, monkeypatch):
    """Short writes are completed, a full disk ends the run in order."""
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    writer.result(result())
    monkeypatch.setattr(os, "write", _full)

    with pytest.raises(ResultsError, match="No space left on device; results so far are in it"):
        writer.result(result(test="other"))

    monkeypatch.undo()
    assert len(results.load(writer.partial_path).results) == 1


def test_a_file_size_limit_is_met_like_a_full_disk(tmp_path):
    """The same with a real limit of the operating system, in a process of its own."""
    code = f"""
import resource, signal, sys
sys.path.insert(0, {os.path.join(os.path.dirname(__file__), '..')!r})
from meta.test_results import RUN, result
from rpmsg_cts.results import ResultsError, ResultsWriter
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
writer = ResultsWriter(Path({str(tmp_path)!r}) / "results.jsonl")
writer.open(RUN)
try:
    for number in range(100):
        writer.result(result(test=f"t{{number}}"))
except ResultsError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "File too large; results so far are in it" in done.stdout
    loaded = results.load(tmp_path / "results.jsonl.partial")
    assert loaded.interrupted and len(loaded.results) > 3
    assert "torn off" in loaded.warnings[0]


def test_every_cut_of_a_file_is_readable_or_says_why(writer):
    """A torn file loses its torn line only."""
    writer.result(result())
    writer.finish(1, {Verdict.PASS: 1}, 0)
    data = writer.path.read_bytes()
    first = data.index(b"\n") + 1

    for length in range(first, len(data)):
        loaded = results.parse(data[:length], "cut")
        assert loaded.interrupted
        assert bool(loaded.warnings) == (data[length - 1:length] != b"\n")


def run_line(**changes):
    """The first line of a file."""
    return results.encode_line({"type": "run", "version": 1, **RUN, **changes})


@pytest.mark.parametrize("data, complaint", [
    (b"", "x:1: not a result file"),
    (b"{}\n", "x:1: not a result file"),
    (run_line(version=2), "x:1: version 2; this program reads version 1"),
    (run_line(targets="sim"), "x:1: run record: targets"),
    (run_line() + b"{]\n" + b"{}\n", "x:2: not JSON"),
    (run_line() + b"[]\n", "x:2: not a JSON object"),
    (run_line() + b"\xff\n", "x:2: not JSON"),
    (run_line() + b'{"type":"new"}\n', "x:2: unknown record type 'new'"),
    (run_line() + b'{"type":"result","known":null}\n', "x:2: missing key 'verdict'"),
    (run_line() + b'{"type":"requirement","id":"X"}\n', "x:2: "),
], ids=range(10))
def test_a_bad_file_is_refused_with_its_line(data, complaint):
    """Nothing in the middle of a file is guessed."""
    with pytest.raises(BadResults, match=complaint):
        results.parse(data, "x")


def test_a_second_result_in_a_file_is_refused(writer):
    """Two files pasted together."""
    writer.result(result())
    line = writer.partial_path.read_bytes().splitlines(keepends=True)[-1]

    with pytest.raises(BadResults, match="x:3: second result for HDR-001"):
        results.parse(run_line() + line + line, "x")


def test_a_missing_file_is_said(tmp_path):
    """By path."""
    with pytest.raises(BadResults, match="nothing.jsonl: No such file"):
        results.load(tmp_path / "nothing.jsonl")


def test_recorded_defects_that_pass_want_removing(writer):
    """Only if all their tests pass there."""
    gone, alive = KnownDefect("K-1", "u", "n"), KnownDefect("K-2", "u", "n")
    writer.result(result(test="a", known=gone))
    writer.result(result(test="b", known=gone))
    writer.result(result(test="c", known=alive))
    writer.result(result(test="d", known=alive, verdict=Verdict.KNOWN, reason="x"))
    writer.result(result(test="e", known=alive, verdict=Verdict.FAIL, reason="y"))

    loaded = results.load(writer.partial_path)

    assert loaded.no_longer_seen() == [(gone, "sim")]
    assert [found.test for found in loaded.not_as_recorded()] == ["e"]


def test_floods_are_bounded():
    """A guest that writes for ever must not fill the report."""
    log = results.bounded_log([f"{number}" for number in range(1000)] + ["x" * 10_000])

    assert len(log) == results.MAX_LOG_LINES + 1
    assert log[0] == "0" and "lines left out" in log[100] and len(log[-1]) < 600
    assert len(results.bounded_text("x" * 100_000)) < 9000


def _full(_fd, _data):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_no_mutant_stands_for_is_named_where_our_own_ends_are_judged():
    """A kernel cannot be mutated; and where nobody counted, nothing is said."""
    loaded = results.load(ROOT / "fixtures" / "report" / "every-verdict" / "input.jsonl")

    assert [text.id for text in loaded.unproven()] == ["NS-001"]
    elsewhere = replace(loaded, results=tuple(one for one in loaded.results if one.target != "sim"))
    assert elsewhere.unproven() == []


def test_what_applies_to_no_target_is_not_missing():
    """Nobody is to look for a test of Linux's own interface on our ends."""
    loaded = results.load(ROOT / "fixtures" / "report" / "every-verdict" / "input.jsonl")
    before = loaded.untested()
    text = replace(TEXT, id="API-001", suite="api", applies=False)

    with_it = replace(loaded, requirements={**loaded.requirements, text.id: text})

    assert (with_it.untested(), with_it.elsewhere()) == (before, [text])
    assert replace(text, applies=True) in replace(loaded, requirements={text.id: replace(text, applies=True)}).untested()
