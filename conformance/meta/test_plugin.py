# SPDX-License-Identifier: BSD-3-Clause
"""What the plugin makes of tests: refused, put on lanes, judged, written down."""

from functools import lru_cache

import pytest

from meta.conftest import DUMMY_FIXTURES, ROOT
from meta.recorded import ENTRY, record
from rpmsg_cts import catalogue, results
from rpmsg_cts.verdict import Verdict

LOAD = catalogue.load
pytest_plugins = "pytester"

HEAD = """
import pytest
from rpmsg_cts.judge import expect, given, inconclusive, req, role, skip
from rpmsg_cts.verdict import GuestFailure, HarnessError

"""


@lru_cache(maxsize=1)
def _catalogue():
    # The same for every test here, and a tenth of a second each time.
    return LOAD(ROOT)


@pytest.fixture
def suite(pytester, project, monkeypatch):
    """Runs dummy tests of the suite `header`; `project` has no known defects unless a test writes some."""
    pytester.makeconftest(DUMMY_FIXTURES)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "conformance"))
    monkeypatch.setattr(catalogue, "load", lambda _root: _catalogue())

    def run(source, *options, folder="header", apart=False):
        path = pytester.path / folder / "test_dummy.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + source, encoding="utf-8")
        start = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return start("-p", "rpmsg_cts.plugin", f"--project-root={project}", "--import-mode=importlib",
                     "-p", "no:cacheprovider", f"--results={pytester.path / 'results.jsonl'}", *options)

    run.path = pytester.path / "results.jsonl"
    run.project = project
    return run


def judged(suite):
    """Return: test name -> result."""
    return {result.test.rpartition("::")[2]: result for result in results.load(suite.path).results}


# --- collection ---


@pytest.mark.parametrize("source, complaint", [
    ("def test_x(link): pass", "header/test_dummy.py::test_x: names no requirement; add @req"),
    ("@req()\ndef test_x(link): pass", "names no requirement"),
    ("@req('HDR-01')\ndef test_x(link): pass", "unknown requirement 'HDR-01': did you mean HDR-0"),
    ("@req('HDR-001', 'XXX-001')\ndef test_x(link): pass", "unknown requirement 'XXX-001'"),
    ("@req('HDR-001')\ndef test_x(): pass", "runs on no lane; use one of the fixtures driver_link"),
    ("@req('HDR-001')\n@role('host')\ndef test_x(lib): pass", "unknown role 'host'"),
    ("@req('ROB-004')\ndef test_x(device_link): pass", "runs with the implementation as device, but ROB-004 binds the"),
])
def test_a_test_that_does_not_say_what_it_judges_is_refused(suite, source, complaint):
    """A test without a requirement would be counted and mean nothing."""
    done = suite(source)

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"ERROR: *{complaint.replace('[', '[[]')}*"])


def test_all_bad_tests_are_named_at_once(suite):
    """Nobody likes to learn of them one by one."""
    done = suite("def test_x(link): pass\ndef test_y(link): pass")

    done.stderr.fnmatch_lines(["*test_x: names no requirement*", "*test_y: names no requirement*"])


def test_tests_of_the_harness_need_no_requirement(suite):
    """They judge us, not an implementation."""
    done = suite("def test_x(): pass", folder="meta")

    done.assert_outcomes(passed=1)
    assert results.load(suite.path).results == ()


@pytest.mark.parametrize("options, complaint", [
    (["--target=smi"], "unknown target 'smi': did you mean sim?"),
    (["--suite=heder"], "unknown suite 'heder': did you mean header?"),
    (["--req=HDR-01"], "unknown requirement 'HDR-01': did you mean"),
    (["--profile=strickt"], "unknown profile 'strickt' (did you mean 'strict'"),
    (["--test=header/test_dummy.py::test_z"], "unknown test 'header/test_dummy.py::test_z': did you mean"),
])
def test_unknown_names_are_refused_with_near_ones(suite, options, complaint):
    """Before anything runs."""
    done = suite("@req('HDR-001')\ndef test_x(link): pass", *options)

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert complaint in done.stderr.str()


