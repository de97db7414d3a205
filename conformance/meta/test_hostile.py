# SPDX-License-Identifier: BSD-3-Clause
"""The hostile device in front of our own driver: the same for the same seed, found, made small, kept, replayed, refused."""

from __future__ import annotations

import re
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from rpmsg_cts.cli import main
from rpmsg_cts.explore import decision_file
from rpmsg_cts.fuzz import program as words
from rpmsg_cts.fuzz.bench import SimBench
from rpmsg_cts.fuzz.finding import DELIVERY, Finding, known_as
from rpmsg_cts.fuzz.program import FAULT, STEP, NoProgram, Program
from rpmsg_cts.fuzz.watch import Watch
from rpmsg_cts.known import load
from rpmsg_cts.native import direct
from rpmsg_cts.plugin import PROJECT_ROOT
from rpmsg_cts.trace.tracer import DEVICE_END

# A deliberate error of our driver, what it must be called, and how many programs may be needed to come upon it.
WRONG = {
    "used_short_accepted": ("ROB-004", 20),
    "used_long_accepted": ("ROB-003", 20),
    "hdr_long_accepted": ("ROB-005", 20),
    "used_jump_followed": ("ROB-013", 40),
    "used_id_masked": ("ROB-002", 40),
}


native = direct()


def run(*argv: str) -> Result:
    """The program, in this process."""
    return CliRunner(mix_stderr=False).invoke(main, list(argv))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of decisions of something that was found."""
    out = tmp_path_factory.mktemp("fuzz")
    done = run("fuzz", "--target", "mutant:hdr_long_accepted", "--until", "ROB-005", "--out", str(out))
    assert done.exit_code == 1, done.stdout + done.stderr
    return next(out.glob("01-*.decisions"))


@pytest.mark.parametrize("mutant, requirement, bound", [(name, *row) for name, row in WRONG.items()])
def test_a_missing_check_is_found_by_itself(tmp_path: Path, mutant: str, requirement: str, bound: int) -> None:
    """Within so many programs, by the name of its requirement, and made small."""
    done = run("fuzz", "--target", f"mutant:{mutant}", "--count", str(bound), "--until", requirement, "--out", str(tmp_path))

    assert done.exit_code == 1, done.stdout
    assert f"FAIL {requirement}: " in done.stdout
    assert re.search(r"made small in \d+ tries: \d deliberate decisions", done.stdout), done.stdout


def test_our_own_driver_bears_it(tmp_path: Path) -> None:
    """But for what is recorded; so what is found elsewhere is not the device's own doing."""
    done = run("fuzz", "--count", "1500", "--out", str(tmp_path))

    assert done.exit_code == 0, done.stdout
    assert "1500 programs" in done.stdout and " 0 new" in done.stdout


def test_the_device_depends_on_the_seed_alone() -> None:
    """Whatever was played before."""
    first = [Program.of_seed(7, number, 12) for number in range(50)]

    assert first == [Program.of_seed(7, number, 12) for number in range(50)]
    assert Program.of_seed(7, 49, 12) == first[49] != Program.of_seed(8, 49, 12)
    assert {step.action for program in first for step in program.steps} == set(words.ACTIONS) - {words.NOTHING}


def test_each_word_of_the_table_of_faults_is_said() -> None:
    """Every row about what a device stores, but for indices that keep a driver busy for seconds."""
    said = {lie.fault.name for number in range(3000) for step in Program.of_seed(1, number, 12).steps for lie in step.lies
            if lie.value is None}
    rows = {fault.name for action, fields in words.FIELDS.items() for field in fields if field
            for fault in words.values(field, words.SIDES[action])}

    assert said == rows and len(rows) > 30


def test_a_file_is_the_same_program_again(kept: Path) -> None:
    """In the format of the simulator's own lists, on the driver that has the error and on one that has none."""
    assert kept.read_text(encoding="ascii").splitlines()[0] == "rpmsg-cts decisions 1"
    wrong = run("replay", "--target", "mutant:hdr_long_accepted", str(kept))
    right = run("replay", str(kept))

    assert wrong.exit_code == 1 and "FAIL ROB-005: delivered" in wrong.stdout
    assert right.exit_code == 0 and "PASS: nothing broke" in right.stdout


def test_nothing_is_left_that_is_not_needed(kept: Path) -> None:
    """Each decision that is not 0 has to be as it is."""
    program = Program.of_file(*decision_file.read_text(kept))
    bench = SimBench("mutant:hdr_long_accepted")

    assert any(found.requirement == "ROB-005" for found in bench.play(program))
    for number, decision in enumerate(program.decisions):
        if decision.choice:
            changed = [*program.decisions[:number], replace(decision, choice=0), *program.decisions[number + 1:]]
            assert not bench.play(replace(program, decisions=tuple(changed))), number


