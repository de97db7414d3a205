# SPDX-License-Identifier: BSD-3-Clause
"""A hostile device in front of a driver: what it does is a list of decisions, and what comes of it is judged."""
