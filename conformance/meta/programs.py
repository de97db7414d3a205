# SPDX-License-Identifier: BSD-3-Clause
"""Programs of ci/ as modules: those that have no name which Python can import."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

CI = Path(__file__).resolve().parents[2] / "ci"


def program(name: str) -> ModuleType:
    """Load ci/NAME afresh."""
    if str(CI) not in sys.path:
        sys.path.insert(0, str(CI))
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(CI / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
