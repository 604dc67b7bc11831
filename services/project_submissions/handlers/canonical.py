"""Who people are by identity's word, so that an alias is never taken for another person."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from services.project_submissions.handlers.ports import People
from shared.kernel.errors import NotFound
from shared.kernel.ids import PersonId, has_prefix


async def canonical(people: People, asked: Collection[PersonId], pointer: str) -> Mapping[PersonId, PersonId]:
    """Return the canonical id of each person. Raises NotFound at `pointer` when one does not exist, Unavailable."""
    found = await people.canonical(asked) if all(has_prefix(person, "prs") for person in asked) else {}
    missing = sum(person not in found for person in asked)
    if missing:
        rule = f"{missing} of {len(asked)} ids name nobody" if len(asked) > 1 else "the id names nobody"
        raise NotFound.of(pointer, rule, "Look people up with: deedlog people list")
    return found
