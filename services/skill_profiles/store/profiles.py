"""Reads profiles: a statement a table, for a person and everybody who is one with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from services.skill_profiles.domain.profile import (
    ITEMS_MAX,
    Checkpoint,
    Credential,
    EvidenceItem,
    Learning,
    Profile,
    Project,
    Review,
    ReviewMark,
    SkillLevel,
    Submission,
)
from services.skill_profiles.handlers.reading import Members
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

_MEMBERS: Final = """
WITH members AS (SELECT $1::text AS person UNION SELECT alias FROM aliases WHERE canonical = $1)
SELECT ARRAY(SELECT person FROM members WHERE person <> $1 ORDER BY person),
       EXISTS (SELECT 1 FROM positions p JOIN members ON p.subject = members.person
               WHERE p.source = 'identity' AND p.parked_number IS NOT NULL)
"""
# Versions never shrink: whoever was once part of the person goes on counting after a split.
_VERSION: Final = """
SELECT coalesce(sum(facts), 0)::bigint FROM heard_facts WHERE person = $1
    OR person = ANY ($2::text[]) OR person IN (SELECT alias FROM members_ever WHERE canonical = $1)
"""
_SKILLS: Final = """
SELECT skill, layer, level, mean, variance, interval_low, interval_high, level_probabilities, works, raters,
       observations, has_deployment_attestation, assurance_mix, last_evidence_at, half_life_days, release
FROM estimates WHERE person = $1 ORDER BY layer, skill
"""
_PROJECTS: Final = """
SELECT project, title, occurred_at FROM projects WHERE person = ANY ($1::text[])
ORDER BY occurred_at DESC, person, number DESC LIMIT $2
"""
_SUBMISSIONS: Final = """
SELECT submission, project, head_commit, commits, authorship_share, occurred_at FROM submissions
WHERE person = ANY ($1::text[]) ORDER BY occurred_at DESC, person, number DESC LIMIT $2
"""
_EVIDENCE: Final = """
SELECT evidence, submission, project, kind, grade, digest, summary, occurred_at FROM evidence
WHERE person = ANY ($1::text[]) ORDER BY occurred_at DESC, person, number DESC LIMIT $2
"""
_GRADES: Final = """
SELECT grade, count(*) FROM evidence WHERE person = ANY ($1::text[]) GROUP BY grade ORDER BY grade
"""
_REVIEWS: Final = """
SELECT review, submission, project, reviewer, rubric, marks, occurred_at FROM reviews
WHERE person = ANY ($1::text[]) ORDER BY occurred_at DESC, person, number DESC LIMIT $2
"""
_CREDENTIALS: Final = """
SELECT c.credential, c.skill, c.level, c.issuer, c.digest, c.policy, c.release, c.valid_from, c.valid_until,
       r.revoked_at, r.reason, c.occurred_at
FROM credentials c LEFT JOIN revocations r USING (person, credential)
WHERE c.person = ANY ($1::text[]) ORDER BY c.occurred_at DESC, c.credential LIMIT $2
"""
_LEARNING: Final = """
SELECT coalesce(sum(statements), 0)::bigint, coalesce(sum(voided), 0)::bigint, max(last_at) FROM learning
WHERE person = ANY ($1::text[])
"""
_CHECKPOINTS: Final = "SELECT origin, size, root, published_at FROM checkpoints ORDER BY origin LIMIT $1"


class PostgresProfiles:
    """A ProfileStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def members(self, person: str) -> Members:
        """Return the person with their aliases; the table of aliases is never followed to somebody else's id."""
        async with self._backbone.door(None) as tx:
            row = await tx.connection.fetchrow(_MEMBERS, person)
        return Members(person, tuple(row[0]), row[1])

    async def profile(self, person: str, aliases: Sequence[str]) -> Profile:
        """Return the profile of a canonical person and their aliases; empty for one nobody told of.

        Estimates are the canonical person's own: theirs already count what is known of the aliases.
        """
        people = [person, *aliases]
        async with self._backbone.door(None) as tx:
            connection = tx.connection
            # First: what is read after it may be newer than the version says, never older.
            version = await connection.fetchval(_VERSION, person, list(aliases))
            return Profile(
                person,
                version,
                skills=tuple(map(_skill, await connection.fetch(_SKILLS, person))),
                projects=tuple(Project(*row) for row in await connection.fetch(_PROJECTS, people, ITEMS_MAX)),
                submissions=tuple(Submission(*row) for row in await connection.fetch(_SUBMISSIONS, people, ITEMS_MAX)),
                evidence=tuple(EvidenceItem(*row) for row in await connection.fetch(_EVIDENCE, people, ITEMS_MAX)),
                evidence_grades={row[0]: row[1] for row in await connection.fetch(_GRADES, people)},
                reviews=tuple(map(_review, await connection.fetch(_REVIEWS, people, ITEMS_MAX))),
                credentials=tuple(Credential(*row) for row in await connection.fetch(_CREDENTIALS, people, ITEMS_MAX)),
                learning=Learning(*await connection.fetchrow(_LEARNING, people)),
                checkpoints=tuple(Checkpoint(*row) for row in await connection.fetch(_CHECKPOINTS, ITEMS_MAX)),
            )


async def organisation_names(connection: Connection, organisations: Sequence[str]) -> dict[str, str]:
    """Return the names of those organisations that were told of."""
    rows = await connection.fetch("SELECT id, name FROM organisation_names WHERE id = ANY ($1)", list(organisations))
    return {row[0]: row[1] for row in rows}


def _skill(row: Any) -> SkillLevel:
    columns = list(row)
    columns[7] = tuple(map(float, orjson.loads(row[7])))
    columns[12] = orjson.loads(row[12])
    return SkillLevel(*columns)


def _review(row: Any) -> Review:
    columns = list(row)
    columns[5] = tuple(ReviewMark(*mark) for mark in orjson.loads(row[5]))
    return Review(*columns)
