"""Predictions as services are answered, over a database: of the next try of a task, and of a reviewer's marks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from deedlog.skill_inference.v1 import prediction_pb2
from shared.kernel.errors import Forbidden, NotFound, Rejected
from shared.kernel.ids import system_id
from shared.runtime.grpc import kernel_errors
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, Tenant, inference_house, line
from tests.suites.skill_inference.owners import NOW
from tests.suites.skill_inference.test_hearing import marks
from tests.suites.skill_inference.test_opting_out import learner, prefer
from tests.suites.skill_inference.test_people import QUIZ
from tests.suites.skill_inference.test_releases import OPERATOR, adopt, adopted
from tests.unit.skill_inference.people import APIS, DRIFT, RUBRIC, release
from tests.unit.skill_inference.readouts import readout_text, sent_readout

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
OTHER = "https://lms.example/other"


@pytest_asyncio.fixture(loop_scope="session")
async def own(servers: Servers) -> AsyncIterator[House]:
    """A house of the test's own: what is in force is in force for everybody."""
    async with inference_house(servers.postgres.admin_dsn, servers.broker.address) as running:
        yield running


async def outcome_of(house: House, person: str, **asked: Any) -> prediction_pb2.PredictOutcomeResponse:
    """Return what is answered of a person's next try."""
    with kernel_errors("skill_inference"):
        return await house.rpc.PredictOutcome(prediction_pb2.PredictOutcomeRequest(person=person, **asked))


async def marks_of(house: House, person: str, **asked: Any) -> prediction_pb2.PredictMarksResponse:
    """Return what is answered of one more reviewer's marks."""
    with kernel_errors("skill_inference"):
        return await house.rpc.PredictMarks(prediction_pb2.PredictMarksRequest(person=person, **asked))


def skill(name: str, weight: float = 0.0) -> prediction_pb2.ShownSkill:
    return prediction_pb2.ShownSkill(skill=name, weight=weight)


def criterion(name: str, shows: str = APIS) -> prediction_pb2.RubricCriterion:
    return prediction_pb2.RubricCriterion(criterion=name, skill=shows)


async def reviewed(house: House, value: int = 4) -> tuple[str, str]:
    """A person with one reviewed project."""
    person = system_id("person")
    project = f"prj-{person}"
    await house.hear(house.owners.review(person, project, system_id("person"), marks(value)))
    return person, project


