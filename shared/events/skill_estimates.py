"""What `skill_inference` tells: estimates, with the evidence that moved them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

from shared.events.event import Event, EventBody, event
from shared.events.sources import SKILL_INFERENCE
from shared.kernel.canonical_parts import UnknownShape, dumps_spelled, spelled


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
    claim: the level that may be claimed, 0 for none, by the rule `claim_rule`; a fact without told neither yet.
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
    claim: int | None = None
    claim_rule: str | None = None

    def encode(self) -> bytes:
        """Return the data as canonical JSON, as of every event, in half the time: a statement tells several."""
        if not all(map(str.isascii, self.assurance_mix)):
            # Names beyond ASCII may be sorted otherwise.
            return super().encode()
        try:
            return _encoded({**vars(self), "contributions": vars(self.contributions)})
        except UnknownShape:
            return super().encode()


_FLOATS: Final = tuple(name for name, field in EstimateRevised.model_fields.items() if field.annotation is float)
_LEAST: Final = 1e-4
_MOST: Final = 1e15
"""A number between the two that has a fraction is spelled as it is."""


def encode_estimate(fields: Mapping[str, Any]) -> bytes:
    """Return what an EstimateRevised of these fields encodes to, without making one: that takes as long again.

    What the caller owes: every field, of its type, `contributions` a mapping too, times in UTC, ASCII names in
    `assurance_mix`. Raises pydantic's ValidationError where a number is none.
    """
    try:
        return _encoded(fields)
    except UnknownShape:
        return EstimateRevised.model_validate(fields).encode()


def _encoded(fields: Mapping[str, Any]) -> bytes:
    """Return the fields with every number spelled, those that are None left out. Raises UnknownShape."""
    own = {name: value for name, value in fields.items() if value is not None}
    for name in _FLOATS:
        number = own[name]
        if number.is_integer() or not _LEAST <= abs(number) < _MOST:
            own[name] = spelled(number)
    own["contributions"] = {**own["contributions"], "logits": _spelled(own["contributions"]["logits"])}
    own["level_probabilities"] = _spelled(own["level_probabilities"])
    own["last_evidence_at"] = own["last_evidence_at"].isoformat().replace("+00:00", "Z")
    return dumps_spelled(own)


def _spelled(numbers: Sequence[float]) -> Sequence[Any]:
    if numbers and not any(map(float.is_integer, numbers)):
        sizes = list(map(abs, numbers))
        if min(sizes) >= _LEAST and max(sizes) < _MOST:
            return numbers
    return [spelled(number) for number in numbers]


@event(SKILL_INFERENCE, "estimate-withdrawn")
class EstimateWithdrawn(Event):
    """Nothing is said of this skill of this person any longer; what was told of it before no longer stands.

    no-evidence: all evidence was voided or erased, or is not aligned any more. merged: the person is part of another
    now, in whose stream the estimate of both is told. opted-out: the person wants nothing inferred; their record stays.
    """

    skill: str
    reason: Literal["no-evidence", "merged", "opted-out"]
