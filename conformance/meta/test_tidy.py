# SPDX-License-Identifier: BSD-3-Clause
"""Each rule of ci/tidy.py goes red on a small bad tree, and stays green on a good one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci"))
import tidy  # noqa: E402  pylint: disable=wrong-import-position

SPDX = "SPDX-License-Identifier: BSD-3-Clause"
C = f"/* {SPDX} */\n"
# In pieces, or this file would break the rules that it is about.
WORKPLACE = "/".join(("", "work", "main"))
HOME = "/".join(("", "home", "me", "x"))
MIRROR = ".".join(("mirror", "example", "internal"))
PY = f"# {SPDX}\n"

# A tree that has one of everything, and nothing to complain about.
GOOD = {
    ".clang-format": (ROOT / ".clang-format").read_text(),
    "LICENSES/BSD-3-Clause.txt": "the text\n",
    "Makefile": f"# {SPDX}\n.PHONY: all\nall: one two ## build\none two:\n\ttrue\nx := 1\n",
    "README.md": f"<!-- {SPDX} -->\n```\nmake all   # builds\n$ make -j2 two V=1\nci/tool --quick\n./run it\n```\nmake nothing\n",
    "ci/tool": f"#!/bin/sh\n# {SPDX}\n",
    "run": f"#!/bin/sh\n# {SPDX}\n",
    "conformance/a.py": PY + "# TODO(HDR-001): see there\nWORDS = ('TODO', 'FIXME')\n",
    "fixtures/data.json": "{}\n",
    "fixtures/report/a/expected.txt": "TODO: as a program says it\n",
    "fixtures/kernel/mod.c": "/* SPDX-License-Identifier: GPL-2.0-only */\n",
    "sim/include/rps/vdev.h": C + "#include <rps/vring.h>\n",
    "sim/base/mem.c": C + "#include <rps/mem.h>\n\n#include <errno.h>\n",
    "sim/base/assert.c": C + "#include <stdio.h>\n",
    "sim/vring/vdev.c": C + '#include <rps/vdev.h>\n\n#include "../base/access.h"\n',
    "sim/rpmsg/node.c": C + "#include <rps/drv.h>\n#include <rps/dev.h>\n",
    "sim/world/world.c": C + "#include <stdlib.h>\n/* system() and strcpy() */\nconst char *text = \"rand()\";\n",
    "sim/xport/link_socket.c": C + "#include <sys/socket.h>\n",
    "sim/prog/rps-device.c": C + "#include <rps/world.h>\n",
    "sim/prog/script.c": C,
    "sim/test/test_assert.c": C,
    "sim/test/test_mem.c": C + "#include <stdlib.h>\nchar *at(void);\n",
    "sim/test/test_vdev.c": C + "#include <rps/vdrv.h>\n#include <rps/vdev.h>\n",
    "sim/test/test_node.c": C,
    "sim/test/test_world.c": C,
    "sim/test/test_link.c": C,
    "sim/test/test_services_script.c": C,
    "traces/tp.c": C + "#include <lttng/tracepoint.h>\n",
}  # fmt: skip


def plant(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files, and tell git of all but those it is to ignore."""
    subprocess.run(["git", "init", "-q", root], check=True)
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode() if isinstance(text, str) else text)
    subprocess.run(["git", "-C", root, "add", "-A"], check=True)
    return root


def findings(root: Path, *rules: str) -> list[str]:
    """What tidy says, without the cures."""
    found, _notes = tidy.check(root, list(rules))
    return [f"{finding.path}:{finding.line}: {finding.rule}" for finding in found]


def test_a_good_tree_has_no_findings(tmp_path: Path) -> None:
    """A check that cries wolf is switched off soon."""
    found, notes = tidy.check(plant(tmp_path, GOOD), [])

    assert [str(finding) for finding in found] == []
    assert [note for note in notes if not note.startswith(("symbols:", "format:"))] == []


