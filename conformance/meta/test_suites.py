# SPDX-License-Identifier: BSD-3-Clause
"""What the suites say in their source agrees with the tables that it is about."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpmsg_cts import catalogue, faults, profiles

ROOT = Path(__file__).resolve().parents[2]
JUDGED_HERE = ("layout", "initialisation", "header", "endianness", "addressing", "name_service", "flow", "robustness",
               "api", "vhost")


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every test of every suite."""
    for path in sorted((ROOT / "conformance").glob("*/test_*.py")):
        if path.parent.name == "meta":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield path.name, node


def requirements(test: ast.FunctionDef) -> list[str]:
    """Return: the ids in its @req(...)."""
    return [argument.value for mark in test.decorator_list
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "req"
            for argument in mark.args if isinstance(argument, ast.Constant)]


def departures(test: ast.FunctionDef) -> list[tuple[str, str | int]]:
    """Return: what its comparisons say that others do otherwise."""
    return [ast.literal_eval(word.value) for node in ast.walk(test) if isinstance(node, ast.Call)
            for word in node.keywords if word.arg == "departs"]


TESTS = {f"{file}::{test.name}": test for file, test in functions()}


@pytest.mark.parametrize("name", [name for name, test in TESTS.items() if departures(test)])
def test_a_departure_is_one_of_the_tables(name: str) -> None:
    """A misspelled one would tolerate nothing, and nobody would notice."""
    switches = profiles.load(ROOT).switches
    for switch, value in departures(TESTS[name]):
        relaxed = switches[switch].choices[value].relaxes

        assert set(relaxed) & set(requirements(TESTS[name])), f"{switch} = {value} relaxes {relaxed}"


@pytest.mark.parametrize("suite", JUDGED_HERE)
def test_every_requirement_has_a_test_or_a_reason(suite: str) -> None:
    """An empty row of the matrix looks as if there was nothing to see."""
    tested = {id_ for test in TESTS.values() for id_ in requirements(test)}
    tested.update(id_ for fault in faults.table().values() for id_ in fault.requirements)
    rows = catalogue.load(ROOT).suites[suite].requirements

    assert [row.id for row in rows if row.id not in tested and row.untestable is None] == []
