# SPDX-License-Identifier: BSD-3-Clause
"""A back end as Python holds it, without a guest."""

from __future__ import annotations

import socket
from pathlib import Path

from rpmsg_cts.reactor import Reactor
from rpmsg_cts.vhost_user import VhostUser


def test_its_log_outlives_it(tmp_path: Path) -> None:
    """A report may ask when the last test has ended, and the guest with it."""
    reactor = Reactor()
    end = VhostUser(tmp_path / "socket", 1 << 32 | 1, reactor)
    with socket.socket(socket.AF_UNIX) as frontend:
        frontend.connect(str(tmp_path / "socket"))
        frontend.sendall(bytes(12))
        reactor.run_until(lambda: bool(end.last_error()), 5)
    before = end.log()

    end.close()

    assert before and end.log() == before
    end.close()
    reactor.close()
