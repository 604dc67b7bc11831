"""The only place with SQL of project_submissions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

import asyncpg

from services.project_submissions.domain.evidence import Basis, Evidence, Kind
from services.project_submissions.domain.project import Project
from services.project_submissions.domain.review import Review
from services.project_submissions.domain.submission import Acceptance, State, Submission
from services.project_submissions.handlers import Actor, Bundle, Filed, Refusal
from shared.events.fact import NewFact
from shared.kernel import canonical_json
from shared.kernel.errors import Conflict, Fault
from shared.kernel.ids import EvidenceId, OrganisationId, PersonId, ProjectId, ReviewId, SubmissionId
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction

_BASES: Final = {"A": Basis.SIGNATURE, "B": Basis.OBSERVED, "C": Basis.DECLARED}
_FILED: Final = """
SELECT id, project, organisation, author, author_emails, submitted_at, state, version, bundle_digest, bundle_size,
       head_commit, commits, authorship, refusal, reviewers FROM submissions WHERE id = $1
"""
_ADD_SUBMISSION: Final = """
INSERT INTO submissions (id, project, organisation, author, author_emails, submitted_at, state, bundle_digest,
                         bundle_size) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_KEEP_ACCEPTANCE: Final = """
UPDATE submissions SET state = $3, version = version + 1, head_commit = $4, commits = $5, authorship = $6
WHERE id = $1 AND version = $2
"""
_ADD_EVIDENCE: Final = """
INSERT INTO evidence (id, submission, place, kind, grade, digest, summary, findings)
SELECT id, $2, place, kind, grade, digest, summary, findings
FROM unnest($1::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
  AS new (id, place, kind, grade, digest, summary, findings)
"""


