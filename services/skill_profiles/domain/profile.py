"""A person's profile: what the facts say of them, and how much of it a reader may see.

A level never stands alone: it comes with its interval, the chance of every level, the evidence it rests on and the
release of the model that made it. Nothing here says whom to hire.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

ITEMS_MAX: Final = 100
"""Of each kind in one profile, the newest; how many there are in all is told beside them where it matters."""
EVIDENCE_SCOPE: Final = "evidence"
PROFILE_SCOPE: Final = "profile"
SCOPES: Final = frozenset({PROFILE_SCOPE, EVIDENCE_SCOPE})


@dataclass(frozen=True, slots=True)
class SkillLevel:
    """The newest estimate of one skill. mean, interval (90 %): logits; level_probabilities: P(level >= k), k = 1…5.

    works, raters: distinct, behind this skill. assurance_mix: observations by the assurance they came with.
    """

    skill: str
    layer: str
    level: int
    mean: float
    variance: float
    interval_low: float
    interval_high: float
    level_probabilities: tuple[float, ...]
    works: int
    raters: int
    observations: int
    has_deployment_attestation: bool
    assurance_mix: Mapping[str, int]
    last_evidence_at: datetime
    half_life_days: float
    release: str


@dataclass(frozen=True, slots=True)
class Project:
    """A project the person opened."""

    id: str
    title: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Submission:
    """A history that was taken in for a project; authorship_share of 0 … 1 is the person's."""

    id: str
    project: str
    head_commit: str
    commits: int
    authorship_share: float
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """One piece of graded evidence: A signed by a third party, B observed by us, C self-declared."""

    id: str
    submission: str
    project: str
    kind: str
    grade: str
    digest: str
    summary: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class ReviewMark:
    """A reviewer's mark on one criterion."""

    criterion: str
    skill: str
    layer: str
    value: int
    scale_max: int


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer, known by id only, marked in a submission."""

    id: str
    submission: str
    project: str
    reviewer: str
    rubric: str
    marks: tuple[ReviewMark, ...]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that was issued; revoked_at when it no longer holds."""

    id: str
    skill: str
    level: int
    issuer: str
    digest: str
    policy: str
    release: str
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Learning:
    """How much platforms said the person did: statements heard, how many of them were voided, the newest one's time."""

    statements: int = 0
    voided: int = 0
    last_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The newest signed state of a record log: what a proof of this person's record can be held against."""

    origin: str
    size: int
    root: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything the facts say. Skills by layer and id; the rest newest first, at most ITEMS_MAX of each.

    version: grows with every fact that changes it. evidence_grades: all evidence by grade, beyond the bound too.
    """

    person: str
    version: int = 0
    skills: tuple[SkillLevel, ...] = ()
    projects: tuple[Project, ...] = ()
    submissions: tuple[Submission, ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()
    evidence_grades: Mapping[str, int] | None = None
    reviews: tuple[Review, ...] = ()
    credentials: tuple[Credential, ...] = ()
    learning: Learning = Learning()
    checkpoints: tuple[Checkpoint, ...] = ()

    def seen_with(self, scopes: Collection[str]) -> Profile:
        """Return what a reader with these scopes sees: without `evidence`, only how much there is of each grade."""
        if EVIDENCE_SCOPE in scopes:
            return self
        return replace(self, projects=(), submissions=(), evidence=(), reviews=())
