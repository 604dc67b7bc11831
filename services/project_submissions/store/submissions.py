"""Submissions and their evidence as rows. Whoever saves says which version was read; a row that moved is not saved."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any, Final

from services.project_submissions.domain.evidence import Basis, Evidence, Kind
from services.project_submissions.domain.submission import Acceptance, State, Submission
from services.project_submissions.handlers.filed import Bundle, Filed, Refusal
from shared.kernel import canonical_json
from shared.kernel.errors import Conflict, Fault
from shared.kernel.ids import EvidenceId, OrganisationId, PersonId, ProjectId, SubmissionId
from shared.runtime.postgres import Connection

_BASES: Final = {"A": Basis.SIGNATURE, "B": Basis.OBSERVED, "C": Basis.DECLARED}
_COLUMNS: Final = """id, project, organisation, author, author_emails, submitted_at, state, version, attempts,
    bundle_digest, bundle_size, head_commit, commits, authorship_share, refusal, reviewers"""
_FIND: Final = f"SELECT {_COLUMNS} FROM submissions WHERE id = $1"  # noqa: S608 - a constant
_SAME: Final = f"""
SELECT {_COLUMNS} FROM submissions
WHERE project = $1 AND bundle_digest = $2 AND author_emails = $3 AND state NOT IN ('refused', 'withdrawn')
"""  # noqa: S608 - a constant
_OF_PROJECT: Final = f"""
SELECT {_COLUMNS} FROM submissions WHERE project = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - a constant
_BEGIN_CHECK: Final = f"""
UPDATE submissions SET attempts = attempts + 1 WHERE id = $1 AND state = 'received' RETURNING {_COLUMNS}
"""  # noqa: S608 - a constant
_ADD: Final = """
INSERT INTO submissions (id, project, organisation, author, author_emails, submitted_at, state, bundle_digest,
                         bundle_size) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ACCEPT: Final = """
UPDATE submissions SET state = $3, version = version + 1, head_commit = $4, commits = $5, authorship_share = $6
WHERE id = $1 AND version = $2
"""
_REFUSE: Final = """
UPDATE submissions SET state = $3, version = version + 1, refusal = $4::jsonb WHERE id = $1 AND version = $2
"""
_MOVE: Final = """
UPDATE submissions SET state = $3, version = version + 1, reviewers = $4 WHERE id = $1 AND version = $2
"""
_STANDING: Final = """
SELECT DISTINCT bundle_digest FROM submissions WHERE bundle_digest = ANY ($1::text[]) AND state <> 'refused'
"""
_ADD_EVIDENCE: Final = """
INSERT INTO evidence (id, submission, place, kind, grade, digest, summary, findings)
SELECT id, $2, place, kind, grade, digest, summary, findings
FROM unnest($1::text[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[])
  AS new (id, place, kind, grade, digest, summary, findings)
"""


class SubmissionRows:
    """The submissions that a transaction may see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, filed: Filed) -> None:
        """Keep a new submission."""
        one = filed.submission
        await self._connection.execute(
            _ADD,
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

    async def find(self, submission: SubmissionId) -> Filed | None:
        """Return a submission; None when it is not there or not to be seen."""
        row = await self._connection.fetchrow(_FIND, submission)
        return _filed(row) if row else None

    async def same(self, filed: Filed) -> Filed | None:
        """Return a standing submission of the same bundle to the same project under the same names, if there is one."""
        one = filed.submission
        row = await self._connection.fetchrow(_SAME, one.project, filed.bundle.digest, sorted(one.author_emails))
        return _filed(row) if row else None

    async def of_project(self, project: ProjectId, before: str, limit: int) -> list[Filed]:
        """Return a project's submissions, newest first; with `before`, those older than the submission it names."""
        rows = await self._connection.fetch(_OF_PROJECT, project, before, limit)
        return [_filed(row) for row in rows]

    async def waiting(self, author: PersonId) -> int:
        """Return how many submissions of a person wait to be checked."""
        count = "SELECT count(*) FROM submissions WHERE author = $1 AND state = 'received'"
        return int(await self._connection.fetchval(count, author))

    async def evidence(self, submission: SubmissionId) -> list[tuple[EvidenceId, Evidence]]:
        """Return a submission's evidence, in order."""
        rows = await self._connection.fetch(
            "SELECT id, kind, grade, findings, summary FROM evidence WHERE submission = $1 ORDER BY place", submission
        )
        return [
            (EvidenceId(row[0]), Evidence(Kind(row[1]), _BASES[row[2]], json.loads(row[3]), row[4])) for row in rows
        ]

    async def begin_check(self, submission: SubmissionId) -> Filed | None:
        """Count an attempt and return the submission with it; None when it waits no more."""
        row = await self._connection.fetchrow(_BEGIN_CHECK, submission)
        return _filed(row) if row else None

    async def take_back_attempt(self, submission: SubmissionId) -> None:
        """Uncount an attempt that failed for want of something that time may heal."""
        await self._connection.execute("UPDATE submissions SET attempts = attempts - 1 WHERE id = $1", submission)

    async def accept(self, filed: Filed, acceptance: Acceptance) -> None:
        """Save an accepted submission with its evidence. Raises Conflict when it moved since it was read."""
        accepted, graded = acceptance.accepted, acceptance.graded
        figures = (accepted.head_commit, accepted.commits, accepted.authorship_share)
        await self._save(_ACCEPT, filed, acceptance.submission, *figures)
        await self._connection.execute(
            _ADD_EVIDENCE,
            [one.evidence for one in graded],
            filed.submission.id,
            list(range(len(graded))),
            [one.kind for one in graded],
            [one.grade for one in graded],
            [one.digest for one in graded],
            [one.summary for one in graded],
            [canonical_json.dumps(dict(item.findings)).decode() for _, item in acceptance.evidence],
        )

    async def refuse(self, filed: Filed, to: Submission, refusal: Refusal) -> None:
        """Save that a bundle was refused, and why. Raises Conflict when the submission moved since it was read."""
        document = {"message": refusal.message, "faults": [asdict(fault) for fault in refusal.faults]}
        await self._save(_REFUSE, filed, to, json.dumps(document))

    async def move(self, filed: Filed, to: Submission, reviewers: Sequence[PersonId]) -> None:
        """Save a submission's new state and its reviewers. Raises Conflict when it moved since it was read."""
        await self._save(_MOVE, filed, to, list(reviewers))

    async def standing(self, digests: Collection[str]) -> set[str]:
        """Return those of the bundles' digests that a submission which was not refused refers to."""
        rows = await self._connection.fetch(_STANDING, list(digests))
        return {row[0] for row in rows}

    async def _save(self, statement: str, filed: Filed, to: Submission, *values: Any) -> None:
        saved = await self._connection.execute(statement, to.id, filed.version, to.state.value, *values)
        if saved != "UPDATE 1":
            raise Conflict.of("/submission", "it moved since it was read", "Look at it again and decide anew.")


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
        row["attempts"],
        tuple(PersonId(reviewer) for reviewer in row["reviewers"]),
        _refusal(row["refusal"]),
        row["head_commit"],
        row["commits"],
        row["authorship_share"],
    )


def _refusal(text: str | None) -> Refusal | None:
    if text is None:
        return None
    document = json.loads(text)
    return Refusal(document["message"], tuple(Fault(**fault) for fault in document["faults"]))