def test_what_is_kept_can_be_read(kept: Path) -> None:
    """Beside each file is what it says, and how to see it again."""
    text = kept.with_suffix(".txt").read_text(encoding="utf-8")

    assert "FAIL ROB-005: delivered" in text and "  1 say hdr.len" in text
    assert f"replay: ./rpmsg-cts replay --target mutant:hdr_long_accepted {kept}" in text


def test_a_file_that_does_not_fit_is_refused(kept: Path, tmp_path: Path) -> None:
    """Never something else is played instead."""
    scenario, decisions = decision_file.read_text(kept)
    with pytest.raises(NoProgram, match="it is of another version"):
        Program.of_file(scenario.replace(words.vocabulary(), "0" * 8), decisions)
    with pytest.raises(NoProgram, match=f"{STEP} decisions a step"):
        Program.of_file(scenario, decisions[1:])
    with pytest.raises(NoProgram, match="decision 0 is no choice of 16 faults"):
        Program.of_file(scenario, (replace(decisions[0], count=2), *decisions[1:]))
    other = tmp_path / "cut.decisions"
    other.write_bytes(kept.read_bytes()[:-30])

    assert run("replay", str(other)).exit_code == 2
    scope = run("replay", "--seed", "1", "num=1 messages=1,1", "--target", "sim")
    assert scope.exit_code == 2 and "--target is for files of `rpmsg-cts fuzz`" in scope.stderr


@pytest.mark.parametrize("argv, status, says", [
    (["--target", "nowhere"], 2, "unknown target"),
    (["--target", "linux-uml:0.1"], 5, "no kernel 0.1 was built for it: run ./rpmsg-cts kernel build"),
    (["--count", "0"], 2, "Invalid value for '--count'"),
])
def test_bad_input_is_told_in_a_line(argv: list[str], status: int, says: str) -> None:
    done = run("fuzz", *argv)

    assert done.exit_code == status and says in done.stderr, done.stdout + done.stderr


def test_an_interrupted_search_keeps_what_it_found(tmp_path: Path) -> None:
    """And says so."""
    words_ = [str(PROJECT_ROOT / "rpmsg-cts"), "fuzz", "--target", "mutant:hdr_long_accepted", "--count", "10000000",
              "--time", "600", "--out", str(tmp_path)]
    with subprocess.Popen(words_, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        while "FAIL ROB-005" not in program.stdout.readline():
            assert program.poll() is None
        program.send_signal(signal.SIGINT)
        out, _ = program.communicate(timeout=60)

    assert program.returncode == 130, out
    assert "interrupted; what was found is in" in out
    assert list(tmp_path.glob("*.decisions"))


def test_a_recorded_defect_is_known_and_another_is_not() -> None:
    """By its message, kernel and target, as in the suites."""
    entries = load(PROJECT_ROOT)
    short = Finding(DELIVERY, "ROB-004", "used.len low", "delivered for used.len 7 (below the 16-byte header)")
    hang = Finding("hang", "", "detach_buf_split", "the guest's kernel hangs in detach_buf_split: it does not answer")

    assert known_as(short, entries, "linux-uml:6.1", "6.1.176") == "K-LINUX-001"
    assert known_as(hang, entries, "linux-uml:6.1", "6.1.176") == "K-LINUX-011"
    assert not known_as(short, entries, "sim", "")
    assert not known_as(replace(hang, text="the guest's kernel hangs in rpmsg_recv_done: it"), entries, "linux-uml", "6.1.176")


def test_a_broken_rule_is_seen_over_a_transport() -> None:
    """The monitor hears what our device end does: here it is shown one buffer twice."""
    watch = Watch()
    names = {native.ffi.string(native.lib.rps_event_name(number)).decode(): number for number in range(native.lib.RPS_NUM_EVENTS)}
    tell = watch.probe(DEVICE_END).event
    watch.begin()

    tell(native.ffi.NULL, names["ring_start"], 0, 4, 0)
    for idx, head in ((1, 2), (2, 2)):
        tell(native.ffi.NULL, names["avail_seen"], 0, idx, idx - 1)
        tell(native.ffi.NULL, names["buffer_take"], 0, head, idx)

    assert "avail_once" in watch.met()
    assert [finding.rule.name for finding in watch.end()] == ["avail_once"]
    assert not watch.end()


def test_a_decision_is_a_choice_of_sixteen() -> None:
    """So that a list is read alike by whoever reads it."""
    assert {(decision.kind, decision.count) for decision in Program.of_seed(1, 1, 12).decisions} == {(FAULT, 16)}
