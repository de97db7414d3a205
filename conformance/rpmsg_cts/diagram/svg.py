# SPDX-License-Identifier: BSD-3-Clause
"""The same diagram for a page: two lifelines, notifications as arrows between them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from html import escape

from rpmsg_cts.diagram.row import ENDS, NOTIFY, Row

WIDTH, STEP_X, LINE_HEIGHT, TOP = 790, 44, 18, 40
LIFELINE = {ENDS[0]: 60, ENDS[1]: 420}
CHARACTERS = 46  # of a column, in the font below

# Colours follow the page, or the reader's system where there is no page.
STYLE = """
.ring-diagram { font: 12px ui-monospace, monospace; fill: currentColor; color: #1f2328; }
.ring-diagram .lifeline { stroke: currentColor; opacity: .35; }
.ring-diagram .step { opacity: .6; text-anchor: end; }
.ring-diagram .head { font-weight: bold; }
.ring-diagram .old { fill: #9a6700; }
.ring-diagram .finding { fill: #cf222e; font-weight: bold; }
.ring-diagram .message { font-style: italic; }
.ring-diagram .notify { text-anchor: middle; }
.ring-diagram .arrow { stroke: currentColor; fill: none; }
.ring-diagram .tip { fill: currentColor; }
@media (prefers-color-scheme: dark) {
  .ring-diagram { color: #e6edf3; }
  .ring-diagram .old { fill: #d29922; }
  .ring-diagram .finding { fill: #ff7b72; }
}
"""


def svg(rows: Sequence[Row], title: str, last: int | None = None, style: bool = True) -> str:
    """Return: one <svg> element, with a title and a description for those who cannot see it.

    Without `style` its page brings STYLE.
    """
    shown = list(rows if last is None else rows[-last:])
    body: list[str] = []
    y = TOP
    if len(shown) < len(rows):
        body.append(_words(LIFELINE[ENDS[0]] + 10, y, "step-note", f"({len(rows) - len(shown)} rows before these)"))
        y += LINE_HEIGHT
    for row in shown:
        drawn, height = _draw(row, y)
        body += drawn
        y += height
    lines = [f'<line class="lifeline" x1="{x}" y1="{TOP - 14}" x2="{x}" y2="{y}"/>' for x in LIFELINE.values()]
    heads = [_words(x + 10, TOP - 20, "head", end) for end, x in LIFELINE.items()]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ring-diagram" role="img" viewBox="0 0 {WIDTH} {y + 10}" '
        f'width="100%" style="max-width: {WIDTH}px">', f"<title>{escape(title)}</title>",
        f"<desc>{escape('; '.join(f'{row.end}: {row.text}' for row in shown))}</desc>",
        *([f"<style>{STYLE}</style>"] if style else []), *lines, *heads, *body, "</svg>"])


def _draw(row: Row, y: int) -> tuple[list[str], int]:
    step = f'<text class="step" x="{STEP_X}" y="{y}">{row.step}</text>'
    if row.style == NOTIFY:
        return [step, *_arrow(row, y)], LINE_HEIGHT
    parts = textwrap.wrap(row.text, CHARACTERS, break_on_hyphens=False) or [""]
    x = LIFELINE[row.end] + 10
    texts = [_words(x, y + number * LINE_HEIGHT, row.style, part) for number, part in enumerate(parts)]
    return [step, *texts], LINE_HEIGHT * len(parts)


def _arrow(row: Row, y: int) -> list[str]:
    left, right = LIFELINE[ENDS[0]], LIFELINE[ENDS[1]]
    at, back = (right, -6) if row.end == ENDS[0] else (left, 6)
    base = y + 5
    return [f'<line class="arrow" x1="{left}" y1="{base}" x2="{right}" y2="{base}"/>',
            f'<path class="tip" d="M{at} {base} l{back} -4 v8 z"/>',
            _words((left + right) // 2, y, NOTIFY, row.text)]


def _words(x: int, y: int, style: str, words: str) -> str:
    return f'<text class="{style}" x="{x}" y="{y}">{escape(words)}</text>'
