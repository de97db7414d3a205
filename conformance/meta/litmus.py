# SPDX-License-Identifier: BSD-3-Clause
"""Decide small litmus tests by the axioms of a memory model, from the documents alone.

Enough for fixtures/litmus: loads, stores, full fences, and one store to each place besides the zero it begins with.
Each way in which loads can take their values is a graph; an outcome is reached if one that gives it is consistent.
Source: Owens, Sarkar, Sewell 2009 (x86-TSO); Lahav et al. 2017 (RC11).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

Edge = tuple["Event", "Event"]
Relation = set[Edge]

THREAD = re.compile(r"^P(\d)\(.*?\)\n{\n(.*?)^}", re.MULTILINE | re.DOTALL)
STORE = re.compile(r"atomic_store_explicit\((\w+), 1, memory_order_(\w+)\)")
LOAD = re.compile(r"int (\w+) = atomic_load_explicit\((\w+), memory_order_(\w+)\)")
FENCE = re.compile(r"atomic_thread_fence\(memory_order_seq_cst\)")
EXISTS = re.compile(r"(\d):(\w+)=(\d)")


@dataclass(frozen=True)
class Event:
    """One access or fence; thread -1 wrote the zeroes."""

    thread: int
    index: int
    kind: str  # "store", "load" or "fence"
    place: str = ""
    order: str = ""
    register: str = ""


def parse(text: str) -> list[Event]:
    """All events in program order; ValueError for a statement outside of the language."""
    events = []
    for thread, body in THREAD.findall(text):
        for index, line in enumerate(body.strip().splitlines()):
            if found := STORE.search(line):
                events.append(Event(int(thread), index, "store", found[1], found[2]))
            elif found := LOAD.search(line):
                events.append(Event(int(thread), index, "load", found[2], found[3], found[1]))
            elif FENCE.search(line):
                events.append(Event(int(thread), index, "fence"))
            else:
                raise ValueError(f"no statement of this language: {line.strip()}")
    return events


def closure(relation: Relation) -> Relation:
    """The transitive closure."""
    result = set(relation)
    while more := {(a, d) for a, b in result for c, d in result if b == c} - result:
        result |= more
    return result


def acyclic(relation: Relation) -> bool:
    return all(a != b for a, b in closure(relation))


class Graph:
    """One execution: program order, and from where each load takes its value."""

    def __init__(self, events: list[Event], sources: dict[Event, Event]) -> None:
        self.events = events
        self.po = {(a, b) for a in events for b in events if a.thread == b.thread and a.index < b.index}
        self.rf = {(store, load) for load, store in sources.items()}
        stores = [event for event in events if event.kind == "store"]
        zeroes = {zero for zero in sources.values() if zero.thread < 0} | {
            Event(-1, 0, "store", store.place) for store in stores}
        # One store a place, so that its order is known: the zero comes first.
        self.mo = {(zero, store) for zero in zeroes for store in stores if zero.place == store.place}
        self.fr = {(load, later) for load, store in sources.items() for first, later in self.mo if first == store}
        self.eco = closure(self.rf | self.mo | self.fr)

    def coherent(self, before: Relation) -> bool:
        """No access contradicts what happens before it, place by place."""
        return not any((b, a) in self.eco for a, b in before)

    def sc(self) -> bool:
        return acyclic(self.po | self.rf | self.mo | self.fr)

    def tso(self) -> bool:
        fences = [event for event in self.events if event.kind == "fence"]
        fenced = {(a, b) for a, b in self.po for f in fences if (a, f) in self.po and (f, b) in self.po}
        kept = {(a, b) for a, b in self.po if (a.kind, b.kind) != ("store", "load")} | fenced
        external = {(a, b) for a, b in self.rf if a.thread != b.thread}
        return self.coherent(self.po) and acyclic(kept | external | self.mo | self.fr)

    def c11(self) -> bool:
        fences = [event for event in self.events if event.kind == "fence"]

        def releases(store: Event) -> set[Event]:
            own = {store} if store.order == "release" else set()
            return own | {fence for fence in fences if (fence, store) in self.po}

        def acquires(load: Event) -> set[Event]:
            own = {load} if load.order == "acquire" else set()
            return own | {fence for fence in fences if (load, fence) in self.po}

        sw = {(a, b) for store, load in self.rf for a in releases(store) for b in acquires(load)}
        hb = closure(self.po | sw)
        between = hb | {(a, d) for a, b in hb for c, d in self.eco if b == c}
        psc = {(a, d) for a, b in between for c, d in hb if b == c} | hb
        by_fences = {(a, b) for a, b in psc if a.kind == "fence" and b.kind == "fence"}
        return self.coherent(hb) and acyclic(by_fences)


MODELS = {"sc": Graph.sc, "tso": Graph.tso, "c11": Graph.c11}


def reaches(text: str, model: str) -> bool:
    """Whether the outcome behind `exists` can be reached in this model."""
    events = parse(text)
    wanted = {(int(thread), register): int(value)
              for thread, register, value in EXISTS.findall(text[text.index("exists"):])}  # fmt: skip
    loads = [event for event in events if event.kind == "load"]
    choices = [[Event(-1, 0, "store", load.place)] + [event for event in events
               if event.kind == "store" and event.place == load.place] for load in loads]  # fmt: skip
    for chosen in itertools.product(*choices):
        sources = dict(zip(loads, chosen, strict=True))
        values = {(load.thread, load.register): int(store.thread >= 0) for load, store in sources.items()}
        if all(values[key] == value for key, value in wanted.items()) and MODELS[model](Graph(events, sources)):
            return True
    return False
