# SPDX-License-Identifier: BSD-3-Clause
"""The fuzz targets: seeds are what their script makes, and a target notices when a check of ours is taken away."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "fixtures" / "seeds"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "sim" / "fuzz").glob("fuzz_*.c"))
# A world is slow.
RUNS = {target: 1000 if target == "world" else 100_000 for target in TARGETS}
SEED_BYTES_MAX = 200_000
FOUND = ("fuzz: ", "ERROR: AddressSanitizer", "runtime error: ", "rpmsg-cts: bug", "SEGV", "BUS")


@dataclass(frozen=True)
class Canary:
    """A check that is taken away, and the target that must notice."""

    name: str
    target: str
    file: str
    edit: list[dict[str, str]]
    fuzzer: bool = False

    def source(self) -> str:
        """The file without the check; an edit that no longer fits is an error."""
        text = (ROOT / self.file).read_text()
        for edit in self.edit:
            assert text.count(edit["text"]) == 1, f"{self.file} must have this once: {edit['text']}"
            text = text.replace(edit["text"], edit["instead"])
        return text


CANARIES = [Canary(**row) for row in tomllib.loads((ROOT / "sim/fuzz/canaries.toml").read_text())["canary"]]


def name_of(canary: Canary) -> str:
    return f"{canary.target}-{canary.name}"


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what is compiled, with what is compiled already, to be broken."""
    copy = tmp_path_factory.mktemp("tree")
    wanted = ["Makefile", "sim", "fixtures/guest", *(f"build/{kind}-{how}" for kind in ("direct", "sim")
              for how in ("san", "libfuzzer") if (ROOT / f"build/{kind}-{how}").is_dir())]  # fmt: skip
    for name in wanted:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", ROOT / name, copy / name], check=True)
    return copy


def build_without(canary: Canary, kind: str, tree: Path, folder: Path) -> Path:
    """The target as make builds it without the check."""
    program, changed = f"build/{kind}/fuzz_{canary.target}", tree / canary.file
    changed.write_text(canary.source())
    try:
        # What is left without its check may be unused.
        subprocess.run(["make", "-s", "-C", tree, "WARN=-w", program], capture_output=True, text=True, check=True)
        return Path(shutil.copy(tree / program, folder / "fuzz"))
    finally:
        changed.write_text((ROOT / canary.file).read_text())


def expect_found(said: subprocess.CompletedProcess[str], how: str) -> None:
    """It ended badly, and for a reason that a person can read."""
    assert said.returncode != 0, f"not found {how}"
    assert any(word in said.stderr for word in FOUND), said.stderr[-2000:]


def test_seeds_are_what_their_script_makes(tmp_path: Path) -> None:
    """A seed that nobody can make again says less and less."""
    subprocess.run([SEEDS / "make", tmp_path], check=True)

    made = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.bin")}
    kept = {path.relative_to(SEEDS): path.read_bytes() for path in SEEDS.rglob("*.bin")}
    assert made == kept
    assert sum(map(len, kept.values())) < SEED_BYTES_MAX


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_has_seeds_and_canaries(target: str) -> None:
    """A fuzzer that was never seen to find anything is nothing."""
    assert list((SEEDS / target).glob("*.bin"))
    assert any(canary.fuzzer for canary in CANARIES if canary.target == target)


@pytest.mark.canary
@pytest.mark.timeout(600)
@pytest.mark.parametrize("canary", CANARIES, ids=name_of)
def test_seeds_notice_what_is_missing(canary: Canary, tree: Path, tmp_path: Path) -> None:
    """Without one check of ours, a seed crashes the target that passes with it."""
    program = build_without(canary, "replay", tree, tmp_path)
    seeds = sorted((SEEDS / canary.target).glob("*.bin"))

    said = subprocess.run([program, *seeds], capture_output=True, text=True, check=False, timeout=60)
    expect_found(said, "by the seeds")


@pytest.mark.canary
@pytest.mark.timeout(600)
@pytest.mark.parametrize("canary", [canary for canary in CANARIES if canary.fuzzer], ids=name_of)
def test_fuzzer_notices_what_is_missing(canary: Canary, tree: Path, tmp_path: Path) -> None:
    """The fuzzer finds the way there by itself, from nothing."""
    if not shutil.which("clang"):
        pytest.skip("clang is not there; install the Debian packages clang and libclang-rt-14-dev")
    program = build_without(canary, "libfuzzer", tree, tmp_path)
    words = [program, f"-runs={RUNS[canary.target]}", "-seed=1", f"-artifact_prefix={tmp_path}/", "-timeout=20"]

    said = subprocess.run(words, capture_output=True, text=True, check=False, timeout=500)
    expect_found(said, f"in {RUNS[canary.target]} runs")
