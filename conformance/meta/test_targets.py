# SPDX-License-Identifier: BSD-3-Clause
"""Targets that share a lane: which kernel a name means, and what is said where it means none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rpmsg_cts import targets
from rpmsg_cts.guest.errors import MissingKernel
from rpmsg_cts.guest.image import NEEDED_MODULES, kernel_image


def built(build: Path, lane: str, release: str, variants: str = "", key: str = "1", age_s: int = 0) -> None:
    """What ci/build-kernel and ci/build-initramfs leave."""
    folder = build / "kernels" / f"{release}-{lane}-{key}"
    folder.mkdir(parents=True)
    (folder / "linux").touch()
    modules = [{"name": name, "file": f"modules/{name}.ko", "sha256": "", "needs": []} for name in NEEDED_MODULES]
    facts = {"release": release, "lane": lane, "image": "linux", "kernel_sha256": "", "modules": modules,
             "origin": {"kernel_source": "dir", "kernel_variants": variants}}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
    os.utime(folder / "facts.json", (10**9 - age_s, 10**9 - age_s))
    guest = build / "guest" / folder.name
    guest.mkdir(parents=True)
    (guest / "initramfs.cpio").touch()


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Kernels of several versions, lanes and configurations, and one that is being written."""
    built(tmp_path, "uml", "6.1.176", key="old", age_s=9)
    built(tmp_path, "uml", "6.1.176", key="new")
    built(tmp_path, "uml", "6.1.9")
    built(tmp_path, "uml", "6.12.3")
    built(tmp_path, "uml", "6.1.180", "kasan lockdep")
    built(tmp_path, "m68k", "7.0.1")
    (tmp_path / "kernels" / "7.1-uml-2").mkdir()
    (tmp_path / "kernels" / "7.1-uml-2" / "facts.json").write_text("{", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("target, folder", [
    ("linux-uml", "6.12.3-uml-1"),
    ("linux-uml:6.12", "6.12.3-uml-1"),
    ("linux-uml:6.1", "6.1.176-uml-new"),
    ("linux-uml:6.1.9", "6.1.9-uml-1"),
    ("linux-uml:6.1+lockdep+kasan", "6.1.180-uml-1"),
    ("vhost-api", "6.12.3-uml-1"),
    ("vhost-bus:6.1+kasan+lockdep", "6.1.180-uml-1"),
    ("linux-m68k", "7.0.1-m68k-1"),
    ("linux-m68k:7", "7.0.1-m68k-1"),
])
def test_a_name_means_one_kernel(build: Path, target: str, folder: str) -> None:
    """The newest version of those that it leaves; of the same version what was built last."""
    assert kernel_image(target, build).kernel.parent.name == folder


@pytest.mark.parametrize("target, cure", [
    ("linux-uml:6.1.17", "rpmsg-cts kernel build debian:6.1.17 --lane uml"),
    ("linux-uml:6.12+kasan", "rpmsg-cts kernel build debian:6.12 --lane uml --with kasan"),
    ("linux-x86_64", "rpmsg-cts kernel build debian:6.1 --lane x86_64"),
    ("vhost-api:6.12+kasan", "rpmsg-cts kernel build debian:6.12 --lane uml --with kasan"),
])
def test_where_there_is_none_it_says_how_to_get_it(build: Path, target: str, cure: str) -> None:
    """Nor is another one taken instead."""
    with pytest.raises(MissingKernel, match=f"{cure.replace('+', '[+]')}$"):
        kernel_image(target, build)


@pytest.mark.parametrize("name, says", [
    ("linux-uml:", "a kernel is named as in linux-uml:6.1"),
    ("linux-uml:newest", "a kernel is named as in linux-uml:6.1"),
    ("linux-uml:6.1/../x", "a kernel is named as in linux-uml:6.1"),
    ("linux-armhf:6.1", "unknown target 'linux-armhf:6.1': did you mean linux-armhf"),
    ("vhost-api:newest", "a kernel is named as in vhost-api:6.1"),
    ("linux-uml2:6.1", "unknown target 'linux-uml2:6.1': did you mean linux-uml"),
])
def test_what_names_no_kernel_is_refused(root: Path, name: str, says: str) -> None:
    """Before anything is started."""
    with pytest.raises(targets.UnknownTarget, match=says):
        targets.find(name, targets.all_targets(root))


@pytest.mark.parametrize("nodeid, target", [
    ("header/test_header.py::test_x[sim-driver-plain]", "sim"),
    ("header/test_header.py::test_x[linux-uml:6.1+kasan-driver-plain]", "linux-uml:6.1+kasan"),
    ("header/test_header.py::test_x[mutant:hdr_flags_set-device]", "mutant:hdr_flags_set"),
    ("header/test_header.py::test_x[linux-uml:6.2-rc1-driver]", "linux-uml:6.2-rc1"),
    ("header/test_header.py::test_x[le-plain]", ""),
    ("header/test_header.py::test_x", ""),
])
def test_a_node_id_names_its_target(nodeid: str, target: str) -> None:
    """So that a test can be run again with nothing but its id."""
    assert targets.named_in(nodeid) == target
