# SPDX-License-Identifier: BSD-3-Clause
"""Which lines of the kernel's own RPMsg code the suites ran, and why the others were not.

A guest whose kernel counts them (variant gcov) says it in .gcda files; gcov of the compiler that built it turns these
into lines.  fixtures/kernel/uncovered.toml has the reasons.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rpmsg_cts.strict_toml import TABLES, TEXT, Document, Key

REASONS = Path("fixtures", "kernel", "uncovered.toml")
GCOV = ("gcov", "--json-format", "--stdout")

_REASON = {"file": Key(TEXT), "function": Key(TEXT), "after": Key(TEXT, required=False), "reason": Key(TEXT)}
_FILE = {"uncovered": Key(TABLES, required=False, shape=_REASON, name="function")}

Counters = Mapping[str, bytes]  # what a .gcda file has, by the name of the object without its ending


class CoverageError(Exception):
    """The counters cannot be read."""


@dataclass(frozen=True)
class Line:
    """One line with code, and whether it was run."""

    number: int
    function: str
    covered: bool


@dataclass(frozen=True)
class Reason:
    """Why lines are not run: those of a function, or those that come right after the line with the text `after`."""

    file: str
    function: str
    after: str
    reason: str

    @property
    def name(self) -> str:
        """As messages call it."""
        return f"{self.file}: {self.function}" + (f", after {self.after!r}" if self.after else "")


@dataclass(frozen=True)
class Uncovered:
    """A line that no test has run, and why, where that is known."""

    line: int
    function: str
    text: str
    reason: str = ""


@dataclass(frozen=True)
class FileCoverage:
    """One source file: how many of its lines have code, how many each suite ran, and how many all together."""

    name: str
    lines: int
    covered: int
    suites: Mapping[str, int]
    uncovered: tuple[Uncovered, ...]

    @property
    def percent(self) -> float:
        """Of the lines with code, those that were run."""
        return _percent(self.covered, self.lines)

    def percent_of(self, suite: str) -> float:
        """The same of one suite."""
        return _percent(self.suites.get(suite, 0), self.lines)

    @property
    def unexplained(self) -> list[Uncovered]:
        """Lines that were not run, without a reason."""
        return [line for line in self.uncovered if not line.reason]


@dataclass(frozen=True)
class Coverage:
    """What was run of a target's kernel.  lost: guests that died with their counters.  needless: reasons for nothing."""

    files: tuple[FileCoverage, ...]
    lost: int
    needless: tuple[str, ...]

    @property
    def suites(self) -> list[str]:
        """In the order in which they were run."""
        return list(dict.fromkeys(suite for file in self.files for suite in file.suites))

    def to_record(self) -> dict[str, Any]:
        """As it stands in a result file."""
        return {**asdict(self), "files": [asdict(file) for file in self.files]}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Coverage:
        """The inverse.  Raises KeyError or TypeError."""
        files = (FileCoverage(**{**file, "uncovered": tuple(Uncovered(**line) for line in file["uncovered"])})
                 for file in record["files"])
        return cls(tuple(files), record["lost"], tuple(record["needless"]))


def _percent(part: int, whole: int) -> float:
    """Return: how many of a hundred; nothing is all of nothing."""
    return 100 * part / whole if whole else 100.0


def load_reasons(root: Path) -> list[Reason]:
    """Read the reasons of the project at `root`.  Raises CatalogueError."""
    return [Reason(table["file"], table["function"], table.get("after", ""), table["reason"])
            for table in Document(root / REASONS, root).top(_FILE).tables("uncovered")]


