# SPDX-License-Identifier: BSD-3-Clause
"""What tests with guests do where something that a guest needs is not on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rpmsg_cts.guest.errors import NotPrepared


@contextmanager
def or_skip() -> Iterator[None]:
    """End the test with SKIP where something is missing within; the reason says which command brings it."""
    try:
        yield
    except NotPrepared as missing:
        pytest.skip(str(missing))
