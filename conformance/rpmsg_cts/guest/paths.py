# SPDX-License-Identifier: BSD-3-Clause
"""Where things are in the source tree."""

from __future__ import annotations

import os
from pathlib import Path

TREE = Path(__file__).resolve().parents[3]
FIXTURES = TREE / "fixtures"


def build_folder() -> Path:
    """Folder of everything that was built or downloaded; the same rule as in ci/debs.py."""
    return Path(os.environ.get("RPMSG_CTS_BUILD") or TREE / "build")