BAD = {
    "no licence": ("conformance/b.py", "print(1)\n", "conformance/b.py:1: spdx"),
    "licence too late": ("ci/b", "#\n#\n#\n#\n" + PY, "ci/b:1: spdx"),
    "kernel code under ours": ("fixtures/kernel/b.c", C, "fixtures/kernel/b.c:1: spdx"),
    "our code under the kernel's": (
        "sim/base/mem.c", "/* SPDX-License-Identifier: GPL-2.0-only */\n", "sim/base/mem.c:1: spdx"),
    "base knows rings": ("sim/base/mem.c", C + "#include <rps/vring.h>\n", "sim/base/mem.c:2: layers"),
    "rings know messages": ("sim/vring/vdev.c", C + "#include <rps/rpmsg.h>\n", "sim/vring/vdev.c:2: layers"),
    "device knows driver": ("sim/vring/vdev.c", C + "#include <rps/vdrv.h>\n", "sim/vring/vdev.c:2: layers"),
    "device's header knows driver": (
        "sim/include/rps/vdev.h", C + "#include <rps/vdrv.h>\n", "sim/include/rps/vdev.h:2: layers"),
    "messages know the world": (
        "sim/rpmsg/node.c", C + '#include "../world/world_priv.h"\n', "sim/rpmsg/node.c:2: layers"),
    "messages know a transport": (
        "sim/rpmsg/node.c", C + "\n#include <rps/vhost_user.h>\n", "sim/rpmsg/node.c:3: layers"),
    "malloc in the core": ("sim/rpmsg/node.c", C + "#include <stdlib.h>\n", "sim/rpmsg/node.c:2: layers"),
    "a socket in the core": ("sim/vring/vdev.c", C + "#include <sys/socket.h>\n", "sim/vring/vdev.c:2: layers"),
    "LTTng in the core": ("sim/base/mem.c", C + "#include <lttng/tracepoint.h>\n", "sim/base/mem.c:2: lttng"),
    "no test": ("sim/vring/packed.c", C, "sim/vring/packed.c:1: twin"),
    "no test of a program's part": ("sim/prog/scripted.c", C, "sim/prog/scripted.c:1: twin"),
    "a clock": ("sim/world/world.c", C + "long t = time(NULL);\n", "sim/world/world.c:2: banned"),
    "chance": ("sim/world/world.c", C + "int i = rand ();\n", "sim/world/world.c:2: banned"),
    "the environment": ("sim/world/world.c", C + 'char *s = getenv("A");\n', "sim/world/world.c:2: banned"),
    "an unbounded copy in a program": ("sim/prog/script.c", C + "x = strcpy(a, b);\n", "sim/prog/script.c:2: banned"),
    "a shell": ("sim/test/test_mem.c", C + "\n\nint i = system(a);\n", "sim/test/test_mem.c:4: banned"),
    "something to do": ("conformance/b.py", PY + "x = 1  # FIXME later\n", "conformance/b.py:2: todo"),
    "something to do in C": ("sim/base/mem.c", C + "/* TODO: all of it */\n", "sim/base/mem.c:2: todo"),
    "a workplace": ("ci/b", PY + f"cd {WORKPLACE}\n", "ci/b:2: private"),
    "a home": ("ci/b", PY + f"cd {HOME}\n", "ci/b:2: private"),
    "a mirror": ("ci/b", PY + f"curl https://{MIRROR}/x\n", "ci/b:2: private"),
    "a large file": ("fixtures/b.bin", b"\0" * 1_000_001, "fixtures/b.bin:1: size"),
    "a folder at the top": ("docs/b.md", f"<!-- {SPDX} -->\n", "docs:0: folders"),
    "something built": ("build/b.json", "{}\n", "build:0: folders"),
    "a target that is gone": ("README.md", f"<!-- {SPDX} -->\n```\nmake three\n```\n", "README.md:3: commands"),
    "a program that is gone": ("README.md", f"<!-- {SPDX} -->\n```\n$ ci/gone\n```\n", "README.md:3: commands"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), BAD.values(), ids=BAD)
def test_a_bad_file_is_the_only_finding(
    tmp_path: Path, name: str, text: str | bytes, expected: str
) -> None:
    """A finding names file, line and rule, so that an editor can jump to it."""
    root = plant(tmp_path, {**GOOD, name: text})

    rules = [rule for rule in tidy.RULES if rule not in ("format", "symbols")]
    assert findings(root, *rules) == [expected]


@pytest.mark.skipif(not shutil.which("clang-format"), reason="needs the Debian package clang-format")
def test_unformatted_code_is_found_once_a_file(tmp_path: Path) -> None:
    """Whoever reads the finding runs `make format`; once is enough."""
    root = plant(tmp_path, {**GOOD, "sim/base/mem.c": C + "int  a;\nint  b;\n"})

    assert findings(root, "format") == ["sim/base/mem.c:2: format"]


def test_a_missing_formatter_is_said_and_not_taken_for_a_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not checked must not look checked."""
    root = plant(tmp_path, GOOD)
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    found, notes = tidy.check(root, ["format"])

    assert found == []
    assert len(notes) == 1 and "package clang-format" in notes[0]


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs the Debian package gcc")
def test_a_symbol_without_prefix_is_found(tmp_path: Path) -> None:
    """An IUT in the same process has names of its own."""
    root = plant(tmp_path, {**GOOD, "sim/base/mem.c": C + "void rps_a(void) {}\nvoid rpmsg_send(void) {}\n"})
    (root / "build").mkdir()
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", root / "build/librps.so", root / "sim/base/mem.c"], check=True)

    found, notes = tidy.check(root, ["symbols"])

    assert [f"{finding.path}: {finding.cure}" for finding in found if "rpmsg_send" in finding.cure] == [
        "build/librps.so: hide rpmsg_send, or call it rps_rpmsg_send"
    ]
    assert not [finding for finding in found if "rps_a" in finding.cure]
    assert len(notes) == 1 and "librps-sim.so is not built" in notes[0]


def test_a_mirror_this_machine_uses_is_private(tmp_path: Path) -> None:
    """A host name in the set-up of a machine is of no use anywhere else."""
    sources = tmp_path / "sources.list"
    sources.write_text("deb http://www.debian.org/debian x main\ndeb https://apt.example.net/debian x main\n")

    assert tidy.configured_hosts((str(sources),)) == {"apt.example.net"}


def test_the_program_says_what_it_found_and_fails(tmp_path: Path) -> None:
    """A CI job looks at the exit status, a person at the lines."""
    root = plant(tmp_path, {**GOOD, "docs/b.md": "text\n"})

    ran = subprocess.run(
        ["/usr/bin/python3", ROOT / "ci/tidy.py", "--root", root, "folders", "spdx"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip

    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        "docs:0: folders: the top level is fixed: put it below LICENSES, ci, conformance, fixtures, sim, traces",
        "docs/b.md:1: spdx: begin with SPDX-License-Identifier: BSD-3-Clause",
        "tidy: 2 rules checked, 0 not run, 2 findings",
    ]


def test_an_unknown_rule_is_wrong_usage(tmp_path: Path) -> None:
    """A rule that is spelled wrong must not pass as checked."""
    ran = subprocess.run(
        ["/usr/bin/python3", ROOT / "ci/tidy.py", "--root", plant(tmp_path, GOOD), "folder"],
        capture_output=True, check=False, text=True,
    )  # fmt: skip

    assert ran.returncode == 2
    assert "no rule folder" in ran.stderr
