"""What `skill_inference` tells: estimates, with the evidence that moved them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from shared.events.event import Event, EventBody, event
from shared.events.sources import SKILL_INFERENCE


class Contributions(EventBody):
    """What single facts still move the mean by, in columns, so that twenty fit beside the rest of a fact.

    facts: their ids, largest contribution first. logits: one a fact, 6 decimals. sources: who told them, each named
    once; by: for each fact its place in `sources`, counted from 0.
    """

    facts: tuple[str, ...]
    sources: tuple[str, ...]
    by: tuple[int, ...]
    logits: tuple[float, ...]

    def listed(self) -> list[tuple[str, str, float]]:
        """Return (fact, source, logits) a contribution, in order."""
        return [
            (fact, self.sources[place], logits)
            for fact, place, logits in zip(self.facts, self.by, self.logits, strict=True)
        ]


@event(SKILL_INFERENCE, "estimate-revised")
class EstimateRevised(Event):
    """The posterior of one skill of one person at its last evidence, under the named release.

    prior + every listed contribution + contributions_rest = mean, within 1e-9; the rest is the sum over the
    `contributions_rest_count` facts that are not listed, and what rounding took from those that are.
    """

    skill: str
    layer: str
    mean: float
    variance: float
    interval_low: float
    interval_high: float
    level: int
    level_probabilities: tuple[float, ...]
    works: int
    raters: int
    observations: int
    has_deployment_attestation: bool
    assurance_mix: dict[str, int]
    last_evidence_at: datetime
    half_life_days: float
    release: str
    prior: float
    contributions: Contributions
    contributions_rest: float
    contributions_rest_count: int


@event(SKILL_INFERENCE, "estimate-withdrawn")
class EstimateWithdrawn(Event):
    """Nothing is said of this skill of this person any longer; what was told of it before no longer stands.

    no-evidence: all evidence was voided or erased, or is not aligned any more. merged: the person is part of another
    now, in whose stream the estimate of both is told.
    """

    skill: str
    reason: Literal["no-evidence", "merged"]
