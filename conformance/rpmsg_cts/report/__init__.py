# SPDX-License-Identifier: BSD-3-Clause
"""Reports: one result model in, many writers out.

A writer is a function from loaded Results to the whole text of a file; write_all() puts texts under a temporary name
first, so that a full disk or a kill leaves the earlier report as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from rpmsg_cts.files import replace_text
from rpmsg_cts.report import html, junit, ktap, terminal
from rpmsg_cts.results import Results, ResultsError

Writer = Callable[[Results], str]

# Format name on the command line -> file name and writer.
WRITERS: Mapping[str, tuple[str, Writer]] = {
    "html": ("report.html", html.render),
    "junit": ("junit.xml", junit.render),
    "ktap": ("report.ktap", ktap.render),
    "text": ("matrix.txt", terminal.render_plain),
}

COVERAGE_NAME = "coverage.json"


def write_all(results: Results, directory: Path, formats: Iterable[str]) -> list[Path]:
    """Write the reports of the given formats into `directory`, and coverage.json if a kernel counted what it ran.

    Return: the files.  Raises ResultsError when one cannot be written; the others and all earlier ones are whole.
    """
    paths = []
    for name in formats:
        file_name, writer = WRITERS[name]
        path = directory / file_name
        write_file(path, writer(results))
        paths.append(path)
    if results.coverage:
        paths.append(directory / COVERAGE_NAME)
        write_file(paths[-1], coverage_json(results))
    return paths


def coverage_json(results: Results) -> str:
    """Return: what was run of the targets' kernels, for programs."""
    records = {target: coverage.to_record() for target, coverage in results.coverage.items()}
    return json.dumps(records, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_file(path: Path, text: str) -> None:
    """Replace a file by `text` in one step."""
    try:
        replace_text(path, text)
    except OSError as error:
        raise ResultsError(f"{path}: {error.strerror}; an earlier report is as it was") from error
