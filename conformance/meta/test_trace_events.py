# SPDX-License-Identifier: BSD-3-Clause
"""The events of traces: what is documented, what LTTng is told, and what the core says are the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATE = ROOT / "traces" / "generate"
ROW = re.compile(r"^\| `(\w+)` \| ([\w, ]*)\|", re.MULTILINE)
MADE_EVENT = re.compile(r"^LTTNG_UST_TRACEPOINT_EVENT\(rps, (\w+),\n(.*?)^\t\)\)$", re.MULTILINE | re.DOTALL)
MADE_FIELD = re.compile(r"lttng_ust_field_\w+\((?:rps, \w+, )?\w+, (\w+), record->\w+\)")
# What rps_tp.h has besides what is generated.
MARK = {"mark": ["text"]}


def generated(sim: Path, tmp_path: Path) -> str:
    """Return: what LTTng is told of the tables in a folder."""
    output = tmp_path / "made.h"
    subprocess.run([sys.executable, GENERATE, sim, output], check=True)
    return output.read_text(encoding="utf-8")


def events_of(text: str) -> dict[str, list[str]]:
    """Return: the fields of each event, without the two that all have."""
    events = {}
    for name, body in MADE_EVENT.findall(text):
        step, end, *fields = MADE_FIELD.findall(body)
        assert (step, end) == ("step", "end")
        events[name] = fields
    return events


@pytest.fixture(name="tables")
def _tables(tmp_path: Path) -> Path:
    """Return: a copy of the tables that can be changed."""
    sim = tmp_path / "sim"
    for name in ("include/rps/events.def", "include/rps/record.h", "base/seam.def"):
        (sim / name).parent.mkdir(parents=True, exist_ok=True)
        (sim / name).write_bytes((ROOT / "sim" / name).read_bytes())
    return sim


def test_each_event_is_documented_and_each_documented_event_exists(tmp_path: Path) -> None:
    rows = ROW.findall((ROOT / "traces" / "events.md").read_text(encoding="utf-8"))
    documented = {name: [field for field in re.split(r",\s*", fields.strip()) if field] for name, fields in rows}

    assert len(documented) == len(rows)
    assert documented == events_of(generated(ROOT / "sim", tmp_path)) | MARK


def test_a_new_row_of_a_table_is_a_new_event(tables: Path, tmp_path: Path) -> None:
    before = events_of(generated(tables, tmp_path))
    with (tables / "include/rps/events.def").open("a") as table:
        table.write('EVENT(ring_freeze, "queue", "why", "")\n')
    with (tables / "base/seam.def").open("a") as table:
        table.write('SEAM(SHELF, "shelf.item")\n')
    record = tables / "include/rps/record.h"
    record.write_text(record.read_text().replace("\tRPS_RECORD_EVENT,", "\tRPS_RECORD_FLUSH,\n\tRPS_RECORD_EVENT,"))

    text = generated(tables, tmp_path)

    assert events_of(text) == before | {"ring_freeze": ["queue", "why"], "flush": ["seam", "addr", "value", "len"]}
    assert '"shelf.item"' in text


def test_tables_that_it_cannot_read_are_refused(tables: Path, tmp_path: Path) -> None:
    (tables / "include/rps/record.h").write_text("enum other { RPS_RECORD_LOAD };\n")

    done = subprocess.run([sys.executable, GENERATE, tables, tmp_path / "made.h"], capture_output=True, text=True)

    assert done.returncode == 1
    assert "no enum rps_record_kind" in done.stderr
    assert not (tmp_path / "made.h").exists()
