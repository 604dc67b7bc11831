"""What one more reviewer marks: a chance a mark, the mean, and the mark told by the release's cut points."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from services.skill_inference.domain.next_marks import MarkPrediction, predict_marks, told_mark
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Observation
from services.skill_inference.domain.release import Release, parse_release
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, DRIFT, day, outcome, release, release_text, review, reviewed_works

SEEN: list[Observation] = [*reviewed_works(3, (3, 4), 4, (APIS, DRIFT))]


def told_by(cuts: dict[str, Any]) -> Release:
    return parse_release(json.dumps({**release_text(), "told_marks": cuts}).encode())


def asked(work: str = "new", reviewer: str = "anybody", skill: str = APIS) -> MarkSet:
    return MarkSet(
        occurred_at=day(300),
        source="asked",
        sequence=1,
        fact="asked",
        work=work,
        reviewer=reviewer,
        marks=(Mark(skill, skill, 0),),
    )


def predicted(seen: list[Observation], what: MarkSet, under: Release | None = None) -> MarkPrediction:
    (found,) = predict_marks(seen, what, under or release())
    return found


def test_every_mark_has_a_chance_and_the_mean_is_theirs() -> None:
    found = predicted(SEEN, asked())
    assert len(found.chances) == 6
    assert all(0.0 < chance < 1.0 for chance in found.chances)
    assert sum(found.chances) == pytest.approx(1.0, abs=1e-12)
    assert found.expected == pytest.approx(sum(k * chance for k, chance in enumerate(found.chances)), abs=1e-12)


def test_what_was_marked_of_the_work_moves_what_is_expected_of_it_more_than_of_another() -> None:
    high: list[Observation] = [*SEEN, review(7, "a", 5, (APIS, DRIFT))]
    same, other = predicted(high, asked("prj-7")), predicted(high, asked("new"))
    assert predicted(SEEN, asked()).expected < other.expected < same.expected


def test_a_work_is_learned_from_in_whatever_order_it_was_heard() -> None:
    seen: list[Observation] = [*SEEN, review(1, "c", 2, (APIS,), at=day(200)), outcome(8)]
    what = asked("prj-1")
    assert predicted(seen[::-1], what) == predicted(seen, what)


def test_a_lenient_reviewer_is_expected_to_mark_higher() -> None:
    raw = json.dumps({"reviewers": {"mild": {"leniency": [1.5, 0.01], "parts": {}}}}).encode()
    document = {**release_text(), "annexes": {"reviewers": hashlib.sha256(raw).hexdigest()}}
    under = parse_release(json.dumps(document).encode()).with_annexes({"reviewers": raw})
    mild, unknown = (predicted(SEEN, asked(reviewer=who), under) for who in ("mild", "nobody knows them"))
    assert mild.expected > unknown.expected + 0.3
    assert unknown == predicted(SEEN, asked(), under)


def test_a_self_claim_on_the_work_moves_nothing() -> None:
    claim = MarkSet(
        occurred_at=day(290),
        source="project_submissions",
        sequence=900,
        fact="claim",
        work="prj-9",
        reviewer="self",
        marks=(Mark(APIS, APIS, 5),),
        assurance=Assurance.SELF_CLAIM,
    )
    assert predicted([*SEEN, claim], asked("prj-9")) == predicted(SEEN, asked("prj-9"))


def test_the_told_mark_is_the_mean_rounded_where_the_release_has_no_cut_points() -> None:
    for seen in ([], SEEN):
        found = predicted(seen, asked())
        assert (found.is_by_cuts, found.told) == (False, int(found.expected + 0.5))


def test_the_told_mark_is_by_the_cut_points_of_its_scale() -> None:
    found = predicted(SEEN, asked())
    below, above = (told_by({"5": [0.1, 0.2, 0.3, found.expected + by, 4.9]}) for by in (-1e-6, 1e-6))
    assert [predicted(SEEN, asked(), under).told for under in (below, above)] == [4, 3]
    assert predicted(SEEN, asked(), told_by({"4": [0.1, 0.2, 0.3, 0.4]})).is_by_cuts is False
    assert predicted(SEEN, asked(), below).chances == found.chances


def test_told_marks_rise_with_the_expectation() -> None:
    cuts = (0.4, 1.7, 2.2, 3.9, 4.6)
    assert [told_mark(expected, cuts) for expected in (0.0, 0.4, 1.6, 2.2, 4.5, 4.6)] == [0, 1, 1, 3, 4, 5]


@pytest.mark.parametrize(
    ("cuts", "pointer"),
    [
        ({"5": [1, 2, 3, 4]}, "/told_marks/5"),
        ({"2": [2, 1]}, "/told_marks/2"),
        ({"0": []}, "/told_marks/0"),
        ({"five": [1]}, "/told_marks/five"),
        ({"1": [41]}, "/told_marks/1/0"),
    ],
)
def test_faulty_cut_points_are_refused_with_the_pointer_to_their_fault(cuts: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Rejected) as refusal:
        told_by(cuts)
    assert refusal.value.faults[0].pointer == pointer
