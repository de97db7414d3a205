# SPDX-License-Identifier: BSD-3-Clause
"""The catalogue is complete and is read strictly."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from rpmsg_cts import catalogue
from rpmsg_cts.catalogue import CatalogueError, UnknownRequirement

ROOT = Path(__file__).resolve().parents[2]
COUNTS = {
    "layout": ("LAY", 27),
    "initialisation": ("INI", 14),
    "header": ("HDR", 11),
    "endianness": ("END", 9),
    "addressing": ("ADR", 11),
    "name_service": ("NS", 17),
    "flow": ("FLO", 18),
    "robustness": ("ROB", 18),
    "resource_table": ("RPR", 13),
    "api": ("API", 17),
    "vhost": ("VHO", 11),
}


@pytest.fixture(scope="module")
def requirements() -> catalogue.Catalogue:
    return catalogue.load(ROOT)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A tree of its own with the requirement files, to be broken."""
    shutil.copytree(ROOT / "fixtures" / "requirements", tmp_path / "fixtures" / "requirements")
    return tmp_path


def test_every_suite_has_its_requirements(requirements: catalogue.Catalogue) -> None:
    """A lost row would be a rule that nobody tests."""
    counted = {name: (suite.prefix, len(suite.requirements)) for name, suite in requirements.suites.items()}

    assert counted == COUNTS
    assert len(requirements) == 166


def test_order_is_that_of_suites_and_numbers(requirements: catalogue.Catalogue) -> None:
    """Listings and reports show the catalogue as it is ordered, from the ring upwards."""
    expected = [f"{prefix}-{number:03d}" for prefix, count in COUNTS.values() for number in range(1, count + 1)]

    assert list(requirements.requirements) == expected


def test_requirement_says_what_its_row_says(requirements: catalogue.Catalogue) -> None:
    """One row read with all of its keys."""
    row = requirements.get("NS-009")

    assert (row.slug, row.suite, row.level) == ("same-name-other-address-is-another-channel", "name_service", "SHOULD")
    assert row.statement == "CREATE of the same name at another address is a second instance."
    assert (row.binds, row.binds_text) == (frozenset({"driver"}), "driver")
    assert row.source == ("virtio_rpmsg_bus.c (match on name + dst)",)
    assert not row.normative
    assert row.observe == "1024 and 1025: two channels, messages to the right one"
    assert row.mutant == "second overwrites the first"
    assert row.untestable is None
    assert re.fullmatch(r"fixtures/requirements/name_service\.toml:\d+", row.where)


def test_where_is_the_line_of_the_row(requirements: catalogue.Catalogue) -> None:
    """An error or a listing that points two lines off sends the reader to another rule."""
    for row in requirements.requirements.values():
        name, line = row.where.split(":")
        text = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert text[int(line) - 1 : int(line) + 1] == ["[[requirement]]", f'id = "{row.id}"']


def test_only_clauses_of_the_standard_are_normative(requirements: catalogue.Catalogue) -> None:
    """A FAIL may say "violates" only where the standard says something; RPMsg itself has no chapter there."""
    normative = {row.suite for row in requirements.requirements.values() if row.normative}

    assert normative == {"layout", "initialisation", "endianness", "flow"}
    assert requirements.get("LAY-001").normative
    assert not requirements.get("HDR-001").normative


def test_no_text_points_out_of_the_tree(requirements: catalogue.Catalogue) -> None:
    """The catalogue has to be readable for someone who has nothing but this tree."""
    for row in requirements.requirements.values():
        text = " ".join((row.statement, row.source_text, row.observe, row.mutant))
        assert not re.search(r"(?<!\S)/(?!dev/)\w|\.md\b|UNVERIFIED|`", text), row.id


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        ("hdr-001", "HDR-001 (header-is-16-bytes)"),
        ("LAY-0015", "LAY-015 (device-leaves-driver-memory-alone)"),
        ("descriptor-is-16-byte", "LAY-001 (descriptor-is-16-bytes)"),
    ],
)
def test_unknown_id_names_what_may_be_meant(requirements: catalogue.Catalogue, asked: str, near: str) -> None:
    """A typing error on the command line costs one look, not a search."""
    with pytest.raises(UnknownRequirement) as caught:
        requirements.get(asked)

    assert str(caught.value).startswith(f"unknown requirement '{asked}': did you mean ")
    assert near in str(caught.value)
    assert 1 <= len(caught.value.near) <= 3


def test_unknown_id_without_a_neighbour(requirements: catalogue.Catalogue) -> None:
    """No guess is better than a wild one."""
    with pytest.raises(UnknownRequirement, match=r"^unknown requirement 'zzz'$") as caught:
        requirements.get("zzz")

    assert caught.value.near == ()


def test_untestable_is_read(copy: Path) -> None:
    """A requirement that cannot be tested says why."""
    _replace(copy, "header.toml", 'slug = "header-is-16-bytes"', 'slug = "header-is-16-bytes"\nuntestable = "no wire"')

    assert catalogue.load(copy).get("HDR-001").untestable == "no wire"


@dataclass(frozen=True, slots=True)
class Broken:
    """An edit of header.toml (the first `old` becomes `new`), the line to be named, and what is said about it."""

    old: str
    new: str
    line: str
    message: str


ID, SLUG, LEVEL = 'id = "HDR-001"', 'slug = "header-is-16-bytes"', 'level = "MUST"'
BINDS, NORMATIVE = 'binds = ["driver", "device"]', "normative = false"
NAME = "[[requirement]] HDR-001: "

