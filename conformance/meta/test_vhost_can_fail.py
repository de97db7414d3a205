# SPDX-License-Identifier: BSD-3-Clause
"""Every test of the vhost suite can fail: it is run on a device that seems to do otherwise, and has to say so."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from meta import liar
from meta.liar import Liar, Lies, Made, always, changed
from meta.preparation import or_skip
from rpmsg_cts import vhost_uapi as uapi
from rpmsg_cts.guest.errors import AgentError
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.link_vhost import VhostLink

TARGET = "vhost-api:6.1"


def taken(*numbers: int) -> Made:
    """What is refused of these ioctls seems to be taken."""
    def make(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
        def answer(handle: int, number: int, argument: int | bytes = 0) -> bytes:
            try:
                return right(handle, number, argument)
            except AgentError:
                if numbers and number not in numbers:
                    raise
                return argument if isinstance(argument, bytes) else b""
        return answer
    return make


def refused(number: int, wrong: int) -> Made:
    """What is refused with one errno seems to be with another."""
    def make(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
        def answer(*arguments: Any) -> bytes:
            try:
                return right(*arguments)
            except AgentError as error:
                raise AgentError("ioctl", wrong if error.errno == number else error.errno) from error
        return answer
    return make


def one_further(number: int) -> Made:
    """An index is one off."""
    def make(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
        def answer(handle: int, asked: int, argument: int | bytes = 0) -> bytes:
            told = right(handle, asked, argument)
            return uapi.state(0, (uapi.of_state(told) + 1) & 0xFFFF) if asked == number else told
        return answer
    return make


def rung_by_itself(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """A bell that is heard once more each time."""
    asked = [0]

    def rung(bell: int) -> int:
        asked[0] += 1
        return right(bell) + asked[0]
    return rung


def never_closed(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """A device that goes on when its descriptor is closed."""
    return lambda: None


def grown(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """The table that was there stays in force."""
    def ask(number: int, argument: bytes = b"") -> int:
        return 0 if number == uapi.SET_MEM_TABLE else right(number, argument)
    return ask


def asleep(link: VhostLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """The driver is told to kick no more, and does not, now and then."""
    rounds = [0]

    def send_at(*arguments: Any) -> bool:
        rounds[0] += 1
        if rounds[0] % 7:
            return right(*arguments)
        bus, kick = link.bus, link.bus.kick
        bus.kick = lambda queue: None
        try:
            return right(*arguments)
        finally:
            bus.kick = kick
    return send_at


LIES: Lies = {
    "test_nothing_is_done_for_nobody": ("agent.ioctl", refused(errno.EPERM, errno.EINVAL)),
    "test_a_device_without_all_rings_does_not_run": ("agent.ioctl", taken(uapi.SET_RUNNING)),
    "test_a_device_without_memory_does_not_run": ("agent.ioctl", taken(uapi.SET_RUNNING)),
    "test_arguments_that_cannot_be_change_nothing": ("agent.ioctl", taken(uapi.SET_VRING_NUM)),
    "test_a_pointer_to_nothing_is_refused": ("agent.ioctl", refused(errno.EFAULT, errno.EINVAL)),
    "test_what_is_no_eventfd_is_no_bell":
        ("agent.ioctl", taken(uapi.SET_VRING_KICK, uapi.SET_VRING_CALL, uapi.SET_VRING_ERR)),
    "test_a_bell_can_be_replaced": ("bus.device.rung", rung_by_itself),
    "test_a_table_that_cannot_be_is_refused": ("agent.ioctl", taken(uapi.SET_MEM_TABLE)),
    "test_memory_that_was_taken_away_is_left_alone": ("bus.device.tell", grown),
    "test_a_closed_device_does_nothing": ("bus.device.close_device", never_closed),
    "test_features_that_were_not_offered_are_refused": ("agent.ioctl", taken(uapi.SET_FEATURES)),
    "test_a_stopped_ring_goes_on_where_it_was": ("agent.ioctl", one_further(uapi.GET_VRING_BASE)),
    "test_pages_that_are_written_are_logged":
        ("bus.start_log", changed(lambda log: type("Log", (), {"pages": staticmethod(always(set())(None, log.pages))}))),
    "test_no_wake_up_is_lost": ("lower.send_at", asleep),
}
LIAR = Liar(LIES, "device_link")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each test said of the device that it was lied to about."""
    with or_skip():
        kernel_image(TARGET).module("vhost_rpmsg_api")
    return liar.verdicts("test_vhost_can_fail", "vhost", TARGET, tmp_path_factory.mktemp("vhost") / "results.jsonl")


@pytest.mark.guest
@pytest.mark.timeout(300)
@pytest.mark.parametrize("test", LIES)
def test_a_device_that_does_otherwise_is_found(test: str, verdicts: dict[str, set[str]]) -> None:
    """In every variant of the test."""
    assert verdicts.get(test) == {"FAIL"}


def test_there_is_a_lie_for_each_test() -> None:
    """A new test shows that it can fail, too."""
    assert liar.tests_of("vhost") == set(LIES)
