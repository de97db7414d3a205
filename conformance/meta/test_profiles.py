# SPDX-License-Identifier: BSD-3-Clause
"""Profiles set every switch, and tolerate nothing by mistake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rpmsg_cts import catalogue, profiles
from rpmsg_cts.catalogue import CatalogueError
from rpmsg_cts.profiles import Profiles

ROOT = Path(__file__).resolve().parents[2]
SWITCHES = """
transport byte_order align placement status_strict vq1_desc_len vq1_used_len vq1_write_flag tx_ring_start reserved_rx
dyn_addr_base oversize tx_irq rx_return_kick dst_learning ns_reserved_destroy feature_bit_1 feature_bit_2
""".split()


@pytest.fixture(scope="module")
def known() -> Profiles:
    return profiles.load(ROOT, catalogue.load(ROOT))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree of its own with the profile files, to be broken."""
    shutil.copytree(ROOT / "fixtures" / "profiles", tmp_path / "fixtures" / "profiles")
    return tmp_path


def test_all_profiles_set_all_switches(known: Profiles) -> None:
    """A switch without a value would make a test guess."""
    assert set(known) == {"strict", "linux", "openamp", "rpmsg-lite"}
    assert list(known.switches) == SWITCHES
    for name in known:
        assert list(known.get(name).accepted) == SWITCHES


def test_strict_tolerates_no_departure(known: Profiles) -> None:
    """The default profile must not let anything pass that a rule forbids."""
    strict = known.get("strict")

    departures = [
        (switch.name, choice.value)
        for switch in known.switches.values()
        for choice in switch.choices.values()
        if choice.relaxes and strict.tolerates(switch.name, choice.value)
    ]
    assert departures == []


def test_each_departure_is_somebodys(known: Profiles) -> None:
    """A departure that no profile tolerates belongs to a project without a profile of its own."""
    tolerated = {(name, value) for profile in known for name, value in _pairs(known, profile)}
    relaxing = {
        (switch.name, choice.value)
        for switch in known.switches.values()
        for choice in switch.choices.values()
        if choice.relaxes
    }

    assert relaxing - tolerated == {("ns_reserved_destroy", "yes"), ("feature_bit_1", "nuttx-ack")}


@pytest.mark.parametrize(
    ("profile", "switch", "value", "tolerated"),
    [
        ("strict", "vq1_used_len", "any", False),
        ("openamp", "vq1_used_len", "any", True),
        ("openamp", "status_strict", "off", True),
        ("linux", "oversize", "truncate", False),
        ("rpmsg-lite", "align", 4, False),
        ("rpmsg-lite", "align", 16, True),
        ("rpmsg-lite", "dyn_addr_base", 1, True),
        ("strict", "dyn_addr_base", 1, False),
    ],
)
def test_tolerates(known: Profiles, profile: str, switch: str, value: str | int, tolerated: bool) -> None:
    """What the implementations are known for, one by one."""
    assert known.get(profile).tolerates(switch, value) is tolerated


def test_first_value_is_the_implementations_own(known: Profiles) -> None:
    """Our own end plays an implementation by the first value of each switch."""
    openamp = known.get("openamp")

    assert openamp.value("oversize") == "truncate"
    assert openamp.values("oversize") == ("truncate", "error")
    assert known.get("rpmsg-lite").value("dyn_addr_base") == 1


def test_departures_name_the_switch(known: Profiles) -> None:
    """A report shows by which switch a requirement was relaxed."""
    assert known.get("rpmsg-lite").departures("LAY-013") == (("vq1_write_flag", "tolerated"),)
    assert known.get("strict").departures("LAY-013") == ()
    assert known.switches["vq1_write_flag"].relaxes == ("LAY-013", "ROB-017")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda known: known.get("open-amp"), "unknown profile 'open-amp' (did you mean 'openamp'?)"),
        (
            lambda known: known.get("zephyr"),
            "unknown profile 'zephyr' (did you mean 'linux', 'openamp', 'rpmsg-lite' or 'strict'?)",
        ),
        (
            lambda known: known.get("strict").tolerates("oversized", "error"),
            "unknown switch 'oversized' (did you mean 'oversize'?)",
        ),
        (lambda known: known.get("strict").value("aling"), "unknown switch 'aling' (did you mean 'align'?)"),
        (
            lambda known: known.get("strict").tolerates("oversize", "truncated"),
            "switch 'oversize' has no value 'truncated' (did you mean 'truncate'?)",
        ),
        (lambda known: known.get("strict").tolerates("align", 32), "switch 'align' has no value 32"),
    ],
    ids=["profile", "no-neighbour", "switch", "value-of-switch", "value", "number"],
)
def test_unknown_name(known: Profiles, ask, message: str) -> None:
    """A misspelled switch must not read as "not tolerated"."""
    with pytest.raises(CatalogueError) as caught:
        ask(known)

    assert str(caught.value) == message


