# SPDX-License-Identifier: BSD-3-Clause
"""The fuzz targets: seeds are what their script makes, and a target notices when a check of ours is taken away."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci"))
import canaries  # noqa: E402  pylint: disable=wrong-import-position

SEEDS = ROOT / "fixtures" / "seeds"
BUILT = ROOT / "build/canaries/build/libfuzzer"
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in (ROOT / "sim" / "fuzz").glob("fuzz_*.c"))
# A world is slow.
RUNS = {target: 500 if target == "world" else 100_000 for target in TARGETS}
SEED_BYTES_MAX = 200_000
FOUND = ("fuzz: ", "ERROR: AddressSanitizer", "runtime error: ", "rpmsg-cts: bug", "SEGV", "BUS")

# A link over plain memory is compiled twice: for a plain view of it, and for any other, as in the other byte order.
# The bit of an input's first byte that says so is LINK_BIG_ENDIAN of sim/fuzz/link.h.
BIG_ENDIAN = 0x04
VIEWS = {"drv": ("plain", "told"), "dev": ("plain", "told")}

CANARIES = canaries.load(ROOT)
BY_NAME = {canary.name: canary for canary in CANARIES}


def views_of(target: str) -> tuple[str, ...]:
    return VIEWS.get(target, ("only",))


def in_view(seed: bytes, view: str) -> bytes:
    """The same input, in the view that is wanted."""
    little = view == ("plain" if sys.byteorder == "little" else "told")
    if view == "only" or not seed:
        return seed
    return bytes([seed[0] & ~BIG_ENDIAN if little else seed[0] | BIG_ENDIAN]) + seed[1:]


def seeds_in(target: str, view: str, folder: Path) -> list[Path]:
    """All seeds of a target, written to a folder."""
    folder.mkdir()
    for seed in (SEEDS / target).glob("*.bin"):
        (folder / seed.name).write_bytes(in_view(seed.read_bytes(), view))
    return sorted(folder.iterdir())


def play(target: str, words: list[str | Path], without: str | None = None) -> subprocess.CompletedProcess[str]:
    """One program is both: with all checks, and without one of them."""
    program = BUILT / f"fuzz_{target}"
    assert program.exists(), f"{program} is not there; run make fuzz-canaries"
    env = os.environ | {"ASAN_OPTIONS": "symbolize=0", "UBSAN_OPTIONS": "symbolize=0"}
    if without:
        env["FUZZ_CANARY"] = without
    with subprocess.Popen([program, *words], env=env, text=True, errors="replace", stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:  # fmt: skip
        try:
            _, said = process.communicate(timeout=110)
        except BaseException:
            process.kill()
            raise
    assert not Path(f"/tmp/rps-fuzz-{process.pid}.sock").exists(), "a crash leaves its socket behind"
    return subprocess.CompletedProcess(process.args, process.returncode, "", said)


def expect_found(said: subprocess.CompletedProcess[str], how: str) -> None:
    """It ended badly, and for a reason that a person can read."""
    came = "canary: came to" in said.stderr
    assert said.returncode != 0, f"not found {how}" + ("" if came else ", since none of them comes to the check")
    assert came, f"found {how} before the check was missing: {said.stderr[-2000:]}"
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


def test_canaries_are_of_targets_and_names_of_their_own() -> None:
    """A canary in no cage, or two of one name, would be missed by nobody."""
    assert {canary.target for canary in CANARIES} <= set(TARGETS)
    assert all(canary.view in ("", *views_of(canary.target)) for canary in CANARIES)
    assert len(BY_NAME) == len({canary.number for canary in CANARIES}) == len(CANARIES)


def test_canaries_fit() -> None:
    """Whoever rewrites a check hears at once that its canary has to follow."""
    said = subprocess.run([ROOT / "ci/canaries.py", "--check"], capture_output=True, text=True, check=False)

    assert (said.returncode, said.stderr) == (0, "")


PLANTED = """\
/* The data path. */
int taken(int head)
{
	if (head < 8 &&
	    !mutated(view.mem, MUTANT_jump))
		return twice + twice;
	return once;
}
"""
MISFITS = {
    "gone": ({"file": "sim/vring/path.h", "text": "head > 8", "instead": "false"},
             "text not found in sim/vring/path.h: head > 8"),
    "several": ({"file": "sim/vring/path.h", "text": "twice", "instead": "0"},
                "text found 2 times in sim/vring/path.h: twice"),
    "file-gone": ({"file": "sim/vring/gone.h", "text": "once", "instead": "0"},
                  "there is no sim/vring/gone.h"),
    "mutant-gone": ({"mutant": "gone"}, "no file asks for MUTANT_gone"),
    "no-place": ({"file": "sim/vring/path.h", "text": "once"},
                 "it needs either `mutant`, or `file`, `text` and `instead`"),
    "two-places": ({"mutant": "jump", "file": "sim/vring/path.h", "text": "once", "instead": "0"},
                   "it needs either `mutant`, or `file`, `text` and `instead`"),
}  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    (tmp_path / "sim/vring").mkdir(parents=True)
    (tmp_path / "sim/vring/path.h").write_text(PLANTED)
    return tmp_path


@pytest.mark.parametrize("check", MISFITS)
def test_a_canary_that_no_longer_applies_says_why(check: str, planted: Path) -> None:
    """In silence it would take nothing away, and its target would be said to notice nothing."""
    keys, why = MISFITS[check]

    texts, wrong = canaries.edited(planted, [canaries.Canary(check=check, target="dev", **keys)])
    assert (texts, wrong) == ({}, [f"canary dev-{check} no longer applies: {why}"])


def test_two_canaries_do_not_share_a_text(planted: Path) -> None:
    """One switch inside the other would belong to both."""
    both = [canaries.Canary(check=text, target="dev", file="sim/vring/path.h", text=text, instead="0")
            for text in ("head < 8", "head < 8 && !mutated(view.mem, MUTANT_jump)")]  # fmt: skip

    _, wrong = canaries.edited(planted, both)
    assert len(wrong) == 1 and "another one has a part of its text in sim/vring/path.h" in wrong[0]


def test_a_switch_leaves_lines_where_they_are(planted: Path) -> None:
    """A text may be broken over lines, a mutant be asked for anywhere, and a finding names the line in the sources."""
    both = [canaries.Canary(check="a", target="dev", mutant="jump"),
            canaries.Canary(check="b", target="dev", file="sim/vring/path.h", text="return once", instead="return 1")]

    texts, wrong = canaries.edited(planted, both)
    lines = texts["sim/vring/path.h"].splitlines()
    assert not wrong
    assert len(lines) == len(PLANTED.splitlines())
    assert f"!(fuzz_without({both[0].number}) ? (true) : (mutated(view.mem, MUTANT_jump)))" in lines[4]


TOY = """\
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	if (len_bytes > 3 && data[0] == 'B' && data[1] == 'A') {
		fprintf(stderr, "fuzz: toy.c:9: does not hold: never BA\\n");
		abort();
	}
	return 0;
}
"""
TOY_MAKEFILE = f"""\
build/replay/fuzz_toy: toy.c
	mkdir -p build/replay
	gcc -I{ROOT}/sim/fuzz -o $@ $< {ROOT}/sim/fuzz/replay.c