BROKEN = {
    "unknown-key": Broken(LEVEL, 'levle = "MUST"', "levle =", f"{NAME}unknown key 'levle' (did you mean 'level'?)"),
    "unknown-key-without-a-neighbour": Broken(LEVEL, "xyz = 1", "xyz =", f"{NAME}unknown key 'xyz'"),
    "unknown-key-of-the-file": Broken('title = "', 'titel = "', "titel =", "unknown key 'titel' (did you mean"),
    "missing-key": Broken(f"{LEVEL}\n", "", "[[requirement]]", f"{NAME}missing key 'level'"),
    "missing-id": Broken(f"{ID}\n", "", "[[requirement]]", "[[requirement]] number 1: missing key 'id'"),
    "missing-prefix": Broken('prefix = "HDR"\n', "", "# SPDX", "missing key 'prefix'"),
    "wrong-type": Broken(NORMATIVE, 'normative = "no"', "normative =", "'normative' must be true or false, not 'no'"),
    "integer-for-text": Broken(SLUG, "slug = 16", "slug =", f"{NAME}'slug' must be a string, not 16"),
    "wrong-item": Broken(
        BINDS, 'binds = ["driver", 1]', "binds =", "'binds' must be a list of strings, not ['driver', 1]"
    ),
    "bad-level": Broken(
        LEVEL, 'level = "SHALL"', "level =", f"{NAME}'level' cannot be 'SHALL': it is 'MUST', 'SHOULD' or 'MAY'"
    ),
    "bad-role": Broken(
        BINDS, 'binds = ["host"]', "binds =", f"{NAME}'binds' cannot be 'host': it is 'driver' or 'device'"
    ),
    "no-role": Broken(BINDS, "binds = []", "binds =", f"{NAME}'binds' is empty or says something twice"),
    "role-twice": Broken(BINDS, 'binds = ["device", "device"]', "binds =", "'binds' is empty or says something twice"),
    "other-prefix": Broken(ID, 'id = "HDX-001"', 'id = "HDX', "HDX-001: id 'HDX-001' is not of the form 'HDR-001'"),
    "short-number": Broken(ID, 'id = "HDR-1"', 'id = "HDR-1"', "HDR-1: id 'HDR-1' is not of the form 'HDR-001'"),
    "gap": Broken('"HDR-002"', '"HDR-012"', 'id = "HDR-012"', "HDR-012: id 'HDR-012' where 'HDR-002' comes next"),
    "same-id": Broken(
        'id = "HDR-002"', f"{ID}  # twice", "# twice", "HDR-001: id 'HDR-001' is already that of HDR-001 at"
    ),
    "same-slug": Broken(
        'slug = "len-excludes-the-header"',
        f"{SLUG}  # twice",
        "# twice",
        "HDR-002: slug 'header-is-16-bytes' is already that of HDR-001 at fixtures/requirements/header.toml:7",
    ),
    "slug-of-another-suite": Broken(
        SLUG, 'slug = "used-ring-layout"', "slug =", "slug 'used-ring-layout' is already that of LAY-003 at"
    ),
    "bad-slug": Broken(SLUG, 'slug = "Header_16"', "slug =", "slug 'Header_16' is not of the form 'words-"),
    "no-sentence": Broken("payload @16.", "payload @16", "statement =", "the statement is not a sentence"),
    "blank-text": Broken("src and dst swapped; len 32-bit", " ", "mutant =", f"{NAME}'mutant' is empty"),
    "false-normative": Broken(NORMATIVE, "normative = true", "normative =", "'normative' must be true exactly if"),
    "wrong-suite": Broken('"header"', '"headers"', "suite =", "suite 'headers' in the file of suite 'header'"),
    "no-value": Broken(SLUG, "slug = header", "slug =", "Invalid value (at line 9"),
    "open-string": Broken(SLUG, 'slug = "header', "slug =", "Illegal character"),
    "open-list": Broken(BINDS, 'binds = ["driver"', "source =", "Unclosed array (at line 13"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_broken_file_is_refused_at_its_line(copy: Path, broken: Broken) -> None:
    """Whoever edits a row wrongly is told where and what, not that something is wrong somewhere."""
    text = _replace(copy, "header.toml", broken.old, broken.new)

    with pytest.raises(CatalogueError) as caught:
        catalogue.load(copy)

    name, line, said = str(caught.value).split(":", 2)
    assert (name, int(line)) == ("fixtures/requirements/header.toml", text[: text.index(broken.line)].count("\n") + 1)
    assert broken.message in said


def test_missing_file_is_refused(copy: Path) -> None:
    """A suite that is not there must not look like a suite without requirements."""
    (copy / "fixtures" / "requirements" / "api.toml").unlink()

    with pytest.raises(CatalogueError, match=r"^fixtures/requirements/api\.toml: cannot be read"):
        catalogue.load(copy)


def test_extra_file_is_refused(copy: Path) -> None:
    """A file under a new name would otherwise never be read."""
    folder = copy / "fixtures" / "requirements"
    shutil.copy(folder / "api.toml", folder / "apis.toml")

    with pytest.raises(CatalogueError, match=r"^fixtures/requirements/apis\.toml:1: there is no suite 'apis'$"):
        catalogue.load(copy)


def _replace(root: Path, name: str, old: str, new: str) -> str:
    path = root / "fixtures" / "requirements" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return text


@pytest.mark.parametrize(("id_", "target", "roles", "applies"), [
    ("API-001", "sim", ("driver", "device"), False),
    ("API-001", "linux-uml:6.1+kasan", ("driver",), True),
    ("FLO-006", "linux-uml:6.1", ("driver",), False),
    ("FLO-006", "sim", ("driver", "device"), True),
])
def test_a_requirement_applies_to_who_can_obey_it(requirements: catalogue.Catalogue, id_: str, target: str,
                                                  roles: tuple[str, ...], applies: bool) -> None:
    """By what the suite is about, and by who is bound."""
    assert requirements.get(id_).applies_to(target, roles) is applies
