"""Which activities were seen and are aligned to nothing, with how much waits for them and what they may show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.suggestions import Suggestion, Vocabulary

SCANNED_MAX: Final = 2_000
"""Activities looked at for one page. Where they are nearly all aligned the page is short, and its cursor goes on."""
TALLIED_MAX: Final = 5_000
"""Statements counted of one activity; beyond, the report says "at least"."""


class Tally(NamedTuple):
    """What is known of one activity. is_at_least: there is more, and the last one seen may be newer."""

    activity: str
    statements: int
    people: int
    last_seen_at: datetime
    is_at_least: bool


class Unaligned(NamedTuple):
    """An activity that was seen and is not aligned."""

    tally: Tally
    suggestions: Sequence[Suggestion]


class ActivityDesk(Protocol):
    """What is read of the statements of one organisation."""

    async def activities(self, after: str, limit: int) -> Sequence[str]:
        """Return the activities with a scored statement that follow `after`, in the order of the list."""
        ...

    async def tallies(self, activities: Collection[str]) -> Sequence[Tally]:
        """Return what is known of each of these that has a statement, in the same order."""
        ...


async def unaligned(
    desk: ActivityDesk, aligned: Mapping[str, Target], after: str, limit: int
) -> tuple[Sequence[Tally], str | None]:
    """Return the next activities that are not `aligned`, and after which the next page begins; None at the end."""
    seen = await desk.activities(after, SCANNED_MAX + 1)
    found = [activity for activity in seen[:SCANNED_MAX] if activity not in aligned]
    if len(found) > limit:
        return await desk.tallies(found[:limit]), found[limit - 1]
    return await desk.tallies(found), seen[SCANNED_MAX - 1] if len(seen) > SCANNED_MAX else None


def suggested(tallies: Sequence[Tally], framework: Framework, aligned: Mapping[str, Target]) -> list[Unaligned]:
    """Return each activity with what it may show. Reads up to EXAMPLES_MAX aligned activities: some 40 ms."""
    vocabulary = Vocabulary(framework, aligned)
    return [Unaligned(tally, vocabulary.suggest(tally.activity)) for tally in tallies]
