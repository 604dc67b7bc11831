"""The Kafka door: folds what every service tells into the read model, and says whose profile changed.

Aliases are folded at reading, so no subject but the fact's own is touched. What is owned and not derived (the log of
changes, answers to requests, looks) is left alone while a shadow is built.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from services.skill_profiles.domain.folding import HEARS, TYPES, Folded, Misplaced, fold
from services.skill_profiles.store.changes import consents_of, touch
from services.skill_profiles.store.erasures import forget
from services.skill_profiles.store.read_model import write_folded
from services.skill_profiles.store.requests import settle
from shared.events.sources import IDENTITY
from shared.runtime.effect import Applying, FactBroken, Heard, SetAside
from shared.runtime.postgres import Connection


class ProfilesEffect:
    """An Effect. nudge: called when followers may soon have something to read."""

    hears = HEARS
    types: frozenset[str] | None = TYPES

    def __init__(self, nudge: Callable[[], None]) -> None:
        self._nudge = nudge

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else: every row belongs to the subject of its fact."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Store what these facts say; nothing is ever set aside."""
        try:
            folded = fold((one.fact, one.event) for one in heard)
        except Misplaced as error:
            raise FactBroken(error.fact, error.reason) from error
        if not applying.is_rebuilding:
            await self._tell_followers(applying.connection, folded)
            applying.after_commit(self._nudge)
        await write_folded(applying.connection, folded)
        return ()

    async def _tell_followers(self, connection: Connection, folded: Folded) -> None:
        """Note whose profile and which consents changed; before the fold is written, which may erase consents."""
        erased = sorted(subject for source, subject in folded.erased if source == IDENTITY.name)
        realigned = sorted(folded.realigned() | set(erased))
        ending = await consents_of(connection, realigned) if realigned else []
        profiles = {(person, "") for person in folded.facts}
        await touch(connection, profiles | folded.consent_changes() | set(ending))
        await settle(connection, _answers(folded))
        if erased:
            await forget(connection, erased)


def _answers(folded: Folded) -> list[tuple[Any, ...]]:
    return [
        (event.request, fact.occurred_at, event.grant, event.expires_at, " ".join(sorted(event.scopes)))
        for fact, event in folded.granted.values()
        if event.request is not None
    ]
