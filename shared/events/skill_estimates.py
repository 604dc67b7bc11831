"""What `skill_inference` tells: estimates, with the evidence that moved them."""

from __future__ import annotations

from datetime import datetime

from shared.events.event import Event, EventBody, event
from shared.events.sources import SKILL_INFERENCE


class Contribution(EventBody):
    """What one fact still moves the mean by, in logits. `fact` is its id, `source` who told it."""

    fact: str
    source: str
    logits: float


@event(SKILL_INFERENCE, "estimate-revised")
class EstimateRevised(Event):
    """The posterior of one skill of one person at its last evidence, under the named release."""

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
    contributions: tuple[Contribution, ...]
    contributions_rest: float
