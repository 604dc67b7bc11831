"""What a level means stands in the credential, with the figures of the rule it was issued under."""

from __future__ import annotations

from dataclasses import replace

from services.credential_issuing.domain.achievements import read_achievements
from services.credential_issuing.domain.policy import RULE_1
from services.credential_issuing.parameters import achievements_document

ACHIEVEMENTS = read_achievements(achievements_document(), "https://deedlog.example")


def test_a_skill_is_named_by_an_iri_at_the_origin() -> None:
    skill = ACHIEVEMENTS.skills["operationalization.incidents"]
    assert skill.iri == "https://deedlog.example/v1/framework/skills/operationalization.incidents"
    assert skill.code == "operationalization.incidents"
    assert skill.framework == "Deedlog skills 2"


def test_the_criteria_say_what_the_level_means_and_what_the_rule_asks() -> None:
    text = ACHIEVEMENTS.criteria(3, RULE_1)
    assert text.startswith(ACHIEVEMENTS.anchors[2])
    for words in ("P(level >= 3) is at least 0.9", "3 distinct works", "2 distinct raters", "attested deployment"):
        assert words in text
    assert "attested" not in ACHIEVEMENTS.criteria(3, replace(RULE_1, attestation_replaces_raters=False))
