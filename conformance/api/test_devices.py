# SPDX-License-Identifier: BSD-3-Clause
"""API: /dev/rpmsg_ctrlN and /dev/rpmsgN, by which programs talk to a remote."""

from __future__ import annotations

import errno
import select
from pathlib import Path

import pytest

from rpmsg_cts import vectors
from rpmsg_cts.clients_linux import RAW, told
from rpmsg_cts.judge import expect, given, req
from rpmsg_cts.link import ANY, TX
from rpmsg_cts.link_linux import LinuxLink
from rpmsg_cts.upper_linux import CLASS

OURS, THEIRS = 1024, 0x5DC
NAME_BYTES = 32
VECTORS = vectors.load(Path(__file__).resolve().parents[2])
IN = select.POLLIN | select.POLLRDNORM
ASKED = IN | select.POLLOUT
WRITABLE_SINCE = (7, 0)
NO_INTERRUPT = 1
PATIENCE_S = 2.0  # a guest that is well answers within milliseconds


def number(name: str) -> int:
    """An ioctl's number."""
    return VECTORS.ioctls[f"RPMSG_{name}_IOCTL"].number


def info(link: LinuxLink, name: bytes, src: int, dst: int) -> bytes:
    """The structure that the ioctls take, in the byte order of the guest's processor."""
    order = "big" if link.config.big_endian else "little"
    return name.ljust(NAME_BYTES, b"\0") + src.to_bytes(4, order) + dst.to_bytes(4, order)


def created(link: LinuxLink, *arguments: object) -> str:
    """Tell the control device something that makes an endpoint's device.  Return: its name."""
    before = set(link.agent.list_dir(CLASS))
    given(told(link.agent.ioctl, link.upper.control(), *arguments) == 0, "the ioctl is accepted")
    made = set(link.agent.list_dir(CLASS)) - before
    given(len(made) == 1, f"one device came of it, and not {sorted(made)}")
    return made.pop()


def endpoint(link: LinuxLink) -> str:
    """The device of an endpoint that nobody has opened."""
    return created(link, number("CREATE_EPT"), info(link, b"test", THEIRS, OURS))


def read(link: LinuxLink, handle: int, most: int = 4096) -> bytes | int:
    """Return: a message, or -errno."""
    got: list[bytes] = []
    return told(lambda: got.append(link.agent.read(handle, most))) or got[0]


def write(link: LinuxLink, handle: int, payload: bytes) -> int:
    """Return: bytes taken, or -errno."""
    got: list[int] = []
    return told(lambda: got.append(link.agent.write(handle, payload))) or got[0]


def fill(link: LinuxLink, handle: int) -> None:
    """Write until there is no buffer left."""
    for _ in range(link.lower.num):
        given(write(link, handle, b"full") == 4, "there is a buffer")


@req("API-004")
def test_an_endpoint_is_made_and_unmade_by_number(linux_link: LinuxLink) -> None:
    """Programs that were compiled long ago have nothing but the number and 40 bytes."""
    name = created(linux_link, number("CREATE_EPT"), VECTORS.vector("V-EPT-1", "le").bytes)
    shown = [linux_link.agent.read_text(f"{CLASS}/{name}/{attribute}") for attribute in ("name", "src", "dst")]
    handle = linux_link.clients.open(f"/dev/{name}")
    status = told(linux_link.agent.ioctl, handle, number("DESTROY_EPT"))
    gone = not linux_link.agent.exists(f"{CLASS}/{name}")

    expect(["rpmsg-openamp-demo", "-1", "-1"], shown, "name, src and dst of the device")
    expect((0, True), (status, gone), "result of DESTROY_EPT, and whether the device is gone")


@req("API-004")
def test_a_channel_is_made_and_unmade_by_number(linux_link: LinuxLink) -> None:
    """The other pair of the four."""
    control, words = linux_link.upper.control(), info(linux_link, b"cts-nobody", ANY, OURS)
    before = linux_link.clients.entries()

    first = told(linux_link.agent.ioctl, control, number("CREATE_DEV"), words)
    made = sorted(set(linux_link.clients.entries()) - set(before))
    last = told(linux_link.agent.ioctl, control, number("RELEASE_DEV"), words)

    expect((0, [linux_link.clients.entry("cts-nobody", -1, OURS)]), (first, made), "result, and new channels")
    expect((0, before), (last, linux_link.clients.entries()), "result of RELEASE_DEV, and entries on the bus")


@req("API-004")
@pytest.mark.parametrize("wrong", [0x4024B501, 0xB501, 0x4028B500], ids=hex)
def test_another_number_is_refused(linux_link: LinuxLink, wrong: int) -> None:
    """A structure of 36 bytes is another ioctl."""
    before = linux_link.agent.list_dir(CLASS)

    status = told(linux_link.agent.ioctl, linux_link.upper.control(), wrong, info(linux_link, b"test", THEIRS, OURS))

    expect((-errno.EINVAL, before), (status, linux_link.agent.list_dir(CLASS)), "result, and devices")


