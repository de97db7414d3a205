# SPDX-License-Identifier: BSD-3-Clause
"""Recording with a real session daemon: complete, in virtual time, the same twice, and honest about what is lost."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from meta.tracing import babeltrace, needs_lttng, python
from rpmsg_cts import record
from rpmsg_cts.record import Record
from rpmsg_cts.trace import reader
from rpmsg_cts.trace.shelf import Shelf, folder_name

pytestmark = needs_lttng

# A message each way, a pause, and a world after that; its records as the world remembers them are printed.
RECORD = """
    import json, sys
    from dataclasses import asdict
    from pathlib import Path
    from rpmsg_cts.link import Config
    from rpmsg_cts.link_sim import World
    from rpmsg_cts.trace.flight import BEFORE_MAX_RECORDS, Flight
    from rpmsg_cts.trace.shelf import Shelf
    from rpmsg_cts.upper_sim import UpperSim

    flight = Flight(Shelf(Path(sys.argv[1])))
    seen = []

    def live(messages):
        world = World(Config(), driver=True, device=True, tracer=flight.tracer)
        driver, device = (UpperSim(world.native, world.handle, end) for end in (0, 1))
        driver.probe()
        endpoints = [end.open(30, 30) for end in (driver, device)]
        for _ in range(messages):
            driver.send(endpoints[0], b"ping")
            world.advance(0.25)
            device.send(endpoints[1], b"pong")
        return world

    flight.begin("what is forgotten")
    while flight.tracer.written() < BEFORE_MAX_RECORDS:
        live(3)
    flight.begin("what is passed over")
    live(3)
    flight.begin("a test")
    for world in (live(2), live(1)):
        seen += [asdict(entry) for entry in world.records()]
    print(json.dumps([flight.keep("a test"), flight.lost, seen]))
    flight.finish(None)
    flight.close()
"""


@pytest.fixture(scope="module", name="recorded")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """A trace, and what the worlds say that happened."""
    folder = tmp_path_factory.mktemp("recorded")
    link, lost, seen = json.loads(python(RECORD, folder))
    assert not lost
    assert link == f"traces/{folder_name('a test')}"
    return folder / link, [Record(**entry) for entry in seen]


def test_a_trace_is_read_from_its_last_mark_on_record_by_record(recorded: tuple[Path, list[Record]]) -> None:
    folder, seen = recorded

    trace = reader.read(folder)

    assert trace.begins == "a test"
    assert trace.lost == []
    assert trace.accesses
    assert [(entry.step, entry.end, entry.kind, entry.what, entry.a, entry.b, entry.c) for entry in trace.records] == [
        (entry.step, entry.end, entry.kind, entry.what, entry.a, entry.b, entry.c) for entry in seen]
    assert {entry.kind for entry in seen} == set(record.KINDS)


def test_the_clock_of_a_trace_is_virtual_time_and_never_goes_back(recorded: tuple[Path, list[Record]]) -> None:
    """The second world begins at 0, when the first has come to half a second."""
    folder, seen = recorded
    assert [entry.ns for entry in seen] != sorted(entry.ns for entry in seen)

    stamps = [entry.ns for entry in reader.read(folder).records]

    # Each of the worlds before had three quarters of a second.
    assert stamps[0] % 750_000_000 == 0 and stamps[0] > 750_000_000
    assert sorted({stamp - stamps[0] for stamp in stamps}) == [0, 250_000_000, 500_000_000, 750_000_000]
    assert stamps == sorted(stamps)


def test_two_runs_give_equal_text(recorded: tuple[Path, list[Record]], tmp_path: Path) -> None:
    folder, seen = recorded
    link, _, _ = json.loads(python(RECORD, tmp_path))

    text = babeltrace(tmp_path / link)

    assert text == babeltrace(folder)
    # Hours, minutes and seconds since the beginning, and no time of any day; what was long before is forgotten.
    assert re.match(r'\[00:00:\d\d.\d{9}\] .* rps:mark: .* text = "what is passed over" }\n', text)
    assert text.count("rps:mark") == 2
    assert text.partition('text = "a test" }\n')[2].count("\n") == len(seen)


def test_a_trace_says_what_a_log_says(recorded: tuple[Path, list[Record]]) -> None:
    """One language for failures, whoever writes it down."""
    folder, seen = recorded

    assert list(record.lines(reader.read(folder).records)) == list(record.lines(seen))
    assert next(record.lines(seen)) == "       1 driver status_write status 0x0"


# The same world in buffers that are too small for it; `mode` says what gives way.  Nobody empties them meanwhile.
TOO_SMALL = """
    import os, shutil, signal, sys
    from pathlib import Path
    from rpmsg_cts.guest.watchdog import ours_in
    from rpmsg_cts.link import Config
    from rpmsg_cts.link_sim import World
    from rpmsg_cts.trace.daemon import Daemon
    from rpmsg_cts.trace.tracer import Tracer
    from rpmsg_cts.upper_sim import UpperSim

    output, mode = sys.argv[1:]
    daemon = Daemon()
    words = ["--snapshot"] if mode == "--overwrite" else []
    daemon.lttng("create", "small", *words, f"--output={daemon.home}/trace")
    daemon.lttng("enable-channel", "--userspace", mode, "--subbuf-size=4K", "--num-subbuf=2", "small")
    daemon.lttng("enable-event", "--userspace", "--channel=small", "rps:*")
    daemon.lttng("start")
    with daemon.environment():
        tracer = Tracer()
    daemons = ours_in(daemon.home.parent)
    assert len(daemons) > 1
    for pid in daemons:
        os.kill(pid, signal.SIGSTOP)
    tracer.mark("too much")
    world = World(Config(num=64), driver=True, device=True, tracer=tracer)
    UpperSim(world.native, world.handle, 0).probe()
    for pid in daemons:
        os.kill(pid, signal.SIGCONT)
    daemon.lttng("stop")
    daemon.lttng(*["snapshot", "record"] if mode == "--overwrite" else ["destroy"])
    shutil.copytree(daemon.home / "trace", output, copy_function=shutil.copyfile)
    daemon.close()
