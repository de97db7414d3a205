# SPDX-License-Identifier: BSD-3-Clause
"""The kill matrix (rpmsg_cts.matrix) in words and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rpmsg_cts.matrix import FaultDuty, Matrix, Row
from rpmsg_cts.mutants import ANYTHING
from rpmsg_cts.targets import ROLES

VERSION = 1
NAME_WIDTH = 30


def to_json(matrix: Matrix, commit: str) -> str:
    """The matrix for machines: an object with sorted keys."""
    killers = matrix.killers
    faults, swarms = matrix.fault_proofs, matrix.swarm_proofs
    return json.dumps({
        "version": VERSION,
        "commit": commit,
        "tests": len(matrix.cases),
        "errors": matrix.errors,
        "mutants": {name: _row_json(row) for name, row in matrix.rows.items()},
        "requirements": {id_: {
            "roles": {role: killers[id_, role] for role in ROLES if (id_, role) in killers},
            "excused": matrix.excused.get(id_),
        } for id_ in dict.fromkeys(id_ for id_, _ in killers)},
        "faults": _by_name(faults),
        "swarms": _by_name(swarms),
        "borne": _by_name(matrix.borne),
    }, indent=1, sort_keys=True) + "\n"


def _by_name(found: Mapping[FaultDuty, object]) -> dict[str, dict[str, object]]:
    return {name: {role: found[name, role] for role in ROLES if (name, role) in found}
            for name in dict.fromkeys(name for name, _ in found)}


def _row_json(row: Row) -> dict[str, Any]:
    red: dict[str, dict[str, int]] = {}
    for (id_, role), number in sorted(row.red.items()):
        red.setdefault(id_, {})[role] = number
    return {"requirement": row.mutant.requirement, "what": row.mutant.what, "fate": row.fate,
            "killed_as": row.killed_as, "tests": len(row.outcomes), "red": red, "unrelated": row.unrelated,
            "stale": row.stale, "deaths": row.deaths}


def to_text(matrix: Matrix, commit: str) -> str:
    """The matrix for readers: a line per mutant, what is wrong, and the score last."""
    lines = [f"# kill matrix, commit {commit}: {len(matrix.cases)} tests on sim",
             f"# {'mutant':{NAME_WIDTH - 2}} requirement, found as, and all that went red (requirement:results)"]
    lines += [_row_text(row) for row in matrix.rows.values()]
    if matrix.complete:
        lines += ["", f"# {'fault':{NAME_WIDTH - 2}} role, and the mutants for its requirements that its tests find"]
        lines += [_proof_text(duty, names) for duty, names in matrix.fault_proofs.items()]
        lines += ["", f"# {'swarms of':{NAME_WIDTH - 2}} role, and how many mutants they find"]
        lines += [_proof_text(duty, [str(len(names))]) for duty, names in matrix.swarm_proofs.items()]
    lines += ["", *_complaints(matrix)]
    lines.append(f"{len(matrix.rows) - len(matrix.survivors)} of {len(matrix.rows)} mutants killed")
    if matrix.complete:
        lines[-1] += (f"; {len(matrix.killers) - len(matrix.uncovered)} of {len(matrix.killers)} duties (requirements as"
                      " one role has to meet them) are covered")
        unproven = len(matrix.unproven) + len(matrix.borne)
        duties = len(matrix.fault_proofs) + len(matrix.swarm_proofs)
        lines.append(f"{duties - unproven} of {duties} faults and swarms, as one role has to bear them, are shown to be"
                     f" found where they are not borne; {len(matrix.borne)} cannot be")
    return "\n".join(lines) + "\n"


def _row_text(row: Row) -> str:
    red: Counter[str] = Counter()
    for (id_, _), number in row.red.items():
        red[id_] += number
    found = f"{row.mutant.requirement}  {'+'.join(row.killed_as) or row.fate.upper():13}"
    # Where nothing works, who sees it says nothing.
    shown = [f"{len(red)} requirements"] if ANYTHING in row.mutant.also else [f"{id_}:{red[id_]}" for id_ in sorted(red)]
    return f"{row.mutant.name:{NAME_WIDTH}} {found}  {' '.join(shown)}".rstrip()


def _proof_text(duty: FaultDuty, found: Sequence[str]) -> str:
    name, role = duty
    return f"{name:{NAME_WIDTH}} {role:8} {' '.join(found)}".rstrip()


def _complaints(matrix: Matrix) -> list[str]:
    lines = [f"ERROR: {error}" for error in matrix.errors]
    for row in matrix.survivors:
        lines.append(f"{row.fate}: {row.mutant.name}: {row.mutant.requirement} does not find that {row.mutant.what}")
    for row in matrix.rows.values():
        lines += [f"died: {row.mutant.name}: {death}" for death in row.deaths]
    for row in matrix.misleading:
        lines.append(f"related tests are not as the table says: {row.corrected.row}")
    for role in ROLES:
        missing = [id_ for id_, whose in matrix.uncovered if whose == role]
        if missing and matrix.complete:
            lines.append(f"no mutant shows that their tests can fail, as {role}: {' '.join(missing)}")
    if matrix.complete:
        lines += [f"no mutant for its requirements shows that its tests can fail, as {role}: {name}"
                  for name, role in matrix.unproven]
        lines += [f"said to be borne whatever an end does, and is not, or has no test, as {role}: {name}"
                  for name, role in matrix.needless]
    lines += [f"borne by any {role}: {name}: {why}" for (name, role), why in matrix.borne.items()]
    for id_, why in matrix.excused.items():
        lines.append(f"without a mutant: {id_}: {why}")
    return lines


def write(matrix: Matrix, commit: str, folder: Path) -> list[Path]:
    """Write kill-matrix.txt and kill-matrix.json, each at once.  Return: their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for suffix, text in ((".txt", to_text(matrix, commit)), (".json", to_json(matrix, commit))):
        path = folder / f"kill-matrix{suffix}"
        new = path.with_suffix(suffix + ".tmp")
        new.write_text(text, encoding="utf-8")
        new.replace(path)
        paths.append(path)
    return paths
