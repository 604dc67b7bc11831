"""Verification requests in Postgres, under row-level security: seen by their organisation and by their person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from services.skill_profiles.domain.requests import VerificationRequest, check_pending, no_such_person
from services.skill_profiles.handlers.requests import Listed
from services.skill_profiles.store.acting import acting_for
from services.skill_profiles.store.erasures import is_erased
from shared.events.fact import NewFact
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

_COLUMNS: Final = """r.id, r.organisation, r.person, r.purpose, r.requested_by, r.requested_at, r.state, r.decided_at,
    r.grant_id, coalesce(r.scopes, '{}'), r.expires_at"""
_LISTED: Final = f"""
SELECT {_COLUMNS}, n.name, g.withdrawn_at IS NOT NULL FROM verification_requests r
LEFT JOIN organisation_names n ON n.id = r.organisation LEFT JOIN grants g ON g.grant_id = r.grant_id
"""  # noqa: S608 - a constant
_OF_ORGANISATION: Final = f"""
{_LISTED} WHERE r.organisation = $1 AND ($2::text IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3
"""
_OF_PEOPLE: Final = f"""
{_LISTED} WHERE r.person = ANY ($1::text[]) AND ($2::text IS NULL OR r.id < $2) ORDER BY r.id DESC LIMIT $3
"""
_ONE: Final = f"{_LISTED} WHERE r.id = $1 AND (r.organisation = $2 OR r.person = ANY ($3::text[]))"
_PENDING: Final = """
SELECT count(*) FROM verification_requests WHERE organisation = $1 AND person = $2 AND state = 'pending'
"""
_ADD: Final = """
INSERT INTO verification_requests (id, organisation, person, purpose, requested_by, requested_at, state)
VALUES ($1, $2, $3, $4, $5, $6, 'pending')
"""
_ANSWER: Final = """
UPDATE verification_requests SET state = $2, decided_at = $3, grant_id = $4, scopes = $5, expires_at = $6
WHERE id = $1 AND state = 'pending' RETURNING true
"""
_SETTLE: Final = """
UPDATE verification_requests r SET state = 'approved', decided_at = s.at, grant_id = s.grant_id, expires_at = s.ends,
    scopes = string_to_array(s.scopes, ' ')
FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::timestamptz[], $5::text[])
    AS s (id, at, grant_id, ends, scopes)
WHERE r.id = s.id AND r.state = 'pending'
"""


class PostgresRequests:
    """A RequestStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def add(self, request: VerificationRequest, fact: NewFact) -> None:
        """Have the request and its fact. Raises TooManyRequests, and NotFound for who was erased meanwhile; two at once
        wait for one another.
        """
        async with self._backbone.door(request.organisation) as tx:
            await tx.lock({request.person})
            if await is_erased(tx.connection, request.person):
                raise no_such_person()
            check_pending(await tx.connection.fetchval(_PENDING, request.organisation, request.person))
            values = (request.id, request.organisation, request.person, request.purpose, request.requested_by)
            await tx.connection.execute(_ADD, *values, request.requested_at)
            await self._backbone.store.append(tx, [fact])

    async def answer(self, request: VerificationRequest, facts: Sequence[NewFact]) -> bool:
        """Have the answer and its facts, if the request is still pending; say whether it was."""
        scopes = list(request.scopes) if request.grant else None
        values = (request.id, request.state, request.decided_at, request.grant, scopes, request.expires_at)
        async with self._backbone.door(request.organisation) as tx:
            await tx.lock({request.person})
            if not await tx.connection.fetchval(_ANSWER, *values):
                return False
            await self._backbone.store.append(tx, facts)
        return True

    async def of_organisation(self, organisation: str, before: str | None, limit: int) -> list[Listed]:
        """Return the organisation's requests below id `before`, newest first."""
        async with self._backbone.door(organisation) as tx:
            return list(map(_listed, await tx.connection.fetch(_OF_ORGANISATION, organisation, before, limit)))

    async def of_people(self, people: Sequence[str], before: str | None, limit: int) -> list[Listed]:
        """Return the requests put to these people below id `before`, newest first."""
        async with acting_for(self._backbone, people) as tx:
            return list(map(_listed, await tx.connection.fetch(_OF_PEOPLE, list(people), before, limit)))

    async def one(self, request: str, organisation: str | None, people: Sequence[str]) -> Listed | None:
        """Return the request when it is the organisation's or was put to one of these people."""
        async with acting_for(self._backbone, people, organisation) as tx:
            row = await tx.connection.fetchrow(_ONE, request, organisation, list(people))
        return _listed(row) if row else None


async def settle(connection: Connection, granted: Sequence[tuple[Any, ...]]) -> None:
    """Have the requests answered that consents were granted for and whose answer was not kept.

    granted: (request, at, grant, end, scopes joined by spaces).
    """
    if granted:
        await connection.execute(_SETTLE, *zip(*sorted(granted), strict=True))


def _listed(row: Any) -> Listed:
    *columns, name, is_withdrawn = row
    columns[9] = tuple(columns[9])
    return Listed(VerificationRequest(*columns), name, is_withdrawn)
