"""A transaction that holds people: the only way by which merges, splits, consents and erasures are written.

It spans tenants, because a person does, and so runs as the backbone's role. Everybody who is one with the people named
is locked before the first write, in the order all locks are taken; then it is looked again who they are. If a merge or
split came between, the transaction is given up, nothing having been written, and another is opened.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import asyncpg

from services.identity.domain.account_links import AccountLink, Claim
from services.identity.domain.accounts import LinkedAccount
from services.identity.domain.aliases import Aliases, Edge, Member
from services.identity.domain.consents import Consent, Terms, request_answered
from services.identity.domain.personas import Persona
from shared.events.fact import NewFact
from shared.kernel.errors import Rejected, Unavailable
from shared.kernel.ids import AccountId, FactId, GrantId, OrganisationId, PersonId
from shared.runtime.backbone import Backbone
from shared.runtime.idempotency_postgres import forget_replies
from shared.runtime.postgres import Transaction

ATTEMPTS: Final = 5

_MEMBERS: Final = """
WITH named AS (SELECT DISTINCT coalesce(l.canonical, p.id) AS canonical
               FROM people p LEFT JOIN aliases l ON l.alias = p.id WHERE p.id = ANY ($1::text[])),
     everybody AS (SELECT canonical AS id FROM named
                   UNION ALL SELECT l.alias FROM aliases l JOIN named USING (canonical))
SELECT registered_at, id, origin FROM people JOIN everybody USING (id) WHERE erased_at IS NULL
"""
_EDGES: Final = "SELECT id, proposer, other FROM account_links WHERE state = 'linked' AND proposer = ANY ($1::text[])"
CONSENT_COLUMNS: Final = """
id, person, organisation, purpose, scopes, expires_at, request, granted_at, withdrawn_at
"""
_CONSENTS: Final = f"""
SELECT {CONSENT_COLUMNS} FROM consents WHERE person = ANY ($1::text[]) AND withdrawn_at IS NULL
"""  # noqa: S608 - a constant
_CONSENT: Final = f"""
SELECT {CONSENT_COLUMNS} FROM consents WHERE person = ANY ($1::text[]) AND id = $2
"""  # noqa: S608 - a constant
_ANSWERING: Final = f"SELECT {CONSENT_COLUMNS} FROM consents WHERE request = $1"  # noqa: S608 - a constant
LINK_COLUMNS: Final = """
id, proposer, code_digest, opened_at, expires_at, state, wrong_tries, other, organisation, settled_at, persona,
is_refused
"""
_LINK: Final = f"SELECT {LINK_COLUMNS} FROM account_links WHERE id = $1 FOR UPDATE"  # noqa: S608 - a constant
_SAVE_LINK: Final = f"""
INSERT INTO account_links ({LINK_COLUMNS}, proof) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, wrong_tries = excluded.wrong_tries, other = excluded.other,
    organisation = excluded.organisation, settled_at = excluded.settled_at, proof = excluded.proof,
    is_refused = excluded.is_refused
"""  # noqa: S608 - a constant
_OPEN: Final = """
SELECT count(*) FROM account_links WHERE proposer = ANY ($1::text[]) AND state = 'open' AND expires_at > $2
"""
_REFUSED: Final = f"""
SELECT {LINK_COLUMNS} FROM account_links WHERE persona IN (
    SELECT persona FROM account_links
    WHERE is_refused AND (proposer = ANY ($1::text[]) OR other = ANY ($1::text[])) ORDER BY id DESC LIMIT 1000)
"""  # noqa: S608 - a constant
_DECLARED: Final = f"""
SELECT {LINK_COLUMNS} FROM account_links WHERE persona = $1 AND state = 'linked' ORDER BY id FOR UPDATE
"""  # noqa: S608 - a constant
_DECLARED_HERE: Final = f"""
SELECT {LINK_COLUMNS} FROM account_links
WHERE persona IS NOT NULL AND state = 'linked' AND proposer = ANY ($1::text[]) ORDER BY id FOR UPDATE
"""  # noqa: S608 - a constant
_SAVE_PERSONA: Final = """
INSERT INTO personas (id, organisation, key, declared_at, ended_at, ended_by) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, ended_by = excluded.ended_by
"""
_END_PERSONA: Final = """
UPDATE personas SET ended_at = $2, ended_by = 'person' WHERE id = $1 AND ended_at IS NULL
    AND NOT EXISTS (SELECT FROM account_links WHERE persona = $1 AND state = 'linked')
