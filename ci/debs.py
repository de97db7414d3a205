# SPDX-License-Identifier: BSD-3-Clause
"""Download Debian packages without touching the system: own apt state, own folder, signatures checked.

The system's apt is asked only where its mirror is and how to reach it (proxy, credentials).  A private sources list
then names the suite and the architecture that are wanted, which need not be those of the system; nothing is installed,
and no right beyond writing below the build folder is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("RPMSG_CTS_BUILD") or TREE / "build")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR_VARIABLE = "RPMSG_CTS_DEBIAN_MIRROR"

EXIT_FAILED = 1
EXIT_OFFLINE = 3
EXIT_INTERRUPTED = 130
HEARTBEAT_S = 5.0
DOWNLOAD_TIMEOUT_S = 30
DOWNLOAD_RETRIES = 2


class Unavailable(Exception):
    """The packages cannot be had here and now: no network, no mirror, or the mirror lacks the suite."""


def say(text: str) -> None:
    """One progress line, at once."""
    print(f"{Path(sys.argv[0]).name}: {text}", flush=True)


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def guarded(main: Callable[[], int]) -> int:
    """Run a program's main function; what the machine or the user does to it is told in a line, not in a traceback.

    SIGTERM is as Ctrl-C, and both are heeded in the background too, where a shell has Ctrl-C ignored.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return main()
    except KeyboardInterrupt:
        say("interrupted; call it again to go on")
        return EXIT_INTERRUPTED
    except (OSError, subprocess.CalledProcessError) as error:
        say(f"failed: {error}")
        return EXIT_FAILED


@contextlib.contextmanager
def only_one(name: str) -> Iterator[None]:
    """Hold a lock, so that two runs which start together download once."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f".{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is doing the same; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def heartbeat(what: str, folder: Path) -> Iterator[None]:
    """Print a line every few seconds while the body runs, with the size `folder` has grown to."""
    stop = threading.Event()
    started = time.monotonic()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_S):
            size_mb = sum(entry.stat().st_size for entry in _files(folder)) / 1e6
            say(f"{what}: {size_mb:.0f} MB after {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder in which another process is creating and renaming."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root, name)
            if path.is_file():
                yield path


def mirrors() -> list[str]:
    """Addresses of archives to ask, best first: the environment's, then those the system's apt uses."""
    chosen = os.environ.get(MIRROR_VARIABLE)
    if chosen:
        return [chosen]
    listed = _run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN)", "Created-By: Packages"])
    rows = [(line + " ").split(" ")[:3] for line in listed.splitlines() if line]
    if not rows:
        # Without package lists, as in a fresh container, apt still tells what it would fetch them from.
        listed = _run(["apt-get", "update", "--print-uris"])
        rows = [[*found.groups(), ""] for found in re.finditer(r"^'(\S+/)dists/(\S+)/InRelease'", listed, re.MULTILINE)]
    debian_first = sorted(rows, key=lambda row: (row[2] != "Debian", "/debian/" not in row[0]))
    return list(dict.fromkeys(row[0] for row in debian_first if "security" not in row[0] + row[1]))


def _run(command: list[str]) -> str:
    """Output of a command that needs no network."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=_plain_environment())
    if done.returncode:
        raise Unavailable(f"{' '.join(command[:2])}: {_last_lines(done.stderr)}")
    return done.stdout


def _plain_environment() -> dict[str, str]:
    """Messages in English, because they are shown to people who search for them."""
    return {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}


def _last_lines(text: str, count: int = 4) -> str:
    return "\n    ".join(line for line in text.strip().splitlines()[-count:])


