# SPDX-License-Identifier: BSD-3-Clause
"""Schedules from the command line: explored, shrunk, kept, replayed, refused."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rpmsg_cts import cli_explore, files
from rpmsg_cts.cli import main
from rpmsg_cts.explore import decision_file, engine, scopes, shrink
from rpmsg_cts.explore.engine import Decision, How, Scope
from rpmsg_cts.plugin import PROJECT_ROOT
from rpmsg_cts.verdict import Verdict

# A deliberate error, where it shows, and what it must be called.
WRONG = "num=2 messages=2,1 model=weak,weak mutant=slot_after_idx,none"


def run(*words: str) -> Result:
    """The program, in this process."""
    return CliRunner(mix_stderr=False).invoke(main, list(words))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decision file of a failure."""
    out = tmp_path_factory.mktemp("explore")
    done = run("explore", "--out", str(out), WRONG)
    assert done.exit_code == 1, done.stdout + done.stderr
    (path,) = out.glob("*.decisions")
    return path


def test_the_unchanged_ends_survive_every_schedule() -> None:
    """And say how many there were, and that there is no other."""
    done = run("explore", "num=1 messages=1,1 model=weak,weak event start=0xffff")

    assert done.exit_code == 0, done.stdout
    assert "PASS" in done.stdout and "exhausted" in done.stdout
    assert "1 scope: 1 PASS" in done.stdout


def test_a_failure_is_named_shrunk_drawn_and_kept(kept: Path) -> None:
    """All that somebody needs who has to mend it."""
    done = run("explore", "--out", str(kept.parent / "again"), WRONG)

    assert "LAY-021 [publish avail.idx]" in done.stdout
    assert "shrunk in" in done.stdout
    assert "driver" in done.stdout and "device" in done.stdout
    assert f"replay: ./rpmsg-cts replay {kept.parent / 'again'}" in done.stdout
    assert {path.suffix for path in (kept.parent / "again").iterdir()} == {".decisions", ".svg", ".txt"}


def test_a_failure_replays_exactly(kept: Path) -> None:
    """The same finding at the same step, twice, byte for byte."""
    first, second = (run("replay", "--log", str(kept)) for _ in range(2))

    assert first.exit_code == second.exit_code == 1, first.stdout + first.stderr
    assert first.stdout == second.stdout
    assert "FAIL: LAY-021 [publish avail.idx]" in first.stdout


def test_a_replay_stops_at_a_step(kept: Path) -> None:
    """In the middle of what leads to the failure."""
    done = run("replay", "--stop-at", "10", "--log", str(kept))

    assert done.exit_code == 0
    assert "stopped at step 10" in done.stdout
    steps = [int(line.split()[0]) for line in done.stdout.splitlines() if line.split()[0].isdecimal()]
    assert steps and max(steps) <= 10


def test_a_seed_is_a_schedule() -> None:
    """The same one each time, and another one for another seed."""
    scope = "num=2 messages=2,2 model=weak,weak"
    first, again, other = (run("replay", "--log", "--seed", seed, scope) for seed in ("3", "3", "4"))

    assert first.exit_code == 0
    assert first.stdout == again.stdout != other.stdout


