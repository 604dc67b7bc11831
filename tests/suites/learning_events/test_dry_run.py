"""A dry run says what would become of events, and leaves no trace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from deedlog.skill_inference.v1 import service_pb2_grpc, skill_inference_pb2
from services.learning_events.handlers import dry_run
from services.skill_inference.domain import sorting
from shared.kernel.clock import rfc3339
from shared.runtime.auth import ServiceTokenAuthenticator
from shared.runtime.grpc import RpcServer
from tests.suites.learning_events.house import TOKEN, House, Platform, identifier, statement
from tests.unit.learning_events.caliper_samples import ADA, QUIZ, caliper_event, entity, graded

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "https://lms.example/questions/1"
SCORED = {"score": {"scaled": 0.8}}


class InferenceDouble(service_pb2_grpc.SkillInferenceServiceServicer):
    """Knows what two activities show."""

    async def ListTouchedSkills(  # noqa: N802 - gRPC
        self, request: skill_inference_pb2.ListTouchedSkillsRequest, context: Any
    ) -> skill_inference_pb2.ListTouchedSkillsResponse:
        answer = skill_inference_pb2.ListTouchedSkillsResponse()
        for activity in sorted({QUESTION, QUIZ} & set(request.activities)):
            answer.activities.add(activity=activity, skills=["apis", "loops"])
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def inference() -> AsyncIterator[RpcServer]:
    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(TOKEN), name="skill_inference", grace_seconds=0.2)
    double = InferenceDouble()  # type: ignore[abstract]  # it is asked nothing else
    server.add(double, service_pb2_grpc.add_SkillInferenceServiceServicer_to_server)
    await server.start()
    yield server
    await server.stop()


@contextmanager
def asking(house: House, address: str) -> Iterator[None]:
    """Have skill_inference stand at this address meanwhile."""
    house.settings.rpc_addresses["skill_inference"] = address
    yield
    del house.settings.rpc_addresses["skill_inference"]


async def foreseen(platform: Platform, *items: Any) -> list[dict[str, Any]]:
    answer = await platform.send(items, "/v1/events:validate")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_it_says_what_would_become_of_each_and_leaves_no_trace(house: House, platform: Platform) -> None:
    kept = statement()
    await platform.post(kept)
    before = dict(house.identity.accounts)
    twice = statement("ben")
    other = statement(id=kept["id"], verb={"id": "https://x.example/x"})
    items = [statement("new"), kept, other, {}, caliper_event(), entity(), entity(), twice, twice]
    results = await foreseen(platform, *items)
    expected = ["stored", "duplicate", "conflict", "invalid", "stored", "stored", "duplicate", "stored", "duplicate"]
    assert [one["outcome"] for one in results] == expected
    assert results[3]["errors"]
    assert house.identity.accounts == before
    assert await house.counts(platform.organisation) == (1, 1)
    assert (await platform.get(f"/v1/events/{results[4]['id']}/original")).status_code == 404
    assert (await platform.get(f"/v1/events/{results[5]['id']}/original")).status_code == 404


async def test_it_says_whom_an_event_is_about(house: House, platform: Platform) -> None:
    person = house.identity.account(platform.organisation, identifier("ada")).person
    writer = house.platform(("write",), platform.organisation)
    known, new, robot = statement("ada"), statement("new"), caliper_event(actor={"id": "urn:x:y", "type": "Group"})
    told = [(one["is_about_person"], one["person"]) for one in await foreseen(platform, known, new, robot)]
    assert told == [(True, person), (True, None), (False, None)]
    assert [one["person"] for one in await foreseen(writer, known)] == [None]


async def test_it_says_which_skills_would_be_touched_and_else_why_none(
    house: House, platform: Platform, inference: RpcServer
) -> None:
    tester = house.platform(organisation=platform.organisation, is_test=True)
    scored = statement(result=SCORED)
    items = [
        scored,
        graded(),
        statement(),
        statement(result=SCORED, object={"id": "https://lms.example/other"}),
        statement(result={"score": {"raw": 3}}),
        statement(result=SCORED, object={"objectType": "Agent", "openid": ADA}),
        statement(result={"success": False}),
    ]
    with asking(house, f"127.0.0.1:{inference.port}"):
        results = await foreseen(platform, *items)
        (by_tester,) = await foreseen(tester, scored)
        await platform.post(scored)
        (again,) = await foreseen(platform, scored)
    aligned = ["apis", "loops"]
    assert [one["skills"] for one in results] == [aligned, aligned, [], [], [], [], aligned]
    assert [one["note"] is None for one in results] == [True, True, False, False, False, False, True]
    assert (by_tester["skills"], again["skills"]) == ([], [])
    assert "test" in by_tester["note"]


async def test_what_lies_ahead_of_the_clock_by_more_than_a_day_is_said_to_move_nothing(
    house: House, platform: Platform, inference: RpcServer
) -> None:
    now = datetime.now(UTC)
    hours = {"soon": 23, "later": 25}
    items = [statement(result=SCORED, timestamp=rfc3339(now + timedelta(hours=each))) for each in hours.values()]
    with asking(house, f"127.0.0.1:{inference.port}"):
        soon, later = await foreseen(platform, *items)
    assert (soon["skills"], soon["note"]) == (["apis", "loops"], None)
    assert (later["outcome"], later["skills"]) == ("stored", [])
    assert "more than a day ahead of our clock" in later["note"]
    assert dry_run.AHEAD_MAX == sorting.AHEAD_MAX, "what is foreseen is not what inference does"


async def test_it_answers_also_where_the_skills_cannot_be_asked(house: House, platform: Platform) -> None:
    (without_address,) = await foreseen(platform, statement(result=SCORED))
    with asking(house, "127.0.0.1:1"):
        (away,) = await foreseen(platform, statement(result=SCORED))
    for one in (without_address, away):
        assert (one["outcome"], one["skills"]) == ("stored", None)
        assert one["note"]


async def test_more_than_a_dry_run_takes_is_refused_and_the_bound_named(platform: Platform) -> None:
    assert len(await foreseen(platform, *[{}] * 500)) == 500
    answer = await platform.send([{}] * 501, "/v1/events:validate")
    assert answer.status_code == 413
    assert "500 items" in answer.json()["detail"]
