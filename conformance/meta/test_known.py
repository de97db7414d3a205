# SPDX-License-Identifier: BSD-3-Clause
"""Known defects are loaded strictly and cover exactly what they say."""

import pytest

from meta.recorded import ENTRY, record
from rpmsg_cts import catalogue, known
from rpmsg_cts.strict_toml import CatalogueError
from rpmsg_cts.verdict import Judgement, Verdict


def load(tmp_path, text):
    """Load one file of known defects."""
    record(tmp_path, text)
    return known.load(tmp_path)


@pytest.mark.parametrize("release, bounds, within", [
    ("6.12.57+deb12-armmp", ">=4.0", True),
    ("6.1.0-41-amd64", ">=6.1,<6.2", True),
    ("6.1", "==6.1.0", True),
    ("6.12", "<6.2", False),
    ("6.12", "<=6.12", True),
    ("6.12.1", ">6.12", True),
    ("3.19", ">=4.0", False),
    ("", ">=4.0", False),
    ("unknown", ">=4.0", False),
    ("", "", True),
])
def test_releases_are_compared_by_number(release, bounds, within):
    """6.12 is later than 6.2, and an unknown kernel is not excused."""
    assert known.release_within(release, bounds) is within


@pytest.mark.parametrize("requirement, target, role, release, covered", [
    ("ROB-004", "linux-armhf", "driver", "6.12.57", True),
    ("ROB-005", "linux-armhf", "driver", "6.12.57", False),
    ("ROB-004", "sim", "driver", "6.12.57", False),
    ("ROB-004", "linux-armhf", "device", "6.12.57", False),
    ("ROB-004", "linux-armhf", "driver", "6.13", False),
])
def test_an_entry_covers_what_it_names(tmp_path, requirement, target, role, release, covered):
    """Everything has to agree."""
    (entry,) = load(tmp_path, ENTRY)

    assert entry.covers(requirement, target, role, release) is covered


def test_an_entry_may_be_about_any_requirement(tmp_path):
    """A sanitizer speaks up in whichever test is running; target and message still have to agree."""
    (entry,) = load(tmp_path, ENTRY.replace('"ROB-004"', '"*"').replace('"linux-*"', '"linux-*+*lockdep*"')
                    .replace("+kasan", "+lockdep").replace('"linux-armhf"', '"linux-m68k:6.13+lockdep"'))

    assert entry.covers("HDR-001", "linux-uml:6.1+kasan+lockdep", "driver", "6.1.0")
    assert not entry.covers("HDR-001", "linux-uml:6.1+kasan", "driver", "6.1.0")


@pytest.mark.parametrize("text, steady", [
    (ENTRY, True),
    (ENTRY.replace("note =", "sporadic = true\nnote ="), False),
    (ENTRY.replace('"ROB-004"', '"*"'), False),
])
def test_what_is_met_by_chance_is_not_said_to_be_gone(tmp_path, text, steady):
    """A race that was lost today is no defect that was mended."""
    (entry,) = load(tmp_path, text)

    assert entry.steady is steady


@pytest.mark.parametrize("judgement, explained", [
    (Judgement(Verdict.FAIL, "a message was delivered"), True),
    (Judgement(Verdict.FAIL, "x", "", "it delivers 65535 bytes"), True),
    (Judgement(Verdict.FAIL, "the guest hung"), False),
])
def test_a_failure_with_another_message_is_news(tmp_path, judgement, explained):
    """A recorded defect is no licence to fail in new ways."""
    (entry,) = load(tmp_path, ENTRY)

    assert entry.explains(judgement) is explained


@pytest.mark.parametrize("text, complaint", [
    (ENTRY.replace("role =", "rolle ="), "x.toml:6: .*unknown key 'rolle'"),
    (ENTRY.replace('role = "driver"\n', ""), "missing key 'role'"),
    (ENTRY.replace('"driver"', '"host"'), "x.toml:6: .*'role' cannot be 'host'"),
    (ENTRY.replace('"deliver(ed|s)"', '"("'), "x.toml:8: .*not a regular expression"),
    (ENTRY.replace(">=4.0, <6.13", "4.0"), "x.toml:7: .*not a list of bounds"),
    (ENTRY.replace('"a note"', '" "'), "'note' is empty"),
    (ENTRY.replace('"a reason"', '""'), "'why' is empty"),
    (ENTRY.replace('"K-X-001"', '"X-1"'), "x.toml:3: .*'id' is not like K-LINUX-001"),
    (ENTRY.replace('run = "run --req ROB-004"\n', ""), "K-X-001: missing key 'run'"),
    (ENTRY.replace('recipe = "a recipe"\n', ""), "K-X-001: missing key 'recipe'"),
    (ENTRY.replace('"a recipe"', f'"{"x" * 71}"'), "x.toml:15: .*'recipe' has a line of more than 70 characters"),
    (ENTRY.replace("x: it delivers", "x" * 66), "x.toml:11: .*'subject' has a line of more than 57"),
    (ENTRY.partition("[[known.look]]")[0], "K-X-001: missing key 'look'"),
    (ENTRY.partition("[[known.look]]")[0].replace("note =", "look = []\nnote ="), "seen in no kernel"),
    (ENTRY.replace("seen = true", "seen = false").replace("a message was delivered", "refused"), "seen in no kernel"),
    (ENTRY.replace("seen = true\n", ""), "x.toml:17: .*linux-uml:6.1[+]kasan: missing key 'seen'"),
    (ENTRY.replace('"6.1.176"', '"new"'), "x.toml:19: .*'kernel' is not a release"),
    (ENTRY.replace('"6.1.176"', '"6.13.2"'), "x.toml:20: .*it was seen in 6.13.2, and the entry's 'kernel' is >=4.0, <6.13"),
    (ENTRY.replace('"6.13.1"', '"6.12.1"'), "x.toml:28: .*it was not seen in 6.12.1, and the entry's"),
    (ENTRY.replace('"linux-armhf"', '"sim"'), "x.toml:25: .*the entry is about linux-[*] only"),
    (ENTRY.replace('"a message was delivered"', '"refused"'), "x.toml:22: .*'text' is not what 'message' is about"),
    (ENTRY.replace('text = "refused"', 'text = "delivered"'), "x.toml:29: .*'text' is what 'message' is about"),
    (ENTRY + ENTRY, "second entry with the id 'K-X-001'"),
    ("known = 1", "x.toml:1: .*list of tables"),
    ("[[known", "x.toml:1"),
])
def test_a_broken_file_is_refused_with_its_line(tmp_path, text, complaint):
    """A key that is ignored would be a defect that is not excused, or worse."""
    with pytest.raises(CatalogueError, match=complaint):
        load(tmp_path, text)


def test_what_is_met_by_chance_may_be_missed_where_it_is(tmp_path):
    """Ten runs without it say little."""
    text = ENTRY.replace('"6.13.1"', '"6.12.1"').replace("note =", "sporadic = true\nnote =")

    assert [look.seen for look in load(tmp_path, text)[0].looks] == [True, False]


def test_a_project_without_known_defects_has_none(tmp_path):
    """The folder is optional."""
    assert known.load(tmp_path) == []


def test_our_own_entries_name_requirements_that_exist(root):
    """An entry for a requirement that does not exist can never match."""
    requirements = catalogue.load(root).requirements

    entries = known.load(root)

    wanted = {entry.requirement for entry in entries} - {known.ANY_REQUIREMENT}
    assert wanted and wanted <= set(requirements)
