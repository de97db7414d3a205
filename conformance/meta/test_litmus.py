# SPDX-License-Identifier: BSD-3-Clause
"""The litmus tests of the ring's barriers: complete, about code that exists, and right as far as a checker is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from meta import litmus

ROOT = Path(__file__).resolve().parents[2]
LITMUS = sorted((ROOT / "fixtures" / "litmus").glob("*.litmus"))
MODELS = set(litmus.MODELS)
BARRIER = re.compile(r"\bBarrier ([A-Z])\b")
HALF = re.compile(r"P[01]: (\w+)\(\) in (\S+)")
EXPECT = re.compile(r"Expect (\w+) (Never|Sometimes)$", re.MULTILINE)
ORDERED = re.compile(r"memory_order_(?:release|acquire|seq_cst)")


def ids(path: Path) -> str:
    return path.stem


def function_text(source: Path, name: str) -> str:
    """A function that begins at the left margin, with the comment above it."""
    found = re.search(rf"(?:^/\*(?:(?!\*/).)*\*/\n)?^[\w ][^\n;]*\b{name}\([^;{{]*\)\n{{\n.*?^}}", source.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{source.name} has no function {name}"
    return found[0]


def test_every_barrier_has_three_forms() -> None:
    """A barrier that is new in the code needs its litmus tests: as it is, and without either half."""
    letters = set()
    for source in (ROOT / "sim" / "vring").glob("*.[ch]"):
        letters |= set(BARRIER.findall(source.read_text()))

    assert letters
    assert {letter: 3 for letter in letters} == {
        letter: sum(path.name.startswith(f"{letter}-") for path in LITMUS) for letter in {p.name[0] for p in LITMUS}
    }


@pytest.mark.parametrize("path", LITMUS, ids=ids)
def test_a_litmus_test_is_about_the_code(path: Path) -> None:
    """Both functions exist and carry the letter of the barrier."""
    text = path.read_text()
    halves = HALF.findall(text)

    assert text.startswith(f"C {path.stem}\n")
    assert len(halves) == 2
    for name, source in halves:
        assert f"Barrier {path.name[0]}" in function_text(ROOT / source, name)


@pytest.mark.parametrize("path", LITMUS, ids=ids)
def test_expectations_are_complete(path: Path) -> None:
    """Each model has one, nothing happens in order, and a removed half shows where anything is weaker than x86."""
    text = path.read_text()
    expected = dict(EXPECT.findall(text))
    removed = "Removed:" in text

    assert len(EXPECT.findall(text)) == len(MODELS)
    assert set(expected) == MODELS
    assert expected["sc"] == "Never"
    assert expected["c11"] == ("Sometimes" if removed else "Never")


@pytest.mark.parametrize("path", [path for path in LITMUS if path.stem.count("-") == 1], ids=ids)
def test_forms_differ_in_one_ordering(path: Path) -> None:
    """What is removed is one ordering of the test as the code has it, and nothing else."""
    whole = len(ORDERED.findall(path.read_text()))
    forms = [other for other in LITMUS if other.stem.startswith(f"{path.stem}-")]

    assert len(forms) == 2
    for form in forms:
        assert len(ORDERED.findall(form.read_text())) == whole - 1


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("path", LITMUS, ids=ids)
def test_axioms_agree(path: Path, model: str) -> None:
    """The outcome is reached where we say so, and nowhere else."""
    text = path.read_text()

    assert ("Sometimes" if litmus.reaches(text, model) else "Never") == dict(EXPECT.findall(text))[model]


def test_herd_agrees() -> None:
    """Somebody else's model of C11 reaches the outcome where we say so, and nowhere else."""
    herd = shutil.which("herd7")
    if not herd:
        pytest.skip("herd7 is not there; Debian 12 has no package of it (herdtools7 from its authors)")
    said = subprocess.run([herd, *LITMUS], capture_output=True, text=True, check=True, timeout=60).stdout

    observed = dict(re.findall(r"^Observation (\S+) (\w+)", said, re.MULTILINE))
    assert observed == {path.stem: dict(EXPECT.findall(path.read_text()))["c11"] for path in LITMUS}


def program(*threads: str, exists: str) -> str:
    """A test out of short lines: W x (relaxed), Wr x (release), R x r0, Ra x r0 (acquire), F."""
    orders = {"W": "relaxed", "Wr": "release", "R": "relaxed", "Ra": "acquire"}
    out = []
    for number, lines in enumerate(threads):
        out.append(f"P{number}(atomic_int *x, atomic_int *y)\n{{")
        for what, *words in map(str.split, lines.split("; ")):
            if what == "F":
                out.append("\tatomic_thread_fence(memory_order_seq_cst);")
            elif what.startswith("W"):
                out.append(f"\tatomic_store_explicit({words[0]}, 1, memory_order_{orders[what]});")
            else:
                out.append(f"\tint {words[1]} = atomic_load_explicit({words[0]}, memory_order_{orders[what]});")
        out.append("}\n")
    return "\n".join(out) + f"\nexists ({exists})\n"


CLASSICS = {
    "store-buffering": (("Wr x; Ra y r0", "Wr y; Ra x r0"), "0:r0=0 /\\ 1:r0=0", {"tso", "c11"}),
    "store-buffering-fenced": (("W x; F; R y r0", "W y; F; R x r0"), "0:r0=0 /\\ 1:r0=0", set()),
    "message-passing-fenced": (("W x; F; W y", "R y r0; F; R x r1"), "1:r0=1 /\\ 1:r1=0", set()),
    "message-passing-half-fenced": (("W x; F; W y", "R y r0; R x r1"), "1:r0=1 /\\ 1:r1=0", {"c11"}),
    "one-place-goes-back": (("W x", "R x r0; R x r1"), "1:r0=1 /\\ 1:r1=0", set()),
    "own-store-unseen": (("W x; R x r0", "W y"), "0:r0=0", set()),
    "message-arrives": (("W x; Wr y", "Ra y r0; R x r1"), "1:r0=1 /\\ 1:r1=1", {"sc", "tso", "c11"}),
}


@pytest.mark.parametrize("name", CLASSICS)
def test_axioms_know_the_classics(name: str) -> None:
    """Results that every text about memory models prints."""
    threads, exists, models = CLASSICS[name]
    text = program(*threads, exists=exists)

    assert {model for model in MODELS if litmus.reaches(text, model)} == models
