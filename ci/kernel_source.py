# SPDX-License-Identifier: BSD-3-Clause
"""Where a kernel's source comes from, as a user names it, and a folder with that source.

    debian:6.1        Debian's package linux-source-6.1; debian:newest is the one with the highest version.  Downloaded
                      once: what Debian has later is seen after `rpmsg-cts kernel clean --all`
    git:PATH@COMMIT   one commit of a repository on this machine
    tar:PATH          an archive, compressed or not
    dir:PATH          a folder; a repository is known by its commit and what differs from it
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import debs
from debs import BUILD, PrivateApt, Unavailable, say

# Suites with a linux-source package, in the order in which they are asked.
SUITES = ["bookworm", "trixie", "bookworm-backports", "trixie-backports"]
UNPACKED = BUILD / "kernel-source"


class BadSource(Exception):
    """A source that cannot be, or is not there; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """A kernel tree.  `identity` changes when any byte of the tree does."""

    spec: str
    path: Path
    identity: str

    @property
    def release(self) -> str:
        """As in 6.1.176, from the tree's own Makefile."""
        text = (self.path / "Makefile").read_text(encoding="utf-8", errors="replace")
        parts = [_assigned(text, name) for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL")]
        return ".".join(part or "0" for part in parts) + _assigned(text, "EXTRAVERSION")


def _assigned(makefile: str, name: str) -> str:
    found = re.search(rf"^{name} *= *(\S*)$", makefile, re.MULTILINE)
    return found[1] if found else ""


def find(spec: str) -> Source:
    """Bring a source onto this machine.

    Raises BadSource for a name that means nothing, Unavailable where it cannot be downloaded.
    """
    kind, colon, rest = spec.partition(":")
    if not colon or kind not in _KINDS or not rest:
        raise BadSource(f"{spec!r} is no kernel source; write one of {', '.join(f'{k}:…' for k in _KINDS)}")
    source = _KINDS[kind](spec, rest)
    if not (source.path / "Kbuild").is_file() or not (source.path / "drivers" / "rpmsg").is_dir():
        raise BadSource(f"{source.path} is no Linux source tree: it has no Kbuild or no drivers/rpmsg")
    return source


def _debian(spec: str, version: str) -> Source:
    if not re.fullmatch(r"newest|\d+(\.\d+)*", version):
        raise BadSource(f"{spec}: write debian:newest, or a version as in debian:6.1")
    record = UNPACKED / f"debian-{version}.json"
    if (known := _read(record)) and (UNPACKED / known["folder"]).is_dir():
        return Source(spec, UNPACKED / known["folder"], known["identity"])
    suite, package = _debian_package(version)
    apt = PrivateApt(f"source-{suite}", debs.native_architecture(), [suite])
    apt.update()
    package_version = apt.version(package)
    name = f"{package}_{package_version}".replace(":", "_").replace("~", "-")
    place = UNPACKED / name
    if not place.is_dir():
        say(f"fetching {package} {package_version} of {suite} (about 140 MB)")
        deb = apt.download(package)
        _unpack_deb(deb, place)
        apt.forget_packages()
    identity = f"{package} {package_version}"
    record.write_text(json.dumps({"folder": place.name, "identity": identity}) + "\n", encoding="utf-8")
    return Source(spec, place, identity)


def _read(record: Path) -> dict[str, str]:
    try:
        return dict(json.loads(record.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _debian_package(version: str) -> tuple[str, str]:
    """The first suite that has the package, or the suite with the newest."""
    found: list[tuple[tuple[int, ...], str, str]] = []
    failures: list[str] = []
    for suite in SUITES:
        try:
            apt = PrivateApt(f"source-{suite}", debs.native_architecture(), [suite])
            apt.update()
            names = apt.names("^linux-source-[0-9.]+$")
        except Unavailable as error:
            failures.append(str(error))
            continue
        found += [(tuple(map(int, name.rsplit("-", 1)[1].split("."))), suite, name) for name in names]
        if version != "newest" and f"linux-source-{version}" in names:
            return suite, f"linux-source-{version}"
    if not found:
        raise Unavailable("\n".join(failures) or "no suite has a linux-source package")
    if version == "newest":
        _, suite, name = max(found)
        return suite, name
    there = sorted({key for key, _, _ in found})
    raise BadSource(f"Debian has no linux-source-{version}; there are "
                    f"{', '.join('.'.join(map(str, key)) for key in there)} and newest")


def _unpack_deb(deb: Path, place: Path) -> None:
    fresh = place.with_name(place.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    debs.unpack(deb, fresh / "deb")
    (archive,) = (fresh / "deb" / "usr" / "src").glob("linux-source-*.tar.*")
    with debs.heartbeat(f"unpacking {archive.name}", fresh):
        subprocess.run(["tar", "-xf", str(archive), "-C", str(fresh), "--strip-components=1"], check=True)
    shutil.rmtree(fresh / "deb")
    debs.replace_folder(fresh, place)


def _git(spec: str, rest: str) -> Source:
    folder, at, revision = rest.rpartition("@")
    if not at:
        raise BadSource(f"{spec}: say which commit: git:PATH@COMMIT")
    commit = _git_says(Path(folder), "rev-parse", "--verify", f"{revision}^{{commit}}")
    place = UNPACKED / f"git-{commit[:16]}"
    if not place.is_dir():
        fresh = place.with_name(place.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        say(f"taking {revision} ({commit[:12]}) out of {folder}")
        with subprocess.Popen(["git", "-C", folder, "archive", commit], stdout=subprocess.PIPE) as archive:
            subprocess.run(["tar", "-x", "-C", str(fresh)], stdin=archive.stdout, check=True)
        if archive.returncode:
            raise BadSource(f"{spec}: git archive failed")
        debs.replace_folder(fresh, place)
    return Source(spec, place, f"git {commit}")


def _git_says(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BadSource(f"git {words[0]} in {folder}: {done.stderr.strip().splitlines()[-1] if done.stderr else '?'}")
    return done.stdout.strip()


def _tar(spec: str, rest: str) -> Source:
    archive = Path(rest).resolve()
    if not archive.is_file():
        raise BadSource(f"{spec}: there is no file {archive}")
    digest = debs.sha256_of(archive)
    place = UNPACKED / f"tar-{digest[:16]}"
    if not place.is_dir():
        fresh = place.with_name(place.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        with debs.heartbeat(f"unpacking {archive.name}", fresh):
            # It lets no name lead out of the folder; Python's own does since a later version than Debian 12's.
            done = subprocess.run(["tar", "-xf", str(archive), "-C", str(fresh), "--no-same-owner"],
                                  capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(fresh)
            raise BadSource(f"{spec}: {done.stderr.strip().splitlines()[0]}")
        inside = list(fresh.iterdir())
        debs.replace_folder(inside[0] if len(inside) == 1 and inside[0].is_dir() else fresh, place)
        shutil.rmtree(fresh, ignore_errors=True)
    return Source(spec, place, f"tar {digest}")


def _dir(spec: str, rest: str) -> Source:
    folder = Path(rest).resolve()
    if not folder.is_dir():
        raise BadSource(f"{spec}: there is no folder {folder}")
    if (folder / ".git").exists():
        commit = _git_says(folder, "rev-parse", "HEAD")
        changes = subprocess.run(["git", "-C", str(folder), "diff", "HEAD"], capture_output=True, check=True).stdout
        new = _git_says(folder, "ls-files", "--others", "--exclude-standard").splitlines()
        digest = _digest_of(folder, sorted(new), changes)
        return Source(spec, folder, f"git {commit} with {digest}")
    names = sorted(str(path.relative_to(folder)) for path in _files(folder))
    return Source(spec, folder, f"dir {_digest_of(folder, names)}")


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(root, name) for name in names]
    return found


def _digest_of(folder: Path, names: list[str], first: bytes = b"") -> str:
    total = hashlib.sha256(first)
    for name in names:
        path = folder / name
        total.update(name.encode("utf-8", "surrogateescape") + b"\0")
        total.update(os.readlink(path).encode() if path.is_symlink() else path.read_bytes())
    return total.hexdigest()


_KINDS: dict[str, Callable[[str, str], Source]] = {"debian": _debian, "git": _git, "tar": _tar, "dir": _dir}
