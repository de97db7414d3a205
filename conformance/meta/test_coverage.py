# SPDX-License-Identifier: BSD-3-Clause
"""Which lines were run: what gcov says of a real program, in several runs, and the reasons for what was not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from rpmsg_cts import report, results
from rpmsg_cts.coverage import Coverage, CoverageError, Line, Reason, explained, load_reasons, measure, read
from rpmsg_cts.strict_toml import CatalogueError

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """\
static int sign(int n)
{
\tif (n < 0)
\t\treturn -1;
\tif (n == 0)
\t\treturn 0;
\treturn 1;
}

int main(int argc, char **argv)
{
\tif (argc > 4) {
\t\targv[0] = 0;
\t\treturn 4;
\t}
\treturn sign(argc - 2) > 1;
}
"""


@pytest.fixture(scope="module", name="notes")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a kernel's has, of a program that runs other lines for other numbers of arguments."""
    if shutil.which("gcov") is None:
        pytest.skip("gcov is missing: install gcc")
    folder = tmp_path_factory.mktemp("notes")
    (folder / "sign.c").write_text(SOURCE)
    subprocess.run(["gcc", "--coverage", "-O0", "-c", "sign.c", "-o", "sign.o"], cwd=folder, check=True)
    subprocess.run(["gcc", "--coverage", "sign.o", "-o", "sign"], cwd=folder, check=True)
    return folder


def counted(notes: Path, *arguments: str) -> Mapping[str, bytes]:
    (notes / "sign.gcda").unlink(missing_ok=True)
    subprocess.run([notes / "sign", *arguments], check=True)
    return {"sign": (notes / "sign.gcda").read_bytes()}


def test_a_run_covers_what_it_came_to(notes: Path) -> None:
    lines = read(notes, counted(notes))["sign.c"]

    assert {line.number for line in lines if line.covered} == {1, 3, 4, 10, 12, 16}
    assert {(line.number, line.function) for line in lines if not line.covered} == {
        (5, "sign"), (6, "sign"), (7, "sign"), (13, "main"), (14, "main")}


def test_runs_add_up_by_suite_and_in_total(notes: Path) -> None:
    none, one = counted(notes), counted(notes, "1")
    both = measure(notes, [("header", none), ("flow", one), ("flow", none)], 0, (), True)

    (file,) = both.files
    assert (file.lines, file.covered, dict(file.suites)) == (11, 8, {"header": 6, "flow": 8})
    assert [(line.line, line.function, line.text) for line in file.uncovered] == [
        (7, "sign", "return 1;"), (13, "main", "argv[0] = 0;"), (14, "main", "return 4;")]
    assert (round(file.percent, 1), round(file.percent_of("header"), 1)) == (72.7, 54.5)
    assert both.suites == ["header", "flow"]


def test_reasons_are_found_and_counted(notes: Path) -> None:
    """One that explains nothing hides that something has changed; a part of the suites proves nothing about it."""
    reasons = [Reason("sign.c", "main", "if (argc > 4) {", "too many"), Reason("sign.c", "sign", "if (n < 0)", "negative"),
               Reason("other.c", "main", "", "elsewhere")]
    whole = measure(notes, [("header", counted(notes))], 2, reasons, True)
    part = measure(notes, [("header", counted(notes))], 0, reasons, False)

    assert [(line.line, line.reason) for line in whole.files[0].uncovered] == [
        (5, ""), (6, ""), (7, ""), (13, "too many"), (14, "too many")]
    assert [line.line for line in whole.files[0].unexplained] == [5, 6, 7]
    assert whole.needless == ("sign.c: sign, after 'if (n < 0)'", "other.c: main")
    assert part.needless == ()


@pytest.mark.parametrize("after, lines", [
    ("", [3, 4, 8, 10]),
    ("a();", [3, 4]),
    ("out:", [8]),
    ("c();", [10]),
    ("d();", [8]),
    ("g();", []),
    ("no such line", []),
])
def test_a_reason_holds_up_to_the_next_line_that_was_run(after: str, lines: list[int]) -> None:
    """A label has no code, and is named all the same."""
    source = ["void f(void) {", "a();", "b();", "goto out;", "d();", "d();", "out:", "e();", "c();", "g();", "h();"]
    have = [Line(number, "f", number in (1, 2, 5, 6, 9, 11)) for number in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11)]

    assert explained(Reason("f.c", "f", after, ""), have, source) == lines


def test_counters_of_another_build_are_refused(notes: Path, tmp_path: Path) -> None:
    """Numbers of one kernel with the lines of another would be believed."""
    counters = counted(notes)
    shutil.copy(notes / "sign.c", tmp_path)
    (tmp_path / "sign.gcno").write_bytes(b"garbage")
    with pytest.raises(CoverageError, match="nothing to say about sign.c: is it of the compiler"):
        read(tmp_path, counters)


def test_our_own_reasons_can_be_read(tmp_path: Path) -> None:
    """And a word too many is refused."""
    assert all(reason.reason for reason in load_reasons(ROOT))

    path = tmp_path / "fixtures" / "kernel" / "uncovered.toml"
    path.parent.mkdir(parents=True)
    path.write_text('[[uncovered]]\nfile = "a.c"\nfunction = "f"\nline = 3\nreason = "x"\n')
    with pytest.raises(CatalogueError, match="uncovered.toml:4: .*unknown key 'line'"):
        load_reasons(tmp_path)


def test_the_record_comes_back_as_it_went(notes: Path) -> None:
    coverage = measure(notes, [("header", counted(notes))], 1, (), True)

    assert Coverage.of_record(json.loads(json.dumps(coverage.to_record()))) == coverage


def test_programs_have_a_file_of_their_own(tmp_path: Path) -> None:
    """It is there if a kernel of the run counts, and else is not."""
    loaded = results.load(ROOT / "fixtures" / "report" / "coverage" / "input.jsonl")
    report.write_all(loaded, tmp_path, [])
    written = json.loads((tmp_path / "coverage.json").read_text(encoding="utf-8"))

    assert {target: Coverage.of_record(record) for target, record in written.items()} == loaded.coverage != {}
