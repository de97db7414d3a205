# SPDX-License-Identifier: BSD-3-Clause
"""What two ends did to their rings, as a short diagram with a column for each: text for terminals, SVG for pages."""
