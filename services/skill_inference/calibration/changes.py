"""Whom a release would move and by how much: everybody folded under the one in force and under the new one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from services.skill_inference.calibration.evidence_log import Everybody
from services.skill_inference.domain.claims import ClaimRule, claimable_level
from services.skill_inference.domain.estimate import Estimate
from services.skill_inference.domain.fold import Ledger
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.revision import presentable
from services.skill_inference.domain.telling import MOVE_MIN

MOVES: Final = (MOVE_MIN, 0.25, 0.5, 1.0)
"""Logits; it is counted how many estimates move by more."""


class Change(NamedTuple):
    """One estimate under both releases: mean in logits and the level that it lets claim, 0 for none."""

    person: str
    skill: str
    mean_before: float
    mean_after: float
    claim_before: int
    claim_after: int


def changes(
    everybody: Everybody, before: Release, after: Release, rule: ClaimRule, done: Callable[[int], None]
) -> list[Change]:
    """Return every estimate under both releases, by person and skill. done: told how many people were folded."""
    found = []
    for count, (person, seen) in enumerate(sorted(everybody.items()), start=1):
        new = _estimates(seen, after)
        found += [
            Change(
                person, skill, old.mean, new[skill].mean, claimable_level(old, rule), claimable_level(new[skill], rule)
            )
            for skill, old in _estimates(seen, before).items()
        ]
        done(count)
    return found


def changes_summary(found: Sequence[Change]) -> dict[str, Any]:
    """Return how many there are, how many move by more than each of MOVES, and how many claims are won and lost."""
    moves = [abs(one.mean_after - one.mean_before) for one in found]
    return {
        "people": len({one.person for one in found}),
        "estimates": len(found),
        "moved_by_more_than": {str(bound): sum(move > bound for move in moves) for bound in MOVES},
        "largest_move": max(moves, default=0.0),
        "claims_higher": sum(one.claim_after > one.claim_before for one in found),
        "claims_lower": sum(one.claim_after < one.claim_before for one in found),
    }


def changes_csv(found: Sequence[Change]) -> str:
    """Return the changes as a table with a heading."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(Change._fields)
    table.writerows(found)
    return text.getvalue()


def _estimates(seen: Sequence[Observation], release: Release) -> Mapping[str, Estimate]:
    return presentable(Ledger(seen, release).state(), release)
