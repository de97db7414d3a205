# SPDX-License-Identifier: BSD-3-Clause
"""The table of deliberate errors of kernels, and what is said of each; `make kernel-mutants` judges real kernels.

Only the run on real kernels shows that verdicts on kernels mean something.  Here: that it would notice if they did not.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci"))
import kernel_mutants  # noqa: E402  pylint: disable=wrong-import-position
from kernel_mutants import CANARY, CatalogueError, Misfit, Mutant, fate_of  # noqa: E402  pylint: disable=wrong-import-position

ROW = """\
[[mutant]]
name = "canary"
what = "nothing"
requirement = "HDR-003"
alive = "ADR-002"
file = "rpmsg_ns.c"
text = "if (a && b)"
instead = "if (a)"
"""


def table(folder: Path, text: str) -> dict[str, Mutant]:
    """Load a table that says this."""
    path = folder / kernel_mutants.TABLE
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return kernel_mutants.load(folder)


def results(named: str, alive: str = "PASS") -> list[dict[str, Any]]:
    """What a run writes down."""
    return [{"type": "result", "requirement": "HDR-003", "verdict": named, "test": "t"},
            {"type": "result", "requirement": "ADR-002", "verdict": alive, "test": "u"}]


def test_the_table_is_read_and_large_enough() -> None:
    """Each file that is judged has an error of its own."""
    mutants = kernel_mutants.load()

    assert len(mutants) >= 26
    assert CANARY in mutants and mutants[CANARY].survives
    assert {"virtio_rpmsg_bus.c", "rpmsg_ns.c", "rpmsg_core.c", "rpmsg_char.c"} <= {one.file for one in mutants.values()}


def test_a_mutant_says_who_has_to_see_it(tmp_path: Path) -> None:
    """Kernels with a variant, and the hostile device, where that is said; and some do say it."""
    said = table(tmp_path, ROW + 'with = ["ubsan", "kasan"]\nfuzz = 7\n')[CANARY]

    assert (said.variants, said.fuzz) == (("kasan", "ubsan"), 7)
    real = kernel_mutants.load().values()
    assert any(mutant.variants for mutant in real) and any(mutant.fuzz for mutant in real)
    assert not any(mutant.fuzz and mutant.survives for mutant in real)


@pytest.mark.parametrize("was, now, complaint", [
    ('"HDR-003"', '"HDR-999"', "there is no requirement HDR-999"),
    ('"ADR-002"', '"HDR-003"', "what must go red cannot be what must stay green"),
    ('"rpmsg_ns.c"', '"rpmsg_tty.c"', "'file' cannot be"),
    ('"if (a)"', '"if (a  && b)"', "'instead' must differ"),
    ("what =", "why =", "unknown key 'why'"),
    ('"canary"', '"other"', "there is no mutant 'canary'"),
    ('"canary"', '"unchanged"', "the name 'unchanged' is taken"),
    ('"canary"', '"Canary"', "a name is made of"),
])
def test_a_wrong_row_is_refused(was: str, now: str, complaint: str, tmp_path: Path) -> None:
    """A row that nobody reads judges nothing."""
    with pytest.raises(CatalogueError, match=re.escape(complaint)):
        table(tmp_path, ROW.replace(was, now))


def test_a_text_is_found_however_its_lines_are_broken(tmp_path: Path) -> None:
    """Another kernel breaks them elsewhere."""
    mutant = table(tmp_path, ROW)[CANARY]

    assert mutant.apply("x;\n\tif (a &&\n\t    b)\n\t\ty;\n", "6.1.176") == "x;\n\tif (a)\n\t\ty;\n"


@pytest.mark.parametrize("source, times", [("if (a)", "not found"), ("if (a && b) if (a && b)", "found 2 times")])
def test_a_text_that_is_not_there_once_is_an_error(source: str, times: str, tmp_path: Path) -> None:
    """Or the kernel as it is would be judged, and called a survivor."""
    mutant = table(tmp_path, ROW)[CANARY]

    with pytest.raises(Misfit, match=f"canary: text {times} in drivers/rpmsg/rpmsg_ns.c of Linux 6.1.176; .*\"6.1\""):
        mutant.apply(source, "6.1.176")


def test_a_kernel_may_say_it_in_another_way(tmp_path: Path) -> None:
    """6.1 names 6.1.176 and not 6.12."""
    other = '[[mutant.other]]\nreleases = ["6.1", "7"]\ntext = "old"\ninstead = "wrong"\n'
    mutant = table(tmp_path, ROW + other)[CANARY]

    assert mutant.apply("old if (a && b)", "6.1.176") == "wrong if (a && b)"
    assert mutant.apply("old if (a && b)", "7.3.4") == "wrong if (a && b)"
    assert mutant.apply("old if (a && b)", "6.12.117") == "old if (a)"


@pytest.mark.parametrize("survives, named, alive, fate, problem", [
    ("", "FAIL", "PASS", "killed", ""),
    ("", "PASS", "PASS", "survived", "no test of HDR-003 went red"),
    ("it is the same", "PASS", "PASS", "survived", ""),
    ("it is the same", "FAIL", "PASS", "killed", "the table says that nothing can"),
    ("", "KNOWN", "PASS", "unclear", "neither red nor green"),
    ("", "INCONC", "PASS", "unclear", "neither red nor green"),
    ("it is the same", "ERROR", "PASS", "unclear", "neither red nor green"),
    ("", "FAIL", "FAIL", "killed", "does the kernel still start?"),
    ("", "FAIL", "SKIP", "killed", "does the kernel still start?"),
])
def test_only_a_red_test_of_the_requirement_kills(  # pylint: disable=too-many-arguments
        survives: str, named: str, alive: str, fate: str, problem: str, tmp_path: Path) -> None:
    """A kernel on which nothing works is not one whose error was found."""
    mutant = replace(table(tmp_path, ROW)[CANARY], survives=survives)

    found = fate_of(mutant, results(named, alive))

    assert found.fate == fate
    assert problem in found.problem and bool(problem) == bool(found.problem)


def test_the_kernel_as_it_is_must_be_green(tmp_path: Path) -> None:
    """What is red without an error says nothing with one."""
    mutants = [table(tmp_path, ROW)[CANARY]]

    assert kernel_mutants.unchanged_problems(mutants, results("PASS")) == []
    assert kernel_mutants.unchanged_problems(mutants, results("FAIL")) == ["unchanged: HDR-003 said FAIL 1"]
    assert kernel_mutants.unchanged_problems(mutants, []) == ["unchanged: ADR-002 said nothing",
                                                              "unchanged: HDR-003 said nothing"]


def test_the_program_refuses_a_name_that_is_not_there() -> None:
    """Before anything is built."""
    done = subprocess.run([sys.executable, ROOT / "ci" / "kernel-mutants", "no_such"], capture_output=True, text=True,
                          check=False)

    assert done.returncode == 2
    assert "has no mutant 'no_such'" in done.stdout
