# SPDX-License-Identifier: BSD-3-Clause
"""Kernels from any source: names that mean something, errors that say what to do, nothing built twice.

A real kernel takes minutes; here a make file stands in for the tree's own, so that what is tested is our program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci"))
import kernel_lane  # noqa: E402  pylint: disable=wrong-import-position
import kernel_modules  # noqa: E402  pylint: disable=wrong-import-position
import own_modules  # noqa: E402  pylint: disable=wrong-import-position

from rpmsg_cts.guest.image import kernel_image  # noqa: E402  pylint: disable=wrong-import-position

# What the program needs of a tree: its version, some targets of make, and the folders that it looks for.
MAKEFILE = """\
VERSION = 6
PATCHLEVEL = 99
SUBLEVEL = 1
EXTRAVERSION =
tinyconfig:
\t@echo "# CONFIG_MODULES is not set" > $(O)/.config
olddefconfig:
\t@{olddefconfig}
linux:
\t@echo "  CC      init/main.o"
\t@{build}
\t@echo kernel > $(O)/linux
modules_prepare:
\t@echo prepared >> $(CURDIR)/../times
ifdef M
modules:
\t@echo own >> $(CURDIR)/../times
\t@grep -q rpmsg_send $(O)/Module.symvers
\t@for name in $$(sed -n 's/^obj-m := //p' $(M)/Kbuild); do \\
\t\t$(CC) -x c -c /dev/null -o $(M)/$${{name%.o}}.ko; printf '\\0depends=rpmsg_core\\0' >> $(M)/$${{name%.o}}.ko; done
else
modules:
\t@mkdir -p $(O)/include/config && echo 6.99.1 > $(O)/include/config/kernel.release
\t@echo 'int __ksymtab_rpmsg_send;' | $(CC) -x c -c - -o $(O)/rpmsg_core.ko; printf '\\0depends=\\0' >> $(O)/rpmsg_core.ko
\t@for name in rpmsg_ns rpmsg_char rpmsg_ctrl virtio_rpmsg_bus; do \\
\t\t$(CC) -x c -c /dev/null -o $(O)/$$name.ko; printf '\\0depends=rpmsg_core\\0' >> $(O)/$$name.ko; done
endif
"""
# Modules of ours that every kernel can have.
OWN = [("rpmsg_cts_client", ["rpmsg_core"])]


def tree(folder: Path, olddefconfig: str = "true", build: str = "echo built >> $(CURDIR)/../times") -> Path:
    """A folder that looks like a kernel's."""
    (folder / "drivers" / "rpmsg").mkdir(parents=True)
    (folder / "Kbuild").touch()
    (folder / "Makefile").write_text(MAKEFILE.format(olddefconfig=olddefconfig, build=build), encoding="ascii")
    return folder


TOOLS = ("flex", "bison", "bc")


