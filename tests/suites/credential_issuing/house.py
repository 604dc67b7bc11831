"""An issuer and a record on real parts, with the three that are heard around them, and what they tell."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import services.credential_issuing.__main__ as credential_issuing
from services.credential_issuing.settings import CredentialIssuingSettings
from shared.events.credentials import CredentialIssued
from shared.events.event import decode
from shared.events.fact import Fact, NewFact
from shared.events.project_submissions import EvidenceGraded, Mark, ReviewCompleted
from shared.events.skill_estimates import Contributions, EstimateRevised
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, SKILL_INFERENCE
from shared.kernel.hashing import digest_text, sha256
from shared.kernel.ids import PersonId, system_fact_id
from tests.suites.record_log.house import RECORD_LOG, House, Part, new

SOURCES: Final = (IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, SKILL_INFERENCE)
CREDENTIAL_ISSUING: Final = Part(
    credential_issuing.build,
    CredentialIssuingSettings,
    Path(credential_issuing.__file__).parent,
    {"round_seconds": 0.05},
)
PARTS: Final = {"credential_issuing": CREDENTIAL_ISSUING, "record_log": RECORD_LOG}
SKILL: Final = "operationalization.incidents"
OTHER_SKILL: Final = "integration.apis"
EARN_SECONDS: Final = 20.0


def estimate(
    subject: str,
    level: int = 2,
    *,
    skill: str = SKILL,
    contributed: tuple[str, ...] = (),
    at: datetime | None = None,
    **changes: Any,
) -> NewFact:
    """Return an estimate that earns `level` unless `changes` say otherwise, resting on facts of submissions."""
    at = at or datetime.now(UTC)
    event = EstimateRevised(
        skill=skill,
        layer=skill.partition(".")[0],
        mean=1.5,
        variance=0.4,
        interval_low=0.46,
        interval_high=2.54,
        level=level,
        level_probabilities=tuple(0.95 - 0.001 * k if k <= level else 0.5 - 0.01 * k for k in range(1, 6)),
        works=3,
        raters=2,
        observations=9,
        has_deployment_attestation=False,
        assurance_mix={"named-reviewer": 9},
        last_evidence_at=at - timedelta(days=1),
        half_life_days=730.0,
        release="0",
        prior=0.0,
        contributions=Contributions(
            facts=contributed,
            sources=("project_submissions",),
            by=(0,) * len(contributed),
            logits=(0.1,) * len(contributed),
        ),
        contributions_rest=0.0,
        contributions_rest_count=0,
    )
    return new(event.model_copy(update=changes), subject, at)


def review(subject: str, submission: str = "sub_1", skill: str = SKILL) -> NewFact:
    """Return a review that marks one skill."""
    event = ReviewCompleted(
        review=f"rev_{system_fact_id()}",
        submission=submission,
        project="prj_1",
        reviewer="prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAR",
        rubric="deployment/1",
        marks=(
            Mark(criterion="incidents", skill=skill, layer=skill.partition(".")[0], value=4),
            Mark(criterion="limits", skill="stakeholder-management.limits", layer="stakeholder-management", value=2),
        ),
    )
    return new(event, subject)


def graded(subject: str, submission: str = "sub_1", summary: str = "Tests ran on every change.") -> NewFact:
    """Return graded evidence in a submission."""
    event = EvidenceGraded(
        evidence=f"evd_{system_fact_id()}",
        submission=submission,
        project="prj_1",
        kind="ci",
        grade="B",
        digest=digest_text(sha256(summary.encode())),
        summary=summary,
    )
    return new(event, subject)


async def issued_to(house: House, subject: str) -> list[Fact]:
    """Return the facts that tell credentials of this person, once everything told so far was heard."""
    await house.until_heard("credential_issuing")
    rows = await house.rows(
        "credential_issuing",
        "SELECT fact_id::text FROM backbone.facts WHERE subject = $1 AND type = $2 ORDER BY number",
        subject,
        CredentialIssued.type,
    )
    facts, _ = await house.feed.read("credential_issuing", subject, 0, 500)
    known = {fact.id: fact for fact in facts}
    return [known[row[0]] for row in rows]


def told(fact: Fact) -> CredentialIssued:
    """Return what a fact tells of a credential."""
    event = decode(fact.type, fact.data or b"")
    assert isinstance(event, CredentialIssued)
    return event


async def earn(house: House, subject: PersonId, level: int = 2, **changes: Any) -> CredentialIssued:
    """Have this person earn a credential with a review and graded evidence behind it; return what was told of it."""
    (reviewed, _) = await house.tell("project_submissions", review(subject), graded(subject))
    await house.tell("skill_inference", estimate(subject, level, contributed=(reviewed.id,), **changes))
    async with asyncio.timeout(EARN_SECONDS):
        # An estimate that is heard before what it rests on waits, and is looked at again after that was heard.
        while not (issued := await issued_to(house, subject)):
            await asyncio.sleep(0.05)
    return told(issued[-1])


async def presented(house: House, credential: str, word: str = "admin") -> dict[str, Any]:
    """Return the presentation of a credential, put together from what both services answer."""
    found = await house.get("credential_issuing", f"/v1/credentials/{credential}", word)
    return {
        "format": "deedlog/presentation/v1",
        "credential": found["credential"],
        "did_document": await house.get("credential_issuing", "/.well-known/did.json", ""),
        "status_list": await house.get("credential_issuing", found["status_list"].partition("8484")[2], ""),
        "record": await house.proof(found["person"], found["fact"], word),
    }