@pytest.mark.parametrize("test, lanes", [
    ("@req('HDR-001')\ndef test_x(link): pass", ["sim-driver", "sim-device", "linux-armhf-driver"]),
    ("@req('ROB-004')\ndef test_x(link): pass", ["sim-driver", "linux-armhf-driver"]),
    ("@req('ROB-007')\ndef test_x(link): pass", ["sim-device"]),
    ("@req('HDR-001')\ndef test_x(driver_link): pass", ["sim-driver", "linux-armhf-driver"]),
    ("@req('HDR-001')\ndef test_x(device_link): pass", ["sim-device"]),
    ("@req('HDR-001')\ndef test_x(lib): pass", ["sim-driver"]),
    ("@req('ROB-007')\ndef test_x(lib): pass", ["sim-device"]),
    ("@req('HDR-001')\n@role('device')\ndef test_x(lib): pass", ["sim-device"]),
    ("@req('HDR-001')\n@role('driver', 'device')\ndef test_x(lib): pass", ["sim-driver", "sim-device"]),
])
def test_the_fixture_chooses_the_lanes(suite, test, lanes):
    """One test, every target and role it is about."""
    suite(test, "--target=sim", "--target=linux-armhf")

    assert [f"{result.target}-{result.role}" for result in results.load(suite.path).results] == lanes
    assert list(judged(suite)) == [f"test_x[{lane}]" for lane in lanes]


def test_a_test_without_a_lane_is_deselected(suite):
    """Asked for the kernel only, a test of our own device has nothing to do."""
    done = suite("@req('ROB-007')\ndef test_x(link): pass\n@req('HDR-001')\ndef test_y(link): pass",
                 "--target=linux-armhf")

    done.assert_outcomes(passed=1, deselected=1)


def test_a_result_is_written_for_each_requirement_that_binds_the_role(suite):
    """NS-010 and its like name two; a rule for the device is not judged on a driver."""
    suite("@req('HDR-001', 'ROB-004', 'ROB-007')\ndef test_x(driver_link): pass")

    assert [result.requirement for result in results.load(suite.path).results] == ["HDR-001", "ROB-004"]


def test_the_variant_is_the_rest_of_the_parameters(suite):
    """The lane has columns of its own."""
    suite("@req('HDR-001')\n@pytest.mark.parametrize('n', [4, 8], ids=['n4', 'n-8'])\ndef test_x(driver_link, n): pass")

    assert [result.variant for result in results.load(suite.path).results] == ["n4", "n-8"]


def test_one_target_runs_after_the_other(suite):
    """A guest is booted once, and what the simulator finds is seen before."""
    suite("@req('HDR-001')\ndef test_x(driver_link): pass\n@req('HDR-001')\ndef test_y(driver_link): pass",
          "--target=linux-armhf", "--target=sim")

    assert [result.target for result in results.load(suite.path).results] == ["linux-armhf"] * 2 + ["sim"] * 2


@pytest.mark.parametrize("option, tests", [
    ("--req=HDR-002", {"test_y[sim-driver]"}),
    ("--suite=flow", set()),
    ("--suite=header", {"test_x[sim-driver-a]", "test_x[sim-driver-b]", "test_y[sim-driver]"}),
    ("--test=header/test_dummy.py::test_x", {"test_x[sim-driver-a]", "test_x[sim-driver-b]"}),
    ("--test=header/test_dummy.py::test_x[sim-driver-b]", {"test_x[sim-driver-b]"}),
    ("--test=header/test_dummy.py", {"test_x[sim-driver-a]", "test_x[sim-driver-b]", "test_y[sim-driver]"}),
])
def test_selections(suite, option, tests):
    """By requirement, suite and node id."""
    suite("@req('HDR-001')\n@pytest.mark.parametrize('n', 'ab')\ndef test_x(driver_link, n): pass\n"
          "@req('HDR-002')\ndef test_y(driver_link): pass", option)

    assert set(judged(suite)) == tests


# --- verdicts ---


