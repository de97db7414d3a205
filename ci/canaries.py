#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a copy of the sources in which each check of sim/fuzz/canaries.toml has a switch.

usage: ci/canaries.py FOLDER    copy there, or bring the copy there up to date
       ci/canaries.py --check   only say whether each canary still fits

A program that is built there is the usual one, unless FUZZ_CANARY=NAME in its environment takes one check away.  So one
build is enough for all canaries, and what differs between a good run and a bad one is that check alone.
Exit status: 0 all canaries fit; 1 some no longer do; 2 wrong usage.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
import zlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = "sim/fuzz/canaries.toml"
COPIED = ("Makefile", "sim", "fixtures/guest")
# Where a deliberate error of ours may sit.
MUTATED = ("sim/base/*.[ch]", "sim/vring/*.[ch]", "sim/rpmsg/*.[ch]")
# What is compiled already, and need not be again.
OBJECTS = ("build/direct-libfuzzer", "build/sim-libfuzzer")
SWITCH = "sim/fuzz/canary.c"


class Misfit(Exception):
    """A canary whose check is not where it was."""


@dataclass(frozen=True)
class Canary:
    """A check that can be taken away, and the target that must notice."""

    check: str
    target: str
    mutant: str = ""
    file: str = ""
    text: str = ""
    instead: str = ""
    view: str = ""
    fuzzer: bool = False

    @property
    def name(self) -> str:
        return f"{self.target}-{self.check}"

    @property
    def number(self) -> str:
        """Not its place in the list, or a new one would have all files compiled anew."""
        return f"{zlib.crc32(self.name.encode()):#x}u"


@dataclass(frozen=True)
class Place:
    """A piece of a file that gets a switch."""

    start: int
    end: int
    canary: Canary
    instead: str


def load(root: Path = ROOT) -> list[Canary]:
    """All of the list, in its order."""
    return [Canary(**row) for row in tomllib.loads((root / LIST).read_text(encoding="utf-8"))["canary"]]


def misfit(canary: Canary, why: str) -> Misfit:
    return Misfit(f"canary {canary.name} no longer applies: {why}")


def of_mutant(canary: Canary) -> re.Pattern[str]:
    return re.compile(rf"\bmutated\([^(),]+,\s*MUTANT_{re.escape(canary.mutant)}\)")


def of_text(canary: Canary) -> re.Pattern[str]:
    """Lines may be broken elsewhere."""
    return re.compile(r"\s+".join(map(re.escape, canary.text.split())))


def places_of(canary: Canary, sources: dict[str, str]) -> dict[str, list[Place]]:
    """Where the check of one canary is, by file."""
    if bool(canary.mutant) == bool(canary.file and canary.text and canary.instead):
        raise misfit(canary, "it needs either `mutant`, or `file`, `text` and `instead`")
    if canary.mutant:
        files, pattern, instead = list(sources), of_mutant(canary), "true"
    else:
        files, pattern, instead = [canary.file], of_text(canary), canary.instead
    found = {
        file: [Place(at.start(), at.end(), canary, instead) for at in pattern.finditer(sources[file])]
        for file in files
        if file in sources
    }
    count = sum(map(len, found.values()))
    if canary.file and canary.file not in sources:
        raise misfit(canary, f"there is no {canary.file}")
    if canary.mutant and not count:
        raise misfit(canary, f"no file asks for MUTANT_{canary.mutant}")
    if canary.text and count != 1:
        times = f"found {count} times" if count else "not found"
        raise misfit(canary, f"text {times} in {canary.file}: {canary.text}")
    return found


def with_switches(text: str, places: list[Place], file: str) -> str:
    """One file; its lines keep their numbers."""
    end = len(text)
    for place in sorted(places, key=lambda place: place.start, reverse=True):
        if place.end > end:
            raise misfit(place.canary, f"another one has a part of its text in {file}")
        was = text[place.start : place.end]
        switch = f"(fuzz_without({place.canary.number}) ? ({place.instead}) : ({was}))"
        text = text[: place.start] + switch + text[place.end :]
        end = place.start
    return "int fuzz_without(unsigned int number); " + text


