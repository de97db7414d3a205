# SPDX-License-Identifier: BSD-3-Clause
"""API: /dev/ttyRPMSGn, a terminal whose line is a channel."""

from __future__ import annotations

import errno

from rpmsg_cts.clients_linux import TTY, told
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link_linux import LinuxLink

OURS = 1024
NAME = "rpmsg-tty"
MOST = 32
LONG = bytes(0x20 + i % 95 for i in range(4096))
MTU = 496


def terminal(link: LinuxLink, addr: int = OURS) -> int:
    """A channel with its terminal.  Return: the agent's handle."""
    link.lower.announce(NAME, addr)
    link.settle()
    entry = link.clients.entry(NAME, -1, addr)
    given(link.clients.bind(TTY, entry) == 0, "the channel has a terminal")
    return link.clients.terminal(entry)


@req("API-010", "API-012")
def test_a_long_write_becomes_messages_in_order(linux_link: LinuxLink) -> None:
    """The remote puts the line together again by order alone."""
    handle = terminal(linux_link)
    left, sent = LONG, list[bytes]()

    while left:
        count = linux_link.agent.write(handle, left)
        given(count > 0, "something was taken")
        left = left[count:]
        sent += [message.payload for message in linux_link.sent()]

    expect(LONG, b"".join(sent), "what was sent")
    expect(MTU, max(map(len, sent)), "bytes of the longest message")


@req("API-010")
def test_a_write_without_a_buffer_does_not_wait(linux_link: LinuxLink) -> None:
    """Not for 15 s, as rpmsg_send() would: a terminal is also written to where nobody may sleep."""
    handle = terminal(linux_link)
    for _ in range(linux_link.lower.num):
        given(linux_link.agent.write(handle, b"full") == 4, "there is a buffer")
    linux_link.agent.set_blocking(handle, True)

    job = linux_link.agent.write_async(handle, b"now or never")
    done = linux_link.agent.job_wait(job, 60)

    given(done is not None, "the write ends")
    expect(-errno.ENOMEM, done.status, "result of a write that may block")


@req("API-010")
def test_input_without_bytes_is_nothing(linux_link: LinuxLink) -> None:
    """Least of all the end of the file."""
    handle, got = terminal(linux_link), list[bytes]()
    given(linux_link.agent.write(handle, b"hello") == 5, "the terminal sends")
    addr = linux_link.next_message().header.src

    for payload in (b"", b"first ", b"", b"second"):
        linux_link.lower.send(OURS, addr, payload)
    # A kernel thread brings the bytes to the reader.
    linux_link.until(lambda: told(lambda: got.append(linux_link.agent.read(handle))) == 0
                     and b"".join(got).endswith(b"second"))
    linux_link.lower.send(OURS, addr, b"")
    linux_link.settle()
    at_the_end = told(linux_link.agent.read, handle)

    expect((b"first second", True), (b"".join(got), all(got)), "what is read, and whether every read gave something")
    expect(-errno.EAGAIN, at_the_end, "result of reading after a message without bytes")


@req("API-010")
def test_there_are_thirty_two(linux_link: LinuxLink) -> None:
    """The one after them is refused, and takes nothing with it."""
    results = []
    for i in range(MOST + 1):
        linux_link.lower.announce(NAME, OURS + i)
        linux_link.settle()
        results.append(linux_link.clients.bind(TTY, linux_link.clients.entry(NAME, -1, OURS + i)))
    handle = linux_link.clients.terminal(linux_link.clients.entry(NAME, -1, OURS))

    expect([0] * MOST, results[:MOST], "results of binding")
    expect(True, results[MOST] < 0, f"whether one more was refused ({results[MOST]})")
    expect(2, linux_link.agent.write(handle, b"ok"), "bytes that the first one takes after that")
