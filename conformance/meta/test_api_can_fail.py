# SPDX-License-Identifier: BSD-3-Clause
"""Every test of the API suite can fail: it is run on a kernel that seems to do otherwise, and has to say so.

No deliberate error of our own ends can stand for what Linux alone has.  So one is put between the test and the guest:
what the agent answers, or what is on the ring, becomes what it would be had the kernel the error.
"""

from __future__ import annotations

import errno
import select
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from meta import liar, test_api_memory_can_fail
from meta.liar import Liar, Lies, Made, always, changed
from meta.preparation import or_skip
from rpmsg_cts import decode
from rpmsg_cts.client_linux import Kind, Op, Record
from rpmsg_cts.guest.agent import JobResult
from rpmsg_cts.guest.errors import AgentError
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.link import Message
from rpmsg_cts.link_linux import LinuxLink

TARGET = "linux-uml:6.1"
DESTROY_EPT, RELEASE_DEV = 0xB502, 0x4028B504
ERESTARTSYS = 512


def instead_of(number: int, value: object) -> Made:
    """Another answer to one errno."""
    def make(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*arguments: Any) -> object:
            try:
                return right(*arguments)
            except AgentError as error:
                if error.errno != number:
                    raise
                return value
        return answer
    return make


def forgotten(which: int) -> Made:
    """An ioctl that says yes and does nothing."""
    return lambda link, right: lambda handle, number, *more: b"" if number == which else right(handle, number, *more)


def longer(message: Message | None) -> Message | None:
    """The limit is that of the whole buffer."""
    return message and replace(message, payload=message.payload + bytes(16))


def to_another(message: Message | None) -> Message | None:
    """Sent to the neighbour; the name service is told what it is told."""
    if message is None or message.header.dst == decode.NS_ADDR:
        return message
    return replace(message, header=replace(message.header, dst=message.header.dst + 1))


