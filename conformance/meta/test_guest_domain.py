# SPDX-License-Identifier: BSD-3-Clause
"""Guests as libvirt is told of them, and what is said when something is missing; nothing here starts a machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from rpmsg_cts.guest import watchdog
from rpmsg_cts.guest.domain import TEMPLATES, Domain, DomainFiles, describe
from rpmsg_cts.guest.errors import BootFailed, MissingAgent, MissingKernel, MissingModules, MissingQemu
from rpmsg_cts.guest.image import NEEDED_MODULES, GuestImage, Module, find_image
from rpmsg_cts.guest.machine import VhostUserDevice
from rpmsg_cts.guest.qemu import Qemu, find_qemu
from rpmsg_cts.guest.qemu_lanes import MAX_DEVICES, QEMU_LANES
from rpmsg_cts.guest.runtime import LOCK, PREFIX, runtime_folder, sweep
from rpmsg_cts.lab import PLACES
from rpmsg_cts.link import F_EVENT_IDX, F_NS, Config, Unsupported
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import LINUX_ARMEB, LINUX_ARMHF, LINUX_M68K, LINUX_PPC64, LINUX_UML, LINUX_X86_64

QEMU_NAMESPACE = "{http://libvirt.org/schemas/domain/qemu/1.0}"
FILES = DomainFiles(agent_socket=Path("/tmp/x/agent.sock"), console=Path("/tmp/x/console.log"))
QEMU = Qemu(Path("/opt/qemu/bin/qemu-system-arm"), "11.1.3", "somewhere")
IMAGE = GuestImage(Path("/k/uImage"), Path("/k/initramfs.cpio"), "6.12.0", {"kernel_package": "linux-image-6.12.0"}, "00" * 32,
                   (Module("rpmsg_core", "/modules/rpmsg_core.ko.xz", "00" * 32),))


def description(devices: list[VhostUserDevice] | None = None, lane: str = "armhf", **more: object) -> str:
    return describe("rpmsg-cts-test-1-guest", "test", QEMU, replace(IMAGE, lane=lane), FILES, devices or [], 128, **more)


def qemu_arguments(xml: str) -> list[str]:
    root = ElementTree.fromstring(xml)
    return [item.get("value") for item in root.iterfind(f"{QEMU_NAMESPACE}commandline/{QEMU_NAMESPACE}arg")]


def test_memory_is_shared_with_back_ends() -> None:
    root = ElementTree.fromstring(description([VhostUserDevice("/tmp/x/vu.sock")]))

    assert root.find("memoryBacking/source").get("type") == "memfd"
    assert root.find("memoryBacking/access").get("mode") == "shared"
    assert root.find("memory").text == "128"


def test_each_device_has_its_socket_and_its_place() -> None:
    devices = [VhostUserDevice("/tmp/x/a.sock", 8), VhostUserDevice("/tmp/x/b.sock", 256, options=",disable-legacy=on")]

    arguments = qemu_arguments(description(devices))

    assert "socket,id=vu0,path=/tmp/x/a.sock" in arguments
    assert "socket,id=vu1,path=/tmp/x/b.sock" in arguments
    assert ("vhost-user-test-device-pci,virtio-id=7,num_vqs=2,vq_size=8,chardev=vu0,bus=pcie.0,addr=0x10" in arguments)
    assert ("vhost-user-test-device-pci,virtio-id=7,num_vqs=2,vq_size=256,chardev=vu1,bus=pcie.0,addr=0x11"
            ",disable-legacy=on" in arguments)


def test_a_legacy_device_is_on_the_bus_that_can_have_one() -> None:
    """QEMU has no legacy form of this PCI device; the memory-mapped ones of the Arm machine are legacy by themselves."""
    devices = [VhostUserDevice("/tmp/x/a.sock", 8), VhostUserDevice("/tmp/x/b.sock", 8, legacy=True)]

    arguments = qemu_arguments(description(devices, "armeb"))

    assert "vhost-user-test-device-pci,virtio-id=7,num_vqs=2,vq_size=8,chardev=vu0,bus=pcie.0,addr=0x10" in arguments
    assert "vhost-user-test-device,virtio-id=7,num_vqs=2,vq_size=8,chardev=vu1,bus=virtio-mmio-bus.17" in arguments
    folders = [QEMU_LANES["armeb"].device_folder(number, device.legacy) for number, device in enumerate(devices)]
    assert folders == ["/sys/bus/pci/devices/0000:00:10.0", "/sys/bus/platform/devices/a002200.virtio_mmio"]


@pytest.mark.parametrize("target", [LINUX_M68K, LINUX_PPC64, LINUX_X86_64])
def test_a_machine_without_legacy_devices_says_why(target: str) -> None:
    """The reason of a SKIP leads to what was tried."""
    with pytest.raises(Unsupported, match="no legacy device here: QEMU's .*conformance/endianness/README.md"):
        PLACES[target].port_for(Config(features=F_NS))


@pytest.mark.parametrize("target, order", [(LINUX_UML, "le"), (LINUX_ARMHF, "le"), (LINUX_ARMEB, "be")])
def test_a_legacy_device_has_the_order_of_its_processor(target: str, order: str) -> None:
    place = PLACES[target]

    for features in (F_NS, F_NS | F_EVENT_IDX):
        assert place.port_for(Config(features=features)).features == features
        assert place.as_here(Config(features=features)).order == order


def test_odd_characters_stay_what_they_are() -> None:
    """A path with a comma, an ampersand or a quote is a path like any other."""
    xml = description([VhostUserDevice("/tmp/a,b&'c<d/vu.sock")], extra_cmdline="x=<1> y='2'")

    assert "socket,id=vu0,path=/tmp/a,,b&'c<d/vu.sock" in qemu_arguments(xml)
    assert ElementTree.fromstring(xml).find("os/cmdline").text.endswith("x=<1> y='2'")


def test_a_path_that_is_no_socket_path_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        description([VhostUserDevice("/tmp/" + "x" * 110)])


def test_more_devices_than_places_are_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        description([VhostUserDevice("/tmp/x/vu.sock")] * (MAX_DEVICES + 1))


@pytest.mark.skipif(not shutil.which("virt-xml-validate"), reason="install libvirt-clients")
@pytest.mark.skipif(not shutil.which("xmllint"), reason="install libxml2-utils")
@pytest.mark.parametrize("count", [0, 1, MAX_DEVICES])
@pytest.mark.parametrize("machine", [name for name, lane in QEMU_LANES.items()
                                     if (TEMPLATES / f"{lane.qemu}.xml").exists()])
def test_libvirt_s_own_schema_accepts_it(tmp_path: Path, machine: str, count: int) -> None:
    path = tmp_path / "domain.xml"
    path.write_text(description([VhostUserDevice("/tmp/x/vu.sock")] * count, machine), encoding="utf-8")

    done = subprocess.run(["virt-xml-validate", str(path), "domain"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


TEST_XML = "<domain type='test'><name>{name}</name><memory>8192</memory><os><type>hvm</type></os></domain>"


def test_the_events_of_a_domain_arrive(reactor: Reactor) -> None:
    """With libvirt's own test driver: start, end, and the events in between."""
    pytest.importorskip("libvirt", reason="install python3-libvirt")
    from rpmsg_cts.guest.hypervisor import hypervisor

    domain = Domain(hypervisor("test:///default"), reactor)
    domain.start(TEST_XML.format(name=domain.name))
    assert domain.is_running()
    domain._domain.destroy()
    assert reactor.run_until(lambda: not domain.is_running(), 5)
    assert domain.events[-1] == "STOPPED"
    domain.close()