def build_kernel(build: Path, *words: str, program: Iterable[str] = (str(ROOT / "ci" / "build-kernel"),),
                 without: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program with a build folder and a PATH of its own."""
    return subprocess.run([*program, *words], capture_output=True, text=True, check=False, timeout=60,
                          env=environment(build, without))


def environment(build: Path, without: str = "") -> dict[str, str]:
    """The make file of tree() calls none of TOOLS, so it does not matter whether they are installed."""
    bin_folder = build.with_name(f"{build.name}.bin")
    if not bin_folder.exists():
        bin_folder.mkdir()
        for path in Path("/usr/bin").iterdir():
            if path.name not in (*TOOLS, without) and not re.search("-linux-gnu.*-gcc", path.name):
                (bin_folder / path.name).symlink_to(path)
        for name in {*TOOLS} - {without}:
            (bin_folder / name).symlink_to(shutil.which("true"))
    return {**os.environ, "RPMSG_CTS_BUILD": str(build), "PATH": str(bin_folder)}


def test_a_kernel_is_built_once(tmp_path: Path) -> None:
    """The second call only says where it is; a changed tree is another kernel."""
    source = tree(tmp_path / "linux")
    first = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml")
    second = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml")
    (source / "drivers" / "rpmsg" / "changed.c").write_text("int x;\n", encoding="ascii")
    third = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml")

    assert (first.returncode, second.returncode, third.returncode) == (0, 0, 0), first.stdout + first.stderr
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1] != third.stdout.splitlines()[-1]
    assert (tmp_path / "times").read_text(encoding="ascii") == "built\nown\n" * 2
    facts = json.loads(Path(first.stdout.splitlines()[-1]).read_text(encoding="utf-8"))
    assert (facts["release"], facts["lane"]) == ("6.99.1", "uml")
    assert [(module["name"], module["needs"]) for module in facts["modules"]] == [
        ("rpmsg_core", []), *((name, ["rpmsg_core"]) for name in ("rpmsg_char", "rpmsg_ctrl", "rpmsg_ns",
                                                                  "virtio_rpmsg_bus")), *OWN]
    listed = build_kernel(tmp_path / "b", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["linux-uml:6.99.1"] * 2


def test_modules_of_ours_are_built_anew_without_the_kernel(tmp_path: Path) -> None:
    """A kernel takes minutes and a module seconds; what it is compiled with may have been thrown away."""
    source, build = tree(tmp_path / "linux"), tmp_path / "b"
    words = ["build", f"dir:{source}", "--lane", "uml"]
    path = Path(build_kernel(build, *words).stdout.splitlines()[-1])
    first, born = path.read_text(encoding="utf-8"), path.stat().st_mtime_ns
    facts = json.loads(first)
    (path.parent / facts["modules"][-1]["file"]).unlink()
    facts["modules"][-1] |= {"own": "of another source", "sha256": "another"}
    path.write_text(json.dumps(facts), encoding="utf-8")
    os.utime(path, ns=(born, born))
    again = build_kernel(build, *words)
    second = path.read_text(encoding="utf-8")
    shutil.rmtree(build / "kernel-objects")
    facts["modules"].pop()
    path.write_text(json.dumps(facts), encoding="utf-8")
    once_more = build_kernel(build, *words)

    assert (again.returncode, once_more.returncode) == (0, 0), again.stdout + once_more.stdout
    assert first == second == path.read_text(encoding="utf-8")
    assert (tmp_path / "times").read_text(encoding="ascii").split() == ["built", "own", "own", "prepared", "own"]
    assert (path.parent / "modules" / "rpmsg_cts_client.ko").exists()


def test_a_module_of_ours_that_does_not_build_says_its_first_error(tmp_path: Path) -> None:
    """The kernel without it can be judged all the same."""
    source = tree(tmp_path / "linux")
    text = (source / "Makefile").read_text(encoding="ascii")
    (source / "Makefile").write_text(text.replace("@echo own", "@echo rpmsg_cts_client.c:1: error: of all things; exit 2; #"),
                                     encoding="ascii")

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml")

    assert done.returncode == 1
    assert "rpmsg_cts_client.c:1: error: of all things" in done.stdout and "client.log" in done.stdout
    assert len(list((tmp_path / "b").glob("kernels/*/facts.json"))) == 1


@pytest.mark.parametrize(("config", "count"), [("CONFIG_A=y\nCONFIG_B=m\n", 2), ("CONFIG_A=y\n# CONFIG_B is not set\n", 1)])
def test_a_kernel_without_what_a_module_of_ours_needs_has_none(tmp_path: Path, config: str, count: int,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    """It would not compile there, or not load."""
    monkeypatch.setattr(own_modules, "PLACE", tmp_path)
    for name, head in (("all", ""), ("some", "# needs: CONFIG_A CONFIG_B\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Kbuild").write_text(f"{head}obj-m := {name}.o\n", encoding="ascii")

    found = own_modules.folders(config)

    assert [folder.name for folder in found] == ["all", "some"][:count]
    assert len({own_modules.digest(folder) for folder in found}) == count


def test_it_is_the_same_program_by_its_other_name(tmp_path: Path) -> None:
    """What was built for a lane can be judged at once: its file system is there too."""
    source = tree(tmp_path / "linux")

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml",
                        program=(str(ROOT / "rpmsg-cts"), "kernel"))

    assert done.returncode == 0, done.stdout + done.stderr
    place = Path(done.stdout.splitlines()[-1]).parent
    image = kernel_image("linux-uml:6.99", tmp_path / "b")
    assert (image.kernel, image.initramfs) == (place / "linux", tmp_path / "b" / "guest" / place.name / "initramfs.cpio")
    assert build_kernel(tmp_path / "b", "clean").returncode == 0
    assert not image.kernel.exists() and not image.initramfs.exists()


def initramfs(build: Path, kernel: Path) -> subprocess.CompletedProcess[str]:
    """Run ci/build-initramfs with a build folder of its own."""
    return subprocess.run([str(ROOT / "ci" / "build-initramfs"), str(kernel)], capture_output=True, text=True, check=False,
                          timeout=60, env={**os.environ, "RPMSG_CTS_BUILD": str(build)})


def test_a_guest_s_file_system_is_replaced_whole_with_its_stamp(tmp_path: Path) -> None:
    """Who reads meanwhile, or after somebody was interrupted, finds all of the old one or all of the new one."""
    kernel, place = tmp_path / "kernel", tmp_path / "b" / "guest" / "kernel"
    kernel.mkdir()
    (kernel / "facts.json").write_text('{"lane": "uml", "modules": []}', encoding="ascii")
    assert initramfs(tmp_path / "b", kernel).returncode == 0
    old = {name: (place / name).read_bytes() for name in ("stamp.json", "initramfs.cpio")}
    for name in old:
        os.link(place / name, tmp_path / name)  # what is written in place is seen through this name too
    (kernel / "facts.json").write_text('{"modules": [], "lane": "uml"}', encoding="ascii")

    assert "is ready" in initramfs(tmp_path / "b", kernel).stdout

    assert {name: (tmp_path / name).read_bytes() for name in old} == old
    assert (place / "stamp.json").read_bytes() != old["stamp.json"]
    assert sorted(path.name for path in place.iterdir()) == ["agent", "initramfs.cpio", "stamp.json"]
    assert initramfs(tmp_path / "b", kernel).stdout == ""


def test_a_stamp_that_is_half_written_counts_for_nothing(tmp_path: Path) -> None:
    kernel, place = tmp_path / "kernel", tmp_path / "b" / "guest" / "kernel"
    kernel.mkdir()
    (kernel / "facts.json").write_text('{"lane": "uml", "modules": []}', encoding="ascii")
    assert initramfs(tmp_path / "b", kernel).returncode == 0
    (place / "stamp.json").write_text('{"/', encoding="ascii")

    assert "is ready" in initramfs(tmp_path / "b", kernel).stdout


def test_a_tree_that_does_not_build_says_its_first_error(tmp_path: Path) -> None:
    """With the place of the whole log, and nothing left that looks like a kernel."""
    source = tree(tmp_path / "linux", build='echo "init/main.c:7:1: error: no such thing"; exit 2')

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml")

    assert done.returncode == 1
    assert "init/main.c:7:1: error: no such thing" in done.stdout
    assert "build.log" in done.stdout
    assert not list((tmp_path / "b").glob("kernels/*"))


def test_debian_s_source_is_asked_for_once(tmp_path: Path) -> None:
    """With the source there, or the kernel built from it, no network is needed; here apt could not be reached."""
    unpacked = tmp_path / "b" / "kernel-source"
    tree(unpacked / "linux-source-6.99_6.99.1-1")
    record = {"folder": "linux-source-6.99_6.99.1-1", "identity": "linux-source-6.99 6.99.1-1"}
    (unpacked / "debian-6.99.json").write_text(json.dumps(record), encoding="utf-8")

    done = build_kernel(tmp_path / "b", "build", "debian:6.99", "--lane", "uml", without="apt-get")

    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(Path(done.stdout.splitlines()[-1]).read_text(encoding="utf-8"))
    assert facts["origin"]["kernel_source"] == "linux-source-6.99 6.99.1-1"


def test_a_commit_and_an_archive_are_sources_too(tmp_path: Path) -> None:
    """What is built is what was named, whatever the work tree has become since."""
    source = tree(tmp_path / "linux")
    (source / "drivers" / "rpmsg" / "Kconfig").touch()  # git keeps no empty folder
    git = ["git", "-C", str(source), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"], ["tag", "v6.99.1"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run(["tar", "-caf", str(tmp_path / "linux.tar.gz"), "-C", str(tmp_path), "--exclude=.git", "linux"], check=True)
    (source / "Makefile").write_text("$(error changed)\n", encoding="ascii")

    done = build_kernel(tmp_path / "b", "build", f"git:{source}@v6.99.1", f"tar:{tmp_path / 'linux.tar.gz'}", "--lane", "uml")
    nowhere = build_kernel(tmp_path / "b", "build", f"git:{source}@v7", "--lane", "uml")

    assert done.returncode == 0, done.stdout + done.stderr
    kinds = [json.loads(Path(line).read_text(encoding="utf-8"))["origin"]["kernel_source"].split()[0]
             for line in done.stdout.splitlines()[-2:]]
    assert kinds == ["git", "tar"]
    assert nowhere.returncode == 2 and "git rev-parse in" in nowhere.stdout


def test_one_that_does_not_build_does_not_keep_the_others_from_it(tmp_path: Path) -> None:
    """The status tells of the worst, the output of what is ready."""
    broken = tree(tmp_path / "broken", build='echo "init/main.c:7:1: error: no such thing"; exit 2')
    good = tree(tmp_path / "good")

    done = build_kernel(tmp_path / "b", "build", f"dir:{broken}", "dir:/nowhere", f"dir:{good}", "--lane", "uml")

    assert done.returncode == 2
    assert "error: no such thing" in done.stdout and "there is no folder /nowhere" in done.stdout
    assert json.loads(Path(done.stdout.splitlines()[-1]).read_text(encoding="utf-8"))["release"] == "6.99.1"


@pytest.mark.parametrize("machine", [name for name, lane in kernel_lane.LANES.items() if lane.cross])
def test_a_missing_cross_compiler_skips_its_lane_alone(tmp_path: Path, machine: str) -> None:
    """It names the package, and the status differs from that of a tree that does not build."""
    source = tree(tmp_path / "linux")

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", machine, "--lane", "uml")
    lane = kernel_lane.LANES[machine]

    assert done.returncode == 4
    assert f"SKIP: {lane.cross}gcc is missing; install {lane.package}\n" in done.stdout
    assert len(list((tmp_path / "b" / "kernels").iterdir())) == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_a_missing_tool_is_named_before_anything_is_done(tmp_path: Path, tool: str) -> None:
    """The kernel's own words would be those of a shell, far down in a log."""
    source = tree(tmp_path / "linux")

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml", without=tool)

    assert done.returncode == 4
    assert f"install {tool}\n" in done.stdout
    assert not (tmp_path / "times").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_build_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    """make has children that do not hear of it; the next call goes on where this one was."""
    source = tree(tmp_path / "linux", build=f"echo $$$$ > {tmp_path}/pid; exec sleep 600")
    words = [str(ROOT / "ci" / "build-kernel"), "build", f"dir:{source}", "--lane", "uml"]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment(tmp_path / "b"))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text(encoding="ascii").strip():
        assert program.poll() is None
    pid = int((tmp_path / "pid").read_text(encoding="ascii"))

    program.send_signal(number)

    out, _ = program.communicate(timeout=30)
    assert program.returncode == 130 and "interrupted; call it again to go on" in out
    assert not Path(f"/proc/{pid}").exists() or "(zombie)" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")


