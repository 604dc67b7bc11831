"""From facts to what is told: which evidence counts, which is set aside, and what others are told of it."""

from __future__ import annotations

import math
from datetime import timedelta
from itertools import pairwise

import pytest

from services.skill_inference.domain.testimony import FACTS_MAX
from shared.events.fact import DATA_BYTES_MAX
from shared.events.learning_events import Score
from shared.events.project_submissions import Mark
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn
from shared.events.sources import LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, line
from tests.suites.skill_inference.owners import NOW
from tests.unit.skill_inference.people import APIS, DRIFT, RUBRIC

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"


def marks(value: int, skills: tuple[str, ...] = RUBRIC) -> list[Mark]:
    return [Mark(criterion=f"c {skill}", skill=skill, layer=skill.partition(".")[0], value=value) for skill in skills]


async def test_an_aligned_success_is_told_as_an_estimate(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS, 0.5))
    person = system_id("person")
    fact = house.owners.statement(person, tenant.id, QUIZ)
    await house.hear(fact)
    (told,) = await house.told(person)
    assert isinstance(told, EstimateRevised)
    assert (told.skill, told.layer, told.observations, told.works, told.raters) == (APIS, "integration", 1, 0, 0)
    assert told.last_evidence_at == NOW
    assert told.contributions.listed() == [(fact.id, "learning_events", round(told.mean - told.prior, 6))]
    answered = (await house.estimates(person))[APIS]
    assert (answered.mean, answered.variance) == (told.mean, told.variance)


async def test_a_statement_that_is_not_aligned_or_not_scored_says_nothing_and_is_not_set_aside(
    house: House, tenant: Tenant
) -> None:
    person = system_id("person")
    facts = [
        house.owners.statement(person, tenant.id, QUIZ),
        house.owners.statement(person, tenant.id, QUIZ, success=None),
        house.owners.statement(person, tenant.id, QUIZ, is_test=True),
    ]
    await house.hear(facts)
    assert await house.told(person) == []
    assert [await house.aside(fact) for fact in facts] == [None, None, None]
    assert await house.estimates(person) == {}


@pytest.mark.parametrize(
    "score",
    [
        Score(scaled=1.5),
        Score(raw=11.0, min=0.0, max=10.0),
        Score(raw=7.0, min=5.0, max=5.0),
        Score(raw=7.0),
        Score(raw=0.0, min=-1.7e308, max=1.7e308),
    ],
)
async def test_a_score_off_its_scale_is_set_aside_with_its_reason(house: House, tenant: Tenant, score: Score) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    fact = house.owners.statement(person, tenant.id, QUIZ, success=None, score=score)
    await house.hear(fact, house.owners.statement(person, tenant.id, QUIZ))
    assert "score" in (await house.aside(fact) or "")
    assert (await house.estimates(person))[APIS].observations == 1


