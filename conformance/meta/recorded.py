# SPDX-License-Identifier: BSD-3-Clause
"""A recorded defect for tests, and the folder that it lives in."""

from __future__ import annotations

from pathlib import Path

ENTRY = """
[[known]]
id = "K-X-001"
requirement = "ROB-004"
target = "linux-*"
role = "driver"
kernel = ">=4.0, <6.13"
message = "deliver(ed|s)"
url = "https://example.org/1"
note = "a note"
subject = "x: it delivers too much"
file = "drivers/x.c"
why = "a reason"
run = "run --req ROB-004"
recipe = "a recipe"

[[known.look]]
target = "linux-uml:6.1+kasan"
kernel = "6.1.176"
seen = true
often = "2 of 10 runs"
text = "a message was delivered"

[[known.look]]
target = "linux-armhf"
kernel = "6.13.1"
get = "ci/fetch-kernel forky"
seen = false
text = "refused"
"""


def record(project: Path, text: str) -> None:
    """Let a project have one file of known defects."""
    folder = project / "fixtures" / "known"
    folder.mkdir(parents=True)
    (folder / "x.toml").write_text(text, encoding="utf-8")