BROKEN = {
    "unknown-value": (
        "linux.toml",
        'oversize = ["error"]',
        'oversize = ["drop"]',
        "fixtures/profiles/linux.toml:20: [switches]: 'oversize' cannot be 'drop': it is 'error' or 'truncate'",
    ),
    "unknown-switch": (
        "linux.toml",
        'oversize = ["error"]',
        'oversise = ["error"]',
        "fixtures/profiles/linux.toml:20: [switches]: unknown key 'oversise' (did you mean 'oversize'?)",
    ),
    "missing-switch": (
        "linux.toml",
        'oversize = ["error"]\n',
        "",
        "fixtures/profiles/linux.toml:8: [switches]: missing key 'oversize'",
    ),
    "no-list": (
        "linux.toml",
        'oversize = ["error"]',
        'oversize = "error"',
        "fixtures/profiles/linux.toml:20: [switches]: 'oversize' must be a list of strings or integers, not 'error'",
    ),
    "no-value": (
        "linux.toml",
        'oversize = ["error"]',
        "oversize = []",
        "fixtures/profiles/linux.toml:20: [switches]: 'oversize' is empty or says something twice",
    ),
    "truth-is-no-number": (
        "rpmsg-lite.toml",
        "dyn_addr_base = [1]",
        "dyn_addr_base = [true]",
        "fixtures/profiles/rpmsg-lite.toml:19: [switches]: 'dyn_addr_base' must be a list of strings or integers, "
        "not [True]",
    ),
    "strict-departs": (
        "strict.toml",
        'oversize = ["error"]',
        'oversize = ["error", "truncate"]',
        "fixtures/profiles/strict.toml:20: [switches]: 'oversize' cannot be 'truncate': profile 'strict' tolerates no "
        "departure",
    ),
    "other-name": (
        "linux.toml",
        'name = "linux"',
        'name = "linus"',
        "fixtures/profiles/linux.toml:4: profile 'linus' in the file of profile 'linux'",
    ),
    "two-switches": (
        "switches.toml",
        'name = "placement"',
        'name = "align"',
        "[[switch]] align: there are two switches 'align'",
    ),
    "two-choices": (
        "switches.toml",
        "value = 64",
        "value = 4096",
        "[[switch]] align [[choice]] number 2: there are two choices 4096",
    ),
    "relaxes-is-a-list": (
        "switches.toml",
        'meaning = "the usual value of small remote processors"',
        'meaning = "16"\nrelaxes = "LAY-004"',
        "[[switch]] align [[choice]] number 3: 'relaxes' must be a list of strings, not 'LAY-004'",
    ),
    "first-departs": (
        "switches.toml",
        'meaning = "a page, the legacy default"',
        'meaning = "a page"\nrelaxes = ["LAY-004"]',
        "[[switch]] align: the first choice must be one that relaxes nothing",
    ),
    "unknown-requirement": (
        "switches.toml",
        'relaxes = ["LAY-019"]',
        'relaxes = ["LAY-190"]',
        "[[switch]] vq1_used_len [[choice]] number 2: unknown requirement 'LAY-190': did you mean LAY-",
    ),
}


@pytest.mark.parametrize(("name", "old", "new", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_profile_is_refused(copy: Path, name: str, old: str, new: str, message: str) -> None:
    """A tolerance that is misspelled must not silently tolerate something else, or everything."""
    path = copy / "fixtures" / "profiles" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")

    with pytest.raises(CatalogueError) as caught:
        profiles.load(copy, catalogue.load(ROOT))

    assert message in str(caught.value)


def test_strict_must_exist(copy: Path) -> None:
    """The default of a run is always there."""
    (copy / "fixtures" / "profiles" / "strict.toml").unlink()

    with pytest.raises(CatalogueError, match=r"^fixtures/profiles: there is no 'strict.toml'$"):
        profiles.load(copy)


def _pairs(known: Profiles, profile: str) -> list[tuple[str, str | int]]:
    return [(name, value) for name, values in known.get(profile).accepted.items() for value in values]
