# SPDX-License-Identifier: BSD-3-Clause
"""The program rpmsg-cts: run, report, mutants, bench, list, show, doctor, and what has a file of its own: cli_*.py."""

from __future__ import annotations

import json
import os
import signal
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

import click
import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rpmsg_cts import catalogue, doctor, finding, listing, mutant_run, mutants, near, profiles, report, results, targets
from rpmsg_cts.bench import measure, model as bench_model
from rpmsg_cts.cli_explore import explore, replay
from rpmsg_cts.cli_fuzz import fuzz
from rpmsg_cts.cli_kernel import kernel
from rpmsg_cts.collected import run_pytest, suite_dirs
from rpmsg_cts.plugin import DEFAULT_SEED, PROJECT_ROOT, SWARM_SEEDS, VARIANTS
from rpmsg_cts.machine import commit_of, machine_facts
from rpmsg_cts.matrix_report import to_text
from rpmsg_cts.matrix_report import write as write_matrix
from rpmsg_cts.progress import PLAIN_INTERVAL_S, RunWatcher
from rpmsg_cts.report import terminal
from rpmsg_cts.report.text import clean
from rpmsg_cts.strict_toml import CatalogueError
from rpmsg_cts.trace import tools
from rpmsg_cts.trace.cli import trace_group
from rpmsg_cts.verdict import (EXIT_ERROR, EXIT_INTERRUPTED, EXIT_MEANINGS, EXIT_NOTHING, EXIT_OK, EXIT_USAGE,
                               HarnessError)

RESULTS_NAME = "results.jsonl"
LABEL_WIDTH = 14
# A terminal may be narrow, but a table narrower than this helps nobody; a pipe has no width at all.
MIN_WIDTH = 80

_STATUSES = "\b\nExit status:\n" + "".join(f"  {status:3}  {meaning}\n" for status, meaning in EXIT_MEANINGS.items())

_TOP_HELP = f"""Conformance tests for RPMsg over VirtIO: which requirement does an implementation meet, and which not?

\b
Examples:
  rpmsg-cts doctor                              what can run here, what is missing
  rpmsg-cts run                                 our own ends against each other
  rpmsg-cts run --target linux-armhf            the kernel of Debian's armhf package
  rpmsg-cts run --req ROB-004 --verbose         one requirement
  rpmsg-cts show ROB-004                        what it says and who tests it
  rpmsg-cts show --finding K-LINUX-001          a defect that was found, and how to see it again
  rpmsg-cts explore                             every schedule of small worlds
  rpmsg-cts fuzz --target linux-uml             a hostile device in front of a driver
  rpmsg-cts report out/report/results.jsonl     the reports once more
  rpmsg-cts run --trace                         keep the trace of each failure
  rpmsg-cts mutants                             can the tests fail?
  rpmsg-cts kernel build dir:. --lane uml       a kernel of one's own, then run --target linux-uml

{_STATUSES}"""

_RUN_HELP = f"""Run tests and report what was found.

Without options it judges our own ends (target sim) in every suite.  Results are written as they happen; an interrupted
or killed run leaves the reports of the last complete one alone and has its own under interrupted/.

\b
Examples:
  rpmsg-cts run --target sim --target linux-armhf
  rpmsg-cts run --suite name_service --suite robustness
  rpmsg-cts run --target mutant:hdr_flags_set --req HDR-003
  rpmsg-cts run --test 'header/test_header.py::test_sent_flags_are_zero[sim-driver-plain]'

\b
Written to --out:
  results.jsonl   every result, one JSON object a line (ci/schemas/results-1.json)
  report.html     one page to read, offline
  junit.xml       for Jenkins, GitLab and GitHub
  report.ktap     for kernel tools
  matrix.txt      what the terminal shows
  coverage.json   which lines of a kernel were run, if it counts them (kernel build --with gcov)
  traces/         with --trace: a folder for each test that did not pass; `rpmsg-cts trace show` reads it

{_STATUSES}"""


@click.group(help=_TOP_HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=PROJECT_ROOT, hidden=True,
              help="the project's top folder")
