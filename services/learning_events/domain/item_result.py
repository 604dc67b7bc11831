"""What became of one item among many, as its sender reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.learning_events.domain.arrival import Outcome
from services.learning_events.domain.batch import RefusedStatement
from shared.kernel.errors import Fault

INVALID: Final = "invalid"
FAULTS_TOLD_MAX: Final = 2_000
"""Faults in one reply, about 400 KB; past it an item tells its first only."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """outcome: stored, duplicate, conflict or invalid. id: empty where an invalid item came without one.

    faults: why it was not taken; of a conflict one, of what was taken none.
    """

    index: int
    outcome: str
    id: str
    faults: tuple[Fault, ...] = ()

    @property
    def is_taken(self) -> bool:
        """Whether it is kept now, be it since before."""
        return not self.faults


def refused(reading: RefusedStatement) -> ItemResult:
    """Return the result of an item that breaks a rule."""
    return ItemResult(reading.index, INVALID, reading.statement_id, reading.faults)


def taken(index: int, outcome: Outcome, item_id: str, conflict: Fault) -> ItemResult:
    """Return the result of a valid item. conflict: what is said of one that differs from what stands under its id."""
    return ItemResult(index, outcome.value, item_id, (conflict,) if outcome is Outcome.CONFLICT else ())


def as_answer(results: Sequence[ItemResult]) -> dict[str, Any]:
    """Return the answer to many items: how many of each outcome, and one result an item, in their order."""
    counts = {**dict.fromkeys([one.value for one in Outcome], 0), INVALID: 0}
    items = []
    told = 0
    for result in results:
        counts[result.outcome] += 1
        faults = result.faults[: 1 if told >= FAULTS_TOLD_MAX else None]
        told += len(faults)
        items.append(_as_item(result, faults))
    return {"counts": counts, "items": items}


def _as_item(result: ItemResult, faults: Sequence[Fault]) -> dict[str, Any]:
    item: dict[str, Any] = {"index": result.index, "outcome": result.outcome, "id": result.id or None}
    if not faults:
        return item
    errors = as_errors(faults)
    return {**item, **errors[0], "errors": errors}


def as_errors(faults: Sequence[Fault]) -> list[dict[str, str]]:
    """Return faults as they are told."""
    return [{"pointer": one.pointer, "rule": one.rule, "mend": one.mend} for one in faults]
