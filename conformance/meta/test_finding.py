# SPDX-License-Identifier: BSD-3-Clause
"""What is told of a recorded defect: enough to see it again, and no more than was seen."""

import re
import shlex

import pytest
from click.testing import CliRunner

from meta.conftest import ROOT
from meta.recorded import ENTRY, record
from rpmsg_cts import catalogue, finding, known
from rpmsg_cts.cli import main
from rpmsg_cts.collected import collect
from rpmsg_cts.strict_toml import CatalogueError

OURS = [entry.id for entry in known.load(ROOT)]


def show(project, *words):
    """Call the program in this process."""
    return CliRunner(mix_stderr=False).invoke(main, ["--root", str(project), "show", *words])


@pytest.fixture
def recorded(project):
    """A project with one recorded defect."""
    record(project, ENTRY)
    return project


def test_everything_is_told_with_the_commands(recorded):
    """Whoever reads it has to do nothing but copy two lines."""
    done = show(recorded, "--finding", "k-x-001")

    assert done.exit_code == 0, done.stderr
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert told[0] == "K-X-001 x: it delivers too much"
    for line in ("what happens a note", "why a defect a reason", "by hand a recipe", "where drivers/x.c",
                 "seen in Linux 6.1.176 (linux-uml:6.1+kasan, 2 of 10 runs):", "a message was delivered",
                 "not seen in Linux 6.13.1 (linux-armhf, ci/fetch-kernel forky):", "refused",
                 "see it again ./rpmsg-cts kernel build debian:6.1 --lane uml --with kasan",
                 "./rpmsg-cts run --target linux-uml:6.1+kasan --req ROB-004"):
        assert line in told
    assert told[1].startswith("breaks ROB-004: used.len smaller than 16")


def test_a_mail_is_plain_text_that_can_be_sent(recorded):
    """Its first line is the subject, and no line is folded on its way."""
    done = show(recorded, "--finding", "K-X-001", "--mail")

    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "Subject: [BUG] x: it delivers too much"
    assert {"a note", "a reason", "  a recipe", "  Linux 6.1.176 (linux-uml:6.1+kasan, 2 of 10 runs):",
            "    a message was delivered", "  Linux 6.13.1 (linux-armhf, ci/fetch-kernel forky):", "    refused"} <= set(lines)
    assert "Fixes:" not in done.stdout


@pytest.mark.parametrize("words, complaint", [
    (["--finding", "K-X-01"], "unknown finding 'K-X-01': did you mean K-X-001?"),
    (["--finding", "zzz"], "unknown finding 'zzz': `rpmsg-cts list findings` shows all"),
    ([], "say which requirement, or which --finding"),
    (["ROB-004", "--finding", "K-X-001"], "say which requirement, or which --finding"),
    (["ROB-004", "--mail"], "--mail goes with --finding"),
])
def test_bad_usage_is_said_with_near_ones(recorded, words, complaint):
    """With status 2."""
    done = show(recorded, *words)

    assert done.exit_code == 2
    assert complaint in done.stderr


def test_a_kernel_that_is_shipped_is_not_built():
    """Debian's armhf kernel comes with `make guest`, and one in QEMU wants its QEMU."""
    (entry,) = [entry for entry in known.load(ROOT) if entry.id == "K-LINUX-001"]
    look = entry.looks[0]

    commands = [finding.commands(entry, known.Look(target, look.kernel, True, look.text, get=get))[:-1]
                for target, get in (("linux-armhf", ""), ("linux-armhf", "ci/fetch-kernel forky"), ("linux-m68k:6.1", ""))]

    assert commands == [["make guest"], ["make guest", "ci/fetch-kernel forky", "ci/build-initramfs"],
                        ["ci/fetch-qemu m68k", "./rpmsg-cts kernel build debian:6.1 --lane m68k"]]


@pytest.fixture(scope="module")
def tests():
    """Requirements that tests of kernels name."""
    return {text.id for _, subject in collect(ROOT, ["linux-uml"]).items for text in subject.requirements}


@pytest.mark.parametrize("id_", OURS)
def test_our_own_findings_can_be_seen_again(id_, tests):
    """By a command that judges the requirement which is broken, and in a mail that no program folds."""
    (entry,) = [entry for entry in known.load(ROOT) if entry.id == id_]
    program, option, *names = shlex.split(entry.run)
    if program == "fuzz":
        assert (option, names) == ("--until", [id_])
    else:
        assert (program, option) == ("run", "--req")
        assert entry.requirement in (*names, known.ANY_REQUIREMENT)
        assert set(names) <= tests
    text = finding.mail(ROOT, id_)
    # What a kernel said is not for us to fold.
    said = {f"    {line}" for look in entry.looks for line in look.text.splitlines()}
    assert [line for line in text.splitlines() if len(line) > finding.MAIL_WIDTH and line not in said] == []
    assert text.isascii()
    # Nobody who reads it knows our numbers.
    assert known.ID.search(entry.note + entry.why + entry.recipe) is None
    assert set(re.findall(r"(?<!K-)\b[A-Z]{3}-\d{3}\b", text)) <= set(catalogue.load(ROOT).requirements)


def test_a_finding_that_is_not_there_is_an_error():
    """Of the fixtures, as every other name."""
    with pytest.raises(CatalogueError, match="did you mean K-LINUX-0"):
        finding.find(ROOT, "K-LINUX-01")