"""
_FREE: Final = "DELETE FROM aliases WHERE alias = ANY ($1::text[])"
_POINT: Final = """
INSERT INTO aliases (alias, canonical) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (alias) DO UPDATE SET canonical = excluded.canonical
"""
ACCOUNT_COLUMNS: Final = "id, organisation, identifier, person, linked_at"
_ACCOUNTS: Final = f"SELECT {ACCOUNT_COLUMNS} FROM accounts WHERE person = ANY ($1::text[])"  # noqa: S608 - a constant
# A persona from which they had parted before holds on for the others. The statement still sees the rows it deletes.
_UNLINK: Final = """
WITH gone AS (DELETE FROM account_links WHERE proposer = ANY ($1::text[]) OR other = ANY ($1::text[])
    RETURNING persona)
UPDATE personas SET ended_at = $2, ended_by = 'person' WHERE ended_at IS NULL AND id IN (SELECT persona FROM gone)
    AND NOT EXISTS (SELECT FROM account_links WHERE persona = personas.id AND state = 'linked'
                    AND proposer <> ALL ($1::text[]) AND other <> ALL ($1::text[]))
"""
# What else a person leaves behind, in the order in which rows refer to one another. Replies to their sessions go
# whatever is in them; `forget_replies` takes those that name them to others.
_ERASE: Final = (
    "DELETE FROM consents WHERE person = ANY ($1::text[])",
    "DELETE FROM aliases WHERE alias = ANY ($1::text[])",
    "DELETE FROM account_readings WHERE person = ANY ($1::text[])",
    """INSERT INTO erased_accounts SELECT person, organisation, identifier FROM accounts WHERE person = ANY ($1::text[])
       ON CONFLICT DO NOTHING""",
    "DELETE FROM accounts WHERE person = ANY ($1::text[])",
    """WITH ended AS (DELETE FROM sessions WHERE person = ANY ($1::text[]) RETURNING id)
       DELETE FROM idempotency_keys WHERE caller IN (SELECT 'person:' || id FROM ended)""",
)
_BLANK: Final = "UPDATE people SET name = NULL, erased_at = $2 WHERE id = ANY ($1::text[])"
_SAVE_CONSENT: Final = f"""
INSERT INTO consents ({CONSENT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (id) DO UPDATE SET withdrawn_at = excluded.withdrawn_at
"""  # noqa: S608 - a constant


class HeldPeople:
    """An open transaction, and the people it holds. `aliases` is true until the transaction ends."""

    def __init__(self, backbone: Backbone, tx: Transaction, aliases: Aliases) -> None:
        self.aliases = aliases
        self._backbone = backbone
        self._tx = tx
        self._ids = [member.id for member in aliases.members]

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts about these people."""
        await self._backbone.store.append(self._tx, facts)

    async def consents(self) -> list[Consent]:
        """Return the consents of these people that are not withdrawn."""
        return [consent_of_row(row) for row in await self._tx.connection.fetch(_CONSENTS, self._ids)]

    async def consent(self, grant: str) -> Consent | None:
        """Return the consent when one of these people gave it."""
        row = await self._tx.connection.fetchrow(_CONSENT, self._ids, grant)
        return None if row is None else consent_of_row(row)

    async def answering(self, request: str) -> Consent | None:
        """Return the consent, whoever gave it, that answers this verification request."""
        row = await self._tx.connection.fetchrow(_ANSWERING, request)
        return None if row is None else consent_of_row(row)

    async def save_consent(self, consent: Consent) -> None:
        """Have the consent as it is given. Raises Rejected for an organisation that is not there, or RequestAnswered
        when somebody else's consent answered its request at this moment.
        """
        terms = consent.terms
        values = (terms.organisation, terms.purpose, list(terms.scopes), terms.expires_at, terms.request)
        try:
            await self._tx.connection.execute(
                _SAVE_CONSENT, consent.id, consent.person, *values, consent.granted_at, consent.withdrawn_at
            )
        except asyncpg.ForeignKeyViolationError:
            raise Rejected.of("/organisation", "there is no such organisation", "Name one by its id.") from None
        except asyncpg.UniqueViolationError:
            raise request_answered() from None

    async def accounts(self) -> list[LinkedAccount]:
        """Return the accounts of these people, at all organisations."""
        return [account_of_row(row) for row in await self._tx.connection.fetch(_ACCOUNTS, self._ids)]

    async def link(self, link: str) -> AccountLink | None:
        """Return the link; nobody else changes it until the end."""
        row = await self._tx.connection.fetchrow(_LINK, link)
        return None if row is None else link_of_row(row)

    async def open_count(self, at: datetime) -> int:
        """Return how many links that these people proposed are open."""
        count: int = await self._tx.connection.fetchval(_OPEN, self._ids, at)
        return count

    async def save_link(self, link: AccountLink) -> None:
        """Have the link as it is given."""
        claim = link.claim
        other = (None, None) if claim is None else (claim.person, claim.organisation)
        first = (link.id, link.proposer, link.code_digest, link.opened_at, link.expires_at)
        proof = None if claim is None else claim.proof
        declared = (None if claim is None else claim.persona, link.is_refused)
        values = (*first, link.state, link.wrong_tries, *other, link.settled_at, *declared, proof)
        await self._tx.connection.execute(_SAVE_LINK, *values)

    async def refused(self) -> list[AccountLink]:
        """Return all links of the personas of which one of these people undid a link."""
        return [link_of_row(row) for row in await self._tx.connection.fetch(_REFUSED, self._ids)]

    async def declared(self) -> list[AccountLink]:
        """Return the declared links among these people that hold."""
        return [link_of_row(row) for row in await self._tx.connection.fetch(_DECLARED_HERE, self._ids)]

    async def declared_by(self, persona: str) -> list[AccountLink]:
        """Return the links of a persona that hold."""
        return [link_of_row(row) for row in await self._tx.connection.fetch(_DECLARED, persona)]

    async def save_persona(self, persona: Persona) -> None:
        """Have the persona as it is given."""
        ended = (persona.ended_at, persona.ended_by)
        declared = (persona.id, persona.organisation, persona.key, persona.declared_at)
        await self._tx.connection.execute(_SAVE_PERSONA, *declared, *ended)

    async def end_persona(self, persona: str, at: datetime) -> None:
        """Have the persona ended by a person, where none of its links holds any more."""
        await self._tx.connection.execute(_END_PERSONA, persona, at)

    async def save_aliases(self, table: Mapping[PersonId, PersonId]) -> None:
        """Have exactly these aliases among these people."""
        await self._tx.connection.execute(_FREE, [one for one in self._ids if one not in table])
        await self._tx.connection.execute(_POINT, list(table), list(table.values()))

    async def erase(self, at: datetime, fact_id: Callable[[], FactId]) -> None:
        """Have nothing left of these people but their ids, and their facts emptied, which is told in each stream."""
        await self._tx.connection.execute(_UNLINK, self._ids, at)
        for statement in _ERASE:
            await self._tx.connection.execute(statement, self._ids)
        await forget_replies(self._tx.connection, self._ids)
        await self._tx.connection.execute(_BLANK, self._ids, at)
        for person in sorted(self._ids):
            await self._backbone.store.erase(self._tx, person, fact_id())


@asynccontextmanager
async def held_people(backbone: Backbone, people: Sequence[str]) -> AsyncIterator[HeldPeople]:
    """Open a transaction that holds `people` and everybody they are one with; commit when it ends well.

    Who does not exist, or was erased, is not among its members. Raises Unavailable when they are merged and split
    faster than they can be held.
    """
    for _ in range(ATTEMPTS):
        async with backbone.backbone() as tx:
            seen = await _members(tx, people)
            await tx.lock({member.id for member in seen} | set(people))
            if await _members(tx, people) == seen:
                edges = await _edges(tx, [member.id for member in seen])
                yield HeldPeople(backbone, tx, Aliases(seen, edges))
                return
    raise Unavailable("these people are being merged or split at this moment", 0.1)


def account_of_row(row: Any) -> LinkedAccount:
    """Return the account in a row of ACCOUNT_COLUMNS."""
    account, organisation, identifier, person, linked_at = row
    return LinkedAccount(AccountId(account), OrganisationId(organisation), identifier, PersonId(person), linked_at)


def link_of_row(row: Any) -> AccountLink:
    """Return the link in a row of LINK_COLUMNS."""
    (
        link,
        proposer,
        digest,
        opened_at,
        expires_at,
        state,
        wrong_tries,
        other,
        organisation,
        settled_at,
        persona,
        refused,
    ) = row
    attesting = None if organisation is None else OrganisationId(organisation)
    claim = None if other is None else Claim(PersonId(other), attesting, persona)
    person = PersonId(proposer)
    times = (opened_at, expires_at)
    return AccountLink(link, person, bytes(digest), *times, state, wrong_tries, claim, settled_at, refused)


def consent_of_row(row: Any) -> Consent:
    """Return the consent in a row of CONSENT_COLUMNS."""
    grant, person, organisation, purpose, scopes, expires_at, request, granted_at, withdrawn_at = row
    terms = Terms(OrganisationId(organisation), purpose, tuple(scopes), expires_at, request)
    return Consent(GrantId(grant), PersonId(person), terms, granted_at, withdrawn_at)


async def _members(tx: Transaction, people: Sequence[str]) -> frozenset[Member]:
    rows = await tx.connection.fetch(_MEMBERS, list(people))
    return frozenset(Member(row[0], PersonId(row[1]), row[2]) for row in rows)


async def _edges(tx: Transaction, people: Sequence[str]) -> frozenset[Edge]:
    rows = await tx.connection.fetch(_EDGES, people)
    return frozenset(Edge(row[0], PersonId(row[1]), PersonId(row[2])) for row in rows)
