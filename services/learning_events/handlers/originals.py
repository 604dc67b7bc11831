"""Gives back what was sent: the format of each event, and the bytes."""

from __future__ import annotations

from collections.abc import Mapping

from services.learning_events.domain.original import Original
from services.learning_events.handlers.ports import ArrivalPage, Reader, Statements
from services.learning_events.handlers.publishing import Originals
from shared.kernel.errors import NotFound


class OriginalReading:
    """Gives back what was sent."""

    def __init__(self, statements: Statements, originals: Originals) -> None:
        self._statements = statements
        self._originals = originals

    async def original(self, reader: Reader, event_id: str) -> Original:
        """Return what came under this id, be it void by now. Raises NotFound, also where it was erased."""
        sent = await self._originals.find(reader, event_id)
        if sent is not None:
            return sent
        stored = await self._statements.find(reader, event_id)
        if stored is None:
            raise NotFound("There is no such event, or none that this key may read.")
        return Original("xapi", stored.original, {})

    async def formats(self, reader: Reader, page: ArrivalPage) -> Mapping[str, str]:
        """Return the format of those on the page that did not come as statements, by id."""
        if not page.statements:
            return {}
        return await self._originals.formats(reader.organisation, [one.id for one in page.statements])