def test_a_tree_without_rpmsg_is_refused(tmp_path: Path) -> None:
    """Before anything is compiled."""
    source = tree(tmp_path / "linux", olddefconfig="sed -i /RPMSG_VIRTIO/d $(O)/.config")

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml")

    assert done.returncode == 1
    assert "cannot be configured with CONFIG_RPMSG_VIRTIO=m (is n)" in done.stdout
    assert not (tmp_path / "times").exists()


def test_a_variant_that_a_lane_does_not_have_is_refused(tmp_path: Path) -> None:
    """A kernel without its sanitizer would be green for nothing; the message says which, and what to do."""
    source = tree(tmp_path / "linux", olddefconfig="sed -i /DEBUG_ATOMIC_SLEEP/d $(O)/.config")

    done = build_kernel(tmp_path / "b", "build", f"dir:{source}", "--lane", "uml", "--with", "kasan", "--with", "atomic_sleep")

    assert done.returncode == 1
    assert ("there is no atomic_sleep for uml in this tree: CONFIG_DEBUG_ATOMIC_SLEEP=y (is n); leave out --with "
            "atomic_sleep, or what it does not go together with") in done.stdout
    assert not (tmp_path / "times").exists()


def test_a_lane_may_need_more_for_a_variant() -> None:
    """Which is no variant by itself."""
    uml, other = kernel_lane.LANES["uml"], kernel_lane.LANES["x86_64"]

    assert kernel_lane.of_variant("kmemleak", uml) == ("kmemleak", "kmemleak-uml")
    assert kernel_lane.of_variant("kmemleak", other) == ("kmemleak",)
    assert "CONFIG_FRAME_POINTER" in kernel_lane.wanted(kernel_lane.fragments(uml, ("kmemleak",)))
    assert "kmemleak" in kernel_lane.variants() and "kmemleak-uml" not in kernel_lane.variants()


