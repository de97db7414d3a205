# SPDX-License-Identifier: BSD-3-Clause
"""`run --trace` with a real session daemon: failures leave a trace, passes leave nothing, and nothing is left behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta.conftest import ROOT
from meta.tracing import PATIENCE_S, WHOSE, daemons, needs_lttng
from rpmsg_cts import results
from rpmsg_cts.cli import main
from rpmsg_cts.trace import tools
from rpmsg_cts.verdict import Verdict

LINKS = 'pytest_plugins = ["rpmsg_cts.plugin_link"]\n'

TESTS = '''
import os
import signal

from rpmsg_cts.judge import expect, given, req, skip
from rpmsg_cts.plugin import SESSION


@req("HDR-001")
def test_passes(driver_link):
    pass


@req("HDR-001")
def test_fails(driver_link):
    driver_link.upper.open(30)
    expect(1, 2, "a number")


@req("HDR-001")
def test_cannot_say(driver_link):
    given(False, "what is needed")


@req("HDR-001")
def test_is_skipped(driver_link):
    skip("not here")
'''

KILLS = TESTS + '''

@req("HDR-002")
def test_kills_the_daemon(driver_link, request):
    flight = request.config.stash[SESSION].flight
    os.kill(flight.daemon_pid, signal.SIGKILL)
    flight.wait_for_end(30)
    expect(1, 2, "a number")


@req("HDR-002")
def test_fails_after_that(driver_link):
    expect(1, 2, "a number")


@req("HDR-002")
def test_passes_after_that(driver_link):
    pass
'''

SLOW = TESTS + '''

@req("HDR-002")
def test_takes_its_time(driver_link):
    open(os.environ["READY"], "w").close()
    signal.pause()
'''


@pytest.fixture(name="traced")
def _traced(project: Path) -> Path:
    """A project whose tests have real links."""
    (project / "conformance" / "conftest.py").write_text(LINKS, encoding="utf-8")
    return project


def run(project: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run these tests with --trace."""
    (project / "conformance" / "header" / "test_dummy.py").write_text(source, encoding="utf-8")
    return subprocess.run([ROOT / "rpmsg-cts", "--root", project, "run", *(options or ["--trace"])], capture_output=True,
                          text=True, check=False, timeout=PATIENCE_S, env={**os.environ, WHOSE: str(project)})


def by_test(project: Path) -> dict[str, results.Result]:
    """Return: the results of the last run, by the name of the test."""
    loaded = results.load(project / "out" / "report" / "results.jsonl")
    return {re.search(r"test_(\w+)\[", result.test)[1]: result for result in loaded.results}


@needs_lttng
def test_a_failure_leaves_a_trace_and_a_pass_leaves_nothing(traced: Path) -> None:
    done = run(traced, TESTS)

    assert done.returncode == 1, done.stderr
    found, out = by_test(traced), traced / "out" / "report"
    assert found["passes"].trace == found["is_skipped"].trace == ""
    kept = {found[name].trace for name in ("fails", "cannot_say")}
    assert {f"traces/{path.name}" for path in (out / "traces").iterdir()} == kept
    assert f"traces: 2 kept in {out / 'traces'}" in done.stderr
    assert f'href="{found["fails"].trace}/"' in (out / "report.html").read_text(encoding="utf-8")
    assert daemons(traced) == []

    # The trace and the log in the report are two ways to the same.
    shown = CliRunner(mix_stderr=False).invoke(main, ["trace", "show", str(out / found["fails"].trace)])
    lines = shown.stdout.splitlines()
    assert shown.exit_code == 0 and not shown.stderr
    assert lines[0] == f"--- {found['fails'].test}"
    assert tuple(lines[1:]) == found["fails"].log
    assert any("driver endpoint_create addr 0x1e" in line for line in lines)


