"""What was heard and issued, inside one open transaction of the consumer or of a job. Batches go by arrays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from services.credential_issuing.domain.earning import ToldEstimate
from services.credential_issuing.domain.evidence import Testimony
from services.credential_issuing.domain.policy import Held
from services.credential_issuing.handlers.hearing import HeardTestimony
from services.credential_issuing.handlers.issuing import HeldCredential, Issued, OpenList
from services.credential_issuing.handlers.office import Office
from shared.events.event import decode
from shared.events.fact import NewFact
from shared.events.project_submissions import EvidenceGraded, ReviewCompleted
from shared.kernel.ids import CredentialId, FactId, PersonId
from shared.runtime.postgres import Connection

Tell = Callable[[Sequence[NewFact]], Awaitable[Any]]

ISSUER_LOCK: Final = 0x7374_6C73
"""The first half of the lock of an issuer's open list; "stls" in ASCII. Keys in halves never meet those of subjects."""

FAMILIES: Final = """
WITH RECURSIVE up (of, person) AS (
    SELECT person, person FROM unnest($1::text[]) AS person
    UNION SELECT up.of, a.canonical FROM aliases a JOIN up ON a.alias = up.person),
down (of, person) AS (
    SELECT of, person FROM up UNION SELECT down.of, a.alias FROM aliases a JOIN down ON a.canonical = down.person)
SELECT of, person FROM down
"""
_HELD: Final = """
SELECT c.person, c.skill, c.rule, c.id, c.level, c.valid_until, e.revoked_at IS NOT NULL
FROM credentials c JOIN status_entries e USING (list, index) WHERE c.person = ANY($1::text[])
"""
_TESTIMONIES: Final = """
SELECT person, fact_id::text, type, data FROM testimonies WHERE person = ANY($1::text[]) AND data IS NOT NULL
"""
_MISSING: Final = """
SELECT fact::text FROM unnest($1::uuid[]) AS fact WHERE NOT EXISTS (SELECT FROM testimonies t WHERE t.fact_id = fact)
"""
_WAIT: Final = """
INSERT INTO waiting (fact_id, person, skill, number, at, data, needed) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_KEEP: Final = """
INSERT INTO testimonies (fact_id, person, number, type, data)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::bytea[])
"""
_NOTE_ALIAS: Final = """
INSERT INTO aliases (alias, canonical) VALUES ($1, $2)
ON CONFLICT (alias) DO UPDATE SET canonical = excluded.canonical
"""
_NOTE_ERASURE: Final = """
INSERT INTO erasures AS e (person, source, through) VALUES ($1, $2, $3)
ON CONFLICT (person, source) DO UPDATE SET through = greatest(e.through, excluded.through)
"""
REGISTER_KEY: Final = """
INSERT INTO issuer_keys (did, multikey, added_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_NEWEST_LIST: Final = "SELECT id, url, allocated FROM status_lists WHERE did = $1 ORDER BY id DESC LIMIT 1"
_ADD_LIST: Final = "INSERT INTO status_lists (id, did, url) VALUES ($1, $2, $3)"
_TAKE: Final = """
INSERT INTO status_entries (list, index) SELECT $1, index FROM unnest($2::integer[]) AS index
ON CONFLICT DO NOTHING RETURNING index
"""
_ALLOCATE: Final = "UPDATE status_lists SET allocated = allocated + $2 WHERE id = $1"
_SAVE: Final = """
INSERT INTO credentials (id, person, skill, level, rule, renewal, estimate, estimate_number, fact_id, issued_at,
    valid_until, list, index, document)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::text[], $6::smallint[], $7::uuid[],
    $8::bigint[], $9::uuid[], $10::timestamptz[], $11::timestamptz[], $12::bigint[], $13::integer[], $14::bytea[])
"""


async def families(connection: Connection, people: Collection[str]) -> Mapping[PersonId, frozenset[PersonId]]:
    """Return for each person everybody who is one person with them at present, themself included."""
    found: defaultdict[PersonId, set[PersonId]] = defaultdict(set)
    for of, person in await connection.fetch(FAMILIES, list(people)):
        found[of].add(person)
    return {person: frozenset(family) for person, family in found.items()}


class PostgresLedger:
    """The ledger in one open transaction. tell: appends facts in it, whose subjects it holds."""

    def __init__(self, connection: Connection, tell: Tell) -> None:
        self._connection = connection
        self._tell = tell

    # What was heard

    async def keep(self, testimonies: Sequence[HeardTestimony]) -> None:
        """Store these facts."""
        if testimonies:
            await self._connection.execute(
                _KEEP,
                [each.fact for each in testimonies],
                [each.person for each in testimonies],
                [each.number for each in testimonies],
                [each.type for each in testimonies],
                [each.data for each in testimonies],
            )

    async def forget_waiting(self, person: PersonId, skill: str, before: int) -> None:
        """Forget the estimates of this skill, told before the fact of this number, that wait for evidence."""
        await self._connection.execute(
            "DELETE FROM waiting WHERE person = $1 AND skill = $2 AND number < $3", person, skill, before
        )

    async def note_alias(self, alias: PersonId, canonical: PersonId | None) -> None:
        """Have `alias` known as another's id, or as nobody's but its own."""
        if canonical is None:
            await self._connection.execute("DELETE FROM aliases WHERE alias = $1", alias)
        else:
            await self._connection.execute(_NOTE_ALIAS, alias, canonical)

    async def note_erasure(self, person: PersonId, source: str, through: int, *, is_of_the_person: bool) -> None:
        """Have this erasure carried out; when it is of the person, have nothing issued to them any more."""
        await self._connection.execute(_NOTE_ERASURE, person, source, through)
        if is_of_the_person:
            await self._connection.execute("INSERT INTO erased_people VALUES ($1) ON CONFLICT DO NOTHING", person)

    async def claim_waiting(self, fact: FactId) -> bool:
        """Forget that this estimate waits; return False when it does not wait any more."""
        claimed = await self._connection.fetchval("DELETE FROM waiting WHERE fact_id = $1 RETURNING true", fact)
        return claimed is True

    # What the decision is made from

    async def families(self, people: Collection[PersonId]) -> Mapping[PersonId, frozenset[PersonId]]:
        """Return for each person everybody who is one person with them at present, themself included."""
        return await families(self._connection, people)

    async def erased(self, people: Collection[PersonId]) -> Collection[PersonId]:
        """Return those of these people whom identity erased."""
        rows = await self._connection.fetch(
            "SELECT person FROM erased_people WHERE person = ANY($1::text[])", list(people)
        )
        return [row[0] for row in rows]

    async def held(self, people: Collection[PersonId]) -> Sequence[HeldCredential]:
        """Return every credential of these people, whatever became of it."""
        rows = await self._connection.fetch(_HELD, list(people))
        return [
            HeldCredential(row[0], row[1], row[2], Held(CredentialId(row[3]), row[4], row[5], row[6])) for row in rows
        ]

    async def testimonies(self, people: Collection[PersonId]) -> Mapping[PersonId, Sequence[Testimony]]:
        """Return what was heard of these people's submissions and not erased."""
        found: defaultdict[PersonId, list[Testimony]] = defaultdict(list)
        for person, fact, type_, data in await self._connection.fetch(_TESTIMONIES, list(people)):
            event = decode(type_, data)
            assert isinstance(event, ReviewCompleted | EvidenceGraded)
            found[person].append(Testimony(fact, event, data))
        return found

    async def missing(self, facts: Collection[str]) -> frozenset[str]:
        """Return those of these facts that were not heard."""
        rows = await self._connection.fetch(_MISSING, list(facts)) if facts else []
        return frozenset(row[0] for row in rows)

    async def wait(self, told: ToldEstimate, needed: Collection[str]) -> None:
        """Keep an estimate until the facts it needs were heard."""
        data = told.event.encode()
        await self._connection.execute(
            _WAIT, told.fact, told.person, told.event.skill, told.number, told.at, data, list(needed)
        )

    # What is issued

    async def register_key(self, did: str, multikey: str, at: Any) -> None:
        """Have the issuer's document list this key from now on."""
        await self._connection.execute(REGISTER_KEY, did, multikey, at)

    async def open_list(self, office: Office) -> OpenList:
        """Return the issuer's newest list, one made now if there is none; nobody else takes entries meanwhile."""
        await self._connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", ISSUER_LOCK, office.issuer.did)
        row = await self._connection.fetchrow(_NEWEST_LIST, office.issuer.did)
        return await self.next_list(office) if row is None else OpenList(row[0], row[1], row[2])

    async def next_list(self, office: Office) -> OpenList:
        """Return a list made now. Only while `open_list` is held."""
        number = await self._connection.fetchval("SELECT nextval('status_list_ids')")
        await self._connection.execute(_ADD_LIST, number, office.issuer.did, office.list_url(number))
        return OpenList(number, office.list_url(number), 0)

    async def take(self, open_list: OpenList, indexes: Collection[int]) -> Sequence[int]:
        """Take those of these entries that are free, and return them."""
        rows = await self._connection.fetch(_TAKE, open_list.id, list(indexes))
        await self._connection.execute(_ALLOCATE, open_list.id, len(rows))
        return [row[0] for row in rows]

    async def save(self, issued: Sequence[Issued]) -> None:
        """Store the credentials."""
        columns = zip(*(_row(each) for each in issued), strict=True)
        await self._connection.execute(_SAVE, *(list(column) for column in columns))

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append the facts in the same transaction."""
        await self._tell(facts)


def _row(issued: Issued) -> tuple[Any, ...]:
    told, decision = issued.earned.told, issued.earned.decision
    return (
        issued.earned.id,
        told.person,
        decision.skill,
        decision.level,
        decision.rule,
        issued.earned.renewal,
        told.fact,
        told.number,
        issued.fact,
        issued.issued_at,
        decision.valid_until,
        issued.place.list,
        issued.place.entry.index,
        issued.signed.canonical,
    )
