"""Events as the other services tell them, with only what a test cares about to be said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.events.credentials import CredentialIssued
from shared.events.identity import ConsentGranted
from shared.events.learning_events import StatementRecorded
from shared.events.project_submissions import EvidenceGraded, Mark, ReviewCompleted
from shared.events.skill_estimates import Contributions, EstimateRevised
from shared.kernel.ids import system_fact_id, system_id

FAR = datetime(2099, 1, 1, tzinfo=UTC)


def estimate(skill: str = "integration.apis", mean: float = 1.0, **more: Any) -> EstimateRevised:
    """An estimate of `skill`; its level follows from nothing but the default."""
    values: dict[str, Any] = {
        "skill": skill,
        "layer": skill.split(".", maxsplit=1)[0],
        "mean": mean,
        "variance": 0.25,
        "interval_low": mean - 0.8224,
        "interval_high": mean + 0.8224,
        "level": 2,
        "level_probabilities": (0.9999, 0.84, 0.0013, 0.0, 0.0),
        "works": 3,
        "raters": 2,
        "observations": 11,
        "has_deployment_attestation": False,
        "assurance_mix": {"named-reviewer": 8, "automated-check": 3},
        "last_evidence_at": datetime(2026, 2, 1, tzinfo=UTC),
        "half_life_days": 730.0,
        "release": "0",
        "prior": 0.0,
        "contributions": Contributions(facts=(), sources=(), by=(), logits=()),
        "contributions_rest": mean,
        "contributions_rest_count": 11,
    }
    return EstimateRevised(**(values | more))


def evidence(grade: str = "B", summary: str = "CI ran on 34 of 40 commits.", **more: Any) -> EvidenceGraded:
    """A piece of evidence."""
    values: dict[str, Any] = {
        "evidence": system_id("evidence"),
        "submission": "sub_1",
        "project": "prj_1",
        "kind": "ci",
        "grade": grade,
        "digest": "0" * 64,
        "summary": summary,
    }
    return EvidenceGraded(**(values | more))


def review(reviewer: str, value: int = 4) -> ReviewCompleted:
    """A review with one mark."""
    mark = Mark(criterion="interfaces", skill="integration.apis", layer="integration", value=value)
    return ReviewCompleted(
        review=system_id("review"),
        submission="sub_1",
        project="prj_1",
        reviewer=reviewer,
        rubric="deployment-1",
        marks=(mark,),
    )


def credential(identifier: str | None = None, level: int = 2) -> CredentialIssued:
    """An issued credential."""
    return CredentialIssued(
        credential=identifier or system_id("credential"),
        skill="integration.apis",
        level=level,
        issuer="did:web:127.0.0.1%3A8484",
        digest="1" * 64,
        status_list="lst_1",
        status_index=7,
        policy="standard-1",
        release="0",
        estimate=str(system_fact_id()),
        valid_from=datetime(2026, 2, 2, tzinfo=UTC),
    )


def statement(*, is_test: bool = False) -> StatementRecorded:
    """A statement that a platform recorded."""
    return StatementRecorded(
        statement=str(system_fact_id()),
        account="acc_1",
        verb="http://adlnet.gov/expapi/verbs/completed",
        object="https://lms.example/quiz/1",
        object_type="Activity",
        digest="2" * 64,
        is_test=is_test,
    )


def consent(grant: str, organisation: str, expires_at: datetime = FAR, **more: Any) -> ConsentGranted:
    """A consent to everything."""
    values: dict[str, Any] = {
        "grant": grant,
        "organisation": organisation,
        "purpose": "A position as deployment engineer",
        "scopes": ("evidence", "profile"),
        "expires_at": expires_at,
    }
    return ConsentGranted(**(values | more))
