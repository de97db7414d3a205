# SPDX-License-Identifier: BSD-3-Clause
"""What `make install` puts down is enough to build against."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
#include <rps/node.h>
#include <rps/vhost_user.h>
#include <stdio.h>

int main(void)
{
	struct rps_vring_layout layout;
	static struct rps_node node;
	struct rps_node_params params = { .role = RPS_ROLE_DEVICE };

	rps_node_init(&node, &params);
	if (rps_vring_layout(8, 16, &layout))
		return 1;
	printf("%u %llu\\n", RPS_ABI_VERSION, (unsigned long long)layout.total);
	return rps_node_poll(&node);
}
"""


def run(*command: str, **environment: str) -> str:
    """Return: what the command printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT,
                          env={**os.environ, **environment})
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything below a folder of its own."""
    folder = tmp_path_factory.mktemp("install")
    run("make", "install", f"DESTDIR={folder}", "PREFIX=/usr")
    return folder


def test_a_program_builds_with_pkg_config_alone(installed: Path, tmp_path: Path) -> None:
    """Headers include each other by their installed names, and the library has what they promise."""
    source = tmp_path / "user.c"
    source.write_text(PROGRAM)
    paths = {"PKG_CONFIG_PATH": str(installed / "usr/lib/pkgconfig"), "PKG_CONFIG_SYSROOT_DIR": str(installed)}
    flags = run("pkg-config", "--cflags", "--libs", "rps", **paths).split()

    run("gcc", "-std=c11", "-Wall", "-Werror", "-o", str(tmp_path / "user"), str(source), *flags)

    assert run(str(tmp_path / "user"), LD_LIBRARY_PATH=str(installed / "usr/lib")) == "1 230"


def test_the_remote_is_installed(installed: Path) -> None:
    """And says what it can do."""
    text = run(str(installed / "usr/bin/rps-device"), "--help")

    assert "--socket" in text and "vhost-user" in text


def test_nothing_else_is_exported(installed: Path) -> None:
    """An IUT in the same process already has names such as rpmsg_send."""
    names = run("nm", "-D", "--defined-only", str(installed / "usr/lib/librps.so")).splitlines()

    assert len(names) > 20
    assert [line for line in names if not line.split()[-1].startswith("rps_")] == []