def test_libvirt_s_refusal_is_told_in_its_words(reactor: Reactor) -> None:
    pytest.importorskip("libvirt", reason="install python3-libvirt")
    from rpmsg_cts.guest.hypervisor import hypervisor

    domain = Domain(hypervisor("test:///default"), reactor)
    with pytest.raises(BootFailed, match="did not start.*name"):
        domain.start("<domain type='test'/>")
    domain.close()


def test_without_qemu_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(MissingQemu, match="run ci/fetch-qemu m68k"):
        find_qemu("m68k", tmp_path)


def test_an_old_qemu_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "qemu" / "qemu-system-arm"
    folder.mkdir(parents=True)
    facts = {"version": "7.2.19", "origin": "PATH", "present": False, "device": "vhost-user-test-device-pci"}
    (folder / "facts.json").write_text(json.dumps(facts))

    with pytest.raises(MissingQemu, match=r"QEMU 7\.2\.19 has no vhost-user-test-device-pci; QEMU 10\.2 or newer"):
        find_qemu(build=tmp_path)


def prepared_kernel(build: Path, modules: tuple[str, ...]) -> None:
    folder = build / "kernel-armhf"
    folder.mkdir()
    rows = [{"name": name, "file": f"modules/{name}.ko.xz", "sha256": "", "needs": []} for name in modules]
    facts = {"image": "uImage", "release": "6.1.0-test", "lane": "armhf", "origin": {}, "kernel_sha256": "",
             "modules": rows}
    (folder / "facts.json").write_text(json.dumps(facts))
    (folder / "uImage").touch()


