"""Keeps documents: puts, merges, gives back and removes them, each change decided on the state that is held locked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from services.learning_events.domain.document import NAMES_MAX, Document, Holder, Place, Shelf
from services.learning_events.domain.document_merge import merged
from services.learning_events.handlers.ports import People
from shared.kernel.errors import NotFound, TooLarge

Guard = Callable[[str | None], None]
"""Is handed the tag of what is kept, None where nothing is; raises where the caller wanted to change another state."""


class HeldPlace(Protocol):
    """One place, held until its transaction ends: nobody else changes what stands there."""

    @property
    def document(self) -> Document | None:
        """What stands there."""
        ...

    async def keep(self, document: Document, person: str | None) -> None:
        """Have this stand there."""
        ...

    async def clear(self) -> None:
        """Have nothing stand there."""
        ...


class Documents(Protocol):
    """The store of documents."""

    def held(self, holder: Holder, place: Place) -> AbstractAsyncContextManager[HeldPlace]:
        """Hold a place and open a transaction on it."""
        ...

    async def find(self, holder: Holder, place: Place) -> Document | None:
        """Return what stands at a place."""
        ...

    async def names(
        self, holder: Holder, shelf: Shelf, registration: str | None, since: datetime | None, limit: int
    ) -> Sequence[str]:
        """Return up to `limit` names of a shelf, of one registration or of all; those changed after `since`."""
        ...

    async def clear(self, holder: Holder, shelf: Shelf, registration: str | None) -> None:
        """Have nothing stand on a shelf, of one registration or of all."""
        ...


class DocumentKeeping:
    """Keeps documents."""

    def __init__(self, people: People, documents: Documents) -> None:
        self._people = people
        self._documents = documents

    async def put(self, holder: Holder, place: Place, document: Document, guard: Guard) -> None:
        """Have the document stand at its place. Raises what `guard` raises, and Unavailable; nothing changed then."""
        person = await self._person(holder, place.shelf)
        async with self._documents.held(holder, place) as held:
            guard(_tag(held.document))
            await held.keep(document, person)

    async def post(self, holder: Holder, place: Place, sent: Document, guard: Guard) -> None:
        """Have the document merged into what stands there. Raises as `put` and `merged` do; nothing changed then."""
        person = await self._person(holder, place.shelf)
        async with self._documents.held(holder, place) as held:
            guard(_tag(held.document))
            await held.keep(merged(held.document, sent.content, sent.media_type, sent.modified_at), person)

    async def get(self, holder: Holder, place: Place) -> Document:
        """Return what stands there. Raises NotFound."""
        found = await self._documents.find(holder, place)
        if found is None:
            raise NotFound("There is no such document, or none that this key may read.")
        return found

    async def names(
        self, holder: Holder, shelf: Shelf, registration: str | None, since: datetime | None
    ) -> Sequence[str]:
        """Return the names on a shelf, sorted. Raises TooLarge for more than NAMES_MAX."""
        found = await self._documents.names(holder, shelf, registration, since, NAMES_MAX + 1)
        if len(found) > NAMES_MAX:
            rule = f"there are more than {NAMES_MAX} documents"
            raise TooLarge.of("since", rule, "Ask for those changed since a time, or of one registration.")
        return found

    async def delete(self, holder: Holder, place: Place, guard: Guard) -> None:
        """Have nothing stand there; that nothing did is no fault. Raises what `guard` raises."""
        async with self._documents.held(holder, place) as held:
            guard(_tag(held.document))
            await held.clear()

    async def delete_all(self, holder: Holder, shelf: Shelf, registration: str | None) -> None:
        """Have nothing stand on the shelf, of one registration or of all."""
        await self._documents.clear(holder, shelf, registration)

    async def _person(self, holder: Holder, shelf: Shelf) -> str | None:
        """Return whose the shelf's documents are, so that an erasure finds them; None where they are nobody's."""
        if not shelf.is_person:
            return None
        accounts = await self._people.resolve(holder.organisation, {shelf.agent})
        return accounts[shelf.agent].person


def _tag(document: Document | None) -> str | None:
    return None if document is None else document.etag
