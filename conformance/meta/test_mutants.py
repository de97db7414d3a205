# SPDX-License-Identifier: BSD-3-Clause
"""The suites can fail: each deliberate error of our own ends turns the right test red, and no unrelated one.

sim/base/mutants.def says which test that is, and which others go red with it.  Running this writes out/kill-matrix.txt
and out/kill-matrix.json.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from meta.conftest import ROOT
from rpmsg_cts import faults, mutants
from rpmsg_cts.mutants import CANARY
from rpmsg_cts.native import simulated

# The whole matrix is one step of the first test, however busy the machine is.
pytestmark = pytest.mark.timeout(1800)
MUTANTS = mutants.load(ROOT)
SAMPLE = ("queues_swapped", "ns_destroy_by_name", "dev_len_from_desc")


def judge(out: Path, *options: str) -> dict[str, Any]:
    """Run the program.  Return: kill-matrix.json."""
    done = subprocess.run([str(ROOT / "rpmsg-cts"), "mutants", "--out", str(out), *options], capture_output=True,
                          text=True, check=False)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return json.loads((out / "kill-matrix.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def matrix() -> dict[str, Any]:
    """The whole matrix, as `make mutants` leaves it."""
    return judge(ROOT / "out")


def test_the_library_has_the_mutants_of_the_table() -> None:
    """One table, two readers."""
    assert mutants.names(simulated()) == list(MUTANTS)
    assert len(MUTANTS) >= 50


def test_the_matrix_can_be_believed(matrix: dict[str, Any]) -> None:
    """Green where there is no error, and red in both roles where nothing works."""
    assert matrix["errors"] == []
    assert matrix["mutants"][CANARY]["killed_as"] == ["driver", "device"]
    assert set(matrix["mutants"]) == set(MUTANTS)


@pytest.mark.parametrize("name", MUTANTS)
def test_the_named_test_goes_red(name: str, matrix: dict[str, Any]) -> None:
    """A requirement whose test cannot see its violation is not covered."""
    row = matrix["mutants"][name]

    assert row["fate"] == "killed", f"{row['requirement']} did not find that {row['what']}: {row['red']}"
    assert row["deaths"] == [], "a test that dies tells nobody what is wrong"


@pytest.mark.parametrize("name", MUTANTS)
def test_unrelated_tests_stay_green(name: str, matrix: dict[str, Any]) -> None:
    """A test that goes red for somebody else's error sends its reader to the wrong place."""
    row = matrix["mutants"][name]

    assert row["unrelated"] == [], "went red without being named in mutants.def"
    assert row["stale"] == [], "stayed green and are named in mutants.def"


def test_each_requirement_is_covered_in_each_role(matrix: dict[str, Any]) -> None:
    """What a test judges on sim needs a mutant of its own that the test has killed, or says why there is none."""
    bare = [f"{id_} as {role}" for id_, row in matrix["requirements"].items() if row["excused"] is None
            for role, killers in row["roles"].items() if not killers]

    assert bare == [], "judged on sim, and no mutant in mutants.def shows that its test can fail"


def test_each_fault_shows_that_its_test_can_fail(matrix: dict[str, Any]) -> None:
    """In each role, with a mutant made for a requirement of the fault; or the table says why there is none."""
    borne = matrix["borne"]
    bare = [f"{name} as {role}" for name, roles in matrix["faults"].items() for role, killers in roles.items()
            if bool(killers) == (role in borne.get(name, {}))]

    assert bare == [], "no mutant turns the test of this fault red, or one does although the table has a reason"
    assert set(matrix["faults"]) == set(faults.table())


def test_each_swarm_finds_something(matrix: dict[str, Any]) -> None:
    """Few seeds are enough for that."""
    assert set(matrix["swarms"]) == set(faults.swarms())
    assert all(len(found) >= 1 for roles in matrix["swarms"].values() for found in roles.values())


def test_an_excuse_is_one_where_it_is_needed(matrix: dict[str, Any]) -> None:
    """A reason for having no mutant goes as soon as there is one."""
    needless = [id_ for id_, row in matrix["requirements"].items() if row["excused"] and any(row["roles"].values())]

    assert needless == []


def test_tests_that_cannot_meet_a_mutant_are_green_with_it(matrix: dict[str, Any], tmp_path: Path) -> None:
    """Leaving them out saves most of the time, and must not change a verdict."""
    everywhere = judge(tmp_path, "--every-test", *(f"--mutant={name}" for name in SAMPLE))

    for name in SAMPLE:
        assert everywhere["mutants"][name]["tests"] > matrix["mutants"][name]["tests"], name
        assert everywhere["mutants"][name]["red"] == matrix["mutants"][name]["red"], name