@click.version_option(version="0.1.0", prog_name="rpmsg-cts")
@click.pass_context
def main(context: click.Context, root: Path) -> None:
    """Look at the global options; the text of --help is above."""
    context.obj = root.resolve()
    for stream in (sys.stdout, sys.stderr):
        # A locale that cannot write a character costs that character, not the report.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


main.add_command(explore)
main.add_command(replay)
main.add_command(fuzz)
main.add_command(kernel)


@main.command(help=_RUN_HELP)
@click.option("--target", "target_names", multiple=True, metavar="NAME",
              help="Judge this target; may be given several times.  Default: sim, or the target that --test names.")
@click.option("--suite", "suites", multiple=True, metavar="NAME", help="Run this suite only; may be given several times.")
@click.option("--req", "ids", multiple=True, metavar="ID",
              help="Judge this requirement only; may be given several times.")
@click.option("--test", "tests", multiple=True, metavar="NODEID",
              help="Run this test only; without its [parameters], all of them.")
@click.option("--profile", default=profiles.STRICT, metavar="NAME", show_default=True,
              help="Which departures are tolerated.")
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, metavar="N", show_default=True,
              help="Seed of every random choice.")
@click.option("--variants", type=click.Choice(VARIANTS),
              help="Links on which a test runs besides its own: base, none; pairwise, so many that every two values of two"
                   " parameters meet; full, all.  Default: pairwise, and base for mutants.")
@click.option("--swarm-seeds", type=click.IntRange(min=1), default=SWARM_SEEDS, metavar="N", show_default=True,
              help="Swarms of faults per profile, with seeds from --seed on.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where the reports go.  Default: out/report in the project.")
@click.option("--format", "formats", multiple=True, type=click.Choice(list(report.WRITERS)),
              help="Write this report only; may be given several times.  Default: all.")
@click.option("--trace", is_flag=False, flag_value="", default=None, metavar="DIR",
              help="Keep the trace of each test that does not pass.  Default for DIR: traces/ beside the reports.")
@click.option("--histories", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Write what happened in simulated time, event by event, into this folder.")
@click.option("--verbose", is_flag=True, help="One line per result while it runs.")
@click.pass_obj
def run(root: Path, target_names: Sequence[str], suites: Sequence[str], ids: Sequence[str], tests: Sequence[str],
        profile: str, seed: int, variants: str | None, swarm_seeds: int, out: Path | None, formats: Sequence[str],
        trace: str | None, histories: Path | None, verbose: bool) -> None:
    """Run tests; the text of --help is above."""
    wanted = list(dict.fromkeys(target_names)) or _targets_of(tests)
    _check_names(root, wanted, suites, ids, profile)
    paths = _paths(root, suites, tests)
    directory = out or root / "out" / "report"
    options = [*(f"--target={name}" for name in wanted), *(f"--suite={name}" for name in suites),
               *(f"--req={id_}" for id_ in ids), *(f"--test={test}" for test in tests),
               f"--profile={profile}", f"--seed={seed}", *([f"--variants={variants}"] if variants else []),
               f"--swarm-seeds={swarm_seeds}", f"--results={directory / RESULTS_NAME}"]
    if histories is not None:
        options.append(f"--histories={histories}")
    if trace is not None:
        with _bad_input():
            tools.require(tools.missing_to_record(), "traces cannot be recorded")
        options.append(f"--keep-traces={trace}")
    with _outside_capture() as stderr:
        console = Console(file=stderr)
        console.print(Text(f"rpmsg-cts: seed {seed}, profile {profile}, targets {', '.join(wanted)}"), soft_wrap=True)
        watcher = RunWatcher(console, verbose)
        with _sigterm_like_ctrl_c():
            code = _run(root, paths, options, watcher)
    sys.exit(_conclude(watcher, code, directory, formats or list(report.WRITERS)))


@main.command("mutants")
@click.option("--mutant", "names", multiple=True, metavar="NAME",
              help="Judge this mutant only; may be given several times.  The canary is always there.")
@click.option("--update-table", is_flag=True,
              help="Let sim/base/mutants.def say which related tests go red; look at the difference before you commit it.")
@click.option("--every-test", is_flag=True, help="Also run the tests that cannot meet a mutant; slow.")
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Processes at a time.  Default: one a processor.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where kill-matrix.txt and kill-matrix.json go.  Default: out in the project.")
@click.pass_obj
def mutants_command(root: Path, names: Sequence[str], update_table: bool, every_test: bool, workers: int | None,
                    out: Path | None) -> None:
    """Judge the tests: each deliberate error of our own ends must be found by the test of its requirement.

    One error alone, as any other target: rpmsg-cts run --target mutant:NAME.  Exit status: 0 each was found, no
    unrelated test went red, and one stands for each requirement that is judged on sim, and for each fault; 1 not so;
    3 the matrix is not to be believed: red without an error, an ERROR of our own, or a canary that lives.
    """
    known = mutants.load(root)
    for name in names:
        if name not in known:
            _fail(near.unknown("mutant", name, known), EXIT_USAGE)
    with _bad_input():
        matrix = mutant_run.judge(root, names, workers, every_test, _tell_now_and_then())
    commit, _ = commit_of(root)
    paths = write_matrix(matrix, commit, out or root / "out")
    click.echo(to_text(matrix, commit), nl=False)
    _say(f"kill matrix: {', '.join(map(str, paths))}")
    if update_table and not matrix.errors:
        changed = mutants.rewrite(root, [row.corrected for row in matrix.rows.values()])
        _say(f"{mutants.TABLE}: {', '.join(changed) or 'nothing'} changed; make, and look at the difference")
    sys.exit(matrix.exit_status)


@main.command("bench")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where bench.jsonl and bench.txt go.  "
              "Default: out/bench in the project.")
