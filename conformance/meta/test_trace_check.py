# SPDX-License-Identifier: BSD-3-Clause
"""The monitor's rules over recorded traces."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta.conftest import ROOT
from meta.tracing import PATIENCE_S, needs_lttng, python
from rpmsg_cts import record
from rpmsg_cts.cli import main
from rpmsg_cts.trace import check, reader
from rpmsg_cts.trace.reader import Trace
from rpmsg_cts.verdict import Verdict

pytestmark = needs_lttng

# One message from the device, of our own end and of one with an error.
RECORD = """
    import json, sys
    from pathlib import Path
    from rpmsg_cts.link import Config
    from rpmsg_cts.link_sim import World, mutant_number
    from rpmsg_cts.trace.flight import Flight
    from rpmsg_cts.trace.shelf import Shelf
    from rpmsg_cts.upper_sim import UpperSim

    flight, kept = Flight(Shelf(Path(sys.argv[1]))), []
    for name in ("sim", "mutant:hdr_flags_set"):
        flight.begin(name)
        world = World(Config(), driver=True, device=True, device_mutant=mutant_number(name), tracer=flight.tracer)
        driver, device = (UpperSim(world.native, world.handle, end) for end in (0, 1))
        driver.probe()
        driver.open(30, 30)
        device.send(device.open(30, 30), b"pong")
        kept.append(flight.keep(name))
    flight.finish(None)
    print(json.dumps([*kept, flight.lost]))
    flight.close()
"""


@pytest.fixture(scope="module", name="folders")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The traces of our own ends, and of a device that sets flags."""
    folder = tmp_path_factory.mktemp("checked")
    right, wrong, lost = json.loads(python(RECORD, folder))
    assert not lost
    return folder / right, folder / wrong


def checked(folder: Path, *options: str):
    """Run `trace check`."""
    return CliRunner(mix_stderr=False).invoke(main, ["trace", "check", *options, str(folder)])


def test_our_own_ends_break_no_rule(folders: tuple[Path, Path]) -> None:
    done = checked(folders[0], "--verbose")

    assert done.exit_code == 0
    assert "FAIL" not in done.stdout and "INCONC" not in done.stdout
    assert done.stdout.count("PASS ") > 20
    # What the trace has nothing about is neither good nor bad.
    assert "SKIP " in done.stdout
    assert checked(folders[0]).stdout == ""


def test_a_broken_rule_is_found_off_line(folders: tuple[Path, Path]) -> None:
    done = checked(folders[1])

    fails = [line for line in done.stdout.splitlines() if line.startswith("FAIL")]
    assert done.exit_code == 1
    assert len(fails) == 1
    assert fails[0].startswith("FAIL   HDR-003  device ")
    assert "expected 0x0, observed 0x1" in fails[0]
    # Whose fault it is not is not told that it is.
    assert checked(folders[1], "--role", "driver").exit_code == 0


@pytest.mark.parametrize("name, role", [
    ("header/test_header.py::test_x[sim-driver-plain]", "driver"), ("a/b.py::c[mutant:x_device-device]", "device"),
    ("flow/test_flow.py::test_x[linux-armhf-driver-long-3]", "driver"), ("a test", "both"),
])
def test_the_end_that_a_test_judges_is_in_its_name(name: str, role: str) -> None:
    """A peer that the test plays may break rules on purpose."""
    assert check.judged_role(Trace(begins=name)) == role
    assert check.judged_role(Trace()) == "both"


def test_the_program_of_the_folder_says_the_same(folders: tuple[Path, Path]) -> None:
    done = subprocess.run([ROOT / "traces" / "check" / "rps-trace-check", folders[1]], capture_output=True, text=True,
                          check=False, timeout=PATIENCE_S)

    assert done.returncode == 1
    assert done.stdout == checked(folders[1]).stdout


def test_a_trace_with_something_missing_is_inconclusive(folders: tuple[Path, Path]) -> None:
    """Also where what is left would be a finding."""
    trace = replace_lost(reader.read(folders[1]), "7 events were discarded")

    outcomes = check.judge(trace)

    assert {outcome.verdict for outcome in outcomes} == {Verdict.INCONC}
    assert {outcome.reason for outcome in outcomes} == {"7 events were discarded"}


def replace_lost(trace: Trace, why: str) -> Trace:
    """Return: the same trace, with something missing."""
    return replace(trace, lost=[why])


def test_what_a_rule_needs_and_a_trace_has_not_is_inconclusive(folders: tuple[Path, Path]) -> None:
    """As of a real target: the events of our end, and no accesses."""
    whole = reader.read(folders[0])
    device = Trace([entry for entry in whole.records if entry.kind == record.EVENT and entry.end == "device"],
                   "a test")
    before = {(outcome.rule, outcome.end): outcome for outcome in check.judge(whole)}

    reasons = {outcome.reason for outcome in check.judge(device) if outcome.verdict is Verdict.INCONC}

    assert reasons == {"it is about accesses to memory, and the trace has events alone",
                       "it is about both ends, and the trace has device alone"}
    assert not any(outcome.verdict is Verdict.FAIL for outcome in check.judge(device))
    # What can be judged without them is.
    assert sum(outcome.verdict is Verdict.PASS for outcome in check.judge(device)) >= 5
    assert before.keys() == {(outcome.rule, outcome.end) for outcome in check.judge(device)}