"""
COMPILERS = {
    "replay": ["gcc", f"-I{ROOT}/sim/fuzz", ROOT / "sim/fuzz/replay.c"],
    "libfuzzer": ["clang", "-fsanitize=fuzzer"],
    "afl": ["afl-clang-fast", "-fsanitize=fuzzer"],
}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A project with one fuzz target, which must never be given what begins with BA."""
    (tmp_path / "toy.c").write_text(TOY)
    (tmp_path / "Makefile").write_text(TOY_MAKEFILE)
    (tmp_path / "fixtures/seeds/toy").mkdir(parents=True)
    return tmp_path


def run_fuzz(toy: Path, how: str, seed: bytes, source: str = TOY) -> tuple[int, str]:
    """ci/fuzz on the toy, with its real compiler and its real fuzzer."""
    if not shutil.which(str(COMPILERS[how][0])):
        pytest.skip(f"{COMPILERS[how][0]} is not there; ci/setup fuzz says what to install")
    (toy / "toy.c").write_text(source)
    (toy / "fixtures/seeds/toy/seed.bin").write_bytes(seed)
    program = toy / f"build/{how}/fuzz_toy"
    program.parent.mkdir(parents=True)
    subprocess.run([*COMPILERS[how], "-o", program, "toy.c"], cwd=toy, check=True, capture_output=True,
                   env=os.environ | {"AFL_QUIET": "1"})  # fmt: skip
    said = subprocess.run([ROOT / "ci/fuzz", how, "toy"], cwd=toy, capture_output=True, text=True, check=False)
    assert said.stderr == ""
    return said.returncode, said.stdout