@pytest.mark.parametrize("body, verdict, reason", [
    ("pass", Verdict.PASS, ""),
    ("expect(1, 2, 'idx')", Verdict.FAIL, "idx"),
    ("assert 1 == 2, 'plain'", Verdict.FAIL, "plain"),
    ("assert len('a') == 2", Verdict.FAIL, "assert 1 == 2"),
    ("given(False, 'trigger')", Verdict.INCONC, "precondition does not hold: trigger"),
    ("inconclusive('who knows')", Verdict.INCONC, "who knows"),
    ("skip('no QEMU; install qemu-system-arm')", Verdict.SKIP, "no QEMU; install qemu-system-arm"),
    ("raise GuestFailure('oops')", Verdict.FAIL, "oops"),
    ("raise HarnessError('ours')", Verdict.ERROR, "HarnessError: ours"),
    ("from rpmsg_cts import decode; decode.decode_header(b'6 long', 'le')", Verdict.INCONC,
     "what the implementation wrote cannot be read: 16 bytes needed at offset 0, but the data ends at 6"),
    ("from rpmsg_cts.verdict import Refused; raise Refused(28, 'No space left')", Verdict.INCONC,
     "the implementation refuses: No space left"),
    ("raise OSError(28, 'disk full')", Verdict.ERROR, "OSError: [Errno 28] disk full"),
    ("1 / 0", Verdict.ERROR, "ZeroDivisionError: division by zero"),
    ("pytest.fail('x')", Verdict.ERROR, "Failed: x"),
    ("from rpmsg_cts import verdict; verdict.worst([])", Verdict.ERROR, "ValueError: max() arg is an empty sequence"),
    ("from rpmsg_cts.meta_probe import fail", Verdict.ERROR, "ModuleNotFoundError: No module named 'rpmsg_cts.meta_probe'"),
], ids=range(16))
def test_outcomes_become_verdicts(suite, body, verdict, reason):
    """Who is to blame depends on how a test ends."""
    done = suite(f"@req('HDR-001')\ndef test_x(driver_link):\n    {body}\n")

    (result,) = results.load(suite.path).results
    assert (result.verdict, result.reason) == (verdict, reason)
    assert done.ret == (0 if verdict in (Verdict.PASS, Verdict.SKIP) else 1)


def test_an_error_says_all_that_it_has_to_say(suite):
    """Of a kernel that does not start, the first line is our own, and the rest the kernel's."""
    suite("@req('HDR-001')\ndef test_x(driver_link):\n    raise HarnessError('no guest: it died\\n  | no memory\\n  | panic')\n")

    (result,) = results.load(suite.path).results
    assert (result.verdict, result.reason) == (Verdict.ERROR, "HarnessError: no guest: it died")
    assert result.observed == "  | no memory\n  | panic"


def test_a_comparison_is_written_in_its_parts(suite):
    """Reports show them apart."""
    suite("@req('HDR-001')\ndef test_x(driver_link):\n    expect(b'a', 0x10, 'what')\n")

    (result,) = results.load(suite.path).results
    assert (result.reason, result.expected, result.observed) == ("what", "1 byte: 61  |a|", "0x10")


FIXTURE = """
@pytest.fixture
def broken():
    {setup}
    yield
    {teardown}

@req("HDR-001")
def test_x(driver_link, broken):
    {body}
"""


@pytest.mark.parametrize("setup, body, teardown, verdict, reason", [
    ("raise OSError('a')", "pass", "pass", Verdict.ERROR, "in set-up: OSError: a"),
    ("assert False, 'a'", "pass", "pass", Verdict.ERROR, "in set-up: AssertionError: a"),
    ("raise GuestFailure('a')", "pass", "pass", Verdict.ERROR, "in set-up: GuestFailure: a"),
    ("skip('no kernel')", "pass", "pass", Verdict.SKIP, "no kernel"),
    ("given(False, 'a')", "pass", "pass", Verdict.INCONC, "precondition does not hold: a"),
    ("pass", "pass", "raise OSError('b')", Verdict.ERROR, "in clean-up: OSError: b"),
    ("pass", "pass", "raise GuestFailure('b')", Verdict.FAIL, "b"),
    ("pass", "expect(1, 2, 'c')", "raise OSError('b')", Verdict.ERROR, "in clean-up: OSError: b; before that FAIL: c"),
    ("pass", "given(False, 'c')", "raise GuestFailure('b')", Verdict.FAIL, "b"),
], ids=range(9))
def test_setting_up_and_cleaning_up_count(suite, setup, body, teardown, verdict, reason):
    """An item has one verdict, whatever phase it came from."""
    suite(FIXTURE.format(setup=setup, body=body, teardown=teardown))

    (result,) = results.load(suite.path).results
    assert (result.verdict, result.reason) == (verdict, reason)


def test_a_test_that_hangs_is_an_error(suite):
    """The harness cannot know whether it or the implementation hangs; a link that knows raises GuestFailure."""
    suite("@req('HDR-001')\ndef test_x(driver_link):\n    import time\n    time.sleep(20)\n", "--timeout=0.2",
          "--timeout-method=signal")

    (result,) = results.load(suite.path).results
    assert result.verdict is Verdict.ERROR and "Timeout >0.2s" in result.reason


