"""The SQL that takes erased people's identifiers out of what others said, table by table, in bounded steps.

Every row of the organisation is looked at: an identifier may stand anywhere in it. The database finds candidates by
bytes, a page a question; what they really say is decided by the domain. A row that has changed since it was read stays
as it is for now, and is seen the second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final, cast

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.erased_identifiers import Redaction
from services.learning_events.domain.signed import SIGNATURE
from services.learning_events.domain.terms import agent_term, terms_of
from services.learning_events.store.gate import hold_gate
from services.learning_events.store.search_index import Row, lose_places, term_key
from shared.kernel import canonical_json
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

PAGE: Final = 250
"""Statements looked at in one question: some milliseconds; each may have 1 MiB, though few have more than one KB."""
CHANGED_AT_ONCE: Final = 100
"""Statements changed in one transaction, which keeps those out who refer to others."""
CONTENT_PAGE: Final = 64
"""Documents, originals and definitions looked at in one; each may have 1 MiB."""
FORGOTTEN_AT_ONCE: Final = 500

_NAMES: Final = "EXISTS (SELECT FROM unnest($2::bytea[]) AS part WHERE position(part IN {column}) > 0)"
# Of each page the hits, and the last row, behind which the next page begins.
_SEEN: Final = """
SELECT * FROM (SELECT *, row_number() OVER () = count(*) OVER () AS is_last FROM page) AS seen
WHERE is_hit OR is_last
"""
_STATEMENTS: Final = f"""
WITH looked AS MATERIALIZED (
    SELECT epoch, xid, place, id, stored_at, person, original FROM statements
    WHERE organisation = $1 AND is_test = $6 AND (epoch, xid, place) > ($7::integer, $8::text::xid8, $9::integer)
    ORDER BY epoch, xid, place LIMIT $3),
page AS (
    SELECT epoch, xid::text, place, id, stored_at, person, original,
        stored_at <= $4 AND (person IS NULL OR person <> ALL ($5::text[]))
        AND {_NAMES.format(column="original")} AS is_hit
    FROM looked ORDER BY epoch, looked.xid, place)
{_SEEN}
"""  # noqa: S608 - constants
_DOCUMENTS: Final = f"""
WITH page AS MATERIALIZED (
    SELECT is_test, shelf, registration, name, modified_at, content,
        modified_at <= $4 AND (person IS NULL OR person <> ALL ($5::text[]))
        AND ({_NAMES.format(column="content")} OR {_NAMES.format(column="convert_to(name, 'UTF8')")}) AS is_hit
    FROM documents WHERE organisation = $1 AND (is_test, shelf, registration, name) > ($6, $7, $8, $9)
    ORDER BY is_test, shelf, registration, name LIMIT $3)
{_SEEN}
"""  # noqa: S608 - constants
_ORIGINALS: Final = f"""
WITH page AS MATERIALIZED (
    SELECT id, stored_at, entity, envelope, content,
        stored_at <= $4 AND (person IS NULL OR person <> ALL ($5::text[])) AND content IS NOT NULL
        AND ({_NAMES.format(column="content")} OR {_NAMES.format(column="envelope")}) AS is_hit
    FROM originals WHERE organisation = $1 AND id > $6::uuid ORDER BY id LIMIT $3)
{_SEEN}
"""  # noqa: S608 - constants
_DEFINITIONS: Final = f"""
WITH page AS MATERIALIZED (
    SELECT is_test, activity, digest, person, told_at, content,
        told_at <= $4 AND person <> ALL ($5::text[]) AND {_NAMES.format(column="content")} AS is_hit
    FROM activity_definitions WHERE organisation = $1 AND (is_test, activity, digest, person) > ($6, $7, $8, $9)
    ORDER BY is_test, activity, digest, person LIMIT $3)
{_SEEN}
"""  # noqa: S608 - constants
_CHANGE_STATEMENTS: Final = """
UPDATE statements AS s SET original = new.original
FROM unnest($2::uuid[], $3::bytea[], $4::bytea[]) AS new (id, original, before)
WHERE s.organisation = $1 AND s.id = new.id AND s.original = new.before RETURNING s.id
"""
_FORGET_TERMS: Final = """
DELETE FROM searchable WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM searchable WHERE term = ANY ($1::bigint[]) AND stored_at <= $2 LIMIT $3))
"""
_FORGET_SIGNATURES: Final = """
WITH named AS (SELECT * FROM unnest($2::uuid[], $3::text[]) AS named (statement, sha2)),
gone AS (DELETE FROM attached AS a USING named
    WHERE a.organisation = $1 AND a.statement = named.statement AND a.sha2 = named.sha2 RETURNING a.sha2)
