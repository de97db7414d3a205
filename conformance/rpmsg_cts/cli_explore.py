# SPDX-License-Identifier: BSD-3-Clause
"""The commands explore and replay: schedules of a small world, and one of them again."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from rpmsg_cts import cli_fuzz
from rpmsg_cts.diagram.svg import svg
from rpmsg_cts.diagram.text import text as diagram
from rpmsg_cts.explore import decision_file, engine, scopes, show, shrink
from rpmsg_cts.explore.engine import BadScope, How, Outcome, Scope
from rpmsg_cts.files import replace_text
from rpmsg_cts.fuzz.program import SCENARIO as HOSTILE
from rpmsg_cts.record import EVENT, Record
from rpmsg_cts.targets import SIM
from rpmsg_cts.verdict import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_USAGE, FACES, HarnessError, Refused, Verdict, exit_status

PROGRESS_S = 2.0
# So many say whether a scope is small, in a fraction of a second.
PROBE_SCHEDULES = 2_000
EXPLORERS = ("exhaustive", "random", "pct", "round-robin")
# A bound where none is given: random schedules never end by themselves.
DEFAULT_SCHEDULES = 10_000

_SCOPE_HELP = """\b
A SCOPE is one argument of words; what it does not name is as in this one:
  num=2 messages=1,1 buf=24 model=sc,sc wait=sleep,sleep mutant=none,none start=0 flags le suppress single watched
num: entries per ring (1, 2, 4, 8).  messages: from the driver, from the device (0 to 8 each).  buf: bytes of a buffer
(17 to 64).  model: memory model of the driver's and of the device's processor (sc, tso, weak).  wait: whether each end
sleeps until it is told, or looks all the time (sleep, poll).  mutant: a deliberate error of each.  start: first ring
index, 0xffff wraps at once.  flags or event: how notifications are suppressed.  le or be: byte order.  suppress or
always: whether an end that works asks not to be told.  single or batch: whether messages are shown one by one or
together.  watched or unwatched: whether the monitor looks on, so that a rule of the ring or of RPMsg that is broken
ends the schedule."""


@click.command(help=f"""Run our two ends against each other in many schedules, or in all.

Every access to shared memory, every value that a memory model lets a load return, and every notification is a choice.
A failure is named by the requirement and the ordering point that is missing, shrunk, drawn, and kept as a file for
`rpmsg-cts replay`.  A canary, one deliberate error, is explored beside each scope: where it is not found, the verdict
is ERROR, since then nothing is proven.

{_SCOPE_HELP}

\b
Without a SCOPE: a standard set of small ones; --all takes the large ones too.

\b
Examples:
  rpmsg-cts explore
  rpmsg-cts explore 'num=1 messages=2,2 model=weak,weak event start=0xffff'
  rpmsg-cts explore --scheduler pct --seed 7 --schedules 100000 'num=4 messages=8,8 model=tso,weak'
  rpmsg-cts explore 'num=2 messages=2,1 model=weak,weak mutant=kick_without_fence,none'

