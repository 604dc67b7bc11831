"""The Kafka door: who has become one person and sees what they did under another id, and who is to be erased."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from services.project_submissions.store.aliases import Alias, keep_aliases
from services.project_submissions.store.erasing import keep_due
from shared.events.erasure import FactsErased, facts_erased
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.sources import IDENTITY, Source
from shared.runtime.effect import Applying, Heard, SetAside
from shared.runtime.postgres import Connection


class PeopleEffect:
    """Keeps the table of aliases, and whose erasure is due: identity erases its own data and leaves ours to us.

    Merges and splits are told in both streams; the alias's own counts. There at most one merge stands at any moment,
    so the last word of the stream is the state, and after an erasure there is none.
    """

    hears: tuple[Source, ...] = (IDENTITY,)
    types: frozenset[str] | None = frozenset({PersonMerged.type, PersonSplit.type, facts_erased(IDENTITY, 0).type})

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else: a row belongs to one stream."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Have every alias of these streams known as its last fact says, and every erasure noted for the job."""
        known: dict[str, Alias | None] = {}
        erased: set[str] = set()
        for item in heard:
            subject = item.fact.subject
            if isinstance(item.event, FactsErased):
                known[subject] = None
                erased.add(subject)
            elif isinstance(item.event, PersonMerged) and item.event.alias == subject:
                known[subject] = Alias(item.event.canonical, item.fact.number)
            elif isinstance(item.event, PersonSplit) and item.event.alias == subject:
                known[subject] = None
        if known:
            await keep_aliases(applying.connection, known)
        if erased and not applying.is_rebuilding:
            await keep_due(applying.connection, erased)
        return ()
