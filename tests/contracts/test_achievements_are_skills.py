"""Whoever issues credentials names skills as whoever infers them does: they share ids and words, never code."""

from __future__ import annotations

from services.credential_issuing.domain.achievements import read_achievements
from services.credential_issuing.domain.policy import RULE_1
from services.credential_issuing.parameters import achievements_document
from services.skill_inference.domain.claims import parse_claim_rules
from services.skill_inference.domain.framework import parse_framework, skill_iri
from services.skill_inference.parameters import claim_rules_document, framework_document

ORIGIN = "https://deedlog.example"
FRAMEWORK = parse_framework(framework_document())
ACHIEVEMENTS = read_achievements(achievements_document(), ORIGIN)


def test_every_skill_is_an_achievement_under_the_same_id_name_description_and_iri() -> None:
    assert {id_: (skill.iri, skill.name, skill.description) for id_, skill in ACHIEVEMENTS.skills.items()} == {
        id_: (skill_iri(ORIGIN, id_), skill.name, skill.description) for id_, skill in FRAMEWORK.skills.items()
    }


def test_an_achievement_names_the_foreign_concepts_that_are_exact_or_close_and_no_others() -> None:
    for id_, skill in FRAMEWORK.skills.items():
        alignments = [each for each in skill.alignments if each.relation in {"exact", "close"}]
        near = [(each.scheme, each.label, each.identifier) for each in alignments]
        said = [(each.framework, each.name, each.url) for each in ACHIEVEMENTS.skills[id_].alignments]
        assert said == near


def test_levels_mean_the_same() -> None:
    assert ACHIEVEMENTS.anchors == tuple(level.anchor for level in FRAMEWORK.levels)
    assert ACHIEVEMENTS.skill_anchors == {id_: skill.anchors for id_, skill in FRAMEWORK.skills.items()}


def test_the_rule_issues_what_may_be_claimed_and_no_more() -> None:
    claim = parse_claim_rules(claim_rules_document()).standard
    assert (
        RULE_1.version,
        RULE_1.probability_min,
        RULE_1.works_min,
        RULE_1.raters_min,
        RULE_1.attestation_replaces_raters,
        RULE_1.evidence_age_half_lives_max,
    ) == (
        claim.id,
        claim.probability_min,
        claim.works_min,
        claim.raters_min,
        claim.attestation_replaces_raters,
        claim.half_lives_max,
    )