\b
Exit status: 0 nothing found; 1 something found; 2 bad input; 3 a canary was not found; 4 a bound was met first.""")
@click.argument("scope_texts", nargs=-1, metavar="[SCOPE]...")
@click.option("--scheduler", type=click.Choice(EXPLORERS), default="exhaustive", show_default=True,
              help="Who decides what happens next.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N",
              help="Of random and pct; each schedule has one of its own, made of it.")
@click.option("--depth", type=click.IntRange(min=1, max=16), default=3, show_default=True, metavar="D",
              help="Changes of priority in a schedule of pct.")
@click.option("--schedules", type=click.IntRange(min=1), metavar="N",
              help=f"Stop after so many.  Default: all of them, or {DEFAULT_SCHEDULES} of random and pct.")
@click.option("--states", type=click.IntRange(min=1), metavar="N", help="Stop after so many different states.")
@click.option("--unreduced", is_flag=True, help="Try even what cannot make a difference: slow, to check the rest.")
@click.option("--all", "everything", is_flag=True, help="The large scopes too, if no SCOPE is given.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where failures are kept.  Default: out/explore in the project.")
@click.pass_obj
def explore(root: Path, scope_texts: Sequence[str], scheduler: str, seed: int, depth: int, schedules: int | None,
            states: int | None, unreduced: bool, everything: bool, out: Path | None) -> None:
    """Explore scopes; the text of --help is above."""
    bound = schedules or (0 if scheduler == "exhaustive" else DEFAULT_SCHEDULES)
    how = How(scheduler, seed, depth, 1 if scheduler == "round-robin" else bound, states or 0, reduced=not unreduced)
    folder = out or root / "out" / "explore"
    verdicts: list[Verdict] = []
    try:
        wanted = [Scope.parse(text) for text in scope_texts or scopes.standard(everything)]
        click.echo(f"rpmsg-cts explore: {scheduler}, seed {seed}, {len(wanted)} scope{'' if len(wanted) == 1 else 's'}")
        for number, scope in enumerate(wanted, 1):
            verdicts.append(_explore_one(scope, how, folder, number))
    except BadScope as error:
        _fail(f"{error}; `rpmsg-cts explore --help` explains scopes", EXIT_USAGE)
    except (HarnessError, Refused) as error:
        _fail(str(error), EXIT_ERROR)
    except KeyboardInterrupt:
        click.echo(f"interrupted; the other scopes are done, and what they found is kept: {_summary(verdicts)}")
        sys.exit(EXIT_INTERRUPTED)
    click.echo(_summary(verdicts))
    sys.exit(exit_status(verdicts))


def _summary(verdicts: Sequence[Verdict]) -> str:
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in FACES if verdict in verdicts)
    return f"{len(verdicts)} scope{'' if len(verdicts) == 1 else 's'}: {counts or 'nothing'}"


class _Progress:
    """Says now and then how far something has come, where it lasts long enough for somebody to wonder."""

    def __init__(self) -> None:
        self.started = self.said = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.started

    def say(self, what: Callable[[], str]) -> None:
        """Call it as often as you like."""
        if time.monotonic() - self.said >= PROGRESS_S:
            self.said = time.monotonic()
            click.echo(f"  ... {what()}", err=True)


def _announce(scope: Scope, how: How) -> None:
    """Before a scope is gone through that is not small: how much there is, about, and where it will end."""
    if how.scheduler != "exhaustive":
        return
    progress = _Progress()
    probe = engine.explore(scope, replace(how, max_schedules=PROBE_SCHEDULES, canary=False))
    if probe.exhausted or probe.finding or probe.schedules < PROBE_SCHEDULES:
        return
    bounds = [f"{probe.max_states:,} states"]
    if how.max_schedules:
        bounds.insert(0, f"{how.max_schedules:,} schedules")
    click.echo(f"  {scope}")
    click.echo(f"  is large: about {probe.estimate:,} schedules by its first {PROBE_SCHEDULES:,}, of which "
               f"{_rate(probe.schedules, progress.seconds)} a second can be run; stops at {' or '.join(bounds)}")


def _explore_one(scope: Scope, how: How, folder: Path, number: int) -> Verdict:
    progress = _Progress()
    latest: Outcome | None = None

    def tell(so_far: Outcome) -> bool:
        nonlocal latest
        latest = so_far
        progress.say(lambda: _counts(so_far, progress.seconds))
        return True

    try:
        _announce(scope, how)
        progress = _Progress()
        outcome = engine.explore(scope, how, tell)
    except KeyboardInterrupt:
        click.echo(f"{Verdict.INCONC!s:6} {scope}")
        so_far = _counts(latest, progress.seconds) if latest else "nothing yet"
        click.echo(f"       {so_far}; interrupted, with nothing found so far")
        raise
    click.echo(f"{outcome.verdict!s:6} {scope}")
    click.echo(f"       {_counts(outcome, progress.seconds)}; {_extent(outcome, how)}")
    if outcome.verdict is Verdict.ERROR:
        click.echo(f"       the canary was not found: {outcome.canary}")
    if outcome.finding:
        _keep_failure(scope, outcome, folder / f"{number:02}-{outcome.finding.requirement or 'failure'}")
    return outcome.verdict


def _counts(outcome: Outcome, seconds: float) -> str:
    states = f"{outcome.states:,} states, " if outcome.states else ""
    rules = f", {outcome.rules_met} of {outcome.rules_in_all} rules met" if outcome.rules_in_all else ""
    return (f"{outcome.schedules:,} schedules, {states}{outcome.steps:,} steps{rules} in {seconds:.2f} s "
            f"({_rate(outcome.schedules, seconds)} schedules/s, {_rate(outcome.steps, seconds)} steps/s)")


def _rate(count: int, seconds: float) -> str:
    rate = count / max(seconds, 1e-6)
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if rate >= limit:
            return f"{rate / limit:.3g} {unit}"
    return f"{rate:.0f}"


def _extent(outcome: Outcome, how: How) -> str:
    if outcome.finding:
        return "stopped at the first failure"
    if outcome.exhausted:
        return "exhausted" + (", but for stores older than are kept" if outcome.bounded else "")
    if how.scheduler != "exhaustive":
        return "as many as were asked for"
    return f"not exhausted: a bound was met; about {outcome.estimate:,} schedules in all"


def _keep_failure(scope: Scope, outcome: Outcome, base: Path) -> None:
    assert outcome.finding is not None
    path = base.with_suffix(".decisions")
    # As it was found, in case that shrinking is interrupted.
    decision_file.write(path, scope, outcome.decisions)
    progress = _Progress()
    small = shrink.shrink(scope, outcome.decisions, outcome.finding,
                          progress=lambda tries: progress.say(lambda: f"shrinking: {tries:,} tries"))
    before = sum(decision.choice != 0 for decision in outcome.decisions)
    click.echo(f"       {show.words(small.finding)}")
    click.echo(f"       shrunk in {small.tries} tries: {before} deliberate decisions to {small.deliberate}, messages "
               f"{','.join(map(str, scope.messages))} to {','.join(map(str, small.scope.messages))}")
    decision_file.write(path, small.scope, small.decisions)
    _, _, rows = show.schedule(small.scope, small.decisions)
    lines = diagram(rows)
    for suffix, content in ((".svg", svg(rows, show.words(small.finding))), (".txt", "\n".join(lines))):
        replace_text(base.with_suffix(suffix), content + "\n")
    click.echo("\n".join(lines))
    click.echo(f"       replay: ./rpmsg-cts replay {path}")


@click.command(help=f"""Run one schedule again: the one of a decision file, or one of a seed.

