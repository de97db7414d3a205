# SPDX-License-Identifier: BSD-3-Clause
"""Loads the plugins for plain pytest, as ./rpmsg-cts does itself."""

pytest_plugins = ["rpmsg_cts.plugin", "rpmsg_cts.plugin_link"]
