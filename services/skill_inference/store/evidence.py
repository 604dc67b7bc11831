"""Evidence in the derived tables: kept as it was heard, read by person. Names of tables are found by search path."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from services.skill_inference.domain.observation import Mark
from services.skill_inference.domain.reading import Evidence
from services.skill_inference.domain.testimony import Counts, Erasure, Review, Shelf, Statement, Testimony, Voiding
from services.skill_inference.handlers.desk import COSTS, Basis, Standing
from services.skill_inference.store import people
from services.skill_inference.store.alignments import BASIS
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.runtime.postgres import Connection

_COUNT: Final = """
INSERT INTO shelves AS s (source, subject, organisation, facts, head)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
ON CONFLICT (subject, source, organisation) DO UPDATE
SET facts = s.facts + excluded.facts, head = greatest(s.head, excluded.head)
RETURNING source, subject, organisation, facts
"""
_KEEP_STATEMENTS: Final = """
INSERT INTO statements (subject, number, fact_id, organisation, statement, activity, result, occurred_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::float8[],
    $8::timestamptz[])
"""
_KEEP_VOIDINGS: Final = """
INSERT INTO voidings (subject, number, organisation, statement)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
"""
_KEEP_REVIEWS: Final = """
INSERT INTO reviews (subject, number, fact_id, organisation, project, reviewer, marks, occurred_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::timestamptz[])
"""
_STATEMENTS: Final = """
SELECT subject, number, fact_id::text, organisation, statement, activity, result, occurred_at
FROM statements WHERE subject = ANY($1::text[])
"""
_VOIDINGS: Final = "SELECT subject, organisation, statement FROM voidings WHERE subject = ANY($1::text[])"
_REVIEWS: Final = """
SELECT subject, number, fact_id::text, organisation, project, reviewer, marks, occurred_at
FROM reviews WHERE subject = ANY($1::text[])
"""
_MERGED_REVIEWERS: Final = """
SELECT reviewed.subject, reviewed.reviewer
FROM (SELECT DISTINCT subject, reviewer FROM reviews WHERE subject = ANY($1::text[])) AS reviewed
JOIN aliases ON aliases.alias = reviewed.reviewer
"""
_STANDINGS: Final = """
SELECT source, subject, sum(facts)::bigint, max(head),
       subject IN (SELECT v.subject FROM voidings v WHERE v.subject = ANY($1::text[]))
FROM shelves WHERE subject = ANY($1::text[]) GROUP BY source, subject
"""
_STANDINGS_AND_BASIS: Final = f"""
{_STANDINGS}
UNION ALL SELECT NULL, basis.calibration::text, basis.generation, basis.adoption, NULL FROM ({BASIS}) AS basis
"""  # noqa: S608 - a constant
_TABLES: Final = {
    LEARNING_EVENTS.name: ("statements", "voidings"),
    PROJECT_SUBMISSIONS.name: ("reviews",),
}

Members = Mapping[str, Collection[str]]


async def erase(connection: Connection, erasures: Sequence[Erasure]) -> None:
    """Have dropped what was derived from these streams' facts up to the number each erasure names."""
    for source, subject, _, through in erasures:
        if source == IDENTITY.name:
            await connection.execute("DELETE FROM aliases WHERE alias = $1 AND number <= $2", subject, through)
            continue
        for table in _TABLES.get(source, ()):
            await connection.execute(
                f"DELETE FROM {table} WHERE subject = $1 AND number <= $2",  # noqa: S608 - a constant
                subject,
                through,
            )
        await connection.execute("DELETE FROM shelves WHERE source = $1 AND subject = $2", source, subject)


async def count(connection: Connection, counts: Counts) -> dict[Shelf, int]:
    """Have added to the counts of these shelves, and return their new totals."""
    shelves = sorted(counts)
    rows = await connection.fetch(
        _COUNT,
        *_columns(shelves, 3),
        [counts[shelf][0] for shelf in shelves],
        [counts[shelf][1] for shelf in shelves],
    )
    return {Shelf(row[0], row[1], row[2]): row[3] for row in rows}


async def keep(connection: Connection, testimony: Testimony) -> None:
    """Have kept statements, voidings and reviews."""
    if testimony.statements:
        await connection.execute(_KEEP_STATEMENTS, *_columns(testimony.statements, 8))
    if testimony.voidings:
        await connection.execute(_KEEP_VOIDINGS, *_columns(testimony.voidings, 4))
    if testimony.reviews:
        reviews = [review._replace(marks=json.dumps(review.marks)) for review in testimony.reviews]  # type: ignore[arg-type]
        await connection.execute(_KEEP_REVIEWS, *_columns(reviews, 8))


