"""What is to be told of a person after something changed, as the events that tell it, each within a fact's bounds.

Compared with what was told last, skill by skill: what moved is revised, what has no evidence any more is withdrawn,
a person who became part of another withdraws everything, for the other's estimates speak for both, and so does one who
opted out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from services.skill_inference.domain.claims import ClaimRule, claimable_level
from services.skill_inference.domain.estimate import Estimate, estimate
from services.skill_inference.domain.explanation import TOP_MAX, Explanation, explain
from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.observation import instant_of
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState
from services.skill_inference.domain.telling import Told, should_tell, telling
from shared.events.fact import DATA_BYTES_MAX, NewFact
from shared.events.skill_estimates import Contributions, EstimateRevised, EstimateWithdrawn
from shared.kernel.ids import FactId, Subject

LOGITS_DIGITS: Final = 6
"""Decimals of a contribution that is told one by one; what rounding takes goes to the rest."""
_CONTRIBUTION_BYTES: Final = 52
"""An id of 36 characters, its logits, its place and three commas: what one contribution adds to a fact at most."""

Event: TypeAlias = EstimateRevised | EstimateWithdrawn


class Revision(NamedTuple):
    """One skill's news with its encoding, and what is to be remembered as told from now on; None when nothing is."""

    skill: str
    event: Event
    data: bytes
    told: Told | None

    def fact(self, fact_id: FactId, person: str, at: datetime) -> NewFact:
        """Return the fact that tells it in the person's stream."""
        return NewFact(fact_id, Subject(person), self.event.type, at, None, self.data)


def revisions(
    state: PersonState, told: Mapping[str, Told], framework: Framework, release: Release, rule: ClaimRule
) -> list[Revision]:
    """Return what to tell of a person who stands for themselves. `told`: what was told last, by skill."""
    shown = presentable(state, release)
    revised = [
        Revision(skill, *estimate_event(state, current, framework, release, rule), telling(current, rule))
        for skill, current in shown.items()
        if should_tell(told.get(skill), current, rule)
    ]
    gone = {skill: last for skill, last in told.items() if skill not in shown}
    return [*revised, *_withdrawals(gone, EstimateWithdrawn(skill="", reason="no-evidence"))]


def merged_away(told: Mapping[str, Told]) -> list[Revision]:
    """Return what to tell of a person who is part of another now."""
    return _withdrawals(told, EstimateWithdrawn(skill="", reason="merged"))


def opted_out(told: Mapping[str, Told]) -> list[Revision]:
    """Return what to tell of a person who wants nothing inferred."""
    return _withdrawals(told, EstimateWithdrawn(skill="", reason="opted-out"))


def presentable(state: PersonState, release: Release) -> dict[str, Estimate]:
    """Return the estimates there are to show, by skill, each at its last evidence: none without evidence of weight."""
    return {
        skill: estimate(state, skill, release, instant_of(seen.newest_at))
        for skill, seen in state.evidence.items()
        if seen.newest_at is not None and seen.observations > 0
    }


def estimate_event(
    state: PersonState, said: Estimate, framework: Framework, release: Release, rule: ClaimRule
) -> tuple[EstimateRevised, bytes]:
    """Return the event that tells an estimate, with as many of its TOP_MAX contributions as a fact has room for.

    Beside it its encoding, which is most of what telling costs and was needed to know that it fits.
    """
    top_max = TOP_MAX
    while True:
        event = _event(said, explain(state, said.skill, release, said.as_of, top_max), framework, rule)
        data = event.encode()
        beyond = len(data) - DATA_BYTES_MAX
        if beyond <= 0 or top_max == 0:
            return event, data
        top_max = max(0, top_max - math.ceil(beyond / _CONTRIBUTION_BYTES))


def _event(said: Estimate, why: Explanation, framework: Framework, rule: ClaimRule) -> EstimateRevised:
    logits = tuple(round(contribution.logits, LOGITS_DIGITS) for contribution in why.top)
    sources = tuple(sorted({contribution.source for contribution in why.top}))
    return EstimateRevised(
        skill=said.skill,
        layer=framework.skills[said.skill].layer,
        mean=said.mean,
        variance=said.variance,
        interval_low=said.interval[0],
        interval_high=said.interval[1],
        level=said.level,
        level_probabilities=said.reached,
        works=said.works,
        raters=said.raters,
        observations=said.observations,
        has_deployment_attestation=said.has_deployment_attestation,
        assurance_mix={kind.value: count for kind, count in said.assurance_mix.items()},
        last_evidence_at=said.as_of,
        half_life_days=said.half_life_days,
        release=said.release,
        prior=why.prior,
        contributions=Contributions(
            facts=tuple(contribution.fact for contribution in why.top),
            sources=sources,
            by=tuple(sources.index(contribution.source) for contribution in why.top),
            logits=logits,
        ),
        contributions_rest=math.fsum((said.mean, -why.prior, *(-each for each in logits))),
        contributions_rest_count=why.rest_count,
        claim=claimable_level(said, rule),
        claim_rule=rule.id,
    )


def _withdrawals(told: Mapping[str, Told], event: EstimateWithdrawn) -> list[Revision]:
    found = []
    for skill in sorted(told):
        own = event.model_copy(update={"skill": skill})
        found.append(Revision(skill, own, own.encode(), None))
    return found
