# SPDX-License-Identifier: BSD-3-Clause
"""In how many ways one test is run: the parameters of a link, and which of their combinations a target can have."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rpmsg_cts import targets
from rpmsg_cts.link import F_EVENT_IDX, F_INDIRECT, F_NS, F_VERSION_1, Config
from rpmsg_cts.pairwise import Row, pairwise, product
from rpmsg_cts.plugin import VARIANTS

BASE, PAIRWISE, FULL = VARIANTS

Change = Callable[[Config], Config]


def _but(**changes: Any) -> Change:
    return lambda config: config.but(**changes)


def _features(on: int = 0, off: int = 0) -> Change:
    return lambda config: config.but(features=config.features & ~off | on)


def _native(big_endian: bool) -> Change:
    return lambda config: config.but(features=config.features & ~F_VERSION_1, big_endian=big_endian)


# The first value of each is what a configuration has anyway; its name is not said.
PARAMETERS: Mapping[str, Mapping[str, Change]] = {
    "size": {"n8": _but(), "n1": _but(num=1), "n2": _but(num=2), "n4": _but(num=4), "n16": _but(num=16),
             "n256": _but(num=256)},
    "placement": {"align16": _but(), "align4": _but(align=4), "align64": _but(align=64), "align4096": _but(align=4096),
                  "apart": _but(align=0)},
    "order": {"modern": _but(), "bigcpu": _but(big_endian=True), "native-le": _native(False), "native-be": _native(True)},
    "suppression": {"flags": _but(), "event": _features(F_EVENT_IDX)},
    "indirect": {"direct": _but(), "indirect": _features(F_INDIRECT)},
    "start": {"zero": _but(), "wrap": _but(start_idx=0xFFFE)},
    "name_service": {"ns": _but(), "silent": _features(off=F_NS)},
    "buffer": {"b512": _but(), "b17": _but(buf_bytes=17), "b18": _but(buf_bytes=18), "b64": _but(buf_bytes=64),
               "b4096": _but(buf_bytes=4096)},
}

RING = ("size", "placement", "order", "suppression", "indirect", "start")
EVERY = tuple(PARAMETERS)


@dataclass(frozen=True)
class Variant:
    """One configuration of a test; `targets` are those that it was chosen for, None for all."""

    name: str
    config: Config
    targets: frozenset[str] | None = None


def mode_of(target: str, wanted: str | None) -> str:
    """Return: how many variants a target gets: as asked for, else as many as it is made for."""
    if wanted is not None:
        return wanted
    # A deliberate error is found in some configuration or in none; others of that kind say nothing new.
    return BASE if target.startswith(targets.MUTANT_PREFIX) else PAIRWISE


def choose(names: tuple[str, ...], plain: Config, modes: Mapping[str, str]) -> list[Variant]:
    """Return: the variants of a test that may vary the parameters `names` of `plain`, for targets with these modes."""
    chosen: dict[str, set[str]] = {}
    configs: dict[str, Config] = {}
    for target, mode in modes.items():
        for name, config in _variants(names, plain, targets.kind_of(target), mode):
            configs[name] = config
            chosen.setdefault(name, set()).add(target)
    return [Variant(name, config, frozenset(chosen[name])) for name, config in configs.items()]


@functools.cache
def _variants(names: tuple[str, ...], plain: Config, target: str, mode: str) -> tuple[tuple[str, Config], ...]:
    if mode == BASE:
        return ()
    base = {name: next(iter(PARAMETERS[name])) for name in names}
    # What a target cannot do even alone need not be tried in combination.
    values = {name: [value for value in PARAMETERS[name] if _expressible(target, _config(plain, {name: value}))
                     and (value == base[name] or _is_other(target, _config(plain, {name: value}), plain))]
              for name in names}
    values = {name: some or [base[name]] for name, some in values.items()}

    def allowed(row: Row) -> bool:
        return _expressible(target, _config(plain, row))

    rows = product(values, allowed) if mode == FULL else pairwise(values, allowed, [base])
    return tuple((_name(row, base), _config(plain, row)) for row in rows if row != base)


def _config(config: Config, row: Mapping[str, str]) -> Config:
    for name, value in row.items():
        config = PARAMETERS[name][value](config)
    return config


def _name(row: Mapping[str, str], base: Mapping[str, str]) -> str:
    # The plus keeps it apart from the names that tests give to configurations of their own.
    return "".join(f"+{value}" for name, value in row.items() if value != base[name])


def _is_other(target: str, config: Config, plain: Config) -> bool:
    """Whether a configuration is more than another name for what the target has anyway."""
    from rpmsg_cts.lab import place_of  # pylint: disable=import-outside-toplevel
    place = place_of(target)
    return place is None or place.as_here(config) != place.as_here(plain)


def _expressible(target: str, config: Config) -> bool:
    # pylint: disable=import-outside-toplevel
    from rpmsg_cts.lab import place_of
    from rpmsg_cts.link import Unsupported
    place = place_of(target)
    if place is None:
        return True
    try:
        place.port_for(config)
    except Unsupported:
        return False
    return True