def measure(notes: Path, counted: Iterable[tuple[str, Counters]], lost: int, reasons: Collection[Reason],
            whole: bool) -> Coverage:
    """Read what was counted in each suite.

    `notes`: the folder with the .gcno and .c files of the kernel.  `whole`: whether every test has run, so that a
    reason for a line that was run is one too many.  Raises CoverageError.
    """
    suites: dict[str, dict[str, list[Line]]] = {}
    for suite, counters in counted:
        for name, lines in read(notes, counters).items():
            files = suites.setdefault(suite, {})
            files[name] = list(_merged(files.get(name, []), lines))
    used: set[Reason] = set()
    files = tuple(_file(notes, name, {suite: lines[name] for suite, lines in suites.items() if name in lines}, reasons,
                        used)
                  for name in sorted({name for lines in suites.values() for name in lines}))
    needless = [reason.name for reason in reasons if reason not in used] if whole else []
    return Coverage(files, lost, tuple(needless))


def read(notes: Path, counters: Counters) -> dict[str, list[Line]]:
    """Ask gcov.  Return: the lines with code of each source file.  Raises CoverageError."""
    with tempfile.TemporaryDirectory(prefix="rpmsg-cts-") as folder:
        for stem, data in counters.items():
            (Path(folder) / f"{stem}.gcda").write_bytes(data)
            shutil.copyfile(notes / f"{stem}.gcno", Path(folder) / f"{stem}.gcno")
        try:
            done = subprocess.run([*GCOV, *(f"{stem}.gcda" for stem in counters)], cwd=folder, capture_output=True,
                                  text=True, check=False)
        except OSError as error:
            raise CoverageError(f"gcov does not run: {error}; it is in the package gcc") from error
    files = dict(_parse(done.stdout)) if done.returncode == 0 else {}
    if missing := sorted(f"{stem}.c" for stem in counters if f"{stem}.c" not in files):
        raise CoverageError(f"gcov has nothing to say about {', '.join(missing)}: is it of the compiler that built the "
                            f"kernel?  {' '.join(done.stderr.split())}")
    return files


def _parse(text: str) -> Iterator[tuple[str, list[Line]]]:
    """One JSON document a line, each about an object file; what it includes is of other folders."""
    for document in filter(None, text.splitlines()):
        whole = json.loads(document)
        stem = Path(whole["data_file"]).name.removesuffix(".gcda")
        for file in whole["files"]:
            if Path(file["file"]).name == f"{stem}.c":
                yield f"{stem}.c", list(_merged([Line(row["line_number"], row.get("function_name", ""), row["count"] > 0)
                                                 for row in file["lines"]]))


def _merged(*many: Iterable[Line]) -> Iterable[Line]:
    """A line that several copies of a function have, or several guests, was run if it was in one of them."""
    found: dict[int, Line] = {}
    for lines in many:
        for line in lines:
            if line.number not in found or line.covered:
                found[line.number] = line
    return [found[number] for number in sorted(found)]


def _file(notes: Path, name: str, suites: Mapping[str, list[Line]], reasons: Collection[Reason],
          used: set[Reason]) -> FileCoverage:
    source = (notes / name).read_text(encoding="utf-8").splitlines()
    lines = list(_merged(*suites.values()))
    why: dict[int, str] = {}
    for reason in reasons:
        if reason.file == name and (about := explained(reason, lines, source)):
            used.add(reason)
            why.update((number, reason.reason) for number in about if number not in why)
    uncovered = tuple(Uncovered(line.number, line.function, source[line.number - 1].strip(), why.get(line.number, ""))
                      for line in lines if not line.covered)
    return FileCoverage(name, len(lines), len(lines) - len(uncovered),
                        {suite: sum(line.covered for line in found) for suite, found in suites.items()}, uncovered)


def explained(reason: Reason, lines: Iterable[Line], source: list[str]) -> list[int]:
    """Return: the uncovered lines that a reason is about."""
    own = [line for line in lines if line.function == reason.function]
    if not reason.after:
        return [line.number for line in own if not line.covered]
    found = []
    inside = False
    before = own[0].number if own else 0
    for line in own:
        # The text itself may have no code, as a label has none.
        here = (text.strip() == reason.after for text in source[before - 1:line.number - 1])
        inside = not line.covered and (inside or any(here))
        if inside:
            found.append(line.number)
        before = line.number
    return found