async def test_without_a_readout_the_state_answers_and_says_so(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    found = await outcome_of(house, person, organisation=tenant.id, activity=QUIZ)
    assert (found.person, found.by, found.release, found.observations) == (person, "state", release().id, 1)
    assert found.chance == found.state_chance > 0.5
    assert found.rests_on == (
        "It rests on what is believed after 1 observation alone: the release in force has no readout."
    )
    assert found == await outcome_of(house, person, organisation=tenant.id, activity=QUIZ)


async def test_a_task_that_is_no_activity_is_asked_by_skills_and_difficulty(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    easy, plain, hard = [
        (await outcome_of(house, person, skills=[skill(APIS), skill(DRIFT, 0.5)], **more)).chance
        for more in ({"difficulty": -2.0}, {}, {"difficulty": 2.0})
    ]
    assert easy > plain > hard
    assert plain == (await outcome_of(house, person, skills=[skill(APIS, 2.0), skill(DRIFT)], difficulty=0.0)).chance


async def test_an_alias_is_predicted_as_whom_they_are_part_of(house: House, tenant: Tenant) -> None:
    person, alias = await learner(house, tenant), system_id("person")
    await house.hear(house.owners.merged(person, alias))
    found = await outcome_of(house, alias, organisation=tenant.id, activity=QUIZ)
    assert (found.person, found.observations) == (person, 1)


async def test_a_readout_that_comes_into_force_serves_at_once_and_goes_with_its_release(own: House) -> None:
    tenant = own.organisation()
    await tenant.align(line(QUIZ, APIS), line(OTHER, APIS))
    person = system_id("person")
    await own.hear(own.owners.statement(person, tenant.id, QUIZ, at=NOW - timedelta(days=1)))
    before = await outcome_of(own, person, organisation=tenant.id, activity=QUIZ)
    served = await adopted(own, sent_readout("served", readout_text({QUIZ: 1.0})))
    found = await outcome_of(own, person, organisation=tenant.id, activity=QUIZ)
    assert (found.by, found.release, found.state_chance) == ("readout", served, before.chance)
    assert found.chance > found.state_chance
    assert found.rests_on.endswith("and how the person's last tasks went, by the readout of the release.")
    unknown = await outcome_of(own, person, organisation=tenant.id, activity=OTHER)
    assert (unknown.by, unknown.chance) == ("state", unknown.state_chance)
    assert "does not know this task" in unknown.rests_on
    assert (await adopt(own, release().id)).status_code == 200
    after = await outcome_of(own, person, organisation=tenant.id, activity=QUIZ)
    assert (after.by, after.chance, after.release) == ("state", before.chance, release().id)


async def test_a_release_whose_readout_cannot_be_read_is_refused_when_it_is_brought(own: House) -> None:
    sent = sent_readout("bent", {**readout_text({}), "widths": []})
    answer = await own.http.post("/v1/releases", json=sent, headers=own.secret(OPERATOR))
    assert answer.status_code == 400, answer.text
    assert "/widths" in answer.text


async def test_one_more_reviewer_is_expected_to_mark_near_the_others_of_the_work(house: House) -> None:
    (low, poor), (high, fine) = await reviewed(house, 1), await reviewed(house, 5)
    bad, good = await marks_of(house, low, work=poor), await marks_of(house, high, work=fine)
    assert [one.skill for one in bad.marks] == sorted(RUBRIC)
    assert all(a.expected < b.expected for a, b in zip(bad.marks, good.marks, strict=True))
    assert (good.reviews, good.release) == (1, release().id)
    for one in good.marks:
        assert len(one.chances) == 6
        assert sum(one.chances) == pytest.approx(1.0, abs=1e-9)
        assert (one.told, one.is_told_by_cut_points) == (int(one.expected + 0.5), False)
    assert "no observations and 1 review of this work, for a reviewer of whom nothing is known" in good.rests_on
    assert good.rests_on.endswith("the mark told is the mean mark, rounded.")


async def test_a_new_work_is_asked_by_its_criteria(house: House) -> None:
    person, project = await reviewed(house, 5)
    heard = await marks_of(house, person, work=project, criteria=[criterion("c")])
    new = await marks_of(house, person, criteria=[criterion("c")])
    assert 2.0 < new.marks[0].expected < heard.marks[0].expected
    assert (new.reviews, heard.reviews) == (0, 1)


async def test_marks_are_told_by_the_cut_points_of_the_release_in_force(own: House) -> None:
    person, project = await reviewed(own, 3)
    await adopted(own, sent_readout("told", readout_text({}), told_marks={"5": [0.1, 0.2, 0.3, 0.4, 0.5]}))
    found = await marks_of(own, person, work=project)
    assert {(one.told, one.is_told_by_cut_points) for one in found.marks} == {(5, True)}
    assert found.rests_on.endswith("the mark told is by cut points fitted for agreement.")


async def test_nothing_is_predicted_of_who_opted_out(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    await prefer(house, person, opted_out=True)
    with pytest.raises(Forbidden, match="opted out"):
        await outcome_of(house, person, organisation=tenant.id, activity=QUIZ)
    with pytest.raises(Forbidden, match="opted out"):
        await marks_of(house, person, criteria=[criterion("c")])


async def test_who_asks_for_themselves_learns_nothing_of_organisations_that_told_nothing_of_them(
    house: House, tenant: Tenant
) -> None:
    person, other = await learner(house, tenant), house.organisation()
    await other.align(line(OTHER, APIS))
    own = {"is_own_question": True}
    assert (await outcome_of(house, person, organisation=tenant.id, activity=QUIZ, **own)).observations == 1
    assert (await outcome_of(house, person, organisation=other.id, activity=OTHER)).observations == 1
    with pytest.raises(NotFound, match="the organisation aligned no such activity"):
        await outcome_of(house, person, organisation=other.id, activity=OTHER, **own)


async def test_what_is_not_there_is_named_with_a_mend(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    with pytest.raises(NotFound, match="/activity: the organisation aligned no such activity"):
        await outcome_of(house, person, organisation=tenant.id, activity=OTHER)
    with pytest.raises(NotFound, match="/activity"):
        await outcome_of(house, person, organisation=house.organisation().id, activity=QUIZ)
    with pytest.raises(NotFound, match="/work: no review of this work"):
        await marks_of(house, person, work="prj-unheard-of")
    with pytest.raises(Rejected, match="/skills/1/skill: the framework has no such skill"):
        await outcome_of(house, person, skills=[skill(APIS), skill("magic")])
    with pytest.raises(Rejected, match="/criteria/0/skill"):
        await marks_of(house, person, criteria=[criterion("c", "magic")])
    with pytest.raises(Rejected, match="/criteria: a new work"):
        await marks_of(house, person)


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/activity"),
        ({"activity": QUIZ, "skills": [skill(APIS)]}, "/activity"),
        ({"activity": QUIZ}, "/organisation"),
        ({"activity": QUIZ, "organisation": "org", "difficulty": 1.0}, "/difficulty"),
        ({"skills": [skill(APIS)], "difficulty": 8.1}, "/difficulty"),
        ({"skills": [skill(APIS)], "difficulty": float("nan")}, "/difficulty"),
        ({"skills": [skill(APIS, 101.0)]}, "/skills/0/weight"),
        ({"skills": [skill(APIS, float("nan"))]}, "/skills/0/weight"),
        ({"skills": [skill(APIS), skill(APIS)]}, "/skills"),
        ({"skills": [skill(f"s{n}") for n in range(17)]}, "/skills"),
    ],
)
async def test_an_outcome_that_cannot_be_asked_is_refused(house: House, asked: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Rejected, match=f"^{pointer}: "):
        await outcome_of(house, system_id("person"), **asked)


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"criteria": [criterion(f"c{n}") for n in range(65)]}, "/criteria"),
        ({"criteria": [criterion("c"), criterion("c")]}, "/criteria"),
        ({"criteria": [criterion("")]}, "/criteria/0/criterion"),
        ({"work": "p" * 2_049}, "/work"),
        ({"criteria": [criterion("c")], "reviewer": "somebody"}, "/reviewer"),
    ],
)
async def test_marks_that_cannot_be_asked_are_refused(house: House, asked: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Rejected, match=f"^{pointer}: "):
        await marks_of(house, system_id("person"), **asked)


async def test_nobody_is_asked_how_they_would_mark_themselves(house: House) -> None:
    person, project = await reviewed(house)
    with pytest.raises(Rejected, match="/reviewer: nobody reviews themselves"):
        await marks_of(house, person, work=project, reviewer=person)