def test_single_files_are_watched_where_the_rest_is_not() -> None:
    """Nothing else is told to make."""
    words = kernel_lane.make_words(kernel_lane.wanted(("kcsan",)))

    assert "KCSAN_SANITIZE=n" in words and "KCSAN_SANITIZE_virtio_rpmsg_bus.o=y" in words
    assert kernel_lane.make_words(kernel_lane.wanted(("ubsan",))) == [
        f"UBSAN_SANITIZE_{name}.o=y" for name in kernel_lane.COUNTED]
    assert not kernel_lane.make_words(kernel_lane.wanted(("kasan", "lockdep")))


BAD = {
    "no kind": (["build", "6.1", "--lane", "uml"], 2, "is no kernel source"),
    "no version": (["build", "debian:trixie", "--lane", "uml"], 2, "a version as in debian:6.1"),
    "no such folder": (["build", "dir:/nowhere/at/all", "--lane", "uml"], 2, "there is no folder"),
    "no such archive": (["build", "tar:/nowhere.tar", "--lane", "uml"], 2, "there is no file"),
    "not an archive": (["build", f"tar:{__file__}", "--lane", "uml"], 2, "tar: This does not look like a tar archive"),
    "git without commit": (["build", "git:/tmp", "--lane", "uml"], 2, "say which commit"),
    "not a tree": (["build", "dir:/tmp", "--lane", "uml"], 2, "is no Linux source tree"),
    "no such lane": (["build", "dir:/tmp", "--lane", "vax"], 2, "invalid choice: 'vax'"),
    "no such variant": (["build", "dir:/tmp", "--lane", "uml", "--with", "nothing"], 2, "there is no variant 'nothing'"),
}


