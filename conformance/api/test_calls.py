# SPDX-License-Identifier: BSD-3-Clause
"""API: what a client of the kernel's own calls, and what it is told: by a module, since user space cannot."""

from __future__ import annotations

import errno
import select
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rpmsg_cts import decode
from rpmsg_cts.client_linux import CHANNEL, DRIVER, REFUSE, Kind, Op
from rpmsg_cts.judge import expect, given, req, skip
from rpmsg_cts.link import ANY, Message
from rpmsg_cts.link_linux import LinuxLink

OURS, THEIRS = 1024, 0x5DC
ELSEWHERE, FOREIGN = 901, 4000
MTU = 496
WRITABLE_SINCE = (7, 0)
OFF_CHANNEL, NO_OFF_CHANNEL_SINCE = (Op.SEND_OFFCHANNEL, Op.TRYSEND_OFFCHANNEL), (6, 16)
CHURNS, ROUNDS_MAX, CAUGHT = 20000, 50, 20  # endpoints a round; rounds until enough messages came meanwhile
IN_FLIGHT = 4
PATIENT = (Op.SEND, Op.SENDTO, Op.SEND_OFFCHANNEL)
IMPATIENT = (Op.TRYSEND, Op.TRYSENDTO, Op.TRYSEND_OFFCHANNEL)
# What each call is told, and the addresses that have to come of it.
ADDRESSES = {
    Op.SEND: ({}, (THEIRS, OURS)), Op.TRYSEND: ({}, (THEIRS, OURS)),
    Op.SENDTO: ({"dst": ELSEWHERE}, (THEIRS, ELSEWHERE)), Op.TRYSENDTO: ({"dst": ELSEWHERE}, (THEIRS, ELSEWHERE)),
    Op.SEND_OFFCHANNEL: ({"src": FOREIGN, "dst": ELSEWHERE}, (FOREIGN, ELSEWHERE)),
    Op.TRYSEND_OFFCHANNEL: ({"src": FOREIGN, "dst": ELSEWHERE}, (FOREIGN, ELSEWHERE)),
}
every_call = pytest.mark.parametrize("op", ADDRESSES, ids=lambda op: op.name.lower())


def channel(link: LinuxLink, dst: int = OURS) -> int:
    """A channel with our client.  Return: the number of its own endpoint, which has the address THEIRS."""
    assert link.client.handle is not None
    given(link.upper.open_channel(CHANNEL, THEIRS, dst) == 0, "the driver opens a channel")
    ept = link.client.bind(entry(link, dst))
    given([message.header.dst for message in link.sent()] == [decode.NS_ADDR], "the channel was announced")
    return ept


def has(link: LinuxLink, op: Op) -> bool:
    """Whether this kernel has the function."""
    return op not in OFF_CHANNEL or link.version < NO_OFF_CHANNEL_SINCE


def needs(link: LinuxLink, op: Op) -> None:
    """Skip the test where this kernel does not have it."""
    if not has(link, op):
        skip(f"since 6.16 Linux has no rpmsg_{op.name.lower()}()")


def entry(link: LinuxLink, dst: int = OURS) -> str:
    """What the bus calls that channel."""
    return link.clients.entry(CHANNEL, THEIRS, dst if dst < 0x80000000 else dst - (1 << 32))


def fill(link: LinuxLink, ept: int) -> list[Message]:
    """Send until no buffer is free, and keep all of them."""
    done = link.client.call(Op.TRYSEND, ept, payload=b"full", value=link.lower.num)
    given((done.result, done.value) == (0, link.lower.num), "there is a buffer for each entry of the ring")
    return link.sent(give_back=False)


def seen(link: LinuxLink) -> list[tuple[int, int, bytes]]:
    """Addresses and payloads of what was sent so far."""
    return [(message.header.src, message.header.dst, message.payload) for message in link.sent()]


@req("API-013", "ADR-011")
@every_call
def test_each_call_has_its_addresses(linux_link: LinuxLink, op: Op) -> None:
    """A client chooses by the call whether it is the channel that speaks, and to whom."""
    needs(linux_link, op)
    ept, (words, addresses) = channel(linux_link), ADDRESSES[op]

    status = linux_link.client.call(op, ept, payload=b"hello", **words).result

    expect(0, status, "result")
    expect([(*addresses, b"hello")], seen(linux_link), "on the wire")


@req("API-013", "FLO-008", "FLO-009")
@pytest.mark.parametrize("size", [497, 65536 + 4, 131072])
@every_call
def test_each_call_refuses_what_is_too_long(linux_link: LinuxLink, op: Op, size: int) -> None:
    """Nothing is cut, and a length is not cut to 16 bits either."""
    needs(linux_link, op)
    ept = channel(linux_link)

    status = linux_link.client.call(op, ept, length=size, **ADDRESSES[op][0]).result

    expect(-errno.EMSGSIZE, status, f"result of sending {size} bytes")
    expect([], seen(linux_link), "on the wire")