"""


@pytest.mark.parametrize("mode, complaint", [
    ("--overwrite", "the beginning is not there"), ("--discard", r"\d+ events were discarded"),
])
def test_what_is_missing_in_a_trace_is_said(tmp_path: Path, mode: str, complaint: str) -> None:
    python(TOO_SMALL, tmp_path / "trace", mode)

    trace = reader.read(tmp_path / "trace")

    assert trace.records
    assert any(re.match(complaint, lost) for lost in trace.lost), trace.lost


# --- what is no trace ---


@pytest.mark.parametrize("file, size, complaint", [
    ("ring_0", -2000, "ring_0"), ("metadata", -2000, "torn off"), ("metadata", -4096, "broke down over it"),
    ("metadata", 20, "torn off"), ("metadata", 0, "broken"),
])
def test_a_trace_that_is_torn_off_is_refused(recorded: tuple[Path, list[Record]], tmp_path: Path, file: str, size: int,
                                             complaint: str) -> None:
    """As a full disk leaves it; babeltrace2 itself would look for the end of torn metadata for ever."""
    folder, _ = recorded
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / file).write_bytes((broken / file).read_bytes()[:size])

    with pytest.raises(reader.BadTrace, match=complaint):
        reader.read(broken)


def test_a_place_without_one_trace_is_refused(recorded: tuple[Path, list[Record]], tmp_path: Path) -> None:
    folder, _ = recorded
    for name in ("one", "other"):
        shutil.copytree(folder, tmp_path / "two" / name)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "metadata").write_bytes(b"/* CTF 1.8 */" * 10)

    for place, complaint in (("nowhere", "no trace there"), ("two", "2 traces there"), ("one", "no metadata of a trace")):
        with pytest.raises(reader.BadTrace, match=complaint):
            reader.read(tmp_path / place)


def test_a_trace_of_another_version_is_refused(recorded: tuple[Path, list[Record]], tmp_path: Path) -> None:
    """An event that this version does not know could have changed everything."""
    folder, _ = recorded
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes().replace(b"rps:kick_arm", b"rps:kick_axe"))

    with pytest.raises(reader.BadTrace, match="rps:kick_axe is not as this version writes it"):
        reader.read(tmp_path)


def test_names_of_folders_are_safe_and_differ() -> None:
    long = "header/test_header.py::test_x[sim-driver-" + "ä/ " * 100

    assert re.fullmatch(r"[\w.=-]{1,140}", folder_name(long), re.ASCII)
    assert folder_name(long + "a") != folder_name(long + "b")
    assert folder_name("../../etc") != folder_name("..-..-etc")
    assert ".." not in folder_name("../../etc").split("/")


def test_traces_of_an_interrupted_run_go_with_its_results(tmp_path: Path) -> None:
    def kept(shelf: Shelf) -> Path:
        folder, _ = shelf.place("x")
        folder.mkdir(parents=True)
        return folder

    first = Shelf(tmp_path)
    kept(first)
    first.finish(None)
    second = Shelf(tmp_path)
    kept(second).joinpath("new").touch()
    (tmp_path / "interrupted").mkdir()
    second.finish(tmp_path / "interrupted" / "results.jsonl")

    assert (tmp_path / "interrupted" / "traces" / folder_name("x") / "new").exists()
    assert not (tmp_path / "traces" / folder_name("x") / "new").exists()
    assert (tmp_path / "traces" / folder_name("x")).exists()
    Shelf(tmp_path).finish(None)
    assert not (tmp_path / "traces").exists()