class PostgresShelf:
    """The rows of one open transaction."""

    def __init__(self, backbone: Backbone, tx: Transaction) -> None:
        self._backbone = backbone
        self._tx = tx
        self._connection = tx.connection

    async def lock(self, person: PersonId) -> None:
        """Hold the stream of a person; before the first write."""
        await self._tx.lock([person])

    async def act_for(self, organisation: str) -> None:
        """Write as this organisation from here on."""
        await self._connection.execute("SELECT set_config('deedlog.organisation', $1, true)", organisation)

    async def add_project(self, project: Project) -> None:
        """Keep a new project."""
        await self._connection.execute(
            "INSERT INTO projects (id, organisation, owner, title, opened_at) VALUES ($1, $2, $3, $4, $5)",
            project.id,
            project.organisation,
            project.owner,
            project.title,
            project.opened_at,
        )

    async def project(self, project: ProjectId) -> Project | None:
        """Return a project; None when it is not there or not to be seen."""
        row = await self._connection.fetchrow(
            "SELECT id, organisation, owner, title, opened_at FROM projects WHERE id = $1", project
        )
        return _project(row) if row else None

    async def projects(self, owner: PersonId, limit: int) -> list[Project]:
        """Return a person's projects, newest first."""
        rows = await self._connection.fetch(
            """SELECT id, organisation, owner, title, opened_at FROM projects WHERE owner = $1
               ORDER BY opened_at DESC, id DESC LIMIT $2""",
            owner,
            limit,
        )
        return [_project(row) for row in rows]

    async def waiting(self, author: PersonId) -> int:
        """Return how many submissions of a person wait to be checked."""
        count: int = await self._connection.fetchval(
            "SELECT count(*) FROM submissions WHERE author = $1 AND state = 'received'", author
        )
        return count

    async def add_submission(self, filed: Filed) -> None:
        """Keep a new submission."""
        one = filed.submission
        await self._connection.execute(
            _ADD_SUBMISSION,
            one.id,
            one.project,
            one.organisation,
            one.author,
            sorted(one.author_emails),
            one.submitted_at,
            one.state.value,
            filed.bundle.digest,
            filed.bundle.size,
        )

    async def filed(self, submission: SubmissionId) -> Filed | None:
        """Return a submission; None when it is not there or not to be seen."""
        row = await self._connection.fetchrow(_FILED, submission)
        return _filed(row) if row else None

    async def move(self, filed: Filed, to: Submission, reviewers: Sequence[PersonId] | None = None) -> None:
        """Save a new state, and the reviewers where they changed. Raises Conflict when the row moved."""
        await self._changed(
            """UPDATE submissions SET state = $3, reviewers = $4, version = version + 1
               WHERE id = $1 AND version = $2""",
            to.id,
            filed.version,
            to.state.value,
            list(filed.reviewers if reviewers is None else reviewers),
        )

    async def refuse(self, filed: Filed, to: Submission, refusal: Refusal) -> None:
        """Save that a bundle was refused, and why."""
        document = {"message": refusal.message, "faults": [asdict(fault) for fault in refusal.faults]}
        await self._changed(
            """UPDATE submissions SET state = $3, refusal = $4::jsonb, version = version + 1
               WHERE id = $1 AND version = $2""",
            to.id,
            filed.version,
            to.state.value,
            json.dumps(document),
        )

    async def keep_acceptance(self, filed: Filed, acceptance: Acceptance) -> None:
        """Save an accepted submission with its evidence."""
        accepted = acceptance.accepted
        await self._changed(
            _KEEP_ACCEPTANCE,
            acceptance.submission.id,
            filed.version,
            acceptance.submission.state.value,
            accepted.head_commit,
            accepted.commits,
            accepted.authorship_share,
        )
        graded = acceptance.graded
        await self._connection.execute(
            _ADD_EVIDENCE,
            [one.evidence for one in graded],
            acceptance.submission.id,
            list(range(len(graded))),
            [one.kind for one in graded],
            [one.grade for one in graded],
            [one.digest for one in graded],
            [one.summary for one in graded],
            [canonical_json.dumps(dict(item.findings)).decode() for _, item in acceptance.evidence],
        )

    async def evidence(self, submission: SubmissionId) -> list[tuple[EvidenceId, Evidence]]:
        """Return a submission's evidence, in order."""
        rows = await self._connection.fetch(
            "SELECT id, kind, grade, findings, summary FROM evidence WHERE submission = $1 ORDER BY place", submission
        )
        return [
            (EvidenceId(row[0]), Evidence(Kind(row[1]), _BASES[row[2]], json.loads(row[3]), row[4])) for row in rows
        ]

    async def reviews(self, submission: SubmissionId) -> tuple[Review, ...]:
        """Return the reviews that are in, oldest first."""
        rows = await self._connection.fetch(
            """SELECT id, reviewer, rubric, marks, note, submitted_at FROM reviews WHERE submission = $1
               ORDER BY submitted_at, id""",
            submission,
        )
        return tuple(
            Review(ReviewId(row[0]), PersonId(row[1]), row[2], json.loads(row[3]), row[4], row[5]) for row in rows
        )

    async def add_review(self, submission: SubmissionId, review: Review) -> None:
        """Keep a review. Raises Conflict for a second of the same reviewer."""
        try:
            await self._connection.execute(
                """INSERT INTO reviews (id, submission, reviewer, rubric, marks, note, submitted_at)
                   VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)""",
                review.id,
                submission,
                review.reviewer,
                review.rubric,
                json.dumps(dict(review.marks)),
                review.note,
                review.submitted_at,
            )
        except asyncpg.UniqueViolationError as error:
            raise Conflict.of("/reviewer", "this reviewer's marks are in", "A review is given once.") from error

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts; durable with the transaction."""
        await self._backbone.store.append(self._tx, facts)

    async def _changed(self, statement: str, *values: Any) -> None:
        if await self._connection.execute(statement, *values) != "UPDATE 1":
            raise Conflict.of("/submission", "it moved since it was read", "Look at it again and decide anew.")


class PostgresLibrary:
    """Opens transactions on the service's own tables."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened_by(self, actor: Actor) -> AsyncIterator[PostgresShelf]:
        """Open a transaction that sees what the actor may see; row-level security decides."""
        async with self._backbone.door(actor.organisation) as tx:
            await tx.connection.execute("SELECT set_config('deedlog.person', $1, true)", actor.person or "")
            yield PostgresShelf(self._backbone, tx)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresShelf]:
        """Open a transaction that sees everything."""
        async with self._backbone.backbone() as tx:
            yield PostgresShelf(self._backbone, tx)

    async def received(self, limit: int) -> list[SubmissionId]:
        """Return submissions that wait to be checked, oldest first."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(
                "SELECT id FROM submissions WHERE state = 'received' ORDER BY submitted_at, id LIMIT $1", limit
            )
        return [SubmissionId(row[0]) for row in rows]


def _project(row: Any) -> Project:
    return Project(ProjectId(row[0]), OrganisationId(row[1]), PersonId(row[2]), row[3], row[4])


def _filed(row: Any) -> Filed:
    submission = Submission(
        SubmissionId(row["id"]),
        ProjectId(row["project"]),
        OrganisationId(row["organisation"]),
        PersonId(row["author"]),
        frozenset(row["author_emails"]),
        row["submitted_at"],
        State(row["state"]),
    )
    return Filed(
        submission,
        Bundle(row["bundle_digest"], row["bundle_size"]),
        row["version"],
        tuple(PersonId(reviewer) for reviewer in row["reviewers"]),
        _refusal(row["refusal"]),
        row["head_commit"],
        row["commits"],
        row["authorship"],
    )


def _refusal(text: str | None) -> Refusal | None:
    if text is None:
        return None
    document = json.loads(text)
    return Refusal(document["message"], tuple(Fault(**fault) for fault in document["faults"]))
