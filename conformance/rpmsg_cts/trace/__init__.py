# SPDX-License-Identifier: BSD-3-Clause
"""Traces: a private LTTng that keeps the history of failures, and what reads and judges what it wrote."""
