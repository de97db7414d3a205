# SPDX-License-Identifier: BSD-3-Clause
"""Debian's kernel as shipped: in one package, or in several as since 7.0."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from meta.programs import program

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "7.2.1-armmp"
MODULES = f"lib/modules/{RELEASE}"
BUILT_IN = f"{MODULES}/modules.builtin"
WANTED = ("rpmsg_core", "rpmsg_ns", "virtio_rpmsg_bus", "rpmsg_char", "rpmsg_ctrl", "rpmsg_tty", "virtio_mmio")
FILES = {f"{MODULES}/kernel/drivers/{name}.ko": b"x\0depends=\0" for name in WANTED}
BUILT_IN_TEXT = b"kernel/drivers/virtio/virtio_pci.ko\nkernel/drivers/char/virtio_console.ko\n"
LAYOUTS = {
    "one": [{**FILES, BUILT_IN: BUILT_IN_TEXT, f"boot/vmlinuz-{RELEASE}": b"kernel"}],
    "several": [{f"usr/{name}": content for name, content in files.items()} for files in (
        {BUILT_IN: BUILT_IN_TEXT}, {f"{MODULES}/vmlinuz": b"kernel"}, FILES)],
}


@pytest.fixture
def fetch_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The program, with a build folder of its own, and no image of its own kind."""
    module = program("fetch-kernel")
    monkeypatch.setattr(module, "BUILD", tmp_path)
    monkeypatch.setattr(module, "PLACE", tmp_path / "kernel-armhf")
    monkeypatch.setattr(module, "FACTS", tmp_path / "kernel-armhf" / "facts.json")
    monkeypatch.setattr(module.arm_image, "to_uimage", lambda image: None)
    return module


def package(folder: Path, files: dict[str, bytes]) -> Path:
    """A Debian package with some files."""
    for name, content in {**files, "DEBIAN/control": b"Package: x\nVersion: 1\nArchitecture: armhf\n"
                                                     b"Maintainer: x <x@example.org>\nDescription: x\n"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", folder, f"{folder}.deb"], check=True, capture_output=True)
    return folder.with_name(f"{folder.name}.deb")


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=list(LAYOUTS))
def test_a_kernel_is_taken_out_of_its_packages(fetch_kernel: ModuleType, tmp_path: Path, files: list[dict[str, bytes]]) -> None:
    """The image, the modules, and what is part of the kernel already."""
    packages = [package(tmp_path / f"part-{number}", part) for number, part in enumerate(files)]

    facts = fetch_kernel.extract(packages, {"kernel_suite": "forky"})

    assert (facts["release"], facts["image"]) == (RELEASE, "vmlinuz")
    assert [module["name"] for module in facts["modules"]] == [*WANTED]
    assert (tmp_path / "kernel-armhf" / "vmlinuz").read_bytes() == b"kernel"
    assert [fetch_kernel.is_ready(suites) for suites in ([], ["forky"], ["trixie"])] == [True, True, False]


def test_a_package_without_a_kernel_is_no_kernel(fetch_kernel: ModuleType, tmp_path: Path) -> None:
    """One that only names others is said to have none."""
    with pytest.raises(fetch_kernel.Unavailable, match="no kernel in part.deb"):
        fetch_kernel.extract([package(tmp_path / "part", {"usr/share/doc/x": b""})], {})
    assert not (tmp_path / "kernel-armhf").exists()


def test_a_suite_that_is_none_is_refused(tmp_path: Path) -> None:
    """Before anything is asked of a mirror."""
    done = subprocess.run([sys.executable, ROOT / "ci/fetch-kernel", "--help"], capture_output=True, text=True, check=False,
                          env={"RPMSG_CTS_BUILD": str(tmp_path), "PATH": "/usr/bin:/bin"})

    assert done.returncode == 2
    assert "usage: ci/fetch-kernel [SUITE...]" in done.stdout
    assert not list(tmp_path.iterdir())
