# SPDX-License-Identifier: BSD-3-Clause
"""Strings from a guest cannot do anything to a reader."""

import io
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from rich.console import Console

from rpmsg_cts import report, results
from rpmsg_cts.report import html, terminal
from rpmsg_cts.report.text import clean, one_line, shortened
from rpmsg_cts.results import ResultsError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("text, shown", [
    ("plain", "plain"),
    ("a\tb\nc", "a\tb\nc"),
    ("a\r\nb", "a\nb"),
    ("a\rb", "a\\x0db"),
    ("\x1b[31m", "\\x1b[31m"),
    ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
    ("\u202e\u2066", "\\u202e\\u2066"),
    ("\u2028", "\\u2028"),
    ("\udc80\ufffe", "\\udc80\\ufffe"),
    ("\U000e0041", "\\U000e0041"),
    ("grüße ✓", "grüße ✓"),
])
def test_what_cannot_be_printed_is_shown_as_an_escape(text, shown):
    """Seen, not obeyed."""
    assert clean(text) == shown


def test_no_character_gets_through_that_xml_or_a_terminal_chokes_on():
    """All of Unicode, once."""
    everything = clean("".join(map(chr, range(sys.maxunicode + 1))))

    everything.encode("utf-8")
    bad = {char for char in everything if unicodedata.category(char) in ("Cc", "Cf", "Cs")} - {"\n", "\t"}
    assert not bad


def test_one_line_is_one_line():
    """For places where a newline would forge a line."""
    assert one_line("a\nok 1 forged\r\n\tb") == "a ok 1 forged b"
    assert shortened("abcdef", 4) == "abc…"


def _luminance(colour):
    channels = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one, other):
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_colours_have_enough_contrast(scheme):
    """WCAG AA: 4.5 to 1 for text, on every background on which it stands."""
    template = (ROOT / "conformance/rpmsg_cts/report/report.html.j2").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", re.findall(r":root \{(.*?)\}", template, re.DOTALL)[scheme]))
    verdicts = [name for name in colours if name.isupper()]
    pairs = [(name, f"{name}-bg") for name in verdicts]
    pairs += [(name, ground) for name in ("ink", "soft", "link") for ground in ("page", "card")]
    pairs += [("ink", "code"), ("page", "ink"), ("link", "KNOWN-bg"), ("ink", "KNOWN-bg")]

    assert len(verdicts) == 7
    poor = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs
            if _contrast(colours[pair[0]], colours[pair[1]]) < 4.5}
    assert not poor


@pytest.mark.parametrize("url, link", [
    ("https://example.org/a?b=c", "https://example.org/a?b=c"),
    ("javascript:alert(1)", ""),
    ("https://x\njavascript:alert(1)", ""),
    ("data:text/html,x", ""),
    ("HTTPS://example.org", ""),
    ("", ""),
])
def test_only_web_addresses_become_links(url, link):
    """A link target is code."""
    assert html._safe_url(url) == link  # pylint: disable=protected-access


def _console(**options):
    return Console(file=io.StringIO(), width=100, **options)


def test_a_terminal_gets_colour_and_no_color_is_honoured(monkeypatch):
    """https://no-color.org"""
    loaded = results.load(ROOT / "fixtures/report/every-verdict/input.jsonl")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = _console(force_terminal=True, color_system="standard"), None
    terminal.render(loaded, coloured)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = _console(force_terminal=True, color_system="standard")
    terminal.render(loaded, plain)

    assert "\x1b[1;31m" in coloured.file.getvalue()
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain.file.getvalue())


def test_guest_text_brings_no_escape_sequence_of_its_own():
    """Not even into a terminal that has colours."""
    loaded = results.load(ROOT / "fixtures/report/hostile-strings/input.jsonl")
    console = _console(force_terminal=True, color_system="standard")
    terminal.render(loaded, console)

    assert "\x1b[2J" not in console.file.getvalue() and "\x07" not in console.file.getvalue()
    assert "[bold]markup[/bold] :smile:" in console.file.getvalue()


def test_a_report_is_replaced_in_one_step(tmp_path, monkeypatch):
    """A full disk leaves the earlier report, and no rubbish beside it."""
    loaded = results.load(ROOT / "fixtures/report/all-pass/input.jsonl")
    (tmp_path / "report.html").write_text("earlier", encoding="utf-8")

    def full(_fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ResultsError, match="report.html: No space left on device; an earlier report is as it was"):
        report.write_all(loaded, tmp_path, ["html"])

    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "earlier"
