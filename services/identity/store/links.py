"""Links between people in Postgres, and what a person sees of them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from services.identity.domain.account_links import AccountLink
from services.identity.domain.accounts import LinkedAccount
from services.identity.store.held_people import (
    ACCOUNT_COLUMNS,
    LINK_COLUMNS,
    HeldPeople,
    account_of_row,
    held_people,
    link_of_row,
)
from shared.kernel.ids import PersonId
from shared.runtime.backbone import Backbone

LISTED_MAX: Final = 100
"""Accounts and links shown of one person; a person has at most sixteen accounts, and ended links grow old."""

_FIND: Final = f"SELECT {LINK_COLUMNS} FROM account_links WHERE id = $1"  # noqa: S608 - a constant
_EVERYBODY: Final = "ARRAY(SELECT alias FROM aliases WHERE canonical = $1) || $1"
_ACCOUNTS: Final = f"""
SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE person = ANY ({_EVERYBODY}) ORDER BY id LIMIT $2
"""  # noqa: S608 - a constant
_LINKS: Final = f"""
SELECT * FROM (
    SELECT {LINK_COLUMNS} FROM account_links WHERE proposer = ANY ({_EVERYBODY}) OR other = ANY ({_EVERYBODY})
    ORDER BY id DESC LIMIT $2) AS newest
ORDER BY id
"""  # noqa: S608 - a constant


class PostgresLinks:
    """A LinkStore."""

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

    async def of(self, canonical: PersonId) -> tuple[list[LinkedAccount], list[AccountLink]]:
        """Return the accounts and links of the person and their aliases, oldest first."""
        async with self._backbone.reading() as connection:
            accounts = await connection.fetch(_ACCOUNTS, canonical, LISTED_MAX)
            links = await connection.fetch(_LINKS, canonical, LISTED_MAX)
        return [account_of_row(row) for row in accounts], [link_of_row(row) for row in links]