def edited(root: Path, canaries: list[Canary]) -> tuple[dict[str, str], list[str]]:
    """Files that get switches, and what no longer fits."""
    names = {str(path.relative_to(root)) for glob in MUTATED for path in root.glob(glob)}
    sources = {name: (root / name).read_text(encoding="utf-8") for name in sorted(names)}
    sources |= {canary.file: (root / canary.file).read_text(encoding="utf-8")
                for canary in canaries if canary.file and (root / canary.file).is_file()}  # fmt: skip
    places: dict[str, list[Place]] = {}
    wrong = []
    for canary in canaries:
        try:
            for file, found in places_of(canary, sources).items():
                places.setdefault(file, []).extend(found)
        except Misfit as error:
            wrong.append(str(error))
    texts = {}
    for file, found in places.items():
        try:
            if found:
                texts[file] = with_switches(sources[file], found, file)
        except Misfit as error:
            wrong.append(str(error))
    return texts, wrong


def switch_source(canaries: list[Canary]) -> str:
    """The C file that reads which check is to be left out."""
    rows = "".join(f'\t{{ {canary.number}, "{canary.name}" }},\n' for canary in canaries)
    return f"""/* SPDX-License-Identifier: BSD-3-Clause */
/* Made by ci/canaries.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct canary {{
	unsigned int number;
	const char *name;
}} canaries[] = {{
{rows}}};
static const struct canary *chosen;
static int came_there;

__attribute__((constructor)) static void choose(void)
{{
	const char *name = getenv("FUZZ_CANARY");

	if (!name)
		return;
	for (chosen = canaries; strcmp(chosen->name, name) != 0;) {{
		if (++chosen == canaries + sizeof(canaries) / sizeof(*canaries)) {{
			fprintf(stderr, "no canary is called %s\\n", name);
			exit(2);
		}}
	}}
}}

/* Whether this is the check to be left out. */
int fuzz_without(unsigned int number);
int fuzz_without(unsigned int number)
{{
	if (!chosen || number != chosen->number)
		return 0;
	if (!came_there++)
		fprintf(stderr, "canary: came to %s\\n", chosen->name);
	return 1;
}}
"""


def wanted_files(root: Path) -> set[str]:
    """What is copied, by name."""
    return {str(path.relative_to(root)) for name in COPIED for path in (root / name).rglob("*") if path.is_file()} | {
        name for name in COPIED if (root / name).is_file()
    }


def bring(copy: Path, name: str, text: bytes, source: Path | None) -> None:
    """One file; what did not change keeps its time, or make would compile it anew."""
    to = copy / name
    if to.is_file() and to.read_bytes() == text:
        return
    known = to.exists()
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(text)
    if source and not known:
        shutil.copystat(source, to)


def bring_all(root: Path, copy: Path, texts: dict[str, str], canaries: list[Canary]) -> None:
    wanted = wanted_files(root)
    for name in wanted:
        if name in texts:
            bring(copy, name, texts[name].encode(), None)
        else:
            bring(copy, name, (root / name).read_bytes(), root / name)
    bring(copy, SWITCH, switch_source(canaries).encode(), None)
    for name in wanted_files(copy) - wanted - {SWITCH}:
        (copy / name).unlink()


def make_copy(root: Path, copy: Path, texts: dict[str, str], canaries: list[Canary]) -> None:
    """A new one appears all at once: whoever stops this leaves no half of one."""
    if copy.is_dir():
        bring_all(root, copy, texts, canaries)
        return
    new = copy.with_name(copy.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    bring_all(root, new, texts, canaries)
    for folder in OBJECTS:
        if (root / folder).is_dir():
            shutil.copytree(root / folder, new / folder)
    new.rename(copy)


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__, file=sys.stderr)
        return 2
    canaries = load()
    texts, wrong = edited(ROOT, canaries)
    if wrong:
        print(*wrong, f"the head of {LIST} says what to do", sep="\n", file=sys.stderr)
        return 1
    if sys.argv[1] == "--check":
        print(f"canaries: all {len(canaries)} fit")
        return 0
    make_copy(ROOT, Path(sys.argv[1]), texts, canaries)
    print(f"canaries: {len(canaries)} switches in {len(texts)} files below {sys.argv[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
