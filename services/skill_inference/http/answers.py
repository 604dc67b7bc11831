"""How alignments, their versions and what differs between them are answered."""

from __future__ import annotations

from typing import Any, Final

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.alignment_changes import Change
from services.skill_inference.handlers.adopting import Adopted, DryRun, Version
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Fault
from shared.kernel.hashing import digest_text

CHANGES_SHOWN_MAX: Final = 100
"""Changes that a dry run names one by one, of each kind; it counts all."""


def version_answer(one: Version) -> dict[str, Any]:
    """Return a version without its content."""
    return {
        "version": one.version,
        "digest": digest_text(one.digest),
        "form": one.form,
        "lines": one.lines,
        "activities": one.activities,
        "adopted_at": rfc3339(one.adopted_at),
        "adopted_by": one.adopted_by,
    }


def adopted_answer(adopted: Adopted) -> dict[str, Any]:
    """Return a version that is in force, and whose."""
    table = adopted.table
    version = Version(
        adopted.version,
        table.digest,
        table.lines,
        table.activities,
        table.form,
        adopted.adopted_at,
        adopted.adopted_by,
    )
    return {"organisation": adopted.organisation} | version_answer(version)


def tried_answer(found: DryRun) -> dict[str, Any]:
    """Return what a table would do, or why it would be refused."""
    kinds: dict[str, list[Change]] = {"added": [], "changed": [], "removed": []}
    for change in found.changes:
        kinds[change.kind].append(change)
    shown = {
        kind: {"count": len(own), "first": [change_answer(one) for one in own[:CHANGES_SHOWN_MAX]]}
        for kind, own in kinds.items()
    }
    return {
        "is_valid": not found.faults,
        "errors": [fault_answer(fault) for fault in found.faults],
        "version_in_force": found.version,
        "lines": found.lines,
        "activities": found.activities,
        "passed_over": found.passed_over,
        **shown,
        "people": {"count": found.people.persons, "is_at_least": found.people.is_at_least},
    }


def fault_answer(fault: Fault) -> dict[str, str]:
    """Return what is wrong, where, and how it is mended."""
    return {"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend}


def change_answer(change: Change) -> dict[str, Any]:
    """Return what became of one activity."""
    return {
        "activity": change.activity,
        "change": change.kind,
        "before": _target(change.before),
        "after": _target(change.after),
    }


def _target(target: Target | None) -> dict[str, Any] | None:
    if target is None:
        return None
    skills = [{"skill": skill, "weight": weight} for skill, weight in target.skills]
    return {"skills": skills, "difficulty": target.difficulty, "assurance": target.assurance.value}
