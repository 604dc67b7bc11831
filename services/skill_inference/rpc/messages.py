"""What is said of people, as it stands in messages."""

from __future__ import annotations

from collections.abc import Iterable

from deedlog.skill_inference.v1 import gap_pb2, skill_inference_pb2
from services.skill_inference.domain.claims import ClaimRule, Shortfall, claimable_level
from services.skill_inference.domain.estimate import Estimate
from services.skill_inference.domain.explanation import Contribution
from services.skill_inference.domain.gap import Gap, SkillGap
from services.skill_inference.domain.next_evidence import Proposal
from services.skill_inference.domain.observation import microseconds


def estimate_message(estimate: Estimate, layer: str, rule: ClaimRule) -> skill_inference_pb2.Estimate:
    """Return an estimate without what contributed to it."""
    return skill_inference_pb2.Estimate(
        skill=estimate.skill,
        layer=layer,
        mean=estimate.mean,
        variance=estimate.variance,
        interval_low=estimate.interval[0],
        interval_high=estimate.interval[1],
        level=estimate.level,
        level_probabilities=estimate.reached,
        works=estimate.works,
        raters=estimate.raters,
        release=estimate.release,
        observations=estimate.observations,
        has_deployment_attestation=estimate.has_deployment_attestation,
        last_evidence_at_us=microseconds(estimate.as_of),
        half_life_days=estimate.half_life_days,
        claim=claimable_level(estimate, rule),
        claim_rule=rule.id,
    )


def contribution_messages(contributions: Iterable[Contribution]) -> list[skill_inference_pb2.Contribution]:
    """Return contributions, in order."""
    return [
        skill_inference_pb2.Contribution(fact=one.fact, source=one.source, logits=one.logits, occurred_at_us=one.at)
        for one in contributions
    ]


def gap_message(person: str, found: Gap) -> gap_pb2.Gap:
    """Return a gap."""
    experience = found.experience
    return gap_pb2.Gap(
        person=person,
        role=found.role,
        as_of_us=microseconds(found.as_of),
        release=found.release,
        claim_rule=found.claim_rule,
        readiness=found.readiness.mean,
        readiness_low=found.readiness.interval[0],
        readiness_high=found.readiness.interval[1],
        unseen=found.unseen,
        experience=gap_pb2.Experience(
            covered=experience.covered,
            skills=experience.skills,
            works=experience.works,
            looks_open=experience.looks_open,
            is_open=experience.is_open,
            is_narrower_than_it_looks=experience.is_narrower_than_it_looks,
        ),
        skills=[_skill_gap(one) for one in found.skills],
    )


def suggestion_message(one: Proposal) -> gap_pb2.Suggestion:
    """Return a piece of evidence to add."""
    return gap_pb2.Suggestion(
        kind=one.kind,
        skill=one.demand.skill,
        target=one.demand.target,
        weight=one.demand.weight,
        gain=one.gain,
        chance=one.chance,
        chance_after=one.chance_after,
        missing_after=[_shortfall(lack) for lack in one.missing],
    )


def _skill_gap(one: SkillGap) -> gap_pb2.SkillGap:
    guess = one.guess
    message = gap_pb2.SkillGap(
        skill=one.demand.skill,
        layer=one.demand.skill.partition(".")[0],
        target=one.demand.target,
        weight=one.demand.weight,
        level=one.said.level,
        mean=one.said.mean,
        distance=one.distance,
        distance_low=one.interval[0],
        distance_high=one.interval[1],
        chance=one.chance,
        observations=one.said.observations,
        works=one.said.works,
        operational_works=len(one.operational_works),
        raters=one.said.raters,
        is_reached=one.is_reached,
        missing=[_shortfall(lack) for lack in one.missing],
    )
    if guess is not None:
        message.guess.MergeFrom(
            gap_pb2.Guess(mean=guess.mean, variance=guess.variance, chance=guess.chance, by=guess.by)
        )
    return message


def _shortfall(lack: Shortfall) -> gap_pb2.Shortfall:
    return gap_pb2.Shortfall(requirement=lack.requirement, expected=lack.expected, got=lack.got)
