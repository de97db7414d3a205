# SPDX-License-Identifier: BSD-3-Clause
"""Machines besides Debian's armhf kernel: each boots, answers, ends by itself, and its death is told with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from meta.preparation import or_skip
from rpmsg_cts.coverage import read
from rpmsg_cts.guest import counters
from rpmsg_cts.guest.errors import GuestDied
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.image import GuestImage, kernel_image
from rpmsg_cts.guest.machine import VhostUserDevice
from rpmsg_cts.guest.qemu import find_qemu
from rpmsg_cts.guest.qemu_lanes import QEMU_LANES
from rpmsg_cts.guest.runtime import runtime_folder
from rpmsg_cts.lab import PLACES
from rpmsg_cts.link import F_NS
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import BUILT, LINUX_ARMEB
from rpmsg_cts.vhost_user import VhostUser

FEATURES = 1 << 32 | 1
ELF_DATA, LSB, MSB = 5, 1, 2
STEP_S, GONE_STEPS = 0.05, 200
READY_S = 10.0

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


def prepared(target: str) -> GuestImage:
    """A kernel, if it was built: `make kernels` does."""
    with or_skip():
        found = kernel_image(target)
        if found.lane in QEMU_LANES:
            find_qemu(QEMU_LANES[found.lane].qemu)
    return found


@pytest.fixture(params=BUILT)
def image(request: pytest.FixtureRequest) -> GuestImage:
    """A kernel for each lane."""
    return prepared(request.param)


def test_it_says_what_it_is(reactor: Reactor, image: GuestImage) -> None:
    """The report's words are the kernel's own, and the processor has the byte order that tests are chosen by."""
    with Guest.boot(reactor, image=image) as guest:
        assert guest.hello.release == image.release == guest.facts["kernel_release"]
        loaded = guest.agent.read_file(image.module("rpmsg_ctrl").path)
        assert loaded[ELF_DATA] == (MSB if PLACES[f"linux-{image.lane}"].big_endian else LSB)
        assert guest.facts["kernel_source"]


def test_each_device_is_found_in_its_place(reactor: Reactor, image: GuestImage) -> None:
    """The order of rpmsg_devices() is that of boot(), whatever the guest calls them."""
    paths = [runtime_folder().path / f"lane{number}" for number in range(3)]
    ends = [VhostUser(path, FEATURES, reactor) for path in paths]
    devices = [VhostUserDevice(str(path), 8, virtio_id=virtio_id) for path, virtio_id in zip(paths, (7, 29, 7))]
    with Guest.boot(reactor, devices, image=image) as guest:
        ids = [int(guest.agent.read_text(f"/sys/bus/virtio/devices/{name}/device"), 16) for name in guest.rpmsg_devices()]
        assert ids == [7, 29, 7]
    for end in ends:
        end.close()


def test_the_back_end_of_a_legacy_device_is_told_the_processor_s_order(reactor: Reactor) -> None:
    """QEMU knows it when the driver resets the device, and who works on the rings has no other way to know."""
    image = prepared(LINUX_ARMEB)
    end = VhostUser(runtime_folder().path / "told", F_NS, reactor)
    with Guest.boot(reactor, [VhostUserDevice(str(runtime_folder().path / "told"), 8, legacy=True)], image=image) as guest:
        guest.load_bus()
        assert reactor.run_until(lambda: "device is ready" in end.log(), READY_S), end.log()
    told = [line for line in end.log() if line.startswith("SET_VRING_ENDIAN")]
    end.close()

    assert told == ["SET_VRING_ENDIAN queue 0 num 1", "SET_VRING_ENDIAN queue 1 num 1"]


def test_it_switches_itself_off(reactor: Reactor, image: GuestImage) -> None:
    guest = Guest.boot(reactor, image=image)

    assert guest.shutdown()
    assert not guest.alive()


def test_a_kernel_that_panics_while_it_starts_says_why(reactor: Reactor, image: GuestImage) -> None:
    """With the words of its console, and without waiting for the agent that will never come."""
    with pytest.raises(GuestDied, match="the guest's kernel died: Kernel panic - not syncing: "):
        Guest.boot(reactor, image=image, extra_cmdline="rdinit=/nowhere")


def test_a_crash_that_is_asked_for_is_named(reactor: Reactor, image: GuestImage) -> None:
    """The kernel's own words, and soon: this is how the harness knows that it would notice another one."""
    if "CONFIG_MAGIC_SYSRQ=y" not in image.kernel.with_name("config").read_text(encoding="utf-8"):
        pytest.skip(f"{image.kernel.parent.name} is from before that was wished for: build it again")
    guest = Guest.boot(reactor, image=image)
    with pytest.raises(GuestDied, match="the guest's kernel died: Kernel panic - not syncing: sysrq triggered crash"):
        guest.agent.crash()
        guest.agent.wait_path("/never", timeout_s=60)
    assert not guest.alive()
    guest.kill()


def test_nothing_is_left_of_it(reactor: Reactor, image: GuestImage) -> None:
    before = set(runtime_folder().path.iterdir())
    guest = Guest.boot(reactor, image=image)
    pid = guest.pid
    guest.kill()

    # It may be dead already, with init about to collect it.
    assert any(reactor.run_until(lambda: not Path(f"/proc/{pid}").exists(), STEP_S) for _ in range(GONE_STEPS))
    assert set(runtime_folder().path.iterdir()) <= before | {runtime_folder().path / "v"}


def test_a_long_answer_and_a_long_request_come_whole(reactor: Reactor, image: GuestImage) -> None:
    """A serial line is no stream that takes what it is given, and the agent's numbers are of its processor's order."""
    content = bytes(range(256)) * 128
    with Guest.boot(reactor, image=image) as guest:
        assert guest.agent.write_file("/tmp/long", content) == len(content)
        assert guest.agent.read_file("/tmp/long") == content


def watched(variant: str) -> GuestImage:
    """A kernel with one variant of the configuration, if it was built: `make kernels` does."""
    with or_skip():
        return kernel_image(f"linux-uml:6.1+{variant}")


def test_sanitizers_look_at_what_the_module_does() -> None:
    """A kernel whose do not would be green for nothing."""
    image = watched("kasan+kmemleak+ubsan")
    module = (image.kernel.parent / image.module("virtio_rpmsg_bus").path.lstrip("/")).read_bytes()

    assert b"__asan_load" in module and b"__ubsan_handle_" in module


def test_lockdep_watches(reactor: Reactor) -> None:
    with Guest.boot(reactor, image=watched("lockdep")) as guest:
        assert any("Lock dependency validator" in message.text for message in guest.agent.kmsg_since(0))


def test_gcov_counts_the_code_that_is_judged_and_no_other(reactor: Reactor) -> None:
    """And forgets on request, so that a suite has its own numbers."""
    image = watched("gcov")
    notes = counters.notes_of(image)
    assert notes is not None
    with Guest.boot(reactor, image=image) as guest:
        guest.load_bus()
        loaded = counters.read(guest.agent)
        counters.reset(guest.agent)
        afresh = counters.read(guest.agent)

    assert sorted(loaded) == sorted(afresh) == sorted(path.stem for path in notes.glob("*.gcno")) != []
    ran = {line.number for line in read(notes, loaded)["rpmsg_core.c"] if line.covered}
    assert ran
    assert not any(line.covered for line in read(notes, afresh)["rpmsg_core.c"])