def _changed(text: str, what: str) -> str:
    lines = text.splitlines(keepends=True)
    return {
        "version": text.replace("decisions 1", "decisions 2", 1),
        "truncated": "".join(lines[:-1]),
        "half a line": text[:len(text) // 2],
        "another scenario": text.replace("num=2", "num=4", 1),
        "a decision": text.replace("e0/2", "e1/2", 1),
        "empty": "",
        "rubbish": "\x7fELF" + text,
        "impossible scenario": text.replace("num=2", "num=3", 1),
    }[what]


@pytest.mark.parametrize("what", ["version", "truncated", "half a line", "another scenario", "a decision", "empty",
                                  "rubbish", "impossible scenario"])
def test_a_file_that_does_not_fit_is_refused(kept: Path, tmp_path: Path, what: str) -> None:
    """It would be the replay of something else."""
    path = tmp_path / "x.decisions"
    path.write_text(_changed(kept.read_text(encoding="ascii"), what), encoding="ascii")
    assert path.read_bytes() != kept.read_bytes()

    done = run("replay", str(path))

    assert done.exit_code == 2, done.stdout
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_a_file_that_is_not_there_is_named() -> None:
    """As every other file."""
    done = run("replay", "/nowhere/x.decisions")

    assert (done.exit_code, done.stderr) == (2, "error: /nowhere/x.decisions: No such file or directory\n")


BAD_SCOPES = {
    "queue size 3": "num=3", "too large a queue": "num=16", "small buffer": "buf=16", "too many messages": "messages=9,0",
    "no message": "messages=0,0", "no such model": "model=arm,sc", "no such mutant": "mutant=nothing,none",
    "no such word": "align=24", "no number": "num=x",
}


@pytest.mark.parametrize("text", BAD_SCOPES.values(), ids=list(BAD_SCOPES))
def test_an_impossible_scope_is_refused(text: str) -> None:
    """Before anything runs, with what is wrong."""
    done = run("explore", text)

    assert done.exit_code == 2, done.stdout
    assert done.stderr.startswith("error: ") and "explore --help" in done.stderr


def test_a_scope_that_is_too_large_says_so() -> None:
    """How far it came, how much there may be, and that nothing is proven."""
    done = run("explore", "--schedules", "50", "num=4 messages=3,3 model=weak,weak")

    assert done.exit_code == 4, done.stdout
    assert "not exhausted: a bound was met; about" in done.stdout


@pytest.mark.parametrize(("bound", "said"), [
    ((), "stops at 16,777,216 states"), (("--states", "70000"), "stops at 70,000 states"),
    (("--schedules", "3000"), "stops at 3,000 schedules or 16,777,216 states"),
])  # fmt: skip
def test_what_is_large_is_announced_before_it_begins(bound: tuple[str, ...], said: str,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """How much there is, and where it will end: time to think again."""
    begun = []

    def interrupt(scope: Scope, how: How, progress: object = None) -> engine.Outcome:
        if how.max_schedules == cli_explore.PROBE_SCHEDULES:
            return explore(scope, how)
        begun.append(scope)
        raise KeyboardInterrupt

    explore = engine.explore
    monkeypatch.setattr(engine, "explore", interrupt)
    done = run("explore", *bound, "num=4 messages=8,8 model=weak,weak")

    assert begun and done.exit_code == 130
    assert re.search(r"is large: about [\d,]{6,} schedules by its first 2,000", done.stdout)
    assert said in done.stdout
    assert "interrupted" in done.stdout


def test_what_is_small_is_not_announced() -> None:
    done = run("explore", "num=1 messages=1,0")

    assert done.exit_code == 0
    assert "large" not in done.stdout


def _interrupt_soon(process: subprocess.Popen[str]) -> str:
    """Ctrl-C once it says that it has begun.  Return: all that it wrote."""
    assert process.stdout is not None
    seen = ""
    while "stops at" not in seen:
        line = process.stdout.readline()
        assert line, seen
        seen += line
    process.send_signal(signal.SIGINT)
    return seen + process.communicate(timeout=60)[0]


def test_ctrl_c_keeps_what_was_found(tmp_path: Path) -> None:
    """And leaves nothing half done, wherever in the library it comes."""
    command = [PROJECT_ROOT / "rpmsg-cts", "explore", "--out", tmp_path, WRONG, "num=4 messages=8,8 model=weak,weak"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = _interrupt_soon(process)

    assert process.returncode == 130, said
    assert "Traceback" not in said and "Exception ignored" not in said
    assert "1 scope: 1 FAIL" in said
    assert re.search(r"INCONC num=4 messages=8,8 .*\n +.*; interrupted", said)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".decisions", ".svg", ".txt"]
    (kept,) = tmp_path.glob("*.decisions")
    assert run("replay", str(kept)).exit_code == 1


def test_a_failure_is_kept_before_it_is_shrunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shrinking can take its time; whoever interrupts it has the failure all the same."""
    def interrupt(*_arguments: object, **_more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shrink, "shrink", interrupt)
    done = run("explore", "--out", str(tmp_path), WRONG)
    monkeypatch.undo()

    assert done.exit_code == 130
    (kept,) = tmp_path.iterdir()
    assert run("replay", str(kept)).exit_code == 1


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    files.replace_text(path, "old\n")

    def interrupt(_fd: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.replace_text(path, "new\n")

    assert [(entry.name, entry.read_text(encoding="utf-8")) for entry in tmp_path.iterdir()] == [("x", "old\n")]


MONITOR_ALONE = "num=1 messages=2,0 mutant=none,tx_used_len"


def test_the_monitor_finds_what_loses_no_message(tmp_path: Path) -> None:
    """By its rule; without it nobody notices."""
    watched = run("explore", "--out", str(tmp_path), MONITOR_ALONE)
    unwatched = run("explore", "--out", str(tmp_path), f"{MONITOR_ALONE} unwatched")

    assert watched.exit_code == 1
    assert "LAY-019: the device breaks rule used_len_zero on queue 1" in watched.stdout
    assert unwatched.exit_code == 0 and "PASS" in unwatched.stdout
    (kept,) = tmp_path.glob("*.decisions")
    assert run("replay", str(kept)).exit_code == 1


def test_a_scope_is_no_file() -> None:
    done = run("replay", "num=2 messages=1,1")

    assert done.exit_code == 2
    assert "--seed" in done.stderr


@pytest.mark.parametrize("scheduler", ["random", "pct"])
def test_chance_finds_it_too(scheduler: str) -> None:
    """Where a scope is too large for all schedules."""
    outcome = engine.explore(Scope.parse(WRONG), How(scheduler, max_schedules=5_000))

    assert outcome.verdict is Verdict.FAIL
    assert outcome.finding is not None and outcome.finding.requirement == "LAY-021"


def test_progress_can_end_it() -> None:
    """Ctrl-C does not wait for the last schedule."""
    def interrupt(_so_far: engine.Outcome) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.explore(Scope.parse("num=4 messages=4,4 model=weak,weak"), How(), interrupt)


def test_the_standard_scopes_are_scopes() -> None:
    """Each size, model and suppression, each once."""
    texts = scopes.standard(everything=True)

    assert len(set(texts)) == len(texts) >= 30
    assert len({str(Scope.parse(text)) for text in texts}) == len(texts)


def test_shrinking_keeps_what_matters_and_nothing_else() -> None:
    """Two decisions out of a hundred, far from each other."""
    decisions = [Decision(0, 2, i % 2) for i in range(100)]
    asked: list[int] = []

    def fails(candidate: list[Decision]) -> bool:
        asked.append(sum(decision.choice for decision in candidate))
        return bool(candidate[13].choice and candidate[77].choice)

    small = shrink.minimal(decisions, fails)

    assert [number for number, decision in enumerate(small) if decision.choice] == [13, 77]
    assert len(small) == 100
    assert len(asked) < 100


def test_shrinking_stops_when_it_may_not_go_on() -> None:
    """What was found so far is better than nothing."""
    decisions = [Decision(0, 2, 1)] * 64
    tries = iter(range(3))

    small = shrink.minimal(decisions, lambda candidate: True, lambda: next(tries, None) is not None)

    assert sum(decision.choice for decision in small) < 64


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    """Also without a single decision."""
    scope = Scope.parse("num=2 messages=1,0")
    for decisions in ((), (Decision(0, 2, 1), Decision(1, 3, 2))):
        decision_file.write(tmp_path / "a" / "x.decisions", scope, decisions)
        again, listed = decision_file.read(tmp_path / "a" / "x.decisions")
        assert (str(again), listed) == (str(scope), decisions)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.decisions"]


def test_what_goes_on_for_ever_is_shown_in_a_few_lines(tmp_path: Path) -> None:
    """Each round looks like the one before it."""
    done = run("explore", "--out", str(tmp_path), "num=1 messages=1,1 mutant=none,avail_count_masked")

    assert done.exit_code == 1
    assert "the ends do not come to rest" in done.stdout
    assert 20 < len(done.stdout.splitlines()) < 400
    (kept,) = tmp_path.glob("*.decisions")
    again = run("replay", str(kept))
    assert again.exit_code == 1 and len(again.stdout.splitlines()) < 400
