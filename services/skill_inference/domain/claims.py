"""When an estimate is good enough to be claimed, as rules that are data: one a kind of credential.

A claim asks for more than a likely level: evidence from several works, more than one pair of eyes, and not too old.
This is what `skill_inference` says may be claimed; whoever issues a credential holds the estimate to its own rule. A
rule never changes under its id: other numbers are a new id, so that what an estimate was held to can be looked up.
Pure: the document's bytes are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from services.skill_inference.domain.document import Section, read_document
from services.skill_inference.domain.estimate import Estimate
from services.skill_inference.domain.evidence import SkillEvidence
from shared.kernel.errors import Rejected

SKILL_LEVEL: Final = "skill-level"
"""The kind of credential that states one level of one skill; every document has a rule for it."""
COUNT_MAX: Final = 100
HALF_LIVES_MAX: Final = 10.0
PROBABILITY_MIN: Final = 0.5
"""A rule that is content with less would claim what is more likely wrong than right."""
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_ATTESTATION: Final = "deployment-attestation"
_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """What must hold before a level is claimed. `credential` is the kind of credential it stands behind.

    probability_min: of P(level >= k). works_min, raters_min: distinct, for this skill. attestation_replaces_raters:
    whether an attested deployment does instead of reviewers. half_lives_max: age of the newest evidence.
    """

    id: str
    credential: str
    probability_min: float
    works_min: int
    raters_min: int
    attestation_replaces_raters: bool
    half_lives_max: float


@dataclass(frozen=True, slots=True)
class ClaimRules:
    """One version of the rules. `rules` is keyed by kind of credential."""

    version: str
    rules: Mapping[str, ClaimRule]

    @property
    def standard(self) -> ClaimRule:
        """The rule by which estimates are told: that of a credential for one level of one skill."""
        return self.rules[SKILL_LEVEL]


def parse_claim_rules(raw: bytes) -> ClaimRules:
    """Return the rules a JSON document describes. Raises Rejected naming pointer, rule and mend."""
    document = read_document(raw)
    rules: dict[str, ClaimRule] = {}
    for section in document.sections("rules"):
        rule = _rule(section)
        if rule.credential in rules or rule.id in {one.id for one in rules.values()}:
            raise Rejected.of(section.pointer, "its id or kind of credential stands twice", "One rule a kind.")
        rules[rule.credential] = rule
    found = ClaimRules(document.text("version", 20), rules)
    document.close()
    if SKILL_LEVEL not in rules:
        raise Rejected.of("/rules", f"none is for {SKILL_LEVEL}", "Write the rule that estimates are told by.")
    return found


def _rule(section: Section) -> ClaimRule:
    rule = ClaimRule(
        id=_name(section, "id"),
        credential=_name(section, "credential"),
        probability_min=section.number("probability_min", PROBABILITY_MIN, 1.0),
        works_min=_count(section, "works_min"),
        raters_min=_count(section, "raters_min"),
        attestation_replaces_raters=_instead(section) == _ATTESTATION,
        half_lives_max=section.number("half_lives_max", 0.01, HALF_LIVES_MAX),
    )
    section.close()
    return rule


def _name(section: Section, member: str) -> str:
    name = section.text(member, 60)
    if _ID.fullmatch(name) is None:
        raise Rejected.of(section.at(member), "a name is lower-case words joined by hyphens", "Mend it.")
    return name


def _count(section: Section, member: str) -> int:
    number = section.number(member, 1, COUNT_MAX)
    if number != int(number):
        raise Rejected.of(section.at(member), "expected a whole number", "Write such a number.")
    return int(number)


def _instead(section: Section) -> str:
    instead = section.text("instead_of_raters", 40)
    if instead not in (_ATTESTATION, _NOTHING):
        rule = "no such thing stands in for reviewers"
        raise Rejected.of(section.at("instead_of_raters"), rule, f"Write {_ATTESTATION} or {_NOTHING}.")
    return instead


Requirement = Literal["probability", "works", "raters", "freshness"]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One requirement that is not met: what the rule expects and what there is, fit to be shown to the person."""

    requirement: Requirement
    expected: str
    got: str


def claimable_level(estimate: Estimate, rule: ClaimRule) -> int:
    """Return the highest level the rule lets the estimate claim, 0 when none."""
    if not _has_works(estimate, rule) or not _has_raters(estimate, rule) or not _is_fresh(estimate, rule):
        return 0
    return sum(probability >= rule.probability_min for probability in estimate.reached)


def may_claim(evidence: SkillEvidence, rule: ClaimRule) -> bool:
    """Say whether works and reviewers are enough for any level, whatever is believed of it."""
    is_attested = rule.attestation_replaces_raters and bool(evidence.attested)
    return len(evidence.works) >= rule.works_min and (is_attested or len(evidence.raters) >= rule.raters_min)


def shortfalls(estimate: Estimate, level: int, rule: ClaimRule) -> tuple[Shortfall, ...]:
    """Return what keeps `level` (1 to 5) from being claimed; nothing when it may be."""
    found = (_probability(estimate, level, rule), _works(estimate, rule), _raters(estimate, rule), _age(estimate, rule))
    return tuple(shortfall for shortfall in found if shortfall is not None)


def _probability(estimate: Estimate, level: int, rule: ClaimRule) -> Shortfall | None:
    got = estimate.reached[level - 1]
    if got >= rule.probability_min:
        return None
    return Shortfall("probability", f"P(level >= {level}) of {rule.probability_min}", f"{got:.3f}")


def _works(estimate: Estimate, rule: ClaimRule) -> Shortfall | None:
    if _has_works(estimate, rule):
        return None
    return Shortfall("works", f"{rule.works_min} distinct works", f"{estimate.works}")


def _raters(estimate: Estimate, rule: ClaimRule) -> Shortfall | None:
    if _has_raters(estimate, rule):
        return None
    instead = " or an attested deployment" if rule.attestation_replaces_raters else ""
    return Shortfall("raters", f"{rule.raters_min} reviewers{instead}", f"{estimate.raters}")


def _age(estimate: Estimate, rule: ClaimRule) -> Shortfall | None:
    if _is_fresh(estimate, rule):
        return None
    expected = f"evidence of the last {rule.half_lives_max * estimate.half_life_days:.0f} days"
    newest = estimate.newest_evidence_at
    return Shortfall("freshness", expected, "none" if newest is None else f"{(estimate.as_of - newest).days} days old")


def _has_works(estimate: Estimate, rule: ClaimRule) -> bool:
    return estimate.works >= rule.works_min


def _has_raters(estimate: Estimate, rule: ClaimRule) -> bool:
    is_attested = rule.attestation_replaces_raters and estimate.has_deployment_attestation
    return is_attested or estimate.raters >= rule.raters_min


def _is_fresh(estimate: Estimate, rule: ClaimRule) -> bool:
    newest = estimate.newest_evidence_at
    age_max = timedelta(days=rule.half_lives_max * estimate.half_life_days)
    return newest is not None and estimate.as_of - newest <= age_max
