"""Finds statements: page by page, in the order in which they were stored, and says up to when it saw everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from services.learning_events.domain.search import Found, Place, Search
from services.learning_events.domain.served import StoredStatement
from services.learning_events.domain.terms import key_term
from services.learning_events.handlers.ports import Attachments, Catalogue, Catalogues, Reader
from shared.kernel.clock import Clock

LOOKS: Final = (1_500, 250)
"""Rows of the index that each look of one page may meet with others, if it has to: about 10 ms, and 2 ms.

A look ends where it has found enough. Where they find less than a page, the reader goes on by its `more`.
"""
PAGE_BYTES_MAX: Final = 8 << 20
"""Bytes of the statements of one page; the first is given whatever it has."""
ATTACHMENT_BYTES_MAX: Final = 32 << 20
"""Bytes of the attachments of one page; those of the first statement are given whatever they have."""
REFRESH_SECONDS: Final = 0.1
"""How old what is known of consistency may be where nothing was searched for."""


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page. after: where the next begins, None at the end. through: up to when everything stored was seen.

    attachments: by statement, SHA-2 and data, in order.
    """

    statements: tuple[StoredStatement, ...]
    after: Place | None
    through: datetime
    attachments: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)


class Searching:
    """Finds statements. known_through: up to when everything stored was seen by the latest search; never ahead."""

    def __init__(self, catalogues: Catalogues, attachments: Attachments, clock: Clock) -> None:
        self._catalogues = catalogues
        self._attachments = attachments
        self._clock = clock
        self._known_at = -REFRESH_SECONDS
        self.known_through = datetime(1970, 1, 1, tzinfo=UTC)

    async def page(self, reader: Reader, search: Search, *, has_attachments: bool) -> FoundPage:
        """Return what a search finds for this reader, up to its limit and the bounds above."""
        asked = search.terms if reader.only_key is None else (*search.terms, key_term(reader.only_key))
        async with self._catalogues.opened(reader) as catalogue:
            through = await self._learn(catalogue)
            terms = await catalogue.by_rarity(asked, search)
            found, end = await _looked(catalogue, terms, search)
            chosen = _within(found, search.limit)
            statements = await catalogue.read(chosen) if chosen else []
        after = chosen[-1].at if len(chosen) < len(found) else end
        if not has_attachments or not statements:
            return FoundPage(tuple(statements), after, through)
        data = await self.attached(reader, statements)
        if len(data) < len(statements):
            after = chosen[len(data) - 1].at
        return FoundPage(tuple(statements[: len(data)]), after, through, data)

    async def attached(
        self, reader: Reader, statements: Sequence[StoredStatement]
    ) -> dict[str, list[tuple[str, bytes]]]:
        """Return what came along with these, or with as many of the first as stay within the bound."""
        return await self._attachments.of(reader, [one.id for one in statements], ATTACHMENT_BYTES_MAX)

    async def consistent_through(self, reader: Reader) -> datetime:
        """Return up to when everything stored is seen by what is asked next; not older than REFRESH_SECONDS."""
        if self._clock.monotonic() - self._known_at >= REFRESH_SECONDS:
            async with self._catalogues.opened(reader) as catalogue:
                await self._learn(catalogue)
        return self.known_through

    async def _learn(self, catalogue: Catalogue) -> datetime:
        now = self._clock.monotonic()
        self.known_through = max(self.known_through, await catalogue.consistent_through())
        self._known_at = now
        return self.known_through


async def _looked(
    catalogue: Catalogue, terms: Sequence[str], search: Search
) -> tuple[list[tuple[Found, int]], Place | None]:
    """Return what is found and seen, one more than the limit where there is, and where to look on."""
    found: list[tuple[Found, int]] = []
    end: Place | None = None
    for lookups_max in LOOKS:
        matches = await catalogue.matches(terms, search, search.limit + 1 - len(found), lookups_max)
        found += await catalogue.visible(matches.found) if matches.found else []
        end = matches.end
        if end is None or len(found) > search.limit:
            break
        search = replace(search, after=end)
    return found, end


def _within(found: Sequence[tuple[Found, int]], limit: int) -> list[Found]:
    """Return as many of them as a page holds."""
    chosen: list[Found] = []
    left = PAGE_BYTES_MAX
    for one, size in found[:limit]:
        left -= size
        if chosen and left < 0:
            break
        chosen.append(one)
    return chosen