@req("API-004")
def test_a_name_without_end_is_cut_at_31(linux_link: LinuxLink) -> None:
    """Reading on would show what lies behind it."""
    name = created(linux_link, number("CREATE_EPT"), info(linux_link, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", 77, 78))

    expect("ABCDEFGHIJKLMNOPQRSTUVWXYZ01234", linux_link.agent.read_text(f"{CLASS}/{name}/name"), "name of the device")


@req("API-005")
def test_the_endpoint_is_there_once_its_device_is_open(linux_link: LinuxLink) -> None:
    """What comes earlier is nobody's."""
    name = endpoint(linux_link)
    linux_link.lower.send(OURS, THEIRS, b"too early")
    linux_link.settle()
    handle = linux_link.clients.open(f"/dev/{name}")
    before = read(linux_link, handle)
    linux_link.lower.send(OURS, THEIRS, b"in time")
    linux_link.settle()

    expect((-errno.EAGAIN, b"in time"), (before, read(linux_link, handle)), "read at once, and after a message")


@req("API-005")
def test_a_second_open_is_refused(linux_link: LinuxLink) -> None:
    """Two readers would share the messages of one."""
    name = endpoint(linux_link)
    handle = linux_link.clients.open(f"/dev/{name}")

    second = told(linux_link.clients.open, f"/dev/{name}")
    linux_link.lower.send(OURS, THEIRS, b"mine")
    linux_link.settle()

    expect((-errno.EBUSY, b"mine"), (second, read(linux_link, handle)), "second open, and what the first one reads")


@req("API-005", "API-008")
def test_who_holds_an_endpoint_that_is_gone_is_told(linux_link: LinuxLink) -> None:
    """A program that is not told would wait for ever."""
    handle = linux_link.clients.open(f"/dev/{endpoint(linux_link)}")
    given(told(linux_link.agent.ioctl, handle, number("DESTROY_EPT")) == 0, "the endpoint is destroyed")

    results = read(linux_link, handle), write(linux_link, handle, b"to nobody"), linux_link.agent.poll(handle, ASKED)

    expect((-errno.EPIPE, -errno.EPIPE, select.POLLERR), results, "read, write and poll")


@req("API-005")
def test_a_device_that_is_gone_cannot_be_opened(linux_link: LinuxLink) -> None:
    """Its channel may be gone too, and must not be used again."""
    name = endpoint(linux_link)
    handle = linux_link.clients.open(f"/dev/{name}")
    descriptors = "/proc/self/fd"
    # What is open can be opened again by its descriptor, although it has no name any more.
    (descriptor,) = [fd for fd in linux_link.agent.list_dir(descriptors)
                     if told(linux_link.agent.read_link, f"{descriptors}/{fd}") == 0
                     and linux_link.agent.read_link(f"{descriptors}/{fd}") == f"/dev/{name}"]
    given(told(linux_link.agent.ioctl, handle, number("DESTROY_EPT")) == 0, "the endpoint is destroyed")

    status = told(linux_link.clients.open, f"{descriptors}/{descriptor}")

    expect(True, status != 0, "whether a device whose endpoint is gone refuses to be opened")
    expect(-errno.ENETRESET, status, "with which error")


@req("API-005", "API-009")
def test_unbinding_a_raw_channel_ends_its_device(linux_link: LinuxLink) -> None:
    """A program may have it open at that moment."""
    linux_link.lower.announce("rpmsg-raw", OURS)
    linux_link.settle()
    ept = linux_link.upper.bound(linux_link.upper.channels()[0])
    given(ept is not None, "the channel has a device")

    status = linux_link.clients.unbind(RAW, linux_link.clients.entry("rpmsg-raw", -1, OURS))
    results = read(linux_link, ept.handle), write(linux_link, ept.handle, b"to nobody")

    expect((0, (-errno.EPIPE, -errno.EPIPE)), (status, results), "unbinding; read and write afterwards")


@req("API-006")
def test_one_read_is_one_message(linux_link: LinuxLink) -> None:
    """Each of them a unit of its own, to the last one that is empty."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    sent = (b"first", b"", b"x" * 496)
    for payload in sent:
        linux_link.lower.send(OURS, THEIRS, payload)
    linux_link.settle()

    expect([*sent, -errno.EAGAIN], [read(linux_link, ept.handle) for _ in range(4)], "four reads of three messages")


@req("API-006")
def test_what_does_not_fit_is_lost(linux_link: LinuxLink) -> None:
    """The next read must not begin in the middle of a message."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    for payload in (b"hello world!", b"next"):
        linux_link.lower.send(OURS, THEIRS, payload)
    linux_link.settle()

    expect([b"hell", b"next"], [read(linux_link, ept.handle, 4) for _ in range(2)], "two reads of four bytes")


@req("API-007")
@pytest.mark.parametrize("size", [1, 495, 496])
def test_one_write_is_one_message(linux_link: LinuxLink, size: int) -> None:
    """To the destination that the endpoint was made with."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)

    taken = write(linux_link, ept.handle, b"x" * size)

    message = linux_link.next_message()
    expect((size, OURS, b"x" * size), (taken, message.header.dst, message.payload), "result; destination and payload")
    expect([], [message.payload for message in linux_link.sent()], "further messages")


@req("API-007")
@pytest.mark.parametrize("size", [497, 512, 4096])
def test_a_write_that_is_too_long_is_refused(linux_link: LinuxLink, size: int) -> None:
    """And not cut, nor split."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)

    expect(-errno.EMSGSIZE, write(linux_link, ept.handle, b"x" * size), f"result of writing {size} bytes")
    expect([], [message.payload for message in linux_link.sent()], "messages")


@req("API-007")
def test_a_write_without_a_buffer_says_try_again(linux_link: LinuxLink) -> None:
    """And again means again: the next one goes."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    fill(linux_link, ept.handle)

    refused = write(linux_link, ept.handle, b"one more")
    sent = [message.payload for message in linux_link.sent()]
    taken = write(linux_link, ept.handle, b"again")

    expect((-errno.EAGAIN, [b"full"] * linux_link.lower.num), (refused, sent), "result, and messages")
    expect((5, [b"again"]), (taken, [message.payload for message in linux_link.sent()]), "the same once there are buffers")


@req("API-016")
def test_a_writer_that_waits_can_be_killed(linux_link: LinuxLink) -> None:
    """What it has to say is void, and nobody else is stopped."""
    linux_link.needs("what is done while the kernel computes")
    link = linux_link
    ept = link.upper.open(src=THEIRS, dst=OURS)
    fill(link, ept.handle)
    messages = link.sent(give_back=False)
    job = link.upper.send_blocking(ept, b"never sent")
    given(link.until(lambda: not link.lower.ring(TX).avail.flags & NO_INTERRUPT), "the driver waits for a buffer")

    goes_on = link.upper.kill(job, PATIENCE_S)
    for message in messages:
        link.lower.give_back(message)
    link.agent.ping(10 * PATIENCE_S)

    expect([], [message.payload for message in link.sent()], "messages of the killed writer, once there are buffers")
    expect(True, goes_on, "whether the guest has gone on without buffers")


@req("API-008")
def test_poll_tells_of_a_message(linux_link: LinuxLink) -> None:
    """A program that is woken for nothing burns the processor, and one that is not woken hangs."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    masks = [linux_link.agent.poll(ept.handle, IN)]
    linux_link.lower.send(OURS, THEIRS, b"wake up")
    linux_link.settle()
    masks.append(linux_link.agent.poll(ept.handle, IN))
    given(read(linux_link, ept.handle) == b"wake up", "the message arrives")
    masks.append(linux_link.agent.poll(ept.handle, IN))

    expect([0, IN, 0], masks, "poll before a message, with it, and once it was read")


@req("API-008")
def test_poll_tells_of_a_buffer(linux_link: LinuxLink) -> None:
    """Only since 7.0: programs for older kernels cannot wait for one."""
    ept = linux_link.upper.open(src=THEIRS, dst=OURS)
    masks = [linux_link.agent.poll(ept.handle, select.POLLOUT)]
    fill(linux_link, ept.handle)
    masks.append(linux_link.agent.poll(ept.handle, select.POLLOUT))
    given(linux_link.sent(), "buffers come back")
    masks.append(linux_link.agent.poll(ept.handle, select.POLLOUT))

    writable = select.POLLOUT if linux_link.version >= WRITABLE_SINCE else 0
    expect([writable, 0, writable], masks, "poll with buffers, without one, and with some again")


@req("API-009")
def test_a_raw_channel_keeps_its_endpoint(linux_link: LinuxLink) -> None:
    """It belongs to the channel, and not to who has its device open."""
    linux_link.lower.announce("rpmsg-raw", OURS)
    linux_link.settle()
    channel = linux_link.upper.channels()[0]
    ept = linux_link.upper.bound(channel)
    given(ept is not None, "the channel has a device")
    (addr,) = {other.src for other in linux_link.upper.channels()}

    destroyed = told(linux_link.agent.ioctl, ept.handle, number("DESTROY_EPT"))
    linux_link.upper.close(ept)
    linux_link.lower.send(OURS, addr, b"while closed")
    linux_link.settle()
    again = linux_link.upper.bound(channel)
    given(again is not None, "the device is opened again")
    while_closed = read(linux_link, again.handle)
    linux_link.lower.send(OURS, addr, b"while open")
    linux_link.settle()

    expect(-errno.EINVAL, destroyed, "result of DESTROY_EPT")
    expect([b"while closed", b"while open"], [while_closed, read(linux_link, again.handle)], "what is read")
