"""What is to be told of a person after something changed, as the events that tell it, each within a fact's bounds.

Compared with what was told last, skill by skill: what moved is revised, what has no evidence any more is withdrawn,
a person who became part of another withdraws everything, for the other's estimates speak for both, and so does one who
opted out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from services.skill_inference.domain.claims import ClaimRule, may_claim
from services.skill_inference.domain.estimate import Estimate, estimate
from services.skill_inference.domain.explanation import TOP_MAX, Parted, moves, parted, ranked
from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.observation import instant_of, microseconds
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState, level_at
from services.skill_inference.domain.telling import MOVE_MIN, Told, should_tell, telling
from shared.events.fact import DATA_BYTES_MAX, NewFact
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn, encode_estimate
from shared.kernel.ids import FactId, Subject

_LOGITS_SCALE: Final = 1e6
"""A contribution that is told one by one has six decimals; what rounding takes goes to the rest."""
_CONTRIBUTION_BYTES: Final = 52
"""An id of 36 characters, its logits, its place and three commas: what one contribution adds to a fact at most."""


class Revision(NamedTuple):
    """One skill's news as its event's type and data, and what is remembered as told from now on; None for nothing."""

    skill: str
    type: str
    data: bytes
    told: Told | None

    def fact(self, fact_id: FactId, person: str, at: datetime) -> NewFact:
        """Return the fact that tells it in the person's stream."""
        return NewFact(fact_id, Subject(person), self.type, at, None, self.data)


def revisions(
    state: PersonState, told: Mapping[str, Told], framework: Framework, release: Release, rule: ClaimRule
) -> list[Revision]:
    """Return what to tell of a person who stands for themselves. `told`: what was told last, by skill."""
    shown = _weighty(state)
    news = _moved(state, shown, told, release, rule)
    steps = parted(state) if news else Parted({}, {}, {})
    revised = [_revised(state, steps, current, framework, release, rule) for current in news]
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
    return {skill: estimate(state, skill, release, instant_of(at)) for skill, at in _weighty(state).items()}


def _weighty(state: PersonState) -> dict[str, int]:
    """Return when each skill was last seen, of those seen in anything that carries weight."""
    return {
        skill: seen.newest_at
        for skill, seen in state.evidence.items()
        if seen.newest_at is not None and seen.observations > 0
    }


def _moved(
    state: PersonState, shown: Mapping[str, int], told: Mapping[str, Told], release: Release, rule: ClaimRule
) -> list[Estimate]:
    """Return the estimates that are to be told. Most skills of a person stay where they were, and are let be at once.

    Those are left out of which `should_tell` would say no: what was told stands, and neither before nor now may any
    level be claimed.
    """
    news = []
    for skill, at in shown.items():
        last = told.get(skill)
        if last is not None and last.release == state.release and last.claim == 0:
            mean, _ = level_at(state, skill, release, at)
            if abs(mean - last.mean) <= MOVE_MIN and not may_claim(state.evidence[skill], rule):
                continue
        current = estimate(state, skill, release, instant_of(at))
        if should_tell(last, current, rule):
            news.append(current)
    return news


def _revised(
    state: PersonState, steps: Parted, said: Estimate, framework: Framework, release: Release, rule: ClaimRule
) -> Revision:
    news = telling(said, rule)
    data = estimate_data(state, steps, said, news.claim, framework, release, rule)
    return Revision(said.skill, EstimateRevised.type, data, news)


def estimate_data(
    state: PersonState,
    steps: Parted,
    said: Estimate,
    claim: int,
    framework: Framework,
    release: Release,
    rule: ClaimRule,
) -> bytes:
    """Return the data that tells an estimate, with as many of its TOP_MAX contributions as a fact has room for.

    steps: those of `state`. claim: the level that may be claimed by `rule`.
    """
    moved = moves(state, steps, said.skill, release, microseconds(said.as_of))
    top = ranked(moved, TOP_MAX)
    fields = _fields(said, framework, release)
    fields["claim"], fields["claim_rule"] = claim, rule.id
    top_max = TOP_MAX
    while True:
        fields |= _contributions(said, fields["prior"], top[:top_max], steps, len(moved))
        data = encode_estimate(fields)
        beyond = len(data) - DATA_BYTES_MAX
        if beyond <= 0 or top_max == 0:
            return data
        top_max = max(0, top_max - math.ceil(beyond / _CONTRIBUTION_BYTES))


def _fields(said: Estimate, framework: Framework, release: Release) -> dict[str, Any]:
    return {
        "skill": said.skill,
        "layer": framework.skills[said.skill].layer,
        "mean": said.mean,
        "variance": said.variance,
        "interval_low": said.interval[0],
        "interval_high": said.interval[1],
        "level": said.level,
        "level_probabilities": said.reached,
        "works": said.works,
        "raters": said.raters,
        "observations": said.observations,
        "has_deployment_attestation": said.has_deployment_attestation,
        "assurance_mix": {kind.value: count for kind, count in said.assurance_mix.items()},
        "last_evidence_at": said.as_of,
        "half_life_days": said.half_life_days,
        "release": said.release,
        "prior": release.prior_mean(said.skill),
    }


def _contributions(
    said: Estimate, prior: float, top: Sequence[tuple[str, float]], steps: Parted, count: int
) -> dict[str, Any]:
    """Return the fields that tell the `top` of `count` contributions."""
    logits = [round(each * _LOGITS_SCALE) / _LOGITS_SCALE for _, each in top]
    told_by = [steps.places[fact].source for fact, _ in top]
    sources = sorted(set(told_by))
    place = {source: number for number, source in enumerate(sources)}
    return {
        "contributions": {
            "facts": [fact for fact, _ in top],
            "sources": sources,
            "by": [place[source] for source in told_by],
            "logits": logits,
        },
        "contributions_rest": math.fsum((said.mean, -prior, *[-each for each in logits])),
        "contributions_rest_count": count - len(top),
    }


def _withdrawals(told: Mapping[str, Told], event: EstimateWithdrawn) -> list[Revision]:
    return [
        Revision(skill, event.type, event.model_copy(update={"skill": skill}).encode(), None) for skill in sorted(told)
    ]
