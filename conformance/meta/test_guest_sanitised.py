# SPDX-License-Identifier: BSD-3-Clause
"""Kernels that watch themselves: what each sanitizer says fails the test during which it said so, with all its words.

A module of ours (fixtures/kernel/splat/) does wrong in the way that a sanitizer is there for, on each kernel that was
built with it.  And the hostile device in front of real kernels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meta.preparation import or_skip
from rpmsg_cts.cli import main
from rpmsg_cts.explore.engine import Decision
from rpmsg_cts.fuzz import program as words
from rpmsg_cts.fuzz.bench import GuestBench
from rpmsg_cts.fuzz.program import CHOICES_EACH, FAULT, STEP, Program
from rpmsg_cts.guest.errors import NotPrepared
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.guest.paths import build_folder
from rpmsg_cts.guest.qemu import find_qemu
from rpmsg_cts.guest.qemu_lanes import QEMU_LANES
from rpmsg_cts.lab import Lab
from rpmsg_cts.leaks import LeakWatch
from rpmsg_cts.link import Config
from rpmsg_cts.targets import DRIVER, Lane
from rpmsg_cts.verdict import GuestFailure

SPLAT = "rpmsg_splat"
# What is wrong, how the kernel calls it, and the function of the module that does it; nothing is said of lost memory.
SAYS = {
    "kasan": (r"BUG: KASAN: (slab-)?use-after-free in use_after_free\+", r"use_after_free\+.* \[rpmsg_splat\]"),
    "ubsan": (r"UBSAN: shift-out-of-bounds in ", r"shift_too_far\+.* \[rpmsg_splat\]"),
    "lockdep": (r"WARNING: possible circular locking dependency detected", r"locks_in_both_orders\+.* \[rpmsg_splat\]"),
    "atomic_sleep": (r"BUG: sleeping function called from invalid context at ",
                     r"sleep_where_none_is_allowed\+.* \[rpmsg_splat\]"),
    "kcsan": (r"BUG: KCSAN: data-race in ", r"(race|change)\+.* \[rpmsg_splat\]"),
}
UML = "linux-uml:6.1"
MAX_PROGRAMS = 10

pytestmark = [pytest.mark.guest, pytest.mark.timeout(600)]


def targets_with(variant: str) -> list[str]:
    """The kernels here that were built with a variant, and can be started."""
    found = []
    for path in sorted(build_folder().glob("kernels/*/facts.json")):
        facts = json.loads(path.read_text(encoding="utf-8"))
        variants = facts["origin"]["kernel_variants"].split()
        if variant not in variants or not any(module["name"] == SPLAT for module in facts["modules"]):
            continue
        try:
            if facts["lane"] in QEMU_LANES:
                find_qemu(QEMU_LANES[facts["lane"]].qemu)
        except NotPrepared:
            continue
        found.append("+".join([f"linux-{facts['lane']}:{facts['release']}", *variants]))
    return list(dict.fromkeys(found))


@pytest.fixture
def leaks() -> LeakWatch:
    return LeakWatch()


@pytest.fixture
def lab(leaks: LeakWatch) -> Iterator[Lab]:
    made = Lab(lambda _target, _facts: None, leaks=leaks)
    yield made
    made.close()


def do_wrong(lab: Lab, target: str, what: str) -> None:
    """A test during which the module does wrong."""
    link = lab.link(Lane(target, DRIVER), Config(), test=("the test", "ADR-009"))
    try:
        link.begin()
        link.agent.load_module(kernel_image(target).module(SPLAT).path, f"what={what}")
    finally:
        link.close()


@pytest.mark.parametrize("what", SAYS)
def test_a_sanitizer_fails_the_test_with_its_own_words(lab: Lab, what: str) -> None:
    """On each kernel that was built with it; the trace names functions, not addresses."""
    says, names = SAYS[what]
    targets = targets_with(what) or pytest.skip(f"no kernel was built with {what}: make kernels")

    for target in targets:
        with pytest.raises(GuestFailure) as failure:
            do_wrong(lab, target, what)
        reason, *story = str(failure.value).splitlines()
        assert re.match(f"the kernel complained of itself: {says}", reason), (target, reason)
        assert any(re.search(names, line) for line in story), (target, story)


def test_lost_memory_is_told_of_the_test_that_lost_it(lab: Lab, leaks: LeakWatch) -> None:
    """Some seconds later, when its guest is ended."""
    targets = targets_with("kmemleak") or pytest.skip("no kernel was built with kmemleak: make kernels")

    for target in targets:
        do_wrong(lab, target, "kmemleak")
        lab.close_guest()

        (lost,) = leaks.lost
        assert lost.name in ("the test::kmemleak", f"kmemleak[{target}-driver]")
        # With or without what its allocator rounds up to.
        assert re.fullmatch(r"the kernel has lost memory \(1 objects\): (100|128) bytes from leak \[rpmsg_splat\]", lost.reason)
        leaks.lost.clear()


def test_a_well_behaved_client_loses_nothing(lab: Lab, leaks: LeakWatch) -> None:
    """Endpoints, messages and channels that come and go: what kmemleak says must be worth hearing."""
    targets = targets_with("kmemleak") or pytest.skip("no kernel was built with kmemleak: make kernels")

    link = lab.link(Lane(targets[0], DRIVER), Config(), test=("the test", "ADR-009"))
    link.begin()
    for number in range(5):
        ept = link.upper.open(src=0x500 + number, dst=0x401)
        assert link.works(ept)
        link.lower.announce("fuzzed", 0x600 + number)
        link.settle()
        link.upper.close(ept)
        link.lower.withdraw("fuzzed", 0x600 + number)
    link.settle()
    link.restart()
    link.close()
    lab.close_guest()

    assert not leaks.lost, leaks.lost[0].story


# --- the hostile device


def run(*argv: str) -> Result:
    return CliRunner(mix_stderr=False).invoke(main, list(argv))


@pytest.fixture(scope="module")
def uml() -> str:
    with or_skip():
        kernel_image(UML)
    return UML


def test_a_defect_of_linux_is_found_and_replayed(uml: str, tmp_path: Path) -> None:
    """By chance alone, within so many programs; and it is Linux's own: our driver bears the same device."""
    done = run("fuzz", "--target", uml, "--count", str(MAX_PROGRAMS), "--until", "K-LINUX-001", "--out", str(tmp_path))

    assert done.exit_code == 0, done.stdout + done.stderr
    assert "KNOWN K-LINUX-001 ROB-004: delivered for used.len " in done.stdout
    assert re.search(r"by program \d; made small in \d+ tries: \d deliberate decisions", done.stdout), done.stdout
    (kept,) = tmp_path.glob("*K-LINUX-001.decisions")
    again, ours = run("replay", "--target", uml, str(kept)), run("replay", str(kept))
    assert again.exit_code == 1 and "KNOWN K-LINUX-001 ROB-004" in again.stdout
    assert ours.exit_code == 0 and "PASS: nothing broke" in ours.stdout