@pytest.mark.parametrize("words,status,says", BAD.values(), ids=list(BAD))
def test_bad_input_is_told_in_a_line(tmp_path: Path, words: list[str], status: int, says: str) -> None:
    """What is wrong, and what there is instead."""
    (tmp_path / "empty").mkdir()
    words = [word.replace("dir:/tmp", f"dir:{tmp_path / 'empty'}") for word in words]

    done = build_kernel(tmp_path / "b", *words)

    assert done.returncode == status
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_every_lane_has_its_fragments() -> None:
    """And each wishes for the drivers that are judged."""
    for lane in kernel_lane.LANES.values():
        if all((kernel_lane.FRAGMENTS / f"{name}.config").exists() for name in lane.fragments):
            assert set(kernel_lane.ESSENTIAL) <= set(kernel_lane.wanted(lane.fragments))


@pytest.mark.parametrize("machine", list(kernel_lane.LANES))
def test_every_kernel_can_be_told_to_crash(machine: str) -> None:
    """The agent's request for it does nothing on one that cannot."""
    assert kernel_lane.wanted(kernel_lane.fragments(kernel_lane.LANES[machine], ()))["CONFIG_MAGIC_SYSRQ"] == "y"


def test_a_fragment_may_stand_for_another_one_too() -> None:
    """Lines that are run where memory is wanting can be counted only where it can be made to."""
    assert kernel_lane.wanted(("fault",)).items() <= kernel_lane.wanted(("gcov",)).items()


def test_what_was_wished_for_in_vain_is_named() -> None:
    """A kernel without its sanitizer would be green for nothing."""
    wishes = {"CONFIG_A": "y", "CONFIG_B": "m", "CONFIG_C": "n", "CONFIG_D": "n", "CONFIG_E": '"x"'}

    assert kernel_lane.lost(wishes, 'CONFIG_A=m\nCONFIG_D=y\nCONFIG_E="x"\n') == [
        "CONFIG_A=y (is m)", "CONFIG_B=m (is n)", "CONFIG_D=n (is y)"]


def test_modules_come_after_what_they_need() -> None:
    """And what is missing is named at once."""
    needs = {"a": ["b", "c"], "b": ["c"], "c": []}

    assert kernel_modules.in_load_order(["a"], needs, needs.__getitem__) == ["c", "b", "a"]
    assert kernel_modules.in_load_order(["a"], needs, needs.__getitem__, built_in=["b"]) == ["c", "a"]
    with pytest.raises(kernel_modules.Incomplete, match="no module x, y"):
        kernel_modules.in_load_order(["y", "x", "a"], needs, needs.__getitem__)
