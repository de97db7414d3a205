# SPDX-License-Identifier: BSD-3-Clause
"""Print the events of a CTF trace, one JSON list a line; a program of its own.

The library that reads traces ends the process over some files that are not as they should be.  Lines are
["event", name, clock, {field: number, text or name of a value}], ["lost", words], and at the end ["end"].
"""

from __future__ import annotations

import json
import numbers
import sys
from typing import Any

import bt2


def main() -> None:
    """Print the trace in the folder that is the argument."""
    for message in bt2.TraceCollectionMessageIterator(sys.argv[1]):
        # The classes have private names; what they are called is all that is public of them.
        match type(message).__name__:
            case "_EventMessageConst":
                event = message.event
                fields = {name: _plain(field) for name, field in event.payload_field.items()}
                _say("event", event.name, message.default_clock_snapshot.value, fields)
            case "_DiscardedEventsMessageConst":
                _say("lost", f"{_count(message)} events were discarded")
            case "_DiscardedPacketsMessageConst":
                _say("lost", f"{_count(message)} packets were discarded")
    _say("end")


def _plain(field: Any) -> int | str:
    """Return: the name of an enumeration's value, since numbers change from version to version, else what it is."""
    if labels := getattr(field, "labels", None):
        return str(labels[0])
    return int(field) if isinstance(field, numbers.Integral) else str(field)


def _count(message: Any) -> str:
    return str(message.count) if message.count is not None else "some"


def _say(*words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")


if __name__ == "__main__":
    main()
