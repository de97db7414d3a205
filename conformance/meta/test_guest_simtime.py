# SPDX-License-Identifier: BSD-3-Clause
"""User-mode Linux in simulated time: it waits for nothing, and its clock is ours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meta.preparation import or_skip
from rpmsg_cts import reactor as reactors
from rpmsg_cts.guest.errors import AgentTimeout, GuestDied
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.guest.time_travel import SimulatedTime
from rpmsg_cts.lab import Lab
from rpmsg_cts.link import Config
from rpmsg_cts.link_linux import LinuxLink
from rpmsg_cts.reactor import Reactor
from rpmsg_cts.targets import DRIVER, LINUX_UML_SIMTIME, Lane

LANE = Lane(LINUX_UML_SIMTIME, DRIVER)
BUSY = 2
STEP_S, GONE_STEPS = 0.05, 200
CHILD = """
import time
from rpmsg_cts.guest.guest import Guest
from rpmsg_cts.guest.image import kernel_image
from rpmsg_cts.guest.time_travel import SimulatedTime
from rpmsg_cts.reactor import Reactor
guest = Guest.boot(Reactor(), image=kernel_image("linux-uml-simtime"), simulated_time=SimulatedTime())
print(guest.pid, flush=True)
time.sleep(600)
"""
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.guest, pytest.mark.timeout(300)]


@pytest.fixture
def boot(reactor: Reactor) -> Iterator[Callable[[], Guest]]:
    """Starts guests in simulated time, if a kernel was built; ends the last one."""
    guests: list[Guest] = []

    def start(cmdline: str = "") -> Guest:
        while guests:
            guests.pop().kill()
        with or_skip():
            guests.append(Guest.boot(reactor, image=kernel_image(LINUX_UML_SIMTIME), simulated_time=SimulatedTime(),
                                     extra_cmdline=cmdline))
        return guests[0]

    yield start
    while guests:
        guests.pop().kill()


def uptime_s(guest: Guest) -> float:
    return float(guest.agent.read_text("/proc/uptime").split()[0])


def test_its_clock_is_ours(reactor: Reactor, boot: Callable[[], Guest]) -> None:
    """And starts at zero, on a day that is always the same."""
    guest = boot()

    assert uptime_s(guest) == 0
    assert reactor.now_s() < 0.01
    reactor.run_until(lambda: False, 15)
    assert uptime_s(guest) == 15
    assert 15 < reactor.now_s() < 15.01


def test_a_wait_in_the_guest_costs_nothing(reactor: Reactor, boot: Callable[[], Guest]) -> None:
    guest, before_s = boot(), reactor.now_s()

    with pytest.raises(Exception, match="wait_path /nowhere"):
        guest.agent.wait_path("/nowhere", timeout_s=3)

    assert 3 <= reactor.now_s() - before_s < 3.1


def test_long_frames_come_whole(boot: Callable[[], Guest]) -> None:
    """In both directions: its line is a console of our own."""
    guest, content = boot(), bytes(range(256)) * 128

    assert guest.agent.write_file("/tmp/long", content) == len(content)
    assert guest.agent.read_file("/tmp/long") == content


def test_it_switches_itself_off(boot: Callable[[], Guest]) -> None:
    guest = boot()

    assert guest.shutdown()
    assert not guest.alive()


def test_its_death_is_told(boot: Callable[[], Guest]) -> None:
    """At once, although a dead kernel lets no time pass."""
    guest = boot()

    os.kill(guest.pid, signal.SIGKILL)
    with pytest.raises(GuestDied, match="the guest ended"):
        guest.agent.kmsg_mark()


def test_its_panic_is_told(boot: Callable[..., Guest]) -> None:
    """In the middle of its beginning, when nobody waits in its time yet."""
    with pytest.raises(GuestDied, match="the guest's kernel died: Kernel panic - not syncing: "):
        boot("rdinit=/nowhere")


def test_a_kernel_that_never_waits_is_given_up(boot: Callable[[], Guest], monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still for as long as it computes, and with it every time-out."""
    guest = boot()
    monkeypatch.setattr(reactors, "SILENCE_S", 0.1)

    os.kill(guest.pid, signal.SIGSTOP)
    with pytest.raises(AgentTimeout):
        guest.agent.ping(timeout_s=0.1)


