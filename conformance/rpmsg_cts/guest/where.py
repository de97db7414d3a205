# SPDX-License-Identifier: BSD-3-Clause
"""Where user-mode Linux is when it does not answer: a process, whose stack its parent may read."""

from __future__ import annotations

import bisect
import ctypes
import functools
import os
import re
import struct
import subprocess
from pathlib import Path

PTRACE_CONT, PTRACE_GETREGS, PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 7, 12, 17, 0x4206, 0x4207
WALL = 0x40000000
REGISTERS, RIP, RSP = 27, 16, 19  # struct user_regs_struct of x86-64, in words
STACK_BYTES = 4096
SAMPLES = 24
# Helpers of the kernel's core are where it happens to be.
DRIVERS = re.compile(r"^(virtqueue|vring|detach_buf|more_used|rpmsg|virtio)")


@functools.cache
def symbols(image: Path) -> tuple[list[int], list[str]]:
    """Return: addresses of a kernel's functions, sorted, and their names."""
    listed = subprocess.run(["nm", "--numeric-sort", "--defined-only", str(image)], capture_output=True, text=True, check=False)
    rows = [line.split() for line in listed.stdout.splitlines()]
    functions = [(int(row[0], 16), row[2]) for row in rows if len(row) == 3 and row[1] in "tTwW"]
    return [address for address, _ in functions], [name for _, name in functions]


def function(pid: int | None, image: Path) -> str:
    """Return: the driver's function that a process of user-mode Linux is in again and again, "" where that cannot be seen."""
    addresses, names = symbols(image)
    seen: list[list[str]] = []
    if pid is None or not addresses:
        return ""
    try:
        for stack in _stacks(pid):
            on_stack = [names[bisect.bisect_right(addresses, word) - 1] for word in stack
                        if addresses[0] <= word < addresses[-1]]
            seen.append([name for name in on_stack if DRIVERS.search(name)])
    except OSError:
        return ""
    # What it calls again and again comes and goes; who calls stays.
    return next((name for name in seen[0] if all(name in others for others in seen)), "")


def _stacks(pid: int) -> list[tuple[int, ...]]:
    """Stop a process some times.  Return: its instruction pointer and the words on its stack, each time."""
    found = []
    _ptrace(PTRACE_SEIZE, pid)
    try:
        for _ in range(SAMPLES):
            _ptrace(PTRACE_INTERRUPT, pid)
            os.waitpid(pid, WALL)
            registers = (ctypes.c_ulong * REGISTERS)()
            _ptrace(PTRACE_GETREGS, pid, ctypes.addressof(registers))
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(registers[RSP])
                stack = memory.read(STACK_BYTES)
            found.append((registers[RIP], *struct.unpack(f"={len(stack) // 8}Q", stack[:len(stack) // 8 * 8])))
            _ptrace(PTRACE_CONT, pid)
    finally:
        _ptrace(PTRACE_INTERRUPT, pid)
        os.waitpid(pid, WALL)
        _ptrace(PTRACE_DETACH, pid)
    return found


def _ptrace(request: int, pid: int, data: int = 0) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, pid, 0, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