@click.option("--part", "parts", multiple=True, type=click.Choice(list(measure.PARTS)), help="What to measure.  "
              "Default: everything.")
@click.pass_obj
def bench_command(root: Path, out: Path | None, parts: tuple[str, ...]) -> None:
    """Say what a message costs, and a schedule: exact counts first, each with its goal and with what other stacks need.

    A count is of executed instructions, cache lines, fences, notifications or bytes, and the same each time; `make
    bench` builds what is counted.  Exit status: 0 counted, whether or not the goals are met.
    """
    directory = out or root / "out" / "bench"
    with _bad_input():
        measure.require(root)
        rows = list(measure.all_rows(root, parts or measure.PARTS))
    facts = {**machine_facts(), "commit": commit_of(root)[0]}
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench.jsonl").write_text(bench_model.to_jsonl(facts, rows), encoding="utf-8")
    (directory / "bench.txt").write_text(bench_model.to_text(facts, rows), encoding="utf-8")
    click.echo(bench_model.to_text(facts, rows), nl=False)
    _say(f"written: {directory / 'bench.jsonl'}, {directory / 'bench.txt'}")


@main.command("report")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="RESULTS.jsonl")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Where the reports go.  Default: beside the result file.")
@click.option("--format", "formats", multiple=True, type=click.Choice(list(report.WRITERS)),
              help="Write this report only; may be given several times.  Default: all.")
def report_command(file: Path, out: Path | None, formats: Sequence[str]) -> None:
    """Write the reports of an earlier run once more, and show its matrix.

    The result file of an interrupted run will do.  Exit status: 0 written, 2 no result file, 3 cannot be written; what
    the run found is in the reports.
    """
    loaded = _load(file)
    _show(loaded)
    try:
        paths = report.write_all(loaded, out or file.parent, formats or list(report.WRITERS))
    except HarnessError as error:
        _fail(str(error), EXIT_ERROR)
    _say(f"reports: {', '.join(map(str, paths))}")


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@click.argument("kind", type=click.Choice(list(listing.KINDS)))
@click.pass_obj
def list_command(root: Path, as_json: bool, kind: str) -> None:
    """List what there is: requirements, tests, targets, suites, profiles, vectors, faults, or recorded findings.

    \b
    Examples:
      rpmsg-cts list requirements
      rpmsg-cts list findings
      rpmsg-cts list --json tests
    """
    with _bad_input():
        rows = listing.KINDS[kind](root)
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    if not rows:
        _say(f"no {kind} yet")
        return
    table = _table(rows)
    console = _stdout_console()
    # In a pipe a row is a line, whatever its length.
    width = console.width if console.is_terminal else Console(width=10_000).measure(table).maximum
    console = Console(width=width, color_system=None if not console.is_terminal else "auto")
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


