# SPDX-License-Identifier: BSD-3-Clause
"""What can go wrong with a guest, apart from what is judged."""

from __future__ import annotations

import errno
import os

from ..verdict import GuestFailure


class GuestError(Exception):
    """Base of all that follows; blames the harness or the machine, never the implementation under test."""


class NotPrepared(GuestError):
    """Something that a guest needs is not on this machine; the text says what, and which command brings it."""


class MissingQemu(NotPrepared):
    """No QEMU with a generic vhost-user device."""


class MissingKernel(NotPrepared):
    """No kernel to start."""


class MissingModules(NotPrepared):
    """The kernel lacks modules; `names` lists them."""

    def __init__(self, release: str, names: list[str]) -> None:
        super().__init__(f"kernel {release} has no module {', '.join(names)}")
        self.names = names


class MissingAgent(NotPrepared):
    """No initramfs with the agent in it."""


class MissingLibvirt(NotPrepared):
    """libvirt or its Python module is absent, or does not start."""


class BootFailed(GuestError):
    """QEMU did not start, or the agent never answered."""


class AgentTimeout(GuestError, GuestFailure):
    """The agent did not answer in time, though nothing was wrong before the stimulus: the guest hangs."""


class AgentProtocolError(GuestError):
    """The agent answered with something that is no answer."""


class AgentError(GuestError):
    """The guest's kernel refused; `errno` says why."""

    def __init__(self, request: str, number: int) -> None:
        super().__init__(f"{request}: {errno_name(number)} ({os.strerror(number)})")
        self.request = request
        self.errno = number


class GuestDied(GuestError):
    """The guest is gone; `reason` is the kernel's last word, or how QEMU ended; `console` is what was there before."""

    def __init__(self, reason: str, console: list[str]) -> None:
        tail = "".join(f"\n  | {line}" for line in console)
        super().__init__(f"{reason}{tail}")
        self.reason = reason
        self.console = console


class KernelDied(GuestDied, GuestFailure):
    """The guest's kernel said so itself: it died, or hangs, of what was done to it."""


def errno_name(number: int) -> str:
    """`EAGAIN` for 11.  The numbers of the guest are those of the host: both are Linux, neither MIPS nor SPARC."""
    return errno.errorcode.get(number, f"errno {number}")
