# SPDX-License-Identifier: BSD-3-Clause
"""FLO: what becomes of a kernel's own blocking sends, its announcements, when for 15 s no buffer is free."""

from __future__ import annotations

import pytest

from rpmsg_cts import decode
from rpmsg_cts.clients_linux import RAW
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link_linux import LinuxLink

OURS, THEIRS = 1024, 900
NAME = "rpmsg-raw"
PATIENCE_S = 15
TIRED = "failed to announce service"


@pytest.fixture
def full(linux_link: LinuxLink) -> LinuxLink:
    """A link that has a channel's name to tell of, and keeps what it needs to fill up."""
    linux_link.needs("long waits")
    return linux_link


def fill_up(link: LinuxLink) -> None:
    """Take all of the driver's buffers, as a remote does that is busy."""
    filler, count = link.upper.open(dst=OURS), 0
    while link.upper.send(filler, b"full") == 0:
        count += 1
    given(count > 0, "the driver runs out of buffers")


def flags(link: LinuxLink) -> list[int]:
    """Flags of what the name service was told, once all buffers have been given back."""
    link.settle()
    said = []
    while (message := link.lower.receive()) is not None:
        if message.header.dst == decode.NS_ADDR:
            said.append(decode.decode_name_service(message.payload, link.lower.order).flags)
    return said


@req("FLO-004")
def test_a_service_that_could_not_be_announced_is_reported(full: LinuxLink) -> None:
    """Nobody will ever talk to it, so somebody has to be told."""
    fill_up(full)
    mark = full.agent.kmsg_mark()

    status = full.upper.open_channel(NAME, THEIRS, OURS)

    reported = status != 0 or any(TIRED in line for line in full.said(mark))
    expect((True, []), (reported, flags(full)), "whether it was reported, and announcements once there are buffers")


@req("FLO-004")
def test_a_service_that_could_not_be_withdrawn_is_reported(full: LinuxLink) -> None:
    """And ends nevertheless: its client waits to be removed."""
    given(full.upper.open_channel(NAME, THEIRS, OURS) == 0, "the driver opens a channel")
    given(flags(full) == [0], "it was announced")
    fill_up(full)
    mark = full.agent.kmsg_mark()

    job = full.clients.unbind_in_background(RAW, full.clients.entry(NAME, THEIRS, OURS))
    full.advance(PATIENCE_S - 0.1)
    early = full.agent.job_result(job)
    full.advance(0.2 + PATIENCE_S * full.lateness)

    late = full.agent.job_result(job)
    expect((None, True), (early, late is not None), "result of unbinding after 14.9 s, and whether it has ended later")
    expect(True, any(TIRED in line for line in full.said(mark)), "whether it was reported")
    expect([], flags(full), "withdrawals once there are buffers")
