# SPDX-License-Identifier: BSD-3-Clause
"""`rpmsg-cts trace`: read a recorded trace, and judge it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import click

from rpmsg_cts import record
from rpmsg_cts.trace import check, pcapng, reader
from rpmsg_cts.trace.tools import Absent
from rpmsg_cts.verdict import EXIT_ERROR, EXIT_NOTHING, EXIT_USAGE, HarnessError, Verdict, exit_status

_FOLDER = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")


@click.group("trace")
def trace_group() -> None:
    """Read a trace that `run --trace` has kept, or judge it once more."""


@trace_group.command("show")
@_FOLDER
def show(folder: Path) -> None:
    """Print a trace in the language of logs: a line for each access and event.

    DIR is the folder that a report names.  Exit status: 0 shown, 2 no trace, 5 it cannot be read here.
    """
    with _bad_input():
        trace = reader.read(folder)
        if trace.begins:
            click.echo(f"--- {trace.begins}")
        for line in record.lines(trace.records):
            click.echo(line)
        for lost in trace.lost:
            click.echo(f"trace: INCONC: {lost}", err=True)


@trace_group.command("check")
@click.option("--role", type=click.Choice(["driver", "device", "both"]),
              help="Whose faults are findings.  Default: of the end that the test judges, by its name; else of both.")
@click.option("--verbose", is_flag=True, help="A line for each rule, and not only where it is broken or inconclusive.")
@_FOLDER
def check_command(folder: Path, role: str | None, verbose: bool) -> None:
    """Hold a trace against the rules of rings and RPMsg: a verdict for each rule.

    A trace of which something is missing is INCONC, and so is a rule that it says nothing about.  Exit status: as `run`;
    5 too where the trace cannot be read here.
    """
    with _bad_input():
        trace = reader.read(folder)
        outcomes = check.judge(trace, role or check.judged_role(trace))
    for outcome in outcomes:
        if verbose or outcome.verdict in (Verdict.FAIL, Verdict.INCONC):
            click.echo(outcome.line())
    counts = {verdict: sum(outcome.verdict is verdict for outcome in outcomes) for verdict in Verdict}
    click.echo("  ".join(f"{verdict} {count}" for verdict, count in counts.items() if count), err=True)
    sys.exit(exit_status(outcome.verdict for outcome in outcomes))


@trace_group.command("pcap")
@_FOLDER
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
def pcap(folder: Path, file: Path) -> None:
    """Write the messages of a trace as a pcapng file for Wireshark.

    traces/wireshark/rpmsg.lua explains its packets.  Exit status: 0 written, 2 no trace, 3 it cannot be written, 5 the
    trace cannot be read here.
    """
    with _bad_input():
        found = pcapng.messages(reader.read(folder).records)
    try:
        file.write_bytes(pcapng.encode(found))
    except OSError as error:
        _fail(f"error: {file}: {error.strerror}", EXIT_ERROR)
    click.echo(f"{file}: {len(found)} message{'' if len(found) == 1 else 's'}", err=True)


@contextmanager
def _bad_input() -> Iterator[None]:
    try:
        yield
    except Absent as error:
        _fail(f"SKIP: {error}", EXIT_NOTHING)
    except reader.BadTrace as error:
        _fail(f"error: {error}", EXIT_USAGE)
    except HarnessError as error:
        _fail(f"error: {error}", EXIT_ERROR)


def _fail(message: str, status: int) -> NoReturn:
    click.echo(message, err=True)
    sys.exit(status)
