# SPDX-License-Identifier: BSD-3-Clause
"""Exact counts of executed instructions, by callgrind: where they were written, and which of them are fences."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

COLLECT = "measured"  # the function of sim/bench/measured.c within which is counted
TIMEOUT_S = 300

_NAME = re.compile(r"^(fl|fi|fe|ob|fn)=(.*)$")
_LOCKED = re.compile(r"^\s*([0-9a-f]+):\s+(?:lock\s|mfence\b|xchg\s.*\()")


@dataclass(frozen=True)
class Profile:
    """What was executed within the measured function, calls out of it included."""

    by_file: Counter[str]  # source file, or object where no source is known: instructions
    by_address: Counter[int]  # address of an instruction: times executed
    said: dict[str, int]  # what the program counted itself

    @property
    def total(self) -> int:
        return self.by_file.total()


def parse(lines: Iterable[str]) -> tuple[Counter[str], Counter[int]]:
    """Read an uncompressed output file with positions by instruction and line."""
    by_file: Counter[str] = Counter()
    by_address: Counter[int] = Counter()
    source = place = ""
    of_callee = False
    for line in lines:
        found = _NAME.match(line)
        if found:
            if found[1] == "ob":
                place = found[2]
            elif found[1] != "fn":
                source = found[2]
        elif line.startswith("calls="):
            of_callee = True  # the next line sums up what is listed elsewhere
        elif line.startswith("0x"):
            if not of_callee:
                address, _, cost = line.split()
                by_file[source if source != "???" else place] += int(cost)
                by_address[int(address, 16)] += int(cost)
            of_callee = False
    return by_file, by_address


def count(program: Path, arguments: list[str], scratch: Path, within: str = COLLECT) -> Profile:
    """Run a program under callgrind and count what one of its functions executes.  Raises CalledProcessError where it fails, FileNotFoundError without valgrind."""
    out = scratch / "callgrind.out"
    ran = subprocess.run(
        ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={within}",
         "--dump-instr=yes", "--compress-pos=no", "--compress-strings=no", f"--callgrind-out-file={out}",
         program, *arguments],
        capture_output=True, check=True, text=True, timeout=TIMEOUT_S,
    )  # fmt: skip
    with out.open(encoding="utf-8") as lines:
        by_file, by_address = parse(line.rstrip("\n") for line in lines)
    return Profile(by_file, by_address, said(ran.stdout))


def said(output: str) -> dict[str, int]:
    """The name=value pairs that a bench program prints."""
    return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", output)}


def locked_addresses(program: Path) -> frozenset[int]:
    """Addresses of instructions that wait until the processor's stores are seen: locked ones and full fences."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", program], capture_output=True, check=True, text=True)
    return frozenset(int(found[1], 16) for found in map(_LOCKED.match, listing.stdout.splitlines()) if found)
