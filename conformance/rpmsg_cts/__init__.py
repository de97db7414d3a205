# SPDX-License-Identifier: BSD-3-Clause
"""rpmsg-cts: conformance tests and reference simulator for RPMsg over VirtIO."""
