# SPDX-License-Identifier: BSD-3-Clause
"""Few combinations of parameters in which every two values of two parameters meet.

Most errors need one value, or two at once; a full product grows with each parameter, this does not.  Greedy, and without
chance: the same parameters give the same rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Row = dict[str, str]
Pair = tuple[tuple[str, str], tuple[str, str]]


def pairs_of(row: Mapping[str, str], names: Sequence[str]) -> set[Pair]:
    """Return: the pairs of values that meet in a row, or in the part of one that is there."""
    there = [(name, row[name]) for name in names if name in row]
    return set(itertools.combinations(there, 2))


def product(parameters: Mapping[str, Sequence[str]], allowed: Callable[[Row], bool] = lambda _row: True) -> list[Row]:
    """Return: every combination that is allowed, the last parameter changing fastest."""
    rows = (dict(zip(parameters, values)) for values in itertools.product(*parameters.values()))
    return [row for row in rows if allowed(row)]


def pairwise(parameters: Mapping[str, Sequence[str]], allowed: Callable[[Row], bool] = lambda _row: True,
             given: Iterable[Row] = ()) -> list[Row]:
    """Return: rows that are allowed, so that each pair of values that any allowed row has is in one of them.

    parameters: values by name.  allowed: is asked about whole rows.  given: rows that there are anyway; what meets in
    them need not meet again.
    """
    names = list(parameters)
    if len(names) < 2:
        have = list(given)
        return [row for row in product(parameters, allowed) if row not in have]
    missing = dict.fromkeys(_all_pairs(parameters))
    for row in given:
        _drop(missing, row, names)
    rows = []
    while missing:
        first = next(iter(missing))
        row = _complete(dict(first), parameters, allowed, missing)
        if row is None:
            del missing[first]  # No allowed row has it.
            continue
        rows.append(row)
        _drop(missing, row, names)
    return rows


def _all_pairs(parameters: Mapping[str, Sequence[str]]) -> Iterator[Pair]:
    for one, other in itertools.combinations(parameters, 2):
        for pair in itertools.product(parameters[one], parameters[other]):
            yield (one, pair[0]), (other, pair[1])


def _drop(missing: dict[Pair, None], row: Mapping[str, str], names: Sequence[str]) -> None:
    for pair in pairs_of(row, names):
        missing.pop(pair, None)


def _complete(row: Row, parameters: Mapping[str, Sequence[str]], allowed: Callable[[Row], bool],
              missing: Mapping[Pair, None]) -> Row | None:
    """Fill what is open with the values that meet most of what has not met yet; go back where that is not allowed."""
    names = list(parameters)
    name = next((name for name in names if name not in row), None)
    if name is None:
        whole = {name: row[name] for name in names}
        return whole if allowed(whole) else None

    def gain(value: str) -> int:
        return sum(pair in missing for pair in pairs_of({**row, name: value}, names))

    # Sorting is stable: of two equal values the first one named is tried first.
    for value in sorted(parameters[name], key=gain, reverse=True):
        if (found := _complete({**row, name: value}, parameters, allowed, missing)) is not None:
            return found
    return None
