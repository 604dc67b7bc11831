"""Links between people in Postgres, and what a person sees of them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from services.identity.domain.account_links import AccountLink
from services.identity.domain.accounts import LinkedAccount
from services.identity.domain.linked_accounts import Reading
from services.identity.store.held_people import (
    LINK_COLUMNS,
    HeldPeople,
    account_of_row,
    held_people,
    link_of_row,
)
from shared.kernel.ids import PersonId
from shared.runtime.backbone import Backbone

READINGS_MAX: Final = 100
"""Looks of operators kept of one person, the newest."""
LISTED_MAX: Final = 100
"""Accounts and links shown of one person; a person has at most sixteen accounts, and ended links grow old."""

_FIND: Final = f"SELECT {LINK_COLUMNS} FROM account_links WHERE id = $1"  # noqa: S608 - a constant
_EVERYBODY: Final = "ARRAY(SELECT alias FROM aliases WHERE canonical = $1) || $1"
_ACCOUNTS: Final = f"""
SELECT a.id, a.organisation, a.identifier, a.person, a.linked_at, o.name
FROM accounts AS a JOIN organisations AS o ON o.id = a.organisation
WHERE a.person = ANY ({_EVERYBODY}) ORDER BY a.id LIMIT $2
"""  # noqa: S608 - a constant
_LINKS: Final = f"""
SELECT * FROM (
    SELECT {LINK_COLUMNS} FROM account_links WHERE proposer = ANY ({_EVERYBODY}) OR other = ANY ({_EVERYBODY})
    ORDER BY (state = 'linked') DESC, id DESC LIMIT $2) AS newest
ORDER BY id
"""  # noqa: S608 - a constant
_READ: Final = "INSERT INTO account_readings (person, read_at, reader) VALUES ($1, $2, $3)"
_TRIM_READINGS: Final = """
DELETE FROM account_readings WHERE person = $1 AND ctid NOT IN (
    SELECT ctid FROM account_readings WHERE person = $1 ORDER BY read_at DESC LIMIT $2)
"""
_READINGS: Final = f"""
SELECT read_at, reader FROM account_readings WHERE person = ANY ({_EVERYBODY}) ORDER BY read_at DESC LIMIT $2
"""  # noqa: S608 - a constant


class PostgresLinks:
    """A LinkStore and a LinkedAccountStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def held(self, *people: str) -> AbstractAsyncContextManager[HeldPeople]:
        """Open a transaction that holds these people and everybody they are one with."""
        return held_people(self._backbone, people)

    async def find(self, link: str) -> AccountLink | None:
        """Return the link as it is at this moment."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_FIND, link)
        return None if row is None else link_of_row(row)

    async def accounts(self, canonical: PersonId) -> list[tuple[LinkedAccount, str]]:
        """Return the accounts of the person and their aliases, oldest first, each with its organisation's name."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_ACCOUNTS, canonical, LISTED_MAX)
        return [(account_of_row(row[:5]), row[5]) for row in rows]

    async def links(self, canonical: PersonId) -> list[AccountLink]:
        """Return the links of the person and their aliases, oldest first; of many all that hold, and the newest."""
        async with self._backbone.reading() as connection:
            return [link_of_row(row) for row in await connection.fetch(_LINKS, canonical, LISTED_MAX)]

    async def keep_reading(self, canonical: PersonId, reading: Reading) -> None:
        """Have it kept who looked; READINGS_MAX of a person stay."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_READ, canonical, reading.read_at, reading.reader)
            await tx.connection.execute(_TRIM_READINGS, canonical, READINGS_MAX)

    async def readings(self, canonical: PersonId) -> list[Reading]:
        """Return who looked at the accounts of the person and their aliases, newest first."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_READINGS, canonical, READINGS_MAX)
        return [Reading(row[0], row[1]) for row in rows]
