"""A skill at a level as an Open Badges 3.0 credential on the W3C Verifiable Credentials Data Model 2.0.

    Achievement         the skill at the level: criteria, alignments, what each result means
    credentialSubject   the person, by id only; their results: level, probability, interval, model release
    evidence            what was looked at, each item by id, in a sentence, with its grade
    relatedResource     the digest of each evidence item, and of the record's head where one is given (VCDM 2.0 §5.3):
                        Open Badges' own Evidence has no place for a digest

The result is unsigned; `issuing.sign` adds the proof. All figures are text, rounded against the claim. The contexts are
pinned by name and never fetched: the proof is over canonical JSON, which reads no context.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.credential_issuing.domain.claim import Alignment, Claim, Evidence, Grade, require_uri
from services.credential_issuing.domain.figures import ceiled, floored
from services.credential_issuing.domain.status_list import StatusEntry
from services.credential_issuing.domain.timestamps import timestamp
from shared.kernel.errors import Rejected
from shared.kernel.ids import PersonId

CONTEXTS: Final = (
    "https://www.w3.org/ns/credentials/v2",
    "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
)
GRADES: Final[dict[Grade, str]] = {
    "A": "proved by a third party's signature",
    "B": "observed by the issuer and logged at once",
    "C": "declared by the person",
}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs. `did` is a did:web, `url` a page people can read."""

    did: str
    name: str
    url: str


def subject_id(person: PersonId) -> str:
    """Return the URI a credential names a person by. The verifier expects it to name the record's subject too."""
    return f"urn:deedlog:person:{person}"


def open_badge(
    credential_url: str, issuer: Issuer, claim: Claim, status: StatusEntry, valid_from: datetime, valid_until: datetime
) -> dict[str, Any]:
    """Return the unsigned credential. Times are told in whole seconds, cut down.

    Raises Rejected for a validity that ends before it begins, and for whatever `Claim.check` refuses.
    """
    claim.check()
    require_uri(credential_url)
    if timestamp(valid_from) >= timestamp(valid_until):
        raise Rejected.of("/validUntil", "the validity ends before it begins", "Let it end later.")
    achievement_id = f"{claim.skill.iri}/levels/{claim.level}"
    return {
        "@context": list(CONTEXTS),
        "id": credential_url,
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": f"{claim.skill.name}, level {claim.level} of {claim.level_max}",
        "issuer": {"id": issuer.did, "type": ["Profile"], "name": issuer.name, "url": issuer.url},
        "validFrom": timestamp(valid_from),
        "validUntil": timestamp(valid_until),
        "credentialSubject": {
            "id": subject_id(claim.person),
            "type": ["AchievementSubject"],
            "achievement": _achievement(achievement_id, claim),
            "result": _results(achievement_id, claim),
            "narrative": _narrative(claim),
        },
        "credentialStatus": status.as_json(),
        **_what_it_rests_on(claim),
    }


def digest_sri(digest: bytes) -> str:
    """Return a SHA-256 digest of 32 bytes as Subresource Integrity metadata (VCDM 2.0 §5.3)."""
    return "sha256-" + base64.b64encode(digest).decode()


def _what_it_rests_on(claim: Claim) -> dict[str, Any]:
    """Return the members for evidence and digests; an empty list is left out, for VCDM 2.0 knows none."""
    evidence = [_evidence(item) for item in claim.evidence]
    related = [{"id": resource.id, "digestSRI": digest_sri(resource.digest)} for resource in claim.resources()]
    return {name: items for name, items in (("evidence", evidence), ("relatedResource", related)) if items}


def _achievement(achievement_id: str, claim: Claim) -> dict[str, Any]:
    skill = claim.skill
    own = Alignment(skill.name, skill.iri, skill.framework, skill.code)
    return {
        "id": achievement_id,
        "type": ["Achievement"],
        "achievementType": "Competency",
        "name": f"{skill.name}, level {claim.level}",
        "description": skill.description,
        "humanCode": f"{skill.code}/{claim.level}",
        "criteria": {"narrative": claim.criteria},
        "alignment": [_alignment(each) for each in (own, *skill.alignments)],
        "resultDescription": _result_descriptions(achievement_id, claim),
    }


def _alignment(alignment: Alignment) -> dict[str, Any]:
    code = {} if alignment.code is None else {"targetCode": alignment.code}
    return {
        "type": ["Alignment"],
        "targetName": alignment.name,
        "targetUrl": alignment.url,
        "targetFramework": alignment.framework,
        "targetType": alignment.kind,
        **code,
    }


def _result_descriptions(achievement_id: str, claim: Claim) -> list[dict[str, Any]]:
    levels = [str(level) for level in range(1, claim.level_max + 1)]
    return [
        _described(
            achievement_id,
            "level",
            "Level reached",
            "PerformanceLevel",
            allowedValue=levels,
            requiredValue=str(claim.level),
        ),
        _described(
            achievement_id,
            "probability",
            f"Probability that the level is {claim.level} or higher",
            "ext:Probability",
            valueMin="0",
            valueMax="1",
        ),
        _described(achievement_id, "interval-low", "90 % interval in logits, lower end", "ext:IntervalLow"),
        _described(achievement_id, "interval-high", "90 % interval in logits, upper end", "ext:IntervalHigh"),
        _described(achievement_id, "release", "Release of the model that made the estimate", "ext:ModelRelease"),
        _described(achievement_id, "rule", "Rule under which the credential was issued", "ext:IssuingRule"),
    ]


def _described(achievement_id: str, fragment: str, name: str, kind: str, **bounds: Any) -> dict[str, Any]:
    return {
        "id": f"{achievement_id}#{fragment}",
        "type": ["ResultDescription"],
        "name": name,
        "resultType": kind,
        **bounds,
    }


def _results(achievement_id: str, claim: Claim) -> list[dict[str, Any]]:
    values = {
        "level": str(claim.level),
        "probability": floored(claim.probability, 3),
        "interval-low": floored(claim.interval_low, 2),
        "interval-high": ceiled(claim.interval_high, 2),
        "release": claim.release,
        "rule": claim.rule,
    }
    return [
        {"type": ["Result"], "resultDescription": f"{achievement_id}#{fragment}", "value": value}
        for fragment, value in values.items()
    ]


def _narrative(claim: Claim) -> str:
    mix = ", ".join(f"{_count(claim.evidence, grade)} {meaning}" for grade, meaning in GRADES.items())
    return (
        f"Level {claim.level} of {claim.level_max} or higher with probability {floored(claim.probability, 3)}, "
        f"from {claim.works} distinct works and {claim.raters} distinct raters. "
        f"Items of evidence: {mix}."
    )


def _count(evidence: Sequence[Evidence], grade: Grade) -> int:
    return sum(item.grade == grade for item in evidence)


def _evidence(item: Evidence) -> dict[str, Any]:
    return {
        "id": item.id,
        "type": ["Evidence"],
        "name": item.name,
        "narrative": item.narrative,
        "genre": f"Grade {item.grade}: {GRADES[item.grade]}",
    }