def test_the_log_comes_with_what_did_not_pass(suite):
    """And a log that breaks costs the log only."""
    suite("@req('HDR-001')\ndef test_x(driver_link, report_log):\n    report_log(lambda: 1 / 0)\n    expect(1, 2, 'x')\n"
          "@req('HDR-001')\ndef test_y(driver_link): pass")

    assert judged(suite)["test_x[sim-driver]"].log == (
        "trace of sim-driver", "harness: no log from a fixture: ZeroDivisionError: division by zero")
    assert judged(suite)["test_y[sim-driver]"].log == ()


def test_an_error_says_where(suite):
    """Frames, the failing one last."""
    suite("@req('HDR-001')\ndef test_x(driver_link):\n    1 / 0\n")

    (result,) = results.load(suite.path).results
    assert result.log[-1].startswith("harness: test_dummy.py:") and result.log[-1].endswith(" in test_x")


def test_the_replay_line_has_what_it_takes(suite):
    """Options that differ from the defaults are in it."""
    suite("@req('HDR-001')\ndef test_x(driver_link): pass", "--seed=7", "--profile=linux")

    (result,) = results.load(suite.path).results
    assert result.replay == ("./rpmsg-cts run --target sim --profile linux --seed 7"
                             " --test 'header/test_dummy.py::test_x[sim-driver]'")


# --- known defects ---

KNOWN = ENTRY.replace('requirement = "ROB-004"', 'requirement = "HDR-001"').replace('"deliver(ed|s)"', '"delivered"')


@pytest.mark.parametrize("body, linux, sim", [
    ("expect('refused', 'delivered', 'x')", (Verdict.KNOWN, "K-X-001"), (Verdict.FAIL, None)),
    ("expect(1, 2, 'another failure')", (Verdict.FAIL, "K-X-001"), (Verdict.FAIL, None)),
    ("pass", (Verdict.PASS, "K-X-001"), (Verdict.PASS, None)),
    ("given(False, 'delivered')", (Verdict.INCONC, None), (Verdict.INCONC, None)),
    ("raise HarnessError('delivered')", (Verdict.ERROR, None), (Verdict.ERROR, None)),
], ids=["as-recorded", "otherwise", "gone", "inconc", "error"])
def test_a_recorded_failure_is_known_only_as_recorded(suite, body, linux, sim):
    """Target, kernel and message have to agree; only a FAIL can be excused."""
    record(suite.project, KNOWN)

    suite(f"@req('HDR-001')\ndef test_x(driver_link):\n    {body}\n", "--target=sim", "--target=linux-armhf")

    found = {result.target: (result.verdict, result.known and result.known.id)
             for result in results.load(suite.path).results}
    assert found == {"sim": sim, "linux-armhf": linux}


def test_a_broken_file_of_known_defects_stops_the_run(suite):
    """With file, line and key."""
    record(suite.project, KNOWN.replace("note =", "extra = 1\nnote ="))

    done = suite("@req('HDR-001')\ndef test_x(driver_link): pass")

    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "fixtures/known/x.toml:10: [[known]] K-X-001: unknown key 'extra'" in done.stderr.str()


# --- the file ---


def test_the_file_says_what_was_run_and_how_it_ended(suite):
    """A result file is read without its run at hand."""
    suite("@req('HDR-001')\ndef test_x(link): pass", "--target=sim", "--target=linux-armhf", "--suite=header", "--seed=3")

    loaded = results.load(suite.path)
    assert loaded.run["targets"] == ["sim", "linux-armhf"] and loaded.run["suites"] == ["header"]
    assert loaded.run["seed"] == 3 and loaded.run["profile"] == "strict"
    assert loaded.facts["linux-armhf"] == {"kernel_release": "6.12.57+deb12-armmp"}
    assert {text.suite for text in loaded.requirements.values()} == {"header"} and len(loaded.untested()) == 10
    assert loaded.end["counts"]["PASS"] == 3 and loaded.end["exit_status"] == 0


def test_the_file_says_what_no_target_of_the_run_can_be_judged_by(suite):
    """What Linux alone has is not missing on our own ends."""
    suite("@req('HDR-001')\ndef test_x(link): pass", "--target=sim")
    assert {text.suite for text in results.load(suite.path).elsewhere()} == {"api", "vhost"}

    suite("@req('HDR-001')\ndef test_x(link): pass", "--target=sim", "--target=linux-armhf")
    assert {text.suite for text in results.load(suite.path).elsewhere()} == {"vhost"}

    suite("@req('HDR-001')\ndef test_x(link): pass", "--target=sim", "--target=linux-armhf", "--target=vhost-api")
    assert results.load(suite.path).elsewhere() == []


