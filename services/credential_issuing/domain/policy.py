"""When an estimate is good enough to sign, and the reasons when it is not.

The rule is data with a version, and the version stands in every credential, so that a reader can recompute the claim.
What happens over time:

- A higher level is reached: a new credential is issued. The lower one stays valid, for it is still true.
- The estimate falls: nothing is revoked. A credential says what was shown at its time, and ends by `validUntil`.
- A credential was revoked: its level, and those below, are not issued again by rule; a person must decide that.
- A credential ran out: the same level is issued again as soon as the rule holds on present evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from services.credential_issuing.domain.figures import floored
from shared.kernel.errors import Rejected
from shared.kernel.ids import CredentialId


@dataclass(frozen=True, slots=True)
class IssuingRule:
    """What must hold for a credential at a level. Published, and never changed under the same version."""

    version: str
    probability_min: float
    """P(level >= k) that level k needs, in [0, 1]."""
    works_min: int
    raters_min: int
    attestation_replaces_raters: bool
    """Whether telemetry of a deployment the person owns stands in for raters."""
    evidence_age_half_lives_max: float
    """How old the newest evidence may be when the estimate is made, in half-lives of the skill."""
    validity_days: int


RULE_1: Final = IssuingRule(
    version="deedlog-rule-1",
    probability_min=0.9,
    works_min=3,
    raters_min=2,
    attestation_replaces_raters=True,
    evidence_age_half_lives_max=1.0,
    validity_days=730,
)
RULES: Final = {rule.version: rule for rule in (RULE_1,)}
"""Every rule a standing credential may name."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the model says of one skill of one person at `as_of`. `p_levels[k - 1]` is P(level >= k), falling in k."""

    skill: str
    as_of: datetime
    p_levels: tuple[float, ...]
    works: int
    raters: int
    has_deployment_attestation: bool
    newest_evidence_at: datetime
    half_life_days: float

    def __post_init__(self) -> None:
        if any(not 0.0 <= p <= 1.0 for p in self.p_levels):
            raise Rejected.of("/p_levels", "a probability lies outside 0 to 1", "Send P(level >= k) for each k.")
        if any(low < high for low, high in zip(self.p_levels, self.p_levels[1:], strict=False)):
            raise Rejected.of("/p_levels", "P(level >= k) rises with k", "Order them from level 1 upwards.")


@dataclass(frozen=True, slots=True)
class Held:
    """A credential the person already has for this skill, whatever became of it."""

    credential: CredentialId
    level: int
    valid_until: datetime
    is_revoked: bool

    def stands(self, now: datetime) -> bool:
        """Return whether it is neither revoked nor run out."""
        return not self.is_revoked and now < self.valid_until


ReasonCode = Literal[
    "probability-too-low",
    "too-few-works",
    "too-few-raters",
    "evidence-too-old",
    "already-held",
    "was-revoked",
]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands against issuing now, in a sentence the person may read."""

    code: ReasonCode
    text: str


@dataclass(frozen=True, slots=True)
class Issue:
    """Issue a credential at `level`. `below` are standing credentials of lower levels; they stay valid."""

    skill: str
    level: int
    probability: float
    rule: str
    valid_until: datetime
    below: tuple[CredentialId, ...]


@dataclass(frozen=True, slots=True)
class NotYet:
    """Nothing is issued, for every one of `reasons` (at least one)."""

    skill: str
    reasons: tuple[Reason, ...]


Decision: TypeAlias = Issue | NotYet


def decide(rule: IssuingRule, estimate: Estimate, held: Sequence[Held], now: datetime) -> Decision:
    """Return the credential this estimate earns under `rule`, or every reason why it earns none.

    `held`: all credentials of this person for this skill, in any order, revoked and expired ones too. `now` is when it
    would be issued; how old the evidence is, is asked as of the estimate, so that it matters to no rule when we heard.
    """
    level = level_reached(rule, estimate)
    reasons = (*_against_estimate(rule, estimate, level), *_against_held(held, level, now))
    if reasons:
        return NotYet(estimate.skill, reasons)
    return Issue(
        skill=estimate.skill,
        level=level,
        probability=estimate.p_levels[level - 1],
        rule=rule.version,
        valid_until=now + timedelta(days=rule.validity_days),
        below=tuple(sorted(other.credential for other in held if other.stands(now))),
    )


def level_reached(rule: IssuingRule, estimate: Estimate) -> int:
    """Return the highest level whose probability satisfies `rule`, 0 when none does."""
    return sum(p >= rule.probability_min for p in estimate.p_levels)


def _against_estimate(rule: IssuingRule, estimate: Estimate, level: int) -> Iterable[Reason]:
    if level == 0:
        best = max(estimate.p_levels, default=0.0)
        yield Reason("probability-too-low", f"P(level >= 1) is {floored(best, 3)}; {rule.probability_min} is needed.")
    if estimate.works < rule.works_min:
        yield Reason("too-few-works", f"{estimate.works} distinct works; {rule.works_min} are needed.")
    if estimate.raters < rule.raters_min and not _attested(rule, estimate):
        yield Reason("too-few-raters", _raters_text(rule, estimate))
    age_days = (estimate.as_of - estimate.newest_evidence_at) / timedelta(days=1)
    age_days_max = rule.evidence_age_half_lives_max * estimate.half_life_days
    if age_days > age_days_max:
        yield Reason(
            "evidence-too-old", f"The newest evidence was {age_days:.0f} days old; {age_days_max:.0f} at most."
        )


def _attested(rule: IssuingRule, estimate: Estimate) -> bool:
    return rule.attestation_replaces_raters and estimate.has_deployment_attestation


def _raters_text(rule: IssuingRule, estimate: Estimate) -> str:
    needed = f"{estimate.raters} distinct raters; {rule.raters_min} are needed"
    return f"{needed}, or a deployment attestation." if rule.attestation_replaces_raters else f"{needed}."


def _against_held(held: Sequence[Held], level: int, now: datetime) -> Iterable[Reason]:
    if level == 0:
        return
    standing = [other.level for other in held if other.stands(now)]
    if standing and max(standing) >= level:
        yield Reason("already-held", f"A credential at level {max(standing)} stands; this estimate earns {level}.")
    revoked = [other.level for other in held if other.is_revoked]
    if revoked and max(revoked) >= level:
        yield Reason("was-revoked", f"A credential at level {max(revoked)} was revoked; a person must decide anew.")
