"""Accounts in Postgres, seen through the policies of the organisation that asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from services.identity.domain.accounts import Account, Newcomer
from shared.kernel.errors import Rejected
from shared.kernel.ids import AccountId, OrganisationId, PersonId
from shared.runtime.backbone import Backbone

_FIND: Final = """
SELECT a.identifier, a.id, a.person, coalesce(l.canonical, a.person)
FROM accounts a LEFT JOIN aliases l ON l.alias = a.person
WHERE a.organisation = $1 AND a.identifier = ANY ($2::text[])
"""
_BESIDE: Final = """
WITH whose AS (
    SELECT coalesce(l.canonical, a.person) AS canonical
    FROM accounts a LEFT JOIN aliases l ON l.alias = a.person WHERE a.organisation = $1 AND a.identifier = $2)
SELECT a.identifier, a.id, a.person, w.canonical FROM whose w
JOIN accounts a ON a.person = w.canonical OR a.person IN (SELECT alias FROM aliases WHERE canonical = w.canonical)
WHERE a.organisation = $1 ORDER BY a.identifier LIMIT $3
"""
# Keys are inserted in order, so that two who mint the same identifiers wait for one another in the same order. A
# newcomer whose identifier is taken by then inserts nothing, not even a person.
_MINT: Final = """
WITH won AS (
    INSERT INTO accounts (id, organisation, identifier, person, linked_at)
    SELECT account, $1, identifier, person, at
    FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS new (identifier, account, person, at)
    ORDER BY identifier
    ON CONFLICT (organisation, identifier) DO NOTHING
    RETURNING identifier, person, linked_at),
registered AS (
    INSERT INTO people (id, origin, registered_at) SELECT person, 'account', linked_at FROM won)
SELECT identifier FROM won
"""


class PostgresAccounts:
    """An AccountStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def find(self, organisation: OrganisationId, identifiers: Sequence[str]) -> dict[str, Account]:
        """Return those of the accounts that exist, by identifier."""
        async with self._backbone.door(organisation) as tx:
            rows = await tx.connection.fetch(_FIND, organisation, list(identifiers))
        return {row[0]: _account(row) for row in rows}

    async def beside(self, organisation: OrganisationId, identifier: str, limit: int) -> list[Account]:
        """Return the accounts of this account's person and of everybody they are one with, by identifier."""
        async with self._backbone.door(organisation) as tx:
            return [_account(row) for row in await tx.connection.fetch(_BESIDE, organisation, identifier, limit)]

    async def mint(self, organisation: OrganisationId, newcomers: Sequence[Newcomer]) -> None:
        """Have these accounts exist, with their people, and tell the facts of those who were not there."""
        try:
            async with self._backbone.door(organisation) as tx:
                await tx.lock([newcomer.person for newcomer in newcomers])
                rows = await tx.connection.fetch(
                    _MINT,
                    organisation,
                    [newcomer.identifier for newcomer in newcomers],
                    [newcomer.account for newcomer in newcomers],
                    [newcomer.person for newcomer in newcomers],
                    [newcomer.facts[0].occurred_at for newcomer in newcomers],
                )
                won = {row[0] for row in rows}
                told = [fact for newcomer in newcomers if newcomer.identifier in won for fact in newcomer.facts]
                await self._backbone.store.append(tx, told)
        except asyncpg.ForeignKeyViolationError:
            raise Rejected.of("/organisation", "there is no such organisation", "Register it first.") from None


def _account(row: Any) -> Account:
    return Account(row[0], AccountId(row[1]), PersonId(row[2]), PersonId(row[3]))