Shows what both ends did to their rings, and what it broke.  A file of another version, of another scenario, or changed
by hand is refused, with the first decision that does not fit.  A file of `rpmsg-cts fuzz` is played in front of the driver
of --target.

\b
Examples:
  rpmsg-cts replay out/explore/01-LAY-022.decisions
  rpmsg-cts replay --stop-at 40 --log out/explore/01-LAY-022.decisions
  rpmsg-cts replay --target linux-uml:6.1 out/fuzz/01-K-LINUX-001.decisions
  rpmsg-cts replay --seed 7 --scheduler random 'num=2 messages=2,2 model=weak,weak'

{_SCOPE_HELP}

\b
Exit status: 0 nothing broke; 1 it fails again; 2 bad input, or a list that does not fit.""")
@click.argument("what", metavar="FILE|SCOPE")
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="WHAT is a scope; run the first schedule of this seed.")
@click.option("--scheduler", type=click.Choice(("random", "pct", "round-robin")), default="random", show_default=True,
              help="Who decides, with --seed.")
@click.option("--stop-at", type=click.IntRange(min=1), metavar="STEP", help="Stop after this step.")
@click.option("--log", is_flag=True, help="Every access and event instead of the diagram.")
@click.option("--svg", "svg_path", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the diagram here too.")
@click.option("--width", type=click.IntRange(min=60), default=100, show_default=True, metavar="COLUMNS",
              help="Of the diagram.")
@click.option("--target", metavar="NAME", help="Whose driver meets the hostile device of a file of `rpmsg-cts fuzz`.  "
              "Default: sim.")
@click.pass_obj
def replay(root: Path, what: str, seed: int | None, scheduler: str, stop_at: int | None, log: bool, svg_path: Path | None,
           width: int, target: str | None) -> None:
    """Replay one schedule; the text of --help is above."""
    _replay_hostile(root, Path(what), target)
    try:
        if seed is None and "=" in what and not Path(what).exists():
            _fail(f"{what}: this is a scope and no file; say which of its schedules, with --seed", EXIT_USAGE)
        if seed is None:
            scope, decisions = decision_file.read(Path(what))
        else:
            scope = Scope.parse(what)
            decisions = engine.of_seed(scope, How(scheduler, seed))
        outcome, records, rows = show.schedule(scope, decisions, stop_at=stop_at or 0)
    except (decision_file.BadDecisions, BadScope, engine.Mismatch) as error:
        _fail(str(error), EXIT_USAGE)
    except (HarnessError, Refused) as error:
        _fail(str(error), EXIT_ERROR)
    click.echo(f"{scope}: {len(decisions)} decisions, {outcome.steps} steps")
    click.echo("\n".join(map(_line, records) if log else diagram(rows, width)))
    if svg_path:
        replace_text(svg_path, svg(rows, str(scope)) + "\n")
    if outcome.finding:
        click.echo(f"{Verdict.FAIL}: {show.words(outcome.finding)}")
    elif stop_at and outcome.steps >= stop_at:
        click.echo(f"stopped at step {stop_at}")
    else:
        click.echo(f"{Verdict.PASS}: nothing broke")
    sys.exit(exit_status([Verdict.FAIL if outcome.finding else Verdict.PASS]))


def _replay_hostile(root: Path, path: Path, target: str | None) -> None:
    """Play a file of a hostile device and end; come back where it is none."""
    if path.is_file():
        try:
            scenario, decisions = decision_file.read_text(path)
        except decision_file.BadDecisions as error:
            _fail(str(error), EXIT_USAGE)
        if scenario.startswith(f"{HOSTILE} "):
            cli_fuzz.replay_program(root, path, scenario, decisions, target or SIM)
    if target is not None:
        _fail(f"{path}: --target is for files of `rpmsg-cts fuzz`, and this is none", EXIT_USAGE)


def _line(record: Record) -> str:
    head = f"{record.step:8} {record.end} {record.what if record.kind == EVENT else record.kind}"
    if record.kind == EVENT:
        return f"{head} {record.a:#x} {record.b:#x} {record.c:#x}"
    return f"{head} {record.what} @{record.a:x} = {record.b:#x} ({record.c} bytes)"


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(status)