async def test_a_raw_score_counts_as_its_share_of_the_scale(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    one, other = system_id("person"), system_id("person")
    raw = house.owners.statement(one, tenant.id, QUIZ, success=None, score=Score(raw=3.0, min=1.0, max=5.0))
    scaled = house.owners.statement(other, tenant.id, QUIZ, success=None, score=Score(scaled=0.5))
    await house.hear(raw, scaled)
    assert (await house.estimates(one))[APIS].mean == (await house.estimates(other))[APIS].mean


async def test_a_time_far_in_the_future_is_set_aside(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    soon = house.owners.statement(person, tenant.id, QUIZ, at=NOW + timedelta(hours=23))
    late = house.owners.statement(person, tenant.id, QUIZ, at=NOW + timedelta(days=400))
    review = house.owners.review(person, "prj_1", "prs_r", marks(3), at=NOW + timedelta(days=2))
    await house.hear(soon, late, review)
    assert await house.aside(soon) is None
    assert "more than a day" in (await house.aside(late) or "")
    assert "more than a day" in (await house.aside(review) or "")


async def test_reviews_of_one_project_are_of_one_work_by_two_raters(house: House) -> None:
    person = system_id("person")
    reviews = [house.owners.review(person, "prj_1", f"prs_{name}", marks(4)) for name in ("anna", "ben")]
    await house.hear(reviews)
    said = await house.estimates(person)
    assert set(said) == set(RUBRIC)
    assert {(one.works, one.raters) for one in said.values()} == {(1, 2)}
    assert {event.skill for event in (await house.standing(person)).values()} == set(RUBRIC)


async def test_marks_off_the_scale_set_the_review_aside(house: House) -> None:
    person = system_id("person")
    wide = [mark.model_copy(update={"scale_max": 10}) for mark in marks(3)]
    high = [mark.model_copy(update={"value": 6}) for mark in marks(3)]
    twice = [*marks(3), *marks(3)]
    facts = [house.owners.review(person, "prj_1", "prs_r", given) for given in (wide, high, twice, [])]
    await house.hear(facts)
    reasons = [await house.aside(fact) or "" for fact in facts]
    assert "scale of 0 to 5" in reasons[0]
    assert all("mark" in reason for reason in reasons)
    assert await house.estimates(person) == {}


async def test_marks_on_unknown_skills_are_set_aside_and_the_others_count(house: House) -> None:
    person = system_id("person")
    fact = house.owners.review(person, "prj_1", "prs_r", marks(4, (APIS, "integration.magic")))
    await house.hear(fact)
    assert "integration.magic" in (await house.aside(fact) or "")
    assert set(await house.estimates(person)) == {APIS}


async def test_who_reviews_themselves_under_another_id_has_made_a_claim(house: House) -> None:
    person, alias = system_id("person"), system_id("person")
    await house.hear(house.owners.review(person, "prj_1", alias, marks(5)))
    assert set(await house.estimates(person)) == set(RUBRIC)
    await house.hear(house.owners.merged(person, alias))
    assert await house.estimates(person) == {}
    assert await house.standing(person) == {}


async def test_self_claims_are_never_told(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS, assurance="self-claim"))
    person = system_id("person")
    await house.hear([house.owners.statement(person, tenant.id, QUIZ) for _ in range(50)])
    assert await house.told(person) == []
    assert await house.estimates(person) == {}


async def test_a_voided_statement_no_longer_counts_whichever_came_first_in_a_batch(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line(QUIZ, APIS), line(f"{QUIZ}/b", DRIFT))
    person = system_id("person")
    gone = house.owners.statement(person, tenant.id, QUIZ, statement="void me")
    kept = house.owners.statement(person, tenant.id, f"{QUIZ}/b")
    await house.hear(gone, kept)
    before = await house.estimates(person)
    await house.hear(house.owners.voided(person, tenant.id, "void me"))
    after = await house.estimates(person)
    assert set(before) == {APIS, DRIFT}
    assert set(after) == {DRIFT}
    assert after[DRIFT].mean < before[DRIFT].mean
    assert (await house.told(person))[-1] == EstimateWithdrawn(skill=APIS, reason="no-evidence")


async def test_a_statement_that_was_voided_before_it_was_heard_never_counts(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(house.owners.voided(person, tenant.id, "void me"))
    await house.hear(house.owners.statement(person, tenant.id, QUIZ, statement="void me"))
    assert await house.told(person) == []
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    assert (await house.standing(person))[APIS].observations == 1


async def test_a_voiding_by_another_organisation_voids_nothing(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(
        house.owners.statement(person, tenant.id, QUIZ, statement="mine"),
        house.owners.voided(person, house.organisation().id, "mine"),
    )
    assert set(await house.estimates(person)) == {APIS}


async def test_contributions_that_are_told_sum_to_the_mean_and_a_fact_has_room_for_twenty(
    house: House, tenant: Tenant
) -> None:
    quizzes = [f"https://lms.example/quiz/{number}" for number in range(40)]
    await tenant.align(*(line(quiz, APIS, number / 20) for number, quiz in enumerate(quizzes)))
    person = system_id("person")
    facts = [
        house.owners.statement(person, tenant.id, quiz, success=number % 3 > 0, at=NOW - timedelta(days=9 * number))
        for number, quiz in enumerate(quizzes)
    ]
    reviews = [house.owners.review(person, f"prj_{n}", f"prs_{n % 3}", marks(4)) for n in range(5)]
    await house.hear(facts, reviews)
    told = (await house.standing(person))[APIS]
    assert len(told.contributions.facts) == 20
    assert told.contributions_rest_count == 25
    assert set(told.contributions.sources) == {"learning_events", "project_submissions"}
    total = told.prior + math.fsum(told.contributions.logits) + told.contributions_rest
    assert abs(total - told.mean) <= 1e-9
    assert max(len(fact.data or b"") for fact in await house.stream(person)) <= DATA_BYTES_MAX
    answered = (await house.estimates(person))[APIS]
    assert len(answered.contributions) == 45
    whole = answered.prior + math.fsum(one.logits for one in answered.contributions)
    assert abs(whole + answered.contributions_rest - answered.mean) <= 1e-9


async def test_what_moved_by_less_than_a_twentieth_is_not_told(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    for _ in range(12):
        await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    told = [event.mean for event in await house.told(person) if isinstance(event, EstimateRevised)]
    assert 1 < len(told) < 12
    assert all(abs(after - before) > 0.05 for before, after in pairwise(told))
    assert (await house.estimates(person))[APIS].observations == 12


async def test_one_batch_tells_each_skill_once(house: House, tenant: Tenant) -> None:
    await tenant.align(*(line(f"{QUIZ}/{n}", APIS) for n in range(10)))
    person = system_id("person")
    await house.hear([house.owners.statement(person, tenant.id, f"{QUIZ}/{n}") for n in range(10)])
    assert len(await house.told(person)) == 1


async def test_statements_beyond_the_bound_of_one_organisation_are_set_aside_and_others_still_count(
    house: House, tenant: Tenant
) -> None:
    most = FACTS_MAX[LEARNING_EVENTS.name]
    other = house.organisation()
    await other.align(line(QUIZ, APIS))
    person = system_id("person")
    flood = [house.owners.statement(person, tenant.id, f"{QUIZ}/{n}") for n in range(most + 2)]
    await house.hear(flood, house.owners.statement(person, other.id, QUIZ))
    assert await house.aside(flood[most - 1]) is None
    assert "at most" in (await house.aside(flood[most]) or "")
    assert set(await house.estimates(person)) == {APIS}


async def test_erasure_withdraws_what_stood_on_the_erased_facts(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, DRIFT))
    person = system_id("person")
    await house.hear(
        house.owners.statement(person, tenant.id, QUIZ),
        house.owners.statement(person, tenant.id, QUIZ, success=None, score=Score(scaled=9.0)),
        house.owners.review(person, "prj_1", "prs_r", marks(4, (APIS,))),
    )
    assert set(await house.estimates(person)) == {APIS, DRIFT}
    await house.hear(house.owners.erased(LEARNING_EVENTS, person))
    await house.settle()
    assert set(await house.estimates(person)) == {APIS}
    assert set(await house.standing(person)) == {APIS}
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    assert set(await house.estimates(person)) == {APIS, DRIFT}
    await house.hear(house.owners.erased(PROJECT_SUBMISSIONS, person), house.owners.erased(LEARNING_EVENTS, person))
    assert await house.estimates(person) == {}
    assert await house.rows("SELECT * FROM statements WHERE subject = $1", person) == []
    progress = await house.rebuild()
    assert progress.live_digest == progress.rebuilt_digest


async def test_what_is_erased_in_the_batch_it_came_in_is_not_kept(house: House, tenant: Tenant) -> None:
    await tenant.align(line(QUIZ, DRIFT))
    person = system_id("person")
    batch = [
        house.owners.statement(person, tenant.id, QUIZ),
        house.owners.statement(person, tenant.id, QUIZ, success=None, score=Score(scaled=9.0)),
        house.owners.voided(person, tenant.id, "some"),
    ]
    await house.hear(batch, house.owners.erased(LEARNING_EVENTS, person))
    assert await house.rows("SELECT 1 FROM statements WHERE subject = $1", person) == []
    assert await house.rows("SELECT 1 FROM voidings WHERE subject = $1", person) == []
    assert await house.aside(batch[1]) is None
    assert await house.told(person) == []
