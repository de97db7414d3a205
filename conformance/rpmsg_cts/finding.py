# SPDX-License-Identifier: BSD-3-Clause
"""A recorded defect as its finder tells it: everything about it, the command that shows it again, and a mail."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from rpmsg_cts import catalogue, known, near, targets
from rpmsg_cts.strict_toml import CatalogueError

MAIL_WIDTH = 72

_BUILT_TARGET = re.compile(rf"(?:{'|'.join(targets.BUILT)}):([^+]+)((?:\+[a-z0-9_]+)*)")


def find(root: Path, name: str) -> known.Entry:
    """Return: the entry of this id; raises CatalogueError, naming near ones."""
    entries = {entry.id: entry for entry in known.load(root)}
    if name.upper() not in entries:
        raise CatalogueError(near.unknown("finding", name, entries))
    return entries[name.upper()]


def sections(root: Path, name: str) -> list[tuple[str, list[str]]]:
    """Say everything about one finding.

    Return: labelled groups of lines, in reading order; the label of the first is the title.
    """
    entry = find(root, name)
    bounds = f", Linux {entry.kernel}" if entry.kernel else ""
    return [(f"{entry.id}  {entry.subject}", []), *((label, lines) for label, lines in [
        ("breaks", _requirements(root, entry)),
        ("what happens", [entry.note]),
        ("why a defect", [entry.why]),
        ("seen in", _looks(entry, True)),
        ("not seen in", _looks(entry, False)),
        ("see it again", commands(entry, _best(entry))),
        ("by hand", entry.recipe.splitlines()),
        ("where", [entry.file, entry.url]),
        ("excused", [f"as KNOWN on {entry.target} as {entry.role}{bounds}"]),
        ("mail", [f"./rpmsg-cts show --finding {entry.id} --mail > FILE",
                  *([f"to whom: scripts/get_maintainer.pl -f {entry.file}, in the kernel's source"] if _of_linux(entry) else [])]),
    ] if lines)]


def mail(root: Path, name: str) -> str:
    """Return: a report of a finding as plain text, with its subject, for a mailing list."""
    entry = find(root, name)
    best = _best(entry)
    parts = [f"Subject: [BUG] {entry.subject}", *map(_prose, (entry.note, entry.why)),
             f"In {entry.file}.", "How to see it:", _indented(entry.recipe),
             _prose("The test suite rpmsg-cts does the same to a kernel that it starts, and says KNOWN:"),
             _indented("\n".join(commands(entry, best))), "Seen in:"]
    parts += [_told(look) for look in entry.looks if look.seen]
    if gone := [look for look in entry.looks if not look.seen]:
        parts += ["Looked for in the same way, and not seen in:", *map(_told, gone)]
    if requirements := _requirements(root, entry):
        parts += ["What is expected instead:", *map(_prose, requirements)]
    return "\n\n".join(parts) + "\n"


def rows(root: Path) -> list[dict[str, object]]:
    """Return: a row for each finding, for a listing."""
    return [{"finding": entry.id, "requirement": entry.requirement,
             "seen in": sorted({look.kernel for look in entry.looks if look.seen}, key=_by_number),
             "not in": sorted({look.kernel for look in entry.looks if not look.seen}, key=_by_number),
             "subject": entry.subject} for entry in known.load(root)]


def _by_number(release: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", release)]


def _best(entry: known.Entry) -> known.Look:
    """Where to see it again with the least trouble: the first that was seen."""
    return next(look for look in entry.looks if look.seen)


def _requirements(root: Path, entry: known.Entry) -> list[str]:
    if entry.requirement == known.ANY_REQUIREMENT:
        return ["No requirement of its own: it is the kernel that complains of itself, whatever is judged."]
    row = catalogue.load(root).get(entry.requirement)
    return [f"{row.id}: {row.statement} ({row.source[0]})"]


def commands(entry: known.Entry, look: known.Look) -> list[str]:
    """What brings the kernel here, and what shows the defect in it."""
    program, _, words = entry.run.partition(" ")
    run = f"./rpmsg-cts {program} --target {look.target} {words}"
    if not look.target.startswith("linux-"):
        return ["make all", run]
    if not (built := _BUILT_TARGET.fullmatch(look.target)):
        return ["make guest", *([look.get, "ci/build-initramfs"] if look.get else []), run]
    lane = targets.kind_of(look.target).removeprefix("linux-")
    variants = "".join(f" --with {name}" for name in built[2].split("+")[1:])
    emulator = [] if look.target.startswith(targets.LINUX_UML) else [f"ci/fetch-qemu {lane}"]
    return [*emulator, f"./rpmsg-cts kernel build debian:{built[1]} --lane {lane}{variants}", run]


def _of_linux(entry: known.Entry) -> bool:
    return entry.target.startswith("linux-")


def _place(look: known.Look) -> str:
    who = "Linux" if look.target.startswith("linux-") else "rpmsg-cts"
    return f"{who} {look.kernel} ({', '.join(filter(None, (look.target, look.get, look.often)))})"


def _looks(entry: known.Entry, seen: bool) -> list[str]:
    return [line for look in entry.looks if look.seen is seen
            for line in (f"{_place(look)}:", *(f"  {text}" for text in look.text.splitlines()))]


def _told(look: known.Look) -> str:
    return f"  {_place(look)}:\n\n" + _indented(look.text, "    ")


def _prose(text: str) -> str:
    return textwrap.fill(text, MAIL_WIDTH, break_long_words=False, break_on_hyphens=False)


def _indented(text: str, by: str = "  ") -> str:
    return "\n".join(f"{by}{line}".rstrip() for line in text.splitlines())
