"""Suggestions: made of words, explained by them, and the same each time."""

from __future__ import annotations

import pytest

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.suggestions import SUGGESTIONS_MAX, Vocabulary
from tests.unit.skill_inference.people import APIS, DRIFT, framework


def _vocabulary(**aligned: str) -> Vocabulary:
    shown = {
        f"https://lms.example/{name.replace('_', '-')}": Target(((skill, 1.0),), 0.0, Assurance.AUTOMATED_CHECK)
        for name, skill in aligned.items()
    }
    return Vocabulary(framework(), shown)


@pytest.mark.parametrize(
    ("activity", "name", "skill"),
    [
        ("https://lms.example/quiz/drift-detection-7", "", DRIFT),
        ("https://lms.example/quiz/DriftDetection", "", DRIFT),
        ("https://lms.example/quiz/drift%20detection", "", DRIFT),
        ("https://lms.example/mod/quiz/view.php?id=7", "Incident response drill", "operationalization.incidents"),
        ("course-v1:Acme+AI101+2026", "Monitoring in production", "operationalization.monitoring"),
        ("https://lms.example/IntegrationTesting/2", "", "integration.testing"),
    ],
)
def test_the_skill_whose_words_an_activity_shares_is_suggested_first(activity: str, name: str, skill: str) -> None:
    assert _vocabulary().suggest(activity, name)[0].skill == skill


@pytest.mark.parametrize("activity", ["https://lms.example/quiz/7", "uuid://1", "https://drift.example/unit/3", "x:"])
def test_nothing_is_suggested_for_an_id_without_words_of_a_skill(activity: str) -> None:
    assert _vocabulary().suggest(activity) == []


def test_a_suggestion_names_the_words_it_stands_on_and_where_they_were_found() -> None:
    (first, *_) = _vocabulary().suggest("https://lms.example/drift")
    assert first.words == (("drift", "name"),)
    assert 0.0 < first.score < 1.0


def test_an_activity_like_one_aligned_already_is_suggested_the_same_skill() -> None:
    asked = "https://lms.example/zeppelin-2"
    assert _vocabulary().suggest(asked) == []
    (found,) = _vocabulary(zeppelin_1=APIS).suggest(asked)
    assert (found.skill, found.words) == (APIS, (("zeppelin", "example"),))


def test_at_most_three_skills_are_suggested_best_first() -> None:
    everything = " ".join(skill.description for skill in framework().skills.values())
    found = _vocabulary().suggest("x:1", everything)
    assert len(found) == SUGGESTIONS_MAX
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_a_word_of_every_skill_tells_none() -> None:
    aligned = {f"https://lms.example/gizmo-{n}": skill for n, skill in enumerate(framework().skills)}
    shown = {one: Target(((skill, 1.0),), 0.0, Assurance.SELF_CLAIM) for one, skill in aligned.items()}
    assert Vocabulary(framework(), shown).suggest("https://lms.example/gizmo-x") == []
