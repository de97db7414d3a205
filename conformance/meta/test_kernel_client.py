# SPDX-License-Identifier: BSD-3-Clause
"""Our client in the kernel: what it is told wrongly gets an error, and nothing that it is told harms the kernel."""

from __future__ import annotations

import errno
import random
import struct
from collections.abc import Iterator

import pytest

from rpmsg_cts.client_linux import CHANNEL, DEVICE, DRIVER, Kind, Op
from rpmsg_cts.clients_linux import told
from rpmsg_cts.lab import Lab
from rpmsg_cts.link import Config, Unsupported
from rpmsg_cts.link_linux import LinuxLink
from rpmsg_cts.targets import DRIVER as ROLE
from rpmsg_cts.targets import Lane

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]
# The last ones watch themselves.
TARGETS = ("linux-uml:6.1", "linux-uml:6.1+kasan+kmemleak+ubsan", "linux-uml:6.1+lockdep")
THEIRS, OURS = 0x5DC, 1024
COMMAND_BYTES = 28
MOST_BYTES = 1 << 18
NOBODY = 0xFFFFFFFF


@pytest.fixture(name="link", params=TARGETS)
def bound(request: pytest.FixtureRequest) -> Iterator[LinuxLink]:
    """A link; what the kernel says of itself meanwhile fails the test."""
    lab = Lab(lambda target, facts: None)
    try:
        link = lab.link(Lane(request.param, ROLE), Config())
    except Unsupported as missing:
        lab.close()
        pytest.skip(str(missing))
    assert isinstance(link, LinuxLink)
    try:
        yield link
        link.close()
    finally:
        lab.close()


def channel(link: LinuxLink) -> int:
    """A channel of the driver's with our client.  Return: the number of its endpoint."""
    assert link.client.handle is not None and link.upper.open_channel(CHANNEL, THEIRS, OURS) == 0
    return link.client.bind(link.clients.entry(CHANNEL, THEIRS, OURS))


def write(link: LinuxLink, data: bytes) -> int:
    """Return: 0, or -errno."""
    return told(link.agent.write, link.client.handle, data)


def test_what_is_no_command_is_refused(link: LinuxLink) -> None:
    """With an errno for the reason, and without a record."""
    ept = channel(link)
    command = struct.Struct("<7I")
    refused = {
        "nothing": (b"", -errno.EINVAL), "a byte": (b"\1", -errno.EINVAL), "half": (bytes(14), -errno.EINVAL),
        "one byte too few": (bytes(COMMAND_BYTES - 1), -errno.EINVAL),
        "no operation": (command.pack(0, 1, ept, 0, 0, 0, 0), -errno.EINVAL),
        "an unknown one": (command.pack(max(Op) + 1, 1, ept, 0, 0, 0, 0), -errno.EINVAL),
        "the last one": (command.pack(NOBODY, 1, ept, 0, 0, 0, 0), -errno.EINVAL),
        "nobody's endpoint": (command.pack(Op.SEND, 1, 0, 0, 0, 0, 0), -errno.ENOENT),
        "the last endpoint": (command.pack(Op.SEND, 1, NOBODY, 0, 0, 0, 0), -errno.ENOENT),
    }
    link.client.listen()

    assert {name: write(link, data) for name, (data, _) in refused.items()} == {
        name: status for name, (_, status) in refused.items()}
    assert link.client.listen() == []
    assert told(link.clients.open, DEVICE) == -errno.EBUSY
    assert told(link.agent.ioctl, link.client.handle, 0x4028B501, bytes(40)) == -errno.ENOTTY


def test_what_cannot_be_done_says_so_in_its_record(link: LinuxLink) -> None:
    """The command was one; its outcome is a number as any other."""
    ept = channel(link)
    other = link.client.create(ept, src=OURS).value
    call = link.client.call

    assert call(Op.DESTROY, ept).result == -errno.EPERM
    assert call(Op.SEND, ept, length=MOST_BYTES + 1).result == -errno.E2BIG
    assert call(Op.CHURN, ept, src=OURS, value=NOBODY).result == -errno.E2BIG
    assert call(Op.CHURN, ept, src=OURS, value=3).result == 0
    assert [call(Op.DESTROY, other).result, write(link, struct.pack("<7I", Op.DESTROY, 1, other, 0, 0, 0, 0))] == [
        0, -errno.ENOENT]
    call(Op.SEND, ept, payload=b"x")
    small = told(link.agent.read, link.client.handle, 8)
    assert (small, link.client.listen()) == (-errno.EAGAIN, [])


def test_a_record_that_does_not_fit_is_kept(link: LinuxLink) -> None:
    """Half of one would shift all that come after it."""
    ept = channel(link)
    link.client.listen()
    assert write(link, struct.pack("<7I", Op.GET_MTU, 77, ept, 0, 0, 0, 0)) == 0

    assert told(link.agent.read, link.client.handle, 31) == -errno.EMSGSIZE
    (record,) = link.client.listen()
    assert (record.kind, record.tag, record.result) == (Kind.DONE, 77, 496)


def test_there_are_so_many_endpoints(link: LinuxLink) -> None:
    """One more is refused; those that are left when the device is closed are gone with it."""
    ept = channel(link)
    results = [link.client.create(ept, src=4000 + i).result for i in range(128)]

    assert results == [0] * 127 + [-errno.ENOSPC]
    link.client.close()
    assert link.upper.open(src=4000, dst=OURS) is not None


@pytest.mark.parametrize("seed", range(4))
def test_random_commands_harm_nobody(link: LinuxLink, seed: int) -> None:
    """Whoever is allowed to open the device is not to be trusted with the kernel for that."""
    ept, chance = channel(link), random.Random(seed)
    addresses = (0, 53, THEIRS, OURS, 4000, NOBODY)

    for _ in range(300):
        # A patient call would wait for the 15 s: there is nobody who gives buffers back.
        op = chance.choice([chance.randrange(20), *(one for one in Op if one not in (Op.SEND, Op.SENDTO,
                                                                                      Op.SEND_OFFCHANNEL))])
        if op in (Op.SEND, Op.SENDTO, Op.SEND_OFFCHANNEL):
            continue
        command = struct.pack("<7I", op, chance.getrandbits(32), chance.choice((ept, ept + 1, ept + 2, chance.randrange(9))),
                              chance.choice(addresses), chance.choice(addresses),
                              chance.choice((0, 1, 6, 256, chance.getrandbits(16), NOBODY)),
                              chance.choice((0, 1, 496, 497, chance.getrandbits(32))))
        write(link, command + chance.randbytes(chance.randrange(64)))
        link.client.listen()

    assert link.client.call(Op.GET_MTU, ept).result == 496


def test_it_goes_while_it_is_used(link: LinuxLink) -> None:
    """Its device holds it; once that is closed, the driver takes leave of its channels."""
    channel(link)
    assert link.client.unload() == -errno.EAGAIN
    link.client.close()
    assert link.client.unload() == 0
    assert not link.agent.exists(f"/sys/bus/rpmsg/drivers/{DRIVER}")
