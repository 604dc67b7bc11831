"""Writes what a batch of facts leaves behind: a statement a table, whatever the batch holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import orjson

from services.skill_profiles.domain.folding import Folded, Row
from shared.events.credentials import CredentialIssued
from shared.events.fact import Fact
from shared.events.skill_estimates import EstimateRevised
from shared.events.sources import (
    CREDENTIAL_ISSUING,
    IDENTITY,
    LEARNING_EVENTS,
    PROJECT_SUBMISSIONS,
    RECORD_LOG,
    SKILL_INFERENCE,
)
from shared.runtime.postgres import Connection

_TRACES: Final[Mapping[str, tuple[str, ...]]] = {
    IDENTITY.name: (
        "DELETE FROM aliases WHERE alias = ANY ($1::text[])",
        "DELETE FROM members_ever WHERE canonical = ANY ($1::text[])",
        "DELETE FROM organisation_names WHERE id = ANY ($1::text[])",
        "DELETE FROM grants WHERE person = ANY ($1::text[])",
    ),
    LEARNING_EVENTS.name: ("DELETE FROM learning WHERE person = ANY ($1::text[])",),
    PROJECT_SUBMISSIONS.name: (
        "DELETE FROM projects WHERE person = ANY ($1::text[])",
        "DELETE FROM submissions WHERE person = ANY ($1::text[])",
        "DELETE FROM evidence WHERE person = ANY ($1::text[])",
        "DELETE FROM reviews WHERE person = ANY ($1::text[])",
    ),
    SKILL_INFERENCE.name: ("DELETE FROM estimates WHERE person = ANY ($1::text[])",),
    CREDENTIAL_ISSUING.name: (
        "DELETE FROM credentials WHERE person = ANY ($1::text[])",
        "DELETE FROM revocations WHERE person = ANY ($1::text[])",
    ),
    RECORD_LOG.name: ("DELETE FROM checkpoints WHERE origin = ANY ($1::text[])",),
}
"""What goes with an erased stream, by source: $1 are the subjects."""

_ALIASES: Final = """
INSERT INTO aliases (alias, canonical, number) SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (alias) DO UPDATE SET canonical = excluded.canonical, number = excluded.number
"""
_MEMBERS_EVER: Final = """
INSERT INTO members_ever (canonical, alias) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING
"""
_FACTS: Final = """
INSERT INTO heard_facts AS h (person, facts) SELECT * FROM unnest($1::text[], $2::bigint[])
ON CONFLICT (person) DO UPDATE SET facts = h.facts + excluded.facts
"""
_ORGANISATIONS: Final = """
INSERT INTO organisation_names (id, name) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (id) DO UPDATE SET name = excluded.name
"""
_GRANTED: Final = """
INSERT INTO grants (person, grant_id, organisation, expires_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (person, grant_id) DO UPDATE SET expires_at = excluded.expires_at
"""
_WITHDRAWN: Final = """
INSERT INTO grants (person, grant_id, organisation, withdrawn_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (person, grant_id) DO UPDATE SET withdrawn_at = excluded.withdrawn_at
"""
_LEARNING: Final = """
INSERT INTO learning AS l (person, statements, voided, last_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (person) DO UPDATE SET statements = l.statements + excluded.statements,
    voided = l.voided + excluded.voided, last_at = greatest(l.last_at, excluded.last_at)
"""
_PROJECTS: Final = """
INSERT INTO projects (person, number, occurred_at, project, title)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[])
"""
_SUBMISSIONS: Final = """
INSERT INTO submissions (person, number, occurred_at, submission, project, head_commit, commits, authorship_share)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::bigint[],
                     $8::float8[])
"""
_EVIDENCE: Final = """
INSERT INTO evidence (person, number, occurred_at, evidence, submission, project, kind, grade, digest, summary)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::text[], $10::text[])
"""
_REVIEWS: Final = """
INSERT INTO reviews (person, number, occurred_at, review, submission, project, reviewer, rubric, marks)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::text[], $9::jsonb[])
"""
_ESTIMATES: Final = """
INSERT INTO estimates (person, number, skill, layer, level, mean, variance, interval_low, interval_high,
    level_probabilities, works, raters, observations, has_deployment_attestation, assurance_mix, last_evidence_at,
    half_life_days, release)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::float8[], $7::float8[],
    $8::float8[], $9::float8[], $10::jsonb[], $11::integer[], $12::integer[], $13::integer[], $14::boolean[],
    $15::jsonb[], $16::timestamptz[], $17::float8[], $18::text[])
ON CONFLICT (person, skill) DO UPDATE SET number = excluded.number, layer = excluded.layer, level = excluded.level,
    mean = excluded.mean, variance = excluded.variance, interval_low = excluded.interval_low,
    interval_high = excluded.interval_high, level_probabilities = excluded.level_probabilities, works = excluded.works,
    raters = excluded.raters, observations = excluded.observations,
    has_deployment_attestation = excluded.has_deployment_attestation, assurance_mix = excluded.assurance_mix,
    last_evidence_at = excluded.last_evidence_at, half_life_days = excluded.half_life_days, release = excluded.release
"""
_ESTIMATES_GONE: Final = """
DELETE FROM estimates e USING unnest($1::text[], $2::text[]) AS gone (person, skill)
WHERE e.person = gone.person AND e.skill = gone.skill
"""
_ISSUED: Final = """
INSERT INTO credentials (person, number, occurred_at, credential, skill, level, issuer, digest, policy, release,
    valid_from, valid_until)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[], $4::text[], $5::text[], $6::integer[], $7::text[],
    $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[])
