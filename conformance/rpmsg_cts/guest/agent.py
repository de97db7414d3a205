# SPDX-License-Identifier: BSD-3-Clause
"""The harness's half of the agent: one method for each thing the program in the guest can do.

fixtures/guest/requests.def has the same list of requests.  Every method raises AgentError with the kernel's errno when
the kernel refused, AgentTimeout when there was no answer, and GuestDied when there is nobody left to answer.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

from ..reactor import Reactor
from . import wire
from .console import Console
from .errors import AgentError, AgentProtocolError, AgentTimeout, GuestDied, KernelDied
from .frame import REPLY, TYPE_ERROR, TYPE_TAKEN, Decoder, Frame, Trouble, encode

# A driver that takes 65535 stale messages for new ones (ROB-013) is in its interrupt for half a minute where the
# processor is emulated and the machine busy; it is not dead.
ANSWER_TIMEOUT_S = 60.0
LATE_S = 3.0  # a guest that is well answers within milliseconds
HELLO_TIMEOUT_S = 90.0
SEND_STEP_S = 0.01
JOB_STEP_S = 0.01
RECEIVE_BYTES = 1 << 16
# "O" and "E": a module from out of the tree, and one that is not signed.  Source: Linux, admin-guide/tainted-kernels.
TAINTS_OF_OURS = 1 << 12 | 1 << 13
FRAME_MAX_BYTES = 1 << 20


class Request(IntEnum):
    """Types of frames."""

    HELLO = 1
    LOAD_MODULE = 2
    UNLOAD_MODULE = 3
    LIST_DIR = 4
    READ_LINK = 5
    READ_FILE = 6
    WRITE_FILE = 7
    OPEN = 8
    CLOSE = 9
    READ = 10
    WRITE = 11
    POLL = 12
    SET_BLOCKING = 13
    RPMSG_IOCTL = 14
    WRITE_ASYNC = 15
    JOB_RESULT = 16
    JOB_CANCEL = 17
    KMSG_MARK = 18
    KMSG_SINCE = 19
    WAIT_PATH = 20
    POWEROFF = 21
    CRASH = 22
    IOCTL = 23
    MAP = 24
    UNMAP = 25
    EVENTFD = 26
    DESCRIPTOR = 27
    IOCTL_ASYNC = 28
    FAIL_NTH = 29


class RpmsgIoctl(IntEnum):
    """What /dev/rpmsg_ctrlN (and, for DESTROY_EPT, /dev/rpmsgN) can be told."""

    CREATE_EPT = 1
    DESTROY_EPT = 2
    CREATE_DEV = 3
    RELEASE_DEV = 4


@dataclass(frozen=True)
class Hello:
    """Who answers."""

    agent_version: int
    release: str
    version: str
    machine: str
    cmdline: str
    page_size_bytes: int


@dataclass(frozen=True)
class KernelMessage:
    """One record of the kernel's log; `level` is 0 (emergency) to 7 (debug)."""

    seq: int
    level: int
    time_us: int
    text: str

    def __str__(self) -> str:
        return f"[{self.time_us / 1e6:12.6f}] {self.text}"


@dataclass(frozen=True)
class Pages:
    """Memory of the agent: its address there, and where each page is in the guest's memory."""

    address: int
    places: tuple[int, ...]


@dataclass(frozen=True)
class JobResult:
    """A finished asynchronous call: how many calls succeeded, and what the last one returned (e.g. bytes, or -errno)."""

    writes: int
    status: int

    @property
    def errno(self) -> int:
        """0 when all succeeded."""
        return -self.status if self.status < 0 else 0


@dataclass
class Failing:
    """An allocation that is made to fail: the n-th of the next request; left: how many more that one would have needed."""

    nth: int
    left: int = 0