@req("API-013", "ADR-001", "ADR-010")
@pytest.mark.parametrize(("op", "words"), [
    (Op.SENDTO, {"dst": ANY}), (Op.TRYSENDTO, {"dst": ANY}),
    (Op.SEND_OFFCHANNEL, {"src": ANY, "dst": ELSEWHERE}), (Op.TRYSEND_OFFCHANNEL, {"src": ANY, "dst": ELSEWHERE}),
    (Op.SEND_OFFCHANNEL, {"src": FOREIGN, "dst": ANY}), (Op.TRYSEND_OFFCHANNEL, {"src": FOREIGN, "dst": ANY}),
    (Op.SEND, {}), (Op.TRYSEND, {})], ids=lambda value: value.name.lower() if isinstance(value, Op) else
    "-".join(f"{name}-any" for name, addr in value.items() if addr == ANY) or "channel-any")
def test_no_call_sends_to_or_from_any(linux_link: LinuxLink, op: Op, words: dict[str, int]) -> None:
    """It is no address: nobody would get it, or everybody."""
    needs(linux_link, op)
    ept = channel(linux_link, OURS if words else ANY)

    status = linux_link.client.call(op, ept, payload=b"hello", **words).result

    expect(-errno.EINVAL, status, "result")
    expect([], seen(linux_link), "on the wire")


@req("API-013", "FLO-005")
def test_an_impatient_call_without_a_buffer_fails_at_once(linux_link: LinuxLink) -> None:
    """Those who call it must not sleep."""
    ept = channel(linux_link)
    messages = fill(linux_link, ept)
    ops = [op for op in IMPATIENT if has(linux_link, op)]

    results = [linux_link.client.call(op, ept, payload=b"now or never", **ADDRESSES[op][0]).result for op in ops]
    linux_link.lower.give_back(messages[0])
    again = linux_link.client.call(Op.TRYSEND, ept, payload=b"now").result

    expect([-errno.ENOMEM] * len(ops), results, "results without a buffer")
    expect((0, [(THEIRS, OURS, b"now")]), (again, seen(linux_link)), "result with one, and what is on the wire")


@req("API-013", "FLO-005")
@pytest.mark.parametrize("op", PATIENT, ids=lambda op: op.name.lower())
def test_a_patient_call_waits_for_a_buffer(linux_link: LinuxLink, op: Op) -> None:
    """And goes on with the first that comes back."""
    needs(linux_link, op)
    link, (words, addresses) = linux_link, ADDRESSES[op]
    ept = channel(link)
    messages = fill(link, ept)

    tag = link.client.start(op, ept, payload=b"at last", **words)
    before = link.client.result(tag)
    link.lower.give_back(messages[0])
    link.until(lambda: link.client.result(tag) is not None)

    expect((None, 0), (before, link.client.result(tag)), "result without a buffer, and with one")
    expect([(*addresses, b"at last")], seen(link), "on the wire")


@req("API-014")
@pytest.mark.parametrize("op", [*IMPATIENT, Op.SEND], ids=lambda op: op.name.lower())
def test_a_callback_may_answer(linux_link: LinuxLink, op: Op) -> None:
    """Echo is what most clients begin with."""
    needs(linux_link, op)
    link = linux_link
    ept = channel(link)
    link.client.call(Op.ON_MESSAGE, ept, value=op)

    for i in range(2 * link.lower.num):
        link.lower.send(OURS, THEIRS, bytes([i & 0xFF]))
        expect([(THEIRS, OURS, bytes([i & 0xFF]))], seen(link), f"answer to message {i}")
    records = link.client.listen()

    expect({0}, {record.result for record in records if record.kind == Kind.ANSWERED}, "results in the callback")
    expect(2 * link.lower.num, sum(record.kind == Kind.ANSWERED for record in records), "answers")


@req("API-014", "FLO-016")
def test_a_callback_without_a_buffer_is_told(linux_link: LinuxLink) -> None:
    """It cannot wait for one; what comes later is received all the same."""
    link = linux_link
    ept = channel(link)
    messages = fill(link, ept)
    link.client.call(Op.ON_MESSAGE, ept, value=Op.TRYSEND)

    for i in range(3):
        link.lower.send(OURS, THEIRS, bytes([i]))
        link.settle()
    told = [(record.kind, record.result) for record in link.client.listen()]
    link.lower.give_back(messages[0])
    link.lower.send(OURS, THEIRS, b"again")

    expect([(Kind.MESSAGE, 0), (Kind.ANSWERED, -errno.ENOMEM)] * 3, told, "callbacks and answers")
    expect([(THEIRS, OURS, b"again")], seen(link), "answer with a buffer")


