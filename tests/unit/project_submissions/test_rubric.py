"""The rubric: two criteria a layer, six anchors each, and marks that keep to the scale."""

from __future__ import annotations

from collections import Counter

import pytest

from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.domain.rubric import LAYERS, MARK_MAX
from shared.kernel.errors import Rejected
from tests.unit.project_submissions.samples import FIVES


def test_every_layer_has_two_criteria() -> None:
    assert Counter(criterion.layer for criterion in DEPLOYMENT.criteria) == dict.fromkeys(LAYERS, 2)


def test_every_criterion_shows_a_skill_that_no_other_shows() -> None:
    skills = [criterion.skill for criterion in DEPLOYMENT.criteria]
    assert len(set(skills)) == len(skills)


def test_every_mark_of_every_criterion_has_a_sentence_of_its_own() -> None:
    sentences = [anchor for criterion in DEPLOYMENT.criteria for anchor in criterion.anchors]
    assert len(sentences) == len(set(sentences)) == 8 * (MARK_MAX + 1)
    assert all(sentence.endswith(".") and 20 <= len(sentence) <= 120 for sentence in sentences)


def test_marks_come_back_in_the_order_of_the_rubric() -> None:
    assert list(DEPLOYMENT.check(dict(reversed(FIVES.items())))) == [criterion.id for criterion in DEPLOYMENT.criteria]


@pytest.mark.parametrize("mark", [-1, MARK_MAX + 1, 2.5, "3", None, True])
def test_a_mark_that_is_no_whole_number_on_the_scale_is_rejected(mark: object) -> None:
    with pytest.raises(Rejected) as caught:
        DEPLOYMENT.check({**FIVES, "monitoring": mark})
    assert [fault.pointer for fault in caught.value.faults] == ["/marks/monitoring"]


def test_all_that_is_wrong_with_marks_is_told_at_once() -> None:
    with pytest.raises(Rejected) as caught:
        DEPLOYMENT.check({"monitoring": 9, "beauty": 5})
    pointers = [fault.pointer for fault in caught.value.faults]
    assert len(pointers) == 9
    assert pointers.count("/marks") == 1


def test_a_mark_is_told_with_skill_and_layer() -> None:
    told = {mark.criterion: mark for mark in DEPLOYMENT.told(FIVES)}
    assert told["monitoring"].skill == "operationalization.monitoring"
    assert told["monitoring"].layer == "operationalization"
    assert (told["monitoring"].value, told["monitoring"].scale_max) == (5, MARK_MAX)
