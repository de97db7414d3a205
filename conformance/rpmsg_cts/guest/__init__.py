# SPDX-License-Identifier: BSD-3-Clause
"""Real kernels in guests: QEMU started through libvirt, and an agent inside that does what a test asks."""