@req("ADR-008", "API-014")
def test_what_a_callback_returns_changes_nothing(linux_link: LinuxLink) -> None:
    """It says that the client could do nothing with a message, which is no fault of the buffer."""
    link = linux_link
    ept = channel(link)
    link.client.call(Op.ON_MESSAGE, ept, value=REFUSE)
    payloads = [bytes([i & 0xFF]) for i in range(2 * link.lower.num)]

    for payload in payloads:
        expect(True, link.lower.can_send(), "whether there is a buffer")
        link.lower.send(OURS, THEIRS, payload)
        link.settle()

    heard = link.client.messages()
    expect([(OURS, THEIRS, 1, payload) for payload in payloads],
           [(record.src, record.dst, record.length, record.payload) for record in heard],
           "source, destination, length and payload as the callback was told")


@req("API-012")
def test_the_limit_is_496_at_each_endpoint(linux_link: LinuxLink) -> None:
    """What is as long as the limit can be sent, what is longer cannot."""
    ept = channel(linux_link)
    other = linux_link.client.create(ept, src=FOREIGN).value

    limits = [linux_link.client.call(Op.GET_MTU, one).result for one in (ept, other)]
    results = [linux_link.client.call(Op.SENDTO, other, dst=OURS, length=size).result for size in (MTU, MTU + 1)]

    expect([MTU, MTU], limits, "rpmsg_get_mtu()")
    expect([0, -errno.EMSGSIZE], results, "results of sending as much, and one more")


@req("API-008")
def test_poll_of_the_back_end_tells_of_a_buffer(linux_link: LinuxLink) -> None:
    """Who multiplexes in the kernel asks the same question as who does outside."""
    ept = channel(linux_link)
    masks = [linux_link.client.call(Op.POLL, ept).value]
    messages = fill(linux_link, ept)
    masks.append(linux_link.client.call(Op.POLL, ept).value)
    linux_link.lower.give_back(messages[0])
    masks.append(linux_link.client.call(Op.POLL, ept).value)

    writable = select.POLLOUT if linux_link.version >= WRITABLE_SINCE else 0
    expect([writable, 0, writable], [mask & select.POLLOUT for mask in masks],
           "rpmsg_poll() with buffers, without one, and with some again")


@req("API-015", "ADR-005")
def test_an_address_is_taken_until_its_endpoint_is_gone(linux_link: LinuxLink) -> None:
    """Two clients with one address would each get half of what is sent to it."""
    link = linux_link
    channel_ept = channel(link)
    first = link.client.create(channel_ept, src=FOREIGN)
    given((first.result, first.src) == (0, FOREIGN), "the endpoint is created")

    second = link.client.create(channel_ept, src=FOREIGN).result
    link.lower.send(OURS, FOREIGN, b"mine")
    link.settle()
    heard = [record.ept for record in link.client.messages()]
    status = link.client.call(Op.DESTROY, first.value).result
    third = link.client.create(channel_ept, src=FOREIGN).result

    expect((-errno.ENXIO, [first.value]), (second, heard), "result of taking it again, and who got the message")
    expect((0, 0), (status, third), "results of destroying it, and of taking the address then")


@req("API-015", "ADR-009")
def test_endpoints_come_and_go_between_messages(linux_link: LinuxLink) -> None:
    """What is on its way when an endpoint is destroyed is nobody's, and costs no buffer."""
    link = linux_link
    channel_ept = channel(link)

    for i in range(2 * link.lower.num):
        ept = link.client.create(channel_ept, src=FOREIGN).value
        link.lower.send(OURS, FOREIGN, b"in time")
        link.settle()
        in_time = [(record.ept, record.payload) for record in link.client.messages()]
        link.lower.send(OURS, FOREIGN, b"on its way", notify=False)
        link.client.call(Op.DESTROY, ept)
        link.spurious(0)
        link.lower.send(OURS, FOREIGN, b"too late")
        link.settle()
        expect(([(ept, b"in time")], []), (in_time, link.client.messages()), f"callbacks, round {i}")

    link.lower.send(OURS, THEIRS, b"still there?")
    link.settle()
    expect([b"still there?"], [record.payload for record in link.client.messages()], "what the channel gets after that")