def test_what_only_some_targets_have_is_judged_on_no_other(suite):
    """Our own device end is no vhost device: its verdict would say nothing."""
    suite("@req('VHO-001')\ndef test_x(device_link): pass", "--target=sim", "--target=vhost-api", "--target=linux-uml")

    assert list(judged(suite)) == ["test_x[vhost-api-device]"]


def test_results_are_in_the_file_as_they_happen(suite):
    """A later test of the same run sees the earlier one's."""
    suite("@req('HDR-001')\ndef test_x(driver_link): pass\n@req('HDR-001')\ndef test_y(driver_link, request):\n"
          "    path = request.config.getoption('results')\n"
          "    assert '::test_x' in path.with_name(path.name + '.partial').read_text()\n")

    assert judged(suite)["test_y[sim-driver]"].verdict is Verdict.PASS


def test_ctrl_c_keeps_what_was_judged(suite):
    """Put aside, as an interrupted run."""
    suite("@req('HDR-001')\ndef test_x(driver_link): pass\n@req('HDR-001')\ndef test_y(driver_link):\n"
          "    raise KeyboardInterrupt\n", apart=True)

    loaded = results.load(suite.path.parent / "interrupted" / suite.path.name)
    assert loaded.interrupted and [result.verdict for result in loaded.results] == [Verdict.PASS]
    assert not suite.path.exists()


def test_a_disk_that_fills_up_ends_the_run_in_order(suite):
    """The error is said once, and the tests that follow do not run for nothing."""
    done = suite("import os\nreal = os.write\n"
                 "def full(fd, data):\n    raise OSError(28, 'No space left on device')\n"
                 "@req('HDR-001')\ndef test_x(driver_link, monkeypatch): os.write = full\n"
                 "@req('HDR-001')\ndef test_y(driver_link): print('ran')\n"
                 "@pytest.fixture(autouse=True, scope='session')\ndef back():\n    yield\n    os.write = real\n")

    assert done.stderr.str().count("results.jsonl.partial: No space left on device") == 1
    assert done.ret == pytest.ExitCode.INTERNAL_ERROR
    assert not suite.path.exists()
    loaded = results.load(suite.path.with_name("results.jsonl.partial"))
    assert loaded.interrupted and loaded.results == ()


def test_plain_pytest_names_verdicts_and_replay_lines(suite):
    """Somebody who works on a test sees what a report would say."""
    done = suite("@req('HDR-001')\ndef test_x(driver_link): expect(1, 2, 'idx')\n"
                 "@req('HDR-001')\ndef test_y(driver_link): given(False, 'why')\n")

    done.stdout.fnmatch_lines([
        "idx", "  expected  0x1", "  observed  0x2", "*- requirement -*", "HDR-001  (MUST, both)", "*- replay -*",
        "./rpmsg-cts run --target sim --test 'header/test_dummy.py::test_x[[]sim-driver]'", "*1 failed*1 inconc*",
    ])


@pytest.mark.parametrize("profile, departs, verdict", [
    ("strict", "('vq1_used_len', 'any')", Verdict.FAIL),
    ("openamp", "('vq1_used_len', 'any')", Verdict.WAIVED),
    ("linux", "('vq1_used_len', 'any')", Verdict.FAIL),
    ("openamp", "('oversize', 'truncate')", Verdict.FAIL),
    ("openamp", "None", Verdict.FAIL),
], ids=["strict", "tolerated", "not-this-profile", "not-this-requirement", "no-departure"])
def test_a_departure_is_let_pass_by_its_profile_alone(suite, profile, departs, verdict):
    """And it is shown: a tolerated departure is no PASS."""
    suite(f"@req('LAY-019')\ndef test_x(device_link): expect(0, 28, 'used.len', departs={departs})",
          f"--profile={profile}")

    (result,) = results.load(suite.path).results
    assert result.verdict is verdict
    tolerated = f"used.len (tolerated by profile {profile}: vq1_used_len = any)"
    assert result.reason == (tolerated if verdict is Verdict.WAIVED else "used.len")
    assert (result.expected, result.observed) == ("0x0", "0x1c")
