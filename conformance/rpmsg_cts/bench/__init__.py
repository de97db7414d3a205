# SPDX-License-Identifier: BSD-3-Clause
"""What a message costs, counted from outside."""