def session(lab: Lab, perturb: Callable[[LinuxLink], None] = lambda link: None) -> tuple[str, bytes]:
    """All that tests do with a kernel: messages both ways, a wait, a complaint.  Return: its history, and its console."""
    link = lab.link(LANE, Config())
    ept = link.upper.open(src=900, dst=1024)
    for count in range(5):
        assert link.upper.send(ept, b"there %d" % count) == 0
        assert link.next_message().payload == b"there %d" % count
        link.lower.send(1024, 900, b"back %d" % count)
        assert [message.payload for message in link.delivered(ept)] == [b"back %d" % count]
    perturb(link)
    while link.upper.send(ept, b"full") == 0:
        pass
    job = link.upper.send_blocking(ept, b"patience")
    link.advance(17.5)
    assert job.result() not in (None, 0)
    log = "\n".join(link.log())
    assert "timeout waiting for a tx buffer" in log
    link.close()
    console = lab._guest._machine.console.read_bytes()
    return str(lab._time.history), console + log.encode()


@pytest.fixture
def lab() -> Iterator[Callable[[int], Lab]]:
    """Makes laboratories with a seed; a run has one at a time."""
    made: list[Lab] = []

    def make(seed: int = 1) -> Lab:
        while made:
            made.pop().close()
        made.append(Lab(lambda target, facts: None, seed=seed))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_ten_runs_are_one(lab: Callable[..., Lab]) -> None:
    """Byte by byte: each event with its time, each word of the agent, and the console; also on a machine that is busy."""
    busy = [subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"]) for _ in range(BUSY)]
    try:
        runs = [session(lab()) for _ in range(3)]
    finally:
        for process in busy:
            process.kill()
            process.wait()
    one = lab()
    runs += [session(one) for _ in range(7)]

    assert len(set(runs)) == 1


def test_another_seed_is_another_run(lab: Callable[..., Lab]) -> None:
    """And each of them the same again: else the ten could be one because nothing is looked at."""
    histories = [session(lab(seed))[0] for seed in (1, 2, 3, 3, 2, 1)]

    assert len(set(histories)) == 3
    assert histories[:3] == histories[:2:-1]


@pytest.mark.parametrize("what", [
    lambda link: link.agent.kmsg_mark(),
    lambda link: link.advance(1e-9),
    lambda link: link.lower.notify(0, force=True),
    lambda link: link.agent.write_file("/dev/kmsg", "x"),
], ids=["question", "nanosecond", "notification", "word"])
def test_the_least_difference_is_seen(lab: Callable[..., Lab], what: Callable[[LinuxLink], None]) -> None:
    plain, other = session(lab()), session(lab(), what)

    assert plain[0] != other[0]


def histories(folder: Path, *words: str) -> list[bytes]:
    """What happened, guest by guest, in a run of the command."""
    command = [str(ROOT / "rpmsg-cts"), "run", "--target", LINUX_UML_SIMTIME, "--out", str(folder / "report"),
               "--histories", str(folder / "histories"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [path.read_bytes() for path in sorted((folder / "histories").iterdir())]


def test_one_test_is_the_same_alone_as_among_others(boot: Callable[[], Guest], tmp_path: Path) -> None:
    """The command below a failure replays it exactly, whatever was run before it."""
    boot()  # skips without a kernel
    test = "header/test_header.py::test_sent_header_has_its_fields_in_place"

    alone = histories(tmp_path / "alone", "--test", test, "--variants", "base")
    among = histories(tmp_path / "among", "--suite", "header", "--variants", "base")

    assert 1 <= len(alone) < len(among)
    assert set(alone) <= set(among)
    assert len(set(among)) > len(among) // 2


def test_it_does_not_outlive_us(reactor: Reactor, boot: Callable[[], Guest]) -> None:
    """Its command line does not say whose it is, being the same in each run; and this one cannot see that we are gone."""
    boot().kill()  # skips without a kernel
    with subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "conformance")}) as child:
        assert child.stdout is not None
        pid = int(child.stdout.readline())
        os.kill(pid, signal.SIGSTOP)
        child.kill()

    assert any(reactor.run_until(lambda: not Path(f"/proc/{pid}").exists(), STEP_S) for _ in range(GONE_STEPS))
