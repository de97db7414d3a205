# SPDX-License-Identifier: BSD-3-Clause
"""A real guest: it boots, it answers, its death is noticed, and nothing of it stays behind."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rpmsg_cts.guest import watchdog
from rpmsg_cts.guest.agent import Request
from rpmsg_cts.guest.errors import AgentError, AgentProtocolError, BootFailed, GuestDied
from rpmsg_cts.guest.frame import TYPE_ERROR, Decoder, Frame, Trouble, encode
from rpmsg_cts.guest.guest import BUS_MODULES, Guest, VhostUserDevice
from rpmsg_cts.guest.image import find_image
from rpmsg_cts.guest.paths import TREE, build_folder
from rpmsg_cts.guest.runtime import runtime_folder
from rpmsg_cts.reactor import Reactor

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]

NOTICED_S = 5.0
GONE_S = 10.0
CHILD = """
import sys, time
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.runtime import runtime_folder
from rpmsg_cts.reactor import Reactor
guest = Guest.boot(Reactor())
print(guest.pid, runtime_folder().path, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(reactor: Reactor) -> Iterator[Guest]:
    """One guest for the tests that leave it as it was."""
    with Guest.boot(reactor) as guest:
        guest.load_bus()
        yield guest


def test_it_is_the_kernel_that_was_fetched(shared: Guest) -> None:
    image = find_image()

    assert shared.hello.release == image.release == shared.facts["kernel_release"]
    assert image.origin["kernel_package_version"] in shared.hello.version
    assert shared.hello.page_size_bytes == 4096
    assert shared.hello.cmdline == shared.facts["cmdline"]


def test_the_modules_are_those_of_the_package(shared: Guest) -> None:
    """What the guest has loaded is, byte for byte, what the report says that it is."""
    for module in find_image().modules:
        content = (build_folder() / "kernel-armhf" / module.path.lstrip("/")).read_bytes()
        assert hashlib.sha256(content).hexdigest() == module.sha256
        assert hashlib.sha256(whole_file(shared, module.path)).hexdigest() == module.sha256
    loaded = shared.agent.list_dir("/sys/module")
    assert set(BUS_MODULES) <= set(loaded)


def whole_file(guest: Guest, path: str) -> bytes:
    handle = guest.agent.open(path, os.O_RDONLY)
    content = b""
    while piece := guest.agent.read(handle, 32768):
        content += piece
    guest.agent.close_handle(handle)
    return content


def test_loading_a_module_twice_is_an_errno(shared: Guest) -> None:
    with pytest.raises(AgentError) as caught:
        shared.agent.load_module(find_image().module("rpmsg_core").path)
    assert caught.value.errno == errno.EEXIST


def test_a_module_in_use_stays(shared: Guest) -> None:
    with pytest.raises(AgentError) as caught:
        shared.agent.unload_module("rpmsg_core")
    assert caught.value.errno == errno.EWOULDBLOCK


def test_files_are_read_and_written(shared: Guest) -> None:
    assert shared.agent.write_file("/tmp/note", b"\0\xff data") == 7
    assert shared.agent.read_file("/tmp/note") == b"\0\xff data"
    assert "note" in shared.agent.list_dir("/tmp")
    with pytest.raises(AgentError) as caught:
        shared.agent.read_file("/tmp/absent")
    assert caught.value.errno == errno.ENOENT


def test_waiting_for_a_path_ends_in_time(shared: Guest) -> None:
    shared.agent.wait_path("/proc/self", timeout_s=0)
    started = time.monotonic()
    with pytest.raises(AgentError) as caught:
        shared.agent.wait_path("/tmp/absent", timeout_s=0.2)
    assert caught.value.errno == errno.ETIMEDOUT
    assert 0.2 <= time.monotonic() - started < NOTICED_S


def test_messages_of_the_kernel_come_after_their_mark(shared: Guest) -> None:
    shared.agent.write_file("/dev/kmsg", "<4>before\n")
    mark = shared.agent.kmsg_mark()
    shared.agent.write_file("/dev/kmsg", "<3>after \\ \x01\n")

    messages = shared.agent.kmsg_since(mark)

    assert [(message.level, message.text) for message in messages] == [(3, "after \\ \x01")]
    assert any(message.text == "before" for message in shared.agent.kmsg_since(0))


def test_a_log_longer_than_a_frame_comes_whole(shared: Guest) -> None:
    mark = shared.agent.kmsg_mark()
    lines = [f"line {number} {'x' * 800}" for number in range(100)]
    for line in lines:
        shared.agent.write_file("/dev/kmsg", line + "\n")

    assert [message.text for message in shared.agent.kmsg_since(mark)] == lines


def test_a_write_that_takes_for_ever_does_not_stop_the_agent(shared: Guest) -> None:
    handle = shared.agent.open("/dev/null", os.O_WRONLY)
    with pytest.raises(AgentError) as caught:
        shared.agent.write(handle, b"x")
    assert caught.value.errno == errno.EDEADLK

    job = shared.agent.write_async(handle, b"x", repeat=0xFFFFFFFF)
    assert shared.agent.job_wait(job, 0.3) is None
    assert shared.agent.exists("/proc")
    shared.agent.job_cancel(job)
    with pytest.raises(AgentError) as caught:
        shared.agent.job_result(job)
    assert caught.value.errno == errno.ENOENT
    shared.agent.close_handle(handle)


def test_a_finished_job_has_its_result(shared: Guest) -> None:
    null = shared.agent.open("/dev/null", os.O_WRONLY)
    full = shared.agent.open("/dev/full", os.O_WRONLY)

    done = shared.agent.job_wait(shared.agent.write_async(null, b"abc", repeat=5), NOTICED_S)
    failed = shared.agent.job_wait(shared.agent.write_async(full, b"abc", repeat=5), NOTICED_S)

    assert (done.writes, done.status, done.errno) == (5, 3, 0)
    assert (failed.writes, failed.errno) == (0, errno.ENOSPC)
    shared.agent.close_handle(null)
    shared.agent.close_handle(full)


FIONBIO, TIOCMIWAIT = 0x5421, 0x545C


def test_an_ioctl_that_waits_does_not_stop_the_agent(shared: Guest) -> None:
    """A thread does it, since a driver may insist on the address space that opened it."""
    agent = shared.agent
    line = agent.open("/dev/ttyAMA0", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    done = agent.job_wait(agent.ioctl_async(line, FIONBIO, struct.pack("<i", 1)), NOTICED_S)
    refused = agent.job_wait(agent.ioctl_async(line, 0xFFFF, b""), NOTICED_S)
    waiting = agent.ioctl_async(line, TIOCMIWAIT, b"")

    assert (done.writes, done.status) == (1, 0)
    assert (refused.writes, refused.errno) == (0, errno.ENOTTY)
    assert agent.job_wait(waiting, 0.3) is None
    agent.job_cancel(waiting)
    with pytest.raises(AgentError) as caught:
        agent.job_result(waiting)
    assert caught.value.errno == errno.ENOENT
    agent.close_handle(line)


def test_an_eventfd_counts(shared: Guest) -> None:
    agent = shared.agent
    bell = agent.eventfd()
    for _ in range(3):
        agent.write(bell, struct.pack("<Q", 1))

    assert struct.unpack("<Q", agent.read(bell, 8)) == (3,)
    with pytest.raises(AgentError) as caught:
        agent.read(bell, 8)
    assert caught.value.errno == errno.EAGAIN
    assert agent.exists(f"/proc/1/fd/{agent.descriptor(bell)}")
    agent.close_handle(bell)
    with pytest.raises(AgentError) as caught:
        agent.descriptor(bell)
    assert caught.value.errno == errno.EBADF


def test_memory_of_the_agent_has_a_place_in_that_of_the_guest(shared: Guest) -> None:
    """Each page its own; what that is good for is seen where a device works on it."""
    agent, page_bytes = shared.agent, shared.hello.page_size_bytes
    pages = agent.map(5)

    assert len(set(pages.places)) == 5 and all(pages.places)
    assert {place % page_bytes for place in pages.places} == {pages.address % page_bytes} == {0}
    agent.unmap(pages)
    with pytest.raises(AgentError) as caught:
        agent.map(0)
    assert caught.value.errno == errno.EINVAL


def test_polling_does_not_wait(shared: Guest) -> None:
    null = shared.agent.open("/dev/null", os.O_RDWR)

    assert shared.agent.poll(null, select.POLLOUT) == select.POLLOUT
    shared.agent.close_handle(null)
    with pytest.raises(AgentError) as caught:
        shared.agent.poll(null)
    assert caught.value.errno == errno.EBADF


def test_a_malformed_request_is_answered(shared: Guest) -> None:
    with pytest.raises(AgentError) as caught:
        shared.agent.ask(Request.OPEN, b"\xff\xff\xff\xff")
    assert caught.value.errno == errno.EPROTO


def test_an_unknown_request_is_answered(shared: Guest) -> None:
    shared.agent._send(encode(Frame(0x1234, 4711, b"")), Request.HELLO, 1)

    assert shared.agent.exists("/proc")


def test_malformed_frames_are_answered_and_survived(reactor: Reactor) -> None:
    """Rubbish on the port is refused with a frame that says why, and the agent goes on."""
    with Guest.boot(reactor) as guest:
        guest.agent.close()
        with socket.socket(socket.AF_UNIX) as port:
            port.settimeout(NOTICED_S)
            port.connect(str(guest._machine._files.agent_socket))
            bad_crc = bytearray(encode(Frame(Request.HELLO, 5, b"")))
            bad_crc[-1] ^= 0xFF
            port.sendall(b"rubbish" + bytes(bad_crc) + encode(Frame(Request.HELLO, 6, b"")))
            decoder, found = Decoder(), []
            while len(found) < 3:
                found += decoder.feed(port.recv(65536))
    assert not [item for item in found if isinstance(item, Trouble)]
    statuses = [(item.type, item.id, struct.unpack_from("<i", item.payload)[0]) for item in found]
    assert statuses == [(TYPE_ERROR, 0, -errno.EPROTO), (TYPE_ERROR, 5, -errno.EBADMSG),
                        (Request.HELLO | 0x8000, 6, 0)]


def test_it_switches_itself_off(reactor: Reactor, tmp_path: Path) -> None:
    guest = Guest.boot(reactor, run_dir=tmp_path / "kept")

    assert guest.shutdown()

    assert not guest.alive()
    assert "Power down" in (tmp_path / "kept" / "console.log").read_text()
    assert (tmp_path / "kept" / "qemu.log").exists()
    with pytest.raises(GuestDied):
        guest.agent.kmsg_mark()


def test_a_panic_is_noticed_at_once_with_its_reason(reactor: Reactor) -> None:
    guest = Guest.boot(reactor)
    started = time.monotonic()
    with pytest.raises(GuestDied, match="Kernel panic - not syncing: sysrq triggered crash") as caught:
        guest.agent.crash()
        guest.agent.wait_path("/never", timeout_s=60)
    assert time.monotonic() - started < NOTICED_S
    assert caught.value.console
    assert not guest.alive()
    guest.kill()


def test_a_kernel_that_hangs_after_a_bug_is_not_waited_for(reactor: Reactor) -> None:
    """It may live on without ever answering; what it said tells that this is no slow machine."""
    guest = Guest.boot(reactor)
    log = guest.agent.open("/dev/kmsg", os.O_WRONLY)
    guest.agent.write_async(log, b"<0>BUG: made up by a test\n", repeat=1_000_000)
    while not guest._console.last_words():
        reactor.run_until(lambda: False, 0.01)
    os.kill(guest.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(GuestDied, match="hangs: BUG: made up by a test"):
        guest.agent.kmsg_mark()
    assert time.monotonic() - started < NOTICED_S
    assert not guest.alive()
    guest.kill()


def test_the_end_of_qemu_is_noticed_at_once(reactor: Reactor) -> None:
    guest = Guest.boot(reactor)
    os.kill(guest.pid, signal.SIGKILL)
    started = time.monotonic()
    with pytest.raises(GuestDied):
        guest.agent.wait_path("/never", timeout_s=60)
    assert time.monotonic() - started < NOTICED_S
    guest.kill()


def test_a_device_without_a_back_end_is_told(reactor: Reactor) -> None:
    nobody = str(runtime_folder().path / "nobody.sock")
    with pytest.raises(BootFailed, match="nobody.sock"):
        Guest.boot(reactor, [VhostUserDevice(nobody)])


def test_two_guests_at_once(reactor: Reactor, shared: Guest) -> None:
    with Guest.boot(reactor) as second:
        assert second.agent.exists("/proc") and shared.agent.exists("/proc")
        assert second.name != shared.name


def test_nothing_is_left_of_a_guest(reactor: Reactor) -> None:
    before = set(runtime_folder().path.iterdir())
    guest = Guest.boot(reactor)
    pid = guest.pid
    guest.kill()

    assert wait_gone(pid)
    assert set(runtime_folder().path.iterdir()) <= before | {runtime_folder().path / "v"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_nothing_outlives_us(number: signal.Signals) -> None:
    """However the harness ends: no QEMU, no socket, no folder, no watchdog."""
    environment = {**os.environ, "PYTHONPATH": str(TREE / "conformance")}
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             text=True, env=environment)
    pid, folder = child.stdout.readline().split()
    assert Path(f"/proc/{pid}").exists() and Path(folder).exists()

    child.send_signal(number)
    child.wait()
    child.stdout.close()

    deadline = time.monotonic() + GONE_S
    while Path(folder).exists() or watchdogs_of(folder):
        assert time.monotonic() < deadline, f"{folder} is left"
        time.sleep(0.05)
    assert wait_gone(int(pid))


def wait_gone(pid: int) -> bool:
    """Whether a process ends in time.  It may be dead already, with init about to collect it."""
    deadline = time.monotonic() + GONE_S
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def watchdogs_of(folder: str) -> list[str]:
    """Process ids of the watchdogs of a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdecimal() else b""
        except OSError:
            continue
        if watchdog.__file__.encode() in command and folder.encode() in command:
            found.append(entry.name)
    return found


def test_a_frame_that_the_agent_refuses_is_the_harness_s_fault(shared: Guest) -> None:
    """Not silence until a time-out: the client learns that what it sent was damaged."""
    client = shared.agent
    real_send = client._send

    def damaged(data: bytes, request: Request, timeout_s: float) -> None:
        real_send(data[:-1] + bytes([data[-1] ^ 1]), request, timeout_s)

    client._send = damaged
    try:
        with pytest.raises(AgentProtocolError, match="refused the frame"):
            client.kmsg_mark()
    finally:
        client._send = real_send
    client.kmsg_mark()