@main.command()
@click.argument("name", metavar="ID", default="")
@click.option("--finding", "finding_id", metavar="K-ID", default="", help="Say everything about a defect that was found "
              "and recorded, such as K-LINUX-001; `rpmsg-cts list findings` shows all.")
@click.option("--mail", is_flag=True, help="With --finding: as a mail to the maintainers, plain text with its subject.")
@click.pass_obj
def show(root: Path, name: str, finding_id: str, mail: bool) -> None:
    """Say everything about one requirement: sentence, level, source, tests, vectors, known defects.

    ID is an id such as ROB-004, or a slug such as header-is-16-bytes.  With --finding it is a recorded defect: what it
    is, which kernels have it and which do not, and how to see it again.

    \b
    Examples:
      rpmsg-cts show ROB-004
      rpmsg-cts show --finding K-LINUX-001
      rpmsg-cts show --finding K-LINUX-001 --mail
    """
    if bool(name) == bool(finding_id) or (mail and not finding_id):
        raise click.UsageError("say which requirement, or which --finding; --mail goes with --finding")
    with _bad_input():
        if mail:
            click.echo(finding.mail(root, finding_id), nl=False)
            return
        (title, _), *sections = finding.sections(root, finding_id) if finding_id else listing.requirement_sections(root, name)
    console = _stdout_console()
    console.print(Text(title, "bold"))
    for label, lines in sections:
        _print_section(console, label, lines)


@main.command("doctor")
@click.pass_obj
def doctor_command(root: Path) -> None:
    """Say what this machine can run, and what is missing by package name.

    Changes nothing.  Exit status: 0 every target can run, 1 at least one cannot.
    """
    diagnosis = doctor.examine(root)
    console = _stdout_console()
    for check in diagnosis.checks:
        style = "green" if check.good else "yellow"
        _print_section(console, check.what, [check.found], "ok" if check.good else "--", style, width=22)
    console.print()
    for target, cures in diagnosis.targets.items():
        if not cures:
            _print_section(console, target, ["can run"], "ok", "green", width=22)
        for number, cure in enumerate(cures):
            _print_section(console, "" if number else target, [f"cannot run: {cure}" if not number else cure],
                           "" if number else "--", "yellow", width=22)
    sys.exit(EXIT_OK if not any(diagnosis.targets.values()) else 1)


main.add_command(trace_group)


def _run(root: Path, paths: list[Path], options: list[str], watcher: RunWatcher) -> int:
    try:
        return run_pytest(root, paths, options, [watcher])
    except KeyboardInterrupt:
        # Before or after the part of a run in which pytest looks after it.
        watcher.interrupted = True
        return int(pytest.ExitCode.INTERRUPTED)
    finally:
        watcher.stop()


def _conclude(watcher: RunWatcher, code: int, directory: Path, formats: Iterable[str]) -> int:
    """Show and write what a run found.

    Return: the program's exit status.
    """
    recorder = watcher.session.recorder if watcher.session else None
    for problem in watcher.problems:
        _say(clean(problem))
    if recorder and recorder.failure:
        return EXIT_ERROR  # The plugin has said what it is.
    if code == pytest.ExitCode.USAGE_ERROR or recorder is None:
        return EXIT_INTERRUPTED if watcher.interrupted else EXIT_USAGE
    if watcher.problems:
        _say("error: tests could not be collected, so none was run")
        return EXIT_ERROR
    path = recorder.interrupted_path or directory / RESULTS_NAME
    loaded = _load(path)
    _show(loaded)
    try:
        paths = report.write_all(loaded, path.parent, formats)
    except HarnessError as error:
        _say(f"error: {error}")
        return EXIT_ERROR
    _say(f"reports: {paths[0] if len(paths) == 1 else path.parent}")
    if watcher.session and watcher.session.flight:
        _say(f"traces: {watcher.session.flight.summary()}")
    if watcher.interrupted:
        _say(f"interrupted; what was judged so far is in {path}")
        return EXIT_INTERRUPTED
    if loaded.end is None:
        _say("error: the run broke off")
        return EXIT_ERROR
    status = int(loaded.end["exit_status"])
    if status == EXIT_NOTHING:
        _say("nothing was judged")
    return status


