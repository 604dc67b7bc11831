"""Sample evidence for the tests of skill inference: short ways to say "a success", "a review", "six reviewed works"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from services.skill_inference import parameters
from services.skill_inference.domain.claims import ClaimRules, parse_claim_rules
from services.skill_inference.domain.framework import Framework, parse_framework
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Outcome
from services.skill_inference.domain.release import Release, parse_release
from services.skill_inference.domain.roles import Roles, parse_roles

START = datetime(2026, 1, 1, tzinfo=UTC)
APIS = "integration.apis"
DRIFT = "operationalization.drift"
IMPACT = "stakeholder-management.impact"
RUBRIC = (
    APIS,
    "integration.testing",
    "operationalization.monitoring",
    DRIFT,
    "stakeholder-management.communication",
    IMPACT,
    "scaled-deployment.release",
    "scaled-deployment.delivery",
)
"""Two skills a layer, each with a criterion of its own."""


@cache
def framework() -> Framework:
    return parse_framework(parameters.framework_document())


@cache
def rules() -> ClaimRules:
    return parse_claim_rules(parameters.claim_rules_document())


@cache
def release() -> Release:
    return parse_release(parameters.release_document("0"))


def release_text() -> Any:
    """The document of release 0 as plain JSON, to be changed by a test."""
    return json.loads(parameters.release_document("0"))


def release_with(section: str, **changes: float) -> Release:
    """Release 0 with other numbers in one of its flat sections."""
    document = release_text()
    document[section].update(changes)
    return parse_release(json.dumps(document).encode())


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def outcome(
    number: int,
    skill: str = APIS,
    *,
    task: str | None = None,
    result: float = 1.0,
    difficulty: float | None = None,
    assurance: Assurance = Assurance.AUTOMATED_CHECK,
    work: str | None = None,
    at: datetime | None = None,
) -> Outcome:
    """Outcome `number` of a person; of a task and a day of its own unless said otherwise."""
    return Outcome(
        occurred_at=at or day(number),
        source="learning_events",
        sequence=number + 1,
        fact=f"outcome-{number}",
        task=task or f"https://lms.example/task/{number}",
        skills=((skill, 1.0),),
        result=result,
        assurance=assurance,
        difficulty=difficulty,
        work=work,
    )


def review(
    work: int, reviewer: str, mark: int, skills: Sequence[str] = RUBRIC, *, again: int = 0, at: datetime | None = None
) -> MarkSet:
    """The marks of one reviewer for the person's work number `work`, all alike."""
    return MarkSet(
        occurred_at=at or day(30 * work),
        source="project_submissions",
        sequence=100 * work + again + 1,
        fact=f"review-{work}-{reviewer}-{again}",
        work=f"prj-{work}",
        reviewer=reviewer,
        marks=tuple(Mark(skill, skill, mark) for skill in skills),
    )


def reviewed_works(count: int, marks: Sequence[int], reviewers: int, skills: Sequence[str] = RUBRIC) -> list[MarkSet]:
    """`count` works, each given all of `marks`, by reviewers taken in turn from a pool of `reviewers`."""
    return [
        review(work, f"reviewer-{(work * len(marks) + index) % reviewers}", mark, skills)
        for work in range(count)
        for index, mark in enumerate(marks)
    ]


@cache
def roles() -> Roles:
    return parse_roles(parameters.roles_document(), framework())
