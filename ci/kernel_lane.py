# SPDX-License-Identifier: BSD-3-Clause
"""The machines that kernels are built for, and the configuration of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from debs import TREE

FRAGMENTS = TREE / "fixtures" / "kernel"
# What every kernel is built for: without them there is nothing to judge.
ESSENTIAL = ("CONFIG_RPMSG_VIRTIO", "CONFIG_RPMSG_NS", "CONFIG_RPMSG_CHAR", "CONFIG_RPMSG_CTRL")

# Where the code that is judged is, and which files of it are counted line by line, and watched for undefined behaviour
# where the rest cannot be, if the configuration can.
COUNTED_FOLDER = "drivers/rpmsg"
COUNTED = ("virtio_rpmsg_bus", "rpmsg_ns", "rpmsg_core", "rpmsg_char", "rpmsg_ctrl")
SINGLE_FILES = {"CONFIG_GCOV_KERNEL": "GCOV_PROFILE", "CONFIG_UBSAN": "UBSAN_SANITIZE", "CONFIG_KCSAN": "KCSAN_SANITIZE"}
# What races in the rest of a kernel is no matter of ours.
ALL_OTHER_FILES = {"CONFIG_KCSAN": "KCSAN_SANITIZE=n"}


@dataclass(frozen=True)
class Lane:
    """One kind of machine.  `cross` is the prefix of its compiler, which `package` has; `image` what make is asked for.

    agent_flags: for the agent's compiler; with -nostdlib among them it gets our own C library.
    """

    name: str
    arch: str
    cross: str
    package: str
    image: str
    image_path: str
    agent_packages: str
    fragments: tuple[str, ...]
    agent_flags: tuple[str, ...] = ()


# Debian has a compiler that knows the order, and no library in it.
ARMEB_AGENT = ("-mbig-endian", "-marm", "-mcpu=cortex-a15", "-mgeneral-regs-only", "-Wl,--be8", "-nostdlib", "-fno-builtin",
               "-fno-tree-loop-distribute-patterns")
LANES = {lane.name: lane for lane in (
    Lane("uml", "um", "", "gcc", "linux", "linux", "libc6-dev", ("common", "uml")),
    Lane("x86_64", "x86_64", "", "gcc", "bzImage", "arch/x86/boot/bzImage", "libc6-dev", ("common", "x86_64")),
    Lane("m68k", "m68k", "m68k-linux-gnu-", "gcc-m68k-linux-gnu", "vmlinux", "vmlinux",
         "gcc-m68k-linux-gnu and libc6-dev-m68k-cross", ("common", "m68k")),
    Lane("ppc64", "powerpc", "powerpc64-linux-gnu-", "gcc-powerpc64-linux-gnu", "vmlinux", "vmlinux",
         "gcc-powerpc64-linux-gnu and libc6-dev-ppc64-cross", ("common", "ppc64")),
    Lane("armeb", "arm", "arm-linux-gnueabihf-", "gcc-arm-linux-gnueabihf", "Image", "arch/arm/boot/Image",
         "gcc-arm-linux-gnueabihf and libc6-dev-armhf-cross", ("common", "armeb"), ARMEB_AGENT),
)}


class BadFragment(Exception):
    """A fragment that is not there, or not made of assignments."""


def variants() -> list[str]:
    """Return: names of the fragments that a lane may be built with besides its own: kasan, lockdep, gcov, ..."""
    own = {name for lane in LANES.values() for name in lane.fragments}
    return sorted(path.stem for path in FRAGMENTS.glob("*.config") if path.stem not in own and "-" not in path.stem)


def of_variant(variant: str, lane: Lane) -> tuple[str, ...]:
    """Return: names of the fragments of a variant; a lane may have one more of its own, VARIANT-LANE.config."""
    special = f"{variant}-{lane.name}"
    return (variant, special) if (FRAGMENTS / f"{special}.config").exists() else (variant,)


def fragments(lane: Lane, variants_: tuple[str, ...]) -> tuple[str, ...]:
    """Return: names of all fragments of a lane with some variants."""
    return lane.fragments + tuple(name for variant in variants_ for name in of_variant(variant, lane))


def wanted(names: tuple[str, ...]) -> dict[str, str]:
    """Read fragments, later ones overriding.  Return: value by symbol; "n" for one that is to be off.

    A fragment that says `# with: NAME` begins as that one does.
    """
    values: dict[str, str] = {}
    for name in names:
        path = FRAGMENTS / f"{name}.config"
        if not path.is_file():
            raise BadFragment(f"there is no {path.relative_to(TREE)}; variants are {', '.join(variants())}")
        text = path.read_text(encoding="utf-8")
        values.update(wanted(tuple(re.findall(r"^# with: (\w+)$", text, re.MULTILINE))))
        values.update(_parse(path))
    return values


def make_words(wishes: dict[str, str]) -> list[str]:
    """Return: what make must be told besides the configuration."""
    on = [symbol for symbol in SINGLE_FILES if wishes.get(symbol) == "y"]
    return [*(f"{SINGLE_FILES[symbol]}_{name}.o=y" for symbol in on for name in COUNTED),
            *(ALL_OTHER_FILES[symbol] for symbol in on if symbol in ALL_OTHER_FILES)]


def _parse(path: Path) -> dict[str, str]:
    values = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if off := re.fullmatch(r"# (CONFIG_\w+) is not set", line):
            values[off[1]] = "n"
        elif line.startswith("#") or not line.strip():
            continue
        elif on := re.fullmatch(r'(CONFIG_\w+)=([ymn]|-?\d+|0x[0-9a-f]+|".*")', line):
            values[on[1]] = on[2]
        else:
            raise BadFragment(f"{path.relative_to(TREE)}:{number}: not an assignment: {line}")
    return values


def effective(config: str) -> dict[str, str]:
    """Return: value by symbol of a finished .config."""
    return {found[1]: found[2] for found in re.finditer(r"^(CONFIG_\w+)=(.*)$", config, re.MULTILINE)}


def lost(wishes: dict[str, str], config: str) -> list[str]:
    """Return: what was wished for and did not come true, as in "CONFIG_KASAN=y (is n)"."""
    have = effective(config)
    return [f"{symbol}={value} (is {have.get(symbol, 'n')})" for symbol, value in sorted(wishes.items())
            if have.get(symbol, "n") != value]
