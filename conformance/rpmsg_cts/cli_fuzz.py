# SPDX-License-Identifier: BSD-3-Clause
"""The command fuzz: a hostile device in front of a driver; and the part of replay that is about its files."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from rpmsg_cts import known, targets
from rpmsg_cts.explore.engine import Decision
from rpmsg_cts.fuzz.bench import Bench, bench_for
from rpmsg_cts.fuzz.campaign import Bounds, Campaign, Kept
from rpmsg_cts.fuzz.finding import known_as
from rpmsg_cts.fuzz.program import MAX_STEPS, NoProgram, Program
from rpmsg_cts.link import Unsupported
from rpmsg_cts.strict_toml import CatalogueError
from rpmsg_cts.targets import DRIVER, SIM
from rpmsg_cts.verdict import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_NOTHING, EXIT_USAGE, HarnessError, Verdict, exit_status

PROGRESS_S = 2.0
PATIENCE_S = 8.0
STORY_LINES = 12  # on the terminal; the file has them all


@click.command(help="""Put a hostile device in front of a driver, and judge what reaches the driver's client.

The device writes wrong lengths, indices, headers and announcements, alone and together, scribbles over the driver's
memory, notifies without reason, and lets the client send and the driver restart in between.  A finding is a kernel that
complains of itself, dies or hangs, a delivery of what was never sent by the rules, a broken rule of the ring, or a driver
that does not work after a restart.  It is told once, made small, and kept as a file of decisions that is the same again,
on any target: `rpmsg-cts replay --target T FILE`.  What fixtures/known/ records is named as KNOWN, and does not stop the
search.

What the device does depends on the seed alone.

\b
Examples:
  rpmsg-cts fuzz
  rpmsg-cts fuzz --target linux-uml:6.1+kasan --seed 7 --count 5000 --time 600
  rpmsg-cts fuzz --target mutant:drv_accepts_long_header --until ROB-005

\b
Exit status: 0 nothing but what is KNOWN; 1 something new; 2 bad usage; 3 the harness broke; 5 there is no such driver to be
met here; 130 interrupted, and what was found is kept.""")
@click.option("--target", default=SIM, show_default=True, metavar="NAME", help="Whose driver is judged.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N", help="Of all decisions.")
@click.option("--count", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N",
              help="Stop after so many programs of the device.")
@click.option("--time", "seconds", type=click.FloatRange(min=0), default=60, show_default=True, metavar="S",
              help="Stop after so many seconds, whatever comes first.")
@click.option("--steps", type=click.IntRange(1, MAX_STEPS), default=12, show_default=True, metavar="N",
              help="Things that the device does in one program.")
@click.option("--tries", type=click.IntRange(min=1), default=200, show_default=True, metavar="N",
              help="Programs that are played to make one finding small.")
@click.option("--until", default="", metavar="ID", help="Stop when this requirement, or known defect, was found.")
@click.option("--hang", "patience_s", type=click.FloatRange(min=1), default=PATIENCE_S, show_default=True, metavar="S",
              help="A kernel that does not answer for so long hangs.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where findings are kept.  Default: out/fuzz in the project.")
@click.pass_obj
def fuzz(root: Path, target: str, seed: int, count: int, seconds: float, steps: int, tries: int, until: str,
         patience_s: float, out: Path | None) -> None:
    """Play programs; the text of --help is above."""
    bench = _bench(root, target, patience_s)
    bounds = Bounds(count, seconds, steps, tries, until or "\0")
    campaign = Campaign(bench, target, seed, bounds, out or root / "out" / "fuzz", _known(root), _now_and_then())
    click.echo(f"rpmsg-cts fuzz: {target}, seed {seed}, up to {count} programs of {steps} steps, {seconds:g} s")
    status = 0
    try:
        for kept in campaign.run():
            _tell(kept)
    except KeyboardInterrupt:
        click.echo(f"interrupted; what was found is in {campaign.folder}")
        status = EXIT_INTERRUPTED
    except (HarnessError, Unsupported) as error:
        _fail(str(error), EXIT_NOTHING if isinstance(error, Unsupported) else EXIT_ERROR)
    finally:
        bench.close()
    rate = campaign.played / max(campaign.seconds, 1e-3)
    click.echo(f"{campaign.played} programs in {campaign.seconds:.1f} s ({rate:.3g} a second): {len(campaign.news)} new, "
               f"{len(campaign.kept) - len(campaign.news)} known")
    sys.exit(status or exit_status([Verdict.FAIL if campaign.news else Verdict.PASS]))


def _tell(kept: Kept) -> None:
    verdict = f"KNOWN {kept.known}" if kept.known else str(Verdict.FAIL)
    click.echo(f"{verdict} {kept.finding}")
    small = (f"made small in {kept.tries} tries" if kept.alone else
             "not found again on a driver that has seen nothing else, and so not made small")
    click.echo(f"       by program {kept.number}; {small}: {kept.program.deliberate} deliberate decisions")
    for step in kept.program.steps if kept.alone else ():
        click.echo(f"         the device: {step}")
    for line in () if kept.known else kept.finding.story[:STORY_LINES]:
        click.echo(f"         | {line}")
    click.echo(f"       {kept.path}")


def replay_program(root: Path, path: Path, scenario: str, decisions: tuple[Decision, ...], target: str) -> NoReturn:
    """Play a file of a hostile device once, on a driver that has seen nothing else, and end as it did."""
    try:
        program = Program.of_file(scenario, decisions)
    except NoProgram as error:
        _fail(f"{path}: {error}", EXIT_USAGE)
    bench = _bench(root, target, PATIENCE_S)
    try:
        findings = bench.play(program)
    except (HarnessError, Unsupported) as error:
        _fail(str(error), EXIT_NOTHING if isinstance(error, Unsupported) else EXIT_ERROR)
    finally:
        bench.close()
    click.echo(f"{program.scenario} on {target}: {len(program.steps)} steps, {program.deliberate} deliberate decisions")
    for number, step in enumerate(program.steps, 1):
        click.echo(f"  {number:3} {step}")
    entries = _known(root)
    for finding in findings:
        name = known_as(finding, entries, target, bench.release)
        click.echo(f"{'KNOWN ' + name if name else 'FAIL'} {finding}")
        for line in finding.story:
            click.echo(f"  | {line}")
    if not findings:
        click.echo(f"{Verdict.PASS}: nothing broke")
    sys.exit(exit_status([Verdict.FAIL if findings else Verdict.PASS]))


def _bench(root: Path, target: str, patience_s: float) -> Bench:
    try:
        found = targets.find(target, targets.all_targets(root))
    except (targets.UnknownTarget, CatalogueError) as error:
        _fail(str(error), EXIT_USAGE)
    if DRIVER not in found.roles:
        _fail(f"{target} is no driver", EXIT_USAGE)
    return bench_for(target, patience_s)


def _known(root: Path) -> list[known.Entry]:
    try:
        return known.load(root)
    except CatalogueError as error:
        _fail(str(error), EXIT_USAGE)


def _now_and_then() -> Callable[[str], None]:
    said = time.monotonic()

    def tell(text: str) -> None:
        nonlocal said
        if time.monotonic() - said >= PROGRESS_S:
            said = time.monotonic()
            click.echo(f"  ... {text}", err=True)

    return tell


def _fail(message: str, status: int) -> NoReturn:
    click.echo(f"error: {message}", err=True)
    sys.exit(status)