@pytest.mark.parametrize("how", COMPILERS)
def test_a_run_without_findings_says_what_it_did(toy: Path, how: str) -> None:
    """Nothing found in nothing would read the same."""
    status, said = run_fuzz(toy, how, b"Ahoy", TOY.replace("'A'", "'C' && len_bytes > 4000"))

    assert status == 0, said
    assert re.search(r" 1/1 +toy +1 seeds +ok +\d+ ms, [1-9]", said)
    assert said.endswith(f"fuzz: {how}: nothing found by 1 targets\n")


@pytest.mark.parametrize(("how", "seed"), [("replay", b"BAhoy"), ("libfuzzer", b"Bhoy"), ("libfuzzer", b"BAhoy"),
                                           ("afl", b"Bhoy"), ("afl", b"BAhoy")])  # fmt: skip
def test_a_finding_comes_with_the_command_that_plays_it(toy: Path, how: str, seed: bytes) -> None:
    """A crash that nobody can see again is a rumour, whether a fuzzer found it or a seed has it."""
    status, said = run_fuzz(toy, how, seed)
    command = re.search(r"play it again with: (.*)$", said, re.MULTILINE)

    assert status == 1
    assert "fuzz: toy.c:9: does not hold: never BA" in said or how == "afl"
    assert said.endswith(f"fuzz: {how}: 1 of 1 targets failed\n")
    assert command, said
    again = subprocess.run(command[1], shell=True, cwd=toy, capture_output=True, text=True, check=False)
    assert again.returncode == 128 + 6 or again.returncode == -6, again
    assert "does not hold: never BA" in again.stderr


@pytest.mark.parametrize(("seed", "wanted"), [(b"", 0), (b"x" * 65536, 0), (b"x" * 65537, 1)],
                         ids=["empty", "full", "over"])  # fmt: skip
def test_a_file_is_played_whole_or_not_at_all(toy: Path, seed: bytes, wanted: int) -> None:
    """A crash that is cut off is another input."""
    status, _ = run_fuzz(toy, "replay", seed)

    assert status == wanted


@pytest.mark.parametrize("how", ["libfuzzer", "afl"])
def test_a_fuzzer_that_does_nothing_has_failed(toy: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built without coverage, or ends by itself, has looked at nothing."""
    monkeypatch.setitem(COMPILERS, how, ["gcc"])

    status, said = run_fuzz(toy, how, b"Ahoy", "int main(void) { return 0; }\n")
    assert status == 1
    assert "FAIL: " in said
    assert said.endswith(f"fuzz: {how}: 1 of 1 targets failed\n")


@pytest.mark.canary
@pytest.mark.parametrize(("target", "view"), [(target, view) for target in TARGETS for view in views_of(target)])
def test_seeds_find_nothing_where_nothing_is_missing(target: str, view: str, tmp_path: Path) -> None:
    """The same program with all of its checks: what is found without one is found for that reason."""
    said = play(target, [*seeds_in(target, view, tmp_path / "seeds")])

    assert said.returncode == 0, said.stderr[-2000:]


@pytest.mark.canary
@pytest.mark.parametrize(("name", "view"),
                         [(canary.name, view) for canary in CANARIES for view in views_of(canary.target)
                          if view == (canary.view or view)])  # fmt: skip
def test_seeds_notice_what_is_missing(name: str, view: str, tmp_path: Path) -> None:
    """Without one check of ours, a seed crashes the target that passes with it."""
    target = BY_NAME[name].target

    expect_found(play(target, [*seeds_in(target, view, tmp_path / "seeds")], without=name), "by the seeds")


@pytest.mark.canary
@pytest.mark.parametrize("name", [canary.name for canary in CANARIES if canary.fuzzer])
def test_fuzzer_notices_what_is_missing(name: str, tmp_path: Path) -> None:
    """The fuzzer finds the way there by itself, from nothing."""
    target = BY_NAME[name].target
    words = [f"-runs={RUNS[target]}", "-seed=1", f"-artifact_prefix={tmp_path}/", "-timeout=20"]

    expect_found(play(target, [*words], without=name), f"in {RUNS[target]} runs")
