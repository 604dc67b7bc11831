"""The Kafka door: who became one person with whom, and who is to be erased."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from services.learning_events.store.erasures import keep_due
from shared.events.erasure import FactsErased, facts_erased
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.sources import IDENTITY, Source
from shared.runtime.effect import Applying, Heard, SetAside
from shared.runtime.postgres import Connection


class PeopleEffect:
    """Keeps whose erasure is due: identity erases its own data and leaves ours to us.

    forget: has what was remembered of these people's accounts asked anew. nudge: called when an erasure is due.
    """

    hears: tuple[Source, ...] = (IDENTITY,)
    types: frozenset[str] | None = frozenset({PersonMerged.type, PersonSplit.type, facts_erased(IDENTITY, 0).type})

    def __init__(self, forget: Callable[[Collection[str]], None], nudge: Callable[[], None]) -> None:
        self._forget = forget
        self._nudge = nudge

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else: a row belongs to one stream."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Have every erasure noted for the job, and nobody of these remembered as who they were."""
        people: set[str] = set()
        erased: dict[str, datetime] = {}
        for item in heard:
            people.add(item.fact.subject)
            if isinstance(item.event, FactsErased):
                erased[item.fact.subject] = item.fact.occurred_at
            elif isinstance(item.event, PersonMerged | PersonSplit):
                people |= {item.event.alias, item.event.canonical}
        if erased:
            await keep_due(applying.connection, erased)
            applying.after_commit(self._nudge)
        applying.after_commit(lambda: self._forget(people))
        return ()