def test_without_a_kernel_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(MissingKernel, match="run ci/fetch-kernel"):
        find_image(tmp_path)


def test_missing_modules_are_named(tmp_path: Path) -> None:
    prepared_kernel(tmp_path, ("rpmsg_core", "rpmsg_ns", "virtio_rpmsg_bus"))

    with pytest.raises(MissingModules, match="kernel 6.1.0-test has no module rpmsg_char, rpmsg_ctrl") as caught:
        find_image(tmp_path)
    assert caught.value.names == ["rpmsg_char", "rpmsg_ctrl"]


def test_without_an_agent_it_says_how_to_build_it(tmp_path: Path) -> None:
    prepared_kernel(tmp_path, NEEDED_MODULES)

    with pytest.raises(MissingAgent, match="run ci/build-initramfs"):
        find_image(tmp_path)


def test_the_folder_for_sockets_is_short_and_private() -> None:
    path = runtime_folder().path

    assert len(str(path)) <= 50
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_folder_whose_process_has_ended_is_swept(tmp_path: Path) -> None:
    left = tmp_path / f"{PREFIX}left"
    left.mkdir()
    (left / LOCK).touch()
    (left / "agent.sock").touch()

    sweep(tmp_path)

    assert not left.exists()


def test_a_folder_in_use_or_of_somebody_else_is_not_swept(tmp_path: Path) -> None:
    no_lock = tmp_path / f"{PREFIX}other"
    no_lock.mkdir()

    sweep(runtime_folder().path.parent)
    sweep(tmp_path)

    assert runtime_folder().path.exists()
    assert no_lock.exists()


def wait_named(process: subprocess.Popen[bytes]) -> None:
    """Wait until the kernel shows the command line, which it does a moment after the program was started."""
    deadline = time.monotonic() + 10
    while not Path(f"/proc/{process.pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline


def test_only_guests_of_ours_are_killed(tmp_path: Path) -> None:
    """A program that merely looks into the folder is left alone; a daemon of LTTng that was given it is ours."""
    reader = subprocess.Popen(["sleep", "60"], cwd=tmp_path, executable=shutil.which("sleep"))
    pretender = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", f"{tmp_path}/console.log"])
    guest = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "-name",
                              "guest=rpmsg-cts-x-1-guest", f"{tmp_path}/v/monitor.sock"])
    daemon, stranger = (
        subprocess.Popen(["lttng-sessiond", "-c", "import time; time.sleep(60)", f"--config={folder}/sessiond.ini"],
                         executable=sys.executable)
        for folder in (tmp_path, "/nowhere"))
    processes = (reader, pretender, guest, daemon, stranger)
    try:
        for process in processes:
            wait_named(process)
        assert sorted(watchdog.ours_in(tmp_path)) == sorted([guest.pid, daemon.pid])
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_the_watchdog_ends_with_nothing_left(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "agent.sock").touch()
    process = subprocess.Popen([sys.executable, "-I", "-S", watchdog.__file__, str(folder)], stdin=subprocess.PIPE)
    assert folder.exists()

    process.stdin.close()

    assert process.wait(timeout=20) == 0
    assert not folder.exists()
