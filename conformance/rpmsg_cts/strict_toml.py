# SPDX-License-Identifier: BSD-3-Clause
"""TOML read strictly: every complaint names the file, the line and the key.

The fixtures are written by hand, and a key that is silently ignored is a rule that is silently not tested.  So each
reader states the shape of its tables, and anything else is an error that points at its line.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Place = tuple[str | int, ...]
"""Where a value is: names of tables and keys, and positions in arrays."""


class CatalogueError(Exception):
    """Something in the fixtures is wrong, or a name was asked for that they do not have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value has to be: how messages call it, the Python types, and the kind of the items of a list."""

    name: str
    types: tuple[type, ...]
    items: Kind | None = None

    def accepts(self, value: Any) -> bool:
        """Whether `value` has this kind; a boolean is not an integer here, although Python thinks so."""
        if isinstance(value, bool) and bool not in self.types:
            return False
        if not isinstance(value, self.types):
            return False
        return self.items is None or all(self.items.accepts(item) for item in value)


TEXT = Kind("a string", (str,))
INTEGER = Kind("an integer", (int,))
BOOLEAN = Kind("true or false", (bool,))
SCALAR = Kind("a string or an integer", (str, int))
TABLE = Kind("a table", (dict,))
TEXTS = Kind("a list of strings", (list,), TEXT)
INTEGERS = Kind("a list of integers", (list,), INTEGER)
SCALARS = Kind("a list of strings or integers", (list,), SCALAR)
TABLES = Kind("a list of tables", (list,), TABLE)
ROWS = Kind("a list of lists of integers", (list,), INTEGERS)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table.

    `allowed` are the values it may have (empty: any).  `shape` is what the table, or each table of the list, looks
    like (None: the reader checks it itself, with Table.table()); `name` is the key of those tables that messages call
    them by, e.g. "id".
    """

    kind: Kind
    required: bool = True
    allowed: tuple[str | int, ...] = ()
    shape: Mapping[str, Key] | None = None
    name: str = ""


Shape = Mapping[str, Key]


def near_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The names of `known` that someone who typed `name` may have meant, best first, at most `limit`."""
    lowered = {candidate.casefold(): candidate for candidate in known}
    return [lowered[match] for match in difflib.get_close_matches(name.casefold(), lowered, limit, 0.6)]


def did_you_mean(names: Iterable[str]) -> str:
    """The end of an error text: " (did you mean 'a' or 'b'?)", or nothing if there is no candidate."""
    hint = one_of([f"'{name}'" for name in names])
    return f" (did you mean {hint}?)" if hint else ""


def one_of(choices: Sequence[str]) -> str:
    """Alternatives as a sentence has them: "a", "a or b", "a, b or c"."""
    return " or ".join(filter(None, (", ".join(choices[:-1]), *choices[-1:])))


class Document:
    """One TOML file: its values, and the line of each of them."""

    def __init__(self, path: Path, root: Path) -> None:
        """Read `path`; messages name it relative to `root`.  Raises CatalogueError if it is missing or no TOML."""
        self.name = path.relative_to(root).as_posix()
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogueError(f"{self.name}: cannot be read: {error}") from error
        try:
            self._data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CatalogueError(f"{self.name}:{_line_of_syntax_error(error, text)}: {error}") from error
        self._lines = dict(_places(text))

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest table or list around it that has a line of its own."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def top(self, shape: Shape) -> Table:
        """The whole file as one table of the given shape."""
        return Table(self, (), self._data, "", shape)


class Table(Mapping[str, Any]):
    """One table whose shape was checked: a mapping that also makes the errors about its content."""

    def __init__(self, document: Document, place: Place, data: Mapping[str, Any], label: str, shape: Shape) -> None:
        """Check `data` against `shape`; `label` is what messages call the table, e.g. "[[requirement]] HDR-003"."""
        self._document = document
        self._place = place
        self._data = data
        self._label = label
        self._shape = shape
        self._check()

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    @property
    def where(self) -> str:
        """File and line of the table, as an editor takes it."""
        return f"{self._document.name}:{self._document.line(self._place)}"

    def tables(self, key: str) -> list[Table]:
        """The tables of the list `key`, each checked; none if the key is absent."""
        rule = self._shape[key]
        found = []
        for index, data in enumerate(self._data.get(key, [])):
            name = data.get(rule.name)
            label = f"[[{key}]] {name if isinstance(name, str) and name else f'number {index + 1}'}"
            found.append(self._below((key, index), data, label, rule.shape or {}))
        return found

    def table(self, key: str, shape: Shape | None = None) -> Table:
        """The sub-table `key`, checked against `shape` if its shape depends on the content of this one."""
        return self._below((key,), self._data[key], f"[{key}]", shape or self._shape[key].shape or {})

    def error(self, message: str, *below: str | int) -> CatalogueError:
        """An error about this table, at the line of the key (and list position) `below` if that has one."""
        line = self._document.line((*self._place, *below))
        label = f"{self._label}: " if self._label else ""
        return CatalogueError(f"{self._document.name}:{line}: {label}{message}")

    def _below(self, place: Place, data: Mapping[str, Any], label: str, shape: Shape) -> Table:
        label = f"{self._label} {label}" if self._label else label
        return Table(self._document, (*self._place, *place), data, label, shape)

    def _check(self) -> None:
        for key in self._data:
            if key not in self._shape:
                raise self.error(f"unknown key '{key}'{did_you_mean(near_names(key, self._shape, 1))}", key)
        for key, rule in self._shape.items():
            if key not in self._data:
                if rule.required:
                    raise self.error(f"missing key '{key}'")
                continue
            self._check_value(key, rule)

    def _check_value(self, key: str, rule: Key) -> None:
        value = self._data[key]
        if not rule.kind.accepts(value):
            raise self.error(f"'{key}' must be {rule.kind.name}, not {_shown(value)}", key)
        if rule.shape is not None:
            self.tables(key) if rule.kind is TABLES else self.table(key)
        for item in value if isinstance(value, list) else [value]:
            if rule.allowed and item not in rule.allowed:
                raise self.error(f"'{key}' cannot be {_shown(item)}: it is {one_of([*map(_shown, rule.allowed)])}", key)


def _shown(value: Any) -> str:
    """A value in a message, in TOML's spelling and not too long."""
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line_of_syntax_error(error: tomllib.TOMLDecodeError, text: str) -> int:
    """tomllib tells the line in its message only, and says "end of document" for the last one."""
    found = re.search(r"at line (\d+)", str(error))
    return int(found.group(1)) if found else text.count("\n") + 1


