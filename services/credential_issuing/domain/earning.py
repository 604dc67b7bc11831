"""From an estimate that was told to the claim a credential makes: what was earned, from what, and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.credential_issuing.domain.achievements import Achievements
from services.credential_issuing.domain.claim import Claim
from services.credential_issuing.domain.evidence import Testimony, evidence_for
from services.credential_issuing.domain.policy import Estimate, Issue, IssuingRule, decide
from shared.events.skill_estimates import EstimateRevised
from shared.events.sources import PROJECT_SUBMISSIONS
from shared.kernel.ids import FactId, PersonId

EVIDENCE_SOURCE: Final = PROJECT_SUBMISSIONS.name
"""Who tells what a credential points to."""


@dataclass(frozen=True, slots=True)
class ToldEstimate:
    """An estimate as its fact tells it: `number` is the fact's, `at` its time."""

    fact: FactId
    person: PersonId
    number: int
    at: datetime
    event: EstimateRevised

    def estimate(self) -> Estimate:
        """Return what the policy looks at. Raises Rejected for probabilities that are none."""
        event = self.event
        return Estimate(
            skill=event.skill,
            as_of=self.at,
            p_levels=event.level_probabilities,
            works=event.works,
            raters=event.raters,
            has_deployment_attestation=event.has_deployment_attestation,
            newest_evidence_at=event.last_evidence_at,
            half_life_days=event.half_life_days,
        )

    def evidence_facts(self) -> frozenset[str]:
        """Return the facts among its contributions that a credential would point to."""
        return frozenset(fact for fact, source, _ in self.event.contributions.listed() if source == EVIDENCE_SOURCE)


def might_earn(told: ToldEstimate, rule: IssuingRule, now: datetime) -> bool:
    """Return whether the estimate alone would do, whatever the person holds. Raises Rejected as `estimate` does."""
    return isinstance(decide(rule, told.estimate(), (), now), Issue)


def earned_claim(
    told: ToldEstimate,
    decision: Issue,
    rule: IssuingRule,
    achievements: Achievements,
    testimonies: Iterable[Testimony],
) -> Claim:
    """Return what the credential is to say. Raises KeyError for a skill that is no achievement of ours."""
    event = told.event
    return Claim(
        person=told.person,
        skill=achievements.skills[event.skill],
        level=decision.level,
        level_max=len(achievements.anchors),
        probability=decision.probability,
        interval_low=event.interval_low,
        interval_high=event.interval_high,
        works=event.works,
        raters=event.raters,
        release=event.release,
        rule=rule.version,
        criteria=achievements.criteria(event.skill, decision.level, rule),
        evidence=evidence_for(event.skill, testimonies, told.evidence_facts()),
    )
