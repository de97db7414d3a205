# SPDX-License-Identifier: BSD-3-Clause
"""Kernels that are none: what is said of them, how soon, and that neither memory nor disk is filled.

A program stands in for user-mode Linux, which is one, too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rpmsg_cts.guest import guest as guests
from rpmsg_cts.guest import process_machine, uml_machine
from rpmsg_cts.guest.errors import BootFailed, GuestDied, GuestError
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.image import GuestImage
from rpmsg_cts.reactor import Reactor

FILE_MAX_BYTES = 1 << 20
# The agent's line is an argument, as in ssl0=fd:7.
FIND_PORT = 'for word; do case $word in ssl0=fd:*) port=${word#ssl0=fd:};; esac; done'

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less of it, and less room, than for a kernel that may be one."""
    monkeypatch.setattr(uml_machine, "READY_TIMEOUT_S", 0.5)
    monkeypatch.setattr(guests, "HELLO_TIMEOUT_S", 0.5)
    monkeypatch.setattr(process_machine, "FILE_MAX_BYTES", FILE_MAX_BYTES)


def program(folder: Path, text: str, mode: int = 0o755) -> GuestImage:
    """An image whose kernel is a script."""
    path, initramfs = folder / "linux", folder / "initramfs.cpio"
    path.write_text(f"#!/bin/bash\n{text}\n", encoding="ascii")
    path.chmod(mode)
    initramfs.touch()
    return GuestImage(path, initramfs, "6.1.0", {}, "", (), "uml")


BAD = {
    "ends at once": ("echo no memory; exit 3", GuestDied, "the guest ended\n  [|] no memory"),
    "panics": ("echo 'Kernel panic - not syncing: no init'; exit 1", GuestDied, "died: Kernel panic - not syncing: no init"),
    "garbage": ("head -c 100000 /dev/urandom; exit 1", GuestDied, "the guest ended"),
    "hangs": ("exec sleep 600", BootFailed, "its first program has not started after 0.5 s; its console has "
              "nothing: is this a kernel for this machine"),
    "floods its console": ("while echo flood; do :; done", GuestError, "flood"),
    "floods one line": ("exec tr '\\0' x < /dev/zero", GuestError, "  [|] x{300}\\Z"),
    "floods the agent's line": (f"{FIND_PORT}; exec yes >&$port", BootFailed, "the guest's agent does not answer"),
    "says nothing more": (f"{FIND_PORT}; echo >&$port; exec sleep 600", BootFailed, "the guest's agent does not answer"),
}


@pytest.mark.parametrize("text, error, says", BAD.values(), ids=list(BAD))
def test_it_is_told_what_the_kernel_did(reactor: Reactor, tmp_path: Path, patience: None, text: str,
                                        error: type[Exception], says: str) -> None:
    """In its own words where it has any; the process is gone, and its console short."""
    with pytest.raises(error, match=says):
        Guest.boot(reactor, image=program(tmp_path, text), run_dir=tmp_path / "kept")

    assert (tmp_path / "kept" / "console.log").stat().st_size <= FILE_MAX_BYTES


def test_a_file_that_is_no_program_is_named(reactor: Reactor, tmp_path: Path) -> None:
    with pytest.raises(BootFailed, match="linux does not start: Permission denied"):
        Guest.boot(reactor, image=program(tmp_path, "", mode=0o644))


def test_an_initramfs_that_does_not_fit_is_refused(reactor: Reactor, tmp_path: Path) -> None:
    """Before the kernel is started, which may hang without a word."""
    image = program(tmp_path, "exec sleep 600")
    with image.initramfs.open("wb") as file:
        file.truncate(300 << 20)

    with pytest.raises(BootFailed, match="initramfs.cpio has 300 MiB, too much for a guest with 256 MiB of memory"):
        Guest.boot(reactor, image=image)
