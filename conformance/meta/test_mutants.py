# SPDX-License-Identifier: BSD-3-Clause
"""The suites can fail: each deliberate error of our own ends turns the right test red, and no unrelated one.

sim/base/mutants.def says which test that is, and which others may go red with it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpmsg_cts.native import simulated

ROOT = Path(__file__).resolve().parents[2]
GREEN = ("PASS", "SKIP")
ANYTHING = "*"


@dataclass(frozen=True)
class Mutant:
    """One deliberate error, the requirement whose test must find it, and those whose tests may."""

    name: str
    requirement: str
    also: tuple[str, ...]


def mutants() -> list[Mutant]:
    """Return: what the library was built with."""
    native = simulated()
    info = native.ffi.new("struct rps_mutant_info *")
    found = []
    while native.lib.rps_mutant_get(len(found) + 1, info):
        name, requirement, also = (native.ffi.string(text).decode() for text in
                                   (info.name, info.requirement, info.also))
        found.append(Mutant(name, requirement, tuple(also.split())))
    return found


MUTANTS = mutants()


def run(mutant: Mutant, folder: Path) -> list[dict[str, str]]:
    """Return: every result of every suite against this mutant."""
    out = folder / mutant.name
    process = subprocess.run(
        [sys.executable, str(ROOT / "rpmsg-cts"), "run", "--target", f"mutant:{mutant.name}", "--out", str(out)],
        capture_output=True, text=True, check=False)
    results = out / "results.jsonl"
    assert results.exists(), f"{mutant.name}: no results\n{process.stdout}\n{process.stderr}"
    records = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return [record for record in records if record["type"] == "result"]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, str]]]:
    """Results by mutant; two runs at a time."""
    folder = tmp_path_factory.mktemp("mutants")
    with ThreadPoolExecutor(2) as pool:
        everything = dict(zip((m.name for m in MUTANTS), pool.map(lambda m: run(m, folder), MUTANTS)))
    write_kill_matrix(everything)
    return everything


def write_kill_matrix(everything: dict[str, list[dict[str, str]]]) -> None:
    """out/kill-matrix.txt: which mutant fell to which requirement, and how often."""
    lines = ["# mutant, requirement that must find it, and what went red (requirement:results)"]
    for mutant in MUTANTS:
        red = Counter(r["requirement"] for r in everything[mutant.name] if r["verdict"] not in GREEN)
        seen = " ".join(f"{id_}:{count}" for id_, count in sorted(red.items()))
        lines.append(f"{mutant.name:28} {mutant.requirement}  {seen}")
    path = ROOT / "out" / "kill-matrix.txt"
    path.parent.mkdir(exist_ok=True)
    new = path.with_suffix(".tmp")
    new.write_text("\n".join(lines) + "\n", encoding="utf-8")
    new.replace(path)


def test_there_are_mutants() -> None:
    """None of them would be none killed."""
    assert len(MUTANTS) >= 40
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_named_test_goes_red(mutant: Mutant, outcomes: dict[str, list[dict[str, str]]]) -> None:
    """A requirement whose test cannot see its violation is not covered."""
    verdicts = [r["verdict"] for r in outcomes[mutant.name] if r["requirement"] == mutant.requirement]

    assert "FAIL" in verdicts, f"{mutant.requirement} did not find {mutant.name}: {Counter(verdicts)}"


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if ANYTHING not in m.also], ids=lambda mutant: mutant.name)
def test_unrelated_tests_stay_green(mutant: Mutant, outcomes: dict[str, list[dict[str, str]]]) -> None:
    """A test that goes red for somebody else's error sends its reader to the wrong place."""
    red = {r["requirement"] for r in outcomes[mutant.name] if r["verdict"] not in GREEN}

    assert not red - {mutant.requirement, *mutant.also}, "went red without being named in mutants.def"