ON CONFLICT (person, credential) DO UPDATE SET number = excluded.number, occurred_at = excluded.occurred_at,
    skill = excluded.skill, level = excluded.level, issuer = excluded.issuer, digest = excluded.digest,
    policy = excluded.policy, release = excluded.release, valid_from = excluded.valid_from,
    valid_until = excluded.valid_until
"""
_REVOKED: Final = """
INSERT INTO revocations (person, credential, revoked_at, reason)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[])
ON CONFLICT (person, credential) DO UPDATE SET revoked_at = excluded.revoked_at, reason = excluded.reason
"""
_CHECKPOINTS: Final = """
INSERT INTO checkpoints (origin, size, root, published_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[])
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, published_at = excluded.published_at
"""


async def write_folded(connection: Connection, folded: Folded) -> None:
    """Have written what `folded` says."""
    await _remove_traces(connection, folded)
    await _write(connection, _FACTS, folded.facts.items())
    await _write(connection, _ALIASES, ((alias, *known) for alias, known in folded.aliases.items()))
    await _write(connection, _MEMBERS_EVER, folded.members_ever)
    await _write(connection, _ORGANISATIONS, folded.organisations.items())
    await _write_grants(connection, folded)
    counted = folded.learning.items()
    await _write(connection, _LEARNING, ((person, c.statements, c.voided, c.last_at) for person, c in counted))
    await _write_projects(connection, folded)
    await _write_estimates(connection, folded)
    await _write_credentials(connection, folded)
    heads = folded.checkpoints.items()
    await _write(connection, _CHECKPOINTS, ((o, head.size, head.root, fact.occurred_at) for o, (fact, head) in heads))


async def _write(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> None:
    """Execute `statement` with a column an argument; rows sorted, so that two transactions meet them in one order."""
    columns = list(zip(*sorted(rows, key=_first), strict=True))
    if columns:
        await connection.execute(statement, *columns)


def _first(row: Sequence[Any]) -> str:
    return str(row[0])


async def _remove_traces(connection: Connection, folded: Folded) -> None:
    subjects: dict[str, list[str]] = {}
    for source, subject in sorted(folded.erased):
        subjects.setdefault(source, []).append(subject)
    for source, names in subjects.items():
        for statement in _TRACES[source]:
            await connection.execute(statement, names)


async def _write_grants(connection: Connection, folded: Folded) -> None:
    granted, withdrawn = folded.granted.values(), folded.withdrawn.values()
    await _write(connection, _GRANTED, ((f.subject, e.grant, e.organisation, e.expires_at) for f, e in granted))
    await _write(connection, _WITHDRAWN, ((f.subject, e.grant, e.organisation, f.occurred_at) for f, e in withdrawn))


async def _write_projects(connection: Connection, folded: Folded) -> None:
    await _write(connection, _PROJECTS, ((*_place(f), e.project, e.title) for f, e in folded.projects))
    await _write(
        connection,
        _SUBMISSIONS,
        (
            (*_place(f), e.submission, e.project, e.head_commit, e.commits, e.authorship_share)
            for f, e in folded.submissions
        ),
    )
    await _write(
        connection,
        _EVIDENCE,
        (
            (*_place(f), e.evidence, e.submission, e.project, e.kind, e.grade, e.digest, e.summary)
            for f, e in folded.evidence
        ),
    )
    await _write(connection, _REVIEWS, map(_review_row, folded.reviews))


def _place(fact: Fact) -> tuple[Any, ...]:
    return fact.subject, fact.number, fact.occurred_at


def _review_row(row: Row) -> tuple[Any, ...]:
    fact, event = row
    marks = orjson.dumps([[m.criterion, m.skill, m.layer, m.value, m.scale_max] for m in event.marks]).decode()
    return (*_place(fact), event.review, event.submission, event.project, event.reviewer, event.rubric, marks)


async def _write_estimates(connection: Connection, folded: Folded) -> None:
    rows = folded.estimates.values()
    await _write(connection, _ESTIMATES, (_estimate_row(f, e) for f, e in rows if isinstance(e, EstimateRevised)))
    gone = ((fact.subject, event.skill) for fact, event in rows if not isinstance(event, EstimateRevised))
    await _write(connection, _ESTIMATES_GONE, gone)


def _estimate_row(fact: Fact, event: EstimateRevised) -> tuple[Any, ...]:
    return (
        fact.subject,
        fact.number,
        event.skill,
        event.layer,
        event.level,
        event.mean,
        event.variance,
        event.interval_low,
        event.interval_high,
        orjson.dumps(event.level_probabilities).decode(),
        event.works,
        event.raters,
        event.observations,
        event.has_deployment_attestation,
        orjson.dumps(event.assurance_mix).decode(),
        event.last_evidence_at,
        event.half_life_days,
        event.release,
    )


async def _write_credentials(connection: Connection, folded: Folded) -> None:
    await _write(connection, _ISSUED, (_issued_row(f, e) for f, e in folded.issued.values()))
    revoked = folded.revoked.items()
    await _write(connection, _REVOKED, ((*key, fact.occurred_at, event.reason) for key, (fact, event) in revoked))


def _issued_row(fact: Fact, event: CredentialIssued) -> tuple[Any, ...]:
    return (
        *_place(fact),
        event.credential,
        event.skill,
        event.level,
        event.issuer,
        event.digest,
        event.policy,
        event.release,
        event.valid_from,
        event.valid_until,
    )