def _targets_of(tests: Sequence[str]) -> list[str]:
    """The targets that node ids name in their parameters, else sim."""
    named = [targets.named_in(test) for test in tests]
    return list(dict.fromkeys(filter(None, named))) or [targets.SIM]


def _check_names(root: Path, names: Sequence[str], suites: Sequence[str], ids: Sequence[str], profile: str) -> None:
    with _bad_input():
        rows = catalogue.load(root)
        for id_ in ids:
            rows.get(id_)
        for suite in suites:
            if suite not in rows.suites:
                raise CatalogueError(near.unknown("suite", suite, rows.suites))
        profiles.load(root, rows).get(profile)
        known_targets = targets.all_targets(root)
        for name in names:
            targets.find(name, known_targets)


def _paths(root: Path, suites: Sequence[str], tests: Sequence[str]) -> list[Path]:
    """Where to look: the suites' folders, or only the files that --test names if they are there."""
    files = list(dict.fromkeys(root / "conformance" / test.partition("::")[0] for test in tests))
    if files and all(file.is_file() for file in files):
        return files
    paths = suite_dirs(root, suites)
    if not paths:
        what = f"suite{'' if len(suites) == 1 else 's'} {', '.join(suites)}" if suites else "any suite"
        _fail(f"{root / 'conformance'} has no tests of {what} yet", EXIT_USAGE)
    return paths


def _load(path: Path) -> results.Results:
    try:
        return results.load(path)
    except results.BadResults as error:
        _fail(str(error), EXIT_USAGE)


def _show(loaded: results.Results) -> None:
    console = _stdout_console()
    if console.is_terminal:
        terminal.render(loaded, console)
    else:
        click.echo(terminal.render_plain(loaded, console.encoding.startswith("utf")), nl=False)


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except (CatalogueError, targets.UnknownTarget) as error:
        _fail(str(error), EXIT_USAGE)
    except HarnessError as error:
        _fail(str(error), EXIT_ERROR)


@contextmanager
def _sigterm_like_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: guests are put away and results kept."""
    def interrupt(_number: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _outside_capture() -> Iterator[IO[str]]:
    """A stream to standard error that pytest's capturing does not redirect."""
    try:
        descriptor = os.dup(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        yield sys.stderr  # Somebody's own stream, with no file behind it.
        return
    with os.fdopen(descriptor, "w", encoding=sys.stderr.encoding, errors="backslashreplace") as stream:
        yield stream


def _stdout_console() -> Console:
    console = Console()
    if not console.is_terminal:
        return Console(width=terminal.PLAIN_WIDTH, color_system=None)
    return console if console.width >= MIN_WIDTH else Console(width=MIN_WIDTH)


def _table(rows: Sequence[listing.Entry]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    columns = [column for column in rows[0] if column != "statement"]  # too long for a row; JSON has it
    for column in columns:
        table.add_column(column, no_wrap=column != columns[-1], overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(row[column])) for column in columns))
    return table


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print_section(console: Console, label: str, lines: Sequence[str], mark: str = "", style: str = "bold",
                   width: int = LABEL_WIDTH) -> None:
    margin = f"{mark:3}" if mark or width != LABEL_WIDTH else ""
    for line in lines:
        for part in textwrap.wrap(line, max(console.width - width - len(margin), 40), break_long_words=False,
                                  break_on_hyphens=False) or [""]:
            console.print(Text(f"{margin}{label:{width}}", style).append(Text(part, "default")), soft_wrap=True)
            label, margin = "", " " * len(margin)


def _tell_now_and_then() -> Callable[[str], None]:
    """Return: a function that says a line to standard error, every two seconds at most."""
    last = time.monotonic()

    def tell(text: str) -> None:
        nonlocal last
        if time.monotonic() - last >= PLAIN_INTERVAL_S:
            last = time.monotonic()
            _say(text)

    return tell


def _say(text: str) -> None:
    click.echo(text, err=True)


def _fail(message: str, status: int) -> NoReturn:
    _say(f"error: {message}")
    sys.exit(status)
