# SPDX-License-Identifier: BSD-3-Clause
"""rpmsg-cts kernel: the door to ci/build-kernel, which has the words and the help of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from rpmsg_cts.verdict import EXIT_ERROR, EXIT_INTERRUPTED

PROGRAM = Path("ci", "build-kernel")


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True},
               short_help="Build kernels to judge, list and remove them.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def kernel(root: Path, words: Sequence[str]) -> None:
    """Hand over to the program, and end as it does."""
    program = root / PROGRAM
    if not program.exists():
        click.echo(f"error: {program} is not there: kernels are built in the source tree", err=True)
        sys.exit(EXIT_ERROR)
    try:
        sys.exit(subprocess.run([sys.executable, str(program), *words], check=False).returncode)
    except KeyboardInterrupt:
        # It has heard of it too, and has said so.
        sys.exit(EXIT_INTERRUPTED)
