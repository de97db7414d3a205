# SPDX-License-Identifier: BSD-3-Clause
"""What the kill matrix makes of verdicts, and what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rpmsg_cts.faults import borne
from rpmsg_cts.faults import TABLE as FAULTS
from rpmsg_cts.matrix import Case, Matrix, Outcome, Row
from rpmsg_cts.matrix_report import to_json, to_text, write
from rpmsg_cts.mutants import CANARY, TABLE, Mutant, load, rewrite
from rpmsg_cts.recorder import Subject
from rpmsg_cts.results import RequirementText
from rpmsg_cts.targets import Lane

PASS, FAIL, INCONC, DIED = Outcome("PASS"), Outcome("FAIL", "wrong"), Outcome("INCONC", "why"), Outcome("DIED", "how")
ERROR = Outcome("ERROR", "ours")


def case(name: str, role: str, *ids: str, **more: object) -> Case:
    """A test of these requirements in this role."""
    return Case(name, Subject(Lane("sim", role), "", tuple(
        RequirementText(id_, "slug", "header", "It is so.", "MUST", "both", "somewhere", False) for id_ in ids)), **more)


CASES = [case("test_a", "driver", "HDR-001"), case("test_b", "device", "HDR-001"),
         case("test_c", "driver", "NS-001", "NS-002")]


def row(*outcomes: Outcome, requirement: str = "HDR-001", also: tuple[str, ...] = (), name: str = "wrong") -> Row:
    """A mutant, with what the tests said."""
    return Row(Mutant(name, requirement, also, "something is wrong"), dict(enumerate(outcomes)), CASES)


def matrix(*rows: Row, baseline: Outcome = PASS, canary: Row | None = None, **more: object) -> Matrix:
    """A matrix with a canary that is found, unless told otherwise."""
    everything = [canary or row(FAIL, FAIL, PASS, name=CANARY), *rows]
    return Matrix(CASES, dict.fromkeys(range(3), baseline),
                  {one.mutant.name: one for one in everything}, {"NS-001": "because", "NS-002": "so"}, **more)


@pytest.mark.parametrize(("outcomes", "fate", "roles"), [
    ((FAIL, FAIL, PASS), "killed", ["driver", "device"]),
    ((PASS, FAIL, PASS), "killed", ["device"]),
    ((DIED, PASS, PASS), "killed", ["driver"]),
    ((INCONC, INCONC, PASS), "survived", []),
    ((PASS, PASS, FAIL), "survived", []),
    ((), "never met", []),
])
def test_only_a_verdict_against_the_ends_kills(outcomes: tuple[Outcome, ...], fate: str, roles: list[str]) -> None:
    """INCONC accuses nobody, and another requirement's FAIL is not this one's."""
    one = row(*outcomes)

    assert (one.fate, one.killed_as) == (fate, roles)


def test_related_requirements_are_those_of_the_table() -> None:
    """No more and no less; INCONC is red too."""
    assert row(FAIL, PASS, INCONC, also=("NS-001",)).unrelated == ["NS-002"]
    assert row(FAIL, PASS, PASS, also=("NS-001",)).stale == ["NS-001"]
    assert row(FAIL, PASS, INCONC, also=("NS-001", "NS-002")).unrelated == []
    assert row(FAIL, FAIL, FAIL, also=("*",)).unrelated == []
    assert row(FAIL, FAIL, FAIL, also=("*",)).stale == ["*"], "three red tests are not everything"
    assert row(FAIL, PASS, FAIL).corrected.row == 'MUTANT(wrong, "HDR-001", "NS-001 NS-002", "something is wrong")'


def test_a_role_without_a_killed_mutant_is_not_covered() -> None:
    """The canary counts for nobody, and a reason excuses."""
    assert matrix().uncovered == [("HDR-001", "device"), ("HDR-001", "driver")]
    assert matrix(row(FAIL, PASS, PASS)).uncovered == [("HDR-001", "device")]
    assert matrix(row(FAIL, FAIL, PASS)).uncovered == []


@pytest.mark.parametrize(("made", "status"), [
    (matrix(row(FAIL, FAIL, PASS)), 0),
    (matrix(row(PASS, PASS, PASS)), 1),
    (matrix(row(FAIL, FAIL, FAIL)), 1),
    (matrix(row(FAIL, PASS, PASS)), 1),
    (matrix(row(FAIL, PASS, PASS), complete=False), 0),
    (matrix(row(FAIL, FAIL, PASS), baseline=INCONC), 3),
    (matrix(row(FAIL, FAIL, PASS), canary=row(PASS, FAIL, FAIL, name=CANARY)), 3),
    (matrix(row(FAIL, FAIL, PASS), row(ERROR, PASS, FAIL)), 3),
], ids=["good", "survivor", "unrelated", "uncovered", "part", "red-baseline", "live-canary", "broken-harness"])
def test_the_exit_status_says_the_worst(made: Matrix, status: int) -> None:
    """A matrix that cannot be believed is worse than a bad one."""
    assert made.exit_status == status
    assert bool(made.errors) == (status == 3)


def test_what_is_wrong_is_said_in_words() -> None:
    """With the line of the table as it should be."""
    made = matrix(row(PASS, PASS, FAIL), row(DIED, PASS, PASS, name="deadly"), baseline=INCONC)
    text = to_text(made, "c0ffee")

    assert "ERROR: red without any error: test_a: INCONC why\n" in text
    assert "survived: wrong: HDR-001 does not find that something is wrong\n" in text
    assert "died: deadly: how (1)\n" in text
    assert 'not as the table says: MUTANT(wrong, "HDR-001", "NS-001 NS-002", "something is wrong")\n' in text
    assert "no mutant shows that their tests can fail, as device: HDR-001\n" in text
    assert "2 of 3 mutants killed; 3 of 4 duties" in text


def test_a_part_of_the_matrix_says_nothing_of_the_rest() -> None:
    """Somebody who looks at one mutant is not told of all others."""
    assert "their tests can fail" not in to_text(matrix(complete=False), "c0ffee")


# One fault that either end has to bear, found by the tester and by two ends, and a swarm of all faults.
HIT = {"fault": "lie"}
FAULT_CASES = [case("test_driver", "driver", "HDR-001", **HIT), case("test_device", "device", "HDR-001", **HIT),
               case("test_pair", "driver", "HDR-001", **HIT, two_ends=True),
               case("test_swarm", "driver", "NS-001", swarm="all", two_ends=True)]


def fault_row(*outcomes: Outcome, requirement: str = "HDR-001", name: str = "wrong") -> Row:
    """A mutant, with what the tests of faults said."""
    return Row(Mutant(name, requirement, (), "something is wrong"), dict(enumerate(outcomes)), FAULT_CASES)


def fault_matrix(*rows: Row, **more: object) -> Matrix:
    """A matrix of these tests, in which each requirement is excused."""
    everything = [fault_row(FAIL, FAIL, FAIL, FAIL, name=CANARY), *rows]
    return Matrix(FAULT_CASES, dict.fromkeys(range(4), PASS), {one.mutant.name: one for one in everything},
                  {"HDR-001": "because", "NS-001": "so"}, **more)


LIE = {role: ("lie", role) for role in ("driver", "device")}
SWARM = ("all", "driver")


@pytest.mark.parametrize(("row_", "unproven"), [
    (fault_row(FAIL, FAIL, PASS, FAIL), []),
    (fault_row(PASS, FAIL, FAIL, FAIL), []),
    (fault_row(FAIL, PASS, PASS, FAIL), [LIE["device"]]),
    (fault_row(INCONC, FAIL, INCONC, FAIL), [LIE["driver"]]),
    (fault_row(FAIL, FAIL, PASS, INCONC), [SWARM]),
    (fault_row(FAIL, FAIL, PASS, FAIL, requirement="NS-001"), [LIE["driver"], LIE["device"]]),
], ids=["tester", "two-ends", "one-role", "inconclusive", "swarm", "another-requirement"])
def test_a_fault_needs_a_mutant_for_its_requirements(row_: Row, unproven: list[tuple[str, str]]) -> None:
    """In each role: else nobody knows whether its test can fail.  The canary counts for nobody."""
    made = fault_matrix(row_)

    assert made.unproven == unproven
    assert made.exit_status == bool(unproven)
    assert all(f"shows that its tests can fail, as {role}: {name}\n" in to_text(made, "c0ffee") for name, role in unproven)


def test_a_reason_stands_for_a_mutant_of_a_fault() -> None:
    """As long as there is none, and there is such a fault."""
    alone = fault_row(FAIL, PASS, PASS, FAIL)

    assert fault_matrix(alone, borne={LIE["device"]: "so"}).exit_status == 0
    assert fault_matrix(alone, borne={LIE["device"]: "so", LIE["driver"]: "so"}).needless == [LIE["driver"]]
    assert fault_matrix(alone, borne={LIE["device"]: "so", ("gone", "driver"): "so"}).exit_status == 1


def test_two_ends_that_cannot_talk_accuse_nobody() -> None:
    """They say so for nearly every mutant; a swarm is about everything, and so about nothing that can be named."""
    assert fault_row(PASS, PASS, INCONC, INCONC).red == {}
    assert fault_row(PASS, PASS, FAIL, FAIL).red == {("HDR-001", "driver"): 1}
    assert fault_row(PASS, PASS, PASS, DIED, requirement="NS-001").killed_as == []


def test_reasons_are_read_from_the_table(tmp_path: Path) -> None:
    """For both roles where the row says so."""
    table = tmp_path / FAULTS
    table.parent.mkdir(parents=True)
    table.write_text('FAULT(lie, ...)\nBORNE(lie, BOTH, "so")\nBORNE(other, DEVICE, "why")\n', encoding="utf-8")

    assert borne(tmp_path) == {("lie", "driver"): "so", ("lie", "device"): "so", ("other", "device"): "why"}
    assert borne(tmp_path / "nowhere") == {}


def test_machines_get_the_same(tmp_path: Path) -> None:
    """As JSON, and as files that are there at once or not at all."""
    made = matrix(row(FAIL, PASS, INCONC))
    found = json.loads(to_json(made, "c0ffee"))

    assert found["mutants"]["wrong"]["red"] == {"HDR-001": {"driver": 1}, "NS-001": {"driver": 1},
                                                "NS-002": {"driver": 1}}
    assert found["requirements"]["HDR-001"] == {"roles": {"driver": ["wrong"], "device": []}, "excused": None}
    assert found["requirements"]["NS-001"]["excused"] == "because"
    proofs = json.loads(to_json(fault_matrix(fault_row(FAIL, PASS, PASS, FAIL), borne={LIE["device"]: "so"}), "c0ffee"))
    assert proofs["faults"] == {"lie": {"driver": ["wrong"], "device": []}}
    assert (proofs["borne"], proofs["swarms"]) == ({"lie": {"device": "so"}}, {"all": {"driver": ["wrong"]}})
    paths = write(made, "c0ffee", tmp_path / "new")
    assert [path.name for path in paths] == ["kill-matrix.txt", "kill-matrix.json"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["kill-matrix.json", "kill-matrix.txt"]


def test_the_table_is_written_anew_line_by_line(tmp_path):
    """What is not about a changed mutant stays as it was."""
    table = tmp_path / TABLE
    table.parent.mkdir(parents=True)
    one, two = Mutant("one", "HDR-001", ("NS-001",), "a"), Mutant("two", "HDR-001", (), "b")
    table.write_text(f"/* kept */\n{one.row}\n{two.row}\n", encoding="utf-8")

    assert load(tmp_path) == {"one": one, "two": two}
    assert rewrite(tmp_path, [one, replace(two, also=("*",))]) == ["two"]
    assert table.read_text(encoding="utf-8") == f'/* kept */\n{one.row}\nMUTANT(two, "HDR-001", "*", "b")\n'


def test_a_score_of_requirements_is_everything():
    """So that the next test does not make the list longer."""
    ids = [f"NS-{number:03d}" for number in range(1, 31)]
    many = [case("test", "driver", "HDR-001", *ids)]

    assert Row(Mutant("wrong", "HDR-001", (), "bad"), {0: FAIL}, many).corrected.also == ("*",)
    assert Row(Mutant("wrong", "HDR-001", tuple(ids), "bad"), {0: FAIL}, many).corrected.also == tuple(ids)
