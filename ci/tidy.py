#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Check the rules of the tree that no compiler checks.

usage: ci/tidy.py [--root DIR] [RULE]...

Each finding is a line `file:line: rule: what to do`.  Without a RULE all are checked.
Exit status: 0 nothing found; 1 something found; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, order=True)
class Finding:
    """One place that breaks one rule, and what cures it."""

    path: str
    line: int
    rule: str
    cure: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.cure}"


@dataclass
class Tree:
    """The files that git knows below one root, each read once."""

    root: Path
    notes: list[str] = field(default_factory=list)  # what could not be checked, and why
    _text: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        listed = subprocess.run(
            ["git", "-C", self.root, "ls-files", "-z"], capture_output=True, check=True, text=True
        ).stdout
        # A file that was deleted and not yet committed is not there to be read.
        self.files = sorted(name for name in listed.split("\0") if name and (self.root / name).is_file())

    def text(self, name: str) -> str | None:
        """What a text file says; None for a binary one."""
        if name not in self._text:
            try:
                self._text[name] = (self.root / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                self._text[name] = None
        return self._text[name]

    def lines(self, name: str) -> Iterator[tuple[int, str]]:
        """Numbered lines of a text file, from 1."""
        return enumerate((self.text(name) or "").splitlines(), 1)

    def c_files(self, below: str = "") -> list[str]:
        return [name for name in self.files if name.startswith(below) and name.endswith((".c", ".h", ".def"))]


Rule = Callable[[Tree], Iterator[Finding]]
RULES: dict[str, Rule] = {}


def rule(name: str) -> Callable[[Rule], Rule]:
    """Register a check under the name that findings carry."""

    def register(check: Rule) -> Rule:
        RULES[name] = check
        return check

    return register


# --- licences ---------------------------------------------------------------------------------------------------------

SPDX = re.compile(r"SPDX-License-Identifier:\s*(\S+)")
SPDX_LINES = 3  # an interpreter line or a document type may come first
# Data that cannot hold a comment.
NO_COMMENTS = (".json", ".jsonl", ".svg", ".bin", ".hex")
NO_SPDX = ("LICENSES/",)
# What a program must write to the byte.
GOLDEN = re.compile(r"^fixtures/report/[^/]+/expected\.\w+$")


def licence_of(name: str) -> str:
    """Kernel modules are the kernel's; all else is ours."""
    return "GPL-2.0-only" if name.startswith("fixtures/kernel/") else "BSD-3-Clause"


@rule("spdx")
def check_spdx(tree: Tree) -> Iterator[Finding]:
    for name in tree.files:
        if name.startswith(NO_SPDX) or name.endswith(NO_COMMENTS) or GOLDEN.match(name) or not tree.text(name):
            continue
        head = "\n".join((tree.text(name) or "").splitlines()[:SPDX_LINES])
        found = SPDX.search(head)
        if not found:
            yield Finding(name, 1, "spdx", f"begin with SPDX-License-Identifier: {licence_of(name)}")
        elif found[1] != licence_of(name):
            yield Finding(name, 1, "spdx", f"say {licence_of(name)} here, not {found[1]}")


# --- layers (style guide 6.1) -----------------------------------------------------------------------------------------

INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
PUBLIC = "sim/include/"

# The layer that a public header belongs to; what is not listed is free to all.
HEADER_LAYER = {
    "api.h": "base", "byteorder.h": "base", "mem.h": "base", "probe.h": "base", "events.def": "base",
    "record.h": "base", "fault.h": "fault", "monitor.h": "monitor",
    "vring.h": "vring", "vdrv.h": "vdrv", "vdev.h": "vdev", "vbus.h": "vring", "xport.h": "vring",
    "rpmsg.h": "rpmsg", "msg.h": "rpmsg", "ept.h": "rpmsg", "chan.h": "rpmsg", "node.h": "rpmsg",
    "drv.h": "drv", "dev.h": "dev",
    "world.h": "world", "iut.h": "world", "tester_driver.h": "tester", "tester.h": "tester",
    "vhost_user.h": "transport", "window.h": "transport", "trace.h": "transport",
    "decide.h": "world", "explore.h": "world",
}  # fmt: skip

# What a file of each layer may include besides its own; driver and device end never each other.
BELOW = {
    "base": set(),
    "fault": {"base"},
    "monitor": {"base"},
    "vring": {"base"},
    "vdrv": {"base", "vring"},
    "vdev": {"base", "vring"},
    "rpmsg": {"base", "vring", "drv", "dev"},
    "drv": {"base", "vring", "vdrv", "rpmsg"},
    "dev": {"base", "vring", "vdev", "rpmsg"},
    "tester": {"base", "vring", "vdrv", "vdev", "rpmsg"},
    "world": {"base", "fault", "vring", "vdrv", "vdev", "rpmsg", "drv", "dev", "tester", "monitor"},
    "transport": {"base", "vring", "tester"},
}
FOLDER_LAYER = {"base": "base", "fault": "fault", "monitor": "monitor", "vring": "vring", "rpmsg": "rpmsg", "tester": "tester",
                "world": "world", "xport": "transport"}  # fmt: skip
# The two halves of a ring and of RPMsg are files in one folder.
HALF = {
    "sim/vring/vdrv.c": "vdrv", "sim/vring/vdrv_path.h": "vdrv",
    "sim/vring/vdev.c": "vdev", "sim/vring/vdev_path.h": "vdev",
    "sim/rpmsg/drv.c": "drv", "sim/rpmsg/drv_path.h": "drv",
    "sim/rpmsg/dev.c": "dev", "sim/rpmsg/dev_path.h": "dev",
}  # fmt: skip

# Files, sockets, clocks and memory of one's own belong into these folders alone.
OUTSIDE_WORLD = {
    "dlfcn.h", "fcntl.h", "poll.h", "pthread.h", "signal.h", "stdio.h", "stdlib.h", "threads.h", "time.h", "unistd.h",
}  # fmt: skip
OUTSIDE_PREFIX = ("sys/", "linux/", "netinet/", "arpa/")
MAY_TOUCH_OUTSIDE = ("sim/world/", "sim/xport/", "sim/prog/", "sim/tester/", "sim/monitor/", "sim/test/",
                     "sim/bench/", "sim/fuzz/")
# Saying which bug stopped the program needs a stream and an end.
MAY_TOUCH_OUTSIDE_FILES = ("sim/base/assert.c",)


def layer_of(name: str) -> str | None:
    """The layer of a file below sim/; None where any may be used (programs, tests)."""
    if name in HALF:
        return HALF[name]
    if name.startswith(PUBLIC):
        return HEADER_LAYER.get(Path(name).name)
    return FOLDER_LAYER.get(name.split("/")[1])


def layer_of_include(name: str, target: str) -> str | None:
    """The layer that an #include in a file reaches; None for the C library and for most neighbours."""
    if target.startswith("rps/"):
        return HEADER_LAYER.get(target[len("rps/"):])
    half = HALF.get(os.path.normpath(Path(name).parent / target))
    if half or not target.startswith("../"):
        return half
    return FOLDER_LAYER.get(target.split("/")[1])


@rule("layers")
def check_layers(tree: Tree) -> Iterator[Finding]:
    for name in tree.c_files("sim/"):
        layer = layer_of(name)
        for number, line in tree.lines(name):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = found[1]
            reached = layer_of_include(name, target)
            if layer and reached and reached != layer and reached not in BELOW[layer]:
                yield Finding(name, number, "layers", f"{layer} may not include {target} ({reached}); "
                              f"it may use {', '.join(sorted(BELOW[layer])) or 'nothing'}")  # fmt: skip
            outside = target in OUTSIDE_WORLD or target.startswith(OUTSIDE_PREFIX)
            if outside and not name.startswith(MAY_TOUCH_OUTSIDE) and name not in MAY_TOUCH_OUTSIDE_FILES:
                yield Finding(name, number, "layers", f"no files, clocks or memory of one's own here: move what needs "
                              f"{target} to world/, xport/ or prog/")  # fmt: skip


@rule("lttng")
def check_lttng(tree: Tree) -> Iterator[Finding]:
    for name in tree.c_files():
        for number, line in tree.lines(name):
            found = INCLUDE.match(line)
            if found and found[1].startswith("lttng/") and not name.startswith("traces/"):
                yield Finding(name, number, "lttng", "only traces/ knows LTTng: tell the observer in rps/probe.h")


# --- what the libraries show ------------------------------------------------------------------------------------------

LIBRARIES = ("build/librps.so", "build/librps-sim.so")


@rule("symbols")
def check_symbols(tree: Tree) -> Iterator[Finding]:
    for library in LIBRARIES:
        if not (tree.root / library).is_file():
            tree.notes.append(f"symbols: {library} is not built; run make all")
            continue
        shown = subprocess.run(
            ["nm", "-D", "--defined-only", "--format=posix", tree.root / library],
            capture_output=True, check=True, text=True,
        ).stdout  # fmt: skip
        for line in shown.splitlines():
            symbol = line.split()[0]
            if not symbol.startswith("rps_"):
                yield Finding(library, 0, "symbols", f"hide {symbol}, or call it rps_{symbol}")


# --- tests ------------------------------------------------------------------------------------------------------------

TESTED_FOLDERS = ("base", "fault", "monitor", "vring", "rpmsg", "tester", "world", "xport", "prog")


def covers(test: str, stem: str) -> bool:
    """Whether a test is a module's own, or that of the noun that the module is a part of."""
    test = test.removeprefix("test_")
    return f"{stem}_".startswith(f"{test}_") or f"_{test}_".endswith(f"_{stem}_")


@rule("twin")
def check_twins(tree: Tree) -> Iterator[Finding]:
    tests = {Path(name).stem for name in tree.files if name.startswith("sim/test/test_")}
    for name in tree.files:
        parts = name.split("/")
        if len(parts) != 3 or parts[0] != "sim" or parts[1] not in TESTED_FOLDERS or not name.endswith(".c"):
            continue
        stem = Path(name).stem
        if parts[1] == "prog" and stem.startswith("rps-"):
            continue  # options and main(), nothing else
        if not any(covers(test, stem) for test in tests):
            yield Finding(name, 1, "twin", f"write sim/test/test_{stem}.c")


# --- calls ------------------------------------------------------------------------------------------------------------

STRINGS_AND_COMMENTS = re.compile(r'"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


@dataclass(frozen=True)
class Banned:
    instead: str
    allowed: tuple[str, ...]  # folders


PROGRAMS = ("sim/prog/", "sim/xport/")
NOWHERE: tuple[str, ...] = ()
BANNED = {
    "rand": Banned("a generator of the world, seeded once", PROGRAMS),
    "srand": Banned("the seed of struct rps_world_config", PROGRAMS),
    "random": Banned("a generator of the world, seeded once", PROGRAMS),
    "time": Banned("the time that the caller passes in", PROGRAMS),
    "clock_gettime": Banned("the time that the caller passes in", PROGRAMS + ("sim/bench/",)),
    "gettimeofday": Banned("the time that the caller passes in", PROGRAMS),
    "sleep": Banned("rps_world_advance(), or a wait with a deadline in a transport", PROGRAMS),
    "usleep": Banned("rps_world_advance(), or a wait with a deadline in a transport", PROGRAMS),
    "nanosleep": Banned("rps_world_advance(), or a wait with a deadline in a transport", PROGRAMS),
    "getenv": Banned("an argument", PROGRAMS + ("sim/test/",)),
    "strcpy": Banned("rps_name_copy(), or snprintf() with the size", NOWHERE),
    "strcat": Banned("snprintf() with the size", NOWHERE),
    "strncpy": Banned("rps_name_copy(), which terminates and pads", NOWHERE),
    "sprintf": Banned("snprintf() with the size", NOWHERE),
    "vsprintf": Banned("vsnprintf() with the size", NOWHERE),
    "gets": Banned("fgets() with the size", NOWHERE),
    "atoi": Banned("strtoul() with its end checked", NOWHERE),
    "atol": Banned("strtoul() with its end checked", NOWHERE),
    "system": Banned("posix_spawn() with an argument list", NOWHERE),
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")


def code_of(text: str) -> str:
    """The same text with strings and comments blanked, line for line."""
    return STRINGS_AND_COMMENTS.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


@rule("banned")
def check_banned(tree: Tree) -> Iterator[Finding]:
    for name in tree.c_files("sim/"):
        for number, line in enumerate(code_of(tree.text(name) or "").splitlines(), 1):
            for found in CALL.finditer(line):
                banned = BANNED[found[1]]
                if not name.startswith(banned.allowed or ("\0",)):
                    yield Finding(name, number, "banned", f"instead of {found[1]}(): {banned.instead}")


# --- leftovers --------------------------------------------------------------------------------------------------------

# The word that a comment begins with, or that is followed by what is to be done.
LEFTOVER = re.compile(r"(?:#|//|/\*|^\s*\*|<!--)\s*(TODO|FIXME|XXX)\b|\b(TODO|FIXME|XXX)[:(]")
REQUIREMENT = re.compile(r"\b[A-Z]{2,3}-\d{3}\b")
# These name the words in order to look for them.
NAMES_LEFTOVERS = ("ci/tidy.py", "conformance/meta/test_tidy.py", "CONTRIBUTING.md")


@rule("todo")
def check_todo(tree: Tree) -> Iterator[Finding]:
    for name in tree.files:
        if name in NAMES_LEFTOVERS or GOLDEN.match(name):
            continue
        for number, line in tree.lines(name):
            found = LEFTOVER.search(line)
            if found and not REQUIREMENT.search(line):
                yield Finding(name, number, "todo", f"name the requirement that this {found[1] or found[2]} is about, "
                              "or do it")  # fmt: skip


# --- formatting -------------------------------------------------------------------------------------------------------

FORMAT_MESSAGE = re.compile(r"^(.+?):(\d+):\d+: error: code should be clang-formatted")


@rule("format")
def check_format(tree: Tree) -> Iterator[Finding]:
    if not shutil.which("clang-format"):
        tree.notes.append("format: clang-format is not there; install the Debian package clang-format")
        return
    sources = [name for name in tree.files if name.endswith((".c", ".h"))]
    if not sources:
        return
    said = subprocess.run(
        ["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *sources],
        cwd=tree.root, capture_output=True, check=False, text=True,
    )  # fmt: skip
    seen = set()
    for line in said.stderr.splitlines():
        found = FORMAT_MESSAGE.match(line)
        if found and found[1] not in seen:
            seen.add(found[1])
            yield Finding(found[1], int(found[2]), "format", "run make format")
    if said.returncode and not seen:
        yield Finding(".clang-format", 1, "format", said.stderr.strip().splitlines()[0])


# --- places and sizes -------------------------------------------------------------------------------------------------

# Folders of whoever works on the project; the pieces are apart so that this line does not find itself.
PRIVATE_PATH = re.compile(r"(?<![\w.~-])/(?:work/|home/\w|Users/\w|root/|tmp/\w+_jobs)")
HOST = re.compile(r"(?:https?|ftp)://([A-Za-z0-9.-]+)")
# A mirror is recognised by a name that only resolves where it stands, or because this machine is set up to use it.
PRIVATE_HOST = re.compile(r"(?:^|\.)(?:internal|local|lan|corp|intranet)$|^(?:mirror|proxy|cache|artifactory|nexus)\b")
PUBLIC_HOST = re.compile(r"(?:^|\.)(?:debian\.org|ubuntu\.com|kernel\.org|github\.com|python\.org|pypi\.org)$")
PACKAGE_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/apt/apt.conf.d", "/etc/pip.conf")


def configured_hosts(places: tuple[str, ...] = PACKAGE_SOURCES) -> set[str]:
    """Hosts that this machine fetches packages from, as far as they are nobody else's."""
    files = [file for place in map(Path, places) for file in ([place] if place.is_file() else place.glob("*"))]
    text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
    return {host for host in HOST.findall(text) if "." in host and not PUBLIC_HOST.search(host)}


@rule("private")
def check_private(tree: Tree) -> Iterator[Finding]:
    mirrors = configured_hosts()
    here = str(tree.root.resolve()) + "/"
    for name in tree.files:
        for number, line in tree.lines(name):
            if here in line or PRIVATE_PATH.search(line):
                yield Finding(name, number, "private", "no absolute path of one machine")
            hosts = [host for host in HOST.findall(line) if PRIVATE_HOST.search(host)]
            for host in hosts + [mirror for mirror in mirrors if mirror in line and mirror not in hosts]:
                yield Finding(name, number, "private", f"no mirror of one place ({host})")


@rule("size")
def check_size(tree: Tree) -> Iterator[Finding]:
    for name in tree.files:
        size = (tree.root / name).stat().st_size
        if size > MAX_FILE_BYTES:
            yield Finding(name, 1, "size", f"{size} bytes: fetch it or make it when it is needed")


TOP_FOLDERS = {"sim", "conformance", "traces", "fixtures", "ci", "LICENSES"}
IGNORED_FOLDERS = {"build", "out"}


@rule("folders")
def check_folders(tree: Tree) -> Iterator[Finding]:
    tracked = {name.split("/")[0] for name in tree.files if "/" in name}
    there = {path.name for path in tree.root.iterdir() if path.is_dir() and not path.name.startswith(".")}
    hidden = {name for name in tracked if name.startswith(".")}
    for folder in sorted((tracked | there) - TOP_FOLDERS - IGNORED_FOLDERS - hidden):
        yield Finding(folder, 0, "folders", f"the top level is fixed: put it below {', '.join(sorted(TOP_FOLDERS))}")
    for folder in sorted(tracked & IGNORED_FOLDERS):
        yield Finding(folder, 0, "folders", "what is made by a program is not committed")


# --- README -----------------------------------------------------------------------------------------------------------

FENCE = re.compile(r"^\s*```")
PROMPT = re.compile(r"^\s*(?:\$\s+)?")
MAKE_TARGET = re.compile(r"^([a-z][a-z0-9_-]*(?:\s+[a-z][a-z0-9_-]*)*)\s*:(?!=)", re.MULTILINE)
DOCUMENTS = ("README.md", "CONTRIBUTING.md")


def commands_of(tree: Tree, name: str) -> Iterator[tuple[int, list[str]]]:
    """Words of each command line in the fenced blocks of a page."""
    inside = False
    for number, line in tree.lines(name):
        if FENCE.match(line):
            inside = not inside
        elif inside:
            words = PROMPT.sub("", line).split("#")[0].split()
            if words:
                yield number, words


@rule("commands")
def check_commands(tree: Tree) -> Iterator[Finding]:
    targets: set[str] = set()
    for found in MAKE_TARGET.finditer(tree.text("Makefile") or ""):
        targets.update(found[1].split())
    for name in DOCUMENTS:
        if name not in tree.files:
            continue
        for number, words in commands_of(tree, name):
            if words[0] == "make":
                for word in words[1:]:
                    if not word.startswith("-") and "=" not in word and word not in targets:
                        yield Finding(name, number, "commands", f"there is no make target {word}")
            elif words[0].startswith(("./", "ci/")) and not (tree.root / words[0]).is_file():
                yield Finding(name, number, "commands", f"there is no program {words[0]}")


# ----------------------------------------------------------------------------------------------------------------------


def check(root: Path, names: list[str]) -> tuple[list[Finding], list[str]]:
    """Findings of the named rules (all where none is named), and what could not be checked."""
    tree = Tree(root)
    findings = [finding for name in names or RULES for finding in RULES[name](tree)]
    return sorted(findings), tree.notes


def main() -> int:
    parser = argparse.ArgumentParser(description="check the rules of the tree that no compiler checks")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[1], help="another tree")
    parser.add_argument("rule", nargs="*", help=f"one of {', '.join(RULES)}")
    options = parser.parse_args()
    unknown = set(options.rule) - set(RULES)
    if unknown:
        parser.error(f"no rule {', '.join(sorted(unknown))}; there are {', '.join(RULES)}")

    findings, notes = check(options.root, options.rule)
    for finding in findings:
        print(finding)
    for note in notes:
        print(f"tidy: NOT RUN: {note}")
    ran = len(options.rule or RULES) - len({note.split(":")[0] for note in notes})
    print(f"tidy: {ran} rules checked, {len(notes)} not run, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
