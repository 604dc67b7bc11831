"""Two people mark a submission, blind to each other, and are told at once; nobody counts as two or as their own."""

from __future__ import annotations

import asyncio

import pytest

from shared.events.project_submissions import ReviewCompleted
from tests.suites.project_submissions.house import FIVES, THREES, Caller, SubmissionsHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOTE_LENGTH_MAX = 4_000


@pytest.mark.parametrize("is_turned", [False, True])
async def test_reviews_are_blind_until_both_are_in_and_told_in_one_transaction(
    house: SubmissionsHouse, bundle: bytes, is_turned: bool
) -> None:
    ada = await house.someone()
    organisation, platform = await house.platform("review")
    submission, one, other = await house.in_review(ada, bundle, organisation=organisation)
    first, second = (other, one) if is_turned else (one, other)
    assert not (await first.give(submission, FIVES))["is_complete"]
    assert [await caller.sees(submission) for caller in (first, second, ada, platform, house.operator)] == [
        [first.person], [], [], [], [],
    ]  # fmt: skip
    assert "review-completed" not in [name for name, _ in await house.transactions(ada.person)]
    assert (await ada.get(f"/v1/submissions/{submission}"))["state"] == "in_review"
    assert (await second.give(submission, THREES))["is_complete"]
    for caller in (first, second, ada, platform, house.operator):
        assert await caller.sees(submission) == [first.person, second.person]
    told = [event for event in await house.told(ada.person) if isinstance(event, ReviewCompleted)]
    assert [(event.reviewer, {mark.value for mark in event.marks}) for event in told] == [
        (first.person, {5}),
        (second.person, {3}),
    ]
    assert len({xid for name, xid in await house.transactions(ada.person) if name == "review-completed"}) == 1
    assert {fact.organisation for fact in await house.stream(ada.person)} == {organisation}
    assert (await ada.get(f"/v1/submissions/{submission}"))["state"] == "reviewed"


