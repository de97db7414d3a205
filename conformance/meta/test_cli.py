# SPDX-License-Identifier: BSD-3-Clause
"""The program: what it prints, writes and returns, also when it is killed."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from meta.conftest import ROOT
from rpmsg_cts import doctor, results
from rpmsg_cts.cli import main
from rpmsg_cts.verdict import EXIT_MEANINGS, Verdict

PROGRAM = ROOT / "rpmsg-cts"
PATIENCE_S = 30

SLOW_TESTS = '''
import time

from rpmsg_cts.judge import req


@req("HDR-001")
def test_quick(driver_link):
    pass


@req("HDR-002")
def test_slow(driver_link):
    time.sleep(60)
'''


def program(project, *arguments, **options):
    """Run ./rpmsg-cts on a project of its own."""
    return subprocess.run([PROGRAM, "--root", project, *arguments], capture_output=True, text=True, check=False,
                          timeout=PATIENCE_S, **options)


def in_process(project, *arguments):
    """The same without a process, for what starts no tests."""
    return CliRunner(mix_stderr=False).invoke(main, ["--root", str(project), *arguments])


def write_tests(project, source):
    """Replace the dummy tests."""
    (project / "conformance" / "header" / "test_dummy.py").write_text(source, encoding="utf-8")


# --- run ---


def test_a_run_writes_every_report_and_shows_the_matrix(project):
    """The whole way, with nothing but options."""
    done = program(project, "run", "--target", "sim", "--target", "linux-armhf")

    out = project / "out" / "report"
    assert done.returncode == 0, done.stderr
    assert {path.name for path in out.iterdir()} == {"results.jsonl", "report.html", "junit.xml", "report.ktap",
                                                     "matrix.txt"}
    assert re.search(r"HDR-001 +MUST +header-is-16-bytes +✓ 2 +✓ 2 +✓ 2\n", done.stdout)
    assert "6 judgements on 1 requirement: all passed." in done.stdout
    assert done.stdout == (out / "matrix.txt").read_text(encoding="utf-8")
    assert len(results.load(out / "results.jsonl").results) == 6


def test_the_seed_is_said_first_and_progress_comes_in_lines(project):
    """In a CI log there is no live line, and nothing that looks like one."""
    done = program(project, "run", "--seed", "9")

    assert done.stderr.startswith("rpmsg-cts: seed 9, profile strict, targets sim\n")
    assert re.search(r"^\[1/4\] +\d+\.\d s  sim header$", done.stderr, re.MULTILINE)
    assert "\x1b" not in done.stderr + done.stdout and "\r" not in done.stderr


def test_on_a_terminal_a_run_is_live_and_coloured(project):
    """`script` gives it a terminal."""
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(["script", "-qec", f"{PROGRAM} --root {project} run", "/dev/null"], capture_output=True,
                          text=True, check=False, timeout=PATIENCE_S, env=environment)

    assert done.returncode == 0
    assert "4/4" in done.stdout and "\x1b[32m✓ 2" in done.stdout


@pytest.mark.parametrize("body, status, word", [
    ("pass", 0, "PASS"), ("expect(1, 2, 'x')", 1, "FAIL"), ("1 / 0", 3, "ERROR"), ("given(0, 'x')", 4, "INCONC"),
    ("skip('x')", 5, "SKIP"),
])
def test_the_exit_status_says_the_worst_verdict(project, body, status, word):
    """Scripts look at nothing else."""
    write_tests(project, f"from rpmsg_cts.judge import *\n@req('HDR-001')\ndef test_x(driver_link):\n    {body}\n")

    done = program(project, "run", "--verbose")

    assert done.returncode == status
    assert re.search(rf"^{word} +HDR-001 header/test_dummy.py::test_x", done.stderr, re.MULTILINE)


def test_one_test_is_replayed_with_the_line_of_the_report(project):
    """What the report says to type works, and takes the target from the node id as well."""
    write_tests(project, "from rpmsg_cts.judge import *\n@req('HDR-001')\ndef test_x(link): expect(1, 2, 'x')\n"
                         "@req('HDR-001')\ndef test_y(link): pass\n")
    program(project, "run")
    line = results.load(project / "out/report/results.jsonl").with_verdict(Verdict.FAIL)[1].replay
    assert line == "./rpmsg-cts run --target sim --test 'header/test_dummy.py::test_x[sim-device]'"

    again = program(project, "run", "--test", "header/test_dummy.py::test_x[sim-device]", "--format", "ktap",
                    "--out", project / "again")

    assert again.returncode == 1
    assert [result.replay for result in results.load(project / "again/results.jsonl").results] == [line]
    assert {path.name for path in (project / "again").iterdir()} == {"results.jsonl", "report.ktap"}


@pytest.mark.parametrize("arguments, complaint", [
    (["run", "--target", "linux-arm"], "unknown target 'linux-arm': did you mean linux-armhf"),
    (["run", "--target", "xyz"], "unknown target 'xyz': `rpmsg-cts list targets` shows all"),
    (["run", "--suite", "robust"], "unknown suite 'robust': did you mean robustness?"),
    (["run", "--req", "ROB-04"], "unknown requirement 'ROB-04': did you mean ROB-0"),
    (["run", "--profile", "linx"], "unknown profile 'linx' (did you mean 'linux'?)"),
    (["run", "--suite", "flow"], "has no tests of suite flow yet"),
    (["show", "HDR-01"], "unknown requirement 'HDR-01': did you mean HDR-0"),
    (["report", "nothing.jsonl"], "nothing.jsonl: No such file or directory"),
    (["list", "things"], "'things' is not one of"),
    (["run", "--seed", "-1"], "-1 is not in the range"),
])
def test_bad_usage_is_said_with_near_matches(project, arguments, complaint):
    """Before anything runs, with status 2."""
    done = in_process(project, *arguments)

    assert done.exit_code == 2
    assert complaint in done.stderr


def test_an_unknown_test_is_refused_with_near_ones(project):
    """The one name that is only known after collection."""
    done = program(project, "run", "--test", "header/test_dummy.py::test_pases")

    assert done.returncode == 2
    assert "did you mean header/test_dummy.py::test_passes?" in done.stderr


def test_a_broken_catalogue_is_said_with_its_line(project):
    """Somebody edits it by hand."""
    requirements = project / "fixtures" / "requirements"
    real = requirements.resolve()
    requirements.unlink()
    requirements.mkdir()
    for path in real.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        (requirements / path.name).write_text(text.replace("level =", "levle =", 1), encoding="utf-8")

    done = in_process(project, "run")

    assert done.exit_code == 2
    assert re.search(r"fixtures/requirements/layout.toml:\d+: .*unknown key 'levle'", done.stderr)


def test_a_file_that_does_not_import_is_an_error_and_not_a_green_run(project):
    """The tests in it would be missing, silently."""
    (project / "conformance" / "header" / "test_broken.py").write_text("import nothing_of_this_name\n", encoding="utf-8")

    done = program(project, "run")

    assert done.returncode == 3
    assert "No module named 'nothing_of_this_name'" in done.stderr
    assert "tests could not be collected" in done.stderr


def test_a_test_without_a_requirement_stops_the_run(project):
    """With its name."""
    write_tests(project, "def test_x(link): pass\n")

    done = program(project, "run")

    assert done.returncode == 2
    assert "header/test_dummy.py::test_x: names no requirement" in done.stderr


def test_reports_that_cannot_be_written_are_said(project):
    """A file stands where the folder should be."""
    (project / "out").write_text("", encoding="utf-8")

    done = program(project, "run")

    assert done.returncode == 2
    assert "out/report/results.jsonl.partial: Not a directory" in done.stderr


# --- interruption ---


def start_slow_run(project):
    """Start a run and wait until its first result is in the file."""
    write_tests(project, SLOW_TESTS)
    process = subprocess.Popen([PROGRAM, "--root", project, "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    partial = project / "out" / "report" / "results.jsonl.partial"
    deadline = time.monotonic() + PATIENCE_S
    while b'"result"' not in (partial.read_bytes() if partial.exists() else b""):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_reports_what_it_had(project, number):
    """And leaves the last complete report alone."""
    program(project, "run")
    before = (project / "out/report/report.html").read_bytes()
    process = start_slow_run(project)

    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 130
    assert "Interrupted, not complete. 1 judgement on 1 requirement: no failure so far." in stdout
    assert f"interrupted; what was judged so far is in {project}/out/report/interrupted/results.jsonl" in stderr
    assert "was interrupted" in (project / "out/report/interrupted/report.html").read_text(encoding="utf-8")
    assert (project / "out/report/report.html").read_bytes() == before
    assert not results.load(project / "out/report/results.jsonl").interrupted


def test_kill_9_costs_at_most_the_test_that_ran(project):
    """The file is readable as it is, and the next run does not overwrite it."""
    process = start_slow_run(project)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    partial = project / "out" / "report" / "results.jsonl.partial"

    shown = program(project, "report", partial, "--out", project / "late")
    assert shown.returncode == 0 and "INTERRUPTED" in shown.stdout
    assert len(results.load(partial).results) == 1

    write_tests(project, SLOW_TESTS.replace("time.sleep(60)", "pass"))
    assert program(project, "run").returncode == 0
    assert results.load(project / "out/report/interrupted/results.jsonl").interrupted
    assert not partial.exists()


def test_a_full_disk_leaves_the_earlier_report(project):
    """A limit on the size of files stands for the full disk."""
    program(project, "run", "--suite", "header")
    before = {path.name: path.read_bytes() for path in (project / "out/report").iterdir()}
    # Room for the run and requirement records, not for all results.
    write_tests(project, "import pytest\nfrom rpmsg_cts.judge import req\n@req('HDR-001')\n"
                         "@pytest.mark.parametrize('n', range(100))\ndef test_x(driver_link, n): pass\n")

    done = subprocess.run(["bash", "-c", f"trap '' XFSZ; ulimit -f 16; exec {PROGRAM} --root {project} run --suite header"],
                          capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    assert done.returncode == 3
    assert "results.jsonl.partial: File too large; results so far are in it" in done.stderr
    after = {path.name: path.read_bytes() for path in (project / "out/report").iterdir()}
    assert len(results.load(project / "out/report/results.jsonl.partial").results) > 5
    assert {name: after[name] for name in before} == before


# --- report, list, show, doctor ---


def test_report_renders_an_earlier_file_again(tmp_path):
    """The same bytes as the golden ones."""
    case = ROOT / "fixtures" / "report" / "every-verdict"
    done = in_process(ROOT, "report", str(case / "input.jsonl"), "--out", str(tmp_path))

    assert done.exit_code == 0
    assert (tmp_path / "report.html").read_bytes() == (case / "expected.html").read_bytes()
    assert (tmp_path / "junit.xml").read_bytes() == (case / "expected.xml").read_bytes()
    assert done.stdout == (case / "expected.txt").read_text(encoding="utf-8")


def test_report_refuses_what_is_no_result_file(tmp_path):
    """With the line."""
    (tmp_path / "x.jsonl").write_text("{}\n", encoding="utf-8")

    done = in_process(ROOT, "report", str(tmp_path / "x.jsonl"))

    assert done.exit_code == 2 and "x.jsonl:1: not a result file" in done.stderr


@pytest.mark.parametrize("kind, key, name", [
    ("requirements", "id", "ROB-004"), ("tests", "test", "header/test_dummy.py::test_passes[sim-device-one]"),
    ("targets", "target", "linux-armhf"), ("suites", "suite", "name_service"), ("profiles", "profile", "strict"),
    ("vectors", "vector", "V-HDR-1/le"),
])
def test_list_shows_what_there_is(project, kind, key, name):
    """As a table with a row a line, and as JSON."""
    table = in_process(project, "list", kind)
    rows = json.loads(in_process(project, "list", "--json", kind).stdout)

    assert name in [row[key] for row in rows]
    assert len(table.stdout.splitlines()) == len(rows) + 1
    assert any(line.startswith(name) for line in table.stdout.splitlines())


@pytest.mark.parametrize("name", ["HDR-001", "hdr-001", "header-is-16-bytes"])
def test_show_says_everything_about_a_requirement(project, name):
    """By id or slug."""
    done = in_process(project, "show", name)

    assert done.exit_code == 0, done.stderr
    for text in ("HDR-001  header-is-16-bytes", "MUST, binds driver and device", "differs from  virtio_rpmsg_bus.c",
                 "header/test_dummy.py::test_passes  on sim-driver, sim-device, linux-armhf-driver", "V-HDR-1/le",
                 "fixtures/requirements/header.toml:"):
        assert text in done.stdout


def test_show_names_known_defects():
    """In the real tree."""
    done = in_process(ROOT, "show", "ROB-004")

    assert "K-LINUX-001 on linux-* as driver" in done.stdout
    assert "rpmsg-cts show --finding K-LINUX-001" in " ".join(done.stdout.split())


def test_list_shows_the_findings():
    """With the kernels that have them, and those that do not."""
    rows = {row["finding"]: row for row in json.loads(in_process(ROOT, "list", "--json", "findings").stdout)}

    assert rows["K-LINUX-001"]["requirement"] == "ROB-004"
    assert all(row["seen in"] for row in rows.values())


def test_the_real_tree_collects(root):
    """No test of ours lacks a requirement, and none is named twice."""
    done = in_process(root, "list", "--json", "tests")

    if "has no" not in done.stderr and done.exit_code == 0:
        names = [row["test"] for row in json.loads(done.stdout or "[]")]
        assert len(names) == len(set(names))
    assert done.exit_code == 0, done.stderr


def test_doctor_names_packages(project):
    """Nothing is built or fetched here, and one package does not exist."""
    (project / "ci").mkdir()
    (project / "ci" / "packages.txt").write_text(
        "# list\n[build] # group\nbash  # there\n[guest]\nno-such-package-anywhere # why\n", encoding="utf-8")

    done = in_process(project, "doctor")

    assert done.exit_code == 1
    assert "all 1 installed" in done.stdout
    assert "apt-get install --no-install-recommends no-such-package-anywhere" in done.stdout
    assert re.search(r"^-- sim +cannot run: run `make`$", done.stdout, re.MULTILINE)


def test_doctor_reads_what_was_fetched(project):
    """Versions are in it."""
    qemu = project / "build" / "qemu" / "qemu-system-arm"
    qemu.mkdir(parents=True)
    (qemu / "facts.json").write_text(json.dumps({"binary": "/bin/true", "device": "vhost-user-test-device-pci",
                                                 "origin": "PATH", "present": True, "version": "10.2.0"}))
    kernel = project / "build" / "kernel-armhf"
    kernel.mkdir()
    (kernel / "facts.json").write_text("torn{")

    checks = {check.what: check for check in doctor.examine(project).checks}

    assert checks["QEMU for arm"].good and not checks["QEMU for m68k"].good
    assert checks["QEMU for arm"].found == "10.2.0, PATH, has vhost-user-test-device-pci"
    assert not checks["guest kernel"].good


def test_help_is_complete():
    """Exit statuses and examples, in the program's and in the command's help."""
    for arguments in (["--help"], ["run", "--help"]):
        text = CliRunner().invoke(main, arguments).output
        assert "Exit status:" in text and "Examples:" in text
        assert all(f"{status}  {meaning}" in text for status, meaning in EXIT_MEANINGS.items())


def test_the_program_works_from_anywhere(tmp_path):
    """Also through a link, and without anything in PYTHONPATH."""
    (tmp_path / "link").symlink_to(PROGRAM)

    done = subprocess.run([tmp_path / "link", "list", "suites"], capture_output=True, text=True, check=False,
                          cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, timeout=PATIENCE_S)

    assert done.returncode == 0 and "robustness" in done.stdout
    assert Path(PROGRAM).read_text(encoding="utf-8").startswith(f"#!{sys.executable}\n")


def test_show_names_the_mutants_that_stand_for_a_requirement(project):
    """In the real tree; and says where there is none although our own ends are judged."""
    shown = CliRunner(mix_stderr=False).invoke(main, ["show", "HDR-003"])

    assert re.search(r"^mutants +hdr_flags_set  sent headers have a flag set$", shown.stdout, re.MULTILINE)
    assert "mutants       none yet: nothing shows that its tests can fail" in in_process(project, "show", "HDR-001").stdout


@pytest.mark.parametrize("options, status, complaint", [
    (["--mutant", "hdr_flag_set"], 2, "error: unknown mutant 'hdr_flag_set': did you mean hdr_flags_set"),
    (["--workers", "0"], 2, "--workers"),
])
def test_a_mutant_that_is_none_is_refused(options, status, complaint):
    """Before anything is run."""
    done = CliRunner(mix_stderr=False).invoke(main, ["mutants", *options])

    assert done.exit_code == status
    assert complaint in done.stderr


def test_without_a_canary_no_matrix_is_believed(project):
    """A project that has no table of mutants has none that could be missed."""
    done = in_process(project, "mutants")

    assert done.exit_code == 3
    assert "sim/base/mutants.def has no mutant 'canary'" in done.stderr