def test_a_kernel_that_hangs_is_told_with_the_place(uml: str) -> None:
    """And does not keep the next program from being played."""
    circle = program(scribble("desc.flags", 0xFF), say())
    bench = GuestBench(uml, patience_s=5.0)
    try:
        (found,) = bench.play(circle)
        after = bench.play(program(say()))
    finally:
        bench.close()

    assert (found.kind, found.place) == ("hang", "detach_buf_split"), found
    assert found.text.startswith("the guest's kernel hangs in detach_buf_split: it does not answer within 5 s after: say")
    assert not after


def test_a_channel_may_have_any_name(uml: str) -> None:
    """Bytes that are no text, too: what the agent lists can be asked for."""
    bench = GuestBench(uml, patience_s=20.0)
    try:
        for digit in range(CHOICES_EACH):
            assert not bench.play(program(announce(digit)))
    finally:
        bench.close()


def announce(digit: int) -> list[int]:
    """A step: an announcement whose name is a byte of two such digits, again and again."""
    step = [words.ACTIONS.index(words.ANNOUNCE), *[0] * (STEP - 1)]
    step[words.FIELD_1] = words.FIELDS[words.ANNOUNCE].index("ns.name")
    step[words.VALUE_1] = len(words.values("ns.name", "IN"))
    step[words.DIGITS:] = [digit] * (STEP - words.DIGITS)
    return step


def say() -> list[int]:
    """A step: a good message."""
    return [words.ACTIONS.index(words.SAY), *[0] * (STEP - 1)]


def scribble(place: str, fill: int) -> list[int]:
    """A step: the driver's memory is full of a byte."""
    step = [words.ACTIONS.index(words.SCRIBBLE), *[0] * (STEP - 1)]
    step[words.EXTRA], step[words.VALUE_1] = words.PLACES.index(place), words.FILLS.index(fill)
    return step


def program(*steps: list[int]) -> Program:
    """Steps of the hostile device."""
    return Program("plain", tuple(Decision(FAULT, CHOICES_EACH, choice) for step in steps for choice in step))
