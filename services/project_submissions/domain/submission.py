"""A submission: one version of a project, from its arrival to its reviews.

    received ──▶ accepted ──▶ in_review ──▶ reviewed
        │            │            │
        └▶ refused   └────────────┴──▶ withdrawn     (a received one can be withdrawn as well)

`refused` means that the bundle could not be read; the reason was told to the submitter and nothing of it is kept.
`reviewed`, `refused` and `withdrawn` are final: what was told cannot be taken back, a new version is a new submission.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.project_submissions.domain.evidence import Evidence, told
from services.project_submissions.domain.findings import authorship_share, gather
from services.project_submissions.domain.project import Project
from services.project_submissions.domain.repository import Repository
from shared.events.project_submissions import EvidenceGraded, SubmissionAccepted
from shared.kernel.errors import Conflict, Forbidden, Rejected
from shared.kernel.hashing import digest_text
from shared.kernel.ids import EvidenceId, OrganisationId, PersonId, ProjectId, SubmissionId

AUTHOR_EMAILS_MAX: Final = 10
"""Addresses, or names where a commit has none, under which one person may say to have committed."""

_EMAIL: Final = re.compile(r"[^<>\x00-\x1f\x7f-\x9f\u2028\u2029]{1,254}").fullmatch


class State(StrEnum):
    """Where a submission stands."""

    RECEIVED = "received"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    IN_REVIEW = "in_review"
    REVIEWED = "reviewed"
    WITHDRAWN = "withdrawn"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.RECEIVED: frozenset({State.ACCEPTED, State.REFUSED, State.WITHDRAWN}),
    State.ACCEPTED: frozenset({State.IN_REVIEW, State.WITHDRAWN}),
    State.IN_REVIEW: frozenset({State.REVIEWED, State.WITHDRAWN}),
    State.REFUSED: frozenset(),
    State.REVIEWED: frozenset(),
    State.WITHDRAWN: frozenset(),
}
"""From each state, the states that may follow."""


@dataclass(frozen=True, slots=True)
class Submission:
    """One version of a project. author_emails: the addresses under which its author says to have committed."""

    id: SubmissionId
    project: ProjectId
    organisation: OrganisationId
    author: PersonId
    author_emails: frozenset[str]
    submitted_at: datetime
    state: State = State.RECEIVED

    def moved(self, to: State) -> Submission:
        """Return the submission in state `to`. Raises Conflict where no transition leads there."""
        if to not in TRANSITIONS[self.state]:
            allowed = ", ".join(sorted(TRANSITIONS[self.state])) or "nothing"
            mend = f"From here it can become: {allowed}."
            raise Conflict.of("/state", f"a submission that is {self.state} does not become {to}", mend)
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What follows from a readable bundle: the submission, its evidence by id, and what is told, in this order."""

    submission: Submission
    evidence: tuple[tuple[EvidenceId, Evidence], ...]
    accepted: SubmissionAccepted
    graded: tuple[EvidenceGraded, ...]


def receive(
    submission_id: SubmissionId, project: Project, submitter: PersonId, author_emails: Collection[str], at: datetime
) -> Submission:
    """Return the submission as it came in. Raises Forbidden for another's project, Rejected for unusable addresses.

    Of a commit without an address its name counts, so a name is taken as well.
    """
    if submitter != project.owner:
        raise Forbidden.of("/project", "the project is another person's", "Open a project of your own.")
    emails = frozenset(email.strip().lower() for email in author_emails)
    if not 1 <= len(emails) <= AUTHOR_EMAILS_MAX or not all(_EMAIL(email) for email in emails):
        rule = f"1 to {AUTHOR_EMAILS_MAX} addresses, as they stand in the author's commits"
        raise Rejected.of("author", rule, "Look them up with: git log --format=%ae | sort -u")
    return Submission(submission_id, project.id, project.organisation, submitter, emails, at)


def accept(
    submission: Submission, repository: Repository, received_at: datetime, new_evidence_id: Callable[[], EvidenceId]
) -> Acceptance:
    """Return the accepted submission with its graded evidence. Raises Conflict where it was not waiting for that."""
    moved = submission.moved(State.ACCEPTED)
    found = gather(repository, submission.author_emails, received_at)
    evidence = tuple((new_evidence_id(), item) for item in found)
    accepted = SubmissionAccepted(
        submission=submission.id,
        project=submission.project,
        bundle_digest=digest_text(repository.bundle_digest),
        head_commit=repository.head,
        commits=len(repository.commits),
        authorship_share=authorship_share(repository, submission.author_emails),
    )
    digest = repository.bundle_digest
    graded = tuple(told(item, name, submission.id, submission.project, digest) for name, item in evidence)
    return Acceptance(moved, evidence, accepted, graded)
