# SPDX-License-Identifier: BSD-3-Clause
"""Where the traces of a run are put: beside its results, complete or interrupted as they are."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from rpmsg_cts.results import PARTIAL_SUFFIX

FOLDER = "traces"
NAME_MAX_CHARS = 120


class Shelf:
    """The traces of one run.

    beside: the folder of the result file.  named: a folder that the user wants them in; "" for one beside the results,
    which until the end of the run has another name, so that the traces of the last complete run stay until then.
    """

    def __init__(self, beside: Path, named: str = "") -> None:
        self._beside = beside
        self._named = bool(named)
        self.folder = Path(named).resolve() if named else beside / FOLDER
        self._current = self.folder if named else beside / f"{FOLDER}{PARTIAL_SUFFIX}"
        if not named:
            shutil.rmtree(self._current, ignore_errors=True)

    def place(self, test: str) -> tuple[Path, str]:
        """Return: where the trace of a test goes, and how results and reports name it."""
        name = folder_name(test)
        return self._current / name, str(self.folder / name) if self._named else f"{FOLDER}/{name}"

    def finish(self, interrupted: Path | None) -> None:
        """Give the traces their place; `interrupted` is the result file of a run that was."""
        if self._named:
            return
        if interrupted:
            self.folder = interrupted.parent / FOLDER
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._current.exists():
            self._current.rename(self.folder)


def folder_name(test: str) -> str:
    """Return: a name for a test's folder that no other test has, and that file systems and shells can bear."""
    plain = re.sub(r"[^\w.=-]+", "-", test, flags=re.ASCII).strip("-")
    digest = hashlib.sha256(test.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{plain[:NAME_MAX_CHARS]}-{digest}"