_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""+'  # strings first, so that what they contain is not mistaken for syntax
    r"|'''.*?'''+"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[A-Za-z0-9_+:-]+(?:\.[0-9]+)?"
    r"|[\[\]{}=,.\n]",
    re.DOTALL,
)


def _places(text: str) -> Iterator[tuple[Place, int]]:
    """The place of every table, key and list item of valid TOML, with the line it starts on.

    tomllib checked the text already; this only has to follow it: which brackets open a table, which a list.
    """
    counts: dict[Place, int] = {}
    table: Place = ()
    for line, tokens in _statements(text):
        if tokens[0][0] != "[":
            key = _unquoted(tokens[0][0])
            yield (*table, key), line
            yield from _items((*table, key), tokens)
            continue
        double = len(tokens) > 1 and tokens[1][0] == "["
        names = [_unquoted(token) for token, _ in tokens if token not in ("[", "]", ".")]
        table = ()
        for depth, name in enumerate(names, 1):
            table = (*table, name)
            if double and depth == len(names):
                counts[table] = counts.get(table, 0) + 1
            if table in counts:
                table = (*table, counts[table] - 1)
        yield table, line


def _statements(text: str) -> Iterator[tuple[int, list[tuple[str, int]]]]:
    """Headers and assignments: the line each starts on, and its tokens with their lines."""
    line, depth = 1, 0
    tokens: list[tuple[str, int]] = []
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == "\n" and depth == 0 and tokens:
            yield tokens[0][1], tokens
            tokens = []
        elif not token.startswith(("\n", "#")):
            tokens.append((token, line))
            depth += (token in "[{") - (token in "]}")
        line += token.count("\n")
    if tokens:
        yield tokens[0][1], tokens


def _items(place: Place, tokens: list[tuple[str, int]]) -> Iterator[tuple[Place, int]]:
    """The items of a list value, one level deep: that is where the fixtures keep their rows."""
    values = tokens[next((i for i, (token, _) in enumerate(tokens) if token == "="), len(tokens)) + 1 :]
    if not values or values[0][0] != "[":
        return
    depth, index, expected = 0, 0, True
    for token, line in values:
        if depth == 1 and expected and token not in ",]":
            yield (*place, index), line
            expected = False
        depth += (token in "[{") - (token in "]}")
        if depth == 1 and token == ",":
            index, expected = index + 1, True


def _unquoted(token: str) -> str:
    return token[1:-1] if token[:1] in ("'", '"') else token