def without_withdrawals(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """Channels end without a word."""
    def receive(**more: Any) -> Message | None:
        message = right(**more)
        if message is not None and message.header.dst == decode.NS_ADDR:
            said = decode.decode_name_service(message.payload, link.lower.order)
            return receive(**more) if said.flags == decode.NS_DESTROY else message
        return message
    return receive


def split(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """Each write becomes two messages."""
    rest: list[Message] = []

    def receive(**more: Any) -> Message | None:
        if rest:
            return rest.pop()
        if (message := right(**more)) is not None:
            half = len(message.payload) // 2
            rest.append(replace(message, payload=message.payload[half:]))
            return replace(message, payload=message.payload[:half])
        return None
    return receive


def remainders(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """What did not fit is kept for the next read."""
    kept = bytearray()

    def read(handle: int, most: int = 4096) -> bytes:
        if not kept:
            kept.extend(right(handle, 4096))
        out = bytes(kept[:most])
        del kept[:most]
        return out
    return read


def without_empty(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """Messages without bytes are dropped."""
    return lambda *arguments: right(*arguments) or right(*arguments)


def always_writable(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """Whether there is a buffer or not."""
    def call(op: int, *arguments: Any, **more: Any) -> Record:
        record = right(op, *arguments, **more)
        return replace(record, value=select.POLLOUT) if op == Op.POLL else record
    return call


def with_result(result: int) -> Callable[[Record], Record]:
    """Whatever was asked of our client in the kernel had this result."""
    return lambda record: replace(record, result=result)


# A callback of nobody's.
LATE = Record(Kind.MESSAGE, 0, 0, 0, 0, 0, 0, 0, b"")

# test: what the lie is put in place of, and the lie.
LIES: Lies = {
    "test_sample_client_says_hello_a_hundred_times":
        ("next_message", changed(lambda message: replace(message, payload=message.payload + b"\0"))),
    "test_a_client_needs_the_core_alone": ("clients.modules_below", changed(lambda names: [*names, "virtio_rpmsg_bus"])),
    "test_a_channel_is_called_by_name_and_addresses":
        ("clients.entries", changed(lambda names: [name.replace(".-1.", ".4294967295.") for name in names])),
    "test_a_client_takes_its_own_name_alone":
        ("clients.bind", changed(lambda status: 0 if status else -errno.ENODEV)),
    "test_unbinding_says_so_before_the_client_is_removed": ("lower.receive", without_withdrawals),
    "test_each_call_has_its_addresses": ("lower.receive", changed(to_another)),
    "test_each_call_refuses_what_is_too_long": ("client.call", changed(with_result(0))),
    "test_no_call_sends_to_or_from_any": ("client.call", changed(with_result(0))),
    "test_an_impatient_call_without_a_buffer_fails_at_once": ("client.call", changed(with_result(0))),
    "test_a_patient_call_waits_for_a_buffer": ("client.result", always(0)),
    "test_a_callback_may_answer":
        ("client.listen", changed(lambda records: list(map(with_result(-errno.ENOMEM), records)))),
    "test_a_callback_without_a_buffer_is_told":
        ("client.listen", changed(lambda records: list(map(with_result(0), records)))),
    "test_what_a_callback_returns_changes_nothing": ("client.messages", changed(lambda records: records[:1])),
    "test_the_limit_is_496_at_each_endpoint":
        ("client.call", changed(lambda record: replace(record, result=512) if record.result == 496 else record)),
    "test_poll_of_the_back_end_tells_of_a_buffer": ("client.call", always_writable),
    "test_an_address_is_taken_until_its_endpoint_is_gone": ("client.create", changed(with_result(0))),
    "test_endpoints_come_and_go_between_messages": ("client.messages", changed(lambda records: records or [LATE])),
    # Doing it could end this kernel: K-LINUX-009.
    "test_endpoints_come_and_go_in_traffic": ("client.call", always(replace(LATE, result=20000, value=1))),
    "test_callbacks_go_on_until_the_client_is_removed": ("lower.receive", without_withdrawals),
    "test_nothing_is_called_after_unbinding_in_traffic": ("clients.unbind", always(0)),
    "test_a_client_is_unloaded_in_traffic": ("client.unload", always(0)),
    "test_a_client_is_told_496_bytes": ("lower.receive", changed(longer)),
    "test_flow_control_is_refused_and_sends_nothing": ("agent.ioctl", always(b"")),
    "test_no_remote_has_restricted_the_flow": ("agent.ioctl", always(b"\1\0\0\0")),
    "test_raw_channel_gives_a_device_with_its_addresses": ("lower.receive", changed(to_another)),
    "test_an_endpoint_is_made_and_unmade_by_number": ("agent.ioctl", forgotten(DESTROY_EPT)),
    "test_a_channel_is_made_and_unmade_by_number": ("agent.ioctl", forgotten(RELEASE_DEV)),
    "test_another_number_is_refused": ("agent.ioctl", always(b"")),
    "test_a_name_without_end_is_cut_at_31": ("agent.read_text", changed(lambda text: text + "5")),
    "test_the_endpoint_is_there_once_its_device_is_open": ("agent.read", instead_of(errno.EAGAIN, b"too early")),
    "test_a_second_open_is_refused": ("clients.open", instead_of(errno.EBUSY, 0)),
    "test_who_holds_an_endpoint_that_is_gone_is_told": ("agent.poll", always(0)),
    "test_a_device_that_is_gone_cannot_be_opened":
        ("clients.open", lambda link, right: lambda path, *more: right(path.replace("/proc/self/fd", "/nowhere"), *more)),
    "test_unbinding_a_raw_channel_ends_its_device": ("agent.write", instead_of(errno.EPIPE, 9)),
    "test_one_read_is_one_message": ("agent.read", without_empty),
    "test_what_does_not_fit_is_lost": ("agent.read", remainders),
    "test_one_write_is_one_message": ("lower.receive", split),
    "test_a_write_that_is_too_long_is_refused":
        ("agent.write", lambda link, right: lambda handle, data: right(handle, data[:496])),
    "test_a_write_without_a_buffer_says_try_again": ("agent.write", instead_of(errno.EAGAIN, 8)),
    # This kernel has both defects that the test looks for: K-LINUX-012.
    "test_a_writer_that_waits_can_be_killed":
        ("lower.receive", changed(lambda message: None if message and message.payload == b"never sent" else message)),
    "test_poll_tells_of_a_message": ("agent.poll", changed(lambda mask: mask | select.POLLIN)),
    "test_poll_tells_of_a_buffer": ("agent.poll", always(select.POLLOUT)),
    "test_a_raw_channel_keeps_its_endpoint": ("agent.ioctl", always(b"")),
    "test_a_long_write_becomes_messages_in_order":
        ("lower.receive", changed(lambda message: message and replace(message, payload=message.payload[::-1]))),
    "test_a_write_without_a_buffer_does_not_wait": ("agent.job_wait", always(JobResult(0, -ERESTARTSYS))),
    "test_input_without_bytes_is_nothing": ("agent.read", instead_of(errno.EAGAIN, b"")),
    "test_there_are_thirty_two": ("clients.bind", changed(lambda status: 0)),
}


LIAR = Liar(LIES, "linux_link")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each test said of the kernel that it was lied to about."""
    with or_skip():
        kernel_image(TARGET)
    return liar.verdicts("test_api_can_fail", "api", TARGET, tmp_path_factory.mktemp("api") / "results.jsonl")


@pytest.mark.guest
@pytest.mark.timeout(300)
@pytest.mark.parametrize("test", LIES)
def test_a_kernel_that_does_otherwise_is_found(test: str, verdicts: dict[str, set[str]]) -> None:
    """In every variant of the test."""
    assert verdicts.get(test) == {"FAIL"}


def test_there_is_a_lie_for_each_test() -> None:
    """A new test shows that it can fail, too."""
    assert liar.tests_of("api") == {*LIES, *test_api_memory_can_fail.LIES}