@needs_lttng
def test_a_daemon_that_dies_costs_traces_and_no_results(traced: Path, tmp_path: Path) -> None:
    """Tests are judged by what their links see; the trace is for the reader."""
    done = run(traced, KILLS, f"--trace={tmp_path / 'kept'}")

    assert done.returncode == 1, done.stderr
    found = by_test(traced)
    assert len(found) == 7
    assert found["fails"].trace.startswith(f"{tmp_path}/kept/header-test_dummy.py-test_fails-sim-driver")
    assert (Path(found["fails"].trace) / "metadata").exists()
    assert not (traced / "out" / "report" / "traces").exists()
    for name in ("kills_the_daemon", "fails_after_that"):
        assert found[name].verdict is Verdict.FAIL
        assert found[name].trace == ""
        assert found[name].log[-1].startswith("trace: none: lttng-sessiond has ended, in header/test_dummy.py::test_kills")
    assert found["passes_after_that"].verdict is Verdict.PASS
    assert re.search(r"traces: 2 kept in \S+; INCONC from then on: lttng-sessiond has ended", done.stderr)


@needs_lttng
@pytest.mark.parametrize("number, status", [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_run_that_is_ended_leaves_no_daemon(traced: Path, tmp_path: Path, number: signal.Signals,
                                              status: int) -> None:
    (traced / "conformance" / "header" / "test_dummy.py").write_text(SLOW, encoding="utf-8")
    ready = tmp_path / "ready"
    with subprocess.Popen([ROOT / "rpmsg-cts", "--root", traced, "run", "--trace"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, start_new_session=True,
                          env={**os.environ, WHOSE: str(traced), "READY": str(ready)}) as process:
        try:
            wait_until(ready.exists)
            assert daemons(traced)
            os.kill(process.pid, number)
            assert process.wait(PATIENCE_S) == status
        finally:
            process.kill()

    wait_until(lambda: not daemons(traced))
    out = traced / "out" / "report"
    if number == signal.SIGINT:
        loaded = results.load(out / "interrupted" / "results.jsonl")
        traces = [result.trace for result in loaded.results if result.trace]
        assert len(traces) == 2
        assert all((out / "interrupted" / trace / "metadata").exists() for trace in traces)
    assert not (out / "traces").exists()


def wait_until(condition) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        os.sched_yield()


# --- what is not there ---


@pytest.mark.parametrize("program, package", [("lttng", "lttng-tools"), ("lttng-sessiond", "lttng-tools")])
def test_without_lttng_it_says_which_package_is_missing(project: Path, monkeypatch: pytest.MonkeyPatch, program: str,
                                                        package: str) -> None:
    """Before the first test, and not after an hour of them."""
    real = shutil.which
    monkeypatch.setattr(tools.shutil, "which", lambda name: None if name == program else real(name))

    done = CliRunner(mix_stderr=False).invoke(main, ["--root", str(project), "run", "--trace"])

    assert done.exit_code == 3
    assert f"error: traces cannot be recorded: {program} is not there: apt-get install {package}" in done.stderr
    assert not (project / "out").exists()


def test_without_the_provider_it_says_how_to_build_it(tmp_path: Path) -> None:
    missing = tools.missing_to_record(tmp_path)

    assert [f"{name} is not built: apt-get install liblttng-ust-dev, then make"
            for name in (tools.PROVIDER, tools.CLOCK)] == missing[-2:]


@pytest.mark.parametrize("command", ["show", "check"])
def test_without_the_reader_it_is_skipped_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(tools, "MODULES", {"no_such_module": "python3-bt2"})

    done = CliRunner(mix_stderr=False).invoke(main, ["trace", command, str(tmp_path)])

    assert done.exit_code == 5
    assert done.stderr == ("SKIP: traces cannot be read: Python has no module no_such_module: apt-get install python3-bt2\n")


def test_a_folder_without_a_trace_is_bad_usage(tmp_path: Path) -> None:
    done = CliRunner(mix_stderr=False).invoke(main, ["trace", "show", str(tmp_path)])

    assert done.exit_code == (2 if not tools.missing_to_read() else 5)
