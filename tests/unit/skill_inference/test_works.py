from __future__ import annotations

from collections.abc import Iterable

import pytest

from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.learner import PARTS_MAX
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Observation, microseconds
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState, level_at
from tests.unit.skill_inference.people import (
    APIS,
    DRIFT,
    RUBRIC,
    day,
    outcome,
    release,
    release_with,
    review,
    reviewed_works,
)


def _level(observations: Iterable[Observation], skill: str = APIS, under: Release | None = None) -> tuple[float, float]:
    under = under or release()
    return level_at(fold(observations, under), skill, under, microseconds(day(0)))


def _information(observations: Iterable[Observation], skill: str = APIS) -> float:
    return 1.0 / _level(observations, skill)[1] - 1.0 / release().prior_variance(skill)


def _ten_criteria(reviewer: str, mark: int) -> MarkSet:
    marks = tuple(Mark(f"criterion-{n}", APIS, mark) for n in range(10))
    return MarkSet(
        occurred_at=day(0),
        source="project_submissions",
        sequence=1,
        fact=f"review-{reviewer}",
        work="prj-0",
        reviewer=reviewer,
        marks=marks,
    )


def test_better_marks_lead_to_a_higher_level() -> None:
    means = [_level([review(0, "r", mark)])[0] for mark in range(6)]
    assert means == sorted(means)
    assert means[0] < release().prior_mean(APIS) < means[5]


def test_one_work_never_tells_more_than_its_own_variance_allows() -> None:
    crowd = [_ten_criteria(f"reviewer-{n}", 4) for n in range(30)]
    assert _information(crowd) <= 1.0 / release().works.variance


def test_a_crowd_of_reviewers_of_one_work_is_learned_from_up_to_its_bound_and_counted_whole() -> None:
    crowd = [review(0, f"reviewer-{n:03}", n % 6, again=n) for n in range(PARTS_MAX + 20)]
    assert _level(crowd) == _level(crowd[:PARTS_MAX])
    assert len(fold(crowd, release()).evidence[APIS].raters) == PARTS_MAX + 20


def test_ten_marks_of_one_work_tell_less_than_marks_of_three_works() -> None:
    one_work = _information([_ten_criteria("r", 4)])
    three_works = _information([review(n, f"r{n}", 4, [APIS, DRIFT]) for n in range(3)])
    assert one_work < three_works


def test_two_marks_by_one_reviewer_tell_less_than_by_two_reviewers() -> None:
    once = _information([review(0, "anna", 4)])
    same = _information([review(0, "anna", 4), review(0, "anna", 4, again=1)])
    two = _information([review(0, "anna", 4), review(0, "ben", 4)])
    assert once < same < two


def test_one_reviewer_over_many_works_leaves_less_certain_than_many_reviewers() -> None:
    same = [review(work, "anna", 4) for work in range(6)]
    different = [review(work, f"reviewer-{work}", 4) for work in range(6)]
    assert _information(same) < _information(different)


def test_one_reviewer_alone_never_outweighs_their_own_severity() -> None:
    many = [review(work, "anna", 3, at=day(0)) for work in range(40)]
    lenient = release_with("works", variance=0.001)
    _, variance = _level(many, under=lenient)
    # What 40 works by one reviewer leave open is at least nine tenths of what that reviewer's severity leaves open.
    assert variance >= 0.9 * release().reviewers.severity_variance


def test_reviewers_who_disagree_meet_in_between() -> None:
    low, high = _level([review(0, "a", 2)])[0], _level([review(0, "b", 4)])[0]
    both = _level([review(0, "a", 2), review(0, "b", 4)])[0]
    assert low < both < high


def test_marks_that_differ_between_criteria_tell_the_skills_apart() -> None:
    marks = tuple(Mark(skill, skill, 5 if skill == DRIFT else 2) for skill in RUBRIC)
    sets = [
        MarkSet(
            occurred_at=day(0),
            source="project_submissions",
            sequence=work + 1,
            fact=f"review-{work}",
            work=f"prj-{work}",
            reviewer=f"r{work}",
            marks=marks,
        )
        for work in range(3)
    ]
    assert _level(sets, DRIFT)[0] > _level(sets, APIS)[0] + 0.5


def test_checks_of_a_marked_work_are_part_of_that_work() -> None:
    marks: list[Observation] = [review(0, "a", 3), review(0, "b", 3)]
    checks = [outcome(n, work="prj-0", difficulty=1.0, at=day(0)) for n in range(8)]
    apart = [outcome(n, difficulty=1.0, at=day(0)) for n in range(8)]
    assert _information([*marks, *checks]) < _information([*marks, *apart])


def test_a_late_second_review_leads_where_a_punctual_one_does() -> None:
    between: list[Observation] = [outcome(n, DRIFT) for n in range(5, 15)]
    first, second = review(0, "a", 4), review(0, "b", 3, at=day(20))
    assert fold([first, *between, second], release()) == fold([second, *between, first], release())


def test_a_work_is_learned_from_at_the_time_of_its_first_observation() -> None:
    state = fold([review(0, "a", 4), review(0, "b", 4, at=day(50))], release())
    assert {step.at for step in state.steps} == {microseconds(day(0))}
    assert state.evidence[APIS].newest_at == microseconds(day(50))


def test_a_self_claim_does_not_open_a_work_before_its_first_review() -> None:
    claim = outcome(0, work="prj-1", assurance=Assurance.SELF_CLAIM, at=day(0))
    state = fold([claim, review(1, "a", 4)], release())
    assert {step.at for step in state.steps} == {microseconds(day(30))}


def test_evidence_is_counted_by_work_reviewer_and_attested_deployment() -> None:
    attestation = outcome(9, work="prj-0", task="deployed", assurance=Assurance.DEPLOYMENT)
    failed = outcome(10, work="prj-1", task="deployed", assurance=Assurance.DEPLOYMENT, result=0.0)
    evidence = fold([*reviewed_works(3, (4, 3), 4), attestation, failed, outcome(11)], release()).evidence[APIS]
    assert (len(evidence.works), len(evidence.raters), evidence.observations) == (3, 4, 9)
    assert evidence.attested == {"prj-0"}
    assert evidence.tasks == {"https://lms.example/task/11"}


def test_the_order_of_a_reviewers_marks_is_no_evidence() -> None:
    marks = tuple(Mark(skill, skill, number % 6) for number, skill in enumerate(RUBRIC))

    def of(order: tuple[Mark, ...]) -> PersonState:
        written = MarkSet(occurred_at=day(0), source="s", sequence=1, fact="f", work="w", reviewer="r", marks=order)
        return fold([written], release())

    assert of(marks) == of(tuple(reversed(marks)))


@pytest.mark.parametrize("mark", range(6))
def test_a_thousand_marks_leave_every_variance_positive(mark: int) -> None:
    state = fold(reviewed_works(60, (mark, mark), 3), release())
    assert state.general is not None
    assert 0.0 < state.general.variance < release().curve.general_variance
    assert all(0.0 < belief.variance < release().curve.deviation_variance for belief in state.skills.values())
