"""What record_log hears: everything, undecoded; and what it makes of it, entries in the streams of people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from services.record_log.domain.recording import Told, is_recorded, told
from services.record_log.handlers.recording import follow_person, record_facts
from services.record_log.store.streams import PostgresStreams
from shared.events.erasure import erased_through, is_erasure
from shared.events.event import decode
from shared.events.fact import Fact
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.sources import (
    CREDENTIAL_ISSUING,
    IDENTITY,
    LEARNING_EVENTS,
    PROJECT_SUBMISSIONS,
    SKILL_INFERENCE,
    SKILL_PROFILES,
    Source,
)
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected
from shared.kernel.ids import PersonId, RandomBytes
from shared.runtime.effect import Applying, FactBroken, Heard, SetAside
from shared.runtime.postgres import Connection

_OF_PEOPLE: Final = frozenset({PersonMerged.type, PersonSplit.type})


class Recording:
    """Puts every fact about a person into their record; facts about anything else only move positions.

    random_bytes: a cryptographic source; what it gives can never be made again.
    """

    hears: tuple[Source, ...] = (
        IDENTITY,
        LEARNING_EVENTS,
        PROJECT_SUBMISSIONS,
        SKILL_INFERENCE,
        CREDENTIAL_ISSUING,
        SKILL_PROFILES,
    )
    types: frozenset[str] | None = None

    def __init__(self, clock: Clock, random_bytes: RandomBytes) -> None:
        self._clock = clock
        self._random_bytes = random_bytes

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else: a fact enters the streams of its own subject."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Store the entries of these facts, and what identity and erasures say about people."""
        facts = [item.fact for item in heard if is_recorded(item.fact)]
        streams = PostgresStreams(applying.connection)
        await record_facts(streams, [_told(fact) for fact in facts], self._clock.now(), self._random_bytes)
        for fact in facts:
            if fact.type in _OF_PEOPLE and not fact.is_erased:
                await _follow(streams, fact)
            elif is_erasure(fact.type) and not fact.is_erased:
                await streams.note_erasure(PersonId(fact.subject), fact.source, _through(fact))
        return ()


def _told(fact: Fact) -> Told:
    try:
        return told(fact)
    except Rejected as error:
        raise FactBroken(fact, error.message) from error


async def _follow(streams: PostgresStreams, fact: Fact) -> None:
    try:
        event = decode(fact.type, fact.data or b"")
    except Rejected as error:
        raise FactBroken(fact, error.message) from error
    assert isinstance(event, PersonMerged | PersonSplit)
    await follow_person(streams, PersonId(fact.subject), event)


def _through(fact: Fact) -> int:
    try:
        return erased_through(fact)
    except Rejected as error:
        raise FactBroken(fact, error.message) from error
