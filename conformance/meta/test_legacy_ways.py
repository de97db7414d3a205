# SPDX-License-Identifier: BSD-3-Clause
"""Where QEMU can give a guest a legacy RPMsg device, and where it refuses, in its own words.

A legacy link has the byte order of the driver's processor, so it matters most where that is a big-endian one; what is
proven here is why only some lanes judge it.  conformance/endianness/README.md draws the conclusions.  A newer QEMU that
answers something else makes these tests fail, and there is a way more.
"""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from meta.preparation import or_skip
from rpmsg_cts.guest.qemu import find_qemu
from rpmsg_cts.link import F_NS
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.vhost_user import VhostUser

NOTHING_ELSE = ("-nodefaults", "-no-user-config", "-display", "none", "-serial", "none", "-S", "-m", "64M",
                "-object", "memory-backend-memfd,id=memory,size=64M,share=on")
RPMSG = "virtio-id=7,num_vqs=2,vq_size=8,chardev=far"
STEP_S, STEPS = 0.1, 300
LIMIT_S = 60

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


def program(name: str) -> str:
    """A QEMU, if it was fetched: `make kernels` does."""
    with or_skip():
        return str(find_qemu(name).program)


def devices(name: str) -> list[str]:
    """All that a QEMU can add to a machine."""
    shown = subprocess.run([program(name), "-device", "help"], capture_output=True, text=True, check=True, timeout=LIMIT_S)
    return re.findall(r'^name "([^"]+)"', shown.stdout, re.MULTILINE)


def takes_any_id(name: str, device: str) -> bool:
    """Whether it can be told to be an RPMsg device."""
    shown = subprocess.run([program(name), "-device", f"{device},help"], capture_output=True, text=True, check=False,
                           timeout=LIMIT_S)
    return "virtio-id=" in shown.stdout


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[tuple[Path, Reactor]]:
    """One that offers no VERSION_1, as legacy devices do not."""
    reactor = Reactor()
    end = VhostUser(tmp_path / "far", F_NS, reactor)
    yield tmp_path / "far", reactor
    end.close()
    reactor.close()


REFUSED = {
    "virtio-pci, disable-modern": ("x86_64", "q35", f"vhost-user-test-device-pci,{RPMSG},disable-modern=on",
                                   "Property 'vhost-user-test-device-pci.disable-modern' not found"),
    "virtio-pci, disable-legacy": ("x86_64", "q35", f"vhost-user-test-device-pci,{RPMSG},disable-legacy=off",
                                   "Property 'vhost-user-test-device-pci.disable-legacy' not found"),
    "virtio-pci, no VERSION_1": ("x86_64", "q35", f"vhost-user-test-device-pci,{RPMSG}",
                                 "Device doesn't support modern mode, and legacy mode is disabled"),
    "virtio-pci on s390x": ("s390x", "s390-ccw-virtio", f"vhost-user-test-device-pci,{RPMSG}",
                            "Device doesn't support modern mode, and legacy mode is disabled"),
    "virtio-ccw, max_revision": ("s390x", "s390-ccw-virtio", f"vhost-user-test-device-ccw,{RPMSG},max_revision=0",
                                 "'vhost-user-test-device-ccw' is not a valid device model name"),
    "virtio-ccw, the bare device": ("s390x", "s390-ccw-virtio", f"vhost-user-test-device,{RPMSG}",
                                    "No 'virtio-bus' bus found for device 'vhost-user-test-device'"),
}


@pytest.mark.parametrize("name, machine, device, says", REFUSED.values(), ids=list(REFUSED))
def test_qemu_refuses_a_legacy_device(backend: tuple[Path, Reactor], name: str, machine: str, device: str, says: str) -> None:
    path, reactor = backend
    process = subprocess.Popen(
        [program(name), *NOTHING_ELSE, "-monitor", "none", "-machine", f"{machine},memory-backend=memory",
         "-chardev", f"socket,id=far,path={path}", "-device", device], stderr=subprocess.PIPE, text=True)
    try:
        ended = any(reactor.run_until(lambda: process.poll() is not None, STEP_S) for _ in range(STEPS))
    finally:
        process.kill()
    said = process.communicate()[1]

    assert ended and says in said, said


@pytest.mark.parametrize("name", ["arm", "m68k", "ppc64", "s390x", "x86_64"])
def test_no_other_device_can_be_an_rpmsg_device(name: str) -> None:
    """None that comes in a legacy or transitional form, and none on s390x's channels."""
    found = {device for device in devices(name) if "vhost-user" in device and takes_any_id(name, device)}

    assert "vhost-user-test-device" in found <= {"vhost-user-test-device", "vhost-user-test-device-pci"}


LEGACY, MODERN = "true", "false"
MMIO = {
    "arm, as it is": ("arm", "virt", [], {LEGACY: 32}),
    "arm, told to be modern": ("arm", "virt", ["-global", "virtio-mmio.force-legacy=false"], {MODERN: 32}),
    # The machine sets it itself, after what it was told.
    "m68k, told to be legacy": ("m68k", "virt", ["-global", "virtio-mmio.force-legacy=true"], {MODERN: 128}),
}


@pytest.mark.parametrize("name, machine, words, forms", MMIO.values(), ids=list(MMIO))
def test_which_memory_mapped_devices_are_legacy(name: str, machine: str, words: list[str], forms: dict[str, int]) -> None:
    """On Arm they are unless told otherwise, which is why linux-armeb exists."""
    shown = subprocess.run([program(name), *NOTHING_ELSE, "-machine", machine, "-monitor", "stdio", *words],
                           input="info qtree\nquit\n", capture_output=True, text=True, check=True, timeout=LIMIT_S)

    assert Counter(re.findall(r"force-legacy = (\w+)", shown.stdout)) == forms
