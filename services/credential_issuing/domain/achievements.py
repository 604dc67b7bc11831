"""What credentials can be issued for: the skills, what each is called, and what a level of it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.credential_issuing.domain.claim import Alignment, Skill
from services.credential_issuing.domain.policy import IssuingRule
from shared.kernel import canonical_json


@dataclass(frozen=True, slots=True)
class Achievements:
    """The skills by id, named as the house at one origin names them.

    anchors[k - 1]: what level k means for any skill; skill_anchors: by skill id, what it means in that one.
    """

    skills: Mapping[str, Skill]
    anchors: tuple[str, ...]
    skill_anchors: Mapping[str, tuple[str, ...]]

    def criteria(self, skill: str, level: int, rule: IssuingRule) -> str:
        """Return in words what had to be shown for `level` of a skill under `rule`: the skill's own anchor first."""
        instead = ", or an attested deployment" if rule.attestation_replaces_raters else ""
        return (
            f"{self.skill_anchors.get(skill, self.anchors)[level - 1]} "
            f"Issued when P(level >= {level}) is at least {rule.probability_min}, from at least {rule.works_min} "
            f"distinct works and {rule.raters_min} distinct raters{instead}, on evidence whose age at the estimate "
            f"was at most {rule.evidence_age_half_lives_max:g} times the half-life of the skill."
        )


def read_achievements(document: bytes, origin: str) -> Achievements:
    """Return the achievements of a document that ships with the code, with IRIs at `origin`.

    Raises KeyError or TypeError for a document of another shape, which is a fault of the build.
    """
    whole: Any = canonical_json.loads(document)
    framework = f"{whole['framework']['name']} {whole['framework']['version']}"
    levels = sorted(whole["levels"], key=lambda level: level["number"])
    return Achievements(
        skills={each["id"]: _skill(each, framework, origin) for each in whole["skills"]},
        anchors=tuple(level["anchor"] for level in levels),
        skill_anchors={each["id"]: tuple(each["anchors"]) for each in whole["skills"] if "anchors" in each},
    )


def _skill(each: Mapping[str, Any], framework: str, origin: str) -> Skill:
    return Skill(
        iri=f"{origin}/v1/framework/skills/{each['id']}",
        code=each["id"],
        name=each["name"],
        description=each["description"],
        framework=framework,
        alignments=tuple(Alignment(**alignment) for alignment in each["alignments"]),
    )