@req("API-015")
def test_endpoints_come_and_go_in_traffic(linux_link: LinuxLink) -> None:
    """A client that is just going away must not be called, whatever the processor is doing."""
    linux_link.needs("what is done while the kernel computes")
    link = linux_link
    ept = channel(link)

    def flood() -> None:
        while link.lower.can_send():
            link.lower.send(OURS, FOREIGN, b"catch me")

    messages = 0
    for _ in range(ROUNDS_MAX):
        with link.meanwhile(flood):
            churn = link.client.call(Op.CHURN, ept, src=FOREIGN, value=CHURNS)
        expect((CHURNS, 0), (churn.result, churn.value), "endpoints that came, and callbacks after they were gone")
        messages += churn.src
        if messages >= CAUGHT:
            break
    given(messages >= CAUGHT, "messages came meanwhile")

    expect(True, link.until(link.lower.can_send), "whether buffers come back after that")
    link.lower.send(OURS, THEIRS, b"still there?")
    link.settle()
    expect([b"still there?"], [record.payload for record in link.client.messages()], "what the channel gets after that")


@req("API-011")
def test_callbacks_go_on_until_the_client_is_removed(linux_link: LinuxLink) -> None:
    """While the withdrawal waits for a buffer the client is whole; behind its removal is nothing."""
    link = linux_link
    ept = channel(link)
    other = link.client.create(ept, src=FOREIGN).value
    messages = fill(link, ept)
    link.client.listen()

    job = link.clients.unbind_in_background(DRIVER, entry(link))
    for addr in (THEIRS, FOREIGN):
        link.lower.send(OURS, addr, b"while it waits")
        link.settle()
    meanwhile = [(record.kind, record.ept) for record in link.client.listen()]
    for message in messages:
        link.lower.give_back(message)
    given(link.until(lambda: link.agent.job_result(job) is not None), "unbinding ends")
    withdrawals = [decode.decode_name_service(message.payload, link.lower.order).flags for message in link.sent()
                   if message.header.dst == decode.NS_ADDR]
    at_the_end = [(record.kind, record.ept) for record in link.client.listen()]
    for addr in (THEIRS, FOREIGN):
        link.lower.send(OURS, addr, b"too late")
        link.settle()

    expect([(Kind.MESSAGE, ept), (Kind.MESSAGE, other)], meanwhile, "what happens while the withdrawal waits")
    expect(([decode.NS_DESTROY], [(Kind.REMOVED, ept)]), (withdrawals, at_the_end), "withdrawals, and what happens then")
    expect([], link.client.listen(), "callbacks after unbinding")


@contextmanager
def exchange(link: LinuxLink, answers: list[Message]) -> Iterator[None]:
    """Messages to the channel's client, and its answers."""
    sent = [0]

    def step() -> None:
        if sent[0] - len(answers) < IN_FLIGHT and link.lower.can_send():
            link.lower.send(OURS, THEIRS, b"more")
            sent[0] += 1
        if (message := link.lower.receive()) is not None:
            answers.append(message)

    with link.meanwhile(step):
        given(link.until(lambda: len(answers) > IN_FLIGHT), "there is traffic")
        yield


@req("API-011")
def test_nothing_is_called_after_unbinding_in_traffic(linux_link: LinuxLink) -> None:
    """The module may be unloaded next: a late callback would run into nowhere."""
    link, heard = linux_link, list[Message]()
    ept = channel(link)
    link.client.call(Op.ON_MESSAGE, ept, value=Op.TRYSEND)

    with exchange(link, heard):
        status = link.clients.unbind(DRIVER, entry(link))
    heard += link.sent()
    withdrawals = [message.payload for message in heard if message.header.dst == decode.NS_ADDR]
    removed = [record.ept for record in link.client.listen() if record.kind == Kind.REMOVED]
    link.lower.send(OURS, THEIRS, b"too late")

    expect((0, 1, [ept]), (status, len(withdrawals), removed), "result of unbinding, withdrawals, and calls of remove()")
    expect([], seen(link), "answers after unbinding")
    expect([], link.client.listen(), "callbacks after unbinding")


@req("API-011")
def test_a_client_is_unloaded_in_traffic(linux_link: LinuxLink) -> None:
    """With the module its callbacks are gone, and who is in one must have left."""
    link = linux_link
    other = link.upper.open(src=ELSEWHERE, dst=OURS)
    ept = channel(link)
    link.client.call(Op.ON_MESSAGE, ept, value=Op.TRYSEND)
    in_use = link.client.unload()

    with exchange(link, []):
        link.client.close()
        status = link.client.unload()
    link.sent()
    link.lower.send(OURS, THEIRS, b"too late")

    expect((-errno.EAGAIN, 0), (in_use, status), "results of unloading it while it is used, and then")
    expect([], seen(link), "answers after that")
    expect(True, link.works(other), "whether others still get messages")
