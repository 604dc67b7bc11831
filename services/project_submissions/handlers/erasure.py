"""Erasing a person: their projects, submissions, evidence and bundles go; the numbers of their facts stay, emptied.

What they did for others stays as the others': their reviews keep the marks and the id, without the note they wrote.
"""

from __future__ import annotations

from typing import Final

from services.project_submissions.handlers.ports import Bundles, Library, Mint
from shared.kernel.ids import PersonId

SUBMISSIONS_MAX: Final = 40
"""Submissions erased in one transaction: with evidence and reviews fewer than 500 rows."""


class ErasureDesk:
    """The use case."""

    def __init__(self, library: Library, bundles: Bundles, mint: Mint) -> None:
        self._library = library
        self._bundles = bundles
        self._mint = mint

    async def erase_person(self, person: PersonId) -> None:
        """Have erased what is kept under this id. Aliases are erased each under their own. May be done again.

        Raises Unavailable when the database is away; what was erased until then stays erased.
        """
        while await self._erase_some(person) == SUBMISSIONS_MAX:
            continue
        async with self._library.opened() as shelf:
            await shelf.lock(person)
            await shelf.erasing.erase_rest(person)
            await shelf.erasing.erase_facts(person, self._mint.fact())

    async def _erase_some(self, person: PersonId) -> int:
        """Erase some submissions, with the bundles that nobody else's refer to, and return how many."""
        async with self._library.opened() as shelf:
            await shelf.lock(person)
            digests = await shelf.erasing.erase_submissions(person, SUBMISSIONS_MAX)
            standing = await shelf.submissions.standing(digests)
        for digest in set(digests) - standing:
            self._bundles.discard(digest)
        return len(digests)
