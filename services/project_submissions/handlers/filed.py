"""What is kept of a submission beside the domain's own view of it: its bundle, its checks, why it was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.project_submissions.domain.submission import Submission
from shared.kernel.errors import Fault, NotFound
from shared.kernel.ids import PersonId


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it was received. digest: `sha256:<hex>` of its bytes; size: in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bundle was refused, as told to its submitter."""

    message: str
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Filed:
    """A submission as it is kept. attempts: checks that were begun; the last three are None until it was accepted."""

    submission: Submission
    bundle: Bundle
    version: int = 1
    attempts: int = 0
    reviewers: tuple[PersonId, ...] = ()
    refusal: Refusal | None = None
    head_commit: str | None = None
    commits: int | None = None
    authorship_share: float | None = None


def no_such_project() -> NotFound:
    """Return the error for a project that does not exist or may not be known of by this caller."""
    return NotFound.of("/project", "there is no such project, or it is not yours", "List yours: GET /v1/projects")


def no_such_submission() -> NotFound:
    """Return the error for a submission that does not exist or may not be known of by this caller."""
    mend = "List a project's: GET /v1/projects/{id}/submissions"
    return NotFound.of("/submission", "there is no such submission, or it is not yours", mend)
