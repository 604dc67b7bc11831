"""Reports on alignments: which activities still lack one, what they may show, and which statements moved whom."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.observation import TEXT_MAX
from services.skill_inference.domain.suggestions import Suggestion, Vocabulary
from services.skill_inference.handlers.adopting import targets_of
from services.skill_inference.handlers.effects import Effect, effects_of
from services.skill_inference.handlers.unaligned import Unaligned, suggested, unaligned
from services.skill_inference.http.callers import (
    KINDS,
    READING,
    READING_PEOPLE,
    after_activity,
    organisation_of,
    text_of,
)
from services.skill_inference.store.alignments import AlignmentBook, OrganisationVersions
from services.skill_inference.store.effects import ConnectedEffectsDesk, Place, statements_of
from services.skill_inference.store.releases import ReleaseBook
from services.skill_inference.store.unaligned import OrganisationActivities
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Rejected
from shared.runtime.backbone import Backbone
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page, page_limit
from shared.runtime.postgres import Transaction

ACTIVITIES_MAX: Final = 100
"""Activities that are asked about at once."""
LOGITS_DIGITS: Final = 6
NUMBER_MAX: Final = 2**63 - 1

_UNALIGNED: Final = "unaligned"
_EFFECTS: Final = "alignment-effects"


class NamedActivity(BaseModel):
    """An activity, and what people call it; ids say little where they are numbers."""

    activity: str = Field(min_length=1, max_length=TEXT_MAX)
    name: str = Field("", max_length=TEXT_MAX)


class NamedActivities(BaseModel):
    """Activities that suggestions are asked for."""

    activities: Annotated[list[NamedActivity], Field(min_length=1, max_length=ACTIVITIES_MAX)]


class Reports:
    """What an organisation learns of its own statements and activities."""

    def __init__(self, backbone: Backbone, releases: ReleaseBook, book: AlignmentBook) -> None:
        self._backbone = backbone
        self._releases = releases
        self._book = book

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        path = "/v1/alignments"
        return [
            endpoint("GET", f"{path}/unaligned", self.unaligned, scopes=READING, kinds=KINDS),
            endpoint("POST", f"{path}:suggest", self.suggest, scopes=READING, kinds=KINDS),
            endpoint("GET", f"{path}/effects", self.effects, scopes=READING_PEOPLE, kinds=KINDS),
        ]

    async def unaligned(self, call: Call) -> Reply:
        """Answer the activities that were seen and are not aligned, by id, with suggestions of skills."""
        organisation = organisation_of(call, "limit", "cursor")
        limit, after = page_limit(call.query), after_activity(_UNALIGNED, call.query)
        async with self._backbone.door(organisation) as tx:
            aligned = await self._aligned(tx, organisation)
            found, last = await unaligned(OrganisationActivities(tx.connection, organisation), aligned, after, limit)
        shown = await asyncio.to_thread(suggested, found, self._releases.base.framework, aligned)
        cursor = None if last is None else encode_cursor(_UNALIGNED, [last])
        return Reply.json(page([_unaligned(one) for one in shown], cursor))

    async def suggest(self, call: Call) -> Reply:
        """Answer which skills these activities may show, by their ids and names; nothing is kept of them."""
        organisation = organisation_of(call)
        asked = await call.model(NamedActivities)
        async with self._backbone.door(organisation) as tx:
            aligned = await self._aligned(tx, organisation)
        vocabulary = await asyncio.to_thread(Vocabulary, self._releases.base.framework, aligned)
        items = [
            {"activity": one.activity, "suggestions": _suggestions(vocabulary.suggest(one.activity, one.name))}
            for one in asked.activities
        ]
        return Reply.json(page(items, None))

    async def effects(self, call: Call) -> Reply:
        """Answer by how many logits each statement about `activity`, or with the id `statement`, moved whom."""
        organisation = organisation_of(call, "activity", "statement", "limit", "cursor")
        activity, statement = (text_of(call.query, name) for name in ("activity", "statement"))
        if (activity is None) == (statement is None):
            raise Rejected.of("activity", "either an activity or a statement is asked for", "Name one of the two.")
        limit, after = page_limit(call.query), _after(call)
        # The door finds the statements, so the database keeps them to this organisation; folding them asks for all
        # that is known of their people, and nothing but what these statements do leaves it.
        async with self._backbone.door(organisation) as tx:
            found = await statements_of(
                tx.connection, organisation, activity=activity, statement=statement, after=after, limit=limit + 1
            )
        async with self._backbone.reading() as connection:
            desk = ConnectedEffectsDesk(connection, self._book, _nothing_is_told)
            effects = await effects_of(desk, await self._releases.now(connection), found[:limit])
        last = effects[-1].statement if len(effects) < len(found) else None
        cursor = None if last is None else encode_cursor(_EFFECTS, [last.subject, last.number])
        return Reply.json(page([_effect(one) for one in effects], cursor))

    async def _aligned(self, tx: Transaction, organisation: str) -> Mapping[str, Target]:
        desk = OrganisationVersions(tx.connection, organisation, self._book)
        kept = await desk.versions()
        return await targets_of(desk, kept[0].version if kept else 0)


def _after(call: Call) -> Place:
    position = decode_cursor(_EFFECTS, call.query, str, int)
    if position is None:
        return Place()
    # A position of our own; one that somebody made up must not be more than a number can be.
    return Place(str(position[0]).replace("\0", ""), min(int(position[1]), NUMBER_MAX))


def _unaligned(one: Unaligned) -> dict[str, Any]:
    shown = {"last_seen_at": rfc3339(one.tally.last_seen_at), "suggestions": _suggestions(one.suggestions)}
    return one.tally._asdict() | shown


def _suggestions(found: Sequence[Suggestion]) -> list[dict[str, Any]]:
    return [
        {
            "skill": one.skill,
            "score": one.score,
            "words": [{"word": word, "found_in": place} for word, place in one.words],
        }
        for one in found
    ]


def _effect(one: Effect) -> dict[str, Any]:
    statement = one.statement
    return {
        "statement": statement.statement,
        "activity": statement.activity,
        "person": statement.subject,
        "occurred_at": rfc3339(statement.occurred_at),
        "result": statement.result,
        "state": one.state,
        "moved": _moved(one.moved),
        "taken_back": _moved(one.taken_back),
    }


def _moved(logits: dict[str, float]) -> list[dict[str, Any]]:
    return [{"skill": skill, "logits": round(each, LOGITS_DIGITS)} for skill, each in logits.items()]


async def _nothing_is_told(facts: object) -> None:
    """Reporting tells nothing."""
