# SPDX-License-Identifier: BSD-3-Clause
"""The C libraries as Python sees them, and what their return values mean."""

from __future__ import annotations

import errno
import functools
import os
from pathlib import Path
from typing import Any

import cffi

from rpmsg_cts.verdict import HarnessError

BUILD = Path(__file__).resolve().parents[2] / "build"
ABI_VERSION = 1
ANY = 0xFFFFFFFF


class Native:
    """One library: `lib` has its functions, `ffi` makes what they take."""

    def __init__(self, ffi: cffi.FFI, lib: Any) -> None:
        self.ffi = ffi
        self.lib = lib


@functools.cache
def _ffi(build: Path) -> cffi.FFI:
    ffi = cffi.FFI()
    ffi.cdef((build / "rps.cdef").read_text(encoding="utf-8"))
    return ffi


@functools.cache
def _load(name: str, build: Path) -> Native:
    try:
        ffi = _ffi(build)
        lib = ffi.dlopen(str(build / name))
    except OSError as error:
        raise HarnessError(f"{name} cannot be loaded ({error}); build it first: make") from error
    if (version := lib.rps_abi_version()) != ABI_VERSION:
        raise HarnessError(f"{name} has interface version {version}, not {ABI_VERSION}; build it again: make")
    return Native(ffi, lib)


def direct(build: Path = BUILD) -> Native:
    """The ends over plain memory, with the vhost-user transport."""
    return _load("librps.so", build)


def simulated(build: Path = BUILD) -> Native:
    """The same ends over simulated memory, with the world around them."""
    return _load("librps-sim.so", build)


def checked(status: int, what: str) -> int:
    """A call that cannot fail unless the harness is wrong.

    Return: `status`, where it is not negative; HarnessError else.
    """
    if status < 0:
        raise HarnessError(f"{what}: {error_name(status)}")
    return status


def error_name(status: int) -> str:
    """Return: "-EINVAL (Invalid argument)" for a negative errno, "0" and counts as they are."""
    if status >= 0:
        return str(status)
    return f"-{errno.errorcode.get(-status, str(-status))} ({os.strerror(-status)})"
