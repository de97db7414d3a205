# SPDX-License-Identifier: BSD-3-Clause
"""API: the bus and its clients, as whoever writes a client of Linux knows them."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from rpmsg_cts import decode, vectors
from rpmsg_cts.clients_linux import RAW, SAMPLE, TTY, told
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import ANY, Message
from rpmsg_cts.link_linux import LinuxLink
from rpmsg_cts.upper_linux import CLASS

OURS, THEIRS = 1024, 900
NAME = "rpmsg-client-sample"
HELLO = b"hello world!"
EXCHANGES = 100
FLOW_CONTROL_SINCE = (6, 6)
IOCTLS = vectors.load(Path(__file__).resolve().parents[2]).ioctls


def channel(link: LinuxLink, name: str, driver: str) -> str:
    """A channel of ours with its client.  Return: what the bus calls it."""
    link.lower.announce(name, OURS)
    link.settle()
    entry = link.clients.entry(name, -1, OURS)
    given(link.clients.bind(driver, entry) == 0, f"{driver} is bound to the channel")
    return entry


def withdrawals(link: LinuxLink, messages: list[Message]) -> list[tuple[str, int]]:
    """Names and addresses of the channels whose end the driver announced."""
    said = [decode.decode_name_service(message.payload, link.lower.order) for message in messages
            if message.header.dst == decode.NS_ADDR]
    return [(words.name, words.addr) for words in said if words.flags == decode.NS_DESTROY]


@req("API-001")
def test_sample_client_says_hello_a_hundred_times(linux_link: LinuxLink) -> None:
    """The kernel's own example is what every new remote is tried with."""
    linux_link.clients.load(SAMPLE)
    channel(linux_link, NAME, SAMPLE)

    heard = []
    for _ in range(EXCHANGES):
        message = linux_link.next_message("the sample's next message")
        heard.append(message.payload)
        linux_link.lower.send(OURS, message.header.src, message.payload)

    expect([HELLO] * EXCHANGES, heard, "what the sample sent")
    expect([], [message.payload for message in linux_link.sent()], "what it sent after a hundred answers")
    expect(1, sum("goodbye!" in line for line in linux_link.said()), "how often it said goodbye")


@req("API-002")
@pytest.mark.parametrize("module", [SAMPLE, "rpmsg_tty", "rpmsg_char"])
def test_a_client_needs_the_core_alone(linux_link: LinuxLink, module: str) -> None:
    """One that calls into a back end runs over no other; there is no other here to compare what it sends."""
    if module == SAMPLE:
        linux_link.clients.load(module)

    expect(["rpmsg_core"], linux_link.clients.modules_below(module), f"modules whose functions {module} calls")


@req("API-003")
def test_a_channel_is_called_by_name_and_addresses(linux_link: LinuxLink) -> None:
    """Scripts and udev rules find their channel by it."""
    before = linux_link.clients.entries()
    linux_link.lower.announce(NAME, OURS)
    linux_link.settle()

    expect([linux_link.clients.entry(NAME, -1, 1024)], sorted(set(linux_link.clients.entries()) - set(before)),
           "new entry on the bus")


@req("API-003")
@pytest.mark.parametrize(("name", "status"), [("rpmsg-tty", 0), ("rpmsg-tt", -errno.ENODEV),
                                              ("rpmsg-tty2", -errno.ENODEV), ("RPMSG-TTY", -errno.ENODEV)],
                         ids=["equal", "shorter", "longer", "other-case"])
def test_a_client_takes_its_own_name_alone(linux_link: LinuxLink, name: str, status: int) -> None:
    """Services whose names begin alike are different services."""
    linux_link.lower.announce(name, OURS)
    linux_link.settle()
    entry = linux_link.clients.entry(name, -1, OURS)
    given(entry in linux_link.clients.entries(), "there is a channel")

    expect(status, linux_link.clients.bind(TTY, entry), f"result of binding the client of rpmsg-tty to {name}")


