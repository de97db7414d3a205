# SPDX-License-Identifier: BSD-3-Clause
"""The tests of the API suite that make allocations fail can fail: as in test_api_can_fail.py, on a kernel that can do it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meta import liar
from meta.liar import Liar
from meta.preparation import or_skip
from rpmsg_cts.clients_linux import MODULES
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.link_linux import LinuxLink

TARGET = "linux-uml:6.1+gcov"


def one_more_each_time(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """Something is left behind by everything."""
    left: list[str] = []

    def entries() -> list[str]:
        left.append(f"left-{len(left)}")
        return [*right(), *left]
    return entries


def now_and_then(link: LinuxLink, right: Callable[..., Any]) -> Callable[..., Any]:
    """A module is there although it was not loaded."""
    calls: list[str] = []

    def list_dir(path: str) -> list[str]:
        calls.append(path)
        names = right(path)
        return [*names, "rpmsg_ctrl"] if path == MODULES and len(calls) % 2 else names
    return list_dir


LIES = {
    "test_an_allocation_that_fails_is_survived": ("clients.entries", one_more_each_time),
    "test_a_module_that_does_not_get_its_memory_is_not_loaded": ("agent.list_dir", now_and_then),
}
LIAR = Liar(LIES, "linux_link")


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each test said of the kernel that it was lied to about."""
    with or_skip():
        kernel_image(TARGET)
    return liar.verdicts("test_api_memory_can_fail", "api", TARGET, tmp_path_factory.mktemp("api") / "results.jsonl")


@pytest.mark.guest
@pytest.mark.timeout(300)
@pytest.mark.parametrize("test", LIES)
def test_a_kernel_that_does_otherwise_is_found(test: str, verdicts: dict[str, set[str]]) -> None:
    """In every variant of the test."""
    assert verdicts.get(test) == {"FAIL"}