class AgentClient:
    """Asks one question at a time, and serves everything else in the reactor until the answer is there.

    Created with a stream to the guest's port, which it owns from then on.  `death` says whether the guest is known to be dead: it returns the
    exception to raise, or None; the client also notices by itself when the socket closes.  A kernel that has stumbled
    may also hang without dying: when an answer is late, `console` is looked at for a reason.  `window_bytes`: the agent
    says how much of a frame it has taken, and never more than this is on its way; 0 where the stream itself sees to it.
    """

    def __init__(self, stream: socket.socket, reactor: Reactor, death: Callable[[], GuestDied | None] = lambda: None,
                 console: Console | None = None, window_bytes: int = 0) -> None:
        self._reactor = reactor
        self._window_bytes = window_bytes
        self._taken_bytes = 0
        self._death = death
        self._console = console
        self.patience_s = ANSWER_TIMEOUT_S  # with a question that does not say how long it may take
        self._hung: GuestDied | AgentTimeout | None = None
        self._decoder = Decoder()
        self._last_id = 0
        self._waiting_for = 0
        self._reply: Frame | None = None
        self._refused: Frame | None = None
        self._closed = False
        self._failing: Failing | None = None
        self._socket = stream
        self._socket.setblocking(False)
        reactor.add(self._socket.fileno(), self._on_readable)

    def close(self) -> None:
        """Give the port back; the guest goes on."""
        if not self._closed:
            self._closed = True
            self._reactor.remove(self._socket.fileno())
            self._socket.close()

    def is_open(self) -> bool:
        """Whether QEMU still holds the other end, and the kernel behind it has not been found to hang."""
        return not self._closed and self._hung is None

    def _on_readable(self) -> None:
        if self._closed:
            return
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        for item in self._decoder.feed(data):
            self._on_item(item)

    def _on_item(self, item: Frame | Trouble) -> None:
        if isinstance(item, Trouble):
            # What was lost may be the answer; the question then times out, and that is said.
            return
        if item.type == TYPE_ERROR:
            self._refused = item
        elif item.type == TYPE_TAKEN:
            self._taken_bytes = wire.Reader(item.payload).u32()
        elif item.type & REPLY and item.id == self._waiting_for:
            self._reply = item
        # An answer that came after its time-out is nobody's.

    def ask(self, request: Request, payload: bytes = b"", timeout_s: float | None = None,
            late_s: float = LATE_S) -> wire.Reader:
        """Send one request and wait for its answer; after `late_s` it is asked whether the kernel has come to grief.

        Return: the fields of the answer.
        """
        patient, timeout_s = timeout_s is None, self.patience_s if timeout_s is None else timeout_s
        if self._failing is not None:
            return self._ask_failing(request, payload, timeout_s)
        self._last_id += 1
        self._waiting_for = self._last_id
        self._reply = self._refused = None
        self._send(encode(Frame(request, self._last_id, payload)), request, timeout_s)
        if not self._reactor.run_until(self._is_settled, min(late_s, timeout_s)):
            self._raise_if_hung()
            self._reactor.run_until(self._is_settled, max(timeout_s - late_s, 0))
        if self._reply is not None:
            if self._console is not None:
                self._console.mark()
            return self._judge(request, self._reply)
        self._raise_if_dead()
        if self._refused is not None:
            number = -wire.Reader(self._refused.payload).i32()
            raise AgentProtocolError(f"{request.name.lower()}: the agent refused the frame: {os.strerror(number)}")
        self._raise_if_hung()
        silent = AgentTimeout(f"{request.name.lower()}: no answer in {timeout_s:g} s")
        if patient:
            # Nobody is to wait as long again for a kernel that does not answer: tests have a time-out of their own.
            self._hung = silent
        raise silent

    @contextlib.contextmanager
    def failing(self, nth: int) -> Iterator[Failing]:
        """Make the n-th allocation of the next request fail.  Raises AgentError ENOENT where the kernel cannot."""
        shot = self._failing = Failing(nth)
        try:
            yield shot
        finally:
            self._failing = None

    def _ask_failing(self, request: Request, payload: bytes, timeout_s: float) -> wire.Reader:
        shot, self._failing = self._failing, None
        assert shot is not None
        fields = self.ask(Request.FAIL_NTH, wire.u32(shot.nth) + wire.u32(request) + payload, timeout_s)
        status, shot.left = fields.i32(), fields.u32()
        if status < 0:
            raise AgentError(request.name.lower(), -status)
        return fields

    def _is_settled(self) -> bool:
        return (self._reply is not None or self._refused is not None or self._closed or self._death() is not None)

    def _raise_if_hung(self) -> None:
        words = self._console.last_words() if self._console is not None else ""
        if words:
            self._hung = KernelDied(f"the guest's kernel hangs: {words}", self._console.story())
            raise self._hung

    def _raise_if_dead(self) -> None:
        if self._hung is not None:
            raise self._hung
        died = self._death()
        if died is not None:
            raise died
        if self._closed:
            raise GuestDied("the agent's port closed", [])

    def _judge(self, request: Request, reply: Frame) -> wire.Reader:
        fields = wire.Reader(reply.payload)
        status = fields.i32()
        if status < 0:
            raise AgentError(request.name.lower(), -status)
        return fields

    def _send(self, data: bytes, request: Request, timeout_s: float) -> None:
        self._raise_if_dead()
        view = memoryview(data)
        deadline_s = self._reactor.now_s() + timeout_s
        self._taken_bytes = 0
        while view:
            try:
                view = view[self._socket.send(view[:self._room(len(data) - len(view))]):]
            except BlockingIOError:
                # The guest is slow to read; meanwhile others want to be served.
                if self._reactor.now_s() >= deadline_s:
                    raise AgentTimeout(f"{request.name.lower()}: not taken in {timeout_s:g} s") from None
                self._reactor.run_until(self._is_settled, SEND_STEP_S)
            except OSError:
                self.close()
            self._raise_if_dead()

    def _room(self, sent_bytes: int) -> int:
        """Return: how many bytes of a frame may follow those that were sent.  Raises BlockingIOError for none."""
        if not self._window_bytes:
            return FRAME_MAX_BYTES
        room = self._window_bytes - (sent_bytes - self._taken_bytes)
        if room <= 0:
            raise BlockingIOError
        return room

    # --- the guest ---------------------------------------------------------------------------------------------------

    def hello(self, timeout_s: float = HELLO_TIMEOUT_S) -> Hello:
        """Wait until the agent is up, and learn who it is."""
        fields = self.ask(Request.HELLO, timeout_s=timeout_s)
        return Hello(fields.u32(), fields.text(), fields.text(), fields.text(), fields.text(), fields.u32())

    def ping(self, timeout_s: float) -> None:
        """Ask for a sign of life."""
        self.ask(Request.KMSG_MARK, timeout_s=timeout_s)

    def poweroff(self) -> None:
        """Tell the kernel to switch the machine off.  There is no answer; Guest.shutdown() waits for the end."""
        self._tell(Request.POWEROFF)

    def crash(self) -> None:
        """Make the kernel panic.  There is no answer."""
        self._tell(Request.CRASH)

    def _tell(self, request: Request) -> None:
        self._last_id += 1
        self._send(encode(Frame(request, self._last_id, b"")), request, self.patience_s)

    # --- modules -----------------------------------------------------------------------------------------------------

    def load_module(self, path: str, params: str = "", timeout_s: float | None = None) -> None:
        """Load a module from a file of the guest, compressed or not; `params` as on modprobe's command line."""
        self.ask(Request.LOAD_MODULE, wire.string(path) + wire.string(params), timeout_s)

    def unload_module(self, name: str, timeout_s: float | None = None) -> None:
        """Unload a module; EWOULDBLOCK while it is in use."""
        self.ask(Request.UNLOAD_MODULE, wire.string(name), timeout_s)

    # --- files -------------------------------------------------------------------------------------------------------

    def list_dir(self, path: str) -> list[str]:
        """Names in a folder, sorted."""
        fields = self.ask(Request.LIST_DIR, wire.string(path))
        names = []
        while fields.more():
            names.append(fields.path())
        return sorted(names)

    def read_link(self, path: str) -> str:
        """What a symbolic link points to; the last part is usually what is wanted, as of `driver`."""
        return self.ask(Request.READ_LINK, wire.string(path)).text()

    def read_file(self, path: str) -> bytes:
        """Content of a file of at most 64 KiB."""
        return self.ask(Request.READ_FILE, wire.string(path)).bytes()

    def read_text(self, path: str) -> str:
        """Content of a sysfs attribute without its final newline."""
        return self.read_file(path).decode(errors="backslashreplace").rstrip("\n")

    def write_file(self, path: str, data: str | bytes, timeout_s: float | None = None) -> int:
        """Write a file, or an attribute in one piece.  Return: bytes taken."""
        return self.ask(Request.WRITE_FILE, wire.string(path) + wire.string(data), timeout_s).u32()

    def exists(self, path: str) -> bool:
        """Whether a path is there now."""
        return self._wait_path(path, present=True, timeout_s=0)

    def wait_path(self, path: str, present: bool = True, timeout_s: float = 5.0) -> None:
        """Wait in the guest until a path is there, or gone.  Raises AgentError ETIMEDOUT."""
        if not self._wait_path(path, present, timeout_s):
            raise AgentError(f"wait_path {path} {'present' if present else 'absent'}", errno.ETIMEDOUT)

    def wait(self, seconds: float) -> None:
        """Let time pass in the guest, and serve everything else meanwhile."""
        self._wait_path("/never", present=True, timeout_s=seconds)

    def _wait_path(self, path: str, present: bool, timeout_s: float) -> bool:
        payload = wire.string(path) + wire.u32(present) + wire.u32(round(timeout_s * 1000))
        try:
            self.ask(Request.WAIT_PATH, payload, timeout_s + self.patience_s, timeout_s + LATE_S)
        except AgentError as error:
            if error.errno == errno.ETIMEDOUT:
                return False
            raise
        return True

    # --- devices -----------------------------------------------------------------------------------------------------

    def open(self, path: str, flags: int = os.O_RDWR | os.O_NONBLOCK) -> int:
        """Open a file of the guest.  Return: a handle for the methods below."""
        return self.ask(Request.OPEN, wire.string(path) + wire.u32(flags)).u32()

    def close_handle(self, handle: int) -> None:
        """Close what open() opened."""
        self.ask(Request.CLOSE, wire.u32(handle))

    def read(self, handle: int, max_bytes: int = 4096) -> bytes:
        """Read what is there; EAGAIN when nothing is, whether the handle blocks or not."""
        return self.ask(Request.READ, wire.u32(handle) + wire.u32(max_bytes)).bytes()

    def write(self, handle: int, data: bytes) -> int:
        """Write without waiting (EAGAIN); EDEADLK on a handle that blocks, for which there is write_async()."""
        return self.ask(Request.WRITE, wire.u32(handle) + wire.string(data)).u32()

    def begin_write(self, handle: int, data: bytes) -> None:
        """As write(), but go on while it is on its way; what comes of it is lost.  The next question waits for it."""
        self._last_id += 1
        self._send(encode(Frame(Request.WRITE, self._last_id, wire.u32(handle) + wire.string(data))), Request.WRITE,
                   ANSWER_TIMEOUT_S)

    def poll(self, handle: int, events: int = select.POLLIN) -> int:
        """Ask for readiness without waiting.  Return: revents, as of poll(2)."""
        return self.ask(Request.POLL, wire.u32(handle) + wire.u32(events)).u32()

    def set_blocking(self, handle: int, blocking: bool) -> None:
        """Set or clear O_NONBLOCK."""
        self.ask(Request.SET_BLOCKING, wire.u32(handle) + wire.u32(blocking))

    def rpmsg_ioctl(self, handle: int, operation: RpmsgIoctl, name: str | bytes = b"", src: int = 0,
                    dst: int = 0) -> None:
        """Tell a control device something; `name` has at most 32 bytes, with or without a zero at the end."""
        payload = wire.u32(handle) + wire.u32(operation) + wire.string(name) + wire.u32(src) + wire.u32(dst)
        self.ask(Request.RPMSG_IOCTL, payload)

    def create_ept(self, handle: int, name: str | bytes, src: int, dst: int) -> None:
        """RPMSG_CREATE_EPT_IOCTL: a /dev/rpmsgN with these addresses."""
        self.rpmsg_ioctl(handle, RpmsgIoctl.CREATE_EPT, name, src, dst)

    def destroy_ept(self, handle: int) -> None:
        """RPMSG_DESTROY_EPT_IOCTL, on an open /dev/rpmsgN."""
        self.rpmsg_ioctl(handle, RpmsgIoctl.DESTROY_EPT)

    def create_dev(self, handle: int, name: str | bytes, src: int, dst: int) -> None:
        """RPMSG_CREATE_DEV_IOCTL: a channel on the bus."""
        self.rpmsg_ioctl(handle, RpmsgIoctl.CREATE_DEV, name, src, dst)

    def release_dev(self, handle: int, name: str | bytes, src: int, dst: int) -> None:
        """RPMSG_RELEASE_DEV_IOCTL: the channel is gone."""
        self.rpmsg_ioctl(handle, RpmsgIoctl.RELEASE_DEV, name, src, dst)

    def ioctl(self, handle: int, number: int, argument: int | bytes = 0) -> bytes:
        """An ioctl by its number, with a value, or with a pointer to some bytes.  Return: the bytes afterwards."""
        value, data = (argument, b"") if isinstance(argument, int) else (0, argument)
        payload = wire.u32(handle) + wire.u32(number) + wire.u32(value) + wire.string(data)
        return self.ask(Request.IOCTL, payload).bytes()

    def eventfd(self) -> int:
        """Make an eventfd that never blocks.  Return: its handle."""
        return self.ask(Request.EVENTFD).u32()

    def descriptor(self, handle: int) -> int:
        """What the agent's kernel calls an open file."""
        return self.ask(Request.DESCRIPTOR, wire.u32(handle)).u32()

    # --- memory ------------------------------------------------------------------------------------------------------

    def map(self, num_pages: int) -> Pages:
        """Take memory that stays where it is until unmap()."""
        fields = self.ask(Request.MAP, wire.u32(num_pages))
        return Pages(fields.u64(), tuple(fields.u64() for _ in range(num_pages)))

    def unmap(self, pages: Pages) -> None:
        """Give back what map() took."""
        self.ask(Request.UNMAP, wire.u64(pages.address) + wire.u32(len(pages.places)))

    # --- calls that may block ---------------------------------------------------------------------------------------

    def write_async(self, handle: int, data: bytes, repeat: int = 1) -> int:
        """Write in a process of its own, `repeat` times or until the first failure.  Return: a job."""
        return self.ask(Request.WRITE_ASYNC, wire.u32(handle) + wire.u32(repeat) + wire.string(data)).u32()

    def ioctl_async(self, handle: int, number: int, argument: bytes) -> int:
        """An ioctl in a thread of its own.  Return: a job."""
        return self.ask(Request.IOCTL_ASYNC, wire.u32(handle) + wire.u32(number) + wire.string(argument)).u32()

    def job_result(self, job: int) -> JobResult | None:
        """Return: the result, or None while the job runs.  Raises AgentError EINTR if the job was killed."""
        try:
            fields = self.ask(Request.JOB_RESULT, wire.u32(job))
        except AgentError as error:
            if error.errno == errno.EINPROGRESS:
                return None
            raise
        status = fields.i32()
        return JobResult(writes=fields.u32(), status=status)

    def job_wait(self, job: int, timeout_s: float) -> JobResult | None:
        """Ask again and again.  Return: the result, or None if the job still runs after `timeout_s`."""
        deadline_s = self._reactor.now_s() + timeout_s
        while (result := self.job_result(job)) is None and self._reactor.now_s() < deadline_s:
            self._reactor.run_until(lambda: False, JOB_STEP_S)
        return result

    def job_cancel(self, job: int, timeout_s: float | None = None) -> None:
        """End the job's process or system call, and forget the job."""
        self.ask(Request.JOB_CANCEL, wire.u32(job), timeout_s)

    # --- the kernel's log --------------------------------------------------------------------------------------------

    def kmsg_mark(self) -> int:
        """Return: a mark; kmsg_since() gives what comes after it."""
        return self.ask(Request.KMSG_MARK).u64()

    def kmsg_since(self, mark: int = 0) -> list[KernelMessage]:
        """Records of the kernel's log after `mark`, or all of them."""
        messages: list[KernelMessage] = []
        while True:
            fields = self.ask(Request.KMSG_SINCE, wire.u64(mark))
            mark = fields.u64()
            if not fields.more():
                return messages
            while fields.more():
                messages.append(KernelMessage(fields.u64(), fields.u32(), fields.u64(), _unescape(fields.bytes())))

    def tainted(self) -> int:
        """The kernel's taint bits, without those that a module of ours leaves; bit 7 says that it has had an oops."""
        return int(self.read_text("/proc/sys/kernel/tainted")) & ~TAINTS_OF_OURS

    def virtio_devices(self, virtio_id: int = 7) -> list[str]:
        """Names such as `virtio1` of devices with an id, whether a driver has them or not."""
        folder = PurePosixPath("/sys/bus/virtio/devices")
        names = self.list_dir(str(folder))
        return [name for name in names if int(self.read_text(str(folder / name / "device")), 16) == virtio_id]


def _unescape(text: bytes) -> str:
    r"""/dev/kmsg writes what is not printable, and the backslash, as \x and two digits."""
    parts = text.split(b"\\x")
    out = parts[0]
    for part in parts[1:]:
        try:
            out += struct.pack("B", int(part[:2], 16)) + part[2:]
        except ValueError:
            out += b"\\x" + part
    return out.decode(errors="backslashreplace")