DELETE FROM attachments AS a WHERE a.organisation = $1 AND a.sha2 IN (SELECT sha2 FROM gone)
    AND NOT EXISTS (SELECT FROM attached AS other WHERE other.organisation = $1 AND other.sha2 = a.sha2
        AND (other.statement, other.sha2) NOT IN (SELECT statement, sha2 FROM named))
"""
_DOCUMENT: Final = "organisation = $1 AND is_test = $2 AND shelf = $3 AND registration = $4 AND name = $5"
_CHANGE_DOCUMENT: Final = f"UPDATE documents SET content = $7, modified_at = $8 WHERE {_DOCUMENT} AND content = $6"  # noqa: S608 - a constant
_DROP_DOCUMENT: Final = f"DELETE FROM documents WHERE {_DOCUMENT} AND content = $6"  # noqa: S608 - a constant
_CHANGE_ORIGINAL: Final = """
UPDATE originals SET entity = $3, envelope = $4, content = $5 WHERE organisation = $1 AND id = $2
"""
_DROP_DEFINITION: Final = """
DELETE FROM activity_definitions
WHERE organisation = $1 AND is_test = $2 AND activity = $3 AND digest = $4 AND person = $5
"""
_NIL: Final = "00000000-0000-0000-0000-000000000000"


class PostgresErasedIdentifiers:
    """What an organisation said, of which identifiers are to be removed."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def remove(self, organisation: str, redaction: Redaction) -> None:
        """Have the accounts named nowhere in what was stored until they were erased. Safe to repeat.

        What the erased people said themselves is left: it is emptied as a whole.
        """
        for is_test in (False, True):
            await self._from_statements(organisation, redaction, is_test=is_test)
            await self._from_index(organisation, redaction, is_test=is_test)
        await self._from_documents(organisation, redaction)
        await self._from_originals(organisation, redaction)
        await self._from_definitions(organisation, redaction)

    async def _from_statements(self, organisation: str, redaction: Redaction, *, is_test: bool) -> None:
        sought = (organisation, redaction.fragments(), PAGE, redaction.until, redaction.people)
        async for rows in self._pages(_STATEMENTS, sought, (is_test, -1, "0", 0), lambda row: (is_test, *row[:3])):
            changes = [change for row in rows if (change := _Change.of(row, redaction)) is not None]
            for start in range(0, len(changes), CHANGED_AT_ONCE):
                async with self._backbone.backbone() as tx:
                    await hold_gate(tx.connection, organisation)
                    few = changes[start : start + CHANGED_AT_ONCE]
                    await _change_statements(tx.connection, organisation, is_test, few)

    async def _from_index(self, organisation: str, redaction: Redaction, *, is_test: bool) -> None:
        """Have nothing found by the accounts any more, what refers to other statements included."""
        for name, until in redaction.identifiers():
            terms = [term_key(organisation, is_test, agent_term(name, is_broad=broad)) for broad in (False, True)]
            while True:
                async with self._backbone.backbone() as tx:
                    await hold_gate(tx.connection, organisation)
                    told = await tx.connection.execute(_FORGET_TERMS, terms, until, FORGOTTEN_AT_ONCE)
                if int(told.rpartition(" ")[2]) < FORGOTTEN_AT_ONCE:
                    break

    async def _from_documents(self, organisation: str, redaction: Redaction) -> None:
        sought = (organisation, redaction.loose_fragments(), CONTENT_PAGE, redaction.until, redaction.people)
        async for rows in self._pages(_DOCUMENTS, sought, (False, b"", "", ""), lambda row: tuple(row[:4])):
            for is_test, shelf, registration, name, modified_at, content, *_ in rows:
                before = redaction.until_then(modified_at)
                key = (organisation, is_test, shelf, registration, name, content)
                changed = before.content(content)
                async with self._backbone.backbone() as tx:
                    if changed == b"" or before.text(name) != name:
                        await tx.connection.execute(_DROP_DOCUMENT, *key)
                    elif changed is not None:
                        await tx.connection.execute(_CHANGE_DOCUMENT, *key, changed, self._backbone.clock.now())

    async def _from_originals(self, organisation: str, redaction: Redaction) -> None:
        sought = (organisation, redaction.loose_fragments(), CONTENT_PAGE, redaction.until, redaction.people)
        async for rows in self._pages(_ORIGINALS, sought, (_NIL,), lambda row: (row[0],)):
            for original_id, stored_at, entity, envelope, content, *_ in rows:
                before = redaction.until_then(stored_at)
                changed = (
                    None if entity is None else before.text(entity),
                    _or_else(before.content(envelope), envelope),
                    _or_else(before.content(content), content),
                )
                if changed != (entity, envelope, content):
                    async with self._backbone.backbone() as tx:
                        await tx.connection.execute(_CHANGE_ORIGINAL, organisation, original_id, *changed)

    async def _from_definitions(self, organisation: str, redaction: Redaction) -> None:
        """Have removed what is told of activities with a person in it: it can be told anew without."""
        sought = (organisation, redaction.fragments(), CONTENT_PAGE, redaction.until, redaction.people)
        async for rows in self._pages(_DEFINITIONS, sought, (False, b"", b"", ""), lambda row: tuple(row[:4])):
            for *key, told_at, content, _, _ in rows:
                if redaction.until_then(told_at).json(content) is not None:
                    async with self._backbone.backbone() as tx:
                        await tx.connection.execute(_DROP_DEFINITION, organisation, *key)

    async def _pages(
        self, question: str, sought: tuple[Any, ...], start: tuple[Any, ...], key: Any
    ) -> AsyncIterator[Sequence[Any]]:
        """Yield the hits of each page, to the last."""
        while True:
            async with self._backbone.reading() as connection:
                rows = await connection.fetch(question, *sought, *start)
            if not rows:
                return
            yield [row for row in rows if row["is_hit"]]
            start = key(rows[-1])