class PrivateApt:
    """An apt of our own below build/apt/<name>/, for one architecture and some suites."""

    def __init__(self, name: str, architecture: str, suites: list[str]) -> None:
        self._dir = BUILD / "apt" / name
        self._architecture = architecture
        self._suites = suites
        self.mirror = ""

    def _command(self, *words: str) -> list[str]:
        here = self._dir
        options = {
            "Dir::Etc::sourcelist": here / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferences": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State": here,
            "Dir::State::lists": here / "lists",
            # Empty: what the system has installed says nothing about a tree that stands beside it.
            "Dir::State::status": here / "status",
            "Dir::Cache": here / "cache",
            "APT::Architecture": self._architecture,
            "APT::Architectures": self._architecture,
            # The last suite is the newest; only what it has is taken from there.
            "APT::Default-Release": self._suites[-1],
            "APT::Install-Recommends": "false",
            "APT::Get::AllowUnauthenticated": "false",
            "APT::Update::Error-Mode": "any",
            "Acquire::AllowInsecureRepositories": "false",
            "Acquire::Languages": "none",
            "Acquire::Retries": DOWNLOAD_RETRIES,
            "Acquire::http::Timeout": DOWNLOAD_TIMEOUT_S,
            "Acquire::https::Timeout": DOWNLOAD_TIMEOUT_S,
            # The download user of the system may not be able to enter the folder this tree is in.
            "APT::Sandbox::User": "root",
        }
        if words[0] == "apt-cache":
            return ["apt-cache", *_as_options(options), *words[1:]]
        return ["apt-get", "-q", *_as_options(options), *words[1:]]

    def update(self) -> None:
        """Fetch and verify the package lists, from the first mirror that has them."""
        if not KEYRING.exists():
            raise Unavailable(f"{KEYRING} is missing: install debian-archive-keyring")
        asked = mirrors()
        if not asked:
            raise Unavailable(f"apt has no package source; set {MIRROR_VARIABLE} to a Debian mirror")
        failures = []
        for mirror in asked:
            self._write_state(mirror)
            with heartbeat("package lists", self._dir / "lists"):
                done = self._call("apt-get", "update")
            if done.returncode == 0:
                self.mirror = mirror
                return
            failures.append(f"{mirror}: {_last_lines(done.stderr)}")
        wanted = " and ".join(self._suites)
        raise Unavailable(f"no mirror gave {wanted} for {self._architecture}:\n  " + "\n  ".join(failures))

    def _write_state(self, mirror: str) -> None:
        for folder in ("lists/partial", "cache/archives/partial", "nothing/partial"):
            (self._dir / folder).mkdir(parents=True, exist_ok=True)
        (self._dir / "status").write_text("")
        lines = [f"deb [signed-by={KEYRING}] {mirror} {suite} main\n" for suite in self._suites]
        (self._dir / "sources.list").write_text("".join(lines))

    def _call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(*words), capture_output=True, text=True, check=False, env=_plain_environment()
        )

    def version(self, package: str) -> str:
        """Version of the package that would be taken, or "" when there is none."""
        done = self._call("apt-cache", "policy", package)
        for line in done.stdout.splitlines():
            if line.strip().startswith("Candidate:"):
                version = line.split()[1]
                return "" if version == "(none)" else version
        return ""

    def names(self, pattern: str) -> list[str]:
        """Names of packages that match a regular expression."""
        done = self._call("apt-cache", "search", "--names-only", pattern)
        return [line.split()[0] for line in done.stdout.splitlines() if line]

    def dependencies(self, package: str) -> list[str]:
        """Names of what a package depends on directly."""
        done = self._call("apt-cache", "depends", "--no-recommends", package)
        return [line.split()[1] for line in done.stdout.splitlines() if line.strip().startswith("Depends:")]

    def download(self, package: str) -> Path:
        """Fetch one package into the cache and verify it.  Return: its path."""
        return self._fetch(["download", package], [package])[0]

    def download_with_dependencies(self, package: str) -> list[Path]:
        """Fetch a package and all it needs, down to the C library, and verify them.  Return: their paths."""
        return self._fetch(["install", "--yes", "--download-only", package], [package])

    def _fetch(self, words: list[str], packages: list[str]) -> list[Path]:
        # apt names only what it would still have to fetch; with an empty cache that is everything, also when an earlier
        # run was interrupted with some packages, or all, in the cache.
        empty = _as_options({"Dir::Cache::archives": self._dir / "nothing"})
        listed = self._call("apt-get", *empty, "--print-uris", "-qq", *words)
        names = [line.split()[1] for line in listed.stdout.splitlines() if line.startswith("'")]
        if listed.returncode or not names:
            raise Unavailable(f"{' '.join(packages)} cannot be resolved: {_last_lines(listed.stderr)}")
        archives = self._dir / "cache" / "archives"
        with heartbeat(f"download of {' '.join(packages)}", archives):
            done = subprocess.run(
                self._command("apt-get", *words),
                cwd=archives,
                capture_output=True,
                text=True,
                check=False,
                env=_plain_environment(),
            )
        if done.returncode:
            raise Unavailable(f"{' '.join(packages)} could not be downloaded: {_last_lines(done.stderr)}")
        return [archives / name for name in names]

    def forget_packages(self) -> None:
        """Remove the downloaded packages, which are not needed once they are unpacked."""
        shutil.rmtree(self._dir / "cache", ignore_errors=True)


def _as_options(options: dict[str, object]) -> list[str]:
    return [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def native_architecture() -> str:
    """Debian's name for the architecture of this machine, as in `amd64`."""
    return _run(["dpkg", "--print-architecture"]).strip()


def unpack(package: Path, target: Path) -> None:
    """Unpack the files of a package below `target`, running none of its scripts."""
    subprocess.run(["dpkg-deb", "-x", str(package), str(target)], check=True)


def replace_folder(fresh: Path, place: Path) -> None:
    """Put a complete folder where an old or no folder is; an interruption leaves either the old or the new one."""
    old = place.with_name(place.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    fresh.rename(place)
    shutil.rmtree(old, ignore_errors=True)
