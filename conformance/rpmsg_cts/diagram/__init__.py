# SPDX-License-Identifier: BSD-3-Clause
"""What two ends did to their rings, as a short diagram with a column for each: text for terminals, SVG for pages."""

from rpmsg_cts.diagram.rings import Ring, Rings
from rpmsg_cts.diagram.rows import Note, Row, rows
from rpmsg_cts.diagram.svg import svg
from rpmsg_cts.diagram.text import text

__all__ = ["Note", "Ring", "Rings", "Row", "rows", "svg", "text"]