async def test_two_reviews_that_come_at_once_complete_the_submission_once(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    """Interleaving: both read a submission without reviews; the second waits for the lock and sees the first."""
    ada = await house.someone()
    for _ in range(4):
        submission, one, other = await house.in_review(ada, bundle)
        given = await asyncio.gather(one.give(submission, FIVES), other.give(submission, THREES))
        assert sorted(review["is_complete"] for review in given) == [False, True]
    told = [event for event in await house.told(ada.person) if isinstance(event, ReviewCompleted)]
    assert len(told) == len({event.review for event in told}) == 8


async def test_one_reviewer_who_sends_two_reviews_at_once_has_given_one(house: SubmissionsHouse, bundle: bytes) -> None:
    submission, one, _ = await house.in_review(await house.someone(), bundle)
    path = f"/v1/submissions/{submission}/reviews"
    marks = [{"criterion": name, "value": value} for name, value in FIVES.items()]
    answers = await asyncio.gather(*(one.send("POST", path, {"marks": marks}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert await one.sees(submission) == [one.person]


async def test_a_review_sent_again_under_its_key_is_answered_as_before(house: SubmissionsHouse, bundle: bytes) -> None:
    submission, one, _ = await house.in_review(await house.someone(), bundle)
    path = f"/v1/submissions/{submission}/reviews"
    body = {"marks": [{"criterion": name, "value": value} for name, value in FIVES.items()]}
    first = await one.post(path, body, idempotency_key="mine")
    assert await one.post(path, body, idempotency_key="mine") == first


async def test_notes_reach_the_author_and_no_fact(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    submission, one, other = await house.in_review(ada, bundle)
    await one.give(submission, FIVES, "x" * NOTE_LENGTH_MAX)
    await other.give(submission, THREES, "between the two of us")
    items = (await ada.get(f"/v1/submissions/{submission}/reviews"))["items"]
    assert items[1]["note"] == "between the two of us"
    assert not any(b"between" in (fact.data or b"") for fact in await house.stream(ada.person))


async def test_marks_and_notes_that_break_a_rule_are_refused_with_their_place(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    submission, one, _ = await house.in_review(await house.someone(), bundle)
    partial = {name: value for name, value in FIVES.items() if name != "monitoring"}
    for marks, note, pointer in (
        (partial, "", "/marks/monitoring"),
        (FIVES | {"monitoring": 6}, "", "/marks/monitoring"),
        (FIVES | {"charm": 5}, "", "/marks"),
        (FIVES, "x" * (NOTE_LENGTH_MAX + 1), "/note"),
        (FIVES, "a\0b", "/note"),
    ):
        refused = await one.give(submission, marks, note, status=400)
        assert refused["errors"][0]["pointer"] == pointer
    twice = [{"criterion": "monitoring", "value": 1}] * 2
    await one.post(f"/v1/submissions/{submission}/reviews", {"marks": twice}, 400)
    assert await one.sees(submission) == []


async def test_reviewers_are_two_people_who_exist_and_not_the_author(house: SubmissionsHouse, bundle: bytes) -> None:
    ada, ben, cleo = [await house.someone(name) for name in ("Ada", "Ben", "Cleo")]
    nobody = Caller(house.http, "", "prs_00000000000000000000000000")
    nonsense = Caller(house.http, "", "Ben")
    submission = await house.accepted(ada, bundle)
    await house.assign(submission, ben, status=400)
    await house.assign(submission, ben, cleo, ada, status=400)
    await house.assign(submission, ben, ben, status=409)
    await house.assign(submission, ben, ada, status=403)
    await house.assign(submission, ben, nobody, status=404)
    await house.assign(submission, ben, nonsense, status=404)
    assert (await ada.get(f"/v1/submissions/{submission}"))["state"] == "accepted"
    named = await house.assign(submission, ben, cleo)
    assert named["reviewers"] == [ben.person, cleo.person]
    await house.assign(submission, cleo, ben, status=409)


async def test_an_alias_of_the_author_is_the_author_and_two_aliases_are_one_reviewer(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada, again, ben = [await house.someone(name) for name in ("Ada", "Ada too", "Ben")]
    submission = await house.accepted(ada, bundle)
    await house.link(ada, again)
    await house.assign(submission, ben, again, status=403)
    other = await house.someone("Ben too")
    await house.link(ben, other)
    await house.assign(submission, ben, other, status=409)


async def test_a_reviewer_who_becomes_one_with_the_author_reviews_no_more(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada = await house.someone()
    submission, one, other = await house.in_review(ada, bundle)
    await house.link(ada, one)
    await one.give(submission, FIVES, status=403)
    await other.give(submission, FIVES)


async def test_two_reviewers_who_become_one_do_not_count_as_two(house: SubmissionsHouse, bundle: bytes) -> None:
    ada = await house.someone()
    submission, one, other = await house.in_review(ada, bundle)
    await one.give(submission, FIVES)
    await house.link(one, other)
    await other.give(submission, THREES, status=409)
    assert (await ada.get(f"/v1/submissions/{submission}"))["state"] == "in_review"


async def test_a_reviewer_who_becomes_known_under_another_id_reviews_all_the_same(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada, older = await house.someone(), await house.someone("Ben, long ago")
    submission, one, other = await house.in_review(ada, bundle)
    await house.link(older, one)
    assert (await one.give(submission, FIVES))["reviewer"] == older.person
    assert await one.sees(submission) == [older.person]
    assert (await other.give(submission, FIVES))["is_complete"]


async def test_strangers_see_and_review_nothing(house: SubmissionsHouse, bundle: bytes) -> None:
    submission, _, _ = await house.in_review(await house.someone(), bundle)
    eve = await house.someone("Eve")
    _, platform = await house.platform("review", "read", "write")
    await eve.give(submission, FIVES, status=404)
    for caller in (eve, platform):
        await caller.get(f"/v1/submissions/{submission}", 404)
        await caller.get(f"/v1/submissions/{submission}/reviews", 404)
    body = {"reviewers": [eve.person, (await house.someone()).person]}
    await platform.post(f"/v1/submissions/{submission}/reviewers", body, 404)


async def test_reviewers_are_named_by_the_platform_the_project_was_offered_to(
    house: SubmissionsHouse, bundle: bytes
) -> None:
    ada, ben, cleo = [await house.someone(name) for name in ("Ada", "Ben", "Cleo")]
    organisation, platform = await house.platform("review")
    submission = await house.accepted(ada, bundle, organisation=organisation)
    path, body = f"/v1/submissions/{submission}/reviewers", {"reviewers": [ben.person, cleo.person]}
    await ada.post(path, body, 403)
    await (await house.key(organisation, "write", "read")).post(path, body, 403)
    await platform.post(path, body, 200)


async def test_a_submission_that_was_refused_gets_no_reviewers(house: SubmissionsHouse) -> None:
    ada, ben, cleo = [await house.someone(name) for name in ("Ada", "Ben", "Cleo")]
    submission = (await ada.submit(await ada.project(), b"no bundle"))["id"]
    await ada.checked(submission)
    await house.assign(submission, ben, cleo, status=409)


async def test_the_rubric_is_open_to_everybody(house: SubmissionsHouse) -> None:
    (rubric,) = (await house.http.get("/v1/rubrics")).json()["items"]
    assert {criterion["id"] for criterion in rubric["criteria"]} == set(FIVES)
    assert (await house.http.get(f"/v1/rubrics/{rubric['id']}")).json() == rubric
    assert (await house.http.get("/v1/rubrics/deployment/2")).status_code == 404
