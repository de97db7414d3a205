# SPDX-License-Identifier: BSD-3-Clause
"""What this machine can run, and what is missing by package name."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rpmsg_cts import targets
from rpmsg_cts.guest.qemu_lanes import QEMU_LANES
from rpmsg_cts.machine import machine_facts

# Groups of ci/packages.txt without which a kind of target cannot run.
SIM_GROUPS = ("build",)
GUEST_GROUPS = ("build", "guest")


@dataclass(frozen=True)
class Check:
    """One thing looked at; cure is empty when it is there."""

    what: str
    found: str
    cure: str = ""

    @property
    def good(self) -> bool:
        """Whether it is there."""
        return not self.cure


@dataclass(frozen=True)
class Diagnosis:
    """All checks, and for each target the cures it needs (none: it can run)."""

    checks: tuple[Check, ...]
    targets: dict[str, tuple[str, ...]]


def examine(root: Path) -> Diagnosis:
    """Look at the machine; changes nothing and starts nothing but dpkg-query."""
    packages = list(_packages(root / "ci" / "packages.txt"))
    library = _built(root / "build" / "librps-sim.so", "library", "run `make`")
    by_group = {group: check for group, check in packages}
    sim = [by_group[group] for group in SIM_GROUPS if group in by_group] + [library]
    guest = [by_group[group] for group in GUEST_GROUPS if group in by_group] + [library, _libvirt()]
    qemus = {name: _qemu(root / "build" / "qemu", lane.qemu) for name, lane in QEMU_LANES.items()}
    shipped = [_built(root / "build" / "guest" / "kernel-armhf" / "initramfs.cpio", "guest agent", "run `make conformance`"),
               _kernel(root / "build" / "kernel-armhf")]
    built = {name: _kernels(root / "build" / "kernels", row.lane) for name, row in targets.BUILT.items()}
    needs = {targets.SIM: sim, targets.LINUX_ARMHF: [*guest, *shipped, qemus["armhf"]],
             **{name: [*(sim if row.lane not in qemus else [*guest, qemus[row.lane]]), built[name]]
                for name, row in targets.BUILT.items()}}
    machine = machine_facts()
    checks = (Check("machine", f"{machine['os']}, {machine['architecture']}, Linux {machine['kernel']},"
                               f" {machine['cpus']} processors"),
              *by_group.values(), library, guest[-1], *shipped, *qemus.values(), *dict.fromkeys(built.values()))
    return Diagnosis(checks, {name: _cures(found) for name, found in needs.items()})


def _cures(checks: list[Check]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(check.cure for check in checks if not check.good))


def _packages(path: Path) -> Iterator[tuple[str, Check]]:
    groups: dict[str, list[str]] = {}
    group = ""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        line = line.partition("#")[0].strip()
        if line.startswith("["):
            group = line.strip("[] ")
        elif line:
            groups.setdefault(group, []).append(line)
    if not groups:
        return
    installed = _installed([name for names in groups.values() for name in names])
    for name, members in groups.items():
        what = f"packages to {name}" if name != "guest" else "packages for guests"
        if installed is None:
            yield name, Check(what, "no dpkg on this machine", f"install what corresponds to: {' '.join(members)}")
            continue
        missing = [package for package in members if package not in installed]
        if missing:
            yield name, Check(what, f"missing: {' '.join(missing)}",
                              f"apt-get install --no-install-recommends {' '.join(missing)}")
        else:
            yield name, Check(what, f"all {len(members)} installed")


def _installed(names: list[str]) -> set[str] | None:
    if not shutil.which("dpkg-query"):
        return None
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n", *names], capture_output=True,
                          text=True, check=False)
    return {line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith("installed ")}


def _built(path: Path, what: str, cure: str) -> Check:
    if path.exists():
        return Check(what, str(path))
    return Check(what, "not built", cure)


def _qemu(folder: Path, machine: str) -> Check:
    what, cure = f"QEMU for {machine}", f"run ci/fetch-qemu {machine}"
    facts = _facts(folder / f"qemu-system-{machine}")
    if not facts:
        return Check(what, "not looked for yet; 10.2 or newer is needed", cure)
    found = f"{facts.get('version', '?')}, {facts.get('origin', '?')}"
    if not facts.get("present") or not Path(str(facts.get("binary", ""))).exists():
        return Check(what, f"{found}; without {facts.get('device', 'the device')}", cure)
    return Check(what, f"{found}, has {facts.get('device')}")


def _kernel(folder: Path) -> Check:
    facts = _facts(folder)
    if not facts:
        return Check("guest kernel", "not fetched yet", "run `make conformance`, which fetches it")
    names = " ".join(str(module.get("name")) for module in facts.get("modules", []))
    return Check("guest kernel", f"{facts.get('release')} ({' '.join(map(str, facts.get('origin', {}).values()))});"
                                 f" modules: {names}")


def _kernels(folder: Path, lane: str) -> Check:
    releases = ["+".join([str(facts.get("release")), *str(facts.get("origin", {}).get("kernel_variants", "")).split()])
                for path in sorted(folder.glob("*")) if (facts := _facts(path)).get("lane") == lane]
    what = f"kernels for {lane}"
    if not releases:
        return Check(what, "none built yet", f"run `./rpmsg-cts kernel build debian:6.1 --lane {lane}`")
    return Check(what, ", ".join(releases))


def _libvirt() -> Check:
    if importlib.util.find_spec("libvirt") is None:
        return Check("libvirt", "its Python module is missing", "apt-get install --no-install-recommends python3-libvirt")
    import libvirt  # pylint: disable=import-outside-toplevel

    version = libvirt.getVersion()
    return Check("libvirt", f"{version // 1000000}.{version // 1000 % 1000}.{version % 1000}, without a daemon if none runs")


def _facts(folder: Path) -> dict[str, Any]:
    # A half-written or foreign file is the same as none: the fetch will make it anew.
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