@req("API-011")
def test_unbinding_says_so_before_the_client_is_removed(linux_link: LinuxLink) -> None:
    """While the withdrawal waits for a buffer, the client must still be whole."""
    link = linux_link
    filler = link.upper.open(dst=OURS)
    before = link.agent.list_dir(CLASS)
    given(link.upper.open_channel("rpmsg-raw", THEIRS, OURS) == 0, "the driver opens a channel")
    given(len(link.sent()) == 1, "the channel was announced")
    (device,) = set(link.agent.list_dir(CLASS)) - set(before)
    while link.upper.send(filler, b"full") == 0:
        pass

    job = link.clients.unbind_in_background(RAW, link.clients.entry("rpmsg-raw", THEIRS, OURS))
    link.settle()
    waits = link.agent.job_result(job) is None, link.agent.exists(f"{CLASS}/{device}")
    messages = link.sent()
    given(link.until(lambda: link.agent.job_result(job) is not None), "unbinding ends")
    messages += link.sent()

    expect((True, True), waits, "whether unbinding waits, and whether the client's device is there meanwhile")
    expect([("rpmsg-raw", THEIRS)], withdrawals(link, messages), "withdrawals")
    expect(False, link.agent.exists(f"{CLASS}/{device}"), "whether the client's device is there afterwards")


@req("API-012")
@pytest.mark.parametrize("size", [495, 496, 497, 992, 993])
def test_a_client_is_told_496_bytes(linux_link: LinuxLink, size: int) -> None:
    """The terminal asks for the limit at each write, and makes as many messages as that takes."""
    handle = linux_link.clients.terminal(channel(linux_link, "rpmsg-tty", TTY))

    given(linux_link.agent.write(handle, b"x" * size) == size, "all of it was taken")

    whole, rest = divmod(size, 496)
    expect([496] * whole + [rest] * (rest > 0), [len(message.payload) for message in linux_link.sent()],
           "lengths of the messages")


@req("API-012")
def test_flow_control_is_refused_and_sends_nothing(linux_link: LinuxLink) -> None:
    """A remote that was never told of it would be flooded by a client that believes it had been."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    status = told(linux_link.agent.ioctl, ept.handle, IOCTLS["RPMSG_SET_INCOMING_FLOWCONTROL"].number, 1)

    unsupported = linux_link.version >= FLOW_CONTROL_SINCE
    expect(-errno.EOPNOTSUPP if unsupported else -errno.EINVAL, status, "result of asking the remote to pause")
    expect([], [message.payload for message in linux_link.sent()], "messages")
    expect(True, linux_link.works(ept), "whether messages still arrive")


@req("API-012")
def test_no_remote_has_restricted_the_flow(linux_link: LinuxLink) -> None:
    """Nothing over this back end could have."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    number, answer = IOCTLS["RPMSG_GET_OUTGOING_FLOWCONTROL"].number, list[bytes]()

    status = told(lambda: answer.append(linux_link.agent.ioctl(ept.handle, number, b"\xff" * 4)))

    known = linux_link.version >= FLOW_CONTROL_SINCE
    expect((0, [bytes(4)]) if known else (-errno.EINVAL, []), (status, answer), "result, and whether it is restricted")
    expect([], [message.payload for message in linux_link.sent()], "messages")


@req("API-009")
def test_raw_channel_gives_a_device_with_its_addresses(linux_link: LinuxLink) -> None:
    """What is written goes to who announced the service, from the address of the channel."""
    entry = channel(linux_link, "rpmsg-raw", RAW)
    (found,) = linux_link.upper.channels()
    ept = linux_link.upper.bound(found)
    given(ept is not None and ept.addr != ANY, "the channel has an address")

    given(linux_link.upper.send(ept, b"raw") == 0, "it sends")

    header = linux_link.next_message().header
    expect((ept.addr, OURS), (header.src, header.dst), f"addresses of a message of {entry}")
