"""Who wants nothing inferred: estimates are withdrawn and stay away, evidence is kept, and opting in tells it anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from deedlog.skill_inference.v1 import explanation_pb2, skill_inference_pb2
from shared.events.skill_estimates import EstimateWithdrawn
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.errors import Forbidden
from shared.kernel.ids import PersonId, system_id
from shared.runtime.auth import Principal
from shared.runtime.grpc import kernel_errors
from tests.suites.skill_inference.house import House, Tenant, line
from tests.suites.skill_inference.owners import NOW
from tests.suites.skill_inference.test_people import QUIZ, two_people
from tests.unit.skill_inference.people import APIS, DRIFT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def prefer(house: House, person: str, opted_out: bool, caller: Principal | None = None) -> httpx.Response:
    """Have the person, or who calls in their place, say what they want; and have whoever was put off revised."""
    headers = house.secret(caller or Principal("person", "ses_1", person=PersonId(person)))
    answer = await house.http.put(f"/v1/people/{person}/inference", json={"is_opted_out": opted_out}, headers=headers)
    await house.settle()
    return answer


async def answered(house: House, person: str) -> skill_inference_pb2.GetEstimatesResponse:
    """Return all that is answered of a person."""
    return await house.rpc.GetEstimates(skill_inference_pb2.GetEstimatesRequest(person=person))


async def learner(house: House, tenant: Tenant) -> str:
    """A person with a success on interfaces."""
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    await house.hear(house.owners.statement(person, tenant.id, QUIZ, at=NOW - timedelta(days=1)))
    return person


async def test_opting_out_withdraws_every_estimate_and_says_why(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    answer = await prefer(house, person, opted_out=True)
    wanted: dict[str, Any] = {"person": person, "is_opted_out": True, "opted_out_at": "2026-06-01T00:00:00.000000Z"}
    assert (answer.status_code, answer.json()) == (200, wanted)
    assert (await house.told(person))[-1] == EstimateWithdrawn(skill=APIS, reason="opted-out")
    assert await house.standing(person) == {}
    said = await answered(house, person)
    assert (said.is_opted_out, list(said.estimates)) == (True, [])


async def test_what_is_heard_while_opted_out_is_kept_and_told_once_opted_in(house: House, tenant: Tenant) -> None:
    person, twin = await learner(house, tenant), system_id("person")
    await prefer(house, person, opted_out=True)
    told = len(await house.stream(person))
    await house.hear(house.owners.statement(person, tenant.id, QUIZ, at=NOW))
    await house.settle()
    assert len(await house.stream(person)) == told
    await prefer(house, person, opted_out=False)
    await house.hear(
        house.owners.statement(twin, tenant.id, QUIZ, at=NOW - timedelta(days=1)),
        house.owners.statement(twin, tenant.id, QUIZ, at=NOW),
    )
    assert (await house.standing(person))[APIS].observations == 2
    assert (await house.standing(person))[APIS].mean == (await house.standing(twin))[APIS].mean
    assert not (await answered(house, person)).is_opted_out


async def test_a_new_table_of_alignments_and_a_rebuild_tell_nothing_of_who_opted_out(
    house: House, tenant: Tenant
) -> None:
    person = await learner(house, tenant)
    await prefer(house, person, opted_out=True)
    told = len(await house.stream(person))
    await tenant.align(line(QUIZ, DRIFT))
    await house.rebuild(is_check_only=False)
    await house.settle()
    assert len(await house.stream(person)) == told
    assert (await answered(house, person)).is_opted_out


async def test_one_who_opted_out_and_is_merged_brings_the_wish_along(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    await prefer(house, other, opted_out=True)
    await house.hear(house.owners.merged(one, other))
    assert (await house.standing(one), await house.standing(other)) == ({}, {})
    assert (await answered(house, one)).is_opted_out
    await house.hear(house.owners.split(one, other))
    assert set(await house.standing(one)) == {APIS}
    assert await house.standing(other) == {}
    assert not (await answered(house, one)).is_opted_out
    assert (await answered(house, other)).is_opted_out


async def test_a_split_takes_the_wish_from_neither_half(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    await house.hear(house.owners.merged(one, other))
    assert (await prefer(house, other, opted_out=True)).json()["person"] == one
    await house.hear(house.owners.split(one, other))
    assert (await house.standing(one), await house.standing(other)) == ({}, {})
    await prefer(house, one, opted_out=False)
    assert set(await house.standing(one)) == {APIS}
    assert await house.standing(other) == {}


async def test_an_erasure_of_the_evidence_does_not_lift_the_wish(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    await prefer(house, person, opted_out=True)
    await house.hear(house.owners.erased(LEARNING_EVENTS, person))
    await house.settle()
    told = len(await house.stream(person))
    await house.hear(house.owners.statement(person, tenant.id, QUIZ))
    assert len(await house.stream(person)) == told


async def test_an_organisation_learns_no_effect_on_who_opted_out(house: House, tenant: Tenant) -> None:
    person, other = await learner(house, tenant), system_id("person")
    await house.hear(house.owners.statement(other, tenant.id, QUIZ))
    await prefer(house, person, opted_out=True)
    answer = await house.http.get("/v1/alignments/effects", params={"activity": QUIZ}, headers=tenant.caller())
    found = {one["person"]: (one["state"], bool(one["moved"])) for one in answer.json()["items"] if "person" in one}
    assert found == {person: ("opted-out", False), other: ("observed", True)}


async def test_opting_out_twice_keeps_when_it_was_said_first(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    first, again = await prefer(house, person, opted_out=True), await prefer(house, person, opted_out=True)
    told = await house.told(person)
    assert (again.json(), len(told)) == (first.json(), 2)
    seen = await house.http.get(
        f"/v1/people/{person}/inference",
        headers=house.secret(Principal("person", "ses_1", person=PersonId(person))),
    )
    assert seen.json() == first.json()


async def test_nobody_says_it_for_another_and_an_operator_only_opts_out(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    stranger = Principal("person", "ses_2", person=PersonId(system_id("person")))
    operator = Principal("admin", "operator")
    assert (await prefer(house, person, opted_out=True, caller=stranger)).status_code == 403
    assert (await prefer(house, person, opted_out=True, caller=operator)).json()["is_opted_out"]
    assert (await prefer(house, person, opted_out=False, caller=operator)).status_code == 403
    assert (await answered(house, person)).is_opted_out
    path = f"/v1/people/{person}/inference"
    key = await house.http.put(path, json={"is_opted_out": True}, headers=tenant.caller(("write", "admin")))
    assert key.status_code == 403
    nobody = await house.http.get("/v1/people/x/inference", headers=house.secret(operator))
    assert nobody.status_code == 400


async def test_the_evidence_of_who_opted_out_stays(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    kept = "SELECT count(*) FROM statements WHERE subject = $1"
    before = await house.rows(kept, person)
    await prefer(house, person, opted_out=True)
    assert await house.rows(kept, person) == before


async def test_no_explanation_is_answered_of_who_opted_out(house: House, tenant: Tenant) -> None:
    person = await learner(house, tenant)
    await prefer(house, person, opted_out=True)
    with pytest.raises(Forbidden), kernel_errors("skill_inference"):
        await house.rpc.ExplainEstimate(explanation_pb2.ExplainEstimateRequest(person=person, skill=APIS))
