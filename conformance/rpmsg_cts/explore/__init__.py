# SPDX-License-Identifier: BSD-3-Clause
"""Many schedules of a small world: explored by the library, shrunk and shown here."""
