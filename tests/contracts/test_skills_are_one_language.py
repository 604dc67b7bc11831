"""The skills that one service names must be skills that another knows: they share ids, never code."""

from __future__ import annotations

from cli.demo import cast
from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.skill_inference.domain.framework import parse_framework
from services.skill_inference.parameters import framework_document


def known_skills() -> set[str]:
    """Return the ids of the framework in force."""
    return set(parse_framework(framework_document()).skills)


def test_every_criterion_of_the_rubric_is_evidence_for_a_skill_of_the_framework() -> None:
    assert {criterion.skill for criterion in DEPLOYMENT.criteria} <= known_skills()


def test_every_sample_activity_is_evidence_for_a_skill_of_the_framework() -> None:
    assert {activity.skill for activity in cast.ACTIVITIES} <= known_skills()


def test_the_sample_marks_are_in_the_order_of_the_rubric() -> None:
    assert tuple(criterion.id for criterion in DEPLOYMENT.criteria) == cast.CRITERIA