class _Change:
    """A statement that names somebody erased: what is kept of it, and by what it is found no more."""

    def __init__(self, row: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
        self.id = row["id"]
        self.at = (row["stored_at"], row["xid"], row["place"])
        self.before = row["original"]
        self.after = canonical_json.dumps(after)
        self.lost_terms = set(terms_of(before)) - set(terms_of(after))
        self.signatures = [
            one["sha2"].lower() for one in before.get("attachments", ()) if one.get("usageType") == SIGNATURE
        ]

    @classmethod
    def of(cls, row: Any, redaction: Redaction) -> _Change | None:
        """Return what changes; None where nothing does, or where who acted is a stranger with the identifier."""
        original = row["original"]
        statement = cast("dict[str, Any]", canonical_json.loads(original, bytes_max=len(original)))
        then = redaction.until_then(row["stored_at"])
        acting = then.concerns(identifier(statement["actor"], ""))
        if acting is not None and row["person"] not in (None, acting):
            return None
        after = then.value(statement)
        return None if after == statement else cls(row, statement, after)


async def _change_statements(
    connection: Connection, organisation: str, is_test: bool, changes: Sequence[_Change]
) -> None:
    ordered = sorted(changes, key=lambda one: str(one.id))
    columns = ([one.id for one in ordered], [one.after for one in ordered], [one.before for one in ordered])
    changed = {row[0] for row in await connection.fetch(_CHANGE_STATEMENTS, organisation, *columns)}
    done = [one for one in ordered if one.id in changed]
    await _lose_terms(connection, organisation, is_test, done)
    signatures = [(one.id, sha2) for one in done for sha2 in one.signatures]
    if signatures:
        statements, hashes = zip(*signatures, strict=True)
        await connection.execute(_FORGET_SIGNATURES, organisation, list(statements), list(hashes))


async def _lose_terms(connection: Connection, organisation: str, is_test: bool, changes: Iterable[_Change]) -> None:
    lost: defaultdict[Row, set[int]] = defaultdict(set)
    for one in changes:
        stored_at, xid, place = one.at
        for term in one.lost_terms:
            lost[term_key(organisation, is_test, term), stored_at, xid].add(place)
    await lose_places(connection, lost)


def _or_else(changed: bytes | None, kept: bytes | None) -> bytes | None:
    return kept if changed is None else changed