async def standings(connection: Connection, members: Members) -> dict[str, Standing]:
    """Return the standing of each person of whom anything was ever kept."""
    persons = _persons(members)
    found = _standings(await connection.fetch(_STANDINGS, list(persons)), persons)
    return await _with_reviewers(connection, found, persons)


async def standings_and_basis(connection: Connection, members: Members) -> tuple[dict[str, Standing], Basis]:
    """Return the standing of each person of whom anything was ever kept, and what evidence is read by."""
    persons = _persons(members)
    rows = await connection.fetch(_STANDINGS_AND_BASIS, list(persons))
    (basis,) = (Basis(row[2], row[3], int(row[1])) for row in rows if row[0] is None)
    found = _standings((row for row in rows if row[0] is not None), persons)
    return await _with_reviewers(connection, found, persons), basis


def _standings(rows: Iterable[Any], persons: Mapping[str, str]) -> dict[str, Standing]:
    found: dict[str, Standing] = {}
    for source, subject, facts, head, is_voided in rows:
        person, cost = persons[subject], facts * COSTS.get(source, 0)
        known = found.get(person)
        if known is None:
            found[person] = Standing(cost, ((source, subject, head),), is_voided)
        else:
            heads = tuple(sorted((*known.heads, (source, subject, head))))
            found[person] = Standing(known.cost + cost, heads, known.has_voidings or is_voided)
    return found


async def _with_reviewers(
    connection: Connection, standings: dict[str, Standing], persons: Mapping[str, str]
) -> dict[str, Standing]:
    """Return the standings with the merged among the reviewers. Nothing is asked where nobody was reviewed."""
    reviewed = [
        subject
        for subject, person in persons.items()
        if person in standings and PROJECT_SUBMISSIONS.name in standings[person].sources
    ]
    rows = await connection.fetch(_MERGED_REVIEWERS, reviewed) if reviewed else []
    if not rows:
        return standings
    around = await people.people(connection, {reviewer for _, reviewer in rows})
    merged: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for subject, reviewer in rows:
        merged[persons[subject]].add((reviewer, around.canonical(reviewer)))
    return standings | {
        person: standings[person]._replace(reviewers=frozenset(pairs)) for person, pairs in merged.items()
    }


async def voided(connection: Connection, members: Members) -> set[tuple[str, str, str]]:
    """Return the voided statements of each person as (person, organisation, statement), be they kept or not."""
    if not members:
        return set()
    persons = _persons(members)
    return {(persons[row[0]], row[1], row[2]) for row in await connection.fetch(_VOIDINGS, list(persons))}


async def evidence(
    connection: Connection, members: Members, standings: Mapping[str, Standing] | None = None
) -> dict[str, Evidence]:
    """Return all that is kept of each person, statements that any id of theirs voided left out.

    A review names its reviewer by the id that stands for them now.
    standings: where they are known; what nobody has is not looked for then.
    """
    persons = _persons(members)
    subjects = list(persons)
    void = await voided(connection, _with_voidings(members, standings))
    statements: defaultdict[str, list[Statement]] = defaultdict(list)
    for row in await connection.fetch(_STATEMENTS, subjects):
        person = persons[row[0]]
        if (person, row[3], row[4]) not in void:
            statements[person].append(Statement(*row))
    reviews: defaultdict[str, list[Review]] = defaultdict(list)
    if standings is None or any(PROJECT_SUBMISSIONS.name in standings[one].sources for one in members):
        kept = [_review(row) for row in await connection.fetch(_REVIEWS, subjects)]
        around = await people.people(connection, {one.reviewer for one in kept})
        for one in kept:
            reviews[persons[one.subject]].append(one._replace(reviewer=around.canonical(one.reviewer)))
    return {person: Evidence(tuple(statements[person]), tuple(reviews[person])) for person in members}


def _with_voidings(members: Members, standings: Mapping[str, Standing] | None) -> Members:
    if standings is None:
        return members
    return {person: ids for person, ids in members.items() if standings[person].has_voidings}


def _review(row: Any) -> Review:
    subject, number, fact, organisation, project, reviewer, marks, occurred_at = row
    read = tuple(Mark(*mark) for mark in json.loads(marks))
    return Review(subject, number, fact, organisation, project, reviewer, read, occurred_at)


def _persons(members: Members) -> dict[str, str]:
    return {subject: person for person, ids in members.items() for subject in ids}


def _columns(rows: Iterable[Statement | Voiding | Review | Shelf], width: int) -> list[list[Any]]:
    """Return the rows' columns as arrays, as unnest takes them."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
