# SPDX-License-Identifier: BSD-3-Clause
"""The guest's agent compiles for every lane, also for the one that brings no C library."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.programs import program

build_initramfs = program("build-initramfs")


@pytest.mark.parametrize("machine", ["armhf", *build_initramfs.LANES])
def test_the_agent_compiles_without_a_kernel(tmp_path: Path, machine: str) -> None:
    """Whoever changes it has not built a kernel of each lane."""
    try:
        compiler = build_initramfs.compiler_for(machine)
    except FileNotFoundError as missing:
        pytest.skip(str(missing))

    build_initramfs.compile_agent(compiler, tmp_path / "agent")

    assert (tmp_path / "agent").read_bytes().startswith(b"\x7fELF")
