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


def test_the_criteria_say_what_the_level_means_in_this_skill_and_what_the_rule_asks() -> None:
    skill = "operationalization.drift"
    text = ACHIEVEMENTS.criteria(skill, 3, RULE_1)
    assert text.startswith(ACHIEVEMENTS.skill_anchors[skill][2])
    for words in ("P(level >= 3) is at least 0.9", "3 distinct works", "2 distinct raters", "attested deployment"):
        assert words in text
    assert "attested" not in ACHIEVEMENTS.criteria(skill, 3, replace(RULE_1, attestation_replaces_raters=False))


def test_a_skill_without_anchors_of_its_own_is_measured_by_those_of_every_skill() -> None:
    bare = replace(ACHIEVEMENTS, skill_anchors={})
    assert bare.criteria("operationalization.drift", 3, RULE_1).startswith(ACHIEVEMENTS.anchors[2])
