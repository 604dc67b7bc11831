"""What `project_submissions` tells: projects, submissions, graded evidence, reviews."""

from __future__ import annotations

from typing import Literal

from shared.events.event import Event, EventBody, event
from shared.events.sources import PROJECT_SUBMISSIONS

Grade = Literal["A", "B", "C"]
"""A a third party's asymmetric signature, B observed by us and logged at once, C self-declared."""


@event(PROJECT_SUBMISSIONS, "project-registered")
class ProjectRegistered(Event):
    """The person opened a project."""

    project: str
    title: str


@event(PROJECT_SUBMISSIONS, "submission-accepted")
class SubmissionAccepted(Event):
    """A bundle of a project's history was taken in, whole and readable."""

    submission: str
    project: str
    bundle_digest: str
    head_commit: str
    commits: int
    authorship_share: float


@event(PROJECT_SUBMISSIONS, "evidence-graded")
class EvidenceGraded(Event):
    """One piece of evidence in a submission, with its grade and what it shows in one sentence."""

    evidence: str
    submission: str
    project: str
    kind: str
    grade: Grade
    digest: str
    summary: str


class Mark(EventBody):
    """A reviewer's mark on one criterion: `value` of 0 … `scale_max`, evidence for `skill`."""

    criterion: str
    skill: str
    layer: str
    value: int
    scale_max: int = 5


@event(PROJECT_SUBMISSIONS, "review-completed")
class ReviewCompleted(Event):
    """A named reviewer marked a submission; told once both reviews are in, so that they are blind to each other."""

    review: str
    submission: str
    project: str
    reviewer: str
    rubric: str
    marks: tuple[Mark, ...]
